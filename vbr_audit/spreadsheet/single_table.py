"""Any table of pandas as a workbook that is safe to open: text stays text, dates and numbers have their type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pandas as pd

from vbr_audit.collection.files import replacing
from vbr_audit.config.settings import load_settings
from vbr_audit.display import encodable, is_known, time_zone
from vbr_audit.errors import ConfigurationError
from vbr_audit.spreadsheet.book import streamed_book
from vbr_audit.spreadsheet.cells import DATE_FORMAT, CellGuard, serial_dates
from vbr_audit.spreadsheet.sheet import (
    DURATION_FORMAT,
    TRUTH_FORMAT,
    SheetColumn,
    SheetPlan,
    write_sheets,
)
from vbr_audit.tables.build.arrays import STRING

_MOST_COLUMNS: Final = 16_384
_LONGEST_HEADER: Final = 255
_DAY_S: Final = 86_400


def to_excel(frame: pd.DataFrame, path: str | Path, *, timezone: str | None = None) -> Path:
    """Write any DataFrame as a workbook of one sheet, a table with filters; return the path.

    An index with a name becomes the first columns. Instants are dates on the clock of `timezone`, an IANA name such as
    `snapshot.timezone`; without it, of the setting `timezone`, else UTC. The header names the zone. Dates without a
    zone stay as they are; durations are hours, minutes and seconds; numbers and yes/no keep their type; all else is
    text, never a formula. NA is an empty cell. More than a million rows go on in further sheets. An existing file is
    replaced.

    Raises `ConfigurationError` for a zone that does not exist, and for no column or more than 16,384, and
    `OutputError`.
    """
    name = timezone or load_settings().timezone or "UTC"
    try:
        zone = time_zone(name)
    except ValueError as error:
        raise ConfigurationError(str(error), hint="Give an IANA name such as Europe/Berlin.") from None
    count = len(frame.columns) + sum(level is not None for level in frame.index.names)
    if not 0 < count <= _MOST_COLUMNS:
        raise ConfigurationError(
            f"a sheet cannot hold a table of {count:,} columns", hint=f"Keep 1 to {_MOST_COLUMNS:,} columns."
        )
    columns = tuple(_columns(_with_index(frame), name))
    with replacing(Path(path)) as part, streamed_book(part) as book:
        write_sheets(book, SheetPlan("Table", "tblTable", columns, 1), zone, CellGuard())
    return Path(path)


def _with_index(frame: pd.DataFrame) -> list[tuple[Any, pd.Series]]:
    """The columns by their labels, the levels of an index that has names in front."""
    levels = [frame.index.get_level_values(at) for at in range(frame.index.nlevels)]
    named = [(level.name, level.to_series(index=frame.index)) for level in levels if level.name is not None]
    return [*named, *((label, frame.iloc[:, at]) for at, label in enumerate(frame.columns))]


def _columns(columns: Iterable[tuple[Any, pd.Series]], zone: str) -> Iterator[SheetColumn]:
    guard, seen = CellGuard(), set[str]()
    for label, values in columns:
        is_aware = isinstance(values.dtype, pd.DatetimeTZDtype)
        header = _free_header(_header(label, guard) + (f" ({zone})" if is_aware else ""), seen)
        yield _column(header, values.reset_index(drop=True))


def _header(label: Any, guard: CellGuard) -> str:
    """The text of a header in one line: a program repairs a table whose headers have several."""
    parts = label if isinstance(label, tuple) else (label,)
    text = " ".join(str(part) for part in parts if is_known(part))
    return " ".join(guard.text(encodable(text)).split())[: _LONGEST_HEADER - 55] or "Column"


def _free_header(header: str, seen: set[str]) -> str:
    """A header that no other column has: a table of a workbook refuses two that differ only in case."""
    number, own = 1, header
    while own.casefold() in seen:
        number += 1
        own = f"{header} {number}"
    seen.add(own.casefold())
    return own


def _column(header: str, values: pd.Series) -> SheetColumn:
    """The values in a dtype that a sheet shows by its kind."""
    dtype, types = values.dtype, pd.api.types
    if isinstance(dtype, pd.DatetimeTZDtype):
        return SheetColumn(header, values)
    if types.is_datetime64_dtype(dtype):
        days = pd.Series(serial_dates(values.dt.tz_localize("UTC"), dt.UTC), dtype="Float64")
        return SheetColumn(header, days, number_format=DATE_FORMAT, width=20)
    if types.is_timedelta64_dtype(dtype):
        return SheetColumn(
            header, (values.dt.total_seconds() / _DAY_S).astype("Float64"), number_format=DURATION_FORMAT
        )
    if types.is_bool_dtype(dtype):
        return SheetColumn(header, values.astype("boolean"), number_format=TRUTH_FORMAT)
    if types.is_integer_dtype(dtype):
        return SheetColumn(header, values.astype("UInt64" if types.is_unsigned_integer_dtype(dtype) else "Int64"))
    if types.is_float_dtype(dtype):
        return SheetColumn(header, values.astype("Float64"))
    texts = [encodable(str(value)) if _is_there(value) else pd.NA for value in values.astype(object)]
    return SheetColumn(header, pd.Series(texts, dtype=STRING))


def _is_there(value: Any) -> bool:
    """Whether a cell has something to show; a list or an array has, whatever it compares as."""
    return is_known(value) if pd.api.types.is_scalar(value) else True
