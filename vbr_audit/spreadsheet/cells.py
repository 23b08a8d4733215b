"""What goes into a cell: text stays text, numbers stay numbers, dates become the spreadsheet's own.

A spreadsheet turns `=…` into a live formula and `#N/A` into an error, cuts long text without a word and refuses
control characters. `CellGuard` is the one gate that all data passes on its way into a workbook.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES

from vbr_audit.checks.logic.codes import Codes, codes_of

Sheet: TypeAlias = Any
"""A write-only sheet of openpyxl, whose published types lack most of its attributes."""
MAX_TEXT = 32_767
"""The longest text that a cell holds."""
MAX_EXACT = 999_999_999_999_999
"""The largest whole number that a spreadsheet shows digit by digit."""
DATE_FORMAT = "yyyy-mm-dd hh:mm:ss"
TEXTS = frozenset({str, type(None)})
"""The types in a column of text."""

_EPOCH = pd.Timestamp("1899-12-30")
_SECONDS_A_DAY = 86_400
_CARRIAGE_RETURN = re.compile(r"\r\n?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A spreadsheet reads `_x0041_` inside text as the character of that code; its own underscore shields it.
_ENCODED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


@dataclass
class CellGuard:
    """Makes text fit for a cell and counts what it had to change."""

    replaced: int = 0
    """Cells with a character that a workbook cannot hold, each shown as U+FFFD."""
    cut: int = 0
    """Cells cut to the longest text that a workbook can hold."""

    def text(self, value: str) -> str:
        """`value` as a cell can hold it: line breaks as line feeds, forbidden characters as U+FFFD, cut with a mark."""
        if len(value) <= MAX_TEXT and _is_plain(value):
            return value
        clean = _CARRIAGE_RETURN.sub("\n", value)
        clean, count = _FORBIDDEN.subn("\ufffd", clean)
        self.replaced += bool(count)
        clean = _ENCODED.sub("_x005F_", clean)
        if len(clean) <= MAX_TEXT:
            return clean
        self.cut += 1
        kept = MAX_TEXT - 40
        return f"{clean[:kept]}… [{len(clean) - kept:,} characters cut]"

    def texts(self, codes: Codes) -> list[str]:
        """The different texts of a column, each as its cells can hold it; all of its cells are counted."""
        texts: list[str] = codes.texts.tolist()
        if max(map(len, texts), default=0) <= MAX_TEXT and _is_plain(" ".join(texts)):
            return texts
        for at in [at for at, text in enumerate(texts) if len(text) > MAX_TEXT or not _is_plain(text)]:
            replaced, cut = self.replaced, self.cut
            texts[at] = self.text(texts[at])
            further = int(np.count_nonzero(codes.rows == at)) - 1
            self.replaced += (self.replaced - replaced) * further
            self.cut += (self.cut - cut) * further
        return texts


def _is_plain(text: str) -> bool:
    """Whether nothing in `text` is more than a cell can hold."""
    return text.isprintable() and "_x" not in text


def xml_text(text: str) -> str:
    """`text` without the characters that XML forbids, each shown as U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text)


def is_risky(text: str) -> bool:
    """Whether a spreadsheet library would take `text` for a formula or an error value."""
    return text.startswith("=") or text in ERROR_CODES


def text_cell(sheet: Sheet, text: str) -> Cell:
    """A cell that holds `text` as text, whatever it looks like."""
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


def guarded(sheet: Sheet, guard: CellGuard, value: Any) -> Any:
    """One value, ready to append: text through the guard, a cell only where the text looks like more."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    text = guard.text(value)
    return text_cell(sheet, text) if is_risky(text) else text


def number_values(values: Sequence[Any]) -> Sequence[Any]:
    """The numbers of a column; what a spreadsheet would round or cannot hold becomes text."""
    known = [value for value in values if value is not None]
    if all(map(math.isfinite, known)) and -MAX_EXACT <= min(known, default=0) <= max(known, default=0) <= MAX_EXACT:
        return values
    return [str(value) if value is not None and _is_beyond(value) else value for value in values]


def _is_beyond(value: Any) -> bool:
    return (isinstance(value, int) and abs(value) > MAX_EXACT) or (
        isinstance(value, float) and not math.isfinite(value)
    )


def serial_dates(column: pd.Series, zone: dt.tzinfo) -> list[float | None]:
    """Aware moments as the day numbers of a spreadsheet on the clock of `zone`, cut to the second; None for NaT."""
    local = column.dt.tz_convert(zone).dt.tz_localize(None)
    seconds = (local - _EPOCH) // pd.Timedelta(seconds=1)
    return [None if math.isnan(value) else value / _SECONDS_A_DAY for value in seconds.astype("float64").tolist()]


def python_values(column: pd.Series) -> list[Any]:
    """The column as plain Python values, with None for what is missing."""
    missing: Any = None  # the stubs of pandas do not know that it may stand for what is missing
    values: list[Any] = column.to_numpy(dtype=object, na_value=missing).tolist()
    return values


def text_codes(column: pd.Series) -> Codes:
    """The different texts of a column and which of them each row holds; values that are no texts are told by `str`."""
    if isinstance(column.dtype, pd.StringDtype):
        return codes_of(column)
    values = python_values(column)
    return codes_of(pd.Series([None if value is None else str(value) for value in values], dtype=object))
