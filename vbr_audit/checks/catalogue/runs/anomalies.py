"""Checks of what is unusual in the sessions of the period: cancelled, hanging, long, large or out of hours."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import hours_between
from vbr_audit.checks.logic.sessions import copies_fresh, count_of, finished, in_time, owners_of, rows_of
from vbr_audit.checks.logic.three_valued import (
    Cells,
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

_JOB = {"job_id": "job-1"}
_SESSION = {"job_id": "job-1", "state": "Stopped", "result": "Success"}
_MINUTES_A_DAY = 1440

NO_SESSION = "no session of this job in the period"


def _sessions(*rows: dict[str, object], **tables: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    return {"sessions": [{**_SESSION, **row} for row in rows], **tables}


def _lasted(*hours: float, **more: object) -> list[dict[str, object]]:
    """One finished session a day that took so many hours, the oldest first."""
    return [
        {**_SESSION, "created": hours_ago(24 * (28 - day)), "duration_s": 3600 * hour, **more}
        for day, hour in enumerate(hours)
    ]


def _ran(*hours: float, **more: object) -> list[dict[str, object]]:
    """The same as runs of a job."""
    return [{**row, "started": row["created"]} for row in _lasted(*hours, **more)]


def _open(*rows: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    """Runs of a job that does not run all the time."""
    return {**_ORDINARY, "job_runs": [{**_SESSION, **row} for row in rows]}


def _always(hours: float, **more: object) -> dict[str, list[dict[str, object]]]:
    """A job that runs all the time, whose newest copy is so old."""
    schedule = {"job_id": "job-1", "always_runs": True, "interval_h": 12, "newest_point": hours_ago(hours)}
    return {"job_schedules": [{**schedule, **more}]}


def _lasting(*hours: float) -> dict[str, list[dict[str, object]]]:
    return {"job_runs": _ran(*hours)}


_HALF_A_DAY = {**_SESSION, "state": "Working", "created": hours_ago(12.5)}
_ORDINARY: dict[str, list[dict[str, object]]] = {"job_schedules": [{"job_id": "job-1", "always_runs": False}]}
_HANGING: dict[str, object] = {"state": "WaitingRepository", "created": hours_ago(25)}


@check(
    "RUN-009",
    "Job runs end without being stopped by hand",
    severity="medium",
    tables=("jobs", "sessions"),
    aggregates=("sessions",),
    reads=("sessions.is_canceled", "sessions.created", "sessions.job_id", "job_id"),
    json_path="result.isCanceled",
    expected="no session stopped by hand",
    failure="{has} sessions that were stopped by hand",
    consequence="could lack the backups that were broken off",
    remediation="History > Jobs: ask who stopped the session and why; run the job again.",
    examples=(
        Example("PASS", _JOB, _sessions({"is_canceled": False, "created": hours_ago(30)})),
        Example("FAIL", _JOB, _sessions({"is_canceled": True, "created": hours_ago(30)}, {"is_canceled": False})),
        Example("UNKNOWN", _JOB, _sessions({"is_canceled": None, "created": hours_ago(30)})),
        Example("UNKNOWN", _JOB),
    ),
)
def runs_not_cancelled(
    jobs: pd.DataFrame, sessions: pd.DataFrame, *, since: dt.datetime, until: dt.datetime
) -> Outcome:
    """A backup that was stopped leaves a gap. It can be a decision or an attack, so the reason must be known."""
    owner = owners_of(jobs, sessions, since, until)
    dated = are_known(sessions["created"])
    stopped = count_of(owner, dated & surely(sessions["is_canceled"]), jobs)
    clear = count_of(owner, dated & surely_not(sessions["is_canceled"]), jobs)
    total = rows_of(owner, jobs)
    settled = (stopped > 0) | ((total > 0) & (clear == total))
    observed = phrased("{} of {} sessions stopped by hand", stopped, total, where=total > 0)
    return Outcome(
        nullable(stopped == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (total > 0, observed)),
        reason=worded(
            jobs.index,
            (settled, pd.NA),
            (total == 0, NO_SESSION),
            default="some sessions do not report it, or when they started",
        ),
    )


@check(
    "RUN-010",
    "Running sessions do not hang",
    severity="medium",
    tables=("jobs", "job_runs", "job_schedules"),
    aggregates=("job_runs",),
    reads=(
        *(f"job_runs.{name}" for name in ("state", "created", "duration_s", "job_id")),
        "job_id",
        *(f"job_schedules.{name}" for name in ("always_runs", "newest_point", "interval_h", "job_id")),
    ),
    json_path="state",
    expected="no session that runs for more than {max_hours} h, or {times} times as long as usual",
    failure="{has} a running session that hangs",
    consequence="could block later runs and delay backups",
    remediation="Home > Last 24 Hours > Running: check what the session waits for; stop it, and run the job again.",
    examples=(
        Example("PASS", _JOB, _open({"state": "Stopped"})),
        Example("PASS", _JOB, _open({"state": "Working", "created": hours_ago(24)})),
        Example("PASS", _JOB, {**_ORDINARY, "job_runs": [*_lasted(4.5, 4, 4.5, 4, 4.5), _HALF_A_DAY]}),
        Example("PASS", _JOB, {**_ORDINARY, "job_runs": [_SESSION] * 5}),
        Example("FAIL", _JOB, _open(_HANGING)),
        Example("FAIL", _JOB, {**_ORDINARY, "job_runs": [*_lasted(4.5, 4, 4, 4, 4.5), _HALF_A_DAY]}),
        Example("FAIL", _JOB, {**_ORDINARY, "job_runs": [*_lasted(4, 4, 4, 4, 4, 4), _HALF_A_DAY]}),
        Example("FAIL", _JOB, _open(_HANGING, {"state": "Meditating"})),
        Example("UNKNOWN", _JOB, {**_ORDINARY, "job_runs": [*_lasted(4, 4, 4, 4, float("nan")), _HALF_A_DAY]}),
        Example("UNKNOWN", _JOB, _open({"state": "Meditating", "created": hours_ago(25)})),
        Example("UNKNOWN", _JOB, _open({"state": "Working"})),
        Example("PASS", _JOB, _open({**_HANGING, "state": "Idle"})),
        Example("PASS", _JOB, _open(_HANGING) | _always(48)),
        Example("PASS", _JOB, _open(_HANGING) | _always(72, interval_h=36)),
        Example("FAIL", _JOB, _open(_HANGING) | _always(49)),
        Example("FAIL", _JOB, _open(_HANGING) | _always(73, interval_h=36)),
        Example("UNKNOWN", _JOB, _open(_HANGING) | _always(9, newest_point=None)),
        Example("UNKNOWN", _JOB, _open(_HANGING) | {"job_schedules": []}),
        Example("UNKNOWN", _JOB),
    ),
)
def sessions_do_not_hang(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    schedules: pd.DataFrame,
    *,
    now: dt.datetime,
    max_hours: Annotated[int, param("Age above which a running session hangs.", unit="hours", ge=1)] = 24,
    times: Annotated[int, param("Multiple of the usual duration above which it hangs.", ge=2)] = 3,
    min_sessions: Annotated[int, param("Finished sessions required for a usual duration.", unit="sessions", ge=1)] = 5,
) -> Outcome:
    """A session that hangs blocks the next ones and reports neither success nor failure.

    The usual duration is the median of the job's finished runs in the period, if there are enough of them. An idle run
    does not hang. A run of an immediate copy never ends by design. It hangs only if its copies are too old: if the
    newest one is older than two intervals of what it copies, and older than two days.
    """
    row = places_of(jobs["job_id"], schedules["job_id"])
    always = taken(schedules["always_runs"], row, jobs.index)
    fresh = copies_fresh(jobs, schedules, now=now)
    owner, done = places_of(sessions["job_id"], jobs["job_id"]), finished(sessions)
    running, strange = surely_not(done) & ~surely_one(sessions["state"], "Idle"), are_missing(done)
    took = sessions["duration_s"].to_numpy(dtype=float, na_value=np.nan) / 3600
    usual = _medians(np.where(surely(done), owner, -1), took, len(jobs), min_sessions)
    limit = np.fmin(max_hours, times * np.append(usual, np.nan)[owner])
    age = hours_between(sessions["created"], now).to_numpy(dtype=float, na_value=np.nan)
    late = count_of(owner, running & (age > limit), jobs)
    rests, doubtful = surely(always & fresh), are_missing(always & fresh) | are_missing(always)
    hangs = np.where(rests | doubtful, 0, late)
    open_ = count_of(owner, strange | (surely_not(done) & np.isnan(age)), jobs) + np.where(doubtful, late, 0)
    active, total = count_of(owner, running, jobs), rows_of(owner, jobs)
    blind = (count_of(owner, surely(done), jobs) >= min_sessions) & np.isnan(usual) & (active > 0)
    settled = (hangs > 0) | ((total > 0) & (open_ == 0) & ~blind & are_known(always))
    observed = phrased("{} of {} running sessions hang", hangs, active, where=hangs > 0)
    return Outcome(
        nullable(hangs == 0, ~settled, jobs.index),
        observed=worded(
            jobs.index,
            (hangs > 0, observed),
            (rests & (late > 0), "runs all the time, and its copies are fresh"),
            (active > 0, "running, no longer than usual"),
            (count_of(owner, surely_one(sessions["state"], "Idle"), jobs) > 0, "idle between runs"),
            (total > 0, "nothing runs"),
        ),
        reason=worded(
            jobs.index,
            (settled, pd.NA),
            (total == 0, NO_SESSION),
            (doubtful & (late > 0), "whether its copies are fresh, or whether it runs all the time, is not known"),
            (open_ > 0, "state or start of some run is not known"),
            default="how long its sessions usually take is not known",
        ),
    )


@check(
    "RUN-011",
    "The newest run took as long as usual",
    severity="low",
    tables=("jobs", "job_runs"),
    aggregates=("job_runs",),
    reads=(
        *(f"job_runs.{name}" for name in ("duration_s", "started", "state", "result", "job_id")),
        "job_id",
    ),
    json_path="endTime",
    failure="took much longer than usual in the newest run",
    consequence="could run into office hours, or point to a failing disk",
    remediation="History > Jobs > the session: compare the bottleneck and the amount of data with earlier runs.",
    examples=(
        Example("PASS", _JOB, _lasting(*[1.0, 1.5] * 5, 1.4)),
        Example("FAIL", _JOB, _lasting(*[1.0, 1.5] * 5, 4)),
        Example("PASS", _JOB, _lasting(*[1.0] * 10, 1.5), params={"min_extra_minutes": 30}),
        Example("FAIL", _JOB, _lasting(*[1.0] * 10, 1.5), params={"min_extra_minutes": 29}),
        Example("PASS", _JOB, _lasting(1, 2, 3, 5), params={"min_runs": 3}),
        Example("FAIL", _JOB, _lasting(1, 2, 3, 5.1), params={"min_runs": 3}),
        Example("PASS", _JOB, {"job_runs": [*_ran(*[1.0] * 11), *_ran(9, result="Failed")]}),
        Example("UNKNOWN", _JOB, _lasting(*[1.0] * 10, float("nan"))),
        Example("UNKNOWN", _JOB, _lasting(*[1.0] * 9, float("nan"), 1)),
        Example("NOT_APPLICABLE", _JOB, _lasting(*[1.0] * 9, 9)),
    ),
)
def duration_usual(
    jobs: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    deviations: Annotated[float, param("Maximum standard deviations above the mean.", ge=1)] = 3.0,
    min_runs: Annotated[int, param("Earlier runs required for a comparison.", unit="runs", ge=3)] = 10,
    min_extra_minutes: Annotated[int, param("Minutes above the mean that always pass.", unit="min", ge=0)] = 10,
) -> Outcome:
    """A run that takes much longer than earlier runs is an early sign of a slow disk or of a high change rate.

    The check compares the newest good run of the period with the good runs before it.
    """
    owner = owners_of(jobs, runs, since, until)
    fine = surely(finished(runs)) & surely_one(runs["result"], *GOOD_RESULTS)
    aside = surely_not(finished(runs)) | surely(one_of(runs["result"], ("Failed", "None")))
    unclear = count_of(owner, ~aside & ~(fine & are_known(runs["started"])), jobs) > 0
    order = in_time(np.where(fine, owner, -1), runs)
    mine, took = owner[order], runs["duration_s"].to_numpy(dtype=float, na_value=np.nan)[order] / 60
    newest = np.append(mine[1:] != mine[:-1], True)[: len(mine)]
    last = np.full(len(jobs), np.nan)
    last[mine[newest]] = took[newest]
    count, mean, spread = _spread(mine[~newest], took[~newest], len(jobs))
    excess, bare = last - mean, rows_of(owner, jobs) == 0
    long = (excess > deviations * spread) & (excess > min_extra_minutes)
    seen = np.bincount(mine[~newest], minlength=len(jobs))
    enough = seen >= min_runs
    unsettled = np.isnan(last) | (count < seen) | unclear
    judged = ~unsettled & enough
    observed = phrased("{:.0f} min, {:.0f} min on average", last, mean, where=judged)
    return Outcome(
        nullable(~long, unsettled, jobs.index),
        observed=worded(jobs.index, (judged, observed)),
        expected=f"at most {deviations:g} standard deviations, or {min_extra_minutes} min, above the mean",
        applies=nullable(enough, unclear | bare, jobs.index),
        reason=worded(
            jobs.index,
            (judged, pd.NA),
            (bare, NO_SESSION),
            (~enough & ~unclear, f"fewer than {min_runs} good runs before the newest one"),
            default="state, result, start or duration of some runs is not known",
        ),
    )


def _medians(owner: Cells, values: Cells, size: int, least: int) -> Cells:
    """The median of each job's known values, NaN where fewer than `least` are known."""
    groups = pd.Series(values).groupby(owner)
    return groups.median().where(groups.count() >= least).reindex(range(size)).to_numpy(dtype=float)


def _spread(owner: Cells, values: Cells, size: int) -> tuple[Cells, Cells, Cells]:
    """Number, mean and standard deviation of each job's values; NaN where there are none."""
    groups = pd.Series(values).groupby(owner)
    table = groups.agg(["count", "mean", "std"]).reindex(range(size))
    return table["count"].fillna(0).to_numpy(), table["mean"].to_numpy(), table["std"].to_numpy()
