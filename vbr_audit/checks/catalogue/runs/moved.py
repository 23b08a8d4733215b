"""Check of whether runs that succeed move any data at all."""

from __future__ import annotations

import datetime as dt
import operator
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.sessions import count_of, finished, in_time, owners_of, rows_of
from vbr_audit.checks.logic.three_valued import (
    Cells,
    nullable,
    one_of,
    phrased,
    places_of,
    surely,
    surely_not,
    surely_one,
    worded,
)
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.enums import GOOD_RESULTS

Rows = dict[str, list[dict[str, Any]]]

_JOB: Final = {"job_id": "job-1"}
_RUN: Final = {**_JOB, "state": "Stopped", "result": "Success"}
_THREE: Final = {"runs": 3}

NO_RUN: Final = "no run of this job in the period"


def _moved(*sizes: int | None, processed: int | None = 10**9, run: dict[str, Any] | None = None, **task: Any) -> Rows:
    """One run a day that moved so many bytes, the oldest first; `run` changes the oldest run, `task` each task."""
    ids = [f"s{day}" for day in range(len(sizes))]
    runs = [
        {**_RUN, "session_id": name, "first_session_id": name, "started": hours_ago(24 * (len(sizes) - day))}
        for day, name in enumerate(ids)
    ]
    tasks = [
        {"session_id": name, "transferred_bytes": size, "processed_bytes": processed, **task}
        for name, size in zip(ids, sizes, strict=True)
    ]
    return {"job_runs": [{**runs[0], **(run or {})}, *runs[1:]], "task_sessions": tasks}


@check(
    "RUN-019",
    "Successful runs move data",
    severity="info",
    tables=("jobs", "job_runs", "task_sessions"),
    aggregates=("job_runs", "task_sessions"),
    reads=(
        *(f"task_sessions.{name}" for name in ("transferred_bytes", "processed_bytes", "session_id")),
        *(f"job_runs.{name}" for name in ("session_id", "first_session_id", "started", "state", "result", "job_id")),
        "job_id",
    ),
    json_path="progress.transferredSize",
    expected="data in at least one of the newest {runs} good runs",
    failure="moved no data in the newest {runs} successful runs",
    consequence="could be backing up nothing of use",
    remediation="History > Jobs > the session: check whether its machines are powered off, empty, or read at all.",
    examples=(
        Example("PASS", _JOB, _moved(0, 0, 5, processed=None), params=_THREE),
        Example("PASS", _JOB, _moved(5, 0, 0, processed=None), params=_THREE),
        Example("PASS", _JOB, _moved(5, None, 0, processed=None), params=_THREE),
        Example("FAIL", _JOB, _moved(0, 0, 0), params=_THREE),
        Example("FAIL", _JOB, _moved(5, 0, 0, 0, processed=None), params=_THREE),
        Example("FAIL", _JOB, _moved(0, 0, 0, 0, run={"result": "Failed"}), params=_THREE),
        Example("FAIL", _JOB, _moved(0, 0, 0, 0, run={"state": "Working", "result": None}), params=_THREE),
        Example("FAIL", _JOB, _moved(0, 0, 0, run={"result": "Warning"}), params=_THREE),
        Example("PASS", _JOB, _moved(5, 0, 0, processed=None, run={"session_id": "retry"}), params=_THREE),
        Example("UNKNOWN", _JOB, _moved(0, 0, 0, processed=0), params=_THREE),
        Example("UNKNOWN", _JOB, _moved(0, 0, 0, processed=None), params=_THREE),
        Example("UNKNOWN", _JOB, _moved(0, None, 0), params=_THREE),
        Example("UNKNOWN", _JOB, {**_moved(0, 0, 0), "task_sessions": []}, params=_THREE),
        Example("UNKNOWN", _JOB, _moved(0, 5, 5, 5, run={"result": "Odd"}), params=_THREE),
        Example("UNKNOWN", _JOB, _moved(0, 5, 5, 5, run={"state": "Meditating"}), params=_THREE),
        Example("UNKNOWN", _JOB, _moved(0, 5, 5, 5, run={"started": None}), params=_THREE),
        Example("PASS", _JOB, _moved(5, 0, 0, processed=None, run={"first_session_id": "tried"}), params=_THREE),
        Example(
            "UNKNOWN", _JOB, _moved(0, 0, 0, run={"session_id": "agent", "first_session_id": "agent"}), params=_THREE
        ),
        Example("UNKNOWN", _JOB),
        Example("UNKNOWN", _JOB, _moved(0, 5, run={"result": "Odd"}), params=_THREE),
        Example("NOT_APPLICABLE", _JOB, _moved(0, 0), params=_THREE),
        Example("NOT_APPLICABLE", _JOB, _moved(0, 0, 0, run={"job_id": "job-2"}), params=_THREE),
        Example("NOT_APPLICABLE", _JOB, _moved(0, 0, 0)),
    ),
)
def runs_move_data(
    jobs: pd.DataFrame,
    runs_table: pd.DataFrame,
    tasks: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    runs: Annotated[int, param("Good runs in a row without data at which a job fails.", unit="runs", ge=2)] = 7,
) -> Outcome:
    """A job that succeeds and moves no data in many runs may protect unused machines, or may no longer read its source.

    Machines that are powered off move no data either, so a failure is only a hint. The source counts as not empty if
    data was processed or moved at any time in the period.
    """
    owner = owners_of(jobs, runs_table, since, until)
    fine = surely(finished(runs_table)) & surely_one(runs_table["result"], *GOOD_RESULTS)
    aside = surely_not(finished(runs_table)) | surely(one_of(runs_table["result"], ("Failed", "None")))
    dated = are_known(runs_table["started"])
    unclear = count_of(owner, ~aside & ~(fine & dated), jobs) > 0
    moved, known, filled = _amounts(runs_table, tasks)
    order = in_time(np.where(fine, owner, -1), runs_table)
    mine = owner[order]
    newest = _places_from_end(mine, len(jobs)) < runs
    total = np.bincount(mine, minlength=len(jobs))
    moving = count_of(mine, newest & (moved[order] > 0), jobs)
    open_ = count_of(mine, newest & ~known[order], jobs) > 0
    source = count_of(owner, filled, jobs) > 0
    enough, bare = total >= runs, rows_of(owner, jobs) == 0
    unknown = unclear | ((moving == 0) & (open_ | ~source))
    judged = enough & ~unknown
    observed = phrased("{} of the newest {} good runs moved data", moving, np.minimum(total, runs), where=judged)
    return Outcome(
        nullable(moving > 0, unknown, jobs.index),
        observed=worded(jobs.index, (judged, observed)),
        applies=nullable(enough, bare | (unclear & ~enough), jobs.index),
        reason=worded(
            jobs.index,
            (judged, pd.NA),
            (bare, NO_RUN),
            (unclear, "state, result or start of some runs is not known"),
            (~enough, f"fewer than {runs} good runs in the period"),
            (open_, "how much some of its runs moved is not reported"),
            default="whether its source holds anything is not reported",
        ),
    )


def _amounts(runs: pd.DataFrame, tasks: pd.DataFrame) -> tuple[Cells, Cells, Cells]:
    """Of each run: the bytes that it moved, whether all of its tasks report them, and whether its source held any."""
    owner, size = places_of(tasks["session_id"], runs["session_id"]), len(runs)
    # Only the tasks of attempts that were tried again are left.
    others = np.flatnonzero(owner < 0)
    tried = np.flatnonzero(_are_others(runs["first_session_id"], runs["session_id"]))
    place = places_of(tasks["session_id"].iloc[others], runs["first_session_id"].iloc[tried])
    owner[others] = np.append(tried, -1)[place]
    bytes_ = tasks["transferred_bytes"].to_numpy(dtype=float, na_value=np.nan)
    held = tasks["processed_bytes"].to_numpy(dtype=float, na_value=0.0)
    mine = owner >= 0
    for name in ("session_id", "first_session_id"):
        mine[mine] = runs[name].iloc[owner[mine]].notna()
    moved = np.bincount(owner[mine], np.nan_to_num(bytes_[mine]), minlength=size)
    silent = np.bincount(owner[mine & np.isnan(bytes_)], minlength=size)
    number = np.bincount(owner[mine], minlength=size)
    filled = np.bincount(owner[mine], held[mine], minlength=size)
    return moved, (number > 0) & (silent == 0), (filled > 0) | (moved > 0)


def _are_others(firsts: pd.Series, lasts: pd.Series) -> Cells:
    """The runs whose first and last session may differ: of one attempt, both are one and the same object."""
    cells = (each.to_numpy(dtype=object).tolist() for each in (firsts, lasts))
    return np.fromiter(map(operator.is_not, *cells), dtype=bool, count=len(firsts))


def _places_from_end(owner: Cells, size: int) -> Cells:
    """How many rows of the same owner follow each row; `owner` is in order."""
    ends = np.cumsum(np.bincount(owner, minlength=size))
    return ends[owner] - 1 - np.arange(len(owner))
