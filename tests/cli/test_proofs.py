"""prove, verify, fsck, and what later versions will have."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ceasewire.cli.later import LATER
from cli.driving import INCIDENT, Cli, joined

SOURCES = Path(__file__).resolve().parents[2] / "src"
REPORT = {"verdict", "kind", "steps", "fields", "vouched", "not_proved", "code"}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = joined(tmp_path)
    made.send("north", "notification", **INCIDENT)
    made.carry("north", "south")
    made.carry("south", "north")
    return made


def test_a_proof_verifies_with_the_charter_alone(cli: Cli) -> None:
    proved = cli.good("prove", "north", "north/0", "-o", "p")
    assert proved == {"ref": "north/0", "file": "p", "bytes": (cli.folder / "p").stat().st_size, "revealed": None}
    report = cli.good("verify", "p", "--charter", "line.charter")
    assert set(report) >= REPORT
    assert (report["verdict"], report["code"], report["fields"]["place"], report["exercise"]) == ("valid", None, "Kala", False)
    assert [(v["by"], v["as"]) for v in report["vouched"]] == [("north", "author"), ("south", "receipt")]
    printed = cli("verify", "p", "--charter", "line.charter").out
    assert printed.startswith("VALID: the proof holds.\n")
    assert " (1) ok     the file is a C2SP tlog-proof" in printed
    assert "Not proved\n" in printed
    assert "EXERCISE" not in printed


def test_a_proof_shows_the_fields_named(cli: Cli) -> None:
    assert "it shows types, place and whether" in cli("prove", "north", "north/0", "--reveal", "types", "--reveal", "place", "-o", "p").out
    report = cli.good("verify", "p", "--charter", "line.charter")
    assert report["fields"] == {"exercise": False, "types": ["A4"], "place": "Kala"}
    assert "more fields are hidden" in cli("verify", "p", "--charter", "line.charter").out
    done = cli("prove", "north", "north/0", "--reveal", "plaace", "-o", "q", "--json")
    assert (done.status, done.code) == (2, "field.unknown")
    assert "perhaps place" in done.err
    assert not (cli.folder / "q").exists()


def test_the_first_line_of_an_exercise_says_so(cli: Cli) -> None:
    cli.send("north", "statement", text="drill", exercise=True)
    cli.good("prove", "north", "north/1", "-o", "p")
    assert cli("verify", "p", "--charter", "line.charter").out.startswith("EXERCISE")
    assert cli("show", "north", "north/1").out.startswith("EXERCISE")
    assert "EXERCISE" in cli("list", "north").out


def test_every_changed_byte_is_noticed_and_the_step_is_said(cli: Cli) -> None:
    cli.good("prove", "north", "north/0", "-o", "p")
    data = (cli.folder / "p").read_bytes()
    for place in range(0, len(data), len(data) // 12):
        (cli.folder / "q").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        done = cli("verify", "q", "--charter", "line.charter", "--json")
        assert (done.status, done.json["verdict"]) == (1, "invalid"), place
        assert done.json["steps"][-1]["ok"] is False
        printed = cli("verify", "q", "--charter", "line.charter")
        assert printed.out.startswith("NOT VALID: do not rely on it.\n")
        assert "FAILED" in printed.out


def test_the_fingerprint_is_compared(cli: Cli) -> None:
    cli.good("prove", "north", "north/0", "-o", "p")
    words = cli.good("charter", "show", "line.charter")["fingerprint"]
    assert cli.good("verify", "p", "--charter", "line.charter", "--fingerprint", words.upper().replace("-", " "))["verdict"] == "valid"
    done = cli("verify", "p", "--charter", "line.charter", "--fingerprint", "babab-" * 7 + "babab", "--json")
    assert (done.status, done.json["code"]) == (1, "proof.fingerprint")


def test_a_file_that_is_no_proof_or_is_not_there_is_unreadable(cli: Cli) -> None:
    done = cli("verify", "line.toml", "--charter", "line.charter", "--json")
    assert (done.status, done.json["verdict"], done.json["code"]) == (2, "unreadable", "proof.malformed")
    assert cli("verify", "line.toml", "--charter", "line.charter").out.startswith("UNREADABLE")
    cli.good("prove", "north", "north/0", "-o", "p")
    for arguments in (("nowhere", "--charter", "line.charter"), ("p", "--charter", "nowhere"), ("p", "--policy", "nowhere")):
        done = cli("verify", *arguments, "--json")
        assert (done.status, done.json["verdict"], done.json["code"]) == (2, "unreadable", "file.unreadable")
        assert set(done.json) >= REPORT
    for extra in ((), ("--charter", "line.charter", "--policy", "x")):
        done = cli("verify", "p", *extra, "--json")
        assert (done.status, done.code) == (2, "usage")


def test_verify_imports_no_store_no_node_no_carrier(cli: Cli) -> None:
    cli.good("prove", "north", "north/0", "-o", "p")
    script = (
        "import sys; from ceasewire.cli import main; status = main(sys.argv[1:]); print([*sys.modules], file=sys.stderr); sys.exit(status)"
    )
    command = [sys.executable, "-c", script, "verify", "p", "--charter", "line.charter", "--json"]
    done = subprocess.run(command, cwd=cli.folder, env={**os.environ, "PYTHONPATH": str(SOURCES)}, capture_output=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "valid")
    loaded = eval(done.stderr)  # noqa: S307 - a list that the line above printed
    below = {name.split(".")[1] for name in loaded if name.startswith("ceasewire.")}
    assert below >= {"cli", "verifier", "record", "tlog"}
    assert not below & {"store", "node", "carriers", "folder", "pen", "console", "exchange", "demo"}
    assert not {name.partition(".")[0] for name in loaded} & {"sqlalchemy", "aiohttp", "starlette", "uvicorn"}


def test_output_goes_where_it_is_told(cli: Cli) -> None:
    (cli.folder / "target").write_text("old")
    (cli.folder / "link").symlink_to("target")
    cli.good("prove", "north", "north/0", "-o", "link")
    assert (cli.folder / "link").is_symlink()
    assert (cli.folder / "target").read_bytes().startswith(b"c2sp.org/tlog-proof@v1")
    for place in ("north", "no/where"):
        done = cli("prove", "north", "north/0", "-o", place, "--json")
        assert (done.status, done.code) == (2, "file.unwritable")
    cli.good("prove", "north", "north/0", "-o", "/dev/null")
    assert not Path("/dev/null").is_file()
    assert not list(cli.folder.rglob(".new-*"))


def test_fsck_of_a_whole_store(cli: Cli) -> None:
    found = cli.good("fsck", "north")
    assert (found["clean"], found["faults"], found["checked"]["messages"]) == (True, [], 1)
    assert cli("fsck", "north").out.startswith("Clean: ")


def test_fsck_names_the_place(cli: Cli) -> None:
    with sqlite3.connect(cli.folder / "north" / "store.sqlite") as database:
        table = next(name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%body_root%' AND type = 'table'"))
        database.execute(f"UPDATE {table} SET body_root = zeroblob(32)")  # noqa: S608
    database.close()
    done = cli("fsck", "north", "--json")
    assert (done.status, done.json["clean"]) == (1, False)
    assert done.json["faults"][0]["place"].startswith("north/0")
    assert cli("fsck", "north").out.startswith("NOT CLEAN: ")


@pytest.mark.parametrize(
    ("file", "code"),
    [("store.sqlite", "store.damaged"), ("pen", "pen.damaged"), ("card.txt", "card.malformed"), ("charter.cwc", "enc.malformed")],
)
def test_fsck_of_a_file_that_is_cut(cli: Cli, file: str, code: str) -> None:
    path = cli.folder / "north" / file
    path.write_bytes(path.read_bytes()[:100])
    done = cli("fsck", "north", "--json")
    assert (done.status, [(fault["place"], fault["code"]) for fault in done.json["faults"]]) == (1, [(file, code)])


def test_fsck_needs_a_node(cli: Cli) -> None:
    done = cli("fsck", "nowhere", "--json")
    assert (done.status, done.code) == (2, "node.missing")
    cli.good("init", "third", "--party", "third", "--name", "Third", "--no-passphrase")
    done = cli("fsck", "third", "--json")
    assert (done.status, done.code) == (2, "node.not_joined")


@pytest.mark.parametrize("command", sorted(LATER))
def test_what_comes_later_says_so(cli: Cli, command: str) -> None:
    for arguments in ((command, "north"), ("--json", command), (command, "--help")):
        done = cli(*arguments)
        assert (done.status, done.err.count("\n")) == (2, 1)
        assert f"this version has no `{command}` yet" in done.err
    assert cli(command, "--json").code == "usage"
    assert f" {command} " not in cli("--help").out


def test_other_proofs_come_later(cli: Cli) -> None:
    done = cli("prove", "north", "--case", "north/0", "-o", "p", "--json")
    assert (done.status, done.code) == (2, "usage")
    assert "no `prove --case` yet" in done.err
