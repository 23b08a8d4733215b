"""The workbook: sheets to read, then data sheets to filter, all values and no formula.

Data pass `excel_cells.CellGuard`, rows are streamed, and the cover is filled last, when it is known what the guard had
to change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pandas as pd
from openpyxl.packaging.custom import StringProperty

from vbr_audit.collection.files import replacing
from vbr_audit.display import shorten
from vbr_audit.reports.excel.changes import time_plans
from vbr_audit.reports.excel.chart_sheet import write_charts
from vbr_audit.reports.excel.data import columns_of, data_plans
from vbr_audit.reports.excel.findings import check_plans, exceptions_plan, findings_with_evidence, result_plans
from vbr_audit.reports.excel.front import SAMPLE_COLUMNS, SCHEMA, SheetLine, write_cover, write_sample, write_summary
from vbr_audit.reports.excel.method import (
    METHOD_TAB,
    checks_plan,
    dictionary_plan,
    limits_plan,
    provenance_plan,
)
from vbr_audit.reports.interface import PLAIN_OPTIONS, ReportOptions
from vbr_audit.spreadsheet.book import StreamedBook, streamed_book
from vbr_audit.spreadsheet.cells import CellGuard, xml_text
from vbr_audit.spreadsheet.sheet import SheetColumn, SheetPlan, write_sheets
from vbr_audit.tables.build.schema import STRING

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

_ACCESS_HELP: Final = {
    "server": "The server.",
    "title": "What is read, in words.",
    "status": "complete, partial, denied, absent or failed; or that this run did not ask for it.",
    "reason": "Why it is not complete.",
    "roles": "The built-in roles that may read it at the revision in use.",
    "first_revision": "The first API revision that offers it.",
    "checks": "The checks that look at it.",
    "name": "The dataset.",
    "path": "Its path.",
}
_LINES: Final = {
    "Summary": "Counts by status, severity, area and server; the rates with their formulas.",
    "Charts": "Charts of the numbers, each under what it finds, and the cells that they are drawn from.",
    "Sample": "Findings drawn at random, with columns for the auditor who tests them.",
}


_LONGEST_PROPERTY: Final = 255
"""Characters that a spreadsheet reads of a custom property."""


@dataclass(frozen=True)
class Plans:
    """The data sheets by where they stand in the workbook: Cover and Summary are before them, Sample among them."""

    results: tuple[SheetPlan, ...]
    data: tuple[SheetPlan, ...]
    method: tuple[SheetPlan, ...]


def write_workbook(context: ReportContext, path: Path, options: ReportOptions = PLAIN_OPTIONS) -> None:
    """Write the workbook of a run to `path`, whole or not at all; raises `OutputError`."""
    with replacing(path) as temporary, streamed_book(temporary) as book:
        _fill(book, context, options)


def _fill(book: StreamedBook, context: ReportContext, options: ReportOptions) -> None:
    _set_properties(book, context)
    guard, plans = CellGuard(), make_plans(context, options)
    cover = book.create_sheet("Cover")
    lines: list[SheetLine] = []

    def write(*parts: SheetPlan) -> None:
        for plan in parts:
            names = write_sheets(book, plan, context.zone, guard)
            lines.append(SheetLine(tuple(names), plan.help, plan.rows))

    write_summary(book.create_sheet("Summary"), context, guard)
    lines.append(SheetLine(("Summary",), _LINES["Summary"]))
    write_charts(book.create_sheet("Charts"), context, guard)
    lines.append(SheetLine(("Charts",), _LINES["Charts"]))
    write(*plans.results)
    drawn = write_sample(book.create_sheet("Sample"), context, guard)
    lines.append(SheetLine(("Sample",), _LINES["Sample"], drawn))
    write(*plans.data, *plans.method)
    write_cover(cover, context, guard, lines, options)


def plan_sheets(context: ReportContext, options: ReportOptions = PLAIN_OPTIONS) -> tuple[SheetPlan, ...]:
    """The data sheets in order; each has its header in the first row and every column of its table."""
    plans = make_plans(context, options)
    return (*plans.results, *plans.data, *plans.method)


def make_plans(context: ReportContext, options: ReportOptions) -> Plans:
    """What goes into each data sheet."""
    footer = f"{context.servers_text}, {context.period}"
    findings = findings_with_evidence(context)
    results = (
        *result_plans(context, findings, footer),
        *check_plans(context, findings, footer),
        *(checks_plan(context, footer), exceptions_plan(context, footer)),
        *time_plans(context, footer),
    )
    data = tuple(data_plans(context, footer, options))
    method = (
        *(provenance_plan(context, footer, options), _access_plan(context, footer)),
        limits_plan(context, footer, options),
    )
    plans = chain(results, (_sample_plan(),), data, method)
    return Plans(results, data, (*method, dictionary_plan(plans, context, footer, options)))


def _sample_plan() -> SheetPlan:
    """The sheet Sample as the Dictionary describes it."""
    nothing = pd.Series([], dtype=STRING)
    columns = (SheetColumn(name, nothing, help=text, source="findings") for name, (_, text) in SAMPLE_COLUMNS.items())
    return SheetPlan("Sample", "tblSample", tuple(columns), 0, help="One row per finding that was drawn.")


def _access_plan(context: ReportContext, footer: str) -> SheetPlan:
    """Every dataset of every server, asked for or not: the rows of the page, all as text."""
    columns = columns_of(
        pd.DataFrame(dict(_access_columns(context)), dtype=STRING),
        context.zone_name,
        helps=_ACCESS_HELP,
        source="manifest.json, and what is known of the API",
    )
    row_help = "One row per server and dataset: how far it was read, who may read it, and which checks look at it."
    return SheetPlan("Access", "tblAccess", columns, 3, footer, wrap=True, help=row_help, tab=METHOD_TAB)


def _access_columns(context: ReportContext) -> Iterator[tuple[str, list[Any]]]:
    rows = context.access
    yield "server", [row.server for row in rows]
    yield "title", [row.title for row in rows]
    yield "status", [row.status for row in rows]
    yield "reason", [row.reason or pd.NA for row in rows]
    yield "roles", [row.roles_text for row in rows]
    yield "first_revision", [row.first_revision for row in rows]
    yield "checks", [", ".join(row.checks) or pd.NA for row in rows]
    yield "name", [row.name for row in rows]
    yield "path", [row.path for row in rows]


def _set_properties(book: StreamedBook, context: ReportContext) -> None:
    run = context.manifest.run
    moment = run.now.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
    properties, custom = book.properties, cast(Any, book).custom_doc_props
    properties.title = xml_text(context.title)
    properties.subject = xml_text(f"{context.servers_text}, {context.period}")
    properties.creator = f"vbr-audit {run.tool_version}"
    properties.created = moment
    facts = {
        "Tool": f"vbr-audit {run.tool_version}",
        "Policy": run.policy_name or "default profile",
        "Policy SHA-256": run.policy_sha256 or "none",
        "Run ID": context.manifest.run_id,
        "Schema": str(SCHEMA),
    }
    for name, value in facts.items():
        custom.append(StringProperty(name=name, value=xml_text(shorten(value, _LONGEST_PROPERTY))))
