"""What of our own logs a witness is to be shown, and what is kept of its answer. C2SP tlog-witness; spec/witness.md."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import LocalError, PeerError
from ..limits import CLOCK_TOLERANCE_SECONDS, NOTE_SIGNATURES
from ..record.fields import LAST_TIME
from ..record.values import Cosignature
from ..store.interface import Change, KeptCheckpoint
from ..tlog import merkle, witness
from ..tlog.checkpoint import SignedCheckpoint
from ..tlog.witness import Head, Request
from .cosigned import Cosigned
from .node import Node

_TIMES: Final = 3  # that a peer is told of the same cosignatures
_LINES: Final = NOTE_SIGNATURES - 1  # of witnesses in one note, below its log's


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to a witness: whose log, to which witness (`by`), the size that it is taken to have cosigned last, the checkpoint, and the
    body."""

    log: int
    by: int
    old: int
    head: Head
    body: bytes


def own_logs(node: Node) -> list[int]:
    """Our log and those that it follows, of which anything is held."""
    return [log for log in (node.own, *node.channel.before(node.own)) if node.store.newest_checkpoint(log)]


def due(node: Node, by: int, checked: tuple[int, int] | None) -> list[int]:
    """Those of our logs that a witness has not cosigned since our last line check, `checked` (index, time in POSIX seconds)."""
    if node.unsure and node.store.newest_checkpoint(node.own):  # a witness that knows more of it says so
        return [node.own]
    if checked is None:
        return []
    index, time = checked
    found = [] if node.store.covered(node.own).get(by, 0) > index else [node.own]
    for log in own_logs(node)[1:]:
        kept = node.store.newest_checkpoint(log)
        said = [one.time for one in node.store.cosignatures(log, kept.size) if one.by == by] if kept else []
        if max(said, default=0) < time:
            found.append(log)
    return found


def submission(node: Node, log: int, by: int, old: int | None = None) -> Submission | None:
    """The newest checkpoint of a log of ours for a witness, from the size `old` on, or from the last one that we know it cosigned; None
    if there is none, or it is smaller than `old`."""
    kept = node.store.newest_checkpoint(log)
    if kept is None:
        return None
    known = node.store.covered(log).get(by, 0) if old is None else old
    if known > kept.size:
        return None
    checkpoint = node.checkpoint(kept)
    head = Head(checkpoint.origin, checkpoint.size, checkpoint.root)
    own = SignedCheckpoint.parse(checkpoint.text().encode() + b"\n" + kept.lines).lines
    path = merkle.consistency_path(node.node_reader(log), known, kept.size)
    return Submission(log, by, known, head, Request(known, tuple(path), head, own).encode())


def follow(node: Node, refused: Submission, body: bytes) -> Submission | None:
    """The same for a witness that says, in the body of a conflict, how much of the log it cosigned last. None if that is more than we hold
    of a log that ours follows: a log is replaced because such a thing was lost.

    Raises PeerError witness.malformed, witness.ahead; see Node.overtaken. LocalError disk.failed.
    """
    try:
        old = witness.parse_size(body, refused.head.size)
    except PeerError as error:
        if error.code != "witness.ahead":
            raise
        if refused.log != node.own:
            return None
        node.overtaken()
        raise
    return submission(node, refused.log, refused.by, old)


def refused(node: Node, submission: Submission, status: int, body: bytes) -> None:
    """A witness has not cosigned. What it says of a log that ours follows is passed over: a log is replaced because such things happened.

    Raises PeerError witness.history where it says that what it cosigned of our log is not the beginning of what is here; see
    Node.overtaken. LocalError net.refused for all else; disk.failed.
    """
    try:
        witness.check_history(status, body, submission.old, submission.head.size)
    except PeerError:
        if submission.log != node.own:
            return
        node.overtaken()
        raise
    raise LocalError("net.refused", f"status {status}")


def keep(node: Node, submission: Submission, body: bytes) -> None:
    """Keep the cosignature in a witness's answer.

    Raises PeerError witness.malformed, sig.missing, sig.invalid; hold.clock for one that is dated ahead of our clock by more than clocks
    may differ; LocalError disk.failed.
    """
    key = node.channel.witnesses[-1 - submission.by]
    time, signature = witness.cosignature(body, submission.head, key)
    if time > LAST_TIME or time - node.now() > CLOCK_TOLERANCE_SECONDS:
        raise PeerError("hold.clock", f"{time - node.now()} s")
    one = Cosignature(submission.log, submission.head.size, submission.by, key.kind, time, signature)
    with node.lock:
        change = Change()
        fresh = Cosigned(node.store, change).add(one)
        if fresh:
            node.commit(change)
    if fresh:
        node.changed()


class Telling:
    """What witnesses cosigned, told to the other logs. The newest checkpoint of a log rides in every bundle; when the witnesses' answers
    come, it may not be the one that they cosigned any more. So each of theirs is told by itself, a few times: a bundle may be lost."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told: dict[tuple[int, int, int], tuple[list[int], int]] = {}  # peer, log, size -> times of what it was told, and how often

    def notes(self, peer: int, unknown: Collection[int]) -> list[bytes]:
        """For the next bundle to a peer, of all logs but those that it does not know."""
        if not self._node.channel.witnesses:
            return []
        return [note for log in self._node.channel.logs if log not in unknown for note in self._of(peer, log)]

    def _of(self, peer: int, log: int) -> Iterator[bytes]:
        for size in sorted({size for by, size in self._node.store.covered(log).items() if by < 0}):
            kept = self._node.store.checkpoint(log, size)
            found = [one for one in self._node.store.cosignatures(log, size) if one.by < 0]
            times = [one.time for one in found]
            before, often = self._told.get((peer, log, size), ([], 0))
            if kept is not None and (times != before or often < _TIMES):
                self._told[peer, log, size] = (times, 1 if times != before else often + 1)
                yield self._note(kept, found)

    def _note(self, kept: KeptCheckpoint, found: list[Cosignature]) -> bytes:
        """With the log's Ed25519 signature alone: all else about this checkpoint was said when it was the newest."""
        checkpoint = self._node.checkpoint(kept)
        own = SignedCheckpoint.parse(checkpoint.text().encode() + b"\n" + kept.lines).lines
        newest = {(one.by, one.kind): one for one in found}
        lines = [line for one in newest.values() if (line := self._node.line(one))]
        ed25519 = self._node.channel.logs[kept.log].log[0]
        return SignedCheckpoint(checkpoint, (*(line for line in own if line.is_by(ed25519)), *lines[:_LINES])).encode()
