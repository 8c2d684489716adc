"""Runs that wait: why, how long, how many; and that they are let in when the reason has gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceasewire import limits
from ceasewire.exchange.bundle import Run
from ceasewire.node.status import status
from ceasewire.record.kinds import KINDS
from ceasewire.store import sqlite
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
    found = status(pair.south.node, START, None)
    assert found["held"] == [{"log": "north", "from": 0, "count": 1, "code": "hold.clock", "since": "2026-03-01T00:00:00Z"}]
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
    held = status(pair.south.node, START, None)["held"]
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
    pair.deliver(pair.north.exchange.write_file(pair.south.log)[0])
    assert [run.count for run in pair.south.node.store.shelved()] == [most // 2, most // 2]  # the one message more finds no room
    pair.set_clock(START)
    pair.sync("north", "south")
    assert pair.south.size(0) == most + 1
    assert waiting(pair) == []


def two_faces(pair: ChannelPair, log: int) -> tuple[Liar, Liar]:
    one = Liar(pair.made, log).add(*several(5, lambda n: statement(text=f"one {n}")))
    return one, Liar(pair.made, log).add(*several(3, lambda n: statement(text=f"other {n}")))


def test_c5_a_frozen_log_holds_nobody_who_has_seen_its_other_history(pair: ChannelPair) -> None:
    one, other = two_faces(pair, 2)
    pair.north.receive(one.bundle(0, one.run()))
    pair.south.receive(other.bundle(1, other.run()))
    pair.north.say("I have seen five of them")
    pair.south.receive(pair.north.bundle(1))
    assert waiting(pair) == [(0, 0, 1, "hold.seen")]
    one.counter += 2**20
    pair.south.receive(one.bundle(1, checkpoints=[one.note(one.checkpoint(3))]))
    assert pair.south.node.store.states()[2].frozen == "log.fork"
    assert (pair.south.size(0) >= 1, waiting(pair)) == (True, [])  # at once, since the log that it waited for was convicted
    pair.north.say("and more")
    pair.sync("north", "south")
    assert pair.north.node.store.covered(0)[1] == pair.north.size(0) >= 2
    assert pair.south.faults() == []


def test_a_frozen_log_is_not_asked_for(pair: ChannelPair) -> None:
    one, other = two_faces(pair, 2)
    pair.south.receive(other.bundle(1, other.run()))
    one.counter += 2**20
    pair.south.receive(one.bundle(1, checkpoints=[one.note(one.checkpoint(3))]))
    pair.north.receive(one.bundle(0, one.run()))
    pair.sync("north", "south")
    assert pair.south.exchange._wants(0, pair.south.node.store.peers()[0]) == {}


def test_a_quota_counts_what_a_log_brings_itself_and_not_what_others_pass_on() -> None:
    with ChannelPair(("north", "south", "west"), quotas={"messages_per_log_and_day": 10}) as pair:
        west = Liar(pair.made, 2)
        for day in range(6):  # south is away on the first
            now = START + day * 86_400
            pair.set_clock(now)
            at = len(west.messages)
            west.add(*several(10, lambda n, now=now: statement(now, text=f"{now} {n}")))  # type: ignore[misc]
            pair.north.receive(west.bundle(0, west.run(at)))
            pair.north.say(f"day {day}")
            for _ in range(3 if day else 0):
                pair.sync("north", "south")
        assert (pair.south.size(0), pair.south.size(2)) == (6, 60)
        west.add(*several(11, lambda n: statement(now, text=f"too many {n}")))
        assert pair.south.receive(west.bundle(1, west.run(60))).held == ["hold.quota"]


def test_e14_what_others_pass_on_is_bounded_by_the_age_of_the_channel() -> None:
    """Two who lie together: one writes without end, the other passes it on."""
    with ChannelPair(("north", "south", "west"), quotas={"messages_per_log_and_day": 2}) as pair:
        pair.north.say()
        most = 2 * (1 + limits.PASSED_ON_DAYS)
        west, south = Liar(pair.made, 2), Liar(pair.made, 1)
        west.add(*several(most + 3, lambda n: statement(text=str(n))))
        assert pair.north.receive(south.bundle(0, west.run(0, most))).messages == most
        assert pair.north.receive(south.bundle(0, west.run(most))).held == ["hold.quota"]
        pair.set_clock(START + 86_400)
        assert pair.north.receive(south.bundle(0, west.run(most))).held == ["hold.quota"]
        pair.set_clock(START + 2 * 86_400)
        assert waiting(pair) == [], "it comes again"
        assert pair.north.receive(south.bundle(0, west.run(most))).messages == 3


def test_a_run_over_the_quota_that_others_passed_on_is_passed_on_too() -> None:
    with ChannelPair(("north", "south", "west"), quotas={"messages_per_log_and_day": 5}) as pair:
        west, south = Liar(pair.made, 2).add(*several(7, lambda n: statement(text=str(n)))), Liar(pair.made, 1)
        south.counter = 0  # the honest south goes on after this
        assert pair.north.receive(south.bundle(0, west.run())).messages == 7
        for _ in range(2):
            pair.sync("north", "south")
        assert pair.south.size(2) == 7


def test_a_gap_that_a_third_party_brings_neither_waits_nor_rings(pair: ChannelPair) -> None:
    """Only the note of such a run is known to be its log's; the messages may be anybody's."""
    pair.north.say("one")
    pair.north.say("two")
    pair.sync("north", "mission")
    kept = pair["mission"].node.store.newest_checkpoint(0)
    assert kept is not None
    note = pair["mission"].node.note(kept).encode()
    rung: list[str] = []
    pair.south.exchange.on_flash.append(rung.append)
    forged = Run(0, 1, (statement(kind=KINDS["flash"], text="forged"),), note)
    assert pair.south.receive(Liar(pair.made, 2).bundle(1, forged)).held == ["log.gap"]
    assert (rung, waiting(pair)) == ([], [])
    pair.south.receive(Liar(pair.made, 0).bundle(1, forged))
    assert (rung, waiting(pair)) == (["north/1"], [(0, 1, 1, "log.gap")])


def gaps(pair: ChannelPair, log: int, count: int, of: int = 1) -> list[Run]:
    """Runs of a log that lead nowhere."""
    starts = [10**6 + n * (of + 1) for n in range(count)]
    return [Run(log, start, (statement(),) * of, pair.made.note(log, start + of, bytes(32))) for start in starts]


def test_e13_one_log_that_fills_its_shelf_leaves_the_others_theirs(pair: ChannelPair) -> None:
    most = limits.SHELF_MESSAGES
    pair.south.receive(Liar(pair.made, 0).bundle(1, *gaps(pair, 0, 1, most), *gaps(pair, 0, 2)[1:]))
    assert [run.count for run in pair.south.node.store.shelved()] == [most]
    mission = Liar(pair.made, 2).add(statement(START + 3600))
    pair.south.receive(mission.bundle(1, mission.run()))
    assert waiting(pair)[-1] == (2, 0, 1, "hold.clock")


def test_e13_the_shelf_is_bounded_in_bytes(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0)
    large = tuple([statement(text="x" * 16_000, f60=bytes(16_000)) for _ in range(150)])
    for n in range(5):
        pair.south.receive(liar.bundle(1, Run(0, 1000 * (n + 1), large, pair.made.note(0, 1000 * (n + 1) + 150, bytes(32)))))
    kept = pair.south.node.store.shelved()
    assert len(kept) == 3
    assert sum(len(run.data) for run in kept) <= limits.SHELF_BYTES


def test_a_run_behind_a_gap_is_dropped_after_a_day(pair: ChannelPair) -> None:
    pair.south.receive(Liar(pair.made, 0).bundle(1, *gaps(pair, 0, 3)))
    pair.set_clock(START + 86_400)
    pair.south.exchange.retry_shelf()
    assert len(waiting(pair)) == 3
    pair.set_clock(START + 86_401)
    pair.south.exchange.retry_shelf()
    assert waiting(pair) == []


def test_a_frozen_log_has_nothing_on_the_shelf(pair: ChannelPair) -> None:
    one, other = two_faces(pair, 0)
    pair.south.receive(one.bundle(1, one.run(), *gaps(pair, 0, 1)))
    pair.south.receive(other.bundle(1, checkpoints=[other.note()]))
    assert waiting(pair) == []
    taken = pair.south.receive(one.bundle(1, *gaps(pair, 0, 1)))
    assert (taken.held, taken.refused, waiting(pair)) == ([], ["log.frozen"], [])


def test_who_lost_its_disk_takes_up_again_in_one_day_what_it_had_taken_in_many() -> None:
    """What its own log had seen is in it, and comes back with it: neither waits for the other, day by day."""
    with ChannelPair(quotas={"messages_per_log_and_day": 5}) as pair:
        north, south = pair.north, pair.south
        for _ in range(4):
            for side in pair:
                for _ in range(5):
                    side.say()
                side.clock.now += 86400
            pair.settle(2)
        held = north.size(south)
        assert held == 20
        north.close()
        north.folder.store_path.unlink()
        sqlite.create(north.folder.store_path)
        north.open()
        north.rotate()
        for _ in range(3):
            pair.sync("north", "south")
        # North's last entry had seen 15. The first five came before that was known, and used up the day's room for what is new.
        assert (north.size(0), north.size(south)) == (20, 15)
        for _ in range(2):  # six more, and five a day
            for side in pair:
                side.clock.now += 86400
            pair.settle(2)
        assert north.size(south) == south.size(south) > held
