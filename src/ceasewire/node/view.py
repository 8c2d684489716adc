"""Reading: everything that a node shows of its store, as JSON (INTERFACE). Needs no keys, and works beside a node that writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from typing import Final

from .. import limits
from ..errors import LocalError, PeerError
from ..exchange.bundle import Run
from ..record import case_shown, changes
from ..record.case_fold import fold
from ..record.channel import Channel
from ..record.charter import Charter
from ..record.fields import Json, Wrong, parse_ref, show_time
from ..record.kinds import KINDS, kind_name, show_body
from ..record.message import message_of, row
from ..record.opening import opening_of
from ..record.order import Placed, seen_of
from ..record.saying import named_by
from ..record.values import Cosignature, Row
from ..store.derived_interface import DerivedTables, Item, OrderKey, Wanted
from ..store.interface import KeptCheckpoint, Store
from ..tlog import checkpoint as checkpoints
from ..tlog import merkle, tiles
from ..tlog.note import SignatureLine
from .asking import kind_of, log_of, party_of, phrases_of
from .derived import SUMMED_UP, TIMED, Projection, faces_of
from .reviewing import Reviews
from .table_record import TableRecord

_AT_ONCE: Final = 256  # rows that a list reads at a time
_CHANGING: Final = frozenset({KINDS["withdrawal"], KINDS["correction"]})
_WAS: Final = ("was", "now")

Ref = tuple[int, int]


class View:
    """One channel's store, read."""

    def __init__(self, store: Store, channel: Channel, own: int) -> None:
        self.store = store
        self.channel = channel
        self.own = own

    # --- Trees and checkpoints ---

    def node_reader(self, log: int) -> merkle.NodeReader:
        """Hashes of any perfect subtree of a log."""
        return tiles.node_reader(partial(self.store.hashes, log))

    def root(self, log: int, size: int) -> bytes:
        """The root of the log's first `size` entries, all of which are held."""
        return merkle.root_of(self.node_reader(log), size)

    def checkpoint(self, kept: KeptCheckpoint) -> checkpoints.Checkpoint:
        """The checkpoint of what the store keeps of it."""
        return checkpoints.Checkpoint(self.channel.logs[kept.log].origin, kept.size, kept.root)

    def line(self, cosignature: Cosignature) -> SignatureLine | None:
        """The cosignature as a line of a note; None if its key is not one of this channel's."""
        key = self.channel.cosigner_key(cosignature.by, cosignature.kind)
        blob = cosignature.time.to_bytes(8, "big") + cosignature.signature
        return SignatureLine(key.name, key.key_id, blob) if key else None

    def note(self, kept: KeptCheckpoint, unknown: Collection[int] = ()) -> checkpoints.SignedCheckpoint:
        """The signed checkpoint with the cosignatures held over it, one a key; where a note has no room for all, our own come first, then
        those of logs that nothing replaced, then Ed25519. Those of logs `unknown` to its reader are left out."""
        checkpoint = self.checkpoint(kept)
        own = checkpoints.SignedCheckpoint.parse(checkpoint.text().encode() + b"\n" + kept.lines).lines
        earliest: dict[tuple[int, int], Cosignature] = {}
        for one in self.store.cosignatures(kept.log, kept.size):
            if one.by not in unknown:
                earliest.setdefault((one.by, one.kind), one)
        room, live = limits.NOTE_SIGNATURES - len(own), {*self.channel.live_logs(), *range(-len(self.channel.witnesses), 0)}
        chosen: Collection[Cosignature] = earliest.values()
        if len(earliest) > room:
            chosen = sorted(chosen, key=lambda one: (one.by != self.own, one.by not in live, one.kind))
        found = [line for one in chosen if (line := self.line(one))]
        return checkpoints.SignedCheckpoint(checkpoint, (*own, *found[:room]))

    def proved(self, written: Cosignature) -> bool:
        """Whether a cosignature that a line check writes down verifies over the log as it is held here."""
        key = self.channel.cosigner_key(written.by, written.kind)
        state = self.store.states().get(written.log)
        line = self.line(written)
        if key is None or line is None or state is None or written.size > state.size:
            return False
        kept = self.store.checkpoint(written.log, written.size)
        root = kept.root if kept else self.root(written.log, written.size)
        try:
            checkpoints.verify(checkpoints.Checkpoint(self.channel.logs[written.log].origin, written.size, root), line, key)
        except PeerError:
            return False
        return True

    # --- Messages ---

    def ref(self, text: str) -> Ref:
        """Log number and index of `north/12`. Raises LocalError ref.malformed."""
        try:
            return parse_ref(text, self.channel)
        except Wrong as wrong:
            raise LocalError("ref.malformed", f"{wrong}, not {text}") from None

    def row(self, ref: Ref) -> Row:
        """The row of a reference, as it was admitted. Raises LocalError ref.missing."""
        found = self.store.row(*ref)
        if found is None:
            raise LocalError("ref.missing", f"There is no such message here: {self.name(*ref)}")
        return found

    def marked(self, ref: Ref) -> Row:
        """The row of a reference with the code it bears in the record, `log.replaced` included. Raises LocalError ref.missing."""
        one = self.row(ref)
        item = self.projection.ask(lambda tables: tables.item(ref))
        return one if item is None or item.void == one.void else replace(one, void=item.void)

    def name(self, log: int, index: int) -> str:
        """`north/12`."""
        return f"{self.channel.log_name(log)}/{index}"

    def message(self, one: Row) -> dict[str, Json]:
        """One message as `list` shows it."""
        body = show_body(one.kind, message_of(one).body, self.channel)
        return {
            "ref": self.name(one.log, one.index),
            "kind": kind_name(one.kind),
            "time": show_time(one.time),
            "body": body,
            "void": one.void,
        }

    def messages(
        self,
        *,
        kind: str | None = None,
        log: str | None = None,
        party: str | None = None,
        since: int | None = None,
        until: int | None = None,
        void: bool | None = None,
        case: str | None = None,
        search: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Json]]:
        """Messages in record order, filtered: all that is given must hold. `since` and `until` in POSIX seconds, both inclusive; `void`
        only those that are, or are not; `case` only what belongs to the case of that message; `search` as `asking.phrases_of`; `after`
        only what follows that message. Raises LocalError usage, ref.malformed, ref.missing before the first."""
        if limit is not None and limit < 0:
            raise LocalError("usage", "a limit is a number from 0 on")
        phrases, prefix = phrases_of(search) if search is not None else ([], True)
        wanted = Wanted(
            kind=None if kind is None else kind_of(kind),
            log=None if log is None else log_of(self.channel, log),
            party=None if party is None else party_of(self.channel, party),
            since=since,
            until=until,
            void=void,
            case=None if case is None else self.case_key(self.ref(case)),
            after=None if after is None else self.place(self.ref(after)),
            search=phrases,
            prefix=prefix,
        )
        return map(self.message, self._rows(wanted, limit))

    def place(self, ref: Ref) -> OrderKey:
        """Where a message stands in record order. Raises LocalError ref.missing."""
        item = self.projection.ask(lambda tables: tables.item(ref))
        if item is None:
            raise LocalError("ref.missing", f"There is no such message here: {self.name(*ref)}")
        return item.key

    def _rows(self, wanted: Wanted, limit: int | None) -> Iterator[Row]:
        """The rows of a list, as marked; some at a time."""
        items = islice(self.projection.stream(lambda tables: tables.items(wanted)), None if limit is None else min(limit, sys.maxsize))
        while some := list(islice(items, _AT_ONCE)):
            voids = {item.ref: item.void for item in some}
            for one in self.store.at([item.ref for item in some]):
                void = voids[one.log, one.index]
                yield one if void == one.void else replace(one, void=void)

    def standing(self, kind: int, since: int | None = None) -> Iterator[Placed]:
        """Messages of a kind that stand in the record, neither void nor of a replaced log's late entries, in record order; `since` in POSIX
        seconds, inclusive."""
        items = list(self.projection.stream(lambda tables: tables.items(Wanted(kind=kind, since=since, void=False))))
        places = {item.ref: item.key for item in items}
        for one in self.store.at(list(places)):
            yield Placed(places[one.log, one.index], one)

    def receipts(self, ref: Ref) -> list[dict[str, Json]]:
        """Who holds the message by their own signature: each other party's earliest receipt, by any of its devices, in order of time."""
        log, index = ref
        own = self.channel.party_of(log)
        earliest: dict[int, int] = {}
        for cosignature in self.store.first_cosignatures(log, index):
            party = self.channel.party_of(cosignature.by) if cosignature.by in self.channel.logs else own
            if party != own:
                earliest[party] = min(cosignature.time, earliest.get(party, cosignature.time))
        found = sorted((time, self.channel.charter.parties[party].slug) for party, time in earliest.items())
        return [{"by": slug, "time": show_time(time)} for time, slug in found]

    def witnessed(self, ref: Ref) -> list[dict[str, Json]]:
        """Which witnesses of the charter cosigned a checkpoint over the message, each one's earliest, in order of time."""
        first = [one for one in self.store.first_cosignatures(*ref) if one.by < 0 and self.line(one)]
        found = sorted((one.time, self.channel.cosigner_name(one.by)) for one in first)
        return [{"by": name, "time": show_time(time)} for time, name in found]

    def show(self, ref: Ref) -> dict[str, Json]:
        """One message with its case and receipts. Raises LocalError ref.missing."""
        one = self.marked(ref)
        found = self.projection.ask(lambda tables: tables.belonging(ref))
        withdrawn, corrected = self._said_since(ref)
        return {
            **self.message(one),
            "case": self.name(*found[0][0]) if found else None,
            "receipts": self.receipts(ref),
            "witnesses": self.witnessed(ref),
            "withdrawn_by": withdrawn,
            "corrected_by": corrected,
        }

    def _said_since(self, ref: Ref) -> tuple[list[str], list[str]]:
        """The withdrawals and the corrections of a message that stand, by its own party."""

        def found(tables: DerivedTables) -> tuple[list[str], list[str]]:
            record = self.projection.record(tables)
            one = record.placed(ref)
            if one is None:
                return [], []
            both = (changes.withdrawals(record, one), changes.corrections(record, one))
            withdrawn, corrected = ([self.name(*by.ref) for by in some] for some in both)
            return withdrawn, corrected

        return self.projection.ask(found)

    def since(self, ref: Ref) -> list[dict[str, Json]]:
        """The same with what they say: `ref`, `kind`, `reason`, and of a correction `fields`: what it changed, name -> `was`, `now`."""

        def found(tables: DerivedTables) -> list[dict[str, Json]]:
            record = self.projection.record(tables)
            one = record.placed(ref)
            if one is None:
                return []
            gone: list[tuple[Placed, dict[str, Json]]] = [(by, {}) for by in changes.withdrawals(record, one)]
            changed = [
                (each.by, {"fields": {n: dict(zip(_WAS, pair, strict=True)) for n, pair in each.fields.items()}})
                for each in changes.changes(record, one)
            ]
            return [self._one_since(by, more) for by, more in (*gone, *changed)]

        return self.projection.ask(found)

    def _one_since(self, by: Placed, more: dict[str, Json]) -> dict[str, Json]:
        said = self.message(by.row)
        return {"ref": said["ref"], "kind": said["kind"], "reason": said["body"].get("reason"), **more}

    def changed_since(self, names: Collection[str]) -> dict[str, str]:
        """Of the messages of those references that their party has changed since: `withdrawal` or `correction`."""

        def found(tables: DerivedTables) -> dict[str, str]:
            record = self.projection.record(tables)
            marks: dict[str, str] = {}
            for name in names:
                ref = self.ref(name)
                kinds = {item.kind for item in tables.naming(ref)}
                one = record.placed(ref) if kinds & _CHANGING else None
                if one and changes.withdrawals(record, one):
                    marks[name] = "withdrawal"
                elif one and changes.corrections(record, one):
                    marks[name] = "correction"
            return marks

        return self.projection.ask(found)

    def near(self, message: dict[str, Json], depth: int = 3) -> dict[str, dict[str, Json]]:
        """What a message refers to, what that refers to, and so on, so deep: JSON by reference."""
        found: dict[str, dict[str, Json]] = {}
        todo = [message]
        for _ in range(depth):
            wanted = {ref for one in todo for ref in named_by(one["body"])} - found.keys()
            todo = [self.message(row) for row in self.store.at([self.ref(ref) for ref in sorted(wanted)])]
            found |= {one["ref"]: one for one in todo}
        return found

    def leaves(self, ref: Ref) -> set[bytes]:
        """The leaf hash of what stands at the reference; while nothing does, those of all that waits on the shelf for that place."""
        log, index = ref
        stored = self.store.row(log, index)
        if stored is not None:
            return {stored.leaf}
        waiting = [Run.decode(one.data) for one in self.store.shelved() if one.log == log and 0 <= index - one.start < one.count]
        return {row(log, index, run.messages[index - run.start]).leaf for run in waiting}

    # --- Cases ---

    @cached_property
    def projection(self) -> Projection:
        """The tables that lists and cases are read from."""
        return Projection(self.store, self._channel_now, self.proved, self.governing)

    @cached_property
    def reviews(self) -> Reviews:
        """Who may speak where logs showed two histories."""
        return Reviews(self.store)

    def two_faced(self) -> dict[int, int]:
        """Logs that the record convicts of two histories, and from which index on: see conviction.two_faced."""
        return self.projection.ask(faces_of)

    def governing(self, faces: Mapping[int, int]) -> Callable[[Row], Charter]:
        """What gives the charter in force for an entry, as amended in its causal past by what stands there (`faces`: see
        conviction.two_faced). To be asked for anew when the store has grown."""
        channel = self.channel
        if not faces and not self.store.governing():
            return lambda _: channel.charter
        authority = self.reviews.authority(channel, faces)
        return lambda one: authority.at(one.log, one.index, seen_of(one.seen)).charter

    def _channel_now(self) -> Channel:
        """The channel with every log that was opened by now, also by another process."""
        missing = [opening_of(data) for number, data in self.store.openings().items() if number not in self.channel.openings]
        if missing:
            self.channel = self.channel.with_openings(missing)
        return self.channel

    def case_key(self, ref: Ref) -> Ref:
        """The notification of the (first) case that a message belongs to. Raises LocalError ref.missing."""
        self.row(ref)
        found = self.projection.ask(lambda tables: tables.belonging(ref))
        if not found:
            raise LocalError("ref.missing", f"{self.name(*ref)} belongs to no case")
        return found[0][0]

    def each_case(self) -> Iterator[dict[str, Json]]:
        """Every case, in the order in which they began."""
        return map(json.loads, self.projection.stream(lambda tables: tables.summaries(), SUMMED_UP))

    def cases(self) -> list[dict[str, Json]]:
        """All of `each_case`."""
        return list(self.each_case())

    def case(self, ref: Ref) -> dict[str, Json]:
        """The case of a notification, or of a message that belongs to one. Raises LocalError ref.missing."""
        key = self.case_key(ref)

        def shown(tables: DerivedTables) -> dict[str, Json]:
            record = self.projection.record(tables)
            return case_shown.whole(record, fold(record, key))

        return self.projection.ask(shown, TIMED)

    def overdue(self, now: int) -> list[dict[str, Json]]:
        """The cases whose reply is overdue at `now`, POSIX seconds, by date."""

        def found(tables: DerivedTables) -> list[dict[str, Json]]:
            record = self.projection.record(tables)
            items = (tables.item(ref) for ref in tables.overdue(now))
            return [self._summary(record, tables, item) for item in items if item and item.kind == KINDS["notification"]]

        return self.projection.ask(found, TIMED)

    @staticmethod
    def _summary(record: TableRecord, tables: DerivedTables, item: Item) -> dict[str, Json]:
        kept = tables.summary(item.key)
        return case_shown.summary(record, fold(record, item.ref)) if kept is None else json.loads(kept)

    def last_of_kind(self, log: int, kind: int, *, watch: bool = False) -> tuple[int, int | None]:
        """How many messages of a log of that kind are not void, and the time of the last, POSIX seconds; with `watch`, watch checks by
        people alone."""
        return self.projection.ask(lambda tables: tables.count_and_last(log, kind, watch))
