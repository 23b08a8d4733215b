"""Checks of how jobs are set."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, places_of, surely, surely_not, taken, texts, worded
from vbr_audit.tables.build.arrays import are_known, are_missing

_REPLICA = {"settings_profile": "1.3-rev1/VSphereReplica", "type": "VSphereReplica"}
_CONTENT_SCAN = {"settings_profile": "1.3-rev1/SureBackupContentScan", "type": "SureBackupContentScan"}
_IMMEDIATE_COPY = {"settings_profile": "1.3-rev1/BackupCopy/Immediate", "type": "BackupCopy"}
_UNMAPPED = {"settings_profile": None, "type": "ProxmoxBackup"}
_TIERED = {"job_id": "job-1"}
_FORTNIGHT = {"job_demands": [{**_TIERED, "retention_days": 14}]}

DAYS_PER_YEAR = 365
MONTHS_PER_YEAR = 12


@check(
    "JOB-001",
    "The job is enabled",
    severity="medium",
    table="jobs",
    reads=("is_disabled",),
    expected="enabled",
    failure="{is} disabled",
    consequence="could leave {its} objects without new backups",
    remediation="Home > Jobs > right-click the job > clear Disable; delete the job if it is no longer needed.",
    examples=(
        Example("PASS", {"is_disabled": False}),
        Example("FAIL", {"is_disabled": True}),
        Example("UNKNOWN", {"is_disabled": None}),
        Example("PASS", {**_UNMAPPED, "is_disabled": False}),
    ),
)
def job_enabled(jobs: pd.DataFrame) -> Outcome:
    """A disabled job backs up nothing, and nobody is notified: it neither runs nor fails."""
    enabled = ~jobs["is_disabled"]
    return Outcome(enabled, observed=worded(jobs.index, (enabled, "enabled"), (surely_not(enabled), "disabled")))


@check(
    "JOB-002",
    "The job is scheduled",
    severity="high",
    table="jobs",
    reads=("is_scheduled",),
    json_path="schedule",
    expected="runs automatically, by at least one enabled schedule",
    failure="{is} not scheduled",
    consequence="may not run unless somebody starts {it|them}",
    remediation="Job > Schedule > Run the job automatically: enable it and choose when.",
    examples=(
        Example("PASS", {"is_scheduled": True}),
        Example("FAIL", {"is_scheduled": False}),
        Example("UNKNOWN", {"is_scheduled": None}),
        Example("NOT_APPLICABLE", _IMMEDIATE_COPY),
    ),
)
def job_scheduled(jobs: pd.DataFrame) -> Outcome:
    """A job that is only started manually is forgotten sooner or later."""
    scheduled = jobs["is_scheduled"]
    return Outcome(
        scheduled, observed=worded(jobs.index, (scheduled, "scheduled"), (surely_not(scheduled), "not scheduled"))
    )


@check(
    "JOB-003",
    "Automatic retry is enabled",
    severity="low",
    table="jobs",
    reads=("retry_enabled", "retry_count"),
    expected="on, retries ≥ {min_retries}",
    failure="{has} automatic retry disabled, or too few retries",
    consequence="could miss a backup because of a short disturbance",
    remediation="Job > Schedule > Automatic retry: enable it and set the number of retries.",
    examples=(
        Example("PASS", {"retry_enabled": True, "retry_count": 1}),
        Example("FAIL", {"retry_enabled": False, "retry_count": 3}),
        Example("FAIL", {"retry_enabled": True, "retry_count": 3}, params={"min_retries": 4}),
        Example("UNKNOWN", {"retry_enabled": True, "retry_count": None}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def retry_enabled(
    jobs: pd.DataFrame, *, min_retries: Annotated[int, param("Minimum number of retries.", unit="retries", ge=1)] = 1
) -> Outcome:
    """Without a retry, one short network fault costs the restore point of that night."""
    counts = [f"on, {count} retr{'y' if count == 1 else 'ies'}" for count in jobs["retry_count"].fillna(-1)]
    on = jobs["retry_enabled"]
    counted = surely(on) & are_known(jobs["retry_count"])
    return Outcome(
        on & (jobs["retry_count"] >= min_retries),
        observed=worded(
            jobs.index, (surely_not(on), "off"), (counted, counts), (on, "on, number of retries not known")
        ),
    )


@check(
    "JOB-004",
    "Long-term restore points (GFS) are kept",
    severity="medium",
    table="jobs",
    reads=("gfs_enabled", "gfs_level_enabled", "type"),
    expected="on, with a weekly, monthly or yearly level",
    failure="{keeps|keep} no long-term restore points (GFS)",
    consequence="could leave no way back to data of several months ago",
    remediation="Job > Storage > Keep certain full backups longer for archival purposes: enable and configure a level.",
    examples=(
        Example("PASS", {"gfs_enabled": True, "gfs_level_enabled": True}),
        Example("FAIL", {"gfs_enabled": False, "gfs_level_enabled": True}, severity="medium"),
        Example(
            "FAIL",
            {"gfs_enabled": False, "gfs_level_enabled": True, "type": "WindowsAgentBackupWorkstationPolicy"},
            severity="low",
        ),
        Example("FAIL", {"gfs_enabled": True, "gfs_level_enabled": False}),
        Example("UNKNOWN", {"gfs_enabled": True, "gfs_level_enabled": None}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def gfs_kept(jobs: pd.DataFrame) -> Outcome:
    """Short retention alone keeps only a few days; for a fault that is found later, no good restore point is left.

    The severity is lower for workstations, whose users keep their work elsewhere.
    """
    outcome = _switch_with_level(jobs["gfs_enabled"], jobs["gfs_level_enabled"], "level")
    workstation = surely(jobs["type"].str.contains("Workstation", regex=False).astype("boolean"))
    return replace(
        outcome,
        severity=worded(jobs.index, (surely_not(outcome.ok) & workstation, "low")),
        applies=jobs["type"].notna().astype("boolean").mask(jobs["type"].isna()),
    )


@check(
    "JOB-007",
    "Restore points are kept long enough",
    severity="high",
    tables=("jobs", "job_demands"),
    fallback=("job_demands",),
    reads=("retention_quantity", "retention_type", "job_id", "job_demands.job_id", "job_demands.retention_days"),
    optional={"retention_type": "RestorePoints"},
    failure="{keeps|keep} restore points for too few days, or too few of them",
    consequence="could leave nothing good to restore when damage is found late",
    remediation="Job > Storage > Retention policy: keep more days or restore points.",
    examples=(
        Example("PASS", {"retention_type": "Days", "retention_quantity": 7}),
        Example("PASS", {"retention_type": "Months", "retention_quantity": 12}, params={"min_days": 365}),
        Example("PASS", {**_REPLICA, "retention_quantity": 7}),
        Example("PASS", {**_TIERED, "retention_type": "Days", "retention_quantity": 7}, {"job_demands": [_TIERED]}),
        Example("FAIL", {"retention_type": "Days", "retention_quantity": 6}),
        Example("FAIL", {"retention_type": "RestorePoints", "retention_quantity": 14}, params={"min_points": 30}),
        Example("FAIL", {**_TIERED, "retention_type": "Days", "retention_quantity": 13}, _FORTNIGHT),
        Example("FAIL", {**_TIERED, **_REPLICA, "retention_quantity": 6}, _FORTNIGHT),
        Example("UNKNOWN", {**_TIERED, **_REPLICA, "retention_quantity": 14}, _FORTNIGHT),
        Example(
            "UNKNOWN",
            {**_TIERED, "retention_type": "Days", "retention_quantity": 14},
            {"job_demands": [{"job_id": "job-2"}]},
        ),
        Example(
            "FAIL",
            {**_TIERED, "retention_type": "Days", "retention_quantity": 13},
            _FORTNIGHT,
            datasets={"jobs": "partial"},
        ),
        Example("UNKNOWN", {"retention_type": "Fortnights", "retention_quantity": 14}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def retention_long_enough(
    jobs: pd.DataFrame,
    demands: pd.DataFrame,
    *,
    min_days: Annotated[int, param("Minimum days to keep; 12 months count as 365.", unit="days", ge=1)] = 7,
    min_points: Annotated[int, param("Minimum points to keep if points are counted.", unit="restore points", ge=1)] = 7,
) -> Outcome:
    """Encrypted or deleted data is often noticed only after days: the last good restore point must still exist.

    The days that a tier of the site file demands override `min_days`. How many days a number of restore points covers
    depends on how often the job runs: if a tier demands days for such a job, the job can fail, but not pass.
    """
    unit, quantity = jobs["retention_type"], jobs["retention_quantity"]
    row = places_of(jobs["job_id"], demands["job_id"])
    lost = are_missing(jobs["job_id"]) | ((row < 0) & bool(len(demands)))
    demand = taken(demands["retention_days"], row, jobs.index)
    days, by_points = _days_kept(unit, quantity), surely(unit == "RestorePoints")
    wanted = demand.fillna(min_days)
    ok = (days >= wanted).mask(by_points, quantity >= min_points).mask(lost)
    uncertain = by_points & are_known(demand) & surely(ok)
    known = are_known(unit) & are_known(quantity)
    units = unit.replace({"RestorePoints": "restore points"}).str.lower()
    observed = quantity.astype("string[python]") + " " + named(units, "word")
    return Outcome(
        ok.mask(uncertain),
        observed=texts(observed.to_numpy(dtype=object), jobs.index),
        expected=worded(
            jobs.index,
            (uncertain, [f"≥ {number} days, as its tier demands" for number in wanted.tolist()]),
            (by_points, f"≥ {min_points} restore points"),
            (demand.notna(), [f"≥ {number} days, as its tier demands" for number in wanted.tolist()]),
            (days.notna(), f"≥ {min_days} days"),
            default=f"≥ {min_days} days or {min_points} restore points",
        ),
        reason=worded(
            jobs.index,
            (lost, "what its tier in the site file demands is not known"),
            (uncertain, "it counts restore points, and its tier demands days: how long they last is not known"),
            (known & ~by_points & are_missing(days), "its unit of retention is none that this check knows"),
        ),
    )


def _days_kept(unit: pd.Series, quantity: pd.Series) -> pd.Series:
    """How many days each job keeps; NA where it counts in something else."""
    years = quantity.where(surely(unit == "Years"))
    months = quantity.where(surely(unit == "Months"))
    days = quantity.where(surely(unit == "Days"))
    return days.fillna(months * DAYS_PER_YEAR // MONTHS_PER_YEAR).fillna(years * DAYS_PER_YEAR)


@check(
    "JOB-012",
    "Backup files are checked for corruption",
    severity="medium",
    table="jobs",
    reads=("health_check_enabled", "health_check_scheduled"),
    expected="on, weekly or monthly",
    failure="{has} no scheduled health check of the backup files",
    consequence="could have corrupt backups that stay unnoticed until a restore fails",
    remediation="Job > Storage > Advanced > Maintenance > Perform backup files health check: enable it.",
    examples=(
        Example("PASS", {"health_check_enabled": True, "health_check_scheduled": True}),
        Example("FAIL", {"health_check_enabled": False, "health_check_scheduled": True}),
        Example("FAIL", {"health_check_enabled": True, "health_check_scheduled": False}),
        Example("UNKNOWN", {"health_check_enabled": None, "health_check_scheduled": True}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def health_check_on(jobs: pd.DataFrame) -> Outcome:
    """Damage on the storage stays unnoticed until a restore needs the damaged block."""
    return _switch_with_level(jobs["health_check_enabled"], jobs["health_check_scheduled"], "weekly or monthly time")


@check(
    "JOB-015",
    "Application-aware processing is enabled",
    severity="medium",
    table="jobs",
    reads=("app_aware_enabled",),
    expected="on",
    failure="{has} application-aware processing disabled",
    consequence="could restore databases in a damaged state",
    remediation="Job > Guest Processing > Enable application-aware processing, for machines with applications.",
    examples=(
        Example("PASS", {"app_aware_enabled": True}),
        Example("FAIL", {"app_aware_enabled": False}),
        Example("UNKNOWN", {"app_aware_enabled": None}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def application_aware(jobs: pd.DataFrame) -> pd.Series:
    """Without it, backups of databases are only crash-consistent: the databases may not start after a restore."""
    return jobs["app_aware_enabled"]


def _switch_with_level(switch: pd.Series, level: pd.Series, word: str) -> Outcome:
    """Good when the switch is on and something under it is enabled, so that it takes effect."""
    return Outcome(
        switch & level,
        observed=worded(
            switch.index,
            (surely_not(switch), "off"),
            (switch & level, "on"),
            (switch & ~level, f"on, no {word} enabled"),
            (switch, f"on, {word} not known"),
        ),
    )
