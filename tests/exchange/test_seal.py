"""Sealing: FAULTS B10, B11, B12, and the public vectors of HPKE with MLKEM768-X25519 and of X25519."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.exchange import seal
from conftest import shared_path
from helpers import refused, seed_of

SEED, OTHER = seed_of("sealing"), seed_of("other")
PUBLIC = seal.public_key(SEED)
# The low-order points of Curve25519, in every encoding below 2^255: RFC 7748 section 6.1 and its references.
LOW_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_what_is_sealed_opens(plain: bytes, info: bytes) -> None:
    sealed = seal.seal(PUBLIC, info, plain)
    assert len(sealed) == len(plain) + seal.OVERHEAD_BYTES
    assert seal.unseal(SEED, info, sealed) == plain


def test_b11_whatever_is_changed_fails_alike() -> None:
    """B11: enc, ciphertext, tag, info, recipient, length: one code, one text."""
    info, plain = b"header", b"plain" * 9
    sealed = seal.seal(PUBLIC, info, plain)
    bad: list[tuple[bytes, bytes, bytes]] = [(OTHER, info, sealed), (SEED, info + b"x", sealed), (SEED, b"", sealed)]
    bad += [(SEED, info, sealed[:cut]) for cut in (0, 1, 1087, 1119, 1120, 1135, len(sealed) - 1)]
    bad += [(SEED, info, sealed + b"\x00")]
    for at in (0, 500, 1087, 1088, 1119, 1120, 1130, len(sealed) - 16, len(sealed) - 1):
        bad.append((SEED, info, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]))
    texts = set()
    for seed, given_info, data in bad:
        with refused("bundle.open") as caught:
            seal.unseal(seed, given_info, data)
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_b11_a_low_order_share_fails_like_any_other() -> None:
    """B10, B11: the sender's X25519 share is the last 32 bytes of enc."""
    sealed = seal.seal(PUBLIC, b"", b"plain")
    for point in LOW_ORDER:
        with refused("bundle.open"):
            seal.unseal(SEED, b"", sealed[:1088] + bytes.fromhex(point) + sealed[1120:])


@pytest.mark.parametrize("point", LOW_ORDER)
def test_b10_a_low_order_key_is_refused(point: str) -> None:
    """B10."""
    key = PUBLIC[:1184] + bytes.fromhex(point)
    with refused("key.weak"):
        seal.check_public_key(key)
    with refused("key.weak"):
        seal.seal(key, b"", b"plain")


def test_what_is_no_sealing_key() -> None:
    for length in (0, 32, 1184, 1215, 1217):
        with refused("key.length"):
            seal.check_public_key(bytes(length))
        with refused("key.length"):
            seal.seal(bytes(length), b"", b"")
    with refused("key.weak"):  # coefficients above the modulus (FIPS 203 section 7.2)
        seal.check_public_key(b"\xff" * 1184 + PUBLIC[1184:])
    seal.check_public_key(PUBLIC)


def test_b12_two_sealings_share_nothing() -> None:
    """B12: no nonce to reuse; every sealing has a fresh encapsulation."""
    found = [seal.seal(PUBLIC, b"info", b"plain") for _ in range(20)]
    assert len({sealed[:1120] for sealed in found}) == 20
    assert len({sealed[1120:] for sealed in found}) == 20


def test_a_key_is_named_by_its_hash() -> None:
    assert seal.key_id(PUBLIC) == hashlib.sha256(PUBLIC).digest()[:16]
    assert len(PUBLIC) == seal.PUBLIC_BYTES


def _hpke() -> list[dict[str, Any]]:
    vectors = json.loads(shared_path("vectors", "hpke-pq", "test-vectors.json").read_text())
    return [vector for vector in vectors if vector["kem_id"] == 0x647A]


def test_public_vectors_keys() -> None:
    """A seed of 32 bytes gives the public key of draft-ietf-hpke-pq; with whatever KDF."""
    vectors = _hpke()
    assert len(vectors) == 2
    for vector in vectors:
        public = bytes.fromhex(vector["pkRm"])
        assert seal.public_key(bytes.fromhex(vector["skRm"])) == public
        seal.check_public_key(public)


def test_public_vectors_open() -> None:
    """Our suite (KDF 1, AEAD 3): what is sealed under a vector's encapsulation, key and nonce opens with its seed and info.

    The vectors' own ciphertexts have additional data, which bundles have not; the key and nonce are what KEM and key schedule give.
    """
    vectors = [vector for vector in _hpke() if (vector["kdf_id"], vector["aead_id"], vector["mode"]) == (1, 3, 0)]
    assert vectors
    for vector in vectors:
        seed, info, enc, key, nonce = (bytes.fromhex(vector[name]) for name in ("skRm", "info", "enc", "key", "base_nonce"))
        assert seal.unseal(seed, info, enc + ChaCha20Poly1305(key).encrypt(nonce, b"plain", b"")) == b"plain"
        first = vector["encryptions"][0]
        assert ChaCha20Poly1305(key).decrypt(nonce, bytes.fromhex(first["ct"]), bytes.fromhex(first["aad"]))
        with refused("bundle.open"):
            seal.unseal(seed, info, enc + bytes.fromhex(first["ct"]))


def test_wycheproof_x25519() -> None:
    """B10: a public key is weak exactly if the shared secret is zero."""
    file = json.loads(shared_path("vectors", "wycheproof", "x25519_test.json").read_text())
    tests = [test for group in file["testGroups"] for test in group["tests"]]
    assert len(tests) == 518
    weak = 0
    for test in tests:
        key = PUBLIC[:1184] + bytes.fromhex(test["public"])
        if "ZeroSharedSecret" in test["flags"]:
            weak += 1
            with refused("key.weak"):
                seal.check_public_key(key)
        else:
            seal.check_public_key(key)
    assert weak == 31
