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
    try:
        return await asyncio.to_thread(act, *arguments), None
    except LocalError as error:
        if error.code not in _PROBLEMS:
            raise
        return None, error


async def invite(call: Call) -> Response:
    """A link for somebody new, shown once."""
    role, name = call.given("role"), call.given("name") or None
    made, wrong = await _done(call, call.accounts.invite, role, name, call.who.account, call.now)
    return await people(call, link=made.secret if made else None, wrong=wrong)


async def link(call: Call) -> Response:
    """A link that signs somebody in who lost their device."""
    made, wrong = await _done(call, call.accounts.sign_in_link, _id(call), call.who.account, call.now)
    return await people(call, link=made, wrong=wrong)


async def role(call: Call) -> Response:
    """Another role."""
    return await _changed(call, call.accounts.set_role, _id(call), call.given("role"))


async def disable(call: Call) -> Response:
    """Let somebody in no more, at once."""
    return await _changed(call, call.accounts.disable, _id(call))


async def enable(call: Call) -> Response:
    """Let somebody in again."""
    return await _changed(call, call.accounts.enable, _id(call))


async def _changed(call: Call, act: Any, *arguments: Any) -> Response:
    _, wrong = await _done(call, act, *arguments, call.who.account, call.now)
    return await people(call, wrong=wrong) if wrong else RedirectResponse(f"{call.base}/people?said=Saved.", 303)


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
)
