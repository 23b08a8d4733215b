"""The tables `scale_out_repositories` and `scale_out_extents`, both from the rows of `/scaleOutRepositories`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.enums import ENCRYPTION_TYPES, listed
from vbr_audit.tables.build.fields import Table, counted, flag, ident, joined, own_id, text, whole, word
from vbr_audit.tables.build.paged import PagedTable
from vbr_audit.tables.build.schema import ObjectKind, OwnTable, Sheet, TableResult

REPOSITORIES: Final = Table(
    "scale_out_repositories",
    "One row per scale-out repository, as of the collection (`/backupInfrastructure/scaleOutRepositories`).",
    (
        own_id("scale_out_repository_id", "The scale-out repository's id.", "id"),
        text("name", "The scale-out repository's name.", "name", holds="repository"),
        text("description", "The scale-out repository's description.", "description", holds="prose"),
        flag(
            "per_machine_files_enabled",
            "Each machine has its own backup files.",
            "performanceTier.advancedSettings.perVmBackup",
        ),
        flag(
            "full_when_extent_offline",
            "A full backup is created if the extent of the backup chain cannot be reached.",
            "performanceTier.advancedSettings.fullWhenExtentOffline",
        ),
        counted(
            "performance_extents_count",
            "Number of performance extents.",
            "performanceTier.performanceExtents",
            unit="extents",
        ),
        word(
            "placement_policy",
            "The placement policy: DataLocality or Performance.",
            "placementPolicy.type",
            known=("DataLocality", "Performance"),
        ),
        flag("capacity_tier_enabled", "It has a capacity tier.", "capacityTier.isEnabled", "capacityTier.enabled"),
        counted("capacity_extents_count", "Number of capacity extents.", "capacityTier.extents", unit="extents"),
        flag(
            "capacity_copy_enabled",
            "Backups are copied to the capacity tier immediately.",
            "capacityTier.copyPolicyEnabled",
        ),
        flag(
            "capacity_move_enabled", "Older backups are moved to the capacity tier.", "capacityTier.movePolicyEnabled"
        ),
        whole(
            "operational_restore_days",
            "Backups older than this are moved to the capacity tier.",
            "capacityTier.operationalRestorePeriodDays",
            unit="days",
        ),
        flag("capacity_encryption_enabled", "The capacity tier is encrypted.", "capacityTier.encryption.isEnabled"),
        word(
            "capacity_encryption_type",
            "Encryption by a password or by a key management server. From 1.2-rev1 on.",
            "capacityTier.encryption.encryptionType",
            known=ENCRYPTION_TYPES,
        ),
        ident(
            "capacity_encryption_password_id",
            "The id of the encryption password of the capacity tier.",
            "capacityTier.encryption.encryptionPasswordId",
            "capacityTier.encryption.encryptionPasswordIdOrNull",
        ),
        ident(
            "capacity_kms_server_id",
            "The id of the key management server of the capacity tier.",
            "capacityTier.encryption.kmsServerId",
        ),
        flag(
            "capacity_health_check_enabled",
            "Health checks of the capacity tier are enabled. From 1.3-rev0 on.",
            "capacityTier.backupHealth.isEnabled",
        ),
        flag(
            "capacity_health_check_weekly_enabled",
            "The health check runs on days of the week.",
            "capacityTier.backupHealth.weekly.isEnabled",
        ),
        flag(
            "capacity_health_check_monthly_enabled",
            "The health check runs on a day of the month.",
            "capacityTier.backupHealth.monthly.isEnabled",
        ),
        flag("archive_tier_enabled", "It has an archive tier.", "archiveTier.isEnabled"),
        flag(
            "archive_copy_enabled",
            "Backups are copied to the archive tier. From 1.3-rev2 on.",
            "archiveTier.copyPolicyEnabled",
        ),
        ident("archive_repository_id", "The id of the repository of the archive tier.", "archiveTier.extentId"),
        whole(
            "archive_after_days", "Backups older than this are archived.", "archiveTier.archivePeriodDays", unit="days"
        ),
        flag(
            "archive_encryption_enabled",
            "The archive tier is encrypted. From 1.3-rev2 on.",
            "archiveTier.encryption.isEnabled",
        ),
    ),
    key=("scale_out_repository_id",),
    also_known="uniqueId tag",
    kind=ObjectKind(
        "scale-out repository",
        "scale_out_repository_id",
        "name",
        nouns=("scale-out repository", "scale-out repositories"),
    ),
    sheet=Sheet("Scale-out repositories"),
)

EXTENTS: Final = Table(
    "scale_out_extents",
    "One row per extent of a scale-out repository, for all tiers, including disabled ones.",
    (
        ident("scale_out_repository_id", "The scale-out repository's id.", "scaleOutRepositoryId"),
        text("scale_out_repository", "The scale-out repository's name.", "scaleOutRepository", holds="repository"),
        word(
            "tier",
            "The extent's tier: Performance, Capacity or Archive.",
            "tier",
            known=("Performance", "Capacity", "Archive"),
        ),
        ident("repository_id", "The id of the repository that is the extent.", "id"),
        text(
            "name",
            "The extent's name; for a capacity or archive extent, the name of the repository with its id.",
            "name",
            holds="repository",
        ),
        joined(
            "status",
            "Normal, or what prevents new backups on it, joined by commas; reported for performance extents only.",
            "status",
            known=listed("Normal Evacuate Pending Sealed Maintenance ResyncRequired TenantEvacuating"),
        ),
    ),
    key=("scale_out_repository_id", "tier", "repository_id"),
    kind=ObjectKind("extent", "repository_id", "name"),
    sheet=Sheet("Scale-out extents"),
)


class Extents:
    """Builds `scale_out_extents` of one server from rows of scale-out repositories."""

    def __init__(self, server: str, zone: dt.tzinfo | None = None) -> None:
        self._extents: PagedTable = EXTENTS.builder(server, zone)

    def add(self, rows: list[Any]) -> None:
        """Take the decoded rows of one page."""
        self._extents.add([extent for row in rows if type(row) is dict for extent in _extents_of(row)])

    def finish(self) -> TableResult:
        """The extents of all rows added, in their order, those of the performance tier first."""
        return self._extents.finish()


def named(extents: pd.DataFrame, repositories: pd.DataFrame) -> pd.DataFrame:
    """`extents` of one server, each without a name under that of its repository."""
    names = repositories.dropna(subset=["repository_id"]).drop_duplicates("repository_id").set_index("repository_id")
    return extents.assign(name=extents["name"].fillna(extents["repository_id"].map(names["name"]).astype(STRING)))


def _extents_of(row: dict[str, Any]) -> Iterator[Any]:
    """The extents of one scale-out repository; what stands for one and is no object is handed on, to be counted."""
    known = {"scaleOutRepositoryId": row.get("id"), "scaleOutRepository": row.get("name")}
    for tier, key, list_key in (
        ("Performance", "performanceTier", "performanceExtents"),
        ("Capacity", "capacityTier", "extents"),
    ):
        extents = _within(row, key, list_key)
        for extent in extents if type(extents) is list else [] if extents is None else [extents]:
            yield extent | known | {"tier": tier} if type(extent) is dict else extent
    single = [("Capacity", "capacityTier")] if _within(row, "capacityTier", "extents") is None else []
    for tier, key in (*single, ("Archive", "archiveTier")):
        extent = _within(row, key, "extentId")
        if extent is not None:
            yield {"id": extent, "tier": tier} | known


def _within(row: dict[str, Any], key: str, inner: str) -> Any:
    tier = row.get(key)
    return tier.get(inner) if type(tier) is dict else None


CARDS: Final = (
    Dataset(
        REPOSITORIES,
        "Scale-out repositories",
        "backupInfrastructure/scaleOutRepositories",
        order="Name",
        also=(OwnTable(EXTENTS.spec, Extents),),
    ),
)
