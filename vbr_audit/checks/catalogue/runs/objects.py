"""Checks of what runs did to single objects."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import EXAMPLE_SINCE, Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.dates import at_or_before, within
from vbr_audit.checks.logic.sessions import count_of, finished, in_time, rows_of
from vbr_audit.checks.logic.three_valued import (
    Cells,
    listed,
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
from vbr_audit.tables.build.enums import GOOD_RESULTS, RESULTS, TASK_ALGORITHMS

Rows = dict[str, list[dict[str, object]]]

_JOB = {"job_id": "job-1"}
_ACROSS = dt.timedelta(days=1)
"""A task that started so soon after the period began may be one of a session from before it."""
_EARLY = {"session_id": "before", "type": "Backup", "created": EXAMPLE_SINCE + dt.timedelta(hours=23)}
_LATER = {**_EARLY, "created": EXAMPLE_SINCE + _ACROSS}


def _task(result: str | None, session: str | None = "Success", *others: dict[str, object]) -> Rows:
    return {
        "sessions": [{"job_id": "job-1", "session_id": "s1", "result": session}],
        "task_sessions": [{"session_id": "s1", "type": "Backup", "result": result, "name": "srv-1"}, *others],
    }


def _volumes(*sizes: int | None, algorithm: str = "Increment") -> Rows:
    """One session a day that read so many GB, the oldest first."""
    return {
        "sessions": [_session(f"s{day}", 24 * (28 - day)) for day in range(len(sizes))],
        "task_sessions": [
            {"session_id": f"s{day}", "algorithm": algorithm, "read_bytes": size and size * 10**9}
            for day, size in enumerate(sizes)
        ],
    }


def _session(name: str, age: float, **more: object) -> dict[str, object]:
    times = {"created": hours_ago(age), "ended": hours_ago(age - 1)}
    return {"job_id": "job-1", "session_id": name, "state": "Stopped", **times, **more}


def _beside(rows: Rows, **more: list[dict[str, object]]) -> Rows:
    """The same with further rows of some tables."""
    return {name: [*several, *more.get(name, ())] for name, several in rows.items()}


_UNNAMED = {"session_id": "s1", "type": "Backup", "result": "Success"}
_TASK_OF_LAST = {"session_id": "last", "algorithm": "Increment", "read_bytes": 10**9}


@check(
    "RUN-012",
    "The newest run read as much data as usual",
    severity="low",
    tables=("jobs", "task_sessions", "sessions"),
    aggregates=("task_sessions", "sessions"),
    reads=(
        "task_sessions.read_bytes",
        "task_sessions.algorithm",
        "task_sessions.session_id",
        "task_sessions.name",
        "sessions.session_id",
        "sessions.job_id",
        "sessions.created",
        "sessions.ended",
        "sessions.state",
        "task_sessions.created",
        "job_id",
    ),
    json_path="progress.readSize",
    failure="read far more or far less data than usual in the newest run",
    consequence="could have left data out, or backed up an attack",
    remediation="History > Jobs > the session: find the machine that changed; look for encryption and exclusions.",
    examples=(
        Example("PASS", _JOB, _volumes(*[10] * 7, 15)),
        Example("PASS", _JOB, _volumes(*[10] * 7, 5)),
        Example("PASS", _JOB, _beside(_volumes(*[10] * 8), sessions=[_session("last", 2, ended=None)])),
        Example(
            "PASS",
            _JOB,
            _beside(
                _volumes(*[10] * 8),
                sessions=[_session("last", 1, state="Working", ended=None)],
                task_sessions=[_TASK_OF_LAST],
            ),
        ),
        Example(
            "PASS",
            _JOB,
            _beside(
                _volumes(*[10] * 8), sessions=[_session("last", 1, ended=hours_ago(-1))], task_sessions=[_TASK_OF_LAST]
            ),
        ),
        Example("PASS", _JOB, _beside(_volumes(*[10] * 8), task_sessions=[_EARLY])),
        Example("FAIL", _JOB, _volumes(*[10] * 7, 16)),
        Example("FAIL", _JOB, _volumes(*[10] * 7, 4)),
        Example(
            "FAIL", _JOB, _beside(_volumes(*[10] * 8), sessions=[_session("last", 1)], task_sessions=[_TASK_OF_LAST])
        ),
        Example("UNKNOWN", _JOB, _beside(_volumes(*[10] * 8), task_sessions=[_LATER])),
        Example("UNKNOWN", _JOB, _volumes(*[10] * 7, None)),
        Example("UNKNOWN", _JOB, {"sessions": [_session("last", 2)]}),
        Example("UNKNOWN", _JOB),
        Example("NOT_APPLICABLE", _JOB, _volumes(*[10] * 6, 99)),
        Example("UNKNOWN", _JOB, _volumes(*[10] * 7, 99, algorithm="Sideways")),
        Example("NOT_APPLICABLE", _JOB, _volumes(*[10] * 7, 99, algorithm="Full")),
    ),
)
def volume_usual(
    jobs: pd.DataFrame,
    tasks: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    max_change: Annotated[float, param("Maximum difference from the median, as a share.", ge=0)] = 0.5,
    min_runs: Annotated[int, param("Earlier runs required for a comparison.", unit="runs", ge=3)] = 7,
) -> Outcome:
    """Ransomware changes far more data than a normal day; with a forgotten exclusion, a job reads far less.

    The check compares incremental runs that ended in the period: the newest one with the median of those before it.
    """
    place = places_of(tasks["session_id"], sessions["session_id"])
    size, usable, volume = _amounts(tasks, sessions, until)
    owner, doubtful = places_of(sessions["job_id"], jobs["job_id"]), np.isnan(volume)
    astray = _may_own((place < 0) & ~_is_early(tasks, since), np.append(owner, -1)[place], tasks["name"], jobs)
    dateless = count_of(owner, usable & are_missing(sessions["created"]), jobs)
    order = in_time(np.where(usable, owner, -1), sessions)
    mine, amounts = owner[order], volume[order]
    newest = np.append(mine[1:] != mine[:-1], True)[: len(mine)]
    last = np.full(len(jobs), np.nan)
    last[mine[newest]] = amounts[newest]
    before = pd.Series(amounts[~newest]).groupby(mine[~newest])
    usual = before.median().reindex(range(len(jobs))).to_numpy(dtype=float)
    enough = np.bincount(mine[~newest], minlength=len(jobs)) >= min_runs
    unclear = (count_of(owner, doubtful & usable, jobs) + dateless > 0) | astray
    bare = count_of(owner, size > 0, jobs) == 0
    good = np.abs(last - usual) <= max_change * usual
    judged = enough & ~unclear
    observed = phrased("{:.1f} GB, {:.1f} GB in the median", last, usual, where=judged)
    return Outcome(
        nullable(good, unclear, jobs.index),
        observed=worded(jobs.index, (judged, observed)),
        expected=f"within {100 * max_change:.0f} % of the median of the runs before it",
        applies=nullable(enough, bare | unclear, jobs.index),
        reason=worded(
            jobs.index,
            (bare, "no object of a session of this job is known in the period"),
            (unclear, "session, algorithm, size, start or end of some of its tasks is not known"),
            (~enough, f"fewer than {min_runs} incremental runs before the newest one"),
        ),
    )


@check(
    "RUN-017",
    "Successful runs succeeded for every object",
    severity="high",
    tables=("jobs", "task_sessions", "sessions"),
    aggregates=("task_sessions", "sessions"),
    reads=(
        "task_sessions.result",
        "task_sessions.session_id",
        "task_sessions.type",
        "task_sessions.name",
        "task_sessions.created",
        "sessions.session_id",
        "sessions.result",
        "sessions.job_id",
        "job_id",
    ),
    json_path="result.result",
    expected="no failed object in a session with Success or Warning",
    failure="{has} successful runs in which an object failed",
    consequence="could leave machines unprotected behind a good result",
    remediation="History > Jobs > the session: read the error of the object; fix it, and run the job again.",
    examples=(
        Example("PASS", _JOB, _task("Success") | {"task_sessions": [_UNNAMED]}),
        Example("PASS", _JOB, _task("Success") | {"task_sessions": [_UNNAMED, {**_EARLY, "result": "Success"}]}),
        Example("PASS", _JOB, _task("Success") | {"task_sessions": [_UNNAMED, {"type": "Antivirus"}]}),
        Example("FAIL", _JOB, _task("Failed")),
        Example("FAIL", _JOB, _task("Failed", "Success", {**_LATER, "name": "srv-1"})),
        Example("FAIL", _JOB, _task("Failed", "Warning")),
        Example("UNKNOWN", _JOB, _task(None)),
        Example("UNKNOWN", _JOB, _task("Failed", "Sideways")),
        Example("UNKNOWN", _JOB, _task("Failed", None)),
        Example("UNKNOWN", _JOB, _task("Success", "Success", {**_EARLY, "result": "Failed", "name": "srv-1"})),
        Example("UNKNOWN", _JOB, _task("Success", "Success", {**_LATER, "result": "Success", "name": "srv-1"})),
        Example("UNKNOWN", _JOB),
        Example("UNKNOWN", _JOB, _task("Success"), datasets={"task_sessions": "partial"}),
        Example("NOT_APPLICABLE", _JOB, _task("Failed", "Failed")),
        Example("NOT_APPLICABLE", _JOB, _task("Failed", "Failed", {**_LATER, "result": "Failed", "name": "srv-2"})),
    ),
)
def every_object_succeeded(
    jobs: pd.DataFrame, tasks: pd.DataFrame, sessions: pd.DataFrame, *, since: dt.datetime
) -> Outcome:
    """A job can look successful although one of its machines has had no restore point for weeks."""
    place = places_of(tasks["session_id"], sessions["session_id"])
    job = taken(sessions["job_id"], place, tasks.index)
    owner = places_of(job, jobs["job_id"])
    scan = surely(one_of(tasks["type"], ("Antivirus", "Restore")))
    owner = np.where(scan, -1, owner)
    result = taken(sessions["result"], place, tasks.index)
    green = one_of(result, GOOD_RESULTS).mask(~surely_one(result, *RESULTS))
    settled_task = one_of(tasks["result"], (*GOOD_RESULTS, "None"))
    failed = surely(green) & surely_one(tasks["result"], "Failed")
    fine = surely_not(green) | (surely(green) & surely(settled_task) & are_known(tasks["type"]))
    bad, in_green = count_of(owner, failed, jobs), count_of(owner, surely(green), jobs)
    total = rows_of(owner, jobs)
    lost = (place < 0) & ~scan & ~(_is_early(tasks, since) & surely(settled_task))
    open_ = (count_of(owner, ~fine & ~failed, jobs) > 0) | _may_own(lost, owner, tasks["name"], jobs)
    settled = (bad > 0) | ((total > 0) & ~open_)
    names = listed(np.where(failed, owner, -1), tasks["name"], jobs.index, holds="object")
    seen = phrased("{} failed: {}", bad, names.fillna("not named"), where=bad > 0)
    return Outcome(
        nullable(bad == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (bad > 0, seen), (in_green > 0, "none failed")),
        applies=nullable(
            ~((total > 0) & (in_green == 0) & ~open_ & (bad == 0)), np.zeros(len(jobs), dtype=bool), jobs.index
        ),
        reason=worded(
            jobs.index,
            (settled & (in_green > 0), pd.NA),
            (total == 0, "no object of a session of this job is known in the period"),
            ((in_green == 0) & ~open_, "no session of this job succeeded in the period"),
            default="session, kind or result of some of its objects is not known",
        ),
    )


def _amounts(tasks: pd.DataFrame, sessions: pd.DataFrame, until: dt.datetime) -> tuple[Cells, Cells, Cells]:
    """Per session its number of tasks, whether it counts as an incremental run, and the GB read; NaN: not known."""
    place = places_of(tasks["session_id"], sessions["session_id"])
    size, grows = rows_of(place, sessions), surely_one(tasks["algorithm"], "Increment")
    vague = ~surely_one(tasks["algorithm"], *TASK_ALGORITHMS) | (grows & are_missing(tasks["read_bytes"]))
    # A session that ends after the period has tasks that were not read.
    whole = finished(sessions) & at_or_before(sessions["ended"], until)
    doubtful = (count_of(place, vague, sessions) > 0) | are_missing(whole)
    usable = (size > 0) & ((count_of(place, grows, sessions) == size) | doubtful) & ~surely_not(whole)
    read = tasks["read_bytes"].to_numpy(dtype=float, na_value=0.0)
    volume = np.bincount(place[place >= 0], weights=read[place >= 0], minlength=len(sessions)) / 10**9
    return size, usable, np.where(doubtful, np.nan, volume)


def _may_own(lost: Cells, owner: Cells, names: pd.Series, jobs: pd.DataFrame) -> Cells:
    """The jobs that a task whose session is not known may be of: those with a task for an object of the same name."""
    rows = codes_of(names).rows
    concerned = np.zeros(len(jobs), dtype=bool)
    concerned[owner[(owner >= 0) & np.isin(rows, np.unique(rows[lost]))]] = True
    return concerned


def _is_early(tasks: pd.DataFrame, since: dt.datetime) -> Cells:
    """The tasks whose session, where it was not read, began before the period."""
    return surely(within(tasks["created"], since, since + _ACROSS)) & are_known(tasks["session_id"])
