"""How the line itself was: sent, held, overdue, line checks missed, hours without a person. All of it from the record. docs/bulletin.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from .. import limits
from ..record.notation import Json, parse_time, show_time
from .facts import Cut, Facts, refs

Case = Mapping[str, Any]  # a summary as `ceasewire cases` lists it
_ENDED: Final = frozenset({"closed", "withdrawn"})
_HOUR: Final = 3600


def health(facts: Facts, cuts: Sequence[Cut]) -> list[dict[str, Json]]:
    """Of each log: what it sent in the period, of that what each other party was shown to hold by the end, line checks and misses."""
    return [_log(facts, cut) for cut in cuts]


def _log(facts: Facts, cut: Cut) -> dict[str, Json]:
    sent = [(index, kind) for index, time, kind in facts.sent.get(cut.log, ()) if facts.period.holds(time)]
    indexes = sorted(index for index, _ in sent)
    own = facts.channel.party_of[cut.log]
    checks = [one.time for one in facts.of("line_check") if one.log == cut.log]
    return {
        "log": cut.log,
        "party": own,
        "sent": len(sent),
        "by_kind": dict(sorted(Counter(kind for _, kind in sent).items())),
        "receipted": {slug: sum(index < held for index in indexes) for slug, held in sorted(cut.held.items()) if slug != own},
        "line_checks": sum(facts.period.holds(time) for time in checks),
        "line_checks_missed": _missed(facts, checks, facts.channel.owing.get(cut.log)),
    }


def _missed(facts: Facts, checks: Iterable[int], since: int | None) -> int | None:
    """How many line checks did not come in the period; None for a log that owes none. A check may come as late as clocks may differ."""
    clock = facts.channel.clocks["line_check"]
    if since is None or not clock:
        return None
    late = min(limits.CLOCK_TOLERANCE_SECONDS, clock)

    def due(after: int, by: int) -> int:
        """How many checks that were due after one had not come by a time."""
        return max(0, -(-(by - late - after) // clock) - 1)

    times = [since, *sorted(time for time in checks if since <= time < facts.end), facts.end]
    spans = [(after, max(after, facts.period.start), then) for after, then in pairwise(times)]
    return sum(due(after, then) - due(after, start) for after, start, then in spans if then > start)


def watches(facts: Facts, first: int) -> list[dict[str, Json]]:
    """Of each party that stands watch: a person's watch checks, and the hours (whole ones) beyond the charter's watch after the last.
    `first` is when the record began."""
    clock, found = facts.channel.clocks["watch"], []
    for slug, party in facts.channel.parties.items():
        if party["role"] != "party":
            continue
        times = sorted(one.time for one in facts.of("acknowledgement") if one.by == slug and one.body["watch"])
        without = _without(facts, [first, *times], clock, first) if clock else None
        row = {"party": slug, "watch_checks": sum(facts.period.holds(time) for time in times)}
        last = show_time(times[-1]) if times else None
        found.append({**row, "last": last, "hours_without_a_person": None if without is None else without // _HOUR})
    return found


def _without(facts: Facts, times: Sequence[int], clock: int, first: int) -> int:
    """Seconds of the period, after the record began, that lie in no watch."""
    start, end = max(facts.period.start, first), facts.end
    watched, until = 0, start
    for time in times:
        begin, over = max(time, until), min(time + clock, end)
        if over > begin:
            watched, until = watched + over - begin, over
    return max(0, end - start - watched)


def answers(facts: Facts, cases: Iterable[Case]) -> list[dict[str, Json]]:
    """Of each notifying party, of what it notified in the period: proved received, answered and overdue at its end. What is historical or
    merged into another case asks for nothing."""
    rows = {slug: Counter[str]() for slug, party in facts.channel.parties.items() if party["role"] != "observer"}
    for case in _counted(facts, cases):
        row = rows.setdefault(case["by"], Counter())
        row["overdue"] += is_overdue(facts, case)
        if facts.period.holds(parse_time(case["time"])):
            row["notified"] += 1
            row["received"] += bool(case["received"]) and parse_time(case["received"]["time"]) < facts.period.end
            row["answered"] += case["answered"] is not None and parse_time(case["answered"]) < facts.period.end
    names = ("notified", "received", "answered", "overdue")
    return [{"by": slug, **{name: row[name] for name in names}} for slug, row in rows.items()]


def _counted(facts: Facts, cases: Iterable[Case]) -> list[Case]:
    """Cases begun before the end that ask for something."""
    return [
        case
        for case in cases
        if case["exercise"] is facts.exercise
        and not case.get("historical")
        and not case.get("merged_into")
        and parse_time(case["time"]) < facts.period.end
    ]


def is_overdue(facts: Facts, case: Case) -> bool:
    """Whether the answer was due before the end of the period and had not come by then, as far as the record reaches."""
    if case["state"] == "closed" or case["respond_by"] is None or parse_time(case["respond_by"]) >= facts.end:
        return False
    withdrawn = case["ref"] in facts.withdrawn
    return not withdrawn and (case["answered"] is None or parse_time(case["answered"]) >= facts.period.end)


def open_cases(facts: Facts, cases: Iterable[Case]) -> list[dict[str, Json]]:
    """Cases begun before the end of the period that the record up to the cut leaves open."""
    names = ("ref", "by", "time", "state", "types", "place", "accused", "respond_by", "answered")
    return [
        {**{name: case.get(name) for name in names}, "overdue": is_overdue(facts, case)}
        for case in _counted(facts, cases)
        if case["state"] not in _ENDED
    ]


def changes(facts: Facts) -> list[dict[str, Json]]:
    """Corrections and withdrawals of the period, in record order."""
    return [
        {
            "ref": one.ref,
            "kind": one.kind,
            "by": one.by,
            "time": show_time(one.time),
            "re": refs(one.body),
            "fields": sorted([*(one.body.get("fields") or ()), *(one.body.get("removed") or ())]),
            "reason": one.body.get("reason"),
        }
        for one in facts.within("correction", "withdrawal")
    ]
