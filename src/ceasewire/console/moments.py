"""Times as people type them: `2026-11-23 14:05` in the form's zone, or with a zone of their own; the year also as the Solar Hijri calendar
counts it. Figures of any script."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from ..record.notation import Wrong, parse_time
from ..record.text import canonical_digits

_TIME: Final = re.compile(
    r"(?:(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T\s]+)?(\d{1,2}):(\d\d)(?::(\d\d))?\s*(Z|UTC|[+-]\d\d:?\d\d)?", re.IGNORECASE | re.ASCII
)
ZONES: Final = (
    "+00:00", "-10:00", "-09:00", "-08:00", "-07:00", "-06:00", "-05:00", "-04:00", "-03:30", "-03:00", "-02:00", "-01:00",
    "+01:00", "+02:00", "+03:00", "+03:30", "+04:00", "+04:30", "+05:00", "+05:30", "+05:45", "+06:00", "+06:30", "+07:00", "+08:00",
    "+09:00", "+09:30", "+10:00", "+11:00", "+12:00", "+13:00",
)  # fmt: skip
_SOLAR: Final = range(1300, 1500)  # years of the Solar Hijri calendar that people may mean: 1921 to 2121
_EPOCH: Final = date(1921, 3, 21)  # 1 Hamal 1300
_LEAP: Final = frozenset({1, 5, 9, 13, 17, 22, 26, 30})  # years of a cycle of 33 with 366 days
_FIRST: Final = 1300


class NoTime(Exception):
    """What was typed names no time."""


def read(text: str, zone: str, now: int) -> str:
    """RFC 3339 in UTC of what a person typed. An hour alone is of today, in the zone. `zone` as in ZONES, `now` POSIX seconds. Raises
    NoTime."""
    match = _TIME.fullmatch(canonical_digits(text.strip()))
    if not match:
        raise NoTime
    year, month, day, hour, minute, second, own = match.groups()
    around = _zone(own or zone)
    try:
        if year is None:
            on = datetime.fromtimestamp(now, around).date()
        elif int(year) in _SOLAR:
            on = solar(int(year), int(month), int(day))
        else:
            on = date(int(year), int(month), int(day))
        moment = datetime(on.year, on.month, on.day, int(hour), int(minute), int(second or 0), tzinfo=around)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    except (ValueError, OverflowError):
        raise NoTime from None


def seconds(text: str, zone: str, now: int) -> int:
    """POSIX seconds of what a person typed, as `read`. Raises NoTime, for a time before 1970 too."""
    try:
        return parse_time(read(text, zone, now))
    except Wrong:
        raise NoTime from None


def typed(time: str) -> str:
    """A time as it stands in a form: `2026-11-23 14:05:00Z`, whatever zone the form is in."""
    return time.replace("T", " ")


def _zone(text: str) -> timezone:
    if text.upper() in ("Z", "UTC"):
        return UTC
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes >= 24 * 60:
        raise NoTime
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def solar(year: int, month: int, day: int) -> date:
    """The day of a Solar Hijri date of the years 1300 to 1499. Raises ValueError for a day that is not."""
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month):
        raise ValueError("no such day")
    passed = sum(366 if _leap(one) else 365 for one in range(_FIRST, year))
    return _EPOCH + timedelta(days=passed + sum(_days(year, one) for one in range(1, month)) + day - 1)


def _days(year: int, month: int) -> int:
    if month <= 6:
        return 31
    return 30 if month < 12 or _leap(year) else 29


def _leap(year: int) -> bool:
    return year % 33 in _LEAP
