"""Vectors of whole proofs, as `ceasewire verify` judges them with a charter or a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ceasewire.record import fingerprint
from ceasewire.record.message import Body, Disclosure, Entry, Message, body_tree, disclose, row
from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.note import COSIGNATURE_ED25519, SignatureLine, VerifierKey
from ceasewire.tlog.proof import Proof
from helpers import START, TestChannel, hiding, make_party, seed_of, statement

from .base import TOWER, Vectors, cbor

SEED = seed_of("proof")[:16]
BODY: Body = {0: [], 1: False, 16: "A title.", 17: "A text."}


class Maker:
    """A proof of message 1 of 3 in north's log, with whatever is changed."""

    def __init__(self, test: TestChannel, body: Body = BODY, kind: int = 2, seen: Mapping[int, int] | None = None) -> None:
        self.test = test
        self.body = body
        message = Message(kind, START + 1, seen or {}, SEED, body)
        kept = [row(0, 0, statement(f1=body[1])), row(0, 1, message), row(0, 2, statement(START + 2, text="third", f1=body[1]))]
        self.leaves = [one.leaf for one in kept]
        self.checkpoint = test.checkpoint(0, 3, merkle.tree_root(self.leaves))
        self.entry = Entry(kind, START + 1, seen or {}, body_tree(SEED, body).root)
        self.lines = (test.log_line(self.checkpoint, 0), test.receipt_line(self.checkpoint, 1, time=START + 5))

    def tower(self) -> SignatureLine:
        return checkpoints.sign(self.checkpoint, TOWER, make_party("tower").signers["log", "ed25519"], START + 9)

    def make(
        self,
        *,
        reveal: set[int] | None = None,
        lines: tuple[SignatureLine, ...] | None = None,
        checkpoint: Checkpoint | None = None,
        data: bytes | None = None,
    ) -> str:
        shown = disclose(SEED, self.body, set(self.body) if reveal is None else reveal)
        found = data if data is not None else self.whole(shown)
        path = tuple(merkle.inclusion_path(lambda level, at: merkle.tree_root(self.leaves[at << level : (at + 1) << level]), 1, 3))
        signed = SignedCheckpoint(checkpoint or self.checkpoint, self.lines if lines is None else lines)
        return Proof(1, path, signed, found).encode().decode()

    def whole(self, shown: Disclosure, entry: Entry | None = None) -> bytes:
        return cbor({1: (entry or self.entry).encode(), 2: shown.value()})


def _hidden_exercise(body: Body) -> Disclosure:
    return hiding(disclose(SEED, body, set(body)), 1)


def good(v: Vectors, maker: Maker, given: dict[str, Any]) -> None:
    words = fingerprint.words(v.test.channel.channel_id)
    shown = {"exercise": False, "title": "A title.", "text": "A text."}
    v.ok("verify", "all", "every field, cosigned by south", maker.make(), {"ref": "north/1", "fields": shown}, **given)
    some = maker.make(reveal={17})
    v.ok(
        "verify",
        "one-field",
        "one field, and one hidden",
        some,
        {"ref": "north/1", "fields": {"exercise": False, "text": "A text."}},
        **given,
    )
    v.ok("verify", "witness", "a witness's line too", maker.make(lines=(*maker.lines, maker.tower())), {"ref": "north/1"}, **given)
    v.ok(
        "verify",
        "fingerprint",
        "with the fingerprint",
        maker.make(),
        {"ref": "north/1"},
        **given,
        fingerprint=words.upper().replace("-", " "),
    )
    names = v.test.channel.logs[0]
    policy = f"log {names.log[0].text()}\nwitness w {TOWER.text()}\nquorum w\n"
    by_policy = maker.make(lines=(maker.lines[0], maker.tower()))
    v.ok("verify", "policy", "with a policy in place of the charter", by_policy, {"ref": f"{names.origin}/1"}, policy=policy)
    v.bad("verify", "policy.quorum", "policy", "the policy's witness has not cosigned", maker.make(), policy=policy)
    other = policy.replace(names.log[0].text(), replace(names.log[0], name="other.example").text())
    v.bad("verify", "checkpoint.origin", "policy", "a log that the policy does not name", by_policy, policy=other)
    v.bad("verify", "policy.malformed", "policy", "a policy without a quorum", by_policy, policy=policy.replace("quorum w\n", ""))


def bad(v: Vectors, maker: Maker, given: dict[str, Any]) -> None:
    stranger = VerifierKey("stranger.example", COSIGNATURE_ED25519, make_party("spire").card.keys.log_ed25519)
    strange = checkpoints.sign(maker.checkpoint, stranger, make_party("spire").signers["log", "ed25519"], START)
    shown = disclose(SEED, BODY, set(BODY))
    south = v.test.checkpoint(1, 3, maker.checkpoint.root)
    changed = Disclosure((*shown.parts[:3], [shown.parts[3][0], 17, "Another text."]))  # type: ignore[index]
    late = replace(maker.lines[1], blob=(START + 6).to_bytes(8, "big") + maker.lines[1].blob[8:])
    elsewhere = Checkpoint("example/other/north", 3, maker.checkpoint.root)
    for code, name, what, text in (
        ("sig.missing", "receipt-only", "without the log's own signature", maker.make(lines=maker.lines[1:])),
        ("sig.unknown", "stranger", "a line by a stranger", maker.make(lines=(*maker.lines, strange))),
        ("note.malformed", "doubled", "a receipt twice", maker.make(lines=(*maker.lines, maker.lines[1]))),
        ("note.malformed", "doubled-author", "the log's own line twice", maker.make(lines=(maker.lines[0], *maker.lines))),
        ("sig.invalid", "receipt-time", "a receipt at another time than was signed", maker.make(lines=(maker.lines[0], late))),
        (
            "sig.invalid",
            "other-log",
            "south's checkpoint under north's signature",
            maker.make(checkpoint=maker.checkpoint, lines=_moved(maker)),
        ),
        ("sig.missing", "other-origin", "north's signature over south's log", maker.make(checkpoint=south)),
        ("checkpoint.origin", "elsewhere", "a log of another channel", maker.make(checkpoint=elsewhere)),
        ("proof.exercise_hidden", "field-1", "field 1 is hidden", maker.make(data=maker.whole(_hidden_exercise(BODY)))),
        ("entry.body_root", "text", "another text than was sent", maker.make(data=maker.whole(changed))),
        ("merkle.inclusion", "time", "an entry with another time", maker.make(data=maker.whole(shown, replace(maker.entry, time=START)))),
        ("enc.shape", "extra", "extra data of another shape", maker.make(data=cbor({1: maker.entry.encode()}))),
        ("enc.malformed", "extra", "extra data that is not CBOR", maker.make(data=b"\xff")),
    ):
        v.bad("verify", code, name, what, text, **given)
    v.bad("verify", "proof.malformed", "no-index", "no index", maker.make().replace("index 1\n", ""), **given)
    v.bad(
        "verify",
        "proof.fingerprint",
        "other",
        "another channel's fingerprint",
        maker.make(),
        **given,
        fingerprint=fingerprint.words(bytes(16)),
    )
    unsigned = type(v.test.signed)(v.test.signed.data, v.test.signed.charter, {}).encode()
    v.bad("verify", "charter.unsigned", "charter", "a charter that nobody signed", maker.make(), charter=unsigned)


def _moved(maker: Maker) -> tuple[SignatureLine, ...]:
    return (replace(maker.lines[0], blob=maker.test.party(1).signers["log", "ed25519"](maker.checkpoint.text().encode())),)


def void(v: Vectors, given: dict[str, Any]) -> None:
    """What every node marks void is refused by the verifier under the same code."""
    for code, name, what, body, kind in (
        ("body.schema", "no-text", "a statement without a text", {0: [], 1: False, 16: "A title."}, 2),
        ("kind.not_allowed", "kind-99", "a kind that the charter does not name", {0: [], 1: False}, 99),
        ("release.unknown", "release", "a release", {0: [[b"officer"]], 1: False, 17: "x"}, 2),
    ):
        v.bad("verify", code, name, what, Maker(v.test, body, kind).make(), **given)  # type: ignore[arg-type]
    typed = Maker(v.test, {0: [], 1: False, 16: 5, 17: "x"}).make(reveal={16})
    v.bad("verify", "body.schema", "type", "a number as title, and the text hidden", typed, **given)
    references(v, given)
    exercise = {"charter": v.exercise.signed.encode()}
    real, drill = Maker(v.exercise), Maker(v.exercise, {**BODY, 1: True})
    tower = (*real.lines, real.tower())
    v.bad("verify", "exercise.mismatch", "actual", "an actual message on an exercise channel", real.make(lines=tower), **exercise)
    v.bad("verify", "policy.quorum", "charter", "the charter's witness has not cosigned", drill.make(), **exercise)
    v.ok("verify", "exercise", "an exercise", drill.make(lines=(*drill.lines, drill.tower())), {"ref": "north/1"}, **exercise)


def references(v: Vectors, given: dict[str, Any]) -> None:
    """`re` and `links`, where they are shown."""
    seen = {1: 3}
    back = Maker(v.test, {0: [], 1: False, 3: [[0, 0], [1, 2]], 17: "x"}, seen=seen)
    v.ok(
        "verify",
        "reference",
        "references to its own log below it and to what it has seen",
        back.make(reveal={3}),
        {"ref": "north/1"},
        **given,
    )
    for name, what, body in (
        ("own", "a reference to itself", {3: [0, 1]}),
        ("seen", "a reference to what it has not seen", {3: [1, 3]}),
        ("link", "a link to a log of which it has seen nothing", {4: [{1: 4, 2: [2, 0]}]}),
    ):
        text = Maker(v.test, {0: [], 1: False, **body, 17: "x"}, seen=seen).make(reveal={3, 4})  # type: ignore[dict-item]
        v.bad("verify", "ref.unknown", name, what, text, **given)
    log = v.test.channel.logs[0].log[0].text()
    two = Maker(v.test, {0: [], 1: False, 3: [[0, 0], [1, 0]], 17: "x"}).make()
    v.bad("verify", "ref.unknown", "policy", "two logs of which it has seen nothing", two, policy=f"log {log}\nquorum none\n")


def add(v: Vectors) -> None:
    """Everything of this file."""
    given = {"charter": v.test.signed.encode()}
    maker = Maker(v.test)
    good(v, maker, given)
    bad(v, maker, given)
    void(v, given)
