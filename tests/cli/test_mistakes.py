"""A user's mistakes: one clear sentence, the next step, and nothing broken by them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ceasewire.cli.cautions import STAND, VICTIMS
from cli.driving import INCIDENT, Cli, joined


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
    assert "A4 artillery, tank; the school" in cli("case", "north", "north/0").out


def test_who_has_no_address_is_told_apart_from_an_error(cli: Cli) -> None:
    assert "has no address of its own" in cli("sync", "north").out


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        ({"observer_position": [34.5, 69.1]}, [STAND]),
        ({"bearing": 0}, [STAND]),
        ({"distance": 900, "location": [34.5, 69.1], "location_precision": "Exact"}, [STAND]),
        ({"location": [34.5, 69.1]}, []),
        ({"types": "d3"}, [VICTIMS]),
        ({"types": ["A4", "D5"], "bearing": 5}, [STAND, VICTIMS]),
        ({"types": ["D1"], "bearing": None}, []),
    ],
)
def test_who_shows_where_people_stand_or_who_suffered_is_warned(cli: Cli, change: dict[str, Any], warned: list[str]) -> None:
    done = cli("send", "north", "notification", "-", "--json", stdin=json.dumps({**INCIDENT, **change}))
    assert (done.status, done.json["ref"], done.err.splitlines()) == (0, "north/0", warned)


def test_a_correction_warns_as_what_it_corrects(cli: Cli) -> None:
    cli.send("north", "notification", **INCIDENT)
    correction = {"re": "north/0", "fields": {"bearing": 12}, "reason": "It was read anew."}
    assert cli("send", "north", "correction", "-", stdin=json.dumps(correction)).err.splitlines() == [STAND]


@pytest.mark.parametrize(
    ("kind", "body", "code", "said"),
    [
        ("reply", {"re": "south/99", "stance": "noted"}, "ref.unknown", "There is no such message here: south/99; sync first"),
        ("evidence", {"re": "north/7", "evidence": [{"name": "a", "sha256": "00" * 32}]}, "ref.unknown", "such message here: north/7. R"),
        (
            "correction",
            {"re": "north/9", "fields": {"place": "x"}, "reason": "x"},
            "ref.missing",
            "There is no such message here: north/9. S",
        ),
        (
            "reply",
            {"re": "north/0", "stance": "noted"},
            "ref.party",
            "A reply is to another party's message, and north/0 is this party's own",
        ),
        ("withdrawal", {"re": "south/0", "reason": "x"}, "ref.party", "A withdrawal is of its own party's message, and south/0 is another"),
        (
            "statement",
            {"text": "x", "links": [{"as": "replies_to", "ref": "north/0"}, {"as": "corrects", "ref": "south/0"}]},
            "ref.party",
            "links: corrects is for its own party's message, and south/0 is another",
        ),
        (
            "statement",
            {"text": "x", "links": [{"as": "same_incident", "ref": "south/9"}]},
            "ref.unknown",
            "message here: south/9; sync first",
        ),
        ("request", {"questions": ["x" * 2000] * 20}, "body.schema", "ceasewire: request: a body of 400"),
        (
            "notification",
            {**INCIDENT, "precedence": "urgent"},
            "body.schema",
            "ceasewire: notification: precedence: one of flash, immediate,",
        ),
    ],
)
def test_what_is_refused_says_which_field_or_message(cli: Cli, kind: str, body: dict[str, Any], code: str, said: str) -> None:
    cli.send("north", "notification", **INCIDENT)
    cli.send("south", "statement", text="a")
    cli.carry("south", "north")
    done = cli("send", "north", kind, "-", "--json", stdin=json.dumps(body))
    assert (done.status, done.code) == (2, code)
    assert said in done.err
    assert done.err == f"ceasewire: {done.json['error']['message']}. {done.json['error']['step']} [{code}]\n"


def test_a_message_of_no_case_is_not_said_to_be_missing(cli: Cli) -> None:
    cli.send("north", "statement", text="a")
    assert cli("case", "north", "north/0").err.startswith("ceasewire: north/0 belongs to no case. ")


def test_a_log_that_has_not_been_heard_of_asks_for_a_sync(cli: Cli) -> None:
    shutil.move(cli.folder / "north" / "recovery-north.txt", cli.folder / "key")
    device = ("keys", "device", "north", "new", "--recovery-file", "key", "--no-passphrase", "--replaces")
    done = cli(*device, "north.3fa91c", "--json")
    assert (done.status, done.code) == (2, "usage")
    assert "This node has not heard of that log: first `ceasewire sync north`, then repeat." in done.err
    for other in ("south", "south.3fa91c", "nonsense"):
        assert "is no log of north; its logs are north" in cli(*device, other).err
    assert not (cli.folder / "new").exists()


def test_no_list_is_cut_off_in_the_middle(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    assert cli("nonsense").err == 'ceasewire: That cannot be done as asked: Unknown command "nonsense". See `ceasewire --help`. [usage]\n'
    assert 'Unknown command "lst"; perhaps list. See' in cli("lst", "n").err
    assert "Unknown option: --bogus; perhaps --log. See" in cli("list", "n", "--bogus").err
