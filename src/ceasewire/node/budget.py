"""What another log may make us write in a day beside the messages that it sends within its quota. docs/decisions/0019."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

_DAY: Final = 86400


@dataclass(slots=True)
class _Day:
    number: int
    size: int = 0
    known: set[bytes] = field(default_factory=set)


class Spent:
    """How many bytes each party has made us write today. Kept in memory, as `Budget` is."""

    def __init__(self) -> None:
        self._days: dict[int, tuple[int, int]] = {}  # party -> day, bytes

    def today(self, party: int, now: int) -> int:
        """Bytes so far, of the day of `now`, POSIX seconds."""
        day, size = self._days.get(party, (0, 0))
        return size if day == now // _DAY else 0

    def add(self, party: int, size: int, now: int) -> None:
        """Count some more."""
        self._days[party] = now // _DAY, self.today(party, now) + size


class Budget:
    """So many bytes and pieces a day for each log. It is kept in memory: a restart begins it anew, and nobody else can."""

    def __init__(self, most_bytes: int, most_pieces: int) -> None:
        self._most_bytes = most_bytes
        self._most_pieces = most_pieces
        self._days: dict[int, _Day] = {}

    def spend(self, log: int, data: bytes, now: int) -> bool:
        """Whether the bytes may be written for a log, and have not been today. One piece may be longer than what is left."""
        day = self._days.get(log)
        if day is None or day.number != now // _DAY:
            day = self._days[log] = _Day(now // _DAY)
        name = hashlib.sha256(data).digest()[:16]
        if name in day.known or day.size >= self._most_bytes or len(day.known) >= self._most_pieces:
            return False
        day.known.add(name)
        day.size += len(data)
        return True
