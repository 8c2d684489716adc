"""What is measured: nodes that have joined one charter, the messages they send, and the floor below them.

The floor, in one process, for the same messages, for each of the two sides one after the other:

    encode each body, hash its fields, encode and hash its entry; append to the tree; sign once a batch; commit once a batch

These machines are noisy: read the ratios.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from ..carriers import control
from ..folder import Folder
from ..record.card import Card
from ..record.charter import open_charter
from ..record.draft import from_toml
from ..record.message import Body, Message, row
from ..record.values import LogState
from ..store import sqlite
from ..store.interface import Change, KeptCheckpoint, Store
from ..tlog.merkle import Frontier

_GLANCE_SECONDS: Final = 0.0001
QUOTA: Final = 2_000_000  # messages a log and day, so that no measurement waits for tomorrow
FORMULA: Final = (
    "floor: per side, one after the other, in one process: encode + hash every message, 1 signature and 1 durable commit a batch"
)
Result = dict[str, Any]
Say = Callable[[str], None]


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
def channel(base: Path, urls: dict[str, str], quota: int = QUOTA) -> Iterator[dict[str, Folder]]:
    """Parties, by slug with their URLs, that have joined one charter."""
    nodes = {
        slug: Folder.create(base / slug, lambda keys, recovery, slug=slug: Card(slug, slug, "party", urls[slug], keys, recovery), None)  # type: ignore[misc]
        for slug in urls
    }
    signed = from_toml(
        {"name": "bench", "title": "Bench", "quotas": {"messages_per_log_and_day": quota}}, [node.card()[2] for node in nodes.values()]
    )
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


def send_all(folder: Folder, count: int, batch: int = 500) -> None:
    """Hand so many messages to the node that serves, each batch under one signature."""
    for at in range(0, count, batch):
        drafts = [["notification", draft(number)] for number in range(at, min(at + batch, count))]
        control.call(folder.control_path, {"op": "send_many", "drafts": drafts})


def until(ready: Callable[[], bool], seconds: float, what: str, pause: float = 0.0005) -> float:
    """Wait; how many seconds it took. SystemExit when it takes longer than `seconds`."""
    started = time.perf_counter()
    while not ready():
        if time.perf_counter() - started > seconds:
            raise SystemExit(f"bench: {what} took more than {seconds:.0f} s")
        time.sleep(pause)
    return time.perf_counter() - started


def release_to_receipt(folder: Folder, covered: Callable[[int], dict[int, int]], number: int, own: int = 0) -> float:
    """Seconds from handing one message to the node that serves, whose log is `own`, until its store holds the receipt, verified, of the
    party that follows it in the charter."""
    with commits(folder) as moved:
        started = time.perf_counter()
        sent = control.call(folder.control_path, {"op": "send", "kind": "notification", "json": draft(number)})
        until(lambda: moved() and covered(own).get(own + 1, 0) >= sent["size"], 60, "a receipt", _GLANCE_SECONDS)
        return time.perf_counter() - started


@contextmanager
def commits(folder: Folder) -> Iterator[Callable[[], bool]]:
    """Whether anything was committed to a node's store since the last look, or this is the first.

    It is a glance at the head of the write-ahead log's index: asking the store itself so often would take from the nodes what is measured.
    """
    with closing(sqlite3.connect(f"{folder.store_path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        seen: int | None = None

        def moved() -> bool:
            nonlocal seen
            before, (seen,) = seen, connection.execute("PRAGMA data_version").fetchone()
            return seen != before

        yield moved


def milliseconds(times: list[float], percent: int) -> float:
    """A percentile of seconds, in milliseconds."""
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000, 1)


def memory(pid: int, name: str = "VmRSS") -> int:
    """MB that a process takes now, or with `VmHWM` took at most."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.split(f"{name}:")[1].split()[0]) // 1024


def on_disk(folder: Folder) -> int:
    """Bytes of a node's store, its log and what is derived from it."""
    return sum(path.stat().st_size for path in folder.path.iterdir() if path.is_file() and ".sqlite" in path.name)
