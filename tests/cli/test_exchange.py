"""bundle write, bundle read, sync, serve: between two folders, by file and over loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ceasewire.cli.moving import _secrets
from ceasewire.errors import CODES
from cli.driving import Cli, joined


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path)


def test_messages_go_by_file(cli: Cli) -> None:
    cli.send("north", "statement", text="a")
    wrote = cli.good("bundle", "write", "north", "--to", "south", "-o", "b")
    assert wrote == {"to": "south", "messages": 1, "bytes": (cli.folder / "b").stat().st_size, "bundles": 1}
    first, again = cli.good("bundle", "read", "south", "b"), cli.good("bundle", "read", "south", "b")
    assert first == {"bundles": 1, "received": 1, "again": 0, "receipted": 0, "held": [], "refused": [], "error": None}
    assert (again["received"], again["again"]) == (0, 1)
    assert cli.carry("south", "north")["receipted"] == 1
    cli.send("north", "statement", text="b")
    assert "1 message to south in 1 bundle" in cli("bundle", "write", "north", "--to", "south", "-o", "b").out
    assert "1 message received" in cli("bundle", "read", "south", "b").out


def test_a19_the_whole_bundles_before_a_damaged_one_are_taken_and_it_says_where(cli: Cli) -> None:
    cli.send("north", "statement", text="a")
    cli.good("bundle", "write", "north", "--to", "south", "-o", "b")
    whole = (cli.folder / "b").read_bytes()
    for rest, code in ((whole[:-1], "bundle.truncated"), (b"garbage", "bundle.magic"), (whole[:-1] + b"\0", "bundle.open")):
        (cli.folder / "b").write_bytes(whole + rest)
        done = cli("bundle", "read", "south", "b", "--json")
        assert (done.status, done.json["bundles"], done.json["error"]) == (1, 1, {"code": code, "offset": len(whole)})
        said = cli("bundle", "read", "south", "b").out
        assert f"REFUSED from byte {len(whole)} on: {CODES[code].sentence}" in said
        assert CODES[code].step in said
    assert len(cli.good("list", "south")) == 1


@pytest.mark.parametrize("data", [b"", b"no bundle", b"\0" * 100])
def test_a_file_that_is_no_bundle_changes_nothing(cli: Cli, data: bytes) -> None:
    (cli.folder / "b").write_bytes(data)
    done = cli("bundle", "read", "south", "b", "--json")
    assert (done.status, done.json["bundles"], done.json["error"]["code"]) == (1, 0, "bundle.magic")
    assert cli.good("list", "south") == []


def test_a_bundle_for_another_is_refused(cli: Cli) -> None:
    cli.good("bundle", "write", "north", "--to", "south", "-o", "b")
    done = cli("bundle", "read", "north", "b", "--json")
    assert (done.status, done.json["error"]) == (1, {"code": "bundle.recipient", "offset": 0})


def test_exchange_is_with_another_party_and_with_files_that_are_there(cli: Cli) -> None:
    for slug in ("north", "east"):
        assert cli("bundle", "write", "north", "--to", slug, "-o", "b", "--json").code == "usage"
        assert cli("sync", "north", "--peer", slug, "--json").code == "usage"
    done = cli("bundle", "read", "north", "nowhere", "--json")
    assert (done.status, done.code) == (2, "file.unreadable")
    done = cli("bundle", "write", "north", "--to", "south", "-o", "no/such/folder", "--json")
    assert (done.status, done.code) == (2, "file.unwritable")


def test_sync_with_a_peer_without_a_url(cli: Cli) -> None:
    done = cli("sync", "north", "--json")
    assert (done.status, done.json) == (1, [{"peer": "south", "sent": 0, "received": 0, "receipted": 0, "error": "net.url"}])
    assert "net.url" in cli("sync", "north").out


def test_serve_refuses_what_cannot_be_served(cli: Cli) -> None:
    assert cli("serve", "--json").code == "usage"
    assert cli("serve", "north", "--tls-cert", "x", "--json").code == "usage"
    (cli.folder / "pass").write_text("x\n")
    assert cli("serve", "north", *(("--passphrase-file", "pass") * 2), "--json").code == "usage"
    assert cli("serve", "nowhere", "--json").code == "node.missing"


def test_one_passphrase_serves_every_node_that_has_no_key_file(cli: Cli) -> None:
    for name in ("one", "two"):
        (cli.folder / name).write_text(f"{name}\n")
    (cli.folder / "south" / "unlock.key").unlink()
    nodes, one, two = (cli.folder / "north", cli.folder / "south"), cli.folder / "one", cli.folder / "two"
    assert _secrets(nodes, []) == [None, None]
    assert _secrets(nodes, [one]) == [None, b"one"]
    assert _secrets(nodes, [one, two]) == [b"one", b"two"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def served(cli: Cli, node: str, look: float = 0.02) -> Iterator[None]:
    """The node served by a process of its own, which must end well. `look`: seconds between two looks whether it answers."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    command = [sys.executable, "-m", "ceasewire", "serve", node, "--json"]
    port = int(cli.good("card", node)["url"].rpartition(":")[2])
    process = subprocess.Popen(command, cwd=cli.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while not ((cli.folder / node / "control").exists() and answers(port)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(look)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert json.loads(out) == {"served": [node]}


def test_a_signal_that_comes_as_it_begins_to_answer_ends_it_well(tmp_path: Path) -> None:
    """Three times, each as soon as there is anything that could be asked."""
    cli = joined(tmp_path, ("http://127.0.0.1:1", f"http://127.0.0.1:{free_port()}"))
    for _ in range(3):
        with served(cli, "south", look=0.0):
            pass


def test_commands_work_beside_a_node_that_serves(tmp_path: Path) -> None:
    port = free_port()
    cli = joined(tmp_path, ("http://127.0.0.1:1", f"http://127.0.0.1:{port}"))
    cli.send("north", "statement", text="before")
    with served(cli, "south"):
        second = cli("serve", "south", "--json")
        assert (second.status, second.code) == (2, "node.locked")
        assert cli.send("south", "statement", text="through the one that serves") == "south/0"
        refused = cli("send", "south", "statement", "-", "--json", stdin='{"txt": "a"}')
        assert (refused.status, refused.code) == (2, "field.unknown")
        synced = cli.good("sync", "north", "--peer", "south")
        assert [(r["peer"], r["sent"], r["received"], r["error"]) for r in synced] == [("south", 1, 1, None)]
        assert cli("list", "north", "--json").out == cli("list", "south", "--json").out
        assert cli.good("status", "south")["health"] == "ok"
        assert cli.carry("south", "north")["again"] == 0
        cli.send("north", "statement", text="by file")
        assert cli.carry("north", "south")["received"] == 1
        (cli.folder / "b").write_bytes(b"no bundle")
        done = cli("bundle", "read", "south", "b", "--json")
        assert (done.status, done.json["error"]) == (1, {"code": "bundle.magic", "offset": 0})
        assert cli("sync", "south", "--json").json[0]["error"] == "net.unreachable"
    assert cli.send("south", "statement", text="after") == "south/1"
    done = cli("sync", "north", "--json")
    assert (done.status, done.json[0]["error"]) == (1, "net.unreachable")
