"""Random histories: several honest logs that see each other as bundles arrive, with clocks of their own.

Each device writes entries by the rules of spec/entry.md: `seen` is what it held, `time` at least that of all it held.
tests/record/tales.py makes long ones of every kind of message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from ceasewire.record import encoding
from ceasewire.record.authority import GOVERNING, Authority
from ceasewire.record.channel import Channel
from ceasewire.record.log import least_time
from ceasewire.record.message import Body, Message, row
from ceasewire.record.standing import Sight, shown_by
from ceasewire.record.values import LogState, Row
from ceasewire.tlog.merkle import Frontier
from helpers import START, seed_of


def plain_sights(channel: Channel, logs: Iterable[Sequence[Row]]) -> list[Sight]:
    """Every log read from its first entry."""
    found: dict[tuple[int, int], Sight] = {}
    for rows in logs:
        for one in rows:
            for sight in shown_by(channel, one.log, one.index, encoding.sizes(encoding.decode(one.seen))):
                found.setdefault((sight.log, sight.successor), sight)
    return list(found.values())


@dataclass
class Store:
    """What one device holds: log -> rows. It is log.Around as well."""

    logs: dict[int, list[Row]] = field(default_factory=dict)
    convicted: set[int] = field(default_factory=set)

    def size(self, log: int) -> int:
        return len(self.logs.get(log, ()))

    def frozen(self, log: int) -> bool:
        return log in self.convicted

    def time(self, log: int, index: int) -> int:
        return self.logs[log][index].time

    def rests(self, log: int, rests: Collection[bytes]) -> Mapping[bytes, int]:
        found: dict[bytes, int] = {}
        for one in self.logs.get(log, ()):
            if one.rest in rests:
                found.setdefault(one.rest, one.index)
        return found

    def governing(self) -> list[Row]:
        return [one for rows in self.logs.values() for one in rows if one.kind in GOVERNING and one.void is None]

    def sights(self, channel: Channel) -> list[Sight]:
        return plain_sights(channel, self.logs.values())

    def authority(self, channel: Channel) -> Authority:
        return Authority(channel, self.governing(), self.sights(channel))

    def put(self, rows: Collection[Row]) -> None:
        for one in rows:
            held = self.logs.setdefault(one.log, [])
            assert one.index == len(held)
            held.append(one)

    @property
    def rows(self) -> list[Row]:
        """All rows, sorted by time as a store gives them."""
        return sorted((one for held in self.logs.values() for one in held), key=lambda one: (one.time, one.log, one.index))


def state_after(log: int, rows: list[Row], messages: list[Message]) -> LogState:
    last = messages[-1] if messages else None
    frontier = Frontier.empty().extend([one.leaf for one in rows])
    return LogState(log, frontier, last.time if last else 0, last.seen if last else {})


@dataclass
class History:
    """Devices 0..n-1, each with its store, and everything that was ever written."""

    devices: list[Store]
    written: dict[int, list[Message]] = field(default_factory=dict)

    def write(self, log: int, clock: int, body: Body, kind: int = 2) -> Message:
        store = self.devices[log]
        seen = {other: len(rows) for other, rows in store.logs.items() if other != log and rows}
        state = state_after(log, store.logs.get(log, []), self.written.setdefault(log, []))
        time = least_time(clock, state, 0, seen, store.time)
        one = Message(kind, time, seen, seed_of(log, state.size)[:16], body)
        self.written[log].append(one)
        store.put([row(log, state.size, one)])
        return one

    def deliver(self, log: int, to: int, count: int) -> None:
        """The next `count` entries of a log reach a device that holds all that they have seen."""
        store = self.devices[to]
        for one in self.devices[log].logs.get(log, [])[store.size(log) :][:count]:
            message = self.written[log][one.index]
            if all(store.size(other) >= size for other, size in message.seen.items()):
                store.put([one])
            else:
                return

    def everything(self) -> list[Row]:
        return sorted(
            (one for log, store in enumerate(self.devices) for one in store.logs.get(log, [])),
            key=lambda one: (one.time, one.log, one.index),
        )


@st.composite
def histories(draw: st.DrawFn, most_devices: int = 4) -> History:
    """Up to 30 writes and deliveries within a few seconds, so that ties are common."""
    count = draw(st.integers(1, most_devices))
    history = History([Store() for _ in range(count)])
    device = st.integers(0, count - 1)
    for _ in range(draw(st.integers(0, 30))):
        if draw(st.booleans()):
            history.write(draw(device), START + draw(st.integers(0, 2)), {0: [], 1: False, 17: "x"})
        else:
            history.deliver(draw(device), draw(device), draw(st.integers(1, 3)))
    return history
