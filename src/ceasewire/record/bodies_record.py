"""Bodies that say, ask, add and take back: statement, request, evidence, correction, withdrawal, closing. spec/entry.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from .bodies import LINE, NOTE, PROSE, RE, Kind, Rule, needed
from .bodies_action import ACTION
from .bodies_incident import INCIDENT
from .bodies_line import LINE_KINDS
from .encoding import Value
from .fields import Code, Field, FieldType, Many, Struct
from .message import Body
from .notation import Wrong
from .special import Dependent, FieldNumber
from .words import KINDS

STATEMENT: Final[Mapping[str, Field]] = {
    "title": Field(16, LINE),
    "text": Field(17, PROSE, required=True),
    "type": Field(18, Code(("position", "clarification", "commitment", "condolence"))),
}

REQUEST: Final[Mapping[str, Field]] = {
    "questions": Field(16, Many(NOTE, 50, alone=True), required=True),
    "text": Field(17, PROSE),
}

_SPOKEN: Final = (
    Kind("statement", KINDS["statement"], STATEMENT),
    Kind("request", KINDS["request"], REQUEST),
    Kind("evidence", KINDS["evidence"], {"text": Field(16, PROSE)}, (needed("re", "evidence"),)),
    Kind("closing", KINDS["closing"], {"text": Field(16, PROSE)}, (needed("re"),)),
    Kind("withdrawal", KINDS["withdrawal"], {"reason": Field(16, NOTE, required=True)}, (needed("re"),)),
)

# --- Corrections ---

# What a correction never replaces: what the alarms, the clocks and the cases hang on. It is said anew in a message of its own.
KEPT: Final = frozenset({"exercise", "precedence", "re", "links", "respond_by", "historical"})
_PRECISION: Final = "location_precision"  # stays with its positions: it is replaced with them, and never removed
_UNCORRECTED: Final = frozenset({"acknowledgement", "keys", "amendment", "line_check", "correction", "withdrawal", "closing"})
CORRECTED: Final[Mapping[int, Kind]] = {
    kind.number: kind for kind in (*INCIDENT, *ACTION, *_SPOKEN, *LINE_KINDS) if kind.name not in _UNCORRECTED
}


def replaceable(kind: Kind) -> dict[str, Field]:
    """The fields of a kind that a correction may replace, none of them required."""
    return {name: replace(field, required=False) for name, field in kind.all_fields.items() if name not in KEPT}


def removable(kind: Kind) -> list[str]:
    """The fields of a kind that a correction may remove."""
    return [name for name in replaceable(kind) if not kind.all_fields[name].required and name != _PRECISION]


_FIELDS: Final = {number: Struct(replaceable(kind)) for number, kind in CORRECTED.items()}
_NUMBERS: Final = {
    number: Many(
        FieldNumber({name: kind.all_fields[name].number for name in removable(kind)}, kind.name),
        64,
    )
    for number, kind in CORRECTED.items()
}


def _of(body: Mapping[int, Value]) -> int:
    number = body.get(16)
    if type(number) is not int or number not in CORRECTED:
        raise Wrong("of: the kind of a message that can be corrected")
    return number


def _fields_of(body: Mapping[int, Value]) -> FieldType:
    return _FIELDS[_of(body)]


def _numbers_of(body: Mapping[int, Value]) -> FieldType:
    return _NUMBERS[_of(body)]


CORRECTION: Final[Mapping[str, Field]] = {
    "of": Field(16, Code(tuple(KINDS)), required=True),
    "fields": Field(17, Dependent(_fields_of)),
    "reason": Field(18, NOTE, required=True),
    "removed": Field(19, Dependent(_numbers_of)),
}


def _one_corrected(body: Body) -> None:
    found = body.get(RE)
    if not isinstance(found, list) or (found and isinstance(found[0], list) and len(found) != 1):
        raise Wrong("re: the one message that is corrected")


def _something_corrected(body: Body) -> None:
    """Something changes, no field both ways, and no position comes finer than the precision that comes with it."""
    _of(body)
    fields, removed = body.get(17), body.get(19)
    changed = fields if isinstance(fields, dict) else {}
    gone = removed if isinstance(removed, list) else []
    if not changed and not gone:
        raise Wrong('fields or removed is missing: what is corrected, such as {"count": 5}')
    if any(number in changed for number in gone):
        raise Wrong("removed: only fields that are not replaced")
    placed = CORRECTED[_of(body)].placed
    if placed:
        placed.check(changed)


_CORRECTION_RULES: tuple[Rule, ...] = (_one_corrected, _something_corrected)
RECORD: Final = (*_SPOKEN, Kind("correction", KINDS["correction"], CORRECTION, _CORRECTION_RULES))
