"""What a passkey says, WebAuthn Level 3: registration (section 7.1) with attestation `none`, and assertion (7.2). Pure.

ES256 alone, the person verified each time. Only one form of each thing is read: the credential's key must stand in its one canonical COSE
encoding (RFC 9053, CTAP2), 77 bytes of which 64 are free; the rest of the CBOR is definite, in shortest form, with no key twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from .. import limits
from ..errors import LocalError, PeerError
from ..record import release
from ..record.officers import OFFICER_ROLES, Officer
from ..tlog import es256

CREATE: Final = "webauthn.create"
GET: Final = "webauthn.get"
ALGORITHM: Final = -7  # ES256
ID_BYTES: Final = 1023
_PRESENT, _VERIFIED, _BACKUP_POSSIBLE, _BACKED_UP, _CREDENTIAL, _EXTENSIONS = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
_KEY_BYTES: Final = 77
_X: Final = bytes.fromhex("a5010203262001215820")  # {1: 2, 3: -7, -1: 1, -2: x
_Y: Final = bytes.fromhex("225820")  # -3: y}
_B64: Final = re.compile(r"[A-Za-z0-9_-]*")
_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as it was registered: its id, its key (65 bytes: 0x04, x, y), its signature counter."""

    id: bytes
    key: bytes
    counter: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """What somebody answers with: the credential's id, the three parts that are checked, and the user handle ("" if there is none)."""

    id: bytes
    data: bytes
    client: bytes
    signature: bytes
    handle: bytes

    @property
    def counter(self) -> int:
        """The signature counter that it states."""
        return int.from_bytes(self.data[33:37], "big")


def rp_id_of(origin: str) -> str:
    """The host of an origin, for which a passkey is made. Raises LocalError account.passkey where no passkey can be: at an IP address, or
    without TLS anywhere but at localhost."""
    found = _ORIGIN.fullmatch(origin)
    scheme, host = found.groups() if found else ("", "")
    local = host == "localhost" or host.endswith(".localhost")
    if host.rpartition(".")[2].isdecimal() or not (scheme == "https" or (scheme == "http" and local)):
        raise LocalError("account.passkey", "a passkey needs a host name and TLS, or localhost")
    return host


def registered(answer: Mapping[str, Any], challenge: bytes, origin: str, rp_id: str) -> Credential:
    """The credential of a RegistrationResponseJSON. Raises LocalError account.passkey unless all of it is right."""
    response = _response(answer)
    client, attestation = _octets(response, "clientDataJSON"), _octets(response, "attestationObject")
    _client(client, challenge, origin, CREATE)
    found = _one_map(attestation, "its attestation")
    if set(found) != {"fmt", "attStmt", "authData"} or not isinstance(found["authData"], bytes):
        raise LocalError("account.passkey", "its attestation is not of three parts")
    data = found["authData"]
    credential = _credential(data, rp_id)
    try:  # as the key of an officer, which it may become
        Officer(0, "webauthn_es256", credential.key, OFFICER_ROLES[0], "-", rp_id, origin).check()
    except PeerError as error:
        raise LocalError("account.passkey", error.detail or error.message) from None
    if credential.id != _octets(answer, "rawId"):
        raise LocalError("account.passkey", "it names another credential")
    _attested(found, credential, data + hashlib.sha256(client).digest())
    return credential


def _attested(found: Mapping[str, Any], credential: Credential, signed: bytes) -> None:
    """No attestation, or by the credential's own key (section 8.2), which says no more."""
    statement = found["attStmt"]
    if found["fmt"] == "none" and statement == {}:
        return
    own = found["fmt"] == "packed" and isinstance(statement, dict) and set(statement) == {"alg", "sig"} and statement["alg"] == ALGORITHM
    if not own or not isinstance(statement["sig"], bytes) or not es256.verify(credential.key, statement["sig"], signed):
        raise LocalError("account.passkey", "its attestation is none that was asked for")


def _credential(data: bytes, rp_id: str) -> Credential:
    """Section 6.1: rp id hash (32), flags, counter (4), AAGUID (16), length of the id (2), id, key, extensions."""
    flags = _flags(data, rp_id, least=55)
    if not flags & _CREDENTIAL:
        raise LocalError("account.passkey", "it brings no credential")
    size = int.from_bytes(data[53:55], "big")
    id_, rest = data[55 : 55 + size], data[55 + size :]
    key, more = rest[:_KEY_BYTES], rest[_KEY_BYTES:]
    if not 16 <= size <= ID_BYTES or len(key) != _KEY_BYTES or not key.startswith(_X) or key[42:45] != _Y:
        raise LocalError("account.passkey", "its key is no ES256 key in its one encoding")
    if bool(more) != bool(flags & _EXTENSIONS):
        raise LocalError("account.passkey", "it is longer or shorter than it says")
    if more:
        _one_map(more, "its extensions")
    return Credential(id_, b"\x04" + key[10:42] + key[45:], int.from_bytes(data[33:37], "big"))


def _flags(data: bytes, rp_id: str, least: int) -> int:
    if len(data) < least or data[:32] != hashlib.sha256(rp_id.encode()).digest():
        raise LocalError("account.passkey", "it is of another address")
    flags = data[32]
    if not (flags & _PRESENT and flags & _VERIFIED):
        raise LocalError("account.passkey", "the person was not verified")
    if flags & _BACKED_UP and not flags & _BACKUP_POSSIBLE:
        raise LocalError("account.passkey", "it is backed up and cannot be")
    return flags


def _one_map(data: bytes, what: str) -> dict[Any, Any]:
    """One CBOR map and nothing behind it. What is written twice, or longer than it need be, comes back shorter and is refused."""
    stream = io.BytesIO(data)
    try:
        found = cbor2.load(stream)
        again = cbor2.dumps(found)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError):
        raise LocalError("account.passkey", f"{what} cannot be read") from None
    if not isinstance(found, dict) or stream.tell() != len(data) or len(again) != len(data):
        raise LocalError("account.passkey", f"{what} cannot be read in one way only")
    return found


def asserted(answer: Mapping[str, Any]) -> Assertion:
    """The parts of an AuthenticationResponseJSON; nothing of them is checked yet. Raises LocalError account.passkey."""
    response = _response(answer)
    handle = response.get("userHandle")
    return Assertion(
        _octets(answer, "rawId"),
        _octets(response, "authenticatorData"),
        _octets(response, "clientDataJSON"),
        _octets(response, "signature"),
        b"" if handle is None else _octets(response, "userHandle"),
    )


def check(given: Assertion, key: bytes, challenge: bytes, origin: str, rp_id: str) -> None:
    """That the credential's key answers this challenge for this origin, the person verified. Raises LocalError account.passkey."""
    _client(given.client, challenge, origin, GET)
    try:
        release.check_authenticator_data(given.data, rp_id)
    except PeerError as error:
        raise LocalError("account.passkey", error.detail) from None
    _flags(given.data, rp_id, least=37)
    if not es256.verify(key, given.signature, given.data + hashlib.sha256(given.client).digest()):
        raise LocalError("account.passkey", "its signature is not the passkey's")


def _client(data: bytes, challenge: bytes, origin: str, act: str) -> None:
    try:
        release.check_client_data(data, challenge, origin, act)
    except PeerError as error:
        raise LocalError("account.passkey", error.detail) from None


def challenge_of(answer: Mapping[str, Any]) -> bytes:
    """The challenge that something answers, to see whether it was ours. Raises LocalError account.passkey."""
    client = _octets(_response(answer), "clientDataJSON")
    try:
        return _unb64(release.client_challenge(client))
    except PeerError as error:
        raise LocalError("account.passkey", error.detail) from None


def _response(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    response = answer.get("response") if isinstance(answer, Mapping) else None
    if not isinstance(response, dict) or answer.get("type") != "public-key" or answer.get("id") != answer.get("rawId"):
        raise LocalError("account.passkey", "it is no answer of a passkey")
    return response


def _octets(json: Mapping[str, Any], name: str) -> bytes:
    value = json.get(name)
    if not isinstance(value, str):
        raise LocalError("account.passkey", f"it has no {name}")
    return _unb64(value)


def _unb64(text: str) -> bytes:
    """base64url in its one form. Raises LocalError account.passkey."""
    try:
        if len(text) > 2 * limits.PASSKEY_ANSWER_BYTES or not _B64.fullmatch(text):
            raise ValueError("not base64url")
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
            raise ValueError("another form")
    except (ValueError, binascii.Error):
        raise LocalError("account.passkey", "a part of it is not in base64url") from None
    return data
