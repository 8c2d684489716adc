"""Killed, full, failing: what was acknowledged is there, and what was not acknowledged changed nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ceasewire.store import sqlite
from store.making import hash_of, rows

COMMON = """
import resource, sys
from pathlib import Path
from ceasewire.errors import LocalError
from ceasewire.store import sqlite
from ceasewire.store.interface import Change
from store.making import appended
path = Path(sys.argv[1])
"""


def child(script: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*prefix, sys.executable, "-c", COMMON + script, *arguments]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def said(script: str, *arguments: str, prefix: tuple[str, ...] = ()) -> list[str]:
    with child(script, *arguments, prefix=prefix) as process:
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    return output.decode().split()


APPENDING = r"""
import os
def append():
    print(os.getpid(), flush=True)
    store = sqlite.open_writer(path)
    size = store.states()[0].size if store.states() else 0
    while True:
        more = 1 + size % 7
        counter = store.commit(appended(0, size, size + more))
        size += more
        print(size, counter, flush=True)

for _ in sys.stdin:  # every line asks for one more process that appends until it is killed
    pid = os.fork()
    if pid == 0:
        append()
    os.waitpid(pid, 0)
    print("\ndead", pid, flush=True)  # on a line of its own, whatever the other was in the middle of
"""


def killed_while_appending(process: subprocess.Popen[bytes], seconds: float) -> list[tuple[int, int]]:
    """The (size, counter) pairs that one appending process acknowledged before it was killed."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    worker = int(process.stdout.readline())
    lines = [process.stdout.readline()]  # it is at work
    time.sleep(seconds)
    os.kill(worker, signal.SIGKILL)
    while not lines[-1].startswith(b"dead"):
        lines.append(process.stdout.readline())
        assert lines[-1], "the process that starts the others is gone"
    pairs = [line.split() for line in lines[:-1] if line.endswith(b"\n")]
    return [(int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2]


@pytest.mark.slow
def test_what_was_acknowledged_survives_being_killed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    sqlite.create(path)
    dice = random.Random(4)
    acknowledged = (0, 0)
    with child(APPENDING, str(path)) as process:
        for _ in range(30):
            acknowledged = max([acknowledged, *killed_while_appending(process, dice.random() * 0.08)])
            store = sqlite.open_reader(path)
            size = store.states()[0].size
            assert size >= acknowledged[0]
            assert store.counter >= acknowledged[1]
            assert store.rows(0, 0, size + 1) == rows(0, 0, size)
            newest = store.newest_checkpoint(0)
            assert newest is not None
            assert newest.size == size
            asked = {hash_of("rest", 0, index): index for index in range(0, size, 11)}
            assert store.rests(0, list(asked)) == asked
            store.close()
        process.kill()
    assert acknowledged[0] > 100


def test_a_reader_works_beside_a_writer_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    sqlite.create(path)
    reader = sqlite.open_reader(path)
    seen = []
    with child(APPENDING, str(path)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        worker = int(process.stdout.readline())
        for _ in range(60):
            size, counter = map(int, process.stdout.readline().split())
            assert reader.counter >= counter
            assert len(reader.rows(0, 0, size)) == size
            seen.append(size)
        os.kill(worker, signal.SIGKILL)
        process.kill()
    reader.close()
    assert seen == sorted(set(seen))


WITHIN = """
store = sqlite.open_writer(path)
store.commit(appended(0, 0, 50))
resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size + 9000, -1))
codes, size = [], 50
try:
    while size < 5000:
        store.commit(appended(0, size, size + 10))
        size += 10
except LocalError as error:
    codes.append(error.code)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
try:
    store.commit(Change(meta={"m": b"1"}))
except LocalError as error:
    codes.append(error.code)
print(*codes, size, store.states()[0].size, len(store.rows(0, 0, 9999)))
store.close()
"""


def test_after_an_io_error_nothing_is_changed_and_nothing_more_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    sqlite.create(path)
    first, second, size, state, count = said(WITHIN, str(path))
    assert (first, second) == ("disk.failed", "disk.failed")
    assert size == state == count
    store = sqlite.open_writer(path)
    assert store.states()[0].size == int(size)
    assert store.meta("m") is None
    store.close()


FULL = """
import subprocess
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], check=True)
sqlite.create(path / "store.db")
store = sqlite.open_writer(path / "store.db")
size = 0
try:
    while True:
        store.commit(appended(0, size, size + 100))
        size += 100
except LocalError as error:
    print(error.code)
print(len(store.rows(0, 0, 99999)) == store.states()[0].size == size)
subprocess.run(["mount", "-o", "remount,size=16m", str(path)], check=True)
store.commit(appended(0, size, size + 100))
print(store.states()[0].size == size + 100)
store.close()
"""


def test_a_full_disk_changes_nothing_and_may_be_freed(tmp_path: Path) -> None:
    apart = ("unshare", "--mount", "--map-root-user")
    if subprocess.run([*apart, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us mount nothing, not even apart")
    assert said(FULL, str(tmp_path), prefix=apart) == ["disk.failed", "True", "True"]


CREATING = """
resource.setrlimit(resource.RLIMIT_FSIZE, (8000, -1))
try:
    sqlite.create(path)
except LocalError as error:
    print(error.code, len(list(path.parent.iterdir())))
"""


def test_a_store_that_cannot_be_made_whole_is_not_made(tmp_path: Path) -> None:
    assert said(CREATING, str(tmp_path / "store.db")) == ["disk.failed", "0"]
