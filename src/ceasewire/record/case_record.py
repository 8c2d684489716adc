"""What the fold of a case asks of whoever keeps the record, and the few things it reads from bodies. spec/case.md.

`Record` is implemented in memory by `casebook.Casebook`, and by a node over its tables; both give the same bytes. All of it is a
function of the logs' entries: no clock, no viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from .. import limits
from .bodies import HISTORICAL, LINKED, RE
from .bodies_action import NOTICE
from .bodies_incident import NOTIFICATION
from .channel import Channel
from .charter import Charter
from .clocks import Clock, Span
from .encoding import Value
from .fields import Wrong
from .kinds import COMMON, KINDS, references
from .message import EXERCISE, Body
from .notices import Match
from .order import Place, Placed, RefTuple, seen_of
from .words import ACTIVITIES, LINKS, PHASES, PRECEDENCES

# Of a notification's links, those that join its case to another.
CASE_LINKS: Final = frozenset({"same_incident", "counter_claim_to", "duplicate_of"})
# Stances that put the answer off: with a new date, such a reply asks for it and is not the answer.
DELAYS: Final = frozenset({"under_inquiry", "need_information", "joint_inquiry"})
ASKING: Final = frozenset({KINDS["notification"], KINDS["request"], KINDS["notice"]})


class Received(NamedTuple):
    """A proof that a party received a message: the place of the entry that proves it, the party's position, and since when by the
    party's own word, POSIX seconds: the time of that entry, or of the cosignature that it writes down."""

    place: Place
    party: int
    time: int


class Record(Protocol):
    """The record as the fold of one case reads it. Everything comes in record order."""

    @property
    def channel(self) -> Channel:
        """The channel whose record it is."""

    def placed(self, ref: RefTuple) -> Placed | None:
        """The message of that reference, as marked (void), or None if it is not held."""

    def members(self, key: RefTuple) -> Sequence[Placed]:
        """Every message whose `Belonging` has the case among its `keys` or `joins`, but the notification itself."""

    def naming(self, ref: RefTuple) -> Sequence[Placed]:
        """Every message that is not void, of an understood kind, whose `re` or `links` name the message."""

    def receipts(self, ref: RefTuple) -> Sequence[Received]:
        """Of each party the first proof in record order that it received the message (`spec/case.md`, "Received"), its own writer's
        among them or not; in order of place, then party."""

    def charter(self, one: Placed) -> Charter:
        """The charter that governs an entry, as amended in its causal past."""

    def began(self) -> int:
        """The earliest time of an entry of the whole record."""

    def matches(self, one: Placed, body: Body) -> Sequence[Match]:
        """The notices that a notification matches: `notices.Notices.matches` over all that lie before it in record order."""

    def suspensions(self, exercise: bool) -> Sequence[Span]:
        """When the channel was suspended: `clocks.Suspensions` over all `channel_status` messages of parties and guarantors that are
        not void and as much exercise as is asked for."""

    def clock(self, ref: RefTuple) -> Clock | None:
        """The clock of an asking message from `clocks.run` over the `asking.ask` of all; None where that gives none."""


class Belonging(NamedTuple):
    """To which cases a message belongs, by their keys; what it joins to its own, if it is a notification; whether it is exercise."""

    keys: tuple[RefTuple, ...]
    joins: tuple[RefTuple, ...]
    exercise: bool


def belonging(one: Placed, body: Body, names: Channel, lookup: Callable[[RefTuple], Belonging | None]) -> Belonging | None:
    """To what a message of an understood kind belongs; None if to no case. `lookup` gives the same of a message below it that is not void:
    a void message brings nothing into a case.

    It follows from the message and from what it names alone. A notification belongs to the case that it begins and joins others to
    it; any other message belongs to the cases of all that it names. Exercise and actual never mix. Void messages belong, too, if what
    they name can be read: they are listed.
    """
    exercise = body[EXERCISE] is True
    if one.row.kind == KINDS["notification"]:
        if one.row.void is not None:
            return None
        return Belonging((one.ref,), tuple(_joined(one.ref, body, exercise, lookup)), exercise)
    if one.row.void is not None and not _readable(body, names):
        return None
    found = (lookup(ref) for ref in references(body) if one.row.void is None or _is_below(ref, one))
    keys = {key for other in found if other and other.exercise == exercise for key in other.keys}
    return Belonging(tuple(sorted(keys)[: limits.CASES_PER_MESSAGE]), (), exercise) if keys else None


def _joined(own: RefTuple, body: Body, exercise: bool, lookup: Callable[[RefTuple], Belonging | None]) -> Iterable[RefTuple]:
    named = {ref for relation, ref in links_of(body) if relation in CASE_LINKS and ref != own}
    for ref in sorted(named):
        other = lookup(ref)
        if other and other.exercise == exercise and other.keys == (ref,):
            yield ref


def _is_below(ref: RefTuple, one: Placed) -> bool:
    """Whether a void message names what it had seen. What it had not may come here before it or after, and must make no difference."""
    log, index = ref
    return index < (one.row.index if log == one.row.log else seen_of(one.row.seen).get(log, 0))


def _readable(body: Body, names: Channel) -> bool:
    """Whether the fields that refer to other messages are of their types; a void message's may not be."""
    try:
        for name in ("re", "links"):
            if COMMON[name].number in body:
                COMMON[name].type.check(body[COMMON[name].number], names)
    except Wrong:
        return False
    return True


# --- Bodies of messages that are not void, whose schema holds ---


@dataclass(frozen=True, slots=True)
class Said:
    """A message with its body and its writer's position; the body of a void one is empty, since it says nothing."""

    at: Placed
    body: Body
    party: int

    @property
    def ref(self) -> RefTuple:
        """Log number and index."""
        return self.at.row.log, self.at.row.index

    @property
    def kind(self) -> int:
        """The kind's number."""
        return self.at.row.kind

    @property
    def time(self) -> int:
        """The entry's time, POSIX seconds."""
        return self.at.row.time

    @property
    def void(self) -> str | None:
        """The code of the rule it breaks."""
        return self.at.row.void


def said(one: Placed, channel: Channel) -> Said:
    """A message, decoded."""
    return Said(one, {} if one.row.void is not None else one.body(), channel.party_of(one.row.log))


def word(words: Sequence[str], value: Value) -> str:
    """The word of a code, or "" if the field is absent."""
    return words[value - 1] if isinstance(value, int) and 1 <= value <= len(words) else ""


def re_of(body: Body) -> list[RefTuple]:
    """What `re` names."""
    value = body.get(RE)
    if not isinstance(value, list) or not value:
        return []
    pairs = value if isinstance(value[0], list) else [value]
    return [(pair[0], pair[1]) for pair in pairs]  # type: ignore[index,misc]


def links_of(body: Body) -> list[tuple[str, RefTuple]]:
    """What `links` say: relation and message."""
    value = body.get(LINKED)
    if not isinstance(value, list):
        return []
    return [(word(LINKS, link[1]), (link[2][0], link[2][1])) for link in value]  # type: ignore[index,misc]


def answered_by(body: Body) -> set[RefTuple]:
    """What a message replies to: its `re`, and its links `replies_to`."""
    return {*re_of(body), *(ref for relation, ref in links_of(body) if relation == "replies_to")}


def historical(body: Body) -> bool:
    """Whether a message is reported for the record alone: it starts no clock and no alarm."""
    return body.get(HISTORICAL) is True


def precedence(body: Body) -> str:
    """The word of its precedence; routine if it states none."""
    return word(PRECEDENCES, body.get(COMMON["precedence"].number)) or "routine"


def activity(body: Body) -> str:
    """A notice's activity."""
    return word(ACTIVITIES, body.get(NOTICE["activity"].number))


def phase(body: Body) -> str:
    """A notice's phase; planned if it states none."""
    return word(PHASES, body.get(NOTICE["phase"].number)) or "planned"


def parties(channel: Channel) -> frozenset[int]:
    """The positions of those of the role party: who answers."""
    return frozenset(n for n, party in enumerate(channel.charter.parties) if party.role == "party")


def accused(channel: Channel, one: Placed, body: Body) -> frozenset[int]:
    """Who answers a notification: the party that `accused` names, or, where it names none of the others, every other party."""
    others = parties(channel) - {channel.party_of(one.row.log)}
    named = body.get(NOTIFICATION["accused"].number)
    return frozenset({named}) if isinstance(named, int) and named in others else others


def start_of(one: Placed, proof: Received) -> int:
    """Since when a message counts as received: a cosigner dates its own cosignature, so its time counts as no earlier than the message's
    and no later than that of the entry which writes it down."""
    return min(max(proof.time, one.row.time), proof.place[0])


def first_proof(proofs: Iterable[Received], answering: frozenset[int]) -> Received | None:
    """The first proof that one of these parties received it."""
    return next((proof for proof in proofs if proof.party in answering), None)


def slugs(channel: Channel, positions: Iterable[int]) -> list[str]:
    """The slugs of parties, in charter order."""
    return [channel.charter.parties[n].slug for n in sorted(positions)]


def seconds_of(charter: Charter, word_of_precedence: str) -> int:
    """How long a charter gives for an answer to a message of that precedence."""
    return charter.clocks[clock_name(word_of_precedence)]


def clock_name(word_of_precedence: str) -> str:
    """The name in the charter of the clock for an answer."""
    return "reply" if word_of_precedence == "routine" else word_of_precedence


def taken_back(record: Record, one: Placed) -> bool:
    """Whether a message was withdrawn by its party, by a withdrawal that was not itself withdrawn, and so on."""
    chain, todo = {one.ref: one}, [one]
    withdrawals: dict[RefTuple, list[RefTuple]] = {}
    while todo:
        named = todo.pop()
        party = record.channel.party_of(named.row.log)
        found = [by for by in record.naming(named.ref) if by.row.kind == KINDS["withdrawal"] and named.ref in re_of(by.body())]
        found = [by for by in found if record.channel.party_of(by.row.log) == party]
        withdrawals[named.ref] = [by.ref for by in found]
        new = [by for by in found if by.ref not in chain]
        chain |= {by.ref: by for by in new}
        todo += new
    gone: set[RefTuple] = set()
    for named in sorted(chain.values(), key=lambda each: each.place, reverse=True):  # a withdrawal comes after what it withdraws
        if any(by not in gone for by in withdrawals[named.ref]):
            gone.add(named.ref)
    return one.ref in gone
