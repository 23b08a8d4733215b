"""`--review`, `--sample` and `--sample-seed`: what reviewers wrote goes on from run to run, and the draw is kept."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from command_line import write
from core_checks import text_of
from single_sheets import write_alone
from workbook_parts import write_cells

from vbr_audit.collection.files import sha256_of
from vbr_audit.pipeline import load_audit

pytestmark = pytest.mark.usefixtures("account")


def test_a_review_goes_on_to_the_next_run(run, server, tmp_path: Path) -> None:
    url, first, second, reviewed = (
        server(),
        tmp_path / "first",
        tmp_path / "second",
        tmp_path / "reviewed.xlsx",
    )
    few = write(tmp_path / "few.yaml", text_of("EVD-001", "JOB-002", "JOB-003", "JOB-004", "JOB-007", "JOB-008"))
    words = ("--format", "xlsx,json", "--fail-on", "never", "--policy", few)
    assert run("audit", url, "--out", first, "--format", "json", *words[2:]).exit_code == 0
    write_alone(load_audit(first).context, reviewed, "Findings")
    remark = {"Reviewer status": "Accepted", "Reviewer note": "see CHG-1"}
    lost = {"Reviewer status": "Open", "Finding ID": "0" * 16}
    remarks = {(row, heading): text for row, told in ((2, remark), (3, lost)) for heading, text in told.items()}
    write_cells(reviewed, "Findings", remarks)
    heads, *rows = openpyxl.load_workbook(reviewed, read_only=True)["Findings"].iter_rows(values_only=True)
    at = {heading: place for place, heading in enumerate(heads)}
    one = rows[0][at["Finding ID"]]

    result = run("audit", url, "--out", second, "--review", reviewed, "--sample", 4, "--sample-seed", "Q4", *words)
    assert result.exit_code == 0
    assert "Review: 2 remarks taken from reviewed.xlsx; 1 is about findings that are no longer there" in result.stdout
    for command in (None, ("report", second, "--format", "xlsx,json"), ("check", second, "--fail-on", "never")):
        if command:
            assert run(*command).exit_code == 0
        book = openpyxl.load_workbook(second / "report.xlsx", read_only=True)
        sheet = book["Findings"]
        told = {row[at["Finding ID"]]: row for row in sheet.iter_rows(values_only=True)}
        assert told[one][at["Reviewer status"]] == "Accepted"
        assert told[one][at["Reviewer note"]] == "see CHG-1"
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
