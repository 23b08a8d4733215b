"""The check of runs that the schedule demands and that never took place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import Cells, nullable, phrased, places_of, surely, surely_not, taken, worded

_JOB = {"job_id": "job-1", "expected_to_run": True}
_SCHEDULE = {"job_id": "job-1", "always_runs": False, "due": 31, "missed": 0, "overlapped": 0, "unclear": 0}


def _of(*rows: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    return {"job_schedules": [{**_SCHEDULE, "born": hours_ago(9999), **row} for row in rows]}


@check(
    "RUN-014",
    "Every scheduled run took place",
    severity="medium",
    tables=("jobs", "job_schedules"),
    aggregates=("job_schedules",),
    reads=(
        "expected_to_run",
        "job_id",
        *(f"job_schedules.{name}" for name in ("due", "missed", "unclear", "overlapped", "always_runs", "job_id")),
        "job_schedules.reason",
    ),
    json_path="schedule",
    expected="a run at each start that the schedule demands, as it is set now",
    failure="missed a run that the schedule demands",
    consequence="could lack backups of the days missed",
    remediation="Home > Jobs: find out why the job did not start (server down, service stopped, job disabled).",
    examples=(
        Example("PASS", _JOB, _of({})),
        Example("PASS", _JOB, _of({"job_id": "job-2", "missed": 1}, {})),
        Example("PASS", _JOB, _of({"due": 186, "overlapped": 2})),
        Example("FAIL", _JOB, _of({"missed": 1})),
        Example("FAIL", _JOB, _of({"missed": 1, "unclear": 30})),
        Example("UNKNOWN", _JOB, _of({"unclear": 1, "reason": "when some of its runs started is not known"})),
        Example("UNKNOWN", _JOB, _of({"due": None, "missed": None, "unclear": None, "reason": "time not known"})),
        Example("UNKNOWN", _JOB),
        Example("UNKNOWN", {**_JOB, "expected_to_run": None}, _of({})),
        Example("NOT_APPLICABLE", _JOB, _of({"due": 0})),
        Example("NOT_APPLICABLE", _JOB, _of({"always_runs": True, "due": None, "missed": None, "unclear": None})),
        Example("NOT_APPLICABLE", {**_JOB, "expected_to_run": False}, _of({"missed": 31})),
    ),
)
def runs_not_missed(jobs: pd.DataFrame, schedules: pd.DataFrame) -> Outcome:
    """A run that never started leaves no session, and therefore no failure to be notified of.

    The check counts the starts of the current schedule by the server's clock, from the first trace of the job on: its
    oldest backup, restore point or run. A run is assigned to the nearest start, up to half of the way to the next one
    and half a day. A start at which the job was still running is overlapped, not missed. A job that runs after another
    job is due at the end of each good run of that job.
    """
    row = places_of(jobs["job_id"], schedules["job_id"])
    due, missed, overlapped, unclear = (
        taken(schedules[name], row, jobs.index) for name in ("due", "missed", "overlapped", "unclear")
    )
    always = taken(schedules["always_runs"], row, jobs.index)
    known = due.notna() & missed.notna() & overlapped.notna() & unclear.notna()
    none_due = known.to_numpy() & surely(due == 0)
    applies = jobs["expected_to_run"] & ~always & ~none_due
    fails = surely(missed > 0)
    settled = known.to_numpy() & (fails | surely(unclear == 0))
    judged = settled & surely(applies)
    observed = phrased("{} of {} runs missed", missed, due, where=judged)
    beside = judged & surely(overlapped > 0)
    observed[beside] = observed[beside] + phrased(", {} overlapped by the run before", overlapped, where=beside)[beside]
    return Outcome(
        nullable(~fails, ~settled, jobs.index),
        observed=worded(jobs.index, (judged, observed)),
        applies=applies,
        applies_by_settings=True,
        reason=_reason(jobs, taken(schedules["reason"], row, jobs.index), judged, always, none_due),
    )


def _reason(jobs: pd.DataFrame, reasons: pd.Series, judged: Cells, always: pd.Series, none_due: Cells) -> pd.Series:
    expected = jobs["expected_to_run"]
    return worded(
        jobs.index,
        (judged, pd.NA),
        (surely_not(expected), "the job is disabled or not scheduled"),
        (expected.isna(), "whether the job is expected to run is not known"),
        (surely(always), "it runs all the time: no start is ever due"),
        (none_due, "no start was due in the period"),
        (reasons.notna(), reasons),
        (np.ones(len(jobs), dtype=bool), "what its schedule demands is not known"),
    )
