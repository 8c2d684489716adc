"""Which line checks carry misconduct proofs that this node has still to look at. spec/bundle.md 40.

A party with real keys may fill its line checks with files that are no proofs, each of which costs a signature's verification. So of one log
only so many are looked at as they come, and so many in a day; the rest waits in order of its entries, and a few are looked at each time the
shelf is tried, which is oftener than a log can bring new ones within its quota. None is passed over. Nothing waits in the record itself:
there a proof takes effect for whoever reads it (`record.conviction`), looked at here or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from .. import limits
from ..errors import PeerError
from ..record import encoding
from ..record.conviction import carried
from ..record.values import Row
from ..store.interface import Change, Store
from .carrying import RECORDED, recorded, write_recorded
from .convicting import Convicting

if TYPE_CHECKING:
    from .node import Node

DUE: Final = "misconduct_due"  # meta: cbor({log: index}): proofs that its line checks carry from there on were not looked at
_ROWS: Final = 512  # of a log that are read at once
_ROWS_BYTES: Final = 1024**2


def waiting(store: Store, change: Change | None = None) -> dict[int, int]:
    """Log -> index of the first line check whose proofs wait; `change` is added to the store."""
    kept = (change.meta.get(DUE) if change else None) or store.meta(DUE)
    return encoding.mapping(encoding.decode(kept)) if kept else {}  # type: ignore[return-value]


class Docket:
    """The carried proofs of one change."""

    def __init__(self, node: Node, convicting: Convicting, change: Change) -> None:
        self._node = node
        self._convicting = convicting
        self._change = change

    def admitted(self, rows: Sequence[Row]) -> None:
        """Look at what entries of one log carry that were just taken. What waits already comes first."""
        if not any(carried(one) for one in rows):
            return
        log, now, due = rows[0].log, self._node.now(), waiting(self._node.store, self._change)
        if log in due:
            return
        left = limits.MISCONDUCT_JUDGED_PER_LOG_AND_DAY - self._node.judged.today(log, now)
        looked, stop = self._look(rows, min(left, limits.MISCONDUCT_JUDGED_AT_ONCE))
        self._node.judged.add(log, looked, now)
        if stop is not None:
            self._write({**due, log: stop})

    def go_on(self) -> None:
        """Look at some more of each log."""
        before = waiting(self._node.store, self._change)
        after: dict[int, int] = {}
        for log, index in before.items():
            rows = self._node.store.rows(log, index, index + _ROWS, _ROWS_BYTES)
            _, stop = self._look(rows, limits.MISCONDUCT_JUDGED_AT_ONCE)
            if stop is None and rows and rows[-1].index + 1 < self._node.store.states()[log].size:
                stop = rows[-1].index + 1
            if stop is not None:
                after[log] = stop
        if after != before:
            self._write(after)

    def _look(self, rows: Sequence[Row], most: int) -> tuple[int, int | None]:
        """Look at `most` proofs, and at all that one row carries; how many these were, and the index of the first row that must wait. Those
        that verify are kept like those of a bundle, and known to be in the record."""
        found: list[bytes] = []
        stop = None
        for one in rows:
            given = carried(one)
            if given and len(found) >= most:
                stop = one.index
                break
            for data in given:
                with suppress(PeerError):  # what anybody writes into a line check is no proof yet
                    self._convicting.take(data, carried=True)
            found += given
        if found:
            self._record(rows[0].log, set(found))
        return len(found), stop

    def _record(self, carrier: int, found: set[bytes]) -> None:
        known = recorded(self._node.store, self._change)
        now = known | {(one.log, one.kind, carrier) for one in self._convicting.kept() if one.data in found}
        if now != known:
            self._change.meta[RECORDED] = write_recorded(now)

    def _write(self, due: Mapping[int, int]) -> None:
        self._change.meta[DUE] = encoding.encode(dict(due))
