"""What a party can make a node do that has real keys and means harm: bundles of its own, validly signed and sealed. FAULTS E13, E14."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from .. import limits
from ..exchange import bundle, seal
from ..exchange.bundle import Contents, Run
from ..node.node import Node
from ..record.message import Body, Message, row
from ..record.words import KINDS
from ..tlog import checkpoint as checkpoints
from ..tlog.checkpoint import Checkpoint, SignedCheckpoint
from ..tlog.merkle import Frontier

_STATEMENT: Final = KINDS["statement"]
_TIME: Final = 1_700_000_000
_PIECE: Final = 30_000


@dataclass(slots=True)
class Attacker:
    """A party's own node, turned against the log `target`; `key` the sealing key that bundles to it are sealed to."""

    node: Node
    target: int
    key: bytes
    counter: int = 2**50  # above whatever its own node has used

    def bundle(self, runs: Sequence[Run] = (), **more: object) -> bytes:
        """A bundle of any contents, validly signed and sealed."""
        self.counter += 1
        fields = {"log": self.node.own, "counter": self.counter, "heads": {}, "runs": runs, **more}
        return bundle.write(
            Contents(**fields).encode(),  # type: ignore[arg-type]
            sender=self.node.own,
            recipient=self.target,
            channel_id=self.node.channel.channel_id,
            sealing_key=self.key,
            sign=self.node.pen.sign_log,
            seal_to=seal.seal,
        )

    def note(self, size: int, root: bytes) -> bytes:
        """A checkpoint of our log under our own signature, true or not."""
        checkpoint = Checkpoint(self.node.names.origin, size, root)
        return SignedCheckpoint(checkpoint, (checkpoints.sign(checkpoint, self.node.names.log[0], self.node.pen.sign_log),)).encode()

    def run(self, start: int, bodies: Iterable[Body], *, true: bool, time: int = _TIME) -> Run:
        """Messages from `start` on; their checkpoint gives their root, or another one."""
        messages = tuple([Message(_STATEMENT, time, {}, os.urandom(16), body) for body in bodies])
        leaves = [row(self.node.own, start + n, message).leaf for n, message in enumerate(messages)]
        root = Frontier.empty().extend(leaves).root() if true and start == 0 else os.urandom(32)
        return Run(self.node.own, start, messages, self.note(start + len(messages), root))


def body(number: int, size: int = 200) -> Body:
    """A statement of about so many bytes."""
    return {0: [], 1: False, 32: f"{number} " + "x" * size}


def nested(number: int) -> Body:
    """A body within its limit that takes eighty times its length in memory once it is decoded."""
    return {0: [], 1: False, 50: number, 60: [[] for _ in range(_PIECE)]}


def nothing(attacker: Attacker) -> list[bytes]:
    """Small bundles that say nothing new, each with a new counter."""
    return [attacker.bundle() for _ in range(64)]


def false_roots(attacker: Attacker) -> list[bytes]:
    """As many messages as a bundle may hold, under a checkpoint that is signed and not theirs."""
    return [attacker.bundle([attacker.run(0, map(body, range(limits.BUNDLE_MESSAGES)), true=False)]) for _ in range(3)]


def false_small(attacker: Attacker) -> list[bytes]:
    """The same with one message each."""
    return [attacker.bundle([attacker.run(0, [body(n)], true=False)]) for n in range(64)]


def bombs(attacker: Attacker) -> list[bytes]:
    """Bodies of nothing but empty arrays, as many as a bundle holds."""
    count = limits.RUN_BYTES // (_PIECE + 200)
    return [attacker.bundle([attacker.run(0, map(nested, range(count)), true=False)]) for _ in range(2)]


def rubbish(attacker: Attacker) -> list[bytes]:
    """The longest contents, in fields of a later version."""
    return [attacker.bundle(evidence=[os.urandom(2**20) for _ in range(15)]) for _ in range(2)]


def ahead(attacker: Attacker) -> list[bytes]:
    """Runs that must wait, each time of other messages: dated beyond every clock."""
    count = limits.SHELF_MESSAGES
    return [attacker.bundle([attacker.run(0, map(body, range(count)), true=True, time=2**33)]) for _ in range(4)]


def gaps(attacker: Attacker) -> list[bytes]:
    """Runs behind a gap that nobody will ever close."""
    return [attacker.bundle([attacker.run(1 + n * 100, map(body, range(100)), true=False)]) for n in range(40)]


def wants(attacker: Attacker) -> list[bytes]:
    """Asking for all that the node holds, over and over."""
    logs = range(len(attacker.node.channel.charter.parties))
    return [attacker.bundle(wants={log: 0 for log in logs if log != attacker.node.own}) for _ in range(32)]


def notes(attacker: Attacker) -> list[bytes]:
    """Notes full of signatures by keys that do not count."""
    note = attacker.note(1, bytes(32))
    return [attacker.bundle(checkpoints=[note] * 40, told=[]) for _ in range(16)]


def polls(attacker: Attacker) -> list[bytes]:
    """Requests that ask to be held: the poster adds the wait."""
    return [attacker.bundle() for _ in range(64)]


ATTACKS: Final[dict[str, Callable[[Attacker], list[bytes]]]] = {
    one.__name__: one for one in (nothing, false_small, false_roots, bombs, rubbish, ahead, gaps, wants, notes, polls)
}
