"""The one strict Ed25519 (RFC 8032; PROTOCOL section 11).

Libraries differ on edge cases, and a difference is a way to repudiate: what one node accepts and another refuses, its
signer can deny. So all of Ceasewire verifies here, by libsodium's rule: the cofactorless equation, S < L, canonical
A and R, neither of small order. A key that is enrolled must lie in the prime-order subgroup as well.
"""

from __future__ import annotations

from typing import Final

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import BadSignatureError

from ceasewire.errors import PeerError

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


def check_public_key(key: bytes) -> None:
    """Refuse a public key that must not be enrolled.

    Raises PeerError `key.length` unless it has 32 bytes, `key.weak` unless it is the canonical encoding of a point in
    the prime-order subgroup, other than the identity.
    """
    if len(key) != KEY_BYTES:
        raise PeerError("key.length", f"{len(key)} bytes instead of {KEY_BYTES}")
    if not crypto_core_ed25519_is_valid_point(key):
        raise PeerError("key.weak")


def verify(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the 64-byte signature over the message is by the 32-byte key. False, never an error, for anything else."""
    # The binding hands the key to C without looking at its length, so this check is also what keeps reads in bounds.
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True
