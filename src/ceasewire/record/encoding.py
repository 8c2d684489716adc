"""The one encoding: deterministic CBOR (RFC 8949 section 4.2) in a closed profile. spec/encoding.md.

Allowed: integers from -2^63 to 2^63-1, byte strings, text, arrays, maps whose keys are unsigned integers, true and false. Nothing
else: no floats, no tags, no null, no indefinite lengths, no text keys. A value has exactly one encoding, so `decode` decodes,
checks the profile, encodes again and compares. (The one null of the protocol, an opening without a predecessor, is asked for by
`null=True`.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

import cbor2

from .. import limits
from ..errors import PeerError

Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[int, Value] | None"  # None only in an opening

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

# Refused in any text: control characters but tab and newline; bidirectional embeddings, overrides and isolates, which make a
# reader see another order than the one that was signed; noncharacters; surrogates, which UTF-8 cannot hold but JSON can spell.
_BAD_TEXT: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane + low) for plane in range(0, 0x110000, 0x10000) for low in (0xFFFE, 0xFFFF))
    + "]"
)
# The heads of tags that cbor2 would interpret by itself; all tags are refused, these before anything is built from them.
_TAGS: Final = (0, 1, 2, 3, 4, 5, 24, 25, 28, 29, 30, 35, 36, 37, 43000, 52, 54, 100, 256, 258, 260, 261, 1004, 55799)


def _no_tag(*_: object) -> NoReturn:
    raise PeerError("enc.type", "a tag")


_NO_TAGS: Final[Mapping[int, Callable[..., Any]]] = dict.fromkeys(_TAGS, _no_tag)


def check_text(text: str) -> None:
    """Refuse characters that no text may hold. Raises PeerError enc.text."""
    # A pure ASCII text without controls is the common case, and isprintable says so without a search.
    bad = None if text.isascii() and text.isprintable() else _BAD_TEXT.search(text)
    if bad:
        raise PeerError("enc.text", f"U+{ord(bad.group()):04X}")


def _check(value: Any, depth: int, null: bool) -> bool:
    """Refuse whatever the profile does not allow; whether the keys of every map rise. Raises PeerError enc.type, enc.range, enc.depth,
    enc.text."""
    kind, rise = type(value), True
    if kind is str:
        check_text(value)
    elif kind is int:
        if not INT_MIN <= value <= INT_MAX:
            raise PeerError("enc.range")
    elif kind is list or kind is dict:
        if depth == 0:
            raise PeerError("enc.depth")
        if kind is dict:
            rise = _check_keys(value)
            value = value.values()
        for item in value:
            if type(item) is not bytes and not _check(item, depth - 1, null):
                rise = False
    elif kind is not bytes and kind is not bool and not (null and value is None):
        raise PeerError("enc.type", kind.__name__)
    return rise


def _check_keys(value: dict[Any, Any]) -> bool:
    """Whether they rise."""
    last, rise = -1, True
    for key in value:
        if type(key) is not int:
            raise PeerError("enc.type", "a key that is not an unsigned integer")
        if not 0 <= key <= INT_MAX:
            raise PeerError("enc.range", "a key")
        if key < last:
            rise = False
        last = key
    return rise


def encode(value: Value, depth: int = limits.CBOR_DEPTH, *, null: bool = False) -> bytes:
    """The one encoding of the value; `depth` counts nested arrays and maps. Raises PeerError enc.type, enc.range, enc.depth,
    enc.text."""
    return _dumps(value, _check(value, depth, null))


def _dumps(value: Value, rise: bool) -> bytes:
    """The encoding of a checked value. Where all keys `rise` they stand in order already, and sorting them takes thrice the time."""
    return cbor2.dumps(value, canonical=not rise)


def encode_checked(value: Value) -> bytes:
    """The encoding of a value that was checked already, or was built of checked parts."""
    return cbor2.dumps(value, canonical=True)


def encoded_array(items: Sequence[bytes]) -> bytes:
    """The array of values that are encoded already."""
    return _head(0x80, len(items)) + b"".join(items)


def encoded_map(items: Mapping[int, bytes]) -> bytes:
    """The map of values that are encoded already."""
    return _head(0xA0, len(items)) + b"".join([_head(0x00, key) + items[key] for key in sorted(items)])


def encoded_pairs(pairs: Collection[bytes]) -> bytes:
    """The map of these pairs, a key and its value each, which are encoded already and in order of their keys."""
    return _head(0xA0, len(pairs)) + b"".join(pairs)


def _head(major: int, count: int) -> bytes:
    """A CBOR head: the major type's bits over the encoding of an unsigned integer (RFC 8949 section 3)."""
    number = cbor2.dumps(count)
    return bytes([number[0] | major]) + number[1:]


def decode(data: bytes, max_bytes: int = limits.BODY_BYTES, depth: int = limits.CBOR_DEPTH, *, null: bool = False) -> Value:
    """The value of these bytes, if they are its one encoding.

    Raises PeerError enc.size, enc.malformed, enc.trailing, enc.noncanonical, enc.dup_key, enc.type, enc.range, enc.depth,
    enc.text.
    """
    if len(data) > max_bytes:
        raise PeerError("enc.size", f"{len(data)} bytes, at most {max_bytes}")
    value: Value = _decode(data, depth)
    again = _dumps(value, _check(value, depth, null))
    if again != data:
        if data.startswith(again):
            raise PeerError("enc.trailing", f"after {len(again)} bytes")
        raise PeerError("enc.noncanonical")
    return value


def decode_first(data: bytes, depth: int, breathe: Callable[[], None]) -> tuple[Value, int]:
    """The value with which these bytes begin, and how many of them are its one encoding. `breathe` is called between the steps. Raises as
    `decode`, but for enc.trailing."""
    value: Value = _decode(data, depth)
    breathe()
    rise = _check(value, depth, null=False)
    breathe()
    again = _dumps(value, rise)
    if not data.startswith(again):
        raise PeerError("enc.noncanonical")
    return value, len(again)


def decode_checked(data: bytes, depth: int) -> Value:
    """The value of bytes that `decode_first` gave, which are its one encoding."""
    value: Value = _decode(data, depth)
    return value


def _decode(data: bytes, depth: int) -> Any:
    try:
        return cbor2.loads(
            data,
            max_depth=depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_NO_TAGS,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        raise PeerError(_code_of(error)) from None


def _code_of(error: BaseException) -> str:
    """Which rule a refusal by the CBOR library stands for. The library tells its reasons by text alone."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PeerError):
            return cause.code
        text = str(cause)
        for mark, code in _MARKS:
            if mark in text:
                return code
        cause = cause.__cause__ or cause.__context__
    return "enc.malformed"


_MARKS: Final = (
    ("nesting depth", "enc.depth"),
    ("uplicate", "enc.dup_key"),
    ("indefinite", "enc.noncanonical"),
    ("unhashable", "enc.type"),
    ("utf-8", "enc.text"),
    ("UTF-8", "enc.text"),
)


def check_depth(value: list[Value] | dict[int, Value], depth: int = limits.CBOR_DEPTH) -> None:
    """Refuse an array or map nested deeper than `depth`: one that a container, which may be deeper, brought. Raises PeerError
    enc.depth."""
    if depth == 0:
        raise PeerError("enc.depth")
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, list | dict):
            check_depth(item, depth - 1)


def array(value: object, length: int | None = None) -> list[Value]:
    """An array, of that length. Exact types from here on: True is not 1. Raises PeerError enc.shape, as all below."""
    if type(value) is not list or (length is not None and len(value) != length):
        raise PeerError("enc.shape", "an array" if length is None else f"an array of {length}")
    return value


def mapping(value: object, required: int = 0, optional: int = 0) -> dict[int, Value]:
    """A map whose keys are 1..required and perhaps some of the next `optional`; any keys if both are 0."""
    if type(value) is not dict:
        raise PeerError("enc.shape", "a map")
    if required or optional:
        missing = set(range(1, required + 1)) - value.keys()
        more = value.keys() - set(range(1, required + optional + 1))
        if missing or more:
            raise PeerError("enc.shape", f"a map with the keys 1 to {required}")
    return value


def uint(value: object, below: int = 2**63) -> int:
    """An unsigned integer below a bound."""
    if type(value) is not int or not 0 <= value < below:
        raise PeerError("enc.shape", f"an unsigned integer below {below}")
    return value


def octets(value: object, length: int | None = None) -> bytes:
    """A byte string, of that length."""
    if type(value) is not bytes or (length is not None and len(value) != length):
        raise PeerError("enc.shape", "bytes" if length is None else f"{length} bytes")
    return value


def text(value: object, max_bytes: int = limits.TEXT_BYTES) -> str:
    """A text of at most so many bytes of UTF-8."""
    if type(value) is not str or len(value) > max_bytes or len(value.encode()) > max_bytes:
        raise PeerError("enc.shape", f"a text of at most {max_bytes} bytes")
    return value


def flag(value: object) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise PeerError("enc.shape", "true or false")
    return value


def sizes(value: object) -> dict[int, int]:
    """A map of log number to size above zero (zeros are left out)."""
    if type(value) is not dict:
        raise PeerError("enc.shape", "a map of log number to size")
    for number, size in value.items():
        if type(size) is not int or size < 1 or number >= 2**32:
            raise PeerError("enc.shape", "a map of log number to size above zero")
    return value
