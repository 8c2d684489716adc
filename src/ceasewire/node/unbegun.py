"""Messages that ask and whose receipt the record does not hold yet. A clock begins when a line check has written down that whoever must
answer received the message, which may be half a day later (spec/case.md, "Clocks"); until then nothing in the record is due. Both sides
hold the receipt and its time all the same, so here it counts from that: no officer learns late of what came, and both sides' pages say the
same of it. The line check may write down a later receipt, and then more time is left than was told here, never less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ..record.bodies import COMMON
from ..record.case_asks import answering, asks, end_of
from ..record.case_fold import fold
from ..record.case_record import ASKING, Said, accused, precedence, said, seconds_of
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..store.derived_interface import DerivedTables, Item, Wanted
from .derived import TIMED
from .table_record import TableRecord
from .view import Ref, View

LOOKED_AT: Final = 50  # messages of each kind, the newest; what is older and not begun stands among what came
RESPOND_BY: Final = COMMON["respond_by"].number
_NOTIFICATION: Final = KINDS["notification"]


@dataclass(frozen=True, slots=True)
class Unbegun:
    """A message that asks, nobody has answered or withdrawn it, and its clock has not begun: the parties that must answer, the one of them
    whose machine received it first, when, and when it is due counted from that; POSIX seconds."""

    parties: frozenset[int]
    by: int
    received: int
    due: int

    def json(self, view: View) -> dict[str, Json]:
        """`by` (a slug), `received`, `due`."""
        return {"by": view.channel.slug(self.by), "received": show_time(self.received), "due": show_time(self.due)}


def unbegun(view: View, tables: DerivedTables, record: TableRecord, parties: frozenset[int]) -> Iterator[tuple[Item, Unbegun]]:
    """The messages that any of these parties must answer and whose clock has not begun, each with how it counts."""
    others = next(iter(parties)) if len(parties) == 1 else None  # of one party its own messages are not looked through
    for kind in ASKING:
        for item in islice(tables.items(Wanted(kind=kind, others=others, void=False, newest=True)), LOOKED_AT):
            found = begins(view, tables, record, item.ref)
            if found is not None and parties & found.parties - {item.party}:
                yield item, found


def cases(view: View, tables: DerivedTables, record: TableRecord) -> dict[Ref, Unbegun]:
    """The notifications, of the newest, whose clock has not begun."""
    newest = islice(tables.items(Wanted(kind=_NOTIFICATION, void=False, newest=True)), LOOKED_AT)
    return {item.ref: found for item in newest if (found := begins(view, tables, record, item.ref)) is not None}


def begins(view: View, tables: DerivedTables, record: TableRecord, ref: Ref) -> Unbegun | None:
    """How a message stands whose clock has not begun; None if its clock has, or it asks for nothing, or asks no more, or no machine of
    whoever must answer has it."""
    if tables.clock(ref) is not None:
        return None
    one = record.placed(ref)
    if one is None or not asks(one, one.body()):
        return None
    asked = said(one, record.channel)
    parties = answerers(record, ref)
    first = received(view, ref, parties)
    if first is None or _has_ended(record, asked):
        return None
    since, by = max(first[0], one.row.time), first[1]  # as the record will count it, if a line check writes this receipt down
    later = asked.body.get(RESPOND_BY)
    due = since + seconds_of(record.charter(one), precedence(asked.body))
    return Unbegun(parties, by, since, max(due, later) if isinstance(later, int) else due)


def waiting(view: View, refs: Iterable[Ref]) -> dict[str, dict[str, Json]]:
    """Those of these messages that `begins` tells of, by their names."""

    def found(tables: DerivedTables) -> dict[str, dict[str, Json]]:
        record = view.projection.record(tables)
        each = {ref: begins(view, tables, record, ref) for ref in dict.fromkeys(refs)}
        return {view.name(*ref): one.json(view) for ref, one in each.items() if one is not None}

    return view.projection.ask(found, TIMED)


def answerers(record: TableRecord, ref: Ref) -> frozenset[int]:
    """The parties that must answer a message that asks."""
    one = record.placed(ref)
    if one is None:
        return frozenset()
    if one.row.kind == _NOTIFICATION:
        return frozenset(accused(record.channel, one, one.body()))
    return answering(record, said(one, record.channel))


def _has_ended(record: TableRecord, asked: Said) -> bool:
    ended = fold(record, asked.ref).ended if asked.kind == _NOTIFICATION else end_of(record, asked)
    return ended is not None


def received(view: View, ref: Ref, parties: frozenset[int]) -> tuple[int, int] | None:
    """When a machine of any of these parties receipted it first, and whose."""
    channel = view.channel
    found = [
        (one.time, channel.party_of(one.by))
        for one in view.store.first_cosignatures(*ref)
        if one.by in channel.logs and channel.party_of(one.by) in parties
    ]
    return min(found, default=None)
