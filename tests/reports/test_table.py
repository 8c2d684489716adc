"""CSV as it is found: each row by itself, whatever stands in the others."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceasewire.reports.table import ROW_CHARACTERS, Table, TableRow
from helpers import local


def rows(text: str, columns: str = "a b") -> list[TableRow]:
    return list(Table(io.StringIO(text, newline=""), columns.split()))


def cells(text: str) -> list[dict[str, str] | None]:
    return [None if row.cells is None else dict(row.cells) for row in rows(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a,b\n1,"x\ny"\n', {"a": "1", "b": "x\ny"}),
        ('\ufeffa,b\r\n1,"say ""hi"""\r\n', {"a": "1", "b": 'say "hi"'}),
        ("a;b\n1;2,3\n", {"a": "1", "b": "2,3"}),
        ("a\tb\n1\t2\n", {"a": "1", "b": "2"}),
        ('a,b\r\n1,"x\r\ny"', {"a": "1", "b": "x\ny"}),
        ("b,c,a\n2,,1\n", {"a": "1", "b": "2", "c": ""}),
        ("a,b\n1,2,,,\n", {"a": "1", "b": "2"}),
        ('a,b\n1,12" mortar\n', {"a": "1", "b": '12" mortar'}),
        ('a,b\n=1+1,"@SUM(A1)"\n', {"a": "=1+1", "b": "@SUM(A1)"}),
        ("a,b\n1,\0\n", {"a": "1", "b": "\0"}),
        ("a,b,,\n1,2\n", {"a": "1", "b": "2"}),
    ],
)
def test_a_row_is_read_as_it_stands(text: str, expected: dict[str, str]) -> None:
    assert cells(text) == [expected]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("only one", "1 cells"),
        ("1,2,3", "3 cells"),
        ('1,"never closed', "not closed"),
        ('1,"closed"too early', "expected after"),
        (f'1,"{"x" * (ROW_CHARACTERS + 9)}', "no row of CSV"),
        ("x" * (ROW_CHARACTERS + 9) + ",1", "no row of CSV"),
        ('1,"' + "\n" * (ROW_CHARACTERS + 9), "not closed"),
    ],
)
def test_a_row_that_cannot_be_read_costs_itself_alone(bad: str, why: str) -> None:
    found = rows(f"a,b\n1,2\n{bad}\n3,4\n")
    assert [row.cells and row.cells["a"] for row in found] == ["1", None, "3"]
    assert [row.number for row in found] == [1, 2, 3]
    assert found[1].line == 3
    assert found[2].line == 4 + bad.count("\n")
    assert why in found[1].fault


def test_empty_lines_are_no_rows() -> None:
    assert [(row.number, row.line) for row in rows("a,b\n\n1,2\n,\n\r\n3,4\n\n")] == [(1, 3), (2, 6)]


@pytest.mark.parametrize("text", ["", "\n", "x,y\n1,2\n", "a\n1\n", "a,b,a\n1,2,3\n", '"a,b\n', "a,b," + ",".join(map(str, range(1000)))])
def test_a_file_without_its_columns_is_refused(text: str) -> None:
    with local("import.file"):
        rows(text)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=20))
def test_what_csv_writes_is_read_back(written: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    table = csv.writer(out, quoting=csv.QUOTE_ALL)
    table.writerows([("a", "b"), *written])
    expected = [{"a": a.strip(), "b": b.strip()} for a, b in written if a.strip() or b.strip()]
    assert cells(out.getvalue()) == expected


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_stops_the_reader_or_loses_its_count(before: str, after: str) -> None:
    found = rows(f"a,b\n{before}\n{after}")
    assert [row.number for row in found] == list(range(1, len(found) + 1))
    assert [row.line for row in found] == sorted({row.line for row in found})
