"""What every page uses: its news."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import RedirectResponse, Response, StreamingResponse

from ..call import Call
from ..table import Route

BEAT_SECONDS: Final = 10.0
STREAMS: Final = 16  # of one session: each is a connection, and peers need some too
_OPEN: Final[Counter[str]] = Counter()  # session -> its streams


async def live(call: Call) -> Response:
    """Server-sent events: `news` whenever something changed, and a beat so that a dead line is noticed. It ends with the session."""
    session = call.who.id
    if _OPEN[session] >= STREAMS:
        return Response(status_code=429)

    async def events() -> AsyncIterator[bytes]:
        if _OPEN[session] >= STREAMS:  # many asked at once
            return
        _OPEN[session] += 1
        news = aiter(call.desk.news())
        coming = asyncio.ensure_future(anext(news))
        try:
            yield b"retry: 2000\n\n"
            while True:
                done, _ = await asyncio.wait({coming}, timeout=BEAT_SECONDS)
                if (done and coming.exception()) or not await _lasts(call):  # news ends when the node does
                    return
                if not done:
                    yield b": beat\n\n"
                    continue
                yield b"event: news\ndata: 1\n\n"
                coming = asyncio.ensure_future(anext(news))
        finally:
            coming.cancel()
            _OPEN[session] -= 1
            if not _OPEN[session]:
                del _OPEN[session]

    return StreamingResponse(events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _lasts(call: Call) -> bool:
    """Whether the session that asked is still one. Asking is no use of it: a page that is left open ends by itself."""
    found = await asyncio.to_thread(call.accounts.sessions, call.who.account, int(time.time()))
    return any(one.id == call.who.id for one in found)


async def home(call: Call) -> Response:
    """The inbox is the console's first page."""
    return RedirectResponse(f"{call.base}/inbox", 303)


ROUTES: Final = (
    Route("home", "GET", "/", "reader", home),
    Route("live", "GET", "/live", "reader", live),
)
