"""The workbook, read back: text stays text, dates are dates, numbers are the summary's, nothing is cut unseen."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import html
import itertools
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest
from workbook_parts import kinds_of_cells, parts_of, tables_of

from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.datasets import SPECS
from vbr_audit.display import shorten
from vbr_audit.errors import OutputError
from vbr_audit.reports.charts.chart_list import chart_plans
from vbr_audit.reports.charts.shapes import Cells, Lines, Ranges, Series
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel import data as excel_data
from vbr_audit.reports.excel import workbook as excel
from vbr_audit.reports.excel.data import header_of
from vbr_audit.reports.excel.findings import exceptions_plan
from vbr_audit.reports.excel.front import MOST_CAUSES, SIGNATURES
from vbr_audit.reports.excel.method import checks_plan, limits_plan, provenance_plan
from vbr_audit.reports.excel.workbook import plan_sheets, write_workbook
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.reports.review import Remark, Review
from vbr_audit.spreadsheet import sheet as excel_sheet
from vbr_audit.spreadsheet.cells import MAX_TEXT, CellGuard, number_values, python_values
from vbr_audit.spreadsheet.sheet import SheetPlan

MakeRun = Callable[..., ReportContext]
READ = ["Cover", "Summary", "Charts", "Sample"]
"""The sheets that are read; each other one is a table from its first row on."""
ALL = ReportOptions(sheets="all")
"""Every table as a sheet: what holds for a sheet is tested on all of them."""
SHEETS = [
    *("Cover", "Summary", "Charts", "Findings", "Causes", "Protected objects", "Repositories", "Controls"),
    *("Check results", "Check coverage"),
    *("Checks as configured", "Exceptions", "Sample", "Jobs", "Job settings", "Runs of jobs", "Job states"),
    *(
        "Oldest session",
        "Sessions",
        "Backup servers",
        "Runs due and made",
        "Session coverage",
        "Provenance",
        "Access",
        "Limits",
        "Dictionary",
    ),
]
INJECTIONS = (
    *("=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "＝1+1", "#REF!", "#N/A", "#NAME?", "="),
    *("00123", "1e5", "TRUE", "2026-01-01", "'quoted", "https://x.example", "_x0041_", "a\r\nb", "\x00\x07\x1b[31m"),
    *("\u202eabc", "🚀", "\ufffe", "<f>1</f>", "&amp;", " spaced ", "x" * 40_000),
)


def write(context: ReportContext, path: Path) -> Path:
    write_workbook(context, path, ALL)
    return path


@lru_cache(maxsize=4)
def opened(path: Path) -> openpyxl.Workbook:
    """A workbook of which each sheet is read when it is asked for; even to open it takes a look at all of them."""
    return openpyxl.load_workbook(path, read_only=True)


@cache
def values(path: Path, sheet: str) -> list[tuple[Any, ...]]:
    rows = list(opened(path)[sheet].iter_rows(values_only=True))
    width = max(map(len, rows), default=0)
    return [(*row, *[None] * (width - len(row))) for row in rows]


BY_ITSELF: dict[str, Callable[[ReportContext], SheetPlan]] = {
    "Checks as configured": lambda context: checks_plan(context, ""),
    "Exceptions": lambda context: exceptions_plan(context, ""),
    "Provenance": lambda context: provenance_plan(context, "", ALL),
    "Limits": lambda context: limits_plan(context, "", ALL),
}
"""What makes a single data sheet, where that is quicker than to make all of them."""


def planned(context: ReportContext, name: str) -> list[tuple[Any, ...]]:
    """The header and the rows of a data sheet, before they are written."""
    plans = (BY_ITSELF[name](context),) if name in BY_ITSELF else plan_sheets(context, ALL)
    (plan,) = (plan for plan in plans if plan.name == name)
    rows = zip(*(python_values(column.values) for column in plan.columns), strict=True)
    return [tuple(column.header for column in plan.columns), *rows]


@pytest.fixture(scope="module")
def path(all_sheets: Path) -> Path:
    return all_sheets


def test_sheets_tables_and_setup(book: openpyxl.Workbook, path: Path, context: ReportContext) -> None:
    assert book.sheetnames == SHEETS
    plans = plan_sheets(context, ALL)
    assert [plan.name for plan in plans] == [name for name in SHEETS if name not in READ]
    tables = [list(book[plan.name].tables) for plan in plans]
    assert tables == [[plan.table] for plan in plans]
    assert len({plan.table for plan in plans}) == len(plans)
    assert {"tblFindings", "tblSessions", "tblJobs", "tblProvenance"} <= {plan.table for plan in plans}
    assert list(book["Sample"].tables) == ["tblSample"]
    assert (book.active.title, book.active.sheet_view.selection[0].activeCell) == ("Cover", "A1")
    assert all(len(name) <= 31 for name in book.sheetnames)
    for plan in plans:
        sheet = book[plan.name]
        (table,) = sheet.tables.values()
        assert [cell.value for cell in sheet[1]] == [column.name for column in table.tableColumns]
        assert table.ref.endswith(str(max(plan.rows, 1) + 1))
        assert opened(path)[plan.name].calculate_dimension() == table.ref
        assert sheet.freeze_panes.endswith("2")
        assert sheet.print_title_rows == "$1:$1"
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.fitToHeight == 0
        assert not sheet.merged_cells.ranges
        assert len({str(cell.value).casefold() for cell in sheet[1]}) == len(sheet[1])
    assert book.properties.title == "Backup compliance, October 2026"
    assert book.properties.created == dt.datetime(2026, 11, 1, 6)


def test_headers_name_zone_and_unit(path: Path) -> None:
    headers = list(values(path, "Sessions")[0])
    assert headers[:9] == [
        *("Server", "Name", "Session type", "Result", "Created (Europe/Berlin)", "Ended (Europe/Berlin)"),
        *("Duration (s)", "Duration (h:mm:ss)", "Is retry"),
    ]
    assert "Progress (%)" in headers
    assert header_of("gfs_weekly_count", unit="weeks") == "GFS weekly count (weeks)"
    assert header_of("sha256") == "SHA-256"
    assert header_of("capacity_gb", unit="GB") == "Capacity (GB)"
    assert header_of("email_recipients", unit="recipients") == "Email recipients"


def test_sessions_are_those_of_the_snapshot(book: openpyxl.Workbook, path: Path, context: ReportContext) -> None:
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
    sheet = book["Sessions"]
    (taken, flag) = (sheet.cell(2, header.index(name) + 1) for name in ("Duration (h:mm:ss)", "Is retry"))
    assert (taken.number_format, taken.value) == ("[h]:mm:ss", dt.timedelta(minutes=12))
    assert flag.value is False


def test_a_retry_and_its_run_are_marked(make_run: MakeRun) -> None:
    context = make_run(job_count=1, session_count=4)
    sessions = context.snapshot.sessions.copy()
    start = pd.Timestamp("2026-10-05T20:00:00Z")
    sessions["created"] = pd.Series([start + pd.Timedelta(minutes=10 * row) for row in range(4)]).dt.as_unit("us")
    sessions["ended"] = sessions["created"] + pd.Timedelta(minutes=5)
    sessions["result"] = pd.array(["Failed", "Failed", "Success", "Success"], dtype=sessions["result"].dtype)
    sessions.loc[3, "job_id"] = pd.NA
    jobs = context.snapshot.tables["jobs"].assign(retry_enabled=pd.array([True], dtype="boolean"))
    changes = {"sessions": sessions, "jobs": jobs}
    snapshot = dataclasses.replace(context.snapshot, tables=dict(context.snapshot.tables) | changes)
    changed = dataclasses.replace(context, snapshot=snapshot)
    header, *rows = planned(changed, "Sessions")
    assert [row[header.index("Is retry")] for row in rows] == [False, True, True, None]
    last = sessions["session_id"][2]
    assert [row[header.index("Run session ID")] for row in rows] == [last, last, last, None]
    header, run = planned(changed, "Runs of jobs")
    told = dict(zip(header, run, strict=True))
    assert (told["Session ID"], told["Attempts"], told["Retries"], told["Result"]) == (last, 3, 2, "Success")


CLOCK = {
    "2026-10-25T00:30:00.999999Z": dt.datetime(2026, 10, 25, 2, 30),
    "2026-10-25T01:30:00Z": dt.datetime(2026, 10, 25, 2, 30),
    "2026-03-29T01:00:00Z": dt.datetime(2026, 3, 29, 3, 0),
    None: None,
}
"""Moments around the changes of the clock, and what a sheet shows of each in Berlin."""


@pytest.fixture(scope="module")
def odd(make_run: MakeRun) -> ReportContext:
    """A run to which sessions were denied, of which some began while the clock was changed."""
    changes = {"sessions": {"status": "denied", "reason": "role too low"}}
    context = make_run(job_count=2, session_count=len(CLOCK), changes=changes)
    sessions = context.snapshot.sessions.copy()
    sessions["created"] = pd.to_datetime(list(CLOCK), utc=True, format="ISO8601").as_unit("us")
    snapshot = dataclasses.replace(context.snapshot, tables=dict(context.snapshot.tables) | {"sessions": sessions})
    return dataclasses.replace(context, snapshot=snapshot)


@pytest.fixture(scope="module")
def odd_path(odd: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of that run, written by somebody who has a classification."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VBR_AUDIT_CLASSIFICATION", "=Confidential")
        return write(odd, tmp_path_factory.mktemp("odd") / "x.xlsx")


def test_clock_changes_keep_every_second(odd_path: Path) -> None:
    assert [row[4] for row in values(odd_path, "Sessions")[1:]] == list(CLOCK.values())


def test_check_results_are_the_whole_population(path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Check results")
    findings = context.results.findings
    assert header[:3] == ("Status", "Severity", "Check ID")
    status = [row[0] for row in rows]
    assert status == findings["status"].tolist()
    for name, expected in context.summary.counts.items():
        assert status.count(name) == expected
    ids = [row[header.index("Finding ID")] for row in rows]
    assert ids == findings["finding_id"].tolist()
    assert [row[header.index("Reason")] for row in rows] == python_values(findings["reason"])
    expires = [row[header.index("Waiver expires")] for row in rows]
    assert dt.datetime(2027, 1, 31) in expires
    assert [moment and f"{moment:%Y-%m-%d}" for moment in expires] == python_values(findings["waiver_expires"])
    assert {row[header.index("Evidence")] for row in rows} >= {"evidence/vbr01.example.zip: job_states, jobs"}


def test_findings_are_what_somebody_has_to_look_at(book: openpyxl.Workbook, path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Findings")
    findings = context.results.findings
    expected = findings[findings["status"].isin(["FAIL", "ERROR", "UNKNOWN", "WAIVED"])]
    assert [row[header.index("Finding ID")] for row in rows] == expected["finding_id"].tolist()
    assert {row[header.index("Reviewer status")] for row in rows} == {None}
    sheet = book["Findings"]
    (rule,) = sheet.data_validations.dataValidation
    letter = sheet.cell(1, header.index("Reviewer status") + 1).column_letter
    assert (rule.type, rule.formula1) == ("list", '"Open,Accepted,Fixed"')
    assert str(rule.sqref) == f"{letter}2:{letter}{len(rows) + 1}"


def test_causes_are_those_of_the_findings_and_the_first_stand_on_the_cover(path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Causes")
    causes = context.results.causes
    names = {"Severity": "severity", "Check ID": "check_id", "Name": "name", "Kind": "kind", "Findings": "findings"}
    names |= {"Objects": "objects", "Remediation": "remediation", "Cause": "cause"}
    shown = [tuple(row[header.index(name)] for name in names) for row in rows]
    assert shown == list(zip(*(python_values(causes[name]) for name in names.values()), strict=True))
    findings = values(path, "Findings")
    places = [findings[0].index(name) for name in ("Status", "Cause")]
    failing = Counter(row[places[1]] for row in findings[1:] if row[places[0]] == "FAIL")
    assert failing == {row[header.index("Cause")]: row[header.index("Findings")] for row in rows}
    cover = [row[1] for row in values(path, "Cover") if isinstance(row[1], str)]
    told = [text for text in cover if re.search(r"\. Settles \d+ findings?\. ", text)]
    assert [text.split()[0] for text in told] == causes["check_id"].head(MOST_CAUSES).tolist()


def test_a_check_is_listed_with_the_worst_severity_that_its_findings_have(path: Path, context: ReportContext) -> None:
    failed = context.results.failed.iloc[::-1]  # the worst findings come first
    worst = dict(zip(failed["check_id"], failed["severity"], strict=True))
    for sheet in ("Check coverage", "Checks as configured"):
        header, *rows = values(path, sheet)
        shown = {row[header.index("Check ID")]: row[header.index("Worst severity")] for row in rows}
        assert {check: severity for check, severity in shown.items() if severity} == worst


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
    assert cells["Success rate by run"] == pytest.approx(summary.success_rate)
    assert cells["Jobs in scope"] == summary.jobs_in_scope
    assert next(row[2] for row in rows if row[0] == "Jobs in scope").endswith(summary.jobs_found.text)
    assert cells["Datasets needed"] == summary.needed_total
    areas = {row[0]: row[1:9] for row in rows if row[0] in {entry.area for entry in summary.by_area}}
    for entry in summary.by_area:
        counts = tuple(entry.counts[name] for name in summary.counts)
        assert areas[entry.area] == (*counts, pytest.approx(entry.compliance), pytest.approx(entry.assessed))
    server = next(row for row in rows if row[0] == "vbr01.example" and row[7] is not None)
    assert server[1:9] == (*summary.counts.values(), cells["Compliance"], cells["Share assessed"])
    text = "\n".join(str(cell) for row in rows for cell in row if cell)
    assert "PASS / (PASS + FAIL + WAIVED + UNKNOWN + ERROR)" in text


def test_each_check_has_its_population(path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Check coverage")
    names = ("Check ID", "Severity", "Population", "Pass", "Fail", "Not applicable", "Whole")
    shown = [tuple(row[header.index(name)] for name in names) for row in rows]
    columns = ("check_id", "severity", "population", "pass", "fail", "not_applicable", "whole")
    assert shown == list(zip(*(python_values(context.results.coverage[name]) for name in columns), strict=True))


POLICY = """\
version: 1
checks:
  JOB-015: {enabled: false, reason: no applications here}
  JOB-003:
    severity: high
    params: {min_retries: 2}
overrides:
  - match: {object_name: "SQL*"}
    checks: {JOB-003: {params: {min_retries: 5}}}
"""


def test_checks_are_told_as_configured_and_where(make_run: MakeRun) -> None:
    header, *rows = planned(make_run(job_count=3, session_count=6, policy=POLICY), "Checks as configured")
    told = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    disabled, changed = told["JOB-015"], told["JOB-003"]
    assert (disabled["Enabled"], disabled["Why disabled"]) == ("no", "no applications here")
    assert (changed["Enabled"], changed["Severity"], changed["Parameters"]) == ("yes", "high", "min_retries = 2")
    assert re.fullmatch(r"severity: \S+:5; min_retries: \S+:6; all else: default", changed["Where set"])
    assert re.fullmatch(r"object_name SQL\*: min_retries = 5 \(\S+:\d+\)", changed["Overrides"])
    assert told["JOB-001"]["Where set"] == "all: default"
    assert "NIST" in told["JOB-004"]["Requirements"]


def test_exceptions_tell_what_became_of_each(make_run: MakeRun) -> None:
    context = make_run()
    items = pd.DataFrame({name: pd.Series([pd.NA], dtype="string") for name in SPECS["best_practices"].names})
    items = items.assign(server="vbr01.example", best_practice_id="b-1", best_practice="=Traffic is encrypted")
    items = items.assign(status="Suppressed", note="CHG-7").astype(context.snapshot.tables["best_practices"].dtypes)
    tables = dict(context.snapshot.tables) | {"best_practices": items}
    changed = dataclasses.replace(context, snapshot=dataclasses.replace(context.snapshot, tables=tables))
    header, *rows = planned(changed, "Exceptions")
    told = {row[header.index("ID")]: dict(zip(header, row, strict=True)) for row in rows}
    assert {name: row["State"] for name, row in told.items()} == {
        "W-1": "in force",
        "W-2": "expired",
        "W-3": "fits nothing",
        "b-1": "suppressed",
    }
    waived = context.results.findings["waiver_id"].eq("W-1").sum()
    assert waived
    assert (told["W-1"]["Findings matched"], told["W-1"]["Findings accepted"]) == (waived, waived)
    assert (told["W-2"]["Findings accepted"], told["W-3"]["Findings matched"]) == (0, 0)
    assert told["W-1"]["Expires"] == (dt.date(2027, 1, 31) - dt.date(1899, 12, 30)).days
    assert (told["b-1"]["Object"], told["b-1"]["Reason"]) == ("=Traffic is encrypted", "CHG-7")


def test_provenance_proves_that_it_is_all_there(path: Path, context: ReportContext) -> None:
    header, *rows = values(path, "Provenance")
    told = {row[1]: dict(zip(header, row, strict=True)) for row in rows}
    sessions = told["sessions"]
    counts = ("API total", "Rows received", "Rows after duplicates", "Rows kept", "Rows in sheet")
    assert [sessions[name] for name in counts] == [90] * 5
    assert (sessions["Reconciled"], sessions["Sheet"], sessions["Remark"]) == ("yes", "Sessions", None)
    assert sessions["Filters"] == "orderColumn=Name"
    assert (sessions["Account"], sessions["Evidence"]) == (*("auditor, Backup Viewer", "evidence/vbr01.example.zip"),)
    assert all(row["Reconciled"] == "yes" for name, row in told.items() if name != "manifest.json")
    last = rows[-1]
    assert last[1] == "manifest.json"
    assert last[header.index("SHA-256")] == hashlib.sha256(context.manifest.to_json()).hexdigest()


DISAGREEING: dict[str, dict[str, Any]] = {
    "the server counts 10 rows, 9 different ones were received": {"api_total": 10},
    "8 rows should have been kept, 9 were": {"rows_duplicate": 1, "api_total": 8},
    "10 rows were kept, 9 are in the sheet or file": {"rows_received": 10, "api_total": 10, "rows_kept": 10},
    "not read whole: partial": {"status": DatasetStatus.PARTIAL},
    "role too low": {"status": DatasetStatus.DENIED, "reason": "role too low", "pages": 0},
}
"""What is told of sessions that were read, by what does not agree in their record."""


def test_provenance_tells_what_does_not_agree(make_run: MakeRun) -> None:
    servers = [f"vbr{at}.example" for at in range(len(DISAGREEING))]
    context = make_run(servers=servers, job_count=1, session_count=9)
    changes = dict(zip(servers, DISAGREEING.values(), strict=True))
    records = [
        record.model_copy(update=changes[record.server]) if record.name == "sessions" else record
        for record in context.manifest.datasets
    ]
    manifest = context.manifest.model_copy(update={"datasets": records})
    changed = dataclasses.replace(context, snapshot=dataclasses.replace(context.snapshot, manifest=manifest))
    header, *rows = planned(changed, "Provenance")
    told = [dict(zip(header, row, strict=True)) for row in rows if row[header.index("Dataset")] == "sessions"]
    assert {row["Server"]: (row["Reconciled"], row["Remark"]) for row in told} == {
        server: ("no", remark) for server, remark in zip(servers, DISAGREEING, strict=True)
    }


def test_limits_tell_what_was_not_looked_at(odd: ReportContext) -> None:
    context = odd
    header, *rows = planned(context, "Limits")
    assert header == ("Kind", "Server", "Subject", "Text")
    assert ("not read whole", "vbr01.example", "sessions", "denied: role too low") in rows
    assert [row[3] for row in rows if row[0] == "incomplete"] == list(context.results.incomplete)
    assert [row[3] for row in rows if row[0] == "not looked at"] == list(context.results.limits)
    assert any("tape" in row[3].lower() for row in rows)
    assert ("history", "vbr01.example", "sessions") in [row[:3] for row in rows]
    assert {"definition", "not asked for", "warning while reading"} <= {row[0] for row in rows}


def test_the_dictionary_tells_of_every_column(path: Path, context: ReportContext) -> None:
    _, *rows = values(path, "Dictionary")
    told = {(row[0], row[1]): row[2:] for row in rows}
    for plan in plan_sheets(context, ALL):
        if plan.name == "Dictionary":
            continue
        assert told[plan.name, None][0], plan.name
        assert told[plan.name, None][3] == (plan.rows or None)
        for column in plan.columns:
            meaning, kind, source, _ = told[plan.name, column.header]
            assert meaning, f"{plan.name}: {column.header}"
            assert "`" not in meaning
            assert kind
            assert source
    assert told["Sessions", "Duration (h:mm:ss)"][1] == "time taken"
    sample = next(row for row in values(path, "Sample") if row[0] == "No.")
    assert all(told["Sample", name][0] for name in sample)


def test_every_table_of_a_snapshot_has_a_sheet(make_run: MakeRun) -> None:
    context = make_run(job_count=1, session_count=1)
    tables = {}
    for name, spec in SPECS.items():
        empty = context.snapshot.tables[name].iloc[:0]
        row = pd.DataFrame({column: pd.Series([pd.NA], dtype=empty[column].dtype) for column in spec.names})
        tables[name] = context.snapshot.tables[name] if len(context.snapshot.tables[name]) else row
    filled = dataclasses.replace(context, snapshot=dataclasses.replace(context.snapshot, tables=tables))
    plans = {plan.name: plan for plan in plan_sheets(filled, ALL)}
    sources = {column.source for plan in plans.values() for column in plan.columns}
    assert {f"table {name}" for name in SPECS if name not in ("datasets", "edge_sessions")} <= sources
    assert all(len(name) <= 28 for name in plans)  # so that ` 99` can follow
    headers = {column.header: column for column in plans["Task sessions"].columns}
    assert headers["Processed (bytes)"].number_format == "#,##0"
    assert headers["Processed (GiB)"].number_format == "#,##0.00"
    for plan in plans.values():
        assert len({column.header.casefold() for column in plan.columns}) == len(plan.columns)


def test_details_of_too_many_rows_are_left_out_and_it_is_told(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_data, "MAX_DETAIL_ROWS", 1)
    context = make_run(job_count=1, session_count=1)
    empty = context.snapshot.tables["backup_files"]
    row = {name: pd.Series([pd.NA] * 2, dtype=empty[name].dtype) for name in empty.columns}
    record = context.manifest.datasets[0].model_copy(update={"name": "backup_files", "rows_kept": 2})
    manifest = context.manifest.model_copy(update={"datasets": [record]})
    tables = dict(context.snapshot.tables) | {"backup_files": pd.DataFrame(row)}
    snapshot = dataclasses.replace(context.snapshot, tables=tables, manifest=manifest)
    path = write(dataclasses.replace(context, snapshot=snapshot), tmp_path / "x.xlsx")
    assert "Backup files" not in tables_of(parts_of(path))
    told = "Backup files: 2 rows not in this workbook; data/backup_files.csv of a run folder has them, "
    told += "and the checks looked at all of them"
    cells = {name: {cell for row in values(path, name) for cell in row} for name in ("Cover", "Limits")}
    assert told in cells["Limits"]
    assert any(str(text).startswith("1 table, with rows: Backup files (2). ") for text in cells["Cover"])
    header, proof, _ = values(path, "Provenance")
    shown = dict(zip(header, proof, strict=True))
    assert (shown["Rows in sheet"], shown["Sheet"]) == (None, None)


def test_charts_tell_their_message(path: Path, context: ReportContext) -> None:
    with zipfile.ZipFile(path) as archive:
        drawing = archive.read("xl/drawings/drawing1.xml").decode()
    texts = [html.unescape(text) for text in re.findall(r'descr="([^"]*)"', drawing)]
    plans = sorted(chart_plans(context), key=lambda plan: isinstance(plan.shape, Cells))
    assert texts == [shorten(plan.alt, 2_000) for plan in plans]
    assert len(texts) >= 3
    numbers = re.findall(r'<(?:xdr:)?cNvPr [^>]*?id="(\d+)"', drawing)
    assert len(set(numbers)) == len(numbers) == len(texts)


def test_native_charts_read_the_cells_that_the_page_draws(book: openpyxl.Workbook, context: ReportContext) -> None:
    sheet = book["Charts"]
    plans = [plan for plan in chart_plans(context) if not isinstance(plan.shape, Cells)]
    assert len(sheet._charts) == len(plans)
    for chart, plan in zip(sheet._charts, plans, strict=True):
        assert chart.title.tx.rich.p[0].r[0].t == plan.title
        names, drawn = getattr(plan.shape, "names", None) or plan.shape.steps, series_of(plan.shape)
        assert len(chart.series) == len(drawn)
        for native, ours in zip(chart.series, drawn, strict=True):
            assert cells(sheet, native.tx.strRef.f) == [ours.word]
            assert cells(sheet, native.val.numRef.f) == list(ours.values)
            assert cells(sheet, (native.cat.numRef or native.cat.strRef).f) == list(names)
            assert not any(str(value).startswith("=") for value in cells(sheet, native.val.numRef.f))


def series_of(shape: Any) -> list[Series]:
    """What is drawn of a shape: a word without a value has no bar and no line."""
    both = (shape.usual, shape.longest) if isinstance(shape, Ranges) else shape.series
    return [
        one for one in both if any(value is not None and (value or isinstance(shape, Lines)) for value in one.values)
    ]


def cells(sheet: Any, reference: str) -> list[Any]:
    """The values of the cells that a chart reads."""
    name, _, area = reference.replace("$", "").rpartition("!")
    assert name.strip("'") == sheet.title
    found = sheet[area]
    return [row[0].value for row in found] if isinstance(found, tuple) else [found.value]


def test_the_properties_name_tool_policy_and_schema(book: openpyxl.Workbook, context: ReportContext) -> None:
    told = {entry.name: entry.value for entry in book.custom_doc_props.props}
    assert told["Tool"] == f"vbr-audit {context.manifest.run.tool_version}"
    assert told["Policy SHA-256"] == (context.manifest.run.policy_sha256 or "none")
    assert (told["Run ID"], told["Schema"]) == (context.manifest.run_id, "3")
    assert book.properties.creator == told["Tool"]


def test_cover_has_the_terms(book: openpyxl.Workbook, path: Path, context: ReportContext) -> None:
    rows = values(path, "Cover")
    assert rows[0][0] == context.title
    cells = {row[0]: row[1] for row in rows if row[0]}
    for fact in context.cover:
        assert cells[fact.label] == fact.value
    assert cells["Verdict"] == context.summary.verdict.headline
    assert cells["Sessions"].startswith("90 rows. One row per session")
    labels = list(cells)
    assert labels[labels.index("Sheets") - 4 : labels.index("Sheets")] == ["Sign-off", *SIGNATURES]
    assert cells["Classification"] == "not classified"
    assert cells["Run ID"] == context.manifest.run_id
    sheet = book["Cover"]
    links = {cell.value: cell.hyperlink for (cell,) in sheet.iter_rows(max_col=1) if cell.hyperlink}
    assert list(links) == [name for name in SHEETS if name != "Cover"]
    assert all((link.location, link.target) == (f"'{name}'!A1", None) for name, link in links.items())


def test_the_classification_is_a_setting(odd_path: Path) -> None:
    assert ("Classification", "=Confidential") in [row[:2] for row in values(odd_path, "Cover")]


def test_an_incomplete_run_is_told_on_the_cover(odd: ReportContext, odd_path: Path) -> None:
    told = [row[1] for row in values(odd_path, "Cover") if row[0] == "INCOMPLETE"]
    assert told == [f"{gap.text} {gap.remedy}" for gap in odd.gaps] != []


def test_text_stays_text(make_run: MakeRun, tmp_path: Path) -> None:
    texts = itertools.cycle(INJECTIONS)
    rows = 2 * len(INJECTIONS)
    context = make_run(job_count=rows, session_count=rows, word=lambda text: next(texts), waivers=None, servers=("s",))
    remarks = {
        name: Remark.model_construct(finding_id=name, status=None, note=text)
        for name, text in zip(context.results.findings["finding_id"], INJECTIONS, strict=False)
    }
    context = dataclasses.replace(context, review=Review(remarks, "=1+1"))
    path = write(context, tmp_path / "x.xlsx")
    parts = parts_of(path)
    assert kinds_of_cells(parts) <= {"s", "n", "b", "d", "inlineStr"}
    for name, text in parts.items():
        if name.startswith("xl/charts/"):  # there it is the place of cells
            text = re.sub(r"<f>'Charts'!\$?[A-Z]+\$?\d+(:\$?[A-Z]+\$?\d+)?</f>", "", text)
        assert not re.search(r"<f[ >]|t=\"e\"", text), name
        assert "externalLink" not in name + text
        assert all('location="' in link and "r:id" not in link for link in re.findall("<hyperlink [^>]*>", text))


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
    assert list(number_values([1, 2.5, None, 10**15, float("inf")])) == [1, 2.5, None, "1000000000000000", "inf"]


def test_a_long_table_goes_on_in_a_second_sheet(
    context: ReportContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_sheet, "MAX_ROWS", 40)
    path = write(context, tmp_path / "x.xlsx")
    tables = tables_of(parts_of(path))
    parts = [name for name in tables if name.startswith("Sessions")]
    assert parts == ["Sessions", "Sessions 2", "Sessions 3"]
    assert [len(values(path, name)) - 1 for name in parts] == [40, 40, 10]
    assert [list(tables[name]) for name in parts] == [["tblSessions"], ["tblSessions2"], ["tblSessions3"]]
    at = values(path, "Sessions")[0].index("Session ID")
    ids = [row[at] for name in parts for row in values(path, name)[1:]]
    assert ids == context.snapshot.sessions["session_id"].tolist()
    assert {row[0]: row[1] for row in values(path, "Cover")}["Sessions, Sessions 2, Sessions 3"].startswith("90 rows.")


def test_an_empty_table_has_one_blank_row(make_run: MakeRun, tmp_path: Path) -> None:
    path = write(make_run(job_count=0, session_count=0, waivers=None), tmp_path / "x.xlsx")
    (place,) = tables_of(parts_of(path))["Sessions"].values()
    assert re.search(r"[A-Z]2$", place)
    assert values(path, "Cover")


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
    kinds = {name: frame[name].dtype.kind for name in ("Is retry", "USN", "Duration (s)")}
    assert kinds["Is retry"] == "b"
    assert kinds["USN"] in "iu"
