"""The datasets of what 1.3-rev2 reports the server's own defence: malware detection, trust in hosts, a second node."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset, Shape
from vbr_audit.datasets.security import EVENT_TYPES
from vbr_audit.tables.build.enums import PLATFORMS, RENAMED_PLATFORMS
from vbr_audit.tables.build.fields import Field, Table, flag, ident, joined, moment, own_id, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind

MALWARE_SETTINGS: Final = Table(
    "malware_settings",
    "One row per server: its malware detection settings (`/malwareDetection/settings/general`, from 1.3-rev2 on).",
    (
        flag(
            "inline_scan_enabled",
            "Data is scanned for encryption during the backup.",
            "encryptionDetectionSettings.inlineMalwareScanEnabled",
        ),
        word(
            "sensitivity",
            "The sensitivity of that scan.",
            "encryptionDetectionSettings.sensitivity",
            known=("Low", "BetweenLowAndNormal", "Normal", "BetweenNormalAndExtreme", "Extreme"),
        ),
        flag(
            "guest_index_scan_enabled",
            "The guest file index is scanned.",
            "fileDetectionSettings.guestIndexScanEnabled",
        ),
        flag(
            "detect_indicators_of_compromise",
            "Indicators of compromise (tools that attackers use) are detected.",
            "fileDetectionSettings.detectIndicatorsOfCompromise",
        ),
        flag(
            "auto_update_definitions",
            "The list of suspicious files is updated automatically.",
            "fileDetectionSettings.autoUpdateMalwareDefinitions",
        ),
        word(
            "detection_engine",
            "The engine of the signature scan.",
            "signatureDetectionSettings.detectionEngine",
            known=("External", "VeeamThreatHunter"),
        ),
        flag(
            "auto_signature_scan_enabled",
            "A suspicious restore point is scanned for signatures immediately.",
            "signatureDetectionSettings.autoSignatureBasedScanEnabled",
        ),
        flag("sends_mail", "Events are sent by email.", "notificationSettings.sendEmailToRecipients"),
        flag("sends_snmp", "Events are sent by SNMP.", "notificationSettings.sendSNMPNotifications"),
    ),
    also_known="incidentAPISettings",
)

MALWARE_EXCLUSIONS: Final = Table(
    "malware_exclusions",
    "One row per object that malware detection excludes, fully or partly "
    "(`/malwareDetection/backupObjects/exclusions`, from 1.3-rev2 on).",
    (
        own_id("exclusion_id", "The id of the excluded object.", "id"),
        text("name", "The name of the excluded object.", "name", holds="object"),
        word("platform", "The object's platform.", "platform", known=PLATFORMS, renamed=RENAMED_PLATFORMS),
        ident("platform_id", "The id of the platform.", "platformId"),
        text("note", "Why the object is excluded.", "note", holds="prose"),
        joined("paths", "Excluded paths, joined by commas.", "paths", holds="prose"),
        joined("activities", "Excluded event types, joined by commas.", "activities", known=EVENT_TYPES),
        flag("auto_scan_disabled", "The object is not scanned automatically.", "autoScanDisabled"),
        flag("is_whole", "The entire object is excluded.", "excludeEntireObject"),
    ),
    key=("exclusion_id",),
    kind=ObjectKind("malware exclusion", "exclusion_id", "name"),
)

HOST_AUTHENTICATION: Final = Table(
    "host_authentication",
    "One row per server: which Linux hosts it trusts (`/generalOptions/hostAuthentication`, from 1.3-rev2 on).",
    (
        word(
            "trust_mode",
            "TrustAll: every added host; TrustSpecified: only hosts whose fingerprint was accepted.",
            "mode",
            known=("TrustAll", "TrustSpecified"),
        ),
        whole("trusted_hosts", "Number of trusted hosts.", "trustedHostCount", unit="hosts"),
    ),
)


def _node(which: str) -> tuple[Field, ...]:
    key = f"{which}Node"
    return (
        text(f"{which}_fqdn", f"The {which} node's name.", f"{key}.fqdn", f"{key}.name", holds="host"),
        word(
            f"{which}_role",
            f"The {which} node's role in the database.",
            f"{key}.role",
            known=("Leader", "StandbyLeader", "SyncStandby", "Replica"),
        ),
        word(
            f"{which}_state",
            f"The state of the {which} node's database.",
            f"{key}.state",
            known=(
                *("Running", "Streaming", "InArchiveRecovery", "Stopped", "Crashed", "Starting", "Restarting"),
                *("Stopping", "StartFailed", "StopFailed", "RestartFailed", "InitializingNewCluster", "InitdbFailed"),
                "CreatingReplica",
            ),
        ),
        whole(f"{which}_lag_mb", "The replication lag behind the other node.", f"{key}.lagMb", unit="MB"),
    )


CLUSTER: Final = Table(
    "high_availability_cluster",
    "One row per server that is a High Availability cluster (`/highAvailabilityCluster`, from 1.3-rev2 on).",
    (
        own_id("cluster_id", "The cluster's id.", "id"),
        text("name", "The cluster's name.", "name", holds="host"),
        text("endpoint", "The cluster's address.", "clusterEndpoint", holds="host"),
        text("dns_name", "The cluster's DNS name.", "clusterDnsName", holds="host"),
        *_node("primary"),
        *_node("secondary"),
        flag("is_online", "The cluster was online when it was read.", "states.isOnline"),
        moment("last_online", "When the cluster was last online.", "states.lastOnlineTimeUtc"),
        flag("is_failover_in_progress", "A failover or switchover is in progress.", "states.isFailoverInProgress"),
        flag("is_secondary_reinit", "The secondary node is being reinitialized.", "states.isSecondaryReinitInProgress"),
        flag("is_maintenance", "The cluster's maintenance job is running.", "states.isMaintenanceInProgress"),
    ),
    also_known="isCrossSubnetMode",
    kind=ObjectKind("High Availability cluster", "cluster_id", "name"),
)

CARDS: Final = (
    Dataset(
        MALWARE_SETTINGS,
        "Settings of malware detection",
        "malwareDetection/settings/general",
        Shape.OBJECT,
        roles.MALWARE_SETTING_READERS,
        first_revision="1.3-rev2",
    ),
    Dataset(
        MALWARE_EXCLUSIONS,
        "Exclusions from malware detection",
        "malwareDetection/backupObjects/exclusions",
        access=roles.MALWARE_SETTING_READERS,
        first_revision="1.3-rev2",
        order="Name",
    ),
    Dataset(
        HOST_AUTHENTICATION,
        "Trust in hosts",
        "generalOptions/hostAuthentication",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        first_revision="1.3-rev2",
    ),
    Dataset(
        CLUSTER,
        "High Availability cluster",
        "highAvailabilityCluster",
        Shape.OBJECT,
        roles.CLUSTER_READERS,
        first_revision="1.3-rev2",
        none_at=(400, 404),
    ),
)
