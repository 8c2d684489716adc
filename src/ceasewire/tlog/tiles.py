"""A log as static files: C2SP tlog-tiles, tiles of height 8 (256 hashes, 8,192 bytes).

A *level* here counts tiles: level 0 holds leaf hashes, level L the hashes of full subtrees of 256**L leaves. All the
nodes in between are computed from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from ceasewire.errors import PeerError
from ceasewire.tlog.merkle import NodeReader, hash_pairs

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
MAX_TILE_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 0xFFFF

_LENGTH_BYTES = 2

HashSource: TypeAlias = Callable[[int, int, int], Sequence[bytes]]
"""(level, start, count) -> `count` hashes of that level from the `start`-th on. Asked only for hashes that exist."""


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Where a tile is served below the log's prefix, e.g. `tile/0/x001/x234/067` or `tile/1/000.p/17`.

    Raises ValueError for a level, index or width that no tile has.
    """
    if not 0 <= level <= MAX_TILE_LEVEL:
        raise ValueError(f"no tile has level {level}")
    return f"tile/{level}/{_numbered(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Where an entry bundle is served below the log's prefix, e.g. `tile/entries/000.p/5`. Raises ValueError."""
    return f"tile/entries/{_numbered(index, width)}"


def _numbered(index: int, width: int) -> str:
    if index < 0 or not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"no tile has index {index} and width {width}")
    last = f"{index % 1000:03}"
    above = index // 1000
    while above:
        last = f"x{above % 1000:03}/{last}"
        above //= 1000
    return last if width == TILE_WIDTH else f"{last}.p/{width}"


def tile_layout(size: int) -> Iterator[tuple[int, int, int]]:
    """All tiles of a tree of `size` leaves as (level, index, width), full and partial, level by level."""
    level = 0
    while size:
        full, rest = divmod(size, TILE_WIDTH)
        for index in range(full):
            yield level, index, TILE_WIDTH
        if rest:
            yield level, full, rest
        level, size = level + 1, full


def encode_entry_bundle(entries: Sequence[bytes]) -> bytes:
    """Write 1 to 256 entries, each behind its length as a big-endian uint16.

    Raises ValueError for another number of entries or an entry of more than 65,535 bytes.
    """
    if not 1 <= len(entries) <= TILE_WIDTH or any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise ValueError("a bundle holds 1 to 256 entries of at most 65,535 bytes")
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def decode_entry_bundle(data: bytes, width: int) -> list[bytes]:
    """Read a bundle that must hold exactly `width` entries and nothing else. Raises PeerError `tile.malformed`."""
    if not 1 <= width <= TILE_WIDTH:
        raise PeerError("tile.malformed", f"no bundle has width {width}")
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        start = at + _LENGTH_BYTES
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data):
            raise PeerError("tile.malformed", f"the bundle ends in entry {len(entries)}")
        entries.append(data[start:end])
        at = end
    if at != len(data):
        raise PeerError("tile.malformed", f"{len(data) - at} bytes follow the last entry")
    return entries


def node_reader(source: HashSource) -> NodeReader:
    """Read any perfect subtree's hash through `source`: one read of at most 128 hashes from the tile level below it.

    The reader raises PeerError `tile.malformed` when `source` gives another number of hashes than asked for.
    """

    def read(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        nodes = _read(source, tile_level, index << height, 1 << height)
        while len(nodes) > 1:
            nodes = hash_pairs(nodes)
        return nodes[0]

    return read


def completed_tiles(old_size: int, leaf_hashes: Iterable[bytes], source: HashSource) -> list[tuple[int, int, bytes]]:
    """The hashes of level 1 and above that become final when leaves are appended to a tree of `old_size`.

    Returns (level, index, hash), `index` counting the hashes of that level from 0, in the order in which they are to be
    stored. `source` is asked only for the tail of a partial tile that is already stored, and gives it as it was before.
    Raises PeerError `tile.malformed` when it gives another number of hashes than asked for.
    """
    completed: list[tuple[int, int, bytes]] = []
    level, held, nodes = 0, old_size, list(leaf_hashes)
    while (tail := held % TILE_WIDTH) + len(nodes) >= TILE_WIDTH:
        if tail:
            nodes = [*_read(source, level, held - tail, tail), *nodes]
        nodes = nodes[: len(nodes) // TILE_WIDTH * TILE_WIDTH]
        for _ in range(TILE_HEIGHT):
            nodes = hash_pairs(nodes)
        level, held = level + 1, held // TILE_WIDTH
        completed += [(level, held + at, node) for at, node in enumerate(nodes)]
    return completed


def _read(source: HashSource, level: int, start: int, count: int) -> Sequence[bytes]:
    nodes = source(level, start, count)
    if len(nodes) != count:
        raise PeerError("tile.malformed", f"{len(nodes)} hashes of level {level} from {start} on instead of {count}")
    return nodes
