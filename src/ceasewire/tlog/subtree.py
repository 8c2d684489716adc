"""Proofs about a subtree, the leaves from `start` to `end` of a larger tree.

The subtrees that C2SP tlog-cosignature lets a cosigner sign, as draft-ietf-plants-merkle-tree-certs defines them (section
"Subtrees"): `start` is a multiple of the smallest power of two that is not below `end - start`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ceasewire.errors import PeerError
from ceasewire.tlog.merkle import EMPTY_ROOT, consistency_roots, is_power_of_two, verify_inclusion
from ceasewire.tlog.text import HASH_BYTES, MAX_NUMBER


@dataclass(frozen=True, slots=True)
class Subtree:
    """The leaves from `start` to `end`, `end` excluded. `is_valid` says whether they are a subtree."""

    start: int
    end: int

    @property
    def is_valid(self) -> bool:
        """Whether the range is in order and `start` is aligned to its width."""
        if not 0 <= self.start <= self.end <= MAX_NUMBER:
            return False
        width = self.end - self.start
        return width == 0 or self.start % (1 << (width - 1).bit_length()) == 0


def verify_subtree_inclusion(leaf: bytes, index: int, subtree: Subtree, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the leaf hash stands at `index` of the whole tree, inside the subtree with that root.

    Raises PeerError `merkle.inclusion`.
    """
    if not subtree.is_valid:
        raise PeerError("merkle.inclusion", "the range is not a subtree")
    verify_inclusion(leaf, index - subtree.start, subtree.end - subtree.start, root, path)


def verify_subtree_consistency(subtree: Subtree, node: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `size` leaves with that root holds the subtree whose hash is `node`.

    An empty subtree has EMPTY_ROOT and an empty path. Raises PeerError `merkle.consistency`.
    """
    if not subtree.is_valid or subtree.end > size or len(root) != HASH_BYTES:
        raise PeerError("merkle.consistency", "the range is not a subtree of the tree, or its root has not 32 bytes")
    width = subtree.end - subtree.start
    if width == 0:
        if path or node != EMPTY_ROOT:
            raise PeerError("merkle.consistency", "an empty subtree has one root and needs no path")
        return
    nodes = [node, *path] if subtree.end == size or is_power_of_two(width) else path
    if consistency_roots(subtree.end, size, nodes, subtree.start) != (node, root):
        raise PeerError("merkle.consistency", "the path does not lead from the subtree to the root")
