"""What the tiers of the site file demand of the retention of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vbr_audit.checks import load_policy, run_checks
from vbr_audit.checks.site import load_site

Make = Callable[..., Any]
SITE = load_site("""version: 1
tiers:
  - {name: gold, jobs: ["SQL*"], retention_days: 14, gfs: {weekly: 4}}
  - {name: lab, jobs: ["LAB*"], retention_days: 3}
  - {name: rest, jobs: ["*"], rpo_hours: 24}
""")


def kept(snapshot_of: Make, job: Make, name: str, unit: str, quantity: int, site: Any = SITE) -> tuple[Any, ...]:
    snapshot = snapshot_of(jobs=[job(name, retention_type=unit, retention_quantity=quantity)])
    results = run_checks(snapshot, load_policy(), site).results
    row = results[results["check_id"] == "JOB-007"].iloc[0]
    return row["result"], row["expected"], row["reason"]


@pytest.mark.parametrize(
    ("name", "unit", "quantity", "result", "expected"),
    [
        ("SQL", "Days", 14, "PASS", "≥ 14 days, as its tier demands"),
        ("SQL", "Days", 13, "FAIL", "≥ 14 days, as its tier demands"),
        ("SQL", "Months", 1, "PASS", "≥ 14 days, as its tier demands"),
        ("LAB", "Days", 3, "PASS", "≥ 3 days, as its tier demands"),
        ("LAB", "Days", 2, "FAIL", "≥ 3 days, as its tier demands"),
        ("ERP", "Days", 7, "PASS", "≥ 7 days"),
        ("ERP", "Days", 6, "FAIL", "≥ 7 days"),
        ("ERP", "RestorePoints", 7, "PASS", "≥ 7 restore points"),
        ("SQL", "RestorePoints", 6, "FAIL", "≥ 7 restore points"),
        ("SQL", "RestorePoints", 100, "UNKNOWN", "≥ 14 days, as its tier demands"),
    ],
)
def test_the_days_of_a_tier_count_before_the_policy(
    snapshot_of: Make, job: Make, name: str, unit: str, quantity: int, result: str, expected: str
) -> None:
    found = kept(snapshot_of, job, name, unit, quantity)
    assert found[:2] == (result, expected)
    if result == "UNKNOWN":
        assert found[2].startswith("it counts restore points, and its tier demands days")


def test_without_a_site_file_the_policy_alone_counts_and_nothing_is_missing(snapshot_of: Make, job: Make) -> None:
    assert kept(snapshot_of, job, "SQL", "Days", 7, None)[:2] == ("PASS", "≥ 7 days")
    run = run_checks(snapshot_of(jobs=[job("SQL", retention_type="Days", retention_quantity=None)]), load_policy())
    coverage = run.coverage[run.coverage["check_id"].isin(["JOB-005", "JOB-007"])]
    assert coverage["whole"].tolist() == [True, True]
    row = run.results[run.results["check_id"] == "JOB-007"].iloc[0]
    assert (row["result"], "site" in row["reason"]) == ("UNKNOWN", False)


def test_a_job_without_a_name_may_be_of_any_tier(snapshot_of: Make, job: Make) -> None:
    snapshot = snapshot_of(jobs=[{**job("a", retention_type="Days", retention_quantity=7), "name": None}])
    results = run_checks(snapshot, load_policy(), SITE).results.set_index("check_id")
    assert results.loc[["JOB-005", "JOB-007"], "result"].tolist() == ["UNKNOWN", "UNKNOWN"]
    assert results.loc["JOB-007", "reason"] == "what its tier in the site file demands is not known"
