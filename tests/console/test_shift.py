"""The watch: whoever leaves nobody on watch is asked first, nobody is put on watch by another, and every page says when nobody is. The
logbook: a time, by the hour, in both orders."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from ceasewire.node.inbox import LOGBOOK_MOST
from console.desks import Answer, Browser, Desk, desk_of
from node.pair import ChannelPair

NOBODY = "Nobody of ours is on watch"
ASKED = "Nobody of yours will be on watch"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ChannelPair(exercise=True) as made:
        made.set_clock(int(time.time()) - 7200)
        made.north.node.send("statement", {"text": "It is quiet."})
        made.settle(2)
        made.set_clock(int(time.time()) - 600)
        made.south.node.send("statement", {"text": "It is still quiet."})
        made.settle(2)
        yield desk_of(made.north)


def watching(desk: Desk) -> list[str]:
    return [one.name for one in desk.people.on_shift()]


def note_of(desk: Desk, who: Browser) -> str:
    return next(one.note for one in desk.people.shifts() if one.account == who.session.account and one.end is not None)


def test_whoever_is_alone_on_watch_is_asked_before_the_shift_ends(desk: Desk) -> None:
    who = Browser(desk)
    assert NOBODY in who.get("/inbox").outline.text
    who.post("/shift/start", duty="duty officer")
    assert NOBODY not in who.get("/cases").outline.text
    assert f"On watch: {who.session.name}" in who.get("/cases").outline.text
    asked = who.post("/shift/end", note="The line is quiet.")
    assert asked.status == 422
    assert ASKED in asked.outline.text
    assert asked.text.count("The line is quiet.</textarea>") == 2, "what was typed stays, whatever is chosen"
    assert asked.outline.is_clean()
    assert watching(desk) == [who.session.name]
    assert who.post("/shift/end", note="The line is quiet.", alone="yes").status == 303
    assert watching(desk) == []
    assert NOBODY in who.get("/compose").outline.text
    assert note_of(desk, who) == "The line is quiet."


def test_of_two_the_first_ends_without_a_question(desk: Desk) -> None:
    first, second = Browser(desk), Browser(desk)
    for who in (first, second):
        who.post("/shift/start")
    assert first.post("/shift/end").status == 303
    assert second.post("/shift/end").status == 422


def test_a_watch_that_is_handed_over_lasts_until_it_is_taken(desk: Desk) -> None:
    first, second, third, reader = Browser(desk), Browser(desk), Browser(desk), Browser(desk, "reader")
    first.post("/shift/start")
    assert f'<option value="{reader.session.account}"' not in first.post("/shift/end").text, "a reader watches nothing"
    refused = first.post("/shift/hand-over", account=str(reader.session.account), note="")
    assert (refused.status, watching(desk)) == (400, [first.session.name])
    assert second.post("/shift/hand-over", account=str(first.session.account)).status == 400, "whoever does not watch has nothing to give"
    first.post("/shift/hand-over", account=str(second.session.account), note="Look at the mill.")
    assert watching(desk) == [first.session.name]
    assert "who has not taken it yet" in first.get("/shift").outline.text
    offered = f"{first.session.name} hands the watch over to you"
    assert offered in second.get("/inbox").outline.text
    assert offered not in third.get("/inbox").outline.text
    taken = re.findall(r'name="take" value="(\d+)"', second.get("/shift").text)[0]
    third.post("/shift/start", take=taken)
    assert watching(desk) == [first.session.name, third.session.name], "nobody takes what was offered to another"
    third.post("/shift/end")
    assert "Look at the mill." in second.get("/shift").outline.text
    second.post("/shift/start", take=taken)
    assert watching(desk) == [second.session.name]
    assert note_of(desk, first) == "Look at the mill."
    assert first.post("/shift/end", note="").headers["location"].endswith("/shift"), "a page that stood open ends nothing twice"
    assert watching(desk) == [second.session.name]
    first.post("/shift/start")
    assert offered not in second.get("/inbox").outline.text, "an offer is of one shift"


def test_whoever_is_signed_in_nowhere_is_not_on_watch(desk: Desk) -> None:
    first, second = Browser(desk), Browser(desk)
    for who in (first, second):
        who.post("/shift/start")
    desk.people.sign_out(first.token, int(time.time()))
    text = second.get("/cases").outline.text
    assert f"On watch: {second.session.name} " in text
    assert f"The shift of {first.session.name} goes on, who is signed in nowhere" in text
    assert second.post("/shift/end").status == 422, "nobody who could read a flash is left"


def test_an_offer_can_be_taken_back(desk: Desk) -> None:
    first, second = Browser(desk), Browser(desk)
    first.post("/shift/start")
    first.post("/shift/hand-over", account=str(second.session.account), note="")
    first.post("/shift/hand-over")
    assert "hands the watch over" not in second.get("/shift").outline.text
    assert watching(desk) == [first.session.name]


def test_the_present_shift_is_no_earlier_one_and_nothing_to_report_is_not_said_at_its_beginning(desk: Desk) -> None:
    who = Browser(desk)
    assert "Nothing to report" not in who.get("/shift").outline.text
    who.post("/shift/start", nothing="yes")
    assert "Earlier shifts" not in who.get("/shift").outline.text
    assert "nothing_to_report" not in desk.node.reading.message(desk.node.reading.row((0, 1)))["body"]
    who.post("/shift/end", alone="yes")
    assert "Earlier shifts" in who.get("/shift").outline.text


def test_the_roster_takes_a_zone_and_the_solar_hijri_calendar(desk: Desk) -> None:
    keeper = Browser(desk, "administrator")
    form = {"account": str(keeper.session.account), "role": "releaser", "zone": "+04:30"}
    assert keeper.post("/shift/roster", **form, since="1479-01-01 06:00", until="2100-03-21 14:00").status == 303
    duty = desk.people.roster(4_000_000_000, 5_000_000_000)[0]
    assert keeper.post("/shift/roster", **form, since="0001-01-01 06:00", until="2100-03-21 14:00").status == 400
    assert (duty.start, duty.end) == (4_109_275_800, 4_109_304_600)


# --- The logbook ---


def rows(page: Answer) -> list[str]:
    return re.findall(r'<td class="subject"><a href="[^"]*/message/([^"]+)">', page.text)


def test_the_logbook_reads_oldest_first_or_newest_by_choice_with_links_by_the_hour(desk: Desk) -> None:
    who = Browser(desk)
    page = who.get("/logbook")
    assert [one for one in rows(page) if one in ("north/0", "south/0")] == ["north/0", "south/0"]
    links, hours = re.findall(r'<a href="#(hour-[^"]+)"', page.text), re.findall(r'<tr class="hour" id="([^"]+)"', page.text)
    assert links == hours == sorted(hours)
    assert len(set(hours)) >= 2
    newest = next(link.replace("&amp;", "&") for link in re.findall(r'href="(\?[^"]*order=newest)"', page.text))
    assert rows(who.get(f"/logbook{newest}")) == rows(page)[::-1]
    assert "data-print hidden" in page.text
    assert "Print this page with your browser." in page.outline.text
    assert page.outline.is_clean()


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_logbook_of_very_many_messages_goes_on_from_page_to_page(order: str) -> None:
    with ChannelPair() as pair:
        pair.set_clock(time.time())
        pair.north.node.send_many([("statement", {"text": f"Statement {n}."}) for n in range(2 * LOGBOOK_MOST + 5)])
        who, query, found = Browser(desk_of(pair.north), "reader"), f"?order={order}", []
        pair.set_clock(time.time() + 120)
        for more in (True, True, False):
            page = who.get(f"/logbook{query}")
            found.append([int(one.partition("/")[2]) for one in rows(page)])
            links = re.findall(r'href="(\?[^"]*after=[^"]*)"', page.text)
            assert bool(links) is more
            query = links[0].replace("&amp;", "&") if links else ""
        assert [len(some) for some in found] == [LOGBOOK_MOST, LOGBOOK_MOST, 5]
        seen = [one for some in found for one in some]
        assert seen == sorted(set(seen), reverse=order == "newest")


def test_the_logbook_s_times_are_read_as_elsewhere(desk: Desk) -> None:
    who = Browser(desk)
    day = "/logbook?since={}&until={}"
    assert rows(who.get(day.format("2026-03-01T00:00", "2026-03-02T00:00"))) == []
    solar = who.get(day.format(quote("1404-12-10 04:30+04:30"), quote("1404-12-11 00:00Z")))
    assert 'value="2026-03-01 00:00Z"' in solar.text
    assert who.get("/logbook?since=yesterday").status == 400
    assert who.get("/logbook?since=0001-01-01T00:00").status == 400


# --- The door and the frame ---


def test_the_door_names_the_side_and_the_exercise_and_not_the_channel_s_title(desk: Desk) -> None:
    stranger = Browser(desk)
    stranger.token = "nobody"
    text = stranger.get("/sign-in").outline.text
    assert desk.node.channel.party(0).name in text
    assert "EXERCISE" in text
    assert desk.node.channel.charter.title not in text


def test_every_page_bears_the_time_and_says_without_script_that_it_stands(desk: Desk) -> None:
    page = Browser(desk).get("/inbox")
    made = int(re.findall(r'id="now" data-now="(\d+)"', page.text)[0])
    assert abs(made - time.time()) < 60
    assert "when this page was made" in page.outline.text
