"""Cases and records in words. tests/test_demo.py tells a whole day."""

from __future__ import annotations

from typing import Any

import pytest

from ceasewire.record.saying import stance_in_words
from ceasewire.record.telling import case_in_words, clock, lines, told

CLOCK = {
    "clock": "reply",
    "ref": "north/5",
    "asked_by": "north",
    "owed_by": ["south"],
    "start": "2026-03-01T04:00:00Z",
    "due": "2026-03-02T04:00:00Z",
    "ended": None,
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "an answer to north/5, owed by south: from 2026-03-01T04:00:00Z to 2026-03-02T04:00:00Z; open"),
        (
            {"ended": {"by": "answered", "time": "2026-03-01T05:00:00Z", "ref": "south/2"}},
            "an answer to north/5, owed by south: from 2026-03-01T04:00:00Z to 2026-03-02T04:00:00Z; "
            "answered at 2026-03-01T05:00:00Z by south/2",
        ),
        ({"due": None, "start": None}, "an answer to north/5, owed by south: has not begun; open"),
        ({"due": None, "start": None, "queued_behind": "north/1"}, "an answer to north/5, owed by south: waits behind north/1"),
        (
            {"due": None, "start": None, "ended": {"by": "withdrawn", "time": "2026-03-01T05:00:00Z", "ref": None}},
            "an answer to north/5, owed by south: withdrawn at 2026-03-01T05:00:00Z, before it began to run",
        ),
        (
            {"clock": "press", "owed_by": []},
            "until either may tell the press to north/5: from 2026-03-01T04:00:00Z to 2026-03-02T04:00:00Z",
        ),
    ],
)
def test_a_clock_in_a_sentence(change: dict[str, Any], said: str) -> None:
    assert clock({**CLOCK, **change}) == said


@pytest.mark.parametrize(
    ("change", "now", "said"),
    [
        ({}, "2026-03-02T04:00:00Z", "from 2026-03-01T04:00:00Z to 2026-03-02T04:00:00Z; open"),
        ({}, "2026-03-02T04:00:01Z", "from 2026-03-01T04:00:00Z to 2026-03-02T04:00:00Z; OVERDUE"),
        (
            {"queued_behind": "north/1"},
            "2026-03-01T03:59:59Z",
            "waits behind north/1; it runs from 2026-03-01T04:00:00Z at the latest, to 2026-03-02T04:00:00Z",
        ),
        ({"queued_behind": "north/1"}, "2026-03-01T04:00:00Z", "from 2026-03-01T04:00:00Z to 2026-03-02T04:00:00Z; open"),
        (
            {
                "new_dates": [
                    {"date": "2026-03-02T04:00:00Z", "accepted": "2026-03-01T06:00:00Z", "asked_in": "south/3", "accepted_in": "north/9"}
                ]
            },
            "2026-03-01T07:00:00Z",
            "from 2026-03-01T04:00:00Z to 2026-03-02T04:00:00Z; open; new date 2026-03-02T04:00:00Z, asked for in south/3, "
            "accepted by north in north/9 at 2026-03-01T06:00:00Z",
        ),
    ],
)
def test_a_clock_at_a_time(change: dict[str, Any], now: str, said: str) -> None:
    assert clock({**CLOCK, **change}, now) == f"an answer to north/5, owed by south: {said}"


def test_only_who_answers_agrees_to_facts() -> None:
    told = {"ref": "north/5", "kind": "notification", "body": {"accused": "south"}, "void": None}
    asks = {"ref": "south/3", "kind": "reply", "body": {"re": "north/5", "stance": "under_inquiry", "new_respond_by": "T"}, "void": None}
    near = {one["ref"]: one for one in (told, asks)}

    def says(ref: str, re: str, stance: str = "accepted", void: str | None = None) -> str | None:
        return stance_in_words({"ref": ref, "kind": "reply", "body": {"re": re, "stance": stance}, "void": void}, near.get)

    assert says("south/4", "north/5") == says("south.3fa91c/0", "north/5") == "accepted: the facts are agreed"
    assert says("south/4", "north/5", "partly_accepted") == "partly accepted: some of the facts are agreed"
    assert says("south/4", "north/5", void="ref.party") == says("east/0", "north/5") == says("south/4", "north/6") == "accepted"
    assert says("north/9", "south/3") == "accepts the new date T"
    assert says("east/0", "south/3") == "accepted"
    assert says("north/9", "south/3", "noted") == "noted (no consent)"


def test_a_case_says_what_is_there_and_nothing_of_what_is_not() -> None:
    said = case_in_words(
        {
            "ref": "north/5",
            "state": "under_inquiry",
            "by": "north",
            "types": ["A4"],
            "place": "a\u200bb",
            "severity": None,
            "stances": {},
            "facts": {"count": {"south": "disputed", "north": "agreed"}},
            "historical": False,
            "linked": [{"as": "same_incident", "ref": "south/1", "time": None}],
            "messages": [1],
        }
    )
    assert said == {
        "state": "under inquiry",
        "told by": "north",
        "types": ["A4 artillery, tank"],
        "place": "a<U+200B>b",
        "facts": {"count": "disputed by south, agreed by north"},
        "linked": [{"as": "same_incident", "ref": "south/1"}],
    }


def test_lines_set_in_what_is_nested() -> None:
    said = {"one": "1", "two": {"three": ["a", "b"]}, "many": [{"x": 1, "y": True}, {"x": None}], "long": "a\nb", "none": []}
    assert list(lines(said, 2)) == [
        "  one: 1",
        "  two:",
        "    three: a, b",
        "  many:",
        "    - x: 1",
        "      y: yes",
        "    - x: -",
        "  long:",
        "    a",
        "    b",
        "  none: none",
    ]


def test_a_void_message_is_told_as_void_and_a_later_log_by_its_party() -> None:
    message = {"ref": "north.3fa91c/0", "kind": "kind_99", "time": "2026-03-01T04:00:00Z", "body": {"exercise": False}, "void": "ref.party"}
    text = "\n".join(told([message], lambda _: [], {"north": "Northern Command"}))
    assert "Northern Command: KIND 99 north.3fa91c/0" in text
    assert "VOID: it was received and counts for nothing, by the rule ref.party" in text
