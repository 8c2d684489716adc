"""The lines of one node that is served: one to each log that has an address, as the channel stands now.

Keys and addresses change by messages. A line to a log that came into use begins, one to a log that was replaced ends, and one whose
address changed begins anew, without a restart.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from ..errors import CeasewireError
from ..node.composing import address
from ..record.fields import Json
from .hub import Hub
from .line import Line
from .logs import Log

SETTLE_SECONDS: Final = 0.5  # a burst of messages is looked at once


class Lines:
    """Made and used in one event loop."""

    def __init__(self, hub: Hub, tls_ca: Path | None, log: Log) -> None:
        self._hub = hub
        self._tls_ca = tls_ca
        self._log = log
        self._lines: dict[int, tuple[str, Line, asyncio.Task[None]]] = {}
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        self._hub.listeners.append(self._news.set)
        try:
            while True:
                self._news.clear()
                try:
                    await self._follow(await self._hub.look(self._wanted))
                except CeasewireError as error:  # the store cannot be read now
                    self._log.error("lines.unread", code=error.code)
                await self._news.wait()
                await asyncio.sleep(SETTLE_SECONDS)
        finally:
            self._hub.listeners.remove(self._news.set)
            await self._follow({})

    def _wanted(self) -> dict[int, str]:
        """Peer -> its address, of those that have one. In the node's thread."""
        found = {peer: address(self._hub.node, peer) for peer in self._hub.exchange.peers()}
        return {peer: url for peer, url in found.items() if url}

    async def _follow(self, wanted: dict[int, str]) -> None:
        ending = [peer for peer, (url, _, _) in self._lines.items() if wanted.get(peer) != url]
        ended = [self._lines.pop(peer)[2] for peer in ending]
        for task in ended:
            task.cancel()
        for peer in wanted.keys() - self._lines.keys():
            line = Line(self._hub, peer, self._tls_ca, self._log)
            self._lines[peer] = (wanted[peer], line, asyncio.create_task(line.run()))
        await asyncio.gather(*ended, return_exceptions=True)

    def calls(self) -> dict[str, Json]:
        """How our own calls to each peer go, by the name of its log."""
        names = self._hub.node.channel.logs
        return {names[peer].slug: line.status.as_json() for peer, (_, line, _) in sorted(self._lines.items()) if peer in names}
