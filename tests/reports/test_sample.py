"""The sample: the same seed draws the same rows anywhere, every row can be drawn, and anybody can draw it again."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from single_sheets import SAMPLE, write_alone

import vbr_audit as va
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.sample import draw_sample


def table(size: int) -> pd.DataFrame:
    status = ["PASS", "FAIL", "NOT_APPLICABLE", "UNKNOWN"]
    return pd.DataFrame({"finding_id": [f"{row:016x}" for row in range(size)], "status": (status * size)[:size]})


def test_it_is_drawn_by_hash_as_told() -> None:
    findings = table(200)
    sample = draw_sample(findings, 10, "audit 2026")
    applicable = findings[findings["status"] != "NOT_APPLICABLE"]
    ordered = sorted(
        applicable["finding_id"], key=lambda name: hashlib.sha256(f"audit 2026\n{name}".encode()).hexdigest()
    )
    assert findings["finding_id"].iloc[list(sample.rows)].tolist() == ordered[:10]
    assert (sample.population, sample.size, len(sample.draws)) == (150, 10, 10)
    assert list(sample.draws) == sorted(sample.draws)


def test_neither_the_order_of_rows_nor_other_rows_change_it() -> None:
    findings = table(300)
    shuffled = findings.sample(frac=1, random_state=3)
    one, other = (draw_sample(frame, 20, "s") for frame in (findings, shuffled))
    drawn = [
        frame["finding_id"].iloc[list(sample.rows)].tolist() for frame, sample in ((findings, one), (shuffled, other))
    ]
    assert drawn[0] == drawn[1]
    more = draw_sample(findings, 40, "s")
    assert more.rows[:20] == one.rows
    assert draw_sample(findings, 20, "t").rows != one.rows


def test_a_small_population_is_drawn_whole() -> None:
    assert len(draw_sample(table(4), 25, "s").rows) == 3
    nothing = draw_sample(table(0), 25, "s")
    assert (nothing.rows, nothing.population) == ((), 0)


def test_every_row_has_its_chance() -> None:
    findings = table(40)
    drawn = {row for seed in range(200) for row in draw_sample(findings, 3, str(seed)).rows}
    assert drawn == {row for row in range(40) if row % 4 != 2}


def sheet_of(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], Any]:
    sheet = openpyxl.load_workbook(path)["Sample"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    start = next(number for number, row in enumerate(rows) if row[0] == "No.")
    terms = {row[0]: row[2] for row in rows[1:start] if row[0]}
    return terms, [dict(zip(rows[start], row, strict=True)) for row in rows[start + 1 :]], sheet


def test_the_sheet_tells_how_and_leaves_room_for_the_tester(context: ReportContext, workbook: Path) -> None:
    terms, rows, sheet = sheet_of(workbook)
    assert terms["Sample size"] == "25"
    assert terms["Population"].startswith(f"{context.summary.judged:,} findings")
    assert terms["Seed"] == f"{context.manifest.run_id} (the ID of this run)"
    findings = context.results.findings.set_index("finding_id")
    for place, row in enumerate(rows, 1):
        assert row["No."] == place
        draw = hashlib.sha256(f"{context.manifest.run_id}\n{row['Finding ID']}".encode()).hexdigest()
        assert row["Draw"] == draw
        assert row["Status"] == findings.loc[row["Finding ID"], "status"]
        assert (row["Tested by"], row["Result of the test"], row["Ticket"]) == (None, None, None)
    (rule,) = sheet.data_validations.dataValidation
    assert rule.formula1 == '"Confirmed,Not confirmed,Not tested"'
    (drawn,) = sheet.tables.values()
    assert sheet[drawn.ref.split(":")[0]].value == "No."


@pytest.mark.parametrize("seed", ["=1+1", "October"])
def test_size_and_seed_come_from_the_manifest(context: ReportContext, tmp_path: Path, seed: str) -> None:
    run = context.manifest.run.model_copy(update={"sample_size": 2, "sample_seed": seed})
    manifest = context.manifest.model_copy(update={"run": run})
    changed = dataclasses.replace(context, snapshot=dataclasses.replace(context.snapshot, manifest=manifest))
    terms, rows, _ = sheet_of(write_alone(changed, tmp_path / "x.xlsx", SAMPLE))
    assert (terms["Seed"], len(rows)) == (seed, 2)


def test_a_run_without_findings_has_an_empty_sample(context: ReportContext, tmp_path: Path) -> None:
    results = dataclasses.replace(context.results, findings=context.results.findings.iloc[:0])
    nothing = dataclasses.replace(context, results=results)
    terms, rows, _ = sheet_of(write_alone(nothing, tmp_path / "x.xlsx", SAMPLE))
    assert terms["Sample size"] == "0 (asked for: 25)"
    assert not any(value for row in rows for value in row.values())


@pytest.mark.parametrize("size", [0, -5])
def test_less_than_one_cannot_be_drawn(context: ReportContext, size: int) -> None:
    with pytest.raises(ConfigurationError, match="cannot be drawn"):
        va.audit(context.snapshot, sample=size)
