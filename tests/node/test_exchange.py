"""Sending, receiving, receipts: over a talk, over files, among more than two."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import pytest

from ceasewire import limits
from ceasewire.exchange import bundle
from ceasewire.node.packing import PACK_MESSAGES
from ceasewire.node.status import status
from helpers import START, local
from node.pair import ChannelPair, Side

FOUR = ("north", "south", "mission:guarantor", "red-cross:observer")
NOTIFICATION = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala", "accused": "south"}


def statements(count: int, size: int = 10) -> list[tuple[str, object]]:
    return [("statement", {"text": f"{n} " + "x" * size}) for n in range(count)]


def send(side: Side, count: int, size: int = 10) -> None:
    side.node.send_many(statements(count, size))


def read_all(data: bytes) -> list[bytes]:
    found = []
    while data:
        found.append(bundle.split(data))
        data = data[len(found[-1]) :]
    return found


Several = Callable[[], ChannelPair]
SEVERAL: dict[str, Several] = {
    "two": ChannelPair.among,
    "three": partial(ChannelPair.among, FOUR[2]),
    "five logs": partial(ChannelPair.among, *FOUR[2:], phone=True),
}


@pytest.fixture(params=SEVERAL)
def several(request: pytest.FixtureRequest) -> Several:
    """North and south alone, and among more: others, who hear of it all at the end, change nothing between the two."""
    return SEVERAL[request.param]


# --- Two ---


def test_a_message_and_its_receipt_are_shown_alike_on_both_sides(several: Several) -> None:
    with several() as pair:
        pair.south.clock.now = START + 7
        pair.north.node.send("notification", NOTIFICATION)
        pair.sync("north", "south")
        shown = [side.node.show((0, 0)) for side in (pair.north, pair.south)]
        assert shown[0] == shown[1]
        assert shown[0]["receipts"] == [{"by": "south", "time": "2026-03-01T00:00:07Z"}]
        pair.check()


def test_the_receipt_is_durable_before_it_leaves_and_rides_in_the_answer(several: Several) -> None:
    with several() as pair:
        pair.north.say()
        pair.south.receive(pair.north.bundle(pair.south))
        assert pair.south.reopen().node.store.covered(0) == {1: 1}
        assert pair.north.node.store.covered(0) == {}
        assert pair.north.receive(pair.south.bundle(pair.north)).receipts == 1
        assert pair.north.node.store.covered(0) == {1: 1}


def test_either_side_may_call(several: Several) -> None:
    with several() as pair:
        pair.north.say()
        pair.south.say()
        report = pair.sync("south", "north")
        assert (report.sent, report.received, report.receipted) == (1, 1, 1)
        pair.check()


def test_a_batch_is_under_one_checkpoint_and_one_receipt(several: Several) -> None:
    with several() as pair:
        send(pair.north, 100)
        pair.sync("north", "south")
        assert [(c.by, c.size) for c in pair.north.node.store.cosigned_since(0, 0)] == [(1, 100)]
        pair.check()


def test_a_refused_draft_leaves_nothing_of_its_batch(several: Several) -> None:
    with several() as pair:
        before = pair.north.dump()
        with local("ref.unknown"):
            pair.north.node.send_many([("statement", {"text": "good"}), ("reply", {"re": "south/3", "stance": "noted"})])
        for kind, json, code in [
            ("statement", {"txt": "x"}, "field.unknown"),
            ("statement", [], "json.malformed"),
            ("finding", {}, "body.schema"),
            ("gossip", {}, "usage"),
            ("line_check", {"receipts": []}, "body.schema"),
        ]:
            with local(code):
                pair.north.node.send(kind, json)
        assert pair.north.dump() == before


def test_lost_bundles_cost_a_repetition_and_never_a_message(several: Several) -> None:
    with several() as pair:
        pair.north.say("one")
        pair.north.bundle(pair.south)  # lost
        pair.south.receive(pair.north.bundle(pair.south))
        pair.south.bundle(pair.north)  # the receipt is lost
        pair.north.say("two")
        taken = pair.south.receive(pair.north.bundle(pair.south))
        assert (taken.messages, taken.again) == (1, 1)
        pair.sync("north", "south")
        assert pair.north.node.store.covered(0) == {1: 2}
        pair.check()


def test_unreceipted_messages_are_shown_until_they_are_receipted(several: Several) -> None:
    with several() as pair:
        for text in ("one", "two"):
            pair.north.say(text)
        others = {slug: 2 for slug in pair.made.parties if slug != "north"}
        found = status(pair.north.node, START + 10**8, None)
        assert found["logs"][0]["unreceipted"] == others
        pair.sync("north", "south")
        found = status(pair.north.node, START, None)
        del others["south"]
        assert found["logs"][0]["unreceipted"] == others


# --- Files ---


def test_files_alone_carry_messages_and_receipts(several: Several) -> None:
    with several() as pair:
        pair.north.say()
        file, count = pair.north.exchange.write_file(pair.south.log)
        assert count == 1
        pair.deliver(file)
        pair.deliver(pair.south.exchange.write_file(pair.north.log)[0])
        assert pair.north.node.store.covered(0) == {1: 1}
        assert pair.north.exchange.write_file(pair.south.log)[1] == 0
        pair.check()


@pytest.mark.slow
def test_a_file_of_more_messages_than_a_bundle_holds() -> None:
    with ChannelPair.among(FOUR[2]) as pair:
        count = limits.BUNDLE_MESSAGES + 100
        send(pair.north, count)
        file, told = pair.north.exchange.write_file(pair.south.log)
        assert (told, len(read_all(file))) == (count, -(-count // limits.BATCH_MESSAGES)), "a batch rides whole"
        assert limits.BATCH_MESSAGES > PACK_MESSAGES
        assert sum(taken.messages for taken in pair.deliver(file)) == count
        pair.deliver(pair.south.exchange.write_file(pair.north.log)[0])
        assert pair.north.node.store.covered(0) == {1: count}
        assert pair.south.node.store.states()[0] == pair.north.node.store.states()[0]


@pytest.mark.slow
def test_a_file_of_more_bytes_than_a_bundle_holds_in_any_order() -> None:
    with ChannelPair.among(FOUR[2]) as pair:
        send(pair.north, 1200, 15_000)
        file, count = pair.north.exchange.write_file(pair.south.log)
        bundles = read_all(file)
        assert count == 1200
        assert len(file) > limits.BUNDLE_CONTENTS_BYTES
        assert all(len(one) <= bundle.BUNDLE_BYTES for one in bundles)
        for one in reversed(bundles):
            pair.south.receive(one)
        assert pair.south.size(0) == 1200
        assert pair.south.node.store.shelved() == []


def test_a_file_for_one_who_wants_a_third_log_ends() -> None:
    """A guarantor serves by file more of a third log than one bundle holds, having sent nothing itself."""
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        north, south, mission = pair.north, pair.south, pair["mission"]
        for _ in range(2):
            send(north, 400, 15_000)
        pair.sync("north", "mission")
        south.receive(mission.bundle(south))  # its heads say what it holds
        mission.receive(south.bundle(mission))  # which south wants
        file, count = mission.exchange.write_file(south.log)
        assert (count, len(read_all(file)) > 1) == (800, True)
        pair.deliver(file)
        assert south.size(north) == 800


def test_a_talk_with_one_who_serves_a_third_log_goes_on_to_its_end() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        for _ in range(3):
            send(pair.north, 400, 15_000)
        pair.sync("north", "mission")
        pair.sync("mission", "south")
        pair.sync("mission", "south")
        assert pair.south.size(pair.north) == 1200


# --- More than two ---


def test_a_guarantor_serves_what_a_party_withholds_and_carries_the_receipt_back() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        pair.north.node.send("notification", NOTIFICATION)
        pair.sync("north", "mission")
        pair.sync("mission", "south")  # south says what it lacks
        pair.sync("mission", "south")
        assert pair.south.size(pair.north) == 1
        pair.sync("mission", "south")
        pair.sync("mission", "north")
        assert set(pair.north.node.store.covered(0)) == {1, 2}
        receipts = pair.north.node.receipts((0, 0))
        assert sorted(str(receipt["by"]) for receipt in receipts) == ["mission", "south"]


@pytest.mark.parametrize("parties", [FOUR[:3], FOUR])
def test_all_end_with_one_record(parties: tuple[str, ...]) -> None:
    with ChannelPair(parties) as pair:
        for n, side in enumerate(itertools.islice(itertools.cycle(pair), 8)):
            pair.set_clock(START + n // 3)
            kind, json = ("line_check", {}) if side.slug == "red-cross" else ("statement", {"text": str(n)})
            side.node.send(kind, json)
        pair.settle()
        pair.check()
        for log in range(len(parties)):
            state = {side.node.store.states()[log].frontier for side in pair}
            assert len(state) == 1


@pytest.mark.parametrize("slug", ["south", "mission"])
def test_one_who_was_away_while_two_others_talked_gets_it_all_from_either(slug: str) -> None:
    """Each of their messages has seen the one before it, of the other's log."""
    with ChannelPair(FOUR[:3]) as pair:
        for n in range(300):
            pair["south" if n % 2 else "mission"].say(str(n))
            pair.sync("south", "mission")
        for _ in range(3):
            pair.sync("north", slug)
        assert (pair.north.size(1), pair.north.size(2)) == (150, 150)
        assert pair.north.node.store.shelved() == []
        pair.settle()
        pair.check()


def test_many_runs_of_one_log_in_one_bundle_complete_its_tiles() -> None:
    with ChannelPair(FOUR[:3]) as pair:
        for n in range(600):
            if n % 3 == 0:
                pair.south.say(str(n))
                pair.north.receive(pair.south.bundle(pair.north))
            pair.north.say(str(n))
        pair.sync("south", "mission")
        assert pair.sync("north", "mission").receipted == 600
        pair.settle()
        pair.check()


def test_a_chain_of_lines_is_enough() -> None:
    """North and south never meet: everything goes through the guarantor, both ways."""
    with ChannelPair(FOUR[:3]) as pair:
        pair.north.say("from north")
        pair.south.say("from south")
        for _ in range(3):
            pair.sync("north", "mission")
            pair.sync("mission", "south")
        pair.check()
        assert 1 in pair.north.node.store.covered(0)
        assert 0 in pair.south.node.store.covered(1)


# --- What a carrier is told ---


def test_a_replay_is_not_fresh_and_changes_nothing(several: Several) -> None:
    with several() as pair:
        called: list[int] = []
        pair.south.node.on_change.append(lambda: called.append(1))
        pair.north.say()
        data, later = pair.north.bundle(pair.south), pair.north.bundle(pair.south)
        assert pair.south.receive(data).fresh
        assert pair.south.receive(later).fresh
        before, count = pair.south.dump(), len(called)
        for old in (data, later):
            taken = pair.south.receive(old)
            assert (taken.fresh, taken.again) == (False, 1)
        assert (pair.south.dump(), len(called)) == (before, count)
