"""Every method of the store, over a real file."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ceasewire import limits
from ceasewire.errors import LocalError
from ceasewire.record.values import Row
from ceasewire.store import sqlite
from ceasewire.store.interface import Change, FreshKey, KeptProof, Peer, Refused, Shelved, Store, TileHash
from store.making import appended, cosigned, hash_of, kept, row, rows, state


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    sqlite.create(tmp_path / "store.db")
    opened = sqlite.open_writer(tmp_path / "store.db")
    yield opened
    opened.close()


def refuses(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(LocalError) as caught:
        act()
    assert caught.value.code == code


def test_an_empty_store_answers_every_question(store: Store) -> None:
    assert store.counter == 0
    assert store.states() == {}
    assert store.meta("boot") is None
    assert store.rows(0, 0, 10) == []
    assert store.row(0, 0) is None
    assert list(store.scan()) == []
    assert store.hashes(0, 0, 0, 0) == []
    assert store.rests(0, [hash_of(1)]) == {}
    assert store.checkpoint(0, 1) is store.newest_checkpoint(0) is store.next_checkpoint(0, 0) is None
    assert store.cosignatures(0, 1) == store.first_cosignatures(0, 0) == store.cosigned_since(0, 0) == []
    assert store.last_cosignature(0, 1, 9) is None
    assert store.covered(0) == {}
    assert store.peers() == {}
    assert [*store.fresh_keys(), *store.shelved(), *store.refused(), *store.proofs()] == []
    assert store.fresh_key(b"k") is None
    assert store.commit(Change()) == 0


def test_the_counter_rises_with_what_is_signed(store: Store) -> None:
    assert store.commit(appended(0, 0, 1)) == 1
    assert store.commit(Change(meta={"boot": b"x"})) == 1
    assert store.commit(appended(0, 1, 2)) == 2
    assert store.counter == 2


def test_meta_is_replaced(store: Store) -> None:
    store.commit(Change(meta={"boot": b"one", "charter": b"c"}))
    store.commit(Change(meta={"boot": b""}))
    assert store.meta("boot") == b""
    assert store.meta("charter") == b"c"


def test_one_proof_of_a_kind_against_a_log_is_kept_and_a_later_one_takes_its_place(store: Store) -> None:
    first, other, late = KeptProof(2, 1, 9, 1000, b"a"), KeptProof(0, 5, None, 1001, b"b"), KeptProof(2, 1, 4, 1002, b"c")
    store.commit(Change(proofs=[first, other]))
    assert store.proofs() == [other, first]
    store.commit(Change(proofs=[late, KeptProof(2, 2, 4, 1002, b"d")]))
    assert store.proofs() == [other, late, KeptProof(2, 2, 4, 1002, b"d")]


def test_the_last_cosignature_is_of_one_cosigner_and_the_largest_size_below(store: Store) -> None:
    of_one = [cosigned(0, 3, 1, 10), cosigned(0, 5, 1, 30), cosigned(0, 5, 1, 20), cosigned(0, 6, 1, 31, kind=6), cosigned(0, 9, 1, 40)]
    store.commit(Change(cosignatures=[*of_one, cosigned(0, 7, 2, 50), cosigned(1, 8, 1, 60)]))
    found = [store.last_cosignature(0, 1, below) for below in (3, 4, 9, 10)]
    assert found == [None, of_one[0], of_one[1], of_one[4]]


def test_states_come_back_whole_and_are_replaced(store: Store) -> None:
    store.commit(Change(states=[state(0, 5), state(2**31 + 2**24, 0), state(3, 2**40 + 3, frozen="log.fork")]))
    store.commit(Change(states=[state(0, 6)]))
    assert store.states() == {0: state(0, 6), 3: state(3, 2**40 + 3, frozen="log.fork"), 2**31 + 2**24: state(2**31 + 2**24, 0)}


def test_rows_come_back_in_order_and_in_part(store: Store) -> None:
    store.commit(Change(rows=[*rows(0, 0, 4), row(1, 0, kind=9), *rows(0, 4, 6)]))
    assert store.rows(0, 0, 100) == rows(0, 0, 6)
    assert store.rows(0, 2, 4) == rows(0, 2, 4)
    assert store.rows(0, 6, 9) == store.rows(7, 0, 9) == []
    assert store.row(1, 0) == row(1, 0, kind=9)
    assert store.row(0, 5) == row(0, 5)
    assert store.row(0, 6) is None


@pytest.mark.parametrize(("max_bytes", "count"), [(0, 1), (99, 1), (100, 1), (199, 1), (200, 2), (10_000, 5)])
def test_rows_are_bounded_by_their_bodies_but_one_always_comes(store: Store, max_bytes: int, count: int) -> None:
    store.commit(Change(rows=[row(0, index, body=bytes(100)) for index in range(5)]))
    assert len(store.rows(0, 0, 5, max_bytes)) == count


def test_a_row_that_is_there_or_leaves_a_gap_is_refused_and_nothing_changes(store: Store) -> None:
    store.commit(appended(0, 0, 3))
    for wrong in (row(0, 2), row(0, 4), row(1, 1)):
        refuses("store.damaged", lambda wrong=wrong: store.commit(Change(meta={"m": b"1"}, rows=[wrong], signed=True)))  # type: ignore[misc]
    refuses("store.damaged", lambda: store.commit(Change(rows=[row(0, 3), row(0, 3)])))
    assert (store.counter, store.meta("m"), store.row(0, 3)) == (1, None, None)
    store.commit(appended(0, 3, 4))
    assert store.row(0, 3) == row(0, 3)


def test_a_scan_is_in_order_of_time_then_log_then_index(store: Store) -> None:
    one = [row(0, index, time=10 * (index // 3), kind=index % 3) for index in range(600)]
    two = [row(5, index, time=7 * index, kind=index % 2) for index in range(400)]
    store.commit(Change(rows=one + two))
    everything = sorted(one + two, key=lambda each: (each.time, each.log, each.index))
    assert list(store.scan()) == everything
    assert list(store.scan(kinds=[1])) == [each for each in everything if each.kind == 1]
    assert list(store.scan(kinds=[])) == []
    assert list(store.scan(log=5)) == sorted(two, key=lambda each: each.index)
    assert list(store.scan(since=1000)) == [each for each in everything if each.time >= 1000]
    assert list(store.scan(kinds={0, 2}, log=0, since=70)) == [x for x in everything if x.kind in {0, 2} and x.log == 0 and x.time >= 70]


def test_a_scan_shows_one_commit_while_others_follow(store: Store) -> None:
    store.commit(appended(0, 0, 1000))
    scan = store.scan()
    taken = [next(scan)]
    store.commit(appended(0, 1000, 2000))
    taken += scan
    assert taken == rows(0, 0, 1000)
    assert len(list(store.scan())) == 2000


def test_a_scan_that_is_left_open_gives_its_connection_back(store: Store) -> None:
    store.commit(appended(0, 0, 1000))
    for _ in range(50):
        scan = store.scan()
        next(scan)
        del scan
    assert store.commit(appended(0, 1000, 1001)) == 2


def test_hashes_of_leaves_and_of_tiles(store: Store) -> None:
    tiles = [TileHash(0, 1, index, hash_of("tile", index)) for index in range(3)] + [TileHash(0, 2, 0, hash_of("up"))]
    store.commit(Change(rows=rows(0, 0, 10), tiles=tiles))
    store.commit(Change(tiles=[TileHash(0, 1, 0, hash_of("another"))]))  # without effect
    assert store.hashes(0, 0, 3, 4) == [hash_of("leaf", 0, index) for index in range(3, 7)]
    assert store.hashes(0, 1, 0, 3) == [tile.hash for tile in tiles[:3]]
    assert store.hashes(0, 2, 0, 1) == [hash_of("up")]
    refuses("store.damaged", lambda: store.hashes(0, 0, 8, 3))
    refuses("store.damaged", lambda: store.hashes(0, 1, 3, 1))


def test_checkpoints_are_written_once_and_found_by_size(store: Store) -> None:
    store.commit(Change(checkpoints=[kept(0, 5), kept(0, 9), kept(1, 7)]))
    store.commit(Change(checkpoints=[kept(2, 5), type(kept(0, 5))(0, 5, hash_of("other"), b"other")]))
    assert store.checkpoint(0, 5) == kept(0, 5)
    assert store.checkpoint(0, 6) is None
    assert store.newest_checkpoint(0) == kept(0, 9)
    assert [store.newest_checkpoint(0, size) for size in (4, 5, 8, 9)] == [None, kept(0, 5), kept(0, 5), kept(0, 9)]
    assert [store.next_checkpoint(0, size) for size in (0, 5, 6, 10)] == [kept(0, 5), kept(0, 5), kept(0, 9), None]


def test_cosignatures(store: Store) -> None:
    early, again, other = cosigned(0, 4, -1, 100), cosigned(0, 4, -1, 900), cosigned(0, 4, -1, 100, kind=6)
    south = [cosigned(0, 4, 1, 120), cosigned(0, 8, 1, 110), cosigned(0, 9, 1, 130)]
    store.commit(Change(cosignatures=[again, early, other, *south, cosigned(3, 1, 1, 5)]))
    store.commit(Change(cosignatures=[type(early)(0, 4, -1, 4, 100, b"s")]))  # without effect
    assert store.cosignatures(0, 4) == [early, again, other, south[0]]
    assert store.cosigned_since(0, 4) == south[1:]
    assert store.cosigned_since(0, 9) == []
    assert store.covered(0) == {-1: 4, 1: 9}
    assert store.first_cosignatures(0, 0) == [early, south[1]]  # the earliest time, though over a larger size
    assert store.first_cosignatures(0, 4) == [south[1]]
    assert store.first_cosignatures(0, 9) == []


def test_peers_are_replaced(store: Store) -> None:
    store.commit(Change(peers=[Peer(1), Peer(2, 7, b"id", b"key", {0: 5, 2**31: 1}, {3: 4}, "log.gap", 99)]))
    store.commit(Change(peers=[Peer(1, wants={10: 1, 9: 2})]))
    assert store.peers() == {
        1: Peer(1, wants={9: 2, 10: 1}),
        2: Peer(2, 7, b"id", b"key", {0: 5, 2**31: 1}, {3: 4}, "log.gap", 99),
    }


def test_fresh_keys_are_listed_oldest_first_replaced_and_dropped(store: Store) -> None:
    a, b, c = FreshKey(b"a", 1, b"pa", b"sa", 30), FreshKey(b"b", 2, b"pb", b"sb", 20), FreshKey(b"c", 1, b"pc", b"sc", 10)
    store.commit(Change(fresh_keys=[a, b, c]))
    assert store.fresh_keys() == [c, b, a]
    assert store.fresh_keys(1) == [c, a]
    retired = FreshKey(b"a", 1, b"pa", b"sa", 30, 77)
    store.commit(Change(fresh_keys=[retired], drop_fresh_keys=[b"c", b"unknown"]))
    assert store.fresh_keys() == [b, retired]
    assert store.fresh_key(b"a") == retired
    assert store.fresh_key(b"c") is None


def test_a_dropped_key_is_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    sqlite.create(path)
    store = sqlite.open_writer(path)
    store.commit(Change(fresh_keys=[FreshKey(b"a", 1, b"p", b"a-seed-under-the-pens-key", 30)]))
    store.commit(Change(drop_fresh_keys=[b"a"]))
    store.close()
    assert b"a-seed-under-the-pens-key" not in path.read_bytes()


def test_the_shelf(store: Store) -> None:
    late, early = Shelved(1, 9, 2, "log.gap", 5, b"run"), Shelved(0, 3, 1, "hold.clock", 6, b"x")
    store.commit(Change(shelve=[late, early]))
    assert store.shelved() == [early, late]
    assert store.shelved(data=False) == [replace(one, data=b"") for one in (early, late)]
    longer = Shelved(1, 9, 4, "log.gap", 7, b"longer")
    store.commit(Change(shelve=[longer], unshelve=[(0, 3), (1, 9), (4, 4)]))
    assert store.shelved() == [longer]


def test_refused_bytes_are_numbered_and_newest_come_first(store: Store) -> None:
    store.commit(Change(refused=[Refused(1, None, "enc.type", "d", b"1"), Refused(2, 0, "log.fork", "", b"2")]))
    store.commit(Change(refused=[Refused(3, 1, "log.time", "", b"3")]))
    assert [(each.number, each.data, each.log) for each in store.refused()] == [(3, b"3", 1), (2, b"2", 0), (1, b"1", None)]
    assert [each.number for each in store.refused(limit=1)] == [3]
    assert store.refused(data=False) == [replace(each, data=b"") for each in store.refused()]


def test_refused_bytes_are_bounded_and_the_oldest_go(store: Store) -> None:
    part = limits.REFUSED_BYTES_KEPT // 4
    for time in range(6):
        store.commit(Change(refused=[Refused(time, 0, "log.root", "", bytes(part))]))
    assert [each.time for each in store.refused()] == [5, 4, 3]
    store.commit(Change(refused=[Refused(6, 0, "log.root", "", bytes(limits.REFUSED_BYTES_KEPT + 1))]))
    assert store.refused() == []
    store.commit(Change(refused=[Refused(7, 0, "log.fork", "", b"")]))
    assert [each.number for each in store.refused()] == [8]


def test_who_fills_the_room_for_evidence_loses_its_own(store: Store) -> None:
    store.commit(Change(refused=[Refused(0, 1, "sig.invalid", "", b"against another")]))
    for time in range(1, 9):
        store.commit(Change(refused=[Refused(time, 0, "log.root", "", bytes(limits.REFUSED_BYTES_KEPT // 4))]))
    assert [(each.time, each.log) for each in store.refused()] == [(8, 0), (7, 0), (6, 0), (0, 1)]


TOLD_AGAIN = [
    Change(cosignatures=[cosigned(0, 1, 1, 5)], checkpoints=[kept(0, 1)]),
    Change(peers=[Peer(1, counter_in=7)], meta={"used/1": b"key"}),
]
LASTING = [
    Change(signed=True),
    Change(meta={"closed": b"rolled back"}),
    Change(refused=[Refused(1, 0, "log.root", "", b"")]),
    Change(fresh_keys=[FreshKey(b"k" * 16, 1, b"public", b"sealed", 5)]),
    Change(openings={2**31: b"opening"}),
    Change(peers=[Peer(1)], states=[state(0, 0)]),
    appended(0, 0, 1),
]


def test_only_what_others_say_again_does_not_wait_for_the_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/decisions/0020."""
    assert [change.lasting for change in TOLD_AGAIN] == [False, False]
    assert all(change.lasting for change in LASTING)
    synced: list[int] = []
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: synced.append(handle) or sync(handle))  # type: ignore[func-returns-value]
    for change in TOLD_AGAIN:
        store.commit(change)
    assert store.covered(0) == {1: 1}, "every reader sees it at once"
    store.settle()
    store.settle()
    assert len(synced) == 1
    store.commit(TOLD_AGAIN[1])
    store.commit(LASTING[0])  # which waits, and makes durable what came before
    store.settle()
    assert len(synced) == 1


def test_f4_after_a_sync_that_failed_nothing_more_is_committed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    store.commit(TOLD_AGAIN[1])
    monkeypatch.setattr(os, "fdatasync", fail)
    refuses("disk.failed", store.settle)
    monkeypatch.undo()
    refuses("disk.failed", lambda: store.commit(Change(signed=True)))


def test_room_in_the_log_changes_nothing_but_its_length(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "store.db-wal"
    store.commit(appended(0, 0, 3))
    before = log.read_bytes()
    for _ in range(10):
        store.make_room()
    room = log.read_bytes()
    assert room[: len(before)] == before
    assert not any(room[len(before) :])
    store.commit(appended(0, 3, 300))
    assert log.stat().st_size == len(room) > 16 * 1000**2, "a commit writes where the file is already"
    store.make_room()
    assert log.stat().st_size == len(room)
    assert left_by_a_crash(tmp_path) == store.rows(0, 0, 300)


def test_room_is_made_while_others_commit(store: Store, tmp_path: Path) -> None:
    def commit() -> None:
        for index in range(200):
            store.commit(appended(0, index, index + 1))

    committing = threading.Thread(target=commit)
    committing.start()
    while not store.states():
        pass
    for _ in range(10):
        store.make_room()
    committing.join()
    assert len(left_by_a_crash(tmp_path)) == 200


def left_by_a_crash(folder: Path) -> list[Row]:
    """What a process finds that opens the files as they are now, without what the one that writes would still do to them."""
    crashed = folder / "crashed"
    crashed.mkdir()
    for suffix in ("", "-wal"):
        (crashed / f"store.db{suffix}").write_bytes((folder / f"store.db{suffix}").read_bytes())
    found = sqlite.open_writer(crashed / "store.db")
    held = found.rows(0, 0, 1000)
    found.close()
    return held


def test_no_room_is_taken_where_there_is_little(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(appended(0, 0, 3))
    before, disk = (tmp_path / "store.db-wal").stat().st_size, os.statvfs(tmp_path)
    little = os.statvfs_result([*disk[:4], 100 * 1024**2 // disk.f_frsize, *disk[5:]])
    monkeypatch.setattr(os, "fstatvfs", lambda _: little)
    store.make_room()
    assert (tmp_path / "store.db-wal").stat().st_size == before


def test_f4_room_that_could_not_be_synced_stops_the_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    store.commit(appended(0, 0, 1))
    monkeypatch.setattr(os, "fdatasync", fail)
    refuses("disk.failed", store.make_room)
    monkeypatch.undo()
    refuses("disk.failed", lambda: store.commit(Change(signed=True)))


def test_threads_read_while_one_commits(store: Store) -> None:
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            size = store.states()[0].size if store.states() else 0
            wanted = [hash_of("rest", 0, index) for index in range(0, size, 97)]
            if len(store.rows(0, 0, size)) != size or len(store.rests(0, wanted)) != len(wanted) or len(list(store.scan())) < size:
                wrong.append(size)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for start in range(0, 3000, 60):
        store.commit(appended(0, start, start + 60))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_that_commit_take_turns(store: Store) -> None:
    def write(log: int) -> None:
        for index in range(40):
            store.commit(appended(log, index, index + 1))

    threads = [threading.Thread(target=write, args=(log,)) for log in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counter == 160
    assert [each.size for each in store.states().values()] == [40] * 4


@pytest.mark.parametrize("filters", [{}, {"log": 0}, {"since": 5}, {"kinds": [1, 2]}, {"log": 0, "since": 5, "kinds": [1]}])
def test_a_scan_sorts_nothing(tmp_path: Path, filters: dict[str, Any]) -> None:
    path = tmp_path / "store.db"
    sqlite.create(path)
    asked = []
    store = sqlite.open_reader(path)
    event.listen(store._readers, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    assert list(store.scan(**filters)) == []
    ((statement, values),) = asked
    with store._reading() as connection:
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all())
    store.close()
    assert "message_by_time" in plan
    assert "TEMP B-TREE" not in plan


def test_evidence_of_two_histories_is_never_dropped(store: Store) -> None:
    """Whoever showed two histories could otherwise wash the evidence away with refused rubbish."""
    store.commit(Change(refused=[Refused(1, 1, "log.fork", "size 2", b"both checkpoints")]))
    for n in range(5):
        store.commit(Change(refused=[Refused(2 + n, 1, "log.root", "", bytes(limits.REFUSED_BYTES_KEPT // 3))]))
    left = store.refused()
    assert left[-1].code == "log.fork"
    assert len(left) < 5
