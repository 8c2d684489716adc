"""The shift: somebody begins to watch and the other side is told so, hands over with a note, and prints the logbook. DOMAIN, "machines
answer, nobody is there"."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.responses import RedirectResponse, Response

from ...accounts import ROLES
from ...errors import LocalError
from ...node import inbox as reading
from ...record.fields import Json, parse_time
from .. import moments
from ..call import Call
from ..frame import shown
from ..table import Route
from .people import number_of

_DAY: Final = 86400
_MINE: Final = "shift"


async def shift(call: Call) -> Response:
    """Who watches now, who did before and what they left, who comes next."""
    accounts = call.accounts
    on = await asyncio.to_thread(accounts.on_shift)
    shifts = await asyncio.to_thread(accounts.shifts, 20)
    roster = await asyncio.to_thread(accounts.roster, call.now, call.now + 7 * _DAY)
    mine = next((one for one in on if one.account == call.who.account), None)
    left = next((one for one in shifts if one.end is not None and one.note), None)
    people = [one for one in await asyncio.to_thread(accounts.accounts) if one.disabled is None]
    return await shown(call, "shift.html", _MINE, on=on, shifts=shifts, roster=roster, mine=mine, left=left, people=people, roles=ROLES)


async def start(call: Call) -> Response:
    """Begin to watch: a person's watch check goes to the other side, by role and without a name."""
    body: dict[str, Json] = {"watch": True, "nothing_to_report": call.given("nothing") == "yes"}
    duty = call.given("duty").strip()
    if duty:
        body["on_duty"] = [duty]
    if all(one.account != call.who.account for one in await asyncio.to_thread(call.accounts.on_shift)):  # pressed twice it is said once
        await call.desk.send("acknowledgement", body, len(str(body)))
        await asyncio.to_thread(call.accounts.shift_start, call.who.account, call.now)
    return RedirectResponse(f"{call.base}/shift?said=Your+shift+has+begun%2C+and+the+other+side+is+told+that+a+person+watches.", 303)


async def end(call: Call) -> Response:
    """Hand over, with a note for whoever comes next."""
    await asyncio.to_thread(call.accounts.shift_end, call.who.account, call.given("note"), call.now)
    return RedirectResponse(f"{call.base}/shift?said=Your+shift+has+ended.", 303)


async def put_on(call: Call) -> Response:
    """Somebody is on duty from then to then."""
    try:
        since, until = (parse_time(moments.read(call.given(name), "+00:00", call.now)) for name in ("since", "until"))
    except moments.NoTime:
        raise LocalError("console.form", "a time is 2026-03-01 06:00") from None
    account, role = number_of(call, "account"), call.given("role")
    await asyncio.to_thread(call.accounts.add_duty, account, since, until, role, by=call.who.account, now=call.now)
    return RedirectResponse(f"{call.base}/shift?said=Saved.", 303)


async def take_off(call: Call) -> Response:
    """A line of the roster goes."""
    await asyncio.to_thread(call.accounts.remove_duty, number_of(call, "duty"), call.who.account, call.now)
    return RedirectResponse(f"{call.base}/shift?said=Saved.", 303)


async def logbook(call: Call) -> Response:
    """All that was sent and received in a time, in order, with its receipts: to be printed."""
    start_, stop = _period(call)
    view = call.desk.node.reading
    rows = await call.desk.read(reading.logbook, view, start_, stop)
    shifts = [one for one in await asyncio.to_thread(call.accounts.shifts, 200) if one.start <= stop and (one.end or stop) >= start_]
    since, until = (datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%dT%H:%M") for one in (start_, stop))
    own = call.desk.node.channel.party(call.desk.node.own).slug
    return await shown(
        call, "logbook.html", "logbook", rows=rows, cut=len(rows) == reading.LOGBOOK_MOST, shifts=shifts, since=since, until=until, own=own
    )


def _period(call: Call) -> tuple[int, int]:
    """From and to, POSIX seconds: the last twelve hours unless the address says otherwise."""
    try:
        stop = _moment(call.asked("until")) or call.now
        start_ = _moment(call.asked("since")) or max(0, stop - int(timedelta(hours=12).total_seconds()))
    except (ValueError, OverflowError):
        raise LocalError("console.form", "a time is 2026-03-01T06:00") from None
    return start_, stop


def _moment(text: str) -> int | None:
    """POSIX seconds. Raises ValueError for no time, and for one before all others."""
    found = int(datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp()) if text else None
    if found is not None and found < 0:
        raise ValueError(text)
    return found


ROUTES: Final = (
    Route("shift", "GET", "/shift", "reader", shift),
    Route("shift_start", "POST", "/shift/start", "drafter", start),
    Route("shift_end", "POST", "/shift/end", "drafter", end),
    Route("duty_put_on", "POST", "/shift/roster", "administrator", put_on),
    Route("duty_take_off", "POST", "/shift/roster/remove", "administrator", take_off),
    Route("logbook", "GET", "/logbook", "reader", logbook),
)
