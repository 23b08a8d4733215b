"""The sheets that hold the tables of the snapshot, and which tables they are: jobs, runs, repositories, accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.checks.derived import offloads
from vbr_audit.collection.run_folder import DATA
from vbr_audit.datasets import SPECS
from vbr_audit.display import count, number
from vbr_audit.histories import own_period
from vbr_audit.reports.interface import PLAIN_OPTIONS, ReportOptions
from vbr_audit.reports.words import prose
from vbr_audit.spreadsheet.sheet import DURATION_FORMAT, TRUTH_FORMAT, WHOLE_FORMAT, SheetColumn, SheetPlan
from vbr_audit.tables import job_runs
from vbr_audit.tables.build.schema import STRING, Column, TableSpec
from vbr_audit.vocabulary import ALL_SHEETS

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext


DATA_TAB: Final = "8A949E"
"""The colour of the tabs of data."""

MAX_DETAIL_ROWS: Final = 50_000
"""Number of rows up to which a table of `details` has a sheet."""

_TABLES: Final = tuple(
    spec for spec in (*SPECS.values(), job_runs.SPEC, offloads.SPEC, *own_period.SPECS) if spec.sheet.is_shown
)
_SHOWN: Final[Mapping[str, TableSpec]] = {
    spec.name: spec for spec in sorted(_TABLES, key=lambda spec: (spec.sheet.rank is None, spec.sheet.rank or 0))
}
"""The tables for readers, those of the snapshot and what is made of it: first those of every workbook."""

_OF_PERIOD: Final = frozenset(spec.name for spec in own_period.SPECS)
_PERIOD_SOURCE: Final = "made of restore points, task sessions and sessions of this run alone"

_SESSIONS: Final = TableSpec(
    "sessions",
    (),
    (
        *SPECS["sessions"].columns,
        Column("is_retry", "boolean", "It repeats a session of its run that did not succeed."),
        Column("run_session_id", "string", "The session that its run counts by: see the sheet Runs of jobs."),
    ),
    SPECS["sessions"].help,
)
_WITHOUT_JOB_NAMES: Final = frozenset({"job_settings", job_runs.SPEC.name})
"""Tables that know their jobs by id alone."""
_JOB_NAME: Final = Column("job_name", "string", "The name of the job.")


def sheet_of_table(table: str) -> str:
    """The name of the sheet of a table; a long one goes on in `Name 2`, `Name 3`."""
    own = _SHOWN[table].sheet.name if table in _SHOWN else ""
    return own or table.replace("_", " ").capitalize()


def has_sheet(table: str, rows: int, options: ReportOptions) -> bool:
    """Whether a table of so many rows is a sheet of the workbook."""
    if table not in _SHOWN:
        return False
    sheet = _SHOWN[table].sheet
    if sheet.rank is None and (options.sheets != ALL_SHEETS or (sheet.details and rows > MAX_DETAIL_ROWS)):
        return False
    return sheet.always or rows > 0


def left_out(context: ReportContext, options: ReportOptions) -> Iterator[tuple[TableSpec, int]]:
    """The tables that hold rows and are no sheets, each with the number of its rows."""
    for name, spec in _SHOWN.items():
        rows = len(_rows_of(context, name))
        if rows and not has_sheet(name, rows, options):
            yield spec, rows


def file_of_table(table: str) -> str:
    """The file of a table that is no sheet, by its name in the run folder."""
    return f"{DATA}/{table}.csv"


def place_of_table(table: str, rows: int, options: ReportOptions) -> str | None:
    """The sheet of a table of so many rows, or the file beside the workbook; None where it is in neither."""
    if has_sheet(table, rows, options):
        return sheet_of_table(table)
    return file_of_table(table) if options.data_files and rows and table in _SHOWN else None


def left_out_text(spec: TableSpec, rows: int, options: ReportOptions) -> str:
    """A sentence on a table that is no sheet."""
    title = sheet_of_table(spec.name)
    if options.data_files:
        return f"{title}: {count(rows, 'row')} in the file {file_of_table(spec.name)} of the run folder"
    return (
        f"{title}: {count(rows, 'row')} not in this workbook; {file_of_table(spec.name)} of a run folder has them, "
        "and the checks looked at all of them"
    )


def left_out_summary(context: ReportContext, options: ReportOptions) -> Iterator[str]:
    """One sentence on all tables that are no sheets; none where there is no such table."""
    tables = [(spec.name, rows) for spec, rows in left_out(context, options)]
    if not tables:
        return
    named = ", ".join(f"{sheet_of_table(name)} ({number(rows)})" for name, rows in tables)
    if options.data_files:
        files = "a CSV file" if len(tables) == 1 else "CSV files"
        yield f"{count(len(tables), 'table')} as {files} in the folder {DATA} of the run, with rows: {named}"
    else:
        yield f"{count(len(tables), 'table')}, with rows: {named}. A run folder has them as CSV files in {DATA}"


def data_plans(context: ReportContext, footer: str, options: ReportOptions = PLAIN_OPTIONS) -> Iterator[SheetPlan]:
    """A sheet for each table that is to be one, in the order in which a reader asks for them."""
    for name in _SHOWN:
        if not has_sheet(name, len(_rows_of(context, name)), options):
            continue
        frame, spec = table_of(context, name)
        own, title = _SHOWN[name].sheet, sheet_of_table(name)
        first = own.first or tuple(part for part in ("server", "name") if part in frame.columns)
        yield SheetPlan(
            title,
            "tbl" + "".join(word[:1].upper() + word[1:] for word in title.replace("-", " ").split()),
            columns_of(frame, context.zone_name, first=first, spec=spec, source=source_of(name)),
            min(len(first), own.frozen),
            footer,
            wrap=own.wraps,
            help=prose(spec.help),
            tab=DATA_TAB,
        )


def source_of(table: str) -> str:
    """Where the values of a table come from."""
    if table in _OF_PERIOD:
        return _PERIOD_SOURCE
    return f"table {table}" if table in SPECS else "made of the table sessions"


def _rows_of(context: ReportContext, name: str) -> pd.DataFrame:
    """The rows of a table as the snapshot or the results have them."""
    if name == job_runs.SPEC.name:
        return context.snapshot.job_runs
    if name in _OF_PERIOD:
        return context.figures.estate.period.by_name[name]
    return context.results.offloads if name == offloads.SPEC.name else context.snapshot.tables[name]


def table_of(context: ReportContext, name: str) -> tuple[pd.DataFrame, TableSpec]:
    """A table as readers get it: with the names of jobs, and with what belongs to the run of a session."""
    rows, spec, snapshot = _rows_of(context, name), _SHOWN[name], context.snapshot
    if name == "sessions":
        places = job_runs.runs_of(snapshot.all_sessions, snapshot.jobs).head(len(rows))
        return rows.assign(is_retry=places["is_retry"], run_session_id=places["run_session_id"]), _SESSIONS
    return _with_job_names(context, rows, spec) if name in _WITHOUT_JOB_NAMES else (rows, spec)


def _with_job_names(context: ReportContext, frame: pd.DataFrame, spec: TableSpec) -> tuple[pd.DataFrame, TableSpec]:
    jobs = context.snapshot.jobs
    names = dict(zip(zip(jobs["server"], jobs["job_id"], strict=True), jobs["name"], strict=True))
    keys = zip(frame["server"], frame["job_id"], strict=True)
    job_name = pd.Series([names.get(key, pd.NA) for key in keys], index=frame.index, dtype=STRING)
    return frame.assign(job_name=job_name), TableSpec(spec.name, spec.key, (*spec.columns, _JOB_NAME), spec.help)


# The columns of a sheet from those of a table: their headers, their meanings, and the same value in a second unit.

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
"""From here on a spreadsheet shows a whole number as a power of ten, unless formatted otherwise."""


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
    are shown in GiB too, and the seconds of a session as hours, minutes and seconds. With `counts`, whole numbers
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
