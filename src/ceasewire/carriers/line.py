"""The line to one peer that has an address: keeps one request waiting there, and posts at once what is new here.

1. Talk until neither side has anything new.
2. Keep one poll at the peer's server: it is answered when the peer has something for us, and our next poll bears our receipts.
3. Something new here: if a poll of the peer waits at our server, that one carries it. Otherwise, or if no receipt comes of it, a second
   request carries it at once.
4. Whatever fails ends the turn. The next one begins after a pause that grows, and at once when we have a new message.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ..errors import CeasewireError, LocalError, PeerError
from ..limits import POLL_SECONDS
from ..node.composing import address
from ..node.exchange import Composed, Exchange, Report
from ..record.fields import Json, show_time
from .client import Client, Later
from .hub import THIRD_SECONDS, Hub
from .logs import Log, open_log
from .urls import Target, check_url

LEAST_PAUSE_SECONDS: Final = 0.2
MOST_PAUSE_SECONDS: Final = 60.0
EARLY_SECONDS: Final = 0.5  # a new message of ours ends a pause, but no attempt comes sooner after the one before
NO_PROGRESS_SECONDS: Final = 5.0  # the longest pause between polls that are answered at once and bring nothing new
LEAST_KNOCK_SECONDS: Final = 1.0  # between two looks whether a peer that was out of reach can be reached
MOST_KNOCK_SECONDS: Final = 3.0
_KNOCK_DOUBLINGS: Final = 5
STEADY_SECONDS: Final = 60.0  # a line that was well for so long may raise an alarm again
_DOUBLINGS: Final = 10

_random = random.SystemRandom()


def pause_seconds(attempts: int) -> float:
    """How long to wait after so many failures in a row: anything up to 0.2 s, doubled each time, at most 60 s (full jitter)."""
    most = LEAST_PAUSE_SECONDS * 2 ** min(attempts - 1, _DOUBLINGS)
    return _random.uniform(0, min(MOST_PAUSE_SECONDS, most))


@dataclass(slots=True)
class LineStatus:
    """Of the line to a peer: since when (POSIX seconds) and with which code it fails, after how many attempts; what to warn of."""

    since: int | None = None
    code: str | None = None
    detail: str | None = None
    attempts: int = 0
    warning: str | None = None

    def as_json(self) -> dict[str, Json]:
        """For the status, with `since` in RFC 3339."""
        return {**asdict(self), "since": None if self.since is None else show_time(self.since)}


class Line:
    """To one peer with a URL."""

    def __init__(self, hub: Hub, peer: int, tls_ca: Path | None, log: Log, url: str | None = None) -> None:
        """`url`: where to call it, in the place of the address that its party gave."""
        self.hub = hub
        self.peer = peer
        self.status = LineStatus()
        self._log = log.bind(line=hub.node.channel.logs[peer].slug)
        self._tls_ca = tls_ca
        self._url = url
        self._news = asyncio.Event()
        self._knocked = asyncio.Event()
        self._knocked_in_vain = 0
        self._client: Client | None = None
        self._idle = 0
        self._following: tuple[tuple[int, int], Composed] | None = None  # the next poll, composed already
        self._stuck: dict[int, int] = {}  # log -> from where on the last talk did not get further with it
        self._stuck_until = 0.0
        self._ahead_since: float | None = None
        self._attempted = 0.0
        self._not_before = 0.0  # the peer asked us not to come sooner
        self._alarmed = self._said_down = False
        self._well_since: float | None = None

    # --- For ever ---

    async def run(self) -> None:
        """Until cancelled."""
        self.hub.listeners.append(self._news.set)
        try:
            while True:
                try:
                    await self._turns()
                except CeasewireError as error:
                    self._failed(error.code, error.detail)
                    if isinstance(error, Later):
                        self._not_before = self._now() + error.seconds
                except Exception as error:  # a defect of ours must not cut the line for ever
                    self._failed("net.unreachable", type(error).__name__)
                await self._pause()
        finally:
            self.hub.listeners.remove(self._news.set)
            await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _turns(self) -> None:
        self._following = None
        await self.talk()
        polling = asyncio.create_task(self._keep_polling())
        try:
            while not polling.done():
                await self._push_or_wait(polling)
            await polling
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)

    async def _keep_polling(self) -> None:
        """One poll after the other in one task: the next one, which bears our receipts, leaves before anything else is looked at."""
        while True:
            await self._poll()

    async def _push_or_wait(self, polling: asyncio.Task[None]) -> None:
        """Push what is due, or else wait until polling fails, something is new, or it is time to push."""
        self._news.clear()
        wait = await self._until_push()
        if wait is not None and wait <= 0:
            await self.talk()
            return
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait({polling, news}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    async def _until_push(self) -> float | None:
        """In how many seconds to push; None when nothing is due."""
        due, ahead = await self.hub.run_for(self.peer, self._look)
        if not due:
            return self._until_told(ahead)
        stuck = self._stuck_until - self._now() if all(start <= self._stuck.get(log, -1) for log, start in due.items()) else 0
        return max(stuck, self.hub.patience(self.peer))

    def _until_told(self, ahead: bool) -> float | None:
        """In how many seconds to say what we hold of third logs, unless a poll of the peer's carries it; None when it knows."""
        if not ahead:
            self._ahead_since = None
            return None
        self._ahead_since = self._now() if self._ahead_since is None else self._ahead_since
        return max(self._ahead_since + THIRD_SECONDS - self._now(), self.hub.patience(self.peer))

    def _look(self) -> tuple[dict[int, int], bool]:
        """What is due, and, if nothing is, whether we hold more of third logs than the peer knows. In the node's thread."""
        due = self._due()
        return due, not due and self.hub.ahead(self.peer)

    def _due(self) -> dict[int, int]:
        """Log -> where that begins which the peer lacks of it. In the node's thread."""
        return {span.log: span.start for span in self.hub.exchange.spans(self.peer)}

    async def _poll(self) -> None:
        """One waiting request, and its answer taken. If it brings nothing new at once, a pause, so as not to ask in circles."""
        began = self._now()
        following, self._following = self._following, None
        before, composed = following if following is not None else await self.hub.run_for(self.peer, self._compose_poll)
        answer = await self._post(composed.data, POLL_SECONDS)
        moved = await self.hub.run_for(self.peer, self._take_answer, answer, before)
        self._well()
        if moved or self._now() - began > 1:
            self._idle = 0
        else:
            self._idle += 1
            await asyncio.sleep(min(NO_PROGRESS_SECONDS, LEAST_PAUSE_SECONDS * 2 ** min(self._idle, _DOUBLINGS)))

    def _compose_poll(self) -> tuple[tuple[int, int], Composed]:
        """A bundle without our messages: those are pushed. It bears our receipts and wants."""
        own = self.hub.node.own
        composed = self.hub.exchange.compose(self.peer, covered={own: self.hub.node.store_size(own)})
        self.hub.composed(self.peer)
        return _totals(self.hub, self.peer), composed

    def _take_answer(self, answer: bytes, before: tuple[int, int]) -> bool:
        """Take what answers a poll; whether it brought something new. If so the next poll, which bears our receipts, is composed at once.
        In the node's thread."""
        self.hub.receive(answer)
        moved = before != _totals(self.hub, self.peer)
        if moved:
            self._following = self._compose_poll()
        return moved

    # --- Once ---

    async def talk(self) -> Report:
        """Exchange until neither has anything new. Raises LocalError net.*, log.closed, disk.failed; PeerError of an answer."""
        before = await self.hub.run_for(self.peer, self._due)
        try:
            report = await self._talk()
        except CeasewireError as error:
            if not await self.hub.run_for(self.peer, self._forgot_key, error):
                raise
            report = await self._talk()
        self._well()
        # What the peer does not take (a hold, say) is not sent again in circles, and keeps no other log waiting.
        due = await self.hub.run_for(self.peer, self._due)
        self._stuck = {log: start for log, start in due.items() if start <= before.get(log, -1)}
        self._stuck_until = self._now() + NO_PROGRESS_SECONDS + pause_seconds(_DOUBLINGS)
        return report

    def _forgot_key(self, error: CeasewireError) -> bool:
        """Whether it may go better now: a sealing key of theirs is gone, so seal to the standing one; or one of ours, and our next bundle
        tells them so; or they do not know our log, and it is introduced."""
        if "log.unknown" in (error.code, error.detail) and isinstance(error, LocalError):
            return self.hub.exchange.introduce(self.peer)
        if "bundle.key_gone" not in (error.code, error.detail):
            return False
        if isinstance(error, LocalError):
            self.hub.exchange.forget_fresh_key(self.peer)
        return True

    async def _talk(self) -> Report:
        talk = self.hub.exchange.talk(self.peer)
        step = await self.hub.run_for(self.peer, self._advance, talk, None)
        while not isinstance(step, Report):
            step = await self.hub.run_for(self.peer, self._advance, talk, await self._post(step, 0))
        return step

    def _advance(self, talk: Generator[bytes, bytes, Report], answer: bytes | None) -> bytes | Report:
        """The talk's next bundle, or its report. In the node's thread."""
        try:
            data = next(talk) if answer is None else talk.send(answer)
        except StopIteration as end:
            report: Report = end.value
            return report
        self.hub.composed(self.peer)
        return data

    async def _post(self, data: bytes, wait: int) -> bytes:
        self._attempted = self._now()
        if self._client is None:
            target = await self.hub.run_for(self.peer, self._target)
            if self._client is None:  # the poll and a push may both have asked
                self._client = Client(target, self._tls_ca, self._warn)
        return await self._client.post(data, wait)

    def _target(self) -> Target:
        node = self.hub.node
        return check_url(address(node, node.own), self._url or address(node, self.peer))

    # --- How it goes ---

    def _warn(self, warning: str | None) -> None:
        if warning is not None and warning != self.status.warning:
            self._log.warning("tls.dates", detail=warning)
        self.status.warning = warning

    def _well(self) -> None:
        now = self._now()
        self._knocked_in_vain = 0
        if self.status.attempts:
            if self._said_down:  # a relapse that was not told needs no second end
                self._log.info("line.up", attempts=self.status.attempts)
            self._said_down = False
            self.status = LineStatus(warning=self.status.warning)
        if self._well_since is None:
            self._well_since = now
        elif now - self._well_since > STEADY_SECONDS:
            self._alarmed = False

    def _failed(self, code: str, detail: str) -> None:
        status = self.status
        if status.since is None:
            status.since = int(time.time())
        status.code, status.detail = code, detail
        status.attempts += 1
        if not self._alarmed:  # one alarm an outage, and a line that comes and goes is one outage
            self._log.warning("line.down", code=code, detail=detail)
            self._said_down = True
        self._alarmed, self._well_since = True, None

    async def _pause(self) -> None:
        """After a failure, until it is time, we have a new message, or the peer can be reached again."""
        until = max(self._not_before, self._now() + pause_seconds(self.status.attempts))
        knocking = asyncio.create_task(self._knock(until)) if self.status.code == "net.unreachable" else None
        try:
            await self._pause_until(until)
        finally:
            if knocking is not None:
                knocking.cancel()
                await asyncio.gather(knocking, return_exceptions=True)

    async def _knock(self, until: float) -> None:
        """Try whether the peer can be reached, from time to time and without asking for anything, until the pause is over."""
        while self._client is not None and self._now() < until:
            often = 2 ** min(self._knocked_in_vain, _KNOCK_DOUBLINGS)
            await asyncio.sleep(_random.uniform(LEAST_KNOCK_SECONDS, MOST_KNOCK_SECONDS) * often)
            if await self._client.reachable():
                self._knocked_in_vain += 1  # until a talk goes well
                self._knocked.set()
                self._news.set()
                return

    async def _pause_until(self, until: float) -> None:
        self._knocked.clear()
        size = await self.hub.run_for(self.peer, self.hub.node.store_size, self.hub.node.own)
        while (left := until - self._now()) > 0:
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                return
            self._news.clear()
            if self._knocked.is_set():
                return
            if await self.hub.run_for(self.peer, self.hub.node.store_size, self.hub.node.own) > size:
                until = max(self._not_before, min(until, self._attempted + EARLY_SECONDS))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


# --- By itself, without a server ---


async def talk_once(hub: Hub, peer: int, tls_ca: Path | None, log: Log, url: str | None = None) -> Report:
    """One talk with a peer, whose failure is in the report: net.url for a peer without a URL. `url`: see Line."""
    names = hub.node.channel.logs[peer]
    if not (url or await hub.run(address, hub.node, peer)):
        return Report(names.slug, error="net.url")
    line = Line(hub, peer, tls_ca, log, url)
    before = await hub.run(_totals, hub, peer)
    try:
        return await line.talk()
    except (LocalError, PeerError) as error:
        after = await hub.run(_totals, hub, peer)  # what earlier bundles of this talk have done stays done
        return Report(names.slug, 0, after[0] - before[0], after[1] - before[1], error.code)
    finally:
        await line.close()


def _totals(hub: Hub, peer: int) -> tuple[int, int]:
    """How much of the peer's log is here, and how much of ours it has receipted."""
    node = hub.node
    return node.store_size(peer), node.store.covered(node.own).get(peer, 0)


@contextmanager
def _hub(exchange: Exchange) -> Iterator[Hub]:
    hub = Hub(exchange)
    try:
        yield hub
    finally:
        hub.close()


def sync(
    exchange: Exchange, peers: list[int] | None, tls_ca: Path | None = None, *, log: Log | None = None, url: str | None = None
) -> list[Report]:
    """Talk once with each of the peers, or with all. Blocks; the caller holds the node's lock. Errors are in the reports. `url` as of
    Line."""

    async def all_of_them() -> list[Report]:
        with _hub(exchange) as hub:
            chosen = exchange.peers() if peers is None else peers
            return [await talk_once(hub, peer, tls_ca, log or open_log(), url) for peer in chosen]

    return asyncio.run(all_of_them())
