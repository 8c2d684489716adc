"""Secrets of 256 random bits: of links, sessions and devices. Of each its SHA-256 is kept, which gives nothing away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from ..keyfile import Random, draw

LINK: Final = "cwl_"
SESSION: Final = "cws_"
DEVICE: Final = "cwd_"
_BYTES: Final = 32
_FORM: Final = re.compile(r"cw[lsd]_[A-Za-z0-9_-]{43}")


def secret(kind: str, random: Random) -> str:
    """A new secret: its kind and 43 characters of base64url. Raises LocalError random.failed."""
    return kind + b64(draw(random, _BYTES))


def digest(kind: str, given: str) -> bytes:
    """What is kept of a secret; of anything else, what is kept of none."""
    if not given.startswith(kind) or not _FORM.fullmatch(given):
        return b""
    return hashlib.sha256(given.encode()).digest()


def csrf(token: str) -> str:
    """The text that a session's forms bear: it follows from the token, and the token does not from it."""
    return b64(hmac.digest(token.encode(), b"ceasewire/csrf/1", "sha256"))


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
