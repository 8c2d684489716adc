"""ES256, ECDSA over P-256 with SHA-256 (FIPS 186-5), as WebAuthn assertions bear it.

Libraries differ in what they take for a signature's encoding, and a difference is a way to repudiate. So the encoding is read
strictly here: DER with nothing behind it, both numbers from 1 to n - 1, each in its shortest form.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from ceasewire.errors import PeerError

KEY_BYTES: Final = 65  # 0x04, x, y: SEC 1 section 2.3.3, uncompressed
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_PARSED_KEYS = 256  # bounded, since peers name keys


@lru_cache(maxsize=_PARSED_KEYS)
def _parse(key: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)


def check_public_key(key: bytes) -> None:
    """Refuse a public key that must not be enrolled. Raises PeerError `key.length` unless it has 65 bytes, `key.weak` unless it is
    the uncompressed encoding of a point of the curve (whose order is prime, so that every such point is safe)."""
    if len(key) != KEY_BYTES:
        raise PeerError("key.length", f"{len(key)} bytes instead of {KEY_BYTES}")
    try:
        if key[0] != 4:
            raise ValueError("another form of point")
        _parse(key)
    except ValueError:
        raise PeerError("key.weak", "no point of P-256") from None


def verify(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the DER signature over the message is by the 65-byte key. False, never an error, for anything else."""
    try:
        check_public_key(key)
        r, s = decode_dss_signature(signature)
        if not (0 < r < _ORDER and 0 < s < _ORDER) or encode_dss_signature(r, s) != signature:
            return False
        _parse(key).verify(signature, message, ec.ECDSA(SHA256()))
    except (PeerError, ValueError, InvalidSignature):
        return False
    return True
