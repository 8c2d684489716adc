"""Any other table, by a mapping in TOML that says which column is which field. docs/importing.md has an example.

dataset = "JMC log"              # stands in every narrative's first line, with the event's number
id = "No"                        # the column of that number
delimiter = ";"                  # where it is not comma, semicolon or tabulator as found

[columns]                        # field of a notification <- column
[constants]                      # field <- the same value in every row
[values.FIELD]                   # a cell's text -> the field's value
[times]                          # formats (strptime) and the offset from UTC of times without one
[position]                       # latitude, longitude
[casualties.GROUP.HARM]          # low, best, high: columns; or best alone
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from ..errors import LocalError
from ..record.kinds import UNDERSTOOD
from ..record.notation import Json, show_time
from ..record.words import KINDS
from . import incident
from .incident import Cells, Incident
from .table import BadRow

MAP_BYTES: Final = 1024**2
_KEYS: Final = frozenset("dataset id delimiter separator columns constants values times position casualties".split())
_FIELDS: Final = UNDERSTOOD[KINDS["notification"]].all_fields.keys() - {"location", "casualties", "historical", "exercise"}
_TIMES: Final = frozenset({"occurred_from", "occurred_to", "respond_by", "embargo", "press_time"})
_LISTS: Final = frozenset({"types", "means", "request", "provisions", "sources"})
_NUMBERS: Final = frozenset({"count", "bearing", "distance"})
_FLAGS: Final = frozenset({"ongoing", "own_fire_returned", "channel_tried_first"})
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_HARMS: Final = ("killed", "wounded", "missing", "detained")
_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that has been checked. `estimates`: group, harm, and the columns of low, best, high."""

    dataset: str
    id: str
    delimiter: str | None
    separator: str
    columns: dict[str, str]
    constants: dict[str, Json]
    values: dict[str, dict[str, Json]]
    formats: tuple[str, ...]
    zone: timezone
    position: tuple[str, str] | None
    estimates: tuple[tuple[str, str, tuple[str, str, str]], ...]

    @property
    def needed(self) -> list[str]:
        """Every column that the table must have."""
        estimated = [column for _, _, columns in self.estimates for column in columns]
        return list(dict.fromkeys([self.id, *self.columns.values(), *(self.position or ()), *estimated]))

    def read(self, cells: Cells) -> Incident:
        """The incident of a row. Raises BadRow."""
        event = incident.event_id(cells, self.id)
        mark = incident.mark_of(self.dataset, event)
        body: dict[str, Json] = dict(self.constants)
        for field, column in self.columns.items():
            if cells[column]:
                body[field] = self._value(field, column, cells)
        if self.position and any(cells[column] for column in self.position):
            body["location"] = incident.position(cells, *self.position)
        casualties, flags = self._casualties(cells)
        if casualties:
            body["casualties"] = casualties
        said = body.get("narrative")
        body["narrative"] = incident.narrative(mark, said if isinstance(said, str) else "")
        return Incident(event, mark, body, flags)

    def _value(self, field: str, column: str, cells: Cells) -> Json:
        text = cells[column]
        if field in self.values:
            found = self.values[field].get(text)
            if found is None:
                raise BadRow(f"{column}: the mapping has no value for {incident.shown(text)}")
            return found
        if field in _TIMES:
            return self._time(column, text)
        if field in _NUMBERS:
            return incident.whole_number(cells, column)
        if field in _FLAGS:
            return _WORDS[incident.one_of({column: text.lower()}, column, _WORDS)]
        if field in _LISTS:
            return [part.strip() for part in text.split(self.separator) if part.strip()]
        return text

    def _time(self, column: str, text: str) -> str:
        for form in self.formats:
            try:
                found = datetime.strptime(text, form)
            except ValueError:
                continue
            whole = found if found.tzinfo else found.replace(tzinfo=self.zone)
            try:
                return show_time(int(whole.astimezone(UTC).timestamp()))
            except (OverflowError, ValueError):
                break
        raise BadRow(f"{column}: a time as the mapping's formats say is expected, not {incident.shown(text)}")

    def _casualties(self, cells: Cells) -> tuple[dict[str, dict[str, list[int]]], tuple[str, ...]]:
        found: dict[str, dict[str, list[int]]] = {}
        flags = []
        for group, harm, columns in self.estimates:
            if not any(cells[column] for column in columns):
                continue
            low, best, high = (incident.whole_number(cells, column) for column in columns)
            if low or best or high:
                found.setdefault(group, {})[harm] = [low, best, high]
            if not low <= best <= high:
                flags.append(f"figures contradict: {group} {harm} low {low}, best {best}, high {high}")
        return found, tuple(flags)


def parse(data: bytes) -> Mapping:
    """A mapping from the bytes of its TOML. Raises LocalError import.map."""
    if len(data) > MAP_BYTES:
        raise LocalError("import.map", f"more than {MAP_BYTES} bytes")
    try:
        toml = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise LocalError("import.map", f"byte {error.start + 1} is not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LocalError("import.map", str(error)[:200]) from None
    unknown = sorted(toml.keys() - _KEYS)
    if unknown:
        raise LocalError("import.map", f"{ascii(unknown[0])[:40]} is no part of a mapping; {', '.join(sorted(_KEYS))} are")
    columns = {field: _text(name, f"columns.{field}") for field, name in _table(toml, "columns").items()}
    constants, values = _table(toml, "constants"), _table(toml, "values")
    for field in (*columns, *constants, *values):
        if field not in _FIELDS:
            raise LocalError("import.map", f"{ascii(field)[:40]} is no field of a notification that a mapping can fill")
    formats, zone = _times(_table(toml, "times"))
    return Mapping(
        dataset=_dataset(toml),
        id=_text(toml.get("id"), "id"),
        delimiter=_delimiter(toml),
        separator=_text(toml.get("separator", ";"), "separator"),
        columns=columns,
        constants=constants,
        values={field: _values(field, one) for field, one in values.items()},
        formats=formats,
        zone=zone,
        position=_position(toml),
        estimates=tuple(_estimates(_table(toml, "casualties"))),
    )


def _table(toml: dict[str, Any], name: str) -> dict[str, Any]:
    found = toml.get(name, {})
    if not isinstance(found, dict):
        raise LocalError("import.map", f"{name} is a table of TOML")
    return found


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise LocalError("import.map", f"{where}: a text is expected")
    return value


def _dataset(toml: dict[str, Any]) -> str:
    found = _text(toml.get("dataset"), "dataset")
    if incident.mark_in(incident.mark_of(found, "1")) is None or found != incident.one_line(found):
        raise LocalError("import.map", "dataset: a name of at most 200 characters on one line")
    return found


def _delimiter(toml: dict[str, Any]) -> str | None:
    found = toml.get("delimiter")
    if found is not None and (not isinstance(found, str) or len(found) != 1 or found in '"\r\n'):
        raise LocalError("import.map", "delimiter: one character")
    return found


def _values(field: str, found: object) -> dict[str, Json]:
    if not isinstance(found, dict):
        raise LocalError("import.map", f"values.{field} is a table of TOML")
    return found


def _times(found: dict[str, Any]) -> tuple[tuple[str, ...], timezone]:
    formats = found.get("formats", ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M", "%Y-%m-%d"])
    if not isinstance(formats, list) or not formats or not all(isinstance(one, str) for one in formats):
        raise LocalError("import.map", "times.formats: a list of formats, as %d.%m.%Y %H:%M")
    match = _OFFSET.fullmatch(_text(found.get("offset", "+00:00"), "times.offset"))
    hours, minutes = (int(match[2]), int(match[3])) if match else (99, 0)
    if match is None or hours > 14 or minutes > 59:
        raise LocalError("import.map", "times.offset: an offset from UTC, as +04:30")
    return tuple(formats), timezone(timedelta(hours=hours, minutes=minutes) * (-1 if match[1] == "-" else 1))


def _position(toml: dict[str, Any]) -> tuple[str, str] | None:
    found = _table(toml, "position")
    if not found:
        return None
    return _text(found.get("latitude"), "position.latitude"), _text(found.get("longitude"), "position.longitude")


def _estimates(groups: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, str, str]]]:
    for group, harms in groups.items():
        for harm, columns in (harms if isinstance(harms, dict) else {"": None}).items():
            if harm not in _HARMS or not isinstance(columns, dict):
                raise LocalError("import.map", f"casualties.{ascii(group)[:40]}: one of {', '.join(_HARMS)}, with low, best and high")
            best = _text(columns.get("best"), "casualties: best")
            yield (
                group,
                harm,
                (_text(columns.get("low", best), "casualties: low"), best, _text(columns.get("high", best), "casualties: high")),
            )
