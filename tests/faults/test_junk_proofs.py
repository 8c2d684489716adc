"""A party with real keys fills its line checks with files that are no misconduct proofs. FAULTS E13; spec/bundle.md 40."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest

from ceasewire import limits
from ceasewire.node.carrying import recorded
from ceasewire.node.docket import DUE
from ceasewire.record import encoding
from ceasewire.record.encoding import Value
from ceasewire.record.message import Message
from ceasewire.record.misconduct import TAG
from crimes import Device
from helpers import START, make_party, seed_of, statement
from node.pair import ChannelPair, Side

from .accusing import EAST, MISSION, NORTH, PARTIES, SOUTH, proof, said, tell
from .liar import Liar

LINE_CHECK = 11
CARRIED = 18


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES) as made:
        yield made


def junk(pair: ChannelPair, count: int) -> list[bytes]:
    """Each claims that North signed two roots of one size, and one of its two signatures is good: no cheaper look tells what it is."""
    north = Device(pair.made.channel, NORTH, make_party("north"))
    bad = north.note(5, seed_of("bad")).split(b"\n\n")[1]
    found = []
    for n in range(count):
        forged = north.note(5, seed_of("other", n)).split(b"\n\n")[0] + b"\n\n" + bad
        found.append(encoding.encode([TAG, pair.made.channel.channel_id, 1, NORTH, [north.note(5, seed_of(n)), forged], []], 16))
    return found


def checks(proofs: Sequence[bytes]) -> list[Message]:
    """Line checks that carry them, eight in each."""
    eights: list[list[Value]] = [list(proofs[n : n + 8]) for n in range(0, len(proofs), 8)]
    return [Message(LINE_CHECK, START + 1, {}, seed_of("check", n)[:16], {0: [], 1: False, CARRIED: each}) for n, each in enumerate(eights)]


def bundle(pair: ChannelPair, to: int, messages: Sequence[Message]) -> bytes:
    """One of East's, with a run of these."""
    liar = Liar(pair.made, EAST).add(*messages)
    return liar.bundle(to, liar.run(note=liar.note(None, liar.own_line(liar.checkpoint(), "mldsa44"))))


def spent(side: Side, data: bytes) -> tuple[float, float]:
    """Seconds of the processor: to take a bundle of which nothing is refused, and then to read the record."""
    started = time.process_time()
    received = side.receive(data)
    taken = time.process_time()
    assert (received.refused, received.held) == ([], [])
    side.node.reading.two_faced()
    return taken - started, time.process_time() - taken


def test_a_bundle_full_of_junk_costs_less_than_an_honest_one_as_long(pair: ChannelPair) -> None:
    full = bundle(pair, SOUTH, checks(junk(pair, 1200)))
    texts = [statement(START + 1, text=f"{n} {'x' * 100}") for n in range(6000)]
    honest = bundle(pair, MISSION, texts[: 6000 * len(full) // len(bundle(pair, MISSION, texts))])
    assert 0.8 < len(honest) / len(full) < 1.25
    (take, read), (take_honest, read_honest) = spent(pair.south, full), spent(pair["mission"], honest)
    print(f"{len(full)} bytes: junk {take:.2f} s + {read:.2f} s, honest {take_honest:.2f} s + {read_honest:.2f} s")
    assert take < 0.75 * take_honest  # 0.2; it was 1.1 when each was looked at as it came
    assert take + read < 1.25 * (take_honest + read_honest)  # 0.6; the record looks at each, once


def held(side: Side) -> set[tuple[int, int]]:
    return {(one.log, one.kind) for one in side.node.store.proofs()}


def test_a_true_proof_behind_much_junk_waits_and_is_not_passed_over(pair: ChannelPair) -> None:
    """It is in the record at once, which is the same for whoever looked at all and for whoever did not."""
    liar = Liar(pair.made, NORTH).add(*said("true", 0, 5))
    tell(pair, "south", liar)
    tell(pair, "south", liar.fork(3, *said("false", 3, 5)))
    kept = proof(pair.south, "two_leaves")
    data = bundle(pair, MISSION, [*checks([*junk(pair, 3 * limits.MISCONDUCT_JUDGED_AT_ONCE), kept.data]), statement(START + 1)])
    mission = pair["mission"]
    assert mission.receive(data).refused == []
    assert held(mission) == set()
    assert mission.node.reading.two_faced() == {NORTH: 3}
    mission = mission.reopen()  # what waits is known to the store
    rounds = 0
    while mission.node.store.meta(DUE) != encoding.encode({}):
        mission.exchange.retry_shelf()
        rounds += 1
    assert rounds <= 3
    assert held(mission) == {(NORTH, kept.kind)}
    assert mission.node.store.states()[NORTH].frozen == "log.fork"
    assert (NORTH, kept.kind, EAST) in recorded(mission.node.store)
    assert mission.size(MISSION) == 0  # East's line check carries it for ever: ours need not
    assert mission.faults() == []
    pair.sync("south", "mission")
    assert pair.south.size(EAST) == mission.size(EAST)
    assert mission.node.reading.two_faced() == pair.south.node.reading.two_faced() == {NORTH: 3}


def test_of_one_log_so_many_are_looked_at_in_a_day_as_they_come(pair: ChannelPair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of each day's waits, the next day's first too if something waits still; and nobody else's wait for it."""
    monkeypatch.setattr(limits, "MISCONDUCT_JUDGED_PER_LOG_AND_DAY", 16)
    liar = Liar(pair.made, EAST)
    every = checks(junk(pair, 40))

    def send(*messages: Message) -> dict[int, int]:
        start = len(liar.messages)
        liar.add(*messages)
        note = liar.note(None, liar.own_line(liar.checkpoint(), "mldsa44"))
        assert pair.south.receive(liar.bundle(SOUTH, liar.run(start, note=note))).refused == []
        kept = pair.south.node.store.meta(DUE)
        return encoding.mapping(encoding.decode(kept)) if kept else {}  # type: ignore[return-value]

    monkeypatch.setattr(pair.south.exchange, "retry_shelf", lambda: 0)
    assert [send(one) for one in every[:3]] == [{}, {}, {EAST: 2}]
    pair.set_clock(START + 86400)
    assert send(every[3]) == {EAST: 2}
    monkeypatch.undo()
    pair.south.exchange.retry_shelf()
    assert send(every[4]) == {}
