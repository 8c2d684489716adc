"""What stands around every page of somebody signed in: the menu with its counts, the line's state, and the flashes."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .. import limits
from ..accounts import Client, Session
from ..node.duty import telephones
from ..node.inbox import count_awaiting
from ..record.fields import Json, parse_time
from ..record.phrases import texts
from .call import Call
from .naming import Naming

FLASH_SECONDS: Final = 300  # so long after a flash that no person has read, both pages show the duty telephone
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


async def shown(call: Call, template: str, here: str, status: int = 200, **values: Any) -> Response:
    """A page of somebody signed in, within its frame; `here` the menu's entry that it belongs to."""
    naming, shell = await naming_of(call), await _shell(call)
    for flash in shell["flashes"]:
        flash |= {"by_name": naming.party(flash["by"]), "where": naming.place(flash["where"])}
    return await call.page(template, status, here=here, shell=shell, names=naming.shown, naming=naming, **values)


async def naming_of(call: Call) -> Naming:
    """What this node's people call the parties and places."""
    return Naming.of(names(call), await asyncio.to_thread(call.accounts.names))


def names(call: Call) -> dict[str, str]:
    """The parties' names by their slugs."""
    return {card.slug: card.name for card in call.desk.node.channel.charter.parties}


async def _shell(call: Call) -> dict[str, Any]:
    desk, tongue = call.desk, call.tongue
    status = await desk.status()
    waiting = await desk.read(count_awaiting, desk.node.reading, call.now)
    own = status["party"]
    charter = desk.node.channel.charter
    line, words = _line(call, status)
    flashes = status["flashes"]
    unread = [await _flash(call, one) for one in flashes if one["by"] == own and one["sounds"] and not one["read_by"]]
    return {
        "title": charter.title,
        "exercise": charter.exercise,
        "party": names(call)[own],
        "line": line,
        "line_words": words,
        "menu": _menu(call, waiting, len(await desk.read(desk.drafts.names))),
        "flashes": [await _flash(call, one) for one in flashes if one["by"] != own and own not in one["read_by"]],
        "waiting_flashes": unread,
        "telephone": list(dict.fromkeys(number for one in unread for number in one["telephone"] or [])),
        "said": [Said(tongue.gettext(text)) for text in call.query.get("said", []) if text in SAID],
    }


SHIFT_BEGUN: Final = "Your shift has begun, and the other side is told that a person watches."
SAID: Final = frozenset(
    {"Sent.", "Kept as a draft.", "Discarded.", "They are told that a person has read it.", "Saved.", SHIFT_BEGUN, "Your shift has ended."}
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


def _line(call: Call, status: dict[str, Json]) -> tuple[str, str]:
    """The state of the lines in one word for the dot, and in a sentence."""
    tongue = call.tongue
    if status["health"] != "ok":
        return "bad", tongue.gettext("This node is closed: %(code)s") % {"code": status["health"]}
    silent = [line["seconds_silent"] for line in status["lines"]]
    if not silent or None in silent:
        return "warn", tongue.gettext("A line has never been heard")
    most = max(silent)
    words = tongue.gettext("Heard from every side %(span)s ago") % {"span": tongue.span(most)}
    return ("good" if most < 900 else "warn"), words


async def _flash(call: Call, one: dict[str, Json]) -> dict[str, Any]:
    """A flash for its banner. After five minutes without a person, whom to telephone: its sender on their page, the others on ours."""
    log, _, index = one["ref"].rpartition("/")
    where = one["place"] or (", ".join(map(str, one["location"])) if one["location"] else "")
    own = call.desk.node.channel.party(call.desk.node.own).slug
    telephone: list[str] | None = None
    if call.now - parse_time(one["last"]) >= FLASH_SECONDS:
        asked = [slug for slug in names(call) if slug != own] if one["by"] == own else [one["by"]]
        telephone = [number for slug in asked for number in await call.desk.read(telephones, call.desk.node.reading, slug)]
    words = texts(one["phrase"], call.tongue.language)
    return {**one, "log": log, "index": index, "words": words, "where": where, "by_name": names(call)[one["by"]], "telephone": telephone}
