"""Jobs for virtual machines: vSphere, Hyper-V, Cloud Director, and replication."""

from vbr_audit.simulator.documents.context import Context, Json
from vbr_audit.simulator.documents.parts import (
    chain_part,
    guest_part,
    long_term_part,
    machines,
    notification_part,
    retention_part,
    script_part,
    storage_part,
)
from vbr_audit.simulator.documents.timing import schedule_part


def _snapshots() -> Json:
    return {
        "isEnabled": True,
        "processedVmsLimitEnabled": False,
        "processedVmsCount": 10,
        "failoverToStandardBackup": False,
    }


def _changed_blocks() -> Json:
    return {
        "enableVMWareToolsQuiescence": False,
        "changedBlockTracking": {
            "isEnabled": True,
            "enableCBTautomatically": True,
            "resetCBTonActiveFull": True,
        },
    }


def _included(context: Context) -> Json:
    return {"includes": machines(context), "excludes": {"vms": [], "disks": []}}


def vsphere(context: Context) -> Json:
    """A backup of vSphere or Cloud Director machines: the same tree for both."""
    plan = context.plan
    selection = _included(context)
    selection["excludes"] = {
        "vms": [],
        "disks": [],
        "templates": {"isEnabled": True, "excludeFromIncremental": True},
    }
    attribute = {"isEnabled": False, "notes": "Backup", "appendToExistingValue": True}
    return context.head() | {
        "virtualMachines": selection,
        "storage": {
            "backupRepositoryId": context.repository_id,
            "backupProxies": {"autoSelectEnabled": True, "proxyIds": []},
            "retentionPolicy": retention_part(plan),
            "gfsPolicy": long_term_part(plan),
            "advancedSettings": {
                "backupModeType": "Incremental",
                **chain_part(plan),
                "storageData": storage_part(context),
                "notifications": notification_part(plan) | {"vmAttribute": attribute},
                "vSphere": _changed_blocks(),
                "storageIntegration": _snapshots(),
                "scripts": script_part(),
            },
        },
        "guestProcessing": guest_part(context),
        "schedule": schedule_part(plan),
    }


def hyper_v(context: Context) -> Json:
    """A backup of Hyper-V machines."""
    plan = context.plan
    return context.head() | {
        "virtualMachines": _included(context),
        "storage": {
            "backupRepositoryId": context.repository_id,
            "backupProxies": {
                "proxyType": "OffHost",
                "offHostSettings": {
                    "autoSelectEnabled": True,
                    "failoverToOnHostBackup": True,
                    "proxyIds": [],
                },
            },
            "retentionPolicy": retention_part(plan),
            "gfsPolicy": long_term_part(plan),
            "advancedSettings": {
                "backupModeType": "Incremental",
                **chain_part(plan),
                "storageData": storage_part(context),
                "notifications": notification_part(plan),
                "hyperV": {
                    "guestQuiescence": {"isEnabled": False, "crashConsistentBackup": False},
                    "changedBlockTracking": True,
                    "volumeSnapshots": True,
                },
                "scripts": script_part(),
            },
        },
        "guestProcessing": guest_part(context),
        "schedule": schedule_part(plan),
    }


def _destination() -> Json:
    host = {
        "platform": "VSphere",
        "size": "N/A",
        "hostName": "vcenter02.hansa.example",
        "name": "esx-dr01.hansa.example",
        "type": "Host",
        "objectId": "host-1008",
        "urn": "vc:vcenter02.hansa.example/host-1008",
    }
    return {
        "host": host,
        "resourcePool": host | {"type": "ResourcePool", "name": "Replicas", "objectId": "resgroup-24"},
        "folder": host | {"type": "Folder", "name": "Replicas", "objectId": "group-v102"},
        "datastore": host | {"type": "Datastore", "name": "dr-ssd-01", "objectId": "datastore-46"},
        "mappingRules": [],
    }


def replica(context: Context) -> Json:
    """A replication of vSphere machines; it keeps restore points, and no long-term ones."""
    plan = context.plan
    proxies = {"autoSelectEnabled": True, "proxyIds": []}
    return context.head() | {
        "virtualMachines": _included(context),
        "destination": _destination(),
        "network": [],
        "reIp": {"rules": []},
        "jobSettings": {
            "metadataRepositoryId": context.repository_id,
            "replicaNameSuffix": "_replica",
            "restorePointsToKeep": plan.retention[1],
            "advancedSettings": {
                "traffic": {
                    "compressionLevel": "Optimal",
                    "storageOptimization": "512KB",
                    "excludeSwapFileBlocks": True,
                    "excludeDeletedFileBlocks": True,
                },
                "notifications": notification_part(plan),
                "vSphere": _changed_blocks(),
                "integration": _snapshots(),
                "scripts": script_part(),
            },
        },
        "dataTransfer": {
            "sourceProxies": proxies,
            "targetProxies": proxies,
            "wanAcceleratorSettings": {"transferMode": "Direct"},
        },
        "seeding": {
            "initialSeeding": {"isEnabled": False},
            "replicaMapping": {"isEnabled": False, "mappingRules": []},
        },
        "guestProcessing": guest_part(context, indexed=False),
        "schedule": schedule_part(plan),
    }
