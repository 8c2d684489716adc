"""A node's folder: what lies where, who may write, and how it is opened. docs/operators.md.

card.txt            the party's card, as text
charter.cwc         the charter, once joined
store.sqlite        messages, checkpoints, receipts (and -wal, -shm beside it)
derived.sqlite      what lists and cases are read from; may be deleted at any time (and -wal, -shm beside it)
pen                 the log's private keys, sealed, and the counter that no backup holds
pen.next            the keys that a rotation is putting in their place
boot                the start of the machine in which the log was last confirmed (boot.py); in no backup either
unlock.key          opens the pen of a node made with --no-passphrase
recovery-SLUG.txt   the recovery key, to be taken away
lock                held by the one process that writes
control             socket through which `send`, `sync` and `bundle` reach the process that writes
drafts/             messages that wait for officers to release them (node/drafts.py)
alarms              where alarms go outward (outward.py), if the operator wrote it
tokens              who may use the HTTP API: hashes of the tokens
founding.json       how far the pages of a founding have come, and founding.charter with the signatures so far; gone once joined
accounts.sqlite     the people of this node and what is on their desk (accounts/; and -wal, -shm, accounts.lock beside it); in no backup
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from . import boot
from .errors import LocalError
from .exchange import seal
from .keyfile import read_unlock_key, sync_folder, write_recovery, write_unlock_key
from .node.node import BOOT, Node
from .node.openings import known_channel, own_log
from .node.view import View
from .pen import Pen, Seeds
from .record.card import Card, LogKeys, RecoveryKey, armor, open_card, sign_card, unarmor
from .record.charter import SignedCharter, open_charter
from .store import sqlite
from .store.interface import Change, Store

LOCK_WAIT_SECONDS: Final = 10.0
LEFTOVER_SECONDS: Final = 60.0
OPENED_IN: Final = "opened_in"  # meta: the boot in which this store's log was opened, if it is a later one
PEN: Final = "pen"  # meta: which pen writes this store's log, after a rotation


class Folder:
    """One party on one channel, on this disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pen_path = path / "pen"
        self.boot_path = path / "boot"
        self.next_pen_path = path / "pen.next"
        self.store_path = path / "store.sqlite"
        self.charter_path = path / "charter.cwc"
        self.card_path = path / "card.txt"
        self.control_path = path / "control"
        self.tokens_path = path / "tokens"

    # --- Making ---

    @staticmethod
    def create(path: Path, card: Callable[[LogKeys, tuple[RecoveryKey, ...]], Card], passphrase: bytes | None) -> Folder:
        """Make a node: keys, recovery key, empty store. `card` fills in who this is. Without a passphrase the pen opens by a key file.

        Raises LocalError node.exists, file.unwritable, random.failed, disk.failed; PeerError card.malformed, enc.*.
        """
        folder = Folder(path)
        seeds, recovery, recovery_pq = new_seeds(), random(32), random(32)
        keys = public_keys(seeds)
        # Read back as its readers will: a name that is too long must be refused before there are keys for it.
        made = Card.decode(card(keys, (recovery_key(recovery, recovery_pq),)).encode())
        folder.make_place()
        secret = passphrase if passphrase is not None else write_unlock_key(path / "unlock.key", os.urandom)
        Pen.create(folder.pen_path, seeds, secret, passphrase is not None, os.urandom)
        write_recovery(path / f"recovery-{made.slug}.txt", recovery, recovery_pq)
        sqlite.create(folder.store_path)
        signers = [*log_signers(seeds), signer(recovery), signer_pq(recovery_pq)]
        # The card comes last: a folder without one was not finished, and is no node.
        folder.write(folder.card_path, armor(sign_card(made, signers)).encode())
        return folder

    def make_place(self) -> None:
        """An empty folder of our own. Raises LocalError node.exists, file.unwritable."""
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
        """The card, its bytes, and its file. Raises LocalError node.missing, file.unreadable."""
        try:
            data = unarmor(self.card_path.read_bytes())
        except OSError as error:
            raise _unread(error, self.card_path, LocalError("node.missing", str(self.path))) from None
        card, raw = open_card(data)
        return card, raw, data

    def charter(self) -> SignedCharter:
        """The charter this node joined. Raises LocalError node.missing, node.not_joined, file.unreadable."""
        card = self.card()[0]
        try:
            data = self.charter_path.read_bytes()
        except OSError as error:
            raise _unread(error, self.charter_path, LocalError("node.not_joined", card.slug)) from None
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
        with ExitStack() as stack:
            try:
                store = sqlite.open_reader(self.store_path)
            except LocalError as error:
                if error.code != "disk.failed":
                    raise
                stack.enter_context(self._still(error))
                store = sqlite.open_still(self.store_path)
            stack.callback(store.close)
            yield View(store, known_channel(signed, store), own_log(store, self.position(signed)))

    @contextmanager
    def _still(self, failed: LocalError) -> Iterator[None]:
        """SQLite reads beside a writer by a file that it must write. On a full disk, or one that may only be read, it does without if
        nobody writes: we hold the lock together with others who read so. Raises `failed` where that cannot be had."""
        try:
            handle = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            raise failed from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                raise failed from None
            yield
        finally:
            os.close(handle)

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
            self._remove_leftovers()
            yield
        finally:
            os.close(handle)

    def _remove_leftovers(self) -> None:
        """What processes that were killed had begun to write. A young one may be another command's that needs no lock, and is at it."""
        with suppress(OSError):
            young = time.time() - LEFTOVER_SECONDS
            for path in (*self.path.glob(".new-*"), *self.path.glob("drafts/.new-*")):
                with suppress(OSError):
                    if path.lstat().st_mtime < young:
                        path.unlink()

    @contextmanager
    def node(self, passphrase: bytes | None, wait: float = LOCK_WAIT_SECONDS, *, not_restored: bool = False) -> Iterator[Node]:
        """The node, to write with, under its lock. `not_restored`: an officer says that no disk was put back or copied. Raises LocalError
        node.*, pen.*, store.*."""
        with self.locked(wait), self.opened(passphrase, not_restored=not_restored) as node:
            yield node

    @contextmanager
    def opened(self, passphrase: bytes | None, *, not_restored: bool = False) -> Iterator[Node]:
        """As `node`, for whoever holds the lock already."""
        signed = self.charter()
        position = self.position(signed)
        with self.store() as store, self.pen(passphrase) as pen:
            try:
                channel, confirmed = known_channel(signed, store), None if self.is_sure(store, keep=True) else self.keep_boot
                node = Node(store, pen, channel, own_log(store, position), clock=time.time, random=random, confirmed=confirmed)
                if not_restored:
                    node.confirm("officer")
                yield node
            finally:
                pen.sync()  # also after an error: what was committed before it may have left

    def is_sure(self, store: Store, *, keep: bool = False) -> bool:
        """Whether the log was confirmed, or opened, since the machine was started; False where the system does not say when that was. A
        folder of a version that kept no `boot` counts as confirmed, once: whoever writes to it (`keep`) makes one."""
        current = boot.current()
        if current is None:
            return False
        if store.meta(OPENED_IN) == current.encode("ascii"):
            return True
        try:
            return boot.kept(self.boot_path) == current
        except FileNotFoundError:
            if store.meta(BOOT) is not None:
                return False  # there was one, so this is a copy without it
            if keep:
                self.keep_boot()
                with suppress(LocalError):
                    store.commit(Change(meta={BOOT: b""}))
            return True

    def keep_boot(self) -> None:
        """The log is confirmed for as long as the machine runs. What cannot be written down is asked again at the next start."""
        current = boot.current()
        if current is not None:
            with suppress(LocalError):
                Folder.write(self.boot_path, boot.encode(current))

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, to write, by whoever holds the lock; and the pen that belongs to it in its place. Raises LocalError store.*, pen.*."""
        store = sqlite.open_writer(self.store_path)
        try:
            self._finish_rotation(store)
            yield store
        finally:
            store.close()

    def _finish_rotation(self, store: Store) -> None:
        """A rotation that was cut short: after its transaction the new pen takes its place, before it the new pen was never used."""
        if not self.next_pen_path.exists():
            return
        if store.meta(PEN) == Pen.identity(self.next_pen_path):
            Pen.replace(self.pen_path, self.next_pen_path)
        else:
            self.next_pen_path.unlink()


def _unread(error: OSError, path: Path, missing: LocalError) -> LocalError:
    """A file that is not there means one thing, and one that cannot be read another: who is told `not joined` would join again."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return missing
    return LocalError("file.unreadable", f"{path}: {error.strerror}")


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def random(count: int) -> bytes:
    """The system's randomness. Raises LocalError random.failed."""
    try:
        return os.urandom(count)
    except (OSError, NotImplementedError):
        raise LocalError("random.failed") from None


# --- New keys ---


def new_seeds() -> Seeds:
    """The private keys of a new log. Raises LocalError random.failed."""
    return Seeds(*(random(32) for _ in range(5)))


def public_keys(seeds: Seeds) -> LogKeys:
    """Their public halves."""
    return LogKeys(
        _public(seeds.log_ed25519),
        _public_pq(seeds.log_mldsa44),
        _public(seeds.receipt_ed25519),
        _public_pq(seeds.receipt_mldsa44),
        seal.public_key(seeds.sealing),
    )


def log_signers(seeds: Seeds) -> list[Callable[[bytes], bytes]]:
    """Those that sign, in the order in which they sign a card and an opening."""
    return [
        signer(seeds.log_ed25519),
        signer_pq(seeds.log_mldsa44),
        signer(seeds.receipt_ed25519),
        signer_pq(seeds.receipt_mldsa44),
    ]


def recovery_key(ed25519: bytes, mldsa44: bytes) -> RecoveryKey:
    """The public half of a recovery key's seeds."""
    return RecoveryKey(_public(ed25519), _public_pq(mldsa44))


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _public_pq(seed: bytes) -> bytes:
    return MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def signer(seed: bytes) -> Callable[[bytes], bytes]:
    """Signs with the Ed25519 key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign


def signer_pq(seed: bytes) -> Callable[[bytes], bytes]:
    """Signs with the ML-DSA-44 key of a seed."""
    return MLDSA44PrivateKey.from_seed_bytes(seed).sign
