"""What the one writing process remembers of its store, so that a message costs no query that the last commit already answered.

Only the process that holds the node's lock may use it: nobody else changes the store while it lives. And only one thread at a time, the
one that commits: an answer that another thread asked for before a commit, and put here after it, would stand for ever. Other threads
read through `Node.reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, TypeVar

from ..record.authority import GOVERNING
from ..record.values import Cosignature, LogState, Row
from ..store.derived_interface import Derived
from ..store.interface import INDEXED, Change, FreshKey, KeptCheckpoint, KeptProof, Peer, Refused, Shelved, Store
from ..tlog.note import COSIGNATURE_ED25519

T = TypeVar("T")

_TAIL: Final = 64  # rows of a log's last change that are kept to be sent


def _key(one: Cosignature) -> tuple[int, int, int]:
    return one.by, one.kind, one.time


class Remembering:
    """A Store that answers small questions from memory, and forgets at a commit what the change touches."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counter = store.counter
        self._known: dict[tuple[object, ...], Any] = {}
        self._states: dict[int, LogState] | None = None
        self._peers: dict[int, Peer] | None = None

    def _remember(self, key: tuple[object, ...], ask: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = ask()
        found: T = self._known[key]
        return found

    def commit(self, change: Change) -> int:
        """See Store. Memory changes only after the commit."""
        try:
            self._counter = self._store.commit(change)
        except BaseException:
            self._known.clear()
            self._states = self._peers = None
            raise
        if self._states is not None:
            self._states = {**self._states, **{state.number: state for state in change.states}}
        if self._peers is not None:
            self._peers = {**self._peers, **{peer.number: peer for peer in change.peers}}
        for key in self._touched(change):
            self._known.pop(key, None)
        self._follow(change)
        return self._counter

    def _follow(self, change: Change) -> None:
        """What the change itself says of what is asked for with every message."""
        self._known.update((("meta", name), value) for name, value in change.meta.items())
        for kept in change.checkpoints:
            newest = self._known.get(("newest", kept.log))
            if ("newest", kept.log) in self._known and (newest is None or kept.size > newest.size):
                self._known["newest", kept.log] = kept
                self._known["cosigned", kept.log] = kept.size, []  # nobody cosigns what was not there
        for one in change.cosignatures:
            covered = self._known.get(("covered", one.log))
            if covered is not None and one.size > covered.get(one.by, 0):
                self._known["covered", one.log] = {**covered, one.by: one.size}
            self._follow_cosignature(one)
            last = self._known.get(("last", one.log, one.by))
            if last is not None and one.kind == COSIGNATURE_ED25519 and (one.size, one.time) > (last.size, last.time):
                self._known["last", one.log, one.by] = one
        for one in change.drop_cosignatures:
            size, found = self._known.get(("cosigned", one.log)) or (None, [])
            if size == one.size:
                self._known["cosigned", one.log] = size, [other for other in found if _key(other) != _key(one)]
        if change.shelve and not change.unshelve and ("shelf use",) in self._known:
            new = {(run.log, run.start): (run.count, len(run.data)) for run in change.shelve}
            self._known["shelf use",] = {**self._known["shelf use",], **new}
        tails: dict[int, list[Row]] = {}
        for row in change.rows:
            tails.setdefault(row.log, []).append(row)
        for log, rows in tails.items():
            self._known["tail", log] = rows if len(rows) <= _TAIL else []
            self._follow_rests(log, rows)

    def _follow_rests(self, log: int, rows: Sequence[Row]) -> None:
        known: tuple[int, dict[bytes, int]] | None = self._known.get(("rests", log))
        if known is None:
            return
        covered, newest = known
        if rows[-1].index + 1 - covered >= INDEXED:
            del self._known["rests", log]  # some of them are in an index now
            return
        for row in rows:
            newest.setdefault(row.rest, row.index)

    def _follow_cosignature(self, one: Cosignature) -> None:
        size, known = self._known.get(("cosigned", one.log)) or (None, [])
        if size == one.size and not any(_key(other) == _key(one) for other in known):
            self._known["cosigned", one.log] = size, sorted([*known, one], key=_key)

    def settle(self) -> None:
        """See Store."""
        self._store.settle()

    def make_room(self) -> None:
        """See Store."""
        self._store.make_room()

    @staticmethod
    def _touched(change: Change) -> Iterator[tuple[object, ...]]:
        if any(one.kind in GOVERNING for one in change.rows):
            yield ("governing", False)
            yield ("governing", True)
        if change.openings:
            yield ("openings",)
        if change.fresh_keys or change.drop_fresh_keys:
            yield ("fresh",)
        if change.shelve or change.unshelve:
            yield ("shelved",)
        if change.unshelve:
            yield ("shelf use",)
        if change.proofs:
            yield ("proofs",)

    @property
    def counter(self) -> int:
        """See Store."""
        return self._counter

    def meta(self, name: str) -> bytes | None:
        """See Store."""
        return self._remember(("meta", name), lambda: self._store.meta(name))

    def states(self) -> dict[int, LogState]:
        """See Store. A copy: callers put pending states on top."""
        if self._states is None:
            self._states = self._store.states()
        return dict(self._states)

    def openings(self) -> dict[int, bytes]:
        """See Store."""
        return self._remember(("openings",), self._store.openings)

    def rows(self, log: int, start: int, stop: int, max_bytes: int | None = None) -> list[Row]:
        """See Store. Whoever says how much fits wants to send them; whoever does not may want to know what is on the disk."""
        tail: list[Row] = self._known.get(("tail", log), []) if max_bytes is not None else []
        if tail and start >= tail[0].index and sum(len(row.body) for row in tail) <= (max_bytes or 0):
            return tail[start - tail[0].index : max(0, stop - tail[0].index)]
        return self._store.rows(log, start, stop, max_bytes)

    def row(self, log: int, index: int) -> Row | None:
        """See Store."""
        return self._store.row(log, index)

    def at(self, refs: Sequence[tuple[int, int]]) -> list[Row]:
        """See Store."""
        return self._store.at(refs)

    def seen_steps(self, log: int, start: int) -> Iterator[tuple[int, bytes]]:
        """See Store."""
        return self._store.seen_steps(log, start)

    def first_seen(self, log: int, of: int) -> tuple[int, bytes] | None:
        """See Store. Once there is one, it stays."""
        found: tuple[int, bytes] | None = self._known.get(("first_seen", log, of)) or self._store.first_seen(log, of)
        if found:
            self._known["first_seen", log, of] = found
        return found

    def scan(self, *, kinds: Collection[int] | None = None, log: int | None = None, since: int | None = None) -> Iterator[Row]:
        """See Store."""
        return self._store.scan(kinds=kinds, log=log, since=since)

    def governing(self, *, void: bool = False) -> list[Row]:
        """See Store."""
        return self._remember(("governing", void), lambda: self._store.governing(void=void))

    def hashes(self, log: int, level: int, start: int, count: int) -> list[bytes]:
        """See Store."""
        return self._store.hashes(log, level, start, count)

    def rests(self, log: int, rests: Collection[bytes], below: int | None = None) -> dict[bytes, int]:
        """See Store. The store would read each of the newest messages, which no index covers: they are remembered."""
        if below is not None:
            return self._store.rests(log, rests, below)
        covered, newest = self._remember(("rests", log), lambda: self._newest_rests(log))
        earlier = self._store.rests(log, rests, covered) if covered else {}
        return {rest: newest[rest] for rest in set(rests) & newest.keys()} | earlier

    def _newest_rests(self, log: int) -> tuple[int, dict[bytes, int]]:
        """How many messages of a log an index covers, and of the others the lowest index that bears each `rest`."""
        state = self.states().get(log)
        size = state.size if state else 0
        covered = size - size % INDEXED
        rows = self._store.rows(log, covered, size) if covered < size else []
        return covered, {row.rest: row.index for row in reversed(rows)}

    def checkpoint(self, log: int, size: int) -> KeptCheckpoint | None:
        """See Store."""
        newest = self.newest_checkpoint(log)
        if newest is None or size > newest.size:
            return None
        return newest if newest.size == size else self._store.checkpoint(log, size)

    def newest_checkpoint(self, log: int, at_most: int | None = None) -> KeptCheckpoint | None:
        """See Store."""
        newest = self._remember(("newest", log), lambda: self._store.newest_checkpoint(log))
        if newest is None or at_most is None or newest.size <= at_most:
            return newest
        return self._store.newest_checkpoint(log, at_most)

    def next_checkpoint(self, log: int, at_least: int) -> KeptCheckpoint | None:
        """See Store."""
        return self._store.next_checkpoint(log, at_least)

    def cosignatures(self, log: int, size: int) -> list[Cosignature]:
        """See Store."""
        newest = self.newest_checkpoint(log)
        if newest is None or newest.size < size:
            return []  # nobody cosigns what is not there
        if newest.size != size:
            return self._store.cosignatures(log, size)
        held, found = self._known.get(("cosigned", log)) or (None, [])
        if held != size:
            found = self._store.cosignatures(log, size)
            self._known["cosigned", log] = size, found
        return list(found)

    def covered(self, log: int) -> dict[int, int]:
        """See Store."""
        return self._remember(("covered", log), lambda: self._store.covered(log))

    def first_cosignatures(self, log: int, index: int) -> list[Cosignature]:
        """See Store."""
        return self._store.first_cosignatures(log, index)

    def last_cosignature(self, log: int, by: int, below: int) -> Cosignature | None:
        """See Store."""
        known: Cosignature | None = self._known.get(("last", log, by))
        if known is not None and known.size < below:
            return known
        found = self._store.last_cosignature(log, by, below)
        if found is not None and found.size == self.covered(log).get(by):
            self._known["last", log, by] = found
        return found

    def cosigned_since(self, log: int, after_size: int) -> list[Cosignature]:
        """See Store."""
        return self._store.cosigned_since(log, after_size)

    def peers(self) -> dict[int, Peer]:
        """See Store."""
        if self._peers is None:
            self._peers = self._store.peers()
        return self._peers

    def fresh_keys(self, peer: int | None = None) -> list[FreshKey]:
        """See Store."""
        keys = self._remember(("fresh",), self._store.fresh_keys)
        return [key for key in keys if peer is None or key.peer == peer]

    def fresh_key(self, key_id: bytes) -> FreshKey | None:
        """See Store."""
        return next((key for key in self.fresh_keys(None) if key.key_id == key_id), None)

    def shelved(self, *, data: bool = True) -> list[Shelved]:
        """See Store. What is remembered is without data."""
        return self._store.shelved() if data else self._remember(("shelved",), lambda: self._store.shelved(data=False))

    def shelf_use(self) -> dict[tuple[int, int], tuple[int, int]]:
        """(log, start) of each run that waits -> its messages and bytes."""
        found: dict[tuple[int, int], tuple[int, int]] = self._remember(
            ("shelf use",), lambda: {(run.log, run.start): (run.count, len(run.data)) for run in self._store.shelved()}
        )
        return found

    def refused(self, limit: int = 100, *, data: bool = True) -> Sequence[Refused]:
        """See Store."""
        return self._store.refused(limit, data=data)

    def proofs(self) -> list[KeptProof]:
        """See Store."""
        return self._remember(("proofs",), self._store.proofs)

    def derived(self) -> Derived:
        """See Store."""
        return self._store.derived()

    def close(self) -> None:
        """See Store."""
        self._store.close()
