"""Our own calls: what a hostile or broken server may answer, TLS, and which addresses may be called. FAULTS E6, E9, E11, E17, E18."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp.abc import ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from carriers.sides import in_loop, make_sides, running, until
from ceasewire.carriers import client as clients
from ceasewire.carriers import urls
from ceasewire.carriers.client import Client
from ceasewire.carriers.tls import server_context
from ceasewire.carriers.urls import Resolver, Target, check_url, loopback_port
from ceasewire.errors import LocalError
from ceasewire.exchange.bundle import BUNDLE_BYTES
from helpers import local

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"


@asynccontextmanager
async def answering(answer: Callable[[asyncio.StreamWriter], object]) -> AsyncIterator[tuple[Client, list[bytes]]]:
    """A client of a server that reads the head of a request, notes its first line, and does as it likes."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append((await reader.readuntil(b"\r\n\r\n")).splitlines()[0])
            found = answer(writer)
            if asyncio.iscoroutine(found):
                await found
            await writer.drain()
            await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client(Target(f"http://127.0.0.1:{port}/exchange", True), None, lambda _: None)
    try:
        yield client, asked
    finally:
        await client.close()
        server.close()


async def refusal(answer: Callable[[asyncio.StreamWriter], object]) -> tuple[str, str]:
    """Code and detail of what comes of posting to it."""
    async with answering(answer) as (client, asked):
        with pytest.raises(LocalError) as caught:
            await client.post(b"x" * 100)
        assert asked == [b"POST /exchange HTTP/1.1"], "not called again, nor anything else"
        return caught.value.code, caught.value.detail


def writes(data: bytes) -> Callable[[asyncio.StreamWriter], object]:
    return lambda writer: writer.write(data)


def _json(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d T\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


ANSWERS = {
    "redirect": (b"HTTP/1.1 307 T\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "net.refused", "it redirects (307)"),
    "to another host": (
        b"HTTP/1.1 302 T\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        "net.refused",
        "it redirects (302)",
    ),
    "500": (b"HTTP/1.1 500 T\r\nContent-Length: 2\r\n\r\nno", "net.refused", "status 500"),
    "known code": (_json(403, b'{"code":"bundle.channel"}'), "net.refused", "bundle.channel"),
    "unknown code": (_json(400, b'{"code":"\\u001b[31mred"}'), "net.refused", "status 400"),
    "not an object": (b"HTTP/1.1 400 T\r\nContent-Length: 2\r\n\r\n[]", "net.refused", "status 400"),
    "deep JSON": (b"HTTP/1.1 400 T\r\nContent-Length: 9000\r\n\r\n" + b"[" * 9000, "net.refused", "status 400"),
    "long error": (b"HTTP/1.1 400 T\r\nContent-Length: 99999\r\n\r\n" + b"a" * 99999, "net.refused", "status 400"),
    "a page": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", "net.refused", "http.type"),
    "gzip": (OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", "net.refused", "http.type"),
    "10 GB": (OK + b"Content-Length: 10000000000\r\n\r\nhi", "net.refused", "bundle.size"),
    "cut": (OK + b"Content-Length: 100\r\n\r\nhi", "net.unreachable", "ClientPayloadError"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n", "net.unreachable", None),
    "nothing": (b"", "net.unreachable", None),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_e9_e18_what_a_server_may_answer(name: str) -> None:
    data, code, detail = ANSWERS[name]
    found = in_loop(refusal(writes(data)))
    assert found[0] == code
    assert detail is None or found[1] == detail


def test_e9_an_answer_without_end_is_cut_at_the_limit() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(BUNDLE_BYTES // 2**20 + 4):
            writer.write(b"100000\r\n" + bytes(2**20) + b"\r\n")
            await writer.drain()

    assert in_loop(refusal(flood)) == ("net.refused", "bundle.size")


def test_e6_reset_in_the_middle_and_a_drip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "TOTAL_SECONDS", 1.0)

    async def reset(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 100\r\n\r\nhi")
        await writer.drain()
        writer.transport.abort()

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 100\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    assert in_loop(refusal(reset))[0] == "net.unreachable"
    began = time.perf_counter()
    assert in_loop(refusal(drip)) == ("net.unreachable", "no answer in time")
    assert time.perf_counter() - began < 3


def test_nobody_there() -> None:
    async def main() -> None:
        for url in ("http://127.0.0.1:1/exchange", "http://nowhere.invalid/exchange"):
            client = Client(Target(url, True), None, lambda _: None)
            with local("net.unreachable"):
                await client.post(b"x")
            await client.close()

    in_loop(main())


# --- TLS ---


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    file: Path

    @staticmethod
    def make(file: Path) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, file.stem)])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=900))
            .not_valid_after(now + datetime.timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .sign(key, hashes.SHA256())
        )
        file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return Authority(key, name, file)

    def context(self, name: str, days: tuple[int, int]) -> ssl.SSLContext:
        """A server's context with a certificate for that name, valid from and until so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        certificate, private = self.file.with_name("cert.pem"), self.file.with_name("key.pem")
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        private.write_bytes(key.private_bytes(*encoding))
        return server_context(certificate, private)


GOOD = (-1, 30)


@pytest.mark.parametrize(
    ("name", "days", "known", "expected"),
    [
        ("localhost", GOOD, True, None),
        ("localhost", (-60, -30), True, "certificate expired"),
        ("localhost", (30, 60), True, "certificate not valid before"),
        ("elsewhere.example", GOOD, True, "tls: Hostname mismatch"),
        ("localhost", GOOD, False, "tls: unable to get local issuer certificate"),
        ("localhost", (-60, -30), False, "tls: unable to get local issuer certificate"),
    ],
)
def test_e11_tls(tmp_path: Path, name: str, days: tuple[int, int], known: bool, expected: str | None) -> None:
    authority = Authority.make(tmp_path / "ca.pem")
    other = Authority.make(tmp_path / "other.pem")

    async def main() -> None:
        sides = make_sides(tmp_path / "nodes", {"north": "", "south": "https://localhost:PORT"})
        context = authority.context(name, days)
        file = authority.file if known else other.file
        async with running(sides["south"], context=context) as south, running(sides["north"], tls_ca=file) as north:
            await north.send()
            if expected is None or expected.startswith("certificate"):
                await until(lambda: north.receipted(south.node.own) == 1, 3)
            else:
                await asyncio.sleep(0.7)
                assert south.size(north.node.own) == 0
            calls = await _calls(sides["north"].folder.control_path)
            if expected is None:
                assert calls["warning"] is None
            elif expected.startswith("certificate"):
                assert calls["warning"].startswith(expected)
                assert calls["code"] is None
            else:
                assert calls["code"] == "net.refused"
                assert calls["detail"].startswith(expected)

    in_loop(main())


async def _calls(path: Path) -> dict[str, str]:
    from ceasewire.carriers.control import call  # noqa: PLC0415

    status = await asyncio.to_thread(call, path, {"op": "status"})
    found: dict[str, str] = status["calls"]["south"]
    return found


def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    async def main() -> None:
        for file in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
            client = Client(Target("https://127.0.0.1:1/exchange", True), file, lambda _: None)
            with local("file.unreadable"):
                await client.post(b"x")
            await client.close()

    in_loop(main())


# --- Addresses ---

ALWAYS = ["https://south.example", "https://south.example:8443/base/", "https://10.1.2.3", "https://[2001:db8::1]:8443"]
TRIAL = ["http://127.0.0.1:8701", "http://127.9.9.9", "http://[::1]:8701", "http://localhost:8701", "https://127.0.0.1", "https://[::1]"]
NEVER = """
http://south.example http://10.1.2.3 http://0.0.0.0 http://[::] http://127.1 http://2130706433 http://0x7f000001 http://0x7f.1
http://0177.0.0.1 http://127.0.0.1.nip.example http://[::ffff:10.0.0.1] http://localhost.example http://LOCALHOST.example
https://user@south.example https://user:pw@south.example https://south.example@127.0.0.1 https://south.example?x=1
https://south.example/? https://south.example#f https://south.example/# https://south.example:0 https://south.example:
https://south.example:99999 https://south.example:x https:///exchange https:// https:south.example //south.example
south.example file:///etc/passwd gopher://127.0.0.1 ftp://south.example ws://south.example unix:///x javascript:1 data:,x
https://169.254.169.254 https://[fe80::1] https://[fe80::1%25eth0] https://224.0.0.1 https://0.0.0.0 https://255.255.255.255
https://[ff02::1] https://[::] https://[::ffff:169.254.169.254] https://[64:ff9b::a9fe:a9fe] https://[2002:a9fe:a9fe::]
https://2852039166 https://0xa9fea9fe https://169.254.43518 https://a..b https://-a.example https://a_b.example
https://south.example\\@127.0.0.1 https://south.example%2f@x https://%31%32%37.0.0.1 https://south.example/a%0d%0ab https://south.example/..;/x
https://127。0。0。1 https://１２７.0.0.1 https://ex\u00admple.org https://[::1 https://[1.2.3.4] https://south.example/<x>
""".split()


@pytest.mark.parametrize("own", ["", "http://127.0.0.1:1", "https://north.example"])
def test_e17_which_addresses_may_be_called(own: str) -> None:
    for url in ALWAYS:
        assert check_url(own, url).url == url.rstrip("/") + "/exchange"
    for url in NEVER:
        with local("net.url"):
            check_url(own, url)
            pytest.fail(url)
    for url in TRIAL:
        if own == "https://north.example":
            with local("net.url"):
                check_url(own, url)
                pytest.fail(url)
        else:
            assert check_url(own, url).url == f"{url}/exchange"


def test_spaces_and_control_characters_in_an_address() -> None:
    for url in (
        "https://south.example/ x",
        " https://south.example",
        "https://south.example\n",
        "https://sou\tth.example",
        "https://a\x00b",
    ):
        with local("net.url"):
            check_url("", url)


def test_loopback_port() -> None:
    assert loopback_port("http://127.0.0.1:8701") == 8701
    assert loopback_port("https://localhost") == 443
    assert loopback_port("https://north.example:8701") is None
    assert loopback_port("") is None


class TwoFaced:
    """A name server that gives a public address first and one of this machine the second time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        self.asked += 1
        address = self.answers.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1%eth0", "::"])
def test_e17_a_name_that_leads_here_is_refused_at_each_connection(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names = TwoFaced("198.51.100.7", address)
    monkeypatch.setattr(urls, "ThreadedResolver", lambda: names)

    async def main() -> None:
        resolver = Resolver(local=False)
        assert [one["host"] for one in await resolver.resolve("south.example", 443)] == ["198.51.100.7"]
        client = Client(Target("https://south.example/exchange", False), None, lambda _: None)
        with local("net.url"):
            await client.post(b"x")
        assert names.asked == 2
        await client.close()

    in_loop(main())


@pytest.mark.parametrize(
    ("head", "code", "seconds"),
    [
        (b"429 Too Many Requests\r\nRetry-After: 7", "net.busy", 7),
        (b"429 Too Many Requests\r\nRetry-After: 99999", "net.busy", clients.MOST_LATER_SECONDS),
        (b"429 Too Many Requests\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT", "net.busy", 0),
        (b"429 Too Many Requests", "net.busy", 0),
        (b"503 Service Unavailable\r\nRetry-After: 5", "net.refused", 5),
    ],
)
def test_e14_we_come_again_when_we_are_told_to(head: bytes, code: str, seconds: int) -> None:
    async def main() -> None:
        async with answering(lambda writer: writer.write(b"HTTP/1.1 " + head + b"\r\nContent-Length: 0\r\n\r\n")) as (client, _):
            with pytest.raises(clients.Later) as caught:
                await client.post(b"bundle")
            assert (caught.value.code, caught.value.seconds) == (code, seconds)
            assert await client.reachable()

    in_loop(main())


def test_a_port_that_nobody_listens_at_is_not_reachable() -> None:
    async def main() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            client = Client(Target(f"http://127.0.0.1:{probe.getsockname()[1]}/exchange", True), None, lambda _: None)
            assert not await client.reachable()
            other = Client(Target("http://169.254.169.254:1/exchange", False), None, lambda _: None)
            assert not await other.reachable()

    in_loop(main())
