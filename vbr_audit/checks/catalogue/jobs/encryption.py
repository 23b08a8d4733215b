"""Checks of whether backups are encrypted where they must be, and by which key."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import (
    Cells,
    any_of,
    nullable,
    one_of,
    places_of,
    surely,
    surely_not,
    taken,
    worded,
)
from vbr_audit.tables.build.arrays import are_known, are_missing

_TENANT = {"settings_profile": "1.3-rev1/EntraIDTenantBackup", "type": "EntraIDTenantBackup"}
_REPLICA = {"settings_profile": "1.3-rev1/VSphereReplica", "type": "VSphereReplica"}
_BY_P1 = {"encryption_enabled": True, "encryption_type": "ByUserPassword", "encryption_password_id": "p1"}
_BY_KMS = {"job_id": "job-2", "encryption_enabled": True, "encryption_type": "ByKms"}
_OFF = {"job_id": "job-5", "encryption_enabled": False, "encryption_password_id": "p1"}
_OF_REPLICA = {**_REPLICA, "job_id": "job-3"}
_OLD = {"settings_profile": "1.1-rev1/VSphereBackup"}

CLOUD = ("object storage", "archive storage")
_ID = "3b1d0f86-0c5e-4a0e-8a53-1d4d54a5f001"
_SCALE_OUT: dict[str, list[dict[str, object]]] = {
    "scale_out_repositories": [
        {"scale_out_repository_id": _ID, "capacity_tier_enabled": True, "capacity_encryption_enabled": True}
    ],
    "scale_out_extents": [{"scale_out_repository_id": _ID, "tier": "Performance", "repository_id": "extent-1"}],
    "repositories": [{"repository_id": "extent-1", "storage_class": "local disk"}],
}


def _scale_out(performance: str | None = "local disk", **tier: bool | None) -> dict[str, list[dict[str, object]]]:
    """The tables of one scale-out repository, with another class of its extent or another capacity tier."""
    return {
        **_SCALE_OUT,
        "scale_out_repositories": [{**_SCALE_OUT["scale_out_repositories"][0], **tier}],
        "repositories": [{"repository_id": "extent-1", "storage_class": performance}],
    }


@check(
    "JOB-008",
    "Backups are encrypted",
    severity="medium",
    table="jobs",
    reads=("encryption_enabled",),
    expected="on",
    failure="{does} not encrypt backups",
    consequence="could expose all backed-up data when a disk or file is stolen",
    remediation="Job > Storage > Advanced > Storage > Enable backup file encryption; keep the password safe.",
    examples=(
        Example("PASS", {"encryption_enabled": True}),
        Example("FAIL", {"encryption_enabled": False}),
        Example("UNKNOWN", {"encryption_enabled": None}),
        Example("UNKNOWN", {"settings_profile": None, "type": "ProxmoxBackup"}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def backups_encrypted(jobs: pd.DataFrame) -> pd.Series:
    """Anyone who copies unencrypted backup files has the data of every machine in them."""
    return jobs["encryption_enabled"]


@check(
    "JOB-009",
    "Backups in object or cloud storage are encrypted",
    severity="critical",
    tables=("jobs", "repositories", "scale_out_repositories", "scale_out_extents"),
    aggregates=("scale_out_extents",),
    reads=(
        "encryption_enabled",
        "repository_id",
        "type",
        "repositories.repository_id",
        "repositories.storage_class",
        "scale_out_repositories.scale_out_repository_id",
        "scale_out_repositories.capacity_tier_enabled",
        "scale_out_repositories.capacity_encryption_enabled",
        "scale_out_extents.scale_out_repository_id",
        "scale_out_extents.repository_id",
        "scale_out_extents.tier",
    ),
    expected="encrypted by the job, or by the capacity tier that holds them",
    failure="{has} unencrypted backups in object or cloud storage",
    consequence="could expose all backed-up data to whoever reaches the storage",
    remediation="Job > Storage > Advanced > Storage: enable encryption; or encrypt the capacity tier.",
    examples=(
        Example(
            "PASS",
            {"encryption_enabled": True, "repository_id": _ID},
            {"repositories": [{"repository_id": _ID, "storage_class": "object storage"}]},
        ),
        Example("PASS", {"repository_id": _ID}, _SCALE_OUT),
        Example(
            "PASS",
            {"encryption_enabled": True, "repository_id": _ID},
            _scale_out("object storage", capacity_tier_enabled=None, capacity_encryption_enabled=None),
        ),
        Example(
            "FAIL",
            {"encryption_enabled": False, "repository_id": _ID},
            {"repositories": [{"repository_id": _ID, "storage_class": "archive storage"}]},
        ),
        Example("FAIL", {"encryption_enabled": False, "repository_id": _ID}, _scale_out("object storage")),
        Example(
            "FAIL",
            {"encryption_enabled": False, "repository_id": _ID},
            _scale_out(capacity_encryption_enabled=False),
        ),
        Example("UNKNOWN", {"encryption_enabled": False, "repository_id": _ID}),
        Example("UNKNOWN", {"encryption_enabled": False, "repository_id": _ID}, _scale_out(None)),
        Example(
            "NOT_APPLICABLE",
            {"encryption_enabled": False, "repository_id": _ID},
            {"repositories": [{"repository_id": _ID, "storage_class": "local disk"}]},
        ),
        Example(
            "NOT_APPLICABLE",
            {"encryption_enabled": False, "repository_id": _ID},
            _scale_out(capacity_tier_enabled=False),
        ),
        Example(
            "NOT_APPLICABLE",
            {**_REPLICA, "repository_id": _ID},
            {"repositories": [{"repository_id": _ID, "storage_class": "object storage"}]},
        ),
        Example("NOT_APPLICABLE", {**_TENANT, "encryption_enabled": True}),
    ),
)
def cloud_backups_encrypted(
    jobs: pd.DataFrame, repositories: pd.DataFrame, scale_out: pd.DataFrame, extents: pd.DataFrame
) -> Outcome:
    """Third-party storage keeps the data outside the company: anyone who reads the bucket reads every machine in it.

    For a scale-out repository, the performance extents and the capacity tier count.
    """
    target = jobs["repository_id"]
    plain, pool = places_of(target, repositories["repository_id"]), places_of(target, scale_out.iloc[:, 0])
    is_cloud = one_of(repositories["storage_class"], CLOUD)
    front = _performance_in_cloud(scale_out, extents, repositories["repository_id"], is_cloud)
    direct = taken(is_cloud, plain, jobs.index).mask(pool >= 0, taken(front, pool, jobs.index))
    tier = taken(scale_out["capacity_tier_enabled"], pool, jobs.index).mask(pool < 0, False)
    tier_encrypted = taken(scale_out["capacity_encryption_enabled"], pool, jobs.index)
    encrypted = jobs["encryption_enabled"]
    replicates, without = jobs["type"] == "VSphereReplica", jobs["type"] == "EntraIDTenantBackup"
    backs_up = ~(replicates | without)
    is_listed = (plain >= 0) | (pool >= 0)
    ok = encrypted | (~direct & tier_encrypted)
    return Outcome(
        ok,
        observed=worded(
            jobs.index,
            (encrypted, "encrypted by the job"),
            (ok, "encrypted by the capacity tier"),
            (surely(~ok & direct), "in object or cloud storage, not encrypted"),
            (surely_not(ok), "the capacity tier holds them, not encrypted"),
        ),
        reason=worded(
            jobs.index,
            (surely(replicates), "a replica job only keeps its metadata in a repository"),
            (surely(without), "the backup of a tenant lies in a database of the backup server, in no repository"),
            (surely(~direct & ~tier), "its repository is neither object nor cloud storage"),
            (surely(ok & (direct | tier)), pd.NA),
            (target.isna() & jobs["encryption_enabled"].notna(), "which repository it writes to is not reported"),
            (are_known(target) & ~is_listed, "its repository is not among those that were read"),
            (surely(target.notna()) & (direct.isna() | tier.isna()), "where its repository keeps data is not known"),
        ),
        applies=backs_up & (direct | tier),
    )


def _performance_in_cloud(
    scale_out: pd.DataFrame, extents: pd.DataFrame, ids: pd.Series, cloud: pd.Series
) -> pd.Series:
    """Whether a performance extent of each scale-out repository is cloud storage; NA where none is known at all."""
    performance = surely(extents["tier"] == "Performance")
    owners = places_of(extents["scale_out_repository_id"], scale_out["scale_out_repository_id"])
    owners = np.where(performance, owners, -1)
    answers = taken(cloud, places_of(extents["repository_id"], ids), extents.index)
    some: Cells = np.bincount(owners[owners >= 0], minlength=len(scale_out)) > 0
    return any_of(owners, answers, scale_out.index).mask(~some)


@check(
    "JOB-010",
    "The key that encrypts the backups is kept on this server",
    severity="medium",
    tables=("jobs", "encryption_passwords", "kms_servers"),
    fallback=("kms_servers",),
    aggregates=("encryption_passwords",),
    optional={"encryption_type": "ByUserPassword"},
    reads=(
        "encryption_enabled",
        "encryption_type",
        "encryption_password_id",
        "kms_server_id",
        "encryption_passwords.encryption_password_id",
        "encryption_passwords.is_imported",
        "kms_servers.kms_server_id",
    ),
    json_path="encryption",
    expected="a password of this server, not imported; or a key management server that is set up here",
    failure="{encrypts|encrypt} with a key that is imported or not kept on this server",
    consequence="could leave backups that nobody is able to open",
    remediation="Menu > Credentials & Passwords > Encryption Passwords: add a password, and select it in the job.",
    examples=(
        Example(
            "PASS",
            {"encryption_enabled": True, "encryption_type": "ByUserPassword", "encryption_password_id": "p1"},
            {"encryption_passwords": [{"encryption_password_id": "p1", "is_imported": False}]},
        ),
        Example(
            "PASS",
            {**_OLD, "encryption_enabled": True, "encryption_password_id": "p1"},
            {"encryption_passwords": [{"encryption_password_id": "p1", "is_imported": False}]},
        ),
        Example(
            "PASS",
            {"encryption_enabled": True, "encryption_type": "ByKms", "kms_server_id": "k1"},
            {"kms_servers": [{"kms_server_id": "k1"}]},
        ),
        Example(
            "FAIL",
            {"encryption_enabled": True, "encryption_type": "ByUserPassword", "encryption_password_id": "p1"},
            {"encryption_passwords": [{"encryption_password_id": "p1", "is_imported": True}]},
        ),
        Example(
            "FAIL",
            {"encryption_enabled": True, "encryption_type": "ByUserPassword", "encryption_password_id": "p1"},
            {"encryption_passwords": [{"encryption_password_id": "p2", "is_imported": False}]},
        ),
        Example(
            "FAIL",
            {"encryption_enabled": True, "encryption_type": "ByKms", "kms_server_id": "k1"},
            {"kms_servers": [{"kms_server_id": "k2"}]},
        ),
        Example(
            "PASS",
            {"encryption_enabled": True, "encryption_type": "ByUserPassword", "encryption_password_id": "p1"},
            {
                "encryption_passwords": [
                    {"encryption_password_id": "p1", "is_imported": False},
                    {"encryption_password_id": None},
                ]
            },
        ),
        Example(
            "UNKNOWN",
            {"encryption_enabled": True, "encryption_type": "ByUserPassword", "encryption_password_id": "p1"},
            {"encryption_passwords": [{"encryption_password_id": "p2"}, {"encryption_password_id": None}]},
        ),
        Example(
            "UNKNOWN",
            {"encryption_enabled": True, "encryption_type": "ByKms", "kms_server_id": "k1"},
            {"kms_servers": [{"kms_server_id": "k2"}, {"kms_server_id": None}]},
        ),
        Example("UNKNOWN", {"encryption_enabled": True, "encryption_type": "ByKms", "kms_server_id": "k1"}),
        Example("UNKNOWN", {"encryption_enabled": True, "encryption_type": "ByStars", "encryption_password_id": "p1"}),
        Example("UNKNOWN", {"encryption_enabled": True, "encryption_type": "ByUserPassword"}),
        Example("NOT_APPLICABLE", {"encryption_enabled": False}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def encryption_key_known(jobs: pd.DataFrame, passwords: pd.DataFrame, kms: pd.DataFrame) -> Outcome:
    """A backup is worthless if nobody knows its encryption key after the server is lost."""
    password, server, how = jobs["encryption_password_id"], jobs["kms_server_id"], jobs["encryption_type"]
    row = places_of(password, passwords["encryption_password_id"])
    keyless = passwords["encryption_password_id"].isna().any()
    known = nullable(row >= 0, are_missing(password) | ((row < 0) & keyless), jobs.index)
    imported = taken(passwords["is_imported"], row, jobs.index)
    at_kms = places_of(server, kms["kms_server_id"]) >= 0
    unlisted = bool(kms["kms_server_id"].isna().all()) or bool(kms["kms_server_id"].isna().any())
    reachable = nullable(at_kms, are_missing(server) | (~at_kms & unlisted), jobs.index)
    by_kms, by_password = surely(how == "ByKms"), surely(how == "ByUserPassword")
    ok = (known & ~imported).mask(by_kms, reachable).mask(~by_kms & ~by_password)
    on = jobs["encryption_enabled"]
    return Outcome(
        ok,
        observed=worded(
            jobs.index,
            (by_kms & at_kms, "a key management server of this server"),
            (by_kms & surely_not(reachable), "a key management server that is not set up here"),
            (by_password & surely(imported), "an imported password"),
            (by_password & surely_not(known), "a password that is not among those of this server"),
            (by_password & surely(known), "a password of this server"),
        ),
        reason=worded(
            jobs.index,
            (surely_not(on), "the job does not encrypt"),
            (ok.notna(), pd.NA),
            (are_known(how) & ~by_kms & ~by_password, "this check does not know that kind of encryption"),
            (by_kms & are_known(server), "the list of key management servers is empty or was not read"),
            (
                by_password & (row >= 0),
                "whether the password was imported is not reported (the API reports it from 1.3-rev0 on)",
            ),
        ),
        applies=on,
        applies_by_settings=True,
    )


@check(
    "JOB-011",
    "An encryption password is used by a limited number of jobs",
    severity="info",
    cause="encryption password",
    table="jobs",
    aggregates=("jobs",),
    optional={"encryption_enabled": False, "encryption_type": "ByUserPassword"},
    reads=("encryption_password_id", "encryption_enabled", "encryption_type"),
    expected="≤ {max_jobs} jobs with the same password",
    failure="{uses|use} an encryption password that more than {max_jobs} jobs share",
    consequence="could be exposed by the loss of one shared password",
    remediation="Menu > Credentials & Passwords > Encryption Passwords: add passwords, and split the jobs among them.",
    examples=(
        Example("PASS", _BY_P1, params={"max_jobs": 1}),
        Example("FAIL", _BY_P1, params={"max_jobs": 0}),
        Example(
            "PASS",
            _BY_P1,
            {"jobs": [_BY_KMS, {**_BY_KMS, "job_id": "job-4", "encryption_password_id": "p1"}, _OFF, _OF_REPLICA]},
            params={"max_jobs": 1},
        ),
        Example(
            "PASS",
            _BY_P1,
            {"jobs": [{**_BY_P1, "job_id": "job-2", "encryption_password_id": None}]},
            params={"max_jobs": 2},
        ),
        Example(
            "UNKNOWN",
            _BY_P1,
            {"jobs": [{"job_id": "job-2", "encryption_enabled": None}]},
            params={"max_jobs": 1},
        ),
        Example("UNKNOWN", {**_BY_P1, "encryption_password_id": None}),
        Example("UNKNOWN", {**_BY_P1, "encryption_type": "ByStars"}),
        Example("NOT_APPLICABLE", {"encryption_enabled": True, "encryption_type": "ByKms"}),
        Example("NOT_APPLICABLE", {"encryption_enabled": False}),
        Example("NOT_APPLICABLE", _REPLICA),
    ),
)
def passwords_spread(
    jobs: pd.DataFrame,
    *,
    max_jobs: Annotated[int, param("Maximum number of jobs that share one password.", unit="jobs", ge=0)] = 10,
) -> Outcome:
    """Anyone who learns a password that all jobs share can read every backup.

    A job whose password is not reported may share it with any other job.
    """
    on, password = jobs["encryption_enabled"], jobs["encryption_password_id"]
    by_kms, by_password = (surely(jobs["encryption_type"] == way) for way in ("ByKms", "ByUserPassword"))
    used = password.where(surely(on) & by_password)
    counts = used.map(used.value_counts()).astype("Int64")
    silent = int((~surely_not(on) & ~by_kms & are_missing(used)).sum())
    others = [f"{count} job{'' if count == 1 else 's'} with this password" for count in counts.fillna(0)]
    few, perhaps_many = counts <= max_jobs, surely(counts <= max_jobs) & surely(counts + silent > max_jobs)
    return Outcome(
        few.mask(perhaps_many),
        observed=worded(jobs.index, (counts.notna(), others)),
        reason=worded(
            jobs.index,
            (surely_not(on), "the job does not encrypt"),
            (by_kms, "its key comes from a key management server"),
            (perhaps_many, f"of {silent:,} other jobs it is not reported which password they use, if any"),
        ),
        applies=on.mask(surely(on) & by_kms, False),
        applies_by_settings=True,
    )
