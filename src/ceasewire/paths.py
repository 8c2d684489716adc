"""Paths of addresses, as the API's table and the console's write them: parts between slashes, of which one in braces stands for any."""

from __future__ import annotations

from collections.abc import Sequence


def match(pattern: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    """What stands for each part of the pattern that is in braces; None if the path is another."""
    if len(parts) != len(pattern):
        return None
    found = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            found[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return found
