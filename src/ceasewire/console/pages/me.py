"""One's own page: language and calendar, how one signs in, the key by which one releases, where one is signed in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from starlette.responses import RedirectResponse, Response

from ...accounts import CALENDARS, THEMES
from ...errors import LocalError
from ..call import Call
from ..frame import client_of, origin_of, shown, signed_in
from ..qr import qr
from ..table import Route
from ..tongue import LANGUAGES

T = TypeVar("T")
_PROBLEMS: Final = frozenset({"account.password", "account.wrong", "account.fresh", "account.passkey", "account.busy", "account.full"})


async def told(call: Callable[..., T], *arguments: Any, **named: Any) -> tuple[T | None, LocalError | None]:
    """What the accounts answer, or what a person did wrong. Raises every other LocalError."""
    try:
        return await asyncio.to_thread(call, *arguments, **named), None
    except LocalError as error:
        if error.code not in _PROBLEMS:
            raise
        return None, error


async def me(call: Call, wrong: LocalError | None = None, **more: Any) -> Response:
    """The page."""
    accounts, who = call.accounts, call.who
    account = await asyncio.to_thread(accounts.account, who.account)
    passkeys = await asyncio.to_thread(accounts.passkeys, who.account)
    new, _ = await told(accounts.passkey_registration, who.id, None, origin_of(call.request), call.now)
    halves = await asyncio.to_thread(accounts.officers, who.account)
    officers = {officer.public: officer for officer in call.desk.node.channel.charter.officers}
    return await shown(
        call,
        "me.html",
        "me",
        422 if wrong else 200,
        account=account,
        passkeys=passkeys,
        options=None if new is None else json.dumps(new),
        halves=[(half, officers.get(half.key)) for half in halves],
        sessions=await asyncio.to_thread(accounts.sessions, who.account, call.now),
        languages_there=[(code, LANGUAGES[code]) for code in ("en", "ps")],
        calendars=CALENDARS,
        themes=THEMES,
        wrong=wrong,
        **{"enrolment": None, "qr": None, **more},
    )


async def preferences(call: Call) -> Response:
    """Language, calendar, light or dark."""
    given = [call.given(name) for name in ("language", "calendar", "theme")]
    await asyncio.to_thread(call.accounts.set_preferences, call.who.account, *given)
    return RedirectResponse(f"{call.base}/me?said=Saved.", 303)


async def begin_password(call: Call) -> Response:
    """A password, then the codes of an authenticator app: nothing is kept before the first code."""
    if (await asyncio.to_thread(call.accounts.account, call.who.account)).password:  # it would replace the release key
        raise LocalError("console.form", "there is a password already: change it")
    made, wrong = await told(call.accounts.register_password, call.who.id, None, call.given("password"), call.now)
    if made is None:
        return await me(call, wrong)
    return await me(call, enrolment=made, qr=qr(made.uri))


async def confirm_code(call: Call) -> Response:
    """The first code ends the enrolment."""
    found, wrong = await told(call.accounts.confirm_totp, call.who.id, call.given("code"), call.now, client_of(call))
    return await me(call, wrong) if found is None else signed_in(call, *found, to="/me?said=Saved.")


async def change_password(call: Call) -> Response:
    """Another password over the same codes and the same release key."""
    given = [call.given(name) for name in ("password", "code", "new")]
    _, wrong = await told(call.accounts.change_password, call.who.id, *given, call.now)
    return await me(call, wrong) if wrong else RedirectResponse(f"{call.base}/me?said=Saved.", 303)


async def confirm(call: Call) -> Response:
    """Say once more who one is, by password and code; for what asks for it."""
    _, wrong = await told(call.accounts.confirm, call.who.id, call.given("password"), call.given("code"), call.now)
    return await me(call, wrong) if wrong else RedirectResponse(f"{call.base}/me?said=Saved.", 303)


async def add_passkey(call: Call) -> Response:
    """Keep the passkey that the browser made."""
    answer = answer_of(call)
    found, wrong = await told(
        call.accounts.finish_passkey,
        call.who.id,
        None,
        answer,
        origin=origin_of(call.request),
        now=call.now,
        client=client_of(call),
        label=call.given("label"),
    )
    return await me(call, wrong) if found is None else signed_in(call, *found, to="/me?said=Saved.")


async def remove_passkey(call: Call) -> Response:
    """Remove one of one's own."""
    _, wrong = await told(call.accounts.remove_passkey, call.who.id, call.given("id"), call.now)
    return await me(call, wrong) if wrong else RedirectResponse(f"{call.base}/me?said=Saved.", 303)


async def end_session(call: Call) -> Response:
    """End one of one's own sessions."""
    own = {one.id for one in await asyncio.to_thread(call.accounts.sessions, call.who.account)}
    if call.given("id") in own:
        await asyncio.to_thread(call.accounts.end_session, call.given("id"), call.who.account, call.now)
    return RedirectResponse(f"{call.base}/me?said=Saved.", 303)


def answer_of(call: Call) -> dict[str, Any]:
    """What the browser's authenticator answered. Raises LocalError console.form."""
    try:
        found = json.loads(call.given("answer"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise LocalError("console.form", "the passkey's answer")
    return found


ROUTES: Final = (
    Route("me", "GET", "/me", "reader", me),
    Route("preferences", "POST", "/me/preferences", "reader", preferences),
    Route("begin_password", "POST", "/me/password", "reader", begin_password),
    Route("confirm_code", "POST", "/me/code", "reader", confirm_code),
    Route("change_password", "POST", "/me/password/change", "reader", change_password),
    Route("confirm", "POST", "/me/confirm", "reader", confirm),
    Route("add_passkey", "POST", "/me/passkeys", "reader", add_passkey),
    Route("remove_passkey", "POST", "/me/passkeys/remove", "reader", remove_passkey),
    Route("end_session", "POST", "/me/sessions/end", "reader", end_session),
)
