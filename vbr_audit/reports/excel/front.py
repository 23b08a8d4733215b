"""The sheets of the workbook that are read, not filtered: cover, summary, sample, and what they are written with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break

from vbr_audit.config.settings import load_settings
from vbr_audit.display import count, is_known, number, plain
from vbr_audit.findings.summary import counts_by_server
from vbr_audit.reports.causes import cause_rows, causes_text
from vbr_audit.reports.excel.data import left_out_summary
from vbr_audit.reports.sample import METHOD, draw_sample
from vbr_audit.reports.words import (
    ASSESSED_FORMULA,
    CHECKS_FORMULA,
    OFFLOAD_RATE_FORMULA,
    RATE_FORMULA,
    RUN_RATE_FORMULA,
    STATUS_MEANINGS,
    STATUS_WORDS,
)
from vbr_audit.spreadsheet.cells import CellGuard, Sheet, guarded
from vbr_audit.spreadsheet.sheet import (
    PRINT_ROWS,
    SPACED,
    TOP,
    WHOLE_FORMAT,
    WRAPPED,
    add_table,
    append_tall,
    colour_words,
    header_cell,
    offer_choices,
    set_up_page,
    words_of,
)

if TYPE_CHECKING:
    from vbr_audit.collection.manifest import DatasetRecord
    from vbr_audit.findings.results import AreaCount, Summary
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.interface import ReportOptions


TITLE: Final = Font(name="Calibri", size=20, bold=True, color="1F3A5F")
HEADING: Final = Font(name="Calibri", size=13, bold=True, color="1F3A5F")
LABEL: Final = Font(name="Calibri", color="57606A")
STRONG: Final = Font(name="Calibri", bold=True)
ALARM: Final = Font(name="Calibri", bold=True, color="FFFFFF")
ALARM_FILL: Final = PatternFill("solid", fgColor="8C1D12")
VERDICT: Final = Font(name="Calibri", size=14, bold=True)
LINK: Final = Font(name="Calibri", color="0A529C", underline="single")
LINE: Final = Border(bottom=Side(style="thin", color="57606A"))
INDENTED: Final = Alignment(horizontal="left", indent=1, vertical="top")
RIGHT: Final = Alignment(horizontal="right", vertical="top", wrap_text=True)
LEFT: Final = Alignment(horizontal="left", vertical="top")
PERCENT: Final = "0.0%"


class FrontSheet:
    """Writes a front sheet row by row; every value passes the guard."""

    def __init__(self, sheet: Sheet, guard: CellGuard, widths: Sequence[float], footer: str, tab: str) -> None:
        self.sheet, self.guard, self.widths, self.row = sheet, guard, widths, 0
        set_up_page(sheet, footer)
        sheet.sheet_view.showGridLines = False
        sheet.sheet_properties.tabColor = tab
        for index, width in enumerate(widths, 1):
            sheet.column_dimensions[get_column_letter(index)].width = width

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

    def link(self, text: str, sheet: str) -> Cell:
        """A cell for the first column of the next row that leads to another sheet of this workbook."""
        cell = self.cell(text, LINK)
        cell.row, cell.column = self.row + 1, 1
        cell.hyperlink = Hyperlink(ref="", location=f"'{sheet}'!A1")
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

    def new_page(self) -> None:
        """On paper, what follows begins on a page of its own."""
        self.sheet.row_breaks.append(Break(id=self.row))

    def table_head(self, headers: Iterable[str], numbers: Iterable[str] = ()) -> None:
        """A header row; the headers of `numbers` follow the others, and stand right."""
        self.write(
            *(header_cell(self.sheet, header) for header in headers),
            *(header_cell(self.sheet, header, RIGHT) for header in numbers),
        )

    def listing(self, heading: str, lines: Iterable[str]) -> None:
        """A heading and one row per line; nothing where there are no lines."""
        texts = list(lines)
        if texts:
            self.heading(heading)
        for text in texts:
            self.write(None, self.cell(plain(text), alignment=WRAPPED))


# The cover of the workbook: what was looked at, for whom, by whom and how; the verdict; the sheets; the sign-off.

SCHEMA: Final = 3
"""The version of the workbook's sheets and columns; a change that breaks a reader of cells raises it."""
COVER_TAB: Final = "8C1D12"
_IN_THE_API = re.compile(r" \([^()]*“[^()]*\)|, as of the collection")
"""What the Dictionary says of the server's side of a table, and the cover need not."""
MOST_CAUSES: Final = 10
"""Maximum number of causes on the cover."""
SIGNATURES: Final = ("Prepared by", "Reviewed by", "Date")


@dataclass(frozen=True)
class SheetLine:
    """What the cover says of a sheet, or of the sheets that one long table fills."""

    names: tuple[str, ...]
    text: str
    rows: int | None = None


def write_cover(
    sheet: Sheet, context: ReportContext, guard: CellGuard, sheets: Sequence[SheetLine], options: ReportOptions
) -> None:
    """The cover, with its title in A1. It is written last: only then is it known what the guard had to change."""
    front = FrontSheet(sheet, guard, (28, 112), context.title, COVER_TAB)
    front.write(front.cell(context.title, TITLE))
    if context.brand.name:
        front.write(front.cell(plain(context.brand.name), STRONG))
    front.write(front.cell(f"{context.servers_text}, {context.period}", LABEL))
    front.write()
    verdict = context.summary.verdict
    _line(front, "Verdict", verdict.headline, font=VERDICT)
    front.write(None, front.cell(verdict.detail, alignment=WRAPPED))
    for gap in context.gaps:
        _line(front, "INCOMPLETE", f"{gap.text} {gap.remedy}", loud=True)
    for text in _changed_cells(guard):
        _line(front, "CHANGED CELLS", text, loud=True)
    front.heading("Numbers")
    for tile in context.tiles:
        front.write(front.cell(tile.value, STRONG), tile.label)
    _write_causes(front, context)
    front.heading("Terms of this run")
    for label, value, loud in _terms(context):
        _line(front, label, value, loud=loud)
    front.new_page()
    front.heading("Sign-off")
    for label in SIGNATURES:
        front.write(front.cell(label, LABEL), front.cell(None, border=LINE))
    front.heading("Sheets")
    for line in sheets:
        rows = "" if line.rows is None else f"{count(line.rows, 'row')}. "
        description = _IN_THE_API.sub("", line.text).split(". ", 1)[0].rstrip(".")
        front.write(
            front.link(", ".join(line.names), line.names[0]), front.cell(f"{rows}{description}.", alignment=WRAPPED)
        )
    front.listing("Not in this workbook", left_out_summary(context, options))
    front.listing("Not read, or not whole", (_unread_line(record) for record in context.unread))
    front.listing("Warnings while reading", context.manifest.warnings)
    front.listing("How to read the cells", _reading_notes(context.zone_name))


def _write_causes(front: FrontSheet, context: ReportContext) -> None:
    """The first causes with what each would settle; the sheet Causes has them all."""
    causes = cause_rows(context.results.causes, MOST_CAUSES)
    if not causes.rows:
        return
    front.heading("What to do first")
    front.write(None, front.cell(causes_text(context.results.causes), alignment=WRAPPED))
    for row in causes.rows:
        where = f"{row.kind} {row.name}" + (f" on {row.server}" if len(context.manifest.servers) > 1 else "")
        told = f"{row.check_id} {row.consequence} ({where}). Due {row.due}{', overdue' if row.overdue else ''}."
        description = f"{told} Settles {row.settles}. {row.remediation}"
        front.write(front.cell(row.badge.word, STRONG), front.cell(description, alignment=WRAPPED))
    if causes.is_cut:
        front.write(None, f"and {count(causes.total - len(causes.rows), 'more cause')}, in the sheet Causes")


def _line(front: FrontSheet, label: str, value: str, *, font: Font | None = None, loud: bool = False) -> None:
    """A label and what it says."""
    named = front.cell(label, ALARM, fill=ALARM_FILL) if loud else front.cell(label, LABEL)
    front.write(named, front.cell(value, font or (STRONG if loud else None), alignment=WRAPPED))


def _terms(context: ReportContext) -> Iterator[tuple[str, str, bool]]:
    """The lines of the cover that every report has, and those that a workbook adds."""
    run, review = context.manifest.run, context.review
    yield "Classification", load_settings().classification or "not classified", False
    labels = {fact.label for fact in context.cover}
    if "Run ID" not in labels:
        yield "Run ID", context.manifest.run_id, False
    for fact in context.cover:
        yield fact.label, fact.value, fact.loud
    if run.command and "Command" not in labels:
        yield "Command", plain(run.command), False
    yield "Workbook", f"schema {SCHEMA}, of the state at the moment of reading, whenever it is written", False
    if review.remarks:
        gone = review.gone(context.results.findings["finding_id"])
        left = f"; {number(gone)} of them are about findings that this run does not have" if gone else ""
        yield "Review", f"{count(len(review.remarks), 'remark')} taken from {plain(review.source)}{left}", False


def _unread_line(record: DatasetRecord) -> str:
    return f"{record.name} of {record.server}: {record.status.value}" + (f", {record.reason}" if record.reason else "")


def _changed_cells(guard: CellGuard) -> Iterator[str]:
    if guard.replaced:
        yield f"{number(guard.replaced)} cells hold a character that a workbook cannot hold, shown as \ufffd."
    if guard.cut:
        yield f"{number(guard.cut)} cells were cut to what a cell can hold; the mark at their end says so."


def _reading_notes(zone: str) -> Iterator[str]:
    yield "An empty cell means: not known, or there is no such setting. The sheet Dictionary describes every column."
    yield f"Times are on the clock of {zone}, cut to the second; the days of waivers are in UTC."
    yield "Text from the server is kept as text in every case; line breaks are line feeds."
    yield (
        f"On paper a data sheet shows its first {PRINT_ROWS:,} rows, and a wide one its first columns; "
        "its page header says so. Clear the print area to print all."
    )
    yield "No cell holds a formula: each number is the run's own, and the same as in the other reports."


# The sheet with the sample: how it was drawn, the rows, and blank columns for whoever tests them.

SAMPLE_TAB: Final = "0A7A5C"
TEST_RESULTS: Final = ("Confirmed", "Not confirmed", "Not tested")
"""What a tester may say of a row."""

SAMPLE_COLUMNS: Final[Mapping[str, tuple[float, str]]] = {
    "No.": (6, "The place in the draw."),
    "Finding ID": (19, "The finding, as in the sheet Check results."),
    "Status": (12, "Its status."),
    "Severity": (10, "Its severity."),
    "Check ID": (10, "The check."),
    "Title": (34, "The good state that the check asks for."),
    "Server": (20, "The server."),
    "Object name": (26, "The object."),
    "Object ID": (38, "The object's ID."),
    "Observed": (28, "What the data show."),
    "Expected": (24, "What the check asks for."),
    "JSON path": (28, "Where the observed value is in the server's answer."),
    "Tested by": (18, "For the tester."),
    "Result of the test": (18, "For the tester, from the list in each cell."),
    "Ticket": (14, "For the tester."),
    "Draw": (68, "The hash that puts the row in its place, as the method above says."),
}
"""The columns with their width and meaning."""
_SAMPLE_FIELDS: Final = (
    *("finding_id", "status", "severity", "check_id", "title", "server", "object_name", "object_id"),
    *("observed", "expected", "json_path"),
)


def write_sample(sheet: Sheet, context: ReportContext, guard: CellGuard) -> int:
    """Write the sheet with its title in A1; return how many rows were drawn."""
    run = context.manifest.run
    findings = context.results.findings
    sample = draw_sample(findings, run.sample_size, run.sample_seed or context.manifest.run_id)
    front = FrontSheet(sheet, guard, [width for width, _ in SAMPLE_COLUMNS.values()], context.title, SAMPLE_TAB)
    front.write(front.cell(f"Sample: {context.title}", TITLE))
    drawn = len(sample.rows)
    terms = (
        ("Sample size", number(drawn) + (f" (asked for: {number(sample.size)})" if drawn < sample.size else "")),
        ("Population", f"{number(sample.population)} findings: all of the sheet Check results but NOT_APPLICABLE"),
        ("Seed", sample.seed + ("" if run.sample_seed else " (the ID of this run)")),
        ("Method", METHOD),
        ("By hand", "printf '%s\\n%s' SEED FINDING_ID | sha256sum"),
    )
    for label, text in terms:
        front.write(front.cell(label, LABEL), None, front.cell(text))
    front.write()
    add_table(sheet, "tblSample", front.row + 1, drawn, list(SAMPLE_COLUMNS))
    first = front.row + 2
    chosen = findings.iloc[list(sample.rows)]
    last = max(first + drawn - 1, first)
    colour_words(sheet, f"C{first}:D{last}", words_of(chosen["status"]) | words_of(chosen["severity"]))
    offer_choices(sheet, f"N{first}:N{last}", TEST_RESULTS)
    sheet.print_title_rows = f"{front.row + 1}:{front.row + 1}"
    sheet.print_area = f"A1:{get_column_letter(len(SAMPLE_COLUMNS) - 1)}{last}"
    front.write(*(header_cell(sheet, name, SPACED) for name in SAMPLE_COLUMNS))
    for place, (record, draw) in enumerate(zip(chosen.to_dict("records"), sample.draws, strict=True), 1):
        cells: list[Any] = [record[name] if is_known(record[name]) else None for name in _SAMPLE_FIELDS]
        front.write(place, *(front.cell(value, alignment=SPACED) for value in (*cells, None, None, None, draw)))
    if not drawn:
        front.write()
    return drawn


# The summary of the workbook: counts by status, severity, area and server, the rates with their formula.

SUMMARY_TAB: Final = "1F3A5F"
_SUMMARY_WIDTHS: Final = (32, 13, 13, 13, 13, 13, 18, 14, 13)


def write_summary(sheet: Sheet, context: ReportContext, guard: CellGuard) -> None:
    """The summary, with its title in A1; its numbers are those of `Results.summary`."""
    front = FrontSheet(sheet, guard, _SUMMARY_WIDTHS, context.title, SUMMARY_TAB)
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
    rating = summary.rating
    told = front.cell(rating.told, alignment=RIGHT)
    front.write("Rating", told, front.cell(f"{rating.rule} {rating.reason}", alignment=INDENTED))
    for name, value, formula in rates:
        front.write(name, _rate(front, value), front.cell(formula, alignment=INDENTED))
    totals: tuple[tuple[str, int | None, str], ...] = (
        ("Causes of failing findings", len(context.results.causes), "each one thing that somebody can do"),
        (
            "Jobs at risk",
            context.figures.jobs_at_risk,
            "a critical or high finding fails, of the job or a machine",
        ),
        ("Jobs in scope", summary.jobs_in_scope, _jobs_remark(summary)),
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


def _jobs_remark(summary: Summary) -> str:
    """How the jobs in scope are known, and whether they are all."""
    told = "" if summary.jobs_in_scope is None else summary.jobs_found.text
    return told if summary.jobs_whole else f"at least: not all could be read. {told}".rstrip()


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
