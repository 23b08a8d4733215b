"""Checks of how long jobs keep their backups, and how they build and guard them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import (
    nullable,
    one_of,
    phrased_once,
    places_of,
    surely,
    surely_not,
    taken,
    texts,
    worded,
)
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import CONTROL_WORDS

_REPLICA = {"settings_profile": "1.3-rev1/VSphereReplica", "type": "VSphereReplica"}
_CONTENT_SCAN = {"settings_profile": "1.3-rev1/SureBackupContentScan", "type": "SureBackupContentScan"}
_COPY = {"settings_profile": "1.3-rev1/BackupCopy/Periodic", "type": "BackupCopy"}
_JOB = {"job_id": "job-1"}
_LEVELS = ("weekly", "monthly", "yearly")
_OFF = np.iinfo(np.int64).min
_UNREPORTED = _OFF + 1
_GFS = {**_JOB, "gfs_enabled": True, "gfs_monthly_enabled": False, "gfs_yearly_enabled": False}
_WEEKLY = {**_GFS, "gfs_weekly_enabled": True}
_ALL_LEVELS = {
    **_JOB,
    "gfs_enabled": True,
    **{f"gfs_{level}_enabled": True for level in _LEVELS},
}


@check(
    "JOB-005",
    "Long-term restore points (GFS) are kept for as long as required",
    severity="medium",
    tables=("jobs", "job_demands"),
    fallback=("job_demands",),
    reads=(
        "gfs_enabled",
        *(f"gfs_{level}_{what}" for level in ("weekly", "monthly", "yearly") for what in ("enabled", "count")),
        "job_id",
        *(f"job_demands.{name}" for name in ("job_id", "gfs_weekly", "gfs_monthly", "gfs_yearly")),
    ),
    failure="{keeps|keep} fewer weekly, monthly or yearly restore points (GFS) than required",
    consequence="could leave nothing to restore from weeks, months or years that must be kept",
    remediation="Job > Storage > Configure GFS: keep more weekly, monthly or yearly fulls.",
    examples=(
        Example("PASS", {**_WEEKLY, "gfs_weekly_count": 4}),
        Example("PASS", {**_WEEKLY, "gfs_weekly_count": 4}, {"job_demands": [_JOB]}),
        Example("PASS", {**_ALL_LEVELS, "gfs_weekly_count": 4, "gfs_monthly_count": 12, "gfs_yearly_count": 1}),
        Example("FAIL", {**_WEEKLY, "gfs_weekly_count": 3}),
        Example("FAIL", {**_ALL_LEVELS, "gfs_weekly_count": 4, "gfs_monthly_count": 11, "gfs_yearly_count": 1}),
        Example(
            "FAIL",
            {**_ALL_LEVELS, "gfs_weekly_count": 4, "gfs_monthly_count": 12, "gfs_yearly_count": 1},
            params={"min_yearly": 2},
        ),
        Example("FAIL", {**_WEEKLY, "gfs_weekly_count": 4}, {"job_demands": [{**_JOB, "gfs_weekly": 5}]}),
        Example("FAIL", {**_WEEKLY, "gfs_weekly_count": 4}, {"job_demands": [{**_JOB, "gfs_yearly": 1}]}),
        Example("FAIL", {**_JOB, "gfs_enabled": False}, {"job_demands": [{**_JOB, "gfs_monthly": 1}]}),
        Example("UNKNOWN", {**_WEEKLY, "gfs_weekly_count": None}),
        Example("UNKNOWN", {**_WEEKLY, "gfs_weekly_count": 4}, {"job_demands": [{"job_id": "job-2"}]}),
        Example("NOT_APPLICABLE", {**_JOB, "gfs_enabled": False}),
        Example("NOT_APPLICABLE", {**_JOB, "gfs_enabled": False}, {"job_demands": [_JOB]}),
        Example("NOT_APPLICABLE", {**_GFS, "gfs_weekly_enabled": False}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def gfs_long_enough(
    jobs: pd.DataFrame,
    demands: pd.DataFrame,
    *,
    min_weekly: Annotated[int, param("Minimum weeks to keep weekly fulls, if enabled.", unit="weeks", ge=1)] = 4,
    min_monthly: Annotated[int, param("Minimum months to keep monthly fulls, if enabled.", unit="months", ge=1)] = 12,
    min_yearly: Annotated[int, param("Minimum years to keep yearly fulls, if enabled.", unit="years", ge=1)] = 1,
) -> Outcome:
    """A duty to keep records is only met if the old restore points still exist when they are requested.

    The demands of a tier of the site file override the parameters, and a level that a tier demands must be enabled.
    """
    row = places_of(jobs["job_id"], demands["job_id"])
    on = jobs["gfs_enabled"]
    least = {"weekly": min_weekly, "monthly": min_monthly, "yearly": min_yearly}
    answers, wanted, seen, demanded_any = [], [], [], nullable(row < -1, row < -1, jobs.index)
    for level, minimum in least.items():
        demand = taken(demands[f"gfs_{level}"], row, jobs.index)
        enabled, count = on & jobs[f"gfs_{level}_enabled"], jobs[f"gfs_{level}_count"]
        required = demand.fillna(minimum)
        demanded = demand.notna().astype("boolean")
        answers.append((enabled & (count >= required)) | (~enabled & ~demanded))
        demanded_any |= demanded
        wanted.append(required.to_numpy(dtype=np.int64))
        seen.append(np.where(surely(enabled), count.to_numpy(dtype=np.int64, na_value=_UNREPORTED), _OFF))
    levels = jobs["gfs_weekly_enabled"] | jobs["gfs_monthly_enabled"] | jobs["gfs_yearly_enabled"]
    lost = are_missing(jobs["job_id"]) | ((row < 0) & (len(demands) > 0))
    return Outcome(
        (answers[0] & answers[1] & answers[2]).mask(lost),
        observed=worded(
            jobs.index,
            (surely_not(on), "off"),
            (np.maximum.reduce(seen) > _OFF, phrased_once(seen, _levels_kept)),
            (on, "on"),
        ),
        expected=texts(phrased_once(wanted, "weekly ≥ {}, monthly ≥ {}, yearly ≥ {}".format), jobs.index),
        reason=worded(
            jobs.index,
            (surely_not(on) & ~surely(demanded_any), "long-term retention is off, and no tier demands it"),
            (lost, "what its tier in the site file demands is not known"),
            (surely_not(levels), "none of its levels is enabled, and no tier demands one"),
        ),
        applies=(demanded_any | (on & levels)).mask(lost),
    )


def _levels_kept(*counts: int) -> str:
    """`weekly 4, yearly not reported`, without the levels that are off."""
    pairs = zip(_LEVELS, counts, strict=True)
    shown = ((level, "not reported" if count == _UNREPORTED else count) for level, count in pairs if count != _OFF)
    return ", ".join(f"{level} {count}" for level, count in shown)


@check(
    "JOB-006",
    "Yearly restore points (GFS) are combined with weekly or monthly ones",
    severity="low",
    table="jobs",
    reads=("gfs_yearly_enabled", "gfs_weekly_enabled", "gfs_monthly_enabled", "gfs_enabled"),
    expected="weekly or monthly restore points beside the yearly ones",
    failure="{keeps|keep} yearly restore points without weekly or monthly ones",
    consequence="could leave a single restore point for a whole year",
    remediation="Job > Storage > Configure GFS: enable weekly or monthly fulls in addition to the yearly ones.",
    examples=(
        Example("PASS", {"gfs_enabled": True, "gfs_yearly_enabled": True, "gfs_weekly_enabled": True}),
        Example("PASS", {"gfs_enabled": True, "gfs_yearly_enabled": True, "gfs_monthly_enabled": True}),
        Example(
            "FAIL",
            {
                "gfs_enabled": True,
                "gfs_yearly_enabled": True,
                "gfs_weekly_enabled": False,
                "gfs_monthly_enabled": False,
            },
        ),
        Example("UNKNOWN", {"gfs_enabled": True, "gfs_yearly_enabled": True, "gfs_weekly_enabled": False}),
        Example("NOT_APPLICABLE", {"gfs_enabled": False, "gfs_yearly_enabled": True}),
        Example("NOT_APPLICABLE", {"gfs_enabled": True, "gfs_yearly_enabled": False}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def yearly_not_alone(jobs: pd.DataFrame) -> Outcome:
    """With only yearly fulls, a backup chain can grow for a year on one full backup and hundreds of increments."""
    weekly, monthly = jobs["gfs_weekly_enabled"], jobs["gfs_monthly_enabled"]
    applies = jobs["gfs_enabled"] & jobs["gfs_yearly_enabled"]
    return Outcome(
        weekly | monthly,
        observed=worded(
            jobs.index,
            (surely(weekly & monthly), "weekly, monthly and yearly"),
            (weekly, "weekly and yearly"),
            (monthly, "monthly and yearly"),
            (surely(~weekly & ~monthly), "yearly only"),
        ),
        reason=worded(jobs.index, (surely_not(applies), "it keeps no yearly restore points")),
        applies=applies,
    )


@check(
    "JOB-013",
    "Backup chains are protected by a health check or by active full backups",
    severity="medium",
    table="jobs",
    reads=("health_check_enabled", "health_check_scheduled", "active_fulls_enabled"),
    optional={"active_fulls_enabled": False},
    expected="a health check with a time to run, or active full backups",
    failure="{has} neither a scheduled health check nor active full backups",
    consequence="could have a corrupt backup chain that nobody notices",
    remediation="Job > Storage > Advanced > Maintenance: enable the health check; or > Backup: create active fulls.",
    examples=(
        Example("PASS", {"health_check_enabled": True, "health_check_scheduled": True}),
        Example("PASS", {"active_fulls_enabled": True}),
        Example("FAIL", {"health_check_enabled": False, "health_check_scheduled": True, "active_fulls_enabled": False}),
        Example("FAIL", {"health_check_enabled": True, "health_check_scheduled": False, "active_fulls_enabled": False}),
        Example("FAIL", {**_COPY, "health_check_enabled": False}),
        Example("UNKNOWN", {"health_check_enabled": False}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def chain_guarded(jobs: pd.DataFrame) -> Outcome:
    """Increments depend on each other: one damaged block, neither found nor replaced, makes all later ones unusable."""
    checked, fulls = jobs["health_check_enabled"] & jobs["health_check_scheduled"], jobs["active_fulls_enabled"]
    return Outcome(
        checked | fulls,
        observed=worded(
            jobs.index,
            (surely(checked & fulls), "health check and active fulls"),
            (checked, "health check"),
            (fulls, "active fulls"),
            (surely(~checked & ~fulls), "neither health check nor active fulls"),
        ),
    )


@check(
    "JOB-014",
    "The backup mode is not reverse incremental",
    severity="low",
    table="jobs",
    reads=("backup_mode",),
    expected="a mode other than reverse incremental",
    failure="{builds|build} reverse incremental chains",
    consequence="could slow down {its} storage and delay backups",
    remediation="Job > Storage > Advanced > Backup: choose Incremental with active or synthetic fulls.",
    examples=(
        Example("PASS", {"backup_mode": "Incremental"}),
        Example("FAIL", {"backup_mode": "ReverseIncremental"}),
        Example("UNKNOWN", {"backup_mode": "Sideways"}),
        Example("UNKNOWN", {"backup_mode": None}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def built_forward(jobs: pd.DataFrame) -> Outcome:
    """Reverse incremental writes every block three times, is deprecated, and does not support immutability."""
    mode = jobs["backup_mode"]
    known = surely(one_of(mode, CONTROL_WORDS["backup_mode"]))
    strange = are_known(mode) & ~known
    return Outcome(
        (mode != "ReverseIncremental").mask(~known),
        reason=worded(jobs.index, (strange, "this check does not know that mode")),
    )


@check(
    "JOB-024",
    "Swap files and deleted blocks are excluded",
    severity="info",
    table="jobs",
    reads=("swap_blocks_excluded", "deleted_blocks_excluded"),
    expected="both left out",
    failure="{backs|back} up swap files or deleted blocks",
    consequence="may take more time and space than needed",
    remediation="Job > Storage > Advanced > Storage: exclude swap file blocks and deleted file blocks.",
    examples=(
        Example("PASS", {"swap_blocks_excluded": True, "deleted_blocks_excluded": True}),
        Example("FAIL", {"swap_blocks_excluded": False, "deleted_blocks_excluded": True}),
        Example("FAIL", {"swap_blocks_excluded": True, "deleted_blocks_excluded": False}),
        Example("UNKNOWN", {"swap_blocks_excluded": True}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def waste_excluded(jobs: pd.DataFrame) -> Outcome:
    """Swap files and deleted blocks cost time and space in every job run, and nobody ever restores them."""
    swap, deleted = jobs["swap_blocks_excluded"], jobs["deleted_blocks_excluded"]
    return Outcome(
        swap & deleted,
        observed=worded(
            jobs.index,
            (surely(swap & deleted), "both left out"),
            (surely(~swap & ~deleted), "both taken along"),
            (surely_not(swap), "swap files taken along"),
            (surely_not(deleted), "deleted blocks taken along"),
        ),
    )
