"""A simulated channel: its machines, the network between them, and everything that befalls them, drawn from one integer.

Time is a heap of calls. Nothing here reads a clock, and nothing draws randomness but from `random.Random(seed)`, so that a seed is a run:
the same trace, the same verdict. What the parties do is done by the node's own code (machine.py); what must hold is in checks.py.
"""

from __future__ import annotations

import hashlib
import heapq
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ceasewire.errors import CeasewireError, LocalError, PeerError
from ceasewire.node import schedule
from ceasewire.node.exchange import Report
from ceasewire.record.misconduct import open_misconduct
from ceasewire.record.opening import position_of
from ceasewire.store.interface import KeptProof
from helpers import START, TestChannel
from node.pair import MEMORY
from sim.agreed import Agreed
from sim.befalling import Befalling
from sim.checks import Checks, Violated, must
from sim.liars import LIES, Lie, LyingMachine
from sim.machine import Crash, Machine
from sim.officers import Officer
from sim.setting import DAY, PARTIES, channel_of
from sim.society import Society
from sim.standins import Plains, cryptography
from sim.tower import KEY, Tower
from sim.withholders import instead

HOUR = 3600
LOOK_SECONDS = 6 * HOUR  # how often the schedule of line checks is looked at
REAL_EVERY = 50  # of so many seeds one runs on real files with real cryptography
LYING = 0.6  # how many seeds have a liar
LAST_EVENTS = 40  # that a failure shows
ROUNDS = 3  # of everyone calling everyone, in which all must be alike
MOST_ROUNDS = 12  # before that, until nobody has anything to write by himself any more
_FLOWN = 60  # bundles that may be replayed
_TALK_MOST = 12  # bundles of one talk


@dataclass
class Network:
    """How bad the lines are. Probabilities; `delay` seconds at the most."""

    loss: float
    doubled: float
    replayed: float
    late: float
    delay: float
    cut: set[tuple[str, str]] = field(default_factory=set)  # (from, to) through which nothing goes


@dataclass
class Talk:
    """A talk of a machine with the party `slug`, whose log it calls is `peer`: its next bundles, the process that it is of, how many
    bundles are left to it."""

    machine: Machine
    steps: Generator[bytes, bytes, Report]
    slug: str
    peer: int
    process: int
    left: int = _TALK_MOST


@dataclass
class Outcome:
    """A run that held. Times in seconds of simulated time, `years` in node-years."""

    seed: int
    years: float
    counts: Counter[str]
    trace: list[str]
    liar: str | None


class Failed(AssertionError):
    """A run in which something did not hold: its seed, the rule, its last events."""

    def __init__(self, seed: int, rule: str, detail: str, trace: list[str]) -> None:
        last = "\n".join(trace[-LAST_EVENTS:])
        again = f"PYTHONPATH=src:tests .venv/dev/bin/python -m sim {seed}"
        super().__init__(f"seed {seed}: {rule}: {detail}\nthe last events:\n{last}\nonce more: {again}")
        self.seed, self.rule = seed, rule
        self._given = (seed, rule, detail, trace[-LAST_EVENTS:])

    def __reduce__(self) -> tuple[type[Failed], tuple[int, str, str, list[str]]]:
        """To come whole out of another process."""
        return type(self), self._given


class World:
    """One run."""

    def __init__(self, seed: int, plains: Plains, *, real: bool, folder: Path, calm: bool = False) -> None:
        self.seed, self.plains, self.real, self.folder, self.calm = seed, plains, real, folder, calm
        self.draw = random.Random(f"world/{seed}")
        self.now = float(START)
        self.trace: list[str] = []
        self.counts: Counter[str] = Counter()
        self.lying_logs: set[int] = set()
        self.liar: Lie | None = None
        self.lost: set[int] = set()  # logs whose own store was put back or lost
        self.lost_at = 0.0  # when
        self.losers: set[str] = set()  # the machines that it befell
        self.calls: list[tuple[float, int, Callable[[], None]]] = []
        self.number = 0
        self.flown: list[tuple[str, bytes]] = []
        self.ending = False
        self.boots = random.Random(f"boots/{seed}")  # apart, as all that came later, so that seeds without it are the runs that they were
        self.booted = 0
        draw = self.draw
        self.society = Society(self, calm=calm)
        self.made: TestChannel = channel_of(draw.choice(PARTIES), real, KEY, self.society.officers)
        self.society.start()
        self.days = draw.choice((6, 8, 10, 14, 20))
        bad = draw.choice((0.0, 0.0, 0.05, 0.2, 0.5))
        self.network = Network(bad, bad / 2, draw.choice((0, 0.1, 0.3)), draw.choice((0, 0.05, 0.3)), draw.choice((1, 30, 3 * HOUR)))
        self.checks = Checks(self)
        self.agreed = Agreed(self)
        self.tower = Tower(self)
        lie = draw.choice([one for one in LIES if one.parties <= len(self.made.parties)]) if draw.random() < LYING and not calm else None
        lying = draw.choice([slug for slug, party in self.made.parties.items() if party.role == "party"]) if lie else ""
        guarantor = any(party.role == "guarantor" for party in self.made.parties.values())
        lie = instead(lie, self.society.draw, officers=self.society.officers, guarantor=guarantor)
        kinds = {slug: LyingMachine if slug == lying else Machine for slug in self.made.parties}
        self.machines = [kinds[slug](self, party, slug, honest=slug != lying) for slug, party in self.made.parties.items()]
        for machine in self.machines:
            if lie and isinstance(machine, LyingMachine):
                self.liar = lie(self, machine)
                self.lying_logs.add(self.made.channel.position(lying) or 0)
        self.befalling = Befalling(self)

    # --- Time ---

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Do it then."""
        self.number += 1
        heapq.heappush(self.calls, (self.now + seconds, self.number, call))

    def say(self, text: str) -> None:
        """A line of the trace. No hash and no number of a later log: with real cryptography those differ from run to run."""
        self.trace.append(f"{(self.now - START) / HOUR:9.3f} h  {text}")

    def name(self, log: int | None) -> str:
        """A log as the trace calls it: its party, and for a later log how manieth of it."""
        if log is None:
            return "nobody"
        for machine in self.machines:
            channel = machine.node.channel
            if log in channel.logs:
                party = channel.party_of(log)
                return channel.charter.parties[party].slug + "'" * sum(
                    one.position == party for one in channel.openings.values() if log in channel.openings
                )
        return "a stranger"

    def run(self) -> Outcome:
        """All of it. Raises Failed."""
        try:
            self.begin()
            end = START + self.days * DAY
            while self.calls and self.calls[0][0] < end:
                self.now, _, call = heapq.heappop(self.calls)
                with suppress(Crash):
                    call()
            self.now = end
            self.end()
        except Violated as error:
            raise Failed(self.seed, error.rule, str(error), self.trace) from error
        except CeasewireError as error:
            raise Failed(self.seed, "no error but those expected", f"{error.code} {error.detail}", self.trace) from error
        except (AssertionError, LookupError, ValueError, TypeError, AttributeError) as error:
            raise Failed(self.seed, "the program breaks", repr(error), self.trace) from error
        return Outcome(self.seed, self.years, self.counts, self.trace, self.liar.kind if self.liar else None)

    @property
    def years(self) -> float:
        """Node-years that are simulated."""
        return self.days * len(self.made.parties) / 365

    def begin(self) -> None:
        """Everyone starts, and what will befall them is drawn."""
        for machine in self.machines:
            machine.open()
            self.start_of(machine)
        if not self.calm:
            self.befalling.plan()
            self.society.plan()
        if self.liar:
            self.liar.plan()

    def start_of(self, machine: Machine) -> None:
        """What goes on at a machine from now on, whether it is up or not."""
        draw = self.draw
        writing, calling = draw.uniform(8, 30) * HOUR, draw.uniform(10, 36) * HOUR
        self.after(draw.uniform(0, HOUR), lambda: self.write(machine, writing))
        self.after(60, lambda: self.look(machine))
        for other in self.called_by(machine):
            self.after(draw.uniform(0, calling), self.calling(machine, other, calling))

    def called_by(self, machine: Machine) -> list[str]:
        """The parties that a machine calls: all others, and a further device its own party's first one too."""
        return [slug for slug in self.made.parties if slug != machine.party.slug or machine.further]

    # --- What people and clocks do ---

    def write(self, machine: Machine, mean: float) -> None:
        """An officer writes, and does so again after a while; the line carries it soon."""
        self.after(self.draw.expovariate(1 / mean), lambda: self.write(machine, mean))
        self.write_once(machine)

    def write_once(self, machine: Machine) -> None:
        """An officer writes; the line carries it soon."""
        if machine.up and not machine.stuck:
            before = self.counts["messages"]
            Officer(machine).write()
            self.counts["messages"] = before + 1
            for other in self.called_by(machine):
                if self.draw.random() < 0.7:
                    self.after(self.draw.uniform(1, 60), partial(self.call, machine, other))

    def look(self, machine: Machine) -> None:
        """The schedule, as carriers.clockwork looks at it: a line check is sent when one is due."""
        self.after(LOOK_SECONDS, lambda: self.look(machine))
        if not machine.up or machine.stuck or machine.node.unsure:
            return
        node = machine.node
        clock, now = machine.clocks().line_check, node.now()
        checked, newest = machine.checked.last(), machine.checked.newest_of_others()
        if checked is not None and checked > now and newest is not None and newest < now:
            return  # sent while the clock was ahead: the next one waits
        if schedule.seconds_to_check(checked, clock, now) == 0 or checked is None:
            sent = machine.act(lambda: node.send("line_check", {}))
            self.checks.acknowledged(machine, [sent])
            self.counts["line checks"] += 1
            self.after(self.tower.draw.uniform(1, 60), partial(self.tower.show, machine))
            self.say(f"{machine.label} checks the line at {sent.index}")

    def calling(self, machine: Machine, other: str, mean: float) -> Callable[[], None]:
        """Call a party again and again."""

        def again() -> None:
            self.after(self.draw.uniform(0.3, 1.7) * mean, again)
            self.call(machine, other)

        return again

    # --- The network ---

    def find(self, slug: str, caller: str) -> Machine | None:
        """The machine that a party's address leads a caller to; None for one that does not listen to it."""
        if self.liar and slug == self.liar.machine.party.slug:
            return None if self.liar.deaf_to(caller) else self.liar.face(caller)
        return next(machine for machine in self.machines if machine.party.slug == slug and machine.addressed)

    def call(self, machine: Machine, slug: str) -> None:
        """A talk with a party, bundle by bundle."""
        if not machine.up or machine.stuck or not machine.speaks_to(slug):
            return
        peer = machine.other(slug)
        if peer is not None:
            self.go_on(Talk(machine, machine.exchange.talk(peer), slug, peer, machine.process), None)

    def go_on(self, talk: Talk, answer: bytes | None) -> None:
        """The next bundle of a talk."""
        machine, steps = talk.machine, talk.steps
        if not machine.up or machine.process != talk.process or not talk.left:
            return
        try:
            data = self.taking(machine, answer, lambda: next(steps) if answer is None else steps.send(answer))
        except StopIteration as end:
            if end.value.received or end.value.receipted:
                self.say(f"{machine.label} has talked with {talk.slug}: {end.value.received} received, {end.value.receipted} receipted")
            return
        except (LocalError, PeerError) as error:
            self.say(f"{machine.label} cannot go on with {self.name(talk.peer)}: {error.code}")
            self.expected(machine, error)
            return
        self.leave(machine, data)
        talk.left -= 1
        self.post(
            machine, talk.slug, data, lambda back: self.go_on(talk, back), lambda code: self.refused(machine, talk.peer, talk.process, code)
        )

    def expected(self, machine: Machine, error: CeasewireError) -> None:
        """An error of a whole bundle, which honest nodes see of each other in a few cases alone."""
        fine = error.code in EXPECTED or self.liar or self.checks.forked
        must(fine, "no error but those expected", f"{machine.label}: {error.code} {error.detail}")

    def refused(self, machine: Machine, peer: int, process: int, code: str) -> None:
        """The other side refused the bundle: if a sealing key is gone, the next goes to the standing one; if it does not know the log, the
        next introduces it."""
        if code == "log.unknown" and machine.up and machine.process == process:
            machine.act(lambda: machine.exchange.introduce(peer))
        if code == "bundle.key_gone" and machine.up and machine.process == process:
            machine.act(lambda: machine.exchange.forget_fresh_key(peer))

    def leave(self, machine: Machine, data: bytes) -> None:
        """A bundle goes to the network."""
        self.counts["bundles"] += 1
        if self.liar and self.liar.told and not machine.honest:
            self.plains.sent(data, machine.label)
        if machine.honest:
            self.checks.leaves(machine, self.plains.within(data))

    def post(
        self, sender: Machine, slug: str, data: bytes, answered: Callable[[bytes], None], refused: Callable[[str], None] | None = None
    ) -> None:
        """Bring a bundle to a party, and its answer back, if the network wants."""
        draw, net = self.draw, self.network
        self.flown = [*self.flown[-_FLOWN:], (slug, data)]
        if draw.random() < net.doubled:
            self.after(draw.uniform(0, 2 * net.delay), lambda: self.stray(slug, data))
        if draw.random() < net.loss or (sender.party.slug, slug) in net.cut:
            self.counts["lost bundles"] += 1
            return
        delay = draw.uniform(0, net.delay) + (draw.uniform(0, 3 * DAY) if draw.random() < net.late else 0)
        self.after(delay, lambda: self.arrive(slug, sender, data, answered, refused))

    def arrive(
        self, slug: str, sender: Machine, data: bytes, answered: Callable[[bytes], None], refused: Callable[[str], None] | None
    ) -> None:
        """As carriers.server: take it, answer it."""
        machine = self.find(slug, sender.party.slug)
        if machine is None or not machine.up:
            return
        try:
            back = self.taking(machine, data, lambda: self.answer(machine, data))
        except (LocalError, PeerError) as error:
            self.say(f"{machine.label} refuses a bundle of {sender.label}: {error.code}")
            self.expected(machine, error)
            if refused:
                code = error.code
                self.after(1, lambda: refused(code))
            return
        self.leave(machine, back)
        net, draw = self.network, self.draw
        if draw.random() < net.loss or (slug, sender.party.slug) in net.cut:
            self.counts["lost bundles"] += 1
            return
        self.after(draw.uniform(0, net.delay), lambda: answered(back))

    def answer(self, machine: Machine, data: bytes) -> bytes:
        """Take a bundle and make the answer."""
        received = machine.exchange.receive(data)
        return machine.exchange.compose(received.sender, echo=hashlib.sha256(data).digest()).data

    def stray(self, slug: str, data: bytes) -> None:
        """A bundle comes once more, or from a stick, and nobody waits for an answer."""
        position = position_of(int.from_bytes(self.plains.within(data)[:4], "big")) or 0
        sender = self.made.channel.charter.parties[position].slug
        machine = self.find(slug, sender)
        if machine and machine.up:
            self.counts["strays"] += 1
            try:
                self.taking(machine, data, lambda: machine.exchange.receive(data))
            except (LocalError, PeerError) as error:
                self.expected(machine, error)

    def taking(self, machine: Machine, data: bytes | None, call: Callable[[], Any]) -> Any:
        """An act in which a bundle is taken, if there is one."""
        if data is not None:
            plain = self.plains.within(data)
            self.checks.bringing = int.from_bytes(plain[:4], "big")
        try:
            found = machine.act(call)
            if self.liar and data is not None and machine.honest and (label := self.plains.by(data)):
                self.liar.heard.add(label)
            return found
        finally:
            self.checks.bringing = None
            self.checks.held(machine)

    def crashed(self, machine: Machine) -> None:
        """A machine's power went; it comes back after a while."""
        self.counts["crashes"] += 1
        self.say(f"{machine.label} crashes")
        self.after(self.draw.choice((5, 60, 2 * HOUR, 20 * HOUR)), lambda: self.reopen(machine))

    def reopen(self, machine: Machine) -> None:
        """A process begins on a machine that is down."""
        if not machine.up and not machine.gone:
            with suppress(Crash):
                machine.open()
                self.say(f"{machine.label} starts{' and is closed' if machine.stuck else ''}")
                self.checks.held(machine)
                if machine.asks_witness and machine.node.unsure:
                    self.tower.awaited(machine)

    def next_boot(self) -> int:
        """The id that the kernel draws at a start of a machine."""
        self.booted += 1
        return self.booted

    # --- Misconduct ---

    def judge(self, machine: Machine, proof: KeptProof) -> None:
        """A proof that a node keeps: it verifies, and it is against the liar."""
        if self.liar:
            self.liar.judge(machine, proof)
        else:
            verdict = open_misconduct(proof.data, self.made.channel)
            must(
                verdict.log in self.checks.forked, "honest and convicted", f"{machine.label} has {verdict.kind} against {verdict.log_name}"
            )

    # --- The end ---

    def end(self) -> None:
        """Faults stop; within three rounds of exchange all are alike."""
        self.ending = True
        self.network = Network(0, 0, 0, 0, 1)
        self.calls.clear()
        self.tower.heard()
        self.befalling.stop()
        self.say("faults stop")
        self.settle()
        self.befalling.put_right()
        self.settle()
        if self.liar:
            self.liar.linger()
        self.now += DAY
        honest = [machine for machine in self.machines if machine.honest]
        for machine in honest:
            must(machine.up, "I9 liveness", f"{machine.label} is down")
            must(
                not machine.stuck and not machine.node.unsure,
                "I9 liveness",
                f"{machine.label}: {machine.node.closed or machine.node.unsure}",
            )
            machine.act(partial(machine.node.send, "line_check", {}))
            self.tower.show(machine)
        self.settle()  # by which what was found out is in the record
        self.checks.whole(honest)
        self.checks.shown(honest)
        self.agreed.alike(honest)
        if self.liar:
            self.liar.convicted(honest)

    def settle(self) -> None:
        """Rounds, until three follow the last in which somebody wrote something by himself."""
        quiet = rounds = 0
        while quiet < ROUNDS:
            rounds += 1
            must(rounds <= MOST_ROUNDS, "I9 liveness", "they do not come to an end")
            quiet = 0 if self.round() else quiet + 1

    def round(self) -> bool:
        """Everyone calls everyone, and has time to answer; whether anybody wrote something by himself."""
        before = self.written()
        for machine in self.machines:
            for slug in self.called_by(machine):
                self.after(1, partial(self.call, machine, slug))
                self.drain()
        return self.written() != before

    def written(self) -> dict[str, int]:
        """How long each machine's own log is."""
        return {machine.label: machine.node.store_size(machine.node.own) for machine in self.machines if machine.up}

    def drain(self) -> None:
        """Until nothing is on its way."""
        while self.calls:
            self.now, _, call = heapq.heappop(self.calls)
            with suppress(Crash):
                call()


EXPECTED = frozenset({"log.closed", "log.replaced", "bundle.key_gone", "log.unknown", "bundle.recipient"})
"""Codes of whole bundles that honest nodes may see of each other: a log closed or replaced, a key gone, a log not known yet."""


def planned(seed: int) -> tuple[float, str | None]:
    """How many node-years a seed is, and what liar is in it."""
    with _world(seed, real=False) as world:
        return world.years, world.liar.kind if world.liar else None


def run(seed: int, *, real: bool | None = None, calm: bool = False) -> Outcome:
    """Run one seed. `real`: with real files and cryptography, every so often by itself; `calm`: bad lines alone. Raises Failed."""
    with _world(seed, real=seed % REAL_EVERY == REAL_EVERY - 1 if real is None else real, calm=calm) as world:
        return world.run()


@contextmanager
def _world(seed: int, *, real: bool, calm: bool = False) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="ceasewire-sim-", dir=MEMORY))
    try:
        with cryptography(real=real) as plains:
            world = World(seed, plains, real=real, folder=folder, calm=calm)
            try:
                yield world
            finally:
                for machine in world.machines:
                    machine.close()
    finally:
        shutil.rmtree(folder)
