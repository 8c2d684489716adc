"""POST a bundle, take a bundle. Whatever may go wrong on the way becomes one of two codes: net.unreachable or net.refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from ..errors import CODES, LocalError
from ..exchange.bundle import BUNDLE_BYTES
from .tls import client_context
from .urls import Resolver, Target

CONTENT_TYPE: Final = "application/octet-stream"
CONNECT_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 30.0
LEAST_BYTES_PER_SECOND: Final = 1024  # a bundle may take longer than TOTAL_SECONDS on a slow link, at no less than this
MOST_LATER_SECONDS: Final = 60
_ERROR_BYTES: Final = 16 * 1024
_KEEP_SECONDS: Final = 10.0  # below the server's, so that it is we who let an idle connection go


class Later(LocalError):
    """The other side asks us to come again, after so many seconds if it said how many (else 0)."""

    def __init__(self, code: str, detail: str, seconds: int) -> None:
        super().__init__(code, detail)
        self.seconds = seconds


class Client:
    """One peer's server. Use within one event loop; `close` at the end."""

    def __init__(self, target: Target, tls_ca: Path | None, warn: Callable[[str | None], None]) -> None:
        self._target = target
        self._tls_ca = tls_ca
        self._warn = warn
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(self._target, self._tls_ca, self._warn)
        return self._session

    async def post(self, data: bytes, wait: int = 0) -> bytes:
        """The answer to a bundle. `wait`: for how many seconds the server may hold it.

        Raises LocalError net.unreachable, net.refused (detail: the server's code, if it gave one), net.url, file.unreadable.
        """
        with explaining():
            # The time grows with what has been carried, so that a slow link gets through and a stalled one does not.
            async with asyncio.timeout(TOTAL_SECONDS + wait + len(data) / LEAST_BYTES_PER_SECOND) as deadline:
                return await self._post(data, wait, deadline)

    async def _post(self, data: bytes, wait: int, deadline: asyncio.Timeout) -> bytes:
        headers = {"Content-Type": CONTENT_TYPE, "Accept-Encoding": "identity"}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=TOTAL_SECONDS + wait)
        request = self._open().post(self._target.url, data=data, headers=headers, allow_redirects=False, timeout=timeout)
        async with request as answer:
            if answer.status != 200:
                raise await _refusal(answer)
            if answer.content_type != CONTENT_TYPE or "Content-Encoding" in answer.headers:
                raise LocalError("net.refused", "http.type")
            return await _read(answer, BUNDLE_BYTES, deadline)

    async def reachable(self) -> bool:
        """Whether somebody takes connections there. Nothing is asked and nothing believed: it says when to try again."""
        url = urlsplit(self._target.url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                port = url.port or (443 if url.scheme == "https" else 80)
                found, *_ = await Resolver(local=self._target.local).resolve(url.hostname or "", port)
                _, writer = await asyncio.open_connection(found["host"], port)
        except (OSError, LocalError):  # a time-out is an OSError
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def close(self) -> None:
        """Let go of every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def open_session(target: Target, tls_ca: Path | None, warn: Callable[[str | None], None]) -> aiohttp.ClientSession:
    """Connections to one server, as all our calls make them. Raises LocalError file.unreadable."""
    secure = urlsplit(target.url).scheme == "https"
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=client_context(tls_ca, warn) if secure else True,
            resolver=Resolver(local=target.local),
            use_dns_cache=False,
            keepalive_timeout=_KEEP_SECONDS,
            limit=4,
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, connect=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


@contextmanager
def explaining() -> Iterator[None]:
    """What may go wrong on the way, as LocalError net.unreachable or net.refused."""
    try:
        yield
    except (TimeoutError, aiohttp.ServerTimeoutError):
        raise LocalError("net.unreachable", "no answer in time") from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
        raise LocalError("net.refused", f"tls: {_why_tls(error)}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise LocalError("net.unreachable", type(error).__name__) from None


async def _read(answer: aiohttp.ClientResponse, most: int, deadline: asyncio.Timeout | None = None) -> bytes:
    if (answer.content_length or 0) > most:
        raise LocalError("net.refused", "bundle.size")
    found = bytearray()
    async for chunk in answer.content.iter_any():
        found += chunk
        if len(found) > most:
            raise LocalError("net.refused", "bundle.size")
        when = deadline.when() if deadline else None
        if deadline is not None and when is not None:
            deadline.reschedule(when + len(chunk) / LEAST_BYTES_PER_SECOND)
    return bytes(found)


async def _refusal(answer: aiohttp.ClientResponse) -> LocalError:
    """The server's code, if it is one that we know: nothing else of what it says is repeated."""
    if 300 <= answer.status < 400:
        return LocalError("net.refused", f"it redirects ({answer.status})")
    try:
        said = json.loads(await _read(answer, _ERROR_BYTES))
        code = said.get("code") if isinstance(said, dict) else None
    except (ValueError, RecursionError, LocalError):
        code = None
    detail = code if isinstance(code, str) and code in CODES else f"status {answer.status}"
    if answer.status not in (429, 503):
        return LocalError("net.refused", detail)
    return Later("net.busy" if answer.status == 429 else "net.refused", detail, _seconds(answer.headers.get("Retry-After", "")))


def _seconds(retry_after: str) -> int:
    """The seconds of `Retry-After`, at most MOST_LATER_SECONDS; 0 for anything else, such as a date."""
    return min(int(retry_after), MOST_LATER_SECONDS) if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 10 else 0


def _why_tls(error: Exception) -> str:
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return str(getattr(inner, "verify_message", "") or type(inner).__name__)
