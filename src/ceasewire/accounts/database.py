"""NODE/accounts.sqlite: SQLite in WAL mode with `synchronous=FULL`, 0600. What a `writing` block has ended with survives a power cut.

Any thread may read; one writes at a time, in this process and over all processes. The latter by a lock of our own, `accounts.lock`, beside
SQLite's: before 3.51.3, SQLite could lose a commit when two connections wrote and reset the write-ahead log at once.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from ..errors import LocalError
from ..keyfile import Random, draw, sync_folder
from . import schema
from .schema import Step

SECRET: Final = "secret"  # noqa: S105 - the name of a row of meta
_SECRET_BYTES: Final = 32
_BUSY_MILLISECONDS: Final = 10_000
_COMMON: Final = {
    "synchronous": "FULL",
    "busy_timeout": str(_BUSY_MILLISECONDS),
    "temp_store": "MEMORY",
    "cell_size_check": "ON",
    "trusted_schema": "OFF",
    "cache_size": "-512",
}
_WRITING: Final = {**_COMMON, "journal_mode": "WAL", "wal_autocheckpoint": "500", "secure_delete": "ON"}
_READING: Final = {**_COMMON, "wal_autocheckpoint": "0", "query_only": "ON"}
_DISK: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_LOCKED: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Database:
    """The open file. `steps` are those of the schema, but for a test of what a later version does."""

    def __init__(self, path: Path, random: Random, steps: Sequence[Step] = schema.STEPS) -> None:
        """Raises LocalError pen.mode, account.damaged, store.newer, store.unsafe, disk.failed, random.failed, node.locked."""
        self._one = threading.Lock()
        self._lock = _lock_file(path)
        self._readers: Engine | None = None
        self._writers: Engine | None = None
        try:
            with self._alone():
                _make_place(path)
                self._writers = _engine(path, _WRITING, 1)
                event.listen(self._writers, "begin", _begin_immediate)
                with _explained(), self._writers.begin() as connection:
                    _check(connection)
                    _renew(connection, steps, random)
            self._readers = _engine(path, _READING, 4)
            event.listen(self._readers, "begin", _begin)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot."""
        if self._readers is None:
            raise LocalError("disk.failed", "the accounts are closed")
        with _explained(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The one right to write, until the block ends; then all of it is kept, or nothing if it raised."""
        with self._alone(), _explained():
            writers = self._writers
            if writers is None:
                raise LocalError("disk.failed", "the accounts are closed")
            with writers.begin() as connection:
                yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._one:
            if self._lock < 0:
                raise LocalError("disk.failed", "the accounts are closed")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            except OSError as error:
                raise LocalError("disk.failed", f"the accounts: {error.strerror}") from error
            try:
                yield
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file. Closing again does nothing."""
        with suppress(LocalError), self._alone():
            for engine in (self._readers, self._writers):
                if engine is not None:
                    engine.dispose()
            self._readers = self._writers = None
        with self._one:
            if self._lock >= 0:
                os.close(self._lock)
            self._lock = -1


def _lock_file(path: Path) -> int:
    """The lock beside the file. Not the folder's own, which an import holds as long as it takes."""
    try:
        return os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LocalError("disk.failed", f"{path.with_suffix('.lock')}: {error.strerror}") from error


def _make_place(path: Path) -> None:
    """An empty file, 0600 whatever the umask, where there is none. Raises LocalError pen.mode, account.damaged, disk.failed."""
    try:
        if not os.path.lexists(path):
            handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            os.close(handle)
            try:
                with suppress(FileExistsError):
                    os.link(name, path)
            finally:
                Path(name).unlink()
            sync_folder(path.parent)
        found = path.lstat()
    except OSError as error:
        raise LocalError("disk.failed", f"{path}: {error.strerror}") from error
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & ~0o600:
        raise LocalError("pen.mode", f"{path.name} must be a file of the node's own user alone, with mode 0600")
    if not stat.S_ISREG(found.st_mode):
        raise LocalError("account.damaged", f"{path.name} is no file")


def _engine(path: Path, pragmas: dict[str, str], connections: int) -> Engine:
    address = f"{path.absolute().as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        raw = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_MILLISECONDS / 1000)
        try:
            for name, value in pragmas.items():
                raw.execute(f"PRAGMA {name} = {value}").fetchall()
        except BaseException:
            raw.close()
            raise
        return raw

    return create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=connections, max_overflow=connections - 1)


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _check(connection: Connection) -> None:
    """That this is our file, or an empty one, and that it keeps what it is given. Raises LocalError account.damaged, store.unsafe."""
    found = connection.exec_driver_sql("PRAGMA application_id").scalar()
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
    if found != (schema.APPLICATION_ID if tables else 0):
        raise LocalError("account.damaged", "the file is another program's")
    held = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    if held != ["wal", 2]:
        raise LocalError("store.unsafe", "the accounts are not in WAL mode with synchronous=FULL")


def _renew(connection: Connection, steps: Sequence[Step], random: Random) -> None:
    """Bring the schema to this version, within the caller's transaction."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    if not isinstance(version, int) or version > len(steps):
        raise LocalError("store.newer", f"the accounts are of version {version}, and this program knows {len(steps)}")
    for step in steps[version:]:
        step(connection)
    if version == 0:
        connection.execute(insert(schema.meta), {"name": SECRET, "value": draw(random, _SECRET_BYTES)})
        connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {len(steps)}")


@contextmanager
def _explained() -> Iterator[None]:
    """What an error of SQLite is to our user."""
    try:
        yield
    except DBAPIError as error:
        raise _code(error.orig) from error
    except sqlite3.Error as error:
        raise _code(error) from error
    except (UnicodeEncodeError, OverflowError):  # by the driver, of what a form brought
        raise LocalError("usage", "a text holds half a character, or a number is too large") from None


def _code(error: BaseException | None) -> LocalError:
    kind = int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
    code = "disk.failed" if kind in _DISK else "node.locked" if kind in _LOCKED else "account.damaged"
    return LocalError(code, f"accounts.sqlite: {error}")
