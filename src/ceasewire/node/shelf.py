"""The shelf: runs that wait. Each log has its own room, so that whoever fills one keeps nobody else's from it."""

from __future__ import annotations

from .. import limits
from ..store.interface import Change, Shelved, Store


class Shelf:
    """The shelf of a store while a change is being made."""

    def __init__(self, store: Store, change: Change) -> None:
        self._change = change
        self._kept: dict[tuple[int, int], tuple[int, int]] = {}  # (log, start) -> messages, bytes
        self._used: dict[int, tuple[int, int]] = {}  # log -> messages, bytes
        for run in store.shelved():
            self._use(run)

    def put(self, run: Shelved) -> None:
        """Keep a run, in place of one with its start, if its log has room; else it is dropped, and comes again."""
        messages, size = self._after(run)
        if messages <= limits.SHELF_MESSAGES and size <= limits.SHELF_BYTES:
            self._use(run)
            self._change.shelve.append(run)

    def _after(self, run: Shelved) -> tuple[int, int]:
        messages, size = self._used.get(run.log, (0, 0))
        before = self._kept.get((run.log, run.start), (0, 0))
        return messages + run.count - before[0], size + len(run.data) - before[1]

    def _use(self, run: Shelved) -> None:
        self._used[run.log] = self._after(run)
        self._kept[run.log, run.start] = (run.count, len(run.data))
