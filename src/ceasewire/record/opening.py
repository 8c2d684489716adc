"""Openings: how a later log of a party begins. spec/charter.md, "Openings"; spec/keys.md; PROTOCOL section 11.

    opening  = cbor(["ceasewire/open/1", channel id, position, keys, predecessor or null, size, root])
    file     = cbor([opening, place of the recovery key in the card, [signature, ...]])
    signed   : 0xFF || "ceasewire/open/1" || SHA-256(opening), by the recovery key, then by each new key that can sign
    number   = 2^31 + 2^24 x position + the first 24 bits of SHA-256(opening)

`size` and `root` say how much of the predecessor its opener still holds. A further device has no predecessor: null, 0, the empty
root. The log's message 0 is of the kind keys and holds the file in its field 16.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .. import limits
from ..errors import PeerError
from ..tlog.merkle import EMPTY_ROOT
from . import encoding
from .card import SEALING_BYTES, Algorithm, Card, LogKeys, RecoveryKey, check_key, tagged, verifies
from .encoding import Value

TAG: Final = "ceasewire/open/1"
FIELD: Final = 16  # of a body of the kind keys
OPENING_SIGNATURES: Final = 6  # the recovery key's two, and those of the four new keys that sign
_LATER: Final = 2**31
_PER_PARTY: Final = 2**24
LATER_DIGITS: Final = 6  # hexadecimal, behind the dot of a later log's name: spec/charter.md, "Openings"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a party says of its later log. `position` is the party's in the charter; `predecessor` a log number, or None for a
    further device; `size` in entries and `root` (32 bytes) are of the predecessor as its opener holds it."""

    channel_id: bytes
    position: int
    keys: LogKeys
    predecessor: int | None
    size: int
    root: bytes

    def encode(self) -> bytes:
        """The opening's bytes, which name the log."""
        k = self.keys
        keys: list[Value] = [k.log_ed25519, k.log_mldsa44, k.receipt_ed25519, k.receipt_mldsa44, k.sealing]
        value: list[Value] = [TAG, self.channel_id, self.position, keys, self.predecessor, self.size, self.root]
        return encoding.encode(value, null=True)

    @staticmethod
    def decode(data: bytes) -> Opening:
        """Raises PeerError enc.*, opening.malformed, key.weak, key.length."""
        found = encoding.array(encoding.decode(data, limits.CARD_BYTES, null=True), 7)
        tag, channel_id, position, keys, predecessor, size, root = found
        if tag != TAG:
            raise PeerError("opening.malformed", "another tag")
        opening = Opening(
            channel_id=encoding.octets(channel_id, 32),
            position=encoding.uint(position, limits.PARTIES),
            keys=LogKeys(*(encoding.octets(key) for key in encoding.array(keys, 5))),
            predecessor=None if predecessor is None else encoding.uint(predecessor, 2**32),
            size=encoding.uint(size),
            root=encoding.octets(root, 32),
        )
        opening.check()
        return opening

    def check(self) -> None:
        """Raises PeerError opening.malformed, key.weak, key.length."""
        if self.predecessor is not None and position_of(self.predecessor) != self.position:
            raise PeerError("opening.malformed", "the predecessor is another party's log")
        if (self.predecessor is None and self.size) or (self.size == 0) != (self.root == EMPTY_ROOT):
            raise PeerError("opening.malformed", "the size and the root do not fit")
        if len(self.keys.sealing) != SEALING_BYTES:
            raise PeerError("key.length", "the sealing key")
        for algorithm, key in self.signing_keys():
            check_key(algorithm, key)

    def signing_keys(self) -> list[tuple[Algorithm, bytes]]:
        """The new keys that sign, in the order of their signatures, which follow the recovery key's two."""
        keys = self.keys
        return [
            ("ed25519", keys.log_ed25519),
            ("mldsa44", keys.log_mldsa44),
            ("ed25519", keys.receipt_ed25519),
            ("mldsa44", keys.receipt_mldsa44),
        ]

    @property
    def number(self) -> int:
        """The number of the log that this opens."""
        return _LATER + _PER_PARTY * self.position + int.from_bytes(_digest(self.encode())[:3], "big")

    def log_name(self, slug: str) -> str:
        """The log's name: the party's slug, a dot, and the same 24 bits in hexadecimal, as `north.3fa91c`."""
        return later_name(slug, self.number)


def position_of(log: int) -> int | None:
    """Whose log a number is: the party's position, or None for a number that no log can have."""
    if log < limits.PARTIES:
        return log
    position = (log - _LATER) // _PER_PARTY
    return position if 0 <= position < limits.PARTIES else None


def later_name(slug: str, log: int) -> str:
    """The name of a later log of the party with that slug, by its number."""
    return f"{slug}.{log % _PER_PARTY:0{LATER_DIGITS}x}"


def is_later(log: int) -> bool:
    """Whether a number can be a later log's, which an opening brings."""
    return log >= _LATER and position_of(log) is not None


def opening_of(data: bytes) -> Opening:
    """The opening of a file whose signatures were verified when it was taken. Raises PeerError as open_opening."""
    raw, _, _ = encoding.array(encoding.decode(data, limits.CARD_BYTES), 3)
    return Opening.decode(encoding.octets(raw))


def conflict(one: Opening, other: Opening) -> bool:
    """Whether two openings cannot both be: other bytes, and one number or a key that signs in both. One that copies another's sealing key
    harms itself alone."""
    mine, theirs = ({key for _, key in each.signing_keys()} for each in (one, other))
    return one != other and (one.number == other.number or not mine.isdisjoint(theirs))


def check_first(opening: Opening, kind: int, keys: int, body: Mapping[int, Value], parties: Sequence[Card]) -> None:
    """That message 0 of a later log is of the kind `keys` and holds this very opening, whole and signed.

    Raises PeerError opening.message.
    """
    given = body.get(FIELD)
    try:
        if kind == keys and isinstance(given, bytes) and open_opening(given, opening.channel_id, parties) == opening:
            return
    except PeerError:
        pass
    raise PeerError("opening.message")


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def message(data: bytes) -> bytes:
    """What is signed for an opening's bytes."""
    return tagged(TAG, _digest(data))


def sign_opening(opening: Opening, recovery: int, signers: Sequence[Callable[[bytes], bytes]]) -> bytes:
    """The opening file. `recovery` is the recovery key's place in the card; `signers` its Ed25519 and ML-DSA-44, then
    `signing_keys`."""
    data = opening.encode()
    signatures: list[Value] = [sign(message(data)) for sign in signers]
    return encoding.encode([data, recovery, signatures])


def recovered(data: bytes) -> list[Value]:
    """Of an opening file as much as shows that its party's recovery key signed it: `[opening, place, Ed25519 signature]`. Raises PeerError
    enc.*."""
    raw, place, signatures = encoding.array(encoding.decode(data, limits.CARD_BYTES), 3)
    return [raw, place, encoding.array(signatures, OPENING_SIGNATURES)[0]]


def open_recovered(value: Value, channel_id: bytes, parties: Sequence[Card]) -> Opening:
    """The opening of what `recovered` gave, that one signature checked against the party's card; `parties` in charter order.

    Raises PeerError enc.*, opening.malformed, key.*, sig.invalid.
    """
    raw, place, signature = encoding.array(value, 3)
    opening, recovery = _recovery_of(raw, place, channel_id, parties)
    if not verifies("ed25519", recovery.ed25519, encoding.octets(signature), message(encoding.octets(raw))):
        raise PeerError("sig.invalid", "the opening of a log")
    return opening


def _recovery_of(raw: Value, place: Value, channel_id: bytes, parties: Sequence[Card]) -> tuple[Opening, RecoveryKey]:
    """An opening of this channel, and the recovery key of its party's card that signs it."""
    opening = Opening.decode(encoding.octets(raw))
    if opening.channel_id != channel_id or opening.position >= len(parties):
        raise PeerError("opening.malformed", "another channel, or no party of it")
    listed, recovery = parties[opening.position].recovery, encoding.uint(place)
    if recovery >= len(listed):
        raise PeerError("opening.malformed", "the card has no such recovery key")
    return opening, listed[recovery]


def open_opening(data: bytes, channel_id: bytes, parties: Sequence[Card]) -> Opening:
    """The opening of a file, every signature checked against the party's card; `parties` in charter order.

    Raises PeerError enc.*, opening.malformed, key.*, sig.invalid.
    """
    raw, place, signatures = encoding.array(encoding.decode(data, limits.CARD_BYTES), 3)
    opening, recovery = _recovery_of(raw, place, channel_id, parties)
    body, card = encoding.octets(raw), parties[opening.position]
    new = opening.signing_keys()
    if len({key for _, key in [*new, *card.signing_keys()]}) != len(new) + len(card.signing_keys()):
        raise PeerError("opening.malformed", "a key was used before, and one key is one log's for ever")
    keys: list[tuple[Algorithm, bytes]] = [("ed25519", recovery.ed25519), ("mldsa44", recovery.mldsa44), *new]
    for (algorithm, key), signature in zip(keys, encoding.array(signatures, len(keys)), strict=True):
        if not verifies(algorithm, key, encoding.octets(signature), message(body)):
            raise PeerError("sig.invalid", "the opening of a log")
    return opening
