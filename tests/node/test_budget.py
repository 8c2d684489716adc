"""What another log may make us write and look at, beside what its quota allows. FAULTS E13, E14; docs/decisions/0019."""

from __future__ import annotations

from ceasewire.node.budget import Budget
from ceasewire.node.shelf import Tries
from ceasewire.store.interface import Shelved

DAY = 86_400
NOW = 20_000 * DAY


def test_each_log_has_its_own_bytes_and_pieces_a_day_and_each_thing_once() -> None:
    budget = Budget(100, 3)
    assert budget.spend(1, b"x" * 60, NOW)
    assert not budget.spend(1, b"x" * 60, NOW), "the same again"
    assert budget.spend(1, b"y" * 60, NOW), "one may be longer than what is left"
    assert not budget.spend(1, b"z", NOW), "all is spent"
    assert budget.spend(2, b"z", NOW), "another log's is not"
    assert budget.spend(2, b"a", NOW)
    assert budget.spend(2, b"b", NOW)
    assert not budget.spend(2, b"c", NOW), "three pieces"
    assert budget.spend(1, b"x" * 60, NOW + DAY), "the next day"


def test_a_long_run_that_waits_is_not_looked_at_whenever_something_comes() -> None:
    tries = Tries()
    long, short = (Shelved(1, start, count, "hold.seen", NOW, b"") for start, count in ((0, 1280), (5, 100)))
    assert [tries.again(short, NOW) for _ in range(3)] == [True, True, True]
    assert [tries.again(long, NOW + second) for second in (0, 1, 9, 10, 11)] == [True, False, False, True, False]
    assert tries.again(long, NOW - DAY), "a clock that was set back keeps nothing waiting"
