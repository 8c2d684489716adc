"""Runs for a bundle: where each begins, and at which checkpoint it ends. PROTOCOL section 7; exchange.session says what is due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from .. import limits
from ..exchange.bundle import PackedRun
from ..exchange.session import Span
from ..record.kinds import KINDS
from ..record.values import Row
from ..store.interface import KeptCheckpoint
from .composing import in_force
from .view import View

_LINE_CHECK: Final = KINDS["line_check"]
# A bundle may be eight times as long. These cost whoever takes them less memory, and less time in one piece, and hardly more in all.
PACK_MESSAGES: Final = limits.BATCH_MESSAGES // 2
PACK_BYTES: Final = limits.BATCH_BYTES // 2
# For a batch that is longer than these: one of ours, or what another program may have made.
_LONGER: Final = ((limits.BATCH_MESSAGES, limits.BATCH_BYTES), (limits.BUNDLE_MESSAGES, limits.RUN_BYTES))
_LOOK: Final = 32  # rows read to see where a run may end, before all that fit are read


def pack(
    view: View, spans: Sequence[Span], unknown: Collection[int] = (), breathe: Callable[[], None] = lambda: None
) -> tuple[list[PackedRun], bool]:
    """Runs for the spans, each up to a checkpoint, as many as fit; and whether something is left. `unknown`: see View.note. `breathe`: see
    Exchange.

    Where several logs are due, the first has half of the room and the others share the rest: whoever lost logs that have seen each other
    can take none of them without the others. What one does not need another has after all.
    """
    if not spans:
        return [], False  # most often: a poll that bears receipts
    packing = _Packing(view, unknown, breathe)
    for place, span in enumerate(spans):
        packing.add(span, 1 if len(spans) == 1 else 2 if place == 0 else len(spans) - place)
    left = [replace(span, start=max(span.start, packing.ends.get(span.log, 0))) for span in spans]
    whole = [packing.add(span) for span in left]
    return packing.runs, not all(whole)


class _Packing:
    """The runs of one bundle, where those of each log end, and the room that is left."""

    def __init__(self, view: View, unknown: Collection[int], breathe: Callable[[], None]) -> None:
        self.runs: list[PackedRun] = []
        self.ends: dict[int, int] = {}
        self._view, self._unknown, self._breathe = view, unknown, breathe
        self._count, self._size = PACK_MESSAGES, PACK_BYTES
        self._quota = in_force(view).charter.quotas["messages_per_log_and_day"]  # a run of our own over it would be held for ever

    def add(self, span: Span, parts: int = 1) -> bool:
        """Add runs of a span, in one of so many parts of the room that is left; whether all of it is in."""
        start, count, size = span.start, self._count // parts, self._size // parts
        while start < span.stop:
            self._breathe()
            run, length = self._run(replace(span, start=start), count, size)
            for most, longest in _LONGER if not self.runs else ():
                run, length = (run, length) if run else self._run(replace(span, start=start), most, longest)
            if run is None or (self.runs and length > size):
                return False
            self.runs.append(run)
            start += len(run.rows)
            self.ends[span.log] = start
            count, size = count - len(run.rows), size - length
            self._count, self._size = self._count - len(run.rows), self._size - length
        return True

    def _run(self, span: Span, count: int, size: int) -> tuple[PackedRun | None, int]:
        most = min(count, self._quota) if span.log == self._view.own else count
        return _run(self._view, span, (most, size), self._unknown) if most > 0 else (None, 0)


def _run(view: View, span: Span, room: tuple[int, int], unknown: Collection[int]) -> tuple[PackedRun | None, int]:
    """The longest run from the span's start that ends at a checkpoint within the room (messages, bytes); a whole batch if none does and
    it is the first.

    A run ends with the batch of a line check, at the first checkpoint that bears both signatures. Among three or more it also ends
    where `seen` changes: longer runs of two logs that have seen each other would each wait for the other, at whoever has neither.
    """
    store, several, (count, size) = view.store, len(view.channel.logs) > 2, room
    log, start, stop = span.log, span.start, span.stop
    rows = store.rows(log, start, min(stop, start + count, start + _LOOK), max_bytes=size)
    if _alike(rows, several) == _LOOK:
        rows = store.rows(log, start, min(stop, start + count), max_bytes=size)
    rows = _fitting(rows)
    if not rows:
        return None, 0
    end = start + _alike(rows, several)
    if rows[end - start - 1].kind == _LINE_CHECK:
        whole = _bearing_both(view, log, end)
        end = whole.size if whole and whole.size <= start + len(rows) else end - 1
    kept = store.newest_checkpoint(log, at_most=end)
    if kept is None or kept.size <= start:
        kept = store.next_checkpoint(log, start + 1)
        if kept and any(one.kind == _LINE_CHECK for one in store.rows(log, start, min(kept.size, start + count))):
            kept = _bearing_both(view, log, kept.size)
        if kept is None or kept.size - start > count:
            return None, 0
        rows = store.rows(log, start, kept.size)
    rows = rows[: kept.size - start]
    run = PackedRun(log, start, rows, view.note(kept, unknown).encode())
    return run, sum(map(_length, rows)) + len(run.checkpoint)


def _length(one: Row) -> int:
    """No less than the message's bytes in a run."""
    return len(one.body) + len(one.seen) + 64


def _fitting(rows: list[Row]) -> list[Row]:
    """The first rows that together are no longer than a run may be. One always is."""
    ends = accumulate(map(_length, rows))
    return rows[: sum(end <= limits.RUN_BYTES for end in ends)]


def _bearing_both(view: View, log: int, at_least: int) -> KeptCheckpoint | None:
    """The smallest checkpoint of a size >= at_least under both keys of its log, which may sign others with Ed25519 alone at any time."""
    kept = view.store.next_checkpoint(log, at_least)
    while kept and not all(any(line.is_by(key) for line in view.note(kept).lines) for key in view.channel.logs[log].log):
        kept = view.store.next_checkpoint(log, kept.size + 1)
    return kept


def _alike(rows: Sequence[Row], several: bool) -> int:
    """How many of the rows may stand in one run: up to a line check, and among three or more with the same `seen`."""
    for n, one in enumerate(rows):
        if several and one.seen != rows[0].seen:
            return n
        if one.kind == _LINE_CHECK:
            return n + 1
    return len(rows)
