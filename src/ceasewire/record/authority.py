"""Who may speak for a party, and under which terms: officers, addresses and the charter in force for one entry. PROTOCOL section 11.

It is a function of the entry's causal past: the messages below it in its own log, and below its `seen` in every other. So every node
says the same of it, whenever it hears of what. Only `keys` and `amendment` messages that are not void say anything here.

* An officer is in force if the charter in force lists them or a `keys` message of their party added them, and no `keys` message of
  their party revoked them. A key that was revoked never comes back.
* An address or duty telephone is that of the party's last `keys` message that names one: by time, then log number, then index.
* A charter is amended when every party of the role party has assented to one hash on the base in force, at least one of them with the
  changes themselves. If two amendments of one base were assented to by all, the lower hash is in force.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ..errors import PeerError
from . import amendment, encoding
from .channel import Channel
from .charter import Charter
from .encoding import Value
from .officers import Officer
from .release import KEYS
from .values import Row
from .words import KINDS

AMENDMENT: Final = KINDS["amendment"]
GOVERNING: Final = frozenset({KEYS, AMENDMENT})
_OFFICERS, _REVOKE, _URL, _TELEPHONE = 17, 18, 19, 21  # fields of `keys`
_BASE, _HASH, _CHANGES = 16, 17, 18  # fields of `amendment`
_FOUND: Final = 16_384  # answers, and officers in them, that are kept; a node asks for the newest again and again
_READ: Final = 4096  # rows that are read once: the same few are asked of for every batch
_Order = tuple[int, int, int]  # time, log number, index


@dataclass(frozen=True, slots=True)
class InForce:
    """What governs one entry. `base` names the charter in force; `officers` of the entry's party by id; `asked` whether that party's
    messages need releases: it has or had an officer."""

    charter: Charter
    base: bytes
    officers: Mapping[bytes, Officer]
    asked: bool
    telephone: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class _Said:
    """What one row says: of a `keys` message the party's officers, revoked ids and addresses; of an amendment base, hash, changes."""

    order: _Order
    party: int
    officers: tuple[Officer, ...] = ()
    revoked: tuple[bytes, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    assent: tuple[bytes, bytes, bytes | None] | None = None


class _Fold:
    """What rows say together. It only ever takes more, in any order, and each row costs the same however many came before."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.counts: dict[int, int] = {}  # log -> how many of its rows were taken
        self.charter, self.base = channel.charter, channel.channel_id
        self._signatories = {position for position, card in enumerate(self.charter.parties) if card.role == "party"}
        self._officers: dict[int, dict[bytes, tuple[_Order, Officer]]] = {}
        self._revoked: dict[int, set[bytes]] = {}
        self._words: dict[tuple[int, str], tuple[_Order, str]] = {}
        self._assented: dict[tuple[bytes, bytes], set[int]] = {}
        self._changes: dict[tuple[bytes, bytes], bytes] = {}
        self._complete: dict[bytes, set[bytes]] = {}
        self.links: set[tuple[bytes, bytes]] = set()  # base and hash of each amendment in force

    def take(self, said: _Said) -> None:
        """Take one row more."""
        named = self._officers.setdefault(said.party, {})
        for officer in said.officers:
            known = named.get(officer.id)
            if known is None or known[0] < said.order:  # of two that bear one key, the later says its name and role
                named[officer.id] = said.order, officer
        self._revoked.setdefault(said.party, set()).update(said.revoked)
        for name, word in said.words.items():
            key = said.party, name
            if key not in self._words or self._words[key][0] < said.order:
                self._words[key] = said.order, word
        if said.assent:
            self._assent(said.party, *said.assent)

    def _assent(self, party: int, base: bytes, named: bytes, changes: bytes | None) -> None:
        parties = self._assented.setdefault((base, named), set())
        parties.add(party)
        if changes is not None:
            self._changes[base, named] = changes
        if parties >= self._signatories and (base, named) in self._changes:
            self._complete.setdefault(base, set()).add(named)
            self._amend()

    def _amend(self) -> None:
        """Walk from the charter that all signed along the amendments to which all assented."""
        charter, base = self.channel.charter, self.channel.channel_id
        self.links = set()
        while base in self._complete:
            named = min(self._complete[base])
            self.links.add((base, named))
            charter, base = amendment.apply(charter, self._changes[base, named]), named
        self.charter, self.base = charter, base

    def of(self, party: int) -> InForce:
        """What governs the messages of a party."""
        named = {officer.id: officer for officer in self.charter.officers if officer.party == party}
        named |= {key: officer for key, (_, officer) in self._officers.get(party, {}).items()}
        revoked = self._revoked.get(party, set())
        return InForce(
            charter=self.charter,
            base=self.base,
            officers={key: officer for key, officer in named.items() if key not in revoked},
            asked=bool(named),
            telephone=self._words.get((party, "telephone"), (None, None))[1],
            url=self._words.get((party, "url"), (None, None))[1],
        )


class Authority:
    """Who may speak, as far as the given rows of kinds GOVERNING say it."""

    def __init__(self, channel: Channel, rows: Iterable[Row] = ()) -> None:
        self.channel = channel
        self._indexes: dict[int, list[int]] = {}
        self._said: dict[tuple[int, int], _Said] = {}
        self._fold = _Fold(channel)
        self._found: dict[tuple[int, ...], InForce] = {}
        self._weight = 0
        for one in rows:
            self.add(one)

    def add(self, one: Row) -> None:
        """Take a further row; one of another kind, a void one or one that is there already changes nothing."""
        if one.kind not in GOVERNING or one.void is not None or (one.log, one.index) in self._said:
            return
        self._said[one.log, one.index] = _read(one, self.channel.party_of(one.log))
        indexes = self._indexes.setdefault(one.log, [])
        if indexes and indexes[-1] > one.index:  # counts of rows no longer say which
            self._found.clear()
            self._fold = _Fold(self.channel)
        insort(indexes, one.index)

    def at(self, log: int, index: int, seen: Mapping[int, int]) -> InForce:
        """What governs entry `index` of a log of this channel, which has `seen` so much of the others."""
        counts = self._counts(log, index, seen)
        party = self.channel.party_of(log)
        key = (party, *(part for number in sorted(counts) for part in (number, counts[number])))
        found = self._found.get(key)
        if found is None:
            found = self._folded(counts).of(party)
            self._weight += 1 + len(found.officers)
            if self._weight > _FOUND:  # each answer lists all officers: a party that names more and more must not fill the memory
                self._found.clear()
                self._weight = 1 + len(found.officers)
            self._found[key] = found
        return found

    def _counts(self, log: int, index: int, seen: Mapping[int, int]) -> dict[int, int]:
        """Log -> how many of its rows lie below such an entry; zeros are left out."""
        found = {number: bisect_left(indexes, index if number == log else seen.get(number, 0)) for number, indexes in self._indexes.items()}
        return {number: count for number, count in found.items() if count}

    def of(self, one: Row) -> InForce:
        """What governs a row. Where nothing was ever said of officers or terms, its `seen` is not even read."""
        return self.at(one.log, one.index, encoding.sizes(encoding.decode(one.seen)) if self._indexes else {})

    def now(self, log: int, sizes: Mapping[int, int]) -> InForce:
        """What governs the next entry of a log, whose device holds so much of each log."""
        return self.at(log, sizes.get(log, 0), sizes)

    def below(self, log: int, index: int, seen: Mapping[int, int]) -> list[tuple[int, int]]:
        """Log and index of each row that governs such an entry."""
        return [
            (number, at)
            for number, indexes in sorted(self._indexes.items())
            for at in indexes[: bisect_left(indexes, index if number == log else seen.get(number, 0))]
        ]

    def deciding(self, log: int, index: int, seen: Mapping[int, int]) -> list[tuple[int, int]]:
        """Of `below`, those by which alone the same governs the entry: what its own party said of officers, and of each amendment in force
        each party's first assent and its first that brings the changes. Others can add to what lies below without end, not to this."""
        party, links = self.channel.party_of(log), self._folded(self._counts(log, index, seen)).links
        found: list[tuple[int, int]] = []
        had: set[tuple[int, bytes, bool]] = set()
        for place in self.below(log, index, seen):
            said = self._said[place]
            if said.assent and said.assent[:2] in links and (part := (said.party, said.assent[1], said.assent[2] is None)) not in had:
                had.add(part)
                found.append(place)
            elif said.party == party and (said.officers or said.revoked):
                found.append(place)
        return found

    def _folded(self, counts: Mapping[int, int]) -> _Fold:
        """The rows of these counts, folded: on top of what was folded last, if all of that is among them."""
        if any(counts.get(log, 0) < count for log, count in self._fold.counts.items()):
            self._fold = _Fold(self.channel)
        fold = self._fold
        for log, count in counts.items():
            for index in self._indexes[log][fold.counts.get(log, 0) : count]:
                fold.take(self._said[log, index])
            fold.counts[log] = count
        return fold


@lru_cache(maxsize=_READ)
def _read(one: Row, party: int) -> _Said:
    """What a row says. It is not void, so each field that is there is of its type; of a field that is not, nothing is taken."""
    body = encoding.mapping(encoding.decode(one.body))
    order = (one.time, one.log, one.index)
    if one.kind == AMENDMENT:
        base, named, brought = (body.get(number) for number in (_BASE, _HASH, _CHANGES))
        if not isinstance(base, bytes) or not isinstance(named, bytes):
            return _Said(order, party)
        return _Said(order, party, assent=(base, named, brought if isinstance(brought, bytes) else None))
    words = {name: word for name, number in (("url", _URL), ("telephone", _TELEPHONE)) if isinstance(word := body.get(number), str)}
    return _Said(
        order,
        party,
        officers=tuple(officer for value in _items(body.get(_OFFICERS)) if (officer := _officer(value, party))),
        revoked=tuple(key for key in _items(body.get(_REVOKE)) if isinstance(key, bytes)),
        words=words,
    )


def _items(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def _officer(value: Value, party: int) -> Officer | None:
    try:
        return Officer.from_value(value, party)
    except PeerError:
        return None


def check_amendment(body: Mapping[int, Value], channel_id: bytes, force: InForce) -> str | None:
    """The code of the rule that an amendment with this checked body breaks where it stands, or None."""
    base, named, brought = body[_BASE], body[_HASH], body.get(_CHANGES)
    if base != force.base:
        return "amendment.base"
    if not isinstance(brought, bytes):
        return None
    if amendment.amendment_hash(channel_id, force.base, brought) != named:
        return "amendment.changes"
    try:
        amendment.apply(force.charter, brought)
    except PeerError as error:
        return error.code
    return None
