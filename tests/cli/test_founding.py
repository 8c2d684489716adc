"""init, card, charter, join."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ceasewire.record.charter import CLOCKS
from cli.driving import PASSPHRASE, TOML, Cli, joined


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    (tmp_path / "pass").write_text(PASSPHRASE + "\n")
    (tmp_path / "line.toml").write_text(TOML)
    return Cli(tmp_path)


def made(cli: Cli, slug: str) -> None:
    cli.good("init", slug, "--party", slug, "--name", slug.title(), "--no-passphrase")
    (cli.folder / f"{slug}.card").write_text(cli("card", slug).out)


def test_init_says_what_it_made_and_that_the_recovery_key_must_go(cli: Cli) -> None:
    done = cli("init", "north", "--party", "north", "--name", "Northern Command", "--passphrase-file", "pass", "--json")
    assert done.status == 0
    found = done.json
    assert {k: found[k] for k in ("party", "name", "role", "url")} == {
        "party": "north", "name": "Northern Command", "role": "party", "url": ""
    }  # fmt: skip
    assert len(found["fingerprint"].split("-")) == 8
    recovery = cli.folder / found["recovery_file"]
    assert stat.S_IMODE(recovery.stat().st_mode) == 0o600
    assert f"Take {found['recovery_file']} away" in done.err
    assert not (cli.folder / "north" / "unlock.key").exists()
    assert "Northern Command" in cli("init", "n2", "--party", "n2", "--name", "Northern Command", "--no-passphrase").out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "one of them"),
        (("--no-passphrase", "--passphrase-file", "pass"), "one of them"),
        (("--passphrase-file", "empty"), "is empty"),
        (("--no-passphrase", "--role", "king"), "--role"),
    ],
)
def test_init_asks_for_exactly_one_way_to_open_the_keys(cli: Cli, more: tuple[str, ...], says: str) -> None:
    (cli.folder / "empty").write_text("\nsecond line\n")
    done = cli("init", "north", "--party", "north", "--name", "North", *more, "--json")
    assert (done.status, done.code) == (2, "usage")
    assert says in done.err
    assert not (cli.folder / "north").exists()


@pytest.mark.parametrize(
    ("party", "name"), [("North", "x"), ("", "x"), ("north.1", "x"), ("north", " "), ("north", "x" * 201), ("n", "a\nb\x07")]
)
def test_init_refuses_what_no_card_can_hold_before_it_makes_anything(cli: Cli, party: str, name: str) -> None:
    done = cli("init", "north", "--party", party, "--name", name, "--no-passphrase", "--json")
    assert (done.status, done.code) == (2, "usage")
    assert not (cli.folder / "north").exists()


@pytest.mark.parametrize("url", ["http://example.org", "ftp://127.0.0.1", "https://user@example.org", "https://example.org/?q=1"])
def test_init_refuses_a_url_that_nobody_may_call(cli: Cli, url: str) -> None:
    done = cli("init", "north", "--party", "north", "--name", "North", "--no-passphrase", "--url", url, "--json")
    assert (done.status, done.code) == (2, "net.url")


def test_init_leaves_what_is_there_alone(cli: Cli) -> None:
    made(cli, "north")
    before = (cli.folder / "north" / "card.txt").read_bytes()
    again = cli("init", "north", "--party", "north", "--name", "North", "--no-passphrase", "--json")
    assert (again.status, again.code) == (2, "node.exists")
    assert (cli.folder / "north" / "card.txt").read_bytes() == before


def test_a_passphrase_is_the_first_line_of_its_file(cli: Cli) -> None:
    cli.good("init", "north", "--party", "north", "--name", "North", "--passphrase-file", "pass")
    made(cli, "south")
    (cli.folder / "north.card").write_text(cli("card", "north").out)
    cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "x.charter")
    for name, text in (("crlf", PASSPHRASE + "\r\nmore"), ("bare", PASSPHRASE), ("space", PASSPHRASE + " \n")):
        (cli.folder / name).write_bytes(text.encode())
    none = cli("charter", "sign", "north", "x.charter", "--json")
    assert (none.status, none.code) == (2, "pen.passphrase")
    assert "--passphrase-file" in none.err
    assert cli("charter", "sign", "north", "x.charter", "--passphrase-file", "space", "--json").code == "pen.passphrase"
    assert cli("charter", "sign", "north", "x.charter", "--passphrase-file", "nowhere", "--json").code == "file.unreadable"
    assert cli.good("charter", "sign", "north", "x.charter", "--passphrase-file", "crlf")["signed"] == ["north"]
    assert cli.good("charter", "sign", "north", "x.charter", "--passphrase-file", "bare")["signed"] == ["north"]


def test_card_prints_the_card_alone_and_the_words_beside_it(cli: Cli) -> None:
    made(cli, "north")
    plain, with_json = cli("card", "north"), cli.good("card", "north")
    assert plain.out == with_json["card"] == (cli.folder / "north" / "card.txt").read_text()
    assert with_json["fingerprint"] in plain.err
    assert with_json["fingerprint"] not in plain.out
    assert with_json["party"] == "north"


def test_draft_gives_the_same_bytes_however_the_cards_are_ordered(cli: Cli) -> None:
    made(cli, "north")
    made(cli, "south")
    one = cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "one.charter")
    two = cli.good("charter", "draft", "line.toml", "south.card", "north.card", "-o", "two.charter")
    assert (cli.folder / "one.charter").read_bytes() == (cli.folder / "two.charter").read_bytes()
    assert one["channel"] == two["channel"]
    assert one["unsigned"] == ["north", "south"]
    assert "to be signed by  north, south" in cli("charter", "draft", "line.toml", "south.card", "north.card", "-o", "two.charter").out


@pytest.mark.parametrize(
    ("toml", "code", "says"),
    [
        ('name = "line"\ntitle = ', "charter.toml", "line 2"),
        ("name = 1\ntitle = 'x'", "charter.toml", "name must be a text"),
        ("title = 'x'", "charter.toml", "name is missing"),
        ("name = 'a'\ntitle = 'x'\nclock = 1", "charter.toml", "no key clock"),
        (b"name = '\xff'", "charter.toml", "byte 9 is not UTF-8"),
        ("a = " + "[" * 3000, "charter.toml", ""),
        ("name = 'a'\ntitle = 'x'\nofficers = [{a = 1}]", "charter.toml", "no key a"),
    ],
)
def test_draft_says_what_is_wrong_with_the_toml_in_one_sentence(cli: Cli, toml: str | bytes, code: str, says: str) -> None:
    made(cli, "north")
    made(cli, "south")
    (cli.folder / "bad.toml").write_bytes(toml if isinstance(toml, bytes) else toml.encode())
    done = cli("charter", "draft", "bad.toml", "north.card", "south.card", "-o", "x.charter", "--json")
    assert (done.code, done.err.count("\n")) == (code, 1)
    assert done.status != 0
    assert says in done.err
    assert not (cli.folder / "x.charter").exists()


def test_draft_refuses_a_card_that_is_none(cli: Cli) -> None:
    made(cli, "north")
    assert cli("charter", "draft", "line.toml", "-o", "x", "--json").code == "usage"
    assert cli("charter", "draft", "line.toml", "north.card", "-o", "x", "--json").code == "charter.party"
    assert cli("charter", "draft", "line.toml", "north.card", "north.card", "-o", "x", "--json").code == "charter.party"
    done = cli("charter", "draft", "line.toml", "north.card", "line.toml", "-o", "x", "--json")
    assert (done.status, done.code) == (1, "card.malformed")


def test_the_parties_sign_one_file_one_after_another(cli: Cli) -> None:
    for slug in ("north", "south", "third"):
        made(cli, slug)
    drafted = cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "x.charter")
    (cli.folder / "x.charter").chmod(0o640)
    first = cli.good("charter", "sign", "south", "x.charter")
    assert (first["signed"], first["unsigned"], first["complete"]) == (["south"], ["north"], False)
    bytes_of_one = (cli.folder / "x.charter").read_bytes()
    cli.good("charter", "sign", "south", "x.charter")
    assert (cli.folder / "x.charter").read_bytes() == bytes_of_one  # signing again changes nothing
    early = cli("join", "south", "x.charter", "--json")
    assert (early.status, early.code) == (1, "charter.unsigned")
    assert "north" in early.err
    stranger = cli("charter", "sign", "third", "x.charter", "--json")
    assert (stranger.status, stranger.code) == (2, "charter.party")
    second = cli.good("charter", "sign", "north", "x.charter")
    assert (second["signed"], second["complete"], second["channel"]) == (["north", "south"], True, drafted["channel"])
    assert stat.S_IMODE((cli.folder / "x.charter").stat().st_mode) == 0o640
    assert cli.good("join", "south", "x.charter")["channel"] == drafted["channel"]


def test_a_signature_that_fails_is_refused(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    data = bytearray((tmp_path / "line.charter").read_bytes())
    data[-1] ^= 1
    (tmp_path / "bad.charter").write_bytes(data)
    for command in (("charter", "show", "bad.charter"), ("charter", "sign", "north", "bad.charter"), ("join", "north", "bad.charter")):
        done = cli(*command, "--json")
        assert (done.status, done.code) == (1, "sig.invalid")


def test_show_tells_everything_also_of_a_charter_without_signatures(cli: Cli) -> None:
    made(cli, "north")
    made(cli, "south")
    cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "x.charter")
    shown = cli.good("charter", "show", "x.charter")
    assert shown["clocks"] == {name: seconds for name, (_, seconds) in CLOCKS.items()}
    assert shown["provisions"] == [{"id": "II.3", "text": "No fire across the line."}]
    assert (shown["signed"], shown["unsigned"], shown["quorum"], shown["zones"], shown["witnesses"]) == ([], ["north", "south"], 0, [], [])
    assert shown["parties"][0]["fingerprint"] == cli.good("card", "north")["fingerprint"]
    printed = cli("charter", "show", "x.charter").out
    for text in (
        "15 min",
        "14 d",
        "No fire across the line.",
        "NOT YET SIGNED by north, south",
        *CLOCKS,
        shown["fingerprint"],
        *shown["kinds"],
    ):
        assert text in printed


def test_join_once_and_for_good(tmp_path: Path) -> None:
    cli = joined(tmp_path)
    assert cli.good("join", "north", "line.charter")["joined"] is True
    assert "north joined line" in cli("join", "north", "line.charter").out
    (tmp_path / "other.toml").write_text(TOML.replace("tests", "others"))
    cli.good("charter", "draft", "other.toml", "north.card", "south.card", "-o", "other.charter")
    for slug in ("north", "south"):
        cli.good("charter", "sign", slug, "other.charter")
    again = cli("join", "north", "other.charter", "--json")
    assert (again.status, again.code) == (2, "node.joined")
