"""What reviewers write into a workbook: read back strictly, carried over by finding, kept with the run."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import estates
import openpyxl
import pytest
from single_sheets import write_alone

import vbr_audit as va
from vbr_audit.errors import ConfigurationError
from vbr_audit.pipeline import load_audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.excel.workbook import plan_sheets, write_workbook
from vbr_audit.reports.review import Remark, Review, load_review

MakeRun = Callable[..., ReportContext]
Edit = Callable[[Any, dict[str, int]], None]
HEADERS = ("Finding ID", "Reviewer status", "Reviewer note")


@pytest.fixture(scope="module")
def written(context: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook as somebody saved and sent it on who removed every sheet but that of the findings."""
    path = tmp_path_factory.mktemp("review") / "report.xlsx"
    openpyxl.load_workbook(write_alone(context, path, "Findings")).save(path)
    return path


@pytest.fixture
def edited(written: Path, tmp_path: Path) -> Callable[[Edit], Path]:
    """The workbook after somebody changed its sheet Findings, given the columns by their headers."""

    def edit(change: Edit) -> Path:
        book = openpyxl.load_workbook(written)
        sheet = book["Findings"]
        change(sheet, {cell.value: cell.column for cell in sheet[1]})
        path = tmp_path / "reviewed.xlsx"
        book.save(path)
        return path

    return edit


def shown(context: ReportContext) -> dict[str, tuple[Any, Any]]:
    """Status and note of each finding in the sheet of findings."""
    (plan,) = (plan for plan in plan_sheets(context) if plan.name == "Findings")
    columns = {column.header: column.values.tolist() for column in plan.columns}
    return {name: (status, note) for name, status, note in zip(*(columns[name] for name in HEADERS), strict=True)}


def test_what_was_written_is_read_and_carried_over(
    edited: Callable[[Edit], Path], context: ReportContext, tmp_path: Path
) -> None:
    def change(sheet: Any, at: dict[str, int]) -> None:
        sheet.cell(2, at["Reviewer status"], "Accepted")
        sheet.cell(2, at["Reviewer note"], "=1+1, see CHG-1").data_type = "s"
        sheet.cell(3, at["Reviewer note"], 4711)
        sheet.cell(4, at["Reviewer status"], "Fixed")
        sheet.cell(5, at["Reviewer note"], dt.datetime(2026, 11, 3))
        sheet.cell(6, at["Reviewer note"], "a\nb _x005F_x0041_")

    path = edited(change)
    review = load_review(path)
    ids = list(shown(context))
    assert {name: (remark.status, remark.note) for name, remark in review.remarks.items()} == {
        ids[0]: ("Accepted", "=1+1, see CHG-1"),
        ids[1]: (None, "4711"),
        ids[2]: ("Fixed", None),
        ids[3]: (None, "2026-11-03T00:00:00"),
        ids[4]: (None, "a\nb _x0041_"),
    }
    assert review.source == "reviewed.xlsx"
    carried = dataclasses.replace(context, review=review)
    assert shown(carried)[ids[0]] == ("Accepted", "=1+1, see CHG-1")
    assert [row[1:] for row in context.results.findings.itertuples()] == [
        row[1:] for row in carried.results.findings.itertuples()
    ]
    write_workbook(carried, tmp_path / "next.xlsx")
    assert load_review(tmp_path / "next.xlsx").remarks == review.remarks
    with contextlib.closing(openpyxl.load_workbook(tmp_path / "next.xlsx", read_only=True)) as book:
        cover = [row[:2] for row in book["Cover"].iter_rows(values_only=True)]
    assert ("Review", "5 remarks taken from reviewed.xlsx") in cover


def test_a_workbook_as_it_was_written_has_no_remarks(workbook: Path) -> None:
    assert load_review(workbook).remarks == {}


def test_a_reviewed_finding_that_passes_now_is_still_shown(context: ReportContext) -> None:
    findings = context.results.findings
    good = findings.loc[findings["status"] == "PASS", "finding_id"].iloc[0]
    gone = "0" * 16
    remarks = {name: Remark(finding_id=name, status="Fixed") for name in (good, gone)}
    review = Review(remarks, "report.xlsx")
    assert shown(dataclasses.replace(context, review=review))[good][0] == "Fixed"
    assert review.gone(findings["finding_id"]) == 1


def wrong_status(sheet: Any, at: dict[str, int]) -> None:
    sheet.cell(3, at["Reviewer status"], "Acepted")


def formula(sheet: Any, at: dict[str, int]) -> None:
    sheet.cell(3, at["Reviewer note"], "=HYPERLINK(1)")


def error_cell(sheet: Any, at: dict[str, int]) -> None:
    sheet.cell(3, at["Reviewer note"], "#REF!").data_type = "e"


def no_id(sheet: Any, at: dict[str, int]) -> None:
    sheet.cell(3, at["Reviewer note"], "x")
    sheet.cell(3, at["Finding ID"], "JOB-001")


def twice(sheet: Any, at: dict[str, int]) -> None:
    for row in (2, 3):
        sheet.cell(row, at["Reviewer note"], "x")
        sheet.cell(row, at["Finding ID"], "a" * 16)


def no_column(sheet: Any, at: dict[str, int]) -> None:
    sheet.cell(1, at["Reviewer status"], "Reviewers status")


def column_twice(sheet: Any, at: dict[str, int]) -> None:
    sheet.cell(1, at["Area"], "Finding ID")


def renamed(sheet: Any, at: dict[str, int]) -> None:
    sheet.title = "Finding"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wrong_status, r"reviewed.xlsx: sheet Findings, cell K3: 'Acepted' is none of Open, Accepted, Fixed.*Accepted"),
        (formula, r"cell L3: holds a formula"),
        (error_cell, r"cell L3: holds the error #REF!"),
        (no_id, r"cell M3: holds no finding id"),
        (twice, r"cell M3: the finding a{16} appears twice"),
        (no_column, r"row 1: the column Reviewer status is missing.*Reviewers status"),
        (column_twice, r"row 1: the column Finding ID appears twice"),
        (renamed, r"has no sheet called Findings.*Finding"),
    ],
)
def test_what_is_wrong_is_named(edited: Callable[[Edit], Path], change: Edit, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_review(edited(change))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.xlsx", None, "cannot be read"),
        ("text.xlsx", b"no zip", "not a workbook"),
        ("none.json", None, "cannot be read"),
        ("review.json", b'{"schema": 1, "source": "x", "remarks": [{"finding_id": "../x"}]}', "remarks.0.finding_id"),
        ("review.json", b"[", "JSON"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        load_review(tmp_path / name)


@pytest.mark.parametrize("content", [b"<worksheet><sheetData><row r='1'><c", b"<a/>", b"", b"<html>&x;</html>"])
def test_a_broken_workbook_is_refused(written: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            is_sheet = name.startswith("xl/worksheets/sheet")
            target.writestr(name, content if is_sheet else source.read(name))
    with pytest.raises(ConfigurationError, match=r"broken.xlsx"):
        load_review(path)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_workbook_is_refused_or_read(written: Path, tmp_path: Path, seed: int) -> None:
    data, chance = bytearray(written.read_bytes()), random.Random(seed)
    for _ in range(1 + seed * 8):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path = tmp_path / "damaged.xlsx"
    path.write_bytes(data)
    with contextlib.suppress(ConfigurationError):
        assert load_review(path).remarks == {}


def test_findings_that_go_on_in_a_second_sheet_are_read(written: Path, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written)
    sheet = book.copy_worksheet(book["Findings"])
    sheet.title = "Findings 2"
    at = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, at["Finding ID"], "b" * 16)
    sheet.cell(2, at["Reviewer status"], "Open")
    book.save(tmp_path / "x.xlsx")
    assert list(load_review(tmp_path / "x.xlsx").remarks) == ["b" * 16]


def test_no_review_is_empty() -> None:
    assert load_review() == Review()
    assert (Review().text, Review().sha256) == ("", None)


def test_a_run_keeps_its_review(tmp_path: Path) -> None:
    first = estates.small()
    snapshot, policy = first.snapshot, first.policy
    one = first.failed["finding_id"].iloc[0]
    remark = {"finding_id": one, "status": "Open", "note": "ask the storage team"}
    given = tmp_path / "given.json"
    given.write_text(json.dumps({"schema": 1, "source": "september.xlsx", "remarks": [remark]}))
    audit = va.audit(snapshot, policy=policy, review=given, sample=3, sample_seed="October")
    assert audit.summary == first.summary
    audit.save(tmp_path / "run", formats=["json"])
    assert "review.json" in (tmp_path / "run" / "SHA256SUMS").read_text()
    again = load_audit(tmp_path / "run")
    assert again.rules.review == audit.rules.review
    assert again.rules.review.remarks[one].note == "ask the storage team"
    run = again.snapshot.manifest.run
    assert (run.sample_size, run.sample_seed, run.review_sha256) == (3, "October", audit.rules.review.sha256)
    assert again.snapshot.manifest.run_id == first.snapshot.manifest.run_id
    assert va.verify(tmp_path / "run") == []
    load_audit(tmp_path / "run", sample=4).write_outcome(tmp_path / "run", formats=["json"])
    run = load_audit(tmp_path / "run").snapshot.manifest.run
    assert (run.sample_size, run.sample_seed) == (4, "October")
