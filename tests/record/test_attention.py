"""Attention: what sounds and what stands on top. spec/case.md, "Attention"; the issue's "Shown by" 7."""

from __future__ import annotations

from typing import Any

import pytest

from ceasewire.record.attention import Attention, Group
from ceasewire.record.order import placed

from .story import CHANNEL, EAST, NORTH, SHOT, SOUTH, Record, reply

ONE = {"phrase": "cease_now", "place": "Bridge 4"}


def groups(record: Record) -> list[Group]:
    return Attention(CHANNEL).feed(placed(record.rows)).groups()


def sounds(record: Record) -> list[bool]:
    """Of each flash in record order, whether it sounds."""
    found = [flash for group in groups(record) for flash in group.flashes]
    return [flash.sounds for flash in sorted(found, key=lambda flash: flash.place)]


def flashes(*bodies: dict[str, Any], log: int = NORTH, apart: int = 1) -> Record:
    record = Record()
    for n, body in enumerate(bodies):
        record.write(log, "flash", body, at=n * apart)
    return record


def test_a_new_phrase_at_a_new_place_is_on_top_after_thirty_flashes_and_four_hundred_notifications() -> None:
    """Shown by 7: 20 clocks run, one reply answers 50, and nothing that repeats buries what is new."""
    record = Record(sees=True)
    for n in range(400):
        record.write(NORTH, "notification", SHOT)
        if n % 14 == 0:
            record.write(NORTH, "flash", ONE)
    for _ in range(30 - len(range(0, 400, 14))):
        record.write(NORTH, "flash", ONE)
    record.write(NORTH, "flash", {"phrase": "medical_help", "location": [34.5, 69.1]})
    top, below = groups(record)
    assert (top.phrase, len(top.flashes), top.sounds) == ("medical_help", 1, True)
    assert (below.phrase, len(below.flashes), sounds(record)) == ("cease_now", 30, [True] * 3 + [False] * 27 + [True])
    record.write(SOUTH, "reply", reply("under_inquiry", [f"north/{one.index}" for one in record.rows if one.kind == 1][:50]))
    cases = record.fold()
    clocks = cases.clocks().values()
    assert [clock.state_at(record.time) for clock in clocks].count("running") == 20
    assert [clock.state_at(record.time) for clock in clocks].count("answered") == 50
    record.write(NORTH, "flash", ONE)
    assert groups(record)[0].phrase == "medical_help"


def test_the_first_three_in_ten_minutes_sound_and_then_what_is_new() -> None:
    new_phrase, new_place = {**ONE, "phrase": "checking"}, {**ONE, "place": "Mill"}
    record = flashes(ONE, ONE, ONE, ONE, new_phrase, new_phrase, new_place, new_place, {**new_phrase, "place": "Mill"})
    assert sounds(record) == [True, True, True, False, True, False, True, False, False]


@pytest.mark.parametrize(("apart", "fourth"), [(199, False), (200, True)])
def test_ten_minutes_pass(apart: int, fourth: bool) -> None:
    assert sounds(flashes(ONE, ONE, ONE, ONE, apart=apart))[3] is fourth


def test_each_party_and_exercise_are_counted_for_themselves() -> None:
    record = Record()
    for log in (NORTH, SOUTH, EAST):
        for exercise in (False, True):
            for _ in range(4):
                record.write(log, "flash", {**ONE, "exercise": exercise})
    assert sounds(record) == [True, True, True, False] * 6
    assert len(groups(record)) == 6


def test_void_and_historical_flashes_are_nowhere_and_count_for_nothing() -> None:
    record = Record()
    for _ in range(5):
        record.write(NORTH, "flash", ONE, void="release.missing")
        record.write(NORTH, "flash", {**ONE, "historical": True})
    record.write(NORTH, "flash", ONE)
    (group,) = groups(record)
    assert (len(group.flashes), sounds(record)) == (1, [True])


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"phrase": "cease_now", "place": " BRIDGE  4 "}, True),
        ({"phrase": "cease_now", "place": "Bridge 5"}, False),
        ({"phrase": "cease_now"}, False),
        ({"phrase": "cease_now", "location": [34.5, 69.1]}, False),
        ({"phrase": "checking", "place": "Bridge 4"}, False),
    ],
)
def test_one_phrase_at_one_place_is_one_group(other: dict[str, Any], same: bool) -> None:
    assert len(groups(flashes(ONE, other))) == (1 if same else 2)


def test_a_position_is_as_coarse_as_it_was_sent() -> None:
    spots = [{"phrase": "cease_now", "location": [34.501, 69.1], "location_precision": word} for word in ("near", "near", "district")]
    spots[1]["location"] = [34.504, 69.1]
    assert len(groups(flashes(*spots))) == 2


def test_who_has_read_it() -> None:
    record = Record(sees=True)
    for _ in range(4):
        record.write(NORTH, "flash", ONE)
    record.write(SOUTH, "acknowledgement", {"state": "read", "re": "north/0"})
    assert groups(record)[0].read_by == set()  # two more sounded since
    record.write(EAST, "acknowledgement", {"state": "read", "re": "north/3"})
    record.write(SOUTH, "acknowledgement", {"state": "read", "re": "north/2"}, void="release.missing")
    record.write(SOUTH, "acknowledgement", {"watch": True})
    assert groups(record)[0].read_by == {EAST}
    record.write(NORTH, "flash", ONE, at=5000)
    assert groups(record)[0].read_by == set()


def test_what_repeats_stands_below_all_that_sounds() -> None:
    both_known = [ONE, {"phrase": "checking", "place": "Mill"}, ONE, {"phrase": "cease_now", "place": "Mill"}]
    found = groups(flashes(*both_known))
    assert [(group.phrase, group.spot, group.sounds) for group in found] == [
        ("cease_now", "bridge 4", True),
        ("checking", "mill", True),
        ("cease_now", "mill", False),
    ]
