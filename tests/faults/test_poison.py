"""What a liar puts beside a true message must not stay in our store, stop us, or be passed on by us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceasewire import limits
from ceasewire.exchange.bundle import Run
from ceasewire.node.exchange import Exchange
from ceasewire.record.kinds import KINDS
from ceasewire.record.message import Message
from ceasewire.tlog.checkpoint import SignedCheckpoint
from helpers import START, local, statement
from node.pair import NOT_THEIR_WORD, ChannelPair

from .liar import Liar, corrupt, several


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    with ChannelPair(("north", "south", "mission:guarantor")) as made:
        yield made


def three(pair: ChannelPair, word: str = "true") -> Liar:
    return Liar(pair.made, 0).add(*several(3, lambda n: statement(text=f"{word} {n}")))


def test_c4_two_histories_in_one_bundle_are_a_fork_and_the_first_alone_is_kept(pair: ChannelPair) -> None:
    one, other = three(pair), three(pair, "false")
    taken = pair.south.receive(one.bundle(1, one.run(), other.run()))
    assert (taken.messages, taken.refused) == (3, ["log.fork"])
    assert pair.south.node.store.states()[0].frozen == "log.fork"
    assert pair.south.faults() == []


def test_c4_the_note_of_another_history_beside_the_run_is_a_fork(pair: ChannelPair) -> None:
    one, other = three(pair), three(pair, "false")
    taken = pair.south.receive(one.bundle(1, one.run(), checkpoints=[other.note(other.checkpoint(2))]))
    assert taken.refused == ["log.fork"]
    assert pair.south.node.store.checkpoint(0, 2) is None
    assert pair.south.faults() == []


def test_c4_the_evidence_of_a_fork_holds_both_signed_checkpoints(pair: ChannelPair) -> None:
    one, other = three(pair), three(pair, "false")
    pair.south.receive(one.bundle(1, one.run(), other.run()))
    (kept,) = pair.south.node.store.refused()
    found = [SignedCheckpoint.parse(note) for note in _notes(kept.data)]
    assert {note.checkpoint.root for note in found} == {one.checkpoint().root, other.checkpoint().root}


def _notes(data: bytes) -> list[bytes]:
    from ceasewire.record import encoding  # noqa: PLC0415

    return [encoding.octets(item) for item in encoding.array(encoding.decode(data, limits.BUNDLE_CONTENTS_BYTES))]


def test_c16_a_bad_receipt_under_a_true_run_refuses_all_of_it(pair: ChannelPair) -> None:
    one = three(pair)
    good = pair.made.receipt_line(one.checkpoint(), 2)
    bad = type(good)(good.name, good.key_id, corrupt(good.blob, 40))
    before = pair.south.dump(NOT_THEIR_WORD)
    taken = pair.south.receive(one.bundle(1, one.run(note=one.note(None, bad))))
    assert (taken.messages, taken.refused) == (0, ["sig.invalid"])
    assert pair.south.dump(NOT_THEIR_WORD) == before
    assert pair.south.receive(one.bundle(1, one.run())).messages == 3
    assert pair.south.faults() == []


def test_c16_a_good_receipt_before_a_bad_one_is_not_kept_either(pair: ChannelPair) -> None:
    one = three(pair)
    good, other = pair.made.receipt_line(one.checkpoint(), 2), pair.made.receipt_line(one.checkpoint(), 0)
    bad = type(other)(other.name, other.key_id, corrupt(other.blob, 40))
    pair.south.receive(one.bundle(1, one.run()))
    before = pair.south.dump(NOT_THEIR_WORD)
    assert pair.south.receive(one.bundle(1, checkpoints=[one.note(None, good, bad)])).refused == ["sig.invalid"]
    assert pair.south.dump(NOT_THEIR_WORD) == before


def test_e13_runs_without_messages_do_not_fill_the_shelf(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0)
    empty = [Run(0, 10 + n, (), liar.note(pair.made.checkpoint(0, 10 + n, bytes(32)))) for n in range(50)]
    taken = pair.south.receive(liar.bundle(1, *empty))
    assert set(taken.refused) == {"enc.shape"}
    assert pair.south.node.store.shelved() == []


def test_e13_the_shelf_has_one_bound_for_a_whole_bundle(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0).add(*several(9, lambda n: statement(text=str(n))))
    liar.messages = [liar.messages[0]] * (limits.SHELF_MESSAGES + 3)
    half = limits.SHELF_MESSAGES // 2 + 1
    runs = [liar.run(1, half + 1), liar.run(2, half + 2)]
    pair.south.receive(liar.bundle(1, *runs))
    assert sum(run.count for run in pair.south.node.store.shelved()) <= limits.SHELF_MESSAGES


def test_e13_heads_and_wants_of_logs_that_are_not_there_are_not_kept(pair: ChannelPair) -> None:
    liar = Liar(pair.made, 0)
    pair.south.receive(liar.bundle(1, heads={0: 1, 77: 5, 2: 9}, wants={1: 0, 99: 0}))
    known = pair.south.node.store.peers()[0]
    assert (known.heads, known.wants) == ({0: 1, 2: 9}, {1: 0})


def test_b13_many_signatures_by_one_key_do_not_stop_the_receiver(pair: ChannelPair) -> None:
    one = three(pair)
    more = [one.own_line(one.checkpoint(), "mldsa44", START + n) for n in range(limits.NOTE_SIGNATURES - 1)]
    taken = pair.south.receive(one.bundle(1, one.run(note=one.note(None, *more))))
    assert taken.refused == ["note.malformed"]
    pair.south.receive(one.bundle(1, one.run()))
    pair["mission"].receive(pair.south.bundle(2))  # and south is still understood by others


def test_c11_a_second_exchange_on_one_node_never_repeats_a_counter(pair: ChannelPair) -> None:
    first, second = pair.north.exchange, Exchange(pair.north.node)
    for exchange in (first, second, first, second, first):
        exchange.compose(1)
    counters = []
    for exchange in (first, second) * 3:
        pair.south.receive(exchange.compose(1).data)
        counters.append(pair.south.node.store.peers()[0].counter_in)
    assert counters == sorted(set(counters))


def test_b9_a_pen_of_another_log_opens_no_node(pair: ChannelPair) -> None:
    pair.north.close()
    pair.north.folder.pen_path.write_bytes(pair.south.folder.pen_path.read_bytes())
    (pair.north.folder.path / "unlock.key").write_bytes((pair.south.folder.path / "unlock.key").read_bytes())
    with local("pen.damaged"):
        pair.north.open()


def test_e13_a_bundle_full_of_checkpoints_keeps_us_at_work_no_longer(pair: ChannelPair) -> None:
    one = Liar(pair.made, 0).add(*several(50, lambda n: statement(text=str(n))))
    notes = [one.note(one.checkpoint(n + 1)) for n in range(50)]
    pair.south.receive(one.bundle(1, one.run(), checkpoints=notes))
    assert len(pair.south.dump()["checkpoint"]) == 1 + len(pair.made.channel.logs)


def test_c4_the_evidence_is_kept_once_however_often_the_liar_repeats_it(pair: ChannelPair) -> None:
    one, other = three(pair), three(pair, "false")
    pair.south.receive(one.bundle(1, one.run(), other.run()))
    for _ in range(3):
        assert pair.south.receive(one.bundle(1, checkpoints=[other.note()])).refused == ["log.fork"]
    assert len(pair.south.node.store.refused()) == 1


def test_b13_a_line_check_of_more_parties_than_a_note_has_lines_for_still_reaches_all() -> None:
    """Each receipt of 17 others has two lines, and a note has 32."""
    slugs = tuple(f"p{n:02}" for n in range(18))
    with ChannelPair(slugs) as pair:
        pair["p00"].node.send("line_check", {})
        for slug in slugs[1:]:
            assert pair.sync("p00", slug).error is None
        assert pair.sync("p03", "p17").error is None
        assert set(pair["p00"].node.store.covered(0)) == set(range(1, 18))
        assert pair["p17"].size(0) == 1


@pytest.mark.parametrize("start", [0, 1, 2])
def test_c4_a_second_history_that_goes_further_is_a_fork(pair: ChannelPair, start: int) -> None:
    one = three(pair)
    other = Liar(pair.made, 0).add(*one.messages[:2], *several(3, lambda n: statement(text=f"false {n}")))
    pair.south.receive(one.bundle(1, one.run()))
    assert pair.south.receive(other.bundle(1, other.run(start))).refused == ["log.fork"]
    assert pair.south.node.store.states()[0].frozen == "log.fork"
    (kept,) = pair.south.node.store.refused()
    theirs, ours, shown = _notes(kept.data)
    assert [SignedCheckpoint.parse(note).checkpoint for note in (theirs, ours)] == [other.checkpoint(), one.checkpoint()]
    assert Run.decode(shown) == other.run(start)
    assert pair.south.faults() == []


def test_c4_a_second_history_that_goes_further_in_one_bundle_is_a_fork(pair: ChannelPair) -> None:
    one = three(pair)
    other = Liar(pair.made, 0).add(*one.messages[:2], *several(2, lambda n: statement(text=f"false {n}")))
    pair.south.receive(one.bundle(1, one.run(0, 1)))
    assert pair.south.receive(one.bundle(1, one.run(1), other.run(2))).refused == ["log.fork"]
    assert pair.south.faults() == []


def test_c4_made_up_messages_under_a_true_note_convict_nobody(pair: ChannelPair) -> None:
    one = three(pair).add(statement(text="true 3"))
    pair.south.receive(one.bundle(1, one.run(0, 3)))
    made_up = Run(0, 0, (*three(pair, "false").messages, statement(text="made up")), one.note())
    assert pair.south.receive(Liar(pair.made, 2).bundle(1, made_up)).refused == ["log.root"]
    assert pair.south.node.store.states()[0].frozen is None
    assert pair.south.receive(one.bundle(1, one.run())).messages == 1


def test_c9_the_evidence_against_our_own_log_is_kept_once(pair: ChannelPair) -> None:
    pair.north.say()
    other, mission = Liar(pair.made, 0).add(statement(text="other")), Liar(pair.made, 2)
    for _ in range(3):
        assert pair.north.receive(mission.bundle(0, checkpoints=[other.note(), other.note()])).refused == ["log.fork"] * 2
    assert [one.code for one in pair.north.node.store.refused()] == ["log.fork"]


@pytest.mark.parametrize("time", [0, 253_402_300_800, 2**40])
def test_d2_a_receipt_of_a_time_that_no_message_can_write_down_is_refused(pair: ChannelPair, time: int) -> None:
    pair.north.say()
    kept = pair.north.node.store.newest_checkpoint(0)
    assert kept is not None
    checkpoint, south = pair.north.node.checkpoint(kept), Liar(pair.made, 1)
    for algorithm in ("ed25519", "mldsa44"):
        receipt = south.receipt(checkpoint, time, algorithm)
        assert pair.north.receive(south.bundle(0, checkpoints=[receipt])).refused == ["sig.invalid"]
    assert pair.north.node.store.covered(0) == {}
    pair.north.receive(south.bundle(0, checkpoints=[south.receipt(checkpoint, 253_402_300_799)]))
    assert pair.north.node.store.covered(0) == {1: 1}


@pytest.mark.parametrize("weak", [3, 4])
def test_b13_a_weaker_checkpoint_does_not_stop_a_line_check_from_being_passed_on(pair: ChannelPair, weak: int) -> None:
    check = statement(kind=KINDS["line_check"])
    check.body.pop(17)
    mission = Liar(pair.made, 2).add(*several(2, lambda n: statement(text=str(n))), check)
    mission.add(*several(2, lambda n: statement(text=f"after {n}")))
    both = mission.note(None, mission.own_line(mission.checkpoint(), "mldsa44"))
    assert pair.north.receive(mission.bundle(0, mission.run(note=both))).messages == 5
    for size in {2, weak}:
        pair.north.receive(mission.bundle(0, checkpoints=[mission.note(mission.checkpoint(size))]))
    pair.north.say("after it")
    for _ in range(2):
        assert pair.sync("north", "south").error is None
    assert (pair.south.size(2), pair.south.size(0)) == (5, 1)


def large(count: int) -> list[Message]:
    return [statement(text=f"{n:05}", f60=bytes(32_000)) for n in range(count)]


def test_e13_a_run_that_could_not_be_passed_on_is_refused(pair: ChannelPair) -> None:
    mission = Liar(pair.made, 2).add(*large(limits.RUN_BYTES // 32_000 + 1))
    fits = next(n for n in range(len(mission.messages), 0, -1) if mission.run(0, n).weight() <= limits.RUN_BYTES)
    assert pair.north.receive(mission.bundle(0, mission.run())).refused == ["enc.size"]
    assert pair.north.receive(mission.bundle(0, mission.run(0, fits))).messages == fits
    pair.south.say("please receipt")
    for _ in range(2):
        pair.sync("south", "north")
    assert pair.south.node.store.covered(1) == {0: 1}
    assert pair.south.size(2) == fits


def test_e13_many_batches_are_cut_into_runs_that_can_be_passed_on(pair: ChannelPair) -> None:
    for _ in range(3):
        pair.north.node.send_many([("statement", {"text": "x" * 15_000})] * 250)
    composed = pair.north.exchange.compose(1)
    assert (composed.reach, composed.messages, composed.more) == ({0: 250}, 250, True)
    assert pair.sync("north", "south").receipted == 750


def test_e13_a_refused_run_of_a_third_log_does_not_end_a_talk(pair: ChannelPair) -> None:
    mission = Liar(pair.made, 2).add(*several(4, lambda n: statement(text=f"one {n}")))
    false = Liar(pair.made, 2).add(*several(3, lambda n: statement(text=f"false {n}")))
    pair.north.receive(mission.bundle(0, mission.run()))
    pair.south.receive(false.bundle(1, false.run()))
    for n in range(3):
        pair.north.say(str(n))
        pair.south.say(f"south {n}")
        pair.sync("south", "north")
        assert pair.south.node.store.covered(1)[0] == n + 1
    assert pair.south.node.store.states()[2].frozen == "log.fork"
