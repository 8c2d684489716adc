"""docs/cli.md is the reference: a command, or an option, that it does not name fails here, and so does one that it invents."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from ceasewire.cli.app import VERSION, app
from ceasewire.cli.later import LATER

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text("utf-8")


def commands(of: App, before: str = "ceasewire") -> Iterator[tuple[str, App]]:
    """Every command that does something, by its whole name."""
    for name in of:
        if not name.startswith("-"):
            found = of[name]
            if found.default_command is not None:
                yield f"{before} {name}", found
            yield from commands(found, f"{before} {name}")


COMMANDS = dict(commands(app))


def section(name: str) -> str:
    """What the page says below the command's heading."""
    match = re.search(rf"(?ms)^### `{re.escape(name)}\b[^\n]*`\n(.*?)(?=^##|\Z)", PAGE)
    assert match, f"docs/cli.md has no heading `{name} ...`"
    return match[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_an_example(name: str) -> None:
    below = section(name)
    assert re.search(rf"(?m)^    (echo .*\| )?{re.escape(name)}\b", below), f"{name} has no example"
    for argument in COMMANDS[name].assemble_argument_collection(default_parameter=app.default_parameter):
        for option in (name for name in argument.names if name.startswith("-") and name != "--json"):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", below), f"{name}: {option} is not on the page"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_summary_and_an_example_in_its_help(name: str) -> None:
    help_text = COMMANDS[name].help
    assert help_text.partition("\n")[0].endswith("."), name
    assert f"Example: {name}" in help_text


def test_the_page_invents_no_command() -> None:
    headings = re.findall(r"(?m)^### `(ceasewire[a-z ]*[a-z])", PAGE)
    assert sorted(headings) == sorted(COMMANDS)


def test_the_page_says_what_comes_later() -> None:
    for command in LATER:
        assert f"`{command}`" in PAGE


def test_the_version_is_the_project_s() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == VERSION
