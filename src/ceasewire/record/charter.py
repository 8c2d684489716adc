"""Charters: the founding document of a channel. spec/charter.md.

The file is `cbor([charter bytes, [[position, algorithm, signature], ...]])`. The channel id is SHA-256 of the charter bytes
alone, so that signing does not change it. Every party signs `0xFF || "ceasewire/charter/1" || channel id` with both keys of its
log.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from .. import limits
from ..errors import PeerError
from ..tlog.note import COSIGNATURE_ED25519, MLDSA44, VerifierKey
from . import encoding
from .card import ROLES, Algorithm, Card, open_card, tagged, verifies
from .encoding import Value
from .officers import Officer, charter_value, check_officers, from_charter
from .pieces import check_count

# A name is the first part of every origin, so it follows the rules of a C2SP key name: no space, no plus.
NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]|/(?=[A-Za-z0-9])){0,63}")
LEVELS: Final = ("military", "political", "humanitarian")
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("ed25519", "mldsa44")

# Name in TOML -> (number in the charter, seconds). Every clock counts from the first in-record proof of receipt.
CLOCKS: Final[Mapping[str, tuple[int, int]]] = {
    "flash": (1, 15 * 60),
    "immediate": (2, 2 * 3600),
    "priority": (3, 6 * 3600),
    "reply": (4, 24 * 3600),
    "finding": (5, 14 * 86400),
    "discipline_report": (6, 30 * 86400),
    "press": (7, 24 * 3600),
    "watch": (8, 12 * 3600),
    "line_check": (9, 12 * 3600),
}
QUOTAS: Final[Mapping[str, tuple[int, int]]] = {
    "messages_per_log_and_day": (1, limits.QUOTA_MESSAGES_PER_LOG_AND_DAY),
    "running_clocks_per_party": (2, limits.RUNNING_CLOCKS_PER_PARTY),
}
# Kinds that no officer releases: 0, which is none, line checks, which machines send, and acknowledgements.
UNRELEASED: Final = frozenset({0, 11, 13})
ZONE_KINDS: Final = ("contact_line", "security_zone", "disengagement_area", "withdrawal_line")


@dataclass(frozen=True, slots=True)
class Witness:
    """A C2SP witness that the charter names: the vkey says its key name and public key."""

    name: str
    vkey: str
    url: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: its id, name, kind, and outline as pairs of 1e-5 degree (latitude, longitude)."""

    zone_id: str
    name: str
    kind: str
    outline: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Charter:
    """What every party signs. `clocks` and `quotas` by their names in TOML, in seconds and counts; `releases` kind -> officers
    needed, where that is not the default (record.release)."""

    name: str
    title: str
    level: str
    exercise: bool
    cards: tuple[bytes, ...]
    provisions: tuple[tuple[str, str], ...]
    kinds: tuple[int, ...]
    clocks: Mapping[str, int]
    quotas: Mapping[str, int]
    witnesses: tuple[Witness, ...]
    quorum: int
    zones: tuple[Zone, ...]
    officers: tuple[Officer, ...]
    releases: Mapping[int, int]
    replaces: bytes

    @cached_property
    def parties(self) -> tuple[Card, ...]:
        """The parties in charter order; a party's position is the number of its first log."""
        return tuple(_card(card) for card in self.cards)

    def encode(self) -> bytes:
        """The charter bytes."""
        return encoding.encode(
            {
                1: self.name,
                2: self.title,
                3: LEVELS.index(self.level) + 1,
                4: self.exercise,
                5: list(self.cards),
                6: [[number, text] for number, text in self.provisions],
                7: list(self.kinds),
                8: {number: self.clocks[name] for name, (number, _) in CLOCKS.items()},
                9: {number: self.quotas[name] for name, (number, _) in QUOTAS.items()},
                10: [[w.name, w.vkey, w.url] for w in self.witnesses],
                11: self.quorum,
                12: [_zone_value(zone) for zone in self.zones],
                13: [charter_value(officer) for officer in self.officers],
                14: dict(self.releases),
                15: self.replaces,
            }
        )

    @staticmethod
    def decode(data: bytes) -> Charter:
        """Raises PeerError enc.*, charter.malformed, charter.party, officer.malformed, card.malformed, key.*, sig.invalid."""
        f = encoding.mapping(_decoded(data), required=15)
        level = encoding.uint(f[3])
        if not 1 <= level <= len(LEVELS):
            raise PeerError("charter.malformed", "the level")
        clocks, quotas = encoding.mapping(f[8], required=len(CLOCKS)), encoding.mapping(f[9], required=len(QUOTAS))
        charter = Charter(
            name=encoding.text(f[1], 64),
            title=encoding.text(f[2], 500),
            level=LEVELS[level - 1],
            exercise=encoding.flag(f[4]),
            cards=tuple(encoding.octets(card) for card in encoding.array(f[5])),
            provisions=tuple(_provision(item) for item in encoding.array(f[6])),
            kinds=tuple(encoding.uint(kind, 2**16) for kind in encoding.array(f[7])),
            clocks={name: encoding.uint(clocks[number], 2**32) for name, (number, _) in CLOCKS.items()},
            quotas={name: encoding.uint(quotas[number], 2**32) for name, (number, _) in QUOTAS.items()},
            witnesses=tuple(_witness(item) for item in _few(f[10], limits.WITNESSES, "witnesses")),
            quorum=encoding.uint(f[11], 2**16),
            zones=tuple(_zone(item) for item in encoding.array(f[12])),
            officers=tuple(from_charter(item, limits.PARTIES) for item in _few(f[13], limits.OFFICERS, "officers")),
            releases={encoding.uint(k): encoding.uint(v, limits.RELEASES) for k, v in encoding.mapping(f[14]).items()},
            replaces=encoding.octets(f[15]),
        )
        charter.check()
        return charter

    def check(self) -> None:
        """Raises PeerError charter.malformed, charter.party, officer.malformed, card.malformed, key.*, sig.invalid."""
        if not NAME.fullmatch(self.name):
            raise PeerError("charter.malformed", "the name is 1 to 64 letters, digits, dots, hyphens and slashes, without spaces")
        if not self.title.strip():
            raise PeerError("charter.malformed", "the title is empty")
        if self.releases and (not self.officers or UNRELEASED & self.releases.keys()):
            raise PeerError("charter.malformed", "releases without officers, or of what only machines or nobody says")
        if list(self.kinds) != sorted({kind for kind in self.kinds if kind}) or not self.kinds:
            raise PeerError("charter.malformed", "the kinds")
        if self.replaces and len(self.replaces) != 32:
            raise PeerError("charter.malformed", "the channel it replaces")
        if not all(self.quotas.values()):
            raise PeerError("charter.malformed", "a quota of 0, under which nothing could be sent")
        if self.quorum > len(self.witnesses):
            raise PeerError("charter.malformed", "a quorum of more witnesses than it lists")
        for label, ids in (
            ("provision", [number for number, _ in self.provisions]),
            ("zone", [zone.zone_id for zone in self.zones]),
            ("witness", [witness.name for witness in self.witnesses]),
        ):
            if len(set(ids)) != len(ids):
                raise PeerError("charter.malformed", f"a {label} stands there twice")
        self._check_parties()

    def _check_parties(self) -> None:
        if not 2 <= len(self.cards) <= limits.PARTIES:
            raise PeerError("charter.party", f"2 to {limits.PARTIES} parties are needed, here {len(self.cards)}")
        parties = self.parties
        if list(parties) != sorted(parties, key=party_order):
            raise PeerError("charter.party", "the parties are not in order of role and slug")
        if len({party.slug for party in parties}) != len(parties):
            raise PeerError("charter.party", "two parties have the same slug")
        keys = [key for party in parties for _, key in party.signing_keys()] + [party.keys.sealing for party in parties]
        keys += [VerifierKey.parse(witness.vkey).key for witness in self.witnesses]
        if len(set(keys)) != len(keys):
            raise PeerError("charter.party", "two of them share a key")
        if sum(party.role == "party" for party in parties) < 2:
            raise PeerError("charter.party", "at least two of the role party")
        if any(officer.party >= len(parties) for officer in self.officers):
            raise PeerError("charter.malformed", "an officer of nobody")
        check_officers(self.officers, keys)


def _decoded(data: bytes) -> Value:
    """A file that anyone may have written is counted before it is built. Raises PeerError enc.*."""
    if len(data) <= limits.CHARTER_BYTES:
        check_count(data, limits.CHARTER_VALUES)
    return encoding.decode(data, limits.CHARTER_BYTES)


def _few(value: Value, most: int, what: str) -> list[Value]:
    """An array of things that each cost a look at a key. Raises PeerError enc.shape, charter.malformed."""
    found = encoding.array(value)
    if len(found) > most:
        raise PeerError("charter.malformed", f"more than {most} {what}")
    return found


@lru_cache(maxsize=4 * limits.PARTIES)
def _card(data: bytes) -> Card:
    """The card of a file. Each is opened once: whoever sends amendments without end must not have its six signatures verified each time."""
    return open_card(data)[0]


def party_order(card: Card) -> tuple[int, str]:
    """Charter order: parties, guarantors, observers, each by slug, however the cards were given."""
    return ROLES.index(card.role), card.slug


def _provision(item: Value) -> tuple[str, str]:
    number, words = encoding.array(item, 2)
    return encoding.text(number, 32), encoding.text(words)


def _witness(item: Value) -> Witness:
    name, vkey, url = encoding.array(item, 3)
    witness = Witness(encoding.text(name, 64), encoding.text(vkey, 4096), encoding.text(url, 500))
    if VerifierKey.parse(witness.vkey).kind not in (COSIGNATURE_ED25519, MLDSA44):
        raise PeerError("charter.malformed", "a witness's key is a cosigner's")
    return witness


def _zone_value(zone: Zone) -> Value:
    outline: list[Value] = [[latitude, longitude] for latitude, longitude in zone.outline]
    return [zone.zone_id, zone.name, ZONE_KINDS.index(zone.kind) + 1, outline]


def _zone(item: Value) -> Zone:
    zone_id, name, kind, outline = encoding.array(item, 4)
    points = []
    for point in encoding.array(outline):
        latitude, longitude = encoding.array(point, 2)
        if type(latitude) is not int or type(longitude) is not int or abs(latitude) > 9_000_000 or abs(longitude) > 18_000_000:
            raise PeerError("charter.malformed", "a zone's outline")
        points.append((latitude, longitude))
    return Zone(encoding.text(zone_id, 32), encoding.text(name, 200), ZONE_KINDS[_index(kind)], tuple(points))


def _index(kind: Value) -> int:
    number = encoding.uint(kind)
    if not 1 <= number <= len(ZONE_KINDS):
        raise PeerError("charter.malformed", "a zone's kind")
    return number - 1


@dataclass(frozen=True)
class SignedCharter:
    """A charter with the signatures so far: (position, algorithm) -> signature."""

    data: bytes
    charter: Charter
    signatures: Mapping[tuple[int, Algorithm], bytes]

    @cached_property
    def channel_id(self) -> bytes:
        """SHA-256 of the charter bytes."""
        return hashlib.sha256(self.data).digest()

    def encode(self) -> bytes:
        """The charter file."""
        found = sorted((position, ALGORITHMS.index(algorithm) + 1, s) for (position, algorithm), s in self.signatures.items())
        return encoding.encode([self.data, [[position, algorithm, signature] for position, algorithm, signature in found]])

    @property
    def unsigned(self) -> list[str]:
        """Slugs of those who have not signed yet."""
        parties = enumerate(self.charter.parties)
        return [party.slug for n, party in parties if any((n, algorithm) not in self.signatures for algorithm in ALGORITHMS)]

    def sign(self, position: int, signers: Mapping[Algorithm, Callable[[bytes], bytes]]) -> SignedCharter:
        """With this party's signatures added."""
        message = _message(self.channel_id)
        added = {(position, algorithm): signers[algorithm](message) for algorithm in ALGORITHMS}
        return SignedCharter(self.data, self.charter, {**self.signatures, **added})


def _message(channel_id: bytes) -> bytes:
    return tagged("ceasewire/charter/1", channel_id)


def draft(charter: Charter) -> SignedCharter:
    """An unsigned charter file."""
    data = charter.encode()
    return SignedCharter(data, Charter.decode(data), {})


def is_charter(data: bytes) -> bool:
    """Whether a file has the outward form of a charter's: an encoding of two things, bytes the first of them."""
    try:
        encoding.octets(encoding.array(_decoded(data), 2)[0])
    except PeerError:
        return False
    return True


def open_charter(data: bytes, *, complete: bool) -> SignedCharter:
    """A charter file, every signature in it checked; `complete` asks for everybody's.

    Raises PeerError enc.*, charter.*, card.malformed, key.*, sig.invalid.
    """
    raw, found = encoding.array(_decoded(data), 2)
    charter = Charter.decode(encoding.octets(raw))
    message = _message(hashlib.sha256(encoding.octets(raw)).digest())
    signatures: dict[tuple[int, Algorithm], bytes] = {}
    order = []
    for item in encoding.array(found):
        position, number, signature = encoding.array(item, 3)
        place = encoding.uint(position, len(charter.parties))
        algorithm = ALGORITHMS[encoding.uint(encoding.uint(number) - 1 if number else 2, 2)]
        keys = charter.parties[place].keys
        key = keys.log_ed25519 if algorithm == "ed25519" else keys.log_mldsa44
        if not verifies(algorithm, key, encoding.octets(signature), message):
            raise PeerError("sig.invalid", f"the charter's signature by {charter.parties[place].slug}")
        signatures[place, algorithm] = encoding.octets(signature)
        order.append((place, algorithm))
    if order != sorted(set(order)):
        raise PeerError("charter.malformed", "its signatures are not in order")
    signed = SignedCharter(encoding.octets(raw), charter, signatures)
    if complete and signed.unsigned:
        raise PeerError("charter.unsigned", ", ".join(signed.unsigned))
    return signed
