"""A workbook with only the sheets that a test looks at, written by what writes the whole one."""

from __future__ import annotations

from pathlib import Path

from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel.front import write_sample
from vbr_audit.reports.excel.workbook import plan_sheets
from vbr_audit.reports.interface import PLAIN_OPTIONS, ReportOptions
from vbr_audit.spreadsheet.book import streamed_book
from vbr_audit.spreadsheet.cells import CellGuard
from vbr_audit.spreadsheet.sheet import write_sheets

SAMPLE = "Sample"


def write_alone(context: ReportContext, path: Path, *names: str, options: ReportOptions = PLAIN_OPTIONS) -> Path:
    """Write the sheets `names` of the workbook of a run to `path`: data sheets, and the sample."""
    guard = CellGuard()
    with streamed_book(path) as book:
        if SAMPLE in names:
            write_sample(book.create_sheet(SAMPLE), context, guard)
        if set(names) - {SAMPLE}:
            for plan in plan_sheets(context, options):
                if plan.name in names:
                    write_sheets(book, plan, context.zone, guard)
    return path
