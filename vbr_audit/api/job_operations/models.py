"""The three documented job types and their parts as pydantic models; any other type stays a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from vbr_audit.errors import ConfigurationError
from vbr_audit.revisions import NEWEST, canonical_job_type, key_name

# The parts of which job specifications are made: settings of storage, guests and schedule, by readable names.
#
# A part keeps what it does not know, the spelling of each key and their order as received; `document()` gives all of
# it back. Nothing is cast: a text stays a text. What was never set is None here and absent in the document.

Json = dict[str, Any]


class Part(BaseModel):
    """One JSON object of a job specification; shows none of its content when printed."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="allow",
        strict=True,
        validate_assignment=True,
        validate_by_name=True,
        hide_input_in_errors=True,
    )
    _received: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        part = handler(data)
        if isinstance(data, Mapping) and not part._received:
            part._received = tuple(data)
        return part

    def document(self, revision: str = NEWEST) -> Json:
        """The JSON object with every key that was received or set, in the received spelling and order.

        A key that was set here by name is spelt as `revision` does.
        """
        own = [name for name in type(self).model_fields if name in self.model_fields_set]
        known = {self._key(name, revision): getattr(self, name) for name in own} | (self.model_extra or {})
        ordered = {key: known[key] for key in self._received if key in known} | known
        return {key: _plain(value, revision) for key, value in ordered.items()}

    def _key(self, name: str, revision: str) -> str:
        field = type(self).model_fields[name]
        choices = field.validation_alias
        spellings = [str(each) for each in choices.choices] if isinstance(choices, AliasChoices) else [str(field.alias)]
        received = next((each for each in spellings if each in self._received), None)
        return received or (key_name(spellings[0], revision) if len(spellings) > 1 else spellings[0])

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []


def _plain(value: Any, revision: str) -> Any:
    if isinstance(value, Part):
        return value.document(revision)
    if isinstance(value, list):
        return [_plain(each, revision) for each in value]
    return {key: _plain(each, revision) for key, each in value.items()} if isinstance(value, dict) else value


def _spelt(*names: str) -> Any:
    """An optional field that revisions spell differently; the first is the newest."""
    return Field(default=None, validation_alias=AliasChoices(*names), serialization_alias=names[0])


class Switch(Part):
    """Anything that can be on or off."""

    is_enabled: bool | None = None


class Proxies(Part):
    """Backup proxies or guest interaction proxies: chosen by the server, or listed by id."""

    auto_select_enabled: bool | None = _spelt("autoSelectEnabled", "autoSelection")
    proxy_ids: list[str] | None = None


class RetentionPolicy(Part):
    """How long short-term restore points stay: a number of `type` (RestorePoints or Days)."""

    type: str | None = None
    quantity: int | None = None


class GfsWeekly(Switch):
    """Weekly long-term restore points."""

    keep_for_number_of_weeks: int | None = None
    desired_time: str | None = None


class GfsMonthly(Switch):
    """Monthly long-term restore points."""

    keep_for_number_of_months: int | None = None
    desired_time: str | None = None


class GfsYearly(Switch):
    """Yearly long-term restore points."""

    keep_for_number_of_years: int | None = None
    desired_time: str | None = None


class GfsPolicy(Switch):
    """Long-term restore points; with no level enabled it keeps none."""

    weekly: GfsWeekly | None = None
    monthly: GfsMonthly | None = None
    yearly: GfsYearly | None = None


class WeeklyTime(Switch):
    """Some days of each week."""

    days: list[str] | None = None
    local_time: str | None = None


class MonthlyTime(Switch):
    """One day of some months."""

    day_of_week: str | None = None
    day_number_in_month: str | None = None
    day_of_month: int | None = None
    months: list[str] | None = None
    local_time: str | None = None
    is_last_day_of_month: bool | None = None


class TendingMonth(MonthlyTime):
    """One day of some months, for work on the backup files; older revisions write `dayOfMonths`."""

    day_of_month: int | None = _spelt("dayOfMonth", "dayOfMonths")


class Tending(Switch):
    """Work on the backup files that is done weekly, monthly or both; 1.1-rev1 lists its days without a level."""

    weekly: WeeklyTime | None = None
    monthly: TendingMonth | None = None
    days: list[str] | None = None


class DataRemoval(Switch):
    """Removal of the data of machines that are no longer in the job."""

    after_days: int | None = None


class FullBackupMaintenance(Part):
    """What is done about old data and fragmented files."""

    remove_data: DataRemoval | None = _spelt("removeData", "RemoveData")
    defragment_and_compact: Tending | None = None


class Encryption(Switch):
    """Encryption of the backup files; ids of keys, never a key."""

    encryption_password_id: str | None = _spelt("encryptionPasswordId", "encryptionPasswordIdOrNull", "passwordId")
    encryption_password_unique_id: str | None = _spelt("encryptionPasswordUniqueId", "encryptionPasswordTag")
    encryption_type: str | None = None
    kms_server_id: str | None = None


class StorageData(Part):
    """How data are reduced and encrypted."""

    compression_level: str | None = None
    storage_optimization: str | None = None
    inline_data_dedup_enabled: bool | None = _spelt("inlineDataDedupEnabled", "enableInlineDataDedup")
    exclude_swap_file_blocks: bool | None = None
    exclude_deleted_file_blocks: bool | None = None
    encryption: Encryption | None = None


class EmailNotifications(Switch):
    """Mail about the runs of one job."""

    recipients: list[str] | None = None
    notification_type: str | None = None
    custom_notification_settings: Json | None = None


class Notifications(Part):
    """Who hears of the runs of the job."""

    send_snmp_notifications: bool | None = _spelt("sendSNMPNotifications")
    email_notifications: EmailNotifications | None = None
    vm_attribute: Json | None = None


class AdvancedSettings(Part):
    """The advanced settings of a backup job's storage."""

    backup_mode_type: str | None = None
    synthetic_fulls: Tending | None = _spelt("syntheticFulls", "synthenticFulls")
    active_fulls: Tending | None = None
    backup_health: Tending | None = None
    full_backup_maintenance: FullBackupMaintenance | None = None
    storage_data: StorageData | None = None
    notifications: Notifications | None = None
    v_sphere: Json | None = None
    storage_integration: Json | None = None
    scripts: Json | None = None


class Storage(Part):
    """Where a backup job stores, and for how long."""

    backup_repository_id: str
    backup_proxies: Proxies | None = None
    retention_policy: RetentionPolicy | None = None
    gfs_policy: GfsPolicy | None = None
    advanced_settings: AdvancedSettings | None = None


class AppAwareProcessing(Switch):
    """Application-aware processing, with settings per machine."""

    app_settings: list[Json] | None = None


class FileIndexing(Switch):
    """Indexing of guest files, with settings per machine."""

    indexing_settings: list[Json] | None = None


class GuestProcessing(Part):
    """What is done inside the machines."""

    app_aware_processing: AppAwareProcessing | None = None
    guest_fs_indexing: FileIndexing | None = _spelt("guestFSIndexing")
    guest_interaction_proxies: Proxies | None = None
    guest_credentials: Json | None = None


class Daily(Switch):
    """Every day, or chosen days, at one local time."""

    local_time: str | None = None
    daily_kind: str | None = None
    days: list[str] | None = None


class Periodically(Switch):
    """At an interval of hours or minutes, within a window."""

    periodically_kind: str | None = None
    frequency: int | None = None
    backup_window: Json | None = None
    start_time_within_an_hour: int | None = None


class Windowed(Switch):
    """A window of permitted hours."""

    backup_window: Json | None = None


class AfterThisJob(Switch):
    """Start after another job, which is named, not given by id."""

    job_name: str | None = None


class Retry(Switch):
    """Automatic retries of failed machines."""

    retry_count: int | None = None
    await_minutes: int | None = None


class Schedule(Part):
    """When the job runs; it runs by itself if `run_automatically` and one of its kinds are on."""

    run_automatically: bool | None = None
    daily: Daily | None = None
    monthly: MonthlyTime | None = None
    periodically: Periodically | None = None
    continuously: Windowed | None = None
    after_this_job: AfterThisJob | None = None
    retry: Retry | None = None
    backup_window: Windowed | None = None


class VirtualMachines(Part):
    """The machines of a job; objects of the inventory as received, because each revision wraps them differently."""

    includes: list[Json]
    excludes: Json | None = None


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
    problems = []
    for each in error.errors(include_input=False, include_url=False)[:5]:
        message = "must be a JSON object" if each["type"] == "model_type" else each["msg"].lower()
        problems.append(f"{'.'.join(str(step) for step in each['loc'])}: {message}")
    return "; ".join(problems)
