"""What stands around every page of somebody signed in: the menu with its counts, the line's state, and the flashes."""

from __future__ import annotations

import asyncio
import hashlib
import math
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .. import limits
from ..accounts import Client, Session
from ..node.owed import Owed, our_owed
from ..record.fields import Json
from . import watch
from .banners import banners
from .call import Call
from .naming import Naming

SILENT_SECONDS: Final = 120  # a line that lives is heard every half minute; so long without a word, a side is named
_DEVICE_SECONDS: Final = 400 * 86400
_DEVICE: Final = "device-"


def cookie_of(name: str, what: str = "") -> str:
    """The name of a cookie of a node: two nodes of one host share none. `what`: the session's, or the device's."""
    return f"__Host-ceasewire-{what}{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def origin_of(request: Request) -> str:
    """Where the browser thinks it is: what a form comes from, and what a passkey is bound to."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def client_of(call: Call) -> Client:
    """Whoever asks, as far as the connection and the device's cookie say."""
    address = call.request.client.host if call.request.client else ""
    return Client(address, call.request.cookies.get(cookie_of(call.desk.name, _DEVICE), ""))


def signed_in(call: Call, token: str, session: Session, to: str = "/inbox") -> Response:
    """The way to a page, with the cookies of the session and of the device."""
    answer = RedirectResponse(f"{call.base}{to}", 303)
    for name, value, seconds in (
        (cookie_of(call.desk.name), token, limits.SESSION_SECONDS),
        (cookie_of(call.desk.name, _DEVICE), session.device, _DEVICE_SECONDS),
    ):
        if value:
            answer.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence of what was done: `tone` good, warn or bad."""

    text: str
    tone: str = "good"


async def shown(call: Call, template: str, here: str, status: int = 200, *, ours: list[Owed] | None = None, **values: Any) -> Response:
    """A page of somebody signed in, within its frame; `here` the menu's entry that it belongs to, `ours` what our party owes, if the page
    has asked that already."""
    naming = await naming_of(call)
    shell = await _shell(call, naming, here, ours)
    return await call.page(template, status, here=here, shell=shell, names=naming.shown, naming=naming, **values)


async def naming_of(call: Call) -> Naming:
    """What this node's people call the parties and places."""
    return Naming.of(names(call), await asyncio.to_thread(call.accounts.names))


def names(call: Call) -> dict[str, str]:
    """The parties' names by their slugs."""
    return {card.slug: card.name for card in call.desk.node.channel.charter.parties}


async def _shell(call: Call, naming: Naming, here: str, ours: list[Owed] | None) -> dict[str, Any]:
    desk, tongue = call.desk, call.tongue
    status = await desk.status()
    waiting = await desk.read(our_owed, desk.node.reading, call.now) if ours is None else ours
    own = status["party"]
    charter = desk.node.channel.charter
    line, words = _line(call, status)
    return {
        "title": charter.title,
        "exercise": charter.exercise,
        "party": names(call)[own],
        "line": line,
        "line_words": words,
        "watch": await asyncio.to_thread(watch.watch, call.accounts, call.now),
        "menu": _menu(call, len(waiting), len(await desk.read(desk.drafts.names))),
        "banners": await banners(call, naming, status["flashes"], waiting, here),
        "said": [Said(tongue.gettext(text)) for text in call.query.get("said", []) if text in SAID],
    }


SHIFT_BEGUN: Final = "Your shift has begun, and the other side is told that a person watches."
SENT_ALREADY: Final = "The draft was sent already: this is the message. Nothing is left to release."
SAID: Final = frozenset(
    {
        "Sent.",
        SENT_ALREADY,
        "Kept as a draft.",
        "Discarded.",
        "They are told that a person has read it.",
        "Saved.",
        SHIFT_BEGUN,
        "Your shift has ended.",
    }
)
"""What a page may say after an act: the address names it, so nothing else is ever said."""


def _menu(call: Call, waiting: int, drafts: int) -> list[tuple[str, str, int]]:
    _ = call.tongue.gettext
    found = [
        ("inbox", _("Inbox"), waiting),
        ("sent", _("Sent"), 0),
        ("cases", _("Cases"), 0),
        ("channel", _("Channel"), 0),
        ("shift", _("Shift"), 0),
    ]
    if call.who.may("drafter"):
        found[2:2] = [("compose", _("Compose"), 0), ("release", _("Awaiting release"), drafts)]
    if call.who.role == "administrator":
        found.append(("people", _("People"), 0))
    return found


def silence(status: dict[str, Json]) -> dict[str, float]:
    """For how many seconds each other side was not heard, infinity if never; of a side with several devices, the one heard last counts."""
    found: dict[str, float] = {}
    for one in status["lines"]:
        side, seconds = one["peer"].partition(".")[0], one["seconds_silent"]
        if side != status["party"]:
            found[side] = min(found.get(side, math.inf), math.inf if seconds is None else seconds)
    return found


def _line(call: Call, status: dict[str, Json]) -> tuple[str, str]:
    """The state of the lines in one word for the dot, and in a sentence."""
    tongue = call.tongue
    if status["health"] != "ok":
        code = Markup('<code dir="ltr">%s</code>') % status["health"]
        return "bad", escape(tongue.gettext("This node is closed: %(code)s")) % {"code": code}
    silent = silence(status)
    side = max(silent, key=silent.__getitem__, default="")
    if not silent or silent[side] == math.inf:
        return "warn", tongue.gettext("A line has never been heard")
    if silent[side] < SILENT_SECONDS:
        return "good", tongue.gettext("Every side was heard in the last two minutes")
    words = Markup("<bdi>%s</bdi>") % names(call)[side]
    said = {"side": words, "span": tongue.span(int(silent[side]))}
    return "warn", escape(tongue.gettext("Nothing heard from %(side)s for %(span)s")) % said
