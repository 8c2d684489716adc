"""The people of this node, for its administrators: who may what, invitations, the audit list."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...accounts import ROLES
from ...errors import LocalError
from ..call import Call
from ..frame import origin_of, shown
from ..table import Route
from . import confirm

AUDIT_LINES: Final = 100
_PROBLEMS: Final = frozenset({"account.name", "account.role", "account.full", "account.missing", "account.last", "account.disabled"})


async def people(call: Call, link: str | None = None, wrong: LocalError | None = None) -> Response:
    """The page; `link` is a one-time link that is shown this once."""
    accounts = call.accounts
    before = call.asked("before")
    lines = await asyncio.to_thread(accounts.audit, AUDIT_LINES, int(before) if before.isdecimal() and len(before) < 10 else None)
    return await shown(
        call,
        "people.html",
        "people",
        422 if wrong else 200,
        people=await asyncio.to_thread(accounts.accounts),
        roles=ROLES,
        lines=lines,
        more=lines[-1].id if len(lines) == AUDIT_LINES else None,
        link=link and f"{origin_of(call.request)}{call.base}/enter/{link}",
        wrong=wrong,
    )


async def _done(call: Call, act: Any, *arguments: Any) -> tuple[Any, LocalError | None]:
    def within() -> Any:
        with call.accounts.administering(call.who.id, call.now):
            return act(*arguments, call.who.account, call.now)

    try:
        return await asyncio.to_thread(within), None
    except LocalError as error:
        if error.code not in _PROBLEMS:
            raise
        return None, error


async def invite(call: Call) -> Response:
    """A link for somebody new, shown once."""
    role, name = _role(call), call.given("name") or None
    if page := await confirm.asked(call, "people", "invite", role=role, name=name):
        return page
    made, wrong = await _done(call, call.accounts.invite, role, name)
    return await people(call, link=made.secret if made else None, wrong=wrong)


async def link(call: Call) -> Response:
    """A link that signs somebody in who lost their device."""
    if page := await _confirmed(call, "link"):
        return page
    made, wrong = await _done(call, call.accounts.sign_in_link, _id(call))
    return await people(call, link=made, wrong=wrong)


async def role(call: Call) -> Response:
    """Another role."""
    return await _changed(call, "role", call.accounts.set_role, _id(call), _role(call))


async def disable(call: Call) -> Response:
    """Let somebody in no more, at once."""
    return await _changed(call, "disable", call.accounts.disable, _id(call))


async def enable(call: Call) -> Response:
    """Let somebody in again."""
    return await _changed(call, "enable", call.accounts.enable, _id(call))


async def end_sessions(call: Call) -> Response:
    """Sign somebody out everywhere."""
    return await _changed(call, "end_sessions", call.accounts.end_sessions, _id(call))


async def _changed(call: Call, deed: str, act: Any, *arguments: Any) -> Response:
    if page := await _confirmed(call, deed):
        return page
    _, wrong = await _done(call, act, *arguments)
    return await people(call, wrong=wrong) if wrong else RedirectResponse(f"{call.base}/people?said=Saved.", 303)


async def _confirmed(call: Call, deed: str) -> Response | None:
    """The page that asks who does this to somebody's account, or None. Raises LocalError account.missing."""
    whom = await asyncio.to_thread(call.accounts.account, _id(call))
    return await confirm.asked(call, "people", deed, role=call.given("role"), name=whom.name)


def _role(call: Call) -> str:
    """A role that a form gives. Raises LocalError console.form."""
    if call.given("role") not in ROLES:
        raise LocalError("console.form", "which role")
    return call.given("role")


def _id(call: Call) -> int:
    return number_of(call, "account")


def number_of(call: Call, name: str) -> int:
    """A number that a form gives. Raises LocalError console.form."""
    text = call.given(name)
    if not text.isdecimal() or len(text) > 9:
        raise LocalError("console.form", "whom")
    return int(text)


ROUTES: Final = (
    Route("people", "GET", "/people", "administrator", people),
    Route("invite", "POST", "/people/invite", "administrator", invite),
    Route("link", "POST", "/people/link", "administrator", link),
    Route("role", "POST", "/people/role", "administrator", role),
    Route("disable", "POST", "/people/disable", "administrator", disable),
    Route("enable", "POST", "/people/enable", "administrator", enable),
    Route("end_sessions", "POST", "/people/sessions/end", "administrator", end_sessions),
)
