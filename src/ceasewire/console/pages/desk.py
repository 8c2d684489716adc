"""What every page uses: its news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import RedirectResponse, Response, StreamingResponse

from ..call import Call
from ..table import Route

BEAT_SECONDS: Final = 10.0


async def live(call: Call) -> Response:
    """Server-sent events: `news` whenever something changed, and a beat so that a dead line is noticed."""

    async def events() -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        news = aiter(call.desk.news())
        coming = asyncio.ensure_future(anext(news))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=BEAT_SECONDS)
                if not done:
                    yield b": beat\n\n"
                    continue
                yield b"event: news\ndata: 1\n\n"
                coming = asyncio.ensure_future(anext(news))
        finally:
            coming.cancel()

    return StreamingResponse(events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def home(call: Call) -> Response:
    """The inbox is the console's first page."""
    return RedirectResponse(f"{call.base}/inbox", 303)


ROUTES: Final = (
    Route("home", "GET", "/", "reader", home),
    Route("live", "GET", "/live", "reader", live),
)
