"""Passwords: what may be one, and what is sealed under it.

    key    = Argon2id(password in NFC and UTF-8, salt), as costly as the pen's
    sealed = nonce | AES-256-GCM-SIV(key, nonce, TOTP secret (20) | seed of the release key (32), associated: purpose | handle | public)

Nothing by which a password could be compared is kept besides: the right one is the one that opens. So whoever steals the file has neither
the codes nor the keys of anyone, and must guess at Argon2id's price.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from .. import limits
from ..errors import LocalError
from ..keyfile import SEED_BYTES, Random, draw
from ..pen import Costs
from . import totp

LEAST_CHARACTERS: Final = 15  # of a password: NIST SP 800-63B-4 for one that stands alone, which it does where the file was stolen
SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"ceasewire/account/1"


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What a password opens: the TOTP secret (20 bytes) and the seed of the person's release key (32 bytes)."""

    totp: bytes
    seed: bytes

    @staticmethod
    def drawn(random: Random) -> Secrets:
        """New ones. Raises LocalError random.failed."""
        return Secrets(draw(random, totp.SECRET_BYTES), draw(random, SEED_BYTES))

    @property
    def signer(self) -> Ed25519PrivateKey:
        """The release key."""
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        """Its public half, 32 bytes."""
        return self.signer.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A row of the table `password`, without whose it is and when it was made."""

    costs: Costs
    salt: bytes
    sealed: bytes
    public: bytes

    @staticmethod
    def make(password: bytes, secrets: Secrets, handle: bytes, random: Random) -> Sealed:
        """Seal under a password of `prepared`. Takes as long as opening does."""
        costs, salt, nonce = Costs(), draw(random, SALT_BYTES), draw(random, _NONCE_BYTES)
        cipher = AESGCMSIV(costs.key(password, salt))
        plain = secrets.totp + secrets.seed
        return Sealed(costs, salt, nonce + cipher.encrypt(nonce, plain, _bound(handle, secrets.public)), secrets.public)

    @staticmethod
    def of_row(row: Any) -> Sealed:
        """As it lies in the table. Raises LocalError account.damaged for costs that we would not write."""
        costs = Costs(row.memory_kib, row.passes, row.lanes)
        if not costs.plausible():
            raise LocalError("account.damaged", "a password's costs are not ours")
        return Sealed(costs, row.salt, row.sealed, row.public)

    @staticmethod
    def nobodys(secret: bytes) -> Sealed:
        """What the password of a name that is not there is tried on, so that it takes as long. No password opens it."""
        return Sealed(Costs(), secret[:SALT_BYTES], bytes(_NONCE_BYTES + totp.SECRET_BYTES + SEED_BYTES + 16), b"")

    def row(self) -> dict[str, Any]:
        """As it goes into the table."""
        return {**self.costs._asdict(), "salt": self.salt, "sealed": self.sealed, "public": self.public}

    def open(self, password: bytes, handle: bytes) -> Secrets | None:
        """What is sealed; None for another password."""
        cipher = AESGCMSIV(self.costs.key(password, self.salt))
        try:
            plain = cipher.decrypt(self.sealed[:_NONCE_BYTES], self.sealed[_NONCE_BYTES:], _bound(handle, self.public))
        except InvalidTag:
            return None
        return Secrets(plain[: totp.SECRET_BYTES], plain[totp.SECRET_BYTES :])


def _bound(handle: bytes, public: bytes) -> bytes:
    return _PURPOSE + handle + public


def prepared(password: str) -> bytes:
    """A password as bytes, the same however a keyboard composes its letters. Raises LocalError account.password for one that none can be:
    by length alone, since rules about signs make passwords that people write down."""
    made = unicodedata.normalize("NFC", password[: limits.PASSWORD_BYTES])
    try:
        data = made.encode()
    except UnicodeEncodeError:
        raise LocalError("account.password", "it holds half a character") from None
    if len(made) < LEAST_CHARACTERS or len(password) > limits.PASSWORD_BYTES or len(data) > limits.PASSWORD_BYTES:
        raise LocalError("account.password", f"at least {LEAST_CHARACTERS} characters, at most {limits.PASSWORD_BYTES} bytes in UTF-8")
    return data


def tried(password: str) -> bytes:
    """A password that somebody tries; one that none can be is another's, and takes as long."""
    try:
        return prepared(password)
    except LocalError:
        return b"\0"
