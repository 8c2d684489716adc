"""All cases of the sweep, or some of them: which there are, who works through them, and what they add up to.

A case is a scene and a fault. What came of each is kept in a file, so that a sweep which was stopped goes on where it was; a change of the
program, or of the sweep, makes it begin again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sweep.injection import KILL, Fault

ROOT: Final = Path(__file__).resolve().parents[2]
ERRORS: Final = ("EIO", "ENOSPC", "EIO+", "EINTR")
ORDER: Final = (ERRORS[0], KILL, *ERRORS[1:])
"""In which a sweep goes through all commands, so that one that is stopped has seen of each what tells most."""
COLUMNS: Final = ("command", "calls", "faults", "killed", "failed", "done", "wrong", "lost", "forked")


@dataclass(frozen=True, slots=True)
class Case:
    """A scene's name and a fault in it."""

    scene: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.scene}: {self.fault}"


def every(scene: str, counts: Mapping[str, int]) -> list[Case]:
    """Every error at every position."""
    positions = [(call, nth) for call, count in counts.items() for nth in range(1, count + 1)]
    return [Case(scene, Fault(call, nth, how)) for call, nth in positions for how in (*ERRORS, KILL)]


def some(scene: str, counts: Mapping[str, int], faults: int, kills: int) -> list[Case]:
    """So many errors and so many kills, the same in every run, over as many positions as there are."""
    draw = random.Random(scene)
    cases = every(scene, counts)
    draw.shuffle(cases)
    errors = [case for case in cases if case.fault.how != KILL]
    errors.sort(key=lambda case: ERRORS.index(case.fault.how) if case.fault.call in _RARE else len(ERRORS))
    return errors[:faults] + [case for case in cases if case.fault.how == KILL][:kills]


_RARE: Final = frozenset({"fsync", "fdatasync", "rename", "link", "unlink", "mkdir", "ftruncate"})
"""Calls of which there are few and on which much depends: all of them come before any of the others."""


class Worker:
    """A process that works through cases, one after the other. `lacks`: why it can inject nothing on this machine, or None."""

    def __init__(self) -> None:
        path = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("COV_CORE_SOURCE", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sweep.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        self.lacks: str | None = self._answer()["lacks"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, scene: str, fault: Fault | None, before: Sequence[Fault] = ()) -> dict[str, Any]:
        """What came of a case; without a fault, the scene's `calls` by name. `before`: faults that met the same command before."""
        assert self._process.stdin is not None
        asked = {"scene": scene, "fault": None if fault is None else str(fault), "before": [str(one) for one in before]}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let it end after what it is at."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended by itself, of which whoever asked it has heard
            self._process.stdin.close()
        self._process.wait(120)
        self._process.stdout.close()


@contextmanager
def working() -> Iterator[Worker]:
    """A worker that ends."""
    worker = Worker()
    try:
        yield worker
    finally:
        worker.close()


class State:
    """What has been done: a file of one JSON object a line, the first of which says of which code."""

    def __init__(self, path: Path, *, again: bool = False) -> None:
        self.path = path
        self.done: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()
        head = json.dumps({"code": _digest()})
        lines = path.read_text().splitlines() if path.exists() and not again else []
        self.goes_on = lines[:1] == [head]
        if self.goes_on:
            for line in lines[1:]:
                if line.endswith("}"):  # the last may have been cut
                    found = json.loads(line)
                    self.done[found["scene"], found["fault"]] = found
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(head + "\n")

    def add(self, case: Case, found: dict[str, Any]) -> None:
        """Keep what came of a case."""
        entry = {"scene": case.scene, "fault": str(case.fault), **found}
        with self._lock, self.path.open("a") as file:
            self.done[case.scene, str(case.fault)] = entry
            file.write(json.dumps(entry) + "\n")


def _digest() -> str:
    """Of the program and of the sweep."""
    whole = hashlib.sha256()
    for path in sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "tests" / "sweep").glob("*.py")]):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def work(worker: Worker, cases: Sequence[Case], keep: Callable[[Case, dict[str, Any]], None]) -> None:
    """Work through the cases."""
    for case in cases:
        keep(case, worker.ask(case.scene, case.fault))


def table(counts: Mapping[str, Mapping[str, int]], found: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A row for each scene and one for all: COLUMNS."""
    sums = {scene: [sum(calls.values()), *_sums([one for one in found if one["scene"] == scene])] for scene, calls in counts.items()}
    sums["all"] = [sum(column) for column in zip(*sums.values(), strict=True)]
    return [[scene, *map(str, numbers)] for scene, numbers in sums.items()]


def _sums(found: Sequence[Mapping[str, Any]]) -> list[int]:
    outcomes = [sum(one["outcome"] == name for one in found) for name in ("killed", "failed", "done")]
    return [len(found), *outcomes, *(sum(bool(one[name]) for one in found) for name in ("wrong", "lost", "forked"))]


def written(rows: Sequence[Sequence[str]]) -> str:
    """The table in columns."""
    widths = [max(len(row[n]) for row in [COLUMNS, *rows]) for n in range(len(COLUMNS))]
    lines = [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))] for row in [COLUMNS, *rows]
    ]
    return "\n".join("  ".join(line).rstrip() for line in lines)
