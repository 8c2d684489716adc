"""Positions as people write them: a grid reference (MGRS), or latitude and longitude in degrees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import mgrs

from ..record.fields import rounded
from ..record.text import canonical_digits
from ..record.words import PRECISION_UNITS

_GRID: Final = re.compile(r"(?:\d{1,2}[C-HJ-NP-X]|[ABYZ])[A-HJ-NP-Z]{2}(\d*)")
_DEGREES: Final = re.compile(r"([+-]?\d{1,3}(?:\.\d{1,12})?)\s*°?")
_SQUARE: Final = 100_000  # metres: the square that a reference without figures names
_FIGURES: Final = 5
# A reference that names a larger square says less than this precision claims.
LARGEST_SQUARE: Final = {"exact": 100, "near": 1_000, "district": 10_000, "region": 100_000}
_SCALE: Final = 100_000


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


class NoPlace(Exception):
    """What was typed names no place; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Place:
    """Latitude and longitude in degrees, to 1e-5; `square` is the side in metres of the square that a grid reference names, whose middle
    this is. None: it was given in degrees."""

    latitude: float
    longitude: float
    square: int | None = None

    @property
    def json(self) -> list[float]:
        """As a message's JSON has it."""
        return [self.latitude, self.longitude]


def grid(text: str) -> Place:
    """The middle of the square that an MGRS reference names. Raises NoPlace."""
    plain = canonical_digits(re.sub(r"\s+", "", text)).upper()
    match = _GRID.fullmatch(plain)
    if not match or len(match[1]) % 2 or len(match[1]) > 2 * _FIGURES:
        raise NoPlace(_("A grid reference such as 42S WD 18 17, with as many figures of east as of north."))
    figures = len(match[1]) // 2
    zone, east, north = plain[: len(plain) - 2 * figures], match[1][:figures], match[1][figures:]
    if figures < _FIGURES:  # to the metre, in the middle: whether a short reference means its corner, libraries differ
        east, north = (f"{one}50000"[:_FIGURES] for one in (east, north))
    try:
        latitude, longitude = mgrs.MGRS().toLatLon(f"{zone}{east}{north}")
    except Exception:  # the library has several errors for a square that is nowhere
        raise NoPlace(_("There is no such square on the Earth.")) from None
    return _place(latitude, longitude, _SQUARE // 10**figures)


def degrees(latitude: str, longitude: str) -> Place:
    """A place given in degrees, south and west negative. Raises NoPlace."""
    both = [_DEGREES.fullmatch(canonical_digits(one.strip()).replace("\u066b", ".")) for one in (latitude, longitude)]
    if not all(both):
        raise NoPlace(_("Degrees as a decimal number, such as 34.5 and 69.2; south and west with a minus sign."))
    north, east = (float(one[1]) for one in both if one)
    return _place(north, east, None)


def either(text: str) -> Place:
    """A line with a grid reference, or with two numbers of degrees. Raises NoPlace."""
    parts = [one for one in re.split(r"[,;\s]+", text.strip()) if one]
    if len(parts) == 2 and _DEGREES.fullmatch(canonical_digits(parts[0])):
        return degrees(*parts)
    return grid(text)


def _place(latitude: float, longitude: float, square: int | None) -> Place:
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise NoPlace(_("A latitude from -90 to 90 and a longitude from -180 to 180."))
    return Place(round(latitude * _SCALE) / _SCALE, round(longitude * _SCALE) / _SCALE, square)


def becomes(place: list[float], precision: str) -> list[float]:
    """What is signed of a position: rounded to its precision. Degrees."""
    found = rounded([round(one * _SCALE) for one in place], PRECISION_UNITS[precision])
    return [one / _SCALE for one in found] if isinstance(found, list) else []  # type: ignore[operator]


def shown(place: list[float]) -> str:
    """The grid square of 1 km that a position lies in, for a person who has a map; empty near the poles."""
    try:
        return str(mgrs.MGRS().toMGRS(place[0], place[1], MGRSPrecision=2))
    except Exception:
        return ""
