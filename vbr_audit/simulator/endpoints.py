"""The endpoints beyond jobs and sessions, in one table: path, revisions, roles, order columns, filters, answers."""

from collections.abc import Mapping

from vbr_audit.simulator import access
from vbr_audit.simulator.endpoint import OBJECT, Endpoint, Made, of_chains, of_world
from vbr_audit.simulator.holdings import (
    agents,
    defence,
    keys,
    licence,
    mounts,
    repositories,
    security,
    servers,
    settings,
)
from vbr_audit.simulator.holdings.backups import backup_rows, file_rows, object_rows, point_rows
from vbr_audit.simulator.holdings.replicas import replica_point_rows, replica_rows
from vbr_audit.simulator.holdings.tasks import task_rows
from vbr_audit.simulator.revisions import REVISIONS
from vbr_audit.simulator.selecting import Filter, Order

_FIRST, _12, _130, _131, _132 = REVISIONS[0], "1.2-rev0", "1.3-rev0", "1.3-rev1", "1.3-rev2"
_REPOSITORY = "backupInfrastructure/repositories"


def _order(columns: str, newer: str = "") -> Order:
    return Order(_columns(columns), _columns(newer))


def _columns(text: str) -> dict[str, str]:
    """Read `Name Host=hostName`: a column means the property of its own name unless it says another."""
    named = (word.partition("=") for word in text.split())
    return {name: key or name[:1].lower() + name[1:] for name, _, key in named}


def _filters(text: str) -> dict[str, Filter]:
    """Read `jobIdFilter:id=jobId`: a parameter, its kind, and the property that it looks at."""
    filters: dict[str, Filter] = {}
    for word in text.split():
        name, _, rest = word.partition(":")
        kind, _, key = rest.partition("=")
        filters[name] = Filter(kind, key)
    return filters


_NAMED = "nameFilter:name "
_CREATED = "createdAfterFilter:from=creationTime createdBeforeFilter:to=creationTime "
_PLATFORM = "platformNameFilter:enum=platformName platformIdFilter:id=platformId "
_MALWARE = "malwareStatusFilter:enum=malwareStatus "
_TYPE = "typeFilter:enum=type "

_TASKS = Endpoint(
    dataset="task_sessions",
    path="taskSessions",
    access=access.READERS,
    first=_12,
    order=_order("Name Type SessionType CreationTime EndTime State Result=result.result ScanState ScanResult"),
    filters=_filters(
        _NAMED + _TYPE + "sessionTypeFilter:enum=sessionType " + _CREATED + "endedAfterFilter:from=endTime "
        "endedBeforeFilter:to=endTime stateFilter:enum=state resultFilter:enum=result.result "
        "scanTypeFilter:enum=scanType scanResultFilter:enum=scanResult scanStateFilter:enum=scanState "
        "sessionIdFilter:id=sessionId"
    ),
    made=lambda stock, revision: task_rows(stock.world, stock.takings, revision),
)
_OBJECTS = Endpoint(
    dataset="backup_objects",
    path="backupObjects",
    access=access.JOB_READERS,
    order=_order("Name ObjectId PlatformId Type"),
    filters=_filters(_NAMED + _PLATFORM + "typeFilter:text=type viTypeFilter:text=viType"),
    made=lambda stock, revision: object_rows(stock.chains, revision),
)
_POINTS = Endpoint(
    dataset="restore_points",
    path="restorePoints",
    access=access.READERS,
    first="1.1-rev1",
    order=_order("CreationTime PlatformId BackupId"),
    filters=_filters(_CREATED + _NAMED + _PLATFORM + _MALWARE + "backupIdFilter:id=backupId"),
    made=of_chains(point_rows),
)


def _below(one: Endpoint, path: str, **changes: str) -> Endpoint:
    return Endpoint(
        dataset=one.dataset,
        path=path,
        access=one.access,
        first=changes.get("first", one.first),
        last=changes.get("last", REVISIONS[-1]),
        paged_since=changes.get("paged_since", _131),
        order=one.order,
        filters=one.filters,
        parent=changes.get("parent", ""),
    )


_BACKUPS = (
    _TASKS,
    _below(_TASKS, "sessions/<id>/taskSessions", parent="sessions"),
    Endpoint(
        dataset="backups",
        path="backups",
        access=access.JOB_READERS,
        order=_order("Name CreationTime PlatformId JobId PolicyTag=policyUniqueId"),
        filters=_filters(
            _NAMED + _CREATED + "platformIdFilter:id=platformId jobIdFilter:id=jobId "
            "policyTagFilter:text=policyUniqueId jobTypeFilter:enum=jobType"
        ),
        made=of_chains(backup_rows),
    ),
    _OBJECTS,
    Endpoint(
        dataset="backup_objects",
        path="backups/<id>/objects",
        access=access.JOB_READERS,
        paged_since=_131,
        parent="backups",
    ),
    _POINTS,
    _below(_POINTS, "objectRestorePoints", first=_FIRST, last=_FIRST, paged_since=_FIRST),
    _below(_POINTS, "backupObjects/<id>/restorePoints", first=_FIRST, parent="backup_objects"),
    Endpoint(
        dataset="backup_files",
        path="backups/<id>/backupFiles",
        access=access.READERS,
        first=_12,
        order=_order("Name DataSize BackupSize DedupRatio CompressRatio CreationTime GFSPeriod=gfsPeriods"),
        filters=_filters(_NAMED + _CREATED + "gfsPeriodFilter:enum=gfsPeriods"),
        parent="backups",
        made=lambda stock, revision: [row for chain in stock.chains for row in file_rows(chain, stock.world, revision)],
    ),
    Endpoint(
        dataset="replicas",
        path="replicas",
        access=access.REPLICA_READERS,
        first="1.1-rev1",
        order=_order("Name CreationTime PlatformId JobId PolicyTag=policyUniqueId State"),
        filters=_filters(
            _NAMED + _CREATED + "platformIdFilter:id=platformId jobIdFilter:id=jobId stateFilter:text=state "
            "policyTagFilter:text=policyUniqueId"
        ),
        made=of_world(replica_rows),
    ),
    Endpoint(
        dataset="replica_points",
        path="replicaPoints",
        access=access.REPLICA_READERS,
        first="1.1-rev1",
        order=_order("CreationTime PlatformId ReplicaId Name"),
        filters=_filters(_CREATED + _NAMED + _PLATFORM + _MALWARE + "replicaIdFilter:id=replicaId"),
        made=of_world(replica_point_rows),
    ),
)

_INFRASTRUCTURE = (
    Endpoint(
        dataset="repositories",
        path=_REPOSITORY,
        access=access.REPOSITORY_READERS,
        order=_order("Name Description Type Host=hostId Path=repository.path"),
        filters=_filters(_NAMED + _TYPE + "hostIdFilter:id=hostId pathFilter:text=repository.path"),
        made=of_world(repositories.repository_rows),
    ),
    Endpoint(
        dataset="repository_states",
        path=f"{_REPOSITORY}/states",
        access=access.REPOSITORY_READERS,
        order=_order(
            "Name Type Host=hostName Path CapacityGB FreeGB UsedSpaceGB Description",
            "Membership=scaleOutRepositoryDetails.membership",
        ),
        filters=_filters(
            _NAMED + _TYPE + "idFilter:id=id capacityFilter:number=capacityGB freeSpaceFilter:number=freeGB "
            "usedSpaceFilter:number=usedSpaceGB isOnlineFilter:flag=isOnline isOutOfDateFilter:flag=isOutOfDate "
            "sobrIdFilter:id=scaleOutRepositoryDetails.scaleOutRepositoryId "
            "sobrMembershipFilter:text=scaleOutRepositoryDetails.membership "
            "sobrExtentTypeFilter:enum=scaleOutRepositoryDetails.extentType"
        ),
        made=of_chains(repositories.repository_state_rows),
    ),
    Endpoint(
        dataset="scale_out_repositories",
        path="backupInfrastructure/scaleOutRepositories",
        access=access.READERS,
        order=_order("Name Description Type Host Path", "EncryptionState"),
        filters=_filters(_NAMED),
        made=of_world(repositories.scale_out_rows),
    ),
    Endpoint(
        dataset="proxies",
        path="backupInfrastructure/proxies",
        access=access.READERS,
        order=_order("Name Type Description", "HostName=server.hostName"),
        filters=_filters(_NAMED + _TYPE + "hostIdFilter:id=server.hostId"),
        made=of_world(servers.proxy_rows),
    ),
    Endpoint(
        dataset="proxy_states",
        path="backupInfrastructure/proxies/states",
        access=access.READERS,
        first=_130,
        order=_order("Name Type Description HostName"),
        filters=_filters(
            _NAMED + _TYPE + "hostIdFilter:id=hostId isDisabledFilter:flag=isDisabled isOnlineFilter:flag=isOnline "
            "isOutOfDateFilter:flag=isOutOfDate"
        ),
        made=of_world(servers.proxy_state_rows),
    ),
    Endpoint(
        dataset="managed_servers",
        path="backupInfrastructure/managedServers",
        access=access.READERS,
        order=_order("Name Type Description", "Status"),
        filters=_filters(
            _NAMED + _TYPE + "viTypeFilter:enum=viHostType serverStateFilter:enum=status "
            "updatesStateFilter:enum=updatesState"
        ),
        made=of_world(servers.managed_server_rows),
    ),
    Endpoint(
        dataset="wan_accelerators",
        path="backupInfrastructure/wanAccelerators",
        access=access.WAN_READERS,
        first="1.1-rev1",
        order=_order("Name"),
        filters=_filters(_NAMED),
        made=of_world(servers.wan_accelerator_rows),
    ),
)

_KEYS = (
    Endpoint(
        dataset="credentials",
        path="credentials",
        access=access.CREDENTIAL_READERS,
        order=_order("Username Description", "Type CreationTime"),
        filters=_filters(_NAMED + _TYPE + _CREATED),
        made=of_world(keys.credential_rows),
    ),
    Endpoint(
        dataset="cloud_credentials",
        path="cloudCredentials",
        access=access.SECURITY,
        order=_order("Name Description", "Type LastModified"),
        filters=_filters(_NAMED + _TYPE),
        made=of_world(keys.cloud_credential_rows),
    ),
    Endpoint(
        dataset="encryption_passwords",
        path="encryptionPasswords",
        access=access.PASSWORD_READERS,
        order=_order("Hint ModificationTime"),
        filters=_filters("hintFilter:text=hint"),
        made=of_world(keys.encryption_password_rows),
    ),
    Endpoint(
        dataset="kms_servers",
        path="kmsServers",
        access=access.SECURITY,
        first=_12,
        order=_order("Name Type"),
        filters=_filters(_NAMED + _TYPE),
        made=of_world(keys.kms_server_rows),
    ),
)


def _settings(dataset: str, path: str, **more: object) -> Endpoint:
    given = {"access": access.ADMINISTRATOR, "shape": OBJECT, **more}
    return Endpoint(dataset=dataset, path=path, **given)  # type: ignore[arg-type]


_SETTINGS = (
    _settings(
        "server_certificate",
        "serverCertificate",
        access=access.ANYONE,
        made=of_world(settings.server_certificate),
    ),
    _settings(
        "license",
        "license",
        first=_12,
        made=lambda stock, revision: settings.license_row(
            stock.world, revision, licence.counts(licence.uses_of(stock.chains))
        ),
    ),
    _settings(
        "config_backup",
        "configBackup",
        made=of_world(settings.configuration_backup),
    ),
    _settings(
        "general_options",
        "generalOptions",
        made=of_world(settings.general_options),
    ),
    _settings(
        "email_settings",
        "generalOptions/emailSettings",
        first=_131,
        made=of_world(settings.email_settings),
    ),
    _settings(
        "notification_settings",
        "generalOptions/notifications",
        first=_131,
        made=of_world(settings.notification_settings),
    ),
    _settings(
        "event_forwarding",
        "generalOptions/eventForwarding",
        first=_131,
        made=of_world(settings.event_forwarding),
    ),
    _settings(
        "traffic_rules",
        "trafficRules",
        made=of_world(settings.traffic_rules),
        rows_at="trafficRules",
    ),
    Endpoint(
        dataset="global_exclusions",
        path="globalExclusions/vm",
        access=access.ADMINISTRATOR,
        first=_130,
        order=_order("Note Name=inventoryObject.name"),
        made=of_world(settings.global_exclusion_rows),
    ),
)

_SECURITY = (
    _settings(
        "best_practices",
        "securityAnalyzer/bestPractices",
        access=access.SECURITY,
        first=_12,
        made=of_world(security.best_practices),
        rows_at="items",
    ),
    _settings(
        "analyzer_last_run",
        "securityAnalyzer/lastRun",
        access=access.SECURITY,
        first=_12,
        made=of_world(security.analyzer_last_run),
    ),
    _settings(
        "analyzer_schedule",
        "securityAnalyzer/schedule",
        access=access.SECURITY,
        first=_12,
        made=of_world(security.analyzer_schedule),
    ),
    Endpoint(
        dataset="malware_events",
        path="malwareDetection/events",
        access=access.MALWARE_READERS,
        first="1.1-rev1",
        order=_order(
            "Type DetectionTimeUtc BackupObjectId=machine.backupObjectId State Source Severity CreatedBy Engine",
            "CreationTimeUtc Details MachineName=machine.displayName",
        ),
        filters=_filters(
            _TYPE + "detectedAfterTimeUtcFilter:from=detectionTimeUtc detectedBeforeTimeUtcFilter:to=detectionTimeUtc "
            "createdAfterTimeUtcFilter:from=creationTimeUtc createdBeforeTimeUtcFilter:to=creationTimeUtc "
            "backupObjectIdFilter:id=machine.backupObjectId stateFilter:enum=state sourceFilter:enum=source "
            "severityFilter:enum=severity createdByFilter:text=createdBy engineFilter:text=engine "
            "machineNameFilter:text=machine.displayName"
        ),
        made=of_chains(security.malware_event_rows),
    ),
    Endpoint(
        dataset="authorization_events",
        path="authorization/events",
        access=access.SECURITY,
        first=_12,
        order=_order("Name State CreationTime ProcessedTime ExpirationTime", "Description InitiatedBy ProcessedBy"),
        filters=_filters(
            _NAMED + _CREATED + "processedAfterFilter:from=processedTime processedBeforeFilter:to=processedTime "
            "expireAfterFilter:from=expirationTime expireBeforeFilter:to=expirationTime stateFilter:enum=state "
            "createdByFilter:text=createdBy processedByFilter:text=processedBy"
        ),
        made=of_world(security.authorization_event_rows),
    ),
    Endpoint(
        dataset="users",
        path="security/users",
        access=access.ADMINISTRATOR,
        first=_131,
        order=_order("Name Type IsServiceAccount"),
        filters=_filters(_NAMED + _TYPE + "isServiceAccountFilter:flag=isServiceAccount"),
        made=of_world(security.user_rows),
    ),
    _settings(
        "security_settings",
        "security/settings",
        first=_131,
        made=of_world(security.security_settings),
    ),
    Endpoint(
        dataset="roles",
        path="security/roles",
        access=access.ROLE_READERS,
        first=_131,
        order=_order("Name Description"),
        filters=_filters(_NAMED + "isBuiltInFilter:flag=isBuiltIn"),
        made=of_world(security.role_rows),
    ),
    _settings(
        "custom_roles",
        "security/roles/<id>/details",
        first=_132,
        parent="roles",
        made=of_world(security.custom_role_rows),
    ),
)

_ENTITIES = Endpoint(
    dataset="discovered_entities",
    path="agents/discoveredEntities",
    access=access.ENTITY_READERS,
    first=_132,
    order=_order("Name State AgentStatus DriverStatus OperatingSystem"),
    filters=_filters(_NAMED + "stateFilter:enum=state agentStatusFilter:enum=agentStatus"),
    made=of_world(agents.entity_rows),
)
_AGENTS = (
    Endpoint(
        dataset="protection_groups",
        path="agents/protectionGroups",
        access=access.REPLICA_READERS,
        first=_130,
        order=_order("Name Description Type"),
        filters=_filters(_NAMED + _TYPE),
        made=of_world(agents.group_rows),
    ),
    _ENTITIES,
    _below(_ENTITIES, "agents/protectionGroups/<id>/discoveredEntities", first=_130, parent="protection_groups"),
)


def _recovery(dataset: str, path: str, first: str, made: Made, **spelt_before: str) -> Endpoint:
    columns = _columns("State VmName JobName RestorePointDate HostName")
    return Endpoint(
        dataset=dataset,
        path=f"restore/instantRecovery/{path}",
        access=access.RECOVERY_READERS,
        first=first,
        order=Order(columns, {}, spelt_before),
        filters=_filters("stateFilter:enum=state vmNameFilter:text=vmName"),
        made=made,
    )


_OPEN = (
    _recovery(
        "instant_recoveries",
        "vSphere/vm",
        _12,
        state="state",
        name="vmName",
        made=of_world(mounts.instant_recovery_rows),
    ),
    _recovery(
        "hyperv_instant_recoveries",
        "hyperV/vm",
        _131,
        made=of_world(mounts.hyperv_recovery_rows),
    ),
    Endpoint(
        dataset="file_restore_mounts",
        path="backupBrowser/flr",
        access=access.REPLICA_READERS,
        first=_12,
        order=_order("CreationTime"),
        made=of_world(mounts.file_restore_rows),
    ),
    Endpoint(
        dataset="published_disks",
        path="dataIntegration",
        access=access.REPLICA_READERS,
        first=_12,
        order=Order({"State": "mountState"}, {}, {"state": "mountState"}),
        filters=_filters("stateFilter:enum=mountState modeFilter:enum=info.mode"),
        made=of_world(mounts.published_disk_rows),
    ),
)

_DEFENCE = (
    _settings(
        "malware_settings",
        "malwareDetection/settings/general",
        access=access.MALWARE_SETTING_READERS,
        first=_132,
        made=of_world(defence.malware_detection_settings),
    ),
    Endpoint(
        dataset="malware_exclusions",
        path="malwareDetection/backupObjects/exclusions",
        access=access.MALWARE_SETTING_READERS,
        first=_132,
        order=_order("Name Platform"),
        made=of_world(defence.malware_exclusion_rows),
    ),
    _settings(
        "host_authentication",
        "generalOptions/hostAuthentication",
        first=_132,
        made=of_world(defence.host_authentication),
    ),
    _settings(
        "high_availability_cluster",
        "highAvailabilityCluster",
        access=access.READERS,
        first=_132,
        made=of_world(defence.high_availability_cluster),
    ),
)

_LICENCE_USE = (
    Endpoint(
        dataset="license_instances",
        path="license/instances",
        access=access.ADMINISTRATOR,
        first=_12,
        order=_order("Name HostName UsedInstancesNumber Type InstanceId"),
        filters=_filters(_NAMED + "hostNameFilter:text=hostName instanceIdFilter:id=instanceId"),
        made=of_chains(licence.instance_rows),
    ),
    Endpoint(
        dataset="license_sockets",
        path="license/sockets",
        access=access.ADMINISTRATOR,
        first=_12,
        order=_order("Name HostName HostId SocketsNumber CoresNumber Type"),
        filters=_filters(_NAMED + _TYPE + "hostNameFilter:text=hostName hostIdFilter:id=hostId"),
        made=of_world(licence.socket_rows),
    ),
)

ENDPOINTS = (*_BACKUPS, *_INFRASTRUCTURE, *_KEYS, *_SETTINGS, *_SECURITY, *_AGENTS, *_OPEN, *_DEFENCE, *_LICENCE_USE)

MADE: Mapping[str, Endpoint] = {endpoint.dataset: endpoint for endpoint in ENDPOINTS if endpoint.made is not None}
"""For each dataset the endpoint that says what it answers."""
