"""Witnesses as a node keeps them: which checkpoint a proof takes, what of a replaced log is shown to them, what comes from the others."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ceasewire.exchange.bundle import Contents
from ceasewire.node import proofs, witnessing
from ceasewire.node.heard import OwnChecks
from ceasewire.node.node import Node
from ceasewire.record.values import Cosignature
from ceasewire.store.interface import Change
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.note import COSIGNATURE_ED25519, SignatureLine, VerifierKey
from ceasewire.tlog.proof import Proof
from ceasewire.verifier import Trust, verify
from helpers import START
from node.pair import ChannelPair


def private(place: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([place])).digest())


def named(count: int) -> list[dict[str, str]]:
    keys = [VerifierKey(f"w{n}.example", COSIGNATURE_ED25519, private(n).public_key().public_bytes_raw()) for n in range(count)]
    return [{"name": f"w{n}", "vkey": key.text()} for n, key in enumerate(keys)]


def line(node: Node, log: int, size: int, place: int, at: int) -> SignatureLine:
    kept = node.store.checkpoint(log, size)
    assert kept is not None
    return checkpoints.sign(node.checkpoint(kept), node.channel.witnesses[place], private(place).sign, at)


def witnessed(node: Node, log: int, size: int, *places: int, at: int = START) -> None:
    """Keep cosignatures by the charter's witnesses, as they would have come."""
    found = [Cosignature(log, size, -1 - one, COSIGNATURE_ED25519, at, line(node, log, size, one, at).blob[8:]) for one in places]
    node.commit(Change(cosignatures=found))


@pytest.mark.parametrize(
    ("cosigned", "chosen"),
    [
        ({}, 2),  # a receipt alone: the smallest that anybody cosigned
        ({3: (0,), 4: (1,), 6: (0, 1)}, 6),  # each first one alone would not do
        ({3: (0, 1), 6: (0, 1, 2)}, 6),  # of those that are enough the one with the most voices
        ({3: (0,), 4: (1,), 5: (2,)}, 2),  # none is enough: of all the smallest
        ({1: (0, 1, 2), 5: (1, 2)}, 5),  # what does not cover the message does not count
    ],
)
def test_a_proof_takes_the_checkpoint_that_meets_the_quorum(cosigned: dict[int, tuple[int, ...]], chosen: int) -> None:
    with ChannelPair(witnesses=named(3), quorum=2) as pair:
        node = pair.north.node
        for n in range(6):
            pair.north.say(str(n))
            if n == 1:
                pair.sync("north", "south")
        for size, places in cosigned.items():
            witnessed(node, 0, size, *places)
        proof = proofs.prove(node, (0, 1), None)
        assert Proof.parse(proof).signed.checkpoint.size == chosen
        report = verify(proof, Trust(pair.made.signed.encode(), None, None))
        enough = any(len(places) > 1 and size > 1 for size, places in cosigned.items())
        assert (report.verdict, report.code) == (("valid", None) if enough else ("invalid", "policy.quorum"))


def test_the_log_that_was_replaced_is_shown_too_at_every_line_check() -> None:
    with ChannelPair(witnesses=named(1)) as pair:
        old = pair.north.log
        pair.north.say("before")
        pair.sync("north", "south")
        node = pair.north.rotate().node
        checks = OwnChecks(node)
        assert witnessing.due(node, -1, checks.newest()) == []
        node.send("line_check", {})
        assert witnessing.own_logs(node) == [node.own, old]
        assert witnessing.due(node, -1, checks.newest()) == [node.own, old]
        for log in (node.own, old):
            kept = node.store.newest_checkpoint(log)
            assert kept is not None
            witnessed(node, log, kept.size, 0, at=node.now())
        assert witnessing.due(node, -1, checks.newest()) == []
        pair.set_clock(node.now() + 3600)
        node.send("line_check", {})
        assert witnessing.due(node, -1, checks.newest()) == [node.own, old], "unchanged, and shown again"


def test_of_the_times_over_one_size_the_first_and_the_newest_are_kept() -> None:
    with ChannelPair(witnesses=named(1)) as pair:
        pair.north.say("once")
        pair.sync("north", "south")
        south, kept = pair.south.node, pair.south.node.store.newest_checkpoint(0)
        assert kept is not None
        own = SignedCheckpoint.parse(south.checkpoint(kept).text().encode() + b"\n" + kept.lines).lines
        for after, found in ((0, [0]), (3599, [0]), (3600, [0, 3600]), (100, [0, 3600]), (9000, [0, 9000]), (9601, [0, 9000])):
            pair.set_clock(START + 9000)
            note = SignedCheckpoint(south.checkpoint(kept), (*own, line(south, 0, 1, 0, START + after))).encode()
            pair.south.exchange.receive(pair.made.bundle(_only(pair, note), 1))
            assert [one.time - START for one in south.store.cosignatures(0, 1) if one.by == -1] == found
        ahead = SignedCheckpoint(south.checkpoint(kept), (*own, line(south, 0, 1, 0, START + 12600))).encode()
        for now, newest in ((11999, 9000), (12000, 12600)):  # which is dated ahead of the clock by a second too much, and not
            pair.set_clock(START + now)
            pair.south.exchange.receive(pair.made.bundle(_only(pair, ahead), 1))
            assert [one.time - START for one in south.store.cosignatures(0, 1) if one.by == -1] == [0, newest]
        reopened = pair.south.reopen().node.store
        assert [one.time - START for one in reopened.cosignatures(0, 1) if one.by == -1] == [0, 12600]


def _only(pair: ChannelPair, note: bytes) -> Contents:
    """Contents of a bundle by north that bring this note alone."""
    return Contents(0, pair.north.node.next_counter(), {}, checkpoints=[note])
