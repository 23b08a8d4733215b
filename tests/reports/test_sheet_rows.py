"""Rows written as XML are those that openpyxl would have written, cell by cell, but for the places of the cells."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree
from openpyxl.cell import WriteOnlyCell

from vbr_audit.spreadsheet.rows import CellColumn, DataSheet, append_columns
from vbr_audit.spreadsheet.sheet import SPACED, TOP, append_tall

VALUES: tuple[Any, ...] = (
    *("plain", " spaced ", "a\nb", "a\tb", "<&>\"'", "=1+1", "#N/A", "TRUE", "00123", "_x0041_", "\N{ROCKET}\u202e"),
    *(None, True, False, 0, -2, 1.5, 1e300, 10**14, 45_000.123456789, float("inf")),
)
STYLES: dict[str, dict[str, Any]] = {
    "plain": {},
    "a number format": {"number_format": "#,##0.00"},
    "an alignment": {"alignment": TOP},
}


def sheet_in(path: Path) -> bytes:
    with zipfile.ZipFile(path) as book:
        (name,) = (name for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
        sheet = etree.fromstring(book.read(name))
    for cell in sheet.findall(".//{*}c"):
        place = cell.attrib.pop("r", None)
        if place is None and not cell.attrib and not len(cell):  # what holds the place of an empty one
            cell.getparent().remove(cell)
    return bytes(etree.tostring(sheet, method="c14n"))


def saved(path: Path, fill: Any) -> bytes:
    book: Any = openpyxl.Workbook(write_only=True)
    sheet = DataSheet(book, "x")
    book._add_sheet(sheet)
    fill(sheet)
    book.save(path)
    return sheet_in(path)


def cell_of(sheet: Any, value: Any, style: dict[str, Any]) -> Any:
    cell = WriteOnlyCell(sheet, value=value)
    for name, part in style.items():
        setattr(cell, name, part)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


@pytest.mark.parametrize("style", STYLES)
def test_rows_are_those_of_openpyxl(style: str, tmp_path: Path) -> None:
    rows = list(itertools.zip_longest(VALUES, VALUES[::-1]))

    def by_cell(sheet: Any) -> None:
        sheet.append(["head", "head"])
        for row in rows:
            sheet.append([None if value is None else cell_of(sheet, value, STYLES[style]) for value in row])

    def by_column(sheet: Any) -> None:
        sheet.append(["head", "head"])
        model = cell_of(sheet, None, STYLES[style])
        append_columns(sheet, [CellColumn(column, model) for column in zip(*rows, strict=True)], 2)

    assert saved(tmp_path / "b.xlsx", by_column) == saved(tmp_path / "a.xlsx", by_cell)


def test_values_are_read_back_at_their_places(tmp_path: Path) -> None:
    columns = [(None, "a", None), ("b", None, None), (True, 1, None), (None, None, "c")]
    saved(
        tmp_path / "a.xlsx",
        lambda sheet: append_columns(sheet, [CellColumn(each, WriteOnlyCell(sheet)) for each in columns], 1),
    )
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["x"]
    read = [[sheet.cell(row, column).value for row in (1, 2, 3)] for column in (1, 2, 3, 4)]
    assert read == [list(each) for each in columns]
    assert [type(value) for value in read[2][:2]] == [bool, int]


def test_a_carriage_return_and_a_blank_text_survive(tmp_path: Path) -> None:
    saved(tmp_path / "a.xlsx", lambda sheet: append_columns(sheet, [CellColumn(["a\rb", ""], WriteOnlyCell(sheet))], 1))
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["x"]
    assert [cell.value for cell in sheet["A"]] == ["a\rb", None]


def test_rows_are_as_high_as_their_longest_text(tmp_path: Path) -> None:
    texts, widths = ["short", "word " * 20, "a\nb\nc", "x" * 30_000, None], (20.0, 30.0)

    def by_cell(sheet: Any) -> None:
        for number, text in enumerate(texts, 1):
            row = [None if text is None else cell_of(sheet, text, {"alignment": SPACED}), number]
            append_tall(sheet, number, row, widths)

    def by_column(sheet: Any) -> None:
        model = cell_of(sheet, None, {"alignment": SPACED})
        columns = [CellColumn(texts, model), CellColumn(range(1, len(texts) + 1), WriteOnlyCell(sheet))]
        append_columns(sheet, columns, 1, widths)

    made = saved(tmp_path / "b.xlsx", by_column)
    assert made == saved(tmp_path / "a.xlsx", by_cell)
    assert made.count(b'customHeight="1"') == 3


def test_many_rows_are_handed_on_in_parts(tmp_path: Path) -> None:
    saved(tmp_path / "a.xlsx", lambda sheet: append_columns(sheet, [CellColumn(range(1_234), WriteOnlyCell(sheet))], 1))
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["x"]
    assert [cell.value for cell in sheet["A"]] == list(range(1_234))
