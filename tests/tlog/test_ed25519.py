"""Strict Ed25519: every public edge case has the one verdict that PROTOCOL section 11 fixes. FAULTS B1, B2, B3."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.tlog import ed25519

from .helpers import attempt, ed25519_key, flipped, load, refused, vectors

ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19

# The eight points of small order and the six other encodings of them, as the README of CCTV lists them.
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def weak(key: bytes) -> bool:
    def strong() -> bool:
        ed25519.check_public_key(key)
        return True

    return attempt({"key.weak"}, strong) is None


def test_wycheproof() -> None:
    groups = load(vectors("wycheproof") / "ed25519_test.json")["testGroups"]
    verdicts = {
        case["tcId"]: (
            ed25519.verify(bytes.fromhex(group["publicKey"]["pk"]), bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])),
            case["result"] == "valid",
        )
        for group in groups
        for case in group["tests"]
    }
    assert {number: verdict for number, verdict in verdicts.items() if verdict[0] != verdict[1]} == {}
    assert len(verdicts) == 151


def test_cctv() -> None:
    refuse = {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R", "low_order_residue"}
    cases = load(vectors("cctv-ed25519") / "ed25519" / "ed25519vectors.json")
    wrong = []
    for case in cases:
        verdict = ed25519.verify(bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode())
        if verdict != refuse.isdisjoint(case["flags"] or []):
            wrong.append(case["number"])
    assert wrong == []
    assert len(cases) == 914


def test_cctv_keys_are_weak_exactly_when_they_have_a_low_order_part() -> None:
    bad = {"low_order_A", "non_canonical_A", "low_order_component_A"}
    cases = load(vectors("cctv-ed25519") / "ed25519" / "ed25519vectors.json")
    wrong = [case["number"] for case in cases if weak(bytes.fromhex(case["key"])) == bad.isdisjoint(case["flags"] or [])]
    assert wrong == []


def test_speccheck() -> None:
    cases = load(vectors("ed25519-speccheck") / "cases.json")
    verdicts = [
        ed25519.verify(bytes.fromhex(case["pub_key"]), bytes.fromhex(case["signature"]), bytes.fromhex(case["message"])) for case in cases
    ]
    assert "".join("XV"[verdict] for verdict in verdicts) == "XXXVXXXXXXXX"


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_honest_signatures_verify(seed: bytes, message: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    ed25519.check_public_key(public)
    assert ed25519.verify(public, private.sign(message), message)
    assert not ed25519.verify(public, private.sign(message), message + b"\x00")


def test_every_bit_counts() -> None:
    key, sign = ed25519_key("a")
    signature = sign(b"message")
    assert ed25519.verify(key.key, signature, b"message")
    assert not any(ed25519.verify(key.key, flipped(signature, bit), b"message") for bit in range(512))
    assert not any(ed25519.verify(flipped(key.key, bit), signature, b"message") for bit in range(256))


def test_s_beyond_the_order_is_refused() -> None:
    key, sign = ed25519_key("a")
    signature = sign(b"m")
    s = int.from_bytes(signature[32:], "little")
    for other in (s + ORDER, s + 2 * ORDER, s | 1 << 255):
        assert not ed25519.verify(key.key, signature[:32] + other.to_bytes(32, "little"), b"m")


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_points_of_small_order_are_no_keys_and_sign_nothing(key: str) -> None:
    with refused("key.weak"):
        ed25519.check_public_key(bytes.fromhex(key))
    # With the identity as key, R = [S]B "verifies" over any message: one signature says yes and no. FAULTS B3.
    for s in (0, 1):
        base = "5866666666666666666666666666666666666666666666666666666666666666" if s else SMALL_ORDER[4]
        signature = bytes.fromhex(base) + s.to_bytes(32, "little")
        assert not ed25519.verify(bytes.fromhex(key), signature, b"we accept")


def test_an_encoding_that_is_no_point_or_not_reduced_is_weak() -> None:
    assert weak((2).to_bytes(32, "little"))  # no x belongs to y = 2
    for y in range(19):  # y + p still fits into 255 bits
        assert weak((y + FIELD).to_bytes(32, "little"))


def test_the_border_between_signature_and_message_is_fixed() -> None:
    key, sign = ed25519_key("a")
    signature = sign(b"message")
    assert ed25519.verify(key.key, signature, b"message")
    assert not ed25519.verify(key.key, signature + b"m", b"essage")
    assert not ed25519.verify(key.key, signature[:63], signature[63:] + b"message")
    assert not ed25519.verify(key.key + b"\x00", signature, b"message")


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_lengths(length: int) -> None:
    key, sign = ed25519_key("a")
    with refused("key.length"):
        ed25519.check_public_key(b"\x01" * length)
    assert not ed25519.verify(b"\x01" * length, sign(b"m"), b"m")
    assert not ed25519.verify(key.key, (sign(b"m") * 2)[: length if length != 64 else 65], b"m")
