"""A long encoding read piece by piece, so that neither memory nor the time between two pieces grows with what its author nests in it.

`encoding.decode` builds the whole value at once, and a byte of an empty map becomes eighty bytes of memory: right for what is short. A
cursor walks the outer arrays and maps by itself and hands each inner value, of which only so many bytes are looked at, to that decoder.
What it takes and what it refuses is the same. Where the whole is wanted at once, `check_count` says first how many values that would be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ..errors import PeerError
from . import encoding
from .encoding import Value

ARRAY: Final = 4
MAP: Final = 5
_UINT: Final = 0
_OCTETS: Final = 2
_STRINGS: Final = (2, 3)  # of bytes, of text
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}


def check_count(data: bytes, most: int) -> None:
    """That an encoding holds at most so many values, a map's keys among them: asked before `encoding.decode` builds any. What is malformed
    is counted up to where it breaks, which is for the decoder to say. Raises PeerError enc.size."""
    at, end = 0, len(data)
    for _ in range(most):
        if at >= end:
            return
        major, length = data[at] >> 5, data[at] & 31
        at += 1
        if length >= 24:
            width = _WIDTHS.get(length, 0)
            length = int.from_bytes(data[at : at + width], "big")
            at += width
        if major in _STRINGS:
            at += length
    if at < end:
        raise PeerError("enc.size", f"more than {most} values")


class Cursor:
    """A place in an encoding. `breathe` is called between pieces: who has more urgent work does it there."""

    def __init__(self, data: bytes, breathe: Callable[[], None]) -> None:
        self._data = data
        self._at = 0
        self.breathe = breathe

    def head(self, major: int) -> int:
        """The number in a head of that major type. Raises PeerError enc.malformed, enc.noncanonical, enc.shape for another type."""
        data, at = self._data, self._at
        if at >= len(data):
            raise PeerError("enc.malformed", "it ends too early")
        found, low = data[at] >> 5, data[at] & 31
        at += 1
        if low >= 24:
            width = _WIDTHS.get(low)
            if width is None:
                raise PeerError("enc.noncanonical" if low == 31 else "enc.malformed", "a head")
            if at + width > len(data):
                raise PeerError("enc.malformed", "it ends too early")
            low = int.from_bytes(data[at : at + width], "big")
            at += width
            if low < (24 if width == 1 else 1 << 4 * width):
                raise PeerError("enc.noncanonical", "a head longer than it need be")
        if found != major:
            raise PeerError("enc.shape", f"major type {major}")
        self._at = at
        return low

    def uint(self, below: int = 2**63) -> int:
        """An unsigned integer below a bound."""
        return encoding.uint(self.head(_UINT), below)

    def octets(self) -> bytes:
        """A byte string."""
        start = self._skip()
        return self._data[start : self._at]

    def octets_view(self) -> memoryview:
        """A byte string, which keeps the whole encoding in memory instead of a copy of its own."""
        start = self._skip()
        return memoryview(self._data)[start : self._at]

    def _skip(self) -> int:
        """Go on behind a byte string; where it begins."""
        length = self.head(_OCTETS)
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise PeerError("enc.malformed", "it ends too early")
        return start

    def octets_list(self) -> tuple[bytes, ...]:
        """An array of byte strings."""
        return tuple([self.octets() for _ in range(self.head(ARRAY))])

    def pieces(self, count: int, most: int, depth: int) -> Iterator[tuple[Value, bytes]]:
        """The next `count` values, and the bytes of each; `most` bytes of each are looked at. Raises as encoding.decode."""
        for _ in range(count):
            yield self.piece(most, depth)

    def piece(self, most: int, depth: int) -> tuple[Value, bytes]:
        """The next value and its bytes, at most `most`. Raises as encoding.decode, and enc.size for a longer one."""
        self.breathe()
        window = self._data[self._at : self._at + most]
        try:
            value, length = encoding.decode_first(window, depth, self.breathe)
        except PeerError as error:
            if error.code == "enc.malformed" and len(window) == most and self._at + most < len(self._data):
                raise PeerError("enc.size", f"a value of more than {most} bytes") from None
            raise
        self._at += length
        return value, window[:length]

    def end(self) -> None:
        """Raises PeerError enc.trailing if anything follows."""
        if self._at != len(self._data):
            raise PeerError("enc.trailing", f"after {self._at} bytes")
