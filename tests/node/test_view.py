"""What a view shows, and what it leaves on the disk."""

from __future__ import annotations

import tracemalloc

from ceasewire.exchange.bundle import Run
from ceasewire.node.status import status
from ceasewire.store.interface import Change, Refused, Shelved
from faults.liar import Liar
from helpers import START, statement
from node.pair import ChannelPair

MIB = 1024**2


def test_the_leaves_of_what_waits_and_of_what_is_there() -> None:
    with ChannelPair() as pair:
        node = pair.north.node
        one, other = (Liar(pair.made, 1).add(statement(START + 9000), statement(START + 9000, text=text)) for text in ("a", "b"))
        assert node.leaves((1, 1)) == set()
        runs = [one.run(), Run(1, 1, tuple(other.messages[1:]), other.note())]
        node.commit(Change(shelve=[Shelved(1, run.start, len(run.messages), "hold.clock", START, run.encode()) for run in runs]))
        both = node.leaves((1, 1))
        assert len(both) == 2
        assert len(node.leaves((1, 0))) == 1
        assert node.leaves((1, 2)) == node.leaves((0, 1)) == set()
        pair.north.clock.now += 9000
        pair.north.receive(one.bundle(0, one.run()))
        assert node.leaves((1, 1)) < both


def test_the_status_loads_no_refused_and_no_held_bytes() -> None:
    with ChannelPair() as pair:
        node = pair.north.node
        change = Change(refused=[Refused(START, 1, "log.root", "", bytes(8 * MIB))] * 2)
        change.shelve.append(Shelved(1, 5, 1, "log.gap", START, bytes(8 * MIB)))
        node.commit(change)
        tracemalloc.start()
        try:
            found = status(node, START, None)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert [one["code"] for one in found["refused"]] == ["log.root"] * 2
        assert len(found["held"]) == 1
        assert peak < 4 * MIB
