"""Whole bundles that are refused: A19, B4, B11, C2. The code is stable, and of the bundle nothing at all is kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ceasewire.errors import PeerError
from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Contents
from ceasewire.record import encoding
from helpers import refused, statement
from node.pair import NOT_THEIR_WORD, ChannelPair

from .liar import Liar, corrupt

SOUTH = 1


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        made.north.say("before")
        made.sync("north", "south")
        yield made


@pytest.fixture
def liar(pair: ChannelPair) -> Liar:
    return Liar(pair.made, 0).add(statement(text="one"), statement(text="two"))


@pytest.fixture(autouse=True)
def _nothing_half_stored(pair: ChannelPair) -> Iterator[None]:
    """After every test of this module: the store is byte for byte as it was."""
    before = pair.south.dump()
    yield
    assert pair.south.dump() == before
    assert pair.south.faults() == []


def refuses(pair: ChannelPair, code: str, data: bytes) -> None:
    with refused(code):
        pair.south.receive(data)


def test_a19_a_bundle_cut_at_any_place_is_refused(pair: ChannelPair, liar: Liar) -> None:
    data = liar.bundle(SOUTH, liar.run())
    for length in [*range(100), *range(100, len(data), 97)]:
        refuses(pair, "bundle.truncated" if length else "bundle.magic", data[:length])


def test_a19_a_bundle_with_another_start_is_refused(pair: ChannelPair, liar: Liar) -> None:
    data = liar.bundle(SOUTH, liar.run())
    refuses(pair, "bundle.magic", b"PK" + data[2:])
    refuses(pair, "bundle.magic", b"")
    refuses(pair, "bundle.version", data[:8] + b"\x02" + data[9:])
    refuses(pair, "enc.trailing", data + b"\0")
    refuses(pair, "enc.trailing", data + data)


def test_a19_every_flipped_bit_is_refused(pair: ChannelPair, liar: Liar) -> None:
    data = liar.bundle(SOUTH, liar.run())
    key_id = range(45, 61)  # an unknown one is remembered, so that the sender can be told: test_key_ids
    for at in [n for n in range(bundle.HEADER_BYTES) if n not in key_id] + list(range(bundle.HEADER_BYTES, len(data), 61)):
        with pytest.raises(PeerError) as error:
            pair.south.receive(corrupt(data, at))
        assert error.value.code.startswith("bundle.")


def test_a19_a_length_beyond_every_limit_is_refused_before_anything_is_read(pair: ChannelPair, liar: Liar) -> None:
    data = liar.bundle(SOUTH)
    refuses(pair, "bundle.size", data[:61] + b"\xff\xff\xff\xff" + data[65:])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda f: f.pop(13), "enc.shape"),
        (lambda f: f.update({14: 0}), "enc.shape"),
        (lambda f: f.update({1: "north"}), "enc.shape"),
        (lambda f: f.update({1: True}), "enc.shape"),
        (lambda f: f.update({2: -1}), "enc.shape"),
        (lambda f: f.update({3: {0: 0}}), "enc.shape"),
        (lambda f: f.update({4: [[0, 0, []]]}), "enc.shape"),
        (lambda f: f.update({4: [[0, 0, [[2, 0, {}, bytes(15), {0: [], 1: False}]], b""]]}), "enc.shape"),
        (lambda f: f.update({4: [[0, 0, [[2, 0, {}, bytes(16), {0: [], 1: 1}]], b""]]}), "enc.shape"),
        (lambda f: f.update({4: [[0, 0, [[2, 0, {}, bytes(16), {0: [], 1: False, 64: 0}]], b""]]}), "enc.shape"),
        (lambda f: f.update({8: [[2, 0], [1, 0]]}), "enc.shape"),
        (lambda f: f.update({8: [[1, 0], [1, 0]]}), "enc.shape"),
        (lambda f: f.update({12: [["x" * 65, 0, ""]]}), "enc.shape"),
        (lambda f: f.update({12: [["x\x1b[2J", 0, ""]]}), "enc.text"),
    ],
)
def test_a19_contents_of_another_shape_are_refused(
    pair: ChannelPair, liar: Liar, change: Callable[[dict[int, Any]], object], code: str
) -> None:
    fields: Any = encoding.decode(liar.contents().encode(), depth=16)
    change(fields)
    import cbor2  # noqa: PLC0415 - to write what our own encoder refuses

    refuses(pair, code, liar.sealed(SOUTH, cbor2.dumps(fields, canonical=True)))


def test_a19_more_messages_than_a_bundle_may_hold_are_refused(pair: ChannelPair, liar: Liar) -> None:
    one = statement(text="x").value()
    contents = liar.contents()
    fields: Any = encoding.decode(contents.encode(), depth=16)
    fields[4] = [[0, 0, [one] * 4097, b""], [0, 4097, [one] * 4096, b""]]
    refuses(pair, "bundle.size", liar.sealed(SOUTH, encoding.encode(fields, 16)))


def test_a19_signed_rubbish_never_raises_anything_but_a_code(pair: ChannelPair, liar: Liar) -> None:
    """The sender is a party and may sign what it likes: random changes of true contents."""
    draw = random.Random(19)
    true = liar.contents(liar.run(), checkpoints=[liar.note()], heads={0: 2}, wants={2: 0}, sealing_key=bytes(1216)).encode()
    refused_for = set()
    for _ in range(300):
        data = bytearray(true)
        for _ in range(draw.choice((1, 1, 2, 8))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        cut = bytes(data[: draw.choice((len(data), len(data), draw.randrange(len(data))))])
        try:
            Contents.decode(cut)
        except PeerError as error:
            code = error.code
        else:
            continue  # it says something else, and what that is worth other tests ask
        refuses(pair, code, liar.sealed(SOUTH, cut))
        refused_for.add(code)
    assert len(refused_for) > 3


# --- C2: of another channel, for another log, from another sender ---


def test_c2_a_bundle_of_another_channel_is_refused(pair: ChannelPair) -> None:
    with ChannelPair(name="elsewhere") as other:
        other.north.say()
        refuses(pair, "bundle.channel", other.north.bundle(other.south))


def test_c2_a_bundle_for_another_log_is_refused(pair: ChannelPair, liar: Liar) -> None:
    refuses(pair, "bundle.recipient", liar.bundle(2, liar.run()))


def test_c2_our_own_bundle_sent_back_is_refused(pair: ChannelPair) -> None:
    own = Liar(pair.made, SOUTH)
    refuses(pair, "bundle.signature", own.bundle(SOUTH))


def test_c2_a_run_of_another_channels_log_is_refused_within_a_true_bundle(liar: Liar) -> None:
    with ChannelPair(name="elsewhere") as other, ChannelPair() as pair:
        theirs = Liar(other.made, 0).add(*liar.messages)
        before = pair.south.dump(NOT_THEIR_WORD)
        ours = Liar(pair.made, 0)
        assert pair.south.receive(ours.bundle(1, theirs.run())).refused == ["checkpoint.origin"]
        assert pair.south.dump(NOT_THEIR_WORD) == before


# --- B4: signatures over something else, or by someone else ---


@pytest.mark.parametrize("use", ["receipt", "recovery"])
def test_b4_a_bundle_signed_by_another_key_of_its_sender_is_refused(pair: ChannelPair, liar: Liar, use: str) -> None:
    sign = pair.made.party(0).signers[use, "ed25519"]
    refuses(pair, "bundle.signature", liar.sealed(SOUTH, liar.contents(liar.run()).encode(), sign=sign))


def test_b4_a_bundle_signed_by_another_party_is_refused(pair: ChannelPair, liar: Liar) -> None:
    sign = pair.made.party(2).signers["log", "ed25519"]
    refuses(pair, "bundle.signature", liar.sealed(SOUTH, liar.contents(liar.run()).encode(), sign=sign))


def test_b4_another_logs_name_within_is_refused(pair: ChannelPair, liar: Liar) -> None:
    contents = liar.contents(liar.run(), log=2).encode()
    refuses(pair, "bundle.signature", liar.sealed(SOUTH, contents))
    refuses(pair, "bundle.signature", liar.sealed(SOUTH, contents, sender=2))


@pytest.mark.parametrize("sender", [3, 2**31 + 5, 2**32 - 1])
def test_b4_a_sender_that_the_charter_does_not_name_is_refused(pair: ChannelPair, liar: Liar, sender: int) -> None:
    refuses(pair, "log.unknown", liar.sealed(SOUTH, liar.contents(log=sender).encode(), sender=sender))


@pytest.mark.parametrize("tag", [b"\xffceasewire/card/1", b"\xffceasewire/charter/1", b"\xffceasewire/open/1", b""])
def test_b4_a_signature_over_another_domain_is_refused(pair: ChannelPair, liar: Liar, tag: bytes) -> None:
    key = pair.made.party(0).signers["log", "ed25519"]

    def sign(message: bytes) -> bytes:
        return key(tag + message.removeprefix(b"\xffceasewire/bundle/1"))

    refuses(pair, "bundle.signature", liar.sealed(SOUTH, liar.contents(liar.run()).encode(), sign=sign))


def test_b4_a_signature_for_another_recipient_or_channel_is_refused(pair: ChannelPair, liar: Liar) -> None:
    """The same contents and signature under another header: what an honest recipient could try to pass on."""
    contents = liar.contents(liar.run()).encode()
    stolen: list[bytes] = []

    def keep(message: bytes) -> bytes:
        stolen.append(pair.made.party(0).signers["log", "ed25519"](message))
        return stolen[0]

    liar.sealed(2, contents, sign=keep)
    refuses(pair, "bundle.signature", liar.sealed(SOUTH, contents, sign=lambda _message: stolen[0]))


# --- B11: sealing ---


def test_b11_sealed_to_another_key_is_refused_in_the_same_words(pair: ChannelPair, liar: Liar) -> None:
    def to_mission(_key: bytes, info: bytes, plain: bytes) -> bytes:
        return seal.seal(pair.made.channel.logs[2].sealing, info, plain)

    def other_info(key: bytes, info: bytes, plain: bytes) -> bytes:
        return seal.seal(key, info + b"x", plain)

    def cut_tag(key: bytes, info: bytes, plain: bytes) -> bytes:
        return seal.seal(key, info, plain)[:-1] + b"\0"

    texts = set()
    for forge in (to_mission, other_info, cut_tag):
        with refused("bundle.open") as error:
            pair.south.receive(liar.sealed(SOUTH, liar.contents().encode(), seal_to=forge))
        texts.add(str(error.value))
    assert len(texts) == 1


def test_b11_padding_that_says_something_is_refused(pair: ChannelPair, liar: Liar) -> None:
    def longer(key: bytes, info: bytes, plain: bytes) -> bytes:
        return seal.seal(key, info, plain[:-1] + b"\x01")

    refuses(pair, "bundle.padding", liar.sealed(SOUTH, liar.contents().encode(), seal_to=longer))
