"""Requests below `/c/NAME`: who asks, whether they may, which page answers. Everything that keeps strangers out stands here, so that no
page can forget it.

A page of a node that is not here, and one of a node where whoever asks is not signed in, answer alike. An act (POST) must come from our own
origin and bear the session's token. Nothing of a signed-in page is kept by a browser's cache, and no other page may frame one.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as WebRoute
from structlog.typing import FilteringBoundLogger

from ..accounts import Accounts, Session
from ..errors import CeasewireError, LocalError
from .call import Call, Desk
from .frame import cookie_of, origin_of
from .pages import ROUTES
from .refusals import of_core, sentence, step, what
from .render import render, statics
from .table import find
from .tongue import Tongue, choose

PREFIX: Final = "/c"
FORM_BYTES: Final = 256 * 1024
FORM_FIELDS: Final = 600
QUERY_FIELDS: Final = 50
BODY_SECONDS: Final = 10.0
METHODS: Final = ("GET", "POST")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with none at all a browser says no origin of its forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self), autoplay=(self)",
}


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


_DEFECT: Final = _("The page could not be made")
_LOG: Final = _("Tell whoever runs this node; its log says more.")
_STATUS: Final = {"console.missing": 404, "console.method": 405, "console.role": 403, "console.origin": 403, "console.csrf": 403}


def routes(desks: Sequence[Desk], log: FilteringBoundLogger) -> list[WebRoute]:
    """Everything below /c, where it is mounted, and the files that pages are made with."""
    by_name = {desk.name: desk for desk in desks}

    async def answer(request: Request) -> Response:
        desk = by_name.get(request.path_params["name"])
        try:
            found = await _answer(request, desk)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408, headers={"Connection": "close"})
        except Exception as error:  # a defect of ours; its text may hold what a person wrote
            log.error("console.defect", kind=type(error).__name__, at=_place(error))
            tongue = getattr(request.state, "tongue", None) or _tongue(request)
            said = {"back": None, "code": "503", "sentence": of_core(tongue, _DEFECT), "step": of_core(tongue, _LOG)}
            found = await render(tongue, "error.html", 503, said)
        for header, value in HEADERS.items():
            found.headers.setdefault(header, value)
        return found

    return [
        WebRoute("/static/{file}", statics, methods=["GET"]),
        WebRoute("/{name}/{path:path}", answer, methods=list(METHODS)),
        WebRoute("/{name}", _whole, methods=["GET"]),
    ]


async def _whole(request: Request) -> Response:
    """The address of a node as somebody may type it, made whole."""
    return RedirectResponse(f"{PREFIX}/{request.path_params['name']}/", 303)


def _place(error: Exception) -> str:
    """Where a defect is: the last files and lines on the way to it."""
    frames = extract_tb(error.__traceback__)[-3:]
    return " ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)


async def _answer(request: Request, desk: Desk | None) -> Response:
    tongue = _tongue(request)
    session: Session | None = None
    try:
        if desk is None:
            raise LocalError("console.missing")
        accounts = await desk.accounts()
        now = int(time.time())
        session = await _session(request, desk, accounts, now)
        if session is not None:
            request.state.tongue = tongue = Tongue(session.language or tongue.language, session.calendar)
        found = find(ROUTES, request.method, request.path_params["path"])
        if session is None and (isinstance(found, str) or found.route.role is not None):
            return _sign_in(request, desk)
        if isinstance(found, str):
            raise LocalError(f"console.{found}")
        if not found.route.allows(session.role if session else None):
            raise LocalError("console.role")
        query, form = await _sent(request, session)
        return await found.route.act(Call(desk, request, found.path, query, form, session, accounts, tongue, now, render))
    except CeasewireError as error:
        return await _told(request, error, tongue, session)


def _tongue(request: Request) -> Tongue:
    """The language of whoever asks, as far as the browser says it."""
    return Tongue(choose(request.query_params.get("lang") or request.cookies.get("lang"), request.headers.get("accept-language", "")))


async def _session(request: Request, desk: Desk, accounts: Accounts, now: int) -> Session | None:
    token = request.cookies.get(cookie_of(desk.name))
    return None if not token else await asyncio.to_thread(accounts.session, token, now)


def _sign_in(request: Request, desk: Desk) -> Response:
    """Whoever is not signed in learns nothing of which pages there are."""
    if request.method != "GET":
        return Response(status_code=401)
    return RedirectResponse(f"{PREFIX}/{desk.name}/sign-in", 303)


async def _sent(request: Request, session: Session | None) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The query and the form of a request. Raises LocalError console.origin, console.csrf, console.form."""
    form: dict[str, list[str]] = {}
    if request.method == "POST":
        same_origin(request)
        form = await read_form(request)
        if session is not None and not hmac.compare_digest(form.get("csrf", [""])[0].encode(), session.csrf.encode()):
            raise LocalError("console.csrf")
    try:
        return parse_qs(request.url.query, keep_blank_values=True, max_num_fields=QUERY_FIELDS), form
    except ValueError:
        raise LocalError("console.form", f"an address has {QUERY_FIELDS} fields at most") from None


def same_origin(request: Request) -> None:
    """Raises LocalError console.origin for a form that another site sends. A browser says the origin of every POST."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    if origin != origin_of(request) or site != "same-origin":
        raise LocalError("console.origin")


async def read_form(request: Request, most: int = FORM_BYTES) -> dict[str, list[str]]:
    """The fields of a form of at most so many bytes. Raises LocalError console.form; TimeoutError when it does not come."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise LocalError("console.form", "a form is application/x-www-form-urlencoded")
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise LocalError("console.form", f"at most {most // 1024} KiB")
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict")
    except ValueError:
        raise LocalError("console.form", "it cannot be read") from None


async def _told(request: Request, error: CeasewireError, tongue: Tongue, session: Session | None) -> Response:
    """A page that says what went wrong, and the next step. The detail, which may name somebody, is for those alone who are signed in."""
    back = f"{PREFIX}/{request.path_params['name']}/inbox" if session else None
    said = what(tongue, error) if session else sentence(tongue, error.code)
    values: Mapping[str, Any] = {"back": back, "code": error.code, "sentence": said, "step": step(tongue, error.code)}
    return await render(tongue, "error.html", _STATUS.get(error.code, 400), values)
