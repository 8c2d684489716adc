"""The store in memory is the SQLite store in all that can be asked of it: both are given the same changes, and every answer is compared."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ceasewire.errors import LocalError
from ceasewire.record import encoding
from ceasewire.record.values import Cosignature, LogState, Row
from ceasewire.store import sqlite
from ceasewire.store.interface import Change, FreshKey, KeptCheckpoint, KeptProof, Peer, Refused, Shelved, Store, TileHash
from ceasewire.tlog.merkle import Frontier
from helpers import seed_of
from node.pair import MEMORY
from sim.memory import MemoryStore

LOGS = (0, 1, 2**31 + 5)
KINDS = (2, 4, 11, 14)


class Making:
    """Changes that mean nothing, from one seed: what is written once is often written twice, and what may be replaced is."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.sizes = dict.fromkeys(LOGS, 0)
        self.seen: dict[int, dict[int, int]] = {log: {} for log in LOGS}
        self.number = 0

    def some(self, most: int) -> range:
        return range(self.draw.choice((0, 0, 1, 1, most)))

    def log(self) -> int:
        return self.draw.choice(LOGS)

    def hash(self) -> bytes:
        self.number += 1
        return seed_of("sim", self.number)

    def size(self) -> int:
        return self.draw.randrange(1, 12)

    def row(self, log: int, index: int) -> Row:
        if self.draw.random() < 0.3:
            other = self.draw.choice([one for one in LOGS if one != log])
            self.seen[log][other] = self.seen[log].get(other, 0) + 1
        seen = encoding.encode(dict(sorted(self.seen[log].items())))
        rest = seed_of("rest", self.draw.randrange(40))  # so that some come again
        time = 1000 + index // 2
        void = self.draw.choice((None, None, "ref.unknown"))
        body = bytes(self.draw.randrange(1, 200))
        return Row(log, index, self.draw.choice(KINDS), time, seen, self.hash(), rest, self.hash(), self.hash()[:16], body, void)

    def rows(self) -> list[Row]:
        found = []
        for log in LOGS:
            for _ in self.some(4):
                found.append(self.row(log, self.sizes[log]))
                self.sizes[log] += 1
        return found

    def states(self) -> list[LogState]:
        return [
            LogState(log, Frontier(size, tuple(self.hash() for _ in range(size.bit_count()))), size, self.seen[log].copy(), None)
            for log, size in self.sizes.items()
            if self.draw.random() < 0.5
        ]

    def fresh(self) -> FreshKey:
        retired = self.draw.choice((None, 5))
        return FreshKey(
            bytes([self.draw.randrange(6)]) * 16, self.draw.choice(LOGS), self.hash(), b"sealed", self.draw.randrange(4), retired
        )

    def change(self) -> Change:
        draw, log = self.draw, self.log
        return Change(
            rows=self.rows(),
            states=self.states(),
            tiles=[TileHash(log(), draw.randrange(1, 3), draw.randrange(4), self.hash()) for _ in self.some(3)],
            checkpoints=[KeptCheckpoint(log(), self.size(), self.hash(), b"lines") for _ in self.some(3)],
            cosignatures=[
                Cosignature(log(), self.size(), draw.choice((*LOGS, -1)), draw.choice((4, 6)), draw.randrange(9), self.hash())
                for _ in self.some(5)
            ],
            drop_cosignatures=[
                Cosignature(log(), self.size(), draw.choice((*LOGS, -1)), draw.choice((4, 6)), draw.randrange(9), b"") for _ in self.some(9)
            ],
            peers=[Peer(log(), draw.randrange(9), None, None, {0: self.size()}, {1: self.size()}, None, 3) for _ in self.some(2)],
            fresh_keys=[self.fresh() for _ in self.some(2)],
            drop_fresh_keys=[bytes([draw.randrange(6)]) * 16 for _ in self.some(1)],
            shelve=[Shelved(log(), self.size(), 1, "hold.seen", 7, self.hash()) for _ in self.some(2)],
            unshelve=[(log(), self.size()) for _ in self.some(2)],
            refused=[Refused(4, draw.choice((None, 1)), draw.choice(("log.fork", "log.root")), "why", bytes(300)) for _ in self.some(2)],
            proofs=[KeptProof(log(), draw.randrange(1, 4), draw.choice((None, 3)), 8, self.hash()) for _ in self.some(2)],
            openings={log(): self.hash() for _ in self.some(1)},
            meta={draw.choice("abc"): self.hash() for _ in self.some(2)},
            signed=draw.random() < 0.5,
        )


def answers(store: Store) -> Iterator[object]:
    """Everything that can be asked of a store."""
    yield from (store.counter, store.states(), store.openings(), store.governing(), store.peers(), store.fresh_keys(), store.proofs())
    yield from (store.shelved(), store.shelved(data=False), store.refused(), store.refused(3, data=False), list(store.scan()))
    yield from (store.meta(name) for name in "abcd")
    yield from (store.fresh_key(bytes([n]) * 16) for n in range(6))
    yield [list(store.scan(kinds={2, 11}, since=1001)), list(store.scan(log=1))]
    yield store.at([(0, 3), (1, 1), (9, 9), (0, 0), (2**31 + 5, 2)])
    for log in (*LOGS, 77):
        size = len(store.rows(log, 0, 1000))
        yield from (store.covered(log), store.newest_checkpoint(log), store.fresh_keys(log), store.cosigned_since(log, 4))
        yield from (store.rows(log, 2, size - 1), store.rows(log, 1, size, max_bytes=150), store.row(log, 2), store.row(log, size))
        yield from (store.hashes(log, 0, 0, size), [store.first_seen(log, other) for other in LOGS])
        yield from ([(index, bytes(seen)) for index, seen in store.seen_steps(log, at)] for at in (0, 1, 5))
        yield store.rests(log, [seed_of("rest", n) for n in range(45)])
        for place in range(13):
            yield from (store.checkpoint(log, place), store.newest_checkpoint(log, place), store.next_checkpoint(log, place))
            yield from (store.cosignatures(log, place), store.first_cosignatures(log, place))
            yield from (store.last_cosignature(log, by, place) for by in (*LOGS, -1))
        for level in (1, 2):
            for at in range(4):
                with suppress(LocalError):
                    yield store.hashes(log, level, at, 1)


@pytest.fixture
def stores() -> Iterator[tuple[MemoryStore, Store]]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        sqlite.create(Path(folder, "store.sqlite"))
        real = sqlite.open_writer(Path(folder, "store.sqlite"))
        memory = MemoryStore()
        yield memory, real
        memory.close()
        real.close()


@pytest.mark.parametrize("seed", range(12))
def test_both_stores_give_the_same_answers(stores: tuple[MemoryStore, Store], seed: int) -> None:
    memory, real = stores
    making = Making(seed)
    for _ in range(25):
        change = making.change()
        assert memory.commit(change) == real.commit(change)
    assert list(answers(memory)) == list(answers(real))


def test_a_row_out_of_its_place_changes_neither(stores: tuple[MemoryStore, Store]) -> None:
    making = Making(99)
    whole, row = making.change(), making.row(0, 0)
    for store in stores:
        store.commit(Change(rows=[row], meta={"a": b"1"}))
        before = list(answers(store))
        for wrong in ([row], [making.row(0, 2)], [making.row(0, 1), making.row(0, 1)]):
            with pytest.raises(LocalError, check=lambda error: error.code == "store.damaged"):
                store.commit(Change(rows=wrong, meta=whole.meta | {"a": b"2"}, signed=True))
        assert list(answers(store)) == before


def test_a_power_cut_takes_what_is_not_lasting_and_nothing_before_it() -> None:
    """What it leaves is a beginning of what was committed, with every commit that lasts."""
    for seed in range(20):
        store, other, making = MemoryStore(), MemoryStore(), Making(seed)
        for _ in range(5):
            change = making.change()
            for one in (store, other):
                one.commit(change)
        soft = [Change(meta={f"used/{n}": b"key"}, cosignatures=[Cosignature(0, 3, 1, 4, n, bytes(64))]) for n in range(4)]
        assert not any(change.lasting for change in soft)
        for change in soft:
            store.commit(change)
        assert store.power_cut(0.5) == 2
        for change in soft[:2]:
            other.commit(change)
        assert list(answers(store)) == list(answers(other))
        store.commit(Change(signed=True))
        assert store.power_cut(0) == 0
        for one in (store, other):
            one.close()


def test_nothing_of_a_store_is_left_out() -> None:
    """Every method of the interface is in `answers`, but for those that write, let go, make room, or give what is derived."""
    asked = set(re.findall(r"store\.(\w+)", Path(__file__).read_text("utf-8")))
    methods = {name for name in vars(Store) if not name.startswith("_")}
    assert methods - asked == {"derived", "make_room", "settle"}


def test_a_snapshot_is_of_its_moment() -> None:
    store, making = MemoryStore(), Making(7)
    for _ in range(10):
        store.commit(making.change())
    kept, then = store.snapshot(), list(answers(store))
    for _ in range(10):
        store.commit(making.change())
    assert list(answers(store)) != then
    for _ in range(2):
        store.restore(kept)
        assert list(answers(store)) == then
        store.commit(Change(meta={"a": b"later"}, signed=True))
    store.close()
