"""Passkeys: a challenge goes out, and the credential's answer to it comes back once.

    challenge = nonce (16) | expires (8) | HMAC-SHA-256(the file's secret, purpose | nonce | expires)

So nothing is kept of a challenge until it is answered rightly, and a stranger who asks for a million of them takes no room. One that was
answered is kept until it expires, and not taken again. Its purpose binds it to one act, and to one link or session.

The options are those that `PublicKeyCredential.parse*OptionsFromJSON` reads, and the answers what `toJSON` of a credential gives.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from .. import limits
from ..errors import LocalError
from ..keyfile import draw
from . import webauthn
from .drawn import b64
from .entering import Entering
from .links import end_token
from .schema import passkey, session, spent
from .values import Client, Passkey, PublicHalf, Session

_NONCE_BYTES: Final = 16
_LABEL_BYTES: Final = 100
_NAME: Final = "Ceasewire"
_OFFERED: Final = [{"type": "public-key", "alg": webauthn.ALGORITHM}]


class Passkeys(Entering):
    """The part of Accounts that knows passkeys. `origin` is our own, as the browser's address bar has it: `https://host:port`."""

    # --- Registering one ---

    def passkey_registration(self, secret_or_session: str, name: str | None, origin: str, now: int, *, node: str = "") -> dict[str, Any]:
        """The options for a new passkey, by a link's secret or a session's id; `name` as of `register_password`. `node` is shown beside the
        name where an authenticator lists its passkeys: those of several nodes at one address look alike otherwise. Raises LocalError
        account.link, account.session, account.fresh, account.name, account.full, account.passkey."""
        rp_id = webauthn.rp_id_of(origin)
        with self._db.reading() as connection:
            who, shown = self._enrolling(connection, secret_or_session, name, now)
            held = [] if who is None else self._rows(connection, who.id)
        if len(held) >= limits.PASSKEYS_PER_ACCOUNT:
            raise LocalError("account.full", f"a person has {limits.PASSKEYS_PER_ACCOUNT} passkeys at most")
        handle = self._handle_of(secret_or_session) if who is None else who.handle
        listed = f"{shown} ({node})" if node else shown
        return {
            "challenge": b64(self._challenge(f"create {secret_or_session}", now)),
            "rp": {"id": rp_id, "name": _NAME},
            "user": {"id": b64(handle), "name": listed, "displayName": listed},
            "pubKeyCredParams": _OFFERED,
            "timeout": limits.ENROLMENT_SECONDS * 1000,
            "attestation": "none",
            "authenticatorSelection": {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"},
            "excludeCredentials": [{"type": "public-key", "id": b64(row.id)} for row in held],
        }

    def finish_passkey(
        self,
        secret_or_session: str,
        name: str | None,
        answer: Mapping[str, Any],
        *,
        origin: str,
        now: int,
        client: Client,
        label: str = "",
    ) -> tuple[str, Session]:
        """Keep the passkey that was made; the person has an account if they had none, and is signed in under a new token. Raises as
        `passkey_registration`."""
        rp_id = webauthn.rp_id_of(origin)
        challenge = self._answered(answer, f"create {secret_or_session}", now)
        found = webauthn.registered(answer, challenge, origin, rp_id)
        with self._db.writing() as connection:
            self._spend_challenge(connection, challenge, now)
            handle = self._handle_of(secret_or_session)
            who, before = self._enrolled(connection, secret_or_session, name or "", handle, now)
            if connection.execute(select(passkey.c.id).where(passkey.c.id == found.id)).first():
                raise LocalError("account.passkey", "it is registered already")
            if len(self._rows(connection, who.id)) >= limits.PASSKEYS_PER_ACCOUNT:
                raise LocalError("account.full", f"a person has {limits.PASSKEYS_PER_ACCOUNT} passkeys at most")
            values = {"id": found.id, "account": who.id, "key": found.key, "counter": found.counter, "rp_id": rp_id, "origin": origin}
            connection.execute(insert(passkey).values(**values, label=_label(label), made=now))
            self._line(connection, who.id, "passkey_added", _label(label), now, client=client)
            connection.execute(delete(session).where(session.c.id == before))
            return self._sign_in(connection, who, "passkey", client, now, fresh=True)

    def _handle_of(self, secret: str) -> bytes:
        """The handle that a new person will have, the same whenever their link is used. It tells nothing of the link."""
        return hmac.digest(self._secret, b"ceasewire/handle/1\0" + secret.encode("utf-8", "replace"), "sha256")

    # --- Signing in ---

    def passkey_sign_in(self, origin: str, now: int) -> dict[str, Any]:
        """The options for signing in: the authenticator itself knows who. Raises LocalError account.passkey."""
        return _request(self._challenge("sign in", now), webauthn.rp_id_of(origin), [])

    def finish_passkey_sign_in(
        self, answer: Mapping[str, Any], origin: str, now: int, client: Client, *, before: str | None = None
    ) -> tuple[str, Session]:
        """Sign in by a passkey. `before` as of `sign_in`. Raises LocalError account.passkey, also for somebody disabled."""
        given = webauthn.asserted(answer)
        challenge = self._answered(answer, "sign in", now)
        try:
            with self._db.writing() as connection:
                who = self._taken(connection, given, challenge, origin, now)
                end_token(connection, before)
                return self._sign_in(connection, who, "passkey", client, now, fresh=True)
        except LocalError as error:
            if error.code == "account.passkey":
                self._say_refused(given, client, now)
            raise

    def _taken(self, connection: Connection, given: webauthn.Assertion, challenge: bytes, origin: str, now: int) -> Any:
        """The row of the person whose passkey answered rightly. Raises LocalError account.passkey."""
        row = connection.execute(select(passkey).where(passkey.c.id == given.id)).one_or_none()
        who = None if row is None else self._person(connection, row.account)
        if row is None or who is None or who.disabled is not None or given.handle != who.handle or row.origin != origin:
            raise LocalError("account.passkey", "nobody here may sign in with it")
        self._take(connection, row, given, challenge, now)
        return who

    def _say_refused(self, given: webauthn.Assertion, client: Client, now: int) -> None:
        with self._db.writing() as connection:
            account = connection.execute(select(passkey.c.account).where(passkey.c.id == given.id)).scalar()
            self._refuse(connection, account, client, now)

    # --- Once more ---

    def passkey_confirmation(self, session_id: str, origin: str, now: int) -> dict[str, Any]:
        """The options for a confirmation by one of the person's passkeys. Raises LocalError account.session, account.passkey."""
        rp_id = webauthn.rp_id_of(origin)
        with self._db.reading() as connection:
            _, who = self._signed_in(connection, session_id, now)
            held = [row.id for row in self._rows(connection, who.id) if row.rp_id == rp_id]
        if not held:
            raise LocalError("account.passkey", "none was made at this address")
        return _request(self._challenge(f"confirm {session_id}", now), rp_id, held)

    def confirm_passkey(self, session_id: str, answer: Mapping[str, Any], origin: str, now: int) -> int:
        """Confirm by a passkey who is behind a session; until when that counts. Raises as `passkey_confirmation`."""
        given = webauthn.asserted(answer)
        challenge = self._answered(answer, f"confirm {session_id}", now)
        with self._db.writing() as connection:
            row, who = self._signed_in(connection, session_id, now)
            held = connection.execute(select(passkey).where(passkey.c.id == given.id, passkey.c.account == who.id)).one_or_none()
            if held is None or held.origin != origin:
                raise LocalError("account.passkey", "it is another's, or was made for another address")
            self._take(connection, held, given, challenge, now)
            return self._freshen(connection, row, "passkey", now)

    def _take(self, connection: Connection, row: Any, given: webauthn.Assertion, challenge: bytes, now: int) -> None:
        """Check an assertion and note that it was made. Raises LocalError account.passkey."""
        webauthn.check(given, row.key, challenge, row.origin, row.rp_id)
        if (given.counter or row.counter) and given.counter <= row.counter:
            raise LocalError("account.passkey", "its counter went back: there may be a copy of it")
        self._spend_challenge(connection, challenge, now)
        connection.execute(update(passkey).where(passkey.c.id == row.id).values(counter=given.counter, used=now))

    # --- Releasing ---

    def passkey_release_options(self, account: int, challenge: bytes, keys: Collection[str] | None = None) -> dict[str, Any]:
        """The options for an assertion over `record.release.Asked.challenge`, by the person's passkeys, or those whose public halves are
        given (`webauthn_es256:HEX`). The answer's response goes to `record.release.read_assertion`. Raises LocalError account.passkey."""
        with self._db.reading() as connection:
            rows = [row for row in self._rows(connection, account) if keys is None or _half(row).key in keys]
        if not rows:
            raise LocalError("account.passkey", "the person has none")
        rp_id = rows[0].rp_id
        return _request(challenge, rp_id, [row.id for row in rows if row.rp_id == rp_id])

    def officers(self, account: int) -> list[PublicHalf]:
        """Every key by which a person can release: passkeys in the order in which they were made, then the one under their password."""
        with self._db.reading() as connection:
            halves = [_half(row) for row in self._rows(connection, account)]
            sealed = self._sealed(connection, account)
        return halves + ([] if sealed is None else [PublicHalf(f"ed25519:{sealed.public.hex()}")])

    def officer(self, account: int) -> PublicHalf | None:
        """The first of `officers`, to be named in a `keys` message; None for whoever has neither passkey nor password."""
        return next(iter(self.officers(account)), None)

    # --- What there is ---

    def passkeys(self, account: int) -> list[Passkey]:
        """A person's passkeys, the oldest first."""
        with self._db.reading() as connection:
            rows = self._rows(connection, account)
        return [Passkey(b64(row.id), row.label, row.made, row.used, row.rp_id, row.origin) for row in rows]

    def remove_passkey(self, session_id: str, id: str, now: int) -> None:
        """Remove one's own passkey, in a fresh session, unless nothing else would be left to sign in by. Raises LocalError account.session,
        account.fresh, account.missing, account.full."""
        with self._db.writing() as connection:
            row, who = self._signed_in(connection, session_id, now)
            if not now < row.fresh_until:
                raise LocalError("account.fresh")
            held = [one for one in self._rows(connection, who.id) if b64(one.id) == id]
            if not held:
                raise LocalError("account.missing", "no such passkey")
            connection.execute(delete(passkey).where(passkey.c.id == held[0].id))
            if not self._has_credential(connection, who.id):
                raise LocalError("account.full", "it is the only way in that this person has; add another first")
            self._line(connection, who.id, "passkey_removed", held[0].label, now)

    def _rows(self, connection: Connection, account: int) -> list[Any]:
        rows = connection.execute(select(passkey).where(passkey.c.account == account).order_by(passkey.c.made, passkey.c.id))
        return list(rows.all())

    # --- Challenges ---

    def _challenge(self, purpose: str, now: int) -> bytes:
        nonce = draw(self._random, _NONCE_BYTES) + (now + limits.ENROLMENT_SECONDS).to_bytes(8, "big")
        return nonce + self._mac(purpose, nonce)

    def _mac(self, purpose: str, nonce: bytes) -> bytes:
        return hmac.digest(self._secret, b"ceasewire/challenge/1\0" + purpose.encode("utf-8", "replace") + b"\0" + nonce, "sha256")

    def _answered(self, answer: Mapping[str, Any], purpose: str, now: int) -> bytes:
        """The challenge of an answer, if it was ours, for this purpose, and has not expired. Raises LocalError account.passkey."""
        found = webauthn.challenge_of(answer)
        nonce, mac = found[: _NONCE_BYTES + 8], found[_NONCE_BYTES + 8 :]
        if not hmac.compare_digest(mac, self._mac(purpose, nonce)) or int.from_bytes(nonce[_NONCE_BYTES:], "big") <= now:
            raise LocalError("account.passkey", "its challenge is none of ours, or has expired")
        return found

    def _spend_challenge(self, connection: Connection, challenge: bytes, now: int) -> None:
        """Take a challenge once. Raises LocalError account.passkey for one that was taken before."""
        connection.execute(delete(spent).where(spent.c.expires <= now))
        expires = int.from_bytes(challenge[_NONCE_BYTES : _NONCE_BYTES + 8], "big")
        row = sqlite_insert(spent).values(challenge=challenge, expires=expires).on_conflict_do_nothing()
        if connection.execute(row).rowcount != 1:
            raise LocalError("account.passkey", "its challenge was answered before")


def _request(challenge: bytes, rp_id: str, allowed: Collection[bytes]) -> dict[str, Any]:
    return {
        "challenge": b64(challenge),
        "rpId": rp_id,
        "timeout": limits.FRESH_SECONDS * 1000,
        "userVerification": "required",
        "allowCredentials": [{"type": "public-key", "id": b64(one)} for one in allowed],
    }


def _half(row: Any) -> PublicHalf:
    return PublicHalf(f"webauthn_es256:{row.key.hex()}", row.rp_id, row.origin)


def _label(text: str) -> str:
    """What a person calls a passkey, cut to its limit between characters."""
    return text.encode("utf-8", "replace")[:_LABEL_BYTES].decode("utf-8", "ignore")
