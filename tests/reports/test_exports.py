"""The exports as files: the same rows and numbers, byte for byte, safe to open; findings.json and findings.csv."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import estates
import pandas as pd
import pytest
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.errors import ConfigurationError
from vbr_audit.findings import FINDING_COLUMNS
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.csv import FORMULA_STARTS, csv_pieces, csv_text, findings_csv
from vbr_audit.reports.exports.encoding import json_bytes, json_pieces, records
from vbr_audit.reports.exports.json import findings_json, findings_sha256
from vbr_audit.reports.formats import DEFAULT_FORMATS, FORMATS
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.tables.build.schema import STRING

MakeRun = Callable[..., ReportContext]
EXPORTS = ("json", "csv", "junit", "ocsf", "sarif", "oscal", "md")
STEERING = ("\x1b", "\x9b", "\x00", "\x07", "\x7f", "\u202e", "\u2066", "\u2028", "\ufeff")


def content(name: str, context: ReportContext) -> bytes:
    """What an export writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FORMATS[name].file_name
        FORMATS[name].write(context, path)
        return path.read_bytes()


def csv_of(context: ReportContext, *, bom: bool = False) -> bytes:
    return b"".join(findings_csv(context, bom=bom))


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def with_name(context: ReportContext, name: str) -> ReportContext:
    """The run with another name for the object of its first finding."""
    findings = context.results.findings.copy()
    findings.loc[0, "object_name"] = name
    return dataclasses.replace(context, results=dataclasses.replace(context.results, findings=findings))


def test_json_holds_findings_coverage_and_summary(context: ReportContext) -> None:
    document = json.loads(findings_json(context))
    parts = ["schema", "run", "findings", "causes", "coverage", "requirements", "waivers", "summary"]
    assert list(document) == parts
    assert document["schema"] == 1
    assert document["run"]["run_id"] == context.manifest.run_id
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
    rows = rows_of(csv_of(context))
    assert [list(row) for row in rows[:1]] == [list(FINDING_COLUMNS)]
    assert [row["finding_id"] for row in rows] == [row["finding_id"] for row in findings]
    assert all((row["observed"] or None) == finding["observed"] for row, finding in zip(rows, findings, strict=True))


def test_equal_runs_give_equal_bytes(context: ReportContext, make_run: MakeRun) -> None:
    again = make_run()
    for name in EXPORTS:
        assert content(name, context) == content(name, again)


def test_a_run_without_anything_is_written_too(run_of: MakeRun) -> None:
    nothing = run_of(job_count=0, session_count=0, waivers=None)
    for name in EXPORTS:
        assert content(name, nothing)


def test_no_cell_of_the_csv_begins_a_formula(make_run: MakeRun) -> None:
    context = make_run(word=lambda text: f"=cmd|' /C calc'!A0 \"x\"\n{text}")
    cells = [cell for row in csv.reader(io.StringIO(csv_of(context).decode(), newline="")) for cell in row]
    assert not any(cell.startswith(FORMULA_STARTS) for cell in cells)
    assert any(cell.startswith("'=cmd|' /C calc'!A0 \"x\"\n") for cell in cells)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠"])
def test_whatever_may_begin_a_formula_is_guarded(context: ReportContext, start: str) -> None:
    cell = rows_of(csv_of(with_name(context, f"{start}1+1")))[0]["object_name"]
    assert cell == f"'{start}1+1"


@pytest.mark.parametrize("name", ["=1+1", "'=1+1", "'quoted", "plain", "two\nlines", 'comma, "quote"; \u00fc'])
def test_the_guard_of_the_csv_can_be_taken_away(context: ReportContext, name: str) -> None:
    cell = rows_of(csv_of(with_name(context, name)))[0]["object_name"]
    assert cell.removeprefix("'") == name


def test_a_table_is_written_as_the_standard_library_would() -> None:
    texts = ["", pd.NA, "a,b", 'say "x"', "two\nlines", "=1", "'", " a ", "ü", "plain"] * 1_001
    table = pd.DataFrame(
        {
            "te,xt": pd.array(texts, dtype=STRING),
            "id": pd.array([f"{number:08x}-ab" for number in range(len(texts))], dtype=STRING),
            "none": pd.array([pd.NA] * len(texts), dtype=STRING),
            "whole": pd.array([None, -1, 2**62, 0, 1] * 2_002, dtype="Int64"),
            "share": pd.array([None, 0.1, 1e22, -1.0, 3.0] * 2_002, dtype="Float64"),
            "yes": pd.array([None, True, False, True, True] * 2_002, dtype="boolean"),
        }
    )
    for frame in (table, table[["te,xt"]], table[["none"]].head(3), table.head(0)):
        cells = [column.astype(object).where(column.notna(), "") for _, column in frame.items()]
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(frame.columns)
        writer.writerows(zip(*(column.replace({"=1": "'=1", "'": "''"}) for column in cells), strict=True))
        assert b"".join(csv_pieces(frame)).decode() == csv_text(frame) == stream.getvalue()


def test_the_byte_order_mark_is_a_choice(context: ReportContext, tmp_path: Path) -> None:
    plain, marked = csv_of(context), csv_of(context, bom=True)
    assert marked == b"\xef\xbb\xbf" + plain
    FORMATS["csv"].write(context, tmp_path / "findings.csv", ReportOptions(csv_bom=True))
    assert (tmp_path / "findings.csv").read_bytes() == marked
    FORMATS["csv"].write(context, tmp_path / "findings.csv")
    assert (tmp_path / "findings.csv").read_bytes() == plain


def test_lone_surrogates_do_not_break_the_bytes(context: ReportContext) -> None:
    broken = with_name(context, "a\ud800b")
    assert json.loads(findings_json(broken))["findings"][0]["object_name"] == "a?b"
    assert rows_of(csv_of(broken))[0]["object_name"] == "a⟨U+D800⟩b"
    for name in EXPORTS:
        assert content(name, broken).decode()


@pytest.mark.parametrize("name", EXPORTS)
def test_no_export_steers_a_terminal(context: ReportContext, name: str) -> None:
    text = content(name, with_name(context, "a" + "b".join(STEERING) + "\u061c\u200e\u2069c")).decode()
    assert not [sign for sign in (*STEERING, "\u061c", "\u200e", "\u2069") if sign in text]


def test_json_gives_back_what_it_had_to_escape(context: ReportContext) -> None:
    name = "".join(STEERING) + "ü€😀\\u009b"
    assert json.loads(findings_json(with_name(context, name)))["findings"][0]["object_name"] == name


def test_json_in_pieces_is_the_document_in_one() -> None:
    names = pd.array(["a\u202eb", 'say "[\n"', "a\ud800b", "ü", pd.NA] * 2_001, dtype=STRING)
    moments = pd.to_datetime(["2026-10-01T12:00:00Z", None] * 5_003)[: len(names)].as_unit("us")
    frame = pd.DataFrame({"name": names, "seen": moments, "[\n": pd.array(range(len(names)), dtype="Int64")})
    document = {"schema": 1, "rows": frame, "none": frame.head(0), "five": frame.head(5), "last": {"a": ["b"]}}
    whole = {name: records(value) if isinstance(value, pd.DataFrame) else value for name, value in document.items()}
    pieces = list(json_pieces(document))
    assert b"".join(pieces) == json_bytes(whole)
    assert len(pieces) > len(document) + 2
    assert b"".join(json_pieces({"none": frame.head(0)})) == json_bytes({"none": []})


def test_findings_json_is_known_by_its_hash(context: ReportContext) -> None:
    written = content("json", context)
    assert written == findings_json(context)
    assert hashlib.sha256(written).hexdigest() == findings_sha256(context)


def test_every_export_writes_its_file_whole(context: ReportContext, tmp_path: Path) -> None:
    for name in EXPORTS:
        report = FORMATS[name]
        report.write(context, tmp_path / "deep" / report.file_name)
        assert (tmp_path / "deep" / report.file_name).read_bytes() == content(name, context)
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {
        *("findings.json", "findings.csv", "findings.junit.xml", "findings.ocsf.jsonl"),
        "findings.sarif",
        *("assessment-results.json", "summary.md"),
    }


def test_a_run_writes_four_formats_unless_told_otherwise() -> None:
    assert DEFAULT_FORMATS == ("html", "xlsx", "json", "csv")


@pytest.mark.parametrize("name", EXPORTS)
def test_an_audit_of_a_hostile_estate_writes_any_format(hostile_estate: Audit, tmp_path: Path, name: str) -> None:
    path = hostile_estate.write(name, tmp_path / name)
    assert path.read_bytes() == content(name, hostile_estate.context)


def test_an_audit_refuses_a_format_that_does_not_exist(hostile_estate: Audit, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown format docx"):
        hostile_estate.write("docx", tmp_path / "report.docx")


def test_the_command_line_writes_lists_and_keeps_exports(hostile_estate: Audit, tmp_path: Path) -> None:
    audit = estates.in_short(hostile_estate)
    run = audit.save(tmp_path / "run", formats=["json"])
    runner = CliRunner()
    wanted = "json,csv,junit,ocsf,sarif,oscal,md"
    written = runner.invoke(app, ["report", str(run), "--format", wanted, "--csv-bom"])
    assert written.exit_code == 0, written.output
    names = [FORMATS[name].file_name for name in wanted.split(",")]
    assert all(name in written.stdout for name in names)
    assert (run / "findings.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    sums = (run / "SHA256SUMS").read_text("utf-8")
    assert all(f"  {name}\n" in sums for name in names)
    assert runner.invoke(app, ["verify", str(run)]).exit_code == 0
    kept = {name: (run / name).read_bytes() for name in names if name != "findings.csv"}
    assert runner.invoke(app, ["check", str(run), "--fail-on", "never", "--allow-incomplete"]).exit_code == 0
    assert {name: (run / name).read_bytes() for name in kept} == kept  # present exports are made anew, and the same
    audit.write_outcome(run, formats=["json"])
    assert [name for name in names if (run / name).exists()] == names, "no format is deleted unasked"
