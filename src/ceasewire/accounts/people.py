"""Who has an account, in which role, how they like it, and the list of what was done."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from ..errors import LocalError
from .base import compared_name
from .links import check_role
from .passkeys import Passkeys
from .schema import audit, audit_older, link, passkey, password, person
from .values import CALENDARS, THEMES, Account, AuditLine, Older

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_ADMINISTRATOR: Final = "administrator"
_LINES: Final = select(audit, person.c.name).select_from(audit.outerjoin(person, audit.c.who == person.c.id))


class People(Passkeys):
    """The part of Accounts for administrators, and for each person's own choices."""

    def accounts(self) -> list[Account]:
        """Everybody, in the order in which they came, those who are disabled too."""
        with self._db.reading() as connection:
            with_password = set(connection.execute(select(password.c.account)).scalars())
            counted = select(passkey.c.account, func.count()).group_by(passkey.c.account)
            keys = {row[0]: int(row[1]) for row in connection.execute(counted)}
            rows = connection.execute(select(person).order_by(person.c.id)).all()
        return [_account(row, row.id in with_password, keys.get(row.id, 0)) for row in rows]

    def account(self, id: int) -> Account:
        """One person. Raises LocalError account.missing."""
        return _one(self.accounts(), lambda one: one.id == id, str(id))

    def named(self, name: str) -> Account:
        """The person of that name, as signing in reads it. Raises LocalError account.missing."""
        compared = compared_name(name)
        return _one(self.accounts(), lambda one: compared_name(one.name) == compared, name)

    def set_role(self, account: int, role: str, by: int, now: int) -> None:
        """Give a person another role. Raises LocalError account.role, account.missing, account.last, usage."""
        check_role(role)
        with self._ending(account) as connection:
            self._allow(connection, by, _ADMINISTRATOR)
            row = self._person(connection, account)
            if role != _ADMINISTRATOR:
                self._leave_one(connection, account)
            connection.execute(update(person).where(person.c.id == account).values(role=role))
            self._line(connection, by, "role_set", f"{row.name}: {role}", now)

    def disable(self, account: int, by: int, now: int) -> None:
        """Let a person in no more: their sessions, devices and links end at once, and when this returns nothing that they began goes on.
        Raises LocalError account.role, account.missing, account.last."""
        with self._ending(account) as connection:
            self._allow(connection, by, _ADMINISTRATOR)
            row = self._person(connection, account)
            self._leave_one(connection, account)
            connection.execute(update(person).where(person.c.id == account, person.c.disabled.is_(None)).values(disabled=now))
            self._end_all(connection, account)
            connection.execute(delete(link).where(link.c.account == account))
            self._line(connection, by, "disabled", row.name, now)

    def enable(self, account: int, by: int, now: int) -> None:
        """Let a person in again, as they were. Raises LocalError account.role, account.missing."""
        with self._db.writing() as connection:
            self._allow(connection, by, _ADMINISTRATOR)
            row = self._person(connection, account)
            connection.execute(update(person).where(person.c.id == account).values(disabled=None))
            self._line(connection, by, "enabled", row.name, now)

    def _leave_one(self, connection: Connection, but: int) -> None:
        """Raises LocalError account.last unless somebody else is administrator and not disabled."""
        others = (person.c.role == _ADMINISTRATOR) & person.c.disabled.is_(None) & (person.c.id != but)
        if connection.execute(select(person.c.id).where(others).limit(1)).first() is None:
            raise LocalError("account.last")

    def set_preferences(self, account: int, language: str, calendar: str, theme: str) -> None:
        """How a person likes the pages: a language (`en`, `ps`), one of CALENDARS, one of THEMES. Raises LocalError usage,
        account.missing."""
        if not _LANGUAGE.fullmatch(language) or calendar not in CALENDARS or theme not in THEMES:
            raise LocalError("usage", f"a calendar is one of {', '.join(CALENDARS)}; a theme one of {', '.join(THEMES)}")
        with self._db.writing() as connection:
            self._person(connection, account)
            connection.execute(update(person).where(person.c.id == account).values(language=language, calendar=calendar, theme=theme))

    # --- The audit list ---

    def note(self, who: int | None, what: str, about: str, now: int) -> None:
        """A line more: `what` is a code of small letters, `about` a name or a reference, and never a secret or a message's words. Raises
        ValueError for what is no code, or is too long."""
        with self._db.writing() as connection:
            self._line(connection, who, what, about, now)

    def audit(self, limit: int = 100, before: int | None = None) -> list[AuditLine]:
        """The newest lines, the newest first; with `before` those below that `id`."""
        chosen = _LINES
        if before is not None:
            chosen = chosen.where(audit.c.id < before)
        with self._db.reading() as connection:
            rows = connection.execute(chosen.order_by(audit.c.id.desc()).limit(limit)).all()
        return [_audit_line(row) for row in rows]

    def last_of(self, what: Collection[str], abouts: Collection[str]) -> dict[str, AuditLine]:
        """Of each of these that is known, by what it is about: the newest line with one of the codes `what`."""
        with self._db.reading() as connection:
            rows = connection.execute(_LINES.where(audit.c.what.in_(what), audit.c.about.in_(abouts)).order_by(audit.c.id)).all()
        return {row.about: _audit_line(row) for row in rows}

    def audit_older(self) -> list[Older]:
        """How many lines of each kind gave way to newer ones."""
        with self._db.reading() as connection:
            rows = connection.execute(select(audit_older).order_by(audit_older.c.what)).all()
        return [Older(*row) for row in rows]


def _account(row: Any, with_password: bool, keys: int) -> Account:
    values = (row.id, row.name, row.role, row.disabled, row.made, row.seen, with_password, keys, row.language, row.calendar, row.theme)
    return Account(*values)


def _audit_line(row: Any) -> AuditLine:
    return AuditLine(row.id, row.time, row.who, row.name or "", row.what, row.about, row.client)


def _one(found: Iterable[Account], is_it: Callable[[Account], bool], name: str) -> Account:
    for one in found:
        if is_it(one):
            return one
    raise LocalError("account.missing", name)
