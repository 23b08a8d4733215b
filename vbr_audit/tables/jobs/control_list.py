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
    Control("is_disabled", "boolean", "The job is switched off."),
    Control("run_automatically", "boolean", "The job is set to run by its schedule."),
    Control("schedule_type", "string", "The kind of schedule, for the copy jobs that have kinds.", holds="word"),
    Control("schedule_daily_enabled", "boolean", "It runs on days of the week."),
    Control("schedule_daily_kind", "string", "On which days: Everyday, WeekDays, or SelectedDays.", holds="word"),
    Control("schedule_daily_days", "string", "The selected days of the week, joined by commas.", holds="word"),
    Control(
        "schedule_daily_time",
        "string",
        "When on these days, by the server's clock, as the server wrote it.",
        holds="word",
    ),
    Control("schedule_monthly_enabled", "boolean", "It runs on a day of the month."),
    Control(
        "schedule_monthly_time",
        "string",
        "When on that day, by the server's clock, as the server wrote it.",
        holds="word",
    ),
    Control(
        "schedule_monthly_number",
        "string",
        "Which weekday of the month: First to Fourth or Last; or OnDay.",
        holds="word",
    ),
    Control("schedule_monthly_weekday", "string", "The weekday that is counted so.", holds="word"),
    Control("schedule_monthly_day", "Int64", "The day of the month, where it is OnDay."),
    Control("schedule_monthly_last_day", "boolean", "It is the last day of the month instead of that day."),
    Control("schedule_monthly_months", "string", "In which months, joined by commas.", holds="word"),
    Control("schedule_periodically_enabled", "boolean", "It runs at an interval of hours or minutes."),
    Control(
        "schedule_periodically_kind", "string", "The unit of that time: Seconds, Minutes, Hours or Days.", holds="word"
    ),
    Control("schedule_periodically_frequency", "Int64", "How many of these units.", "schedule_periodically_kind"),
    Control("schedule_periodically_minute", "Int64", "How long after each full hour it starts.", "min"),
    Control(
        "schedule_periodically_days", "string", "The days with hours of their own, joined by commas.", holds="word"
    ),
    Control(
        "schedule_periodically_hours",
        "string",
        "The 24 hours of each of these days, joined by commas: 1 where a start is permitted, 0 where it is not.",
        holds="word",
    ),
    Control("schedule_continuously_enabled", "boolean", "It runs again as soon as it has ended."),
    Control(
        "schedule_continuously_days", "string", "The days with hours of their own, joined by commas.", holds="word"
    ),
    Control(
        "schedule_continuously_hours",
        "string",
        "The 24 hours of each of these days, joined by commas: 1 where it may start again, 0 where it may not.",
        holds="word",
    ),
    Control("schedule_after_job_enabled", "boolean", "It runs after another job."),
    Control("schedule_after_job_name", "string", "The name of the job that it runs after.", holds="job"),
    Control(
        "is_scheduled",
        "boolean",
        "It runs by itself: automatic runs are on and at least one kind of schedule is enabled.",
        computed_from=("run_automatically", *SUB_SCHEDULES),
        needs="run_automatically",
    ),
    Control("retry_enabled", "boolean", "A failed run is tried again."),
    Control("retry_count", "Int64", "How often a failed run is tried again.", "times"),
    Control("retry_wait_min", "Int64", "The pause before each further try.", "min"),
    Control(
        "retention_type", "string", "What the retention counts: RestorePoints, Days, Months or Years.", holds="word"
    ),
    Control("retention_quantity", "Int64", "How many of `retention_type` are kept.", "retention_type"),
    Control("gfs_enabled", "boolean", "Long-term retention (GFS) is on."),
    Control("gfs_weekly_enabled", "boolean", "GFS keeps weekly fulls."),
    Control("gfs_weekly_count", "Int64", "How long GFS keeps weekly fulls.", "weeks"),
    Control("gfs_monthly_enabled", "boolean", "GFS keeps monthly fulls."),
    Control("gfs_monthly_count", "Int64", "How long GFS keeps monthly fulls.", "months"),
    Control("gfs_yearly_enabled", "boolean", "GFS keeps yearly fulls."),
    Control("gfs_yearly_count", "Int64", "How long GFS keeps yearly fulls.", "years"),
    Control("gfs_level_enabled", "boolean", "At least one GFS level is enabled.", computed_from=GFS_LEVELS),
    Control("encryption_enabled", "boolean", "The backup files are encrypted by the job."),
    Control("encryption_type", "string", "By a password of the server's, or by a key management server.", holds="word"),
    Control("encryption_password_id", "string", "The id of the password; NA where none is set.", holds="id"),
    Control("kms_server_id", "string", "The id of the key management server; NA where none is set.", holds="id"),
    Control("health_check_enabled", "boolean", "The backup files are checked for damage."),
    Control("health_check_weekly_enabled", "boolean", "The check runs on days of the week."),
    Control("health_check_monthly_enabled", "boolean", "The check runs on a day of the month."),
    Control(
        "health_check_scheduled",
        "boolean",
        "The check has a time to run: weekly or monthly.",
        computed_from=HEALTH_CHECK_TIMES,
    ),
    Control("app_aware_enabled", "boolean", "Applications are brought to a consistent state first."),
    Control(
        "app_processing_enabled",
        "boolean",
        "Of Windows machines: yes if all that have settings for applications are processed, no if one is not.",
    ),
    Control(
        "app_failure_handling",
        "string",
        "What follows if that fails, the worst of its machines: Disabled, IgnoreFailures, RequireSuccess.",
        holds="word",
    ),
    Control(
        "transaction_log_handling",
        "string",
        "Whether logs of databases are processed, the worst of its machines: CopyOnly, Process.",
        holds="word",
    ),
    Control(
        "sql_log_handling",
        "string",
        "What becomes of SQL logs, the worst of its machines: NeverTruncate, Preserve, Truncate, Backup.",
        holds="word",
    ),
    Control("swap_blocks_excluded", "boolean", "Blocks of swap files are left out."),
    Control("deleted_blocks_excluded", "boolean", "Blocks of deleted files are left out."),
    Control("pre_script_enabled", "boolean", "A script runs before the job."),
    Control("post_script_enabled", "boolean", "A script runs after the job."),
    Control("script_enabled", "boolean", "A script runs before or after the job.", computed_from=SCRIPTS),
    Control("backup_window_enabled", "boolean", "The job may run at set hours only."),
    Control("backup_window_days", "string", "The days with set hours, joined by commas.", holds="word"),
    Control(
        "backup_window_hours",
        "string",
        "The 24 hours of each of these days, joined by commas: 1 where the job may run, 0 where it may not.",
        holds="word",
    ),
    Control("email_enabled", "boolean", "The job sends mail."),
    Control("snmp_enabled", "boolean", "The job sends SNMP traps."),
    Control(
        "rpo_monitor_enabled",
        "boolean",
        "It warns if a new backup is not made (or, of a copy job, not copied) in time.",
    ),
    Control(
        "repository_id", "string", "The id of the repository it writes to (of a replica: its metadata).", holds="id"
    ),
    Control("primary_job_id", "string", "The id of the job whose backups it copies.", holds="id"),
    Control("backup_mode", "string", "How chains are built: incremental, reverse incremental, full…", holds="word"),
    Control("synthetic_fulls_enabled", "boolean", "Full backups are put together from increments."),
    Control("active_fulls_enabled", "boolean", "Active full backups are scheduled: read from the source."),
    Control("compression_level", "string", "How strongly the data is compressed.", holds="word"),
    Control("guest_indexing_enabled", "boolean", "Files inside the guests are indexed."),
    Control("storage_snapshots_enabled", "boolean", "It backs up from snapshots of the storage system."),
    Control("proxies_auto", "boolean", "Backup proxies are chosen automatically (of a replica: both sides')."),
    Control("deleted_data_removal_enabled", "boolean", "Data of vanished objects is removed after a time."),
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
