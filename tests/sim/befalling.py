"""What befalls the machines and the lines: crashes, power cuts, restores, clones, lost disks, clocks that jump, partitions, replays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ceasewire.exchange import bundle
from sim.machine import POINTS, Crash, Fault, Image, Machine
from sim.setting import DAY, later_seeds

if TYPE_CHECKING:
    from sim.world import World

HOUR = 3600
PUT_BACK = 0.4  # of those worlds without another loss, how many have a machine put back whole and started anew


class Befalling:
    """The faults of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.draw = world.draw
        self.images: dict[str, list[Image]] = defaultdict(list)
        self.seeds = 0
        self.twin: Machine | None = None
        self.twin_of: Machine | None = None
        self.known_restored: set[str] = set()

    def plan(self) -> None:
        """Draw what will happen, and when."""
        draw, world = self.draw, self.world
        self.often(draw.choice((0, 0.3, 1.5)), self.crash)
        self.often(draw.choice((0, 0.1, 0.4)), self.partition)
        self.often(draw.choice((0, 0.1, 0.3)), self.jump)
        self.often(draw.choice((0, 0.5, 2)), self.replay)
        self.often(draw.choice((0, 0.1, 0.5)), self.stick)
        self.often(0.4, self.keep)
        for machine in world.machines:
            self.care(machine)
        if draw.random() < 0.45:
            when = draw.uniform(0.2, 0.8) * world.days * DAY
            world.after(when, draw.choice((self.restore, self.restore, self.lose, self.restore_whole, self.restore_whole, self.clone)))
        elif world.boots.random() < PUT_BACK:
            world.after(world.boots.uniform(0.3, 0.9) * world.days * DAY, self.restore_booting)
        elif world.boots.random() < PUT_BACK:
            world.after(world.boots.uniform(0.3, 0.9) * world.days * DAY, self.restore_witnessed)

    def often(self, a_day: float, call: Callable[[], None]) -> None:
        """Let it happen so often a day."""
        if not a_day:
            return

        def again() -> None:
            self.world.after(self.draw.expovariate(a_day) * DAY, again)
            call()

        self.world.after(self.draw.expovariate(a_day) * DAY, again)

    def any(self) -> Machine:
        """One of the machines that keep to the rules."""
        return self.draw.choice([machine for machine in self.world.machines if machine.honest])

    # --- Faults that pass ---

    def crash(self) -> None:
        """A process will die at one of its next commits, or its power goes now."""
        machine = self.any()
        if not machine.up:
            return
        if self.draw.random() < 0.2:
            machine.crash()
        else:
            machine.fault = Fault(self.draw.choice((1, 1, 1, 2, 3)), self.draw.choice(POINTS))

    def partition(self) -> None:
        """A line is cut for a while, in one direction or in both."""
        net, draw = self.world.network, self.draw
        one, other = draw.sample([machine.party.slug for machine in self.world.machines], 2)
        cut = {(one, other)} | ({(other, one)} if draw.random() < 0.6 else set())
        net.cut |= cut
        self.world.counts["partitions"] += 1
        self.world.say(f"the line {one} to {other} is cut{' one way' if len(cut) == 1 else ''}")

        def heals() -> None:
            net.cut -= cut

        self.world.after(draw.choice((HOUR, 12 * HOUR, 3 * DAY, 10 * DAY)), heals)

    def jump(self) -> None:
        """A clock jumps, and is put right after a while."""
        machine, draw = self.any(), self.draw
        by = draw.choice((-DAY, -HOUR, -300, 300, 1500, HOUR, DAY)) * draw.uniform(0.5, 1)
        machine.clock.offset += by
        self.world.counts["clock jumps"] += 1
        self.world.say(f"the clock of {machine.label} jumps by {by:.0f} s")

        def righted() -> None:
            machine.clock.offset -= by

        self.world.after(draw.choice((HOUR, 6 * HOUR, DAY)), righted)

    def replay(self) -> None:
        """A bundle of long ago comes again."""
        if self.world.flown:
            slug, data = self.draw.choice(self.world.flown)
            with suppress(KeyError):  # so old that what is in it was forgotten
                self.world.stray(slug, data)

    def stick(self) -> None:
        """Bundles go by hand: written to a stick, read days later, perhaps twice."""
        machine, world = self.any(), self.world
        others = [slug for slug in world.made.parties if slug != machine.party.slug]
        slug = self.draw.choice(others)
        if not machine.up or machine.stuck or machine.other(slug) is None:
            return
        peer = machine.other(slug)
        assert peer is not None
        data, _ = machine.act(lambda: machine.exchange.write_file(peer))
        world.counts["sticks"] += 1
        for _ in range(self.draw.choice((0, 1, 1, 2))):
            world.after(self.draw.uniform(0, 4) * DAY, lambda: self.read(slug, data))
        self.pieces(machine, data)

    def pieces(self, machine: Machine, data: bytes) -> None:
        """Each bundle of a stick has left the machine."""
        at = 0
        while at < len(data):
            one = bundle.split(data, at)
            self.world.leave(machine, one)
            at += len(one)

    def read(self, slug: str, data: bytes) -> None:
        """A stick is read."""
        at = 0
        while at < len(data):
            one = bundle.split(data, at)
            with suppress(KeyError):
                self.world.stray(slug, one)
            at += len(one)

    def keep(self) -> None:
        """A backup is made."""
        machine = self.any()
        if machine.up:
            image = machine.image()
            image.brought = next((data for slug, data in reversed(self.world.flown) if slug == machine.party.slug), b"")
            self.images[machine.label] = [*self.images[machine.label][-6:], image]

    # --- Losses ---

    def restore(self) -> None:
        """An old store is put in the place of a machine's, whose pen stays."""
        machine = self.any()
        images = self.images[machine.label]
        if not images or not machine.up:
            return
        machine.let_go()
        machine.put_store(self.draw.choice(images).tables)
        self.after_loss(machine, "restores")
        self.world.say(f"{machine.label}: its store is put back from a backup")
        self.world.after(60, lambda: self.world.reopen(machine))

    def after_loss(self, machine: Machine, what: str) -> None:
        """What was acknowledged and never left may be gone."""
        self.world.counts[what] += 1
        self.world.checks.put_back(machine)
        self.world.lost.add(machine.node.own)
        self.world.lost_at = self.world.now
        self.world.losers.add(machine.label)

    def lose(self) -> None:
        """A disk is lost, and a new one begins a log that follows the lost one."""
        machine = self.any()
        if not machine.up or not machine.memory:
            return
        machine.let_go()
        self.after_loss(machine, "lost disks")
        self.world.say(f"{machine.label}: its disk is lost")
        machine.forget()
        self.world.after(self.draw.uniform(1, 40) * HOUR, lambda: self.renew(machine))

    def restore_booting(self) -> None:
        """A whole machine is put back and started anew; and mostly somebody sits there and writes before any line was looked at. The bundle
        that had come last when the backup was made may come once more."""
        found = self._restored_whole(asks=True)
        if found is None:
            return
        machine, image = found
        if self.world.boots.random() < 0.8:
            self.world.after(70 + self.world.boots.uniform(1, 1800), partial(self.world.write_once, machine))
        if image.brought and machine.addressed and self.world.boots.random() < 0.7:
            self.world.after(65, partial(self.read, machine.party.slug, image.brought))

    def restore_whole(self) -> None:
        """A whole machine is put back: store, pen and randomness. Its next start asks others first; or it is a snapshot that runs on and
        knows of nothing, and what it then signs is counted apart."""
        self._restored_whole(asks=False)

    def _restored_whole(self, *, asks: bool) -> tuple[Machine, Image] | None:
        """Which machine it was and what was put back, if there was a backup; it always asks if `asks`."""
        machine = self.any()
        images = self.images[machine.label]
        if not images or not machine.up:
            return None
        image = self.draw.choice(images)
        machine.let_go()
        asks = asks or self.draw.random() < 0.6
        self._put_whole(machine, image, asks=asks)
        return machine, image

    def _put_whole(self, machine: Machine, image: Image, *, asks: bool) -> None:
        machine.put_whole(image, boots=asks)
        self.known_restored.add(machine.label)
        self.after_loss(machine, "whole restores")
        self.world.checks.put_back_whole(machine, asks=asks)
        self.world.say(f"{machine.label} is put back whole{'' if asks else ' and does not know it'}")
        self.world.after(60, lambda: self.world.reopen(machine))

    def restore_witnessed(self) -> None:
        """A machine is put back whole to just before its last words, which only the witness was shown, and started anew. It asks the
        witness and its peers at once; these know nothing of those words, and may answer first. And somebody writes."""
        machine, world = self.any(), self.world
        if not machine.up or machine.stuck or machine.node.unsure:
            return
        image = machine.image()
        machine.act(partial(machine.node.send, "line_check", {}))
        world.tower.show(machine)
        machine.let_go()
        machine.asks_witness, machine.witness_takes = True, 60.0
        self._put_whole(machine, image, asks=True)
        for seconds in (61.0, 90.0):
            for slug in world.called_by(machine):
                world.after(seconds, partial(world.call, machine, slug))
        for seconds in (70.0, 110.0, 150.0, HOUR, DAY):
            world.after(seconds, partial(world.write_once, machine))

    def clone(self) -> None:
        """A machine runs twice, with the same keys, until somebody notices."""
        machine = self.any()
        if not machine.up:
            return
        image = machine.image()
        twin = Machine(self.world, machine.party, f"{machine.label}-clone")
        twin.clock, twin.addressed, twin.further = machine.clock, False, machine.further
        twin.put_store(image.tables)
        twin.put_pen(image.pen)
        if machine.overruled_in == machine.boot:
            twin.overruled_in = twin.boot
        if self.draw.random() < 0.5:
            twin.draw.setstate(image.draw)
        self.world.checks.forked.add(machine.node.own)
        twin.open()
        self.world.machines.append(twin)
        self.twin, self.twin_of = twin, machine
        self.world.counts["clones"] += 1
        self.world.say(f"{machine.label} runs twice")
        self.world.start_of(twin)

    def care(self, machine: Machine) -> None:
        """Somebody sits at the machine."""
        self.world.after(0, partial(self.heal, machine))

    def heal(self, machine: Machine) -> None:
        """People look at their machine twice a day: one that is closed gets new keys, and of two alike the second is switched off. One that
        nobody has confirmed for long they confirm themselves, but not if it was put back."""
        self.world.after(self.draw.uniform(8, 16) * HOUR, lambda: self.heal(machine))
        self.look_at(machine)

    def look_at(self, machine: Machine) -> None:
        """As people do."""
        if not machine.up or not machine.honest:
            return
        if self.twin and machine is self.twin_of and (machine.stuck or self.twin.stuck):
            self.switch_off(self.twin)
            if not machine.stuck:
                self.renew(machine)
        if machine.node.closed == "log.closed":
            self.renew(machine)
        elif machine.node.unsure and machine.label not in self.known_restored and self.draw.random() < 0.5:
            self.world.checks.vouched(machine)
            machine.act(lambda: machine.node.confirm("officer"))
            self.world.say(f"{machine.label}: an officer says that it was not put back")

    def switch_off(self, twin: Machine) -> None:
        """The second of two machines with one key is no more."""
        if twin.up:
            twin.let_go()
        twin.gone = True
        self.world.machines.remove(twin)
        twin.close()
        self.twin = None
        self.world.say(f"{twin.label} is switched off")

    # --- Successors: as renewal.rotate ---

    def renew(self, machine: Machine) -> None:
        """Open a log that follows the machine's own; its process is started anew with the new keys."""
        old = machine.node.own
        if machine.up:
            sealing = [machine.node.pen.sealing_seed(), *(machine.node.pen.unseal(key.sealed) for key in machine.disk.fresh_keys(old))]
            machine.let_go()
        else:
            sealing = []
        self.seeds += 1
        try:
            machine.begin_later(later_seeds(self.world.seed, machine.label, self.seeds), old, sealing)
        except Crash:
            self.world.say(f"{machine.label} crashes while it opens a log")
        if machine.gone:  # nothing had happened
            self.world.after(HOUR, lambda: self.renew(machine))
            return
        self.world.reopen(machine)
        if machine.up and machine.node.own != old:
            self.images.pop(machine.label, None)  # a backup of before is another log's, and nobody's who knows what he does
            self.world.counts["successors"] += 1
            self.world.say(f"{machine.label} opens {self.world.name(machine.node.own)}")

    # --- The end ---

    def stop(self) -> None:
        """Everything that is wrong is put right: power, clocks, closed logs."""
        world = self.world
        latest = 0
        if self.twin:
            self.switch_off(self.twin)
        for machine in world.machines:
            machine.fault = None
            machine.clock.offset = 0.0
            if machine.gone:
                self.renew(machine)
            if not machine.up:
                world.reopen(machine)
            latest = max([latest, *(state.time for state in machine.disk.states().values())])
        world.now = max(world.now, latest + 1) + DAY  # nobody is ahead any more, and the day's quota is new
        self.put_right()

    def put_right(self) -> None:
        """Closed logs get successors; so does a log that a clone forked, once others have found it out."""
        convicted = {log for machine in self.world.machines for log, state in machine.disk.states().items() if state.frozen}
        for machine in self.world.machines:
            forked = machine.node.own in convicted & self.world.checks.forked
            # One that is unsure still has a liar alone to confirm it.
            if machine.honest and (machine.node.closed == "log.closed" or forked or machine.node.unsure):
                self.renew(machine)
