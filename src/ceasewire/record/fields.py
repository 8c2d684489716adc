"""Types of body fields: one object reads a field from JSON, checks it in a body, and shows it as JSON. spec/entry.md, "Fields".

Every type has three methods. `read(json, names)` turns a person's JSON into a value; `check(value, names)` says whether a value,
from anybody, is one of this type; `show(value, names)` turns a checked value into JSON. `read` and `check` raise `Wrong`, whose
text says what was expected; whoever calls knows the field and whose fault it is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

from .. import limits
from ..errors import PeerError
from .encoding import INT_MAX, Value, check_text

Json: TypeAlias = Any  # what json.loads gives: the one place where JSON has no type yet

_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_REF: Final = re.compile(r"([a-z][a-z0-9-]{0,31}(?:\.[0-9a-f]{6})?)/(0|[1-9]\d{0,17})", re.ASCII)
LAST_TIME: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last that RFC 3339 can write


class Wrong(Exception):
    """A value that is not of its field's type; the text says what was expected."""


class Names(Protocol):
    """What a field must know of its channel: numbers and names of logs, parties and cosigners."""

    def number(self, slug: str) -> int | None: ...
    def log_name(self, number: int) -> str | None: ...
    def position(self, slug: str) -> int | None: ...
    def slug(self, position: int) -> str | None: ...
    def cosigner_name(self, by: int) -> str: ...


class FieldType(Protocol):
    """See the module's text."""

    def read(self, json: Json, names: Names) -> Value: ...
    def check(self, value: Value, names: Names) -> None: ...
    def show(self, value: Value, names: Names) -> Json: ...


def parse_time(text: object) -> int:
    """POSIX seconds of an RFC 3339 time with its zone stated; fractions are cut. Raises Wrong (a gap, 24:00 or second 60 too)."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise Wrong("a time such as 2026-03-01T04:12:00Z, with its zone")
    try:
        moment = datetime.fromisoformat(text.upper())  # type: ignore[attr-defined]
        seconds = int(moment.replace(microsecond=0).timestamp())
    except (ValueError, OverflowError):
        raise Wrong("a time that exists") from None
    if not 0 <= seconds <= LAST_TIME:
        raise Wrong("a time from 1970 to 9999")
    return seconds


def show_time(seconds: int) -> str:
    """RFC 3339 in UTC; a time past the year 9999 as `@seconds`, since RFC 3339 cannot write it."""
    if not 0 <= seconds <= LAST_TIME:
        return f"@{seconds}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_position(json: Json) -> tuple[int, int]:
    """Latitude and longitude in 1e-5 degree of `[latitude, longitude]` in degrees. Raises Wrong."""
    if not isinstance(json, list) or len(json) != 2 or any(type(x) not in (int, float) for x in json):
        raise Wrong("[latitude, longitude] in degrees")
    if not all(abs(x) <= most for x, most in zip(json, (90, 180), strict=True)):  # NaN fails this too
        raise Wrong("a latitude from -90 to 90 and a longitude from -180 to 180")
    return round(json[0] * 100_000), round(json[1] * 100_000)


def parse_ref(text: object, names: Names) -> tuple[int, int]:
    """Log number and index of `north/12`. Raises Wrong."""
    match = _REF.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise Wrong("a reference such as north/12")
    number = names.number(match[1])
    if number is None:
        raise Wrong(f"the name of a log of this channel, not {match[1]}")
    return number, int(match[2])


def quoted(name: str) -> str:
    """A name that is not known, to be said back: what a terminal would act on is escaped, and it is cut."""
    return ascii(name if len(name) <= 40 else name[:40] + "...")[1:-1]


def _text(json: Json) -> str:
    if not isinstance(json, str):
        raise Wrong("a text")
    return json


def _uint(value: object, most: int = INT_MAX) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise Wrong(f"a whole number from 0 to {most}")
    return value


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `most` bytes of UTF-8, not empty; with `pattern`, one that it matches whole."""

    most: int = limits.TEXT_BYTES
    pattern: re.Pattern[str] | None = None
    like: str = ""

    def read(self, json: Json, names: Names) -> Value:
        self.check(json, names)
        try:
            check_text(json)
        except PeerError as error:
            raise Wrong(f"a text without the character {error.detail}") from None
        return _text(json)

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
    """One of a closed list of words, kept as 1, 2, 3, ..."""

    words: Sequence[str]

    def read(self, json: Json, names: Names) -> Value:
        if json not in self.words:
            raise Wrong("one of " + ", ".join(self.words))
        return self.words.index(json) + 1

    def check(self, value: Value, names: Names) -> None:
        if type(value) is not int or not 1 <= value <= len(self.words):
            raise Wrong("one of " + ", ".join(self.words))

    def show(self, value: Value, names: Names) -> Json:
        return self.words[_uint(value) - 1]


@dataclass(frozen=True, slots=True)
class Uint:
    """A whole number from 0 to `most`."""

    most: int

    def read(self, json: Json, names: Names) -> Value:
        return _uint(json, self.most)

    def check(self, value: Value, names: Names) -> None:
        _uint(value, self.most)

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
        _uint(value, LAST_TIME)

    def show(self, value: Value, names: Names) -> Json:
        return show_time(_uint(value))


@dataclass(frozen=True, slots=True)
class Position:
    """Latitude and longitude in 1e-5 degree; in JSON in degrees. Rounded before signing: `rounded`."""

    def read(self, json: Json, names: Names) -> Value:
        return list(parse_position(json))

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, list) or len(value) != 2 or any(type(x) is not int for x in value):
            raise Wrong("a position")
        if not all(abs(_int(x)) <= most for x, most in zip(value, (9_000_000, 18_000_000), strict=True)):
            raise Wrong("a position on the Earth")

    def show(self, value: Value, names: Names) -> Json:
        return [_int(x) / 100_000 for x in _items(value)]


def _int(value: Value) -> int:
    if type(value) is not int:
        raise Wrong("a whole number")
    return value


def _items(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise Wrong("a list")
    return value


def rounded(position: Value, unit: int) -> Value:
    """The position rounded to a multiple of `unit` (1e-5 degree), half away from zero, kept on the Earth."""
    found: list[Value] = []
    for x, most in zip(_items(position), (9_000_000, 18_000_000), strict=True):
        near = (abs(_int(x)) + unit // 2) // unit * unit
        found.append(min(near, most // unit * unit) * (1 if _int(x) >= 0 else -1))
    return found


@dataclass(frozen=True, slots=True)
class Octets:
    """Bytes of one length (0: any up to 8 KiB); in JSON hexadecimal or base64."""

    length: int
    hexadecimal: bool = True

    def read(self, json: Json, names: Names) -> Value:
        try:
            value = bytes.fromhex(_text(json)) if self.hexadecimal else base64.b64decode(_text(json), validate=True)
        except ValueError:
            raise Wrong("hexadecimal digits" if self.hexadecimal else "base64") from None
        self.check(value, names)
        return value

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, bytes) or len(value) > 8192 or (self.length and len(value) != self.length):
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
        _uint(value[0], 2**32 - 1)
        _uint(value[1])

    def show(self, value: Value, names: Names) -> Json:
        number, index = _items(value)
        return f"{names.log_name(_int(number)) or _int(number)}/{_int(index)}"


@dataclass(frozen=True, slots=True)
class Party:
    """A party by its position in the charter; in JSON its slug."""

    def read(self, json: Json, names: Names) -> Value:
        position = names.position(_text(json))
        if position is None:
            raise Wrong(f"the slug of a party of this channel, not {quoted(json)}")
        return position

    def check(self, value: Value, names: Names) -> None:
        if names.slug(_uint(value)) is None:
            raise Wrong("a party of this channel")

    def show(self, value: Value, names: Names) -> Json:
        return names.slug(_uint(value))


@dataclass(frozen=True, slots=True)
class Many:
    """A list of at least one; with `bare`, one alone may stand without its list, and stays as it was written."""

    item: FieldType
    most: int
    bare: bool = False

    def read(self, json: Json, names: Names) -> Value:
        if not isinstance(json, list):
            if self.bare:
                return self.item.read(json, names)
            raise Wrong("a list")
        self._count(json)
        return [self.item.read(item, names) for item in json]

    def _count(self, found: list[Any]) -> None:
        if not 1 <= len(found) <= self.most:
            raise Wrong(f"a list of 1 to {self.most}")

    def check(self, value: Value, names: Names) -> None:
        if self.is_bare(value):
            return self.item.check(value, names)
        self._count(_items(value))
        for item in _items(value):
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
        return [self.item.show(item, names) for item in _items(value)]


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
            raise Wrong(f"only {', '.join(self.fields)}; not {quoted(min(unknown))}")
        value: dict[int, Value] = {}
        for name, field in self.fields.items():
            if json.get(name) is not None:
                value[field.number] = _named(name, field.type.read, json[name], names)
            elif field.required:
                raise Wrong(f"{name}")
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
                _named(name, field.type.check, value[number], names)
            elif field.required:
                raise Wrong(f"{name}")
        return None

    def show(self, value: Value, names: Names) -> Json:
        if not isinstance(value, dict):
            return value
        found = {field.number: (name, field) for name, field in self.fields.items()}
        return {name: field.type.show(value[number], names) for number, (name, field) in found.items() if number in value}


def _named(name: str, method: Any, value: Any, names: Names) -> Any:
    try:
        return method(value, names)
    except Wrong as wrong:
        raise Wrong(f"{name}: {wrong}") from None


@dataclass(frozen=True, slots=True)
class Estimate:
    """[low, best, high]. They may contradict each other: what a source says is kept as it says it, and flagged where it is
    shown."""

    def read(self, json: Json, names: Names) -> Value:
        self.check(json, names)
        return list(json)

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, list) or len(value) != 3:
            raise Wrong("[low, best, high]")
        for number in value:
            _uint(number, 10_000_000)

    def show(self, value: Value, names: Names) -> Json:
        return value


CIVILIANS: Final = 0
UNATTRIBUTED: Final = 1
_FIRST_PARTY: Final = 16
_HARM: Final = ("killed", "wounded", "missing", "detained")


@dataclass(frozen=True, slots=True)
class Casualties:
    """Per group (civilians, unattributed, or a party's slug) and harm, an estimate."""

    def read(self, json: Json, names: Names) -> Value:
        if not isinstance(json, dict) or not json:
            raise Wrong('an object such as {"civilians": {"killed": [low, best, high]}}')
        value: dict[int, Value] = {}
        for group, harms in json.items():
            value[self._group(group, names)] = _named(group, _HARMS.read, harms, names)
        return value

    @staticmethod
    def _group(group: str, names: Names) -> int:
        special = {"civilians": CIVILIANS, "unattributed": UNATTRIBUTED}
        if group in special:
            return special[group]
        position = names.position(group)
        if position is None:
            raise Wrong(f"civilians, unattributed or a party's slug, not {quoted(group)}")
        return _FIRST_PARTY + position

    def check(self, value: Value, names: Names) -> None:
        if not isinstance(value, dict) or not value:
            raise Wrong("casualties by group")
        for group, harms in value.items():
            if group not in (CIVILIANS, UNATTRIBUTED) and names.slug(group - _FIRST_PARTY) is None:
                raise Wrong("casualties of civilians, unattributed or a party")
            _HARMS.check(harms, names)

    def show(self, value: Value, names: Names) -> Json:
        special = {CIVILIANS: "civilians", UNATTRIBUTED: "unattributed"}
        if not isinstance(value, dict):
            return value
        return {special.get(g) or names.slug(g - _FIRST_PARTY): _HARMS.show(h, names) for g, h in sorted(value.items())}


_HARMS: Final = Struct({name: Field(number, Estimate()) for number, name in enumerate(_HARM, 1)})


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A log number, or -1 - i for witness i; in JSON its name. Written by machines alone."""

    def read(self, json: Json, names: Names) -> Value:
        return _int(json)

    def check(self, value: Value, names: Names) -> None:
        if type(value) is not int or not -(2**16) <= value < 2**32:
            raise Wrong("a cosigner")

    def show(self, value: Value, names: Names) -> Json:
        return names.cosigner_name(_int(value))


@dataclass(frozen=True, slots=True)
class LogNumber:
    """A log by its number; in JSON its name."""

    def read(self, json: Json, names: Names) -> Value:
        number = names.number(_text(json))
        if number is None:
            raise Wrong(f"the name of a log of this channel, not {quoted(json)}")
        return number

    def check(self, value: Value, names: Names) -> None:
        _uint(value, 2**32 - 1)

    def show(self, value: Value, names: Names) -> Json:
        return names.log_name(_int(value)) or _int(value)
