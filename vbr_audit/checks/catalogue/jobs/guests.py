"""Checks of how jobs treat applications in the guests, and of what their schedule hangs on."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.three_valued import (
    Cells,
    named,
    nullable,
    one_of,
    places_of,
    surely,
    surely_not,
    taken,
    worded,
)
from vbr_audit.revisions import is_at_least
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import CONTROL_WORDS, SOUND_WORDS

_CONTENT_SCAN = {"settings_profile": "1.3-rev1/SureBackupContentScan", "type": "SureBackupContentScan"}
_IMMEDIATE_COPY = {"settings_profile": "1.3-rev1/BackupCopy/Immediate", "type": "BackupCopy"}
_WINDOWS_AGENT = {"settings_profile": "1.3-rev1/WindowsAgentBackup", "type": "WindowsAgentBackup"}
_LINUX_AGENT = {"settings_profile": "1.3-rev1/LinuxAgentBackup", "type": "LinuxAgentBackup"}
_AWARE = {"app_aware_enabled": True}
_JOB_ID = "3f1c6a52-8f0e-4a56-9d4b-5e0f4c1f7a10"
_CHAINED = {"schedule_after_job_enabled": True, "is_disabled": False}

NOT_OFFERED = "not offered"
_UNAWARE = "application-aware processing is off"
_PLAIN = "none of its machines has settings of its own for applications"


def _settled(words: pd.Series, name: str) -> pd.Series:
    """Whether each word of the control `name` is a sound one, NA for an unknown word."""
    return one_of(words, SOUND_WORDS).mask(~surely(one_of(words, CONTROL_WORDS[name])))


@check(
    "JOB-016",
    "Application-aware processing is required to succeed",
    severity="low",
    table="jobs",
    reads=("app_failure_handling", "app_processing_enabled", "app_aware_enabled", "app_settings_count"),
    optional={"app_failure_handling": "RequireSuccess", "app_processing_enabled": True},
    expected="required to succeed, for each machine",
    failure="{ignores|ignore} failures of application-aware processing, or {skips|skip} it, for some machine",
    consequence="could keep an inconsistent backup of a machine without an alarm",
    remediation="Job > Guest Processing > Applications > Edit: require successful processing.",
    examples=(
        Example("PASS", {**_AWARE, "app_failure_handling": "RequireSuccess"}),
        Example("PASS", {**_WINDOWS_AGENT, **_AWARE, "app_processing_enabled": True}),
        Example("FAIL", {**_AWARE, "app_failure_handling": "IgnoreFailures", "app_settings_count": 1}),
        Example("FAIL", {**_AWARE, "app_failure_handling": "Disabled"}),
        Example("FAIL", {**_WINDOWS_AGENT, **_AWARE, "app_processing_enabled": False}),
        Example("UNKNOWN", {**_AWARE, "app_failure_handling": "TryHarder"}),
        Example("UNKNOWN", {**_AWARE, "app_failure_handling": None, "app_settings_count": 1}),
        Example("NOT_APPLICABLE", {**_AWARE, "app_settings_count": 0}),
        Example("NOT_APPLICABLE", {"app_aware_enabled": False, "app_failure_handling": "Disabled"}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def application_failures_count(jobs: pd.DataFrame) -> Outcome:
    """If failures are ignored, the job succeeds, but the database in it may not start after a restore."""
    handling, processed = jobs["app_failure_handling"], jobs["app_processing_enabled"]
    sound = _settled(handling, "app_failure_handling")
    plain, aware = surely(jobs["app_settings_count"] == 0), jobs["app_aware_enabled"]
    return Outcome(
        sound & processed,
        observed=worded(
            jobs.index,
            (surely_not(processed), "processing is off for some machine"),
            (surely(handling == "IgnoreFailures"), "failures are ignored for some machine"),
            (surely(handling == "Disabled"), "processing is off for some machine"),
            (surely(sound & processed), "required to succeed"),
        ),
        reason=worded(
            jobs.index,
            (surely_not(aware), _UNAWARE),
            (plain, _PLAIN),
            (are_known(handling) & are_missing(sound), "this check does not know that choice"),
        ),
        applies=aware.mask(plain & surely(aware), False),
    )


@check(
    "JOB-017",
    "Transaction logs are processed",
    severity="low",
    table="jobs",
    reads=("transaction_log_handling", "sql_log_handling", "app_aware_enabled", "app_settings_count"),
    optional={"transaction_log_handling": NOT_OFFERED},
    expected="logs processed, those of SQL Server truncated or backed up",
    failure="{leaves|leave} transaction logs as they are",
    consequence="could let transaction logs grow until a database stops",
    remediation="Job > Guest Processing > Applications > Edit > SQL: truncate logs, or back them up periodically.",
    examples=(
        Example("PASS", {**_AWARE, "transaction_log_handling": "Process", "sql_log_handling": "Truncate"}),
        Example("PASS", {**_AWARE, "transaction_log_handling": "Process", "sql_log_handling": "Backup"}),
        Example("FAIL", {**_AWARE, "transaction_log_handling": "CopyOnly"}),
        Example("FAIL", {**_AWARE, "transaction_log_handling": "Process", "sql_log_handling": "NeverTruncate"}),
        Example("UNKNOWN", {**_AWARE, "transaction_log_handling": "Process", "sql_log_handling": "Fold"}),
        Example("UNKNOWN", {**_AWARE, "transaction_log_handling": "Sometimes", "sql_log_handling": "Truncate"}),
        Example("UNKNOWN", {**_AWARE, "app_settings_count": 1}),
        Example("NOT_APPLICABLE", {**_AWARE, "app_settings_count": 0}),
        Example("NOT_APPLICABLE", {"app_aware_enabled": False}),
        Example("NOT_APPLICABLE", {**_LINUX_AGENT, **_AWARE}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def logs_processed(jobs: pd.DataFrame) -> Outcome:
    """Logs that are not truncated fill the disk, and without log backups a restored database loses up to a day."""
    logs, sql = jobs["transaction_log_handling"], jobs["sql_log_handling"]
    processed, sound = _settled(logs, "transaction_log_handling"), _settled(sql, "sql_log_handling")
    offered, aware = surely(logs != NOT_OFFERED) | are_missing(logs), jobs["app_aware_enabled"]
    plain = surely(jobs["app_settings_count"] == 0)
    strange = (logs.notna() & processed.isna()).to_numpy() | (sql.notna() & sound.isna()).to_numpy()
    return Outcome(
        processed & sound,
        observed=worded(
            jobs.index,
            (surely_not(processed), "copy only: logs stay as they are"),
            (surely_not(sound), "SQL logs are kept as they are"),
            (surely(processed & sound), "logs processed"),
        ),
        reason=worded(
            jobs.index,
            (~offered, "this kind of job does not process logs"),
            (surely_not(aware), _UNAWARE),
            (plain, _PLAIN),
            (strange, "this check does not know that choice"),
        ),
        applies=aware.mask(~offered | (plain & surely(aware)), False),
    )


@check(
    "JOB-023",
    "The job that starts this one exists and is enabled",
    severity="high",
    tables=("jobs", "job_states"),
    aggregates=("jobs",),
    reads=(
        "schedule_after_job_name",
        "schedule_after_job_enabled",
        "is_disabled",
        "name",
        "job_id",
        "settings_profile",
        "job_states.job_id",
        "job_states.run_after_job_id",
    ),
    expected="an enabled job of this server",
    failure="{starts|start} after a job that is disabled or not on this server",
    consequence="may never start",
    remediation="Job > Schedule > After this job: choose a job that runs, or schedule it at its own time.",
    examples=(
        Example("PASS", {**_CHAINED, "schedule_after_job_name": "Nightly"}),
        Example(
            "PASS", {**_CHAINED, "schedule_after_job_name": "Nightly", "settings_profile": "1.2-rev1/VSphereBackup"}
        ),
        Example(
            "PASS",
            {**_CHAINED, "schedule_after_job_name": "Nightly"},
            {"jobs": [{"job_id": "job-2", "name": None}]},
        ),
        Example("PASS", {**_CHAINED, "name": None}, {"job_states": [{"run_after_job_id": _JOB_ID}]}),
        Example("FAIL", {**_CHAINED, "schedule_after_job_name": "Nightly", "is_disabled": True}),
        Example("FAIL", {**_CHAINED, "schedule_after_job_name": "Gone"}),
        Example("FAIL", {**_CHAINED}, {"job_states": [{"run_after_job_id": "gone"}]}),
        Example("UNKNOWN", _CHAINED),
        Example(
            "UNKNOWN",
            {**_CHAINED, "schedule_after_job_name": "Gone", "settings_profile": "1.2-rev1/VSphereBackup"},
        ),
        Example(
            "UNKNOWN",
            {**_CHAINED, "schedule_after_job_name": "Twin"},
            {"jobs": [{"job_id": f"twin-{number}", "name": "Twin", "is_disabled": False} for number in (1, 2)]},
        ),
        Example(
            "UNKNOWN",
            {**_CHAINED, "schedule_after_job_name": "Gone"},
            {"jobs": [{"job_id": "job-2", "name": None}]},
        ),
        Example(
            "UNKNOWN",
            _CHAINED,
            {"job_states": [{"run_after_job_id": "gone"}], "jobs": [{"job_id": None, "name": "Weekly"}]},
        ),
        Example("NOT_APPLICABLE", {"schedule_after_job_enabled": False, "schedule_after_job_name": "Gone"}),
        Example("NOT_APPLICABLE", _IMMEDIATE_COPY),
    ),
)
def predecessor_runs(jobs: pd.DataFrame, states: pd.DataFrame) -> Outcome:
    """A job that starts after a job that never runs does not run either, and shows no failure.

    Before 1.3 no list contains the jobs of agents and copies: the check cannot know if a job is not on this server.
    """
    wanted = jobs["schedule_after_job_name"]
    reported = taken(states["run_after_job_id"], places_of(jobs["job_id"], states["job_id"]), jobs.index)
    by_id = are_known(reported)
    by_name, keyed = places_of(wanted, jobs["name"]), places_of(reported, jobs["job_id"])
    place = np.where(by_id, keyed, by_name)
    twice = ~by_id & surely(one_of(wanted, jobs.loc[jobs["name"].duplicated(keep=False), "name"].dropna()))
    gaps = np.where(by_id, jobs["job_id"].isna().any(), jobs["name"].isna().any()).astype(bool)
    unknown = are_missing(jobs["job_id"]) | twice | (~by_id & are_missing(wanted)) | ((place < 0) & gaps)
    part_listed = (place < 0) & ~_are_all_listed(jobs["settings_profile"])
    unknown |= part_listed | are_missing(jobs["settings_profile"])
    enabled = ~taken(jobs["is_disabled"], place, jobs.index)
    chained = jobs["schedule_after_job_enabled"]
    title = named(taken(jobs["name"], place, jobs.index).fillna(wanted), "job").fillna("a job without a name")
    lost = place < 0
    ok = (enabled & nullable(~lost, np.zeros(len(jobs), bool), jobs.index)).mask(unknown)
    return Outcome(
        ok,
        observed=worded(
            jobs.index,
            (lost & by_id, "after a job that is not on this server"),
            (lost, "after " + title + ", which is not on this server"),
            (enabled, "after " + title + ", enabled"),
            (surely_not(enabled), "after " + title + ", disabled"),
        ),
        reason=worded(
            jobs.index,
            (surely_not(chained), "it does not start after another job"),
            (ok.notna(), pd.NA),
            (twice, "several jobs have the name of the one that it starts after"),
            (~by_id & are_missing(wanted), "which job it starts after is not reported"),
            (are_missing(jobs["settings_profile"]), "in which revision its settings were read is not known"),
            (part_listed, "it is not listed, and the server lists no jobs of agents and copies over REST before 1.3"),
            (lost, "not all jobs have a name and an id, so that the one it starts after cannot be looked up"),
            (enabled.isna(), "whether the job that it starts after is enabled is not known"),
        ),
        applies=chained,
        applies_by_settings=True,
    )


def _are_all_listed(profiles: pd.Series) -> Cells:
    """A plain boolean array: the jobs of servers that list every kind of job, by the revision in their profile."""
    codes = codes_of(profiles)
    revisions = (text.partition("/")[0] for text in codes.texts.tolist())
    return codes.spread((is_at_least(revision, "1.3-rev0") for revision in revisions), bool, missing=False)


@check(
    "JOB-027",
    "Large jobs have a backup window",
    severity="info",
    tables=("jobs", "job_states"),
    reads=("backup_window_enabled", "job_id", "job_states.job_id", "job_states.objects_count"),
    expected="a backup window, for jobs of {min_objects} objects or more",
    failure="{has} {min_objects} objects or more and no backup window",
    consequence="could slow down production during office hours",
    remediation="Job > Schedule > Backup window: set the hours in which the job can run.",
    examples=(
        Example("PASS", {"backup_window_enabled": True}, {"job_states": [{"objects_count": 50}]}),
        Example("FAIL", {"backup_window_enabled": False}, {"job_states": [{"objects_count": 50}]}),
        Example("UNKNOWN", {"backup_window_enabled": None}, {"job_states": [{"objects_count": 50}]}),
        Example("UNKNOWN", {"backup_window_enabled": True}),
        Example("NOT_APPLICABLE", {"backup_window_enabled": False}, {"job_states": [{"objects_count": 49}]}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def window_set(
    jobs: pd.DataFrame,
    states: pd.DataFrame,
    *,
    min_objects: Annotated[int, param("Minimum number of objects of a large job.", unit="objects", ge=1)] = 50,
) -> Outcome:
    """A large job that runs into the working day slows down the systems that it protects."""
    objects = taken(states["objects_count"], places_of(jobs["job_id"], states["job_id"]), jobs.index)
    large = objects >= min_objects
    counts = [f"{count} objects" for count in objects.fillna(0)]
    on = jobs["backup_window_enabled"]
    return Outcome(
        on,
        observed=worded(jobs.index, (on, "a backup window is set"), (surely_not(on), "runs at any hour")),
        reason=worded(
            jobs.index,
            (surely_not(large), [f"{text}: not a large job" for text in counts]),
            (objects.isna(), "how many objects it protects is not known"),
        ),
        applies=large,
    )
