"""Who asks: the token of a request, and the one node that it opens.

A token is looked for in the lists of all nodes by the same steps, so that no answer tells which channels there are. A wrong one waits,
the longer the more of them came lately; a right one never does, so that nobody who guesses locks anyone out. Lists are read again when
their file changed: a token added or revoked counts from the next request on.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from structlog.typing import FilteringBoundLogger

from .. import tokens
from ..errors import LocalError
from ..node.exchange import Report
from ..node.node import Node, Sent
from ..record.fields import Json
from ..tokens import Token

P = ParamSpec("P")
T = TypeVar("T")

LEAST_WAIT_SECONDS: Final = 0.05
MOST_WAIT_SECONDS: Final = 1.0
FORGET_SECONDS: Final = 10.0  # so long after the last wrong token the next waits as the first did
WAITING_MOST: Final = 64  # wrong ones that wait at once; further ones are told at once to come later
_DOUBLINGS: Final = 6
_SCHEME: Final = "bearer "


class Served(Protocol):
    """A node that is served, as much of it as the API needs."""

    @property
    def name(self) -> str:
        """`north@1a2b3c4d`: its log, and the beginning of its channel's id."""

    @property
    def node(self) -> Node:
        """The node, of which `channel` and `reading` are used here."""

    @property
    def tokens_path(self) -> Path:
        """The list of its tokens."""

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something that only reads. Raises what it raises."""

    async def draft(self, kind: str, json: Json) -> dict[str, Json] | None:
        """The draft that such a message becomes if officers must release it; None if none need. Raises as Node.send."""

    async def send(self, kind: str, json: Json, size: int) -> Sent:
        """Send one message. Raises as Node.send."""

    async def sync(self, peer: int | None) -> list[Report]:
        """Talk with one peer or all."""

    def status(self) -> Awaitable[dict[str, Json]]:
        """The JSON of `ceasewire status`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token opens: one node, and as which role."""

    served: Served
    role: str


class Access:
    """The tokens of every node that this process serves. Used in one event loop."""

    def __init__(self, served: Sequence[Served], log: FilteringBoundLogger) -> None:
        self._served = served
        self._log = log
        self._lists: dict[str, tuple[object, list[Token]]] = {}
        self._wrong = 0
        self._last_wrong = 0.0
        self._waiting = 0

    async def opened(self, authorization: str | None) -> Opened | None:
        """What `Authorization: Bearer TOKEN` opens; None for nothing, after a wait. Raises LocalError token.busy."""
        secret = _secret(authorization)
        found = self._find(secret) if secret is not None else None
        if found is None and authorization is not None:
            await self._wait()
        return found

    def _find(self, secret: str) -> Opened | None:
        found: Opened | None = None
        for one in self._served:
            channel = one.node.channel
            digest = tokens.digest(channel.channel_id, channel.logs[one.node.own].slug, secret)
            for token in self._tokens(one):
                if hmac.compare_digest(token.sha256, digest):
                    found = Opened(one, token.role)
        return found

    def _tokens(self, one: Served) -> list[Token]:
        """The node's list, read anew if its file is another than it was."""
        path = one.tokens_path
        try:
            stat = os.lstat(path)
        except OSError:
            return []
        mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size, stat.st_mode, stat.st_uid)
        kept = self._lists.get(one.name)
        if kept is None or kept[0] != mark:
            try:
                kept = (mark, tokens.read(path))
            except LocalError as error:  # a list that others may write opens nothing
                self._log.error("tokens.unread", node=one.node.names.slug, code=error.code)
                kept = (mark, [])
            self._lists[one.name] = kept
        return kept[1]

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._last_wrong > FORGET_SECONDS:
            self._wrong = 0
        self._wrong, self._last_wrong = self._wrong + 1, now
        if self._waiting >= WAITING_MOST:
            raise LocalError("token.busy")
        self._waiting += 1
        try:
            await asyncio.sleep(min(MOST_WAIT_SECONDS, LEAST_WAIT_SECONDS * 2 ** min(self._wrong - 1, _DOUBLINGS)))
        finally:
            self._waiting -= 1


def _secret(authorization: str | None) -> str | None:
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        return None
    secret: Any = authorization[len(_SCHEME) :].strip(" ")
    return secret if tokens.SECRET.fullmatch(secret) else None
