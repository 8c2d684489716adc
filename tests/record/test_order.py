"""Record order: FAULTS I9, I12; the same on every node, causal, and as it is defined."""

from __future__ import annotations

import random
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.record import encoding
from ceasewire.record.message import row
from ceasewire.record.order import in_order, level_of, place_of, placed
from ceasewire.record.values import Row
from helpers import START, statement

from .histories import History, histories


def naive(rows: list[Row]) -> list[tuple[int, int]]:
    """By definition and slowly: the longest chain of causes within an entry's own second is its level."""
    by_ref = {(one.log, one.index): one for one in rows}

    @cache
    def level(ref: tuple[int, int]) -> int:
        one = by_ref[ref]
        below = [(one.log, index) for index in range(one.index)]
        below += [(log, index) for log, size in _seen(one).items() for index in range(size)]
        return max((level(other) + 1 for other in below if by_ref[other].time == one.time), default=0)

    keys = {ref: (one.time, level(ref), *ref) for ref, one in by_ref.items()}
    return sorted(keys, key=lambda ref: keys[ref])


def _seen(one: Row) -> dict[int, int]:
    return encoding.sizes(encoding.decode(one.seen))


def refs(rows: list[Row]) -> list[tuple[int, int]]:
    return [(one.log, one.index) for one in in_order(rows)]


@settings(max_examples=300)
@given(histories())
def test_it_is_the_order_by_definition(history: History) -> None:
    rows = history.everything()
    assert refs(rows) == naive(rows)


@given(histories())
def test_a_level_that_is_kept_as_rows_come_is_the_same(history: History) -> None:
    """A node computes the level of an entry once, when it takes it, from what lies below; whatever came meanwhile."""
    for store in history.devices:
        kept: dict[tuple[int, int], tuple[int, int]] = {}
        whole = {one.ref: one.place for one in placed(store.rows)}
        for one in in_order(store.rows):
            kept[one.log, one.index] = one.time, level_of(one, lambda *ref, kept=kept: kept.get(ref))
            assert place_of(one, kept[one.log, one.index][1]) == whole[one.log, one.index]


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


def test_ties_are_broken_by_level_then_log() -> None:
    rows = [row(log, index, statement(text=f"{log}/{index}")) for log in (2, 0, 1) for index in (1, 0)]
    assert refs(rows) == [(log, index) for index in (0, 1) for log in (0, 1, 2)]
    later = row(0, 2, statement(START + 1))
    assert refs([*rows, later])[-1] == (0, 2)
    assert refs([]) == []


def test_causes_go_before_lower_log_numbers() -> None:
    first = row(1, 0, statement())
    then = row(0, 0, statement(seen={1: 1}))
    assert refs([then, first]) == [(1, 0), (0, 0)]


def test_a_long_chain_of_one_second_needs_no_recursion() -> None:
    rows = [row(n % 2, n // 2, statement(seen={1 - n % 2: (n + 1) // 2} if n else {}, text=str(n))) for n in range(4000)]
    assert refs(rows[::-1]) == [(n % 2, n // 2) for n in range(4000)]


def test_forged_entries_that_have_seen_each_other_are_listed_all_the_same() -> None:
    """No node admits them (each waits for the other), but no list of a shelf or a file may hang or fail on them."""
    rows = [row(log, index, statement(seen={1 - log: 1}, text=f"{log}{index}")) for log in (0, 1) for index in (0, 1)]
    assert sorted(refs(rows)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert refs(rows) == refs(rows[::-1])
