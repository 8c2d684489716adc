"""officer add, list, revoke; release; charter amend: two people at the command line. FAULTS I-6 to I-9, B15."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from carriers.sides import process
from ceasewire.folder import Folder
from ceasewire.node.drafts import Drafts
from ceasewire.record.officers import read_officer
from cli.driving import TOML, Cli, joined
from signers import TestPasskey, client_data

TEXT = json.dumps({"text": "We hold fire."})
ROLES = {"kestrel": "duty_officer", "heron": "commander", "wren": "duty_officer", "swift": "commander"}


@cache
def _template() -> tempfile.TemporaryDirectory[str]:
    """North and south, joined, with two officers each, whose keys need no passphrase but kestrel's."""
    place = tempfile.TemporaryDirectory(prefix="ceasewire-officers-")
    cli = Cli(Path(place.name))
    (cli.folder / "pass").write_text("a bird's secret\n")
    toml = TOML
    for slug, names in (("north", ("kestrel", "heron")), ("south", ("wren", "swift"))):
        cli.good("init", slug, "--party", slug, "--name", slug.title(), "--no-passphrase")
        (cli.folder / f"{slug}.card").write_text(cli("card", slug).out)
        for name in names:
            sealing = ["--key-passphrase-file", "pass"] if name == "kestrel" else ["--no-key-passphrase"]
            done = cli("officer", "add", slug, "--name", name, "--role", ROLES[name], "--key", f"{name}.key", *sealing)
            assert done.status == 0, done
            toml += "\n" + done.out
    (cli.folder / "line.toml").write_text(toml)
    cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "line.charter")
    for slug in ("north", "south"):
        cli.good("charter", "sign", slug, "line.charter")
    for slug in ("north", "south"):
        cli.good("join", slug, "line.charter")
    return place


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    shutil.copytree(_template().name, tmp_path, dirs_exist_ok=True)
    return Cli(tmp_path)


def drafted(cli: Cli, kind: str = "statement", body: str = TEXT, node: str = "north") -> str:
    """A message that was not sent for want of releases; its draft."""
    done = cli("send", node, kind, "-", "--json", stdin=body)
    assert (done.status, set(done.json), done.json["released"]) == (1, {"draft", "needed", "released"}, 0)
    assert done.err.count("\n") == 1
    found: str = done.json["draft"]
    assert f"release {node} {found} --key FILE" in done.err
    return found


def release(cli: Cli, draft: str, name: str, node: str = "north") -> Any:
    sealed = ["--key-passphrase-file", "pass"] if name == "kestrel" else []
    return cli.good("release", node, draft, "--key", f"{name}.key", *sealed)


def test_two_officers_release_a_message_and_it_is_sent_proved_and_read_by_the_other_side(cli: Cli) -> None:
    draft = drafted(cli)
    assert release(cli, draft, "kestrel") == {"draft": draft, "needed": 2, "released": 1}
    (waits,) = cli.good("release", "north")
    assert (waits["draft"], waits["released"], [one["name"] for one in waits["by"]]) == (draft, 1, ["kestrel"])
    assert "1 of 2" in cli("release", "north").out
    assert release(cli, draft, "heron") == {"ref": "north/0", "size": 1}
    assert cli.good("release", "north") == []
    cli.carry("north", "south")
    (shown,) = cli.good("list", "south")
    assert (shown["void"], [one["role"] for one in shown["body"]["releases"]]) == (None, ["duty_officer", "commander"])
    cli.good("prove", "south", "north/0", "--reveal", "text", "-o", "p")
    report = cli.good("verify", "p", "--charter", "line.charter")
    assert (report["verdict"], [one["name"] for one in report["released_by"]]) == ("valid", ["kestrel", "heron"])
    assert "released by 2: kestrel, duty officer; heron, commander\n" in cli("verify", "p", "--charter", "line.charter").out
    assert cli("fsck", "north").status == 0


def test_what_is_signed_is_said_first(cli: Cli) -> None:
    said = cli("release", "north", drafted(cli), "--key", "heron.key", "--not-after", "2100-01-01T00:00:00Z").err
    for part in ("You release this statement of north on line", 'text: "We hold fire."', "until 2100-01-01T00:00:00Z", "hash "):
        assert part in said


def test_one_officer_alone_sends_nothing_however_often(cli: Cli) -> None:
    draft = drafted(cli)
    release(cli, draft, "heron")
    for arguments in (["--key", "heron.key"], []):
        done = cli("release", "north", draft, *arguments, "--json")
        assert done.status == (2 if arguments else 0)
        assert done.json.get("released", 1) == 1
    done = cli("release", "north", draft, "--key", "wren.key", "--json")
    assert (done.status, done.code) == (2, "release.invalid")
    assert cli.good("list", "north") == []


def test_an_edited_draft_has_no_release(cli: Cli) -> None:
    draft = drafted(cli)
    release(cli, draft, "heron")
    path = cli.folder / "north" / "drafts" / f"{draft}.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | {"body": found["body"].replace(b"hold".hex(), b"open".hex())}))
    assert release(cli, draft, "kestrel") == {"draft": draft, "needed": 2, "released": 1}
    assert cli.good("release", "north")[0]["by"][0]["name"] == "kestrel"


def test_kinds_that_need_none_or_one(cli: Cli) -> None:
    assert cli.good("send", "north", "line_check", "-", stdin="{}")["ref"] == "north/0"
    assert cli.good("send", "north", "acknowledgement", "-", stdin='{"watch": true}')["ref"] == "north/1"
    draft = drafted(cli, "flash", '{"phrase": "checking"}')
    assert release(cli, draft, "heron")["ref"] == "north/2"


def test_a_bad_body_makes_no_draft(cli: Cli) -> None:
    done = cli("send", "north", "statement", "-", "--json", stdin="{}")
    assert (done.status, done.code) == (2, "body.schema")
    assert cli.good("release", "north") == []


def test_beside_serve_it_goes_through_it(cli: Cli) -> None:
    draft = drafted(cli)
    release(cli, draft, "heron")
    with process(Folder(cli.folder / "north")):
        assert release(cli, draft, "kestrel") == {"ref": "north/0", "size": 1}
        done = cli("release", "north", draft, "--json")
        assert (done.status, done.code) == (2, "draft.missing")
        again = drafted(cli, body='{"text": "While it serves."}')
        release(cli, again, "heron")
        assert release(cli, again, "kestrel") == {"ref": "north/1", "size": 2}


def test_a_node_with_a_passphrase_is_opened_by_the_same_or_another(cli: Cli) -> None:
    """--passphrase-file opens the node's keys, and the officer's too unless they have their own."""
    (cli.folder / "north" / "unlock.key").rename(cli.folder / "away")
    draft = drafted(cli)
    release(cli, draft, "heron")
    done = cli("release", "north", draft, "--key", "kestrel.key", "--passphrase-file", "pass", "--json")
    assert (done.status, done.code) == (2, "pen.passphrase")  # the node's: the release itself is kept
    assert cli.good("release", "north")[0]["released"] == 2
    (cli.folder / "away").rename(cli.folder / "north" / "unlock.key")
    assert cli.good("release", "north", draft)["ref"] == "north/0"


# --- Officers come and go ---


def test_officers_are_listed_with_their_parties(cli: Cli) -> None:
    found = cli.good("officer", "list", "south")
    assert {(one["party"], one["name"], one["role"]) for one in found} == {
        ("north", "kestrel", "duty_officer"),
        ("north", "heron", "commander"),
        ("south", "wren", "duty_officer"),
        ("south", "swift", "commander"),
    }
    assert "kestrel" in cli("officer", "list", "south").out
    shown = cli.good("charter", "show", "line.charter")
    assert (len(shown["officers"]), shown["releases"]["statement"], shown["releases"]["line_check"]) == (4, 2, 0)
    assert "How many officers release a message" in cli("charter", "show", "line.charter").out


def test_i9_a_new_officer_needs_two_or_the_recovery_key(cli: Cli) -> None:
    new = ["--name", "raven", "--role", "delegate", "--key", "raven.key", "--no-key-passphrase"]
    done = cli("officer", "add", "north", *new, "--json")
    assert (done.status, done.json["needed"], done.json["file"]) == (1, 2, "raven.key")
    release(cli, done.json["draft"], "heron")
    assert release(cli, done.json["draft"], "kestrel")["ref"] == "north/0"
    other = ["--name", "wagtail", "--role", "delegate", "--no-key-passphrase", "--recovery-file", "north/recovery-north.txt"]
    assert cli.good("officer", "add", "north", *other)["ref"] == "north/1"
    cli.carry("north", "south")
    assert {"raven", "wagtail"} <= {one["name"] for one in cli.good("officer", "list", "south") if one["party"] == "north"}
    draft = drafted(cli)
    release(cli, draft, "raven")
    assert cli.good("release", "north", draft, "--key", "wagtail.officer-key")["ref"] == "north/2"


def test_i8_a_revoked_officer_releases_nothing_more(cli: Cli) -> None:
    draft = drafted(cli)
    release(cli, draft, "heron")
    (heron,) = [one["id"] for one in cli.good("officer", "list", "north") if one["name"] == "heron"]
    done = cli.good("officer", "revoke", "north", heron, "--reason", "lost", "--recovery-file", "north/recovery-north.txt")
    assert done["ref"] == "north/0"
    assert release(cli, draft, "kestrel")["released"] == 1  # heron's counts no more
    done = cli("release", "north", draft, "--key", "heron.key", "--json")
    assert (done.status, done.code) == (2, "release.invalid")
    done = cli("officer", "revoke", "north", heron, "--json")
    assert (done.status, done.code) == (2, "usage")
    done = cli("officer", "revoke", "north", cli.good("officer", "list", "north")[0]["id"], "--recovery-file", "north/recovery-north.txt")
    assert done.status == 0
    cli.carry("north", "south")
    assert [one["void"] for one in cli.good("list", "south")] == [None, None]


def test_a_passkey_is_named_by_its_public_key_and_releases_by_an_assertion(cli: Cli) -> None:
    passkey = TestPasskey("north", "osprey", "spokesperson")
    new = ["--name", "osprey", "--role", "spokesperson", "--public", passkey.officer.public]
    web = ["--rp-id", passkey.officer.rp_id, "--origin", passkey.officer.origin]
    made = cli.good("officer", "add", "north", *new, *web, "--recovery-file", "north/recovery-north.txt")
    assert (made["file"], made["id"]) == (None, passkey.officer.id.hex())
    draft = drafted(cli)
    release(cli, draft, "heron")
    with Folder(cli.folder / "north").view() as view:
        asked = Drafts(cli.folder / "north").load(draft).asked(view)
    data, client, signature = passkey.assertion(client_data(asked.challenge(2**32)))
    parts = {"authenticatorData": data, "clientDataJSON": client, "signature": signature}
    encoded = {name: base64.urlsafe_b64encode(part).decode().rstrip("=") for name, part in parts.items()}
    for change in ({"signature": "AA"}, {"not_after": "x"}, {"officer": "00"}):
        (cli.folder / "a.json").write_text(json.dumps({"officer": made["id"], "not_after": 2**32, **encoded, **change}))
        done = cli("release", "north", draft, "--assertion", "a.json", "--json")
        assert (done.status, done.code) == (2, "release.invalid")
    (cli.folder / "a.json").write_text(json.dumps({"officer": made["id"], "not_after": 2**32, **encoded}))
    assert cli.good("release", "north", draft, "--assertion", "a.json")["ref"] == "north/1"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--name", "x", "--role", "king", "--no-key-passphrase"], "usage"),
        (["--name", " ", "--role", "delegate", "--no-key-passphrase"], "usage"),
        (["--name", "x", "--role", "delegate"], "usage"),
        (["--name", "x", "--role", "delegate", "--no-key-passphrase", "--key-passphrase-file", "pass"], "usage"),
        (["--name", "x", "--role", "delegate", "--public", "ed25519:00"], "usage"),
        (["--name", "x", "--role", "delegate", "--public", "ed25519:" + "01" + 31 * "00"], "usage"),
        (["--name", "x", "--role", "delegate", "--key", "heron.key", "--no-key-passphrase"], "node.exists"),
        (["--name", "x", "--role", "delegate", "--no-key-passphrase", "--recovery-file", "line.toml"], "pen.damaged"),
    ],
)
def test_an_officer_that_cannot_be_added(cli: Cli, arguments: list[str], code: str) -> None:
    before = (cli.folder / "heron.key").read_bytes()
    done = cli("officer", "add", "north", *arguments, "--json")
    assert (done.status, done.code) == (2, code)
    assert (cli.folder / "heron.key").read_bytes() == before


# --- Key files ---


@pytest.mark.parametrize("how", ["mode", "passphrase", "none", "cut", "other", "gone", "text", "public"])
def test_b15_an_officers_key_file_that_does_not_open(cli: Cli, how: str) -> None:
    draft, path = drafted(cli), cli.folder / "kestrel.key"
    passphrase, code = "pass", "pen.damaged"
    text = path.read_text()
    if how == "mode":
        path.chmod(0o644)
        code = "pen.mode"
    elif how == "passphrase":
        (cli.folder / "wrong").write_text("another\n")
        passphrase, code = "wrong", "pen.passphrase"
    elif how == "none":
        code = "pen.passphrase"
    elif how == "gone":
        path.unlink()
    elif how == "text":
        path.write_bytes(b"\xff" * 100)
    elif how == "other":  # another's name over this key, with a checksum that fits
        lines = text.split("\n")
        lines[1] = (cli.folder / "heron.key").read_text().split("\n")[1]
        body = "\n".join(lines[:4]) + "\n"
        path.write_text(f"{body}check {hashlib.sha256(body.encode()).hexdigest()[:16]}\n")
        code = "pen.passphrase"
    else:
        path.write_text(text[:-3] if how == "cut" else text.replace("ed25519:", "ed25519:0"))
    given = [] if how == "none" else ["--key-passphrase-file", passphrase]
    done = cli("release", "north", draft, "--key", "kestrel.key", *given, "--json")
    assert (done.status, done.code) == (2, code)


def test_a_key_file_is_its_owners_alone_and_sealed(cli: Cli) -> None:
    path = cli.folder / "kestrel.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "argon2id 65536 3 4 " in path.read_text()
    named = read_officer({"name": "kestrel", "role": "duty_officer", "key": path.read_text().split("\n")[1].removeprefix("public ")})
    assert named.id.hex() in {one["id"] for one in cli.good("officer", "list", "north")}


# --- Amendments ---


def _amendment(cli: Cli, toml: str) -> str:
    (cli.folder / "change.toml").write_text(toml)
    cli.good("charter", "amend", "north", "change.toml", "-o", "change.json")
    return (cli.folder / "change.json").read_text()


def test_an_amendment_by_one_then_by_both(cli: Cli) -> None:
    body = _amendment(cli, "[clocks]\nreply = 3600\n[releases]\nstatement = 1\n")
    draft = drafted(cli, "amendment", body)
    said = cli("release", "north", draft, "--key", "heron.key").err
    assert '"clocks": {"reply": 3600}' in said
    assert '"releases": {"statement": 1, "keys": 1}' in said
    release(cli, draft, "kestrel")
    cli.carry("north", "south")
    assert cli("send", "south", "statement", "-", "--json", stdin=TEXT).json["needed"] == 2
    draft = drafted(cli, "amendment", body, "south")
    release(cli, draft, "wren", "south")
    release(cli, draft, "swift", "south")
    assert cli("send", "south", "statement", "-", "--json", stdin=TEXT).json["needed"] == 1
    assert cli("send", "north", "statement", "-", "--json", stdin=TEXT).json["needed"] == 2
    cli.carry("south", "north")
    draft = drafted(cli)
    assert release(cli, draft, "heron")["ref"] == "north/1"
    cli.carry("north", "south")
    assert [one["void"] for one in cli.good("list", "south")] == [None] * 3
    done = cli("charter", "amend", "north", "change.toml", "-o", "again.json", "--json")
    assert (done.status, done.code) == (2, "charter.toml")  # it is so already


@pytest.mark.parametrize(
    "toml", ["", "name = 'x'\n", "[clocks]\nreply = -1\n", "kinds = ['gossip']\n", "officers = []\n[releases]\nflash = 2\n"]
)
def test_an_amendment_that_cannot_be(cli: Cli, toml: str) -> None:
    (cli.folder / "change.toml").write_text(toml)
    done = cli("charter", "amend", "north", "change.toml", "-o", "change.json", "--json")
    assert (done.status, done.code) == (2, "charter.toml")
    assert not (cli.folder / "change.json").exists()


def test_a_party_without_officers_names_its_first_by_the_recovery_key(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    new = ["--name", "raven", "--role", "delegate", "--key", "raven.key", "--no-key-passphrase"]
    done = cli("officer", "add", "north", *new, "--json")
    assert (done.status, done.code) == (2, "release.missing")
    public = ["--public", (cli.folder / "raven.key").read_text().split("\n")[1].removeprefix("public ")]
    assert cli("officer", "list", "north").out == "No party has an officer: no message needs a release.\n"
    recovery = ["--recovery-file", "north/recovery-north.txt"]
    assert cli.good("officer", "add", "north", *new[:4], *public, *recovery)["ref"] == "north/0"
    assert cli("send", "north", "statement", "-", "--json", stdin=TEXT).json["needed"] == 2
    assert cli.send("south", "statement", text="South lists none.") == "south/0"


def test_with_a_policy_the_steps_about_officers_are_left_out_and_it_says_so(cli: Cli) -> None:
    draft = drafted(cli)
    release(cli, draft, "kestrel")
    release(cli, draft, "heron")
    cli.good("prove", "north", "north/0", "-o", "p")
    with Folder(cli.folder / "north").view() as view:
        key = view.channel.logs[0].log[0]
    (cli.folder / "policy").write_text(f"log {key.text()}\nquorum none\n")
    report = cli.good("verify", "p", "--policy", "policy")
    assert [step["step"] for step in report["steps"]] == [1, 2, 4, 5, 6, 7, 8, 9, 10, 14]
    assert any("officers released it" in sentence for sentence in report["not_proved"])
    assert "(11) to (13) left out" in cli("verify", "p", "--policy", "policy").out
