"""The two spellings that every C2SP text format shares: standard base64 and decimal numbers, each in one form only.

Raises plain `ValueError`; the caller knows which format is malformed and gives it its code.
"""

from __future__ import annotations

import base64
import re
from typing import Final

MAX_NUMBER: Final = 2**63 - 1
"""The largest tree size, index or time in seconds: C2SP allows no time above it, and databases no integer above it."""

HASH_BYTES: Final = 32

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")  # at most 19 digits, so that int() is cheap before the range is checked
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")


def encode_base64(data: bytes) -> str:
    """Spell bytes in RFC 4648 section 4 base64, with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read RFC 4648 section 4 base64. Raises ValueError for any other spelling of the same bytes."""
    data = base64.b64decode(text, validate=True)
    # The decoder tolerates set bits behind the last byte and misplaced padding; only one spelling may verify.
    if encode_base64(data) != text:
        raise ValueError("not canonical base64")
    return data


def decode_hash(text: str) -> bytes:
    """Read the base64 of one SHA-256 hash, 32 bytes. Raises ValueError."""
    data = decode_base64(text)
    if len(data) != HASH_BYTES:
        raise ValueError("not a hash of 32 bytes")
    return data


def decode_number(text: str) -> int:
    """Read an ASCII decimal of 0 to 2**63 - 1 without leading zeroes or sign. Raises ValueError."""
    if not _NUMBER.fullmatch(text) or int(text) > MAX_NUMBER:
        raise ValueError("not a plain decimal below 2**63")
    return int(text)


def has_forbidden(text: str) -> bool:
    """Whether a text holds what no signed note may: ASCII control characters but newline, or lone surrogates."""
    return _FORBIDDEN.search(text) is not None
