"""Looking for the first entry in which a peer's history of a frozen log is another than ours: that convicts by an exact index, below which
the log's entries stand. spec/misconduct.md.

A node that proved two histories by their checkpoints alone asks whoever holds the log for its entries again, from a point below what both
hold: one entry back, two, four, until they follow from what it holds itself; then onwards from there. Nothing of it is stored but the
proof. What a peer does not answer, or answers with what it made up, ends after some rounds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from ..store.interface import KeptProof
from .convicting import FORKS, NUMBERS

_ROUNDS: Final = 64  # bundles of one peer in which one log is looked for; a log of 2**40 entries needs no more
_EXACT: Final = NUMBERS["two_leaves"]


@dataclass(slots=True)
class Search:
    """In one peer's copy of one log: the first `low` entries are ours too, and the first difference lies below `high`."""

    high: int
    low: int = 0
    step: int = 1
    left: int = _ROUNDS

    @property
    def want(self) -> int:
        """Where the next run should begin."""
        return max(self.low, self.high - self.step)

    def differs_below(self, start: int) -> None:
        """A run from `start` does not follow from what we hold: further back."""
        if start <= self.low:
            self.left = 0  # it does not follow from what it followed from before
        self.high, self.step = start, self.step * 2

    def same_until(self, index: int, size: int) -> None:
        """A run followed, and says the same as we hold up to `index`; of `size`, all that is held."""
        self.low, self.step = index, self.high
        if index >= min(size, self.high):
            self.left = 0  # the whole is the same


class Searches:
    """Of one process. They begin anew when it does."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], Search] = {}  # (peer, log)

    def wants(
        self, peer: int, heads: Mapping[int, int], held: Mapping[int, int], frozen: Collection[int], proofs: Collection[KeptProof]
    ) -> dict[int, int]:
        """Log -> from where on a peer should send it again: of each frozen log that the peer holds too, while no exact index is proved."""
        shown = {one.log for one in proofs if one.kind in FORKS} - {one.log for one in proofs if one.kind == _EXACT}
        wanted: dict[int, int] = {}
        for log in shown & set(frozen):
            both = min(held.get(log, 0), heads.get(log, 0))
            if both and (peer, log) not in self._found:
                self._found[peer, log] = Search(both)
            search = self._found.get((peer, log))
            if search is not None and search.left:
                wanted[log] = search.want
        return wanted

    def of(self, peer: int, log: int) -> Search | None:
        """The search that a run of that log by that peer may answer."""
        search = self._found.get((peer, log))
        return search if search is not None and search.left else None

    def heard(self, peer: int) -> None:
        """A new bundle of the peer was taken: a round is over."""
        for (of, _), search in self._found.items():
            if of == peer and search.left:
                search.left -= 1
