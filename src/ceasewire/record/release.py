"""Releases: officers' signatures under a message, in its field 0. spec/entry.md, "Releases"; PROTOCOL section 5.

    field 0 = [[officer id, role code, not-after, signature], ...]
    signed  : cbor(["ceasewire/release/1", channel id, log number, kind, rest, not-after])
    signature: 64 bytes, Ed25519; or [authenticator data, client data JSON, DER signature], a WebAuthn assertion whose challenge is
               the SHA-256 of what is signed; or, by a recovery key under a `keys` message, [Ed25519, ML-DSA-44], with role code 0

`rest` covers every field of the body but this one, so that a release is of these words and no others, in this log.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from .. import limits
from ..errors import PeerError
from ..tlog import ed25519, es256, mldsa
from . import encoding
from .card import RecoveryKey
from .charter import UNRELEASED
from .encoding import Value
from .message import EXERCISE, RELEASES, Body
from .notation import LAST_TIME, Json, Wrong, show_time
from .officers import ID_BYTES, OFFICER_ROLES, RECOVERY_ROLE, Officer, recovery_id
from .opening import is_later
from .words import KINDS, STANCES

TAG: Final = "ceasewire/release/1"
KEYS: Final = KINDS["keys"]
_REPLY: Final = KINDS["reply"]
_STATEMENT: Final = KINDS["statement"]
# How many officers a kind needs where the charter does not say it; a kind that is not here needs two.
_ONE: Final = frozenset(KINDS[kind] for kind in ("flash", "notification", "request", "evidence", "notice"))
_MANY: Final = 2
# Stances that commit to nothing: one officer is enough for such a reply.
LIGHT_STANCES: Final = frozenset(STANCES.index(stance) + 1 for stance in ("under_inquiry", "need_information", "noted"))
STANCE: Final = 16  # field of a reply
_OPENING, OFFICERS, _REVOKE = 16, 17, 18  # fields of a `keys` message
_CLIENT_DATA_BYTES: Final = 4096
_AUTHENTICATOR_BYTES: Final = 1024
_USER_PRESENT, _USER_VERIFIED, _NEW_CREDENTIAL, _EXTENSIONS = 0x01, 0x04, 0x40, 0x80


def needed(releases: Mapping[int, int], kind: int, stance: Value) -> int:
    """How many different officers a message of this kind needs, of a party that has officers. `releases` is the charter's field 14;
    `stance` field 16 of a reply."""
    if kind in UNRELEASED:
        return 0
    if kind == KEYS and kind not in releases:
        kind = _STATEMENT  # whoever may speak for the party may say who speaks for it
    most = releases.get(kind, 1 if kind in _ONE else _MANY)
    return min(most, 1) if kind == _REPLY and type(stance) is int and stance in LIGHT_STANCES else most


def defaults() -> dict[str, int]:
    """Kind -> officers needed, where the charter does not say another number; a reply that commits to nothing needs one."""
    return {name: needed({}, number, None) for name, number in KINDS.items()}


def opens_log(log: int, index: int, kind: int, body: Body) -> bool:
    """Whether this is a later log's first message, whose opening the recovery key signed: it needs no release if it says nothing else.
    With an address or a telephone number, which the recovery key did not sign, it is a `keys` message like any other."""
    return kind == KEYS and index == 0 and is_later(log) and body.keys() == {RELEASES, EXERCISE, _OPENING}


def speaks_of_officers(kind: int, body: Body) -> bool:
    """Whether a message names or revokes officers. Even of a party that has none it needs a release, which its recovery key can give."""
    return kind == KEYS and not {OFFICERS, _REVOKE}.isdisjoint(body)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is released: a message of `kind` in log `log` of the channel, whose body's fields from 1 on have the hash `rest`."""

    channel_id: bytes
    log: int
    kind: int
    rest: bytes

    def message(self, not_after: int) -> bytes:
        """What an officer signs; `not_after` in POSIX seconds."""
        return encoding.encode([TAG, self.channel_id, self.log, self.kind, self.rest, not_after])

    def challenge(self, not_after: int) -> bytes:
        """The challenge of a WebAuthn assertion, 32 bytes."""
        return hashlib.sha256(self.message(not_after)).digest()


def item(officer: Officer, not_after: int, signature: Value) -> Value:
    """One officer's item in field 0."""
    return [officer.id, officer.role_code, not_after, signature]


def recovery_item(key: RecoveryKey, not_after: int, signatures: Sequence[bytes]) -> Value:
    """A recovery key's item in field 0 of a `keys` message; `signatures` Ed25519 and ML-DSA-44."""
    return [recovery_id(key), RECOVERY_ROLE, not_after, list(signatures)]


def check(asked: Asked, field: Value, officers: Mapping[bytes, Officer], recovery: Iterable[RecoveryKey], time: int) -> tuple[int, bool]:
    """How many different officers released a message of that time, and whether a recovery key did. `officers` are those in force, by
    id; `recovery` the party's card's. Raises PeerError release.invalid for any item that is not right."""
    try:
        items = encoding.array(field)
        if len(items) > limits.RELEASES:
            raise PeerError("release.invalid", f"more than {limits.RELEASES} releases")
        found = [_item(asked, one, officers, recovery, time) for one in items]
    except PeerError as error:
        raise PeerError("release.invalid", error.detail) from None
    if len(set(found)) != len(found):
        raise PeerError("release.invalid", "one key stands there twice")
    return sum(key in officers for key in found), any(key not in officers for key in found)


def _item(asked: Asked, value: Value, officers: Mapping[bytes, Officer], recovery: Iterable[RecoveryKey], time: int) -> bytes:
    """The id of the key that released; PeerError unless all of the item is right."""
    named, role, not_after, signature = encoding.array(value, 4)
    key, code, until = encoding.octets(named, ID_BYTES), encoding.uint(role), encoding.uint(not_after)
    if until > LAST_TIME:
        raise PeerError("release.invalid", "its end lies beyond the year 9999")
    if time > until:
        raise PeerError("release.invalid", "it ended before the message's time")
    if code == RECOVERY_ROLE:
        good = asked.kind == KEYS and _recovered(asked.message(until), key, signature, recovery)
    else:
        officer = officers.get(key)
        if officer is None:
            raise PeerError("release.invalid", "by no officer in force there")
        good = code == officer.role_code and _signed(asked, officer, until, signature)
    if not good:
        raise PeerError("release.invalid", "its signature or role is not right")
    return key


def _recovered(message: bytes, key: bytes, signature: Value, recovery: Iterable[RecoveryKey]) -> bool:
    found = next((one for one in recovery if recovery_id(one) == key), None)
    first, second = encoding.array(signature, 2)
    return (
        found is not None
        and ed25519.verify(found.ed25519, encoding.octets(first), message)
        and mldsa.verify(found.mldsa44, encoding.octets(second), message)
    )


def _signed(asked: Asked, officer: Officer, not_after: int, signature: Value) -> bool:
    if officer.algorithm == "ed25519":
        return ed25519.verify(officer.key, encoding.octets(signature), asked.message(not_after))
    data, client, der = (encoding.octets(part) for part in encoding.array(signature, 3))
    check_client_data(client, asked.challenge(not_after), officer.origin)
    check_authenticator_data(data, officer.rp_id)
    return es256.verify(officer.key, der, data + hashlib.sha256(client).digest())


# --- WebAuthn, Level 3, section 7.2: what an assertion must say ---


def check_client_data(data: bytes, challenge: bytes, origin: str, act: str = "webauthn.get") -> None:
    """Client data for this act, challenge and origin, of a page that no other frames. Raises PeerError release.invalid."""
    found = _json(data)
    wanted = {"type": act, "challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="), "origin": origin}
    if any(found.get(name) != value for name, value in wanted.items()) or found.get("crossOrigin", False) is not False:
        raise PeerError("release.invalid", "its client data is of another act, challenge or origin")


def client_challenge(data: bytes) -> str:
    """The challenge that client data names, in base64url as it stands there. Raises PeerError release.invalid."""
    found = _json(data).get("challenge")
    if not isinstance(found, str):
        raise PeerError("release.invalid", "its client data names no challenge")
    return found


def _json(data: bytes) -> dict[str, Any]:
    """Strict: UTF-8 without a mark, no name twice, no number that two programs could read differently."""
    try:
        if len(data) > _CLIENT_DATA_BYTES:
            raise ValueError
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_never, parse_float=_never)
    except (ValueError, RecursionError):
        raise PeerError("release.invalid", "its client data is no JSON of one reading") from None
    if not isinstance(value, dict):
        raise PeerError("release.invalid", "its client data is no JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def _never(_: str) -> NoReturn:
    raise ValueError


def check_authenticator_data(data: bytes, rp_id: str) -> None:
    """Authenticator data of this rp id, the person present and verified. Raises PeerError release.invalid."""
    flags = data[32] if len(data) >= 37 else 0
    exact = 37 < len(data) <= _AUTHENTICATOR_BYTES if flags & _EXTENSIONS else len(data) == 37
    if not exact or data[:32] != hashlib.sha256(rp_id.encode()).digest():
        raise PeerError("release.invalid", "its authenticator data is of another address")
    if not (flags & _USER_PRESENT and flags & _USER_VERIFIED) or flags & _NEW_CREDENTIAL:
        raise PeerError("release.invalid", "its authenticator did not verify the person")


def read_assertion(json_: Mapping[str, str]) -> Value:
    """The signature of a WebAuthn assertion whose three parts are given in base64url. Raises PeerError release.invalid."""
    try:
        return [base64.urlsafe_b64decode(json_[name] + "==") for name in ("authenticatorData", "clientDataJSON", "signature")]
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise PeerError("release.invalid", "an assertion is authenticatorData, clientDataJSON and signature in base64url") from None


# --- For people ---


def show_releases(field: Value) -> Json:
    """Field 0 as JSON: whose key, in which role, until when. Whether each is right is not said here. Raises Wrong."""
    try:
        return [_shown(*encoding.array(one, 4)) for one in encoding.array(field)]
    except PeerError as error:
        raise Wrong(f"releases: {error.detail}") from None


def _shown(key: Value, role: Value, not_after: Value, _signature: Value) -> Json:
    code = encoding.uint(role, len(OFFICER_ROLES) + 1)
    by = {"recovery_key": encoding.octets(key).hex()} if code == RECOVERY_ROLE else {"officer": encoding.octets(key).hex()}
    words = {} if code == RECOVERY_ROLE else {"role": OFFICER_ROLES[code - 1]}
    return {**by, **words, "not_after": show_time(encoding.uint(not_after, LAST_TIME + 1))}
