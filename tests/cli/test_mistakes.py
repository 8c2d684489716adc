"""A user's mistakes: one clear sentence, the next step, and nothing broken by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.driving import Cli, joined


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path)


def _files(folder: Path) -> dict[str, bytes]:
    """What no command but `init` and `join` writes; pen and store move on with every bundle, and the next send shows them whole."""
    moving = ("pen", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm")
    return {path.name: b"" if path.name in moving else path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["pen", "store.sqlite", "card.txt", "new"])
def test_no_command_writes_into_a_nodes_folder(cli: Cli, name: str) -> None:
    """A proof written over the pen would end the log for ever."""
    cli.send("north", "statement", text="a")
    before = _files(cli.folder / "north")
    for command in (("prove", "north", "north/0"), ("bundle", "write", "north", "--to", "south")):
        done = cli(*command, "-o", f"north/{name}", "--json")
        assert (done.status, done.json["error"]["code"]) == (2, "file.unwritable")
    assert _files(cli.folder / "north") == before
    assert cli.send("north", "statement", text="b") == "north/1"


@pytest.mark.parametrize("terms", ['name = "X Y"\ntitle = "t"', 'name = "x"\ntitle = ""', 'name = "x"\ntitle = "\\u202e"'])
def test_terms_that_cannot_be_are_the_drafters_to_mend(cli: Cli, terms: str) -> None:
    (cli.folder / "bad.toml").write_text(terms, "utf-8")
    done = cli("charter", "draft", "bad.toml", "north.card", "south.card", "-o", "bad.charter", "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "charter.toml")


@pytest.mark.parametrize("option", ["--charter", "--policy"])
def test_a_file_that_is_no_charter_or_policy_does_not_blame_the_proof(cli: Cli, option: str) -> None:
    cli.send("north", "statement", text="a")
    cli.good("prove", "north", "north/0", "-o", "p")
    (cli.folder / "other").write_bytes(b"print('hello')\n")
    done = cli("verify", "p", option, "other", "--json")
    assert (done.status, done.json["verdict"], done.json["code"]) == (2, "unreadable", f"{option[2:]}.malformed")


def test_a_step_that_was_not_asked_for_says_so(cli: Cli) -> None:
    cli.send("north", "statement", text="a")
    cli.good("prove", "north", "north/0", "-o", "p")
    assert "(3) not asked" in cli("verify", "p", "--charter", "line.charter").out


def test_a_case_says_what_its_messages_say(cli: Cli) -> None:
    cli.send("north", "notification", types=["A4"], occurred_from="2026-03-01T04:12:00Z", place="the school")
    assert "A4; the school" in cli("case", "north", "north/0").out


def test_who_has_no_address_is_told_apart_from_an_error(cli: Cli) -> None:
    assert "has no address of its own" in cli("sync", "north").out
