"""Rows of a data sheet as XML, in one pass over its columns.

openpyxl makes an object of every cell; a run has half a million of them. The cells of a column differ in nothing but
their value, so that here each is a piece of text. What openpyxl knows, it still writes: styles, tables, the sheet
around its rows.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, Final, cast
from xml.sax.saxutils import escape

from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.xml.functions import fromstring

_RETURN: Final = {"\r": "&#13;"}
"""XML would read it as a line feed."""
_AT_ONCE: Final = 500
"""Rows that are handed on together."""
LINE_HEIGHT: Final = 15
"""Points, for text of the usual size."""
HIGHEST: Final = 400
"""Points; a row is not higher, however long its texts."""


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
    """A write-only sheet that also takes rows which are XML already."""

    def append_xml(self, rows: str) -> None:
        """Append `row` elements, complete with their numbers; no other rows may follow them."""
        self.append((_Rows(rows),))

    def _write_rows(self) -> Generator[None, Any, None]:
        """What openpyxl does with each row, but for rows as XML."""
        sheet = cast(Any, self)
        stream = sheet._writer.xf.send(True)
        with stream.element("sheetData"):
            number = 1
            try:
                while True:
                    row = yield
                    if isinstance(row[0] if row else None, _Rows):
                        for element in fromstring(f"<rows>{row[0].xml}</rows>"):
                            stream.write(element)
                        continue
                    sheet._writer.write_row(stream, sheet._values_to_row(row, number), number)
                    number += 1
            except GeneratorExit:
                pass
        sheet._writer.xf.send(None)


@dataclass(frozen=True)
class _Rows:
    xml: str


def append_columns(sheet: DataSheet, columns: Sequence[CellColumn], first: int, widths: Sequence[float] = ()) -> None:
    """Append the rows that `columns` make, from row `first` on; with `widths`, as high as their wrapped texts."""
    listed = [list(column.values) for column in columns]
    cells = [_cells(column, values, at, first) for at, (column, values) in enumerate(zip(columns, listed, strict=True))]
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
        room = width - 2
        for at, value in enumerate(values if column.wraps else ()):
            if isinstance(value, str) and (len(value) > room or "\n" in value):
                lines[at] = max(lines[at], lines_of(value, room))
    return [f' ht="{min(most * LINE_HEIGHT, HIGHEST):g}" customHeight="1"' if most > 1 else "" for most in lines]


def _cells(column: CellColumn, values: Sequence[Any], at: int, first: int) -> Iterator[str]:
    """The cells of one column, each empty where nothing is known."""
    letter = get_column_letter(at + 1)
    is_used = any(value is not None for value in values)  # a style that no cell has would stand in the file
    style = f' s="{column.model.style_id}"' if is_used and column.model.has_style else ""
    for number, value in enumerate(values, first):
        if value is None:
            yield ""
        elif isinstance(value, str):
            yield _text_cell(f'<c r="{letter}{number}"{style}', value)
        elif isinstance(value, bool):
            yield f'<c r="{letter}{number}"{style} t="b"><v>{value:d}</v></c>'
        else:
            yield f'<c r="{letter}{number}"{style} t="n"><v>{_number_text(value)}</v></c>'


def _text_cell(start: str, text: str) -> str:
    if not text:
        return f'{start} t="n"/>'
    kept = ' xml:space="preserve"' if text[0].isspace() or text[-1].isspace() else ""
    return f'{start} t="inlineStr"><is><t{kept}>{escape(text, _RETURN)}</t></is></c>'


def _number_text(value: float) -> str:
    text = f"{value:.16g}"
    return "" if text in ("inf", "-inf", "nan") else text
