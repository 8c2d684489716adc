"""Officers and what parties agree on in the course of a world: releases, `keys` entries, amendments, further devices, keys that are worn.

All of it is drawn apart from the rest of the world (`society/SEED`), so that a seed in which nothing of it happens is the run that it was
before there was any.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ceasewire.errors import LocalError
from ceasewire.node.composing import in_force, releases_needed
from ceasewire.node.drafts import Draft, make
from ceasewire.node.node import Node, Prepared, Sent
from ceasewire.record import encoding
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.authority import AMENDMENT, InForce
from ceasewire.record.charter import ALGORITHMS
from ceasewire.record.draft import amended
from ceasewire.record.message import RELEASES
from ceasewire.record.release import recovery_item
from ceasewire.record.words import KINDS
from helpers import START
from signers import TestOfficer, make_officer
from sim.checks import must
from sim.machine import Crash, Machine
from sim.officers import REFUSED_TO_US
from sim.setting import DAY, QUOTA, later_seeds, officers_of

if TYPE_CHECKING:
    from sim.world import World

HOUR = 3600
UNTIL = START + 400 * DAY  # the end of an officer's release
RAISED = 20  # messages a day by which an amendment may raise the quota at the most
WITH_OFFICERS, AMENDING, WITH_DEVICES, WITH_WORN_KEYS = 0.25, 0.2, 0.12, 0.12  # how many worlds
MISTAKEN = 0.08  # of messages of parties with officers, how many lack a release or bear one that has ended
MOST_DEVICES = 2
BASE, NAMED = 16, 17  # fields of an amendment
NO_CHANGES = encoding.encode({})


class Society:
    """What is agreed in one world, and by whom."""

    def __init__(self, world: World, *, calm: bool) -> None:
        self.world = world
        self.draw = random.Random(f"society/{world.seed}")
        chances = [self.draw.random() for _ in range(4)]
        self.officers, self.amending, self.devices, self.worn = (
            not calm and chance < most
            for chance, most in zip(chances, (WITH_OFFICERS, AMENDING, WITH_DEVICES, WITH_WORN_KEYS), strict=True)
        )
        self.keys: dict[bytes, TestOfficer] = {}  # officer's id -> who it is
        self.made = 0
        self.quota = QUOTA  # the highest that anybody proposed
        self.fewest: dict[int, int] = {}  # kind -> the fewest officers that anybody proposed

    def start(self) -> None:
        """The officers of the charter."""
        if self.officers:
            everyone = [one for slug in self.world.made.parties for one in officers_of(slug)]
            self.keys = {one.officer.id: one for one in everyone}

    def plan(self) -> None:
        """Draw what will happen, and when."""
        days = self.world.days
        if self.officers:
            self.often(0.3, self.change_officers)
        if self.amending:
            self.often(0.25, self.propose)
            self.often(1.5, self.assent)
        if self.devices:
            for _ in range(self.draw.choice((1, 1, MOST_DEVICES))):
                self.world.after(self.draw.uniform(0.05, 0.6) * days * DAY, self.join)
        if self.worn:
            self.world.after(self.draw.uniform(0.1, 0.9) * days * DAY, self.rotate)

    def often(self, a_day: float, call: Callable[[], None]) -> None:
        """Let it happen so often a day."""

        def again() -> None:
            self.world.after(self.draw.expovariate(a_day) * DAY, again)
            call()

        self.world.after(self.draw.expovariate(a_day) * DAY, again)

    def any(self, *, signatory: bool = False) -> Machine | None:
        """One of the machines that keep to the rules, if it can write now; of a party whose assent counts. Nobody sits at a twin."""
        there = [one for one in self.world.machines if one.honest and one is not self.world.befalling.twin]
        found = [one for one in there if one.party.role == "party" or not signatory]
        machine = self.draw.choice(found)
        return machine if machine.up and not machine.stuck and not machine.node.unsure else None

    # --- Releases ---

    def may_refuse(self, machine: Machine) -> frozenset[str]:
        """Codes for which a node may refuse a message of its own party: too few officers are left."""
        return frozenset({"release.missing"}) if self.officers and machine.party.role == "party" else frozenset()

    def send(self, machine: Machine, drafts: Sequence[tuple[str, Any]]) -> list[Sent]:
        """Send messages, each released by as many officers as it takes, if the machine's party has officers."""
        if not self.officers or machine.party.role != "party":
            return machine.node.send_many(drafts)
        return machine.node.send_prepared([self.released(machine.node, kind, json) for kind, json in drafts])

    def released(self, node: Node, kind: str, json: Any, *, few: bool = False, until: int = UNTIL) -> Prepared:
        """A message of the node's party with its releases; by too few officers or with releases that have ended, if so said."""
        draft, force = make(node, kind, json, self.draw.randbytes(16)), in_force(node)
        needed = releases_needed(force, draft.kind, draft.body) - few
        there = [self.keys[key] for key in sorted(force.officers) if key in self.keys]
        signing = self.draw.sample(there, max(0, min(needed, len(there))))
        asked = draft.asked(node)
        return Prepared(draft.kind, {**draft.body, RELEASES: [one.item(asked, until) for one in signing]}, draft.seed)

    def by_recovery(self, machine: Machine, draft: Draft) -> Prepared:
        """A `keys` message that the party's recovery key releases."""
        signed = draft.asked(machine.node).message(UNTIL)
        signatures = [machine.party.signers["recovery", algorithm](signed) for algorithm in ALGORITHMS]
        item = recovery_item(machine.party.card.recovery[0], UNTIL, signatures)
        return Prepared(draft.kind, {**draft.body, RELEASES: [item]}, draft.seed)

    def mistake(self, machine: Machine) -> None:
        """A message that lacks a release, or bears one that has ended, is refused by its own node."""
        node, few = machine.node, self.draw.random() < 0.5
        prepared = self.released(node, "statement", {"text": "Too soon."}, few=few, until=UNTIL if few else START - 1)
        self.world.counts["messages without their releases"] += 1
        try:
            machine.act(lambda: node.send_prepared([prepared]))
        except LocalError as error:
            fine = {"release.missing"} if few else {"release.missing", "release.invalid"}
            must(error.code in fine | REFUSED_TO_US, "a message needs its releases", f"{machine.label}: {error.code}")
        else:
            must(False, "a message needs its releases", f"{machine.label} sends one without")

    # --- Acts of parties ---

    def act(self, machine: Machine, what: str, prepare: Callable[[], list[Prepared]]) -> bool:
        """Send what is prepared in one act; whether it was."""
        try:
            sent = machine.act(lambda: machine.node.send_prepared(prepare()))
        except LocalError as error:
            if error.code not in REFUSED_TO_US | self.may_refuse(machine):
                raise
            self.world.say(f"{machine.label} is refused {what}: {error.code}")
            return False
        except Crash:
            return False
        self.world.checks.acknowledged(machine, sent)
        self.world.counts[what] += 1
        self.world.say(f"{machine.label} sends {what} at {sent[0].index}")
        return True

    def change_officers(self) -> None:
        """A party names an officer or revokes one."""
        machine = self.any(signatory=True)
        if machine is None:
            return
        if self.draw.random() < MISTAKEN * 4:
            self.mistake(machine)
        elif machine.up:
            self.act(machine, "officers changed", lambda: [self._change(machine)])

    def _change(self, machine: Machine) -> Prepared:
        node, draw, slug = machine.node, self.draw, machine.party.slug
        there = sorted(in_force(node).officers)
        json: dict[str, Any] = {"reason": f"{self.made}"}
        if len(there) > 2 and draw.random() < 0.55:
            json["revoke"] = [draw.choice(there).hex()]
        else:
            self.made += 1
            new = make_officer(slug, f"officer-{self.made}", "duty_officer")
            self.keys[new.officer.id] = new
            json["officers"] = [new.json]
        if draw.random() < 0.2:
            json["duty_telephone"] = f"+1 {draw.randrange(10**6)}"
        if len(there) < 2 or draw.random() < 0.2:
            return self.by_recovery(machine, make(node, "keys", json, draw.randbytes(16)))
        return self.released(node, "keys", json)

    def propose(self) -> None:
        """A party proposes an amendment, and so assents to it."""
        machine = self.any(signatory=True)
        if machine:
            self.act(machine, "amendments proposed", lambda: [self._proposal(machine)])

    def _proposal(self, machine: Machine) -> Prepared:
        node, force = machine.node, in_force(machine.node)
        while (changes := changes_between(force.charter, amended(force.charter, self._terms()))) == NO_CHANGES:
            pass  # what is in force already nobody proposes
        named = amendment_hash(node.channel.channel_id, force.base, changes)
        return self._assent(node, force, named, {"changes": base64.b64encode(changes).decode()})

    def _terms(self) -> dict[str, Any]:
        draw = self.draw
        self.made += 1
        which = draw.choice(("provisions", "quotas", "clocks", *(("releases", "officers") if self.officers else ())))
        if which == "quotas" and (self.world.liar is None or self.world.liar.kind != "flooder"):
            quota = QUOTA + draw.randrange(1, RAISED)
            self.quota = max(self.quota, quota)
            return {"quotas": {"messages_per_log_and_day": quota}}
        if which == "releases":
            kind, fewer = draw.choice(("statement", "notification", "request")), draw.choice((1, 2, 3))
            self.fewest[KINDS[kind]] = min(fewer, self.fewest.get(KINDS[kind], fewer))
            return {"releases": {kind: fewer}}
        if which == "officers":
            parties = [party.slug for party in self.world.made.parties.values() if party.role == "party"]
            new = make_officer(draw.choice(parties), f"officer-{self.made}", "commander")
            self.keys[new.officer.id] = new
            return {"officers": [new.toml, *(one.toml for slug in parties for one in officers_of(slug))]}
        if which == "clocks":
            return {"clocks": {"reply": DAY + 60 * self.made}}
        return {"provisions": [{"id": str(self.made), "text": "As agreed on the telephone."}]}

    def assent(self) -> None:
        """A party assents to what another proposed."""
        machine = self.any(signatory=True)
        force = in_force(machine.node) if machine else None
        if machine is None or force is None:
            return
        party = machine.node.channel.party_of(machine.node.own)
        found: dict[bytes, set[int]] = {}
        for one in machine.node.store.governing():
            body: Any = encoding.decode(one.body, 2**20)
            if one.kind == AMENDMENT and body[BASE] == force.base:
                found.setdefault(body[NAMED], set()).add(machine.node.channel.party_of(one.log))
        open_ones = sorted(named for named, parties in found.items() if party not in parties)
        if open_ones:
            named = self.draw.choice(open_ones)
            self.act(machine, "assents", lambda: [self._assent(machine.node, in_force(machine.node), named, {}, base=force.base)])

    def _assent(self, node: Node, force: InForce, named: bytes, more: dict[str, Any], *, base: bytes | None = None) -> Prepared:
        json = {"base": (base or force.base).hex(), "amendment": named.hex(), **more}
        return self.released(node, "amendment", json)

    # --- Devices and keys ---

    def join(self) -> None:
        """A party gets a further device, in a folder that one of its devices made."""
        machine = self.any()
        if machine is None or machine.further:
            return
        self.made += 1
        device = Machine(self.world, machine.party, f"{machine.party.slug}-device-{self.made}")
        device.addressed, device.further, device.gone = False, True, True
        device.openings = machine.disk.openings()
        device.begin_later(later_seeds(self.world.seed, device.label), None, [])
        self.world.machines.append(device)
        device.open()
        self.world.counts["further devices"] += 1
        self.world.say(f"{machine.party.slug} has a further device, {device.label}")
        self.world.start_of(device)
        self.world.befalling.care(device)

    def rotate(self) -> None:
        """A device's keys are worn: a new log follows its own."""
        machine = self.any()
        if machine is None:
            self.world.after(6 * HOUR, self.rotate)
            return
        self.world.counts["rotations"] += 1
        self.world.befalling.renew(machine)
