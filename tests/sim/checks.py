"""What must hold, looked at as it happens: at each commit of an honest machine, at each bundle that leaves one, at the end of each act.

FAULTS.md: I1 (durable acknowledgement), I2 (one pen), I3 (verified before use), I5 (fork is evidence, and nobody honest is convicted), I9
(convergence), I12 (time is a claim). A check looks at what is new, so that a run costs little more than its own work.
"""

from __future__ import annotations

import json
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ceasewire import limits
from ceasewire.exchange.bundle import _PREFIX_BYTES, Run
from ceasewire.node.node import Sent
from ceasewire.record import encoding
from ceasewire.record.kinds import KINDS
from ceasewire.record.values import Cosignature, Row
from ceasewire.store.interface import Change, Refused
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.note import COSIGNATURE_ED25519
from sim.setting import DAY

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World

_LINE_CHECK = KINDS["line_check"]
_RECEIPTS = 16  # the field of a line check
_LATEST = 2**62


class Violated(AssertionError):
    """Something that must hold does not. `rule` names it."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def must(holds: object, rule: str, detail: str = "") -> None:
    """Raises Violated unless it holds."""
    if not holds:
        raise Violated(rule, detail)


@dataclass
class Of:
    """What is known of one machine, and must not go back while nobody puts an old store in its place."""

    counters: dict[int, int] = field(default_factory=dict)  # peer -> highest bundle counter that it took
    frozen: dict[int, int] = field(default_factory=dict)  # log -> index from which on none is taken
    taken: Counter[tuple[int, int]] = field(default_factory=Counter)  # (log, day) -> messages that their own log brought
    receipts: dict[tuple[int, int], int] = field(default_factory=dict)  # (own log, cosigner) -> size that a line check wrote down


class Checks:
    """All that a world checks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.of: dict[str, Of] = defaultdict(Of)
        self.entries: dict[tuple[int, int], Row] = {}  # of honest logs, as their own machine wrote them
        self.voids: dict[bytes, str | None] = {}  # leaf -> void, as whoever admitted it first found
        self.had: defaultdict[tuple[int, int], int] = defaultdict(int)  # (party, log) -> size that a log of the party's has seen of it
        self.rests: dict[int, dict[bytes, int]] = defaultdict(dict)
        self.acked: dict[int, int] = {}  # log -> how many messages its node said it has
        self.receipted: dict[int, int] = {}  # log -> size that another's cosignature came back for
        self.roots: dict[tuple[int, int], bytes] = {}  # (log, size) -> the root that left under its own key
        self.spent: dict[tuple[int, int], bytes] = {}  # (log, counter) -> the bundle that left under it
        self.signed: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)  # (by, log, kind) -> (time, size), by time
        self.notes: set[bytes] = set()  # that left before
        self.forked: set[int] = set()  # logs of which a machine was cloned or put back whole: what they sign is counted apart
        self.recounted: set[int] = (
            set()
        )  # logs whose machine was put back whole, and asked before it signed: a bundle's counter may come twice
        self.ahead: dict[str, int] = {}  # machine -> its log, of which the witness said that it cosigned more, or another
        self.now: Machine | None = None
        self.bringing: int | None = None  # the log whose bundle is being taken

    # --- Acts ---

    def acting(self, machine: Machine) -> None:
        """An act begins."""
        self.now = machine

    def acknowledged(self, machine: Machine, sent: Sequence[Sent]) -> None:
        """The node said that it has these messages."""
        log = machine.node.own
        self.acked[log] = max(self.acked.get(log, 0), sent[-1].index + 1)
        self.held(machine)

    def held(self, machine: Machine) -> None:
        """I1: what a node said it has is there, and it is what was written; looked at after each act and each start."""
        if not machine.honest or not machine.up:
            return
        log = machine.node.own
        state = machine.disk.states().get(log)
        if log in self.acked and log not in machine.world.lost | self.forked:
            must(state and state.size >= self.acked[log], "I1 durable ack", f"{machine.label} had {self.acked[log]} messages")

    def put_back(self, machine: Machine) -> None:
        """An old store is in the place of this machine's."""
        before = self.of[machine.label]
        self.of[machine.label] = Of(receipts=before.receipts)  # in its log's entries, which nobody turns back
        self.ahead.pop(machine.label, None)

    def put_back_whole(self, machine: Machine, *, asks: bool) -> None:
        """A machine was put back whole. If it asks before it signs, and everyone else has what had left it, nothing can go wrong; else its
        log may be forked, and is counted apart. Of receipts that it gave and has lost, the log that they are of can tell, and no third
        (spec/keys.md, 30)."""
        log = machine.node.own
        left = max((size for of, size in self.roots if of == log), default=0)
        others = [one for one in self.world.machines if one is not machine]
        given = [(of, size) for (by, of, _), line in self.signed.items() if by == log for _, size in line]
        gone = {of for of, size in given if size > machine.disk.covered(of).get(log, 0)}
        told = all(one.node.own == of for of in gone for one in others)
        strict = asks and told and not self.world.liar and all(_size(one, log) >= left for one in others)
        (self.recounted if strict else self.forked).add(log)
        self.world.counts["whole restores that cannot fork" if strict else "whole restores that may fork"] += 1

    def overtaken(self, machine: Machine) -> None:
        """The witness told a machine that it cosigned more of its log than is there, or another history. What an officer has said to it in
        this start stands."""
        if not machine.honest:
            return
        log = machine.node.own
        must(log in self.forked | self.recounted | self.world.lost, "an honest log is another to nobody", f"{machine.label}: {log}")
        if machine.overruled_in != machine.boot:
            self.ahead[machine.label] = log
            self.world.counts["warned by the witness"] += 1

    def vouched(self, machine: Machine) -> None:
        """An officer says that a machine was not put back."""
        machine.vouched_in = machine.boot
        if self.ahead.pop(machine.label, None) == machine.node.own:
            machine.overruled_in = machine.boot

    def turned_back(self, machine: Machine) -> None:
        """A power cut took what others will say again (Change.lasting): what peers said stands where the disk has it."""
        self.of[machine.label].counters = {number: peer.counter_in for number, peer in machine.disk.peers().items()}

    # --- At each commit ---

    def committed(self, machine: Machine, change: Change) -> None:
        """A change is durable."""
        if not machine.honest:
            return
        self._rows(machine, change)
        self._states(machine, change)
        for one in change.cosignatures:
            self._cosigned(machine, one)
        self._peers(machine, change)
        for state in change.states:
            self._accused(machine, state.number, state.frozen)
        self._frozen(machine)
        for proof in getattr(change, "proofs", ()):
            self.world.judge(machine, proof)
        if change.refused:
            self._refused(machine, change)

    def _rows(self, machine: Machine, change: Change) -> None:
        own = machine.node.own
        known = self.of[machine.label].frozen
        for log, index in {one.log: one.index for one in reversed(change.rows)}.items():  # a run may go on beyond, and what does is void
            must(index < known.get(log, _LATEST), "frozen", f"{machine.label} takes {log}/{index}, of which there are two")
        for one in change.rows:
            if one.log == own:
                self._own_row(machine, one, change)
                self.world.agreed.own(machine, one)
            else:
                self._their_row(machine, one)
            self._alike(machine, one)
            self.world.agreed.taken(machine, one)

    def _own_row(self, machine: Machine, one: Row, change: Change) -> None:
        """I2, I12: what we write has seen what we hold and cosigned, and nothing more."""
        party, seen = machine.node.channel.party_of(one.log), encoding.sizes(encoding.decode(one.seen))
        self.had.update({(party, log): max(size, self.had[party, log]) for log, size in seen.items()})
        self._sure(machine, f"writes {one.index}")
        if one.log in self.forked:
            return
        disk = machine.disk
        for log, size in seen.items():
            state = disk.states().get(log)
            must(state and size <= state.size, "seen is held", f"{machine.label}/{one.index} saw {size} of {log}")
            if state and not state.frozen and log in machine.node.channel.logs:
                must(size <= disk.covered(log).get(one.log, 0), "seen is cosigned", f"{machine.label}/{one.index} saw {size} of {log}")
        if one.kind == _LINE_CHECK:
            self._line_check(machine, one)

    def _sure(self, machine: Machine, what: str) -> None:
        """After a start nothing is signed before the witness was asked, where it is, or while it says that it knows another log than this;
        but an officer may decide otherwise."""
        waits = machine.waits and machine.vouched_in != machine.boot
        must(not waits, "the witness's word comes first", f"{machine.label} {what}")
        must(self.ahead.get(machine.label) != machine.node.own, "a witness is heeded", f"{machine.label} {what}")

    def _line_check(self, machine: Machine, one: Row) -> None:
        """A line check writes down what others receipted of our log, if it was not written before."""
        body: Any = encoding.decode(one.body, limits.BODY_BYTES)
        written = {(item[1], item[3]): item[2] for item in body.get(_RECEIPTS, []) if item[4] == COSIGNATURE_ED25519}
        known = self.of[machine.label].receipts
        known |= {key: max(size, known.get(key, 0)) for key, size in written.items()}
        channel = machine.node.channel
        for by, size in machine.disk.covered(one.log).items():
            if by in channel.logs and channel.party_of(by) != channel.party_of(one.log):
                must(
                    known.get((one.log, by), 0) >= min(size, one.index),
                    "receipts in line checks",
                    f"{machine.label}/{one.index}: {size} by {by}",
                )

    def _their_row(self, machine: Machine, one: Row) -> None:
        """I3, I12: what we take of others is not ahead of our clock, nor more than a day's quota beyond what our party had."""
        now = int(machine.clock())
        must(one.time <= now + limits.CLOCK_TOLERANCE_SECONDS, "hold.clock", f"{machine.label} took one that is {one.time - now} s ahead")
        channel = machine.node.channel
        if self.bringing == one.log and one.index >= self.had[channel.party_of(machine.node.own), one.log]:
            taken = self.of[machine.label].taken
            taken[one.log, now // DAY] += 1
            must(taken[one.log, now // DAY] <= self.world.society.quota, "quota", f"{machine.label} took more of {one.log} than a day's")

    def _alike(self, machine: Machine, one: Row) -> None:
        """One message is one message everywhere, void for everyone or for nobody, and a `rest` stands once."""
        if one.log not in self.world.lying_logs and one.log not in self.forked:
            known = self.entries.setdefault((one.log, one.index), one)
            if one.log in self.recounted and one.log == machine.node.own and known.leaf != one.leaf:
                known = self.entries[one.log, one.index] = one  # the first never left; if it did, two roots leave for one size
            must(known.leaf == one.leaf, "one history", f"{machine.label} holds another {one.log}/{one.index}")
        void = self.voids.setdefault(one.leaf, one.void)
        must(
            void == one.void or self.world.agreed.torn(),
            "void alike",
            f"{machine.label} finds {one.log}/{one.index} {one.void}, others {void}",
        )
        if one.log in self.world.lying_logs:
            first = self.rests[one.log].setdefault(one.rest, one.index)
            must(first >= one.index or one.void is not None, "rest once", f"{machine.label}: {one.log}/{one.index} stands")

    def _states(self, machine: Machine, change: Change) -> None:
        """A log holds as many entries as its state says, and its kept checkpoints are of that tree."""
        roots = {(one.log, one.size): one.root for one in change.checkpoints}
        for state in {one.number: one for one in change.states}.values():
            must(machine.disk.row(state.number, state.size) is None, "no gap", f"{machine.label}: {state.number} beyond its size")
            must(
                not state.size or machine.disk.row(state.number, state.size - 1),
                "no gap",
                f"{machine.label}: {state.number} below its size",
            )
            root = roots.get((state.number, state.size))
            must(root in (None, state.frontier.root()), "root checked", f"{machine.label}: {state.number} of size {state.size}")
        if len(change.rows) > 0:
            logs = {one.log for one in change.rows}
            must(logs <= {state.number for state in change.states}, "no gap", machine.label)

    def _cosigned(self, machine: Machine, one: Cosignature) -> None:
        """I1: a receipt is committed with the entries that it is for, or after them."""
        if one.by == machine.node.own:
            self._sure(machine, f"cosigns {one.size} of {one.log}")
            state = machine.disk.states().get(one.log)
            must(state and state.size >= one.size, "receipt is durable", f"{machine.label} cosigns {one.size} of {one.log}")
        elif one.log == machine.node.own and one.by >= 0 and one.by not in self.world.lying_logs:
            self.receipted[one.log] = max(one.size, self.receipted.get(one.log, 0))

    def _peers(self, machine: Machine, change: Change) -> None:
        """What a peer's newest bundle said is not turned back by an older one."""
        counters = self.of[machine.label].counters
        for peer in change.peers:
            if peer.number in counters and peer.number not in self.forked and peer.number not in self.world.lying_logs:
                must(peer.counter_in >= counters[peer.number], "replay", f"{machine.label}: what {peer.number} says went back")
            counters[peer.number] = peer.counter_in

    def _accused(self, machine: Machine, log: int, frozen: str | None) -> None:
        """I5: nobody honest is convicted."""
        if frozen and log not in self.world.lying_logs:
            must(log in self.forked, "honest and accused", f"{machine.label} freezes {log}: {frozen}")
            self.world.counts["forks of clones found"] += 1

    def _frozen(self, machine: Machine) -> None:
        """From which index on nothing more is taken of a log that showed two histories."""
        known, disk = self.of[machine.label].frozen, machine.disk
        for log, state in disk.states().items():
            if state.frozen and log in self.world.lying_logs:
                bounds = [one.from_index for one in disk.proofs() if one.log == log and one.from_index is not None]
                known[log] = min(bounds, default=max(state.size, known.get(log, 0)))

    def _refused(self, machine: Machine, change: Change) -> None:
        """What an honest device brings is not refused, but of a log that showed two histories; where nobody lies, nothing."""
        for one in change.refused:
            self.world.say(f"{machine.label} refuses {self.world.name(one.log)}: {one.code} {one.detail}")
            fine = {one.log, self.bringing} & (self.world.lying_logs | self.forked) or self._saw_another(one)
            must(fine, "honest and refused", f"{machine.label} refuses {one.log}: {one.code} {one.detail}")

    def _saw_another(self, one: Refused) -> bool:
        """Whether a run is dated before what it has seen of a log that may have two histories: while one alone is known here, it is like
        back-dating. It comes again, and is taken once that log is frozen (spec/bundle.md 29); else I9 does not hold at the end."""
        if one.code != "log.time" or "has seen" not in one.detail:
            return False
        seen = {log for message in Run.decode(one.data).messages for log in message.seen}
        return bool(seen & (self.world.lying_logs | self.forked))

    # --- At each bundle that leaves ---

    def leaves(self, machine: Machine, plain: bytes) -> None:
        """A bundle of an honest machine goes to the network."""
        length = int.from_bytes(plain[68:72], "big")
        contents: Any = encoding.decode(plain[_PREFIX_BYTES : _PREFIX_BYTES + length], limits.BUNDLE_CONTENTS_BYTES, limits.CONTAINER_DEPTH)
        log, counter = contents[1], contents[2]
        before = self.spent.setdefault((log, counter), plain)
        must(before == plain or log in self.forked | self.recounted, "I2 one counter", f"{machine.label}: {counter} twice")
        for run in contents[4]:
            self._leaving_note(machine, run[3])
        for note in contents[5]:
            self._leaving_note(machine, note)

    def _leaving_note(self, machine: Machine, data: bytes) -> None:
        if data in self.notes:
            return
        self.notes.add(data)
        note, channel = SignedCheckpoint.parse(data), machine.node.channel
        names = channel.by_origin(note.checkpoint.origin)
        must(names, "known origin", note.checkpoint.origin)
        assert names
        log, size, root = names.number, note.checkpoint.size, note.checkpoint.root
        if log == machine.node.own and log not in self.forked:
            must(self.roots.setdefault((log, size), root) == root, "I2 one pen", f"{machine.label} signed two roots for {size}")
            kept = machine.disk.checkpoint(log, size)
            must(kept and kept.root == root, "I1 durable before it leaves", f"{machine.label}: size {size}")
        for line in note.lines:
            found = channel.cosigner(line.name, line.key_id)
            if found and found[0] == machine.node.own and found[0] not in self.forked:
                self._receipt_leaves(machine, log, size, root, (found[1].kind, int.from_bytes(line.blob[:8], "big")))

    def _receipt_leaves(self, machine: Machine, log: int, size: int, root: bytes, by: tuple[int, int]) -> None:
        """I1, I2: what is receipted is here, durably; the receipts of one key grow with time."""
        kind, time = by
        state = machine.disk.states().get(log)
        kept = machine.disk.checkpoint(log, size)
        must(state and state.size >= size and kept and kept.root == root, "receipt is durable", f"{machine.label}: {size} of {log}")
        line = self.signed[machine.node.own, log, kind]
        if (time, size) not in line:
            insort(line, (time, size))
            place = line.index((time, size))
            before = line[place - 1][1] if place else 0
            after = min((one for _, one in line[place + 1 :]), default=_LATEST)
            must(before <= size <= after, "cosignatures grow", f"{machine.label}: {size} of {log} at {time}")

    # --- At the end ---

    def whole(self, machines: Sequence[Machine]) -> None:
        """I1, I9: what was acknowledged is everywhere, and all hold the same."""
        for log, size in self.receipted.items():
            if log not in self.forked and log not in self.world.lying_logs:
                for machine in machines:
                    must(_size(machine, log) >= size, "I1 receipted and kept", f"{machine.label} lacks {log}/{size - 1}")
        for log, size in self.acked.items():
            if log not in self.forked and log not in self.world.lying_logs and log not in self.world.lost:
                for machine in machines:
                    must(_size(machine, log) >= size, "I1 durable ack", f"{machine.label} lacks {log}/{size - 1}")
        frozen = {log for machine in machines for log, state in machine.disk.states().items() if state.frozen}
        apart = frozen & (self.world.lying_logs | self.forked)  # of which each may hold another history
        held = [self._held(machine, apart) for machine in machines]
        for machine, one in zip(machines, held, strict=True):
            must(one == held[0], "I9 same entries", f"{machine.label} {one}, {machines[0].label} {held[0]}")

    def _held(self, machine: Machine, apart: Collection[int]) -> Mapping[int, object]:
        """Of every log on whose entries all must agree, its tree."""
        states = machine.disk.states().items()
        return {log: (state.size, state.frontier.hashes) for log, state in states if state.size and log not in apart}

    def shown(self, machines: Sequence[Machine]) -> None:
        """I9: lists and cases are the same, byte for byte."""
        views = [shown(machine) for machine in machines]
        for machine, view in zip(machines, views, strict=True):
            must(view == views[0], "I9 same record", f"{machine.label} shows another record than {machines[0].label}")


def _size(machine: Machine, log: int) -> int:
    state = machine.disk.states().get(log)
    return state.size if state else 0


def shown(machine: Machine) -> bytes:
    """All that a person is shown of the record."""
    node = machine.node
    listed = [one for one in node.messages() if one["void"] != "log.two_faces"]  # of which each may hold another one
    return json.dumps([listed, node.cases()], sort_keys=True).encode()
