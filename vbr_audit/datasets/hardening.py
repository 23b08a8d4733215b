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
    "One row per server: its settings of malware detection (`/malwareDetection/settings/general`, from 1.3-rev2 on).",
    (
        flag(
            "inline_scan_enabled",
            "Data is looked through for encryption while it is backed up.",
            "encryptionDetectionSettings.inlineMalwareScanEnabled",
        ),
        word(
            "sensitivity",
            "How sensitive that scan is.",
            "encryptionDetectionSettings.sensitivity",
            known=("Low", "BetweenLowAndNormal", "Normal", "BetweenNormalAndExtreme", "Extreme"),
        ),
        flag(
            "guest_index_scan_enabled",
            "The index of the guests' files is looked through.",
            "fileDetectionSettings.guestIndexScanEnabled",
        ),
        flag(
            "detect_indicators_of_compromise",
            "Tools that intruders use are looked for.",
            "fileDetectionSettings.detectIndicatorsOfCompromise",
        ),
        flag(
            "auto_update_definitions",
            "The list of suspicious files is kept up to date.",
            "fileDetectionSettings.autoUpdateMalwareDefinitions",
        ),
        word(
            "detection_engine",
            "What scans for signatures.",
            "signatureDetectionSettings.detectionEngine",
            known=("External", "VeeamThreatHunter"),
        ),
        flag(
            "auto_signature_scan_enabled",
            "A suspicious restore point is scanned for signatures at once.",
            "signatureDetectionSettings.autoSignatureBasedScanEnabled",
        ),
        flag("sends_mail", "Events are mailed.", "notificationSettings.sendEmailToRecipients"),
        flag("sends_snmp", "Events are sent by SNMP.", "notificationSettings.sendSNMPNotifications"),
    ),
    also_known="incidentAPISettings",
)

MALWARE_EXCLUSIONS: Final = Table(
    "malware_exclusions",
    "One row per object that malware detection leaves out, wholly or in part "
    "(`/malwareDetection/backupObjects/exclusions`, from 1.3-rev2 on).",
    (
        own_id("exclusion_id", "The id of the excluded object.", "id"),
        text("name", "The excluded object.", "name", holds="object"),
        word("platform", "Its platform.", "platform", known=PLATFORMS, renamed=RENAMED_PLATFORMS),
        ident("platform_id", "The id of the platform.", "platformId"),
        text("note", "Why it is left out.", "note", holds="prose"),
        joined("paths", "The paths that are left out, joined by commas.", "paths", holds="prose"),
        joined(
            "activities", "The kinds of event that are left out, joined by commas.", "activities", known=EVENT_TYPES
        ),
        flag("auto_scan_disabled", "It is not scanned by itself.", "autoScanDisabled"),
        flag("is_whole", "All of it is left out.", "excludeEntireObject"),
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
            "TrustAll: any host that is added; TrustSpecified: those whose fingerprint somebody accepted.",
            "mode",
            known=("TrustAll", "TrustSpecified"),
        ),
        whole("trusted_hosts", "How many hosts are trusted.", "trustedHostCount", unit="hosts"),
    ),
)


def _node(which: str) -> tuple[Field, ...]:
    key = f"{which}Node"
    return (
        text(f"{which}_fqdn", f"The {which} node's name.", f"{key}.fqdn", f"{key}.name", holds="host"),
        word(
            f"{which}_role",
            f"The {which} node's part in the database.",
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
        whole(f"{which}_lag_mb", "How far it is behind the other node.", f"{key}.lagMb", unit="MB"),
    )


CLUSTER: Final = Table(
    "high_availability_cluster",
    "One row per server that is a High Availability cluster (`/highAvailabilityCluster`, from 1.3-rev2 on).",
    (
        own_id("cluster_id", "The cluster's id.", "id"),
        text("name", "Its name.", "name", holds="host"),
        text("endpoint", "Its address.", "clusterEndpoint", holds="host"),
        text("dns_name", "Its DNS name.", "clusterDnsName", holds="host"),
        *_node("primary"),
        *_node("secondary"),
        flag("is_online", "It was online when it was read.", "states.isOnline"),
        moment("last_online", "When it was last online.", "states.lastOnlineTimeUtc"),
        flag("is_failover_in_progress", "A failover or switchover runs.", "states.isFailoverInProgress"),
        flag("is_secondary_reinit", "The second node is being filled again.", "states.isSecondaryReinitInProgress"),
        flag("is_maintenance", "Its maintenance job runs.", "states.isMaintenanceInProgress"),
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
