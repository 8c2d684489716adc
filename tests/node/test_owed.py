"""What flashes await, and what both sides still owe each other: one reading for every page. node/owed.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ceasewire.node.inbox import awaiting, due_by, sent
from ceasewire.node.owed import TELLING, asked
from ceasewire.record.fields import show_time
from ceasewire.record.phrases import PHRASES
from node.pair import ChannelPair

HOT = {"phrase": "cease_now", "place": "the ford"}
HEARD = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge", "accused": "south"}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair() as made:
        yield made


def now_of(pair: ChannelPair) -> int:
    return int(pair.north.clock.now)


def say(pair: ChannelPair, slug: str, kind: str, body: dict[str, Any], later: int = 1) -> str:
    """Send a message so many seconds later, and exchange; its reference."""
    pair.set_clock(now_of(pair) + later)
    made = pair[slug].node.send(kind, body)
    pair.sync("north", "south")
    return f"{made.log}/{made.index}"


def expected(pair: ChannelPair, slug: str) -> dict[str, tuple[list[str], list[str], str | None]]:
    """What a side's inbox lists: whose reading and whose answer each message awaits, and when the answer is due."""
    rows = awaiting(pair[slug].node.reading, now_of(pair))
    return {row["ref"]: (row["must_read"], row["must_answer"], row["respond_by"]) for row in rows}


def test_a_flash_awaits_a_reader_and_an_answer_by_the_charters_clock(pair: ChannelPair) -> None:
    ref = say(pair, "north", "flash", HOT)
    due = show_time(now_of(pair) + pair.south.node.channel.charter.clocks["flash"])
    assert expected(pair, "south") == {ref: (["south"], ["south"], due)}
    assert expected(pair, "north") == {}
    say(pair, "south", "acknowledgement", {"re": ref, "state": "read"})
    assert expected(pair, "south") == {ref: ([], ["south"], due)}, "read is not answered"
    say(pair, "south", "flash", {"phrase": "we_have_ceased", "re": ref})
    assert expected(pair, "south") == {}
    (told,) = expected(pair, "north").values()
    assert told == (["north"], [], None), "what tells is read, and asks for no answer"


def test_its_clock_counts_from_receipt_and_the_sender_sees_the_same_second(pair: ChannelPair) -> None:
    pair.set_clock(now_of(pair) + 1)
    made = pair.north.node.send("flash", HOT)
    (row,) = sent(pair.north.node.reading, now_of(pair))
    assert (row["must_answer"], row["respond_by"]) == (["south"], None), "no machine of theirs has it"
    pair.set_clock(now_of(pair) + 3600)
    pair.sync("north", "south")
    due = now_of(pair) + pair.south.node.channel.charter.clocks["flash"]
    pair.sync("north", "south")
    for late, now in ((False, due), (True, due + 1)):
        (row,) = sent(pair.north.node.reading, now)
        (theirs,) = awaiting(pair.south.node.reading, now)
        assert row["ref"] == theirs["ref"] == f"{made.log}/{made.index}"
        assert [(one["respond_by"], one["late"]) for one in (row, theirs)] == [(show_time(due), late)] * 2


def test_repeated_flashes_await_one_reading_and_a_withdrawn_one_no_answer(pair: ChannelPair) -> None:
    refs = [say(pair, "north", "flash", HOT) for _ in range(5)]
    (row,) = awaiting(pair.south.node.reading, now_of(pair))
    assert row["ref"] == refs[2], "the newest that sounded"
    assert row["repeats"] == refs[::-1]
    say(pair, "north", "withdrawal", {"re": refs[2], "reason": "A mistake."})
    assert expected(pair, "south") == {refs[2]: (["south"], [], None)}


def test_who_is_asked_follows_from_the_phrase_and_from_the_charter() -> None:
    assert PHRASES.keys() > TELLING
    with ChannelPair(parties=("north", "south", "mission:guarantor")) as made:
        channel = made["north"].node.channel
        found = {phrase: {channel.slug(one) for one in asked(channel, phrase)} for phrase in PHRASES}
    assert found.pop("guarantor_needed") == {"mission"}
    assert found == {phrase: set() if phrase in TELLING else {"north", "south"} for phrase in found}


def test_every_count_of_what_is_due_is_of_one_reading(pair: ChannelPair) -> None:
    told = say(pair, "north", "notification", HEARD)
    flash = say(pair, "north", "flash", HOT)
    asking = say(pair, "south", "request", {"questions": ["Who was there?"]})
    say(pair, "south", "line_check", {})
    now = now_of(pair)
    for side, ours in ((pair.south, {told, flash}), (pair.north, {asking})):
        view = side.node.reading
        both = due_by(view, now, now + 10 * 86400)
        assert {row["ref"] for row in both} == {told, flash, asking}
        assert {row["ref"] for row in both if side.slug in row["must_answer"]} == {row["ref"] for row in awaiting(view, now)} == ours
        assert [row["ref"] for row in due_by(view, now, now + 900)] == [flash]


def test_a_notice_is_looked_at_before_it_begins(pair: ChannelPair) -> None:
    now = now_of(pair)
    say(pair, "north", "request", {"questions": ["Who was there?"]})
    patrol = {"activity": "patrol", "area": "the ford", "assurance_asked": True}
    notice = say(pair, "north", "notice", patrol | {"window_from": show_time(now + 3600), "window_to": show_time(now + 7200)})
    before, after = (awaiting(pair.south.node.reading, one) for one in (now + 60, now + 3601))
    assert (before[0]["ref"], before[0]["begins"]) == (notice, show_time(now + 3600))
    assert [row["begins"] for row in after] == [None, None]
    assert after[-1]["ref"] == notice
