"""What a form says beside its fields while somebody types, and by when an answer falls due. The page says the same when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from ..record.case_record import ASKING
from ..record.fields import Json
from ..record.kinds import KINDS
from ..record.text import canonical_digits, marks_in_writing
from . import places
from .between import urgent
from .labels import label
from .tongue import Tongue


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


PROPOSES: Final = _("“Immediate” is proposed: people were wounded or killed, or fire is going on.")


def asks(kind: str) -> bool:
    """Whether a kind asks for an answer."""
    return KINDS.get(kind) in ASKING


def notes(tongue: Tongue, given: Mapping[str, Sequence[str]], said: Mapping[str, Json]) -> dict[str, list[str]]:
    """By the path of a field: what is hard to see in it, what a number or a place becomes, and which precedence is proposed. `given` as it
    was typed, `said` the JSON of that."""
    found = {path: lines for path, values in given.items() if path[:2] in ("f.", "c.") and (lines := _of_texts(tongue, values))}
    if urgent(said):
        found["f.precedence"] = [tongue.gettext(PROPOSES)]
    return found | _rounded(tongue, given)


def _of_texts(tongue: Tongue, values: Sequence[str]) -> list[str]:
    found = []
    for value in values:
        plain = canonical_digits(value.strip())
        if plain.isascii() and plain.isdecimal() and plain != value.strip():
            found.append(tongue.gettext("Signed as %(place)s") % {"place": plain})
            continue
        for one in marks_in_writing(value):
            points = " ".join(f"U+{point:04X}" for point in one.points[:6])
            found.append(f"{tongue.gettext(label(one.kind, 'care'))}: {one.count} {points}")
    return found


def _rounded(tongue: Tongue, given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What each position becomes before it is signed."""
    found = {}
    for prefix in ("f.location", "f.observer_position", "c.location", "c.observer_position"):
        grid, north, east = (given.get(f"{prefix}.{name}", [""])[0].strip() for name in ("grid", "lat", "lon"))
        precision = given.get(f"{prefix[:2]}location_precision", [""])[0] or "near"
        if not (grid or (north and east)) or precision not in places.LARGEST_SQUARE:
            continue
        with suppress(places.NoPlace):
            point = places.becomes((places.grid(grid) if grid else places.degrees(north, east)).json, precision)
            words = tongue.gettext("Signed as %(place)s") % {"place": f"{point[0]}, {point[1]}"}
            found[prefix] = [f"{words} ({tongue.gettext(label(precision, 'location_precision'))})"]
    return found


def due(tongue: Tongue, kind: str, said: Mapping[str, Json], spans: Mapping[str, str]) -> str:
    """Within which time the other parties must answer what a form says; `spans` by precedence. Empty for a kind that asks nothing."""
    if not asks(kind):
        return ""
    if said.get("historical") is True:
        return tongue.gettext("Reported for the record: it starts no clock and no alarm.")
    proposal = tongue.gettext("If you ask for an assurance or propose a joint inquiry:") + " " if kind == "notice" else ""
    chosen = said.get("precedence")
    if isinstance(chosen, str) and chosen in spans:
        return proposal + tongue.gettext("They must answer within %(span)s of receipt.") % {"span": spans[chosen]}
    usual = tongue.gettext("They must answer within %(span)s of receipt, if its precedence is routine.") % {"span": spans["routine"]}
    others = tongue.gettext("Immediate: %(immediate)s; priority: %(priority)s.") % spans
    return f"{proposal}{usual} {others}"
