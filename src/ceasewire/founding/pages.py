"""The pages of a founding: one for each step, each with one thing to do. Whoever opened the printed link has them, and nobody else.

As in the console (console/shell.py): nothing inline, no cache, every act from our own origin with the session's token.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..console.frame import cookie_of
from ..console.qr import qr
from ..console.render import render, statics
from ..console.shell import HEADERS, read_form, same_origin
from ..console.tongue import Tongue, choose
from ..console.welcome import PATH
from ..errors import CeasewireError, LocalError
from ..record.card import ROLES, armor
from ..record.charter import CLOCKS, LEVELS
from ..record.officers import OFFICER_ROLES
from ..record.terms import charter_json
from . import terms
from .progress import PIECE, STEPS, Progress, Refused

LINK: Final = "/found"
FORM_BYTES: Final = 6 * 1024**2  # a charter of the largest size, as text
_SESSION_SECONDS: Final = 24 * 3600
_NOT_YET: Final = ("/exchange", "/health")  # what others ask of a node
_PASSPHRASE_LETTERS: Final = 1000

Act = Callable[["Founding", Mapping[str, list[str]]], Awaitable[str]]


class Founding:
    """The pages over one founding. `url`: where this node listens; `secret`: the passphrase, if it was given where `serve` was started."""

    def __init__(self, progress: Progress, url: str, secret: bytes | None) -> None:
        self.progress, self.secret = progress, secret
        self._url, self._given = url, secret is not None
        self.link = secrets.token_urlsafe(24)
        self.cookie = cookie_of(str(progress.path), "founding-")
        self.token = ""
        self.joined = asyncio.Event()
        self.deaf: Callable[[], None] = lambda: None  # no further connection is taken
        self._csrf = ""
        self._language = ""
        self._one = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Every page."""
        act: Callable[[Request], Awaitable[Response]] = self._guarded
        return [
            Route("/c/static/{file}", statics, methods=["GET"]),
            Route("/{path:path}", act, methods=["GET", "POST"]),
        ]

    # --- Who asks ---

    async def _guarded(self, request: Request) -> Response:
        if self.joined.is_set():
            return _elsewhere()
        tongue = Tongue(choose(request.query_params.get("lang") or self._language or None, request.headers.get("accept-language", "")))
        try:
            found = await self._answer(request, tongue)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408, headers={"Connection": "close"})
        except CeasewireError as error:
            found = await self._told(error, tongue)
        for header, value in HEADERS.items():
            found.headers.setdefault(header, value)
        return found

    async def _told(self, error: CeasewireError, tongue: Tongue) -> Response:
        status = 403 if error.code in ("console.origin", "console.csrf") else 400
        detail = error.detail if error.code.startswith(("usage", "file.", "net.", "charter.", "card.")) else ""
        return await render(tongue, "found-error.html", status, {"code": error.code, "detail": detail, "home": PATH})

    async def _answer(self, request: Request, tongue: Tongue) -> Response:
        path = "/" + request.path_params["path"]
        if path in _NOT_YET:
            return Response(status_code=503)
        if path.startswith(f"{LINK}/"):
            return await self._enter(request, path.removeprefix(f"{LINK}/"), tongue)
        if not self.token or not _same(request.cookies.get(self.cookie, ""), self.token):
            return await render(tongue, "found-out.html", 403, {})
        if request.query_params.get("lang"):
            self._language = tongue.language
        if path in ("/", PATH):
            return RedirectResponse(f"{PATH}/{await asyncio.to_thread(self.progress.stage)}", 303)
        name = path.removeprefix(f"{PATH}/")
        if request.method == "POST":
            same_origin(request)
            form = await read_form(request, FORM_BYTES)
            if not _same((form.get("csrf") or [""])[0], self._csrf):
                raise LocalError("console.csrf")
            async with self._one:
                return await self._act(request, name, form, tongue)
        if name in _FILES:
            return await self._file(name)
        if name not in STEPS:
            raise LocalError("console.missing")
        return await self._page(request, name, tongue)

    async def _enter(self, request: Request, secret: str, tongue: Tongue) -> Response:
        """The link: nothing happens before its button is pressed, so that a preview of the link spends nothing."""
        if self.token or not _same(secret, self.link):
            if self.token and _same(request.cookies.get(self.cookie, ""), self.token):
                return RedirectResponse(PATH, 303)
            return await render(tongue, "found-out.html", 403, {})
        if request.method == "GET":
            return await render(tongue, "found-enter.html", 200, {"folder": self.progress.path.name})
        same_origin(request)
        self.token, self._csrf, self._language = secrets.token_urlsafe(32), secrets.token_urlsafe(24), tongue.language
        answer = RedirectResponse(PATH, 303)
        answer.set_cookie(self.cookie, self.token, max_age=_SESSION_SECONDS, path="/", secure=True, httponly=True, samesite="strict")
        return answer

    # --- Showing ---

    async def _page(self, request: Request, name: str, tongue: Tongue, status: int = 200, **values: Any) -> Response:
        stage = await asyncio.to_thread(self.progress.stage)
        if not _open(name, stage):
            return RedirectResponse(f"{PATH}/{stage}", 303)
        url = self._url if request.url.scheme == "http" else f"https://{request.headers.get('host', '')}"
        shown = await asyncio.to_thread(_SHOWN[name], self, url)
        base: dict[str, Any] = {"csrf": self._csrf, "steps": STEPS, "here": name, "stage": stage, "home": PATH, "wrong": None, "given": {}}
        return await render(tongue, f"found-{name}.html", status, {**base, **shown, **values})

    def _who(self, url: str) -> dict[str, Any]:
        return {"roles": ROLES, "url": url, "asks": not self._given}

    def _recovery(self, _: str) -> dict[str, Any]:
        return {"text": self.progress.recovery(), "piece": PIECE, "party": self.progress.card()[0].slug}

    def _cards(self, _: str) -> dict[str, Any]:
        card, text, words = self.progress.card()
        return {"card": card, "text": text, "words": words.split("-"), "qr": qr(words), "others": self.progress.others()}

    def _charter(self, _: str) -> dict[str, Any]:
        own, others = self.progress.card()[0], self.progress.others()
        form = {**terms.blank(), **self.progress.form}
        parties = {own.slug: own.name, **{one["slug"]: one["name"] for one in others}}
        guarded = [one["name"] for one in [{"role": own.role, "name": own.name}, *others] if one["role"] == "guarantor"]
        rows = [*form["officers"], *[dict.fromkeys(("party", "name", "role", "key"), "")] * terms.OFFICER_ROWS]
        return {
            "form": form, "parties": parties, "guarantors": guarded, "rows": rows, "levels": LEVELS, "roles": OFFICER_ROLES,
            "units": list(terms.UNITS), "clocks": list(CLOCKS), "ready": bool(others) and all(one["agreed"] for one in others),
        }  # fmt: skip

    def _sign(self, _: str) -> dict[str, Any]:
        charter = self.progress.charter()
        if charter is None:
            raise LocalError("console.missing")
        said, own = charter_json(charter), self.progress.card()[0].slug
        words = said["fingerprint"]
        return {
            "charter": said, "own": own, "ours": own not in charter.unsigned, "asks": self._asks, "words": words.split("-"),
            "qr": qr(words), "text": armor(charter.encode(), "CHARTER"), "names": {one["slug"]: one["name"] for one in said["parties"]},
            "clocks": {name: terms.shown(seconds) for name, seconds in said["clocks"].items()},
        }  # fmt: skip

    @property
    def _asks(self) -> bool:
        """Whether the passphrase must be asked for: a key file opens the keys, or it was given before."""
        return self.progress.sealed and self.secret is None

    # --- Files to take away ---

    async def _file(self, name: str) -> Response:
        stage = await asyncio.to_thread(self.progress.stage)
        if stage == "who" or (name == "recovery.txt") != (stage == "recovery"):
            raise LocalError("console.missing")
        data, called = await asyncio.to_thread(_FILES[name], self.progress)
        head = {"Content-Disposition": f'attachment; filename="{called}"'}
        return Response(data, media_type="application/octet-stream", headers=head)

    # --- Acting ---

    async def _act(self, request: Request, name: str, form: Mapping[str, list[str]], tongue: Tongue) -> Response:
        stage, known = await asyncio.to_thread(self.progress.stage), _ACTS.get(name)
        if known is None:
            raise LocalError("console.missing")
        page, act = known
        if not _open(page, stage):
            return RedirectResponse(f"{PATH}/{stage}", 303)
        try:
            to = await asyncio.to_thread(act, self, form)
        except Refused as refused:
            given = {field: values[0] for field, values in form.items() if "pass" not in field}
            more = {"form": terms.typed(form)} if name == "draft" else {}
            return await self._page(request, page, tongue, 422, wrong=refused, given=given, **more)
        if name == "join":
            self.deaf()
            self.joined.set()
            return _elsewhere()
        return RedirectResponse(f"{PATH}/{to}" if to else PATH, 303)

    def _make(self, form: Mapping[str, list[str]]) -> str:
        party, name, role, url, first, again = (_text(form, one) for one in ("party", "name", "role", "url", "passphrase", "passphrase2"))
        passphrase = self.secret
        if not self._given and _text(form, "keys") == "passphrase":
            if not first or len(first) > _PASSPHRASE_LETTERS or "\n" in first or "\r" in first:
                raise Refused("no_passphrase")
            if first != again:
                raise Refused("not_same")
            passphrase = first.encode()
        elif not self._given and _text(form, "keys") != "file":
            raise Refused("choose")
        if role not in ROLES:
            raise Refused("choose")
        try:
            self.progress.create(party=party.strip(), name=name.strip(), role=role, url=url.strip(), passphrase=passphrase)
        except LocalError as error:
            if error.code not in ("usage", "net.url"):
                raise
            raise Refused("url" if error.code == "net.url" else "who", error.detail or "") from None
        self.secret = passphrase
        return ""

    def _taken(self, form: Mapping[str, list[str]]) -> str:
        if _text(form, "kept") != "yes":
            raise Refused("kept")
        self.progress.take_recovery(_text(form, "first"), _text(form, "last"))
        return ""

    def _card_added(self, form: Mapping[str, list[str]]) -> str:
        self.progress.add_cards(_text(form, "card"))
        return "cards"

    def _agreed(self, form: Mapping[str, list[str]]) -> str:
        self.progress.agree(form.get("agree", []))
        if not all(one["agreed"] for one in self.progress.others()):
            raise Refused("agree")
        return ""

    def _removed(self, form: Mapping[str, list[str]]) -> str:
        self.progress.remove_card(_text(form, "party"))
        return "cards"

    def _drafted(self, form: Mapping[str, list[str]]) -> str:
        found = terms.typed(form)
        try:
            meant = terms.meant(found)
        except ValueError as error:
            raise Refused("number", str(error)) from None
        if self.progress.stage() != "charter":
            raise Refused("early")
        self.progress.draft(meant, found)
        return "sign"

    def _taken_charter(self, form: Mapping[str, list[str]]) -> str:
        self.progress.take_charter(_text(form, "charter"))
        return ""

    def _dropped(self, _: Mapping[str, list[str]]) -> str:
        self.progress.drop_charter()
        return "charter"

    def _signed(self, form: Mapping[str, list[str]]) -> str:
        charter = self.progress.charter()
        if charter is None or _text(form, "channel") != charter.channel_id.hex():
            raise Refused("changed")
        if _text(form, "read") != "yes":
            raise Refused("read")
        passphrase = self._passphrase(form)
        self.progress.sign(passphrase)
        self.secret = passphrase
        return ""

    def _joined(self, form: Mapping[str, list[str]]) -> str:
        passphrase = self._passphrase(form)
        self.progress.join(passphrase)
        self.secret = passphrase
        return ""

    def _passphrase(self, form: Mapping[str, list[str]]) -> bytes | None:
        if not self.progress.sealed:
            return None
        return self.secret if self.secret is not None else _text(form, "passphrase").encode()


def _elsewhere() -> Response:
    """The next request is for the node that now begins to serve, on a connection of its own."""
    return RedirectResponse(PATH, 303, headers={"Connection": "close"})


def _same(given: str, known: str) -> bool:
    return compare_digest(given.encode("utf-8", "replace"), known.encode())


def _text(form: Mapping[str, list[str]], name: str) -> str:
    return (form.get(name) or [""])[0]


def _open(page: str, stage: str) -> bool:
    """Whether a page may be looked at, and acted on, at that stage."""
    if page in ("who", "recovery") or stage in ("who", "recovery"):
        return page == stage
    if page == "charter":
        return stage in ("cards", "charter")
    if page == "cards":
        return True
    return page == stage


def _card_file(progress: Progress) -> tuple[bytes, str]:
    card, text, _ = progress.card()
    return text.encode(), f"{card.slug}.card"


def _charter_file(progress: Progress) -> tuple[bytes, str]:
    charter = progress.charter()
    if charter is None:
        raise LocalError("console.missing")
    return charter.encode(), f"{charter.charter.name.replace('/', '-')}.charter"


def _recovery_file(progress: Progress) -> tuple[bytes, str]:
    return progress.recovery().encode(), progress.recovery_path.name


_FILES: Final[Mapping[str, Callable[[Progress], tuple[bytes, str]]]] = {
    "own.card": _card_file,
    "line.charter": _charter_file,
    "recovery.txt": _recovery_file,
}
_SHOWN: Final[Mapping[str, Callable[[Founding, str], dict[str, Any]]]] = {
    "who": Founding._who,
    "recovery": Founding._recovery,
    "cards": Founding._cards,
    "charter": Founding._charter,
    "sign": Founding._sign,
    "join": Founding._sign,
}
# What a form does: on which page it stands, and the act, which says where to go on ("" to what comes next).
_ACTS: Final[Mapping[str, tuple[str, Callable[[Founding, Mapping[str, list[str]]], str]]]] = {
    "who": ("who", Founding._make),
    "recovery": ("recovery", Founding._taken),
    "add": ("cards", Founding._card_added),
    "agree": ("cards", Founding._agreed),
    "remove": ("cards", Founding._removed),
    "draft": ("charter", Founding._drafted),
    "paste": ("charter", Founding._taken_charter),
    "more": ("sign", Founding._taken_charter),
    "sign": ("sign", Founding._signed),
    "drop": ("sign", Founding._dropped),
    "undo": ("join", Founding._dropped),
    "join": ("join", Founding._joined),
}
