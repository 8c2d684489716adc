"""Merkle trees of RFC 6962 and RFC 9162 section 2.1 with SHA-256.

A tree is an ordered list of leaf hashes. A *perfect subtree* (level, index) covers the 2**level leaves that begin at
index * 2**level; every other range of leaves is built from perfect subtrees. Hashes are 32 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

from ceasewire.errors import PeerError
from ceasewire.tlog.text import HASH_BYTES

EMPTY_ROOT: Final = sha256(b"").digest()

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> the hash of that perfect subtree. Asked only for subtrees that are complete."""


def leaf_hash(data: bytes) -> bytes:
    """Hash an entry as a leaf: SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def hash_pairs(nodes: Sequence[bytes]) -> list[bytes]:
    """Go one level up from an even number of neighbouring nodes."""
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=True)]


def _join(peaks: Sequence[bytes]) -> bytes:
    """Join perfect subtrees of falling size, at least one, into the hash of the range that they cover."""
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the perfect subtrees of a tree, left to right: enough to append and to know the root.

    `size` counts leaves; `hashes` holds one hash of 32 bytes for each bit set in `size`, the largest subtree first.
    Raises PeerError `merkle.consistency` when the two do not fit, since proofs carry frontiers.
    """

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count() or not _are_hashes(*self.hashes):
            raise PeerError("merkle.consistency", "a frontier needs one hash for each bit of its size")

    @staticmethod
    def empty() -> Frontier:
        """The frontier of the tree without leaves."""
        return Frontier(0, ())

    def extend(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """The frontier after appending leaves, given by their hashes."""
        nodes = list(leaf_hashes)
        size = self.size + len(nodes)
        old = list(self.hashes)
        new: list[bytes] = []
        level = 0
        # Level by level: an old peak of this level begins the row of new nodes, an odd node out becomes a peak.
        while nodes:
            if self.size >> level & 1:
                nodes.insert(0, old.pop())
            if len(nodes) & 1:
                new.append(nodes.pop())
            nodes = hash_pairs(nodes)
            level += 1
        return Frontier(size, (*old, *reversed(new)))

    def root(self) -> bytes:
        """The root of the tree; EMPTY_ROOT without leaves."""
        return _join(self.hashes) if self.hashes else EMPTY_ROOT


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of the tree of these leaf hashes: MTH of RFC 9162 section 2.1.1, level by level, where an odd node out goes up as it is."""
    nodes = list(leaf_hashes)
    while len(nodes) > 1:
        odd = [nodes.pop()] if len(nodes) & 1 else []
        nodes = hash_pairs(nodes) + odd
    return nodes[0] if nodes else EMPTY_ROOT


def inclusion_path(read: NodeReader, index: int, size: int) -> list[bytes]:
    """The inclusion proof of leaf `index` in the tree of `size` leaves, the leaf's sibling first (RFC 9162 2.1.3.1).

    Raises PeerError `merkle.inclusion` if the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise PeerError("merkle.inclusion", f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _left_width(high - low)
        if index < middle:
            path.append(_range_hash(read, middle, high))
            high = middle
        else:
            path.append(_range_hash(read, low, middle))
            low = middle
    return path[::-1]


def consistency_path(read: NodeReader, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 9162 2.1.4.1).

    Empty for old = 0 and old = new. Raises PeerError `merkle.consistency` unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise PeerError("merkle.consistency", f"a tree of {new} leaves holds no tree of {old}")
    if old == 0:
        return []
    path: list[bytes] = []
    low, high = 0, new
    while high != old:
        middle = low + _left_width(high - low)
        if old <= middle:
            path.append(_range_hash(read, middle, high))
            high = middle
        else:
            path.append(_range_hash(read, low, middle))
            low = middle
    if low > 0:  # otherwise the old root itself is the starting point, and the verifier has it
        path.append(_range_hash(read, low, high))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the leaf hash stands at `index` in the tree of `size` leaves with that root (RFC 9162 2.1.3.2).

    Raises PeerError `merkle.inclusion`, also for any hash that is not of 32 bytes.
    """
    if not 0 <= index < size or not _are_hashes(leaf, root, *path):
        raise PeerError("merkle.inclusion", "the numbers or hashes are out of range")
    at, last = index, size - 1
    node = leaf
    for sibling in path:
        if last == 0:
            raise PeerError("merkle.inclusion", "the path is too long")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1:  # at the right edge a node rises alone until it is a right child; here at == last > 0
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    if last != 0 or node != root:
        raise PeerError("merkle.inclusion", f"the path does not lead from leaf {index} to the root")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the new tree begins with the old one (RFC 9162 2.1.4.2).

    Equal sizes need an empty path and equal roots; old_size 0 an empty path and EMPTY_ROOT. Raises PeerError
    `merkle.consistency`, also for any hash that is not of 32 bytes.
    """
    if not 0 <= old_size <= new_size or not _are_hashes(old_root, new_root, *path):
        raise PeerError("merkle.consistency", "the numbers or hashes are out of range")
    if old_size == 0:
        empty_grew = not path and old_root == EMPTY_ROOT and (new_size > 0 or new_root == EMPTY_ROOT)
        if not empty_grew:
            raise PeerError("merkle.consistency", "the empty tree has one root and needs no path")
        return
    nodes = [old_root, *path] if old_size == new_size or is_power_of_two(old_size) else path
    if consistency_roots(old_size, new_size, nodes) != (old_root, new_root):
        raise PeerError("merkle.consistency", f"the path does not lead from size {old_size} to size {new_size}")


def consistency_roots(old_size: int, new_size: int, nodes: Sequence[bytes], start: int = 0) -> tuple[bytes, bytes]:
    """Walk a consistency proof whose first node is always explicit and return the two roots that it gives.

    The walk of RFC 9162 section 2.1.4.2, generalised to the leaves from `start` to `old_size` as in the subtree proofs of
    draft-ietf-plants-merkle-tree-certs. It convicts a rewrite: where it ends in the newer root and another older one,
    the log signed two histories. Raises PeerError `merkle.consistency` when the walk does not end at a root.
    """
    if not 0 <= start < old_size <= new_size or not nodes or not _are_hashes(*nodes):
        raise PeerError("merkle.consistency", "the numbers or hashes are out of range")
    first, last, end = start, old_size - 1, new_size - 1
    while first != last and (last == end or last & 1):  # up to the first node of the proof
        first, last, end = first >> 1, last >> 1, end >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if end == 0:
            raise PeerError("merkle.consistency", "the path is too long")
        if last & 1 or last == end:
            if first < last:
                old = node_hash(node, old)
            new = node_hash(node, new)
            while not last & 1:  # ends: here 0 < last, because end is not 0
                first, last, end = first >> 1, last >> 1, end >> 1
        else:
            new = node_hash(new, node)
        first, last, end = first >> 1, last >> 1, end >> 1
    if end != 0:
        raise PeerError("merkle.consistency", "the path is too short")
    return old, new


def is_power_of_two(number: int) -> bool:
    """Whether a positive number is a power of two, so that as many leaves can be one perfect subtree."""
    return number.bit_count() == 1


def _are_hashes(*hashes: bytes) -> bool:
    return all(len(one) == HASH_BYTES for one in hashes)


def _left_width(width: int) -> int:
    """The largest power of two below `width`, which is at least 2: how many leaves the left child has."""
    return 1 << (width - 1).bit_length() - 1


def _range_hash(read: NodeReader, low: int, high: int) -> bytes:
    """The hash of the leaves from `low` to `high`, a child of some node of the tree."""
    return _join([read(level, index) for level, index in _peaks(low, high)])


def _peaks(low: int, high: int) -> Iterator[tuple[int, int]]:
    """The perfect subtrees, as (level, index), that make up the leaves from `low` to `high`, the largest first."""
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def root_of(read: NodeReader, size: int) -> bytes:
    """The root of a tree of `size` leaves, from its perfect subtrees. EMPTY_ROOT for none."""
    return _range_hash(read, 0, size) if size else EMPTY_ROOT
