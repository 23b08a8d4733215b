"""Checks of how fresh, clean and complete the restore points of each protected object are."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import hours_between, minute_text, older_than
from vbr_audit.checks.logic.three_valued import Cells, nullable, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_known, are_missing

_HELD = {"points_count": 30, "tier_known": True, "newest_known": True, "newest_failed": False, "pause_h": 0}
_GAPS = {**_HELD, "gaps_known": True, "maybe_gaps_h": ""}
_NONE = {"points_count": 0}
_NOT_KNOWN = "not all restore points of the object are known, or some have no date"

_NO_TIER = "which tier of the site file it belongs to, and so what that demands, is not known"

_NO_PAUSE = "how long the schedule of its job rests is not known"

_NO_MAKER = "whether a run that failed left the newest restore point is not known"

_NEVER_MORE = "never more than {} h without a new one"

NO_POINT = "it has no restore point at all; see RPO-003"


def aged(instants: pd.Series, now: dt.datetime) -> list[str]:
    """Each instant with its age, as `2026-10-31 22:04 UTC (8 h ago)`."""
    # A clock that runs ahead by less than a day is believed.
    hours = np.maximum(hours_between(instants, now).fillna(0).to_numpy(dtype=float), 0)
    return [f"{at} ({age:,.0f} h ago)" for at, age in zip(minute_text(instants), hours, strict=True)]


@check(
    "RPO-001",
    "The newest restore point is as recent as required",
    severity="high",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=(
        *("newest_point", "newest_known", "newest_failed"),
        *("points_count", "rpo_hours", "tier_known", "loosest_rpo_hours", "pause_h"),
    ),
    failure="{has} no restore point as recent as required",
    consequence="could lose more work than agreed",
    remediation="Home > Jobs: fix what prevents the object's job from succeeding, then start it.",
    examples=(
        Example("PASS", {**_HELD, "newest_point": hours_ago(26)}),
        Example("PASS", {**_HELD, "points_count": 1, "newest_point": hours_ago(26)}),
        Example("PASS", {**_HELD, "newest_point": hours_ago(26), "newest_known": False}),
        Example("PASS", {**_HELD, "newest_point": hours_ago(74), "pause_h": 72}),
        Example("FAIL", {**_HELD, "newest_point": hours_ago(74.1), "pause_h": 72}),
        Example("PASS", {**_HELD, "newest_point": hours_ago(26), "newest_failed": True}),
        Example("UNKNOWN", {**_HELD, "newest_point": hours_ago(26), "newest_failed": None}),
        Example("FAIL", {**_HELD, "newest_point": hours_ago(26.1), "newest_failed": None}),
        Example("FAIL", {**_HELD, "newest_point": hours_ago(26.1)}),
        Example("FAIL", {**_HELD, "newest_point": hours_ago(26.1), "pause_h": 4}),
        Example("FAIL", {**_HELD, "newest_point": hours_ago(25), "rpo_hours": 24}),
        Example("FAIL", {**_HELD, "newest_point": hours_ago(49), "tier_known": False, "loosest_rpo_hours": 48}),
        Example("UNKNOWN", {**_HELD, "newest_point": hours_ago(48), "tier_known": False, "loosest_rpo_hours": 48}),
        Example("UNKNOWN", {**_HELD, "newest_point": hours_ago(26), "tier_known": False, "loosest_rpo_hours": 4}),
        Example("UNKNOWN", {**_HELD, "newest_point": None}),
        Example("UNKNOWN", {**_HELD, "newest_point": hours_ago(90), "newest_known": False}),
        Example("UNKNOWN", {**_HELD, "newest_point": hours_ago(-30)}),
        Example("UNKNOWN", {**_HELD, "newest_point": hours_ago(1), "tier_known": False}),
        Example("UNKNOWN", {**_HELD, "newest_point": hours_ago(1)}, datasets={"backup_objects": "partial"}),
        Example("NOT_APPLICABLE", _NONE),
    ),
)
def newest_point_fresh(
    objects: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_hours: Annotated[
        int, param("Maximum age if no tier sets one and the schedule has no longer pause.", unit="hours", ge=1)
    ] = 26,
) -> Outcome:
    """The age of the newest restore point is the data loss if a restore is needed today. A tier may set another limit.

    If no tier does, the job's own schedule sets the limit if its longest pause is longer than a day.
    """
    latest = objects["newest_point"]
    allowed, most = allowed_gap_hours(objects, max_age_hours)
    age = hours_between(latest, now)
    future = older_than(latest, dt.timedelta(0), now=now).isna()
    held = (objects["points_count"] > 0).astype("boolean")
    known = objects["newest_known"]
    late = surely(age > most) & surely(known) & ~future
    ok = (age <= allowed).mask(future | known.isna() | allowed.isna() | ~surely(objects["tier_known"]))
    unreported = are_missing(objects["newest_failed"])
    ok = ok.mask(surely_not(ok) & ~surely(known)).mask(late, False)
    ok = ok.mask(surely(ok) & unreported)
    seen = pd.Series(aged(latest, now), index=objects.index)
    return Outcome(
        ok,
        observed=worded(
            objects.index,
            (~future & surely(objects["newest_failed"]), seen + ", made by a run that failed"),
            (~future, seen),
        ),
        expected=worded(objects.index, default=[f"at most {hours} h ago" for hours in allowed.fillna(max_age_hours)]),
        applies=held,
        reason=worded(
            objects.index,
            (surely_not(held), NO_POINT),
            (held.isna(), "how many restore points it has is not reported"),
            (latest.isna(), _NOT_KNOWN),
            (future, "the newest restore point lies in the future"),
            (ok.isna() & ~surely(objects["tier_known"]), _NO_TIER),
            (allowed.isna(), _NO_PAUSE),
            (ok.isna() & unreported, _NO_MAKER),
            (ok.isna(), "a newer restore point may be there: some say not whose they are, or have no date"),
        ),
    )


def allowed_gap_hours(objects: pd.DataFrame, default: int) -> tuple[pd.Series, pd.Series]:
    """The hours that each object may be without a new point; and the most that it may be by any tier of the site file.

    The default leaves a run some time beyond its day; the same time is left beyond a longer pause of a schedule.
    """
    usual = objects["pause_h"] + max(default - 24, 0)
    usual = usual.clip(lower=default)
    return objects["rpo_hours"].fillna(usual), usual.clip(lower=objects["loosest_rpo_hours"].fillna(0))


@check(
    "RPO-002",
    "Gaps between restore points are short enough over the whole period",
    severity="high",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=(
        "gaps_h",
        "maybe_gaps_h",
        "gaps_known",
        "newest_failed",
        "points_count",
        "rpo_hours",
        "tier_known",
        "loosest_rpo_hours",
        "pause_h",
    ),
    failure="{has} too long a gap between restore points",
    consequence="could lack the version that a restore needs",
    remediation="History > Jobs: find the sessions that failed or did not start in the gaps; fix the cause.",
    examples=(
        Example("PASS", {**_GAPS, "gaps_h": "26.00,24.10"}, severity="high"),
        Example("PASS", {**_GAPS, "points_count": 1, "gaps_h": "26.00", "maybe_gaps_h": "26.00"}),
        Example("PASS", {**_GAPS, "gaps_h": ""}),
        Example("PASS", {**_GAPS, "gaps_h": "26.00", "gaps_known": False}),
        Example("PASS", {**_GAPS, "gaps_h": "74.00", "pause_h": 72}),
        Example("PASS", {**_GAPS, "gaps_h": "26.00", "newest_failed": True}),
        Example("UNKNOWN", {**_GAPS, "gaps_h": "26.00", "newest_failed": None}),
        Example("FAIL", {**_GAPS, "gaps_h": "26.10", "newest_failed": None}),
        Example("FAIL", {**_GAPS, "gaps_h": "74.10", "pause_h": 72}, severity="medium"),
        Example("FAIL", {**_GAPS, "gaps_h": "26.01,24.10"}, severity="medium"),
        Example("FAIL", {**_GAPS, "gaps_h": "40.00,40.00,27.00,26.00"}, severity="medium"),
        Example("FAIL", {**_GAPS, "gaps_h": "40.00,40.00,27.00,26.50"}, severity="high"),
        Example("FAIL", {**_GAPS, "gaps_h": "24.10", "rpo_hours": 24}),
        Example("FAIL", {**_GAPS, "gaps_h": "49.00", "tier_known": False, "loosest_rpo_hours": 48}),
        Example("UNKNOWN", {**_GAPS, "gaps_h": "48.00", "tier_known": False, "loosest_rpo_hours": 48}),
        Example("UNKNOWN", {**_GAPS, "gaps_h": "40.00", "gaps_known": False}),
        Example("UNKNOWN", {**_GAPS, "gaps_h": "24.00", "maybe_gaps_h": "300.00"}),
        Example("UNKNOWN", {**_GAPS, "gaps_h": None}),
        Example("UNKNOWN", {**_GAPS, "gaps_h": "1.00", "tier_known": False}),
        Example("NOT_APPLICABLE", _NONE),
    ),
)
def gaps_short(
    objects: pd.DataFrame,
    *,
    max_gap_hours: Annotated[
        int, param("Maximum gap if no tier sets one and the schedule has no longer pause.", unit="hours", ge=1)
    ] = 26,
    max_gaps: Annotated[
        int, param("Up to this number of longer gaps, severity is medium.", unit="gaps", ge=0, le=19)
    ] = 3,
) -> Outcome:
    """A recent restore point today does not show that there was one on every day of the period.

    A gap starts at a restore point or at the beginning of the period, and ends at the next restore point or at the end
    of the period. For an object that was added later, the first gap starts at its first restore point. If retention
    has removed older restore points, the object's own successful tasks count in their place, else the runs of its job.
    """
    allowed, most = allowed_gap_hours(objects, max_gap_hours)
    is_known = are_known(objects["gaps_h"])
    gaps, maybe = ([_hours(text) for text in objects[name].fillna("")] for name in ("gaps_h", "maybe_gaps_h"))
    limits = allowed.to_numpy(dtype=float, na_value=np.nan)
    over, perhaps = (
        np.array([sum(gap > limit for gap in each) for each, limit in zip(rows, limits, strict=True)], dtype=int)
        for rows in (gaps, maybe)
    )
    longest = np.array([each[0] if each else 0.0 for each in gaps])
    known, tiered = surely(objects["gaps_known"]), surely(objects["tier_known"])
    late = is_known & known & (longest > most.to_numpy(dtype=float, na_value=np.inf))
    open_ = (
        ~is_known
        | ~tiered
        | np.isnan(limits)
        | are_missing(objects["gaps_known"])
        | are_missing(objects["maybe_gaps_h"])
    )
    unreported = (over == 0) & are_missing(objects["newest_failed"])
    open_ |= unreported | ((over > 0) & ~known) | ((over == 0) & (perhaps > 0))
    held = (objects["points_count"] > 0).astype("boolean")
    open_ &= ~late
    return Outcome(
        nullable(over == 0, open_, objects.index),
        observed=_gaps_seen(objects, over, gaps),
        expected=worded(objects.index, default=[_NEVER_MORE.format(hours) for hours in allowed.fillna(max_gap_hours)]),
        severity=worded(objects.index, (is_known & (over > 0) & (over <= max_gaps), "medium")),
        applies=held,
        reason=worded(
            objects.index,
            (surely_not(held), NO_POINT),
            (held.isna(), "how many restore points it has is not reported"),
            (~is_known, "restore points or sessions do not reach back far enough, or are not all known"),
            (open_ & ~tiered, _NO_TIER),
            (allowed.isna(), _NO_PAUSE),
            (unreported, _NO_MAKER),
            (
                open_ & (over > 0),
                "further restore points may have been there: some of them, or some runs, are not known",
            ),
            (open_, "whether its job had it already before its first restore point is not known"),
        ),
    )


def _gaps_seen(objects: pd.DataFrame, over: Cells, gaps: list[list[float]]) -> pd.Series:
    """What is shown of the gaps of every object, and that its newest restore point is of a run that failed."""
    is_known = are_known(objects["gaps_h"])
    seen = [_gaps(*pair) for pair in zip(over, gaps, strict=True)]
    failed = [f"{text}; a run that failed left the newest one" for text in seen]
    return worded(objects.index, (is_known & surely(objects["newest_failed"]), failed), (is_known, seen))


def _hours(text: str) -> list[float]:
    return [float(gap) for gap in text.split(",") if gap]


def _gaps(over: int, gaps: list[float]) -> str:
    longest = f"longest gap {gaps[0]:,.0f} h" if gaps else "no gap"
    return f"{over} gap{'' if over == 1 else 's'} too long, {longest}" if over else longest


@check(
    "RPO-003",
    "The object has a restore point",
    severity="critical",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("points_count",),
    json_path="restorePointsCount",
    expected="at least 1",
    failure="{has} no restore point",
    consequence="could be lost for good",
    remediation="Home > Backups: if the object no longer exists, delete its backups; else run its job.",
    examples=(
        Example("PASS", {"points_count": 1}),
        Example("FAIL", {"points_count": 0}),
        Example("UNKNOWN", {"points_count": None}),
    ),
)
def has_point(objects: pd.DataFrame) -> pd.Series:
    """An object that is listed in the backups without a restore point looks protected but cannot be restored."""
    return objects["points_count"] > 0


@check(
    "RPO-005",
    "The last run succeeded for the object",
    severity="high",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("last_run_failed",),
    json_path="lastRunFailed",
    expected="succeeded",
    failure="failed in the last run",
    consequence="could lose what changed since the last good run",
    remediation="Home > Jobs > Statistics: select the object, read its error, fix it, and retry.",
    examples=(
        Example("PASS", {"last_run_failed": False}),
        Example("FAIL", {"last_run_failed": True}),
        Example("UNKNOWN", {"last_run_failed": None}),
        Example("UNKNOWN", {"last_run_failed": False}, datasets={"backup_objects": "partial"}),
    ),
)
def last_run_succeeded(objects: pd.DataFrame) -> Outcome:
    """A job can end with a warning although one of its machines got no restore point."""
    failed = objects["last_run_failed"]
    return Outcome(
        ~failed,
        observed=worded(objects.index, (failed, "failed"), (~failed, "succeeded")),
        reason=worded(objects.index, (failed.isna(), "the server does not report it (from revision 1.3-rev0 on)")),
    )


@check(
    "RPO-006",
    "One job backs up the object",
    severity="low",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("primary_jobs_count",),
    expected="at most {max_jobs}",
    failure="{is} backed up by too many jobs",
    consequence="could be slowed down by several backups, or restored from the wrong one",
    remediation="Home > Jobs > Edit > Virtual Machines: remove the object from all jobs but one.",
    examples=(
        Example("PASS", {"primary_jobs_count": 1}),
        Example("FAIL", {"primary_jobs_count": 2}),
        Example("PASS", {"primary_jobs_count": 2}, params={"max_jobs": 2}),
        Example("UNKNOWN", {"primary_jobs_count": None}),
        Example("NOT_APPLICABLE", {"primary_jobs_count": 0}),
    ),
)
def one_primary_job(
    objects: pd.DataFrame, *, max_jobs: Annotated[int, param("Maximum number of jobs.", unit="jobs", ge=1)] = 1
) -> Outcome:
    """Two jobs for one machine read it twice and interfere with each other's log processing and change tracking.

    A job whose chain no longer grows does not count. If this is true of all its jobs, the check does not apply: see
    RPO-001.
    """
    count = objects["primary_jobs_count"]
    return Outcome(
        count <= max_jobs,
        applies=count > 0,
        observed=worded(objects.index, (count.notna(), [f"{n} job{'' if n == 1 else 's'}" for n in count.fillna(0)])),
        reason=worded(
            objects.index,
            (count.isna(), "of some backups the job or its type is not known"),
            (surely(count == 0), "none of its chains of restore points grows: see RPO-001"),
        ),
    )


def aged_limit(instants: pd.Series, days: int, now: dt.datetime) -> pd.Series:
    """Whether each instant is at most `days` old; NA for none, and for one in the future."""
    return ~older_than(instants, dt.timedelta(days=days), now=now)


def dated(index: pd.Index, instants: pd.Series, now: dt.datetime) -> pd.Series:
    """The instants with their ages as a text column, NA where there is none."""
    known: Cells = are_known(instants)
    return worded(index, (known, aged(instants, now)))
