"""Runs for a bundle: where each begins, and at which checkpoint it ends. PROTOCOL section 7; exchange.session says what is due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
_LOOK: Final = 32  # rows read to see where a run may end, before all that fit are read


def pack(view: View, spans: Sequence[Span], unknown: Collection[int] = ()) -> tuple[list[PackedRun], bool]:
    """Runs for the spans, each up to a checkpoint, as many as fit; and whether something is left. `unknown`: see View.note."""
    runs: list[PackedRun] = []
    count, size = limits.BUNDLE_MESSAGES, limits.RUN_BYTES
    quota = in_force(view).charter.quotas["messages_per_log_and_day"]  # a run of our own over it would be held for ever
    for span in spans:
        start = span.start
        while start < span.stop:
            most = min(count, quota) if span.log == view.own else count
            run, length = _run(view, Span(span.log, start, span.stop), (most, size), unknown)
            if run is None or (runs and length > size):
                return runs, True
            runs.append(run)
            start += len(run.rows)
            count, size = count - len(run.rows), size - length
    return runs, False


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
