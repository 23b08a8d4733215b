"""Checks of backup repositories."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.machine_names import names_of_backup_server, on_backup_server
from vbr_audit.checks.logic.three_valued import beside, named, nullable, one_of, surely, surely_not, worded
from vbr_audit.datasets.repositories import STORAGE_CLASSES

_WITHOUT_CAPACITY: Final = (
    *("AmazonS3", "S3Compatible", "IBMCloud", "WasabiCloud", "GoogleCloud", "AzureBlob", "S3Integrated"),
    *("VeeamDataCloudVault", "AmazonS3Glacier", "AzureArchive", "S3GlacierCompatible", "VeeamDataCloudVaultArchive"),
)
_HOST: Final = "host-1"
_ID: Final = "repository-1"
_ON_DISK: Final = {"storage_class": "local disk", "host_id": _HOST}
_ON_C: Final = {**_ON_DISK, "path": "C:\\Backup"}
_USERS: Final = (("backups", "r2"), ("jobs", "r3"), ("config_backup", "r4"))
_IN_USE: Final = {name: [{"repository_id": place}] for name, place in _USERS}
_BACKUP_SERVER: Final = {"managed_server_id": _HOST, "is_backup_server": True}
_OTHER_SERVER: Final = {"managed_server_id": _HOST, "is_backup_server": False}


@check(
    "REP-001",
    "The repository has enough free space",
    severity="high",
    table="repository_states",
    reads=("free_percent", "is_without_limit", "type"),
    json_path="freeGB",
    failure="{has} too little free space",
    consequence="could run full, so that backups fail",
    remediation="Backup Infrastructure > Backup Repositories: add space, shorten the retention or move backups.",
    examples=(
        Example("PASS", {"free_percent": 20.0}),
        Example("PASS", {"free_percent": 10.0}, params={"warn_percent": 10.0}),
        Example("FAIL", {"free_percent": 19.9}, severity="medium"),
        Example("FAIL", {"free_percent": 10.0}, severity="medium"),
        Example("FAIL", {"free_percent": 9.9}, severity="high"),
        Example("FAIL", {"free_percent": 15.0}, params={"min_percent": 25.0}, severity="high"),
        Example("UNKNOWN", {"free_percent": None, "is_without_limit": True, "type": "WinLocal"}),
        Example("UNKNOWN", {"free_percent": None, "is_without_limit": False, "type": "AmazonS3"}),
        Example("UNKNOWN", {"free_percent": None, "type": "AmazonS3"}),
        Example("NOT_APPLICABLE", {"free_percent": None, "is_without_limit": True, "type": "AmazonS3"}),
    ),
)
def enough_free_space(
    states: pd.DataFrame,
    *,
    warn_percent: Annotated[float, param("Fails with medium severity if less is free.", unit="%", ge=0, le=100)] = 20.0,
    min_percent: Annotated[float, param("Fails with full severity if less is free.", unit="%", ge=0, le=100)] = 10.0,
) -> Outcome:
    """Jobs stop when their repository is full, and the oldest restore points can no longer be merged."""
    free, required = states["free_percent"], max(warn_percent, min_percent)
    enough = free >= required
    bounded = ~surely(states["is_without_limit"] & one_of(states["type"], _WITHOUT_CAPACITY))
    return Outcome(
        enough,
        observed=worded(states.index, (free.notna(), [f"{share:.1f} % free" for share in free.fillna(0)])),
        expected=f"≥ {required:g} % free; below {min_percent:g} % it weighs in full",
        severity=worded(states.index, (~enough & (free >= min_percent), "medium")),
        applies=nullable(bounded, np.zeros(len(states), dtype=bool), states.index),
        reason=worded(
            states.index,
            (~bounded, "object storage without a limit has no capacity"),
            (free.isna(), "the server names no capacity above 0, or no free space"),
        ),
    )


@check(
    "REP-003",
    "The repository can be reached",
    severity="critical",
    table="repository_states",
    reads=("is_online",),
    json_path="isOnline",
    expected="online",
    failure="{is} offline",
    consequence="could stop backups and block restores",
    remediation="Backup Infrastructure > Backup Repositories > Rescan: then check host, network and credentials.",
    examples=(
        Example("PASS", {"is_online": True}),
        Example("FAIL", {"is_online": False}),
        Example("UNKNOWN", {"is_online": None}),
    ),
)
def repository_online(states: pd.DataFrame) -> Outcome:
    """Jobs cannot write to a repository that cannot be reached, and nothing can be restored from it."""
    online = states["is_online"]
    return Outcome(
        online,
        observed=worded(states.index, (online, "online"), (surely_not(online), "offline")),
        reason=worded(states.index, (online.isna(), "isOnline is not reported; available from 1.2-rev1 on")),
    )


@check(
    "REP-004",
    "The repository's components are up to date",
    severity="medium",
    table="repository_states",
    reads=("is_out_of_date",),
    json_path="isOutOfDate",
    expected="up to date",
    failure="{has} outdated components",
    consequence="could make backups fail",
    remediation="Main menu > Upgrade: select the server of the repository and apply the update.",
    examples=(
        Example("PASS", {"is_out_of_date": False}),
        Example("FAIL", {"is_out_of_date": True}),
        Example("UNKNOWN", {"is_out_of_date": None}),
    ),
)
def repository_up_to_date(states: pd.DataFrame) -> Outcome:
    """Outdated components lack security fixes, and jobs may fail after an update of the backup server."""
    old = states["is_out_of_date"]
    return Outcome(
        ~old,
        observed=worded(states.index, (old, "out of date"), (surely_not(old), "up to date")),
        reason=worded(states.index, (old.isna(), "isOutOfDate is not reported; available from 1.3-rev0 on")),
    )


@check(
    "REP-005",
    "The repository is neither on the backup server nor on a system drive",
    severity="medium",
    tables=("repositories", "managed_servers", "server_info", "backups", "jobs", "config_backup"),
    fallback=("server_info", "backups", "jobs", "config_backup"),
    reads=(
        "repository_id",
        *(f"{name}.repository_id" for name in ("backups", "jobs", "config_backup")),
        "server_info.name",
        "managed_servers.name",
        "path",
        "storage_class",
        "host_id",
        "managed_servers.managed_server_id",
        "managed_servers.is_backup_server",
    ),
    json_path="hostId",
    expected="on another server than the backup server, and not on drive C:",
    failure="{lies|lie} on the backup server or on a system drive",
    consequence="could be lost together with the server",
    remediation="Backup Infrastructure > Backup Repositories > Add: use another server, then move the backups there.",
    examples=(
        Example("PASS", {**_ON_DISK, "path": "D:\\Backup"}, {"managed_servers": [_OTHER_SERVER]}),
        Example("PASS", {**_ON_DISK, "path": "/mnt/backup"}, {"managed_servers": [_OTHER_SERVER]}),
        Example("FAIL", {**_ON_DISK, "path": "c:\\Backup"}, {"managed_servers": [_OTHER_SERVER]}),
        Example("FAIL", {**_ON_DISK, "path": "D:\\Backup"}, {"managed_servers": [_BACKUP_SERVER]}),
        Example("FAIL", {**_ON_DISK, "path": "C:\\Backup"}, severity="medium"),
        Example("FAIL", {**_ON_C, "repository_id": "r1"}, _IN_USE, severity="low"),
        Example("FAIL", {**_ON_C, "repository_id": "r2"}, _IN_USE, severity="medium"),
        Example("FAIL", {**_ON_C, "repository_id": "r3"}, _IN_USE, severity="medium"),
        Example("FAIL", {**_ON_C, "repository_id": "r4"}, _IN_USE, severity="medium"),
        Example("FAIL", {**_ON_C, "repository_id": "r1"}, {**_IN_USE, "backups": []}, severity="medium"),
        Example("FAIL", {**_ON_C, "repository_id": "r1"}, {**_IN_USE, "config_backup": []}, severity="medium"),
        Example(
            "FAIL",
            {**_ON_C, "repository_id": "r1"},
            {**_IN_USE, "backups": [{"repository_id": "r2"}, {"repository_id": None}]},
            severity="medium",
        ),
        Example("UNKNOWN", {**_ON_DISK, "path": "D:\\Backup"}),
        Example("UNKNOWN", {"host_id": _HOST, "path": "C:\\Backup"}, {"managed_servers": [_OTHER_SERVER]}),
        Example("NOT_APPLICABLE", {"storage_class": "object storage"}),
        Example("NOT_APPLICABLE", {"storage_class": "network share", "path": "\\\\nas\\Backup"}),
        Example(
            "FAIL",
            {"storage_class": "network share", "path": "\\\\vbr01\\Backup"},
            {"managed_servers": [{**_BACKUP_SERVER, "name": "vbr01.example"}]},
        ),
    ),
)
def apart_from_backup_server(
    repositories: pd.DataFrame,
    servers: pd.DataFrame,
    info: pd.DataFrame,
    backups: pd.DataFrame,
    jobs: pd.DataFrame,
    config_backup: pd.DataFrame,
) -> Outcome:
    """Backups on the server that creates them, or next to its operating system, are lost together with it.

    A network share of the backup server counts as its local disk. A repository that no backup, job or configuration
    backup uses, such as the default one from setup, fails with low severity.
    """
    own_share = on_backup_server(repositories, names_of_backup_server(info, servers))
    kind, path = repositories["storage_class"], repositories["path"]
    on_server = beside(repositories["host_id"], servers, "managed_server_id")["is_backup_server"]
    on_system_drive = path.str.match(r"[cC]:").astype("boolean")
    place = "in " + named(path, "path")
    local = (
        (kind == "local disk").mask((~one_of(kind, STORAGE_CLASSES)).fillna(True).astype(bool)).mask(own_share, True)
    )
    on_server = on_server.mask(own_share, True)
    apart = ~(on_server | on_system_drive)
    uses = [table["repository_id"] for table in (backups, config_backup, jobs)]
    all_known = all(len(places) and places.notna().all() for places in uses[:2])
    used = np.logical_or.reduce([repositories["repository_id"].isin(places.dropna()).to_numpy() for places in uses])
    return Outcome(
        apart,
        severity=worded(repositories.index, (surely_not(apart) & ~used & all_known, "low")),
        observed=worded(
            repositories.index,
            (on_server & on_system_drive, ("on the backup server, " + place).to_numpy(dtype=object)),
            (on_server, "on the backup server"),
            (on_system_drive, place.to_numpy(dtype=object)),
            (~on_server & path.notna(), ("on another server, " + place).to_numpy(dtype=object)),
            (path.notna(), place.to_numpy(dtype=object)),
        ),
        applies=local,
        reason=worded(
            repositories.index,
            (surely_not(local), "it does not lie on the disks of a server"),
            (local.isna(), "of this type of repository it is not known where it keeps its data"),
            (apart.notna(), pd.NA),
            (on_server.isna(), "whether its host is the backup server is not reported; available from 1.3-rev0 on"),
            (path.isna(), "its path is not reported"),
        ),
    )


@check(
    "REP-006",
    "The number of concurrent tasks is limited",
    severity="low",
    table="repositories",
    reads=("task_limit_enabled", "storage_class"),
    json_path="taskLimitEnabled",
    expected="limited",
    failure="{has} no limit of concurrent tasks",
    consequence="could be slowed down by too many tasks at once",
    remediation="Backup Repository > Edit > Repository > Limit maximum concurrent tasks to: set a number.",
    examples=(
        Example("PASS", {"task_limit_enabled": True}),
        Example("FAIL", {"task_limit_enabled": False, "storage_class": "local disk"}),
        Example("UNKNOWN", {"task_limit_enabled": None, "storage_class": "local disk"}),
        Example("UNKNOWN", {"task_limit_enabled": None}),
        Example("NOT_APPLICABLE", {"storage_class": "archive storage"}),
    ),
)
def tasks_limited(repositories: pd.DataFrame) -> Outcome:
    """Without a limit, all jobs may write at the same time: each of them is slow, and some do not finish in time."""
    limited = repositories["task_limit_enabled"]
    aside = surely(repositories["storage_class"] == "archive storage")
    return Outcome(
        limited,
        observed=worded(repositories.index, (limited, "limited"), (surely_not(limited), "unlimited")),
        applies=nullable(~aside, np.zeros(len(aside), dtype=bool), repositories.index),
        reason=worded(
            repositories.index,
            (aside, "archive storage has no such limit"),
            (limited.isna(), "the server does not report it of this repository"),
        ),
    )


@check(
    "REP-007",
    "Each machine has its own backup files",
    severity="low",
    table="repositories",
    reads=("per_machine_files_enabled", "storage_class"),
    json_path="repository.advancedSettings.perVmBackup",
    expected="per-machine backup files",
    failure="{does} not keep each machine in backup files of its own",
    consequence="could lose the backups of many machines with one damaged file",
    remediation="Backup Repository > Edit > Repository > Advanced > Use per-machine backup files: enable it.",
    examples=(
        Example("PASS", {"per_machine_files_enabled": True}),
        Example("FAIL", {"per_machine_files_enabled": False, "storage_class": "local disk"}),
        Example("UNKNOWN", {"per_machine_files_enabled": None, "storage_class": "local disk"}),
        Example("UNKNOWN", {"per_machine_files_enabled": None}),
        Example("NOT_APPLICABLE", {"storage_class": "object storage"}),
        Example("NOT_APPLICABLE", {"storage_class": "archive storage"}),
    ),
)
def per_machine_files(repositories: pd.DataFrame) -> Outcome:
    """One damaged file then affects the restore points of one machine, not those of all machines of the job."""
    single, kind = repositories["per_machine_files_enabled"], repositories["storage_class"]
    aside = surely(one_of(kind, ("object storage", "archive storage")))
    return Outcome(
        single,
        observed=worded(
            repositories.index, (single, "per machine"), (surely_not(single), "one file for many machines")
        ),
        applies=nullable(~aside, np.zeros(len(aside), dtype=bool), repositories.index),
        reason=worded(
            repositories.index,
            (aside, "object storage has no such setting"),
            (single.isna(), "the server does not report it of this repository"),
        ),
    )
