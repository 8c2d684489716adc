"""Record order: by time; within one second causally; then by log number and index. PROTOCOL section 8.

An entry is never dated before what it has seen, so the order is causal as a whole. It depends on the logs alone, not on how or
when they arrived: every node that holds the same entries lists them in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import encoding
from .values import Row


def in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows that come sorted by time, in record order. Holds one second's rows at a time."""
    second: list[Row] = []
    for one in rows:
        if second and one.time != second[0].time:
            yield from _causally(second)
            second = []
        second.append(one)
    yield from _causally(second)


def _causally(rows: list[Row]) -> Iterator[Row]:
    """Rows of one second: each after those of its log below it and after those it has seen; ties by log number and index."""
    if len({one.log for one in rows}) < 2:
        yield from sorted(rows, key=lambda one: one.index)
        return
    queues: dict[int, list[Row]] = {}
    for one in sorted(rows, key=lambda one: -one.index):
        queues.setdefault(one.log, []).append(one)
    # What an entry has seen is a prefix of each log, so it is enough to compare with the next row of each queue.
    ready = [(log, _seen(queue[-1])) for log, queue in queues.items()]
    while ready:
        free = [log for log, seen in ready if not _waits(seen, queues)]
        # Rows that were admitted always leave one free. Forged ones that have seen each other do not: the lowest number goes
        # first.
        log = min(free or [log for log, _ in ready])
        yield queues[log].pop()
        ready = [(other, seen) for other, seen in ready if other != log]
        if queues[log]:
            ready.append((log, _seen(queues[log][-1])))


def _seen(one: Row) -> dict[int, int]:
    return encoding.sizes(encoding.decode(one.seen))


def _waits(seen: dict[int, int], queues: dict[int, list[Row]]) -> bool:
    return any(queue and seen.get(log, 0) > queue[-1].index for log, queue in queues.items())
