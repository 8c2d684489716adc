"""One record: the same bytes on every node, in whatever order and pieces the logs came. The issue's "Must hold"; FAULTS I6, I9, E1, E4."""

from __future__ import annotations

import json
import random
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceasewire.record.case import STATES
from ceasewire.record.casebook import Casebook
from ceasewire.record.conviction import of_common, two_faced
from ceasewire.record.fields import show_time
from ceasewire.record.kinds import KINDS, kind_name
from ceasewire.record.order import placed
from ceasewire.record.values import Row
from ceasewire.reports import bulletin, sheet
from ceasewire.reports.facts import Channel, Cut, Period
from helpers import START

from .tales import CHANNEL, COURT, LOGS, NAMES, Tale, delivered, proved, shown, told

HISTORIES = 2000
REPORTED = Channel(
    head={"name": "test", "title": "A channel for tests", "id": "00", "fingerprint": "a b c"},
    exercise=False,
    parties={card.slug: {"name": card.name, "role": card.role} for card in CHANNEL.charter.parties},
    zones={},
    clocks=CHANNEL.charter.clocks,
    party_of={NAMES[log]: CHANNEL.party(log).slug for log in LOGS},
    owing=dict.fromkeys(NAMES.values(), START),
)


def bulletins(rows: list[Row]) -> bytes:
    """The bulletins of a minute of a record, of what is actual and of exercises, as JSON and as CSV."""
    said = [
        {
            "ref": f"{NAMES[one.row.log]}/{one.row.index}",
            "kind": kind_name(one.row.kind),
            "time": show_time(one.row.time),
            "by": CHANNEL.party(one.row.log).slug,
            "body": shown(one.row),
            "void": one.row.void,
        }
        for one in placed(rows)
    ]
    cases = Casebook(CHANNEL, of_common(two_faced(COURT, rows), proved)).feed(rows)
    summaries = [cases.summary(key) for key in cases]
    cuts = [Cut(NAMES[log], sum(one.log == log for one in rows), "", {"north": 3}) for log in LOGS]
    found = [
        bulletin.make(REPORTED, Period(START + 10, START + 40), said, summaries, cuts, exercise=exercise, lang="en")
        for exercise in (False, True)
    ]
    return json.dumps([found, [sheet.write(sheet.rows(one)) for one in found]]).encode()


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_every_node_tells_the_same_bytes(number: int, messages: int) -> None:
    """List, cases, each case; and of one history in ten also the bulletins."""
    chance = random.Random(number)
    rows = Tale(chance, messages).rows
    one, other = delivered(rows, chance), delivered(rows, chance)
    assert told(one) == told(other)
    if number % 10 == 0:
        assert bulletins(one) == bulletins(other)


def test_the_tales_are_worth_telling() -> None:
    """Every kind, every state, voids by many rules, clocks that wait, merges, corrections, notices that match."""
    kinds: Counter[int] = Counter()
    voids: Counter[str | None] = Counter()
    states: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for number in range(300):
        chance = random.Random(number)
        rows = delivered(Tale(chance, 40).rows, chance)
        kinds.update(one.kind for one in rows)
        voids.update(one.void for one in rows)
        cases = Casebook(CHANNEL, proved).feed(rows)
        for key in cases:
            case = cases.whole(key)
            states[case["state"]] += 1
            met.update(name for name, value in case.items() if value)
            met["queued"] += any(clock.get("queued_behind") for clock in case["clocks"])
            met["suspended"] += any(clock["fell_due_during_suspension"] for clock in case["clocks"])
            met["merged"] += any(one["merged"] for one in case["duplicates"])
    assert set(kinds) == set(KINDS.values()) - {KINDS["amendment"]}
    assert {"body.schema", "ref.unknown", "ref.party", "release.reused", "kind.not_allowed", "log.replaced", "log.two_faces"} <= set(voids)
    assert set(states) == set(STATES)
    assert {"queued", "suspended", "merged", "corrections", "notices", "withdrawn", "joint_inquiry", "remedies", "original"} <= {
        name for name, count in met.items() if count
    }
