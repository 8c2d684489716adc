"""Random histories in which keys are rotated, devices join, and phones are stolen: whatever arrives when, all end with the same bytes."""

from __future__ import annotations

import pytest

from ceasewire.errors import LocalError, PeerError
from node.pair import ChannelPair, Side
from node.test_exchange import read_all
from node.test_histories import History

PARTIES = (("north", "south", "mission:guarantor"), ("north", "south", "mission:guarantor", "red-cross:observer"))
CHUNKS = 4
HISTORIES = 24
MOST_LOGS = 9
# A bundle for a log that this device no longer keeps, or sealed to keys that are gone with it; the first of a log that came too late.
GONE = {"bundle.recipient", "bundle.key_gone", "log.unknown"}


class LaterHistory(History):
    """Also rotations, further devices and thefts. `thieves` go on writing in logs that were replaced."""

    def __init__(self, number: int, pair: ChannelPair) -> None:
        super().__init__(number, pair)
        self.thieves: list[Side] = []
        self.made = 0

    def run(self, steps: int) -> None:
        self.sides.append(self.pair.device("north", "phone"))
        self.pair.settle(1)
        often = [self.send] * 4 + [self.compose] * 6 + [self.arrive] * 5 + [self.file, self.tick]
        for _ in range(steps):
            self.draw.choice([*often, self.rotate, self.device, self.steal])()

    def draft(self, side: Side) -> tuple[str, object]:
        kind, body = super().draft(side)
        assert isinstance(body, dict)
        if side.party.slug == "red-cross":
            return "line_check", {}
        if kind == "reply" and (side.party.slug == "mission" or str(body["re"]).startswith(side.party.slug)):
            return "statement", {"text": "no reply to ourselves"}
        return kind, body

    def send(self) -> None:
        side = self.draw.choice([*self.sides, *self.thieves])
        if side.node.closed is None:
            side.node.send_many([self.draft(side) for _ in range(self.draw.choice((1, 1, 2)))])

    def two(self) -> tuple[Side, Side] | None:
        """One who writes to another of whom it has heard; a thief is among them as long as it signs."""
        side, to = self.draw.sample([*self.sides, *(one for one in self.thieves if one.node.closed is None)], 2)
        return (side, to) if to.log in side.node.channel.logs else None

    def compose(self) -> None:
        if found := self.two():
            self.flying.append((found[1], found[0].bundle(found[1])))

    def file(self) -> None:
        if found := self.two():
            self.flying += [(found[1], one) for one in read_all(found[0].exchange.write_file(found[1].log)[0])]

    def arrive(self) -> None:
        try:
            super().arrive()
        except PeerError as error:
            if error.code not in GONE:
                raise

    def rotate(self) -> None:
        side = self.draw.choice(self.sides)
        if len(side.node.channel.logs) < MOST_LOGS:
            side.rotate()

    def device(self, replaces: Side | None = None) -> None:
        side = self.draw.choice([one for one in self.sides if replaces is None or one.party is replaces.party])
        if len(side.node.channel.logs) < MOST_LOGS:
            self.made += 1
            name = None if replaces is None else replaces.node.names.slug
            self.sides.append(self.pair.device(side.slug, f"device-{self.made}", name))

    def steal(self) -> None:
        """Of a party with another device that has heard of it."""
        found = [
            (one, other)
            for one in self.sides
            for other in self.sides
            if one is not other and one.party is other.party and one.log in other.node.channel.logs
        ]
        if found and len(self.pair.sides) < MOST_LOGS:
            stolen, other = self.draw.choice(found)
            self.made += 1
            self.sides.remove(stolen)
            self.thieves.append(stolen)
            self.sides.append(self.pair.device(other.slug, f"device-{self.made}", stolen.node.names.slug))
            heard = [one for one in self.sides if one.log in stolen.node.channel.logs]
            if stolen.node.closed is None and heard:
                stolen.node.send_many([self.draft(stolen)])
                to = self.draw.choice(heard)
                self.flying.append((to, stolen.bundle(to)))

    def end(self) -> None:
        """Faults and thieves stop: clocks agree, everyone meets everyone."""
        for thief in self.thieves:
            thief.close()
            self.pair.sides.pop(thief.slug)
        super().end()


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_histories_with_later_logs_converge(chunk: int) -> None:
    later = 0
    for number in range(chunk, HISTORIES, CHUNKS):
        with ChannelPair(PARTIES[number % len(PARTIES)], seed=number) as pair:
            history = LaterHistory(number, pair)
            try:
                history.run(40)
            except LocalError as error:
                raise AssertionError(f"history {number}: {error}") from error
            history.end()
            heads = [{n: state.frontier for n, state in side.node.store.states().items()} for side in pair]
            assert all(head == heads[0] for head in heads), f"history {number}"
            pair.check()
            for side in pair:
                # What a thief alone has seen never comes: his own runs may wait for it.
                assert all(side.node.channel.successors_of(one.log) for one in side.node.store.shelved()), f"history {number}"
                assert [one.code for one in side.node.store.refused()] == [], f"history {number}"
            node = next(iter(pair)).node
            later += len(node.channel.openings)
    assert later > HISTORIES // CHUNKS  # there were rotations, devices, thefts in most of them
