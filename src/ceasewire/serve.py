"""`ceasewire serve`: one process that holds the nodes' locks, answers their peers, keeps their lines, and stops when told to.

One event loop moves bytes; each node's calls happen in its own thread (hub.py). It begins to answer when its nodes are open, and it
ends within two seconds: every poll is answered, every thread finishes the call it is at, every pen is synced.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import uvicorn
import uvloop
from starlette.routing import Router

from .api.access import Access
from .api.app import routes as api_routes
from .carriers.alarm import Alarm, split_command
from .carriers.guard import GuardedProtocol
from .carriers.hub import Hub
from .carriers.logs import Log, open_log
from .carriers.server import Exchanges, secured
from .carriers.tls import server_context
from .carriers.urls import loopback_port
from .console.health import NodeHealth
from .console.page import routes as console_routes
from .errors import LocalError
from .node.exchange import Exchange
from .node.node import Node
from .served import Home, Served

DEFAULT_PORT: Final = 8443
CONNECTIONS: Final = 2048
_KEEP_SECONDS: Final = 15
_STOP_SECONDS: Final = 1
_FILES: Final = 8192


class Place(Home, Protocol):
    """A node's folder, as much of it as serving needs."""

    def node(self, passphrase: bytes | None, wait: float) -> AbstractContextManager[Node]:
        """The node, under its lock. Raises LocalError node.*, pen.*, store.*."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve: the socket that listens, the TLS context to serve with, a CA file for our own calls, the alarm's words."""

    listener: socket.socket
    context: ssl.SSLContext | None
    tls_ca: Path | None
    alarm: list[str] | None


def run(
    nodes: Sequence[tuple[Place, bytes | None]],
    *,
    listen: str | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    tls_ca: Path | None = None,
    alarm_command: str | None = None,
) -> None:
    """Serve the nodes, each a folder and its passphrase (None: its key file), until SIGTERM or SIGINT.

    `listen`: HOST:PORT, IPv6 in brackets; by default the port of the first node's own URL if that is on this machine, else
    127.0.0.1:8443. Raises LocalError node.*, pen.*, store.*, usage, file.unreadable, file.unwritable.
    """
    alarm = None if alarm_command is None else split_command(alarm_command)
    if (tls_cert is None) != (tls_key is None):
        raise LocalError("usage", "--tls-cert and --tls-key go together")
    context = server_context(tls_cert, tls_key) if tls_cert and tls_key else None
    _raise_file_limit()
    with ExitStack() as stack:
        opened = [(place, stack.enter_context(place.node(passphrase, wait=0))) for place, passphrase in nodes]
        own_url = opened[0][1].channel.party(opened[0][1].own).url
        listener = stack.enter_context(bind(listen or f"127.0.0.1:{loopback_port(own_url) or DEFAULT_PORT}"))
        options = Options(listener, context, tls_ca, alarm)
        stop = asyncio.Event()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(opened, options, stop, _announce))


def _announce(nodes: Sequence[Node], url: str) -> None:
    parties = ", ".join(node.names.slug for node in nodes)
    print(f"Ceasewire: {parties} on {url}", file=sys.stderr, flush=True)


def _raise_file_limit() -> None:
    """Each connection is an open file, and so is what the store needs: the usual 1,024 would let strangers crowd the store out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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


async def serve(
    opened: Sequence[tuple[Place, Node]],
    options: Options,
    stop: asyncio.Event,
    ready: Callable[[Sequence[Node], str], None],
) -> None:
    """Serve open nodes until `stop` is set, or a signal comes if this is the main thread. `ready` is called once, with our URL."""
    log = open_log()
    with ExitStack() as stack:
        alarm = Alarm(options.alarm, log) if options.alarm else None
        served = []
        for place, node in opened:
            hub = Hub(Exchange(node))
            stack.callback(hub.close)
            served.append(Served(place, hub, options.tls_ca, log, alarm))
            stack.callback(served[-1].close)
            served[-1].control.open()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(task) for one in served for task in one.tasks()]
            if alarm is not None:
                tasks.append(group.create_task(alarm.run()))
            server = _server(served, options, log)
            listening = asyncio.create_task(server.serve(sockets=[options.listener]))
            try:
                while not (server.started or listening.done()):
                    await asyncio.sleep(0.005)
                ready([node for _, node in opened], _url(options))
                with _on_signal(stop):
                    await asyncio.wait({listening, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in served:
                    one.hub.end_polls()
                server.should_exit = True
                await listening
                for task in tasks:
                    task.cancel()


def _url(options: Options) -> str:
    host, port = options.listener.getsockname()[:2]
    return f"{'https' if options.context else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would raise them again at the end, and the nodes would never be closed."""
        yield


def _server(served: Sequence[Served], options: Options, log: Log) -> _Server:
    access = Access(served, log)
    by_name = {one.name: one for one in served}
    one_channel = len({one.node.channel.channel_id for one in served}) == 1

    async def shown(authorization: str | None) -> list[NodeHealth] | None:
        """What a page may tell whoever asks: all there is if that is one channel, else the node of a token, else nothing."""
        if one_channel:
            return [await one.health() for one in served]
        opened = None if authorization is None else await access.opened(authorization)
        return None if opened is None else [await by_name[opened.served.name].health()]

    # What uvicorn says of a bad request is of no use to an operator, and may hold what a stranger wrote.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
    exchanges = Exchanges([one.hub for one in served], log, named=one_channel)
    routes = [*console_routes(shown), *exchanges.routes(), *api_routes(access, log)]
    config = uvicorn.Config(
        secured(Router(routes=routes), log),
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
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=_KEEP_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    config.load()
    config.ssl = options.context
    return _Server(config)


@contextmanager
def _on_signal(stop: asyncio.Event) -> Iterator[None]:
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
