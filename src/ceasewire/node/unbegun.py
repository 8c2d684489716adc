"""Messages that ask us and whose receipt the record does not hold yet. A clock begins when a line check has written down that we received
the message, which may be half a day later (spec/case.md, "Clocks"); until then nothing in the record is due. Both sides hold our receipt
and its time all the same, so here it counts from that: no officer learns late of what came. The line check may write down a later receipt
of ours, and then more time is left than was told here, never less."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from ..record.bodies import COMMON
from ..record.case_asks import answering, asks, end_of
from ..record.case_fold import fold
from ..record.case_record import ASKING, Said, accused, precedence, said, seconds_of
from ..record.kinds import KINDS
from ..store.derived_interface import DerivedTables, Item, Wanted
from .table_record import TableRecord
from .view import Ref, View

LOOKED_AT: Final = 50  # messages of each kind, the newest; what is older and not begun stands among what came
_RESPOND_BY: Final = COMMON["respond_by"].number


def unbegun(view: View, tables: DerivedTables, record: TableRecord, own: int) -> Iterator[tuple[Item, int]]:
    """The messages of others that party `own` must answer and whose clock has not begun, each with the time, POSIX seconds, at which it
    will be due at the earliest: nobody has answered or withdrawn it."""
    for kind in ASKING:
        for item in islice(tables.items(Wanted(kind=kind, others=own, void=False, newest=True)), LOOKED_AT):
            if tables.clock(item.ref) is None and (due := _due(view, record, item.ref, own)) is not None:
                yield item, due


def _due(view: View, record: TableRecord, ref: Ref, own: int) -> int | None:
    one = record.placed(ref)
    if one is None or not asks(one, one.body()):
        return None
    asked = said(one, record.channel)
    received = _received(view, ref, own)
    if received is None or not _is_ours(record, asked, own) or _has_ended(record, asked):
        return None
    later = asked.body.get(_RESPOND_BY)
    due = received + seconds_of(record.charter(one), precedence(asked.body))
    return max(due, later) if isinstance(later, int) else due


def _is_ours(record: TableRecord, asked: Said, own: int) -> bool:
    if asked.kind == KINDS["notification"]:
        return own in accused(record.channel, asked.at, asked.body)
    return own in answering(record, asked)


def _has_ended(record: TableRecord, asked: Said) -> bool:
    ended = fold(record, asked.ref).ended if asked.kind == KINDS["notification"] else end_of(record, asked)
    return ended is not None


def _received(view: View, ref: Ref, own: int) -> int | None:
    """When a machine of ours receipted it."""
    found = [
        one.time for one in view.store.first_cosignatures(*ref) if one.by in view.channel.logs and view.channel.party_of(one.by) == own
    ]
    return min(found, default=None)
