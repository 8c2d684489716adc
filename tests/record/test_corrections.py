"""Corrections: what a message says now, and what a correction is given of the message that it corrects. DOMAIN; issue 3."""

from __future__ import annotations

from typing import Any

from ceasewire.record.corrections import Corrected, changed, in_force
from ceasewire.record.kinds import KINDS, UNDERSTOOD, read_body, show_body
from ceasewire.record.message import Body
from helpers import local, make_channel

NAMES = make_channel().channel
NOTIFICATION = {
    "types": ["A4"],
    "occurred_from": "2026-03-01T04:12:00Z",
    "location": [33.12345, 44.56789],
    "observer_position": [33.34567, 44.12345],
    "location_precision": "near",
    "count": 4,
    "severity": "low",
}


def read(kind: str, body: Any, corrected: Corrected | None = None) -> Body:
    return read_body(UNDERSTOOD[KINDS[kind]], body, NAMES, exercise=False, corrected=corrected)


ORIGINAL = read("notification", NOTIFICATION)


def correct(fields: dict[str, Any] | None, body: Body = ORIGINAL, **more: Any) -> Body:
    json = {"re": "north/0", "reason": "Counted again.", **({"fields": fields} if fields else {}), **more}
    return read("correction", json, Corrected(1, body))


def shown(body: Body) -> dict[str, Any]:
    return show_body(9, body, NAMES)


def test_the_kind_is_filled_in_from_the_corrected_message() -> None:
    assert shown(correct({"count": 3}))["of"] == "notification"
    with local("body.schema") as caught:
        correct({"count": 3}, of="flash")
    assert "notification" in caught.value.detail
    with local("body.schema") as caught:
        read("correction", {"re": "north/0", "reason": "x", "fields": {}}, Corrected(11, {}))
    assert "not a line_check" in caught.value.detail


def test_a_position_comes_at_the_precision_of_the_message_or_at_one_given() -> None:
    assert shown(correct({"location": [33.98765, 44.11111]}))["fields"] == {
        "location": [33.99, 44.11],
        "location_precision": "near",
        "observer_position": [33.35, 44.12],
    }
    assert shown(correct({"location": [33.98765, 44.11111], "location_precision": "region"}))["fields"] == {
        "location": [34.0, 44.0],
        "location_precision": "region",
        "observer_position": [33.0, 44.0],
    }


def test_a_coarser_precision_takes_every_position_with_it() -> None:
    """Else the message would go on showing a point finer than it says."""
    assert shown(correct({"location_precision": "district"}))["fields"] == {
        "location": [33.1, 44.6],
        "observer_position": [33.4, 44.1],  # of 33.35, which is all that was signed
        "location_precision": "district",
    }
    removed = shown(correct({"location_precision": "district"}, removed=["observer_position"]))
    assert removed["fields"] == {"location": [33.1, 44.6], "location_precision": "district"}


def test_what_a_message_says_now() -> None:
    first = correct({"count": 3, "location_precision": "district"})
    second = correct({"severity": "grave"}, removed=["count"])
    now = show_body(1, in_force(1, ORIGINAL, [first, second]), NAMES)
    assert "count" not in now
    assert (now["severity"], now["location"], now["location_precision"]) == ("grave", [33.1, 44.6], "district")
    assert show_body(1, ORIGINAL, NAMES)["count"] == 4, "what was signed stays"
    assert changed(second) == [35, 48]
    again = show_body(1, in_force(1, ORIGINAL, [second, correct({"count": 5})]), NAMES)
    assert again["count"] == 5


def test_what_is_left_is_still_a_message_of_its_kind() -> None:
    for fields, removed in (({"occurred_to": "2026-03-01T04:11:00Z"}, None), (None, ["location"]), (None, ["location_precision"])):
        with local("body.schema"):
            correct(fields, removed=removed)
    placed = read("notification", {**NOTIFICATION, "place": "Bridge 4"})
    gone = correct(None, placed, removed=["location", "observer_position"])
    assert show_body(1, in_force(1, placed, [gone]), NAMES)["place"] == "Bridge 4"


def test_a_correction_of_another_kind_changes_nothing() -> None:
    flash = read("correction", {"re": "north/0", "of": "flash", "reason": "x", "fields": {"phrase": "accident"}})
    assert in_force(1, ORIGINAL, [flash]) == ORIGINAL
    assert in_force(11, {0: []}, [flash]) == {0: []}


def test_a_peers_precision_alone_never_leaves_a_finer_point_in_force() -> None:
    """A node adds the positions; what was sent past it may not have them."""
    alone: Body = {0: [], 1: False, 3: [0, 0], 16: 1, 17: {24: 4}, 18: "x"}
    now = in_force(1, ORIGINAL, [alone])
    assert (now[23], now[33]) == ([3_300_000, 4_500_000], [3_300_000, 4_400_000])
