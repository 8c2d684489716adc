"""Cards: a party's public half, signed by every key in it. spec/charter.md.

A card is `cbor([card bytes, [signature, ...]])`. Each key that can sign signs `0xFF || "ceasewire/card/1" || SHA-256(card
bytes)`, so that nobody can list a key that is not theirs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from .. import limits
from ..errors import PeerError
from ..tlog import ed25519, mldsa
from . import encoding
from .encoding import Value

SEALING_BYTES: Final = 1184 + 32  # ML-KEM-768, then X25519
Algorithm = Literal["ed25519", "mldsa44"]
ROLES: Final = ("party", "guarantor", "observer")

SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
# Words that stand where a party's slug may stand (fields.Casualties), so that no party may bear them.
RESERVED: Final = frozenset({"civilians", "unattributed"})
_MALFORMED: Final = {"CARD": "card.malformed", "CHARTER": "charter.malformed"}


def tagged(tag: str, *digests: bytes) -> bytes:
    """What is signed in formats of our own: 0xFF, which begins no text, then the format's name, then SHA-256 digests."""
    return b"\xff" + tag.encode() + b"".join(digests)


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The public keys of one log: its own, its receipt key, each Ed25519 and ML-DSA-44; its standing sealing key."""

    log_ed25519: bytes
    log_mldsa44: bytes
    receipt_ed25519: bytes
    receipt_mldsa44: bytes
    sealing: bytes


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """A key kept away from the machine, that opens successor logs."""

    ed25519: bytes
    mldsa44: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """A party: slug (neutral, no dot), name as people say it, role, base URL ("" if none), keys."""

    slug: str
    name: str
    role: str
    url: str
    keys: LogKeys
    recovery: tuple[RecoveryKey, ...]

    def encode(self) -> bytes:
        """The card bytes that are signed and fingerprinted."""
        keys = self.keys
        recovery: list[Value] = [[key.ed25519, key.mldsa44] for key in self.recovery]
        return encoding.encode(
            {
                1: self.slug,
                2: self.name,
                3: ROLES.index(self.role) + 1,
                4: self.url,
                5: keys.log_ed25519,
                6: keys.log_mldsa44,
                7: keys.receipt_ed25519,
                8: keys.receipt_mldsa44,
                9: keys.sealing,
                10: recovery,
            }
        )

    @staticmethod
    def decode(data: bytes) -> Card:
        """Raises PeerError enc.*, card.malformed, key.weak, key.length."""
        fields = encoding.mapping(encoding.decode(data, limits.CARD_BYTES), required=10)
        role = encoding.uint(fields[3])
        if not 1 <= role <= len(ROLES):
            raise PeerError("card.malformed", "the role")
        keys = LogKeys(*(encoding.octets(fields[number]) for number in range(5, 10)))
        recovery = [encoding.array(pair, 2) for pair in encoding.array(fields[10])]
        card = Card(
            slug=encoding.text(fields[1], 32),
            name=encoding.text(fields[2], 200),
            role=ROLES[role - 1],
            url=encoding.text(fields[4], 500),
            keys=keys,
            recovery=tuple(RecoveryKey(encoding.octets(a), encoding.octets(b)) for a, b in recovery),
        )
        card.check()
        return card

    def check(self) -> None:
        """Raises PeerError card.malformed, key.weak, key.length."""
        if not SLUG.fullmatch(self.slug):
            raise PeerError("card.malformed", "a slug is a small letter, then small letters, digits and hyphens, 32 at most")
        if self.slug in RESERVED:
            raise PeerError("card.malformed", f"{self.slug} is a word of the protocol")
        if not self.name.strip():
            raise PeerError("card.malformed", "the name is empty")
        if not 1 <= len(self.recovery) <= limits.RECOVERY_KEYS:
            raise PeerError("card.malformed", f"1 to {limits.RECOVERY_KEYS} recovery keys")
        if len(self.keys.sealing) != SEALING_BYTES:
            raise PeerError("key.length", "the sealing key")
        seen = set()
        for algorithm, key in self.signing_keys():
            check_key(algorithm, key)
            seen.add(key)
        if len(seen) != 4 + 2 * len(self.recovery):
            raise PeerError("card.malformed", "a key stands there twice")

    def signing_keys(self) -> list[tuple[Algorithm, bytes]]:
        """The keys that sign the card, in the order of their signatures."""
        keys = self.keys
        found: list[tuple[Algorithm, bytes]] = [
            ("ed25519", keys.log_ed25519),
            ("mldsa44", keys.log_mldsa44),
            ("ed25519", keys.receipt_ed25519),
            ("mldsa44", keys.receipt_mldsa44),
        ]
        for key in self.recovery:
            found += [("ed25519", key.ed25519), ("mldsa44", key.mldsa44)]
        return found


def check_key(algorithm: Algorithm, key: bytes) -> None:
    """Raises PeerError key.length, key.weak."""
    (ed25519 if algorithm == "ed25519" else mldsa).check_public_key(key)


def verifies(algorithm: Algorithm, key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature is good, by the strict rule of each algorithm."""
    if algorithm == "ed25519":
        return ed25519.verify(key, signature, message)
    return mldsa.verify(key, signature, message)


def _message(card_bytes: bytes) -> bytes:
    return tagged("ceasewire/card/1", hashlib.sha256(card_bytes).digest())


def sign_card(card: Card, signers: list[Callable[[bytes], bytes]]) -> bytes:
    """The card file. `signers` in the order of `Card.signing_keys`."""
    data = card.encode()
    signatures: list[Value] = [sign(_message(data)) for sign in signers]
    return encoding.encode([data, signatures])


def open_card(data: bytes) -> tuple[Card, bytes]:
    """The card and its bytes, every signature checked. Raises PeerError enc.*, card.malformed, key.*, sig.invalid."""
    card_bytes, signatures = encoding.array(encoding.decode(data, limits.CARD_BYTES), 2)
    raw = encoding.octets(card_bytes)
    card = Card.decode(raw)
    keys = card.signing_keys()
    for (algorithm, key), signature in zip(keys, encoding.array(signatures, len(keys)), strict=True):
        if not verifies(algorithm, key, encoding.octets(signature), _message(raw)):
            raise PeerError("sig.invalid", f"the card of {card.slug}")
    return card, raw


def armor(data: bytes, what: str = "CARD") -> str:
    """A file as text for e-mail and paper: a card's, or with `what` CHARTER a charter's."""
    body = base64.b64encode(data).decode()
    lines = [body[start : start + 76] for start in range(0, len(body), 76)]
    return "\n".join([f"-----BEGIN CEASEWIRE {what}-----", *lines, f"-----END CEASEWIRE {what}-----", ""])


def unarmor(text: bytes, what: str = "CARD") -> bytes:
    """The file of its text; white space around lines is let pass. Raises PeerError card.malformed, or charter.malformed."""
    malformed = _MALFORMED[what]
    try:
        lines = [line.strip() for line in text.decode("ascii").strip().splitlines()]
        if lines[0] != f"-----BEGIN CEASEWIRE {what}-----" or lines[-1] != f"-----END CEASEWIRE {what}-----":
            raise PeerError(malformed, "its first or last line is missing")
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except (UnicodeDecodeError, binascii.Error, IndexError):
        raise PeerError(malformed, f"it is not the text of a {what.lower()}, from its first line to its last") from None
