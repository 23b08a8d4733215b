"""What can be judged: the tables whose rows are objects of findings, how those are named, and their causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vbr_audit.checks.logic.codes import Cells


@dataclass(frozen=True)
class ObjectKind:
    """How the rows of a population are named in findings: kind, column of the id, column of the name."""

    kind: str
    id_column: str
    name_column: str


OBJECTS: Final[Mapping[str, ObjectKind]] = {
    "jobs": ObjectKind("job", "job_id", "name"),
    "servers": ObjectKind("server", "server", "server"),
    "datasets": ObjectKind("dataset", "name", "name"),
    "protected_objects": ObjectKind("protected object", "object_key", "name"),
    "left_objects": ObjectKind("group of objects left", "standing", "standing"),
    "assets": ObjectKind("asset", "name", "name"),
    "backups": ObjectKind("backup", "backup_id", "name"),
    "replicas": ObjectKind("replica", "replica_id", "name"),
    "repositories": ObjectKind("repository", "repository_id", "name"),
    "repository_states": ObjectKind("repository", "repository_id", "name"),
    "scale_out_repositories": ObjectKind("scale-out repository", "scale_out_repository_id", "name"),
    "scale_out_extents": ObjectKind("extent", "repository_id", "name"),
    "proxies": ObjectKind("proxy", "proxy_id", "name"),
    "proxy_states": ObjectKind("proxy", "proxy_id", "name"),
    "managed_servers": ObjectKind("managed server", "managed_server_id", "name"),
    "wan_accelerators": ObjectKind("WAN accelerator", "wan_accelerator_id", "name"),
    "credentials": ObjectKind("credentials", "credentials_id", "username"),
    "cloud_credentials": ObjectKind("cloud credentials", "cloud_credentials_id", "name"),
    "encryption_passwords": ObjectKind("encryption password", "encryption_password_id", "hint"),
    "traffic_rules": ObjectKind("traffic rule", "traffic_rule_id", "name"),
    "global_exclusions": ObjectKind("global exclusion", "exclusion_id", "name"),
    "users": ObjectKind("user", "user_id", "name"),
    "custom_roles": ObjectKind("custom role", "role_id", "name"),
    "best_practices": ObjectKind("best practice", "best_practice_id", "best_practice"),
    "malware_events": ObjectKind("malware event", "malware_event_id", "machine"),
    "authorization_events": ObjectKind("authorization event", "authorization_event_id", "name"),
    "protection_groups": ObjectKind("protection group", "protection_group_id", "name"),
    "discovered_entities": ObjectKind("agent machine", "entity_id", "name"),
    "malware_exclusions": ObjectKind("malware exclusion", "exclusion_id", "name"),
    "high_availability_cluster": ObjectKind("High Availability cluster", "cluster_id", "name"),
    "instant_recoveries": ObjectKind("instant recovery", "mount_id", "name"),
    "hyperv_instant_recoveries": ObjectKind("instant recovery", "mount_id", "name"),
    "file_restore_mounts": ObjectKind("file restore", "session_id", "name"),
    "license_instances": ObjectKind("licensed workload", "instance_id", "name"),
    "license_sockets": ObjectKind("licensed host", "host_id", "name"),
    "published_disks": ObjectKind("published disk", "mount_id", "name"),
}
"""The tables whose rows can be judged."""


# Which causes a finding can have: what has to be changed for it to go.

_OTHERWISE: Final[Mapping[str, str]] = {
    "servers": "server setting",
    "protected_objects": "machine",
    "assets": "machine",
}
"""Populations whose objects are called otherwise where they are the cause."""

KEYS: Final[Mapping[tuple[str, str], str]] = {
    ("protected_objects", "job"): "job_id",
    ("replicas", "job"): "job_id",
    ("jobs", "repository"): "repository_id",
    ("jobs", "encryption password"): "encryption_password_id",
    ("malware_events", "machine"): "machine",
}
"""The column of a population that holds the key of a cause which is not the object itself."""

UNREAD: Final = "server"
"""The kind of cause of what could not be asked at all."""


@dataclass(frozen=True, eq=False)
class Causes:
    """Kind, key and name of the cause of each finding, as object arrays; keys are unique by server, check, kind."""

    kind: Cells
    key: Cells
    name: Cells


def default_cause(population: str) -> str:
    """The kind of cause where the object itself is what has to be changed."""
    return _OTHERWISE.get(population) or OBJECTS[population].kind


def kinds_of_cause(population: str) -> frozenset[str]:
    """The kinds of cause that a check of this population can declare."""
    return frozenset({default_cause(population)} | {kind for table, kind in KEYS if table == population})
