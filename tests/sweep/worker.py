"""The process that breaks commands: it has everything imported, and forks for each case. Run as `python -m sweep.worker`.

Each line of standard input is `{"scene": NAME, "fault": TEXT or null, "before": [TEXT, ...]}`; each answer is one line. The faults of
`before` meet the same command in the same folder first, one after the other. Without a fault the answer is
`{"calls": {NAME: COUNT}}`, else `{"outcome", "code", "wrong", "lost", "forked", "faulty", "seconds"}`.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from cli.driving import Cli
from sweep.injection import Fault, Ran, lacks, run
from sweep.judge import Judge, Verdict
from sweep.scenes import SCENES, Scene

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - folders below it get names that nobody can guess
JUDGING_SECONDS = 60.0


class Worker:
    """Its scenes, each made when it is first asked for, and one case at a time."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.scratch = base / "said"
        self.scratch.mkdir()
        self.made: dict[str, Path] = {}

    def template(self, scene: Scene) -> Path:
        """The scene's folder. Its command has been run once in this process, so that all that it imports is here."""
        path = self.made.get(scene.name)
        if path is None:
            path = self.base / f"scene {len(self.made)}"
            scene.prepare(path)
            with tempfile.TemporaryDirectory(dir=self.base) as tried:
                shutil.copytree(path, tried, dirs_exist_ok=True)
                if scene.argv:
                    done = Cli(Path(tried))(*scene.argv, "--json")
                    if done.status != scene.status or not scene.done(Path(tried), done.json):
                        raise RuntimeError(f"{scene.name} does not work unbroken: {done}")
            self.made[scene.name] = path
            gc.collect()
            gc.freeze()
        return path

    def case(self, scene: Scene, fault: Fault | None, before: list[Fault]) -> dict[str, Any]:
        """One case, in a folder of its own."""
        template = self.template(scene)
        began = time.perf_counter()
        path = self.base / "case"
        shutil.copytree(template, path)
        try:
            for earlier in before:
                run(scene.act, path, self.scratch, earlier)
                for stray in path.glob(".new-*"):  # a killed process may leave one beside the file that it was writing
                    stray.unlink()
            ran = run(scene.act, path, self.scratch, fault)
            verdict = apart(partial(judged, scene, path, ran, fault), self.scratch)
        finally:
            shutil.rmtree(path)
        if fault is None:
            return {"calls": ran.counts, **verdict}
        return {**verdict, "faulty": sorted({f"{c.name} {Path(c.path).name}" for c in ran.faulty}), "seconds": time.perf_counter() - began}


def judged(scene: Scene, path: Path, ran: Ran, fault: Fault | None) -> Verdict:
    return Judge(scene, path, ran, fault.how if fault else None).verdict()


def apart(act: Callable[[], Verdict], scratch: Path) -> dict[str, Any]:
    """What `act` gives, worked out in a forked process, so that nothing of one case is left for the next."""
    into = scratch / "verdict"
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        try:
            into.write_text(json.dumps(asdict(act())))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    try:
        found: dict[str, Any] = json.loads(into.read_text())
        return found
    finally:
        into.unlink(missing_ok=True)


def main() -> None:
    """Answer until standard input ends."""
    why_not = lacks()
    print(json.dumps({"lacks": why_not}), flush=True)
    with tempfile.TemporaryDirectory(prefix="ceasewire-sweep-", dir=MEMORY) as base:
        worker = Worker(Path(base))
        for line in sys.stdin:
            asked = json.loads(line)
            fault = Fault.read(asked["fault"]) if asked["fault"] else None
            before = [Fault.read(text) for text in asked.get("before", ())]
            print(json.dumps(worker.case(SCENES[asked["scene"]], fault, before)), flush=True)


if __name__ == "__main__":
    main()
