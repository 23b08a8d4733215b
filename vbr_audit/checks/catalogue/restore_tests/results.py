"""Checks of how restores and verifications ended, and of the job that scans the content of backups."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.restore_tests.restore_tests import (
    RESTORES,
    TESTS,
    assigned,
    kind_is,
    one_answer,
    succeeded,
)
from vbr_audit.checks.engine.outcome import EXAMPLE_SINCE, EXAMPLE_UNTIL, Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import within
from vbr_audit.checks.logic.sessions import finished
from vbr_audit.checks.logic.three_valued import nullable, one_of, surely, worded
from vbr_audit.revisions import KNOWN, is_at_least
from vbr_audit.tables.build.enums import ENDED_RESULTS
from vbr_audit.tables.build.naming import marked

_CONTENT_SCAN: Final = "SureBackupContentScan"
_REPORTING_CONTENT_SCAN: Final = tuple(revision for revision in KNOWN if is_at_least(revision, "1.3-rev1"))

_TIMED = {
    "session_type": "RestoreVm",
    "state": "Stopped",
    "result": "Success",
    "duration_s": 7200,
    "created": hours_ago(30),
}
_FAILED = {**_TIMED, "result": "Failed"}
_SLOW = {**_TIMED, "duration_s": 9000}
_BACKUP = {**_TIMED, "session_type": "BackupJob"}
_VERIFIED = {**_TIMED, "session_type": "SureBackup"}
_SCAN_JOB = {"type": _CONTENT_SCAN, "is_disabled": False}
_REV1 = {"revision": "1.3-rev1"}


@check(
    "TST-003",
    "Restores and verifications succeeded",
    severity="high",
    tables=("servers", "restore_sessions"),
    aggregates=("restore_sessions",),
    reads=(
        "restore_sessions.result",
        "restore_sessions.session_type",
        "restore_sessions.state",
        "restore_sessions.created",
        "server",
        "restore_sessions.server",
    ),
    json_path="result.result",
    expected="0 that failed in the period",
    failure="{has} restores or verifications that failed in the period",
    consequence="may fail to restore in an emergency",
    remediation="History > Restore: read the error of each failed session, fix its cause, and restore again.",
    examples=(
        Example("PASS", {}, {"restore_sessions": [_TIMED]}),
        Example("PASS", {}, {"restore_sessions": [_TIMED, {**_TIMED, "result": "Warning"}]}),
        Example("FAIL", {}, {"restore_sessions": [_TIMED, _FAILED]}),
        Example(
            "FAIL", {}, {"restore_sessions": [{**_FAILED, "session_type": "SureBackup"}, {**_TIMED, "result": None}]}
        ),
        Example("FAIL", {}, {"restore_sessions": [{**_FAILED, "created": EXAMPLE_SINCE}]}),
        Example("UNKNOWN", {}, {"restore_sessions": [_TIMED, {**_TIMED, "result": None}]}),
        Example("UNKNOWN", {}, {"restore_sessions": [_TIMED, {**_FAILED, "created": None}]}),
        Example("UNKNOWN", {}, {"restore_sessions": [_TIMED, {**_TIMED, "result": "None"}]}),
        Example("UNKNOWN", {}, {"restore_sessions": [_TIMED, {**_TIMED, "result": "Odd"}]}),
        Example("UNKNOWN", {}, {"restore_sessions": [{**_TIMED, "session_type": None}, _BACKUP]}),
        Example("UNKNOWN", {}, {"restore_sessions": [_TIMED]}, datasets={"restore_sessions": "partial"}),
        Example("NOT_APPLICABLE", {}, {"restore_sessions": [{**_FAILED, "session_type": "BackupJob"}]}),
        Example("NOT_APPLICABLE", {}, {"restore_sessions": [{**_FAILED, "state": "Working"}]}),
        Example("NOT_APPLICABLE", {}, {"restore_sessions": [{**_FAILED, "created": hours_ago(32 * 24)}]}),
        Example("NOT_APPLICABLE", {}, {"restore_sessions": [{**_FAILED, "created": EXAMPLE_UNTIL}]}),
    ),
)
def restores_succeeded(
    servers: pd.DataFrame, sessions: pd.DataFrame, *, since: dt.datetime, until: dt.datetime
) -> Outcome:
    """A restore that failed once will fail again when it matters, unless somebody finds the cause."""
    ended = kind_is(sessions, TESTS) & finished(sessions) & assigned(sessions, servers)
    ended &= within(sessions["created"], since, until)
    failed = ended & (sessions["result"] == "Failed").mask(~surely(one_of(sessions["result"], ENDED_RESULTS)))
    bad, total = int(surely(failed).sum()), int(surely(ended).sum())
    kinds = sessions["session_type"][surely(failed)].value_counts()
    words = ", ".join(f"{count} × {marked('word', str(kind))}" for kind, count in sorted(kinds.items()))
    doubt = bool(failed.isna().any()) or (total == 0 and bool(ended.isna().any()))
    return explained(
        Outcome(
            one_answer(servers, yes=not bad and not doubt, unknown=doubt and not bad),
            observed=f"{bad} of {total} failed" + (f": {words}" if words else ""),
            applies=nullable(
                np.full(len(servers), total > 0 or doubt), np.zeros(len(servers), dtype=bool), servers.index
            ),
            reason="kind, state, result or start of some sessions is missing, or not known to this check"
            if doubt
            else "no restore and no verification ended in the period",
        )
    )


@check(
    "TST-004",
    "Restores end within the recovery time objective",
    severity="info",
    tables=("servers", "restore_sessions"),
    aggregates=("restore_sessions",),
    reads=(
        "restore_sessions.duration_s",
        "restore_sessions.session_type",
        "restore_sessions.state",
        "restore_sessions.result",
        "server",
        "restore_sessions.server",
    ),
    json_path="endTime",
    expected="at most {rto_hours:g} h each",
    failure="{has} restores that took longer than {rto_hours:g} h",
    consequence="could keep the business waiting for longer than agreed",
    remediation="History > Restore: find out what slows the restore (proxy, network, repository); measure it again.",
    examples=(
        Example("PASS", {}, {"restore_sessions": [_TIMED]}, params={"rto_hours": 2.0}),
        Example("PASS", {}, {"restore_sessions": [_TIMED, _BACKUP]}, params={"rto_hours": 2.0}),
        Example("FAIL", {}, {"restore_sessions": [_TIMED, {**_TIMED, "duration_s": 7201}]}, params={"rto_hours": 2.0}),
        Example(
            "UNKNOWN", {}, {"restore_sessions": [_TIMED, {**_TIMED, "duration_s": None}]}, params={"rto_hours": 2.0}
        ),
        Example("FAIL", {}, {"restore_sessions": [_SLOW, {**_TIMED, "duration_s": None}]}, params={"rto_hours": 2.0}),
        Example(
            "UNKNOWN", {}, {"restore_sessions": [{**_TIMED, "session_type": None}, _BACKUP]}, params={"rto_hours": 2.0}
        ),
        Example("NOT_APPLICABLE", {}, {"restore_sessions": [_TIMED]}),
        Example(
            "NOT_APPLICABLE", {}, {"restore_sessions": [{**_TIMED, "result": "Failed"}]}, params={"rto_hours": 2.0}
        ),
        Example("NOT_APPLICABLE", {}, {"restore_sessions": [_VERIFIED]}, params={"rto_hours": 2.0}),
        Example(
            "NOT_APPLICABLE", {}, {"restore_sessions": [{**_TIMED, "state": "Working"}]}, params={"rto_hours": 2.0}
        ),
    ),
)
def restores_fast_enough(
    servers: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    rto_hours: Annotated[float, param("Maximum duration of a restore; 0 if none is set.", unit="h", ge=0)] = 0.0,
) -> Outcome:
    """A restore that takes longer than the business can wait comes too late.

    The check counts the successful restores of the last twelve months, independent of the period. Without an objective
    in the policy, it shows their durations and does not judge them.
    """
    ended = kind_is(sessions, RESTORES) & succeeded(sessions) & assigned(sessions, servers)
    hours = sessions["duration_s"] / 3600
    slow = ended & (hours > rto_hours)
    late, some = bool(surely(slow).any()), bool(surely(ended).any())
    doubt = bool(slow.isna().any()) or (not some and bool(ended.isna().any()))
    times = hours[surely(ended)].dropna().groupby(sessions["session_type"][surely(ended)])
    words = [
        f"{marked('word', str(kind))}: median {_time(group.median())}, longest {_time(group.max())}"
        for kind, group in times
    ]
    judged = rto_hours > 0 and (some or doubt)
    return explained(
        Outcome(
            one_answer(servers, yes=not late and not doubt, unknown=doubt and not late),
            observed="; ".join(words) or "no restore that ended well with its time",
            applies=nullable(np.full(len(servers), judged), np.zeros(len(servers), dtype=bool), servers.index),
            reason="the policy sets no recovery time objective (rto_hours)"
            if rto_hours == 0
            else "kind, state, result or end of some restores is not reported"
            if doubt
            else "no restore succeeded in the last twelve months, as far as the server remembers",
        )
    )


@check(
    "TST-005",
    "Backups are scanned by a SureBackup content scan job",
    severity="low",
    tables=("servers", "jobs"),
    aggregates=("jobs",),
    reads=("jobs.type", "jobs.is_disabled", "revision", "server", "jobs.server"),
    json_path="type",
    expected="at least one enabled job of this kind",
    failure="{has} no enabled SureBackup content scan job",
    consequence="could restore malware unnoticed",
    remediation="Home > Jobs > SureBackup > Content scan: add a job, choose the backups, and schedule it.",
    examples=(
        Example("PASS", _REV1, {"jobs": [_SCAN_JOB]}),
        Example("PASS", _REV1, {"jobs": [_SCAN_JOB, {**_SCAN_JOB, "job_id": "b", "is_disabled": True}]}),
        Example("FAIL", _REV1, {"jobs": [{**_SCAN_JOB, "is_disabled": True}]}),
        Example("FAIL", _REV1, {"jobs": [{"type": "VSphereBackup", "is_disabled": False}]}),
        Example("FAIL", _REV1),
        Example("UNKNOWN", {"revision": "1.3-rev0"}),
        Example("UNKNOWN", {"revision": "1.3-rev0"}, {"jobs": [_SCAN_JOB]}),
        Example("UNKNOWN", _REV1, {"jobs": [{**_SCAN_JOB, "is_disabled": None}]}),
        Example("UNKNOWN", _REV1, {"jobs": [{"type": "Unknown", "is_disabled": False}]}),
        Example("UNKNOWN", _REV1, {"jobs": [_SCAN_JOB]}, datasets={"jobs": "partial"}),
    ),
)
def content_scanned(servers: pd.DataFrame, jobs: pd.DataFrame) -> Outcome:
    """A content scan job opens the backups and finds malware that was dormant when they were created."""
    kind = jobs["type"]
    scans = (kind == _CONTENT_SCAN).mask(surely(kind == "Unknown")) & assigned(jobs, servers)
    enabled = scans & ~jobs["is_disabled"]
    enabled_count, every = int(surely(enabled).sum()), int(surely(scans).sum())
    doubt = bool(enabled.isna().any())
    is_reported = surely(one_of(servers["revision"], _REPORTING_CONTENT_SCAN))
    yes = is_reported & (enabled_count > 0)
    return explained(
        Outcome(
            nullable(yes, ~is_reported | (doubt & ~yes), servers.index),
            observed=worded(servers.index, (is_reported, f"{enabled_count} enabled, {every - enabled_count} disabled")),
            reason=worded(
                servers.index,
                (~is_reported, "this revision does not show such jobs; it begins with 1.3-rev1"),
                default="type or isDisabled of some jobs is not reported",
            ),
        )
    )


def _time(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"
