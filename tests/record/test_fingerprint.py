"""Fingerprints: read aloud, typed, compared."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ceasewire.record import fingerprint


def test_the_proposals_own_examples() -> None:
    """127.0.0.1 is lusab-babad in the proposal for proquints, 63.84.220.193 gutih-tugad."""
    digest = bytes([127, 0, 0, 1, 63, 84, 220, 193]) + bytes(8)
    assert fingerprint.words(digest) == "lusab-babad-gutih-tugad-babab-babab-babab-babab"


@given(st.binary(min_size=16, max_size=32))
def test_eight_words_say_128_bits(digest: bytes) -> None:
    words = fingerprint.words(digest)
    assert fingerprint.words(digest[:16]) == words
    spelt = [_bits(word) for word in words.split("-")]
    assert b"".join(bits.to_bytes(2, "big") for bits in spelt) == digest[:16]


def _bits(word: str) -> int:
    consonants, vowels = "bdfghjklmnprstvz", "aiou"
    bits = 0
    for at, letter in enumerate(word):
        bits = bits << 2 | vowels.index(letter) if at % 2 else bits << 4 | consonants.index(letter)
    return bits


def test_what_a_person_typed_is_compared_whole() -> None:
    digest = hashlib.sha256(b"x").digest()
    words = fingerprint.words(digest)
    assert fingerprint.same(words, digest)
    assert fingerprint.same(f"  {words.upper().replace('-', '  ')}\n", digest)
    assert not fingerprint.same(words[:-1], digest)
    assert not fingerprint.same("-".join(words.split("-")[:7]), digest)
    assert not fingerprint.same(f"{words}-babab", digest)
    assert not fingerprint.same("", digest)
