"""Many clients that are slow in every way, in a process of their own: `python slow_clients.py PORT TLS COUNT TOKEN NODE`.

Prints one line of JSON once all are connected, `{what: [[local port, when it was], ...]}`, by the machine's monotonic clock, and goes on
until standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress

EXCHANGE = b"POST /exchange HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 5000\r\n\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: a\r\n"
API = b"POST /api/v1/nodes/%b/send HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n"
CONSOLE = b"POST /c/%b/sign-in HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n"
DOCUMENT = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n\r\n"
JSON = b"Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
HELLO = b"\x16\x03\x01\x02\x00\x01"  # how a TLS handshake begins
OPENING_AT_ONCE = 50


def plain(token: bytes, node: bytes) -> dict[str, tuple[bytes, bytes | tuple[bytes, ...]]]:
    """What each sort sends at once, and then once a second; of several, the last again and again."""
    return {
        "connects only": (b"", b""),
        "half a request line": (b"GET /hea", b""),
        "head, a byte a second": (GET + b"X-A: ", b"a"),
        "body of an exchange, a byte a second": (EXCHANGE, b"C"),
        "head for eight seconds, then body, a byte a second": (
            EXCHANGE[:-2] + b"X-A: ",
            (b"a",) * 8 + (b"\r\n\r\n", b"C"),
        ),
        "body to the API, a byte a second": (API % (node, token) + JSON, b" "),
        "body to the console, a byte a second": (CONSOLE % node + FORM, b"a"),
        "body that nobody asked for, a byte a second": (GET + b"Content-Length: 5000\r\n\r\n", b"a"),
        "a line end a second after an answer": (GET + b"\r\n", b"\r\n"),
        "long answer, read a byte a second": (DOCUMENT % token, b""),
        "asks 20,000 times at once, reads a byte a second": ((GET + b"\r\n") * 20_000, b""),
    }


SECURE: dict[str, tuple[bytes | None, bytes | tuple[bytes, ...]]] = {
    "TLS: connects only": (None, b""),
    "TLS: half a handshake": (None, HELLO),
    "TLS: shakes hands only": (b"", b""),
    "TLS: head, a byte a second": (GET + b"X-A: ", b"a"),
    "TLS: body of an exchange, a byte a second": (EXCHANGE, b"C"),
}


Own = tuple[int, float]


class Slow(asyncio.Protocol):
    """One client."""

    def __init__(self, first: bytes, drip: bytes | tuple[bytes, ...], *, reads: bool) -> None:
        self.first, self.reads = first, reads
        self.drips = [drip] if isinstance(drip, bytes) else list(drip)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        if not self.reads:
            transport.pause_reading()
        transport.write(self.first)
        asyncio.get_running_loop().call_later(1, self.go_on)

    def go_on(self) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(self.drips[0])
        del self.drips[: len(self.drips) > 1]
        if not self.reads:
            with suppress(OSError):
                self.transport.get_extra_info("socket")._sock.recv(1)
        asyncio.get_running_loop().call_later(1, self.go_on)


async def connect(port: int, make: Callable[[], Slow], context: ssl.SSLContext | None, buffer: int | None) -> tuple[Own, asyncio.Transport]:
    """A client's own port and when it was connected, and what keeps it."""
    raw = socket.socket()
    raw.setblocking(False)
    if buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    own = raw.getsockname()[1], time.monotonic()
    transport, _ = await asyncio.get_running_loop().create_connection(
        make, sock=raw, ssl=context, server_hostname="localhost" if context else None
    )
    return own, transport


async def main(port: int, secure: bool, count: int, token: str, node: str) -> None:
    """Open them all, say so, and be slow."""
    context = ssl._create_unverified_context() if secure else None  # noqa: S323 (whom a slow client talks to is nothing to it)
    sorts = SECURE if secure else plain(token.encode(), node.encode())
    gate = asyncio.Semaphore(OPENING_AT_ONCE)
    kept = []

    async def one(what: str) -> Own:
        first, drip = sorts[what]
        reads = not what.endswith("read a byte a second") and not what.endswith("reads a byte a second")
        async with gate:
            own, transport = await connect(
                port, lambda: Slow(first or b"", drip, reads=reads), None if first is None else context, None if reads else 4096
            )
        kept.append(transport)
        return own

    each = count // len(sorts)
    ports = {what: await asyncio.gather(*(one(what) for _ in range(each))) for what in sorts}
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] == "tls", int(sys.argv[3]), sys.argv[4], sys.argv[5]))
