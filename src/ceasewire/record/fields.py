"""Types of body fields: one object reads a field from JSON, checks it in a body, and shows it as JSON. spec/entry.md, "Fields".

Every type has three methods. `read(json, names)` turns a person's JSON into a value; `check(value, names)` says whether a value,
from anybody, is one of this type; `show(value, names)` turns a checked value into JSON. `read` and `check` raise `Wrong`, whose
text says what was expected; whoever calls knows the field and whose fault it is.
"""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .. import limits
from ..errors import PeerError
from .encoding import INT_MAX, Value, check_text
from .notation import (
    LAST_TIME,
    Json,
    Names,
    Wrong,
    parse_position,
    parse_ref,
    parse_time,
    quoted,
    show_time,
)

__all__ = [  # what `notation` holds, which most who read or show a field need with its type
    "LAST_TIME",
    "Json",
    "Names",
    "Wrong",
    "parse_position",
    "parse_ref",
    "parse_time",
    "quoted",
    "show_time",
]


class FieldType(Protocol):
    """See the module's text."""

    def read(self, json: Json, names: Names) -> Value: ...
    def check(self, value: Value, names: Names) -> None: ...
    def show(self, value: Value, names: Names) -> Json: ...


def nearest(name: str, known: Collection[str]) -> str:
    """A name that is not known, to be said back, with the known one that it was perhaps meant to be."""
    close = difflib.get_close_matches(name, known, 1)
    return quoted(name) + (f"; perhaps {close[0]}" if close else "")


def text_of(json: Json) -> str:
    """Raises Wrong for anything but a text."""
    if not isinstance(json, str):
        raise Wrong("a text")
    return json


def whole(value: object, most: int = INT_MAX) -> int:
    """A whole number from 0 to `most`. Raises Wrong."""
    if type(value) is not int or not 0 <= value <= most:
        raise Wrong(f"a whole number from 0 to {most}")
    return value


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `most` bytes of UTF-8, not empty; with `pattern`, one that it matches whole. A person may write `capitals` small."""

    most: int = limits.TEXT_BYTES
    pattern: re.Pattern[str] | None = None
    like: str = ""
    example: str = ""
    capitals: bool = False

    def read(self, json: Json, names: Names) -> Value:
        if self.capitals and isinstance(json, str) and json.isascii():
            json = json.upper()
        self.check(json, names)
        try:
            check_text(json)
        except PeerError as error:
            raise Wrong(f"a text without the character {error.detail}") from None
        return text_of(json)

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, str) or not value.strip():
            raise Wrong("a text that is not empty")
        if len(value) > self.most or len(value.encode(errors="surrogatepass")) > self.most:
            raise Wrong(f"a text of at most {self.most} bytes")
        if self.pattern and not self.pattern.fullmatch(value):
            raise Wrong(self.like)

    def show(self, value: Value, names: Names) -> Json:
        return value


@dataclass(frozen=True, slots=True)
class Code:
    """One of a closed list of words, kept as 1, 2, 3, ... A person may write its spaces and capitals: "Cease now" is
    `cease_now`; with `plural`, "rounds" is `round`."""

    words: Sequence[str]
    plural: bool = False

    def read(self, json: Json, names: Names) -> Value:
        word = json.lower().replace(" ", "_") if isinstance(json, str) else json
        if self.plural and isinstance(word, str) and word not in self.words:
            word = word.removesuffix("s")
        if word not in self.words:
            raise Wrong("one of " + ", ".join(self.words))
        return self.words.index(word) + 1

    def check(self, value: Value, names: Names) -> None:
        if type(value) is not int or not 1 <= value <= len(self.words):
            raise Wrong("one of " + ", ".join(self.words))

    def show(self, value: Value, names: Names) -> Json:
        return self.words[whole(value) - 1]


@dataclass(frozen=True, slots=True)
class Uint:
    """A whole number from 0 to `most`."""

    most: int

    def read(self, json: Json, names: Names) -> Value:
        return whole(json, self.most)

    def check(self, value: Value, names: Names) -> None:
        whole(value, self.most)

    def show(self, value: Value, names: Names) -> Json:
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, json: Json, names: Names) -> Value:
        self.check(json, names)
        return bool(json)

    def check(self, value: Value, names: Names) -> None:
        if type(value) is not bool:
            raise Wrong("true or false")

    def show(self, value: Value, names: Names) -> Json:
        return value


@dataclass(frozen=True, slots=True)
class Time:
    """POSIX seconds; in JSON RFC 3339."""

    def read(self, json: Json, names: Names) -> Value:
        return parse_time(json)

    def check(self, value: Value, names: Names) -> None:
        whole(value, LAST_TIME)

    def show(self, value: Value, names: Names) -> Json:
        return show_time(whole(value))


@dataclass(frozen=True, slots=True)
class Position:
    """Latitude and longitude in 1e-5 degree; in JSON in degrees. Rounded before signing: `rounded`."""

    def read(self, json: Json, names: Names) -> Value:
        return list(parse_position(json))

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, list) or len(value) != 2 or any(type(x) is not int for x in value):
            raise Wrong("a position")
        if not all(abs(integer(x)) <= most for x, most in zip(value, (9_000_000, 18_000_000), strict=True)):
            raise Wrong("a position on the Earth")

    def show(self, value: Value, names: Names) -> Json:
        return [integer(x) / 100_000 for x in items_of(value)]


def integer(value: Value) -> int:
    """Raises Wrong for anything but an integer."""
    if type(value) is not int:
        raise Wrong("a whole number")
    return value


def items_of(value: Value) -> list[Value]:
    """Raises Wrong for anything but a list."""
    if not isinstance(value, list):
        raise Wrong("a list")
    return value


def rounded(position: Value, unit: int) -> Value:
    """The position rounded to a multiple of `unit` (1e-5 degree), half away from zero, kept on the Earth."""
    found: list[Value] = []
    for x, most in zip(items_of(position), (9_000_000, 18_000_000), strict=True):
        near = (abs(integer(x)) + unit // 2) // unit * unit
        found.append(min(near, most // unit * unit) * (1 if integer(x) >= 0 else -1))
    return found


@dataclass(frozen=True, slots=True)
class Octets:
    """Bytes of one length (0: any from 1 to `most`); in JSON hexadecimal or base64."""

    length: int
    hexadecimal: bool = True
    most: int = 8192

    def read(self, json: Json, names: Names) -> Value:
        try:
            value = bytes.fromhex(text_of(json)) if self.hexadecimal else base64.b64decode(text_of(json), validate=True)
        except ValueError:
            raise Wrong("hexadecimal digits" if self.hexadecimal else "base64") from None
        self.check(value, names)
        return value

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, bytes) or not 1 <= len(value) <= self.most or self.length not in (0, len(value)):
            raise Wrong(f"{self.length} bytes" if self.length else "bytes")

    def show(self, value: Value, names: Names) -> Json:
        if not isinstance(value, bytes):
            raise Wrong("bytes")
        return value.hex() if self.hexadecimal else base64.b64encode(value).decode()


@dataclass(frozen=True, slots=True)
class Ref:
    """Another message: [log number, index]; in JSON `north/12`."""

    def read(self, json: Json, names: Names) -> Value:
        number, index = parse_ref(json, names)
        return [number, index]

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, list) or len(value) != 2:
            raise Wrong("a reference")
        whole(value[0], 2**32 - 1)
        whole(value[1])

    def show(self, value: Value, names: Names) -> Json:
        number, index = items_of(value)
        return f"{names.log_name(integer(number)) or integer(number)}/{integer(index)}"


@dataclass(frozen=True, slots=True)
class Party:
    """A party by its position in the charter; in JSON its slug."""

    def read(self, json: Json, names: Names) -> Value:
        position = names.position(text_of(json))
        if position is None:
            raise Wrong(f"the slug of a party of this channel, not {quoted(json)}")
        return position

    def check(self, value: Value, names: Names) -> None:
        if names.slug(whole(value)) is None:
            raise Wrong("a party of this channel")

    def show(self, value: Value, names: Names) -> Json:
        return names.slug(whole(value))


@dataclass(frozen=True, slots=True)
class Many:
    """A list of at least one; with `bare`, one alone may stand without its list, and stays as it was written; with `alone`, a person may
    write one text without its list, and it becomes a list."""

    item: FieldType
    most: int
    bare: bool = False
    alone: bool = False

    def read(self, json: Json, names: Names) -> Value:
        if self.alone and isinstance(json, str):
            json = [json]
        if not isinstance(json, list):
            if self.bare:
                return self.item.read(json, names)
            raise Wrong(wanted(self))
        self._count(json)
        return [self.item.read(item, names) for item in json]

    def _count(self, found: list[Any]) -> None:
        if not 1 <= len(found) <= self.most:
            raise Wrong(f"a list of 1 to {self.most}")

    def check(self, value: Value, names: Names) -> None:
        if self.is_bare(value):
            return self.item.check(value, names)
        self._count(items_of(value))
        for item in items_of(value):
            self.item.check(item, names)
        return None

    def is_bare(self, value: Value) -> bool:
        """Whether the value stands alone. A list of references is a list of lists."""
        if not self.bare:
            return False
        return not isinstance(value, list) or (isinstance(self.item, Ref) and bool(value) and not isinstance(value[0], list))

    def show(self, value: Value, names: Names) -> Json:
        if self.is_bare(value):
            return self.item.show(value, names)
        return [self.item.show(item, names) for item in items_of(value)]


@dataclass(frozen=True, slots=True)
class Field:
    """A field's number, type, and whether it must be there."""

    number: int
    type: FieldType
    required: bool = False


@dataclass(frozen=True, slots=True)
class Struct:
    """A map of named fields; with `bare`, a text may stand in its place."""

    fields: Mapping[str, Field]
    bare: Text | None = None

    def read(self, json: Json, names: Names) -> Value:
        if self.bare and isinstance(json, str):
            return self.bare.read(json, names)
        if not isinstance(json, dict):
            raise Wrong("an object with " + ", ".join(self.fields))
        unknown = json.keys() - self.fields.keys()
        if unknown:
            raise Wrong(f"not {nearest(min(unknown), self.fields)}; only {', '.join(self.fields)}")
        value: dict[int, Value] = {}
        for name, field in self.fields.items():
            if json.get(name) is not None:
                value[field.number] = named(name, field.type.read, json[name], names)
            elif field.required:
                raise missing(name, field)
        return value

    def check(self, value: Value, names: Names) -> None:
        if self.bare and isinstance(value, str):
            return self.bare.check(value, names)
        if not isinstance(value, dict):
            raise Wrong("an object with " + ", ".join(self.fields))
        numbers = {field.number: (name, field) for name, field in self.fields.items()}
        if value.keys() - numbers.keys():
            raise Wrong("only " + ", ".join(self.fields))
        for number, (name, field) in numbers.items():
            if number in value:
                named(name, field.type.check, value[number], names)
            elif field.required:
                raise missing(name, field)
        return None

    def show(self, value: Value, names: Names) -> Json:
        if not isinstance(value, dict):
            return value
        found = {field.number: (name, field) for name, field in self.fields.items()}
        return {name: field.type.show(value[number], names) for number, (name, field) in found.items() if number in value}


def sample(type_: FieldType) -> str:
    """How a value of the type may look in JSON, for people; `...` where any text or number would do."""
    match type_:
        case Text(example=example) if example:
            return f'"{example}"'
        case Ref():
            return '"north/12"'
        case Position():
            return "[34.5, 69.1]"
        case Many(item=item):
            return f"[{sample(item)}]"
        case Struct(fields=fields):
            needed = [name for name, field in fields.items() if field.required] or list(fields)[:1]
            return "{" + ", ".join(f'"{name}": ...' for name in needed) + "}"
    return "..."


def wanted(type_: FieldType) -> str:
    """What a field of the type is, for people; empty where its name says enough."""
    match type_:
        case Many(item=item, bare=bare):
            return f"{sample(item)}, or a list such as {sample(type_)}" if bare else f"a list such as {sample(type_)}"
        case Code(words=words):
            return "one of " + ", ".join(words)
        case Time():
            return "a time such as 2026-03-01T04:12:00Z, with its zone"
        case Text():
            return type_.like or "a text"
        case Octets():
            count = f"{type_.length} bytes" if type_.length else "bytes"
            return f"{'hexadecimal digits' if type_.hexadecimal else 'base64'} of {count}"
        case Position():
            return "[latitude, longitude] in degrees"
    return ""


def missing(name: str, field: Field) -> Wrong:
    """That a field is not there, and what it would be."""
    about = wanted(field.type)
    return Wrong(f"{name} is missing" + (f": {about}" if about else ""))


def named(name: str, method: Any, value: Any, names: Names) -> Any:
    """What the method gives; the name stands before what it finds wrong. Raises Wrong."""
    try:
        return method(value, names)
    except Wrong as wrong:
        raise Wrong(f"{name}: {wrong}") from None
