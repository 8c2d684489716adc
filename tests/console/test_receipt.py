"""A message that the other side's machine has received and no line check has written down: every page says the same of it, on both sides,
and no page says that a clock of the record runs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ceasewire.node import caselist
from ceasewire.node.caselist import Asked
from ceasewire.record.case_record import seconds_of
from ceasewire.record.fields import show_time
from console.desks import Answer, Browser, desk_of
from node.pair import ChannelPair

HEARD = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge", "accused": "south"}
FILTER = "Notified, not yet received"  # which the list offers to look for
RECEIVED = "Counted from receipt: the machine of South received it"
NO_CLOCK = "No line check has written that down yet, so no clock of the record runs."
BRIEFLY = re.compile(r"counted from receipt \d\d:\d\dZ; no clock of the record runs yet")


@dataclass
class World:
    """North and South, their officers, and the second at which the pair's clock stands."""

    pair: ChannelPair
    north: Browser
    south: Browser
    now: int

    def say(self, slug: str, kind: str, body: dict[str, Any]) -> str:
        """Send a message; its reference."""
        sent = self.pair[slug].node.send(kind, body)
        return f"{sent.log}/{sent.index}"

    def both(self, path: str) -> list[str]:
        """A page as North's and South's officers read it."""
        pages = [self.north.get(path), self.south.get(path)]
        assert all(page.status == 200 and page.outline.is_clean() for page in pages)
        return [page.outline.text for page in pages]


@pytest.fixture
def world() -> Iterator[World]:
    with ChannelPair() as pair:
        now = int(time.time())
        pair.set_clock(now)
        yield World(pair, Browser(desk_of(pair.north), "releaser"), Browser(desk_of(pair.south), "releaser"), now)


def row_of(page: Answer, ref: str) -> str:
    """A row of a list as it is read."""
    rows = page.text.split("<tr")
    return next(" ".join(one.split()) for one in rows if f">{ref}<" in one)


def test_all_pages_of_both_sides_say_the_same_until_a_line_check_writes_the_receipt_down(world: World) -> None:
    ref = world.say("north", "notification", HEARD)
    case = world.north.get(f"/case/{ref}").outline.text
    assert "not yet received" in case
    assert "has not begun: it counts from receipt" in case
    assert "sent, not yet received" in world.north.get("/sent").outline.text
    assert "counts from receipt" in row_of(world.north.get("/cases"), ref)
    world.pair.sync("north", "south")
    lists = [*world.both("/cases"), world.south.get("/inbox").outline.text]
    whole = [*world.both(f"/case/{ref}"), *world.both(f"/message/{ref}")]
    assert all(RECEIVED in text and NO_CLOCK in text for text in whole)
    assert all(BRIEFLY.search(text) for text in lists)
    for text in (*lists, *whole):
        assert "not yet received" not in text.replace(FILTER, "")
        assert "counts from receipt" not in text
    for text in (*world.both(f"/case/{ref}"), *world.both("/cases"), *world.both(f"/message/{ref}")):
        assert "Received by a machine, not yet answered" in text
    for text in world.both(f"/case/{ref}"):
        assert "received by the machine of South" in text
        assert "not yet written down by a line check" in text
        assert "has not begun · due in" in text
    assert "received by their machine" in world.north.get("/sent").outline.text
    own = world.pair.south.node.reading
    assert own.case(own.ref(ref))["respond_by"] is None, "the record itself counts nothing yet"
    world.say("south", "line_check", {})
    world.pair.sync("north", "south")
    for text in (
        *world.both("/cases"),
        *world.both(f"/case/{ref}"),
        *world.both(f"/message/{ref}"),
        world.south.get("/inbox").outline.text,
    ):
        assert RECEIVED not in text
        assert NO_CLOCK not in text
        assert not BRIEFLY.search(text)
        assert "due" in text


def test_both_sides_count_it_by_one_second_and_call_it_overdue_together(world: World) -> None:
    ref = world.say("north", "notification", {**HEARD, "precedence": "immediate"})
    world.pair.sync("north", "south")
    due = world.now + seconds_of(world.pair.north.node.channel.charter, "immediate")
    for side in (world.pair.north, world.pair.south):
        for now, late in ((due, 0), (due + 1, 1)):
            (row,), _ = caselist.cases(side.node.reading, Asked(), now)
            assert row["unbegun"] == {"by": "south", "received": show_time(world.now), "due": show_time(due)}
            assert row["late"] == bool(late)
            assert caselist.count(side.node.reading, now) == (1, late)
            assert [one["ref"] for one in caselist.cases(side.node.reading, Asked(overdue=True), now)[0]] == [ref] * late
        found = {state: [one["ref"] for one in caselist.cases(side.node.reading, Asked(state=state), due)[0]] for state in caselist.OPEN}
        assert found == {state: [ref] if state == "received" else [] for state in caselist.OPEN}
    world.say("south", "reply", {"re": ref, "stance": "denied"})
    world.pair.sync("north", "south")
    for side in (world.pair.north, world.pair.south):
        (row,), _ = caselist.cases(side.node.reading, Asked(), due + 1)
        assert (row["unbegun"], row["late"]) == (None, False), "it is answered"


def test_a_request_in_a_case_counts_by_its_own_receipt_and_what_asks_nothing_by_none(world: World) -> None:
    ref = world.say("north", "notification", HEARD)
    world.pair.sync("north", "south")
    world.say("south", "line_check", {})
    world.pair.sync("north", "south")
    asked = world.say("north", "request", {"re": ref, "questions": ["Who was there?"]})
    told = world.say("north", "notification", {**HEARD, "historical": True})
    before = world.north.get(f"/case/{ref}").outline.text
    assert "has not begun: it counts from receipt" in before
    world.pair.sync("north", "south")
    for text in (*world.both(f"/case/{ref}"), *world.both(f"/message/{asked}")):
        assert text.count(NO_CLOCK) == 1
    for text in world.both(f"/case/{told}"):
        assert NO_CLOCK not in text
        assert "received by the machine of South" in text
        assert "not yet received" not in text
