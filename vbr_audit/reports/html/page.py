"""The tables of the HTML page, in words: at most `MAX_ROWS` rows of each, the worst first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vbr_audit.findings.gaps import LimitKind
from vbr_audit.reports.causes import cause_rows, causes_told
from vbr_audit.reports.figures.digits import DigitCount
from vbr_audit.reports.html.checks import Area, check_areas, check_rows, disabled_checks
from vbr_audit.reports.html.findings import Wrong, finding_rows, open_questions, wrong_in_short
from vbr_audit.reports.html.jobs import GLANCE_WORDS, job_rows, run_rows
from vbr_audit.reports.html.protection import LeftRow, left_rows, protection_rows
from vbr_audit.reports.html.requirements import FrameworkTable, framework_tables
from vbr_audit.reports.html.waivers import waiver_rows
from vbr_audit.reports.record import Capped, first_rows

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

MAX_ROWS = 1_000
"""The page shows so many rows of a table; the workbook has them all."""
MAX_WIDE_ROWS = 500
"""The tables of causes, of jobs and of protected objects show half as many, so that the page stays below 2 MB."""
PRINT_ROWS = 100
"""On paper a table has so many rows, and says so; the page and the workbook have more."""


@dataclass(frozen=True)
class Page:
    """The tables of the page."""

    many_servers: bool
    causes: Capped
    causes_told: str
    in_short: tuple[Wrong, ...]
    wrong: Capped
    questions: Capped
    accepted: Capped
    checks: Capped
    areas: tuple[Area, ...]
    glance: tuple[str, ...]
    jobs: Capped
    runs: Capped
    waivers: Capped
    access: Capped
    not_asked: Capped
    out_of_reach: tuple[str, ...]
    limits: tuple[str, ...]
    disabled: tuple[tuple[str, str, str], ...]
    frameworks: tuple[FrameworkTable, ...]
    digits: tuple[DigitCount, ...]
    protection: Capped
    left: tuple[LeftRow, ...]


def build_page(context: ReportContext) -> Page:
    """The rows that the page shows."""
    results = context.results
    findings, status = results.findings, results.findings["status"]
    causes = cause_rows(results.causes, MAX_WIDE_ROWS)
    wrong = finding_rows(findings[status == "FAIL"], MAX_ROWS, {row.anchor for row in causes.rows})
    return Page(
        many_servers=len(context.manifest.servers) > 1,
        causes=causes,
        causes_told=causes_told(results.causes),
        in_short=wrong_in_short(results.failed, results.coverage),
        wrong=wrong,
        questions=open_questions(findings[status.isin(["UNKNOWN", "ERROR"])], MAX_ROWS),
        accepted=finding_rows(findings[status == "WAIVED"], MAX_ROWS),
        checks=check_rows(context, MAX_ROWS),
        areas=check_areas(context, {row.finding_id for row in wrong.rows}),
        glance=GLANCE_WORDS,
        jobs=job_rows(context, MAX_WIDE_ROWS),
        runs=run_rows(context, MAX_ROWS),
        waivers=waiver_rows(results, MAX_ROWS),
        access=_capped(row for row in context.access if row.is_asked),
        not_asked=_capped(row for row in context.access if not row.is_asked),
        out_of_reach=tuple(str(limit) for limit in results.outside if limit.kind == LimitKind.OUT_OF_REACH),
        limits=tuple(str(limit) for limit in results.outside if limit.kind != LimitKind.OUT_OF_REACH),
        disabled=tuple(disabled_checks(results.uses)),
        frameworks=framework_tables(results.requirements),
        digits=context.figures.protection.digits,
        protection=Capped(protection_rows(results.protected, MAX_WIDE_ROWS), len(results.protected)),
        left=left_rows(results.left, context.zone),
    )


def _capped(rows: Iterable[Any]) -> Capped:
    return first_rows(tuple(rows), MAX_ROWS)
