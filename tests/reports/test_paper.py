"""The workbook on paper: what can be read on A4 is printed, and a sheet that is not printed whole says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import column_index_from_string, get_column_letter
from single_sheets import SAMPLE, write_alone

from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel.workbook import plan_sheets
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.spreadsheet import sheet as excel_sheet
from vbr_audit.spreadsheet.sheet import PAGE_WIDTH, PRINT_WIDTH, WHOLE_WIDTH

ALL = ReportOptions(sheets="all")


def printed(sheet: Any) -> set[Any]:
    return {cell.value for cell in sheet[sheet.print_area.replace("$", "").split("!")[1]][0]}


def test_a_sheet_is_printed_so_that_it_can_be_read(context: ReportContext, book: openpyxl.Workbook) -> None:
    for plan in plan_sheets(context, ALL):
        sheet = book[plan.name]
        first, last = sheet.print_area.replace("$", "").split("!")[1].split(":")
        stop = column_index_from_string(last.rstrip("0123456789"))
        widths = [sheet.column_dimensions[get_column_letter(index)].width for index in range(1, stop + 1)]
        assert first == "A1"
        assert sum(widths) <= WHOLE_WIDTH
        assert stop == len(plan.columns) or sum(widths) <= PRINT_WIDTH
        assert (stop < len(plan.columns)) == (f"the first {stop} of" in (sheet.oddHeader.left.text or ""))
        assert sheet.sheet_properties.pageSetUpPr.fitToPage == (sum(widths) > PAGE_WIDTH)
    assert printed(book["Provenance"]) >= {"Dataset", "Reconciled", "API total", "Rows in sheet", "SHA-256"}
    assert printed(book["Controls"]) >= {"Requirement", "Answer", "Pass", "Fail", "Unknown"}
    assert printed(book["Protected objects"]) >= {"Name", "Age (hours)", "Has three copies"}
    assert printed(book["Findings"]) >= {"Object name", "Observed", "Expected", "Remediation"}
    assert (book["Cover"].row_breaks.count, book["Cover"].sheet_properties.pageSetUpPr.fitToPage) == (1, True)
    after = book["Cover"].cell(book["Cover"].row_breaks.brk[0].id + 2, 1).value
    assert after == "Sign-off"


def test_every_sheet_fits_the_width_of_a_page(book: openpyxl.Workbook) -> None:
    for sheet in book:
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0), sheet.title
        assert sheet.page_setup.orientation == "landscape", sheet.title
        if not sheet.sheet_properties.pageSetUpPr.fitToPage:
            columns = range(1, sheet.max_column + 1)
            widths = [sheet.column_dimensions[get_column_letter(at)].width for at in columns]
            assert sum(widths) <= PAGE_WIDTH, sheet.title
        for table in sheet.tables.values():
            header = table.ref.split(":")[0].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            assert sheet.print_title_rows == f"${header}:${header}", sheet.title


def test_of_a_long_sheet_the_first_rows_are_printed_and_it_says_so(
    context: ReportContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_sheet, "PRINT_ROWS", 20)
    book = openpyxl.load_workbook(write_alone(context, tmp_path / "x.xlsx", "Sessions", SAMPLE, options=ALL))
    sessions = book["Sessions"]
    assert sessions.print_area.endswith("$21")
    assert sessions.oddHeader.left.text.startswith("On paper: rows 1 to 20 of 90, ")
    assert book["Sample"].print_area.endswith(f"$O${book['Sample'].max_row}")
