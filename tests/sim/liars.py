"""Parties that lie with their real keys: the node's own code where it serves the lie, and past it where that refuses to lie.

A liar is honest until its lie begins. `expected` names the proofs of which one must convict it at every honest node once the lie has
reached them; none is expected of lies that break no signed promise (who is silent, deaf or talks nonsense), of which nothing must come but
delay.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Contents, Run
from ceasewire.exchange.session import Span
from ceasewire.node.exchange import Exchange
from ceasewire.record import encoding
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import Message, message_of, row
from ceasewire.record.misconduct import TAG, open_misconduct
from ceasewire.record.values import LogState
from ceasewire.store.interface import Change, KeptCheckpoint, KeptProof, Store
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from sim.checks import must
from sim.machine import Machine, SimNode
from sim.setting import DAY, QUOTA

if TYPE_CHECKING:
    from sim.world import World

HOUR = 3600
HISTORIES = ("two_faces", "two_leaves", "rewrite")


class LyingNode(SimNode):
    """It never closes its own log, whatever it is shown; and may date its receipts as it likes."""

    earlier = 0  # seconds by which its receipts are dated back

    def close_log(self, change: Change, why: str = "") -> None:
        """It goes on."""

    def _why_closed(self) -> str | None:
        return None

    def cosign(self, change: Change, checkpoint: Checkpoint, log: int, time: int, *, both: bool) -> None:
        """See Node."""
        super().cosign(change, checkpoint, log, time - self.earlier, both=both)


class LyingExchange(Exchange):
    """It may keep its newest messages from some."""

    def __init__(self, lie: Lie, node: LyingNode) -> None:
        super().__init__(node)
        self.lie = lie

    def spans(self, peer: int, covered: Mapping[int, int] | None = None) -> list[Span]:
        """See Exchange."""
        found = super().spans(peer, covered)
        return [] if self.lie.shuns(self.node.channel.party(peer).slug) else found

    def _open(self, data: bytes) -> tuple[int, Contents, bytes]:
        """See Exchange."""
        sender, contents, key_id = super()._open(data)
        return sender, replace(contents, runs=[run for run in contents.runs if not self.lie.drops(run.log)]), key_id


class LyingMachine(Machine):
    """A liar's machine."""

    lie: Lie

    def made_node(self, store: Store, pen: Any, channel: Any, own: int) -> SimNode:
        """See Machine."""
        SimNode.machine = self
        node = LyingNode(store, pen, channel, own, clock=self.clock, random=self.draw.randbytes)
        node.machine = self
        return node

    def speaks_to(self, slug: str) -> bool:
        """See Machine."""
        return self.lie.face(slug) is self and not self.lie.deaf_to(slug)

    def made_exchange(self) -> Exchange:
        """See Machine."""
        assert isinstance(self.node, LyingNode)
        return LyingExchange(self.lie, self.node)


class Lie:
    """One liar and its lie."""

    kind = "liar"
    expected: tuple[str, ...] = ()
    parties = 2  # that it takes at the least
    faces_heard = 1  # of how many of our machines somebody must have heard, before there is anything to find

    def __init__(self, world: World, machine: LyingMachine) -> None:
        self.world, self.draw, self.machine = world, world.draw, machine
        self.began = 0.0  # when
        self.heard: set[str] = set()  # those of our machines of which anybody honest took a bundle that was written since
        self.told = False  # whether the lie was told, and can reach others
        self.found: dict[str, set[str]] = defaultdict(set)  # honest machine -> kinds of proofs against us that it keeps
        machine.lie = self

    def plan(self) -> None:
        """When it begins."""
        self.world.after(self.draw.uniform(0.25, 0.7) * self.world.days * DAY, self.try_to_begin)

    def try_to_begin(self) -> None:
        """Begin, or later if it is not possible yet."""
        if self.told or self.world.ending:
            return
        if not self.machine.up or not self.begin():
            self.world.after(4 * HOUR, self.try_to_begin)
        else:
            self.told, self.began = True, self.world.now
            self.world.say(f"{self.machine.label} begins to lie: {self.kind}")

    def begin(self) -> bool:
        """Tell the lie; whether it could be told."""
        raise NotImplementedError

    def face(self, to: str) -> Machine:
        """The machine that a party reaches at our address."""
        return self.machine

    def faces(self) -> Sequence[Machine]:
        """All of our machines."""
        return [self.machine]

    def shuns(self, slug: str) -> bool:
        """Whether that party gets nothing from us."""
        return False

    def deaf_to(self, slug: str) -> bool:
        """Whether nothing of that party is taken."""
        return False

    def drops(self, log: int) -> bool:
        """Whether entries of a log are dropped unread."""
        return False

    def linger(self) -> None:
        """What it takes, when faults have stopped, for others to say what we do."""

    # --- The verdict ---

    def judge(self, machine: Machine, proof: KeptProof) -> None:
        """A proof that an honest node keeps."""
        verdict = open_misconduct(proof.data, self.world.made.channel)  # as a stranger who has the charter alone
        must(verdict.log == proof.log, "honest and convicted", f"{machine.label}: the proof is against {verdict.log}")
        if proof.log in self.world.checks.forked:
            return
        must(proof.log in self.world.lying_logs, "honest and convicted", f"{machine.label} has {verdict.kind} against {verdict.log_name}")
        self.found[machine.label].add(verdict.kind)
        self.world.say(f"{machine.label} keeps a proof: {verdict.kind}")

    def convicted(self, honest: Sequence[Machine]) -> None:
        """After all: every honest node has convicted us, if there is something to convict us of."""
        self.world.counts[f"told {self.kind}"] += self.told
        if not self.told or not self.expected:
            return
        if len(self.heard) < self.faces_heard:
            self.world.counts["lies that reached nobody"] += 1
            return
        if self.world.lost_at > self.began and not any(self.found[machine.label] for machine in honest):
            self.world.counts["evidence lost with a store"] += 1
            return
        for machine in honest:
            kinds = self.found[machine.label]
            must(kinds & set(self.expected), "liar missed", f"{machine.label} has no proof of {self.kind} but {sorted(kinds)}")
        self.world.counts[f"convicted {self.kind}"] += 1

    # --- Tools ---

    def held_by_others(self) -> int:
        """How much of our log some honest node holds."""
        honest = [machine for machine in self.world.machines if machine.honest]
        sizes = [machine.disk.states()[self.log].size for machine in honest if self.log in machine.disk.states()]
        return max(sizes, default=0)

    @property
    def log(self) -> int:
        """The number of our log."""
        return self.machine.node.own

    def state(self) -> LogState | None:
        """Where our log stands at ourselves."""
        return self.machine.disk.states().get(self.log)

    def forge(self, message: Message) -> None:
        """Append a message past everything that the node would do about it."""
        node, state = self.machine.node, self.state()
        assert state
        one = row(self.log, state.size, message)
        after = LogState(self.log, state.frontier.extend([one.leaf]), max(state.time, message.time), message.seen)
        change = Change(signed=True)
        node.keep(change, state, [one], after)
        checkpoint = Checkpoint(node.names.origin, after.size, after.frontier.root())
        lines = node.sign_checkpoint(checkpoint, after.time, both=False)
        change.checkpoints.append(KeptCheckpoint(self.log, after.size, checkpoint.root, lines))
        self.machine.act(lambda: node.commit(change))

    def statement(self, time: int, seen: Mapping[int, int]) -> Message:
        """A harmless message with these."""
        kind, body = self.machine.node.read("statement", {"text": "In good faith."})
        return Message(kind, time, dict(sorted(seen.items())), self.draw.randbytes(16), body)

    def held(self) -> dict[int, int]:
        """What we hold of others, and have cosigned."""
        disk, own = self.machine.disk, self.log
        found = {log: disk.covered(log).get(own, 0) for log in disk.states() if log != own}
        return {log: size for log, size in found.items() if size}

    def send_raw(self, to: str, **said: Any) -> None:
        """A bundle of anything to a party."""
        node, peer = self.machine.node, self.machine.other(to)
        if peer is None:
            return
        counter = node.next_counter()
        data = bundle.write(
            Contents(**{"log": self.log, "counter": counter, "heads": {}, **said}).encode(),
            sender=self.log,
            recipient=peer,
            channel_id=node.channel.channel_id,
            sealing_key=node.channel.logs[peer].sealing,
            sign=node.pen.sign_log,
            seal_to=seal.seal,
        )
        self.world.after(1, lambda: self.world.stray(to, data))

    def others(self) -> list[str]:
        """The other parties."""
        return [slug for slug in self.world.made.parties if slug != self.machine.party.slug]


class Equivocator(Lie):
    """Two machines with one key: one face for one party, another for the rest."""

    kind, expected, parties, faces_heard = "equivocator", HISTORIES, 3, 2

    def begin(self) -> bool:
        if not self.held_by_others():
            return False
        self.other = LyingMachine(self.world, self.machine.party, f"{self.machine.label}-2", honest=False)
        self.other.lie = self
        self.other.clock = self.machine.clock
        image = self.machine.image()
        self.other.put_store(image.tables)
        self.other.put_pen(image.pen)
        self.other.open()
        self.world.machines.append(self.other)
        self.special = self.draw.choice(self.others())
        equal = self.draw.random() < 0.5
        for machine, count in ((self.machine, 1), (self.other, 1 if equal else 3)):
            texts = [("statement", {"text": f"{machine.label} {n}"}) for n in range(count)]
            machine.act(lambda machine=machine, texts=texts: self.world.society.send(machine, texts))  # type: ignore[misc]
        self.world.start_of(self.other)
        return True

    def face(self, to: str) -> Machine:
        return self.other if self.told and to == self.special else self.machine

    def faces(self) -> Sequence[Machine]:
        return [self.machine, self.other] if self.told else [self.machine]


class Rewriter(Lie):
    """It puts back its own log, which others hold already, and writes it anew."""

    kind, expected = "rewriter", HISTORIES

    def plan(self) -> None:
        self.image: Any = None
        self.at = 0
        self.world.after(self.draw.uniform(0.1, 0.4) * self.world.days * DAY, self.keep)
        super().plan()

    def keep(self) -> None:
        """Remember how things stand."""
        if not self.machine.up:
            self.world.after(HOUR, self.keep)
            return
        state = self.state()
        self.image, self.at = self.machine.image(), state.size if state else 0

    def begin(self) -> bool:
        if self.image is None or not self.at or self.held_by_others() <= self.at:
            return False
        self.machine.let_go()
        self.machine.put_store(self.image.tables)
        self.machine.put_pen(self.image.pen)
        self.machine.open()
        self.machine.act(lambda: self.world.society.send(self.machine, [("statement", {"text": f"Never said {n}."}) for n in range(2)]))
        return True


class BackDater(Lie):
    """An entry of an earlier time than the one before it."""

    kind, expected = "back-dater", ("back_dating",)

    def begin(self) -> bool:
        state = self.state()
        if state is None or not state.size:
            return False
        self.forge(self.statement(state.time - self.draw.choice((1, 5000)), state.seen))
        return True


class BackDaterOfSeen(Lie):
    """An entry of an earlier time than one that it has seen."""

    kind, expected = "back-dater of seen", ("back_dating",)

    def begin(self) -> bool:
        state, held = self.state(), self.held()
        if state is None or not state.size:
            return False
        disk = self.machine.disk
        newest = max((self._time(disk, log, size) for log, size in held.items()), default=0)
        if newest <= state.time + 1:
            return False
        self.forge(self.statement(max(state.time, newest - 600), held))
        return True

    @staticmethod
    def _time(disk: Store, log: int, size: int) -> int:
        one = disk.row(log, size - 1)
        return one.time if one else 0


class FalseSeen(Lie):
    """It says that it has not seen what it receipted, or what it had seen before."""

    kind, expected = "false seen", ("false_seen",)

    def begin(self) -> bool:
        state, held = self.state(), self.held()
        if state is None or not state.size or not state.seen:
            return False
        time = max(int(self.machine.clock()), state.time) + 1
        if self.draw.random() < 0.5:
            less = {log: size - 1 for log, size in state.seen.items() if size > 1}
            self.forge(self.statement(time, less))
            return True
        if not any(size > state.seen.get(log, 0) for log, size in held.items()):
            return False
        self.forge(self.statement(time + 1, state.seen))
        return True


class Shrinker(Lie):
    """Its receipts for more are dated before those for less."""

    kind, expected = "shrinking receipts", ("shrinking_receipt",)

    def begin(self) -> bool:
        if not self.held():
            return False
        assert isinstance(self.machine.node, LyingNode)
        self.machine.node.earlier = 2 * self.world.days * DAY
        self.since = dict(self.held())
        return True

    def convicted(self, honest: Sequence[Machine]) -> None:
        """It lies with each receipt that it gives; without one after it began there was no lie."""
        self.told = self.told and any(size > self.since.get(log, 0) > 0 for log, size in self.held().items())
        super().convicted(honest)


class ReUser(Lie):
    """It sends a message a second time, with the same fields and so with the same release."""

    kind, expected = "release re-user", ("reused_release",)

    def begin(self) -> bool:
        state = self.state()
        found = [] if state is None else self.machine.disk.rows(self.log, 0, state.size)
        statements = [one for one in found if one.kind == KINDS["statement"] and one.void is None]
        if state is None or not statements:
            return False
        before = message_of(self.draw.choice(statements))
        now = max(int(self.machine.clock()), state.time)
        self.forge(Message(before.kind, now, state.seen, before.seed, before.body))
        return True


class Flooder(Lie):
    """More messages in a day than the charter allows."""

    kind, expected = "flooder", ("flood",)

    def begin(self) -> bool:
        texts = [("statement", {"text": f"{n}"}) for n in range(QUOTA + QUOTA // 2)]
        clock = self.machine.clock()
        if clock % DAY > 20 * HOUR:
            return False
        for start in range(0, len(texts), 10):
            self.machine.act(lambda start=start: self.world.society.send(self.machine, texts[start : start + 10]))  # type: ignore[misc]
        return True


class Withholder(Lie):
    """It neither takes nor answers what one party sends, and sends it nothing."""

    kind, parties = "withholder", 3

    def begin(self) -> bool:
        self.victim = self.draw.choice(self.others())
        return True

    def shuns(self, slug: str) -> bool:
        return self.told and slug == self.victim

    deaf_to = shuns


class Hider(Lie):
    """It keeps its messages from one party, and goes on to talk with it as if there were none."""

    kind, parties = "hider", 3

    begin = Withholder.begin
    shuns = Withholder.shuns


class Tamperer(Lie):
    """It sends runs that are not what it signed: other messages, gaps, other roots, other people's logs."""

    kind = "tamperer"

    def begin(self) -> bool:
        state = self.state()
        if state is None or state.size < 2:
            return False
        self.again()
        return True

    def again(self) -> None:
        """One more each few hours."""
        if self.machine.up and not self.world.ending:
            self.tell()
        self.world.after(self.draw.uniform(2, 20) * HOUR, self.again)

    def tell(self) -> None:
        """One bundle of nonsense."""
        disk, node, to = self.machine.disk, self.machine.node, self.draw.choice(self.others())
        state, kept = self.state(), disk.newest_checkpoint(self.log)
        assert state
        assert kept
        start = self.draw.randrange(max(0, kept.size - 3), kept.size)
        messages = [message_of(one) for one in disk.rows(self.log, start, kept.size)]
        note = node.note(kept).encode()
        other = replace(messages[-1], seed=self.draw.randbytes(16))
        known = [log for log in disk.states() if log != self.log]
        runs = [
            Run(self.log, start, (*messages[:-1], other), note),
            Run(self.log, start + 1, tuple(messages), note),
            Run(self.log, kept.size, (other,), self.signed(kept.size + 1, self.draw.randbytes(32))),
            Run(self.draw.choice(known) if known else self.log, kept.size, (other,), note),
        ]
        self.send_raw(to, runs=[self.draw.choice(runs)])

    def signed(self, size: int, root: bytes) -> bytes:
        """A checkpoint of anything under our key."""
        node = self.machine.node
        checkpoint = Checkpoint(node.names.origin, size, root)
        text = checkpoint.text().encode() + b"\n" + node.sign_checkpoint(checkpoint, int(self.machine.clock()), both=False)
        return SignedCheckpoint.parse(text).encode()


class Framer(Tamperer):
    """It sends proofs against honest devices, made of what they really signed."""

    kind = "framer"

    def tell(self) -> None:
        disk, node, draw = self.machine.disk, self.machine.node, self.draw
        logs = [log for log in disk.states() if log != self.log and disk.newest_checkpoint(log)]
        if not logs:
            return
        log = draw.choice(logs)
        kept = [disk.next_checkpoint(log, draw.randrange(1, 30)) or disk.newest_checkpoint(log) for _ in range(2)]
        notes: list[encoding.Value] = [node.note(one).encode() for one in kept if one]
        bare: list[encoding.Value] = [only_first_line(note) for note in notes if isinstance(note, bytes)]
        ours = [node.note(one).encode() for size in (1, 2, 3) if (one := disk.checkpoint(self.log, size))]
        receipts: list[encoding.Value] = [self.log, *ours[:2]]
        nowhere: list[encoding.Value] = [draw.randbytes(32)]
        of_kinds: list[tuple[int, list[encoding.Value]]] = [
            (1, bare), (1, notes), (3, [*bare, nowhere]), (3, [*bare, []]), (6, receipts), (6, [log, *bare]),
        ]  # fmt: skip
        kind, parts = draw.choice(of_kinds)
        proof = encoding.encode([TAG, node.channel.channel_id, kind, log, parts, []], 16)
        to = draw.choice(self.others())
        self.send_raw(to, proofs=[proof, hashlib.sha256(proof).digest()])


def only_first_line(note: bytes) -> bytes:
    """A note with the log's own Ed25519 line alone."""
    signed = SignedCheckpoint.parse(note)
    return replace(signed, lines=signed.lines[:1]).encode()


LIES: tuple[type[Lie], ...] = (
    Equivocator, Equivocator, Rewriter, Rewriter, BackDater, BackDaterOfSeen, FalseSeen, Shrinker, ReUser, Flooder, Withholder, Hider,
    Tamperer, Framer,
)  # fmt: skip
