"""The way on for a node whose machine was lost, put back or copied: a successor log, and everything read back. docs/operators.md.

1. The folder is put in order from what is left and what is given (remains.py).
2. If the log can go on for all that is known here, the peer is asked: it may show what this machine has forgotten.
3. If it cannot, or nobody can say, a successor is opened, signed by the recovery key and the new keys, by the same steps as a rotation.
4. All that the peer and then the others hold is read back, verified and receipted.

Each step is durable before the next begins, so that the same command, again, finishes what was cut short. The store remembers until it is
finished how many messages of the party it held when the successor was opened (`RECOVERING`).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .carriers.client import Client
from .carriers.line import sync
from .carriers.urls import check_url
from .errors import CeasewireError, LocalError
from .folder import Folder, log_signers, random, recovery_key, signer, signer_pq
from .keyfile import read_recovery, write_unlock_key
from .node import inquiry
from .node.exchange import Exchange
from .node.node import Node
from .node.openings import OWN, called, known_channel, own_log
from .node.view import View
from .pen import Pen
from .record.channel import Channel
from .record.charter import SignedCharter
from .record.fields import Json
from .record.opening import opening_of, sign_opening
from .remains import Given, Store, Teller, recovery_file, settle_place, settle_store
from .renewal import Clock, Opened, alone, asking, log_name, succeed
from .store.interface import Change
from .store.interface import Store as Kept

RECOVERING: Final = "recovering"  # meta: 8 bytes, the party's messages held when the log was opened; empty once all is read back
_TALKS: Final = 4  # with one party: it may itself have replaced its log, more than once
_LOOK_SECONDS: Final = 0.5


@dataclass(slots=True)
class Asked:
    """What a person asks for: the party to read back from; where it is called, if not where it said; the log that is lost, if the node
    cannot know; the files given; how the new keys open (a passphrase, or a key file if there is or may be one)."""

    come_from: str
    given: Given = field(default_factory=Given)
    url: str | None = None
    replaces: str | None = None
    passphrase: bytes | None = None
    key_file: bool = False
    tls_ca: Path | None = None


@dataclass(slots=True)
class Recovered:
    """What came of it. `log` writes from now on and follows `replaces` (None: it is the party's first), of which `size` messages were held
    when it was opened; `recovered` messages of this party's earlier logs were read back since; `error` is why not all is read back yet."""

    log: str
    replaces: str | None
    size: int
    recovered: int
    come_from: str
    error: str | None
    opened: bool

    def as_json(self) -> dict[str, Json]:
        """The JSON of `ceasewire recover`."""
        found: dict[str, Json] = {"log": self.log, "replaces": self.replaces, "size": self.size, "recovered": self.recovered}
        return {**found, "from": self.come_from, "error": self.error}


def recover(folder: Folder, asked: Asked, tell: Teller, *, clock: Clock = time.time) -> Recovered:
    """Go on with a node, whatever is left of it. `tell` tells a person of each step.

    Raises LocalError node.*, pen.*, store.*, file.*, usage, disk.failed, backup.damaged; PeerError of a charter or an opening that is not
    whole. Whatever is done by then stays, and the same call again goes on.
    """
    signed = settle_place(folder, asked.given, asked.come_from)
    with alone(folder):
        store = settle_store(folder, signed, asked.given, tell)
        work = _Work(folder, signed, asked, tell, clock, store)
        if work.can_go_on():
            done = work.read_back()
            if done is not None:
                return done
        opened = work.open_successor()
        tell.say(f"{opened.log} follows {opened.replaces}, of which {opened.size} messages are held here.")
        done = work.read_back(at_once=True)
        if done is None:
            raise LocalError("log.closed", "again, by what the peer holds of the new log")
        return done


@dataclass(slots=True)
class _Work:
    """One recovery, in a folder that is in order, under its lock."""

    folder: Folder
    signed: SignedCharter
    asked: Asked
    tell: Teller
    clock: Clock
    store: Store
    opened: bool = False

    @property
    def position(self) -> int:
        """The party's place in the charter."""
        return self.folder.position(self.signed)

    # --- As far as this machine knows ---

    def can_go_on(self) -> bool:
        """Whether the log can go on for all that is known here. Raises LocalError pen.passphrase, pen.mode: that is no loss."""
        try:
            with self.folder.opened(self.asked.passphrase) as node:
                if node.closed:
                    self.tell.say(f"The log {node.names.slug} is closed ({node.closed}).")
                return node.closed is None and self.asked.replaces is None
        except LocalError as error:
            if error.code != "pen.damaged" and not (error.code == "pen.passphrase" and not self.folder.pen_path.exists()):
                raise
            self.tell.say("The keys of the log are gone.")
            return False

    # --- The successor ---

    def open_successor(self) -> Opened:
        """A log that follows the one that was lost."""
        recovery, secret = recovery_file(self.folder, self.asked.given), self._secret()
        found = {**self.store.openings, **self._ask(recovery)}
        with self.folder.store() as store:
            known, channel = known_channel(self.signed, store), known_channel(self.signed, store)
            for log, file in list(found.items()):
                if channel.conflicts(opening_of(file)):
                    del found[log]  # somebody else has our recovery key, too: what is here already goes before
                else:
                    channel = channel.with_openings([opening_of(file)])
            new = {log: file for log, file in found.items() if log not in known.openings}
            predecessor = self._lost(channel, self._written(channel, store, secret[0]))
            view = View(store, channel, own_log(store, self.position))
            held = _held(view, self.position, without=None)
            meta = {RECOVERING: held.to_bytes(8, "big")}
            opened = succeed(self.folder, view, predecessor, secret, recovery, openings=new, meta=meta, clock=self.clock)
        self.opened = True
        return opened

    def _secret(self) -> tuple[bytes, bool]:
        """What opens the new pen, and whether it is a passphrase."""
        if self.asked.passphrase is not None:
            return self.asked.passphrase, True
        path = self.folder.path / "unlock.key"
        if not path.exists() and self.asked.key_file:
            return write_unlock_key(path, random), False
        if not path.exists():
            raise LocalError("usage", "give --passphrase-file or --no-passphrase for the new keys")
        return self.folder.secret(None), False

    def _written(self, channel: Channel, store: Kept, secret: bytes) -> int | None:
        """The log that this folder wrote last: by its keys, by its store, or by the store that was moved aside; None if nothing says so."""
        try:
            pen = Pen.open(self.folder.pen_path, secret)
        except LocalError:
            pass
        else:
            key = pen.public().log_ed25519
            pen.close()
            for log in channel.logs_of(self.position):
                if channel.logs[log].log[0].key == key:
                    return log
        if self.store.own in channel.logs:
            return self.store.own
        return own_log(store, self.position) if store.meta(OWN) is not None or store.states() else None

    def _lost(self, channel: Channel, own: int | None) -> int:
        """The log that is lost: the one named; else what stands now in the place of the one that this folder wrote; else the party's only
        one."""
        if self.asked.replaces is not None:
            return _number(channel, self.position, self.asked.replaces)
        live = [log for log in channel.live_logs() if channel.party_of(log) == self.position]
        chain = [log for log in live if own in (None, log, *channel.before(log))]
        if len(chain) == 1:
            return chain[0]
        names = ", ".join(channel.logs[log].slug for log in chain or live)
        raise LocalError("usage", f"say with --replaces which log is lost: {names}")

    def _ask(self, recovery: Path) -> dict[int, bytes]:
        """The opening files of this party's later logs, by the peer's word; none if it cannot be asked. Each is verified."""
        try:
            return asyncio.run(self._inquire(recovery))
        except CeasewireError as error:
            self.tell.say(f"{self.asked.come_from} could not be asked for the names of our logs: {error.message}.")
            return {}

    async def _inquire(self, recovery: Path) -> dict[int, bytes]:
        channel = Channel(self.signed)
        keys = read_recovery(recovery)
        listed = channel.charter.parties[self.position].recovery
        if recovery_key(*keys) not in listed:
            return {}  # whoever opens the log says so
        peer = channel.position(self.asked.come_from) or 0
        seeds, opening = asking(channel, self.position, keys)
        signers = [signer(keys[0]), signer_pq(keys[1]), *log_signers(seeds)]
        file = sign_opening(opening, listed.index(recovery_key(*keys)), signers)
        data = inquiry.question(channel, opening, file, peer, signer(seeds.log_ed25519))
        target = check_url(channel.charter.parties[self.position].url, self.asked.url or channel.charter.parties[peer].url)
        client = Client(target, self.asked.tls_ca, lambda _: None)
        try:
            return inquiry.read(await client.post(data), data, seeds.sealing, channel, self.position)
        finally:
            await client.close()

    # --- Reading back ---

    def read_back(self, *, at_once: bool = False) -> Recovered | None:
        """Read back what the peers hold; None if the log turns out to be closed, or if nobody can say whether it is and it is not one that
        was opened to recover. `at_once`: it was opened just now."""
        with self.folder.opened(self.asked.passphrase) as node:
            marked = node.store.meta(RECOVERING) or b""
            before = int.from_bytes(marked, "big") if marked else _held(node, self.position, without=node.own)
            error = self._talks(node) or node.unsure
            if node.closed:
                self.tell.say(f"The log {node.names.slug} is closed by what {self.asked.come_from} holds of it ({node.closed}).")
                return None
            if error is not None and not (at_once or (marked and not node.unsure)):
                self.tell.say(f"{self.asked.come_from} could not be asked ({error}), so this log is taken for lost.")
                return None
            if error is None and marked:
                node.commit(Change(meta={RECOVERING: b""}))
            return self._result(node, before, error)

    def _result(self, node: Node, before: int, error: str | None) -> Recovered:
        opening = node.channel.openings.get(node.own)
        follows = None if opening is None or opening.predecessor is None else log_name(node.channel, opening.predecessor)
        recovered = max(0, _held(node, self.position, without=node.own) - before)
        size = opening.size if opening else 0
        return Recovered(node.names.slug, follows, size, recovered, self.asked.come_from, error, self.opened)

    def _talks(self, node: Node) -> str | None:
        """Talk with the peer, then with every other that has an address; why the first did not bring all, or None."""
        exchange = Exchange(node)
        with self._watching(node):
            error = self._talk(exchange, self.asked.come_from, self.asked.url)
            for card in node.channel.charter.parties:
                if card.slug not in (self.asked.come_from, node.channel.party(node.own).slug) and card.url and not node.closed:
                    self._talk(exchange, card.slug, None)
        return error

    def _talk(self, exchange: Exchange, slug: str, url: str | None) -> str | None:
        """Until it has no newer log than the one that was called."""
        node, error = exchange.node, None
        for _ in range(_TALKS):
            peers = called(node, slug)
            error = next((report.error for report in sync(exchange, peers, self.asked.tls_ca, url=url) if report.error), None)
            if node.closed or called(node, slug) == peers:
                break
        if error is None or not error.startswith("net."):  # what it says of our messages is no fault of the reading back
            error = (error or "log.gap") if _lacks(node, called(node, slug)) else None
        return error

    @contextmanager
    def _watching(self, node: Node) -> Iterator[None]:
        """Tell twice a second how much is here, of as much as is known to be."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_LOOK_SECONDS):
                held = {log: state.size for log, state in node.reading.store.states().items()}
                heads: dict[int, int] = dict(held)
                for peer in node.reading.store.peers().values():
                    heads |= {log: max(size, heads.get(log, 0)) for log, size in peer.heads.items()}
                self.tell.progress(sum(held.values()), sum(heads.values()))

        thread = threading.Thread(target=_quietly(watch), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _quietly(call: Callable[[], None]) -> Callable[[], None]:
    """What only shows how far it is must not end the work."""

    def quiet() -> None:
        try:
            call()
        except CeasewireError:
            return

    return quiet


def _lacks(node: Node, peers: list[int]) -> bool:
    """Whether the peers hold more of a log than is here, by their own word. Of a log that showed two histories nothing more is taken."""
    states, known = node.store.states(), node.store.peers()
    heads = [(log, size) for peer in peers if peer in known for log, size in known[peer].heads.items()]
    return any(size > (states[log].size if log in states else 0) for log, size in heads if not (log in states and states[log].frozen))


def _held(view: View, position: int, without: int | None) -> int:
    """How many messages of a party's logs are held, but for one log."""
    states = view.store.states()
    return sum(states[log].size for log in view.channel.logs_of(position) if log in states and log != without)


def _number(channel: Channel, position: int, name: str) -> int:
    """A log of the party by its name, which holds its number. Raises LocalError usage."""
    known = channel.number(name)
    slug, _, digits = name.partition(".")
    if known is None and slug == channel.charter.parties[position].slug and len(digits) == 6:
        try:
            known = 2**31 + 2**24 * position + int(digits, 16)
        except ValueError:
            known = None
    if known is None or (known in channel.logs and channel.party_of(known) != position):
        raise LocalError("usage", f"{name} is no log of {channel.charter.parties[position].slug}")
    return known
