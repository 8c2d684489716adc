"""Signing in by password and code, and becoming able to: for those without a passkey, or beside one.

The password is tried by one thread at a time, because each try takes 64 MiB. Strangers queue before that door, four at most; who comes on a
known device waits for one of them at the longest. docs/decisions/0021.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, insert, select, update

from .. import limits
from ..errors import LocalError
from ..keyfile import Random, draw
from . import drawn, lanes, schema, totp
from .base import compared_name
from .database import Database
from .links import Links, end_token
from .passwords import Sealed, Secrets, prepared, tried
from .schema import device, person, session
from .sessions import Sessions, by_link
from .values import Client, Enrolment, Session

_PENDING_MOST: Final = 64  # enrolments that are begun and not confirmed; each is by whoever holds a link or a session
_HANDLE_BYTES: Final = 32
_BUSY: Final = "2"  # seconds until a stranger may find the queue shorter


@dataclass(frozen=True, slots=True, repr=False)
class _Pending:
    """An enrolment until its first code: in memory alone, since its TOTP secret is not sealed from us yet."""

    name: str
    handle: bytes
    sealed: Sealed
    totp: bytes
    until: int


class _Door:
    """Where passwords are tried."""

    def __init__(self) -> None:
        self._trying = threading.Lock()
        self._strangers = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.PASSWORDS_WAITING)

    @contextmanager
    def queue(self, *, known: bool) -> Iterator[None]:
        """A place before it, without which a stranger's try is not even counted. Raises LocalError account.busy when all are taken."""
        if not known and not self._places.acquire(blocking=False):
            raise LocalError("account.busy", _BUSY)
        try:
            yield
        finally:
            if not known:
                self._places.release()

    @contextmanager
    def open(self, *, known: bool) -> Iterator[None]:
        """The right to try one."""
        with nullcontext() if known else self._strangers, self._trying:
            yield


class Entering(Links, Sessions):
    """The part of Accounts that knows passwords."""

    def __init__(self, database: Database, random: Random) -> None:
        super().__init__(database, random)
        self._door = _Door()
        self._pending: dict[bytes, _Pending] = {}
        self._pending_guard = threading.Lock()

    # --- Becoming able to ---

    def register_password(self, secret_or_session: str, name: str | None, password: str, now: int, issuer: str = "Ceasewire") -> Enrolment:
        """Begin to sign in by password and code: what the authenticator app is shown. Nothing is kept until `confirm_totp`. By a link's
        secret (`name` is that of a new person whose link bears none), or by a session's id. A password that the person has is replaced
        then, and with it their release key: who knows it uses `change_password`, or for another app `renew_totp`. Raises LocalError
        account.link, account.session, account.fresh, account.name, account.password."""
        data = prepared(password)
        with self._db.reading() as connection:
            who, shown = self._enrolling(connection, secret_or_session, name, now)
        secrets = Secrets.drawn(self._random)
        handle = draw(self._random, _HANDLE_BYTES) if who is None else who.handle
        with self._door.open(known=True):
            sealed = Sealed.make(data, secrets, handle, self._random)
        self._put_pending(secret_or_session, _Pending(shown, handle, sealed, secrets.totp, now + limits.ENROLMENT_SECONDS))
        return Enrolment(totp.uri(secrets.totp, shown, issuer), totp.base32(secrets.totp))

    def _enrolling(self, connection: Connection, key: str, name: str | None, now: int) -> tuple[Any, str]:
        """Who may enrol with a link's secret or a session's id: the row of the person, None for a new one, and the name."""
        if key.startswith(drawn.LINK):
            row = self._link(connection, key, now)
            if row.account is None:
                return None, row.name or self._free_name(connection, name or "")
            return self._person(connection, row.account), row.name
        live, who = self._signed_in(connection, key, now)
        if not self._may_enrol(connection, live, who, now):
            raise LocalError("account.fresh")
        return who, who.name

    def _put_pending(self, key: str, made: _Pending) -> None:
        with self._pending_guard:
            self._pending.pop(key.encode("utf-8", "replace"), None)
            while len(self._pending) >= _PENDING_MOST:
                self._pending.pop(next(iter(self._pending)))
            self._pending[key.encode("utf-8", "replace")] = made

    def confirm_totp(self, secret_or_session: str, code: str, now: int, client: Client) -> tuple[str, Session]:
        """End an enrolment by the first code: the person has an account if they had none, and is signed in under a new token. Raises
        LocalError account.wrong for another code, account.link, account.session, account.fresh, account.name, account.full."""
        key = secret_or_session.encode("utf-8", "replace")
        with self._pending_guard:
            begun = self._pending.get(key)
        if begun is None or begun.until <= now:
            raise LocalError("account.link" if key.startswith(drawn.LINK.encode()) else "account.session", "begin the enrolment again")
        step = totp.step_of(begun.totp, code, now)
        if step is None:
            raise LocalError("account.wrong")
        with self._db.writing() as connection:
            who, before = self._enrolled(connection, secret_or_session, begun.name, begun.handle, now)
            connection.execute(delete(schema.password).where(schema.password.c.account == who.id))
            connection.execute(insert(schema.password).values(account=who.id, step=step, made=now, **begun.sealed.row()))
            self._line(connection, who.id, "password_set", "", now, client=client)
            connection.execute(delete(session).where(session.c.id == before))
            made = self._sign_in(connection, who, "password", client, now, fresh=True)
        with self._pending_guard:
            self._pending.pop(key, None)
        return made

    def _enrolled(self, connection: Connection, key: str, name: str, handle: bytes, now: int) -> tuple[Any, str]:
        """The person of an enrolment that ends, made now if there was none, and the id of the session that gives way. `handle` is what
        the credential was made for. Raises as `_enrolling`."""
        if not key.startswith(drawn.LINK):
            return self._enrolling(connection, key, None, now)[0], key
        known = self._link(connection, key, now).account is not None
        who = self._spend(connection, key, name, now)
        if not known:
            connection.execute(update(person).where(person.c.id == who.id).values(handle=handle))
        return self._person(connection, who.id), ""

    # --- Signing in ---

    def sign_in(self, name: str, password: str, code: str, now: int, client: Client, *, before: str | None = None) -> tuple[str, Session]:
        """Sign in by password and code. `before` is the session token that the browser had, which is ended.

        Raises LocalError account.wrong, which says not what was wrong, whether there is such a name, or whether it is disabled, and takes
        as long for each; account.busy with the seconds to wait, after too many wrong ones (lanes.py).
        """
        compared = compared_name(name)
        with self._db.reading() as connection:
            who, sealed = self._tried_on(connection, compared)
            known = self._known_device(connection, who, client)
        slowed = lanes.of_device(self._secret, known) if known else lanes.of_strangers(self._secret, compared, client)
        with self._door.queue(known=bool(known)):
            with self._db.writing() as connection:
                lanes.enter(connection, slowed, now)
            with self._door.open(known=bool(known)):
                opened = sealed.open(tried(password), b"" if who is None else who.handle)
        step = None if opened is None else totp.step_of(opened.totp, code, now)
        with self._db.writing() as connection:
            if not self._right(connection, who, sealed, step):
                self._refuse(connection, None if who is None else who.id, client, now)
            else:
                (lanes.clear if known else lanes.leave)(connection, slowed)
                end_token(connection, before)
                return self._sign_in(connection, who, "password", client, now, fresh=True)
        raise LocalError("account.wrong")

    def _tried_on(self, connection: Connection, compared: str) -> tuple[Any, Sealed]:
        """The person of a name, and what their password opens; for nobody, and for whoever has none, what none opens."""
        who = connection.execute(select(person).where(person.c.folded == compared)).one_or_none()
        return who, self._sealed(connection, None if who is None else who.id) or Sealed.nobodys(self._secret)

    def _sealed(self, connection: Connection, account: int | None) -> Sealed | None:
        row = connection.execute(select(schema.password).where(schema.password.c.account == account)).one_or_none()
        return None if row is None else Sealed.of_row(row)

    def _known_device(self, connection: Connection, who: Any, client: Client) -> bytes:
        """The hash of a device on which this person signed in before, else nothing."""
        hashed = drawn.digest(drawn.DEVICE, client.device)
        if who is None or not hashed:
            return b""
        found = connection.execute(select(device.c.hash).where(device.c.hash == hashed, device.c.account == who.id)).scalar()
        return found or b""

    def _right(self, connection: Connection, who: Any, sealed: Sealed, step: int | None) -> bool:
        """Whether the code was right and is used now for the first time, by somebody who is not disabled and has that password still."""
        if who is None or step is None or self._person(connection, who.id).disabled is not None:
            return False
        same = (schema.password.c.account == who.id) & (schema.password.c.sealed == sealed.sealed)
        return connection.execute(update(schema.password).where(same, schema.password.c.step < step).values(step=step)).rowcount == 1

    # --- Once more ---

    def confirm(self, session_id: str, password: str, code: str, now: int) -> int:
        """Confirm by password and code who is behind a session; until when that counts. Raises LocalError account.wrong, account.busy,
        account.session."""
        return self._confirmed(session_id, password, code, now)[0]

    def _confirmed(self, session_id: str, password: str, code: str, now: int) -> tuple[int, Secrets, Any]:
        with self._db.writing() as connection:
            row, who = self._signed_in(connection, session_id, now)
            sealed = self._sealed(connection, who.id) or Sealed.nobodys(self._secret)
            slowed = lanes.of_device(self._secret, row.hash)
            lanes.enter(connection, slowed, now)
        with self._door.open(known=True):
            opened = sealed.open(tried(password), who.handle)
        step = None if opened is None else totp.step_of(opened.totp, code, now)
        with self._db.writing() as connection:
            row, who = self._signed_in(connection, session_id, now)
            if opened is not None and self._right(connection, who, sealed, step):
                lanes.clear(connection, slowed)
                return self._freshen(connection, row, "password", now), opened, who
            self._line(connection, who.id, "confirm_refused", "", now)
        raise LocalError("account.wrong")

    def release_key(self, session_id: str, password: str, now: int, code: str | None = None) -> Ed25519PrivateKey:
        """The person's release key, for one act and never kept: with a code it is a confirmation as `confirm`; without, one must have gone
        before. Raises LocalError account.wrong, account.busy, account.session, account.fresh."""
        if code is not None:
            return self._confirmed(session_id, password, code, now)[1].signer
        return self._opened(session_id, password, now, lambda row: bool(now < row.fresh_until))[0].signer

    def _opened(self, session_id: str, password: str, now: int, allowed: Callable[[Any], bool]) -> tuple[Secrets, Any]:
        """What a password opens without a code, and the row of its person, in a session that is `allowed`. Raises LocalError
        account.wrong, account.busy, account.session, account.fresh."""
        with self._db.writing() as connection:
            row, who = self._signed_in(connection, session_id, now)
            if not allowed(row):
                raise LocalError("account.fresh")
            sealed = self._sealed(connection, who.id) or Sealed.nobodys(self._secret)
            slowed = lanes.of_device(self._secret, row.hash)
            lanes.enter(connection, slowed, now)
        with self._door.open(known=True):
            opened = sealed.open(tried(password), who.handle)
        if opened is None:
            raise LocalError("account.wrong")
        with self._db.writing() as connection:
            self._signed_in(connection, session_id, now)
            lanes.clear(connection, slowed)
        return opened, who

    def renew_totp(self, session_id: str, password: str, now: int, code: str | None = None, *, issuer: str = "Ceasewire") -> Enrolment:
        """Begin with another authenticator app, under the same password and with the same release key; `confirm_totp` by the session's id
        ends it, and the old app's codes. With a code of the old one; without, for whoever lost it, in a session that came by a link. Raises
        as `confirm`, and LocalError account.fresh."""
        if code is None:
            opened, who = self._opened(session_id, password, now, lambda row: by_link(row, now))
        else:
            _, opened, who = self._confirmed(session_id, password, code, now)
        secrets = Secrets(draw(self._random, totp.SECRET_BYTES), opened.seed)
        with self._door.open(known=True):
            sealed = Sealed.make(tried(password), secrets, who.handle, self._random)
        self._put_pending(session_id, _Pending(who.name, who.handle, sealed, secrets.totp, now + limits.ENROLMENT_SECONDS))
        return Enrolment(totp.uri(secrets.totp, who.name, issuer), totp.base32(secrets.totp))

    def change_password(self, session_id: str, password: str, code: str, new: str, now: int) -> None:
        """Another password over the same codes and the same release key, which are sealed anew. The person's other sessions end. Raises as
        `confirm`, and LocalError account.password."""
        data = prepared(new)
        _, opened, who = self._confirmed(session_id, password, code, now)
        with self._door.open(known=True):
            sealed = Sealed.make(data, opened, who.handle, self._random)
        with self._ending(who.id) as connection:
            self._signed_in(connection, session_id, now)
            same = (schema.password.c.account == who.id) & (schema.password.c.public == sealed.public)
            if connection.execute(update(schema.password).where(same).values(made=now, **sealed.row())).rowcount != 1:
                raise LocalError("account.wrong")
            self._end_all(connection, who.id, but=session_id)
            self._line(connection, who.id, "password_set", "", now)
