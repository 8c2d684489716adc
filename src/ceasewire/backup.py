"""A backup of a node: what `recover` needs beside the recovery key, in one file, and no key. docs/operators.md, "Backups".

A tar archive without compression (POSIX, `tar tf` lists it), mode 0600, of these members in this order:

    backup.json     {"format": "ceasewire/backup/1", "made": T, "party", "log", "channel", "messages": {log: count},
                     "files": [{"name", "bytes", "sha256"}]} of the members that follow
    card.txt        the party's card
    charter.cwc     the charter
    store.sqlite    messages, checkpoints, receipts, openings: one consistent state, however much was written meanwhile

It is read in no other form than it is written in: a tar reader also takes links, sparse files and headers that change what follows, and
a stranger's file could have it do much with them. So nothing here parses a header but for the first one's size; each is made again and
compared.

Never in it: `pen`, `pen.next`, `boot`, `unlock.key`, the recovery key, tokens, drafts, the people's accounts, since an old backup would
let in again whoever was shut out since (docs/decisions/0021). The store's fresh sealing keys are sealed under the
pen.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from .errors import LocalError
from .folder import Folder
from .keyfile import sync_folder
from .limits import CARD_BYTES, CHARTER_BYTES
from .record.fields import Json, show_time
from .store.copying import copy_to, sizes
from .strictjson import parse_json

FORMAT: Final = "ceasewire/backup/1"
MANIFEST: Final = "backup.json"
CARD: Final = "card.txt"
CHARTER: Final = "charter.cwc"
STORE: Final = "store.sqlite"
_MOST: Final = {MANIFEST: 1024**2, CARD: 4 * CARD_BYTES, CHARTER: CHARTER_BYTES, STORE: 2**43}  # bytes
_CHUNK: Final = 1024**2
_BLOCK: Final = 512  # tar's unit
_RECORD: Final = 20 * _BLOCK  # the archive is a whole number of these
_SIZE: Final = slice(124, 136)  # where a header has the size
_SUM: Final = slice(148, 156)

Progress = Callable[[int, int], None]
"""Called with what is done and the whole, in bytes."""


def write_backup(folder: Folder, target: Path, progress: Progress, *, clock: Callable[[], float] = time.time) -> dict[str, Json]:
    """Write a backup of a node, also beside the process that writes to it; what `ceasewire backup` prints. It needs twice its room for a
    moment.

    An older backup of the same party and channel at `target` is replaced, and no other file, nor one that holds more of any log: it may
    be all that is left of that. On the disk, whole, when this returns. Raises LocalError node.*, store.*, file.unwritable, disk.failed.
    """
    with folder.view() as view:
        about: dict[str, Any] = {
            "format": FORMAT,
            "made": show_time(int(clock())),
            "party": view.channel.party(view.own).slug,
            "log": view.channel.logs[view.own].slug,
            "channel": view.channel.channel_id.hex(),
        }
        names = {number: log.slug for number, log in view.channel.logs.items()}
    target = Path(os.path.realpath(target))
    before = _check_place(target, about)
    with _beside(target) as copy, _beside(target) as archive:
        copy_to(folder.store_path, copy, progress)
        about["messages"] = {names.get(log, str(log)): size for log, size in sizes(copy).items()}
        for log, size in before.items():
            if size > (now := about["messages"].get(log, 0)):
                detail = f"{target} holds {size} messages of {log}, this node {now}: keep it, and choose another file"
                raise LocalError("file.unwritable", detail)
        files = [(CARD, folder.card_path), (CHARTER, folder.charter_path), (STORE, copy)]
        _pack(archive, about, files)
        _put(archive, target)
        return {"file": str(target), "bytes": target.stat().st_size, **{name: about[name] for name in about if name != "format"}}


def _check_place(target: Path, about: dict[str, Any]) -> dict[str, int]:
    """How many messages of each log the backup holds that is there."""
    if (target.parent / "pen").exists():
        raise LocalError("file.unwritable", f"{target} lies in a node's folder; a backup belongs on another disk")
    if not os.path.lexists(target):
        return {}
    try:
        with Backup.open(target) as found:
            if all(found.about[name] == about[name] for name in ("party", "channel")):
                return dict(found.about["messages"])
    except LocalError:
        pass
    raise LocalError("file.unwritable", f"{target} is there, and is no backup of this node")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file of our own beside the target, which is gone at the end."""
    try:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)  # 0600 whatever the umask
        os.close(handle)
    except OSError as error:
        raise LocalError("file.unwritable", f"{target.parent}: {error.strerror}") from None
    try:
        yield Path(name)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(name + suffix).unlink(missing_ok=True)


def _pack(archive: Path, about: dict[str, Any], files: list[tuple[str, Path]]) -> None:
    try:
        listed = [{"name": name, "bytes": path.stat().st_size, "sha256": _digest(path)} for name, path in files]
        manifest = json.dumps({**about, "files": listed}, indent=1).encode()
        with archive.open("wb") as out:
            _add(out, MANIFEST, len(manifest), io.BytesIO(manifest))
            for name, path in files:
                with path.open("rb") as file:
                    _add(out, name, path.stat().st_size, file)
            out.write(bytes(_whole(out.tell()) - out.tell()))
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise LocalError("disk.failed", f"{archive.parent}: {error.strerror}") from error


def _add(out: IO[bytes], name: str, size: int, file: IO[bytes]) -> None:
    out.write(_header(name, size))
    while size and (chunk := file.read(min(size, _CHUNK))):
        out.write(chunk)
        size -= len(chunk)
    if size:
        raise OSError(errno.EIO, f"{name} was cut short meanwhile")
    out.write(bytes(-out.tell() % _BLOCK))


def _header(name: str, size: int) -> bytes:
    """The header of a member (POSIX ustar): a plain file, 0600, of nobody and of no time. A size that eleven octal digits cannot hold is
    written in binary after the byte 128, as every tar reads it."""
    made = bytearray(_BLOCK)

    def put(at: int, data: bytes) -> None:
        made[at : at + len(data)] = data

    put(0, name.encode())
    for at, number in ((100, 0o600), (108, 0), (116, 0)):
        put(at, b"%07o" % number)
    put(_SIZE.start, b"%011o" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big"))
    put(136, b"%011o" % 0)
    put(156, b"0")
    put(257, b"ustar\x0000")
    made[_SUM] = b" " * 8
    put(_SUM.start, b"%06o\0" % sum(made))
    return bytes(made)


def _whole(end: int) -> int:
    """The length of an archive whose last member ends there: two empty blocks, and the record filled up."""
    return -(-(end + 2 * _BLOCK) // _RECORD) * _RECORD


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put(archive: Path, target: Path) -> None:
    try:
        os.replace(archive, target)
        sync_folder(target.parent)
    except OSError as error:
        raise LocalError("file.unwritable", f"{target}: {error.strerror}") from None


# --- Reading one ---


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is open: what it says of itself, and its archive; `_places` is where each member begins."""

    about: dict[str, Any]
    _file: IO[bytes]
    _places: dict[str, int]

    @staticmethod
    @contextmanager
    def open(path: Path) -> Iterator[Backup]:
        """The backup in a file. Raises LocalError file.unreadable, backup.damaged."""
        try:
            file = path.open("rb")
        except OSError as error:
            raise LocalError("file.unreadable", f"{path}: {error.strerror}") from None
        with file:
            with _reading(path):
                head = file.read(_BLOCK)
                octal = re.fullmatch(rb"([0-7]{11})\0", head[_SIZE])
                size = int(octal[1], 8) if octal else 0
                if size > _MOST[MANIFEST] or head != _header(MANIFEST, size):
                    raise LocalError("backup.damaged", f"{path.name} does not begin with {MANIFEST}")
                about = _manifest(file.read(size))
                places = _members(file, about["files"], _BLOCK + size)
            yield Backup(about, file, places)

    def read(self, name: str) -> bytes:
        """A small member, whole. Raises LocalError backup.damaged."""
        out = io.BytesIO()
        self._copy(name, out)
        return out.getvalue()

    def extract(self, name: str, folder: Path) -> Path:
        """A member as a new file of the folder, 0600, on the disk and not yet under its name: the caller moves it there or deletes it.

        Raises LocalError backup.damaged, file.unwritable, disk.failed; then there is no file.
        """
        try:
            handle, made = tempfile.mkstemp(prefix=".new-", dir=folder)
        except OSError as error:
            raise LocalError("file.unwritable", f"{folder}: {error.strerror}") from None
        try:
            with os.fdopen(handle, "wb") as out:
                self._copy(name, out)
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            Path(made).unlink(missing_ok=True)
            raise LocalError("disk.failed", f"{folder}: {error.strerror}") from error
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise
        return Path(made)

    def _copy(self, name: str, out: IO[bytes]) -> None:
        """Write a member's bytes, and see that they are those that the backup was made of."""
        left, expected = next((one["bytes"], one["sha256"]) for one in self.about["files"] if one["name"] == name)
        digest = hashlib.sha256()
        self._file.seek(self._places[name])
        while left:
            with _reading(Path(name)):
                chunk = self._file.read(min(left, _CHUNK))
            if not chunk:
                raise LocalError("backup.damaged", f"{name} is cut short")
            digest.update(chunk)
            out.write(chunk)
            left -= len(chunk)
        if digest.hexdigest() != expected:
            raise LocalError("backup.damaged", f"{name} is not as it was written")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """The block reads of the archive; a folder, or a disk that fails, is no traceback."""
    try:
        yield
    except OSError as error:
        raise LocalError("file.unreadable", f"{path}: {error.strerror}") from None


def _members(file: IO[bytes], listed: list[dict[str, Any]], end: int) -> dict[str, int]:
    """Where each member that is listed begins, behind the first one's `end`. Raises LocalError backup.damaged unless each is there in its
    one form and the file is just as long as they say: so nothing is ever written that is not in it."""
    places: dict[str, int] = {}
    for one in listed:
        at = end + -end % _BLOCK
        file.seek(at)
        if file.read(_BLOCK) != _header(one["name"], one["bytes"]):
            raise LocalError("backup.damaged", f"it holds no whole {one['name']}")
        places[one["name"]] = at + _BLOCK
        end = at + _BLOCK + one["bytes"]
    length = _whole(end + -end % _BLOCK)
    file.seek(end)
    if file.read(length - end) != bytes(length - end) or file.seek(0, os.SEEK_END) != length:
        raise LocalError("backup.damaged", "it is shorter or longer than it says")
    return places


def _manifest(data: bytes) -> dict[str, Any]:
    """Raises LocalError backup.damaged unless it names the three members, each of a size that it may have, and texts say the rest."""
    try:
        found = parse_json(data)
        words = [found[name] for name in ("format", "made", "party", "log", "channel")]
        files = [(one["name"], one["bytes"], one["sha256"]) for one in found["files"]]
        if not all(type(size) is int for size in found["messages"].values()):
            raise TypeError
    except (LocalError, KeyError, TypeError, AttributeError):
        raise LocalError("backup.damaged", f"{MANIFEST} is not whole") from None
    if words[0] != FORMAT or not all(isinstance(word, str) for word in words) or [name for name, _, _ in files] != [CARD, CHARTER, STORE]:
        raise LocalError("backup.damaged", f"{MANIFEST} is of another format")
    for name, size, _ in files:
        if type(size) is not int or not 0 <= size <= _MOST[name]:
            raise LocalError("backup.damaged", f"no {name} is so long")
    return found
