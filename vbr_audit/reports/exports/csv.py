"""The findings as rows of text, `findings.csv`: safe to open in a spreadsheet, safe to show on a terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from vbr_audit.collection.files import write_bytes
from vbr_audit.display import plain
from vbr_audit.reports.exports.encoding import plain_values
from vbr_audit.reports.interface import Format, ReportOptions
from vbr_audit.tables.build.schema import STRING

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width ones count too
"""A spreadsheet may run a cell that begins like this; in the CSV an apostrophe stands before it."""
_GUARDED: Final = (*FORMULA_STARTS, "'")
_SAFE_KINDS: Final = "biufM"
"""Numbers, truths and moments: none of them is text of a server."""


def findings_csv(context: ReportContext, *, bom: bool = False) -> bytes:
    """The findings as RFC 4180 text in UTF-8; `bom` puts a byte order mark first, which Excel needs to see UTF-8.

    A cell that begins with one of `FORMULA_STARTS`, or with an apostrophe, has one more apostrophe before it: taking
    one away gives the text again. Control characters and marks of text direction are shown as pictures or code points
    (`findings.json` has them as they came). What is not known is an empty cell; moments are ISO 8601 with their offset.
    """
    return csv_text(context.results.findings).encode("utf-8-sig" if bom else "utf-8")


def csv_text(frame: pd.DataFrame) -> str:
    """A table as RFC 4180 text, its texts guarded as those of the findings are."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([_cell(str(name)) for name in frame.columns])
    writer.writerows(zip(*(_cells(frame.iloc[:, place]) for place in range(frame.shape[1])), strict=True))
    return stream.getvalue()


def _cells(column: pd.Series) -> Iterable[Any]:
    """The cells of a column, None for what is not known; a text is looked at once for all that are equal."""
    values = plain_values(column)
    if column.dtype == STRING:
        return map(_TextCells().__getitem__, values)
    return values if column.dtype.kind in _SAFE_KINDS else map(_cell, values)


class _TextCells(dict[Any, str]):
    """The cell of each text; and of None, an empty one."""

    def __init__(self) -> None:
        super().__init__({None: ""})

    def __missing__(self, text: str) -> str:
        cell = self[text] = _cell(text)
        return cell


def _cell(value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = plain(value, lines=True)
    return f"'{text}" if text.startswith(_GUARDED) else text


def _write(context: ReportContext, path: Path, options: ReportOptions) -> None:
    write_bytes(path, findings_csv(context, bom=options.csv_bom))


CSV: Final = Format("csv", "findings.csv", 60, _write, by_default=True)
