"""docs/threat-model.md promises only what a test shows: every line of "What holds" names tests, and all of them exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "docs" / "threat-model.md"


def promises(text: str) -> list[str]:
    """The items of the section "What holds", each on one line."""
    section = text.split("\n## What holds\n", 1)[1].split("\n## ", 1)[0]
    joined = re.sub(r"\n(?![-#\n])", " ", section)
    return [line for line in joined.splitlines() if line.startswith("- ")]


def named(line: str) -> list[str]:
    return re.findall(r"`(test_\w+)`", line)


def existing() -> set[str]:
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
        found |= {function.name for function in functions if function.name.startswith("test_")}
    return found


def test_every_promise_names_tests_that_exist() -> None:
    lines = promises(MODEL.read_text())
    assert len(lines) > 30
    there = existing()
    for line in lines:
        assert named(line), f"no test is named: {line}"
        missing = [name for name in named(line) if name not in there]
        assert missing == [], line


@pytest.mark.parametrize(("text", "count"), [("- a promise", 0), ("- one `test_a`\n  and `test_b`", 2), ("- `test`", 0)])
def test_the_reading_of_a_promise(text: str, count: int) -> None:
    (line,) = promises(f"# x\n\n## What holds\n\n### y\n\n{text}\n\n## What is not\n- z\n")
    assert len(named(line)) == count
