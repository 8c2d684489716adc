"""How far a witness has come, beside its store: what shows that the store was put back.

The store counts its changes. After each of them, and before its answer leaves, the count is written here, into the older of two slots:

    count, 8 bytes || the first 8 bytes of SHA-256("ceasewire/witness/mark" || count)

A store that counts less than the mark was put back, or lost what it had acknowledged. Nothing is synced here: a power cut that loses a mark
makes it say less, and never more, than the store, which is synced.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from ..errors import LocalError
from ..keyfile import open_secret, write_secret

_COUNT_BYTES: Final = 8
_SLOT_BYTES: Final = 16


def _slot(count: int) -> bytes:
    data = count.to_bytes(_COUNT_BYTES, "big")
    return data + hashlib.sha256(b"ceasewire/witness/mark" + data).digest()[: _SLOT_BYTES - _COUNT_BYTES]


def create(path: Path) -> None:
    """A mark of nothing. Raises LocalError node.exists, file.unwritable, disk.failed."""
    write_secret(path, _slot(0) * 2)


class Mark:
    """An open one. Raises LocalError pen.mode, pen.damaged when there is none, or neither slot is whole."""

    def __init__(self, path: Path) -> None:
        self._handle = open_secret(path, os.O_RDWR)
        try:
            slots = [os.pread(self._handle, _SLOT_BYTES, place * _SLOT_BYTES) for place in (0, 1)]
        except OSError as error:
            os.close(self._handle)
            raise LocalError("disk.failed", f"{path}: {error.strerror}") from None
        counts = [int.from_bytes(slot[:_COUNT_BYTES], "big") for slot in slots]
        whole = [count for count, slot in zip(counts, slots, strict=True) if slot == _slot(count)]
        if not whole:
            os.close(self._handle)
            raise LocalError("pen.damaged", f"{path.name} is not whole")
        self.count = max(whole)

    def note(self, count: int) -> None:
        """Say how far the store has come; less than before is passed over. Raises LocalError disk.failed."""
        if count <= self.count:
            return
        try:
            if os.pwrite(self._handle, _slot(count), count % 2 * _SLOT_BYTES) != _SLOT_BYTES:
                raise LocalError("disk.failed", "the witness's mark")
        except OSError as error:
            raise LocalError("disk.failed", f"the witness's mark: {error.strerror}") from None
        self.count = count

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)
