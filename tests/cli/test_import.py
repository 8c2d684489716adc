"""import: rows of others' tables into a node, each once, whatever comes between. docs/importing.md."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceasewire.carriers import control
from cli.driving import Cli, joined
from cli.test_exchange import free_port, served
from helpers import local

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data" / "ucdp_ged191_mmr_bgd.csv"
MAP = """
dataset = "Joint log"
id = "No"
[columns]
types = "Kind"
occurred_from = "When"
place = "Where"
narrative = "What"
[position]
latitude = "Lat"
longitude = "Lon"
[casualties.civilians]
killed = { low = "Min", best = "Dead", high = "Max" }
"""
HEADING = "No,Kind,When,Where,What,Lat,Lon,Min,Dead,Max".split(",")
FIRST = re.compile(r"(\d+) rows? sent")


def table(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([HEADING, *rows])
    return out.getvalue()


def row(number: int, **change: str) -> list[str]:
    cells = dict(zip(HEADING, [str(number), "A3", "2026-03-01", f"Kala, hill {number}", "Six rounds.", "", "", "", "", ""], strict=True))
    return list((cells | change).values())


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = joined(tmp_path)
    (tmp_path / "map.toml").write_text(MAP)
    return made


def put(cli: Cli, text: str | bytes, name: str = "t.csv") -> list[str]:
    """Write a table; the arguments that import it."""
    (cli.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return [name, "--format", "csv", "--map", "map.toml"]


def marks(cli: Cli, node: str = "north") -> list[str]:
    """The first lines of all narratives, in order of the log."""
    return [one["body"]["narrative"].partition("\n")[0] for one in cli.good("list", node, "--kind", "notification")]


def test_good_rows_go_and_bad_ones_are_reported(cli: Cli) -> None:
    rows = [
        row(1, What='=HYPERLINK("x")', Where="@SUM, +1"),
        row(2, When="soon"),
        row(3, Lat="91", Lon="0"),
        row(4, Min="3", Dead="2", Max="1"),
        row(5, What="x" * 20_000),
        row(6, What="a\0b"),
        row(7, Kind="Z9"),
        row(1),
        row(8, What="two\nlines, and\r\nthree", Lat="34.51234", Lon="69.17777"),
        row(9, Where="", Lat="", Lon=""),
    ]
    done = cli("import", "north", *put(cli, "\ufeff" + table(rows) + "10,A3\r\n"), "--json")
    assert done.status == 0
    assert set(done.json) == {"sent", "already", "rejected", "flagged"}
    assert [one["row"] for one in done.json["rejected"]] == [2, 3, 5, 6, 7, 8, 10, 11]
    reasons = [one["reason"] for one in done.json["rejected"]]
    for reason, words in zip(reasons, ("When", "Lat", "16384", "character", "types", "earlier row", "place", "2 cells"), strict=True):
        assert words in reason
        assert reason.startswith("line ")
    assert done.json["flagged"] == [{"row": 4, "id": "4", "reason": "figures contradict: civilians killed low 3, best 2, high 1"}]
    found = cli.good("list", "north")
    assert done.json["sent"] == len(found) == 3
    first, second, third = (one["body"] for one in found)
    assert (first["narrative"], first["place"]) == ('Joint log event 1.\n=HYPERLINK("x")', "@SUM, +1")
    assert second["casualties"] == {"civilians": {"killed": [3, 2, 1]}}
    assert (third["narrative"], third["location"]) == ("Joint log event 8.\ntwo\nlines, and\nthree", [34.51, 69.18])
    assert all(one["historical"] is True and "accused" not in one for one in (first, second, third))


def test_again_sends_only_what_is_new(cli: Cli) -> None:
    arguments = put(cli, table([row(n) for n in range(4)]))
    dry = cli("import", "north", *arguments, "--dry-run", "--json")
    assert (dry.json["sent"], cli.good("list", "north")) == (4, [])
    assert "dry run" in dry.err
    assert cli.good("import", "north", *arguments, "--limit", "2")["sent"] == 2
    assert cli.good("import", "north", *arguments) == {"sent": 2, "already": 2, "rejected": [], "flagged": []}
    assert cli.good("import", "north", *arguments)["sent"] == 0
    assert marks(cli) == [f"Joint log event {n}." for n in range(4)]
    assert cli.good("import", "south", *arguments)["sent"] == 4  # another party's word is its own
    ref = cli.good("list", "north")[0]["ref"]
    cli.send("north", "withdrawal", re=ref, reason="not ours to say")
    assert cli.good("import", "north", *arguments)["sent"] == 0


def test_live_and_accused(cli: Cli) -> None:
    arguments = put(cli, table([row(1)]))
    for other in ("north", "east", ""):
        done = cli("import", "north", *arguments, "--accused", other, "--json")
        assert (done.status, done.code) == (2, "usage")
    assert cli.good("import", "north", *arguments, "--accused", "south", "--live")["sent"] == 1
    body = cli.good("list", "north")[0]["body"]
    assert body["accused"] == "south"
    assert "historical" not in body


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "import.file"),
        (b"No,Kind\n1,A3\n", "import.file"),
        (table([row(1)]).encode() + b"\xff", "import.file"),
        (table([row(1)]).encode() + "ä".encode()[:1], "import.file"),
        (table([row(1)]).encode("utf-16"), "import.file"),
        (table([row(1, What="Café")]).encode("latin-1"), "import.file"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_in_one_sentence(cli: Cli, data: bytes, code: str) -> None:
    done = cli("import", "north", *put(cli, data), "--json")
    assert (done.status, done.code, done.err.count("\n")) == (2, code, 1)
    assert cli.good("list", "north") == []


def test_where_a_file_is_not_utf8_is_said(cli: Cli) -> None:
    text = table([row(n, What="é" * 100) for n in range(9000)]).encode()  # more than one chunk, cut in the middle of a letter
    assert len(text) > 2 * 1024**2
    done = cli("import", "north", *put(cli, text + b"x\xff\xfe"), "--json")
    assert f"byte {len(text) + 2}, in line 9002" in done.err


def test_usage(cli: Cli) -> None:
    arguments = put(cli, table([row(1)]))
    large = cli.folder / "large.csv"
    large.touch()
    os.truncate(large, 2 * 1024**3 + 1)
    for given, code in (
        (("north", *arguments, "--limit", "-1"), "usage"),
        (("north", "t.csv", "--format", "csv"), "usage"),
        (("north", "t.csv", "--format", "ucdp", "--map", "map.toml"), "usage"),
        (("north", "t.csv", "--format", "xlsx"), "usage"),
        (("north", "t.csv", "--format", "ucdp"), "import.file"),
        (("north", "t.csv", "--format", "acled"), "import.file"),
        (("north", "t.csv", "--format", "csv", "--map", "t.csv"), "import.map"),
        (("north", "large.csv", "--format", "ucdp"), "import.file"),
        (("north", ".", "--format", "ucdp"), "file.unreadable"),
        (("north", "nowhere", "--format", "ucdp"), "file.unreadable"),
        (("nowhere", *arguments), "node.missing"),
    ):
        done = cli("import", *given, "--json")
        assert (done.status, done.code) == (2, code), given
    assert cli.good("list", "north") == []


def test_two_at_once_are_refused(cli: Cli) -> None:
    arguments = put(cli, table([row(1)]))
    handle = os.open(cli.folder / "north", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert cli("import", "north", *arguments, "--json").code == "node.locked"
    os.close(handle)
    assert cli.good("import", "north", *arguments)["sent"] == 1


def test_nothing_that_can_be_taken_is_no(cli: Cli) -> None:
    done = cli("import", "north", *put(cli, table([row(1, When="soon")])), "--json")
    assert (done.status, done.json["sent"], len(done.json["rejected"])) == (1, 0, 1)


def test_the_day_s_quota_is_kept_with_room_for_people_and_the_next_day_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = small(tmp_path, "[quotas]\nmessages_per_log_and_day = 10\n")
    cli.send("north", "statement", text="one of the ten")
    arguments = put(cli, table([row(n) for n in range(18)]))
    done = cli("import", "north", *arguments, "--json")
    assert (done.status, done.json["sent"], len(cli.good("list", "north"))) == (1, 8, 9)
    assert "again tomorrow" in done.err
    done = cli("import", "north", *arguments, "--json")
    assert (done.status, done.json["sent"], done.json["already"]) == (1, 0, 8)
    flash = cli.send("north", "flash", phrase="medical_help")
    carried = cli.carry("north", "south")
    assert (carried["received"], carried["held"]) == (10, [])
    assert cli.good("show", "south", flash)["ref"] == flash
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    assert cli("import", "north", *arguments, "--json").json["sent"] == 9
    monkeypatch.setattr(time, "time", lambda: now + 2 * 86_400)
    done = cli("import", "north", *arguments, "--json")
    assert (done.status, done.json["sent"], done.json["already"]) == (0, 1, 17)
    assert len(set(marks(cli))) == 18


def small(folder: Path, more: str) -> Cli:
    """North and south under a charter with more in it."""
    cli = Cli(folder)
    (folder / "map.toml").write_text(MAP)
    (folder / "line.toml").write_text(f'name = "line"\ntitle = "A line"\n{more}')
    for slug in ("north", "south"):
        cli.good("init", slug, "--party", slug, "--name", slug.title(), "--no-passphrase")
        (folder / f"{slug}.card").write_text(cli("card", slug).out)
    cli.good("charter", "draft", "line.toml", "north.card", "south.card", "-o", "line.charter")
    for command in (("charter", "sign"), ("join",)):
        for slug in ("north", "south"):
            cli.good(*command, slug, "line.charter")
    return cli


def test_i7_an_import_goes_round_no_officer(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.good("init", "north", "--party", "north", "--name", "North", "--no-passphrase")
    named = ("--name", "kestrel", "--role", "duty_officer", "--key", "k.key", "--no-key-passphrase")
    officer = cli.good("officer", "add", "north", *named)
    shutil.rmtree(tmp_path / "north")
    small(tmp_path, officer["toml"])
    arguments = put(cli, table([row(1)]))
    for more in ((), ("--dry-run",), ("--live",)):
        done = cli("import", "north", *arguments, *more, "--json")
        assert (done.status, done.code, done.err.count("\n")) == (2, "release.missing", 1)
    assert cli.good("list", "north") == []
    assert cli.good("import", "south", *arguments)["sent"] == 1  # which has no officers


def test_beside_a_node_that_serves(tmp_path: Path) -> None:
    cli = joined(tmp_path, ("", f"http://127.0.0.1:{free_port()}"))
    (tmp_path / "map.toml").write_text(MAP)
    arguments = put(cli, table([row(n) for n in range(1200)] + [row(5000, When="soon")]))
    with served(cli, "south"):
        done = cli("import", "south", *arguments, "--json")
        assert (done.json["sent"], [one["row"] for one in done.json["rejected"]]) == (1200, [1201])
        assert done.err.splitlines()[-1] == "1200 rows sent"
        assert cli.good("import", "south", *arguments)["already"] == 1200
        path = cli.folder / "south" / "control"
        statement = ["statement", {"text": "a"}]
        sent = control.call(path, {"op": "send_many", "drafts": [statement] * 3})
        assert [one["ref"] for one in sent] == ["south/1200", "south/1201", "south/1202"]
        for drafts in (None, [], [statement] * 3000, [["statement"]], [[1, {}]], [["statement", {"text": "x" * 2_000_000}]]):
            with local("usage"):
                control.call(path, {"op": "send_many", "drafts": drafts})
        with local("field.unknown"):  # none of them, then
            control.call(path, {"op": "send_many", "drafts": [statement, ["statement", {"txt": "b"}]]})
    assert len(cli.good("list", "south")) == 1203
    assert cli.good("fsck", "south")["checked"]["checkpoints"] <= 6


def imports(cli: Cli, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "ceasewire", "import", "north", *arguments]
    return subprocess.Popen(command, cwd=cli.folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> Iterator[int]:
    assert process.stderr
    for line in process.stderr:
        if match := FIRST.match(line):
            yield int(match[1])


def test_f1_killed_in_the_middle_and_run_again_each_row_is_there_once(cli: Cli) -> None:
    arguments = put(cli, table([row(n) for n in range(4000)]))
    there = 0
    for delay in (0.0, 0.05, 0.1):
        with imports(cli, *arguments) as process:
            acknowledged = next(said(process))
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        found = marks(cli)
        assert there + acknowledged <= len(found) == len(set(found)) < 4000
        there = len(found)
    done = cli.good("import", "north", *arguments)
    assert (done["already"], done["sent"]) == (there, 4000 - there)
    assert sorted(marks(cli)) == sorted(f"Joint log event {n}." for n in range(4000))
    assert cli.good("fsck", "north")["clean"] is True


def test_the_whole_file_of_real_incidents(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    if not REAL.exists():
        pytest.skip("the file of real incidents is not there")
    began = time.perf_counter()
    done: dict[str, Any] = cli.good("import", "north", REAL, "--format", "ucdp", "--accused", "south")
    seconds = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n3,194 real incidents imported in {seconds:.1f} s")
    assert (done["sent"], done["rejected"]) == (3194, [])
    assert [one["id"] for one in done["flagged"]] == ["71686", "84006", "71645", "71690", "210317", "224479"]
    cli.carry("north", "south")
    cli.carry("south", "north")
    period = ("--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
    for command in (("list",), ("cases",), ("bulletin", *period), ("bulletin", *period, "--format", "csv")):
        both = [cli(command[0], slug, *command[1:], "--json").out for slug in ("north", "south")]
        assert both[0] == both[1]
    cases = cli.good("cases", "north")
    assert len(cases) == 3194
    assert all(case["historical"] and case["respond_by"] is None for case in cases)
    assert cli.good("status", "south")["overdue"] == []
    assert sum("figures contradict" in case["marks"] for case in cases) == 6
    found = json.loads(cli("bulletin", "south", *period, "--json").out)
    assert (found["nil_return"], found["historical"]["notified"][0]["count"]) == (True, 3194)
    for slug in ("north", "south"):
        assert cli.good("fsck", slug)["clean"] is True
