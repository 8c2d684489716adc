"""A node's folder: what lies where, who may write, and how it is opened. docs/operators.md.

card.txt            the party's card, as text
charter.cwc         the charter, once joined
store.sqlite        messages, checkpoints, receipts (and -wal, -shm beside it)
pen                 the log's private keys, sealed, and the counter that no backup holds
unlock.key          opens the pen of a node made with --no-passphrase
recovery-SLUG.txt   the recovery key, to be taken away
lock                held by the one process that writes
control             socket through which `send`, `sync` and `bundle` reach the process that writes
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from .errors import LocalError
from .exchange import seal
from .keyfile import read_unlock_key, sync_folder, write_recovery, write_unlock_key
from .node.node import Node
from .node.view import View
from .pen import Pen, Seeds
from .record.card import Card, LogKeys, RecoveryKey, armor, open_card, sign_card, unarmor
from .record.channel import Channel
from .record.charter import SignedCharter, open_charter
from .store import sqlite

LOCK_WAIT_SECONDS: Final = 10.0


class Folder:
    """One party on one channel, on this disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pen_path = path / "pen"
        self.store_path = path / "store.sqlite"
        self.charter_path = path / "charter.cwc"
        self.card_path = path / "card.txt"
        self.control_path = path / "control"

    # --- Making ---

    @staticmethod
    def create(path: Path, card: Callable[[LogKeys, tuple[RecoveryKey, ...]], Card], passphrase: bytes | None) -> Folder:
        """Make a node: keys, recovery key, empty store. `card` fills in who this is. Without a passphrase the pen opens by a key file.

        Raises LocalError node.exists, file.unwritable, random.failed, disk.failed; PeerError card.malformed, enc.*.
        """
        folder = Folder(path)
        seeds = [_random(32) for _ in range(7)]
        log, log_pq, receipt, receipt_pq, sealing, recovery, recovery_pq = seeds
        keys = LogKeys(_public(log), _public_pq(log_pq), _public(receipt), _public_pq(receipt_pq), seal.public_key(sealing))
        # Read back as its readers will: a name that is too long must be refused before there are keys for it.
        made = Card.decode(card(keys, (RecoveryKey(_public(recovery), _public_pq(recovery_pq)),)).encode())
        folder._make_place()
        secret = passphrase if passphrase is not None else write_unlock_key(path / "unlock.key", os.urandom)
        Pen.create(
            folder.pen_path,
            Seeds(log, log_pq, receipt, receipt_pq, sealing),
            secret,
            passphrase is not None,
            os.urandom,
        )
        write_recovery(path / f"recovery-{made.slug}.txt", recovery, recovery_pq)
        sqlite.create(folder.store_path)
        signers = [
            f(seed) for f, seed in zip((_signer, _signer_pq) * 3, (log, log_pq, receipt, receipt_pq, recovery, recovery_pq), strict=True)
        ]
        # The card comes last: a folder without one was not finished, and is no node.
        folder.write(folder.card_path, armor(sign_card(made, signers)).encode())
        return folder

    def _make_place(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise LocalError("node.exists" if self.card_path.exists() else "file.unwritable", f"{self.path} is not empty")
            self.path.chmod(0o700)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.path}: {error.strerror}") from None

    @staticmethod
    def write(path: Path, data: bytes, mode: int = 0o600) -> None:
        """Write a file whole or not at all, durably. Raises LocalError file.unwritable."""
        temporary: str | None = None
        try:
            if path.is_dir():
                raise LocalError("file.unwritable", f"{path} is a folder")
            handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(temporary, path)
            temporary = None
            sync_folder(path.parent)
        except OSError as error:
            raise LocalError("file.unwritable", f"{path}: {error.strerror}") from None
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)

    # --- Reading ---

    def card(self) -> tuple[Card, bytes, bytes]:
        """The card, its bytes, and its file. Raises LocalError node.missing."""
        try:
            data = unarmor(self.card_path.read_bytes())
        except OSError:
            raise LocalError("node.missing", str(self.path)) from None
        card, raw = open_card(data)
        return card, raw, data

    def charter(self) -> SignedCharter:
        """The charter this node joined. Raises LocalError node.missing, node.not_joined."""
        card = self.card()[0]
        try:
            data = self.charter_path.read_bytes()
        except OSError:
            raise LocalError("node.not_joined", card.slug) from None
        return open_charter(data, complete=True)

    def position(self, signed: SignedCharter) -> int:
        """Our place among the charter's parties. Raises LocalError charter.party when our card is not in it."""
        data = self.card()[2]
        if data not in signed.charter.cards:
            raise LocalError("charter.party", "this node's card is not in it")
        return signed.charter.cards.index(data)

    def join(self, signed: SignedCharter, data: bytes) -> None:
        """Accept a fully signed charter. Raises LocalError node.joined, charter.party; PeerError key.weak."""
        if self.charter_path.exists():
            if self.charter_path.read_bytes() != data:
                raise LocalError("node.joined")
            return
        self.position(signed)
        for party in signed.charter.parties:
            seal.check_public_key(party.keys.sealing)
        self.write(self.charter_path, data)

    @contextmanager
    def view(self) -> Iterator[View]:
        """The node's store for reading, beside whoever writes. Raises LocalError node.*, store.*."""
        signed = self.charter()
        store = sqlite.open_reader(self.store_path)
        try:
            yield View(store, Channel(signed), self.position(signed))
        finally:
            store.close()

    # --- Writing ---

    def secret(self, passphrase: bytes | None) -> bytes:
        """What opens the pen: the passphrase, or the key file. Raises LocalError pen.*."""
        if passphrase is not None:
            return passphrase
        if not os.path.lexists(self.path / "unlock.key"):
            raise LocalError("pen.passphrase", "none was given, and this node has no unlock.key")
        return read_unlock_key(self.path / "unlock.key")

    @contextmanager
    def pen(self, passphrase: bytes | None) -> Iterator[Pen]:
        """The pen. Raises LocalError node.missing, pen.*."""
        self.card()
        pen = Pen.open(self.pen_path, self.secret(passphrase))
        try:
            yield pen
        finally:
            pen.close()

    @contextmanager
    def locked(self, wait: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
        """The right to write, waited for so many seconds. Raises LocalError node.locked, node.missing, file.unwritable."""
        self.card()
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.path / 'lock'}: {error.strerror}") from None
        try:
            deadline = time.monotonic() + wait
            while not _try_lock(handle):
                if time.monotonic() >= deadline:
                    raise LocalError("node.locked", str(self.path))
                time.sleep(0.02)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def node(self, passphrase: bytes | None, wait: float = LOCK_WAIT_SECONDS) -> Iterator[Node]:
        """The node, to write with. Raises LocalError node.*, pen.*, store.*."""
        signed = self.charter()
        own = self.position(signed)
        with self.locked(wait), self.pen(passphrase) as pen:
            store = sqlite.open_writer(self.store_path)
            try:
                yield Node(store, pen, Channel(signed), own, clock=time.time, random=_random)
            finally:
                try:
                    pen.sync()  # also after an error: what was committed before it may have left
                finally:
                    store.close()


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _random(count: int) -> bytes:
    try:
        return os.urandom(count)
    except (OSError, NotImplementedError):
        raise LocalError("random.failed") from None


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _public_pq(seed: bytes) -> bytes:
    return MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def _signer(seed: bytes) -> Callable[[bytes], bytes]:
    return Ed25519PrivateKey.from_private_bytes(seed).sign


def _signer_pq(seed: bytes) -> Callable[[bytes], bytes]:
    return MLDSA44PrivateKey.from_seed_bytes(seed).sign
