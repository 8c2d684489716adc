"""Whose turn it is in a node's thread. FAULTS E13, E14; docs/decisions/0019."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future

import pytest

from ceasewire.carriers.turns import LOOK, OWN, Turns

NEAR, FAR, THIRD = 1, 2, 3


@pytest.fixture
def turns() -> Iterator[Turns]:
    made = Turns("node")
    yield made
    made.close()


def spend(seconds: float) -> Callable[[], None]:
    def work() -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass

    return work


def all_of(*futures: Future[None]) -> None:
    for one in futures:
        one.result(10)


def test_a_call_is_made_and_what_it_raises_is_raised(turns: Turns) -> None:
    assert turns.submit(OWN, lambda: 5).result(1) == 5
    with pytest.raises(ZeroDivisionError):
        turns.submit(NEAR, lambda: 1 // 0).result(1)
    assert turns.submit(OWN, turns.is_here).result(1)
    assert not turns.is_here()


def test_what_comes_afterwards_comes_once_and_after_the_result(turns: Turns) -> None:
    done: list[bool] = []
    news = threading.Event()
    work: list[Future[None]] = []

    def tell() -> None:
        done.append(work[0].done())
        news.set()

    def both() -> None:
        began.wait(1)
        turns.afterwards(tell)
        turns.afterwards(tell)
        raise ValueError("over")

    began = threading.Event()
    work.append(turns.submit(OWN, both))
    began.set()
    with pytest.raises(ValueError, match="over"):
        work[0].result(1)
    assert news.wait(1)
    assert turns.submit(OWN, lambda: 5).result(1) == 5
    assert done == [True]


def test_our_own_acts_come_first_and_then_who_has_taken_least(turns: Turns) -> None:
    done: list[str] = []
    turns.submit(FAR, spend(0.05)).result(1)
    began = threading.Event()
    go = threading.Event()

    def hold() -> None:
        began.set()
        go.wait(5)

    first = turns.submit(THIRD, hold)
    began.wait(1)
    rest = [turns.submit(source, lambda name=name: done.append(name)) for source, name in ((FAR, "far"), (NEAR, "near"), (OWN, "own"))]  # type: ignore[misc]
    go.set()
    all_of(first, *rest)
    assert done == ["own", "near", "far"]


def test_long_work_lets_others_between_and_never_its_own_source(turns: Turns) -> None:
    done: list[str] = []
    began = threading.Event()

    def long() -> None:
        began.set()
        until = time.perf_counter() + 0.3
        while time.perf_counter() < until:
            turns.breathe()
        done.append("long")

    work = [turns.submit(FAR, long)]
    began.wait(1)
    work += [turns.submit(source, lambda name=name: done.append(name)) for source, name in ((FAR, "far"), (NEAR, "near"), (OWN, "own"))]  # type: ignore[misc]
    all_of(*work)
    assert done.index("long") == 2
    assert {"near", "own"} == set(done[:2])
    assert done[3] == "far"


def test_who_takes_much_rests_while_others_have_work_and_longer_if_it_brought_nothing(turns: Turns) -> None:
    turns.submit(FAR, spend(0.4)).result(2)  # beyond its credit
    began, rest = time.perf_counter(), turns.rest(FAR)
    assert rest > 0.2
    turns.submit(OWN, lambda: None).result(1)
    turns.submit(FAR, lambda: None).result(5)
    assert time.perf_counter() - began > 0.9 * rest

    def in_vain() -> None:
        spend(0.1)()
        turns.useless()

    turns.submit(FAR, in_vain).result(2)
    assert turns.rest(FAR) > 0.7


def test_nobody_rests_where_nobody_else_has_work(turns: Turns) -> None:
    began = time.perf_counter()
    for _ in range(4):
        turns.submit(FAR, spend(0.2)).result(2)
    assert time.perf_counter() - began < 1.2


def test_nobody_rests_because_we_only_look_whether_something_is_due(turns: Turns) -> None:
    """A bundle of thousands took a quarter longer while it did: the node looks once after each of its commits."""
    rested = {}
    for source in (LOOK, OWN):
        turns.submit(FAR, spend(0.7)).result(5)
        turns.submit(source, lambda: None).result(5)
        began = time.perf_counter()
        turns.submit(FAR, lambda: None).result(5)
        rested[source] = time.perf_counter() - began
    assert 2 * rested[LOOK] < rested[OWN], rested


def test_a_look_comes_before_what_peers_ask_and_within_their_long_work(turns: Turns) -> None:
    order: list[str] = []

    def long() -> None:
        far = turns.submit(FAR, lambda: order.append("far"))
        look = turns.submit(LOOK, lambda: order.append("look"))
        deadline = time.perf_counter() + 5
        while not order and time.perf_counter() < deadline:
            turns.breathe()
        order.append("near")
        waiting.extend([far, look])

    waiting: list[Future[None]] = []
    turns.submit(NEAR, long).result(10)
    all_of(*waiting)
    assert order[0] == "look"
    assert sorted(order) == ["far", "look", "near"]


def test_the_time_of_others_within_long_work_is_not_counted_against_it(turns: Turns) -> None:
    began = threading.Event()

    def long() -> None:
        began.set()
        time.sleep(0.02)
        turns.breathe()

    work = turns.submit(FAR, long)
    began.wait(1)
    turns.submit(OWN, spend(0.5)).result(2)
    work.result(2)
    assert turns.rest(FAR) == 0


def test_at_the_end_what_waits_is_cancelled_and_nothing_more_is_taken() -> None:
    turns = Turns("node")
    go, began = threading.Event(), threading.Event()
    first = turns.submit(OWN, lambda: began.set() or go.wait(5))  # type: ignore[func-returns-value]
    began.wait(5)
    second = turns.submit(NEAR, lambda: None)
    closing = threading.Thread(target=turns.close)
    closing.start()
    with pytest.raises(CancelledError):
        second.result(2)
    go.set()
    closing.join(2)
    assert first.result(1)
    with pytest.raises(RuntimeError):
        turns.submit(OWN, lambda: None)
