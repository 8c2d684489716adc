"""The console's own ASGI application over real nodes in this process, without a connection: a page is one call.

with ChannelPair() as pair:
    north = Browser(pair.north, "drafter")
    page = north.get("/cases")
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import urlencode

import structlog
from starlette.routing import Mount, Router

from ceasewire.accounts import Accounts, Client, Session
from ceasewire.console.frame import cookie_of
from ceasewire.console.shell import routes
from ceasewire.node.drafts import Drafts
from ceasewire.node.status import status
from ceasewire.node.view import View
from node.pair import Side

VOID = frozenset({"meta", "link", "br", "img", "input", "path", "circle", "line", "wbr", "hr"})


class Desk:
    """`console.call.Desk` over a view of a store; with `side`, one that can send."""

    def __init__(self, view: View, folder: Any, now: Callable[[], int], side: Side | None = None) -> None:
        self.node: Any = side.node if side else SimpleNamespace(channel=view.channel, own=view.own, reading=view)
        self.name = f"{view.channel.logs[view.own].slug}@{view.channel.channel_id.hex()[:8]}"
        self.drafts = Drafts(folder)
        self.people = Accounts.open(folder / "accounts.sqlite", os.urandom)
        self.now = now
        self._folder = folder

    async def charter(self) -> bytes:
        return bytes((self._folder / "charter.cwc").read_bytes())

    async def accounts(self) -> Accounts:
        return self.people

    async def read(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    async def act(self, call: Callable[[Any], Any]) -> Any:
        return call(self.node)

    async def status(self) -> dict[str, Any]:
        return status(self.node.reading, self.now(), None)

    async def news(self) -> AsyncIterator[None]:
        yield None


@dataclass(frozen=True)
class Answer:
    """What a page answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def outline(self) -> Outline:
        return Outline(self.text)


class Browser:
    """Somebody of a role, signed in at a desk."""

    def __init__(self, desk: Desk, role: str = "drafter") -> None:
        self.desk = desk
        people, now = desk.people, int(time.time())
        if people.is_empty():
            people.redeem(people.invite("administrator", "First", None, now).secret, now, Client("127.0.0.1"))
        by = next(one.id for one in people.accounts() if one.role == "administrator")
        made = people.invite(role, f"{role} {os.urandom(3).hex()}", by, now)
        self.token, self.session = people.redeem(made.secret, now, Client("127.0.0.1"))
        self._app = Router(routes=[Mount("/c", Router(routes=routes([desk], structlog.get_logger())))])  # type: ignore[list-item]

    def speaking(self, language: str, calendar: str = "gregorian") -> Self:
        """The same person, who reads another language."""
        self.desk.people.set_preferences(self.session.account, language, calendar, "auto")
        return self

    @property
    def who(self) -> Session:
        return self.session

    def get(self, path: str) -> Answer:
        """A page below the console's base."""
        return self._ask("GET", path, b"")

    def post(self, path: str, **form: str | Sequence[str]) -> Answer:
        """A form, as a page of ours sends it."""
        return self._ask("POST", path, urlencode({"csrf": self.session.csrf, **form}, doseq=True).encode())

    def _ask(self, method: str, path: str, body: bytes) -> Answer:
        plain, _, query = path.partition("?")
        headers = [(b"host", b"localhost"), (b"cookie", f"{cookie_of(self.desk.name)}={self.token}".encode())]
        if method == "POST":
            headers += [(b"origin", b"http://localhost"), (b"content-type", b"application/x-www-form-urlencoded")]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "root_path": "",
            "path": f"/c/{self.desk.name}{plain}", "raw_path": b"", "query_string": query.encode(), "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        }  # fmt: skip
        return asyncio.run(_called(self._app, scope, body))


async def _called(app: Callable[..., Awaitable[None]], scope: dict[str, Any], body: bytes) -> Answer:
    status_of, headers, parts = 0, {}, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status_of, headers
        if message["type"] == "http.response.start":
            status_of = message["status"]
            headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return Answer(status_of, headers, b"".join(parts))


class Outline(HTMLParser):
    """A page as a browser reads it: every element opened and closed in order, its attributes, its text by element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.parts.append((self.open[-1] if self.open else "", data))

    @property
    def text(self) -> str:
        """All that is read, white space as one space."""
        return " ".join("".join(data for _, data in self.parts).split())

    @property
    def written(self) -> list[str]:
        """What people wrote: what stands in `bdi`, each by itself."""
        return [data for tag, data in self.parts if tag == "bdi"]

    def is_clean(self) -> bool:
        """Nothing that runs or fetches but what the console itself brings, and nothing out of its place."""
        brought = [found for tag, found in self.tags if tag == "script"]
        attributes = {name for _, found in self.tags for name in found}
        return (
            not self.open
            and not self.wrong
            and not {"img", "iframe", "object", "embed", "style", "base"} & {tag for tag, _ in self.tags}
            and all((found.get("src") or "").startswith("/c/static/") for found in brought)
            and "style" not in attributes
            and not any(name.startswith("on") for name in attributes)
            and not any((found.get("href") or "").lower().startswith(("javascript:", "data:", "http")) for _, found in self.tags)
        )


def desk_of(side: Side) -> Desk:
    """The desk of a node of a pair."""
    return Desk(side.node.reading, side.folder.path, lambda: int(side.clock.now), side)
