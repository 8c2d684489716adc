"""What officers read in show, list, cases, case and status: what stands, what was taken back, and what a reply agrees to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .driving import INCIDENT, Cli, joined


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return joined(tmp_path)


def line_of(cli: Cli, ref: str, *command: str) -> str:
    """The one line of a table that begins with a reference."""
    (found,) = (line for line in cli(*command).out.splitlines() if line.startswith(f"{ref} "))
    return found


def both(cli: Cli) -> None:
    for sender, recipient in (("north", "south"), ("south", "north")):
        cli.carry(sender, recipient)


def test_what_was_withdrawn_or_corrected_says_so_first(cli: Cli) -> None:
    ref = cli.send("north", "statement", text="We hold the bridge.")
    plain = cli.good("list", "north")
    first = cli.send("north", "correction", re=ref, fields={"text": "We held the bridge."}, reason="A slip.")
    second = cli.send("north", "correction", re=ref, fields={"text": "We left the bridge."}, reason="Another.")
    found = cli.good("show", "north", ref)
    assert (found["case"], found["withdrawn_by"], found["corrected_by"]) == (None, [], [first, second])
    lines = cli("show", "north", ref).out.splitlines()
    assert lines[:2] == [
        f"CORRECTED by {first}: text was We hold the bridge., now We held the bridge. (A slip.)",
        f"CORRECTED by {second}: text was We held the bridge., now We left the bridge. (Another.)",
    ]
    assert " CORRECTED " in line_of(cli, ref, "list", "north")
    gone = cli.send("north", "withdrawal", re=ref, reason="It was thunder.")
    assert cli("show", "north", ref).out.splitlines()[0] == f"WITHDRAWN by {gone}: It was thunder."
    assert " WITHDRAWN " in line_of(cli, ref, "list", "north")
    assert cli.good("list", "north")[0] == plain[0]
    cli.send("north", "withdrawal", re=gone, reason="It was no thunder.")
    cli.send("north", "withdrawal", re=second, reason="We did not.")
    both(cli)
    for slug in ("north", "south"):
        found = cli.good("show", slug, ref)
        assert (found["withdrawn_by"], found["corrected_by"]) == ([], [first])
        assert " CORRECTED " in line_of(cli, ref, "list", slug)
        assert " WITHDRAWN " in line_of(cli, second, "list", slug)


def test_accepted_says_what_is_accepted(cli: Cli) -> None:
    told = cli.send("north", "notification", **INCIDENT)
    twin = cli.send("north", "notification", **INCIDENT)
    both(cli)
    asks = cli.send("south", "reply", re=told, stance="under_inquiry", new_respond_by="2031-11-30T00:00:00Z")
    one = cli.send("south", "statement", text="One event.", re=told, links=[{"as": "duplicate_of", "ref": twin}])
    both(cli)
    dated = cli.send("north", "reply", re=asks, stance="accepted")
    agreed = cli.send("north", "reply", re=one, stance="accepted")
    both(cli)
    admits = cli.send("south", "reply", re=twin, stance="accepted", remedy="A new roof.")
    done = cli.send("south", "statement", text="The roof is on.", re=admits)
    both(cli)
    thanks = cli.send("north", "reply", re=done, stance="accepted")
    said = cli.send("south", "statement", text="We are there.")
    both(cli)
    plain = cli.send("north", "reply", re=said, stance="accepted")
    for ref, said in (
        (dated, "accepts the new date 2031-11-30T00:00:00Z"),
        (agreed, f"agrees that {told} and {twin} are one"),
        (admits, "accepted: the facts are agreed"),
        (thanks, "confirms that the remedy was carried out"),
        (plain, "accepted"),
    ):
        shown = cli("show", "north", ref).out
        assert f"stance: {said}\n" in shown
        assert ("facts are agreed" in shown) is (ref == admits)
    case = cli("case", "north", told).out
    assert f"new date 2031-11-30T00:00:00Z, asked for in {asks}, accepted by north in {dated} at " in case
    assert "accepts the new date" in line_of(cli, dated, "case", "north", told)


def test_a_flash_says_whose_where_and_who_read_it(cli: Cli) -> None:
    flash: dict[str, Any] = {"phrase": "cease_now", "place": "Stone Bridge", "location": [34.5, 69.2], "location_precision": "exact"}
    ref = cli.send("south", "flash", **flash, text="They fire again.")
    cli.carry("south", "north")
    time = cli.good("show", "north", ref)["time"]
    said = 'Cease fire now at the place named. At Stone Bridge (34.5, 69.2). "They fire again."'
    theirs = f"FLASH from south: {said} {time} ({ref}). Read by nobody yet."
    assert theirs in cli("status", "north").out
    assert cli.good("status", "north")["flashes"][0]["text"] == "They fire again."
    cli.send("north", "acknowledgement", re=ref, state="read")
    cli.carry("north", "south")
    ours = f"we sent a flash: {said} {time} ({ref}). Read by a person of north."
    assert ours in cli("status", "south").out
    answer = cli.send("north", "flash", phrase="we_have_ceased", re=ref)
    cli.carry("north", "south")
    assert f"{ours} Answered by north at {cli.good('show', 'north', answer)['time']} (flash {answer})." in cli("status", "south").out


def test_a_case_says_what_is_alleged_and_what_was_found(cli: Cli) -> None:
    more = {"count": 6, "means": "mortar", "location": [34.5, 69.2], "location_precision": "near"}
    harm = {"casualties": {"civilians": {"killed": [1, 2, 3]}}}
    ref = cli.send("north", "notification", **INCIDENT, **more, **harm, request=["investigate_jointly"])
    for count in (5, 9):
        cli.send("north", "correction", re=ref, fields={"count": count}, reason="Counted again.")
    both(cli)
    cli.send(
        "south", "finding", re=ref, finding="confirmed", attribution="attributed", attributed_to=["south"], confidence="high",
        narrative="Two craters.\nNo more.", dissent="One of us differs.", disputed=[{"party": "north", "fields": ["count"]}],
    )  # fmt: skip
    shown = cli("case", "south", ref).out
    for text in (
        "location: 34.5, 69.2, to about 1 km",
        "count: 9\n",
        "means: mortar",
        "killed: 2 (1 to 3)",
        "request: investigate jointly",
        "twelve rounds\n",
        "count was 6, now 5. ",
        "count was 5, now 9. ",
        "confirmed, attributed to south, confidence high",
        "Two craters. disputed by north: count. dissent: One of us differs.",
    ):
        assert text in shown, shown
    assert "No more." not in shown.partition("Messages\n")[0]


def test_a_dead_case_awaits_nothing(cli: Cli) -> None:
    told = cli.send("north", "notification", **{**INCIDENT, "place": None} | {"location": [34.5, 69.2], "location_precision": "near"})
    twin = cli.send("north", "notification", **INCIDENT)
    gone = cli.send("north", "notification", **INCIDENT)
    both(cli)
    cli.send("south", "acknowledgement", re=gone, state="read")
    assert "34.5, 69.2" in line_of(cli, told, "cases", "south")
    due = cli.good("case", "south", gone)["respond_by"]
    assert due in line_of(cli, gone, "cases", "south")
    cli.send("north", "withdrawal", re=gone, reason="Thunder.")
    for slug in ("north", "south"):
        cli.send(slug, "statement", text="One.", re=twin, links=[{"as": "duplicate_of", "ref": told}])
    both(cli)
    for ref, state in ((gone, "withdrawn"), (twin, f"merged into {told}")):
        line = line_of(cli, ref, "cases", "south")
        assert line.endswith(" -")
        assert f" {state} " in line
        assert "press" not in cli("case", "south", ref).out
    assert "until either may tell the press" in cli("case", "south", told).out


def test_a_suspension_in_force_is_said(cli: Cli) -> None:
    told = cli.send("north", "notification", **INCIDENT)
    both(cli)
    ref = cli.send("south", "channel_status", status="suspension", reason="No.", until="2999-01-01T00:00:00Z")
    both(cli)
    for command in (("status", "north"), ("case", "north", told)):
        assert "SUSPENDED by south since " in cli(*command).out
        assert f"until 2999-01-01T00:00:00Z ({ref})" in cli(*command).out
    cli.send("south", "channel_status", status="resumption")
    both(cli)
    assert cli.good("status", "north")["suspended"] == []
    assert "SUSPENDED" not in cli("case", "north", told).out
