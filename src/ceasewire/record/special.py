"""Types that a few fields alone have: estimates, casualties, cosigners, numbers of logs and of fields. spec/entry.md, "Fields"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .encoding import Value
from .fields import Field, FieldType, Struct, integer, named, nearest, text_of, whole
from .notation import Json, Names, Wrong, quoted


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
            whole(number, 10_000_000)

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
            value[self._group(group, names)] = named(group, _HARMS.read, harms, names)
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
        return integer(json)

    def check(self, value: Value, names: Names) -> None:
        if type(value) is not int or not -(2**16) <= value < 2**32:
            raise Wrong("a cosigner")

    def show(self, value: Value, names: Names) -> Json:
        return names.cosigner_name(integer(value))


@dataclass(frozen=True, slots=True)
class LogNumber:
    """A log by its number; in JSON its name."""

    def read(self, json: Json, names: Names) -> Value:
        number = names.number(text_of(json))
        if number is None:
            raise Wrong(f"the name of a log of this channel, not {quoted(json)}")
        return number

    def check(self, value: Value, names: Names) -> None:
        whole(value, 2**32 - 1)

    def show(self, value: Value, names: Names) -> Json:
        return names.log_name(integer(value)) or integer(value)


@dataclass(frozen=True, slots=True)
class FieldNumber:
    """A field of a message, by its number; in JSON by its name. `of` says whose in messages to people."""

    numbers: Mapping[str, int]
    of: str

    def read(self, json: Json, names: Names) -> Value:
        number = self.numbers.get(json) if isinstance(json, str) else None
        if number is None:
            raise Wrong(f"the name of a field of a {self.of}, not {nearest(str(json), self.numbers)}")
        return number

    def check(self, value: Value, names: Names) -> None:
        if type(value) is not int or value not in self.numbers.values():
            raise Wrong(f"a field of a {self.of}")

    def show(self, value: Value, names: Names) -> Json:
        return next((name for name, number in self.numbers.items() if number == value), value)


@dataclass(frozen=True, slots=True)
class Dependent:
    """A field whose type follows from another field of the same body, with a lower number. `of` raises Wrong where it does not."""

    of: Callable[[Mapping[int, Value]], FieldType]

    def read(self, json: Json, names: Names) -> Value:
        raise Wrong("a field that others of its message explain")

    def check(self, value: Value, names: Names) -> None:
        raise Wrong("a field that others of its message explain")

    def show(self, value: Value, names: Names) -> Json:
        raise Wrong("a field that others of its message explain")
