"""Saying once more who one is, before an act that whoever finds a console unlocked must not be able to do. The page that asks carries the
act's own form, and sends it to the act's own address: by password and code it works without script."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import Response

from ... import limits
from ...errors import LocalError
from ..call import Call
from ..frame import origin_of, shown
from .me import answer_of, told

_OURS: Final = frozenset({"csrf", "password", "code", "answer"})


async def asked(call: Call, here: str, deed: str, **about: Any) -> Response | None:
    """None once this person has confirmed lately who they are, with this form or before; else the page that asks for it. `deed` and
    `about` say what will be done (confirm.html); `here` is the menu's entry."""
    if call.now < call.who.fresh_until:
        return None
    accounts, who, origin = call.accounts, call.who, origin_of(call.request)
    wrong: LocalError | None = None
    if call.given("answer"):
        until, wrong = await told(accounts.confirm_passkey, who.id, answer_of(call), origin, call.now)
    elif call.given("password") or call.given("code"):
        until, wrong = await told(accounts.confirm, who.id, call.given("password"), call.given("code"), call.now)
    else:
        until = None
    if until is not None:
        return None
    options, _ = await told(accounts.passkey_confirmation, who.id, origin, call.now)
    account, _ = await told(accounts.account, who.account)
    return await shown(
        call,
        "confirm.html",
        here,
        422,
        deed=deed,
        about=about,
        action=call.request.url.path,
        fields=[(name, value) for name, values in call.form.items() if name not in _OURS for value in values],
        options=None if options is None else json.dumps(options),
        password=account is not None and account.password,
        within=call.tongue.span(limits.FRESH_SECONDS),
        wrong=wrong,
    )
