"""One reported incident, on its way from a row of somebody's table to a notification. docs/importing.md.

Helpers that all formats share. They raise `BadRow` with a sentence that names the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from ..record.notation import Json
from .table import BadRow

Cells = Mapping[str, str]

SOURCE_BYTES: Final = 500
SOURCES: Final = 50
PLACE_BYTES: Final = 500
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
_DEGREES: Final = re.compile(r"[+-]?\d{1,3}(\.\d{1,12})?", re.ASCII)
_FIRST_LINE: Final = re.compile(r"[^\n]{1,200} event [^\n]{1,100}\.")


@dataclass(frozen=True, slots=True)
class Incident:
    """A notification's JSON; `mark` is the first line of its narrative, by which it is found again; `flags` what is doubtful in it."""

    event: str
    mark: str
    body: dict[str, Json]
    flags: tuple[str, ...] = ()


def mark_of(dataset: str, event: str) -> str:
    """The first line of an imported notification's narrative: `UCDP GED event 209980.`"""
    return f"{dataset} event {event}."


def mark_in(narrative: object) -> str | None:
    """The first line of a narrative, if it is one that `mark_of` wrote."""
    first = narrative.partition("\n")[0] if isinstance(narrative, str) else ""
    return first if _FIRST_LINE.fullmatch(first) else None


def event_id(cells: Cells, column: str) -> str:
    """The incident's number in its table: at most 100 characters on one line. Raises BadRow."""
    found = one_line(cells[column])
    if not found or len(found) > 100:
        raise BadRow(f"{column}: a number or name of the event is expected" if not found else f"{column}: longer than 100 characters")
    return found


def one_line(text: str) -> str:
    """The text with every run of space, and every end of a line, made one space."""
    return " ".join(text.split())


def cut(text: str, most: int) -> str:
    """The text on one line, within so many bytes of UTF-8; what is cut ends with three dots."""
    whole = one_line(text)
    data = whole.encode(errors="replace")
    return whole if len(data) <= most else data[: most - 3].decode(errors="ignore").rstrip() + "..."


def whole_number(cells: Cells, column: str) -> int:
    """A whole number from 0 on. Raises BadRow."""
    if not _WHOLE.fullmatch(cells[column]):
        raise BadRow(f"{column}: a whole number is expected, not {shown(cells[column])}")
    return int(cells[column])


def one_of(cells: Cells, column: str, allowed: Iterable[str]) -> str:
    """A code of the table. Raises BadRow."""
    known = tuple(allowed)
    if cells[column] not in known:
        raise BadRow(f"{column}: one of {', '.join(known)} is expected, not {shown(cells[column])}")
    return cells[column]


def day(cells: Cells, column: str, formats: Iterable[str] = ("%Y-%m-%d",)) -> date:
    """A day of the years 1970 to 9999; a time of midnight behind it is passed over. Raises BadRow."""
    text = re.sub(r"[T ]00:00:00(\.0+)?Z?$", "", cells[column])
    for form in formats:
        try:
            found = datetime.strptime(text, form).date()
        except ValueError:
            continue
        if found.year >= 1970:
            return found
        break
    raise BadRow(f"{column}: a day such as 2015-05-11 is expected, from 1970 on, not {shown(cells[column])}")


def from_to(first: date, last: date) -> dict[str, Json]:
    """The whole days from the first to the last, taken as days of UTC. Raises BadRow."""
    if last < first:
        raise BadRow(f"it ends on {last.isoformat()}, before it begins on {first.isoformat()}")
    return {"occurred_from": f"{first.isoformat()}T00:00:00Z", "occurred_to": f"{last.isoformat()}T23:59:59Z"}


def around(middle: date, days: int) -> tuple[date, date]:
    """The days around one, so many to either side."""
    try:
        return middle - timedelta(days), middle + timedelta(days)
    except OverflowError:
        return middle, middle


def position(cells: Cells, latitude: str, longitude: str) -> list[float]:
    """[latitude, longitude] in degrees. Raises BadRow."""
    return [_degrees(cells, latitude, 90), _degrees(cells, longitude, 180)]


def _degrees(cells: Cells, column: str, most: int) -> float:
    text = cells[column]
    if not _DEGREES.fullmatch(text) or abs(float(text)) > most:
        raise BadRow(f"{column}: degrees from -{most} to {most} are expected, not {shown(text)}")
    return float(text)


def place(*names: str) -> str:
    """Names of a place from the nearest to the widest, each once."""
    found = dict.fromkeys(one_line(name) for name in names if name.strip())
    return cut(", ".join(found), PLACE_BYTES)


def sources(texts: Iterable[str]) -> list[Json]:
    """Who says so, as sources of class press; each once. What is over the limit of sources is counted in the last one."""
    found = list(dict.fromkeys(cut(text, SOURCE_BYTES) for text in texts if text.strip()))
    kept = found if len(found) <= SOURCES else [*found[: SOURCES - 1], f"and {len(found) - SOURCES + 1} more"]
    return [{"class": "press", "text": text} for text in kept]


def narrative(mark: str, *lines: str) -> str:
    """The mark, then each line that says something."""
    return "\n".join([mark, *(line for line in lines if line)])


def shown(text: str) -> str:
    """A cell's text said back: on one line, escaped, cut."""
    return ascii(text if len(text) <= 40 else text[:40] + "...") if text else "an empty cell"
