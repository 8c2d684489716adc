"""Runs for a bundle: where each begins, and at which checkpoint it ends. PROTOCOL section 7; exchange.session says what is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .. import limits
from ..exchange.bundle import PackedRun
from ..exchange.session import Span
from ..record.kinds import KINDS
from ..record.values import Row
from .view import View

_LOOK: Final = 32  # rows read to see where a run may end, before all that fit are read


def pack(view: View, spans: Sequence[Span]) -> tuple[list[PackedRun], bool]:
    """Runs for the spans, each up to a checkpoint, as many as fit; and whether something is left."""
    runs: list[PackedRun] = []
    count, size = limits.BUNDLE_MESSAGES, limits.BUNDLE_CONTENTS_BYTES // 2
    quota = view.channel.charter.quotas["messages_per_log_and_day"]  # a run over it would be held for ever
    for span in spans:
        start = span.start
        while start < span.stop:
            run, length = _run(view, Span(span.log, start, span.stop), min(count, quota), size)
            if run is None or (runs and length > size):
                return runs, True
            runs.append(run)
            start += len(run.rows)
            count, size = count - len(run.rows), size - length
    return runs, False


def _run(view: View, span: Span, count: int, size: int) -> tuple[PackedRun | None, int]:
    """The longest run from the span's start that ends at a checkpoint within the room; a whole batch if none does and it is the first.

    A run ends with the batch of a line check, whose checkpoint bears both signatures. Among three or more it also ends where `seen`
    changes: longer runs of two logs that have seen each other would each wait for the other, at whoever has neither.
    """
    store, several = view.store, len(view.channel.logs) > 2
    log, start, stop = span.log, span.start, span.stop
    rows = store.rows(log, start, min(stop, start + count, start + _LOOK), max_bytes=size)
    if _alike(rows, several) == _LOOK:
        rows = store.rows(log, start, min(stop, start + count), max_bytes=size)
    if not rows:
        return None, 0
    end = start + _alike(rows, several)
    if rows[end - start - 1].kind == KINDS["line_check"]:
        whole = store.next_checkpoint(log, end)
        end = whole.size if whole and whole.size <= start + len(rows) else end - 1
    kept = store.newest_checkpoint(log, at_most=end)
    if kept is None or kept.size <= start:
        kept = store.next_checkpoint(log, start + 1)
        if kept is None or kept.size - start > count:
            return None, 0
        rows = store.rows(log, start, kept.size)
    rows = rows[: kept.size - start]
    run = PackedRun(log, start, rows, view.note(kept).encode())
    return run, sum(len(one.body) + len(one.seen) + 64 for one in rows) + len(run.checkpoint)


def _alike(rows: Sequence[Row], several: bool) -> int:
    """How many of the rows may stand in one run: up to a line check, and among three or more with the same `seen`."""
    for n, one in enumerate(rows):
        if several and one.seen != rows[0].seen:
            return n
        if one.kind == KINDS["line_check"]:
            return n + 1
    return len(rows)
