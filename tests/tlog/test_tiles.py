"""Tiles: the paths and examples of C2SP tlog-tiles, naive trees, and a whole log that Tessera wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.tlog import checkpoint, merkle, tiles
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.note import VerifierKey
from ceasewire.tlog.tiles import HashSource

from .helpers import leaves, naive_root, refused, vectors

TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


class Stored:
    """Hashes by tile level, as a store keeps them; gives only what is there and counts the reads."""

    def __init__(self) -> None:
        self.levels: dict[int, list[bytes]] = {0: []}
        self.reads: list[tuple[int, int, int]] = []

    def source(self, level: int, start: int, count: int) -> Sequence[bytes]:
        self.reads.append((level, start, count))
        held = self.levels.get(level, [])
        assert 0 <= start < start + count <= len(held), "asked for hashes that do not exist"
        return held[start : start + count]

    def append(self, hashes: list[bytes]) -> None:
        new = tiles.completed_tiles(len(self.levels[0]), iter(hashes), self.source)
        self.levels[0] += hashes
        for level, index, node in new:
            row = self.levels.setdefault(level, [])
            assert index == len(row), "hashes come in the order in which they are stored"
            row.append(node)


def naive_levels(hashes: list[bytes]) -> dict[int, list[bytes]]:
    levels = {0: hashes}
    level, width = 1, 256
    while len(hashes) >= width:
        whole = len(hashes) // width
        levels[level] = [naive_root(hashes[at * width : (at + 1) * width]) for at in range(whole)]
        level, width = level + 1, width * 256
    return levels


def test_paths() -> None:
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(0, 1234, 5) == "tile/0/x001/234.p/5"
    assert tiles.tile_path(63, 0) == "tile/63/000"
    assert tiles.tile_path(1, 999, 255) == "tile/1/999.p/255"
    assert tiles.tile_path(2, 1000, 1) == "tile/2/x001/000.p/1"
    assert tiles.entries_path(273, 112) == "tile/entries/273.p/112"
    assert tiles.entries_path(1_000_000) == "tile/entries/x001/x000/000"


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 256), (64, 0, 256), (0, -1, 256), (0, 0, 0), (0, 0, 257)])
def test_no_path_for_what_is_no_tile(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="no tile"):
        tiles.tile_path(level, index, width)


def test_layout_examples_of_the_specification() -> None:
    expected = [(0, index, 256) for index in range(273)] + [(0, 273, 112), (1, 0, 256), (1, 1, 17), (2, 0, 1)]
    assert list(tiles.tile_layout(70_000)) == expected
    assert list(tiles.tile_layout(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles.tile_layout(0)) == []
    assert list(tiles.tile_layout(1)) == [(0, 0, 1)]


@given(st.integers(min_value=0, max_value=300_000))
def test_layout_has_the_widths_of_the_specification(size: int) -> None:
    held: dict[int, int] = {}
    for level, index, width in tiles.tile_layout(size):
        assert 1 <= width <= 256
        assert index * 256 == held.get(level, 0)
        held[level] = held.get(level, 0) + width
    assert held == {level: size // 256**level for level in range(4) if size // 256**level}


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=256))
def test_bundle_round_trip(entries: list[bytes]) -> None:
    assert tiles.decode_entry_bundle(tiles.encode_entry_bundle(entries), len(entries)) == entries


@pytest.mark.parametrize("width", [1, 255, 256])
def test_bundle_widths(width: int) -> None:
    assert tiles.decode_entry_bundle(tiles.encode_entry_bundle([b""] * width), width) == [b""] * width


def test_bundle_of_the_largest_entry() -> None:
    entry = b"e" * 65_535
    assert tiles.encode_entry_bundle([entry]) == b"\xff\xff" + entry
    assert tiles.decode_entry_bundle(b"\xff\xff" + entry, 1) == [entry]


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"e" * 65_536]])
def test_bundles_that_cannot_be_written(entries: list[bytes]) -> None:
    with pytest.raises(ValueError, match="1 to 256 entries"):
        tiles.encode_entry_bundle(entries)


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x01", 1),
        (b"\x00\x02a", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00", 2),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01a\x00\x01b", 1),
        (b"", 0),
        (b"", -1),
        (b"\x00\x00" * 257, 257),
    ],
)
def test_malformed_bundles(data: bytes, width: int) -> None:
    with refused("tile.malformed"):
        tiles.decode_entry_bundle(data, width)


@pytest.mark.parametrize(
    "steps", [[1] * 600, [255, 1, 1], [256, 256], [257, 0, 255, 511, 2], [1000], [0, 0], [100, 65_436, 1], [65_535, 2]]
)
def test_completed_tiles(steps: list[int]) -> None:
    hashes = leaves(sum(steps))
    stored = Stored()
    at = 0
    for step in steps:
        stored.reads.clear()
        stored.append(hashes[at : at + step])
        at += step
        # Only the tail of a partial tile is read, at most once a level.
        assert all(start % 256 == 0 and 1 <= count <= 255 for _, start, count in stored.reads)
        assert len({level for level, _, _ in stored.reads}) == len(stored.reads) <= 2
    assert stored.levels == naive_levels(hashes)


def test_completed_tiles_of_a_level_2_tile_that_fills_up_late() -> None:
    stored = Stored()
    row = leaves(255)
    stored.levels = {0: [b"h" * 32] * (256**3 - 1), 1: [b"h" * 32] * (256**2 - 256) + row, 2: row}
    new = tiles.completed_tiles(256**3 - 1, [b"l" * 32], stored.source)
    first = naive_root([b"h" * 32] * 255 + [b"l" * 32])
    second = naive_root([*row, first])
    assert new == [(1, 256**2 - 1, first), (2, 255, second), (3, 0, naive_root([*row, second]))]
    assert stored.reads == [(0, 256**3 - 256, 255), (1, 256**2 - 256, 255), (2, 0, 255)]


def test_node_reader_gives_every_perfect_subtree_with_one_read() -> None:
    hashes = leaves(66_000)
    stored = Stored()
    stored.append(hashes)
    read = tiles.node_reader(stored.source)
    for level in range(17):
        for index in {0, 1, (len(hashes) >> level) // 2, (len(hashes) >> level) - 1}:
            if 0 <= index < len(hashes) >> level:
                stored.reads.clear()
                assert read(level, index) == naive_root(hashes[index << level : (index + 1) << level])
                assert len(stored.reads) == 1
                assert stored.reads[0][2] <= 128


@pytest.mark.parametrize("given_hashes", [[], [b"h" * 32], [b"h" * 32] * 3])
def test_a_source_that_gives_another_number_of_hashes(given_hashes: list[bytes]) -> None:
    def source(_level: int, _start: int, _count: int) -> Sequence[bytes]:
        return given_hashes

    with refused("tile.malformed"):
        tiles.node_reader(source)(1, 0)
    with refused("tile.malformed"):
        tiles.completed_tiles(2, leaves(254), source)


@given(st.integers(min_value=1, max_value=1500), st.data())
def test_proofs_from_tiles(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    stored = Stored()
    stored.append(hashes)
    read = tiles.node_reader(stored.source)
    root = merkle.tree_root(hashes)
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    old = data.draw(st.integers(min_value=0, max_value=size))
    merkle.verify_inclusion(hashes[index], index, size, root, merkle.inclusion_path(read, index, size))
    path = merkle.consistency_path(read, old, size)
    merkle.verify_consistency(old, merkle.tree_root(hashes[:old]), size, root, path)


# The log that Tessera wrote


def tessera() -> tuple[Path, dict[int, SignedCheckpoint]]:
    log = vectors("tlog-tiles-tessera") / "testdata" / "log"
    signed = [SignedCheckpoint.parse(path.read_bytes()) for path in sorted(log.glob("checkpoint*"))]
    return log, {one.checkpoint.size: one for one in signed}


def tessera_source(log: Path, size: int) -> HashSource:
    def source(level: int, start: int, count: int) -> Sequence[bytes]:
        assert level == 0
        assert start + count <= size
        data = (log / tiles.tile_path(0, 0, size)).read_bytes()
        return [data[at * 32 : at * 32 + 32] for at in range(start, start + count)]

    return source


def test_tessera_checkpoints_verify_and_are_written_again() -> None:
    log, signed = tessera()
    key = VerifierKey.parse(TESSERA_KEY)
    assert sorted(signed) == list(range(16))
    assert (log / "checkpoint").read_bytes() == (log / "checkpoint.15").read_bytes()
    for size, one in signed.items():
        assert checkpoint.verify(one.checkpoint, one.lines[0], key) == 0
        assert one.encode() == (log / f"checkpoint.{size}").read_bytes()
        other = signed[(size + 1) % 16].checkpoint
        with refused("sig.invalid"):
            checkpoint.verify(other, one.lines[0], key)


def test_tessera_pairs_are_consistent_by_proofs_from_its_tiles() -> None:
    log, signed = tessera()
    for new in range(16):
        read = tiles.node_reader(tessera_source(log, new))
        root = signed[new].checkpoint.root
        for old in range(new + 1):
            path = merkle.consistency_path(read, old, new)
            merkle.verify_consistency(old, signed[old].checkpoint.root, new, root, path)
        for index in range(new):
            leaf = read(0, index)
            merkle.verify_inclusion(leaf, index, new, root, merkle.inclusion_path(read, index, new))


def test_tessera_files_are_those_of_the_layout() -> None:
    log, signed = tessera()
    expected = {
        path
        for size in signed
        for level, index, width in tiles.tile_layout(size)
        for path in [tiles.tile_path(level, index, width), *([tiles.entries_path(index, width)] if level == 0 else [])]
    }
    assert {path.relative_to(log).as_posix() for path in (log / "tile").rglob("*") if path.is_file()} == expected
    for size in range(1, 16):
        data = (log / tiles.entries_path(0, size)).read_bytes()
        entries = tiles.decode_entry_bundle(data, size)
        assert tiles.encode_entry_bundle(entries) == data
        hashes = [merkle.leaf_hash(entry) for entry in entries]
        assert b"".join(hashes) == (log / tiles.tile_path(0, 0, size)).read_bytes()
        assert merkle.tree_root(hashes) == signed[size].checkpoint.root
