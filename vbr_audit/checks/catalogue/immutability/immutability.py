"""Checks of whether backups can be changed or deleted once they are written."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import (
    Cells,
    any_of,
    beside,
    one_of,
    phrased,
    places_of,
    surely,
    surely_not,
    taken,
    worded,
)
from vbr_audit.tables.build.arrays import are_known

_ABLE = {"immutability_supported": True, "type": "AmazonS3"}
_DAYS = {"immutability_enabled": True, "immutability_kind": "object storage", "immutability_mode": "RepositorySettings"}
_JOB = {"job_id": "j1", "repository_id": "r1", "retention_type": "Days", "retention_quantity": 14}
_ON_DISK = {"repository_id": "r1", "immutability_enabled": True, "immutability_kind": "hardened"}

DAYS = {"Days": 1, "Months": 30, "Years": 365}
"""Days in a unit of retention, rounded down in favour of the repository."""


@check(
    "IMM-001",
    "The repository is immutable if it can be",
    severity="high",
    tables=("repositories", "held_objects"),
    fallback=("held_objects",),
    reads=(
        *("immutability_enabled", "immutability_supported", "type", "repository_id"),
        *(f"held_objects.{name}" for name in ("repository_id", "are_protected_elsewhere")),
    ),
    expected="immutable",
    failure="{is} not immutable, although {it|they} can be",
    consequence="could lose all {its} backups in an attack",
    remediation="Backup Infrastructure > Backup Repositories > Edit: make recent backups immutable; harden Linux ones.",
    examples=(
        Example("PASS", {"immutability_supported": True, "immutability_enabled": True}),
        Example("FAIL", {**_ABLE, "immutability_enabled": False}, severity="high"),
        Example(
            "FAIL",
            {**_ABLE, "immutability_enabled": False, "repository_id": "r1"},
            {"held_objects": [{"repository_id": "r1", "are_protected_elsewhere": True}]},
            severity="medium",
        ),
        Example(
            "FAIL",
            {**_ABLE, "immutability_enabled": False, "repository_id": "r1"},
            {"held_objects": [{"repository_id": "r1", "are_protected_elsewhere": False}]},
            severity="high",
        ),
        Example("FAIL", {"immutability_supported": False, "immutability_enabled": False, "type": "LinuxLocal"}),
        Example("UNKNOWN", {**_ABLE, "immutability_enabled": None}),
        Example("UNKNOWN", {"type": "Levitating"}),
        Example("NOT_APPLICABLE", {"immutability_supported": False, "immutability_enabled": False, "type": "WinLocal"}),
    ),
)
def repository_immutable(repositories: pd.DataFrame, held: pd.DataFrame) -> Outcome:
    """An attacker with administrator rights deletes backups first; nobody can delete them from an immutable repository.

    A plain Linux repository counts as one that can be immutable: the same server can be a hardened one. If each object
    on the repository has another copy that is immutable or offline, the severity is lower.
    """
    elsewhere = beside(repositories["repository_id"], held, "repository_id")["are_protected_elsewhere"]
    enabled = repositories["immutability_enabled"]
    plain = surely((repositories["type"] == "LinuxLocal").astype("boolean"))
    able = repositories["immutability_supported"].mask(plain, True)
    return Outcome(
        enabled,
        observed=worded(
            repositories.index,
            (enabled, "immutable"),
            (surely_not(enabled) & plain, "not immutable: a plain Linux repository"),
            (surely_not(enabled), "not immutable"),
        ),
        severity=worded(repositories.index, (surely_not(enabled) & surely(elsewhere), "medium")),
        applies=able,
        reason=worded(
            repositories.index,
            (surely_not(able), "repositories of this type cannot be immutable"),
            (able.isna(), "whether this type of repository can be immutable is not known"),
            (enabled.isna(), "the settings of immutability are not shown in this revision, or missing"),
        ),
    )


@check(
    "IMM-002",
    "Backups are immutable long enough",
    severity="high",
    table="repositories",
    reads=("immutability_days", "immutability_enabled", "immutability_kind", "immutability_mode"),
    failure="{is} immutable for fewer days than required",
    consequence="could lose {its} older backups in an attack",
    remediation="Backup Infrastructure > Backup Repositories > Edit > Make recent backups immutable: add days.",
    examples=(
        Example("PASS", {"immutability_enabled": True, "immutability_days": 7}),
        Example("FAIL", {"immutability_enabled": True, "immutability_days": 6}, severity="medium"),
        Example("FAIL", {"immutability_enabled": True, "immutability_days": 0}, severity="high"),
        Example(
            "FAIL", {"immutability_enabled": True, "immutability_days": 13}, params={"min_days": 14}, severity="high"
        ),
        Example(
            "FAIL",
            {"immutability_enabled": True, "immutability_days": 14},
            params={"warn_days": 30, "min_days": 14},
            severity="medium",
        ),
        Example("UNKNOWN", {"immutability_enabled": True, "immutability_days": None, "immutability_kind": "hardened"}),
        Example("UNKNOWN", {**_DAYS, "immutability_days": None}),
        Example("UNKNOWN", {"immutability_enabled": None, "immutability_days": 7}),
        Example("NOT_APPLICABLE", {"immutability_enabled": False}),
        Example("NOT_APPLICABLE", {"immutability_enabled": True, "immutability_kind": "archive"}),
        Example("NOT_APPLICABLE", {**_DAYS, "immutability_mode": "RetentionSettings"}),
    ),
)
def immutable_long_enough(
    repositories: pd.DataFrame,
    *,
    warn_days: Annotated[int, param("Days below which it fails with medium severity.", unit="days", ge=1)] = 7,
    min_days: Annotated[int, param("Days below which it fails with full severity.", unit="days", ge=1)] = 1,
) -> Outcome:
    """An attacker who waits longer than the lock lasts can delete everything; that takes only a few days.

    The policy sets the required number of days.
    """
    required = max(warn_days, min_days)
    days, enabled = repositories["immutability_days"], repositories["immutability_enabled"]
    enough = days >= required
    by_retention = surely(repositories["immutability_mode"] == "RetentionSettings")
    archive = surely(repositories["immutability_kind"] == "archive")
    applies = enabled.mask(surely(enabled) & (by_retention | archive), False)
    return Outcome(
        enough,
        observed=worded(repositories.index, (days.notna(), [f"{count} days" for count in days.fillna(0)])),
        expected=f"≥ {required} days" + (f"; below {min_days} days it weighs in full" if min_days < required else ""),
        severity=worded(repositories.index, (~enough & (days >= min_days), "medium")),
        applies=applies,
        reason=worded(
            repositories.index,
            (surely_not(enabled), "it is not immutable; see IMM-001"),
            (surely(enabled) & (by_retention | archive), "it has no days of its own: those of the retention hold"),
            (enabled.isna(), "whether it is immutable is not known"),
            (days.isna(), "the days are missing in the answer"),
        ),
    )


@check(
    "IMM-003",
    "Backups are immutable for as long as the job keeps them",
    severity="info",
    cause="repository",
    tables=("jobs", "repositories", "scale_out_extents"),
    aggregates=("scale_out_extents",),
    reads=(
        "retention_quantity",
        "retention_type",
        "repository_id",
        "type",
        "repositories.repository_id",
        "repositories.immutability_days",
        "repositories.immutability_enabled",
        "repositories.immutability_mode",
        "scale_out_extents.scale_out_repository_id",
        "scale_out_extents.repository_id",
        "scale_out_extents.tier",
    ),
    failure="{keeps|keep} restore points for longer than the repository locks them",
    consequence="could lose restore points after the lock has ended",
    remediation="None if old chains may be deleted early; else Backup Repositories > Edit: raise the immutable days.",
    examples=(
        Example("PASS", _JOB, {"repositories": [{**_ON_DISK, "immutability_days": 14}]}),
        Example("PASS", _JOB, {"repositories": [{**_ON_DISK, "immutability_mode": "RetentionSettings"}]}),
        Example("FAIL", _JOB, {"repositories": [{**_ON_DISK, "immutability_days": 13}]}),
        Example(
            "FAIL",
            {**_JOB, "retention_type": "Months", "retention_quantity": 1},
            {"repositories": [{**_ON_DISK, "immutability_days": 29}]},
        ),
        Example(
            "PASS",
            {**_JOB, "repository_id": "s1"},
            {
                "repositories": [{**_ON_DISK, "immutability_days": 14}],
                "scale_out_extents": [
                    {"scale_out_repository_id": "s1", "repository_id": "r1", "tier": "Performance"},
                ],
            },
        ),
        Example(
            "FAIL",
            {**_JOB, "repository_id": "s1"},
            {
                "repositories": [
                    {**_ON_DISK, "immutability_days": 14},
                    {**_ON_DISK, "repository_id": "r2", "immutability_days": 7},
                ],
                "scale_out_extents": [
                    {"scale_out_repository_id": "s1", "repository_id": "r1", "tier": "Performance"},
                    {"scale_out_repository_id": "s1", "repository_id": "r2", "tier": "Performance"},
                ],
            },
        ),
        Example(
            "UNKNOWN",
            {**_JOB, "retention_type": "RestorePoints"},
            {"repositories": [{**_ON_DISK, "immutability_days": 14}]},
        ),
        Example("UNKNOWN", _JOB, {"repositories": [{**_ON_DISK, "immutability_days": None}]}),
        Example("UNKNOWN", _JOB),
        Example("NOT_APPLICABLE", _JOB, {"repositories": [{**_ON_DISK, "immutability_enabled": False}]}),
        Example("NOT_APPLICABLE", {"settings_profile": "1.3-rev1/SureBackupContentScan"}),
        Example("NOT_APPLICABLE", {**_JOB, "type": "VSphereReplica"}),
        Example("NOT_APPLICABLE", {**_JOB, "type": "EntraIDTenantBackup"}, {"repositories": [_ON_DISK]}),
    ),
)
def immutable_as_retention(jobs: pd.DataFrame, repositories: pd.DataFrame, extents: pd.DataFrame) -> Outcome:
    """Restore points that are kept longer than they are locked can be deleted before their retention ends.

    A retention longer than the lock is usual: treat the finding as information. The lock covers whole backup chains,
    and lasts for the immutability days of the repository, counted from the last restore point of a chain: while a
    chain grows, all of it is locked, and only restore points of chains that have ended unlock. CPY-004 checks whether
    the newest chain is locked. For a scale-out repository, the performance extent with the shortest lock counts.
    """
    kept = jobs["retention_quantity"] * jobs["retention_type"].map(DAYS).astype("Int64")
    owners, places = _behind(jobs["repository_id"], repositories, extents)
    seen = {
        name: taken(repositories[f"immutability_{name}"], places, pd.RangeIndex(len(places)))
        for name in ("days", "enabled", "mode")
    }
    promised = taken(kept, owners, pd.RangeIndex(len(owners)))
    long = (seen["days"] >= promised).mask(surely(seen["mode"] == "RetentionSettings"), True) & seen["enabled"]
    short = any_of(owners, (~long).mask(surely_not(seen["enabled"]), True), jobs.index)
    open_ = any_of(owners, (~seen["enabled"]).astype("boolean"), jobs.index)
    placed = np.isin(np.arange(len(jobs)), owners)
    everywhere = ~open_.mask(~placed)
    days = pd.Series(np.full(len(jobs), np.inf))
    known = are_known(seen["days"])
    least = days.to_numpy(copy=True)
    np.minimum.at(least, owners[known], seen["days"][known].to_numpy(dtype=float))
    limited = np.isfinite(least)
    unit_known = are_known(kept)
    elsewhere = one_of(jobs["type"], ("VSphereReplica", "EntraIDTenantBackup"))
    ok = (~short).mask(~placed | ~unit_known)
    return Outcome(
        ok,
        observed=worded(
            jobs.index,
            (~placed | ~unit_known, pd.NA),
            (limited, phrased("{:.0f} days", least, where=limited)),
            default="as long as retention",
        ),
        expected=worded(jobs.index, (unit_known, phrased("≥ {} days", kept, where=unit_known)), default="≥ retention"),
        json_path="retentionPolicy",
        applies=everywhere.mask(~placed) & ~elsewhere,
        reason=worded(
            jobs.index,
            (surely(elsewhere), "what this kind of job makes lies in no repository"),
            (surely_not(everywhere), "its repository is not immutable; see IMM-001"),
            (~placed, "its repository is not known"),
            (everywhere.isna(), "whether its repository is immutable is not known"),
            (~unit_known, "its retention is not known, or counts restore points, not days"),
            (ok.isna(), "the immutable days of its repository are not known"),
        ),
    )


def _behind(ids: pd.Series, repositories: pd.DataFrame, extents: pd.DataFrame) -> tuple[Cells, Cells]:
    """The places of the jobs, and of the repositories that hold their backups: their own, or the extents of it."""
    own = places_of(ids, repositories["repository_id"])
    direct = own >= 0
    tier = extents[surely(extents["tier"] == "Performance")]
    inner = pd.DataFrame(
        {
            "outer": tier["scale_out_repository_id"].astype(object),
            "place": places_of(tier["repository_id"], repositories["repository_id"]),
        }
    ).dropna()
    asked = pd.DataFrame({"outer": ids.astype(object), "job": np.arange(len(ids))})[~direct].dropna()
    both = asked.merge(inner, on="outer")
    owners = np.concatenate([np.flatnonzero(direct), both["job"].to_numpy(dtype=np.int64)])
    return owners, np.concatenate([own[direct], both["place"].to_numpy(dtype=np.int64)])
