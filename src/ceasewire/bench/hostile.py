"""A party with real keys that means harm: how much slower our messages get to another peer, how much disk and memory it fills."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..folder import Folder
from ..node.exchange import Exchange
from ..processes import serving
from .attacks import ATTACKS, Attacker
from .channel import Result, Say, channel, draft, memory, milliseconds, on_disk, release_to_receipt
from .single import both_urls

QUOTA: Final = 20_000  # what a charter allows by default
HELD: Final = 4000  # messages that are there to be asked for
CONNECTIONS: Final = 16
_PAUSE_SECONDS: Final = 0.02
_WAIT: Final = {"polls": 20}


def hostile(base: Path, count: int, say: Say, names: list[str] | None = None) -> Result:
    """Of each attack: our median and p99 from release to receipt by another peer, with it and without, and what it filled."""
    found = {}
    with running(base) as (folders, key, pids, measure):
        for name in names or list(ATTACKS):
            say(f"hostile: {name}")
            calm = measure(count)
            before = on_disk(folders["north"])
            with attacking(base, folders, key, name) as answers:
                time.sleep(1)
                times = measure(count)
            found[name] = {
                "calm_p50_ms": milliseconds(calm, 50),
                "calm_p99_ms": milliseconds(calm, 99),
                "p50_ms": milliseconds(times, 50),
                "p99_ms": milliseconds(times, 99),
                "most_ms": milliseconds(times, 100),
                "times": round(milliseconds(times, 50) / milliseconds(calm, 50), 2),
                "disk_mb": round((on_disk(folders["north"]) - before) / 1e6, 1),
                "rss_mb": memory(pids["north"]),
                "answers": answers,
            }
    return {"hostile": found}


Measure = Callable[[int], list[float]]


@contextmanager
def running(base: Path) -> Iterator[tuple[dict[str, Folder], bytes, dict[str, int], Measure]]:
    """North and south served, south having what north sent; east, whose keys attack, has been given a sealing key of north's.

    Yields the folders, that key, the processes, and a function that measures so many messages from north to south."""
    urls = both_urls("north", "south") | {"east": ""}
    with channel(base, urls, QUOTA) as folders:
        key = _acquainted(folders)
        both = {slug: folders[slug] for slug in ("north", "south")}
        with serving(both, lambda _: None) as processes, folders["north"].view() as view:

            def measure(count: int) -> list[float]:
                times = []
                for number in range(count):
                    times.append(release_to_receipt(folders["north"], view.store.covered, number, view.own))
                    time.sleep(_PAUSE_SECONDS)
                return times

            measure(20)
            yield folders, key, {slug: one.pid for slug, one in zip(both, processes, strict=True)}, measure


def _acquainted(folders: dict[str, Folder]) -> bytes:
    """North writes what can be asked for, all have it, and east has a fresh sealing key of north's."""
    with folders["north"].node(None) as north, folders["south"].node(None) as south, folders["east"].node(None) as east:
        for at in range(0, HELD, 1000):
            north.send_many([("notification", draft(n)) for n in range(at, at + 1000)])
        ours = Exchange(north)
        for peer in (south, east):
            theirs = Exchange(peer)
            for _ in range(3):
                theirs.receive(ours.compose(peer.own).data)
                ours.receive(theirs.compose(north.own).data)
        return east.store.peers()[north.own].sealing_key or north.names.sealing


@contextmanager
def attacking(base: Path, folders: dict[str, Folder], key: bytes, name: str, connections: int = CONNECTIONS) -> Iterator[dict[str, int]]:
    """One attack, by a process of its own, until the end. Its answers by status are known after that."""
    with folders["east"].node(None) as east:
        attacker = Attacker(east, folders["north"].position(folders["north"].charter()), key, counter=time.time_ns())
        files = []
        for number, data in enumerate(ATTACKS[name](attacker)):
            files.append(base / f"{name}-{number}")
            files[-1].write_bytes(data)
    url = f"{folders['north'].card()[0].url}/exchange"
    command = [sys.executable, "-m", "ceasewire.bench.poster", url, str(connections), str(_WAIT.get(name, 0)), *map(str, files)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
    answers: dict[str, int] = {}
    try:
        yield answers
    finally:
        told, _ = process.communicate(timeout=20)
        answers |= json.loads(told)
        for file in files:
            file.unlink()
