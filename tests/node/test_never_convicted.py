"""No honest device is ever convicted: every proof is tried that anybody could make of what honest devices have signed.

The histories have lost, doubled and late bundles, crashes between a commit and its sending, restarts, clocks that stand, jump and go back,
rotations, further devices, stores restored from a copy, and an accomplice who shows two histories and helps whoever would convict.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import pytest

from ceasewire.errors import LocalError, PeerError
from ceasewire.record.message import BodyTree, body_tree, entry_of, message_of
from ceasewire.record.misconduct import Maker, PlacedEntry, explicit_path
from ceasewire.record.opening import is_later
from ceasewire.record.values import Row
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.note import COSIGNATURE_ED25519
from faults.liar import Liar
from helpers import START, statement
from node.pair import ChannelPair, Side
from node.test_later_histories import LaterHistory

PARTIES = ("north", "south", "east", "mission:guarantor")
HISTORIES = 10
STEPS = 110


class Trial(LaterHistory):
    """Also crashes, restores and clocks that go back; east is no node, but lies to all."""

    def __init__(self, number: int, pair: ChannelPair) -> None:
        super().__init__(number, pair)
        self.east = pair["east"].log
        pair.sides.pop("east").close()
        self.sides = list(pair)
        self.faces = (Liar(pair.made, self.east), Liar(pair.made, self.east))
        self.copies: dict[str, bytes] = {}
        self.seen: list[Signed] = []

    def run(self, steps: int) -> None:
        often = [self.send] * 5 + [self.compose] * 6 + [self.arrive] * 6 + [self.file, self.tick, self.lie, self.lie]
        for _ in range(steps):
            self.draw.choice([*often, self.crash, self.back, self.copy, self.restore, self.rotate, self.device])()
            self.look()

    def lie(self) -> None:
        """East goes on with one of its two histories, of which the first entries are the same, and shows it to somebody."""
        face, text = self.draw.choice(list(enumerate(self.faces)))
        for one in self.faces if len(text.messages) < 3 else [text]:
            said = "the same" if len(one.messages) < 3 else f"face {face}"
            one.add(statement(max(START, self.now - 3000) + len(one.messages), text=said))
        known = [one for one in self.sides if one.log < len(PARTIES)]
        if known:
            to = self.draw.choice(known)
            self.arrived(to, text.bundle(to.log, text.run(self.draw.randrange(len(text.messages)))))

    def arrived(self, to: Side, data: bytes) -> None:
        try:
            to.receive(data)
        except PeerError as error:
            assert error.code in {"bundle.recipient", "bundle.key_gone", "log.unknown"}, error  # noqa: PT017
        except LocalError as error:
            assert error.code in {"log.closed", "log.replaced"}, error  # noqa: PT017

    def arrive(self) -> None:
        if self.flying:
            place = self.draw.randrange(len(self.flying))
            to, data = self.flying[place]
            if self.draw.random() < 0.6:
                self.flying.pop(place)
            if self.draw.random() < 0.9:
                self.arrived(to, data)

    def compose(self) -> None:
        found = self.two()
        if found and found[0].node.closed is None:
            super().compose()

    def file(self) -> None:
        found = self.two()
        if found and found[0].node.closed is None:
            self.flying.append((found[1], found[0].bundle(found[1])))

    def crash(self) -> None:
        """Between a commit and its sending; or at any other moment."""
        side = self.draw.choice(self.sides)
        if side.node.closed is None and self.draw.random() < 0.7:
            side.node.send_many([self.draft(side)])
        side.reopen()

    def back(self) -> None:
        side = self.draw.choice(self.sides)
        side.clock.now += self.draw.choice((-86400, -3600, -1, 300))

    def copy(self) -> None:
        side = self.draw.choice(self.sides)
        side.close()
        self.copies[side.slug] = side.folder.store_path.read_bytes()
        side.open()

    def restore(self) -> None:
        """The store of some time ago, beside the pen of now. What was signed since was sent: the log is closed, and goes on in another."""
        side = self.draw.choice(self.sides)
        if side.slug in self.copies and side.node.own < len(PARTIES) and len(side.node.channel.logs) < 9:
            before = side.node.store.counter
            side.close()
            side.folder.store_path.write_bytes(self.copies.pop(side.slug))
            for name in side.folder.path.glob("derived*"):
                name.unlink() if name.is_file() else shutil.rmtree(name)
            side.open()
            assert (side.node.closed == "log.closed") is (side.node.store.counter < before)
            if side.node.closed and self.draw.random() < 0.7:
                side.rotate()

    def look(self) -> None:
        """Remember all that is signed now: a store that is put back forgets."""
        for side in self.sides:
            self.seen += signed_at(side)


@dataclass(frozen=True)
class Signed:
    """A signed checkpoint: by whom, of which log, with the time if it is a receipt."""

    by: int
    checkpoint: Checkpoint
    log: int
    time: int | None
    note: bytes


def signed_at(side: Side) -> Iterator[Signed]:
    """What the device itself has signed, as far as its store keeps it."""
    node, own = side.node, side.log
    for log, state in node.store.states().items():
        kept = node.store.next_checkpoint(log, 1)
        while kept and kept.size <= state.size and log in node.channel.logs:
            checkpoint = node.checkpoint(kept)
            if log == own:
                lines = SignedCheckpoint.parse(checkpoint.text().encode() + b"\n" + kept.lines).lines
                yield Signed(own, checkpoint, log, None, SignedCheckpoint(checkpoint, lines).encode())
            for one in node.store.cosignatures(log, kept.size):
                if one.by == own and one.kind == COSIGNATURE_ED25519:
                    line = node.line(one)
                    assert line is not None
                    yield Signed(own, checkpoint, log, one.time, SignedCheckpoint(checkpoint, (line,)).encode())
            kept = node.store.next_checkpoint(log, kept.size + 1)


class Trials:
    """All proofs against one device that can be tried."""

    def __init__(self, side: Side, log: int, signed: Sequence[Signed]) -> None:
        self.side = side
        self.log = log
        self.openings = side.node.store.openings()
        self.make = Maker(side.node.channel, log, self.openings.get(log))
        self.tried = 0
        own = {one.note: one for one in signed if one.by == log}.values()
        self.notes = sorted((one for one in own if one.time is None), key=lambda one: one.checkpoint.size)
        self.receipts = sorted((one for one in own if one.time is not None), key=lambda one: (one.checkpoint.size, one.time or 0))
        self.rows = side.node.store.rows(log, 0, side.size(log))
        self.covered = [one for one in self.notes if one.checkpoint.size <= len(self.rows)]
        self.trees: list[BodyTree] = [body_tree(one.seed, message_of(one).body) for one in self.rows]

    def all(self) -> int:
        read = self.side.node.node_reader(self.log)
        for one, other in combinations(self.notes, 2):
            self.fails(lambda one=one, other=other: self.make.two_faces(one.note, other.note))
            if one.checkpoint.size < other.checkpoint.size <= len(self.rows):
                path = explicit_path(read, one.checkpoint.size, other.checkpoint.size)
                self.fails(lambda one=one, other=other, path=path: self.make.rewrite(one.note, other.note, path))
        for one, other in combinations(self.receipts, 2):
            for a, b in ((one, other), (other, one)):
                if a.log == b.log:
                    self.fails(lambda a=a, b=b: self.make.shrinking_receipt(a.log, a.note, b.note))
        for file in self.openings.values() if is_later(self.log) else ():
            self.fails(lambda file=file: self.make.two_openings(file))
        self.entries()
        return self.tried

    def entries(self) -> None:
        placed = [self.placed(one) for one in self.rows if self.covered and one.index < self.covered[-1].checkpoint.size]
        for one, other in [*pairwise(placed), *combinations(placed[::5], 2)]:
            leaves = (self.trees[one.index].leaves[0], self.trees[other.index].leaves[0])
            self.fails(lambda one=one, other=other: self.make.two_leaves(one, other))
            self.fails(lambda one=one, other=other: self.make.back_dated(one, other))
            self.fails(lambda one=one, other=other: self.make.seen_shrinks(one, other))
            for rest in (self.trees[one.index].rest, self.trees[other.index].rest):
                self.fails(lambda a=one, b=other, z=leaves, rest=rest: self.make.reused_release(a, b, z, rest))
        for one in placed:
            for receipt in self.receipts:
                self.fails(lambda one=one, receipt=receipt: self.make.unseen(receipt.log, receipt.note, one))
                self.before(one, receipt)

    def before(self, one: PlacedEntry, receipt: Signed) -> None:
        """The youngest entry that it has seen of what it receipted."""
        size = min(one.entry().seen.get(receipt.log, 0), receipt.checkpoint.size)
        node = self.side.node
        if not size or node.store_size(receipt.log) < receipt.checkpoint.size:
            return
        row = node.row((receipt.log, size - 1))
        path = tuple(merkle.inclusion_path(node.node_reader(receipt.log), size - 1, receipt.checkpoint.size))
        theirs = PlacedEntry(entry_of(row).encode(), size - 1, path, receipt.note)
        self.fails(lambda: self.make.before_seen(one, receipt.log, theirs))

    def placed(self, row: Row) -> PlacedEntry:
        note = next(one for one in reversed(self.covered) if one.checkpoint.size > row.index)
        path = tuple(merkle.inclusion_path(self.side.node.node_reader(self.log), row.index, note.checkpoint.size))
        return PlacedEntry(entry_of(row).encode(), row.index, path, note.note)

    def fails(self, make: object) -> None:
        self.tried += 1
        with pytest.raises(PeerError) as refused:
            make()  # type: ignore[operator]
        # Of another's history that is not here the path cannot be right; all else verifies, and proves nothing.
        assert refused.value.code in {"misconduct.unproved", "merkle.inclusion", "entry.body_root"}, refused.value


@pytest.mark.slow
@pytest.mark.parametrize("number", range(HISTORIES))
def test_no_honest_device_is_ever_convicted(number: int) -> None:
    with ChannelPair(PARTIES, seed=number) as pair:
        history = Trial(number, pair)
        history.run(STEPS)
        signed = list({one.note: one for one in history.seen}.values())
        tried = 0
        for log in sorted({one.by for one in signed}):
            holder = max((side for side in history.sides if log in side.node.channel.logs), key=lambda side: side.size(log))
            tried += Trials(holder, log, signed).all()
        assert tried > 60
        for side in history.sides:
            assert all(one.log == history.east for one in side.node.store.proofs()), f"history {number}"
