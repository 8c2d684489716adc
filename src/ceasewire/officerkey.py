"""An officer's key file: an Ed25519 key for releasing messages by command line, sealed under a passphrase. docs/cli.md.

    CEASEWIRE OFFICER KEY. Whoever holds this file and its passphrase releases messages as this officer.
    public ed25519:<64 hex digits>
    argon2id <memory in KiB> <passes> <lanes> <salt, 32 hex digits>       or: no-passphrase
    key <nonce and sealed seed, 120 hex digits>                           or: <seed, 64 hex digits>
    check <the first 16 hex digits of SHA-256 over the four lines above>

Sealing is AES-256-GCM-SIV (RFC 8452) with the second line as associated data, so that a key under another's name does not open.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from .errors import LocalError
from .keyfile import SEED_BYTES, Random, draw, open_secret, write_secret
from .pen import Costs

_WORDS: Final = "CEASEWIRE OFFICER KEY. Whoever holds this file and its passphrase releases messages as this officer."
_OPEN: Final = "no-passphrase"
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_FILE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, repr=False)
class OfficerKey:
    """An opened key."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Ed25519, 64 bytes."""
        return self.private.sign(message)


def create(path: Path, passphrase: bytes | None, random: Random) -> OfficerKey:
    """A new key, in a file 0600 that is never written over another. Raises LocalError random.failed, node.exists, file.unwritable,
    disk.failed."""
    seed = draw(random, SEED_BYTES)
    key = OfficerKey(Ed25519PrivateKey.from_private_bytes(seed))
    public = f"public ed25519:{key.public.hex()}"
    if passphrase is None:
        how, sealed = _OPEN, seed
    else:
        salt, nonce = draw(random, _SALT_BYTES), draw(random, _NONCE_BYTES)
        how = " ".join(["argon2id", *map(str, Costs()), salt.hex()])
        sealed = nonce + AESGCMSIV(_derived(how, passphrase)).encrypt(nonce, seed, public.encode())
    text = "\n".join([_WORDS, public, how, f"key {sealed.hex()}", ""])
    write_secret(path, f"{text}check {_check(text)}\n".encode())
    return key


def _check(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _derived(how: str, passphrase: bytes) -> bytes:
    """The key under a passphrase. Raises ValueError for a line that we would not write."""
    _, memory, passes, lanes, salt = how.split(" ")
    costs = Costs(int(memory), int(passes), int(lanes))
    if not costs.plausible():
        raise ValueError("another's costs")
    return costs.key(passphrase, bytes.fromhex(salt))


def open_key(path: Path, passphrase: bytes | None) -> OfficerKey:
    """The key of a file. Raises LocalError pen.mode, pen.damaged, pen.passphrase, disk.failed."""
    handle = open_secret(path)
    with open(handle, "rb") as file:
        data = file.read(_FILE_BYTES)
    try:
        words, public, how, key, check, end = data.decode("ascii").split("\n")
        if (words, end) != (_WORDS, "") or check != f"check {_check(chr(10).join([words, public, how, key, '']))}":
            raise ValueError("not whole")
        seed = _unsealed(public, how, bytes.fromhex(key.removeprefix("key ")), passphrase)
        found = OfficerKey(Ed25519PrivateKey.from_private_bytes(seed))
    except ValueError:
        raise LocalError("pen.damaged", f"{path.name} is no officer's key, or not whole") from None
    if public != f"public ed25519:{found.public.hex()}":
        raise LocalError("pen.damaged", f"{path.name} names another public key")
    return found


def _unsealed(public: str, how: str, sealed: bytes, passphrase: bytes | None) -> bytes:
    if how == _OPEN:
        return sealed
    if passphrase is None:
        raise LocalError("pen.passphrase", "the officer's key needs its passphrase")
    key = AESGCMSIV(_derived(how, passphrase))
    try:
        return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], public.encode())
    except InvalidTag:
        raise LocalError("pen.passphrase", "of the officer's key") from None
