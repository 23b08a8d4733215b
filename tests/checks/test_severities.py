"""Severities that were decided: what is usual in a sound estate is no alarm."""

from __future__ import annotations

import pytest

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.engine.examples import run_example
from vbr_audit.checks.engine.outcome import Example, hours_ago


@pytest.mark.parametrize(
    ("check_id", "severity"),
    [
        ("JOB-008", "medium"),
        ("JOB-009", "critical"),
        ("JOB-013", "medium"),
        ("LIC-003", "medium"),
        ("RUN-012", "low"),
        *((name, "info") for name in ("JOB-019", "JOB-021", "IMM-003", "SEC-008")),
    ],
)
def test_what_is_usual_is_no_alarm(check_id: str, severity: str) -> None:
    assert REGISTRY.get(check_id).severity == severity


@pytest.mark.parametrize(("interval", "age", "expected"), [(1, 1.9, "PASS"), (1, 2.1, "FAIL"), (168, 300, "PASS")])
def test_a_replica_is_late_by_its_own_schedule(interval: int, age: float, expected: str) -> None:
    replica = {"type": "Regular", "state": "Processing", "replica_id": "r1", "job_id": "j1"}
    others = {
        "replica_points": [{"replica_id": "r1", "created": hours_ago(age)}, {"replica_id": None, "created": None}],
        "jobs": [{"job_id": "j1", "start_interval_h": interval}],
    }
    assert run_example(REGISTRY.get("RPO-013"), Example("PASS", replica, others)).result.tolist() == [expected]
