"""What must hold of officers, charters and attestations: looked at as rows are committed, and at the end.

Nothing here asks `record.authority`: who releases, who assents and what a guarantor attests is read from the messages themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ceasewire.node.withholding import Claim, said_in
from ceasewire.record.authority import AMENDMENT
from ceasewire.record.charter import UNRELEASED
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import RELEASES, message_of
from ceasewire.record.release import KEYS, STANCE, needed
from ceasewire.record.values import Row
from sim.checks import must
from sim.liars import HISTORIES

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World

_BASE, _NAMED = 16, 17  # fields of an amendment
_REVOKED = 18  # field of a `keys` message
_LINE_CHECK = KINDS["line_check"]


class Agreed:
    """What is known of one world's officers and amendments."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.leaves: set[bytes] = set()  # that were looked at
        self.assents: dict[tuple[bytes, bytes], set[int]] = defaultdict(set)  # base and hash -> parties that assented
        self.attested: dict[tuple[int, int, int], int] = {}  # (by, what, log) -> size that a guarantor attested

    # --- As rows are committed ---

    def own(self, machine: Machine, one: Row) -> None:
        """An honest node writes nothing that others find void, and attests nothing of honest devices. (Where a log showed two histories it
        keeps the code by which those would admit it who were shown what it was; record.review says what all come to.)"""
        forked = one.void is not None and any(state.frozen for state in machine.disk.states().values())
        must(one.void is None or forked, "honest and void", f"{machine.label}/{one.index}: {one.void}")
        if one.kind == _LINE_CHECK and machine.party.role == "guarantor":
            for claim in said_in(message_of(one).body):
                self._attested(machine, one, claim)

    def _attested(self, machine: Machine, one: Row, claim: Claim) -> None:
        liar = claim.by in self.world.lying_logs
        must(liar or claim.by in self.world.checks.forked, "honest and attested", f"{machine.label}/{one.index}: {claim}")
        key = claim.by, claim.what, claim.log
        self.attested[key] = max(claim.size, self.attested.get(key, 0))
        self.world.counts["claims of withholding"] += 1
        self.world.say(f"{machine.label} attests that {self.world.name(claim.by)} withholds ({claim.what}) {self.world.name(claim.log)}")

    def taken(self, machine: Machine, one: Row) -> None:
        """What stands of a party that has officers bears enough releases, none by one whom its own log had revoked."""
        if one.leaf in self.leaves or one.void is not None:
            return
        self.leaves.add(one.leaf)
        party = machine.node.channel.party_of(one.log)
        if one.kind == AMENDMENT:
            body: Any = message_of(one).body
            self.assents[body[_BASE], body[_NAMED]].add(party)
        if self.world.society.officers and machine.node.channel.charter.parties[party].role == "party":
            self._released(machine, one)

    @staticmethod
    def _revokes(one: Row) -> Any:
        body: Any = message_of(one).body
        return body.get(_REVOKED, ())

    def _released(self, machine: Machine, one: Row) -> None:
        if one.kind in UNRELEASED:
            return
        body: Any = message_of(one).body
        by = {item[0] for item in body[RELEASES]}
        if one.kind == KEYS and (not by or not by <= self.world.society.keys.keys()):
            return  # a later log's first message, or the recovery key's
        fewest = self.world.society.fewest
        least = min(needed({}, one.kind, body.get(STANCE)), needed(fewest, one.kind, body.get(STANCE)))
        must(len(by) >= least, "a message needs its releases", f"{machine.label}: {one.log}/{one.index} has {len(by)} of {least}")
        before = [row for row in machine.disk.governing() if row.log == one.log and row.index < one.index and row.kind == KEYS]
        revoked: set[Any] = {key for row in before for key in self._revokes(row)}
        must(not by & revoked, "revoked officers release nothing", f"{machine.label}: {one.log}/{one.index}")

    def torn(self) -> bool:
        """Whether two histories of a log may differ in what they say of officers or charters: then nodes that were shown one or the other
        admit others' messages with other codes, until record.review makes them alike."""
        society, liar = self.world.society, self.world.liar
        two = bool(self.world.checks.forked) or (liar is not None and liar.told and liar.expected == HISTORIES)
        return two and (society.officers or society.amending)

    # --- At the end ---

    def alike(self, machines: Sequence[Machine]) -> None:
        """Who may speak for whom, and which charter governs, is the same everywhere; and to a charter that governs all have assented."""
        views = [self._authority(machine) for machine in machines]
        for machine, view in zip(machines, views, strict=True):
            for log in view.keys() | views[0].keys():
                must(view.get(log) == views[0].get(log), "authority alike", f"{machine.label} and {machines[0].label} differ of {log}")
        for base in {view[2] for found in views for view in found.values()} - {self.world.made.channel.channel_id}:
            self._amended(base)

    def _authority(self, machine: Machine) -> dict[int, tuple[Any, ...]]:
        node, states = machine.node, machine.disk.states()
        sizes = {log: state.size for log, state in states.items()}
        authority = node.reviews.now(node.channel)
        found = {}
        for log, state in states.items():
            if log in node.channel.logs and not state.frozen:
                force = authority.now(log, sizes)
                found[log] = (sorted(force.officers), force.charter.encode(), force.base, force.asked, force.telephone, force.url)
        return found

    def _amended(self, base: bytes) -> None:
        self.world.counts["amendments in force"] += 1
        parties = {n for n, party in enumerate(self.world.made.channel.charter.parties) if party.role == "party"}
        found = [by for (_, named), by in self.assents.items() if named == base]
        must(any(by >= parties for by in found), "all assented", f"{base.hex()[:8]}: {found}")
