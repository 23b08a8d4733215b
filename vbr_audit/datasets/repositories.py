"""The datasets `repositories` and `repository_states`, and how backups on them are kept from being changed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.arrays import strings_of
from vbr_audit.tables.build.enums import RENAMED_REPOSITORY_TYPES, REPOSITORY_TYPES
from vbr_audit.tables.build.fields import Field, Table, flag, ident, joined, own_id, real, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind, Sheet

_CLASSES: Final = {
    **dict.fromkeys(("WinLocal", "LinuxLocal", "LinuxHardened"), "local disk"),
    **dict.fromkeys(("Smb", "Nfs"), "network share"),
    **dict.fromkeys(
        ("DellDataDomain", "ExaGrid", "HPEStoreOnce", "HPStoreOnce", "QuantumDXi", "Infinidat", "Fujitsu"), "appliance"
    ),
    **dict.fromkeys(("AzureDataBox", "AmazonSnowballEdge"), "transfer device"),
    **dict.fromkeys(
        ("AmazonS3Glacier", "AzureArchive", "S3GlacierCompatible", "VeeamDataCloudVaultArchive"), "archive storage"
    ),
    **dict.fromkeys(
        ("AmazonS3", "S3Compatible", "IBMCloud", "WasabiCloud", "GoogleCloud", "AzureBlob", "S3Integrated"),
        "object storage",
    ),
    **dict.fromkeys(("VeeamDataCloudVault", "VeeamVault", "ElevenElevenS3"), "object storage"),
}
STORAGE_CLASSES: Final = tuple(dict.fromkeys(_CLASSES.values()))
"""Where a repository keeps its data, as far as its type tells."""


def _complete(arrays: dict[str, Any]) -> None:
    classes = [_CLASSES.get(kind, pd.NA) if isinstance(kind, str) else pd.NA for kind in arrays["type"]]
    arrays["storage_class"] = strings_of(classes)
    add_immutability(arrays)


def _type() -> Field:
    help = "The repository's type in its newest spelling."
    return word("type", help, "type", known=REPOSITORY_TYPES, renamed=RENAMED_REPOSITORY_TYPES)


# Whether a repository keeps its backups from being changed: one answer from the many shapes of the API.
#
# The kinds: `hardened` (days on a hardened Linux repository, on when above zero), `object storage` (a switch and days
# on the bucket or container), `archive` (a switch only), `appliance` (a switch and days under the repository, from
# 1.3-rev2 on), `governance` (of a plain Linux repository, from 1.3-rev2 on), `none` (this type of repository has
# none), `other` (a type that is not known here, with a switch all the same).

IMMUTABILITY_FIELDS: Final = (
    Field(
        "immutability_kind",
        "string",
        "How the repository can make backups immutable: hardened, object storage, archive, appliance, governance, "
        "other, none; NA for a type for which this is not known.",
        holds="kept",
    ),
    Field(
        "immutability_supported",
        "boolean",
        "Its type supports immutability; NA for a type for which this is not known.",
    ),
    Field(
        "immutability_enabled",
        "boolean",
        "Immutability is enabled. False for a type that does not support it; NA if the type should report it but "
        "does not, such as Microsoft and Google cloud storage before 1.3-rev0.",
    ),
    Field(
        "immutability_days",
        "Int64",
        "Number of days that backups are immutable; not reported by archive storage; NA if the days of the retention "
        "apply instead of its own.",
        unit="days",
    ),
    word(
        "immutability_mode",
        "Whether the days of the repository or those of the retention apply. From 1.3-rev0 on.",
        "bucket.immutability.immutabilityMode",
        "container.immutability.immutabilityMode",
        known=("RepositorySettings", "RetentionSettings"),
    ),
    whole(
        "hardened_days",
        "The immutability days of a hardened Linux repository.",
        "repository.makeRecentBackupsImmutableDays",
        unit="days",
    ),
    flag(
        "immutability_switch",
        "Immutability of object storage or of an appliance is enabled.",
        "bucket.immutability.isEnabled",
        "container.immutability.isEnabled",
        "repository.immutability.isEnabled",
    ),
    whole(
        "immutability_switch_days",
        "The immutability days of object storage or of an appliance.",
        "bucket.immutability.daysCount",
        "container.immutability.daysCount",
        "repository.immutability.daysCount",
        unit="days",
    ),
    flag(
        "archive_switch",
        "Immutability of archive storage is enabled.",
        "bucket.immutabilityEnabled",
        "container.immutabilityEnabled",
    ),
    flag(
        "governance_switch",
        "Governance mode of a plain Linux repository is enabled. From 1.3-rev2 on.",
        "repository.enableGovernanceMode",
    ),
    whole(
        "governance_days",
        "The retention days of governance mode. From 1.3-rev2 on.",
        "repository.governanceModeRetentionDays",
        unit="days",
    ),
)

_KINDS: Final = {
    **dict.fromkeys(("WinLocal", "Smb", "Nfs", "AzureDataBox", "AmazonSnowballEdge"), "none"),
    **dict.fromkeys(
        ("AmazonS3", "S3Compatible", "IBMCloud", "WasabiCloud", "GoogleCloud", "AzureBlob", "VeeamDataCloudVault"),
        "object storage",
    ),
    "S3Integrated": "object storage",
    **dict.fromkeys(("AmazonS3Glacier", "AzureArchive", "S3GlacierCompatible"), "archive"),
    **dict.fromkeys(("DellDataDomain", "HPEStoreOnce"), "appliance"),
    "LinuxHardened": "hardened",
    "LinuxLocal": "governance",
}
_PLACES: Final = {
    "hardened": (None, "hardened_days"),
    "object storage": ("immutability_switch", "immutability_switch_days"),
    "appliance": ("immutability_switch", "immutability_switch_days"),
    "other": ("immutability_switch", "immutability_switch_days"),
    "archive": ("archive_switch", None),
    "governance": ("governance_switch", "governance_days"),
    "none": (None, None),
}

_SHOWN_BY: Final = (
    ("hardened", "hardened_days"),
    ("other", "immutability_switch"),
    ("archive", "archive_switch"),
)


def add_immutability(arrays: dict[str, Any]) -> None:
    """Fill the computed columns of `IMMUTABILITY_FIELDS` from `type` and from the columns of the single shapes."""
    kinds = _kinds(arrays)
    enabled, days = [], []
    for row, kind in enumerate(kinds):
        switch, count = (None, None) if kind is None else _PLACES[kind]
        day = pd.NA if count is None else arrays[count][row]
        days.append(day if _own_days(kind, arrays["immutability_mode"][row]) else pd.NA)
        if kind == "hardened":
            enabled.append(pd.NA if day is pd.NA else bool(day > 0))
        else:
            enabled.append(False if kind == "none" else pd.NA if switch is None else arrays[switch][row])
    arrays["immutability_kind"] = strings_of([pd.NA if kind is None else kind for kind in kinds])
    supported = [pd.NA if kind is None else kind != "none" for kind in kinds]
    arrays["immutability_supported"] = pd.array(supported, dtype="boolean")
    arrays["immutability_enabled"] = pd.array(enabled, dtype="boolean")
    arrays["immutability_days"] = pd.array(days, dtype="Int64")


def _own_days(kind: str | None, mode: Any) -> bool:
    """Whether the days that a repository names hold; before 1.3-rev0 there is no mode, and they do."""
    return kind not in ("object storage", "other") or mode is pd.NA or mode == "RepositorySettings"


def _kinds(arrays: dict[str, Any]) -> list[str | None]:
    """The kind of each row. A plain Linux repository has one only if this server reports it at all."""
    known = {name: ~arrays[name].isna() for name in ("hardened_days", "immutability_switch", "archive_switch")}
    plain_linux = "governance" if (~arrays["governance_switch"].isna()).any() else "none"
    kinds = []
    for row, row_type in enumerate(arrays["type"]):
        kind = _KINDS.get(row_type) if isinstance(row_type, str) else None
        if kind is None:
            shown_kinds = (kind for kind, name in _SHOWN_BY if known[name][row])
            kind = next(shown_kinds, None)
        kinds.append(plain_linux if kind == "governance" else kind)
    return kinds


REPOSITORIES: Final = Table(
    "repositories",
    "One row per backup repository with its settings, as of the collection (`/backupInfrastructure/repositories`).",
    (
        own_id("repository_id", "The repository's id.", "id"),
        text("name", "The repository's name.", "name", holds="repository"),
        text("description", "The repository's description.", "description", holds="prose"),
        _type(),
        Field(
            "storage_class",
            "string",
            "The storage class of its type: local disk, network share, appliance, object storage, archive storage, "
            "transfer device; NA for a type for which this is not known.",
            holds="kept",
        ),
        ident("host_id", "The id of the managed server whose disks store it; NA if there is no such server.", "hostId"),
        text("path", "The repository's folder or share.", "repository.path", "share.sharePath", holds="path"),
        text(
            "bucket",
            "The repository's bucket or container.",
            "bucket.bucketName",
            "container.containerName",
            holds="bucket",
        ),
        *IMMUTABILITY_FIELDS,
        flag(
            "task_limit_enabled",
            "The number of concurrent tasks is limited; archive storage has no such limit.",
            "taskLimitEnabled",
            "repository.taskLimitEnabled",
            "enableTaskLimit",
            "repository.enableTaskLimit",
        ),
        whole(
            "max_tasks", "Maximum number of concurrent tasks.", "maxTaskCount", "repository.maxTaskCount", unit="tasks"
        ),
        flag(
            "per_machine_files_enabled",
            "Each machine has its own backup files; not reported for object storage.",
            "repository.advancedSettings.perVmBackup",
        ),
        flag("rotated_drives", "The repository uses rotated drives.", "repository.advancedSettings.rotatedDrives"),
        flag("fast_clone_enabled", "Fast clone is used on XFS.", "repository.useFastCloningOnXFSVolumes"),
        flag(
            "consumption_limit_enabled",
            "The space that the repository may use is limited.",
            "bucket.storageConsumptionLimit.isEnabled",
            "container.storageConsumptionLimit.isEnabled",
        ),
        ident(
            "credentials_id",
            "The id of the credentials for the repository.",
            "share.credentialsId",
            "account.credentialsId",
        ),
        joined(
            "gateway_ids",
            "Ids of the managed servers that are its gateways, joined by commas.",
            "share.gatewayServer.gatewayServerIds",
            "account.connectionSettings.gatewayServerIds",
            holds="ids",
        ),
        ident(
            "mount_server_id",
            "The id of the managed server that mounts its backups.",
            "mountServer.mountServerId",
            "mountServer.windows.mountServerId",
            "mountServer.linux.mountServerId",
        ),
    ),
    key=("repository_id",),
    also_known="uniqueId tag proxyAppliance importOptions dellDataDomain hpeStoreOnce mountServers",
    complete=_complete,
    kind=ObjectKind("repository", "repository_id", "name", nouns=("repository", "repositories")),
    sheet=Sheet(
        name="Repository settings",
        first=(
            "server",
            "name",
            "type",
            "storage_class",
            "immutability_kind",
            "immutability_enabled",
            "immutability_days",
            "path",
        ),
        rank=40,
    ),
)


def _add_free_percent(arrays: dict[str, Any]) -> None:
    """The share that is free; a capacity of 0 or -1 is what object storage sends for one that it does not know.

    What is free of such a one is sent as 0 or -1 too, and is as little known.
    """
    total, room = pd.Series(arrays["capacity_gb"]), pd.Series(arrays["free_gb"])
    without = (total <= 0).astype("boolean")
    arrays["is_without_limit"] = without.array
    arrays["capacity_gb"] = total.where(total > 0).array
    arrays["free_gb"] = room.where((room > 0) | ((room == 0) & ~without.fillna(False))).array
    capacity, free = pd.Series(arrays["capacity_gb"]), pd.Series(arrays["free_gb"])
    known = ((capacity > 0) & (free >= 0)).fillna(False).to_numpy(dtype=bool)
    share = np.zeros(len(capacity))
    share[known] = free[known].to_numpy(np.float64) / capacity[known].to_numpy(np.float64) * 100
    arrays["free_percent"] = pd.arrays.FloatingArray(share, ~(known & np.isfinite(share)))


STATES: Final = Table(
    "repository_states",
    "One row per repository with its space and state, as of the collection "
    "(`/backupInfrastructure/repositories/states`).",
    (
        own_id("repository_id", "The repository's id.", "id"),
        text("name", "The repository's name.", "name", holds="repository"),
        _type(),
        ident("host_id", "The id of the managed server that stores it or is its gateway.", "hostId"),
        text("host_name", "The name of that server.", "hostName", holds="host"),
        text("path", "The repository's folder, share or bucket.", "path", holds="path"),
        real(
            "capacity_gb",
            "The capacity; NA if the server sends 0 or less.",
            "capacityGB",
            unit="GB",
        ),
        Field("is_without_limit", "boolean", "The server sends 0 or less as the capacity, as for object storage."),
        real(
            "free_gb",
            "Free space; NA if the server sends less than 0, or 0 with a capacity of 0 or less.",
            "freeGB",
            unit="GB",
        ),
        Field("free_percent", "Float64", "Free share of the capacity; NA without a capacity above 0.", unit="%"),
        real("used_gb", "Space used by backups; may exceed the capacity.", "usedSpaceGB", unit="GB"),
        flag("is_online", "The repository can be reached. From 1.2-rev1 on.", "isOnline"),
        flag("is_out_of_date", "The repository's components are out of date. From 1.3-rev0 on.", "isOutOfDate"),
        ident(
            "scale_out_repository_id",
            "The id of the scale-out repository that it belongs to. From 1.3-rev0 on.",
            "scaleOutRepositoryDetails.scaleOutRepositoryId",
        ),
        text(
            "scale_out_repository",
            "The name of that scale-out repository. From 1.3-rev0 on.",
            "scaleOutRepositoryDetails.membership",
            holds="repository",
        ),
        word(
            "extent_type",
            "Its tier in the scale-out repository. From 1.3-rev0 on.",
            "scaleOutRepositoryDetails.extentType",
            known=("Performance", "Capacity", "Archive"),
        ),
    ),
    key=("repository_id",),
    also_known="description",
    complete=_add_free_percent,
    kind=ObjectKind("repository", "repository_id", "name", nouns=("repository", "repositories")),
    sheet=Sheet(first=("server", "name", "type", "capacity_gb", "used_gb", "free_gb", "free_percent")),
)

CARDS: Final = (
    Dataset(
        REPOSITORIES,
        "Repositories",
        "backupInfrastructure/repositories",
        access=roles.REPOSITORY_READERS,
        order="Name",
        sensitive=True,
    ),
    Dataset(
        STATES,
        "Repository states",
        "backupInfrastructure/repositories/states",
        access=roles.REPOSITORY_READERS,
        order="Name",
    ),
)
