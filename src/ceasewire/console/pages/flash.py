"""A flash that was read: the other side is told that a person has. Silencing is the browser's own and sends nothing."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from ...errors import LocalError
from ...record.fields import Json
from ...record.saying import party_of
from ..call import Call
from ..saying import acknowledge
from ..table import Route
from .message import reference


async def read(call: Call) -> Response:
    """Acknowledge a flash as read by a person, once."""
    view = call.desk.node.reading
    found = await call.desk.read(lambda: view.show(reference(call, view)))
    ref, own = str(found["ref"]), view.channel.party(view.own).slug
    if found["kind"] != "flash" or party_of(ref) == own:
        raise LocalError("console.missing")
    body: dict[str, Json] = {"re": ref, "state": "read"}
    status = await call.desk.status()
    if not any(one["ref"] == ref and own in one["read_by"] for one in status["flashes"]):
        await acknowledge(call, body, "flash_read", ref)
    return RedirectResponse(f"{call.base}/inbox?said=They+are+told+that+a+person+has+read+it.", 303)


ROUTES: Final = (Route("flash_read", "POST", "/flash/{log}/{index}/read", "drafter", read),)
