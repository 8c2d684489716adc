"""The channel: its lines, machines and people apart, receipts, witnesses, what is overdue on either side, misconduct with its proof, and
the fingerprint to compare by voice."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.responses import Response

from ...errors import LocalError
from ...node import convictions
from ...node.duty import telephones
from ...node.inbox import due_by
from ...record.fields import Json
from ..call import Call
from ..frame import SILENT_SECONDS, names, shown, silence
from ..qr import qr
from ..table import Route
from .inbox import end_of_day


async def channel(call: Call) -> Response:
    """The page."""
    desk = call.desk
    view, status = desk.node.reading, await desk.status()
    charter = desk.node.channel.charter
    found = await desk.read(convictions.listed, view)
    roles = {card.slug: card.role for card in charter.parties}
    own = status["party"]
    due = await desk.read(due_by, view, call.now, end_of_day(call.now))
    sides = [await _side(call, status, slug, own) for slug in names(call)]
    return await shown(
        call,
        "channel.html",
        "channel",
        known=status | {"overdue": [one for one in due if one["late"]], "due_today": [one for one in due if not one["late"]]},
        own=own,
        roles=roles,
        sides=sides,
        misconduct=found,
        alarms=status["alarms"],
        clocks={name: int(seconds) for name, seconds in sorted(charter.clocks.items())},
        words=status["channel"]["fingerprint"].split("-"),
        qr=qr(status["channel"]["fingerprint"]),
        witnesses=[one.name for one in charter.witnesses],
    )


async def _side(call: Call, status: dict[str, Json], slug: str, own: str) -> dict[str, Any]:
    """One party: when its machine and a person of it were last there, and how far what either sent has come."""
    logs = [one for one in status["logs"] if one["log"].partition(".")[0] == slug]
    ours = next(one for one in status["logs"] if one["log"] == status["log"])
    spoke = [one for one in status["lines"] if one["peer"].partition(".")[0] == slug]
    watch = next(one for one in status["watch"] if one["party"] == slug)
    receipted = ours["receipts"].get(slug, 0)
    return {
        "slug": slug,
        "own": slug == own,
        "logs": logs,
        "watch": watch,
        "spoke": max((one["spoke"] for one in spoke if one["spoke"]), default=None),
        "silent": silence(status).get(slug, 0) >= SILENT_SECONDS,
        "sent": ours["size"],
        "receipted": receipted,
        "share": 100 if not ours["size"] else receipted * 100 // ours["size"],
        "received": sum(one["size"] for one in logs),
        "telephones": await call.desk.read(telephones, call.desk.node.reading, slug),
    }


async def proof(call: Call) -> Response:
    """A misconduct proof to take away."""
    number = call.path["number"]
    if not re.fullmatch(r"[1-9][0-9]{0,5}", number):
        raise LocalError("console.missing")
    data = await call.desk.read(convictions.file_of, call.desk.node.reading, int(number))
    name = f'attachment; filename="misconduct-{number}.cwproof"'
    return Response(data, media_type="application/octet-stream", headers={"Content-Disposition": name})


ROUTES: Final = (
    Route("channel", "GET", "/channel", "reader", channel),
    Route("misconduct_proof", "GET", "/channel/misconduct/{number}", "reader", proof),
)
