"""The workbook in a real LibreOffice: it opens, prints, and holds row by row what the tables hold."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import html
import itertools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pandas as pd
import pytest
from office import CSV, PDF, XLSX, Conversion, convert
from workbook_parts import parts_of, sheets_of, tables_of

import vbr_audit as va
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel.workbook import plan_sheets, write_workbook
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.reports.review import Remark, Review, load_review
from vbr_audit.spreadsheet.sheet import SheetColumn

pytestmark = pytest.mark.office

MakeRun = Callable[..., ReportContext]
ALL = ReportOptions(sheets="all")


def shown(column: SheetColumn, zone: object) -> list[str]:
    """A column as a spreadsheet shows it."""
    return ["" if pd.isna(value) else _text(value, column.number_format, zone) for value in column.values]


def _text(value: Any, number_format: str | None, zone: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value.tz_convert(zone).floor('s'):%Y-%m-%d %H:%M:%S}"
    if pd.api.types.is_bool(value):
        return str(value).upper()
    if number_format == "yyyy-mm-dd":
        return str(dt.date(1899, 12, 30) + dt.timedelta(days=int(value)))
    if number_format == "[h]:mm:ss":  # on paper 0:12:00, as its CSV filter has it a time of the day
        return f"{dt.datetime(1900, 1, 1) + dt.timedelta(seconds=round(value * 86_400)):%I:%M:%S %p}"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


MARKS = ("", "=1+1 ", "#N/A", '_x0041_ é\n🚀 " , ')
"""What the texts of a workbook begin with in turn: nothing, a formula, an error, and what files escape."""
TEXTS = ["=HYPERLINK(1)", "=cmd|' /C calc'!A0", "#N/A", "_x003D_1"]


@pytest.fixture(scope="module")
def marked(make_run: MakeRun) -> ReportContext:
    """A run whose texts begin with each of the marks, with a remark of a reviewer for each."""
    marks = itertools.cycle(MARKS)
    servers = tuple(f"vbr0{at}.example" for at in range(len(MARKS)))
    context = make_run(servers=servers, job_count=3, session_count=11, word=lambda text: next(marks) + text)
    failing = context.results.failed["finding_id"].unique()[: len(MARKS)]
    remarks = {
        name: Remark(finding_id=name, status="Open", note=f"{mark}note")
        for name, mark in zip(failing, MARKS, strict=True)
    }
    return dataclasses.replace(context, review=Review(remarks, f"{MARKS[1]}report.xlsx"))


@pytest.fixture(scope="module")
def small(make_run: MakeRun) -> ReportContext:
    """A run of few rows."""
    return make_run(job_count=4, session_count=8)


TOLD = {2: ("Accepted", "=1+1"), 3: ("Open", "über\nzwei Zeilen"), 5: ("Fixed", None)}
"""By row of the sheet of findings, what a reviewer writes."""


def reviewed(book: Path, to: Path) -> dict[int, str]:
    """Write down what a reviewer told in a copy of a workbook; return the findings of these rows."""
    changed = openpyxl.load_workbook(book)
    sheet = changed["Findings"]
    at = {cell.value: cell.column for cell in sheet[1]}
    for row, (status, note) in TOLD.items():
        sheet.cell(row, at["Reviewer status"], status)
        if note:
            sheet.cell(row, at["Reviewer note"], note).data_type = "s"
    changed.save(to)
    return {row: sheet.cell(row, at["Finding ID"]).value for row in TOLD}


class Made(NamedTuple):
    """What LibreOffice made: two workbooks as CSV, sheet by sheet, one printed, one saved; the findings reviewed."""

    sheets: Path
    printed: Path
    saved: Path
    ids: dict[int, str]


@pytest.fixture(scope="module")
def made(
    marked: ReportContext,
    small: ReportContext,
    need_tool: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    """All that is made here by LibreOffice, which is started once."""
    soffice = need_tool("soffice", "libreoffice")
    folder = tmp_path_factory.mktemp("books")
    write_workbook(marked, folder / "marked.xlsx", ALL)
    created = pd.to_datetime(["2026-07-01T10:00Z"] * 4, utc=True)
    index = pd.Index(TEXTS, name="@SUM(1)")
    frame = pd.DataFrame({"=1+1": range(4), "created": created, "odd": [True, None, False, True]}, index=index)
    va.to_excel(frame, folder / "table.xlsx", timezone="Europe/Berlin")
    write_workbook(small, folder / "report.xlsx")
    ids = reviewed(folder / "report.xlsx", folder / "reviewed.xlsx")
    conversions = [Conversion(folder / f"{name}.xlsx", folder / f"{name}.csv", CSV) for name in ("marked", "table")]
    conversions.append(Conversion(folder / "report.xlsx", folder / "report.pdf", PDF))
    conversions.append(Conversion(folder / "reviewed.xlsx", folder / "saved.xlsx", XLSX))
    convert(soffice, tmp_path_factory.mktemp("profile"), conversions)
    return Made(folder, folder / "report.pdf", folder / "saved.xlsx", ids)


def test_each_sheet_equals_its_table(marked: ReportContext, made: Made) -> None:
    seen = Counter[str]()
    for plan in plan_sheets(marked, ALL):
        with (made.sheets / f"marked-{plan.name}.csv").open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        assert header == [column.header for column in plan.columns], plan.name
        expected = [shown(column, marked.zone) for column in plan.columns]
        assert rows == [list(row) for row in zip(*expected, strict=True)], plan.name
        for mark in MARKS[1:]:
            seen[mark] += sum(cell.startswith(mark) for row in rows for cell in row)
    assert min(seen[mark] for mark in MARKS[1:]) > 50


def test_a_single_table_is_shown_as_it_is(made: Made) -> None:
    with (made.sheets / "table-Table.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert header == ["@SUM(1)", "=1+1", "created (Europe/Berlin)", "odd"]
    assert [row[:3] for row in rows] == [[text, str(at), "2026-07-01 12:00:00"] for at, text in enumerate(TEXTS)]


def test_it_prints(made: Made) -> None:
    assert made.printed.read_bytes().startswith(b"%PDF")


def test_a_review_that_was_saved_there_is_read_back(made: Made) -> None:
    remarks = load_review(made.saved).remarks
    assert {name: (remark.status, remark.note) for name, remark in remarks.items()} == {
        made.ids[row]: told for row, told in TOLD.items()
    }
    parts = parts_of(made.saved)
    rules = re.findall(r"<dataValidation .*?<formula1>(.*?)</formula1>", sheets_of(parts)["Findings"])
    assert [html.unescape(rule) for rule in rules] == ['"Open,Accepted,Fixed"']
    tables = tables_of(parts)
    assert len(tables) > 3
    assert all(tables[name] for name in tables if name not in ("Cover", "Summary", "Charts"))
