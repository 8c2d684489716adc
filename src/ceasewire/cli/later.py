"""Commands that INTERFACE names and this version does not have: they are not in the help, and asked for they say so."""

from __future__ import annotations

from typing import Final

from ..errors import LocalError

LATER: Final = frozenset("frame relay evidence".split())
LATER_OPTIONS: Final = {"prove": ("--case",)}


def refuse_later(tokens: list[str]) -> None:
    """Raises LocalError usage for what a later version will have."""
    command = next((token for token in tokens if not token.startswith("-")), "")
    if command in LATER:
        raise LocalError("usage", f"this version has no `{command}` yet")
    for option in LATER_OPTIONS.get(command, ()):
        if any(token == option or token.startswith(f"{option}=") for token in tokens):
            raise LocalError("usage", f"this version has no `{command} {option}` yet")
