"""Looking for messages by their words."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from ...errors import LocalError
from ...node import caselist
from ...node.view import View
from .. import wording
from ..call import Call
from ..frame import shown
from ..table import Route


async def search(call: Call) -> Response:
    """The newest messages that hold all the words; what stands in double quotes is one phrase."""
    asked, after = call.asked("q").strip(), call.asked("after") or None
    values: dict[str, Any] = {"rows": [], "more": None, "wrong": None}
    named = await call.desk.read(_named, call.desk.node.reading, asked)
    if named:
        return RedirectResponse(f"{call.base}/message/{named}", 303)
    if asked:
        try:
            rows, more = await call.desk.read(caselist.search, call.desk.node.reading, asked, after)
        except LocalError as error:
            if error.code not in ("usage", "ref.malformed", "ref.missing"):
                raise
            values["wrong"] = call.tongue.gettext("That cannot be looked for. Give one to thirty-two words.")
        else:
            values["rows"] = [{**row, "headline": wording.headline(row["kind"], row["body"])} for row in rows]
            values["more"] = rows[-1]["ref"] if more else None
    return await shown(call, "search.html", "inbox", q=asked, after=after, **values)


def _named(view: View, asked: str) -> str | None:
    """The message, if a reference to one is looked for."""
    try:
        ref = view.ref(asked)
        view.row(ref)
    except LocalError:
        return None
    return view.name(*ref)


ROUTES: Final = (Route("search", "GET", "/search", "reader", search),)
