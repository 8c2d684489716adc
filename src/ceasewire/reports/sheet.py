"""A bulletin as one table in CSV (RFC 4180), safe in a spreadsheet, and back. FAULTS H10; docs/bulletin.md.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@` for a formula, also in their full-width forms and behind space. Such a cell,
and one that begins with a tabulator, the end of a line or an apostrophe, gets an apostrophe before it; `plain` takes it off again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..record.notation import Json

COLUMNS: Final = ("section", "by", "item", "name", "count", "before", "change", "low", "best", "high", "ref", "time", "text")
_STARTS: Final = frozenset("=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b")


def safe(cell: object) -> str:
    """The text of a cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in _STARTS or text.lstrip()[:1] in _STARTS else text


def plain(cell: str) -> str:
    """The text that `safe` was given."""
    return cell[1:] if cell.startswith("'") else cell


def write(rows: Iterable[Mapping[str, object]]) -> str:
    """The table: its heading, then the rows, every cell quoted, lines ended by CR LF."""
    out = io.StringIO()
    table = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows([safe(row.get(name)) for name in COLUMNS] for row in rows)
    return out.getvalue()


def read(text: str) -> list[dict[str, str]]:
    """The rows that `write` was given, as texts."""
    heading, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    return [{name: plain(cell) for name, cell in zip(heading, row, strict=True)} for row in rows]


def rows(bulletin: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """The bulletin's rows, section after section in the order of its JSON."""
    yield from _head(bulletin)
    for one in bulletin["where_we_could_not_look"]:
        spans = [f"{name} {one[name]}" for name in ("from", "until") if one.get(name)]
        said = [*spans, *(str(one[name]) for name in ("place", "reason", "says") if one.get(name))]
        yield {"section": "where_we_could_not_look", "item": one["what"], "name": one.get("accused"), "text": "; ".join(said), **_at(one)}
    for says in bulletin["says"]:
        yield {"section": "nil_return", "text": says}
    yield from _counts("", bulletin)
    for one in bulletin["notices"]:
        done = [f"{name} {one[name]}" for name in ("started", "finished", "cancelled") if one[name]]
        where = [str(one[name]) for name in ("zone_id", "area") if one[name]]
        window = f"{one['window_from']} to {one['window_to']}"
        text = "; ".join([window, *where, *done])
        yield {"section": "notices", "item": one["activity"], "text": text, **_at(one)}
    yield from _line(bulletin)
    for one in bulletin["open_cases"]:
        text = "; ".join(str(one[name]) for name in ("place", "respond_by") if one[name])
        late = "overdue" if one["overdue"] else ""
        yield {"section": "open_cases", "item": one["state"], "name": late, "text": text, **_at(one)}
    for one in bulletin["corrections_and_withdrawals"]:
        text = "; ".join([*one["re"], *one["fields"], *([one["reason"]] if one["reason"] else [])])
        yield {"section": "corrections_and_withdrawals", "item": one["kind"], "text": text, **_at(one)}
    yield from _counts("historical.", bulletin["historical"])
    yield from ({"section": "not_counted", "item": name, "count": count} for name, count in bulletin["not_counted"].items())


def _at(one: Mapping[str, Any]) -> dict[str, object]:
    return {"by": one["by"], "ref": one["ref"], "time": one.get("time")}


def _head(bulletin: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    yield {"section": "bulletin", "item": bulletin["bulletin"], "name": bulletin["mark"], "text": bulletin["title"]}
    for name in ("name", "id", "fingerprint"):
        yield {"section": "channel", "item": name, "text": bulletin["channel"][name]}
    for party in bulletin["parties"]:
        yield {"section": "parties", "by": party["slug"], "item": party["role"], "name": party["name"]}
    for zone in bulletin["zones"]:
        yield {"section": "zones", "item": zone["id"], "name": zone["name"]}
    period = bulletin["period"]
    for name, time in (("from", period["from"]), ("to", period["to"])):
        yield {"section": "period", "item": name, "name": period["time_zone"], "time": time}
    for cut in bulletin["cut"]:
        yield {"section": "cut", "item": cut["log"], "count": cut["size"], "text": cut["root"]}
    yield from ({"section": "notes", "text": note} for note in bulletin["notes"])


def _counts(prefix: str, part: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    for one in part["notified"]:
        counted = {name: one[name] for name in ("by", "count", "before", "change")}
        yield {"section": f"{prefix}notified", "text": one["says"], **counted}
    for section, item in (("by_type", "type"), ("by_sector", "sector"), ("by_direction", "direction")):
        for one in part.get(section, ()):
            counted = {name: one[name] for name in ("by", "count", "before", "change")}
            yield {"section": f"{prefix}{section}", "item": one[item], "name": one.get("name"), "text": one.get("basis"), **counted}
    for one in part["casualties"]:
        what = {"section": f"{prefix}casualties", "by": one["by"], "item": one["group"], "name": one["harm"]}
        yield {**what, "count": one["notifications"], **{name: one[name] for name in ("low", "best", "high")}}
        for wrong in one["contradicting"]:
            low, best, high = wrong["figures"]
            yield {**what, "section": f"{prefix}contradicting", "ref": wrong["ref"], "low": low, "best": best, "high": high}


def _line(bulletin: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    for one in bulletin["line"] or ():
        figures: dict[str, Json] = {"sent": one["sent"], "line_checks": one["line_checks"], "line_checks_missed": one["line_checks_missed"]}
        figures |= {f"receipted by {slug}": count for slug, count in one["receipted"].items()}
        yield from ({"section": "line", "by": one["party"], "item": name, "name": one["log"], "count": n} for name, n in figures.items())
    for one in bulletin["watch"] or ():
        for name in ("watch_checks", "hours_without_a_person"):
            yield {"section": "watch", "by": one["party"], "item": name, "count": one[name], "time": one["last"]}
    for one in bulletin["answers"]:
        for name in ("notified", "received", "answered", "overdue"):
            yield {"section": "answers", "by": one["by"], "item": name, "count": one[name]}
