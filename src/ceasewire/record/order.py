"""Record order: by time; within one second by level; then by log number and index. spec/entry.md; PROTOCOL section 8.

The level of an entry says how many steps of cause lie below it within its own second: 0 if nothing of that second lies in its causal
past, else one more than the highest of those that do. So the place `(time, level, log, index)` belongs to an entry alone. Any part of
a record sorts like the whole, on every node and in whatever order it came, and whoever keeps the level sorts without reading more.

No entry is dated before what it has seen, so the order is causal as a whole. (But for entries that do not stand because their log showed
two histories: theirs is level 0, and they raise no other's, since another node may hold others in their place.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from . import encoding
from .conviction import TWO_FACES
from .message import Body, message_of
from .values import Row

RefTuple: TypeAlias = tuple[int, int]  # log number, index
Place: TypeAlias = tuple[int, int, int, int]  # time, level, log number, index

_SEEN_KEPT: Final = 4096  # one log's entries bear the same `seen` many times over


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry at its place in record order."""

    place: Place
    row: Row

    @property
    def ref(self) -> RefTuple:
        """Log number and index."""
        return self.row.log, self.row.index

    def body(self) -> Body:
        """The body, decoded anew at every call."""
        return message_of(self.row).body


@lru_cache(_SEEN_KEPT)
def seen_of(seen: bytes) -> Mapping[int, int]:
    """A row's `seen` as log number -> size. Not to be changed: it is shared."""
    return encoding.sizes(encoding.decode(seen))


def level_of(one: Row, before: Callable[[int, int], tuple[int, int] | None]) -> int:
    """The level of an entry. `before(log, index)` gives time and level of an entry below it, None if it is not held.

    It is asked for the previous entry of its own log and for the newest that it saw of every other: theirs are the highest.
    """
    below = [before(one.log, one.index - 1)] if one.index else []
    below += [before(log, size - 1) for log, size in seen_of(one.seen).items()]
    return max((level + 1 for time, level in filter(None, below) if time == one.time), default=0)


def place_of(one: Row, level: int) -> Place:
    """The place of an entry of that level."""
    return one.time, level, one.log, one.index


def placed(rows: Iterable[Row]) -> Iterator[Placed]:
    """A whole record that comes sorted by time, in record order. Holds one second's rows at a time.

    A part of a record may lack what makes a level: whoever lists parts keeps the levels and sorts by `place_of`.
    """
    second: list[Row] = []
    for one in rows:
        if second and one.time != second[0].time:
            yield from _of_one_second(second)
            second = []
        second.append(one)
    yield from _of_one_second(second)


def in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of `placed` without their places."""
    return (one.row for one in placed(rows))


def _of_one_second(rows: list[Row]) -> list[Placed]:
    # Of a log that showed two histories another node may hold other entries, or none: what they lie below is no higher for it.
    levels = _levels({(one.log, one.index): one for one in rows if one.void != TWO_FACES})
    found = [Placed(place_of(one, levels.get((one.log, one.index), 0)), one) for one in rows]
    found.sort(key=lambda one: one.place)
    return found


def _levels(rows: Mapping[RefTuple, Row]) -> dict[RefTuple, int]:
    """The level of each row of one second, from below, without recursion: a chain may be thousands long."""
    levels: dict[RefTuple, int] = {}
    for start in sorted(rows):
        # Rows that were admitted never wait for each other. Of forged ones that do, whichever is met first counts as the lower.
        entered: set[RefTuple] = set()
        stack = [start]
        while stack:
            ref = stack[-1]
            waits = [other for other in _just_below(rows[ref]) if other in rows and other not in levels and other not in entered]
            entered.add(ref)
            waits = [other for other in waits if other != ref]
            if waits:
                stack += waits
                continue
            stack.pop()
            if ref not in levels:
                levels[ref] = 1 + max((levels.get(other, -1) for other in _just_below(rows[ref])), default=-1)
    return levels


def _just_below(one: Row) -> list[RefTuple]:
    below = [(one.log, one.index - 1)] if one.index else []
    return below + [(log, size - 1) for log, size in seen_of(one.seen).items()]
