# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands for the tokens of a node's HTTP API: token add, list, revoke. They need no keys; a node that is served follows them at once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from ..errors import LocalError
from .access import reading
from .answer import Answer
from .parameters import AsJson, Node
from .screen import Screen

if TYPE_CHECKING:
    from ..folder import Folder

Name: TypeAlias = Annotated[str, Parameter(name="NAME", help="What the token is called: whose program has it.")]


def add(
    node: Node,
    name: Name,
    /,
    *,
    role: Annotated[str, Parameter(help="reader, or sender, who may also send.")] = "reader",
    json: AsJson = False,
) -> Answer:
    """Make a token for the HTTP API of a node. Its secret is shown this once.

    Example: ceasewire token add north map-room --role reader
    """
    from ..record.fields import show_time
    from ..tokens import Token, digest, encode, make_secret, read, with_one

    with reading(node) as view:
        channel_id, log = view.channel.channel_id, view.channel.logs[view.own].slug
    secret = make_secret(_random)
    made = Token(name, role, show_time(int(time.time())), digest(channel_id, log, secret))
    with _changing(node) as folder:
        folder.write(folder.tokens_path, encode(with_one(read(folder.tokens_path), made)))
    at = f"{log}@{channel_id.hex()[:8]}"
    notes = ("This secret is kept nowhere. Whoever has it reads this channel" + (", and sends." if role == "sender" else "."),)
    answer = {"name": name, "role": role, "made": made.made, "node": at, "token": secret}
    return Answer(answer, lambda screen: screen.line(secret), notes=notes)


def list_tokens(node: Node, /, *, json: AsJson = False) -> Answer:
    """List the tokens of a node, without their secrets.

    Example: ceasewire token list north
    """
    from ..folder import Folder
    from ..tokens import read

    folder = Folder(node)
    folder.card()
    found = [{"name": one.name, "role": one.role, "made": one.made} for one in read(folder.tokens_path)]

    def human(screen: Screen) -> None:
        screen.table(("name", "role", "made"), [(one["name"], one["role"], one["made"]) for one in found])

    return Answer(found, human)


def revoke(node: Node, name: Name, /, *, json: AsJson = False) -> Answer:
    """Revoke a token: it opens nothing from now on.

    Example: ceasewire token revoke north map-room
    """
    from ..tokens import encode, read, without

    with _changing(node) as folder:
        folder.write(folder.tokens_path, encode(without(read(folder.tokens_path), name)))
    return Answer({"revoked": name}, lambda screen: screen.line("Revoked: ", name))


@contextmanager
def _changing(node: Path) -> Iterator[Folder]:
    """The folder, whose list nobody else changes meanwhile. Raises LocalError node.missing, file.unwritable."""
    from ..folder import Folder

    folder = Folder(node)
    folder.card()
    try:
        handle = os.open(node, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise LocalError("file.unwritable", f"{node}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(handle)


def _random(count: int) -> bytes:
    try:
        return os.urandom(count)
    except OSError:
        raise LocalError("random.failed") from None
