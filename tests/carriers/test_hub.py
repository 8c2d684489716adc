"""What a hub relies on: a replay holds no poll, delays no push and tells nobody anything. FAULTS C1."""

from __future__ import annotations

import asyncio

from ceasewire.carriers.hub import Hub
from ceasewire.errors import LocalError
from ceasewire.store.interface import Change
from helpers import local
from node.pair import ChannelPair


def test_a_replayed_poll_is_answered_at_once_and_delays_no_push() -> None:
    async def main(pair: ChannelPair) -> None:
        hub = Hub(pair.north.exchange)
        poll = pair.south.bundle(pair.north)
        assert (await hub.run(hub.take, poll, hold=True)).answer is None, "a poll that may wait"
        assert (await hub.run(hub.take, poll, hold=True)).answer is not None
        await hub.run(pair.north.say)
        again = await hub.run(hub.take, poll, hold=True)
        assert again.answer is not None
        assert again.answer.messages == 1
        assert hub.patience(pair.south.log) <= 0
        fresh = await hub.run(hub.take, pair.south.bundle(pair.north), hold=True)
        assert fresh.answer is not None
        assert hub.patience(pair.south.log) > 0
        hub.close()

    with ChannelPair() as pair:
        asyncio.run(main(pair))


def test_a_replay_marks_no_receipt_as_told() -> None:
    async def main(pair: ChannelPair) -> None:
        hub = Hub(pair.north.exchange)
        old = pair.south.bundle(pair.north)
        await hub.run(hub.take, old, hold=False)
        pair.south.say()
        await hub.run(pair.north.receive, pair.south.bundle(pair.north))  # whose answer is lost
        assert await hub.run(hub._untold, pair.south.log)
        await hub.run(hub.take, old, hold=False)
        assert await hub.run(hub._untold, pair.south.log)
        await hub.run(hub.take, pair.south.bundle(pair.north), hold=False)
        assert not await hub.run(hub._untold, pair.south.log)
        hub.close()

    with ChannelPair() as pair:
        asyncio.run(main(pair))


def test_only_a_commit_says_that_the_disk_is_well_again() -> None:
    async def main(pair: ChannelPair) -> None:
        hub, node = Hub(pair.north.exchange), pair.north.node
        old = pair.south.bundle(pair.north)
        await hub.run(pair.north.receive, old)
        commit = node.commit

        def broken(change: Change) -> None:
            raise LocalError("disk.failed")

        node.commit = broken  # type: ignore[method-assign]
        with local("disk.failed"):
            await hub.run(pair.north.say)
        assert hub.health == "disk.failed"
        await hub.run(pair.north.receive, old)  # a replay, which writes nothing
        assert hub.health == "disk.failed"
        node.commit = commit  # type: ignore[method-assign]
        await hub.run(pair.north.say)
        assert hub.health == "ok"
        hub.close()

    with ChannelPair() as pair:
        asyncio.run(main(pair))
