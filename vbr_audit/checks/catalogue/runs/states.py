"""Checks of how jobs ran."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import hours_between, minute_text, older_than
from vbr_audit.checks.logic.sessions import copies_fresh, count_of, finished, newest_finished
from vbr_audit.checks.logic.three_valued import (
    Cells,
    named,
    nullable,
    one_of,
    phrased,
    places_of,
    surely,
    surely_not,
    surely_one,
    taken,
    worded,
)
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import GOOD_RESULTS

_EXPECTED = {"expected_to_run": True}
_COPY = {**_EXPECTED, "job_id": "job-1", "start_interval_h": 0}
_ASIDE = {"expected_to_run": False}
_OK_RUN = {"state": "Stopped", "result": "Success", "started": hours_ago(30)}
_WARNED_RUN = {**_OK_RUN, "result": "Warning"}
_FAILED_RUN = {**_OK_RUN, "result": "Failed"}
_RUNNING = {"state": "Working", "result": "None", "started": hours_ago(26)}

_LAST_READS = (
    "job_states.last_result",
    "job_id",
    "job_states.job_id",
    *(f"all_job_runs.{name}" for name in ("job_id", "state", "result", "started")),
)


def _always(hours: float, **more: object) -> dict[str, list[dict[str, object]]]:
    """A job that runs all the time, and has for three weeks; its newest point is so many hours old."""
    schedule = {"job_id": "job-1", "always_runs": True, "interval_h": 12, "newest_point": hours_ago(hours)}
    states: list[dict[str, object]] = [{"job_id": "job-1", "last_run": hours_ago(500)}]
    return {"job_states": states, "job_schedules": [{**schedule, **more}]}


NO_STATE = "no state was returned for this job"
_RECENT = dt.timedelta(hours=1)
_NO_RUN = "lastResult is None, and no finished run of the period shows more"
_LATER_UNREAD = "lastResult is None, and no run after the period shows more"


@check(
    "RUN-001",
    "The last run did not fail",
    severity="high",
    tables=("jobs", "job_states", "all_job_runs"),
    fallback=("all_job_runs",),
    reads=_LAST_READS,
    json_path="lastResult",
    expected="Success or Warning",
    failure="failed in {its} last run",
    consequence="could leave {its} objects without a current backup",
    remediation="Home > Jobs > right-click the job > Statistics: read the error, fix it, and run the job again.",
    examples=(
        Example("PASS", {}, {"job_states": [{"last_result": "Success"}]}),
        Example("PASS", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_OK_RUN, _RUNNING]}),
        Example("PASS", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_OK_RUN]}),
        Example("FAIL", {}, {"job_states": [{"last_result": "Failed"}]}),
        Example("FAIL", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_RUNNING, _FAILED_RUN]}),
        Example("UNKNOWN", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_RUNNING]}),
        Example("UNKNOWN", {}, {"job_states": [{"last_result": None}], "all_job_runs": [_OK_RUN]}),
        Example("UNKNOWN", {}),
    ),
)
def last_run_good(
    jobs: pd.DataFrame, states: pd.DataFrame, runs: pd.DataFrame, *, now: dt.datetime, until: dt.datetime
) -> Outcome:
    """A job whose last run failed has no restore point from that run, and the gap grows until a run succeeds.

    While a job runs, the server reports `None`: then its newest finished run counts, if the runs up to now were read.
    """
    return _judge_last(jobs, states, runs, GOOD_RESULTS, ("Failed",), is_current=until >= now - _RECENT)


@check(
    "RUN-002",
    "The last run ended without a warning",
    severity="medium",
    tables=("jobs", "job_states", "all_job_runs"),
    fallback=("all_job_runs",),
    reads=_LAST_READS,
    json_path="lastResult",
    expected="Success",
    failure="ended {its} last run with a warning",
    consequence="may have left something out of the backup",
    remediation="Home > Jobs > right-click the job > Statistics: read the warning, and fix its cause.",
    examples=(
        Example("PASS", {}, {"job_states": [{"last_result": "Success"}]}),
        Example("PASS", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_RUNNING, _OK_RUN]}),
        Example("PASS", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_OK_RUN]}),
        Example("FAIL", {}, {"job_states": [{"last_result": "Warning"}]}),
        Example("FAIL", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_RUNNING, _WARNED_RUN]}),
        Example("UNKNOWN", {}, {"job_states": [{"last_result": "None"}], "all_job_runs": [_RUNNING]}),
        Example("UNKNOWN", {}, {"job_states": [{"last_result": "Sideways"}]}),
        Example("UNKNOWN", {}),
        Example("NOT_APPLICABLE", {}, {"job_states": [{"last_result": "Failed"}]}),
    ),
)
def last_run_clean(
    jobs: pd.DataFrame, states: pd.DataFrame, runs: pd.DataFrame, *, now: dt.datetime, until: dt.datetime
) -> Outcome:
    """A warning often means a skipped machine or disk, or low free space, which can become a failure."""
    current = until >= now - _RECENT
    return _judge_last(jobs, states, runs, ("Success",), ("Warning",), aside=("Failed",), is_current=current)


def _judge_last(
    jobs: pd.DataFrame,
    states: pd.DataFrame,
    runs: pd.DataFrame,
    fine: tuple[str, ...],
    wrong: tuple[str, ...],
    *,
    is_current: bool,
    aside: tuple[str, ...] = (),
) -> Outcome:
    """Whether the last result of each job is one of `fine`; a result in `aside` is not judged at all."""
    row = places_of(jobs["job_id"], states["job_id"])
    reported = taken(states["last_result"], row, jobs.index)
    newest, silent = newest_finished(jobs, runs), surely_one(reported, "None")
    running = count_of(places_of(runs["job_id"], jobs["job_id"]), surely_not(finished(runs)), jobs) > 0
    # A run that was under way at the reading shows that the runs of the job were read up to then.
    newest_result = newest.result.where(running | is_current)
    result = reported.where(~silent, newest_result)
    good, bad = surely(one_of(result, fine)), surely(one_of(result, wrong))
    apart = surely(one_of(result, aside))
    borrowed = silent & are_known(newest_result)
    sentences = phrased(
        "{} (newest finished run, {})",
        named(result, "word"),
        minute_text(newest.started, where=borrowed),
        where=borrowed,
    )
    return Outcome(
        nullable(good, ~(good | bad), jobs.index),
        observed=worded(jobs.index, (borrowed, sentences), (reported.notna(), named(reported, "word"))),
        json_path=worded(jobs.index, (borrowed, "result")),
        reason=worded(
            jobs.index,
            (good | bad, pd.NA),
            (apart, "the last run failed"),
            (row < 0, NO_STATE),
            (silent & running, "lastResult is None while it runs, and how its run before that ended is not known"),
            (silent, _NO_RUN if is_current else _LATER_UNREAD),
            (reported.notna(), "the server names a last result that this check does not know"),
            default="lastResult is missing in the answer",
        ),
        applies=nullable(~apart, np.zeros(len(jobs), dtype=bool), jobs.index),
    )


@check(
    "RUN-003",
    "The job has run",
    severity="high",
    tables=("jobs", "job_states"),
    reads=("job_states.last_run", "job_states.last_result", "expected_to_run", "job_id", "job_states.job_id"),
    json_path="lastRun",
    expected="a last run",
    failure="{has} never run",
    consequence="may have left {its} objects without any backup",
    remediation="Home > Jobs > right-click the job > Start; then check that its schedule starts it.",
    examples=(
        Example("PASS", _EXPECTED, {"job_states": [{"last_run": hours_ago(9), "last_result": "Success"}]}),
        Example("FAIL", _EXPECTED, {"job_states": [{"last_run": None, "last_result": "None"}]}),
        Example("UNKNOWN", _EXPECTED, {"job_states": [{"last_run": None, "last_result": "Success"}]}),
        Example("UNKNOWN", _EXPECTED),
        Example("NOT_APPLICABLE", _ASIDE, {"job_states": [{"last_run": None, "last_result": "None"}]}),
    ),
)
def job_has_run(jobs: pd.DataFrame, states: pd.DataFrame) -> Outcome:
    """A job that is configured but has never run looks complete and protects nothing."""
    row = places_of(jobs["job_id"], states["job_id"])
    last_run = taken(states["last_run"], row, jobs.index)
    last_result = taken(states["last_result"], row, jobs.index)
    ran, never = are_known(last_run), surely_one(last_result, "None")
    has_result = are_known(last_result)
    return Outcome(
        nullable(ran & has_result, ~has_result | (~ran & ~never), jobs.index),
        observed=worded(jobs.index, (ran, minute_text(last_run)), (never, "never ran")),
        applies=jobs["expected_to_run"],
        reason=_reason(
            jobs,
            row,
            (~has_result, "lastResult is missing in the answer"),
            (~ran & ~never, "lastRun is missing in the answer"),
        ),
    )


@check(
    "RUN-004",
    "The job ran recently",
    severity="high",
    tables=("jobs", "job_states", "job_schedules"),
    fallback=("job_schedules",),
    reads=(
        *("job_states.last_run", "expected_to_run", "start_interval_h", "job_id", "job_states.job_id"),
        *(f"job_schedules.{name}" for name in ("always_runs", "newest_point", "interval_h", "job_id")),
    ),
    json_path="lastRun",
    expected="a last run at most {max_age_hours} h ago, or within {intervals} intervals of its schedule",
    failure="{has} not run recently enough",
    consequence="could leave only old data to restore",
    remediation="Home > Jobs: find out why the job did not start (schedule, proxy, service), and start it.",
    examples=(
        Example("PASS", _EXPECTED, {"job_states": [{"last_run": hours_ago(48)}]}),
        Example("PASS", {**_EXPECTED, "start_interval_h": 168}, {"job_states": [{"last_run": hours_ago(336)}]}),
        Example("FAIL", {**_EXPECTED, "start_interval_h": 168}, {"job_states": [{"last_run": hours_ago(337)}]}),
        Example("FAIL", {**_EXPECTED, "start_interval_h": 24}, {"job_states": [{"last_run": hours_ago(49)}]}),
        Example(
            "FAIL",
            {**_EXPECTED, "start_interval_h": 6},
            {"job_states": [{"last_run": hours_ago(47)}]},
            params={"max_age_hours": 24},
        ),
        Example("PASS", _COPY, _always(48)),
        Example("PASS", _COPY, _always(72, interval_h=36)),
        Example("FAIL", _COPY, _always(49)),
        Example("FAIL", _COPY, _always(73, interval_h=36)),
        Example("UNKNOWN", _COPY, _always(9, newest_point=None)),
        Example("UNKNOWN", _EXPECTED, {"job_states": [{"last_run": hours_ago(49)}]}),
        Example("UNKNOWN", {**_EXPECTED, "start_interval_h": 24}, {"job_states": [{"last_run": None}]}),
        Example("UNKNOWN", _EXPECTED),
        Example("NOT_APPLICABLE", _ASIDE, {"job_states": [{"last_run": hours_ago(999)}]}),
    ),
)
def job_ran_recently(
    jobs: pd.DataFrame,
    states: pd.DataFrame,
    schedules: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_hours: Annotated[int, param("Age of the last run that always passes.", unit="hours", ge=1)] = 48,
    intervals: Annotated[int, param("Maximum age in intervals of its schedule.", ge=1)] = 2,
) -> Outcome:
    """The age of the last run is the minimum data loss if a restore is needed today.

    A weekly or monthly job has an older last run by design: if its own schedule allows a longer time, that is
    the limit. A job that runs continuously started its last run long ago: its newest restore point counts instead.
    """
    row = places_of(jobs["job_id"], states["job_id"])
    last_run = taken(states["last_run"], row, jobs.index)
    fresh = ~older_than(last_run, dt.timedelta(hours=max_age_hours), now=now)
    interval = jobs["start_interval_h"]
    age = hours_between(last_run, now)
    in_time = fresh | (fresh.notna() & (age <= intervals * interval))
    place = places_of(jobs["job_id"], schedules["job_id"])
    always_runs = taken(schedules["always_runs"], place, jobs.index)
    always = (surely(always_runs) | (are_missing(always_runs) & surely(interval == 0))) & surely_not(in_time)
    copies = copies_fresh(jobs, schedules, now=now, hours=max_age_hours, intervals=intervals)
    in_time = in_time.mask(always, copies.mask(are_missing(always_runs)))
    point = taken(schedules["newest_point"], place, jobs.index)
    newest = phrased("runs all the time, newest point {}", minute_text(point), where=always & are_known(point))
    known, unsure = are_known(last_run), surely_not(fresh) & are_missing(interval)
    seen = phrased("{} ({:.0f} h ago)", minute_text(last_run), age, where=known)
    return Outcome(
        in_time,
        observed=worded(jobs.index, (always & are_known(point), newest), (known, seen)),
        applies=jobs["expected_to_run"],
        reason=_reason(
            jobs,
            row,
            (~known, "lastRun is missing in the answer: no run is known"),
            (always & are_known(copies) & are_known(always_runs), pd.NA),
            (always, "it runs all the time, and when the newest point of its backups was made is not known"),
            (fresh.isna(), "the last run lies in the future"),
            (unsure, "how often its schedule starts it is not known, so that nobody can say whether the run is late"),
        ),
    )


def _reason(jobs: pd.DataFrame, row: Cells, *cases: tuple[object, Any]) -> pd.Series:
    """Why a job is set aside, else why it is not known; `row` is its row among the states."""
    expected = jobs["expected_to_run"]
    return worded(
        jobs.index,
        (surely_not(expected), "the job is disabled or not scheduled"),
        (expected.isna(), "whether the job is expected to run is not known"),
        (row < 0, NO_STATE),
        *cases,
    )
