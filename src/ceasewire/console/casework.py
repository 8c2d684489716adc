"""A case as its page shows it: what each side says of each fact, the clocks in words, who said what when. Made of the JSON that every node
computes alike (spec/case.md), with the reader's clock beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..record.fields import Json, parse_time
from ..record.saying import stance_in_words
from . import charts, wording
from .wording import NONE, Value

_ELSEWHERE: Final = frozenset(
    {"language", "translations", "narrative", "links", "re", "respond_by", "press_intention", "press_time", "embargo"}
)
_ANSWER: Final = ("account", "orders", "discipline", "remedy", "remedy_by", "reason", "until", "publish", "new_respond_by", "joint_inquiry")
ANSWERS: Final = frozenset({"reply", "flash", "immediate", "priority"})
_FAR: Final = 30 * 86400  # what happened longer before it was notified is left out of the chart


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of the notification as it is in force: what it said before, how it changed, what each answering party says of it (agreed,
    disputed, or not in `views`), and what findings say."""

    name: str
    value: Value
    was: Value
    how: str
    views: Mapping[str, str]
    found: Sequence[tuple[str, str]] = ()


def answering(found: Mapping[str, Json], parties: Sequence[str]) -> list[str]:
    """Who answers a case (spec/case.md, rule 6); `parties` the slugs of those of the role party."""
    accused = (found["bodies"].get(found["ref"]) or {"body": {}})["body"].get("accused")
    if accused in parties and accused != found["by"]:
        return [accused]
    return [slug for slug in parties if slug != found["by"]]


def facts(found: Mapping[str, Json]) -> list[Fact]:
    """Every fact of the notification, those that are disputed first, then those that are agreed."""
    now, original = found["notification"], found["original"]
    sent = {name: value for name, value in {**now, **original}.items() if value is not None}
    rows = []
    for line in wording.lines("notification", {**sent, **now}):
        views = found["facts"].get(line.name, {})
        if line.name in _ELSEWHERE and not views:
            continue
        changed = line.name in original
        value, was = wording.field("notification", line.name, now), wording.field("notification", line.name, sent) if changed else NONE
        how = "" if not changed else "added" if was is NONE else "removed" if value is NONE else "corrected"
        rows.append(Fact(line.name, value, was, how, views, _found_on(found, line.name)))
    return sorted(rows, key=lambda row: (("disputed" not in row.views.values()), not row.views))


def denied_whole(found: Mapping[str, Json], parties: Sequence[str]) -> list[str]:
    """Those of the answering parties that denied a notification and said nothing of any single fact."""
    spoken = {slug for views in found["facts"].values() for slug in views}
    return [slug for slug in parties if (found["stances"].get(slug) or {"stance": ""})["stance"] == "denied" and slug not in spoken]


def _found_on(found: Mapping[str, Json], name: str) -> list[tuple[str, str]]:
    """What the findings that stand say of a fact: (agreed, ""), (disputed, by whom)."""
    told = []
    for one in found["findings"]:
        if one["withdrawn"]:
            continue
        if name in (one["agreed"] or ()):
            told.append(("agreed", ""))
        told += [("disputed", each["party"]) for each in one["disputed"] or () if name in each["fields"]]
    return told


# --- Both versions ---


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply of an answering party: its stance in sentences, what it says field by field, what withdrew it, what to read with care."""

    ref: str
    time: str
    stance: Sequence[tuple[str, tuple[str, ...]]]
    lines: Sequence[wording.Line]
    gone: str | None
    cares: Sequence[wording.Care] = ()


def answers(found: Mapping[str, Json], slug: str) -> list[Answer]:
    """What a party replied in a case: first what is its stance (rule 12), then the others, the newest first; void replies are none."""
    made = []
    for one in found["messages"]:
        message = found["bodies"].get(one["ref"])
        if one["by"] != slug or one["kind"] != "reply" or one["void"] or message is None:
            continue
        body = message["body"]
        stance = wording.stance_parts(body["stance"], stance_in_words(message, found["bodies"].get))
        lines = [wording.Line(name, wording.field("reply", name, body)) for name in _ANSWER if name in body]
        if not lines and "answers" in body:
            lines = [wording.Line("answers", wording.field("reply", "answers", body))]
        made.append(Answer(one["ref"], one["time"], stance, lines, one["withdrawn"], wording.cares(body)))
    stance = (found["stances"].get(slug) or {"ref": None})["ref"]
    made.reverse()
    return sorted(made, key=lambda one: one.ref != stance)


def questions(found: Mapping[str, Json]) -> list[dict[str, Any]]:
    """Each request with its questions, each with the texts of its answers."""
    return [
        {
            **one,
            "questions": [
                {**asked, "texts": [(ref, text) for ref in asked["answers"] for text in _texts(found, ref, asked["number"])]}
                for asked in one["questions"]
            ],
        }
        for one in found["requests"]
    ]


def _texts(found: Mapping[str, Json], ref: str, number: int) -> list[str]:
    body = (found["bodies"].get(ref) or {"body": {}})["body"]
    return [one["text"] for one in body.get("answers") or () if one["question"] == number]


# --- Clocks ---


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock of a case with how it stands at `now`: ended, waits, unbegun, running, late, press (nobody owes it), open (pressed on)."""

    one: Mapping[str, Json]
    how: str


def clocks(found: Mapping[str, Json], now: str) -> list[Clock]:
    """Every clock; of a case that is over only those that tell something. `now` as JSON writes a time."""
    dead = found["state"] == "withdrawn" or found["merged_into"]
    return [Clock(one, _how(one, now)) for one in found["clocks"] if not (dead and one["clock"] == "press")]


def _how(one: Mapping[str, Json], now: str) -> str:
    if one["clock"] == "press":
        return "unbegun" if one["due"] is None else "press" if now < one["due"] else "open"
    if one["ended"]:
        return "ended"
    behind = one.get("queued_behind")
    if one["due"] is None:
        return "waits" if behind else "unbegun"
    if behind and one["start"] > now:
        return "waits"
    return "late" if now > one["due"] else "running"


# --- The timeline ---


@dataclass(frozen=True, slots=True)
class Lane:
    """One party's marks on the time axis."""

    slug: str
    chart: Any
    count: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lanes over one axis; `happened` and `due` whether these lines are drawn."""

    lanes: Sequence[Lane]
    axis: Any
    happened: bool = False
    due: bool = False
    now: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: from the right to the left, the time, and how kinds, times and sentences read."""

    rtl: bool
    now: int
    titles: Mapping[str, str]
    tick: Any = field(repr=False)
    words: Any = field(repr=False)


def timeline(found: Mapping[str, Json], slugs: Sequence[str], reader: Reader) -> Timeline:
    """The lanes of those parties who spoke, and of the sides."""
    said = found["messages"]
    times = [parse_time(one["time"]) for one in said]
    began = _happened(found, times[0])
    dues = [(parse_time(one["due"]), "late" if parse_time(one["due"]) < reader.now else "due") for one in found["clocks"] if _is_open(one)]
    shown_now = bool(dues) and reader.now - times[-1] < _FAR
    every = [*times, *([began] if began else []), *(time for time, _ in dues), *([reader.now] if shown_now else [])]
    scale = charts.Scale.over(every, reader.rtl)
    lines = [*dues, *([(began, "happened")] if began else []), *([(reader.now, "now")] if shown_now else [])]
    lanes = []
    for slug in slugs:
        own = [one for one in said if one["by"] == slug]
        marks = charts.marks(own, reader.titles)
        lanes.append(Lane(slug, charts.strip(marks, scale, reader.words(len(own)), lines=lines), len(own)))
    axis = charts.axis(scale, [(time, reader.tick(time, scale)) for time in charts.ticks(scale)])
    return Timeline(lanes, axis, began is not None, bool(dues), shown_now)


def _is_open(one: Mapping[str, Json]) -> bool:
    """Whether an answer is awaited: what is due in weeks would press all that was said together."""
    return one["clock"] in ANSWERS and not one["ended"] and one["due"] is not None


def _happened(found: Mapping[str, Json], notified: int) -> int | None:
    """When what is reported began, if that is near enough to be drawn."""
    started = found["occurred_from"] and parse_time(found["occurred_from"])
    return started if started and notified - _FAR < started <= notified else None
