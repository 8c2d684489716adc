"""What the parts of `Accounts` share: the file, randomness, looking people up, and the lines of the audit list."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from .. import limits
from ..errors import LocalError, PeerError
from ..keyfile import Random, draw
from ..record.encoding import check_text
from ..record.text import folded, hidden
from . import drawn, lanes, schema
from .acting import Acting
from .database import SECRET, Database
from .schema import audit, audit_older, device, passkey, password, person, session
from .values import ROLES, Client, Session

REFUSED: Final = "sign_in_refused"
_HANDLE_BYTES: Final = 32
_WHAT: Final = re.compile(r"[a-z][a-z_.]{0,39}")
_SAID_SECONDS: Final = 600  # further refusals of one name from one class of address are not said within this time
_GIVEN_WAY: Final = 500  # audit lines that give way at a time


class Base:
    """The part that has no public act of its own."""

    def __init__(self, database: Database, random: Random) -> None:
        self._db = database
        self._random = random
        self._acting = Acting()
        self._administering = threading.Lock()
        with database.reading() as connection:
            secret = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == SECRET)).scalar()
        if not isinstance(secret, bytes):
            raise LocalError("account.damaged", "it has no secret of its own")
        self._secret = secret

    # --- People ---

    def _person(self, connection: Connection, account: int) -> Any:
        """The row of a person. Raises LocalError account.missing."""
        row = connection.execute(select(person).where(person.c.id == account)).one_or_none()
        if row is None:
            raise LocalError("account.missing", str(account))
        return row

    def _allow(self, connection: Connection, by: int | None, least: str) -> None:
        """Refuse what the account `by` may not do; None is whoever can write the node's folder. Raises LocalError account.role."""
        if by is None:
            return
        row = connection.execute(select(person).where(person.c.id == by)).one_or_none()
        if row is None or row.disabled is not None or ROLES.index(row.role) < ROLES.index(least):
            raise LocalError("account.role", f"this needs the role {least}")

    def _join(self, connection: Connection, name: str, role: str, now: int) -> Any:
        """A new person. Raises LocalError account.name, account.full."""
        shown, compared = _name(name)
        if connection.execute(select(person.c.id).where(person.c.folded == compared)).first():
            raise LocalError("account.name", "somebody here has it already")
        if (connection.execute(select(func.count()).select_from(person)).scalar() or 0) >= limits.ACCOUNTS:
            raise LocalError("account.full", f"a node has {limits.ACCOUNTS} people at most")
        row = {"handle": draw(self._random, _HANDLE_BYTES), "name": shown, "folded": compared, "role": role, "made": now}
        made = connection.execute(insert(person).values(**row, language="en", calendar="gregorian", theme="auto"))
        return self._person(connection, made.lastrowid)

    def _free_name(self, connection: Connection, name: str) -> str:
        """The name as it would be kept. Raises LocalError account.name if it is none, or taken."""
        shown, compared = _name(name)
        if connection.execute(select(person.c.id).where(person.c.folded == compared)).first():
            raise LocalError("account.name", "somebody here has it already")
        return shown

    def _has_credential(self, connection: Connection, account: int) -> bool:
        return any(connection.execute(select(table.c.account).where(table.c.account == account)).first() for table in (password, passkey))

    # --- Sessions ---

    def _sign_in(self, connection: Connection, row: Any, how: str, client: Client, now: int, *, fresh: bool) -> tuple[str, Session]:
        """A new session of a person, and a device that is known from now on. The oldest session gives way if there are too many."""
        token = drawn.secret(drawn.SESSION, self._random)
        hashed = drawn.digest(drawn.SESSION, token)
        values = {
            "hash": hashed,
            "id": hashed.hex()[:16],
            "account": row.id,
            "made": now,
            "seen": now,
            "fresh_until": now + limits.FRESH_SECONDS if fresh else 0,
            "how": how,
            "client": lanes.address_class(client.address),
        }
        _keep_newest(connection, session, row.id, limits.SESSIONS_PER_ACCOUNT - 1, session.c.made)
        connection.execute(insert(session).values(**values))
        connection.execute(update(person).where(person.c.id == row.id).values(seen=now))
        known = self._know_device(connection, row.id, client, now)
        self._line(connection, row.id, "signed_in", how, now, client=client)
        return token, self._session_of(connection, token, values, row, known)

    def _know_device(self, connection: Connection, account: int, client: Client, now: int) -> str:
        """The value of the device cookie: a new one each time, so that one that was copied is worth nothing once its owner signs in."""
        old = drawn.digest(drawn.DEVICE, client.device)
        connection.execute(delete(device).where(device.c.hash == old, device.c.account == account))
        _keep_newest(connection, device, account, limits.DEVICES_PER_ACCOUNT - 1, device.c.seen)
        made = drawn.secret(drawn.DEVICE, self._random)
        connection.execute(insert(device).values(hash=drawn.digest(drawn.DEVICE, made), account=account, seen=now))
        return made

    def _session_of(self, connection: Connection, token: str, row: Any, who: Any, known: str = "") -> Session:
        held = row if isinstance(row, dict) else row._mapping
        return Session(
            id=held["id"],
            account=who.id,
            name=who.name,
            role=who.role,
            csrf=drawn.csrf(token) if token else "",
            language=who.language,
            calendar=who.calendar,
            theme=who.theme,
            fresh_until=held["fresh_until"],
            created=held["made"],
            seen=held["seen"],
            client=held["client"],
            how=held["how"],
            enrolled=self._has_credential(connection, who.id),
            device=known,
        )

    # --- The audit list ---

    def _line(self, connection: Connection, who: int | None, what: str, about: str, now: int, *, client: Client | None = None) -> None:
        """One line more; the oldest are counted and give way when there are too many. Raises ValueError for a `what` that is no code."""
        if not _WHAT.fullmatch(what) or len(about.encode("utf-8", "replace")) > limits.AUDIT_ABOUT_BYTES:
            raise ValueError(f"no line of the audit list: {what[:40]}")
        near = "" if client is None else lanes.address_class(client.address)
        connection.execute(insert(audit).values(time=now, who=who, what=what, about=about, client=near))
        first, last = connection.execute(select(func.min(audit.c.id), func.max(audit.c.id))).one()
        if last - first >= limits.AUDIT_LINES:
            _give_way(connection, first + _GIVEN_WAY)

    def _refuse(self, connection: Connection, who: int | None, client: Client, now: int) -> None:
        """Say that somebody was not let in, but not again and again: an enemy must not push other lines out of the list."""
        near = lanes.address_class(client.address)
        same = (audit.c.who.is_(None) if who is None else audit.c.who == who) & (audit.c.client == near)
        lately = select(audit.c.id).where(audit.c.what == REFUSED, same, audit.c.time > now - _SAID_SECONDS, audit.c.time <= now).limit(1)
        if connection.execute(lately).first() is None:
            self._line(connection, who, REFUSED, "", now, client=client)

    # --- Acts that ending a session must not overtake ---

    @contextmanager
    def _ending(self, account: int) -> Iterator[Connection]:
        """What ends sessions or takes away a role: when it is over, no act of that person's that began before goes on."""
        with self._db.writing() as connection:
            yield connection
        self._acting.wait_for(account)


def compared_name(name: str) -> str:
    """A name as it is compared: equal where a person would take one for the other's spelling."""
    return folded(" ".join(unicodedata.normalize("NFC", name[: 4 * limits.ACCOUNT_NAME_BYTES]).split()))


def _name(name: str) -> tuple[str, str]:
    """A person's name as it is shown and as it is compared. Raises LocalError account.name."""
    shown = " ".join(unicodedata.normalize("NFC", name[: 4 * limits.ACCOUNT_NAME_BYTES]).split())
    try:
        check_text(shown)
        size = len(shown.encode())
    except (PeerError, UnicodeEncodeError):
        raise LocalError("account.name", "it holds characters that no text may hold") from None
    if not 0 < size <= limits.ACCOUNT_NAME_BYTES:
        raise LocalError("account.name", f"a name has 1 to {limits.ACCOUNT_NAME_BYTES} bytes in UTF-8")
    compared = compared_name(shown)
    if hidden(shown) or not compared.strip():
        raise LocalError("account.name", "it holds characters that a reader does not see")
    return shown, compared


def _keep_newest(connection: Connection, table: Any, account: int, most: int, order: Any) -> None:
    old = select(table.c.hash).where(table.c.account == account).order_by(order.desc()).limit(-1).offset(most)
    connection.execute(delete(table).where(table.c.hash.in_(old)))


def _give_way(connection: Connection, before: int) -> None:
    """Count the lines below a number, kind by kind, and take them away."""
    old = (
        select(audit.c.what, func.count(), func.min(audit.c.time), func.max(audit.c.time)).where(audit.c.id < before).group_by(audit.c.what)
    )
    for what, count, first, last in connection.execute(old).all():
        row = sqlite_insert(audit_older).values(what=what, count=count, first=first, last=last)
        merged = {
            "count": audit_older.c.count + count,
            "first": func.min(audit_older.c.first, first),
            "last": func.max(audit_older.c.last, last),
        }
        connection.execute(row.on_conflict_do_update(index_elements=[audit_older.c.what], set_=merged))
    for number in connection.execute(select(audit.c.id).where(audit.c.id < before).order_by(audit.c.id)).scalars().all():
        connection.execute(delete(audit).where(audit.c.id == number))
