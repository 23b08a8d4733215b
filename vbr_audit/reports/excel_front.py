"""The sheets of the workbook that are read, not filtered: Cover and Summary, with the numbers of the summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from vbr_audit.display import is_known, number, plain
from vbr_audit.reports.excel_cells import CellGuard, Sheet, guarded
from vbr_audit.reports.excel_sheet import TOP, WRAPPED, add_table, append_tall, colour_words, header_cell, set_up_page
from vbr_audit.reports.page import COUNTED, parameters_text, prose
from vbr_audit.reports.words import ASSESSED_FORMULA, RATE_FORMULA, STATUS_MEANINGS, STATUS_WORDS

if TYPE_CHECKING:
    from vbr_audit.collection.manifest import DatasetRecord
    from vbr_audit.reports.context import ReportContext

TITLE = Font(name="Calibri", size=20, bold=True, color="1F3A5F")
HEADING = Font(name="Calibri", size=13, bold=True, color="1F3A5F")
LABEL = Font(name="Calibri", color="57606A")
STRONG = Font(name="Calibri", bold=True)
ALARM = Font(name="Calibri", bold=True, color="FFFFFF")
ALARM_FILL = PatternFill("solid", fgColor="8C1D12")
VERDICT = Font(name="Calibri", size=14, bold=True)
LINE = Border(bottom=Side(style="thin", color="57606A"))
INDENTED = Alignment(indent=1, vertical="top")
PERCENT = "0.0%"
_SUMMARY_WIDTHS = (22, 12, 12, 11, 11, 11, 11, 11, 11, 10, 10, 20, 34, 50, 36)


class FrontSheet:
    """Writes a front sheet row by row; every value passes the guard."""

    def __init__(self, sheet: Sheet, guard: CellGuard, widths: Sequence[float], footer: str) -> None:
        self.sheet, self.guard, self.widths, self.row = sheet, guard, widths, 0
        set_up_page(sheet, footer)
        sheet.sheet_view.showGridLines = False
        for letter, width in zip("ABCDEFGHIJKLMNOP", widths, strict=False):
            sheet.column_dimensions[letter].width = width

    def cell(self, value: Any, font: Font | None = None, **style: Any) -> Cell:
        """A styled cell."""
        given = guarded(self.sheet, self.guard, value)
        cell: Cell = given if isinstance(given, Cell) else WriteOnlyCell(self.sheet, value=given)
        cell.alignment = TOP
        if font is not None:
            cell.font = font
        for name, part in style.items():
            setattr(cell, name, part)
        return cell

    def write(self, *cells: Any) -> None:
        """Append one row."""
        self.row += 1
        row = [cell if isinstance(cell, Cell) else self.cell(cell) for cell in cells]
        append_tall(self.sheet, self.row, row, self.widths)

    def heading(self, text: str) -> None:
        """An empty row and a heading."""
        self.write()
        self.write(self.cell(text, HEADING))

    def table_head(self, headers: Iterable[str]) -> None:
        """A header row."""
        self.write(*(header_cell(self.sheet, header) for header in headers))

    def listing(self, heading: str, lines: Iterable[str]) -> None:
        """A heading and one row per line; nothing where there are no lines."""
        texts = list(lines)
        if texts:
            self.heading(heading)
        for text in texts:
            self.write(None, self.cell(plain(text), alignment=WRAPPED))


def write_cover(sheet: Sheet, context: ReportContext, guard: CellGuard, sheets: Sequence[tuple[str, int]]) -> None:
    """The cover: title in A1, terms of the run, verdict, counts, what is missing, sign-off. Written last."""
    front = FrontSheet(sheet, guard, (26, 110), context.title)
    front.write(front.cell(context.title, TITLE))
    front.write(front.cell(f"{context.servers_text}, {context.period}", LABEL))
    front.write()
    verdict = context.summary.verdict
    front.write(front.cell("Verdict", LABEL), front.cell(verdict.headline, VERDICT, alignment=WRAPPED))
    front.write(None, front.cell(verdict.detail, alignment=WRAPPED))
    for reason in context.results.incomplete:
        front.write(
            front.cell("INCOMPLETE", ALARM, fill=ALARM_FILL), front.cell(plain(reason), STRONG, alignment=WRAPPED)
        )
    front.heading("Numbers")
    for tile in context.tiles:
        front.write(front.cell(tile.value, STRONG), tile.label)
    front.heading("Terms of this run")
    for fact in context.cover:
        label = front.cell(fact.label, ALARM, fill=ALARM_FILL) if fact.loud else front.cell(fact.label, LABEL)
        front.write(label, front.cell(fact.value, STRONG if fact.loud else None, alignment=WRAPPED))
    front.heading("Sheets")
    for name, rows in sheets:
        front.write(name, f"{number(rows)} rows")
    front.listing("Not read, or not whole", (_unread_line(record) for record in context.unread))
    front.listing("Limits", context.results.limits)
    front.listing("Answers that could not be taken as they stood", context.notes)
    front.listing("Warnings while reading", context.manifest.warnings)
    front.listing("How to read the cells", _reading_notes(guard, context.zone_name))
    front.heading("Sign-off")
    for line in ("Prepared by", "Reviewed by", "Date"):
        front.write(front.cell(line, LABEL), front.cell(None, border=LINE))


def _unread_line(record: DatasetRecord) -> str:
    return f"{record.name} of {record.server}: {record.status.value}" + (f", {record.reason}" if record.reason else "")


def _reading_notes(guard: CellGuard, zone: str) -> list[str]:
    notes = [
        "An empty cell means: not known, or the kind of job has no such setting. The sheet Job settings says which.",
        f"Times are on the clock of {zone}, cut to the second.",
        "Text from the server is kept as text, whatever it looks like; line breaks are line feeds.",
    ]
    if guard.replaced:
        notes.append(f"{number(guard.replaced)} cells hold a character that a workbook cannot hold, shown as \ufffd.")
    if guard.cut:
        notes.append(f"{number(guard.cut)} cells were cut to what a cell can hold; the mark at their end says so.")
    return notes


def write_summary(sheet: Sheet, context: ReportContext, guard: CellGuard) -> None:
    """The summary: counts by status, severity and area, the rates with their formula, and every check's population."""
    front = FrontSheet(sheet, guard, _SUMMARY_WIDTHS, context.title)
    front.write(front.cell(f"Summary: {context.title}", TITLE))
    summary = context.summary
    front.heading("Findings by status")
    first = front.row + 2
    front.table_head(("Status", "Findings", "Meaning"))
    for status, meaning in STATUS_MEANINGS.items():
        front.write(status, summary.counts[status], front.cell(meaning, alignment=INDENTED))
    colour_words(sheet, f"A{first}:A{front.row}")
    front.heading("Failing findings by severity")
    first = front.row + 2
    front.table_head(("Severity", "Failing"))
    for severity, failing in summary.failing_by_severity.items():
        front.write(severity, failing)
    colour_words(sheet, f"A{first}:A{front.row}")
    _write_rates(front, context)
    _write_areas(front, context)
    _write_checks(front, context)


def _write_rates(front: FrontSheet, context: ReportContext) -> None:
    summary = context.summary
    front.heading("Rates and totals")
    front.table_head(("Number", "Value", "How it is counted"))
    rates = (
        ("Compliance", summary.compliance, RATE_FORMULA),
        ("Share assessed", summary.assessed, ASSESSED_FORMULA),
        ("Success rate", summary.success_rate, "ended Success or Warning / ended Success, Warning or Failed"),
    )
    for name, value, formula in rates:
        shown = front.cell("not known") if value is None else front.cell(value, number_format=PERCENT)
        front.write(name, shown, front.cell(formula, alignment=INDENTED))
    totals = (
        ("Jobs in scope", summary.jobs_in_scope),
        ("Jobs disabled", summary.jobs_disabled),
        ("Datasets complete", summary.datasets_complete),
        ("Datasets asked for", summary.datasets_total),
        *((f"Finished runs: {result}", runs) for result, runs in summary.sessions_by_result.items()),
    )
    for name, value in totals:
        front.write(name, "not known" if value is None else value)


def _write_areas(front: FrontSheet, context: ReportContext) -> None:
    front.heading("Findings by area")
    front.table_head(("Area", *(word.capitalize() for word in STATUS_WORDS.values()), "Compliance", "Assessed"))
    for entry in context.summary.by_area:
        rates = (
            front.cell("not known") if value is None else front.cell(value, number_format=PERCENT)
            for value in (entry.compliance, entry.assessed)
        )
        front.write(entry.area, *(entry.counts.get(status, 0) for status in STATUS_WORDS), *rates)


_CHECK_HEADERS = (
    *("Check", "Severity", "Population", "Pass", "Fail", "Waived", "Unknown", "Error", "Not applicable"),
    *("All of them", "Enabled", "Server", "Title", "Why", "Parameters, or why not whole or not enabled"),
)


def _write_checks(front: FrontSheet, context: ReportContext) -> None:
    """The population of every check, as a table; checks that the policy turns off stand at its end."""
    coverage = context.results.coverage
    uses = {use.check.id: use for use in context.results.uses}
    disabled = [use for use in context.results.uses if not use.enabled]
    front.heading("Checks")
    rows = len(coverage) + len(disabled)
    add_table(front.sheet, "tblChecks", front.row + 1, rows, list(_CHECK_HEADERS))
    front.table_head(_CHECK_HEADERS)
    for record in coverage.to_dict("records"):
        use = uses.get(str(record["check_id"]))
        remarks = [parameters_text(use.params)] if use else []
        remarks += [plain(record["reason"])] if isinstance(record["reason"], str) else []
        front.write(
            record["check_id"],
            record["severity"],
            *(int(record[name]) if is_known(record[name]) else None for name in ("population", *COUNTED)),
            "yes" if is_known(record["whole"]) and record["whole"] else "no",
            "yes",
            record["server"],
            front.cell(record["title"], alignment=WRAPPED),
            front.cell(prose(use.check.rationale) if use else None, alignment=WRAPPED),
            front.cell("; ".join(text for text in remarks if text), alignment=WRAPPED),
        )
    for use in disabled:
        words = (use.check.title, prose(use.check.rationale), use.reason)
        empty = [None] * (len(COUNTED) + 2)
        front.write(
            use.check.id, use.severity, *empty, "no", None, *(front.cell(text, alignment=WRAPPED) for text in words)
        )
    if not rows:
        front.write()
