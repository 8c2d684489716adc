"""Real nodes of one channel in one process: what one side sends, the other admits.

    with ChannelPair() as pair:
        pair.north.say("text")
        pair.sync("north", "south")

Folders, stores and pens are the real ones, copied from a template that is made once for each set of parties; the clock stands until a
test moves it, and randomness is seeded. Keys are those of `helpers.make_channel`, so that a test can also forge with them.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from ceasewire.errors import PeerError
from ceasewire.exchange import bundle
from ceasewire.folder import Folder
from ceasewire.keyfile import write_recovery, write_unlock_key
from ceasewire.node import fsck
from ceasewire.node.exchange import Exchange, Report
from ceasewire.node.node import Node, Sent
from ceasewire.node.openings import known_channel, own_log
from ceasewire.node.taking import Received
from ceasewire.pen import Pen, Seeds
from ceasewire.record.card import armor
from ceasewire.record.charter import ALGORITHMS
from ceasewire.record.misconduct import KINDS
from ceasewire.renewal import add_device, rotate
from ceasewire.store import sqlite
from helpers import START, TestChannel, TestParty, make_channel

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - folders below it get names that nobody can guess
"""Where pairs live: in memory if there is a place, so that a sync to disk costs nothing."""
NOT_THEIR_WORD = ("peer", "refused", "sqlite_sequence", "tally")
"""Tables in which a refused run may leave a trace: that its sender spoke, and the refused bytes themselves."""


class Clock:
    """POSIX seconds that stand still until a test moves them."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Side:
    """One device's node. `party` is its party's slug, `slug` what the test calls the device, `clock` its own."""

    def __init__(self, made: TestChannel, slug: str, path: Path, seed: int, party: str | None = None) -> None:
        self.made = made
        self.slug = slug
        self.party = made.parties[party or slug]
        self.folder = Folder(path)
        self.clock = Clock()
        self._random = random.Random(f"{seed}/{slug}")
        self._open = ExitStack()
        self.open()

    def open(self) -> Side:
        """Open the folder's node: lock, pen, store."""
        with ExitStack() as stack:
            stack.enter_context(self.folder.locked(0))
            store = stack.enter_context(self.folder.store())
            pen = stack.enter_context(self.folder.pen(None))
            own = own_log(store, self.made.channel.position(self.party.slug) or 0)
            channel = known_channel(self.made.signed, store)
            self.node = Node(store, pen, channel, own, clock=self.clock, random=self._random.randbytes)
            self._open = stack.pop_all()
        self.exchange = Exchange(self.node)
        return self

    @property
    def log(self) -> int:
        """The number of its log."""
        return self.node.own

    @property
    def recovery(self) -> Path:
        """The party's recovery key in a file, as on a stick."""
        path = self.folder.path.parent / f"recovery-{self.party.slug}.txt"
        if not path.exists():
            write_recovery(path, self.party.seeds["recovery", "ed25519"], self.party.seeds["recovery", "mldsa44"])
        return path

    def rotate(self) -> Side:
        """New keys in the same folder; this side is then the new log's."""
        self.close()
        rotate(self.folder, None, self.recovery, clock=self.clock)
        return self.open()

    def close(self) -> None:
        """Let go of everything, as a process that ends."""
        self._open.close()

    def reopen(self) -> Side:
        """A new process on the same folder."""
        self.close()
        return self.open()

    def say(self, text: str = "A statement.") -> Sent:
        """Send a statement."""
        return self.node.send("statement", {"text": text})

    def bundle(self, to: Side | int) -> bytes:
        """The next bundle for another side."""
        return self.exchange.compose(to if isinstance(to, int) else to.log).data

    def receive(self, data: bytes) -> Received:
        """Take one bundle."""
        return self.exchange.receive(data)

    def dump(self, without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
        """Every row of every table of the store but some, as another process reads them."""
        with sqlite3.connect(self.folder.store_path) as db:
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if name not in without]
            found = {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608 - our own names
        db.close()
        return found

    def shown(self) -> bytes:
        """All that a person is shown of the record, as bytes: `list`, `cases`, each `case`."""
        cases = self.node.cases()
        each = [self.node.case(self.node.ref(str(case["ref"]))) for case in cases]
        return json.dumps([list(self.node.messages()), cases, each], sort_keys=True).encode()

    def faults(self) -> list[fsck.Fault]:
        """What fsck says."""
        return fsck.check(self.node, lambda _done, _total: None).faults

    def size(self, log: Side | int) -> int:
        """How many entries of a log are held here."""
        return self.node.store_size(log if isinstance(log, int) else log.log)


class ChannelPair:
    """The parties of one channel, two or more (`slug` or `slug:role`); `toml` are keys of the charter."""

    def __init__(self, parties: tuple[str, ...] = ("north", "south"), *, seed: int = 0, **toml: Any) -> None:
        self.made = make_channel(parties, **toml)
        template = _template(self.made)
        self.path = Path(tempfile.mkdtemp(prefix="ceasewire-pair-", dir=MEMORY))
        slugs = [party.partition(":")[0] for party in parties]
        for slug in slugs:
            shutil.copytree(template / slug, self.path / slug)
        self.sides = {slug: Side(self.made, slug, self.path / slug, seed) for slug in slugs}
        self.bystanders: list[str] = []

    @staticmethod
    def among(*others: str, phone: bool = False, **toml: Any) -> ChannelPair:
        """North and south, and others who take no part until `check`: parties, and perhaps a further device of south's."""
        pair = ChannelPair(("north", "south", *others), **toml)
        if phone:
            pair.device("south", "phone")
        pair.bystanders = list(pair.sides)[2:]
        return pair

    def __enter__(self) -> ChannelPair:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for side in self:
            side.close()
        shutil.rmtree(self.path)

    def __getitem__(self, slug: str) -> Side:
        return self.sides[slug]

    def __iter__(self) -> Iterator[Side]:
        return iter(self.sides.values())

    def device(self, of: str, slug: str, replaces: str | None = None) -> Side:
        """A further device of the party of one that is there, or a successor for a log; it has only its own beginning."""
        side = self[of]
        path = self.path / slug
        add_device(side.folder, path, None, side.recovery, replaces=replaces, clock=side.clock)
        self.sides[slug] = Side(self.made, slug, path, 0, side.party.slug)
        self.sides[slug].clock.now = side.clock.now
        return self.sides[slug]

    @property
    def north(self) -> Side:
        return self["north"]

    @property
    def south(self) -> Side:
        return self["south"]

    def set_clock(self, now: float) -> None:
        """All clocks to POSIX seconds."""
        for side in self:
            side.clock.now = now

    def sync(self, a: str, b: str) -> Report:
        """`a` calls `b` and both go on until neither has anything new, as over HTTPS. A log that `a` has not heard of calls `a`."""
        caller, called = self[a], self[b]
        if called.log not in caller.node.channel.logs:
            caller, called = called, caller
        if called.log not in caller.node.channel.logs:
            for one, other in ((caller, called), (called, caller)):
                self._call_an_earlier_log(one, other)
        if called.log not in caller.node.channel.logs:
            return Report(called.slug, error="log.unknown")  # two new devices, who cannot know of each other yet
        talk = caller.exchange.talk(called.log)
        data = next(talk)
        while True:
            called.receive(data)
            answer = called.exchange.compose(caller.log, echo=hashlib.sha256(data).digest()).data
            try:
                data = talk.send(answer)
            except StopIteration as end:
                report: Report = end.value
                return report

    @staticmethod
    def _call_an_earlier_log(caller: Side, called: Side) -> None:
        """Call the device by the log that it kept before a rotation of which the caller has not heard, as its address stays the same."""
        known = next((log for log in called.node.channel.before(called.log) if log in caller.node.channel.live_logs()), None)
        if known is None or known == caller.log or caller.node.closed:
            return
        caller.exchange.forget_fresh_key(known)
        try:
            called.receive(caller.bundle(known))
        except PeerError as error:
            if error.code != "bundle.key_gone":  # it lost the old keys too
                raise
            return
        caller.receive(called.bundle(caller))

    def deliver(self, data: bytes) -> list[Received]:
        """Hand every bundle of a file to whom it is for."""
        found, at = [], 0
        while at < len(data):
            one = bundle.split(data, at)
            to = bundle.Header.decode(one).recipient
            found.append(next(side for side in self if side.log == to).receive(one))
            at += len(one)
        return found

    def settle_all_but(self, *away: str) -> None:
        """Everyone calls everyone three times, but for those who are away."""
        self.settle(without=away)

    def settle(self, rounds: int = 3, without: tuple[str, ...] = ()) -> None:
        """Everyone calls everyone, so many times."""
        slugs = [slug for slug in self.sides if slug not in without]
        for _ in range(rounds):
            for n, a in enumerate(slugs):
                for b in slugs[n + 1 :]:
                    self.sync(a, b)

    def check(self) -> None:
        """What must hold whenever faults have stopped: one record everywhere, and every stored byte sound. Bystanders hear of it now."""
        for slug in [*self.bystanders, *self.bystanders[:-1]]:
            self.sync(slug, "north")
            self.sync(slug, "south")
        if self.bystanders:
            self.sync("north", "south")
            for slug in self.bystanders:
                self.sync(slug, "south")
        first, *others = list(self)
        for side in others:
            assert side.shown() == first.shown(), f"{side.slug} and {first.slug} show different records"
        for side in self:
            assert side.faults() == [], side.slug
            assert [one for one in side.node.store.proofs() if KINDS[one.kind] != "flood"] == [], side.slug  # nobody here lies


_TEMPLATES: dict[bytes, Path] = {}


def _template(made: TestChannel) -> Path:
    """A folder for each party that has joined, as `ceasewire init` and `join` leave it. It goes when the process ends."""
    base = _TEMPLATES.get(made.channel.channel_id)
    if base is None:
        base = Path(tempfile.mkdtemp(prefix="ceasewire-template-"))
        atexit.register(shutil.rmtree, base, ignore_errors=True)
        for slug, party in made.parties.items():
            _make(Folder(base / slug), party, made.signed.encode())
        _TEMPLATES[made.channel.channel_id] = base
    return base


def _make(folder: Folder, party: TestParty, charter: bytes) -> None:
    folder.path.mkdir(mode=0o700)
    log, log_pq, receipt, receipt_pq = [party.seeds[use, algorithm] for use in ("log", "receipt") for algorithm in ALGORITHMS]
    drawn = random.Random(party.slug).randbytes
    secret = write_unlock_key(folder.path / "unlock.key", drawn)
    Pen.create(folder.pen_path, Seeds(log, log_pq, receipt, receipt_pq, party.sealing_seed), secret, False, drawn)
    sqlite.create(folder.store_path)
    Folder.write(folder.card_path, armor(party.card_file).encode())
    Folder.write(folder.charter_path, charter)
