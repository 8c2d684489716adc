"""Cards: FAULTS B1, B2, B3, B4, B8, B9 at enrolment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.record import encoding
from ceasewire.record.card import Card, LogKeys, RecoveryKey, armor, check_key, open_card, sign_card, tagged, unarmor
from helpers import make_party, refused

NORTH = make_party("north", "party", "https://north.example/")
FILE = NORTH.card_file
# The identity, a point of order 8, the identity not canonical, and a base point plus a point of order 8.
WEAK = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
]


def remade(change: Callable[[dict[int, Any]], None]) -> bytes:
    """The card file with its fields changed, signed anew as far as the keys allow."""
    fields: dict[int, Any] = dict(encoding.mapping(encoding.decode(NORTH.card.encode(), limits.CARD_BYTES)))
    change(fields)
    data = encoding.encode(fields)
    message = tagged("ceasewire/card/1", hashlib.sha256(data).digest())
    return encoding.encode([data, [sign(message) for sign in NORTH.signers.values()]])


def with_field(number: int, value: Any) -> bytes:
    return remade(lambda fields: fields.__setitem__(number, value))


def test_a_card_is_what_was_signed() -> None:
    card, data = open_card(FILE)
    assert card == NORTH.card
    assert data == card.encode()
    assert open_card(with_field(2, "Another name"))[0].name == "Another name"


def test_every_key_signs() -> None:
    """B3: nobody can list a key that is not theirs."""
    data, signatures = encoding.array(encoding.decode(FILE, limits.CARD_BYTES))
    found = encoding.array(signatures)
    assert len(found) == 6
    for place in range(6):
        for bad in (bytes(len(encoding.octets(found[place]))), b"", found[(place + 2) % 6]):
            with refused("sig.invalid"):
                open_card(encoding.encode([data, [*found[:place], bad, *found[place + 1 :]]]))
    for count in (0, 5):
        with refused("enc.shape"):
            open_card(encoding.encode([data, found[:count]]))
    with refused("enc.shape"):
        open_card(encoding.encode([data, [*found, found[0]]]))


def test_b4_a_signature_in_another_domain_is_none() -> None:
    """B4: the same keys over the same card under another format's name."""
    data = NORTH.card.encode()
    digest = hashlib.sha256(data).digest()
    for tag in ("ceasewire/charter/1", "ceasewire/bundle/1", "ceasewire/card/2", "ceasewire/card/", ""):
        with refused("sig.invalid"):
            open_card(encoding.encode([data, [sign(tagged(tag, digest)) for sign in NORTH.signers.values()]]))
    with refused("sig.invalid"):
        open_card(encoding.encode([data, [sign(data) for sign in NORTH.signers.values()]]))


@pytest.mark.parametrize("number", [5, 7])
@pytest.mark.parametrize("key", WEAK)
def test_b2_b3_weak_keys_are_not_enrolled(number: int, key: str) -> None:
    """B2, B3: with the identity as key, one signature would fit every message."""
    with refused("key.weak"):
        open_card(with_field(number, bytes.fromhex(key)))
    with refused("key.weak"):
        open_card(with_field(10, [[bytes.fromhex(key), NORTH.card.recovery[0].mldsa44]]))


def test_b1_a_malleable_signature_is_refused() -> None:
    """B1: S + L is another spelling of the same signature."""
    order = 2**252 + 27742317777372353535851937790883648493
    data, signatures = encoding.array(encoding.decode(FILE, limits.CARD_BYTES))
    found = encoding.array(signatures)
    good = encoding.octets(found[0])
    s = int.from_bytes(good[32:], "little")
    for other in (s + order, s | 1 << 255, s | 1 << 253):
        bad = good[:32] + other.to_bytes(32, "little")
        with refused("sig.invalid"):
            open_card(encoding.encode([data, [bad, *found[1:]]]))


@pytest.mark.parametrize(
    ("number", "value", "code"),
    [
        (1, "North", "card.malformed"),
        (1, "", "card.malformed"),
        (1, "-north", "card.malformed"),
        (1, "north.3fa91c", "card.malformed"),
        (1, "north\n", "card.malformed"),
        (1, "n" * 33, "enc.shape"),
        (1, b"north", "enc.shape"),
        (2, "", "card.malformed"),
        (2, "  ", "card.malformed"),
        (2, "n" * 201, "enc.shape"),
        (3, 0, "card.malformed"),
        (3, 4, "card.malformed"),
        (3, True, "enc.shape"),
        (4, "u" * 501, "enc.shape"),
        (5, bytes(31), "key.length"),
        (6, bytes(1311), "key.length"),
        (7, bytes(33), "key.length"),
        (8, bytes(1313), "key.length"),
        (9, bytes(1215), "key.length"),
        (9, bytes(1217), "key.length"),
        (9, "key", "enc.shape"),
        (10, [], "card.malformed"),
        (10, [[NORTH.card.recovery[0].ed25519, NORTH.card.recovery[0].mldsa44]] * 2, "card.malformed"),
        (10, [[NORTH.card.recovery[0].ed25519, NORTH.card.recovery[0].mldsa44]] * 4, "card.malformed"),
        (10, [[NORTH.card.recovery[0].ed25519]], "enc.shape"),
        (10, [[NORTH.card.keys.log_ed25519, NORTH.card.recovery[0].mldsa44]], "card.malformed"),
        (11, 0, "enc.shape"),
    ],
)
def test_what_is_not_a_card(number: int, value: Any, code: str) -> None:
    """B8, B9: which algorithm a key is for is fixed by its place; a slug is never a path."""
    with refused(code):
        open_card(with_field(number, value))


def test_receipt_and_log_keys_differ() -> None:
    """B4: one key, one use."""
    with refused("card.malformed"):
        open_card(with_field(7, NORTH.card.keys.log_ed25519))


def test_a_card_of_three_recovery_keys() -> None:
    others = [make_party(slug) for slug in ("spare-1", "spare-2")]
    keys = tuple(RecoveryKey(p.card.keys.log_ed25519, p.card.keys.log_mldsa44) for p in others)
    card = replace(NORTH.card, recovery=(*NORTH.card.recovery, *keys))
    signers = [*NORTH.signers.values(), *(p.signers["log", a] for p in others for a in ("ed25519", "mldsa44"))]
    assert open_card(sign_card(card, signers))[0] == card
    assert len(card.signing_keys()) == 10


def test_a_missing_field_a_limit_and_trailing_bytes() -> None:
    with refused("enc.shape"):
        open_card(remade(lambda fields: fields.__delitem__(4)))
    with refused("enc.size"):
        open_card(bytes(limits.CARD_BYTES + 1))
    with refused("enc.trailing"):
        open_card(FILE + b"\x00")


def test_no_byte_of_a_card_can_change() -> None:
    for at in range(0, len(FILE), 7):
        changed = bytearray(FILE)
        changed[at] ^= 1 << at % 8
        with pytest.raises(PeerError):
            open_card(bytes(changed))


def test_b8_the_algorithm_is_the_places() -> None:
    """B8: an ML-DSA key does not verify as Ed25519, nor the other way."""
    keys: LogKeys = NORTH.card.keys
    with refused("key.length"):
        check_key("ed25519", keys.log_mldsa44)
    with refused("key.length"):
        check_key("mldsa44", keys.log_ed25519)


@given(st.binary(max_size=300))
def test_armor_and_back(data: bytes) -> None:
    text = armor(data)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 76
    assert unarmor(text.encode()) == data
    mailed = "\r\n" + "".join(f"  {line}\t\r\n" for line in text.splitlines()) + " \n"
    assert unarmor(mailed.encode()) == data


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"-----BEGIN CEASEWIRE CARD-----",
        b"-----BEGIN CEASEWIRE CARD-----\nAAAA",
        b"AAAA\n-----END CEASEWIRE CARD-----",
        b"-----BEGIN CEASEWIRE CARD-----\nAAA\n-----END CEASEWIRE CARD-----",
        b"-----BEGIN CEASEWIRE CARD-----\nA-_A\n-----END CEASEWIRE CARD-----",
        "-----BEGIN CEASEWIRE CARD-----\n\u00e9AAA\n-----END CEASEWIRE CARD-----".encode(),
        b"\xff\xfe",
    ],
)
def test_what_is_not_a_cards_text(text: bytes) -> None:
    with refused("card.malformed"):
        unarmor(text)


def test_a_card_says_who_they_are_and_nothing_else() -> None:
    assert Card.decode(NORTH.card.encode()) == NORTH.card
    assert tagged("a/1", b"\x01" * 32, b"\x02" * 32) == b"\xffa/1" + b"\x01" * 32 + b"\x02" * 32


@pytest.mark.parametrize("slug", ["civilians", "unattributed"])
def test_no_party_bears_a_word_of_the_protocol(slug: str) -> None:
    """Casualties are counted by group: a party of that name could not be told from it."""
    party = make_party(slug)
    with refused("card.malformed"):
        party.card.check()
