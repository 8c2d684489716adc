"""Sessions: who is signed in, for how long, and what ends it.

A session ends when nothing was done for twelve hours, after a day in any case, when its person or an administrator ends it, and when the
person is disabled. All of that is read anew at every request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, select, update

from .. import limits
from ..errors import LocalError
from . import drawn
from .base import Base
from .schema import device, person, session
from .values import Session

_SEEN_SECONDS: Final = 60  # a session's last use is written this often at most: each write waits for the disk


class Sessions(Base):
    """The part of Accounts that knows who is signed in."""

    def session(self, token: str, now: int) -> Session | None:
        """Whose session the token opens, or None. Its use counts against the idle limit."""
        hashed = drawn.digest(drawn.SESSION, token)
        with self._db.reading() as connection:
            found = self._live(connection, session.c.hash == hashed, now)
            if found is None:
                return None
            made = self._session_of(connection, token, *found)
        if now - made.seen >= _SEEN_SECONDS:
            with self._db.writing() as connection:
                connection.execute(update(session).where(session.c.hash == hashed).values(seen=now))
                connection.execute(update(person).where(person.c.id == made.account).values(seen=now))
        return made

    def _live(self, connection: Connection, which: ColumnElement[bool], now: int) -> tuple[Any, Any] | None:
        """The rows of a session that has not ended and of its person."""
        row = connection.execute(select(session).where(which)).one_or_none()
        if row is None or now - row.seen >= limits.SESSION_IDLE_SECONDS or now - row.made >= limits.SESSION_SECONDS:
            return None
        who = connection.execute(select(person).where(person.c.id == row.account)).one_or_none()
        return None if who is None or who.disabled is not None else (row, who)

    def _signed_in(self, connection: Connection, session_id: str, now: int) -> tuple[Any, Any]:
        """The rows of a session and of its person. Raises LocalError account.session."""
        found = self._live(connection, session.c.id == session_id, now)
        if found is None:
            raise LocalError("account.session")
        return found

    @contextmanager
    def acting(self, session_id: str, least: str, now: int, *, fresh: bool = False) -> Iterator[Session]:
        """The person behind a session, for one act that needs the role `least`, and a fresh confirmation if asked. What ends the session,
        disables the person or takes the role away waits until the act is over, and every later one is refused. Raises LocalError
        account.session, account.role, account.fresh."""
        with self._db.reading() as connection:
            account = connection.execute(select(session.c.account).where(session.c.id == session_id)).scalar()
        if account is None:
            raise LocalError("account.session")
        with self._acting.act(account):
            with self._db.reading() as connection:  # not before: it must be asked within the act
                found = self._session_of(connection, "", *self._signed_in(connection, session_id, now))
            if not found.may(least):
                raise LocalError("account.role", f"this needs the role {least}")
            if fresh and not now < found.fresh_until:
                raise LocalError("account.fresh")
            yield found

    @contextmanager
    def administering(self, session_id: str, now: int) -> Iterator[Session]:
        """`acting` for an act on other people's accounts: by an administrator who has confirmed lately who they are. One at a time, so that
        two who change each other's roles do not wait for each other. Raises as `acting`."""
        with self._administering, self.acting(session_id, "administrator", now, fresh=True) as found:
            yield found

    def sessions(self, account: int, now: int | None = None) -> list[Session]:
        """The sessions of a person, the newest first, without their `csrf`; with `now` only those that last."""
        with self._db.reading() as connection:
            who = self._person(connection, account)
            rows = connection.execute(select(session).where(session.c.account == account).order_by(session.c.made.desc())).all()
            lasting = [row for row in rows if now is None or self._live(connection, session.c.hash == row.hash, now)]
            return [self._session_of(connection, "", row, who) for row in lasting]

    def end_session(self, id: str, by: int, now: int) -> None:
        """End a session by its `id`: one's own, or as an administrator anybody's. Raises LocalError account.missing, account.role."""
        with self._db.reading() as connection:
            account = connection.execute(select(session.c.account).where(session.c.id == id)).scalar()
        if account is None:
            raise LocalError("account.missing", "no such session")
        with self._ending(account) as connection:
            if account != by:
                self._allow(connection, by, "administrator")
            connection.execute(delete(session).where(session.c.id == id))
            self._line(connection, by, "session_ended", self._person(connection, account).name, now)

    def end_sessions(self, account: int, by: int, now: int, but: str = "") -> int:
        """End all sessions of a person but the one whose `id` is given, and forget their devices; how many. Raises as end_session."""
        with self._ending(account) as connection:
            if account != by:
                self._allow(connection, by, "administrator")
            count = self._end_all(connection, account, but)
            self._line(connection, by, "session_ended", self._person(connection, account).name, now)
        return count

    def _end_all(self, connection: Connection, account: int, but: str = "") -> int:
        connection.execute(delete(device).where(device.c.account == account))
        return connection.execute(delete(session).where(session.c.account == account, session.c.id != but)).rowcount

    def sign_out(self, token: str, now: int) -> None:
        """End the session of a token; nothing happens if there is none. The device stays known."""
        hashed = drawn.digest(drawn.SESSION, token)
        with self._db.reading() as connection:
            account = connection.execute(select(session.c.account).where(session.c.hash == hashed)).scalar()
        if account is not None:
            with self._ending(account) as connection:
                if connection.execute(delete(session).where(session.c.hash == hashed)).rowcount:
                    self._line(connection, account, "signed_out", "", now)

    def _may_enrol(self, connection: Connection, row: Any, who: Any, now: int) -> bool:
        """Whether a session may give its person a new password or passkey: a fresh one, one that came by a link, or anybody's who has
        neither yet."""
        return by_link(row, now) or now < row.fresh_until or not self._has_credential(connection, who.id)

    def _freshen(self, connection: Connection, row: Any, how: str, now: int) -> int:
        until = now + limits.FRESH_SECONDS
        connection.execute(update(session).where(session.c.hash == row.hash).values(fresh_until=until))
        self._line(connection, row.account, "confirmed", how, now)
        return until


def by_link(row: Any, now: int) -> bool:
    """Whether a session came by a one-time link, not long ago."""
    return bool(row.how == "link" and now - row.made < limits.SIGN_IN_LINK_SECONDS)
