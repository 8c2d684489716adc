"""The verifier on who may say it: officers, amendments and later logs, each by what the proof bears. I6: the same code as on receipt."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ceasewire.node.proofs import prove
from ceasewire.record import encoding
from ceasewire.record.amendment import amendment_hash, changes_between
from ceasewire.record.draft import amended
from ceasewire.record.encoding import Value
from ceasewire.record.message import Body, Message, disclose, message_of
from ceasewire.tlog import merkle
from ceasewire.tlog.proof import Proof
from ceasewire.verifier import Extra, Report, Support, Trust, verify
from ceasewire.verifier.extra import in_causal_order
from faults.liar import Liar
from helpers import START, hiding, make_channel, refused, statement
from node.pair import ChannelPair, Side
from signers import HERON, KESTREL, OFFICERS, RAVEN, SWIFT, WREN, TestOfficer, recovered, released, say

PARTIES = ("north", "south", "mission:guarantor")
TEXT = {"text": "We hold fire."}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(PARTIES, officers=OFFICERS) as made:
        yield made


def judged(side: Side, log: int, index: int, reveal: list[str] | None = None) -> Report:
    """The verdict on a proof of what a side holds."""
    return verify(prove(side.node, (log, index), reveal), Trust(charter=side.made.signed.encode()))


def taken_apart(data: bytes) -> tuple[Proof, Extra]:
    proof = Proof.parse(data)
    return proof, Extra.decode(proof.extra)


def again(proof: Proof, extra: Extra, side: Side) -> Report:
    """The verdict on a proof whose extra is another."""
    return verify(replace(proof, extra=extra.encode()).encode(), Trust(charter=side.made.signed.encode()))


def _amend(pair: ChannelPair, *sides: str) -> None:
    """An amendment by which one officer is enough for a statement, sent by these."""
    channel = pair.made.channel
    changes = changes_between(channel.charter, amended(channel.charter, {"releases": {"statement": 1}}))
    named = amendment_hash(channel.channel_id, channel.channel_id, changes)
    body = {"base": channel.channel_id.hex(), "amendment": named.hex(), "changes": base64.b64encode(changes).decode()}
    for slug in sides:
        say(pair[slug].folder.path, pair[slug].node, "amendment", body, *({"north": (KESTREL, HERON), "south": (WREN, SWIFT)}[slug]))
        pair.settle()


def _history(pair: ChannelPair) -> None:
    """Officers come and go, a charter is amended, north's keys change; some messages are forged with the real keys."""
    north = pair.north
    say(north.folder.path, north.node, "statement", TEXT, KESTREL, HERON)
    say(north.folder.path, north.node, "keys", {"officers": [RAVEN.json], "duty_telephone": "+1"}, KESTREL, HERON)
    say(north.folder.path, north.node, "keys", {"revoke": [KESTREL.officer.id.hex()]}, RAVEN, HERON)
    pair.settle()
    say(pair.south.folder.path, pair.south.node, "reply", {"re": "north/0", "stance": "noted"}, WREN)
    pair["mission"].node.send("statement", {"text": "Received."})
    liar = Liar(pair.made, 1).add(*(message_of(one) for one in pair.south.node.store.rows(1, 0, 9)))
    both = (WREN, SWIFT)
    forgeries: list[tuple[int, Body, tuple[TestOfficer, ...]]] = [
        (2, {17: "by one"}, (WREN,)),
        (2, {17: "by another's officer"}, (WREN, KESTREL)),
        (2, {17: "of what was not seen", 3: [0, 9]}, both),
        (15, {16: bytes(32), 17: bytes(32)}, both),
        (10, {16: "not ours to take back", 3: [0, 0]}, both),
        (2, {17: "as it must be"}, both),
    ]
    for n, (kind, body, by) in enumerate(forgeries):
        forged = Message(kind, START, {0: 3}, bytes([n]) * 16, {0: [], 1: False, **dict(sorted(body.items()))})
        liar.add(released(pair.made.channel, 1, forged, *by))
    assert pair["mission"].receive(liar.bundle(2, liar.run())).refused == []


def test_every_verdict_is_that_of_the_receiver(pair: ChannelPair) -> None:
    """I6: whole, and with a part hidden, wherever that part is not what is wrong."""
    _history(pair)
    mission = pair["mission"]
    codes = set()
    for log, state in mission.node.store.states().items():
        for one in mission.node.store.rows(log, 0, state.size):
            report = judged(mission, log, one.index)
            codes.add(one.void)
            assert (report.code, report.verdict) == (one.void, "invalid" if one.void else "valid"), (log, one.index)
            part = judged(mission, log, one.index, [])
            if one.void in (None, "release.missing", "release.invalid"):
                assert part.code == one.void, (log, one.index)
    assert codes == {None, "release.missing", "release.invalid", "ref.unknown", "ref.party", "amendment.base"}


def test_an_amendment_by_one_alone_governs_nothing(pair: ChannelPair) -> None:
    _amend(pair, "north")
    north = pair.north
    liar = Liar(pair.made, 0).add(*(message_of(one) for one in north.node.store.rows(0, 0, 9)))
    liar.add(released(pair.made.channel, 0, statement(), KESTREL))
    pair.south.receive(liar.bundle(1, liar.run()))
    assert judged(pair.south, 0, 1).code == "release.missing"


def test_a_proof_bears_the_amendment_that_governs_it(pair: ChannelPair) -> None:
    _amend(pair, "north", "south")
    north = pair.north
    sent = say(north.folder.path, north.node, "statement", TEXT, KESTREL)
    report = judged(north, 0, sent.index, ["text"])
    assert report.verdict == "valid"
    assert (len(report.about["amended"]), [one["name"] for one in report.about["released_by"]]) == (64, ["kestrel"])
    proof, extra = taken_apart(prove(north.node, (0, sent.index), None))
    assert [(one.log, one.index, one.entry.kind) for one in extra.supports] == [(0, 0, 15), (1, 0, 15)]
    for left in (extra.supports[:1], extra.supports[1:], ()):  # without it, the charter that all signed is all there is to go by
        assert again(proof, replace(extra, supports=left), north).code == "release.missing"


def test_what_is_left_out_is_named_as_not_proved(pair: ChannelPair) -> None:
    """A revocation that the prover leaves out does not show: no proof can show that nothing was left out."""
    north = pair.north
    say(north.folder.path, north.node, "keys", {"officers": [RAVEN.json]}, KESTREL, HERON)
    say(north.folder.path, north.node, "keys", {"revoke": [HERON.officer.id.hex()]}, KESTREL, HERON)
    liar = Liar(pair.made, 0).add(*(message_of(one) for one in north.node.store.rows(0, 0, 9)))
    liar.add(released(pair.made.channel, 0, statement(), KESTREL, HERON))
    pair.south.receive(liar.bundle(1, liar.run()))
    proof, extra = taken_apart(prove(pair.south.node, (0, 2), None))
    assert again(proof, extra, north).code == "release.invalid"
    report = again(proof, replace(extra, supports=extra.supports[:1]), north)
    assert report.verdict == "valid"
    assert any("a revoked officer" in sentence for sentence in report.not_proved)


def test_a_proof_tells_no_telephone_number_that_decides_nothing(pair: ChannelPair) -> None:
    north = pair.north
    say(north.folder.path, north.node, "keys", {"duty_telephone": "+0123456789"}, KESTREL, HERON)
    sent = say(north.folder.path, north.node, "statement", TEXT, KESTREL, HERON)
    data = prove(north.node, (0, sent.index), None)
    assert taken_apart(data)[1].supports == ()
    assert b"+0123456789" not in (Proof.parse(data).extra or b"")
    assert judged(north, 0, sent.index).verdict == "valid"


def test_a_support_must_stand_and_hold(pair: ChannelPair) -> None:
    north = pair.north
    say(north.folder.path, north.node, "keys", {"officers": [RAVEN.json]}, KESTREL, HERON)
    say(north.folder.path, north.node, "statement", TEXT, RAVEN, HERON)
    pair.settle()
    proof, extra = taken_apart(prove(north.node, (0, 1), None))
    (one,) = extra.supports
    assert again(proof, extra, north).verdict == "valid"
    assert again(proof, replace(extra, supports=()), north).code == "release.invalid"
    other = Liar(pair.made, 1).add(statement())
    forged = Liar(pair.made, 0).add(released(pair.made.channel, 0, statement(kind=14, f17=[RAVEN.officer.value()]), KESTREL))
    message = forged.messages[0]
    whole = disclose(message.seed, message.body, set(message.body))
    entry = replace(one.entry, time=message.time, seen={}, body_root=whole.root())
    hidden = disclose(message.seed, message.body, set())
    for bad, code in (
        (replace(one, index=1), "merkle.inclusion"),
        (replace(one, note=other.note()), "checkpoint.origin"),
        (replace(one, log=1), "checkpoint.origin"),
        (replace(one, log=7), "checkpoint.origin"),
        (replace(one, note=one.note + b"x"), "note.malformed"),
        (replace(one, note=forged.note(None, forged.made.receipt_line(forged.checkpoint(), 1))), "sig.unknown"),
        (Support(0, 0, entry, whole, (), forged.note()), "release.missing"),
        (Support(0, 0, replace(entry, body_root=hidden.root()), hidden, (), forged.note()), "proof.malformed"),
    ):
        report = again(proof, replace(extra, supports=(bad,)), north)
        assert report.verdict == "invalid"
        assert code is None or report.code == code, (bad, report.steps[-1])


def test_supports_and_openings_stand_in_their_order(pair: ChannelPair) -> None:
    north = pair.north
    for officer in (RAVEN, WREN):
        say(north.folder.path, north.node, "keys", {"officers": [officer.json]}, KESTREL, HERON)
    say(north.folder.path, north.node, "statement", TEXT, KESTREL, HERON)
    proof, extra = taken_apart(prove(north.node, (0, 2), None))
    first, second = extra.supports
    for found in ((second, first), (first, first)):
        assert again(proof, replace(extra, supports=found), north).code == "proof.malformed"
    with refused("proof.malformed"):
        in_causal_order(
            [replace(first, log=1, entry=replace(first.entry, seen={0: 1})), replace(first, entry=replace(first.entry, seen={1: 1}))]
        )
    assert in_causal_order([second, first]) == [first, second]


def test_hidden_releases_and_a_hidden_stance_prove_nothing(pair: ChannelPair) -> None:
    north, south = pair.north, pair.south
    say(north.folder.path, north.node, "statement", TEXT, KESTREL, HERON)
    pair.settle()
    say(south.folder.path, south.node, "reply", {"re": "north/0", "stance": "noted"}, WREN)
    for log, side in ((0, north), (1, south)):
        assert judged(side, log, 0, []).verdict == "valid"
        proof, extra = taken_apart(prove(side.node, (log, 0), None))
        (kept,) = side.node.store.rows(log, 0, 1)
        message = message_of(kept)
        for hidden in (0, 16) if log else (0,):
            shown = hiding(disclose(message.seed, message.body, set(message.body)), hidden)
            report = again(proof, replace(extra, disclosure=shown), side)
            assert (report.code, report.steps[-1].step) == ("release.missing", 13)


def test_a_later_log_verifies_by_its_opening_and_not_without(pair: ChannelPair) -> None:
    pair.settle()
    north = pair.north.rotate()
    sent = say(north.folder.path, north.node, "statement", TEXT, KESTREL, HERON)
    pair.settle()
    for side in (north, pair.south):
        for index in (0, sent.index):
            report = judged(side, north.log, index)
            assert (report.verdict, report.about["ref"]) == ("valid", f"{north.node.names.slug}/{index}")
            proof, extra = taken_apart(prove(side.node, (north.log, index), None))
            assert again(proof, replace(extra, openings=()), side).code == "checkpoint.origin"
            cut = extra.openings[0][:-1] + bytes([extra.openings[0][-1] ^ 1])
            assert again(proof, replace(extra, openings=(cut,)), side).code == "sig.invalid"
            assert again(proof, replace(extra, openings=extra.openings * 2), side).code == "proof.malformed"
    assert {str(one["by"]) for one in judged(pair.south, north.log, 1).vouched} == {north.node.names.slug, "mission", "south"}


def test_an_officer_named_in_a_later_log_counts_there_and_in_the_first(pair: ChannelPair) -> None:
    """Several logs a party: what one device says of officers governs the other once it has seen it."""
    phone = pair.device("north", "phone")
    pair.settle()
    say(phone.folder.path, phone.node, "keys", {"officers": [RAVEN.json]}, KESTREL, HERON)
    pair.settle()
    sent = say(pair.north.folder.path, pair.north.node, "statement", TEXT, RAVEN, KESTREL)
    pair.settle()
    pair.check()
    report = judged(pair.south, 0, sent.index)
    assert (report.verdict, [one["name"] for one in report.about["released_by"]]) == ("valid", ["raven", "kestrel"])
    assert [one.log for one in taken_apart(prove(pair.south.node, (0, sent.index), None))[1].supports][-1] == phone.log


def test_a_recovery_keys_release_verifies_too(pair: ChannelPair) -> None:
    message = recovered(pair.made, 0, statement(kind=14, f17=[RAVEN.officer.value()]), pair.made.parties["north"])
    liar = Liar(pair.made, 0).add(message)
    pair.south.receive(liar.bundle(1, liar.run()))
    report = judged(pair.south, 0, 0)
    assert (report.verdict, report.about["released_by"]) == ("valid", [])
    assert list(report.fields["releases"][0]) == ["recovery_key", "not_after"]


def test_every_byte_of_what_is_borne_counts(pair: ChannelPair) -> None:
    north = pair.north
    say(north.folder.path, north.node, "keys", {"officers": [RAVEN.json]}, KESTREL, HERON)
    say(north.folder.path, north.node, "statement", TEXT, RAVEN, HERON)
    data = prove(north.node, (0, 1), None)
    start = data.index(b"extra ") + 6
    end = data.index(b"\n", start)
    charter = Trust(charter=pair.made.signed.encode())
    assert verify(data, charter).verdict == "valid"
    for at in range(start, end, 3):
        changed = data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :]
        assert verify(changed, charter).verdict == "invalid", at


def test_an_exercise_with_its_narrative_alone_says_so_and_hides_it_never() -> None:
    """Shown-by 6: EXERCISE in the verdict; the field removed: refused."""
    with ChannelPair(exercise=True) as pair:
        pair.north.node.send(
            "notification", {"types": ["A4"], "occurred_from": "2026-03-01T04:12:00Z", "place": "x", "narrative": "Smoke."}
        )
        report = judged(pair.north, 0, 0, ["narrative"])
        assert (report.verdict, report.about["exercise"], set(report.fields)) == ("valid", True, {"exercise", "narrative"})
        proof, extra = taken_apart(prove(pair.north.node, (0, 0), ["narrative"]))
        parts: list[Value] = list(extra.disclosure.parts)
        parts[1] = merkle.leaf_hash(encoding.encode_checked(parts[1]))
        hidden = replace(extra, disclosure=replace(extra.disclosure, parts=tuple(parts)))
        assert again(proof, hidden, pair.north).code == "proof.exercise_hidden"
        stranger = make_channel(("north", "south"), exercise=True, title="Another of the same names")
        data = prove(pair.north.node, (0, 0), None)
        assert verify(data, Trust(charter=stranger.signed.encode())).code == "checkpoint.origin"
