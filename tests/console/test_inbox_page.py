"""Inbox, sent, and what every page says of flashes: what awaits us and by when, in the same words and numbers everywhere, and never in the
place of the page's own work."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ceasewire.console.banners import LINES
from ceasewire.console.pages.inbox import end_of_day
from ceasewire.node.owed import TELLING
from ceasewire.record.phrases import PHRASES
from console.desks import Answer, Browser, desk_of
from node.pair import ChannelPair

HOT = {"phrase": "cease_now", "place": "the ford"}
HEARD = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge", "accused": "south"}
AGO = 12 * 60 + 20  # seconds since what is said in a world, unless a test says otherwise


@dataclass
class World:
    """North and South, their officers, and when what they say is said."""

    pair: ChannelPair
    north: Browser
    south: Browser

    def say(self, slug: str, kind: str, body: dict[str, Any], ago: int = AGO) -> str:
        """Send a message and exchange, so many seconds before now; its reference."""
        self.pair.set_clock(max(int(time.time()) - ago, int(self.pair.north.clock.now)))
        sent = self.pair[slug].node.send(kind, body)
        self.pair.sync("north", "south")
        return f"{sent.log}/{sent.index}"


@pytest.fixture
def world() -> Iterator[World]:
    with ChannelPair() as pair:
        pair.set_clock(int(time.time()) - 3600)
        yield World(pair, Browser(desk_of(pair.north), "drafter"), Browser(desk_of(pair.south), "drafter"))


def row_of(page: Answer, ref: str) -> str:
    """A row of a list as it is read."""
    row = next(one for one in page.text.split("<tr")[1:] if f">{ref}<" in one)
    return " ".join(re.sub(r"<[^>]+>", " ", "<tr" + row.partition("</tr>")[0]).split())


def chips(page: Answer) -> dict[str, str]:
    """The filters by their words, with the number that each bears."""
    nav = page.text.partition('id="chips"')[2].partition("</nav>")[0]
    words = [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in re.findall(r"<a [^>]*>(.*?)</a>", nav, re.DOTALL)]
    return {re.sub(r" \d+$", "", one): one.rpartition(" ")[2] if re.search(r" \d+$", one) else "" for one in words}


def flashes(page: Answer) -> list[dict[str, str | None]]:
    """The banners of flashes, from the top."""
    return [found for _, found in page.outline.tags if "flash-banner" in (found.get("class") or "")]


def test_a_flash_is_counted_and_listed_with_what_it_awaits_and_is_answered_by_a_phrase(world: World) -> None:
    ref = world.say("north", "flash", HOT)
    page = world.south.get("/inbox")
    assert page.outline.is_clean()
    assert "1 message waits to be answered or read" in page.outline.text
    assert "Answer due: in 2 min" in page.outline.text
    assert row_of(page, ref).endswith("in 2 min A person must read it")
    link = f'href="/c/{world.south.desk.name}/compose/flash?re={ref}"'
    assert link in page.text.replace("%2F", "/"), "beside the banner"
    shown = world.south.get(f"/message/{ref}")
    assert link in shown.text.replace("%2F", "/"), "and on its own page"
    assert "compose/reply?re=" in shown.text
    assert re.search("Answer due ?in 2 min", shown.outline.text)
    form = world.south.get(f"/compose/flash?re={ref}")
    assert [found["value"] for _, found in form.outline.tags if found.get("name") == "f.re"] == [ref]
    offered = [found["value"] for _, found in form.outline.tags if found.get("name") == "f.phrase"]
    assert set(offered[: len(TELLING)]) == TELLING, "what answers a flash stands first"
    assert set(offered) == PHRASES.keys()
    assert world.south.post(f"/flash/{ref}/read").status == 303
    page = world.south.get("/inbox")
    assert re.search(rf"{ref} · 12 min ago · read, not answered · Answer due: in 2 min", page.outline.text)
    assert row_of(page, ref).endswith("in 2 min")
    answer = world.say("south", "flash", {"phrase": "we_have_ceased", "re": ref})
    page = world.south.get("/inbox?show=flash")
    assert "0 messages wait to be answered or read" in page.outline.text
    assert row_of(page, ref).endswith("nothing more is awaited")
    assert flashes(page) == []
    told = world.north.get("/inbox?show=flash")
    assert row_of(told, answer).endswith("A person must read it")


def test_the_banners_say_for_how_long_and_whose_telephone_and_follow_the_clock(world: World) -> None:
    world.say("north", "channel_status", {"status": "contact", "duty_telephone": "+000 north"}, ago=3600)
    world.say("south", "channel_status", {"status": "contact", "duty_telephone": "+000 south"}, ago=3600)
    world.say("north", "flash", HOT)
    text = world.south.get("/inbox").outline.text
    assert "None of your officers has said for 12 min that they read it. Duty officer of North: +000 north" in text
    text = world.north.get("/inbox").outline.text
    assert "No person of theirs has said for 12 min that they read it. Telephone them. Duty officer of South: +000 south" in text
    assert '<span class="tel" dir="ltr">' in world.north.get("/inbox").text


def test_a_flash_that_has_just_come_names_no_telephone(world: World) -> None:
    world.say("north", "flash", HOT, ago=60)
    for who in (world.north, world.south):
        assert "elephone" not in who.get("/inbox").outline.text


def test_however_many_flashes_there_are_one_is_whole_three_have_a_line_and_all_can_be_silenced(world: World) -> None:
    refs = [world.say("north", "flash", {"phrase": "cease_now", "place": f"post {n}"}, ago=900 - n) for n in range(7)]
    page = world.south.get("/inbox")
    assert page.outline.is_clean()
    whole, *lines, more = flashes(page)
    assert (whole["data-flash"], [one["data-flash"] for one in lines]) == (refs[-1], refs[-2 : -2 - LINES : -1])
    assert more["data-flash"] == " ".join(refs[-2 - LINES :: -1])
    assert f"and {7 - 1 - LINES} more flashes" in page.outline.text
    silenced = [found["data-silence"] for _, found in page.outline.tags if "data-silence" in found]
    assert silenced == [one["data-flash"] for one in flashes(page)]
    form = world.south.get("/compose/reply?re=" + refs[0])
    (line,) = flashes(form)
    assert line["data-flash"] == " ".join(refs[::-1]), "on a form all have one line"
    assert "and 6 more flashes" in form.outline.text
    after = world.north.get("/compose/statement")
    assert "7 flashes of yours that nobody of theirs has read" in after.outline.text
    assert len(flashes(after)) == 1


def test_the_skip_link_leads_past_the_banners_to_the_heading(world: World) -> None:
    world.say("north", "flash", HOT)
    for path in ("/inbox", "/sent", "/compose/statement"):
        page = world.south.get(path)
        assert ("a", {"class": "skip", "href": "#page"}) in page.outline.tags
        before, _, after = page.text.partition('id="page"')
        assert "<h1" in after
        assert "flash-banner" in before
        assert "flash-banner" not in after


def test_the_filters_bear_their_numbers_and_today_ends_with_the_day_that_is_named(world: World) -> None:
    now = int(time.time())
    world.say("north", "notification", HEARD | {"precedence": "immediate"}, ago=3600)
    late = world.say("north", "flash", HOT, ago=1800)
    clock = world.pair.north.node.channel.charter.clocks
    today = int(now - 3600 + clock["immediate"] <= end_of_day(now))
    page = world.south.get("/inbox")
    assert chips(page) == {"Awaiting us": "2", "All": "", "Flash": "", "Due today, until 24:00Z": str(today), "Overdue": "1"}
    assert end_of_day(now) % 86400 == 86399
    for show, count in (("waiting", 2), ("today", today), ("overdue", 1)):
        assert world.south.get(f"/inbox?show={show}").text.count("<tr") - bool(count) == count
    channel = world.south.get("/channel").text.partition('id="due"')[2].partition("</table>")[0]
    assert channel.count("<tr") == 1 + 1 + today, "the channel's page counts the same"
    assert f">{late}<" in channel


def test_a_deadline_that_may_still_move_is_said_to_be_about_then_and_each_side_sees_the_others(world: World) -> None:
    told = world.say("north", "notification", HEARD)
    silent = world.say("north", "statement", {"text": "It is quiet."})
    for row in (row_of(world.south.get("/inbox"), told), row_of(world.north.get("/sent"), told)):
        assert "in about 23 h 47 min counted from receipt" in row
    assert row_of(world.north.get("/sent"), silent).endswith("none")
    world.say("south", "line_check", {})
    for page in (world.south.get("/inbox"), world.north.get("/sent")):
        assert "in about" not in page.outline.text
        assert re.search(r"in 23 h \d+ min$", row_of(page, told))
    assert 'data-label="Answer due"' in world.south.get("/inbox").text
    assert 'data-label="Their answer due"' in world.north.get("/sent").text
