"""The sorted runs that find a `rest` hash."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceasewire.node.memory import Remembering
from ceasewire.record.values import Row
from ceasewire.store import rests, sqlite
from ceasewire.store.interface import INDEXED, Change
from ceasewire.store.rests import RUN_BASE, RUN_MAX, Run
from store.making import hash_of, row, state


@given(st.integers(0, 5 * RUN_MAX))
def test_the_layout_covers_the_log_without_its_newest(size: int) -> None:
    runs = rests.layout(size)
    assert [run.start for run in runs] == [0, *accumulate(run.length for run in runs)][: len(runs)]
    assert size - RUN_BASE < sum(run.length for run in runs) <= size
    assert all(run.start % run.length == 0 for run in runs)
    assert [run.length for run in runs] == sorted((run.length for run in runs), reverse=True)
    assert len(runs) <= size // RUN_MAX + 10


@given(st.integers(0, 2 * RUN_MAX), st.integers(0, 2 * RUN_MAX))
def test_a_run_is_never_split(size: int, more: int) -> None:
    later = rests.layout(size + more)
    for run in rests.layout(size):
        assert any(new.start <= run.start and run.start + run.length <= new.start + new.length for new in later)


def test_words_survive_keeping_and_a_torn_word_does_not() -> None:
    words = rests.words_of(Run(256, 256), [(256 + at, hash_of(at)) for at in range(256)], [])
    assert rests.decode(rests.encode(words)) == words
    assert rests.encode(words)[:8] == words[0].to_bytes(8, "little")
    with pytest.raises(ValueError, match="multiple"):
        rests.decode(rests.encode(words)[:-1])


@given(st.lists(st.sampled_from([bytes(32), b"\xff" * 32, hash_of(0), hash_of(1)]), min_size=512, max_size=512))
def test_a_merged_run_nominates_as_the_two_did(given_rests: list[bytes]) -> None:
    pairs = list(enumerate(given_rests))
    halves = [(Run(at, 256), rests.words_of(Run(at, 256), pairs[at : at + 256], [])) for at in (0, 256)]
    whole = Run(0, 512)
    merged = [(whole, rests.words_of(whole, [], halves))]
    for rest in set(given_rests):
        assert list(rests.candidates(merged, rest)) == [index for index, each in pairs if each == rest]
        assert list(rests.candidates(halves, rest)) == list(rests.candidates(merged, rest))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_store_finds_what_a_dictionary_finds(tmp_path_factory: pytest.TempPathFactory, parts: list[int], dice: object) -> None:
    path = tmp_path_factory.mktemp("rests") / "store.db"
    sqlite.create(path)
    store = sqlite.open_writer(path)
    truth: dict[bytes, int] = {}
    end = 0
    for count in parts:
        # Every third hash is one of few, and some of those differ only after the bits that a word holds.
        added = [_row(index, dice) for index in range(end, end + count)]
        store.commit(Change(rows=added))
        end += count
        for each in added:
            truth.setdefault(each.rest, each.index)
        asked = [*truth, *(hash_of("absent", at) for at in range(20))]
        assert store.rests(0, asked) == truth
        assert store.rests(1, asked) == {}
        below = end - end % INDEXED
        assert store.rests(0, asked, below) == {rest: index for rest, index in truth.items() if index < below}
    store.close()
    reader = sqlite.open_reader(path)
    assert reader.rests(0, list(truth)) == truth
    reader.close()


@settings(max_examples=15)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_what_a_process_remembers_is_what_its_store_finds(tmp_path_factory: pytest.TempPathFactory, parts: list[int], dice: object) -> None:
    path = tmp_path_factory.mktemp("rests") / "store.db"
    sqlite.create(path)
    store = sqlite.open_writer(path)
    memory, end = Remembering(store), 0
    for count in parts:
        added = [_row(index, dice) for index in range(end, end + count)]
        end += count
        memory.commit(Change(rows=added, states=[state(0, end)]))
        asked = [*(one.rest for one in added), *(one.rest for one in store.rows(0, 0, 40)), hash_of("absent", 0)]
        assert memory.rests(0, asked) == store.rests(0, asked)
    store.close()


def _row(index: int, dice: object) -> Row:
    choice = dice.randrange(60)  # type: ignore[attr-defined]
    return row(0, index, rest=hash_of("alike")[:8] + bytes(23) + bytes([choice]) if choice < 20 else None)


def test_a_run_kept_for_ever_is_not_merged_further(tmp_path: Path) -> None:
    few = rests.layout(RUN_MAX + RUN_BASE)
    assert few == [Run(0, RUN_MAX), Run(RUN_MAX, RUN_BASE)]
    assert rests.layout(2 * RUN_MAX)[:1] == [Run(0, RUN_MAX)]
