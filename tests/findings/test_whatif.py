"""What a check would find with other parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from core_checks import CORE_TEXT

import vbr_audit as va
from vbr_audit.errors import PolicyError


@pytest.fixture
def audit(estate: Callable[..., Any]) -> va.Audit:
    jobs = {"a": {"retention_quantity": 5}, "b": {"retention_quantity": 14}, "c": {"retention_quantity": 30}}
    row = "{id: W-1, check: JOB-007, object_name: a, owner: x, reason: y, expires: 2027-01-31}"
    waiver = f"version: 1\nwaivers:\n  - {row}\n"
    return va.audit(estate(jobs), policy=CORE_TEXT, waivers=waiver)


def test_one_row_per_value_with_the_one_in_force_marked(audit: va.Audit) -> None:
    in_force = audit.policy.use("JOB-007").params["min_days"]
    table = audit.what_if("JOB-007", min_days=[in_force, 15, 31])
    assert table["min_days"].tolist() == [in_force, 15, 31]
    assert table["in_force"].tolist() == [True, False, False]
    assert table["fail"].tolist() == [0, 1, 2]
    assert table["waived"].tolist() == [1, 1, 1]
    assert table["compliance"].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    now = audit.findings[audit.findings["check_id"] == "JOB-007"]["status"].value_counts()
    assert (table.loc[0, "pass"], table.loc[0, "waived"]) == (now["PASS"], now["WAIVED"])
    severities = [name for name in table if name.startswith("fail_")]
    assert (table[severities].sum(axis=1) == table["fail"]).all()


def test_several_parameters_give_their_product(audit: va.Audit) -> None:
    table = audit.what_if("JOB-007", min_days=[7, 30], min_points=[3, 7, 9])
    assert len(table) == 6
    assert len(audit.what_if("job-007", min_days=7)) == 1


@pytest.mark.parametrize(
    ("check_id", "values", "told"),
    [
        ("JOB-0007", {"min_days": 1}, "no such check: JOB-0007; did you mean 'JOB-007'"),
        ("JOB-007", {"min_day": 1}, "unknown parameter; did you mean 'min_days'"),
        ("JOB-007", {"min_days": ["x"]}, "expected a whole number"),
        ("JOB-007", {"min_days": [0]}, "must be at least"),
        ("JOB-007", {}, "no parameter to try"),
        ("JOB-007", {"min_days": []}, "0 combinations"),
        ("JOB-007", {"min_days": list(range(1, 202))}, "201 combinations"),
    ],
)
def test_a_wrong_word_is_an_error(audit: va.Audit, check_id: str, values: dict[str, Any], told: str) -> None:
    with pytest.raises(PolicyError, match=told.replace("(", r"\(")):
        audit.what_if(check_id, **values)


def test_waivers_count_as_they_do_in_the_audit(estate: Callable[..., Any]) -> None:
    row = "{id: W-1, check: JOB-007, object_name: a, owner: x, reason: y, created: 2026-10-01, expires: 2027-01-31}"
    policy = CORE_TEXT.replace("version: 1\n", "version: 1\nwaiver_horizon_days: 90\n")
    waivers = f"version: 1\nwaivers:\n  - {row}\n"
    audit = va.audit(estate({"a": {"retention_quantity": 5}}), policy=policy, waivers=waivers)
    assert audit.findings.set_index("check_id").loc["JOB-007", "status"] == "FAIL"
    assert audit.what_if("JOB-007", min_days=7)[["fail", "waived"]].to_numpy().tolist() == [[1, 0]]


@pytest.mark.parametrize(
    "values", [[np.int64(7), np.int64(15)], {15, 7}, (each for each in (7, 15)), np.array([7, 15])]
)
def test_values_may_come_from_numpy_or_from_any_collection(audit: va.Audit, values: Any) -> None:
    assert audit.what_if("JOB-007", min_days=values)["min_days"].tolist() == [7, 15]
