"""Sealing: HPKE (RFC 9180) with MLKEM768-X25519, HKDF-SHA256, ChaCha20-Poly1305. spec/bundle.md.

A private key is a 32-byte seed; SHAKE256(seed, 96) is 64 bytes for ML-KEM-768 and 32 for X25519. A public key is the ML-KEM-768
key, then the X25519 key: 1216 bytes. A key's id is the first 16 bytes of the SHA-256 of its public key.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from ..errors import PeerError

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 1184 + 32
OVERHEAD_BYTES: Final = 1088 + 32 + 16  # ML-KEM ciphertext, X25519 share, tag
KEY_ID_BYTES: Final = 16
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def key_id(public: bytes) -> bytes:
    """16 bytes that name a sealing key."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


@lru_cache(maxsize=64)
def _private(seed: bytes) -> MLKEM768X25519PrivateKey:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768X25519PrivateKey(MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:]))


def public_key(seed: bytes) -> bytes:
    """The 1216-byte public key of a 32-byte seed."""
    expanded = hashlib.shake_256(seed).digest(96)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key().public_bytes_raw()
        + X25519PrivateKey.from_private_bytes(expanded[64:]).public_key().public_bytes_raw()
    )


@lru_cache(maxsize=64)
def _public(key: bytes) -> MLKEM768X25519PublicKey:
    check_public_key(key)
    return MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(key[:1184]), X25519PublicKey.from_public_bytes(key[1184:]))


# Any clamped scalar gives the all-zero secret with a low-order point, and with no other.
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(31) + b"\x40")


def check_public_key(key: bytes) -> None:
    """Raises PeerError key.length, key.weak (a low-order X25519 point, or no ML-KEM key)."""
    if len(key) != PUBLIC_BYTES:
        raise PeerError("key.length", "a sealing key")
    try:
        MLKEM768PublicKey.from_public_bytes(key[:1184])
        _PROBE.exchange(X25519PublicKey.from_public_bytes(key[1184:]))
    except ValueError:
        raise PeerError("key.weak", "a sealing key") from None


def seal(public: bytes, info: bytes, plain: bytes) -> bytes:
    """Seal to a public key; draws randomness. Raises PeerError key.length, key.weak."""
    return _SUITE.encrypt(plain, _public(public), info=info)


def unseal(seed: bytes, info: bytes, sealed: bytes) -> bytes:
    """Open what was sealed to the seed's public key. Raises PeerError bundle.open, always the same for whatever is wrong."""
    try:
        return _SUITE.decrypt(sealed, _private(seed), info=info)
    except (InvalidTag, ValueError):
        raise PeerError("bundle.open") from None
