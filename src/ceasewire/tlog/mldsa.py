"""ML-DSA-44 (FIPS 204) with the empty context, as C2SP tlog-cosignature uses it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from ceasewire.errors import PeerError

KEY_BYTES: Final = 1312
SIGNATURE_BYTES: Final = 2420

_PARSED_KEYS = 256  # a channel has at most 32 parties, a few keys each; bounded, since peers name keys


@lru_cache(maxsize=_PARSED_KEYS)
def _parse(key: bytes) -> MLDSA44PublicKey:
    return MLDSA44PublicKey.from_public_bytes(key)


def check_public_key(key: bytes) -> None:
    """Raise PeerError `key.length` unless the public key has 1312 bytes: every such string is an ML-DSA-44 key."""
    if len(key) != KEY_BYTES:
        raise PeerError("key.length", f"{len(key)} bytes instead of {KEY_BYTES}")


def verify(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the 2420-byte signature over the message is by the 1312-byte key. False for anything else."""
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        _parse(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
