"""Many seeds, and what was simulated in them, in columns."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from sim.world import Outcome, run

_AT_ONCE = 20  # seeds that one process takes at a time


def outcomes(seeds: Iterable[int]) -> list[Outcome]:
    """Each seed's run, without its trace. Raises Failed for the first that does not hold."""
    return [replace(run(seed), trace=[]) for seed in seeds]


def outcomes_at_once(seeds: Sequence[int]) -> list[Outcome]:
    """The same on every processor."""
    blocks = [seeds[start : start + _AT_ONCE] for start in range(0, len(seeds), _AT_ONCE)]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        return [one for found in pool.map(outcomes, blocks) for one in found]


def table(found: Iterable[Outcome]) -> str:
    """What was simulated."""
    years, counts, liars, seeds = 0.0, Counter[str](), Counter[str](), 0
    for one in found:
        seeds += 1
        years += one.years
        counts += one.counts
        liars[one.liar or "nobody"] += 1
    lines = [f"{seeds:>9,}  seeds", f"{years:>9,.1f}  node-years"]
    lines += [
        f"{number:>9,}  {name}" for name, number in sorted(counts.items()) if not name.startswith(("told ", "convicted ", "attested "))
    ]
    for kind, number in sorted(liars.items()):
        told, convicted, attested = (counts[f"{what} {kind}"] for what in ("told", "convicted", "attested"))
        came = f"{attested} attested" if attested else f"{convicted} convicted at every honest node"
        lines.append(f"{number:>9,}  liars: {kind}: {told} told it, {came}" if kind != "nobody" else "")
    lines.append("each of them held: no message lost, no fork by an honest node, nobody wrongly convicted, no liar missed")
    return "\n".join(line for line in lines if line)
