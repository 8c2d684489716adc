"""What a liar puts beside a true message must not stay in our store, stop us, or be passed on by us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceasewire import limits
from ceasewire.exchange.bundle import Run
from ceasewire.node.exchange import Exchange
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
