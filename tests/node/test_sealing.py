"""Sealing keys that come and go, and what an old bundle may say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceasewire import limits
from ceasewire.exchange import bundle, seal
from ceasewire.node.node import GONE
from helpers import START, refused
from node.pair import ChannelPair, Side

DAY = 86_400


@pytest.fixture(params=[(), ("mission:guarantor",)], ids=["two", "three"])
def pair(request: pytest.FixtureRequest) -> Iterator[ChannelPair]:
    with ChannelPair.among(*request.param) as made:
        yield made


def sealed_to(data: bytes) -> bytes:
    return bundle.Header.decode(data).key_id


def keys(side: Side) -> list[tuple[bytes, int | None]]:
    return [(key.key_id, key.retired) for key in side.node.store.fresh_keys()]


def test_the_first_bundle_is_sealed_to_the_standing_key_and_the_next_to_a_fresh_one(pair: ChannelPair) -> None:
    first = pair.north.bundle(pair.south)
    assert sealed_to(first) == seal.key_id(pair.made.channel.logs[1].sealing)
    pair.south.receive(first)
    pair.north.receive(pair.south.bundle(pair.north))
    assert sealed_to(pair.north.bundle(pair.south)) == keys(pair.south)[0][0]


def test_a_key_is_replaced_a_day_after_it_was_made_once_it_was_used(pair: ChannelPair) -> None:
    for seconds, count in ((0, 1), (1, 1), (DAY - 1, 1), (DAY, 2), (DAY + 1, 2), (2 * DAY + 1, 3)):
        pair.set_clock(START + seconds)
        pair.sync("north", "south")
        assert len(keys(pair.south)) == count, seconds


def test_a_key_that_was_never_used_is_given_again(pair: ChannelPair) -> None:
    for day in range(4):
        pair.north.clock.now = START + day * DAY
        pair.north.bundle(pair.south)
    assert len(keys(pair.north)) == 1


def rotate(pair: ChannelPair) -> bytes:
    """South's first fresh key is replaced, and retired by north's use of the newer. A bundle still sealed to the first."""
    pair.sync("north", "south")
    pair.sync("north", "south")
    old = pair.north.bundle(pair.south)
    pair.set_clock(START + DAY + 1)
    pair.sync("north", "south")  # north is given the newer key
    pair.sync("north", "south")  # and uses it
    (first, retired), (_, used) = keys(pair.south)
    assert sealed_to(old) == first
    assert (retired, used) == (START + DAY + 1, None)
    return old


def test_a_retired_key_opens_for_seven_days(pair: ChannelPair) -> None:
    old = rotate(pair)
    pair.set_clock(START + DAY + 1 + limits.FRESH_KEY_DAYS * DAY)
    pair.south.receive(old)


def test_a_retired_key_is_dead_after_seven_days_though_nothing_came_meanwhile(pair: ChannelPair) -> None:
    old = rotate(pair)
    pair.set_clock(START + DAY + 2 + limits.FRESH_KEY_DAYS * DAY)
    with refused("bundle.key_gone"):
        pair.south.receive(old)
    pair.sync("north", "south")
    assert sealed_to(old) not in {key_id for key_id, _ in keys(pair.south)}
    secrets = [row for row in pair.south.dump()["fresh_key"] if sealed_to(old) in row]
    assert secrets == []


def test_a_key_that_is_gone_is_told_and_the_peer_falls_back(pair: ChannelPair) -> None:
    pair.sync("north", "south")
    pair.sync("north", "south")
    # South loses the keys that it gave, as after a restored store whose pen was kept (and was not behind).
    for key_id, _ in keys(pair.south):
        pair.south.node.commit(_dropping(key_id))
    pair.north.say("lost once")
    lost = pair.north.bundle(pair.south)
    with refused("bundle.key_gone"):
        pair.south.receive(lost)
    pair.north.receive(pair.south.bundle(pair.north))
    pair.sync("north", "south")
    assert pair.south.size(0) == 1
    pair.check()


def _dropping(key_id: bytes):  # type: ignore[no-untyped-def]
    from ceasewire.store.interface import Change  # noqa: PLC0415

    return Change(drop_fresh_keys=[key_id])


def test_a_carrier_may_fall_back_by_itself(pair: ChannelPair) -> None:
    pair.sync("north", "south")
    pair.north.exchange.forget_fresh_key(1)
    assert sealed_to(pair.north.bundle(pair.south)) == seal.key_id(pair.made.channel.logs[1].sealing)


def test_an_old_bundle_turns_back_neither_heads_nor_wants_nor_keys(pair: ChannelPair) -> None:
    pair.north.say("one")
    old = pair.north.bundle(pair.south)
    for text in ("two", "three"):
        pair.north.say(text)
        pair.sync("north", "south")
    before = pair.south.node.store.peers()[0]
    dumped = pair.south.dump(("checkpoint",))
    taken = pair.south.receive(old)
    assert (taken.messages, taken.again) == (0, 1)
    assert pair.south.node.store.peers()[0] == before
    assert pair.south.dump(("checkpoint",)) == dumped  # an older checkpoint is one more that its log signed


def test_an_overtaken_bundle_still_brings_its_messages(pair: ChannelPair) -> None:
    early = pair.north.bundle(pair.south)
    pair.north.say("one")
    late = pair.north.bundle(pair.south)
    pair.south.receive(pair.north.bundle(pair.south))
    pair.north.say("two")
    last = pair.north.bundle(pair.south)
    pair.south.receive(last)
    for data in (late, early):
        pair.south.receive(data)
    assert pair.south.size(0) == 2


def test_counters_rise_over_restarts(pair: ChannelPair) -> None:
    counters = []
    for _ in range(4):
        pair.south.receive(pair.north.reopen().bundle(pair.south))
        counters.append(pair.south.node.store.peers()[0].counter_in)
    assert counters == sorted(set(counters))


def test_strangers_who_name_keys_cost_one_commit_a_minute(pair: ChannelPair) -> None:
    """The key id stands in the clear header, so anybody can name one: that must neither wear the disk nor push out ids that were real."""
    header = bytearray(pair.north.bundle(pair.south)[: bundle.HEADER_BYTES])
    counter = pair.south.node.store.meta(GONE)
    for n in range(20):
        header[45:61] = bytes([n]) * 16
        with refused("bundle.key_gone"):
            pair.south.receive(bytes(header) + bytes(int.from_bytes(header[61:65], "big")))
    assert counter is None
    assert pair.south.node.store.meta(GONE) == bytes(16)
