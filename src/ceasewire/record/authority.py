"""Who may speak for a party, and under which terms: officers, addresses and the charter in force for one entry. PROTOCOL section 11.

It is a function of the entry's causal past: the messages below it in its own log, and below its `seen` in every other. So every node
says the same of it, whenever it hears of what. Only `keys` and `amendment` messages that are not void say anything here.

* An officer is in force if the charter in force lists them or a `keys` message of their party added them, and no `keys` message of
  their party revoked them. A key that was revoked never comes back.
* An address or duty telephone is that of the party's last `keys` message that names one: by time, then log number, then index.
* Of a party's assents on one base only the newest count: one that another of them has in its own log below it, or has seen, does not.
* A charter is amended when every party of the role party assents to one hash on the base in force, and somebody has said what the
  changes are. Only parties whose logs wrote at the same time can assent to two; then the lower hash is in force.
* Of a log that was replaced, by an entry's causal past, only what stands by that past counts for the entry (record.standing).
* Of a log that showed two histories nothing from the index on counts that is given as its face's end (record.review).
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
from .conviction import UNOPENED
from .encoding import Value
from .officers import Officer
from .release import KEYS
from .standing import Sight, shown_by, standing
from .values import Row
from .words import KINDS

AMENDMENT: Final = KINDS["amendment"]
GOVERNING: Final = frozenset({KEYS, AMENDMENT})
_OFFICERS, _REVOKE, _URL, _TELEPHONE = 17, 18, 19, 21  # fields of `keys`
_BASE, _HASH, _CHANGES = 16, 17, 18  # fields of `amendment`
_FOUND: Final = 16_384  # answers, and officers in them, that are kept; a node asks for the newest again and again
_READ: Final = 4096  # rows that are read once: the same few are asked of for every batch
_ENDS: Final = 256  # what stands of replaced logs, by as many different pasts
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
    """What one row says: of a `keys` message the party's officers, revoked ids and addresses; of an amendment base, hash, changes,
    and what it has seen."""

    order: _Order
    party: int
    officers: tuple[Officer, ...] = ()
    revoked: tuple[bytes, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    assent: tuple[bytes, bytes, bytes | None] | None = None
    seen: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Assents:
    """One party's assents on one base: the newest of each of its logs, and how much of each log one of them or another has seen."""

    newest: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # log -> index, hash
    seen: dict[int, int] = field(default_factory=dict)

    def take(self, log: int, index: int, named: bytes, seen: Mapping[int, int]) -> None:
        if index >= self.newest.get(log, (0, named))[0]:
            self.newest[log] = index, named
        for number, size in seen.items():
            self.seen[number] = max(size, self.seen.get(number, 0))

    def count(self) -> set[bytes]:
        """The hashes of those that no other has superseded."""
        return {named for log, (index, named) in self.newest.items() if index >= self.seen.get(log, 0)}


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
        self._assents: dict[tuple[int, bytes], _Assents] = {}
        self._ever: dict[tuple[bytes, bytes], set[int]] = {}  # who assented at all, be it superseded
        self._once: set[bytes] = set()  # bases on which all ever assented to one hash
        self._changes: dict[tuple[bytes, bytes], tuple[_Order, bytes]] = {}
        self._complete: dict[bytes, bytes] = {}
        self._links: dict[bytes, tuple[bytes, Charter]] = {}  # base of each amendment in force -> hash, and the charter before

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
            self._assent(said, *said.assent)

    def _assent(self, said: _Said, base: bytes, named: bytes, changes: bytes | None) -> None:
        _, log, index = said.order
        seen = {number: size for number, size in said.seen.items() if self._is_of(number, said.party)}
        self._assents.setdefault((said.party, base), _Assents()).take(log, index, named, seen)
        ever = self._ever.setdefault((base, named), set())
        ever.add(said.party)
        if ever >= self._signatories:
            self._once.add(base)
        if changes is not None:
            known = self._changes.get((base, named))
            self._changes[base, named] = min(known, (said.order, changes)) if known else (said.order, changes)
        complete = self._completed(base)
        if complete != self._complete.get(base):
            self._complete.pop(base, None)
            if complete is not None:
                self._complete[base] = complete
            self._amend(base)

    def _is_of(self, log: int, party: int) -> bool:
        return log in self.channel.logs and self.channel.party_of(log) == party

    def _completed(self, base: bytes) -> bytes | None:
        """The hash to which all assent on a base: of several the lowest."""
        found = [known.count() if (known := self._assents.get((party, base))) else set() for party in self._signatories]
        return min((named for named in set.intersection(*found) if (base, named) in self._changes), default=None)

    def _amend(self, changed: bytes) -> None:
        """Walk along the amendments to which all assent: from the charter that all signed, but what comes before `changed` is as it was."""
        while changed in self._links:
            self.base, (_, self.charter) = self._links.popitem()
        while self.base in self._complete:
            base, named = self.base, self._complete[self.base]
            self._links[base] = named, self.charter
            self.charter, self.base = amendment.apply(self.charter, self._changes[base, named][1]), named

    def deciding(self) -> set[tuple[int, int]]:
        """Log and index of the assents by which alone the same charter is in force, whatever others are there as well: on each base that
        was amended each party's newest of each log; on the last base too, if all ever assented to something there that now does not
        count."""
        found: set[tuple[int, int]] = set()
        for base in [*self._links, *({self.base} & self._once)]:
            for party in self._signatories:
                known = self._assents.get((party, base))
                found |= {(log, index) for log, (index, _) in known.newest.items()} if known else set()
        return found

    def bringing(self) -> dict[tuple[bytes, bytes], tuple[int, int]]:
        """Base and hash of each amendment in force -> log and index of the earliest message that brought its changes."""
        return {(base, named): self._changes[base, named][0][1:] for base, (named, _) in self._links.items()}

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
    """Who may speak, as far as the given rows of kinds GOVERNING say it. `sights` are those of record.standing that entries show by their
    `seen` alone; without them, of a log that was replaced what its successor's opener held is all that counts. `faces`: log that showed
    two histories -> the index from which on its entries say and show nothing; UNOPENED (record.conviction): it was not even opened."""

    def __init__(
        self, channel: Channel, rows: Iterable[Row] = (), sights: Iterable[Sight] = (), faces: Mapping[int, int] | None = None
    ) -> None:
        self.channel = channel
        self._faces = dict(faces or {})
        self._indexes: dict[int, list[int]] = {}
        self._said: dict[tuple[int, int], _Said] = {}
        self._fold = _Fold(channel)
        self._found: dict[tuple[int, ...], InForce] = {}
        self._weight = 0
        self.followed = 0  # how many rows `follow` took
        self._successors = channel.successors()
        self._sights: dict[tuple[int, int], Sight] = {}
        self._last_seen: dict[int, bytes] = {}
        self._ends: dict[tuple[frozenset[int], frozenset[Sight]], Mapping[int, int]] = {}
        for one in rows:
            self.add(one)
        for sight in sights:
            self.see(sight)

    def see(self, sight: Sight) -> None:
        """Take a sight, or what may be one: of those of one log that see one successor, the first entry's counts."""
        known = self._sights.get((sight.log, sight.successor))
        if known is None or sight.index < known.index:
            self._sights[sight.log, sight.successor] = sight

    def follow(self, one: Row) -> None:
        """Take the row that comes next in its log, of whatever kind, and what it is the first of its log to have seen."""
        self.followed += 1
        self.add(one)
        if self._successors and one.seen != self._last_seen.get(one.log):
            self._last_seen[one.log] = one.seen
            for sight in shown_by(self.channel, one.log, one.index, encoding.sizes(encoding.decode(one.seen))):
                self.see(sight)

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
        """Log -> how many of its rows govern such an entry; zeros are left out."""
        ends = self._standing(log, index, seen)
        sizes = ((number, self._until(number, index if number == log else seen.get(number, 0))) for number in self._indexes)
        found = {number: bisect_left(self._indexes[number], min(size, ends.get(number, size))) for number, size in sizes}
        return {number: count for number, count in found.items() if count}

    def _standing(self, log: int, index: int, seen: Mapping[int, int]) -> Mapping[int, int]:
        """Replaced log -> the index from which on its rows do not count for such an entry, by what lies below the entry."""
        held, shown = self._below(log, index, seen)
        if not held:
            return {}
        if (held, shown) not in self._ends:
            if len(self._ends) >= _ENDS:
                self._ends.clear()
            self._ends[held, shown] = standing(self.channel, shown, held)
        return self._ends[held, shown]

    def _below(self, log: int, index: int, seen: Mapping[int, int]) -> tuple[frozenset[int], frozenset[Sight]]:
        """The successors whose message 0 lies below such an entry, and the sights that do."""
        held = frozenset(
            one for one in self._successors if (index if one == log else seen.get(one, 0)) and self._faces.get(one, 0) != UNOPENED
        )
        sizes = {one.log: self._until(one.log, index if one.log == log else seen.get(one.log, 0)) for one in self._sights.values()}
        shown = (one for one in self._sights.values() if one.index < sizes[one.log])
        return held, frozenset(shown) if held else frozenset()

    def _until(self, log: int, size: int) -> int:
        """How many of a log's first entries, `size` of which lie below one, are the same in all its histories."""
        return min(size, self._faces.get(log, size)) if self._faces else size

    def sights(self, log: int, index: int, seen: Mapping[int, int]) -> list[Sight]:
        """The sights by which alone the same rows of replaced logs govern such an entry: none where nothing late was ever said."""
        held, shown = self._below(log, index, seen)
        bare, full = standing(self.channel, (), held), self._standing(log, index, seen)
        counts = self._counts(log, index, seen)
        if not any(
            bisect_left(self._indexes[number], bare.get(number, self._indexes[number][-1] + 1)) < counts[number] for number in counts
        ):
            return []
        order = sorted(shown, key=lambda one: (-one.shows, one.log, one.index))
        most: dict[int, Sight] = {}
        for one in order:
            if one.index < full.get(one.log, one.index + 1):
                most.setdefault(one.successor, one)
        enough = standing(self.channel, most.values(), held) == full  # unless two keep each other up by what shows less
        return sorted(most.values() if enough else shown, key=lambda one: (one.log, one.index, one.successor))

    def of(self, one: Row) -> InForce:
        """What governs a row. Where nothing was ever said of officers or terms, its `seen` is not even read."""
        return self.at(one.log, one.index, encoding.sizes(encoding.decode(one.seen)) if self._indexes else {})

    def now(self, log: int, sizes: Mapping[int, int]) -> InForce:
        """What governs the next entry of a log, whose device holds so much of each log."""
        return self.at(log, sizes.get(log, 0), sizes)

    def below(self, log: int, index: int, seen: Mapping[int, int]) -> list[tuple[int, int]]:
        """Log and index of each row that governs such an entry."""
        counts = self._counts(log, index, seen)
        return [(number, at) for number, count in sorted(counts.items()) for at in self._indexes[number][:count]]

    def deciding(self, log: int, index: int, seen: Mapping[int, int]) -> list[tuple[int, int]]:
        """Of `below`, those by which alone the same governs the entry: what its own party said of officers, and of each amendment in force
        each party's newest assents and one that brings the changes. Others can add to what lies below without end, not to this."""
        party, fold = self.channel.party_of(log), self._folded(self._counts(log, index, seen))
        found = fold.deciding()
        brought = {said.assent[:2] for place in found if (said := self._said[place]).assent and said.assent[2] is not None}
        found |= {place for link, place in fold.bringing().items() if link not in brought}
        for place in self.below(log, index, seen):
            said = self._said[place]
            if said.party == party and (said.officers or said.revoked):
                found.add(place)
        return sorted(found)

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
        assent = (base, named, brought if isinstance(brought, bytes) else None)
        return _Said(order, party, assent=assent, seen=encoding.sizes(encoding.decode(one.seen)))
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
