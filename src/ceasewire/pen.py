"""The pen: a log's private keys, sealed, and a counter that knows if the store beside it is an old copy. PROTOCOL sections 6, 11.

It is a file of its own that no backup contains, 12,288 bytes, mode 0600; integers are big-endian:

    0      slot 0
    4096   slot 1          each slot alone in its block, so that a torn write harms one of them
    8192   header          magic "ceasewire/pen/1\\n" (16 bytes), unlock (1: 0 key file, 1 passphrase), Argon2id memory in
                           KiB (4), passes (4) and lanes (4), salt (16), nonce (12)
    8249   sealed          six secrets of 32 bytes, in the order of Seeds and then the master, and a tag of 16 bytes
    8457   checksum        SHA-256 over header and sealed
    8489   zeros           to the end

    slot = counter (8), SHA-256("ceasewire/pen/slot/1" || salt || counter) (32), zeros to 512 bytes

The counter is the larger one of the valid slots. It is written after the store has committed and before anything leaves. A store
whose counter is below the pen's was rolled back; one above it crashed between the two, which is normal.

Sealing, here and for small secrets kept in the store, is AES-256-GCM-SIV (RFC 8452) with a random nonce of 12 bytes. A machine
that is cloned or restored may draw the same nonce again; then SIV shows whether the same secret was sealed twice, and nothing
else. The key is Argon2id of the passphrase, or HKDF of the key file, or HKDF of the master, which nothing else uses.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import LocalError
from .keyfile import SEED_BYTES, Random, draw, open_secret, sync_folder, write_secret

ARGON2_MEMORY_KIB: Final = 64 * 1024
ARGON2_PASSES: Final = 3
ARGON2_LANES: Final = 4

_MAGIC: Final = b"ceasewire/pen/1\n"
_HEADER: Final = struct.Struct(">16sBIII16s12s")
_SLOT_AT: Final = (0, 4096)
_SLOT_BYTES: Final = 512
_HEADER_AT: Final = 8192
_SEALED_BYTES: Final = 6 * SEED_BYTES + 16
_FILE_BYTES: Final = 12288
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
# A pen that asks for more than this is not one that we wrote.
_MEMORY_KIB_AT_MOST: Final = 1024 * 1024
_PASSES_AT_MOST: Final = 64
_LANES_AT_MOST: Final = 64


@dataclass(frozen=True, slots=True, repr=False)
class Seeds:
    """The private halves of a log's keys, 32 bytes each; `sealing` is the seed of its standing sealing key."""

    log_ed25519: bytes
    log_mldsa44: bytes
    receipt_ed25519: bytes
    receipt_mldsa44: bytes
    sealing: bytes

    def __post_init__(self) -> None:
        if any(len(seed) != SEED_BYTES for seed in self._all()):
            raise ValueError(f"a seed is of {SEED_BYTES} bytes")

    def _all(self) -> tuple[bytes, ...]:
        return (self.log_ed25519, self.log_mldsa44, self.receipt_ed25519, self.receipt_mldsa44, self.sealing)

    def joined(self) -> bytes:
        """All of them, in the order in which the pen keeps them."""
        return b"".join(self._all())

    def __repr__(self) -> str:
        return "Seeds(secret)"


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The public halves, raw: 32 bytes for Ed25519, 1312 for ML-DSA-44."""

    log_ed25519: bytes
    log_mldsa44: bytes
    receipt_ed25519: bytes
    receipt_mldsa44: bytes


class Costs(NamedTuple):
    """What Argon2id costs: memory in KiB, passes, lanes."""

    memory_kib: int = ARGON2_MEMORY_KIB
    passes: int = ARGON2_PASSES
    lanes: int = ARGON2_LANES

    def plausible(self) -> bool:
        """Whether we could have written them: what asks for more memory or time is no file of ours."""
        return (
            1 <= self.lanes <= _LANES_AT_MOST
            and 8 * self.lanes <= self.memory_kib <= _MEMORY_KIB_AT_MOST
            and 1 <= self.passes <= _PASSES_AT_MOST
        )

    def key(self, secret: bytes, salt: bytes) -> bytes:
        """32 bytes under a passphrase. Takes about 0.1 s and the memory."""
        kdf = Argon2id(salt=salt, length=32, iterations=self.passes, lanes=self.lanes, memory_cost=self.memory_kib)
        return kdf.derive(secret)


class _Header(NamedTuple):
    magic: bytes
    passphrase: int
    memory_kib: int
    passes: int
    lanes: int
    salt: bytes
    nonce: bytes

    def encode(self) -> bytes:
        return _HEADER.pack(*self)

    @property
    def costs(self) -> Costs:
        return Costs(self.memory_kib, self.passes, self.lanes)

    def plausible(self) -> bool:
        return self.magic == _MAGIC and self.passphrase in {0, 1} and self.costs.plausible()

    def key(self, secret: bytes) -> bytes:
        """The key that the seeds are sealed under. Takes about 0.1 s and the memory for a passphrase."""
        if self.passphrase:
            return self.costs.key(secret, self.salt)
        return _hkdf(secret, self.salt, b"ceasewire/pen/key-file/1")


def _hkdf(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(secret)


def _slot(salt: bytes, counter: int) -> bytes:
    count = counter.to_bytes(8, "big")
    return (count + hashlib.sha256(b"ceasewire/pen/slot/1" + salt + count).digest()).ljust(_SLOT_BYTES, b"\0")


class Pen:
    """An open pen. It signs whatever it is handed: what may be signed, and when, is the node's to decide."""

    def __init__(self, handle: int, salt: bytes, counters: list[int | None], secrets: bytes) -> None:
        """For `open` alone. `counters`: of each slot, None for one that is not whole."""
        self._handle = handle
        self._salt = salt
        self.counter = max(count for count in counters if count is not None)
        # Notes go to the other slot than the last synced one, which thus stays whole whatever happens before the next sync.
        self._spare = 1 - counters.index(self.counter)
        self._noted = self._failed = False
        self._one_at_a_time = threading.Lock()
        seeds = [secrets[at : at + SEED_BYTES] for at in range(0, len(secrets), SEED_BYTES)]
        self._log, self._receipt = (Ed25519PrivateKey.from_private_bytes(seeds[at]) for at in (0, 2))
        self._log_mldsa, self._receipt_mldsa = (MLDSA44PrivateKey.from_seed_bytes(seeds[at]) for at in (1, 3))
        self._sealing_seed = seeds[4]
        self._store_key = AESGCMSIV(_hkdf(seeds[5], salt, b"ceasewire/pen/store/1"))

    def __repr__(self) -> str:
        return f"Pen(counter={self.counter})"

    @staticmethod
    def create(path: Path, seeds: Seeds, secret: bytes, passphrase: bool, random: Random) -> None:
        """A new pen at `path`, its counter 0. `secret` is a passphrase, or else the 32 bytes of a key file.

        Raises ValueError for a secret that is neither, LocalError random.failed, node.exists, file.unwritable, disk.failed; then
        no file is made.
        """
        if not secret or (not passphrase and len(secret) != SEED_BYTES):
            raise ValueError("the secret is empty, or a key file is not of 32 bytes")
        salt, nonce, master = (draw(random, count) for count in (_SALT_BYTES, _NONCE_BYTES, SEED_BYTES))
        header = _Header(_MAGIC, int(passphrase), *Costs(), salt, nonce)
        sealed = AESGCMSIV(header.key(secret)).encrypt(nonce, seeds.joined() + master, header.encode())
        body = header.encode() + sealed
        data = bytearray(_FILE_BYTES)
        for at, part in (*((at, _slot(salt, 0)) for at in _SLOT_AT), (_HEADER_AT, body + hashlib.sha256(body).digest())):
            data[at : at + len(part)] = part
        write_secret(path, bytes(data))

    @staticmethod
    def open(path: Path, secret: bytes) -> Pen:
        """The pen at `path`. `secret` as at its creation.

        Raises LocalError pen.mode, pen.damaged, pen.passphrase (also for a key file in the place of a passphrase), disk.failed.
        """
        handle = open_secret(path, os.O_RDWR)
        try:
            data = os.pread(handle, _FILE_BYTES + 1, 0)
            # A slot that an earlier process wrote and did not sync must not be all that there is.
            os.fsync(handle)
            header, sealed = _parse(data)
            return Pen(handle, header.salt, _counters(header, data), _unsealed(header, sealed, secret))
        except OSError as error:
            os.close(handle)
            raise LocalError("disk.failed", f"{path.name}: {error.strerror}") from error
        except BaseException:
            os.close(handle)
            raise

    @staticmethod
    def peek_counter(path: Path) -> int:
        """The counter of the pen at `path`, read without its secret, also while another process notes in it. Anyone who can write the
        file can forge it: it tells a person that the store is old, and guards nothing. Raises LocalError pen.mode, pen.damaged,
        disk.failed."""
        handle = open_secret(path)
        try:
            data = os.pread(handle, _FILE_BYTES + 1, 0)
        except OSError as error:
            raise LocalError("disk.failed", f"{path.name}: {error.strerror}") from error
        finally:
            os.close(handle)
        return max(count for count in _counters(_parse(data)[0], data) if count is not None)

    @staticmethod
    def identity(path: Path) -> bytes:
        """32 bytes that tell one pen from another and stay the same whatever it notes. Raises LocalError pen.mode, pen.damaged,
        disk.failed."""
        handle = open_secret(path)
        try:
            header, sealed = _parse(os.pread(handle, _FILE_BYTES + 1, 0))
        except OSError as error:
            raise LocalError("disk.failed", f"{path.name}: {error.strerror}") from error
        finally:
            os.close(handle)
        return hashlib.sha256(header.encode() + sealed).digest()

    @staticmethod
    def replace(path: Path, following: Path) -> None:
        """Destroy the pen at `path`, if there still is one, and put the one at `following` in its place, durably.

        The old keys are overwritten first: a process that is killed in between leaves no pen but the new one, where it was. (A disk may
        keep what was overwritten; who gives one away destroys it.) Raises LocalError disk.failed.
        """
        try:
            if path.exists():
                handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    os.pwrite(handle, bytes(_FILE_BYTES), 0)
                    os.fsync(handle)
                finally:
                    os.close(handle)
            os.replace(following, path)
            sync_folder(path.parent)
        except OSError as error:
            raise LocalError("disk.failed", f"{path.name}: {error.strerror}") from error

    def note(self, counter: int) -> None:
        """Write the counter; a sync in another thread is waited for. ValueError for a smaller one, LocalError disk.failed."""
        with self._one_at_a_time:
            if counter < self.counter:
                raise ValueError("the pen's counter does not go back")
            if counter > self.counter:
                self._write(_slot(self._salt, counter))
                self.counter = counter

    def _write(self, slot: bytes) -> None:
        self._check()
        try:
            written = os.pwrite(self._handle, slot, _SLOT_AT[self._spare])
        except OSError as error:
            raise LocalError("disk.failed", f"the pen: {error.strerror}") from error
        if written != len(slot):
            raise LocalError("disk.failed", "the pen: a slot was written in part")
        self._noted = True

    def sync(self) -> None:
        """Make the last note durable.

        After LocalError disk.failed nothing more can be noted: what the kernel could not write it may have forgotten.
        """
        with self._one_at_a_time:
            self._check()
            try:
                os.fsync(self._handle)
            except OSError as error:
                self._failed = True
                raise LocalError("disk.failed", f"the pen: {error.strerror}") from error
            if self._noted:
                self._spare, self._noted = 1 - self._spare, False

    def _check(self) -> None:
        if self._failed or self._handle < 0:
            raise LocalError("disk.failed", "the pen could not be synced before, or is closed")

    def close(self) -> None:
        """Let go of the file. The pen neither notes nor syncs after it."""
        with self._one_at_a_time:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1

    def sign_log(self, message: bytes) -> bytes:
        """Ed25519, 64 bytes, by the log key."""
        return self._log.sign(message)

    def sign_log_mldsa(self, message: bytes) -> bytes:
        """ML-DSA-44, 2420 bytes, empty context, hedged with the library's own randomness, by the log key."""
        return self._log_mldsa.sign(message)

    def sign_receipt(self, message: bytes) -> bytes:
        """Ed25519, 64 bytes, by the receipt key."""
        return self._receipt.sign(message)

    def sign_receipt_mldsa(self, message: bytes) -> bytes:
        """ML-DSA-44, as sign_log_mldsa, by the receipt key."""
        return self._receipt_mldsa.sign(message)

    def sealing_seed(self) -> bytes:
        """The seed of the standing sealing key, for exchange.seal."""
        return self._sealing_seed

    def public(self) -> PublicKeys:
        """What the card or the opening says of this log's keys."""
        pairs = (self._log, self._log_mldsa, self._receipt, self._receipt_mldsa)
        return PublicKeys(*(private.public_key().public_bytes_raw() for private in pairs))

    def seal(self, plain: bytes, random: Random) -> bytes:
        """A small secret as the store may keep it: nonce, then ciphertext and tag, 28 bytes longer. LocalError random.failed."""
        nonce = draw(random, _NONCE_BYTES)
        return nonce + self._store_key.encrypt(nonce, plain, None)

    def unseal(self, sealed: bytes) -> bytes:
        """What `seal` was given. LocalError store.damaged if this pen did not seal it or it has changed since."""
        try:
            return self._store_key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise LocalError("store.damaged", "a sealed secret does not open with this pen") from None


def _counters(header: _Header, data: bytes) -> list[int | None]:
    """The counter of each slot, None for one that is not whole. LocalError pen.damaged if neither is."""
    slots = [data[at : at + _SLOT_BYTES] for at in _SLOT_AT]
    counters = [int.from_bytes(slot[:8], "big") for slot in slots]
    whole = [count if _slot(header.salt, count) == slot else None for count, slot in zip(counters, slots, strict=True)]
    if whole == [None, None]:
        raise LocalError("pen.damaged", "neither counter is whole")
    return whole


def _parse(data: bytes) -> tuple[_Header, bytes]:
    if len(data) != _FILE_BYTES:
        raise LocalError("pen.damaged", f"the pen is of {len(data)} bytes")
    end = _HEADER_AT + _HEADER.size + _SEALED_BYTES
    body, checksum = data[_HEADER_AT:end], data[end : end + 32]
    if hashlib.sha256(body).digest() != checksum:
        raise LocalError("pen.damaged", "the keys' checksum does not fit")
    header = _Header(*_HEADER.unpack_from(body))
    if not header.plausible():
        raise LocalError("pen.damaged", "this is not a pen of this version")
    return header, body[_HEADER.size :]


def _unsealed(header: _Header, sealed: bytes, secret: bytes) -> bytes:
    try:
        return AESGCMSIV(header.key(secret)).decrypt(header.nonce, sealed, header.encode())
    except InvalidTag:
        raise LocalError("pen.passphrase") from None
