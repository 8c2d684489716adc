"""What a bulletin is counted from: a period of the record, its corrections applied, its exercise told from its actual. docs/bulletin.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from ..record.conviction import NOT_STANDING, TWO_FACES
from ..record.notation import Json, parse_time, show_time

Said = Mapping[str, Any]  # a message as `ceasewire list` shows it
EARLIER: Final = ("line_check", "acknowledgement", "channel_status", "notice")  # kinds that matter long after they were sent
_LIGHT: Final = frozenset({"line_check", "acknowledgement"})  # of these only who and when


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` on, before `end`: POSIX seconds. The period before is as long."""

    start: int
    end: int

    @property
    def before(self) -> Period:
        """The period of equal length that ends where this one starts."""
        return Period(max(0, 2 * self.start - self.end), self.start)

    def holds(self, time: int) -> bool:
        """Whether a time lies in it."""
        return self.start <= time < self.end

    def as_json(self) -> dict[str, Json]:
        """Both ends, in UTC."""
        return {"from": show_time(self.start), "to": show_time(self.end)}


@dataclass(frozen=True, slots=True)
class Channel:
    """What a bulletin says of its channel. `party_of`: log's name -> party's slug; `owing`: logs that still owe line checks, with the
    time from which on; `clocks` in seconds, 0 for none."""

    head: Mapping[str, Json]
    exercise: bool
    parties: Mapping[str, Mapping[str, str]]
    zones: Mapping[str, str]
    clocks: Mapping[str, int]
    party_of: Mapping[str, str]
    owing: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """A log up to its size. `held`: party -> how many of its first entries that party's own entries of before the period's end show."""

    log: str
    size: int
    root: str
    held: Mapping[str, int]


@dataclass(slots=True)
class Message:
    """One message that stands, its corrections applied to `body`. `time` in POSIX seconds."""

    ref: str
    kind: str
    time: int
    by: str
    body: dict[str, Any]

    @property
    def log(self) -> str:
        """The name of its log."""
        return self.ref.rpartition("/")[0]

    @property
    def index(self) -> int:
        """Its place in its log."""
        return int(self.ref.rpartition("/")[2])


@dataclass(slots=True)
class Facts:
    """All that was said before the end of the period, in record order."""

    channel: Channel
    period: Period
    exercise: bool
    messages: list[Message] = field(default_factory=list)
    withdrawn: dict[str, str] = field(default_factory=dict)  # message -> the withdrawal
    sent: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)  # log -> index, time, kind, whatever it says
    void: int = 0  # messages of the period that are void
    other: int = 0  # messages of the period that belong in the other bulletin, of exercises or of what is actual
    last: int = 0  # the time of the record's newest message

    def of(self, *kinds: str) -> list[Message]:
        """Messages of some kinds, by the end of the period."""
        return [one for one in self.messages if one.kind in kinds]

    def within(self, *kinds: str) -> list[Message]:
        """Messages of some kinds, in the period."""
        return [one for one in self.of(*kinds) if self.period.holds(one.time)]

    @property
    def end(self) -> int:
        """The end of the period, or of the record, if that comes first: what follows it nobody can have missed."""
        return min(self.period.end, self.last)


def gather(channel: Channel, period: Period, said: Iterable[Said], *, exercise: bool, last: int) -> Facts:
    """Take messages into facts, in record order: all from the start of the period before on, and of `EARLIER` all. `last` is the time
    of the record's newest message; those given may show a later one."""
    facts = Facts(channel, period, exercise, last=last)
    by_ref: dict[str, Message] = {}
    for one in said:
        time = parse_time(one["time"])
        facts.last = max(facts.last, 0 if one["void"] == TWO_FACES else time)
        if time < period.end:
            _take(facts, one, time, by_ref)
    return facts


def _take(facts: Facts, one: Said, time: int, by_ref: dict[str, Message]) -> None:
    kind, body = one["kind"], one["body"]
    log, _, index = one["ref"].rpartition("/")
    now = facts.period.holds(time)
    if one["void"] not in NOT_STANDING:  # else it was written in a log that its party had given up, or that showed two histories
        facts.sent.setdefault(log, []).append((int(index), time, kind))
    if one["void"] is not None:
        facts.void += now and one["void"] != TWO_FACES  # of which other nodes may hold more, or fewer
        return
    if body.get("exercise") is not facts.exercise:
        facts.other += now and kind not in _LIGHT
        return
    kept = {"watch": body.get("watch") is True} if kind in _LIGHT else dict(body)
    message = Message(one["ref"], kind, time, facts.channel.party_of[log], kept)
    facts.messages.append(message)
    if kind not in _LIGHT:
        by_ref[message.ref] = message
    for ref in refs(body):
        target = by_ref.get(ref)
        if target is None or target.by != message.by:
            continue
        if kind == "withdrawal":
            facts.withdrawn.setdefault(ref, message.ref)
        if kind == "correction" and body.get("of", target.kind) == target.kind:
            target.body |= body.get("fields") or {}
            for name in body.get("removed") or ():
                target.body.pop(name, None)


def refs(body: Mapping[str, Any]) -> list[str]:
    """The messages that `re` names."""
    found = body.get("re")
    return [found] if isinstance(found, str) else list(found or ())


class Alleged:
    """The notifications that a bulletin counts, those of the period apart from those of the one before."""

    def __init__(self, facts: Facts, *, historical: bool) -> None:
        self.facts = facts
        chosen = [one for one in facts.of("notification") if (one.body.get("historical") is True) is historical]
        self.now = [one for one in chosen if facts.period.holds(one.time)]
        self.before = [one for one in chosen if facts.period.before.holds(one.time)]

    @cached_property
    def standing(self) -> list[Message]:
        """Those of the period that were not withdrawn by its end."""
        return [one for one in self.now if one.ref not in self.facts.withdrawn]

    @cached_property
    def standing_before(self) -> list[Message]:
        """The same of the period before."""
        return [one for one in self.before if one.ref not in self.facts.withdrawn]
