"""What a node does by the clock: a line check when one is due and never two, whatever the clock does. FAULTS D3, D6."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from carriers.sides import in_loop
from ceasewire.carriers.clockwork import Clockwork
from ceasewire.carriers.hub import Hub
from ceasewire.carriers.logs import open_log
from ceasewire.node.schedule import Facts
from ceasewire.store.interface import Change
from helpers import local
from node.pair import ChannelPair, Side

HOUR = 3600
CLOCK = 12 * HOUR


@dataclass
class Bench:
    """A clockwork over a real node whose clocks a test moves: that on the wall, and the seconds that pass."""

    side: Side
    passed: float = 1000.0

    def start(self) -> Bench:
        """A process begins to serve."""
        self.hub = Hub(self.side.exchange)
        self.work = Clockwork(self.hub, self._no_facts, lambda _: None, open_log(), lambda: self.passed)
        return self

    async def _no_facts(self) -> Facts:
        raise NotImplementedError

    def forward(self, seconds: float, *, wall: float | None = None) -> Bench:
        """Let time pass; `wall`: what the clock on the wall makes of it."""
        self.passed += seconds
        self.side.clock.now += seconds if wall is None else wall
        return self

    def turns(self, count: int = 5) -> int:
        """Look so many times; how many line checks were sent."""
        before = self.checks()
        for _ in range(count):
            self.work.check_if_due()
        return self.checks() - before

    def checks(self) -> int:
        return sum(1 for _ in self.side.node.store.scan(kinds={11}, log=self.side.log))


@contextmanager
def bench(**toml: Any) -> Iterator[tuple[Bench, ChannelPair]]:
    with ChannelPair(**toml) as pair:
        made = Bench(pair.north)
        found: list[Bench] = []

        async def main() -> None:
            found.append(made.start())

        in_loop(main())
        yield found[0], pair


def test_a_new_log_checks_after_a_minute_and_then_by_its_clock() -> None:
    with bench() as (it, _):
        assert it.turns() == 0
        assert it.forward(59).turns() == 0
        assert it.forward(1).turns() == 1
        assert it.forward(CLOCK - 1).turns() == 0
        assert it.forward(1).turns() == 1
        for _ in range(10):
            assert it.forward(CLOCK).turns() == 1


def test_a_line_check_that_a_person_sent_counts() -> None:
    with bench() as (it, _):
        it.side.node.send("line_check", {})
        assert it.forward(CLOCK - 1).turns() == 0
        it.side.node.send("line_check", {})
        assert it.forward(CLOCK - 1).turns() == 0
        assert it.forward(1).turns() == 1


def test_d6_what_fell_due_while_nobody_served_is_sent_once_after_the_restart() -> None:
    with bench() as (it, _):
        it.forward(60).turns()
        it.forward(10 * CLOCK)

        async def again() -> None:
            it.start()

        in_loop(again())
        assert it.turns() == 1
        assert it.forward(CLOCK - 1).turns() == 0
        in_loop(again())
        assert it.turns() == 0, "a restart sends none that is not due"
        assert it.forward(1).turns() == 1


@pytest.mark.parametrize("back", [HOUR, 10 * 365 * 86400])
def test_d3_a_clock_set_back_neither_stops_the_checks_nor_doubles_them(back: int) -> None:
    with bench() as (it, _):
        it.forward(60).turns()
        it.forward(0, wall=-back)
        sent = [it.forward(600).turns() for _ in range(3 * CLOCK // 600)]
        assert sum(sent) in (2, 3)
        assert max(sent) == 1
        times = [one.time for one in it.side.node.store.scan(log=it.side.log)]
        assert times == sorted(times), "no entry is dated before the one it follows"


def test_d3_a_clock_set_ahead_signs_nothing_of_a_wrong_year() -> None:
    with bench() as (it, _):
        it.forward(60).turns()
        it.forward(60, wall=10 * 365 * 86400)
        assert it.turns() == 0
        (alarm,) = it.work.jumped()
        assert (alarm.code, alarm.log) == ("clock.jumped", None)
        it.forward(0, wall=-10 * 365 * 86400 + 60)
        assert it.turns() == 0
        assert it.work.jumped() == [], "it was put right"
        assert it.forward(CLOCK).turns() == 1


def test_d3_a_clock_put_right_by_a_jump_goes_on_when_others_show_that_it_is_right() -> None:
    with bench() as (it, pair):
        it.forward(60).turns()
        it.forward(0, wall=86400)
        assert it.turns() == 0
        pair.south.clock.now = it.side.clock.now - HOUR
        pair.south.say()
        pair.sync("south", "north")
        assert it.turns() == 1
        assert it.work.jumped() == []
        assert it.forward(CLOCK - 1).turns() == 0


def test_suspension_is_no_jump() -> None:
    with bench() as (it, _):
        it.forward(60).turns()
        assert it.forward(30 * CLOCK).turns() == 1, "as much passed as the wall says"
        assert it.work.jumped() == []


def test_no_clock_no_check_and_a_closed_log_signs_none() -> None:
    with bench(clocks={"line_check": 0}) as (it, _):
        assert it.forward(100 * CLOCK).turns() == 0
    with bench() as (it, _):
        change = Change()
        it.side.node.close_log(change)
        it.side.node.commit(change)
        assert it.forward(CLOCK).turns() == 0
        with local("log.closed"):
            it.side.node.send("line_check", {})
