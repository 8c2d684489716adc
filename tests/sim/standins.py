"""Stand-ins for the cryptography that draws randomness inside its library, so that a run is its seed's alone, byte for byte.

ML-DSA-44 signatures are hedged and HPKE draws a key for each bundle, both from the operating system, where no seed reaches. In their
place stand a hash of the same length under the public key, and a bundle that is not hidden but for a hash under the recipient's public
key. Both bind what the real ones bind; neither keeps a secret, and the simulator has no thief. Ed25519 is deterministic and stays real.
Some seeds run with the real ones (world.REAL_EVERY), and must end alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import helpers
from ceasewire import folder, pen
from ceasewire.errors import PeerError
from ceasewire.exchange import seal
from ceasewire.exchange.bundle import HEADER_BYTES
from ceasewire.tlog import ed25519, mldsa
from ceasewire.tlog.checkpoint import SignedCheckpoint

_REMEMBERED = 4096


class StandInKey:
    """In the place of MLDSA44PrivateKey."""

    def __init__(self, seed: bytes) -> None:
        self._public = hashlib.shake_256(b"ml-dsa-44" + seed).digest(mldsa.KEY_BYTES)

    @staticmethod
    def from_seed_bytes(seed: bytes) -> StandInKey:
        """As its original."""
        return StandInKey(seed)

    def sign(self, message: bytes) -> bytes:
        """2420 bytes, the same for the same message."""
        return _signature(self._public, message)

    def public_key(self) -> StandInKey:
        """Itself, which has nothing to hide."""
        return self

    def public_bytes_raw(self) -> bytes:
        """1312 bytes."""
        return self._public


def _signature(public: bytes, message: bytes) -> bytes:
    return hashlib.shake_256(public + message).digest(mldsa.SIGNATURE_BYTES)


def _verify(key: bytes, signature: bytes, message: bytes) -> bool:
    return len(key) == mldsa.KEY_BYTES and signature == _signature(key, message)


@lru_cache(maxsize=_REMEMBERED)
def _public_key(seed: bytes) -> bytes:
    return hashlib.shake_256(b"sealing" + seed).digest(seal.PUBLIC_BYTES)


def _check_public_key(key: bytes) -> None:
    if len(key) != seal.PUBLIC_BYTES:
        raise PeerError("key.length", "a sealing key")


def _tag(public: bytes, info: bytes, plain: bytes) -> bytes:
    return hashlib.sha256(public + info + plain).digest().ljust(seal.OVERHEAD_BYTES, b"\0")


def _seal(public: bytes, info: bytes, plain: bytes) -> bytes:
    _check_public_key(public)
    return _tag(public, info, plain) + plain


def _unseal(seed: bytes, info: bytes, sealed: bytes) -> bytes:
    plain = sealed[seal.OVERHEAD_BYTES :]
    if sealed[: seal.OVERHEAD_BYTES] != _tag(_public_key(seed), info, plain):
        raise PeerError("bundle.open")
    return plain


@contextmanager
def patched(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Within the block, (owner, name, value): the owner has the value under the name."""
    before = [(owner, name, owner.__dict__[name]) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


class Plains:
    """What is in the bundles that were sealed since: the simulator looks into every bundle that leaves."""

    def __init__(self) -> None:
        self._seal = seal.seal
        self._known: dict[bytes, bytes] = {}
        self._by: dict[bytes, str] = {}

    def seal(self, public: bytes, info: bytes, plain: bytes) -> bytes:
        """As exchange.seal.seal; what it was given is remembered."""
        sealed: bytes = self._seal(public, info, plain)
        self._known[sealed[:64]] = plain
        return sealed

    def sent(self, bundle: bytes, label: str) -> None:
        """Remember that a liar's machine wrote a bundle."""
        self._by[bundle[HEADER_BYTES : HEADER_BYTES + 64]] = label

    def by(self, bundle: bytes) -> str | None:
        """Which of a liar's machines wrote a bundle since it lies, if one did."""
        return self._by.get(bundle[HEADER_BYTES : HEADER_BYTES + 64])

    def within(self, bundle: bytes) -> bytes:
        """What was sealed into a bundle that was made not long ago."""
        if len(self._known) > _REMEMBERED:
            self._known = dict(list(self._known.items())[-_REMEMBERED // 2 :])
        return self._known[bundle[HEADER_BYTES : HEADER_BYTES + 64]]


@contextmanager
def cryptography(*, real: bool) -> Iterator[Plains]:
    """The block's cryptography: the real one, or the stand-ins. Verifying and the reading of
    checkpoints are remembered in both, being functions of their arguments."""
    stand_ins = [
        (pen, "MLDSA44PrivateKey", StandInKey),
        (folder, "MLDSA44PrivateKey", StandInKey),
        (helpers, "MLDSA44PrivateKey", StandInKey),
        (mldsa, "verify", _verify),
        (seal, "seal", _seal),
        (seal, "unseal", _unseal),
        (seal, "public_key", _public_key),
        (seal, "check_public_key", _check_public_key),
    ]
    remembered = [
        (ed25519, "verify", lru_cache(maxsize=_REMEMBERED)(ed25519.verify)),
        (SignedCheckpoint, "parse", staticmethod(lru_cache(maxsize=_REMEMBERED)(SignedCheckpoint.parse))),
    ]
    with patched(*([] if real else stand_ins), *remembered):
        plains = Plains()
        with patched((seal, "seal", plains.seal)):
            yield plains
