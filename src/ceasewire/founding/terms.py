"""The charter's form: what is typed in it, and the terms (the keys of spec/charter.md) that it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..record.charter import CLOCKS
from ..record.text import canonical_digits

UNITS: Final[Mapping[str, int]] = {"min": 60, "h": 3600, "d": 86400}
OFFICER_ROWS: Final = 3
_OFFICERS_MOST: Final = 60
_PARTS: Final = ("party", "name", "role", "key")

Given = Mapping[str, Sequence[str]]  # a form's fields, each name's values


def typed(form: Given) -> dict[str, Any]:
    """What stands in the form, as it is kept and shown again."""
    found: dict[str, Any] = {name: _one(form, name) for name in ("name", "title", "level", "exercise", "provisions")}
    found["clocks"] = {name: [_one(form, f"clock-{name}"), _one(form, f"unit-{name}")] for name in CLOCKS}
    rows = [{part: _one(form, f"officer-{n}-{part}") for part in _PARTS} for n in range(_OFFICERS_MOST)]
    found["officers"] = [row for row in rows if row["name"].strip() or row["key"].strip()]
    return found


def blank() -> dict[str, Any]:
    """The form before anything was typed."""
    return {
        "name": "",
        "title": "",
        "level": "military",
        "exercise": "",
        "provisions": "",
        "clocks": {name: shown(seconds) for name, (_, seconds) in CLOCKS.items()},
        "officers": [],
    }


def shown(seconds: int) -> list[str]:
    """Seconds as a number and a unit."""
    for unit in ("d", "h"):
        if seconds >= 2 * UNITS[unit] and seconds % UNITS[unit] == 0:
            return [str(seconds // UNITS[unit]), unit]
    return [str(seconds // 60), "min"]


def meant(found: Mapping[str, Any]) -> dict[str, Any]:
    """The charter's terms of what was typed. Raises ValueError with the clock or officer that cannot be read."""
    terms: dict[str, Any] = {
        "name": found["name"].strip(),
        "title": found["title"].strip(),
        "level": found["level"],
        "exercise": found["exercise"] == "yes",
        "provisions": [_provision(line) for line in found["provisions"].splitlines() if line.strip()],
        "clocks": {name: _seconds(name, *given) for name, given in found["clocks"].items()},
    }
    if found["officers"]:
        terms["officers"] = [_officer(row) for row in found["officers"]]
    return terms


def _one(form: Given, name: str) -> str:
    return (form.get(name) or [""])[0]


def _provision(line: str) -> dict[str, str]:
    """The first word of a line is its number, the rest what it says."""
    number, _, text = line.strip().partition(" ")
    return {"id": number.removesuffix(":").removesuffix("."), "text": text.strip()}


def _seconds(name: str, number: str, unit: str) -> int:
    figures = canonical_digits(number.strip())
    if not (figures.isascii() and figures.isdecimal()) or unit not in UNITS:
        raise ValueError(name)
    return int(figures) * UNITS[unit]


def _officer(row: Mapping[str, str]) -> dict[str, str]:
    """A key is `ed25519:HEX`; a passkey's is followed by its rp_id and origin."""
    key, *web = row["key"].split()
    if len(web) not in (0, 2):
        raise ValueError(row["name"])
    found = {"party": row["party"], "name": row["name"].strip(), "role": row["role"], "key": key}
    return found | dict(zip(("rp_id", "origin"), web, strict=False))
