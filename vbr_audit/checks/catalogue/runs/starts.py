"""Checks of when runs start, and of who starts them."""

from __future__ import annotations

import datetime as dt
from fnmatch import fnmatchcase
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.sessions import count_of, owners_of, rows_of
from vbr_audit.checks.logic.three_valued import Cells, listed, nullable, phrased, texts, worded
from vbr_audit.tables.build.arrays import are_known, are_missing

_JOB = {"job_id": "job-1"}
_SESSION = {"job_id": "job-1", "state": "Stopped", "result": "Success"}
_BY_JANE = {"initiated_by": "EXAMPLE\\jane", "created": hours_ago(30)}
_MINUTES_A_DAY = 1440
_A_SECOND = dt.timedelta(seconds=1)

_AT_EIGHT, _AT_SIX = hours_ago(34), hours_ago(24)

NO_SESSION = "no session of this job in the period"


Rows = dict[str, list[dict[str, object]]]


def _sessions(*rows: dict[str, object]) -> Rows:
    return {"sessions": [{**_SESSION, **row} for row in rows]}


def _in_window(*rows: dict[str, object]) -> Rows:
    """Sessions that shall run from 20:00 to 06:00."""
    return {"run_window": [{"start_min": 1200, "end_min": 360}], **_sessions(*rows)}


@check(
    "RUN-013",
    "Runs keep to the agreed hours",
    severity="low",
    tables=("jobs", "sessions", "run_window"),
    aggregates=("sessions",),
    reads=(
        "sessions.created",
        "sessions.ended",
        "sessions.job_id",
        "job_id",
        "run_window.start_min",
        "run_window.end_min",
    ),
    json_path="creationTime",
    expected="start and end inside the window of the site file",
    failure="ran outside of the agreed hours",
    consequence="could slow down production",
    remediation="Job > Schedule: change the start time; set a backup window that ends the job in time.",
    examples=(
        Example("PASS", _JOB, _in_window({"created": _AT_EIGHT, "ended": _AT_SIX})),
        Example("FAIL", _JOB, _in_window({"created": _AT_EIGHT, "ended": _AT_SIX + _A_SECOND})),
        Example("FAIL", _JOB, _in_window({"created": _AT_EIGHT - _A_SECOND, "ended": _AT_SIX})),
        Example("FAIL", _JOB, _in_window({"created": _AT_SIX})),
        Example("FAIL", _JOB, _in_window({"created": _AT_SIX}, {"created": _AT_EIGHT})),
        Example("UNKNOWN", _JOB, _in_window({"created": _AT_SIX - _A_SECOND})),
        Example("UNKNOWN", _JOB, _in_window()),
        Example("UNKNOWN", _JOB, _sessions({"created": _AT_EIGHT}), datasets={"site": "not given"}),
    ),
)
def runs_in_window(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    window: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    clocks: tuple[dt.tzinfo, ...],
) -> Outcome:
    """Backups in working hours slow down the systems that they protect.

    The hours are in the report's time zone. A running session has no end to evaluate. If a server reports only its
    present offset, and some zones with that offset changed their clocks since a session, the check evaluates that
    session only if the hours of all these zones agree.
    """
    owner = owners_of(jobs, sessions, since, until)
    known = window[["start_min", "end_min"]].dropna()
    begin, end = (int(known[name].iloc[0]) if len(known) else 0 for name in ("start_min", "end_min"))
    length = (end - begin) % _MINUTES_A_DAY or _MINUTES_A_DAY
    outside_by_clock = [_outside(sessions, zone, begin, length) for zone in clocks]
    outside, perhaps = np.logical_and.reduce(outside_by_clock), np.logical_or.reduce(outside_by_clock)
    undated = are_missing(sessions["created"]) | are_missing(sessions["ended"])
    by_clock = count_of(owner, perhaps & ~outside, jobs)
    wrong, unclear = count_of(owner, outside, jobs), count_of(owner, ~outside & (perhaps | undated), jobs)
    total = rows_of(owner, jobs)
    settled = bool(len(known)) & ((wrong > 0) | ((total > 0) & (unclear == 0)))
    observed = phrased("{} of {} sessions outside of the window", wrong, total, where=total > 0)
    return Outcome(
        nullable(wrong == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (total > 0, observed)),
        reason=worded(
            jobs.index,
            (settled, pd.NA),
            (np.full(len(jobs), not len(known)), "the site file has no hours"),
            (total == 0, NO_SESSION),
            (by_clock > 0, "the server reports only its present offset: its clock at some sessions is not known"),
            default="start or end of some sessions is not known, or they still run",
        ),
    )


def _outside(sessions: pd.DataFrame, zone: dt.tzinfo, begin: int, length: int) -> Cells:
    """The sessions that surely started or ended outside of the window, by the clock of `zone`; `begin` is its minute
    of the day."""
    if length == _MINUTES_A_DAY:
        return np.zeros(len(sessions), dtype=bool)
    local = [sessions[name].dt.tz_convert(zone).dt.tz_localize(None) for name in ("created", "ended")]
    minute = (local[0] - local[0].dt.normalize()).dt.total_seconds() / 60
    late = ((minute - begin) % _MINUTES_A_DAY).to_numpy(dtype=float, na_value=np.nan)
    lasted = ((local[1] - local[0]).dt.total_seconds() / 60).to_numpy(dtype=float, na_value=np.nan)
    return np.asarray((late >= length) | (late + lasted > length))


@check(
    "RUN-015",
    "Job runs are started by the schedule",
    severity="info",
    tables=("jobs", "sessions"),
    aggregates=("sessions",),
    reads=("sessions.initiated_by", "sessions.created", "sessions.job_id", "job_id"),
    json_path="initiatedBy",
    expected="sessions of the accounts {services} only",
    failure="{has} runs that a person started",
    consequence="may depend on somebody who remembers to start {it|them}",
    remediation="History > Jobs: ask who started the job by hand and why; fix the schedule if that is the reason.",
    examples=(
        Example("PASS", _JOB, _sessions({"initiated_by": "NT AUTHORITY\\SYSTEM", "created": hours_ago(30)})),
        Example("FAIL", _JOB, _sessions(_BY_JANE)),
        Example("FAIL", _JOB, _sessions(_BY_JANE, {"initiated_by": None})),
        Example("UNKNOWN", _JOB, _sessions({**_BY_JANE, "created": None})),
        Example("UNKNOWN", _JOB, _sessions({"initiated_by": None, "created": hours_ago(30)})),
        Example("UNKNOWN", _JOB, _sessions({"initiated_by": " ", "created": hours_ago(30)})),
        Example("UNKNOWN", _JOB),
    ),
)
def runs_by_schedule(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    services: Annotated[
        str, param("Service accounts, separated by commas; `*` as in file names, case-insensitive.")
    ] = "SYSTEM, *\\SYSTEM, *svc*, *service*, *$",
) -> Outcome:
    """Auditors sample manual runs as exceptions: a test, a repair, or a schedule that does not work."""
    owner, accounts = owners_of(jobs, sessions, since, until), codes_of(sessions["initiated_by"])
    patterns = [part.strip().casefold() for part in services.split(",") if part.strip()]
    names = [name.strip() for name in accounts.texts.tolist()]
    persons = {name for name in names if name and not any(fnmatchcase(name.casefold(), one) for one in patterns)}
    who = texts(accounts.spread(names, object, missing=pd.NA), sessions.index)
    is_named = accounts.spread(map(bool, names), bool, missing=False)
    dated = are_known(sessions["created"])
    by_hand = dated & accounts.spread((name in persons for name in names), bool, missing=False)
    count, total = count_of(owner, by_hand, jobs), rows_of(owner, jobs)
    settled = (count > 0) | ((total > 0) & (count_of(owner, is_named & dated, jobs) == total))
    which = listed(np.where(by_hand, owner, -1), who, jobs.index, holds="user")
    seen = phrased("{} of {} by {}", count, total, which, where=count > 0)
    return Outcome(
        nullable(count == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (count > 0, seen), (total > 0, "all started by services")),
        reason=worded(
            jobs.index,
            (settled, pd.NA),
            (total == 0, NO_SESSION),
            default="who started some of the sessions is not reported (the API reports it from 1.3-rev0 on), or when",
        ),
    )
