"""A channel: a charter in force, with the names and keys that follow from it. PROTOCOL sections 4 and 6."""

from __future__ import annotations

from dataclasses import dataclass

from ..tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44, VerifierKey
from .card import Card
from .charter import SignedCharter


@dataclass(frozen=True, slots=True)
class LogNames:
    """The names and verifier keys of one log. PROTOCOL section 6."""

    number: int
    slug: str
    origin: str
    log: tuple[VerifierKey, VerifierKey]
    receipt: tuple[VerifierKey, VerifierKey]
    sealing: bytes


class Channel:
    """A charter in force, with the names that follow from it: what every layer asks about parties, logs and keys."""

    def __init__(self, signed: SignedCharter) -> None:
        self.charter = signed.charter
        self.channel_id = signed.channel_id
        prefix = f"{self.charter.name}/{self.channel_id.hex()}"
        self.logs: dict[int, LogNames] = {
            number: _names(number, card, f"{prefix}/{card.slug}") for number, card in enumerate(self.charter.parties)
        }
        self._numbers = {log.slug: log.number for log in self.logs.values()}
        self.witnesses = tuple(VerifierKey.parse(witness.vkey) for witness in self.charter.witnesses)
        self._cosigners = {(key.name, key.key_id): (log.number, key) for log in self.logs.values() for key in log.receipt}
        self._cosigners |= {(key.name, key.key_id): (-1 - n, key) for n, key in enumerate(self.witnesses)}
        self._origins = {log.origin: log for log in self.logs.values()}

    def number(self, slug: str) -> int | None:
        """The number of the log of that name."""
        return self._numbers.get(slug)

    def by_origin(self, origin: str) -> LogNames | None:
        """The log of that origin."""
        return self._origins.get(origin)

    def cosigner(self, name: str, key_id: bytes) -> tuple[int, VerifierKey] | None:
        """Who cosigns under that key name and id: log number, or -1 - i for witness i."""
        return self._cosigners.get((name, key_id))

    def cosigner_key(self, by: int, kind: int) -> VerifierKey | None:
        """The key behind a cosigner's number and C2SP signature type."""
        if by < 0:
            place = -1 - by
            key = self.witnesses[place] if place < len(self.witnesses) else None
            return key if key is not None and key.kind == kind else None
        log = self.logs.get(by)
        return next((key for key in log.receipt if key.kind == kind), None) if log else None

    def cosigner_name(self, by: int) -> str:
        """What people call a cosigner: its log's name, the witness's name in the charter, or its bare number if it is neither."""
        witnesses = self.charter.witnesses
        if by < 0:
            return witnesses[-1 - by].name if -1 - by < len(witnesses) else str(by)
        return self.log_name(by) or str(by)

    def log_name(self, number: int) -> str | None:
        """The name of the log of that number."""
        log = self.logs.get(number)
        return log.slug if log else None

    def position(self, slug: str) -> int | None:
        """A party's position in the charter."""
        return next((n for n, party in enumerate(self.charter.parties) if party.slug == slug), None)

    def slug(self, position: int) -> str | None:
        """The slug of the party at that position."""
        return self.charter.parties[position].slug if 0 <= position < len(self.charter.parties) else None

    def party_of(self, log: int) -> int:
        """The position of the party whose device keeps the log; the log is one of this channel's."""
        return log

    def party(self, log: int) -> Card:
        """The party whose device keeps the log."""
        return self.charter.parties[self.party_of(log)]


def _names(number: int, card: Card, origin: str) -> LogNames:
    keys, receipt = card.keys, f"{origin}/receipt"
    return LogNames(
        number=number,
        slug=card.slug,
        origin=origin,
        log=(VerifierKey(origin, ED25519, keys.log_ed25519), VerifierKey(origin, MLDSA44, keys.log_mldsa44)),
        receipt=(
            VerifierKey(receipt, COSIGNATURE_ED25519, keys.receipt_ed25519),
            VerifierKey(receipt, MLDSA44, keys.receipt_mldsa44),
        ),
        sealing=keys.sealing,
    )
