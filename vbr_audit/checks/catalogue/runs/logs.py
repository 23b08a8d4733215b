"""Check of the backups of database logs that go on between the runs of a job."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import hours_between
from vbr_audit.checks.logic.sessions import count_of, finished, owners_of, rows_of
from vbr_audit.checks.logic.three_valued import (
    Cells,
    is_reported,
    nullable,
    phrased,
    places_of,
    surely,
    surely_not,
    surely_one,
    worded,
)
from vbr_audit.revisions import KNOWN, is_at_least
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.enums import GOOD_RESULTS

LOG_TYPES: Final = ("SqlLogBackup", "OracleLogBackup", "PostgreSqlLogBackup")
"""The kinds of session that back up the logs of databases; reported from 1.3-rev0 on."""

_REPORTING: Final = tuple(revision for revision in KNOWN if is_at_least(revision, "1.3-rev0"))
_JOB: Final = {"job_id": "job-1", "app_aware_enabled": True, "log_backups_count": 2, "is_disabled": False}
_HOURLY: Final = {**_JOB, "log_backup_min": 60}
_CONTENT_SCAN: Final = {"settings_profile": "1.3-rev1/SureBackupContentScan", "type": "SureBackupContentScan"}
_LOG: Final = {"job_id": "job-1", "session_type": "SqlLogBackup", "state": "Stopped", "result": "Success"}
_RAN: Final = {**_LOG, "session_type": "BackupJob", "created": hours_ago(30), "ended": hours_ago(29)}
_OLD_LOG: Final = {**_LOG, "created": hours_ago(40 * 24), "ended": hours_ago(39 * 24)}

Rows = dict[str, list[dict[str, Any]]]


def _logs(*ended: float | None, **more: Any) -> Rows:
    """Sessions that took an hour and ended so many hours ago, each (None: it still runs)."""
    return {
        "sessions": [
            {**_LOG, "state": "Working", "result": None, "created": hours_ago(50), **more}
            if hours is None
            else {**_LOG, "created": hours_ago(hours + 1), "ended": hours_ago(hours), **more}
            for hours in ended
        ]
    }


def _failing(number: int, *, of: int, **more: Any) -> Rows:
    """A number of log backups, the oldest of which failed; the newest may hold something else."""
    ends = [hours_ago(hour) for hour in range(of, 0, -1)]
    rows = [
        {**_LOG, "created": end, "ended": end, "result": "Failed" if place < number else "Success"}
        for place, end in enumerate(ends)
    ]
    return {"sessions": [*rows[:-1], {**rows[-1], **more}]}


def _beside(*rows: dict[str, Any], revision: str | None) -> Rows:
    """Sessions of a server that speaks so."""
    return {"sessions": list(rows), "servers": [{"revision": revision}]}


@check(
    "RUN-018",
    "Database log backups run regularly and succeed",
    severity="high",
    tables=("jobs", "sessions", "servers"),
    aggregates=("sessions",),
    reads=(
        "log_backups_count",
        "log_backup_min",
        "app_aware_enabled",
        "is_disabled",
        "job_id",
        *(f"sessions.{name}" for name in ("job_id", "session_type", "state", "result", "created", "ended")),
        "servers.revision",
    ),
    json_path="guestProcessing.appAwareProcessing.appSettings[]",
    expected="one that ended in the last {min_hours} h, or {times} of its intervals, and few that failed",
    failure="{has} database log backups that fail, have stopped or are absent",
    consequence="could lose database changes made since the last backup",
    remediation="History > Jobs > the log backup: read its error; check credentials, log shipping servers and space.",
    examples=(
        Example("PASS", _JOB, _logs(24)),
        Example("PASS", _JOB, _logs(None)),
        Example("PASS", _JOB, _logs(2, 90, result="Warning")),
        Example("PASS", {**_JOB, "log_backup_min": 600}, _logs(40)),
        Example("PASS", _JOB, _logs(2, session_type="OracleLogBackup")),
        Example("FAIL", _HOURLY, _logs(25)),
        Example("FAIL", {**_JOB, "log_backup_min": 600}, _logs(41)),
        Example("FAIL", _HOURLY, _logs(13), params={"min_hours": 12}),
        Example("FAIL", _JOB, _failing(1, of=9)),
        Example("FAIL", _JOB, _failing(1, of=9, result="Odd")),
        Example("PASS", _JOB, _failing(1, of=10)),
        Example("FAIL", _HOURLY, _beside(_RAN, revision="1.3-rev1")),
        Example("FAIL", _HOURLY, _beside(_RAN, _OLD_LOG, revision="1.3-rev1")),
        Example("FAIL", _HOURLY, _beside(_RAN, {**_RAN, "job_id": "job-2", "session_type": None}, revision="1.3-rev1")),
        Example("UNKNOWN", _HOURLY, _beside({**_RAN, "job_id": "job-2"}, revision="1.3-rev1")),
        Example("UNKNOWN", _HOURLY, _beside(_RAN, revision="1.2-rev1")),
        Example("UNKNOWN", _HOURLY, _beside(_RAN, revision=None)),
        Example("UNKNOWN", _HOURLY, _beside(_RAN, {**_LOG, "job_id": None}, revision="1.3-rev1")),
        Example("UNKNOWN", _HOURLY, _beside(_RAN, {**_LOG, "job_id": "job-9"}, revision="1.3-rev1")),
        Example("UNKNOWN", _HOURLY, _beside({**_RAN, "session_type": None}, revision="1.3-rev1")),
        Example(
            "FAIL",
            _HOURLY,
            {"sessions": [*_logs(25)["sessions"], {**_RAN, "created": hours_ago(2), "ended": hours_ago(1)}]},
        ),
        Example("UNKNOWN", _HOURLY, {"sessions": [_RAN]}),
        Example("UNKNOWN", _JOB, _failing(0, of=9, result="Odd")),
        Example("UNKNOWN", _JOB, _logs(25)),
        Example("UNKNOWN", _HOURLY, _logs(2, state="Meditating")),
        Example("UNKNOWN", _HOURLY, _logs(2, result="Odd")),
        Example("UNKNOWN", _HOURLY, _logs(2, 3, created=None)),
        Example("UNKNOWN", _HOURLY, _logs(40, ended=None)),
        Example("UNKNOWN", {**_JOB, "log_backups_count": None}, _logs(2)),
        Example("UNKNOWN", {**_JOB, "is_disabled": None}, _logs(2)),
        Example("NOT_APPLICABLE", {**_JOB, "is_disabled": True}, _logs(99)),
        Example("NOT_APPLICABLE", {**_JOB, "log_backups_count": 0}, _logs(99)),
        Example("NOT_APPLICABLE", {**_JOB, "app_aware_enabled": False}, _logs(99)),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def log_backups_go_on(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    servers: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    times: Annotated[int, param("Maximum age of the newest log backup, in intervals of the job.", ge=1)] = 4,
    min_hours: Annotated[int, param("Age of the newest log backup that always passes.", unit="hours", ge=1)] = 24,
    max_share: Annotated[float, param("Maximum share of log backups that fail.", ge=0, le=1)] = 0.1,
) -> Outcome:
    """Without log backups, a database can only be restored to the last job run, and its log grows until the disk fills.

    Log backups have their own session types, and each session continues until the next run of the job. That they have
    the id of this job is inferred. If log backups of the server belong to no job, none is reported as absent.
    """
    owner, done = owners_of(jobs, sessions, since, until), finished(sessions)
    log, kind = surely_one(sessions["session_type"], *LOG_TYPES), sessions["session_type"]
    mine, dated = np.where(log, owner, -1), are_known(sessions["created"])
    over, runs = surely(done) & dated, surely_not(done) & dated
    good, failed = (over & surely_one(sessions["result"], *words) for words in (GOOD_RESULTS, ("Failed",)))
    age = hours_between(sessions["ended"], until).to_numpy(dtype=float, na_value=np.nan)
    newest = _least(mine, np.where(runs, 0.0, np.where(good, age, np.nan)), len(jobs))
    counted = {name: count_of(mine, rows, jobs) for name, rows in (("good", good), ("failed", failed), ("open", runs))}
    logs, dull = count_of(mine, log, jobs), count_of(mine, good & np.isnan(age), jobs)
    unclear = logs - sum(counted.values()) + dull
    limit = np.fmax(min_hours, times * jobs["log_backup_min"].to_numpy(dtype=float, na_value=np.nan) / 60)
    rests = counted["failed"] > max_share * (counted["good"] + counted["failed"])
    stale = (newest > limit) & are_known(jobs["log_backup_min"])
    astray = bool((log & (places_of(sessions["job_id"], jobs["job_id"]) < 0)).any())
    nameless = count_of(owner, ~is_reported(kind), jobs) > 0
    kinds_reported = bool(surely_one(servers["revision"], *_REPORTING).any()) and not astray
    absent = (logs == 0) & kinds_reported & ~nameless & (rows_of(owner, jobs) > 0)
    bad = rests | (stale & (unclear == 0)) | absent
    unknown = ~bad & ((unclear > 0) | ~(newest <= limit))
    on = jobs["app_aware_enabled"] & (jobs["log_backups_count"] > 0)
    return Outcome(
        nullable(~bad, unknown, jobs.index),
        observed=worded(
            jobs.index,
            (absent, "no log backup in the period"),
            (rests, phrased("{} of {} log backups failed", counted["failed"], logs, where=logs > 0)),
            (counted["open"] > 0, phrased("{} log backups, one of them runs", logs, where=logs > 0)),
            (~np.isnan(newest), phrased("newest log backup {:.1f} h before the end", newest, where=~np.isnan(newest))),
        ),
        applies=on & ~jobs["is_disabled"],
        reason=worded(
            jobs.index,
            (surely(jobs["is_disabled"]), "the job is disabled"),
            (surely_not(on), "it backs up the logs of no database"),
            (on.isna(), "whether it backs up logs is not reported for all of its machines"),
            (~unknown, pd.NA),
            (logs > 0, "state, result, dates or interval of its log backups are not known"),
            default="no log backup names this job, and this does not show that there is none",
        ),
    )


def _least(owner: Cells, values: Cells, size: int) -> Cells:
    """The least known value of each job, NaN for none."""
    least = np.full(size, np.nan)
    rows = np.flatnonzero((owner >= 0) & ~np.isnan(values))
    np.fmin.at(least, owner[rows], values[rows])
    return least
