"""The demo's officers as people at their consoles: accounts with a password and codes, whose release keys the charter lists.

They release the day's messages with the same keys that whoever watches the demo then releases with in the browser. The password is printed
and the codes are written to a file, renewed as long as the demo runs: this is an exercise, and nobody else's machine.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..accounts import FILE, Accounts, Client
from ..accounts.totp import STEP_SECONDS, code
from ..folder import Folder
from ..record.officers import Officer
from . import story
from .founding import Hand

PASSWORD: Final = "exercise and nothing else"  # noqa: S105 - of a demo, and printed
_HERE: Final = Client("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Person:
    """An officer's account: whose, under which name, with which secret of codes."""

    slug: str
    name: str
    totp: bytes


def make_people(nodes: Mapping[str, Folder]) -> tuple[dict[str, list[Hand]], list[Person]]:
    """Each node's officers, the first an administrator, with their keys as `founding.make_hands`."""
    hands: dict[str, list[Hand]] = {}
    people: list[Person] = []
    for position, (slug, node) in enumerate(nodes.items()):
        accounts = Accounts.open(node.path / FILE, os.urandom)
        try:
            made = [_enrol(accounts, position, slug, name, role) for name, role in story.OFFICERS[slug]]
        finally:
            accounts.close()
        hands[slug] = [hand for hand, _ in made]
        people += [one for _, one in made]
    return hands, people


def _enrol(accounts: Accounts, position: int, slug: str, name: str, role: str) -> tuple[Hand, Person]:
    now = int(time.time())
    first = accounts.is_empty()
    by = None if first else next(one.id for one in accounts.accounts() if one.role == "administrator")
    secret = accounts.invite("administrator" if first else "releaser", name, by, now).secret
    totp = _secret_of(accounts.register_password(secret, None, PASSWORD, now).secret)
    _, session = accounts.confirm_totp(secret, code(totp, now // STEP_SECONDS - 1), now, _HERE)
    key = accounts.release_key(session.id, PASSWORD, now)
    accounts.end_session(session.id, session.account, now)
    return Hand(Officer(position, "ed25519", key.public_key().public_bytes_raw(), role, name), key), Person(slug, name, totp)


def _secret_of(text: str) -> bytes:
    return base64.b32decode(text + "=" * (-len(text) % 8))


def links(nodes: Mapping[str, Folder], ports: Sequence[int]) -> list[str]:
    """For each officer of each node a line with a link that signs them in, once."""
    lines = []
    for (slug, node), port in zip(nodes.items(), ports, strict=True):
        with node.view() as view:
            name = f"{view.channel.logs[view.own].slug}@{view.channel.channel_id.hex()[:8]}"
        accounts = Accounts.open(node.path / FILE, os.urandom)
        try:
            for one in accounts.accounts():
                secret = accounts.sign_in_link(one.id, None, int(time.time()))
                lines.append(f"Console of {slug}, {one.name} signed in once by: http://localhost:{port}/c/{name}/enter/{secret}")
        finally:
            accounts.close()
    return lines


def write_codes(path: Path, people: Sequence[Person], now: int) -> None:
    """The codes of all officers now, and how long they last."""
    left = STEP_SECONDS - now % STEP_SECONDS
    lines = [f"{one.slug:8} {one.name:20} {code(one.totp, now // STEP_SECONDS)}" for one in people]
    text = f"EXERCISE. Password of all: {PASSWORD}\nCodes for the next {left} s; this file is renewed.\n" + "\n".join(lines) + "\n"
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
