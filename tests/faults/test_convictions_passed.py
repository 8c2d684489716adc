"""What becomes of a misconduct proof once it is there: kept, passed on, written down, listed, and refused where it is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceasewire import limits
from ceasewire.console.health import node_health
from ceasewire.console.page import render
from ceasewire.exchange.bundle import Run, Told
from ceasewire.node.passing import HOLDS
from ceasewire.node.status import status
from ceasewire.record.encoding import Value, encode
from ceasewire.record.message import Disclosure, Entry, message_of, row
from ceasewire.record.misconduct import Maker, open_misconduct
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import SignedCheckpoint
from ceasewire.tlog.proof import Proof
from ceasewire.verifier import Extra
from cli.driving import Cli
from helpers import START, seed_of
from node.pair import ChannelPair, Side

from .accusing import EAST, HONEST, MISSION, NORTH, PARTIES, SOUTH, against, meet, proof, said, stranger_says_valid, tell
from .liar import Liar


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES) as made:
        yield made


@pytest.fixture
def liar(pair: ChannelPair) -> Liar:
    return Liar(pair.made, NORTH).add(*said("true", 0, 5))


@pytest.fixture
def convicting(pair: ChannelPair, liar: Liar) -> bytes:
    """A proof with an exact index, which South has made."""
    tell(pair, "south", liar)
    tell(pair, "south", liar.fork(3, *said("false", 3, 5)))
    return proof(pair.south, "two_leaves").data


def pass_on(pair: ChannelPair, to: str, *proofs: bytes) -> list[str]:
    """Proofs in a bundle of East's; the codes by which they are refused."""
    friend = Liar(pair.made, EAST)
    friend.counter += pair[to].node.store.peers()[EAST].counter_in if EAST in pair[to].node.store.peers() else 0
    return pair[to].receive(friend.bundle(pair[to].log, proofs=proofs)).refused


def test_whoever_is_shown_a_conviction_of_its_own_log_closes_it(pair: ChannelPair, liar: Liar) -> None:
    tell(pair, "south", liar)
    other = liar.fork(3, *said("false", 3, 5))
    tell(pair, "south", other)
    pair.north.receive(pair.south.bundle(NORTH))
    assert pair.north.node.closed == "log.closed"
    found = status(pair.north.node, START, pair.north.node.closed)
    assert next(one["misconduct"] for one in found["logs"] if one["log"] == "north") == ["two_leaves"]
    assert pair.north.reopen().node.closed == "log.closed"


def test_the_log_that_follows_a_cloned_one_waits_for_nothing_of_its_other_history(pair: ChannelPair) -> None:
    pair.north.say("ours")
    pair.sync("north", "south")
    tell(pair, "east", Liar(pair.made, NORTH).add(*said("the clone's", 0, 3)))
    pair["east"].say("I have seen three of them.")
    meet(pair)
    pair.north.receive(pair.south.bundle(NORTH))
    assert pair.north.node.closed == "log.closed"
    pair.sides["north"] = new = pair.north.rotate()
    pair.settle(2)
    assert new.size(EAST) == pair["east"].size(EAST) > 0
    assert new.node.store.shelved() == []
    assert pair.south.node.store.covered(SOUTH)[new.log] == pair.south.size(SOUTH)


def test_a_conviction_is_written_down_once_at_once_and_by_one(pair: ChannelPair, liar: Liar) -> None:
    tell(pair, "south", liar)
    tell(pair, "south", liar.fork(3, *said("false", 3, 5)))
    assert pair.south.size(SOUTH) == 1
    meet(pair, 3)
    assert [pair[slug].size(pair[slug].log) for slug in HONEST] == [1, 0, 0]
    pair["east"].node.send("line_check", {})
    pair["east"].node.send("line_check", {})
    carried = [pair["east"].node.message(one)["body"].get("misconduct") for one in pair["east"].node.store.rows(EAST, 0, 2)]
    assert [bool(one) for one in carried] == [True, False]


# --- Passed on ---


def test_a_proof_is_passed_on_once_to_whoever_says_that_it_has_it(pair: ChannelPair, convicting: bytes) -> None:
    meet(pair)
    for slug in HONEST:
        for other in HONEST:
            if other != slug:
                assert pair[slug].exchange._passing.proofs(pair[other].log) == [], (slug, other)
    assert against(pair["mission"]).keys() == {"two_leaves"}


def test_a_proof_that_was_lost_on_the_way_is_offered_again_but_not_for_ever(pair: ChannelPair, convicting: bytes) -> None:
    offered = [pair.south.exchange._passing.proofs(MISSION) for _ in range(20)]
    assert [len(one) for one in offered] == [1] * 16 + [0] * 4
    pair.south.clock.now += 3600
    assert pair.south.exchange._passing.proofs(MISSION) == [convicting]
    pair.sync("south", "mission")
    assert against(pair["mission"]).keys() == {"two_leaves"}


def test_the_record_alone_carries_a_proof_too(pair: ChannelPair, convicting: bytes) -> None:
    """Of South's bundles the mission sees only the runs."""
    run = Liar(pair.made, SOUTH)
    kept = pair.south.node.store.checkpoint(SOUTH, 1)
    assert kept is not None
    rows = pair.south.node.store.rows(SOUTH, 0, 1)
    one = replace(message_of(rows[0]), seen={})
    run.add(one)
    note = run.note(None, run.own_line(run.checkpoint(), "mldsa44"))
    assert pair["mission"].receive(run.bundle(MISSION, run.run(note=note))).refused == []
    assert against(pair["mission"]).keys() == {"two_leaves"}


def test_junk_is_refused_once_and_costs_one_look_a_bundle(pair: ChannelPair, convicting: bytes) -> None:
    junk = [convicting[:-1] + bytes([n]) for n in range(1, 9)] + [b"junk", b""]
    codes = pass_on(pair, "mission", *junk)
    assert len(codes) == 1
    before = len(pair["mission"].node.store.refused())
    assert pass_on(pair, "mission", junk[0]) == []  # known to be none
    assert len(pair["mission"].node.store.refused()) == before
    assert pass_on(pair, "mission", b"\0" * (limits.MISCONDUCT_BYTES + 1)) == ["misconduct.malformed"]
    assert pair["mission"].node.store.proofs() == []


def test_a_proof_of_another_channel_is_refused(pair: ChannelPair) -> None:
    with ChannelPair(PARTIES, name="elsewhere") as other:
        one = Liar(other.made, NORTH).add(*said("true", 0, 5))
        tell(other, "south", one)
        tell(other, "south", one.fork(3, *said("false", 3, 5)))
        assert pass_on(pair, "mission", proof(other.south, "two_leaves").data) == ["misconduct.channel"]


def test_only_a_lower_index_takes_a_proofs_place(pair: ChannelPair, liar: Liar) -> None:
    maker = Maker(pair.made.channel, NORTH)
    other = liar.fork(1, *said("false", 1, 9))
    liar.add(*said("true", 5, 9))
    faces = {n: maker.two_faces(liar.note(liar.checkpoint(n)), other.note(other.checkpoint(n))) for n in (3, 5, 8)}
    for given, kept in ((5, 4), (8, 4), (3, 2), (5, 2)):
        assert pass_on(pair, "mission", faces[given]) == []
        assert [(one.kind, one.from_index) for one in pair["mission"].node.store.proofs()] == [(1, kept)]
    assert pair["mission"].size(MISSION) == 1  # one line check at once, and the better proof waits for the next
    assert pair["mission"].faults() == []


def test_no_claim_is_kept_of_proofs_that_are_not_here(pair: ChannelPair) -> None:
    friend = Liar(pair.made, EAST)
    told = [Told(HOLDS, log, "1@3 2@" + "9" * 30 + " 99 x 4@") for log in range(4)]
    before = pair["mission"].dump()["meta"]
    pair["mission"].receive(friend.bundle(MISSION, told=told))
    assert pair["mission"].dump()["meta"] == before


# --- Where two histories part ---


def asked(pair: ChannelPair) -> dict[int, int]:
    """What South wants of East, which says that it holds five entries of North's log."""
    return pair.south.exchange._wants(EAST, pair.south.node.store.peers()[EAST])


def test_a_peer_that_never_answers_or_makes_it_up_is_asked_no_more(pair: ChannelPair, liar: Liar) -> None:
    other = liar.fork(3, *said("false", 3, 5))
    tell(pair, "south", liar)
    assert pair.south.receive(other.bundle(SOUTH, checkpoints=[other.note()])).refused == ["log.fork"]
    assert against(pair.south).keys() == {"two_faces"}
    friend, rounds = Liar(pair.made, EAST), 0
    pair.south.receive(friend.bundle(SOUTH, heads={NORTH: 5}))
    assert asked(pair) == {NORTH: 4}
    made_up = Run(NORTH, 4, tuple(said("made up", 4, 5)), other.note())
    pair.south.receive(friend.bundle(SOUTH, made_up, heads={NORTH: 5}))
    assert asked(pair) == {NORTH: 2}
    while asked(pair):
        pair.south.receive(friend.bundle(SOUTH, heads={NORTH: 5}))
        rounds += 1
    assert rounds < 70
    assert against(pair.south).keys() == {"two_faces"}
    assert pair.sync("south", "mission").error is None


# --- Later logs ---


def test_a_device_that_was_cloned_is_convicted_with_its_opening(pair: ChannelPair) -> None:
    phone = pair.device("south", "phone")
    pair.sync("phone", "south")
    phone.close()
    shutil.copytree(phone.folder.path, pair.path / "clone")
    phone.open()
    pair.sides["clone"] = clone = Side(pair.made, "clone", pair.path / "clone", 7, "south")
    phone.say("one thing")
    clone.say("another")
    pair.sync("phone", "east")
    pair.sync("clone", "mission")
    pair.sync("east", "mission")
    (kept,) = [one for one in pair["mission"].node.store.proofs() if one.kind == 2]
    verdict = open_misconduct(kept.data, pair.made.channel)
    assert (verdict.log, verdict.party, verdict.from_index) == (phone.log, "south", 1)
    stranger_says_valid(pair, kept.data)
    assert pass_on(pair, "north", kept.data) == []  # who has never heard of that device
    assert pair.north.node.store.states()[phone.log].frozen == "log.fork"


# --- Commands ---


def published(liar: Liar, index: int, entry: Entry, parts: tuple[Value, ...]) -> bytes:
    """A tlog-proof of an entry of the liar's that shows these parts of its body, under a log of it and the entries before it."""
    leaves = [row(liar.log, n, message).leaf for n, message in enumerate(liar.messages[:index])]
    leaves.append(merkle.leaf_hash(entry.encode()))
    path = merkle.inclusion_path(lambda level, n: merkle.tree_root(leaves[n << level : (n + 1) << level]), index, len(leaves))
    note = liar.note(liar.made.checkpoint(liar.log, len(leaves), merkle.tree_root(leaves)))
    return Proof(index, tuple(path), SignedCheckpoint.parse(note), Extra(entry, Disclosure(parts)).encode()).encode()


def test_two_published_values_of_one_field_convict(pair: ChannelPair, liar: Liar) -> None:
    """A body with field 17 twice, which no node ever took: each reader of the press is shown another one of the two."""
    values: list[tuple[int, Value]] = [(0, []), (1, False), (17, "We did."), (17, "We did not.")]
    leaves: list[Value] = [[seed_of(k, n)[:16], k, value] for n, (k, value) in enumerate(values)]
    hidden = [merkle.leaf_hash(encode(one)) for one in leaves]
    root = merkle.node_hash(hidden[0], merkle.tree_root(hidden[1:]))
    entry = Entry(2, START + 9, {}, root)
    shown: list[tuple[Value, ...]] = [tuple(hidden[n] if n == hides else one for n, one in enumerate(leaves)) for hides in (3, 2)]
    cli = Cli(pair.path)
    for name, parts in zip("ab", shown, strict=True):
        (pair.path / name).write_bytes(published(liar, 3, entry, parts))
    (pair.path / "line.charter").write_bytes(pair.made.signed.encode())
    made = cli.good("misconduct", "compare", "a", "b", "--charter", "line.charter", "-o", "two")
    assert (made["agree"], made["kind"]) == (False, "two_values")
    stranger_says_valid(pair, (pair.path / "two").read_bytes())
    same = cli("misconduct", "compare", "a", "a", "--charter", "line.charter", "-o", "none", "--json")
    assert (same.status, same.json["agree"], (pair.path / "none").exists()) == (1, True, False)
    (pair.path / "c").write_bytes(published(liar, 2, entry, shown[0]))
    assert cli("misconduct", "compare", "a", "c", "--charter", "line.charter", "-o", "none", "--json").code == "proof.malformed"


def test_proofs_are_listed_and_written(pair: ChannelPair, convicting: bytes) -> None:
    cli = Cli(pair.path)
    (found,) = cli.good("misconduct", "south")
    assert (found["ref"], found["log"], found["party"], found["kind"], found["bytes"]) == (
        1,
        "north",
        "north",
        "two_leaves",
        len(convicting),
    )
    assert cli.good("misconduct", "south", "1", "-o", "north.proof")["file"] == "north.proof"
    assert Path(pair.path / "north.proof").read_bytes() == convicting
    assert "two different entries" in cli("misconduct", "south").out
    assert cli("misconduct", "south", "2", "-o", "x", "--json").code == "ref.missing"
    assert cli("misconduct", "south", "1", "--json").code == "usage"
    assert cli("misconduct", "east").out == "No misconduct is proved here.\n"
    shown = cli.good("status", "south")
    health = node_health(shown, {}, {}, "ok")
    assert [line.alarms[:2] for line in health.lines if line.peer == "north"] == [("log.fork", "misconduct")]
    assert "Misconduct is proved" in render([health], "en", datetime.now(UTC))
    assert [one["misconduct"] for one in shown["logs"]] == [[], ["two_leaves"], [], []]
