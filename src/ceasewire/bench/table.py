"""What was measured, for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from .channel import FORMULA, Result


def table(result: Result) -> str:
    """One or a few lines for each part that was measured."""
    return "\n".join(f"{title if n == 0 else '':<10}{line}" for title, show in _PARTS.items() for n, line in enumerate(show(result)))


def _bulk(result: Result) -> Iterator[str]:
    if one := result.get("bulk"):
        yield f"{one['messages']:,} messages end to end, the last receipt stored: {one['per_second']:,}/s"
        yield f"floor {one['floor_per_second']:,}/s; {one['times_floor']} times the floor's time"
        yield FORMULA
        yield f"{result['wire_bytes_per_message']} bytes a message on the wire, sealed; {result['disk_bytes_per_message']} on disk"


def _outage(result: Result) -> Iterator[str]:
    if one := result.get("catch_up"):
        yield f"{one['messages']:,} messages after {one['away_seconds']} s: {one['seconds']} s from the line's return to the last receipt"


def _single(result: Result) -> Iterator[str]:
    if one := result.get("single"):
        yield f"release to receipt: median {one['p50_ms']} ms, p99 {one['p99_ms']} ms, at most {one['most_ms']} ms"
        yield f"floor {one['floor_ms']} ms, p99 {one['floor_p99_ms']} ms"


def _senders(result: Result) -> Iterator[str]:
    if one := result.get("senders"):
        yield f"{one['senders']} at the same time, {one['messages']:,} messages, {one['lost']} lost: {one['per_second']:,}/s sent, " + (
            f"{one['receipted_per_second']:,}/s receipted; a send: median {one['p50_ms']} ms, p99 {one['p99_ms']} ms"
        )


def _verify(result: Result) -> Iterator[str]:
    if one := result.get("verify"):
        yield f"{one['entries']:,} entries: {one['per_second']:,}/s"


def _search(result: Result) -> Iterator[str]:
    if one := result.get("search"):
        yield f"first page: median {one['p50_ms']} ms; built from nothing: {one['rebuild_per_minute']:,} messages a minute"


def _growth(result: Result) -> Iterator[str]:
    one = result["growth"]
    if one["p50_1k_ms"] is not None:
        yield f"append at 1,000 entries: median {one['p50_1k_ms']} ms; at {one['entries']:,}: {one['p50_ms']} ms, {one['times']} times"
        yield f"`serve` starts in {one['start_seconds']} s there, in {one['start_empty_seconds']} s with no entry; {one['file_mb']:,} MB"
        if one["p50_1m_ms"] is None:
            yield "at 1,000,000 entries: not measured (--grow 1000000)"


def _memory(result: Result) -> Iterator[str]:
    if one := result.get("rss_mb"):
        most = result["rss_most_mb"]
        yield f"sender {one['sender']} MB, receiver {one['receiver']} MB after that; at most {most['sender']} and {most['receiver']} MB"


def _hostile(result: Result) -> Iterator[str]:
    for name, one in result.get("hostile", {}).items():
        filled = f"disk +{one['disk_mb']} MB, memory {one['rss_mb']} MB"
        calm = f"calm {one['calm_p50_ms']} and {one['calm_p99_ms']} ms"
        yield f"{name}: median {one['p50_ms']} ms, p99 {one['p99_ms']} ms ({calm}): {one['times']} times; {filled}"


_PARTS: Final[dict[str, Callable[[Result], Iterator[str]]]] = {
    "bulk": _bulk,
    "outage": _outage,
    "memory": _memory,
    "single": _single,
    "senders": _senders,
    "verify": _verify,
    "search": _search,
    "growth": _growth,
    "hostile": _hostile,
}
