"""Three hundred simulated channels, each from its seed: what must hold holds at every step, and all are alike in the end.

`./run sweep tests/sim` runs three thousand, and prints the table. One seed again: docs/simulator.md.
"""

from __future__ import annotations

import pickle
from collections import Counter

import pytest

from sim.table import outcomes, outcomes_at_once, table
from sim.world import Failed, planned, run

SEEDS, BLOCKS = 300, 20
SWEPT = 3_000
KINDS_OF_LIARS = 15


@pytest.mark.slow
@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_seed_holds(block: int) -> None:
    found = outcomes(range(block, SEEDS, BLOCKS))
    assert len(found) == SEEDS // BLOCKS
    assert all(one.counts["messages"] and one.counts["bundles"] and one.counts["line checks"] for one in found)


def test_they_are_twenty_node_years_and_every_kind_of_liar() -> None:
    plans = [planned(seed) for seed in range(SEEDS)]
    assert sum(years for years, _ in plans) >= 20
    kinds = Counter(kind for _, kind in plans)
    assert len(kinds) == KINDS_OF_LIARS + 1, kinds  # and nobody
    assert min(kinds.values()) >= 3, kinds


@pytest.mark.slow
def test_a_seed_is_a_run() -> None:
    """Every line of the trace, the verdict and all counts are the same once more."""
    for seed in (9, 46):
        assert run(seed) == run(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [46, 57])
def test_files_and_real_cryptography_end_alike(seed: int) -> None:
    """The same seed in memory with stand-ins, and on SQLite files with ML-DSA-44 and HPKE: the same trace, line by line. Nobody's power is
    cut, which files and memory lose differently; and no log is opened, whose number would be another."""
    quick, real = (run(seed, real=real, calm=True) for real in (False, True))
    assert quick.counts["strays"] + quick.counts["lost bundles"]
    assert real.trace == quick.trace


def test_a_failure_names_its_seed_and_how_to_see_it_again() -> None:
    failed = Failed(17, "I2 one pen", "north signed two roots", [f"event {n};" for n in range(100)])
    assert str(failed).startswith("seed 17: I2 one pen: north signed two roots\n")
    assert "event 99;" in str(failed)
    assert "event 9;" not in str(failed)
    assert str(failed).endswith("-m sim 17")
    assert str(pickle.loads(pickle.dumps(failed))) == str(failed), "it comes whole out of the process that found it"  # noqa: S301


@pytest.mark.sweep
def test_three_thousand_seeds_hold(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcomes_at_once(range(SWEPT))
    assert len(found) == SWEPT
    with capsys.disabled():
        print(f"\n{table(found)}")
