"""A flash that was read: the other side is told that a person has. Silencing is the browser's own and sends nothing."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from ...record.fields import Json
from ..call import Call
from ..table import Route


async def read(call: Call) -> Response:
    """Acknowledge a flash as read by a person, once."""
    ref = f"{call.path['log']}/{call.path['index']}"
    body: dict[str, Json] = {"re": ref, "state": "read"}
    own = call.desk.node.channel.party(call.desk.node.own).slug
    status = await call.desk.status()
    if not any(one["ref"] == ref and own in one["read_by"] for one in status["flashes"]):
        await call.desk.send("acknowledgement", body, len(str(body)))
    return RedirectResponse(f"{call.base}/inbox?said=They+are+told+that+a+person+has+read+it.", 303)


ROUTES: Final = (Route("flash_read", "POST", "/flash/{log}/{index}/read", "drafter", read),)
