"""Tables of others: CSV as it is found (RFC 4180 and what programs make of it), one row at a time. docs/importing.md.

A row that cannot be read costs itself alone: the reader goes on at the next line of the file, also after a quotation mark that nobody
closed. Rows are numbered from 1, the heading not counted; each knows the line of the file at which it begins.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import LocalError

ROW_CHARACTERS: Final = 128 * 1024  # csv's own limit of one cell; no row that fits a message is near it
_DELIMITERS: Final = (",", ";", "\t")
_COLUMNS: Final = 1000


class BadRow(Exception):
    """A row that does not become a message; the text says why."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. `cells` by column, without space around them; None where it could not be read, and then `fault` says why."""

    number: int
    line: int
    cells: Mapping[str, str] | None
    fault: str = ""


class Table:
    """The rows of a CSV file whose first line names its columns.

    `lines` are the file's lines with their ends, as a file opened with `newline=""` gives them; a byte order mark is passed over. The
    delimiter is `delimiter`, or else the first of comma, semicolon and tabulator with which the heading has all `columns`. Raises
    LocalError import.file when it has not.
    """

    def __init__(self, lines: Iterable[str], columns: Iterable[str], delimiter: str | None = None) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self._line = 0
        self._delimiter, self.columns = self._heading(tuple(columns), (delimiter,) if delimiter else _DELIMITERS)

    def _heading(self, needed: tuple[str, ...], delimiters: tuple[str, ...]) -> tuple[str, list[str]]:
        first = next(self._lines, "").removeprefix("\ufeff")
        self._line = 1
        best: list[str] = []
        for delimiter in delimiters:
            try:
                names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter, strict=True), [])]
            except csv.Error:
                continue
            if names and set(needed) <= set(names):
                return delimiter, self._checked(names)
            best = max(best, names, key=len)
        missing = ", ".join(name for name in needed if name not in best)[:200]
        raise LocalError("import.file", f"its first line does not name the columns {missing}" if best else "it has no heading")

    @staticmethod
    def _checked(names: list[str]) -> list[str]:
        while names and not names[-1]:
            names.pop()
        if len(names) > _COLUMNS:
            raise LocalError("import.file", f"it has more than {_COLUMNS} columns")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise LocalError("import.file", f"its heading has a column twice: {ascii(twice[0])[:40]}")
        return names

    def __iter__(self) -> Iterator[TableRow]:
        number = 0
        while True:
            line = self._line + 1
            try:
                cells = self._record()
                if cells is None:
                    return
                if not any(cell.strip() for cell in cells):
                    continue  # an empty line
                number += 1
                yield TableRow(number, line, self._named(cells))
            except BadRow as bad:
                number += number_of(bad)
                yield TableRow(number, line, None, str(bad))

    def _record(self) -> list[str] | None:
        """The next row's cells, None at the end. After a row that cannot be read the next line begins a new one. Raises BadRow."""
        taken: list[str] = []
        try:
            cells = next(csv.reader(self._pull(taken), delimiter=self._delimiter, strict=True), None)
        except csv.Error as error:
            self._line -= len(taken) - 1
            self._back.extendleft(reversed(taken[1:]))
            what = "a quotation mark is not closed" if "end of data" in str(error) else str(error)
            raise _Unread(f"it is no row of CSV: {what}") from None
        return cells

    def _pull(self, taken: list[str]) -> Iterator[str]:
        size = 0
        while size <= ROW_CHARACTERS:
            line = self._back.popleft() if self._back else next(self._lines, None)
            if line is None:
                return
            self._line += 1
            taken.append(line)
            size += len(line)
            yield line[: ROW_CHARACTERS + 2]  # a longer cell is csv's to refuse

    def _named(self, cells: list[str]) -> Mapping[str, str]:
        while len(cells) > len(self.columns) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(self.columns):
            raise BadRow(f"it has {len(cells)} cells, and the heading {len(self.columns)}")
        return {name: _clean(cell) for name, cell in zip(self.columns, cells, strict=True)}


class _Unread(BadRow):
    """A row that was not even cut into cells, and so has no number yet."""


def number_of(bad: BadRow) -> int:
    """How far the count of rows must still go for it."""
    return int(isinstance(bad, _Unread))


def _clean(cell: str) -> str:
    """Without space around it, lines ended as in messages."""
    return cell.replace("\r\n", "\n").replace("\r", "\n").strip()
