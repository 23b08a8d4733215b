"""Checks of what jobs take in, of their names, and of whom they notify."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator

from vbr_audit.checks.catalogue.security.notifications import server_mail
from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.operators import safe_pattern
from vbr_audit.checks.logic.three_valued import named, one_of, places_of, surely, surely_not, taken, worded
from vbr_audit.tables.build.enums import JOB_TYPES

_CONTENT_SCAN = {"settings_profile": "1.3-rev1/SureBackupContentScan", "type": "SureBackupContentScan"}
_FILE_COPY = {"settings_profile": "1.3-rev1/FileBackupCopy", "type": "FileBackupCopy"}
_AGENT = {"settings_profile": "1.3-rev1/WindowsAgentBackup", "type": "WindowsAgentBackup"}
_SERVER_MAIL = {"general_options": [{"email_enabled": True}]}

UNDESCRIBED = ("FileBackupCopy", "EntraIDTenantBackupCopy")
WITH_EXCLUSIONS = ("VSphereBackup", "HyperVBackup", "CloudDirectorBackup", "VSphereReplica", "BackupCopy")
_COPY = {"settings_profile": "1.3-rev1/BackupCopy/Immediate", "type": "BackupCopy"}
_PARTLY = ("SystemOnly", "SelectedDisks")


def _regular(pattern: str) -> str:
    """The pattern itself; raises `ValueError` where it is no regular expression, or one that could run for ever."""
    return safe_pattern(pattern, most_repeats=6)


@check(
    "JOB-018",
    "The job's results are sent by e-mail",
    severity="medium",
    tables=("jobs", "general_options", "email_settings"),
    fallback=("general_options", "email_settings"),
    reads=(
        "email_enabled",
        "general_options.email_enabled",
        "general_options.smtp_server",
        "email_settings.is_enabled",
        "email_settings.smtp_server",
    ),
    optional={"email_enabled": False},
    expected="mail of the whole server, by which the job's mail goes too",
    failure="{sends|send} no mail about {its} results",
    consequence="could fail for days before anybody knows",
    remediation="Menu > Options > E-mail Settings: enable notifications; or Job > Storage > Advanced > Notifications.",
    examples=(
        Example("PASS", {}, _SERVER_MAIL),
        Example("PASS", {}, {"email_settings": [{"is_enabled": True}]}),
        Example("FAIL", {"email_enabled": False}, {"general_options": [{"email_enabled": False}]}),
        Example("FAIL", {"email_enabled": True}, {"general_options": [{"email_enabled": False}]}),
        Example("FAIL", {"email_enabled": True}, {"general_options": [{"email_enabled": True, "smtp_server": ""}]}),
        Example("FAIL", {}, {"email_settings": [{"is_enabled": True, "smtp_server": " "}]}),
        Example(
            "FAIL",
            {"email_enabled": False},
            {"general_options": [{"email_enabled": True}], "email_settings": [{"is_enabled": False}]},
        ),
        Example("UNKNOWN", {"email_enabled": False}),
        Example("UNKNOWN", {"email_enabled": True}),
        Example("UNKNOWN", {"email_enabled": True}, _SERVER_MAIL, datasets={"general_options": "denied"}),
        Example("NOT_APPLICABLE", _FILE_COPY),
    ),
)
def mail_sent(jobs: pd.DataFrame, options: pd.DataFrame, mail: pd.DataFrame) -> Outcome:
    """A failure that nobody is notified of is discovered on the day of the restore.

    A job's own e-mail uses the server's mail settings: while these are disabled, the job notifies nobody by e-mail.
    """
    own, whole = jobs["email_enabled"], server_mail(jobs.index, options, mail)
    return Outcome(
        whole,
        observed=worded(
            jobs.index,
            (own & whole, "mail of the job"),
            (whole, "mail of the whole server"),
            (own & surely_not(whole), "mail of the job, but the server sends none"),
            (surely_not(whole), "neither the job nor the server sends mail"),
        ),
        reason=worded(
            jobs.index,
            (whole.notna(), pd.NA),
            (own, "the job sends mail, but whether the server's mail is on was not readable"),
            default="whether the server sends mail was not readable",
        ),
    )


@check(
    "JOB-029",
    "The copy job warns when a backup is not copied in time",
    severity="low",
    table="jobs",
    reads=("rpo_monitor_enabled", "type"),
    expected="RPO monitor on",
    failure="{does} not warn when a backup is not copied in time",
    consequence="could fall behind without anybody noticing",
    remediation="Copy job > Target > Advanced > RPO Monitor: warn if a new backup is not copied within a day.",
    examples=(
        Example("PASS", {**_COPY, "rpo_monitor_enabled": True}),
        Example("FAIL", {**_COPY, "rpo_monitor_enabled": False}),
        Example("UNKNOWN", {**_COPY, "rpo_monitor_enabled": None}),
        Example("UNKNOWN", {**_COPY, "type": None, "rpo_monitor_enabled": True}),
        Example("NOT_APPLICABLE", {"rpo_monitor_enabled": True}),
        Example("NOT_APPLICABLE", _FILE_COPY),
    ),
)
def copy_is_watched(jobs: pd.DataFrame) -> Outcome:
    """A copy job that waits for a window or its source does not fail: only the RPO monitor reports that it is late."""
    on, copies = jobs["rpo_monitor_enabled"], jobs["type"] == "BackupCopy"
    return Outcome(
        on,
        observed=worded(jobs.index, (on, "on"), (~on, "off")),
        applies=copies,
        reason=worded(
            jobs.index,
            (surely_not(copies), "it is not a backup copy job"),
            (copies.isna(), "its type is not known"),
        ),
    )


@check(
    "JOB-019",
    "The description says what the job is for",
    severity="info",
    table="jobs",
    reads=("description", "type"),
    json_path="description",
    expected="a description of its own",
    failure="{has} no description of {its} own",
    consequence="may be misunderstood when somebody has to act in a hurry",
    remediation="Job > Name > Description: enter purpose, owner and service level.",
    examples=(
        Example("PASS", {"description": "Payroll databases, owner: finance IT"}),
        Example("FAIL", {"description": "  "}),
        Example("FAIL", {"description": "Created by EXAMPLE\\admin at 01.03.2026 10:00."}),
        Example("UNKNOWN", {"description": None}),
        Example("NOT_APPLICABLE", {**_FILE_COPY, "description": None}),
    ),
)
def described(jobs: pd.DataFrame) -> Outcome:
    """When a job fails at night, the description is the first place to look for who depends on it."""
    text = jobs["description"].str.strip()
    default = text.str.casefold().str.startswith("created by").astype("boolean")
    bare = (text == "").astype("boolean")
    applies = ~one_of(jobs["type"], UNDESCRIBED)
    return Outcome(
        ~bare & ~default,
        observed=worded(jobs.index, (bare, "empty"), (text.notna(), named(text, "prose"))),
        reason=worded(jobs.index, (surely_not(applies), "this kind of job has no description")),
        applies=applies,
    )


@check(
    "JOB-020",
    "The job protects at least one object",
    severity="high",
    tables=("jobs", "job_states"),
    reads=("job_states.objects_count", "included_count", "job_id", "job_states.job_id"),
    json_path="objectsCount",
    expected="at least one object",
    failure="{has} nothing to protect",
    consequence="may leave machines unprotected that somebody relies on",
    remediation="Job > Virtual Machines: add the objects to protect; or delete the job.",
    examples=(
        Example("PASS", {}, {"job_states": [{"objects_count": 1}]}),
        Example("FAIL", {}, {"job_states": [{"objects_count": 0}]}),
        Example("FAIL", {"included_count": 0}, {"job_states": [{"objects_count": 1}]}),
        Example("UNKNOWN", {"included_count": 3}, {"job_states": [{"objects_count": None}]}),
        Example("UNKNOWN", {}),
    ),
)
def protects_something(jobs: pd.DataFrame, states: pd.DataFrame) -> Outcome:
    """An empty job succeeds every night and protects nothing."""
    row = places_of(jobs["job_id"], states["job_id"])
    objects = taken(states["objects_count"], row, jobs.index)
    listless = (jobs["included_count"] == 0).fillna(False).astype("boolean")
    counts = [f"{count} object{'' if count == 1 else 's'}" for count in objects.fillna(0)]
    return Outcome(
        (objects > 0) & ~listless,
        observed=worded(jobs.index, (listless, "its list of sources is empty"), (objects.notna(), counts)),
        reason=worded(
            jobs.index,
            (row < 0, "no state was returned for this job"),
            (objects.isna(), "objectsCount is missing in the answer"),
        ),
    )


@check(
    "JOB-021",
    "Everything in the job's scope is backed up",
    severity="info",
    table="jobs",
    reads=("excluded_count", "excluded_jobs_count", "disks_to_process", "type"),
    json_path="virtualMachines.excludes",
    expected="without exclusions",
    failure="{leaves|leave} out machines, disks or jobs",
    consequence="may not bring back everything in a restore",
    remediation="Job > Virtual Machines > Exclusions: remove those that are not agreed, record the others as a waiver.",
    examples=(
        Example("PASS", {"excluded_count": 0}),
        Example("FAIL", {"excluded_count": 1}),
        Example("FAIL", {"excluded_count": 0, "excluded_jobs_count": 1, "type": "BackupCopy"}),
        Example("FAIL", {"excluded_count": 0, "disks_to_process": "AllDisks,SystemOnly"}),
        Example("UNKNOWN", {"excluded_count": None}),
        Example("UNKNOWN", {"excluded_count": 0, "disks_to_process": "EvenDisks"}),
        Example("UNKNOWN", {"excluded_count": None, "type": "NewBackup"}),
        Example("NOT_APPLICABLE", _AGENT),
    ),
)
def nothing_excluded(jobs: pd.DataFrame) -> Outcome:
    """Nobody notices that a machine or a disk is excluded until it must be restored."""
    machines, others = jobs["excluded_count"], jobs["excluded_jobs_count"].fillna(0)
    words = {text: set(str(text).split(",")) for text in jobs["disks_to_process"].dropna().unique()}
    cells = jobs["disks_to_process"]
    partly = cells.isin([text for text, parts in words.items() if parts & set(_PARTLY)]).to_numpy(dtype=bool)
    strange = cells.isin([text for text, parts in words.items() if parts - {*_PARTLY, "AllDisks", ""}])
    open_ = strange.to_numpy(dtype=bool)
    left_out = (machines + others) > 0
    bad = left_out | pd.Series(pd.array(partly, dtype="boolean"), index=jobs.index)
    applies = one_of(jobs["type"], WITH_EXCLUSIONS).mask(~surely(one_of(jobs["type"], JOB_TYPES)))
    counts = [f"{number} left out" for number in (machines + others).fillna(0)]
    return Outcome(
        (~bad).mask(open_ & ~surely(bad)),
        observed=worded(
            jobs.index,
            (left_out, counts),
            (partly, "not all disks of each machine"),
            (surely_not(bad), "nothing left out"),
        ),
        json_path=worded(
            jobs.index,
            (surely(jobs["type"] == "BackupCopy"), "sourceObjects.excludes"),
            (partly & ~surely(left_out), "virtualMachines.excludes.disks"),
        ),
        reason=worded(
            jobs.index,
            (surely_not(applies), "this kind of job has no exclusions of machines"),
            (applies.isna(), "this check does not know what this kind of job can leave out"),
            (machines.isna(), "virtualMachines.excludes is missing in the answer"),
            (open_, "this check does not know that choice of disks"),
        ),
        applies=applies,
    )


@check(
    "JOB-022",
    "Each global exclusion has a note with the reason",
    severity="medium",
    table="global_exclusions",
    reads=("note",),
    json_path="note",
    expected="a note with the reason",
    failure="{has} no note with a reason",
    consequence="could hide machines that should be protected",
    remediation="Menu > Global VM Exclusions: remove the machine, or write in the note why it is excluded.",
    examples=(
        Example("PASS", {"note": "Test machine, rebuilt every night"}),
        Example("FAIL", {"note": ""}),
        Example("FAIL", {"note": "   "}),
        Example("UNKNOWN", {"note": None}),
    ),
)
def exclusion_explained(exclusions: pd.DataFrame) -> Outcome:
    """A global exclusion overrides every job: the machine stays unprotected even if a job includes it."""
    note = exclusions["note"].str.strip()
    good = (note != "").astype("boolean")
    return Outcome(
        good, observed=worded(exclusions.index, (good, named(note, "prose")), (surely_not(good), "without a note"))
    )


@check(
    "JOB-025",
    "The name follows the naming rule",
    severity="info",
    table="jobs",
    reads=("name",),
    json_path="name",
    expected="a name that fits {pattern}",
    failure="{has} a name that does not fit the naming rule",
    consequence="may be hard to find when a backup is looked for",
    remediation="Job > Name: rename the job according to the naming rule.",
    examples=(
        Example("PASS", {"name": "PRD-SQL-01"}, params={"pattern": r"(PRD|TST)-.+"}),
        Example("FAIL", {"name": "Backup Job 1"}, params={"pattern": r"(PRD|TST)-.+"}),
        Example("FAIL", {"name": "My PRD-SQL-01"}, params={"pattern": r"(PRD|TST)-.+"}),
        Example("UNKNOWN", {"name": None}, params={"pattern": ".+"}),
        Example("NOT_APPLICABLE", {"name": "Backup Job 1"}),
    ),
)
def name_fits(
    jobs: pd.DataFrame,
    *,
    pattern: Annotated[
        str, param("A regular expression that the whole name must match; empty for none."), AfterValidator(_regular)
    ] = "",
) -> Outcome:
    """Names that follow a rule show the owner and the service at a glance, in every report and every alarm."""
    asked = pd.Series(pd.array(np.full(len(jobs), bool(pattern)), dtype="boolean"), index=jobs.index)
    fits = jobs["name"].str.fullmatch(pattern).astype("boolean")
    return Outcome(
        fits,
        observed=named(jobs["name"], "job"),
        reason=worded(jobs.index, (surely_not(asked), "no pattern is set")),
        applies=asked,
    )


@check(
    "JOB-026",
    "The job runs without scripts",
    severity="info",
    table="jobs",
    reads=("pre_script_enabled", "post_script_enabled"),
    expected="without scripts",
    failure="{runs|run} a script",
    consequence="could run commands that an attacker has changed",
    remediation="Job > Storage > Advanced > Scripts: remove the scripts, or record them as a waiver with an owner.",
    examples=(
        Example("PASS", {"pre_script_enabled": False, "post_script_enabled": False}),
        Example("FAIL", {"pre_script_enabled": True, "post_script_enabled": False}),
        Example("FAIL", {"pre_script_enabled": False, "post_script_enabled": True}),
        Example("UNKNOWN", {"pre_script_enabled": False}),
        Example("NOT_APPLICABLE", _CONTENT_SCAN),
    ),
)
def scriptless(jobs: pd.DataFrame) -> Outcome:
    """A script runs with the rights of the backup service: anyone who can change it controls the server."""
    before, after = jobs["pre_script_enabled"], jobs["post_script_enabled"]
    return Outcome(
        ~(before | after),
        observed=worded(
            jobs.index,
            (surely(before & after), "a script before and after the job"),
            (before, "a script before the job"),
            (after, "a script after the job"),
            (surely(~before & ~after), "without scripts"),
        ),
    )
