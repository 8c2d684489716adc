"""witness key, add, serve: their folder, their mistakes. What is served: tests/witness/test_serving.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from ceasewire.tlog.note import COSIGNATURE_ED25519, MLDSA44, VerifierKey
from cli.driving import TOML, Cli, joined
from witness.foreign import Signing

LOG = Signing("log.example/1").key.text()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def test_the_key_is_made_once_and_printed_alone(cli: Cli) -> None:
    first = cli("witness", "key", "tower", "--name", "tower.example/w")
    assert first.status == 0
    key = VerifierKey.parse(first.out.removesuffix("\n"))
    assert (key.name, key.kind) == ("tower.example/w", COSIGNATURE_ED25519)
    assert "backup" in first.err
    again = cli.good("witness", "key", "tower")
    assert (again["vkey"], again["made"], again["name"]) == (key.text(), False, "tower.example/w")
    assert VerifierKey.parse(again["vkey_mldsa44"]).kind == MLDSA44
    assert cli("witness", "key", "tower").err == ""
    modes = {path.name: path.stat().st_mode & 0o777 for path in (cli.folder / "tower").iterdir()}
    assert modes == {"key": 0o600, "mark": 0o600, "witness.sqlite": 0o600}
    assert (cli.folder / "tower").stat().st_mode & 0o777 == 0o700


def test_two_witnesses_have_two_names(cli: Cli) -> None:
    names = {cli.good("witness", "key", name)["name"] for name in ("a", "b")}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("key", "tower", "--name", "another.example"), 2, "usage"),
        (("key", "new", "--name", "a b"), 2, "usage"),
        (("key", "new", "--name", "x" * 201), 2, "usage"),
        (("key", "full"), 2, "file.unwritable"),
        (("add", "nowhere", LOG), 2, "witness.missing"),
        (("add", "tower"), 2, "usage"),
        (("add", "tower", LOG, "--charter", "x"), 2, "usage"),
        (("add", "tower", LOG[:-1]), 1, "vkey.malformed"),
        (("add", "tower", Signing("w.example", COSIGNATURE_ED25519).key.text()), 2, "usage"),
        (("add", "tower", "--charter", "nowhere"), 2, "file.unreadable"),
        (("serve", "nowhere", "--listen", "127.0.0.1:0"), 2, "witness.missing"),
        (("serve", "tower", "--listen", "here"), 2, "usage"),
        (("serve", "tower", "--listen", "127.0.0.1:0", "--tls-cert", "x"), 2, "usage"),
        (("serve", "open", "--listen", "127.0.0.1:0"), 2, "pen.mode"),
        (("serve", "cut", "--listen", "127.0.0.1:0"), 2, "pen.damaged"),
        (("serve", "lost", "--listen", "127.0.0.1:0"), 2, "pen.damaged"),
        (("serve", "empty", "--listen", "127.0.0.1:0"), 2, "store.damaged"),
    ],
)
def test_mistakes_are_said(cli: Cli, arguments: tuple[str, ...], status: int, code: str) -> None:
    for name in ("tower", "open", "cut", "lost", "empty"):
        cli.good("witness", "key", name)
    (cli.folder / "full").mkdir()
    (cli.folder / "full" / "photo").write_text("x")
    (cli.folder / "open" / "key").chmod(0o644)
    (cli.folder / "cut" / "key").write_text("half")
    (cli.folder / "lost" / "mark").unlink()
    (cli.folder / "empty" / "witness.sqlite").unlink()
    done = cli("witness", *arguments, "--json")
    assert (done.status, done.code) == (status, code)
    assert "Traceback" not in done.err


def test_logs_are_added_by_key_by_origin_and_by_charter(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    cli.good("witness", "key", "tower")
    assert cli.good("witness", "add", "tower", LOG) == {"origins": ["log.example/1"], "keys": 1, "added": 1, "logs": 1}
    assert cli.good("witness", "add", "tower", LOG)["added"] == 0
    assert cli.good("witness", "add", "tower", LOG, "--origin", "another name")["logs"] == 2
    found = cli.good("witness", "add", "tower", "--charter", "line.charter")
    assert (found["keys"], found["added"], found["logs"]) == (4, 4, 4)
    assert {origin.rpartition("/")[2] for origin in found["origins"]} == {"north", "south"}


def test_a_new_key_over_a_store_that_came_from_a_backup_keeps_what_it_knows(cli: Cli) -> None:
    before = cli.good("witness", "key", "tower")
    cli.good("witness", "add", "tower", LOG)
    (cli.folder / "tower" / "key").unlink()
    after = cli.good("witness", "key", "tower")
    assert (after["made"], after["vkey"] != before["vkey"]) == (True, True)
    assert cli.good("witness", "add", "tower", LOG) == {"origins": ["log.example/1"], "keys": 1, "added": 0, "logs": 1}


def test_sync_tells_of_a_witness_that_is_away_and_fails_for_no_other_reason(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    vkey = Signing("tower.example", COSIGNATURE_ED25519).key.text()
    (tmp_path / "line.toml").write_text(f'quorum = 0\n{TOML}\n[[witnesses]]\nname = "tower"\nvkey = "{vkey}"\nurl = "http://127.0.0.1:9"\n')
    for slug in ("north", "south"):
        cli.good("init", slug, "--party", slug, "--name", slug, "--no-passphrase")
        (tmp_path / f"{slug}.card").write_text(cli("card", slug).out)
    cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "line.charter")
    for slug in ("north", "south"):
        cli.good("charter", "sign", slug, "line.charter")
    for slug in ("north", "south"):
        cli.good("join", slug, "line.charter")
    assert cli.good("charter", "show", "line.charter")["witnesses"] == [{"name": "tower", "vkey": vkey, "url": "http://127.0.0.1:9"}]
    cli.send("north", "statement", text="hello")
    done = cli("sync", "north", "--json")
    assert [(one["peer"], one["error"]) for one in done.json] == [("south", "net.url")]
    assert "witness tower: " in done.err
    assert "[net.unreachable]" in done.err
    # A log that is opened later is in no charter: its key is what a witness's keeper must be given.
    made = cli.good("keys", "rotate", "north", "--recovery-file", "north/recovery-north.txt")
    found = {one["log"]: one["vkey"] for one in cli.good("keys", "list", "north")}
    assert f"once its keeper has added it: ceasewire witness add DIR {found[made['log']]}" in cli("keys", "list", "north").out
    cli.good("witness", "key", "tower")
    assert cli.good("witness", "add", "tower", found[made["log"]])["added"] == 1
