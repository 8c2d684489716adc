"""list with its filters, pages and searches; rebuild."""

from __future__ import annotations

from pathlib import Path

import pytest

from .driving import INCIDENT, Cli, joined


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = joined(tmp_path)
    for text in ("Mortar fire near the school", "The line is open", "Mörser"):
        cli.send("north", "statement", text=text)
    cli.send("north", "notification", **INCIDENT)
    cli.carry("north", "south")
    cli.send("south", "reply", re="north/3", stance="denied")
    cli.carry("south", "north")
    return cli


def refs(cli: Cli, *options: str) -> list[str]:
    both = [[one["ref"] for one in cli.good("list", slug, *options)] for slug in ("north", "south")]
    assert both[0] == both[1]
    return both[0]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--search", "morser"), ["north/2"]),
        (("--search", "school mor"), ["north/0"]),
        (("--search", '"fire near" scho'), ["north/0"]),
        (("--search", "mor", "--limit", "1"), ["north/0"]),
        (("--search", "mor", "--after", "north/0"), ["north/2"]),
        (("--search", "RIDGE", "--party", "south"), []),
        (("--party", "south"), ["south/0"]),
        (("--case", "south/0"), ["north/3", "south/0"]),
        (("--void",), []),
        (("--no-void", "--after", "north/2"), ["north/3", "south/0"]),
        (("--until", "2000-01-01T00:00:00Z"), []),
        (("--until", "2999-01-01T00:00:00Z", "--kind", "reply"), ["south/0"]),
        (("--limit", "2", "--after", "north/0"), ["north/1", "north/2"]),
    ],
)
def test_a_list_of_what_is_asked_for(cli: Cli, options: tuple[str, ...], found: list[str]) -> None:
    assert refs(cli, *options) == found


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--search", "*"), "usage"),
        (("--until", "yesterday"), "usage"),
        (("--party", "nobody"), "usage"),
        (("--case", "north/1"), "ref.missing"),
        (("--case", "north"), "ref.malformed"),
        (("--after", "north/77"), "ref.missing"),
    ],
)
def test_what_cannot_be_listed_is_said(cli: Cli, options: tuple[str, ...], code: str) -> None:
    done = cli("list", "north", *options, "--json")
    assert (done.status, done.code) == (2, code)


def test_rebuild_makes_the_same_again(cli: Cli) -> None:
    before = [cli(*command, "north", "--json").out for command in (("list",), ("cases",))]
    (cli.folder / "north" / "derived.sqlite").write_bytes(b"rubbish")
    found = cli.good("rebuild", "north")
    assert found["messages"] == 5
    assert found["per_minute"] > 0
    assert [cli(*command, "north", "--json").out for command in (("list",), ("cases",))] == before
    assert cli("rebuild", "north").out.startswith("5 messages in ")
    assert cli("rebuild", "nowhere", "--json").code == "node.missing"
