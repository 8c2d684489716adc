"""Misconduct of every kind by a party with real keys, and the proofs of it: for vectors and tests.

device = Device(made.channel, 0, make_party("north"))
crimes(device, Device(made.channel, 1, make_party("south")))["two_faces"]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ceasewire.record import encoding
from ceasewire.record.channel import Channel
from ceasewire.record.message import Body, Disclosure, Entry, disclose, leaf
from ceasewire.record.misconduct import Maker, PlacedEntry, explicit_path
from ceasewire.record.opening import Opening
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.merkle import NodeReader
from helpers import START, TestParty, seed_of

STATEMENT = 2
ROOT = seed_of("another root")
DAY = 86400


def entry(n: int, *, time: int | None = None, seen: dict[int, int] | None = None, root: bytes | None = None) -> bytes:
    """A statement's entry, the n-th of a log: one a minute."""
    return Entry(STATEMENT, START + 60 * n if time is None else time, seen or {}, root or seed_of("body", n)).encode()


@dataclass(frozen=True)
class Device:
    """One log's keys, and how it signs. `opening` is its opening file if it is a later log."""

    channel: Channel
    log: int
    keys: TestParty
    opening: bytes | None = None

    def note(self, size: int, root: bytes) -> bytes:
        """A checkpoint of the log under its own Ed25519 key."""
        names = self.channel.logs[self.log]
        found = Checkpoint(names.origin, size, root)
        return SignedCheckpoint(found, (checkpoints.sign(found, names.log[0], self.keys.signers["log", "ed25519"]),)).encode()

    def receipt(self, of: int, size: int, root: bytes, time: int) -> bytes:
        """A checkpoint of another log under this device's receipt key."""
        found = Checkpoint(self.channel.logs[of].origin, size, root)
        key = self.channel.logs[self.log].receipt[0]
        return SignedCheckpoint(found, (checkpoints.sign(found, key, self.keys.signers["receipt", "ed25519"], time),)).encode()


@dataclass(frozen=True)
class History:
    """One history of a device's log: its leaves, whole."""

    device: Device
    leaves: Sequence[bytes]

    @property
    def hashes(self) -> list[bytes]:
        return [merkle.leaf_hash(one) for one in self.leaves]

    def root(self, size: int) -> bytes:
        return merkle.tree_root(self.hashes[:size])

    def note(self, size: int) -> bytes:
        return self.device.note(size, self.root(size))

    def read(self) -> NodeReader:
        hashes = self.hashes
        return lambda level, index: merkle.tree_root(hashes[index << level : (index + 1) << level])

    def placed(self, index: int, size: int | None = None, note: bytes | None = None) -> PlacedEntry:
        """An entry in the tree of so many entries (all), under the log's own note or another one of that tree."""
        whole = len(self.leaves) if size is None else size
        path = tuple(merkle.inclusion_path(self.read(), index, whole))
        return PlacedEntry(self.leaves[index], index, path, note or self.note(whole))


def history(device: Device, count: int, **other: Any) -> History:
    """So many honest entries; `other` as `e3=...` are others' bytes in their place."""
    return History(device, [other.get(f"e{n}", entry(n)) for n in range(count)])


SEED = seed_of("two values")[:16]
_VALUE: Body = {0: [], 1: False, 16: "the first", 17: "of two"}


def two_valued() -> tuple[bytes, Disclosure, Disclosure]:
    """A body-root with two leaves of field 16, and the disclosures that show one of them each."""
    parts = list(disclose(SEED, _VALUE, [16]).parts)
    second: list[Any] = [seed_of("salt")[:16], 16, "the second"]
    one = Disclosure((*parts[:3], merkle.leaf_hash(_cbor(second))))
    other = Disclosure((*parts[:2], merkle.leaf_hash(leaf(SEED, 16, "the first")), second))
    assert one.root() == other.root()
    return one.root(), one, other


def _cbor(value: Any) -> bytes:
    return encoding.encode(value)


def one_number(one: Opening, other: Opening) -> tuple[Opening, Opening]:
    """Two openings of one number, by a search of some thousand: these two, but for their roots, which are nobody's. They must name a
    size."""
    found: dict[bytes, bytes] = {}
    first, second = one.encode()[:-32], other.encode()[:-32]
    for n in range(100_000):
        root = sha256(b"%d" % n).digest()
        found[sha256(first + root).digest()[:3]] = root
        if known := found.get(sha256(second + root).digest()[:3]):
            return replace(one, root=known), replace(other, root=root)
    raise AssertionError("no two of one number")


def crimes(one: Device, other: Device, quota: int = 20_000) -> dict[str, bytes]:
    """A proof of each kind and form against `one`, where `other` is another party's device. `quota`: messages a log and day."""
    make = Maker(one.channel, one.log, one.opening)
    mine, theirs = history(one, 8), history(other, 8)
    forked = history(one, 8, e5=entry(5, root=ROOT))
    back = history(one, 8, e6=entry(6, time=START))
    late = History(other, [entry(n + 100) for n in range(4)])
    saw = history(one, 8, e4=entry(4, seen={other.log: 4}))
    less = history(one, 8, e4=entry(4, seen={other.log: 4}), e5=entry(5, seen={other.log: 3}))
    rest, zero = seed_of("rest"), (seed_of("leaf 0"), seed_of("another leaf 0"))
    again = history(one, 8, **{f"e{n}": entry(n, root=merkle.node_hash(zero[n == 7], rest)) for n in (2, 7)})
    root, first, second = two_valued()
    doubled = history(one, 8, e3=entry(3, root=root))
    return {
        "two_faces": make.two_faces(mine.note(6), forked.note(6)),
        "two_leaves": make.two_leaves(mine.placed(5, 6), forked.placed(5)),
        "rewrite": make.rewrite(mine.note(6), forked.note(8), explicit_path(forked.read(), 6, 8)),
        "rewrite-power": make.rewrite(forked.device.note(4, ROOT), mine.note(7), explicit_path(mine.read(), 4, 7)),
        "rewrite-empty": make.rewrite(one.note(0, ROOT), mine.note(8), []),
        "back_dating": make.back_dated(back.placed(4), back.placed(6)),
        "back_dating-seen": make.before_seen(
            saw.placed(4), other.log, late.placed(3, 4, one.receipt(other.log, 4, late.root(4), START + 9000))
        ),
        "false_seen": make.unseen(other.log, one.receipt(other.log, 6, theirs.root(6), START + 100), saw.placed(4)),
        "false_seen-shrinks": make.seen_shrinks(less.placed(4), less.placed(5)),
        "shrinking_receipt": make.shrinking_receipt(
            other.log, one.receipt(other.log, 6, theirs.root(6), START), one.receipt(other.log, 5, theirs.root(5), START + 1)
        ),
        "shrinking_receipt-roots": make.shrinking_receipt(
            other.log, one.receipt(other.log, 6, theirs.root(6), START), one.receipt(other.log, 6, ROOT, START)
        ),
        "two_values": make.two_values(doubled.placed(3), first, second),
        "reused_release": make.reused_release(again.placed(2), again.placed(7), zero, rest),
        "flood": make.flood(*flooded(one, quota)),
    }


def flooded(device: Device, quota: int) -> tuple[PlacedEntry, PlacedEntry]:
    """The first and the last of one more entry of one day than the quota; between them leaves that are there by their hashes alone."""
    same = [entry(n, time=START) for n in (0, quota)]
    hashes = [merkle.leaf_hash(same[0]), *([ROOT] * (quota - 1)), merkle.leaf_hash(same[1])]

    def read(level: int, index: int) -> bytes:
        return merkle.tree_root(hashes[index << level : (index + 1) << level])

    note = device.note(quota + 1, merkle.tree_root(hashes))
    first, last = (tuple(merkle.inclusion_path(read, index, quota + 1)) for index in (0, quota))
    return PlacedEntry(same[0], 0, first, note), PlacedEntry(same[1], quota, last, note)
