"""The datasets `backups`, `backup_objects`, `restore_points` and `backup_files`: what the jobs have made."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset, Shape
from vbr_audit.tables.build.enums import (
    GFS_PERIODS,
    JOB_TYPES,
    PLATFORMS,
    RENAMED_JOB_TYPES,
    RENAMED_PLATFORMS,
    SEVERITIES,
)
from vbr_audit.tables.build.fields import Field, Table, counted, flag, ident, joined, moment, own_id, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind, Sheet
from vbr_audit.tables.jobs.copy_workers import HELP


def platform() -> Field:
    """The column of the platform of what is protected."""
    help = "The platform of the protected workload."
    return word("platform", help, "platformName", known=PLATFORMS, renamed=RENAMED_PLATFORMS)


BACKUPS: Final = Table(
    "backups",
    "One row per backup, a chain of restore points on a repository, as of the collection (`/backups`).",
    (
        own_id("backup_id", "The backup's id.", "id"),
        text("name", "The backup's name, usually the name of its job.", "name", holds="job"),
        ident(
            "job_id",
            "The id of the job that created the backup; for a worker, of its copy job; NA if the server reports none.",
            "jobId",
        ),
        Field("worker_id", "string", HELP, holds="id"),
        word(
            "job_type",
            "The type of that job in its newest spelling. From 1.3-rev0 on.",
            "jobType",
            known=JOB_TYPES,
            renamed=tuple(RENAMED_JOB_TYPES.items()),
        ),
        text("policy_unique_id", "The id of its retention policy.", "policyUniqueId", "policyTag", holds="id"),
        platform(),
        ident("platform_id", "The id of the platform.", "platformId"),
        moment("created", "When the backup was created.", "creationTime"),
        ident("repository_id", "The id of the repository that stores the backup.", "repositoryId"),
        text("repository_name", "The name of that repository. From 1.3-rev0 on.", "repositoryName", holds="repository"),
    ),
    key=("backup_id",),
    kind=ObjectKind("backup", "backup_id", "name"),
)

OBJECTS: Final = Table(
    "backup_objects",
    "One row per backup and object (machine, share, tenant), as of the collection (`/backupObjects`).",
    (
        own_id("backup_object_id", "The object's id; one object can be in several backups.", "id"),
        ident("backup_id", "The id of the backup that contains the object.", "backupId"),
        text("name", "The object's name.", "name", holds="object"),
        text("type", "The object's type, as the server wrote it.", "type", holds="word"),
        platform(),
        ident("platform_id", "The id of the platform.", "platformId"),
        text("object_id", "The object's id on its platform.", "objectId", "computerId", holds="id"),
        text("path", "The object's path in the inventory.", "path", holds="path"),
        whole(
            "restore_points_count",
            "Number of restore points of the object.",
            "restorePointsCount",
            unit="restore points",
        ),
        flag("last_run_failed", "The last run for the object failed. From 1.3-rev0 on.", "lastRunFailed"),
        word(
            "encryption_state",
            "Cloud machines only: whether the backup is encrypted.",
            "encryptionState",
            known=("Unencrypted", "Encrypted", "Decrypted"),
        ),
    ),
    key=("backup_object_id", "backup_id"),
    also_known="viType cloudDirectorType biosUuid protectionGroupIds owner size hvType hostId fileServerId",
)

RESTORE_POINTS: Final = Table(
    "restore_points",
    "One row per restore point, as of the collection (`/restorePoints`; in 1.1-rev0 `/objectRestorePoints`).",
    (
        own_id("restore_point_id", "The restore point's id.", "id"),
        text("name", "The object's name; there is no object id.", "name", holds="object"),
        ident("backup_id", "The id of its backup.", "backupId"),
        platform(),
        moment("created", "When it was created.", "creationTime"),
        word(
            "type",
            "The type of the restore point: Full, Increment…",
            "type",
            known=("Increment", "Full", "Rollback", "Snapshot", "Cdp", "Different"),
        ),
        ident("session_id", "The id of the session that created it.", "sessionId"),
        ident("backup_file_id", "The id of the backup file that contains it.", "backupFileId"),
        word(
            "malware_status",
            "The malware status of the restore point. From 1.2-rev1 on.",
            "malwareStatus",
            known=SEVERITIES,
        ),
        whole("original_bytes", "The size of the protected data. From 1.3-rev0 on.", "originalSize", unit="bytes"),
        word(
            "guest_os_family",
            "The guest operating system family. From 1.3-rev0 on.",
            "guestOsFamily",
            known=("Windows", "Linux", "Unknown", "Other"),
        ),
        joined(
            "gfs_periods",
            "GFS periods that it is kept for, joined by commas. From 1.3-rev2 on.",
            "gfsPeriods",
            known=GFS_PERIODS,
        ),
    ),
    key=("restore_point_id",),
    also_known="platformId allowedOperations snapshotType tag",
    sheet=Sheet(first=("server", "name", "created", "type", "malware_status")),
)

FILES: Final = Table(
    "backup_files",
    "One row per backup file, as of the collection (`/backups/{id}/backupFiles`, from 1.2-rev1 on).",
    (
        own_id("backup_file_id", "The file's id.", "id"),
        text("name", "The file's name.", "name", holds="file"),
        ident("backup_id", "The id of its backup.", "backupId"),
        joined(
            "object_ids",
            "Ids of the backup objects in the file, joined by commas.",
            "objectIds",
            "objectId",
            holds="ids",
        ),
        counted(
            "restore_points_count", "Number of restore points in the file.", "restorePointIds", unit="restore points"
        ),
        moment("created", "When it was created.", "creationTime"),
        whole("data_bytes", "The size of the data in the file.", "dataSize", unit="bytes"),
        whole("backup_bytes", "The size of the file.", "backupSize", unit="bytes"),
        whole("dedup_ratio", "The deduplication ratio, as the server reports it.", "dedupRatio"),
        whole("compress_ratio", "The compression ratio, as the server reports it.", "compressRatio"),
        joined(
            "gfs_periods",
            "GFS periods that it is kept for, joined by commas; None or empty if there are none.",
            "gfsPeriods",
            known=GFS_PERIODS,
        ),
    ),
    key=("backup_file_id",),
    also_known="severity",
    sheet=Sheet(details=True),
)

CARDS: Final = (
    Dataset(
        BACKUPS,
        "Backups",
        "backups",
        access=roles.READERS_AND_SECURITY,
        order="Name",
    ),
    Dataset(
        OBJECTS,
        "Backup objects",
        "backupObjects",
        access=roles.READERS_AND_SECURITY,
        first_revision="1.3-rev2",
        key=("id", "backupId"),
        order="Name",
        earlier=(
            Dataset(
                OBJECTS,
                "Backup objects",
                "backups/{id}/objects",
                Shape.EACH,
                roles.READERS_AND_SECURITY,
                key=("id", "backupId"),
                parent="backups",
                parent_key="backupId",
            ),
        ),
    ),
    Dataset(
        RESTORE_POINTS,
        "Restore points",
        "restorePoints",
        first_revision="1.1-rev1",
        order="CreationTime",
        earlier=(
            Dataset(
                RESTORE_POINTS,
                "Restore points",
                "objectRestorePoints",
                order="CreationTime",
            ),
        ),
    ),
    Dataset(
        FILES,
        "Backup files",
        "backups/{id}/backupFiles",
        Shape.EACH,
        first_revision="1.2-rev1",
        order="CreationTime",
        parent="backups",
        parent_key="backupId",
    ),
)
