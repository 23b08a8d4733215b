"""The summary of the workbook: counts by status, severity, area and server, the rates with their formula, pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from openpyxl.worksheet.pagebreak import Break

from vbr_audit.display import number
from vbr_audit.findings.summary import counts_by_server
from vbr_audit.reports.charts.chart_list import chart_plans
from vbr_audit.reports.excel.front import INDENTED, LABEL, PERCENT, RIGHT, TITLE, FrontSheet
from vbr_audit.reports.excel.pictures import add_picture, picture_rows
from vbr_audit.reports.words import (
    ASSESSED_FORMULA,
    CHECKS_FORMULA,
    OFFLOAD_RATE_FORMULA,
    RATE_FORMULA,
    RUN_RATE_FORMULA,
    STATUS_MEANINGS,
    STATUS_WORDS,
)
from vbr_audit.spreadsheet.cells import CellGuard, Sheet
from vbr_audit.spreadsheet.sheet import WHOLE_FORMAT, colour_words, header_cell

if TYPE_CHECKING:
    from openpyxl.cell import Cell

    from vbr_audit.findings.results import AreaCount
    from vbr_audit.reports.context import ReportContext

SUMMARY_TAB: Final = "1F3A5F"
_WIDTHS: Final = (32, 13, 13, 13, 13, 13, 18, 14, 13)
PICTURES: Final = frozenset({"runs", "calendar", "protection", "areas"})
"""The charts that are shown; the numbers of the others stand in sheets of their own."""
_PAGE_ROWS: Final = 36
"""Rows of plain text on a printed page."""


def write_summary(sheet: Sheet, context: ReportContext, guard: CellGuard) -> None:
    """The summary, with its title in A1; its numbers are those of `Results.summary`."""
    front = FrontSheet(sheet, guard, _WIDTHS, context.title, SUMMARY_TAB)
    front.write(front.cell(f"Summary: {context.title}", TITLE))
    front.write(front.cell(f"{context.servers_text}, {context.period}", LABEL))
    summary = context.summary
    front.heading("Findings by status")
    first = front.row + 2
    front.write(*_head(front, "Status", "Findings", "Meaning"))
    for status, meaning in STATUS_MEANINGS.items():
        front.write(status, _number(front, summary.counts[status]), front.cell(meaning, alignment=INDENTED))
    colour_words(sheet, f"A{first}:A{front.row}", STATUS_MEANINGS)
    front.heading("Failing findings by severity")
    first = front.row + 2
    front.table_head(("Severity",), ("Failing",))
    for severity, failing in summary.failing_by_severity.items():
        front.write(severity, _number(front, failing))
    colour_words(sheet, f"A{first}:A{front.row}", summary.failing_by_severity.keys())
    _write_rates(front, context)
    sheet.row_breaks.append(Break(id=front.row))
    _write_counts(front, "Findings by area", "Area", summary.by_area)
    servers = [server.name for server in context.manifest.servers]
    _write_counts(front, "Findings by server", "Server", counts_by_server(context.results.findings, servers))
    _write_digits(front, context)
    _write_pictures(front, context)


def _head(front: FrontSheet, label: str, value: str, text: str) -> tuple[Cell, ...]:
    """A header row for a name, its number, and what it means."""
    sheet = front.sheet
    return header_cell(sheet, label), header_cell(sheet, value, RIGHT), header_cell(sheet, text, INDENTED)


def _number(front: FrontSheet, value: int | None) -> Cell:
    if value is None:
        return front.cell("not known", alignment=RIGHT)
    return front.cell(value, number_format=WHOLE_FORMAT)


def _rate(front: FrontSheet, value: float | None) -> Cell:
    if value is None:
        return front.cell("not known", alignment=RIGHT)
    return front.cell(value, number_format=PERCENT)


def _write_rates(front: FrontSheet, context: ReportContext) -> None:
    summary = context.summary
    offloads = [(result, ended) for result, ended in summary.offloads_by_result.items() if ended]
    front.heading("Rates and totals")
    front.write(*_head(front, "Number", "Value", "Counted as"))
    clean = f"{number(summary.checks_clean)} of {number(summary.checks_judged)} checks: {CHECKS_FORMULA}"
    rates = (
        ("Checks without an open finding", summary.checks_share, clean),
        ("Compliance", summary.compliance, RATE_FORMULA),
        ("Share assessed", summary.assessed, ASSESSED_FORMULA),
        ("Success rate by run", summary.success_rate, RUN_RATE_FORMULA),
        (
            "Success rate by first attempt",
            summary.first_attempt_rate,
            "the same runs by their first session",
        ),
        ("Success rate by session", summary.session_rate, "every session of these runs by itself, retries included"),
        *([("Success rate of offloads", summary.offload_rate, OFFLOAD_RATE_FORMULA)] if offloads else ()),
    )
    for name, value, formula in rates:
        front.write(name, _rate(front, value), front.cell(formula, alignment=INDENTED))
    totals: tuple[tuple[str, int | None, str], ...] = (
        ("Causes of failing findings", len(context.results.causes), "each one thing that somebody can do"),
        (
            "Jobs at risk",
            context.figures.jobs_at_risk,
            "a critical or high finding fails, of the job or a machine",
        ),
        ("Jobs in scope", summary.jobs_in_scope, "" if summary.jobs_whole else "at least: not all could be read"),
        ("Jobs disabled", summary.jobs_disabled, ""),
        ("Datasets complete", summary.datasets_complete, ""),
        ("Datasets asked for", summary.datasets_total, ""),
        ("Datasets needed, complete", summary.needed_complete, "those that the enabled checks look at"),
        ("Datasets needed", summary.needed_total, ""),
        *(
            (f"Finished runs: {result}", runs, "" if summary.sessions_whole else "at least: not all could be read")
            for result, runs in summary.sessions_by_result.items()
        ),
        *summary.runs_beside.lines,
        *(
            (f"Finished offloads: {result}", ended, "sessions to a capacity or archive tier")
            for result, ended in offloads
        ),
    )
    for name, total, remark in totals:
        front.write(name, _number(front, total), front.cell(remark or None, alignment=INDENTED))


def _write_counts(front: FrontSheet, heading: str, label: str, entries: Iterable[AreaCount]) -> None:
    front.heading(heading)
    words = (STATUS_WORDS[status].capitalize() for status in STATUS_WORDS)
    front.table_head((label,), (*words, "Compliance", "Assessed"))
    for entry in entries:
        counts = [_number(front, entry.counts.get(status, 0)) for status in STATUS_WORDS]
        front.write(entry.area, *counts, _rate(front, entry.compliance), _rate(front, entry.assessed))


def _write_digits(front: FrontSheet, context: ReportContext) -> None:
    protection = context.figures.protection
    if not protection.objects:
        return
    front.heading("3-2-1-1-0: protected objects by digit")
    front.table_head(("Digit",), ("Yes", "No", "Not known", "Objects"))
    for digit in protection.digits:
        numbers = (digit.met, digit.not_met, digit.not_known, protection.objects)
        front.write(f"{digit.digit} {digit.word}", *(_number(front, value) for value in numbers))
    front.write("all five surely", _number(front, protection.all_met), None, None, _number(front, protection.objects))


def _write_pictures(front: FrontSheet, context: ReportContext) -> None:
    """Charts of the page, below each other, each under its title."""
    left = 0
    plans = (plan for plan in chart_plans(context) if plan.name in PICTURES)
    for place, plan in enumerate(plans, 1):
        needed = picture_rows(plan) + 2
        if needed > left:
            front.sheet.row_breaks.append(Break(id=front.row))
            left = _PAGE_ROWS
        left -= needed
        front.heading(plan.title)
        add_picture(front.sheet, plan, front.row + 1, place)
        for _ in range(needed - 2):
            front.write()
