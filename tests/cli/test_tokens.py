"""`ceasewire token`: a secret is shown once, its list is the owner's alone and says nothing of it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from ceasewire.tokens import MOST, SECRET, Token, encode
from cli.driving import joined


def test_a_token_is_made_listed_and_revoked(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    assert cli("token", "list", "north", "--json").json == []
    made = cli("token", "add", "north", "map-room", "--json")
    secret = made.json["token"]
    assert SECRET.fullmatch(secret)
    assert (made.json["name"], made.json["role"], made.json["node"][:6]) == ("map-room", "reader", "north@")
    sender = cli("token", "add", "north", "desk", "--role", "sender")
    assert (sender.status, SECRET.fullmatch(sender.out.strip()) is None) == (0, False)
    kept = tmp_path / "north" / "tokens"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert secret not in kept.read_text()
    assert secret[3:] not in kept.read_text()
    listed = cli("token", "list", "north", "--json")
    assert [(one["name"], one["role"]) for one in listed.json] == [("map-room", "reader"), ("desk", "sender")]
    assert {"name", "role", "made"} == set(listed.json[0])
    assert cli("token", "revoke", "north", "map-room", "--json").json == {"revoked": "map-room"}
    assert [one["name"] for one in cli("token", "list", "north", "--json").json] == ["desk"]


def test_what_cannot_be_done(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    cli("token", "add", "north", "desk")
    for arguments, code in (
        (("add", "north", "desk"), "usage"),
        (("add", "north", "../x"), "usage"),
        (("add", "north", ""), "usage"),
        (("add", "north", "x", "--role", "owner"), "usage"),
        (("revoke", "north", "none"), "usage"),
        (("add", "nowhere", "x"), "node.missing"),
        (("list", "nowhere"), "node.missing"),
        (("revoke", "nowhere", "x"), "node.missing"),
    ):
        done = cli("token", *arguments, "--json")
        assert (done.status, done.json["error"]["code"]) == (2, code), arguments
    kept = tmp_path / "north" / "tokens"
    kept.write_bytes(encode([Token(f"t{n}", "reader", "x", "0" * 64) for n in range(MOST)]))
    assert cli("token", "add", "north", "more", "--json").json["error"]["code"] == "usage"
    kept.chmod(0o640)
    for arguments in (("list", "north"), ("add", "north", "more")):
        assert cli("token", *arguments, "--json").json["error"]["code"] == "pen.mode", "others could read the list"
    kept.unlink()
    kept.symlink_to("card.txt")
    assert cli("token", "list", "north", "--json").json["error"]["code"] == "file.unreadable"


def test_tokens_made_at_once_are_all_kept(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    source = Path(__file__).resolve().parents[2] / "src"
    command = [sys.executable, "-m", "ceasewire", "token", "add", "north"]
    running = [
        subprocess.Popen([*command, f"t{n}"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(source)}, stdout=subprocess.DEVNULL)
        for n in range(6)
    ]
    assert [one.wait(60) for one in running] == [0] * 6
    assert {one["name"] for one in cli("token", "list", "north", "--json").json} == {f"t{n}" for n in range(6)}
