"""Amendments: changes of a charter to which every party assents by a message of its own. spec/charter.md, "Amendments".

    changes   = the canonical map of charter field number -> new value, of the fields in CHANGEABLE, each whole
    amendment = SHA-256(cbor(["ceasewire/amend/1", channel id, base, changes]))
    base      = what the charter in force is called: the channel id, or once amended the hash of the last amendment

Bases make a chain in which no name comes twice, so that changing back what was changed is an amendment like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from .. import limits
from ..errors import PeerError
from . import encoding
from .charter import QUOTAS, Charter
from .encoding import Value

TAG: Final = "ceasewire/amend/1"
# By name as in TOML -> field of the charter. Parties, keys, the name, witnesses and whether it is an exercise need a new charter.
CHANGEABLE: Final[Mapping[str, int]] = {
    "provisions": 6,
    "kinds": 7,
    "clocks": 8,
    "quotas": 9,
    "zones": 12,
    "officers": 13,
    "releases": 14,
}
_RUNNING: Final = QUOTAS["running_clocks_per_party"][0]
_CHARTERS: Final = 32  # amended charters that are kept opened


def amendment_hash(channel_id: bytes, base: bytes, changes: bytes) -> bytes:
    """What every assent names, 32 bytes."""
    return hashlib.sha256(encoding.encode([TAG, channel_id, base, changes])).digest()


def apply(charter: Charter, changes: bytes) -> Charter:
    """The charter with these changes. Raises PeerError amendment.changes if they make no charter."""
    return _applied(charter.encode(), changes)


@lru_cache(maxsize=_CHARTERS)
def _applied(charter: bytes, changes: bytes) -> Charter:
    try:
        new = encoding.mapping(encoding.decode(changes, limits.BODY_BYTES))
        if not new or not new.keys() <= set(CHANGEABLE.values()):
            raise PeerError("amendment.changes", "of fields that no amendment changes")
        fields = encoding.mapping(encoding.decode(charter, limits.CHARTER_BYTES))
        amended = Charter.decode(encoding.encode(fields | new))
        if encoding.mapping(fields[9])[_RUNNING] != amended.quotas["running_clocks_per_party"]:
            raise PeerError("amendment.changes", "how many clocks run is counted over the whole record, and stays as all signed it")
        return amended
    except PeerError as error:
        raise PeerError("amendment.changes", error.detail or error.explained.sentence.lower()) from None


def changes_between(old: Charter, new: Charter) -> bytes:
    """The changes that lead from one charter to another of the same parties; empty map if there are none."""
    before, after = (encoding.mapping(encoding.decode(one.encode(), limits.CHARTER_BYTES)) for one in (old, new))
    changed: dict[int, Value] = {number: after[number] for number in CHANGEABLE.values() if after[number] != before[number]}
    return encoding.encode(changed)
