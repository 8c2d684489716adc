"""E15, E2: thousands of connections that never finish what they begin are not in the way of one that does; a slow link is no attack."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from carriers.sides import Side, end, in_loop, make_sides, running, start
from carriers.test_client import Authority
from ceasewire.carriers import listening
from ceasewire.node.exchange import Exchange

EACH = 1000
CLOSED_SECONDS = 15.0
HEAD = b"POST /exchange HTTP/1.1\r\nHost: any\r\nContent-Type: application/octet-stream\r\n"
NEVER_FINISHED = {
    "idle": b"",
    "partial head": b"GET /health HTTP/1.1\r\nHost: a",
    "partial body": HEAD + b"Content-Length: 5000\r\n\r\nCWBUNDLE",
}


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may hold the other ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4 * EACH:
        pytest.skip(f"a process may have no more than {hard} open files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4 * EACH, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def slow(port: int, data: bytes, gate: asyncio.Semaphore) -> float:
    """After how many seconds the server ended a connection on which this came and no more."""
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    writer.write(data)
    try:
        async with asyncio.timeout(CLOSED_SECONDS + 10):
            while await reader.read(4096):
                pass
    except ConnectionError:
        pass
    finally:
        writer.close()
    return time.perf_counter() - began


async def post(port: int, body: bytes) -> float:
    """A good exchange over a connection of its own: how many seconds it took."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
    return time.perf_counter() - began


def rss(pid: int) -> int:
    """What a process has in memory, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def served(base: Path, text: str = "hello") -> tuple[Side, bytes]:
    """South, which listens, and a bundle for it."""
    sides = make_sides(base, {"north": "", "south": None})
    with sides["north"].folder.node(None) as north:
        north.send("statement", {"text": text})
        return sides["south"], Exchange(north).compose(1 - north.own).data


@pytest.mark.slow
@pytest.mark.usefixtures("many_files")
def test_e15_three_thousand_connections_that_never_finish(tmp_path: Path) -> None:
    south, good = served(tmp_path)
    process = start(south.folder)

    async def main() -> None:
        gate = asyncio.Semaphore(100)
        held = [asyncio.create_task(slow(south.port, data, gate)) for _ in range(EACH) for data in NEVER_FINISHED.values()]
        times = []
        while not all(task.done() for task in held):
            times.append(await post(south.port, good))
            await asyncio.sleep(0.05)
        longest = max(task.result() for task in held)
        p99 = statistics.quantiles(times, n=100)[-1]
        print(f"{len(held)} closed after at most {longest:.1f} s; {len(times)} exchanges meanwhile, p99 {p99:.3f} s")
        assert longest < CLOSED_SECONDS
        assert p99 < 1

    try:
        before = rss(process.pid)
        in_loop(main())
        grown = rss(process.pid) - before
        print(f"grown by {grown / 2**20:.0f} MiB")
        assert grown < 128 * 2**20
    finally:
        _, status, _, error = end(process)
    assert (status, "Traceback" in error) == (0, False)


@pytest.mark.slow
def test_e15_a_body_that_was_fast_and_falls_silent_is_let_go(tmp_path: Path) -> None:
    south, good = served(tmp_path)
    process = start(south.folder)
    begun = HEAD + b"Content-Length: %d\r\n\r\n" % 2**21 + good[:65] + bytes(2**20)

    async def main() -> None:
        gate = asyncio.Semaphore(1)
        assert await slow(south.port, begun, gate) < CLOSED_SECONDS

    try:
        in_loop(main())
    finally:
        end(process)


def test_e15_a_client_of_tls_that_never_says_who_it_is_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither Python nor uvloop would within a minute."""
    monkeypatch.setattr(listening, "_HANDSHAKE_SECONDS", 1.0)

    async def main() -> None:
        sides = make_sides(tmp_path / "nodes", {"north": "", "south": "https://localhost:PORT"})
        context = Authority.make(tmp_path / "ca.pem").context("localhost", (-1, 30))
        async with running(sides["south"], context=context) as south:
            gate = asyncio.Semaphore(2)
            times = await asyncio.gather(slow(south.side.port, b"", gate), slow(south.side.port, b"\x16\x03\x01\x02\x00\x01", gate))
            assert max(times) < 5

    in_loop(main())


@pytest.mark.slow
def test_e2_a_link_of_9600_bits_a_second_is_slow_and_no_attack(tmp_path: Path) -> None:
    """A bundle of 9 KiB, at 1,100 bytes a second as a modem brings them after its own overhead, with a pause of 8 s."""
    south, body = served(tmp_path, "x" * 8_000)
    assert len(body) > 8_000
    process = start(south.folder)

    async def main() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", south.port)
        writer.write(HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
        for at in range(0, len(body), 550):
            writer.write(body[at : at + 550])
            await asyncio.sleep(8 if at == 5500 else 0.5)
        answer = await reader.read()
        writer.close()
        return answer

    try:
        assert in_loop(main()).startswith(b"HTTP/1.1 200 ")
    finally:
        end(process)
