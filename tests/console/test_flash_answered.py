"""Our flash that a person of the other side answered, and who of ours pressed what: the pages say what answered it, the audit list who."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ceasewire.errors import LocalError
from ceasewire.node.flashes import attention
from console.desks import Browser, Desk, desk_of
from node.pair import ChannelPair

NO_PERSON = "received by their machine, no person yet"
HOT = {"phrase": "cease_now", "place": "the ford"}


@dataclass
class World:
    """North and South, and an officer of each."""

    pair: ChannelPair
    north: Browser
    south: Browser

    def say(self, slug: str, kind: str, body: dict[str, Any]) -> str:
        """Send a message and exchange; its reference."""
        self.pair.set_clock(int(self.pair.north.clock.now) + 1)
        sent = self.pair[slug].node.send(kind, body)
        self.pair.sync("north", "south")
        return f"{sent.log}/{sent.index}"

    def answered(self) -> list[list[tuple[str, str]]]:
        """Of each flash that North shows, what answered it."""
        view = self.pair.north.node.reading
        return [[(one["kind"], one["ref"]) for one in flash["answered_by"]] for flash in attention(view, int(self.pair.north.clock.now))]


@pytest.fixture
def world() -> Iterator[World]:
    with ChannelPair() as pair:
        pair.set_clock(int(time.time()) - 60)
        yield World(pair, Browser(desk_of(pair.north), "drafter"), Browser(desk_of(pair.south), "drafter"))


ANSWERS: list[tuple[str, str, dict[str, Any]]] = [
    ("flash", "Flash", {"phrase": "we_have_ceased"}),
    ("reply", "Reply", {"stance": "under_inquiry"}),
    ("statement", "Statement", {"text": "We are on it."}),
]


@pytest.mark.parametrize(("kind", "word", "body"), ANSWERS, ids=[one[0] for one in ANSWERS])
def test_a_flash_that_a_person_answers_is_said_to_be_answered_and_by_what(world: World, kind: str, word: str, body: dict[str, Any]) -> None:
    ours = world.say("north", "flash", HOT)
    before = world.north.get("/inbox").outline.text
    assert NO_PERSON in before
    assert "was answered" not in before
    assert "received by their machine" in world.north.get("/sent").outline.text
    answer = world.say("south", kind, {**body, "re": ours})
    assert world.answered()[-1] == [(kind, answer)]
    page = world.north.get("/inbox")
    assert NO_PERSON not in page.outline.text
    assert f"Your flash was answered · {ours}" in page.outline.text
    assert f"South: {word} {answer}" in page.outline.text
    assert page.outline.is_clean()
    assert "South: answered" in world.north.get("/sent").outline.text
    heard = world.north.get(f"/message/{ours}").outline.text
    assert "Answered" in heard
    assert "Not answered" not in heard


def test_machines_acknowledgements_and_what_is_about_something_else_answer_nothing(world: World) -> None:
    ours = world.say("north", "flash", HOT)
    world.say("south", "line_check", {})
    world.say("south", "flash", {"phrase": "cease_now", "place": "the ford"})
    world.say("north", "flash", {"phrase": "cease_now", "place": "the mill", "re": ours})
    world.say("south", "statement", {"text": "It is quiet."})
    assert world.answered() == [[], [], []]
    assert f"2 flashes of yours: {NO_PERSON}" in world.north.get("/inbox").outline.text
    world.say("south", "acknowledgement", {"re": ours, "state": "read"})
    assert world.answered() == [[], [], []], "read is not answered"
    assert f"1 flash of yours: {NO_PERSON}" in world.north.get("/inbox").outline.text


def test_a_flash_that_came_after_the_answer_is_not_answered_by_it(world: World) -> None:
    first = world.say("north", "flash", HOT)
    world.say("south", "flash", {"phrase": "we_have_ceased", "re": first})
    again = world.say("north", "flash", HOT)
    text = world.north.get("/inbox").outline.text
    assert f"1 flash of yours: {NO_PERSON}" in text
    assert again in text.partition(NO_PERSON)[2]


def test_the_audit_list_says_who_told_that_they_read_or_watch_and_nothing_is_told_by_who_is_disabled(world: World) -> None:
    flash = world.say("north", "flash", HOT)
    message = world.say("north", "statement", {"text": "It is quiet."})
    who, desk = world.south, world.south.desk
    acts = (
        (f"/flash/{flash}/read", "flash_read", flash),
        (f"/message/{message}/read", "message_read", message),
        ("/shift/start", "watch_told", "south/2"),
    )
    for path, what, about in acts:
        assert who.post(path).status == 303
        line = next(one for one in desk.people.audit(5) if one.what == what)
        assert (line.who, line.about) == (who.session.account, about)
        assert who.post(path).status == 303, "pressed twice it is said once"
    assert world.pair.south.size(1) == 3
    assert "Told them that a person has read a flash" in Browser(desk, "administrator").get("/people").outline.text
    gone = Browser(desk, "drafter")
    refuse(desk, gone)
    for path in (f"/flash/{world.say('north', 'flash', HOT)}/read", "/shift/start"):
        assert gone.post(path).status == 401
    assert world.pair.south.size(1) == 3


def refuse(desk: Desk, whom: Browser) -> None:
    """Disable somebody."""
    by = next(one.id for one in desk.people.accounts() if one.role == "administrator")
    desk.people.disable(whom.session.account, by, int(time.time()))
    with pytest.raises(LocalError) as refused, desk.people.acting(whom.session.id, "drafter", int(time.time())):
        pass
    assert refused.value.code == "account.session"
