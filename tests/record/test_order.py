"""Record order: FAULTS I9, I12; the same on every node, causal, and equal to a naive topological order."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.record import encoding
from ceasewire.record.message import row
from ceasewire.record.order import in_order
from ceasewire.record.values import Row
from helpers import START, statement

from .histories import History, histories


def naive(rows: list[Row]) -> list[tuple[int, int]]:
    """Of all rows whose predecessors are out, the one with the smallest (time, log, index); by definition and slowly."""
    left = {(one.log, one.index): one for one in rows}
    found: list[tuple[int, int]] = []
    while left:
        free = [
            one
            for one in left.values()
            if not any(log == one.log and index < one.index for log, index in left)
            and not any(log in _seen(one) and index < _seen(one)[log] for log, index in left)
        ]
        first = min(free, key=lambda one: (one.time, one.log, one.index))
        found.append((first.log, first.index))
        del left[first.log, first.index]
    return found


def _seen(one: Row) -> dict[int, int]:
    return encoding.sizes(encoding.decode(one.seen))


def refs(rows: list[Row]) -> list[tuple[int, int]]:
    return [(one.log, one.index) for one in in_order(rows)]


@settings(max_examples=300)
@given(histories())
def test_it_is_the_naive_topological_order(history: History) -> None:
    rows = history.everything()
    assert refs(rows) == naive(rows)


@given(histories(), st.randoms(use_true_random=False))
def test_it_does_not_depend_on_how_rows_of_one_second_come(history: History, chance: random.Random) -> None:
    """I9."""
    rows = history.everything()
    shuffled = rows.copy()
    chance.shuffle(shuffled)
    shuffled.sort(key=lambda one: one.time)  # a stable sort: within a second they stay shuffled
    assert refs(shuffled) == refs(rows)


@given(histories())
def test_what_a_device_holds_is_in_the_order_of_the_whole(history: History) -> None:
    """A node that lacks entries lists the others in the same order."""
    whole = refs(history.everything())
    for store in history.devices:
        held = refs(store.rows)
        assert held == [ref for ref in whole if ref in set(held)]


@given(histories())
def test_nothing_comes_before_what_it_has_seen(history: History) -> None:
    place = {ref: n for n, ref in enumerate(refs(history.everything()))}
    for one in history.everything():
        for log, size in _seen(one).items():
            assert all(place[log, index] < place[one.log, one.index] for index in range(size))


def test_ties_are_broken_by_log_then_index() -> None:
    rows = [row(log, index, statement(text=f"{log}/{index}")) for log in (2, 0, 1) for index in (1, 0)]
    assert refs(rows) == [(log, index) for log in (0, 1, 2) for index in (0, 1)]
    later = row(0, 2, statement(START + 1))
    assert refs([*rows, later])[-1] == (0, 2)
    assert refs([]) == []


def test_causes_go_before_lower_log_numbers() -> None:
    first = row(1, 0, statement())
    then = row(0, 0, statement(seen={1: 1}))
    assert refs([then, first]) == [(1, 0), (0, 0)]


def test_forged_entries_that_have_seen_each_other_are_listed_all_the_same() -> None:
    """No node admits them (each waits for the other), but no list of a shelf or a file may hang or fail on them."""
    rows = [row(log, index, statement(seen={1 - log: 1}, text=f"{log}{index}")) for log in (0, 1) for index in (0, 1)]
    assert sorted(refs(rows)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert refs(rows)[0] == (0, 0)
