"""All cases: what each is about, where it stands, what each side says, when the answer is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from ...errors import LocalError
from ...node import caselist
from ...record.fields import Json, parse_time
from ...record.kinds import KINDS
from ...record.telling import reply_due
from .. import charts, wording
from ..call import Call
from ..frame import shown
from ..labels import label
from ..table import Route
from ..wording import Value

STATES: Final = ("open", *caselist.OPEN, "closed", "withdrawn", caselist.MERGED)


async def cases(call: Call) -> Response:
    """A page of cases, the newest first, filtered."""
    given = {name: call.asked(name) for name in ("state", "side", "late", "q")}
    asked = caselist.Asked(
        state=given["state"] if given["state"] in STATES else None,
        side=given["side"] if given["side"] in caselist.SIDES else None,
        overdue=given["late"] == "yes",
        search=given["q"].strip() or None,
        after=call.asked("after") or None,
    )
    rows, more, wrong, (count, late) = await call.desk.read(_read, call, asked)
    last = {name: value for name, value in given.items() if value}
    return await shown(
        call,
        "cases.html",
        "cases",
        rows=[_row(call, row) for row in rows],
        older=urlencode({**last, "after": rows[-1]["ref"]}) if more else None,
        filters=given,
        states=STATES,
        wrong=wrong,
        count=count,
        late=late,
        legend=[(name, charts.sample(name)) for name in charts.SHAPES],
    )


def _read(call: Call, asked: caselist.Asked) -> tuple[list[dict[str, Json]], bool, str | None, tuple[int, int]]:
    view = call.desk.node.reading
    try:
        rows, more = caselist.cases(view, asked, call.now)
    except LocalError as error:
        if error.code not in ("usage", "ref.malformed", "ref.missing"):
            raise
        return [], False, call.tongue.gettext("That cannot be looked for. Give one to thirty-two words."), caselist.count(view, call.now)
    return rows, more, None, caselist.count(view, call.now)


def _row(call: Call, row: Mapping[str, Json]) -> dict[str, Any]:
    """A case with its headline, and its strip."""
    return {**row, "headline": headline(row), "strip": _strip(call, row), "due": reply_due(row)}


def headline(row: Mapping[str, Json]) -> list[Value]:
    """What a case is about: types and place."""
    types = Value("list", items=tuple(wording.field("notification", "types", {"types": [one]}).items[0] for one in row["types"] or ()))
    place = [Value("place", row["place"])] if row["place"] else []
    where = [wording.field("notification", "location", {"location": row["location"]})] if row["location"] and not place else []
    return [types, *place, *where]


def kind_titles(call: Call) -> dict[str, str]:
    """Each kind in the reader's words, as a mark of a chart says it."""
    return {kind: call.tongue.gettext(label(kind, "kind")) for kind in KINDS}


def _strip(call: Call, row: Mapping[str, Json]) -> Any:
    said = row["strip"]
    scale = charts.Scale.over([parse_time(one["time"]) for one in said], call.tongue.direction == "rtl")
    words = call.tongue.ngettext("%(n)s message in this case", "%(n)s messages in this case", len(said)) % {"n": len(said)}
    return charts.strip(charts.marks(said, kind_titles(call)), scale, words)


ROUTES: Final = (Route("cases", "GET", "/cases", "reader", cases),)
