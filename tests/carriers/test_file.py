"""A file of bundles: whole, cut, mixed, foreign. FAULTS A19."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from carriers.sides import make_sides
from ceasewire.carriers.file import read_bundles
from ceasewire.node.exchange import Exchange


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Exchange, Exchange]]:
    sides = make_sides(tmp_path, {"north": "", "south": ""})
    with sides["north"].folder.node(None) as north, sides["south"].folder.node(None) as south:
        yield Exchange(north), Exchange(south)


def three(north: Exchange, south: Exchange) -> list[bytes]:
    """Three bundles, each with one message more than the one before."""
    found = []
    for text in ("one", "two", "three"):
        north.node.send("statement", {"text": text})
        found.append(north.compose(south.node.own).data)
    return found


def test_all_of_a_file(both: tuple[Exchange, Exchange]) -> None:
    reading = read_bundles(both[1], b"".join(three(*both)))
    assert reading.well
    assert reading.as_json() == {
        "bundles": 3, "received": 3, "again": 3, "receipted": 0, "held": [], "refused": [], "error": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "code", "bundles"),
    [
        (lambda a, b, c: a + b + c[:-1], "bundle.truncated", 2),
        (lambda a, b, c: a + b + c[:10], "bundle.truncated", 2),
        (lambda a, b, c: a + b"XX" + b + c, "bundle.magic", 1),
        (lambda a, b, c: a[:-1] + bytes([a[-1] ^ 1]) + b, "bundle.open", 0),
        (lambda a, b, c: a + b[:8] + b"\x02" + b[9:] + c, "bundle.version", 1),
        (lambda a, b, c: a + b[:20] + bytes([b[20] ^ 1]) + b[21:], "bundle.channel", 1),
        (lambda a, b, c: b"", "bundle.magic", 0),
        (lambda a, b, c: b"\0" * 100, "bundle.magic", 0),
    ],
)
def test_a19_the_part_that_verifies_is_taken_and_said(both: tuple[Exchange, Exchange], spoil, code: str, bundles: int) -> None:  # type: ignore[no-untyped-def]
    made = three(*both)
    reading = read_bundles(both[1], spoil(*made))
    assert (reading.code, reading.bundles, reading.well) == (code, bundles, False)
    assert reading.offset == sum(len(one) for one in made[:bundles])
    assert both[1].node.store_size(both[0].node.own) == bundles


def test_reversed_and_twice(both: tuple[Exchange, Exchange]) -> None:
    one, two, three_ = three(*both)
    reading = read_bundles(both[1], three_ + two + one + one)
    assert reading.well
    assert (reading.bundles, reading.received, reading.again) == (4, 3, 4)


def test_a19_the_receipt_rides_back(both: tuple[Exchange, Exchange]) -> None:
    north, south = both
    north.node.send("statement", {"text": "one"})
    assert read_bundles(south, north.write_file(south.node.own)[0]).received == 1
    assert read_bundles(north, south.write_file(north.node.own)[0]).receipted == 1
