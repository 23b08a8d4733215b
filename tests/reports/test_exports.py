"""findings.json and findings.csv: the same rows and numbers, byte for byte, safe to open."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vbr_audit.findings import FINDING_COLUMNS
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports import FORMULA_STARTS, findings_csv, findings_json, write_csv, write_json
from vbr_audit.reports.interface import FORMATS, make_report

MakeRun = Callable[..., ReportContext]


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_json_holds_findings_coverage_and_summary(context: ReportContext) -> None:
    document = json.loads(findings_json(context))
    assert list(document) == ["schema", "run", "findings", "coverage", "requirements", "summary"]
    assert document["schema"] == 1
    assert document["run"]["policy_sha256"] == "ab" * 32
    assert document["run"]["servers"][0]["account"] == "auditor"
    findings = document["findings"]
    assert len(findings) == len(context.results.findings)
    assert tuple(findings[0]) == FINDING_COLUMNS
    assert [row["finding_id"] for row in findings] == context.results.findings["finding_id"].tolist()
    for status, number in context.summary.counts.items():
        assert sum(row["status"] == status for row in findings) == number == document["summary"]["counts"][status]
        assert sum(row[status.lower()] for row in document["coverage"]) == number
    assert document["summary"]["compliance"] == context.summary.compliance
    assert document["summary"]["verdict"]["headline"] == context.summary.verdict.headline


def test_what_is_not_known_is_null(context: ReportContext) -> None:
    findings = json.loads(findings_json(context))["findings"]
    assert any(row["observed"] is None for row in findings)
    assert not any("NaN" in str(value) or "<NA>" in str(value) for row in findings for value in row.values())


def test_csv_holds_the_same_rows(context: ReportContext) -> None:
    findings = json.loads(findings_json(context))["findings"]
    rows = rows_of(findings_csv(context))
    assert [list(row) for row in rows[:1]] == [list(FINDING_COLUMNS)]
    assert [row["finding_id"] for row in rows] == [row["finding_id"] for row in findings]
    assert all((row["observed"] or None) == finding["observed"] for row, finding in zip(rows, findings, strict=True))


def test_equal_runs_give_equal_bytes(make_run: MakeRun) -> None:
    first, second = make_run(), make_run()
    assert findings_json(first) == findings_json(second)
    assert findings_csv(first) == findings_csv(second)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_begins_a_formula(make_run: MakeRun, start: str) -> None:
    context = make_run(word=lambda text: f"{start}cmd|' /C calc'!A0 \"x\"\n{text}")
    cells = [cell for row in csv.reader(io.StringIO(findings_csv(context).decode(), newline="")) for cell in row]
    assert not any(cell.startswith(FORMULA_STARTS) for cell in cells)
    assert any(cell.startswith(f"'{start}cmd|' /C calc'!A0 \"x\"\n") for cell in cells)


def test_lone_surrogates_do_not_break_the_bytes(context: ReportContext) -> None:
    findings = context.results.findings.copy()
    findings.loc[0, "object_name"] = "a\ud800b"
    broken = dataclasses.replace(context, results=dataclasses.replace(context.results, findings=findings))
    assert json.loads(findings_json(broken))["findings"][0]["object_name"] == "a?b"
    assert rows_of(findings_csv(broken))[0]["object_name"] == "a?b"


def test_files_are_written(context: ReportContext, tmp_path: Path) -> None:
    write_json(context, tmp_path / "a" / "findings.json")
    write_csv(context, tmp_path / "findings.csv")
    assert (tmp_path / "a" / "findings.json").read_bytes() == findings_json(context)
    assert (tmp_path / "findings.csv").read_bytes() == findings_csv(context)
    assert sorted(path.name for path in tmp_path.rglob("*.part")) == []


def test_every_format_writes_its_file(context: ReportContext, tmp_path: Path) -> None:
    for name in FORMATS:
        report = make_report(name)
        report.write(context, tmp_path / report.file_name)
        assert report.name == name
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.xlsx", "findings.json", "findings.csv"}
