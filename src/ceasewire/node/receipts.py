"""What a line check writes down: the receipts for our own log, each cosigner's newest of each kind, and none twice.

A receipt may arrive long after one of another cosigner over a larger size, and 31 of ML-DSA-44 do not fit one body. So a mark is kept for
each cosigner and kind, and what does not fit waits for the next line check. A log that follows others writes down theirs too. The line
check that is the first to see a successor of another party's log writes down the newest receipts for the log that was replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
from .openings import of_log

WRITTEN: Final = "receipts_written"  # meta of a log of ours: cbor([[by, kind, size, index], ...]), see Mark
RECEIPTS: Final = 16  # the field of a line check
ROOM_BYTES: Final = 24 * 1024  # of a body, for receipts
_HEAD_BYTES: Final = 8  # of the field and its list
_LINE_CHECK: Final = KINDS["line_check"]

Key = tuple[int, int, int]  # log, cosigner, C2SP signature type


@dataclass(frozen=True, slots=True)
class Mark:
    """The last cosignature of one cosigner and kind that was written down: its size, and at which index of our log."""

    size: int = 0
    index: int = -1


class ToWrite:
    """What is still to be written down, for the line checks of one batch. `replaced` are other parties' logs of which the first of them
    is to show how far they reached."""

    def __init__(self, store: Store, channel: Channel, own: int, replaced: Collection[int] = ()) -> None:
        self._channel = channel
        self._ours = [own, *channel.before(own)]
        self._replaced = frozenset(replaced)
        self._marks = {(log, *key): mark for log in self._ours for key, mark in _read(store.meta(of_log(WRITTEN, log))).items()}
        found = [one for log in self._ours for one in store.cosigned_since(log, self._floor(store, log))]
        others = [one for log in sorted(self._replaced) for one in store.cosigned_since(log, 0)]
        self._waiting = self._newest([*found, *(one for one in others if one.kind == COSIGNATURE_ED25519)])

    def _floor(self, store: Store, log: int) -> int:
        """The least mark of whoever may have cosigned more than was written: below it there is nothing new."""
        keys = [(by, kind) for by in store.covered(log) for kind in (COSIGNATURE_ED25519, MLDSA44) if self._channel.cosigner_key(by, kind)]
        return min((self._mark((log, *key)).size for key in keys), default=0)

    def _mark(self, key: Key) -> Mark:
        return self._marks.get(key, Mark())

    def _newest(self, found: Iterable[Cosignature]) -> dict[Key, Cosignature]:
        """Of cosignatures in order of log and size, the newest of each cosigner and kind above its mark that a body can hold."""
        newest: dict[Key, Cosignature] = {}
        for one in found:
            key = (one.log, one.by, one.kind)
            if one.size > self._mark(key).size and self._is_receipt(one) and self._writable(one):
                newest[key] = one
        return newest

    def _is_receipt(self, one: Cosignature) -> bool:
        """Whether it is another party's, or a witness's: what a party's own devices say to each other is no receipt."""
        channel = self._channel
        return one.by not in channel.logs or channel.party_of(one.by) != channel.party_of(one.log)

    def _writable(self, one: Cosignature) -> bool:
        """Whether the schema takes it; a cosigner may have dated it past what a field of a time holds."""
        try:
            check_types(_LINE_CHECK, {RECEIPTS: [_item(one)]}, self._channel)
        except Wrong:
            return False
        return True

    def _order(self, key: Key) -> tuple[object, ...]:
        """What must be in this very line check first, then Ed25519, then what was written longest ago."""
        log, by, kind = key
        return (log not in self._replaced, kind, self._mark(key).index, log, by)

    def write(self, body: Body, index: int) -> dict[str, bytes]:
        """Put into the body of the line check at `index` what fits. Returns what to keep in meta; nothing if nothing was written."""
        room = min(ROOM_BYTES, limits.BODY_BYTES - _HEAD_BYTES - len(encoding.encode(body)))
        chosen: dict[Key, encoding.Value] = {}
        for key in sorted(self._waiting, key=self._order):
            item = _item(self._waiting[key])
            length = len(encoding.encode(item))
            if length <= room and len(chosen) < RECEIPTS_MOST:
                chosen[key] = item
                room -= length
        if not chosen:
            return {}
        body[RECEIPTS] = [item for _, item in sorted(chosen.items(), key=lambda one: one[0])]
        for key in chosen:
            self._marks[key] = Mark(self._waiting.pop(key).size, index)
        return {of_log(WRITTEN, log): self._kept(log) for log in self._ours if any(key[0] == log for key in chosen)}

    def _kept(self, log: int) -> bytes:
        marks = sorted((key[1:], mark) for key, mark in self._marks.items() if key[0] == log)
        return encoding.encode([[*key, mark.size, mark.index] for key, mark in marks])


def _item(one: Cosignature) -> encoding.Value:
    return {1: one.log, 2: one.size, 3: one.by, 4: one.kind, 5: one.time, 6: one.signature}


def _read(kept: bytes | None) -> dict[tuple[int, int], Mark]:
    found: list[list[int]] = encoding.decode(kept, limits.CHARTER_BYTES) if kept else []  # type: ignore[assignment]
    return {(by, kind): Mark(size, index) for by, kind, size, index in found}
