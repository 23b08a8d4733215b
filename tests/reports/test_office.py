"""The workbook in a real LibreOffice: it opens, prints, and holds row by row what the tables hold."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import itertools
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import vbr_audit as va
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel.workbook import plan_sheets, write_workbook
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.reports.review import Remark, Review, load_review
from vbr_audit.spreadsheet.sheet import SheetColumn

pytestmark = pytest.mark.office

MakeRun = Callable[..., ReportContext]
ALL = ReportOptions(sheets="all")
ALL_SHEETS_AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"


Convert = Callable[..., Path]


@pytest.fixture(scope="module")
def convert(need_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Convert workbooks, to all of which one start of LibreOffice is enough; give the folder of what came of them."""
    soffice = need_tool("soffice", "libreoffice")
    profile = tmp_path_factory.mktemp("profile")

    def convert_to(kind: str, *books: Path) -> Path:
        folder = tmp_path_factory.mktemp("office")
        command = [soffice, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", kind]
        subprocess.run(
            [*command, "--outdir", str(folder), *map(str, books)], check=True, capture_output=True, timeout=240
        )
        return folder

    return convert_to


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
def sheets(marked: ReportContext, convert: Convert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each sheet of the workbooks of that run, and of one table, as LibreOffice writes it as CSV."""
    folder = tmp_path_factory.mktemp("books")
    write_workbook(marked, folder / "marked.xlsx", ALL)
    created = pd.to_datetime(["2026-07-01T10:00Z"] * 4, utc=True)
    index = pd.Index(TEXTS, name="@SUM(1)")
    frame = pd.DataFrame({"=1+1": range(4), "created": created, "odd": [True, None, False, True]}, index=index)
    va.to_excel(frame, folder / "table.xlsx", timezone="Europe/Berlin")
    return convert(ALL_SHEETS_AS_CSV, *folder.iterdir())


def test_each_sheet_equals_its_table(marked: ReportContext, sheets: Path) -> None:
    seen = Counter[str]()
    for plan in plan_sheets(marked, ALL):
        with (sheets / f"marked-{plan.name}.csv").open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        assert header == [column.header for column in plan.columns], plan.name
        expected = [shown(column, marked.zone) for column in plan.columns]
        assert rows == [list(row) for row in zip(*expected, strict=True)], plan.name
        for mark in MARKS[1:]:
            seen[mark] += sum(cell.startswith(mark) for row in rows for cell in row)
    assert min(seen[mark] for mark in MARKS[1:]) > 50


def test_a_single_table_is_shown_as_it_is(sheets: Path) -> None:
    with (sheets / "table-Table.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert header == ["@SUM(1)", "=1+1", "created (Europe/Berlin)", "odd"]
    assert [row[:3] for row in rows] == [[text, str(at), "2026-07-01 12:00:00"] for at, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def small(make_run: MakeRun) -> ReportContext:
    """A run of few rows, with every sheet."""
    return make_run(job_count=4, session_count=8)


def test_it_prints(small: ReportContext, tmp_path: Path, convert: Convert) -> None:
    book = tmp_path / "report.xlsx"
    write_workbook(small, book)
    (printed,) = convert("pdf", book).iterdir()
    assert printed.read_bytes().startswith(b"%PDF")


def test_a_review_that_was_saved_there_is_read_back(small: ReportContext, tmp_path: Path, convert: Convert) -> None:
    write_workbook(small, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    sheet = book["Findings"]
    at = {cell.value: cell.column for cell in sheet[1]}
    told = {2: ("Accepted", "=1+1"), 3: ("Open", "über\nzwei Zeilen"), 5: ("Fixed", None)}
    for row, (status, note) in told.items():
        sheet.cell(row, at["Reviewer status"], status)
        if note:
            sheet.cell(row, at["Reviewer note"], note).data_type = "s"
    book.save(tmp_path / "reviewed.xlsx")
    (saved,) = convert("xlsx", tmp_path / "reviewed.xlsx").iterdir()
    ids = {row: sheet.cell(row, at["Finding ID"]).value for row in told}
    remarks = load_review(saved).remarks
    assert {name: (remark.status, remark.note) for name, remark in remarks.items()} == {
        ids[2]: ("Accepted", "=1+1"),
        ids[3]: ("Open", "über\nzwei Zeilen"),
        ids[5]: ("Fixed", None),
    }
    again = openpyxl.load_workbook(saved)
    (rule,) = again["Findings"].data_validations.dataValidation
    assert rule.formula1 == '"Open,Accepted,Fixed"'
    assert all(sheet.tables for sheet in again if sheet.title not in ("Cover", "Summary", "Charts"))
