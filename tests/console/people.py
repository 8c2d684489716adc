"""People at the console, as their browsers ask: real processes, real connections, real cookies."""

from __future__ import annotations

import http.client
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from api.asking import node_name
from carriers.sides import Side
from ceasewire.accounts import Accounts, Client
from ceasewire.console.frame import cookie_of
from ceasewire.errors import LocalError

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True)
class Page:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str
    cookies: list[str]

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


@dataclass
class Person:
    """Somebody signed in to a node, or nobody (`token` "")."""

    port: int
    base: str
    cookie: str
    token: str = ""
    csrf: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Page:
        """A page below the node's console; a path from /c/ on is taken as it is."""
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, form: Mapping[str, object] | None = None, *, csrf: str | None = None, **headers: str) -> Page:
        """Send a form as this person's own page would: the right origin and token, unless said otherwise."""
        fields = {"csrf": self.csrf if csrf is None else csrf, **(form or {})}
        sent = {"Origin": f"http://localhost:{self.port}", "Content-Type": "application/x-www-form-urlencoded"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, urlencode(fields, doseq=True).encode(), **sent)

    def ask(self, method: str, path: str, body: bytes | None, **headers: str) -> Page:
        """One request."""
        sent = {"Host": f"localhost:{self.port}", **{name.replace("_", "-"): value for name, value in headers.items() if value}}
        if self.token:
            sent.setdefault("Cookie", f"{self.cookie}={self.token}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path if path.startswith("/c/") else f"{self.base}{path}", body, sent)
            answer = connection.getresponse()
            live = answer.getheader("content-type", "").startswith("text/event-stream")
            text = "" if live else answer.read().decode(errors="replace")  # a file may be no text
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Page(answer.status, found, text, answer.headers.get_all("Set-Cookie") or [])
        finally:
            connection.close()


def nobody(side: Side) -> Person:
    """A browser that nobody signed in with."""
    name = node_name(side)
    return Person(side.port, f"/c/{name}", cookie_of(name))


def person(side: Side, role: str, name: str | None = None) -> Person:
    """Somebody of that role, signed in by a link; the first of a node is its administrator whatever `role` says, and makes the others."""
    now = int(time.time())
    accounts = Accounts.open(side.folder.path / "accounts.sqlite", os.urandom)
    try:
        while accounts.is_empty():
            first = accounts.invite("administrator", "First", None, now)
            with suppress(LocalError):  # a node that begins to serve prints a link of its own, and then this one is void
                accounts.redeem(first.secret, now, Client("127.0.0.1"))
        by = next(one.id for one in accounts.accounts() if one.role == "administrator")
        made = accounts.invite(role, name or f"{role} {os.urandom(3).hex()}", by, now)
        token, session = accounts.redeem(made.secret, now, Client("127.0.0.1"))
    finally:
        accounts.close()
    found = nobody(side)
    found.token, found.csrf = token, session.csrf
    return found
