"""Entry, body tree, disclosure: FAULTS A12, A15, A16 and B4."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.record import encoding
from ceasewire.record.encoding import Value
from ceasewire.record.message import (
    EXERCISE,
    RELEASES,
    Body,
    Disclosure,
    Entry,
    Message,
    body_tree,
    check_body,
    disclose,
    entry_of,
    leaf,
    message_of,
    row,
)
from helpers import START, refused, seed_of, statement

from .test_encoding import VALUES

SEED = bytes(range(16))
FIELDS = st.dictionaries(st.integers(2, 63), VALUES, max_size=6)


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    more = draw(FIELDS)
    body: Body = {0: [], EXERCISE: draw(st.booleans()), **{key: more[key] for key in sorted(more)}}
    return body


def by_the_book(seed: bytes, body: Body) -> tuple[bytes, bytes]:
    """`rest` and body-root, word for word as spec/entry.md has them."""

    def sha(data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    def leaf_hash(k: int) -> bytes:
        salt = hashlib.shake_256(seed).digest(64 * 16)[16 * k : 16 * k + 16]
        return sha(b"\x00" + encoding.encode([salt, k, body[k]], 16))

    def tree(hashes: list[bytes]) -> bytes:
        if len(hashes) == 1:
            return hashes[0]
        k = 1 << (len(hashes) - 1).bit_length() - 1
        return sha(b"\x01" + tree(hashes[:k]) + tree(hashes[k:]))

    rest = tree([leaf_hash(k) for k in sorted(body) if k])
    return rest, sha(b"\x01" + leaf_hash(0) + rest)


@given(st.binary(min_size=16, max_size=16), bodies())
def test_the_tree_is_the_one_of_the_specification(seed: bytes, body: Body) -> None:
    tree = body_tree(seed, body)
    assert (tree.rest, tree.root) == by_the_book(seed, body)
    assert len(tree.leaves) == len(body)


@given(st.binary(min_size=16, max_size=16), bodies(), st.sets(st.integers(0, 63)))
def test_whatever_is_disclosed_has_the_bodys_root(seed: bytes, body: Body, reveal: set[int]) -> None:
    """And shows exactly what was asked for, and fields 0 and 1."""
    shown = disclose(seed, body, reveal)
    again = Disclosure.from_value(encoding.decode(encoding.encode(shown.value(), 16), 10**6, 16))
    assert again == shown
    assert again.root() == body_tree(seed, body).root
    assert again.fields == {key: body[key] for key in body if key in reveal or key in (RELEASES, EXERCISE)}
    assert again.hidden == len(body) - len(again.fields)


def test_every_subset_of_a_body_has_the_bodys_root() -> None:
    body: Body = {0: [], 1: False, 2: 1, 16: "a", 17: ["b"], 40: b"c", 63: {1: True}}
    root = body_tree(SEED, body).root
    for count in range(len(body) + 1):
        for reveal in itertools.combinations(body, count):
            assert disclose(SEED, body, reveal).root() == root


def test_a_changed_value_salt_field_or_place_has_another_root() -> None:
    body: Body = {0: [], 1: False, 16: "a", 17: "b"}
    parts = list(disclose(SEED, body, body).parts)
    root = body_tree(SEED, body).root
    salt, field, _ = encoding.array(parts[2])
    changed: list[Value] = [[salt, field, "b"], [bytes(16), field, "a"], [salt, 18, "a"], hashlib.sha256(b"").digest()]
    for part in changed:
        assert Disclosure((*parts[:2], part, parts[3])).root() != root
    assert Disclosure((parts[0], parts[1], parts[3], parts[2])).root() != root
    assert Disclosure(tuple(parts[:3])).root() != root


def test_the_salts_are_16_bytes_of_shake256_each() -> None:
    salt = hashlib.shake_256(SEED).digest(64 * 16)[17 * 16 : 18 * 16]
    assert encoding.decode(leaf(SEED, 17, "b")) == [salt, 17, "b"]


PART: list[Value] = [bytes(16), 2, "x"]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        [],
        [bytes(32)],
        [bytes(32)] * 65,
        [bytes(31), bytes(32)],
        ["text", bytes(32)],
        [5, bytes(32)],
        [bytes(32), [bytes(16), 1]],
        [bytes(32), [bytes(15), 1, True]],
        [bytes(32), ["0123456789abcdef", 1, True]],
        [bytes(32), [bytes(16), 2, True]],
        [[bytes(16), 1, True], bytes(32)],
        [bytes(32), [bytes(16), True, True]],
        [bytes(32), [bytes(16), -1, True]],
        [bytes(32), bytes(32), PART, PART],
        [bytes(32), bytes(32), [bytes(16), 3, 0], [bytes(16), 2, 0]],
        [bytes(32), bytes(32), bytes(32), PART],
        [bytes(32), bytes(32), [bytes(16), 64, 0]],
        [bytes(32), bytes(32), [bytes(16), 63, 0], bytes(32)],
        [bytes(32), bytes(32), [bytes(16), 62, 0], bytes(32), bytes(32)],
    ],
)
def test_a_disclosure_that_no_body_has_is_refused(parts: Any) -> None:
    with refused("enc.shape"):
        Disclosure.from_value(parts)


def test_a_disclosure_at_the_edge_is_taken() -> None:
    edge: list[Value] = [bytes(32), bytes(32), [bytes(16), 62, 0], bytes(32)]
    assert Disclosure.from_value(edge).hidden == 3
    assert Disclosure.from_value([bytes(32)] * 64).hidden == 64


ENTRY = Entry(2, START, {0: 5, 7: 1}, seed_of("root"))


def test_an_entry_is_about_50_bytes_and_says_nothing_of_the_content() -> None:
    data = ENTRY.encode()
    assert len(data) <= 50
    assert Entry.decode(data) == ENTRY
    assert encoding.decode(data) == [1, 2, START, {0: 5, 7: 1}, seed_of("root")]


def test_a15_no_bit_of_an_entry_can_change_unseen() -> None:
    """A15: each single-bit flip is refused, or is another entry, whose leaf hash no checkpoint of the log covers."""
    data = ENTRY.encode()
    accepted = 0
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            other = Entry.decode(bytes(changed))
        except PeerError:
            continue
        accepted += 1
        assert other != ENTRY
        assert other.encode() == bytes(changed)
    assert accepted < len(data) * 8  # most are in the root, the time and the sizes, where any bits are an entry of some log


def test_a15_a_cut_or_longer_entry_is_refused() -> None:
    """A15, A6."""
    data = ENTRY.encode()
    for cut in range(len(data)):
        with pytest.raises(PeerError):
            Entry.decode(data[:cut])
    with refused("enc.trailing"):
        Entry.decode(data + b"\x00")


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        [1, 2, 3, {}, bytes(32), 0],
        [2, 2, START, {}, bytes(32)],
        [True, 2, START, {}, bytes(32)],
        [1, True, START, {}, bytes(32)],
        [1, 2**16, START, {}, bytes(32)],
        [1, -1, START, {}, bytes(32)],
        [1, 2, -1, {}, bytes(32)],
        [1, 2, "now", {}, bytes(32)],
        [1, 2, START, [], bytes(32)],
        [1, 2, START, {0: 0}, bytes(32)],
        [1, 2, START, {2**32: 1}, bytes(32)],
        [1, 2, START, {}, bytes(31)],
        [1, 2, START, {}, "a" * 32],
    ],
)
def test_a12_what_is_not_an_entry(value: Any) -> None:
    """A11, A12, A13: another version is refused too, since its critical fields are not known."""
    with refused("enc.shape"):
        Entry.decode(encoding.encode(value))


def test_a_message_crosses_as_five_values() -> None:
    one = statement(seen={1: 4})
    value = one.value()
    assert value == [2, START, {1: 4}, one.seed, one.body]
    assert Message.from_value(encoding.decode(encoding.encode(value))) == one


@pytest.mark.parametrize(
    "change",
    [
        {0: 2**16},
        {0: True},
        {1: -1},
        {1: 2**63},
        {2: {0: 0}},
        {2: []},
        {3: bytes(15)},
        {3: bytes(17)},
        {4: {}},
        {4: []},
        {4: {0: []}},
        {4: {1: False}},
        {4: {0: {}, 1: False}},
        {4: {0: [], 1: 0}},
        {4: {0: [], 1: False, 64: 0}},
    ],
)
def test_a12_what_is_not_a_message(change: dict[int, Any]) -> None:
    """A12."""
    value: list[Any] = [2, START, {}, bytes(16), {0: [], 1: False}]
    for place, item in change.items():
        value[place] = item
    with refused("enc.shape"):
        Message.from_value(value)
    with refused("enc.shape"):
        Message.from_value([*value, 0])


def test_a8_a_body_is_not_deeper_for_being_inside_a_bundle() -> None:
    """A8: a bundle's contents may be 16 deep; a body that a node could store and never read again is refused."""
    deep: Value = "x"
    for _ in range(limits.CBOR_DEPTH - 1):
        deep = [deep]
    good = Message(2, START, {}, SEED, {0: [], 1: False, 40: deep})
    kept = row(0, 0, Message.from_value(good.value()))
    assert message_of(kept) == good
    with refused("enc.depth"):
        Message.from_value([2, START, {}, SEED, {0: [], 1: False, 40: [deep]}])


def test_a_body_over_its_limit_is_refused() -> None:
    most = limits.BODY_BYTES - len(encoding.encode({0: [], 1: False, 40: b""})) - 2
    assert len(row(0, 0, statement_with(bytes(most))).body) == limits.BODY_BYTES
    with refused("enc.size"):
        row(0, 0, statement_with(bytes(most + 1)))


def statement_with(value: bytes) -> Message:
    return Message(2, START, {}, SEED, {0: [], 1: False, 40: value})


@settings(max_examples=50)
@given(bodies())
def test_a_row_gives_its_message_and_its_entry_back(body: Body) -> None:
    one = Message(2, START, {1: 7}, SEED, body)
    kept = row(0, 3, one)
    assert message_of(kept) == one
    entry = entry_of(kept)
    assert hashlib.sha256(b"\x00" + entry.encode()).digest() == kept.leaf
    assert (entry.kind, entry.time, entry.seen, entry.body_root) == (2, START, {1: 7}, kept.body_root)
    assert (kept.log, kept.index, kept.void) == (0, 3, None)
    assert kept.body == encoding.encode(body)
    assert row(0, 3, replace(one, body=dict(reversed(body.items())))) == kept


def test_two_bodies_never_share_a_leaf() -> None:
    """Hidden content cannot be guessed: the same body under two seeds has nothing in common but its length."""
    body: Body = {0: [], 1: False, 17: "yes"}
    one, other = body_tree(bytes(16), body), body_tree(bytes(15) + b"\x01", body)
    assert not set(one.leaves) & set(other.leaves)
    assert one.rest != other.rest


def test_a_damaged_row_is_an_error_with_a_code() -> None:
    kept = row(0, 0, statement())
    for change, code in (
        ({"body": b"\xa0"}, "enc.shape"),
        ({"body": b"\x80"}, "enc.shape"),
        ({"seen": b"\xa1\x00\x00"}, "enc.shape"),
    ):
        with refused(code):
            message_of(_replace(kept, **change))
    with refused("enc.malformed"):
        entry_of(_replace(kept, seen=b""))


def _replace(kept: Any, **change: bytes) -> Any:
    values = {name: getattr(kept, name) for name in kept.__slots__} | change
    return type(kept)(**values)


def test_check_body_wants_fields_0_and_1() -> None:
    check_body({0: [], 1: True})
    check_body({0: [[b"release"]], 1: False, 63: 0})
