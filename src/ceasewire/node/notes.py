"""Signed checkpoints as they arrive: whose they are, what they prove, and what to keep of them. PROTOCOL sections 6 and 8.

A checkpoint that contradicts what we hold is evidence. Of another's log, it freezes that log: both checkpoints are kept, and the proof that
they make. Of our own log, it shows that our store is older than what had left it: our log closes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import PeerError
from ..exchange.bundle import Run
from ..limits import CLOCK_TOLERANCE_SECONDS
from ..record import encoding
from ..record.fields import LAST_TIME
from ..record.message import row
from ..record.values import Cosignature
from ..store.interface import KeptCheckpoint, Refused
from ..tlog import checkpoint as checkpoints
from ..tlog.checkpoint import Checkpoint, SignedCheckpoint
from ..tlog.merkle import EMPTY_ROOT
from ..tlog.note import SignatureLine, lines_bytes
from .cosigned import Cosigned, Room, Voices
from .detecting import Detecting
from .openings import may_be_later, of_log
from .withholding import note_beyond

if TYPE_CHECKING:
    from .node import Node


_OWN_FORK: Final = "own_fork"  # meta: evidence against our own log is kept, once
_AGAIN_SECONDS: Final = 3600  # between two cosignatures of one witness over one size that are both kept


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

    def __init__(self, detecting: Detecting, sender: int) -> None:
        self.node: Node = detecting.node
        self.pending = detecting.pending
        self.change = detecting.change
        self.detecting = detecting
        self._sender = sender
        self._cosigned = Cosigned(self.node.store, self.change)

    def author(self, run: Run) -> Verified:
        """The checkpoint that ends a run, its author's signatures verified.

        Raises PeerError checkpoint.*, note.malformed, sig.*, log.root.
        """
        signed = _parse(run.checkpoint)
        checkpoint = signed.checkpoint
        if checkpoint.origin != self.node.channel.logs[run.log].origin:
            raise PeerError("checkpoint.origin")
        if checkpoint.size != run.start + len(run.messages):
            raise PeerError("log.root", f"a checkpoint of size {checkpoint.size} for entries up to {run.start + len(run.messages)}")
        return self._verify(run.log, signed)

    def check_overlap(self, run: Run, verified: Verified) -> None:
        """Of a run that begins within what we hold and goes beyond it: that it is no second history.

        Its messages over our tree at its start may give the root that its log signed, and yet be others than ours. Raises PeerError
        log.fork. Messages that differ and do not give the root prove nothing: whoever brought them may have made them up.
        """
        log, start = run.log, run.start
        held = self.pending.leaves(log, start, self.pending.size(log))
        if held == [row(log, start + n, message).leaf for n, message in enumerate(run.messages[: len(held)])]:
            return
        known = self._is_known(log)
        index = self.detecting.overlap(run, verified)
        if index is not None:
            self._contradiction(verified, self._ours(log, index + 1), run.encode(), known=known)

    def take(self, note: bytes) -> None:
        """Keep a checkpoint and its cosignatures if we hold that much of its log. One of a later log that is not known here is passed over:
        its sender may have told us of that log before our store was put back. Raises as `author`."""
        signed = _parse(note)
        names = self.node.channel.by_origin(signed.checkpoint.origin)
        if names is None:
            if may_be_later(self.node.channel, signed.checkpoint.origin):
                return
            raise PeerError("checkpoint.origin")
        log, size = names.number, signed.checkpoint.size
        verified = self._verify(log, signed)
        if size > self.pending.size(log):
            if log == self.node.own:
                self.node.close_log(self.change)
            else:
                note_beyond(self.node.store, self.change, log, size, held=self.pending.size(log), now=self.node.now())
            return
        self.compare(verified)
        self.keep(verified)

    def _verify(self, log: int, signed: SignedCheckpoint) -> Verified:
        """Verify the lines by the log's own keys; Ed25519 is among them."""
        keys = self.node.channel.logs[log].log
        lines = [(line, key) for line in signed.lines for key in keys if line.is_by(key)]
        if not any(key is keys[0] for _, key in lines):
            self.node.doubted.add((self._sender, log))
            raise PeerError("sig.missing", "by the log's own key")
        for line, key in lines:
            checkpoints.verify(signed.checkpoint, line, key)
        return Verified(log, signed, tuple([line for line, _ in lines]), len(lines) == len(keys))

    def compare(self, verified: Verified, run: Run | None = None) -> None:
        """Against the same size of what we hold; `run` is what came with it. Raises PeerError log.fork, log.root."""
        log, checkpoint = verified.log, verified.checkpoint
        if not checkpoint.size and checkpoint.root != EMPTY_ROOT:
            self.detecting.two_histories(verified)
            raise PeerError("log.root", "size 0")
        if 0 < checkpoint.size <= self.pending.size(log) and self._root(log, checkpoint.size) != checkpoint.root:
            known = self._is_known(log)
            self.detecting.two_histories(verified, run)
            self._contradiction(verified, self._ours(log, checkpoint.size), known=known)

    def _root(self, log: int, size: int) -> bytes:
        if size > self.node.store_size(log):
            return self.pending.frontier(log, size).root()  # of entries that this very bundle brought
        kept = self.node.store.checkpoint(log, size)
        return kept.root if kept else self.node.root(log, size)

    def _is_known(self, log: int) -> bool:
        """Whether a log's two histories were known before: then more of the same is no more evidence."""
        return self.pending.frozen(log) or (log == self.node.own and self._own_fork_kept())

    def _contradiction(self, verified: Verified, ours: bytes, *shown: bytes, known: bool) -> None:
        """Keep the two notes beside the proof that was made of them, and the run by which they contradict each other if they are of two
        sizes; not if the two histories were `known` before."""
        log, detail = verified.log, f"size {verified.checkpoint.size}"
        if known:
            raise PeerError("log.fork", detail)
        evidence: list[encoding.Value] = [verified.signed.encode(), ours, *shown]
        self.change.refused.append(Refused(self.node.now(), log, "log.fork", detail, encoding.encode(evidence)))
        if log == self.node.own:
            self.node.close_log(self.change)
            self.change.meta[of_log(_OWN_FORK, log)] = b"kept"
            raise PeerError("log.fork", "our own log")
        self.detecting.convicting.freeze(log)
        raise PeerError("log.fork", detail)

    def _own_fork_kept(self) -> bool:
        name = of_log(_OWN_FORK, self.node.own)
        return name in self.change.meta or self.node.store.meta(name) is not None

    def _ours(self, log: int, size: int) -> bytes:
        """The note that speaks against another one: of that size, or of the next larger one."""
        ours = self.detecting.next_checkpoint(log, size)
        return self.node.note(ours).encode() if ours else b""

    def keep(self, verified: Verified, *, needed: bool = False) -> None:
        """Keep a checkpoint of what we hold, and the cosignatures that came with it. `needed`: it is of new messages, which their quota
        bounds. What is not needed is passed over when its sender's party has brought enough today. Raises PeerError sig.*; then nothing is
        kept."""
        log, checkpoint = verified.log, verified.checkpoint
        if not checkpoint.size:
            return
        room, voices = self._room(log), self._cosigned.over(log, checkpoint.size)
        lines = [line for line in verified.signed.lines if line not in verified.own]
        found = [one for line in lines if (one := self._cosignature(log, checkpoint, line, voices, room))]
        found = [one for one in found if self._cosigned.add(one)]
        fresh: list[KeptCheckpoint] = []
        if self.node.store.checkpoint(log, checkpoint.size) is None and (needed or found or room.has(newer=False)):
            fresh = [KeptCheckpoint(log, checkpoint.size, checkpoint.root, lines_bytes(verified.own))]
        self.change.checkpoints += fresh
        room.take([] if needed else fresh, found)
        for one in found:
            self.detecting.receipt(one)

    def _room(self, log: int) -> Room:
        """The sender's; of a run that waited here, that of the party whose log it is."""
        channel = self.node.channel
        payer = channel.party_of(log if self._sender == self.node.own else self._sender)
        return Room(self.node.noted, payer, self.node.now())

    def _cosignature(self, log: int, checkpoint: Checkpoint, line: SignatureLine, voices: Voices, room: Room) -> Cosignature | None:
        """The line as a cosignature that is to be kept, verified. Of a receipt one a size is; a witness may say later that a log still
        stands where it stood, which is what proves that nothing came, but not at a time that has not come yet."""
        found = self.node.channel.cosigner(line.name, line.key_id)
        if found is None:
            return None  # of a log that is not known here, or was refused: whoever passes it on may know it, and is not to blame
        by, key = found
        if by == self.node.own:
            return None  # what we cosigned is here already
        known = [one.time for one in voices.get((by, key.kind), ())]
        if known and by >= 0:
            return None
        if not room.has(newer=checkpoint.size > self._cosigned.reach(log, by)):
            return None
        time = checkpoints.verify(checkpoint, line, key)
        if not 0 < time <= LAST_TIME:  # which no message could write down
            raise PeerError("sig.invalid", "its time is not one from 1970 to 9999")
        if known and not max(known) + _AGAIN_SECONDS <= time <= self.node.now() + CLOCK_TOLERANCE_SECONDS:
            return None
        return Cosignature(log, checkpoint.size, by, key.kind, time, line.blob[8:])


def _parse(note: bytes) -> SignedCheckpoint:
    """A note with one line a key: what one signer repeats would leave no room for the others in the notes that we pass on."""
    signed = SignedCheckpoint.parse(note)
    if len({(line.name, line.key_id) for line in signed.lines}) != len(signed.lines):
        raise PeerError("note.malformed", "two signatures by one key")
    return signed
