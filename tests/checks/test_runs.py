"""What the states and sessions of a job are taken to say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from core_checks import core_policy

from vbr_audit.checks import run_checks

Make = Callable[..., Any]


def session(result: str | None, created: str | None, state: str | None = "Stopped") -> dict[str, Any]:
    return {
        "server": "vbr01",
        "job_id": "id-of-Nightly",
        "session_type": "BackupJob",
        "state": state,
        "result": result,
        "created": created,
    }


def answer(snapshot: Any, check_id: str) -> tuple[str, Any, str]:
    """Result, observed and severity of the one job."""
    frame = run_checks(snapshot, core_policy()).results
    row = frame[(frame["check_id"] == check_id).to_numpy(dtype=bool)].iloc[0]
    return row["result"], row["observed"], row["severity"]


NONE_STATE = [{"server": "vbr01", "job_id": "id-of-Nightly", "last_result": "None"}]


@pytest.mark.parametrize(
    ("sessions", "result"),
    [
        ([session("Failed", "2026-10-20T00:00Z"), session("Success", "2026-10-21T00:00Z")], "PASS"),
        ([session("Success", "2026-10-20T00:00Z"), session("Failed", "2026-10-21T00:00Z")], "FAIL"),
        ([session("Success", "2026-10-20T00:00Z"), session("None", "2026-10-21T00:00Z", "Working")], "PASS"),
        ([session("Success", "2026-10-20T00:00Z"), session("None", "2026-10-21T00:00Z", "NewState")], "UNKNOWN"),
        ([session("Success", "2026-10-20T00:00Z"), session("Failed", None)], "UNKNOWN"),
        ([session("Success", "2026-10-20T00:00Z"), session(None, "2026-10-21T00:00Z")], "UNKNOWN"),
        ([session("Failed", "2026-10-20T00:00Z"), session("Success", "2026-10-20T00:00Z")], "FAIL"),
        ([session("Success", "2026-10-20T00:00Z"), session("Failed", "2026-10-20T00:00Z")], "FAIL"),
        ([], "UNKNOWN"),
    ],
)
def test_last_result_none_looks_at_the_newest_finished_session(
    snapshot_of: Make, job: Make, sessions: list[dict[str, Any]], result: str
) -> None:
    found = answer(snapshot_of(jobs=[job()], job_states=NONE_STATE, sessions=sessions), "RUN-001")
    assert found[0] == result


def test_a_last_result_that_nobody_knows(snapshot_of: Make, job: Make) -> None:
    states = [{"server": "vbr01", "job_id": "id-of-Nightly", "last_result": "Sideways"}]
    assert answer(snapshot_of(jobs=[job()], job_states=states), "RUN-001")[:2] == ("UNKNOWN", "Sideways")


GOOD, WARNED, BAD = (session(word, "2026-10-20T00:00Z") for word in ("Success", "Warning", "Failed"))


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ([GOOD] * 25 + [WARNED] * 2 + [BAD] * 3, ("FAIL", "27 of 30 (90.0 %), 2 with warning", "medium")),
        ([GOOD] * 26 + [BAD] * 4, ("FAIL", "26 of 30 (86.7 %)", "high")),
        ([GOOD] * 19 + [BAD], ("PASS", "19 of 20 (95.0 %)", "high")),
        ([GOOD, session("Failed", "2026-11-01T06:00:00Z")], ("PASS", "1 of 1 (100.0 %)", "high")),
        ([GOOD, session("Failed", "2026-09-30T23:59:59Z")], ("PASS", "1 of 1 (100.0 %)", "high")),
        ([GOOD, session("None", "2026-10-20T00:00Z", "Working")], ("PASS", "1 of 1 (100.0 %)", "high")),
        ([GOOD] * 39 + [session("None", "2026-10-20T00:00Z")], ("PASS", "39 of 39 (100.0 %), 1 not known", "high")),
        ([GOOD, session(None, "2026-10-20T00:00Z")], ("UNKNOWN", "1 of 1 (100.0 %), 1 not known", "high")),
        ([BAD, session(None, "2026-10-20T00:00Z")], ("FAIL", "0 of 1 (0.0 %), 1 not known", "high")),
        ([GOOD, session("Failed", None)], ("UNKNOWN", "1 of 1 (100.0 %), 1 not known", "high")),
        ([session("None", "2026-10-20T00:00Z", "Working")], ("UNKNOWN", None, "high")),
    ],
)
def test_success_rate(
    snapshot_of: Make, job: Make, sessions: list[dict[str, Any]], expected: tuple[str, str | None, str]
) -> None:
    # A number of a retry tells that each session is a run of its own.
    runs = [one | {"session_id": str(number), "retry_number": 0} for number, one in enumerate(sessions)]
    result, observed, severity = answer(snapshot_of(jobs=[job(expected_to_run=True)], sessions=runs), "RUN-005")
    assert (result, severity) == (expected[0], expected[2])
    assert (observed if isinstance(observed, str) else None) == expected[1]


def test_retries_are_folded_into_their_run(snapshot_of: Make, job: Make) -> None:
    days = range(1, 20)
    firsts = [session("Failed", f"2026-10-{day:02}T20:00Z") for day in days]
    seconds = [session("Success", f"2026-10-{day:02}T20:10Z") for day in days]
    snapshot = snapshot_of(jobs=[job(expected_to_run=True)], sessions=[*seconds, *firsts])
    assert answer(snapshot, "RUN-005")[:2] == ("PASS", "19 of 19 (100.0 %)")


def test_sessions_of_nobody_do_not_count_for_a_job_without_id(snapshot_of: Make, job: Make) -> None:
    nameless = job(expected_to_run=True) | {"job_id": None}
    stray = GOOD | {"job_id": None}
    assert answer(snapshot_of(jobs=[nameless], sessions=[stray]), "RUN-005")[0] == "UNKNOWN"


def test_a_last_run_in_the_future_is_not_believed(snapshot_of: Make, job: Make) -> None:
    soon, late = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC), dt.datetime(2027, 11, 1, tzinfo=dt.UTC)
    for moment, result in ((soon, "PASS"), (late, "UNKNOWN")):
        states = [{"server": "vbr01", "job_id": "id-of-Nightly", "last_run": moment, "last_result": "Success"}]
        snapshot = snapshot_of(jobs=[job(expected_to_run=True)], job_states=states)
        assert answer(snapshot, "RUN-004")[0] == result
