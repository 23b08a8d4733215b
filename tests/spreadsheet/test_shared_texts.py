"""Texts that many cells have: they come back as those of a cell of its own, and stand in the workbook once."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vbr_audit.spreadsheet.book import streamed_book
from vbr_audit.spreadsheet.cells import MAX_TEXT, CellGuard
from vbr_audit.spreadsheet.reading import open_book
from vbr_audit.spreadsheet.shared_texts import SharedTexts
from vbr_audit.spreadsheet.sheet import SheetColumn, SheetPlan, write_sheets
from vbr_audit.tables.build.arrays import STRING

TABLE = "xl/sharedStrings.xml"
ODD = (
    *(" a ", "\ta\n", "a\r\nb\rc", "a  b", "_x0041_", "_x005F_", "x005F_y", "\ufffd\x00\ud800", "=1+1", "#N/A", "-1"),
    *("<b>&amp;</b>", "]]>", "é\N{ROCKET}\u202e", "\u2028", "\xa0", "x" * (MAX_TEXT + 1)),
)
"""What a spreadsheet, XML or openpyxl might take for something else."""


def written(path: Path, columns: dict[str, Sequence[str | None]], *, wrap: bool = False) -> CellGuard:
    """Write `columns` as a sheet each, which has the column twice; what the guard changed."""
    guard = CellGuard()
    with streamed_book(path) as book:
        for name, texts in columns.items():
            values = pd.Series(texts, dtype=STRING)
            pair = tuple(SheetColumn(header, values) for header in ("first", "second"))
            write_sheets(book, SheetPlan(name, f"tbl{name}", pair, 0, wrap=wrap), dt.UTC, guard)
    return guard


def read(path: Path) -> dict[str, list[list[Any]]]:
    """The columns of each sheet, without their headers."""
    book = openpyxl.load_workbook(path)
    return {sheet.title: [[cell.value for cell in column[1:]] for column in sheet.iter_cols()] for sheet in book}


def parts_of(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as book:
        return {name: book.read(name).decode() for name in book.namelist()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "x.xlsx"


@settings(max_examples=8)
@given(
    texts=st.lists(st.text(min_size=1) | st.sampled_from(ODD), min_size=1, max_size=5, unique=True), wrap=st.booleans()
)
@example(texts=list(ODD), wrap=False)
@example(texts=list(ODD), wrap=True)
def test_any_texts_come_back_the_same_shared_or_not(place: Path, texts: list[str], wrap: bool) -> None:
    often = [*texts, None, *texts, *texts]
    guard, own = written(place, {"Once": texts, "Often": often}, wrap=wrap), CellGuard()
    sheets = read(place)
    known = [own.text(text) for text in texts]
    assert sheets["Once"] == [known] * 2
    assert sheets["Often"] == [[*known, None, *known, *known]] * 2
    assert (guard.replaced, guard.cut) == (8 * own.replaced, 8 * own.cut)
    parts = parts_of(place)
    sheet = parts["xl/worksheets/sheet2.xml"]
    assert not re.search(r'<f[ >/]|t="(e|str)"', sheet)
    assert ' t="s"' not in parts["xl/worksheets/sheet1.xml"]
    assert sheet.count(' t="s"') == 6 * sum("x005F_" not in text for text in known)


def test_a_repeated_text_stands_once_in_the_workbook(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    often = ["told by many", "told by some & others"] * 4
    written(path, {"A": often, "B": [*often, "told by one"], "Ids": [f"id-{number}" for number in range(8)]})
    parts = parts_of(path)
    everything = "".join(parts.values())
    assert [everything.count(text) for text in ("told by many", "told by some &amp; others", "told by one")] == [
        1,
        1,
        1,
    ]
    assert parts[TABLE].endswith("<si><t>told by one</t></si></sst>")
    assert 'uniqueCount="3"' in parts[TABLE]
    assert "id-" not in parts[TABLE]
    assert everything.count("id-7") == 2
    assert read(path)["B"][1] == [*often, "told by one"]


def test_a_workbook_without_repeated_texts_has_no_table(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    written(path, {"Ids": ["a", "b", "c"]})
    parts = parts_of(path)
    assert TABLE not in parts
    assert "sharedStrings" not in "".join(parts.values())


def test_shared_texts_are_read_back_as_a_review_is(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    written(path, {"A": [" a\rb ", "_x0041_"] * 3})
    book = open_book(path, stream=True)
    assert [row[0].value for row in book["A"].iter_rows(min_row=2)] == [" a\nb ", "_x005F_x0041_"] * 3
    book.close()


def test_numbers_are_those_of_first_sight() -> None:
    shared = SharedTexts()
    assert [shared.number(text) for text in ("b", "a", "b", "_x005F_", "c")] == [0, 1, 0, None, 2]
