"""What can be judged: the tables whose rows are objects of findings, and how those are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


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
