"""The simulator finds what is wrong: each planted bug, within two hundred seeds.

`FOUND` says where each was found first, so that a run of all of them is short; where the program has changed since, the search goes on from
seed 0. `./run sweep tests/sim/test_planted.py` searches all from 0 and prints the table of docs/simulator.md.
"""

from __future__ import annotations

from itertools import chain

import pytest

from sim.bugs import BUGS, planted
from sim.world import Failed, run

WITHIN = 200
FOUND: dict[str, int] = {
    "cosign before commit": 0,
    "skip consistency": 3,
    "send not synced": 1,
    "pen counter ignored": 9,
    "pen not noted": 9,
    "replay turns back": 0,
    "gap receipted": 0,
    "root not checked": 21,
    "cosigned by the clock": 0,
    "receipts not written": 0,
    "rest not compared": 33,
    "seen of the shelf": 0,
    "rolled back goes on": 9,
    "counter used again": 1,
    "frozen goes on": 11,
    "quota ignored": 8,
    "ahead taken": 0,
    "wants not answered": 0,
    "proofs believed": 2,
    "void by itself": 0,
    "boot rule skipped": 86,
    "confirmed by an older word": 108,
    "witness not heeded": 5,
    "witness not waited for": 12,
    "releases not asked": 8,
    "revoked goes on": 7,
    "one assent is enough": 0,
    "withholding not attested": 131,
    "slow is withholding": 5,
}


def first(name: str, start: int) -> Failed | None:
    """How the bug shows first: at the seed that is known to show it, else from 0 on."""
    with planted(name):
        for seed in chain((start,), range(WITHIN)):
            try:
                run(seed, real=False)
            except Failed as failed:
                return failed
    return None


def test_there_are_enough_of_them() -> None:
    assert len(BUGS) >= 12
    assert FOUND.keys() == BUGS.keys()


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    found = first(name, FOUND[name])
    assert found is not None, f"{name} was not found within {WITHIN} seeds"
    assert found.seed < WITHIN  # so that the same seed is among those that test_simulator runs without it


@pytest.mark.sweep
@pytest.mark.parametrize("name", BUGS)
def test_where_a_planted_bug_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = first(name, 0)
    assert found is not None, f"{name} was not found within {WITHIN} seeds"
    with capsys.disabled():
        print(f"\n| {name} | {found.seed + 1} | {found.rule} |")
