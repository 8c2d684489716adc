"""The kinds of messages and their bodies. spec/entry.md lists the same; DOMAIN words in snake_case are the names in JSON.

One table says everything of a kind: its fields with number, type and whether they must be there, and the rules between fields.
Reading JSON, checking what arrives, showing it, and (later) the forms are all made from it. Fields 0 to 15 are common to all
kinds, 16 to 63 the kind's own. A field that a kind does not list is kept and shown as not understood.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .. import limits
from ..errors import LocalError
from .encoding import Value
from .fields import (
    Casualties,
    Code,
    Cosigner,
    Field,
    FieldType,
    Flag,
    Json,
    LogNumber,
    Many,
    Names,
    Octets,
    Party,
    Position,
    Ref,
    Struct,
    Text,
    Time,
    Uint,
    Wrong,
    quoted,
    rounded,
)
from .message import EXERCISE, RELEASES, Body

KINDS: Final = {
    "notification": 1,
    "statement": 2,
    "request": 3,
    "reply": 4,
    "notice": 5,
    "finding": 6,
    "flash": 7,
    "evidence": 8,
    "correction": 9,
    "withdrawal": 10,
    "line_check": 11,
    "channel_status": 12,
    "acknowledgement": 13,
    "keys": 14,
    "amendment": 15,
    "closing": 16,
}
KIND_NAMES: Final = {number: name for name, number in KINDS.items()}

TAXONOMY: Final = {"A": 11, "B": 9, "C": 4, "D": 10, "E": 4, "F": 6, "G": 4, "H": 3, "I": 3, "J": 5}
_TYPES: Final = "|".join(f"{letter}(?:{'|'.join(map(str, range(1, last + 1)))})" for letter, last in TAXONOMY.items())
PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")
PRECISION_UNITS: Final = {"exact": 1, "near": 1_000, "district": 10_000, "region": 100_000}  # 1e-5 degree
PRECISIONS: Final = tuple(PRECISION_UNITS)
REQUESTS: Final = ("cease", "withdraw", "explain", "release", "investigate_jointly", "none")
STANCES: Final = (
    "accepted",
    "partly_accepted",
    "denied",
    "counter_claim",
    "not_ours",
    "under_inquiry",
    "need_information",
    "joint_inquiry",
    "noted",
    "no_objection",
    "objection",
    "assurance",
)
SOURCE_CLASSES: Final = ("own_unit", "guarantor", "authority", "aid_organisation", "press", "civilian", "protected")
LINKS: Final = ("replies_to", "corrects", "withdraws", "same_incident", "counter_claim_to", "duplicate_of")

RECEIPTS_MOST: Final = 64  # cosignatures that one line check writes down

_LANGUAGE: Final = Text(35, re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"), "a language tag such as ps or fr")
_LINE: Final = Text(500)
_SHORT: Final = Text(100)
_PROSE: Final = Text()
_EVIDENCE: Final = Struct(
    {
        "name": Field(1, Text(255), required=True),
        "sha256": Field(2, Octets(32), required=True),
        "media_type": Field(3, _SHORT),
        "size": Field(4, Uint(limits.EVIDENCE_BYTES)),
        "captured_at": Field(5, Time()),
        "captured_by": Field(6, _LINE),
        "custody_note": Field(7, Text(2000)),
    }
)
_SOURCE: Final = Struct({"class": Field(1, Code(SOURCE_CLASSES), required=True), "text": Field(2, _LINE)}, bare=_LINE)

COMMON: Final[Mapping[str, Field]] = {
    "exercise": Field(EXERCISE, Flag(), required=True),
    "precedence": Field(2, Code(PRECEDENCES)),
    "re": Field(3, Many(Ref(), 1000, bare=True)),
    "links": Field(4, Many(Struct({"as": Field(1, Code(LINKS), required=True), "ref": Field(2, Ref(), required=True)}), 100)),
    "provisions": Field(5, Many(Text(32), 50)),
    "respond_by": Field(6, Time()),
    "embargo": Field(7, Time()),
    "language": Field(8, _LANGUAGE),
    "translations": Field(
        9,
        Many(
            Struct(
                {
                    "language": Field(1, _LANGUAGE, required=True),
                    "field": Field(2, _SHORT, required=True),
                    "text": Field(3, _PROSE, required=True),
                }
            ),
            40,
        ),
    ),
    "evidence": Field(10, Many(_EVIDENCE, 100)),
    "sources": Field(11, Many(_SOURCE, 50)),
}

_NOTIFICATION: Final[Mapping[str, Field]] = {
    "types": Field(16, Many(Text(3, re.compile(_TYPES), "a type of violation from A1 to J5"), 20), required=True),
    "occurred_from": Field(17, Time(), required=True),
    "occurred_to": Field(18, Time()),
    "occurred_precision": Field(19, Code(("exact", "hour", "day", "about"))),
    "ongoing": Field(20, Flag()),
    "place": Field(21, _LINE),
    "place_other": Field(22, _LINE),
    "location": Field(23, Position()),
    "location_precision": Field(24, Code(PRECISIONS)),
    "zone": Field(25, Code(("contact_line", "security_zone", "disengagement_area", "withdrawal_line", "none"))),
    "controlled_by": Field(26, Party()),
    "accused": Field(27, Party()),
    "accused_unit": Field(28, _LINE),
    "basis_of_attribution": Field(29, Code(("seen", "heard", "radar", "impact_analysis", "admission", "inference", "unknown"))),
    "direction": Field(30, Code(("incoming", "outgoing", "both", "lateral", "not_applicable"))),
    "bearing": Field(31, Uint(359)),
    "distance": Field(32, Uint(1_000_000)),
    "observer_position": Field(33, Position()),
    "means": Field(34, Many(_LINE, 20, bare=True)),
    "count": Field(35, Uint(1_000_000)),
    "count_unit": Field(36, Code(("round", "burst", "explosion", "crossing", "flight", "person", "vehicle"))),
    "count_quality": Field(37, Code(("exact", "at_least", "estimate"))),
    "how_observed": Field(38, _LINE),
    "casualties": Field(39, Casualties()),
    "damage": Field(40, Text(2000)),
    "protected_object": Field(41, _LINE),
    "present_situation": Field(42, Text(2000)),
    "own_fire_returned": Field(43, Flag()),
    "own_fire_ordered_by": Field(44, _LINE),
    "channel_tried_first": Field(45, Flag()),
    "request": Field(46, Many(Code(REQUESTS), len(REQUESTS), bare=True)),
    "steps_taken": Field(47, Text(2000)),
    "severity": Field(48, Code(("low", "moderate", "serious", "grave"))),
    "reporter_level": Field(49, _LINE),
    "confidence": Field(50, Code(("low", "medium", "high"))),
    "press_intention": Field(51, Code(("none", "after_reply", "at_time"))),
    "press_time": Field(52, Time()),
    "narrative": Field(53, _PROSE),
    "zone_id": Field(54, Text(32)),
}

_STATEMENT: Final[Mapping[str, Field]] = {
    "title": Field(16, _LINE),
    "text": Field(17, _PROSE, required=True),
    "type": Field(18, Code(("position", "clarification", "commitment", "condolence"))),
}

_REQUEST: Final[Mapping[str, Field]] = {
    "questions": Field(16, Many(Text(2000), 50), required=True),
    "text": Field(17, _PROSE),
}


@dataclass(frozen=True, slots=True)
class NotificationField:
    """A field of a notification, by its number; in JSON by its name."""

    def read(self, json: Json, names: Names) -> Value:
        field = _NOTIFICATION.get(json) or COMMON.get(json) if isinstance(json, str) else None
        if field is None:
            raise Wrong(f"the name of a field of a notification, not {quoted(str(json))}")
        return field.number

    def check(self, value: Value, names: Names) -> None:
        if type(value) is not int or value not in _NOTIFICATION_NAMES:
            raise Wrong("a field of a notification")

    def show(self, value: Value, names: Names) -> Json:
        return _NOTIFICATION_NAMES[value] if isinstance(value, int) else value


_NOTIFICATION_NAMES: Final = {field.number: name for name, field in {**COMMON, **_NOTIFICATION}.items()}

_REPLY: Final[Mapping[str, Field]] = {
    "stance": Field(16, Code(STANCES), required=True),
    "account": Field(17, _PROSE),
    "agreed": Field(18, Many(NotificationField(), 64)),
    "disputed": Field(19, Many(NotificationField(), 64)),
    "orders": Field(20, Text(2000)),
    "discipline": Field(21, Text(2000)),
    "remedy": Field(22, Text(2000)),
    "remedy_by": Field(23, Time()),
    "joint_inquiry": Field(24, Struct({"when": Field(1, Time()), "where": Field(2, _LINE), "safe_passage": Field(3, Text(2000))})),
    "new_respond_by": Field(25, Time()),
    "publish": Field(26, Code(("both", "ours_only", "none"))),
    "answers": Field(
        27,
        Many(Struct({"question": Field(1, Uint(50), required=True), "text": Field(2, Text(4000), required=True)}), 50),
    ),
    "reason": Field(28, Text(2000)),
    "until": Field(29, Time()),
}

_LINE_CHECK: Final[Mapping[str, Field]] = {
    "receipts": Field(
        16,
        Many(
            Struct(
                {
                    "log": Field(1, LogNumber(), required=True),
                    "size": Field(2, Uint(2**63 - 1), required=True),
                    "by": Field(3, Cosigner(), required=True),
                    "kind": Field(4, Uint(255), required=True),
                    "time": Field(5, Time(), required=True),
                    "signature": Field(6, Octets(0, hexadecimal=False), required=True),
                }
            ),
            RECEIPTS_MOST,
        ),
    ),
    "evidence_held": Field(17, Many(Octets(32), 500)),
}

_ACKNOWLEDGEMENT: Final[Mapping[str, Field]] = {
    "state": Field(16, Code(("read",))),
    "watch": Field(17, Flag()),
    "on_duty": Field(18, Many(_SHORT, 20)),
    "nothing_to_report": Field(19, Flag()),
}


def _place_needed(body: Body) -> None:
    if 21 not in body and 23 not in body:
        raise Wrong("place or location")
    precision = body.get(24)
    for number in (23, 33):
        if number in body:
            if not isinstance(precision, int):
                raise Wrong("location_precision")
            if rounded(body[number], PRECISION_UNITS[PRECISIONS[precision - 1]]) != body[number]:
                raise Wrong("a position rounded to its location_precision")


def _times_in_order(body: Body) -> None:
    start, end = body.get(17), body.get(18)
    if isinstance(start, int) and isinstance(end, int) and end < start:
        raise Wrong("occurred_to: a time not before occurred_from")
    if (body.get(51) == 3) != (52 in body):
        raise Wrong("press_time: with press_intention at_time, and only then")


def _re_needed(body: Body) -> None:
    if 3 not in body:
        raise Wrong("re")


def _agreed_or_disputed(body: Body) -> None:
    agreed, disputed = body.get(18), body.get(19)
    if isinstance(agreed, list) and isinstance(disputed, list) and any(field in disputed for field in agreed):
        raise Wrong("disputed: only fields that are not agreed")


def _read_or_watch(body: Body) -> None:
    if (16 in body) == (17 in body):
        raise Wrong("state (read) or watch (true), one of them")
    if 16 in body:
        _re_needed(body)
    if body.get(17) is False:
        raise Wrong("watch: true")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind's name, number, own fields, and rules between fields, which raise Wrong."""

    name: str
    number: int
    fields: Mapping[str, Field]
    rules: tuple[Callable[[Body], None], ...] = ()

    @property
    def all_fields(self) -> dict[str, Field]:
        """Common and own fields by name."""
        return {**COMMON, **self.fields}


UNDERSTOOD: Final[Mapping[int, Kind]] = {
    kind.number: kind
    for kind in (
        Kind("notification", 1, _NOTIFICATION, (_place_needed, _times_in_order)),
        Kind("statement", 2, _STATEMENT),
        Kind("request", 3, _REQUEST),
        Kind("reply", 4, _REPLY, (_re_needed, _agreed_or_disputed)),
        Kind("line_check", 11, _LINE_CHECK),
        Kind("acknowledgement", 13, _ACKNOWLEDGEMENT, (_read_or_watch,)),
    )
}
# Kinds that say nothing of substance: no charter can forbid them, and every role sends them.
ALWAYS: Final = frozenset({KINDS["line_check"], KINDS["acknowledgement"], KINDS["keys"]})
OBSERVER_KINDS: Final = ALWAYS | {KINDS["channel_status"]}
GUARANTOR_NEVER: Final = frozenset({KINDS["amendment"], KINDS["reply"]})

_BY_NUMBER: Final[Mapping[int, Mapping[int, tuple[str, Field]]]] = {
    number: {field.number: (name, field) for name, field in kind.all_fields.items()} for number, kind in UNDERSTOOD.items()
}


def kind_name(number: int) -> str:
    """The kind's name, or `kind_99` for one this version does not know."""
    return KIND_NAMES.get(number, f"kind_{number}")


def read_body(kind: Kind, json: Json, names: Names, *, exercise: bool) -> Body:
    """A body from a person's JSON: names to numbers, codes, times; positions rounded to their precision (default near).

    Raises LocalError json.malformed, field.unknown, body.schema.
    """
    if not isinstance(json, dict):
        raise LocalError("json.malformed", "an object with the message's fields is expected")
    fields = kind.all_fields
    for name in json:
        if name not in fields:
            close = difflib.get_close_matches(name, fields, 1)
            raise LocalError("field.unknown", quoted(name) + (f"; perhaps {close[0]}" if close else ""))
    body: Body = {RELEASES: [], EXERCISE: exercise}
    try:
        for name, value in json.items():
            if value is not None and (name, value) != ("sources", []):  # no sources: "no source given", as without the field
                body[fields[name].number] = _at(name, fields[name].type, value, names)
        if kind.number == KINDS["notification"]:
            _round_positions(body)
        check_schema(kind.number, body, names)
    except Wrong as wrong:
        raise LocalError("body.schema", f"{kind.name}: {wrong}") from None
    return dict(sorted(body.items()))


def _at(name: str, type_: FieldType, value: Json, names: Names) -> Value:
    try:
        return type_.read(value, names)
    except Wrong as wrong:
        raise Wrong(f"{name}: {wrong}") from None


def _round_positions(body: Body) -> None:
    if 23 in body or 33 in body:
        precision = body.setdefault(24, PRECISIONS.index("near") + 1)
        unit = PRECISION_UNITS[PRECISIONS[precision - 1]] if isinstance(precision, int) else 1
        for number in (23, 33):
            if number in body:
                body[number] = rounded(body[number], unit)


def check_types(kind: int, body: Body, names: Names) -> None:
    """Whether each field is of its type, some perhaps missing; fields the kind does not list are passed over. Raises Wrong."""
    known = _BY_NUMBER[kind]
    for number, value in body.items():
        if number in known:
            name, field = known[number]
            try:
                field.type.check(value, names)
            except Wrong as wrong:
                raise Wrong(f"{name}: {wrong}") from None


def check_schema(kind: int, body: Body, names: Names) -> None:
    """Whether a body has what its kind asks for: `check_types`, what is required, and the rules between fields. Raises Wrong."""
    check_types(kind, body, names)
    for number, (name, field) in _BY_NUMBER[kind].items():
        if field.required and number not in body:
            raise Wrong(f"{name} is missing")
    for rule in UNDERSTOOD[kind].rules:
        rule(body)


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
            if field is None:
                raise Wrong("")
            field.type.check(value, names)
            shown[name] = field.type.show(value, names)
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
