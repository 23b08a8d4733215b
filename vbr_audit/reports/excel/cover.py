"""The cover of the workbook: what was looked at, for whom, by whom and how; the verdict; the sheets; the sign-off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vbr_audit.config.settings import load_settings
from vbr_audit.display import count, number, plain
from vbr_audit.reports.causes import cause_rows, causes_told
from vbr_audit.reports.excel.data import left_out_texts
from vbr_audit.reports.excel.front import ALARM, ALARM_FILL, LABEL, LINE, STRONG, TITLE, VERDICT, FrontSheet
from vbr_audit.spreadsheet.cells import CellGuard, Sheet
from vbr_audit.spreadsheet.sheet import PRINT_ROWS, WRAPPED

if TYPE_CHECKING:
    from openpyxl.styles import Font

    from vbr_audit.collection.manifest import DatasetRecord
    from vbr_audit.reports.context import ReportContext

SCHEMA: Final = 2
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


def write_cover(sheet: Sheet, context: ReportContext, guard: CellGuard, sheets: Sequence[SheetLine]) -> None:
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
        told = _IN_THE_API.sub("", line.text).split(". ", 1)[0].rstrip(".")
        front.write(front.link(", ".join(line.names), line.names[0]), front.cell(f"{rows}{told}.", alignment=WRAPPED))
    front.listing("Not in this workbook", (text for _, text in left_out_texts(context)))
    front.listing("Not read, or not whole", (_unread_line(record) for record in context.unread))
    front.listing("Warnings while reading", context.manifest.warnings)
    front.listing("How to read the cells", _reading_notes(context.zone_name))


def _write_causes(front: FrontSheet, context: ReportContext) -> None:
    """The first causes with what each would settle; the sheet Causes has them all."""
    causes = cause_rows(context.results.causes, MOST_CAUSES)
    if not causes.rows:
        return
    front.heading("What to do first")
    front.write(None, front.cell(causes_told(context.results.causes), alignment=WRAPPED))
    for row in causes.rows:
        where = f"{row.kind} {row.name}" + (f" on {row.server}" if len(context.manifest.servers) > 1 else "")
        told = f"{row.check_id} {row.title}: {where}. Settles {row.settles}. {row.remediation}"
        front.write(front.cell(row.badge.word, STRONG), front.cell(told, alignment=WRAPPED))
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
    told = {fact.label for fact in context.cover}
    if "Run ID" not in told:
        yield "Run ID", context.manifest.run_id, False
    for fact in context.cover:
        yield fact.label, fact.value, fact.loud
    if run.command and "Command" not in told:
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
    yield "An empty cell means: not known, or there is no such setting. The sheet Dictionary tells of every column."
    yield f"Times are on the clock of {zone}, cut to the second; the days of waivers are in UTC."
    yield "Text from the server is kept as text, whatever it looks like; line breaks are line feeds."
    yield (
        f"On paper a data sheet shows its first {PRINT_ROWS:,} rows, and a wide one its first columns; "
        "its page header says so. Clear the print area to print all."
    )
    yield "No cell holds a formula: each number is the run's own, and the same as in the other reports."
