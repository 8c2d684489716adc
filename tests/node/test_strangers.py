"""What a node takes of a log that it does not know: nothing, before its opening and then its bundle verify. FAULTS B3, B4, B7, G."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ceasewire import limits
from ceasewire.exchange import bundle, seal
from ceasewire.exchange.bundle import Contents, Run
from ceasewire.record import encoding
from ceasewire.record.message import Message, row
from ceasewire.record.opening import FIELD, Opening, sign_opening
from ceasewire.record.values import LogState
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.merkle import EMPTY_ROOT, Frontier
from helpers import START, TestParty, make_party, refused, seed_of, statement
from node.pair import NOT_THEIR_WORD, ChannelPair, Side

FOUR = ("north", "south", "mission:guarantor", "red-cross:observer")


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(FOUR) as made:
        yield made


@dataclass
class Stranger:
    """A later log of `of`'s party, forged or real: its keys are those of a test party named `name`."""

    of: Side
    name: str = "phone"
    predecessor: int | None = None
    signed_by: str | None = None

    @property
    def keys(self) -> TestParty:
        return make_party(self.name)

    @property
    def opening(self) -> Opening:
        channel, position = self.of.node.channel, self.of.node.channel.position(self.of.party.slug) or 0
        return Opening(channel.channel_id, position, self.keys.card.keys, self.predecessor, 0, EMPTY_ROOT)

    @property
    def file(self) -> bytes:
        recovery = self.of.made.parties[self.signed_by or self.of.party.slug]
        signers = [recovery.signers["recovery", "ed25519"], recovery.signers["recovery", "mldsa44"]]
        return sign_opening(
            self.opening, 0, signers + [self.keys.signers[u, a] for u in ("log", "receipt") for a in ("ed25519", "mldsa44")]
        )

    def run(self, *messages: Message, start: LogState | None = None) -> Run:
        """Messages of its log and its checkpoint over them."""
        state = start or LogState(self.opening.number, Frontier.empty(), 0, {})
        leaves = [row(state.number, state.size + n, one).leaf for n, one in enumerate(messages)]
        names = self.of.node.channel.with_openings([self.opening]).logs[self.opening.number]
        point = Checkpoint(names.origin, state.size + len(messages), state.frontier.extend(leaves).root())
        line = checkpoints.sign(point, names.log[0], self.keys.signers["log", "ed25519"])
        return Run(state.number, state.size, messages, SignedCheckpoint(point, (line,)).encode())

    def first(self, time: int = START, kind: int = 14, file: bytes | None = None) -> Message:
        return Message(kind, time, {}, seed_of(self.name)[:16], {0: [], 1: False, FIELD: self.file if file is None else file})

    def bundle(self, to: Side, *, by: TestParty | None = None, **more: Any) -> bytes:
        """A bundle of its own, with its opening and message 0 unless `more` says otherwise."""
        fields: dict[str, Any] = {"openings": [self.file], "runs": [self.run(self.first())], "heads": {}} | more
        return bundle.write(
            Contents(self.opening.number, 1, **fields).encode(),
            sender=self.opening.number,
            recipient=to.log,
            channel_id=to.node.channel.channel_id,
            sealing_key=to.node.names.sealing,
            sign=(by or self.keys).signers["log", "ed25519"],
            seal_to=seal.seal,
        )


def unchanged(side: Side, data: bytes, code: str) -> None:
    """The side refuses the bundle as a whole, and keeps nothing of it."""
    before = side.dump()
    with refused(code):
        side.receive(data)
    assert side.dump() == before
    assert side.node.channel.openings == side.node.reading.channel.openings == {}


def test_an_opening_and_then_the_bundle_that_brings_it(pair: ChannelPair) -> None:
    phone = Stranger(pair.north)
    data = phone.bundle(pair.south)
    taken = pair.south.receive(data)
    assert (taken.messages, taken.refused, taken.fresh) == (1, [], True)
    number = phone.opening.number
    assert pair.south.size(number) == 1
    assert pair.south.node.store.openings().keys() == {number}
    assert pair.south.reopen().node.channel.openings == {number: phone.opening}
    again = pair.south.receive(data)
    assert (again.messages, again.again, again.fresh) == (0, 1, False)


def test_nothing_is_kept_of_one_who_shows_no_good_opening(pair: ChannelPair) -> None:
    south, phone = pair.south, Stranger(pair.north)
    unchanged(south, phone.bundle(south, openings=[]), "log.unknown")
    unchanged(south, phone.bundle(south, openings=[Stranger(pair.north, "another").file]), "log.unknown")
    unchanged(south, phone.bundle(south, openings=[b"rubbish"]), "enc.malformed")
    unchanged(south, Stranger(pair.north, signed_by="mission").bundle(south), "sig.invalid")
    unchanged(south, phone.bundle(south, by=make_party("a thief without the new key")), "bundle.signature")
    unchanged(south, phone.bundle(south, sealing_key=bytes(limits.STRANGER_BYTES)), "log.unknown")


def test_a_stranger_s_number_that_no_log_can_have(pair: ChannelPair) -> None:
    south = pair.south
    for number in (4, 77, 2**31 + 4 * 2**24, 2**32 - 1):
        contents = Contents(number, 1, {}).encode()
        data = bundle.write(
            contents,
            sender=number,
            recipient=1,
            channel_id=south.node.channel.channel_id,
            sealing_key=south.node.names.sealing,
            sign=make_party("phone").signers["log", "ed25519"],
            seal_to=seal.seal,
        )
        unchanged(south, data, "log.unknown")


@pytest.mark.parametrize(
    "message",
    [
        lambda it: statement(),
        lambda it: it.first(kind=2),
        lambda it: it.first(file=b""),
        lambda it: it.first(file=Stranger(it.of, "another").file),
        lambda it: it.first(file=Stranger(it.of, signed_by="mission").file),
        lambda it: replace(it.first(), body={0: [], 1: False, 19: "https://north.example"}),
    ],
)
def test_message_0_of_a_later_log_is_its_opening(pair: ChannelPair, message: Any) -> None:
    phone = Stranger(pair.north)
    taken = pair.south.receive(phone.bundle(pair.south, runs=[phone.run(message(phone))]))
    assert (taken.messages, taken.refused) == (0, ["opening.message"])
    assert pair.south.size(phone.opening.number) == 0


def test_message_0_may_bear_another_signing_of_the_same_opening(pair: ChannelPair) -> None:
    """ML-DSA-44 signatures draw randomness: two good files of one opening differ, and say the same."""
    phone = Stranger(pair.north)
    other = phone.file
    assert other != phone.file
    taken = pair.south.receive(phone.bundle(pair.south, runs=[phone.run(phone.first(file=other))]))
    assert (taken.messages, taken.refused) == (1, [])
    assert pair.south.faults() == []


def test_an_opening_rides_with_a_guarantor_and_is_verified_there_too(pair: ChannelPair) -> None:
    mission, south, phone = pair["mission"], pair.south, Stranger(pair.north)
    forged = Stranger(pair.north, "forged", signed_by="mission").file
    contents = Contents(2, 1, {}, openings=[forged, phone.file], runs=[phone.run(phone.first())])
    taken = south.receive(pair.made.bundle(contents, 1))
    assert (taken.messages, taken.refused) == (1, ["sig.invalid"])
    assert set(south.node.channel.openings) == {phone.opening.number}
    assert mission.node.channel.openings == {}


def test_a_cosignature_of_a_log_that_the_peer_does_not_know_is_left_out(pair: ChannelPair) -> None:
    """South has a receipt by north's phone and knows its opening; the observer gets both, or neither."""
    pair.south.say()
    phone = pair.device("north", "phone")
    pair.sync("phone", "south")
    pair.sync("phone", "south")
    assert phone.log in pair.south.node.store.covered(1)
    report = pair.sync("south", "red-cross")
    assert report.error is None
    assert phone.log in pair["red-cross"].node.channel.openings
    assert phone.log in pair["red-cross"].node.store.covered(1)
    # Of a log of which nothing is held, neither the opening nor its receipts ride on.
    with sqlite3.connect(pair.south.folder.store_path) as db:
        db.execute("DELETE FROM message WHERE log = ?", (phone.log,))
        db.execute("DELETE FROM log_state WHERE number = ?", (phone.log,))
    db.close()
    pair.south.reopen()
    assert pair.sync("south", "mission").error is None
    assert phone.log not in pair["mission"].node.store.covered(1)


# --- Bounds ---


def fill(pair: ChannelPair) -> None:
    """North has as many later logs at south as it may have."""
    numbers = {}
    for n in range(limits.LATER_LOGS_PER_PARTY):
        stranger = Stranger(pair.north, f"thief-{n}")
        numbers[stranger.opening.number] = stranger.file
    contents = Contents(2, 1, {}, openings=list(numbers.values()))
    assert pair.south.receive(pair.made.bundle(contents, 1)).refused == []
    assert len(pair.south.node.channel.openings) == limits.LATER_LOGS_PER_PARTY


@pytest.mark.slow
def test_a_thief_of_a_recovery_key_opens_no_more_than_so_many_logs_and_holds_up_nobody(pair: ChannelPair) -> None:
    fill(pair)
    south, one_more, mission = pair.south, Stranger(pair.north, "one more"), pair["mission"]
    before = south.dump(NOT_THEIR_WORD)
    with refused("opening.refused"):
        south.receive(one_more.bundle(south))
    assert south.dump(NOT_THEIR_WORD) == before
    other = Stranger(pair.south, "south's own")
    assert south.receive(other.bundle(south)).messages == 1
    # The guarantor knows that log, and what it says after it is taken all the same: it will never come here.
    mission.receive(one_more.bundle(mission))
    mission.say("after it")
    pair.sync("mission", "south")
    assert south.size(mission) == 1
    assert [str(one["body"]["text"]) for one in south.node.messages(log="mission")] == ["after it"]
    assert south.faults() == []


def test_two_openings_that_share_a_key_freeze_both(pair: ChannelPair) -> None:
    """One key is one log's for ever: whoever opened both is convicted, and what others have seen of either holds up nobody."""
    south, mission = pair.south, pair["mission"]
    one, two = Stranger(pair.north), Stranger(pair.north, predecessor=0)
    assert one.opening.number != two.opening.number
    south.receive(one.bundle(south))
    mission.receive(two.bundle(mission))
    with refused("opening.refused"):
        south.receive(two.bundle(south))
    assert south.node.store.states()[one.opening.number].frozen == "opening.refused"
    assert {kept.code for kept in south.node.store.refused()} >= {"opening.refused"}
    mission.say("after the other")
    pair.sync("mission", "south")
    assert south.size(mission) == mission.size(mission) > 0
    assert south.node.store.shelved() == []
    assert south.faults() == []


def test_an_opening_with_another_party_s_key_is_refused(pair: ChannelPair) -> None:
    thief = Stranger(pair.north)
    keys = replace(make_party("phone").card.keys, sealing=pair["mission"].node.names.sealing)
    opening = replace(thief.opening, keys=keys)
    signers = [pair.north.party.signers["recovery", a] for a in ("ed25519", "mldsa44")]
    signers += [thief.keys.signers[u, a] for u in ("log", "receipt") for a in ("ed25519", "mldsa44")]
    contents = Contents(2, 1, {}, openings=[sign_opening(opening, 0, signers)])
    taken = pair.south.receive(pair.made.bundle(contents, 1))
    assert taken.refused == ["opening.refused"]
    assert pair.south.node.store.states() == {}


def test_the_first_bundle_of_a_later_log_is_short_and_the_rest_follows(pair: ChannelPair) -> None:
    phone = pair.device("north", "phone")
    phone.node.send_many([("statement", {"text": f"{n} " + "x" * 15_000}) for n in range(40)])
    first = phone.exchange.compose(pair.south.log)
    assert (first.messages, first.more) == (1, True)
    assert len(first.data) < limits.STRANGER_BYTES
    assert pair.sync("phone", "south").receipted == 41
    file, count = phone.exchange.write_file(pair["mission"].log)
    assert count == 41
    assert sum(taken.messages for taken in pair.deliver(file)) == 41
    assert encoding.decode(phone.node.store.openings()[phone.log], 10**5) is not None
