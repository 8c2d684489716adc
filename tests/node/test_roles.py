"""Guarantor and observer: what each may send, and what a guarantor's node does for the others. PROTOCOL section 4; DOMAIN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ceasewire.record.kinds import KINDS
from helpers import START, local
from node.pair import ChannelPair

FOUR = ("north", "south", "mission:guarantor", "red-cross:observer")
NOTIFICATION = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala"}
WINDOW = {"window_from": "2026-03-02T06:00:00Z", "window_to": "2026-03-02T18:00:00Z"}
# Each after those before it, so that what it refers to is there. North has sent a notification, north/0.
BODIES: dict[str, dict[str, Any]] = {
    "notification": {**NOTIFICATION, "accused": "south"},
    "statement": {"text": "We have seen it."},
    "request": {"re": "north/0", "questions": ["Who fired?"]},
    "notice": {"activity": "patrol", "area": "Kala", "phase": "planned", **WINDOW},
    "finding": {"re": "north/0", "finding": "confirmed", "confidence": "high", "narrative": "Seen by two teams."},
    "flash": {"phrase": "cease_now"},
    "evidence": {"re": "north/0", "evidence": [{"name": "photo.jpg", "sha256": "ab" * 32}]},
    "correction": {"re": "SELF/0", "fields": {"place": "Kala ridge"}, "reason": "misheard"},
    "withdrawal": {"re": "SELF/0", "reason": "another's incident"},
    "line_check": {},
    "channel_status": {"status": "contact", "duty_telephone": "+41 22 000 00 00"},
    "acknowledgement": {"watch": True},
    "keys": {"url": "https://mission.example"},
    "closing": {"re": "north/0"},
}
NEVER: dict[str, dict[str, Any]] = {
    "reply": {"re": "north/0", "stance": "noted"},
    "amendment": {"base": "00" * 32, "amendment": "11" * 32},
}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(FOUR) as made:
        made.north.node.send("notification", NOTIFICATION)
        made.settle(1)
        yield made


def test_a_guarantor_sends_every_kind_but_replies_and_amendments(pair: ChannelPair) -> None:
    assert {*BODIES, *NEVER} == set(KINDS)
    mission = pair["mission"]
    for kind, body in BODIES.items():
        re = body.get("re")
        mission.node.send(kind, body if re is None else {**body, "re": re.replace("SELF", "mission")})
    for kind, body in NEVER.items():
        with local("kind.not_allowed"):
            mission.node.send(kind, body)
    pair.settle(2)
    for side in pair:
        found = list(side.node.messages(log="mission"))
        assert [(one["kind"], one["void"]) for one in found] == [(kind, None) for kind in BODIES]
    pair.check()


def test_an_observer_reads_everything_and_sends_what_keeps_the_line(pair: ChannelPair) -> None:
    observer = pair["red-cross"]
    may = {"line_check", "acknowledgement", "keys", "channel_status"}
    for kind, body in (BODIES | NEVER).items():
        re = body.get("re")
        draft = body if re is None else {**body, "re": "north/0"}
        if kind in may:
            observer.node.send(kind, draft)
        else:
            with local("kind.not_allowed"):
                observer.node.send(kind, draft)
    pair.settle(2)
    assert {one["kind"] for one in pair.south.node.messages(log="red-cross")} == may
    pair.check()


def test_what_a_party_withholds_the_guarantor_serves_and_the_receipts_flow(pair: ChannelPair) -> None:
    """North never answers south and hands its file to the guarantor alone. South reads it, replies, and both receipts come back."""
    north, south, mission = pair.north, pair.south, pair["mission"]
    sent = north.node.send("notification", {**NOTIFICATION, "accused": "south"})
    pair.deliver(north.exchange.write_file(mission.log)[0])
    pair.sync("mission", "south")
    assert south.size(north) == 2
    south.clock.now = START + 60
    south.node.send("reply", {"re": f"north/{sent.index}", "stance": "under_inquiry"})
    pair.sync("south", "mission")
    pair.sync("mission", "north")
    assert {one["by"] for one in north.node.receipts((0, sent.index))} == {"mission", "south"}
    case = north.node.case((0, sent.index))
    assert case["received"]["by"] == "south"
    assert {one["by"] for one in mission.node.receipts((1, 0))} == {"mission", "north"}
    pair.settle(2)
    pair.check()


def test_a_guarantor_that_holds_what_a_party_denies_having_sent_serves_it_to_an_observer(pair: ChannelPair) -> None:
    pair.north.say("We fired first.")
    pair.sync("north", "mission")
    pair.sync("red-cross", "mission")
    found = [one["body"]["text"] for one in pair["red-cross"].node.messages(log="north", kind="statement")]
    assert found == ["We fired first."]
    assert pair.south.size(pair.north) == 1
