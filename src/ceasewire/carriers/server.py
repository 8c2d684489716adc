"""What others reach over HTTP: `POST /exchange` and `GET /health`. Request and answer of an exchange are bundles; an error is JSON,
`{"code", "message"}`, with nothing of this node in it.

    200  the answer          403  another channel, recipient or sender       413  too large
    400  damaged             409  sealed to a key that is gone               415  not application/octet-stream
    408  too slow            503  this node cannot take or sign anything now
    429  too much at once of one peer's: come again after the seconds of Retry-After
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Final

from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import CODES, CeasewireError, LocalError, PeerError
from ..exchange.bundle import BUNDLE_BYTES, HEADER_BYTES, Header
from ..limits import POLL_SECONDS
from ..node.exchange import Composed
from .client import CONTENT_TYPE, LEAST_BYTES_PER_SECOND
from .hub import Busy, Hub, Taken
from .logs import Log

BODY_SECONDS: Final = 11.0  # a body may be so far behind LEAST_BYTES_PER_SECOND, and nothing may be missing for longer
BODY_MOST_SECONDS: Final = 1800.0  # and no more than this in all: the largest at 9 KiB/s
BODIES_AT_ONCE: Final = 32
BUSY_SECONDS: Final = 1.0  # before whoever comes too often is told so
SMALL_BODY_BYTES: Final = 64 * 1024  # up to here a body needs no place among them

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_STATUS: Final = {
    "bundle.size": 413,
    "http.type": 415,
    "bundle.channel": 403,
    "bundle.recipient": 403,
    "bundle.signature": 403,
    "log.unknown": 403,
    "bundle.key_gone": 409,
}
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")


class Exchanges:
    """The exchange of every node that this process serves. `named`: whether `/health` may name them, as it may where all are of one
    channel; else whoever reaches the process would learn of channels that are not his, and how they are."""

    def __init__(self, hubs: Sequence[Hub], log: Log, *, named: bool = True) -> None:
        self._named = named
        self._hubs = {(hub.node.channel.channel_id, hub.node.own): hub for hub in hubs}
        self._channels = {channel for channel, _ in self._hubs}
        self._bodies = asyncio.Semaphore(BODIES_AT_ONCE)
        self._log = log

    def routes(self) -> list[Route]:
        """`POST /exchange`, `GET /health`."""
        return [Route("/exchange", self._exchange, methods=["POST"]), Route("/health", self._health, methods=["GET"])]

    async def _health(self, _: Request) -> Response:
        if not self._named:
            return JSONResponse({"ok": True})
        nodes = [{"party": hub.node.channel.party(hub.node.own).slug, "health": hub.health} for hub in self._hubs.values()]
        well = all(node["health"] == "ok" for node in nodes)
        return JSONResponse({"ok": well, "nodes": nodes}, 200 if well else 503)

    async def _exchange(self, request: Request) -> Response:
        wait = _wait(request)
        try:
            with ExitStack() as places:
                hub, source, body = await self._read(request, places)
                taken = await hub.run_for(source, hub.take, body, hold=wait > 0 and not hub.closing)
                answer = taken.answer or await _held(hub, taken, wait, request)
                # The place is given back when the answer has gone: those who do not read theirs must not fill the memory.
                return Response(answer.data, media_type=CONTENT_TYPE, background=_when_gone(places.pop_all()))
        except Busy as busy:
            await asyncio.sleep(BUSY_SECONDS)  # who does not heed the answer is slowed by it all the same
            return _error(429, "net.busy", busy.seconds)
        except (TimeoutError, ClientDisconnect):
            return _error(408, "bundle.truncated")
        except CeasewireError as error:
            return _error(_status(error), error.code)
        except Exception as error:  # a defect of ours; its text may hold what a peer wrote
            self._log.error("exchange.defect", kind=type(error).__name__)
            return _error(503, "net.refused")

    async def _read(self, request: Request, places: ExitStack) -> tuple[Hub, int, bytes]:
        """The body, whose it is, and in whose turn it will be taken, which its first bytes say: a stranger who does not know the channel is
        not read to the end. `places` are given back when it is taken."""
        headers = request.headers
        if headers.get("content-type", "").strip().lower() != CONTENT_TYPE or "content-encoding" in headers:
            raise LocalError("http.type")
        if int(headers.get("content-length", "0")) > BUNDLE_BYTES:
            raise PeerError("bundle.size")
        body, found, placed = bytearray(), None, False
        clock = asyncio.get_running_loop().time
        latest = clock() + BODY_MOST_SECONDS
        async with asyncio.timeout(BODY_SECONDS) as deadline:
            async for chunk in request.stream():
                body += chunk
                if found is None and len(body) >= HEADER_BYTES:
                    found = self._place(bytes(body[:HEADER_BYTES]), places)
                if len(body) > BUNDLE_BYTES:
                    raise PeerError("bundle.size")
                if found and not placed and len(body) > SMALL_BODY_BYTES:
                    placed = True
                    for room in (found[0].large(found[1]), self._bodies):
                        await room.acquire()
                        places.callback(room.release)
                # Who was fast earns no right to fall silent: what is left is never more than at the beginning.
                left = (deadline.when() or 0) + len(chunk) / LEAST_BYTES_PER_SECOND
                deadline.reschedule(min(latest, left, clock() + BODY_SECONDS))
        hub, source = found or self._place(bytes(body), places)
        return hub, source, bytes(body)

    def _place(self, head: bytes, places: ExitStack) -> tuple[Hub, int]:
        """Whose a bundle is, by its header, and a place for it. Raises PeerError bundle.*; Busy."""
        header = Header.decode(head)
        hub = self._hub(header)
        source = hub.source(header.key_id)
        places.enter_context(hub.place(source))
        return hub, source

    def _hub(self, header: Header) -> Hub:
        if header.channel_id not in self._channels:
            raise PeerError("bundle.channel")
        hub = self._hubs.get((header.channel_id, header.recipient))
        if hub is not None:
            return hub
        for (channel_id, own), other in self._hubs.items():  # the log may have been rotated, and the sender not know it yet
            if channel_id == header.channel_id and header.recipient in other.node.channel.before(own):
                return other
        raise PeerError("bundle.recipient")


def _when_gone(places: ExitStack) -> BackgroundTask:
    async def give_back() -> None:
        places.close()

    return BackgroundTask(give_back)


async def _held(hub: Hub, taken: Taken, wait: int, request: Request) -> Composed:
    """The answer to a poll, when there is one."""
    held = asyncio.create_task(hub.hold(taken, wait))
    gone = asyncio.ensure_future(request.receive())  # after the body, the next thing that comes is that the client went away
    try:
        await asyncio.wait({held, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not held.done():
            raise ClientDisconnect
        return held.result()
    finally:
        gone.cancel()  # it ends by itself: the answer does not wait for it
        if not held.done():
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)


def _wait(request: Request) -> int:
    """The seconds of `Prefer: wait=N` (RFC 7240), within our bound."""
    found = _WAIT.search(request.headers.get("prefer", ""))
    return min(int(found[1]), POLL_SECONDS) if found else 0


def _status(error: CeasewireError) -> int:
    return _STATUS.get(error.code, 503 if isinstance(error, LocalError) else 400)


def _error(status: int, code: str, seconds: float = 5) -> Response:
    headers = {"Retry-After": str(math.ceil(seconds))} if status in (429, 503) else {}
    # What was not read of the request is not waited for.
    headers["Connection"] = "close"
    return JSONResponse({"code": code, "message": CODES[code].sentence}, status, headers)


def secured(app: ASGIApp, log: Log) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The app with the security headers on whatever it answers, and 503 where it breaks: a 500 would say less."""

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def add(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await app(scope, receive, add)
        except Exception as error:  # a defect of ours, or a store that cannot be read
            code = error.code if isinstance(error, LocalError) else "net.refused"
            log.error("page.failed", kind=type(error).__name__, code=code)
            if begun:
                raise
            await _error(503, code)(scope, receive, add)

    return with_headers
