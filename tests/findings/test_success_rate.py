"""The success rate counts runs, not sessions: a retry that saved the night saves the rate."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vbr_audit.checks import Policy, load_policy
from vbr_audit.checks.logic.sessions import runs_of
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.findings.evaluation import evaluate
from vbr_audit.findings.results import Summary
from vbr_audit.tables.build.schema import conform

Estate = Callable[..., Snapshot]
JOBS = ("id-Payroll DB", "id-Files HQ", "id-gone")


def _with(snapshot: Snapshot, rows: list[dict[str, Any]]) -> Snapshot:
    names = ("job_id", "session_id", "session_type", "state", "result", "created")
    columns = {name: [row.get(name) for row in rows] for name in names}
    frame = conform({"server": ["vbr01"] * len(rows)} | columns, SPECS["sessions"])[0]
    return dataclasses.replace(snapshot, tables=dict(snapshot.tables) | {"sessions": frame})


@cache
def _policy() -> Policy:
    """The check that counts runs, and no other: the summary counts them whatever is asked."""
    others = "version: 1\nchecks:\n  '*': {enabled: false, reason: not part of these tests}\n"
    return load_policy(f"{others}  RUN-005: {{enabled: true}}\n")


def _summary(snapshot: Snapshot) -> Summary:
    return evaluate(snapshot, _policy(), frameworks=()).summary


def _row(number: int, created: str, result: str | None, job: str = JOBS[0], state: str = "Stopped") -> dict[str, Any]:
    told = {"job_id": job, "session_id": f"s{number}", "session_type": "BackupJob"}
    return told | {"state": state, "result": result, "created": created}


def test_retry_that_succeeds_makes_its_run_good(estate: Estate) -> None:
    night = [_row(1, "2026-10-20T21:00:00Z", "Failed"), _row(2, "2026-10-20T21:30:00Z", "Warning")]
    summary = _summary(_with(estate(), [*night, _row(3, "2026-10-21T21:00:00Z", "Failed")]))
    assert summary.sessions_by_result == {"Success": 0, "Warning": 1, "Failed": 1, "None": 0, "not known": 0}
    assert summary.success_rate == pytest.approx(0.5)


def test_run_whose_last_session_still_works_is_not_counted(estate: Estate) -> None:
    night = [_row(1, "2026-10-31T21:00:00Z", "Failed"), _row(2, "2026-10-31T21:30:00Z", "None", state="Working")]
    summary = _summary(_with(estate(), night))
    assert (sum(summary.sessions_by_result.values()), summary.success_rate) == (0, None)


moments = st.datetimes(dt.datetime(2026, 9, 29), dt.datetime(2026, 11, 1, 5), timezones=st.just(dt.UTC))
sessions = st.lists(
    st.builds(
        lambda job, created, result, state: (job, created.replace(microsecond=0), result, state),
        st.sampled_from(JOBS),
        moments,
        st.sampled_from(["Success", "Warning", "Failed", "None", None]),
        st.sampled_from(["Stopped", "Stopped", "Working"]),
    ),
    max_size=75,
    unique_by=lambda row: row[1],
)


NIGHT = dt.datetime(2026, 10, 20, 21, tzinfo=dt.UTC)


# Few examples of many sessions: each is three jobs with runs of every kind. The small ones are given.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@example(drawn=[])
@example(drawn=[(JOBS[0], NIGHT, None, "Working")])
@example(drawn=[(JOBS[2], NIGHT, "Failed", "Stopped")])
@example(drawn=[(JOBS[0], NIGHT, "Failed", "Stopped"), (JOBS[0], NIGHT.replace(minute=30), "Success", "Stopped")])
@example(drawn=[(JOBS[1], NIGHT.replace(month=9, day=29), "Warning", "Stopped")])
@given(drawn=sessions)
def test_numbers_of_runs_are_those_that_the_check_counts(
    estate: Estate, drawn: list[tuple[str, dt.datetime, str | None, str]]
) -> None:
    rows = [_row(n, at.isoformat(), result, job, state) for n, (job, at, result, state) in enumerate(drawn)]
    snapshot = _with(estate(), rows)
    summary = _summary(snapshot)
    runs = runs_of(snapshot.jobs, snapshot.job_runs, snapshot.since, snapshot.until)
    counted = summary.sessions_by_result
    assert [counted[name] for name in ("Success", "Warning", "Failed")] == [
        int(runs.success.sum()), int(runs.warning.sum()), int(runs.failed.sum()),
    ]  # fmt: skip
    assert summary.success_rate is None or 0 <= summary.success_rate <= 1
    beside = summary.runs_beside
    started = snapshot.job_runs["in_period"].to_numpy(dtype=bool)
    assert sum(counted.values()) + beside.open + sum(beside.unlisted.values()) + beside.unlisted_open == started.sum()
    for rate in (summary.first_attempt_rate, summary.session_rate):
        assert rate is None or 0 <= rate <= 1
