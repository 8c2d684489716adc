"""From the pages that founded a node to its console: the browser that founded it is led to the first administrator's link, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hmac import compare_digest
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

PATH: Final = "/founding"
_WAIT_SECONDS: Final = 10.0


class Welcome:
    """Waits for the link of one node. `cookie`, `token`: the session of whoever founded it. Used in one event loop, after its making."""

    def __init__(self, cookie: str, token: str) -> None:
        self._cookie, self._token = cookie, token
        self._link = ""
        self._ready = asyncio.Event()

    def ready(self, link: str) -> None:
        """The link's path is known; "" if there is somebody already."""
        self._link = link
        self._ready.set()

    def routes(self) -> list[Route]:
        """What the founder's browser asks for next. Everybody else is led to the node's own page."""
        answer: Callable[[Request], object] = self._answer
        return [Route(PATH, answer, methods=["GET"]), Route(f"{PATH}/{{rest:path}}", answer, methods=["GET"])]

    async def _answer(self, request: Request) -> Response:
        if not self._token or not compare_digest(request.cookies.get(self._cookie, "").encode(), self._token.encode()):
            return RedirectResponse("/", 303)
        try:
            await asyncio.wait_for(self._ready.wait(), _WAIT_SECONDS)
        except TimeoutError:
            return RedirectResponse("/", 303)
        self._token = ""
        answer = RedirectResponse(self._link or "/", 303, headers={"Referrer-Policy": "no-referrer"})
        answer.delete_cookie(self._cookie, path="/", secure=True, httponly=True, samesite="strict")
        return answer
