"""Which message of a log bears a given `rest` hash, without a random index.

The first `size - size % 256` messages of a log are covered by runs, as a tree's leaves are by perfect subtrees: full runs of
2**18 first, then one run for each binary digit of what remains. Appending merges neighbours, so a message is written again at
most ten times, 8 bytes each, always in long pieces (schema.py says what an ordinary index costs). The newest messages, fewer than
256, are in no run and are read themselves.

A run is a sorted array of 64-bit words, little-endian: the first 46 bits of `rest`, then 18 bits of index - start. A word only
nominates: whoever asks compares the whole hash with the message's own.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from .interface import INDEXED

RUN_BASE: Final = INDEXED
RUN_MAX: Final = 2**18
_OFFSET_BITS: Final = 18
_OFFSET_MASK: Final = 2**_OFFSET_BITS - 1

Words = array  # of unsigned 64-bit integers


class Run(NamedTuple):
    """Messages start..start+length-1 of a log."""

    start: int
    length: int


def layout(size: int) -> list[Run]:
    """The runs of a log of that size, from the left."""
    covered = size - size % RUN_BASE
    runs = [Run(start, RUN_MAX) for start in range(0, covered - RUN_MAX + 1, RUN_MAX)]
    start, length = len(runs) * RUN_MAX, RUN_MAX
    while length > RUN_BASE:
        length //= 2
        if covered & length:
            runs.append(Run(start, length))
            start += length
    return runs


def _prefix(rest: bytes) -> int:
    return int.from_bytes(rest[:8], "big") & ~_OFFSET_MASK


def words_of(run: Run, rests: Iterable[tuple[int, bytes]], merged: Iterable[tuple[Run, Words[int]]]) -> Words[int]:
    """The words of a run from (index, rest) pairs of new messages and from the runs that it takes the place of."""
    words = [_prefix(rest) | (index - run.start) for index, rest in rests]
    for old, old_words in merged:
        shift = old.start - run.start
        words.extend([word + shift for word in old_words] if shift else old_words)
    words.sort()
    return array("Q", words)


def candidates(runs: Iterable[tuple[Run, Words[int]]], rest: bytes) -> Iterator[int]:
    """Indexes whose `rest` begins as this one, in ascending order if the runs are."""
    prefix = _prefix(rest)
    beyond = prefix | _OFFSET_MASK
    for run, words in runs:
        at = bisect_left(words, prefix)
        while at < len(words) and words[at] <= beyond:
            yield run.start + (words[at] & _OFFSET_MASK)
            at += 1


def encode(words: Words[int]) -> bytes:
    """As kept."""
    return _little(words).tobytes()


def decode(data: bytes) -> Words[int]:
    """From what was kept. ValueError when it is no whole number of words."""
    words = array("Q")
    words.frombytes(data)
    return _little(words)


def _little(words: Words[int]) -> Words[int]:
    if sys.byteorder == "little":
        return words
    swapped = words[:]
    swapped.byteswap()
    return swapped
