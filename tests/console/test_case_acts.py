"""What a case's page lets its officer do next: what is awaited of us stands out, and a joint inquiry that another proposed is answered
there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from console.desks import Answer, Browser, desk_of
from node.pair import ChannelPair

NOTIFICATION = {
    "types": ["A4"],
    "occurred_from": "2026-03-01T00:00:00Z",
    "place": "Kala Bridge",
    "accused": "south",
    "narrative": "One shot.",
}


@dataclass
class World:
    """A case of north's against south, and whoever looks at it on each side."""

    pair: ChannelPair
    north: Browser
    south: Browser

    def say(self, who: str, kind: str, body: dict[str, Any]) -> str:
        sent = self.pair[who].node.send(kind, body)
        self.pair.settle(2)
        return f"{who}/{sent.index}"

    def propose(self, who: str) -> str:
        window = {"window_from": "2026-12-01T09:00:00Z", "window_to": "2026-12-01T12:00:00Z", "area": "Kala Bridge"}
        return self.say(who, "notice", {"activity": "joint_inquiry", "re": "north/0", **window})

    def case(self, who: Browser) -> Answer:
        return who.get("/case/north/0")


@pytest.fixture
def world() -> Iterator[World]:
    with ChannelPair() as pair:
        pair.set_clock(int(time.time()) - 600)
        made = World(pair, Browser(desk_of(pair.north)), Browser(desk_of(pair.south)))
        assert made.say("north", "notification", NOTIFICATION) == "north/0"
        yield made


def buttons(page: Answer, section: str) -> list[tuple[str, str, bool]]:
    """The acts of a section: the address, its words, whether it stands out."""
    text = page.text[page.text.index(f'aria-labelledby="{section}"') :].partition("</section>")[0]
    links = re.findall(r'<a class="(button[^"]*)" href="[^"]*/compose/([^"]+)">.*?</svg>\s*([^<]+)</a>', text, re.DOTALL)
    return [(path.replace("&amp;", "&"), words.strip(), "outline" not in how) for how, path, words in links]


def out(page: Answer) -> list[str]:
    return [words for _, words, stands in buttons(page, "next") if stands]


def test_what_is_awaited_of_us_stands_out_and_nothing_else(world: World) -> None:
    assert out(world.case(world.south)) == ["Reply"]
    assert out(world.case(world.north)) == [], "to ask is awaited of nobody"
    asked = world.say("south", "request", {"re": "north/0", "questions": ["Which road?"]})
    assert out(world.case(world.north)) == ["Answer the questions"]
    assert (f"reply?re={asked.replace('/', '%2F')}", "Answer the questions", True) in buttons(world.case(world.north), "next")
    world.say("south", "reply", {"re": "north/0", "stance": "denied", "account": "No."})
    assert "denies the notification as a whole" in world.case(world.north).outline.text
    assert out(world.case(world.south)) == []


def test_a_proposed_joint_inquiry_is_answered_from_the_case_by_the_other_side(world: World) -> None:
    ref = world.propose("south")
    there = world.case(world.north)
    assert out(there) == ["Answer the proposed joint inquiry"]
    named = ref.replace("/", "%2F")
    assert [path for path, _, _ in buttons(there, "inquiries")] == [
        f"reply?re={named}&stance=no_objection",
        f"reply?re={named}&stance=assurance",
        f"reply?re={named}&stance=objection",
    ]
    assert [stands for _, _, stands in buttons(there, "inquiries")] == [True, False, False]
    for path, _, _ in buttons(there, "inquiries"):
        form = world.north.get(f"/compose/{path}")
        stance = path.rpartition("=")[2]
        assert re.search(rf'value="{stance}"[^>]* checked', form.text), "the form begins with what was pressed"
    assert buttons(world.case(world.south), "inquiries") == [], "nobody answers what they proposed"
    for who in (world.north, world.south):
        assert "Propose a joint inquiry" not in world.case(who).outline.text, "one lies open"
    reader = Browser(world.north.desk, "reader")
    assert "compose/reply" not in world.case(reader).text
    world.say("north", "reply", {"re": ref, "stance": "no_objection"})
    agreed = world.case(world.north)
    assert buttons(agreed, "inquiries") == []
    assert out(agreed) == []
    assert "In joint inquiry" in agreed.outline.text


def test_a_cancelled_inquiry_leaves_nothing_to_answer_and_another_may_be_proposed(world: World) -> None:
    ref = world.propose("south")
    window = {"window_from": "2026-12-01T09:00:00Z", "window_to": "2026-12-01T12:00:00Z"}
    world.say("south", "notice", {"activity": "joint_inquiry", "phase": "cancelled", "re": [ref], "area": "Kala Bridge", **window})
    page = world.case(world.north)
    assert buttons(page, "inquiries") == []
    assert "Propose a joint inquiry" in page.outline.text
