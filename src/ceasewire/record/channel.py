"""A channel: a charter in force, with the names and keys that follow from it and from openings. PROTOCOL sections 4, 6 and 11.

A party's first log bears the number of its position. Openings add later logs: a successor of a log that is lost, stolen or worn, or a
further device's. A channel never changes; `with_openings` makes another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..errors import PeerError
from ..tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44, VerifierKey
from .card import Card, LogKeys
from .charter import SignedCharter
from .opening import Opening, is_later, later_name, position_of


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

    def __init__(self, signed: SignedCharter, openings: Iterable[Opening] = ()) -> None:
        """`openings` have been verified by whoever took them. Raises PeerError opening.refused as `check_opening`."""
        self.signed = signed
        self.charter = signed.charter
        self.channel_id = signed.channel_id
        self.witnesses = tuple(VerifierKey.parse(witness.vkey) for witness in self.charter.witnesses)
        prefix = f"{self.charter.name}/{self.channel_id.hex()}"
        first = {n: _names(n, card.slug, card.keys, f"{prefix}/{card.slug}") for n, card in enumerate(self.charter.parties)}
        self.openings: Mapping[int, Opening] = self._checked(openings)
        self.logs: dict[int, LogNames] = first | {n: self._later(n, one, prefix) for n, one in self.openings.items()}
        self._numbers = {log.slug: log.number for log in self.logs.values()}
        self._cosigners = {(key.name, key.key_id): (log.number, key) for log in self.logs.values() for key in log.receipt}
        self._cosigners |= {(key.name, key.key_id): (-1 - n, key) for n, key in enumerate(self.witnesses)}
        self._origins = {log.origin: log for log in self.logs.values()}
        self._successors: dict[int, tuple[int, ...]] = {}
        for number, one in self.openings.items():
            if one.predecessor is not None:
                self._successors[one.predecessor] = (*self._successors.get(one.predecessor, ()), number)

    def _later(self, number: int, opening: Opening, prefix: str) -> LogNames:
        slug = opening.log_name(self.charter.parties[opening.position].slug)
        return _names(number, slug, opening.keys, f"{prefix}/{slug}")

    # --- Later logs ---

    @cached_property
    def first(self) -> Channel:
        """The channel as it was founded, without later logs."""
        return Channel(self.signed) if self.openings else self

    def _checked(self, openings: Iterable[Opening]) -> dict[int, Opening]:
        """By number, in order. One key is one log's for ever, and so is one number."""
        used = {key for card in self.charter.parties for key in (*_all_keys(card.keys), *_recovery_keys(card))}
        used |= {witness.key for witness in self.witnesses}
        found: dict[int, Opening] = {}
        for one in openings:
            if found.get(one.number) == one:
                continue
            keys = set(_all_keys(one.keys))
            if one.number in found or keys & used or len(keys) < len(_all_keys(one.keys)):
                raise PeerError("opening.refused", "its number or a key of it is another log's")
            used |= _signing(one)  # a sealing key signs nothing: anybody can put another's into an opening, and harms nobody else by it
            found[one.number] = one
        return dict(sorted(found.items()))

    def with_openings(self, openings: Iterable[Opening]) -> Channel:
        """This channel with more logs; those that it has already are passed over. Raises PeerError opening.refused for a number or a key
        that is used already, by whomever."""
        added = [one for one in openings if self.openings.get(one.number) != one]
        return Channel(self.signed, [*self.openings.values(), *added]) if added else self

    def conflicts(self, opening: Opening) -> list[int]:
        """The later logs that have the opening's number or one of its keys that sign: both cannot be. They are of one party, since each of
        these keys has signed its opening."""
        keys = _signing(opening)
        return [n for n, one in self.openings.items() if one != opening and (n == opening.number or keys & _signing(one))]

    def successors_of(self, log: int) -> tuple[int, ...]:
        """The logs that were opened to follow a log, by number. All of them are valid; there seldom is more than one."""
        return self._successors.get(log, ())

    def successors(self) -> tuple[int, ...]:
        """The logs that were opened to follow another, by number; mostly none."""
        return tuple(number for number, one in self.openings.items() if one.predecessor is not None) if self.openings else ()

    def successor_of(self, log: int) -> int | None:
        """The first by number of a log's successors, or None for a log that nothing replaced."""
        return next(iter(self.successors_of(log)), None)

    def live_logs(self) -> tuple[int, ...]:
        """The logs that nothing has replaced: first ones, then later ones by number."""
        return tuple(log for log in self.logs if log not in self._successors)

    def logs_of(self, position: int) -> tuple[int, ...]:
        """Every log of a party, its first one first."""
        return tuple(log for log in self.logs if self.party_of(log) == position)

    def before(self, log: int) -> Iterator[int]:
        """The log's predecessor, that one's, and so on, as far as openings are known. A ring of them, which can be forged, ends."""
        met = {log}
        opening = self.openings.get(log)
        while opening is not None and opening.predecessor is not None and opening.predecessor not in met:
            met.add(opening.predecessor)
            yield opening.predecessor
            opening = self.openings.get(opening.predecessor)

    @cached_property
    def called_logs(self) -> tuple[int, ...]:
        """Live logs that stand in for their party's first one, so that its address is theirs. A further device has none: it calls."""
        return tuple(log for log in self.live_logs() if ([log, *self.before(log)])[-1] < len(self.charter.parties))

    def named(self, name: str) -> tuple[int, ...]:
        """What a name stands for where one may write to somebody: a party's slug for all its live logs, a later log's name for that one.
        Nothing for a name that is neither."""
        position = self.position(name)
        if position is not None:
            return tuple(log for log in self.live_logs() if self.party_of(log) == position)
        number = self.number(name)
        return () if number is None else (number,)

    # --- Names and keys ---

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
        """The name of the log of that number. A later log's follows from its number alone: also where its opening is not known."""
        log = self.logs.get(number)
        position = position_of(number)
        if log is None and is_later(number) and position is not None and position < len(self.charter.parties):
            return later_name(self.charter.parties[position].slug, number)
        return log.slug if log else None

    def position(self, slug: str) -> int | None:
        """A party's position in the charter."""
        return next((n for n, party in enumerate(self.charter.parties) if party.slug == slug), None)

    def slug(self, position: int) -> str | None:
        """The slug of the party at that position."""
        return self.charter.parties[position].slug if 0 <= position < len(self.charter.parties) else None

    def party_of(self, log: int) -> int:
        """The position of the party whose device keeps the log; the log is one of this channel's."""
        opening = self.openings.get(log)
        return opening.position if opening else log

    def party(self, log: int) -> Card:
        """The party whose device keeps the log."""
        return self.charter.parties[self.party_of(log)]


def _all_keys(keys: LogKeys) -> tuple[bytes, ...]:
    return (keys.log_ed25519, keys.log_mldsa44, keys.receipt_ed25519, keys.receipt_mldsa44, keys.sealing)


def _signing(opening: Opening) -> set[bytes]:
    return {key for _, key in opening.signing_keys()}


def _recovery_keys(card: Card) -> Iterator[bytes]:
    for key in card.recovery:
        yield from (key.ed25519, key.mldsa44)


def _names(number: int, slug: str, keys: LogKeys, origin: str) -> LogNames:
    receipt = f"{origin}/receipt"
    return LogNames(
        number=number,
        slug=slug,
        origin=origin,
        log=(VerifierKey(origin, ED25519, keys.log_ed25519), VerifierKey(origin, MLDSA44, keys.log_mldsa44)),
        receipt=(
            VerifierKey(receipt, COSIGNATURE_ED25519, keys.receipt_ed25519),
            VerifierKey(receipt, MLDSA44, keys.receipt_mldsa44),
        ),
        sealing=keys.sealing,
    )
