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
        text("name", "The name of the recovered machine.", "vmName", holds="object"),
        ident("session_id", "The id of the recovery session.", "sessionId"),
        word("state", "The mount's state: Mounted while the machine runs from the backup.", "state", known=_STATES),
        text("job_name", job, "jobName", holds="job"),
        moment("restore_point_created", "When the restore point was created. From 1.3-rev1 on.", "restorePointDate"),
        text("host_name", "The host that the machine runs on. From 1.3-rev1 on.", "hostName", holds="host"),
        text("result_message", "The server's error message.", "errorMessage", holds="server text"),
    )


INSTANT_RECOVERIES: Final = Table(
    "instant_recoveries",
    "One row per machine that runs from a backup on VMware vSphere, as of the collection "
    "(`/restore/instantRecovery/vSphere/vm`, from 1.2-rev1 on).",
    _recovery("The job that created the backup. From 1.3-rev1 on."),
    key=("mount_id",),
    also_known="spec",
    kind=ObjectKind("instant recovery", "mount_id", "name", nouns=("instant recovery", "instant recoveries")),
)

HYPERV_INSTANT_RECOVERIES: Final = Table(
    "hyperv_instant_recoveries",
    "One row per machine that runs from a backup on Hyper-V, as of the collection "
    "(`/restore/instantRecovery/hyperV/vm`, from 1.3-rev1 on).",
    _recovery("The job that created the backup."),
    key=("mount_id",),
    also_known="spec",
    kind=ObjectKind("instant recovery", "mount_id", "name", nouns=("instant recovery", "instant recoveries")),
)

FILE_RESTORE_MOUNTS: Final = Table(
    "file_restore_mounts",
    "One row per restore point that is mounted for file restore, as of the collection "
    "(`/backupBrowser/flr`, from 1.2-rev1 on).",
    (
        own_id("session_id", "The id of the restore session, which is also the mount's id.", "sessionId"),
        text("name", "The machine's name.", "sourceProperties.machineName", holds="object"),
        word("type", "The type of file restore: Windows or Linux.", "type", known=("Windows", "Linux")),
        ident("restore_point_id", "The restore point's id. From 1.3-rev1 on.", "restorePointId"),
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
        text("name", "The restore point's name, usually that of its machine.", "restorePointName", holds="object"),
        text("backup_name", "The backup's name.", "backupName", holds="job"),
        ident("backup_id", "The backup's id.", "backupId"),
        ident("restore_point_id", "The restore point's id.", "restorePointId"),
        text("initiated_by", "The account that published the disks.", "initiatorName", holds="user"),
        word(
            "state",
            "The mount's state: Mounted while the disks can be read.",
            "mountState",
            known=("Mounted", "MountFailed", "Mounting", "Unmounted", "UnmountFailed", "Unmounting"),
        ),
        word("mode", "The mount mode: Fuse or ISCSI.", "info.mode", known=("Fuse", "ISCSI")),
        counted("disks", "Number of disks.", "info.disks", unit="disks"),
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
