"""A disk that is lost with 100,000 messages on it: how long `recover` takes, and that nothing is missing. Issue 4, "Shown by" 4."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from carriers.sides import Side, make_sides, process, synced_by_hand
from cli.driving import Cli

MESSAGES = int(os.environ.get("DISK_LOST_MESSAGES", "100000"))
BATCH = 500


def fill(sides: dict[str, Side], count: int) -> None:
    """So many messages, half of them of each side, who hear each other at every batch."""
    with sides["north"].folder.node(None) as north, sides["south"].folder.node(None) as south:
        for start in range(0, count, 2 * BATCH):
            for node in (north, south):
                node.send_many([("statement", {"text": f"{node.names.slug} {start + n}: it is quiet here"}) for n in range(BATCH)])
            synced_by_hand(north, south)


@pytest.mark.sweep
def test_nothing_is_missing_after_a_lost_disk(tmp_path: Path) -> None:
    began = time.monotonic()
    sides = make_sides(tmp_path, {"north": None, "south": None}, {"quotas": {"messages_per_log_and_day": 1_000_000}})
    fill(sides, MESSAGES)
    cli, half = Cli(tmp_path), MESSAGES // 2
    shutil.copy(tmp_path / "north" / "charter.cwc", tmp_path / "line.charter")
    shutil.move(tmp_path / "north" / "recovery-north.txt", tmp_path / "recovery.txt")
    shutil.rmtree(tmp_path / "north")
    told: dict[str, Any] = {"made_seconds": round(time.monotonic() - began, 1)}
    with process(sides["south"].folder):
        began = time.monotonic()
        given = ("--charter", "line.charter", "--recovery-file", "recovery.txt", "--no-passphrase")
        done = cli.good("recover", "north", "--from", "south", *given)
        told["recover_seconds"] = round(time.monotonic() - began, 1)
        assert (done["replaces"], done["size"], done["recovered"], done["error"]) == ("north", 0, half, None)
        ref = cli.send("north", "statement", text="work goes on")
        assert cli.good("sync", "north")[0]["receipted"] >= 1
    began = time.monotonic()
    checked = cli.good("fsck", "north")
    told["fsck_seconds"] = round(time.monotonic() - began, 1)
    assert (checked["clean"], checked["checked"]["messages"] >= MESSAGES + 3) == (True, True)
    sizes = {one["log"]: one["size"] for one in cli.good("keys", "list", "north")}
    assert (sizes["north"], sizes["south"] >= half, ref.startswith(done["log"])) == (half, True, True)
    assert cli.good("list", "north", "--kind", "statement", "--log", "north", "--limit", "3") == cli.good(
        "list", "south", "--kind", "statement", "--log", "north", "--limit", "3"
    )
    print(f"disk lost at {MESSAGES:,} messages: {told}")
