"""Languages, calendars and spans of time as people read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from catalogues import COMPLETE, LANGUAGES, catalogue, renewed, texts
from ceasewire.console.tongue import MONTHS, Catalogue, Tongue, choose

NOW = int(datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("day", "said"),
    [
        # The Solar Hijri year begins at the March equinox; 1403 was a leap year with thirty days of Hut (the calendar of Kabul's almanac).
        ("2025-03-20", "30 Hut 1403"),
        ("2025-03-21", "1 Hamal 1404"),
        ("2026-03-20", "29 Hut 1404"),
        ("2026-03-21", "1 Hamal 1405"),
        ("2026-11-23", "2 Qaws 1405"),
        ("1996-02-29", "10 Hut 1374"),
    ],
)
def test_solar_hijri_days_as_kabul_counts_them(day: str, said: str) -> None:
    time = datetime.fromisoformat(f"{day}T05:00:00+00:00")
    assert Tongue("en", "solar_hijri").day(time) == said
    number, month, year = said.split(" ")
    assert Tongue("ps", "solar_hijri").day(time) == f"{number} {MONTHS['ps'][MONTHS['en'].index(month)]} {year}"
    assert Tongue("ps").day(time) == day


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("2026-11-23T12:00:00Z", "in 0 s"),
        ("2026-11-23T12:05:00Z", "in 5 min"),
        ("2026-11-23T14:05:00Z", "in 2 h 5 min"),
        ("2026-11-26T12:00:00Z", "in 3 days"),
        ("2026-11-23T11:59:01Z", "59 s late"),
        ("2026-11-20T12:00:00Z", "3 days late"),
    ],
)
def test_countdowns_say_whether_it_is_late(time: str, said: str) -> None:
    assert Tongue().until(time, NOW) == said


def test_times_of_today_are_short_and_say_that_they_are_utc() -> None:
    assert Tongue().when("2026-11-23T03:04:00Z", now=NOW) == "03:04Z"
    assert Tongue().when("2026-11-22T03:04:00Z", now=NOW) == "2026-11-22 03:04Z"
    assert Tongue("en", "solar_hijri").when("2026-11-22T03:04:00Z", now=NOW) == "1 Qaws 1405 03:04Z"


@pytest.mark.parametrize(
    ("wanted", "header", "found"),
    [(None, "ps-AF,en;q=0.5", "ps"), (None, "fa-AF", "prs"), ("uk", "en", "uk"), ("xx", "de,fr", "fr"), (None, "", "en"), (None, "zz;;,", "en")],
)
def test_a_language_is_chosen_from_what_there_is(wanted: str | None, header: str, found: str) -> None:
    assert choose(wanted, header) == found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_every_text_and_no_other(language: str) -> None:
    known = {one.id[0] if isinstance(one.id, tuple) else one.id for one in catalogue(language) if one.id}
    assert known == {one if isinstance(one, str) else one[0] for one in texts()}, "python -m catalogues"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_says_that_it_is_a_draft(language: str) -> None:
    assert b"DRAFT" in renewed(language)[:400]


@pytest.mark.parametrize("language", COMPLETE)
def test_a_complete_language_lacks_no_text_and_keeps_every_placeholder(language: str) -> None:
    known = Catalogue.of(language)
    assert known is not None
    missing = []
    for text in texts():
        one, many = (text, text) if isinstance(text, str) else text
        said = known.texts.get(one)
        if said is None:
            missing.append(one)
            continue
        for form in [said] if isinstance(said, str) else said:
            assert placeholders(form) == placeholders(many), one
    assert not missing


def placeholders(text: str) -> list[str]:
    return sorted(set(re.findall(r"%\((\w+)\)s", text)))
