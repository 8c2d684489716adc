"""`./run sweep faults`: every error at every position of every command's file-system calls. It takes long and says how far it is.
Stopped, it goes on where it was. `--again` starts over; `--jobs N` works in N processes; words choose scenes.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from typing import Any

from sweep.scenes import SCENES
from sweep.sweeping import ORDER, ROOT, Case, State, Worker, every, table, working, written

STATE = ROOT / ".sweep" / "done.jsonl"


class Progress:
    """Keeps what comes, and says how far it is at most once a second."""

    def __init__(self, state: State, left: int) -> None:
        self.state, self.left, self.began, self.said = state, left, time.monotonic(), 0.0
        self.count = 0
        self._lock = threading.Lock()

    def keep(self, case: Case, found: dict[str, Any]) -> None:
        self.state.add(case, found)
        with self._lock:
            self.count += 1
            for wrong in found["wrong"]:
                print(f"WRONG {case}: {wrong}", flush=True)
            now = time.monotonic()
            if now - self.said > 1 or self.count == self.left:
                self.said = now
                rest = (now - self.began) / self.count * (self.left - self.count)
                print(f"\r{self.count} of {self.left}, {rest / 60:.0f} min left ", end="", file=sys.stderr, flush=True)


def main() -> int:
    """Sweep; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="./run sweep faults", description=__doc__)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("scenes", nargs="*")
    given = parser.parse_args()
    with working() as worker:
        if worker.lacks:
            print(f"Nothing can be injected here: {worker.lacks}.", file=sys.stderr)
            return 2
        state = State(STATE, again=given.again)
        names = [name for name in SCENES if not given.scenes or name in given.scenes]
        counts = {name: worker.ask(name, None)["calls"] for name in names}
    cases = [case for name, calls in counts.items() for case in every(name, calls)]
    cases.sort(key=lambda case: ORDER.index(case.fault.how))
    left = [case for case in cases if (case.scene, str(case.fault)) not in state.done]
    print(f"{len(cases)} cases, {len(cases) - len(left)} of them done before", file=sys.stderr)
    progress = Progress(state, len(left))
    threads = [threading.Thread(target=_some, args=(left[n :: given.jobs], progress)) for n in range(given.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(file=sys.stderr)
    found = [one for one in state.done.values() if one["scene"] in names]
    print(written(table(counts, found)))
    return int(any(one["wrong"] for one in found) or len(found) < len(cases))


def _some(cases: list[Case], progress: Progress) -> None:
    worker = Worker()
    try:
        for case in cases:
            progress.keep(case, worker.ask(case.scene, case.fault))
    finally:
        worker.close()


if __name__ == "__main__":
    sys.exit(main())
