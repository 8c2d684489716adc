"""File systems of our own for one test: small, full, read-only, or cut off as by a power failure. Where it may not be, the test is skipped.

A power cut is the file systems' own FS_IOC_SHUTDOWN: from that moment nothing more reaches the disk, neither what was written and not
synced nor the journal that was not flushed. After it the file system is unmounted and mounted again, which replays what the journal has.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

BYTES: Final = {"ext4": 64 * 1024**2, "xfs": 320 * 1024**2}
"""Of a disk's image, in memory, and sparse: no smaller xfs can be made."""
_SHUTDOWN: Final = 0x8004587D  # _IOR('X', 125, __u32), the same for ext4 and xfs
_NO_LOG_FLUSH: Final = 2
_MEMORY: Final = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - folders below it get names that nobody can guess


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command[:3])}: {done.stderr.strip()}")


def _or_skip(*command: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    try:
        _run(*command)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")


def _unmount(place: Path) -> None:
    """Also while something still reads there."""
    try:
        _run("umount", str(place))
    except OSError:
        _run("umount", "--lazy", str(place))


@contextmanager
def in_memory(size: int, inodes: int = 0) -> Iterator[Path]:
    """A tmpfs of so many bytes and files (0: as many as there is room for)."""
    place = Path(tempfile.mkdtemp(prefix="ceasewire-mount-"))
    try:
        _or_skip("mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes},mode=700", "none", str(place))
        try:
            yield place
        finally:
            _unmount(place)
    finally:
        place.rmdir()


def fill(place: Path, left: int) -> None:
    """A file that leaves `left` bytes of the file system free, also while others write there."""
    room = os.statvfs(place)
    with suppress(OSError), (place / "filler").open("ab", buffering=0) as file:
        for _ in range(max(0, room.f_bavail * room.f_frsize - left) // 4096):
            file.write(bytes(4096))


def read_only(place: Path, now: bool) -> None:
    """Mount it again so that nothing can be written, or so that it can."""
    _run("mount", "-o", "remount,ro" if now else "remount,rw", str(place))


class Disk:
    """An image with a file system, mounted at `place`, that can be cut off."""

    def __init__(self, kind: str, base: Path) -> None:
        self.kind, self.place, self._image = kind, base / "disk", base / "image"
        self.place.mkdir()
        with self._image.open("wb") as file:
            file.truncate(BYTES[kind])
        _or_skip(f"mkfs.{kind}", "-q", str(self._image))
        self.mounted = False

    def mount(self) -> None:
        """Mount it."""
        _or_skip("mount", "-t", self.kind, "-o", "loop", str(self._image), str(self.place))
        self.mounted = True

    def unmount(self) -> None:
        """Unmount it, if it is mounted."""
        if self.mounted:
            _unmount(self.place)
            self.mounted = False

    def again(self) -> None:
        """After a cut: what is on the disk, and no more."""
        _run("umount", str(self.place))
        self.mounted = False
        self.mount()


def cut(place: Path) -> None:
    """The power of the disk that is mounted there fails. Raises OSError where the kernel cannot do that."""
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(handle, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
    finally:
        os.close(handle)


@contextmanager
def disk(kind: str) -> Iterator[Disk]:
    """A disk of a kind, `ext4` or `xfs`, mounted."""
    base = Path(tempfile.mkdtemp(prefix="ceasewire-disk-", dir=_MEMORY))
    try:
        made = Disk(kind, base)
        made.mount()
        try:
            yield made
        finally:
            made.unmount()
    finally:
        shutil.rmtree(base)
