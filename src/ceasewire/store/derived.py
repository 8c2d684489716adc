"""The derived database beside a store: what lists, searches and cases are read from. It may be deleted at any time.

Everything in it is computed from the store (`node/derived.py`), so it is no part of a commit: whoever reads brings it up to date, one
at a time by SQLite's own lock, and in short transactions, so that nobody waits for a whole rebuild. `synchronous` is NORMAL: a power cut
may take its last transactions, which are then computed again.

A process that cannot write here (another user, a read-only disk, a full one) keeps the same tables in memory for itself. A file that is
damaged is deleted and made anew. `Lost` says that either has just happened: whoever asked begins again.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

from ..errors import LocalError
from .derived_interface import Lost
from .derived_tables import SCHEMA, Tables

BUSY_MILLISECONDS: Final = 60_000
APPLICATION_ID: Final = 0x43656164  # "Cead"
_SUFFIXES: Final = ("-wal", "-shm", "-journal", "")  # the file itself last: while it is there, nobody takes these for its own
_PRAGMAS: Final = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    "temp_store": "MEMORY",
    "trusted_schema": "OFF",
    "cell_size_check": "ON",
    "cache_size": str(-32 * 1024),
    "wal_autocheckpoint": "4000",
    "journal_size_limit": str(64 * 1024**2),
}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_MISMATCH}
_SCHEMA_NUMBER: Final = zlib.crc32("".join(SCHEMA).encode()) & 0x7FFFFFFF
_MOST_FRESH_STARTS: Final = 3  # files that one process makes anew before it goes on in memory


class DerivedFile:
    """`interface.Derived` over one SQLite file, or in memory when there is no place for a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._idle: list[_Connection] = []
        self._memory: _Connection | None = None
        self._guard = threading.Lock()
        self._in_memory = threading.RLock()
        self._fresh_starts = 0
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        """One snapshot, to read. Raises Lost, LocalError disk.failed."""
        with self._transaction("BEGIN") as tables:
            yield tables

    @contextmanager
    def writing(self) -> Iterator[Tables]:
        """The one right to write, until the block ends; then all of it is kept, or nothing if it raised. Raises Lost."""
        with self._transaction("BEGIN IMMEDIATE") as tables:
            yield tables

    def delete(self) -> None:
        """Delete the file, or what is in memory instead. Who has it open reads on, and finds the new one at the next question."""
        with self._guard:
            self._drop_idle()
            if self._path is not None:
                try:
                    _delete(self._path)
                except OSError:
                    self._path = None
            elif self._memory is not None:
                self._memory.close()
                self._memory = None

    def close(self) -> None:
        """Let go of the file. Closing again does nothing."""
        with self._guard:
            self._closed = True
            self._drop_idle()
            if self._memory is not None:
                self._memory.close()
                self._memory = None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Tables]:
        db = self._taken()
        guard = self._in_memory if db is self._memory else nullcontext()
        try:
            with guard:
                nested = db.in_transaction  # in memory one connection does for all: a list being read while its cases are
                if not nested:
                    db.execute(begin)
                try:
                    yield Tables(db)
                except BaseException:
                    if not nested:
                        with suppress(sqlite3.Error):
                            db.execute("ROLLBACK")
                    raise
                if not nested:
                    db.execute("COMMIT")
        except sqlite3.Error as error:
            self._recover(db, error)
        except BaseException:
            self._give_back(db)
            raise
        self._give_back(db)

    def _taken(self) -> _Connection:
        with self._guard:
            if self._memory is not None:
                return self._memory
            if self._path is None:
                self._memory = _in_memory()
                return self._memory
            inode = _inode(self._path)
            while self._idle:
                db = self._idle.pop()
                if db.inode == inode:
                    return db
                db.close()  # its file was deleted
            try:
                return _open(self._path)
            except (OSError, sqlite3.Error) as error:
                self._forsake(error)
                raise Lost from error

    def _give_back(self, db: _Connection) -> None:
        with self._guard:
            if self._closed:
                db.close()
            elif db is not self._memory:
                self._idle.append(db)

    def _recover(self, db: _Connection, error: sqlite3.Error) -> None:
        with self._guard:
            if db is self._memory:
                raise LocalError("disk.failed", f"the derived tables in memory: {error}") from error
            db.close()
            self._drop_idle()
            self._forsake(error)
        raise Lost from error

    def _forsake(self, error: Exception) -> None:
        """What cannot be used is made anew if it is damaged, else left alone for memory."""
        kind = int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)) & 0xFF
        self._fresh_starts += 1
        if kind in _DAMAGED and self._fresh_starts <= _MOST_FRESH_STARTS and self._path is not None:
            try:
                _delete(self._path)
                return
            except OSError:
                pass
        self._path = None

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


class _Connection(sqlite3.Connection):
    """A connection that knows which file it was opened on."""

    inode = 0


def _connect(name: str) -> _Connection:
    db = sqlite3.connect(
        name,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_MILLISECONDS / 1000,
        cached_statements=256,
        factory=_Connection,
    )
    try:
        for pragma, value in _PRAGMAS.items():
            db.execute(f"PRAGMA {pragma} = {value}").fetchall()
        if not _is_ours(db):
            db.execute("BEGIN IMMEDIATE")
            if not _is_ours(db):  # nobody else made the tables meanwhile
                _fill(db)
            db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _in_memory() -> _Connection:
    try:
        return _connect(":memory:")
    except sqlite3.Error as error:
        raise LocalError("disk.failed", f"the derived tables in memory: {error}") from error


class _Foreign(sqlite3.DatabaseError):
    """A file of another version's tables, or of somebody else's."""

    sqlite_errorcode = sqlite3.SQLITE_NOTADB


def _is_ours(db: sqlite3.Connection) -> bool:
    found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    return found == [APPLICATION_ID, _SCHEMA_NUMBER]


def _fill(db: sqlite3.Connection) -> None:
    if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _Foreign("it holds other tables")
    for statement in SCHEMA:
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {_SCHEMA_NUMBER}")


def _open(path: Path) -> _Connection:
    with _folder_locked(path.parent):
        if not path.exists():
            _unlink(path)  # a log that an earlier file left would be taken for the new one's
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        db = _connect(path.absolute().as_posix())
        db.inode = _inode(path)
        return db


def _delete(path: Path) -> None:
    with _folder_locked(path.parent):
        _unlink(path)


def _unlink(path: Path) -> None:
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    """Nobody else makes or deletes the file meanwhile."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
