"""The sheet with the sample: how it was drawn, the rows, and blank columns for whoever tests them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from openpyxl.utils import get_column_letter

from vbr_audit.display import is_known, number
from vbr_audit.reports.excel.front import LABEL, TITLE, FrontSheet
from vbr_audit.reports.sample import METHOD, draw_sample
from vbr_audit.spreadsheet.cells import CellGuard, Sheet
from vbr_audit.spreadsheet.sheet import SPACED, add_table, colour_words, header_cell, offer_choices, words_of

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

SAMPLE_TAB: Final = "0A7A5C"
TEST_RESULTS: Final = ("Confirmed", "Not confirmed", "Not tested")
"""What a tester may say of a row."""

COLUMNS: Final[Mapping[str, tuple[float, str]]] = {
    "No.": (6, "The place in the draw."),
    "Finding ID": (19, "The finding; it stands in the sheet Check results."),
    "Status": (12, "Its status."),
    "Severity": (10, "Its severity."),
    "Check ID": (10, "The check."),
    "Title": (34, "The good state that the check asks for."),
    "Server": (20, "The server."),
    "Object name": (26, "The object."),
    "Object ID": (38, "The object's ID."),
    "Observed": (28, "What the data show."),
    "Expected": (24, "What the check asks for."),
    "JSON path": (28, "Where the observed value stands in the server's answer."),
    "Tested by": (18, "For the tester."),
    "Result of the test": (18, "For the tester, from the list in each cell."),
    "Ticket": (14, "For the tester."),
    "Draw": (68, "The hash that puts the row in its place, as the method above says."),
}
"""The columns with their width and meaning."""
_FIELDS: Final = (
    *("finding_id", "status", "severity", "check_id", "title", "server", "object_name", "object_id"),
    *("observed", "expected", "json_path"),
)


def write_sample(sheet: Sheet, context: ReportContext, guard: CellGuard) -> int:
    """Write the sheet with its title in A1; return how many rows were drawn."""
    run = context.manifest.run
    findings = context.results.findings
    sample = draw_sample(findings, run.sample_size, run.sample_seed or context.manifest.run_id)
    front = FrontSheet(sheet, guard, [width for width, _ in COLUMNS.values()], context.title, SAMPLE_TAB)
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
    add_table(sheet, "tblSample", front.row + 1, drawn, list(COLUMNS))
    first = front.row + 2
    chosen = findings.iloc[list(sample.rows)]
    last = max(first + drawn - 1, first)
    colour_words(sheet, f"C{first}:D{last}", words_of(chosen["status"]) | words_of(chosen["severity"]))
    offer_choices(sheet, f"N{first}:N{last}", TEST_RESULTS)
    sheet.print_title_rows = f"{front.row + 1}:{front.row + 1}"
    sheet.print_area = f"A1:{get_column_letter(len(COLUMNS) - 1)}{last}"
    front.write(*(header_cell(sheet, name, SPACED) for name in COLUMNS))
    for place, (record, draw) in enumerate(zip(chosen.to_dict("records"), sample.draws, strict=True), 1):
        cells: list[Any] = [record[name] if is_known(record[name]) else None for name in _FIELDS]
        front.write(place, *(front.cell(value, alignment=SPACED) for value in (*cells, None, None, None, draw)))
    if not drawn:
        front.write()
    return drawn
