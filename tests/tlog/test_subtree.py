"""Subtree proofs, made here as draft-ietf-plants-merkle-tree-certs defines them. The public ones are in test_merkle."""

from __future__ import annotations

import pytest

from ceasewire.tlog.merkle import EMPTY_ROOT, consistency_path, inclusion_path
from ceasewire.tlog.subtree import Subtree, verify_subtree_consistency, verify_subtree_inclusion

from .helpers import flipped, leaves, naive_root, refused
from .test_merkle import reader

MAX = 24
LEAVES = leaves(MAX)
SUBTREES = [
    Subtree(start, end) for start in range(MAX) for end in range(start + 1, MAX + 1) if start % (1 << (end - start - 1).bit_length()) == 0
]


def prove(start: int, end: int, hashes: list[bytes], known: bool = True) -> list[bytes]:
    """SUBTREE_SUBPROOF of the draft, word for word."""
    if (start, end) == (0, len(hashes)):
        return [] if known else [naive_root(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    left, right = hashes[:k], hashes[k:]
    if end <= k:
        return [*prove(start, end, left, known), naive_root(right)]
    if k <= start:
        return [*prove(start - k, end - k, right, known), naive_root(left)]
    return [*prove(0, end - k, right, False), naive_root(left)]


def test_which_ranges_are_subtrees() -> None:
    ranges = [Subtree(start, end) for start in range(MAX) for end in range(start + 1, MAX + 1)]
    assert [one for one in ranges if one.is_valid] == SUBTREES
    assert Subtree(3, 3).is_valid
    assert Subtree(0, 2**63 - 1).is_valid
    for start, end in [(-1, 0), (2, 1), (0, 2**63), (-4, 4)]:
        assert not Subtree(start, end).is_valid


def test_all_subtree_inclusion_proofs() -> None:
    for one in SUBTREES:
        inside = LEAVES[one.start : one.end]
        for index, leaf in enumerate(inside, one.start):
            path = inclusion_path(reader(inside), index - one.start, len(inside))
            verify_subtree_inclusion(leaf, index, one, naive_root(inside), path)
            with refused("merkle.inclusion"):
                verify_subtree_inclusion(leaf, index - one.start - 1, one, naive_root(inside), path)
    with refused("merkle.inclusion"):
        verify_subtree_inclusion(LEAVES[1], 1, Subtree(1, 3), naive_root(LEAVES[1:3]), [LEAVES[2]])


@pytest.mark.parametrize("size", range(1, MAX + 1))
def test_all_subtree_consistency_proofs(size: int) -> None:
    root = naive_root(LEAVES[:size])
    for one in SUBTREES:
        if one.end > size:
            continue
        node = naive_root(LEAVES[one.start : one.end])
        path = prove(one.start, one.end, LEAVES[:size])
        if one.start == 0:
            assert path == consistency_path(reader(LEAVES), one.end, size)
        verify_subtree_consistency(one, node, size, root, path)
        for at in range(len(path)):
            with refused("merkle.consistency"):
                verify_subtree_consistency(one, node, size, root, [*path[:at], flipped(path[at], at), *path[at + 1 :]])
        for bad in (path[:-1] if path else [root], [*path, root]):
            with refused("merkle.consistency"):
                verify_subtree_consistency(one, node, size, root, bad)
        for changed in (flipped(node, 1), node[:31]):
            with refused("merkle.consistency"):
                verify_subtree_consistency(one, changed, size, root, path)


def test_empty_and_impossible_subtrees() -> None:
    root = naive_root(LEAVES[:5])
    verify_subtree_consistency(Subtree(3, 3), EMPTY_ROOT, 5, root, [])
    for one, node, path in [
        (Subtree(3, 3), root, []),
        (Subtree(3, 3), EMPTY_ROOT, [root]),
        (Subtree(6, 6), EMPTY_ROOT, []),
        (Subtree(-1, -1), EMPTY_ROOT, []),
        (Subtree(1, 3), naive_root(LEAVES[1:3]), []),
        (Subtree(4, 6), naive_root(LEAVES[4:6]), []),
    ]:
        with refused("merkle.consistency"):
            verify_subtree_consistency(one, node, 5, root, path)
    with refused("merkle.consistency"):
        verify_subtree_consistency(Subtree(0, 5), root, 5, root[:31], [])
