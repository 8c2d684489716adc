"""A party that lies with its real keys: it signs whatever a test wants.

liar = Liar(pair.made, 0)
liar.add(statement(text="one"))
pair.south.receive(liar.bundle(1, liar.run()))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Contents, Run
from ceasewire.record.card import Algorithm
from ceasewire.record.message import Message, row
from ceasewire.record.values import LogState
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.note import SignatureLine
from helpers import START, TestChannel


class Liar:
    """One log's keys and one history of it. A second Liar of the same log is a second history."""

    def __init__(self, made: TestChannel, log: int) -> None:
        self.made = made
        self.log = log
        self.messages: list[Message] = []
        self.counter = 2**50  # above whatever the honest node of the same log has used

    def add(self, *messages: Message) -> Liar:
        """Go on with the history."""
        self.messages += messages
        return self

    def fork(self, at: int, *messages: Message) -> Liar:
        """Another history of the same log, which is the same up to an index."""
        other = Liar(self.made, self.log).add(*self.messages[:at], *messages)
        other.counter = self.counter + 2**20
        return other

    def state(self, size: int) -> LogState:
        """The history's first entries."""
        leaves = [row(self.log, n, message).leaf for n, message in enumerate(self.messages[:size])]
        return replace(self.made.empty(self.log), frontier=self.made.empty(self.log).frontier.extend(leaves))

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        """Over that many entries, or all; unsigned."""
        state = self.state(len(self.messages) if size is None else size)
        return self.made.checkpoint(self.log, state.size, state.frontier.root())

    def own_line(self, checkpoint: Checkpoint, algorithm: Algorithm = "ed25519", time: int = START) -> SignatureLine:
        """Our signature over a checkpoint."""
        return self.made.log_line(checkpoint, self.log, algorithm, time)

    def note(self, checkpoint: Checkpoint | None = None, *lines: SignatureLine) -> bytes:
        """A checkpoint (of all entries, if none is given) under our signature and these lines."""
        found = checkpoint or self.checkpoint()
        return SignedCheckpoint(found, (self.own_line(found), *lines)).encode()

    def run(self, start: int = 0, stop: int | None = None, note: bytes | None = None) -> Run:
        """Entries start..stop-1 under their checkpoint, or under another note."""
        end = len(self.messages) if stop is None else stop
        return Run(self.log, start, tuple(self.messages[start:end]), note or self.note(self.checkpoint(end)))

    def contents(self, *runs: Run, **more: Any) -> Contents:
        """What a bundle of ours says; `more` are its other fields."""
        self.counter += 1
        return Contents(**{"log": self.log, "counter": self.counter, "heads": {}, "runs": runs, **more})

    def bundle(self, to: int, *runs: Run, **more: Any) -> bytes:
        """A bundle of ours for a log."""
        return self.made.bundle(self.contents(*runs, **more), to)

    def sealed(self, to: int, contents: bytes, **other: Any) -> bytes:
        """A bundle of any bytes; `other` replaces sender, recipient, channel_id, sealing_key or sign."""
        known: dict[str, Any] = {
            "sender": self.log,
            "recipient": to,
            "channel_id": self.made.channel.channel_id,
            "sealing_key": self.made.channel.logs[to].sealing,
            "sign": self.made.party(self.log).signers["log", "ed25519"],
            "seal_to": seal.seal,
        }
        return bundle.write(contents, **{**known, **other})

    def receipt(self, checkpoint: Checkpoint, time: int = START, algorithm: Algorithm = "ed25519") -> bytes:
        """A note of another's log as we would send it: its author's line, and our receipt."""
        names = self.made.channel.by_origin(checkpoint.origin)
        if names is None:
            raise LookupError(checkpoint.origin)
        author = self.made.log_line(checkpoint, names.number)
        return SignedCheckpoint(checkpoint, (author, self.made.receipt_line(checkpoint, self.log, algorithm, time))).encode()


def signed_by(made: TestChannel, signer: Callable[[bytes], bytes], checkpoint: Checkpoint, by: int, time: int) -> SignatureLine:
    """A receipt in one log's name, made by any signer."""
    return checkpoints.sign(checkpoint, made.channel.logs[by].receipt[0], signer, time)


def corrupt(data: bytes, at: int) -> bytes:
    """One bit flipped."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def several(count: int, messages: Callable[[int], Message]) -> Sequence[Message]:
    """Messages made from 0, 1, ..."""
    return [messages(n) for n in range(count)]
