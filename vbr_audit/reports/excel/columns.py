"""The columns of a sheet from those of a table: their headers, their meanings, and the same value in a second unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pandas as pd

from vbr_audit.reports.words import prose
from vbr_audit.spreadsheet.sheet import DURATION_FORMAT, TRUTH_FORMAT, WHOLE_FORMAT, SheetColumn
from vbr_audit.tables.build.schema import Column, TableSpec

COLOURED: Final = frozenset(
    {
        "status",
        "severity",
        "worst_severity",
        "result",
        "last_result",
        "first_result",
        "answer",
        "state",
        "malware_status",
        "whole",
    }
    | {"reconciled", "enabled", "worst_severity"}
)
"""Columns whose words a reader looks for by their colour."""

_ENDINGS: Final[Mapping[str, str]] = {
    "s": "_s",
    "min": "_min",
    "hours": "_h",
    "days": "_days",
    "%": "_percent",
    "bytes": "_bytes",
    "GB": "_gb",
    "TB": "_tb",
}
"""Units that a header names, and the ending of a column's name that says the same."""

_ALWAYS: Final = frozenset({"s", "min", "%", "years", "months", "weeks", "bit"})
"""Units that a header names whatever the column is called."""

_WORDS: Final[Mapping[str, str]] = {
    name.lower(): name
    for name in (
        *("ID", "IDs", "JSON", "GFS", "KMS", "API", "USN", "URL", "TLS", "RPO", "SQL", "SNMP", "SMTP", "MFA", "SSH"),
        *("VBR", "OS", "IP", "WAN", "IANA", "UTC", "UUID"),
    )
} | {"sha256": "SHA-256", "vi": "vSphere", "dedup": "deduplication"}

_WIDTHS: Final[Mapping[str, float]] = {
    "evidence": 64,
    "framework": 30,
    "edition": 18,
    "sha256": 36,
    "filters": 56,
    "text": 90,
    "meaning": 70,
}
"""Columns that would make each row of a wrapped sheet high."""

_GIB: Final = 2**30
_DAY_S: Final = 86_400
_LONG_NUMBER: Final = 10**11
"""From here on a spreadsheet shows a whole number as a power of ten, unless it is told not to."""


def header_of(name: str, zone: str | None = None, unit: str | None = None) -> str:
    """The header of a column: `duration_s` as `Duration (s)`, `created` as `Created (Europe/Berlin)`."""
    ending = _ENDINGS.get(unit or "", "")
    has_ending = bool(ending) and name.endswith(ending)
    stem = name.removesuffix(ending) if has_ending else name
    words = " ".join(_WORDS.get(word, word) for word in stem.split("_"))
    extra = zone or (unit if has_ending or unit in _ALWAYS else None)
    return words[:1].upper() + words[1:] + (f" ({extra})" if extra else "")


def columns_of(
    frame: pd.DataFrame,
    zone: str,
    *,
    first: Sequence[str] = (),
    spec: TableSpec | None = None,
    helps: Mapping[str, str] | None = None,
    source: str = "",
    counts: bool = False,
) -> tuple[SheetColumn, ...]:
    """A column for each of `frame`, those named in `first` in front.

    Meanings and units come from `spec`, else meanings from `helps`; `source` says where the values come from. Bytes
    are told in GiB too, and the seconds that a session took as hours, minutes and seconds. With `counts`, whole numbers
    are shown with commas.
    """
    known = {column.name: column for column in spec.columns} if spec else {}
    columns: list[SheetColumn] = []
    for name in [*first, *(name for name in frame.columns if name not in first)]:
        column = known.get(str(name)) or Column(str(name), "string", (helps or {}).get(str(name), ""))
        columns += _shown_columns(column, frame[name], zone, source, counts=counts)
    return tuple(columns)


def _shown_columns(column: Column, values: pd.Series, zone: str, source: str, *, counts: bool) -> Iterator[SheetColumn]:
    is_date = isinstance(values.dtype, pd.DatetimeTZDtype)
    header = header_of(column.name, zone if is_date else None, column.unit)
    in_bytes, is_whole = column.unit == "bytes", pd.api.types.is_integer_dtype(values.dtype)
    yield SheetColumn(
        header,
        values,
        coloured=column.name in COLOURED,
        help=prose(column.help),
        source=source,
        width=_WIDTHS.get(column.name),
        number_format=WHOLE_FORMAT if in_bytes or (counts and is_whole) else _format_of(values, column.unit),
    )
    if in_bytes:
        gib = SheetColumn(
            header.replace("(bytes)", "(GiB)") if "(bytes)" in header else f"{header} (GiB)",
            values.astype("Float64") / _GIB,
            help=f"The same as {header} in GiB, the number of bytes divided by 2^30.",
            source=source,
            number_format="#,##0.00",
        )
        yield gib
    if column.name == "duration_s":
        yield SheetColumn(
            "Duration (h:mm:ss)",
            values / _DAY_S,
            help="The same duration in hours, minutes and seconds.",
            source=source,
            number_format=DURATION_FORMAT,
        )


def _format_of(values: pd.Series, unit: str | None) -> str | None:
    """How the values of a column are shown where a spreadsheet's own choice would not do."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return TRUTH_FORMAT
    if pd.api.types.is_float_dtype(values.dtype) and unit is not None:
        return "#,##0.0" if unit == "s" else "#,##0.00"
    return "0" if _is_long(values) else None


def _is_long(values: pd.Series) -> bool:
    if not pd.api.types.is_integer_dtype(values.dtype) or values.isna().all():
        return False
    return bool(values.abs().max() >= _LONG_NUMBER)
