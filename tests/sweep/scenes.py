"""What each command finds, what it is asked to do, and when it has been done: one scene for each command that the sweep breaks.

A scene is a folder with the nodes `north` and `south` of one channel, made once, copied for every case. Its nodes open by key files.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event

from ceasewire.backup import Backup
from ceasewire.cli import main
from ceasewire.folder import Folder
from ceasewire.store import schema, sqlite, upgrade
from ceasewire.tlog import merkle
from ceasewire.tlog.checkpoint import SignedCheckpoint
from cli.driving import Cli, joined
from sweep import talking, witnessing

TEXT: Final = "the message of this case"
BEFORE: Final = 3  # messages that each side had sent, receipted by the other, before anything breaks


@dataclass(frozen=True, slots=True)
class Scene:
    """`prepare` makes the folder; `argv` is the command, which runs in it; `done` says whether a folder shows what a command that
    answered has promised (its answer is None where it could not be read)."""

    name: str
    prepare: Callable[[Path], None]
    argv: tuple[str, ...]
    done: Callable[[Path, Any], bool]
    before: int = BEFORE
    """How many messages of its own each side holds."""
    status: int = 0
    """The exit status of a command that did what it could."""
    again: bool = False
    """Whether the command, when it did not end well, is given once more before anything else is done."""
    fresh: tuple[str, ...] = ()
    """What the command makes that need not be there unless it succeeded, below the scene's folder."""
    then_optional: tuple[str, str] = ("", "")
    """Once this call was made (its name, and the last part of its path), faults at files of such a path may be swallowed."""
    harmless: tuple[tuple[str, str, str], ...] = ()
    """As judge.HARMLESS, for this command alone."""
    instead: Callable[[], int] | None = None
    """What is done in the place of a command."""
    after: Callable[[Path, bool], list[str]] | None = None
    """What is looked at in the place of the two nodes: what is wrong, if the act ended well or not."""

    def act(self) -> int:
        """Run the command in this process, in its working directory."""
        return self.instead() if self.instead else main([*self.argv, "--json"])


def talked(path: Path) -> Cli:
    """North and south have written and receipted some messages each."""
    cli = joined(path)
    (path / "hello.json").write_text(f'{{"text": "{TEXT}"}}')
    for n in range(BEFORE):
        cli.send("north", "statement", text=f"north {n}")
        cli.send("south", "statement", text=f"south {n}")
    for _ in range(2):
        cli.carry("north", "south")
        cli.carry("south", "north")
    (path / "carried.bundle").unlink()
    for slug in ("north", "south"):
        (path / f"recovery-{slug}.txt").write_bytes((path / slug / f"recovery-{slug}.txt").read_bytes())
    return cli


def quiet(path: Path) -> None:
    """Nothing is under way."""
    talked(path)


_OF_A_KILL: Final = ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "pen")


def killed_before(path: Path) -> None:
    """North's last process was killed: its write-ahead log was never moved into its file."""
    talked(path)
    keep = path / "keep"
    with Folder(path / "north").node(None) as node:
        for n in range(3):
            node.send("statement", {"text": f"before the kill {n}"})
        keep.mkdir()
        for name in _OF_A_KILL:
            shutil.copyfile(path / "north" / name, keep / name)
    for name in _OF_A_KILL:
        shutil.copyfile(keep / name, path / "north" / name)
        (path / "north" / name).chmod(0o600)
    shutil.rmtree(keep)


def brought(path: Path) -> None:
    """South is about to read a file of north's."""
    cli = talked(path)
    cli.good("send", "north", "statement", "hello.json")
    cli.good("bundle", "write", "north", "--to", "south", "-o", "to-south.bundle")


def received(path: Path) -> None:
    """South has read it, and is about to write its receipt."""
    brought(path)
    Cli(path).good("bundle", "read", "south", "to-south.bundle")


def of_the_first_version(path: Path) -> None:
    """North's store is of the first revision, with all that it held."""
    talked(path)
    store, old = path / "north" / "store.sqlite", path / "north" / "old"
    engine = sqlite._engine(old, "rwc", sqlite._COMMON | {"journal_mode": "WAL"}, 1)
    event.listen(engine, "begin", sqlite._begin_immediate)
    with engine.begin() as connection:
        upgrade.upgrade(connection, "0001")
    engine.dispose()
    database = sqlite3.connect(old, isolation_level=None)
    database.execute("ATTACH ? AS new", (str(store),))
    for (table,) in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
        if table.startswith("sqlite_") or table == "alembic_version":
            continue
        columns = ", ".join(f'"{row[1]}"' for row in database.execute(f"PRAGMA main.table_info({table})"))
        database.execute(f"DELETE FROM main.{table}")  # noqa: S608 - our own tables
        database.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608
    database.execute(f"PRAGMA main.application_id = {schema.APPLICATION_ID}")
    database.close()
    for suffix in ("", "-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    old.rename(store)
    store.chmod(0o600)
    for one in (path / "north").glob("derived.sqlite*"):
        one.unlink()


def founding(path: Path) -> None:
    """All have signed; north has joined, and south is about to."""
    joined(path)
    (path / "south" / "charter.cwc").unlink()


def lost(path: Path) -> None:
    """North has a backup, and its store and its keys are gone; south cannot be reached."""
    cli = talked(path)
    cli.good("backup", "north", "north.backup")
    for one in (*(path / "north").glob("store.sqlite*"), *(path / "north").glob("derived.sqlite*"), path / "north" / "pen"):
        one.unlink()


# --- What was promised ---


def texts(path: Path, slug: str) -> list[str]:
    """The texts of the statements that a node shows, as its own JSON lists them."""
    with Folder(path / slug).view() as view:
        return [str(one.get("body", one)) for one in view.messages()]


def said_once(path: Path, answer: Any) -> bool:
    """North's log holds the message once, where the answer says."""
    with Folder(path / "north").view() as view:
        held = [str(one["ref"]) for one in view.messages() if TEXT in str(one)]
    return len(held) == 1 and (answer is None or held == [answer["ref"]])


def holds_all(path: Path, _: Any) -> bool:
    """South holds what north sent."""
    return sum(TEXT in text for text in texts(path, "south")) == 1


def receipt_written(path: Path, _: Any) -> bool:
    """The file is there and whole, and it makes north hold a receipt for all that it sent."""
    status = Cli(path)("bundle", "read", "north", "answer.bundle", "--json")
    with Folder(path / "north").view() as view:
        return status.status == 0 and view.store.covered(view.own).get(1 - view.own) == view.store.states()[view.own].size


def migrated(path: Path, _: Any) -> bool:
    """The file can be read, and whoever reads the store beside a writer can."""
    return bool(Cli(path)("bundle", "read", "south", "to-south.bundle").status == 0 and len(texts(path, "north")) == 2 * BEFORE)


def rotated(path: Path, answer: Any) -> bool:
    """North writes in the log that the answer names."""
    found = [one for one in Cli(path).good("keys", "list", "north") if one["own"]]
    return len(found) == 1 and found[0]["replaces"] is not None and (answer is None or found[0]["log"] == answer["log"])


def backed_up(path: Path, _: Any) -> bool:
    """The file is whole, and holds what the node held."""
    with Backup.open(path / "north.backup") as found:
        return bool(sum(found.about["messages"].values()) == 2 * BEFORE)


def published(path: Path, answer: Any) -> bool:
    """Each log's checkpoint is there, and the tiles that it needs give its root."""
    found = sorted((path / "www").glob("*/checkpoint"))
    for one in found:
        head = SignedCheckpoint.parse(one.read_bytes()).checkpoint
        tile = (one.parent / "tile" / "0" / f"000.p/{head.size}").read_bytes()
        if merkle.tree_root([tile[at : at + 32] for at in range(0, len(tile), 32)]) != head.root:
            return False
    return answer is None or [one.parent.name for one in found] == sorted(log["log"] for log in answer["logs"])


def has_device(path: Path, answer: Any) -> bool:
    """The device's folder is a node with a log of its own."""
    found = [one["log"] for one in Cli(path).good("keys", "list", "phone") if one["own"]]
    return len(found) == 1 and (answer is None or found == [answer["log"]])


def is_node(path: Path, answer: Any) -> bool:
    """The folder is a node with this card."""
    shown = Cli(path).good("card", "west")
    return bool(shown["party"] == "west" and (answer is None or shown["fingerprint"] == answer["fingerprint"]))


def has_joined(path: Path, _: Any) -> bool:
    """South is of the channel, and can write."""
    return bool(Cli(path).good("status", "south"))


# Without it the next process, perhaps after a restart of the machine, waits for a peer before it signs.
_NOTE_OF_BOOT: Final = r"/(boot|north|\.new-[^/]*)$"

_ASKED: Final = "to ask a peer who is away, or which log was written last, which the store knows too"

_THERE: Final = (("mkdir", r"^www", "Python asks whether the folder is there, and it is"),)

SCENES: Final = {
    scene.name: scene
    for scene in (
        Scene("send", quiet, ("send", "north", "statement", "hello.json"), said_once),
        Scene("send after a kill", killed_before, ("send", "north", "statement", "hello.json"), said_once),
        Scene("receive", brought, ("bundle", "read", "south", "to-south.bundle"), holds_all),
        Scene(
            "cosign",
            received,
            ("bundle", "write", "south", "--to", "north", "-o", "answer.bundle"),
            receipt_written,
            fresh=("answer.bundle",),
        ),
        Scene("talk", quiet, (), talking.arrived, instead=talking.act, fresh=talking.LEFT),
        Scene("migrate", of_the_first_version, ("bundle", "write", "north", "--to", "south", "-o", "to-south.bundle"), migrated),
        Scene("migrate by send", of_the_first_version, ("send", "north", "statement", "hello.json"), said_once),
        Scene(
            "rotate",
            quiet,
            ("keys", "rotate", "north", "--recovery-file", "recovery-north.txt"),
            rotated,
            then_optional=("rename pen", _NOTE_OF_BOOT),
        ),
        Scene(
            "device",
            quiet,
            ("keys", "device", "north", "phone", "--recovery-file", "recovery-north.txt", "--no-passphrase"),
            has_device,
            fresh=("phone",),
        ),
        Scene("init", quiet, ("init", "west", "--party", "west", "--name", "West", "--no-passphrase"), is_node, fresh=("west",)),
        Scene("join", founding, ("join", "south", "line.charter"), has_joined, before=0, again=True),
        Scene("backup", quiet, ("backup", "north", "north.backup"), backed_up, fresh=("north.backup",)),
        Scene(
            "recover",
            lost,
            ("recover", "north", "--from", "south", "--backup", "north.backup", "--recovery-file", "recovery-north.txt", "--no-passphrase"),
            rotated,
            status=1,
            again=True,
            harmless=(("openat", r"(^|/)(recovery-north\.txt|card\.txt|pen)$", _ASKED),),
            then_optional=("rename pen", _NOTE_OF_BOOT),
        ),
        Scene("publish", quiet, ("publish", "north", "www"), published, again=True, harmless=_THERE),
        Scene("witness", witnessing.prepare, (), witnessing.done, instead=witnessing.act, after=witnessing.after),
        Scene("read", brought, ("list", "north"), lambda _path, answer: answer is None or len(answer) == 2 * BEFORE + 1),
    )
}
