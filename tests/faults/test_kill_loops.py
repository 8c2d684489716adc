"""F1, F16, C14: nodes that serve and talk are killed again and again while officers write; and a kill meets the recovery from a kill."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from carriers.sides import Side, end, make_sides, process, start
from ceasewire.carriers.control import call
from ceasewire.errors import LocalError
from ceasewire.node import fsck
from faults.test_kills import ROOT, Emitted, agree, driver
from node.pair import ChannelPair

KILLS = 24
SWEEP_KILLS = 300
WRITERS = 3


class Zygote:
    """Starts processes that serve."""

    def __init__(self) -> None:
        path = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        )

    def serve(self, side: Side) -> int:
        """The id of a process that is about to serve it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{side.folder.path}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Nothing more is started; what serves ends with it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@contextmanager
def writers(sides: dict[str, Side]) -> Iterator[dict[str, list[str]]]:
    """Officers on both sides write without end, whoever serves; what was acknowledged to them."""
    acknowledged: dict[str, list[str]] = {slug: [] for slug in sides}
    over = threading.Event()

    def write(slug: str, number: int) -> None:
        n = 0
        while not over.is_set():
            n += 1
            try:
                request = {"op": "send", "kind": "statement", "json": {"text": f"{slug} {number} {n}"}}
                acknowledged[slug].append(call(sides[slug].folder.control_path, request)["ref"])
            except LocalError as error:
                if error.code not in ("node.locked", "log.unsure"):  # nobody serves at this moment, or its answer was cut off
                    raise
                time.sleep(0.02)

    with ThreadPoolExecutor(len(sides) * WRITERS) as pool:
        writing = [pool.submit(write, slug, number) for slug in sides for number in range(WRITERS)]
        try:
            yield acknowledged
        finally:
            over.set()
            for one in writing:
                one.result()


def kill(pid: int) -> None:
    """SIGKILL, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        while True:
            os.kill(pid, 0)
            time.sleep(0.001)


def killed_while_serving(base: Path, kills: int) -> None:
    """Kill one side or the other at random moments, start it again at once; then everything acknowledged is on both sides."""
    sides, draw, zygote = make_sides(base, {"north": None, "south": None}), random.Random(kills), Zygote()
    try:
        running = {slug: zygote.serve(side) for slug, side in sides.items()}
        with writers(sides) as acknowledged:
            for _ in range(kills):
                slug = draw.choice(list(sides))
                time.sleep(draw.choice((0.02, 0.1, 0.4)) * draw.random() * 2)
                kill(running[slug])
                running[slug] = zygote.serve(sides[slug])
            time.sleep(1)
        for pid in running.values():
            kill(pid)
    finally:
        zygote.close()
    assert all(len(refs) > kills for refs in acknowledged.values()), "too little was written"
    settled(sides, acknowledged)


def settled(sides: dict[str, Side], acknowledged: dict[str, list[str]]) -> None:
    """Both serve until each holds all of the other's; what they then hold is one record, whole, with everything acknowledged in it."""
    with process(sides["north"].folder), process(sides["south"].folder):
        began = time.monotonic()
        while True:
            found = [sizes(side) for side in sides.values()]
            if found[0] == found[1]:
                break
            assert time.monotonic() - began < 60, found
            time.sleep(0.1)
    records = []
    for slug, side in sides.items():
        with side.folder.node(None, 0) as node:
            assert node.closed is None
            assert all(state.frozen is None for state in node.store.states().values())
            assert fsck.check(node, lambda _done, _total: None).faults == []
            records.append(list(node.messages()))
        refs = [str(one["ref"]) for one in records[-1]]
        assert len(refs) == len(set(refs))
        for mine in acknowledged.values():
            assert set(mine) <= set(refs), slug
            assert len(mine) == len(set(mine)), "one reference was acknowledged twice"
    assert records[0] == records[1]


def sizes(side: Side) -> dict[int, int]:
    with side.folder.view() as view:
        return {log: state.size for log, state in view.store.states().items()}


@pytest.mark.slow
def test_f1_nodes_that_serve_are_killed_again_and_again_and_lose_nothing(tmp_path: Path) -> None:
    killed_while_serving(tmp_path, KILLS)


@pytest.mark.sweep
def test_f1_nodes_that_serve_are_killed_hundreds_of_times(tmp_path: Path) -> None:
    killed_while_serving(tmp_path, SWEEP_KILLS)


@pytest.mark.slow
def test_f16_a_node_killed_while_it_opens_after_a_kill_three_deep() -> None:
    draw, emitted = random.Random(16), Emitted()
    with ChannelPair() as pair:
        pair.north.close()
        with driver(pair.north.folder.path, "send") as killed:
            for _ in range(8):
                emitted.kill(killed, f"act {draw.uniform(0, 0.03):.5f}")
                for _ in range(3):
                    emitted.kill(killed, f"start {draw.uniform(0, 0.06):.5f}")
        pair.set_clock(time.time() + 5)
        pair.north.open()
        agree(pair, emitted)


@pytest.mark.slow
def test_c14_a_thousand_at_once_through_the_socket_from_threads_and_processes(tmp_path: Path) -> None:
    """Each gets a place of its own; none is lost, none is empty."""
    sides = make_sides(tmp_path, {"north": None, "south": None})
    control = sides["north"].folder.control_path
    serving = start(sides["north"].folder)
    script = "import sys; from pathlib import Path; from faults.test_kill_loops import many; many(Path(sys.argv[1]), 250)"
    path = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    try:
        others = [
            subprocess.Popen(
                [sys.executable, "-c", script, str(control)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
            )
            for _ in range(2)
        ]
        mine = sent(control, 500)
        theirs = [ref for other in others for ref in other.communicate(timeout=120)[0].split()]
    finally:
        _, status, _, error = end(serving)
    assert (status, "Traceback" in error) == (0, False)
    assert sorted(mine + theirs) == sorted(f"north/{n}" for n in range(1000))
    with sides["north"].folder.node(None, 0) as node:
        assert fsck.check(node, lambda _done, _total: None).faults == []
        assert node.store_size(node.own) == 1000


def sent(control: Path, count: int) -> list[str]:
    """The references of so many messages, from 25 threads."""
    request = {"op": "send", "kind": "statement", "json": {"text": "one of a thousand"}}
    with ThreadPoolExecutor(25) as pool:
        return list(pool.map(lambda _: str(call(control, request)["ref"]), range(count)))


def many(control: Path, count: int) -> None:
    """The same, in a process of its own."""
    print(*sent(control, count), sep="\n")
