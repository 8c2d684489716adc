"""Many messages: end to end, after an outage, and checked and read again."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from .. import limits
from ..carriers import line
from ..folder import Folder
from ..node import fsck
from ..node.exchange import Exchange
from ..processes import free_port, serving
from .channel import Result, Say, channel, draft, floor, memory, on_disk, send_all, until


def bulk(base: Path, count: int, say: Say) -> Result:
    """End to end: from the first message written to the last receipt stored, over loopback HTTP to a node in another process."""
    port = free_port()
    with channel(base, {"north": "", "south": f"http://127.0.0.1:{port}"}) as nodes:
        below = sum(floor(base, nodes, count, limits.BATCH_MESSAGES))
        say(f"bulk: {count:,} messages")
        with serving({"south": nodes["south"]}, lambda _: None), nodes["north"].node(None) as node:
            exchange, wire = Exchange(node), [0]
            _count_wire(exchange, wire)
            drafts = [("notification", draft(number)) for number in range(count)]
            started = time.perf_counter()
            for at in range(0, count, limits.BATCH_MESSAGES):
                node.send_many(drafts[at : at + limits.BATCH_MESSAGES])
            (report,) = line.sync(exchange, [1])
            took = time.perf_counter() - started
            if report.error or report.receipted != count:
                raise SystemExit(f"bench: {report}")
        say("verify and rebuild")
        return {
            "bulk": {
                "messages": count,
                "per_second": round(count / took),
                "floor_per_second": round(count / below),
                "times_floor": round(took / below, 2),
            },
            "wire_bytes_per_message": round(wire[0] / count),
            "disk_bytes_per_message": round(on_disk(nodes["south"]) / count),
            "verify": _verify(nodes["south"]),
            "search": _search(nodes["south"]),
        }


def _count_wire(exchange: Exchange, wire: list[int]) -> None:
    compose, receive = exchange.compose, exchange.receive

    def counted(*args: Any, **named: Any) -> Any:
        composed = compose(*args, **named)
        wire[0] += len(composed.data)
        return composed

    def taken(data: bytes) -> Any:
        wire[0] += len(data)
        return receive(data)

    exchange.compose, exchange.receive = counted, taken  # type: ignore[method-assign]


def _verify(folder: Folder) -> Result:
    with folder.view() as view:
        started = time.perf_counter()
        result = fsck.check(view, lambda done, total: None)
        took = time.perf_counter() - started
    if result.faults:
        raise SystemExit(f"bench: {result.faults[0]}")
    return {"entries": result.checked.messages, "per_second": round(result.checked.messages / took)}


def _search(folder: Folder) -> Result:
    """How fast what lists and cases are read from is built from nothing, and how long a search then takes in the process."""
    with folder.view() as view:
        started = time.perf_counter()
        count = view.projection.rebuild(lambda done, total: None)
        took = time.perf_counter() - started
        times = []
        for _ in range(20):
            started = time.perf_counter()
            if len(list(view.messages(search="mortar schoo", limit=50))) != min(50, count):
                raise SystemExit("bench: the search does not find what was sent")
            times.append(time.perf_counter() - started)
    return {
        "p50_ms": round(statistics.median(times) * 1000, 1),
        "rebuild_per_minute": round(count * 60 / took),
        "rebuild_seconds": round(took, 1),
    }


def outage(base: Path, count: int, away: float, say: Say) -> Result:
    """Messages written while the peer was away for some seconds: from the moment that its port answers again to the last receipt. The node
    that has them must find out by itself: the other does not know where to call. Both are served, and their memory is measured after."""
    port = free_port()
    with (
        channel(base, {"north": "", "south": f"http://127.0.0.1:{port}"}) as nodes,
        serving({"north": nodes["north"]}, lambda _: None) as sender,
        nodes["north"].view() as view,
    ):
        with serving({"south": nodes["south"]}, lambda _: None):
            send_all(nodes["north"], 1)
            until(lambda: view.store.covered(0).get(1) == 1, 60, "the first receipt", 0.01)
        say(f"outage: {count:,} messages while the peer is away")
        began = time.monotonic()
        send_all(nodes["north"], count)
        time.sleep(max(0.0, away - (time.monotonic() - began)))
        with serving({"south": nodes["south"]}, lambda _: None) as receiver:
            took = until(lambda: view.store.covered(0).get(1) == count + 1, 120, "to catch up", 0.005)
            time.sleep(1)
            pids = {"sender": sender[0].pid, "receiver": receiver[0].pid}
            return {
                "catch_up": {"messages": count, "seconds": round(took, 2), "away_seconds": round(away)},
                "rss_mb": {side: memory(pid) for side, pid in pids.items()},
                "rss_most_mb": {side: memory(pid, "VmHWM") for side, pid in pids.items()},
            }
