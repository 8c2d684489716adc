"""Line checks by machines and watch checks by people between two processes, under a charter whose clocks are seconds. FAULTS D6."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from carriers.sides import Side, make_sides, process
from ceasewire.carriers.control import call
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import message_of
from ceasewire.tlog.note import MLDSA44

CLOCKS = {"clocks": {"line_check": 2, "watch": 3}}
KINDS_OF_LATE = ("line_check.missed", "line.dead", "watch.nobody")


def alarms(side: Side) -> set[tuple[str, str]]:
    status = call(side.folder.control_path, {"op": "status"})
    return {(one["code"], one["log"]) for one in status["alarms"] if one["code"] in KINDS_OF_LATE}


def until(what: Callable[[], bool], seconds: float = 20.0) -> float:
    began = time.perf_counter()
    while not what():
        assert time.perf_counter() - began < seconds
        time.sleep(0.1)
    return time.perf_counter() - began


def checks(side: Side, log: int) -> list[Any]:
    with side.folder.view() as view:
        return list(view.store.scan(kinds={KINDS["line_check"]}, log=log))


def test_checks_by_the_clock_a_missed_one_a_dead_line_and_nobody_there(tmp_path: Path) -> None:
    sides = make_sides(tmp_path, {"north": None, "south": None}, CLOCKS)
    north, south = sides["north"], sides["south"]
    rung = tmp_path / "rung"
    alarm = f"""/bin/sh -c 'echo "$CEASEWIRE_ALARM $CEASEWIRE_REF" >> {rung}'"""
    with process(north.folder, alarm=alarm), process(south.folder) as peer:
        until(lambda: min(len(checks(north, log)) for log in (0, 1)) >= 4)
        for log in (0, 1):
            times = [one.time for one in checks(north, log)]
            assert all(2 <= late - early <= 5 for early, late in pairwise(times)), times
        with north.folder.view() as view:
            kept = [view.store.newest_checkpoint(log) for log in (0, 1)]
            assert all(b"\n" in one.lines.strip() for one in kept if one), "Ed25519 and ML-DSA-44 under every line check"
            bodies: list[Any] = [message_of(one).body for one in checks(north, 0)]
            written = [receipt for body in bodies for receipt in body.get(16, [])]
            assert {receipt[4] for receipt in written if receipt[3] == 1} >= {4, MLDSA44}, "south's receipts, of both algorithms"
        until(lambda: {("watch.nobody", "north"), ("watch.nobody", "south")} <= alarms(north) & alarms(south))
        until(lambda: rung.exists() and rung.read_text().startswith("watch.nobody "))
        assert not {code for code, _ in alarms(north) | alarms(south)} - {"watch.nobody"}
        watch = {"op": "send", "kind": "acknowledgement", "json": {"watch": True, "on_duty": ["duty officer"]}}
        call(north.folder.control_path, watch)
        until(lambda: all(("watch.nobody", "north") not in alarms(side) for side in (north, south)))
        os.kill(peer.pid, signal.SIGSTOP)
        try:
            took = until(lambda: {("line_check.missed", "south"), ("line.dead", "south")} <= alarms(north))
            print(f"missed and dead after {took:.1f} s")
            assert ("line_check.missed", "north") not in alarms(north), "our own machine goes on"
        finally:
            os.kill(peer.pid, signal.SIGCONT)
        until(lambda: not {code for code, log in alarms(north) if log == "south"} & {"line_check.missed", "line.dead"}, 30)
        assert all(message_of(one).body.keys() <= {0, 1, 16, 17} for one in checks(north, 0)), "a machine says nothing more"
