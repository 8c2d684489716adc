"""Small tables of what a test measured: printed at its end, seen with `pytest -s`."""

from __future__ import annotations

from collections.abc import Sequence


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under their heads: the first column to the left, the others to the right, each as wide as it must be."""
    lines = [[str(one) for one in row] for row in (heads, *rows)]
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    said = ["  ".join([line[0].ljust(wide[0]), *(one.rjust(size) for one, size in zip(line[1:], wide[1:], strict=True))]) for line in lines]
    return "\n".join(["", title, said[0], "-" * len(said[0]), *said[1:], ""])
