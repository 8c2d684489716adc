"""After a start of the machine: who may say that our own log, as it stands here, is the newest there is. spec/keys.md, "After a restart".

A machine that was put back as a whole cannot tell by itself, and its next signature would begin a second history. docs/decisions/0017.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from typing import Final

from ..exchange.bundle import Contents
from .node import Node

_ASKED: Final = 16  # bundles to one peer that an answer may still bear the mark of


def peers_of(node: Node) -> list[int]:
    """The logs to call: each party's that stands in for its first one. Further devices of a party have no address, and call."""
    return [number for number in node.channel.called_logs if number != node.own]


class Confirming:
    """The bundles that were written since the start, and who has answered them."""

    def __init__(self, node: Node) -> None:
        self.awaits_witnesses = False  # a peer's word waits until the witnesses have said theirs
        self._node = node
        self._vouched = False
        self._asked: dict[int, deque[bytes]] = {}  # log -> SHA-256 of the newest bundles to it, while our own log is unsure
        self._covered: Mapping[int, int] = {}  # log -> how much of ours it had cosigned when we started

    def wrote(self, peer: int, data: bytes) -> None:
        """A bundle to a peer is written, whose answer may confirm our log. Raises LocalError disk.failed."""
        if self._node.unsure:
            self._covered = self._covered or self._node.covered_at_start()
            self._asked.setdefault(peer, deque(maxlen=_ASKED)).append(hashlib.sha256(data).digest())

    def heard(self, sender: int, contents: Contents) -> None:
        """A bundle of a peer was taken. Raises LocalError disk.failed."""
        if self._node.unsure and self._vouches(sender, contents):
            self._vouched = True
            self._confirm()

    def witnesses_asked(self) -> None:
        """The witnesses have said whether they know more of our own log, or are away: a peer's word is enough from now on.

        Raises LocalError disk.failed."""
        with self._node.lock:
            self.awaits_witnesses = False
            self._confirm()

    def _confirm(self) -> None:
        if self._vouched and not self.awaits_witnesses:
            self._node.confirm("peer")

    def _vouches(self, sender: int, contents: Contents) -> bool:
        """Whether a bundle tells that no newer head of our own log is about: it bears the mark of a bundle that we wrote since we started,
        to this log or one before it, and its sender holds no more of our log than we do. (A head that our key signed closed it already.)
        A log that was replaced or frozen vouches for nothing, nor does one that holds less than it has cosigned: it lost its own copy. Nor
        does one that had nothing of ours when we started, where another had: what it holds now it may have of us, a moment ago. Nor one
        that sends us its own entries from beyond what we hold: so much of them we had receipted, and an entry of ours that has not seen
        it would disown the receipt."""
        node = self._node
        state = node.store.states().get(sender)
        if sender not in node.channel.logs or node.channel.successors_of(sender) or (state and state.frozen):
            return False
        logs, covered = (sender, *node.channel.before(sender)), node.store.covered(node.own)
        asked = any(contents.echo in self._asked.get(log, ()) for log in logs)
        least = max(covered.get(log, 0) for log in logs)
        knew = max(self._covered.get(log, 0) for log in logs)
        best = max((self._covered.get(log, 0) for one in peers_of(node) for log in (one, *node.channel.before(one))), default=0)
        receipted = min((run.start for run in contents.runs if run.log == sender), default=contents.heads.get(sender, 0))
        if receipted > node.store_size(sender):
            return False
        return asked and (knew > 0 or best == 0) and least <= contents.heads.get(node.own, 0) <= node.store_size(node.own)
