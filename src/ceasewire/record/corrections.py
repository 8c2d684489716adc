"""Corrections: what a message says once they are applied, and what a correction needs of the message that it corrects. spec/entry.md.

A correction changes nothing that was signed. Whoever shows a corrected message shows what it said beside what it says now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .bodies_record import CORRECTED
from .message import Body
from .notation import Json, Names, Wrong
from .words import KIND_NAMES

OF, FIELDS, REMOVED = 16, 17, 19


@dataclass(frozen=True, slots=True)
class Corrected:
    """The message that a correction corrects: its kind, and its body as earlier corrections left it (`in_force`)."""

    kind: int
    body: Body


def in_force(kind: int, body: Body, corrections: Iterable[Body]) -> Body:
    """A message's body with its corrections applied, in record order; they stand (are not void) and are its own party's.

    A correction that names another kind changes nothing. No position is finer than the precision that is then in force.
    """
    now = dict(body)
    for one in corrections:
        if one.get(OF) == kind and kind in CORRECTED:
            replaced, removed = one.get(FIELDS), one.get(REMOVED)
            now |= replaced if isinstance(replaced, dict) else {}
            gone = removed if isinstance(removed, list) else []
            now = _coarse(kind, {number: value for number, value in now.items() if number not in gone})
    return dict(sorted(now.items()))


def changed(correction: Body) -> list[int]:
    """The numbers of the fields that a correction replaces or removes, in order."""
    replaced, removed = correction.get(FIELDS), correction.get(REMOVED)
    found = [*(replaced if isinstance(replaced, dict) else ()), *(removed if isinstance(removed, list) else ())]
    return sorted(number for number in found if isinstance(number, int))


def _coarse(kind: int, body: Body) -> Body:
    placed = CORRECTED[kind].placed
    if placed and placed.precision in body:
        placed.round(body)
    return body


def prepared(json: Mapping[str, Json], corrected: Corrected, names: Names) -> dict[str, Json]:
    """A correction's JSON with what its writer need not say: the kind; the precision of a position that changes; and the positions that
    stay, where their precision changes. Raises Wrong."""
    name = KIND_NAMES.get(corrected.kind, "")
    if corrected.kind not in CORRECTED:
        raise Wrong(f"re: a message that can be corrected, not a {name}")
    if json.get("of") not in (None, name):
        raise Wrong(f"of: {name}, the kind of the message that is corrected")
    fields, removed = json.get("fields"), json.get("removed")
    found = {**json, "of": name}
    if isinstance(fields, dict):
        found["fields"] = _with_places(fields, removed if isinstance(removed, list) else [], corrected, names)
    return found


def _with_places(fields: dict[str, Json], removed: list[Json], corrected: Corrected, names: Names) -> dict[str, Json]:
    kind, body = CORRECTED[corrected.kind], corrected.body
    if kind.placed is None:
        return fields
    by_number = {field.number: (name, field.type) for name, field in kind.all_fields.items()}
    placing = (kind.placed.precision, *kind.placed.points, *kind.placed.routes)
    precision, *positions = (by_number[number][0] for number in placing)
    kept = {by_number[number][0]: by_number[number][1].show(body[number], names) for number in placing if number in body}
    given = {name for name, value in fields.items() if value is not None}
    if given & set(positions) and precision not in given and precision in kept:
        fields = {**fields, precision: kept[precision]}
    if fields.get(precision) is not None:
        fields = {**fields, **{name: kept[name] for name in positions if name in kept and name not in given and name not in removed}}
    return fields
