"""`PYTHONPATH=src:tests .venv/dev/bin/python -m sim SEED [real]`: one run once more, with its whole trace. With FIRST-LAST in the place of
SEED: many, and the table of what was simulated.
"""

from __future__ import annotations

import sys

from sim.table import outcomes_at_once, table
from sim.world import run


def main(seeds: str, *more: str) -> None:
    """Print one run, or the table of many."""
    first, _, last = seeds.partition("-")
    if last:
        print(table(outcomes_at_once(range(int(first), int(last) + 1))))
        return
    outcome = run(int(first), real=True if more == ("real",) else None)
    print(*outcome.trace, outcome.liar or "nobody lies", dict(outcome.counts), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
