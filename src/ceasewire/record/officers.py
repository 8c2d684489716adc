"""Officers: the people who release messages, each by a key of their own. spec/charter.md, "Officers"; PROTOCOL section 5.

    key encoding = cbor([1, Ed25519 key]) or cbor([2, P-256 key])
    officer id   = the first 16 bytes of SHA-256(key encoding)
    officer      = [algorithm, key, role, pseudonym, rp id, origin]; in a charter the party's position stands before these six

An id is the key's alone, so that one key under two names is one officer. Names are pseudonyms: a name tells the other side who.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from .. import limits
from ..errors import PeerError
from ..tlog import ed25519, es256
from . import encoding
from .card import RecoveryKey
from .encoding import Value
from .notation import Json, Names, Wrong, quoted

OfficerAlgorithm = Literal["ed25519", "webauthn_es256"]
OFFICER_ALGORITHMS: Final[tuple[OfficerAlgorithm, ...]] = ("ed25519", "webauthn_es256")
OFFICER_ROLES: Final = (
    "duty_officer",
    "liaison_officer",
    "commander",
    "deputy_commander",
    "chief_of_staff",
    "operations_officer",
    "legal_adviser",
    "political_adviser",
    "delegate",
    "spokesperson",
    "head_of_mission",
    "verification_officer",
    "humanitarian_officer",
)
ID_BYTES: Final = 16
RECOVERY_ROLE: Final = 0  # stands where an officer's role does, in a release by a recovery key
_NAME_BYTES: Final = 100
_RP_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.\[\]:-]{1,255}")


@dataclass(frozen=True)
class Officer:
    """One officer of the party at position `party`. `key`: 32 bytes, or 65 (0x04, x, y) of a WebAuthn credential, whose `rp_id` and
    `origin` are the web address it was made for, else ""; `role` one of OFFICER_ROLES."""

    party: int
    algorithm: OfficerAlgorithm
    key: bytes
    role: str
    name: str
    rp_id: str = ""
    origin: str = ""

    @cached_property
    def id(self) -> bytes:
        """16 bytes that name the key."""
        return hashlib.sha256(encoding.encode([self.algorithm_code, self.key])).digest()[:ID_BYTES]

    @property
    def algorithm_code(self) -> int:
        """1 or 2, as it is encoded."""
        return OFFICER_ALGORITHMS.index(self.algorithm) + 1

    @property
    def role_code(self) -> int:
        """The role as releases name it, from 1."""
        return OFFICER_ROLES.index(self.role) + 1

    @property
    def public(self) -> str:
        """The key as people pass it on: `ed25519:HEX` or `webauthn_es256:HEX`."""
        return f"{self.algorithm}:{self.key.hex()}"

    def value(self) -> list[Value]:
        """As it stands in a `keys` message: without the party, which is its sender's."""
        return [self.algorithm_code, self.key, self.role_code, self.name, self.rp_id, self.origin]

    @staticmethod
    def from_value(value: Value, party: int) -> Officer:
        """Raises PeerError enc.shape, key.length, key.weak, officer.malformed."""
        algorithm, key, role, name, rp_id, origin = encoding.array(value, 6)
        number, place = encoding.uint(algorithm), encoding.uint(role)
        if not 1 <= number <= len(OFFICER_ALGORITHMS) or not 1 <= place <= len(OFFICER_ROLES):
            raise PeerError("officer.malformed", "its algorithm or role")
        officer = Officer(
            party=party,
            algorithm=OFFICER_ALGORITHMS[number - 1],
            key=encoding.octets(key),
            role=OFFICER_ROLES[place - 1],
            name=encoding.text(name, _NAME_BYTES),
            rp_id=encoding.text(rp_id, 253),
            origin=encoding.text(origin, 300),
        )
        officer.check()
        return officer

    def check(self) -> None:
        """Raises PeerError key.length, key.weak, enc.text, officer.malformed."""
        encoding.check_text(self.name)
        if not self.name.strip():
            raise PeerError("officer.malformed", "the name is empty")
        if self.algorithm == "ed25519":
            ed25519.check_public_key(self.key)
            if self.rp_id or self.origin:
                raise PeerError("officer.malformed", "an Ed25519 key has no rp_id and no origin")
            return
        es256.check_public_key(self.key)
        if not _RP_ID.fullmatch(self.rp_id) or not _ORIGIN.fullmatch(self.origin):
            raise PeerError("officer.malformed", "a WebAuthn key has an rp_id and an origin")


def charter_value(officer: Officer) -> Value:
    """As it stands in a charter: the party's position before the rest."""
    return [officer.party, *officer.value()]


def from_charter(value: Value, parties: int) -> Officer:
    """An officer of a charter of so many parties. Raises as Officer.from_value."""
    found = encoding.array(value, 7)
    return Officer.from_value(found[1:], encoding.uint(found[0], parties))


def check_officers(officers: Iterable[Officer], keys: Iterable[bytes]) -> None:
    """Officers of one charter: in order of party and id, none twice, no key that is another's too. Raises PeerError
    charter.malformed, officer.malformed."""
    listed = list(officers)
    if len(listed) > limits.OFFICERS:
        raise PeerError("charter.malformed", f"more than {limits.OFFICERS} officers")
    if listed != sorted(listed, key=lambda one: (one.party, one.id)):
        raise PeerError("charter.malformed", "the officers are not in order of party and id")
    if len({one.id for one in listed}) != len(listed) or {one.key for one in listed} & set(keys):
        raise PeerError("officer.malformed", "one key is one officer's, and no log's")


def recovery_id(key: RecoveryKey) -> bytes:
    """The 16 bytes that name a recovery key where it releases a `keys` message."""
    return hashlib.sha256(encoding.encode([RECOVERY_ROLE, key.ed25519, key.mldsa44])).digest()[:ID_BYTES]


# --- For people ---


def parse_public(text: str) -> tuple[OfficerAlgorithm, bytes]:
    """Algorithm and key of `ed25519:HEX`. Raises Wrong."""
    name, _, digits = text.partition(":")
    for algorithm in OFFICER_ALGORITHMS:
        if name == algorithm:
            try:
                return algorithm, bytes.fromhex(digits)
            except ValueError:
                break
    raise Wrong(f"{' or '.join(OFFICER_ALGORITHMS)}, a colon and the key in hexadecimal, not {quoted(text)}")


def read_officer(json: Json, party: int = 0) -> Officer:
    """An officer of `{"name", "role", "key"}` and, for WebAuthn, `rp_id` and `origin`. Raises Wrong."""
    known = {"name", "role", "key", "rp_id", "origin"}
    if not isinstance(json, dict) or not {"name", "role", "key"} <= json.keys() <= known | {"id"}:
        raise Wrong("an officer with name, role and key, and for a WebAuthn key rp_id and origin")
    if not all(isinstance(value, str) for value in json.values()):
        raise Wrong("an officer whose every field is a text")
    algorithm, key = parse_public(json["key"])
    if json["role"] not in OFFICER_ROLES:
        raise Wrong(f"role: one of {', '.join(OFFICER_ROLES)}, not {quoted(json['role'])}")
    made = Officer(party, algorithm, key, json["role"], json["name"], json.get("rp_id", ""), json.get("origin", ""))
    if json.get("id", made.id.hex()) != made.id.hex():
        raise Wrong("an officer whose id is its key's")
    return _sound(made.value(), party)


def _sound(value: Value, party: int) -> Officer:
    try:
        return Officer.from_value(value, party)
    except PeerError as error:
        raise Wrong(f"an officer: {error.detail or error.explained.sentence.lower()}") from None


def show_officer(officer: Officer) -> dict[str, Any]:
    """An officer as JSON, with its id."""
    shown = {"id": officer.id.hex(), "name": officer.name, "role": officer.role, "key": officer.public}
    return shown | ({"rp_id": officer.rp_id, "origin": officer.origin} if officer.rp_id else {})


@dataclass(frozen=True, slots=True)
class OfficerField:
    """An officer in a `keys` message, of its sender's party; in JSON as `read_officer`."""

    def read(self, json: Json, names: Names) -> Value:
        return read_officer(json).value()

    def check(self, value: Value, names: Names) -> None:
        _sound(value, 0)

    def show(self, value: Value, names: Names) -> Json:
        return show_officer(_sound(value, 0))
