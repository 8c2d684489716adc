"""A request that was sent, and everything that either side may try to have proved that none was. spec/silence.md, "Why it is enough".

The liars have real keys and all files. Either the verifier refuses what they make, by the code of its step; or they had to sign something
that convicts them; or the proof says no more than what is true: that the witness had not seen it by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from ceasewire.errors import PeerError
from ceasewire.node import silence
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import Entry, Message, entry_of, message_of, row
from ceasewire.record.misconduct import Maker, PlacedEntry, open_misconduct
from ceasewire.record.silence import Claim, Listing, Silence, Stretch, packed, unpacked
from ceasewire.record.values import Row
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.merkle import Frontier
from ceasewire.verifier import Trust, verify
from faults.liar import Liar
from helpers import START, local, refused, statement
from node.pair import ChannelPair, Side

REQUEST, LINE_CHECK = KINDS["request"], KINDS["line_check"]
ASKED = {"questions": ["Who fired on Kala?"]}
NORTH, SOUTH, MISSION = 0, 1, 2
DAY = 86400


def at(day: float) -> int:
    return START + int(day * DAY)


def days_pass(pair: ChannelPair, *days: float) -> None:
    for day in days:
        pair.set_clock(at(day))
        for side in pair:
            side.node.send("line_check", {})
        pair.settle(2)


@pytest.fixture
def asked() -> Iterator[ChannelPair]:
    """North asked on the second day, and all have it; line checks of five days."""
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        days_pass(pair, 0, 1)
        pair.set_clock(at(2))
        pair.north.node.send("request", ASKED)
        pair.settle(1)
        days_pass(pair, 2.5, 3, 4)
        yield pair


def judged(pair: ChannelPair, proof: Silence) -> str | None:
    """The verifier's code; None if it holds."""
    report = verify(proof.encode(), Trust(pair.made.signed.encode()))
    assert (report.verdict == "valid") == (report.code is None)
    return report.code


def of_kind(pair: ChannelPair, kind: str, since: float, until: float) -> Silence:
    """The honest proof of another kind, over the same entries."""
    found = Silence.decode(silence.prove(pair.south.node, KINDS[kind], NORTH, at(since), at(until)))
    assert judged(pair, found) is None
    return found


def rows(side: Side, log: int) -> list[Row]:
    return side.node.store.rows(log, 0, side.size(log))


def entries(side: Side, log: int) -> list[Entry]:
    return [entry_of(one) for one in rows(side, log)]


def shown(proof: Silence, some: Sequence[Entry], notes: Sequence[bytes] | None = None) -> Silence:
    (one,) = proof.stretches
    return replace(proof, stretches=(replace(one, chunks=tuple(packed(some)), notes=tuple(notes) if notes else one.notes),))


def test_no_node_makes_one(asked: ChannelPair) -> None:
    for side in asked:
        with local("silence.broken"):
            silence.prove(side.node, REQUEST, NORTH, at(1.5), at(3.5))


def test_an_entry_left_out_or_of_another_kind_gives_another_root(asked: ChannelPair) -> None:
    honest = of_kind(asked, "notice", 1.5, 3.5)
    proof = replace(honest, claim=replace(honest.claim, kind=REQUEST))
    assert judged(asked, proof) == "silence.broken"
    (one,) = proof.stretches
    whole = entries(asked.south, NORTH)[one.start.size :][: sum(len(chunk.kinds) for chunk in unpacked(one.chunks))]
    without = [each for each in whole if each.kind != REQUEST]
    changed = [replace(each, kind=LINE_CHECK) if each.kind == REQUEST else each for each in whole]
    assert judged(asked, shown(proof, without)) == "silence.entries"
    assert judged(asked, shown(proof, changed)) == "silence.entries"
    assert judged(asked, shown(proof, [*without, without[-1]])) == "silence.entries"
    later = Stretch(one.log, Frontier.empty().extend([bytes(32)] * 3), one.notes[1:], tuple(packed(whole[1:])))
    assert judged(asked, replace(proof, stretches=(later,))) == "silence.begins", "it cannot begin behind it"


def test_less_than_the_witness_had_seen_is_not_enough(asked: ChannelPair) -> None:
    """The receiver cuts its copy before the request, and signs a new receipt over so much."""
    honest = of_kind(asked, "notice", 1.5, 3.5)
    claim = replace(honest.claim, kind=REQUEST)
    before = next(one.index for one in rows(asked.south, NORTH) if one.kind == REQUEST)
    cut = Liar(asked.made, NORTH).add(*[message_of(one) for one in rows(asked.south, NORTH)[:before]])
    point = cut.checkpoint()
    lines = [asked.made.receipt_line(point, SOUTH, time=at(3.6))]
    kept = asked.south.node.store.checkpoint(NORTH, before)
    assert kept
    known = [line for line in asked.south.node.note(kept).lines if "mission" in line.name]
    note = SignedCheckpoint(point, (cut.own_line(point), *lines, *known)).encode()
    stretch = Stretch(NORTH, Frontier.empty(), (note,), tuple(packed(entries(asked.south, NORTH)[:before])))
    assert judged(asked, replace(honest, claim=claim, stretches=(stretch,))) == "silence.ends"
    own = replace(honest.listings[0], entry=replace(honest.listings[0].entry, seen={NORTH: before}))
    assert judged(asked, replace(honest, claim=claim, listings=(own, honest.listings[1]), stretches=(stretch,))) == "merkle.inclusion"
    for by in (SOUTH, NORTH, -1):
        assert judged(asked, replace(honest, claim=replace(claim, by=by), stretches=(stretch,))) == "silence.witness"
    with refused("misconduct.unproved"):
        Maker(asked.north.node.channel, NORTH).two_faces(note, asked.north.node.note(kept).encode())


def test_where_there_is_no_third_the_receivers_lie_is_its_conviction() -> None:
    """Two parties alone: south gave a receipt for the request, and later another, for less; and an entry that has seen less."""
    with ChannelPair(("north", "south")) as pair:
        north, made = pair.north, pair.made
        for day in (0, 1):
            pair.set_clock(at(day))
            north.node.send("line_check", {})
        pair.set_clock(at(2))
        north.node.send("request", ASKED)
        point = Liar(made, NORTH).add(*[message_of(one) for one in rows(north, NORTH)]).checkpoint()
        south = Liar(made, SOUTH)
        north.receive(south.bundle(NORTH, checkpoints=(south.receipt(point, at(2.1)),)))
        assert north.node.receipts((NORTH, 2)), "north holds the receipt"

        south.add(statement(at(4), seen={NORTH: 2}, f1=False))
        less = Liar(made, NORTH).add(*[message_of(one) for one in rows(north, NORTH)[:2]])
        receipt = south.receipt(less.checkpoint(), at(4))
        stretch = Stretch(NORTH, Frontier.empty(), (receipt,), tuple(packed(entries(north, NORTH)[:2])))
        own = entry_of(row(SOUTH, 0, south.messages[0]))
        listing = Listing(SOUTH, 0, own, (), south.note())
        claim = Claim(REQUEST, NORTH, at(1.5), at(3.5), SOUTH, SOUTH)
        proof = Silence(pair.made.channel.channel_id, claim, (listing,), (stretch,), ())
        report = verify(proof.encode(), Trust(made.signed.encode()))
        assert report.verdict == "valid", "as far as south's word goes"
        assert report.about["silence"]["weaker"] is True

        kept = north.node.store.checkpoint(NORTH, 3)
        assert kept
        whole, maker = north.node.note(kept).encode(), Maker(made.channel, SOUTH)
        assert open_misconduct(maker.shrinking_receipt(NORTH, whole, receipt), made.channel).kind == "shrinking_receipt"
        placed = PlacedEntry(own.encode(), 0, (), listing.note)
        assert open_misconduct(maker.unseen(NORTH, whole, placed), made.channel).kind == "false_seen"


def test_another_history_for_the_witness_is_two_faces() -> None:
    """North shows mission a history without the request."""
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        one, other = Liar(pair.made, NORTH), Liar(pair.made, NORTH)
        first = statement(at(0), f1=False)
        one.add(first, Message(REQUEST, at(2), {}, bytes(16), {0: [], 1: False, 16: ["Who fired?"]}))
        other.add(first, statement(at(2), text="Nothing to ask.", f1=False))
        for side in pair:
            side.clock.now = at(2)
        pair.south.receive(one.bundle(SOUTH, one.run()))
        pair["mission"].receive(other.bundle(MISSION, other.run()))
        assert pair.south.size(NORTH) == pair["mission"].size(NORTH) == 2
        for day in (4, 5):
            pair.set_clock(at(day))
            for side in (pair.south, pair["mission"]):
                side.node.send("line_check", {})
            pair.sync("south", "mission")
        assert {proof.kind for proof in pair["mission"].node.store.proofs() if proof.log == NORTH} & {1, 2}, "two faces"

        mission = pair["mission"].node
        kept = mission.store.checkpoint(NORTH, 2)
        assert kept
        lists = [_listing(pair["mission"], side) for side in (pair.south, pair["mission"])]
        stretch = Stretch(NORTH, Frontier.empty(), (mission.note(kept).encode(),), tuple(packed(entries(pair["mission"], NORTH))))
        claim = Claim(REQUEST, NORTH, at(1), at(3), MISSION, SOUTH)
        proof = Silence(pair.made.channel.channel_id, claim, tuple(lists), (stretch,), ())
        assert judged(pair, proof) == "silence.ends", "south never gave a receipt for that history"


def _listing(view: Side, of: Side) -> Listing:
    """The newest entry of a log, in its newest checkpoint as another holds it."""
    store = view.node.store
    kept = store.newest_checkpoint(of.log)
    assert kept
    one = store.row(of.log, kept.size - 1)
    assert one
    path = merkle.inclusion_path(view.node.node_reader(of.log), one.index, kept.size)
    return Listing(of.log, one.index, entry_of(one), tuple(path), view.node.note(kept).encode())


def test_a_further_device_opened_for_it_must_be_shown() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        days_pass(pair, 0, 1)
        phone = pair.device("north", "phone")
        pair.set_clock(at(2))
        pair.sync("phone", "south")
        phone.node.send("request", ASKED)
        pair.sync("phone", "south")
        days_pass(pair, 2.5, 3, 4)
        with local("silence.broken"):
            silence.prove(pair.south.node, REQUEST, NORTH, at(1.5), at(3.5))
        honest = Silence.decode(silence.prove(pair.south.node, KINDS["notice"], NORTH, at(1.5), at(3.5)))
        proof = replace(honest, claim=replace(honest.claim, kind=REQUEST))
        assert judged(pair, proof) == "silence.broken"
        first = tuple(one for one in proof.stretches if one.log == NORTH)
        assert judged(pair, replace(proof, stretches=first)) == "silence.logs"
        assert judged(pair, replace(proof, stretches=first, openings=())) == "silence.logs"


def test_what_comes_late_takes_no_proof_away_and_convicts_nobody() -> None:
    """The asked side cannot be accused falsely: north keeps a request back, dates it within the period, and brings it afterwards."""
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        days_pass(pair, 0, 1)
        pair.north.clock.now = at(2)
        pair.north.node.send("request", ASKED)
        for day in (3, 4):
            for side in (pair.south, pair["mission"]):
                side.clock.now = at(day)
                side.node.send("line_check", {})
            pair.sync("south", "mission")
        before = silence.prove(pair.south.node, REQUEST, NORTH, at(1.5), at(3.5))
        pair.set_clock(at(5))
        pair.settle(2)
        again = silence.prove(pair.south.node, REQUEST, NORTH, at(1.5), at(3.5))
        for data in (before, again):
            report = verify(data, Trust(pair.made.signed.encode()))
            assert report.verdict == "valid"
            assert any("its sender dated within the period" in one for one in report.not_proved)
        assert pair.south.node.store.proofs() == pair.north.node.store.proofs() == []
        channel, notes = pair.made.channel, _receipts_of_south(pair.north)
        assert len(notes) > 1
        for one in notes:
            for other in notes:
                with pytest.raises(PeerError, check=lambda error: error.code.startswith("misconduct.")):
                    Maker(channel, SOUTH).shrinking_receipt(NORTH, one, other)


def _receipts_of_south(side: Side) -> list[bytes]:
    """Every checkpoint of north's with a receipt of south's."""
    store = side.node.store
    sizes = sorted({c.size for c in store.cosigned_since(NORTH, 0) if c.by == SOUTH})
    return [side.node.note(kept).encode() for size in sizes if (kept := store.checkpoint(NORTH, size))]
