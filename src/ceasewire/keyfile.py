"""Files that hold secrets: written once and whole, 0600, and refused when anyone else could have read or placed them.

The recovery key is a text of a few lines, so that it can also be kept on paper:

    CEASEWIRE RECOVERY KEY. Take this file away: it must not stay on this machine.
    Whoever holds it can open a new log in this party's name. It is needed when this node is lost.
    ed25519 <64 hex digits: the seed>
    mldsa44 <64 hex digits: the seed>
    check <the first 16 hex digits of SHA-256 over the four lines above>
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .errors import LocalError

Random = Callable[[int], bytes]
"""The system's randomness: that many bytes, or OSError or NotImplementedError."""

SEED_BYTES: Final = 32
_RECOVERY_BYTES_AT_MOST: Final = 4096
_RECOVERY_WORDS: Final = (
    "CEASEWIRE RECOVERY KEY. Take this file away: it must not stay on this machine.\n"
    "Whoever holds it can open a new log in this party's name. It is needed when this node is lost.\n"
)


def draw(random: Random, count: int) -> bytes:
    """`count` random bytes, or LocalError random.failed."""
    try:
        drawn = random(count)
    except (OSError, NotImplementedError) as error:
        raise LocalError("random.failed", type(error).__name__) from error
    if len(drawn) != count:
        raise LocalError("random.failed", f"{len(drawn)} bytes instead of {count}")
    return drawn


def write_secret(path: Path, data: bytes) -> None:
    """A new file, 0600 whatever the umask, on the disk before this returns; whole or not at all, and never over another.

    Raises LocalError node.exists, file.unwritable, disk.failed.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    except OSError as error:
        raise LocalError("file.unwritable", f"{path.parent}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)  # unlike a rename it never replaces
        sync_folder(path.parent)
    except FileExistsError as error:
        raise LocalError("node.exists", f"there is a file {path.name} already") from error
    except OSError as error:
        raise LocalError("disk.failed", f"{path}: {error.strerror}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_secret(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a file that belongs to us alone; the caller closes it.

    Raises LocalError pen.mode for a symbolic link, another owner, or a mode wider than 0600 or that keeps us out; pen.damaged for what
    is no file; disk.failed for what the disk does not give.
    """
    try:
        # Without waiting, should someone have put a pipe there.
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise LocalError("pen.damaged", f"there is no file {path.name}") from error
    except OSError as error:
        by_mode = error.errno in (errno.EACCES, errno.EPERM, errno.ELOOP)
        code = "pen.damaged" if path.is_dir() else "pen.mode" if by_mode else "disk.failed"
        raise LocalError(code, f"{path.name}: {error.strerror}") from error
    try:
        held = os.fstat(handle)
        if not stat.S_ISREG(held.st_mode):
            raise LocalError("pen.damaged", f"{path.name} is no ordinary file")
        if held.st_uid != os.geteuid():
            raise LocalError("pen.mode", f"{path.name} belongs to another user")
        if stat.S_IMODE(held.st_mode) & ~0o600:
            raise LocalError("pen.mode", f"{path.name} has mode {stat.S_IMODE(held.st_mode):04o}")
    except LocalError:
        os.close(handle)
        raise
    return handle


def write_unlock_key(path: Path, random: Random) -> bytes:
    """The key file of a node that starts without a passphrase: 32 random bytes, also returned. Raises as write_secret."""
    key = draw(random, SEED_BYTES)
    write_secret(path, key)
    return key


def read_unlock_key(path: Path) -> bytes:
    """Its 32 bytes. Raises as open_secret, and LocalError pen.damaged for another length."""
    handle = open_secret(path)
    with os.fdopen(handle, "rb") as file:
        key = file.read(SEED_BYTES + 1)
    if len(key) != SEED_BYTES:
        raise LocalError("pen.damaged", f"{path.name} is not of {SEED_BYTES} bytes")
    return key


def _recovery_text(ed25519_seed: bytes, mldsa44_seed: bytes) -> bytes:
    text = f"{_RECOVERY_WORDS}ed25519 {ed25519_seed.hex()}\nmldsa44 {mldsa44_seed.hex()}\n".encode("ascii")
    return text + f"check {hashlib.sha256(text).hexdigest()[:16]}\n".encode("ascii")


def write_recovery(path: Path, ed25519_seed: bytes, mldsa44_seed: bytes) -> None:
    """The recovery key, to be taken away. Raises as write_secret; ValueError for seeds that are not of 32 bytes."""
    if len(ed25519_seed) != SEED_BYTES or len(mldsa44_seed) != SEED_BYTES:
        raise ValueError("a recovery key is two seeds of 32 bytes")
    write_secret(path, _recovery_text(ed25519_seed, mldsa44_seed))


def read_recovery(path: Path) -> tuple[bytes, bytes]:
    """The seeds (Ed25519, ML-DSA-44). The mode is not asked for: it comes back on a stick, whose files have none.

    Raises LocalError file.unreadable, and pen.damaged for anything but the text above (line ends of another system are let pass).
    """
    try:
        with path.open("rb") as file:
            data = file.read(_RECOVERY_BYTES_AT_MOST).replace(b"\r\n", b"\n")
    except OSError as error:
        raise LocalError("file.unreadable", f"{path.name}: {error.strerror}") from error
    seeds = re.search(rb"^ed25519 ([0-9a-f]{64})\nmldsa44 ([0-9a-f]{64})$", data, re.MULTILINE)
    if seeds is None:
        raise LocalError("pen.damaged", f"{path.name} is not a recovery key")
    ed25519_seed, mldsa44_seed = (bytes.fromhex(seed.decode("ascii")) for seed in seeds.groups())
    if _recovery_text(ed25519_seed, mldsa44_seed) != data:
        raise LocalError("pen.damaged", f"{path.name} is not whole")
    return ed25519_seed, mldsa44_seed
