"""The demo and the bench, as a user runs them."""

from __future__ import annotations

import csv
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceasewire.demo import past, story
from ceasewire.demo.run import run
from ceasewire.processes import free_port

COMMAND = [sys.executable, "-m", "ceasewire", "demo"]


def test_demo_check_ends_with_one_record_and_proofs_that_hold() -> None:
    done = subprocess.run([*COMMAND, "--check", "--json"], capture_output=True, check=False, timeout=120)
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["ok"], outcome["failures"]) == (0, True, [])
    assert (outcome["same_record"], outcome["void"], outcome["parties"]) == (True, 0, 3)
    told = Counter(act.kind for act in story.acts(datetime.now(UTC)))
    assert outcome["kinds"] == dict(sorted(told.items()))
    assert outcome["messages"] == sum(told.values())
    assert outcome["receipts"] == 2 * outcome["messages"]
    assert (outcome["cases"], outcome["historical"]) == (told["notification"], len(past.incidents()))
    assert [proof["verdict"] for proof in outcome["proofs"]] == ["valid"] * 3


def test_the_transcript_tells_the_day_to_an_officer(tmp_path: Path) -> None:
    """Issue 3, item 11: every act is told, by whom it was received and what came of it; no exact point, no code without its words."""
    outcome = run(port=0, check=True, say=lambda _: None, folder=tmp_path)
    assert outcome.failures == []
    text = (tmp_path / "transcript.txt").read_text("utf-8")
    assert text.startswith("EXERCISE")
    for label, ref in outcome.played.refs.items():
        assert (f"({ref}): " if label.startswith("incident ") else f" {ref} (") in text, label
    assert text.count("reports for the record") == len(past.incidents())
    for words in (
        "types: A3 mortar",
        "sources: no source given",
        "sources: own unit: the post's log, withheld for safety",
        "evidence: no evidence named",
        "answered (denied) by Southern Command",
        "read by a person of Southern Command",
        "received by the machine of mission",
        "We have ceased fire.",
        "language: en: the original, which prevails",
        "not to be published before",
        "count was 12, now 9; count quality was not said, now exact. Reason: The craters",
        "notified exercise?",
        "a notified convoy was struck",
        "state: closed",
        "state: withdrawn",
        "closed by: north",
        "permitted activity",
        "a report of discipline",
    ):
        assert words in text, words
    for finer in ("0.518", "0.471", "0.439", "0.7051"):
        assert finer not in text
    statement = text[text.index(f"STATEMENT {outcome.played.refs['statement']} ") :]
    released = next(line for line in statement.splitlines() if "released by" in line)
    assert released.count("officer") == 2


def test_incidents_are_facts_with_their_source() -> None:
    told = past.incidents()
    assert len({incident["ucdp_id"] for incident in told}) == len(told) == 60
    for incident in told:
        low, best, high = incident["killed"]
        assert low <= best <= high
        assert incident["reported_by"]
        sources = past.notification(incident, "north")["sources"]
        assert [source["class"] for source in sources] == ["press"] * len(sources)


def test_incidents_are_those_of_the_dataset(shared: Path) -> None:
    """Only where the file lies beside the project."""
    file = shared / "data" / "ucdp_ged191_mmr_bgd.csv"
    if not file.exists():
        pytest.skip("the UCDP file is not here")
    with file.open(newline="", encoding="utf-8") as rows:
        found = {int(row["id"]): row for row in csv.DictReader(rows)}
    for incident in past.incidents():
        row = found[incident["ucdp_id"]]
        assert [int(row[name]) for name in ("low", "best", "high")] == incident["killed"]
        assert (row["date_start"], row["where_coordinates"], int(row["deaths_civilians"])) == (
            incident["from"],
            incident["place"],
            incident["civilians"],
        )


def three_ports() -> int:
    """A port that was free a moment ago with the two after it."""
    for _ in range(100):
        port = free_port()
        with ExitStack() as stack, suppress(OSError, OverflowError):
            for each in range(port, port + 3):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", each))
            return port
    raise LookupError


def test_demo_left_open_ends_with_its_nodes(tmp_path: Path) -> None:
    """Whoever closes the terminal must not leave two nodes behind."""
    port = three_ports()
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([*COMMAND, "--port", str(port)], stdout=out, stderr=out)
    deadline = time.monotonic() + 120
    while b"Status pages" not in (tmp_path / "out").read_bytes():
        assert process.poll() is None, (tmp_path / "out").read_text("utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.05)
    text = (tmp_path / "out").read_text("utf-8")
    pids = [int(word) for word in text.split("as processes ")[1].split(".")[0].replace(" and", "").split()]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
