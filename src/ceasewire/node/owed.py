"""What parties still owe each other: answers, by the record's clocks or counted from receipt, and flashes to be read and answered. The
inbox, its numbers, the page of the channel and the page of what we sent all take it from here. Read with a clock of our own; nothing of it
is part of the record.

A flash has no clock in the record (spec/case.md, "Clocks"). What the charter gives for an answer to one counts here from its receipt, which
both sides hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ..record.attention import Group
from ..record.case_asks import asks
from ..record.case_record import seconds_of
from ..record.channel import Channel
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..store.derived_interface import DerivedTables, Item
from . import flashes
from .derived import TIMED
from .table_record import TableRecord
from .unbegun import RESPOND_BY, Unbegun, answerers, begins, received, unbegun
from .view import Ref, View

MOST: Final = 100
_FAR: Final = 366 * 86400  # nothing is due later than that without being shown among what came lately
_WITHDRAWAL: Final = KINDS["withdrawal"]
TELLING: Final = frozenset({"we_have_ceased", "checking", "not_ours", "accident", "false_alarm"})
"""Phrases that ask for nothing: they are read, and most of them answer another flash. A phrase that this version does not know asks."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that awaits something: of parties `by` an answer, `due` in POSIX seconds, None while no machine of theirs is known to have
    it; `counted` how it counts if no clock of the record says so. Of a flash also `unread`, the parties of whom no person has said that
    they read it, and `refs`, the flashes for which the newest stands."""

    item: Item
    by: frozenset[int]
    due: int | None
    counted: Unbegun | None = None
    unread: frozenset[int] = frozenset()
    refs: tuple[Ref, ...] = ()

    @property
    def urgency(self) -> tuple[bool, int]:
        """What is looked at first sorts first: flashes that ask for an answer; then by the seconds in which it is due, or in which a flash
        that is only to be read was sent."""
        return not (self.refs and self.by), self.item.time if self.due is None else self.due

    def json(self, view: View, now: int) -> dict[str, Json]:
        """`respond_by`; `late`, whether that has passed; `unbegun`, of what has no clock in the record yet how it counts from receipt
        (unbegun.py), else null; `must_answer` and `must_read`, the parties that must; `repeats`, the flashes for which it stands."""
        return {
            "respond_by": None if self.due is None else show_time(self.due),
            "late": self.due is not None and self.due < now,
            "unbegun": self.counted and self.counted.json(view),
            "must_answer": [view.channel.slug(one) for one in sorted(self.by)],
            "must_read": [view.channel.slug(one) for one in sorted(self.unread)],
            "repeats": [view.name(*ref) for ref in self.refs],
        }


NOTHING: Final[dict[str, Json]] = {"respond_by": None, "late": False, "unbegun": None, "must_answer": [], "must_read": [], "repeats": []}
"""As `Owed.json`, of a message that awaits nothing."""


def owed(view: View, now: int, parties: frozenset[int]) -> list[Owed]:
    """What any of these parties owes, the first to fall due first, at most MOST. `now` in POSIX seconds."""
    groups = [group for group in flashes.groups(view, now) if group.sounds][: flashes.SHOWN_MOST]

    def found(tables: DerivedTables) -> list[Owed]:
        record = view.projection.record(tables)
        begun = islice(_begun(tables, record, now, parties), MOST)
        waiting = unbegun(view, tables, record, parties)
        counted = (Owed(item, one.parties & parties - {item.party}, one.due, one) for item, one in waiting)
        sounding = (one for group in groups if (one := _of_flash(view, tables, record, group, parties)))
        return sorted([*begun, *counted, *sounding], key=lambda one: one.urgency)[:MOST]

    return view.projection.ask(found, TIMED)


def our_owed(view: View, now: int) -> list[Owed]:
    """What our own party owes."""
    return owed(view, now, frozenset({view.channel.party_of(view.own)}))


def answers_to(view: View, now: int, refs: Iterable[Ref]) -> dict[Ref, Owed]:
    """Which of these messages still await an answer, and of whom."""
    wanted = list(refs)
    everybody = frozenset(range(len(view.channel.charter.parties)))
    groups = {group.raised.ref: group for group in flashes.groups(view, now) if group.raised}

    def found(tables: DerivedTables) -> dict[Ref, Owed]:
        record = view.projection.record(tables)
        told: dict[Ref, Owed] = {}
        for ref in wanted:
            one = _of_flash(view, tables, record, groups[ref], everybody) if ref in groups else _of_other(view, tables, record, ref)
            if one is not None and one.by:
                told[ref] = one
        return told

    return view.projection.ask(found, TIMED)


def _begun(tables: DerivedTables, record: TableRecord, now: int, parties: frozenset[int]) -> Iterator[Owed]:
    """What the clocks of the record say."""
    for ref in tables.overdue(now + _FAR):
        clock, item = tables.clock(ref), tables.item(ref)
        if clock and item and clock[1].due is not None and (by := answerers(record, ref) & parties - {item.party}):
            yield Owed(item, by, clock[1].due)


def _of_other(view: View, tables: DerivedTables, record: TableRecord, ref: Ref) -> Owed | None:
    item, clock = tables.item(ref), tables.clock(ref)
    if item is None:
        return None
    if clock:
        open_ = clock[1].ended is None and clock[1].due is not None
        return Owed(item, answerers(record, ref) - {item.party}, clock[1].due) if open_ else None
    counted = begins(view, tables, record, ref)
    if counted:
        return Owed(item, counted.parties - {item.party}, counted.due, counted)
    by = answerers(record, ref) - {item.party}
    one = record.placed(ref)
    unheard = one is not None and asks(one, one.body()) and received(view, ref, by) is None
    return Owed(item, by, None) if unheard else None


def _of_flash(view: View, tables: DerivedTables, record: TableRecord, group: Group, parties: frozenset[int]) -> Owed | None:
    """What the newest flash of a group that sounds still awaits of these parties."""
    raised = group.raised
    item = tables.item(raised.ref) if raised else None
    placed = record.placed(raised.ref) if raised else None
    if item is None or placed is None:
        return None
    answered = {one.party for one in flashes.answering(tables, group)}
    others = parties - {group.party} - answered  # who answers has read it
    withdrawn = any(one.party == group.party and one.kind == _WITHDRAWAL and one.void is None for one in tables.naming(item.ref))
    by = frozenset() if withdrawn else others & asked(view.channel, group.phrase)
    unread = others - group.read_by
    if not by and not unread:
        return None
    first = received(view, item.ref, by)
    due = max(first[0], item.time) + seconds_of(record.charter(placed), "flash") if first else None
    later = placed.body().get(RESPOND_BY)
    if due is not None and isinstance(later, int):  # whoever asks may give more time than the charter, never less
        due = max(due, later)
    return Owed(item, by, due, unread=unread, refs=tuple(one.ref for one in reversed(group.flashes)))


def asked(channel: Channel, phrase: str) -> frozenset[int]:
    """Which parties a flash asks for an answer, if it is not their own: those whose ceasefire it is, or the guarantors if it calls them."""
    if phrase in TELLING:
        return frozenset()
    role = "guarantor" if phrase == "guarantor_needed" else "party"
    return frozenset(n for n, card in enumerate(channel.charter.parties) if card.role == role)
