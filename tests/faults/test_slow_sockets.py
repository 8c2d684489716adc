"""E6, E15: slow in every way, a thousand sockets are closed within fifteen seconds, and a good client waits less than one. The real
`ceasewire serve`, with TLS and without; the slow ones in a process of their own. Whether a connection is closed the kernel says of the
server's end: a client that does not read cannot tell.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from threading import Event, Thread

import pytest

from api.asking import add_token, node_name
from carriers.sides import SOURCE, free_port, in_loop, make_sides
from carriers.test_client import Authority
from carriers.test_server import post, south_served
from ceasewire.carriers import guard

SOCKETS = 1000
CLOSED_SECONDS = 15.0
GOOD_SECONDS = 1.0
FILES = 4096
LOOK_SECONDS = 0.25
_OPEN = ("01", "08")  # established, and closed by the client alone: as the kernel writes them
Sorts = dict[str, dict[int, float]]  # what -> own port -> when it was connected
_SLOW = Path(__file__).with_name("slow_clients.py")
_SERVE = "import sys; from ceasewire.cli import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """What is started here may have as many open files as it needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < FILES:
        pytest.skip(f"a process may have no more than {hard} open files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def serving(folder: Path, port: int, *options: str) -> Iterator[None]:
    """The real command, until it is told to end; it does so well."""
    command = [sys.executable, "-W", "error", "-c", _SERVE, "serve", str(folder), "--listen", f"127.0.0.1:{port}", *options]
    started = subprocess.Popen(command, env={"PYTHONPATH": str(SOURCE)}, stderr=subprocess.PIPE, text=True)
    assert started.stderr is not None
    try:
        assert any(line.startswith("Ceasewire: ") for line in started.stderr)
        yield
    finally:
        started.terminate()
        _, error = started.communicate(timeout=30)
    assert (started.returncode, "Traceback" in error) == (0, False), error


@contextmanager
def slow(port: int, secure: bool, token: str, node: str) -> Iterator[Sorts]:
    """The slow ones, until this ends."""
    command = [sys.executable, str(_SLOW), str(port), "tls" if secure else "plain", str(SOCKETS), token, node]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as started:
        assert started.stdout is not None
        assert started.stdin is not None
        yield {what: dict(ports) for what, ports in json.loads(started.stdout.readline()).items()}
        started.stdin.close()


def held(port: int) -> set[int]:
    """The ports of those whose connection to our port a process still holds, or has yet to accept."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[1].partition(":")[2], 16) == port and (words[9] != "0" or words[3] in _OPEN):
            found.add(int(words[2].partition(":")[2], 16))
    return found


class Watch(Thread):
    """When each connection to our port was last held."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.enough = Event()
        self.last: dict[int, float] = {}
        self._port = port

    def run(self) -> None:
        while not self.enough.wait(LOOK_SECONDS):
            self.last |= dict.fromkeys(held(self._port), time.monotonic())

    def closed(self, sorts: Sorts) -> dict[str, float]:
        """For each sort, after how many seconds the longest held was closed."""
        every = {port for ports in sorts.values() for port in ports}
        latest = time.monotonic() + 2 * CLOSED_SECONDS
        while every & held(self._port) and time.monotonic() < latest:
            time.sleep(LOOK_SECONDS)
        return {
            what: max(self.last.get(port, since) - since for port, since in ports.items()) + LOOK_SECONDS for what, ports in sorts.items()
        }


class Good(Thread):
    """A client that asks for one page after the other, each over a connection of its own."""

    def __init__(self, port: int, node: str, token: str, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self.enough = Event()
        self.times: list[float] = []
        self.wrong: list[str] = []
        self._port, self._context = port, context
        self._pages = ("/", "/health", "/api/v1/nodes", f"/c/{node}/sign-in")
        self._headers = {"Authorization": f"Bearer {token}"}

    def _ask(self, page: str) -> int:
        make = HTTPConnection if self._context is None else partial(HTTPSConnection, context=self._context)
        connection = make("localhost" if self._context else "127.0.0.1", self._port, timeout=20)
        try:
            connection.request("GET", page, headers=self._headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def run(self) -> None:
        while not self.enough.wait(0.05):
            for page in self._pages:
                began = time.perf_counter()
                try:
                    status = self._ask(page)
                    if status != HTTPStatus.OK:
                        self.wrong.append(f"{page}: {status}")
                except OSError as error:
                    self.wrong.append(f"{page}: {error}")
                self.times.append(time.perf_counter() - began)


@pytest.mark.slow
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_e15_a_thousand_slow_sockets_of_every_sort_are_closed(secure: bool, tmp_path: Path) -> None:
    side = make_sides(tmp_path, {"north": "", "south": ""})["south"]
    port, token, node = free_port(), add_token(side, "good", "sender"), node_name(side)
    options, context = [], None
    if secure:
        Authority.make(tmp_path / "ca.pem").context("localhost", (-1, 30))
        options = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with ExitStack() as stack:
        stack.enter_context(serving(side.folder.path, port, *options))
        good = Good(port, node, token, context)
        watch = Watch(port)
        for thread in (good, watch):
            thread.start()
            stack.callback(thread.join)
            stack.callback(thread.enough.set)
        sorts = stack.enter_context(slow(port, secure, token, node))
        assert sum(map(len, sorts.values())) == SOCKETS // len(sorts) * len(sorts)
        times = watch.closed(sorts)
        asked = list(good.times)
    p99 = statistics.quantiles(asked, n=100)[-1]
    print(*(f"{what}: {len(sorts[what])} closed after {seconds:.1f} s" for what, seconds in times.items()), sep="\n")
    print(f"{len(asked)} good requests meanwhile, p99 {p99:.3f} s, median {statistics.median(asked):.3f} s")
    assert good.wrong == []
    assert guard.HEAD_SECONDS <= max(times.values()) < CLOSED_SECONDS, times
    assert p99 < GOOD_SECONDS


@pytest.mark.parametrize(("at_once", "pause", "whole"), [(32 * 1024, 0.05, True), (1, 0.05, False)], ids=["steadily", "hardly"])
def test_e6_who_reads_slowly_is_served_and_who_hardly_reads_is_let_go(
    at_once: int, pause: float, whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of 1.5 MB: at 640 KB a second it takes far longer than one may stand still; a byte now and then is standing still."""
    monkeypatch.setattr(guard, "STALL_SECONDS", 0.5)

    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            await asyncio.to_thread(south.node.send_many, [("statement", {"text": f"{n} {'x' * 15_000}"}) for n in range(100)])
            client = socket.socket()
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", south.side.port))
            await loop.sock_sendall(client, post(good))
            own, found, began = client.getsockname()[1], 0, time.perf_counter()
            while chunk := await loop.sock_recv(client, at_once):
                found += len(chunk)
                await asyncio.sleep(pause)
                if not whole and own not in held(south.side.port):
                    break
                assert time.perf_counter() - began < 20
            client.close()
            assert (found > 100 * 15_000) is whole
            if not whole:
                assert time.perf_counter() - began < 3

    in_loop(main())
