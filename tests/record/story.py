"""A short record for tests of cases: messages one a second, by three parties and a guarantor, written as people write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ceasewire.record.case import Case
from ceasewire.record.casebook import Casebook
from ceasewire.record.channel import Channel
from ceasewire.record.fields import show_time
from ceasewire.record.kinds import KINDS, UNDERSTOOD, read_body
from ceasewire.record.message import Body, Message, row
from ceasewire.record.order import in_order
from ceasewire.record.values import Cosignature, Row
from helpers import START, make_channel, seed_of

CLOCKS = {"reply": 1000, "flash": 10, "finding": 5000, "discipline_report": 7000, "press": 3000}
CHANNEL = make_channel(("east", "north", "south", "mission:guarantor"), clocks=CLOCKS).channel
EAST, NORTH, SOUTH, MISSION = range(4)
SHOT: dict[str, Any] = {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "Bridge 4", "accused": "south"}

Ref = tuple[int, int]


class Record:
    """Writes messages in record order, one a second, and folds them. Every log sees all that lies before, unless it is told what to see."""

    def __init__(self, proved: Callable[[Cosignature], bool] = lambda _: True, *, sees: bool = False, channel: Channel = CHANNEL) -> None:
        self.channel = channel
        self.rows: list[Row] = []
        self.sizes: dict[int, int] = {}
        self.seen: dict[int, dict[int, int]] = {}
        self.proved = proved
        self.sees = sees
        self.time = START

    def write(
        self,
        log: int,
        kind: str,
        body: Any,
        *,
        seen: dict[int, int] | None = None,
        void: str | None = None,
        raw: Body | None = None,
        at: int | None = None,
    ) -> Ref:
        """Append one message; `seen` is added to what the log had seen; `at` is seconds after START. Returns its reference."""
        fields = raw if raw is not None else read_body(UNDERSTOOD[KINDS[kind]], body, self.channel, exercise=False)
        if seen is None and self.sees:
            seen = {other: size for other, size in self.sizes.items() if other != log}
        self.seen[log] = {**self.seen.get(log, {}), **(seen or {})}
        self.time = self.time if at is None else START + at
        one = Message(KINDS[kind], self.time, self.seen[log], seed_of(len(self.rows))[:16], fields)
        self.time += 1
        index = self.sizes.get(log, 0)
        self.sizes[log] = index + 1
        self.rows.append(replace(row(log, index, one), void=void))
        return log, index

    def fold(self) -> Casebook:
        """Everything so far."""
        return Casebook(self.channel, self.proved).feed(in_order(self.rows))

    def case(self, ref: Ref = (NORTH, 0)) -> Case:
        """One case of it."""
        return self.fold().case(ref)

    def whole(self, ref: Ref = (NORTH, 0)) -> dict[str, Any]:
        """One case of it, as JSON."""
        return self.fold().whole(ref)


def named(ref: Ref) -> str:
    """`north/0`."""
    return f"{CHANNEL.log_name(ref[0])}/{ref[1]}"


def reply(stance: str, re: Any = "north/0", **more: Any) -> dict[str, Any]:
    """A reply."""
    return {"re": re, "stance": stance, **more}


def receipt(log: str = "north", size: int = 1, by: int = SOUTH, time: int = START + 1) -> dict[str, Any]:
    """A cosignature as a line check writes it down."""
    return {"log": log, "size": size, "by": by, "kind": 4, "time": show_time(time), "signature": "AA=="}


def at(seconds: int) -> str:
    """A time so many seconds after the first message."""
    return show_time(START + seconds)
