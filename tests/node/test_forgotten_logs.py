"""A node that was put back to before it heard of a log: what a peer brings of it, taking it to be known, is asked for and not refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ceasewire.exchange.bundle import Contents, Run
from ceasewire.node.taking import Received
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from helpers import seed_of, statement
from node.pair import ChannelPair, Side


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair() as made:
        yield made


def forgets(pair: ChannelPair, *files: str, asks: bool) -> Side:
    """South's phone, of which north has heard, and `asks` for more; then these files of north's are put back to before that."""
    north = pair.north
    north.say("one")
    pair.south.say("two")
    pair.sync("north", "south")
    north.close()
    kept = {name: (north.folder.path / name).read_bytes() for name in files}
    north.open()
    phone = pair.device("south", "phone")
    pair.sync("phone", "north")
    pair.sync("phone", "south")
    pair.sync("north", "south")
    phone.say("three")
    pair.sync("phone", "south")
    if asks:
        north.receive(pair.south.bundle(north))
        pair.south.receive(north.bundle(pair.south))  # which wants what the phone said last
    north.close()
    for path in [*north.folder.path.glob("derived*"), *north.folder.path.glob("store.sqlite-*")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, data in kept.items():
        (north.folder.path / name).write_bytes(data)
    north.open()
    assert phone.log not in north.node.channel.logs
    return phone


def brought(pair: ChannelPair) -> Received:
    """What becomes of south's next bundle to north, which south takes to know the phone: it brings no opening."""
    pair.south.exchange.forget_fresh_key(0)
    before = pair.north.node.channel
    taken = pair.north.receive(pair.south.bundle(0))
    assert (taken.refused, pair.north.node.store.refused()) == ([], [])
    assert {run.log for run in pair.north.node.store.shelved()} <= {pair.south.log}
    assert pair.north.node.channel is before
    return taken


def hears_of_it(pair: ChannelPair, phone: Side) -> None:
    pair.sync("north", "south")
    pair.sync("north", "south")
    assert pair.north.size(phone) == phone.size(phone) == 2
    pair.settle(2)
    assert [side.node.store.refused() for side in pair] == [[], [], []]
    pair.check()


def test_a_store_that_was_put_back_asks_for_a_log_whose_entries_come(pair: ChannelPair) -> None:
    phone = forgets(pair, "store.sqlite", asks=True)
    assert pair.north.node.closed == "log.closed"
    pair.north.rotate()
    assert brought(pair).held == ["log.unknown"]
    hears_of_it(pair, phone)


def test_a_machine_that_was_put_back_whole_asks_for_a_log_whose_checkpoint_comes(pair: ChannelPair) -> None:
    phone = forgets(pair, "store.sqlite", "pen", asks=False)
    pair.south.say("whose checkpoint is in a run, so that the phone's is among those that are read")
    assert brought(pair).held == ["hold.seen"]
    while pair.north.node.next_counter() <= pair.south.node.store.peers()[0].counter_in:
        pair.north.say("its heads are not heard under counters that it has used before")
    hears_of_it(pair, phone)


def run_of(log: int) -> Contents:
    return Contents(1, 1, {}, runs=[Run(log, 0, (statement(),), b"")])


def checkpoint(pair: ChannelPair, origin: str) -> Contents:
    """A checkpoint of that origin, signed by south whatever it is of."""
    point, key = Checkpoint(origin, 1, seed_of("root")), pair.south.node.names.log[0]
    line = checkpoints.sign(point, replace(key, name=origin), pair.south.party.signers["log", "ed25519"])
    return Contents(1, 1, {}, checkpoints=[SignedCheckpoint(point, (line,)).encode()])


def test_of_what_may_be_a_log_of_the_channel_nothing_is_kept_and_of_what_cannot_the_evidence(pair: ChannelPair) -> None:
    prefix = pair.north.node.names.origin.removesuffix("north")
    may_be = [run_of(log) for log in (2**31, 2**31 + 2**25 - 1)]
    may_be += [checkpoint(pair, prefix + name) for name in ("south.00c0de", "north.ffffff")]
    for contents in may_be:
        assert pair.north.receive(pair.made.bundle(contents, 0)).refused == []
    assert (pair.north.node.store.refused(), pair.north.node.store.shelved()) == ([], [])
    cannot = [(run_of(log), "log.unknown") for log in (0, 2, 2**31 - 1, 2**31 + 2**25)]
    names = ("east.00c0de", "south.00c0d", "south.00c0de0", "south.00C0DE", "south.", "south.00c0de/receipt")
    origins = [f"elsewhere/{bytes(32).hex()}/south.00c0de", *(prefix + name for name in names)]
    cannot += [(checkpoint(pair, origin), "checkpoint.origin") for origin in origins]
    for contents, code in cannot:
        assert pair.north.receive(pair.made.bundle(contents, 0)).refused == [code]
    assert sorted(one.code for one in pair.north.node.store.refused()) == sorted(code for _, code in cannot)
