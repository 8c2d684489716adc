"""Forms made from the table of kinds: what was typed becomes the JSON that `ceasewire send` takes, and such JSON becomes what stands in the
form. form_parts.py makes from the same types what a page shows.

Each value has a path of names and numbers: `f.place`, `f.answers.2.text`, `f.casualties.civilians.killed.best`. `f` are the fields of the
message, `c` those that a correction replaces. What is not of its type is told beside its path; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..record.bodies import Kind, Source
from ..record.bodies_incident import NOTIFICATION_FIELD, VIOLATION
from ..record.fields import Code, Field, FieldType, Flag, Json, Many, Names, Octets, Party, Position, Ref, Struct, Text, Time, Uint, Wrong
from ..record.special import Casualties, Estimate, FieldNumber
from ..record.text import canonical_digits
from . import moments, places

Given: TypeAlias = Mapping[str, Sequence[str]]
Filled: TypeAlias = dict[str, list[str]]

HARMS: Final = ("killed", "wounded", "missing", "detained")
ESTIMATE: Final = ("low", "best", "high")
NO_SOURCE: Final = "none"  # chosen in place of the first source's class: nobody is named, and that is meant
CLAIMS: Final = frozenset({"notification", "finding"})  # kinds whose lack of sources must be chosen
APART: Final = frozenset({("reply", "agreed"), ("reply", "disputed")})  # one choice a fact, under `f.fact.NAME`
_AUTO: Final = frozenset({"exercise", "of"})  # required, and known without being asked
_SILENT: Final = frozenset({"question"})  # a number that stands in a row before anybody types
_YES, _NO = "yes", "no"


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


MISSING: Final = _("This is missing.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with something that was typed; `text` a sentence of the catalogues, `values` what stands in it."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Around:
    """What a form must know of its channel. `parties` (slug, name) and `provisions` (id, text) as the charter lists them, `zones` its
    zones' ids; `zone` that of times that are typed without one; `now` POSIX seconds, also what an empty time of an event means."""

    names: Names
    parties: tuple[tuple[str, str], ...]
    provisions: tuple[tuple[str, str], ...] = ()
    zones: tuple[tuple[str, str], ...] = ()
    zone: str = "+00:00"
    now: int = 0

    @property
    def groups(self) -> tuple[str, ...]:
        """Whose casualties are counted."""
        return ("civilians", "unattributed", *(slug for slug, _ in self.parties))


@dataclass(slots=True)
class Reading:
    """What was typed into one form, while it is read. `troubles` by path; `squares` the grid squares that were typed, by path."""

    given: Given
    around: Around
    troubles: dict[str, Trouble] = field(default_factory=dict)
    squares: dict[str, int] = field(default_factory=dict)

    def raw(self, path: str) -> str:
        """The one value of a path, with the line ends of a message."""
        found = self.given.get(path) or [""]
        return found[0].replace("\r\n", "\n").replace("\r", "\n")

    def plain(self, path: str) -> str:
        """The same of something that is no prose: without the space around it, in the figures 0 to 9."""
        return canonical_digits(self.raw(path).strip())

    def fail(self, path: str, text: str, **values: object) -> None:
        """Remember the first thing that is wrong there; gives nothing."""
        self.troubles.setdefault(path, Trouble(text, values))

    # --- One value ---

    def value(self, type_: FieldType, path: str) -> Json:
        """The JSON of what stands at a path; None for nothing, or nothing that is right."""
        found = self._value(type_, path)
        if found is None or self.wrong_at(path):
            return None
        try:
            type_.read(found, self.around.names)
        except Wrong as wrong:
            self._refuse(type_, path, wrong)
            return None
        return found

    def wrong_at(self, path: str) -> bool:
        """Whether something is wrong at a path or below it."""
        return any(one == path or one.startswith(f"{path}.") for one in self.troubles)

    def _refuse(self, type_: FieldType, path: str, wrong: Wrong) -> None:
        if isinstance(type_, Text) and len(self.raw(path).encode()) > type_.most:
            over = len(self.raw(path).encode()) - type_.most
            return self.fail(path, _("Too long by %(over)s bytes; there is room for %(most)s."), over=over, most=type_.most)
        if isinstance(type_, Uint):
            return self.fail(path, _("A whole number from 0 to %(most)s."), most=type_.most)
        return self.fail(path, _("What is needed here: %(what)s."), what=str(wrong))

    def _value(self, type_: FieldType, path: str) -> Json:
        match type_:
            case Text() | Octets():
                return self._text(type_, path)
            case Code() | Party() | FieldNumber():
                return self.raw(path) or None
            case Flag():
                return {_YES: True, _NO: False}.get(self.raw(path))
            case Uint():
                return self._number(path)
            case Time():
                return self._time(path)
            case Position():
                return self._position(path)
            case Ref():
                return self.plain(path) or None
            case Many():
                return self._many(type_, path)
            case Source(given=given):
                return self._source(given, path)
            case Struct():
                return self._struct(type_, path)
            case Estimate():
                return self._estimate(path)
            case Casualties():
                return self._casualties(path)
        raise TypeError(f"no form has a {type_}")

    def _text(self, type_: Text | Octets, path: str) -> str | None:
        found = self.raw(path)
        if isinstance(type_, Octets):
            found = re.sub(r"[\s:]+", "", found).lower() if type_.hexadecimal else found.strip()
        elif type_.pattern:
            found = found.strip()
        return found if found.strip() else None

    def _number(self, path: str) -> int | None:
        found = self.plain(path)
        if not found:
            return None
        if not (found.isdecimal() and len(found) <= 18):
            self.fail(path, _("A whole number, in figures alone."))
            return None
        return int(found)

    def _time(self, path: str) -> str | None:
        found = self.raw(path).strip()
        if not found:
            return None
        try:
            return moments.read(found, self.around.zone, self.around.now)
        except moments.NoTime:
            self.fail(path, _("A time such as 2026-11-23 14:05."))
            return None

    def _position(self, path: str) -> Json:
        reference, north, east = (self.raw(f"{path}.{name}").strip() for name in ("grid", "lat", "lon"))
        if not (reference or north or east):
            return None
        if reference and (north or east):
            self.fail(path, _("Give the grid reference, or latitude and longitude, not both."))
            return None
        try:
            return self._placed(path, places.grid(reference) if reference else places.degrees(north, east))
        except places.NoPlace as error:
            self.fail(path, str(error))
            return None

    def _placed(self, path: str, place: places.Place) -> list[float]:
        if place.square is not None:
            self.squares[path] = max(place.square, self.squares.get(path, 0))
        return place.json

    def _estimate(self, path: str) -> Json:
        low, best, high = (self._number(f"{path}.{name}") for name in ESTIMATE)
        if low is None and best is None and high is None:
            return None
        if best is not None and low is None and high is None:
            return [best, best, best]
        if low is None or best is None or high is None:
            self.fail(path, _("Lowest, best and highest figure, or the best alone."))
            return None
        return [low, best, high]

    def _casualties(self, path: str) -> Json:
        found = {}
        for group in self.around.groups:
            harms = {harm: self.value(Estimate(), f"{path}.{group}.{harm}") for harm in HARMS}
            there = {harm: figures for harm, figures in harms.items() if figures is not None}
            if there:
                found[group] = there
        return found or None

    # --- Several ---

    def _many(self, type_: Many, path: str) -> Json:
        found = self._items(type_.item, path)
        if len(found) > type_.most:
            self.fail(path, _("At most %(most)s."), most=type_.most)
        if not found:
            return None
        return found[0] if type_.bare and len(found) == 1 and isinstance(type_.item, Ref) else found

    def _items(self, item: FieldType, path: str) -> list[Json]:
        match item:
            case Code() | Party() | FieldNumber():
                return self._chosen(path)
            case Text() if item is VIOLATION:
                return self._chosen(path)
            case Ref():
                return [one for one in re.split(r"[\s,;]+", self.plain(path)) if one]
            case Position():
                return self._route(path)
            case Octets():
                return [re.sub(r"[\s:]+", "", one).lower() for one in self.raw(path).split("\n") if one.strip()]
        return [one for row in self.rows(path) if (one := self.value(item, row)) is not None]

    def _chosen(self, path: str) -> list[Json]:
        return list(dict.fromkeys(one for one in self.given.get(path, ()) if one))

    def _route(self, path: str) -> list[Json]:
        found = []
        for number, line in enumerate(filter(str.strip, self.raw(path).split("\n")), 1):
            try:
                found.append(self._placed(path, places.either(line)))
            except places.NoPlace as error:
                self.fail(
                    path, _("Line %(line)s cannot be read: a grid reference, or latitude and longitude."), line=number, why=str(error)
                )
        return found

    def rows(self, path: str) -> list[str]:
        """The paths of the rows below a path of which anything was sent, in the order of their numbers."""
        start = re.compile(re.escape(path) + r"\.(\d{1,4})(?:\.|$)", re.ASCII)
        numbers = {int(match[1]) for name in self.given if (match := start.match(name))}
        return [f"{path}.{number}" for number in sorted(numbers)]

    def _struct(self, type_: Struct, path: str) -> Json:
        found = {name: one for name, part in type_.fields.items() if (one := self.value(part.type, f"{path}.{name}")) is not None}
        if not found.keys() - _SILENT:
            return None
        for name, part in type_.fields.items():
            if part.required and name not in found:
                self.fail(f"{path}.{name}", MISSING)
        return found

    def _source(self, given: Struct, path: str) -> Json:
        if self.raw(f"{path}.class") == NO_SOURCE:
            if self.raw(f"{path}.text").strip():
                self.fail(path, _("A source is named beside “no source given”: choose one of them."))
            return None
        text = self.value(given.fields["text"].type, f"{path}.text")
        if not self.raw(f"{path}.class"):
            return text
        found = self._struct(given, path)
        if found and found.get("class") == "protected" and text is not None:
            self.fail(path, _("A protected source has no name here: what is sent can never be taken back. Leave the words out."))
        return found

    # --- A whole form ---

    def fields(self, fields: Mapping[str, Field], prefix: str, kind: str, without: Iterable[str] = ()) -> dict[str, Json]:
        """The JSON of all fields but `without`. What is required and not there is a trouble."""
        found: dict[str, Json] = {}
        for name, one in fields.items():
            if name in without:
                continue
            path = f"{prefix}.{name}"
            value = self._apart(name) if (kind, name) in APART else self.value(one.type, path)
            if value is not None:
                found[name] = value
            elif one.required and name not in _AUTO and not self.wrong_at(path):
                self.fail(path, MISSING)
        if "sources" not in without:
            self._sources(found, prefix, kind)
        return found

    def _apart(self, name: str) -> Json:
        """The facts that a reply agrees to, or disputes."""
        start = "f.fact."
        chosen = {path.removeprefix(start) for path in self.given if path.startswith(start) and self.raw(path) == name}
        known = [fact for fact in NOTIFICATION_FIELD.numbers if fact in chosen]
        return [*known, *sorted(chosen.difference(known))] or None

    def _sources(self, found: dict[str, Json], prefix: str, kind: str) -> None:
        path = f"{prefix}.sources"
        none = self.raw(f"{path}.0.class") == NO_SOURCE
        if none and found.get("sources"):
            self.fail(path, _("A source is named beside “no source given”: choose one of them."))
        elif none:
            found["sources"] = []
        elif kind in CLAIMS and prefix == "f" and "sources" not in found and not self.wrong_at(path):
            self.fail(path, _("Say who says so, or choose that no source is given."))

    def message(self, kind: Kind) -> dict[str, Json]:
        """The JSON of a message of a kind, as far as what was typed is right."""
        found = self.fields(kind.all_fields, "f", kind.name)
        self.squared(kind, found, "f")
        return found

    def squared(self, kind: Kind, found: Mapping[str, Json], prefix: str) -> None:
        """A grid reference of a large square must not become a fine position."""
        if kind.placed is None:
            return
        precision = str(found.get("location_precision") or "near")
        for path, square in self.squares.items():
            if path.startswith(f"{prefix}.") and square > places.LARGEST_SQUARE[precision]:
                text = _("This names a square of %(km)s km. Choose a coarser precision, or give more figures.")
                self.fail(path, text, km=square // 1000)


# --- From JSON to what stands in the form ---


def fill(type_: FieldType, path: str, json: Json) -> Filled:
    """What stands in the form where it says `json`."""
    match type_:
        case Flag():
            return {path: [_YES if json else _NO]}
        case Time():
            return {path: [moments.typed(json)]}
        case Position():
            return {f"{path}.lat": [_degrees(json[0])], f"{path}.lon": [_degrees(json[1])]}
        case Many(item=item):
            return _fill_many(item, path, json)
        case Source():
            found = {"text": json} if isinstance(json, str) else json
            return {f"{path}.{name}": [one] for name, one in found.items()}
        case Struct(fields=fields):
            return _joined(fill(fields[name].type, f"{path}.{name}", one) for name, one in json.items())
        case Estimate():
            return {f"{path}.{name}": [str(one)] for name, one in zip(ESTIMATE, json, strict=True)}
        case Casualties():
            rows = ((f"{path}.{group}.{harm}", one) for group, harms in json.items() for harm, one in harms.items())
            return _joined(fill(Estimate(), where, one) for where, one in rows)
    return {path: [str(json)]}


def _fill_many(item: FieldType, path: str, json: Json) -> Filled:
    found = json if isinstance(json, list) else [json]
    match item:
        case Code() | Party() | FieldNumber():
            return {path: list(found)}
        case Text() if item is VIOLATION:
            return {path: list(found)}
        case Ref():
            return {path: [" ".join(found)]}
        case Position():
            points = found if found and isinstance(found[0], list) else [found]
            return {path: ["\n".join(f"{_degrees(one[0])}, {_degrees(one[1])}" for one in points)]}
        case Octets():
            return {path: ["\n".join(found)]}
    return _joined(fill(item, f"{path}.{number}", one) for number, one in enumerate(found))


def _degrees(number: float) -> str:
    """As people write it: never with an exponent."""
    return f"{number:.5f}".rstrip("0").rstrip(".")


def _joined(parts: Iterable[Filled]) -> Filled:
    return {path: values for part in parts for path, values in part.items()}


def filled(fields: Mapping[str, Field], prefix: str, kind: str, json: Mapping[str, Json]) -> Filled:
    """What stands in a form of these fields where the message says `json`."""
    found: Filled = {}
    for name, one in json.items():
        if name not in fields or one is None:
            continue
        if (kind, name) in APART:
            found |= {f"f.fact.{fact}": [name] for fact in one}
        elif name == "sources" and not one:
            found[f"{prefix}.sources.0.class"] = [NO_SOURCE]
        else:
            found |= fill(fields[name].type, f"{prefix}.{name}", one)
    return found
