"""Jobs and policies of agents on physical machines, cluster nodes and laptops."""

from vbr_audit.simulator.documents.context import Context, Json
from vbr_audit.simulator.documents.parts import (
    chain_part,
    long_term_part,
    notification_part,
    retention_part,
    script_part,
    storage_part,
)
from vbr_audit.simulator.documents.timing import daily_part, schedule_part

_STEMS = {"WorkstationPolicy": "nb-", "ServerPolicy": "dmz-", "FailoverCluster": "sqlc-"}
_MONITORED = {"isEnabled": False, "quantity": 3, "type": "Days"}


def _computers(context: Context) -> list[Json]:
    plan = context.plan
    windows = "Windows" in plan.type
    group = context.other_id("protection group", plan.name)
    stem = next((stem for part, stem in _STEMS.items() if part in plan.type), "") + ("win" if windows else "lnx")
    return [
        {
            "platform": "Agent",
            "size": f"{80 + 7 * number} GB",
            "id": context.other_id("computer", f"{plan.name}/{number}"),
            "name": f"{stem}-{number:03d}.hansa.example",
            "type": "WindowsComputer" if windows else "LinuxComputer",
            "path": plan.name,
            "protectionGroupId": group,
        }
        for number in range(1, plan.members + 1)
    ]


def _selection(context: Context) -> Json:
    windows = "Windows" in context.plan.type
    volumes: Json = {"volumeObject": [{"type": "OS"} if windows else {"path": "/", "type": "MountPoint"}]}
    if windows:
        volumes["volumesBackupMode"] = "SelectedVolumes"
    return {
        "computers": _computers(context),
        "backupMode": "EntireComputer",
        "includeUsbDrives" if windows else "useSnapshotlessFileLevelBackup": False,
        "volumes": volumes,
        "files": {"customFiles": [], "advancedSettings": {"includeMasks": [], "excludeMasks": []}},
    }


def _guests(context: Context) -> Json:
    plan = context.plan
    windows = "Windows" in plan.type
    choice: Json = (
        {"isProcessingEnabled": True, "transactionLogs": "Process", "sql": {"logsProcessing": "Truncate"}}
        if windows
        else {"vss": "RequireSuccess"}
    )
    settings = [{"machineObject": computer, **choice} for computer in _computers(context)[:1]]
    return {
        "appAwareProcessing": {
            "isEnabled": plan.app_aware,
            "appSettings": settings if plan.app_aware else [],
        },
        "guestFSIndexing": {"isEnabled": plan.indexing, "indexingSettings": []},
    }


def _advanced(context: Context) -> Json:
    plan = context.plan
    return {
        **chain_part(plan),
        "storageData": {
            "compressionLevel": "Optimal",
            "storageOptimization": "1MB",
            "encryption": storage_part(context)["encryption"],
        },
        "notifications": notification_part(plan) | {"backupMonitoring": dict(_MONITORED)},
    }


def agent_job(context: Context) -> Json:
    """A job that the backup server runs on the machines."""
    plan = context.plan
    proxies = {"autoSelectEnabled": True, "proxyIds": []}
    snapshots = {"isEnabled": False, "offHostBackupProxies": proxies, "failoverToOnHostAgent": True}
    cluster = plan.type == "WindowsAgentBackupFailoverCluster"
    return (
        context.head()
        | _selection(context)
        | {
            "agentType": "FailoverCluster" if cluster else "Server",
            "storage": {
                "backupRepositoryId": context.repository_id,
                "retentionPolicy": retention_part(plan),
                "gfsPolicy": long_term_part(plan),
                "advancedSettings": _advanced(context) | {"storageIntegration": snapshots, "scripts": script_part()},
            },
            "guestProcessing": _guests(context),
            "schedule": schedule_part(plan),
        }
    )


def agent_policy(context: Context) -> Json:
    """A policy that the agents follow by themselves; on workstations it knows no retry."""
    plan = context.plan
    health = {"isFullHealthCheckEnabled": False}
    advanced = _advanced(context)
    whole = advanced["backupHealth"]
    if isinstance(whole, dict):
        advanced["backupHealth"] = whole | health
    return (
        context.head(prioritised=False)
        | _selection(context)
        | {
            "storage": {
                "destination": {
                    "destinationType": "BackupRepository",
                    "backupServerName": "vbr01.hansa.example",
                    "backupRepositoryId": context.repository_id,
                    "backupCache": {"isEnabled": False},
                },
                "retentionPolicy": retention_part(plan),
                "gfsPolicy": long_term_part(plan),
                "advancedSettings": advanced,
            },
            "guestProcessing": _guests(context),
            "schedule": _policy_schedule(context),
        }
    )


def _policy_schedule(context: Context) -> Json:
    plan = context.plan
    if "Workstation" not in plan.type:
        return schedule_part(plan)
    short: Json = {"runAutomatically": plan.automatic, "daily": daily_part(plan)}
    if "Windows" in plan.type:
        short |= {
            "powerOffAction": "BackupAtPowerOn",
            "postBackupAction": "KeepRunning",
            "atEvents": {"backupAtLock": False, "backupAtLogoff": False, "backupAtStorageAttach": False},
        }
    return short
