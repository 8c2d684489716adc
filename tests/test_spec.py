"""The pages of spec/ say what the code does: their examples and tables are made from it and compared."""

from __future__ import annotations

import re

import pytest

from ceasewire import errors
from spec_pages import BLOCKS, SPEC, blocks, renewed

PAGES = sorted(SPEC.glob("*.md"))
NAMES = [
    "bundle",
    "case",
    "charter",
    "encoding",
    "entry",
    "keys",
    "limits",
    "misconduct",
    "phrases",
    "proof",
    "silence",
    "withholding",
    "witness",
]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return blocks()


@pytest.mark.parametrize("name", NAMES)
def test_generated_parts_are_as_the_code_makes_them(name: str, made: dict[str, str]) -> None:
    """If this fails after a change that is meant: PYTHONPATH=src:tests python tests/spec_pages.py."""
    page = (SPEC / f"{name}.md").read_text("utf-8")
    assert renewed(page, made) == page


def test_every_generated_part_stands_on_a_page_once() -> None:
    found = [block for path in PAGES for block in re.findall(r"<!-- generated: (\S+) -->", path.read_text("utf-8"))]
    assert sorted(found) == sorted(BLOCKS)


def test_a_page_out_of_date_would_be_seen() -> None:
    page = "a\n<!-- generated: x.y -->\nold\n<!-- end -->\nb\n"
    assert renewed(page, {"x.y": "new"}) == page.replace("old", "new")


def test_every_code_points_to_a_page_that_is_there() -> None:
    pages = {code.page for code in errors.CODES.values() if code.page.startswith("spec/")}
    assert {f"spec/{path.name}" for path in PAGES} >= pages


def test_pages_name_codes_that_exist() -> None:
    """A word in back quotes that looks like a code of ours is one."""
    groups = {code.partition(".")[0] for code in errors.CODES if "." in code}
    for path in PAGES:
        for word in re.findall(r"`([a-z]+\.[a-z_]+)`", path.read_text("utf-8")):
            if word.partition(".")[0] in groups - {"log", "charter", "bundle", "case", "net"}:
                assert word in errors.CODES, f"{path.name}: {word}"


def test_pages_begin_with_an_example() -> None:
    for name in NAMES:
        page = (SPEC / f"{name}.md").read_text("utf-8")
        first = page.index("<!-- generated: ")
        assert page[:first].count("\n## ") <= 1, f"{name}.md: the example comes first"
