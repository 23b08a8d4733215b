"""Rows of a data sheet as XML, in one pass over its columns.

openpyxl makes an object of every cell; a run has half a million of them. The cells of a column differ in nothing but
their value, so that here each is a piece of text, made once for all that are equal: a cell tells no place, which
the format leaves to its order in the row, and which was half of a compressed sheet. What openpyxl knows, it still
writes: styles, tables, the sheet around its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import IO, Any, Final, cast

from openpyxl.cell import Cell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.dimensions import SheetDimension
from openpyxl.xml.constants import SHEET_MAIN_NS
from openpyxl.xml.functions import xmlfile

from vbr_audit.spreadsheet.cells import TEXTS

_AT_ONCE: Final = 500
"""Rows that are handed on together."""
LINE_HEIGHT: Final = 15
"""Points, for text of the usual size."""
HIGHEST: Final = 400
"""Points; a row is not higher, however long its texts."""
_EMPTY: Final = "<c/>"
"""What holds the place of a cell without a value."""


@dataclass(frozen=True)
class CellColumn:
    """The values of a column from its first row on; `model` has the style of their cells."""

    values: Iterable[Any]
    model: Cell

    @property
    def wraps(self) -> bool:
        """Whether a long text takes several lines."""
        return bool(self.model.alignment.wrap_text)


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


def append_columns(sheet: DataSheet, columns: Sequence[CellColumn], first: int, widths: Sequence[float] = ()) -> None:
    """Append the rows that `columns` make, from row `first` on; with `widths`, as high as their wrapped texts."""
    listed = [list(column.values) for column in columns]
    cells = [_cells(column, values) for column, values in zip(columns, listed, strict=True)]
    heights = _heights(columns, listed, widths) if widths else repeat("")
    rows = (
        f'<row r="{number}"{height}>{"".join(row)}</row>'
        for number, (height, row) in enumerate(zip(heights, zip(*cells, strict=True), strict=False), first)
    )
    while part := "".join(islice(rows, _AT_ONCE)):
        sheet.append_xml(part)


def lines_of(text: str, room: float) -> float:
    """The lines that a wrapped text takes where so many characters stand beside each other."""
    return sum(-(-max(len(line), 1) // max(room, 1)) for line in text.split("\n"))


def _heights(columns: Sequence[CellColumn], listed: Sequence[list[Any]], widths: Sequence[float]) -> list[str]:
    """The attributes that make each row as high as its longest wrapped text: not every program finds it by itself."""
    lines = [1.0] * len(listed[0])
    for column, values, width in zip(columns, listed, widths, strict=True):
        tall = _tall(values, width - 2) if column.wraps else {}
        for at, value in enumerate(values if tall else ()):
            if value in tall:
                lines[at] = max(lines[at], tall[value])
    attributes = {most: _height(most) for most in set(lines)}
    return [attributes[most] for most in lines]


def _height(lines: float) -> str:
    return f' ht="{min(lines * LINE_HEIGHT, HIGHEST):g}" customHeight="1"' if lines > 1 else ""


def _tall(values: Iterable[Any], room: float) -> dict[str, float]:
    """The lines of each of the texts that take several."""
    texts = [value for value in set(values) if isinstance(value, str)]
    return {text: lines_of(text, room) for text in texts if len(text) > room or "\n" in text}


def _cells(column: CellColumn, values: Sequence[Any]) -> Iterator[str]:
    """The cells of one column, each empty where nothing is known."""
    kinds = set(map(type, values))
    is_used = kinds > {type(None)} or type(None) not in kinds  # a style that no cell has would stand in the file
    style = f' s="{column.model.style_id}"' if is_used and column.model.has_style else ""
    if kinds <= TEXTS:
        return map(_Cells(style, _text_cell).__getitem__, values)
    if len(kinds - {type(None)}) == 1:
        return map(_Cells(style, _number_cell).__getitem__, values)
    # numbers of two types can be equal, and are two cells
    return (_text_cell(style, value) if type(value) in TEXTS else _number_cell(style, value) for value in values)


class _Cells(dict[Any, str]):
    """The cell of each value of a column; and of None, an empty one."""

    def __init__(self, style: str, cell: Callable[[str, Any], str]) -> None:
        super().__init__({None: _EMPTY})
        self._style, self._cell = style, cell

    def __missing__(self, value: Any) -> str:
        cell = self[value] = self._cell(self._style, value)
        return cell


def _number_cell(style: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c{style} t="b"><v>{value:d}</v></c>'
    text = f"{value:.16g}"
    return f'<c{style} t="n"><v>{"" if text in ("inf", "-inf", "nan") else text}</v></c>'


def _text_cell(style: str, text: str | None) -> str:
    if text is None:
        return _EMPTY
    if not text:
        return f'<c{style} t="n"/>'
    kept = ' xml:space="preserve"' if text[0].isspace() or text[-1].isspace() else ""
    # XML would read a carriage return as a line feed
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return f'<c{style} t="inlineStr"><is><t{kept}>{escaped}</t></is></c>'
