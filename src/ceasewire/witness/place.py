"""A witness's folder. docs/operators.md, "Witnesses".

key             its name and private keys: in no backup
mark            how far it has come, so that a store that was put back shows: in no backup
witness.sqlite  the logs it knows, and what it cosigned last of each (and -wal, -shm beside it)
lock            held by the one process that serves
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LocalError
from . import keys, ledger, mark
from .keys import WitnessKey
from .ledger import Ledger
from .mark import Mark


class Place:
    """The folder of one witness."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key, self._mark, self._store = path / "key", path / "mark", path / "witness.sqlite"

    def key(self) -> WitnessKey:
        """Its key. Raises LocalError witness.missing, pen.mode, pen.damaged."""
        return keys.read(self._key)

    def make(self, name: str | None) -> WitnessKey:
        """A folder and a key, which comes last: without one it is no witness yet. A store that lies there is kept: what a witness
        before this one cosigned is no less true.

        Raises LocalError usage for a name that cannot be, file.unwritable, disk.failed, random.failed, node.exists.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            strange = {one.name for one in self.path.iterdir()} - {"mark", "lock"}
            if any(not one.startswith("witness.sqlite") for one in strange):
                raise LocalError("file.unwritable", f"{self.path} is not empty")
            self.path.chmod(0o700)
            self._mark.unlink(missing_ok=True)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.path}: {error.strerror}") from None
        ledger.create(self._store)
        mark.create(self._mark)
        return keys.create(self._key, name, os.urandom)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Its store, beside whoever else uses it. Raises LocalError witness.missing, witness.rolled_back, pen.*, store.*, disk.failed."""
        self.key()
        held = Mark(self._mark)
        try:
            opened = Ledger(self._store, held)
            try:
                yield opened
            finally:
                opened.close()
        finally:
            held.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The right to serve. Raises LocalError node.locked, file.unwritable."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.path / 'lock'}: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise LocalError("node.locked", str(self.path)) from None
        finally:
            os.close(handle)
