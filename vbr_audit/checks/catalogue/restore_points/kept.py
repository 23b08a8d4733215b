"""Checks of which restore points are kept: retention, long-term points, full and clean ones, and what is left."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import pandas as pd

from vbr_audit.checks.catalogue.restore_points.points import NO_POINT, aged_limit, dated
from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.checks.logic.dates import hours_between
from vbr_audit.checks.logic.three_valued import (
    beside,
    named,
    nullable,
    one_of,
    places_of,
    surely,
    surely_not,
    taken,
    worded,
)
from vbr_audit.tables.build.arrays import are_known, are_missing

_HELD = {"points_count": 30, "full_known": True}
NOT_SCANNED = "what it is is not scanned for malware"
_OPEN = "not all restore points of the object are known, or not what they are"
_MARKED = {
    "points_count": 1,
    "has_clean_point": True,
    "clean_known": True,
}
_DUE = {"retention_due": True, "points_count": 30}
_GONE = {"backup_id": "b2", "job_id": "j2", "job_type": "VSphereBackup", "name": "Nightly"}
_LISTED: dict[str, list[dict[str, object]]] = {"jobs": [{"job_id": "j1", "seen_in": "jobs"}]}
_OWED = {"gfs_promised": True, "gfs_owed": 3, "points_count": 30}
_REGULAR = {"type": "Regular", "replica_id": "r1"}
_WORKING = ("Ready", "Processing")
_MONTH_H = 31 * 24
_STATES = ("Ready", "Processing", "SureBackup", "Failover", "FailedFailover", "PermanentFailover", "Failback")


def _point_of(hours: float) -> dict[str, list[dict[str, object]]]:
    """The one point of the replica, for examples."""
    return {"replica_points": [{"replica_id": "r1", "created": hours_ago(hours)}]}


def _scheduled(hours: int) -> dict[str, list[dict[str, object]]]:
    """The job of the replica and the interval of its schedule, for examples."""
    return {"jobs": [{"job_id": "j1", "start_interval_h": hours}]}


@check(
    "RPO-007",
    "Objects have as many restore points as retention requires",
    severity="medium",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("kept_percent", "retention_due", "points_count"),
    expected="≥ {min_percent} % of what the job promises",
    failure="{has} less than {min_percent} % of the promised restore points",
    consequence="may not go back to the day that a restore needs",
    remediation="Home > Backups > Disk: compare the restore points with the job's retention; find why some are gone.",
    examples=(
        Example("PASS", {**_DUE, "kept_percent": 80.0}),
        Example("FAIL", {**_DUE, "kept_percent": 79.9}),
        Example("FAIL", {"retention_due": None, "kept_percent": 79.9, "points_count": 3}),
        Example("UNKNOWN", {"retention_due": None, "kept_percent": 80.0, "points_count": 3}),
        Example("UNKNOWN", {**_DUE, "kept_percent": None}),
        Example("NOT_APPLICABLE", {"retention_due": False, "points_count": 3}),
        Example("NOT_APPLICABLE", {"points_count": 0}),
    ),
)
def retention_kept(
    objects: pd.DataFrame,
    *,
    min_percent: Annotated[int, param("Minimum share of restore points that passes.", unit="%", ge=1, le=100)] = 80,
) -> Outcome:
    """Failed runs and manually deleted restore points leave fewer restore points than the retention policy suggests.

    If retention is set in days, each start that was due in those days must have a restore point. If it is set in
    restore points, GFS restore points do not count towards the number. The time before the object's own first restore
    point does not count.
    """
    share, due = objects["kept_percent"], objects["retention_due"]
    held = (objects["points_count"] > 0).astype("boolean")
    enough = share >= min_percent
    ok = enough.mask(due.isna() & surely(enough))
    return Outcome(
        ok,
        observed=worded(objects.index, (share.notna(), [f"{percent:.0f} %" for percent in share.fillna(0)])),
        applies=held & due.fillna(True),
        reason=worded(
            objects.index,
            (surely_not(held), NO_POINT),
            (surely_not(due), "it is not yet in its backups for as long as they keep restore points"),
            (held.isna(), "how many restore points it has is not reported"),
            (share.isna(), "the schedule or the retention of one of its jobs, or its restore points, are not known"),
            (ok.isna(), "whether it had older restore points, which retention would still keep, is not known"),
        ),
    )


@check(
    "RPO-008",
    "The configured GFS restore points exist",
    severity="high",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("gfs_missing", "gfs_promised", "gfs_owed", "points_count"),
    json_path="gfsPeriods",
    expected="one for every finished week, month and year that the job keeps",
    failure="{lacks|lack} promised long-term restore points (GFS)",
    consequence="may not go back to the months or years that must be kept",
    remediation="Job > Storage > Configure GFS: check the days; run an active full and check that it gets the flag.",
    examples=(
        Example("PASS", {**_OWED, "gfs_missing": 0}),
        Example("FAIL", {**_OWED, "gfs_missing": 1}),
        Example("FAIL", {**_OWED, "gfs_owed": None, "gfs_missing": 1}),
        Example("UNKNOWN", {**_OWED, "gfs_missing": None}),
        Example("UNKNOWN", {**_OWED, "gfs_promised": None, "gfs_missing": 0}),
        Example("NOT_APPLICABLE", {**_OWED, "gfs_promised": False}),
        Example("NOT_APPLICABLE", {**_OWED, "gfs_owed": 0, "gfs_missing": 0}),
        Example("NOT_APPLICABLE", {"points_count": 0}),
    ),
)
def long_term_points_there(objects: pd.DataFrame) -> Outcome:
    """If the full backup of a month fails, that month has no GFS restore point, and nobody is notified.

    A period counts only if it has ended, began after the object's first restore point and after the first GFS restore
    point of its job, and the job still keeps its flag: N × 7 days, N months and a day, N years and a day.
    """
    missing, promised, owed = objects["gfs_missing"], objects["gfs_promised"], objects["gfs_owed"]
    held = (objects["points_count"] > 0).astype("boolean")
    due = (owed > 0).astype("boolean")
    # What is surely missing was surely owed.
    due = due.mask(surely((missing > 0).astype("boolean")), True)
    return Outcome(
        missing == 0,
        observed=worded(
            objects.index,
            (surely((missing == 0).astype("boolean")), "all there"),
            (missing.notna(), [f"{count} not there" for count in missing.fillna(0)]),
        ),
        applies=held & promised & due,
        reason=worded(
            objects.index,
            (surely_not(held), NO_POINT),
            (surely_not(promised), "none of its jobs keeps long-term restore points"),
            (surely_not(due), "no week, month or year that they are kept for has passed since its first restore point"),
            (held.isna(), "how many restore points it has is not reported"),
            (
                missing.isna() | promised.isna() | due.isna(),
                "no long-term point shows since when its job has kept them, or the flags of its files are not known",
            ),
        ),
    )


@check(
    "RPO-009",
    "The newest full backup is recent",
    severity="low",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("latest_full", "points_count", "full_known", "has_fulls"),
    expected="at most {max_age_days} days ago",
    failure="{has} no full backup from the last {max_age_days} days",
    consequence="could be lost with one damaged file of a long chain",
    remediation="Job > Storage > Advanced > Backup: enable periodic synthetic or active full backups.",
    examples=(
        Example("PASS", {**_HELD, "latest_full": hours_ago(35 * 24)}),
        Example("PASS", {**_HELD, "points_count": 1, "latest_full": hours_ago(24)}),
        Example("FAIL", {**_HELD, "latest_full": hours_ago(35 * 24 + 1)}),
        Example("UNKNOWN", {**_HELD, "latest_full": None}),
        Example("PASS", {**_HELD, "latest_full": hours_ago(24), "full_known": False}),
        Example("UNKNOWN", {**_HELD, "latest_full": hours_ago(999), "full_known": False}),
        Example("UNKNOWN", {**_HELD, "latest_full": None, "full_known": False}),
        Example("NOT_APPLICABLE", {**_HELD, "has_fulls": False}),
        Example("NOT_APPLICABLE", {**_HELD, "points_count": 0}),
    ),
)
def full_lately(
    objects: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_days: Annotated[int, param("Maximum age that passes.", unit="days", ge=1)] = 35,
) -> Outcome:
    """One damaged file can make a long chain of increments unusable.

    A job that creates no periodic fulls keeps its chain short by merging increments into the full, so the age of the
    full is not relevant.
    """
    latest, held, known = objects["latest_full"], (objects["points_count"] > 0).astype("boolean"), objects["full_known"]
    ok = aged_limit(latest, max_age_days, now)
    ok = ok.mask(known.isna() | (~surely(ok) & ~surely(known)))
    forever = surely_not(objects["has_fulls"])
    return Outcome(
        ok,
        observed=dated(objects.index, latest, now),
        applies=held & ~pd.Series(forever, index=objects.index, dtype="boolean"),
        reason=worded(
            objects.index,
            (surely_not(held), NO_POINT),
            (forever, "its jobs make increments only, and move their full on"),
            (held.isna(), "how many restore points it has is not reported"),
            (ok.isna(), _OPEN),
        ),
    )


@check(
    "RPO-010",
    "The backup belongs to a job",
    severity="medium",
    tables=("backups", "jobs", "sessions", "restore_points"),
    aggregates=("jobs",),
    fallback=("sessions", "restore_points"),
    reads=(
        "job_id",
        "job_type",
        "name",
        "backup_id",
        "jobs.job_id",
        "jobs.seen_in",
        "sessions.job_id",
        "sessions.created",
        "restore_points.backup_id",
        "restore_points.created",
    ),
    json_path="jobId",
    expected="a job that still exists",
    failure="{belongs|belong} to a job that no longer exists",
    consequence="may grow old without anybody noticing",
    remediation="Home > Backups > Disk (Orphaned): map the backup to a job, or delete it when it is no longer needed.",
    examples=(
        Example("PASS", {"job_id": "j1"}, {"jobs": [{"job_id": "j1", "seen_in": "jobs+backups"}]}),
        Example("FAIL", _GONE, _LISTED),
        Example("FAIL", _GONE, {**_LISTED, "sessions": [{"job_id": "j2", "created": hours_ago(24 * 7 + 1)}]}),
        Example("FAIL", {**_GONE, "name": "Copy"}, _LISTED),
        Example("UNKNOWN", {**_GONE, "name": "Copy\\Nightly"}, _LISTED),
        Example("UNKNOWN", _GONE, {**_LISTED, "sessions": [{"job_id": "j2", "created": hours_ago(24 * 7)}]}),
        Example("UNKNOWN", _GONE, {**_LISTED, "restore_points": [{"backup_id": "b2", "created": hours_ago(24 * 7)}]}),
        Example(
            "UNKNOWN",
            _GONE,
            {
                **_LISTED,
                "sessions": [{"job_id": "j2", "created": hours_ago(24 * days)} for days in (9, 8)],
                "restore_points": [{"backup_id": "b2", "created": hours_ago(24 * days)} for days in (2, 9)],
            },
        ),
        Example("UNKNOWN", {"job_id": "j2"}, _LISTED),
        Example("UNKNOWN", {"job_id": "j1"}, {"jobs": [{"job_id": "j1", "seen_in": "backups"}]}),
        Example("FAIL", _GONE),
        Example("UNKNOWN", _GONE, {"jobs": [{"job_id": None, "seen_in": "jobs"}]}),
        Example("FAIL", _GONE, {"jobs": [{"job_id": "j1", "seen_in": "jobs"}, {"job_id": None, "seen_in": "jobs"}]}),
        Example("UNKNOWN", {"job_id": None}, {"jobs": [{"job_id": "j1", "seen_in": "jobs"}]}),
        Example("UNKNOWN", _GONE, {"jobs": [{"job_id": "j1"}]}, datasets={"jobs": "partial"}),
    ),
)
def backup_has_job(
    backups: pd.DataFrame,
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    points: pd.DataFrame,
    *,
    now: dt.datetime,
    alive_days: Annotated[
        int, param("An unlisted job that ran within this number of days is assumed to exist.", unit="days", ge=1)
    ] = 7,
) -> Outcome:
    """No retention policy applies to a backup without a job: it stays forever, or is lost unnoticed.

    The API does not list agent jobs and copy jobs before 1.3, nor the jobs of some platforms, so the check cannot
    determine whether such a job still exists. A backup named `Job\\Source` belongs to a worker of a copy job, which
    has its own id.
    """
    job = beside(backups["job_id"], jobs, "job_id")
    # One job without an id is an odd row, which says nothing of the others; a list without ids says nothing at all.
    open_list = len(jobs) > 0 and bool(jobs["job_id"].isna().all())
    has_job = are_known(job["job_id"])
    only_here = surely((job["seen_in"] == "backups").astype("boolean"))
    unnamed = are_missing(backups["job_id"])
    worker = ~has_job & _are_parts(backups["name"])
    untyped = ~has_job & are_missing(backups["job_type"])
    ran = _newest_of(sessions["created"], sessions["job_id"], backups["job_id"])
    made = _newest_of(points["created"], points["backup_id"], backups["backup_id"])
    last = pd.concat([ran, made], axis=1).max(axis=1)
    alive = ~has_job & surely(aged_limit(last, alive_days, now))
    unclear = unnamed | (has_job & (are_missing(job["seen_in"]) | only_here))
    unclear |= worker | untyped | alive | (~has_job & open_list)
    return Outcome(
        nullable(has_job, unclear, backups.index),
        observed=worded(
            backups.index,
            (~unclear & has_job, "its job exists"),
            (~unclear, "its job does not exist"),
            (alive, "no list shows its job; it last ran or made a restore point on " + dated(backups.index, last, now)),
            (unnamed, "no job is named"),
            (untyped | only_here | worker, "no list shows its job"),
        ),
        reason=worded(
            backups.index,
            (unnamed, "the server names no job"),
            (alive, "no list of jobs shows it, but it is at work: a job of a type that the API does not list"),
            (worker, "it looks like the part of a copy job, which no list of jobs shows"),
            (only_here, "no list of jobs shows this type of job"),
            (untyped, "the type of its job is not reported, and not all types are listed"),
            (unclear, "not every job is known"),
        ),
    )


def _are_parts(names: pd.Series) -> Cells:
    return surely(names.str.contains("\\", regex=False).astype("boolean"))


def _newest_of(instants: pd.Series, keys: pd.Series, own: pd.Series) -> pd.Series:
    """For each key in `own` the newest of the instants with that key in `keys`; NaT for a key that is NA."""
    newest = instants.groupby(places_of(keys, own)).max()
    return pd.Series(newest.reindex(places_of(own, own)).array, index=own.index).mask(are_missing(own))


@check(
    "RPO-011",
    "Restore points are clean of malware",
    severity="critical",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("worst_malware", "points_count", "has_marks"),
    json_path="malwareStatus",
    expected="Clean",
    failure="{has} a restore point marked as suspicious or infected",
    consequence="could be infected again by a restore",
    remediation="Home > Backups > Scan Backup: find the last clean point; restore only from it; clean the machine.",
    examples=(
        Example("PASS", {"points_count": 1, "worst_malware": "Clean"}),
        Example("PASS", {"points_count": 1, "worst_malware": "Informative"}),
        Example("FAIL", {"points_count": 1, "worst_malware": "Suspicious"}, severity="high"),
        Example("FAIL", {"points_count": 1, "worst_malware": "Infected"}, severity="critical"),
        Example("UNKNOWN", {"points_count": 1, "worst_malware": None}),
        Example("NOT_APPLICABLE", {"points_count": 1, "worst_malware": None, "has_marks": False}),
        Example("NOT_APPLICABLE", {"points_count": 0}),
    ),
)
def points_clean(objects: pd.DataFrame) -> Outcome:
    """A restore from a restore point marked as suspicious or infected brings the malware back."""
    worst, held = objects["worst_malware"], (objects["points_count"] > 0).astype("boolean")
    good, bad = one_of(worst, ("Clean", "Informative")), one_of(worst, ("Suspicious", "Infected"))
    unmarked = surely_not(objects["has_marks"])
    return Outcome(
        good.mask(~surely(good) & ~surely(bad)),
        observed=named(worst, "word"),
        severity=worded(objects.index, (surely(worst == "Suspicious"), "high")),
        applies=held & ~pd.Series(unmarked, index=objects.index, dtype="boolean"),
        reason=worded(
            objects.index,
            (surely_not(held), NO_POINT),
            (unmarked, NOT_SCANNED),
            (held.isna(), "how many restore points it has is not reported"),
            (~surely(good) & ~surely(bad), "the mark of one of its restore points is not known"),
        ),
    )


@check(
    "RPO-012",
    "A clean restore point is recent enough",
    severity="critical",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("latest_clean_point", "points_count", "has_clean_point", "clean_known", "newest_is_clean", "has_marks"),
    expected="at most {max_age_days} days ago",
    failure="{has} no clean restore point from the last {max_age_days} days",
    consequence="could be restored only with malware or with old data",
    remediation="Home > Backups > Scan Backup: scan the newer restore points; clean the machine and back it up again.",
    examples=(
        Example("PASS", {**_MARKED, "latest_clean_point": hours_ago(7 * 24)}),
        Example("FAIL", {**_MARKED, "latest_clean_point": hours_ago(7 * 24 + 1)}),
        Example("FAIL", {**_MARKED, "has_clean_point": False}),
        Example("PASS", {**_MARKED, "latest_clean_point": hours_ago(24), "clean_known": False}),
        Example("UNKNOWN", {**_MARKED, "latest_clean_point": hours_ago(999), "clean_known": False}),
        Example("UNKNOWN", {**_MARKED, "has_clean_point": None}),
        Example("UNKNOWN", {**_MARKED, "latest_clean_point": hours_ago(-30)}),
        Example("NOT_APPLICABLE", {**_MARKED, "latest_clean_point": hours_ago(999), "newest_is_clean": True}),
        Example("NOT_APPLICABLE", {"points_count": 3, "has_marks": False, "has_clean_point": None}),
        Example("NOT_APPLICABLE", {"points_count": 0, "has_clean_point": False}),
    ),
)
def clean_point_recent(
    objects: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_days: Annotated[int, param("Maximum age that passes.", unit="days", ge=1)] = 7,
) -> Outcome:
    """After an attack, only a clean restore point is usable: its age is the actual data loss.

    If the newest restore point is clean, RPO-001 evaluates its age.
    """
    latest, held = objects["latest_clean_point"], (objects["points_count"] > 0).astype("boolean")
    clean, known = objects["has_clean_point"], objects["clean_known"]
    ok = clean & aged_limit(latest, max_age_days, now)
    ok = ok.mask(known.isna() | (~surely(ok) & surely(clean) & ~surely(known)))
    settled = surely(objects["newest_is_clean"]) & ~surely(ok) & are_known(latest)
    settled &= surely(aged_limit(latest, max_age_days, now).notna().astype("boolean"))
    unmarked = surely_not(objects["has_marks"])
    return Outcome(
        ok,
        observed=dated(objects.index, latest, now).mask(surely_not(clean), "none is clean"),
        applies=held & ~pd.Series(settled | unmarked, index=objects.index, dtype="boolean"),
        reason=worded(
            objects.index,
            (surely_not(held), NO_POINT),
            (unmarked, NOT_SCANNED),
            (settled, "its newest restore point is clean, however old: see RPO-001"),
            (held.isna(), "how many restore points it has is not reported"),
            (ok.isna(), "the mark or the date of one of its restore points is not known, or lies in the future"),
        ),
    )


@check(
    "RPO-013",
    "The replica is ready and recent",
    severity="high",
    cause="job",
    tables=("replicas", "replica_points", "jobs"),
    aggregates=("replica_points",),
    fallback=("jobs",),
    reads=(
        "state",
        "type",
        "replica_id",
        "job_id",
        "replica_points.replica_id",
        "replica_points.created",
        "jobs.job_id",
        "jobs.start_interval_h",
    ),
    expected="ready, newest point at most {max_age_hours} h old, or within {intervals} intervals of its job's schedule",
    failure="{is} not ready, or {has} too old a newest point",
    consequence="could fail when {it has|they have} to take over",
    remediation="Home > Replicas: undo, commit or repeat the failover; then start the replication job.",
    examples=(
        Example("PASS", {**_REGULAR, "state": "Ready"}, _point_of(24)),
        Example("PASS", {**_REGULAR, "state": "Processing"}, _point_of(24)),
        Example("PASS", {**_REGULAR, "state": "Ready", "job_id": "j1"}, {**_point_of(300), **_scheduled(168)}),
        Example("PASS", {**_REGULAR, "state": "Ready", "job_id": "j1"}, {**_point_of(60), **_scheduled(30)}),
        Example("PASS", {**_REGULAR, "state": "Ready"}, _point_of(0)),
        Example(
            "FAIL",
            {**_REGULAR, "state": "Ready", "job_id": "j1"},
            {"replica_points": [*_point_of(99)["replica_points"], *_point_of(50)["replica_points"]], **_scheduled(24)},
        ),
        Example(
            "PASS",
            {**_REGULAR, "state": "Ready", "job_id": "j1"},
            {"replica_points": [*_point_of(30)["replica_points"], *_point_of(50)["replica_points"]], **_scheduled(24)},
        ),
        Example("FAIL", {**_REGULAR, "state": "Ready", "job_id": "j1"}, {**_point_of(337), **_scheduled(168)}),
        Example("FAIL", {**_REGULAR, "state": "Processing", "job_id": "j1"}, {**_point_of(49), **_scheduled(24)}),
        Example("FAIL", {**_REGULAR, "state": "Ready", "job_id": "j1"}, {**_point_of(13), **_scheduled(6)}),
        Example("FAIL", {**_REGULAR, "state": "Ready"}, _point_of(63 * 24)),
        Example("FAIL", {**_REGULAR, "state": "Failover"}, _point_of(1)),
        Example("UNKNOWN", {**_REGULAR, "state": "Ready"}, _point_of(24.1)),
        Example("UNKNOWN", {**_REGULAR, "state": "Ready"}, _point_of(62 * 24)),
        Example("UNKNOWN", {**_REGULAR, "state": "Ready"}, _point_of(-1)),
        Example("UNKNOWN", {**_REGULAR, "state": "Levitating"}, _point_of(1)),
        Example("UNKNOWN", {**_REGULAR, "state": "Ready"}),
        Example(
            "PASS",
            {**_REGULAR, "state": "Ready"},
            {"replica_points": [{"replica_id": "r1", "created": hours_ago(2)}, {"replica_id": None}]},
        ),
        Example(
            "FAIL",
            {**_REGULAR, "state": "Ready", "job_id": "j1"},
            {
                "replica_points": [{"replica_id": "r1", "created": hours_ago(99)}, {"replica_id": None}],
                **_scheduled(24),
            },
        ),
        Example(
            "UNKNOWN",
            {**_REGULAR, "state": "Ready", "job_id": "j1"},
            {
                "replica_points": [{"replica_id": "r1", "created": hours_ago(99)}, {"replica_id": "r1"}],
                **_scheduled(24),
            },
        ),
        Example("UNKNOWN", {"replica_id": "r1", "type": "CDP", "state": "Ready"}),
    ),
)
def replica_ready(
    replicas: pd.DataFrame,
    points: pd.DataFrame,
    jobs: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_hours: Annotated[int, param("Maximum age if the job's schedule is not known.", unit="hours", ge=1)] = 24,
    intervals: Annotated[int, param("Maximum age in intervals of the job's schedule.", ge=1)] = 2,
) -> Outcome:
    """A replica that is stuck in a failover, or has only old restore points, cannot take over when it is needed.

    The schedule of the replication job determines the maximum age. `Processing` means that the job is creating the
    next restore point.
    """
    state, hours = replicas["state"], _replica_limits(replicas, jobs, intervals)
    newest, undated = _newest(points, replicas)
    age = hours_between(newest, now)
    fresh = (age <= hours).where(hours.notna(), (age <= max_age_hours).mask(_undecided(age, max_age_hours, intervals)))
    fresh = fresh.mask(surely(age < 0)).mask(undated & ~surely(fresh))
    ready = one_of(state, _WORKING).mask(~surely(one_of(state, _STATES)))
    judged = surely(one_of(replicas["type"], ("Regular", "Snapshot")))
    ok = (ready & fresh).mask(~judged)
    told_state = named(state, "word")
    return Outcome(
        ok,
        observed=worded(
            replicas.index,
            (surely_not(ready), told_state),
            (surely(ready & fresh), told_state + ", with a recent point"),
            (surely(ready & ~fresh), told_state + ", but its newest point is too old"),
        ),
        reason=worded(
            replicas.index,
            (~judged, "the state of this type of replica is not exposed"),
            (ready.isna(), "its state is missing, or not known to this check"),
            (fresh.notna(), pd.NA),
            (are_missing(age) | surely(age < 0) | undated, "its points, or their dates, are not known"),
            default="how often its job is to run is not known, so nobody can say whether its point is late",
        ),
    )


def _replica_limits(replicas: pd.DataFrame, jobs: pd.DataFrame, intervals: int) -> pd.Series:
    """How many hours old the newest point of each replica may be by its job's schedule; NA where that is not known."""
    scheduled = taken(jobs["start_interval_h"], places_of(replicas["job_id"], jobs["job_id"]), replicas.index)
    # A job that never rests says nothing about how old a point may be.
    return (scheduled * intervals).mask(surely(scheduled == 0)).astype("Float64")


def _undecided(age: pd.Series, max_age_hours: int, intervals: int) -> pd.Series:
    """Whether a point is older than any default allows, but not than a schedule by the month would."""
    return (age > max_age_hours) & (age <= intervals * _MONTH_H)


def _newest(points: pd.DataFrame, replicas: pd.DataFrame) -> tuple[pd.Series, Cells]:
    """The newest point of each replica, NaT for none, and whether the date of one of its points is not reported."""
    newest = points["created"].groupby(points["replica_id"]).max()
    undated = points.loc[points["created"].isna(), "replica_id"].dropna().unique()
    row = places_of(replicas["replica_id"], pd.Series(newest.index, dtype=replicas["replica_id"].dtype))
    dates = taken(newest.reset_index(drop=True), row, replicas.index)
    return dates, replicas["replica_id"].isin(undated).to_numpy(dtype=bool)
