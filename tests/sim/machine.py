"""One machine: a disk, a pen, a clock, and the process that runs on it, which is the node's own code.

The disk holds what was committed and nothing else; the pen's file holds what was synced, and of what was not a power cut leaves either
slot as it was, as it became, or torn. A process dies at a commit (before it, after it and before the pen's note, after the note and before
anything leaves) or between two acts.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ceasewire.errors import LocalError
from ceasewire.folder import PEN, log_signers, public_keys
from ceasewire.node.beginning import begin
from ceasewire.node.exchange import Exchange
from ceasewire.node.heard import Heard, OwnChecks
from ceasewire.node.node import Node
from ceasewire.node.openings import OWN, known_channel, own_log
from ceasewire.pen import Pen, Seeds
from ceasewire.record.channel import Channel
from ceasewire.record.charter import ALGORITHMS
from ceasewire.record.opening import Opening, open_opening, opening_of, sign_opening
from ceasewire.record.values import LogState
from ceasewire.store import sqlite
from ceasewire.store.interface import Change, Store
from ceasewire.tlog.merkle import EMPTY_ROOT
from helpers import START, TestParty
from sim.memory import MemoryStore, Tables
from sim.setting import first_seeds

if TYPE_CHECKING:
    from sim.world import World

T = TypeVar("T")
SECRET = bytes(range(32))  # of every pen's key file
SLOTS = ((0, 512), (4096, 4608))  # of a pen's file, spec/keys.md
ASKS_WITNESS = 0.3  # how many machines ask the witness too, after a start, whether their log is the newest
POINTS = ("before", "after", "noted", "failed", "failed_kept", "late")
"""Where a process dies at a commit: before it; after it, before the pen's note; after the note, before anything leaves; the disk says that
it failed, and it did; the disk says so, and all the same it will be there; or when all has left and the pen is not synced yet."""


class Crash(BaseException):
    """The power is gone."""


@dataclass
class Fault:
    """The process dies at the commit after so many, at that point."""

    commits: int
    point: str


class Clock:
    """A machine's clock, which goes as it likes."""

    def __init__(self, world: World, drift: float, offset: float) -> None:
        self.world, self.drift, self.offset = world, drift, offset

    def passed(self) -> float:
        """Seconds that pass, whatever the clock on the wall says."""
        return START + (self.world.now - START) * (1 + self.drift)

    def __call__(self) -> float:
        return self.passed() + self.offset


@dataclass
class Image:
    """A machine as it was: its store, its pen's file, and, of a whole machine, where its randomness stood and which start of it it was."""

    tables: Tables | bytes
    pen: bytes
    draw: tuple[Any, ...]
    boot: int  # in which start of the machine it was made
    confirmed_in: int  # what the folder's file `boot` said
    overruled_in: int = -1
    brought: bytes = b""  # the bundle that had come to its address last


class Disk:
    """The store as the node has it: whatever is committed passes here, and so do the faults."""

    def __init__(self, machine: Machine, inner: Any) -> None:
        self._machine, self._inner, self._broken = machine, inner, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, change: Change) -> int:
        """See Store; it may fail, or be the last thing that this process does."""
        machine = self._machine
        point = machine.fault_here()
        if self._broken or point == "failed":
            self._broken = True
            raise LocalError("disk.failed", "as the simulator wants it")
        if point == "before":
            raise Crash
        counter: int = self._inner.commit(change)
        machine.world.checks.committed(machine, change)
        if point == "after":
            raise Crash
        if point == "failed_kept":
            self._broken = True
            raise LocalError("disk.failed", "as the simulator wants it, and it was written")
        machine.dies_noted = point == "noted"
        return counter


class SimNode(Node):
    """The node, which can die when the pen has noted and nothing has left."""

    machine: Machine

    def commit(self, change: Change) -> None:
        """See Node."""
        super().commit(change)
        if self.machine.dies_noted:
            raise Crash


class Machine:
    """One party's machine. `label` is what the trace calls it; `honest` whether it keeps to the rules."""

    def __init__(self, world: World, party: TestParty, label: str, *, honest: bool = True) -> None:
        self.world, self.party, self.label, self.honest = world, party, label, honest
        self.draw = random.Random(f"{world.seed}/{label}")
        self.clock = Clock(world, self.draw.uniform(-5e-6, 5e-6), self.draw.uniform(-100, 100))
        self.path = world.folder / label
        self.path.mkdir()
        self.process = 0  # how many there were
        self.up = self.gone = False
        self.boot = 0  # this start of the machine
        self.confirmed_in = 0  # the one in which its log was last confirmed, as the folder's file `boot` says
        self.asks_witness = world.boots.random() < ASKS_WITNESS
        self.waits = False  # for the witness's word, before a peer's counts
        self.witness_takes = 5.0  # seconds
        self.vouched_in = -1  # the start of the machine in which an officer said that it was not put back
        self.overruled_in = -1  # the one in which he said so though the witness knew another log
        self.addressed = True  # whether the party's address leads here
        self.further = False  # whether it is a further device of its party, which has no address and calls the first one too
        self.fault: Fault | None = None
        self.dies_noted = False
        self.openings: dict[int, bytes] = {}
        self.synced = b""
        self.memory = None if world.real else MemoryStore()
        if world.real:
            sqlite.create(self.path / "store.sqlite")
        self.new_pen(self.pen_path, first_seeds(party))

    # --- The disk ---

    @property
    def pen_path(self) -> Path:
        return self.path / "pen"

    def new_pen(self, path: Path, seeds: Seeds) -> None:
        """A pen's file."""
        Pen.create(path, seeds, SECRET, False, self.draw.randbytes)

    def _store(self) -> Any:
        return self.memory or sqlite.open_writer(self.path / "store.sqlite")

    def image(self) -> Image:
        """The machine as it is now. It must be between two acts."""
        return Image(self._tables(), self.pen_path.read_bytes(), self.draw.getstate(), self.boot, self.confirmed_in, self.overruled_in)

    def _tables(self) -> Tables | bytes:
        if self.memory:
            return self.memory.snapshot()
        copy = self.path / "copy.sqlite"
        source, target = (sqlite3.connect(path) for path in (self.path / "store.sqlite", copy))
        with target:
            source.backup(target)
        target.close()
        source.close()
        data = copy.read_bytes()
        copy.unlink()
        return data

    def put_store(self, tables: Tables | bytes) -> None:
        """Put a store in the place of this one. The machine is down."""
        if isinstance(tables, Tables):
            cast(MemoryStore, self.memory).restore(tables)
        else:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path / 'store.sqlite'}{suffix}").unlink(missing_ok=True)
            (self.path / "store.sqlite").write_bytes(tables)

    def put_pen(self, data: bytes) -> None:
        """Put a pen's file in the place of this one. The machine is down."""
        self.pen_path.write_bytes(data)

    def put_whole(self, image: Image, *, boots: bool) -> None:
        """Put all of it back: its folder as it was, and the file `boot` in it. The machine `boots`; or its memory was saved too, and it
        goes on in the start that it was in, where its randomness stood. (Who draws a new boot id has fresh randomness.) The machine is
        down."""
        self.put_store(image.tables)
        self.put_pen(image.pen)
        self.confirmed_in, self.overruled_in = image.confirmed_in, image.overruled_in
        self.boot = self.world.next_boot() if boots else image.boot
        if boots:
            self.draw.seed(f"{self.world.seed}/{self.label}/{self.boot}")
        else:
            self.draw.setstate(image.draw)

    # --- The process ---

    def open(self) -> None:
        """A process begins. After a power cut somebody else must confirm its log first, unless the machine does not know of the cut."""
        self._finish_rotation()
        pen = Pen.open(self.pen_path, SECRET)
        self.synced = self.pen_path.read_bytes()
        self.inner = inner = self._store()
        store = cast(Store, Disk(self, inner))
        channel = known_channel(self.world.made.signed, store)
        own = own_log(store, self.world.made.channel.position(self.party.slug) or 0)
        self.dies_noted = False
        self.node = self.made_node(store, pen, channel, own)
        self.exchange = self.made_exchange()
        self.checked, self.clocks = OwnChecks(self.node), Heard(self.node).clocks
        self.process += 1
        self.up = True

    def made_node(self, store: Store, pen: Pen, channel: Any, own: int) -> SimNode:
        """The node of this process."""
        SimNode.machine = self  # for what the constructor itself may commit
        confirmed = None if self.boot == self.confirmed_in else self.confirmed
        node = SimNode(store, pen, channel, own, clock=self.clock, random=self.draw.randbytes, confirmed=confirmed)
        node.machine = self
        return node

    def confirmed(self) -> None:
        """The log is the newest there is: that holds until the machine is started again."""
        self.confirmed_in = self.boot
        self.world.counts["confirmed"] += 1

    def made_exchange(self) -> Exchange:
        """The exchange of this process."""
        return Exchange(self.node)

    def _finish_rotation(self) -> None:
        """As folder.Folder does."""
        following = self.path / "pen.next"
        if following.exists():
            store = self._store()
            kept = store.meta(PEN)
            if not self.memory:
                store.close()
            if kept == Pen.identity(following):
                Pen.replace(self.pen_path, following)
            else:
                following.unlink()

    # --- Later logs ---

    def forget(self) -> None:
        """The disk is new and empty. The machine is down until it has a log again; the openings come from another party's copy."""
        memory = cast(MemoryStore, self.memory)
        self.openings, self.gone = memory.openings(), True
        memory.restore(Tables())

    def begin_later(self, seeds: Seeds, old: int | None, sealing: list[bytes]) -> None:
        """As renewal.rotate, and on an empty disk as renewal.add_device: a log that follows `old`, or that of a further device. Raises
        Crash."""
        self.inner = inner = self._store()
        store = cast(Store, Disk(self, inner))
        files = {**self.openings, **store.openings()}
        channel = Channel(self.world.made.signed, [opening_of(data) for data in files.values()])
        opening, file = self._opening(channel, seeds, old, None if old is None else store.states().get(old))
        following = self.path / "pen.next"
        following.unlink(missing_ok=True)
        self.new_pen(following, seeds)
        pen = Pen.open(following, SECRET)
        self.synced = following.read_bytes()
        asks, self.confirmed_in = self.confirmed_in, self.boot  # nobody else can have signed with keys that were not there
        try:
            self.dies_noted = False
            self.node = self.made_node(store, pen, channel.with_openings([opening]), opening.number)
            begin(self.node, {**files, opening.number: file}, {PEN: Pen.identity(following)}, sealing)
            pen.sync()
        finally:
            pen.close()
            if store.meta(PEN) != Pen.identity(following):
                self.confirmed_in = asks
            self.gone = self.gone and store.meta(OWN) is None
            if not self.memory:
                inner.close()

    def _opening(self, channel: Channel, seeds: Seeds, old: int | None, state: LogState | None) -> tuple[Opening, bytes]:
        """The opening of a log that follows `old` (None: of a further device), of which `state` is here; and its file, signed."""
        size, root = (state.size, state.frontier.root()) if state and state.size else (0, EMPTY_ROOT)
        opening = Opening(channel.channel_id, channel.position(self.party.slug) or 0, public_keys(seeds), old, size, root)
        recovery = [self.party.signers["recovery", algorithm] for algorithm in ALGORITHMS]
        file = sign_opening(opening, 0, [*recovery, *log_signers(seeds)])
        return open_opening(file, channel.channel_id, channel.charter.parties), file

    def act(self, call: Callable[[], T]) -> T:
        """Do something in the process, and sync the pen soon after. Raises Crash if the process dies of it, and what `call` raises."""
        self.world.checks.acting(self)
        try:
            result = call()
        except Crash:
            self.crash()
            raise
        except LocalError as error:
            if error.code == "disk.failed":
                self.crash()
                raise Crash from None
            self.sync()
            raise
        except Exception:
            self.sync()
            raise
        self.sync()
        return result

    def sync(self) -> None:
        """The pen's sync within a second of a note; a power cut may come before it."""
        if self.fault and self.fault.point == "late":
            self.fault, process = None, self.process
            self.world.after(0.5, lambda: self.power_cut() if self.up and self.process == process else None)
            return
        self.node.pen.sync()
        self.synced = self.pen_path.read_bytes()
        if self.world.draw.random() < 0.5:  # SQLite moves its log into the file now and then, and syncs it
            self.disk.settle()

    def fault_here(self) -> str | None:
        """The fault of this commit, if one is due."""
        if self.fault is None or self.fault.point == "late":
            return None
        self.fault.commits -= 1
        if self.fault.commits > 0:
            return None
        point, self.fault = self.fault.point, None
        return point

    def crash(self) -> None:
        """The process dies: with it alone nothing is lost, with the machine's power what was not synced, or some of it."""
        if self.world.draw.random() < 0.4:
            self.let_go()
            self.world.crashed(self)
        else:
            self.power_cut()

    def power_cut(self) -> None:
        """The power goes, and with it what was not synced, or some of it."""
        self.let_go()
        self.boot = self.world.next_boot()
        if self.memory:
            self.memory.power_cut(self.world.draw.choice((0, 0.5, 1)))
            self.world.checks.turned_back(self)
        data = bytearray(self.pen_path.read_bytes())
        for start, stop in SLOTS:
            middle = self.world.draw.choice((start, start, stop, stop, start + 20))
            data[start:middle] = self.synced[start:middle]
        self.pen_path.write_bytes(bytes(data))
        self.world.crashed(self)

    def let_go(self) -> None:
        """The process ends here and now."""
        self.up = self.waits = False
        self.fault = None
        self.node.pen.close()
        if not self.memory:
            self.node.store.close()

    def close(self) -> None:
        """The world ends."""
        if self.up:
            self.let_go()
        if self.memory:
            self.memory.close()
        shutil.rmtree(self.path)

    # --- What the trace and the checks ask ---

    @property
    def disk(self) -> Store:
        """What is durable here, read past the process."""
        return cast(Store, self.memory or self.inner)

    @property
    def stuck(self) -> bool:
        """Whether this log signs nothing more."""
        return self.up and self.node.closed is not None

    def speaks_to(self, slug: str) -> bool:
        """Whether it calls that party."""
        return True

    def other(self, slug: str) -> int | None:
        """The log by which this machine calls a party."""
        position = self.world.made.channel.position(slug)
        return next((log for log in self.exchange.peers() if self.node.channel.party_of(log) == position), None)
