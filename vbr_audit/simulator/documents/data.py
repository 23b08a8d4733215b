"""Jobs for data that is no machine: files, buckets, Entra ID, databases; and the scan of restore points."""

from vbr_audit.simulator.documents.context import Context, Json
from vbr_audit.simulator.documents.parts import long_term_part, notification_part, retention_part, script_part
from vbr_audit.simulator.documents.timing import health_part, schedule_part
from vbr_audit.simulator.identity import ZERO


def unstructured(context: Context) -> Json:
    """A backup of file shares or of object storage."""
    plan = context.plan
    files = plan.type == "FileBackup"
    versions = "fileVersions" if files else "objectVersions"
    advanced: Json = {
        versions: {
            "versionRetentionType": "None",
            "activeVersionRetention": 10,
            "deletedVersionRetention": 10,
        },
        "storageData": {"compressionLevel": "Optimal", "encryption": context.encryption()},
        "backupHealth": health_part(plan),
        "scripts": script_part(),
        "notifications": notification_part(plan) | {"triggerIssueJobWarning": True},
    }
    if files:
        advanced["aclHandling"] = {"backupMode": "FoldersOnly"}
    archived = plan.source == "archive"
    return context.head() | {
        "objects": _shares(context) if files else _buckets(context),
        "backupRepository": {
            "backupRepositoryId": context.repository_id,
            "retentionPolicy": retention_part(plan),
            "gfsPolicy": long_term_part(plan),
            "advancedSettings": advanced,
        },
        "archiveRepository": {
            "archiveRepositoryId": context.repository_id_of("archive") if archived else ZERO,
            "archiveRecentFileVersions": archived,
            "archivePreviousFileVersions": archived,
            "archiveRetentionPolicy": {"type": "Years", "quantity": 3},
        },
        "secondaryTargets": [],
        "schedule": schedule_part(plan),
    }


def _shares(context: Context) -> list[Json]:
    server = context.other_id("file server", context.plan.name)
    return [
        {
            "fileServerId": server,
            "path": f"\\\\nas01\\share{number}",
            "inclusionMask": [],
            "exclusionMask": ["*.tmp"],
        }
        for number in range(1, context.plan.members + 1)
    ]


def _buckets(context: Context) -> list[Json]:
    server = context.other_id("object storage", context.plan.name)
    return [
        {"objectStorageServerId": server, "container": f"media-{number}", "path": "", "exclusionPathMask": []}
        for number in range(1, context.plan.members + 1)
    ]


def entra_tenant(context: Context) -> Json:
    """A backup of an Entra ID tenant; it names no repository."""
    plan = context.plan
    return context.head(prioritised=False) | {
        "storage": {
            "tenantId": context.other_id("tenant"),
            "retentionPolicy": retention_part(plan),
            "advancedSettings": {
                "notifications": notification_part(plan),
                "encryption": context.encryption(),
            },
        },
        "schedule": schedule_part(plan),
    }


def entra_audit_log(context: Context) -> Json:
    """A backup of the audit and sign-in logs of an Entra ID tenant."""
    plan = context.plan
    return context.head() | {
        "tenant": {"tenantId": context.other_id("tenant")},
        "storage": {
            "backupRepositoryId": context.repository_id,
            "retentionPolicy": retention_part(plan),
            "advancedSettings": {
                "storageData": {"compressionLevel": "Optimal", "encryption": context.encryption()},
                "backupHealth": health_part(plan),
                "scripts": script_part(),
                "notifications": notification_part(plan),
            },
        },
        "secondaryTargets": [],
        "schedule": schedule_part(plan),
    }


def content_scan(context: Context) -> Json:
    """A scan of restore points for malware; it writes nothing and retries nothing."""
    plan = context.plan
    calendar = schedule_part(plan)
    del calendar["retry"], calendar["backupWindow"]
    return context.head(prioritised=False) | {
        "linkedJobs": {
            "includes": [{"id": context.job_id_of(name), "name": name} for name in context.sources()],
            "excludes": [],
            "maxConcurrentMachinesCount": 3,
            "processRandomMachines": False,
        },
        "unstructuredLinkedJobs": {"includes": []},
        "verificationOptions": {
            "malwareScanEnabled": True,
            "yaraScanEnabled": False,
            "entireImageScanEnabled": False,
            "diskContentValidationEnabled": True,
            "notifications": notification_part(plan),
        },
        "schedule": calendar | {"waitForLinkedJobs": False, "waitTimeMinutes": 180},
    }


def iris(context: Context) -> Json:
    """A backup of InterSystems IRIS databases, a small document."""
    plan = context.plan
    return context.head() | {
        "sources": [{"id": context.other_id("iris", str(n)), "name": f"IRIS{n}"} for n in range(plan.members)],
        "storage": {"backupRepositoryId": context.repository_id, "retentionPolicy": retention_part(plan)},
        "schedule": schedule_part(plan),
    }
