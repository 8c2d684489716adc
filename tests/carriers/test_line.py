"""What delays a push: what a peer does not take delays itself, and nothing else."""

from __future__ import annotations

import asyncio
import hashlib

from ceasewire.carriers.hub import Hub
from ceasewire.carriers.line import Line
from ceasewire.carriers.logs import open_log
from faults.liar import Liar, several
from helpers import statement
from node.pair import ChannelPair


def _line(hub: Hub, pair: ChannelPair) -> Line:
    """South's line to north, without a network."""
    line = Line(hub, pair.north.log, None, open_log())

    async def post(data: bytes, wait: int) -> bytes:
        pair.north.receive(data)
        return pair.north.exchange.compose(pair.south.log, echo=hashlib.sha256(data).digest()).data

    line._post = post  # type: ignore[method-assign]
    return line


async def _pushes_now(line: Line) -> bool:
    wait = await line._until_push()
    return wait is not None and wait <= 0


def test_a_third_log_that_the_peer_refuses_delays_no_message_of_ours() -> None:
    async def main(pair: ChannelPair) -> None:
        hub = Hub(pair.south.exchange)
        line = _line(hub, pair)
        await line.talk()
        for number in range(4):
            await hub.run(pair.south.say, f"message {number}")
            assert await _pushes_now(line)
            await line.talk()
            assert pair.north.size(pair.south) == number + 1
        hub.close()

    with ChannelPair(("north", "south", "west")) as pair:
        west = pair["west"].log
        longer = Liar(pair.made, west).add(*several(5, lambda n: statement(text=f"a{n}")))
        other = Liar(pair.made, west).add(*several(3, lambda n: statement(text=f"b{n}")))
        pair.north.receive(longer.bundle(pair.north.log, longer.run()))
        pair.south.receive(other.bundle(pair.south.log, other.run()))
        asyncio.run(main(pair))


def test_a_relayed_log_delays_no_message_of_ours() -> None:
    async def main(pair: ChannelPair) -> None:
        hub = Hub(pair.south.exchange)
        line = _line(hub, pair)
        await line.talk()
        assert pair.north.size(pair["west"]) == 1, "by way of south"
        await hub.run(pair.south.say)
        assert await _pushes_now(line)
        hub.close()

    with ChannelPair(("north", "south", "west")) as pair:
        pair["west"].say()
        pair.sync("west", "south")
        asyncio.run(main(pair))


def test_what_the_peer_holds_is_not_sent_in_circles() -> None:
    async def main(pair: ChannelPair) -> None:
        hub = Hub(pair.south.exchange)
        line = _line(hub, pair)
        await hub.run(pair.south.say)
        assert await _pushes_now(line)
        await line.talk()
        wait = await line._until_push()
        assert wait is not None
        assert wait > 4
        hub.close()

    with ChannelPair() as pair:
        pair.south.clock.now += 10_000
        asyncio.run(main(pair))
