"""The controls: the canonical names under which a job's settings are read, wherever its type keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vbr_audit.tables.build.schema import Column, Dtype, Holds


@dataclass(frozen=True)
class Control:
    """One setting of a job: canonical name, dtype, what it tells, its unit, and what its texts are.

    A computed control has no path of its own: `computed_from` names its inputs. With `needs` it is supported
    where that input is; without, where any input is.
    """

    name: str
    dtype: Dtype
    help: str
    unit: str | None = None
    computed_from: tuple[str, ...] = ()
    needs: str | None = None
    holds: Holds | None = None

    @property
    def column(self) -> Column:
        """The control as a column of the table `jobs`."""
        return Column(self.name, self.dtype, self.help, self.unit, self.holds)


SUB_SCHEDULES: Final = (
    "schedule_daily_enabled",
    "schedule_monthly_enabled",
    "schedule_periodically_enabled",
    "schedule_continuously_enabled",
    "schedule_after_job_enabled",
)
GFS_LEVELS: Final = ("gfs_weekly_enabled", "gfs_monthly_enabled", "gfs_yearly_enabled")
HEALTH_CHECK_TIMES: Final = ("health_check_weekly_enabled", "health_check_monthly_enabled")
SCRIPTS: Final = ("pre_script_enabled", "post_script_enabled")

_ALL: Final = (
    Control("is_disabled", "boolean", "The job is disabled."),
    Control("run_automatically", "boolean", "The job is set to run automatically by its schedule."),
    Control("schedule_type", "string", "The schedule type, for copy jobs that have one.", holds="word"),
    Control("schedule_daily_enabled", "boolean", "The job runs on days of the week."),
    Control(
        "schedule_daily_kind", "string", "The days on which it runs: Everyday, WeekDays, or SelectedDays.", holds="word"
    ),
    Control("schedule_daily_days", "string", "The selected days of the week, joined by commas.", holds="word"),
    Control(
        "schedule_daily_time",
        "string",
        "The start time on these days by the server's clock, as the server wrote it.",
        holds="word",
    ),
    Control("schedule_monthly_enabled", "boolean", "The job runs on a day of the month."),
    Control(
        "schedule_monthly_time",
        "string",
        "The start time on that day by the server's clock, as the server wrote it.",
        holds="word",
    ),
    Control(
        "schedule_monthly_number",
        "string",
        "The occurrence of the weekday in the month: First to Fourth or Last; or OnDay.",
        holds="word",
    ),
    Control("schedule_monthly_weekday", "string", "The weekday that `schedule_monthly_number` counts.", holds="word"),
    Control("schedule_monthly_day", "Int64", "The day of the month, if `schedule_monthly_number` is OnDay."),
    Control("schedule_monthly_last_day", "boolean", "The job runs on the last day of the month instead of that day."),
    Control("schedule_monthly_months", "string", "The months in which it runs, joined by commas.", holds="word"),
    Control("schedule_periodically_enabled", "boolean", "The job runs at an interval of hours or minutes."),
    Control(
        "schedule_periodically_kind",
        "string",
        "The unit of the interval: Seconds, Minutes, Hours or Days.",
        holds="word",
    ),
    Control("schedule_periodically_frequency", "Int64", "The interval, in these units.", "schedule_periodically_kind"),
    Control("schedule_periodically_minute", "Int64", "The time after each full hour at which it starts.", "min"),
    Control("schedule_periodically_days", "string", "The days with their own hours, joined by commas.", holds="word"),
    Control(
        "schedule_periodically_hours",
        "string",
        "The 24 hours of each of these days, joined by commas: 1 if a start is permitted, 0 if not.",
        holds="word",
    ),
    Control("schedule_continuously_enabled", "boolean", "The job starts again as soon as it has ended."),
    Control("schedule_continuously_days", "string", "The days with their own hours, joined by commas.", holds="word"),
    Control(
        "schedule_continuously_hours",
        "string",
        "The 24 hours of each of these days, joined by commas: 1 if it may start again, 0 if not.",
        holds="word",
    ),
    Control("schedule_after_job_enabled", "boolean", "The job runs after another job."),
    Control("schedule_after_job_name", "string", "The name of the job that it runs after.", holds="job"),
    Control(
        "is_scheduled",
        "boolean",
        "The job runs automatically: automatic runs and at least one kind of schedule are enabled.",
        computed_from=("run_automatically", *SUB_SCHEDULES),
        needs="run_automatically",
    ),
    Control("retry_enabled", "boolean", "The job retries a failed run."),
    Control("retry_count", "Int64", "Number of retries of a failed run.", "times"),
    Control("retry_wait_min", "Int64", "The wait time before each retry.", "min"),
    Control(
        "retention_type", "string", "The unit of the retention: RestorePoints, Days, Months or Years.", holds="word"
    ),
    Control("retention_quantity", "Int64", "The retention, in units of `retention_type`.", "retention_type"),
    Control("gfs_enabled", "boolean", "Long-term retention (GFS) is enabled."),
    Control("gfs_weekly_enabled", "boolean", "GFS keeps weekly full backups."),
    Control("gfs_weekly_count", "Int64", "How long GFS keeps weekly full backups.", "weeks"),
    Control("gfs_monthly_enabled", "boolean", "GFS keeps monthly full backups."),
    Control("gfs_monthly_count", "Int64", "How long GFS keeps monthly full backups.", "months"),
    Control("gfs_yearly_enabled", "boolean", "GFS keeps yearly full backups."),
    Control("gfs_yearly_count", "Int64", "How long GFS keeps yearly full backups.", "years"),
    Control("gfs_level_enabled", "boolean", "At least one GFS level is enabled.", computed_from=GFS_LEVELS),
    Control("encryption_enabled", "boolean", "The job encrypts the backup files."),
    Control(
        "encryption_type",
        "string",
        "Encryption by a password of the server or by a key management server.",
        holds="word",
    ),
    Control("encryption_password_id", "string", "The id of the encryption password; NA if none is set.", holds="id"),
    Control("kms_server_id", "string", "The id of the key management server; NA if none is set.", holds="id"),
    Control("health_check_enabled", "boolean", "The health check of the backup files is enabled."),
    Control("health_check_weekly_enabled", "boolean", "The health check runs on days of the week."),
    Control("health_check_monthly_enabled", "boolean", "The health check runs on a day of the month."),
    Control(
        "health_check_scheduled",
        "boolean",
        "The health check has a weekly or monthly schedule.",
        computed_from=HEALTH_CHECK_TIMES,
    ),
    Control("app_aware_enabled", "boolean", "Application-aware processing is enabled."),
    Control(
        "app_processing_enabled",
        "boolean",
        "Windows machines only: True if all that have application settings are processed, False if one is not.",
    ),
    Control(
        "app_failure_handling",
        "string",
        "What happens if application processing fails, the worst value of its machines: Disabled, IgnoreFailures, "
        "RequireSuccess.",
        holds="word",
    ),
    Control(
        "transaction_log_handling",
        "string",
        "Whether database logs are processed, the worst value of its machines: CopyOnly, Process.",
        holds="word",
    ),
    Control(
        "sql_log_handling",
        "string",
        "How SQL logs are handled, the worst value of its machines: NeverTruncate, Preserve, Truncate, Backup.",
        holds="word",
    ),
    Control("swap_blocks_excluded", "boolean", "Blocks of swap files are excluded."),
    Control("deleted_blocks_excluded", "boolean", "Blocks of deleted files are excluded."),
    Control("pre_script_enabled", "boolean", "A script runs before the job."),
    Control("post_script_enabled", "boolean", "A script runs after the job."),
    Control("script_enabled", "boolean", "A script runs before or after the job.", computed_from=SCRIPTS),
    Control("backup_window_enabled", "boolean", "The job may run at set hours only."),
    Control("backup_window_days", "string", "The days with set hours, joined by commas.", holds="word"),
    Control(
        "backup_window_hours",
        "string",
        "The 24 hours of each of these days, joined by commas: 1 if the job may run, 0 if not.",
        holds="word",
    ),
    Control("email_enabled", "boolean", "The job sends email."),
    Control("snmp_enabled", "boolean", "The job sends SNMP traps."),
    Control(
        "rpo_monitor_enabled",
        "boolean",
        "The job warns if a new backup is not created (or, for a copy job, not copied) in time.",
    ),
    Control(
        "repository_id",
        "string",
        "The id of the repository that it writes to (for a replica: its metadata).",
        holds="id",
    ),
    Control("primary_job_id", "string", "The id of the job whose backups it copies.", holds="id"),
    Control(
        "backup_mode", "string", "How backup chains are built: incremental, reverse incremental, full…", holds="word"
    ),
    Control("synthetic_fulls_enabled", "boolean", "Full backups are synthesized from increments."),
    Control("active_fulls_enabled", "boolean", "Active full backups, read from the source, are scheduled."),
    Control("compression_level", "string", "The compression level of the data.", holds="word"),
    Control("guest_indexing_enabled", "boolean", "Guest files are indexed."),
    Control("storage_snapshots_enabled", "boolean", "The job backs up from storage snapshots."),
    Control("proxies_auto", "boolean", "Backup proxies are selected automatically (for a replica: on both sides)."),
    Control("deleted_data_removal_enabled", "boolean", "Data of deleted objects is removed after a time."),
    Control("changed_block_tracking_enabled", "boolean", "Only changed blocks are read."),
)

CONTROLS: Final[dict[str, Control]] = {control.name: control for control in _ALL}
"""Every control by its canonical name, in the order of the columns of `jobs`."""

ID_CONTROLS: Final = frozenset({"encryption_password_id", "kms_server_id", "repository_id", "primary_job_id"})
"""The controls that hold an id: the all-zero id means that there is none."""

LIST_CONTROLS: Final = frozenset(
    {
        "schedule_daily_days",
        "schedule_monthly_months",
        *(
            f"{window}_{part}"
            for window in ("schedule_periodically", "schedule_continuously", "backup_window")
            for part in ("days", "hours")
        ),
    }
)
"""The controls that hold a list of words."""
