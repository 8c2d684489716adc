"""What awaits an answer: at once, before a line check has written down that it was received. node/inbox.py, node/unbegun.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ceasewire.node.inbox import awaiting, received
from ceasewire.record.case_record import seconds_of
from ceasewire.record.fields import parse_time, show_time
from node.pair import ChannelPair

HEARD = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge", "accused": "south"}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair() as made:
        yield made


def send(pair: ChannelPair, slug: str, kind: str, body: dict[str, Any]) -> str:
    """Send a message and exchange; its reference."""
    side = getattr(pair, slug)
    sent = side.node.send(kind, body)
    pair.sync("north", "south")
    return f"{sent.log}/{sent.index}"


def owed(pair: ChannelPair, slug: str) -> dict[str, str]:
    """What a side's inbox lists, and by when."""
    side = getattr(pair, slug)
    return {row["ref"]: row["respond_by"] for row in awaiting(side.node.reading, int(side.clock.now))}


def test_a_message_that_asks_is_owed_as_soon_as_it_is_received_and_until_it_is_answered(pair: ChannelPair) -> None:
    now, charter = int(pair.south.clock.now), pair.south.node.channel.charter
    clocks = {word: seconds_of(charter, word) for word in ("routine", "immediate")}
    assert clocks["immediate"] < clocks["routine"]
    routine = send(pair, "north", "notification", HEARD)
    urgent = send(pair, "north", "notification", {**HEARD, "precedence": "immediate"})
    asked = send(pair, "north", "request", {"questions": ["Who was there?"]})
    later = send(pair, "north", "request", {"questions": ["And then?"], "respond_by": show_time(now + clocks["routine"] + 7200)})
    send(pair, "north", "notification", {**HEARD, "historical": True})
    send(pair, "north", "statement", {"text": "It is quiet."})
    found = owed(pair, "south")
    assert list(found) == sorted(found, key=lambda ref: parse_time(found[ref])), "the first to fall due first"
    assert found == {
        urgent: show_time(now + clocks["immediate"]),
        routine: show_time(now + clocks["routine"]),
        asked: show_time(now + clocks["routine"]),
        later: show_time(now + clocks["routine"] + 7200),
    }
    assert owed(pair, "north") == {}
    send(pair, "south", "reply", {"re": routine, "stance": "denied"})
    send(pair, "north", "withdrawal", {"re": urgent, "reason": "A mistake."})
    assert owed(pair, "south").keys() == {asked, later}


def test_once_the_record_counts_the_inbox_counts_as_the_record_does(pair: ChannelPair) -> None:
    asked = send(pair, "north", "request", {"questions": ["Who was there?"]})
    before = owed(pair, "south")
    pair.set_clock(int(pair.south.clock.now) + 600)
    send(pair, "south", "line_check", {})
    assert owed(pair, "south").keys() == before.keys() == {asked}
    assert owed(pair, "south")[asked] >= before[asked]


@pytest.mark.parametrize("said", [{}, {"precedence": "routine"}, {"precedence": "priority"}])
def test_a_flash_is_listed_as_one_whatever_precedence_its_sender_gave_it(pair: ChannelPair, said: dict[str, Any]) -> None:
    ref = send(pair, "north", "flash", {"phrase": "cease_now", "place": "the bridge", **said})
    view = pair.south.node.reading
    assert [(row["ref"], row["precedence"]) for row in received(view, kind="flash")] == [(ref, "flash")]
