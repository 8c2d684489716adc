"""What a node remembers over its own end: crashes, copies of an earlier moment, and what it must never sign twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceasewire.node.status import status
from ceasewire.store import sqlite
from ceasewire.store.interface import Change
from helpers import START, local, refused
from node.pair import ChannelPair, Side


@pytest.fixture(params=[(), ("mission:guarantor",)], ids=["two", "three"])
def pair(request: pytest.FixtureRequest) -> Iterator[ChannelPair]:
    with ChannelPair.among(*request.param) as made:
        yield made


class Copies:
    """Copies of a closed node's files, to be put back later."""

    def __init__(self, side: Side, *names: str) -> None:
        side.close()
        self.side = side
        self.place = Path(f"{side.folder.path}-copy")
        self.place.mkdir()
        self.names = names
        for name in names:
            shutil.copy2(side.folder.path / name, self.place)
        side.open()

    def restore(self) -> None:
        self.side.close()
        for name in self.names:
            shutil.copy2(self.place / name, self.side.folder.path)
        self.side.open()


def signs_nothing(side: Side, to: int) -> None:
    before = side.dump()
    with local("log.closed"):
        side.say()
    with local("log.closed"):
        side.exchange.compose(to)
    assert side.dump() == before


def test_c9_a_store_from_an_earlier_moment_closes_the_log(pair: ChannelPair) -> None:
    pair.north.say("one")
    copies = Copies(pair.north, "store.sqlite")
    pair.north.say("two")
    pair.sync("north", "south")
    copies.restore()
    assert status(pair.north.node, START, pair.north.node.closed)["health"] == "log.closed"
    signs_nothing(pair.north, 1)


def test_c9_a_closed_log_still_receives_and_shows(pair: ChannelPair) -> None:
    copies = Copies(pair.north, "store.sqlite")
    pair.north.say("two")
    pair.sync("north", "south")
    copies.restore()
    pair.south.say("from south")
    with refused("bundle.key_gone"):  # the keys that it gave away are gone with the newer store
        pair.north.receive(pair.south.bundle(pair.north))
    pair.south.exchange.forget_fresh_key(0)
    taken = pair.north.receive(pair.south.bundle(pair.north))
    assert taken.messages == 0  # it has seen what we no longer hold, so it waits
    assert taken.held == ["hold.seen"]
    assert pair.north.node.store.cosigned_since(1, 0) == []
    assert status(pair.north.node, START, pair.north.node.closed)["held"] != []
    assert pair.north.node.closed == "log.closed"
    signs_nothing(pair.north, 1)


def test_c9_a_closed_log_stores_what_it_can_without_a_receipt(pair: ChannelPair) -> None:
    copies = Copies(pair.north, "store.sqlite")
    pair.north.say("never left")
    copies.restore()
    pair.south.say("from south")
    assert pair.north.receive(pair.south.bundle(pair.north)).messages == 1
    assert pair.north.node.store.cosigned_since(1, 0) == []
    assert len(list(pair.north.node.messages())) == 1
    assert pair.north.faults() == []


def test_c9_a_closed_log_stays_closed_over_restarts(pair: ChannelPair) -> None:
    copies = Copies(pair.north, "store.sqlite")
    pair.north.say()
    copies.restore()
    pair.north.reopen()
    assert pair.north.node.closed == "log.closed"


def test_c9_a_whole_folder_from_an_earlier_moment_closes_when_a_peer_shows_what_had_left(pair: ChannelPair) -> None:
    pair.sync("north", "south")
    copies = Copies(pair.north, "store.sqlite", "pen")
    pair.north.say("two")
    pair.sync("north", "south")
    copies.restore()
    assert pair.north.node.closed is None
    pair.north.receive(pair.south.bundle(pair.north))
    assert pair.north.node.closed == "log.closed"
    signs_nothing(pair.north, 1)
    pair.north.reopen()
    signs_nothing(pair.north, 1)
    assert pair.south.node.store.states()[0].frozen is None


def test_c11_a_clone_that_signed_another_history_is_closed_and_its_log_frozen(pair: ChannelPair) -> None:
    pair.sync("north", "south")
    copies = Copies(pair.north, "store.sqlite", "pen")
    pair.north.say("two")
    pair.sync("north", "south")
    copies.restore()
    pair.north.say("another two")
    with local("log.closed"):
        pair.sync("south", "north")
    assert pair.north.node.closed == "log.closed"
    assert [one.code for one in pair.north.node.store.refused()] == ["log.fork"]
    assert pair.south.node.store.states()[0].frozen is None  # north told nobody of its second history


def test_a_crash_between_commit_and_the_pen_is_normal(pair: ChannelPair) -> None:
    pair.north.say("one")
    pen = pair.north.node.pen.counter
    # As the transaction commits and the process dies before it notes.
    pair.north.node.store.commit(Change(signed=True))
    pair.north.reopen()
    assert pair.north.node.store.counter == pair.north.node.pen.counter + 1 == pen + 1
    assert pair.north.node.closed is None
    pair.north.say("two")
    assert pair.sync("north", "south").receipted == 2


def test_a_note_that_failed_is_made_up_before_anything_leaves(pair: ChannelPair) -> None:
    pair.north.bundle(pair.south)
    pair.north.node.store.commit(Change(signed=True))
    pair.north.bundle(pair.south)
    assert pair.north.node.pen.counter == pair.north.node.store.counter


def signed(side: Side) -> tuple[list[object], list[object]]:
    found = side.dump()
    return found["checkpoint"], found["cosignature"]


def test_c12_after_a_restart_the_same_bytes_are_sent_again_and_nothing_is_signed_anew(pair: ChannelPair) -> None:
    pair.south.say("from south")
    pair.sync("south", "north")
    pair.north.node.send_many([("statement", {"text": "one"}), ("line_check", {})])
    before = signed(pair.north)
    notes = [bytes(note) for note in _notes(pair.north)]
    for later in (0, 1000):
        pair.north.clock.now = START + later
        pair.north.reopen()
        pair.north.bundle(pair.south)
        assert signed(pair.north) == before
        assert [bytes(note) for note in _notes(pair.north)] == notes
    pair.sync("north", "south")
    assert signed(pair.north)[0] == before[0]


def _notes(side: Side) -> list[bytes]:
    kept = (side.node.store.newest_checkpoint(log) for log in side.made.channel.logs)
    return [side.node.note(one).encode() for one in kept if one]


def test_c12_what_did_not_commit_was_not_signed(pair: ChannelPair) -> None:
    """The signature is made before the commit; if that fails it stays in memory and goes nowhere."""
    pair.north.say("one")
    before = pair.north.dump()
    counter = pair.north.node.pen.counter
    store = pair.north.node.store
    other = sqlite.open_reader(pair.north.folder.store_path)
    failing = store.commit
    try:
        store.commit = _fails  # type: ignore[method-assign]
        with local("disk.failed"):
            pair.north.say("two")
    finally:
        store.commit = failing  # type: ignore[method-assign]
        other.close()
    assert pair.north.dump() == before
    assert pair.north.node.pen.counter == counter
    assert pair.north.say("two, later").index == 1


def _fails(change: Change) -> int:
    from ceasewire.errors import LocalError  # noqa: PLC0415

    raise LocalError("disk.failed", repr(change.signed))


def test_c1_the_same_bundle_a_hundred_times_changes_nothing(pair: ChannelPair) -> None:
    pair.north.say()
    data = pair.north.bundle(pair.south)
    pair.south.receive(data)
    receipts = pair.south.dump()["cosignature"]
    before = pair.south.dump()
    for _ in range(100):
        assert pair.south.receive(data).again == 1
    pair.south.reopen().receive(data)
    assert pair.south.dump() == before
    assert pair.south.dump()["cosignature"] == receipts
