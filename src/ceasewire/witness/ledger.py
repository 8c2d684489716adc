"""What a witness must not forget: which logs it cosigns, and the last checkpoint that it cosigned of each.

One SQLite file, in WAL mode with `synchronous=FULL`: what a transaction has returned from survives a power cut. Looking at the last size,
deciding, signing and writing the new size are one such transaction (BEGIN IMMEDIATE), and its cosignatures leave after it alone: neither
two requests at once nor a crash can make the size that was cosigned go back.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import LocalError
from ..keyfile import sync_folder
from ..tlog import witness
from ..tlog.note import SignatureLine, VerifierKey, lines_bytes
from ..tlog.witness import Head, Known, Request, Signer, Status
from .mark import Mark

APPLICATION_ID: Final = 0x43575749  # "CWWI"
_BUSY_SECONDS: Final = 10.0
_SCHEMA: Final = (
    "CREATE TABLE key (origin TEXT NOT NULL, vkey TEXT NOT NULL, PRIMARY KEY (origin, vkey)) WITHOUT ROWID, STRICT",
    "CREATE TABLE head (origin TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, root BLOB NOT NULL,"
    " time INTEGER NOT NULL, text TEXT NOT NULL, lines BLOB NOT NULL, cosigned BLOB NOT NULL) STRICT",
    "CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "INSERT INTO tally VALUES ('changes', 0), ('cosigned_at', 0)",
)
_PUT: Final = "INSERT OR REPLACE INTO head (origin, hash, size, root, time, text, lines, cosigned) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_BROKEN: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL})


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What to answer: `body` is the signature lines of COSIGNED, `size` the last cosigned size of OTHER_SIZE."""

    status: Status
    size: int = 0
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class LogHead:
    """A log that the witness knows: how many keys it trusts, the last size that it cosigned and when (POSIX seconds); None if never."""

    origin: str
    keys: int
    size: int | None
    time: int | None


def create(path: Path) -> None:
    """An empty store, if there is none. Raises LocalError disk.failed."""
    try:
        raw = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise _explained(error) from None
    try:
        raw.execute("PRAGMA journal_mode = WAL")
        if not raw.execute("PRAGMA application_id").fetchone()[0]:
            raw.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                raw.execute(statement)
            raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            raw.execute("COMMIT")
    except sqlite3.Error as error:
        raise _explained(error) from None
    finally:
        raw.close()
    path.chmod(0o600)


def _explained(error: sqlite3.Error) -> LocalError:
    kind = int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
    if kind in _BROKEN or kind in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return LocalError("disk.failed", str(error))
    return LocalError("node.locked" if kind == sqlite3.SQLITE_BUSY else "store.damaged", str(error))


class Ledger:
    """An open store. One call at a time gets through, from any thread. Every method may raise LocalError disk.failed, store.damaged,
    node.locked."""

    def __init__(self, path: Path, mark: Mark) -> None:
        """Raises LocalError witness.rolled_back for a store that is older than its mark, store.unsafe."""
        if not path.is_file():
            raise LocalError("store.damaged", f"there is no file {path.name}")
        self._mark = mark
        self._lock = threading.Lock()
        self._failed = False
        try:
            self._raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
        except sqlite3.Error as error:
            raise _explained(error) from None
        try:
            self._check()
            sync_folder(path.parent)  # SQLite does it for its log's name too, and does not look at whether it worked
        except OSError as error:
            self._raw.close()
            raise LocalError("disk.failed", f"{path.parent.name}: {error.strerror}") from error
        except BaseException:
            self._raw.close()
            raise

    def _check(self) -> None:
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF", "cell_size_check = ON"):
                self._raw.execute(f"PRAGMA {pragma}").fetchall()
            held = [self._raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "journal_mode", "synchronous")]
            if held[0] != APPLICATION_ID:
                raise LocalError("store.damaged", "the file is not a witness's store")
            if held[1:] != ["wal", 2]:
                raise LocalError("store.unsafe", f"journal_mode is {held[1]}, synchronous {held[2]}")
            self._check_mark()
        except sqlite3.Error as error:
            raise _explained(error) from None

    def close(self) -> None:
        """Let go of the store."""
        with self._lock, suppress(sqlite3.Error):
            self._raw.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._raw
            except sqlite3.Error as error:
                raise _explained(error) from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction; whatever is raised within undoes it. After an error of the disk nothing more is written: the kernel may
        have dropped what it could not write."""
        with self._lock:
            if self._failed:
                raise LocalError("disk.failed", "an earlier write failed, so nothing more is cosigned until the witness is started again")
            try:
                self._raw.execute("BEGIN IMMEDIATE")
                self._check_mark()
                yield self._raw
                if self._raw.in_transaction:
                    self._raw.execute("UPDATE tally SET value = value + 1 WHERE name = 'changes'")
                    changes = self._tally("changes")
                    self._raw.execute("COMMIT")
                    self._mark.note(changes)
            except sqlite3.Error as error:
                self._failed = int(getattr(error, "sqlite_errorcode", 0)) & 0xFF == sqlite3.SQLITE_IOERR
                raise _explained(error) from None
            finally:
                if self._raw.in_transaction:
                    with suppress(sqlite3.Error):
                        self._raw.execute("ROLLBACK")

    def _check_mark(self) -> None:
        held = self._tally("changes")
        if held < self._mark.count:
            raise LocalError("witness.rolled_back", f"it counts {held} changes, and there were {self._mark.count}")

    def _tally(self, name: str) -> int:
        return int(self._raw.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()[0])

    # --- Logs ---

    def add(self, origin: str, key: VerifierKey) -> bool:
        """Trust a key for the log of that origin; whether it is new."""
        with self._writing() as raw:
            return raw.execute("INSERT OR IGNORE INTO key VALUES (?, ?)", (origin, key.text())).rowcount > 0

    def keys(self, origin: str) -> list[VerifierKey]:
        """The keys that are trusted for a log; none for one that is not known."""
        with self._reading() as raw:
            found = raw.execute("SELECT vkey FROM key WHERE origin = ?", (origin,)).fetchall()
        return [VerifierKey.parse(vkey) for (vkey,) in found]

    def logs(self) -> list[LogHead]:
        """Every log that is known, by origin."""
        wanted = "SELECT origin, count(*), size, time FROM key LEFT JOIN head USING (origin) GROUP BY origin ORDER BY origin"
        with self._reading() as raw:
            return [LogHead(*row) for row in raw.execute(wanted)]

    def checkpoint(self, origin_hash: str) -> bytes | None:
        """The last cosigned checkpoint of the log whose origin has that SHA-256, in hex: its own signatures and ours below it."""
        with self._reading() as raw:
            found = raw.execute("SELECT text, lines, cosigned FROM head WHERE hash = ?", (origin_hash,)).fetchone()
        return None if found is None else found[0].encode() + b"\n" + found[1] + found[2]

    # --- Cosigning ---

    def cosign(
        self, request: Request, own: Sequence[SignatureLine], keys: Sequence[tuple[VerifierKey, Signer]], clock: Callable[[], float]
    ) -> Cosigned:
        """Decide upon an admitted request, whose log signed with the lines `own`; if it is well, remember it durably and cosign it.

        `clock` gives POSIX seconds. The time of a cosignature is never before the last one's, of whatever log.
        """
        head = request.head
        with self._writing() as raw:
            row = raw.execute("SELECT size, root, time, text, cosigned FROM head WHERE origin = ?", (head.origin,)).fetchone()
            known: Known = (row[0], row[1]) if row else witness.NOTHING
            status = witness.decide(request, known)
            time = max(int(clock()), self._tally("cosigned_at"), 1)
            if status != Status.COSIGNED:
                raw.execute("ROLLBACK")
                return Cosigned(status, known[0])
            if row and row[2] == time and row[3] == head.text():  # said in this very second: whoever repeats it costs no disk
                raw.execute("ROLLBACK")
                return Cosigned(status, body=row[4])
            body = witness.cosign(head, keys, time)
            values = (head.size, head.root, time, head.text(), lines_bytes(own), body)
            raw.execute(_PUT, (head.origin, origin_hash(head), *values))
            raw.execute("UPDATE tally SET value = ? WHERE name = 'cosigned_at'", (time,))
        return Cosigned(status, body=body)


def origin_hash(head: Head) -> str:
    """How tlog-witness names a log in a path: SHA-256 of its origin, in hex."""
    return hashlib.sha256(head.origin.encode()).hexdigest()
