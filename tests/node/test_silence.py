"""Silence proofs made by nodes and checked by the verifier alone. spec/silence.md. The lies are in faults/test_hidden_request.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from ceasewire.errors import LocalError
from ceasewire.node import silence
from ceasewire.node.view import View
from ceasewire.record.fields import show_time
from ceasewire.record.kinds import KINDS
from ceasewire.record.silence import Claim, Silence
from ceasewire.record.values import Cosignature
from ceasewire.store.interface import Change
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.note import COSIGNATURE_ED25519, VerifierKey
from ceasewire.verifier import Report, Trust, verify
from helpers import START, local, make_party
from node.pair import ChannelPair, Side

REQUEST = KINDS["request"]
ASKED = {"questions": ["Who fired on Kala?"]}
DAY = 86400
TOWER = VerifierKey("tower.example/w", COSIGNATURE_ED25519, make_party("tower").card.keys.log_ed25519)
WITNESSED: dict[str, Any] = {"witnesses": [{"name": "tower", "vkey": TOWER.text(), "url": "https://tower.example/"}]}


def at(day: float) -> int:
    return START + int(day * DAY)


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        yield made


def days_pass(pair: ChannelPair, *days: float, without: tuple[str, ...] = ()) -> None:
    """On each of these days a line check by everyone and a statement by north, and everyone hears of it."""
    for day in days:
        pair.set_clock(at(day))
        for side in pair:
            if side.slug not in without:
                side.node.send("line_check", {})
        pair.north.say(f"Day {day}.")
        pair.settle(2, without)


def prove(view: View, since: float, until: float, kind: int = REQUEST, party: int = 0) -> bytes:
    return silence.prove(view, kind, party, at(since), at(until))


def checked(pair: ChannelPair, data: bytes) -> Report:
    report = verify(data, Trust(pair.made.signed.encode()))
    assert (report.verdict, report.code) == ("valid", None), report.steps[-1]
    return report


def said(pair: ChannelPair, data: bytes) -> dict[str, Any]:
    found = checked(pair, data).about["silence"]
    assert isinstance(found, dict)
    return found


def saying(code: str, *words: str) -> AbstractContextManager[pytest.ExceptionInfo[LocalError]]:
    """The block must raise this LocalError with these words in its detail."""
    return pytest.raises(LocalError, check=lambda error: error.code == code and all(word in error.detail for word in words))


def test_over_two_logs_of_which_one_followed_the_other(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1, 2)
    pair.north.rotate()
    days_pass(pair, 3, 4, 5)
    data = prove(pair.south.node, 1.5, 4.5)
    found = said(pair, data)
    after, until = show_time(at(1)), show_time(at(5))
    assert found["sentence"] == f"request by north, first seen by mission between {after} and {until}: none"
    first, later = found["logs"]
    assert (first["log"], first["from"], first["to"]) == ("north", 4, 6)
    assert (later["log"], later["from"]) == (pair.north.node.names.slug, 0)
    assert later["to"] == 5, "its opening, and what was there when the others wrote their line checks of the fifth day"
    assert [one["log"] for one in said(pair, prove(pair.south.node, 0.5, 1.5))["logs"]] == ["north"], "before it was opened"


def test_every_party_may_prove_it_the_accused_too(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1, 2, 3)
    found = [said(pair, prove(side.node, 0.5, 2.5)) for side in pair]
    assert [one["receiver"] for one in found] == ["south"] * 3
    assert [one["witness"] for one in found] == ["mission"] * 3
    assert said(pair, prove(pair.south.node, 0.5, 2.5, party=2))["receiver"] == "south"


def test_of_one_that_was_sent_there_is_none_and_it_is_named(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1, 2)
    pair.north.node.send("request", ASKED)
    pair.settle(1)
    days_pass(pair, 3, 4, 5)
    for since, until in ((1.5, 4.5), (2, 3.5), (0, 2.5)):
        with saying("silence.broken", "north/6, a request, is dated 2026-03-03"):
            prove(pair.south.node, since, until)
    assert said(pair, prove(pair.south.node, 1.5, 4.5, KINDS["notice"]))["kind"] == "notice"
    assert said(pair, prove(pair.south.node, 0.5, 1.5))["until"] == show_time(at(2)), "before it there was silence"
    assert said(pair, prove(pair.south.node, 3.5, 4.5))["after"] == show_time(at(3)), "and after it"


def test_what_is_lacking_is_said_with_what_to_do(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1)
    with saying("silence.list", "south has no entry dated 2026-03-06"):
        prove(pair.south.node, 0.5, 5)
    pair.set_clock(at(6))
    pair.south.node.send("line_check", {})
    with saying("silence.list", "mission has not cosigned what south wrote"):
        prove(pair.south.node, 0.5, 5)
    pair.sync("south", "mission")
    with saying("silence.list", "mission has no entry dated 2026-03-06"):
        prove(pair.south.node, 0.5, 5)
    pair["mission"].node.send("line_check", {})
    pair.settle(2)
    assert said(pair, prove(pair.south.node, 0.5, 5))["entries"] == 2, "north may be silent altogether"
    pair.set_clock(at(7))
    pair.north.node.send("request", ASKED)
    pair.settle(1)
    pair.set_clock(at(7.5))
    for side in pair:
        side.node.send("line_check", {})
    pair.settle(2)
    with saying("silence.ends", "north/4, a request", "came before anybody vouched for", "choose an earlier --to"):
        prove(pair.south.node, 6.5, 6.9)
    with local("usage"):
        prove(pair.south.node, 5, 5)


def test_one_from_before_that_the_witness_saw_late_stands_in_the_way(pair: ChannelPair) -> None:
    pair.north.node.send("request", ASKED)
    days_pass(pair, 2, 3, 4)
    with saying("silence.begins", "north/0, a request", "no cosignature by mission from before"):
        prove(pair.south.node, 1, 3.5)
    assert said(pair, prove(pair.south.node, 2.5, 3.5))["entries"] == 2


def test_an_old_date_on_a_late_message_takes_nobodys_silence_away(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1)
    for day in (2, 3, 4):
        pair.set_clock(at(day))
        for side in (pair.south, pair["mission"]):
            side.node.send("line_check", {})
        pair.sync("south", "mission")
    pair.north.clock.now = at(2)
    pair.north.node.send("request", ASKED)
    pair.north.clock.now = at(4)
    pair.settle(2)
    data = prove(pair.south.node, 1.5, 3.5)
    report = checked(pair, data)
    assert "that none comes later which its sender dated within the period" in report.not_proved


def test_without_a_guarantor_it_is_the_receivers_own_word() -> None:
    with ChannelPair(("north", "south")) as pair:
        days_pass(pair, 0, 1, 2, 3)
        data = prove(pair.south.node, 0.5, 2.5)
        report = checked(pair, data)
        found = said(pair, data)
        assert (found["witness"], found["weaker"]) == ("south", True)
        assert any("no guarantor who could say it" in one for one in report.not_proved)
        assert any("south's own word" in one for one in report.not_proved)


def tower_cosigns(pair: ChannelPair, log: Side, hour: float) -> None:
    """A witness of the charter cosigns the newest checkpoint of a log, and everyone has that."""
    for side in pair:
        kept = side.node.store.newest_checkpoint(log.log)
        assert kept
        line = checkpoints.sign(side.node.checkpoint(kept), TOWER, make_party("tower").signers["log", "ed25519"], at(hour))
        side.node.commit(Change(cosignatures=[Cosignature(log.log, kept.size, -1, COSIGNATURE_ED25519, at(hour), line.blob[8:])]))


@pytest.mark.parametrize("parties", [("north", "south"), ("north", "south", "mission:guarantor")])
def test_by_a_witness_of_the_charter(parties: tuple[str, ...]) -> None:
    with ChannelPair(parties, **WITNESSED) as pair:
        for day in (0, 1, 2, 3):
            days_pass(pair, day)
            for side in pair:
                tower_cosigns(pair, side, day + 0.01)
            if len(parties) == 3 and day > 1:
                pair["mission"].clock.now = START  # its clock has stopped: it cosigns nothing of after that
        made = silence._Maker(pair.south.node, Claim(REQUEST, 0, at(0.5), at(2.5), -1, 1)).make()
        found = said(pair, made)
        assert (found["witness"], found["weaker"], found["until"]) == ("tower", "mission" not in pair.sides, show_time(at(3)))


def test_a_guarantor_with_new_keys_vouches_for_the_end_and_its_old_device_for_the_beginning(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1)
    pair["mission"].rotate()
    days_pass(pair, 2, 3)
    report = checked(pair, prove(pair.south.node, 0.5, 2.5))
    assert report.about["silence"]["witness"] == pair["mission"].node.names.slug
    assert any("an earlier device of" in one for one in report.not_proved)


def test_a_receiver_with_new_keys_proves_as_well(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1)
    pair.south.rotate()
    days_pass(pair, 2, 3)
    assert said(pair, prove(pair.south.node, 0.5, 2.5))["receiver"] == pair.south.node.names.slug


def test_a_log_that_only_one_of_them_ever_saw_is_shown_too(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1)
    phone = pair.device("north", "phone")
    pair.sync("phone", "south")
    days_pass(pair, 2, 3, without=("mission", "phone"))
    pair["mission"].clock.now = at(3)
    pair["mission"].node.send("line_check", {})
    pair.sync("south", "mission")
    found = said(pair, prove(pair.south.node, 0.5, 2.5))
    assert [one["log"] for one in found["logs"]] == ["north", phone.node.names.slug]


def test_before_the_party_ever_wrote() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        pair.set_clock(at(1))
        for side in (pair.south, pair["mission"]):
            side.node.send("line_check", {})
        pair.settle(2)
        found = said(pair, prove(pair.south.node, -30, 0.5))
        assert (found["logs"], found["after"], found["entries"]) == ([], None, 0)


def test_an_exercise_says_so() -> None:
    with ChannelPair(("north", "south"), exercise=True) as pair:
        days_pass(pair, 0, 1, 2)
        assert checked(pair, prove(pair.south.node, 0.5, 1.5)).about["exercise"] is True


def test_no_byte_of_it_can_be_changed_and_no_end_cut_off(pair: ChannelPair) -> None:
    days_pass(pair, 0, 1, 2, 3)
    data = prove(pair.south.node, 0.5, 2.5)
    trust = Trust(pair.made.signed.encode())
    assert verify(data, trust).verdict == "valid"
    for place in range(0, len(data), 5):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        report = verify(bytes(changed), trust)
        assert (report.verdict != "valid") == (report.code is not None), place
        assert report.verdict != "valid" or _is_other_period(bytes(changed), data), place
        assert verify(data[:place], trust).verdict != "valid"


def _is_other_period(one: bytes, other: bytes) -> bool:
    """Whether two files differ in their period alone, which may be moved as far as what is in the file proves it."""
    first, second = (Silence.decode(data) for data in (one, other))
    times = {"since": 0, "until": 1}
    return first != second and all(
        replace(each, claim=replace(each.claim, **times)) == replace(first, claim=replace(first.claim, **times)) for each in (first, second)
    )
