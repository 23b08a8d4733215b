"""One data sheet: a real table from row 1 on, with a frozen header, filters, widths and a page setup."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, cast

import numpy as np
import pandas as pd
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableStyleInfo

from vbr_audit.display import shorten
from vbr_audit.spreadsheet.book import StreamedBook
from vbr_audit.spreadsheet.cells import (
    DATE_FORMAT,
    CellGuard,
    Sheet,
    number_values,
    python_values,
    serial_dates,
    text_cell,
    text_codes,
)
from vbr_audit.spreadsheet.rows import HIGHEST, LINE_HEIGHT, CellColumn, append_columns, lines_of
from vbr_audit.tables.build.schema import STRING

A4 = 9
"""The number of that paper size in a workbook."""
FOOTER_LENGTH = 100
"""Characters; a workbook allows 255 for the whole footer."""
PAGE_WIDTH = 100
"""Number of characters beside each other on a page of A4 at full size; a narrower sheet is not enlarged."""
WHOLE_WIDTH = 300
"""A sheet up to this width is printed with all its columns, at half its size or more."""
PRINT_WIDTH = 280
"""Of a wider one, the first columns up to this width are printed."""
PRINT_ROWS = 1_000
"""Maximum number of rows of a sheet that are printed, as many as a table of the page shows."""
TEXT_POINTS = 11
BOLD_ROOM = 0.9
"""So much of a text fits into a line when it is bold."""
DURATION_FORMAT = "[h]:mm:ss"
"""For values in days."""
DAY_FORMAT = "yyyy-mm-dd"
TRUTH_FORMAT = '"TRUE";"TRUE";"FALSE"'
"""For truth values: LibreOffice shows some of them as 1 and 0 without it."""
_SAMPLED = 300
"""Rows that the width of a column is taken from."""
MAX_ROWS = 1_000_000
"""Rows of one sheet; what is more goes on in `Name 2`, `Name 3`."""

_KINDS = {DURATION_FORMAT: "time taken", DAY_FORMAT: "day"}

HEADER_FONT = Font(name="Calibri", bold=True, color="FFFFFF")
HEADER_FILL = PatternFill("solid", fgColor="1F3A5F")
TOP = Alignment(vertical="top")
WRAPPED = Alignment(vertical="top", wrap_text=True)
SPACED = Alignment(horizontal="left", indent=1, vertical="top", wrap_text=True)
"""For texts beside numbers."""
WHOLE_FORMAT = "#,##0"

_TONES = {
    "critical": ("FFFFFF", "8C1D12"),
    "high": ("7A1F04", "F9C9B4"),
    "medium": ("6B4500", "FBF1DC"),
    "low": ("444B54", "EEF0F2"),
    "bad": ("7A1F04", "FBE3D9"),
    "open": ("46307A", "EAE3F6"),
    "accepted": ("0A4480", "DDEBFA"),
    "good": ("00523E", "DDF1EA"),
}
_WORDS = {
    **{severity: (severity,) for severity in ("critical", "high", "medium", "low")},
    "bad": (
        *("FAIL", "ERROR", "failed", "denied", "Failed", "expired", "fits nothing", "too long"),
        *("exception", "Violation", "Infected", "no"),
    ),
    "open": (
        *("UNKNOWN", "partial", "absent", "Warning", "ends within 30 days", "insufficient evidence", "Suspicious"),
        *("UnableToCheck", "Open"),
    ),
    "accepted": ("WAIVED", "exception, accepted", "Suppressed", "suppressed", "Accepted"),
    "good": ("PASS", "complete", "Success", "in force", "supports", "Clean", "OK", "yes", "Fixed"),
}


@dataclass(frozen=True)
class SheetColumn:
    """One column of a sheet: its header, its values and how they are shown; `help` and `source` are for the Dictionary.

    `number_format` is a spreadsheet's; `choices` are the words that a reader may enter, from a list in each cell.
    """

    header: str
    values: pd.Series
    coloured: bool = False
    help: str = ""
    source: str = ""
    number_format: str | None = None
    choices: tuple[str, ...] = ()
    width: float | None = None

    @property
    def kind(self) -> str:
        """What sort of value it holds, in words."""
        if self.number_format in _KINDS:
            return _KINDS[self.number_format]
        dtype = self.values.dtype
        if isinstance(dtype, pd.DatetimeTZDtype):
            return "date and time"
        if pd.api.types.is_bool_dtype(dtype):
            return "yes or no"
        if pd.api.types.is_integer_dtype(dtype):
            return "whole number"
        return "number" if pd.api.types.is_numeric_dtype(dtype) else "text"


@dataclass(frozen=True)
class SheetPlan:
    """One data sheet: its name, the name of its table, its columns, how many stay in view, and what a row is.

    With `wrap`, long texts take several lines; else no column is wider than `widest` characters. `tab` is the colour of
    its tab.
    """

    name: str
    table: str
    columns: tuple[SheetColumn, ...]
    frozen: int
    footer: str = ""
    wrap: bool = False
    widest: float = 60
    help: str = ""
    tab: str | None = None

    @property
    def rows(self) -> int:
        """How many rows the sheet has, without its header."""
        return len(self.columns[0].values)


def write_sheets(book: StreamedBook, plan: SheetPlan, zone: dt.tzinfo, guard: CellGuard) -> list[str]:
    """Write `plan` as one sheet, or as several where it has more than `MAX_ROWS` rows; return their names."""
    starts = range(0, max(plan.rows, 1), MAX_ROWS)
    names = []
    for part, start in enumerate(starts, 1):
        suffix = "" if part == 1 else f" {part}"
        sheet = book.add_sheet(plan.name + suffix)
        stop = min(start + MAX_ROWS, plan.rows)
        sheet.covers = f"A1:{get_column_letter(len(plan.columns))}{max(stop - start, 1) + 1}"
        _write_sheet(sheet, plan, plan.table + suffix.strip(), slice(start, stop), zone, guard)
        book.finish(sheet)
        names.append(sheet.title)
    return names


def _write_sheet(sheet: Sheet, plan: SheetPlan, table: str, part: slice, zone: dt.tzinfo, guard: CellGuard) -> None:
    rows = part.stop - part.start
    widths = [_width(column, part, most=38 if plan.wrap else plan.widest) for column in plan.columns]
    columns = printed_columns(widths, plan.frozen)
    printed = min(rows, PRINT_ROWS)
    words = _paper_words(printed, rows, columns, len(widths))
    set_up_page(sheet, plan.footer, words, header_rows="1:1", is_wide=sum(widths[:columns]) > PAGE_WIDTH)
    sheet.print_area = f"A1:{get_column_letter(columns)}{max(printed, 1) + 1}"
    sheet.sheet_properties.tabColor = plan.tab
    sheet.freeze_panes = f"{get_column_letter(plan.frozen + 1)}2"
    for index, column in enumerate(plan.columns, 1):
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].width = widths[index - 1]
        cells = f"{letter}2:{letter}{max(rows, 1) + 1}"
        if column.coloured:
            colour_words(sheet, cells, words_of(_rows(column.values, part), column.choices))
        if column.choices:
            offer_choices(sheet, cells, column.choices)
    add_table(sheet, table, 1, rows, [column.header for column in plan.columns])
    sheet.row_dimensions[1].height = 2 * LINE_HEIGHT
    head = [SPACED if plan.wrap and column.values.dtype == STRING else WRAPPED for column in plan.columns]
    sheet.append([header_cell(sheet, column.header, at) for column, at in zip(plan.columns, head, strict=True)])
    if rows == 0:
        sheet.append([])
    shown = [_cells(sheet, column, part, zone, guard, wrap=plan.wrap) for column in plan.columns]
    append_columns(sheet, shown, 2, widths if plan.wrap else (), sheet.parent.shared)


def _rows(values: pd.Series, part: slice) -> pd.Series:
    """The values of these rows; a sheet mostly has all of them, which need not be taken out."""
    return values if part.stop - part.start == len(values) else values.iloc[part]


def append_tall(sheet: Sheet, number: int, row: Sequence[Any], widths: Sequence[float]) -> None:
    """Append row `number`, as high as its longest wrapped or largest text: not every program finds it by itself."""
    lines, points = 1.0, TEXT_POINTS
    for cell, width in zip(row, widths, strict=False):
        value = getattr(cell, "value", cell)
        room = width - 2
        if isinstance(cell, Cell):
            size = cell.font.size or TEXT_POINTS
            points = max(points, size)
            room = room * TEXT_POINTS / size * (BOLD_ROOM if cell.font.bold else 1)
        if isinstance(value, str) and (len(value) > room or "\n" in value) and _wraps(cell):
            lines = max(lines, lines_of(value, room))
    if lines > 1 or points > TEXT_POINTS:
        sheet.row_dimensions[number].height = min(lines * LINE_HEIGHT * points / TEXT_POINTS, HIGHEST)
    sheet.append(row)
    sheet.row_dimensions.pop(number, None)


def _wraps(cell: Any) -> bool:
    return isinstance(cell, Cell) and bool(cell.alignment.wrap_text)


def add_table(sheet: Sheet, name: str, first_row: int, rows: int, headers: list[str]) -> None:
    """Make an Excel table of `rows` rows (at least one) under its header in `first_row`, with filters."""
    last = get_column_letter(len(headers))
    table: Any = Table(displayName=name, ref=f"A{first_row}:{last}{first_row + max(rows, 1)}")
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=True)
    table._initialise_columns()
    for column, header in zip(table.tableColumns, headers, strict=True):
        column.name = header
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="In write-only mode you must add table columns manually")
        sheet.add_table(table)


def header_cell(sheet: Sheet, text: str, alignment: Alignment = WRAPPED) -> Cell:
    """A cell of a header row, which holds text whatever it looks like: a table may have names as its headers."""
    cell: Any = text_cell(sheet, text)
    styles = sheet.parent.header_styles
    known = styles.get(id(alignment))
    if known is None:
        cell.font, cell.fill, cell.alignment = HEADER_FONT, HEADER_FILL, alignment
        styles[id(alignment)] = alignment, copy(cell._style)
    else:
        cell._style = copy(known[1])
    return cast(Cell, cell)


def printed_columns(widths: Sequence[float], frozen: int) -> int:
    """How many of the columns are printed: all, or the first ones that can still be read on A4."""
    if sum(widths) <= WHOLE_WIDTH:
        return len(widths)
    fitting = sum(total <= PRINT_WIDTH for total in accumulate(widths))
    return max(fitting, frozen, 1)


def _paper_words(printed: int, rows: int, columns: int, all_columns: int) -> str:
    """What the header says where a sheet is not printed whole."""
    parts = [f"rows 1 to {printed:,} of {rows:,}"] if printed < rows else []
    parts += [f"the first {columns} of {all_columns} columns"] if columns < all_columns else []
    return f"On paper: {', '.join(parts)}; the sheet has all." if parts else ""


def set_up_page(
    sheet: Sheet, footer: str, paper: str = "", *, header_rows: str | None = None, is_wide: bool = True
) -> None:
    """Landscape A4 with narrow margins, a wide sheet shrunk to one page's width, `header_rows` on each page.

    The header tells `paper`: what of the sheet is printed; the footer tells `footer` and the page's number.
    """
    sheet.page_margins = PageMargins(left=0.35, right=0.35, top=0.5, bottom=0.7, header=0.25, footer=0.25)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=is_wide)
    sheet.print_title_rows = header_rows
    sheet.oddHeader.left.text = paper or None
    sheet.oddFooter.left.text = shorten(footer, FOOTER_LENGTH).replace("&", "&&")
    sheet.oddFooter.right.text = "&A, page &P of &N"


def colour_words(sheet: Sheet, cells: str, words: Collection[str]) -> None:
    """Colour those of `words` in `cells` that say how good a thing is; the word itself says the same."""
    for tone, known in _WORDS.items():
        ink, paper = _TONES[tone]
        for word in known:
            if word in words:
                style = DifferentialStyle(font=Font(bold=True, color=ink), fill=PatternFill("solid", bgColor=paper))
                rule = Rule("cellIs", operator="equal", formula=[f'"{word}"'], dxf=style)
                sheet.conditional_formatting.add(cells, rule)


def words_of(values: pd.Series, choices: Collection[str] = ()) -> set[str]:
    """The different words of a column, and those that may be entered into it."""
    return {str(word) for word in values.dropna().unique()} | set(choices)


def offer_choices(sheet: Sheet, cells: str, choices: Iterable[str]) -> None:
    """Let a reader choose one of `choices` in `cells`, and refuse anything else."""
    rule = DataValidation(
        type="list",
        formula1=f'"{",".join(choices)}"',
        allow_blank=True,
        showErrorMessage=True,
        errorTitle="Not on the list",
        error=f"Choose one of {', '.join(choices)}, or leave the cell empty.",
    )
    rule.add(cells)
    sheet.data_validations.append(rule)


def _cells(
    sheet: Sheet, column: SheetColumn, part: slice, zone: dt.tzinfo, guard: CellGuard, *, wrap: bool
) -> CellColumn:
    """The cells of one column, from the top."""
    values, model = _rows(column.values, part), WriteOnlyCell(sheet)
    if values.empty:
        return CellColumn((), model)
    if wrap:
        model.alignment = SPACED if values.dtype == STRING else TOP
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        model.number_format = DATE_FORMAT
        return CellColumn(serial_dates(values, zone), model)
    if column.number_format is not None:
        model.number_format = column.number_format
        return CellColumn(python_values(values), model)
    if pd.api.types.is_numeric_dtype(values.dtype):
        listed = python_values(values)
        return CellColumn(listed if wrap else number_values(listed), model)
    codes = text_codes(values)
    texts, rows = guard.texts(codes), codes.rows
    if not wrap and "" in texts:  # an empty text, which some programs mistake
        rows = np.where(rows == texts.index(""), -1, rows)
    return CellColumn(texts, model, rows)


def _width(column: SheetColumn, part: slice, most: float) -> float:
    """A width from the header and the first values, between 9 and `most` characters; the header may take two lines."""
    if isinstance(column.values.dtype, pd.DatetimeTZDtype):
        return 20
    if column.width is not None:
        return column.width
    if column.choices:
        return float(max(len(word) for word in (*column.choices, *column.header.split())) + 6)
    if column.number_format in _KINDS:
        return 14 + column.header.count("(")
    sample = _rows(column.values, slice(part.start, min(part.stop, part.start + _SAMPLED)))
    texts = {str(value) for value in python_values(sample) if value is not None} if len(sample) else ()
    longest = max((len(line) for text in texts for line in text.split("\n")[:3]), default=0)
    words = max(len(word) for word in column.header.split())
    return float(min(max(longest + 3, words + 5, len(column.header) / 2 + 4, 9), most))
