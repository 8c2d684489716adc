"""What a carried proof of two histories does to the record: the same on every node, in whatever order things come."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from ceasewire.errors import LocalError
from ceasewire.record.conviction import TWO_FACES, Court, two_faced
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import Body, Message, entry_of, row
from ceasewire.record.misconduct import Maker, PlacedEntry, open_misconduct
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from crimes import ROOT, Device, History, entry
from node.pair import ChannelPair, Side

PARTIES = ("north", "south", "mission:guarantor")
MORE = (*PARTIES, "west")  # of which north and west are accused, and say no more
HISTORIES = 12


def forked(pair: ChannelPair, side: Side, index: int, holder: Side) -> bytes:
    """A proof that a log has another entry at an index than the one that `holder` holds; made with the log's own key."""
    node = holder.node
    held_row = node.row((side.log, index))
    kept = node.store.next_checkpoint(side.log, index + 1)
    assert kept is not None
    path = tuple(merkle.inclusion_path(node.node_reader(side.log), index, kept.size))
    held = PlacedEntry(entry_of(held_row).encode(), index, path, node.note(kept).encode())
    device = Device(node.channel, side.log, side.party)
    leaves = [entry(n) for n in range(index)]
    other = History(device, [*leaves, entry(index, root=ROOT)])
    return Maker(node.channel, side.log).two_leaves(held, other.placed(index))


def carry(side: Side, *proofs: bytes) -> None:
    """A line check with proofs, and with bytes that are none."""
    given = [base64.b64encode(one).decode() for one in proofs]
    side.node.send("line_check", {"misconduct": given})


def voids(side: Side, of: Side) -> list[str | None]:
    """The codes of a log's messages, by index."""
    found = {str(one["ref"]): one["void"] for one in side.node.messages(log=of.slug)}
    return [found[f"{of.slug}/{n}"] for n in range(side.size(of))]


def test_entries_from_the_lowest_proved_index_on_do_not_stand() -> None:
    with ChannelPair(PARTIES) as pair:
        for n in range(6):
            pair.north.say(f"statement {n}")
        pair.north.node.send("notification", {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala"})
        pair.settle(2)
        south, mission = pair.south, pair["mission"]
        assert len(south.node.cases()) == 1
        high, low = forked(pair, pair.north, 5, south), forked(pair, pair.north, 3, mission)
        carry(south, b"no proof", high)
        assert voids(south, pair.north) == [None] * 5 + [TWO_FACES] * 2
        assert voids(mission, pair.north) == [None] * 7
        assert south.node.cases() == []
        assert south.node.show((0, 6))["void"] == TWO_FACES
        pair.settle(2, without=("north",))
        assert voids(mission, pair.north) == [None] * 5 + [TWO_FACES] * 2
        carry(mission, low, high)
        pair.settle(2, without=("north",))
        assert voids(south, pair.north) == [None] * 3 + [TWO_FACES] * 4
        assert south.shown() == mission.shown()
        assert south.faults() == []
        # The line check itself stands, whatever else it carries.
        assert voids(south, south)[-1] is None


def test_what_proves_no_second_history_takes_nothing_from_the_record() -> None:
    with ChannelPair(PARTIES) as pair:
        pair.north.say()
        pair.settle(1)
        device = Device(pair.south.node.channel, 0, pair.north.party)
        receipts = [device.receipt(1, size, ROOT, 1_772_323_200 + 9 - size) for size in (7, 5)]
        proof = Maker(device.channel, 0).shrinking_receipt(1, *receipts)
        assert open_misconduct(proof, device.channel).convicts
        carry(pair.south, proof)
        pair.settle(1, without=("north",))
        assert voids(pair.south, pair.north) == [None] == voids(pair["mission"], pair.north)


def expected(side: Side) -> dict[tuple[int, int], str | None]:
    """What the pure function says of all rows that a side holds."""
    rows = list(side.node.store.scan())
    bounds = two_faced(Court(side.node.channel), rows)
    return {(one.log, one.index): TWO_FACES if one.index >= bounds.get(one.log, one.index + 1) else one.void for one in rows}


def listed(side: Side) -> dict[tuple[int, int], str | None]:
    return {side.node.ref(str(one["ref"])): one["void"] for one in side.node.messages()}


@pytest.mark.parametrize("number", range(HISTORIES))
def test_every_order_gives_one_record(number: int) -> None:
    draw = random.Random(number)
    with ChannelPair(MORE, seed=number) as pair:
        for _ in range(draw.randrange(5, 15)):
            draw.choice(list(pair)).say("x" * draw.randrange(1, 50))
            if draw.random() < 0.2:
                pair.sync(*draw.sample(list(pair.sides), 2))
        sides: Sequence[Side] = [pair.south, pair["mission"]]
        for _ in range(draw.randrange(4, 12)):
            carrier, accused = draw.choice(sides), draw.choice((pair.north, pair["west"]))
            held = carrier.size(accused)
            if held and draw.random() < 0.7:
                carry(carrier, *draw.sample([b"junk", forked(pair, accused, draw.randrange(held), carrier)], draw.choice((1, 2))))
            else:
                carrier.say()
            if draw.random() < 0.4:
                pair.sync(*draw.sample([one.slug for one in sides], 2))
            if draw.random() < 0.2:
                with suppress(LocalError):  # an honest device that hears of the proof closes its log
                    pair.sync(accused.slug, carrier.slug)
            side = draw.choice(sides)
            if draw.random() < 0.5:
                assert listed(side) == expected(side)
        for side in sides:
            assert listed(side) == expected(side)
            grown = side.shown()
            side.node.projection.rebuild(lambda _done, _total: None)
            assert side.shown() == grown, side.slug
            assert side.faults() == []


def test_a_proof_speaks_for_itself_whoever_carries_it() -> None:
    """Carried by another party, in a line check that is void too; against a further device, whose opening it bears."""
    with ChannelPair(PARTIES) as pair:
        phone = pair.device("north", "phone")
        pair.settle(2)
        phone.node.send_many([("statement", {"text": f"statement {n}"}) for n in range(4)])
        pair.settle(2)
        node = pair.south.node
        key, sign = node.channel.logs[phone.log].log[0], phone.node.pen.sign_log
        points = [Checkpoint(key.name, 3, root) for root in (node.root(phone.log, 3), ROOT)]
        notes = [SignedCheckpoint(one, (checkpoints.sign(one, key, sign),)).encode() for one in points]
        proof = Maker(node.channel, phone.log, node.store.openings()[phone.log]).two_faces(*notes)
        assert open_misconduct(proof, pair.made.channel).log == phone.log  # by the charter alone
        north = pair.north.node
        body: Body = {0: [], 1: False, 18: [proof], 16: "not receipts"}
        rows = [row(log, 0, Message(KINDS["line_check"], 0, {}, bytes(16), body)) for log in (0, 1)]
        assert two_faced(Court(north.channel), rows[:1]) == {}
        assert two_faced(Court(north.channel), [replace(rows[1], void="body.schema")]) == {phone.log: 2}
        carry(pair.north, proof)
        pair.settle(1, without=("phone",))
        name = north.channel.logs[phone.log].slug
        assert {one["void"] for one in north.messages(log=name)} == {None}  # its own party's word takes nothing from the record
        carry(pair.south, proof)
        pair.settle(2, without=("phone",))
        for side in (pair.north, pair.south, pair["mission"]):
            found = {str(one["ref"]).rpartition("/")[2]: one["void"] for one in side.node.messages(log=name)}
            assert [found[str(n)] for n in range(5)] == [None, None, *[TWO_FACES] * 3]
        assert pair.north.shown() == pair.south.shown() == pair["mission"].shown()


def test_a_proof_behind_garbage_is_kept_by_whoever_holds_the_line_check() -> None:
    """Else the record would count what nobody passes on, and a liar would take away entries that are convicted nowhere."""
    with ChannelPair(MORE) as pair:
        north, south, mission, west = (pair[slug] for slug in ("north", "south", "mission", "west"))
        for n in range(6):
            north.say(f"statement {n}")
        pair.settle(2)
        proof = forked(pair, north, 3, south)
        west.node.settled.add(proof)  # it carries what it does not keep
        carry(west, b"garbage", proof)
        pair.settle(2, without=("north",))
        for side in (south, mission):
            assert [(one.log, one.from_index) for one in side.node.store.proofs()] == [(north.log, 3)]
            assert side.node.store.states()[north.log].frozen == "log.fork"
            assert voids(side, north) == [None] * 3 + [TWO_FACES] * 3
