"""Forms made from the table of kinds: every field of every kind can be filled, and what comes out is what `send` takes."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ceasewire.console import moments, places, seals
from ceasewire.console.form_parts import Ask, Showing
from ceasewire.console.forms import Around, Filled, Reading, filled
from ceasewire.console.seals import Seen
from ceasewire.node.writing import BY_PEOPLE
from ceasewire.record.fields import Wrong
from ceasewire.record.kinds import KINDS, UNDERSTOOD, read_body
from console.typing import SLUGS, message
from helpers import START, local, make_channel

AROUND = Around(
    make_channel().channel,
    tuple((slug, slug.title()) for slug in SLUGS),
    (("3.1", "Hold fire."), ("4", "Answer.")),
    (("z1", "Zone one"),),
    now=START,
)
NEEDED = {  # by the rules between fields
    "notification": {"place"},
    "notice": {"window_from", "window_to", "area"},
    "evidence": {"re", "evidence"},
    **{name: {"re"} for name in ("reply", "finding", "withdrawal", "closing")},
}
FORMED = [UNDERSTOOD[KINDS[name]] for name in BY_PEOPLE if name != "correction"]


def posted(form: Filled) -> Filled:
    """What a browser sends of a form."""
    lines = {name: [one.replace("\n", "\r\n") for one in values] for name, values in form.items()}
    return parse_qs(urlencode(lines, doseq=True), keep_blank_values=True)


def through(kind: Any, said: dict[str, Any]) -> tuple[dict[str, Any], Reading]:
    reading = Reading(posted(filled(kind.all_fields, "f", kind.name, said)), AROUND)
    return reading.message(kind), reading


def sensible(said: dict[str, Any]) -> dict[str, Any]:
    """The same with no fact both agreed to and disputed, which no form can say."""
    disputed = (
        [fact for fact in said.get("disputed", ()) if fact not in said.get("agreed", ())] if "stance" in said else said.get("disputed")
    )
    return {name: one for name, one in said.items() if name != "disputed"} | ({"disputed": disputed} if disputed else {})


@pytest.mark.parametrize("kind", FORMED, ids=lambda kind: kind.name)
@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_what_a_form_says_is_what_was_filled_in(kind: Any, data: st.DataObject) -> None:
    said = sensible(data.draw(message(kind, without=("of", "fields", "removed"))))
    found, reading = through(kind, said)
    troubles = {path: one.text for path, one in reading.troubles.items()}
    troubles.pop("f.sources", None)  # must be chosen in a claim, and is not always drawn
    assert troubles == {}
    assert found == said
    for name, value in found.items():  # each is what its field takes
        try:
            kind.all_fields[name].type.read(value, AROUND.names)
        except Wrong as wrong:
            pytest.fail(f"{name}: {wrong}")


def inputs(ask: Ask) -> list[str]:
    """The names of all inputs that a page makes of an ask."""
    if ask.shape == "provisions":
        return [f"{ask.path}.{n}" for n, _ in enumerate(ask.choices)]
    if ask.parts:
        return [one for part in ask.parts for one in inputs(part)]
    return [ask.path]


@pytest.mark.parametrize("kind", FORMED, ids=lambda kind: kind.name)
def test_no_field_of_a_kind_is_missing_in_its_form(kind: Any) -> None:
    showing = Showing({}, AROUND)
    groups = showing.groups(kind)
    names = [ask.name for group in groups for ask in group.asks]
    assert len(names) == len(set(names))
    apart = {"agreed", "disputed"} if kind.name == "reply" else set()
    assert set(names) == kind.all_fields.keys() - apart
    required = {ask.name for group in groups for ask in group.asks if ask.required}
    asked = {name for name, one in kind.all_fields.items() if one.required} - {"exercise", "occurred_from"}
    assert required == asked | ({"sources"} if kind.name in ("notification", "finding") else set()) | NEEDED.get(kind.name, set())


# --- Places, times, seals ---


def test_a_grid_reference_names_the_middle_of_its_square() -> None:
    pier = places.grid("18S UJ 23371 06519")  # Jefferson Pier, 38 deg 53' 23.3" N, 77 deg 2' 11.6" W
    assert [pier.latitude, pier.longitude] == pytest.approx([38.88981, -77.03656], abs=2e-4)
    for short, middle, square in (
        ("42S WD 18 17", "42SWD1850017500", 1000),
        ("42swd1817", "42SWD1850017500", 1000),
        ("۴۲S WD ۱۸ ۱۷", "42SWD1850017500", 1000),
        ("42SWD11", "42SWD1500015000", 10_000),
        ("42SWD", "42SWD5000050000", 100_000),
        ("42SWD18181717", "42SWD1818517175", 10),
    ):
        found, whole = places.grid(short), places.grid(middle)
        assert (found.json, found.square, whole.square) == (whole.json, square, 1)


@pytest.mark.parametrize("text", ["", "42S", "42S WD 1", "42S II 1 1", "99SWD11", "42SWD1817x", "<b>", "34.5", "34.5 200", "91,0", "1e1 2"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(places.NoPlace):
        places.either(text)


@given(st.floats(-80, 84), st.floats(-180, 179.99), st.sampled_from(["exact", "near", "district", "region"]))
@settings(max_examples=50)
def test_what_a_page_says_of_rounding_is_what_is_signed(latitude: float, longitude: float, precision: str) -> None:
    point = [round(latitude, 5), round(longitude, 5)]
    body = read_body(
        UNDERSTOOD[7], {"phrase": "checking", "location": point, "location_precision": precision}, AROUND.names, exercise=False
    )
    assert UNDERSTOOD[7].all_fields["location"].type.show(body[17], AROUND.names) == places.becomes(point, precision)


@pytest.mark.parametrize(
    ("text", "zone", "time"),
    [
        ("2026-11-23 14:05", "+00:00", "2026-11-23T14:05:00Z"),
        ("2026-11-23T14:05:06Z", "+04:30", "2026-11-23T14:05:06Z"),
        ("2026-11-23 14:05", "+04:30", "2026-11-23T09:35:00Z"),
        ("2026-11-23 14:05 -0330", "+00:00", "2026-11-23T17:35:00Z"),
        ("1405-09-02 14:05", "+04:30", "2026-11-23T09:35:00Z"),
        ("۱۴۰۵/۹/۲ ۱۴:۰۵", "+04:30", "2026-11-23T09:35:00Z"),
        ("1403-12-30 00:00", "+00:00", "2025-03-20T00:00:00Z"),  # a leap year's last day
        ("1404-01-01 00:00", "+00:00", "2025-03-21T00:00:00Z"),
        ("23:30", "+00:00", "2026-03-01T23:30:00Z"),  # of today, in the zone that one is in
        ("00:15", "+12:00", "2026-02-28T12:15:00Z"),
    ],
)
def test_times_as_people_type_them(text: str, zone: str, time: str) -> None:
    assert moments.read(text, zone, START + (0 if zone == "+12:00" else 3600)) == time


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30 10:00", "1404-12-30 10:00", "2026-11-23 24:00", "14:05 +99:00", "12/11/2026 14:05"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(moments.NoTime):
        moments.read(text, "+00:00", START)


def test_a_seal_is_of_one_node_and_session_and_of_every_letter() -> None:
    seen = Seen("north@00000000", "session", START, "statement", {"text": "x" * 40_000}, "00" * 16, "ab" * 32)
    text = seen.sealed()
    assert seals.opened(text, "north@00000000", "session", START + 60) == seen
    for node, session, now in (
        ("south@00000000", "session", START),
        ("north@00000000", "other", START),
        ("north@00000000", "session", START - 1),
    ):
        with local("console.form"):
            seals.opened(text, node, session, now)
    for place in range(0, len(text), 7):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with local("console.form"):
            seals.opened(changed, "north@00000000", "session", START)
    with local("console.form"):
        seals.opened(text, "north@00000000", "session", START + 13 * 3600)
    for typed, kept in (({"f.text": ["x" * 40_000]}, True), ({"f.text": [os.urandom(160_000).hex()]}, False)):
        full = replace(seen, typed=typed)
        assert seals.opened(full.sealed(), "north@00000000", "session", START) == (full if kept else seen), "what would be too long is left"
