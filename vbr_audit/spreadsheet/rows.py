"""Rows of a data sheet as XML, in one pass over its columns.

openpyxl makes an object of every cell; a run has half a million of them. The cells of a column differ in nothing but
their value, so that here each is a piece of text, made once for all that are equal: a cell tells no place, which
the format leaves to its order in the row, and which was half of a compressed sheet. A text that a column repeats
stands in the workbook once, for all sheets. What openpyxl knows, it still writes: styles, tables, the sheet around its
rows.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np
import pandas as pd
from openpyxl.cell import Cell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.dimensions import SheetDimension
from openpyxl.xml.constants import SHEET_MAIN_NS
from openpyxl.xml.functions import xmlfile

from vbr_audit.checks.logic.codes import Cells
from vbr_audit.spreadsheet.cells import TEXTS
from vbr_audit.spreadsheet.shared_texts import SharedTexts, text_elements

_AT_ONCE: Final = 500
"""Rows that are handed on together."""
LINE_HEIGHT: Final = 15
"""Points, for text of the usual size."""
HIGHEST: Final = 400
"""Points; a row is not higher, however long its texts."""
_EMPTY: Final = "<c/>"
"""What holds the place of a cell without a value."""


_REPEATED: Final = 2
"""A column shares its texts where each stands in so many of its cells, on the average; ids mostly stand in one."""


@dataclass(frozen=True)
class CellColumn:
    """The values of a column from its first row on; `model` has the style of their cells.

    With `rows`, an array of integers, `values` are the different texts, and `rows` say which one each row holds, -1 for
    an empty cell.
    """

    values: Iterable[Any]
    model: Cell
    rows: Cells | None = None

    @property
    def wraps(self) -> bool:
        """Whether a long text takes several lines."""
        return bool(self.model.alignment.wrap_text)


@dataclass(frozen=True)
class _Texts:
    """A column of texts: the different ones, which of them each row holds (-1 for none), whether they take lines."""

    texts: list[str]
    rows: Cells
    style: str
    wraps: bool


@dataclass(frozen=True)
class _Values:
    """A column of other values, with None for an empty cell."""

    values: list[Any]
    style: str


class DataSheet(WriteOnlyWorksheet):
    """A write-only sheet that also takes rows which are XML already; `covers` are its cells, if they are known."""

    covers: str | None = None

    def append_xml(self, rows: str) -> None:
        """Append `row` elements, complete with their numbers; no other rows may follow them."""
        self.append((_Rows(rows),))

    def _get_writer(self) -> None:
        """What openpyxl does, with a writer whose file is at hand."""
        sheet = cast(Any, self)
        if sheet._writer is None:
            sheet._writer = _FileWriter(self)
            sheet._writer.write_top()

    def _write_rows(self) -> Generator[None, Any, None]:
        """What openpyxl does with each row, but for rows as XML."""
        writer = cast(Any, self)._writer
        stream = writer.xf.send(True)
        with stream.element("sheetData"):
            number = 1
            try:
                while True:
                    row = yield
                    if isinstance(row[0] if row else None, _Rows):
                        stream.flush()  # what stands before them
                        writer.file.write(row[0].xml.encode())
                        continue
                    writer.write_row(stream, cast(Any, self)._values_to_row(row, number), number)
                    number += 1
            except GeneratorExit:
                pass
        writer.xf.send(None)


class _FileWriter(WorksheetWriter):
    """openpyxl's writer of a sheet, with its file open for what is XML already: to parse that again is slow."""

    file: IO[bytes]

    def write_dimensions(self) -> None:
        """Tell the cells of the sheet, such as `A1:F9`: who opens it need not look for its end first."""
        sheet = cast(DataSheet, self.ws)
        if sheet.covers is not None:
            self.xf.send(SheetDimension(sheet.covers).to_tree())

    def get_stream(self) -> Generator[Any, Any, None]:
        """What openpyxl does, over a file of ours."""
        with (
            Path(cast(Any, self).out).open("wb") as self.file,
            xmlfile(self.file) as stream,
            stream.element("worksheet", xmlns=SHEET_MAIN_NS),
        ):
            try:
                while True:
                    element = yield
                    if element is True:
                        yield stream
                    elif element is not None:
                        stream.write(element)
            except GeneratorExit:
                pass


@dataclass(frozen=True)
class _Rows:
    xml: str


def append_columns(
    sheet: DataSheet,
    columns: Sequence[CellColumn],
    first: int,
    widths: Sequence[float] = (),
    shared: SharedTexts | None = None,
) -> None:
    """Append the rows that `columns` make, from row `first` on; with `widths`, as high as their wrapped texts.

    Texts that a column repeats go into `shared`, if it is given.
    """
    coded = [_coded(column) for column in columns]
    cells = [_text_cells(each, shared) if isinstance(each, _Texts) else _value_cells(each) for each in coded]
    heights = _heights(coded, widths) if widths else repeat("")
    rows = (
        f'<row r="{number}"{height}>{"".join(row)}</row>'
        for number, (height, row) in enumerate(zip(heights, zip(*cells, strict=True), strict=False), first)
    )
    while part := "".join(islice(rows, _AT_ONCE)):
        sheet.append_xml(part)


def lines_of(text: str, room: float) -> float:
    """The lines that a wrapped text takes where so many characters stand beside each other."""
    return sum(-(-max(len(line), 1) // max(room, 1)) for line in text.split("\n"))


def _heights(columns: Sequence[_Texts | _Values], widths: Sequence[float]) -> list[str]:
    """The attributes that make each row as high as its longest wrapped text: not every program finds it by itself."""
    most = np.ones(len(columns[0].rows if isinstance(columns[0], _Texts) else columns[0].values))
    for column, width in zip(columns, widths, strict=True):
        if isinstance(column, _Texts) and column.wraps:
            room = width - 2
            lines = [lines_of(text, room) if len(text) > room or "\n" in text else 1.0 for text in column.texts]
            np.maximum(most, np.array([*lines, 1.0])[column.rows], out=most)
    different, rows = np.unique(most, return_inverse=True)
    return _spread([_height(lines) for lines in different.tolist()], rows)


def _height(lines: float) -> str:
    return f' ht="{min(lines * LINE_HEIGHT, HIGHEST):g}" customHeight="1"' if lines > 1 else ""


def _spread(texts: list[str], rows: Cells) -> list[str]:
    """The text of each row, by their numbers."""
    spread: list[str] = np.array(texts, dtype=object)[rows].tolist()
    return spread


def _coded(column: CellColumn) -> _Texts | _Values:
    """The column as its different texts, or as its values where these are no texts."""
    values, rows = list(column.values), column.rows
    kinds = set(map(type, values))
    if rows is None and kinds <= TEXTS:
        rows, different = pd.factorize(np.array(values, dtype=object))
        values = list(different)
    # a style that no cell has would stand in the file
    is_used = bool(rows.max(initial=-1) >= 0) if rows is not None else kinds > {type(None)} or type(None) not in kinds
    style = f' s="{column.model.style_id}"' if is_used and column.model.has_style else ""
    return _Values(values, style) if rows is None else _Texts(values, rows, style, column.wraps)


def _text_cells(column: _Texts, shared: SharedTexts | None) -> list[str]:
    """The cells of a column of texts, each empty where there is none."""
    style, filled = column.style, int(np.count_nonzero(column.rows >= 0))
    cells = [
        f'<c{style} t="inlineStr"><is>{element}</is></c>' if text else _blank(style)
        for text, element in zip(column.texts, text_elements(column.texts), strict=True)
    ]
    if shared is not None and _REPEATED * len(column.texts) <= filled:
        numbers = [shared.number(text) if text else None for text in column.texts]
        cells = [
            cell if number is None else f'<c{style} t="s"><v>{number}</v></c>'
            for number, cell in zip(numbers, cells, strict=True)
        ]
    return _spread([*cells, _EMPTY], column.rows)


def _blank(style: str) -> str:
    """The cell of an empty text."""
    return f'<c{style} t="n"/>'


def _value_cells(column: _Values) -> Iterator[str]:
    """The cells of a column of other values, each empty where nothing is known."""
    style, values = column.style, column.values
    if len(set(map(type, values)) - {type(None)}) == 1:
        return map(_NumberCells(style).__getitem__, values)
    # numbers of two types can be equal, and are two cells
    return (_text_cell(style, value) if type(value) in TEXTS else _number_cell(style, value) for value in values)


class _NumberCells(dict[Any, str]):
    """The cell of each number of a column; and of None, an empty one."""

    def __init__(self, style: str) -> None:
        super().__init__({None: _EMPTY})
        self._style = style

    def __missing__(self, value: Any) -> str:
        cell = self[value] = _number_cell(self._style, value)
        return cell


def _number_cell(style: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c{style} t="b"><v>{value:d}</v></c>'
    text = f"{value:.16g}"
    return f'<c{style} t="n"><v>{"" if text in ("inf", "-inf", "nan") else text}</v></c>'


def _text_cell(style: str, text: str | None) -> str:
    if text is None:
        return _EMPTY
    return f'<c{style} t="inlineStr"><is>{text_elements([text])[0]}</is></c>' if text else _blank(style)
