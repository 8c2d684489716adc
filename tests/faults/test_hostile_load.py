"""A party with real keys that means harm cannot slow our own messages to another peer much, nor fill our disk or memory. FAULTS E13, E14.

Real processes: north and south are served, east attacks north by sixteen connections as fast as it is let. What is measured here is bounded
generously, since these machines are shared; `./run bench --hostile` gives the numbers. docs/decisions/0019.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ceasewire import limits
from ceasewire.bench import hostile
from ceasewire.bench.channel import memory, milliseconds, on_disk

COUNT = 25
SLACK_MS = 150  # what a shared machine may add to any of them
FAIR = 4  # twice is asked for, and measured by the bench where the machine is quiet


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    base = tmp_path_factory.mktemp("hostile")
    with hostile.running(base) as (folders, key, pids, measure):
        yield base, folders, key, pids, measure


@pytest.mark.parametrize("name", ["false_small", "false_roots", "ahead", "wants", "polls"])
def test_e14_our_own_messages_get_through(sides: Any, name: str) -> None:
    base, folders, key, pids, measure = sides
    calm = milliseconds(measure(COUNT), 50)
    before = on_disk(folders["north"])
    with hostile.attacking(base, folders, key, name) as answers:
        time.sleep(0.5)
        times = measure(COUNT)
    assert milliseconds(times, 50) < FAIR * calm + SLACK_MS, (calm, sorted(times))
    assert sum(answers.values()) > 0, "the attack came through"
    assert all(status in {"200", "400", "403", "408", "413", "429", "503"} for status in answers if status.isdecimal()), answers
    assert memory(pids["north"]) < 260, "MB"
    assert on_disk(folders["north"]) - before < 3 * limits.SHELF_BYTES + limits.REFUSED_BYTES_PER_LOG_AND_DAY


def test_e13_what_was_refused_and_shelved_stays_within_its_bounds(sides: Any) -> None:
    _, folders, _, _, measure = sides
    with folders["north"].view() as view:
        refused = view.store.refused(10**6)
        assert sum(len(one.data) for one in refused) <= limits.REFUSED_BYTES_PER_LOG_AND_DAY + limits.BUNDLE_CONTENTS_BYTES
        assert len(refused) <= limits.REFUSED_PER_LOG_AND_DAY
        shelved = view.store.shelved(data=False)
        assert sum(one.count for one in shelved) <= limits.SHELF_MESSAGES
    assert len(measure(3)) == 3, "and it goes on"
