"""Runs and checkpoints that lie, signed with true keys: C1 to C6, C16, B1, B4, B13. Refused by a stable code, and nothing half-stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ceasewire.exchange.bundle import Run
from ceasewire.node.status import status
from ceasewire.tlog.checkpoint import Checkpoint, SignedCheckpoint
from ceasewire.tlog.note import SignatureLine
from helpers import START, statement
from node.pair import NOT_THEIR_WORD, ChannelPair

from .liar import Liar, corrupt, signed_by

L = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        yield made


@pytest.fixture
def liar(pair: ChannelPair) -> Liar:
    return Liar(pair.made, 0).add(*(statement(text=str(n), time=START + n) for n in range(3)))


def refuses(pair: ChannelPair, liar: Liar, code: str, *runs: Run, **more: object) -> None:
    """South refuses with the code, keeps the bytes and perhaps a proof, and keeps nothing else of the others; fsck agrees."""
    before, kept = of_others(pair), len(pair.south.node.store.refused())
    taken = pair.south.receive(liar.bundle(1, *runs, **more))
    assert (taken.refused, taken.held, taken.messages) == ([code], [], 0)
    assert of_others(pair) == before
    assert len(pair.south.node.store.refused()) == kept + 1
    assert pair.south.node.store.refused()[0].code == code
    assert pair.south.faults() == []


def of_others(pair: ChannelPair) -> dict[str, list[object]]:
    """All that South's store holds but its own log, in whose line checks proofs are written down, and the proofs themselves."""
    found = pair.south.dump((*NOT_THEIR_WORD, "misconduct"))
    return {name: [row for row in rows if row[0] != pair.south.log and "misconduct" not in str(row[0])] for name, rows in found.items()}


# --- Checkpoints and entries ---


def test_c4_a_root_of_something_else_is_refused(pair: ChannelPair, liar: Liar) -> None:
    refuses(pair, liar, "log.root", liar.run(note=liar.note(pair.made.checkpoint(0, 3, bytes(32)))))


@pytest.mark.parametrize("size", [0, 2, 4, 2**62])
def test_c4_a_checkpoint_of_another_size_is_refused(pair: ChannelPair, liar: Liar, size: int) -> None:
    refuses(pair, liar, "log.root", liar.run(note=liar.note(replace(liar.checkpoint(), size=size))))


def test_c4_a_changed_body_is_refused(pair: ChannelPair, liar: Liar) -> None:
    true = liar.run()
    changed = replace(liar.messages[1], body={**liar.messages[1].body, 17: "changed"})
    refuses(pair, liar, "log.root", replace(true, messages=(true.messages[0], changed, true.messages[2])))


def test_c4_a_changed_seed_is_refused(pair: ChannelPair, liar: Liar) -> None:
    true = liar.run()
    refuses(pair, liar, "log.root", replace(true, messages=(replace(true.messages[0], seed=bytes(16)), *true.messages[1:])))


def test_c4_entries_in_another_order_are_refused(pair: ChannelPair, liar: Liar) -> None:
    liar.messages = [replace(message, time=START) for message in liar.messages]
    true = liar.run()
    refuses(pair, liar, "log.root", replace(true, messages=true.messages[::-1]))


def test_c4_a_history_that_does_not_continue_ours_is_refused(pair: ChannelPair, liar: Liar) -> None:
    pair.south.receive(liar.bundle(1, liar.run()))
    other = Liar(pair.made, 0).add(*(statement(text=f"other {n}", time=START + n) for n in range(5)))
    refuses(pair, liar, "log.root", other.run(3))
    assert pair.south.receive(liar.bundle(1, other.run(0))).refused == ["log.fork"]  # with its beginning it is shown to be another one


def test_d2_decreasing_time_is_refused(pair: ChannelPair, liar: Liar) -> None:
    liar.add(statement(text="earlier", time=START + 1))
    refuses(pair, liar, "log.time", liar.run())


def test_c4_decreasing_seen_is_refused(pair: ChannelPair, liar: Liar) -> None:
    pair.south.say()
    liar.add(statement(time=START + 3, seen={1: 1}), statement(time=START + 4, seen={}))
    refuses(pair, liar, "log.seen", liar.run())


def test_c4_having_seen_oneself_is_refused(pair: ChannelPair, liar: Liar) -> None:
    liar.add(statement(time=START + 3, seen={0: 1}))
    refuses(pair, liar, "log.seen", liar.run())


def test_d2_an_entry_dated_before_what_it_has_seen_is_refused(pair: ChannelPair) -> None:
    pair.south.clock.now = START + 50
    pair.south.say()
    liar = Liar(pair.made, 0).add(statement(time=START + 49, seen={1: 1}))
    refuses(pair, liar, "log.time", liar.run())


def test_d1_a_future_clock_is_held_and_not_refused(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0).add(statement(time=2**62))
    taken = pair.south.receive(liar.bundle(1, liar.run()))
    assert (taken.held, taken.refused, taken.messages) == (["hold.clock"], [], 0)
    assert status(pair.south.node, START, None)["held"] != []


def test_c6_an_older_head_shrinks_nothing(pair: ChannelPair, liar: Liar) -> None:
    pair.south.receive(liar.bundle(1, liar.run()))
    before = pair.south.dump((*NOT_THEIR_WORD, "checkpoint"))
    taken = pair.south.receive(liar.bundle(1, liar.run(0, 1), checkpoints=[liar.note(liar.checkpoint(2))], heads={0: 1}))
    assert (taken.messages, taken.again, taken.refused) == (0, 1, [])
    assert pair.south.dump((*NOT_THEIR_WORD, "checkpoint")) == before
    assert pair.south.faults() == []


def test_c2_our_own_log_is_taken_from_nobody(pair: ChannelPair, liar: Liar) -> None:
    own = Liar(pair.made, 1).add(statement())
    refuses(pair, liar, "log.unknown", own.run())


def test_c2_a_run_under_another_logs_checkpoint_is_refused(pair: ChannelPair, liar: Liar) -> None:
    other = Liar(pair.made, 2).add(*liar.messages)
    refuses(pair, liar, "checkpoint.origin", liar.run(note=other.note()))


# --- Two histories ---


def forked(pair: ChannelPair, liar: Liar) -> Liar:
    pair.south.receive(liar.bundle(1, liar.run()))
    return Liar(pair.made, 0).add(*(statement(text=f"other {n}", time=START + n) for n in range(3)))


def test_c4_two_histories_freeze_the_log_and_keep_both_checkpoints(pair: ChannelPair, liar: Liar) -> None:
    other = forked(pair, liar)
    taken = pair.south.receive(liar.bundle(1, other.run()))
    assert taken.refused == ["log.fork"]
    found = status(pair.south.node, START, None)
    assert [(one["code"], one["log"]) for one in found["alarms"]] == [("log.fork", "north"), ("misconduct", "north")]
    (kept,) = pair.south.node.store.refused()
    assert (kept.code, kept.log) == ("log.fork", 0)
    assert liar.note() in kept.data or liar.checkpoint().text().encode() in kept.data
    assert other.checkpoint().text().encode() in kept.data
    assert [one["void"] for one in pair.south.node.messages(log="north")] == ["log.two_faces"] * 3  # from the index that is proved


def test_c4_a_frozen_log_takes_no_more_and_the_others_go_on(pair: ChannelPair, liar: Liar) -> None:
    other = forked(pair, liar)
    pair.south.receive(liar.bundle(1, checkpoints=[other.note()]))
    liar.add(statement(text="more", time=START + 9))
    refuses(pair, liar, "log.frozen", liar.run(3))
    pair["mission"].say()
    assert pair.sync("mission", "south").receipted == 1
    pair.south.reopen()
    refuses(pair, liar, "log.frozen", liar.run(3))


def test_c5_two_faces_are_found_when_the_two_who_saw_them_meet(pair: ChannelPair, liar: Liar) -> None:
    other = Liar(pair.made, 0).add(*(statement(text=f"other {n}", time=START + n) for n in range(3)))
    pair.south.receive(liar.bundle(1, liar.run()))
    pair["mission"].receive(other.bundle(2, other.run()))
    report = pair.sync("mission", "south")
    assert report.error == "log.fork"
    assert {side.node.store.states()[0].frozen for side in (pair.south, pair["mission"])} == {"log.fork"}


def test_c5_two_faces_of_unlike_size_are_found_by_the_one_who_holds_more(pair: ChannelPair, liar: Liar) -> None:
    other = Liar(pair.made, 0).add(*(statement(text=f"other {n}", time=START + n) for n in range(5)))
    pair.south.receive(liar.bundle(1, liar.run()))
    pair["mission"].receive(other.bundle(2, other.run()))
    for _ in range(2):
        pair.sync("mission", "south")
    assert pair["mission"].node.store.states()[0].frozen == "log.fork"
    assert pair.south.size(0) == 3
    assert pair.south.node.store.states()[0].frozen == "log.fork"  # by the proof that the mission made of the two


# --- Receipts ---


@pytest.fixture
def sent(pair: ChannelPair) -> Checkpoint:
    """South's own log, two entries; the receipts that the tests forge are for it."""
    pair.south.say("one")
    pair.south.say("two")
    kept = pair.south.node.store.checkpoint(1, 2)
    assert kept is not None
    return pair.made.checkpoint(1, 2, kept.root)


def receipted(pair: ChannelPair) -> dict[int, int]:
    return pair.south.node.store.covered(1)


def forged(pair: ChannelPair, checkpoint: Checkpoint, line: SignatureLine) -> bytes:
    return SignedCheckpoint(checkpoint, (pair.made.log_line(checkpoint, 1), line)).encode()


def test_c16_a_true_receipt_is_taken(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    assert pair.south.receive(liar.bundle(1, checkpoints=[liar.receipt(sent)])).receipts == 2
    assert receipted(pair) == {0: 2}


def test_c16_a_receipt_for_another_root_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    other = replace(sent, root=bytes(32))
    line = pair.made.receipt_line(other, 0)
    refuses(pair, liar, "sig.invalid", checkpoints=[forged(pair, sent, line)])


@pytest.mark.parametrize("size", [1, 3])
def test_c16_a_receipt_copied_from_another_size_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint, size: int) -> None:
    line = pair.made.receipt_line(replace(sent, size=size), 0)
    refuses(pair, liar, "sig.invalid", checkpoints=[forged(pair, sent, line)])


def test_c16_a_receipt_copied_from_another_log_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    line = pair.made.receipt_line(pair.made.checkpoint(2, sent.size, sent.root), 0)
    refuses(pair, liar, "sig.invalid", checkpoints=[forged(pair, sent, line)])


def test_c16_a_receipt_copied_from_another_channel_counts_for_nothing(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    with ChannelPair(name="elsewhere") as other:
        line = other.made.receipt_line(other.made.checkpoint(1, sent.size, sent.root), 0)
    taken = pair.south.receive(liar.bundle(1, checkpoints=[forged(pair, sent, line)]))
    assert (taken.refused, taken.receipts, receipted(pair)) == ([], 0, {})


@pytest.mark.parametrize("use", ["log", "recovery"])
def test_c16_a_receipt_by_another_key_of_the_party_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint, use: str) -> None:
    line = signed_by(pair.made, pair.made.party(0).signers[use, "ed25519"], sent, 0, START)
    refuses(pair, liar, "sig.invalid", checkpoints=[forged(pair, sent, line)])


def test_c16_a_receipt_in_another_partys_name_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    line = signed_by(pair.made, pair.made.party(0).signers["receipt", "ed25519"], sent, 2, START)
    refuses(pair, liar, "sig.invalid", checkpoints=[forged(pair, sent, line)])


def test_c16_a_receipt_with_another_time_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    line = pair.made.receipt_line(sent, 0)
    refuses(pair, liar, "sig.invalid", checkpoints=[forged(pair, sent, replace(line, blob=corrupt(line.blob, 7)))])


def test_b4_a_log_signature_is_no_receipt(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    key = pair.made.channel.logs[0].receipt[0]
    bare = pair.made.party(0).signers["log", "ed25519"](sent.text().encode())
    line = SignatureLine(key.name, key.key_id, START.to_bytes(8, "big") + bare)
    refuses(pair, liar, "sig.invalid", checkpoints=[forged(pair, sent, line)])


def test_b4_a_receipt_is_no_log_signature(pair: ChannelPair, liar: Liar) -> None:
    receipt = pair.made.receipt_line(liar.checkpoint(), 0)
    refuses(pair, liar, "sig.missing", liar.run(note=SignedCheckpoint(liar.checkpoint(), (receipt,)).encode()))


def test_c16_a_receipt_of_our_log_that_we_did_not_sign_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    line = pair.made.receipt_line(sent, 0)
    refuses(pair, liar, "sig.missing", checkpoints=[SignedCheckpoint(sent, (line,)).encode()])


def test_c15_a_receipt_that_is_withheld_is_missed_for_ever(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    for year in range(3):
        pair.set_clock(START + year * 365 * 86_400)
        pair.south.bundle(0)
        pair.south.receive(liar.bundle(1))
        logs = status(pair.south.node, int(pair.south.clock.now), None)["logs"]
        assert logs[1]["unreceipted"] == {"mission": 2, "north": 2}
        assert pair.south.node.receipts((1, 0)) == []
    assert pair.south.exchange.compose(0).messages == 2


# --- Single signatures ---


def test_b1_a_signature_with_s_beyond_the_order_is_refused(pair: ChannelPair, liar: Liar) -> None:
    line = liar.own_line(liar.checkpoint())
    s = int.from_bytes(line.blob[32:], "little") + L
    bad = replace(line, blob=line.blob[:32] + s.to_bytes(32, "little"))
    refuses(pair, liar, "sig.invalid", liar.run(note=SignedCheckpoint(liar.checkpoint(), (bad,)).encode()))


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_b2_a_signature_with_a_small_order_point_is_refused(pair: ChannelPair, liar: Liar, point: bytes) -> None:
    bad = replace(liar.own_line(liar.checkpoint()), blob=point + bytes(32))
    refuses(pair, liar, "sig.invalid", liar.run(note=SignedCheckpoint(liar.checkpoint(), (bad,)).encode()))


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_b1_a_changed_signature_is_refused(pair: ChannelPair, liar: Liar, at: int) -> None:
    line = liar.own_line(liar.checkpoint())
    bad = replace(line, blob=corrupt(line.blob, at))
    refuses(pair, liar, "sig.invalid", liar.run(note=SignedCheckpoint(liar.checkpoint(), (bad,)).encode()))


def test_b8_the_kind_of_a_signature_is_fixed_by_its_key(pair: ChannelPair, liar: Liar) -> None:
    """An Ed25519 signature under the ML-DSA-44 key's id, and a receipt's bytes under the log key's."""
    ed, pq = liar.own_line(liar.checkpoint()), liar.own_line(liar.checkpoint(), "mldsa44")
    for wrong in (replace(pq, blob=ed.blob), replace(pq, blob=pq.blob[:8] + ed.blob)):
        refuses(pair, liar, "sig.invalid", liar.run(note=SignedCheckpoint(liar.checkpoint(), (ed, wrong)).encode()))
    refuses(pair, liar, "sig.invalid", liar.run(note=SignedCheckpoint(liar.checkpoint(), (replace(ed, blob=pq.blob),)).encode()))


@pytest.mark.parametrize("name", ["../../etc/passwd", "x';DROP_TABLE_peer;--", "n" * 60_000])
def test_b9_a_line_by_a_strange_name_is_passed_over(pair: ChannelPair, liar: Liar, name: str) -> None:
    """Its sender may know a later log that we do not: that must not keep an honest run from us."""
    line = SignatureLine(name, b"\0\0\0\0", bytes(64))
    run = liar.run(note=liar.note(None, line))
    taken = pair.south.receive(liar.bundle(1, run))
    assert (taken.refused, taken.messages) == ([], len(run.messages))
    assert name.encode() not in b"".join(kept.lines for kept in [pair.south.node.store.newest_checkpoint(0)] if kept)
    assert pair.south.faults() == []


# --- B13: line checks, which bear both signatures ---


@pytest.fixture
def checked(liar: Liar) -> Liar:
    return liar.add(statement(time=START + 5, kind=11))


def test_b13_both_lines_are_taken(pair: ChannelPair, checked: Liar) -> None:
    note = checked.note(None, checked.own_line(checked.checkpoint(), "mldsa44"))
    assert pair.south.receive(checked.bundle(1, checked.run(note=note))).messages == 4
    assert pair.south.faults() == []


def test_b13_a_stripped_line_is_refused(pair: ChannelPair, checked: Liar) -> None:
    refuses(pair, checked, "sig.missing", checked.run())
    alone = SignedCheckpoint(checked.checkpoint(), (checked.own_line(checked.checkpoint(), "mldsa44"),)).encode()
    refuses(pair, checked, "sig.missing", checked.run(note=alone))


@pytest.mark.parametrize("algorithm", ["ed25519", "mldsa44"])
def test_b13_one_invalid_half_is_refused(pair: ChannelPair, checked: Liar, algorithm: str) -> None:
    lines = {kind: checked.own_line(checked.checkpoint(), kind) for kind in ("ed25519", "mldsa44")}
    lines[algorithm] = replace(lines[algorithm], blob=corrupt(lines[algorithm].blob, 40))
    refuses(pair, checked, "sig.invalid", checked.run(note=SignedCheckpoint(checked.checkpoint(), tuple(lines.values())).encode()))


def test_b13_an_invalid_receipt_half_is_refused(pair: ChannelPair, liar: Liar, sent: Checkpoint) -> None:
    good, pq = pair.made.receipt_line(sent, 0), pair.made.receipt_line(sent, 0, "mldsa44")
    bad = replace(pq, blob=corrupt(pq.blob, 99))
    note = SignedCheckpoint(sent, (pair.made.log_line(sent, 1), good, bad)).encode()
    refuses(pair, liar, "sig.invalid", checkpoints=[note])
    assert receipted(pair) == {}
