"""The bulletin of a period: a function of the record alone, so that every side's node computes the same bytes. docs/bulletin.md.

No clock and no viewer: what it says is settled by the period and by the cut, the sizes and roots of the logs that it was computed from.
What is an exercise and what is actual never share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..errors import LocalError
from ..record.notation import Json, parse_time, show_time
from . import counts, line
from .facts import Alleged, Channel, Cut, Facts, Message, Period, Said, gather, refs
from .texts import LANGUAGES, NOTES, TEXTS

VERSION: Final = 1
_NOT_LOOKED: Final = ("F1", "F2")  # access denied, monitor fired on
_FOLLOWED: Final = ("started", "finished", "cancelled")


def make(
    channel: Channel,
    period: Period,
    said: Iterable[Said],
    cases: Sequence[line.Case],
    cuts: Sequence[Cut],
    *,
    exercise: bool,
    lang: str,
    last: int = 0,
) -> dict[str, Json]:
    """The bulletin as JSON. `said` and `last`: see facts.gather; `cases` are all summaries. Raises LocalError usage for a period or a
    language that cannot be."""
    if period.end <= period.start:
        raise LocalError("usage", "--to is a time after --from")
    if lang not in TEXTS:
        raise LocalError("usage", f"--lang is one of {', '.join(LANGUAGES)}")
    text = TEXTS[lang]
    facts = gather(channel, period, said, exercise=exercise, last=last)
    found = Alleged(facts, historical=False)
    own_line = exercise is channel.exercise  # the line's health is told once, in the bulletin that is the channel's own
    return {
        "bulletin": VERSION,
        "language": lang,
        "title": f"{text['title']}: {channel.head['title']}",
        "mark": text["exercise"] if exercise else text["actual"],
        "exercise": exercise,
        "channel": dict(channel.head),
        "parties": [{"slug": slug, **party} for slug, party in channel.parties.items()],
        "zones": [{"id": zone, "name": name} for zone, name in channel.zones.items()],
        "period": {**period.as_json(), "before": period.before.as_json(), "time_zone": "UTC"},
        "cut": [{"log": cut.log, "size": cut.size, "root": cut.root} for cut in cuts],
        "notes": [text[name] for name in NOTES],
        "where_we_could_not_look": not_looked(facts, text),
        "nil_return": not found.now,
        "says": [text["nil"]] if not found.now else [],
        "notified": counts.notified(facts, found, text),
        "by_type": counts.by_type(found),
        "by_sector": counts.by_sector(found, channel.zones),
        "by_direction": counts.by_direction(found),
        "casualties": counts.casualties(found),
        "notices": notices(facts),
        "line": line.health(facts, cuts) if own_line else None,
        "watch": line.watches(facts, min(channel.owing.values(), default=facts.end)) if own_line else None,
        "answers": line.answers(facts, cases),
        "open_cases": line.open_cases(facts, cases),
        "corrections_and_withdrawals": line.changes(facts),
        "historical": _historical(facts, text),
        "not_counted": {"void": facts.void, "actual" if exercise else "exercise": facts.other},
    }


def _historical(facts: Facts, text: Mapping[str, str]) -> dict[str, Json]:
    found = Alleged(facts, historical=True)
    rows = [row for row in counts.notified(facts, found, text) if row["count"] or row["before"]]
    return {"notified": rows, "by_type": counts.by_type(found), "casualties": counts.casualties(found)}


def not_looked(facts: Facts, text: Mapping[str, str]) -> list[dict[str, Json]]:
    """Who refused access by a finding, what was notified of the mechanism's own hindrance, and when a party held the line suspended."""
    rows: list[dict[str, Json]] = []
    for one in facts.within("finding", "notification"):
        if one.ref in facts.withdrawn:
            continue
        for slug in one.body.get("access_refused_by") or ():
            says = text["refused"].format(party=facts.channel.parties[slug]["name"])
            rows.append(_row(one, "access_refused", accused=slug, says=says))
        for kind in _NOT_LOOKED:
            if one.kind == "notification" and kind in (one.body.get("types") or ()) and not one.body.get("historical"):
                rows.append(_row(one, kind, accused=one.body.get("accused"), place=one.body.get("place")))
    return rows + _suspensions(facts, text)


def _row(one: Message, what: str, **more: Json) -> dict[str, Json]:
    return {"what": what, "by": one.by, "ref": one.ref, "time": show_time(one.time), **more}


def _suspensions(facts: Facts, text: Mapping[str, str]) -> list[dict[str, Json]]:
    """Suspensions that touch the period: each from its start to its stated end, or until its party resumes or suspends anew."""
    spans: list[tuple[Message, int, int | None]] = []
    running: dict[str, int] = {}  # party -> place of its newest suspension in spans
    for one in facts.of("channel_status"):
        status = one.body.get("status")
        if status not in ("suspension", "resumption") or one.ref in facts.withdrawn:
            continue
        begins = _seconds(one.body.get("from"), one.time)
        if one.by in running:
            last, start, until = spans[running[one.by]]
            spans[running[one.by]] = last, start, begins if until is None else min(until, begins)
            del running[one.by]
        if status == "suspension":
            running[one.by] = len(spans)
            spans.append((one, begins, _seconds(one.body.get("until"), None)))
    return [
        _row(
            one,
            "suspension",
            **{"from": show_time(start), "until": None if until is None else show_time(until)},
            reason=one.body.get("reason"),
            says=text["suspended"].format(party=facts.channel.parties[one.by]["name"]),
        )
        for one, start, until in spans
        if start < facts.period.end and (until is None or until > facts.period.start) and (until is None or until > start)
    ]


def _seconds(text: Any, otherwise: Any) -> Any:
    return otherwise if text is None else parse_time(text)


def notices(facts: Facts) -> list[dict[str, Json]]:
    """Notices of activities whose window touches the period or that were spoken of in it, and what is said to have come of them."""
    plans: dict[str, dict[str, Json]] = {}
    touched: set[str] = set()
    for one in facts.of("notice"):
        if one.ref in facts.withdrawn:
            continue
        phase = one.body.get("phase") or "planned"
        for ref in refs(one.body) if phase in _FOLLOWED else ():
            if ref in plans and plans[ref]["by"] == one.by:
                plans[ref][phase] = show_time(one.time)
                touched |= {ref} if facts.period.holds(one.time) else set()
        if phase == "planned":
            plans[one.ref] = _plan(one)
            start, end = _seconds(one.body.get("window_from"), one.time), _seconds(one.body.get("window_to"), one.time)
            if facts.period.holds(one.time) or (start < facts.period.end and end >= facts.period.start):
                touched.add(one.ref)
    return [plan for ref, plan in plans.items() if ref in touched]


def _plan(one: Message) -> dict[str, Json]:
    names = ("activity", "area", "zone_id", "window_from", "window_to")
    return {"ref": one.ref, "by": one.by, **{name: one.body.get(name) for name in names}, **dict.fromkeys(_FOLLOWED)}
