"""Vectors of admission: a run, what is held already, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ceasewire.exchange.bundle import Run
from ceasewire.record.message import Body, Message, row
from ceasewire.record.values import LogState
from helpers import START, TestChannel, seed_of, statement

from .base import Vectors

NOW = START + 100
FIRST, SECOND = statement(START, text="first"), statement(START + 10, text="second")


def after(state: LogState, messages: list[Message]) -> LogState:
    leaves = [row(state.number, state.size + n, message).leaf for n, message in enumerate(messages)]
    return LogState(state.number, state.frontier.extend(leaves), messages[-1].time, messages[-1].seen)


class Admission:
    """One channel's vectors: `held` by name, north's log with FIRST and SECOND, south's with one entry dated START + 50."""

    def __init__(self, v: Vectors, test: TestChannel) -> None:
        self.v = v
        self.test = test
        self.start = test.empty(0)
        self.one = test.run(test.empty(1), [statement(START + 50, text="south's", f1=test.channel.charter.exercise)])

    def more(self, held: tuple[Run, ...] = (), **more: Any) -> dict[str, Any]:
        return {"charter": self.test.signed.encode(), "now": NOW, "held": [run.encode() for run in held], **more}

    def ok(self, name: str, what: str, run: Run, held: tuple[Run, ...] = (), **more: Any) -> None:
        size = run.start + len(run.messages)
        expect = {"size": size, "void": [None] * len(run.messages)}
        self.v.ok("admission", name, what, run.encode(), expect, **self.more(held, **more))

    def again(self, name: str, what: str, run: Run, held: tuple[Run, ...], new: int = 0) -> None:
        expect = {"size": len(run.messages), "void": [None] * new}
        self.v.ok("admission", name, what, run.encode(), expect, **self.more(held))

    def bad(self, code: str, name: str, what: str, run: Run, held: tuple[Run, ...] = (), **more: Any) -> None:
        self.v.bad("admission", code, name, what, run.encode(), **self.more(held, **more))

    def held(self, code: str, name: str, what: str, run: Run, held: tuple[Run, ...] = (), **more: Any) -> None:
        self.v.other("held", "admission", code, name, what, run.encode(), **self.more(held, **more))

    def void(self, code: str, name: str, what: str, message: Message, held: tuple[Run, ...] = (), log: int = 0) -> None:  # noqa: PLR0917
        run = self.test.run(self.test.empty(log), [message])
        self.v.other("void", "admission", code, name, what, run.encode(), **self.more(held))


def good(a: Admission) -> None:
    two = a.test.run(a.start, [FIRST, SECOND])
    a.ok("two", "a run from an empty log", two)
    a.ok("after", "a run after what is held", a.test.run(after(a.start, [FIRST]), [SECOND]), (a.test.run(a.start, [FIRST]),))
    one = a.test.run(a.start, [FIRST])
    a.again("again", "what is held already, once more", one, (one,))
    a.again("overlap", "one message that is held and one that is new", a.test.run(a.start, [FIRST, SECOND]), (one,), new=1)
    a.ok("seen", "an entry that has seen south/0", a.test.run(a.start, [statement(START + 50, seen={1: 1})]), (a.one,))
    a.ok("edge", "a clock just ten minutes ahead", a.test.run(a.start, [statement(NOW + 600)]))
    reference = statement(START + 50, seen={1: 1}, f3=[1, 0])
    a.ok("reference", "a reference to what it has seen", a.test.run(a.start, [reference]), (a.one,))
    unknown = statement(f50={1: [b"x"]})
    a.ok("unknown-field", "a field that is not known is kept", a.test.run(a.start, [unknown]))


def integrity(a: Admission) -> None:
    one, two = a.test.run(a.start, [FIRST]), a.test.run(a.start, [FIRST, SECOND])
    later = a.test.run(after(a.start, [FIRST]), [SECOND])
    a.bad("log.root", "seed", "another seed than was signed", replace(one, messages=(replace(FIRST, seed=bytes(16)),)))
    a.bad("log.root", "body", "another text than was signed", replace(one, messages=(replace(FIRST, body={**FIRST.body, 17: "other"}),)))
    a.bad("log.root", "time", "another time than was signed", replace(one, messages=(replace(FIRST, time=START + 1),)))
    a.bad("log.root", "swapped", "two messages of one second swapped", replace(two, messages=(replace(SECOND, time=START), FIRST)))
    a.bad("log.root", "size", "a checkpoint of another size than the messages reach", replace(two, messages=(FIRST,)))
    a.bad("log.time", "falling", "an entry before the one it follows", a.test.run(a.start, [SECOND, FIRST]))
    a.bad("log.time", "seen", "an entry before one that it has seen", a.test.run(a.start, [statement(START + 49, seen={1: 1})]), (a.one,))
    seeing = a.test.run(a.start, [statement(START + 50, seen={1: 1})])
    shrunk = a.test.run(after(a.start, [statement(START + 50, seen={1: 1})]), [statement(START + 51)])
    a.bad("log.seen", "shrunk", "it has seen less than the entry before it", shrunk, (a.one, seeing))
    a.bad("log.seen", "own", "it says how much it has seen of its own log", a.test.run(a.start, [statement(seen={0: 1})]))
    other = a.test.run(after(a.start, [FIRST]), [statement(START + 10, text="another second")])
    a.bad("log.fork", "same-size", "another root for a size that is held", other, (one, later))
    a.bad("log.frozen", "forked", "the log showed two histories before", later, (one,), frozen="log.fork")
    a.bad("log.unknown", "number", "a log that is no party's", replace(one, log=9))
    a.bad("checkpoint.origin", "other-log", "south's checkpoint", replace(one, checkpoint=a.one.checkpoint))
    a.bad("sig.missing", "receipt-only", "a receipt in place of the log's signature", replace(one, checkpoint=_receipt_only(a, one)))
    a.bad("sig.invalid", "other-key", "signed by south under north's key id", replace(one, checkpoint=_signed_by_south(a, one)))
    a.bad("note.malformed", "checkpoint", "no signature line", replace(one, checkpoint=one.checkpoint.split(b"\n\n")[0] + b"\n\n"))
    a.bad("enc.shape", "empty", "a run without messages", a.test.run(after(a.start, [FIRST]), []), (one,))
    check = a.test.run(a.start, [statement(kind=11, f17=[])])
    a.bad("sig.missing", "line-check", "a line check whose checkpoint is signed with Ed25519 alone", check)
    a.bad("enc.size", "body", "a body over 32 KiB", a_large_run(a))


def a_large_run(a: Admission) -> Run:
    return Run(
        0, 0, (replace(FIRST, body={**FIRST.body, 40: a.v.parts.add("zeros", bytes(32 * 1024 - 9))}),), a.test.note(0, 1, seed_of("root"))
    )


def _receipt_only(a: Admission, run: Run) -> bytes:
    checkpoint = a.test.checkpoint(0, 1, after(a.start, list(run.messages)).frontier.root())
    return (checkpoint.text() + "\n" + a.test.receipt_line(checkpoint, 1).text()).encode()


def _signed_by_south(a: Admission, run: Run) -> bytes:
    checkpoint = a.test.checkpoint(0, 1, after(a.start, list(run.messages)).frontier.root())
    line = a.test.log_line(checkpoint, 0)
    south = a.test.party(1).signers["log", "ed25519"](checkpoint.text().encode())
    return (checkpoint.text() + "\n" + replace(line, blob=south).text()).encode()


def holds(a: Admission) -> None:
    a.held("hold.clock", "601", "601 seconds ahead", a.test.run(a.start, [statement(NOW + 601)]))
    a.held("hold.clock", "far", "the year 292 billion", a.test.run(a.start, [statement(2**63 - 1)]))
    a.held(
        "hold.seen", "missing", "it has seen an entry that is not here", a.test.run(a.start, [statement(START + 50, seen={1: 2})]), (a.one,)
    )
    a.held("log.gap", "first", "the message before it has not arrived", a.test.run(after(a.start, [FIRST]), [SECOND]))
    third = a.test.run(after(a.start, [FIRST, SECOND]), [statement(START + 20, text="third")])
    a.held("log.gap", "second", "one of two before it has not arrived", third, (a.test.run(a.start, [FIRST]),))
    a.held("hold.quota", "one", "two messages, and one more is taken today", a.test.run(a.start, [FIRST, SECOND]), quota=1)


def voids(a: Admission) -> None:
    a.void("kind.not_allowed", "observer", "a statement of an observer", FIRST, log=3)
    reply = statement(kind=4, f3=[1, 0], f16=1, seen={1: 1}, time=START + 50)
    a.void("kind.not_allowed", "guarantor", "a reply of a guarantor", reply, (a.one,), log=2)
    a.void("kind.not_allowed", "unknown", "kind 99, which the charter does not name", statement(kind=99))
    empty: Body = {0: [], 1: False}
    a.void("body.schema", "no-text", "a statement without a text", replace(FIRST, body=empty))
    a.void("body.schema", "type", "a number as text", replace(FIRST, body={**empty, 17: 5}))
    fine: Body = {**empty, 16: ["A4"], 17: START, 23: [3_312_345, 0], 24: 2}
    a.void("body.schema", "fine-position", "a position finer than it says", replace(FIRST, kind=1, body=fine))
    a.void("ref.unknown", "own", "a reference to itself", replace(FIRST, body={**empty, 3: [0, 0], 17: "x"}))
    a.void("ref.unknown", "other", "a reference to what it has not seen", replace(FIRST, body={**empty, 3: [1, 0], 17: "x"}), (a.one,))
    link: Body = {**empty, 4: [{1: 4, 2: [1, 1]}], 17: "x"}
    a.void("ref.unknown", "link", "a link to what it has not seen", replace(SECOND, time=START + 50, seen={1: 1}, body=link), (a.one,))
    release: Body = {**FIRST.body, 0: [[b"officer", 1, START, b"signature"]]}
    a.void("release.unknown", "release", "a release where the charter lists no officers", replace(FIRST, body=release))
    again = replace(FIRST, time=START + 1)
    run = a.test.run(after(a.start, [FIRST]), [again])
    a.v.other(
        "void",
        "admission",
        "release.reused",
        "again",
        "the body and seed of an earlier message",
        run.encode(),
        **a.more((a.test.run(a.start, [FIRST]),)),
    )


def add(v: Vectors) -> None:
    """Everything of this file."""
    a = Admission(v, v.test)
    for make in (good, integrity, holds, voids):
        make(a)
    newer = Admission(v, v.newer)
    newer.ok("later-kind", "a kind that this version does not understand", newer.test.run(newer.start, [statement(kind=99, f3=[0, 9])]))
    exercise = Admission(v, v.exercise)
    exercise.void("exercise.mismatch", "actual", "an actual message on an exercise channel", FIRST)
    exercise.ok("exercise", "an exercise on an exercise channel", exercise.test.run(exercise.start, [statement(f1=True)]))
