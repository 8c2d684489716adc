"""What is asked of a node, and whether a measurement holds it. The times are of a quiet machine of two cores; ratios hold anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from .channel import Result


@dataclass(frozen=True, slots=True)
class Bound:
    """One number of a result, found by `read`, that must be at least or at most `bound`."""

    words: str
    read: Callable[[Result], Any]
    bound: float
    at_least: bool = False

    def holds(self, found: float) -> bool:
        """Whether it does."""
        return found >= self.bound if self.at_least else found <= self.bound


BOUNDS: Final = (
    Bound("bulk, messages a second", lambda r: r["bulk"]["per_second"], 2500, at_least=True),
    Bound("bulk, times the floor", lambda r: r["bulk"]["times_floor"], 3),
    Bound("release to receipt, median ms", lambda r: r["single"]["p50_ms"], 10),
    Bound("release to receipt, p99 ms", lambda r: r["single"]["p99_ms"], 25),
    Bound("10,000 messages after an outage, s", lambda r: r["catch_up"]["seconds"] if r["catch_up"]["messages"] >= 10_000 else None, 6),
    Bound("16 senders, messages lost", lambda r: r["senders"]["lost"], 0),
    Bound("append at 1,000,000 entries, times that at 1,000", lambda r: r["growth"]["p50_1m_ms"] and r["growth"]["times"], 1.3),
    Bound("start with 1,000,000 entries, s", lambda r: r["growth"]["p50_1m_ms"] and r["growth"]["start_seconds"], 2),
    Bound("memory after 10,000 messages, sender, MB", lambda r: r["rss_mb"]["sender"], 100),
    Bound("memory after 10,000 messages, receiver, MB", lambda r: r["rss_mb"]["receiver"], 100),
    Bound("beside ten attacks, times a send", lambda r: max(one["times"] for one in r["hostile"].values()), 2),
)


def compared(result: Result) -> Iterator[tuple[str, bool | None]]:
    """A line for each bound, and whether it holds; None for what was not measured."""
    for one in BOUNDS:
        try:
            found = one.read(result)
        except KeyError:
            found = None
        asked = f"{one.words}: asked at {'least' if one.at_least else 'most'} {one.bound:,g}"
        if found is None:
            yield f"       {asked}, not measured", None
        else:
            holds = one.holds(found)
            yield f"{'holds' if holds else 'FAILS'}  {asked}, measured {found:,g}", holds
