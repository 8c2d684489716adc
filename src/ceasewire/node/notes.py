"""Signed checkpoints as they arrive: whose they are, what they prove, and what to keep of them. PROTOCOL sections 6 and 8.

A checkpoint that contradicts what we hold is evidence. Of another's log, it freezes that log: both checkpoints are kept. Of our own log,
it shows that our store is older than what had left it: our log closes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..errors import PeerError
from ..exchange.bundle import Run
from ..record import encoding
from ..record.fields import LAST_TIME
from ..record.message import row
from ..record.values import Cosignature
from ..store.interface import Change, KeptCheckpoint, Refused
from ..tlog import checkpoint as checkpoints
from ..tlog.checkpoint import Checkpoint, SignedCheckpoint
from ..tlog.note import SignatureLine, lines_bytes
from .around import Pending
from .openings import of_log

if TYPE_CHECKING:
    from .node import Node


_OWN_FORK: Final = "own_fork"  # meta: evidence against our own log is kept, once


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint of a log that its own keys signed: `own` are their lines, verified; `both` whether each key has one. What other lines
    it bears is not verified."""

    log: int
    signed: SignedCheckpoint
    own: tuple[SignatureLine, ...]
    both: bool

    @property
    def checkpoint(self) -> Checkpoint:
        """What was signed."""
        return self.signed.checkpoint


class NoteReader:
    """Reads the notes of one bundle into its change."""

    def __init__(self, node: Node, pending: Pending, change: Change) -> None:
        self.node = node
        self.pending = pending
        self.change = change

    def author(self, run: Run) -> Verified:
        """The checkpoint that ends a run, its author's signatures verified.

        Raises PeerError checkpoint.*, note.malformed, sig.*, log.root, log.fork.
        """
        signed = _parse(run.checkpoint)
        checkpoint = signed.checkpoint
        if checkpoint.origin != self.node.channel.logs[run.log].origin:
            raise PeerError("checkpoint.origin")
        if checkpoint.size != run.start + len(run.messages):
            raise PeerError("log.root", f"a checkpoint of size {checkpoint.size} for entries up to {run.start + len(run.messages)}")
        verified = self._verify(run.log, signed)
        self._compare(verified)
        return verified

    def check_overlap(self, run: Run, verified: Verified) -> None:
        """Of a run that begins within what we hold and goes beyond it: that it is no second history.

        Its messages over our tree at its start may give the root that its log signed, and yet be others than ours. Raises PeerError
        log.fork. Messages that differ and do not give the root prove nothing: whoever brought them may have made them up.
        """
        log, start = run.log, run.start
        held = self.pending.leaves(log, start, self.pending.size(log))
        given = [row(log, start + n, message).leaf for n, message in enumerate(run.messages[: len(held)])]
        if given == held:
            return
        given += [row(log, start + n, run.messages[n]).leaf for n in range(len(held), len(run.messages))]
        if self.pending.frontier(log, start).extend(given).root() == verified.checkpoint.root:
            differs = next(n for n, leaf in enumerate(held) if leaf != given[n])
            self._contradiction(verified, self._ours(log, start + differs + 1), run.encode())

    def take(self, note: bytes) -> None:
        """Keep a checkpoint and its cosignatures if we hold that much of its log. Raises as `author`, sig.unknown."""
        signed = _parse(note)
        names = self.node.channel.by_origin(signed.checkpoint.origin)
        if names is None:
            raise PeerError("checkpoint.origin")
        log, size = names.number, signed.checkpoint.size
        verified = self._verify(log, signed)
        if size > self.pending.size(log):
            if log == self.node.own:
                self.node.close_log(self.change)
            return
        self._compare(verified)
        self.keep(verified)

    def _verify(self, log: int, signed: SignedCheckpoint) -> Verified:
        """Verify the lines by the log's own keys; Ed25519 is among them."""
        keys = self.node.channel.logs[log].log
        lines = [(line, key) for line in signed.lines for key in keys if line.is_by(key)]
        if not any(key is keys[0] for _, key in lines):
            raise PeerError("sig.missing", "by the log's own key")
        for line, key in lines:
            checkpoints.verify(signed.checkpoint, line, key)
        return Verified(log, signed, tuple([line for line, _ in lines]), len(lines) == len(keys))

    def _compare(self, verified: Verified) -> None:
        """Against the same size of what we hold."""
        log, checkpoint = verified.log, verified.checkpoint
        if 0 < checkpoint.size <= self.pending.size(log) and self._root(log, checkpoint.size) != checkpoint.root:
            self._contradiction(verified, self._ours(log, checkpoint.size))

    def _root(self, log: int, size: int) -> bytes:
        if size > self.node.store_size(log):
            return self.pending.frontier(log, size).root()  # of entries that this very bundle brought
        kept = self.node.store.checkpoint(log, size)
        return kept.root if kept else self.node.root(log, size)

    def _contradiction(self, verified: Verified, ours: bytes, *shown: bytes) -> None:
        """Keep the two notes, and the run by which they contradict each other if they are of two sizes; the first time only."""
        log, detail = verified.log, f"size {verified.checkpoint.size}"
        if self.pending.frozen(log) or (log == self.node.own and self._own_fork_kept()):
            raise PeerError("log.fork", detail)  # convicted before, and more of the same is no more evidence
        evidence: list[encoding.Value] = [verified.signed.encode(), ours, *shown]
        self.change.refused.append(Refused(self.node.now(), log, "log.fork", detail, encoding.encode(evidence)))
        if log == self.node.own:
            self.node.close_log(self.change)
            self.change.meta[of_log(_OWN_FORK, log)] = b"kept"
            raise PeerError("log.fork", "our own log")
        state = replace(self.pending.state(log), frozen="log.fork")
        self.pending.put(state)
        self.change.states.append(state)
        raise PeerError("log.fork", detail)

    def _own_fork_kept(self) -> bool:
        name = of_log(_OWN_FORK, self.node.own)
        return name in self.change.meta or self.node.store.meta(name) is not None

    def _ours(self, log: int, size: int) -> bytes:
        """The note that speaks against another one: of that size, or of the next larger one."""
        pending = (kept for kept in self.change.checkpoints if kept.log == log and kept.size >= size)
        ours = self.node.store.next_checkpoint(log, size) or next(pending, None)
        return self.node.note(ours).encode() if ours else b""

    def keep(self, verified: Verified) -> None:
        """Keep a checkpoint of what we hold, and the cosignatures that came with it. Raises PeerError sig.*; then nothing is kept."""
        log, checkpoint = verified.log, verified.checkpoint
        if not checkpoint.size:
            return
        found = [self._cosignature(log, checkpoint, line) for line in verified.signed.lines if line not in verified.own]
        self.change.cosignatures += [one for one in found if one]
        if self.node.store.checkpoint(log, checkpoint.size) is None:
            self.change.checkpoints.append(KeptCheckpoint(log, checkpoint.size, checkpoint.root, lines_bytes(verified.own)))

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
        if not 0 < time <= LAST_TIME:  # which no message could write down
            raise PeerError("sig.invalid", "its time is not one from 1970 to 9999")
        return Cosignature(log, checkpoint.size, by, key.kind, time, line.blob[8:])


def _parse(note: bytes) -> SignedCheckpoint:
    """A note with one line a key: what one signer repeats would leave no room for the others in the notes that we pass on."""
    signed = SignedCheckpoint.parse(note)
    if len({(line.name, line.key_id) for line in signed.lines}) != len(signed.lines):
        raise PeerError("note.malformed", "two signatures by one key")
    return signed
