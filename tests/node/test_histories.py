"""Random histories over bad lines: whatever is lost, doubled, late or out of order, all end with the same bytes.

Each history is replayed by its number alone.
"""

from __future__ import annotations

import random

import pytest

from helpers import START
from node.pair import ChannelPair, Side

TWO = ("north", "south")
PARTIES = (TWO, TWO, (*TWO, "mission:guarantor"), ("east", *TWO, "red-cross:observer"))
CHUNKS = 8
HISTORIES = 200


class History:
    """One random history of sends, bundles and clocks."""

    def __init__(self, number: int, pair: ChannelPair) -> None:
        self.draw = random.Random(number)
        self.pair = pair
        self.sides = list(pair)
        self.flying: list[tuple[Side, bytes]] = []
        self.now = START

    def run(self, steps: int) -> None:
        acts = (self.send, self.send, self.send, self.compose, self.compose, self.compose, self.arrive, self.arrive, self.tick, self.file)
        for _ in range(steps):
            self.draw.choice(acts)()

    def send(self) -> None:
        side = self.draw.choice(self.sides)
        drafts = [self.draft(side) for _ in range(self.draw.choice((1, 1, 1, 2, 5)))]
        side.node.send_many(drafts)

    def draft(self, side: Side) -> tuple[str, object]:
        known = [row["ref"] for row in side.node.messages(limit=200)]
        notified = [row["ref"] for row in side.node.messages(kind="notification", limit=50)]
        if side.slug == "red-cross" or self.draw.random() < 0.15:
            return "line_check", {}
        kind = self.draw.choice(("statement", "notification", "reply", "acknowledgement", "request"))
        theirs = [ref for ref in notified if ref.partition("/")[0].partition(".")[0] != side.slug]
        if kind == "reply" and theirs and side.slug != "mission":
            stance = self.draw.choice(("accepted", "denied", "under_inquiry", "partly_accepted", "noted"))
            return "reply", {"re": self.draw.choice(theirs), "stance": stance, "account": "x" * self.draw.randrange(1, 300)}
        if kind == "acknowledgement" and known:
            return kind, {"state": "read", "re": [self.draw.choice(known)]}
        if kind == "notification":
            accused = self.draw.choice(("north", "south", None))
            linked = [{"as": "same_incident", "ref": self.draw.choice(notified)}] if notified and self.draw.random() < 0.3 else None
            return kind, {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala", "accused": accused, "links": linked}
        if kind == "request":
            return kind, {"questions": ["who?"], "re": self.draw.choice(notified) if notified else None}
        return "statement", {"text": "y" * self.draw.randrange(1, 2000)}

    def compose(self) -> None:
        side, to = self.draw.sample(self.sides, 2)
        self.flying.append((to, side.bundle(to)))

    def file(self) -> None:
        side, to = self.draw.sample(self.sides, 2)
        self.flying.append((to, side.exchange.write_file(to.log)[0]))

    def arrive(self) -> None:
        if self.flying:
            place = self.draw.randrange(len(self.flying))
            to, data = self.flying[place]
            if self.draw.random() < 0.75:  # else it stays, and arrives again
                self.flying.pop(place)
            if self.draw.random() < 0.8:  # else it is lost
                to.receive(data)

    def tick(self) -> None:
        self.now += self.draw.choice((0, 1, 1, 60, 3600))
        for side in self.sides:
            side.clock.now = self.now + self.draw.choice((0, 0, 0, 1, -30, 590, -590, 1500))

    def end(self) -> None:
        """The faults stop: clocks agree, everyone meets everyone."""
        self.pair.set_clock(self.now + 3000)
        self.pair.settle(3)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_histories_converge(chunk: int) -> None:
    for number in range(chunk, HISTORIES, CHUNKS):
        with ChannelPair(PARTIES[number % len(PARTIES)], seed=number) as pair:
            history = History(number, pair)
            history.run(30)
            history.end()
            heads = [{n: state.frontier for n, state in side.node.store.states().items()} for side in pair]
            assert all(head == heads[0] for head in heads), f"history {number}"
            pair.check()
            for side in pair:
                assert side.node.store.shelved() == [], f"history {number}"
                assert side.node.store.refused() == [], f"history {number}"
                for to in pair:
                    assert to is side or side.exchange.spans(to.log) == [], f"history {number}"
