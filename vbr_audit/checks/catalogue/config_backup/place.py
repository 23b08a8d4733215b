"""Checks of where the backup of the server's own configuration lies."""

from __future__ import annotations

from typing import Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.machine_names import SHARE, names_of_backup_server, on_backup_server
from vbr_audit.checks.logic.three_valued import beside, one_of, surely, surely_not, worded
from vbr_audit.datasets.repositories import STORAGE_CLASSES
from vbr_audit.tables.build.arrays import are_missing

_MENU: Final = "Main menu > Configuration Backup"
_TO: Final = [{"repository_id": "repository-1"}]
_ON_HOST: Final = {"repository_id": "repository-1", "host_id": "host-1", "storage_class": "local disk"}
_ON_SHARE: Final = {"repository_id": "repository-1", "storage_class": "network share", "path": "\\\\nas\\Config"}
_IN_BUCKET: Final = {"repository_id": "repository-1", "storage_class": "object storage"}


@check(
    "CFG-004",
    "The configuration backup is stored on a different machine than the backup server",
    severity="high",
    tables=("servers", "config_backup", "repositories", "managed_servers", "server_info"),
    fallback=("server_info",),
    reads=(
        "server_info.name",
        "repositories.path",
        "managed_servers.name",
        "config_backup.repository_id",
        "server",
        "config_backup.server",
        "repositories.repository_id",
        "repositories.host_id",
        "repositories.storage_class",
        "managed_servers.managed_server_id",
        "managed_servers.is_backup_server",
    ),
    json_path="backupRepositoryId",
    expected="on another machine",
    failure="{keeps|keep} {its} configuration backup on {its} own disks",
    consequence="could be lost together with {its} configuration backup",
    remediation=f"{_MENU} > Backup repository: choose one on another machine, at another site if possible.",
    examples=(
        Example("PASS", {}, {"config_backup": _TO, "repositories": [_ON_SHARE]}),
        Example(
            "PASS",
            {},
            {
                "config_backup": _TO,
                "repositories": [_ON_HOST],
                "managed_servers": [{"managed_server_id": "host-1", "is_backup_server": False}],
            },
        ),
        Example(
            "FAIL",
            {},
            {
                "config_backup": _TO,
                "repositories": [_ON_HOST],
                "managed_servers": [{"managed_server_id": "host-1", "is_backup_server": True}],
            },
        ),
        Example(
            "FAIL",
            {},
            {
                "config_backup": _TO,
                "repositories": [{**_ON_SHARE, "path": "\\\\vbr01\\Config"}],
                "server_info": [{"name": "VBR01.example"}],
            },
        ),
        Example("UNKNOWN", {}, {"config_backup": _TO, "repositories": [_ON_HOST]}),
        Example("UNKNOWN", {}, {"config_backup": _TO, "repositories": [{**_ON_SHARE, "path": None}]}),
        Example("UNKNOWN", {}, {"config_backup": _TO, "repositories": [{**_ON_SHARE, "storage_class": "attic"}]}),
        Example("UNKNOWN", {}, {"config_backup": _TO}),
        Example("UNKNOWN", {}),
    ),
)
def config_backup_elsewhere(
    servers: pd.DataFrame,
    config_backup: pd.DataFrame,
    repositories: pd.DataFrame,
    managed: pd.DataFrame,
    info: pd.DataFrame,
) -> Outcome:
    """It is needed when the backup server is lost; on the server's own disks it is lost too.

    A share that the backup server itself provides is on its own disks.
    """
    own_share = on_backup_server(repositories, names_of_backup_server(info, managed))
    repositories = repositories.assign(own_share=pd.array(own_share, dtype="boolean"))
    target = beside(beside(servers["server"], config_backup, "server")["repository_id"], repositories, "repository_id")
    on_server = beside(target["host_id"], managed, "managed_server_id")["is_backup_server"]
    on_server = on_server.mask(surely(target["own_share"]), True)
    kind = target["storage_class"]
    known = surely(one_of(kind, STORAGE_CLASSES))
    elsewhere = (kind != "local disk").where(known) & ~target["own_share"]
    # Only its path shows whose share it is.
    elsewhere = elsewhere.mask(surely(kind == SHARE) & are_missing(target["path"]))
    ok = elsewhere | (~on_server).where(known)
    return Outcome(
        ok,
        observed=worded(
            servers.index,
            (elsewhere, kind),
            (target["own_share"], "on a share of the backup server"),
            (on_server, "on the backup server"),
            (~on_server, "on another machine"),
        ),
        reason=worded(
            servers.index,
            (ok.notna(), pd.NA),
            (~known, "its repository, or where that keeps its data, is not known"),
            (surely(kind == SHARE), "which machine offers its share is not reported"),
            default="whether the repository's host is the backup server is not reported; available from 1.3-rev0 on",
        ),
    )


@check(
    "CFG-006",
    "The configuration backup is stored on immutable object storage",
    severity="low",
    tables=("servers", "config_backup", "repositories"),
    reads=(
        "repositories.immutability_enabled",
        "repositories.storage_class",
        "repositories.repository_id",
        "config_backup.repository_id",
        "config_backup.server",
        "server",
    ),
    json_path="backupRepositoryId",
    expected="on immutable object storage",
    failure="{keeps|keep} {its} configuration backup outside of immutable object storage",
    consequence="could lose {its} configuration backup to an attacker",
    remediation=f"{_MENU} > Backup repository: choose object storage with immutability.",
    examples=(
        Example("PASS", {}, {"config_backup": _TO, "repositories": [{**_IN_BUCKET, "immutability_enabled": True}]}),
        Example("FAIL", {}, {"config_backup": _TO, "repositories": [{**_IN_BUCKET, "immutability_enabled": False}]}),
        Example("FAIL", {}, {"config_backup": _TO, "repositories": [{**_ON_HOST, "immutability_enabled": True}]}),
        Example("UNKNOWN", {}, {"config_backup": _TO, "repositories": [_IN_BUCKET]}),
        Example("UNKNOWN", {}, {"config_backup": _TO}),
        Example("UNKNOWN", {}),
    ),
)
def config_backup_immutable(servers: pd.DataFrame, config_backup: pd.DataFrame, repositories: pd.DataFrame) -> Outcome:
    """An attacker deletes the backup that can restore the backup server, unless it is immutable.

    Object storage is the only target where a configuration backup is immutable: on a hardened repository it is not.
    """
    target = beside(servers["server"], config_backup, "server")["repository_id"]
    targets = beside(target, repositories, "repository_id")
    kind = targets["storage_class"]
    can_lock = (kind == "object storage").where(surely(one_of(kind, STORAGE_CLASSES)))
    immutable = targets["immutability_enabled"] & can_lock
    return Outcome(
        immutable,
        observed=worded(
            servers.index,
            (immutable, "immutable"),
            (surely_not(can_lock), "can be deleted: no configuration backup is locked on " + kind),
            (~immutable, "can be changed and deleted"),
        ),
        reason=worded(
            servers.index,
            (immutable.notna(), pd.NA),
            (target.isna(), "the server does not report where it goes"),
            default="whether its repository is immutable is not known",
        ),
    )
