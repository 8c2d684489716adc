"""Whose turn it is in a node's one thread: our own acts first, then whoever has taken least of its time. docs/decisions/0019.

Each piece of work is done for a source: ourselves (OWN), ourselves when we only look whether something is due (LOOK), the log of a peer,
or whoever uses the key that is in our card (ANYONE). The time that it takes is measured. A source that has used up its credit waits,
while others have work, as long as its work took, and nine times as long if that brought nothing. Long work calls `breathe` every few
microseconds: work of others that is due is done there and then, so that nobody waits for a large bundle's end, and the waiting is done
there too.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

T = TypeVar("T")

OWN: Final = -1
ANYONE: Final = -2
LOOK: Final = -3  # comes first too, but nobody waits because there may soon be another
_OURS: Final = (OWN, LOOK)
CREDIT_SECONDS: Final = 0.3  # of work that a source may have ahead of its share
CREDIT_PER_SECOND: Final = 0.1  # the share that never waits
USEFUL_REST: Final = 1.0  # how long a source waits for each second of work, while others have work
USELESS_REST: Final = 9.0
BUSY_SECONDS: Final = 1.0  # after its last work, another source is still taken to have some
BREATH_SECONDS: Final = 0.0005  # between two looks for what is more urgent
_LOOK_SECONDS: Final = 0.05
_FADES_SECONDS: Final = 10.0  # in which what a source took counts a third


@dataclass(slots=True)
class _Source:
    tasks: deque[_Task] = field(default_factory=deque)
    used: float = 0.0  # seconds of work, fading
    used_at: float = 0.0
    wasted: float = 0.0  # of these, seconds of work that brought nothing; fading too
    credit: float = CREDIT_SECONDS
    credit_at: float = 0.0
    rests_until: float = 0.0
    worked_at: float = -math.inf

    def taken(self, now: float) -> float:
        """How much of the time it has had lately."""
        return self.used * self.faded(now)

    def left(self, now: float) -> float:
        """Seconds of work for which it need not wait."""
        return min(CREDIT_SECONDS, self.credit + CREDIT_PER_SECOND * (now - self.credit_at))

    def faded(self, now: float) -> float:
        """What is left of what was counted last."""
        return math.exp((self.used_at - now) / _FADES_SECONDS)

    def rest(self) -> float:
        """How long it waits for each second of work of which nobody knows yet what it brings: by what it brought before."""
        return USEFUL_REST + (USELESS_REST - USEFUL_REST) * (self.wasted / self.used if self.used else 0.0)


@dataclass(slots=True)
class _Task:
    source: int
    call: Callable[[], Any]
    done: Future[Any]
    began: float = 0.0
    inner: float = 0.0  # seconds of others' work that was done within it, and of waiting
    rested: float = 0.0  # seconds of waiting
    paced: float = 0.0  # up to how many seconds of its own work it has waited
    useless: bool = False
    behind: list[Callable[[], None]] = field(default_factory=list)  # to be called when it is over


class Turns:
    """The thread and who waits for it. Any thread may call `submit` and `rest`; `breathe`, `useless` and `afterwards` are for within a
    task."""

    def __init__(self, name: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._sources: dict[int, _Source] = {}
        self._news = threading.Condition()
        self._queued = 0
        self._stack: list[_Task] = []
        self._breathes_at = 0.0
        self._ending = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, source: int, call: Callable[[], T]) -> Future[T]:
        """Have a call made in the thread. Raises RuntimeError after `close`."""
        task = _Task(source, call, Future())
        with self._news:
            if self._ending:
                raise RuntimeError("the node is closed")
            self._sources.setdefault(source, _Source(credit_at=self._clock())).tasks.append(task)
            self._queued += 1
            self._news.notify()
        return task.done

    def rest(self, source: int) -> float:
        """For how many seconds no work of a source will be begun."""
        known = self._sources.get(source)
        return max(0.0, known.rests_until - self._clock()) if known else 0.0

    def is_here(self) -> bool:
        """Whether the caller is in the thread."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """End after the call that is being made; what waits is cancelled."""
        with self._news:
            self._ending = True
            for source in self._sources.values():
                for task in source.tasks:
                    task.done.cancel()
                source.tasks.clear()
            self._news.notify()
        if not self.is_here():
            self._thread.join()

    # --- In the thread ---

    def breathe(self) -> None:
        """Do what is more urgent than the work at hand, if there is any."""
        now = self._clock()
        if now < self._breathes_at or not self._stack or not self.is_here():
            return
        at_hand = self._stack[-1]
        inner = at_hand.inner
        until = now + self._pause(at_hand, now)
        while (task := self._wait_until(until)) is not None:
            self._do(task)
        self._breathes_at = self._clock() + BREATH_SECONDS
        if until > now:
            rested = self._clock() - now - (at_hand.inner - inner)
            at_hand.rested += rested
            at_hand.inner += rested

    def _pause(self, task: _Task, now: float) -> float:
        """How long work at hand waits: as its source would, had it ended here."""
        source, spent = self._sources[task.source], now - task.began - task.inner
        if task.source in _OURS or spent < source.left(now) or not self._others_busy(task.source, now):
            return 0.0
        fresh, task.paced = spent - task.paced, spent
        return fresh * source.rest()

    def _wait_until(self, until: float) -> _Task | None:
        """What is more urgent than the work at hand, if it comes before then."""
        with self._news:
            while not self._ending:
                if task := self._next():
                    return task
                left = until - self._clock()
                if left <= 0:
                    return None
                self._news.wait(left)
        return None

    def useless(self) -> None:
        """The work at hand brought nothing new."""
        if self._stack and self.is_here():
            self._stack[-1].useless = True

    def afterwards(self, call: Callable[[], None]) -> None:
        """Make a call when the work at hand is over and whoever waits for it has been told; once, however often it is asked for."""
        if call not in self._stack[-1].behind:
            self._stack[-1].behind.append(call)

    def _work(self) -> None:
        while task := self._wait():
            self._do(task)

    def _wait(self) -> _Task | None:
        """The next piece of work; None at the end."""
        with self._news:
            while not self._ending:
                if task := self._next():
                    return task
                self._news.wait(self._until_rested())
        return None

    def _until_rested(self) -> float | None:
        """After how many seconds to look again, though nothing new has come: what waits belongs to sources that rest."""
        now = self._clock()
        rested = min((one.rests_until - now for one in self._sources.values() if one.tasks), default=None)
        return None if rested is None else min(max(rested, 0.0005), _LOOK_SECONDS)

    def _next(self) -> _Task | None:
        """What is to be done now: of a source that is not at work already, has taken least and does not rest."""
        with self._news:
            at_work = {task.source for task in self._stack}
            if not at_work.isdisjoint(_OURS):
                return None
            for ours in map(self._sources.get, _OURS):
                if ours and ours.tasks:
                    return self._pop(ours)
            now = self._clock()
            ready = [one for number, one in self._sources.items() if one.tasks and number not in at_work and self._rested(number, one, now)]
            if not ready:
                return None
            least = min(ready, key=lambda one: one.taken(now))
            if self._stack and least.taken(now) >= min(self._taken(task, now) for task in self._stack):
                return None
            return self._pop(least)

    def _taken(self, task: _Task, now: float) -> float:
        """What the source of a piece of work at hand has had of the time, that work included."""
        return self._sources[task.source].taken(now) + now - task.began - task.inner

    def _pop(self, source: _Source) -> _Task:
        self._queued -= 1
        return source.tasks.popleft()

    def _rested(self, number: int, source: _Source, now: float) -> bool:
        return now >= source.rests_until or not self._others_busy(number, now)

    def _others_busy(self, number: int, now: float) -> bool:
        return any(
            other not in (number, LOOK) and (one.tasks or now - one.worked_at < BUSY_SECONDS) and one.rests_until <= now
            for other, one in self._sources.items()
        )

    def _do(self, task: _Task) -> None:
        if not task.done.set_running_or_notify_cancel():
            return
        task.began = self._clock()
        self._stack.append(task)
        try:
            result = task.call()
        except BaseException as error:
            task.useless = True
            self._account(task)
            task.done.set_exception(error)
        else:
            self._account(task)
            task.done.set_result(result)
        for call in task.behind:
            call()

    def _account(self, task: _Task) -> None:
        self._stack.pop()
        now = self._clock()
        spent = now - task.began
        for outer in self._stack[-1:]:
            outer.inner += spent
        spent -= task.inner
        source = self._sources[task.source]
        source.wasted = source.wasted * source.faded(now) + (spent if task.useless else 0.0)
        source.used, source.used_at, source.worked_at = source.taken(now) + spent, now, now
        left = source.left(now) - spent
        source.credit, source.credit_at = max(0.0, left), now
        if task.source not in _OURS and left < 0:
            rest = spent * (USELESS_REST if task.useless else USEFUL_REST) - task.rested
            source.rests_until = now + max(0.0, rest)
