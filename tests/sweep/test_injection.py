"""F2, F4: a thousand faults at the file-system calls of every command, each judged. `./run sweep` makes all there are."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweep.injection import KILL, Call, Fault, Ran
from sweep.judge import Judge
from sweep.scenes import BEFORE, SCENES
from sweep.sweeping import COLUMNS, Case, Worker, some, table, working, written

FAULTS, KILLS = 66, 14
"""For each command, as far as it has positions for them."""


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with working() as one:
        if one.lacks:
            pytest.skip(one.lacks)
        yield one


def steady(worker: Worker, scene: str) -> dict[str, int]:
    """The calls of a command that nothing disturbs, as many as it makes each time: on a busy machine there may be one more."""
    one, other = (worker.ask(scene, None) for _ in range(2))
    assert [(ran["outcome"], ran["wrong"]) for ran in (one, other)] == [("done", [])] * 2
    return {name: min(count, other["calls"].get(name, 0)) for name, count in one["calls"].items()}


def met(worker: Worker, case: Case) -> dict[str, Any]:
    """What came of a case. Where the command has made fewer calls this time than the fault waited for, it is tried again."""
    for _ in range(3):
        found = worker.ask(case.scene, case.fault)
        if found["faulty"] or found["outcome"] == "killed":
            break
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_f2_a_fault_at_a_call_loses_nothing_and_signs_nothing_twice(worker: Worker, scene: str) -> None:
    calls = steady(worker, scene)
    cases = some(scene, calls, FAULTS, KILLS)
    found = [{"scene": scene, **met(worker, case)} for case in cases]
    print(written(table({scene: calls}, found)))
    assert [(str(case), one["wrong"]) for case, one in zip(cases, found, strict=True) if one["wrong"]] == []
    # Each fault met its call. An error that is overcome shows as a call that failed in a command that is done.
    assert all(one["faulty"] for one in found if one["outcome"] != "killed")
    assert {one["outcome"] for case, one in zip(cases, found, strict=True) if case.fault.how == KILL} == {"killed"}


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["receive", "cosign", "migrate", "recover", "witness"])
def test_f16_a_kill_during_the_recovery_from_a_kill_three_deep(worker: Worker, scene: str) -> None:
    """Of commands that may be given again: killed, given again and killed, and once more."""
    draw, calls = random.Random(scene), worker.ask(scene, None)["calls"]
    places = [(name, nth) for name, count in calls.items() for nth in range(1, count + 1)]
    for _ in range(5):
        first, second, third = (Fault(*draw.choice(places), KILL) for _ in range(3))
        found = worker.ask(scene, third, (first, second))
        assert (found["wrong"], found["lost"], found["forked"]) == ([], False, False), (first, second, third)


def test_f2_the_cases_of_ci_are_a_thousand_faults_and_two_hundred_kills() -> None:
    """With as few positions as the commands have in November 2026; those with fewer give all they have."""
    few = {"join": 13}
    cases = [case for name in SCENES for case in some(name, {"write": few.get(name, 45)}, FAULTS, KILLS)]
    kills = sum(case.fault.how == KILL for case in cases)
    assert kills >= 200
    assert len(cases) - kills >= 1000


# --- The judge itself: it must find what is wrong ---


def judged(status: int | None, out: str = "", err: str = "", calls: tuple[Call, ...] = ()) -> list[str]:
    """What a judge says of a `send` that did nothing at all to a folder that is sound."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "scene"
        SCENES["send"].prepare(path)
        return list(Judge(SCENES["send"], path, Ran(status, out, err, calls), "EIO").verdict().wrong)


ANSWER = f'{{"ref": "north/{BEFORE}", "size": {BEFORE + 1}}}\n'


def test_the_judge_is_believed_only_if_it_finds_what_is_wrong() -> None:
    failed = '{"error": {"code": "disk.failed", "message": "", "step": ""}}\n'
    assert judged(2, failed) == []
    assert judged(-9) == []
    assert judged(0, ANSWER) == ["it says that it is done, and it is not"]
    assert judged(None) == ["it hung"]
    assert judged(2, "{") != []
    assert "it does not say what failed" in judged(2, '{"error": {"code": null}}\n')[0]
    assert "a traceback: OSError" in judged(1, failed, "Traceback (most recent call last):\nOSError")[0]


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ((Call("fdatasync", "/n/store.sqlite-wal", True),), "swallowed: fdatasync /n/store.sqlite-wal"),
        ((Call("fsync", "/n/pen", True),), "swallowed: fsync /n/pen"),
        ((Call("fdatasync", "/n/store.sqlite-wal", False), Call("fdatasync", "/n/store.sqlite-wal", True)), None),
        ((Call("fsync", "/n/pen", False), Call("pwrite64", "/n/pen", False), Call("fsync", "/n/pen", True)), "swallowed: fsync /n/pen"),
        ((Call("pwrite64", "/n/derived.sqlite", True),), None),
        ((Call("unlink", "/n/.new-abc", True),), None),
    ],
)
def test_a_fault_that_is_swallowed_shows(calls: tuple[Call, ...], said: str | None) -> None:
    wrong = judged(0, ANSWER, "", calls)
    assert [one for one in wrong if one.startswith("swallowed")] == ([said] if said else [])


def test_a_fault_is_written_and_read() -> None:
    fault = Fault("fsync", 3, "EIO+")
    assert Fault.read(str(fault)) == fault
    assert fault.as_option() == "--inject=fsync:error=EIO:when=3+"
    assert len(COLUMNS) == len(table({"send": {"fsync": 2}}, [])[0])
