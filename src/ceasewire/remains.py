"""What is left of a node's folder, put in order so that `recover` can go on from it. docs/operators.md, "When a machine is lost".

Whatever is missing is made: the folder, the charter, the card (from the charter, by the recovery key), the store (from a backup, or empty).
What is damaged is moved aside under a name of its own and never deleted. Every step may be cut short; the same call again goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .backup import CARD, CHARTER, STORE, Backup
from .errors import CeasewireError, LocalError
from .folder import Folder, recovery_key
from .keyfile import read_recovery, sync_folder
from .limits import CHARTER_BYTES
from .node import fsck
from .node.openings import OWN, known_channel, own_log
from .node.view import View
from .record.card import armor
from .record.charter import SignedCharter, open_charter
from .store import sqlite

_NEXT: Final = "store.next"  # a store that is made, until it takes its place
_BESIDE: Final = ("-wal", "-shm", "-journal")
_OURS: Final = {
    CARD,
    CHARTER,
    STORE,
    "derived.sqlite",
    "pen",
    "pen.next",
    "boot",
    "unlock.key",
    "lock",
    "control",
    "tokens",
    "accounts.sqlite",
    "accounts.lock",
    "drafts",
    _NEXT,
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells a person of each step, and how much of the whole is checked or read back."""

    say: Callable[[str], None]
    progress: Callable[[int, int], None]


@dataclass(slots=True)
class Given:
    """Files that a person brings to a recovery, each of which may be missing."""

    charter: Path | None = None
    backup: Path | None = None
    recovery: Path | None = None


@dataclass(slots=True)
class Store:
    """What became of the store. `made`: it was not there, or was moved aside; `openings` and `own` (a log number) are what could be read of
    the one that was moved aside."""

    made: bool = False
    openings: dict[int, bytes] = field(default_factory=dict)
    own: int | None = None


# --- Folder, charter, card ---


def settle_place(folder: Folder, given: Given, come_from: str) -> SignedCharter:
    """The folder with its charter and its card; what was missing is written, if `come_from` is the slug of another party than the one
    whose node it is. Raises LocalError node.*, charter.party, file.*, usage, backup.damaged; PeerError of a charter that is not whole."""
    if not folder.card_path.exists():
        _make_room(folder)
    data = _charter(folder, given)
    signed = open_charter(data, complete=True)
    position = folder.position(signed) if folder.card_path.exists() else _position(folder, signed, given)
    _check_peer(signed, position, come_from)
    if not folder.charter_path.exists():
        Folder.write(folder.charter_path, data)
    elif folder.charter_path.read_bytes() != data:
        raise LocalError("node.joined", "its charter is another than the one given")
    if not folder.card_path.exists():
        Folder.write(folder.card_path, armor(signed.charter.cards[position]).encode())
    return signed


def _check_peer(signed: SignedCharter, position: int, slug: str) -> None:
    parties = [card.slug for card in signed.charter.parties]
    own = parties.pop(position)
    if slug not in parties:
        raise LocalError("usage", f"this is a node of {own}'s: --from names another party, {' or '.join(parties)}")


def _make_room(folder: Folder) -> None:
    """A folder of our own: empty, or with nothing in it but what a node's folder holds."""
    path = folder.path
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        strange = [one.name for one in path.iterdir() if not _is_ours(one.name)]
        if strange:
            raise LocalError("file.unwritable", f"{path} is no node's folder, and not empty: {strange[0]}")
        path.chmod(0o700)
    except OSError as error:
        raise LocalError("file.unwritable", f"{path}: {error.strerror}") from None


def _is_ours(name: str) -> bool:
    bare = name.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal")
    return bare in _OURS or name.startswith((".new-", "recovery-", "store.damaged-"))


def _charter(folder: Folder, given: Given) -> bytes:
    """The charter's file: the one given, else the folder's, else the backup's."""
    try:
        if given.charter is not None:
            with given.charter.open("rb") as file:
                return file.read(CHARTER_BYTES + 1)
        if folder.charter_path.exists():
            return folder.charter_path.read_bytes()
    except OSError as error:
        raise LocalError("file.unreadable", f"{error.filename}: {error.strerror}") from None
    if given.backup is not None:
        with Backup.open(given.backup) as backup:
            return backup.read(CHARTER)
    raise LocalError("usage", f"{folder.path} holds no charter: give --charter, or --backup")


def _position(folder: Folder, signed: SignedCharter, given: Given) -> int:
    """Whose node this is: the party whose card lists the recovery key, or of which the backup is."""
    if given.backup is not None:
        with Backup.open(given.backup) as backup:
            party = backup.about["party"]
        position = next((n for n, card in enumerate(signed.charter.parties) if card.slug == party), None)
    else:
        public = recovery_key(*read_recovery(recovery_file(folder, given)))
        position = next((n for n, card in enumerate(signed.charter.parties) if public in card.recovery), None)
    if position is None:
        raise LocalError("charter.party", "no party of it has this recovery key or backup")
    return position


def recovery_file(folder: Folder, given: Given) -> Path:
    """The recovery key's file: the one given, else the one that still lies in the folder. Raises LocalError usage."""
    found = [given.recovery] if given.recovery is not None else sorted(folder.path.glob("recovery-*.txt"))
    if not found:
        raise LocalError("usage", "give --recovery-file: the recovery key, from where it was taken away to")
    return found[0]


# --- Store ---


def settle_store(folder: Folder, signed: SignedCharter, given: Given, tell: Teller) -> Store:
    """A whole store in its place, for whoever holds the lock. One that is there is checked, every byte against every signature.

    Raises LocalError store.newer, store.unsafe, disk.failed, file.*, backup.damaged, usage for a backup of another node.
    """
    path, made = folder.store_path, Store()
    if path.exists():
        fault = _fault(path, signed, folder, tell)
        if fault is None:
            if given.backup is not None:
                tell.say("The store that is there is whole, so the backup is not needed.")
            return made
        tell.say(f"The store is damaged: {fault}.")
        _salvage(path, made)
    made.made = True
    following = folder.path / _NEXT
    if path.exists() or not following.exists():
        _prepare_next(folder, signed, given, made, tell)
    for aside in _move_aside(path):
        tell.say(f"What was there lies in {aside.name}.")
    _swap(following, path)
    return made


def _fault(path: Path, signed: SignedCharter, folder: Folder, tell: Teller) -> str | None:
    """What is wrong with a store, or None if it is whole."""
    tell.say(f"Checking {path.name}.")
    try:
        store = sqlite.open_writer(path)
        try:
            found = fsck.check(View(store, known_channel(signed, store), own_log(store, folder.position(signed))), tell.progress).faults
        finally:
            store.close()
    except CeasewireError as error:
        if isinstance(error, LocalError) and error.code != "store.damaged":
            raise
        return error.message
    return f"{found[0].place}: {found[0].code} {found[0].detail}".strip() if found else None


def _salvage(path: Path, made: Store) -> None:
    """What a damaged store still tells of the logs that were. Whatever is taken of it is verified by whoever takes it."""
    try:
        store = sqlite.open_reader(path)
    except CeasewireError:
        return
    try:
        kept = store.meta(OWN)
        made.own = None if kept is None else int.from_bytes(kept[:4], "big")
        made.openings = dict(store.openings())
    except CeasewireError:
        pass
    finally:
        store.close()


def _prepare_next(folder: Folder, signed: SignedCharter, given: Given, made: Store, tell: Teller) -> None:
    """A whole store beside the place of the one that is gone: the backup's, else an empty one."""
    following = folder.path / _NEXT
    for one in (following, *(following.with_name(_NEXT + suffix) for suffix in _BESIDE)):
        one.unlink(missing_ok=True)
    if given.backup is not None and _from_backup(folder, signed, given.backup, following, tell):
        return
    sqlite.create(following)


def _from_backup(folder: Folder, signed: SignedCharter, file: Path, following: Path, tell: Teller) -> bool:
    """Whether the backup's store is whole and lies at `following` now."""
    tell.say(f"Taking the store of {file.name}.")
    with Backup.open(file) as backup:
        if backup.about["channel"] != signed.channel_id.hex() or backup.about["party"] != folder.card()[0].slug:
            raise LocalError("usage", f"{file.name} is the backup of {backup.about['party']} on another channel, or of another party")
        taken = backup.extract(STORE, folder.path)
    try:
        fault = _fault(taken, signed, folder, tell)
        if fault is not None:
            tell.say(f"The backup's store is damaged, and left out: {fault}.")
            return False
        os.replace(taken, following)
        return True
    finally:
        for suffix in ("", *_BESIDE):
            taken.with_name(taken.name + suffix).unlink(missing_ok=True)


def _move_aside(path: Path) -> list[Path]:
    """Rename what lies at the store's place; the write-ahead log first, which another store must never find beside it."""
    number = 1
    while any(path.with_name(f"store.damaged-{number}{suffix}").exists() for suffix in ("", *_BESIDE)):
        number += 1
    moved = []
    try:
        for suffix in (*_BESIDE, ""):
            one = path.with_name(path.name + suffix)
            if one.exists():
                moved.append(path.with_name(f"store.damaged-{number}{suffix}"))
                os.rename(one, moved[-1])
        sync_folder(path.parent)
    except OSError as error:
        raise LocalError("disk.failed", f"{path.parent}: {error.strerror}") from error
    return moved


def _swap(following: Path, path: Path) -> None:
    try:
        os.rename(following, path)
        sync_folder(path.parent)
    except OSError as error:
        raise LocalError("disk.failed", f"{path.name}: {error.strerror}") from error
