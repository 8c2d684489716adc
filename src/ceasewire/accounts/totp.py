"""Time-based one-time codes, RFC 6238, as every authenticator app makes them: HMAC-SHA-1, six digits, thirty seconds."""

from __future__ import annotations

import base64
import hmac
import struct
from typing import Final
from urllib.parse import quote

from ..record.text import canonical_digits

SECRET_BYTES: Final = 20  # RFC 4226 section 4, R6
STEP_SECONDS: Final = 30
DIGITS: Final = 6
_DRIFT: Final = 1  # steps by which the person's clock may be early or late


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of the step, of which step 0 began at 1970-01-01T00:00:00Z. RFC 4226 section 5.3."""
    digest = hmac.new(secret, struct.pack(">Q", step), "sha1").digest()
    at = digest[-1] & 15
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def step_of(secret: bytes, given: str, now: int) -> int | None:
    """The step whose code was given, one step early or late at most; None for a wrong one. Spaces are let pass, and digits of any
    script are read."""
    bare = canonical_digits("".join(given[:64].split()))
    found = None
    for step in range(now // STEP_SECONDS - _DRIFT, now // STEP_SECONDS + _DRIFT + 1):
        if step >= 0 and hmac.compare_digest(code(secret, step).encode(), bare.encode("utf-8", "replace")):
            found = step
    return found


def uri(secret: bytes, name: str, issuer: str) -> str:
    """What the QR code says to an authenticator app."""
    by = quote(issuer, safe="")
    asked = f"secret={base32(secret)}&issuer={by}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    return f"otpauth://totp/{by}:{quote(name, safe='')}?{asked}"


def base32(secret: bytes) -> str:
    """The secret as a person types it."""
    return base64.b32encode(secret).decode().rstrip("=")
