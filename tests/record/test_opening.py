"""Openings of later logs. FAULTS B4, B7, B13 at the level of the format."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from ceasewire.record import encoding
from ceasewire.record.card import tagged
from ceasewire.record.opening import Opening, message, open_opening, position_of, sign_opening
from ceasewire.tlog.merkle import EMPTY_ROOT
from helpers import TestParty, make_channel, make_party, refused, seed_of

CHANNEL = make_channel()
PARTIES = CHANNEL.channel.charter.parties
SOUTH, NEW = CHANNEL.parties["south"], make_party("south-new")
OPENING = Opening(CHANNEL.channel.channel_id, 1, NEW.card.keys, 1, 12, seed_of("root"))


def sign(opening: Opening, recovery: TestParty = SOUTH, new: TestParty = NEW, place: int = 0) -> bytes:
    signers = [recovery.signers["recovery", "ed25519"], recovery.signers["recovery", "mldsa44"]]
    signers += [new.signers[use, a] for use in ("log", "receipt") for a in ("ed25519", "mldsa44")]
    return sign_opening(opening, place, signers)


def read(data: bytes) -> Opening:
    return open_opening(data, CHANNEL.channel.channel_id, PARTIES)


def test_an_opening_and_its_log() -> None:
    assert read(sign(OPENING)) == OPENING
    digest = hashlib.sha256(OPENING.encode()).digest()
    assert OPENING.number == 2**31 + 2**24 + int.from_bytes(digest[:3], "big")
    assert OPENING.log_name("south") == f"south.{digest.hex()[:6]}"
    assert position_of(OPENING.number) == 1
    assert message(OPENING.encode()) == b"\xffceasewire/open/1" + digest


def test_a_further_device_and_a_lost_disk() -> None:
    further = replace(OPENING, predecessor=None, size=0, root=EMPTY_ROOT)
    lost = replace(OPENING, size=0, root=EMPTY_ROOT)
    later = replace(OPENING, predecessor=OPENING.number)
    for opening in (further, lost, later):
        assert read(sign(opening)) == opening
    assert encoding.array(encoding.decode(further.encode(), 10**5, null=True))[4] is None


def test_whose_a_number_is() -> None:
    assert [position_of(n) for n in (0, 31, 32, 2**31 - 1, 2**31, 2**31 + 2**24 - 1, 2**31 + 32 * 2**24 - 1)] == [
        0,
        31,
        None,
        None,
        0,
        0,
        31,
    ]
    assert position_of(2**31 + 32 * 2**24) is None


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, "ceasewire/open/2", "opening.malformed"),
        (0, b"ceasewire/open/1", "opening.malformed"),
        (1, bytes(31), "enc.shape"),
        (2, 32, "enc.shape"),
        (2, True, "enc.shape"),
        (2, 0, "opening.malformed"),
        (3, [], "enc.shape"),
        (3, [bytes(32)] * 5, "key.length"),
        (4, 0, "opening.malformed"),
        (4, 2**31, "opening.malformed"),
        (4, 77, "opening.malformed"),
        (4, 2**32, "enc.shape"),
        (4, None, "opening.malformed"),
        (5, 0, "opening.malformed"),
        (5, -1, "enc.shape"),
        (6, EMPTY_ROOT, "opening.malformed"),
        (6, bytes(31), "enc.shape"),
        (6, None, "enc.shape"),
    ],
)
def test_what_is_not_an_opening(place: int, value: Any, code: str) -> None:
    parts: list[Any] = list(encoding.array(encoding.decode(OPENING.encode(), 10**5, null=True)))
    parts[place] = value
    with refused(code):
        Opening.decode(encoding.encode(parts, null=True))


def test_weak_and_used_keys_open_no_log() -> None:
    """B2, B3; and one key is one log's for ever."""
    weak = replace(NEW.card.keys, log_ed25519=b"\x01" + bytes(31))
    with refused("key.weak"):
        Opening.decode(replace(OPENING, keys=weak).encode())
    with refused("opening.malformed"):
        read(sign(replace(OPENING, keys=SOUTH.card.keys), new=SOUTH))
    same = replace(NEW.card.keys, receipt_ed25519=NEW.card.keys.log_ed25519)
    with refused("opening.malformed"):
        read(sign(replace(OPENING, keys=same)))


def test_b7_an_opening_needs_the_recovery_key_and_every_new_key() -> None:
    """B7, B13: the old log's key does not open another; a signature that is stripped or swapped is missed."""
    with refused("sig.invalid"):
        read(sign(OPENING, recovery=CHANNEL.parties["north"]))
    with refused("sig.invalid"):
        read(sign(OPENING, new=make_party("third")))
    with refused("opening.malformed"):
        read(sign(OPENING, place=1))
    raw, place, signatures = encoding.array(encoding.decode(sign(OPENING), 10**5))
    found = encoding.array(signatures)
    for n in range(6):
        with refused("sig.invalid"):
            read(encoding.encode([raw, place, [*found[:n], b"", *found[n + 1 :]]]))
    with refused("enc.shape"):
        read(encoding.encode([raw, place, found[:5]]))
    with refused("enc.shape"):
        read(encoding.encode([raw, place]))


def test_b4_an_opening_is_of_one_channel_and_format() -> None:
    """B4."""
    other = make_channel(exercise=True).channel
    with refused("opening.malformed"):
        open_opening(sign(OPENING), other.channel_id, PARTIES)
    with refused("opening.malformed"):
        read(sign(replace(OPENING, position=2, predecessor=2)))
    digest = hashlib.sha256(OPENING.encode()).digest()
    card = [s(tagged("ceasewire/card/1", digest)) for s in (*SOUTH.signers.values(),)]
    with refused("sig.invalid"):
        read(encoding.encode([OPENING.encode(), 0, [*card]]))


def test_the_sealing_key_has_its_length() -> None:
    with refused("key.length"):
        Opening.decode(replace(OPENING, keys=replace(NEW.card.keys, sealing=bytes(32))).encode())
