"""A store in memory: `store.interface.Store` without a file, quick, and as old as one likes.

What it does with a change is what the SQLite store does with it; test_memory_store.py drives both and compares every answer. What was
committed is what a disk would hold after a power cut.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace

from ceasewire import limits
from ceasewire.errors import LocalError
from ceasewire.record import encoding
from ceasewire.record.authority import GOVERNING
from ceasewire.record.values import Cosignature, LogState, Row
from ceasewire.store.derived import DerivedFile
from ceasewire.store.derived_interface import Derived
from ceasewire.store.interface import Change, FreshKey, KeptCheckpoint, KeptProof, Peer, Refused, Shelved
from ceasewire.tlog.note import COSIGNATURE_ED25519

_REFUSED_ROW_BYTES = 128  # as store.writing counts
_Key = tuple[int, int, int, int]  # of a cosignature: size, by, kind, time


@dataclass
class OneLog:
    """What is kept of one log."""

    rows: list[Row] = field(default_factory=list)
    rests: dict[bytes, int] = field(default_factory=dict)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    checkpoints: dict[int, KeptCheckpoint] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)  # of the checkpoints, sorted
    cosignatures: dict[_Key, Cosignature] = field(default_factory=dict)
    keys: list[_Key] = field(default_factory=list)  # of the cosignatures, sorted

    def copied(self) -> OneLog:
        """Another one, that changes by itself."""
        return OneLog(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})


@dataclass
class Tables:
    """All that a store holds."""

    logs: dict[int, OneLog] = field(default_factory=dict)
    states: dict[int, LogState] = field(default_factory=dict)
    openings: dict[int, bytes] = field(default_factory=dict)
    peers: dict[int, Peer] = field(default_factory=dict)
    fresh: dict[bytes, FreshKey] = field(default_factory=dict)
    shelf: dict[tuple[int, int], Shelved] = field(default_factory=dict)
    proofs: dict[tuple[int, int], KeptProof] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    refused_ever: int = 0
    refused_bytes: int = 0
    meta: dict[str, bytes] = field(default_factory=dict)
    counter: int = 0

    def copied(self) -> Tables:
        """Another one, that changes by itself. The values in it never change."""
        made = Tables(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})
        made.logs = {log: one.copied() for log, one in self.logs.items()}
        return made


class MemoryStore:
    """`interface.Store` in memory."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables()
        self._synced: Tables | None = None  # what a power cut leaves at the least, if that is not all
        self._unsynced: list[Change] = []  # what was committed since
        self._derived = DerivedFile(None)

    # --- Time travel ---

    def snapshot(self) -> Tables:
        """All that is kept now, as a backup holds it."""
        return self.tables.copied()

    def restore(self, kept: Tables) -> None:
        """Put a backup in its place. What is derived stays, as a file beside the store would."""
        self.settle()
        self.tables = kept.copied()

    def power_cut(self, kept: float) -> int:
        """Of what was committed since the last commit that lasts, a power cut leaves the first part, 0 to 1 of it; how many are gone."""
        if self._synced is None:
            return 0
        left = self._unsynced[: round(kept * len(self._unsynced))]
        gone = len(self._unsynced) - len(left)
        self.tables = self._synced
        self.settle()
        for change in left:
            self._write(change)
        return gone

    # --- Writing ---

    def settle(self) -> None:
        """See Store."""
        self._synced, self._unsynced = None, []

    def make_room(self) -> None:
        """See Store."""

    def commit(self, change: Change) -> int:
        """See Store."""
        self._check(change.rows)
        if change.lasting:
            self.settle()
        else:
            self._synced = self._synced or self.tables.copied()
            self._unsynced.append(change)
        return self._write(change)

    def _write(self, change: Change) -> int:
        kept = self.tables
        for row in change.rows:
            log = self._log(row.log)
            log.rows.append(row)
            log.rests.setdefault(row.rest, row.index)
        for state in change.states:
            kept.states[state.number] = state
        for tile in change.tiles:
            self._log(tile.log).tiles.setdefault((tile.level, tile.index), tile.hash)
        for checkpoint in change.checkpoints:
            log = self._log(checkpoint.log)
            if checkpoint.size not in log.checkpoints:
                log.checkpoints[checkpoint.size] = checkpoint
                insort(log.sizes, checkpoint.size)
        for one in change.cosignatures:
            log, key = self._log(one.log), (one.size, one.by, one.kind, one.time)
            if key not in log.cosignatures:
                log.cosignatures[key] = one
                insort(log.keys, key)
        for one in change.drop_cosignatures:
            log, key = self._log(one.log), (one.size, one.by, one.kind, one.time)
            if log.cosignatures.pop(key, None):
                log.keys.remove(key)
        for number, data in change.openings.items():
            kept.openings.setdefault(number, data)
        self._replace(change)
        self._refuse(change.refused)
        kept.counter += change.signed
        return kept.counter

    def _check(self, rows: Sequence[Row]) -> None:
        ends: dict[int, int] = {}
        for row in rows:
            end = ends.get(row.log, len(self._peek(row.log).rows))
            if row.index != end:
                raise LocalError("store.damaged", f"log {row.log} holds {end} messages and was given number {row.index}")
            ends[row.log] = end + 1

    def _replace(self, change: Change) -> None:
        kept = self.tables
        kept.peers |= {peer.number: peer for peer in change.peers}
        kept.fresh |= {key.key_id: key for key in change.fresh_keys}
        for key_id in change.drop_fresh_keys:
            kept.fresh.pop(key_id, None)
        for place in change.unshelve:
            kept.shelf.pop(place, None)
        kept.shelf |= {(run.log, run.start): run for run in change.shelve}
        kept.proofs |= {(proof.log, proof.kind): proof for proof in change.proofs}
        kept.meta |= change.meta

    def _refuse(self, added: Sequence[Refused]) -> None:
        kept = self.tables
        for one in added:
            kept.refused_ever += 1
            kept.refused.append(replace(one, number=kept.refused_ever))
            kept.refused_bytes += _weight(one)
        if not added or kept.refused_bytes <= limits.REFUSED_BYTES_KEPT:
            return
        left = []
        for one in kept.refused:
            if one.code != "log.fork" and kept.refused_bytes > limits.REFUSED_BYTES_KEPT:
                kept.refused_bytes -= _weight(one)
            else:
                left.append(one)
        kept.refused = left

    # --- Reading ---

    def _log(self, log: int) -> OneLog:
        return self.tables.logs.setdefault(log, OneLog())

    def _peek(self, log: int) -> OneLog:
        return self.tables.logs.get(log) or OneLog()

    @property
    def counter(self) -> int:
        """See Store."""
        return self.tables.counter

    def meta(self, name: str) -> bytes | None:
        """See Store."""
        return self.tables.meta.get(name)

    def states(self) -> dict[int, LogState]:
        """See Store."""
        return dict(sorted(self.tables.states.items()))

    def openings(self) -> dict[int, bytes]:
        """See Store."""
        return dict(sorted(self.tables.openings.items()))

    def rows(self, log: int, start: int, stop: int, max_bytes: int | None = None) -> list[Row]:
        """See Store."""
        found = self._peek(log).rows[start : max(start, stop)]
        if max_bytes is None:
            return found
        kept: list[Row] = []
        for row in found:
            max_bytes -= len(row.body)
            if max_bytes < 0 and kept:
                break
            kept.append(row)
        return kept

    def row(self, log: int, index: int) -> Row | None:
        """See Store."""
        rows = self._peek(log).rows
        return rows[index] if 0 <= index < len(rows) else None

    def at(self, refs: Sequence[tuple[int, int]]) -> list[Row]:
        """See Store."""
        return [row for ref in refs if (row := self.row(*ref))]

    def seen_steps(self, log: int, start: int) -> Iterator[tuple[int, bytes]]:
        """See Store."""
        rows = self._peek(log).rows[:]
        for row in rows[start:]:
            if not row.index or row.seen != rows[row.index - 1].seen:
                yield row.index, row.seen

    def first_seen(self, log: int, of: int) -> tuple[int, bytes] | None:
        """See Store."""
        sees = (row for row in self._peek(log).rows if of in encoding.sizes(encoding.decode(row.seen)))
        return next(((row.index, row.seen) for row in sees), None)

    def scan(self, *, kinds: Collection[int] | None = None, log: int | None = None, since: int | None = None) -> Iterator[Row]:
        """See Store."""
        every = [one.rows[:] for number, one in sorted(self.tables.logs.items()) if log in (None, number)]
        for row in heapq.merge(*every, key=lambda row: (row.time, row.log, row.index)):
            if (kinds is None or row.kind in kinds) and (since is None or row.time >= since):
                yield row

    def governing(self, *, void: bool = False) -> list[Row]:
        """See Store."""
        every = (row for _, one in sorted(self.tables.logs.items()) for row in one.rows)
        return [row for row in every if row.kind in GOVERNING and (void or row.void is None)]

    def hashes(self, log: int, level: int, start: int, count: int) -> list[bytes]:
        """See Store."""
        one = self._peek(log)
        if level == 0:
            found = [row.leaf for row in one.rows[start : start + count]]
        else:
            found = [one.tiles[level, n] for n in range(start, start + count) if (level, n) in one.tiles]
        if len(found) != count:
            raise LocalError("store.damaged", f"log {log} lacks hashes of level {level} between {start} and {start + count}")
        return found

    def rests(self, log: int, rests: Collection[bytes], below: int | None = None) -> dict[bytes, int]:
        """See Store."""
        known = self._peek(log).rests
        return {rest: known[rest] for rest in rests if rest in known and (below is None or known[rest] < below)}

    def checkpoint(self, log: int, size: int) -> KeptCheckpoint | None:
        """See Store."""
        return self._peek(log).checkpoints.get(size)

    def newest_checkpoint(self, log: int, at_most: int | None = None) -> KeptCheckpoint | None:
        """See Store."""
        one = self._peek(log)
        place = len(one.sizes) if at_most is None else bisect_right(one.sizes, at_most)
        return one.checkpoints[one.sizes[place - 1]] if place else None

    def next_checkpoint(self, log: int, at_least: int) -> KeptCheckpoint | None:
        """See Store."""
        one = self._peek(log)
        place = bisect_left(one.sizes, at_least)
        return one.checkpoints[one.sizes[place]] if place < len(one.sizes) else None

    def cosignatures(self, log: int, size: int) -> list[Cosignature]:
        """See Store."""
        return [one for one in self.cosigned_since(log, size - 1) if one.size == size]

    def covered(self, log: int) -> dict[int, int]:
        """See Store."""
        found: dict[int, int] = {}
        for size, by, _, _ in self._peek(log).keys:
            found[by] = max(size, found.get(by, 0))
        return dict(sorted(found.items()))

    def first_cosignatures(self, log: int, index: int) -> list[Cosignature]:
        """See Store."""
        first: dict[int, Cosignature] = {}
        for one in sorted(self.cosigned_since(log, index), key=lambda one: (one.time, one.size, one.kind)):
            first.setdefault(one.by, one)
        return [one for _, one in sorted(first.items())]

    def cosigned_since(self, log: int, after_size: int) -> list[Cosignature]:
        """See Store."""
        one = self._peek(log)
        least = -(2**63)
        return [one.cosignatures[key] for key in one.keys[bisect_left(one.keys, (after_size + 1, least, least, least)) :]]

    def last_cosignature(self, log: int, by: int, below: int) -> Cosignature | None:
        """See Store."""
        one = self._peek(log)
        least = -(2**63)
        keys = one.keys[: bisect_left(one.keys, (below, least, least, least))]
        found = max(((size, time) for size, who, kind, time in keys if (who, kind) == (by, COSIGNATURE_ED25519)), default=None)
        return None if found is None else one.cosignatures[found[0], by, COSIGNATURE_ED25519, found[1]]

    def peers(self) -> dict[int, Peer]:
        """See Store."""
        return dict(sorted(self.tables.peers.items()))

    def fresh_keys(self, peer: int | None = None) -> list[FreshKey]:
        """See Store."""
        found = sorted(self.tables.fresh.values(), key=lambda key: (key.made, key.key_id))
        return [key for key in found if peer in (None, key.peer)]

    def fresh_key(self, key_id: bytes) -> FreshKey | None:
        """See Store."""
        return self.tables.fresh.get(key_id)

    def shelved(self, *, data: bool = True) -> list[Shelved]:
        """See Store."""
        found = [run for _, run in sorted(self.tables.shelf.items())]
        return found if data else [replace(run, data=b"") for run in found]

    def refused(self, limit: int = 100, *, data: bool = True) -> Sequence[Refused]:
        """See Store."""
        found = self.tables.refused[::-1][:limit]
        return found if data else [replace(one, data=b"") for one in found]

    def proofs(self) -> list[KeptProof]:
        """See Store."""
        return [proof for _, proof in sorted(self.tables.proofs.items())]

    def derived(self) -> Derived:
        """See Store."""
        return self._derived

    def close(self) -> None:
        """See Store. What is kept stays."""
        self._derived.close()


def _weight(one: Refused) -> int:
    return len(one.data) + len(one.detail) + _REFUSED_ROW_BYTES
