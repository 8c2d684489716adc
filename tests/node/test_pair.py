"""The pair itself: what other tests conclude from it is worth no more than this."""

from __future__ import annotations

import sqlite3
import time

import pytest

from ceasewire.exchange import bundle
from helpers import START, local, refused
from node.pair import ChannelPair


def test_what_one_side_sends_the_other_admits_and_receipts() -> None:
    with ChannelPair() as pair:
        pair.north.say("one")
        report = pair.sync("north", "south")
        assert (report.sent, report.receipted, report.error) == (1, 1, None)
        assert pair.south.size(pair.north) == 1
        pair.check()


def test_a_pair_is_made_in_a_moment() -> None:
    with ChannelPair():
        pass
    spent = []
    for _ in range(5):
        start = time.process_time()
        with ChannelPair():
            spent.append(time.process_time() - start)
    assert min(spent) < 0.15, "quiet it is a fifth of that: thousands of tests begin so"


def test_clocks_stand_until_they_are_moved() -> None:
    with ChannelPair() as pair:
        pair.north.say()
        pair.set_clock(START + 5)
        pair.north.say()
        pair.south.clock.now = START + 9
        pair.south.say()
        assert [row.time for row in pair.north.node.store.rows(0, 0, 2)] == [START, START + 5]
        assert pair.south.node.store.rows(1, 0, 1)[0].time == START + 9


def test_the_same_seed_draws_the_same() -> None:
    drawn = []
    for seed in (1, 1, 2):
        with ChannelPair(seed=seed) as pair:
            drawn.append((pair.north.node.draw(16), pair.south.node.draw(16)))
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][1]


def test_a_dump_shows_each_change_and_nothing_else() -> None:
    with ChannelPair() as pair:
        before = pair.north.dump()
        assert pair.north.dump() == before
        pair.north.say()
        after = pair.north.dump()
        assert {name for name in after if after[name] != before[name]} == {"checkpoint", "log_state", "message", "tally"}
        assert "tally" not in pair.north.dump(("tally",))


def test_check_finds_a_missing_message_and_a_changed_byte() -> None:
    with ChannelPair() as pair:
        pair.north.say()
        with pytest.raises(AssertionError, match="different records"):
            pair.check()
        pair.sync("north", "south")
        pair.check()
        for side in pair:
            with sqlite3.connect(side.folder.store_path) as db:
                db.execute("UPDATE message SET seed = zeroblob(16)")
            db.close()
        with pytest.raises(AssertionError, match="north"):
            pair.check()


def test_deliver_hands_each_bundle_of_a_file_to_whom_it_is_for() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        pair.north.say()
        file = pair.north.bundle(pair.south) + pair.north.bundle(pair["mission"])
        assert [taken.messages for taken in pair.deliver(file)] == [1, 1]
        assert bundle.split(file) != file
        with refused("bundle.truncated"):
            pair.deliver(file[:-1])


def test_a_side_that_is_open_is_locked_and_a_new_process_goes_on() -> None:
    with ChannelPair() as pair:
        pair.north.say()
        with local("node.locked"), pair.north.folder.node(None, wait=0):
            pass
        assert pair.north.reopen().say().index == 1
