"""What a line check writes down: the receipts for our own log, each cosigner's newest of each kind, and none twice.

A receipt may arrive long after one of another cosigner over a larger size, and 31 of ML-DSA-44 do not fit one body. So a mark is kept for
each cosigner and kind, and what does not fit waits for the next line check.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .. import limits
from ..record import encoding
from ..record.channel import Channel
from ..record.fields import Wrong
from ..record.kinds import KINDS, RECEIPTS_MOST, check_types
from ..record.message import Body
from ..record.values import Cosignature
from ..store.interface import Store
from ..tlog.note import COSIGNATURE_ED25519, MLDSA44

WRITTEN: Final = "receipts_written"  # meta: cbor([[by, kind, size, index], ...]), see Mark
RECEIPTS: Final = 16  # the field of a line check
ROOM_BYTES: Final = 24 * 1024  # of a body, for receipts
_HEAD_BYTES: Final = 8  # of the field and its list
_LINE_CHECK: Final = KINDS["line_check"]

Key = tuple[int, int]  # cosigner, C2SP signature type


@dataclass(frozen=True, slots=True)
class Mark:
    """The last cosignature of one cosigner and kind that was written down: its size, and at which index of our log."""

    size: int = 0
    index: int = -1


class ToWrite:
    """What is still to be written down, for the line checks of one batch."""

    def __init__(self, store: Store, channel: Channel, own: int) -> None:
        self._channel = channel
        self._marks = _read(store.meta(WRITTEN))
        self._waiting = self._newest(store.cosigned_since(own, self._floor(store, own)))

    def _floor(self, store: Store, own: int) -> int:
        """The least mark of whoever may have cosigned more than was written: below it there is nothing new."""
        keys = [(by, kind) for by in store.covered(own) for kind in (COSIGNATURE_ED25519, MLDSA44) if self._channel.cosigner_key(by, kind)]
        return min((self._mark(key).size for key in keys), default=0)

    def _mark(self, key: Key) -> Mark:
        return self._marks.get(key, Mark())

    def _newest(self, found: Iterable[Cosignature]) -> dict[Key, Cosignature]:
        """Of cosignatures in order of size, the newest of each cosigner and kind that is above its mark and that a body can hold."""
        newest: dict[Key, Cosignature] = {}
        for one in found:
            key = (one.by, one.kind)
            if one.size > self._mark(key).size and self._writable(one):
                newest[key] = one
        return newest

    def _writable(self, one: Cosignature) -> bool:
        """Whether the schema takes it; a cosigner may have dated it past what a field of a time holds."""
        try:
            check_types(_LINE_CHECK, {RECEIPTS: [_item(one)]}, self._channel)
        except Wrong:
            return False
        return True

    def write(self, body: Body, index: int) -> bytes | None:
        """Put into the body of the line check at `index` what fits: Ed25519 first, and of a kind those that were written longest ago.

        Returns what to keep as WRITTEN; None if there was nothing to write.
        """
        room = min(ROOM_BYTES, limits.BODY_BYTES - _HEAD_BYTES - len(encoding.encode(body)))
        chosen: dict[Key, encoding.Value] = {}
        for key in sorted(self._waiting, key=lambda key: (key[1], self._mark(key).index, key[0])):
            item = _item(self._waiting[key])
            length = len(encoding.encode(item))
            if length <= room and len(chosen) < RECEIPTS_MOST:
                chosen[key] = item
                room -= length
        if not chosen:
            return None
        body[RECEIPTS] = [item for _, item in sorted(chosen.items(), key=lambda one: one[0])]
        for key in chosen:
            self._marks[key] = Mark(self._waiting.pop(key).size, index)
        return encoding.encode([[*key, mark.size, mark.index] for key, mark in sorted(self._marks.items())])


def _item(one: Cosignature) -> encoding.Value:
    return {1: one.log, 2: one.size, 3: one.by, 4: one.kind, 5: one.time, 6: one.signature}


def _read(kept: bytes | None) -> dict[Key, Mark]:
    found: list[list[int]] = encoding.decode(kept, limits.CHARTER_BYTES) if kept else []  # type: ignore[assignment]
    return {(by, kind): Mark(size, index) for by, kind, size, index in found}
