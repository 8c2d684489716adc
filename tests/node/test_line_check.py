"""Line checks: both keys sign, both keys receipt, and what was receipted is written down in the record."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ceasewire import limits
from ceasewire.node.memory import Remembering
from ceasewire.node.receipts import ROOM_BYTES, WRITTEN
from ceasewire.node.view import View
from ceasewire.record import encoding
from ceasewire.record.fields import LAST_TIME
from ceasewire.record.kinds import RECEIPTS_MOST
from ceasewire.record.message import message_of
from ceasewire.record.values import Cosignature
from ceasewire.store.interface import Change
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44, VerifierKey
from faults.liar import Liar
from helpers import START, local, seed_of
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


def receipts_of(side: Side) -> list[list[tuple[object, ...]]]:
    """What each line check of north wrote down: cosigner, kind, size."""
    checks = [one for one in side.node.store.rows(0, 0, side.size(0)) if one.kind == 11]
    return [[(item[2], item[3], item[1]) for item in written(side, one.index)] for one in checks]


def test_two_line_checks_in_one_batch_write_each_receipt_once(pair: ChannelPair) -> None:
    pair.north.say()
    pair.sync("north", "south")
    pair.north.node.send_many([("line_check", {}), ("line_check", {})])
    assert receipts_of(pair.north) == [[(1, COSIGNATURE_ED25519, 1)], []]


def test_a_receipt_that_comes_after_anothers_larger_one_is_written_down_too() -> None:
    """Each cosigner and kind has its own mark: what a guarantor was quick to receipt hides nobody else's."""
    note = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala", "accused": "south"}
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        north, liar = pair.north, Liar(pair.made, 1)
        north.node.send("notification", note)
        first = north.node.checkpoint(north.node.store.checkpoint(0, 1) or pytest.fail("no checkpoint"))
        north.say()
        pair.sync("north", "mission")
        north.node.send("line_check", {})
        north.receive(liar.bundle(0, checkpoints=[liar.receipt(first)]))
        north.node.send("line_check", {})
        north.receive(liar.bundle(0, checkpoints=[liar.receipt(first, algorithm="mldsa44")]))
        north.node.send("line_check", {})
        north.node.send("line_check", {})
        expected = [[(2, COSIGNATURE_ED25519, 2)], [(1, COSIGNATURE_ED25519, 1)], [(1, MLDSA44, 1)], []]
        assert receipts_of(north) == expected
        assert north.node.cases()[0]["state"] == "received"


def test_with_many_parties_receipts_that_do_not_fit_wait_for_the_next_line_check() -> None:
    """Fifteen ML-DSA-44 receipts are more than a body holds: Ed25519 goes first, and whoever waited longest is next."""
    slugs = tuple(f"p{n:02}" for n in range(16))
    with ChannelPair(slugs) as pair:
        first = pair[slugs[0]]
        first.node.send("line_check", {})
        for slug in slugs[1:]:
            pair.sync(slugs[0], slug)
        for _ in range(3):
            first.node.send("line_check", {})
        found = receipts_of(first)[1:]
        others = range(1, 16)
        assert [one for one in found[0] if one[1] == COSIGNATURE_ED25519] == [(by, COSIGNATURE_ED25519, 1) for by in others]
        assert sorted(one for check in found for one in check) == sorted(
            (by, kind, 1) for by in others for kind in (COSIGNATURE_ED25519, MLDSA44)
        )
        assert found[1]
        assert found[2] == []
        rows = first.node.store.rows(0, 0, 4)
        assert all(len(one.body) <= ROOM_BYTES + 100 for one in rows)
        waited = {by for by, kind, _ in found[0] if kind == MLDSA44}
        for slug in slugs[1:]:
            pair.sync(slugs[0], slug)
        first.node.send("line_check", {})
        again = {by for by, kind, _ in receipts_of(first)[-1] if kind == MLDSA44}
        assert again == waited, "those written first have waited longest"


def test_a_line_check_writes_down_at_most_what_its_field_holds() -> None:
    """Witnesses may be more than the field holds items; the rest is written down at the next line check."""
    keys = [Ed25519PrivateKey.from_private_bytes(seed_of("witness", n)).public_key().public_bytes_raw() for n in range(RECEIPTS_MOST + 6)]
    witnesses = [{"name": f"w{n}", "vkey": VerifierKey(f"w{n}", COSIGNATURE_ED25519, key).text()} for n, key in enumerate(keys)]
    with ChannelPair(witnesses=witnesses) as pair:
        north = pair.north
        north.say()
        given = [Cosignature(0, 1, -1 - n, COSIGNATURE_ED25519, START, bytes(64)) for n in range(len(keys))]
        north.node.commit(Change(cosignatures=given))
        for _ in range(3):
            north.node.send("line_check", {})
        found = receipts_of(north)
        assert [len(check) for check in found] == [RECEIPTS_MOST, 6, 0]
        assert {item[0] for check in found for item in check} == {one.by for one in given}


def test_what_a_person_puts_into_a_line_check_leaves_less_room_for_receipts(pair: ChannelPair) -> None:
    pair.north.node.send("line_check", {})
    pair.sync("north", "south")
    held = {"evidence_held": ["00" * 32] * 500, "sources": ["x" * 400] * 35}
    pair.north.node.send("line_check", held)
    pair.north.node.send("line_check", {})
    assert receipts_of(pair.north)[1:] == [[(1, COSIGNATURE_ED25519, 1)], [(1, MLDSA44, 1)]]
    pair.sync("north", "south")
    pair.check()


def test_a_body_over_its_limit_is_its_writers_mistake(pair: ChannelPair) -> None:
    long = {"text": "x" * 16_000, "translations": [{"language": "ps", "field": "text", "text": "x" * 16_000}] * 2}
    with local("body.schema") as caught:
        pair.north.node.send("statement", long)
    assert "at most 32768" in caught.value.detail
    with local("body.schema") as caught:
        pair.north.node.send_many([("statement", {"text": "short"}), ("statement", long)])
    assert caught.value.detail.startswith("message 2 of 2: ")
    assert pair.north.size(0) == 0


def test_a_receipt_dated_past_what_a_body_can_say_is_not_written_down(pair: ChannelPair) -> None:
    """However it came into the store: it must not make the line check void at others and not here."""
    pair.north.say()
    kept = pair.north.node.store.newest_checkpoint(0)
    assert kept is not None
    cosignatures = [Cosignature(0, 1, 1, COSIGNATURE_ED25519, LAST_TIME + 1, bytes(64))]
    pair.north.node.commit(Change(cosignatures=cosignatures))
    pair.north.node.send("line_check", {})
    assert receipts_of(pair.north) == [[]]
    pair.sync("north", "south")
    assert [one["void"] for one in pair.south.node.messages(log="north")] == [None, None]
    assert pair.north.shown() == pair.south.shown()


def test_marks_are_kept_with_what_was_written(pair: ChannelPair) -> None:
    pair.north.say()
    pair.sync("north", "south")
    pair.north.node.send("line_check", {})
    assert encoding.decode(pair.north.node.store.meta(WRITTEN) or b"") == [[1, COSIGNATURE_ED25519, 1, 1]]
    pair.north.reopen()
    pair.north.node.send("line_check", {})
    assert receipts_of(pair.north)[1:] == [[]]


def test_a_batch_is_bounded_by_the_charters_quota() -> None:
    with ChannelPair() as pair:
        assert pair.north.node.batch_most == limits.BATCH_MESSAGES
    with ChannelPair(quotas={"messages_per_log_and_day": 2}) as pair:
        assert pair.north.node.batch_most == 2
        assert [one.size for one in pair.north.node.send_many([("statement", {"text": "x"})] * 3)] == [2, 2, 3]


def test_reading_sees_what_was_committed_and_needs_no_lock(pair: ChannelPair) -> None:
    pair.north.say("before")
    found: list[object] = []
    with pair.north.node.lock:
        reader = threading.Thread(target=lambda: found.append([m["body"] for m in pair.north.node.reading.messages()]))
        reader.start()
        reader.join(10)
    assert found == [[{"exercise": False, "text": "before"}]]
    assert type(pair.north.node.reading) is View
    assert not isinstance(pair.north.node.reading.store, Remembering)
