"""What 1.3-rev2 shows of the server's own defence: malware detection, trust in hosts, its second node."""

from vbr_audit.simulator.holdings.world import World

Json = dict[str, object]


def malware_detection_settings(_: World, __: str) -> Json:
    """Malware detection is on; its events are mailed."""
    return {
        "encryptionDetectionSettings": {"inlineMalwareScanEnabled": True, "sensitivity": "Normal"},
        "fileDetectionSettings": {
            "guestIndexScanEnabled": True,
            "detectIndicatorsOfCompromise": True,
            "autoUpdateMalwareDefinitions": True,
        },
        "notificationSettings": {
            "sendSNMPNotifications": False,
            "sendEmailToRecipients": True,
            "recipients": "backup-team@hansa.example",
            "notificationType": "UseGlobalNotificationSettings",
        },
        "incidentAPISettings": {"quickBackupOnExternalEventEnabled": False},
        "signatureDetectionSettings": {
            "detectionEngine": "VeeamThreatHunter",
            "archivesScanEnabled": False,
            "autoSignatureBasedScanEnabled": True,
            "autoResolveEventAfterCleanScan": False,
        },
    }


def malware_exclusion_rows(world: World, _: str) -> list[Json]:
    """A path that is left out for a reason, and a machine that is left out without one."""
    return [
        {
            "id": world.id("exclusion from malware", "fs-hh-01"),
            "name": "fs-hh-01",
            "platform": "VMware",
            "platformId": world.id("platform", "VMware"),
            "note": "Encrypted archives of the payroll; accepted in CHG-2214",
            "paths": ["D:\\Payroll"],
            "activities": ["EncryptedData"],
            "autoScanDisabled": False,
            "excludeEntireObject": False,
        },
        {
            "id": world.id("exclusion from malware", "web-002"),
            "name": "web-002",
            "platform": "VMware",
            "platformId": world.id("platform", "VMware"),
            "note": "",
            "paths": [],
            "activities": [],
            "autoScanDisabled": True,
            "excludeEntireObject": True,
        },
    ]


def host_authentication(_: World, __: str) -> Json:
    """Hosts are trusted one by one."""
    return {"mode": "TrustSpecified", "trustedHostCount": 6}


def high_availability_cluster(world: World, _: str) -> Json:
    """Two nodes, the second close behind the first."""
    return {
        "id": world.id("cluster"),
        "name": "veeam-ha",
        "clusterEndpoint": "10.20.0.10",
        "clusterDnsName": "vbr.hansa.example",
        "isCrossSubnetMode": False,
        "primaryNode": _node(world, "vbr01", "Leader", "Running", "10.20.0.11"),
        "secondaryNode": _node(world, "vbr02", "SyncStandby", "Streaming", "10.20.0.12"),
        "states": {
            "isCreationInProgress": False,
            "isFailoverInProgress": False,
            "isRemovalInProgress": False,
            "isFirstLaunchAfterFailover": False,
            "isClusterEndpointMigrationInProgress": False,
            "lastOnlineTimeUtc": world.ago(0.001),
            "isOnline": True,
            "isSecondaryReinitInProgress": False,
            "isMaintenanceInProgress": False,
        },
    }


def _node(world: World, name: str, role: str, state: str, address: str) -> Json:
    return {
        "id": world.id("cluster node", name),
        "name": name,
        "ipAddress": address,
        "fqdn": f"{name}.hansa.example",
        "role": role,
        "state": state,
        "timeline": "4",
        "lagMb": 0,
    }
