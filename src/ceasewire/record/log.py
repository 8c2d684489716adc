"""Admission: what a receiver checks before it stores and cosigns. PROTOCOL section 8; spec/bundle.md.

Three classes, three outcomes:

1. Integrity. Canonical bytes, contiguous indexes, the root that the log's key signed, time and `seen` not decreasing, nothing
   dated before what it has seen. Broken: `PeerError`, and nothing of the run is taken.
2. Hold. A clock more than ten minutes ahead, the day's quota, a `seen` that has not arrived here. `Held`: the run waits on the
   shelf.
3. Validity. Kind and role, schema, references, releases, a `rest` used before. Broken: the message is admitted and receipted, and
   bears the code of the first rule it breaks, which every node computes alike from the logs alone.

`admit` returns a whole new state or raises; it changes nothing and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from .. import limits
from ..errors import PeerError
from ..tlog.checkpoint import Checkpoint
from . import encoding
from .authority import AMENDMENT, Authority, InForce, check_amendment
from .channel import Channel
from .charter import Charter
from .fields import Wrong
from .kinds import ALWAYS, COMMON, GUARANTOR_NEVER, OBSERVER_KINDS, UNDERSTOOD, check_schema, references
from .message import EXERCISE, RELEASES, Body, Message, row
from .opening import position_of
from .release import STANCE, Asked, needed, opens_log, speaks_of_officers
from .release import check as check_releases
from .values import LogState, Row
from .words import KINDS, LINKS

_REPLY: Final = KINDS["reply"]
_RE, _LINKS = COMMON["re"].number, COMMON["links"].number
_RETRACTING: Final = frozenset(LINKS.index(link) + 1 for link in ("corrects", "withdraws"))
_OWN_ONLY: Final = frozenset({KINDS["correction"], KINDS["withdrawal"]})


class Held(Exception):
    """A run that waits. `code` says why (log.gap, hold.clock, hold.quota, hold.seen)."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class Around(Protocol):
    """What admission must know of the rest of the store."""

    def size(self, log: int) -> int:
        """How many entries of a log are held here and cosigned (of one's own log: written)."""

    def frozen(self, log: int) -> bool:
        """Whether a log showed two histories: then what others have seen of it may be the other one, which never comes here."""

    def time(self, log: int, index: int) -> int:
        """The time of an entry that is held."""

    def rests(self, log: int, rests: Collection[bytes]) -> Mapping[bytes, int]:
        """Of the given `rest` hashes, those already in the log, with their lowest index."""

    def authority(self, channel: Channel) -> Authority:
        """Who may speak: by every row of the kinds in authority.GOVERNING of every log that is not void, and every sight of standing that
        entries show by their `seen` alone. `mark_void` lets it follow what it marks."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What is new: rows, and the state after them."""

    rows: tuple[Row, ...]
    state: LogState


def admit(
    channel: Channel,
    state: LogState,
    messages: Sequence[Message],
    checkpoint: Checkpoint,
    *,
    now: int,
    quota: int,
    around: Around,
    rows: Sequence[Row] | None = None,
) -> Admitted:
    """Admit the messages that follow `state` up to the size of `checkpoint`, whose signature the caller has verified.

    `now` is POSIX seconds; `quota` how many more messages of this log are taken today; `rows` are theirs, if the caller has worked them
    out already. Raises PeerError log.frozen, log.gap,
    log.root, log.time, log.seen, enc.*; Held.
    """
    if state.frozen:
        raise PeerError("log.frozen", state.frozen)
    if state.size + len(messages) != checkpoint.size:
        raise PeerError("log.gap", f"{state.size} held and {len(messages)} given, for a size of {checkpoint.size}")
    _check_order(state, messages, around)
    if rows is None:
        rows = [row(state.number, state.size + n, message) for n, message in enumerate(messages)]
    frontier = state.frontier.extend([one.leaf for one in rows])
    if frontier.root() != checkpoint.root:
        raise PeerError("log.root", f"size {checkpoint.size}")
    _check_holds(state, messages, now, quota, around)
    marked = mark_void(channel, rows, (message.body for message in messages), around)
    last = messages[-1] if messages else None
    after = LogState(state.number, frontier, last.time if last else state.time, last.seen if last else state.seen)
    return Admitted(tuple(marked), after)


def _check_order(state: LogState, messages: Sequence[Message], around: Around) -> None:
    """Time and `seen` do not decrease, and no entry is dated before one it has seen. Raises PeerError log.time, log.seen."""
    time, seen = state.time, state.seen
    for index, message in enumerate(messages, state.size):
        if message.time < time:
            raise PeerError("log.time", f"index {index}")
        if message.seen != seen:
            _check_seen(state.number, index, seen, message, around)
        time, seen = message.time, message.seen


def _check_seen(own: int, index: int, before: Mapping[int, int], message: Message, around: Around) -> None:
    if own in message.seen or any(message.seen.get(log, 0) < size for log, size in before.items()):
        raise PeerError("log.seen", f"index {index}")
    for log, size in message.seen.items():
        if size == before.get(log) or size > around.size(log) or around.frozen(log):
            continue  # what is not here yet is a hold, found later
        if around.time(log, size - 1) > message.time:  # what is here must not be younger than the entry that saw it
            raise PeerError("log.time", f"index {index} is dated before what it has seen")


def _check_holds(state: LogState, messages: Sequence[Message], now: int, quota: int, around: Around) -> None:
    if not messages:
        return
    if len(messages) > quota:
        raise Held("hold.quota", f"{len(messages)} messages, {quota} more today")
    last = messages[-1]  # time and `seen` do not decrease, so the last entry has the latest of both
    if any(size > around.size(log) and not around.frozen(log) for log, size in last.seen.items()):
        raise Held("hold.seen", "")
    ahead = last.time - now
    if ahead > limits.CLOCK_TOLERANCE_SECONDS:
        raise Held("hold.clock", f"{ahead} s ahead")


def mark_void(channel: Channel, rows: Sequence[Row], bodies: Iterable[Body], around: Around) -> list[Row]:
    """The rows, each with the code of the first validity rule it breaks. The rows are consecutive rows of one log."""
    if not rows:
        return []
    authority = around.authority(channel)
    earlier = dict(around.rests(rows[0].log, [one.rest for one in rows]))
    marked = []
    for one, body in zip(rows, bodies, strict=True):
        code = validity(authority, one, body)
        if code is None and earlier.get(one.rest, one.index) < one.index:
            code = "release.reused"
        earlier.setdefault(one.rest, one.index)
        marked.append(replace(one, void=code) if code else one)
        authority.follow(marked[-1])
    return marked


def validity(authority: Authority, one: Row, body: Body, *, schema: bool = True) -> str | None:
    """The code of the first rule that a message breaks by itself where it stands, or None. A kind not known to this version breaks none
    of those about its fields.

    `schema` is False for a body that `read_body` has just made.
    """
    channel, force = authority.channel, authority.of(one)
    code = may_say(channel, force, one, body)
    if code or one.kind not in UNDERSTOOD:
        return code
    try:
        if schema:
            check_schema(one.kind, body, channel)
    except Wrong:
        return "body.schema"
    found = references(body)
    if found and not refer_back(found, {one.log}, one.index, encoding.sizes(encoding.decode(one.seen))):
        return "ref.unknown"
    if not refers_rightly(channel.party_of(one.log), one.kind, body):
        return "ref.party"
    return check_amendment(body, channel.channel_id, force) if one.kind == AMENDMENT else None


def may_say(channel: Channel, force: InForce, one: Row, body: Body) -> str | None:
    """The code of the first rule about who may say what: kind and role, exercise, releases."""
    if not kind_allowed(channel, one.log, one.kind, force.charter):
        return "kind.not_allowed"
    if channel.charter.exercise and body[EXERCISE] is not True:
        return "exercise.mismatch"
    return released(channel, force, one, body)


def released(channel: Channel, force: InForce, one: Row, body: Body) -> str | None:
    """The code of the rule that a message's releases break, or None. Of `one` the log, index, kind, time and `rest` count."""
    field = body[RELEASES]
    if not force.asked and not speaks_of_officers(one.kind, body):
        return "release.unknown" if field != [] else None
    asked = Asked(channel.channel_id, one.log, one.kind, one.rest)
    try:
        count, recovered = check_releases(asked, field, force.officers, channel.party(one.log).recovery, one.time)
    except PeerError as error:
        return error.code
    if recovered or opens_log(one.log, one.index, one.kind, body):
        return None
    return "release.missing" if count < officers_needed(force, one.kind, body) else None


def officers_needed(force: InForce, kind: int, body: Body) -> int:
    """How many officers must release a message of a party."""
    of_officers = speaks_of_officers(kind, body)
    if not force.asked and not of_officers:
        return 0
    return max(needed(force.charter.releases, kind, body.get(STANCE)), int(of_officers))


def kind_allowed(channel: Channel, log: int, kind: int, charter: Charter | None = None) -> bool:
    """Whether a charter (of the channel's if none is given, the one that all signed) lets the log's party send the kind."""
    role = channel.party(log).role
    if kind in ALWAYS:
        return True
    if role == "observer" and kind not in OBSERVER_KINDS:
        return False
    if role == "guarantor" and kind in GUARANTOR_NEVER:
        return False
    return kind in (charter or channel.charter).kinds


def refers_rightly(party: int, kind: int, body: Body) -> bool:
    """Whether a party's checked message refers to whose it may: what it corrects or withdraws are its own, what it replies to others'."""
    named = {position_of(log) for log, _ in references({_RE: body[_RE]})} if _RE in body else set()
    if (kind in _OWN_ONLY and named - {party}) or (kind == _REPLY and party in named):
        return False
    links = body.get(_LINKS, [])
    retracted = [link for link in links if isinstance(link, dict) and link.get(1) in _RETRACTING] if isinstance(links, list) else []
    return all(position_of(log) == party for log, _ in references({_LINKS: list(retracted)}))


def refer_back(found: Sequence[tuple[int, int]], own: Collection[int], index: int, seen: Mapping[int, int]) -> bool:
    """Whether each reference (log, index) of an entry is below its own `index` in its `own` log, or below what it saw of another."""
    return all(at < (index if log in own else seen.get(log, 0)) for log, at in found)


def least_time(clock: int, state: LogState, own_last_cosignature: int, seen: Mapping[int, int], time_of: Callable[[int, int], int]) -> int:
    """The time a new entry bears: max(clock, previous entry's, own last cosignature's, every entry's in `seen`). PROTOCOL section
    5."""
    return max(clock, state.time, own_last_cosignature, *(time_of(log, size - 1) for log, size in seen.items()))
