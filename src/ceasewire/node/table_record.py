"""The record as the fold of a case reads it (`record.case_record.Record`), over the store and its derived tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..record.bodies_incident import NOTIFICATION
from ..record.case_record import Received
from ..record.casebook import suspend
from ..record.channel import Channel
from ..record.charter import Charter
from ..record.clocks import Clock, Span, Suspensions
from ..record.kinds import KINDS
from ..record.message import EXERCISE, Body
from ..record.notices import Match, Notices, span_of
from ..record.order import Placed, RefTuple
from ..record.values import Row
from ..store.derived_interface import DerivedTables, Item, Wanted
from ..store.interface import Store
from .asks import read_ask

_READ_MOST: Final = 8_000  # messages that are read for one transaction, but for what one case has more
_KEPT: Final = 20_000  # messages that one record remembers; a case of more is read again
_NOTICE, _WITHDRAWAL, _STATUS = KINDS["notice"], KINDS["withdrawal"], KINDS["channel_status"]


class TableRecord:
    """See the module's text. It is good for one block of the tables. `governs` gives the charter in force for an entry."""

    def __init__(self, channel: Channel, store: Store, tables: DerivedTables, governs: Callable[[Row], Charter]) -> None:
        self._channel = channel
        self._store = store
        self._tables = tables
        self._governs = governs
        self._known: dict[RefTuple, Placed] = {}
        self._spans: dict[bool, list[Span]] = {}

    @property
    def channel(self) -> Channel:
        """The channel whose record it is."""
        return self._channel

    def read(self, refs: Iterable[RefTuple]) -> list[RefTuple]:
        """Read the first of these messages and what belongs to the cases they begin, all at once, for the questions that follow. As many
        as do not take long together, at least one; they are given back."""
        found: dict[RefTuple, Item] = {}
        taken: list[RefTuple] = []
        count = 0
        for ref in refs:
            members = self._tables.members(ref)
            count += 1 + len(members)
            if taken and count > _READ_MOST:
                break
            taken.append(ref)
            item = self._tables.item(ref)
            if item:
                found[ref] = item
                found.update((one.ref, one) for one in members)
        self._load(found.values())
        return taken

    def _load(self, items: Iterable[Item]) -> list[Placed]:
        wanted = list(items)
        missing = {item.ref: item for item in wanted if item.ref not in self._known}
        if missing and len(self._known) + len(missing) > _KEPT:
            self._known.clear()
            missing = {item.ref: item for item in wanted}
        for row in self._store.at(list(missing)) if missing else ():
            item = missing[row.log, row.index]
            self._known[item.ref] = Placed(item.key, row if row.void == item.void else replace(row, void=item.void))
        return [self._known[item.ref] for item in wanted]

    # --- case_record.Record ---

    def placed(self, ref: RefTuple) -> Placed | None:
        """See Record."""
        if ref not in self._known:
            item = self._tables.item(ref)
            if item is None:
                return None
            self._load([item])
        return self._known[ref]

    def members(self, key: RefTuple) -> list[Placed]:
        """See Record."""
        return self._load(self._tables.members(key))

    def naming(self, ref: RefTuple) -> list[Placed]:
        """See Record."""
        return self._load(self._tables.naming(ref))

    def receipts(self, ref: RefTuple) -> list[Received]:
        """See Record."""
        return sorted(Received(proof.place, proof.party, proof.time) for proof in self._tables.receipts(ref))

    def charter(self, one: Placed) -> Charter:
        """See Record."""
        return self._governs(one.row)

    def began(self) -> int:
        """See Record."""
        first = next(self._tables.items(Wanted()), None)
        return first.time if first else 0

    def matches(self, one: Placed, body: Body) -> list[Match]:
        """See Record. Notices whose time is another, and what ends them, make no difference to a notification."""
        if not isinstance(body.get(NOTIFICATION["occurred_from"].number), int):
            return []
        near = self._tables.notices(body[EXERCISE] is True, *span_of(one.place, body))
        if not near:
            return []
        notices = Notices()
        named_by = {item.ref: item for ref in near for item in (self._tables.item(ref), *self._tables.naming(ref)) if item}
        for other in sorted(self._load(named_by.values()), key=lambda other: other.place):
            party = self._channel.party_of(other.row.log)
            if other.row.kind == _NOTICE:
                notices.feed_notice(other.place, party, other.body())
            elif other.row.kind == _WITHDRAWAL:
                notices.feed_withdrawal(other.place, party, other.body())
        return notices.matches(one.place, body)

    def suspensions(self, exercise: bool) -> Sequence[Span]:
        """See Record."""
        if exercise not in self._spans:
            found = (Suspensions(), Suspensions())
            for one in self._load(self._tables.items(Wanted(kind=_STATUS, void=False))):
                if self._channel.party(one.row.log).role != "observer":
                    body = one.body()
                    suspend(found[body[EXERCISE] is True], self._channel.party_of(one.row.log), one, body)
            self._spans = {False: found[False].spans, True: found[True].spans}
        return self._spans[exercise]

    def clock(self, ref: RefTuple) -> Clock | None:
        """See Record."""
        found = self._tables.clock(ref)
        if found is None:
            return None
        value, kept = found
        return Clock(read_ask(ref, value), kept.start, kept.due, kept.behind)
