"""A copy of a store that another process may be writing to: one consistent state, whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from ..errors import LocalError
from .schema import APPLICATION_ID

_STEP_PAGES: Final = 1024  # 4 MiB at a time
_DISK: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


def copy_to(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy the store at `source` into the empty file `target`; `progress(done, total)` counts bytes. Memory does not grow with the store.

    The copy is of the last commit before it began, however much is committed meanwhile: one read transaction is kept open over it, and the
    write-ahead log keeps what came later. On the disk when this returns. Raises LocalError store.damaged, disk.failed.
    """
    if not source.is_file():
        raise LocalError("store.damaged", f"there is no file {source.name}")
    try:
        _copy(source, target, progress)
        _check(target)
    except sqlite3.Error as error:
        kind = int(getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR) & 0xFF
        raise LocalError("disk.failed" if kind in _DISK else "store.damaged", str(error)) from error
    handle = os.open(target, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        raise LocalError("disk.failed", f"{target.name}: {error.strerror}") from error
    finally:
        os.close(handle)


def _copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    with (
        closing(_connect(source, "ro")) as reading,
        closing(_connect(target, "rw")) as writing,
    ):
        if reading.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise LocalError("store.damaged", "the file is not a Ceasewire store")
        page_bytes = int(reading.execute("PRAGMA page_size").fetchone()[0])
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the first read fixes the state that is read from now on

        def step(_: int, left: int, total: int) -> None:
            progress((total - left) * page_bytes, total * page_bytes)

        reading.backup(writing, pages=_STEP_PAGES, progress=step)
        reading.execute("ROLLBACK")


def _check(target: Path) -> None:
    """That the copy can be read, without a write-ahead log of its own."""
    with closing(_connect(target, "ro&immutable=1")) as copy:
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise LocalError("store.damaged", str(found))


def sizes(copy: Path) -> dict[int, int]:
    """Log number -> messages, of a copy. It is read as it lies, so that no write-ahead log comes to lie beside it. Raises LocalError
    disk.failed."""
    try:
        with closing(_connect(copy, "ro&immutable=1")) as reading:
            return dict(reading.execute("SELECT number, size FROM log_state WHERE size > 0 ORDER BY number").fetchall())
    except sqlite3.Error as error:
        raise LocalError("disk.failed", f"{copy.name}: {error}") from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=10)
