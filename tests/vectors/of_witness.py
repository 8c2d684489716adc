"""Vectors of C2SP tlog-witness: requests and what a witness answers to them, answers and what a client makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ceasewire.tlog import checkpoint as checkpoints
from ceasewire.tlog import merkle, witness
from ceasewire.tlog.note import COSIGNATURE_ED25519, SignatureLine, VerifierKey
from ceasewire.tlog.witness import Head, Request
from helpers import START, make_party

from .base import Vectors
from .of_tlog import KEY, LEAVES, NORTH, ROOTS, read

SOUTH = make_party("south")
WITNESS = VerifierKey("tower.example/w", COSIGNATURE_ED25519, SOUTH.card.keys.receipt_ed25519)
FORKED = merkle.tree_root([*LEAVES[:6], merkle.leaf_hash(b"another")])


def head(size: int, root: bytes | None = None) -> Head:
    return Head(KEY.name, size, ROOTS[size] if root is None else root)


def request(old: int, size: int, root: bytes | None = None) -> Request:
    """Of the log of of_tlog, signed by it."""
    signed = head(size, root)
    path = tuple(merkle.consistency_path(read, old, size)) if old <= size else ()
    return Request(old, path, signed, (checkpoints.sign(signed, KEY, NORTH.signers["log", "ed25519"]),))


def answer(over: Head, key: VerifierKey = WITNESS, time: int = START) -> str:
    return checkpoints.sign(over, key, SOUTH.signers["receipt", "ed25519"], time).text()


def requests(v: Vectors) -> None:
    good = request(3, 7)
    known: dict[str, Any] = {"keys": [KEY.text()], "known": [3, ROOTS[3]]}
    text = good.encode().decode()
    spoilt = SignatureLine(KEY.name, KEY.key_id, bytes(64))
    stranger = checkpoints.sign(good.head, VerifierKey(KEY.name, 1, SOUTH.card.keys.log_ed25519), SOUTH.signers["log", "ed25519"])
    for name, what, data, status, more in (
        ("cosigned", "from 3 to 7", text, 200, {}),
        ("first", "the first checkpoint", request(0, 7).encode().decode(), 200, {"known": [0, ROOTS[0]]}),
        ("unchanged", "the same again", request(3, 3).encode().decode(), 200, {}),
        ("empty", "the empty tree", request(0, 0).encode().decode(), 200, {"known": [0, ROOTS[0]]}),
        ("stranger-besides", "a stranger's line beside the log's", replace(good, lines=(stranger, *good.lines)), 200, {}),
        ("unknown-log", "no key is trusted for the origin", text, 404, {"keys": []}),
        ("stranger", "signed by a key that is not trusted", replace(good, lines=(stranger,)), 403, {}),
        ("spoilt", "the log's signature does not verify", replace(good, lines=(spoilt,)), 403, {}),
        (
            "spoilt-besides",
            "a good line, and one by that key that does not verify",
            replace(good, lines=(*good.lines, spoilt)),
            403,
            {},
        ),
        ("old-above", "the old size is above the checkpoint's", replace(request(7, 3), path=()), 400, {}),
        ("other-size", "it cosigned another size last", text, 409, {"known": [5, ROOTS[5]]}),
        ("from-nothing", "from 0, and it cosigned 3", request(0, 7).encode().decode(), 409, {}),
        ("short", "a hash is missing", replace(good, path=good.path[:-1]), 422, {}),
        ("proof-from-nothing", "from 0 with a proof", replace(request(0, 7), path=good.path), 422, {"known": [0, ROOTS[0]]}),
        ("forked", "another history", replace(request(3, 7, FORKED), path=good.path), 422, {"known": [3, ROOTS[4]]}),
        ("forked-same-size", "the same size with another root", request(7, 7, FORKED).encode().decode(), 422, {"known": [7, ROOTS[7]]}),
        ("empty-other-root", "the empty tree with a root that is not its", request(0, 0, ROOTS[1]), 422, {"known": [0, ROOTS[0]]}),
    ):
        written = data if isinstance(data, str) else data.encode().decode()
        v.ok("witness", name, what, written, {"status": status}, **{**known, **more})
    for code, name, what, written in (
        ("witness.malformed", "no-old", "no old size", text.replace("old 3\n", "")),
        ("witness.malformed", "leading-zero", "an old size with a leading zero", text.replace("old 3", "old 03")),
        ("witness.malformed", "two-spaces", "two spaces", text.replace("old 3", "old  3")),
        ("witness.malformed", "2-63", "an old size of 2^63", text.replace("old 3", f"old {2**63}")),
        ("witness.malformed", "64-hashes", "64 hashes", replace(good, path=(bytes(32),) * 64).encode().decode()),
        ("witness.malformed", "short-hash", "a hash of 31 bytes", text.replace("\n", "\n" + "A" * 40 + "AA==\n", 1)),
        ("witness.malformed", "carriage-return", "carriage returns", text.replace("\n", "\r\n")),
        ("note.malformed", "unsigned", "no signature", text.rpartition("\n\n")[0] + "\n\n"),
        ("checkpoint.malformed", "two-lines", "a checkpoint of two lines", text.replace(f"{KEY.name}\n7\n", "7\n")),
    ):
        v.bad("witness", code, name, what, written, **known)


def answers(v: Vectors) -> None:
    over = head(7)
    given: dict[str, Any] = {"vkey": WITNESS.text(), "checkpoint": over.text()}
    good = answer(over)
    other = VerifierKey("other.example/w", COSIGNATURE_ED25519, SOUTH.card.keys.receipt_ed25519)
    v.ok("witness-answer", "cosigned", "one line", good, {"time": START}, **given)
    v.ok("witness-answer", "others-besides", "lines by other keys besides", answer(over, other) + good, {"time": START}, **given)
    for code, name, what, data in (
        ("sig.missing", "other-key", "by another key alone", answer(over, other)),
        ("sig.invalid", "other-size", "over another size", answer(head(6))),
        ("sig.invalid", "no-time", "a time of 0", answer(over, time=0)),
        ("witness.malformed", "empty", "nothing", ""),
        ("witness.malformed", "no-newline", "no newline at the end", good[:-1]),
        ("witness.malformed", "page", "a page of a website", "<html></html>\n"),
        ("witness.malformed", "whole-note", "the note, not its lines alone", f"{over.text()}\n{good}"),
    ):
        v.bad("witness-answer", code, name, what, data, **given)
    v.ok("witness-size", "smaller", "a size", witness.size_body(3).decode(), {"size": 3}, ours=7)
    v.bad("witness-size", "witness.ahead", "8-of-7", "more than there is", "8\n", ours=7)
    v.ok("witness-refusal", "other-size", "another size", "5\n", {}, status=409, old=3, ours=7)
    v.ok("witness-refusal", "unknown", "a log that it does not know", "", {}, status=404, old=0, ours=7)
    for name, what, status, old, text in (
        ("not-consistent", "a proof that does not lead there", 422, 3, ""),
        ("same-size", "one size with another root", 422, 7, ""),
        ("same-size-1.0.0", "the same, as version 1.0.0 of tlog-witness says it", 409, 7, "7\n"),
    ):
        v.bad("witness-refusal", "witness.history", name, what, text, status=status, old=old, ours=7)
    for name, what, text in (("no-newline", "no newline", "3"), ("zero", "a leading zero", "03\n"), ("words", "no number", "three\n")):
        v.bad("witness-size", "witness.malformed", name, what, text, ours=7)


def add(v: Vectors) -> None:
    requests(v)
    answers(v)
