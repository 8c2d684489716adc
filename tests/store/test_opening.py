"""Creating, opening, refusing to open; what the connection promises; migrations."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from ceasewire.errors import LocalError
from ceasewire.store import schema, sqlite, upgrade
from ceasewire.store.interface import Change, KeptProof
from store.making import appended, row, rows


def refuses(code: str, act: Callable[[], object]) -> LocalError:
    with pytest.raises(LocalError) as caught:
        act()
    assert caught.value.code == code
    return caught.value


def made(path: Path) -> Path:
    sqlite.create(path)
    return path


def edit(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()


def refused_both_ways(path: Path, code: str) -> None:
    before = path.read_bytes() if path.is_file() else None
    refuses(code, lambda: sqlite.open_writer(path))
    refuses(code, lambda: sqlite.open_reader(path))
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_new_store_is_ours_alone_and_one_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = made(tmp_path / "store.db")
        assert [each.name for each in tmp_path.iterdir()] == ["store.db"]
        store = sqlite.open_writer(path)
        store.commit(appended(0, 0, 3))
        assert {each.name for each in tmp_path.iterdir()} == {"store.db", "store.db-wal", "store.db-shm"}
        assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
        store.close()
        assert [each.name for each in tmp_path.iterdir()] == ["store.db"]
    finally:
        os.umask(before)


def test_creating_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"")
    refuses("node.exists", lambda: sqlite.create(path))
    assert path.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [path]


def test_creating_in_no_folder_says_so(tmp_path: Path) -> None:
    refuses("file.unwritable", lambda: sqlite.create(tmp_path / "none" / "store.db"))


def test_odd_names_are_names(tmp_path: Path) -> None:
    path = made(tmp_path / "ceasefire ?mode=memory #1%20.db")
    store = sqlite.open_writer(path)
    store.commit(appended(0, 0, 1))
    store.close()
    reader = sqlite.open_reader(path)
    assert reader.counter == 1
    reader.close()


def test_missing_is_damaged_and_is_not_made(tmp_path: Path) -> None:
    refused_both_ways(tmp_path / "store.db", "store.damaged")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\0", b"not a database, but long enough to be taken for one" * 100])
def test_foreign_bytes_are_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    refused_both_ways(path, "store.damaged")


def test_a_database_of_another_application_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    edit(path, "CREATE TABLE message (x)", "PRAGMA application_id = 7")
    refused_both_ways(path, "store.damaged")


def test_a_store_cut_short_is_damaged(tmp_path: Path) -> None:
    path = made(tmp_path / "store.db")
    path.write_bytes(path.read_bytes()[: 4096 + 100])
    refused_both_ways(path, "store.damaged")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "store.newer"),
        ("UPDATE alembic_version SET version_num = 'abc'", "store.damaged"),
        ("DELETE FROM alembic_version", "store.damaged"),
        ("INSERT INTO alembic_version VALUES ('9999')", "store.damaged"),
        ("DROP TABLE alembic_version", "store.damaged"),
        ("PRAGMA journal_mode = DELETE", "store.unsafe"),
    ],
)
def test_what_the_file_says_of_itself_is_checked(tmp_path: Path, change: str, code: str) -> None:
    path = made(tmp_path / "store.db")
    edit(path, change)
    refused_both_ways(path, code)


@pytest.mark.parametrize("drift", ["synchronous = NORMAL", "synchronous = OFF", "synchronous = EXTRA", "foreign_keys = OFF"])
def test_a_connection_that_drifts_is_unsafe(tmp_path: Path, drift: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "store.db")
    name, value = drift.split(" = ")
    for pragmas in ("_WRITING", "_READING"):
        monkeypatch.setitem(getattr(sqlite, pragmas), name, value)
    refused_both_ways(path, "store.unsafe")


def test_a_database_in_memory_is_unsafe() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        assert "journal_mode" in refuses("store.unsafe", lambda: sqlite.check_safety(connection)).detail
    engine.dispose()


def test_a_reader_cannot_commit_nor_write_by_any_way(tmp_path: Path) -> None:
    path = made(tmp_path / "store.db")
    reader = sqlite.open_reader(path)
    refuses("usage", lambda: reader.commit(appended(0, 0, 1)))
    with reader._reading() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM tally")
    reader.close()


def test_a_reader_leaves_what_a_killed_writer_left(tmp_path: Path) -> None:
    path = made(tmp_path / "store.db")
    script = "import os, sys; from pathlib import Path; from store.making import appended; from ceasewire.store import sqlite\n"
    script += "store = sqlite.open_writer(Path(sys.argv[1])); store.commit(appended(0, 0, 300)); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", script, str(path)], env=child_environment(), check=False).returncode == 9
    log = (tmp_path / "store.db-wal").read_bytes()
    main = path.read_bytes()
    reader = sqlite.open_reader(path)
    assert reader.rows(0, 0, 400) == rows(0, 0, 300)
    reader.close()
    assert ((tmp_path / "store.db-wal").read_bytes(), path.read_bytes()) == (log, main)


def child_environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_closing_twice_is_closing(tmp_path: Path) -> None:
    store = sqlite.open_writer(made(tmp_path / "store.db"))
    store.close()
    store.close()
    refuses("usage", lambda: store.commit(Change()))


def test_a_second_writer_waits_and_then_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "store.db")
    store = sqlite.open_writer(path)
    store.commit(appended(0, 0, 1))
    monkeypatch.setattr(sqlite, "BUSY_MILLISECONDS", 50)
    monkeypatch.setitem(sqlite._WRITING, "busy_timeout", "50")
    second = sqlite.open_writer(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refuses("node.locked", lambda: second.commit(appended(0, 1, 2)))
    other.execute("ROLLBACK")
    other.close()
    second.commit(appended(0, 1, 2))
    refuses("store.damaged", lambda: store.commit(appended(0, 1, 2)))  # the same index by two pens
    second.close()
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log_state SET seen = '{\"1\":2.0}'",
        "UPDATE log_state SET seen = '[]'",
        "UPDATE log_state SET seen = '{\"01\":2}'",
        "UPDATE log_state SET seen = '{'",
        "UPDATE log_state SET frontier = x'00'",
        "UPDATE log_state SET size = -size",
        "UPDATE log_state SET frontier = 'text'",
        "DROP TABLE log_state",
    ],
)
def test_states_that_were_tampered_with_are_damage(tmp_path: Path, change: str) -> None:
    path = made(tmp_path / "store.db")
    store = sqlite.open_writer(path)
    store.commit(appended(0, 0, 3))
    store.close()
    edit(path, change)
    reader = sqlite.open_reader(path)
    refuses("store.damaged", reader.states)
    reader.close()


def test_other_damage_is_named_too(tmp_path: Path) -> None:
    path = made(tmp_path / "store.db")
    store = sqlite.open_writer(path)
    store.commit(appended(0, 0, 300))
    store.close()
    edit(path, "UPDATE rest_run SET words = x'0011'", "UPDATE message SET leaf = x'00'", "DELETE FROM tally")
    reader = sqlite.open_reader(path)
    refuses("store.damaged", lambda: reader.rests(0, [bytes(32)]))
    refuses("store.damaged", lambda: reader.hashes(0, 0, 0, 5))
    refuses("store.damaged", lambda: reader.counter)
    reader.close()


def test_pages_of_noise_are_damage(tmp_path: Path) -> None:
    path = made(tmp_path / "store.db")
    store = sqlite.open_writer(path)
    store.commit(Change(rows=[row(0, index, body=bytes(300)) for index in range(2000)]))
    store.close()
    data = bytearray(path.read_bytes())
    for page in range(30, len(data) // 4096):
        data[page * 4096 : page * 4096 + 4096] = os.urandom(4096)
    path.write_bytes(bytes(data))
    store = sqlite.open_writer(path)
    refuses("store.damaged", lambda: list(store.scan()))
    refuses("store.damaged", lambda: store.commit(Change(rows=[row(0, 2000)])))
    store.close()


# --- schema and migrations ---


def definitions(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    columns = [
        (table, str(column))
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
    ]
    indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL").fetchall()
    rowless = connection.execute("SELECT name, sql LIKE '%WITHOUT ROWID%' FROM sqlite_master WHERE type = 'table'").fetchall()
    tallies = connection.execute("SELECT name, value FROM tally").fetchall()
    connection.close()
    return sorted(columns) + sorted(indexes) + sorted(rowless) + sorted(tallies)


def migrated(path: Path, revision: str = "head", scripts: Path = upgrade.SCRIPTS) -> None:
    engine = sqlite._engine(path, "rwc", sqlite._COMMON | {"journal_mode": "WAL"}, 1)
    event.listen(engine, "begin", sqlite._begin_immediate)
    try:
        with engine.begin() as connection:
            upgrade.upgrade(connection, revision, scripts)
    finally:
        engine.dispose()


def test_the_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    migrated(tmp_path / "migrated.db")
    made(tmp_path / "store.db")
    assert definitions(tmp_path / "migrated.db") == definitions(tmp_path / "store.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}", poolclass=StaticPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    engine.dispose()


def test_opening_does_not_import_alembic(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from ceasewire.store import sqlite; path = Path(sys.argv[1])\n"
    script += "sqlite.create(path); sqlite.open_writer(path).close(); sqlite.open_reader(path).close(); print('alembic' in sys.modules)"
    command = [sys.executable, "-c", script, str(tmp_path / "store.db")]
    assert subprocess.run(command, env=child_environment(), check=True, capture_output=True).stdout == b"False\n"


NEXT = """
import os
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0004", "0003"

def upgrade():
    op.add_column("peer", sa.Column("weight", sa.BigInteger()))
    op.execute("UPDATE tally SET value = value + 100")
    {then}
    op.create_table("later", sa.Column("x", sa.Text()))
"""


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    def make(then: str) -> Path:
        scripts = tmp_path / "scripts"
        shutil.copytree(upgrade.SCRIPTS, scripts, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "r0004_next.py").write_text(NEXT.format(then=then))
        return scripts

    monkeypatch.setattr(schema, "REVISIONS", ("0001", "0002", "0003", "0004"))
    monkeypatch.setattr(schema, "HEAD", "0004")
    return make


def at_first_revision(path: Path) -> Path:
    """A store as the version without openings left it."""
    migrated(path, "0001")
    path.chmod(0o600)
    edit(path, f"PRAGMA application_id = {schema.APPLICATION_ID}", "UPDATE tally SET value = 7 WHERE name = 'counter'")
    return path


def test_a_store_of_the_first_version_takes_openings_once_a_writer_opened_it(tmp_path: Path) -> None:
    path = at_first_revision(tmp_path / "store.db")
    refuses("usage", lambda: sqlite.open_reader(path))
    store = sqlite.open_writer(path)
    assert (store.counter, store.openings()) == (7, {})
    store.commit(Change(openings={2**31 + 7: b"later", 2**31 + 5: b"file"}))
    store.commit(Change(openings={2**31 + 5: b"another"}))
    store.close()
    reader = sqlite.open_reader(path)
    assert list(reader.openings().items()) == [(2**31 + 5, b"file"), (2**31 + 7, b"later")]
    reader.close()


def test_a_store_of_an_earlier_version_takes_proofs_once_a_writer_opened_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    migrated(path, "0002")
    path.chmod(0o600)
    edit(path, f"PRAGMA application_id = {schema.APPLICATION_ID}", "INSERT INTO opening VALUES (2147483655, x'01')")
    refuses("usage", lambda: sqlite.open_reader(path))
    store = sqlite.open_writer(path)
    assert (store.proofs(), store.openings()) == ([], {2**31 + 7: b"\1"})
    store.commit(Change(proofs=[KeptProof(2**31 + 7, 1, 3, 1000, b"proof")]))
    store.close()
    reader = sqlite.open_reader(path)
    assert reader.proofs() == [KeptProof(2**31 + 7, 1, 3, 1000, b"proof")]
    reader.close()


def using(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = upgrade.upgrade

    def elsewhere(connection: Connection) -> None:
        real(connection, scripts=scripts)

    monkeypatch.setattr(upgrade, "upgrade", elsewhere)


def test_a_writer_upgrades_and_a_reader_asks_for_one(
    tmp_path: Path, next_revision: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = at_first_revision(tmp_path / "store.db")
    using(next_revision("pass"), monkeypatch)
    refuses("usage", lambda: sqlite.open_reader(path))
    store = sqlite.open_writer(path)
    assert store.counter == 107
    store.close()
    sqlite.open_reader(path).close()


def test_an_upgrade_that_fails_leaves_the_old_store(
    tmp_path: Path, next_revision: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = at_first_revision(tmp_path / "store.db")
    before = definitions(path)
    using(next_revision('op.execute("SELECT nothing")'), monkeypatch)
    refuses("store.damaged", lambda: sqlite.open_writer(path))
    assert definitions(path) == before


def test_an_upgrade_that_is_killed_leaves_the_old_store(tmp_path: Path, next_revision: Callable[[str], Path]) -> None:
    path = at_first_revision(tmp_path / "store.db")
    before = definitions(path)
    script = "import sys; from pathlib import Path; from store.test_opening import migrated\n"
    script += "migrated(Path(sys.argv[1]), 'head', Path(sys.argv[2]))"
    command = [sys.executable, "-c", script, str(path), str(next_revision("os._exit(9)"))]
    assert subprocess.run(command, env=child_environment(), check=False).returncode == 9
    assert definitions(path) == before
