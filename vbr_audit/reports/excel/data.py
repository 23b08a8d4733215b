"""The sheets that hold the tables of the snapshot: jobs, sessions, restore points, repositories, settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.checks.derived import offloads
from vbr_audit.datasets import SPECS
from vbr_audit.display import number
from vbr_audit.reports.words import prose
from vbr_audit.spreadsheet.sheet import DURATION_FORMAT, TRUTH_FORMAT, WHOLE_FORMAT, SheetColumn, SheetPlan
from vbr_audit.tables import job_runs
from vbr_audit.tables.build.schema import STRING, Column, TableSpec

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext


DATA_TAB: Final = "8A949E"
"""The colour of the tabs of data."""

MAX_DETAIL_ROWS: Final = 50_000
"""Number of rows up to which a table of `details` has a sheet."""

_SHOWN: Final[Mapping[str, TableSpec]] = {
    spec.name: spec for spec in (*SPECS.values(), job_runs.SPEC, offloads.SPEC) if spec.sheet.is_shown
}
"""The tables that have a sheet: those of the snapshot, and what is made of its sessions."""

_ORDER: Final = (
    *("jobs", "job_states", "job_settings", "sessions", "job_runs", offloads.SPEC.name, "task_sessions"),
    *("restore_sessions", "restore_tasks"),
    *("backup_objects", "backups", "restore_points", "backup_files", "replicas", "replica_points"),
    *("repositories", "repository_states", "scale_out_repositories", "scale_out_extents"),
    *("config_backup", "license", "credentials", "cloud_credentials", "encryption_passwords", "kms_servers"),
    *("users", "roles", "custom_roles", "security_settings", "authorization_events"),
    *("best_practices", "analyzer_last_run", "analyzer_schedule", "malware_events", "session_history"),
)
"""The order of the sheets, as a reader asks for them; tables that are not named here follow in their own order."""

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
_JOB_NAME: Final = Column("job_name", "string", "The name of the job.")


def sheet_of_table(table: str) -> str:
    """The name of the sheet of a table; a long one goes on in `Name 2`, `Name 3`."""
    own = _SHOWN[table].sheet.name if table in _SHOWN else ""
    return own or table.replace("_", " ").capitalize()


def has_sheet(table: str, rows: int) -> bool:
    """Whether a table of so many rows is in the workbook."""
    if table not in _SHOWN:
        return False
    sheet = _SHOWN[table].sheet
    return sheet.always or 0 < rows <= (MAX_DETAIL_ROWS if sheet.details else rows)


def left_out_texts(context: ReportContext) -> Iterator[tuple[str, str]]:
    """The tables that are too long to be in the workbook, each with a sentence on it."""
    for name in (name for name, spec in _SHOWN.items() if spec.sheet.details):
        rows = len(context.snapshot.tables[name])
        if rows > MAX_DETAIL_ROWS:
            yield (
                name,
                f"{sheet_of_table(name)}: {number(rows)} rows are not in the workbook, but in the evidence; the checks "
                "looked at all of them",
            )


def data_plans(context: ReportContext, footer: str) -> Iterator[SheetPlan]:
    """A sheet for each table that holds rows, in the order in which a reader asks for them."""
    for name in [*_ORDER, *(name for name in _SHOWN if name not in _ORDER)]:
        frame, spec = _table(context, name)
        if not has_sheet(name, len(frame)):
            continue
        own, title = _SHOWN[name].sheet, sheet_of_table(name)
        first = own.first or tuple(part for part in ("server", "name") if part in frame.columns)
        yield SheetPlan(
            title,
            "tbl" + "".join(word[:1].upper() + word[1:] for word in title.replace("-", " ").split()),
            columns_of(frame, context.zone_name, first=first, spec=spec, source=_source(name)),
            min(len(first), own.frozen),
            footer,
            wrap=own.wraps,
            help=prose(spec.help),
            tab=DATA_TAB,
        )


def _source(table: str) -> str:
    return f"table {table}" if table in SPECS else "made of the table sessions"


def _table(context: ReportContext, name: str) -> tuple[pd.DataFrame, TableSpec]:
    """A table as its sheet shows it: with the names of jobs, and with what belongs to the run of a session."""
    snapshot = context.snapshot
    if name == "sessions":
        sessions = snapshot.tables["sessions"]
        places = job_runs.runs_of(snapshot.all_sessions, snapshot.jobs).head(len(sessions))
        return sessions.assign(is_retry=places["is_retry"], run_session_id=places["run_session_id"]), _SESSIONS
    if name == "job_runs":
        return _with_job_names(context, snapshot.job_runs, job_runs.SPEC)
    if name == offloads.SPEC.name:
        return context.results.offloads, offloads.SPEC
    if name == "job_settings":
        return _with_job_names(context, snapshot.tables[name], SPECS[name])
    return snapshot.tables[name], SPECS[name]


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
