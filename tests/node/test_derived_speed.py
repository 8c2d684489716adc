"""How fast lists, searches and cases are at a hundred thousand messages. Slow: about two minutes.

`python -m pytest -m sweep -s tests/node/test_derived_speed.py` prints what was measured.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceasewire.node.status import status
from ceasewire.node.view import View
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import Body, Message, row
from ceasewire.record.values import LogState, Row
from ceasewire.store import sqlite
from ceasewire.store.interface import Change, Store
from ceasewire.tlog.merkle import Frontier
from helpers import START, make_channel

from .pair import MEMORY

MESSAGES = 100_000
CHANNEL = make_channel(("north", "south", "mission:guarantor"))
WORDS = (
    "mortar rounds fell north of the school between ten and twelve patrol checkpoint bridge village fire convoy water station night "
    "morning soldiers crossed line river road three vehicles shots drone sighted injured civilian market "
    "evening د هاوان مرمۍ په ښوونځي کې ولوېدې"
).split()
SEARCHES = ("mortar", "mortar school", "word123", "fire bri", '"north of"', "m", "هاوان", "checkpoint 45 mort", "nosuchword")


class Crowd:
    """Three devices that write as a long war would: notifications, two in three of them imported; replies, statements, line checks."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.chance = random.Random(1)
        self.now = START
        self.states = {log: LogState(log, Frontier.empty(), 0, {}) for log in range(3)}

    def text(self) -> str:
        """Forty words, some of them rare."""
        return " ".join(
            self.chance.choice(WORDS) if self.chance.random() < 0.95 else f"word{self.chance.randrange(20_000)}" for _ in range(40)
        )

    def write(self, log: int, count: int, body: Callable[[dict[int, int]], tuple[int, Body]]) -> Row:
        """So many messages of one log in one commit; the last."""
        state = self.states[log]
        seen = {other: one.size for other, one in self.states.items() if other != log and one.size}
        rows = []
        for place in range(count):
            self.now += self.chance.choice((0, 0, 1, 5, 30))
            kind, fields = body(seen)
            fields = dict(sorted({0: [], 1: False, **fields}.items()))
            rows.append(row(log, state.size + place, Message(kind, self.now, seen, self.chance.randbytes(16), fields)))
        self.states[log] = LogState(log, state.frontier.extend([one.leaf for one in rows]), self.now, seen)
        self.store.commit(Change(rows=rows, states=[self.states[log]]))
        return rows[-1]

    def anything(self, log: int) -> Callable[[dict[int, int]], tuple[int, Body]]:
        """What a log says by chance."""

        def body(seen: dict[int, int]) -> tuple[int, Body]:
            other, drawn = (1 - log if log < 2 else 0), self.chance.random()
            if drawn < 0.5 and log < 2:
                return self.incident(other, historical=self.chance.random() < 0.66)
            if drawn < 0.8 and log < 2 and seen.get(other):
                ref: Body = {3: [[other, self.chance.randrange(max(0, seen[other] - 500), seen[other])]]}
                return KINDS["reply"], ref | {16: self.chance.choice((1, 3, 6)), 17: self.text()}
            return (KINDS["line_check"], {}) if drawn > 0.97 else (KINDS["statement"], {17: self.text()})

        return body

    def incident(self, accused: int, *, historical: bool = False) -> tuple[int, Body]:
        """A notification."""
        body: Body = {16: ["A4"], 17: self.now - 3600, 21: f"Checkpoint {self.chance.randrange(97)}", 27: accused, 53: self.text()}
        return KINDS["notification"], body | ({12: True} if historical else {})


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with tempfile.TemporaryDirectory(prefix="ceasewire-speed-", dir=MEMORY) as name:
        path = Path(name) / "store.sqlite"
        sqlite.create(path)
        store = sqlite.open_writer(path)
        made = Crowd(store)
        while sum(state.size for state in made.states.values()) < MESSAGES:
            log = made.chance.choice((0, 0, 0, 0, 1, 1, 1, 1, 2))
            made.write(log, made.chance.choice((1, 1, 3, 10, 50)), made.anything(log))
        yield made
        store.close()


def median_ms(act: Callable[[], object], times: int = 9) -> float:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


@pytest.mark.sweep
def test_at_a_hundred_thousand_messages(crowd: Crowd) -> None:
    view = View(crowd.store, CHANNEL.channel, 0)
    started, worked = time.perf_counter(), time.process_time()
    count = view.projection.rebuild(lambda _done, _total: None)
    rate, alone = (count * 60 / took for took in (time.perf_counter() - started, time.process_time() - worked))
    cases = [view.ref(str(one["ref"])) for one in view.each_case()]
    draw = random.Random(2)
    found = {f"search {search}": (median_ms(lambda search=search: list(view.messages(search=search, limit=50))), 50) for search in SEARCHES}  # type: ignore[misc]
    middle = view.name(*draw.choice(cases))
    found |= {
        "first page": (median_ms(lambda: list(view.messages(limit=50))), 50),
        "a page in the middle": (median_ms(lambda: list(view.messages(after=middle, limit=50))), 50),
        "first page of one kind": (median_ms(lambda: list(view.messages(kind="line_check", limit=50))), 50),
        "one case": (median_ms(lambda: view.case(draw.choice(cases)), 25), 100),
        "show": (median_ms(lambda: view.show(draw.choice(cases)), 25), 100),
        "status": (median_ms(lambda: status(view, crowd.now, None), 3), 500),
    }
    for name, log, said in (
        ("a statement", 1, lambda _: (KINDS["statement"], {17: crowd.text()})),
        ("a notification", 0, lambda _: crowd.incident(1)),
        ("a reply", 1, lambda _: (KINDS["reply"], {3: [list(draw.choice(cases[-50:]))], 16: 3, 17: "No."})),
    ):
        took = []
        for _ in range(7):
            crowd.write(log, 1, said)  # type: ignore[arg-type]
            took.append(median_ms(lambda: list(view.messages(limit=50)), 1))
        found[f"the list after {name}"] = (statistics.median(took), 50)
    for name, (took_ms, most) in found.items():
        print(f"{name}: {took_ms:.1f} ms (at most {most})")
    print(f"rebuild: {rate:,.0f} messages a minute, {alone:,.0f} if nothing else ran; {len(cases):,} cases")
    assert not {name: took_ms for name, (took_ms, most) in found.items() if took_ms > most}
    assert alone >= 50_000  # other tests run at the same time
