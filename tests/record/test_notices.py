"""Notices matched with later notifications, in time and place. spec/case.md, "Notices"."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.record import notices
from ceasewire.record.notices import Notices
from ceasewire.record.words import ACTIVITIES

from .story import EAST, NORTH, SHOT, SOUTH, Record, at

HOUR = 3600
NOTICE: dict[str, Any] = {"activity": "live_fire_exercise", "window_from": at(HOUR), "window_to": at(2 * HOUR), "area": "Bridge 4"}
HIT: dict[str, Any] = {**SHOT, "occurred_from": at(HOUR + 60), "occurred_precision": "exact"}


def matched(notice: dict[str, Any] | None = None, hit: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """South gives notice; two hours later north notifies."""
    record = Record()
    record.write(SOUTH, "notice", {**NOTICE, **(notice or {})})
    ref = record.write(NORTH, "notification", {**HIT, **(hit or {})}, seen={SOUTH: 1}, at=3 * HOUR)
    found: list[dict[str, Any]] = record.whole(ref)["notices"]
    return found


def test_a_match_is_a_question_with_what_it_is_about() -> None:
    assert matched() == [
        {"as": "notified_activity", "ref": "south/0", "by": "south", "activity": "live_fire_exercise", "question": "notified exercise?"}
    ]
    (convoy,) = matched({"activity": "humanitarian_convoy"})
    assert (convoy["as"], convoy["question"]) == ("notified_site_struck", "a notified convoy was struck")


@pytest.mark.parametrize("activity", [activity for activity in ACTIVITIES if activity != "joint_inquiry"])
def test_every_activity_explains_or_is_struck(activity: str) -> None:
    (found,) = matched({"activity": activity})
    helps = {"infrastructure_repair", "medical_evacuation", "humanitarian_convoy", "recovery_of_remains", "prisoner_transfer"}
    assert found["as"] == ("notified_site_struck" if activity in helps else "notified_activity")


@pytest.mark.parametrize(
    ("start", "end", "precision", "found"),
    [
        (HOUR - 1, None, "exact", False),
        (HOUR, None, "exact", True),
        (2 * HOUR, None, "exact", True),
        (2 * HOUR + 1, None, "exact", False),
        (0, HOUR - 1, "exact", False),
        (0, HOUR, "exact", True),
        (0, 9 * HOUR, "exact", True),
        (-1, None, "hour", False),
        (0, None, "hour", True),
        (0, None, None, True),
        (-HOUR, None, "about", True),
        (-HOUR - 1, None, "about", False),
        (-20 * HOUR, None, "day", True),
        (-24 * HOUR, None, "day", False),
        (26 * HOUR, None, "day", True),
    ],
)
def test_the_window_touches_what_is_reported(start: int, end: int | None, precision: str | None, found: bool) -> None:
    hit = {"occurred_from": at(start), "occurred_to": None if end is None else at(end), "occurred_precision": precision}
    assert bool(matched(hit=hit)) is found


def test_what_is_ongoing_lasts_until_it_is_notified() -> None:
    assert not matched(hit={"occurred_from": at(0)})
    assert matched(hit={"occurred_from": at(0), "ongoing": True})


@pytest.mark.parametrize(
    ("notice", "hit", "found"),
    [
        ({"area": "  bridge   4 "}, {}, True),
        ({"area": "Bridge 5"}, {}, False),
        ({"area": "Bridge 5"}, {"place_other": "BRIDGE 5"}, True),
        ({"area": "x", "zone_id": "Z1"}, {"zone_id": "Z1"}, True),
        ({"area": "x", "zone_id": "Z1"}, {"zone_id": "Z2"}, False),
        ({"area": "x", "location": [34.5, 69.1]}, {"location": [34.53, 69.1]}, True),
        ({"area": "x", "location": [34.5, 69.1]}, {"location": [34.55, 69.1]}, False),
        ({"area": "x", "location": [34.5, 69.1], "location_precision": "district"}, {"location": [34.6, 69.1]}, True),
        ({"area": "x", "location": [34.5, 69.1]}, {"location": [35.9, 69.0], "location_precision": "region"}, True),
        # A convoy is as much struck between two waypoints as at one; the stretch is not drawn on beyond the last.
        ({"area": None, "route": [[34.0, 69.0], [34.0, 70.0], [35.0, 70.0]]}, {"location": [34.01, 69.5]}, True),
        ({"area": None, "route": [[34.0, 69.0], [34.0, 70.0], [35.0, 70.0]]}, {"location": [34.5, 70.02]}, True),
        ({"area": None, "route": [[34.0, 69.0], [34.0, 70.0], [35.0, 70.0]]}, {"location": [34.5, 69.5]}, False),
        ({"area": None, "route": [[34.0, 69.0], [34.0, 70.0], [35.0, 70.0]]}, {"location": [36.0, 70.0]}, False),
        # Across the date line, and where a degree of longitude is short.
        ({"area": "x", "location": [0, 179.99]}, {"location": [0, -179.99]}, True),
        ({"area": "x", "location": [80, 10.0]}, {"location": [80, 10.2]}, True),
        ({"area": "x", "location": [0, 10.0]}, {"location": [0, 10.2]}, False),
    ],
)
def test_in_place(notice: dict[str, Any], hit: dict[str, Any], found: bool) -> None:
    assert bool(matched(notice, hit)) is found


def follow_up(log: int, kind: str, body: dict[str, Any], seconds: int) -> list[Any]:
    record = Record()
    record.write(SOUTH, "notice", NOTICE)
    record.write(log, kind, {"re": "south/0", **body}, seen={SOUTH: 1} if log != SOUTH else None, at=seconds)
    ref = record.write(NORTH, "notification", HIT, seen={SOUTH: record.sizes[SOUTH]}, at=3 * HOUR)
    found: list[Any] = record.whole(ref)["notices"]
    return found


CANCELLED = {"activity": "live_fire_exercise", "phase": "cancelled"}


def test_what_was_cancelled_or_withdrawn_in_time_is_not_matched() -> None:
    assert follow_up(SOUTH, "notice", CANCELLED, HOUR + 60) == []
    assert follow_up(SOUTH, "withdrawal", {"reason": "x"}, HOUR + 60) == []
    assert len(follow_up(SOUTH, "notice", CANCELLED, HOUR + 61)) == 1
    assert len(follow_up(EAST, "notice", CANCELLED, HOUR)) == 1
    for phase in ("started", "finished"):
        assert len(follow_up(SOUTH, "notice", {**CANCELLED, "phase": phase}, HOUR)) == 1


def test_a_notice_that_comes_after_the_notification_or_is_void_or_exercise_is_not_matched() -> None:
    record = Record()
    record.write(SOUTH, "notice", NOTICE, void="release.missing", at=2 * HOUR)
    record.write(SOUTH, "notice", {**NOTICE, "exercise": True})
    ref = record.write(NORTH, "notification", HIT, seen={SOUTH: 2}, at=3 * HOUR)
    record.write(SOUTH, "notice", NOTICE)
    assert record.whole(ref)["notices"] == []


def test_notices_are_listed_in_record_order_and_once() -> None:
    record = Record()
    for days in (1, 500, 2):
        record.write(SOUTH, "notice", {**NOTICE, "window_to": at(days * 24 * HOUR)})
    ref = record.write(NORTH, "notification", {**HIT, "occurred_to": at(1000 * 24 * HOUR)}, seen={SOUTH: 3}, at=3 * HOUR)
    assert [one["ref"] for one in record.whole(ref)["notices"]] == ["south/0", "south/1", "south/2"]


POINT = st.tuples(st.integers(-7_500_000, 7_500_000), st.integers(-18_000_000, 18_000_000))


@given(POINT, st.tuples(st.integers(-50_000, 50_000), st.integers(-50_000, 50_000)), st.integers(2_000, 60_000))
def test_distances_are_those_of_the_globe(point: tuple[int, int], step: tuple[int, int], reach: int) -> None:
    """Against the great circle, which needs fractions: only what lies within two per cent of the reach may go either way."""
    other = (point[0] + step[0], (point[1] + step[1] + 18_000_000) % 36_000_000 - 18_000_000)
    a, b = ([math.radians(x / 100_000) for x in one] for one in (point, other))
    half = math.sin((b[0] - a[0]) / 2) ** 2 + math.cos(a[0]) * math.cos(b[0]) * math.sin((b[1] - a[1]) / 2) ** 2
    apart = math.degrees(2 * math.asin(math.sqrt(half))) * 100_000
    if abs(apart - reach) > reach * 0.02:
        assert notices.within((other,), point, reach) is (apart < reach)


def test_thousands_of_notices_are_looked_up_by_their_days() -> None:
    """Ten thousand notices over a year: a notification looks at those of its day."""
    index = Notices()
    body: dict[int, Any] = {1: False, 16: 1, 18: "Bridge 4"}
    start = 1_772_323_200
    for n in range(10_000):
        index.feed_notice((start, 0, SOUTH, n), SOUTH, {**body, 22: start + n * HOUR, 23: start + n * HOUR + 600})
    hit: dict[int, Any] = {1: False, 16: ["A4"], 17: start + 5000 * HOUR, 19: 1, 21: "bridge 4"}
    for _ in range(2000):
        (found,) = index.matches((start + 10_000 * HOUR, 0, NORTH, 0), hit)
    assert found.ref == (SOUTH, 5000)
