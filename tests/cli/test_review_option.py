"""`--review`, `--sample` and `--sample-seed`: what reviewers wrote goes on from run to run, and the draw is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from vbr_audit.collection.files import sha256_of

pytestmark = pytest.mark.usefixtures("account")


def findings_sheet(out: Path) -> tuple[Any, Any, dict[str, int]]:
    book = openpyxl.load_workbook(out / "report.xlsx")
    sheet = book["Findings"]
    return book, sheet, {cell.value: cell.column for cell in sheet[1]}


def test_a_review_goes_on_to_the_next_run(run, server, tmp_path: Path) -> None:
    url, first, second, reviewed = (
        server(jobs=3, sessions=20),
        tmp_path / "first",
        tmp_path / "second",
        tmp_path / "reviewed.xlsx",
    )
    words = ("--format", "xlsx,json", "--fail-on", "never")
    assert run("audit", url, "--out", first, *words).exit_code == 0
    book, sheet, at = findings_sheet(first)
    sheet.cell(2, at["Reviewer status"], "Accepted")
    sheet.cell(2, at["Reviewer note"], "see CHG-1")
    one = sheet.cell(2, at["Finding ID"]).value
    sheet.cell(3, at["Reviewer status"], "Open")
    sheet.cell(3, at["Finding ID"], "0" * 16)
    book.save(reviewed)

    result = run("audit", url, "--out", second, "--review", reviewed, "--sample", 4, "--sample-seed", "Q4", *words)
    assert result.exit_code == 0
    assert "Review: 2 remarks taken from reviewed.xlsx; 1 is about findings that are no longer there" in result.stdout
    for command in (None, ("report", second, "--format", "xlsx,json"), ("check", second, "--fail-on", "never")):
        if command:
            assert run(*command).exit_code == 0
        book = openpyxl.load_workbook(second / "report.xlsx", read_only=True)
        sheet = book["Findings"]
        told = {row[at["Finding ID"] - 1]: row for row in sheet.iter_rows(values_only=True)}
        assert told[one][at["Reviewer status"] - 1] == "Accepted"
        assert told[one][at["Reviewer note"] - 1] == "see CHG-1"
        seeds = [
            row[2] for row in book["Sample"].iter_rows(values_only=True) if row[:1] in (("Sample size",), ("Seed",))
        ]
        assert seeds == ["4", "Q4"]
        proof = list(book["Provenance"].iter_rows(values_only=True))
        assert dict(zip(proof[0], proof[-1], strict=True))["SHA-256"] == sha256_of(second / "manifest.json")
        assert run("verify", second).exit_code == 0
    before, after = (json.loads((out / "findings.json").read_bytes())["findings"] for out in (first, second))
    assert [row["status"] for row in before] == [row["status"] for row in after]


def test_a_wrong_review_ends_in_2_before_any_request(run, server, tmp_path: Path) -> None:
    url, wrong = server(), tmp_path / "wrong.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Finding"
    book.save(wrong)
    result = run("audit", url, "--out", tmp_path / "run", "--review", wrong)
    assert result.exit_code == 2
    assert "wrong.xlsx: has no sheet called Findings; did you mean 'Finding'?" in result.stderr
    assert sum(url.simulator.counts.requests.values()) == 0


def test_a_sample_has_at_least_one_row(run, server, tmp_path: Path) -> None:
    assert run("audit", server(), "--out", tmp_path / "run", "--sample", 0).exit_code == 2
