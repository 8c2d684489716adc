"""What a kind is, the fields common to all kinds, and the rules that more than one kind follows. spec/entry.md.

Fields 0 to 15 are common to all kinds, 16 to 63 a kind's own. A field that a kind does not list is kept and shown as not understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from .. import limits
from .encoding import Value
from .fields import Code, Field, Flag, Many, Octets, Ref, Struct, Text, Time, Uint, items_of, missing, rounded
from .message import EXERCISE, Body
from .notation import Json, Names, Wrong
from .words import LINKS, PRECEDENCES, PRECISION_UNITS, PRECISIONS, SOURCE_CLASSES

Rule: TypeAlias = Callable[[Body], None]  # between fields; raises Wrong

RE: Final = 3
LINKED: Final = 4
HISTORICAL: Final = 12

LANGUAGE: Final = Text(35, re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"), "a language tag such as ps or fr", "ps")
LINE: Final = Text(500)
SHORT: Final = Text(100)
NOTE: Final = Text(2000)
PROSE: Final = Text()
PRECISION: Final = Code(PRECISIONS)
EVIDENCE: Final = Struct(
    {
        "name": Field(1, Text(255), required=True),
        "sha256": Field(2, Octets(32), required=True),
        "media_type": Field(3, SHORT),
        "size": Field(4, Uint(limits.EVIDENCE_BYTES)),
        "captured_at": Field(5, Time()),
        "captured_by": Field(6, LINE),
        "custody_note": Field(7, NOTE),
    }
)
_SOURCE: Final = Struct({"class": Field(1, Code(SOURCE_CLASSES), required=True), "text": Field(2, LINE)}, bare=LINE)
_PROTECTED: Final = SOURCE_CLASSES.index("protected") + 1


@dataclass(frozen=True, slots=True)
class Source:
    """Who says so: a class with a few words, or the words alone. A protected source has no words: they might be a name."""

    given: Struct

    def read(self, json: Json, names: Names) -> Value:
        value = self.given.read(json, names)
        self._nameless(value)
        return value

    def check(self, value: Value, names: Names) -> None:
        self.given.check(value, names)
        self._nameless(value)

    @staticmethod
    def _nameless(value: Value) -> None:
        if isinstance(value, dict) and value.get(1) == _PROTECTED and 2 in value:
            raise Wrong("a protected source without text: what is sent can never be taken back, so leave out who it is")

    def show(self, value: Value, names: Names) -> Json:
        return self.given.show(value, names)


COMMON: Final[Mapping[str, Field]] = {
    "exercise": Field(EXERCISE, Flag(), required=True),
    "precedence": Field(2, Code(PRECEDENCES)),
    "re": Field(RE, Many(Ref(), 1000, bare=True)),
    "links": Field(LINKED, Many(Struct({"as": Field(1, Code(LINKS), required=True), "ref": Field(2, Ref(), required=True)}), 100)),
    "provisions": Field(5, Many(Text(32), 50)),
    "respond_by": Field(6, Time()),
    "embargo": Field(7, Time()),
    "language": Field(8, LANGUAGE),
    "translations": Field(
        9,
        Many(
            Struct(
                {
                    "language": Field(1, LANGUAGE, required=True),
                    "field": Field(2, SHORT, required=True),
                    "text": Field(3, PROSE, required=True),
                }
            ),
            40,
        ),
    ),
    "evidence": Field(10, Many(EVIDENCE, 100)),
    "sources": Field(11, Many(Source(_SOURCE), 50)),
    "historical": Field(HISTORICAL, Flag()),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a kind's positions stand: the field of their precision, fields of one position, fields of many."""

    precision: int
    points: tuple[int, ...]
    routes: tuple[int, ...] = ()

    def there(self, body: Mapping[int, Value]) -> Iterator[int]:
        """The numbers of the fields with positions that are in the body."""
        return (number for number in (*self.points, *self.routes) if number in body)

    def coarse(self, number: int, value: Value, unit: int) -> Value:
        """The positions of a field, rounded to `unit` (1e-5 degree)."""
        return [rounded(point, unit) for point in items_of(value)] if number in self.routes else rounded(value, unit)

    def unit(self, precision: Value) -> int:
        """The unit behind a code of precision, in 1e-5 degree. Raises Wrong."""
        if type(precision) is not int or not 1 <= precision <= len(PRECISIONS):
            raise Wrong("location_precision")
        return PRECISION_UNITS[PRECISIONS[precision - 1]]

    def round(self, body: Body) -> None:
        """Round the body's positions to its precision, before signing; near where none is stated. Raises Wrong."""
        found = list(self.there(body))
        if found:
            unit = self.unit(body.setdefault(self.precision, PRECISIONS.index("near") + 1))
            body.update({number: self.coarse(number, body[number], unit) for number in found})

    def check(self, body: Mapping[int, Value]) -> None:
        """No position is finer than its stated precision, and none is without one. Raises Wrong."""
        for number in self.there(body):
            if self.coarse(number, body[number], self.unit(body.get(self.precision))) != body[number]:
                raise Wrong("a position rounded to its location_precision")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind's name, number, own fields, where its positions stand, and rules between fields, which raise Wrong. `meant` completes what a
    person wrote with what goes without saying."""

    name: str
    number: int
    fields: Mapping[str, Field]
    rules: tuple[Rule, ...] = ()
    placed: Placed | None = None
    meant: Callable[[dict[str, Json]], dict[str, Json]] = dict

    @property
    def all_fields(self) -> dict[str, Field]:
        """Common and own fields by name."""
        return {**COMMON, **self.fields}


def needed(*names: str, among: Mapping[str, Field] = COMMON) -> Rule:
    """The rule that each of these fields is there."""

    def rule(body: Body) -> None:
        for name in names:
            if among[name].number not in body:
                raise missing(name, among[name])

    return rule


def one_of(*numbers: int, said: str) -> Rule:
    """The rule that at least one of these fields is there; `said` names them."""

    def rule(body: Body) -> None:
        if not any(number in body for number in numbers):
            raise Wrong(f"{said} is missing")

    return rule


def in_order(first: int, second: int, said: str) -> Rule:
    """The rule that one time is not before another, where both are there; `said` says so."""

    def rule(body: Body) -> None:
        start, end = body.get(first), body.get(second)
        if isinstance(start, int) and isinstance(end, int) and end < start:
            raise Wrong(said)

    return rule


def no_reference_twice(body: Body) -> None:
    """The rule, for every kind, that `re` names no message twice, nor `links` one in the same sense."""
    found = body.get(RE)
    if isinstance(found, list) and found and isinstance(found[0], list):
        _once("re", [tuple(items_of(one)) for one in found])
    links = body.get(LINKED)
    if isinstance(links, list):
        _once("links", [(one[1], *items_of(one[2])) for one in links if isinstance(one, dict)])


def _once(name: str, found: list[tuple[Value, ...]]) -> None:
    if len(set(found)) != len(found):
        raise Wrong(f"{name}: each message once")
