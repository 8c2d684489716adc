"""Runs that wait: why, how long, how many; and that they are let in when the reason has gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceasewire import limits
from faults.liar import Liar, several
from helpers import START, statement
from node.pair import ChannelPair


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        yield made


def waiting(pair: ChannelPair) -> list[tuple[int, int, int, str]]:
    return [(run.log, run.start, run.count, run.code) for run in pair.south.node.store.shelved()]


def test_a_clock_ten_minutes_ahead_is_let_in_and_a_second_more_waits(pair: ChannelPair) -> None:
    pair.north.clock.now = START + limits.CLOCK_TOLERANCE_SECONDS
    pair.north.say()
    assert pair.sync("north", "south").receipted == 1
    pair.north.clock.now += 1
    pair.north.say()
    report = pair.sync("north", "south")
    assert (report.receipted, report.error) == (0, "hold.clock")
    assert waiting(pair) == [(0, 1, 1, "hold.clock")]
    assert pair.south.node.store.covered(0) == {1: 1}


def test_what_waits_is_shown_with_its_reason_and_is_no_message_yet(pair: ChannelPair) -> None:
    pair.north.clock.now = START + 3600
    pair.north.say()
    pair.sync("north", "south")
    status = pair.south.node.status(START, None)
    assert status["held"] == [{"log": "north", "from": 0, "count": 1, "code": "hold.clock", "since": "2026-03-01T00:00:00Z"}]
    assert list(pair.south.node.messages()) == []


def test_a_held_clock_is_let_in_when_ours_has_come_near(pair: ChannelPair) -> None:
    pair.north.clock.now = START + 3600
    pair.north.say()
    pair.sync("north", "south")
    assert pair.south.exchange.retry_shelf() == 0
    pair.south.clock.now = START + 3000
    assert pair.south.exchange.retry_shelf() == 1
    assert waiting(pair) == []
    assert pair.sync("south", "north").error is None
    assert pair.north.node.store.covered(0) == {1: 1}


def test_a_held_run_holds_its_own_log_alone(pair: ChannelPair) -> None:
    pair.north.clock.now = START + 3600
    pair.north.say()
    pair["mission"].say()
    pair.sync("north", "south")
    assert pair.sync("mission", "south").receipted == 1


def test_what_was_seen_and_is_not_here_is_waited_for_and_fetched(pair: ChannelPair) -> None:
    pair["mission"].say("first")
    pair.sync("mission", "north")
    pair.north.say("after mission's")
    pair.south.receive(pair.north.bundle(pair.south))
    assert waiting(pair) == [(0, 0, 1, "hold.seen")]
    pair.sync("south", "north")  # which holds what it has seen, and serves it
    assert waiting(pair) == []
    assert (pair.south.size(0), pair.south.size(2)) == (1, 1)


def test_two_logs_that_wait_for_each_other_in_turn_are_freed_at_once(pair: ChannelPair) -> None:
    one, three = Liar(pair.made, 0), Liar(pair.made, 2)
    three.add(statement(text="a"))
    one.add(statement(text="b", seen={2: 1}))
    three.add(statement(text="c", seen={0: 1}))
    one.add(statement(text="d", seen={2: 2}))
    pair.south.receive(one.bundle(1, one.run()))
    pair.south.receive(three.bundle(1, three.run(1)))
    assert len(waiting(pair)) == 2
    pair.south.receive(three.bundle(1, three.run(0, 1)))
    pair.south.receive(one.bundle(1, one.run(0, 1)))
    assert waiting(pair) == []
    assert (pair.south.size(0), pair.south.size(2)) == (2, 2)


def test_c3_a_gap_waits_and_is_asked_for(pair: ChannelPair) -> None:
    for text in ("one", "two", "three"):
        pair.north.say(text)
    liar = Liar(pair.made, 0)
    liar.messages = [*several(3, lambda n: statement(text=str(n)))]
    pair.south.receive(liar.bundle(1, liar.run(2)))
    assert waiting(pair) == [(0, 2, 1, "log.gap")]
    held = pair.south.node.status(START, None)["held"]
    assert held == [{"log": "north", "from": 2, "count": 1, "code": "log.gap", "since": "2026-03-01T00:00:00Z"}]
    assert pair.south.exchange._wants(0, pair.south.node.store.peers()[0]) == {0: 0}
    pair.south.receive(liar.bundle(1, liar.run(0, 2)))
    assert (pair.south.size(0), waiting(pair)) == (3, [])


def test_a_quota_is_per_log_and_day_and_counts_what_is_new() -> None:
    with ChannelPair(quotas={"messages_per_log_and_day": 5}) as pair:
        for n in range(5):
            pair.north.say(str(n))
        pair.sync("north", "south")
        pair.south.receive(pair.north.exchange.compose(1).data)
        pair.north.say("one too many")
        assert pair.sync("north", "south").error == "hold.quota"
        assert waiting(pair) == [(0, 5, 1, "hold.quota")]
        assert pair.sync("south", "north").error is None
        pair.set_clock(START + 86_400)
        assert pair.south.exchange.retry_shelf() == 1
        pair.sync("north", "south")
        pair.check()


def test_a_backlog_and_a_batch_over_a_days_quota_pass_day_by_day() -> None:
    with ChannelPair(quotas={"messages_per_log_and_day": 5}) as pair:
        for n in range(7):
            pair.north.say(str(n))
        pair.north.node.send_many([("statement", {"text": str(n)}) for n in range(11)])
        for day in range(8):
            pair.set_clock(START + day * 86_400)
            pair.south.exchange.retry_shelf()
            pair.sync("north", "south")
        assert pair.south.size(0) == 18


def test_the_shelf_is_bounded_and_what_found_no_place_comes_again(pair: ChannelPair) -> None:
    most = limits.SHELF_MESSAGES
    pair.north.node.send_many([("statement", {"text": "x"})] * (most // 2))
    pair.north.node.send_many([("statement", {"text": "x"})] * (most // 2 + 1))
    pair.south.clock.now = START - 3600
    assert pair.sync("north", "south").error is None  # a run over the bound is not kept, so there is nothing to tell of
    assert waiting(pair) == []
    pair.set_clock(START)
    pair.sync("north", "south")
    assert pair.south.size(0) == most + 1
    assert waiting(pair) == []
