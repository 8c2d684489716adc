"""Merkle trees: against the definition, against each other, and against 518 public proofs, most of them wrong."""

from __future__ import annotations

import base64
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.tlog import merkle
from ceasewire.tlog.merkle import EMPTY_ROOT, Frontier, NodeReader
from ceasewire.tlog.subtree import Subtree, verify_subtree_consistency, verify_subtree_inclusion

from .helpers import attempt, flipped, leaves, load, naive_root, refused, vectors

MAX = 70
LEAVES = leaves(MAX)


def reader(hashes: list[bytes]) -> NodeReader:
    """Reads perfect subtrees of a list of leaf hashes, and only such as the tree has."""

    @cache
    def read(level: int, index: int) -> bytes:
        low, high = index << level, (index + 1) << level
        assert high <= len(hashes), "asked for a subtree that is not complete"
        return naive_root(hashes[low:high])

    return read


READ = reader(LEAVES)
ROOTS = [naive_root(LEAVES[:size]) for size in range(MAX + 1)]


def test_hashes_are_those_of_rfc_6962() -> None:
    assert sha256(b"").digest() == EMPTY_ROOT
    assert merkle.leaf_hash(b"") == bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    assert merkle.leaf_hash(b"x") == sha256(b"\x00x").digest()
    assert merkle.node_hash(b"l" * 32, b"r" * 32) == sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


def test_roots() -> None:
    assert Frontier.empty().root() == EMPTY_ROOT == merkle.tree_root([])
    for size in range(MAX + 1):
        assert merkle.tree_root(LEAVES[:size]) == ROOTS[size]
        assert merkle.root_of(READ, size) == ROOTS[size]


@given(st.lists(st.integers(min_value=0, max_value=40), max_size=8))
def test_a_frontier_is_the_same_however_it_grew(steps: list[int]) -> None:
    hashes = leaves(sum(steps))
    frontier = Frontier.empty()
    at = 0
    for step in steps:
        frontier = frontier.extend(iter(hashes[at : at + step]))
        at += step
        assert frontier.size == at
        assert frontier.root() == naive_root(hashes[:at])
    assert frontier == Frontier.empty().extend(hashes)
    assert frontier.hashes == Frontier(frontier.size, frontier.hashes).hashes


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        (0, (b"h" * 32,)),
        (1, ()),
        (2, (b"h" * 32,) * 2),
        (3, (b"h" * 32,)),
        (-1, (b"h" * 32,)),
        (1, (b"h" * 31,)),
        (3, (b"h" * 32, b"")),
    ],
)
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, hashes: tuple[bytes, ...]) -> None:
    with refused("merkle.consistency"):
        Frontier(size, hashes)


def test_all_inclusion_proofs() -> None:
    for size in range(1, MAX + 1):
        for index in range(size):
            path = merkle.inclusion_path(READ, index, size)
            merkle.verify_inclusion(LEAVES[index], index, size, ROOTS[size], path)


def not_included(leaf: bytes, index: int, size: int, root: bytes, path: list[bytes]) -> None:
    with refused("merkle.inclusion"):
        merkle.verify_inclusion(leaf, index, size, root, path)


@pytest.mark.parametrize("size", range(1, 34))
def test_changed_inclusion_proofs_fail(size: int) -> None:
    root = ROOTS[size]
    for index in range(size):
        leaf, path = LEAVES[index], merkle.inclusion_path(READ, index, size)
        for at in range(len(path)):
            not_included(leaf, index, size, root, [*path[:at], flipped(path[at], 7 * at), *path[at + 1 :]])
            not_included(leaf, index, size, root, path[:at] + path[at + 1 :])
            not_included(leaf, index, size, root, [*path[:at], path[at][:31], *path[at + 1 :]])
        not_included(leaf, index, size, root, [*path, root])
        not_included(leaf, index, size, root, [root, *path])
        for longer in (merkle.node_hash(leaf, root), merkle.node_hash(root, leaf)):
            not_included(leaf, index, size, longer, [*path, leaf])
        not_included(leaf[:31], index, size, root, path)
        not_included(leaf, index, size, root + b"\x00", path)
        not_included(leaf, index, size, flipped(root, 255), path)
        for other in {*range(-1, size + 2)} - {index}:
            not_included(leaf, other, size, root, path)
        not_included(leaf, index, 0, root, path)
        not_included(leaf, index, -1, root, path)


def test_all_consistency_proofs() -> None:
    for new in range(MAX + 1):
        for old in range(new + 1):
            path = merkle.consistency_path(READ, old, new)
            merkle.verify_consistency(old, ROOTS[old], new, ROOTS[new], path)


def not_consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]) -> None:
    with refused("merkle.consistency"):
        merkle.verify_consistency(old, old_root, new, new_root, path)


@pytest.mark.parametrize("new", range(34))
def test_changed_consistency_proofs_fail(new: int) -> None:
    for old in range(new + 1):
        path = merkle.consistency_path(READ, old, new)
        roots = (ROOTS[old], ROOTS[new])
        for at in range(len(path)):
            not_consistent(old, roots[0], new, roots[1], [*path[:at], flipped(path[at], 5 * at), *path[at + 1 :]])
            not_consistent(old, roots[0], new, roots[1], path[:at] + path[at + 1 :])
            not_consistent(old, roots[0], new, roots[1], [*path[:at], path[at] + b"\x00", *path[at + 1 :]])
        not_consistent(old, roots[0], new, roots[1], [*path, roots[1]])
        not_consistent(old, roots[0], new, roots[1], [roots[0], *path])
        not_consistent(old, flipped(roots[0], 3), new, roots[1], path)
        not_consistent(old, roots[0][:31], new, roots[1], path)
        not_consistent(old, roots[0], new, roots[1][:31], path)
        not_consistent(-1, roots[0], new, roots[1], path)
        if old:
            not_consistent(old, roots[0], new, flipped(roots[1], 3), path)
        if old != new:
            not_consistent(new, roots[1], old, roots[0], path)


def test_the_empty_tree() -> None:
    merkle.verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    merkle.verify_consistency(0, EMPTY_ROOT, 5, ROOTS[5], [])
    not_consistent(0, EMPTY_ROOT, 0, ROOTS[5], [])
    not_consistent(0, ROOTS[5], 0, ROOTS[5], [])
    not_consistent(0, EMPTY_ROOT, -1, EMPTY_ROOT, [])
    not_consistent(0, ROOTS[5], 5, ROOTS[5], [])
    not_consistent(0, EMPTY_ROOT, 5, ROOTS[5], [EMPTY_ROOT])
    not_included(LEAVES[0], 0, 0, EMPTY_ROOT, [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_no_path_to_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with refused("merkle.inclusion"):
        merkle.inclusion_path(READ, index, size)


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5), (1, 0)])
def test_no_path_from_a_tree_that_is_not_older(old: int, new: int) -> None:
    with refused("merkle.consistency"):
        merkle.consistency_path(READ, old, new)


def test_a_rewrite_is_convicted_by_its_walk() -> None:
    honest = LEAVES[:33]
    for old in range(1, 33):
        forged = [*honest[: old - 1], merkle.leaf_hash(b"other"), *honest[old:]]
        path = merkle.consistency_path(reader(forged), old, 33)
        explicit = [naive_root(forged[:old]), *path] if merkle.is_power_of_two(old) else path
        old_root, new_root = merkle.consistency_roots(old, 33, explicit)
        assert new_root == naive_root(forged)
        assert old_root == naive_root(forged[:old])
        assert old_root != ROOTS[old]


@pytest.mark.parametrize(
    ("old", "new", "nodes"),
    [(0, 1, 1), (2, 1, 1), (1, 2, 0), (1, 2, 1), (1, 2, 3), (3, 7, 3), (3, 7, 5), (1, 1, 2)],
)
def test_a_walk_that_does_not_end_at_a_root_proves_nothing(old: int, new: int, nodes: int) -> None:
    with refused("merkle.consistency"):
        merkle.consistency_roots(old, new, LEAVES[:nodes])
    with refused("merkle.consistency"):
        merkle.consistency_roots(1, 2, [LEAVES[0], b"short"])


def sparse(special: int) -> NodeReader:
    """A tree of any size, all of whose leaves are the same but one."""
    plain = [merkle.leaf_hash(b"plain")]
    for _ in range(64):
        plain.append(merkle.node_hash(plain[-1], plain[-1]))

    def read(level: int, index: int) -> bytes:
        if special >> level != index:
            return plain[level]
        if level == 0:
            return merkle.leaf_hash(b"special")
        return merkle.node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))

    return read


def sparse_frontier(read: NodeReader, size: int) -> Frontier:
    hashes = [read(level, (size >> level) - 1) for level in reversed(range(64)) if size >> level & 1]
    return Frontier(size, tuple(hashes))


@pytest.mark.parametrize("special", [0, 2**32 - 1, 2**32, 2**62 + 12345])
@pytest.mark.parametrize("extra", [1, 2, 3, 2**20 + 7])
def test_trees_beyond_32_bits(special: int, extra: int) -> None:
    read = sparse(special)
    size = max(special, 2**32) + extra
    root = sparse_frontier(read, size).root()
    path = merkle.inclusion_path(read, special, size)
    leaf = merkle.leaf_hash(b"special")
    merkle.verify_inclusion(leaf, special, size, root, path)
    for other in {special - 1, special + 1, special ^ 2**32, special ^ 2**31}:
        not_included(leaf, other, size, root, path)
    for old in (1, 2**31, 2**32 - 1, 2**32, size - 1, size):
        old_root = sparse_frontier(read, old).root()
        proof = merkle.consistency_path(read, old, size)
        merkle.verify_consistency(old, old_root, size, root, proof)
        not_consistent(old, flipped(old_root, 9), size, root, proof)
    grown = sparse_frontier(read, size).extend([leaf])
    merkle.verify_consistency(size, root, size + 1, grown.root(), _one_more(read, size, leaf))


def _one_more(read: NodeReader, size: int, leaf: bytes) -> list[bytes]:
    """The consistency path from `size` to one leaf more, whose hash is `leaf`."""

    def after(level: int, index: int) -> bytes:
        if (index + 1) << level <= size:
            return read(level, index)
        return leaf if level == 0 else merkle.node_hash(after(level - 1, 2 * index), after(level - 1, 2 * index + 1))

    return merkle.consistency_path(after, size, size + 1)


# Upstream compares roots of equal or empty trees without looking at their length. A root that is not a hash is refused here.
NOT_A_HASH = {
    "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json",
    "subtreeconsistency/additional/sizes-are-equal-one-and-proof-is-empty.json",
    "subtreeconsistency/additional/subtree-is-empty-sizes-are-equal-one-subtree-root-valid-tree-root-random-proof-is-empty.json",
    "subtreeconsistency/additional/subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-tree-root-random-proof-is-empty.json",
}


def _bytes(case: dict[str, Any], name: str) -> bytes:
    return base64.b64decode(case[name])


def check(kind: str, case: dict[str, Any]) -> bool:
    """True, or PeerError."""
    path = [base64.b64decode(node) for node in case["proof"] or []]
    match kind:
        case "inclusion":
            leaf, root = _bytes(case, "leafHash"), _bytes(case, "root")
            merkle.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], root, path)
        case "consistency":
            roots = _bytes(case, "root1"), _bytes(case, "root2")
            merkle.verify_consistency(case["size1"], roots[0], case["size2"], roots[1], path)
        case "subtreeinclusion":
            leaf, root = _bytes(case, "leafHash"), _bytes(case, "root")
            verify_subtree_inclusion(leaf, case["leafIdx"], Subtree(case["start"], case["end"]), root, path)
        case _:
            roots = _bytes(case, "root1"), _bytes(case, "root2")
            verify_subtree_consistency(Subtree(case["start"], case["end"]), roots[0], case["size"], roots[1], path)
    return True


@pytest.mark.parametrize(
    ("kind", "count"), [("inclusion", 98), ("consistency", 98), ("subtreeinclusion", 204), ("subtreeconsistency", 118)]
)
def test_public_vectors(kind: str, count: int) -> None:
    folder = vectors("merkle-rfc6962-9162") / "testdata"
    paths = sorted((folder / kind).rglob("*.json"))
    code = "merkle.inclusion" if "inclusion" in kind else "merkle.consistency"
    wrong: list[str] = []
    refused_more: set[str] = set()
    for path in paths:
        case, name = load(path), path.relative_to(folder).as_posix()
        accepted = attempt({code}, check, kind, case) is True
        if accepted == case["wantErr"]:
            (refused_more.add if name in NOT_A_HASH else wrong.append)(name)
    assert wrong == []
    assert refused_more == {name for name in NOT_A_HASH if name.startswith(f"{kind}/")}
    assert len(paths) == count
