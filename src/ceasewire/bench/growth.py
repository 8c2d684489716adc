"""What grows with a log: an append, the start of `serve`, the file. A long log is built through the same calls as any other."""

from __future__ import annotations

import statistics
import time
from functools import partial
from pathlib import Path
from typing import Final

from .. import limits
from ..carriers import control
from ..errors import LocalError
from ..folder import Folder
from ..node.node import Node
from ..processes import free_port, serving
from .channel import Result, Say, channel, draft, on_disk, until

MILLION: Final = 1_000_000
SHORT: Final = 1000
_APPENDS: Final = 300


def growth(base: Path, entries: int, cache: Path | None, say: Say) -> Result:
    """The median append in a log of a thousand entries and in one of `entries`, taken in turn; how long `serve` takes to start there.

    `cache`: where the long log is kept for the next time.
    """
    with channel(base, {slug: f"http://127.0.0.1:{free_port()}" for slug in ("north", "south")}) as nodes:
        long = _long(cache or base / "long", entries, say)
        with nodes["north"].node(None) as one, long.node(None) as other:
            _fill(one, SHORT, say)
            say(f"growth: {_APPENDS} appends at {SHORT:,} and at {entries:,} entries")
            pairs = [(_append(one), _append(other)) for _ in range(_APPENDS)]
        short_ms, long_ms = (round(statistics.median(times) * 1000, 2) for times in zip(*pairs, strict=True))
        start = _start(long)
        return {
            "growth": {
                "p50_1k_ms": short_ms,
                "p50_1m_ms": long_ms if entries >= MILLION else None,
                "entries": entries,
                "p50_ms": long_ms,
                "times": round(long_ms / short_ms, 2),
                "start_seconds": round(start, 2),
                "start_empty_seconds": round(_start(nodes["south"]), 2),
                "file_mb": round(on_disk(long) / 1e6),
            }
        }


def _long(base: Path, entries: int, say: Say) -> Folder:
    if not (base / "north").exists():
        base.mkdir(parents=True, exist_ok=True)
        with channel(base, {"north": f"http://127.0.0.1:{free_port()}", "south": ""}):
            pass
    folder = Folder(base / "north")
    with folder.node(None) as node:
        _fill(node, entries, say)
    return folder


def _fill(node: Node, size: int, say: Say) -> None:
    for at in range(node.store_size(node.own), size, limits.BATCH_MESSAGES):
        say(f"growth: building a log of {size:,} entries, {at:,} are there")
        node.send_many([("notification", draft(n)) for n in range(at, min(at + limits.BATCH_MESSAGES, size))])


def _append(node: Node) -> float:
    started = time.perf_counter()
    node.send("notification", draft(0))
    return time.perf_counter() - started


def _start(folder: Folder) -> float:
    """Seconds from starting `serve` until it answers on its control socket, the imports included; the least of three."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        with serving({"north": folder}, lambda _: None):
            until(partial(_answers, folder), 60, "to start", 0.002)
            times.append(time.perf_counter() - started)
    return min(times)


def _answers(folder: Folder) -> bool:
    """Whether the node that serves answers: that it knows no such operation."""
    try:
        control.call(folder.control_path, {"op": "none"})
    except LocalError as error:
        return error.code == "usage"
    return True
