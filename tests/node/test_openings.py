"""Several logs a party: rotated keys, further devices, a stolen phone; three logs and more. PROTOCOL sections 7 and 11; FAULTS B6, B7."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest

from ceasewire.folder import log_signers, new_seeds, public_keys, signer, signer_pq
from ceasewire.pen import Seeds
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import message_of
from ceasewire.record.opening import Opening, sign_opening
from ceasewire.record.values import Cosignature
from ceasewire.store.interface import Change
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.merkle import EMPTY_ROOT
from ceasewire.tlog.note import COSIGNATURE_ED25519
from helpers import START, local, refused
from node.pair import ChannelPair, Side

THREE = ("north", "south", "mission:guarantor")
NOTIFICATION = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala", "accused": "south"}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(THREE) as made:
        yield made


def kinds(side: Side, log: int) -> list[int]:
    return [one.kind for one in side.node.store.rows(log, 0, 1000)]


def voids(side: Side, log: Side | int) -> list[object]:
    name = side.node.channel.log_name(log if isinstance(log, int) else log.log)
    return [one["void"] for one in side.node.messages(log=name)]


# --- Rotation ---


def test_a_rotated_log_goes_on_under_new_keys_and_cosigns_everything_anew(pair: ChannelPair) -> None:
    north, south = pair.north, pair.south
    north.say("before")
    south.say("south's")
    pair.settle(1)
    old = north.node.pen.public()
    north.rotate()
    assert north.log > 2**31
    assert north.node.pen.public() != old
    assert north.say("after").as_json() == {"ref": f"{north.node.names.slug}/1", "size": 2}
    for by in (south, pair["mission"]):
        report = pair.sync("north", by.slug)
        assert (report.error, report.receipted) == (None, 2)
        assert by.node.channel.successors_of(0) == (north.log,)
    pair.settle()
    # South's own log is receipted by the old device and by the new.
    assert {0, north.log} <= set(south.node.store.covered(1))
    # Each other log's first entry that sees the successor is a line check.
    assert kinds(south, 1) == [KINDS["statement"], KINDS["line_check"]]
    assert kinds(south, 2) == [KINDS["line_check"]]
    assert voids(south, 0) == [None]
    pair.check()


def test_an_opening_is_passed_on_by_whoever_holds_it(pair: ChannelPair) -> None:
    """North never talks with south again: the guarantor brings the opening, the messages, and the receipts back."""
    north, south, mission = pair.north, pair.south, pair["mission"]
    north.say("before")
    pair.settle(1)
    north.rotate()
    north.say("after")
    for _ in range(3):
        pair.sync("north", "mission")
        pair.sync("south", "mission")
    assert south.size(north) == 2
    assert south.log in north.node.store.covered(north.log)
    assert north.node.closed is mission.node.closed is None
    pair.check()


@pytest.mark.parametrize("times", [1, 2])
def test_who_has_not_heard_of_a_rotation_is_answered_all_the_same(pair: ChannelPair, times: int) -> None:
    """South knows north's first log alone and writes to it. Nobody else is there to tell it."""
    north, south = pair.north, pair.south
    north.say("before")
    pair.settle(1)
    for _ in range(times):
        north.rotate().say("after")
    south.say("to the log I know")
    with refused("bundle.key_gone"):  # the fresh key that the old log gave is gone with it
        north.receive(south.bundle(0))
    south.exchange.forget_fresh_key(0)
    talk = south.exchange.talk(0)
    data = next(talk)
    assert north.receive(data).messages == 1
    with pytest.raises(StopIteration):
        talk.send(north.bundle(south))
    assert north.log in south.node.channel.openings
    pair.settle()
    assert len(list(south.node.messages(kind="statement"))) == times + 2
    pair.check()


def test_a_log_rotated_twice_and_a_party_that_was_away(pair: ChannelPair) -> None:
    """The third log has seen the second, which replaced the first: its first entry after its opening is a line check."""
    north = pair.north
    north.say("first log")
    logs = [0]
    for n in range(2):
        north.rotate().say(f"log {n + 2}")
        logs.append(north.log)
        pair.sync("north", "mission")
    pair.sync("north", "south")
    pair.settle()
    assert [pair.south.size(log) for log in logs] == [1, 2, 3]
    assert len(pair.south.node.channel.live_logs()) == 3
    pair.check()


def test_the_rotated_log_writes_down_the_receipts_of_the_log_before_it(pair: ChannelPair) -> None:
    pair.north.say("before")
    pair.settle(1)
    pair.north.rotate()
    pair.north.node.send("line_check", {})
    row = pair.north.node.store.row(pair.north.log, 1)
    assert row is not None
    written = message_of(row).body[16]
    assert [(one[1], one[3]) for one in written] == [(0, 1), (0, 2)]  # type: ignore[index, union-attr]
    pair.north.node.send("line_check", {})
    second = pair.north.node.store.row(pair.north.log, 2)
    assert second is not None
    assert 16 not in message_of(second).body


def test_a_rolled_back_log_goes_on_in_a_successor(pair: ChannelPair) -> None:
    """Section 6: it is closed until a successor is opened, and reads its own messages back from the others."""
    north = pair.north
    north.say("one")
    pair.settle(1)
    kept = north.folder.store_path.read_bytes()
    north.close()
    kept = north.folder.store_path.read_bytes()
    north.open().say("two")
    pair.settle(1)
    north.close()
    for name in ("store.sqlite-wal", "store.sqlite-shm"):
        (north.folder.path / name).unlink(missing_ok=True)
    north.folder.store_path.write_bytes(kept)
    north.open()
    with local("log.closed"):
        north.say()
    north.rotate().say("three")
    assert north.node.channel.openings[north.log].size == 1
    pair.settle()
    assert [str(one["body"]["text"]) for one in north.node.messages(kind="statement")] == ["one", "two", "three"]
    assert voids(pair.south, 0) == [None, None]  # the second stands by what the others had seen
    pair.check()


# --- Further devices ---


@pytest.mark.parametrize("source", ["north", "south", "mission"])
def test_a_further_device_catches_up_from_any_peer(pair: ChannelPair, source: str) -> None:
    for side in pair:
        side.say(f"{side.slug}'s")
    pair.settle(1)
    phone = pair.device("north", "phone")
    assert phone.node.store.states().keys() == {phone.log}
    phone.say("from the phone")
    for _ in range(2):
        pair.sync("phone", source)
    assert [phone.size(log) for log in range(3)] == [1, 1, 1]
    pair.settle()
    assert pair.north.node.channel.called_logs == (0, 1, 2)
    assert {1, 2, phone.log} <= set(pair.north.node.store.covered(0))
    assert 0 in phone.node.store.covered(phone.log)
    pair.check()


def test_a_party_s_receipt_is_one_whichever_device_gave_it(pair: ChannelPair) -> None:
    sent = pair.north.node.send("notification", NOTIFICATION)
    phone = pair.device("south", "phone")
    pair.sync("phone", "north")
    pair.sync("phone", "north")
    assert phone.size(0) == 1
    receipts = pair.north.node.receipts((0, sent.index))
    assert [one["by"] for one in receipts] == ["south"]
    other = pair.device("north", "office")
    pair.sync("office", "north")
    pair.sync("office", "north")
    assert other.log in pair.north.node.store.covered(0)
    assert pair.north.node.receipts((0, sent.index)) == receipts  # what a party's own devices say to each other is none


# --- Theft ---


def stolen(pair: ChannelPair) -> tuple[Side, Side]:
    """North's phone, known to all, was stolen after three messages; the office opens a successor on a new one."""
    phone = pair.device("north", "phone")
    phone.say("mine")
    pair.settle()
    new = pair.device("north", "new-phone", phone.node.names.slug)
    return phone, new


def test_a_stolen_phone_s_late_entries_do_not_stand(pair: ChannelPair) -> None:
    """What all held at the theft stands; what the thief gives to the guarantor, and lets nobody else see in time, does not."""
    phone, new = stolen(pair)
    size = phone.size(phone)
    assert new.node.channel.openings[new.log].size == size
    pair.sync("new-phone", "north")
    pair.sync("new-phone", "south")
    pair.sync("south", "mission")
    pair.sync("south", "mission")
    phone.say("we give up the ridge")
    # The guarantor takes what its own log signed and receipts it; but its first entry after the successor has seen less.
    data = phone.bundle(pair["mission"])
    assert pair["mission"].receive(data).messages == 1
    pair.settle_all_but("phone")
    for side in (pair.north, pair.south, pair["mission"], new):
        assert voids(side, phone) == [None] * size + ["log.replaced"]
    assert pair.south.shown() == pair.north.shown() == pair["mission"].shown() == new.shown()


def test_what_another_had_seen_before_it_heard_of_the_theft_stands(pair: ChannelPair) -> None:
    """B6: delivered before, and only then marked; south alone held it."""
    phone, new = stolen(pair)
    size = phone.size(phone)
    phone.say("sent before the theft was known")
    pair.sync("phone", "south")
    pair.settle_all_but("phone")
    for side in (pair.north, pair.south, pair["mission"], new):
        assert voids(side, phone) == [None] * (size + 1)


def test_a_device_that_was_replaced_gets_nothing_more_and_closes(pair: ChannelPair) -> None:
    phone, new = stolen(pair)
    pair.sync("new-phone", "south")
    pair.south.say("not for the thief")
    before = phone.size(pair.south)
    pair.sync("phone", "south")
    assert phone.size(pair.south) == before
    assert phone.node.closed == "log.replaced"
    assert phone.node.channel.successors_of(phone.log) == (new.log,)
    with local("log.replaced"):
        phone.say()
    with local("log.replaced"):
        phone.bundle(pair.south)
    assert phone.reopen().node.closed == "log.replaced"
    known = phone.node.store.peers()[1]
    assert known.told == "log.replaced"


def test_a_thief_s_flash_rings_nobody(pair: ChannelPair) -> None:
    phone, _ = stolen(pair)
    rung: list[str] = []
    pair.south.exchange.on_flash.append(rung.append)
    pair.sync("new-phone", "south")
    phone.node.send("flash", {"phrase": "cease_now"})
    pair.south.receive(phone.bundle(pair.south))
    assert rung == []
    pair.north.node.send("flash", {"phrase": "cease_now"})
    pair.sync("north", "south")
    assert rung == ["north/0"]


def test_two_successors_of_one_log_are_both_valid(pair: ChannelPair) -> None:
    """B7 as PROTOCOL has it: no consent is needed."""
    phone, new = stolen(pair)
    other = pair.device("north", "third-phone", phone.node.names.slug)
    for side in (new, other):
        side.say(f"from {side.slug}")
    pair.settle_all_but("phone")
    for side in (new, other):
        assert side.node.closed is None
        assert voids(pair.south, side) == [None, None, *[None] * (side.size(side) - 2)]
    assert set(pair.south.node.channel.successors_of(phone.log)) == {new.log, other.log}
    assert voids(pair.south, phone) == [None] * phone.size(phone)


def test_a_line_check_that_sees_a_successor_writes_down_the_receipts_of_the_log_before(pair: ChannelPair) -> None:
    """South holds a receipt of the guarantor for more than it had seen itself in its last entry."""
    phone, new = stolen(pair)
    pair.sync("new-phone", "south")
    rows = pair.south.node.store.rows(1, 0, 100)
    assert rows[-1].kind == KINDS["line_check"]
    written = message_of(rows[-1]).body[16]
    found = {(one[1], one[3]) for one in written if one[1] == phone.log}  # type: ignore[index, union-attr]
    assert found >= {(phone.log, 1), (phone.log, 2)}
    assert rows[-1].time >= START
    assert new.log in pair.south.node.store.states()[1].seen


def test_whoever_copies_a_sealing_key_into_its_own_opening_harms_nobody_else(pair: ChannelPair) -> None:
    """It stands in the opening for everybody to read, and signs nothing."""
    north, south, mission = pair.north, pair.south, pair["mission"]
    south.say("before")
    pair.settle(1)
    south.rotate()
    pair.settle(2)
    channel, seeds = north.node.channel, new_seeds()
    keys = replace(public_keys(seeds), sealing=channel.openings[south.log].keys.sealing)
    copied = Opening(channel.channel_id, 0, keys, None, 0, EMPTY_ROOT)
    recovery = [signer(north.party.seeds["recovery", "ed25519"]), signer_pq(north.party.seeds["recovery", "mldsa44"])]
    file = sign_opening(copied, 0, [*recovery, *log_signers(seeds)])
    north.node.store.commit(Change(openings={copied.number: file}))
    for side in (mission, south):
        pair.sync("north", side.slug)
        assert side.node.store.states()[south.log].frozen is None
    south.say("again")
    assert pair.sync("south", "mission").error is None
    assert mission.size(south) == south.size(south)


def test_two_openings_of_one_number_keep_nobody_else_apart(pair: ChannelPair) -> None:
    """Its 24 bits are found twice in a second. South knows the one, the mission the other, and both have receipts by it on their logs."""
    north, south, mission = pair.north, pair.south, pair["mission"]
    north.say("before")
    pair.settle(2)
    ones = openings_of_one_number(north)
    for (opening, seeds, file), side in zip(ones, (south, mission), strict=True):
        side.say("receipted by it")
        side.node.store.commit(Change(openings={opening.number: file}))
        side.reopen()
        kept = side.node.store.newest_checkpoint(side.log)
        assert kept is not None
        signed = side.node.checkpoint(kept)
        line = checkpoints.sign(signed, side.node.channel.logs[opening.number].receipt[0], signer(seeds.receipt_ed25519), START)
        found = Cosignature(side.log, signed.size, opening.number, COSIGNATURE_ED25519, START, line.blob[8:])
        side.node.store.commit(Change(cosignatures=[found]))
    for _ in range(3):
        pair.sync("south", "mission")
        south.say("on")
        mission.say("on")
    pair.sync("south", "mission")
    assert (south.size(mission), mission.size(south)) == (mission.size(mission), south.size(south))


def openings_of_one_number(side: Side) -> list[tuple[Opening, Seeds, bytes]]:
    """Two, each with keys of its own."""
    channel, seeds = side.node.channel, (new_seeds(), new_seeds())
    keys, found = [public_keys(one) for one in seeds], dict[int, Opening]()
    party, n = channel.party_of(side.log), 0
    while True:
        n += 1
        one, other = (Opening(channel.channel_id, party, each, side.log, 1, sha256(b"%d" % n).digest()) for each in keys)
        found[one.number] = one
        if other.number in found:
            break
    recovery = [signer(side.party.seeds["recovery", "ed25519"]), signer_pq(side.party.seeds["recovery", "mldsa44"])]
    both = (found[other.number], other)
    return [(one, each, sign_opening(one, 0, [*recovery, *log_signers(each)])) for one, each in zip(both, seeds, strict=True)]
