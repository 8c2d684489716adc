"""`prove --silence`, and `verify` of what it writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.driving import Cli
from helpers import START
from node.pair import ChannelPair

DAY = 86400
PERIOD = ("--by", "north", "--from", "2026-03-01T12:00:00Z", "--to", "2026-03-03T12:00:00Z")
ASKED = {"questions": ["Who fired on Kala?"]}


@pytest.fixture
def pair() -> Iterator[ChannelPair]:
    """Line checks of five days by all three."""
    with ChannelPair(("north", "south", "mission:guarantor"), exercise=True) as made:
        for day in range(5):
            made.set_clock(START + day * DAY)
            for side in made:
                side.node.send("line_check", {})
            made.settle(2)
        yield made


def cli_of(pair: ChannelPair) -> Cli:
    for side in pair:
        side.close()
    (pair.path / "line.charter").write_bytes(pair.made.signed.encode())
    return Cli(pair.path)


def test_for_people_and_as_json(pair: ChannelPair) -> None:
    cli = cli_of(pair)
    proved = cli.good("prove", "south", "--silence", "request", *PERIOD, "-o", "p")
    size = (cli.folder / "p").stat().st_size
    named = {"silence": "request", "by": "north", "from": PERIOD[3], "to": PERIOD[5]}
    assert proved == {**named, "file": "p", "bytes": size, "late": []}
    report = cli.good("verify", "p", "--charter", "line.charter")
    assert (report["verdict"], report["kind"], report["exercise"]) == ("valid", "silence", True)
    assert report["silence"]["sentence"].endswith("and 2026-03-04T00:00:00Z: none")
    printed = cli("verify", "p", "--charter", "line.charter").out
    assert printed.startswith("EXERCISE")
    assert "request by north, first seen by mission between 2026-03-01T00:00:00Z" in printed
    assert "by telephone" in printed
    assert "  north: entries 1 to 2, none a request\n" in printed


def test_one_that_was_sent_is_named_and_the_status_is_1(pair: ChannelPair) -> None:
    pair.north.node.send("request", ASKED)
    pair.settle(1)
    pair.set_clock(START + 6 * DAY)
    for side in pair:
        side.node.send("line_check", {})
    pair.settle(2)
    cli = cli_of(pair)
    done = cli("prove", "south", "--silence", "request", *PERIOD[:5], "2026-03-06T00:00:00Z", "-o", "p", "--json")
    assert (done.status, done.code) == (1, "silence.broken")
    assert done.err.count("\n") == 1
    assert "north/5, a request, is dated 2026-03-05" in done.err
    assert not (cli.folder / "p").exists()


def test_one_that_came_late_with_an_old_date_is_told_of() -> None:
    with ChannelPair(("north", "south", "mission:guarantor")) as pair:
        for day in (0, 1, 2, 3, 4):
            for side in pair:
                side.clock.now = START + day * DAY
                if side.slug != "north" or day < 2:
                    side.node.send("line_check", {})
            pair.settle(2, () if day < 2 else ("north",))
        pair.north.clock.now = START + 2 * DAY
        pair.north.node.send("request", ASKED)
        pair.settle(2)
        done = cli_of(pair)("prove", "south", "--silence", "request", *PERIOD, "-o", "p")
    assert done.status == 0
    assert "not there until later: north/2" in done.err


MISTAKES: tuple[tuple[str, ...], ...] = (
    ("--silence", "request"),
    ("--silence", "request", "--by", "north", "--from", PERIOD[3]),
    ("north/0", "--silence", "request", *PERIOD),
    ("--silence", "request", *PERIOD, "--reveal", "text"),
    ("north/0", "--by", "north"),
    (),
    ("--silence", "question", *PERIOD),
    ("--silence", "request", "--by", "east", *PERIOD[2:]),
    ("--silence", "request", *PERIOD[:3], "yesterday", *PERIOD[4:]),
    ("--silence", "request", *PERIOD[:3], PERIOD[5], "--to", PERIOD[3]),
)


def test_mistakes_are_said(pair: ChannelPair) -> None:
    cli = cli_of(pair)
    for arguments in MISTAKES:
        done = cli("prove", "south", *arguments, "-o", "p", "--json")
        assert (done.status, done.code) == (2, "usage"), arguments
