"""Status: each log, each line, and whatever needs a person. Needs no keys, and works beside a node that writes."""

from __future__ import annotations

from collections.abc import Iterable

from ..record import fingerprint
from ..record.case import Case, Cases
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..record.message import message_of
from ..record.values import Row
from ..tlog import merkle
from .view import View


def status(view: View, now: int, closed: str | None) -> dict[str, Json]:
    """The channel, each log, each line, and whatever needs a person. `now` in POSIX seconds."""
    charter = view.channel.charter
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
        "logs": [_log_status(view, number) for number in view.channel.logs],
        "lines": _lines(view, now),
        "overdue": _overdue(view, now),
        "held": _held(view),
        "alarms": _alarms(view, closed),
        "refused": _refused(view),
    }


def _log_status(view: View, number: int) -> dict[str, Json]:
    state = view.store.states().get(number)
    size = state.size if state else 0
    covered = view.store.covered(number)
    by_party: dict[str, int] = {}
    witnesses: dict[str, int] = {}
    for by, reach in covered.items():
        group = by_party if by in view.channel.logs else witnesses
        name = view.channel.cosigner_name(by)
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
        "line_checks": _last(view, number, KINDS["line_check"]),
        "watch_checks": _last_watch(view, number),
        "frozen": state.frozen if state else None,
    }


def _last(view: View, log: int, kind: int) -> dict[str, Json]:
    return _count_and_last(view.store.scan(kinds={kind}, log=log))


def _last_watch(view: View, log: int) -> dict[str, Json]:
    rows = view.store.scan(kinds={KINDS["acknowledgement"]}, log=log)
    return _count_and_last(one for one in rows if message_of(one).body.get(17) is True)


def _lines(view: View, now: int) -> list[dict[str, Json]]:
    peers = view.store.peers()
    found = []
    for number, log in view.channel.logs.items():
        if number != view.own:
            peer = peers.get(number)
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


def _overdue(view: View, now: int) -> list[dict[str, Json]]:
    folded = view.folded()
    return [folded.summary(case) for case in folded if _is_overdue(folded, case, now)]


def _held(view: View) -> list[dict[str, Json]]:
    return [
        {"log": view.channel.log_name(run.log), "from": run.start, "count": run.count, "code": run.code, "since": show_time(run.since)}
        for run in view.store.shelved(data=False)
    ]


def _alarms(view: View, closed: str | None) -> list[str]:
    frozen = [f"{view.channel.log_name(s.number)}: {s.frozen}" for s in view.store.states().values() if s.frozen]
    return ([closed] if closed else []) + frozen


def _refused(view: View) -> list[dict[str, Json]]:
    return [
        {"number": r.number, "time": show_time(r.time), "log": None if r.log is None else view.channel.log_name(r.log), "code": r.code}
        for r in view.store.refused(20, data=False)
    ]


def _count_and_last(rows: Iterable[Row]) -> dict[str, Json]:
    """How many rows, and the time of the last, one at a time."""
    count, last = 0, None
    for count, last in enumerate(rows, 1):  # noqa: B007 - what the last turn leaves is what is asked for
        pass
    return {"count": count, "last": show_time(last.time) if last else None}


def _is_overdue(folded: Cases, case: Case, now: int) -> bool:
    return bool(case.received and case.answered is None and case.received[0] + folded.reply_seconds(case) < now)
