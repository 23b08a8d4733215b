"""Checks of restore tests: whether somebody tried lately, and how many machines."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.security_words import explained
from vbr_audit.checks.dates import minute_text, older_than
from vbr_audit.checks.logic import nullable, one_of, places_of, surely
from vbr_audit.checks.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.params import param
from vbr_audit.checks.registry import check
from vbr_audit.checks.sessions import finished
from vbr_audit.tables.enums import RESULTS, listed

RESTORES: Final = listed(
    """
    AdForestRestore ApplicationLevelRestore AzureInstantRecovery CloudDirectorVAppRestore CloudDirectorVmRestore
    DiskRestore EndpointRestore EntraIdRestore EntraIdRestoreFromCopy FileInstantRecovery FileLevelRestore
    FirstClassDiskInstantRestore InstantDiskRecovery InstantRecovery LinuxFileLevelRestore NasRestore
    PublishBackupContentViaMount PublishBackupContentViaNfs RestoreAgentVolumes RestoreRecoveryApplianceVolumes
    RestoreVm
    """
)
"""Kinds of session that bring data back, or open it for reading."""
VERIFICATIONS: Final = ("SureBackup", "SureBackupContentScan")
"""Kinds of session that prove a backup without bringing data back."""

TESTS: Final = (*RESTORES, *VERIFICATIONS)

_RESTORED = {"session_type": "RestoreVm", "state": "Stopped", "result": "Success", "created": hours_ago(30)}
_FAILED = {**_RESTORED, "result": "Failed"}
_READ_DAYS: Final = 31
_TASK = {"type": "Restore", "name": "SRV-1", "result": "Success"}
_TEN: Final = [{"name": f"srv-{number}"} for number in range(1, 11)]
_ELEVEN: Final = [*_TEN, {"name": "srv-11"}]


@check(
    "TST-001",
    "A restore or a verification succeeded recently",
    severity="high",
    tables=("servers", "sessions"),
    aggregates=("sessions",),
    reads=(
        "sessions.session_type",
        "sessions.state",
        "sessions.result",
        "sessions.created",
        "server",
        "sessions.server",
    ),
    json_path="sessionType",
    expected="one that succeeded in the last {window_days} days",
    remediation="Home > Backups > Restore: restore a sample each quarter, and record it; or add a SureBackup job.",
    examples=(
        Example("PASS", {}, {"sessions": [_RESTORED]}),
        Example("PASS", {}, {"sessions": [{**_RESTORED, "session_type": "SureBackup", "result": "Warning"}]}),
        Example("PASS", {}, {"sessions": [{**_RESTORED, "created": hours_ago(48)}]}, params={"window_days": 2}),
        Example("FAIL", {}, {"sessions": [_FAILED]}, params={"window_days": _READ_DAYS}),
        Example("FAIL", {}, {"sessions": [{**_RESTORED, "created": hours_ago(49)}]}, params={"window_days": 2}),
        Example("FAIL", {}, {"sessions": [{**_RESTORED, "session_type": "BackupJob"}]}, params={"window_days": 2}),
        Example("FAIL", {}, {"sessions": [{**_RESTORED, "state": "Working"}]}, params={"window_days": 2}),
        Example("UNKNOWN", {}, params={"window_days": _READ_DAYS + 1}),
        Example("UNKNOWN", {}, {"sessions": [_FAILED]}),
        Example("UNKNOWN", {}, {"sessions": [{**_RESTORED, "result": None}]}, params={"window_days": 2}),
        Example("UNKNOWN", {}, {"sessions": [{**_RESTORED, "result": None}, _FAILED]}, params={"window_days": 2}),
        Example("UNKNOWN", {}, {"sessions": [_RESTORED]}, datasets={"sessions": "partial"}),
    ),
)
def restore_tried(
    servers: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    now: dt.datetime,
    since: dt.datetime,
    until: dt.datetime,
    window_days: Annotated[int, param("Days in which one must have succeeded.", unit="days", ge=1)] = 90,
) -> Outcome:
    """A backup that nobody ever restored from is a hope; a test each quarter makes it a fact.

    A session that succeeded within what was read is proof enough. That there was none is only known if the period
    that was read reaches over the whole window, and up to now.
    """
    fresh = ~older_than(sessions["created"], dt.timedelta(days=window_days), now=now)
    good = kind_is(sessions, TESTS) & succeeded(sessions) & fresh & assigned(sessions, servers)
    found, doubt = np.flatnonzero(surely(good)), bool(good.isna().any())
    covered = _covers(window_days, now, since, until)
    days = _days_read(now, since, until)
    newest = "none"
    if len(found):
        last = sessions.iloc[[found[np.argmax(sessions["created"].to_numpy()[found])]]]
        newest = f"{last['session_type'].iloc[0]} on {minute_text(last['created'])[0]}"
    return explained(
        Outcome(
            one_answer(servers, yes=bool(len(found)), unknown=doubt or not covered),
            observed=f"{len(found)} that succeeded, the newest: {newest}" if len(found) else "none in what was read",
            reason="kind, state, result or start of some sessions is not told, and no other is a test that succeeded"
            if doubt
            else f"only {days} days were read, not the last {window_days} up to now",
        )
    )


@check(
    "TST-002",
    "Enough of the protected objects were restored in a year",
    severity="medium",
    tables=("servers", "task_sessions", "protected_objects"),
    aggregates=("task_sessions", "protected_objects"),
    reads=(
        "task_sessions.type",
        "task_sessions.name",
        "task_sessions.result",
        "protected_objects.name",
        "server",
        "task_sessions.server",
        "protected_objects.server",
    ),
    json_path="name",
    expected="at least {min_percent:g} % of them in {window_days} days",
    remediation="Home > Backups > Restore: draw a sample of the machines, restore it, and record what came back.",
    examples=(
        Example("PASS", {}, {"task_sessions": [_TASK], "protected_objects": [{"name": "srv-1"}]}),
        Example("PASS", {}, {"task_sessions": [_TASK], "protected_objects": _TEN}),
        Example("FAIL", {}, {"task_sessions": [_TASK], "protected_objects": _ELEVEN}, params={"window_days": 31}),
        Example(
            "FAIL",
            {},
            {"task_sessions": [{**_TASK, "result": "Failed"}, {**_TASK, "type": "Backup"}], "protected_objects": _TEN},
            params={"window_days": 31},
        ),
        Example("FAIL", {}, {"protected_objects": _TEN}, params={"window_days": 31}),
        Example("UNKNOWN", {}, {"protected_objects": _TEN}, params={"window_days": 32}),
        Example("UNKNOWN", {}, {"task_sessions": [_TASK], "protected_objects": _ELEVEN}),
        Example(
            "UNKNOWN",
            {},
            {"task_sessions": [{**_TASK, "name": None}], "protected_objects": _TEN},
            params={"window_days": 31},
        ),
        Example("UNKNOWN", {}, {"task_sessions": [_TASK], "protected_objects": [*_TEN, {"server": None, "name": "b"}]}),
        Example("UNKNOWN", {}, {"protected_objects": [*_TEN, {"name": None}]}, params={"window_days": 31}),
        Example("UNKNOWN", {}, {"protected_objects": _TEN}, datasets={"task_sessions": "partial"}),
        Example("NOT_APPLICABLE", {}),
    ),
)
def objects_restored(
    servers: pd.DataFrame,
    tasks: pd.DataFrame,
    objects: pd.DataFrame,
    *,
    now: dt.datetime,
    since: dt.datetime,
    until: dt.datetime,
    window_days: Annotated[int, param("Days in which they must have been restored.", unit="days", ge=1)] = 365,
    min_percent: Annotated[float, param("Share that must have been restored.", unit="%", ge=0, le=100)] = 10.0,
) -> Outcome:
    """One machine that comes back proves little of a thousand: a sample must be large enough to speak for the rest.

    The API gives a restored object by its name alone, so objects are counted by distinct names. A month that was read
    can show that the share is reached, but never that a year did not reach it.
    """
    wanted = (tasks["type"] == "Restore") & one_of(tasks["result"], ("Success", "Warning")) & assigned(tasks, servers)
    wanted = wanted.mask(surely(wanted) & tasks["name"].isna().to_numpy())
    own = surely(assigned(objects, servers))
    names = objects["name"][own].str.casefold()
    total = int(names.nunique()) + int(names.isna().sum())
    tested = int(names.dropna().drop_duplicates().isin(tasks["name"][surely(wanted)].str.casefold().tolist()).sum())
    reached = 100 * tested >= min_percent * total
    covered = _covers(window_days, now, since, until)
    days = _days_read(now, since, until)
    doubt = bool(wanted.isna().any()) or bool((~own).any()) or bool(names.isna().any())
    return explained(
        Outcome(
            one_answer(servers, yes=reached and not (~own).any(), unknown=doubt or not covered),
            observed=f"{tested} of {total} ({100 * tested / max(total, 1):.1f} %) in the {days} days that were read",
            applies=nullable(
                np.full(len(servers), len(objects) > 0), np.zeros(len(servers), dtype=bool), servers.index
            ),
            reason="it protects nothing yet"
            if not len(objects)
            else f"only {days} days were read, not the last {window_days} up to now"
            if not covered
            else "kind, result or name of some restores or objects is not told",
        )
    )


def kind_is(sessions: pd.DataFrame, kinds: tuple[str, ...]) -> pd.Series:
    """Whether each session is of one of these `kinds`; NA where its kind is missing."""
    return one_of(sessions["session_type"], kinds)


def succeeded(sessions: pd.DataFrame) -> pd.Series:
    """Whether each session ended with success or warning; NA where state or result is missing or not known."""
    known = surely(one_of(sessions["result"], RESULTS))
    good = one_of(sessions["result"], ("Success", "Warning")).mask(~known)
    return finished(sessions) & good


def assigned(rows: pd.DataFrame, servers: pd.DataFrame) -> pd.Series:
    """Yes for rows of a known server, NA for others, which may belong to it too."""
    place = places_of(rows["server"], servers["server"])
    return nullable(place != -1, place == -1, rows.index)


def one_answer(servers: pd.DataFrame, *, yes: bool, unknown: bool) -> pd.Series:
    """The same answer for the server of this table: yes, not known, or no; yes decides."""
    return nullable(np.full(len(servers), yes), np.full(len(servers), unknown and not yes), servers.index)


def _days_read(now: dt.datetime, since: dt.datetime, until: dt.datetime) -> int:
    """The whole days that were read."""
    return max((min(until, now) - since).days, 0)


def _covers(window_days: int, now: dt.datetime, since: dt.datetime, until: dt.datetime) -> bool:
    """Whether what was read reaches back over the whole window, and to less than a day before now."""
    return (now - since).days >= window_days and (now - until).days <= 0
