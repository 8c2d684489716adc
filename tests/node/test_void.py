"""Messages that break a rule of validity: stored and receipted, marked alike on every node, shown as void, and never acted on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ceasewire.record.message import Body, Message
from faults.liar import Liar
from helpers import START, statement
from node.pair import ChannelPair

NOTIFICATION: Body = {0: [], 1: False, 16: ["A4"], 17: START - 900, 21: "Kala", 27: 1}
PARTIES = ("north", "south", "mission:guarantor", "red-cross:observer")


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES) as made:
        yield made


def made(kind: int, **fields: object) -> Message:
    more: dict[str, Any] = {"f17": "text", **fields}
    return statement(kind=kind, **more)


def voids(pair: ChannelPair, log: int) -> list[list[str | None]]:
    return [[one.void for one in side.node.store.rows(log, 0, 99)] for side in pair if side.log != log]


def spread(pair: ChannelPair, liar: Liar) -> None:
    """The liar tells south alone; the others have it from south."""
    assert pair.south.receive(liar.bundle(1, liar.run())).refused == []
    for slug in ("mission", "red-cross"):
        for _ in range(2):
            pair.sync("south", slug)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (made(2), None),
        (Message(2, START, {}, bytes(16), {0: [], 1: False}), "body.schema"),
        (made(2, f16=5), "body.schema"),
        (made(2, f18=99), "body.schema"),
        (made(99), None),
        (made(6), "body.schema"),
        (made(2, f3=[[0, 0]]), "ref.unknown"),
        (made(2, f3=[[1, 0]]), "ref.unknown"),
        (made(2, f4=[{1: 1, 2: [0, 7]}]), "ref.unknown"),
        (made(2, f0=[b"an officer"]), "release.unknown"),
        (made(2, f60="a field of a later version"), None),
    ],
)
def test_a_rule_broken_is_marked_alike_everywhere(pair: ChannelPair, message: Message, code: str | None) -> None:
    if message.kind == 99:
        code = "kind.not_allowed"  # the charter lists the kinds that its parties send
    liar = Liar(pair.made, 0).add(message)
    spread(pair, liar)
    assert voids(pair, 0) == [[code]] * 3
    assert pair.south.node.store.covered(0)[1] == 1
    shown = [list(side.node.messages()) for side in pair if side.log != 0]
    assert shown[0] == shown[1] == shown[2]
    assert shown[0][0]["void"] == code
    assert [side.faults() for side in pair] == [[], [], [], []]


@pytest.mark.parametrize(("log", "kind", "code"), [(2, 4, "kind.not_allowed"), (3, 2, "kind.not_allowed"), (3, 11, None)])
def test_a_role_bounds_the_kinds(pair: ChannelPair, log: int, kind: int, code: str | None) -> None:
    liar = Liar(pair.made, log).add(Message(kind, START, {}, bytes(16), {0: [], 1: False, **({17: "x"} if kind == 2 else {})}))
    both = liar.own_line(liar.checkpoint(), "mldsa44")
    assert pair.south.receive(liar.bundle(1, liar.run(note=liar.note(None, both)))).refused == []
    assert pair.south.node.store.rows(log, 0, 1)[0].void == code


def test_a_body_sent_twice_is_void_the_second_time(pair: ChannelPair) -> None:
    """The same seed and fields give the same `rest`, whatever the time: an officer's release must not be used again."""
    one = statement(text="once", seed=bytes(16))
    liar = Liar(pair.made, 0).add(one, statement(text="between"), statement(START + 1, text="once", seed=bytes(16)))
    spread(pair, liar)
    assert voids(pair, 0) == [[None, None, "release.reused"]] * 3


def test_it_is_void_also_when_the_two_come_in_one_bundle_or_far_apart(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0).add(statement(text="once", seed=bytes(16)))
    for n in range(300):
        liar.add(statement(text=str(n)))
    pair.south.receive(liar.bundle(1, liar.run()))
    liar.add(statement(START + 1, text="once", seed=bytes(16)))
    pair.south.receive(liar.bundle(1, liar.run(301)))
    pair["mission"].receive(liar.bundle(2, liar.run(0, 100), liar.run(100)))
    assert [side.node.store.rows(0, 301, 302)[0].void for side in (pair.south, pair["mission"])] == ["release.reused"] * 2
    assert pair.south.faults() == []


def test_a_void_notification_begins_no_case_and_a_void_reply_moves_none(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0).add(Message(1, START, {}, bytes(16), {k: v for k, v in NOTIFICATION.items() if k != 16}))
    liar.add(Message(1, START, {}, bytes(15) + b"\1", NOTIFICATION))
    spread(pair, liar)
    cases = pair.south.node.cases()
    assert [case["ref"] for case in cases] == ["north/1"]
    false = Liar(pair.made, 1).add(Message(4, START, {0: 2}, bytes(16), {0: [], 1: False, 3: [[0, 1]], 16: 99}))
    other = pair["mission"]
    other.receive(false.bundle(2, false.run()))
    assert other.node.store.rows(1, 0, 1)[0].void == "body.schema"
    assert other.node.cases()[0]["state"] == "received"  # it has seen the notification, which is all that a void reply says
    assert other.faults() == []


def test_in_an_exercise_nothing_is_actual() -> None:
    with ChannelPair(exercise=True) as pair:
        liar = Liar(pair.made, 0).add(statement(text="actual"))
        pair.south.receive(liar.bundle(1, liar.run()))
        assert voids(pair, 0) == [["exercise.mismatch"]]
