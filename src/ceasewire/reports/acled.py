"""ACLED's event table by its published columns (codebook and column guide of 2023), row by row. docs/importing.md.

Actor 1 and actor 2 do not say who attacked, so nobody is accused unless the importing party adds it. ACLED counts reported deaths of
all groups together and gives no range: the figure stands as low, best and high alike, as `unattributed`, or as `civilians` where the
table says that civilians were the target of the event.
"""

from __future__ import annotations

from typing import Final

from ..record.notation import Json
from . import incident
from .incident import Cells, Incident
from .table import BadRow

DATASET: Final = "ACLED"
COLUMNS: Final = (
    "event_id_cnty event_date time_precision event_type sub_event_type actor1 actor2 country admin1 admin2 location latitude longitude "
    "geo_precision source notes fatalities"
).split()
# Used where the table has them: older exports lack some.
OPTIONAL: Final = "disorder_type assoc_actor_1 assoc_actor_2 civilian_targeting admin3 source_scale tags".split()
# Codes of actors, countries and regions, and when ACLED last changed the row, say nothing that a notification needs.
PASSED_OVER: Final = "year inter1 inter2 interaction iso region timestamp".split()

_DATE_FORMATS: Final = ("%Y-%m-%d", "%d %B %Y", "%d-%b-%Y", "%d-%B-%Y")
_DATES: Final = {"1": ("day", "the day is known", 0), "2": ("about", "known to the week", 3), "3": ("about", "known to the month", 15)}
_PLACES: Final = {"1": ("near", "the town"), "2": ("district", "near a town, or a part of a region"), "3": ("region", "a larger region")}
# By sub-event first, then by event. None: it is no violation of a ceasefire by the taxonomy, and the row is refused.
_SUB_EVENTS: Final[dict[str, list[str] | None]] = {
    "armed clash": ["A9"],
    "government regains territory": ["A9", "B5"],
    "non-state actor overtakes territory": ["A9", "B5"],
    "chemical weapon": ["A11"],
    "air/drone strike": ["A6"],
    "suicide bomb": ["A8"],
    "shelling/artillery/missile attack": ["A4"],
    "remote explosive/landmine/ied": ["A8"],
    "grenade": ["A2"],
    "attack": ["D1"],
    "sexual violence": ["D3"],
    "abduction/forced disappearance": ["D2"],
    "excessive force against protesters": ["D1"],
    "looting/property destruction": ["D8"],
    "headquarters or base established": ["B3"],
    "non-violent transfer of territory": ["B5"],
    "disrupted weapons use": ["J5"],
    "mob violence": ["J5"],
    "violent demonstration": ["J5"],
    "protest with intervention": ["J5"],
    "peaceful protest": None,
    "agreement": None,
}
_EVENTS: Final[dict[str, list[str] | None]] = {
    "battles": ["A9"],
    "explosions/remote violence": ["A4"],
    "violence against civilians": ["D1"],
    "riots": ["J5"],
    "strategic developments": ["J5"],
    "protests": None,
}


def read(cells: Cells) -> Incident:
    """The incident of a row. Raises BadRow."""
    event = incident.event_id(cells, "event_id_cnty")
    mark = incident.mark_of(DATASET, event)
    body: dict[str, Json] = {"types": types(cells), **_when(cells), **_where(cells)}
    dead = incident.whole_number(cells, "fatalities")
    if dead:
        body["casualties"] = {_group(cells): {"killed": [dead, dead, dead]}}
    sources = incident.sources(cells["source"].split(";"))
    if sources:
        body["sources"] = sources
    body["narrative"] = incident.narrative(mark, *_words(cells))
    return Incident(event, mark, body)


def types(cells: Cells) -> list[str]:
    """The types of violation of an event. Raises BadRow for what is none, and for an event that the table of 2023 does not know."""
    sub, event = (cells[name].lower().replace("protestors", "protesters") for name in ("sub_event_type", "event_type"))
    if sub not in _SUB_EVENTS and event not in _EVENTS:
        raise BadRow(f"event_type: not an event that this version knows: {incident.shown(cells['event_type'])}")
    found = _SUB_EVENTS[sub] if sub in _SUB_EVENTS else _EVENTS[event]
    if found is None:
        raise BadRow(f"sub_event_type: {incident.shown(cells['sub_event_type'] or cells['event_type'])} is no violation")
    return found + (["D1"] if _group(cells) == "civilians" and found[0][0] == "A" else [])


def _group(cells: Cells) -> str:
    targeted = cells.get("civilian_targeting", "").strip() or cells["event_type"].lower() == "violence against civilians"
    return "civilians" if targeted else "unattributed"


def _when(cells: Cells) -> dict[str, Json]:
    middle = incident.day(cells, "event_date", _DATE_FORMATS)
    precision, _, days = _DATES[incident.one_of(cells, "time_precision", _DATES)]
    return {**incident.from_to(*incident.around(middle, days)), "occurred_precision": precision}


def _where(cells: Cells) -> dict[str, Json]:
    precision = _PLACES[incident.one_of(cells, "geo_precision", _PLACES)][0]
    position = incident.position(cells, "latitude", "longitude")
    names = incident.place(cells["location"], cells.get("admin3", ""), cells["admin2"], cells["admin1"], cells["country"])
    return {**({"place": names} if names else {}), "location": position, "location_precision": precision}


def _words(cells: Cells) -> list[str]:
    def said(name: str, column: str) -> str:
        return f"{name}: {incident.one_line(cells[column])}." if cells.get(column) else ""

    actors = "; ".join(
        incident.one_line(cells[name]) + (f" ({incident.one_line(cells[with_])})" if cells.get(with_) else "")
        for name, with_ in (("actor1", "assoc_actor_1"), ("actor2", "assoc_actor_2"))
        if cells[name]
    )
    kinds = ", ".join(incident.one_line(cells[name]) for name in ("disorder_type", "event_type", "sub_event_type") if cells.get(name))
    return [
        f"As ACLED reports it: {kinds}.",
        f"Actors: {actors}. Their order does not say who began.",
        f"Date: {cells['event_date']}, {_DATES[cells['time_precision']][1]}.",
        f"Place: known to {_PLACES[cells['geo_precision']][1]}.",
        f"Reported deaths: {cells['fatalities']}, with no range.",
        said("Civilians", "civilian_targeting"),
        said("Scale of the sources", "source_scale"),
        said("Tags", "tags"),
        cells["notes"],
    ]
