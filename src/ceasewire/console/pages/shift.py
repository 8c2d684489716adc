"""The shift: somebody begins to watch and the other side is told so, and hands over with a note; the roster. DOMAIN, "machines answer,
nobody is there"."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...accounts import ROLES
from ...errors import LocalError
from ...record.fields import Json, show_time
from .. import moments, watch
from ..call import Call
from ..frame import shown
from ..saying import acknowledge
from ..table import Route
from .people import number_of

_DAY, _HOUR = 86400, 3600
_DUTY: Final = 8 * _HOUR  # a line of the roster that nobody has changed
_MINE: Final = "shift"


async def shift(call: Call) -> Response:
    """Who watches now, who did before and what they left, who comes next."""
    accounts = call.accounts
    on = await asyncio.to_thread(watch.watch, accounts, call.now)
    ended = [one for one in await asyncio.to_thread(accounts.shifts, 20) if one.end is not None]
    roster = await asyncio.to_thread(accounts.roster, call.now, call.now + 7 * _DAY)
    people = [one for one in await asyncio.to_thread(accounts.accounts) if one.disabled is None]
    hour = call.now // _HOUR * _HOUR + _HOUR
    return await shown(
        call,
        "shift.html",
        _MINE,
        on=on.on,
        away=on.away,
        shifts=ended,
        roster=roster,
        mine=on.of(call.who.account),
        offered=on.offered_by(call.who.account),
        offers=on.offered_to(call.who.account),
        left=next((one for one in ended if one.note), None),
        people=people,
        roles=ROLES,
        offsets=moments.ZONES,
        duty=[moments.typed(show_time(one))[:16] for one in (hour, hour + _DUTY)],
    )


async def start(call: Call) -> Response:
    """Begin to watch: a person's watch check goes to the other side, by role and without a name."""
    body: dict[str, Json] = {"watch": True}
    duty = call.given("duty").strip()
    if duty:
        body["on_duty"] = [duty]
    if all(one.account != call.who.account for one in await asyncio.to_thread(call.accounts.on_shift)):  # pressed twice it is said once
        await acknowledge(call, body, "watch_told")
        await asyncio.to_thread(call.accounts.shift_start, call.who.account, call.now)
    for one in (await asyncio.to_thread(watch.watch, call.accounts, call.now)).offered_to(call.who.account):
        if str(one.shift.id) in call.form.get("take", []):
            await asyncio.to_thread(watch.take, call.accounts, one, call.now)
    return RedirectResponse(f"{call.base}/shift?said=Your+shift+has+begun%2C+and+the+other+side+is+told+that+a+person+watches.", 303)


async def end(call: Call) -> Response:
    """End one's watch, with a note for whoever comes next. Whoever would leave nobody on watch is asked first."""
    accounts, account = call.accounts, call.who.account
    on = await asyncio.to_thread(watch.watch, accounts, call.now)
    if on.of(account) is None:  # somebody took it over while the page stood open
        return RedirectResponse(f"{call.base}/shift", 303)
    if on.leaves_nobody(account) and call.given("alone") != "yes":
        return await _ask(call, on)
    await asyncio.to_thread(accounts.shift_end, account, call.given("note"), call.now)
    await asyncio.to_thread(accounts.drop_draft, account, watch.KEY)
    return RedirectResponse(f"{call.base}/shift?said=Your+shift+has+ended.", 303)


async def _ask(call: Call, on: watch.Watch) -> Response:
    """Nobody would be on watch: really, or who takes over?"""
    others = [one for one in await asyncio.to_thread(watch.successors, call.accounts) if one.id != call.who.account]
    coming = {one.account for one in await asyncio.to_thread(call.accounts.roster, call.now, call.now + _DUTY)}
    others.sort(key=lambda one: one.id not in coming)
    values: dict[str, Any] = {"others": others, "coming": coming, "note": call.given("note")}
    return await shown(call, "shift-end.html", _MINE, 422, mine=on.of(call.who.account), **values)


async def hand_over(call: Call) -> Response:
    """Offer one's watch to somebody, and watch on until they take it; to nobody: take the offer back."""
    accounts, account = call.accounts, call.who.account
    mine = (await asyncio.to_thread(watch.watch, accounts, call.now)).of(account)
    if mine is None:
        raise LocalError("account.missing", "no shift was begun")
    if call.given("account"):
        to = number_of(call, "account")
        if to == account or to not in {one.id for one in await asyncio.to_thread(watch.successors, accounts)}:
            raise LocalError("console.form", "whom")
        await asyncio.to_thread(watch.offer, accounts, mine, to, call.given("note"), call.now)
    else:
        await asyncio.to_thread(accounts.drop_draft, account, watch.KEY)
    return RedirectResponse(f"{call.base}/shift?said=Saved.", 303)


async def put_on(call: Call) -> Response:
    """Somebody is on duty from then to then."""
    try:
        since, until = (moments.seconds(call.given(name), _zone(call), call.now) for name in ("since", "until"))
    except moments.NoTime:
        raise LocalError("console.form", "a time is 2026-03-01 06:00") from None
    account, role = number_of(call, "account"), call.given("role")
    await asyncio.to_thread(call.accounts.add_duty, account, since, until, role, by=call.who.account, now=call.now)
    return RedirectResponse(f"{call.base}/shift?said=Saved.", 303)


def _zone(call: Call) -> str:
    """The zone of times that are typed without one."""
    return call.given("zone") if call.given("zone") in moments.ZONES else "+00:00"


async def take_off(call: Call) -> Response:
    """A line of the roster goes."""
    await asyncio.to_thread(call.accounts.remove_duty, number_of(call, "duty"), call.who.account, call.now)
    return RedirectResponse(f"{call.base}/shift?said=Saved.", 303)


ROUTES: Final = (
    Route("shift", "GET", "/shift", "reader", shift),
    Route("shift_start", "POST", "/shift/start", "drafter", start),
    Route("shift_end", "POST", "/shift/end", "drafter", end),
    Route("shift_hand_over", "POST", "/shift/hand-over", "drafter", hand_over),
    Route("duty_put_on", "POST", "/shift/roster", "administrator", put_on),
    Route("duty_take_off", "POST", "/shift/roster/remove", "administrator", take_off),
)
