"""The tokens of a node's API: who may read or send over HTTP. docs/operators.md, "Tokens".

A token is `cw_` and 43 characters of base64url, 256 bits that are shown once. The node's folder keeps `tokens`, the owner's alone
(0600): of each its name, its role, when it was made, and SHA-256 over the channel's id, the log and the secret. So a token opens one
node of one channel, and a list that is copied into another folder opens nothing there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from .errors import LocalError

ROLES: Final = ("reader", "sender")
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SECRET: Final = re.compile(r"cw_[A-Za-z0-9_-]{43}")
SECRET_BYTES: Final = 32
MOST: Final = 256
_FILE_BYTES: Final = 256 * 1024
_PURPOSE: Final = b"ceasewire/token/1"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its name, one of ROLES, when it was made (RFC 3339), SHA-256 of its secret in hex."""

    name: str
    role: str
    made: str
    sha256: str


def digest(channel_id: bytes, log: str, secret: str) -> str:
    """What is kept of a secret. Of 256 random bits a plain hash gives nothing away."""
    parts = (_PURPOSE, channel_id, log.encode(), secret.encode())
    return hashlib.sha256(b"".join(len(part).to_bytes(2, "big") + part for part in parts)).hexdigest()


def make_secret(random: Callable[[int], bytes]) -> str:
    """A new secret. `random(n)` gives n random bytes."""
    return "cw_" + base64.urlsafe_b64encode(random(SECRET_BYTES)).rstrip(b"=").decode()


def read(path: Path) -> list[Token]:
    """The tokens of a node, none if it has no list.

    Raises LocalError pen.mode if others could read or change the list, file.unreadable if it is not one.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LocalError("file.unreadable", f"{path}: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise LocalError("file.unreadable", f"{path} is not a file")
        if found.st_mode & 0o077 or found.st_uid != os.geteuid():
            raise LocalError("pen.mode", str(path))
        data = file.read(_FILE_BYTES + 1)
    try:
        return [_token(item) for item in json.loads(data)]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise LocalError("file.unreadable", f"{path} is no list of tokens") from None


def _token(item: dict[str, str]) -> Token:
    token = Token(item["name"], item["role"], item["made"], item["sha256"])
    if not NAME.fullmatch(token.name) or token.role not in ROLES or len(token.sha256) != hashlib.sha256().digest_size * 2:
        raise ValueError
    return token


def encode(tokens: Sequence[Token]) -> bytes:
    """The bytes of the list."""
    return json.dumps([asdict(token) for token in tokens], indent=1).encode() + b"\n"


def with_one(tokens: Sequence[Token], token: Token) -> list[Token]:
    """The list with one more. Raises LocalError usage for a name that is taken or is none, for an unknown role, and for too many."""
    if not NAME.fullmatch(token.name):
        raise LocalError("usage", "a token's name is 1 to 64 small letters, digits, dots, hyphens and underscores")
    if token.role not in ROLES:
        raise LocalError("usage", f"a token's role is one of {', '.join(ROLES)}")
    if any(one.name == token.name for one in tokens):
        raise LocalError("usage", f"there is a token {token.name} already; revoke it, or choose another name")
    if len(tokens) >= MOST:
        raise LocalError("usage", f"a node has {MOST} tokens at most")
    return [*tokens, token]


def without(tokens: Sequence[Token], name: str) -> list[Token]:
    """The list without the token of that name. Raises LocalError usage if there is none."""
    left = [one for one in tokens if one.name != name]
    if len(left) == len(tokens):
        raise LocalError("usage", "there is no token of that name; `ceasewire token list` shows them")
    return left
