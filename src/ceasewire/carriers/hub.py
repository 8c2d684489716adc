"""A node that runs: the one thread in which its calls happen, and who waits for what is new in it.

The event loop never waits for the disk or for a signature: each call of the node goes to its one thread. What changes there is told to
the loop, which wakes the peers' waiting polls and our own lines. Both look for themselves whether it concerns them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, ParamSpec, TypeVar

from ..errors import LocalError
from ..node.exchange import Composed, Exchange
from ..node.taking import Received
from .turns import ANYONE, LOOK, OWN, Turns

P = ParamSpec("P")
T = TypeVar("T")

POLLS_PER_PEER: Final = 2
_ANSWERED_AT_ONCE: Final = 4
_FEW_MESSAGES: Final = 64
AT_ONCE: Final = 8  # requests of one peer at the same time: its polls, what it pushes, and some more
AT_ONCE_BY_ANYONE: Final = 32
RECEIPT_SECONDS: Final = 3.0  # so long after an answered poll its receipt is waited for, before the messages are pushed
RECEIPT_SECONDS_PER_MESSAGE: Final = 0.002
OTHER_WAY_SECONDS: Final = 0.1  # so long a receipt of ours waits for a bundle that goes anyway, before it answers a poll by itself
THIRD_SECONDS: Final = 1.0  # so long what is new of a third log waits for its writer to bring it, before we say that we hold it


@dataclass(frozen=True, slots=True)
class Taken:
    """A bundle taken, and its answer: None if there is nothing to say yet. `changes` is how many there had been then."""

    received: Received
    echo: bytes
    answer: Composed | None
    changes: int


@dataclass(eq=False, slots=True)
class Poll:
    """A peer's request that waits for its answer."""

    peer: int
    echo: bytes
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False
    answer: Composed | None = None  # composed where the news was made


@dataclass(slots=True)
class Waiting:
    """What is not worth an answer of its own yet: by when each must be said, by the loop's clock."""

    by: dict[str, float] = field(default_factory=dict)

    def until(self, what: str, when: float | None) -> None:
        """It must be said by `when`, or by the earlier time that was set; None: it need not be said any more."""
        if when is None:
            self.by.pop(what, None)
        else:
            self.by.setdefault(what, when)

    def left(self, now: float) -> float | None:
        """Seconds until the first must be said, 0 if it is time; None: nothing waits."""
        return max(0.0, min(self.by.values()) - now) if self.by else None


class Busy(Exception):
    """A source has as much work here as it may have. `seconds`: when to come again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Hub:
    """One node that runs. Made and used in one event loop, but for `_on_change`."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.node = exchange.node
        self.failed: str | None = None  # code of the last write that failed, until one succeeds
        self.pen_failed: str | None = None  # the same of the pen, whose file is another
        self.listeners: list[Callable[[], None]] = []
        self.changes = 0
        self.closing = False
        self._loop = asyncio.get_running_loop()
        self.turns = Turns("node")
        self._keys = {key.key_id: key.peer for key in self.node.store.fresh_keys()}
        self._polls: dict[int, list[Poll]] = {}
        self._patience: dict[int, float] = {}
        self._told: dict[int, dict[int, int]] = {}  # peer -> cosigner -> how much of the peer's log our newest bundle to it receipts
        self._heads: dict[int, dict[int, int]] = {}  # peer -> what our newest bundle to it says that we hold
        self._at_once: dict[int, int] = {}  # source -> bundles of it that are being read or taken
        self._large: dict[int, asyncio.Semaphore] = {}
        exchange.breathe = self.turns.breathe
        self.node.on_change.append(self._on_change)

    @property
    def health(self) -> str:
        """`ok`, or the code for which this node does not do its work."""
        return self.node.closed or self.node.unsure or self.failed or self.pen_failed or "ok"

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something of the node in its thread, before what peers ask of it. Raises what it raises."""
        return await self.run_for(OWN, call, *args, **kwargs)

    async def look(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what reads a little of the node and mostly finds nothing to do, before what peers ask of it. No peer rests because there may
        soon be another. Raises what it raises."""
        return await self.run_for(LOOK, call, *args, **kwargs)

    async def run_for(self, source: int, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something of the node in its thread, in the turn of a peer's log or of turns.ANYONE. Raises what it raises."""
        try:
            return await asyncio.wrap_future(self.turns.submit(source, partial(call, *args, **kwargs)), loop=self._loop)
        except LocalError as error:
            self.blame(error)
            raise

    def blame(self, error: Exception) -> None:
        """A call failed with this; if it is the disk that failed, this node is not well until something is written again."""
        if isinstance(error, LocalError) and error.code in {"disk.failed", "store.damaged"}:
            self.failed = error.code

    def close(self) -> None:
        """Let the thread end after the call that it is at."""
        self.node.on_change.remove(self._on_change)
        self.turns.close()

    @contextmanager
    def place(self, source: int) -> Iterator[None]:
        """A place for one request of a source, from its first bytes until its answer has gone. Raises Busy."""
        most = AT_ONCE_BY_ANYONE if source == ANYONE else AT_ONCE
        if self._at_once.get(source, 0) >= most:
            raise Busy(max(1.0, self.turns.rest(source)))
        self._at_once[source] = self._at_once.get(source, 0) + 1
        try:
            yield
        finally:
            self._at_once[source] -= 1

    def large(self, source: int) -> asyncio.Semaphore:
        """Room for the large bundles of a source: one after the other, so that they take no more memory than one."""
        return self._large.setdefault(source, asyncio.Semaphore(2 if source == ANYONE else 1))

    def source(self, key_id: bytes) -> int:
        """Whose turn a bundle takes, by the sealing key that it came to: the log that alone was given it, or turns.ANYONE. Known before
        anything is opened, so that nobody's bundles wait behind another's."""
        return self._keys.get(key_id, ANYONE)

    # --- What is new ---

    def _on_change(self) -> None:
        """Called by the node after each commit, in whatever thread committed."""
        self.changes += 1
        self.failed = None
        if self.turns.is_here() and not self._answer_polls():
            # What is at hand mostly ends in a bundle for a peer, and the loop would take turns with it, one instruction at a time.
            self.turns.afterwards(self._tell)
        else:
            self._tell()

    def _tell(self) -> None:
        """Have the loop wake whoever waits for something new. From any thread."""
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            self._loop.call_soon_threadsafe(self._wake)

    def _answer_polls(self) -> bool:
        """Compose the answer to a poll of each peer that lacks a few messages, here and now: two changes of threads sooner than it would
        come to it. Whether there was one. In the node's thread."""
        answered = False
        for peer, polls in list(self._polls.items())[:_ANSWERED_AT_ONCE]:
            poll = next((one for one in polls if not (one.over or one.answer)), None)
            spans = self.exchange.spans(peer) if poll else []
            if poll and spans and not self.node.closed and sum(span.stop - span.start for span in spans) <= _FEW_MESSAGES:
                poll.answer = self._answer(peer, poll.echo)
                answered = True
        return answered

    def _wake(self) -> None:
        for polls in self._polls.values():
            for poll in polls:
                poll.news.set()
        for call in self.listeners:
            call()

    def due(self, peer: int) -> bool:
        """Whether we hold something that the peer lacks. In the node's thread."""
        return bool(self.exchange.spans(peer))

    def composed(self, peer: int) -> None:
        """A bundle for the peer was composed just now, which bears all our receipts. In the node's thread."""
        self._keys = {key.key_id: key.peer for key in self.node.store.fresh_keys()}
        self._told[peer] = dict(self.node.store.covered(peer))
        self._heads[peer] = {log: state.size for log, state in self.node.store.states().items()}

    def ahead(self, peer: int) -> bool:
        """Whether we hold more of a third log than the peer says it holds, or receipts of third parties for its own, and no bundle to it
        has said so. It asks for what it lacks, as a party does of a guarantor when another keeps messages from it. In the node's thread."""
        told = self._told.get(peer, {})
        if any(by not in (peer, self.node.own) and size > told.get(by, 0) for by, size in self.node.store.covered(peer).items()):
            return True
        known = self.node.store.peers().get(peer)
        heads, said = known.heads if known else {}, self._heads.get(peer, {})
        held = self.node.store.states()
        third = [log for log in held if log not in (peer, self.node.own)]
        return any(held[log].size > max(heads.get(log, 0), said.get(log, 0)) for log in third)

    # --- A peer's requests ---

    def take(self, data: bytes, *, hold: bool) -> Taken:
        """Receive a bundle, and compose the answer unless it may wait and has nothing to say. In the node's thread.

        One that is not fresh may be a stranger's replay. It is answered at once, and nobody relies on its sender having the answer.

        Raises as Exchange.receive and Exchange.compose.
        """
        received = self.receive(data)
        sender, echo = received.sender, hashlib.sha256(data).digest()
        if received.receipts:
            self._patience.pop(sender, None)
        brought = received.messages or received.again or received.held or received.refused
        changes = self.changes
        answer = None
        if not received.fresh:
            answer = self.exchange.compose(sender, echo=echo)
        elif brought or not hold or self.due(sender):
            answer = self._answer(sender, echo)
        return Taken(received, echo, answer, changes)

    def receive(self, data: bytes) -> Received:
        """As Exchange.receive, which it is; what brings nothing new is counted against whoever sent it. In the node's thread."""
        received = self.exchange.receive(data)
        if not (received.messages or received.receipts):
            self.turns.useless()
        return received

    def _answer(self, peer: int, echo: bytes) -> Composed:
        answer = self.exchange.compose(peer, echo=echo)
        self.composed(peer)
        if answer.messages:
            patience = RECEIPT_SECONDS + RECEIPT_SECONDS_PER_MESSAGE * answer.messages
            self._patience[peer] = self._loop.time() + patience
        return answer

    async def hold(self, taken: Taken, seconds: float) -> Composed:
        """The answer to a poll: as soon as there is something for the peer, or after so many seconds. Raises as Exchange.compose."""
        peer = taken.received.sender
        poll = Poll(peer, taken.echo)
        polls = self._polls.setdefault(peer, [])
        too_many = len(polls) + 1 - POLLS_PER_PEER
        for older in polls[: max(0, too_many)]:
            older.over = True
            older.news.set()
        polls.append(poll)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news_for(poll, taken.changes)
            # It is one of the polls until its answer is composed, so that no line pushes what it will bear.
            return poll.answer if poll.answer is not None else await self.run_for(peer, self._answer, peer, taken.echo)
        finally:
            polls.remove(poll)

    async def _news_for(self, poll: Poll, seen: int) -> None:
        """Until we hold something that the peer lacks. `seen`: how many changes were looked at."""
        news = Waiting()
        await self.run_for(poll.peer, self._minor, poll.peer, news)
        while not (poll.over or self.closing or poll.answer):
            if self.changes == seen:
                try:
                    await asyncio.wait_for(poll.news.wait(), news.left(self._loop.time()))
                except TimeoutError:
                    if await self.run_for(poll.peer, self._minor, poll.peer, news):
                        return
            if poll.answer:
                return
            poll.news.clear()
            seen = self.changes
            if await self.run_for(poll.peer, self.due, poll.peer):
                return
            await self.run_for(poll.peer, self._minor, poll.peer, news)

    def _minor(self, peer: int, news: Waiting) -> bool:
        """Whether something that no other bundle has borne in its time must be said now. In the node's thread."""
        now = self._loop.time()
        for what, holds, seconds in (("receipt", self._untold(peer), OTHER_WAY_SECONDS), ("third", self.ahead(peer), THIRD_SECONDS)):
            news.until(what, now + seconds if holds else None)
        return news.left(now) == 0

    def _untold(self, peer: int) -> bool:
        """Whether we have a receipt for the peer that no bundle to it has borne."""
        own = self.node.own
        return self.node.store.covered(peer).get(own, 0) > self._told.get(peer, {}).get(own, 0)

    def end_polls(self) -> None:
        """Answer every poll now, and hold none from now on."""
        self.closing = True
        self._wake()

    def patience(self, peer: int) -> float:
        """For how many seconds a message for the peer should not be pushed, since a poll of its carries it."""
        if self._polls.get(peer):
            return RECEIPT_SECONDS
        return self._patience.get(peer, 0.0) - self._loop.time()
