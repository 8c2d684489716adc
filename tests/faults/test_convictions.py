"""A party with real keys that lies: whoever meets both halves of the lie proves it by itself, and the proof reaches everyone. PROTOCOL
section 9. North lies; South, East and the mission are real nodes that know of nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ceasewire.exchange.bundle import Run
from ceasewire.record.encoding import Value
from ceasewire.record.kinds import KINDS as MESSAGE_KINDS
from ceasewire.record.message import Message, message_of
from ceasewire.record.misconduct import KINDS, open_misconduct
from helpers import START, seed_of, statement
from node.pair import ChannelPair, Side

from .accusing import EAST, HONEST, MISSION, NORTH, PARTIES, SOUTH, against, convicted, meet, proof, receipt, said, tell
from .liar import Liar

LINE_CHECK = MESSAGE_KINDS["line_check"]


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES) as made:
        yield made


@pytest.fixture
def liar(pair: ChannelPair) -> Liar:
    return Liar(pair.made, NORTH).add(*said("true", 0, 5))


def kinds(side: Side, log: int) -> set[str]:
    """The kinds of proofs that a node keeps against a log, as a stranger opens them."""
    return {open_misconduct(one.data, side.node.channel).kind for one in side.node.store.proofs() if one.log == log}


# --- Two histories ---


def test_two_histories_of_one_size_convict_with_the_exact_index(pair: ChannelPair, liar: Liar) -> None:
    other = liar.fork(3, *said("false", 3, 5))
    assert tell(pair, "south", liar) == tell(pair, "east", other) == []
    meet(pair)
    found = convicted(pair, "two_leaves", "two_faces")
    assert {one.from_index for one in found} == {3}
    assert {pair[slug].node.store.states()[NORTH].frozen for slug in HONEST} == {"log.fork"}


@pytest.mark.parametrize(("first", "second"), [("south", "east"), ("east", "south"), ("south", "mission"), ("mission", "east")])
def test_two_histories_of_two_sizes_convict_with_the_exact_index(pair: ChannelPair, liar: Liar, first: str, second: str) -> None:
    other = liar.fork(2, *said("false", 2, 9))
    assert tell(pair, first, liar) == tell(pair, second, other) == []
    meet(pair)
    found = convicted(pair, "two_leaves", "two_faces", "rewrite")
    assert {one.from_index for one in found} == {2}


def test_a_rewritten_history_convicts_whoever_showed_it(pair: ChannelPair, liar: Liar) -> None:
    assert tell(pair, "south", liar) == []
    shorter = liar.fork(1, *said("false", 1, 3))
    assert pair.south.receive(shorter.bundle(SOUTH, checkpoints=[shorter.note()])).refused == ["log.fork"]
    assert against(pair.south)["rewrite"].from_index == 2
    convicted(pair, "rewrite")


def test_a_checkpoint_of_nothing_that_is_not_empty_convicts(pair: ChannelPair, liar: Liar) -> None:
    assert tell(pair, "south", liar) == []
    note = liar.note(pair.made.checkpoint(NORTH, 0, bytes(32)))
    assert pair.south.receive(liar.bundle(SOUTH, checkpoints=[note])).refused == ["log.root"]
    assert against(pair.south)["rewrite"].from_index == 0
    convicted(pair, "rewrite")
    assert {one["void"] for one in pair.south.node.messages(log="north")} == {"log.two_faces"}


def test_a_long_history_is_searched_for_where_it_parts(pair: ChannelPair) -> None:
    """From checkpoints alone, over many entries: the search ends, and nothing of the other history is stored."""
    liar = Liar(pair.made, NORTH).add(*said("true", 0, 700))
    other = liar.fork(313, *said("false", 313, 700))
    for n in range(0, 700, 20):
        for to, one in (("south", liar), ("east", other)):
            run = one.run(n, min(n + 20, 700))
            assert pair[to].receive(one.bundle(pair[to].log, run)).refused == []
    before = pair.south.node.store.rows(NORTH, 0, 700)
    report = pair.sync("south", "east")
    assert against(pair.south)["two_leaves"].from_index == against(pair["east"])["two_leaves"].from_index == 313
    assert pair.south.node.store.rows(NORTH, 0, 999) == before
    assert report.sent < 4 * (700 - 313)
    convicted(pair, "two_leaves", "two_faces")


def test_what_is_the_same_in_both_histories_reaches_everyone(pair: ChannelPair, liar: Liar) -> None:
    """The mission knows of the conviction before it holds the entries below the lowest differing index: it still takes those."""
    other = liar.fork(4, *said("false", 4, 6))
    assert tell(pair, "south", liar) == tell(pair, "east", other) == []
    pair.sync("south", "east")
    data = proof(pair.south, "two_leaves").data
    pair["mission"].receive(pair.made.bundle(replace(Liar(pair.made, SOUTH).contents(), proofs=[data]), MISSION))
    assert pair["mission"].node.store.states()[NORTH].frozen == "log.fork"
    meet(pair)
    assert pair["mission"].size(NORTH) >= 4
    assert pair["mission"].node.store.rows(NORTH, 0, 4) == pair.south.node.store.rows(NORTH, 0, 4)
    convicted(pair, "two_leaves", "two_faces", "rewrite")


def test_nobody_waits_for_the_history_that_never_comes(pair: ChannelPair, liar: Liar) -> None:
    other = liar.fork(2, *said("false", 2, 9))
    tell(pair, "south", liar)
    tell(pair, "east", other)
    pair["east"].say("I have seen nine of them.")
    pair.sync("south", "east")
    assert pair.south.size(EAST) >= 1
    assert pair.south.node.store.shelved() == []


# --- Times and what was seen ---


def test_an_earlier_time_at_a_later_index_convicts(pair: ChannelPair, liar: Liar) -> None:
    assert tell(pair, "south", liar) == []
    liar.add(statement(text="back-dated", time=START + 1))
    assert tell(pair, "south", liar, 5) == ["log.time"]
    convicted(pair, "back_dating")


@pytest.mark.parametrize("receipt_first", [True, False])
def test_an_entry_earlier_than_what_it_has_seen_convicts(pair: ChannelPair, liar: Liar, receipt_first: bool) -> None:
    pair.south.clock.now = START + 50
    pair.south.say()
    held = receipt(pair, liar, "south", 1, START + 50)
    if receipt_first:
        pair.south.receive(liar.bundle(SOUTH, checkpoints=[held]))
    liar.add(statement(text="back-dated", time=START + 49, seen={SOUTH: 1}))
    assert tell(pair, "south", liar, checkpoints=[] if receipt_first else [held]) == ["log.time"]
    convicted(pair, "back_dating")


def test_an_entry_earlier_than_what_it_has_seen_convicts_nobody_without_its_own_receipt(pair: ChannelPair, liar: Liar) -> None:
    """A two-faced third party could have shown it another entry there."""
    pair.south.clock.now = START + 50
    pair.south.say()
    liar.add(statement(text="back-dated", time=START + 49, seen={SOUTH: 1}))
    assert tell(pair, "south", liar) == ["log.time"]
    assert against(pair.south) == {}


@pytest.mark.parametrize("order", ["receipt, entry", "both", "entry, receipt", "entry, what it saw"])
def test_an_entry_earlier_than_what_it_has_seen_of_two_histories_convicts(pair: ChannelPair, liar: Liar, order: str) -> None:
    """South's log was copied and showed two histories. East takes what has seen of it, whatever that was; North's own receipt over the
    history that East holds says which it was, before the entry or after it."""
    south, east = Liar(pair.made, SOUTH).add(*said("true", 50, 53)), pair["east"]
    late = order == "entry, what it saw"  # which is part of both histories, or would not be taken any more
    held = liar.receipt(south.checkpoint(2 if late else 3), START + 60)
    known = Liar(pair.made, SOUTH).add(south.messages[0]) if late else south
    assert tell(pair, "mission", south) == tell(pair, "east", known) == []
    assert "log.fork" in tell(pair, "mission", south.fork(2, *said("false", 52, 54)), 2)
    data = next(one.data for one in pair["mission"].node.store.proofs() if KINDS[one.kind] == "two_leaves")
    liar.add(statement(text="back-dated", time=START + 49, seen={SOUTH: 3}), *said("later", 60, 62, seen={SOUTH: 3}))
    receipted: dict[str, Any] = {"checkpoints": [held]}
    first: dict[str, Any] = receipted if order == "receipt, entry" else {}
    assert east.receive(liar.bundle(EAST, proofs=[data], **first)).refused == []
    assert east.node.store.states()[SOUTH].frozen == "log.fork"
    assert tell(pair, "east", liar, **(receipted if order == "both" else {})) == []
    if order == "entry, receipt":
        assert kinds(east, NORTH) == set()
        assert east.receive(liar.bundle(EAST, **receipted)).refused == []
    if late:
        assert kinds(east, NORTH) == set()
        assert east.receive(liar.bundle(EAST, south.run(1, 2, note=held))).refused == []
    assert kinds(east, NORTH) == {"back_dating"}


def test_an_entry_earlier_than_another_history_of_what_it_has_seen_convicts_nobody(pair: ChannelPair, liar: Liar) -> None:
    """North was shown the history that East does not hold, and receipted of the one that East holds only what both share."""
    south, east = Liar(pair.made, SOUTH).add(*said("true", 40, 41), *said("true", 50, 52)), pair["east"]
    held = liar.receipt(south.checkpoint(1), START + 45)
    assert tell(pair, "east", south, checkpoints=[south.note(south.checkpoint(1))]) == []
    assert "log.fork" in tell(pair, "east", south.fork(1, *said("false", 41, 43)), 1)
    liar.add(statement(text="in good faith", time=START + 49, seen={SOUTH: 3}))
    assert tell(pair, "east", liar, checkpoints=[held]) == []
    assert east.node.store.covered(SOUTH)[NORTH] == 1
    assert kinds(east, NORTH) == set()


def test_having_seen_less_than_before_convicts(pair: ChannelPair, liar: Liar) -> None:
    pair.south.say()
    liar.add(statement(text="one", time=START + 9, seen={SOUTH: 1}))
    assert tell(pair, "south", liar) == []
    liar.add(statement(text="two", time=START + 9))
    assert tell(pair, "south", liar, 6) == ["log.seen"]
    convicted(pair, "false_seen")


@pytest.mark.parametrize("receipt_first", [True, False])
def test_having_seen_less_than_was_receipted_convicts_in_either_order(pair: ChannelPair, liar: Liar, receipt_first: bool) -> None:
    pair.south.say("one")
    pair.south.say("two")
    held = receipt(pair, liar, "south", 2, START + 10)
    entry = statement(text="I have seen one", time=START + 11, seen={SOUTH: 1})
    if receipt_first:
        pair.south.receive(liar.bundle(SOUTH, checkpoints=[held]))
        assert tell(pair, "south", liar.add(entry)) == []
    else:
        assert tell(pair, "south", liar.add(entry, *said("more", 12, 15, seen={SOUTH: 2}))) == []
        pair.south.receive(liar.bundle(SOUTH, checkpoints=[held]))
    convicted(pair, "false_seen")


# --- Receipts ---


@pytest.mark.parametrize("smaller_first", [True, False])
def test_a_receipt_that_shrinks_convicts_in_either_order(pair: ChannelPair, liar: Liar, smaller_first: bool) -> None:
    pair.south.say("one")
    pair.south.say("two")
    notes = [receipt(pair, liar, "south", 1, START + 20), receipt(pair, liar, "south", 2, START + 10)]
    for note in notes if smaller_first else notes[::-1]:
        assert pair.south.receive(liar.bundle(SOUTH, checkpoints=[note])).refused == []
    convicted(pair, "shrinking_receipt")


def test_a_receipt_that_shrinks_between_two_others_convicts(pair: ChannelPair, liar: Liar) -> None:
    for n in range(3):
        pair.south.say(str(n))
    for size, time in ((1, 10), (3, 20), (2, 9)):
        pair.south.receive(liar.bundle(SOUTH, checkpoints=[receipt(pair, liar, "south", size, START + time)]))
    convicted(pair, "shrinking_receipt")


def test_a_receipt_that_shrinks_between_two_audiences_convicts(pair: ChannelPair, liar: Liar) -> None:
    """To South the larger size at an earlier time, to the mission the smaller one later. South goes on, so that no newest note bears
    either: South's line check says what it was given."""
    for n in range(2):
        pair.south.say(str(n))
        pair.sync("south", "mission")
    pair.south.receive(liar.bundle(SOUTH, checkpoints=[receipt(pair, liar, "south", 2, START + 10)]))
    pair["mission"].receive(liar.bundle(MISSION, checkpoints=[receipt(pair, liar, "south", 1, START + 20)]))
    pair.south.node.send("line_check", {})
    pair.south.say("more")
    convicted(pair, "shrinking_receipt")


def test_a_receipt_that_shrinks_between_two_audiences_convicts_behind_much_that_is_made_up(pair: ChannelPair, liar: Liar) -> None:
    """The liar brings each audience the other's line check itself, behind its own with hundreds of receipts that nobody gave."""
    for n in range(2):
        pair.south.say(str(n))
        pair.sync("south", "mission")
    for number in range(5):
        invented: list[Value] = [{1: NORTH, 2: 1 + number * 64 + n, 3: SOUTH, 4: 4, 5: START, 6: os.urandom(64)} for n in range(64)]
        liar.add(Message(LINE_CHECK, START + 5, {}, seed_of("invented", number)[:16], {0: [], 1: False, 16: invented}))
    pair.south.receive(liar.bundle(SOUTH, checkpoints=[receipt(pair, liar, "south", 2, START + 10)]))
    pair["mission"].receive(liar.bundle(MISSION, checkpoints=[receipt(pair, liar, "south", 1, START + 20)]))
    pair.set_clock(START + 60)
    note = liar.note(None, liar.own_line(liar.checkpoint(), "mldsa44"))
    for side in (pair.south, pair["mission"]):
        side.node.send("line_check", {})
    for to, of in ((pair["mission"], pair.south), (pair.south, pair["mission"])):
        held = to.size(of)
        kept = of.node.store.newest_checkpoint(of.log)
        assert kept is not None
        theirs = Run(of.log, held, [message_of(one) for one in of.node.store.rows(of.log, held, kept.size)], of.node.note(kept).encode())
        assert not to.receive(liar.bundle(to.log, liar.run(note=note), theirs)).refused
    assert all("shrinking_receipt" in against(side) for side in (pair.south, pair["mission"]))


def test_one_who_receipts_both_histories_of_another_is_convicted_too(pair: ChannelPair, liar: Liar) -> None:
    other = liar.fork(3, *said("false", 3, 5))
    friend = Liar(pair.made, EAST)
    for to, one in (("south", liar), ("mission", other)):
        line = pair.made.receipt_line(one.checkpoint(), EAST, time=START + 9)
        tell(pair, to, one, checkpoints=[])
        pair[to].receive(friend.bundle(pair[to].log, checkpoints=[one.note(None, line)]))
    pair.sync("south", "mission")
    kinds = {(kept.log, KINDS[kept.kind]) for kept in pair["mission"].node.store.proofs()}
    assert kinds == {(kept.log, KINDS[kept.kind]) for kept in pair.south.node.store.proofs()}
    assert (EAST, "shrinking_receipt") in kinds
    assert (NORTH, "two_leaves") in kinds


# --- Releases, floods ---


def test_one_body_used_twice_convicts(pair: ChannelPair, liar: Liar) -> None:
    liar.add(replace(liar.messages[1], time=START + 9))
    assert tell(pair, "south", liar) == []
    assert pair.south.node.marked((NORTH, 5)).void == "release.reused"
    convicted(pair, "reused_release")


def test_a_flood_that_others_pass_on_or_that_comes_on_another_day_is_found_too() -> None:
    with ChannelPair(PARTIES, quotas={"messages_per_log_and_day": 4}) as pair:
        liar = Liar(pair.made, NORTH).add(*said("flood", 0, 6))
        for day, (start, stop) in enumerate([(0, 3), (3, 6)]):
            pair.set_clock(START + day * 86_400)
            assert pair.south.receive(liar.bundle(SOUTH, liar.run(start, stop))).messages == 3
        convicted(pair, "flood")


def test_a_flood_is_found_and_convicts_nobody() -> None:
    with ChannelPair(PARTIES, quotas={"messages_per_log_and_day": 4}) as pair:
        liar = Liar(pair.made, NORTH).add(*said("flood", 0, 3))
        assert tell(pair, "south", liar) == []
        liar.add(*said("flood", 3, 6))
        assert pair.south.receive(liar.bundle(SOUTH, liar.run(3))).held == ["hold.quota"]
        found = convicted(pair, "flood")
        assert [one.convicts for one in found] == [False] * 3
