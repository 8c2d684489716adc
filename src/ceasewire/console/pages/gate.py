"""Getting in and out: one-time links, signing in, signing out."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...errors import LocalError
from ..call import Call
from ..frame import client_of, cookie_of, origin_of, signed_in
from ..table import Route
from .me import answer_of

_DOOR: Final = ThreadPoolExecutor(6, thread_name_prefix="signing in")  # strangers who guess wait here, and keep no page waiting


async def enter(call: Call) -> Response:
    """The page of a one-time link: nothing happens before its button is pressed, so that a preview of the link spends nothing."""
    invited = await asyncio.to_thread(call.accounts.invitation, call.path["secret"], call.now)
    return await _enter(call, invited.role, invited.name, wrong=None)


async def _enter(call: Call, role: str, name: str, wrong: LocalError | None) -> Response:
    title = call.desk.node.channel.charter.title
    return await call.page("enter.html", 422 if wrong else 200, title=title, role=role, name=name, wrong=wrong, **_door(call))


async def entered(call: Call) -> Response:
    """The link is spent, and whoever pressed is signed in."""
    invited = await asyncio.to_thread(call.accounts.invitation, call.path["secret"], call.now)
    before = call.request.cookies.get(cookie_of(call.desk.name))
    name = call.given("name") or None
    try:
        found = await asyncio.to_thread(call.accounts.redeem, call.path["secret"], call.now, client_of(call), name=name, before=before)
    except LocalError as error:
        if error.code != "account.name":
            raise
        return await _enter(call, invited.role, invited.name, wrong=error)
    if invited.account is None:  # somebody new goes on in the language in which they came
        session = found[1]
        await asyncio.to_thread(call.accounts.set_preferences, session.account, call.tongue.language, session.calendar, session.theme)
    return signed_in(call, *found)


def _door(call: Call) -> dict[str, Any]:
    """Whose door this is, as its address says already; the channel's title is for those who have a link."""
    node = call.desk.node
    return {"party": node.channel.party(node.own).name, "exercise": node.channel.charter.exercise}


async def sign_in(call: Call) -> Response:
    """The page to sign in; whoever is signed in goes on to the inbox."""
    if call.session is not None:
        return RedirectResponse(f"{call.base}/inbox", 303)
    return await _sign_in(call, wrong=None)


async def _sign_in(call: Call, wrong: LocalError | None) -> Response:
    nobody = await asyncio.to_thread(call.accounts.is_empty)
    try:
        options = json.dumps(await asyncio.to_thread(call.accounts.passkey_sign_in, origin_of(call.request), call.now))
    except LocalError:  # an address by number has no passkeys
        options = None
    values = {"nobody": nobody, "wrong": wrong, "name": call.given("name"), "options": options}
    return await call.page("sign-in.html", 422 if wrong else 200, **_door(call), **values)


async def signed(call: Call) -> Response:
    """Sign in by password and code."""
    before = call.request.cookies.get(cookie_of(call.desk.name))
    name, password, code = (call.given(name) for name in ("name", "password", "code"))
    try:
        signing = partial(call.accounts.sign_in, name, password, code, call.now, client_of(call), before=before)
        found = await asyncio.get_running_loop().run_in_executor(_DOOR, signing)
    except LocalError as error:
        if error.code not in ("account.wrong", "account.busy"):
            raise
        return await _sign_in(call, wrong=error)
    return signed_in(call, *found)


async def signed_by_passkey(call: Call) -> Response:
    """Sign in by a passkey, which itself says whose it is."""
    before, origin = call.request.cookies.get(cookie_of(call.desk.name)), origin_of(call.request)
    answer = answer_of(call)
    try:
        found = await asyncio.to_thread(call.accounts.finish_passkey_sign_in, answer, origin, call.now, client_of(call), before=before)
    except LocalError as error:
        if error.code != "account.passkey":
            raise
        return await _sign_in(call, wrong=error)
    return signed_in(call, *found)


async def sign_out(call: Call) -> Response:
    """The session ends."""
    await asyncio.to_thread(call.accounts.sign_out, call.request.cookies.get(cookie_of(call.desk.name), ""), call.now)
    answer = RedirectResponse(f"{call.base}/sign-in", 303)
    answer.delete_cookie(cookie_of(call.desk.name), path="/", secure=True, httponly=True, samesite="strict")
    return answer


ROUTES: Final = (
    Route("enter", "GET", "/enter/{secret}", None, enter),
    Route("entered", "POST", "/enter/{secret}", None, entered),
    Route("sign_in", "GET", "/sign-in", None, sign_in),
    Route("signed", "POST", "/sign-in", None, signed),
    Route("signed_by_passkey", "POST", "/sign-in/passkey", None, signed_by_passkey),
    Route("sign_out", "POST", "/sign-out", "reader", sign_out),
)
