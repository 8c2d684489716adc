"""The file of the derived tables: deleted, damaged, foreign, of another store, used by many at once. Lists stay right."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ceasewire.errors import LocalError
from ceasewire.node.view import View
from ceasewire.store import sqlite
from ceasewire.store.derived import DerivedFile
from ceasewire.store.derived_interface import DerivedTables, Lost, Wanted
from helpers import local
from record.tales import Tale

from .pair import ChannelPair
from .test_derived import TaleView, Telling, telling


@pytest.fixture
def tale() -> Iterator[Telling]:
    chance = random.Random(4)
    with telling() as made:
        for _ in made.tell(Tale(chance, 40).rows, chance):
            pass
        made.shown()
        yield made


def beside(tale: Telling, suffix: str) -> Path:
    return tale.path.with_name(tale.path.name + suffix)


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def flip(path: Path) -> None:
    """Some bytes in the middle of each page, from the second on."""
    data = bytearray(path.read_bytes())
    for at in range(4096 + 100, len(data), 4096):
        data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE item (n INTEGER)")
    db.close()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE built SET value = x'00' WHERE name = 'by'")
        db.execute("UPDATE summary SET value = '{}'")
    db.close()


@pytest.mark.parametrize("harm", [Path.unlink, garbage, flip, shorten, foreign, folder, of_another_program], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("closed", [True, False])
def test_whatever_befalls_the_file_the_lists_are_right(tale: Telling, harm: Callable[[Path], None], closed: bool) -> None:
    """Harmed while nobody has it open; or while this process does, and opens it again."""
    expected = tale.expected()
    tale.store.close()
    if not closed:
        left = sqlite3.connect(tale.path)  # keeps -wal and -shm where they are
        left.execute("SELECT count(*) FROM item").fetchone()
    harm(tale.path)
    tale.store = sqlite.open_reader(tale.path.with_name("store.sqlite"))
    tale.view = TaleView(tale.store, tale.view.channel, 0)
    try:
        assert tale.shown() == expected
        assert tale.shown() == expected
    finally:
        if not closed:
            left.close()


@pytest.mark.parametrize("suffixes", [[""], ["", "-wal"], ["-wal", "-shm", ""]])
def test_it_may_be_deleted_while_it_is_in_use(tale: Telling, suffixes: list[str]) -> None:
    expected = tale.expected()
    for suffix in suffixes:
        beside(tale, suffix).unlink(missing_ok=True)
    assert tale.shown() == expected
    assert tale.path.exists()


def test_it_is_for_its_owner_alone(tale: Telling) -> None:
    for suffix in ("", "-wal", "-shm"):
        assert stat.S_IMODE(beside(tale, suffix).stat().st_mode) == 0o600


def test_a_store_that_was_put_back_is_read_anew() -> None:
    """It is shorter for a while, then as long again with other messages."""
    chance = random.Random(11)
    rows = Tale(chance, 30).rows
    with telling() as tale, telling() as other:
        told = tale.tell(rows, random.Random(1))
        for _ in range(4):
            next(told)
        tale.store.close()
        early = tale.path.with_name("early.sqlite")
        shutil.copy(tale.path.with_name("store.sqlite"), early)
        for side in (tale, other):
            side.store.close()
        tale.store = sqlite.open_writer(tale.path.with_name("store.sqlite"))
        tale.view = TaleView(tale.store, tale.view.channel, 0)
        for _ in told:
            pass
        assert tale.shown() == tale.expected()
        tale.store.close()
        shutil.copy(early, tale.path.with_name("store.sqlite"))
        tale.store = sqlite.open_reader(tale.path.with_name("store.sqlite"))
        tale.view = TaleView(tale.store, tale.view.channel, 0)
        held = {log: state.size for log, state in tale.store.states().items()}
        tale.held.logs = {log: rows[: held.get(log, 0)] for log, rows in tale.held.logs.items()}
        assert tale.shown() == tale.expected()


def test_another_history_of_the_same_length_is_seen() -> None:
    with ChannelPair() as pair, ChannelPair(seed=1) as twin:
        for side, text in ((pair.north, "one"), (twin.north, "other")):
            for number in range(20):
                side.say(f"{text} {number}")
        assert len(list(pair.north.node.messages(search="one"))) == 20
        pair.north.close()
        twin.north.close()
        shutil.copy(twin.north.folder.store_path, pair.north.folder.store_path)
        with pair.north.folder.view() as view:
            assert list(view.messages(search="one")) == []
            assert len(list(view.messages(search="other"))) == 20
        for side in (pair.north, twin.north):
            side.open()


def test_a_store_whose_messages_are_not_those_of_its_tree_is_damaged() -> None:
    with ChannelPair() as pair:
        for number in range(5):
            pair.north.say(str(number))
        pair.north.close()
        with sqlite3.connect(pair.north.folder.store_path) as db:
            db.execute('UPDATE message SET leaf = zeroblob(32) WHERE "index" = 2')
        db.close()
        with pair.north.folder.view() as view, local("store.damaged"):
            list(view.messages())
        pair.north.open()


READER = """
import sys
from pathlib import Path
from ceasewire.folder import Folder
before = 0
for _ in range(6):
    with Folder(Path(sys.argv[1])).view() as view:
        held = sum(state.size for state in view.store.states().values())
        refs = [one["ref"] for one in view.messages()]
        assert len(refs) == len(set(refs)) >= max(held, before), (held, before, refs)
        before = len(refs)
        cases = view.cases()
        assert all(view.case(view.ref(one["ref"]))["by"] == one["by"] for one in cases)
        assert len(list(view.messages(search="incident"))) >= len(cases)
print("read", before)
"""
INCIDENT = {"types": ["A4"], "occurred_from": "2026-02-28T04:12:00Z", "place": "An incident", "accused": "south"}


def reads_until(done: threading.Event, view: View) -> None:
    """A thread that reads over connections of its own."""
    while not done.is_set():
        held = sum(state.size for state in view.store.states().values())
        assert len(list(view.messages())) >= held
        view.cases()


@pytest.mark.slow
def test_many_read_at_once_while_messages_come_and_it_is_built_anew() -> None:
    with ChannelPair() as pair, ThreadPoolExecutor(2) as threads:
        node, done = pair.north.node, threading.Event()
        pair.north.say("the first")
        command = [sys.executable, "-c", READER, str(pair.north.folder.path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        others = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) for _ in range(2)]
        reading = [threads.submit(reads_until, done, node.reading) for _ in range(2)]
        try:
            for count in range(30):
                node.send_many([("notification", INCIDENT)] * (count % 3 + 1))
                if count % 10 == 5:
                    node.projection.rebuild(lambda _done, _total: None)
                list(node.messages(limit=2))
            said = [other.communicate(timeout=60)[0] for other in others]
        finally:
            done.set()
        assert [one.result(60) for one in reading] == [None, None]
        assert [other.returncode for other in others] == [0, 0], said
        assert len(node.cases()) == 60


BUILDER = """
import sys
from pathlib import Path
from ceasewire.folder import Folder
with Folder(Path(sys.argv[1])).view() as view:
    print("ready", flush=True)
    while True:
        view.projection.rebuild(lambda done, total: None)
"""


@pytest.mark.slow
def test_whoever_is_killed_while_building_leaves_nothing_wrong() -> None:
    with ChannelPair() as pair:
        node, draw = pair.north.node, random.Random(1)
        node.send_many([("notification", INCIDENT)] * 300)
        command = [sys.executable, "-c", BUILDER, str(pair.north.folder.path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        for _ in range(5):
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as other:
                assert other.stdout is not None
                assert other.stdout.readline() == b"ready\n"
                time.sleep(draw.random() / 2)
                other.kill()
            assert len(list(node.messages(search="incident"))) == len(node.cases()) == 300


def test_without_a_place_for_a_file_the_tables_are_in_memory() -> None:
    derived = DerivedFile(Path("/proc/nowhere/derived.sqlite"))
    with pytest.raises(Lost), derived.reading():
        pass
    with derived.writing() as tables:
        tables.set_built("by", b"x")
    with derived.reading() as tables:
        assert tables.built() == {"by": b"x"}
        assert list(tables.items(Wanted())) == []
    derived.delete()
    with derived.reading() as tables:
        assert tables.built() == {}
    derived.close()


def _reset_and_fail(tables: DerivedTables) -> None:
    tables.reset()
    raise LocalError("usage")


def test_a_folder_in_its_place_is_left_alone(tale: Telling) -> None:
    folder(tale.path)
    for suffix in ("-wal", "-shm"):
        beside(tale, suffix).unlink()
    expected = tale.expected()
    tale.view.projection.rebuild(lambda _done, _total: None)
    assert tale.shown() == expected
    assert tale.path.is_dir()


def test_what_fails_within_is_not_kept(tale: Telling) -> None:
    derived = tale.store.derived()
    with local("usage"), derived.writing() as tables:
        _reset_and_fail(tables)
    assert tale.shown() == tale.expected()


def test_a_view_in_another_thread_has_the_same(tale: Telling) -> None:
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(tale.shown()))
    thread.start()
    thread.join()
    assert found == [tale.expected()]
    assert isinstance(tale.view, View)
