"""The derived tables: the same as cases folded in memory, and as tables built from nothing, however the messages came."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ceasewire.node import derived, folding, table_record
from ceasewire.node.derived import SUMMED_UP
from ceasewire.node.view import View
from ceasewire.record.case_fold import fold
from ceasewire.record.fields import show_time
from ceasewire.record.log import mark_void
from ceasewire.record.message import message_of
from ceasewire.record.values import Cosignature, LogState, Row
from ceasewire.store import sqlite
from ceasewire.store.interface import Change, Store
from ceasewire.tlog.merkle import Frontier
from record.histories import Store as Held
from record.tales import CHANNEL, LOGS, Tale, proved, replaced, told

from .pair import MEMORY, ChannelPair

TALES = 150
COMPARED = ("belonging", "member", "named", "notice", "ask", "clock", "summary", "touched", "to_ask", "stale")


class TaleView(View):
    """A view of a tale, whose signatures are no signatures."""

    def proved(self, written: Cosignature) -> bool:
        return proved(written)


class Telling:
    """A tale that reaches a real store in pieces."""

    def __init__(self, folder: Path) -> None:
        sqlite.create(folder / "store.sqlite")
        self.store: Store = sqlite.open_writer(folder / "store.sqlite")
        self.path = folder / "derived.sqlite"
        self.view = TaleView(self.store, CHANNEL, 0)
        self.held = Held()
        self._states = {log: LogState(log, Frontier.empty(), 0, {}) for log in LOGS}

    @property
    def rows(self) -> list[Row]:
        """What the store holds, by time."""
        return sorted((one for rows in self.held.logs.values() for one in rows), key=lambda one: one.time)

    def tell(self, rows: list[Row], chance: random.Random, most: int = 7) -> Iterator[None]:
        """Commit the rows piece by piece, each log in its order and the logs in any."""
        left = {log: [one for one in rows if one.log == log] for log in LOGS}
        while any(left.values()):
            log = chance.choice([log for log in LOGS if left[log]])
            batch: list[Row] = []
            for one in left[log][: chance.randrange(1, most)]:
                if any(self.held.size(other) < size for other, size in message_of(one).seen.items()):
                    break
                batch.append(one)
            if batch:
                self._take(log, batch)
                del left[log][: len(batch)]
                yield

    def _take(self, log: int, batch: list[Row]) -> None:
        marked = mark_void(CHANNEL, batch, [message_of(one).body for one in batch], self.held)
        self.held.put(marked)
        frontier = self._states[log].frontier.extend([one.leaf for one in batch])
        self._states[log] = LogState(log, frontier, batch[-1].time, message_of(batch[-1]).seen)
        self.store.commit(Change(rows=marked, states=[self._states[log]]))

    def shown(self) -> bytes:
        """As tales.told: lists and cases as the view shows them."""
        cases = self.view.cases()
        listed = [[one["ref"], one["kind"], one["time"], one["body"], one["void"]] for one in self.view.messages()]
        return json.dumps([listed, cases, [self.view.case(self.view.ref(case["ref"])) for case in cases]]).encode()

    def expected(self) -> bytes:
        """The same, folded in memory from what the store holds."""
        listed, cases, whole = json.loads(told(replaced(self.rows)))
        return json.dumps([[[ref, kind, show_time(time), body, void] for ref, kind, time, body, void in listed], cases, whole]).encode()

    def dump(self) -> dict[str, list[Any]]:
        """The derived rows, without the numbers that follow the order in which they came."""
        db = sqlite3.connect(self.path)
        try:
            found = {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in COMPARED}  # noqa: S608 - our own names
            found["item"] = db.execute("SELECT time, level, log, idx, kind, party, void, watch FROM item ORDER BY 1, 2, 3, 4").fetchall()
            found["step"] = db.execute("SELECT * FROM step ORDER BY 1, 2, 3").fetchall()
        finally:
            db.close()
        refs = [(one.log, one.index) for one in self.rows]
        # A written cosignature that proves nothing new may be kept or not; what it proves is the same.
        found["receipts"] = self.view.projection.ask(lambda tables: [tables.receipts(ref) for ref in refs])
        return found


@contextmanager
def telling() -> Iterator[Telling]:
    with tempfile.TemporaryDirectory(prefix="ceasewire-derived-", dir=MEMORY) as name:
        made = Telling(Path(name))
        try:
            yield made
        finally:
            made.store.close()


QUESTIONS = (
    lambda view, chance: view.cases(),
    lambda view, chance: list(view.messages(limit=3)),
    lambda view, chance: view.overdue(chance.randrange(1_772_323_200, 1_772_323_300)),
    lambda view, chance: None,
)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(3))
def test_however_it_came_it_is_what_is_folded_in_memory_and_what_is_built_from_nothing(chunk: int) -> None:
    for number in range(chunk, TALES, 3):
        chance = random.Random(number)
        rows = Tale(chance, chance.randrange(1, 41)).rows
        with telling() as tale:
            for _ in tale.tell(rows, chance):
                chance.choice(QUESTIONS)(tale.view, chance)
            assert tale.shown() == tale.expected(), f"tale {number}"
            grown = tale.dump()
            tale.view.projection.rebuild(lambda _done, _total: None)
            assert tale.dump() == grown, f"tale {number}, built from nothing"
            assert tale.shown() == tale.expected()


class Stopped(Exception):
    """What a catch-up is stopped by here, in place of a power cut: its last transaction is not kept."""


def stop_at(step: int) -> Callable[[int, int], None]:
    """A progress that stops it within so manyth a step."""
    left = [step]

    def progress(_done: int, _total: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    return progress


def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (derived, "STEP", 5),
        (folding, "TOUCHED_AT_ONCE", 4),
        (folding, "ASKED_AT_ONCE", 2),
        (folding, "STALE_AT_ONCE", 2),
        (table_record, "_READ_MOST", 3),
    ):
        monkeypatch.setattr(module, name, value)


def is_stopped(tale: Telling, step: int) -> bool:
    try:
        tale.view.projection.catch_up(SUMMED_UP, stop_at(step))
    except Stopped:
        return True
    return False


@pytest.mark.slow
def test_a_catch_up_that_is_stopped_at_any_step_goes_on_rightly(monkeypatch: pytest.MonkeyPatch) -> None:
    """By another who opens it, with messages that came meanwhile, and each step of it but one was kept."""
    small_steps(monkeypatch)
    stops = 0
    for number in range(20):
        chance = random.Random(number)
        rows = Tale(chance, 40).rows
        with telling() as tale:
            coming, more = tale.tell(rows, chance, 20), True
            while is_stopped(tale, 2) or more:
                stops += 1
                tale.view = TaleView(tale.store, CHANNEL, 0)
                if chance.random() < 0.3:
                    more = next(coming, "end") is None
                    chance.choice(QUESTIONS[1:])(tale.view, chance)
            grown = tale.dump()
            assert tale.shown() == tale.expected(), f"tale {number}"
            tale.view.projection.rebuild(lambda _done, _total: None)
            assert tale.dump() == grown, f"tale {number}"
    assert stops > 500


def folds(act: Callable[[], object]) -> int:
    """How many cases are folded for it."""
    found = 0

    def called(frame: FrameType, event: str, _value: object) -> None:
        nonlocal found
        found += event == "call" and frame.f_code is fold.__code__

    sys.setprofile(called)
    try:
        act()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("replies", [1, 30])
def test_a_case_is_folded_as_often_whether_one_message_of_it_is_new_or_many(monkeypatch: pytest.MonkeyPatch, replies: int) -> None:
    """Once for its clock, once for its summary, and for nothing else; a list of messages does not wait for that."""
    small_steps(monkeypatch)
    with ChannelPair() as pair:
        north = pair.north.node
        north.send("notification", {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala", "accused": "south"})
        pair.settle(1)
        north.cases()
        pair.south.node.send_many([("reply", {"re": "north/0", "stance": "under_inquiry"})] * replies)
        pair.settle(1)
        assert folds(lambda: list(north.messages())) == 0
        assert folds(lambda: north.overdue(0)) == 1
        assert folds(north.cases) == 1
        assert folds(north.cases) == 0
        assert len(north.case((0, 0))["messages"]) == 1 + replies
