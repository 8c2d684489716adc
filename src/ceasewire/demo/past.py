"""Sixty real incidents, as facts with their source: UCDP GED 19.1 (incidents.json). Who fought is left out; the parties stand in."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

Draft = dict[str, Any]


def incidents() -> list[Draft]:
    """The incidents as they stand in the package, in order of their day."""
    found: list[Draft] = json.loads(files(__package__).joinpath("incidents.json").read_text("utf-8"))["incidents"]
    return found


def notification(incident: Draft, accused: str) -> Draft:
    """A notification of an incident, for the record: it starts no clock. In the words that the form asks for."""
    civilians = incident["civilians"]
    casualties: Draft = {"unattributed": {"killed": incident["killed"]}}
    if civilians:
        casualties["civilians"] = {"killed": [civilians, civilians, civilians]}
    return {
        "types": ["A9", "D1"] if civilians else ["A9"],
        "historical": True,
        "occurred_from": f"{incident['from']}T00:00:00Z",
        "occurred_to": f"{incident['to']}T23:59:59Z",
        "occurred_precision": "day" if incident["from"] == incident["to"] else "about",
        "place": incident["place"],
        "location": [incident["latitude"], incident["longitude"]],
        "location_precision": incident["precision"],
        "accused": accused,
        "basis_of_attribution": "unknown",
        "casualties": casualties,
        "provisions": ["I.1"],
        "precedence": "routine",
        "request": "none",
        "sources": [{"class": "press", "text": name} for name in incident["reported_by"]],
        "language": "en",
        "narrative": f"Exercise. Facts of UCDP GED 19.1, event {incident['ucdp_id']}; the parties named here are stand-ins.",
    }
