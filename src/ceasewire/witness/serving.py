"""What others reach of a witness over HTTP: C2SP tlog-witness. spec/witness.md.

    POST /add-checkpoint          200, 400, 403, 404, 409, 422 as the specification says; 408 too slow, 413 too large, 415 coded
    GET  /<hash of origin>/checkpoint   the last checkpoint that was cosigned of a log; 404
    GET  /                        who this is, as plain text

Bad input is never answered with 5xx, and never with more than a sentence.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router

from .. import limits
from ..carriers import listening
from ..carriers.logs import Log, open_log
from ..carriers.server import secured
from ..carriers.tls import server_context
from ..errors import LocalError, PeerError
from ..tlog import witness
from ..tlog.note import VerifierKey
from ..tlog.witness import Signer, Status
from .keys import WitnessKey
from .ledger import Cosigned, Ledger
from .place import Place

BODY_SECONDS: Final = 10.0
CONNECTIONS: Final = 512
_TEXT: Final = "text/plain; charset=utf-8"
_ORIGIN_BYTES: Final = 255  # ML-DSA-44 cosignatures have room for no longer one
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_SAID: Final = {
    Status.MALFORMED: "the old size is above the checkpoint's",
    Status.NOT_SIGNED: "no valid signature by a key that this witness trusts for the log, or one by such a key that is not valid",
    Status.UNKNOWN_LOG: "this witness does not know the log",
    Status.NOT_CONSISTENT: "the proof does not lead from what was cosigned last to this checkpoint",
}


def _say(status: int, text: str) -> Response:
    return Response(f"{text}\n", status, media_type=_TEXT)


def _keys(key: WitnessKey, origin: str) -> list[tuple[VerifierKey, Signer]]:
    """What a log of that origin can be cosigned with."""
    both = [(key.ed25519, key.sign_ed25519), (key.mldsa44, key.sign_mldsa44)]
    return both if len(origin.encode()) <= _ORIGIN_BYTES else both[:1]


class Witnessing:
    """The routes of one witness. `clock` gives POSIX seconds. Cosigning happens in one thread: the loop never waits for it."""

    def __init__(self, key: WitnessKey, ledger: Ledger, log: Log, clock: Callable[[], float]) -> None:
        self._key = key
        self._ledger = ledger
        self._log = log
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="witness")

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(witness.PATH, self._add, methods=["POST"]),
            Route("/{log}/checkpoint", self._checkpoint, methods=["GET"]),
            Route("/", self._about, methods=["GET"]),
        ]

    def close(self) -> None:
        """Let the thread end after the request that it is at."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _add(self, request: Request) -> Response:
        if "content-encoding" in request.headers:
            return _say(415, "no content coding is taken")
        length = request.headers.get("content-length", "0")
        if not _DIGITS.fullmatch(length) or int(length) > limits.WITNESS_REQUEST_BYTES:
            return self._not_read(413, f"more than {limits.WITNESS_REQUEST_BYTES} bytes")
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > limits.WITNESS_REQUEST_BYTES:
                        return self._not_read(413, f"more than {limits.WITNESS_REQUEST_BYTES} bytes")
        except (TimeoutError, ClientDisconnect):
            return self._not_read(408, "the request did not come in time")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, bytes(body))

    @staticmethod
    def _not_read(status: int, text: str) -> Response:
        answer = _say(status, text)
        answer.headers["Connection"] = "close"
        return answer

    def _answer(self, body: bytes) -> Response:
        """In the witness's thread. Nothing leaves before what it says is durable."""
        try:
            asked = witness.Request.parse(body)
        except PeerError as error:
            return _say(Status.MALFORMED, f"{error.message} [{error.code}]")
        keys = self._ledger.keys(asked.head.origin)
        status = witness.admit(asked, keys)
        own = witness.signed_by(asked.head, asked.lines, keys)
        found = Cosigned(status)
        if status == Status.COSIGNED:
            found = self._ledger.cosign(asked, own, _keys(self._key, asked.head.origin), self._clock)
        if found.status == Status.COSIGNED:
            return Response(found.body, media_type=_TEXT)
        if found.status == Status.OTHER_SIZE:
            # As a header, since a media type of text would be given a charset, and clients compare it whole.
            return Response(witness.size_body(found.size), found.status, {"Content-Type": witness.SIZE_TYPE})
        if found.status == Status.NOT_CONSISTENT:  # the one answer that may mean a log shows two histories
            self._log.warning("witness.not_consistent", size=asked.head.size, old=asked.old)
        return _say(found.status, _SAID[found.status])

    async def _checkpoint(self, request: Request) -> Response:
        name = str(request.path_params["log"])
        run = asyncio.get_running_loop().run_in_executor
        found = await run(self._thread, self._ledger.checkpoint, name) if _HASH.fullmatch(name) else None
        return _say(404, "no checkpoint of such a log was cosigned") if found is None else Response(found, media_type=_TEXT)

    async def _about(self, _: Request) -> Response:
        return _say(200, f"A C2SP tlog-witness.\n{self._key.ed25519.text()}\n{self._key.mldsa44.text()}")


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve: the socket that listens, the TLS context to serve with, what gives POSIX seconds."""

    listener: socket.socket
    context: ssl.SSLContext | None = None
    clock: Callable[[], float] = time.time


def run(place: Place, *, listen: str, tls_cert: Path | None, tls_key: Path | None, say: Callable[[str], None]) -> None:
    """Serve a witness at HOST:PORT until SIGTERM or SIGINT. `say` is told its name and URL when it answers.

    Raises LocalError witness.*, node.locked, pen.*, store.*, disk.failed, usage, file.unreadable.
    """
    if (tls_cert is None) != (tls_key is None):
        raise LocalError("usage", "--tls-cert and --tls-key go together")
    context = server_context(tls_cert, tls_key) if tls_cert and tls_key else None
    key = place.key()
    with ExitStack() as stack:
        stack.enter_context(place.locked())
        ledger = stack.enter_context(place.ledger())
        options = Options(stack.enter_context(listening.bind(listen)), context)
        with asyncio.Runner(loop_factory=listening.Loop) as runner:
            runner.run(serve(key, ledger, options, asyncio.Event(), lambda url: say(f"Ceasewire: witness {key.name} on {url}")))


async def serve(key: WitnessKey, ledger: Ledger, options: Options, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve until `stop` is set, or a signal comes if this is the main thread. `ready` is called once, with our URL."""
    log = open_log()
    witnessing = Witnessing(key, ledger, log, options.clock)
    server = listening.server(secured(Router(routes=witnessing.routes()), log), options.context, connections=CONNECTIONS)
    answering = asyncio.create_task(server.serve(sockets=[options.listener]))
    try:
        with listening.on_signal(stop):
            while not (server.started or answering.done()):
                await asyncio.sleep(0.005)
            ready(listening.address_of(options.listener, secure=options.context is not None))
            await asyncio.wait({answering, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        await answering
        witnessing.close()
