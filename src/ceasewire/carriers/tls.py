"""TLS towards a peer: a name and an authority that hold, and a certificate whose dates may have passed.

Bundles are sealed and signed, so TLS hides only who talks to whom. A certificate that nobody renewed must not cut the line between
two sides at war: it warns. A wrong name or an unknown authority is refused as everywhere.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ..errors import LocalError

_NO_CHECK_TIME: Final = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for


def client_context(ca: Path | None, warn: Callable[[str | None], None]) -> ssl.SSLContext:
    """A context that verifies. `ca`: a PEM file of authorities besides the system's. `warn` is called at every handshake with what is
    wrong with the certificate's dates, or None.

    Raises LocalError file.unreadable.
    """
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError):
            raise LocalError("file.unreadable", f"{ca} as certificates") from None
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            warn(wrong_dates(self.getpeercert() or {}, time.time()))

    context.sslobject_class = Watched
    return context


def wrong_dates(certificate: dict[str, Any], now: float) -> str | None:
    """What is wrong with a certificate's dates at `now`, POSIX seconds."""
    if now > ssl.cert_time_to_seconds(certificate["notAfter"]):
        return f"certificate expired {certificate['notAfter']}"
    if now < ssl.cert_time_to_seconds(certificate["notBefore"]):
        return f"certificate not valid before {certificate['notBefore']}"
    return None


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context to serve with. Raises LocalError file.unreadable."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError):
        raise LocalError("file.unreadable", f"{certificate} and {key} as certificate and key") from None
    return context
