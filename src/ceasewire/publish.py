"""Logs as static files that any C2SP tool reads: tlog-tiles, and a tlog-policy beside them. spec/witness.md, "Published logs".

DIR/policy                          whose signatures to believe
DIR/LOG/checkpoint                  the log's signed tree head, written last
DIR/LOG/tile/<level>/<index>        hashes of the tree
DIR/LOG/tile/entries/<index>        entries: kind, time, what its writer had seen, the root of the body. No word of a body

What is there already and whole stays, so that publishing again costs what is new. It reads a store beside whoever writes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import limits
from .errors import LocalError, PeerError
from .folder import Folder
from .node.proofs import meets_quorum
from .node.view import View
from .record.fields import Json
from .record.message import entry_of
from .store.interface import KeptCheckpoint
from .tlog import tiles
from .tlog.checkpoint import SignedCheckpoint
from .tlog.policy import NONE
from .tlog.text import HASH_BYTES
from .tlog.tiles import TILE_WIDTH

CHECKPOINT: Final = "checkpoint"
POLICY: Final = "policy"
_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True)
class Published:
    """One log: how far it is published, how many files were written for it, and whether its checkpoint meets the charter's quorum."""

    log: str
    size: int
    written: int
    quorum: bool

    def as_json(self) -> dict[str, Json]:
        """Of `ceasewire publish`."""
        return {"log": self.log, "size": self.size, "written": self.written, "quorum": self.quorum}


def publish(view: View, place: Path) -> list[Published]:
    """Write every log of which something is held, and the policy. One at a time writes to a folder.

    Raises LocalError file.unwritable, also where the folder holds another log under the same name; node.locked; store.*, disk.failed.
    """
    if (place / "pen").exists():
        raise LocalError("file.unwritable", f"{place} is a node's folder; choose another place")
    _make(place)
    with _locked(place):
        _put(place / POLICY, policy(view))
        found = []
        for number, names in view.channel.logs.items():
            kept = _chosen(view, number, place / names.slug)
            if kept is not None:
                written = _Writer(view, number, place / names.slug).write(kept)
                found.append(Published(names.slug, kept.size, written, meets_quorum(view, number, kept.size)))
        return found


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError("file.unwritable", f"{folder}: {error.strerror}") from None


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """The folder, to write by ourselves: a second one could put an older checkpoint back."""
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise LocalError("node.locked", f"{place} is being published to") from None
    finally:
        os.close(handle)


def _put(path: Path, data: bytes) -> int:
    """Write a file whole, durably, if it does not hold that already; how many were written."""
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return 0
    except OSError as error:
        raise LocalError("file.unwritable", f"{path}: {error.strerror}") from None
    _make(path.parent)
    Folder.write(path, data, _MODE)
    return 1


# --- The policy ---


def policy(view: View) -> bytes:
    """A C2SP tlog-policy: every log by its Ed25519 key, the charter's witnesses with the quorum that it asks for, and as witnesses that no
    quorum counts, each log's receipt key, so that a reader sees who received."""
    channel = view.channel
    lines = ["# Logs of a Ceasewire channel, by the Ed25519 key of each.", f"# Channel {channel.channel_id.hex()}"]
    lines += [f"log {names.log[0].text()}" for names in channel.logs.values()]
    names = []
    for number, (named, key) in enumerate(zip(channel.charter.witnesses, channel.witnesses, strict=True), 1):
        names.append(f"witness-{number}")
        lines.append(f"witness {names[-1]} {key.text()}{f' {named.url}' if named.url and not _splits(named.url) else ''}")
    lines.append("# Receipt keys: their cosignature says that this device holds the log so far.")
    lines += [f"witness receipt-{log.slug} {log.receipt[0].text()}" for log in channel.logs.values()]
    if channel.charter.quorum:
        lines += [f"group witnesses {channel.charter.quorum} {' '.join(names)}", "quorum witnesses"]
    else:
        lines.append(f"quorum {NONE}")
    return ("\n".join(lines) + "\n").encode()


def _splits(url: str) -> bool:
    """Whether a URL cannot be one word of a policy."""
    return not url.isascii() or not url.isprintable() or " " in url


# --- A log ---


def _chosen(view: View, log: int, folder: Path) -> KeptCheckpoint | None:
    """The newest checkpoint that meets the quorum, else the newest; never one below what is published already."""
    newest = view.store.newest_checkpoint(log)
    if newest is None or newest.size == 0:
        return None
    published = _published(view, log, folder)
    best: KeptCheckpoint | None = newest
    while best is not None and best.size > published and not meets_quorum(view, log, best.size):
        best = _before(view, log, best.size)
    if best is not None and meets_quorum(view, log, best.size) and best.size >= published:
        return best
    return newest


def _before(view: View, log: int, size: int) -> KeptCheckpoint | None:
    """The largest checkpoint below a size that a witness cosigned."""
    found = [view.store.last_cosignature(log, -1 - place, size) for place in range(len(view.channel.witnesses))]
    sizes = [one.size for one in found if one is not None] + [reach for by, reach in view.store.covered(log).items() if by < 0]
    sizes = [one for one in sizes if one < size]
    return view.store.checkpoint(log, max(sizes)) if sizes else None


def _published(view: View, log: int, folder: Path) -> int:
    """How much of the log lies there. Raises LocalError file.unwritable for a checkpoint that is not of this log as it is held here."""
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    try:
        with path.open("rb") as file:
            there = SignedCheckpoint.parse(file.read(limits.NOTE_BYTES + 1)).checkpoint
    except OSError as error:
        raise LocalError("file.unwritable", f"{path}: {error.strerror}") from None
    except PeerError:
        raise LocalError("file.unwritable", f"{path} is not a checkpoint") from None
    state = view.store.states().get(log)
    held = state.size if state else 0
    if there.origin != view.channel.logs[log].origin or there.size > held or view.root(log, there.size) != there.root:
        raise LocalError("file.unwritable", f"{path} is of another log, or of more of it than is held here")
    return there.size


class _Writer:
    """Writes one log into its folder."""

    def __init__(self, view: View, log: int, folder: Path) -> None:
        self._view = view
        self._log = log
        self._folder = folder

    def write(self, kept: KeptCheckpoint) -> int:
        """Everything up to a checkpoint, which comes last: whoever reads it finds what it covers. How many files were written."""
        written = sum(self._tile(*tile) for tile in tiles.tile_layout(kept.size))
        return written + _put(self._folder / CHECKPOINT, self._view.note(kept).encode())

    def _tile(self, level: int, index: int, width: int) -> int:
        """A tile, and at level 0 its entries. The last one of a level also in the widths that smaller checkpoints ask for; once it is full
        they are of no use."""
        if width == TILE_WIDTH:
            written = self._full(level, index)
            for path in self._paths(level, index, width):
                shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)
            return written
        return sum(self._one(level, index, part) for part in self._widths(level, index, width))

    def _paths(self, level: int, index: int, width: int) -> list[Path]:
        found = [tiles.tile_path(level, index, width)] + ([tiles.entries_path(index, width)] if level == 0 else [])
        return [self._folder / path for path in found]

    def _full(self, level: int, index: int) -> int:
        """A full tile never changes: one that is there and whole is not read again."""
        hashes, *entries = self._paths(level, index, TILE_WIDTH)
        there = hashes.is_file() and hashes.stat().st_size == TILE_WIDTH * HASH_BYTES and all(path.is_file() for path in entries)
        return 0 if there else self._one(level, index, TILE_WIDTH)

    def _one(self, level: int, index: int, width: int) -> int:
        start = index * TILE_WIDTH
        hashes, *entries = self._paths(level, index, width)
        written = _put(hashes, b"".join(self._view.store.hashes(self._log, level, start, width)))
        for path in entries:
            rows = self._view.store.rows(self._log, start, start + width)
            written += _put(path, tiles.encode_entry_bundle([entry_of(row).encode() for row in rows]))
        return written

    def _widths(self, level: int, index: int, width: int) -> Iterator[int]:
        """The widths up to this one that the tile has in a tree of which there is a checkpoint."""
        leaves = TILE_WIDTH**level
        for part in range(1, width):
            size = (index * TILE_WIDTH + part) * leaves
            kept = self._view.store.next_checkpoint(self._log, size)
            if kept is not None and kept.size < size + leaves:
                yield part
        yield width
