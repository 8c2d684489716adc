"""Real nodes on this machine for the tests of the carriers: folders, a charter, and servers in this loop or in processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ceasewire.carriers.control import call
from ceasewire.carriers.listening import Loop, bind
from ceasewire.folder import Folder
from ceasewire.node.exchange import Exchange
from ceasewire.node.node import Node
from ceasewire.record.card import Card
from ceasewire.record.charter import open_charter
from ceasewire.record.draft import from_toml
from ceasewire.serve import Options, serve

SOURCE = Path(__file__).resolve().parents[2] / "src"
STATEMENT = {"text": "It is quiet here.", "language": "en"}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Side:
    """One party: its folder, its URL, the port that it listens at."""

    folder: Folder
    slug: str
    url: str
    port: int


def make_sides(base: Path, urls: Mapping[str, str | None], toml: Mapping[str, Any] | None = None) -> dict[str, Side]:
    """Nodes that joined one channel. `urls`: slug, or slug:role, to URL; None gives it http on a free loopback port."""
    sides = {}
    for place, (name, url) in enumerate(urls.items()):
        slug, _, role = name.partition(":")
        port = free_port()
        address = f"http://127.0.0.1:{port}" if url is None else url.replace("PORT", str(port))
        folder = Folder.create(base / slug, _card(slug, role or "party", address), None)
        sides[slug] = Side(folder, slug, address, port)
        assert place < 32
    charter = from_toml({"name": "line", "title": "Test line", **(toml or {})}, [side.folder.card()[2] for side in sides.values()])
    for side in sides.values():
        with side.folder.pen(None) as pen:
            signers = {"ed25519": pen.sign_log, "mldsa44": pen.sign_log_mldsa}
            charter = charter.sign(side.folder.position(charter), signers)  # type: ignore[arg-type]
    data = charter.encode()
    for side in sides.values():
        side.folder.join(open_charter(data, complete=True), data)
    return sides


def _card(slug: str, role: str, url: str) -> Callable[..., Card]:
    return lambda keys, recovery: Card(slug, f"{slug.title()} Command", role, url, keys, recovery)


@dataclass
class Running:
    """A node served in this loop. `node` is called in threads by others too: its lock keeps calls apart."""

    side: Side
    node: Node
    url: str
    stop: asyncio.Event
    done: asyncio.Task[None]

    async def send(self, kind: str = "statement", json: Any = None) -> str:
        """Send one message, in a thread as the control socket would; its ref."""
        sent = await asyncio.to_thread(self.node.send, kind, STATEMENT if json is None else json)
        return f"{sent.log}/{sent.index}"

    def receipted(self, peer: int) -> int:
        """How many of our messages the peer has receipted, as known here."""
        return self.node.store.covered(self.node.own).get(peer, 0)

    def size(self, log: int) -> int:
        """How many messages of a log are here."""
        return self.node.store_size(log)


@asynccontextmanager
async def running(
    side: Side, *, context: ssl.SSLContext | None = None, tls_ca: Path | None = None, alarm: list[str] | None = None
) -> AsyncIterator[Running]:
    """Serve one node at its port in this loop."""
    with side.folder.node(None, wait=0) as node, bind(f"127.0.0.1:{side.port}") as listener:
        stop, ready = asyncio.Event(), asyncio.Event()
        urls: list[str] = []

        def announce(_: object, url: str) -> None:
            urls.append(url)
            ready.set()

        options = Options(listener, context, tls_ca, alarm)
        done = asyncio.create_task(serve([(side.folder, node)], options, stop, announce))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({waiting, done}, return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            waiting.cancel()
            await done
        try:
            yield Running(side, node, urls[0], stop, done)
        finally:
            stop.set()
            await done


async def asked_status(side: Running) -> Any:
    """What `ceasewire status` would be told by the process that serves."""
    return await asyncio.to_thread(call, side.side.folder.control_path, {"op": "status"})


async def until(what: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait until it is so; after how many seconds it was. TimeoutError if it never is."""
    began = time.perf_counter()
    while not what():
        if time.perf_counter() - began > seconds:
            raise TimeoutError
        await asyncio.sleep(0.002)
    return time.perf_counter() - began


def in_loop(coroutine: Any) -> Any:
    """Run it in the kind of loop that serves."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(coroutine)


# --- In processes of their own ---

_SERVE = """
import sys
from pathlib import Path
from ceasewire.serve import run
from ceasewire.errors import CeasewireError
from ceasewire.folder import Folder
try:
    nodes = [(Folder(Path(one)), None) for one in sys.argv[1].split(",")]
    run(nodes, listen=sys.argv[2] or None, alarm_command=sys.argv[3] or None)
except CeasewireError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


def start(*folders: Folder, listen: str = "", alarm: str = "") -> subprocess.Popen[str]:
    """A process that serves; it has said so when this returns."""
    process = start_unready(*folders, listen=listen, alarm=alarm)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Ceasewire: "):
            break
    else:
        raise AssertionError(f"serve ended with {process.wait()}")
    return process


def start_unready(*folders: Folder, listen: str = "", alarm: str = "") -> subprocess.Popen[str]:
    """The same, not waited for."""
    paths = ",".join(str(folder.path) for folder in folders)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _SERVE, paths, listen, alarm],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def process(*folders: Folder, alarm: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that serves, ended by SIGTERM."""
    started = start(*folders, alarm=alarm)
    try:
        yield started
    finally:
        end(started)


def end(started: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> tuple[float, int, str, str]:
    """End a process; after how many seconds it was gone, its exit status, what it said on standard output and error."""
    began = time.perf_counter()
    if started.poll() is None:
        started.send_signal(how)
    out, error = started.communicate(timeout=30)
    return time.perf_counter() - began, started.returncode, out, error


def synced_by_hand(a: Node, b: Node) -> None:
    """Exchange until quiet, in this thread."""
    ours, theirs = Exchange(a), Exchange(b)
    talk = ours.talk(b.own)
    data = next(talk)
    try:
        while True:
            theirs.receive(data)
            data = talk.send(theirs.compose(a.own).data)
    except StopIteration:
        return
