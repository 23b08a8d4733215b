"""Jobs that copy what other jobs have written."""

from vbr_audit.simulator.documents.context import Context, Json
from vbr_audit.simulator.documents.parts import (
    long_term_part,
    maintenance_part,
    notification_part,
    retention_part,
    script_part,
    storage_part,
)
from vbr_audit.simulator.documents.timing import health_part, open_hours, schedule_part


def backup_copy(context: Context) -> Json:
    """A copy of restore points, at once or by the clock."""
    plan = context.plan
    notes = notification_part(plan)
    watch = {"isEnabled": plan.mail, "type": "Days", "quantity": 1}
    return context.head(prioritised=False) | {
        "mode": plan.mode,
        "sourceObjects": {
            "includes": {
                "jobs": [{"id": context.job_id_of(name), "name": name} for name in context.sources()],
                "repositories": [],
                "backups": [],
            },
            "excludes": {"jobs": [], "objects": []},
            "enableTransactionLogCopy": False,
        },
        "target": {
            "backupRepositoryId": context.repository_id,
            "retentionPolicy": retention_part(plan),
            "gfsPolicy": long_term_part(plan) | {"readEntireRestorePoint": False},
            "advancedSettings": {
                "backupHealth": health_part(plan),
                "fullBackupMaintenance": maintenance_part(),
                "storageData": {
                    "compressionLevel": "Auto",
                    "encryption": storage_part(context)["encryption"],
                },
                "rpoMonitor": {
                    "newBackupThreshold": watch,
                    "newLogBackupThreshold": watch | {"isEnabled": False},
                },
                "notifications": notes,
                "scripts": script_part(),
                "useMostRecentRestorePoint": False,
            },
        },
        "dataTransfer": {"wanAcceleratorSettings": {"transferMode": "Direct"}},
        "schedule": _copy_schedule(context),
    }


def _copy_schedule(context: Context) -> Json:
    plan = context.plan
    if plan.mode == "Immediate":
        return {"type": "Immediate", "scheduleMode": "Continuous", "backupWindow": open_hours()}
    periodic = schedule_part(plan)
    del periodic["continuously"]
    return {"type": "Periodic", **periodic}


def file_copy(context: Context) -> Json:
    """A copy of an unstructured or Entra ID backup, with settings of its own or inherited ones."""
    plan = context.plan
    primary = context.sources()
    document = context.head(described=False, prioritised=False) | {
        "primaryJobId": context.job_id_of(primary[0] if primary else plan.name),
        "backupRepositoryId": context.repository_id,
        "useCustomRetention": plan.own_settings,
        "retentionPolicy": retention_part(plan),
        "useCustomEncryption": plan.own_settings,
        "encryption": context.encryption(),
        "schedule": {
            "type": "Continuous",
            "customWindow": {"isEnabled": False, "backupWindow": open_hours()},
        },
    }
    if plan.type == "FileBackupCopy":
        document["gfsPolicy"] = long_term_part(plan)
    return document
