"""Inbox and Sent: what awaits our answer, what came lately, and how far what we sent has got."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from ...node import inbox as reading
from ...node.flashes import SHOWN_MOST
from ...node.owed import NOTHING, our_owed
from ...record.fields import Json, parse_time
from ..call import Call
from ..frame import shown
from ..table import Route

_DAY: Final = 86400
_COUNTED: Final = ("waiting", "today", "overdue")


async def inbox(call: Call) -> Response:
    """What awaits our answer first; by filter what came lately."""
    desk, _ = call.desk, call.tongue.gettext
    view = desk.node.reading
    ours = await desk.read(our_owed, view, call.now)
    waiting = await desk.read(reading.awaiting, view, call.now, ours)
    show = call.asked("show", "waiting" if waiting else "all")
    more = None
    if show in _COUNTED:
        rows = [row for row in waiting if _fits(row, show, call.now)]
    else:
        due = {ref: row for row in waiting for ref in (row["ref"], *row["repeats"])}
        kind = "flash" if show == "flash" else None
        found = await desk.read(reading.received, view, kind=kind, after=call.asked("after") or None)
        rows = [row | _awaited(due.get(row["ref"], {})) for row in found]
        more = found[-1]["ref"] if len(found) == reading.PAGE else None
    counted = {name: sum(_fits(row, name, call.now) for row in waiting) for name in _COUNTED}
    filters = [
        ("waiting", _("Awaiting us")),
        ("all", _("All")),
        ("flash", _("Flash")),
        ("today", _("Due today, until 24:00Z")),
        ("overdue", _("Overdue")),
    ]
    return await shown(
        call,
        "inbox.html",
        "inbox",
        ours=ours,
        rows=rows,
        waiting=len(waiting),
        whole=len(waiting) < SHOWN_MOST,  # else of a flash that is not among them nothing is known
        counted=counted,
        show=show,
        filters=filters,
        more=more,
        q=call.asked("q"),
    )


def _awaited(row: dict[str, Json]) -> dict[str, Json]:
    """What a line says of what its message awaits; `row` of what awaits us, or nothing."""
    return {**NOTHING, "begins": None, **{name: row[name] for name in (*NOTHING, "begins") if name in row}}


def end_of_day(now: int) -> int:
    """The last second of the day in UTC, which the pages' times are in."""
    return now - now % _DAY + _DAY - 1


def _fits(row: dict[str, Json], show: str, now: int) -> bool:
    """Whether what awaits us is of a filter: all of it, what is late, or what is due while it is still today."""
    if show == "waiting" or row["respond_by"] is None:
        return show == "waiting"
    return bool(row["late"]) if show == "overdue" else now <= parse_time(row["respond_by"]) <= end_of_day(now)


async def sent(call: Call) -> Response:
    """What we sent, and what became of it in words."""
    desk = call.desk
    found = await desk.read(reading.sent, desk.node.reading, call.now, after=call.asked("after") or None)
    own = desk.node.channel.party(desk.node.own).slug
    others = [card.slug for card in desk.node.channel.charter.parties if card.slug != own]
    rows = [row | {"states": [_state(call, row, one) for one in others]} for row in found]
    more = found[-1]["ref"] if len(found) == reading.PAGE else None
    return await shown(call, "sent.html", "sent", rows=rows, more=more)


def _state(call: Call, row: dict[str, Json], by: str) -> dict[str, Any]:
    """How far a message has got with one party: never more than is proved."""
    _ = call.tongue.gettext
    for name, words, icon in (
        ("answered_by", _("answered"), "reply"),
        ("read_by", _("read by an officer"), "person"),
        ("receipts", _("received by their machine"), "machine"),
    ):
        one = next((one for one in row[name] if one["by"] == by), None)
        if one:
            return {"by": by, "words": words, "time": one["time"], "tone": "good" if name != "receipts" else "", "icon": icon}
    return {"by": by, "words": _("sent, not yet received"), "time": None, "tone": "wait", "icon": "wait"}


ROUTES: Final = (
    Route("inbox", "GET", "/inbox", "reader", inbox),
    Route("sent", "GET", "/sent", "reader", sent),
)
