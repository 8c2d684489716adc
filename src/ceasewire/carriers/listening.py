"""A server of this program: its socket, uvicorn as we run it, and how it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
import uvloop
from starlette.types import ASGIApp

from ..errors import LocalError
from .guard import GuardedProtocol

CONNECTIONS: Final = 4096
_KEEP_SECONDS: Final = 11
_HANDSHAKE_SECONDS: Final = 10.0
_GOODBYE_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 1


def bind(listen: str) -> socket.socket:
    """A socket bound to HOST:PORT. Raises LocalError usage."""
    host, _, port = listen.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535 or (":" in bare) != host.startswith("["):
        raise LocalError("usage", f"--listen is HOST:PORT, not {listen}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bare, int(port), type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise LocalError("usage", f"--listen {listen}: {error.strerror}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise LocalError("usage", f"--listen {listen}: {error.strerror}") from None
    return bound


def address_of(listener: socket.socket, *, secure: bool) -> str:
    """The URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


class Loop(uvloop.Loop):
    """A loop whose servers over TLS wait neither a minute for a client to say who it is nor half of one for it to say goodbye."""

    async def create_server(self, *arguments: Any, **named: Any) -> Any:
        """As of any loop."""
        if named.get("ssl") is not None:
            named.setdefault("ssl_handshake_timeout", _HANDSHAKE_SECONDS)
            named.setdefault("ssl_shutdown_timeout", _GOODBYE_SECONDS)
        return await super().create_server(*arguments, **named)


class Server(uvicorn.Server):
    """uvicorn's, which leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would raise them again at the end, and what is open would never be closed."""
        yield


def server(app: ASGIApp, context: ssl.SSLContext | None, *, connections: int = CONNECTIONS) -> Server:
    """A server for the app, over TLS with a context."""
    # What uvicorn says of a bad request is of no use to an operator, and may hold what a stranger wrote.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=connections,
        timeout_keep_alive=_KEEP_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    config.load()
    config.ssl = context
    return Server(config)


@contextmanager
def on_signal(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event. Only the main thread gets signals."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    for one in signals:
        loop.add_signal_handler(one, stop.set)
    try:
        yield
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
