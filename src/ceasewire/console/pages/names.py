"""Without-prejudice names: what we call the parties and places, over the same signed bytes."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...errors import LocalError
from ...node import places
from .. import refusals
from ..call import Call
from ..frame import names as charter_names
from ..frame import shown
from ..naming import KINDS
from ..table import Route


async def page(call: Call) -> Response:
    """Each party and each place that the record names, with our own name for it."""
    return await _page(call)


async def _page(call: Call, wrong: str | None = None, given: tuple[str, str, str] = ("", "", "")) -> Response:
    own = await asyncio.to_thread(call.accounts.names)
    found = await call.desk.read(places.named, call.desk.node.reading)
    known = {**dict.fromkeys(own.get("place", {})), **dict.fromkeys(found)}
    values: dict[str, Any] = {
        "parties": [(slug, name, own.get("party", {}).get(slug, "")) for slug, name in charter_names(call).items()],
        "places": [(name, own.get("place", {}).get(name, "")) for name in known],
        "wrong": wrong,
        "given": given,
    }
    return await shown(call, "names.html", "names", 422 if wrong else 200, **values)


async def save(call: Call) -> Response:
    """One name, ours for theirs; without a name of ours, theirs is shown again."""
    kind, theirs, ours = (call.given(name).strip() for name in ("kind", "theirs", "ours"))
    if kind not in KINDS or not theirs:
        return await _page(call, call.tongue.gettext("Say which place it is, as they write it."), (kind, theirs, ours))
    try:
        await asyncio.to_thread(call.accounts.set_name, kind, theirs, ours, call.who.account, call.now)
    except LocalError as error:
        if error.code not in ("usage", "account.full"):
            raise
        return await _page(call, refusals.sentence(call.tongue, error.code), (kind, theirs, ours))
    return RedirectResponse(f"{call.base}/names?said=Saved.", 303)


ROUTES: Final = (
    Route("names", "GET", "/names", "releaser", page),
    Route("names_save", "POST", "/names", "releaser", save),
)
