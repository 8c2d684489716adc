"""Where misconduct is met: what two signed things that a node holds, or holds one of and was just shown the other, prove together.

Each method is asked where the node takes something, in the change that keeps it, and makes the proof there and then. PROTOCOL section 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final

from ..errors import PeerError
from ..exchange.bundle import Run
from ..record import encoding
from ..record.message import body_tree, entry_of, message_of, row
from ..record.misconduct import Maker, PlacedEntry, explicit_path
from ..record.standing import written
from ..record.values import Cosignature, Row
from ..store.interface import KeptCheckpoint
from ..tlog import checkpoint as checkpoints
from ..tlog.checkpoint import Checkpoint, SignedCheckpoint
from ..tlog.merkle import NodeReader, inclusion_path, root_of
from ..tlog.note import COSIGNATURE_ED25519
from .convicting import Convicting

if TYPE_CHECKING:
    from .notes import Verified

_DAY: Final = 86400
_LOOKS: Final = 256  # receipts of one bundle over a second history that are looked at
_WRITTEN: Final = 2048  # what may be spent in one bundle on receipts that the line checks of one party write down, counted so:
_KNOWN, _NEW, _FALSE = 1, 2, 32  # an honest party writes down none that is false, and many when a month of its log comes at once
_UNDECIDED: Final = 4  # runs of one bundle that are looked at a second time
_STEPS: Final = 256  # entries of one bundle that are held against what they have seen of logs that showed two histories


@dataclass(frozen=True, slots=True)
class Given:
    """A run over the tree of what is held below its start: `rows` its entries, `read` the nodes of the whole tree, `note` what its log
    signed over it, of `size`."""

    rows: Sequence[Row]
    read: NodeReader
    note: bytes
    size: int

    def placed(self, index: int) -> PlacedEntry:
        """One of its entries at its place."""
        one = self.rows[index - self.rows[0].index]
        return PlacedEntry(entry_of(one).encode(), index, tuple(inclusion_path(self.read, index, self.size)), self.note)


class Detecting:
    """Makes proofs into one change."""

    def __init__(self, convicting: Convicting) -> None:
        self.convicting = convicting
        self.node = convicting.node
        self.pending = convicting.pending
        self.change = convicting.change
        self._receipts: dict[tuple[int, int], list[Cosignature]] = {}  # (log, by) -> those of this change
        self._undecided: list[tuple[Run, Verified]] = []
        self._left = _LOOKS
        self._written: dict[int, int] = {}  # party -> what was spent on the receipts that its line checks write down
        self._steps = _STEPS

    # --- What is held ---

    def next_checkpoint(self, log: int, at_least: int) -> KeptCheckpoint | None:
        """The smallest checkpoint that is kept of a size >= at_least, of the pending change too."""
        stored = self.node.store.next_checkpoint(log, at_least)
        pending = [kept for kept in self.change.checkpoints if kept.log == log and kept.size >= at_least]
        return min([*pending, *([stored] if stored else [])], key=lambda kept: kept.size, default=None)

    def _note(self, kept: KeptCheckpoint) -> bytes:
        return self.node.checkpoint(kept).text().encode() + b"\n" + kept.lines

    def _placed(self, log: int, index: int) -> PlacedEntry | None:
        """An entry that is held, under the smallest checkpoint over it."""
        kept, one = self.next_checkpoint(log, index + 1), self.pending.row(log, index)
        return None if kept is None or one is None else self._under(one, kept.size, self._note(kept))

    def _under(self, one: Row, size: int, note: bytes) -> PlacedEntry:
        path = inclusion_path(self.pending.tree(one.log, size), one.index, size)
        return PlacedEntry(entry_of(one).encode(), one.index, tuple(path), note)

    def _receipt_note(self, one: Cosignature) -> bytes | None:
        """The checkpoint that a cosignature is over, with its line alone."""
        line, names = self.node.line(one), self.node.channel.logs.get(one.log)
        if line is None or names is None or one.size > self.pending.size(one.log):
            return None
        kept = self.next_checkpoint(one.log, one.size)
        exact = kept is not None and kept.size == one.size
        root = kept.root if kept is not None and exact else root_of(self.pending.tree(one.log, one.size), one.size)
        return SignedCheckpoint(Checkpoint(names.origin, one.size, root), (line,)).encode()

    def _given(self, run: Run, verified: Verified) -> Given | None:
        """A run whose messages give the root that its log signed, over what we hold below its start."""
        log, start = run.log, run.start
        if start > self.pending.size(log):
            return None
        rows = [row(log, start + n, message) for n, message in enumerate(run.messages)]
        leaves = [one.leaf for one in rows]
        if self.pending.frontier(log, start).extend(leaves).root() != verified.checkpoint.root:
            return None
        return Given(rows, self.pending.tree(log, start, leaves), run.checkpoint, start + len(rows))

    # --- Two histories ---

    def two_histories(self, verified: Verified, run: Run | None = None) -> None:
        """A checkpoint of no more than we hold, whose root is not ours; `run` is what came with it."""
        log, size = verified.log, verified.checkpoint.size
        self._two_roots(verified)
        if run is not None and self.convicting.lacks(log, "two_leaves", run.start):
            self.overlap(run, verified)
        if not self.convicting.lacks(log, "two_leaves", size):
            return  # which says more: the exact index
        ours, note = self.next_checkpoint(log, size), verified.signed.encode()
        if ours is None:
            return
        if ours.size == size:
            if self.convicting.lacks(log, "two_faces", size - 1):
                self.convicting.make(log, lambda maker: maker.two_faces(self._note(ours), note))
        elif self.convicting.lacks(log, "rewrite", max(size - 1, 0)):
            path = explicit_path(self.pending.tree(log, ours.size), size, ours.size)
            self.convicting.make(log, lambda maker: maker.rewrite(note, self._note(ours), path))

    def overlap(self, run: Run, verified: Verified) -> int | None:
        """Compare a run with what we hold at its indexes. Where it differs, the proof of two leaves is made. Returns the index from which
        on it differs or says more than we hold; None if it says nothing: it begins where we hold something else, or is made up."""
        log, start = run.log, run.start
        given = self._given(run, verified) if start < self.pending.size(log) else None
        if given is None:
            return None
        held = self.pending.leaves(log, start, min(self.pending.size(log), given.size))
        index = next((start + n for n, leaf in enumerate(held) if leaf != given.rows[n].leaf), None)
        if index is None:
            return start + len(held)
        ours = self._placed(log, index)
        if ours is not None and self.convicting.lacks(log, "two_leaves", index):
            self.convicting.make(log, lambda maker: maker.two_leaves(ours, given.placed(index)))
        return index

    def _two_roots(self, verified: Verified) -> None:
        """Whoever cosigned this checkpoint, and the one of its size that we hold too."""
        log, size = verified.log, verified.checkpoint.size
        for line in verified.signed.lines:
            by, key = self.node.channel.cosigner(line.name, line.key_id) or (-1, None)
            if key is None or key.kind != COSIGNATURE_ED25519 or by not in self.node.channel.logs:
                continue
            if self.convicting.lacks(by, "shrinking_receipt") and self._may_look():
                held = [*self.node.store.cosignatures(log, size), *(one for one in self._receipts.get((log, by), ()) if one.size == size)]
                for note in [self._receipt_note(one) for one in held if (one.by, one.kind) == (by, COSIGNATURE_ED25519)]:
                    self._shrinking(by, log, verified.signed.encode(), note)

    # --- Times, and what was seen ---

    def order(self, run: Run, verified: Verified) -> None:
        """A run whose times or `seen` are not as they must be. What a receipt of the same bundle decides is looked at again in `decide`."""
        if not self._order(run, verified) and len(self._undecided) < _UNDECIDED:
            self._undecided.append((run, verified))

    def decide(self) -> None:
        """After all of a bundle's receipts were taken."""
        for run, verified in self._undecided:
            self._order(run, verified)

    def _order(self, run: Run, verified: Verified) -> bool:
        """Whether a proof was made, or none can be."""
        log, given = run.log, self._given(run, verified)
        if given is None:
            return True
        before = self.pending.row(log, run.start - 1) if run.start else None
        rows = [*([before] if before else []), *given.rows]
        for earlier, later in pairwise(rows):
            shrunk = later.seen != earlier.seen and _shrinks(_seen(earlier), _seen(later))
            if later.time < earlier.time or shrunk:
                first = self._placed(log, earlier.index) if earlier is before else given.placed(earlier.index)
                return first is None or self._disordered(log, first, given.placed(later.index), shrunk)
        return self._before_seen(given)

    def _disordered(self, log: int, earlier: PlacedEntry, later: PlacedEntry, shrunk: bool) -> bool:
        if shrunk:
            return self.convicting.lacks(log, "false_seen") and self.convicting.make(log, lambda m: m.seen_shrinks(earlier, later))
        return self.convicting.lacks(log, "back_dating") and self.convicting.make(log, lambda m: m.back_dated(earlier, later))

    def _before_seen(self, given: Given) -> bool:
        """The first entry of a run that is dated before one that it has seen, if its device has receipted that one."""
        log, before = given.rows[0].log, b""
        if not self.convicting.lacks(log, "back_dating"):
            return True
        for one in given.rows:
            found = [] if one.seen == before else _seen(one).items()
            before = one.seen
            for of, size in found:
                younger = size <= self.pending.size(of) and not self.pending.frozen(of) and self.pending.time(of, size - 1) > one.time
                if younger and (receipted := self._receipted(of, size - 1, log)):
                    return self.convicting.make(log, partial(_before_seen, given.placed(one.index), of, receipted))
        return False

    def _before_frozen(self, by: int, of: int, first: int = 0) -> None:
        """Entries of a log, from `first` on, that are dated before what they have seen of one that showed two histories. Admission lets
        these pass, since what they saw may be the other history; a receipt of their device over ours says that it is not. They are looked
        at from the newest down, and after each the last one that is dated before what that one has seen: those between are not."""
        if by == of or not self.pending.frozen(of) or not self.convicting.lacks(by, "back_dating"):
            return
        size, index = self.pending.size(of), self.pending.size(by) - 1
        kept = self.node.store.last_cosignature(of, by, size + 1)
        reach = max((one.size for one in [*self._receipts.get((of, by), ()), *([kept] if kept else [])] if one.size <= size), default=0)
        while index >= first and self._steps > 0:
            self._steps -= 1
            one = self.pending.row(by, index)
            reach = min(reach, _seen(one).get(of, 0)) if one else 0
            if one is None or not reach:
                return
            time = self.pending.time(of, reach - 1)
            if one.time < time:
                entry, receipted = self._placed(by, index), self._receipted(of, reach - 1, by)
                if entry is not None and receipted is not None:
                    self.convicting.make(by, partial(_before_seen, entry, of, receipted))
                return
            later = self._first_after(by, time - 1)
            index = first - 1 if later is None else later - 1

    def _receipted(self, of: int, index: int, by: int) -> PlacedEntry | None:
        """An entry under the smallest receipt by that device over it."""
        found = [one for one in self._receipts.get((of, by), ()) if one.size > index]
        found += [one for one in self.node.store.first_cosignatures(of, index) if (one.by, one.kind) == (by, COSIGNATURE_ED25519)]
        receipt, one = min(found, key=lambda each: each.size, default=None), self.pending.row(of, index)
        note = None if receipt is None else self._receipt_note(receipt)
        return None if receipt is None or one is None or note is None else self._under(one, receipt.size, note)

    # --- Receipts ---

    def receipt(self, one: Cosignature) -> None:
        """A cosignature that is new to us: against its device's others over the same log, and against its device's entries."""
        if one.kind != COSIGNATURE_ED25519 or one.by not in self.node.channel.logs:
            return
        if self.convicting.lacks(one.by, "shrinking_receipt"):
            self._shrinks(one)
        self._receipts.setdefault((one.log, one.by), []).append(one)
        self._before_frozen(one.by, one.log)
        if one.by != one.log and self.convicting.lacks(one.by, "false_seen"):
            index = self._first_after(one.by, one.time)
            entry = None if index is None else self.pending.row(one.by, index)
            if entry is not None:
                self._unseen(one, entry)

    def written_down(self, rows: Sequence[Row]) -> None:
        """The receipts that line checks of one log write down: of one that its giver showed to others alone, no note ever comes here. What
        a party makes up is at its own cost: what another wrote down in the same bundle is looked at all the same."""
        party = self.node.channel.party_of(rows[0].log)
        for one in chain.from_iterable(map(written, rows)):
            if one.kind != COSIGNATURE_ED25519 or one.by in (self.node.own, one.log):
                continue
            if self._written.get(party, 0) >= _WRITTEN:
                return
            self._written[party] = self._written.get(party, 0) + self._look_at(one)

    def _look_at(self, one: Cosignature) -> int:
        """What it cost."""
        known = self.node.store.cosignatures(one.log, one.size)
        if any((c.by, c.kind) == (one.by, one.kind) for c in known):
            return _KNOWN
        if not self._verifies(one):
            return _FALSE
        self.receipt(one)
        if self.node.store.checkpoint(one.log, one.size):  # else nothing here could show what it is over
            self.change.cosignatures.append(one)
        return _NEW

    def _may_look(self) -> bool:
        """Whether another receipt over a second history may be looked at: a bundle may bear more of them than it took to make."""
        self._left -= 1
        return self._left >= 0

    def _verifies(self, one: Cosignature) -> bool:
        note, key = self._receipt_note(one), self.node.channel.cosigner_key(one.by, one.kind)
        if note is None or key is None or one.by not in self.node.channel.logs:
            return False
        signed = SignedCheckpoint.parse(note)
        try:
            return bool(checkpoints.verify(signed.checkpoint, signed.lines[0], key))
        except PeerError:
            return False

    def _shrinks(self, one: Cosignature) -> None:
        pending, store = self._receipts.get((one.log, one.by), []), self.node.store
        below = store.last_cosignature(one.log, one.by, one.size)
        above: Sequence[Cosignature] = ()
        if store.covered(one.log).get(one.by, 0) > one.size:
            above = [each for each in store.first_cosignatures(one.log, one.size) if each.by == one.by]
        for other in [*pending, *above, *([below] if below else [])]:
            small, large = sorted((one, other), key=lambda each: each.size)
            if small.size < large.size and large.time < small.time:
                self._shrinking(one.by, one.log, self._receipt_note(large), self._receipt_note(small))
                return

    def _shrinking(self, by: int, log: int, one: bytes | None, other: bytes | None) -> None:
        if one is not None and other is not None:
            self.convicting.make(by, lambda maker: maker.shrinking_receipt(log, one, other))

    def _unseen(self, receipt: Cosignature, entry: Row) -> None:
        """An entry later than a receipt of its device, if it has seen less."""
        if entry.time > receipt.time and _seen(entry).get(receipt.log, 0) < receipt.size:
            note, placed = self._receipt_note(receipt), self._placed(entry.log, entry.index)
            if note is not None and placed is not None:
                self.convicting.make(entry.log, lambda maker: maker.unseen(receipt.log, note, placed))

    def _first_after(self, log: int, time: int) -> int | None:
        """The first entry of a log that is later than a time."""
        size, added = self.pending.size(log), self.pending.added(log)
        if not size or self.pending.state(log).time <= time:
            return None
        low, high, first = 0, size - 1, added[0].index if added else size
        if first and first < size and self.pending.time(log, first - 1) <= time:
            low = first
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.pending.time(log, middle) > time else (middle + 1, high)
        return low

    # --- What was admitted, and what was not ---

    def admitted(self, rows: Sequence[Row]) -> None:
        """Entries that were admitted, under a checkpoint that is kept: what they have seen, and what they use again."""
        log, channel = rows[0].log, self.node.channel
        self.written_down(rows)
        reused = next((one for one in rows if one.void == "release.reused"), None)
        if reused is not None and self.convicting.lacks(log, "reused_release"):
            self._reused(reused)
        if self.convicting.lacks(log, "flood"):
            self._flood(rows)
        for of, by in list(self._receipts):
            if of == log:  # what came with these entries: until now they were not here
                self._before_frozen(by, log)
        for of in self.pending.state(log).seen:
            self._before_frozen(log, of, rows[0].index)
        if not self.convicting.lacks(log, "false_seen"):
            return
        lasts = [one for n, one in enumerate(rows) if n + 1 == len(rows) or rows[n + 1].seen != one.seen]
        first = _seen(rows[0])
        for of in channel.logs.keys() - {log}:
            pending = self._receipts.get((of, log), ())
            if pending or self.node.store.covered(of).get(log, 0) > first.get(of, 0):
                self._seen_less(lasts, of, pending)

    def _seen_less(self, lasts: Sequence[Row], of: int, pending: Sequence[Cosignature]) -> None:
        """Of entries, the last with each `seen`: against the earliest receipt of their device for more of that log."""
        for entry in lasts:
            size = _seen(entry).get(of, 0)
            kept = [one for one in self.node.store.first_cosignatures(of, size) if one.by == entry.log and one.kind == COSIGNATURE_ED25519]
            receipt = min((one for one in [*kept, *pending] if one.size > size), key=lambda one: one.time, default=None)
            if receipt is not None and receipt.time < entry.time:
                self._unseen(receipt, entry)
                return

    def _reused(self, one: Row) -> None:
        first = self.pending.row(one.log, self.pending.rests(one.log, [one.rest])[one.rest])
        if first is None or first.index == one.index:
            return
        earlier, later = self._placed(one.log, first.index), self._placed(one.log, one.index)
        if earlier is not None and later is not None:
            leaves = (_leaf_0(first), _leaf_0(one))
            self.convicting.make(one.log, lambda maker: maker.reused_release(earlier, later, leaves, one.rest))

    def flooded(self, run: Run, verified: Verified) -> None:
        """A run of its own log's over the day's quota."""
        given = self._given(run, verified) if self.convicting.lacks(run.log, "flood") else None
        if given is not None:
            self._flood(given.rows, given)

    def _flood(self, rows: Sequence[Row], given: Given | None = None) -> None:
        """Entries that were admitted, or only `given`: whether more bear one day's date than the charter allows."""
        log, base = rows[0].log, self.node.channel.charter.quotas["messages_per_log_and_day"]
        quota = max(base, self.node.daily_quota)  # an amendment may have raised it, and one that lowered it is nothing to a stranger
        start = rows[0].index
        for n, one in enumerate(rows):
            first = one.index - quota
            if first < 0 or (n + 1 < len(rows) and rows[n + 1].time // _DAY == one.time // _DAY):
                continue
            if (rows[first - start].time if first >= start else self.pending.time(log, first)) // _DAY != one.time // _DAY:
                continue
            placed = [given.placed(index) if given and index >= start else self._placed(log, index) for index in (first, one.index)]
            earlier, later = placed
            if earlier is not None and later is not None:
                self.convicting.make(log, lambda maker, earlier=earlier, later=later: maker.flood(earlier, later))  # type: ignore[misc]
                return


def _seen(one: Row) -> Mapping[int, int]:
    return encoding.sizes(encoding.decode(one.seen))


def _shrinks(before: Mapping[int, int], after: Mapping[int, int]) -> bool:
    return any(after.get(log, 0) < size for log, size in before.items())


def _leaf_0(one: Row) -> bytes:
    message = message_of(one)
    return body_tree(message.seed, message.body).leaves[0]


def _before_seen(entry: PlacedEntry, of: int, receipted: PlacedEntry, maker: Maker) -> bytes:
    return maker.before_seen(entry, of, receipted)
