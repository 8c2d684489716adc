"""`./run bench`: what the channel costs, beside the floor that no channel of this kind can go below, measured in the same run.

The floor, in one process, for the same messages, for each of the two sides one after the other:

    encode each body, hash its fields, encode and hash its entry; append to the tree; sign once a batch; commit once a batch

`times_floor` is floor per second divided by messages per second end to end. These machines are noisy: read the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from . import limits
from .carriers import control, line
from .folder import Folder
from .node import fsck
from .node.exchange import Exchange
from .processes import free_port, serving
from .record.card import Card
from .record.charter import open_charter
from .record.draft import from_toml
from .record.message import Body, Message, row
from .record.values import LogState
from .store import sqlite
from .store.interface import Change, KeptCheckpoint, Store
from .tlog.merkle import Frontier

BULK: Final = 10_000
SINGLES: Final = 200
FORMULA: Final = (
    "floor: per side, one after the other, in one process: encode + hash every message, 1 signature and 1 durable commit a batch"
)
Result = dict[str, Any]


def draft(number: int) -> dict[str, Any]:
    """A notification of the size that officers write: about 500 bytes."""
    return {
        "types": ["A4"],
        "occurred_from": "2026-03-01T04:12:00Z",
        "place": f"Checkpoint {number % 97}",
        "location": [34.1 + number % 10 / 100, 69.2],
        "accused": "south",
        "casualties": {"civilians": {"killed": [0, 1, 2], "wounded": [2, 3, 5]}},
        "sources": [{"class": "own_unit", "text": "Second company"}],
        "request": "explain",
        "narrative": f"Message {number}: between ten and twelve rounds of mortar fire fell north of the school. " * 2,
    }


@contextmanager
def channel(base: Path, urls: dict[str, str]) -> Iterator[dict[str, Folder]]:
    """Two parties that have joined one charter."""
    nodes = {
        slug: Folder.create(base / slug, lambda keys, recovery, slug=slug: Card(slug, slug, "party", urls[slug], keys, recovery), None)  # type: ignore[misc]
        for slug in ("north", "south")
    }
    quotas = {"messages_per_log_and_day": 2_000_000}
    signed = from_toml({"name": "bench", "title": "Bench", "quotas": quotas}, [node.card()[2] for node in nodes.values()])
    for node in nodes.values():
        with node.pen(None) as pen:
            signed = signed.sign(node.position(signed), {"ed25519": pen.sign_log, "mldsa44": pen.sign_log_mldsa})
    for node in nodes.values():
        node.join(open_charter(signed.encode(), complete=True), signed.encode())
    yield nodes


def floor(base: Path, nodes: dict[str, Folder], count: int, batch: int) -> list[float]:
    """Seconds that each batch of `count` messages costs at least, on both sides together."""
    with nodes["north"].node(None) as node:
        bodies = [node.read("notification", draft(number))[1] for number in range(count)]
        sides = []
        for side in ("a", "b"):
            sqlite.create(base / f"floor-{side}.sqlite")
            store = sqlite.open_writer(base / f"floor-{side}.sqlite")
            sides.append(list(_floor_side(store, bodies, batch, node.pen.sign_log)))
            store.close()
    return [one + other for one, other in zip(*sides, strict=True)]


def _floor_side(store: Store, bodies: list[Body], batch: int, sign: Callable[[bytes], bytes]) -> Iterator[float]:
    state = LogState(0, Frontier.empty(), 0, {})
    for at in range(0, len(bodies), batch):
        started = time.perf_counter()
        rows = [row(0, n, Message(1, 1, {}, os.urandom(16), bodies[n])) for n in range(at, min(at + batch, len(bodies)))]
        state = LogState(0, state.frontier.extend([one.leaf for one in rows]), 1, {})
        root = state.frontier.root()
        store.commit(Change(rows=rows, states=[state], checkpoints=[KeptCheckpoint(0, state.size, root, sign(root))], signed=True))
        yield time.perf_counter() - started


def bulk(base: Path, count: int) -> Result:
    """End to end: from the first message written to the last receipt stored, over loopback HTTP to a node in another process."""
    port = free_port()
    with channel(base, {"north": "", "south": f"http://127.0.0.1:{port}"}) as nodes:
        below = sum(floor(base, nodes, count, limits.BATCH_MESSAGES))
        with serving({"south": nodes["south"]}, lambda _: None) as running, nodes["north"].node(None) as node:
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
            memory = {"sender": _rss(os.getpid()), "receiver": _rss(running[0].pid)}
        return {
            "bulk": {
                "messages": count,
                "per_second": round(count / took),
                "floor_per_second": round(count / below),
                "times_floor": round(took / below, 2),
            },
            "wire_bytes_per_message": round(wire[0] / count),
            "verify": _verify(nodes["south"]),
            "search": _search(nodes["south"]),
            "rss_mb": memory,
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
    return {"p50_ms": round(statistics.median(times) * 1000, 1), "rebuild_per_minute": round(count * 60 / took)}


def _rss(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.split("VmHWM:")[1].split()[0]) // 1024


def single(base: Path, count: int) -> Result:
    """Release to receipt: from handing one message to the node that serves until its store holds the other side's receipt."""
    ports = [free_port(), free_port()]
    urls = {slug: f"http://127.0.0.1:{port}" for slug, port in zip(("north", "south"), ports, strict=True)}
    with channel(base, urls) as nodes:
        below = floor(base, nodes, count, 1)
        with serving(nodes, lambda _: None), nodes["north"].view() as view:
            times = [_one(nodes["north"], view.store.covered, number) for number in range(count + 10)][10:]
    times.sort()
    return {
        "single": {
            "p50_ms": round(statistics.median(times) * 1000, 1),
            "p99_ms": round(times[min(count - 1, count * 99 // 100)] * 1000, 1),
            "floor_ms": round(statistics.median(below) * 1000, 1),
        }
    }


def _one(folder: Folder, covered: Callable[[int], dict[int, int]], number: int) -> float:
    started = time.perf_counter()
    sent = control.call(folder.control_path, {"op": "send", "kind": "notification", "json": draft(number)})
    while covered(0).get(1, 0) < sent["size"]:
        if time.perf_counter() - started > 20:
            raise SystemExit("bench: no receipt within 20 s")
        time.sleep(0.0005)
    took = time.perf_counter() - started
    time.sleep(0.02)  # an officer's pause, in which the line settles
    return took


def growth(base: Path, entries: int) -> Result:
    """The median append in a log of a thousand entries, and, if asked for, of `entries`."""
    with channel(base, {"north": "", "south": ""}) as nodes, nodes["north"].node(None) as node:
        found: dict[str, float | None] = {"p50_1k_ms": None, "p50_1m_ms": None}
        for name, size in (("p50_1k_ms", 1000), ("p50_1m_ms", entries)):
            held = node.store_size(0)
            for at in range(held, size, limits.BATCH_MESSAGES):
                node.send_many([("notification", draft(n)) for n in range(at, min(at + limits.BATCH_MESSAGES, size))])
            if size > held:
                found[name] = round(statistics.median(_append(node.send) for _ in range(100)) * 1000, 2)
    return {"growth": found}


def _append(send: Callable[[str, Any], object]) -> float:
    started = time.perf_counter()
    send("notification", draft(0))
    return time.perf_counter() - started


def main() -> None:
    """Parse, measure with progress on standard error, print."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")
    parser.add_argument("--messages", type=int, default=BULK, help="messages in bulk (default %(default)s)")
    parser.add_argument("--singles", type=int, default=SINGLES, help="messages one by one (default %(default)s)")
    parser.add_argument("--grow", type=int, default=0, metavar="ENTRIES", help="also grow a log to this size (1000000: some minutes)")
    asked = parser.parse_args()
    result: Result = {}
    with Progress(console=Console(stderr=True), transient=True) as progress, tempfile.TemporaryDirectory(prefix="ceasewire-bench-") as name:
        task = progress.add_task("bulk", total=3)
        parts: list[tuple[str, Callable[[Path], Result]]] = [
            ("bulk", lambda base: bulk(base, asked.messages)),
            ("single", lambda base: single(base, asked.singles)),
            ("growth", lambda base: growth(base, asked.grow)),
        ]
        for title, part in parts:
            progress.update(task, description=title)
            base = Path(name) / title
            base.mkdir()
            result |= part(base)
            progress.advance(task)
    print(json.dumps(result) if asked.json else _table(result))


def _table(result: Result) -> str:
    bulk_, single_, grown = result["bulk"], result["single"], result["growth"]
    size = "not measured (--grow 1000000)" if grown["p50_1m_ms"] is None else f"{grown['p50_1m_ms']} ms"
    return "\n".join(
        [
            f"bulk      {bulk_['messages']:,} messages end to end, the last receipt stored: {bulk_['per_second']:,}/s",
            f"          floor {bulk_['floor_per_second']:,}/s; {bulk_['times_floor']} times the floor's time",
            f"          {FORMULA}",
            f"single    release to receipt: median {single_['p50_ms']} ms, p99 {single_['p99_ms']} ms; floor {single_['floor_ms']} ms",
            f"wire      {result['wire_bytes_per_message']} bytes a message in bulk, both directions, sealed",
            f"verify    {result['verify']['entries']:,} entries: {result['verify']['per_second']:,}/s",
            f"search    first page: median {result['search']['p50_ms']} ms; built from nothing: "
            f"{result['search']['rebuild_per_minute']:,} messages a minute",
            f"growth    append at 1,000 entries: median {grown['p50_1k_ms']} ms; at 1,000,000: {size}",
            f"memory    sender {result['rss_mb']['sender']} MB, receiver {result['rss_mb']['receiver']} MB at most",
        ]
    )


if __name__ == "__main__":
    main()
