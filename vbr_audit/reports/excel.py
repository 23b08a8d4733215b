"""The workbook: a cover and a summary to read, data sheets to filter, all values and no formula.

Data pass `excel_cells.CellGuard`, rows are streamed, and the front sheets are filled last, when it is known what the
guard had to change.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from openpyxl import Workbook

from vbr_audit.checks.derived import protection
from vbr_audit.collection.files import write_with
from vbr_audit.reports.excel_cells import CellGuard, xml_text
from vbr_audit.reports.excel_front import write_cover, write_summary
from vbr_audit.reports.excel_sheet import SheetColumn, SheetPlan, write_sheets
from vbr_audit.tables import SPECS
from vbr_audit.tables.schema import STRING, TableSpec

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

COLOURED = frozenset({"status", "severity", "result", "last_result"})
FINDINGS_FIRST = (
    *("status", "severity", "check_id", "title", "server", "object_name", "observed", "expected"),
    *("reason", "remediation", "json_path"),
)
CONTROLS_FIRST = ("framework", "requirement", "title", "answer", "why")
PROTECTION_FIRST = ("server", *protection.SHOWN)
SESSIONS_FIRST = ("server", "name", "session_type", "result", "created", "ended", "duration_s")
SHOWN_UNITS = {"s": "_s", "min": "_min", "%": "_percent", "years": "", "months": "", "weeks": ""}
"""Units that a header names, and the ending of a column's name that says the same."""

_WORDS = {"id": "ID", "json": "JSON", "gfs": "GFS", "kms": "KMS", "api": "API", "sha256": "SHA-256", "usn": "USN"}


def write_workbook(context: ReportContext, path: Path) -> None:
    """Write the workbook of a run to `path`, whole or not at all; raises `OutputError`."""
    write_with(path, lambda temporary: _save(context, temporary))


def _save(context: ReportContext, path: Path) -> None:
    book = Workbook(write_only=True)
    try:
        _fill(book, context)
        book.save(path)
    except BaseException:
        for sheet in book.worksheets:  # else each leaves an open stream behind
            with contextlib.suppress(Exception):
                sheet.close()
        raise


def _fill(book: Workbook, context: ReportContext) -> None:
    _set_properties(book, context)
    guard = CellGuard()
    cover = book.create_sheet("Cover")
    summary = book.create_sheet("Summary")
    sheets: list[tuple[str, int]] = []
    for plan in plan_sheets(context):
        names = write_sheets(book, plan, context.zone, guard)
        sheets.append((", ".join(names), plan.rows))
    write_summary(summary, context, guard)
    write_cover(cover, context, guard, sheets)


def plan_sheets(context: ReportContext) -> tuple[SheetPlan, ...]:
    """The data sheets in order. Each has every column of its table; some begin with those that a reader looks for."""
    findings = context.results.findings
    footer = f"{context.servers_text}, {context.period}"

    def table(name: str, first: tuple[str, ...]) -> tuple[SheetColumn, ...]:
        return _columns(context.snapshot.tables[name], first, context.zone_name, _units(SPECS[name]))

    return (
        SheetPlan(
            "Findings", "tblFindings", _columns(findings, FINDINGS_FIRST, context.zone_name), 3, footer, wrap=True
        ),
        SheetPlan(
            "Controls",
            "tblControls",
            _columns(context.results.requirements, CONTROLS_FIRST, context.zone_name),
            3,
            footer,
            wrap=True,
        ),
        SheetPlan(
            "3-2-1-1-0",
            "tblProtection",
            _columns(context.results.protected, PROTECTION_FIRST, context.zone_name, _units(protection.SPEC)),
            2,
            footer,
        ),
        SheetPlan("Jobs", "tblJobs", table("jobs", ("server", "name", "type")), 2, footer),
        SheetPlan("Job settings", "tblJobSettings", _settings_columns(context), 3, footer),
        SheetPlan("Sessions", "tblSessions", table("sessions", SESSIONS_FIRST), 2, footer),
        SheetPlan("Access", "tblAccess", _columns(_access_frame(context), (), context.zone_name), 3, footer, wrap=True),
        SheetPlan("Provenance", "tblProvenance", table("datasets", ("server", "name", "status")), 2, footer, wrap=True),
    )


def _units(spec: TableSpec) -> dict[str, str | None]:
    return {column.name: column.unit for column in spec.columns}


def header_of(name: str, zone: str | None = None, unit: str | None = None) -> str:
    """The header of a column: `duration_s` as `Duration (s)`, `created` as `Created (Europe/Berlin)`."""
    shown = unit if unit in SHOWN_UNITS else None
    stem = name.removesuffix(SHOWN_UNITS[shown]) if shown else name
    words = " ".join(_WORDS.get(word, word) for word in stem.split("_"))
    extra = zone or shown
    return words[:1].upper() + words[1:] + (f" ({extra})" if extra else "")


def _columns(
    frame: pd.DataFrame, first: tuple[str, ...], zone: str, units: Mapping[str, str | None] | None = None
) -> tuple[SheetColumn, ...]:
    names = [*first, *(name for name in frame.columns if name not in first)]
    columns = []
    for name in names:
        is_date = isinstance(frame[name].dtype, pd.DatetimeTZDtype)
        header = header_of(name, zone if is_date else None, (units or {}).get(name))
        columns.append(SheetColumn(header, frame[name], coloured=name in COLOURED))
    return tuple(columns)


def _access_frame(context: ReportContext) -> pd.DataFrame:
    """Every dataset of every server, asked for or not: the rows of the page, all as text."""
    return pd.DataFrame(
        {
            "server": [row.server for row in context.access],
            "title": [row.title for row in context.access],
            "status": [row.status for row in context.access],
            "reason": [row.reason or pd.NA for row in context.access],
            "roles": [row.roles_text for row in context.access],
            "first_revision": [row.first_revision for row in context.access],
            "checks": [", ".join(row.checks) or pd.NA for row in context.access],
            "name": [row.name for row in context.access],
            "path": [row.path for row in context.access],
        },
        dtype=STRING,
    )


def _settings_columns(context: ReportContext) -> tuple[SheetColumn, ...]:
    """The long table of settings, each with the name of its job."""
    jobs, settings = context.snapshot.jobs, context.snapshot.job_settings
    names = dict(zip(zip(jobs["server"], jobs["job_id"], strict=True), jobs["name"], strict=True))
    keys = zip(settings["server"], settings["job_id"], strict=True)
    job_name = pd.Series([names.get(key, pd.NA) for key in keys], index=settings.index, dtype=STRING)
    frame = settings.assign(job_name=job_name)
    return _columns(frame, ("server", "job_name", "control", "value"), context.zone_name)


def _set_properties(book: Workbook, context: ReportContext) -> None:
    run = context.manifest.run
    moment = run.now.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
    properties = book.properties
    properties.title = xml_text(context.title)
    properties.subject = xml_text(f"{context.servers_text}, {context.period}")
    properties.creator = f"vbr-audit {run.tool_version}"
    properties.created = moment
