"""Misconduct proofs as they are made and as they come: what is kept of them, and what follows at once. PROTOCOL section 9;
spec/misconduct.md.

One proof of each kind against each log is kept, and another takes its place only if it names a lower index: whoever writes proofs by the
thousand, against itself or others, fills nobody's disk. A log that a proof convicts of two histories is frozen; our own log is closed by
any conviction, since somebody else must have its keys, or an older store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING, Final

from .. import limits
from ..errors import PeerError
from ..record import encoding
from ..record.misconduct import KINDS, Maker, Verdict, open_misconduct
from ..record.opening import opening_of
from ..store.interface import Change, KeptProof
from .around import Pending

if TYPE_CHECKING:
    from .node import Node

NUMBERS: Final = {name: number for number, name in KINDS.items()}
FORKS: Final = tuple(NUMBERS[name] for name in ("two_faces", "two_leaves", "rewrite"))
"""The kinds that show two histories of one log."""
HISTORIES: Final = (*FORKS, NUMBERS["two_openings"])
"""The kinds that take a log's entries from the record."""
FORK: Final = "log.fork"
REFUSED: Final = "opening.refused"


class Settled:
    """Hashes of proofs that need no second look: refused, or no better than what is kept. A new process looks again."""

    def __init__(self) -> None:
        self._marks: dict[bytes, None] = {}  # in order of age

    def __contains__(self, data: bytes) -> bool:
        return sha256(data).digest() in self._marks

    def add(self, data: bytes) -> None:
        """Remember one; the oldest of too many is forgotten."""
        self._marks[sha256(data).digest()] = None
        if len(self._marks) > limits.MISCONDUCT_SETTLED:
            del self._marks[next(iter(self._marks))]


class Convicting:
    """The proofs of one change. `open_log` takes the opening file of a log that is not known yet."""

    def __init__(self, node: Node, pending: Pending, change: Change, open_log: Callable[[bytes], None]) -> None:
        self.node = node
        self.pending = pending
        self.change = change
        self._open_log = open_log
        self._kept = {(one.log, one.kind): one for one in node.store.proofs()}
        self._useful = True
        self._left = self._makes = limits.MISCONDUCT_PER_BUNDLE

    def lacks(self, log: int, kind: str, from_index: int | None = None) -> bool:
        """Whether a proof of that kind with that lowest index would be kept."""
        known = self._kept.get((log, NUMBERS[kind]))
        return known is None or _reach(from_index) < _reach(known.from_index)

    def kept(self) -> Collection[KeptProof]:
        """What is kept, this change's included."""
        return self._kept.values()

    def bound(self, log: int) -> int | None:
        """See `bound_of`."""
        return bound_of(self._kept.values(), log)

    # --- Made here ---

    def make(self, log: int, call: Callable[[Maker], bytes], opening: bytes | None = None) -> bool:
        """Make a proof against a log and keep it; whether what was given proves anything. No more are made of one bundle than it could
        bring: whoever shows a thousand is convicted by the first, and shows the rest again. `opening` is its file, if it is not kept."""
        self._makes -= 1
        if self._makes < 0:
            return False
        opening = opening or self._file(log)
        try:
            data = call(Maker(self.node.channel, log, opening))
            self._keep(data, open_misconduct(data, self.node.channel))
        except PeerError:
            return False
        return True

    def _file(self, log: int) -> bytes | None:
        return self.change.openings.get(log) or self.node.store.openings().get(log)

    def two_openings(self, file: bytes, conflicting: Collection[int]) -> None:
        """An opening that was refused, verified whole, since each of these logs has its number or a key of it. One proof convicts one log:
        of two that share a key, both."""
        new = opening_of(file).number
        for log in conflicting:
            known = self._file(log)
            if known is not None and self.lacks(log, "two_openings", 0):
                self.make(log, lambda maker: maker.two_openings(file))
            # Of a log that is not even frozen here, since its party has too many, nothing is kept: there would be no end of them.
            if known is not None and self.lacks(new, "two_openings", 0) and self.pending.state(new).frozen is not None:
                self.make(new, lambda maker, known=known: maker.two_openings(known), file)  # type: ignore[misc]

    # --- Passed on by others ---

    def take(self, data: bytes, *, carried: bool = False) -> None:
        """Keep a proof that a peer passed on, if it says more than what is kept. After one that does not, no more are looked at in this
        bundle: a peer sends what we lack, and comes again with the rest. One that a line check carries is always looked at, since the
        record does so too (`record.conviction`). Raises PeerError as open_misconduct, the first time."""
        if any(one.data == data for one in self._kept.values()) or data in self.node.settled:
            return
        if not carried:
            if not (self._useful and self._left):
                return
            self._left -= 1
        try:
            verdict = open_misconduct(data, self.node.channel)
            useful = self.lacks(verdict.log, verdict.kind, verdict.from_index)
            self._know(verdict, data)
        except PeerError:
            self._useless(data, carried)
            raise
        if not useful:
            self._useless(data, carried)
        self._keep(data, verdict)  # unless what came of its opening is as good

    def _useless(self, data: bytes, carried: bool) -> None:
        self._useful = self._useful and carried
        self.node.settled.add(data)

    def _know(self, verdict: Verdict, data: bytes) -> None:
        """Take the opening of a log that is not known yet from the proof itself, which was verified. One that cannot be beside another that
        is known is no less convicted for that."""
        if verdict.log not in self.node.channel.logs:
            files = encoding.array(encoding.array(encoding.decode(data, limits.MISCONDUCT_BYTES, limits.CONTAINER_DEPTH), 6)[5])
            try:
                self._open_log(encoding.octets(files[0]))
            except PeerError:
                if verdict.kind != "two_openings" or self.pending.state(verdict.log).frozen is None:
                    raise

    # --- Both ---

    def _keep(self, data: bytes, verdict: Verdict) -> bool:
        """Keep a proof that was checked, if none as good is kept; whether it is."""
        if not self.lacks(verdict.log, verdict.kind, verdict.from_index):
            return False
        proof = KeptProof(verdict.log, NUMBERS[verdict.kind], verdict.from_index, self.node.now(), data)
        self._kept[proof.log, proof.kind] = proof
        self.change.proofs.append(proof)
        if verdict.log == self.node.own and verdict.convicts:
            self.node.close_log(self.change, f"convicted: {verdict.kind}")
        if proof.kind in HISTORIES:
            # Our own too: what follows it must not wait for its other history.
            self.freeze(verdict.log, FORK if proof.kind in FORKS else REFUSED)
        return True

    def freeze(self, log: int, why: str = FORK) -> None:
        """Take no more of a log's entries than those below the lowest index from which on it has two histories."""
        state = self.pending.state(log)
        if state.frozen is None:
            frozen = replace(state, frozen=why)
            self.pending.put(frozen)
            self.change.states.append(frozen)


def _reach(from_index: int | None) -> float:
    return inf if from_index is None else from_index


def bound_of(proofs: Collection[KeptProof], log: int) -> int | None:
    """The lowest index from which on a log is proved to have two histories; None if no such proof is kept. What lies below is the same in
    both, and part of the record."""
    found = [one.from_index for one in proofs if one.log == log and one.kind in HISTORIES and one.from_index is not None]
    return min(found, default=None)


def behind_bound(proofs: Collection[KeptProof], held: Mapping[int, int], log: int) -> bool:
    """Whether entries of a frozen log are missing here that are the same in all its histories."""
    bound = bound_of(proofs, log)
    return bound is not None and held.get(log, 0) < bound
