"""Asking the HTTP API as another program would: real processes, real connections."""

from __future__ import annotations

import http.client
import json
import os
import time
from dataclasses import dataclass
from typing import Any

from carriers.sides import Side
from ceasewire import tokens
from ceasewire.folder import Folder


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    data: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


def ask(port: int, method: str, path: str, token: str | None = None, body: Any = None, **headers: str) -> Reply:
    """One request. `body`: bytes as they are, anything else as JSON."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    data = body
    if body is not None and not isinstance(body, bytes):
        data = json.dumps(body).encode()
    if data is not None:
        sent.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    began = time.perf_counter()
    try:
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        read = answer.read()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, read, time.perf_counter() - began)
    finally:
        connection.close()


def add_token(side: Side, name: str, role: str = "reader") -> str:
    """A token of a node; its secret."""
    channel_id = side.folder.charter().channel_id
    secret = tokens.make_secret(os.urandom)
    made = tokens.Token(name, role, "2026-03-01T00:00:00Z", tokens.digest(channel_id, side.slug, secret))
    Folder.write(side.folder.tokens_path, tokens.encode(tokens.with_one(tokens.read(side.folder.tokens_path), made)))
    return secret


def node_name(side: Side) -> str:
    """What the API calls a node."""
    return f"{side.slug}@{side.folder.charter().channel_id.hex()[:8]}"
