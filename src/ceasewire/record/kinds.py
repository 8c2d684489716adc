"""The table of kinds, and what is done with it: reading JSON, checking what arrives, showing it. spec/entry.md lists the same.

One table says everything of a kind: its fields with number, type and whether they must be there, and the rules between fields
(`bodies*`). DOMAIN's words in snake_case are the names in JSON (`words`). A field that a kind does not list is kept and shown as not
understood.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from ..errors import LocalError
from .bodies import COMMON, Kind, no_reference_twice
from .bodies_action import ACTION
from .bodies_incident import INCIDENT
from .bodies_line import LINE_KINDS, RECEIPTS_MOST
from .bodies_record import RECORD
from .corrections import Corrected, in_force, prepared
from .encoding import Value
from .fields import Field, FieldType, Json, Names, Wrong, missing, named, nearest
from .message import EXERCISE, RELEASES, Body
from .release import show_releases
from .special import Dependent
from .words import (
    KIND_NAMES,
    KINDS,
    LINKS,
    PRECEDENCES,
    PRECISION_UNITS,
    PRECISIONS,
    REQUESTS,
    SOURCE_CLASSES,
    STANCES,
    TAXONOMY,
)

__all__ = [  # also the words that most who read a kind need with it
    "COMMON",
    "KINDS",
    "KIND_NAMES",
    "LINKS",
    "PRECEDENCES",
    "PRECISIONS",
    "PRECISION_UNITS",
    "RECEIPTS_MOST",
    "REQUESTS",
    "SOURCE_CLASSES",
    "STANCES",
    "TAXONOMY",
    "Kind",
]

UNDERSTOOD: Final[Mapping[int, Kind]] = {
    kind.number: kind for kind in sorted((*INCIDENT, *ACTION, *RECORD, *LINE_KINDS), key=lambda kind: kind.number)
}
# Kinds that say nothing of substance: no charter can forbid them, and every role sends them.
ALWAYS: Final = frozenset({KINDS["line_check"], KINDS["acknowledgement"], KINDS["keys"]})
OBSERVER_KINDS: Final = ALWAYS | {KINDS["channel_status"]}
GUARANTOR_NEVER: Final = frozenset({KINDS["amendment"], KINDS["reply"]})

_BY_NUMBER: Final[Mapping[int, Mapping[int, tuple[str, Field]]]] = {
    number: {field.number: (name, field) for name, field in kind.all_fields.items()} for number, kind in UNDERSTOOD.items()
}
_REQUIRED: Final = {
    number: [(name, field) for name, field in kind.all_fields.items() if field.required] for number, kind in UNDERSTOOD.items()
}
_CORRECTION: Final = KINDS["correction"]


def kind_name(number: int) -> str:
    """The kind's name, or `kind_99` for one this version does not know."""
    return KIND_NAMES.get(number, f"kind_{number}")


def read_body(
    kind: Kind, json: Json, names: Names, *, exercise: bool, provisions: Collection[str] = (), corrected: Corrected | None = None
) -> Body:
    """A body from a person's JSON: names to numbers, codes, times; positions rounded to their precision (default near).

    `provisions` are the ids that the charter lists; none: any is taken. `corrected` is what a correction corrects; without it, its JSON
    says `of` itself. Raises LocalError json.malformed, field.unknown, body.schema.
    """
    if not isinstance(json, dict):
        raise LocalError("json.malformed", "an object with the message's fields is expected")
    fields = kind.all_fields
    for name in json:
        if name not in fields:
            raise LocalError("field.unknown", nearest(name, fields))
    body: Body = {RELEASES: [], EXERCISE: exercise}
    try:
        json = kind.meant(json) if corrected is None else prepared(json, corrected, names)
        for name in sorted(json, key=lambda name: fields[name].number):  # what explains a field stands before it
            value = json[name]
            if value is not None and (name, value) != ("sources", []):  # no sources: "no source given", as without the field
                body[fields[name].number] = named(name, _type_in(fields[name], body).read, value, names)
        _check_provisions(body, provisions)
        _check_translations(kind, json)
        _round(kind, body)
        check_schema(kind.number, body, names)
        if corrected is not None:  # what is left must still be a message of its kind
            check_schema(corrected.kind, in_force(corrected.kind, corrected.body, [body]), names)
    except Wrong as wrong:
        raise LocalError("body.schema", f"{kind.name}: {wrong}") from None
    return dict(sorted(body.items()))


def _type_in(field: Field, body: Mapping[int, Value]) -> FieldType:
    return field.type.of(body) if isinstance(field.type, Dependent) else field.type


def _check_provisions(body: Body, listed: Collection[str]) -> None:
    found = body.get(COMMON["provisions"].number)
    for one in found if listed and isinstance(found, list) else []:
        if one not in listed:
            raise Wrong(f"provisions: one that the charter lists, not {nearest(str(one), listed)}")


def _check_translations(kind: Kind, json: Mapping[str, Json]) -> None:
    """Each translation is of a field that is there; its first part names it: `answers 2` is of the second answer."""
    for one in json.get("translations") or []:
        there = [name for name in kind.all_fields if json.get(name) is not None]
        if one["field"].split(" ")[0] not in there:
            raise Wrong(f"translations: field: the name of one that is there, not {nearest(one['field'], there)}")


def _round(kind: Kind, body: Body) -> None:
    """Round every position of a body, or of what a correction puts in its place."""
    if kind.placed:
        kind.placed.round(body)
    replaced, of = body.get(17), body.get(16)
    if kind.number == _CORRECTION and isinstance(replaced, dict) and isinstance(of, int):
        placed = UNDERSTOOD[of].placed
        if placed:
            placed.round(replaced)


def check_types(kind: int, body: Body, names: Names) -> None:
    """Whether each field is of its type, some perhaps missing; fields the kind does not list are passed over. Raises Wrong."""
    known = _BY_NUMBER[kind]
    for number, value in body.items():
        if number in known:
            name, field = known[number]
            named(name, _type_in(field, body).check, value, names)


def check_schema(kind: int, body: Body, names: Names) -> None:
    """Whether a body has what its kind asks for: `check_types`, what is required, and the rules between fields. Raises Wrong."""
    check_types(kind, body, names)
    for name, field in _REQUIRED[kind]:
        if field.number not in body:
            raise missing(name, field)
    no_reference_twice(body)
    known = UNDERSTOOD[kind]
    for rule in known.rules:
        rule(body)
    if known.placed:
        known.placed.check(body)


def show_body(kind: int, body: Body, names: Names) -> dict[str, Json]:
    """A body as JSON. What is not understood, or not of its field's type, stands under `not_understood` by field number."""
    known = _BY_NUMBER.get(kind) or {field.number: (name, field) for name, field in COMMON.items()}
    shown: dict[str, Json] = {}
    unknown: dict[str, Json] = {}
    for number, value in sorted(body.items()):
        if number == RELEASES and value == []:
            continue
        name, field = known.get(number, ("", None))
        try:
            if number == RELEASES:
                shown["releases"] = show_releases(value)
                continue
            if field is None:
                raise Wrong("")
            type_ = _type_in(field, body)
            type_.check(value, names)
            shown[name] = type_.show(value, names)
        except Wrong:
            unknown[str(number)] = plain(value)
    if unknown:
        shown["not_understood"] = unknown
    return shown


def plain(value: Value) -> Json:
    """Any value as JSON: bytes in hexadecimal, map keys as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def references(body: Body) -> list[tuple[int, int]]:
    """Every message that a checked body refers to: `re` and `links`."""
    found: list[tuple[int, int]] = []
    re_field = body.get(COMMON["re"].number)
    if isinstance(re_field, list):
        pairs = [re_field] if re_field and not isinstance(re_field[0], list) else re_field
        found += [(pair[0], pair[1]) for pair in pairs]  # type: ignore[index,misc]
    links = body.get(COMMON["links"].number)
    if isinstance(links, list):
        found += [(link[2][0], link[2][1]) for link in links]  # type: ignore[index,misc]
    return found
