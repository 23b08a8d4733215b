"""Checks of what repositories are used for."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import beside, nullable, surely, worded
from vbr_audit.tables.build.arrays import are_known, are_missing

_ID: Final = "repository-1"
_USED: Final = [{"repository_id": _ID}]
_ELSEWHERE: Final = [{"repository_id": "repository-2"}]
_UNSAID: Final = [{"repository_id": None}]
_SHARE: Final = [{"repository_id": _ID, "storage_class": "network share"}]
_DISK: Final = {"repository_id": "repository-2", "storage_class": "local disk"}


@check(
    "REP-008",
    "The repository is in use",
    severity="info",
    tables=("repositories", "backups", "jobs", "scale_out_extents", "config_backup"),
    aggregates=("backups", "jobs", "scale_out_extents"),
    fallback=("config_backup",),
    optional={"repository_id": "none"},
    reads=(
        "repository_id",
        "backups.repository_id",
        "jobs.repository_id",
        "scale_out_extents.repository_id",
        "config_backup.repository_id",
    ),
    json_path="id",
    expected="a backup, a job or the configuration backup uses it",
    failure="{is} not used by any backup, job or configuration backup",
    consequence="may take up space and care for nothing",
    remediation="Backup Infrastructure > Backup Repositories > Remove: if nobody needs it; else document its purpose.",
    examples=(
        Example("PASS", {"repository_id": _ID}, {"backups": _USED}),
        Example("PASS", {"repository_id": _ID}, {"jobs": _USED}),
        Example("NOT_APPLICABLE", {"repository_id": _ID}, {"scale_out_extents": _USED, "backups": _USED}),
        Example("UNKNOWN", {"repository_id": _ID}, {"config_backup": _ELSEWHERE, "scale_out_extents": _UNSAID}),
        Example("PASS", {"repository_id": _ID}, {"config_backup": _USED}),
        Example("FAIL", {"repository_id": _ID}, {"config_backup": _ELSEWHERE}),
        Example("FAIL", {"repository_id": _ID}, {"config_backup": _ELSEWHERE, "backups": _ELSEWHERE}),
        Example("UNKNOWN", {"repository_id": _ID}, {"config_backup": _ELSEWHERE, "backups": _UNSAID}),
        Example("UNKNOWN", {"repository_id": _ID}, {"config_backup": _ELSEWHERE, "jobs": _UNSAID}),
        Example("UNKNOWN", {"repository_id": _ID}, {"config_backup": _UNSAID}),
        Example("UNKNOWN", {"repository_id": _ID}, datasets={"config_backup": "denied"}),
        Example("UNKNOWN", {"repository_id": _ID}, {"backups": _USED}, datasets={"backups": "partial"}),
        Example("UNKNOWN", {"repository_id": None}, {"backups": _USED}),
    ),
)
def repository_in_use(
    repositories: pd.DataFrame,
    backups: pd.DataFrame,
    jobs: pd.DataFrame,
    extents: pd.DataFrame,
    config_backup: pd.DataFrame,
) -> Outcome:
    """A forgotten repository still holds credentials and perhaps old data, and nobody monitors it."""
    ids = repositories["repository_id"]
    sources = {
        "backups": backups["repository_id"],
        "jobs": jobs["repository_id"],
        "configuration backup": config_backup["repository_id"],
    }
    lists = [*sources.values(), extents["repository_id"]]
    is_open = any(places.isna().any() for places in lists) or config_backup.empty
    extent = ids.isin(extents["repository_id"].dropna()).to_numpy()
    users = {name: ids.isin(places.dropna()).to_numpy() & are_known(ids) for name, places in sources.items()}
    used_by = [", ".join(name for name, mine in users.items() if mine[row]) for row in range(len(ids))]
    used = nullable(np.array([bool(names) for names in used_by], dtype=bool), are_missing(ids), ids.index)
    used = used.where(surely(used) | are_missing(ids) | (not is_open))
    return Outcome(
        used,
        observed=worded(
            ids.index,
            (extent, pd.NA),
            (used, [f"used by: {names}" for names in used_by]),
            default="nothing that was read uses it",
        ),
        applies=nullable(~extent, np.zeros(len(ids), dtype=bool), ids.index),
        reason=worded(
            ids.index,
            (extent, "it is an extent of a scale-out repository"),
            (ids.isna(), "its id is missing"),
            (used.isna(), "nothing that was read uses it, but of some jobs or backups it is not known where they lie"),
        ),
    )


@check(
    "REP-009",
    "Backups are not only on network shares",
    severity="low",
    tables=("servers", "repositories", "backups"),
    aggregates=("repositories", "backups"),
    reads=("backups.repository_id", "repositories.repository_id", "repositories.storage_class"),
    json_path="type",
    expected="backups on at least one repository other than an SMB or NFS share",
    failure="{has} backups on network shares only",
    consequence="could lose backups to whoever reaches the share",
    remediation="Backup Infrastructure > Backup Repositories > Add: choose a hardened repository or object storage.",
    examples=(
        Example("PASS", {}, {"repositories": [_DISK], "backups": _ELSEWHERE}),
        Example("PASS", {}, {"repositories": [_DISK], "backups": [*_ELSEWHERE, *_UNSAID]}),
        Example("FAIL", {}, {"repositories": [*_SHARE, _DISK], "backups": _USED}),
        Example("UNKNOWN", {}, {"repositories": _SHARE, "backups": [*_USED, *_ELSEWHERE]}),
        Example("UNKNOWN", {}, {"repositories": [{"repository_id": _ID}], "backups": _USED}),
        Example("UNKNOWN", {}, {"repositories": [_DISK], "backups": _ELSEWHERE}, datasets={"backups": "partial"}),
        Example("NOT_APPLICABLE", {}, {"repositories": _SHARE}),
    ),
)
def other_than_shares(servers: pd.DataFrame, repositories: pd.DataFrame, backups: pd.DataFrame) -> Outcome:
    """Anyone who obtains permissions on a share can delete all backups on it from anywhere in the network."""
    kinds = beside(backups["repository_id"], repositories, "repository_id")["storage_class"]
    counts = kinds.value_counts()
    shares, known = int(counts.get("network share", 0)), int(counts.sum())
    apart, unknown = known > shares, known < len(kinds)
    answer = pd.array([None if not apart and unknown else apart], dtype="boolean")
    return Outcome(
        pd.Series(answer.take([0] * len(servers)), index=servers.index),
        observed=f"{shares} of {known} backup{'' if known == 1 else 's'} on network shares" if known else None,
        applies=pd.Series(len(kinds) > 0, index=servers.index, dtype="boolean"),
        reason=(None if apart or not unknown else "the type of repository is not known of every backup")
        if len(kinds)
        else "the server holds no backup",
    )
