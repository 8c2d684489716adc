"""QR codes: an SVG of the page's own colour."""

from __future__ import annotations

import io
import re

import segno
from markupsafe import Markup


def qr(text: str) -> Markup:
    """The code of a short text: words to compare, or what an authenticator app reads."""
    data = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        data, kind="svg", xmldecl=False, svgns=False, nl=False, scale=4, border=2, svgclass="qr", lineclass="qr-line"
    )
    return Markup(re.sub(r' stroke="[^"]*"', ' stroke="currentColor"', data.getvalue().decode()))  # noqa: S704 - segno draws, and writes no text
