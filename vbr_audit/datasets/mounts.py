"""The datasets of what stands open: instant recoveries, mounts for the restore of files, published disks."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.fields import Field, Table, counted, ident, moment, own_id, text, word
from vbr_audit.tables.build.schema import ObjectKind

_STATES: Final = ("Failed", "Mounting", "Mounted", "Dismounting")


def _recovery(job: str) -> tuple[Field, ...]:
    return (
        own_id("mount_id", "The mount's id.", "id"),
        text("name", "The recovered machine.", "vmName", holds="object"),
        ident("session_id", "The session that recovers it.", "sessionId"),
        word("state", "Mounted while it runs from the backup.", "state", known=_STATES),
        text("job_name", job, "jobName", holds="job"),
        moment("restore_point_created", "When its restore point was made. From 1.3-rev1 on.", "restorePointDate"),
        text("host_name", "The host that it runs on. From 1.3-rev1 on.", "hostName", holds="host"),
        text("result_message", "The server's words on what went wrong.", "errorMessage", holds="server text"),
    )


INSTANT_RECOVERIES: Final = Table(
    "instant_recoveries",
    "One row per machine that runs from a backup on VMware vSphere, as of the collection "
    "(`/restore/instantRecovery/vSphere/vm`, from 1.2-rev1 on).",
    _recovery("The job of the backup. From 1.3-rev1 on."),
    key=("mount_id",),
    also_known="spec",
    kind=ObjectKind("instant recovery", "mount_id", "name"),
)

HYPERV_INSTANT_RECOVERIES: Final = Table(
    "hyperv_instant_recoveries",
    "One row per machine that runs from a backup on Hyper-V, as of the collection "
    "(`/restore/instantRecovery/hyperV/vm`, from 1.3-rev1 on).",
    _recovery("The job of the backup."),
    key=("mount_id",),
    also_known="spec",
    kind=ObjectKind("instant recovery", "mount_id", "name"),
)

FILE_RESTORE_MOUNTS: Final = Table(
    "file_restore_mounts",
    "One row per restore point that is open for the restore of files, as of the collection "
    "(`/backupBrowser/flr`, from 1.2-rev1 on).",
    (
        own_id("session_id", "The session that holds it open; it is the mount's id.", "sessionId"),
        text("name", "The machine.", "sourceProperties.machineName", holds="object"),
        word("type", "Windows or Linux.", "type", known=("Windows", "Linux")),
        ident("restore_point_id", "The restore point. From 1.3-rev1 on.", "restorePointId"),
    ),
    key=("session_id",),
    also_known="properties mountErrors",
    kind=ObjectKind("file restore", "session_id", "name"),
)

PUBLISHED_DISKS: Final = Table(
    "published_disks",
    "One row per restore point whose disks are published to other software, as of the collection "
    "(`/dataIntegration`, from 1.2-rev1 on).",
    (
        own_id("mount_id", "The mount's id.", "id"),
        text("name", "The restore point, as a rule named by its machine.", "restorePointName", holds="object"),
        text("backup_name", "The backup.", "backupName", holds="job"),
        ident("backup_id", "The backup's id.", "backupId"),
        ident("restore_point_id", "The restore point's id.", "restorePointId"),
        text("initiated_by", "The account that published it.", "initiatorName", holds="user"),
        word(
            "state",
            "Mounted while its disks can be read.",
            "mountState",
            known=("Mounted", "MountFailed", "Mounting", "Unmounted", "UnmountFailed", "Unmounting"),
        ),
        word("mode", "Fuse or ISCSI.", "info.mode", known=("Fuse", "ISCSI")),
        counted("disks", "How many disks.", "info.disks", unit="disks"),
    ),
    key=("mount_id",),
    kind=ObjectKind("published disk", "mount_id", "name"),
)

CARDS: Final = (
    Dataset(
        INSTANT_RECOVERIES,
        "Instant recoveries on VMware",
        "restore/instantRecovery/vSphere/vm",
        access=roles.RECOVERY_READERS,
        first_revision="1.3-rev1",
        order="VmName",
        earlier=(
            Dataset(
                INSTANT_RECOVERIES,
                "Instant recoveries on VMware",
                "restore/instantRecovery/vSphere/vm",
                access=roles.RECOVERY_READERS,
                first_revision="1.2-rev1",
                order="name",
            ),
        ),
    ),
    Dataset(
        HYPERV_INSTANT_RECOVERIES,
        "Instant recoveries on Hyper-V",
        "restore/instantRecovery/hyperV/vm",
        access=roles.RECOVERY_READERS,
        first_revision="1.3-rev1",
        order="VmName",
    ),
    Dataset(
        FILE_RESTORE_MOUNTS,
        "Mounts for the restore of files",
        "backupBrowser/flr",
        access=roles.MOUNT_READERS,
        first_revision="1.2-rev1",
        key=("sessionId",),
        order="CreationTime",
    ),
    Dataset(
        PUBLISHED_DISKS,
        "Published disks",
        "dataIntegration",
        access=roles.MOUNT_READERS,
        first_revision="1.3-rev1",
        order="State",
        accounts=("initiatorName",),
        earlier=(
            Dataset(
                PUBLISHED_DISKS,
                "Published disks",
                "dataIntegration",
                access=roles.MOUNT_READERS,
                first_revision="1.2-rev1",
                order="state",
                accounts=("initiatorName",),
            ),
        ),
    ),
)
