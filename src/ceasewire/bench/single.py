"""One message at a time, and sixteen programs that send at the same time."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path
from typing import Any, Final

from ..carriers import control
from ..folder import Folder
from ..processes import free_port, serving
from .channel import Result, Say, channel, draft, floor, milliseconds, release_to_receipt, until

SENDERS: Final = 16
_PAUSE_SECONDS: Final = 0.02  # an officer's, in which the line settles


def both_urls(*slugs: str) -> dict[str, str]:
    """A free port of this machine for each."""
    return {slug: f"http://127.0.0.1:{free_port()}" for slug in slugs}


def single(base: Path, count: int, say: Say) -> Result:
    """Release to receipt: from handing one message to the node that serves until its store holds the other side's receipt.

    By then the message is durable on both sides. The receipt itself is durable at the sender's with its next commit, half a second later at
    most; until then a power cut costs asking for it again.
    """
    with channel(base, both_urls("north", "south")) as nodes:
        below = floor(base, nodes, count, 1)
        say(f"single: {count} messages, one by one")
        with serving(nodes, lambda _: None), nodes["north"].view() as view:
            times = []
            for number in range(count + 10):
                times.append(release_to_receipt(nodes["north"], view.store.covered, number))
                time.sleep(_PAUSE_SECONDS)
            del times[:10]
    return {
        "single": {
            "p50_ms": milliseconds(times, 50),
            "p99_ms": milliseconds(times, 99),
            "most_ms": milliseconds(times, 100),
            "floor_ms": round(statistics.median(below) * 1000, 1),
            "floor_p99_ms": milliseconds(below, 99),
        }
    }


def senders(base: Path, each: int, say: Say) -> Result:
    """Sixteen programs that send through the control socket at the same time: nothing is lost, nothing comes twice."""
    with channel(base, both_urls("north", "south")) as nodes:
        say(f"senders: {SENDERS} at the same time, {each} messages each")
        with serving(nodes, lambda _: None), nodes["north"].view() as view, nodes["south"].view() as other:
            sent: list[tuple[dict[str, Any], float]] = []
            threads = [threading.Thread(target=_send, args=(nodes["north"], each, number, sent)) for number in range(SENDERS)]
            started = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took = time.perf_counter() - started
            total = SENDERS * each
            until(lambda: view.store.covered(0).get(1, 0) >= len(sent), 60, "the last receipt", 0.005)
            received = time.perf_counter() - started
            refs = {one["ref"] for one, _ in sent}
            narratives = {one["body"]["narrative"] for one in other.messages(log="north", kind="notification")}
    lost = total - min(len(refs), len(narratives))
    if lost:
        raise SystemExit(f"bench: {lost} of {total} messages were lost")
    times = [seconds for _, seconds in sent]
    return {
        "senders": {
            "senders": SENDERS,
            "messages": total,
            "lost": lost,
            "per_second": round(total / took),
            "receipted_per_second": round(total / received),
            "p50_ms": milliseconds(times, 50),
            "p99_ms": milliseconds(times, 99),
        }
    }


def _send(folder: Folder, each: int, place: int, sent: list[tuple[dict[str, Any], float]]) -> None:
    for number in range(each):
        started = time.perf_counter()
        message = {"op": "send", "kind": "notification", "json": draft(place * each + number)}
        sent.append((control.call(folder.control_path, message), time.perf_counter() - started))
