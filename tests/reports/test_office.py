"""The workbook in a real LibreOffice: it opens, prints, and holds row by row what the tables hold."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel import plan_sheets, write_workbook

pytestmark = pytest.mark.office

MakeRun = Callable[..., ReportContext]
ALL_SHEETS_AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"


@pytest.fixture(scope="module")
def convert(need_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Path]:
    """Convert a workbook; give the folder of what came of it."""
    soffice = need_tool("soffice", "libreoffice")
    profile = tmp_path_factory.mktemp("profile")

    def convert_to(book: Path, kind: str) -> Path:
        folder = tmp_path_factory.mktemp("office")
        command = [soffice, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", kind]
        subprocess.run([*command, "--outdir", str(folder), str(book)], check=True, capture_output=True, timeout=240)
        return folder

    return convert_to


def shown(column: pd.Series, zone: object) -> list[str]:
    """A column as a spreadsheet shows it."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        local = column.dt.tz_convert(zone).dt.floor("s")
        return ["" if pd.isna(moment) else f"{moment:%Y-%m-%d %H:%M:%S}" for moment in local]
    if pd.api.types.is_bool_dtype(column.dtype):
        return ["" if pd.isna(value) else str(value).upper() for value in column]
    if pd.api.types.is_float_dtype(column.dtype):
        return ["" if pd.isna(value) else f"{value:g}" for value in column]
    return ["" if pd.isna(value) else str(value) for value in column]


@pytest.mark.parametrize("mark", ["", "=1+1 ", "#N/A", '_x0041_ é\n🚀 " , '], ids=["plain", "formula", "error", "odd"])
def test_each_sheet_equals_its_table(
    make_run: MakeRun, tmp_path: Path, convert: Callable[[Path, str], Path], mark: str
) -> None:
    context = make_run(job_count=8, session_count=40, word=lambda text: mark + text, waivers=None)
    book = tmp_path / "report.xlsx"
    write_workbook(context, book)
    folder = convert(book, ALL_SHEETS_AS_CSV)
    for plan in plan_sheets(context):
        with (folder / f"report-{plan.name}.csv").open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        assert header == [column.header for column in plan.columns]
        expected = [shown(column.values, context.zone) for column in plan.columns]
        assert rows == [list(row) for row in zip(*expected, strict=True)]


def test_it_prints(context: ReportContext, tmp_path: Path, convert: Callable[[Path, str], Path]) -> None:
    book = tmp_path / "report.xlsx"
    write_workbook(context, book)
    (printed,) = convert(book, "pdf").iterdir()
    assert printed.read_bytes().startswith(b"%PDF")
