"""`keys`: rotation, further devices, a stolen phone, as a person does it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.driving import Cli, joined


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path)


def recovery(cli: Cli, slug: str = "north") -> Path:
    """The recovery key, taken away on the day it was made."""
    stick = cli.folder / "stick"
    stick.mkdir(exist_ok=True)
    path = stick / f"recovery-{slug}.txt"
    if not path.exists():
        shutil.move(cli.folder / slug / path.name, path)
    return path


def test_rotating_by_file(cli: Cli) -> None:
    cli.send("north", "statement", text="before")
    cli.carry("north", "south")
    cli.carry("south", "north")
    made = cli.good("keys", "rotate", "north", "--recovery-file", recovery(cli))
    assert (made["replaces"], made["size"], made["ref"]) == ("north", 1, f"{made['log']}/0")
    assert cli.send("north", "statement", text="after") == f"{made['log']}/1"
    assert cli.carry("north", "south")["received"] == 2
    # South's line check, the first of its log that sees the new one, comes back with its receipts.
    assert cli.carry("south", "north")["receipted"] == 2
    listed = [cli.good("list", slug) for slug in ("north", "south")]
    assert listed[0] == listed[1]
    assert sorted(one["kind"] for one in listed[0]) == ["keys", "line_check", "statement", "statement"]
    logs = {one["log"]: one for one in cli.good("keys", "list", "south")}
    assert logs["north"]["replaced_by"] == [made["log"]]
    assert (logs[made["log"]]["replaces"], logs[made["log"]]["party"], logs[made["log"]]["size"]) == ("north", "north", 2)
    assert [one["own"] for one in cli.good("keys", "list", "north")] == [False, False, True]
    assert cli.good("fsck", "north")["clean"]
    assert cli.good("fsck", "south")["clean"]
    assert cli.good("status", "north")["log"] == made["log"]


def test_a_party_s_slug_addresses_every_device_of_it_and_a_log_s_name_one(cli: Cli) -> None:
    phone = cli.good("keys", "device", "north", "phone", "--recovery-file", recovery(cli), "--no-passphrase")
    cli.carry("phone", "south")
    cli.carry("phone", "north")
    cli.send("south", "statement", text="to all of you")
    both = cli.good("bundle", "write", "south", "--to", "north", "-o", "both.bundle")
    one = cli.good("bundle", "write", "south", "--to", phone["log"], "-o", "one.bundle")
    assert (both["bundles"], one["bundles"]) == (2, 1)
    for device in ("north", "phone"):
        read = cli.good("bundle", "read", device, "both.bundle")
        assert read["received"] >= 1, device
        assert "to all of you" in [m["body"].get("text") for m in cli.good("list", device)]
    assert cli("bundle", "read", "north", "one.bundle", "--json").json["error"] == {"code": "bundle.recipient", "offset": 0}
    assert cli("bundle", "write", "south", "--to", "nobody", "-o", "x", "--json").code == "usage"
    assert cli("sync", "south", "--peer", "nobody", "--json").code == "usage"


def test_what_cannot_be_done_is_said_in_one_sentence(cli: Cli) -> None:
    key = recovery(cli)
    for arguments, code in [
        (("rotate", "north", "--recovery-file", recovery(cli, "south")), "usage"),
        (("rotate", "north", "--recovery-file", "nothing.txt"), "file.unreadable"),
        (("rotate", "nowhere", "--recovery-file", key), "node.missing"),
        (("device", "north", "phone", "--recovery-file", key), "usage"),
        (("device", "north", "phone", "--recovery-file", key, "--no-passphrase", "--replaces", "south"), "usage"),
        (("device", "north", "south", "--recovery-file", key, "--no-passphrase"), "node.exists"),
        (("list", "nowhere"), "node.missing"),
    ]:
        done = cli("keys", *arguments, "--json")
        assert (done.status, done.code) == (2, code), arguments
        assert "Traceback" not in done.err
    assert not (cli.folder / "phone").exists()


def test_people_are_told_what_follows_what(cli: Cli) -> None:
    done = cli("keys", "rotate", "north", "--recovery-file", recovery(cli))
    assert " follows north, of which this node holds 0 messages." in done.out
    assert "Take the recovery key away again." in done.err
    assert "(this node)" in cli("keys", "list", "north").out
    done = cli("keys", "device", "north", "phone", "--recovery-file", recovery(cli), "--replaces", "north", "--no-passphrase")
    assert "north ends" in done.out
