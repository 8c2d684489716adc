"""The logbook: all that was sent and received in a time, to be read at a change of shift, and printed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from ...errors import LocalError
from ...node import inbox as reading
from ...record.fields import Json, show_time
from .. import moments
from ..call import Call
from ..frame import shown
from ..table import Route

HOURS: Final = 12  # that it shows unless the address says otherwise
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_ZONE: Final = "+00:00"


async def logbook(call: Call) -> Response:
    """Every message of a time in record order, or the newest first, with its receipts, by the hour; of very many some at a time, so that
    an old machine shows them at once."""
    start, stop = _period(call)
    order = "newest" if call.asked("order") == "newest" else "oldest"
    newest = order == "newest"
    after = call.asked("after") or None
    rows = await call.desk.read(partial(reading.logbook, newest=newest, after=after), call.desk.node.reading, start, stop)
    shifts = [one for one in await asyncio.to_thread(call.accounts.shifts, 200) if one.start <= stop and (one.end or stop) >= start]
    mine = next((one for one in shifts if one.end is None and one.account == call.who.account), None)
    period: dict[str, Any] = {"since": _typed(start), "until": _typed(stop + 59)}  # to the minute, and none of it lost
    return await shown(
        call,
        "logbook.html",
        "logbook",
        hours=_hours(rows),
        count=len(rows),
        more=urlencode({**period, "order": order, "after": rows[-1]["ref"]}) if len(rows) == reading.LOGBOOK_MOST else None,
        after=after,
        shifts=shifts,
        newest=newest,
        orders=[(one, urlencode({**period, "order": one})) for one in ("oldest", "newest")],
        periods=_periods(call, mine.start if mine else None),
        own=call.desk.node.channel.party(call.desk.node.own).slug,
        start=show_time(start),
        stop=show_time(stop),
        **period,
    )


def _hours(rows: Sequence[dict[str, Json]]) -> list[dict[str, Any]]:
    """The rows of each hour: its beginning (RFC 3339), what a link in the page calls it, and they."""
    found = ((hour, list(some)) for hour, some in groupby(rows, lambda row: row["time"][:13]))
    return [{"time": f"{hour}:00:00Z", "name": f"hour-{hour}", "rows": some} for hour, some in found]


def _periods(call: Call, began: int | None) -> list[tuple[str, str]]:
    """The times that one press chooses: which, and the address's query."""
    order = call.asked("order") if call.asked("order") in ("oldest", "newest") else "oldest"
    wanted = [("shift", began)] if began is not None else []
    wanted += [("hours", call.now - HOURS * _HOUR), ("day", call.now - _DAY)]
    return [(name, urlencode({"since": _typed(since), "until": "", "order": order})) for name, since in wanted]


def _period(call: Call) -> tuple[int, int]:
    """From and to, POSIX seconds: the last hours unless the address says otherwise."""
    try:
        stop = _moment(call, "until") or call.now
        start = _moment(call, "since") or max(0, stop - HOURS * _HOUR)
    except moments.NoTime:
        raise LocalError("console.form", "a time is 2026-03-01 06:00") from None
    return start, stop


def _moment(call: Call, name: str) -> int | None:
    """POSIX seconds, None where the address says no such time. Raises NoTime."""
    text = call.asked(name).strip()
    return moments.seconds(text, _ZONE, call.now) if text else None


def _typed(seconds: int) -> str:
    """A time as a form holds it, to the minute."""
    return moments.typed(show_time(seconds))[:16] + "Z"


ROUTES: Final = (Route("logbook", "GET", "/logbook", "reader", logbook),)
