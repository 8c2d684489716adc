"""`recover` with whatever is left of a node, and `backup`. PROTOCOL sections 6, 11; FAULTS C9 to C13, F8."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ceasewire.folder import Folder
from ceasewire.node import packing
from ceasewire.pen import Pen
from ceasewire.store import copying, sqlite
from ceasewire.store.sqlite import SqliteStore
from cli.driving import Cli, Done, joined
from cli.test_exchange import free_port, served
from node.pair import ChannelPair

SOURCE = Path(__file__).resolve().parents[1] / "src"
ANOTHER_BOOT = "ceasewire boot 1\n00000000-0000-4000-8000-000000000000\n"
KEY = ("--recovery-file", "stick.txt")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """North, whose recovery key was taken away, and south, which north can call."""
    made = joined(tmp_path, ("", f"http://127.0.0.1:{free_port()}"))
    shutil.move(tmp_path / "north" / "recovery-north.txt", tmp_path / "stick.txt")
    return made


def texts(cli: Cli, node: str = "north") -> list[str]:
    return [one["body"]["text"] for one in cli.good("list", node, "--kind", "statement") if one["void"] is None]


def agree(cli: Cli) -> None:
    """Both sides hold one record, every byte of which verifies, and nobody is convicted of anything."""
    assert cli.good("list", "north") == cli.good("list", "south")
    for node in ("north", "south"):
        assert cli.good("fsck", node)["clean"], node
        assert cli.good("misconduct", node) == []
        assert [log["frozen"] for log in cli.good("status", node)["logs"] if log["frozen"]] == []


def lived(cli: Cli) -> None:
    """A day of the node `north`: two messages, a backup and a copy of everything, two messages more."""
    for text in ("one", "two"):
        cli.send("north", "statement", text=text)
    cli.good("sync", "north")
    cli.good("backup", "north", "north.backup")
    shutil.copytree(cli.folder / "north", cli.folder / "yesterday")
    for text in ("three", "four"):
        cli.send("north", "statement", text=text)
    cli.good("sync", "north")


# --- What is left ---


def no_store(cli: Cli) -> tuple[str, ...]:
    for path in (cli.folder / "north").glob("store.sqlite*"):
        path.unlink()
    return ()


def old_store(cli: Cli) -> tuple[str, ...]:
    no_store(cli)
    shutil.copy(cli.folder / "yesterday" / "store.sqlite", cli.folder / "north" / "store.sqlite")
    return ()


def no_pen(cli: Cli) -> tuple[str, ...]:
    (cli.folder / "north" / "pen").unlink()
    return ()


def torn_pen(cli: Cli) -> tuple[str, ...]:
    os.truncate(cli.folder / "north" / "pen", 9000)
    return ()


def garbage(cli: Cli) -> tuple[str, ...]:
    no_store(cli)
    (cli.folder / "north" / "store.sqlite").write_bytes(os.urandom(5000))
    return ()


def changed_byte(cli: Cli) -> tuple[str, ...]:
    """C8: nothing that SQLite would notice."""
    with sqlite3.connect(cli.folder / "north" / "store.sqlite") as store:
        store.execute("UPDATE message SET body = zeroblob(length(body)) WHERE log = 0")
    store.close()
    return ()


def no_disk(cli: Cli) -> tuple[str, ...]:
    shutil.rmtree(cli.folder / "north")
    return ("--charter", "line.charter", "--no-passphrase")


def backup_alone(cli: Cli) -> tuple[str, ...]:
    shutil.rmtree(cli.folder / "north")
    return ("--backup", "north.backup", "--no-passphrase")


def old_folder(cli: Cli) -> tuple[str, ...]:
    """C9: pen and store, at another start of the machine."""
    shutil.rmtree(cli.folder / "north")
    shutil.copytree(cli.folder / "yesterday", cli.folder / "north")
    (cli.folder / "north" / "boot").write_text(ANOTHER_BOOT)
    done = cli("send", "north", "statement", "-", "--json", stdin='{"text": "a second history"}')
    assert (done.status, done.code) == (2, "log.closed")  # it asked south first, and learnt it
    return ()


LEFT: dict[Callable[[Cli], tuple[str, ...]], tuple[int, int]] = {
    no_store: (0, 4),
    old_store: (2, 2),
    no_pen: (4, 0),
    torn_pen: (4, 0),
    garbage: (0, 4),
    changed_byte: (0, 4),
    no_disk: (0, 4),
    backup_alone: (2, 2),
    old_folder: (2, 2),
}


SWEPT = (torn_pen, garbage)  # as no_pen and changed_byte, and what differs is tested where it is read


@pytest.mark.parametrize("left", [pytest.param(left, marks=pytest.mark.sweep if left in SWEPT else (), id=left.__name__) for left in LEFT])
def test_nothing_is_missing_whatever_is_left(cli: Cli, left: Callable[[Cli], tuple[str, ...]]) -> None:
    with served(cli, "south"):
        lived(cli)
        given = left(cli)
        made = cli.good("recover", "north", "--from", "south", *KEY, *given)
        held, recovered = LEFT[left]
        assert made == {
            "log": made["log"], "replaces": "north", "size": held, "recovered": recovered, "from": "south", "error": None,
        }  # fmt: skip
        assert made["log"].startswith("north.")
        assert texts(cli) == ["one", "two", "three", "four"]
        assert cli.send("north", "statement", text="five") == f"{made['log']}/{cli.good('status', 'north')['logs'][-1]['size'] - 1}"
        cli.good("sync", "north")
        again = cli.good("recover", "north", "--from", "south")  # needs no key: nothing is lost
        assert (again["log"], again["recovered"], again["error"]) == (made["log"], 0, None)
        assert len(cli.good("keys", "list", "south")) == 3
    assert cli.good("status", "north")["health"] == "ok"
    agree(cli)
    if left in (garbage, changed_byte):
        assert (cli.folder / "north" / "store.damaged-1").exists()  # never deleted


@pytest.mark.parametrize("left", [old_store, no_disk], ids=lambda left: left.__name__)
def test_while_the_peer_is_out_of_reach_the_successor_opens_and_the_rest_comes_by_file(
    cli: Cli, left: Callable[[Cli], tuple[str, ...]]
) -> None:
    with served(cli, "south"):
        lived(cli)
    given = left(cli)
    command = ("recover", "north", "--from", "south", *KEY, *given, "--json")
    done = cli(*command)
    assert (done.status, done.json["error"], done.json["recovered"]) == (1, "net.unreachable", 0)
    assert "The rest comes with the next exchange" in cli(*command[:-1]).out
    assert cli(*command).json == done.json  # no further log each time
    cli.send("north", "statement", text="work goes on")
    for _ in range(2):
        cli.carry("north", "south")
        cli.carry("south", "north")
    # It holds nothing of the others, or less, and may write in the same second: then the order is that of the record.
    assert sorted(texts(cli)) == sorted(["one", "two", "three", "four", "work goes on"])
    agree(cli)
    with served(cli, "south"):
        done = cli(*command)
        assert (done.status, done.json["recovered"], done.json["error"]) == (0, LEFT[left][1], None)
    assert cli.good("status", "north")["health"] == "ok"


def test_the_one_command_is_enough_while_the_recovery_key_lies_in_the_folder(cli: Cli) -> None:
    shutil.copy(cli.folder / "stick.txt", cli.folder / "north" / "recovery-north.txt")
    with served(cli, "south"):
        lived(cli)
        no_store(cli)
        assert cli.good("recover", "north", "--from", "south")["recovered"] == 4
    agree(cli)


def test_a_log_that_was_rotated_before_is_found_by_asking(cli: Cli) -> None:
    """Nothing but charter and recovery key: how the lost log was called, the peer says."""
    with served(cli, "south"):
        lived(cli)
        rotated = cli.good("keys", "rotate", "north", *KEY)
        cli.good("sync", "north")
        made = cli.good("recover", "north", "--from", "south", *KEY, *no_disk(cli))
        assert (made["replaces"], made["recovered"]) == (rotated["log"], 4 + 1)  # and the message that opened it
        assert texts(cli) == ["one", "two", "three", "four"]
        phone = cli.good("keys", "device", "north", "phone", *KEY, "--no-passphrase")
        cli("sync", "phone")  # the office is out of its reach
        given = no_disk(cli)
        done = cli("recover", "north", "--from", "south", *KEY, *given, "--json")
        assert (done.status, done.code) == (2, "usage")
        assert (
            f"--replaces which log is lost: {phone['log']}" in done.json["error"]["message"] or made["log"] in done.json["error"]["message"]
        )
        made = cli.good("recover", "north", "--from", "south", *KEY, *given, "--replaces", made["log"])
        assert [one["log"] for one in cli.good("keys", "list", "south") if not one["replaced_by"]] == [
            "south", *sorted((phone["log"], made["log"]), key=lambda name: name.partition(".")[2]),
        ]  # fmt: skip
    agree(cli)


def test_what_cannot_be_done_is_said_and_changes_nothing(cli: Cli) -> None:
    keys = (cli.folder / "north" / "pen").read_bytes()[8192:]
    (cli.folder / "full").mkdir()
    (cli.folder / "full" / "thesis.odt").write_text("x")
    (cli.folder / "cut.backup").write_bytes(b"x" * 2000)
    cli.good("backup", "south", "south.backup")
    cases: list[tuple[tuple[str, ...], str]] = [
        (("north", "--from", "north"), "usage"),
        (("north", "--from", "nobody"), "usage"),
        (("north", "--from", "south"), "usage"),  # no recovery key, and the peer is out of reach
        (("north", "--from", "south", "--charter", "nothing"), "file.unreadable"),
        (("full", "--from", "south", "--charter", "line.charter", *KEY, "--no-passphrase"), "file.unwritable"),
        (("new", "--from", "south", *KEY, "--no-passphrase"), "usage"),
        (("new", "--from", "south", *KEY, "--no-passphrase", "--backup", "cut.backup"), "backup.damaged"),
        (("new", "--from", "south", "--charter", "line.charter", *KEY), "usage"),
        (("new", "--from", "south", "--backup", "south.backup", *KEY, "--no-passphrase"), "usage"),
    ]
    for arguments, code in cases:
        done = cli("recover", *arguments, "--json")
        assert (done.status, done.code) == (2, code), (arguments, done)
        assert "Traceback" not in done.err
        shutil.rmtree(cli.folder / "new", ignore_errors=True)
    assert (cli.folder / "north" / "pen").read_bytes()[8192:] == keys
    assert len(cli.good("keys", "list", "north")) == 2
    assert texts(cli) == []


# --- Cut short ---


KILLED = 77
COUNT = [0]  # durable steps of this process
STEPS: list[tuple[Any, str]] = [
    (Folder, "write"),
    (sqlite, "create"),
    (os, "rename"),
    (os, "replace"),
    (os, "link"),
    (Pen, "create"),
    (Pen, "replace"),
    (SqliteStore, "commit"),
]


def killed_at(cli: Cli, arguments: tuple[str, ...], step: int, *, after: bool) -> bool:
    """Run a command in a child that ends, without any cleaning up, at its n-th durable step; whether it came to that."""
    child = os.fork()
    if child == 0:
        for of, name in STEPS:
            call = _ending(getattr(of, name), step, after=after)
            setattr(of, name, call if not isinstance(of, type) or name == "commit" else staticmethod(call))
        cli(*arguments)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def _ending(real: Callable[..., Any], step: int, *, after: bool) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        COUNT[0] += 1
        ends = COUNT[0] == step
        if ends and not after:
            os._exit(KILLED)
        found = real(*given, **named)
        if ends:
            os._exit(KILLED)
        return found

    return call


@pytest.mark.parametrize(
    ("left", "after"),
    [
        pytest.param(no_disk, True, marks=pytest.mark.sweep, id="no_disk-after"),
        pytest.param(garbage, False, marks=pytest.mark.sweep, id="garbage-before"),
        pytest.param(backup_alone, False, id="backup-before"),
    ],
)
def test_cut_short_at_any_step_the_same_command_finishes(cli: Cli, left: Callable[[Cli], tuple[str, ...]], after: bool) -> None:
    with served(cli, "south"):
        lived(cli)
    given = left(cli)
    kept = cli.folder.with_name(f"{cli.folder.name}-kept")
    shutil.copytree(cli.folder, kept)
    arguments = ("recover", "north", "--from", "south", *KEY, *given, "--json")
    step = 1
    while killed_at(cli, arguments, step, after=after):
        done = cli(*arguments)
        assert (done.status, done.json["error"], done.json["replaces"]) == (1, "net.unreachable", "north"), (step, done)
        cli.send("north", "statement", text="work goes on")
        own = [one for one in cli.good("keys", "list", "north") if one["party"] == "north"]
        assert len(own) == 2, (step, own)  # one successor, not two
        assert cli.good("fsck", "north")["clean"], step
        assert not list((cli.folder / "north").glob("pen.next"))
        shutil.rmtree(cli.folder)
        shutil.copytree(kept, cli.folder)
        step += 1
    assert step > 6  # it came to the end of them


# --- Reading back ---


@pytest.mark.parametrize("more", [(), ("mission:guarantor",)], ids=["two", "three"])
def test_two_logs_that_have_seen_each_other_are_read_back_in_any_number_of_bundles(
    more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither log can be taken without the other, and neither fits one bundle: half of each bundle is for each."""
    with ChannelPair.among(*more) as pair:
        north, south = pair.north, pair.south
        for n in range(30):
            for side in (north, south):
                side.node.send_many([("statement", {"text": f"{side.slug} {n} {m}"}) for m in range(10)])
            pair.sync("north", "south")
        north.close()
        for path in north.folder.path.glob("*.sqlite*"):
            path.unlink()
        sqlite.create(north.folder.store_path)
        north.open().rotate()
        monkeypatch.setattr(packing, "PACK_MESSAGES", 40)
        assert pair.sync("north", "south").error is None
        pair.sync("north", "south")
        assert (north.size(0), north.size(1) >= 300) == (300, True)
        pair.settle(1)
        pair.check()


def test_c11_a_clone_is_found_its_log_closes_and_a_successor_goes_on(tmp_path: Path) -> None:
    """Two machines with one pen cannot know of each other. Whoever exchanges second learns it, and the record shows both histories."""
    with ChannelPair() as pair:
        north = pair.north
        pair.sync("north", "south")
        north.close()
        shutil.copytree(north.folder.path, pair.path / "clone")
        north.open().say("by the one")
        pair.sync("north", "south")
        with Folder(pair.path / "clone").node(None) as clone:
            clone.send("statement", {"text": "by the other"})
            other = type(north.exchange)(clone)
            other.receive(pair.south.bundle(0))
            assert clone.closed == "log.closed"
        done = subprocess.run(
            [sys.executable, "-m", "ceasewire", "recover", str(pair.path / "clone"), "--from", "south", "--recovery", str(north.recovery)],
            env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, "follows north" in done.stdout) == (1, True), done


def test_c13_a_second_process_is_refused(cli: Cli) -> None:
    with served(cli, "south"):
        lived(cli)
        for command in (("recover", "south", "--from", "north", "--recovery-file", "south/recovery-south.txt"),):
            done = cli(*command, "--json")
            assert (done.status, done.code) == (2, "node.locked")


# --- Backups ---


def test_a_backup_holds_no_secret(cli: Cli) -> None:
    cli.send("north", "statement", text="one")
    cli.good("token", "add", "north", "map-room")
    made = cli.good("backup", "north", "north.backup")
    assert (made["party"], made["log"], made["messages"], made["bytes"]) == (
        "north", "north", {"north": 1}, (cli.folder / "north.backup").stat().st_size,
    )  # fmt: skip
    assert (cli.folder / "north.backup").stat().st_mode & 0o777 == 0o600
    with tarfile.open(cli.folder / "north.backup") as tar:
        assert tar.getnames() == ["backup.json", "card.txt", "charter.cwc", "store.sqlite"]
    whole = (cli.folder / "north.backup").read_bytes()
    secrets = {name: (cli.folder / "north" / name).read_bytes().strip(b"\0") for name in ("pen", "unlock.key", "boot", "tokens")}
    assert [name for name, data in secrets.items() if data[-48:] in whole] == []
    assert [path.name for path in cli.folder.iterdir() if path.name.startswith(".new")] == []


def test_a_backup_replaces_an_older_one_of_the_same_node_and_nothing_else(cli: Cli) -> None:
    cli.good("backup", "north", "a")
    cli.send("north", "statement", text="one")
    assert cli.good("backup", "north", "a")["messages"] == {"north": 1}
    (cli.folder / "letter").write_text("x")
    for target in ("letter", "north/a", "nowhere/a", "line.charter"):
        before = (cli.folder / target).read_bytes() if (cli.folder / target).exists() else None
        done = cli("backup", "north", target, "--json")
        assert (done.status, done.code) == (2, "file.unwritable"), target
        assert before == ((cli.folder / target).read_bytes() if before is not None else None)
    assert cli("backup", "south", "a", "--json").code == "file.unwritable"  # north's


def test_another_partys_recovery_key_leaves_nothing_behind(cli: Cli) -> None:
    """The right command works afterwards, in the same folder."""
    shutil.copy(cli.folder / "south" / "recovery-south.txt", cli.folder / "theirs.txt")
    wrong = ("new", "--from", "south", "--charter", "line.charter", "--recovery-file", "theirs.txt", "--no-passphrase")
    done = cli("recover", *wrong, "--json")
    assert (done.status, done.code) == (2, "usage")
    assert "this is a node of south's: --from names another party, north" in done.err
    assert not (cli.folder / "new" / "card.txt").exists()
    assert not (cli.folder / "new" / "charter.cwc").exists()
    assert cli("recover", "new", "--from", "south", "--charter", "line.charter", *KEY, "--no-passphrase", "--json").status != 2


def test_a_backup_that_holds_more_is_kept(cli: Cli) -> None:
    """Whoever recovered without it would replace the one copy of what had not left with what is left without it."""
    store = cli.folder / "north" / "store.sqlite"
    before = store.read_bytes()
    cli.send("north", "statement", text="never left this machine")
    cli.good("backup", "north", "a")
    kept = (cli.folder / "a").read_bytes()
    store.write_bytes(before)
    done = cli("backup", "north", "a", "--json")
    assert (done.status, done.code) == (2, "file.unwritable")
    assert "holds 1 messages of north, this node 0: keep it, and choose another file" in done.err
    assert (cli.folder / "a").read_bytes() == kept
    assert cli.good("backup", "north", "b")["messages"] == {}


def test_a_backup_is_of_one_moment_however_much_is_written_meanwhile(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """F8: the writer commits between any two steps of the copy, and empties its write-ahead log as often as it can."""
    monkeypatch.setattr(copying, "_STEP_PAGES", 2)
    folder = Folder(cli.folder / "north")
    with folder.node(None) as node:
        node.send_many([("statement", {"text": f"{n} " * 50}) for n in range(100)])
        steps = []

        def writing(done: int, whole: int) -> None:
            steps.append((done, whole))
            node.send("statement", {"text": "meanwhile"})

        copying.copy_to(folder.store_path, made := _empty(cli.folder / "copy"), writing)
        assert len(steps) > 10
        assert node.store_size(0) == 100 + len(steps)
    assert copying.sizes(made) == {0: 100}
    shutil.copy(made, folder.path / "store.sqlite")  # beside whose pen it is an old store, and whole
    assert [one["code"] for one in cli("fsck", "north", "--json").json["faults"]] == ["log.closed"]


def _empty(path: Path) -> Path:
    path.touch(0o600)
    return path


def test_backups_beside_serve_can_be_recovered_from(cli: Cli) -> None:
    with served(cli, "south"):
        for n in range(5):
            cli.send("south", "statement", text=f"{n}")
            assert cli.good("backup", "south", "south.backup")["messages"] == {"south": n + 1}


def damaged(whole: bytes) -> Iterator[bytes]:
    yield b""
    yield whole[: len(whole) // 2]
    yield whole[:512]
    for at in (100, 600, len(whole) // 2):  # a name's checksum, the manifest, the store
        yield whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


def test_a_backup_that_is_not_whole_is_refused_and_nothing_of_it_is_kept(cli: Cli) -> None:
    cli.send("north", "statement", text="one")
    cli.good("backup", "north", "whole")
    no_store(cli)
    for data in damaged((cli.folder / "whole").read_bytes()):
        (cli.folder / "cut").write_bytes(data)
        done: Done = cli("recover", "north", "--from", "south", *KEY, "--backup", "cut", "--json")
        assert (done.status, done.code) == (2, "backup.damaged"), (len(data), done)
        assert not (cli.folder / "north" / "store.sqlite").exists()
        assert not list((cli.folder / "north").glob(".new-*"))
    assert cli("recover", "north", "--from", "south", *KEY, "--backup", "whole", "--json").json["size"] == 1
