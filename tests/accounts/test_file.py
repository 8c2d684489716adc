"""The file: whose it is, what it was written by, and that what was said to be done is in it."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from accounts.conftest import HERE, NOW, Team
from accounts.test_links import code_of
from ceasewire.accounts import FILE, Accounts, schema
from ceasewire.accounts.database import Database
from ceasewire.errors import LocalError


def opened(path: Path) -> str | None:
    return code_of(lambda: Accounts.open(path, os.urandom).close())


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        accounts = Accounts.open(tmp_path / FILE, os.urandom)
        accounts.invite("administrator", None, None, NOW)
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
        accounts.close()
    finally:
        os.umask(before)
    assert set(modes) >= {FILE, f"{FILE}-wal", "accounts.lock"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700])
def test_a_file_that_others_could_read_is_refused(team: Team, mode: int) -> None:
    team.accounts.close()
    team.path.chmod(mode)
    assert opened(team.path) == "pen.mode"


def test_what_is_not_our_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"no database at all, but a long enough text to be read as one" * 20)
    path.chmod(0o600)
    assert opened(path) == "account.damaged"
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    path.chmod(0o600)
    assert opened(path) == "account.damaged"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert opened(path) == "pen.mode"
    assert not (tmp_path / "elsewhere").exists()
    path.unlink()
    path.mkdir(mode=0o600)
    assert opened(path) == "account.damaged"
    assert opened(tmp_path / "nowhere" / FILE) == "disk.failed"


def test_no_randomness_makes_nothing(tmp_path: Path) -> None:
    assert code_of(Accounts.open, tmp_path / FILE, lambda count: b"") == "random.failed"
    assert opened(tmp_path / FILE) is None, "and the next start does"


def test_a_later_version_is_reached_by_its_steps_and_not_left_again(team: Team) -> None:
    """What is there stays through a step, a step that fails leaves the file as it was, and an older program keeps its hands off."""
    team.accounts.close()

    def adds(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE person ADD COLUMN rank TEXT NOT NULL DEFAULT 'none'"))

    def fails(connection: Connection) -> None:
        connection.execute(text("DELETE FROM person"))
        raise LocalError("disk.failed")

    assert code_of(Database, team.path, os.urandom, (*schema.STEPS, fails)) == "disk.failed"
    database = Database(team.path, os.urandom, (*schema.STEPS, adds))
    with database.reading() as connection:
        assert connection.execute(text("SELECT name, rank FROM person")).all() == [("Kestrel", "none"), ("Heron", "none")]
        assert connection.execute(text("PRAGMA user_version")).scalar() == len(schema.STEPS) + 1
    database.close()
    assert opened(team.path) == "store.newer"
    again = Database(team.path, os.urandom, (*schema.STEPS, adds))
    again.close()


def test_a_closed_file_is_an_error_with_a_code(team: Team) -> None:
    team.accounts.close()
    team.accounts.close()
    assert code_of(team.accounts.accounts) == "disk.failed"
    assert code_of(team.accounts.invite, "reader", None, 1, NOW) == "disk.failed"


def _note_many(path: str, prefix: str, count: int) -> None:
    for number in range(count):
        if number % 20 == 0:  # opening and closing move the write-ahead log into the file
            accounts = Accounts.open(Path(path), os.urandom)
        accounts.note(None, "noted", f"{prefix} {number}", NOW)
        if number % 20 == 19:
            accounts.close()


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.sweep)])
def test_two_processes_lose_nothing_of_each_other(team: Team, count: int) -> None:
    """Each writes so many lines, opening and closing the file as it goes; we write and read between them; every line is there once."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        jobs = [pool.apply_async(_note_many, (str(team.path), prefix, count)) for prefix in ("one", "two")]
        for number in range(count):
            team.accounts.note(None, "noted", f"ours {number}", NOW)
            team.accounts.audit(3)
        for job in jobs:
            job.get(300)
    found = sorted(line.about for line in team.accounts.audit(10**6) if line.what == "noted")
    assert found == sorted(f"{prefix} {number}" for prefix in ("one", "two", "ours") for number in range(count))


def test_only_one_process_writes_at_a_time(team: Team) -> None:
    handle = os.open(team.path.with_suffix(".lock"), os.O_RDWR)
    try:
        with team.accounts._db.writing(), pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(handle)


def test_an_import_that_holds_the_folder_keeps_nobody_out(team: Team) -> None:
    handle = os.open(team.path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        team.accounts.note(None, "imported", "", NOW)
    finally:
        os.close(handle)


KILLED = """
import os, signal, sys
from pathlib import Path
from ceasewire.accounts import Accounts, Client
accounts = Accounts.open(Path(sys.argv[1]), os.urandom)
secret = accounts.invite("releaser", "Wren", 1, 1790000010).secret
accounts.redeem(secret, 1790000010, Client("192.0.2.1"))
print(secret, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_done_is_there_after_a_kill(team: Team) -> None:
    """A process that dies the moment it has let somebody in: the link is used up and they are there. Ours had the file open throughout."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    done = subprocess.run([sys.executable, "-c", KILLED, str(team.path)], env=environment, capture_output=True, check=False)
    assert done.returncode == -9, done
    assert [one.name for one in team.accounts.accounts()] == ["Kestrel", "Heron", "Wren"]
    assert code_of(team.accounts.redeem, done.stdout.decode().strip(), NOW, HERE) == "account.link"
