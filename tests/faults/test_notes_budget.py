"""Whoever runs a witness, or has many devices, cannot fill another's disk with cosignatures and checkpoints; and what is kept of honest
ones is enough. spec/bundle.md, rules 46 to 48; spec/witness.md 13."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceasewire import limits
from ceasewire.exchange.bundle import Contents, Run
from ceasewire.node import silence, witnessing
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import message_of
from ceasewire.record.silence import Claim
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.note import SignatureLine
from ceasewire.verifier import Trust, verify
from helpers import START
from node.pair import ChannelPair, Side
from node.test_witnessing import line, named

HOUR, DAY = 3600, 86400
REQUEST = KINDS["request"]


def own_lines(side: Side, log: int, size: int) -> tuple[SignatureLine, ...]:
    kept = side.node.store.checkpoint(log, size)
    assert kept is not None
    return SignedCheckpoint.parse(side.node.checkpoint(kept).text().encode() + b"\n" + kept.lines).lines


def note(side: Side, log: int, size: int, *lines: SignatureLine) -> bytes:
    """A checkpoint that a side holds, under its log's lines and these."""
    kept = side.node.store.checkpoint(log, size)
    assert kept is not None
    return SignedCheckpoint(side.node.checkpoint(kept), (*own_lines(side, log, size), *lines)).encode()


def bring(pair: ChannelPair, notes: list[bytes]) -> list[str]:
    """North brings these notes to south; the codes of what was refused."""
    contents = Contents(0, pair.north.node.next_counter(), {}, checkpoints=notes)
    return pair.south.receive(pair.made.bundle(contents, 1)).refused


def receipts(side: Side, log: int, by: int) -> list[int]:
    """The sizes that a cosigner has cosigned of a log, as a side holds it."""
    return [one.size for one in side.node.store.cosigned_since(log, 0) if one.by == by]


def test_a_witness_that_cosigns_one_size_for_every_hour_since_1970_fills_nothing() -> None:
    with ChannelPair(("north", "south", "mission:guarantor"), witnesses=named(1)) as pair:
        pair.north.say("once")
        pair.settle(2)
        node, hours = pair.south.node, 900
        on_disk = pair.south.folder.store_path.stat().st_size
        for first in range(0, hours, 6):
            notes = [note(pair.south, 0, 1, line(node, 0, 1, 0, HOUR * (first + n + 1))) for n in range(6)]
            assert bring(pair, notes) == []
        assert [one.time for one in node.store.cosignatures(0, 1) if one.by == -1] == [HOUR, HOUR * hours]
        assert 900 * 160 <= node.noted.today(0, node.now()) <= 900 * 180 + 10_000, "and it counts"
        assert len(pair.south.bundle(pair["mission"])) < 16 * 1024
        pair.south.close()
        assert pair.south.folder.store_path.stat().st_size <= on_disk + 64 * 1024
        pair.south.open()
        assert pair.south.faults() == []


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms that are full soon: what counts is the rule, and the true ones take an hour to fill."""
    monkeypatch.setattr("ceasewire.node.cosigned.NOTE_BYTES_PER_PARTY_AND_DAY", 1000)
    monkeypatch.setattr("ceasewire.node.cosigned.NEWER_COSIGNATURE_BYTES_PER_PARTY_AND_DAY", 3000)


COUNT = 20


def witnessed_sizes(pair: ChannelPair) -> list[bytes]:
    """Notes of north's log by which a witness cosigned each of its sizes, in order. South holds all the messages under one checkpoint."""
    for n in range(COUNT):
        pair.north.say(str(n))
    node = pair.north.node
    messages = tuple(message_of(one) for one in node.store.rows(0, 0, COUNT))
    assert pair.south.receive(brought(pair, Run(0, 0, messages, note(pair.north, 0, COUNT)))).refused == []
    return [note(pair.north, 0, size, line(node, 0, size, 0, START + size)) for size in range(1, COUNT + 1)]


def brought(pair: ChannelPair, run: Run) -> bytes:
    """A bundle of north's with one run."""
    return pair.made.bundle(Contents(0, pair.north.node.next_counter(), {}, runs=[run]), 1)


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor"), witnesses=named(1)) as made:
        yield made


@pytest.mark.usefixtures("small")
def test_what_is_not_needed_is_passed_over_when_the_room_is_full(pair: ChannelPair) -> None:
    notes = witnessed_sizes(pair)
    assert [code for one in reversed(notes) for code in bring(pair, [one])] == []
    kept = receipts(pair.south, 0, -1)
    assert kept == list(range(COUNT - len(kept) + 1, COUNT + 1))
    assert len(kept) in (3, 4), "1000 bytes, and one note more"
    assert pair.south.node.store.checkpoint(0, 1) is None
    for one in notes:
        assert bring(pair, [one]) == []
    assert receipts(pair.south, 0, -1) == kept, "again, in another order"

    pair.north.say("One more, which the witness cosigns too.")
    size = COUNT + 1
    message = message_of(pair.north.node.store.rows(0, COUNT, size)[0])
    end = note(pair.north, 0, size, line(pair.north.node, 0, size, 0, START + size))
    taken = pair.south.receive(brought(pair, Run(0, COUNT, (message,), end)))
    assert (taken.messages, taken.refused) == (1, []), "nobody's messages wait for room"
    assert receipts(pair.south, 0, -1) == [*kept, size], "nor what is newer than all that is known"

    pair.sync("north", "mission")
    contents = Contents(2, pair["mission"].node.next_counter(), {}, checkpoints=[notes[0]])
    assert pair.south.receive(pair.made.bundle(contents, 1)).refused == []
    assert receipts(pair.south, 0, -1) == [1, *kept, size], "another's room is another's"
    pair.set_clock(START + DAY)
    bring(pair, [notes[1]])
    assert receipts(pair.south, 0, -1) == [1, 2, *kept, size], "and tomorrow there is room again"
    pair.south.reopen()
    assert pair.south.faults() == []


@pytest.mark.usefixtures("small")
def test_what_is_newer_every_time_has_a_bound_too(pair: ChannelPair) -> None:
    notes = witnessed_sizes(pair)
    assert [code for one in notes for code in bring(pair, [one])] == []
    kept = receipts(pair.south, 0, -1)
    assert kept == list(range(1, len(kept) + 1))
    assert 6 <= len(kept) <= 9, "3000 bytes, and one note more"
    assert pair.south.node.noted.today(0, START) < 3000 + 500
    phone = pair.device("north", "phone")
    pair.sync("phone", "south")
    spent = pair.south.node.noted.today(0, START)
    assert pair.south.node.noted.today(phone.log, START) == 0 < spent, "all devices of a party have one room"


def test_a_day_of_many_messages_and_receipts_leaves_room(pair: ChannelPair) -> None:
    count = 200
    for n in range(count):
        if n % 50:
            pair.north.say(str(n))
        else:
            pair.north.node.send("line_check", {})
        pair.sync("north", "mission")
        pair.sync("mission", "south")
    node = pair.south.node
    assert len(receipts(pair.south, 0, 2)) >= count, "the guarantor's, of each size"
    a_message = node.noted.today(2, START) / count
    assert 20_000 * 8 * a_message < limits.NOTE_BYTES_PER_PARTY_AND_DAY, "by eight devices, of a full day"


def test_a_month_of_hourly_times_over_a_log_that_stands_still_proves_silence() -> None:
    with ChannelPair(("north", "south"), witnesses=named(1)) as pair:
        pair.north.say("before")
        pair.sync("north", "south")
        old = pair.north.log
        pair.north.rotate()
        for hour in range(30 * 24):
            now = START + hour * HOUR
            pair.set_clock(now)
            if hour % 24 == 0:
                for side in pair:
                    side.node.send("line_check", {})
                pair.sync("north", "south")
            for side, log in ((pair.north, old), (pair.north, pair.north.log), (pair.south, pair.south.log)):
                asked = witnessing.submission(side.node, log, -1)
                assert asked is not None
                witnessing.keep(side.node, asked, line(side.node, log, asked.head.size, 0, now).text().encode())
            if hour % 6 == 0:
                pair.sync("north", "south")
        for side in pair:
            times = [one.time for one in side.node.store.cosigned_since(old, 0) if one.by == -1]
            assert times[0] == START
            assert len(times) == 2
            assert times[1] >= START + 29 * DAY
        trust = Trust(pair.made.signed.encode())
        for day in range(1, 30):
            claim = Claim(REQUEST, 0, START + DAY // 2, START + day * DAY, -1, 1)
            report = verify(silence._Maker(pair.south.node, claim).make(), trust)
            assert (report.verdict, report.code) == ("valid", None), (day, report.steps[-1])
