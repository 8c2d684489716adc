"""Misconduct proofs in line checks: what this log has not carried yet is written into its next one, so that it is in the record for ever.
spec/misconduct.md.

The first proof of a kind against a log is not kept waiting: unless another party's line check carries such a one already, a line check is
sent for it at once. A proof that takes another's place waits for the next line check.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import Final

from .. import limits
from ..record import encoding
from ..record.bodies_line import LINE_CHECK, MISCONDUCT_MOST
from ..record.message import Body
from ..store.interface import Change, KeptProof, Store
from .convicting import HISTORIES, NUMBERS
from .openings import of_log

CARRIED: Final = "misconduct_carried"  # meta of a log of ours: 16 bytes of the hash of each proof that a line check of its own carries
RECORDED: Final = "misconduct_recorded"  # meta: cbor([[log, kind, carrier], ...]): a line check of the log `carrier` carries such a proof
CHECKS: Final = "misconduct_checks"  # meta of a log of ours: the day of its last line check for proofs alone, and how many it had then
_FIELD: Final = LINE_CHECK["misconduct"].number
_MARK_BYTES: Final = 16
_ROOM_BYTES: Final = 20 * 1024  # of a body; receipts have the rest
_ITEM_BYTES: Final = 8  # of each proof's head, no less
_CHECKS_A_DAY: Final = 8
_DAY: Final = 86400
_EXACT: Final = NUMBERS["two_leaves"]


class ProofsToWrite:
    """What is still to be written down, for the line checks of one batch."""

    def __init__(self, store: Store, own: int) -> None:
        self._own = own
        self._recorded = recorded(store)
        self._all = store.proofs()
        self._carried = _marks(store.meta(of_log(CARRIED, own)))
        self._waiting = sorted((one for one in self._all if _mark(one) not in self._carried), key=_order)

    def write(self, body: Body) -> dict[str, bytes]:
        """Put into the body of a line check what fits, behind what its sender put there. Returns what to keep in meta; nothing if nothing
        was written."""
        chosen: list[KeptProof] = []
        given = encoding.array(body.get(_FIELD, []))
        room = _ROOM_BYTES - len(encoding.encode(given))
        for one in self._waiting:
            if len(one.data) + _ITEM_BYTES <= room and len(given) + len(chosen) < MISCONDUCT_MOST:
                chosen.append(one)
                room -= len(one.data) + _ITEM_BYTES
        if not chosen:
            return {}
        body[_FIELD] = [*given, *(one.data for one in chosen)]
        self._waiting = [one for one in self._waiting if one not in chosen]
        self._carried |= {_mark(one) for one in chosen}
        self._recorded |= {(one.log, one.kind, self._own) for one in chosen}
        # Of a proof whose place another took, nothing need be remembered: it does not come back.
        kept = b"".join(_mark(one) for one in self._all if _mark(one) in self._carried)
        return {of_log(CARRIED, self._own): kept, RECORDED: write_recorded(self._recorded)}


def pressing(store: Store, own: int, now: int) -> dict[str, bytes] | None:
    """Whether a line check should be sent for proofs alone, at `now` in POSIX seconds: then what to keep in meta with it; else None."""
    waiting = [one for one in store.proofs() if one.kind != NUMBERS["flood"]]
    if not waiting:
        return None
    # What a log that showed two histories carries is not held by all alike.
    frozen = {number for number, state in store.states().items() if state.frozen}
    known = {(log, kind) for log, kind, carrier in recorded(store) if carrier not in frozen}
    carried = _marks(store.meta(of_log(CARRIED, own)))
    if all((one.log, one.kind) in known or _mark(one) in carried for one in waiting):
        return None
    name, today = of_log(CHECKS, own), now // _DAY
    kept = store.meta(name) or bytes(16)
    count = int.from_bytes(kept[8:], "big") if int.from_bytes(kept[:8], "big") == today else 0
    return {name: today.to_bytes(8, "big") + (count + 1).to_bytes(8, "big")} if count < _CHECKS_A_DAY else None


def recorded(store: Store, change: Change | None = None) -> set[tuple[int, int, int]]:
    """(log, kind, carrier) of every proof that a line check carries and was looked at, of any log that is held; `change` is added to it."""
    kept = (change.meta.get(RECORDED) if change else None) or store.meta(RECORDED)
    items: list[list[int]] = encoding.decode(kept, limits.CHARTER_BYTES) if kept else []  # type: ignore[assignment]
    return {(log, kind, carrier) for log, kind, carrier in items}


def write_recorded(found: Collection[tuple[int, int, int]]) -> bytes:
    """As it is kept in meta."""
    return encoding.encode([list(one) for one in sorted(found)])


def _order(one: KeptProof) -> tuple[int, ...]:
    """An exact index first, then other proofs of two histories."""
    return (one.kind != _EXACT, one.kind not in HISTORIES, one.log, one.kind)


def _mark(one: KeptProof) -> bytes:
    return sha256(one.data).digest()[:_MARK_BYTES]


def _marks(kept: bytes | None) -> set[bytes]:
    data = kept or b""
    return {data[at : at + _MARK_BYTES] for at in range(0, len(data), _MARK_BYTES)}
