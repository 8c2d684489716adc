"""The line's state, as the frame of every page says it: who was not heard, and no green dot beside a side that is silent."""

from __future__ import annotations

import time

from ceasewire.console.frame import SILENT_SECONDS
from console.desks import Browser, desk_of
from node.pair import ChannelPair

WELL = "Every side was heard in the last two minutes"


def test_a_side_that_is_silent_is_named_while_the_others_are_heard() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        now = int(time.time())
        pair.set_clock(now)
        south = Browser(desk_of(pair.south), "reader")
        assert "A line has never been heard" in south.get("/inbox").text
        pair.settle()
        page = south.get("/inbox").text
        assert WELL in page
        assert 'class="dot good"' in page
        pair.set_clock(now + SILENT_SECONDS + 30)
        pair.sync("mission", "south")
        page = south.get("/inbox").text
        assert "Nothing heard from <bdi>North</bdi> for" in page
        assert 'class="dot warn"' in page
        assert WELL not in page
        pair.sync("north", "south")
        assert WELL in south.get("/inbox").text


def test_of_a_side_with_two_devices_one_that_is_heard_is_enough() -> None:
    with ChannelPair() as pair:
        now = int(time.time())
        pair.set_clock(now)
        pair.settle()
        pair.device("north", "phone").say()
        pair.settle()
        pair.set_clock(now + 3 * SILENT_SECONDS)
        pair.sync("north", "south")
        assert WELL in Browser(desk_of(pair.south), "reader").get("/inbox").text
