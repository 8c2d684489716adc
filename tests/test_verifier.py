"""The offline verifier: what it reports, and that every byte counts. Each refused input by code is in spec/vectors/verify."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ceasewire.errors import CODES
from ceasewire.node.proofs import prove
from ceasewire.record import fingerprint
from ceasewire.record.channel import Channel
from ceasewire.record.charter import draft
from ceasewire.record.message import Body
from ceasewire.verifier import WHAT, Report, Trust, verify
from ceasewire.verifier.message import _Strangers
from helpers import TestChannel, make_channel
from node.pair import ChannelPair
from vectors.of_proofs import Maker

ROOT = Path(__file__).resolve().parents[1]
NOTIFICATION = {
    "types": ["A4"],
    "occurred_from": "2026-03-01T04:12:00Z",
    "place": "the school at the bridge",
    "accused": "south",
    "casualties": {"civilians": {"killed": [0, 1, 2]}},
    "narrative": "Twelve rounds.",
}


@pytest.fixture(scope="module")
def proved() -> tuple[bytes, bytes, bytes, bytes]:
    """A notification of north, receipted by south: the whole proof, one of two fields, the charter, the channel id."""
    with ChannelPair() as pair:
        pair.north.node.send("notification", NOTIFICATION)
        pair.sync("north", "south")
        whole = prove(pair.north.node, (0, 0), None)
        part = prove(pair.north.node, (0, 0), ["types", "accused"])
        signed = pair.made.signed
        return whole, part, signed.encode(), signed.channel_id


def _numbers(report: Report) -> list[int]:
    return [step.step for step in report.steps]


def test_whole_proof_says_who_vouches_and_what_is_not_proved(proved: tuple[bytes, bytes, bytes, bytes]) -> None:
    whole, _, charter, channel_id = proved
    report = verify(whole, Trust(charter=charter, fingerprint=fingerprint.words(channel_id).upper().replace("-", " ")))
    assert (report.verdict, report.code) == ("valid", None)
    assert _numbers(report) == list(WHAT)
    assert [(v["by"], v["as"]) for v in report.vouched] == [("north", "author"), ("south", "receipt")]
    assert report.fields == {"exercise": False, **NOTIFICATION}
    assert len(report.not_proved) == 5
    assert report.not_proved[0].startswith("that these keys are the named parties'")
    assert json.loads(json.dumps(report.as_json()))["ref"] == "north/0"


def test_part_of_a_proof_shows_that_part_alone(proved: tuple[bytes, bytes, bytes, bytes]) -> None:
    _, part, charter, _ = proved
    report = verify(part, Trust(charter=charter))
    assert report.fields == {"exercise": False, "types": ["A4"], "accused": "south"}
    assert report.about["hidden"] == 4
    assert b"Twelve" not in part
    assert any("4 hidden fields" in sentence for sentence in report.not_proved)


def test_every_byte_counts_with_a_charter(proved: tuple[bytes, bytes, bytes, bytes]) -> None:
    for proof in proved[:2]:
        for at in range(len(proof)):
            changed = proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]
            report = verify(changed, Trust(charter=proved[2]))
            assert (report.verdict, report.code in CODES) == ("invalid", True), at
            assert report.steps[-1].ok is False
            assert "detail" in report.as_json()["steps"][-1]


def test_cut_anywhere_it_is_no_proof(proved: tuple[bytes, bytes, bytes, bytes]) -> None:
    whole, _, charter, _ = proved
    for end in range(0, len(whole), 7):
        assert verify(whole[:end], Trust(charter=charter)).verdict in {"invalid", "unreadable"}


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 a picture", b"%PDF-1.7", b'{"verdict": "valid"}'])
def test_something_else_is_unreadable(data: bytes, proved: tuple[bytes, bytes, bytes, bytes]) -> None:
    report = verify(data, Trust(charter=proved[2]))
    assert (report.verdict, report.code, report.steps) == ("unreadable", "proof.malformed", [])


def test_policy_alone_knows_no_names(proved: tuple[bytes, bytes, bytes, bytes]) -> None:
    """With a policy, as C2SP has it: log keys and a quorum; parties keep their numbers and other cosigners are passed over."""
    with ChannelPair() as pair:
        log, receipt = pair.made.channel.logs[0].log[0], pair.made.channel.logs[1].receipt[0]
        pair.north.node.send("notification", NOTIFICATION)
        pair.sync("north", "south")
        pair.north.node.send("statement", {"re": "north/0", "text": "More of it."})
        pair.south.node.send("line_check", {})
        pair.sync("north", "south")
        pair.north.node.send("line_check", {})
        pair.sync("north", "south")
        first, reply = prove(pair.north.node, (0, 0), None), prove(pair.north.node, (0, 1), None)
        check = prove(pair.north.node, (0, 2), None)
    policy = f"log {log.text()}\nwitness s {receipt.text()}\nquorum s\n".encode()
    report = verify(first, Trust(policy=policy))
    assert (report.verdict, report.code) == ("valid", None)
    assert [v["as"] for v in report.vouched] == ["author", "witness"]
    assert report.fields["not_understood"]["27"] == 1  # south, by its place in a charter that is not here
    assert verify(reply, Trust(policy=policy)).fields["re"] == "0/0"
    written = verify(check, Trust(policy=policy)).fields["receipts"][0]
    assert (written["log"], written["by"]) == (0, "1")
    lone = f"log {log.text()}\nquorum none\n".encode()
    assert [v["as"] for v in verify(first, Trust(policy=lone)).vouched] == ["author"]


def _doubled(proof: bytes, line: int) -> bytes:
    """The proof with one of its signature lines, counted from the end, once more."""
    lines = proof.splitlines(keepends=True)
    return b"".join([*lines, lines[line]])


def test_a_doubled_signature_line_is_refused_and_vouches_for_nobody(proved: tuple[bytes, bytes, bytes, bytes]) -> None:
    """As on receipt: with a charter and with a policy, the author's line and a cosigner's."""
    whole, _, charter, _ = proved
    with ChannelPair() as pair:
        names = pair.made.channel.logs
        pair.north.node.send("statement", {"text": "x"})
        pair.sync("north", "south")
        proof = prove(pair.north.node, (0, 0), None)
    witness, stranger = (
        f"log {names[0].log[0].text()}\n{more}".encode()
        for more in (f"witness s {names[1].receipt[0].text()}\nquorum s\n", "quorum none\n")
    )
    for data, trust in ((whole, Trust(charter=charter)), (proof, Trust(policy=witness)), (proof, Trust(policy=stranger))):
        assert verify(data, trust).verdict == "valid"
        for line in (-1, -2):
            report = verify(_doubled(data, line), trust)
            assert (report.verdict, report.code, report.steps[-1].step) == ("invalid", "note.malformed", 6)
            assert report.vouched == []


def _judged(body: Body, *, reveal: set[int] | None = None, seen: dict[int, int] | None = None, policy: bool = False) -> Report:
    """A proof of message 1 of north's log with this body, judged; `reveal` are the fields to show (None: all)."""
    maker = Maker(make_channel(), body, seen=seen)
    names = maker.test.channel.logs[0]
    trust = Trust(policy=f"log {names.log[0].text()}\nquorum none\n".encode()) if policy else Trust(charter=maker.test.signed.encode())
    return verify(maker.make(reveal=reveal).encode(), trust)


TEXT: Body = {0: [], 1: False, 17: "x"}


@pytest.mark.parametrize("policy", [False, True])
@pytest.mark.parametrize(
    ("body", "seen", "code"),
    [
        ({3: [0, 0]}, None, None),
        ({3: [0, 1]}, None, "ref.unknown"),
        ({3: [[0, 0], [0, 7]]}, None, "ref.unknown"),
        ({3: [[0, 0], [1, 2]]}, {1: 3}, None),
        ({3: [[0, 0], [1, 3]]}, {1: 3}, "ref.unknown"),
        ({3: [[0, 0], [1, 0]]}, None, "ref.unknown"),
        ({4: [{1: 4, 2: [1, 2]}]}, {1: 3}, None),
        ({4: [{1: 4, 2: [1, 3]}]}, {1: 3}, "ref.unknown"),
        ({4: [{1: 4, 2: [0, 1]}]}, {1: 3}, "ref.unknown"),
        ({3: "north/0"}, None, "body.schema"),
        ({4: [[1, [0, 0]]]}, None, "body.schema"),
    ],
)
def test_references_are_to_what_was_there(body: Body, seen: dict[int, int] | None, code: str | None, policy: bool) -> None:
    """What every node marks void, the verifier refuses too, whether the whole message is shown or those fields alone."""
    for reveal in (None, set(body)):
        report = _judged({**TEXT, **body}, reveal=reveal, seen=seen, policy=policy)
        assert (report.code, report.verdict) == (code, "invalid" if code else "valid")
        assert report.steps[-1].step == 14


def test_a_reference_that_is_hidden_is_not_judged() -> None:
    assert _judged({**TEXT, 3: [0, 7]}, reveal={17}).verdict == "valid"


def test_a_kind_that_is_not_understood_refers_to_what_it_likes() -> None:
    made = make_channel()
    signed = draft(replace(made.channel.charter, kinds=(1, 2, 99)))
    for position, slug in enumerate(("north", "south")):
        signers = made.parties[slug].signers
        signed = signed.sign(position, {"ed25519": signers["log", "ed25519"], "mldsa44": signers["log", "mldsa44"]})
    newer = TestChannel(signed, Channel(signed), made.parties)
    maker = Maker(newer, {0: [], 1: False, 3: "north/0"}, kind=99)
    assert verify(maker.make().encode(), Trust(charter=maker.test.signed.encode())).verdict == "valid"


def test_a_shown_field_is_of_its_type_though_others_are_hidden() -> None:
    body: Body = {**TEXT, 16: 5}
    assert (_judged(body, reveal={16}).code, _judged(body, reveal={17}).code) == ("body.schema", None)


def test_without_a_receipt_the_report_says_so() -> None:
    with ChannelPair() as pair:
        pair.north.node.send("statement", {"text": "Nobody has this yet."})
        report = verify(prove(pair.north.node, (0, 0), None), Trust(charter=pair.made.signed.encode()))
    assert report.verdict == "valid"
    assert any("no receipt" in sentence for sentence in report.not_proved)


def test_pages_and_program_have_the_same_steps() -> None:
    page = (ROOT / "spec" / "proof.md").read_text("utf-8")
    assert [int(number) for number in re.findall(r"^\((\d+)\) ", page, re.MULTILINE)] == list(WHAT)


def test_it_runs_without_storage_or_network() -> None:
    code = "import sys, ceasewire.verifier; print(' '.join(sorted(m for m in sys.modules if m.startswith('ceasewire.'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    layers = {name.split(".")[1] for name in done.stdout.split()}
    assert layers == {"errors", "limits", "tlog", "record", "verifier"}


def test_strangers_name_nothing() -> None:
    """Without a charter no slug stands for anybody, in either direction."""
    nobody = _Strangers()
    found = [nobody.number("north"), nobody.log_name(0), nobody.position("north"), nobody.slug(0), nobody.cosigner_name(1)]
    assert found == [None, None, None, None, "1"]
