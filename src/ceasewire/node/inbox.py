"""What an officer's shift begins with: what awaits our answer, what came lately, and how far what we sent has got. Read with a clock of our
own; nothing of it is part of the record.

Received (a machine), read (a person) and answered (a party) are three things (DOMAIN, "Fields common to all"), and are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from ..record.case_asks import answering
from ..record.case_fold import asked_date
from ..record.case_record import accused, said
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..record.order import Placed
from ..record.saying import stance_in_words, summary
from ..store.derived_interface import DerivedTables, Item, Wanted
from .derived import TIMED
from .table_record import TableRecord
from .unbegun import unbegun
from .view import Ref, View

SHOWN_MOST: Final = 100
PAGE: Final = 50
LOGBOOK_MOST: Final = 500
_FAR: Final = 366 * 86400  # nothing is due later than that without being shown among what came lately
_QUIET: Final = (KINDS["line_check"],)
_NOTIFICATION, _REPLY, _READ = KINDS["notification"], KINDS["reply"], KINDS["acknowledgement"]


def awaiting(view: View, now: int) -> list[dict[str, Json]]:
    """The messages of others that our party must answer, the first to fall due first, at most SHOWN_MOST. Each as `_row`, with
    `respond_by` and `late`, whether that has passed. `now` in POSIX seconds."""
    owed = _owed(view, now)
    rows = {row["ref"]: row for row in rows_of(view, [item for item, _ in owed])}
    return [rows[view.name(*item.ref)] | {"respond_by": show_time(due), "late": due < now} for item, due in owed]


def count_awaiting(view: View, now: int) -> int:
    """How many `awaiting` lists."""
    return len(_owed(view, now))


def _owed(view: View, now: int) -> list[tuple[Item, int]]:
    own = view.channel.party_of(view.own)

    def found(tables: DerivedTables) -> list[tuple[Item, int]]:
        record = view.projection.record(tables)
        clocks = ((ref, tables.clock(ref)) for ref in tables.overdue(now + _FAR))
        owed = (
            (item, clock[1].due)
            for ref, clock in clocks
            if clock and clock[1].due is not None and _is_owed(record, ref, own) and (item := tables.item(ref))
        )
        begun = list(islice(owed, SHOWN_MOST))
        return sorted([*begun, *unbegun(view, tables, record, own)], key=lambda one: one[1])[:SHOWN_MOST]

    return view.projection.ask(found, TIMED)


def _is_owed(record: TableRecord, ref: Ref, own: int) -> bool:
    """Whether our party is among those who must answer a message that asks."""
    one = record.placed(ref)
    if one is None or record.channel.party_of(ref[0]) == own:
        return False
    if one.row.kind == _NOTIFICATION:
        return own in accused(record.channel, one, one.body())
    return own in answering(record, said(one, record.channel))


def received(view: View, *, kind: str | None = None, after: str | None = None) -> list[dict[str, Json]]:
    """What others sent, the newest first, one PAGE of it: void messages too, line checks not. `after` the last of the page before. Raises
    LocalError ref.missing."""
    own = view.channel.party_of(view.own)
    return _page(view, Wanted(others=own, without=_QUIET, newest=True), kind, after)


def sent(view: View, *, kind: str | None = None, after: str | None = None) -> list[dict[str, Json]]:
    """What our party sent, as `received`; each with `receipts`, `read_by` and `answered_by`: `{"by", "time"}`, and `ref` of an answer."""
    own = view.channel.party_of(view.own)
    rows = _page(view, Wanted(party=own, without=_QUIET, newest=True), kind, after)
    return [row | {"receipts": view.receipts(view.ref(row["ref"]))} | heard(view, row["ref"], own) for row in rows]


def logbook(view: View, since: int, until: int) -> list[dict[str, Json]]:
    """All that was said between two times, POSIX seconds, in record order, at most LOGBOOK_MOST: lines as `received`, with `receipts`."""
    wanted = Wanted(since=since, until=until)
    rows = rows_of(view, view.projection.ask(lambda tables: list(islice(tables.items(wanted), LOGBOOK_MOST))))
    return [row | {"receipts": view.receipts(view.ref(row["ref"]))} for row in rows]


def heard(view: View, name: str, own: int) -> dict[str, Json]:
    """Which persons of others read a message, and who answered it. Who only asks for a new date has not (spec/case.md, rule 13)."""

    def found(tables: DerivedTables) -> list[Item]:
        return [item for item in tables.naming(view.ref(name)) if item.party != own and item.void is None]

    naming = view.projection.ask(found)
    return {
        "read_by": _first(view, [item for item in naming if item.kind == _READ]),
        "answered_by": _first(view, _answers(view, [item for item in naming if item.kind == _REPLY])),
    }


def _answers(view: View, replies: Sequence[Item]) -> list[Item]:
    rows = {(one.log, one.index): one for one in view.store.at([item.ref for item in replies])}
    return [item for item in replies if asked_date(said(Placed(item.key, rows[item.ref]), view.channel)) is None]


def _first(view: View, items: Iterable[Item]) -> list[dict[str, Json]]:
    """Each party's first of these."""
    first: dict[int, Item] = {}
    for item in items:
        first.setdefault(item.party, item)
    return [{"by": view.channel.slug(party), "time": show_time(item.time), "ref": view.name(*item.ref)} for party, item in first.items()]


def _page(view: View, wanted: Wanted, kind: str | None, after: str | None) -> list[dict[str, Json]]:
    if kind is not None:
        wanted = replace(wanted, kind=KINDS[kind])
    if after is not None:
        wanted = replace(wanted, after=view.place(view.ref(after)))
    return rows_of(view, view.projection.ask(lambda tables: list(islice(tables.items(wanted), PAGE))))


def rows_of(view: View, items: Sequence[Item]) -> list[dict[str, Json]]:
    """Each message as a line of a list: `ref`, `kind`, `by`, `log`, `time`, `summary`, `body`, `void`, `exercise`, `precedence`, and
    `changed`: withdrawn or corrected since."""
    voids = {item.ref: item for item in items}
    placed = [Placed(voids[one.log, one.index].key, one) for one in view.store.at([item.ref for item in items])]
    found = {}
    for one in placed:
        message = view.message(one.row) | {"void": voids[one.row.log, one.row.index].void}
        found[message["ref"]] = message
    changed = view.changed_since(list(found))
    wanted = [found[view.name(*item.ref)] for item in items]
    return [_row(view, message, changed.get(message["ref"]), found) for message in wanted]


def _row(view: View, message: dict[str, Json], changed: str | None, found: dict[str, dict[str, Json]]) -> dict[str, Json]:
    body = message["body"]
    log = view.ref(message["ref"])[0]
    return {
        "ref": message["ref"],
        "kind": message["kind"],
        "by": view.channel.party(log).slug,
        "time": message["time"],
        "summary": summary(message["kind"], body, stance_in_words(message, found.get)),
        "body": body,
        "void": message["void"],
        "exercise": body.get("exercise") is True,
        "precedence": body.get("precedence") or ("flash" if message["kind"] == "flash" else "routine"),
        "changed": changed,
    }
