"""`./run bench`, small: every part works, and the JSON is as INTERFACE has it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def bench(*arguments: str) -> Any:
    done = subprocess.run([sys.executable, "-m", "ceasewire.bench", "--json", *arguments], capture_output=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_the_bench_measures_every_part() -> None:
    found = bench("--messages", "600", "--singles", "12", "--each", "3", "--away", "1", "--grow", "1100")
    assert set(found["bulk"]) == {"messages", "per_second", "floor_per_second", "times_floor"}
    assert {"p50_ms", "p99_ms", "floor_ms"} <= set(found["single"])
    assert found["bulk"]["messages"] == found["catch_up"]["messages"] == 600
    assert found["bulk"]["times_floor"] >= 1, "nothing is faster than the floor"
    assert 0 < found["single"]["p50_ms"] <= found["single"]["p99_ms"] <= found["single"]["most_ms"]
    assert found["verify"]["entries"] == 600
    assert found["senders"]["lost"] == 0
    assert found["senders"]["messages"] == 48
    assert found["growth"]["p50_1k_ms"] > 0
    assert found["growth"]["p50_1m_ms"] is None, "not measured"
    assert found["growth"]["entries"] == 1100
    assert found["growth"]["start_seconds"] > 0
    assert found["wire_bytes_per_message"] > 0
    assert set(found["rss_mb"]) == {"sender", "receiver"}


def test_a_part_that_was_not_asked_for_is_not_there() -> None:
    found = bench("--singles", "5", "--only", "single")
    assert set(found) == {"single", "growth"}
    assert found["growth"] == {"p50_1k_ms": None, "p50_1m_ms": None}
