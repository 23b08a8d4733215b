"""Checks of how jobs ran."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.dates import hours_between, minute_text, older_than
from vbr_audit.checks.logic import Cells, nullable, places_of, surely, taken, worded
from vbr_audit.checks.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.params import param
from vbr_audit.checks.registry import check
from vbr_audit.checks.sessions import newest_finished, runs_of

_EXPECTED = {"expected_to_run": True}
_ASIDE = {"expected_to_run": False}
_OK_RUN = {"state": "Stopped", "result": "Success", "created": hours_ago(30)}
_WARNED_RUN = {**_OK_RUN, "result": "Warning"}
_FAILED_RUN = {**_OK_RUN, "result": "Failed"}
_RUNNING = {"state": "Working", "result": "None", "created": hours_ago(26)}

NO_STATE = "no state was returned for this job"
_RECENT = dt.timedelta(hours=1)
_NO_SESSION = "lastResult is None, and no finished session of the period tells more"
_LATER_UNREAD = "lastResult is None, and the sessions after the period were not read"


@check(
    "RUN-001",
    "The last run did not fail",
    severity="high",
    tables=("jobs", "job_states", "sessions"),
    fallback=("sessions",),
    reads=(
        "job_states.last_result",
        "job_id",
        "job_states.job_id",
        "sessions.job_id",
        "sessions.state",
        "sessions.result",
        "sessions.created",
    ),
    json_path="lastResult",
    expected="Success or Warning",
    remediation="Home > Jobs > right-click the job > Statistics: read the error, correct it, run the job again.",
    examples=(
        Example("PASS", {}, {"job_states": [{"last_result": "Success"}]}),
        Example("PASS", {}, {"job_states": [{"last_result": "None"}], "sessions": [_RUNNING, _OK_RUN]}),
        Example("FAIL", {}, {"job_states": [{"last_result": "Failed"}]}),
        Example("FAIL", {}, {"job_states": [{"last_result": "None"}], "sessions": [_RUNNING, _FAILED_RUN]}),
        Example("UNKNOWN", {}, {"job_states": [{"last_result": "None"}], "sessions": [_RUNNING]}),
        Example("UNKNOWN", {}, {"job_states": [{"last_result": None}], "sessions": [_OK_RUN]}),
        Example("UNKNOWN", {}),
    ),
)
def last_run_good(
    jobs: pd.DataFrame, states: pd.DataFrame, sessions: pd.DataFrame, *, now: dt.datetime, until: dt.datetime
) -> Outcome:
    """A job whose last run failed has no restore point from that run; until it runs well again, the gap grows.

    While a job runs, the server says `None`: then its newest finished session counts, if the period reaches up to now.
    """
    is_current = until >= now - _RECENT
    row = places_of(jobs["job_id"], states["job_id"])
    said = taken(states["last_result"], row, jobs.index)
    newest = newest_finished(jobs, sessions if is_current else sessions.iloc[:0])
    silent = surely(said == "None")
    result = said.where(~silent, newest.result)
    good, bad = surely((result == "Success") | (result == "Warning")), surely(result == "Failed")
    when = minute_text(newest.created)
    borrowed = silent & newest.result.notna().to_numpy()
    sentences = np.array([f"{word} (newest finished session, {at})" for word, at in zip(result, when, strict=True)])
    return Outcome(
        nullable(good, ~(good | bad), jobs.index),
        observed=worded(jobs.index, (borrowed, sentences), (said.notna(), said)),
        json_path=worded(jobs.index, (borrowed, "result")),
        reason=worded(
            jobs.index,
            (good | bad, pd.NA),
            (row < 0, NO_STATE),
            (silent, _NO_SESSION if is_current else _LATER_UNREAD),
            (said.notna(), "the server names a last result that this check does not know"),
            default="lastResult is missing in the answer",
        ),
    )


@check(
    "RUN-003",
    "The job has run",
    severity="high",
    tables=("jobs", "job_states"),
    reads=("job_states.last_run", "job_states.last_result", "expected_to_run", "job_id", "job_states.job_id"),
    json_path="lastRun",
    expected="a last run",
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
    """A job that is set up but never ran looks finished and protects nothing."""
    row = places_of(jobs["job_id"], states["job_id"])
    last_run = taken(states["last_run"], row, jobs.index)
    last_result = taken(states["last_result"], row, jobs.index)
    ran, never = last_run.notna().to_numpy(), surely(last_result == "None")
    told = last_result.notna().to_numpy()
    return Outcome(
        nullable(ran & told, ~told | (~ran & ~never), jobs.index),
        observed=worded(jobs.index, (ran, minute_text(last_run)), (never, "never ran")),
        applies=jobs["expected_to_run"],
        reason=_reason(
            jobs,
            row,
            (~told, "lastResult is missing in the answer"),
            (~ran & ~never, "lastRun is missing in the answer"),
        ),
    )


@check(
    "RUN-004",
    "The job ran recently",
    severity="high",
    tables=("jobs", "job_states"),
    reads=("job_states.last_run", "expected_to_run", "job_id", "job_states.job_id"),
    json_path="lastRun",
    expected="a last run at most {max_age_hours} h ago",
    remediation="Home > Jobs: find out why the job did not start (schedule, proxy, service), and start it.",
    examples=(
        Example("PASS", _EXPECTED, {"job_states": [{"last_run": hours_ago(47)}]}),
        Example("FAIL", _EXPECTED, {"job_states": [{"last_run": hours_ago(49)}]}),
        Example("FAIL", _EXPECTED, {"job_states": [{"last_run": hours_ago(47)}]}, params={"max_age_hours": 24}),
        Example("UNKNOWN", _EXPECTED, {"job_states": [{"last_run": None}]}),
        Example("UNKNOWN", _EXPECTED),
        Example("NOT_APPLICABLE", _ASIDE, {"job_states": [{"last_run": hours_ago(999)}]}),
    ),
)
def job_ran_recently(
    jobs: pd.DataFrame,
    states: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_hours: Annotated[int, param("Age of the last run that is still good.", unit="hours", ge=1)] = 48,
) -> Outcome:
    """The age of the last run is the least that would be lost today."""
    row = places_of(jobs["job_id"], states["job_id"])
    last_run = taken(states["last_run"], row, jobs.index)
    fresh = ~older_than(last_run, dt.timedelta(hours=max_age_hours), now=now)
    known = last_run.notna().to_numpy()
    ages = hours_between(last_run, now).fillna(0).to_numpy(dtype=float)
    seen = [f"{at} ({age:.0f} h ago)" for at, age in zip(minute_text(last_run), ages, strict=True)]
    return Outcome(
        fresh,
        observed=worded(jobs.index, (known, seen)),
        applies=jobs["expected_to_run"],
        reason=_reason(
            jobs,
            row,
            (~known, "lastRun is missing in the answer: no run is known"),
            (fresh.isna(), "the last run lies in the future"),
        ),
    )


@check(
    "RUN-005",
    "Runs succeed as often as required",
    severity="high",
    tables=("jobs", "sessions"),
    aggregates=("sessions",),
    reads=(
        "sessions.result",
        "expected_to_run",
        "job_id",
        "sessions.job_id",
        "sessions.state",
        "sessions.created",
    ),
    remediation="History > Jobs: read the errors of the failed sessions, and correct the most frequent cause first.",
    examples=(
        Example("PASS", _EXPECTED, {"sessions": [_OK_RUN] * 19 + [_FAILED_RUN]}),
        Example("PASS", _EXPECTED, {"sessions": [_OK_RUN, _WARNED_RUN, _RUNNING]}),
        Example("FAIL", _EXPECTED, {"sessions": [_OK_RUN] * 11 + [_FAILED_RUN]}, severity="medium"),
        Example("FAIL", _EXPECTED, {"sessions": [_OK_RUN, _FAILED_RUN]}, severity="high"),
        Example("UNKNOWN", _EXPECTED, {"sessions": [_RUNNING]}),
        Example("UNKNOWN", _EXPECTED, {"sessions": [_OK_RUN]}, datasets={"sessions": "partial"}),
        Example("NOT_APPLICABLE", _ASIDE, {"sessions": [_FAILED_RUN]}),
    ),
)
def runs_succeed(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    warn_rate: Annotated[float, param("Share below which a job fails with medium severity.", ge=0, le=1)] = 0.95,
    min_rate: Annotated[float, param("Share below which a job fails with full severity.", ge=0, le=1)] = 0.90,
) -> Outcome:
    """One job that fails now and then still leaves gaps; the share of good runs is what a service is measured by.

    Counted are the finished sessions of the job that were created in the period, each retry by itself; a warning
    counts as success and is shown beside it.
    """
    runs = runs_of(jobs, sessions, since, until)
    good, known = runs.success + runs.warning, runs.success + runs.warning + runs.failed
    possible = np.maximum(known + runs.unclear, 1)
    lowest, highest = good / possible, (good + runs.unclear) / possible
    required = max(warn_rate, min_rate)
    settled = (known > 0) & ((lowest >= required) | (highest < required))
    return Outcome(
        nullable(lowest >= required, ~settled, jobs.index),
        observed=worded(jobs.index, (known > 0, _shares(good, known, runs.warning, runs.unclear))),
        expected=f"≥ {100 * required:.1f} % of the finished sessions; below {100 * min_rate:.1f} % it weighs in full",
        severity=worded(jobs.index, (settled & (lowest < required) & (lowest >= min_rate), "medium")),
        applies=jobs["expected_to_run"],
        reason=_reason(
            jobs,
            None,
            (runs.unclear > 0, "state, result or start of some sessions is not known"),
            (known == 0, "no finished session in the period"),
            unsettled=~settled,
        ),
    )


def _shares(good: Cells, known: Cells, warning: Cells, unclear: Cells) -> list[str]:
    """`27 of 30 (90.0 %), 2 with warning` per job."""
    found = []
    for ok, total, warned, open_ in zip(good.tolist(), known.tolist(), warning.tolist(), unclear.tolist(), strict=True):
        text = f"{ok} of {total} ({100 * ok / max(total, 1):.1f} %)"
        text += f", {warned} with warning" if warned else ""
        found.append(text + (f", {open_} not known" if open_ else ""))
    return found


def _reason(
    jobs: pd.DataFrame, row: Cells | None, *cases: tuple[object, str], unsettled: Cells | None = None
) -> pd.Series:
    """Why a job is set aside, else why nothing can be said of it; `row` is its row among the states."""
    expected = jobs["expected_to_run"]
    stateless = np.zeros(len(jobs), dtype=bool) if row is None else row < 0
    told = worded(
        jobs.index,
        (surely(~expected), "the job is disabled or not scheduled"),
        (expected.isna(), "whether the job is expected to run is not known"),
        (stateless, NO_STATE),
        *cases,
    )
    return told if unsettled is None else told.where(unsettled | ~surely(expected))
