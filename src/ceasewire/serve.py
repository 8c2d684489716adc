"""`ceasewire serve`: one process that holds the nodes' locks, answers their peers, keeps their lines, and stops when told to.

One event loop moves bytes; each node's calls happen in its own thread (hub.py). It begins to answer when its nodes are open, and it
ends within two seconds: every poll is answered, every thread finishes the call it is at, every pen is synced.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import resource
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from starlette.routing import Mount, Router
from starlette.types import Receive, Scope, Send

from . import outward
from .api.access import Access
from .api.app import routes as api_routes
from .carriers import listening
from .carriers.alarm import Alarm, Outward, split_command
from .carriers.hub import Hub
from .carriers.logs import Log, open_log
from .carriers.server import Exchanges, secured
from .carriers.tls import server_context
from .carriers.urls import loopback_port
from .console.health import NodeHealth
from .console.page import routes as console_routes
from .console.welcome import Welcome
from .errors import CeasewireError, LocalError
from .node.exchange import Exchange
from .node.node import Node
from .served import Home, Served

DEFAULT_PORT: Final = 8443
_FILES: Final = 8192
_MALLOC: Final = {-8: 1, -1: 256 * 1024, -3: 256 * 1024}  # M_ARENA_MAX, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
_NEW_OBJECTS: Final = 5_000  # before the collector runs


class Place(Home, Protocol):
    """A node's folder, as much of it as serving needs."""

    def node(self, passphrase: bytes | None, wait: float, *, not_restored: bool = False) -> AbstractContextManager[Node]:
        """The node, under its lock; `not_restored` as of Folder.node. Raises LocalError node.*, pen.*, store.*."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve: the socket that listens, the TLS context to serve with, a CA file for our own calls, the alarm's words, and whoever
    founded the node a moment ago."""

    listener: socket.socket
    context: ssl.SSLContext | None
    tls_ca: Path | None
    alarm: list[str] | None
    welcome: Welcome | None = None


def run(
    nodes: Sequence[tuple[Place, bytes | None]],
    *,
    listen: str | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    tls_ca: Path | None = None,
    alarm_command: str | None = None,
    not_restored: bool = False,
    listener: socket.socket | None = None,
    welcome: Welcome | None = None,
) -> None:
    """Serve the nodes, each a folder and its passphrase (None: its key file), until SIGTERM or SIGINT.

    `listen`: HOST:PORT, IPv6 in brackets; by default the port of the first node's own URL if that is on this machine, else
    127.0.0.1:8443; `listener` is a socket that is bound already, and `welcome` whoever waits there. Raises LocalError node.*,
    pen.*, store.*, usage, file.unreadable, file.unwritable.
    """
    alarm = None if alarm_command is None else split_command(alarm_command)
    if (tls_cert is None) != (tls_key is None):
        raise LocalError("usage", "--tls-cert and --tls-key go together")
    context = server_context(tls_cert, tls_key) if tls_cert and tls_key else None
    _raise_file_limit()
    _keep_little()
    _collect_often()
    with ExitStack() as stack:
        opened = [(place, stack.enter_context(place.node(passphrase, wait=0, not_restored=not_restored))) for place, passphrase in nodes]
        own_url = opened[0][1].channel.party(opened[0][1].own).url
        bound = listener or listening.bind(listen or f"127.0.0.1:{loopback_port(own_url) or DEFAULT_PORT}")
        options = Options(stack.enter_context(bound), context, tls_ca, alarm, welcome)
        stop = asyncio.Event()
        with asyncio.Runner(loop_factory=listening.Loop) as runner:
            runner.run(serve(opened, options, stop, _announce))


def _announce(nodes: Sequence[Node], url: str) -> None:
    parties = ", ".join(node.names.slug for node in nodes)
    print(f"Ceasewire: {parties} on {url}", file=sys.stderr, flush=True)


def _keep_little() -> None:
    """Have the C library give back what a large bundle took. By itself glibc keeps a heap for each of our threads, of which Python lets one
    run at a time, and with each large block that is freed it keeps more. Other libraries have no such function, or heed none of it."""
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        for what, value in _MALLOC.items():
            adjust(what, value)


def _collect_often() -> None:
    """A command that soon ends collects no garbage; a process that stays must, or a large bundle's stays with it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


def _raise_file_limit() -> None:
    """Each connection is an open file, and so is what the store needs: the usual 1,024 would let strangers crowd the store out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(
    opened: Sequence[tuple[Place, Node]],
    options: Options,
    stop: asyncio.Event,
    ready: Callable[[Sequence[Node], str], None],
) -> None:
    """Serve open nodes until `stop` is set, or a signal comes if this is the main thread. `ready` is called once, with our URL."""
    log = open_log()
    with ExitStack() as stack, ExitStack() as heeded:
        heeded.enter_context(listening.on_signal(stop))  # before anybody can reach us; until we end, so that a second one ends us at once
        alarm = Alarm(options.alarm, log) if options.alarm else None
        served = []
        rung = [alarm] if alarm else []
        for place, node in opened:
            hub = Hub(Exchange(node))
            stack.callback(hub.close)
            own, path = alarm, place.control_path.with_name("alarms")
            if outward.wanted(path):
                own = Outward(path, log.bind(node=node.names.slug), alarm)
                rung.append(own)
            served.append(Served(place, hub, options.tls_ca, log, own))
            stack.callback(served[-1].close)
            served[-1].control.open()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(task) for one in served for task in one.tasks()]
            tasks += [group.create_task(one.run()) for one in rung]
            server = _server(served, options, log)
            answering = asyncio.create_task(server.serve(sockets=[options.listener]))
            try:
                while not (server.started or answering.done()):
                    await asyncio.sleep(0.005)
                url = listening.address_of(options.listener, secure=options.context is not None)
                ready([node for _, node in opened], url)
                group.create_task(_invite(served, url, log, options.welcome))
                await asyncio.wait({answering, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                heeded.close()
                for one in served:
                    one.hub.end_polls()
                    one.end_news()
                server.should_exit = True
                await answering
                for task in tasks:
                    task.cancel()


def _server(served: Sequence[Served], options: Options, log: Log) -> listening.Server:
    access = Access(served, log)
    by_name = {one.name: one for one in served}
    one_channel = len({one.node.channel.channel_id for one in served}) == 1

    async def shown(authorization: str | None) -> list[NodeHealth] | None:
        """What a page may tell whoever asks: all there is if that is one channel, else the node of a token, else nothing."""
        if one_channel:
            return [await one.health() for one in served]
        opened = None if authorization is None else await access.opened(authorization)
        return None if opened is None else [await by_name[opened.served.name].health()]

    exchanges = Exchanges([one.hub for one in served], log, named=one_channel)
    routes = [*console_routes(shown), *exchanges.routes(), *api_routes(access, log), _console(served, log)]
    routes += options.welcome.routes() if options.welcome else []
    return listening.server(secured(Router(routes=routes, redirect_slashes=False), log), options.context)


async def _invite(served: Sequence[Served], url: str, log: Log, welcome: Welcome | None) -> None:
    """Of each node where nobody has an account yet, print the link by which its first administrator comes in, once; whoever founded the
    node in a browser is led there."""
    for one in served:
        try:
            secret = await one.first_link()
        except CeasewireError as error:  # the channel goes on without its pages
            log.error("accounts.unread", node=one.node.names.slug, code=error.code)
            continue
        if welcome is not None:
            welcome.ready(f"/c/{one.name}/enter/{secret}" if secret else "")
        if secret is not None:
            pages = url.replace("//127.0.0.1", "//localhost").replace("//[::1]", "//localhost")  # passkeys need a name
            link = f"{pages}/c/{one.name}/enter/{secret}"
            print(f"Console of {one.name}, for its first administrator, once: {link}", file=sys.stderr, flush=True)


def _console(served: Sequence[Served], log: Log) -> Mount:
    """The officers' pages, read from disk when the first of them is asked for: a process that no browser asks does without."""

    @cache
    def router() -> Router:
        from .console.shell import routes as console_pages  # noqa: PLC0415 - read when a browser asks

        return Router(routes=console_pages(served, log), redirect_slashes=False)  # that way would lead to whatever host a request names

    async def console(scope: Scope, receive: Receive, send: Send) -> None:
        await router()(scope, receive, send)

    return Mount("/c", console)
