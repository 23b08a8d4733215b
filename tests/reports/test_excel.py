"""The workbook, read back: text stays text, dates are dates, numbers are the summary's, nothing is cut unseen."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest

from vbr_audit.errors import OutputError
from vbr_audit.reports import excel, excel_sheet
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel import header_of, plan_sheets, write_workbook
from vbr_audit.reports.excel_cells import MAX_TEXT, CellGuard, number_values, python_values
from vbr_audit.reports.html import render_html

MakeRun = Callable[..., ReportContext]
SHEETS = [
    *("Cover", "Summary", "Findings", "Controls", "3-2-1-1-0", "Jobs", "Job settings", "Sessions", "Access"),
    "Provenance",
]
INJECTIONS = (
    *("=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "＝1+1", "#REF!", "#N/A", "#NAME?", "="),
    *("00123", "1e5", "TRUE", "2026-01-01", "'quoted", "https://x.example", "_x0041_", "a\r\nb", "\x00\x07\x1b[31m"),
    *("\u202eabc", "🚀", "\ufffe", "<f>1</f>", "&amp;", " spaced ", "x" * 40_000),
)


def write(context: ReportContext, path: Path) -> Path:
    write_workbook(context, path)
    return path


def values(path: Path, sheet: str) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path)
    return [tuple(cell.value for cell in row) for row in book[sheet].iter_rows()]


@pytest.fixture(scope="module")
def path(context: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(context, tmp_path_factory.mktemp("book") / "report.xlsx")


def test_sheets_tables_and_setup(path: Path, context: ReportContext) -> None:
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == SHEETS
    tables = {name: list(book[name].tables) for name in SHEETS[2:]}
    named = {name: [f"tbl{name.title().replace(' ', '')}"] for name in SHEETS[2:]} | {"3-2-1-1-0": ["tblProtection"]}
    assert tables == named
    for plan in plan_sheets(context):
        sheet = book[plan.name]
        (table,) = sheet.tables.values()
        assert [cell.value for cell in sheet[1]] == [column.name for column in table.tableColumns]
        assert table.ref.endswith(str(max(plan.rows, 1) + 1))
        assert sheet.freeze_panes.endswith("2")
        assert sheet.print_title_rows == "$1:$1"
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.fitToHeight == 0
        assert not sheet.merged_cells.ranges
        assert len({cell.value for cell in sheet[1]}) == len(sheet[1])
    assert book.properties.title == "Backup compliance, October 2026"
    assert book.properties.created == dt.datetime(2026, 11, 1, 6)


def test_headers_name_zone_and_unit(path: Path) -> None:
    headers = list(values(path, "Sessions")[0])
    assert headers[:7] == [
        *("Server", "Name", "Session type", "Result"),
        *("Created (Europe/Berlin)", "Ended (Europe/Berlin)", "Duration (s)"),
    ]
    assert "Progress (%)" in headers
    assert header_of("gfs_weekly_count", unit="weeks") == "GFS weekly count (weeks)"
    assert header_of("sha256") == "SHA-256"


def test_sessions_are_those_of_the_snapshot(path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Sessions")
    sessions = context.snapshot.sessions
    assert len(rows) == len(sessions)
    at = {
        name: header.index(name)
        for name in ("Session ID", "Duration (s)", "Created (Europe/Berlin)", "USN", "Is canceled")
    }
    assert [row[at["Session ID"]] for row in rows] == sessions["session_id"].tolist()
    assert [row[at["Duration (s)"]] for row in rows] == sessions["duration_s"].tolist()
    assert [row[at["USN"]] for row in rows] == sessions["usn"].tolist()
    assert all(row[at["Is canceled"]] is False for row in rows)
    local = sessions["created"].dt.tz_convert(ZoneInfo("Europe/Berlin")).dt.tz_localize(None).dt.floor("s")
    assert [row[at["Created (Europe/Berlin)"]] for row in rows] == [moment.to_pydatetime() for moment in local]


def test_clock_changes_keep_every_second(make_run: MakeRun, tmp_path: Path) -> None:
    context = make_run(job_count=2, session_count=4)
    sessions = context.snapshot.sessions.copy()
    moments = pd.to_datetime(
        ["2026-10-25T00:30:00.999999Z", "2026-10-25T01:30:00Z", "2026-03-29T01:00:00Z", None],
        utc=True,
        format="ISO8601",
    ).as_unit("us")
    sessions["created"] = moments
    snapshot = dataclasses.replace(context.snapshot, tables=dict(context.snapshot.tables) | {"sessions": sessions})
    rows = values(write(dataclasses.replace(context, snapshot=snapshot), tmp_path / "x.xlsx"), "Sessions")[1:]
    assert [row[4] for row in rows] == [
        dt.datetime(2026, 10, 25, 2, 30),
        dt.datetime(2026, 10, 25, 2, 30),
        dt.datetime(2026, 3, 29, 3, 0),
        None,
    ]


def test_findings_are_those_of_the_results(path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Findings")
    findings = context.results.findings
    assert header[:3] == ("Status", "Severity", "Check ID")
    status = [row[0] for row in rows]
    assert status == findings["status"].tolist()
    for name, expected in context.summary.counts.items():
        assert status.count(name) == expected
    ids = [row[header.index("Finding ID")] for row in rows]
    assert ids == findings["finding_id"].tolist()
    assert [row[header.index("Reason")] for row in rows] == python_values(findings["reason"])


def test_job_settings_name_their_job(path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Job settings")
    assert header[:4] == ("Server", "Job name", "Control", "Value")
    assert len(rows) == len(context.snapshot.job_settings)
    assert rows[0][1] == "Payroll DB"


def test_summary_has_the_numbers(path: Path, context: ReportContext) -> None:
    rows = values(path, "Summary")
    cells = {row[0]: row[1] for row in rows if row[0]}
    summary = context.summary
    assert {status: cells[status] for status in summary.counts} == dict(summary.counts)
    assert {severity: cells[severity] for severity in summary.failing_by_severity} == dict(summary.failing_by_severity)
    assert cells["Compliance"] == pytest.approx(summary.compliance)
    assert cells["Share assessed"] == pytest.approx(summary.assessed)
    assert cells["Success rate"] == pytest.approx(summary.success_rate)
    assert cells["Jobs in scope"] == summary.jobs_in_scope
    start = next(index for index, row in enumerate(rows) if row[0] == "Check")
    checks = rows[start + 1 : start + 1 + len(context.results.coverage)]
    for row, record in zip(checks, context.results.coverage.to_dict("records"), strict=True):
        assert row[:4] == (record["check_id"], record["severity"], record["population"], record["pass"])
        assert row[4] == record["fail"]
    text = "\n".join(str(cell) for row in rows for cell in row if cell)
    assert "PASS / (PASS + FAIL + WAIVED + UNKNOWN + ERROR)" in text
    assert "min_retries = 1" in text


def test_a_disabled_check_is_told_with_its_reason(make_run: MakeRun, tmp_path: Path) -> None:
    policy = "version: 1\nchecks:\n  JOB-015: {enabled: false, reason: no applications here}\n"
    context = make_run(policy=policy)
    row = next(row for row in values(write(context, tmp_path / "x.xlsx"), "Summary") if row[0] == "JOB-015")
    assert row[2:11] == (None,) * 8 + ("no",)
    assert row[14] == "no applications here"
    assert "JOB-015</b> Application-aware processing is enabled: no applications here" in render_html(context)


def test_cover_has_the_terms(path: Path, context: ReportContext) -> None:
    rows = values(path, "Cover")
    assert rows[0][0] == context.title
    cells = {row[0]: row[1] for row in rows if row[0]}
    for fact in context.cover:
        assert cells[fact.label] == fact.value
    assert cells["Verdict"] == context.summary.verdict.headline
    assert cells["Sessions"] == "90 rows"
    assert list(cells)[-3:] == ["Prepared by", "Reviewed by", "Date"]


def test_an_incomplete_run_is_told_on_the_cover(make_run: MakeRun, tmp_path: Path) -> None:
    context = make_run(changes={"sessions": {"status": "denied", "reason": "role too low"}})
    rows = values(write(context, tmp_path / "x.xlsx"), "Cover")
    assert [row[1] for row in rows if row[0] == "INCOMPLETE"] == list(context.results.incomplete)


@pytest.mark.parametrize("start", INJECTIONS, ids=[ascii(text[:12]) for text in INJECTIONS])
def test_text_stays_text(make_run: MakeRun, tmp_path: Path, start: str) -> None:
    context = make_run(job_count=3, session_count=3, word=lambda text: start, servers=("s",), waivers=None)
    path = write(context, tmp_path / "x.xlsx")
    kinds = {cell.data_type for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for cell in row}
    assert kinds <= {"s", "n", "b", "d", "inlineStr"}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode(errors="replace")
            assert not re.search(r"<f[ >]|t=\"e\"", text), name
            assert "externalLink" not in name + text
            assert "hyperlink" not in text.lower() or name == "xl/styles.xml"


def test_what_the_guard_changes_is_counted_on_the_cover(make_run: MakeRun, tmp_path: Path) -> None:
    context = make_run(job_count=1, session_count=2, word=lambda text: f"\x07{text}" + "y" * 40_000)
    path = write(context, tmp_path / "x.xlsx")
    cover = "\n".join(str(row[1]) for row in values(path, "Cover"))
    assert re.search(r"\d+ cells hold a character that a workbook cannot hold, shown as \ufffd", cover)
    assert re.search(r"\d+ cells were cut", cover)
    name = values(path, "Jobs")[1][1]
    assert len(name) <= MAX_TEXT
    assert name.startswith("\ufffdPayroll DB")
    assert name.endswith("characters cut]")


def test_the_guard() -> None:
    guard = CellGuard()
    assert guard.text("plain") == "plain"
    assert guard.text("a\r\nb\rc\td") == "a\nb\nc\td"
    assert guard.text("_x0041_ _xyz_") == "_x005F_x0041_ _xyz_"
    assert (guard.replaced, guard.cut) == (0, 0)
    assert guard.text("\ud800\x00") == "\ufffd\ufffd"
    assert len(guard.text("x" * 40_000)) <= MAX_TEXT
    assert (guard.replaced, guard.cut) == (1, 1)


def test_numbers_that_a_spreadsheet_cannot_hold_become_text() -> None:
    sheet = openpyxl.Workbook(write_only=True).create_sheet("x")
    shown = [getattr(value, "value", value) for value in number_values(sheet, [1, 2.5, None, 10**15, float("inf")])]
    assert shown == [1, 2.5, None, "1000000000000000", "inf"]


def test_a_long_table_goes_on_in_a_second_sheet(
    context: ReportContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_sheet, "MAX_ROWS", 40)
    path = write(context, tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(path)
    parts = [name for name in book.sheetnames if name.startswith("Sessions")]
    assert parts == ["Sessions", "Sessions 2", "Sessions 3"]
    assert [book[name].max_row - 1 for name in parts] == [40, 40, 10]
    assert [list(book[name].tables) for name in parts] == [["tblSessions"], ["tblSessions2"], ["tblSessions3"]]
    ids = [cell for name in parts for cell in [row[7] for row in values(path, name)[1:]]]
    assert ids == context.snapshot.sessions["session_id"].tolist()
    assert {row[0]: row[1] for row in values(path, "Cover")}["Sessions, Sessions 2, Sessions 3"] == "90 rows"


def test_an_empty_table_has_one_blank_row(make_run: MakeRun, tmp_path: Path) -> None:
    path = write(make_run(job_count=0, session_count=0, waivers=None), tmp_path / "x.xlsx")
    sheet = openpyxl.load_workbook(path)["Sessions"]
    (table,) = sheet.tables.values()
    assert table.ref.endswith("2")
    assert values(path, "Cover")
    assert "Sessions" in sheet.title


def test_equal_runs_give_equal_cells(make_run: MakeRun, tmp_path: Path) -> None:
    first, second = write(make_run(), tmp_path / "a.xlsx"), write(make_run(), tmp_path / "b.xlsx")
    for name in SHEETS:
        assert values(first, name) == values(second, name)


def test_a_folder_that_cannot_be_written(context: ReportContext, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        write_workbook(context, tmp_path / "file" / "report.xlsx")


def test_a_write_that_breaks_leaves_nothing_behind(
    context: ReportContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(excel, "write_summary", full)
    with pytest.raises(OutputError, match="No space left"):
        write_workbook(context, tmp_path / "report.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_hostile_text_everywhere(hostile_context: ReportContext, tmp_path: Path) -> None:
    path = write(hostile_context, tmp_path / "x.xlsx")
    assert values(path, "Cover")[0][0].startswith("Title \"'><script>")


def test_pandas_reads_it_back(path: Path, context: ReportContext) -> None:
    frame = pd.read_excel(path, sheet_name="Sessions")
    assert frame["Created (Europe/Berlin)"].dtype.kind == "M"
    assert frame["Duration (s)"].sum() == context.snapshot.sessions["duration_s"].sum()
