# ruff: noqa: PLC0415 - imported when called, so that commands start fast
"""What people read on standard output: coloured tables on a terminal, plain aligned lines anywhere else.

Whatever is handed to a `Screen` is escaped here, once, part by part. There is no markup: style is an argument beside the text, so no
text can bring its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from .text import shown

if TYPE_CHECKING:
    from rich.console import Console


def counted(count: int, what: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


class Screen:
    """Standard output for people."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._console: Console | None = None
        if file.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console

            self._console = Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=False)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody reads along; otherwise nothing is cut to a width."""
        return self._console is not None

    def line(self, *parts: str, style: str = "", indent: int = 0) -> None:
        """One line, each part escaped by itself."""
        self._print(" " * indent + "".join(shown(part) for part in parts), style, indent)

    def _print(self, safe: str, style: str, indent: int = 0) -> None:
        if self._console is None:
            self._file.write(safe.rstrip() + "\n")
            return
        from rich.padding import Padding
        from rich.text import Text

        self._console.print(Padding(Text(safe.lstrip(), style=style, overflow="fold"), (0, 0, 0, indent)))

    def raw(self, text: str) -> None:
        """A file's contents, for another program: written as they are. They hold no character that a message may not hold."""
        self._file.write(text)

    def gap(self) -> None:
        """An empty line."""
        self._print("", "")

    def heading(self, *parts: str) -> None:
        """A line above what belongs to it."""
        self.line(*parts, style="bold")

    def block(self, text: str, indent: int = 0) -> None:
        """A text of several lines."""
        for line in text.split("\n"):
            self.line(line, indent=indent)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, header: bool = True) -> None:
        """Rows under their columns; nothing at all if there are no rows."""
        safe = [[shown(cell) for cell in row] for row in rows]
        if not safe:
            return
        if self._console is None:
            self._plain_table([columns, *safe] if header else safe)
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD if header else None, show_header=header, pad_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name, overflow="fold")
        for row in safe:
            table.add_row(*(Text(cell, overflow="fold") for cell in row))
        self._console.print(table)

    def _plain_table(self, rows: Sequence[Sequence[str]]) -> None:
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        for row in rows:
            self._print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)), "")

    def pairs(self, rows: Iterable[tuple[str, str]], indent: int = 0) -> None:
        """Names and values, one a line."""
        found = list(rows)
        width = max((len(name) for name, _ in found), default=0)
        for name, value in found:
            self.line(name.ljust(width), "  ", value, indent=indent)
