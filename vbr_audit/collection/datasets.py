"""The catalogue of what can be read: one entry per dataset."""

from __future__ import annotations

from collections.abc import Iterable

from vbr_audit.collection import roles
from vbr_audit.collection.dataset import Dataset, Shape
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest
from vbr_audit.collection.roles import Access
from vbr_audit.tables.build.enums import RESTORES_SINCE, VERIFICATIONS_SINCE

__all__ = [
    "BASIC",
    "CLOCK",
    "DATASETS",
    "Dataset",
    "Shape",
    "beyond",
    "datasets_of",
    "is_never_offered",
    "parents_of",
    "unread",
]

_CREATED = ("createdAfterFilter", "createdBeforeFilter")


_TESTS = {
    since: (*RESTORES_SINCE.get(since, ()), *VERIFICATIONS_SINCE.get(since, ()))
    for since in sorted({*RESTORES_SINCE, *VERIFICATIONS_SINCE})
}
_SINCE_12, _SINCE_130, _SINCE_131, _SINCE_132 = "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2"


def _object(name: str, title: str, endpoint: str, access: Access = roles.ADMINISTRATOR, **more: object) -> Dataset:
    return Dataset(name, title, endpoint, Shape.OBJECT, access, **more)  # type: ignore[arg-type]


_SERVER = (
    _object("server_time", "Server time", "serverTime", roles.ANYONE, table="server_time"),
    _object("server_info", "Server information", "serverInfo", table="server_info"),
    _object("server_certificate", "Server certificate", "serverCertificate", roles.ANYONE),
    _object("license", "Licence", "license", first_revision=_SINCE_12),
)

_JOBS = (
    Dataset("jobs", "Jobs", "jobs", access=roles.READERS_AND_SECURITY, order="Name", sensitive=True),
    Dataset("job_states", "Job states", "jobs/states", access=roles.READERS_AND_SECURITY, order="Name"),
    Dataset("session_history", "Oldest session", "sessions", Shape.FIRST, roles.SESSION_READERS, order="CreationTime"),
    Dataset(
        "sessions",
        "Sessions",
        "sessions",
        access=roles.SESSION_READERS,
        order="CreationTime",
        period=_CREATED,
        passes_edges=True,
        accounts=("initiatedBy",),
    ),
    Dataset(
        "task_sessions",
        "Task sessions",
        "taskSessions",
        first_revision=_SINCE_12,
        order="CreationTime",
        period=_CREATED,
    ),
    Dataset(
        "restore_sessions",
        "Restores and verifications of a year",
        "sessions",
        Shape.KINDS,
        roles.SESSION_READERS,
        order="CreationTime",
        period=_CREATED,
        kinds=_TESTS,
        kind_key="sessionType",
        unfiltered="sessions",
        spans_year=True,
        accounts=("initiatedBy",),
    ),
    Dataset(
        "restore_tasks",
        "Restored objects of a year",
        "taskSessions",
        Shape.KINDS,
        first_revision=_SINCE_12,
        order="CreationTime",
        period=_CREATED,
        kinds={_SINCE_12: ("Restore",)},
        kind_key="type",
        unfiltered="task_sessions",
        spans_year=True,
    ),
)

_BACKUPS = (
    Dataset("backups", "Backups", "backups", access=roles.READERS_AND_SECURITY, order="Name"),
    Dataset(
        "backup_objects",
        "Backup objects",
        "backupObjects",
        access=roles.READERS_AND_SECURITY,
        first_revision=_SINCE_132,
        key=("id", "backupId"),
        order="Name",
        earlier=(
            Dataset(
                "backup_objects",
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
        "restore_points",
        "Restore points",
        "restorePoints",
        first_revision="1.1-rev1",
        order="CreationTime",
        earlier=(Dataset("restore_points", "Restore points", "objectRestorePoints", order="CreationTime"),),
    ),
    Dataset(
        "backup_files",
        "Backup files",
        "backups/{id}/backupFiles",
        Shape.EACH,
        first_revision=_SINCE_12,
        order="CreationTime",
        parent="backups",
        parent_key="backupId",
    ),
    Dataset("replicas", "Replicas", "replicas", access=roles.REPLICA_READERS, first_revision=_SINCE_12, order="Name"),
    Dataset(
        "replica_points",
        "Replica restore points",
        "replicaPoints",
        access=roles.REPLICA_READERS,
        first_revision=_SINCE_12,
        order="CreationTime",
    ),
)

_BACKUP_INFRASTRUCTURE = "backupInfrastructure/"
_INFRASTRUCTURE = (
    Dataset(
        "repositories",
        "Repositories",
        _BACKUP_INFRASTRUCTURE + "repositories",
        access=roles.REPOSITORY_READERS,
        order="Name",
        sensitive=True,
    ),
    Dataset(
        "repository_states",
        "Repository states",
        _BACKUP_INFRASTRUCTURE + "repositories/states",
        access=roles.REPOSITORY_READERS,
        order="Name",
    ),
    Dataset(
        "scale_out_repositories",
        "Scale-out repositories",
        _BACKUP_INFRASTRUCTURE + "scaleOutRepositories",
        also=("scale_out_extents",),
        order="Name",
    ),
    Dataset("proxies", "Backup proxies", _BACKUP_INFRASTRUCTURE + "proxies", order="Name"),
    Dataset(
        "proxy_states",
        "Backup proxy states",
        _BACKUP_INFRASTRUCTURE + "proxies/states",
        first_revision=_SINCE_130,
        order="Name",
    ),
    Dataset(
        "managed_servers",
        "Managed servers",
        _BACKUP_INFRASTRUCTURE + "managedServers",
        order="Name",
        sensitive=True,
    ),
    Dataset(
        "wan_accelerators",
        "WAN accelerators",
        _BACKUP_INFRASTRUCTURE + "wanAccelerators",
        access=roles.WAN_READERS,
        first_revision=_SINCE_12,
        order="Name",
    ),
)

_KEYS = (
    Dataset(
        "credentials",
        "Credentials",
        "credentials",
        access=roles.CREDENTIAL_READERS,
        order="Username",
        sensitive=True,
        accounts=("username", "description"),
    ),
    Dataset(
        "cloud_credentials",
        "Cloud credentials",
        "cloudCredentials",
        access=roles.SECURITY,
        order="Name",
        sensitive=True,
        accounts=("account", "accessKey", "description"),
    ),
    Dataset(
        "encryption_passwords",
        "Encryption passwords",
        "encryptionPasswords",
        access=roles.PASSWORD_READERS,
        order="ModificationTime",
        sensitive=True,
        accounts=("hint",),
    ),
    Dataset(
        "kms_servers",
        "Key management servers",
        "kmsServers",
        access=roles.SECURITY,
        first_revision=_SINCE_12,
        order="Name",
        sensitive=True,
    ),
)

_SETTINGS = (
    _object("config_backup", "Configuration backup", "configBackup", sensitive=True),
    _object("general_options", "General options", "generalOptions", sensitive=True),
    _object(
        "email_settings",
        "E-mail settings",
        "generalOptions/emailSettings",
        first_revision=_SINCE_131,
        sensitive=True,
        accounts=("userId", "from", "to"),
    ),
    _object(
        "notification_settings", "Notification settings", "generalOptions/notifications", first_revision=_SINCE_131
    ),
    _object(
        "event_forwarding",
        "Event forwarding",
        "generalOptions/eventForwarding",
        first_revision=_SINCE_131,
        sensitive=True,
    ),
    Dataset(
        "traffic_rules",
        "Network traffic rules",
        "trafficRules",
        Shape.LIST,
        roles.ADMINISTRATOR,
        rows_at="trafficRules",
        sensitive=True,
    ),
    Dataset(
        "global_exclusions",
        "Global VM exclusions",
        "globalExclusions/vm",
        access=roles.ADMINISTRATOR,
        first_revision=_SINCE_130,
        order="Name",
    ),
)

_SECURITY = (
    Dataset(
        "best_practices",
        "Security & Compliance Analyzer items",
        "securityAnalyzer/bestPractices",
        Shape.LIST,
        roles.SECURITY,
        first_revision=_SINCE_12,
        rows_at="items",
    ),
    _object(
        "analyzer_last_run",
        "Security & Compliance Analyzer: last run",
        "securityAnalyzer/lastRun",
        roles.SECURITY,
        first_revision=_SINCE_12,
        accounts=("initiatedBy",),
    ),
    _object(
        "analyzer_schedule",
        "Security & Compliance Analyzer: schedule",
        "securityAnalyzer/schedule",
        roles.SECURITY,
        first_revision=_SINCE_12,
        accounts=("recipients",),
    ),
    Dataset(
        "malware_events",
        "Malware events",
        "malwareDetection/events",
        access=roles.MALWARE_READERS,
        first_revision=_SINCE_12,
        order="DetectionTimeUtc",
        accounts=("createdBy",),
    ),
    Dataset(
        "authorization_events",
        "Authorization events",
        "authorization/events",
        access=roles.SECURITY,
        first_revision=_SINCE_12,
        order="CreationTime",
        period=_CREATED,
        accounts=("createdBy", "initiatedBy", "processedBy"),
    ),
    Dataset(
        "users",
        "Users and roles",
        "security/users",
        access=roles.ADMINISTRATOR,
        first_revision=_SINCE_131,
        order="Name",
        accounts=("name", "description"),
    ),
    _object("security_settings", "Security settings", "security/settings", first_revision=_SINCE_131),
    Dataset("roles", "Roles", "security/roles", access=roles.ROLE_READERS, first_revision=_SINCE_131, order="Name"),
    Dataset(
        "custom_roles",
        "Rights of custom roles",
        "security/roles/{id}/details",
        Shape.EACH_OBJECT,
        roles.ADMINISTRATOR,
        first_revision=_SINCE_132,
        parent="roles",
        not_below="isBuiltIn",
    ),
)

_AGENTS = (
    Dataset(
        "protection_groups",
        "Protection groups",
        "agents/protectionGroups",
        access=roles.AGENT_READERS,
        first_revision=_SINCE_130,
        order="Name",
        sensitive=True,
    ),
    Dataset(
        "discovered_entities",
        "Machines of protection groups",
        "agents/discoveredEntities",
        access=roles.ENTITY_READERS,
        first_revision=_SINCE_132,
        key=("id", "protectionGroupId"),
        order="Name",
        earlier=(
            Dataset(
                "discovered_entities",
                "Machines of protection groups",
                "agents/protectionGroups/{id}/discoveredEntities",
                Shape.EACH,
                roles.ENTITY_READERS,
                first_revision=_SINCE_130,
                key=("id", "protectionGroupId"),
                order="Name",
                parent="protection_groups",
                parent_key="protectionGroupId",
            ),
        ),
    ),
)

_OPEN = (
    Dataset(
        "instant_recoveries",
        "Instant recoveries on VMware",
        "restore/instantRecovery/vSphere/vm",
        access=roles.RECOVERY_READERS,
        first_revision=_SINCE_131,
        order="VmName",
        earlier=(
            Dataset(
                "instant_recoveries",
                "Instant recoveries on VMware",
                "restore/instantRecovery/vSphere/vm",
                access=roles.RECOVERY_READERS,
                first_revision=_SINCE_12,
                order="name",
            ),
        ),
    ),
    Dataset(
        "hyperv_instant_recoveries",
        "Instant recoveries on Hyper-V",
        "restore/instantRecovery/hyperV/vm",
        access=roles.RECOVERY_READERS,
        first_revision=_SINCE_131,
        order="VmName",
    ),
    Dataset(
        "file_restore_mounts",
        "Mounts for the restore of files",
        "backupBrowser/flr",
        access=roles.MOUNT_READERS,
        first_revision=_SINCE_12,
        key=("sessionId",),
        order="CreationTime",
    ),
    Dataset(
        "published_disks",
        "Published disks",
        "dataIntegration",
        access=roles.MOUNT_READERS,
        first_revision=_SINCE_131,
        order="State",
        accounts=("initiatorName",),
        earlier=(
            Dataset(
                "published_disks",
                "Published disks",
                "dataIntegration",
                access=roles.MOUNT_READERS,
                first_revision=_SINCE_12,
                order="state",
                accounts=("initiatorName",),
            ),
        ),
    ),
)

_DEFENCE = (
    _object(
        "malware_settings",
        "Settings of malware detection",
        "malwareDetection/settings/general",
        roles.MALWARE_SETTING_READERS,
        first_revision=_SINCE_132,
    ),
    Dataset(
        "malware_exclusions",
        "Exclusions from malware detection",
        "malwareDetection/backupObjects/exclusions",
        access=roles.MALWARE_SETTING_READERS,
        first_revision=_SINCE_132,
        order="Name",
    ),
    _object("host_authentication", "Trust in hosts", "generalOptions/hostAuthentication", first_revision=_SINCE_132),
    _object(
        "high_availability_cluster",
        "High Availability cluster",
        "highAvailabilityCluster",
        roles.CLUSTER_READERS,
        first_revision=_SINCE_132,
        none_at=(400, 404),
    ),
)

_LICENCE_USE = (
    Dataset(
        "license_instances",
        "Workloads with an instance licence",
        "license/instances",
        access=roles.ADMINISTRATOR,
        first_revision=_SINCE_12,
        key=("instanceId",),
        order="Name",
    ),
    Dataset(
        "license_sockets",
        "Hosts with a socket licence",
        "license/sockets",
        access=roles.ADMINISTRATOR,
        first_revision=_SINCE_12,
        key=("hostId",),
        order="Name",
    ),
)

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        *(*_SERVER, *_JOBS, *_BACKUPS, *_INFRASTRUCTURE, *_KEYS, *_SETTINGS, *_SECURITY),
        *(*_AGENTS, *_OPEN, *_DEFENCE, *_LICENCE_USE),
    )
}
"""Every dataset by its name, in the order of reading."""

CLOCK = ("server_time", "server_info")
"""What is read first, whatever is chosen: it says when and where all else was read."""

BASIC = (*CLOCK, "jobs", "job_states", "session_history", "sessions", "backups")
"""What every report shows."""


def datasets_of(tables: Iterable[str]) -> tuple[str, ...]:
    """The datasets that fill `tables`, in the order of reading, with the parents that they are read below."""
    wanted = set(tables)
    chosen = {name for name, dataset in DATASETS.items() if wanted & set(dataset.tables)}
    chosen |= parents_of(chosen)
    return tuple(name for name in DATASETS if name in chosen)


def parents_of(names: Iterable[str]) -> set[str]:
    """The datasets below whose rows those of `names` are read, in any revision."""
    each = [d for name in names for d in (DATASETS[name], *DATASETS[name].earlier)]
    return {d.parent for d in each if d.parent is not None}


def is_never_offered(name: str, newest: str | None) -> bool:
    """Whether not even `newest`, the newest revision that a server speaks, has dataset `name`.

    False where either is not known: then something may have been missed in reading.
    """
    return name in DATASETS and newest is not None and not DATASETS[name].is_offered(newest)


def beyond(manifest: Manifest) -> tuple[DatasetRecord, ...]:
    """The records of what no revision of their server offers: no reading could have brought it."""
    newest = {server.name: server.revision_newest for server in manifest.servers}
    absent = (record for record in manifest.datasets if record.status == DatasetStatus.ABSENT)
    return tuple(record for record in absent if is_never_offered(record.name, newest.get(record.server)))


def unread(manifest: Manifest) -> tuple[DatasetRecord, ...]:
    """The records that were not read whole, without those that no revision of their server offers."""
    aside = {(record.server, record.name) for record in beyond(manifest)}
    lacking = (record for record in manifest.datasets if record.status != DatasetStatus.COMPLETE)
    return tuple(record for record in lacking if (record.server, record.name) not in aside)
