"""New keys for a party: the node's own log rotated, a further device, a successor for a log that was lost or stolen. PROTOCOL section 11.

Each is an opening, signed by a recovery key and by every new key. A rotation happens in the node's folder:

1. `pen.next` holds the new keys, durably.
2. One transaction of the store: the opening, message 0 of the new log, and which pen writes from now on.
3. The old pen is overwritten, and `pen.next` takes its place.

Killed before 2, nothing has happened; after it, whoever opens the folder next does 3. At no time can both pens sign.
"""

from __future__ import annotations

import hmac
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import boot, limits
from .errors import LocalError
from .folder import OPENED_IN, PEN, Folder, log_signers, new_seeds, public_keys, random, recovery_key, signer, signer_pq
from .keyfile import read_recovery, write_unlock_key
from .node.beginning import begin
from .node.node import Node
from .node.openings import known_channel, own_log
from .node.view import View
from .pen import Pen, Seeds
from .record.channel import Channel
from .record.opening import Opening, open_opening, position_of, sign_opening
from .store import sqlite
from .store.interface import Store
from .tlog.merkle import EMPTY_ROOT

Clock = Callable[[], float]
_ASKING: Final = b"ceasewire/inquiry/1"
_LATER: Final = re.compile(r"[a-z][a-z0-9-]*\.[0-9a-f]{6}")  # the name of a log that was opened later


@dataclass(frozen=True, slots=True)
class Opened:
    """A log that was opened: its name, the name of the log that it follows (None: a further device) and how much of that its opener
    holds, in entries."""

    log: str
    replaces: str | None
    size: int


@dataclass(frozen=True, slots=True)
class _New:
    """A log about to be: its keys, its opening and the file that its party's recovery key signed, the channel that knows it."""

    seeds: Seeds
    opening: Opening
    file: bytes
    channel: Channel

    def opened(self) -> Opened:
        follows, channel = self.opening.predecessor, self.channel
        name = None if follows is None else log_name(channel, follows)
        return Opened(channel.logs[self.opening.number].slug, name, self.opening.size)


def rotate(folder: Folder, passphrase: bytes | None, recovery: Path, *, clock: Clock = time.time) -> Opened:
    """New keys for this node, in a log that follows its own; the old keys are destroyed. Also the way on for a log that is closed, or
    whose pen is damaged. `clock` gives POSIX seconds.

    Raises LocalError node.* (node.locked while `serve` runs), pen.*, store.*, usage for a recovery key that is not the party's.
    """
    signed = folder.charter()
    position = folder.position(signed)
    with alone(folder), folder.store() as store:
        view = View(store, known_channel(signed, store), own_log(store, position))
        secret = folder.secret(passphrase)
        return succeed(folder, view, view.own, (secret, passphrase is not None), recovery, clock=clock)


def succeed(
    folder: Folder,
    view: View,
    predecessor: int,
    secret: tuple[bytes, bool],
    recovery: Path,
    *,
    openings: Mapping[int, bytes] | None = None,
    meta: Mapping[str, bytes] | None = None,
    clock: Clock = time.time,
) -> Opened:
    """New keys for this node, in a log that follows `predecessor`, which its store may not know; for whoever holds the lock and has the
    store open in `view`. `secret` opens the old pen and the new one, and whether it is a passphrase; `openings` (files by number, verified,
    of logs that the view's channel knows) and `meta` are kept with the first entry.

    Raises LocalError pen.*, store.*, usage, disk.failed; then the folder is as it was, or the next to open it finishes.
    """
    key, is_passphrase = secret
    sealing = _old_sealing(folder, key, view.store, view.own)
    new = _prepare(view, view.channel.party_of(view.own), predecessor, recovery)
    Pen.create(folder.next_pen_path, new.seeds, key, is_passphrase, os.urandom)
    # Nobody else holds keys that were made just now.
    kept = {PEN: Pen.identity(folder.next_pen_path), OPENED_IN: (boot.current() or "").encode("ascii"), **(meta or {})}
    with _node(view.store, folder.next_pen_path, key, new, clock) as node:
        begin(node, {**(openings or {}), new.opening.number: new.file}, kept, sealing)
    Pen.replace(folder.pen_path, folder.next_pen_path)
    folder.keep_boot()
    return new.opened()


def add_device(
    folder: Folder, path: Path, passphrase: bytes | None, recovery: Path, *, replaces: str | None = None, clock: Clock = time.time
) -> Opened:
    """A further device of the node's party in a new folder, or a successor there for the log named `replaces`. Without a passphrase its
    pen opens by a key file. It holds the charter and the logs' openings, and catches up by exchange.

    Raises LocalError node.*, store.*, pen.damaged, usage for a recovery key or a log that is not the party's.
    """
    card, _, _ = folder.card()
    with folder.view() as view:
        position = view.channel.party_of(view.own)
        predecessor = None if replaces is None else view.channel.number(replaces)
        if replaces is not None and (predecessor is None or view.channel.party_of(predecessor) != position):
            if predecessor is None and _LATER.fullmatch(replaces) and replaces.partition(".")[0] == card.slug:
                said = f"This node has not heard of that log: first `ceasewire sync {folder.path}`, then repeat"
                raise LocalError("usage", said)
            own = ", ".join(view.channel.logs[log].slug for log in view.channel.logs_of(position))
            raise LocalError("usage", f"{replaces} is no log of {card.slug}; its logs are {own}")
        new = _prepare(view, position, predecessor, recovery)
        files = {**view.store.openings(), new.opening.number: new.file}
    made = Folder(path)
    made.make_place()
    secret = passphrase if passphrase is not None else write_unlock_key(path / "unlock.key", os.urandom)
    Pen.create(made.pen_path, new.seeds, secret, passphrase is not None, os.urandom)
    sqlite.create(made.store_path)
    with ExitStack() as stack:
        store = sqlite.open_writer(made.store_path)
        stack.callback(store.close)
        begin(stack.enter_context(_node(store, made.pen_path, secret, new, clock)), files, {})
    Folder.write(made.charter_path, folder.charter_path.read_bytes())
    Folder.write(made.card_path, folder.card_path.read_bytes())  # comes last: a folder without one is no node
    return new.opened()


def log_name(channel: Channel, log: int) -> str:
    """The name of a party's log, which its number tells also where its opening is not known."""
    known = channel.log_name(log)
    return known or f"{channel.charter.parties[position_of(log) or 0].slug}.{log % 2**24:06x}"


@contextmanager
def alone(folder: Folder) -> Iterator[None]:
    try:
        with folder.locked(0):
            yield
    except LocalError as error:
        if error.code != "node.locked":
            raise
        raise LocalError("node.locked", "stop `serve` first: the keys that it signs with are destroyed") from None


def _old_sealing(folder: Folder, secret: bytes, store: Store, own: int) -> list[bytes]:
    """The seeds of this log's standing sealing key, and of those of the logs before it that are still kept; none if the pen is damaged.

    The passphrase is the one that people know: it opens the old pen. Raises LocalError pen.*, but not pen.damaged.
    """
    try:
        pen = Pen.open(folder.pen_path, secret)
    except LocalError as error:
        if error.code != "pen.damaged":
            raise
        return []
    try:
        return [pen.sealing_seed(), *(pen.unseal(key.sealed) for key in store.fresh_keys(own))]
    except LocalError:  # it is another log's pen
        return []
    finally:
        pen.close()


def _prepare(view: View, position: int, predecessor: int | None, recovery: Path) -> _New:
    """New keys and their opening. Raises LocalError usage, file.unreadable, pen.damaged, random.failed; PeerError opening.refused."""
    ed25519, mldsa44 = read_recovery(recovery)
    channel = view.channel
    public, listed = recovery_key(ed25519, mldsa44), channel.charter.parties[position].recovery
    if public not in listed:
        raise LocalError("usage", f"{recovery.name} is not a recovery key of {channel.charter.parties[position].slug}")
    later = [log for log in channel.logs_of(position) if log in channel.openings]
    if len(later) >= limits.LATER_LOGS_PER_PARTY:
        raise LocalError("usage", f"the party has {len(later)} later logs, and others take no more: found a channel anew")
    state = None if predecessor is None else view.store.states().get(predecessor)
    size = state.size if state else 0
    root = state.frontier.root() if state and size else EMPTY_ROOT
    taken = {*channel.logs, *view.store.states(), asking(channel, position, (ed25519, mldsa44))[1].number}
    while True:
        seeds = new_seeds()
        opening = Opening(channel.channel_id, position, public_keys(seeds), predecessor, size, root)
        if opening.number not in taken:  # one in 16 million is; two openings of one number would convict us
            break
    signers = [signer(ed25519), signer_pq(mldsa44), *log_signers(seeds)]
    file = sign_opening(opening, listed.index(public), signers)
    open_opening(file, channel.channel_id, channel.charter.parties)
    return _New(seeds, opening, file, channel.with_openings([opening]))


def asking(channel: Channel, position: int, recovery: tuple[bytes, bytes]) -> tuple[Seeds, Opening]:
    """The keys and the opening under which a party asks what logs it has (node.inquiry): always the same ones for one recovery key, whose
    private halves are given. Whoever is asked may keep what it was shown, and of many openings two would once have one number."""
    parts = (_ASKING + channel.channel_id + bytes([n]) for n in range(5))
    seeds = Seeds(*(hmac.digest(b"".join(recovery), part, "sha256") for part in parts))
    return seeds, Opening(channel.channel_id, position, public_keys(seeds), None, 0, EMPTY_ROOT)


@contextmanager
def _node(store: Store, pen_path: Path, secret: bytes, new: _New, clock: Clock) -> Iterator[Node]:
    """The node of a log about to be; its pen is synced at the end."""
    pen = Pen.open(pen_path, secret)
    try:
        yield Node(store, pen, new.channel, new.opening.number, clock=clock, random=random)
        pen.sync()
    finally:
        pen.close()
