"""Reading: everything that a node shows of its store, as JSON (INTERFACE). Needs no keys, and works beside a node that writes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from .. import limits
from ..errors import LocalError, PeerError
from ..exchange.bundle import Run
from ..record.case import Cases
from ..record.channel import Channel
from ..record.fields import Json, Wrong, parse_ref, show_time
from ..record.kinds import KINDS, kind_name, show_body
from ..record.message import message_of, row
from ..record.order import in_order
from ..record.values import Cosignature, Row
from ..store.interface import KeptCheckpoint, Store
from ..tlog import checkpoint as checkpoints
from ..tlog import merkle, tiles
from ..tlog.note import SignatureLine

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

    def note(self, kept: KeptCheckpoint) -> checkpoints.SignedCheckpoint:
        """The signed checkpoint with the cosignatures held over it, one a key; where a note has no room for all, our own come first, then
        Ed25519."""
        checkpoint = self.checkpoint(kept)
        own = checkpoints.SignedCheckpoint.parse(checkpoint.text().encode() + b"\n" + kept.lines).lines
        earliest: dict[tuple[int, int], Cosignature] = {}
        for one in self.store.cosignatures(kept.log, kept.size):
            earliest.setdefault((one.by, one.kind), one)
        room = limits.NOTE_SIGNATURES - len(own)
        chosen = sorted(earliest.values(), key=lambda one: (one.by != self.own, one.kind)) if len(earliest) > room else earliest.values()
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
        """The row of a reference. Raises LocalError ref.missing."""
        found = self.store.row(*ref)
        if found is None:
            raise LocalError("ref.missing", self.name(*ref))
        return found

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
        self, *, kind: str | None = None, log: str | None = None, since: int | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Json]]:
        """Messages in record order, filtered; `since` in POSIX seconds. Raises LocalError usage."""
        kinds = None if kind is None else {self._kind(kind)}
        number = None if log is None else self._log(log)
        rows = self.store.scan(kinds=kinds, log=number, since=since)
        return islice(map(self.message, in_order(rows)), limit)

    @staticmethod
    def _kind(name: str) -> int:
        if name not in KINDS:
            raise LocalError("usage", f"there is no kind {name}; the kinds are {', '.join(KINDS)}")
        return KINDS[name]

    def _log(self, slug: str) -> int:
        number = self.channel.number(slug)
        if number is None:
            raise LocalError("usage", f"there is no log {slug}; the logs are {', '.join(log.slug for log in self.channel.logs.values())}")
        return number

    def receipts(self, ref: Ref) -> list[dict[str, Json]]:
        """Who holds the message by their own signature: the earliest receipt of each party, in order of time."""
        log, index = ref
        earliest: dict[int, int] = {}
        for cosignature in self.store.first_cosignatures(log, index):
            if cosignature.by in self.channel.logs:
                party = self.channel.party_of(cosignature.by)
                earliest[party] = min(cosignature.time, earliest.get(party, cosignature.time))
        found = sorted((time, self.channel.charter.parties[party].slug) for party, time in earliest.items())
        return [{"by": slug, "time": show_time(time)} for time, slug in found]

    def show(self, ref: Ref) -> dict[str, Json]:
        """One message with its case and receipts. Raises LocalError ref.missing."""
        one = self.row(ref)
        key = self.folded().of(ref)
        return {**self.message(one), "case": self.name(*key) if key else None, "receipts": self.receipts(ref)}

    def leaves(self, ref: Ref) -> set[bytes]:
        """The leaf hash of what stands at the reference; while nothing does, those of all that waits on the shelf for that place."""
        log, index = ref
        stored = self.store.row(log, index)
        if stored is not None:
            return {stored.leaf}
        waiting = [Run.decode(one.data) for one in self.store.shelved() if one.log == log and 0 <= index - one.start < one.count]
        return {row(log, index, run.messages[index - run.start]).leaf for run in waiting}

    # --- Cases ---

    def folded(self) -> Cases:
        """All cases, folded from the record."""
        return Cases(self.channel, self.proved).feed(in_order(self.store.scan()))

    def cases(self) -> list[dict[str, Json]]:
        """Every case, in the order in which they began."""
        folded = self.folded()
        return [folded.summary(case) for case in folded]

    def case(self, ref: Ref) -> dict[str, Json]:
        """The case of a notification, or of a message that belongs to one. Raises LocalError ref.missing."""
        self.row(ref)
        folded = self.folded()
        key = folded.of(ref)
        if key is None:
            raise LocalError("ref.missing", f"{self.name(*ref)} belongs to no case")
        return folded.whole(folded.cases[key])
