"""A liar that forks its log where it says who may speak, or under which terms: what it showed to one is void, and what others sent by it
is judged anew, alike on every node. North lies; South, East and the mission are real nodes, and so is north's honest phone."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ceasewire.exchange.bundle import Run
from ceasewire.node.composing import in_force
from ceasewire.node.proofs import prove
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.charter import Charter
from ceasewire.record.conviction import TWO_FACES
from ceasewire.record.draft import amended
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import Body, Message, message_of
from ceasewire.reports.facts import Period
from ceasewire.survey import survey
from ceasewire.verifier import Trust, verify
from helpers import START, TestChannel, local, seed_of, statement
from node.pair import ChannelPair, Side
from signers import HERON, KESTREL, OFFICERS, RAVEN, TestOfficer, make_officer, released, say

from .accusing import EAST, HONEST, MISSION, NORTH, PARTIES, SOUTH, meet, proof, tell
from .liar import Liar

FALCON, OWL = make_officer("north", "falcon"), make_officer("north", "owl")
INCIDENT = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala"}
ACCUSED = {**INCIDENT, "accused": "east"}
NOTICE = {
    "activity": "patrol",
    "area": "Kala",
    "phase": "planned",
    "window_from": "2026-03-02T06:00:00Z",
    "window_to": "2026-03-02T18:00:00Z",
}
WITHOUT_REQUEST = [kind for kind in KINDS if kind != "request"]
OTHER_TERMS = {"kinds": [kind for kind in KINDS if kind != "notice"], "clocks": {"reply": 3600}}


def shown(side: Side, *, lang: str = "en") -> bytes:
    """`list --json`, `cases`, each `case`, and the bulletin, as bytes; but for entries in no record, of which each node may hold others."""
    cases = side.node.cases()
    each = [side.node.case(side.node.ref(str(case["ref"]))) for case in cases]
    listed = [one for one in side.node.messages() if one["void"] != TWO_FACES]
    bulletins = [survey(side.node, Period(START - 60, START + 86_400), exercise=exercise, lang=lang) for exercise in (False, True)]
    return json.dumps([listed, cases, each, bulletins], sort_keys=True).encode()


def void(side: Side, of: Side | int, index: int) -> str | None:
    """The code that a message bears in a side's record, by every way to it."""
    log = of if isinstance(of, int) else of.log
    found: str | None = {side.node.ref(str(one["ref"])): one["void"] for one in side.node.messages()}[log, index]
    assert side.node.marked((log, index)).void == found == side.node.show((log, index))["void"]
    return found


def stored(side: Side, of: Side, index: int) -> str | None:
    """The code that it bore when it was admitted."""
    return side.node.row((of.log, index)).void


def one_record(pair: ChannelPair, *slugs: str) -> None:
    """Every one of them shows the same bytes; also when the tables are built anew, and in a new process."""
    first, *others = [pair[slug] for slug in slugs or HONEST]
    for side in others:
        assert shown(side) == shown(first), (side.slug, first.slug)
    for side in (first, *others):
        grown = shown(side)
        side.node.projection.rebuild(lambda _done, _total: None)
        assert shown(side) == grown, side.slug
        assert shown(side.reopen()) == grown, side.slug
        assert side.faults() == [], side.slug


# --- Amendments ---


def terms(
    made: TestChannel, toml: dict[str, Any], base: bytes | None = None, old: Charter | None = None
) -> tuple[Body, dict[str, str], bytes]:
    """An assent to a change of the charter: its body, its JSON, and what the charter is called with it."""
    charter, name = old or made.channel.charter, base or made.channel.channel_id
    changes = changes_between(charter, amended(charter, toml))
    named = amendment_hash(made.channel.channel_id, name, changes)
    body: Body = {0: [], 1: False, 16: name, 17: named, 18: changes}
    return body, {"base": name.hex(), "amendment": named.hex(), "changes": base64.b64encode(changes).decode()}, named


def assent(body: Body, time: int, seen: dict[int, int] | None = None) -> Message:
    return Message(KINDS["amendment"], time, seen or {}, seed_of("assent", time)[:16], body)


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES, kinds=WITHOUT_REQUEST) as made:
        yield made


def two_terms(pair: ChannelPair) -> tuple[Liar, Liar]:
    """South and East assent to other terms. North does so in one history, its third entry, and in the other does not."""
    body, said, _ = terms(pair.made, OTHER_TERMS)
    pair.south.node.send("amendment", said)
    pair["east"].node.send("amendment", said)
    meet(pair)
    pair.set_clock(START + 10)
    liar = Liar(pair.made, NORTH).add(statement(START, text="one"), statement(START + 1, text="two"))
    return liar.fork(2, assent(body, START + 2, {SOUTH: 1}), statement(START + 3, seen={SOUTH: 1})), liar.fork(
        2, statement(START + 2), statement(START + 3)
    )


def test_what_was_sent_by_an_amendment_of_one_history_is_judged_without_it(pair: ChannelPair) -> None:
    south, east, mission = (pair[slug] for slug in HONEST)
    with_it, without = two_terms(pair)
    assert tell(pair, "south", with_it) == tell(pair, "east", without) == []
    other = terms(pair.made, OTHER_TERMS)
    request = south.node.send("request", {"questions": ["Who fired?"]}).index
    late = south.node.send("notification", ACCUSED).index  # its clock by the terms that South knows
    charter = amended(pair.made.channel.charter, OTHER_TERMS)
    second = south.node.send("amendment", terms(pair.made, {"clocks": {"reply": 7200}}, other[2], charter)[1]).index
    with local("kind.not_allowed"):
        south.node.send("notice", NOTICE)
    notice = east.node.send("notice", NOTICE).index
    meet(pair, 2)
    assert (stored(south, south, request), stored(east, south, request)) == (None, "kind.not_allowed")
    assert (stored(south, east, notice), stored(east, east, notice)) == ("kind.not_allowed", None)
    assert {side.node.store.states()[NORTH].frozen for side in (south, east, mission)} == {"log.fork"}
    for side in (south, east, mission):
        assert void(side, south, request) == "kind.not_allowed", side.slug
        assert void(side, south, second) == "amendment.base", side.slug
        assert void(side, east, notice) is None, side.slug
        assert void(side, south, late) is None, side.slug
    one_record(pair)
    # The channel goes on by the terms that all signed: what is sent now is judged by them too, on both sides of the fork.
    assert {in_force(side.node).base for side in (south, east, mission)} == {pair.made.channel.channel_id}
    for side in (south, east):
        with local("kind.not_allowed"):
            side.node.send("request", {"questions": ["Who fired?"]})
        side.node.send("notice", NOTICE)
    meet(pair, 2)
    assert {one["void"] for side in (south, east, mission) for one in side.node.messages(kind="notice")} == {None}
    one_record(pair)
    verdict = verify(prove(south.node, (EAST, notice), None), Trust(charter=pair.made.signed.encode()))
    assert verdict.verdict == "valid"


def runs(of: Side) -> Iterator[Run]:
    """A side's own log, one run a checkpoint."""
    at = 0
    while kept := of.node.store.next_checkpoint(of.log, at + 1):
        yield Run(of.log, at, tuple(message_of(one) for one in of.node.store.rows(of.log, at, kept.size)), of.node.note(kept).encode())
        at = kept.size


def test_who_hears_of_the_conviction_before_the_entries_says_the_same(pair: ChannelPair) -> None:
    """What both histories share governs too, and comes to the mission after what had seen it."""
    south, east, mission = (pair[slug] for slug in HONEST)
    body, said, second = terms(pair.made, OTHER_TERMS)
    south.node.send("amendment", said)
    east.node.send("amendment", said)
    pair.settle(1, without=("north", "mission"))
    pair.set_clock(START + 10)
    third = terms(pair.made, {"clocks": {"reply": 7200}}, second, amended(pair.made.channel.charter, OTHER_TERMS))
    liar = Liar(pair.made, NORTH).add(statement(START), assent(body, START + 10), statement(START + 10, text="of one second"))
    one, other = liar.fork(3, assent(third[0], START + 11)), liar.fork(3, statement(START + 11))
    assert tell(pair, "south", one) == tell(pair, "east", other) == []
    south.node.send("request", {"questions": ["Who fired?"], "re": f"north/{2}"})
    south.node.send("notification", ACCUSED)
    south.node.send("amendment", third[1])
    pair.sync("south", "east")
    data = proof(south, "two_leaves").data
    talk = Liar(pair.made, SOUTH)
    mission.receive(pair.made.bundle(replace(talk.contents(), proofs=[data]), MISSION))
    mission.receive(pair.made.bundle(talk.contents(*runs(south), *runs(east)), MISSION))
    assert (mission.size(NORTH), mission.size(SOUTH), mission.size(EAST)) == (0, south.size(south), east.size(east))
    stored_there = {one["ref"]: one["void"] for one in mission.node.messages()}
    assert stored_there["south/1"] == "kind.not_allowed"  # it cannot know better yet
    meet(pair, 3)
    assert mission.size(NORTH) >= 3
    for side in (south, east, mission):
        assert void(side, south, 1) is None, side.slug
        assert side.node.case(side.node.ref("south/2"))["clocks"], side.slug
    one_record(pair)


# --- Officers ---


def keys(made: TestChannel, time: int, body: Body, *by: TestOfficer) -> Message:
    """A `keys` message of north's first log, released by these officers."""
    message = Message(KINDS["keys"], time, {}, seed_of("keys", time, repr(body))[:16], {0: [], 1: False, **body})
    return released(made.channel, NORTH, message, *by)


def adding(officer: TestOfficer) -> dict[str, Any]:
    return {"officers": [officer.json]}


def test_what_officers_of_one_history_released_is_judged_without_them() -> None:
    """North's phone is honest, and was shown what South was: an officer more. East was shown that another is revoked."""
    with ChannelPair(PARTIES, officers=OFFICERS) as pair:
        phone = pair.device("north", "phone")
        meet(pair, 2)
        pair.set_clock(START + 20)
        liar = Liar(pair.made, NORTH).add(released(pair.made.channel, NORTH, statement(START), KESTREL, HERON))
        added = keys(pair.made, START + 1, {17: [RAVEN.officer.value()]}, KESTREL, HERON)
        revoked = keys(pair.made, START + 1, {18: [KESTREL.officer.id]}, KESTREL, HERON)
        one, other = liar.fork(1, added), liar.fork(1, revoked)
        assert tell(pair, "south", one) == tell(pair, "east", other) == []
        pair.sync("south", "phone")
        sent = [
            say(phone.folder.path, phone.node, *what)
            for what in (
                ("statement", {"text": "by the new one"}, RAVEN, HERON),
                ("notification", INCIDENT, KESTREL),
                ("keys", adding(FALCON), RAVEN, HERON),
                ("keys", adding(OWL), KESTREL, HERON),
                ("statement", {"text": "by whom a void one added"}, FALCON, KESTREL),
                ("statement", {"text": "by whom a good one added"}, OWL, KESTREL),
                ("notification", ACCUSED, RAVEN),
            )
        ]
        pair.sync("south", "phone")
        pair.sync("phone", "mission")
        pair.sync("phone", "east")
        places = [one.index for one in sent]
        assert [stored(pair.south, phone, n) for n in places] == [None] * 7
        assert [stored(pair["east"], phone, n) for n in places] == ["release.invalid"] * 7
        meet(pair, 3)
        bad = "release.invalid"
        for slug in (*HONEST, "phone"):
            assert [void(pair[slug], phone, n) for n in places] == [bad, None, bad, None, bad, None, bad], slug
        one_record(pair, *HONEST, "phone")
        # The phone goes on by who is in force now: those of the charter, and whom the good message added.
        names = {"kestrel", "heron", "owl"}
        for side in (phone, pair.south, pair["east"]):
            found = side.node.reviews.now(side.node.channel).now(phone.log, {log: side.size(log) for log in side.node.channel.logs})
            assert {officer.name for officer in found.officers.values()} == names, side.slug
        with local("release.invalid"):
            say(phone.folder.path, phone.node, "statement", {"text": "again"}, RAVEN, HERON)
        again = say(phone.folder.path, phone.node, "statement", {"text": "again"}, OWL, KESTREL).index
        meet(pair, 2)
        assert stored(pair["east"], phone, again) == bad
        assert [void(pair[slug], phone, again) for slug in HONEST] == [None] * 3
        one_record(pair, *HONEST, "phone")
        trust = Trust(charter=pair.made.signed.encode())
        for slug in (*HONEST, "phone"):
            assert verify(prove(pair[slug].node, (phone.log, again), None), trust).verdict == "valid"
            assert verify(prove(pair[slug].node, (phone.log, places[0]), None), trust).code == bad
