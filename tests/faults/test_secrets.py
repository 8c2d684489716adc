"""Keys: which are taken, where their bytes may be, and what happens without randomness. B2, B3, B10, B12, B14 to B16."""

from __future__ import annotations

import base64
import logging
import os
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ceasewire.errors import LocalError, PeerError
from ceasewire.exchange import bundle, seal
from ceasewire.folder import Folder
from ceasewire.record.card import Card, LogKeys, RecoveryKey, open_card, sign_card
from helpers import local, make_party, refused
from node.pair import ChannelPair

from .liar import Liar

IDENTITY = b"\x01" + bytes(31)
SMALL_ORDER = [
    IDENTITY,
    bytes(32),
    b"\xec" + b"\xff" * 30 + b"\x7f",
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]
NOT_CANONICAL = [b"\xee" + b"\xff" * 30 + b"\x7f", b"\xed" + b"\xff" * 30 + b"\x7f", b"\x01" + bytes(30) + b"\x80"]


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair() as made:
        yield made


# --- Weak keys ---


@pytest.mark.parametrize("key", SMALL_ORDER + NOT_CANONICAL)
@pytest.mark.parametrize("place", ["log_ed25519", "receipt_ed25519"])
def test_b2_a_weak_key_enrols_nobody(key: bytes, place: str) -> None:
    party = make_party("north")
    card = replace(party.card, keys=replace(party.card.keys, **{place: key}))
    with refused("key.weak"):
        open_card(sign_card(card, list(party.signers.values())))


def test_b3_the_identity_point_enrols_no_recovery_key_either() -> None:
    party = make_party("north")
    card = replace(party.card, recovery=(RecoveryKey(IDENTITY, party.card.recovery[0].mldsa44),))
    with refused("key.weak"):
        open_card(sign_card(card, list(party.signers.values())))


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_b10_a_fresh_sealing_key_of_low_order_is_not_used(pair: ChannelPair, point: bytes) -> None:
    liar = Liar(pair.made, 0)
    good = seal.public_key(bytes(32))
    taken = pair.south.receive(liar.bundle(1, sealing_key=good[:1184] + point))
    assert taken.refused == ["key.weak"]
    header = bundle.Header.decode(pair.south.bundle(0))
    assert header.key_id == seal.key_id(pair.made.channel.logs[0].sealing)
    assert pair.south.receive(liar.bundle(1, sealing_key=good[:-1])).refused == ["key.length"]


def test_b12_no_encapsulation_and_no_nonce_comes_twice_over_crashes(pair: ChannelPair) -> None:
    encapsulated, nonces = set(), set()
    for day in range(10):
        pair.set_clock(pair.north.clock.now + 86_401)
        pair.north.reopen()
        pair.south.receive(data := pair.north.bundle(pair.south))
        encapsulated.add(data[bundle.HEADER_BYTES : bundle.HEADER_BYTES + 1120])
        pair.north.receive(pair.south.bundle(pair.north))
        pair.north.receive(pair.south.bundle(pair.north))
        nonces |= {key.sealed[:12] for key in pair.north.node.store.fresh_keys()}
        assert len(encapsulated) == day + 1
    assert len(nonces) > 3


# --- No randomness ---


class _Broken:
    """The system's randomness, and where a test has it fail."""

    def __call__(self, _count: int) -> bytes:
        raise OSError("no randomness")


def test_b14_without_randomness_nothing_is_made_and_nothing_leaves(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.north.close()
    with pair.north.folder.node(None) as node:
        before = pair.north.dump()
        monkeypatch.setattr(os, "urandom", _Broken())
        with local("random.failed"):
            node.send("statement", {"text": "x"})
        assert pair.north.dump() == before
        monkeypatch.undo()
        assert node.send("statement", {"text": "x"}).index == 0
    pair.north.open()


def test_b14_without_randomness_no_fresh_key_is_given(pair: ChannelPair) -> None:
    def broken(_count: int) -> bytes:
        raise LocalError("random.failed")

    pair.north.node.draw = broken
    with local("random.failed"):
        pair.north.bundle(pair.south)
    assert pair.north.node.store.fresh_keys() == []


def test_b14_without_randomness_no_node_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", _Broken())
    with local("random.failed"):
        Folder.create(tmp_path / "node", _card, None)
    assert not (tmp_path / "node").exists()


def _card(keys: LogKeys, recovery: tuple[RecoveryKey, ...]) -> Card:
    return Card("north", "North", "party", "", keys, recovery)


# --- Key files ---


@pytest.mark.parametrize("name", ["pen", "unlock.key"])
def test_b15_a_key_file_that_others_could_read_or_that_is_not_whole_opens_nothing(pair: ChannelPair, name: str) -> None:
    pair.north.close()
    path = pair.north.folder.path / name
    whole = path.read_bytes()
    path.chmod(0o644)
    with local("pen.mode"):
        pair.north.open()
    path.chmod(0o600)
    for data in (b"", whole[:-1], whole[: len(whole) // 2], whole + b"\0"):
        path.write_bytes(data)
        with local("pen.damaged"):
            pair.north.open()
    path.rename(path.with_suffix(".away"))
    path.symlink_to(path.with_suffix(".away"))
    with local("pen.mode"):
        pair.north.open()
    path.unlink()
    with pytest.raises(LocalError) as missing:
        pair.north.open()
    assert missing.value.code in {"pen.damaged", "pen.passphrase"}
    path.write_bytes(whole)
    path.chmod(0o600)
    pair.north.open().say()


def secrets(pair: ChannelPair) -> list[bytes]:
    """Every private byte of both parties, and of the fresh keys in use."""
    found = [seed for side in pair for seed in (*pair.made.parties[side.slug].seeds.values(), pair.made.parties[side.slug].sealing_seed)]
    for side in pair:
        found += [side.node.pen.unseal(key.sealed) for key in side.node.store.fresh_keys()]
    return found


def holds(data: bytes, secret: bytes) -> bool:
    """In the clear, in hexadecimal, or in base64 at any of its three offsets."""
    coded = [base64.b64encode(bytes(n) + secret)[4 if n else 0 : -4] for n in range(3)]
    return any(form in data for form in (secret, secret[:16], secret.hex().encode(), secret.hex().upper().encode(), *coded))


def test_b16_the_search_finds_a_secret_in_every_form() -> None:
    secret = os.urandom(32)
    for form in (
        secret,
        secret.hex().encode(),
        base64.b64encode(secret),
        base64.b64encode(b"x" + secret),
        base64.b64encode(b"xy" + secret),
    ):
        assert holds(b"before" + form + b"after", secret)
    assert not holds(os.urandom(1000), secret)


def test_b16_no_key_bytes_stand_in_any_file_or_bundle(pair: ChannelPair) -> None:
    pair.north.node.send("line_check", {})
    for _ in range(2):
        pair.sync("north", "south")
    wanted = secrets(pair)
    assert len(wanted) == 16
    files = [path for side in pair for path in side.folder.path.iterdir() if path.is_file() and path.name != "unlock.key"]
    assert {"pen", "store.sqlite", "card.txt", "charter.cwc"} <= {path.name for path in files}
    data = [path.read_bytes() for path in files] + [pair.north.bundle(pair.south), pair.south.shown()]
    for secret in wanted:
        assert not any(holds(one, secret) for one in data)


def test_b16_no_key_bytes_stand_in_errors_representations_or_logs(pair: ChannelPair, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pair.sync("north", "south")
    said = [repr(pair.north.node.pen), repr(pair.north.node), repr(pair.north.exchange)]
    acts = (
        lambda: pair.north.receive(b"CWBUNDLE"),
        lambda: pair.north.node.send("statement", {"text": 5}),
        lambda: pair.north.node.pen.unseal(bytes(40)),
        lambda: pair.north.receive(pair.north.bundle(pair.south)),
    )
    for act in acts:
        with pytest.raises((PeerError, LocalError)) as error:
            act()
        said += [str(error.value), repr(error.value), *traceback.format_exception(error.value)]
    text = "\n".join([*said, caplog.text])
    for secret in secrets(pair)[:14]:
        assert not holds(text.encode(), secret)
        assert repr(secret)[2:-1] not in text
