"""The direction of every setting that is compared: which change weakens, which strengthens, which does neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vbr_audit.checks.drift.rules import AnyOf, Items, Neutral, Number, Present, Rule, Switch, Target, UnitOf, Words
from vbr_audit.checks.drift.sources import (
    CONFIG_BACKUP,
    EMAIL,
    EVENTS,
    EXCLUSIONS,
    JOB,
    MALWARE_EXCLUSIONS,
    NOTIFICATIONS,
    REPOSITORY,
    SCALE_OUT,
    USERS,
)
from vbr_audit.tables.build.enums import CONTROL_WORDS
from vbr_audit.tables.jobs.control_list import GFS_LEVELS, HEALTH_CHECK_TIMES, SUB_SCHEDULES

ON: Final = Switch(strong=True)
OFF: Final = Switch(strong=False)
MORE: Final = Number()
FEWER: Final = Number(more_is_strong=False)
GAINED: Final = Items()
LOST: Final = Items(more_is_strong=False)
PRESENT: Final = Present()
TARGET: Final = Target()
NEITHER: Final = Neutral()

_DAYS: Final = (("Days", "days", 1), ("Months", "days", 30), ("Years", "days", 365))
_SECONDS: Final = (
    ("Seconds", "seconds", 1),
    ("Minutes", "seconds", 60),
    ("Hours", "seconds", 3600),
    ("Days", "seconds", 86_400),
)
_RETENTION: Final = Number(unit="retention_type", sizes=(*_DAYS, ("RestorePoints", "restore points", 1)))
_INTERVAL: Final = Number(more_is_strong=False, unit="schedule_periodically_kind", sizes=_SECONDS)
_SCHEDULED: Final = AnyOf(SUB_SCHEDULES)
_CHECKED: Final = AnyOf(HEALTH_CHECK_TIMES)


def _in_order(control: str) -> Words:
    """The words of a control of which the worst stands first."""
    return Words(tuple((word,) for word in CONTROL_WORDS[control]))


def _mail(*names: str) -> Mapping[str, Rule]:
    return dict.fromkeys(names or ("email_on_success", "email_on_warning", "email_on_failure"), ON)


_JOB_RULES: Final[Mapping[str, Rule]] = {
    "is_disabled": OFF,
    "is_high_priority": NEITHER,
    # When it runs.
    "run_automatically": ON,
    "schedule_type": NEITHER,
    **dict.fromkeys(SUB_SCHEDULES, _SCHEDULED),
    "schedule_daily_kind": Words((("SelectedDays", "WeekDays"), ("Everyday",))),
    "schedule_daily_days": GAINED,
    "schedule_daily_time": NEITHER,
    "schedule_monthly_time": NEITHER,
    "schedule_monthly_number": NEITHER,
    "schedule_monthly_weekday": NEITHER,
    "schedule_monthly_day": NEITHER,
    "schedule_monthly_last_day": NEITHER,
    "schedule_monthly_months": GAINED,
    "schedule_periodically_kind": UnitOf("schedule_periodically_frequency", _INTERVAL),
    "schedule_periodically_frequency": _INTERVAL,
    "schedule_periodically_minute": NEITHER,
    "schedule_periodically_days": NEITHER,
    "schedule_periodically_hours": NEITHER,
    "schedule_continuously_days": NEITHER,
    "schedule_continuously_hours": NEITHER,
    "schedule_after_job_name": NEITHER,
    "retry_enabled": ON,
    "retry_count": MORE,
    "retry_wait_min": NEITHER,
    "backup_window_enabled": NEITHER,
    "backup_window_days": NEITHER,
    "backup_window_hours": NEITHER,
    # How long it keeps what it made.
    "retention_type": UnitOf("retention_quantity", _RETENTION),
    "retention_quantity": _RETENTION,
    "gfs_enabled": ON,
    **dict.fromkeys(GFS_LEVELS, ON),
    "gfs_weekly_count": MORE,
    "gfs_monthly_count": MORE,
    "gfs_yearly_count": MORE,
    "deleted_data_removal_enabled": NEITHER,
    # What keeps it readable, for the right people.
    "encryption_enabled": ON,
    "encryption_type": NEITHER,
    "encryption_password_id": NEITHER,
    "kms_server_id": NEITHER,
    "health_check_enabled": ON,
    **dict.fromkeys(HEALTH_CHECK_TIMES, _CHECKED),
    # What it takes in, and in which state.
    "app_aware_enabled": ON,
    "app_processing_enabled": ON,
    "app_failure_handling": _in_order("app_failure_handling"),
    "transaction_log_handling": _in_order("transaction_log_handling"),
    "sql_log_handling": Words((("NeverTruncate", "Preserve"), ("Truncate",), ("Backup",))),
    "app_settings_count": NEITHER,
    "log_backups_count": MORE,
    "log_backup_min": FEWER,
    "swap_blocks_excluded": NEITHER,
    "deleted_blocks_excluded": NEITHER,
    "included_count": MORE,
    "excluded_count": FEWER,
    "excluded_jobs_count": FEWER,
    "disks_to_process": NEITHER,
    "source_job_ids": GAINED,
    "source_repository_ids": GAINED,
    "source_backup_ids": GAINED,
    "primary_job_id": NEITHER,
    "guest_indexing_enabled": ON,
    "changed_block_tracking_enabled": NEITHER,
    "storage_snapshots_enabled": NEITHER,
    # A script that was added runs with the rights of the backup; one that was removed may have made it consistent.
    "pre_script_enabled": NEITHER,
    "post_script_enabled": NEITHER,
    # Where it goes.
    "repository_id": TARGET,
    "archive_repository_id": NEITHER,
    "secondary_targets_count": MORE,
    "proxies_auto": NEITHER,
    "backup_mode": NEITHER,
    "synthetic_fulls_enabled": NEITHER,
    "active_fulls_enabled": NEITHER,
    "compression_level": NEITHER,
    # Who hears of it.
    "email_enabled": ON,
    "snmp_enabled": ON,
    "rpo_monitor_enabled": ON,
}

DIRECTIONS_BY_KIND: Final[Mapping[str, Mapping[str, Rule]]] = {
    JOB: _JOB_RULES,
    CONFIG_BACKUP: {
        "is_enabled": ON,
        "repository_id": TARGET,
        "restore_points_to_keep": MORE,
        "schedule_enabled": ON,
        **dict.fromkeys(
            ("schedule_daily_enabled", "schedule_monthly_enabled"),
            AnyOf(("schedule_daily_enabled", "schedule_monthly_enabled")),
        ),
        "encryption_enabled": ON,
        "encryption_password_id": NEITHER,
        "snmp_enabled": ON,
        "email_enabled": ON,
        "email_recipients": MORE,
        "email_settings_type": NEITHER,
        **_mail(),
    },
    EMAIL: {
        "is_enabled": ON,
        "mail_server": NEITHER,
        "sender": NEITHER,
        "recipients": GAINED,
        "smtp_server": NEITHER,
        "smtp_tls_enabled": ON,
        "smtp_sign_in": NEITHER,
        "credentials_id": NEITHER,
        **_mail(),
        "email_on_last_retry": NEITHER,
    },
    NOTIFICATIONS: {
        "storage_space_notice": ON,
        "storage_space_percent": MORE,
        "datastore_space_notice": ON,
        "datastore_space_percent": MORE,
        "skip_machines_enabled": OFF,
        "skip_machines_percent": FEWER,
        "support_expiration_notice": ON,
        "updates_notice": ON,
    },
    EVENTS: {
        "snmp_events_enabled": ON,
        "syslog_events_enabled": ON,
        "snmp_servers": MORE,
        "syslog_server": PRESENT,
        "syslog_port": NEITHER,
        "syslog_protocol": Words((("Udp", "Tcp"), ("Tls",))),
        "syslog_filters": FEWER,
        "syslog_filtered_events": LOST,
    },
    "security settings": {"mfa_enabled": ON},
    "analyzer schedule": {
        "daily_scan_enabled": ON,
        "daily_scan_local_time": NEITHER,
        "send_scan_results": ON,
        "recipients": GAINED,
        "notification_type": NEITHER,
        **_mail(),
    },
    "malware detection": {
        "inline_scan_enabled": ON,
        "sensitivity": Words(
            (("Low",), ("BetweenLowAndNormal",), ("Normal",), ("BetweenNormalAndExtreme",), ("Extreme",))
        ),
        "guest_index_scan_enabled": ON,
        "detect_indicators_of_compromise": ON,
        "auto_update_definitions": ON,
        "detection_engine": NEITHER,
        "auto_signature_scan_enabled": ON,
        "sends_mail": ON,
        "sends_snmp": ON,
    },
    "host authentication": {"trust_mode": Words((("TrustAll",), ("TrustSpecified",))), "trusted_hosts": NEITHER},
    "traffic rule": {
        **dict.fromkeys(("source_ip_start", "source_ip_end", "target_ip_start", "target_ip_end"), NEITHER),
        "encryption_enabled": ON,
        "throttling_enabled": NEITHER,
        "throttling_value": NEITHER,
        "throttling_unit": NEITHER,
        "throttling_window_enabled": NEITHER,
    },
    REPOSITORY: {
        "type": NEITHER,
        "host_id": NEITHER,
        "path": NEITHER,
        "bucket": NEITHER,
        "immutability_enabled": ON,
        "immutability_days": MORE,
        "immutability_mode": NEITHER,
        "task_limit_enabled": NEITHER,
        "max_tasks": NEITHER,
        "per_machine_files_enabled": NEITHER,
        "rotated_drives": NEITHER,
        "fast_clone_enabled": NEITHER,
        "consumption_limit_enabled": NEITHER,
        "credentials_id": NEITHER,
        "gateway_ids": NEITHER,
        "mount_server_id": NEITHER,
    },
    SCALE_OUT: {
        "per_machine_files_enabled": NEITHER,
        "full_when_extent_offline": ON,
        "placement_policy": NEITHER,
        "capacity_tier_enabled": ON,
        "capacity_copy_enabled": ON,
        "capacity_move_enabled": NEITHER,
        "operational_restore_days": NEITHER,
        "capacity_encryption_enabled": ON,
        "capacity_encryption_type": NEITHER,
        "capacity_encryption_password_id": NEITHER,
        "capacity_kms_server_id": NEITHER,
        "capacity_health_check_enabled": ON,
        **dict.fromkeys(
            ("capacity_health_check_weekly_enabled", "capacity_health_check_monthly_enabled"),
            AnyOf(("capacity_health_check_weekly_enabled", "capacity_health_check_monthly_enabled")),
        ),
        "archive_tier_enabled": ON,
        "archive_copy_enabled": ON,
        "archive_repository_id": NEITHER,
        "archive_after_days": NEITHER,
        "archive_encryption_enabled": ON,
        "performance_extents": NEITHER,
        "capacity_extents": NEITHER,
        "archive_extents": NEITHER,
    },
    "proxy": {
        "type": NEITHER,
        "host_id": NEITHER,
        "transport_mode": NEITHER,
        "failover_to_network": NEITHER,
        "host_to_proxy_encryption": ON,
        "max_tasks": NEITHER,
    },
    "credentials": {
        "type": NEITHER,
        "authentication_type": Words((("Password",), ("SshKey",))),
        "elevate_to_root": OFF,
        "add_to_sudoers": OFF,
        "use_su": NEITHER,
        "ssh_port": NEITHER,
    },
    "user": {"type": NEITHER, "is_service_account": NEITHER, "mfa_enabled": ON},
    # Each role of each account is an item: one more is one more that can do harm.
    USERS: {"roles_of_accounts": LOST},
    "custom role": dict.fromkeys(
        (
            *("manages_backups", "manages_restores", "all_inventory", "all_repositories", "all_backups"),
            *("all_restore_options", "all_restore_targets"),
        ),
        OFF,
    ),
    EXCLUSIONS: {"excluded_machines": LOST},
    "malware exclusion": {"paths": LOST, "activities": LOST, "auto_scan_disabled": OFF, "is_whole": OFF},
    MALWARE_EXCLUSIONS: {"excluded_objects": LOST},
    "protection group": {"type": NEITHER, "is_disabled": OFF},
}
"""The rule of each setting, by the kind of object and the control; what is not here is not understood."""


def rule_of(kind: str, control: str) -> Rule | None:
    """The rule of a setting; None for one that is not known here, such as one of a newer version."""
    return DIRECTIONS_BY_KIND.get(kind, {}).get(control)
