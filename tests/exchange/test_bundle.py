"""Bundles: FAULTS A12, A15, A19, B4, B11, C2, E10, E13, E19, E21 at the level of the format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire import limits
from ceasewire.errors import PeerError
from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import HEADER_BYTES, Contents, Header, Opened, PackedRun, Run, Told, bucket, read, split
from ceasewire.record import encoding
from ceasewire.record.card import tagged
from ceasewire.record.message import row
from helpers import Signer, local, make_channel, refused, seed_of, statement

TEST = make_channel(("north", "south", "mission:guarantor"))
CHANNEL = TEST.channel
SOUTH_SEED = TEST.parties["south"].sealing_seed
RUN = TEST.run(TEST.empty(0), [statement(), statement(text="Another.", seen={1: 2})])
FULL = Contents(
    log=0,
    counter=7,
    heads={0: 2, 1: 3, 2**31: 1},
    runs=(RUN,),
    checkpoints=(TEST.note(0, 1, seed_of("root"), 1),),
    openings=(b"opening",),
    evidence=(b"chunk",),
    wants={2: 0, 5: 3},
    proofs=(b"proof",),
    sealing_key=seal.public_key(seed_of("fresh")),
    gone=(bytes(16),),
    told=(Told("hold.clock", 1, "26 min ahead"),),
    echo=bytes(32),
)
SEALED = TEST.bundle(FULL, 1)


def log_key(number: int, _contents: bytes) -> bytes:
    if number not in CHANNEL.logs:
        raise PeerError("log.unknown", str(number))
    return CHANNEL.logs[number].log[0].key


def opened(data: bytes) -> Opened:
    return read(data, SOUTH_SEED, log_key)


def test_a_bundle_crosses() -> None:
    found = opened(SEALED)
    assert found.sender == 0
    assert Contents.decode(found.contents) == FULL
    header = Header.decode(SEALED)
    assert header == Header(CHANNEL.channel_id, 1, seal.key_id(CHANNEL.logs[1].sealing), len(SEALED) - HEADER_BYTES)
    assert SEALED[:HEADER_BYTES] == header.encode()


@pytest.mark.parametrize("contents", [Contents(0, 1, {}), Contents(2**32 - 1, 2**63 - 1, {0: 2**63 - 1})])
def test_an_empty_bundle_is_two_kibibytes(contents: Contents) -> None:
    assert Contents.decode(contents.encode()) == contents
    if contents.log == 0:
        assert len(TEST.bundle(contents, 1)) == HEADER_BYTES + seal.OVERHEAD_BYTES + 2048


def test_a15_every_bit_of_a_bundle_counts() -> None:
    """A15, B11: header, encapsulation, ciphertext and tag; no flip is accepted."""
    for bit in [*range(HEADER_BYTES * 8), *range(HEADER_BYTES * 8, len(SEALED) * 8, 97)]:
        changed = bytearray(SEALED)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PeerError) as caught:
            opened(bytes(changed))
        assert caught.value.code.startswith("bundle.") or caught.value.code == "enc.trailing"


def test_a19_a_bundle_cut_anywhere() -> None:
    """A19: in the magic, in the header, in what is sealed; and nothing at all."""
    with refused("bundle.magic"):
        split(b"")
    for cut in (1, 7, 8, 9, 40, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, len(SEALED) - 1):
        with refused("bundle.truncated") as caught:
            split(SEALED[:cut])
        if cut >= HEADER_BYTES:
            assert caught.value.detail == f"{cut} of {len(SEALED)} bytes"


def test_a19_what_is_no_bundle() -> None:
    """A19: another magic, another version, a length above the limit."""
    for magic in (b"PK\x03\x04", b"CWBUNDLF", b"cwbundle", b"X"):
        with refused("bundle.magic"):
            split(magic + SEALED[len(magic) :])
    for version in (0, 2, 255):
        with refused("bundle.version") as caught:
            split(SEALED[:8] + bytes([version]) + SEALED[9:])
        assert caught.value.detail == str(version)
    with refused("bundle.version"):
        split(SEALED[:8] + b"\x02")
    with refused("bundle.size"):
        split(SEALED[: HEADER_BYTES - 4] + b"\xff\xff\xff\xff" + SEALED[HEADER_BYTES:])


def test_a19_a_file_of_several_bundles() -> None:
    """A19: one after the other, the same twice, and a verified prefix before damage, at a place that is told."""
    other = TEST.bundle(Contents(0, 8, {}), 1)
    file = SEALED + other + SEALED
    first = split(file)
    second = split(file, len(first))
    assert (first, second, split(file, len(first) + len(second))) == (SEALED, other, SEALED)
    with refused("enc.trailing"):
        opened(file)
    with refused("bundle.magic"):
        split(file, len(file))
    with refused("bundle.magic"):
        split(SEALED + b"junk", len(SEALED))


def test_b4_a_bundle_is_of_one_channel_recipient_and_key() -> None:
    """B4, C2, E19: the whole header is sealed in and signed."""
    header = Header.decode(SEALED)
    rest = SEALED[HEADER_BYTES:]
    for other in (
        replace(header, channel_id=bytes(32)),
        replace(header, recipient=2),
        replace(header, key_id=bytes(16)),
    ):
        with refused("bundle.open"):
            opened(other.encode() + rest)
    with refused("bundle.open"):
        read(SEALED, TEST.parties["mission"].sealing_seed, log_key)


def sealed_plain(make: Callable[[bytes], bytes], length: int | None = None) -> bytes:
    """A bundle to south whose plain text is whatever `make(header)` gives."""
    plain_length = length if length is not None else len(make(bytes(HEADER_BYTES)))
    key = CHANNEL.logs[1].sealing
    header = Header(CHANNEL.channel_id, 1, seal.key_id(key), plain_length + seal.OVERHEAD_BYTES).encode()
    return header + seal.seal(key, header, make(header))


def plain(header: bytes, sender: int, signer: Signer, contents: bytes, *, pad: int | None = None, tag: str = "ceasewire/bundle/1") -> bytes:
    digests = [hashlib.sha256(part).digest() for part in (header, contents)]
    found = sender.to_bytes(4, "big") + signer(tagged(tag, *digests)) + len(contents).to_bytes(4, "big") + contents
    return found.ljust(bucket(len(found)) if pad is None else pad, b"\x00")


NORTH, MISSION = (TEST.parties[slug].signers["log", "ed25519"] for slug in ("north", "mission"))
CONTENTS = Contents(0, 1, {}).encode()


def test_b4_a_bundle_is_signed_by_the_log_it_names() -> None:
    """B4, E21: another party's key, another format's name, another header, other contents."""
    assert opened(sealed_plain(lambda header: plain(header, 0, NORTH, CONTENTS))) == Opened(0, CONTENTS)
    bad: list[Callable[[bytes], bytes]] = [
        lambda header: plain(header, 0, MISSION, CONTENTS),
        lambda header: plain(header, 2, NORTH, CONTENTS),
        lambda header: plain(header, 0, NORTH, CONTENTS, tag="ceasewire/bundle/2"),
        lambda header: plain(bytes(HEADER_BYTES), 0, NORTH, CONTENTS),
        lambda header: plain(header, 0, lambda _: bytes(64), CONTENTS),
        lambda header: plain(header, 0, TEST.parties["north"].signers["receipt", "ed25519"], CONTENTS),
        lambda header: plain(header, 0, NORTH, CONTENTS).replace(CONTENTS, Contents(0, 2, {}).encode()),
    ]
    for make in bad:
        with refused("bundle.signature"):
            opened(sealed_plain(make))
    with refused("log.unknown"):
        opened(sealed_plain(lambda header: plain(header, 77, NORTH, CONTENTS)))


@pytest.mark.parametrize(
    "make",
    [
        lambda header: b"",
        lambda header: bytes(71),
        lambda header: bytes(2047),
        lambda header: plain(header, 0, NORTH, CONTENTS, pad=2049),
        lambda header: plain(header, 0, NORTH, CONTENTS, pad=4096),
        lambda header: plain(header, 0, NORTH, CONTENTS)[:-1] + b"\x01",
        lambda header: plain(header, 0, NORTH, CONTENTS)[:68] + b"\xff\xff\xff\xff" + bytes(1976),
        lambda header: plain(header, 0, NORTH, CONTENTS)[:68] + (2048 - 71).to_bytes(4, "big") + bytes(1976),
    ],
)
def test_padding_has_one_form(make: Callable[[bytes], bytes]) -> None:
    with refused("bundle.padding"):
        opened(sealed_plain(make))


@given(st.integers(1, limits.BUNDLE_CONTENTS_BYTES + 72))
def test_buckets_hide_the_length_and_cost_little(length: int) -> None:
    """E10: at most an eighth more, and the same for many lengths."""
    padded = bucket(length)
    assert length <= padded <= max(2048, length * 9 // 8)
    assert bucket(padded) == padded
    assert HEADER_BYTES + seal.OVERHEAD_BYTES + padded <= bundle.BUNDLE_BYTES


def test_buckets_are_few() -> None:
    """E10: 16 MiB of lengths have 337 buckets."""
    found, length = [], 1
    while length <= limits.BUNDLE_CONTENTS_BYTES:
        found.append(bucket(length))
        length = found[-1] + 1
    assert len(found) == len(set(found)) == 337
    assert found[0] == 2048


def fields() -> dict[int, Any]:
    return dict(encoding.mapping(encoding.decode(FULL.encode(), depth=16)))


RUN_VALUE: Any = RUN.value()


@pytest.mark.parametrize(
    ("number", "value", "code"),
    [
        (1, 2**32, "enc.shape"),
        (1, True, "enc.shape"),
        (2, -1, "enc.shape"),
        (3, [], "enc.shape"),
        (3, {0: 0}, "enc.shape"),
        (4, [RUN_VALUE[:3]], "enc.shape"),
        (4, [[2**32, *RUN_VALUE[1:]]], "enc.shape"),
        (4, [[0, -1, *RUN_VALUE[2:]]], "enc.shape"),
        (4, [[0, 0, [5], b""]], "enc.shape"),
        (4, [[0, 0, {}, b""]], "enc.shape"),
        (4, [[0, 0, [], "text"]], "enc.shape"),
        (4, [5], "enc.shape"),
        (4, [[0, 0, [0] * (limits.BUNDLE_MESSAGES + 1), b""]], "bundle.size"),
        (4, [[0, 0, [0] * limits.BUNDLE_MESSAGES, b""], [0, 0, [0], b""]], "bundle.size"),
        (5, b"", "enc.shape"),
        (5, ["note"], "enc.shape"),
        (6, [1], "enc.shape"),
        (7, [[]], "enc.shape"),
        (8, {2: 0}, "enc.shape"),
        (8, [[2]], "enc.shape"),
        (8, [[2, -1]], "enc.shape"),
        (8, [[2**32, 0]], "enc.shape"),
        (8, [[2, 0], [2, 1]], "enc.shape"),
        (8, [[5, 0], [2, 1]], "enc.shape"),
        (8, [[True, 0]], "enc.shape"),
        (9, [True], "enc.shape"),
        (10, [], "enc.shape"),
        (11, [0], "enc.shape"),
        (12, [["code", 1]], "enc.shape"),
        (12, [["c" * 65, 1, ""]], "enc.shape"),
        (12, [["code", 2**32, ""]], "enc.shape"),
        (12, [["code", 1, "d" * 201]], "enc.shape"),
        (13, "", "enc.shape"),
        (14, 0, "enc.shape"),
    ],
)
def test_a12_what_contents_are_not(number: int, value: Any, code: str) -> None:
    """A12, E13: the number of messages is bounded before any is read."""
    with refused(code):
        Contents.decode(encoding.encode(fields() | {number: value}, 16))


def test_contents_without_a_field_are_refused() -> None:
    for number in fields():
        left = fields()
        del left[number]
        with refused("enc.shape"):
            Contents.decode(encoding.encode(left, 16))


def test_e13_contents_over_their_limit_are_refused() -> None:
    with refused("enc.size"):
        Contents.decode(bytes(limits.BUNDLE_CONTENTS_BYTES + 1))


def test_a19_20000_empty_members() -> None:
    """A19."""
    with refused("bundle.size"):
        Contents.decode(encoding.encode(fields() | {4: [[0, 0, [0] * 20_000, b""]]}, 16))
    many = Contents.decode(encoding.encode(fields() | {4: [[0, 0, [], b""]] * 20_000}, 16))
    assert len(many.runs) == 20_000


def test_a8_a_body_in_a_bundle_may_not_be_deeper_than_elsewhere() -> None:
    """A8: the contents may be 16 deep, a body 8."""
    deep: Any = "x"
    for _ in range(8):
        deep = [deep]
    value = [0, 0, [[2, 0, {}, bytes(16), {0: [], 1: False, 40: deep}]], b""]
    with refused("enc.depth"):
        Contents.decode(encoding.encode(fields() | {4: [value]}, 16))


@given(st.integers(0, len(FULL.encode()) - 1), st.integers(0, 255))
@settings(max_examples=300)
def test_a15_changed_contents_are_other_contents_or_a_code(at: int, byte: int) -> None:
    """A16: decode, encode: the same bytes, or refused."""
    data = FULL.encode()
    changed = data[:at] + bytes([byte]) + data[at + 1 :]
    try:
        found = Contents.decode(changed)
    except PeerError:
        assert changed != data
    else:
        assert found.encode() == changed


def test_rows_are_packed_into_the_same_bytes_as_their_messages() -> None:
    """What a store keeps is canonical, so a bundle made of it is the bundle made of what it means."""
    rows = [row(0, 5 + n, one) for n, one in enumerate(RUN.messages)]
    packed = PackedRun(0, 5, rows, b"note")
    run = replace(RUN, start=5, checkpoint=b"note")
    assert packed.encode() == run.encode()
    assert Run.decode(packed.encode()) == run
    both = replace(FULL, packed=(packed,))
    assert both.encode() == replace(FULL, runs=(RUN, run)).encode()
    assert Contents.decode(both.encode()).runs == (RUN, run)


def test_a_run_by_itself_is_what_a_shelf_keeps() -> None:
    assert Run.decode(RUN.encode()) == RUN
    for bad in (RUN.encode()[:-1], RUN.encode() + b"\x00", b"", b"\x80"):
        with pytest.raises(PeerError):
            Run.decode(bad)


def test_contents_over_the_limit_do_not_leave() -> None:
    note = bytes(limits.BUNDLE_CONTENTS_BYTES - 40)
    assert len(Contents(0, 1, {}, checkpoints=[note]).encode()) <= limits.BUNDLE_CONTENTS_BYTES
    with local("bundle.size"):
        Contents(0, 1, {}, checkpoints=[note + bytes(40)]).encode()


# --- Long contents, which are read piece by piece ---


def long_contents(count: int, size: int = 300) -> Contents:
    run = TEST.run(TEST.empty(0), [statement(text=f"{n} " + "x" * size) for n in range(count)])
    more = {"checkpoints": [b"note" * 9], "proofs": [b"proof"], "wants": {2: 0, 5: 7}, "told": [Told("hold.clock", 1, "5")]}
    return Contents(0, 7, {1: 2}, runs=(run,), gone=(b"g" * 16,), sealing_key=b"k" * 1216, echo=b"e" * 32, **more)  # type: ignore[arg-type]


def both(data: bytes, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the two ways of reading make of contents: the contents, or a code."""
    found: list[Any] = []
    for short in (0, limits.BUNDLE_CONTENTS_BYTES):
        monkeypatch.setattr(bundle, "_SHORT_BYTES", short)
        try:
            found.append(Contents.decode(data).encode())
        except PeerError as error:
            found.append(error.code)
    return found


def test_long_contents_are_read_as_short_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for contents in (FULL, Contents(0, 1, {}), Contents(2**32 - 1, 2**63 - 1, {0: 2**63 - 1}), long_contents(100)):
        data = contents.encode()
        assert both(data, monkeypatch) == [data, data]


@given(st.integers(0, len(FULL.encode()) - 1), st.integers(0, 255), st.booleans())
@settings(max_examples=400)
def test_a15_both_ways_of_reading_refuse_the_same(at: int, byte: int, cut: bool) -> None:
    """A2, A6, A15: whatever is changed or cut off, both take it or neither does."""
    data = FULL.encode()
    changed = data[:at] if cut else data[:at] + bytes([byte]) + data[at + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        one, other = both(changed, patch)
    assert isinstance(one, bytes) == isinstance(other, bytes)
    assert isinstance(one, str) or one == other


def test_a12_long_contents_with_a_wrong_field_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_SHORT_BYTES", 0)
    for number, value in ((1, True), (2, -1), (3, {0: 0}), (4, [5]), (5, ["note"]), (8, [[2, 0], [2, 1]]), (12, [["code", 1]]), (14, 0)):
        with refused("enc.shape"):
            Contents.decode(encoding.encode(fields() | {number: value}, 16))


def test_e13_a_bundle_of_too_many_values_is_kept_as_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """I4: sixteen megabytes of empty arrays would be more than a thousand megabytes of memory."""
    monkeypatch.setattr(bundle, "_ITEMS_KEPT", 10_000)
    nested = statement(f60=[[] for _ in range(9000)])
    run = TEST.run(TEST.empty(0), [nested, nested, nested])
    (found,) = Contents.decode(Contents(0, 1, {}, runs=(run,)).encode()).runs
    assert isinstance(found.messages, bundle.Unread)
    assert found == run
    assert (found.encode(), found.weight()) == (run.encode(), run.weight())
    assert (list(found.messages[1:]), found.messages[-1]) == ([nested, nested], nested)


def test_long_reading_and_writing_breathe() -> None:
    contents, breaths = long_contents(100), []
    Contents.decode(contents.encode(), lambda: breaths.append(1))
    assert len(breaths) >= 100
