"""UCDP's Georeferenced Event Dataset (Sundberg and Melander 2013; codebook of version 19.1), row by row. docs/importing.md.

The dataset says that an event of organised violence took place between two actors. It does not say who began, with what weapon, or
that an agreement was broken; so nobody is accused and no direction is stated unless the importing party adds it. Its actors are not the
parties of a channel, so their dead are `unattributed`.
"""

from __future__ import annotations

import csv
from datetime import date
from typing import Final

from ..record.notation import Json
from . import incident
from .incident import Cells, Incident
from .table import BadRow

DATASET: Final = "UCDP GED"
COLUMNS: Final = (
    "id type_of_violence conflict_name dyad_name side_a side_b number_of_sources source_article source_office source_date "
    "source_headline source_original where_prec where_coordinates adm_1 adm_2 latitude longitude country event_clarity date_prec "
    "date_start date_end deaths_a deaths_b deaths_civilians deaths_unknown low best high"
).split()
# Of the 42 columns these say nothing that a notification needs: years and regions follow from others; numbers of conflicts, dyads,
# actors and countries are the dataset's own; geom_wkt and priogrid_gid are the position again, and would undo its rounding.
PASSED_OVER: Final = (
    "year active_year conflict_new_id dyad_new_id side_a_new_id gwnoa side_b_new_id gwnob geom_wkt priogrid_gid country_id region"
).split()
_VIOLENCE: Final = {"1": "state-based conflict", "2": "non-state conflict", "3": "one-sided violence"}
_DATES: Final = {
    "1": ("day", "the day is known"),
    "2": ("about", "known to within 2 to 6 days"),
    "3": ("about", "known to the week"),
    "4": ("about", "known to the month"),
    "5": ("about", "known to more than a month"),
}
# where_prec -> precision; None: no position, since a point in the middle of a country or a sea would say what nobody reported.
_PLACES: Final = {"1": "near", "2": "near", "3": "district", "4": "region", "5": "region", "6": None, "7": None}
_PLACE_WORDS: Final = {
    "1": "the exact place",
    "2": "within about 25 km of the place",
    "3": "the second-order division (district)",
    "4": "the first-order division (province)",
    "5": "a part of the country, or a line or area",
    "6": "the country alone",
    "7": "international waters or airspace",
}
_CLARITY: Final = {"1": ("medium", "clear"), "2": ("low", "part of a larger report")}


def read(cells: Cells) -> Incident:
    """The incident of a row. Raises BadRow."""
    event = incident.event_id(cells, "id")
    mark = incident.mark_of(DATASET, event)
    body: dict[str, Json] = {
        "types": types(incident.one_of(cells, "type_of_violence", _VIOLENCE), incident.whole_number(cells, "deaths_civilians")),
        **_when(cells),
        **_where(cells),
        "confidence": _CLARITY[incident.one_of(cells, "event_clarity", _CLARITY)][0],
    }
    casualties, flags = _casualties(cells)
    if casualties:
        body["casualties"] = casualties
    sources = _sources(cells)
    if sources:
        body["sources"] = sources
    body["narrative"] = incident.narrative(mark, *_words(cells))
    return Incident(event, mark, body, flags)


def types(violence: str, civilians: int) -> list[str]:
    """A9 (raid, ambush, offensive action) stands for a clash by whatever arms; D1 (killing, injury) where civilians died or were
    attacked."""
    return ["D1"] if violence == "3" else ["A9", "D1"] if civilians else ["A9"]


def _when(cells: Cells) -> dict[str, Json]:
    first, last = incident.day(cells, "date_start"), incident.day(cells, "date_end")
    precision = _DATES[incident.one_of(cells, "date_prec", _DATES)][0]
    return {**incident.from_to(first, last), "occurred_precision": precision}


def _where(cells: Cells) -> dict[str, Json]:
    precision = _PLACES[incident.one_of(cells, "where_prec", _PLACES)]
    position = incident.position(cells, "latitude", "longitude")
    names = incident.place(cells["where_coordinates"], cells["adm_2"], cells["adm_1"], cells["country"])
    found: dict[str, Json] = {"place": names} if names else {}
    if precision:
        found |= {"location": position, "location_precision": precision}
    elif not names:
        raise BadRow("where_coordinates: neither a place nor a position that says where")
    return found


def _casualties(cells: Cells) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Best estimates by group, and the whole event's range.

    The dataset gives low and high for the event alone. They stand with the one group that died; where several did, each group has its
    best estimate three times, and the range stands in the narrative."""
    low, best, high = (incident.whole_number(cells, name) for name in ("low", "best", "high"))
    military = sum(incident.whole_number(cells, name) for name in ("deaths_a", "deaths_b", "deaths_unknown"))
    groups = {"civilians": incident.whole_number(cells, "deaths_civilians"), "unattributed": military}
    dead = {name: count for name, count in groups.items() if count}
    flags = [] if low <= best <= high else [f"figures contradict: low {low}, best {best}, high {high}"]
    if sum(dead.values()) != best:
        flags += [f"deaths by group make {sum(dead.values())}, best is {best}"]
    if len(dead) > 1 and low <= best <= high:
        return {name: {"killed": [count, count, count]} for name, count in dead.items()}, tuple(flags)
    name = "civilians" if list(dead) == ["civilians"] or (not dead and cells["type_of_violence"] == "3") else "unattributed"
    return ({name: {"killed": [low, best, high]}} if dead or high or low or best else {}), tuple(flags)


def _sources(cells: Cells) -> list[Json]:
    """Office, date and headline of each source; where they do not match, or there are none, the article's own text."""
    offices, dates, headlines = (cells[name].split(";") for name in ("source_office", "source_date", "source_headline"))
    if cells["source_office"] and len(offices) == len(dates) == len(headlines):
        return incident.sources(
            f"{office.strip()}, {when.strip()}: {headline.strip()}"
            for office, when, headline in zip(offices, dates, headlines, strict=True)
        )
    try:
        articles = next(csv.reader([incident.one_line(cells["source_article"])], delimiter=";"), [])
    except csv.Error:
        articles = [cells["source_article"]]
    return incident.sources(articles)


def _words(cells: Cells) -> list[str]:
    """What the dataset says besides, so that nothing of it reads as the importing party's own word."""
    violence, country = _VIOLENCE[cells["type_of_violence"]], incident.one_line(cells["country"])
    counted = {"-1": "not counted", "": "not counted"}.get(cells["number_of_sources"], cells["number_of_sources"])
    return [
        f"As UCDP reports it: {violence}, {incident.one_line(cells['dyad_name'])} ({incident.one_line(cells['conflict_name'])}).",
        f"Actors: {incident.one_line(cells['side_a'])}; {incident.one_line(cells['side_b'])}. The dataset does not say who began.",
        f"Date: {_span(cells)}, {_DATES[cells['date_prec']][1]}.",
        f"Place: {incident.one_line(cells['where_coordinates'])}, {country}; known to {_PLACE_WORDS[cells['where_prec']]}.",
        f"Deaths: side A {cells['deaths_a']}, side B {cells['deaths_b']}, civilians {cells['deaths_civilians']}, unknown "
        f"{cells['deaths_unknown']}; in all low {cells['low']}, best {cells['best']}, high {cells['high']}.",
        f"Event: {_CLARITY[cells['event_clarity']][1]}. Sources: {counted}.",
        f"Original source: {incident.one_line(cells['source_original'])}" if cells["source_original"] else "",
    ]


def _span(cells: Cells) -> str:
    first: date
    first, last = incident.day(cells, "date_start"), incident.day(cells, "date_end")
    return first.isoformat() if first == last else f"{first.isoformat()} to {last.isoformat()}"
