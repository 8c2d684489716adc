"""The store in one SQLite file, in WAL mode with `synchronous=FULL`: what `commit` has returned from survives a power cut.

One process writes, over one connection, and that connection alone moves the write-ahead log into the file: before 3.51.3, SQLite
could lose a commit when two writing connections reset the log at once. The caller holds the node's lock before it opens a writer;
the transaction begins with BEGIN IMMEDIATE as a belt beside it. Everything else reads over connections that cannot write, in this
process (one a thread that reads at the time) and in others.

`commit` may be called from any thread, and one at a time gets through; reading does not wait for it.

Files: the store, `-wal` and `-shm` beside it, all 0600 as SQLite gives the latter the mode of the first. Creating and opening are
two functions, and neither ever does the other's work: a store that is missing, empty or foreign is refused, never replaced.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from ..errors import LocalError
from . import schema
from .derived import DerivedFile
from .derived_interface import Derived
from .interface import Change
from .reading import ReadingStore
from .writing import Writer

DERIVED: Final = "derived.sqlite"
BUSY_MILLISECONDS: Final = 10_000
CHECKPOINT_PAGES: Final = 4_000  # 16 MB of log, then its pages go into the file
_FRAME_BYTES: Final = 4096 + 24  # a page in the log, with its head
_PIECE_BYTES: Final = 2 * 1024**2  # so little at a time that a commit which has to wait for it hardly notices
_FREE_TIMES: Final = 8  # the disk must have so many times the room free, or none is taken
WRITER_CACHE_KIB: Final = 2 * 1024  # what is written comes behind what was written last, so that little is read again
READER_CACHE_KIB: Final = 1024

_COMMON = {
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": str(BUSY_MILLISECONDS),
    "temp_store": "MEMORY",  # no message in a temporary file
    "cell_size_check": "ON",
    "trusted_schema": "OFF",
}
_WRITING = _COMMON | {
    "cache_size": str(-WRITER_CACHE_KIB),
    "wal_autocheckpoint": str(CHECKPOINT_PAGES),
    "journal_size_limit": str(64 * 1024**2),
    "secure_delete": "FAST",  # a sealing key that is dropped is overwritten
}
_READING = _COMMON | {"cache_size": str(-READER_CACHE_KIB), "wal_autocheckpoint": "0", "query_only": "ON"}
_MUST_HOLD = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def create(path: Path) -> None:
    """A new, empty store at `path`, 0600, whole or not at all.

    Raises LocalError node.exists when there is a file already, disk.failed and file.unwritable.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # 0600 whatever the umask
        os.close(handle)
    except OSError as error:
        raise LocalError("file.unwritable", f"{path.parent}: {error.strerror}") from error
    try:
        _fill(Path(name))
        with _opened(path.parent) as folder:
            os.link(name, path)  # unlike a rename it never replaces
            os.fsync(folder)
    except FileExistsError as error:
        raise LocalError("node.exists", f"there is a file {path.name} already") from error
    except OSError as error:
        raise LocalError("disk.failed", f"{path}: {error.strerror}") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(name + suffix).unlink(missing_ok=True)


@contextmanager
def _opened(path: Path, how: int = os.O_RDONLY) -> Iterator[int]:
    handle = os.open(path, how | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _fill(path: Path) -> None:
    engine = _engine(path, "rw", _COMMON | {"journal_mode": "WAL"}, 1)
    event.listen(engine, "begin", _begin_immediate)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            schema.metadata.create_all(connection)
            schema.revision.create(connection)
            connection.execute(insert(schema.revision), {"version_num": schema.HEAD})
            tallies = [{"name": name, "value": 0} for name in (schema.COUNTER, schema.REFUSED_BYTES)]
            connection.execute(insert(schema.tally), tallies)
        _empty_log(engine)
    except DBAPIError as error:
        raise explain(error) from error
    finally:
        engine.dispose()
    with _opened(path) as handle:
        os.fsync(handle)


def _empty_log(engine: Engine) -> None:
    """Move the write-ahead log into the file, all of it. Closing the last connection does so too, and does not say if it fails.

    Raises LocalError disk.failed.
    """
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        try:
            (busy, *_) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise LocalError("disk.failed", str(error)) from error
        if busy:
            raise LocalError("disk.failed", "the write-ahead log could not be moved into the store")


def _begin_immediate(connection: Connection) -> None:
    """By the driver itself: through SQLAlchemy it takes as long as a message's insert. Raises DBAPIError."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise DBAPIError(None, None, error) from error
    finally:
        cursor.close()


def _engine(path: Path, mode: str, pragmas: Mapping[str, str], connections: int) -> Engine:
    """An engine whose driver begins no transaction by itself (isolation_level None) and whose connections bear the pragmas."""
    address = f"{path.absolute().as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        raw = sqlite3.connect(
            address,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_MILLISECONDS / 1000,
            cached_statements=256,
        )
        try:
            for name, value in pragmas.items():
                raw.execute(f"PRAGMA {name} = {value}").fetchall()
        except BaseException:
            raw.close()
            raise
        return raw

    overflow = 0 if connections == 1 else -1
    return create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=connections, max_overflow=overflow)


def explain(error: DBAPIError) -> LocalError:
    """What an error of SQLite is to our user."""
    said = str(error.orig)
    kind = _kind(error)
    if kind in _DISK:
        return LocalError("disk.failed", said)
    if kind in _LOCKED:
        return LocalError("node.locked", said)
    return LocalError("store.damaged", said)


def _kind(error: DBAPIError) -> int:
    return int(getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def check_safety(connection: Connection) -> None:
    """Read the pragmas back. store.unsafe unless what this connection commits survives a power cut."""
    for name, wanted in _MUST_HOLD.items():
        held = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        if held != wanted:
            raise LocalError("store.unsafe", f"{name} is {held}, not {wanted}")


def _revision(connection: Connection) -> str:
    """The revision of a store of ours. Raises store.damaged for a file that is none, store.newer for a later revision."""
    if connection.exec_driver_sql("PRAGMA application_id").scalar() != schema.APPLICATION_ID:
        raise LocalError("store.damaged", "the file is not a Ceasewire store")
    found = connection.execute(select(schema.revision.c.version_num)).scalars().all()
    if len(found) == 1 and found[0] in schema.REVISIONS:
        return str(found[0])
    if len(found) == 1 and found[0].isdecimal() and found[0] > schema.HEAD:
        raise LocalError("store.newer", f"its revision is {found[0]}, and this version knows {schema.HEAD}")
    raise LocalError("store.damaged", "the store does not say its revision")


def open_writer(path: Path) -> SqliteStore:
    """The store at `path`, brought to this version's schema. The caller holds the node's lock.

    Raises LocalError store.damaged (missing, empty, foreign, unreadable), store.newer, store.unsafe, node.locked, disk.failed.
    """
    writers = _existing(path, "rw", _WRITING, 1)
    try:
        event.listen(writers, "begin", _begin_immediate)
        with _explained(), writers.begin() as connection:
            if _revision(connection) != schema.HEAD:
                from .upgrade import upgrade  # noqa: PLC0415 - Alembic takes half a second to import

                upgrade(connection)
        with _explained(), writers.connect() as connection:
            check_safety(connection)
        _sync_names(path)
        return SqliteStore(path, _existing(path, "ro", _READING, 4), writers)
    except BaseException:
        writers.dispose()
        raise


def _sync_names(path: Path) -> None:
    """Make the name of the write-ahead log durable, which reading has made. SQLite does it too, and does not look at whether it worked."""
    try:
        with _opened(path.parent) as folder:
            os.fsync(folder)
    except OSError as error:
        raise LocalError("disk.failed", f"{path.parent}: {error.strerror}") from error


def open_reader(path: Path) -> SqliteStore:
    """The store at `path`, to read beside a writer in another process or alone. Raises as open_writer, and `usage` for a store of
    an older schema, which a writer must first bring to this version's."""
    return _reader(path, "ro")


def open_still(path: Path) -> SqliteStore:
    """The store at `path`, to read on a disk that takes nothing: a full one, or one that may only be read. The caller sees to it that
    nobody writes meanwhile. Raises as open_reader; disk.failed also when a write-ahead log is there, which cannot be left out."""
    log = path.with_name(path.name + "-wal")
    try:
        left = log.stat().st_size if log.exists() else 0
    except OSError as error:
        raise LocalError("disk.failed", f"{log.name}: {error.strerror}") from error
    if left:
        raise LocalError("disk.failed", f"{log.name} holds messages that cannot be read while the disk takes nothing")
    return _reader(path, "ro&immutable=1")


def _reader(path: Path, mode: str) -> SqliteStore:
    readers = _existing(path, mode, _READING, 4)
    try:
        with _explained(), readers.connect() as connection:
            if _revision(connection) != schema.HEAD:
                raise LocalError("usage", "the store is of an older version, and only a command that writes brings it to this one")
            if mode == "ro":
                check_safety(connection)  # of a store that nobody can write to now nothing can be lost
        return SqliteStore(path, readers, None)
    except BaseException:
        readers.dispose()
        raise


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise explain(error) from error


def _existing(path: Path, mode: str, pragmas: Mapping[str, str], connections: int) -> Engine:
    if not path.is_file():
        raise LocalError("store.damaged", f"there is no file {path.name}")
    return _engine(path, mode, pragmas, connections)


class SqliteStore(ReadingStore):
    """`interface.Store` over SQLite. Made by open_writer and open_reader."""

    def __init__(self, path: Path, readers: Engine, writers: Engine | None) -> None:
        super().__init__(readers, explain)
        self._derived = DerivedFile(path.with_name(DERIVED))
        self._writers = writers
        self._connection = None if writers is None else writers.connect()
        self._writer = Writer(readers.dialect, sqlite_insert)
        self._one_at_a_time = threading.Lock()
        self._failed = self._unsettled = self._roomy = False
        self._log = path.with_name(path.name + "-wal")

    def commit(self, change: Change) -> int:
        """Write all of the change in one transaction, durable if it is `lasting`; the store's counter after it.

        Raises LocalError and changes nothing: disk.failed; store.damaged for a message that is there already or does not continue
        its log (a second pen, or an error of ours); node.locked when another process writes; usage when opened for reading. After
        an I/O error every later commit is refused: the kernel may have dropped what it could not write and call the next fsync a
        success.
        """
        with self._one_at_a_time:
            if self._connection is None:
                raise LocalError("usage", "the store is open for reading only")
            if self._failed:
                raise LocalError("disk.failed", "an earlier write failed, so nothing more is written until the store is opened again")
            try:
                with self._synced(self._connection, change.lasting), self._connection.begin():
                    return self._writer.write(self._connection, change)
            except (DBAPIError, sqlite3.Error) as error:
                known = error if isinstance(error, DBAPIError) else DBAPIError(None, None, error)
                self._failed = _kind(known) == sqlite3.SQLITE_IOERR
                raise explain(known) from error

    @contextmanager
    def _synced(self, connection: Connection, lasting: bool) -> Iterator[None]:
        """Within, a commit waits for the disk, or, if it need not last, only for the kernel: it is whole or not there after a power cut,
        and the next one that waits, or `settle`, makes it durable too."""
        raw = connection.connection.driver_connection
        if lasting or raw is None:
            yield
            self._unsettled = False
            return
        raw.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
            self._unsettled = True
        finally:
            raw.execute("PRAGMA synchronous = FULL")

    def settle(self) -> None:
        """Make durable whatever was committed. Any thread may call it. Raises LocalError disk.failed, after which every commit does."""
        if not self._unsettled:
            return
        self._unsettled = False
        try:
            # SQLite locks the store and its index, and never the log, so that closing it lets go of none of its locks.
            with _opened(self._log) as handle:
                os.fdatasync(handle)
        except FileNotFoundError:
            return  # moved into the file, which is synced before the log goes
        except OSError as error:
            self._failed = True
            raise LocalError("disk.failed", f"{self._log.name}: {error.strerror}") from error

    def make_room(self) -> None:
        """Give the write-ahead log on the disk a piece more of the length to which it grows by itself before its pages go into the file; at
        its full length nothing. A commit that makes the log longer waits for the file system's journal too: measured, twice as long as one
        that writes where the file is already. Zeros behind the last commit are to SQLite what it finds there after the log has begun anew:
        nothing.

        Any thread may call it. A disk that is short of room is left alone. Raises LocalError disk.failed, as `settle`.
        """
        if self._roomy:
            return
        try:
            # SQLite locks the store and its index, and never the log, so that closing it lets go of none of its locks.
            with _opened(self._log, os.O_WRONLY) as handle:
                with self._one_at_a_time:  # or a commit could write where these zeros come next
                    if self._connection is None or self._failed:
                        return
                    self._roomy = not _lengthen(handle, CHECKPOINT_PAGES * _FRAME_BYTES)
                try:
                    os.fdatasync(handle)
                except OSError:
                    self._failed = True  # what was committed and not yet settled may be among what the disk did not take
                    raise
        except FileNotFoundError:
            return
        except OSError as error:
            raise LocalError("disk.failed", f"{self._log.name}: {error.strerror}") from error

    def derived(self) -> Derived:
        """What is computed from this store and kept beside it."""
        return self._derived

    def close(self) -> None:
        """Let go of the database. A writing store truncates its write-ahead log first. Closing again does nothing."""
        self._derived.close()
        with suppress(LocalError):  # nothing rests on what this would have made durable
            self.settle()
        with self._one_at_a_time:
            self._readers.dispose()
            if self._connection is None or self._writers is None:
                return
            # By the driver, since SQLAlchemy would begin a transaction, in which a log cannot be truncated.
            raw = self._connection.connection.driver_connection
            if raw is not None and not self._failed:
                with suppress(sqlite3.Error):  # a reader of another process may be in the way; the log then stays, whole
                    raw.execute("PRAGMA busy_timeout = 0").fetchall()
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.close()
            self._writers.dispose()
            self._connection = None


def _lengthen(handle: int, wanted: int) -> bool:
    """A piece of zeros behind the end of a file, up to a length; whether any were written. Raises OSError."""
    end, disk = os.fstat(handle).st_size, os.fstatvfs(handle)
    if end >= wanted or disk.f_bavail * disk.f_frsize < _FREE_TIMES * wanted:
        return False
    return os.pwrite(handle, bytes(min(_PIECE_BYTES, wanted - end)), end) > 0
