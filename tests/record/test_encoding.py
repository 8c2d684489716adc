"""The one encoding: FAULTS A1 to A12, A15, A16, public vectors, and that no input gives anything but a value or a code."""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.record import encoding
from ceasewire.record.encoding import Value
from conftest import shared_path
from helpers import refused

# Every text that the profile allows; what it does not is listed in test_a10.
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)
LEAVES = st.one_of(st.integers(encoding.INT_MIN, encoding.INT_MAX), st.binary(max_size=40), st.booleans(), TEXTS)
VALUES: st.SearchStrategy[Value] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.integers(0, encoding.INT_MAX), inner, max_size=5)),
    max_leaves=20,
)


def depth_of(value: Value) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(depth_of, items), default=0)


@pytest.mark.parametrize(
    ("fault", "data", "code"),
    [
        ("A1 one key twice", "a201000100", "enc.dup_key"),
        ("A1 in two widths", "a20100180100", "enc.dup_key"),
        ("A1 nested", "81a1 05a201000100", "enc.dup_key"),
        ("A1 1 and true", "a20100f500", "enc.dup_key"),
        ("A2 24 in one byte more", "1817", "enc.noncanonical"),
        ("A2 23 in three bytes", "190017", "enc.noncanonical"),
        ("A2 a length", "780161", "enc.noncanonical"),
        ("A2 a tag's number", "d80100", "enc.type"),
        ("A2 an array's length", "980100", "enc.noncanonical"),
        ("A2 a map's length", "b8010100", "enc.noncanonical"),
        ("A2 a byte string's length", "5900 0141", "enc.noncanonical"),
        ("A3 bytes", "5f4100ff", "enc.noncanonical"),
        ("A3 text", "7f6161ff", "enc.noncanonical"),
        ("A3 array", "9f01ff", "enc.noncanonical"),
        ("A3 map", "bf0100ff", "enc.noncanonical"),
        ("A4 keys falling", "a202000100", "enc.noncanonical"),
        ("A4 a long key first", "a219010000180200", "enc.noncanonical"),
        ("A5 half", "f90000", "enc.type"),
        ("A5 negative zero", "f98000", "enc.type"),
        ("A5 infinity", "f97c00", "enc.type"),
        ("A5 NaN", "f97e00", "enc.type"),
        ("A5 NaN with a payload", "fb7ff8000000000001", "enc.type"),
        ("A5 single", "fa47c35000", "enc.type"),
        ("A5 undefined", "f7", "enc.type"),
        ("A5 null", "f6", "enc.type"),
        ("A5 simple 16", "f0", "enc.type"),
        ("A5 simple 32", "f820", "enc.type"),
        ("A5 simple 24 in two bytes", "f818", "enc.malformed"),
        ("A6 empty", "", "enc.malformed"),
        ("A6 two items", "0000", "enc.trailing"),
        ("A6 after a map", "a0ff", "enc.trailing"),
        ("A6 cut", "8201", "enc.malformed"),
        ("A7 an array of 2^63", "9b8000000000000000", "enc.malformed"),
        ("A7 an array of 2^32-1", "9affffffff", "enc.malformed"),
        ("A7 bytes of 2^40", "5b0000010000000000", "enc.malformed"),
        ("A7 text of 2^40", "7b0000010000000000", "enc.malformed"),
        ("A7 a map of 2^32", "bb0000000100000000", "enc.malformed"),
        ("A8 9 arrays", "81" * 9 + "00", "enc.depth"),
        ("A8 9 maps", "a101" * 9 + "00", "enc.depth"),
        ("A8 400", "81" * 400 + "00", "enc.depth"),
        ("A8 1,000 tags", "c1" * 1000 + "00", "enc.depth"),
        ("A8 30,000", "81" * 30_000 + "00", "enc.depth"),
        ("A9 regex", "d8236161", "enc.type"),
        ("A9 date", "c074323031332d30332d32315432303a30343a30305a", "enc.type"),
        ("A9 epoch", "c11a514b67b0", "enc.type"),
        ("A9 a cycle of shared references", "d81c81d81d00", "enc.type"),
        ("A9 bignum", "c249010000000000000000", "enc.type"),
        ("A9 CBOR in CBOR", "d8184100", "enc.type"),
        ("A9 self-described", "d9d9f700", "enc.type"),
        ("A9 a tag as a key", "a1c2410000", "enc.type"),
        ("A9 a tag that nobody knows", "da7fffffff00", "enc.type"),
        ("A10 not UTF-8", "61ff", "enc.text"),
        ("A10 overlong", "62c080", "enc.text"),
        ("A10 surrogate", "63eda080", "enc.text"),
        ("A11 2^63", "1b8000000000000000", "enc.range"),
        ("A11 2^64-1", "1bffffffffffffffff", "enc.range"),
        ("A11 -2^64", "3bffffffffffffffff", "enc.range"),
        ("A11 a key of 2^63", "a11b800000000000000000", "enc.range"),
        ("A11 a key below zero", "a12000", "enc.range"),
        ("a text key", "a1616100", "enc.type"),
        ("a byte string key", "a14000", "enc.type"),
        ("a key that is an array", "a1810100", "enc.type"),
        ("a key that is a map", "a1a000", "enc.type"),
        ("a key that is a float", "a1f93c0000", "enc.type"),
        ("a key that is null", "a1f600", "enc.type"),
    ],
)
def test_refuses(fault: str, data: str, code: str) -> None:
    with refused(code):
        encoding.decode(bytes.fromhex(data))


def test_a7_huge_lengths_cost_nothing() -> None:
    """A7: under 10 ms and 1 MB each."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for head in ("9b7fffffffffffffff", "9b0000000100000000", "5b0000010000000000", "bb0000000100000000", "9a7fffffff"):
        start = time.perf_counter()
        with pytest.raises(PeerError):
            encoding.decode(bytes.fromhex("81" * 5 + head))
        assert time.perf_counter() - start < 0.25  # ten times what is asked for: this machine may be busy
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096


@pytest.mark.parametrize("head", ["81", "a101", "c1", "d81c", "5f", "9f", "bf01"])
@pytest.mark.parametrize("levels", [9, 17, 400, 1_000, 100_000])
def test_a8_deep_nesting_is_refused_without_recursion(head: str, levels: int) -> None:
    """A8: at whatever depth, of whatever kind; with and without an end."""
    for end in ("", "00"):
        with pytest.raises(PeerError) as caught:
            encoding.decode(bytes.fromhex(head * levels + end), max_bytes=10**6)
        assert caught.value.code in {"enc.depth", "enc.type", "enc.malformed", "enc.noncanonical"}


def test_a9_no_tag_at_all() -> None:
    """A9: the first 65,536 tags around every kind of value, and a mebibyte of bignum."""
    for number in range(65_536):
        tag = cbor2.dumps(number)
        with refused("enc.type"):
            encoding.decode(bytes([tag[0] | 0xC0]) + tag[1:] + b"\x00")
    for content in ("4100", "6161", "80", "8100", "820100", "a0", "f5", "1903e8"):
        for tag_head in (
            "c0",
            "c1",
            "c2",
            "c3",
            "c4",
            "c5",
            "d818",
            "d81c",
            "d81d",
            "d81e",
            "d823",
            "d825",
            "d9010 2".replace(" ", ""),
        ):
            with refused("enc.type"):
                encoding.decode(bytes.fromhex(tag_head + content))
    with refused("enc.type"):
        encoding.decode(bytes.fromhex("c25a00100000") + bytes(2**20), max_bytes=2**21)


BAD_CHARACTERS = [
    *map(chr, (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFDD0, 0xFDF0))),
    *(chr(plane + low) for plane in range(0, 0x110000, 0x10000) for low in (0xFFFE, 0xFFFF)),
]


def test_a10_characters() -> None:
    """A10: controls, bidirectional overrides and noncharacters are refused; tab, newline, ZWNJ, ZWJ and all else are not."""
    for bad in BAD_CHARACTERS:
        data = cbor2.dumps(f"a{bad}b")
        with refused("enc.text"):
            encoding.decode(data)
        with refused("enc.text"):
            encoding.encode([f"{bad}"])
    good = "\t\n a\u00e9\u200c\u200d\u200e\u061c\u067e\u069a\U0001f54a\ufffd\u00ad"
    assert encoding.decode(encoding.encode(good)) == good


@pytest.mark.parametrize("surrogate", ["\ud800", "a\udfff", "\udc80\ud800"])
def test_a10_a_lone_surrogate_is_never_encoded(surrogate: str) -> None:
    """A10, A17: JSON can spell one; UTF-8 cannot hold it."""
    with refused("enc.text"):
        encoding.encode({1: [surrogate]})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.0, "enc.type"),
        (None, "enc.type"),
        ({"a": 1}, "enc.type"),
        ({True: 1}, "enc.type"),
        ((1,), "enc.type"),
        ({1}, "enc.type"),
        (bytearray(b"a"), "enc.type"),
        ([{1: [None]}], "enc.type"),
        (2**63, "enc.range"),
        (-(2**63) - 1, "enc.range"),
        ({-1: 0}, "enc.range"),
        ({2**63: 0}, "enc.range"),
        ([[[[[[[[[]]]]]]]]], "enc.depth"),
        ({1: {1: {1: {1: {1: {1: {1: {1: {}}}}}}}}}, "enc.depth"),
    ],
)
def test_encode_refuses_what_decode_would(value: Any, code: str) -> None:
    with refused(code):
        encoding.encode(value)


@given(st.lists(VALUES, max_size=30), st.dictionaries(st.integers(0, encoding.INT_MAX), VALUES, max_size=30))
def test_parts_that_are_encoded_already_are_joined_to_the_same_bytes(array: list[Value], mapping: dict[int, Value]) -> None:
    assert encoding.encoded_array([encoding.encode(item, 16) for item in array]) == encoding.encode(array, 17)
    joined = encoding.encoded_map({key: encoding.encode(item, 16) for key, item in mapping.items()})
    assert joined == encoding.encode(mapping, 17)


@pytest.mark.parametrize("count", [0, 23, 24, 255, 256, 65_535, 65_536])
def test_heads_of_every_width(count: int) -> None:
    assert encoding.encoded_array([b"\x00"] * count) == encoding.encode([0] * count)
    assert encoding.encoded_map(dict.fromkeys(range(count), b"\x00")) == encoding.encode(dict.fromkeys(range(count), 0))


def test_null_stands_only_where_it_is_asked_for() -> None:
    assert encoding.decode(encoding.encode([1, None], null=True), null=True) == [1, None]
    with refused("enc.type"):
        encoding.decode(b"\x82\x01\xf6")


def test_a_limit_of_bytes_is_kept() -> None:
    data = encoding.encode(bytes(96))
    assert len(data) == 98
    assert encoding.decode(data, 98) == bytes(96)
    with refused("enc.size"):
        encoding.decode(data, 97)


@pytest.mark.parametrize("depth", [1, 2, 8, 16])
def test_depth_means_the_same_in_both_directions(depth: int) -> None:
    value: Value = 0
    for level in range(depth):
        value = [value] if level % 2 else {0: value}
    assert encoding.decode(encoding.encode(value, depth), depth=depth) == value
    with refused("enc.depth"):
        encoding.encode([value], depth)
    with refused("enc.depth"):
        encoding.decode(cbor2.dumps([value]), depth=depth)


@given(VALUES)
def test_check_depth_agrees_with_encode(value: Value) -> None:
    for depth in range(1, 9):
        if isinstance(value, list | dict):
            if depth_of(value) > depth:
                with refused("enc.depth"):
                    encoding.check_depth(value, depth)
            else:
                encoding.check_depth(value, depth)


@settings(max_examples=500)
@given(VALUES)
def test_a16_a_value_has_one_encoding(value: Value) -> None:
    """A16: decode(encode(v)) is v with exact types, and encode(decode(x)) is x."""
    data = encoding.encode(value, 16)
    again = encoding.decode(data, 10**6, 16)
    assert repr(again) == repr(_sorted(value))
    assert encoding.encode(again, 16) == data == encoding.encode_checked(value)


def _sorted(value: Value) -> Value:
    """The value with every map in the order in which its keys are encoded."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=1000)
@given(st.binary(max_size=60))
def test_a16_any_bytes_are_a_value_or_a_code(data: bytes) -> None:
    """A16, A15: whatever is accepted encodes to the same bytes; nothing but PeerError is raised."""
    code, value = "", None
    try:
        value = encoding.decode(data)
    except PeerError as error:
        code = error.code
    assert code.startswith("enc.") or encoding.encode(value) == data


@given(VALUES, st.data())
def test_a15_changed_bytes_never_give_another_error(value: Value, data: st.DataObject) -> None:
    """A15: cut, changed, and doubled encodings."""
    good = encoding.encode(value, 16)
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + bytes([data.draw(st.integers(0, 255))]) + good[at + 1 :]
    for bad in (good[:at], changed, good + good, good + b"\x00"):
        try:
            found = encoding.decode(bad, 10**6, 16)
        except PeerError:
            assert bad != good
        else:
            assert encoding.encode(found, 16) == bad == changed


def test_a15_122_not_well_formed_inputs() -> None:
    """A15."""
    vectors = json.loads(shared_path("vectors", "cbor-not-well-formed", "not_well_formed.json").read_text())
    assert len(vectors) == 122
    for vector in vectors:
        with pytest.raises(PeerError):
            encoding.decode(bytes.fromhex(vector["hex"]))


def test_rfc_8949_appendix_a() -> None:
    """A2, A3, A5, A9, A15: in our profile byte for byte, else refused; every one cut at every byte is refused."""
    vectors = json.loads(shared_path("vectors", "cbor-appendix-a", "appendix_a.json").read_text())
    accepted = 0
    for vector in vectors:
        data = bytes.fromhex(vector["hex"])
        for cut in range(len(data)):
            with pytest.raises(PeerError):
                encoding.decode(data[:cut])
        decoded = vector.get("decoded", vector.get("diagnostic"))
        if vector["roundtrip"] and _in_profile(data):
            accepted += 1
            value = encoding.decode(data)
            assert encoding.encode(value) == data
            assert isinstance(value, bytes | dict) or value == decoded
        else:
            with pytest.raises(PeerError):
                encoding.decode(data)
    assert (len(vectors), accepted) == (82, 31)


def _in_profile(data: bytes) -> bool:
    """By the library alone, so that it is judged by other code than ours."""

    def allowed(value: Any) -> bool:
        if type(value) is list:
            return all(map(allowed, value))
        if type(value) is dict:
            return all(type(key) is int and key >= 0 for key in value) and all(map(allowed, value.values()))
        return type(value) in (bytes, str, bool) or (type(value) is int and abs(value) < 2**63)

    # Tags, and what old Appendix A calls simple(24) and today's library malformed.
    return data[0] >> 5 != 6 and data[0] != 0xF8 and allowed(cbor2.loads(data))


def test_a12_exact_types() -> None:
    """A12: true is not 1, bytes are not text, and no shape is guessed."""
    wrong: list[tuple[Any, Any]] = [
        (encoding.uint, True),
        (encoding.uint, -1),
        (encoding.uint, 2**63),
        (encoding.uint, "1"),
        (encoding.uint, b"1"),
        (encoding.octets, "a"),
        (encoding.text, b"a"),
        (encoding.text, "a" * (limits.TEXT_BYTES + 1)),
        (encoding.text, "\u067e" * (limits.TEXT_BYTES // 2 + 1)),
        (encoding.flag, 1),
        (encoding.flag, 0),
        (encoding.array, {}),
        (encoding.mapping, []),
        (encoding.sizes, []),
        (encoding.sizes, {0: True}),
        (encoding.sizes, {0: 0}),
        (encoding.sizes, {0: -1}),
        (encoding.sizes, {2**32: 1}),
        (encoding.sizes, {0: "1"}),
    ]
    for method, value in wrong:
        with refused("enc.shape"):
            method(value)
    for call in (
        lambda: encoding.array([1], 2),
        lambda: encoding.octets(b"a", 2),
        lambda: encoding.uint(16, 16),
        lambda: encoding.text("abc", 2),
        lambda: encoding.mapping({1: 0}, required=2),
        lambda: encoding.mapping({1: 0, 2: 0, 3: 0}, required=2),
        lambda: encoding.mapping({0: 0, 1: 0}, required=1),
        lambda: encoding.mapping({1: 0, 4: 0}, required=1, optional=2),
    ):
        with refused("enc.shape"):
            call()


def test_shapes_that_are_right_pass_through() -> None:
    assert encoding.array([1, b""], 2) == [1, b""]
    assert encoding.array([]) == []
    assert encoding.mapping({7: 1}) == {7: 1}
    assert encoding.mapping({1: 0, 3: 0}, required=1, optional=2) == {1: 0, 3: 0}
    assert (encoding.uint(0), encoding.uint(2**63 - 1), encoding.uint(15, 16)) == (0, 2**63 - 1, 15)
    assert (encoding.octets(b"ab", 2), encoding.octets(b"")) == (b"ab", b"")
    assert (encoding.text("a" * limits.TEXT_BYTES)[:1], encoding.flag(False)) == ("a", False)
    assert encoding.sizes({0: 1, 2**32 - 1: 2**63 - 1}) == {0: 1, 2**32 - 1: 2**63 - 1}


def test_what_the_library_refuses_for_another_reason_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any error of the library is a code; a reason that is buried in another error is still found."""

    def raising(error: BaseException) -> Any:
        def loads(*_: object, **__: object) -> None:
            raise error

        return loads

    for error, code in (
        (MemoryError(), "enc.malformed"),
        (OverflowError("too large"), "enc.malformed"),
        (RecursionError(), "enc.malformed"),
        (_chained(), "enc.dup_key"),
    ):
        monkeypatch.setattr(cbor2, "loads", raising(error))
        with refused(code):
            encoding.decode(b"\x00")


def _chained() -> ValueError:
    error = ValueError("while decoding")
    error.__cause__ = ValueError("Duplicate key")
    return error


def test_the_recursion_limit_is_out_of_reach() -> None:
    """A8: the deepest that any format allows is far from what Python can do."""
    assert sys.getrecursionlimit() > limits.CONTAINER_DEPTH * 4
