"""send, list, show, cases, case, status."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ceasewire import folder as folders
from cli.driving import INCIDENT, Cli, joined


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path)


def test_send_says_where_the_message_stands(cli: Cli) -> None:
    assert cli.good("send", "north", "statement", "-", stdin='{"text": "one"}') == {"ref": "north/0", "size": 1}
    (cli.folder / "two.json").write_text('{"text": "two"}')
    done = cli("send", "north", "statement", "two.json")
    assert (done.status, done.out, done.err) == (0, "north/1\n", "")


NOT_JSON: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b'"text"',
    b'{"text": "a", "text": "b"}',
    b'{"text": {"a": 1, "a": 2}}',
    b'{"text": NaN}',
    b'{"text": -Infinity}',
    b'{"text": 1e400}',
    b'{"count": ' + b"9" * 5000 + b"}",
    b'{"text": "\\ud800"}',
    b'{"\\ud800": "a"}',
    b'\xef\xbb\xbf{"text": "a"}',
    b'{"text": "\xff"}',
    '{"text": "a"}'.encode("utf-16"),
    b'{"text": "a"} x',
    b"[" * 100_000,
    b'{"text": ' + b'{"a":' * 100_000,
    b'{"text": "' + b"a" * 1024**2 + b'"}',
    b'{"text": "a\tb"}',
]


@pytest.mark.parametrize("data", NOT_JSON, ids=range(len(NOT_JSON)))
def test_a17_what_is_no_strict_json_is_refused(cli: Cli, data: bytes) -> None:
    done = cli("send", "north", "statement", "-", "--json", stdin=data)
    assert (done.status, done.code) == (2, "json.malformed")
    assert done.err.count("\n") == 1
    assert cli.good("list", "north") == []


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("statement", {"txt": "a"}, "field.unknown"),
        ("statement", {"text": ""}, "body.schema"),
        ("statement", {"text": "a\u202eb"}, "body.schema"),
        ("statement", {"text": "a", "re": "north"}, "body.schema"),
        ("acknowledgement", {"state": "read", "re": "south/9"}, "ref.unknown"),
        ("flash", {"phrase": "x"}, "body.schema"),
        ("gossip", {"text": "a"}, "usage"),
        ("statement\x1b[31m", {"text": "a"}, "usage"),
    ],
)
def test_send_refuses_with_a_code_and_keeps_nothing(cli: Cli, kind: str, body: dict[str, Any], code: str) -> None:
    done = cli("send", "north", kind, "-", "--json", stdin=json.dumps(body))
    assert (done.status, done.code) == (2, code)
    assert "\x1b" not in done.err + done.out
    assert cli.good("list", "north") == []


def test_list_filters_and_is_the_same_on_both_sides(cli: Cli) -> None:
    refs = [cli.send("north", "notification", **INCIDENT), cli.send("north", "statement", text="hello")]
    cli.carry("north", "south")
    refs.append(cli.send("south", "reply", re=refs[0], stance="denied"))
    cli.carry("south", "north")
    both = [cli("list", slug, "--json").out for slug in ("north", "south")]
    assert both[0] == both[1]
    found = json.loads(both[0])
    assert sorted(m["ref"] for m in found) == sorted(refs)
    assert set(found[0]) == {"ref", "kind", "time", "body", "void"}
    assert [m["ref"] for m in cli.good("list", "north", "--kind", "reply")] == ["south/0"]
    assert [m["ref"] for m in cli.good("list", "north", "--log", "north")] == ["north/0", "north/1"]
    assert len(cli.good("list", "north", "--limit", "2")) == 2
    assert cli.good("list", "north", "--limit", "0") == []
    assert len(cli.good("list", "north", "--since", found[0]["time"])) == 3
    assert cli.good("list", "north", "--since", "2999-01-01T00:00:00+02:00") == []
    for name in ("cases", "case"):
        arguments = (refs[0],) if name == "case" else ()
        assert cli(name, "north", *arguments, "--json").out == cli(name, "south", *arguments, "--json").out


@pytest.mark.parametrize(
    "option",
    [("--since", "yesterday"), ("--since", "2026-03-01"), ("--limit", "-1"), ("--limit", "x"), ("--kind", "gossip"), ("--log", "east")],
)
def test_list_refuses_a_filter_that_cannot_be(cli: Cli, option: tuple[str, str]) -> None:
    done = cli("list", "north", *option, "--json")
    assert (done.status, done.code) == (2, "usage")
    assert isinstance(done.json, dict)


def test_show_case_and_cases(cli: Cli) -> None:
    ref = cli.send("north", "notification", **INCIDENT)
    before = cli.good("show", "north", ref)
    assert (before["case"], before["receipts"], before["void"]) == (ref, [], None)
    assert "receipts: none yet" in cli("show", "north", ref).out
    cli.carry("north", "south")
    cli.carry("south", "north")
    assert [receipt["by"] for receipt in cli.good("show", "north", ref)["receipts"]] == ["south"]
    cli.send("south", "reply", re=ref, stance="denied", disputed=["types"], account="not us")
    shown = cli("show", "north", ref).out
    account = "    twelve rounds\n    from the ridge\n"
    for text in ("types: A4 artillery, tank", "place: Kala", account, "receipts:\n  received by the machine of south at "):
        assert text in shown
    whole = cli.good("case", "south", ref)
    assert (whole["ref"], whole["by"], whole["stances"]["south"]["stance"]) == (ref, "north", "denied")
    assert [case["ref"] for case in cli.good("cases", "south")] == [ref]
    assert "Kala" in cli("cases", "south").out
    assert "south: denied (south/0" in cli("case", "south", ref).out


def test_a_reference_is_checked(cli: Cli) -> None:
    for ref, code in (
        ("north/0", "ref.missing"),
        ("east/0", "ref.malformed"),
        ("north", "ref.malformed"),
        ("north/-1", "ref.malformed"),
        ("north/٣", "ref.malformed"),
    ):
        for command in ("show", "case"):
            done = cli(command, "north", ref, "--json")
            assert (done.status, done.code) == (2, code)


def test_status_says_how_the_line_stands(cli: Cli) -> None:
    cli.send("north", "statement", text="a")
    found = cli.good("status", "north")
    assert (found["party"], found["health"], found["alarms"]) == ("north", "ok", [])
    assert found["logs"][0]["unreceipted"] == {"south": 1}
    printed = cli("status", "north").out
    assert "south 1" in printed
    assert "Nothing is overdue" in printed


def test_a_store_put_back_shows_as_closed_without_a_passphrase(cli: Cli) -> None:
    cli.send("north", "statement", text="a")
    shutil.copy(cli.folder / "north" / "store.sqlite", cli.folder / "old")
    cli.send("north", "statement", text="b")
    shutil.copy(cli.folder / "old", cli.folder / "north" / "store.sqlite")
    found = cli.good("status", "north")
    assert (found["health"], [one["code"] for one in found["alarms"]]) == ("log.closed", ["log.closed"])
    assert "ALARM: log.closed" in cli("status", "north").out
    done = cli("send", "north", "statement", "-", "--json", stdin='{"text": "c"}')
    assert (done.status, done.code) == (2, "log.closed")
    assert [m["body"]["text"] for m in cli.good("list", "north")] == ["a"]  # it still shows what it has
    assert cli("fsck", "north", "--json").json["faults"][0]["code"] == "log.closed"


def test_status_of_a_pen_that_others_can_read_says_so(cli: Cli) -> None:
    (cli.folder / "north" / "pen").chmod(0o644)
    assert cli.good("status", "north")["health"] == "pen.mode"


def test_reading_needs_no_keys(cli: Cli) -> None:
    ref = cli.send("north", "statement", text="a")
    (cli.folder / "north" / "unlock.key").unlink()
    for command in (("list", "north"), ("show", "north", ref), ("cases", "north"), ("status", "north"), ("fsck", "north")):
        cli.good(*command)
    done = cli("send", "north", "statement", "-", "--json", stdin='{"text": "c"}')
    assert (done.status, done.code) == (2, "pen.passphrase")


def held(path: Path, seconds: float) -> threading.Thread:
    """Hold a node's lock for so long, as another command would."""
    handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)

    def let_go() -> None:
        time.sleep(seconds)
        os.close(handle)

    thread = threading.Thread(target=let_go)
    thread.start()
    return thread


def test_send_waits_for_another_command(cli: Cli) -> None:
    thread = held(cli.folder / "north", 0.3)
    assert cli.send("north", "statement", text="a") == "north/0"
    thread.join()


def test_send_waits_no_longer_than_it_says(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LOCK_WAIT_SECONDS", 0.1)
    thread = held(cli.folder / "north", 1)
    done = cli("send", "north", "statement", "-", "--json", stdin='{"text": "a"}')
    assert (done.status, done.code) == (2, "node.locked")
    thread.join()
    assert cli.good("list", "north") == []


def test_a_message_that_was_handed_over_is_not_sent_again_by_another_way(cli: Cli) -> None:
    """The process that serves took it and ended before it answered: it may stand in the log, so the command must not add it once more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(cli.folder / "north" / "control"))
        server.listen()
        taken: list[bytes] = []

        def take() -> None:
            for _ in range(2):  # whether somebody listens is asked first
                line = server.accept()[0]
                taken.append(line.recv(4096))
                line.close()

        server_thread, lock = threading.Thread(target=take), held(cli.folder / "north", 0.5)
        server_thread.start()
        done = cli("send", "north", "statement", "-", "--json", stdin='{"text": "a"}')
        assert (done.status, done.code) == (2, "node.locked")
        server_thread.join()
        lock.join()
    assert b'"op": "send"' in taken[1]
    assert cli.good("list", "north") == []


def test_files_of_a_node_that_changed_are_damage_here_and_no_refusal(cli: Cli) -> None:
    charter = cli.folder / "north" / "charter.cwc"
    data = bytearray(charter.read_bytes())
    data[-1] ^= 1
    charter.write_bytes(data)
    for command in (("list", "north"), ("status", "north"), ("send", "north", "statement", "-")):
        done = cli(*command, "--json", stdin='{"text": "a"}')
        assert (done.status, done.code) == (2, "store.damaged")
        assert "sig.invalid" in done.err
    found = cli("fsck", "north", "--json")
    assert (found.status, found.json["faults"]) == (
        1, [{"place": "charter.cwc", "code": "sig.invalid", "detail": "the charter's signature by south"}]
    )  # fmt: skip
