"""The three documented job types as pydantic models; any other type passes through whole, as a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from vbr_audit.api.job_operations.parts import (
    GuestProcessing,
    Json,
    Notifications,
    Part,
    Proxies,
    Schedule,
    Storage,
    VirtualMachines,
)
from vbr_audit.errors import ConfigurationError
from vbr_audit.revisions import canonical_job_type


class Job(Part):
    """What every documented job type has; `id` and `is_disabled` are the server's, and absent in a specification."""

    name: str
    type: str
    description: str
    virtual_machines: VirtualMachines
    id: str | None = None
    is_disabled: bool | None = None
    is_high_priority: bool | None = None
    guest_processing: GuestProcessing | None = None
    schedule: Schedule | None = None


class BackupJob(Job):
    """A backup job of VMware vSphere: type `VSphereBackup`, `Backup` before 1.3-rev0."""

    storage: Storage | None = None


class CloudDirectorBackupJob(Job):
    """A backup job of VMware Cloud Director: type `CloudDirectorBackup`, since 1.1-rev1."""

    storage: Storage | None = None


class ReplicaAdvancedSettings(Part):
    """The advanced settings of a replication job."""

    traffic: Json | None = None
    notifications: Notifications | None = None
    v_sphere: Json | None = None
    integration: Json | None = None
    scripts: Json | None = None


class ReplicaSettings(Part):
    """The job settings of a replication job: its metadata, the names of its replicas, how many points they keep."""

    metadata_repository_id: str
    replica_name_suffix: str
    restore_points_to_keep: int
    advanced_settings: ReplicaAdvancedSettings | None = None


class ReplicaDestination(Part):
    """Where replicas run; objects of the inventory as received."""

    host: Json
    resource_pool: Json | None = None
    folder: Json | None = None
    datastore: Json | None = None
    mapping_rules: list[Json] | None = None


class DataTransfer(Part):
    """The proxies at both ends, and WAN accelerators between them."""

    source_proxies: Proxies | None = None
    target_proxies: Proxies | None = None
    wan_accelerator_settings: Json | None = None


class ReplicaJob(Job):
    """A replication job of VMware vSphere: type `VSphereReplica`, since 1.1-rev1, which writes `vSphereReplica`."""

    destination: ReplicaDestination
    network: list[Json] | None = None
    re_ip: Json | None = None
    job_settings: ReplicaSettings | None = None
    data_transfer: DataTransfer | None = None
    seeding: Json | None = None


MODELS: Mapping[str, type[Job]] = {
    "VSphereBackup": BackupJob,
    "VSphereReplica": ReplicaJob,
    "CloudDirectorBackup": CloudDirectorBackupJob,
}
"""The documented job types, by their newest names."""


def as_model(document: Mapping[str, Any]) -> Job | Json:
    """The model of a job document or specification; for a type without a model a copy of the document.

    Raises `ConfigurationError` that names what is missing or of the wrong kind, without its content.
    """
    job_type = document.get("type")
    if not isinstance(job_type, str) or not job_type:
        raise ConfigurationError("the job has no type", hint=f"Types with a model are {', '.join(MODELS)}.")
    model = MODELS.get(canonical_job_type(job_type))
    if model is None:
        return dict(document)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(
            f"not the specification of a job of type {job_type[:80]}: {_problems(error)}",
            hint="Compare it with the document of a job of this type.",
        ) from None


def check_specification(document: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` when `document` lacks name or type, or what a documented type needs."""
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise ConfigurationError("the job has no name", hint="Every job needs a name and a type.")
    as_model(document)


def _problems(error: ValidationError) -> str:
    found = []
    for each in error.errors(include_input=False, include_url=False)[:5]:
        said = "must be a JSON object" if each["type"] == "model_type" else each["msg"].lower()
        found.append(f"{'.'.join(str(step) for step in each['loc'])}: {said}")
    return "; ".join(found)
