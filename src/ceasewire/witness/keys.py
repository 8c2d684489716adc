"""A witness's key file: its name, and an Ed25519 and an ML-DSA-44 key.

    CEASEWIRE WITNESS KEY. Whoever holds this file cosigns as this witness. It belongs into no backup.
    name <key name>
    ed25519 <64 hex digits: the seed>
    mldsa44 <64 hex digits: the seed>
    check <the first 16 hex digits of SHA-256 over the four lines above>

No passphrase seals it: a witness starts again by itself.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ..errors import LocalError, PeerError
from ..keyfile import SEED_BYTES, Random, draw, open_secret, write_secret
from ..tlog.note import COSIGNATURE_ED25519, MLDSA44, VerifierKey

_WORDS: Final = "CEASEWIRE WITNESS KEY. Whoever holds this file cosigns as this witness. It belongs into no backup."
_FILE: Final = re.compile(rb"[^\n]+\nname ([^\n]+)\ned25519 ([0-9a-f]{64})\nmldsa44 ([0-9a-f]{64})\ncheck [0-9a-f]{16}\n")
_FILE_BYTES: Final = 4096
_NAME_BYTES: Final = 200  # ML-DSA-44 signs a name of at most 255
_ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, repr=False)
class WitnessKey:
    """What a witness cosigns with: the keys that others trust, and what signs for each. Ed25519 first."""

    ed25519: VerifierKey
    mldsa44: VerifierKey
    sign_ed25519: Callable[[bytes], bytes]
    sign_mldsa44: Callable[[bytes], bytes]

    @property
    def name(self) -> str:
        """The key name, the same of both."""
        return self.ed25519.name


def create(path: Path, name: str | None, random: Random) -> WitnessKey:
    """A new key, in a file 0600 that is never written over another. Without a name it gets one of its public key.

    Raises LocalError usage for a name that cannot be, random.failed, node.exists, file.unwritable, disk.failed.
    """
    seeds = draw(random, SEED_BYTES), draw(random, SEED_BYTES)
    key = _key(name if name is not None else _default_name(seeds[0]), *seeds)
    data = _text(key.name, *seeds)
    write_secret(path, data)
    return key


def _default_name(seed: bytes) -> str:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return f"ceasewire-witness/{hashlib.sha256(public).hexdigest()[:_ID_DIGITS]}"


def _key(name: str, ed25519: bytes, mldsa44: bytes) -> WitnessKey:
    """Raises LocalError usage for a name that cannot be."""
    private, private_pq = Ed25519PrivateKey.from_private_bytes(ed25519), MLDSA44PrivateKey.from_seed_bytes(mldsa44)
    try:
        if len(name.encode()) > _NAME_BYTES:
            raise ValueError
        return WitnessKey(
            VerifierKey(name, COSIGNATURE_ED25519, private.public_key().public_bytes_raw()),
            VerifierKey(name, MLDSA44, private_pq.public_key().public_bytes_raw()),
            private.sign,
            private_pq.sign,
        )
    except (PeerError, ValueError):
        raise LocalError("usage", f"a key's name has 1 to {_NAME_BYTES} bytes, no space and no plus: example.org/witness") from None


def _text(name: str, ed25519: bytes, mldsa44: bytes) -> bytes:
    text = f"{_WORDS}\nname {name}\ned25519 {ed25519.hex()}\nmldsa44 {mldsa44.hex()}\n".encode()
    return text + f"check {hashlib.sha256(text).hexdigest()[:16]}\n".encode()


def read(path: Path) -> WitnessKey:
    """The key of a file. Raises LocalError witness.missing, pen.mode, pen.damaged, disk.failed."""
    if not os.path.lexists(path):
        raise LocalError("witness.missing", str(path.parent))
    handle = open_secret(path)
    try:
        with os.fdopen(handle, "rb") as file:
            data = file.read(_FILE_BYTES)
    except OSError as error:
        raise LocalError("disk.failed", f"{path}: {error.strerror}") from None
    try:
        found = _FILE.fullmatch(data)
        if found is None:
            raise ValueError
        name, seeds = found[1].decode(), (bytes.fromhex(found[2].decode()), bytes.fromhex(found[3].decode()))
        if _text(name, *seeds) != data:
            raise ValueError
        return _key(name, *seeds)
    except (ValueError, LocalError):
        raise LocalError("pen.damaged", f"{path.name} is no witness's key, or not whole") from None
