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
        """The checkpoint that ends a run, its author's signature verified.

        Raises PeerError checkpoint.*, note.malformed, sig.*, log.root, log.fork.
        """
        signed = _parse(run.checkpoint)
        checkpoint = signed.checkpoint
        if checkpoint.origin != self.node.channel.logs[run.log].origin:
            raise PeerError("checkpoint.origin")
        if checkpoint.size != run.start + len(run.messages):
            raise PeerError("log.root", f"a checkpoint of size {checkpoint.size} for entries up to {run.start + len(run.messages)}")
        self._own_lines(run.log, signed)
        self._compare(run.log, signed)
        return checkpoint

    def has_both(self, run: Run) -> bool:
        """Whether the checkpoint that ends a run bears a line by each of its log's keys, which `author` has verified."""
        lines = SignedCheckpoint.parse(run.checkpoint).lines
        return all(any(line.is_by(key) for line in lines) for key in self.node.channel.logs[run.log].log)

    def keep(self, run: Run) -> None:
        """Keep the checkpoint of a run that was admitted, and the cosignatures that came with it. Raises as `author`, sig.unknown; then
        nothing is kept."""
        self._keep(run.log, SignedCheckpoint.parse(run.checkpoint))

    def take(self, note: bytes) -> None:
        """Keep a checkpoint and its cosignatures if we hold that much of its log. Raises as `author`."""
        signed = _parse(note)
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
        if 0 < checkpoint.size <= self.pending.size(log) and self._root(log, checkpoint.size) != checkpoint.root:
            self._contradiction(log, signed)

    def _root(self, log: int, size: int) -> bytes:
        if size > self.node.store_size(log):
            return self.pending.root(log, size)  # of entries that this very bundle brought
        kept = self.node.store.checkpoint(log, size)
        return kept.root if kept else self.node.root(log, size)

    def _contradiction(self, log: int, signed: SignedCheckpoint) -> None:
        size = signed.checkpoint.size
        if self.pending.state(log).frozen:
            raise PeerError("log.fork", f"size {size}")  # convicted before, and more of the same is no more evidence
        both: list[encoding.Value] = [signed.encode(), self._ours(log, size)]
        self.change.refused.append(Refused(self.node.now(), log, "log.fork", f"size {size}", encoding.encode(both)))
        if log == self.node.own:
            self.node.close_log(self.change)
            raise PeerError("log.fork", "our own log")
        state = replace(self.pending.state(log), frozen="log.fork")
        self.pending.put(state)
        self.change.states.append(state)
        raise PeerError("log.fork", f"size {size}")

    def _ours(self, log: int, size: int) -> bytes:
        """The note that speaks against another one: of that size, or of the next larger one."""
        pending = (kept for kept in self.change.checkpoints if kept.log == log and kept.size >= size)
        ours = self.node.store.next_checkpoint(log, size) or next(pending, None)
        return self.node.note(ours).encode() if ours else b""

    def _keep(self, log: int, signed: SignedCheckpoint) -> None:
        checkpoint = signed.checkpoint
        if not checkpoint.size:
            return
        own = self._own_lines(log, signed)
        found = [self._cosignature(log, checkpoint, line) for line in signed.lines if line not in own]
        self.change.cosignatures += [one for one in found if one]
        if self.node.store.checkpoint(log, checkpoint.size) is None:
            self.change.checkpoints.append(KeptCheckpoint(log, checkpoint.size, checkpoint.root, lines_bytes(own)))

    def _cosignature(self, log: int, checkpoint: Checkpoint, line: SignatureLine) -> Cosignature | None:
        """The line as a cosignature that is new to us, verified."""
        found = self.node.channel.cosigner(line.name, line.key_id)
        if found is None:
            raise PeerError("sig.unknown", line.name)
        by, key = found
        if by == self.node.own:
            return None  # what we cosigned is here already
        pending = [c for c in self.change.cosignatures if (c.log, c.size) == (log, checkpoint.size)]
        if any((c.by, c.kind) == (by, key.kind) for c in [*self.node.store.cosignatures(log, checkpoint.size), *pending]):
            return None
        time = checkpoints.verify(checkpoint, line, key)
        return Cosignature(log, checkpoint.size, by, key.kind, time, line.blob[8:])


def _parse(note: bytes) -> SignedCheckpoint:
    """A note with one line a key: what one signer repeats would leave no room for the others in the notes that we pass on."""
    signed = SignedCheckpoint.parse(note)
    if len({(line.name, line.key_id) for line in signed.lines}) != len(signed.lines):
        raise PeerError("note.malformed", "two signatures by one key")
    return signed
