"""What each cosigner said of each size: how much of it is kept, and how much others may make us write. spec/bundle.md, rules 46 to 48.

A witness may cosign one size again and again: a log that stands still is proved silent by the newest of its times, and that the log had
come so far by the first. What lies between these two proves nothing that they do not, so no more than two are kept, however many come.
"""

from __future__ import annotations

from typing import Final

from ..limits import NEWER_COSIGNATURE_BYTES_PER_PARTY_AND_DAY, NOTE_BYTES_PER_PARTY_AND_DAY
from ..record.values import Cosignature
from ..store.interface import Change, KeptCheckpoint, Store
from .budget import Spent

_ROW_BYTES: Final = 96  # what a row takes on the disk beside its signature, with its place in the index

Voices = dict[tuple[int, int], list[Cosignature]]
"""(cosigner, C2SP signature type) -> its cosignatures over one size of one log, in order of time."""


class Cosigned:
    """The cosignatures of a store, with those of a change that is being made. A size is read from the store once."""

    def __init__(self, store: Store, change: Change) -> None:
        self._store = store
        self._change = change
        self._read = 0  # of the change's cosignatures
        self._over: dict[tuple[int, int], Voices] = {}
        self._reach: dict[tuple[int, int], int] = {}  # (log, cosigner) -> largest size in the change

    def over(self, log: int, size: int) -> Voices:
        """Who cosigned a size of a log, and when."""
        news = self._change.cosignatures[self._read :]
        self._read += len(news)
        for one in news:  # not all of which went through `add`
            self._put(one)
        return self._voices(log, size)

    def reach(self, log: int, by: int) -> int:
        """The largest size of a log that a cosigner is known to have cosigned."""
        return max(self._store.covered(log).get(by, 0), self._reach.get((log, by), 0))

    def add(self, one: Cosignature) -> bool:
        """Keep a cosignature, and of its cosigner's over this size the first and the newest; whether it is one of these."""
        kept = self.over(one.log, one.size).get((one.by, one.kind), [])
        if any(each.time == one.time for each in kept):
            return False
        times = [one.time, *(each.time for each in kept)]
        stay = {min(times), max(times)}
        if one.time not in stay:
            return False
        gone = [each for each in kept if each.time not in stay]
        self._change.drop_cosignatures += gone
        for each in gone:
            kept.remove(each)
        self._change.cosignatures.append(one)
        self._read += 1
        self._put(one)
        return True

    def _voices(self, log: int, size: int) -> Voices:
        if (log, size) not in self._over:
            found: Voices = {}
            for one in self._store.cosignatures(log, size):
                found.setdefault((one.by, one.kind), []).append(one)
            self._over[log, size] = found
        return self._over[log, size]

    def _put(self, one: Cosignature) -> None:
        kept = self._voices(one.log, one.size).setdefault((one.by, one.kind), [])
        kept.append(one)
        kept.sort(key=lambda each: each.time)
        self._reach[one.log, one.by] = max(one.size, self._reach.get((one.log, one.by), 0))


class Room:
    """What is left of a party's room of the day for notes, while one note of its is read."""

    def __init__(self, spent: Spent, party: int, now: int) -> None:
        self._spent = spent
        self._party = party
        self._now = now

    def has(self, *, newer: bool) -> bool:
        """Whether there is room for more; `newer`: for what says more than all that is known of its signer."""
        most = NEWER_COSIGNATURE_BYTES_PER_PARTY_AND_DAY if newer else NOTE_BYTES_PER_PARTY_AND_DAY
        return self._spent.today(self._party, self._now) < most

    def take(self, checkpoints: list[KeptCheckpoint], cosignatures: list[Cosignature]) -> None:
        """Count what is kept of the note."""
        size = sum(_ROW_BYTES + len(one.signature) for one in cosignatures)
        size += sum(_ROW_BYTES + len(one.root) + len(one.lines) for one in checkpoints)
        self._spent.add(self._party, size, self._now)
