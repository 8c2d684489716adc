"""Ten thousand deadlines in one second: the status answers at once, and says each of them. FAULTS D7, D6."""

from __future__ import annotations

import time
from typing import Any

from ceasewire.node.due import SHOWN_MOST
from ceasewire.node.status import status
from helpers import START
from node.pair import ChannelPair, Side

COUNT = 10_000
NOTIFICATION = {"types": ["A1"], "occurred_from": "2026-03-01T00:00:00Z", "place": "the bridge", "accused": "south"}
DAY = 86400


def timed(side: Side) -> tuple[float, Any]:
    began = time.perf_counter()
    found = status(side.node.reading, side.node.now(), None)
    return time.perf_counter() - began, found


def test_d7_ten_thousand_deadlines_in_one_second() -> None:
    with ChannelPair(quotas={"running_clocks_per_party": COUNT}) as pair:
        for start in range(0, COUNT, 2000):
            drafts = [("notification", {**NOTIFICATION, "place": f"place {start + n}"}) for n in range(2000)]
            pair.north.node.send_many(drafts)
        pair.sync("north", "south")
        pair.south.node.send("line_check", {})  # by whose `seen` every clock starts in one second
        pair.sync("north", "south")
        for side in pair:
            timed(side)  # what is derived is brought up to date once, not at the deadline
        pair.set_clock(START + DAY)
        for side in pair:
            seconds, found = timed(side)
            assert (found["overdue"], len(found["due_today"])) == ([], SHOWN_MOST), "at the second itself it is not overdue"
            assert seconds < 2, seconds
        pair.set_clock(START + DAY + 1)
        for side in pair:
            seconds, found = timed(side)
            print(f"{side.slug}: {COUNT} overdue in {seconds:.2f} s")
            assert (len(found["overdue"]), found["due_today"]) == (SHOWN_MOST, [])
            assert found["overdue"][0] == {
                "ref": "north/0",
                "kind": "notification",
                "by": "north",
                "accused": "south",
                "respond_by": "2026-03-02T00:00:00Z",
            }
            assert seconds < 2, seconds
            overdue = [one for one in found["alarms"] if one["code"] == "clock.overdue"]
            assert [(one["since"], one["text"]) for one in overdue] == [("2026-03-02T00:00:00Z", f"Answers are overdue: {COUNT}")], (
                "one alarm"
            )
