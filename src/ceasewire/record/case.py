"""Cases: a violation's life, folded from all logs' messages. spec/case.md.

1. A case begins with each notification that is not void; the notification's reference is its key.
2. A message belongs to a case when it refers to the notification, or to a message that belongs. Exercise and actual never mix.
3. A message that is void is listed and changes nothing.
4. A case is received at the first proof in the record: an entry of an answering party's log that has seen the notification, or a
   line check that writes down that party's cosignature over it. The reply clock starts there: a cosigner dates its own cosignature,
   so its time counts as no earlier than the notification's and no later than the line check's. Answering parties are the accused, or,
   where none is named, every party but the notifying one.
5. An answering party's reply moves the case by the table below; its newest reply is its stance.
6. State moves by `TRANSITIONS` alone. A pair that is not in the table changes nothing.

The fold reads the shared record and nothing else: no clock, no viewer. So both sides compute the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from . import encoding
from .channel import Channel
from .encoding import Value
from .fields import Json, Wrong, show_time
from .kinds import COMMON, KINDS, LINKS, PRECEDENCES, STANCES, UNDERSTOOD, kind_name, references, show_body
from .message import EXERCISE, Body, message_of
from .values import Cosignature, Row

RefTuple = tuple[int, int]

# (state, event) -> state
TRANSITIONS: Final[Mapping[tuple[str, str], str]] = {
    ("notified", "received"): "received",
    **{
        (state, answer): answer
        for state in ("notified", "received", "accepted", "disputed", "under_inquiry")
        for answer in ("accepted", "disputed", "under_inquiry")
    },
}
# A reply's stance -> event. Stances that answer a notice move no case.
ANSWERS: Final[Mapping[str, str]] = {
    "accepted": "accepted",
    "partly_accepted": "disputed",
    "denied": "disputed",
    "counter_claim": "disputed",
    "not_ours": "disputed",
    "under_inquiry": "under_inquiry",
    "need_information": "under_inquiry",
    "joint_inquiry": "under_inquiry",
}
# Of a notification's links, those that join its case to another.
CASE_LINKS: Final = frozenset({"same_incident", "counter_claim_to", "duplicate_of"})
SUMMARY_FIELDS: Final = ("types", "occurred_from", "occurred_to", "place", "location", "accused", "severity", "provisions")


@dataclass(slots=True)
class Case:
    """One case as folded so far. Times in POSIX seconds; logs by number; parties by slug."""

    key: RefTuple
    notification: Row
    body: Body
    by: str
    answering: frozenset[int]
    state: str = "notified"
    received: tuple[int, str, RefTuple] | None = None
    answered: int | None = None
    stances: dict[str, tuple[str, RefTuple, int]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    counter_claims: list[RefTuple] = field(default_factory=list)
    linked: list[tuple[str, RefTuple]] = field(default_factory=list)
    messages: list[tuple[RefTuple, int, int, str | None]] = field(default_factory=list)

    def move(self, event: str) -> None:
        """Apply an event by the table."""
        self.state = TRANSITIONS.get((self.state, event), self.state)


class Cases:
    """The fold. Feed it every row in record order; `proved(cosignature)` says whether a cosignature that a line check writes down
    verifies over the log as it is held."""

    def __init__(self, channel: Channel, proved: Callable[[Cosignature], bool]) -> None:
        self.channel = channel
        self.cases: dict[RefTuple, Case] = {}
        self._proved = proved
        self._of: dict[RefTuple, tuple[RefTuple, ...]] = {}  # message -> the cases it belongs to
        self._waiting: dict[int, list[Case]] = {}  # log -> its cases that nobody has been proved to have received
        self._seen: dict[int, Mapping[int, int]] = {}  # log -> its newest entry's `seen`

    def feed(self, rows: Iterable[Row]) -> Cases:
        """Fold rows, in record order, into the cases."""
        for one in rows:
            self._fold(one)
        return self

    def of(self, ref: RefTuple) -> RefTuple | None:
        """The key of the (first) case a message belongs to."""
        return next(iter(self._of.get(ref, ())), None)

    def _fold(self, one: Row) -> None:
        ref = (one.log, one.index)
        seen = encoding.sizes(encoding.decode(one.seen))
        if seen != self._seen.get(one.log):
            self._receive_seen(one, seen)
            self._seen[one.log] = seen
        if one.kind not in UNDERSTOOD:
            return
        body = message_of(one).body
        keys = self._cases_of(one, body)
        if one.kind == KINDS["notification"] and one.void is None:
            self._begin(one, body)
            keys = (ref,)
        elif keys:
            self._of[ref] = keys
        for key in keys:
            case = self.cases[key]
            case.messages.append((ref, one.kind, one.time, one.void))
            if one.void is None and one.kind == KINDS["reply"]:
                self._reply(case, one, body)
        if one.void is None and one.kind == KINDS["line_check"]:
            self._receive_written(one, body)

    def _cases_of(self, one: Row, body: Body) -> tuple[RefTuple, ...]:
        """The cases a message refers to, in order of their keys. A notification only links to others, and has its own case."""
        if one.kind == KINDS["notification"] or not _readable(body, self.channel):
            return ()
        found = {key for ref in references(body) for key in self._of.get(ref, ())}
        return tuple(sorted(key for key in found if self.cases[key].body[EXERCISE] == body[EXERCISE]))

    def _begin(self, one: Row, body: Body) -> None:
        ref, own = (one.log, one.index), self.channel.party_of(one.log)
        accused = body.get(27)
        parties = {n for n, party in enumerate(self.channel.charter.parties) if party.role == "party" and n != own}
        answering = frozenset({accused} if isinstance(accused, int) and accused in parties else parties)
        case = Case(ref, one, body, self.channel.party(one.log).slug, answering)
        self.cases[ref] = case
        self._of[ref] = (ref,)
        self._waiting.setdefault(one.log, []).append(case)
        for relation, other in _links(body):
            linked = self.cases.get(other)
            if linked and linked.body[EXERCISE] == body[EXERCISE] and relation in CASE_LINKS:
                case.linked.append((relation, other))
                if relation == "counter_claim_to":
                    linked.counter_claims.append(ref)

    def _receive_seen(self, one: Row, seen: Mapping[int, int]) -> None:
        party = self.channel.party_of(one.log)
        for log in self._waiting:
            if log in seen:
                self._receive(log, seen[log], party, one.time, one)

    def _receive_written(self, one: Row, body: Body) -> None:
        """Rule 4's second proof: cosignatures that a line check writes down, of sizes its writer held."""
        items = body.get(16)
        seen = encoding.sizes(encoding.decode(one.seen))
        for item in items if isinstance(items, list) else []:
            written = _cosignature(item)
            bound = one.index if written.log == one.log else seen.get(written.log, 0)
            if written.by in self.channel.logs and written.size <= bound and self._waits_for(written) and self._proved(written):
                party = self.channel.party_of(written.by)
                self._receive(written.log, written.size, party, written.time, one)

    def _waits_for(self, written: Cosignature) -> bool:
        return any(case.key[1] < written.size for case in self._waiting.get(written.log, ()))

    def _receive(self, log: int, size: int, party: int, time: int, proof: Row) -> None:
        """A party was proved to hold a log's first `size` entries, by its own word since `time`."""
        waiting = self._waiting[log]
        for case in [case for case in waiting if case.key[1] < size and party in case.answering]:
            start = min(max(time, case.notification.time), proof.time)
            case.received = (start, self.channel.charter.parties[party].slug, (proof.log, proof.index))
            case.move("received")
            waiting.remove(case)

    def _reply(self, case: Case, one: Row, body: Body) -> None:
        party = self.channel.party_of(one.log)
        stance = _word(STANCES, body.get(16))
        if party not in case.answering or stance not in ANSWERS:
            return
        slug = self.channel.charter.parties[party].slug
        case.stances[slug] = (stance, (one.log, one.index), one.time)
        case.answered = case.answered if case.answered is not None else one.time
        case.move(ANSWERS[stance])
        shown = show_body(one.kind, body, self.channel)
        for view in ("agreed", "disputed"):
            for name in shown.get(view, ()):
                case.facts.setdefault(name, {})[slug] = view

    # --- As JSON ---

    def ref(self, ref: RefTuple) -> str:
        """`north/12`."""
        return f"{self.channel.log_name(ref[0])}/{ref[1]}"

    def summary(self, case: Case) -> dict[str, Json]:
        """What `ceasewire cases` lists."""
        body = show_body(case.notification.kind, case.body, self.channel)
        received = case.received
        return {
            "ref": self.ref(case.key),
            "state": case.state,
            "exercise": case.body[EXERCISE],
            "by": case.by,
            "time": show_time(case.notification.time),
            **{name: body.get(name) for name in SUMMARY_FIELDS},
            "received": received and {"by": received[1], "time": show_time(received[0]), "proof": self.ref(received[2])},
            "respond_by": show_time(received[0] + self.reply_seconds(case)) if received else None,
            "answered": None if case.answered is None else show_time(case.answered),
            "stances": {
                slug: {"stance": stance, "ref": self.ref(ref), "time": show_time(time)}
                for slug, (stance, ref, time) in sorted(case.stances.items())
            },
        }

    def reply_seconds(self, case: Case) -> int:
        """How long the charter gives for a reply to this notification, from its proof of receipt."""
        precedence = _word(PRECEDENCES, case.body.get(2))
        return self.channel.charter.clocks["reply" if precedence in ("", "routine") else precedence]

    def whole(self, case: Case) -> dict[str, Json]:
        """What `ceasewire case` shows."""
        return {
            **self.summary(case),
            "facts": {name: dict(sorted(views.items())) for name, views in sorted(case.facts.items())},
            "counter_claims": [self.ref(ref) for ref in case.counter_claims],
            "linked": [{"as": relation, "ref": self.ref(ref)} for relation, ref in case.linked],
            "messages": [
                {"ref": self.ref(ref), "kind": kind_name(kind), "time": show_time(time), "void": void}
                for ref, kind, time, void in case.messages
            ],
        }

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases.values())


def _word(words: tuple[str, ...], value: Value) -> str:
    """The word of a code, or "" if the field is absent."""
    return words[value - 1] if isinstance(value, int) and 1 <= value <= len(words) else ""


def _readable(body: Body, channel: Channel) -> bool:
    """Whether the fields that refer to other messages are of their types; a void message's may not be."""
    try:
        for name in ("re", "links"):
            if COMMON[name].number in body:
                COMMON[name].type.check(body[COMMON[name].number], channel)
    except Wrong:
        return False
    return True


def _links(body: Body) -> list[tuple[str, RefTuple]]:
    links = body.get(COMMON["links"].number)
    if not isinstance(links, list):
        return []
    return [(_word(LINKS, link[1]), (link[2][0], link[2][1])) for link in links]  # type: ignore[index,misc]


def _cosignature(item: Value) -> Cosignature:
    """A cosignature as a checked line check writes it down (kinds._LINE_CHECK)."""
    f = encoding.mapping(item)
    return Cosignature(f[1], f[2], f[3], f[4], f[5], f[6])  # type: ignore[arg-type]
