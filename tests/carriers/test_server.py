"""`POST /exchange` and its neighbours against whatever a stranger may write to a socket. FAULTS A18, C16, E6, E16; I4."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from carriers.sides import Running, Side, in_loop, make_sides, running
from ceasewire.carriers import guard, server
from ceasewire.exchange.bundle import BUNDLE_BYTES
from ceasewire.node.exchange import Exchange

HEAD = b"POST /exchange HTTP/1.1\r\nHost: any\r\nContent-Type: application/octet-stream\r\n"
LEN = b"Content-Length: %d\r\n"


@asynccontextmanager
async def south_served(base: Path, north_url: str = "") -> AsyncIterator[tuple[Running, bytes, dict[str, Side]]]:
    """A node that listens, and a good bundle for it with one message."""
    sides = make_sides(base, {"north": north_url, "south": None})
    with sides["north"].folder.node(None) as north:
        north.send("statement", {"text": "hello"})
        good = Exchange(north).compose(1 - north.own).data
    async with running(sides["south"]) as south:
        yield south, good, sides


async def raw(port: int, data: bytes, *, seconds: float = 5, finish: bool = False) -> bytes:
    """Everything the server says to these bytes until it closes, or the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    try:
        writer.write(data)
        if finish:
            writer.write_eof()
        async with asyncio.timeout(seconds):
            while chunk := await reader.read(65536):
                found += chunk
    except TimeoutError:
        found += b"(timeout)"
    except ConnectionError:
        found += b"(reset)"
    finally:
        writer.close()
    return found


def parsed(answer: bytes) -> tuple[int, str | None]:
    """Status and code of one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    code = json.loads(body).get("code") if b"application/json" in head else None
    return status, code


def post(body: bytes, *more: bytes) -> bytes:
    return HEAD + LEN % len(body) + b"Connection: close\r\n" + b"".join(line + b"\r\n" for line in more) + b"\r\n" + body


def test_what_is_not_a_bundle_is_refused_by_code(tmp_path: Path) -> None:
    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            other = bytearray(good)
            other[20] ^= 1  # another channel
            stranger = bytearray(good)
            stranger[41:45] = (7).to_bytes(4, "big")
            gone, later, damaged = bytearray(good), bytearray(good), bytearray(good)
            gone[50] ^= 1
            later[8] = 2
            damaged[-1] ^= 1
            cases = {
                b"": (400, "bundle.magic"),
                b"garbage" * 50: (400, "bundle.magic"),
                b"CWBUNDLE": (400, "bundle.truncated"),
                good[:-1]: (400, "bundle.truncated"),
                good[:65]: (400, "bundle.truncated"),
                good + b"x": (400, "enc.trailing"),
                bytes(damaged): (400, "bundle.open"),
                bytes(later): (400, "bundle.version"),
                bytes(other): (403, "bundle.channel"),
                bytes(stranger): (403, "bundle.recipient"),
                bytes(gone): (409, "bundle.key_gone"),
                good[:61] + b"\xff\xff\xff\xff" + good[65:]: (413, "bundle.size"),
            }
            for body, expected in cases.items():
                assert parsed(await raw(south.side.port, post(body))) == expected, body[:70]
            assert south.size(1 - south.node.own) == 0
            answer = await raw(south.side.port, post(good))
            assert parsed(answer) == (200, None)
            assert b"server:" not in answer.lower()
            assert b"date:" not in answer.lower()
            assert south.size(1 - south.node.own) == 1

    in_loop(main())


def test_a18_type_and_coding(tmp_path: Path) -> None:
    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            bomb = gzip.compress(bytes(64 * 1024**2))
            plain = post(good).replace(b"application/octet-stream", b"%s")
            for kind in (b"text/plain", b"application/json", b"application/octet-stream; charset=utf-7", b"", b"\xff"):
                assert parsed(await raw(south.side.port, plain.replace(b"%s", kind))) in [(415, "http.type"), (400, None)], kind
            for coding in (b"gzip", b"deflate", b"identity", b"x"):
                assert parsed(await raw(south.side.port, post(bomb, b"Content-Encoding: " + coding))) == (415, "http.type")
            assert south.size(1 - south.node.own) == 0

    in_loop(main())


def test_a_body_that_lies_about_its_length(tmp_path: Path) -> None:
    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            port = south.side.port
            huge = await raw(port, HEAD + LEN % (BUNDLE_BYTES + 1) + b"\r\n" + good)
            assert parsed(huge) == (413, "bundle.size")
            for claimed in (10**18, 2**64 - 1):
                status, _ = parsed(await raw(port, HEAD + LEN % claimed + b"\r\n"))
                assert status in (400, 413)
            chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
            flood = good[:65] + bytes(BUNDLE_BYTES)
            answer = await raw(port, chunked + b"%x\r\n" % len(flood) + flood + b"\r\n0\r\n\r\n")
            assert answer == b"(reset)" or parsed(answer.removesuffix(b"(reset)")) == (413, "bundle.size")
            # Less than it claims: what is there is not read as if it were whole.
            short = await raw(port, HEAD + LEN % (len(good) + 5) + b"\r\n" + good, finish=True, seconds=2)
            assert not short.startswith(b"HTTP/1.1 200")
            # More than it claims: the rest is not of this request.
            more = await raw(port, HEAD + LEN % 8 + b"\r\n" + good)
            assert (
                parsed(
                    more.partition(
                        b"HTTP/1.1",
                    )[1]
                    + more.partition(b"HTTP/1.1")[2].partition(b"HTTP/1.1")[0]
                )[0]
                == 400
            )
            assert south.size(1 - south.node.own) == 0

    in_loop(main())


RAW = {
    "CL and TE": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TE twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "TE unknown": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two CL": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "CL signed": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "CL negative": HEAD + b"Content-Length: -1\r\n\r\n",
    "CL hex": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "CL list": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
    "bare LF": b"GET /health HTTP/1.1\nHost: a\n\n",
    "obs-fold": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\nConnection: close\r\n\r\n",
    "NUL": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "space before colon": b"GET /health HTTP/1.1\r\nHost : a\r\n\r\n",
    "1 MiB header": b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 2**20 + b"\r\n\r\n",
    "1 MiB header without end": b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 2**20,
    "40 KiB header": b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40 * 1024 + b"\r\n\r\n",
    "20 000 headers": b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    "1 MiB path": b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "chunk flood": HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n",
    "chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\na\r\n0\r\n\r\n",
    "chunk extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 10**6 + b"\r\na\r\n0\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "CONNECT": b"CONNECT other:443 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "unknown method": b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT": b"PUT /exchange HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "GET on exchange": b"GET /exchange HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "absolute form": b"GET http://elsewhere/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "traversal": b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "websocket": b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    "h2c": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "non-ASCII path": b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "expect": HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/3.7": b"GET / HTTP/3.7\r\nHost: a\r\n\r\n",
}


def test_e16_raw_requests_end_without_a_server_error(tmp_path: Path) -> None:
    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            for name, data in RAW.items():
                began = time.perf_counter()
                answer = await raw(south.side.port, data, seconds=0.5 if name in KEPT else 3)
                assert b"(timeout)" not in answer or name in KEPT, name
                assert time.perf_counter() - began < 9, name
                heads = [int(part[1:4]) for part in (b"\r\n" + answer).split(b"\r\nHTTP/1.1")[1:] if part[1:4] != b"100"]
                assert all(status < 500 or status in (501, 503) for status in heads), (name, heads)
                assert len(heads) <= 1, (name, heads)
            assert parsed(await raw(south.side.port, post(good))) == (200, None)

    in_loop(main())


KEPT = {"websocket"}  # a good request but for the upgrade: answered, and the connection kept


def test_e6_a_slow_body_a_slow_head_and_an_idle_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_SECONDS", 1.0)
    monkeypatch.setattr(guard, "HEAD_SECONDS", 1.0)

    async def drip(port: int, data: bytes) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.perf_counter()
        reading = asyncio.create_task(reader.read())
        try:
            for at in range(100):
                writer.write(data[at : at + 1] or b"x")
                await asyncio.wait({reading}, timeout=0.1)
                if reading.done():
                    break
        except ConnectionError:
            pass
        await asyncio.gather(reading, return_exceptions=True)
        writer.close()
        return time.perf_counter() - began

    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            port = south.side.port
            idle = raw(port, b"")
            half = raw(port, HEAD + LEN % len(good) + b"\r\n" + good[:100])
            times = await asyncio.gather(drip(port, HEAD), drip(port, b""), idle, half)
            assert max(times[0], times[1]) < 3
            assert times[2] in (b"", b"(reset)")
            assert parsed(times[3]) == (408, "bundle.truncated")
            # None of them was in the way.
            assert parsed(await raw(port, post(good))) == (200, None)

    in_loop(main())


def test_e6_a_body_that_keeps_coming_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_MOST_SECONDS", 1.0)

    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", south.side.port)
            began = time.perf_counter()
            reading = asyncio.create_task(reader.read())
            writer.write(HEAD + LEN % 10**6 + b"\r\n" + good)
            with suppress(ConnectionError):
                while not reading.done() and time.perf_counter() - began < 5:
                    writer.write(bytes(4096))
                    await asyncio.sleep(0.1)
            assert time.perf_counter() - began < 3
            (found,) = await asyncio.gather(reading, return_exceptions=True)
            # What we still wrote may have reset the connection before its answer was read.
            assert isinstance(found, ConnectionError) or parsed(found) == (408, "bundle.truncated")  # type: ignore[arg-type]
            writer.close()

    in_loop(main())


def test_e6_a_client_that_does_not_read_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STALL_SECONDS", 0.5)

    async def main() -> None:
        async with south_served(tmp_path) as (south, good, _):
            text = {"text": "x" * 15_000}
            await asyncio.to_thread(south.node.send_many, [("statement", text)] * 400)
            reader, writer = await asyncio.open_connection("127.0.0.1", south.side.port, limit=1024)
            writer.write(post(good))
            await asyncio.sleep(2.5)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            found = 0
            with suppress(ConnectionError):  # a clean end is one too, if it is early
                while chunk := await reader.read(65536):
                    found += len(chunk)
            assert found < 400 * 15_000
            writer.close()

    in_loop(main())


def test_health_and_headers(tmp_path: Path) -> None:
    async def main() -> None:
        async with south_served(tmp_path, "http://127.0.0.1:1") as (south, good, _):
            await asyncio.sleep(0.3)  # a line of its fails by now, and the page says so
            get = b"GET %s HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n"
            health = await raw(south.side.port, get % b"/health")
            assert json.loads(health.partition(b"\r\n\r\n")[2]) == {"ok": True, "nodes": [{"party": "south", "health": "ok"}]}
            assert b"Not reached" in await raw(south.side.port, get % b"/")
            for path, status in ((b"/", 200), (b"/health", 200), (b"/style.css", 200), (b"/nowhere", 404), (b"/?lang=ps", 200)):
                head = (await raw(south.side.port, get % path)).partition(b"\r\n\r\n")[0].decode().lower()
                assert head.startswith(f"http/1.1 {status} "), path
                for name, value in server.SECURITY_HEADERS.items():
                    assert f"{name}: {value}".lower() in head, path
            south.node._closed = "log.closed"
            health = await raw(south.side.port, get % b"/health")
            assert parsed(health)[0] == 503
            assert json.loads(health.partition(b"\r\n\r\n")[2])["ok"] is False
            # It receives, and signs nothing.
            assert parsed(await raw(south.side.port, post(good))) == (503, "log.closed")
            assert south.size(1 - south.node.own) == 1
            assert not south.node.store.cosignatures(1 - south.node.own, 1)

    in_loop(main())


def test_c16_a_receipt_that_is_not_one_is_refused(tmp_path: Path) -> None:
    """A bundle signed by its sender that bears a cosignature copied from another checkpoint: the receipt counts for nothing."""

    async def main() -> None:
        sides = make_sides(tmp_path, {"north": "", "south": None})
        with sides["north"].folder.node(None) as north:
            exchange = Exchange(north)
            async with running(sides["south"]) as south:
                await south.send()
                exchange.receive(await _posted(south, exchange.compose(south.node.own).data))
                await _posted(south, exchange.compose(south.node.own).data)
                assert south.receipted(north.own) == 1
                await south.send()
                size = south.size(south.node.own)
                kept = south.node.store.cosignatures(south.node.own, 1)[0]
                node = exchange.node
                line = node.line(kept)
                newest = south.node.store.newest_checkpoint(south.node.own)
                assert newest is not None
                assert line is not None
                forged = south.node.note(newest).encode() + line.text().encode()
                exchange._newest_notes = lambda *_: [forged]  # type: ignore[method-assign]
                await _posted(south, exchange.compose(south.node.own).data)
                assert size == 2
                assert south.receipted(north.own) == 1
                assert south.node.store.refused()[0].code == "sig.invalid"

    in_loop(main())


async def _posted(to: Running, data: bytes) -> bytes:
    return (await raw(to.side.port, post(data))).partition(b"\r\n\r\n")[2]
