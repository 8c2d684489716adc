# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands for the people of a node: account list, link. They need no keys, and work beside `serve`: who can write the folder may."""

from __future__ import annotations

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
    from ..accounts import Accounts

Name: TypeAlias = Annotated[
    str | None, Parameter(name="NAME", help="Whom it signs in; without it the first administrator.", show_default=False)
]


def list_accounts(node: Node, /, *, json: AsJson = False) -> Answer:
    """List the people of a node: who may sign in to its pages, and as what.

    Example: ceasewire account list north
    """
    from ..accounts import FILE
    from ..folder import Folder
    from ..record.fields import show_time

    Folder(node).card()
    found = []
    if os.path.lexists(node / FILE):
        with _opened(node) as accounts:
            found = [
                {
                    "name": one.name,
                    "role": one.role,
                    "made": show_time(one.made),
                    "seen": None if one.seen is None else show_time(one.seen),
                    "disabled": None if one.disabled is None else show_time(one.disabled),
                    "password": one.password,
                    "passkeys": one.passkeys,
                }
                for one in accounts.accounts()
            ]

    def human(screen: Screen) -> None:
        rows = [(str(one["name"]), str(one["role"]), str(one["seen"] or "never"), "disabled" if one["disabled"] else "") for one in found]
        screen.table(("name", "role", "seen", ""), rows)

    return Answer(found, human)


def link(node: Node, name: Name = None, /, *, json: AsJson = False) -> Answer:
    """Make a one-time link that signs somebody in: when a device, a password or everything is lost. It is shown this once.

    Example: ceasewire account link north Kestrel
    """
    from ..record.fields import show_time

    with reading(node) as view:
        at = f"{view.channel.logs[view.own].slug}@{view.channel.channel_id.hex()[:8]}"
    with _opened(node) as accounts:
        shown, role, secret, expires = _made(accounts, name, int(time.time()))
    page = f"/c/{at}/enter/{secret}"
    notes = (f"Open this page of the node where `serve` listens, once, before {show_time(expires)}. Whoever has it signs in.",)
    answer = {"name": shown, "role": role, "node": at, "page": page, "expires": show_time(expires)}
    return Answer(answer, lambda screen: screen.line(page), notes=notes)


def _made(accounts: Accounts, name: str | None, now: int) -> tuple[str | None, str, str, int]:
    """Name, role, secret and end of a new link. Raises LocalError account.missing, account.disabled, account.full."""
    people = accounts.accounts()
    if not people and name is None:
        first = accounts.invite("administrator", None, None, now)
        return None, first.role, first.secret, first.expires
    if name is None:
        who = next((one for one in people if one.role == "administrator" and one.disabled is None), None)
    else:
        who = accounts.named(name)
    if who is None:
        raise LocalError("account.missing", name or "")
    secret = accounts.sign_in_link(who.id, None, now)
    return who.name, who.role, secret, accounts.invitation(secret, now).expires


@contextmanager
def _opened(node: Path) -> Iterator[Accounts]:
    from ..accounts import FILE, Accounts

    accounts = Accounts.open(node / FILE, os.urandom)
    try:
        yield accounts
    finally:
        accounts.close()
