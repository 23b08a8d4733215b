"""The check of stored credentials that nothing seems to use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import nullable, one_of, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_known, are_missing

_WITHOUT_GUESTS: Final = ("CloudBackupAWS", "CloudBackupAzure", "CloudBackupGoogle", "LegacyBackupCopy")
"""Kinds of jobs that the server shows by their state alone, and that sign in to no guest."""
_NEEDS_NONE: Final = ("SingleUse", "Certificate")

_ID = {"credentials_id": "c-1"}
_OTHER = {"credentials_id": "c-2"}
_SILENT_JOB = {"credentials_ids": ""}
_UNUSED = {"jobs": [_SILENT_JOB], "managed_servers": [_OTHER], "general_options": [_OTHER]}


@check(
    "SEC-013",
    "Stored credentials are in use",
    severity="low",
    tables=("credentials", "jobs", "managed_servers", "repositories", "general_options"),
    aggregates=("jobs", "managed_servers", "repositories", "general_options"),
    reads=(
        "credentials_id",
        "jobs.credentials_ids",
        "jobs.type",
        "managed_servers.credentials_id",
        "managed_servers.vi_credentials_ids",
        "managed_servers.credentials_storage_type",
        "managed_servers.is_backup_server",
        "repositories.credentials_id",
        "general_options.credentials_id",
        "general_options.smtp_sign_in",
    ),
    json_path="id",
    expected="used by a job, a managed server, a repository or mail",
    failure="{is} not used by any job, managed server, repository or mail setting",
    consequence="could be stolen although nobody needs {it|them}",
    remediation="Main menu > Credentials and Passwords: check that no protection group, file share or domain needs it; "
    "delete it.",
    examples=(
        Example("PASS", _ID, {"jobs": [{"credentials_ids": "c-2,c-1", "type": None}]}),
        Example("PASS", _ID, {"managed_servers": [_ID]}),
        Example("PASS", _ID, {"general_options": [_ID]}),
        Example("FAIL", _ID, _UNUSED),
        Example("FAIL", _ID, {"general_options": [{"smtp_sign_in": False}]}),
        Example("FAIL", _ID, {**_UNUSED, "repositories": [_OTHER]}),
        Example("FAIL", _ID, {**_UNUSED, "jobs": [{"credentials_ids": "c-10"}, {"type": "CloudBackupAWS"}]}),
        *(
            Example("FAIL", _ID, {**_UNUSED, "managed_servers": [row]})
            for row in ({"is_backup_server": True}, {"credentials_storage_type": "SingleUse"})
        ),
        Example("UNKNOWN", _ID, {**_UNUSED, "jobs": [{"type": "Unknown"}]}),
        Example("UNKNOWN", _ID, {**_UNUSED, "managed_servers": [{"credentials_storage_type": "Permanent"}]}),
        Example("UNKNOWN", _ID, {**_UNUSED, "general_options": [{"smtp_sign_in": True}]}),
        Example("UNKNOWN", _ID, {**_UNUSED, "general_options": []}),
        Example("UNKNOWN", _ID, _UNUSED, datasets={"managed_servers": "partial"}),
        Example("UNKNOWN", {}, _UNUSED),
    ),
)
def credentials_used(
    credentials: pd.DataFrame,
    jobs: pd.DataFrame,
    servers: pd.DataFrame,
    repositories: pd.DataFrame,
    options: pd.DataFrame,
) -> Outcome:
    """Nobody changes or monitors credentials that nobody needs: the next intruder finds such an account.

    The check looks for use by jobs, managed servers, repositories and mail. Protection groups, file shares and Active
    Directory domains may use credentials too, but the check does not read them: review each failed record.
    """
    used = {
        "jobs": {name for text in jobs["credentials_ids"].dropna() for name in text.split(",")},
        "managed servers": set(_ids(servers["credentials_id"], servers["vi_credentials_ids"])),
        "repositories": set(_ids(repositories["credentials_id"])),
        "mail": set(_ids(options["credentials_id"])),
    }
    by = [
        ", ".join(what for what, ids in used.items() if name in ids)
        for name in credentials["credentials_id"].to_numpy(dtype=object, na_value="")
    ]
    seen = np.array([bool(words) for words in by], dtype=bool)
    doubt = "; ".join(_doubts(jobs, servers, options))
    unknown = are_missing(credentials["credentials_id"]) | (~seen & bool(doubt))
    everything = np.ones(len(credentials), dtype=bool)
    return explained(
        Outcome(
            nullable(seen, unknown, credentials.index),
            observed=worded(
                credentials.index,
                (seen, [f"used by {words}" for words in by]),
                (everything, f"no use seen in {', '.join(used)}"),
            ),
            reason=worded(
                credentials.index,
                (credentials["credentials_id"].isna(), "the record has no id"),
                (everything, doubt),
            ),
        )
    )


def _ids(*columns: pd.Series) -> Iterator[str]:
    """The ids in columns of single ids, or of several joined by commas."""
    for column in columns:
        for text in column.dropna():
            yield from text.split(",")


def _doubts(jobs: pd.DataFrame, servers: pd.DataFrame, options: pd.DataFrame) -> Iterator[str]:
    """What may use credentials and does not report which."""
    hidden = are_missing(jobs["credentials_ids"]) & ~surely(one_of(jobs["type"], _WITHOUT_GUESTS))
    if hidden.any():
        yield f"which credentials are used is not reported for {hidden.sum():,} of the jobs"
    exempt = surely(servers["is_backup_server"]) | surely(one_of(servers["credentials_storage_type"], _NEEDS_NONE))
    silent = are_missing(servers["credentials_id"]) & ~exempt
    if silent.any():
        yield f"which credentials are used is not reported for {silent.sum():,} of the managed servers"
    if not (are_known(options["credentials_id"]) | surely_not(options["smtp_sign_in"])).any():
        yield "whether mail uses credentials is not reported"
