"""bulletin: the same bytes on every side, from real nodes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ceasewire.record.notation import parse_time
from ceasewire.reports import sheet
from ceasewire.reports.facts import Period
from ceasewire.survey import survey
from cli.driving import INCIDENT, Cli, joined
from helpers import START
from node.pair import ChannelPair, Side

LONG = ("--from", "2026-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
DAY = Period(START, START + 86_400)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path)


def test_both_sides_write_the_same_bytes(cli: Cli) -> None:
    ref = cli.send("north", "notification", **INCIDENT, casualties={"civilians": {"killed": [1, 2, 3]}}, direction="incoming")
    cli.send(
        "north", "correction", re=ref, fields={"direction": "lateral", "types": ["A3", "F1"]}, removed=["casualties"], reason="seen again"
    )
    cli.send("north", "channel_status", status="suspension", reason="=a reason")
    cli.carry("north", "south")
    cli.send("south", "acknowledgement", watch=True, on_duty=["captain"])
    cli.send("south", "line_check")
    cli.send("south", "reply", re=ref, stance="denied")
    cli.carry("south", "north")
    for form in ((), ("--format", "csv")):
        for way in ((), ("--json",)):
            north, south = (cli("bulletin", slug, *LONG, *form, *way) for slug in ("north", "south"))
            assert (north.status, north.err) == (0, "")
            assert north.out == south.out
    found = cli.good("bulletin", "north", *LONG)
    assert found == json.loads(cli("bulletin", "south", *LONG).out)
    assert [row["type"] for row in found["by_type"]] == ["A3", "F1"]
    assert [row["direction"] for row in found["by_direction"]] == ["lateral"]
    assert (found["casualties"], found["nil_return"]) == ([], False)
    assert [row["what"] for row in found["where_we_could_not_look"]] == ["F1", "suspension"]
    assert [(row["log"], row["sent"], row["receipted"]) for row in found["line"]] == [
        ("north", 3, {"south": 3}),
        ("south", 3, {"north": 0}),
    ]
    assert found["answers"][0] == {"by": "north", "notified": 1, "received": 1, "answered": 1, "overdue": 0}
    assert [(cut["log"], cut["size"]) for cut in found["cut"]] == [("north", 3), ("south", 3)]
    roots = {log["log"]: log["root"] for log in cli.good("status", "north")["logs"]}
    assert {cut["log"]: cut["root"] for cut in found["cut"]} == roots
    table = cli("bulletin", "north", *LONG, "--format", "csv").out
    assert table.count("\r\n") == table.count("\n")
    rows = sheet.read(table)
    assert rows == sheet.read(cli.good("bulletin", "south", *LONG, "--format", "csv")["text"])
    assert any("=a reason" in row["text"] for row in rows)


@pytest.mark.parametrize(
    "given",
    [
        ("--from", "2026-01-01", "--to", "2026-01-02T00:00:00Z"),
        ("--from", "2026-01-02T00:00:00Z", "--to", "2026-01-02T00:00:00Z"),
        ("--from", "2026-01-02T00:00:00Z"),
        (*LONG, "--format", "pdf"),
        (*LONG, "--format", "xlsx"),
        (*LONG, "--lang", "tlh"),
    ],
)
def test_usage(cli: Cli, given: tuple[str, ...]) -> None:
    done = cli("bulletin", "north", *given, "--json")
    assert (done.status, done.code, done.err.count("\n")) == (2, "usage", 1)


def test_an_empty_record_is_a_nil_return(cli: Cli) -> None:
    found = cli.good("bulletin", "north", *LONG)
    assert found["nil_return"] is True
    assert found["cut"][0]["size"] == 0
    assert found["line"][0]["line_checks_missed"] == 0


PARTIES = ("north", "south", "mission:guarantor")


class Tale:
    """Three sides that say what bulletins count, at any time and with bundles in any order."""

    def __init__(self, number: int, pair: ChannelPair) -> None:
        self.draw, self.pair, self.sides = random.Random(number), pair, list(pair)
        self.now = START

    def run(self, steps: int) -> None:
        for _ in range(steps):
            side, to = self.draw.sample(self.sides, 2)
            self.now += self.draw.choice((0, 1, 600, 7200, 40_000))
            self.pair.set_clock(self.now)
            side.node.send_many([self.draft(side) for _ in range(self.draw.choice((1, 2)))])
            if self.draw.random() < 0.6:
                to.receive(side.bundle(to))

    def draft(self, side: Side) -> tuple[str, dict[str, Any]]:
        own = [one["ref"] for one in side.node.messages(kind="notification", log=side.slug)]
        theirs = [one["ref"] for one in side.node.messages(kind="notification") if one["ref"] not in own]
        kind = self.draw.choice(
            ("notification", "notification", "notification", "correction", "withdrawal", "reply", "finding", "watch", "status")
        )
        if kind in ("correction", "withdrawal") and own:
            fields = {"types": [self.draw.choice(("A1", "F1"))], "casualties": {"civilians": {"killed": [1, 1, 1]}}}
            return kind, {"re": self.draw.choice(own), "reason": "x", **({"fields": fields} if kind == "correction" else {})}
        if kind == "reply" and theirs and side.slug != "mission":
            return kind, {"re": self.draw.choice(theirs), "stance": "denied"}
        if kind == "finding" and theirs:
            return kind, {"re": self.draw.choice(theirs), "finding": "unconfirmed", "access_refused_by": ["south"]}
        if kind == "watch":
            return "acknowledgement", {"watch": True}
        if kind == "status":
            return "channel_status", {"status": self.draw.choice(("suspension", "resumption"))}
        estimate = self.draw.choice(([1, 2, 3], [3, 2, 1]))
        body = {"types": [self.draw.choice(("A1", "A4", "F2"))], "occurred_from": "2026-02-28T04:12:00Z", "place": "Kala, East"}
        return "notification", {**body, "casualties": {"civilians": {"killed": estimate}}, "historical": self.draw.random() < 0.2}


@pytest.mark.parametrize("number", range(25))
def test_in_whatever_order_bundles_came_all_sides_compute_one_bulletin(number: int) -> None:
    with ChannelPair(PARTIES, seed=number) as pair:
        tale = Tale(number, pair)
        tale.run(20)
        pair.set_clock(tale.now + 3000)
        pair.settle()
        for period in (DAY, Period(START + 86_400, START + 4 * 86_400), Period(parse_time("2025-01-01T00:00:00Z"), tale.now)):
            found = [json.dumps(survey(side.node, period, exercise=False, lang="en")) for side in pair]
            assert found[0] == found[1] == found[2]
        texts = [sheet.write(sheet.rows(json.loads(one))) for one in found]
        assert len(set(texts)) == 1
        assert json.loads(found[0])["notified"]
