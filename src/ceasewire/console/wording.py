"""A message's fields as a page shows them: what each value is, by the schema of its kind, so that its words, times and names can be said in
the reader's language and calendar. Nothing is left out: a field that this version does not know is shown as it is.

`templates/words.html` writes a `Value` down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..record.bodies import Source
from ..record.fields import (
    Code,
    Field,
    FieldType,
    Flag,
    Json,
    Many,
    Octets,
    Party,
    Position,
    Ref,
    Struct,
    Text,
    Time,
    Uint,
    Wrong,
    parse_time,
)
from ..record.kinds import KINDS, UNDERSTOOD
from ..record.phrases import PHRASES
from ..record.saying import coded, texts
from ..record.special import Casualties, Cosigner, Estimate, FieldNumber, LogNumber
from ..record.text import MARKS, canonical_digits, marks
from ..record.words import VIOLATIONS
from .labels import label

PLACES: Final = frozenset({"place", "place_other", "area", "where"})
_APART: Final = frozenset({"exercise", "precedence", "releases", "historical"})  # which a page shows elsewhere
_LAST: Final = ("sources", "evidence", "links", "provisions", "respond_by", "embargo", "language", "translations")
_BRIEF: Final = 110  # characters of a text in a line of a list


@dataclass(frozen=True, slots=True)
class Value:
    """`how` it is written: text, code (a word of the list `of`), violation, phrase, time, party, place, number, flag, ref, hash, position
    (with `of`, its precision), estimate, list (of `items`), map (of labelled `items`), none."""

    how: str
    value: Json = None
    of: str = ""
    items: tuple[Value, ...] = ()
    labels: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One field: its name in JSON, and its value."""

    name: str
    value: Value


NONE: Final = Value("none")


def lines(kind: str, body: Mapping[str, Json]) -> list[Line]:
    """Every field of a body but those that a page shows apart, what the kind says first."""
    names = [name for name in body if name not in _APART and name not in _LAST and name != "location_precision"]
    if "location_precision" in body and not {"location", "observer_position", "route"} & body.keys():
        names.append("location_precision")
    order = list(_schema(kind))
    names.sort(key=lambda name: (name != "re", order.index(name) if name in order else len(order)))
    return [Line(name, field(kind, name, body)) for name in (*names, *(name for name in _LAST if name in body))]


def field(kind: str, name: str, body: Mapping[str, Json]) -> Value:
    """One field of a body, by its kind's schema. A field that is not there is `none`."""
    value = body.get(name)
    if value is None:
        return NONE
    known = _schema(kind)
    if name not in known:
        return _any(value)
    try:
        if kind == "correction" and name in ("fields", "removed"):
            return _corrected(name, value, str(body.get("of", "")))
        made = _said(name, known[name].type, value)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):  # not of its type: it is shown as it is
        return _any(value)
    precision = body.get("location_precision")
    return Value(made.how, made.value, str(precision or ""), made.items) if made.how in ("position", "list") and _is_placed(name) else made


def _schema(kind: str) -> Mapping[str, Field]:
    """The fields of a kind by name; none of one that this version does not know."""
    return UNDERSTOOD[KINDS[kind]].all_fields if kind in KINDS else {}


def _is_placed(name: str) -> bool:
    return name in ("location", "observer_position", "route")


def _corrected(name: str, value: Json, of: str) -> Value:
    if name == "removed":
        return Value("list", items=tuple(Value("code", one, "field") for one in value))
    return _map((Value("code", one, "field"), field(of, one, value)) for one in value)


def _map(pairs: Iterable[tuple[Value, Value]]) -> Value:
    found = list(pairs)
    return Value("map", labels=tuple(label for label, _ in found), items=tuple(value for _, value in found))


def _said(name: str, type_: FieldType, value: Json) -> Value:
    """A value by its type."""
    if name == "phrase":
        return Value("phrase", value) if isinstance(value, str) and value in PHRASES else _any(value)
    found = next((make for types, make in _BY_TYPE if isinstance(type_, types)), None)
    return found(name, type_, value) if found else _any(value)


def _text(name: str, _: FieldType, value: Json) -> Value:
    if not isinstance(value, str):
        return _any(value)
    if name == "types":
        return Value("violation", value) if value in VIOLATIONS else Value("text", value)
    return Value("place" if name in PLACES else "text", value)


def _many(name: str, type_: FieldType, value: Json) -> Value:
    item = type_.item  # type: ignore[attr-defined]
    if not isinstance(value, list) or (isinstance(item, Position) and value and not isinstance(value[0], list)):
        return _said(name, item, value)
    return Value("list", value if name == "questions" else None, items=tuple(_said(name, item, one) for one in value))


def _struct(name: str, type_: FieldType, value: Json) -> Value:
    if not isinstance(value, dict):
        return Value("text", value)
    fields = type_.fields  # type: ignore[attr-defined]
    return _map((Value("code", part, "field"), _said(part, fields[part].type, one)) for part, one in value.items())


def _source(_name: str, _type: FieldType, value: Json) -> Value:
    if not isinstance(value, dict):
        return Value("text", value)
    said = [Value("code", value["class"], "class"), *([Value("text", value["text"])] if "text" in value else [])]
    return Value("colon", items=tuple(said))


def _casualties(_name: str, _type: FieldType, value: Json) -> Value:
    def harms(found: Mapping[str, Json]) -> Value:
        return _map((Value("code", harm, "field"), _ESTIMATE(harm, _type, figures)) for harm, figures in found.items())

    special = ("civilians", "unattributed")
    return _map(
        (Value("code", group, "casualties") if group in special else Value("party", group), harms(found)) for group, found in value.items()
    )


def _as(how: str, fits: Callable[[Json], bool], of: Callable[[str], str] = lambda name: "") -> Callable[[str, FieldType, Json], Value]:
    """Values of one shape; one that does not fit, in a message that is void for it, is shown as it is."""
    return lambda name, type_, value: Value(how, value, of(name)) if fits(value) else _any(value)


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_whole(value: Json) -> bool:
    return type(value) is int


def _is_time(value: Json) -> bool:
    try:
        parse_time(value)
    except Wrong:
        return False
    return True


def _are_numbers(count: int) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, list) and len(value) == count and all(type(one) in (int, float) for one in value)


_ESTIMATE: Final = _as("estimate", _are_numbers(3))
_BY_TYPE: Final[tuple[tuple[tuple[type, ...], Callable[[str, FieldType, Json], Value]], ...]] = (
    ((Many,), _many),
    ((Struct,), _struct),
    ((Source,), _source),
    ((Code,), _as("code", _is_text, lambda name: name)),
    ((Time,), _as("time", _is_time)),
    ((Party,), _as("party", _is_text)),
    ((Ref,), _as("ref", _is_text)),
    ((Position,), _as("position", _are_numbers(2))),
    ((Flag,), _as("flag", lambda value: isinstance(value, bool))),
    ((Uint,), _as("number", _is_whole)),
    ((Octets,), _as("hash", _is_text)),
    ((Estimate,), _ESTIMATE),
    ((Casualties,), _casualties),
    ((FieldNumber,), _as("code", _is_text, lambda name: "field")),
    ((Cosigner, LogNumber), _as("party", _is_text)),
    ((Text,), _text),
)


def _any(value: Json) -> Value:
    """A value of which no more is known than that it is JSON."""
    if isinstance(value, bool):
        return Value("flag", value)
    if isinstance(value, dict):
        return _map((Value("code", str(name), "field"), _any(one)) for name, one in value.items())
    if isinstance(value, list):
        return Value("list", items=tuple(map(_any, value)))
    return NONE if value is None else Value("number" if isinstance(value, int) else "text", value)


# --- In a line ---

_HEADLINES: Final[Mapping[str, tuple[str, ...]]] = {
    "notification": ("types", "place", "location", "narrative"),
    "reply": ("stance", "account", "answers"),
    "statement": ("title", "text"),
    "request": ("questions",),
    "notice": ("activity", "phase", "area", "location", "window_from", "window_to"),
    "finding": ("finding", "confidence", "narrative"),
    "flash": ("phrase", "place", "location", "text"),
    "evidence": ("evidence", "text"),
    "correction": ("fields", "removed", "reason"),
    "withdrawal": ("reason",),
    "channel_status": ("status", "from", "until", "duty_telephone", "reason"),
    "acknowledgement": ("state", "watch"),
    "keys": ("reason", "officers", "duty_telephone", "url"),
    "amendment": ("text",),
    "closing": ("text",),
}
_ENOUGH: Final = 3


def headline(kind: str, body: Mapping[str, Json]) -> list[Value]:
    """The first things that a message says, for a line of a list."""
    found = []
    for name in _HEADLINES.get(kind, ("text",)):
        if body.get(name) in (None, [], "", {}) or (name == "location" and body.get("place")):
            continue
        found.append(_brief(name, field(kind, name, body), body))
    return found[: _ENOUGH + 1 if kind == "notice" else _ENOUGH]


def _brief(name: str, value: Value, body: Mapping[str, Json]) -> Value:
    if name == "evidence":
        return _brief("", Value("text", ", ".join(str(one.get("name", "")) for one in body[name] if isinstance(one, dict))), body)
    if name == "answers":
        return _brief("", Value("text", "; ".join(str(one.get("text", "")) for one in body[name] if isinstance(one, dict))), body)
    if name == "watch":
        return Value("code", "a person has begun a shift", "watch")
    if value.how == "map":
        return Value("list", items=value.labels)
    if value.how == "list":
        return Value("list", items=tuple(_brief("", one, body) for one in value.items[:4]))
    if value.how == "text":
        text = " ".join(str(value.value).split())
        return Value("text", text if len(text) <= _BRIEF else text[: _BRIEF - 1] + "…")
    return value


# --- A reply's stance ---

_TWINS: Final = re.compile(r"agrees that (\S+) and (\S+) are one")
_DATE: Final = re.compile(r"accepts the new date (\S+)")


def stance_parts(stance: str, said: str | None) -> list[tuple[str, tuple[str, ...]]]:
    """A reply's stance as sentences of a catalogue, each with what stands in its places; `said` as saying.stance_in_words says it."""
    if not said or said == coded(stance):
        return [(label(stance, "stance"), ())]
    return [_stance(one) for one in said.split("; ")]


def _stance(one: str) -> tuple[str, tuple[str, ...]]:
    if found := _TWINS.fullmatch(one):
        return "agrees that %(a)s and %(b)s are one", (found[1], found[2])
    if found := _DATE.fullmatch(one):
        return "accepts the new date %(a)s", (found[1],)
    return one, ()


# --- With care ---


@dataclass(frozen=True, slots=True)
class Care:
    """What a reader of a message's texts would miss: a kind of `text.MARKS`, how often, the code points, and numbers as they read."""

    kind: str
    count: int
    points: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...] = ()


def cares(body: Mapping[str, Json]) -> list[Care]:
    """All of it, in the order of MARKS."""
    said = [text for name, value in body.items() if name not in ("re", "links") for text in texts(value)]
    found = [mark for text in said for mark in marks(text)]
    made = []
    for kind in MARKS:
        of_kind = [mark for mark in found if mark.kind == kind]
        if of_kind:
            points = sorted({point for mark in of_kind for point in mark.points})
            numbers = _numbers(said) if kind == "other_digits" else ()
            made.append(Care(kind, sum(mark.count for mark in of_kind), tuple(f"U+{point:04X}" for point in points[:12]), numbers))
    return made


def _numbers(said: Iterable[str]) -> tuple[tuple[str, str], ...]:
    words = (word for text in said for word in text.split() if canonical_digits(word) != word)
    return tuple((word, canonical_digits(word)) for word in dict.fromkeys(words))[:12]
