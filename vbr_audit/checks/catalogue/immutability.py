"""Checks of whether backups can be changed or deleted once they are written."""

from __future__ import annotations

import re
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.logic import Cells, any_of, nullable, one_of, places_of, surely, taken, worded
from vbr_audit.checks.outcome import Example, Outcome
from vbr_audit.checks.params import param
from vbr_audit.checks.registry import check

_ABLE = {"immutability_supported": True, "type": "AmazonS3"}
_DAYS = {"immutability_enabled": True, "immutability_kind": "object storage", "immutability_mode": "RepositorySettings"}
_KNOWN_ITEM = {"best_practice": "Compliance mode is used for repositories with immutability", "status": "OK"}
_SSH = "SSH is disabled on hardened repositories"
_VM = "Hardened repositories are not hosted in virtual machines"
_PROXY = "Hardened repositories are not used as proxies"
_FINE_ITEMS = [{"best_practice": _VM, "status": "OK"}, {"best_practice": _PROXY, "status": "OK"}]
_MODE_WORDS = r"compliance mode"
_HARDENED_WORDS = r"hardened"
_JOB = {"job_id": "j1", "repository_id": "r1", "retention_type": "Days", "retention_quantity": 14}
_ON_DISK = {"repository_id": "r1", "immutability_enabled": True, "immutability_kind": "hardened"}

DAYS = {"Days": 1, "Months": 30, "Years": 365}
"""Days in a unit of retention, rounded down in favour of the repository."""


@check(
    "IMM-001",
    "The repository is immutable where it can be",
    severity="high",
    table="repositories",
    reads=("immutability_enabled", "immutability_supported", "type"),
    expected="immutable",
    remediation="Backup Infrastructure > Backup Repositories > Edit: make recent backups immutable; harden Linux ones.",
    examples=(
        Example("PASS", {"immutability_supported": True, "immutability_enabled": True}),
        Example("FAIL", {**_ABLE, "immutability_enabled": False}),
        Example("FAIL", {"immutability_supported": False, "immutability_enabled": False, "type": "LinuxLocal"}),
        Example("UNKNOWN", {**_ABLE, "immutability_enabled": None}),
        Example("UNKNOWN", {"type": "Levitating"}),
        Example("NOT_APPLICABLE", {"immutability_supported": False, "immutability_enabled": False, "type": "WinLocal"}),
    ),
)
def repository_immutable(repositories: pd.DataFrame) -> Outcome:
    """Whoever gets the rights of an administrator deletes backups first; from an immutable repository nobody can.

    A plain Linux repository counts as one that can be: the same server can be a hardened one.
    """
    enabled = repositories["immutability_enabled"]
    plain = surely((repositories["type"] == "LinuxLocal").astype("boolean"))
    able = repositories["immutability_supported"].mask(plain, True)
    return Outcome(
        enabled,
        observed=worded(
            repositories.index,
            (enabled, "immutable"),
            (surely(~enabled) & plain, "not immutable: a plain Linux repository"),
            (surely(~enabled), "not immutable"),
        ),
        applies=able,
        reason=worded(
            repositories.index,
            (surely(~able), "repositories of this type cannot be immutable"),
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
    expected="≥ {min_days} days",
    remediation="Backup Infrastructure > Backup Repositories > Edit > Make recent backups immutable: raise it.",
    examples=(
        Example("PASS", {"immutability_enabled": True, "immutability_days": 7}),
        Example("FAIL", {"immutability_enabled": True, "immutability_days": 6}),
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
    min_days: Annotated[int, param("Days that are good.", unit="days", ge=1)] = 7,
) -> Outcome:
    """An attacker who waits longer than the lock lasts deletes everything; that takes a few days only."""
    days, enabled = repositories["immutability_days"], repositories["immutability_enabled"]
    by_retention = surely(repositories["immutability_mode"] == "RetentionSettings")
    archive = surely(repositories["immutability_kind"] == "archive")
    applies = enabled.mask(surely(enabled) & (by_retention | archive), False)
    return Outcome(
        days >= min_days,
        observed=worded(repositories.index, (days.notna(), [f"{count} days" for count in days.fillna(0)])),
        applies=applies,
        reason=worded(
            repositories.index,
            (surely(~enabled), "it is not immutable; see IMM-001"),
            (surely(enabled) & (by_retention | archive), "it has no days of its own: those of the retention hold"),
            (enabled.isna(), "whether it is immutable is not known"),
            (days.isna(), "the days are missing in the answer"),
        ),
    )


@check(
    "IMM-003",
    "Backups are immutable for as long as the job keeps them",
    severity="medium",
    tables=("jobs", "repositories", "scale_out_extents"),
    aggregates=("scale_out_extents",),
    reads=(
        "retention_quantity",
        "retention_type",
        "repository_id",
        "repositories.repository_id",
        "repositories.immutability_days",
        "repositories.immutability_enabled",
        "repositories.immutability_mode",
        "scale_out_extents.scale_out_repository_id",
        "scale_out_extents.repository_id",
        "scale_out_extents.tier",
    ),
    remediation="Backup Infrastructure > Backup Repositories > Edit: raise the immutable days to the job's retention.",
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
    ),
)
def immutable_as_retention(jobs: pd.DataFrame, repositories: pd.DataFrame, extents: pd.DataFrame) -> Outcome:
    """Restore points that outlive their lock can be deleted, although retention promises them.

    On a scale-out repository the shortest of its performance extents holds.
    """
    kept = jobs["retention_quantity"] * jobs["retention_type"].map(DAYS).astype("Int64")
    owners, places = _behind(jobs["repository_id"], repositories, extents)
    seen = {
        name: taken(repositories[f"immutability_{name}"], places, pd.RangeIndex(len(places)))
        for name in ("days", "enabled", "mode")
    }
    promised = taken(kept, owners, pd.RangeIndex(len(owners)))
    long = (seen["days"] >= promised).mask(surely(seen["mode"] == "RetentionSettings"), True) & seen["enabled"]
    short = any_of(owners, (~long).mask(surely(~seen["enabled"]), True), jobs.index)
    open_ = any_of(owners, (~seen["enabled"]).astype("boolean"), jobs.index)
    placed = np.isin(np.arange(len(jobs)), owners)
    everywhere = ~open_.mask(~placed)
    days = pd.Series(np.full(len(jobs), np.inf))
    known = seen["days"].notna().to_numpy()
    least = days.to_numpy(copy=True)
    np.minimum.at(least, owners[known], seen["days"][known].to_numpy(dtype=float))
    told = [f"{day:.0f} days" if np.isfinite(day) else "as long as retention" for day in least]
    unit_known = kept.notna().to_numpy()
    ok = (~short).mask(~placed | ~unit_known)
    return Outcome(
        ok,
        observed=worded(jobs.index, (placed & unit_known, told)),
        expected=worded(
            jobs.index, (unit_known, [f"≥ {day} days" for day in kept.fillna(0).tolist()]), default="≥ retention"
        ),
        json_path="retentionPolicy",
        applies=everywhere.mask(~placed),
        reason=worded(
            jobs.index,
            (surely(~everywhere), "its repository is not immutable; see IMM-001"),
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


@check(
    "IMM-004",
    "Immutable repositories are locked in Compliance mode",
    severity="medium",
    tables=("servers", "best_practices"),
    aggregates=("best_practices",),
    reads=("best_practices.status", "best_practices.best_practice"),
    json_path="status",
    expected="OK",
    remediation="Home > Security & Compliance: read the item; make the bucket anew in Compliance mode.",
    examples=(
        Example("PASS", {}, {"best_practices": [_KNOWN_ITEM]}),
        Example("FAIL", {}, {"best_practices": [{**_KNOWN_ITEM, "status": "Violation"}]}),
        Example("UNKNOWN", {}, {"best_practices": [{**_KNOWN_ITEM, "status": "UnableToCheck"}]}),
        Example("UNKNOWN", {}, {"best_practices": [{"best_practice": _SSH, "status": "OK"}]}),
        Example("UNKNOWN", {}, datasets={"best_practices": "denied"}),
    ),
)
def compliance_mode(servers: pd.DataFrame, items: pd.DataFrame) -> Outcome:
    """In Governance mode an administrator can lift the lock, and so can whoever has become one.

    Over REST only the item of Veeam's analyzer tells the mode; a suppressed item counts as not known here.
    """
    return _items_good(servers, items, (_MODE_WORDS,))


@check(
    "IMM-005",
    "Hardened repositories are physical, closed to SSH and nothing else",
    severity="high",
    tables=("servers", "best_practices"),
    aggregates=("best_practices",),
    reads=("best_practices.status", "best_practices.best_practice"),
    json_path="status",
    expected="OK for SSH, virtual machine and proxy",
    remediation="Home > Security & Compliance: read the items; stop SSH, move proxies away, use a physical server.",
    examples=(
        Example("PASS", {}, {"best_practices": [{"best_practice": n, "status": "OK"} for n in (_SSH, _VM, _PROXY)]}),
        Example(
            "FAIL", {}, {"best_practices": [{"best_practice": n, "status": "Violation"} for n in (_SSH, _VM, _PROXY)]}
        ),
        Example("FAIL", {}, {"best_practices": [{"best_practice": _SSH, "status": "Violation"}]}),
        Example("FAIL", {}, {"best_practices": [{"best_practice": _SSH, "status": "Violation"}, *_FINE_ITEMS[1:]]}),
        Example("UNKNOWN", {}, {"best_practices": [{"best_practice": _SSH, "status": "UnableToCheck"}, *_FINE_ITEMS]}),
        Example("UNKNOWN", {}, {"best_practices": [{"best_practice": n, "status": "OK"} for n in (_SSH, _VM)]}),
        Example(
            "UNKNOWN",
            {},
            {"best_practices": [{"best_practice": n, "status": "Suppressed"} for n in (_SSH, _VM, _PROXY)]},
        ),
    ),
)
def hardened_closed(servers: pd.DataFrame, items: pd.DataFrame) -> Outcome:
    """Whoever reaches the disks beside the backup service, by SSH, hypervisor or another role, passes every lock.

    Over REST only the items of Veeam's analyzer tell it.
    """
    words = (rf"(?=.*{_HARDENED_WORDS}).*\bssh\b", rf"(?=.*{_HARDENED_WORDS}).*\b(?:virtual|vms?)\b", r"hardened.*prox")
    return _items_good(servers, items, words)


def _items_good(servers: pd.DataFrame, items: pd.DataFrame, words: tuple[str, ...]) -> Outcome:
    """Whether every item that fits one of `words` is OK; not known unless each of them fits an item."""
    name, status = items["best_practice"], items["status"]
    good = (status == "OK").astype("boolean").mask(~surely(one_of(status, ("OK", "Violation"))))
    fits = [surely(name.str.contains(word, flags=re.IGNORECASE).astype("boolean")) for word in words]
    chosen = np.logical_or.reduce(fits)
    bad = chosen & surely(~good)
    sure = all(fit.any() for fit in fits) and not (chosen & good.isna().to_numpy()).any()
    unknown = np.full(len(servers), not (bad.any() or sure))
    violated = "; ".join(name[bad].tolist()) or "none"
    why = "the analyzer has no such item, has not checked it, or it is suppressed"
    return Outcome(
        nullable(np.full(len(servers), not bad.any()), unknown, servers.index),
        observed=worded(servers.index, (~unknown, f"violated: {violated}" if bad.any() else "OK")),
        reason=worded(servers.index, (unknown, why)),
    )
