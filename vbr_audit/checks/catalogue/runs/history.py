"""Checks of how the runs of the period ended, each with its retries folded into it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.sessions import count_of, finished, in_time, longest_streaks, owners_of, rows_of, runs_of
from vbr_audit.checks.logic.three_valued import (
    Cells,
    is_reported,
    listed,
    nullable,
    phrased,
    phrased_once,
    places_of,
    surely,
    surely_not,
    surely_one,
    taken,
    worded,
)
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import GOOD_RESULTS

_EXPECTED = {"job_id": "job-1", "expected_to_run": True}
_RAN = {"job_id": "job-1"}
_ASIDE = {"job_id": "job-1", "expected_to_run": False}
_READS = ("job_id", *(f"job_runs.{name}" for name in ("job_id", "state", "started")))


def _run(result: str | None, age: float, **more: object) -> dict[str, object]:
    return {"job_id": "job-1", "state": "Stopped", "result": result, "started": hours_ago(age), **more}


def _runs(*results: str | None, **more: object) -> dict[str, list[dict[str, object]]]:
    """One run a day, the oldest first."""
    return {"job_runs": [_run(word, 24 * (25 - day), **more) for day, word in enumerate(results)]}


def _beside(runs: dict[str, list[dict[str, object]]], *others: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    """The same with further runs."""
    return {"job_runs": [*runs["job_runs"], *others]}


_RUNNING = {"job_runs": [_run("None", 1) | {"state": "Working"}]}
_DATELESS = _run("Success", 1) | {"started": None}
_ONCE = {"retries": 0, "attempts": 1, "folded_by": "retry info"}
_REPEATED = {"retries": 1, "attempts": 2, "folded_by": "retry info"}
_DENIED = {"result_message": "Access denied"}
_SILENT: dict[str, list[dict[str, object]]] = {"job_schedules": [{"job_id": "job-1", "always_runs": False, "due": 31}]}
_REST: dict[str, list[dict[str, object]]] = {"job_schedules": [{"job_id": "job-1", "always_runs": False, "due": 0}]}
_DUE = ("job_schedules.due", "job_schedules.job_id")
_NO_RUN = "no run in the whole period"
_OF_ANOTHER_JOB = [_run("Failed", 1, **_DENIED) | {"job_id": "job-2"}] * 3


@check(
    "RUN-005",
    "The success rate of job runs is as high as required",
    severity="high",
    tables=("jobs", "job_runs", "job_schedules"),
    aggregates=("job_runs",),
    fallback=("job_schedules",),
    reads=("job_runs.result", "expected_to_run", *_READS, *_DUE),
    failure="{has} too low a share of successful runs",
    consequence="could lack a backup of the day that is needed",
    remediation="History > Jobs: read the errors of the failed sessions, and fix the most frequent cause first.",
    examples=(
        Example("PASS", _RAN, _runs(*["Success"] * 19, "Failed"), severity="high"),
        Example("PASS", _RAN, _runs("Warning")),
        Example("PASS", _RAN, _beside(_runs("Success"), *_RUNNING["job_runs"])),
        Example("FAIL", _EXPECTED, _runs(*["Success"] * 11, "Failed"), severity="medium"),
        Example("FAIL", _EXPECTED, _runs(*["Success"] * 9, "Failed"), severity="medium"),
        Example("FAIL", _EXPECTED, _runs("Success", "Failed"), severity="high"),
        Example("UNKNOWN", _EXPECTED, _runs("Success", None)),
        Example("UNKNOWN", _EXPECTED, _runs(*["Success"] * 18, "Failed", None)),
        Example("UNKNOWN", _EXPECTED, _RUNNING),
        Example("UNKNOWN", _EXPECTED, _runs("Success"), datasets={"sessions": "partial"}),
        Example("UNKNOWN", _EXPECTED, _SILENT),
        Example("FAIL", _ASIDE, _runs("Failed")),
        Example("NOT_APPLICABLE", _ASIDE),
        Example("NOT_APPLICABLE", _ASIDE, _SILENT),
        Example("NOT_APPLICABLE", _EXPECTED, _REST),
    ),
)
def runs_succeed(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    schedules: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    warn_rate: Annotated[float, param("Share below which a job fails with medium severity.", ge=0, le=1)] = 0.95,
    min_rate: Annotated[float, param("Share below which a job fails with full severity.", ge=0, le=1)] = 0.90,
) -> Outcome:
    """A job that fails occasionally leaves gaps, and the success rate is the usual measure of a backup service.

    The check counts the finished runs that started in the period, including those of a job that is disabled now. A
    session and its retries are one run, and the last of them counts. If the server does not report which session a
    retry repeats (before 1.3-rev2), a session that starts within the job's own wait after a failed one is its retry. A
    warning counts as success and is shown separately. A job that should have started by its schedule but did not run
    at all has no rate: RUN-007 fails it.
    """
    runs = runs_of(jobs, sessions, since, until)
    possible = np.maximum(runs.known + runs.unclear, 1)
    lowest = (runs.good - runs.dateless) / possible
    highest = (runs.good + runs.unclear + runs.dateless) / possible
    required = max(warn_rate, min_rate)
    settled = (runs.known > 0) & ((lowest >= required) | (highest < required))
    open_ = runs.unclear + runs.dateless
    shares = phrased_once((runs.good, runs.known, runs.warning, open_), _share)
    judged = _are_judged(jobs, sessions, runs.owner)
    owed = surely_not(judged) & surely(jobs["expected_to_run"]) & surely(_starts_due(jobs, schedules) > 0)
    return Outcome(
        nullable(lowest >= required, ~settled, jobs.index),
        observed=worded(jobs.index, (runs.known > 0, shares)),
        expected=f"≥ {100 * required:.1f} % of the finished runs; below {100 * min_rate:.1f} % it weighs in full",
        severity=worded(jobs.index, (settled & (lowest < required) & (lowest >= min_rate), "medium")),
        applies=judged.mask(owed, True),
        reason=_why(judged, settled, open_ > 0, (owed, "no run in the period, though its schedule demanded some")),
    )


@check(
    "RUN-006",
    "Job runs do not fail several times in a row",
    severity="high",
    tables=("jobs", "job_runs"),
    aggregates=("job_runs",),
    reads=("job_runs.result", *_READS),
    expected="fewer than {failures} failed runs in a row",
    failure="{has} {failures} or more failed runs in a row",
    consequence="could leave {its} objects without a backup for days",
    remediation="Home > Jobs > right-click the job > Statistics: fix the error that repeats, and run the job.",
    examples=(
        Example("PASS", _EXPECTED, _runs("Failed", "Failed", "Success", "Failed")),
        Example("PASS", _EXPECTED, _runs("Success")),
        Example("FAIL", _EXPECTED, _runs("Success", "Failed", "Failed", "Failed", "Success")),
        Example("FAIL", _EXPECTED, _runs("Failed", "Success"), params={"failures": 1}),
        Example("UNKNOWN", _EXPECTED, _runs("Failed", None, "Failed")),
        Example("UNKNOWN", _EXPECTED, _RUNNING),
        Example("UNKNOWN", _EXPECTED, _runs("Success"), datasets={"sessions": "partial"}),
        Example("FAIL", _ASIDE, _runs("Failed", "Failed", "Failed")),
        Example("NOT_APPLICABLE", _ASIDE),
    ),
)
def failures_isolated(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    failures: Annotated[int, param("Failed runs in a row at which a job fails.", unit="runs", ge=1)] = 3,
) -> Outcome:
    """Each failed run makes the gap larger. Several in a row mean that nobody noticed or nobody could fix the error."""
    runs = runs_of(jobs, sessions, since, until)
    done = finished(sessions)
    ended = np.where(surely_not(done), -1, runs.owner)
    order = in_time(ended, sessions)
    failed = (surely(done) & surely_one(sessions["result"], "Failed"))[order]
    fine = surely(done) & surely_one(sessions["result"], *GOOD_RESULTS)
    sure = longest_streaks(ended[order], failed, jobs)
    most = longest_streaks(ended[order], ~fine[order], jobs) + runs.dateless
    settled = (runs.known > 0) & (((sure >= failures) & (runs.dateless == 0)) | (most < failures))
    observed = phrased("{} failed in a row at most", sure, where=sure > 0)
    judged = _are_judged(jobs, sessions, runs.owner)
    return Outcome(
        nullable(sure < failures, ~settled, jobs.index),
        observed=worded(jobs.index, ((runs.known > 0) & (sure > 0), observed), (runs.known > 0, "none failed")),
        applies=judged,
        reason=_why(judged, settled, runs.unclear + runs.dateless > 0),
    )


@check(
    "RUN-007",
    "At least one run of the period succeeded",
    severity="critical",
    tables=("jobs", "job_runs", "job_schedules"),
    aggregates=("job_runs",),
    fallback=("job_schedules",),
    reads=("job_runs.result", "expected_to_run", *_READS, *_DUE),
    expected="at least one run with Success or Warning",
    failure="{has} no successful run in the period",
    consequence="could leave a whole period without a backup",
    remediation="Home > Jobs > right-click the job > Statistics: fix the error, and run the job immediately.",
    examples=(
        Example("PASS", _RAN, _runs("Success")),
        Example("PASS", _RAN, _runs("Warning")),
        Example("FAIL", _EXPECTED, _runs("Failed")),
        Example("PASS", _RAN, _beside(_runs("Success", "Success"), _DATELESS)),
        Example("UNKNOWN", _EXPECTED, _beside(_runs("Success"), _DATELESS)),
        Example("UNKNOWN", _EXPECTED, _runs("Failed", None)),
        Example("FAIL", _EXPECTED, _SILENT),
        Example("FAIL", _EXPECTED, {"job_runs": _OF_ANOTHER_JOB, **_SILENT}),
        Example("UNKNOWN", _EXPECTED, _RUNNING),
        Example("UNKNOWN", _EXPECTED, {**_RUNNING, **_SILENT}),
        Example("UNKNOWN", _EXPECTED, _SILENT, datasets={"sessions": "partial"}),
        Example("UNKNOWN", _EXPECTED),
        Example("NOT_APPLICABLE", _EXPECTED, _REST),
        Example("UNKNOWN", _EXPECTED, _runs("Failed"), datasets={"sessions": "partial"}),
        Example("FAIL", _ASIDE, _runs("Failed")),
        Example("NOT_APPLICABLE", _ASIDE),
    ),
)
def one_run_succeeded(
    jobs: pd.DataFrame, sessions: pd.DataFrame, schedules: pd.DataFrame, *, since: dt.datetime, until: dt.datetime
) -> Outcome:
    """Without a successful run, the whole period has no restore point.

    A job that should have started by its schedule but did not run at all fails like a job that always failed. A
    session whose start is not known can be the last attempt of any run, so it leaves one good run in doubt.
    """
    runs = runs_of(jobs, sessions, since, until)
    open_ = runs.unclear + runs.dateless
    judged = _are_judged(jobs, sessions, runs.owner)
    silent, due = surely_not(judged), _starts_due(jobs, schedules)
    settled = (runs.dateless < runs.good) | ((runs.failed > 0) & (open_ == 0)) | (silent & are_known(due))
    shares = phrased_once((runs.good, runs.known, runs.warning, open_), _share)
    none = phrased(_NO_RUN + "; {} were due", due, where=silent & surely(due > 0))
    expected, rest = jobs["expected_to_run"], silent & surely(due == 0)
    return Outcome(
        nullable(runs.good > 0, ~settled, jobs.index),
        observed=worded(jobs.index, (runs.known > 0, shares), (silent & surely(due > 0), none)),
        applies=expected.mask(surely(judged), True).mask(rest, False),
        reason=_why(
            judged,
            settled & ~rest & ~(silent & ~surely(expected)),
            open_ > 0,
            (silent & surely_not(expected), "the job is disabled or not scheduled, and did not run"),
            (silent & are_missing(expected), "whether the job is expected to run is not known"),
            (rest, "no start was due in the period"),
        ),
    )


@check(
    "RUN-008",
    "Runs succeed at the first attempt",
    severity="low",
    tables=("jobs", "job_runs"),
    aggregates=("job_runs",),
    reads=("job_runs.retries", *_READS),
    failure="{needs|need} a retry in too many runs",
    consequence="could fail for good once retries no longer help",
    remediation="History > Jobs: read the errors of the first attempts; fix the cause that the retries hide.",
    examples=(
        Example("PASS", _EXPECTED, _runs("Success", retries=0, attempts=1, folded_by="retry wait")),
        Example(
            "PASS",
            _EXPECTED,
            _runs("Success", retries=1, attempts=2, folded_by="retry wait"),
            params={"max_share": 1.0},
        ),
        Example("PASS", _EXPECTED, _beside(_runs(*["Success"] * 4, **_ONCE), _run("Success", 1, **_REPEATED))),
        Example("FAIL", _EXPECTED, _beside(_runs(*["Success"] * 3, **_ONCE), _run("Success", 1, **_REPEATED))),
        Example("FAIL", _EXPECTED, _runs("Success", retries=2, attempts=3, folded_by="retry wait")),
        Example(
            "UNKNOWN",
            _EXPECTED,
            _beside(_runs(*["Success"] * 3, **_ONCE), _run("Success", 2, **_REPEATED), _run("Success", 1)),
        ),
        Example("UNKNOWN", _EXPECTED, _RUNNING),
        Example("FAIL", _ASIDE, _runs("Success", retries=1, attempts=2, folded_by="retry wait")),
        Example("NOT_APPLICABLE", _ASIDE),
    ),
)
def first_attempt_succeeds(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    max_share: Annotated[float, param("Maximum share of runs that need a retry.", ge=0, le=1)] = 0.20,
) -> Outcome:
    """A job that depends on its retries is close to failing, although reports show it as successful.

    If the server does not report retries (before 1.3-rev2), a session that starts within the job's own wait after a
    failed one counts as a retry, if retries are enabled for the job.
    """
    started = owners_of(jobs, sessions, since, until)
    owner = np.where(surely_not(finished(sessions)), -1, started)
    is_known = are_known(sessions["retries"])
    clear = surely(finished(sessions)) & are_known(sessions["started"]) & is_known
    repeated = clear & surely(sessions["retries"] > 0)
    known, needed = count_of(owner, clear, jobs), count_of(owner, repeated, jobs)
    unclear = count_of(owner, ~clear, jobs)
    total = np.maximum(known + unclear, 1)
    good = (needed + unclear) / total <= max_share
    bad = needed / total > max_share
    settled = (known > 0) & (good | bad)
    observed = phrased("{} of {} runs needed a retry", needed, known, where=known > 0)
    judged = _are_judged(jobs, sessions, started)
    return Outcome(
        nullable(good, ~settled, jobs.index),
        observed=worded(jobs.index, (known > 0, observed)),
        expected=f"≤ {100 * max_share:.0f} % of the runs",
        applies=judged,
        reason=_why(judged, settled, unclear > 0),
    )


@check(
    "RUN-016",
    "Job runs do not fail repeatedly for the same reason",
    severity="low",
    tables=("jobs", "job_runs"),
    aggregates=("job_runs",),
    reads=("job_runs.result", "job_runs.result_message", *_READS),
    expected="the same error fewer than {times} times",
    failure="failed {times} times or more for the same reason",
    consequence="could go on failing until the reason is removed",
    remediation="History > Jobs: fix the cause of the error that repeats; search for it in the vendor's articles.",
    examples=(
        Example("PASS", _EXPECTED, _runs("Failed", "Failed", **_DENIED)),
        Example("PASS", _EXPECTED, _beside(_runs("Warning", "Warning", **_DENIED), _run("Failed", 1, **_DENIED))),
        Example("PASS", _EXPECTED, _beside(_runs("Failed", **_DENIED), *_OF_ANOTHER_JOB)),
        Example("FAIL", _EXPECTED, _runs("Failed", "Failed", "Failed", **_DENIED)),
        Example("FAIL", _EXPECTED, _beside(_runs("Failed", "Failed", "Failed", **_DENIED), _run("Failed", 1))),
        Example("UNKNOWN", _EXPECTED, _runs("Failed", "Failed", "Failed")),
        Example("UNKNOWN", _EXPECTED, _beside(_runs("Failed", "Failed", "Failed", **_DENIED), _DATELESS)),
        Example(
            "UNKNOWN",
            _EXPECTED,
            _beside(_runs("Failed", "Failed", **_DENIED), _run("Failed", 1, **_DENIED) | {"state": "Meditating"}),
        ),
        Example("UNKNOWN", _EXPECTED, _RUNNING),
        Example("UNKNOWN", _EXPECTED, _runs("Success"), datasets={"sessions": "partial"}),
        Example("FAIL", _ASIDE, _runs("Failed", "Failed", "Failed", **_DENIED)),
        Example("NOT_APPLICABLE", _ASIDE),
    ),
)
def errors_do_not_repeat(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    times: Annotated[int, param("Number of equal errors at which a job fails.", unit="errors", ge=2)] = 3,
) -> Outcome:
    """A repeating error has a cause that can be fixed. Retries and waiting do not fix it."""
    runs = runs_of(jobs, sessions, since, until)
    owner = runs.owner
    dated = are_known(sessions["started"]) & surely(finished(sessions))
    failed, message = dated & surely_one(sessions["result"], "Failed"), sessions["result_message"]
    has_message = failed & is_reported(message) & (owner >= 0)
    codes, words = codes_of(message).rows, codes_of(message).texts
    pairs, counts = np.unique(np.stack([owner[has_message], codes[has_message]]), axis=1, return_counts=True)
    most = np.zeros(len(jobs), dtype=np.int64)
    np.maximum.at(most, pairs[0], counts)
    repeated = counts >= times
    open_ = count_of(owner, failed & ~has_message, jobs) + runs.unclear + runs.dateless
    settled = (runs.known > 0) & ((most - runs.dateless >= times) | (open_ == 0))
    errors = pd.Series(words[pairs[1][repeated]], dtype=message.dtype)
    which = listed(pairs[0][repeated], errors, jobs.index, holds="server text")
    named = are_known(which)
    judged = _are_judged(jobs, sessions, runs.owner)
    return Outcome(
        nullable(most < times, ~settled, jobs.index),
        observed=worded(
            jobs.index,
            (named, phrased("{} times: {}", most, which, where=named)),
            ((runs.known > 0) & (most > 1), phrased("{} equal errors at most", most, where=most > 1)),
            (runs.known > 0, "none repeats"),
        ),
        applies=judged,
        reason=_why(judged, settled, open_ > 0),
    )


def _share(good: int, known: int, warning: int, unclear: int) -> str:
    """`27 of 30 (90.0 %), 2 with warning`."""
    text = f"{good} of {known} ({100 * good / max(known, 1):.1f} %)"
    text += f", {warning} with warning" if warning else ""
    return text + (f", {unclear} not known" if unclear else "")


def _are_judged(jobs: pd.DataFrame, runs: pd.DataFrame, owner: Cells) -> pd.Series:
    """Whether there are runs of each job to be judged, whether it is expected to run now or not.

    `owner` is the place of each run's job.
    """
    ran = rows_of(owner, jobs) > 0
    return nullable(ran, ~ran & ~_are_linked(jobs, runs), jobs.index)


def _are_linked(jobs: pd.DataFrame, runs: pd.DataFrame) -> Cells:
    """Whether runs can be assigned to jobs: every run has a job id."""
    return np.asarray(is_reported(jobs["job_id"]) & is_reported(runs["job_id"]).all())


def _starts_due(jobs: pd.DataFrame, schedules: pd.DataFrame) -> pd.Series:
    """How many starts the schedule of each job demanded in the period; NA where it cannot be followed."""
    return taken(schedules["due"], places_of(jobs["job_id"], schedules["job_id"]), jobs.index)


def _why(judged: pd.Series, settled: Cells, unclear: Cells, *cases: tuple[object, str]) -> pd.Series:
    """Why a job is set aside, else why it is not known."""
    reasons = worded(
        judged.index,
        (unclear, "state, result, message or start of some sessions is not known"),
        *cases,
        (surely_not(judged), "no run in the period; RUN-007 and RUN-014 show whether one was due"),
        default="no finished run in the period",
    )
    return reasons.mask(settled)
