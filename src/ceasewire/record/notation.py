"""How values are written and said back: times, positions, references, names. spec/entry.md, "Fields".

Whatever is not written as it must be raises `Wrong`, whose text says what was expected; whoever calls knows the field and whose fault
it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

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
