"""The shelf: runs that wait. Each log has its own room, so that whoever fills one keeps nobody else's from it."""

from __future__ import annotations

from typing import Final

from .. import limits
from ..store.interface import Change, Shelved

Use = dict[tuple[int, int], tuple[int, int]]
"""(log, start) of a run that waits -> its messages and bytes."""

_MESSAGES_PER_SECOND: Final = 128


class Shelf:
    """The shelf of a store while a change is being made. `use` is what lies there."""

    def __init__(self, use: Use, change: Change) -> None:
        self._change = change
        self._kept = dict(use)
        self._used: dict[int, tuple[int, int]] = {}  # log -> messages, bytes
        for (log, _), (messages, size) in use.items():
            before = self._used.get(log, (0, 0))
            self._used[log] = before[0] + messages, before[1] + size

    def has_room(self, run: Shelved) -> bool:
        """Whether there is room for a run, in place of one with its start. If not it is dropped, and comes again; so it is if it lies there
        already."""
        messages, size = self._after(run)
        same = self._kept.get((run.log, run.start)) == (run.count, len(run.data))
        return not same and messages <= limits.SHELF_MESSAGES and size <= limits.SHELF_BYTES

    def put(self, run: Shelved) -> None:
        """Keep a run for which there is room."""
        self._use(run)
        self._change.shelve.append(run)

    def _after(self, run: Shelved) -> tuple[int, int]:
        messages, size = self._used.get(run.log, (0, 0))
        before = self._kept.get((run.log, run.start), (0, 0))
        return messages + run.count - before[0], size + len(run.data) - before[1]

    def _use(self, run: Shelved) -> None:
        self._used[run.log] = self._after(run)
        self._kept[run.log, run.start] = (run.count, len(run.data))


class Tries:
    """When the runs that wait were last looked at: a long one, which costs as much as it is long, is not looked at whenever something has
    come, which is as often as whoever sent it likes."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, int], int] = {}

    def again(self, run: Shelved, now: int) -> bool:
        """Whether a run may be looked at now; then the next time is set, in POSIX seconds."""
        key = run.log, run.start
        if now < self._next.get(key, now) <= now + run.count:  # the clock may have been set back
            return False
        self._next[key] = now + run.count // _MESSAGES_PER_SECOND
        return True
