"""Times and references, the two spellings that people get wrong. FAULTS D5, H5 at the level of the parser."""

from __future__ import annotations

import pytest

from ceasewire.record.fields import LAST_TIME, Octets, Wrong, parse_ref, parse_time, quoted, rounded, show_time
from ceasewire.record.special import Casualties
from helpers import make_channel


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-03-01T00:00:00Z", 1_772_323_200),
        ("2026-03-01t00:00:00z", 1_772_323_200),
        ("2026-03-01T04:30:00+04:30", 1_772_323_200),
        ("2026-02-28T12:00:00-12:00", 1_772_323_200),
        ("2026-03-01T14:00:00+14:00", 1_772_323_200),
        ("2026-03-01T00:00:00-00:00", 1_772_323_200),
        ("2026-03-01T00:00:00.999999999Z", 1_772_323_200),
        ("2038-01-19T03:14:08Z", 2**31),
        ("2106-02-07T06:28:16Z", 2**32),
        ("9999-12-31T23:59:59Z", LAST_TIME),
        ("9999-12-31T23:59:59.999999Z", LAST_TIME),
    ],
)
def test_times(text: str, seconds: int) -> None:
    """D1, D5: any zone that is stated; a fraction is cut, never rounded up."""
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        "",
        "2026-03-01",
        "2026-03-01T04:12:00",
        "2026-03-01 04:12:00Z",
        "2026-03-01T04:12Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-03-01T23:59:60Z",
        "2026-03-01T24:00:01Z",
        "2026-03-01T00:00:00+25:00",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "\u0662\u0660\u0662\u0666-03-01T00:00:00Z",
        "2026-03-01T00:00:00Z\n",
        "2026-03-01T00:00:00.Z",
    ],
)
def test_times_that_are_none(text: object) -> None:
    """D5, H5: no zone, a day or a second that is not there, digits of other scripts, years before 1970 and after 9999."""
    with pytest.raises(Wrong):
        parse_time(text)


def test_a_time_past_9999_is_shown_as_seconds() -> None:
    """D1: a peer may claim it; RFC 3339 cannot write it."""
    assert show_time(LAST_TIME) == "9999-12-31T23:59:59Z"
    assert show_time(LAST_TIME + 1) == "@253402300800"
    assert show_time(-1) == "@-1"


def test_references() -> None:
    names = make_channel().channel
    assert parse_ref("south/0", names) == (1, 0)
    assert parse_ref("north/999999999999999999", names) == (0, 10**18 - 1)
    for wrong in (
        None,
        3,
        "",
        "north",
        "north/",
        "north/-1",
        "north/+1",
        "north/ 1",
        "north/1_0",
        "north/1\n",
        "North/1",
        "north/1" + "0" * 18,
    ):
        with pytest.raises(Wrong, match="such as"):
            parse_ref(wrong, names)
    with pytest.raises(Wrong, match=r"north\.3fa91c"):
        parse_ref("north.3fa91c/1", names)


def test_rounding_is_half_away_from_zero_and_stays_on_the_earth() -> None:
    assert rounded([1_500, -1_500], 1_000) == [2_000, -2_000]
    assert rounded([1_499, -1_499], 1_000) == [1_000, -1_000]
    assert rounded([8_999_999, -17_999_999], 100_000) == [9_000_000, -18_000_000]
    assert rounded([0, 7], 1) == [0, 7]
    for wrong in (["a", 1], "ab", [1.5, 1]):
        with pytest.raises(Wrong):
            rounded(wrong, 1)  # type: ignore[arg-type]


def test_a_name_is_said_back_short_and_escaped() -> None:
    assert quoted("north") == "north"
    assert quoted("\x1b\u202e\ud800") == "\\x1b\\u202e\\ud800"
    assert quoted("a" * 1000) == "a" * 40 + "..."


def test_estimates_and_bytes_are_shown_as_they_are() -> None:
    names = make_channel().channel
    with pytest.raises(Wrong):
        Octets(0).show("text", names)
    assert Casualties().show([], names) == []
    assert Casualties().read({"civilians": {"killed": [1, 2, 3]}, "unattributed": {}}, names) == {0: {1: [1, 2, 3]}, 1: {}}
