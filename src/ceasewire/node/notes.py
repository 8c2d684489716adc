"""Signed checkpoints as they arrive: whose they are, what they prove, and what to keep of them. PROTOCOL sections 6 and 8.

A checkpoint that contradicts what we hold is evidence. Of another's log, it freezes that log: both checkpoints are kept. Of our own log,
it shows that our store is older than what had left it: our log closes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import PeerError
from ..exchange.bundle import Run
from ..record import encoding
from ..record.values import Cosignature
from ..store.interface import Change, KeptCheckpoint, Refused
from ..tlog import checkpoint as checkpoints
from ..tlog.checkpoint import Checkpoint, SignedCheckpoint
from ..tlog.note import SignatureLine
from .around import Pending
from .node import lines_bytes

if TYPE_CHECKING:
    from .node import Node


class NoteReader:
    """Reads the notes of one bundle into its change."""

    def __init__(self, node: Node, pending: Pending, change: Change) -> None:
        self.node = node
        self.pending = pending
        self.change = change

    def author(self, run: Run) -> Checkpoint:
        """The checkpoint that ends a run, its author's signature verified. Raises PeerError checkpoint.*, note.malformed, sig.*, log.fork."""
        signed = SignedCheckpoint.parse(run.checkpoint)
        checkpoint = signed.checkpoint
        if checkpoint.origin != self.node.channel.logs[run.log].origin:
            raise PeerError("checkpoint.origin")
        if checkpoint.size != run.start + len(run.messages):
            raise PeerError("log.root", f"a checkpoint of size {checkpoint.size} for entries up to {run.start + len(run.messages)}")
        self._own_lines(run.log, signed)
        self._compare(run.log, signed)
        return checkpoint

    def keep(self, run: Run) -> None:
        """Keep the checkpoint of a run that was admitted, and the cosignatures that came with it."""
        self._keep(run.log, SignedCheckpoint.parse(run.checkpoint))

    def take(self, note: bytes) -> None:
        """Keep a checkpoint and its cosignatures if we hold that much of its log. Raises as `author`."""
        signed = SignedCheckpoint.parse(note)
        names = self.node.channel.by_origin(signed.checkpoint.origin)
        if names is None:
            raise PeerError("checkpoint.origin")
        log, size = names.number, signed.checkpoint.size
        self._own_lines(log, signed)
        if size > self.pending.size(log):
            if log == self.node.own:
                self.node.close_log(self.change)
            return
        self._compare(log, signed)
        self._keep(log, signed)

    def _own_lines(self, log: int, signed: SignedCheckpoint) -> list[SignatureLine]:
        """The lines by the log's own keys, verified; Ed25519 is among them."""
        keys = self.node.channel.logs[log].log
        lines = [(line, key) for line in signed.lines for key in keys if line.is_by(key)]
        if not any(key is keys[0] for _, key in lines):
            raise PeerError("sig.missing", "by the log's own key")
        for line, key in lines:
            checkpoints.verify(signed.checkpoint, line, key)
        return [line for line, _ in lines]

    def _compare(self, log: int, signed: SignedCheckpoint) -> None:
        """Against the same size of what we hold."""
        checkpoint = signed.checkpoint
        if not 0 < checkpoint.size <= self.node.store_size(log):
            return
        kept = self.node.store.checkpoint(log, checkpoint.size)
        root = kept.root if kept else self.node.root(log, checkpoint.size)
        if root != checkpoint.root:
            self._contradiction(log, signed)

    def _contradiction(self, log: int, signed: SignedCheckpoint) -> None:
        if log == self.node.own:
            self.node.close_log(self.change)
            raise PeerError("log.fork", "our own log")
        size = signed.checkpoint.size
        ours = self.node.store.checkpoint(log, size) or self.node.store.next_checkpoint(log, size)
        both: list[encoding.Value] = [signed.encode(), self.node.note(ours).encode() if ours else b""]
        state = replace(self.pending.state(log), frozen="log.fork")
        self.pending.put(state)
        self.change.states.append(state)
        self.change.refused.append(Refused(self.node.now(), log, "log.fork", f"size {size}", encoding.encode(both)))
        raise PeerError("log.fork", f"size {size}")

    def _keep(self, log: int, signed: SignedCheckpoint) -> None:
        checkpoint = signed.checkpoint
        if not checkpoint.size:
            return
        own = self._own_lines(log, signed)
        for line in signed.lines:
            if line not in own:
                self._cosignature(log, checkpoint, line)
        if self.node.store.checkpoint(log, checkpoint.size) is None:
            self.change.checkpoints.append(KeptCheckpoint(log, checkpoint.size, checkpoint.root, lines_bytes(own)))

    def _cosignature(self, log: int, checkpoint: Checkpoint, line: SignatureLine) -> None:
        found = self.node.channel.cosigner(line.name, line.key_id)
        if found is None:
            raise PeerError("sig.unknown", line.name)
        by, key = found
        if by == self.node.own:
            return  # what we cosigned is here already
        if any((c.by, c.kind) == (by, key.kind) for c in self.node.store.cosignatures(log, checkpoint.size)):
            return
        time = checkpoints.verify(checkpoint, line, key)
        self.change.cosignatures.append(Cosignature(log, checkpoint.size, by, key.kind, time, line.blob[8:]))
