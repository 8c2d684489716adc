"""Status: each log, each line, and whatever needs a person. Needs no keys, and works beside a node that writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..errors import CODES
from ..record import fingerprint
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..tlog import merkle
from . import schedule
from .convictions import convictions, kinds_against
from .due import Due, due
from .flashes import attention
from .heard import Heard
from .schedule import Alarm, Facts, LogFacts, PartyFacts
from .suspended import suspended
from .view import View
from .withholding import standing_claims

DUE_SECONDS: Final = 86400


def status(view: View, now: int, closed: str | None) -> dict[str, Json]:
    """The channel, each log, each line, and whatever needs a person. `now` in POSIX seconds."""
    charter, facts = view.channel.charter, Heard(view).facts()
    overdue, coming = due(view, now, DUE_SECONDS)
    logs = {one.log: one for one in facts.logs}
    return {
        "channel": {
            "name": charter.name,
            "title": charter.title,
            "exercise": charter.exercise,
            "id": view.channel.channel_id.hex(),
            "fingerprint": fingerprint.words(view.channel.channel_id),
        },
        "party": view.channel.party(view.own).slug,
        "log": view.channel.logs[view.own].slug,
        "health": closed or "ok",
        "logs": [_log_status(view, number) | _check(logs.get(names.slug), facts, now) for number, names in view.channel.logs.items()],
        "lines": _lines(view, now),
        "watch": [_watch(party, facts, now) for party in facts.parties],
        "suspended": suspended(view, now),
        "flashes": attention(view, now),
        "overdue": list(overdue.first),
        "due_today": list(coming.first),
        "held": _held(view),
        "withheld": standing_claims(view, now),
        "alarms": [alarm.as_json() for alarm in _alarms(view, closed, facts, overdue, now)],
        "refused": _refused(view),
    }


def _check(log: LogFacts | None, facts: Facts, now: int) -> dict[str, Json]:
    """When the next line check of a log is due, and whether it is late."""
    due = schedule.check_due(log, facts.clocks.line_check) if log else None
    missed = log is not None and schedule.is_missed(log, facts.clocks.line_check, now)
    return {"line_check_due": None if due is None else show_time(due), "missed": missed}


def _watch(party: PartyFacts, facts: Facts, now: int) -> dict[str, Json]:
    """Who of a party was there last: its machine, and a person."""
    return {
        "party": party.party,
        "machine": None if party.machine is None else show_time(party.machine),
        "person": None if party.person is None else show_time(party.person),
        "nobody": schedule.is_unwatched(party, facts.clocks.watch, now),
    }


def _log_status(view: View, number: int) -> dict[str, Json]:
    state = view.store.states().get(number)
    size = state.size if state else 0
    covered = view.store.covered(number)
    by_party: dict[str, int] = {}
    witnesses: dict[str, int] = {}
    for by, reach in covered.items():
        group = by_party if by in view.channel.logs else witnesses
        if by in view.channel.logs and view.channel.party_of(by) == view.channel.party_of(number):
            continue  # what a party's own devices say to each other is no receipt
        name = view.channel.party(by).slug if by in view.channel.logs else view.channel.cosigner_name(by)  # by whichever device of theirs
        group[name] = max(reach, group.get(name, 0))
    kept = view.store.newest_checkpoint(number)
    return {
        "log": view.channel.logs[number].slug,
        "size": size,
        "root": (kept.root if kept else merkle.EMPTY_ROOT).hex(),
        "receipts": dict(sorted(by_party.items())),
        "unreceipted": {
            card.slug: size - by_party.get(card.slug, 0)
            for n, card in enumerate(view.channel.charter.parties)
            if n != view.channel.party_of(number) and size > by_party.get(card.slug, 0)
        },
        "witnesses": dict(sorted(witnesses.items())),
        "line_checks": _count_and_last(*view.last_of_kind(number, KINDS["line_check"])),
        "watch_checks": _count_and_last(*view.last_of_kind(number, KINDS["acknowledgement"], watch=True)),
        "frozen": state.frozen if state else None,
        "misconduct": kinds_against(view, number),
    }


def _count_and_last(count: int, last: int | None) -> dict[str, Json]:
    return {"count": count, "last": None if last is None else show_time(last)}


def _lines(view: View, now: int) -> list[dict[str, Json]]:
    peers = view.store.peers()
    found = []
    for number in view.channel.live_logs():
        if number != view.own:
            log, peer = view.channel.logs[number], peers.get(number)
            spoke = peer.spoke if peer else 0
            found.append(
                {
                    "peer": log.slug,
                    "spoke": show_time(spoke) if spoke else None,
                    "seconds_silent": max(0, now - spoke) if spoke else None,
                    "told": peer.told if peer else None,
                }
            )
    return found


def _held(view: View) -> list[dict[str, Json]]:
    return [
        {"log": view.channel.log_name(run.log), "from": run.start, "count": run.count, "code": run.code, "since": show_time(run.since)}
        for run in view.store.shelved(data=False)
    ]


def _alarms(view: View, closed: str | None, facts: Facts, overdue: Due, now: int) -> Iterator[Alarm]:
    """Whatever needs a person, the gravest first."""
    if closed:
        yield Alarm(closed, view.channel.logs[view.own].slug, None, CODES[closed].sentence)
    for state in view.store.states().values():
        if state.frozen:
            yield Alarm(state.frozen, view.channel.log_name(state.number), None, CODES[state.frozen].sentence)
    for log, (since, kinds) in convictions(view).items():
        yield Alarm(schedule.MISCONDUCT, view.channel.log_name(log), since, f"{schedule.ALARMS[schedule.MISCONDUCT]}: {', '.join(kinds)}")
    yield from schedule.alarms(facts, now)
    told: set[tuple[int, str]] = set()
    for run in view.store.shelved(data=False):
        if (run.log, run.code) not in told:  # one alarm a log and reason, however many runs wait
            told.add((run.log, run.code))
            yield Alarm(run.code, view.channel.log_name(run.log), run.since, CODES[run.code].sentence)
    if overdue.count:
        yield Alarm(schedule.OVERDUE, None, overdue.since, f"{schedule.ALARMS[schedule.OVERDUE]}: {overdue.count}")


def _refused(view: View) -> list[dict[str, Json]]:
    return [
        {"number": r.number, "time": show_time(r.time), "log": None if r.log is None else view.channel.log_name(r.log), "code": r.code}
        for r in view.store.refused(20, data=False)
    ]
