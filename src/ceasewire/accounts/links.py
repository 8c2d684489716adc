"""One-time links: the first administrator's, invitations, and links that sign somebody in who lost everything else.

A link is good once and for a while. Whoever holds it is let in, so it is passed on by hand or by voice, not by the channel. Only the hash
of its secret is kept, and it is deleted in the transaction that lets somebody in: of two who open one link at once, one is let in.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from .. import limits
from ..errors import LocalError
from . import drawn
from .base import Base
from .schema import link, person, session
from .values import ROLES, Client, Invitation, Invited, Session


class Links(Base):
    """The part of Accounts that makes and takes links."""

    def is_empty(self) -> bool:
        """Whether nobody has an account yet."""
        with self._db.reading() as connection:
            return connection.execute(select(person.c.id).limit(1)).first() is None

    def invite(self, role: str, name: str | None, by: int | None, now: int) -> Invitation:
        """A link for somebody new; without a name they choose it. `by` None is the node itself: then for the first administrator, while
        there is nobody, and any such link that was made before is void. Raises LocalError account.role, account.name, account.full,
        usage."""
        check_role(role)
        with self._db.writing() as connection:
            if by is None:
                self._allow_first(connection, role)
            else:
                self._allow(connection, by, "administrator")
            shown = "" if name is None or not name.strip() else self._free_name(connection, name)
            expires = now + limits.INVITATION_SECONDS
            secret = self._make_link(connection, now, role=role, name=shown, account=None, by=by, expires=expires)
            self._line(connection, by, "invited", shown or role, now)
        return Invitation(secret, role, expires)

    def _allow_first(self, connection: Connection, role: str) -> None:
        if role != "administrator" or connection.execute(select(person.c.id).limit(1)).first():
            raise LocalError("account.role", "only an administrator invites, but for the first one")
        connection.execute(delete(link))

    def sign_in_link(self, account_id: int, by: int | None, now: int) -> str:
        """A secret that signs an existing person in once, on any device. `by`: an administrator, or None for whoever can write the node's
        folder. An earlier one of theirs is void. Raises LocalError account.role, account.missing, account.disabled, account.full."""
        with self._db.writing() as connection:
            self._allow(connection, by, "administrator")
            row = self._person(connection, account_id)
            if row.disabled is not None:
                raise LocalError("account.disabled", row.name)
            connection.execute(delete(link).where(link.c.account == account_id))
            expires = now + limits.SIGN_IN_LINK_SECONDS
            secret = self._make_link(connection, now, role=row.role, name=row.name, account=account_id, by=by, expires=expires)
            self._line(connection, by, "link_made", row.name, now)
        return secret

    def _make_link(self, connection: Connection, now: int, **values: Any) -> str:
        connection.execute(delete(link).where(link.c.expires <= now))
        if (connection.execute(select(func.count()).select_from(link)).scalar() or 0) >= limits.ACCOUNT_LINKS:
            raise LocalError("account.full", f"{limits.ACCOUNT_LINKS} links wait to be used")
        secret = drawn.secret(drawn.LINK, self._random)
        connection.execute(insert(link).values(hash=drawn.digest(drawn.LINK, secret), **values))
        return secret

    def invitation(self, secret: str, now: int) -> Invited:
        """What a link leads to; it stays good. Raises LocalError account.link."""
        with self._db.reading() as connection:
            row = self._link(connection, secret, now)
        return Invited(row.role, row.name, row.account, row.expires)

    def _link(self, connection: Connection, secret: str, now: int) -> Any:
        """The row of a link that is good. Raises LocalError account.link."""
        row = connection.execute(select(link).where(link.c.hash == drawn.digest(drawn.LINK, secret))).one_or_none()
        if row is None or row.expires <= now:
            raise LocalError("account.link")
        return row

    def _spend(self, connection: Connection, secret: str, name: str | None, now: int) -> Any:
        """The person that a link lets in; the link is good no more. Raises LocalError account.link, account.name, account.full."""
        row = self._link(connection, secret, now)
        connection.execute(delete(link).where(link.c.hash == row.hash))
        if row.account is not None:
            who = self._person(connection, row.account)
            if who.disabled is not None:
                raise LocalError("account.link")
            return who
        if row.by is not None:
            self._still_good(connection, row.by)
        elif connection.execute(select(person.c.id).limit(1)).first():
            raise LocalError("account.link")  # there is a first administrator by now
        who = self._join(connection, row.name or name or "", row.role, now)
        self._line(connection, who.id, "joined", who.role, now)
        return who

    def _still_good(self, connection: Connection, by: int) -> None:
        """An invitation by somebody who is no administrator any more lets nobody in. Raises LocalError account.link."""
        try:
            self._allow(connection, by, "administrator")
        except LocalError:
            raise LocalError("account.link") from None

    def redeem(self, secret: str, now: int, client: Client, *, name: str | None = None, before: str | None = None) -> tuple[str, Session]:
        """Sign in by a link, which is good no more: a new person by an invitation, under the name that it bears or else `name`; or somebody
        who is known already. `before` is the session token the browser had, which is ended. Nobody's session token stays the same across a
        sign-in. Raises LocalError account.link, account.name, account.full."""
        with self._db.writing() as connection:
            row = self._spend(connection, secret, name, now)
            end_token(connection, before)
            return self._sign_in(connection, row, "link", client, now, fresh=False)

    def links(self, now: int) -> list[Invited]:
        """The links that have not been used and are still good, without their secrets, those that end first before the others."""
        with self._db.reading() as connection:
            rows = connection.execute(select(link).where(link.c.expires > now).order_by(link.c.expires, link.c.name)).all()
        return [Invited(row.role, row.name, row.account, row.expires) for row in rows]

    def end_links(self, by: int, now: int) -> int:
        """Make every link void that has not been used; how many. Raises LocalError account.role."""
        with self._db.writing() as connection:
            self._allow(connection, by, "administrator")
            count = connection.execute(delete(link)).rowcount
            self._line(connection, by, "links_ended", str(count), now)
        return count


def check_role(role: str) -> None:
    """Raises LocalError usage for what is no role."""
    if role not in ROLES:
        raise LocalError("usage", f"a role is one of {', '.join(ROLES)}")


def end_token(connection: Connection, token: str | None) -> None:
    """End the session of a token, if there is one."""
    if token is not None:
        connection.execute(delete(session).where(session.c.hash == drawn.digest(drawn.SESSION, token)))
