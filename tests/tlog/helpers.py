"""What several tests of tlog need: the public vectors, keys from fixed seeds, naive trees."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ceasewire.errors import PeerError
from ceasewire.tlog import note

Signer = Callable[[bytes], bytes]
Value = TypeVar("Value")
Given = ParamSpec("Given")

_VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"


def vectors(folder: str) -> Path:
    """A folder of the public vectors, which lie beside the repository and are not committed."""
    path = _VECTORS / folder
    if not path.is_dir():
        pytest.skip(f"the public vectors {folder} are not beside the repository")
    return path


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def refused(code: str) -> AbstractContextManager[pytest.ExceptionInfo[PeerError]]:
    """The block must raise PeerError with exactly this code."""
    return pytest.raises(PeerError, check=lambda error: error.code == code)


def attempt(codes: Collection[str], act: Callable[Given, Value], *args: Given.args, **kwargs: Given.kwargs) -> Value | None:
    """What `act` gives, or None if it is refused with one of these codes; any other error is raised."""
    try:
        return act(*args, **kwargs)
    except PeerError as error:
        if error.code not in codes:
            raise
        return None


def ed25519_key(name: str, kind: int = note.ED25519, seed: int = 1) -> tuple[note.VerifierKey, Signer]:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return note.VerifierKey(name, kind, private.public_key().public_bytes_raw()), private.sign


def mldsa_key(name: str, seed: int = 1) -> tuple[note.VerifierKey, Signer]:
    private = MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32)
    return note.VerifierKey(name, note.MLDSA44, private.public_key().public_bytes_raw()), private.sign


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\x00" + str(number).encode()).digest() for number in range(count)]


def naive_root(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word, over leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(hashes[:k]) + naive_root(hashes[k:])).digest()


def flipped(data: bytes, bit: int) -> bytes:
    """The bytes with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
