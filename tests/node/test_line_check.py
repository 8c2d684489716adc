"""Line checks: both keys sign, both keys receipt, and what was receipted is written down in the record."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceasewire.record.message import message_of
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44
from helpers import START
from node.pair import ChannelPair, Side


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair() as made:
        yield made


def verified(side: Side, log: int, size: int) -> list[tuple[str, int]]:
    """Whose lines of which kind stand under a checkpoint as a side keeps it, each verified."""
    kept = side.node.store.checkpoint(log, size)
    assert kept is not None
    note = side.node.note(kept)
    keys = [key for names in side.made.channel.logs.values() for key in (*names.log, *names.receipt)]
    found = []
    for line in note.lines:
        (key,) = (key for key in keys if line.is_by(key))
        checkpoints.verify(note.checkpoint, line, key)
        found.append((key.name.rpartition("/")[2], key.kind))
    return sorted(found)


def test_both_keys_sign_and_both_keys_receipt_a_line_check(pair: ChannelPair) -> None:
    pair.north.node.send("line_check", {})
    pair.sync("north", "south")
    expected = sorted([("north", ED25519), ("north", MLDSA44), ("receipt", COSIGNATURE_ED25519), ("receipt", MLDSA44)])
    assert verified(pair.north, 0, 1) == verified(pair.south, 0, 1) == expected


def test_other_messages_are_signed_and_receipted_by_one_key(pair: ChannelPair) -> None:
    pair.north.say()
    pair.sync("north", "south")
    assert verified(pair.south, 0, 1) == [("north", ED25519), ("receipt", COSIGNATURE_ED25519)]


def test_the_second_signature_arrives_though_messages_follow_before_the_talk(pair: ChannelPair) -> None:
    pair.north.say()
    pair.north.node.send_many([("statement", {"text": "a"}), ("line_check", {}), ("statement", {"text": "b"})])
    pair.north.say()
    pair.north.node.send("line_check", {})
    pair.north.say()
    pair.sync("north", "south")
    for size in (4, 6):
        assert ("north", MLDSA44) in verified(pair.south, 0, size)
    assert ("receipt", MLDSA44) in verified(pair.north, 0, 7)
    pair.check()


def written(side: Side, index: int) -> list[tuple[object, ...]]:
    row = side.node.row((0, index))
    items = message_of(row).body.get(16, [])
    assert isinstance(items, list)
    return [(item[1], item[2], item[3], item[4], item[5]) for item in items if isinstance(item, dict)]


def test_a_line_check_writes_down_the_newest_receipts_and_each_once(pair: ChannelPair) -> None:
    pair.north.say()
    pair.south.clock.now = START + 3
    pair.sync("north", "south")
    pair.north.say()
    pair.sync("north", "south")
    for _ in range(2):
        pair.north.node.send("line_check", {})
    assert written(pair.north, 2) == [(0, 2, 1, COSIGNATURE_ED25519, START + 3)]
    assert written(pair.north, 3) == []
    pair.sync("north", "south")
    pair.north.node.send("line_check", {})
    assert {(item[1], item[3]) for item in written(pair.north, 4)} == {(4, COSIGNATURE_ED25519), (4, MLDSA44)}
    pair.sync("north", "south")
    pair.check()


def test_a_written_receipt_is_the_proof_that_starts_the_clock(pair: ChannelPair) -> None:
    note = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala", "accused": "south"}
    pair.north.node.send("notification", note)
    pair.south.clock.now = START + 9
    pair.sync("north", "south")
    assert pair.north.node.cases()[0]["state"] == "notified"
    pair.north.node.send("line_check", {})
    pair.sync("north", "south")
    assert [side.node.cases()[0]["state"] for side in pair] == ["received", "received"]
    pair.check()
