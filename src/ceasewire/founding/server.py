"""`serve` of a folder that holds no node yet: its pages lead through the founding on the address where the node will listen, and hand that
address over when all have signed.

The recovery key is shown, so that nobody but this machine, or a browser over TLS, may be listened to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.routing import Router

from ..carriers import listening
from ..carriers.logs import open_log
from ..carriers.server import secured
from ..carriers.tls import server_context
from ..console.welcome import Welcome
from ..errors import LocalError
from ..folder import Folder
from .pages import LINK, Founding
from .progress import Progress

DEFAULT_LISTEN: Final = "127.0.0.1:8443"
_HERE: Final = re.compile(r"//(127\.0\.0\.1|0\.0\.0\.0|\[::1?\])")  # what a browser on this machine calls localhost
_LAST_SECONDS: Final = 0.2  # for the last answer to leave


@dataclass(frozen=True, slots=True)
class Founded:
    """A node that has joined its channel: its passphrase (None: its key file), the socket it listens at, and who is led to its console."""

    folder: Folder
    passphrase: bytes | None
    listener: socket.socket
    welcome: Welcome


def run(path: Path, *, listen: str | None, tls_cert: Path | None, tls_key: Path | None, passphrase: bytes | None) -> Founded | None:
    """Serve the founding's pages until the node has joined; None if stopped by SIGTERM or SIGINT before.

    Raises LocalError usage, node.locked, pen.passphrase, file.unreadable, file.unwritable.
    """
    context = server_context(tls_cert, tls_key) if tls_cert and tls_key else None
    listener = listening.bind(listen or DEFAULT_LISTEN)
    try:
        address = ipaddress.ip_address(listener.getsockname()[0])
        if context is None and not address.is_loopback:
            raise LocalError(
                "usage", "a founding shows the recovery key: --listen on this machine (127.0.0.1), or give --tls-cert and --tls-key"
            )
        progress = Progress(path)
        try:
            if passphrase is not None and progress.sealed_by_another(passphrase):
                raise LocalError("pen.passphrase", "it is not the one that this node was made with")
            with asyncio.Runner(loop_factory=listening.Loop) as runner:
                found = runner.run(_serve(progress, listener, context, passphrase))
        finally:
            progress.close()
    except BaseException:
        listener.close()
        raise
    if found is None:
        listener.close()
        return None
    return Founded(Folder(path), found.secret, listener, Welcome(found.cookie, found.token))


async def _serve(progress: Progress, listener: socket.socket, context: ssl.SSLContext | None, passphrase: bytes | None) -> Founding | None:
    log = open_log()
    url = listening.address_of(listener, secure=context is not None)
    founding = Founding(progress, url, passphrase)
    server = listening.server(secured(Router(routes=list(founding.routes())), log), context)

    def deaf() -> None:
        for one in server.servers:
            one.close()

    founding.deaf = deaf
    # A copy: the server closes its own, while whoever connects meanwhile waits at ours.
    answering = asyncio.create_task(server.serve(sockets=[listener.dup()]))
    stop = asyncio.Event()
    try:
        with listening.on_signal(stop):
            while not (server.started or answering.done()):
                await asyncio.sleep(0.005)
            pages = _HERE.sub("//localhost", url)
            print(
                f"Ceasewire: nothing is founded in {progress.path} yet. Open this in a browser, once: {pages}{LINK}/{founding.link}",
                file=sys.stderr,
                flush=True,
            )
            waits = [asyncio.ensure_future(one) for one in (stop.wait(), founding.joined.wait())]
            await asyncio.wait({answering, *waits}, return_when=asyncio.FIRST_COMPLETED)
            for one in waits:
                one.cancel()
        if founding.joined.is_set():
            await asyncio.sleep(_LAST_SECONDS)
    finally:
        server.should_exit = True
        await answering
    return founding if founding.joined.is_set() and not stop.is_set() else None
