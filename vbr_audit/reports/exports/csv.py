"""The findings as rows of text, `findings.csv`: safe to open in a spreadsheet, safe to show on a terminal."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from vbr_audit.collection.files import write_pieces
from vbr_audit.display import plain
from vbr_audit.reports.exports.encoding import plain_values
from vbr_audit.reports.interface import Format, ReportOptions
from vbr_audit.tables.build.schema import STRING

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width ones count too
"""A spreadsheet may run a cell that begins like this; in the CSV an apostrophe stands before it."""
_GUARDED: Final = (*FORMULA_STARTS, "'")
_QUOTED: Final = re.compile('[,"\r\n]')
_WORDS: Final = {None: "", True: "True", False: "False"}
_SHORT_KINDS: Final = frozenset({bool, type(None)})
_ROWS_AT_ONCE: Final = 10_000
"""Number of rows whose cells are made at a time: few enough that the texts of numbers and moments never pile up."""
_SAFE_KINDS: Final = "biufM"
"""Numbers, truths and moments: none of them is text of a server."""


def findings_csv(context: ReportContext, *, bom: bool = False) -> Iterator[bytes]:
    """The findings as RFC 4180 text in UTF-8, some thousand lines at a time.

    `bom` puts a byte order mark first, which Excel needs to see UTF-8. A cell that begins with one of `FORMULA_STARTS`,
    or with an apostrophe, has one more apostrophe before it: taking one away gives the text again. Control characters
    and marks of text direction are shown as pictures or code points (`findings.json` has them as they came). What is
    not known is an empty cell; moments are ISO 8601 with their offset.
    """
    return csv_pieces(context.results.findings, bom=bom)


def csv_text(frame: pd.DataFrame) -> str:
    """A table as RFC 4180 text, its texts guarded as those of the findings are."""
    return "".join(_lines(frame))


def csv_pieces(frame: pd.DataFrame, *, bom: bool = False) -> Iterator[bytes]:
    """`csv_text` in UTF-8, with a byte order mark if asked for, some thousand lines at a time.

    That of a large table has hundreds of megabytes.
    """
    yield codecs.BOM_UTF8 if bom else b""
    for lines in _lines(frame):
        yield lines.encode()


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    """The lines of a table, some thousand at a time.

    They are joined here: the writer of the standard library looks at each letter of each cell.
    """
    yield _joined([[_quoted(_cell(str(name)))] for name in frame.columns])
    cells_of = [_cells_of(column) for _, column in frame.items()]
    for start in range(0, len(frame), _ROWS_AT_ONCE):
        part = frame.iloc[start : start + _ROWS_AT_ONCE]
        yield _joined([cells(plain_values(column)) for cells, (_, column) in zip(cells_of, part.items(), strict=True)])


def _joined(columns: Sequence[Sequence[str]]) -> str:
    """The lines of these columns of cells; an only cell that is empty is quoted, as an empty line is no row."""
    if len(columns) == 1:
        columns = [[cell or '""' for cell in columns[0]]]
    return "\r\n".join([*map(",".join, zip(*columns, strict=True)), ""])


def _cells_of(column: pd.Series) -> Callable[[list[Any]], Sequence[str]]:
    """What makes cells of the plain values of a column."""
    if column.dtype == STRING:
        return _TextCells().all
    if column.dtype.kind in _SAFE_KINDS:
        return _number_cells
    return lambda values: [_quoted(_cell(value)) for value in values]


def _number_cells(values: list[Any]) -> Sequence[str]:
    if set(map(type, values)) <= _SHORT_KINDS:
        return list(map(_WORDS.__getitem__, values))
    return ["" if value is None else str(value) for value in values]


class _TextCells(dict[str | None, str]):
    """The cell of each text of a column, made once for all that are equal; of None, an empty one."""

    def __init__(self) -> None:
        super().__init__({None: ""})

    def __missing__(self, text: str | None) -> str:
        cell = self[text] = _quoted(_cell(text))
        return cell

    def all(self, values: list[Any]) -> Sequence[str]:
        """The cells of `values`, which are texts or None."""
        texts = set(values)
        missing = None in texts
        texts.discard(None)
        if not texts:
            return [""] * len(values)
        if _are_cells(texts):
            return ["" if text is None else text for text in values] if missing else values
        return list(map(self.__getitem__, values))


def _are_cells(texts: set[str]) -> bool:
    """Whether each of `texts` is its own cell; looked at together, as ids are that hardly repeat."""
    together = " ".join(texts)
    if not (together.isascii() and together.isprintable()) or "," in together or '"' in together:
        return False
    return "" not in texts and set(map(itemgetter(0), texts)).isdisjoint(_GUARDED)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell


def _cell(value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = plain(value, lines=True)
    return f"'{text}" if text.startswith(_GUARDED) else text


def _write(context: ReportContext, path: Path, options: ReportOptions) -> None:
    write_pieces(path, findings_csv(context, bom=options.csv_bom))


CSV: Final = Format("csv", "findings.csv", 60, _write, by_default=True)
