"""What becomes of a row: UCDP, ACLED, and tables by a mapping. docs/importing.md."""

from __future__ import annotations

import csv
import io
import random
import re
from pathlib import Path
from typing import Any

import pytest

from ceasewire.record.kinds import UNDERSTOOD, read_body
from ceasewire.reports import acled, importing, incident, mapping, ucdp
from ceasewire.reports.table import BadRow, Table
from helpers import local, make_channel

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data" / "ucdp_ged191_mmr_bgd.csv"
UCDP: dict[str, str] = {
    "id": "209980",
    "type_of_violence": "1",
    "conflict_name": "A conflict",
    "dyad_name": "One - Two",
    "side_a": "One",
    "side_b": "Two",
    "number_of_sources": "2",
    "source_article": '"Radio,2015-05-13,Fighting; more fighting";"Paper,2015-05-14,Two dead"',
    "source_office": "Radio;Paper",
    "source_date": "2015-05-13;2015-05-14",
    "source_headline": "Fighting;Two dead",
    "source_original": "a commander",
    "where_prec": "2",
    "where_coordinates": "Kala Town",
    "adm_1": "East State",
    "adm_2": "Kala District",
    "latitude": "23.690225",
    "longitude": "98.765042",
    "country": "Land",
    "event_clarity": "1",
    "date_prec": "2",
    "date_start": "2015-05-11",
    "date_end": "2015-05-12 00:00:00.000",
    "deaths_a": "0",
    "deaths_b": "1",
    "deaths_civilians": "0",
    "deaths_unknown": "1",
    "low": "1",
    "best": "2",
    "high": "30",
}
ACLED: dict[str, str] = {
    "event_id_cnty": "LND123",
    "event_date": "2023-01-31",
    "time_precision": "1",
    "disorder_type": "Political violence",
    "event_type": "Explosions/Remote violence",
    "sub_event_type": "Shelling/artillery/missile attack",
    "actor1": "Military Forces of Land",
    "assoc_actor_1": "",
    "actor2": "Two",
    "assoc_actor_2": "Two's friends",
    "civilian_targeting": "",
    "country": "Land",
    "admin1": "East",
    "admin2": "Kala",
    "admin3": "",
    "location": "Kala",
    "latitude": "23.6902",
    "longitude": "98.7650",
    "geo_precision": "1",
    "source": "Radio; Paper",
    "source_scale": "National",
    "notes": "On 31 January, shells fell.",
    "fatalities": "3",
    "tags": "",
}


def sent(body: dict[str, Any]) -> Any:
    """The body that a node would sign."""
    return read_body(UNDERSTOOD[1], body, make_channel().channel, exercise=False)


def test_ucdp_row() -> None:
    found = ucdp.read(UCDP)
    narrative = found.body.pop("narrative")
    assert found.body == {
        "types": ["A9"],
        "occurred_from": "2015-05-11T00:00:00Z",
        "occurred_to": "2015-05-12T23:59:59Z",
        "occurred_precision": "about",
        "place": "Kala Town, Kala District, East State, Land",
        "location": [23.690225, 98.765042],
        "location_precision": "near",
        "confidence": "medium",
        "casualties": {"unattributed": {"killed": [1, 2, 30]}},
        "sources": [
            {"class": "press", "text": "Radio, 2015-05-13: Fighting"},
            {"class": "press", "text": "Paper, 2015-05-14: Two dead"},
        ],
    }
    assert (found.mark, found.flags) == ("UCDP GED event 209980.", ())
    assert incident.mark_in(narrative) == found.mark
    assert sent(found.body)[23] == [2369000, 9877000]


@pytest.mark.parametrize(
    ("prec", "precision", "position"),
    [
        ("1", "near", [2369000, 9877000]),
        ("2", "near", [2369000, 9877000]),
        ("3", "district", [2370000, 9880000]),
        ("4", "region", [2400000, 9900000]),
        ("5", "region", [2400000, 9900000]),
        ("6", None, None),
        ("7", None, None),
    ],
)
def test_ucdp_positions_are_no_finer_than_what_is_known(prec: str, precision: str | None, position: list[int] | None) -> None:
    found = ucdp.read({**UCDP, "where_prec": prec})
    assert found.body.get("location_precision") == precision
    assert sent(found.body).get(23) == position
    assert not re.search(r"23\.6|98\.7", str(found.body["narrative"]))  # nor does the text say it


@pytest.mark.parametrize(
    ("change", "types"),
    [
        ({"type_of_violence": "2"}, ["A9"]),
        ({"type_of_violence": "1", "deaths_civilians": "1", "best": "3"}, ["A9", "D1"]),
        ({"type_of_violence": "3"}, ["D1"]),
    ],
)
def test_ucdp_types(change: dict[str, str], types: list[str]) -> None:
    assert ucdp.read({**UCDP, **change}).body["types"] == types


def test_ucdp_figures() -> None:
    mixed = ucdp.read({**UCDP, "deaths_civilians": "3", "best": "5"})
    assert mixed.body["casualties"] == {"civilians": {"killed": [3, 3, 3]}, "unattributed": {"killed": [2, 2, 2]}}
    assert "low 1, best 5, high 30" in mixed.body["narrative"]
    wrong = ucdp.read({**UCDP, "high": "1"})
    assert wrong.body["casualties"] == {"unattributed": {"killed": [1, 2, 1]}}
    assert wrong.flags == ("figures contradict: low 1, best 2, high 1",)
    none = ucdp.read({**UCDP, "deaths_b": "0", "deaths_unknown": "0", "low": "0", "best": "0", "high": "0"})
    assert "casualties" not in none.body


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "1" * 101},
        {"date_start": "11/05/2015"},
        {"date_start": "2015-02-30"},
        {"date_start": "1969-12-31"},
        {"date_end": "2015-05-10"},
        {"date_prec": "6"},
        {"latitude": "90.1"},
        {"latitude": "nan"},
        {"latitude": "1e1"},
        {"longitude": "-180.1"},
        {"longitude": ""},
        {"where_prec": "0"},
        {"where_coordinates": "", "where_prec": "6", "adm_1": "", "adm_2": "", "country": ""},
        {"type_of_violence": "4"},
        {"best": "-1"},
        {"best": "٣"},
        {"low": "1.5"},
        {"deaths_a": ""},
        {"event_clarity": "3"},
    ],
)
def test_a_bad_ucdp_row_is_refused_by_its_column(change: dict[str, str]) -> None:
    with pytest.raises(BadRow) as refused:
        ucdp.read({**UCDP, **change})
    assert next(iter(change)) in str(refused.value) or "before it begins" in str(refused.value)


def test_every_column_of_the_real_file_is_used_or_said_to_be_passed_over() -> None:
    if not REAL.exists():
        pytest.skip("the file of real incidents is not there")
    with REAL.open(encoding="utf-8", newline="") as file:
        heading = next(csv.reader(file))
    assert len(heading) == 42
    assert sorted(heading) == sorted([*ucdp.COLUMNS, *ucdp.PASSED_OVER])


def test_acled_row() -> None:
    found = acled.read(ACLED)
    narrative = found.body.pop("narrative")
    assert found.body == {
        "types": ["A4"],
        "occurred_from": "2023-01-31T00:00:00Z",
        "occurred_to": "2023-01-31T23:59:59Z",
        "occurred_precision": "day",
        "place": "Kala, East, Land",
        "location": [23.6902, 98.765],
        "location_precision": "near",
        "casualties": {"unattributed": {"killed": [3, 3, 3]}},
        "sources": [{"class": "press", "text": "Radio"}, {"class": "press", "text": "Paper"}],
    }
    assert str(narrative).startswith("ACLED event LND123.\n")
    assert str(narrative).endswith("On 31 January, shells fell.")
    sent(found.body)


@pytest.mark.parametrize(
    ("change", "types", "group"),
    [
        ({"sub_event_type": "Air/drone strike"}, ["A6"], "unattributed"),
        ({"sub_event_type": "Air/drone strike", "civilian_targeting": "Civilian targeting"}, ["A6", "D1"], "civilians"),
        ({"event_type": "Violence against civilians", "sub_event_type": "Attack"}, ["D1"], "civilians"),
        ({"event_type": "Violence against civilians", "sub_event_type": "Abduction/forced disappearance"}, ["D2"], "civilians"),
        ({"event_type": "Battles", "sub_event_type": "Government regains territory"}, ["A9", "B5"], "unattributed"),
        ({"event_type": "Battles", "sub_event_type": "A new sub-event"}, ["A9"], "unattributed"),
    ],
)
def test_acled_types(change: dict[str, str], types: list[str], group: str) -> None:
    found = acled.read({**ACLED, **change})
    assert (found.body["types"], list(found.body["casualties"])) == (types, [group])


def test_acled_time_that_is_not_known_to_the_day_is_a_span() -> None:
    body = acled.read({**ACLED, "time_precision": "2", "event_date": "31 January 2023"}).body
    assert (body["occurred_from"], body["occurred_to"], body["occurred_precision"]) == (
        "2023-01-28T00:00:00Z",
        "2023-02-03T23:59:59Z",
        "about",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"sub_event_type": "Peaceful protest"},
        {"event_type": "?", "sub_event_type": "?"},
        {"fatalities": "many"},
        {"time_precision": ""},
        {"geo_precision": "4"},
        {"event_date": "31.1.2023"},
    ],
)
def test_a_bad_acled_row_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadRow):
        acled.read({**ACLED, **change})


MAP = """
dataset = "Joint log"
id = "No"
delimiter = ";"
separator = "/"

[columns]
types = "Kind"
occurred_from = "When"
place = "Where"
narrative = "What"
count = "Rounds"
direction = "To"

[constants]
count_unit = "round"
sources = [{ class = "own_unit", text = "the joint log" }]

[values.types]
"mortar fire" = ["A3"]
"shots" = ["A1"]

[times]
formats = ["%d.%m.%Y %H:%M"]
offset = "+04:30"

[position]
latitude = "Lat"
longitude = "Lon"

[casualties.civilians]
wounded = { best = "Hurt" }
killed = { low = "Min", best = "Dead", high = "Max" }
"""
ROW = {
    "No": "7/a",
    "Kind": "mortar fire",
    "When": "01.03.2026 04:12",
    "Where": "Kala",
    "What": "Six rounds.",
    "Rounds": "6",
    "To": "incoming",
    "Lat": "34.5",
    "Lon": "69.2",
    "Hurt": "2",
    "Min": "",
    "Dead": "",
    "Max": "",
}


def test_a_table_by_a_mapping() -> None:
    made = mapping.parse(MAP.encode())
    assert set(made.needed) == set(ROW)
    found = made.read(ROW)
    assert found.body == {
        "count_unit": "round",
        "sources": [{"class": "own_unit", "text": "the joint log"}],
        "types": ["A3"],
        "occurred_from": "2026-02-28T23:42:00Z",
        "place": "Kala",
        "count": 6,
        "direction": "incoming",
        "location": [34.5, 69.2],
        "casualties": {"civilians": {"wounded": [2, 2, 2]}},
        "narrative": "Joint log event 7/a.\nSix rounds.",
    }
    sent(found.body)
    wrong = made.read({**ROW, "Min": "3", "Dead": "2", "Max": "1"})
    assert wrong.flags == ("figures contradict: civilians killed low 3, best 2, high 1",)


def test_the_example_of_the_page_is_a_mapping() -> None:
    page = (ROOT / "docs" / "importing.md").read_text("utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    table = re.search(r"```csv\n(.*?)```", page, re.DOTALL)
    assert example
    assert table
    made = mapping.parse(example[1].encode())
    rows = list(Table(table[1].splitlines(keepends=True), made.needed, made.delimiter))
    assert rows
    for row in rows:
        assert row.cells
        sent(made.read(row.cells).body)


@pytest.mark.parametrize(
    "change",
    [{"Kind": "rain"}, {"When": "2026-03-01"}, {"Rounds": "six"}, {"No": ""}, {"Lat": "91"}, {"Lat": ""}, {"Dead": "1"}],
)
def test_a_row_that_the_mapping_does_not_fit_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadRow):
        mapping.parse(MAP.encode()).read({**ROW, **change})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dataset", "data set ="),
        ('dataset = "Joint log"', ""),
        ('dataset = "Joint log"', 'dataset = "two\\nlines"'),
        ('id = "No"', "id = 3"),
        ('delimiter = ";"', 'delimiter = "\\n"'),
        ("[constants]", "[constants]\nexercise = true"),
        ("[constants]", "[constants]\nhistorical = true"),
        ("count_unit", "count_unity"),
        ('offset = "+04:30"', 'offset = "Kabul"'),
        ('formats = ["%d.%m.%Y %H:%M"]', "formats = []"),
        ("[casualties.civilians]", "[casualties.civilians]\nhurt = { best = 'x' }"),
        ("[position]", "[positions]"),
        ("[values.types]", "[values]\ntypes = 3\n[nothing]"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(old: str, new: str) -> None:
    assert old in MAP
    with local("import.map"):
        mapping.parse(MAP.replace(old, new, 1).encode())


@pytest.mark.parametrize("data", [b"\xff", b"x" * (mapping.MAP_BYTES + 1), b""])
def test_a_file_that_is_no_mapping_is_refused(data: bytes) -> None:
    with local("import.map"):
        mapping.parse(data)


def test_whatever_is_done_to_a_table_each_row_is_sent_or_reported() -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(UCDP))
    writer.writeheader()
    writer.writerows({**UCDP, "id": str(n), "source_original": 'say "a"\nand "b"'} for n in range(20))
    heading, _, whole = out.getvalue().partition("\n")
    refused = 0
    for number in range(400):
        draw = random.Random(number)
        text = list(whole)
        for _ in range(draw.choice((1, 3, 30))):
            at = draw.randrange(len(text))
            text[at] = draw.choice(('"', ",", "\n", "\r", "\0", "", "9" * 40, "\u202e", "é", "-", ";", '"",'))
        rows = list(Table(io.StringIO(heading + "\n" + "".join(text), newline=""), ucdp.COLUMNS))
        account = importing.Account()
        made = importing.notifications(rows, ucdp.read, importing.Terms(), known={"UCDP GED event 3."}, check=sent, account=account)
        bodies = list(made)
        assert len(bodies) + account.already + len(account.rejected) == len(rows)
        assert len({body["narrative"].partition("\n")[0] for body in bodies}) == len(bodies)
        refused += len(account.rejected)
    assert refused > 400


def test_batches_are_bounded_and_say_when_there_was_more() -> None:
    bodies = [{"narrative": "x" * 1000, "n": n} for n in range(1000)]
    found = list(importing.batches(iter(bodies), 10_000, 400))
    assert [body for batch in found for body in batch] == bodies
    assert all(len(batch) <= 400 for batch in found)
    large = list(importing.batches(({"narrative": "x" * 300_000} for _ in range(3)), 10))
    assert [len(batch) for batch in large] == [1, 1, 1]
    assert [len(batch) for batch in importing.batches(iter(bodies), 500, 400)] == [400, 100, 0]
    assert [len(batch) for batch in importing.batches(iter(bodies), 1000, 400)] == [400, 400, 200]
    assert list(importing.batches(iter(bodies), 0)) == [[]]
    assert list(importing.batches(iter([]), 0)) == []


def test_sources_and_places_keep_within_their_limits() -> None:
    found = incident.sources([f"paper {n} " + "ä" * 600 for n in range(80)])
    assert len(found) == 50
    assert found[-1] == {"class": "press", "text": "and 31 more"}
    assert all(len(one["text"].encode()) <= 500 for one in found)
    assert incident.sources([" ", "a\n b", "a b"]) == [{"class": "press", "text": "a b"}]
    sent({**ucdp.read(UCDP).body, "sources": found, "place": incident.place("ß" * 900, "x")})
