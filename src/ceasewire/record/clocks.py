"""The clocks of messages that ask something: one pass over all of them. spec/case.md, "Clocks".

1. A message that asks has a clock of so many seconds. It starts at the first proof in the record that an answering party received it.
2. Of one asking party, at most so many run at any second; exercise and actual are counted apart. The others wait: the most urgent
   precedence first, then in order of receipt. The next starts at the second in which one ends, or the one after it was due.
3. A clock ends by an answer, by the withdrawal of what asked, by closing or by merging. What ends while it waits has none.
4. A new date holds from when the asker accepted it. Accepted after the old date has passed, it moves the date and takes no place back.

The record has no clock, so a start that waits for a due date is the date at which it starts at the latest: an answer may bring it
forward, never back. Nothing here knows whether a time has come; `state_at` is for whoever has a clock.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .order import Place, RefTuple

URGENCY: Final = {"flash": 0, "immediate": 1, "priority": 2, "routine": 3}
Span: TypeAlias = tuple[int, int | None]  # from, until (None: for good); POSIX seconds, `until` is no part of it


@dataclass(frozen=True, slots=True)
class Ask:
    """What one asking message brings to the pass. Times in POSIX seconds.

    `by` is the asker's position, `precedence` as its word, `received` the start that its receipt gives and `proof` the place of that
    proof. `ended` is when it was answered, withdrawn, closed or merged, None: not. `dates` are new dates with the times at which the
    asker accepted them, in record order.
    """

    ref: RefTuple
    by: int
    exercise: bool
    precedence: str
    received: int
    proof: Place
    seconds: int
    ended: int | None = None
    dates: tuple[tuple[int, int], ...] = ()  # (accepted at, new date)

    @property
    def rank(self) -> tuple[int, int, Place, RefTuple]:
        """Who of those that wait goes first."""
        return URGENCY[self.precedence], self.received, self.proof, self.ref


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock as the pass gives it. `start` and `due` are None where it ended before it started; `behind` is the message whose end or
    lapse let it start, None if it waited for none."""

    ask: Ask
    start: int | None
    due: int | None
    behind: RefTuple | None = None

    def state_at(self, now: int) -> str:
        """answered (ended, by whatever it was), queued, running or overdue at `now`, POSIX seconds."""
        if self.ask.ended is not None and self.ask.ended <= now:
            return "answered"
        if self.start is None or self.due is None or now < self.start:
            return "queued"
        return "running" if now <= self.due else "overdue"


@dataclass(slots=True)
class _Queue:
    """The clocks of one asking party, exercise or actual: the simulation of rule 2."""

    most: int
    clocks: dict[RefTuple, Clock] = field(default_factory=dict)
    running: list[tuple[int, RefTuple]] = field(default_factory=list)  # when its place is free again
    waiting: list[tuple[tuple[int, int, Place, RefTuple], Ask]] = field(default_factory=list)
    free: list[RefTuple] = field(default_factory=list)  # whose places became free, and are not taken again yet

    def run(self, asks: Sequence[Ask]) -> None:
        """All of them; sorted by when they were received."""
        for n, ask in enumerate(asks):
            heapq.heappush(self.waiting, (ask.rank, ask))
            if n + 1 == len(asks) or asks[n + 1].received != ask.received:
                self._release(ask.received)
                self._start(ask.received)
                self._until(asks[n + 1].received if n + 1 < len(asks) else None)

    def _until(self, end: int | None) -> None:
        """What happens before `end` without a new arrival."""
        while self.running and self.waiting and (end is None or self.running[0][0] < end):
            now = self.running[0][0]
            self._release(now)
            self._start(now)

    def _release(self, now: int) -> None:
        while self.running and self.running[0][0] <= now:
            self.free.append(heapq.heappop(self.running)[1])

    def _start(self, now: int) -> None:
        while self.waiting and len(self.running) < self.most:
            _, ask = heapq.heappop(self.waiting)
            if ask.ended is not None and ask.ended <= now and ask.received < now:
                self.clocks[ask.ref] = Clock(ask, None, None)
                continue
            behind = self.free.pop() if self.free and now > ask.received else None
            due, lapse = _dates(ask, now)
            self.clocks[ask.ref] = Clock(ask, now, due, behind)
            heapq.heappush(self.running, (lapse + 1 if ask.ended is None else min(lapse + 1, ask.ended), ask.ref))
        if not self.waiting:
            self.free.clear()


def _dates(ask: Ask, start: int) -> tuple[int, int]:
    """When a clock that starts at `start` is due, and when it first lapsed (rule 4)."""
    due = lapse = start + ask.seconds
    for accepted, new in ask.dates:
        due = max(start, new)
        if accepted <= lapse:
            lapse = due
    return due, lapse


def run(asks: Iterable[Ask], most: int) -> dict[RefTuple, Clock]:
    """The clocks of all asks, of every party, by their messages; `most` run at once for each asking party."""
    queues: dict[tuple[int, bool], list[Ask]] = {}
    for ask in asks:
        queues.setdefault((ask.by, ask.exercise), []).append(ask)
    found: dict[RefTuple, Clock] = {}
    for of_one in queues.values():
        queue = _Queue(most)
        queue.run(sorted(of_one, key=lambda ask: (ask.received, ask.rank)))
        found |= queue.clocks
    return found


def fell_due_within(due: int | None, ended: int | None, spans: Sequence[Span]) -> bool:
    """Whether a clock that had not ended fell due while the channel was suspended; `spans` as `Suspensions.spans`."""
    if due is None or (ended is not None and ended <= due):
        return False
    place = bisect_right(spans, due, key=lambda span: span[0]) - 1
    return place >= 0 and ((until := spans[place][1]) is None or due < until)


@dataclass(slots=True)
class Suspensions:
    """When the channel was suspended, by its `channel_status` messages: fed in record order, exercise and actual apart.

    A party's suspension holds from its message's time, or the later `from` it names, until the `until` it names or its own next
    suspension, resumption or end. An end holds for good. Nobody suspends what lies before its own message.
    """

    _spans: dict[int, list[Span]] = field(default_factory=dict)

    def feed(self, party: int, time: int, status: str, start: int | None, until: int | None) -> None:
        """One message of a party or guarantor."""
        if status == "contact":
            return
        begins = max(time, start or time)
        spans = self._spans.setdefault(party, [])
        if spans and (spans[-1][1] is None or spans[-1][1] > begins):
            spans[-1] = (spans[-1][0], max(begins, spans[-1][0]))
        if status in ("suspension", "end"):
            spans.append((begins, until if status == "suspension" else None))

    @property
    def spans(self) -> list[Span]:
        """When one party or another had suspended it: in order, and none touching the next."""
        found: list[Span] = []
        for start, until in sorted((one for of_one in self._spans.values() for one in of_one), key=lambda one: one[0]):
            last = found[-1] if found else (-1, -1)
            if last[1] is None or start <= last[1]:
                found[-1] = (last[0], None if last[1] is None or until is None else max(last[1], until))
            elif until is None or until > start:
                found.append((start, until))
        return found
