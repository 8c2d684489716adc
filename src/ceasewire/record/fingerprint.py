"""Fingerprints as words that any two people can read to each other over a bad line.

Each word is 16 bits: consonant, vowel, consonant, vowel, consonant, from 16 consonants and 4 vowels ("A Proposal for Proquints",
D. S. Wilkerson, 2009). No list of words is needed, and no language. Eight words are the first 128 bits of a SHA-256 digest.
"""

from __future__ import annotations

from typing import Final

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
WORDS: Final = 8


def words(digest: bytes) -> str:
    """Eight words joined by hyphens, of a digest of at least 16 bytes."""
    return "-".join(_word(int.from_bytes(digest[2 * i : 2 * i + 2], "big")) for i in range(WORDS))


def _word(bits: int) -> str:
    return _CONSONANTS[bits >> 12] + _VOWELS[bits >> 10 & 3] + _CONSONANTS[bits >> 6 & 15] + _VOWELS[bits >> 4 & 3] + _CONSONANTS[bits & 15]


def same(given: str, digest: bytes) -> bool:
    """Whether what a person typed or heard (any case, spaces or hyphens between the words) is the fingerprint, whole."""
    return given.lower().replace("-", " ").split() == words(digest).split("-")
