"""Which addresses of a peer may be called. FAULTS E17.

A peer's URL stands in its card, which every party signed with the charter; still it must not turn this node into a way into its
own network. https anywhere but to this machine; http and this machine only where our own URL is loopback or empty, as in a trial.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from ..errors import LocalError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAME: Final = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PATH: Final = re.compile(r"[A-Za-z0-9._~/-]*")
_NUMBER: Final = re.compile(r"([0-9]+|0x[0-9a-f]*)")  # a last label like this makes some resolvers read the name as an address
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Where something is posted, and whether an address of this machine is allowed."""

    url: str
    local: bool


def _refuse(why: str) -> LocalError:
    return LocalError("net.url", why)


def check_url(own_url: str, peer_url: str, below: str = "/exchange") -> Target:
    """Where to post bundles for a peer with that URL, or what else goes to that path below it. Raises LocalError net.url."""
    parts, host = _split(peer_url)
    trial = not own_url or _is_loopback(_split(own_url)[1])
    if parts.scheme == "http" and not (trial and _is_loopback(host)):
        raise _refuse("http is for loopback on both sides")
    address = _literal(host)
    if address is not None:
        check_address(address, local=trial)
    elif host == "localhost" and not trial:
        raise _refuse("this machine")
    return Target(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{below}", trial)


def loopback_port(url: str) -> int | None:
    """The port of a URL on this machine; None for any other URL or none."""
    try:
        parts, host = _split(url)
    except LocalError:
        return None
    return (parts.port or (443 if parts.scheme == "https" else 80)) if _is_loopback(host) else None


def _split(url: str) -> tuple[SplitResult, str]:
    """The parts of a URL without anything that two readers could read differently; and its host."""
    try:
        if not url.isascii() or any(c <= " " or c in '\\"<>%\x7f' for c in url):
            raise ValueError
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refuse("not a URL") from None
    if parts.scheme not in ("https", "http"):
        raise _refuse("only https, or http to loopback")
    if "@" in parts.netloc or "?" in url or "#" in url or not _PATH.fullmatch(parts.path):
        raise _refuse("no user, query or fragment")
    if port == 0 or parts.netloc.endswith(":"):
        raise _refuse("the port")
    if _literal(host) is None and (not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2])):
        raise _refuse("the host")
    return parts, host


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _literal(host)
    return host == "localhost" if address is None else address.is_loopback


def check_address(address: Address, *, local: bool) -> None:
    """Raises LocalError net.url for an address that no peer lives at; `local` allows this machine."""
    for one in _within(address):
        if one.is_loopback and local:
            continue
        if one.is_loopback or one.is_link_local or one.is_multicast or one.is_unspecified or one.is_reserved:
            raise _refuse("not an address to call")


def _within(address: Address) -> list[Address]:
    """The address, and the IPv4 address that it stands for."""
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        found += [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
        found += address.teredo or ()
        if address in _NAT64:
            # A reserved block as such, but the way to every IPv4 host from a network without IPv4.
            return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
        if address.ipv4_mapped is not None:
            return found[1:]
    return found


class Resolver(AbstractResolver):
    """Looks a name up once for each connection, and refuses the addresses that check_address refuses: the connection goes to the very
    address that was checked, so an answer that changes gains nothing."""

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self._system = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Raises LocalError net.url, OSError."""
        found = await self._system.resolve(host, port, family)
        for one in found:
            address = ipaddress.ip_address(one["host"].partition("%")[0])
            if host == "localhost" and not address.is_loopback:
                raise _refuse("localhost is elsewhere")
            check_address(address, local=self._local)
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._system.close()
