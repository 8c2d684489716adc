"""What the charter's clocks ask for: due, missed, dead, nobody there; the same on both sides. FAULTS D3, D6; DOMAIN, "machines answer"."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ceasewire.node import heard, schedule
from ceasewire.node.heard import Heard, OwnChecks
from ceasewire.node.schedule import Clocks, Facts, LineFacts, LogFacts, PartyFacts
from ceasewire.node.status import status
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.draft import amended
from helpers import START
from node.pair import ChannelPair, Side

HOUR = 3600
CLOCKS = Clocks(line_check=12 * HOUR, watch=12 * HOUR, flash=900)
NOBODY = Facts(CLOCKS, (), (), ())


@pytest.mark.parametrize(
    ("checked", "since", "clock", "late"),
    [
        (START, None, 12 * HOUR, 12 * HOUR + 600),  # as far as clocks may differ
        (START, START - HOUR, 2, 4),  # a clock of seconds is no more tolerant than itself
        (None, START, 12 * HOUR, 12 * HOUR + 600),  # one that never checked
    ],
)
def test_a_line_check_is_missed_after_its_clock_and_the_tolerance(checked: int | None, since: int | None, clock: int, late: int) -> None:
    log = LogFacts("south", checked, since)
    assert schedule.check_due(log, clock) == START + clock
    assert not schedule.is_missed(log, clock, START + late), "to the second it is not (D6)"
    assert schedule.is_missed(log, clock, START + late + 1)
    assert not schedule.is_missed(log, 0, START + 10**9), "a clock of 0 asks for nothing"
    assert not schedule.is_missed(LogFacts("south", None, None), clock, START + 10**9), "nobody said anything yet"


@pytest.mark.parametrize(
    ("checked", "now", "seconds"),
    [
        (None, START, 60),  # a new log
        (START, START, 12 * HOUR),
        (START, START + 12 * HOUR - 1, 1),
        (START, START + 12 * HOUR, 0),
        (START, START + 10**8, 0),  # down for years: one
        (START + 600, START, 12 * HOUR + 600),  # another's clock, within the tolerance
        (START + 10**8, START, 0),  # signed by a clock that was years ahead: it does not silence the log for years (D3)
    ],
)
def test_d3_d6_when_our_own_next_one_goes(checked: int | None, now: int, seconds: int) -> None:
    assert schedule.seconds_to_check(checked, 12 * HOUR, now) == seconds
    assert schedule.seconds_to_check(checked, 0, now) is None


def test_d3_after_a_jump_others_entries_show_that_the_time_is_right() -> None:
    ask = schedule.may_check
    assert ask(12 * HOUR, START, None, jumped=False)
    assert not ask(12 * HOUR, START, None, jumped=True)
    assert not ask(12 * HOUR, START + 10**8, START, jumped=True)
    assert ask(12 * HOUR, START + 12 * HOUR, START, jumped=True)


def line(**changes: Any) -> LineFacts:
    return replace(LineFacts("south", START, None, network=True, since=START - HOUR), **changes)


@pytest.mark.parametrize(
    ("facts", "clocks", "after"),
    [
        (line(), CLOCKS, 900),  # a flash could no longer be answered in time
        (line(network=False), CLOCKS, 12 * HOUR + 600),
        (line(spoke=None, since=START), CLOCKS, 900),  # never a word since the channel began
        (line(network=False, spoke=None, entry=START, since=0), CLOCKS, 12 * HOUR + 600),  # brought by another
        (line(), replace(CLOCKS, line_check=2), 4),
        (line(), replace(CLOCKS, flash=0), 12 * HOUR + 600),
        (line(), replace(CLOCKS, line_check=0), 900),
    ],
)
def test_a_line_is_dead_when_no_word_came_for_too_long(facts: LineFacts, clocks: Clocks, after: int) -> None:
    assert not schedule.is_dead(facts, clocks, START + after)
    assert schedule.is_dead(facts, clocks, START + after + 1)
    (alarm,) = schedule.alarms(replace(NOBODY, clocks=clocks, lines=(facts,)), START + after + 1)
    assert alarm.as_json() | {"text": ""} == {"code": "line.dead", "log": "south", "since": "2026-03-01T00:00:00Z", "text": ""}


def test_what_is_carried_by_hand_and_asked_for_by_no_clock_is_never_dead() -> None:
    assert not schedule.is_dead(line(network=False), replace(CLOCKS, line_check=0), START + 10**9)
    assert not schedule.is_dead(line(spoke=None, since=None), CLOCKS, START + 10**9)


def test_nobody_there_is_told_of_signatories_with_both_times() -> None:
    south = PartyFacts("south", "party", START + 4 * HOUR, START, START)
    assert schedule.alarms(replace(NOBODY, parties=(south,)), START + 12 * HOUR) == []
    (alarm,) = schedule.alarms(replace(NOBODY, parties=(south,)), START + 12 * HOUR + 1)
    assert (alarm.code, alarm.log, alarm.since) == ("watch.nobody", "south", START)
    assert alarm.text.endswith("machines 2026-03-01T04:00:00Z, a person 2026-03-01T00:00:00Z")
    for role in ("guarantor", "observer"):
        assert schedule.alarms(replace(NOBODY, parties=(replace(south, role=role),)), START + 10**9) == []


# --- From the record ---


def alarms(side: Side, *codes: str) -> list[tuple[str, str]]:
    found: Any = status(side.node, side.node.now(), None)["alarms"]
    return [(one["code"], one["log"]) for one in found if one["code"] in codes]


def of(side: Side, name: str) -> Mapping[str, Any]:
    found: Any = status(side.node, side.node.now(), None)
    return {one.get("log") or one["party"]: one for one in found[name]}


def test_both_sides_and_the_guarantor_find_the_same_missed_and_unwatched() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        north, south, mission = (pair[slug] for slug in ("north", "south", "mission"))
        assert alarms(north, "line_check.missed", "watch.nobody") == [], "nothing was said yet, and nothing is owed"
        for side in (north, south, mission):
            side.node.send("line_check", {})
        north.node.send("acknowledgement", {"watch": True, "on_duty": ["duty officer"], "nothing_to_report": True})
        north.node.send("acknowledgement", {"re": "north/0", "state": "read"})
        pair.settle()
        pair.set_clock(START + 12 * HOUR)
        south.node.send("acknowledgement", {"watch": True})
        north.node.send("line_check", {})
        pair.settle()
        pair.set_clock(START + 12 * HOUR + 601)
        for side in (north, south, mission):
            assert alarms(side, "line_check.missed") == [("line_check.missed", "south"), ("line_check.missed", "mission")]
            assert alarms(side, "watch.nobody") == [("watch.nobody", "north")], "the guarantor stands no watch, and a person of south did"
            assert of(side, "logs")["south"]["line_check_due"] == "2026-03-01T12:00:00Z"
            assert [of(side, "logs")[log]["missed"] for log in ("north", "south", "mission")] == [False, True, True]
            watch = of(side, "watch")
            assert (watch["north"]["machine"], watch["north"]["person"]) == ("2026-03-01T12:00:00Z", "2026-03-01T00:00:00Z")
            assert [watch[party]["nobody"] for party in ("north", "south", "mission")] == [True, False, False]


def test_what_is_kept_of_our_own_log_as_it_grows_is_what_a_new_process_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard, "_READ_AT_ONCE", 3)
    with ChannelPair() as pair:
        north = pair.north
        kept = OwnChecks(north.node)
        for step in (0, 1, 2, 5, 9, 20):
            for _ in range(step):
                north.node.send("line_check", {})
                north.clock.now += 1
                north.say()
            assert kept.last() == OwnChecks(north.node).last() == OwnChecks(north.node.reading).last()
        assert kept.last() == north.clock.now - 1
        pair.set_clock(START + 99)
        pair.south.node.send("line_check", {})
        pair.settle()
        assert kept.last() == north.node.row((0, north.size(north) - 2)).time, "another's counts for nothing"
        assert kept.newest_of_others() == START + 99


def test_the_clock_of_the_charter_in_force_counts() -> None:
    with ChannelPair() as pair:
        channel = pair.made.channel
        changes = changes_between(channel.charter, amended(channel.charter, {"clocks": {"line_check": HOUR}}))
        named = amendment_hash(channel.channel_id, channel.channel_id, changes)
        body = {"base": channel.channel_id.hex(), "amendment": named.hex(), "changes": base64.b64encode(changes).decode()}
        for side, clock in ((pair.north, 12 * HOUR), (pair.south, HOUR)):  # one party's assent changes nothing
            side.node.send("amendment", body)
            pair.settle()
            assert {Heard(one.node).clocks().line_check for one in pair} == {clock}
        pair.set_clock(START + HOUR + 601)
        assert alarms(pair.north, "line_check.missed") == [("line_check.missed", "north"), ("line_check.missed", "south")]


def test_a_log_that_was_replaced_owes_nothing_and_its_successor_does() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        for side in pair:
            side.node.send("line_check", {})
        pair.settle()
        pair.set_clock(START + HOUR)
        pair.south.rotate()
        pair.settle()
        pair.set_clock(START + 12 * HOUR + 601)
        for side in pair:
            assert alarms(side, "line_check.missed") == [], "the successor began an hour later, and its predecessor owes nothing"
        pair.set_clock(START + 13 * HOUR + 601)
        missed = {log for _, log in alarms(pair.north, "line_check.missed")}
        assert missed == {"north", "mission", pair["south"].node.names.slug}
