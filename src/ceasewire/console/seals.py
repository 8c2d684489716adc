"""What a person was shown before it is sent, sealed: the very text comes back with the button, and no other is taken.

    seal = base64url(zlib(JSON)) "." HMAC-SHA-256(key, JSON) in hexadecimal

The key is drawn when the process begins, so that a page that was made before a restart has to be looked at once more. A seal is of one node
and one session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from ..errors import LocalError
from ..record.fields import Json

_KEY: Final = os.urandom(32)
_SECONDS: Final = 12 * 3600
_BYTES: Final = 512 * 1024
_PACKED: Final = 192 * 1024  # of what a page sends back, besides which the rest of its form has room


@dataclass(frozen=True, slots=True)
class Seen:
    """What was shown: `json` as it was written, `seed` and `hash` (hexadecimal) of what is signed (node.writing.Written), when and to which
    session of which node. `draft` and `before` are those of a waiting draft whose text this replaces; `saved` the key of the form; `typed`
    what stood in it, for whoever changes it once more (None: what the message says)."""

    node: str
    session: str
    time: int
    kind: str
    json: Json
    seed: str
    hash: str
    draft: str = ""
    before: str = ""
    saved: str = ""
    typed: Mapping[str, Sequence[str]] | None = None

    def sealed(self) -> str:
        """As it stands in the page's form. What would make that too long to be sent back is left out of what was typed."""
        data = json.dumps(asdict(self), separators=(",", ":"), sort_keys=True).encode()
        packed = base64.urlsafe_b64encode(zlib.compress(data)).decode()
        if self.typed is not None and (len(data) > _BYTES or len(packed) > _PACKED):
            return replace(self, typed=None).sealed()
        return f"{packed}.{_mac(data)}"


def _mac(data: bytes) -> str:
    return hmac.new(_KEY, b"ceasewire/seen/1\0" + data, hashlib.sha256).hexdigest()


def opened(text: str, node: str, session: str, now: int) -> Seen:
    """What was shown to this session of this node. Raises LocalError console.form for anything else, also when it is long ago."""
    try:
        packed, _, mac = text.partition(".")
        inflate = zlib.decompressobj()
        data = inflate.decompress(base64.b64decode(packed.encode("ascii"), altchars=b"-_", validate=True), _BYTES)
        if inflate.unconsumed_tail or not hmac.compare_digest(mac, _mac(data)):
            raise ValueError
        seen = Seen(**json.loads(data))
    except (ValueError, TypeError, zlib.error):
        raise LocalError("console.form", "it is not of a page that this node made since it was started") from None
    if (seen.node, seen.session) != (node, session) or not 0 <= now - seen.time <= _SECONDS:
        raise LocalError("console.form", "it is of another session, or too old")
    return seen
