"""What a guarantor's node attests of those who withhold, and of whom it never does. spec/withholding.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ceasewire.exchange.bundle import Contents
from ceasewire.exchange.session import Span
from ceasewire.node import proofs
from ceasewire.node.exchange import Exchange
from ceasewire.node.status import status
from ceasewire.record.saying import in_words
from ceasewire.verifier import Trust, verify
from faults.liar import Liar
from helpers import START, statement
from node.pair import ChannelPair, Side

DAY = 86400


class Deaf(Exchange):
    """A device that drops what it is given of some logs, and says nothing of it."""

    drops: tuple[int, ...] = ()

    def _open(self, data: bytes) -> tuple[int, Contents, bytes]:
        sender, contents, key = super()._open(data)
        return sender, replace(contents, runs=[run for run in contents.runs if run.log not in self.drops]), key


class Mute(Exchange):
    """A device that serves one peer nothing of some logs."""

    peer: int = 0
    hides: tuple[int, ...] = ()

    def spans(self, peer: int, covered: Any = None) -> list[Span]:
        found = super().spans(peer, covered)
        return [one for one in found if peer != self.peer or one.log not in self.hides]


def deaf(side: Side, *drops: int) -> None:
    side.exchange = Deaf(side.node)
    side.exchange.drops = drops


def mute(side: Side, to: Side, *hides: int) -> None:
    side.exchange = Mute(side.node)
    side.exchange.peer, side.exchange.hides = to.log, hides


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        made.set_clock(START)
        made.settle(2)
        yield made


def withheld(side: Side) -> list[tuple[str, list[dict[str, Any]]]]:
    """Reference and claims of each of mission's line checks that attests something, as a side reads them."""
    found = side.node.messages(log="mission", kind="line_check")
    return [(m["ref"], m["body"]["withheld"]) for m in found if "withheld" in m["body"]]


def line_checks(pair: ChannelPair, days: float) -> None:
    """It is so many days later, and everyone writes a line check."""
    pair.set_clock(START + int(days * DAY))
    for side in pair:
        side.node.send("line_check", {})


def days_pass(pair: ChannelPair, *days: float) -> None:
    """On each of these days, line checks, and everyone with everyone."""
    for number in days:
        line_checks(pair, number)
        pair.settle(2)


def one_way(sender: Side, to: Side) -> None:
    """A bundle arrives, and its answer is lost."""
    to.receive(sender.bundle(to))


# --- Who withholds is named ---


def test_who_talks_and_takes_nothing_of_one_log_is_named_until_it_does(pair: ChannelPair) -> None:
    south = pair.south
    deaf(south, pair.north.log)
    pair.north.say("We ask for a receipt.")
    days_pass(pair, 0.5, 1.5, 2.5, 3.5, 3.9)
    found = withheld(pair["mission"])
    first = found[0][1]
    assert [(one["by"], one["what"], one["log"], one["size"]) for one in first] == [("south", "receipt", "north", 2)]
    assert first[0]["since"] < first[0]["spoke"]
    sizes = [one["size"] for _, claims in found for one in claims]
    assert sizes == sorted(set(sizes)), "said again only when it is more"
    south.exchange = Exchange(south.node)
    days_pass(pair, 4, 5, 6)
    assert len(withheld(pair["mission"])) == len(found), "it has taken all since"
    assert status(pair.north.node, int(START + 6 * DAY), None)["withheld"] == []


def test_the_proof_is_an_ordinary_one_of_the_line_check(pair: ChannelPair) -> None:
    deaf(pair.south, pair.north.log)
    pair.north.say("We ask for a receipt.")
    days_pass(pair, 0.5, 1.5, 2.5, 3.5)
    ref, claims = withheld(pair.north)[0]
    data = proofs.prove(pair.north.node, pair.north.node.ref(ref), ["withheld"])
    report = verify(data, Trust(pair.made.signed.encode()))
    assert report.verdict == "valid"
    assert report.fields["withheld"] == claims
    (said,) = in_words("line_check", report.fields)["withheld, by the guarantor's machine"]
    assert said.startswith("south has given no receipt for the first 2 messages of north")
    shown = status(pair.north.node, int(START + 3.5 * DAY), None)["withheld"]
    assert [(one["by"], one["log"], one["what"]) for one in shown] == [("south", "north", "receipt")]


def test_who_does_not_serve_what_its_own_key_signed_is_named(pair: ChannelPair) -> None:
    north, south, mission = pair.north, pair.south, pair["mission"]
    mute(south, mission, south.log)
    mute(north, mission, south.log)
    south.say("For north's eyes alone.")
    days_pass(pair, 0.5, 1.5, 2.5, 3.5)
    ((_, (claim,)),) = withheld(mission)
    assert (claim["by"], claim["what"], claim["log"], claim["size"]) == ("south", "entries", "south", 2)
    south.exchange = Exchange(south.node)
    days_pass(pair, 4, 5)
    assert len(withheld(mission)) == 1
    assert status(mission.node, int(START + 5 * DAY), None)["withheld"] == []


def test_an_entry_that_comes_late_spares_nobody_for_ever(pair: ChannelPair) -> None:
    """Mission has heard that there is more when an entry from before arrives: that one was on its way, the others are not."""
    north, south, mission = pair.north, pair.south, pair["mission"]
    south.say("Long on its way.")
    late = south.bundle(mission)
    mute(south, mission, south.log)
    mute(north, mission, south.log)
    south.say("For north's eyes alone.")
    pair.sync("south", "north")
    pair.sync("north", "mission")
    pair.set_clock(START + 3600)
    mission.receive(late)
    assert mission.size(south) == 1
    days_pass(pair, 0.5, 1.5, 2.5, 3.5, 4.5)
    ((_, (claim,)),) = withheld(mission)
    assert (claim["by"], claim["what"], claim["log"]) == ("south", "entries", "south")


# --- Nobody else is ---


def test_of_those_who_talk_and_take_nothing_is_said(pair: ChannelPair) -> None:
    for number in range(1, 9):
        pair.north.say()
        days_pass(pair, number / 2)
    assert withheld(pair["mission"]) == []


def test_nor_of_one_that_was_away(pair: ChannelPair) -> None:
    days_pass(pair, 1, 2, 3)
    for number in (4, 5, 6, 7, 8):
        line_checks(pair, number)
        pair.sync("north", "mission")
    pair.sync("south", "mission")
    days_pass(pair, 9, 10)
    assert withheld(pair["mission"]) == []


def test_nor_of_one_whom_nothing_of_ours_reaches(pair: ChannelPair) -> None:
    days_pass(pair, 1, 2, 3)
    for number in (4, 5, 6, 7, 8):
        line_checks(pair, number)
        pair.sync("north", "mission")
        one_way(pair.south, pair["mission"])
    assert pair["mission"].size(pair.north) > pair.south.size(pair.north)
    assert withheld(pair["mission"]) == []


def test_nor_of_one_whose_link_carries_nothing_large(pair: ChannelPair) -> None:
    """Of our bundles to it only those get through that bring no messages."""
    mission, south = pair["mission"], pair.south
    days_pass(pair, 1, 2, 3)
    for number in (4, 5, 6, 7, 8):
        line_checks(pair, number)
        pair.north.say()
        pair.sync("north", "mission")
        for _ in range(3):
            one_way(south, mission)
            composed = mission.exchange.compose(south.log)
            if not composed.messages:
                south.receive(composed.data)
    assert withheld(mission) == []


def test_nor_of_one_whose_stick_comes_weeks_late(pair: ChannelPair) -> None:
    """Its bundle was written before what it lacks was there, and arrives long after."""
    mission, south = pair["mission"], pair.south
    days_pass(pair, 1, 2, 3)
    sticks = [south.bundle(mission) for _ in range(4)]
    south.say("Of this north has the checkpoint, and mission hears of it by north.")
    pair.sync("north", "south")
    mute(pair.north, mission, south.log)
    for number, stick in zip((5, 7, 9, 11), sticks, strict=True):
        line_checks(pair, number)
        pair.sync("north", "mission")
        mission.receive(stick)
    assert withheld(mission) == []


def test_nor_of_one_who_serves_entry_by_entry(pair: ChannelPair) -> None:
    """Of its log mission hears by north first, and what it serves comes a day later: so it goes on, and mission never holds all."""
    north, south, mission = pair.north, pair.south, pair["mission"]
    mute(north, mission, south.log)
    late = south.bundle(mission)
    mute(south, mission, south.log)
    for number in range(1, 9):
        line_checks(pair, number)
        pair.sync("south", "north")
        pair.sync("north", "mission")
        mission.receive(late)
        assert mission.size(south) == number - 1
        pair.sync("south", "mission")
        south.exchange = Exchange(south.node)
        late = south.bundle(mission)
        mute(south, mission, south.log)
    assert withheld(mission) == []


def test_nor_of_one_whose_clock_stands_still_and_who_says_so(pair: ChannelPair) -> None:
    mission, south = pair["mission"], pair.south
    for number in range(1, 8):
        pair.set_clock(START + number * DAY)
        south.clock.now = START
        pair.north.node.send("line_check", {})
        mission.node.send("line_check", {})
        pair.settle(2)
    assert south.size(pair.north) == 0
    assert mission.node.store.peers()[south.log].told == "hold.clock"
    assert withheld(mission) == []


def test_nor_of_one_who_froze_a_log_of_two_faces(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0).add(statement(text="to south"))
    other = Liar(pair.made, 0).add(statement(text="to mission"))
    pair.south.receive(liar.bundle(1, liar.run()))
    pair.south.receive(other.bundle(1, other.run()))
    mission = pair["mission"]
    mission.receive(other.bundle(2, other.run()))
    other.add(statement(text="and more"))
    mission.receive(other.bundle(2, other.run()))
    for number in range(1, 8):
        pair.set_clock(START + number * DAY)
        mission.node.send("line_check", {})
        pair.sync("south", "mission")
    assert withheld(mission) == []


def test_nobody_but_a_guarantor_attests(pair: ChannelPair) -> None:
    deaf(pair.south, pair.north.log)
    pair.north.say("We ask for a receipt.")
    days_pass(pair, 0.5, 1.5, 2.5, 3.5)
    assert all("withheld" not in m["body"] for m in pair.north.node.messages(log="north", kind="line_check"))
