"""What is printed: on narrow terminals, into pipes, in the C locale, and when a text tries to act on the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.cli import answer, text
from cli.driving import INCIDENT, Cli, joined

SOURCES = Path(__file__).resolve().parents[2] / "src"
PASHTO = "د اوربند کرښه"
READ = (("list", "north"), ("show", "north", "north/0"), ("cases", "north"), ("case", "north", "north/0"), ("status", "north"))


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = joined(tmp_path)
    made.send("north", "notification", **{**INCIDENT, "place": PASHTO})
    return made


def test_a_locale_without_unicode_never_makes_a_command_fail(cli: Cli) -> None:
    cli.encoding = "ascii"
    for command in READ:
        done = cli(*command)
        assert (done.status, done.err) == (0, "")
        assert done.out.isascii()
        with_json = cli(*command, "--json")
        assert with_json.out.isascii()
        assert with_json.status == 0
    assert cli.good("show", "north", "north/0")["body"]["place"] == PASHTO
    assert cli("show", "north", PASHTO).status == 2


def test_in_a_real_c_locale_into_a_pipe(cli: Cli) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES), "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for more in ((), ("--json",)):
        command = [sys.executable, "-m", "ceasewire", "show", "north", "north/0", *more]
        done = subprocess.run(command, cwd=cli.folder, env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.isascii()
    assert json.loads(done.stdout)["body"]["place"] == PASHTO


def test_into_a_pipe_there_are_no_colours_and_no_boxes(cli: Cli) -> None:
    for command in READ:
        out = cli(*command).out
        assert "\x1b" not in out
        assert not any(0x2500 <= ord(character) < 0x2600 for character in out)
        assert all(line == line.rstrip() for line in out.splitlines())


def test_user_text_is_isolated(cli: Cli) -> None:
    for command in READ[:4]:
        assert f"\u2068{PASHTO}\u2069" in cli(*command).out or f"{PASHTO}; twelve rounds from the ridge\u2069" in cli(*command).out
    assert "\u2068" not in cli("status", "north").out  # plain ASCII needs none


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_on_a_terminal_no_line_is_wider_than_it(cli: Cli, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    cli.terminal = True
    cli.good("prove", "north", "north/0", "-o", "p")
    for command in (*READ, ("charter", "show", "line.charter"), ("verify", "p", "--charter", "line.charter"), ("fsck", "north")):
        done = cli(*command)
        assert done.status == 0
        for line in done.out.splitlines():
            plain = "".join(character for character in line if unicodedata.category(character) != "Cf")
            assert len(plain.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[1;7m", "")) <= columns, (command, line)


def test_on_a_terminal_there_is_style_beside_the_words(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    cli.terminal = True
    assert "\x1b[" in cli("show", "north", "north/0").out
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in cli("show", "north", "north/0").out


INJECTIONS = [
    "[bold red]x[/]",
    "[link=https://example.org]x[/link]",
    ":warning:",
    "{0}%s%n${x}",
    "<script>alert(1)</script>",
    "=1+1",
    "a\nnorth/9  forged",
]


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("injected", INJECTIONS)
def test_h11_text_of_others_is_shown_as_it_is(cli: Cli, injected: str, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    ref = cli.send("north", "statement", text=injected, title="t")
    cli.terminal = terminal
    shown = cli("show", "north", ref).out
    assert all(line in shown for line in injected.split("\n"))
    listed = cli("list", "north", "--kind", "statement").out
    assert sum(line.lstrip().startswith("north/") for line in listed.splitlines()) == 1
    assert cli.good("show", "north", ref)["body"]["text"] == injected


@given(st.text())
def test_no_text_can_act_on_a_terminal_or_reach_beyond_itself(words: str) -> None:
    shown = text.shown(words)
    inside = shown.removeprefix(text.FIRST_STRONG_ISOLATE).removesuffix(text.POP_ISOLATE)
    assert not any(text.is_hidden(character) for character in inside)
    assert shown.isascii() or (shown[0], shown[-1]) == (text.FIRST_STRONG_ISOLATE, text.POP_ISOLATE)
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb", "a\\r\\nb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2069b", "a\\u2069b"),
        ("\U000e0041", "\\U000e0041"),
        ("\udc80", "\\udc80"),
        ("می\u200cروم", "\u2068می\u200cروم\u2069"),
    ],
)
def test_what_is_not_seen_is_written_out(words: str, shown: str) -> None:
    assert text.shown(words) == shown


@given(
    st.recursive(st.text() | st.none() | st.integers() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_json_is_the_same_value_and_safe_on_a_terminal(value: object) -> None:
    written = answer.dump(value)
    assert json.loads(written) == value
    assert not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") or "\u202a" <= character <= "\u202e" for character in written)


def test_errors_echo_nothing_that_acts(cli: Cli) -> None:
    for arguments in (
        ("show", "north", "\x1b[2Jnorth"),
        ("\x1b]0;x\x07",),
        ("list", "\x1b[31m"),
        ("list", "north", "--kind", "\u202ex"),
        ("list", "north", "--\x1b"),
    ):
        for more in ((), ("--json",)):
            done = cli(*arguments, *more)
            assert done.status == 2
            assert not any(character in done.out + done.err for character in "\x1b\x07\u202e")


def test_one_json_value_also_when_it_fails(cli: Cli) -> None:
    for arguments in (("nothing",), ("list",), ("list", "nowhere"), ("send", "north"), ("charter", "sign"), ("bundle", "read", "north")):
        done = cli(*arguments, "--json")
        assert done.status == 2
        assert set(done.json["error"]) == {"code", "message", "step"}
        assert done.err.startswith("ceasewire: ")


def test_an_error_of_ours_is_one_sentence_and_names_the_way_to_see_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.delenv("CEASEWIRE_DEBUG", raising=False)
    monkeypatch.setattr("ceasewire.cli.showing.status", broken)
    done = cli("status", "north")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "CEASEWIRE_DEBUG=1" in done.err
    assert "Traceback" not in done.err
    monkeypatch.setenv("CEASEWIRE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli("status", "north")


def run(cli: Cli, script: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "PY": sys.executable}
    return subprocess.run(["bash", "-c", script], cwd=cli.folder, env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("arguments", ["", "--help", "list --help", "charter", "bundle read -h"])
def test_help_in_any_locale_and_width(cli: Cli, arguments: str) -> None:
    for setting in ("LC_ALL=C.UTF-8 COLUMNS=60", "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 COLUMNS=60"):
        done = run(cli, f'{setting} "$PY" -m ceasewire {arguments}')
        assert (done.returncode, done.stderr) == (0, b"")
        lines = done.stdout.decode().splitlines()
        assert lines[0].startswith("Usage: ceasewire")
        assert max(map(len, lines)) <= 60
    assert done.stdout.isascii()
    assert b"\\u" not in done.stdout


def test_a_reader_that_goes_away_ends_it_quietly(cli: Cli) -> None:
    done = run(cli, 'set -o pipefail; "$PY" -m ceasewire list north --json | true; echo ${PIPESTATUS[0]}')
    assert done.stdout.split()[-1] in (b"141", b"0")  # 0 if all was written before the reader had gone
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_takes_nothing_is_an_error(cli: Cli) -> None:
    for redirection in (">/dev/full", ">&-"):
        for more in ("", "--json"):
            done = run(cli, f'"$PY" -m ceasewire status north {more} {redirection}')
            assert done.returncode == 2
            assert b"file.unwritable" in done.stderr
            assert b"Traceback" not in done.stderr


def test_a_long_list_is_written_as_it_is_read(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        cli.send("north", "statement", text=f"message {number}")
    monkeypatch.setattr(answer, "_HELD_BYTES", 300)
    monkeypatch.setattr("ceasewire.cli.showing._CHUNK", 2)
    assert [m["ref"] for m in cli.good("list", "north")] == [f"north/{n}" for n in range(6)]
    assert len(cli("list", "north").out.splitlines()) == 7
    assert cli("list", "north", "--limit", "0").out == "No messages.\n"
