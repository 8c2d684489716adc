"""`./run bench`, small: every part works, and the JSON is as INTERFACE has it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import ceasewire.bench.__main__ as bench_main
from ceasewire.bench.asked import BOUNDS, compared


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


def test_what_is_asked_is_compared_with_what_was_measured() -> None:
    good: dict[str, Any] = {
        "bulk": {"per_second": 3000, "times_floor": 2.4},
        "single": {"p50_ms": 9.5, "p99_ms": 25},
        "catch_up": {"messages": 10_000, "seconds": 2.0},
        "senders": {"lost": 0},
        "growth": {"p50_1m_ms": 1.0, "times": 1.05, "start_seconds": 1.2},
        "rss_mb": {"sender": 94, "receiver": 92},
        "hostile": {"polls": {"times": 0.9}, "wants": {"times": 1.2}},
    }
    assert [holds for _, holds in compared(good)] == [True] * len(BOUNDS)
    for part, name, bad in (
        ("bulk", "per_second", 2499),
        ("single", "p50_ms", 10.1),
        ("senders", "lost", 1),
        ("growth", "start_seconds", 2.1),
    ):
        worse = good | {part: {**good[part], name: bad}}
        assert [holds for _, holds in compared(worse)].count(False) == 1, name
    assert [holds for _, holds in compared({"growth": {"p50_1m_ms": None}})] == [None] * len(BOUNDS)


def test_a_check_that_fails_is_told_by_the_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for lost, status in ((0, 0), (3, 1)):
        monkeypatch.setattr(bench_main, "senders", lambda *_, lost=lost: {"senders": {"lost": lost}})
        monkeypatch.setattr(sys, "argv", ["bench", "--json", "--check", "--only", "senders"])
        assert bench_main.main() == status
        assert f"{'FAILS' if lost else 'holds'}  16 senders, messages lost: asked at most 0, measured {lost}" in capsys.readouterr().err
