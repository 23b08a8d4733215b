"""Which tables hold settings, what their rows are called, and which of their columns are compared over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vbr_audit.tables.jobs.table import SCOPE_FIELDS

JOB: Final = "job"
EMAIL: Final = "email settings"
NOTIFICATIONS: Final = "notification settings"
EVENTS: Final = "event forwarding"
CONFIG_BACKUP: Final = "configuration backup"
REPOSITORY: Final = "repository"
SCALE_OUT: Final = "scale-out repository"
USERS: Final = "users"
EXCLUSIONS: Final = "global exclusions"
MALWARE_EXCLUSIONS: Final = "malware exclusions"

_MAIL: Final = ("email_on_success", "email_on_warning", "email_on_failure")
_MAIL_SERVER: Final = ("smtp_server", "smtp_tls_enabled", "smtp_sign_in", "credentials_id")


@dataclass(frozen=True)
class SettingsTable:
    """A table whose columns `controls` are settings of objects of one `kind`.

    Without `id_column` and `name_column` it has one row per server, and the object is called as its kind. `lists` are
    the columns that hold a list as one text. A value that is missing in `older` is taken from that table, where older
    revisions keep it under the names in `renamed`. Of a column in `none_if_missing`, no value in a table that was read
    whole stands for none.
    """

    table: str
    kind: str
    controls: tuple[str, ...]
    id_column: str = ""
    name_column: str = ""
    lists: tuple[str, ...] = ()
    older: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    none_if_missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collected:
    """A list over all rows of a table as one setting: of the server, or of the object that `owner` names by its id.

    `column` holds the items; where that is missing, `otherwise` does. With `each`, an item is the value together with
    each one of the list in that column. Only rows where the column that `only` names has the value beside it count.
    """

    table: str
    kind: str
    control: str
    column: str
    otherwise: str = ""
    owner: str = ""
    each: str = ""
    only: tuple[str, str] = ("", "")


_JOB_LISTS: Final = ("disks_to_process", "source_job_ids", "source_repository_ids", "source_backup_ids")
JOBS: Final = SettingsTable(
    "jobs",
    JOB,
    ("is_high_priority", *(field.name for field in SCOPE_FIELDS), "log_backups_count", "log_backup_min"),
    "job_id",
    "name",
    lists=_JOB_LISTS,
)
"""The settings of jobs that `job_settings` does not hold."""

TABLES_OF_SETTINGS: Final[tuple[SettingsTable, ...]] = (
    JOBS,
    SettingsTable(
        "config_backup",
        CONFIG_BACKUP,
        (
            *("is_enabled", "repository_id", "restore_points_to_keep", "schedule_enabled", "schedule_daily_enabled"),
            *("schedule_monthly_enabled", "encryption_enabled", "encryption_password_id", "snmp_enabled"),
            *("email_enabled", "email_recipients", "email_settings_type", *_MAIL),
        ),
    ),
    SettingsTable(
        "email_settings",
        EMAIL,
        ("is_enabled", "mail_server", "sender", "recipients", *_MAIL_SERVER, *_MAIL, "email_on_last_retry"),
        lists=("recipients",),
        older="general_options",
        renamed=(("is_enabled", "email_enabled"),),
    ),
    SettingsTable(
        "notification_settings",
        NOTIFICATIONS,
        (
            *("storage_space_notice", "storage_space_percent", "datastore_space_notice", "datastore_space_percent"),
            *("skip_machines_enabled", "skip_machines_percent", "support_expiration_notice", "updates_notice"),
        ),
        older="general_options",
    ),
    SettingsTable(
        "event_forwarding",
        EVENTS,
        (
            *("snmp_events_enabled", "syslog_events_enabled", "snmp_servers", "syslog_server", "syslog_port"),
            *("syslog_protocol", "syslog_filters", "syslog_filtered_events"),
        ),
        lists=("syslog_filtered_events",),
        older="general_options",
        none_if_missing=("syslog_server",),
    ),
    SettingsTable("security_settings", "security settings", ("mfa_enabled",)),
    SettingsTable(
        "analyzer_schedule",
        "analyzer schedule",
        (
            *("daily_scan_enabled", "daily_scan_local_time", "send_scan_results", "recipients", "notification_type"),
            *_MAIL,
        ),
        lists=("recipients",),
    ),
    SettingsTable(
        "malware_settings",
        "malware detection",
        (
            *("inline_scan_enabled", "sensitivity", "guest_index_scan_enabled", "detect_indicators_of_compromise"),
            *("auto_update_definitions", "detection_engine", "auto_signature_scan_enabled", "sends_mail", "sends_snmp"),
        ),
    ),
    SettingsTable("host_authentication", "host authentication", ("trust_mode", "trusted_hosts")),
    SettingsTable(
        "traffic_rules",
        "traffic rule",
        (
            *("source_ip_start", "source_ip_end", "target_ip_start", "target_ip_end", "encryption_enabled"),
            *("throttling_enabled", "throttling_value", "throttling_unit", "throttling_window_enabled"),
        ),
        "traffic_rule_id",
        "name",
    ),
    SettingsTable(
        "repositories",
        REPOSITORY,
        (
            *("type", "host_id", "path", "bucket", "immutability_enabled", "immutability_days", "immutability_mode"),
            *("task_limit_enabled", "max_tasks", "per_machine_files_enabled", "rotated_drives", "fast_clone_enabled"),
            *("consumption_limit_enabled", "credentials_id", "gateway_ids", "mount_server_id"),
        ),
        "repository_id",
        "name",
        lists=("gateway_ids",),
    ),
    SettingsTable(
        "scale_out_repositories",
        SCALE_OUT,
        (
            *("per_machine_files_enabled", "full_when_extent_offline", "placement_policy", "capacity_tier_enabled"),
            *("capacity_copy_enabled", "capacity_move_enabled", "operational_restore_days"),
            *("capacity_encryption_enabled", "capacity_encryption_type", "capacity_encryption_password_id"),
            *("capacity_kms_server_id", "capacity_health_check_enabled", "capacity_health_check_weekly_enabled"),
            *("capacity_health_check_monthly_enabled", "archive_tier_enabled", "archive_copy_enabled"),
            *("archive_repository_id", "archive_after_days", "archive_encryption_enabled"),
        ),
        "scale_out_repository_id",
        "name",
    ),
    SettingsTable(
        "proxies",
        "proxy",
        ("type", "host_id", "transport_mode", "failover_to_network", "host_to_proxy_encryption", "max_tasks"),
        "proxy_id",
        "name",
    ),
    SettingsTable(
        "credentials",
        "credentials",
        ("type", "authentication_type", "elevate_to_root", "add_to_sudoers", "use_su", "ssh_port"),
        "credentials_id",
        "username",
    ),
    SettingsTable("users", "user", ("type", "is_service_account", "mfa_enabled"), "user_id", "name"),
    SettingsTable(
        "custom_roles",
        "custom role",
        (
            *("manages_backups", "manages_restores", "all_inventory", "all_repositories", "all_backups"),
            *("all_restore_options", "all_restore_targets"),
        ),
        "role_id",
        "name",
    ),
    SettingsTable(
        "malware_exclusions",
        "malware exclusion",
        ("paths", "activities", "auto_scan_disabled", "is_whole"),
        "exclusion_id",
        "name",
        lists=("paths", "activities"),
    ),
    SettingsTable("protection_groups", "protection group", ("type", "is_disabled"), "protection_group_id", "name"),
)
"""Every table with settings, in the order of the table `settings`."""

COLLECTED: Final[tuple[Collected, ...]] = (
    Collected("users", USERS, "roles_of_accounts", "name", each="roles"),
    Collected("global_exclusions", EXCLUSIONS, "excluded_machines", "name", otherwise="object_id"),
    Collected("malware_exclusions", MALWARE_EXCLUSIONS, "excluded_objects", "name"),
    *(
        Collected(
            "scale_out_extents",
            SCALE_OUT,
            f"{tier.lower()}_extents",
            "repository_id",
            owner="scale_out_repository_id",
            only=("tier", tier),
        )
        for tier in ("Performance", "Capacity", "Archive")
    ),
)
"""Every list that is spread over the rows of a table."""
