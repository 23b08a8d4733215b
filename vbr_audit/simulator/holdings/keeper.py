"""Where the holdings are kept: made when first asked for, once for each revision."""

from collections.abc import Callable, Sequence
from functools import cached_property
from threading import RLock

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
from vbr_audit.simulator.holdings.backups import backup_rows, file_rows, object_rows, point_rows, write_point
from vbr_audit.simulator.holdings.chains import Chain, make_chains
from vbr_audit.simulator.holdings.members import Takings
from vbr_audit.simulator.holdings.oddities import ODD, spoil_document, spoil_rows
from vbr_audit.simulator.holdings.replicas import replica_point_rows, replica_rows
from vbr_audit.simulator.holdings.tasks import task_rows, tasks_of
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.revisions import REVISIONS

Json = dict[str, object]

_FILE_BACKUPS_HIDDEN_IN = "1.3-rev0"

_DOCUMENTS: dict[str, Callable[[World, str], Json | None]] = {
    "server_certificate": settings.server_certificate,
    "config_backup": settings.configuration_backup,
    "general_options": settings.general_options,
    "email_settings": settings.email_settings,
    "notification_settings": settings.notification_settings,
    "event_forwarding": settings.event_forwarding,
    "traffic_rules": settings.traffic_rules,
    "best_practices": security.best_practices,
    "analyzer_last_run": security.analyzer_last_run,
    "analyzer_schedule": security.analyzer_schedule,
    "security_settings": security.security_settings,
    "malware_settings": defence.malware_detection_settings,
    "host_authentication": defence.host_authentication,
    "high_availability_cluster": defence.high_availability_cluster,
}
_LISTS = {"traffic_rules": "trafficRules", "best_practices": "items"}

_ROWS: dict[str, Callable[[World, str], Sequence[Json]]] = {
    "replicas": replica_rows,
    "replica_points": replica_point_rows,
    "repositories": repositories.repository_rows,
    "scale_out_repositories": repositories.scale_out_rows,
    "proxies": servers.proxy_rows,
    "proxy_states": servers.proxy_state_rows,
    "managed_servers": servers.managed_server_rows,
    "wan_accelerators": servers.wan_accelerator_rows,
    "credentials": keys.credential_rows,
    "cloud_credentials": keys.cloud_credential_rows,
    "encryption_passwords": keys.encryption_password_rows,
    "kms_servers": keys.kms_server_rows,
    "global_exclusions": settings.global_exclusion_rows,
    "authorization_events": security.authorization_event_rows,
    "users": security.user_rows,
    "roles": security.role_rows,
    "custom_roles": security.custom_role_rows,
    "protection_groups": agents.group_rows,
    "discovered_entities": agents.entity_rows,
    "instant_recoveries": mounts.instant_recovery_rows,
    "hyperv_instant_recoveries": mounts.hyperv_recovery_rows,
    "file_restore_mounts": mounts.file_restore_rows,
    "published_disks": mounts.published_disk_rows,
    "malware_exclusions": defence.malware_exclusion_rows,
    "license_sockets": licence.socket_rows,
}


class Holdings:
    """The rows and documents of every dataset beyond jobs and sessions, as any revision shows them."""

    def __init__(self, world: World, *, empty: bool, hostile: bool) -> None:
        self._world = world
        self._empty = empty
        self._hostile = hostile
        self._lock = RLock()
        self._kept: dict[tuple[str, str], Sequence[Json]] = {}

    @cached_property
    def _chains(self) -> list[Chain]:
        return [] if self._empty else make_chains(self._world, self._takings)

    @cached_property
    def _takings(self) -> Takings:
        return Takings(self._world)

    def rows(self, dataset: str, revision: str) -> Sequence[Json]:
        """The rows of one dataset; for a document that is a list, the rows in it."""
        with self._lock:
            found = self._kept.get((dataset, revision))
            if found is None:
                found = self._kept[dataset, revision] = self._make(dataset, revision)
            return found

    def document(self, dataset: str, revision: str) -> Json | None:
        """The one object of a dataset, None when there is none yet."""
        if dataset == "license":
            made: Json | None = self._license(revision)
        else:
            made = _DOCUMENTS[dataset](self._world, revision)
        if made is None or not (self._empty or self._hostile):
            return made
        at = _LISTS.get(dataset)
        if at is None:
            return spoil_document(dataset, made) if self._hostile else made
        rows = made[at]
        return made | {at: [] if self._empty or not isinstance(rows, list) else spoil_rows(dataset, rows)}

    def _license(self, revision: str) -> Json:
        with self._lock:
            return settings.license_row(self._world, revision, licence.counts(licence.uses_of(self._chains)))

    def has(self, dataset: str, row_id: str) -> bool:
        """Tell whether a parent of that id is there."""
        with self._lock:
            if self._hostile and row_id.startswith(ODD):
                return True
            if dataset == "sessions":
                return any(session.id == row_id for session in self._world.sessions)
            if dataset == "backups":
                return any(chain.id == row_id for chain in self._chains)
            if dataset == "roles":
                return any(row["id"] == row_id for row in self.rows("custom_roles", REVISIONS[-1]))
            if dataset == "protection_groups":
                return agents.is_group(row_id, self._world)
            return any(member.id == row_id for chain in self._chains for member in chain.members)

    def is_unreadable(self, backup_id: str, revision: str) -> bool:
        """Tell whether a revision refuses the objects of this backup."""
        kinds = (chain.type for chain in self._chains if chain.id == backup_id)
        return revision == _FILE_BACKUPS_HIDDEN_IN and "FileBackup" in kinds

    def below(self, parent: str, dataset: str, row_id: str, revision: str) -> Sequence[Json]:
        """The rows of a dataset that belong to one row of `parent`."""
        with self._lock:
            if parent == "sessions":
                return tasks_of(row_id, self._world, self._takings, revision)
            if parent == "roles":
                return [row for row in self.rows(dataset, revision) if row["id"] == row_id]
            if parent == "protection_groups":
                found = agents.entities_of(row_id, self._world, revision)
                return spoil_rows(dataset, found) if self._hostile else found
            if parent == "backups":
                world, chains = self._world, [chain for chain in self._chains if chain.id == row_id]
                made = object_rows(chains, revision) if dataset == "backup_objects" else []
                made += [
                    row for chain in chains if dataset == "backup_files" for row in file_rows(chain, world, revision)
                ]
                return spoil_rows(dataset, made) if self._hostile else made
            points = [
                (point.created, chain, member, point)
                for chain in self._chains
                for member, each in enumerate(chain.members)
                if each.id == row_id
                for point in chain.held(member)
            ]
            points.sort(key=lambda point: point[0])
            return [write_point(*point[1:], self._world, revision) for point in points]

    def _make(self, dataset: str, revision: str) -> Sequence[Json]:
        if dataset in _DOCUMENTS or dataset == "license":
            document = self.document(dataset, revision)
            inner = (document or {}).get(_LISTS[dataset]) if dataset in _LISTS else [document] if document else []
            return inner if isinstance(inner, list) else []
        if self._empty:
            return []
        made = self._plain(dataset, revision)
        return spoil_rows(dataset, made) if self._hostile else made

    def _plain(self, dataset: str, revision: str) -> Sequence[Json]:
        world, chains = self._world, self._chains if dataset in _OF_CHAINS else []
        match dataset:
            case "backups":
                return backup_rows(chains, world, revision)
            case "backup_objects":
                return object_rows(chains, revision)
            case "restore_points":
                return point_rows(chains, world, revision)
            case "backup_files":
                return [row for chain in chains for row in file_rows(chain, world, revision)]
            case "task_sessions":
                return task_rows(world, self._takings, revision)
            case "repository_states":
                return repositories.repository_state_rows(chains, world, revision)
            case "license_instances":
                return licence.instance_rows(chains, world, revision)
            case "malware_events":
                return security.malware_event_rows(chains, world, revision)
        return _ROWS[dataset](world, revision)


_OF_CHAINS = {"backups", "backup_objects", "restore_points", "backup_files", "malware_events", "repository_states"} | {
    "license_instances"
}
