"""Our own checkpoints, submitted to the witnesses of the charter: the client's side of C2SP tlog-witness. spec/witness.md.

After each line check of ours, and at each `sync`, a witness is shown the newest checkpoint of our log, and of the logs that ours follows,
also where nothing is new in them: what a cosignature says is that nothing was, up to its time. What comes back is verified against
the charter's key and kept like a receipt: it rides to the other side, and the next line check writes it down.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from .. import limits
from ..errors import CeasewireError, LocalError, PeerError
from ..node import witnessing
from ..node.composing import address
from ..node.exchange import Exchange
from ..node.heard import OwnChecks
from ..node.witnessing import Submission
from ..record.fields import Json
from ..tlog import witness
from .client import explaining, open_session
from .hub import Hub
from .line import LineStatus
from .logs import Log, open_log
from .urls import Target, check_url

ANSWER_SECONDS: Final = 10.0
FIRST_SECONDS: Final = 3.0  # so long after a restart a peer's word waits for that of the witnesses
LEAST_PAUSE_SECONDS: Final = 1.0
MOST_PAUSE_SECONDS: Final = 600.0
_DOUBLINGS: Final = 12
_TEXT: Final = "text/plain; charset=utf-8"
_OTHER_SIZE: Final = int(witness.Status.OTHER_SIZE)
_UNDERSTOOD: Final = (witness.Status.COSIGNED, witness.Status.NOT_CONSISTENT)

_random = random.SystemRandom()


def pause_seconds(attempts: int) -> float:
    """How long to wait after so many failures in a row: anything up to 1 s, doubled each time, at most 10 minutes (full jitter)."""
    return _random.uniform(0, min(MOST_PAUSE_SECONDS, LEAST_PAUSE_SECONDS * 2 ** min(attempts - 1, _DOUBLINGS)))


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What came of showing a witness our logs: the size of our log that it has cosigned, or why it has not."""

    witness: str
    size: int
    error: str | None = None

    def as_json(self) -> dict[str, Json]:
        """For the control socket."""
        return {"witness": self.witness, "size": self.size, "error": self.error}


class Submitter:
    """Submits to one witness of the charter, number `place`. Made and used in one event loop; `close` at the end."""

    def __init__(self, hub: Hub, place: int, tls_ca: Path | None, log: Log) -> None:
        self.named = hub.node.channel.charter.witnesses[place]
        self.by = -1 - place
        self.status = LineStatus()
        self.asked = asyncio.Event()  # it was shown what is due, once, or could not be reached
        self.shown: dict[int, int] = {}  # log of ours -> the index of our last line check when it was cosigned
        self.hub = hub
        self._tls_ca = tls_ca
        self._log = log.bind(witness=self.by)
        self._target: Target | None = None
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def show(self, log: int) -> None:
        """Have the newest checkpoint of a log of ours cosigned, and keep what comes of it. Does nothing for a log without one.

        Raises LocalError net.*, disk.failed; PeerError witness.*, sig.*, hold.clock of the answer.
        """
        submission = await self.hub.run(witnessing.submission, self.hub.node, log, self.by)
        if submission is None:
            return
        status, body = await self._post(submission)
        if status == _OTHER_SIZE:  # followed once: a witness that says so again and again would keep us at it
            submission = await self.hub.run(witnessing.follow, self.hub.node, submission, body)
            if submission is None:
                return
            status, body = await self._post(submission)
        if status == witness.Status.COSIGNED:
            await self.hub.run(witnessing.keep, self.hub.node, submission, body)
        else:
            await self.hub.run(witnessing.refused, self.hub.node, submission, status, body)

    async def _post(self, submission: Submission) -> tuple[int, bytes]:
        """The answer's status, 200, 409 or 422 as tlog-witness says them, and its body. Raises LocalError net.*, file.unreadable."""
        if self._session is None or self._target is None:
            self._target = await self.hub.run(self._find)
            self._session = open_session(self._target, self._tls_ca, self._warn)
        with explaining():
            async with asyncio.timeout(ANSWER_SECONDS):
                headers = {"Content-Type": _TEXT, "Accept-Encoding": "identity"}
                request = self._session.post(self._target.url, data=submission.body, headers=headers, allow_redirects=False)
                async with request as answer:
                    return await _read(answer)

    def _find(self) -> Target:
        node = self.hub.node
        return check_url(address(node, node.own), self.named.url, witness.PATH)

    def _warn(self, warning: str | None) -> None:
        if warning is not None and warning != self.status.warning:
            self._log.warning("tls.dates", detail=warning)
        self.status.warning = warning

    # --- How it goes ---

    def well(self) -> None:
        """It cosigned all that it was shown."""
        if self.status.attempts:
            self._log.info("witness.up", attempts=self.status.attempts)
            self.status = LineStatus(warning=self.status.warning)

    def failed(self, code: str, detail: str) -> None:
        """It did not, or could not be reached."""
        status = self.status
        if status.since is None:
            status.since = int(time.time())
        if status.code != code:
            self._log.warning("witness.down", code=code, detail=detail)
        status.code, status.detail, status.attempts = code, detail, status.attempts + 1


async def _read(answer: aiohttp.ClientResponse) -> tuple[int, bytes]:
    """Raises LocalError net.refused for any status but 200, 422, and 409 with a size."""
    if 300 <= answer.status < 400:
        raise LocalError("net.refused", f"it redirects ({answer.status})")
    sized = (answer.status, answer.content_type) == (_OTHER_SIZE, witness.SIZE_TYPE)
    if answer.status not in _UNDERSTOOD and not sized:
        raise LocalError("net.refused", f"status {answer.status}")
    if "Content-Encoding" in answer.headers:
        raise LocalError("net.refused", "http.type")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > limits.WITNESS_ANSWER_BYTES:
            raise LocalError("net.refused", f"an answer of more than {limits.WITNESS_ANSWER_BYTES} bytes")
    return answer.status, bytes(body)


async def _show_all(submitter: Submitter, logs: list[int]) -> None:
    """Every log, whatever comes of the others; then the first error is raised."""
    errors: list[CeasewireError] = []
    for log in logs:
        try:
            await submitter.show(log)
        except (LocalError, PeerError) as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _called(hub: Hub) -> list[int]:
    """The witnesses that have an address, by their place in the charter."""
    return [place for place, one in enumerate(hub.node.channel.charter.witnesses) if one.url]


class Witnesses:
    """The witnesses of one node that is served. Made and used in one event loop."""

    def __init__(self, hub: Hub, tls_ca: Path | None, log: Log) -> None:
        self._hub = hub
        self._own = OwnChecks(hub.node)  # in the node's thread alone
        self._submitters = [Submitter(hub, place, tls_ca, log) for place in _called(hub)]
        hub.exchange.confirming.awaits_witnesses = bool(self._submitters) and hub.node.unsure is not None

    def calls(self) -> dict[str, Json]:
        """How our calls to each go, by its name in the charter."""
        return {one.named.name: one.status.as_json() for one in self._submitters}

    async def run(self) -> None:
        """Until cancelled."""
        if not self._submitters:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            for one in self._submitters:
                group.create_task(self._keep(one))
            group.create_task(self._first_words())

    async def _first_words(self) -> None:
        """After a restart, let a peer confirm our log when every witness has said whether it knows more, or is slow or away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                for one in self._submitters:
                    await one.asked.wait()
        with suppress(CeasewireError):  # the disk failed: the peer's next bundle confirms
            await self._hub.run(self._hub.exchange.confirming.witnesses_asked)

    async def _keep(self, submitter: Submitter) -> None:
        """Show one witness what it has not seen, whenever there is something."""
        news = asyncio.Event()
        self._hub.listeners.append(news.set)
        try:
            while True:
                news.clear()
                try:
                    checked, due = await self._hub.look(self._due, submitter)
                    if due:
                        await _show_all(submitter, due)
                        submitter.shown |= dict.fromkeys(due, checked)
                        submitter.well()
                    submitter.asked.set()
                    await news.wait()
                except CeasewireError as error:
                    submitter.failed(error.code, error.detail)
                    submitter.asked.set()
                    await self._pause(submitter, news)
        finally:
            self._hub.listeners.remove(news.set)
            await submitter.close()

    async def _pause(self, submitter: Submitter, news: asyncio.Event) -> None:
        """After a failure, until it is time, or a line check of ours has come."""
        loop = asyncio.get_running_loop()
        until = loop.time() + pause_seconds(submitter.status.attempts)
        checked = await self._hub.look(self._own.newest)
        while (left := until - loop.time()) > 0:
            news.clear()
            try:
                await asyncio.wait_for(news.wait(), left)
            except TimeoutError:
                return
            if await self._hub.look(self._own.newest) != checked:
                return

    def _due(self, submitter: Submitter) -> tuple[int, list[int]]:
        """The index of our last line check, and our logs that the witness is to be shown. One whose clock is behind ours has not cosigned
        since then, by what it says, and is not shown the same again and again. In the node's thread."""
        newest = self._own.newest()
        checked = newest[0] if newest else -1
        due = witnessing.due(self._hub.node, submitter.by, newest)
        return checked, [log for log in due if submitter.shown.get(log) != checked]


async def show_once(hub: Hub, tls_ca: Path | None, log: Log) -> list[Witnessed]:
    """Show every witness all our logs, once and all at a time, also where nothing is new. What fails is in the report."""
    return list(await asyncio.gather(*(_show_one(Submitter(hub, place, tls_ca, log)) for place in _called(hub))))


async def _show_one(submitter: Submitter) -> Witnessed:
    hub, error = submitter.hub, None
    try:
        await _show_all(submitter, await hub.run(witnessing.own_logs, hub.node))
    except CeasewireError as failed:
        error = failed.code
    finally:
        await submitter.close()
    return Witnessed(submitter.named.name, await hub.run(_covered, hub, submitter.by), error)


def show(exchange: Exchange, tls_ca: Path | None = None, *, log: Log | None = None) -> list[Witnessed]:
    """`show_once` without a server. Blocks; the caller holds the node's lock."""

    async def all_of_them() -> list[Witnessed]:
        hub = Hub(exchange)
        try:
            return await show_once(hub, tls_ca, log or open_log())
        finally:
            hub.close()

    return asyncio.run(all_of_them())


def _covered(hub: Hub, by: int) -> int:
    return hub.node.store.covered(hub.node.own).get(by, 0)
