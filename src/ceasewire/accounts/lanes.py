"""Guessing is slowed, and nobody is locked out by another's guesses.

Every try at a password is counted before it is judged, and a right one is taken off again, so that many at once gain nothing. Whoever comes
from a device that this person has signed in on before is counted in that device's own lane, and in no other. All others share one lane an
account and one an address (an IPv6 network of 64 bits counts as one). After the first few failures each lane asks for a pause that doubles
up to its longest, and forgets when it has been left alone; it never closes for good. An address must wait longer than an account, so one
enemy's address cannot be always the next to try.

Names that nobody has get lanes too: nothing tells them from others.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from .. import limits
from ..errors import LocalError
from .schema import lane
from .values import Client


@dataclass(frozen=True, slots=True)
class Rule:
    """So many failures cost nothing; then the pause doubles from one second up to `longest`; `forgotten` seconds after the last failure
    all of them are."""

    free: int
    longest: int
    forgotten: int

    def pause(self, failures: int) -> int:
        """Seconds to wait after so many failures."""
        over = failures - self.free
        return 0 if over < 0 else min(self.longest, 2 ** min(over, 20))


DEVICE: Final = Rule(free=5, longest=60, forgotten=3600)
ACCOUNT: Final = Rule(free=5, longest=30, forgotten=3600)
ADDRESS: Final = Rule(free=10, longest=900, forgotten=6 * 3600)


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: how it slows, and its row."""

    rule: Rule
    key: bytes


def _key(secret: bytes, kind: str, value: bytes) -> bytes:
    """A lane's key tells nobody whose it is, nor can two be made to meet."""
    return hmac.digest(secret, b"ceasewire/lane/1\0" + kind.encode() + b"\0" + value, "sha256")[:16]


def of_device(secret: bytes, device: bytes) -> list[Lane]:
    """The lane of a device that the person has signed in on, or of a session that must confirm."""
    return [Lane(DEVICE, _key(secret, "device", device))]


def of_strangers(secret: bytes, folded: str, client: Client) -> list[Lane]:
    """The lanes of whoever else tries this name."""
    return [
        Lane(ACCOUNT, _key(secret, "account", folded.encode("utf-8", "replace"))),
        Lane(ADDRESS, _key(secret, "address", network(client.address).encode("utf-8", "replace"))),
    ]


def enter(connection: Connection, lanes: Sequence[Lane], now: int) -> None:
    """Count a try in each lane. Raises LocalError account.busy, whose detail is the seconds to wait, and counts nothing, if one is not
    open yet."""
    counted = [_failures(connection, one, now) for one in lanes]
    wait = max(pause for _, pause in counted)
    if wait > 0:
        raise LocalError("account.busy", str(wait))
    for one, (failures, _) in zip(lanes, counted, strict=True):
        row = insert(lane).values(key=one.key, failures=failures + 1, last=now)
        connection.execute(row.on_conflict_do_update(index_elements=[lane.c.key], set_={"failures": failures + 1, "last": now}))
    _bound(connection)


def _failures(connection: Connection, one: Lane, now: int) -> tuple[int, int]:
    """Failures that still count, and seconds until the lane opens."""
    row = connection.execute(select(lane).where(lane.c.key == one.key)).one_or_none()
    if row is None or now - row.last >= one.rule.forgotten:
        return 0, 0
    # A clock that was set back makes nobody wait: how long ago the last failure was is not known then.
    return row.failures, 0 if row.last > now else max(0, row.last + one.rule.pause(row.failures) - now)


def leave(connection: Connection, lanes: Sequence[Lane]) -> None:
    """The try was right: it counts no more. Failures before it do, since somebody else's were among them perhaps."""
    for one in lanes:
        connection.execute(lane.update().where(lane.c.key == one.key, lane.c.failures > 0).values(failures=lane.c.failures - 1))


def clear(connection: Connection, lanes: Sequence[Lane]) -> None:
    """A lane that only one person drives is as new after a right try."""
    for one in lanes:
        connection.execute(delete(lane).where(lane.c.key == one.key))


def _bound(connection: Connection) -> None:
    over = (connection.execute(select(func.count()).select_from(lane)).scalar() or 0) - limits.SIGN_IN_LANES
    if over > 0:
        oldest = select(lane.c.key).order_by(lane.c.last).limit(over)
        connection.execute(delete(lane).where(lane.c.key.in_(oldest)))


def network(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, of IPv4 within IPv6 the IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def address_class(address: str) -> str:
    """How near an address is: loopback, private, public, or unknown. The audit list says no more of it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return "loopback" if found.is_loopback else "private" if found.is_private else "public"
