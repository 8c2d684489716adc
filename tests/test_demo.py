"""The demo and the bench, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ceasewire.demo import story
from ceasewire.processes import free_port

COMMAND = [sys.executable, "-m", "ceasewire", "demo"]


def test_demo_check_ends_with_one_record_and_proofs_that_hold() -> None:
    done = subprocess.run([*COMMAND, "--check", "--json"], capture_output=True, check=False, timeout=120)
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["ok"], outcome["failures"]) == (0, True, [])
    assert outcome["same_record"]
    assert outcome["messages"] == outcome["receipts"] == sum(outcome["kinds"].values())
    assert outcome["cases"] == outcome["kinds"]["notification"] == len(story.incidents())
    assert [proof["verdict"] for proof in outcome["proofs"]] == ["valid", "valid"]


def test_incidents_are_facts_with_their_source() -> None:
    told = story.incidents()
    assert len({incident["ucdp_id"] for incident in told}) == len(told) >= 20
    for incident in told:
        low, best, high = incident["killed"]
        assert low <= best <= high
        assert incident["reported_by"]
        sources = story.notification(incident, "north")["sources"]
        assert [source["class"] for source in sources] == ["press"] * len(sources)


def test_demo_left_open_ends_with_its_nodes(tmp_path: Path) -> None:
    """Whoever closes the terminal must not leave two nodes behind."""
    port = free_port()
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([*COMMAND, "--port", str(port)], stdout=out, stderr=out)
    deadline = time.monotonic() + 60
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


def test_bench_prints_what_the_interface_names() -> None:
    asked = ["--json", "--messages", "300", "--singles", "5"]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-m", "ceasewire.bench", *asked], capture_output=True, check=True, timeout=120, env=environment)
    result = json.loads(done.stdout)
    assert result.keys() == {"bulk", "single", "wire_bytes_per_message", "verify", "growth", "rss_mb"}
    assert result["bulk"].keys() == {"messages", "per_second", "floor_per_second", "times_floor"}
    assert result["single"].keys() == {"p50_ms", "p99_ms", "floor_ms"}
    assert result["verify"]["entries"] == 300
