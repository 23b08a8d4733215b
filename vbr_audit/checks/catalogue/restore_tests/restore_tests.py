"""Checks of restore tests: whether somebody tried lately, and how many machines."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import at_or_before, minute_text, older_than
from vbr_audit.checks.logic.sessions import finished
from vbr_audit.checks.logic.three_valued import nullable, one_of, places_of, surely
from vbr_audit.datasets.card import YEAR
from vbr_audit.tables.build.arrays import are_missing
from vbr_audit.tables.build.enums import GOOD_RESULTS, RESTORES_SINCE, RESULTS, VERIFICATIONS_SINCE
from vbr_audit.tables.build.naming import marked

RESTORES: Final = tuple(kind for kinds in RESTORES_SINCE.values() for kind in kinds)
"""Kinds of session that bring data back, or open it for reading."""
VERIFICATIONS: Final = tuple(kind for kinds in VERIFICATIONS_SINCE.values() for kind in kinds)
"""Kinds of session that prove a backup without bringing data back."""

TESTS: Final = (*RESTORES, *VERIFICATIONS)

_RESTORED = {"session_type": "RestoreVm", "state": "Stopped", "result": "Success", "created": hours_ago(30)}
_FAILED = {**_RESTORED, "result": "Failed"}
_LONGEST: Final = YEAR.days
_REMEMBERED = {"oldest_session": hours_ago(48)}
_FORGOTTEN = {"oldest_session": hours_ago(47)}
_TASK = {"type": "Restore", "name": "SRV-1", "result": "Success", "created": hours_ago(30)}
_TEN: Final[list[dict[str, Any]]] = [{"name": f"srv-{number}"} for number in range(1, 11)]
_ELEVEN: Final = [*_TEN, {"name": "srv-11"}]


@check(
    "TST-001",
    "A restore or a verification succeeded recently",
    severity="high",
    tables=("servers", "restore_sessions", "session_history"),
    aggregates=("restore_sessions",),
    reads=(
        "restore_sessions.session_type",
        "restore_sessions.state",
        "restore_sessions.result",
        "restore_sessions.created",
        "session_history.oldest_session",
        "server",
        "restore_sessions.server",
    ),
    json_path="sessionType",
    expected="one that succeeded in the last {window_days} days",
    failure="{has} no successful restore or verification in the last {window_days} days",
    consequence="may have backups that cannot be restored",
    remediation="Home > Backups > Restore: restore a sample each quarter and record it; or add a SureBackup job.",
    examples=(
        Example("PASS", {}, {"restore_sessions": [_RESTORED]}),
        Example("PASS", {}, {"restore_sessions": [{**_RESTORED, "session_type": "SureBackup", "result": "Warning"}]}),
        Example("PASS", {}, {"restore_sessions": [{**_RESTORED, "created": hours_ago(48)}]}, params={"window_days": 2}),
        *(
            Example(
                "FAIL",
                {},
                {"restore_sessions": [{**_RESTORED, **other}], "session_history": [_REMEMBERED]},
                params={"window_days": 2},
            )
            for other in (
                {"result": "Failed"},
                {"created": hours_ago(49)},
                {"session_type": "BackupJob"},
                {"state": "Working"},
            )
        ),
        Example("FAIL", {}, {"session_history": [_REMEMBERED]}, params={"window_days": 2}),
        Example("UNKNOWN", {}, {"session_history": [_FORGOTTEN]}, params={"window_days": 2}),
        Example("UNKNOWN", {}, {"restore_sessions": [_FAILED], "session_history": [_FORGOTTEN]}),
        Example("UNKNOWN", {}),
        *(
            Example(
                "UNKNOWN",
                {},
                {"restore_sessions": rows, "session_history": [_REMEMBERED]},
                params={"window_days": 2},
            )
            for rows in ([{**_RESTORED, "result": None}], [{**_RESTORED, "result": None}, _FAILED])
        ),
        Example("UNKNOWN", {}, {"restore_sessions": [_RESTORED]}, datasets={"restore_sessions": "partial"}),
    ),
)
def restore_tried(
    servers: pd.DataFrame,
    sessions: pd.DataFrame,
    history: pd.DataFrame,
    *,
    now: dt.datetime,
    window_days: Annotated[
        int, param("Days within which a restore or verification must have succeeded.", unit="days", ge=1, le=_LONGEST)
    ] = 90,
) -> Outcome:
    """A backup that was never restored is not proven to work; a restore test each quarter proves it.

    The check reads the sessions of the last twelve months, independent of the period. It fails only if the server still
    keeps its sessions of the whole window.
    """
    fresh = ~older_than(sessions["created"], dt.timedelta(days=window_days), now=now)
    good = kind_is(sessions, TESTS) & succeeded(sessions) & fresh & assigned(sessions, servers)
    places, doubt = np.flatnonzero(surely(good)), bool(good.isna().any())
    remembered = _remembers(history, now, window_days)
    newest = "none"
    if len(places):
        last = sessions.iloc[[places[np.argmax(sessions["created"].to_numpy()[places])]]]
        newest = f"{marked('word', last['session_type'].iloc[0])} on {minute_text(last['created'])[0]}"
    return explained(
        Outcome(
            one_answer(servers, yes=bool(len(places)), unknown=doubt or not remembered),
            observed=f"{len(places)} that succeeded, the newest: {newest}" if len(places) else "none in what was read",
            reason="kind, state, result or start of some sessions is not reported; no other is a test that succeeded"
            if doubt
            else _forgotten(history, window_days),
        )
    )


@check(
    "TST-002",
    "Enough of the protected objects were restored in a year",
    severity="medium",
    tables=("servers", "restore_tasks", "protected_objects", "session_history"),
    aggregates=("restore_tasks", "protected_objects"),
    reads=(
        "restore_tasks.type",
        "restore_tasks.name",
        "restore_tasks.result",
        "restore_tasks.created",
        "protected_objects.name",
        "session_history.oldest_session",
        "server",
        "restore_tasks.server",
        "protected_objects.server",
    ),
    json_path="name",
    expected="at least {min_percent:g} % of them in {window_days} days",
    failure="restored less than {min_percent:g} % of the protected objects in {window_days} days",
    consequence="could have machines that fail to restore, unnoticed",
    remediation="Home > Backups > Restore: restore a sample of the machines and record the results.",
    examples=(
        Example("PASS", {}, {"restore_tasks": [_TASK], "protected_objects": [{"name": "srv-1"}]}),
        Example("PASS", {}, {"restore_tasks": [_TASK], "protected_objects": _TEN}),
        Example(
            "PASS",
            {},
            {"restore_tasks": [{**_TASK, "created": hours_ago(48)}], "protected_objects": _TEN},
            params={"window_days": 2},
        ),
        *(
            Example(
                "FAIL",
                {},
                {"restore_tasks": tasks, "protected_objects": objects, "session_history": [_REMEMBERED]},
                params={"window_days": 2},
            )
            for tasks, objects in (
                ([_TASK], _ELEVEN),
                ([{**_TASK, "result": "Failed"}, {**_TASK, "type": "Backup"}], _TEN),
                ([{**_TASK, "created": hours_ago(49)}], _TEN),
                ([], _TEN),
            )
        ),
        *(
            Example(
                "UNKNOWN",
                {},
                {"restore_tasks": tasks, "protected_objects": objects, "session_history": [_REMEMBERED]},
                params={"window_days": 2},
            )
            for tasks, objects in (
                ([{**_TASK, "name": None}], _TEN),
                ([_TASK], [*_TEN, {"server": None, "name": "b"}]),
                ([], [*_TEN, {"name": None}]),
            )
        ),
        Example("UNKNOWN", {}, {"protected_objects": _TEN, "session_history": [_FORGOTTEN]}, params={"window_days": 2}),
        Example("UNKNOWN", {}, {"restore_tasks": [_TASK], "protected_objects": _ELEVEN}),
        Example("UNKNOWN", {}, {"protected_objects": _TEN}, datasets={"restore_tasks": "partial"}),
        Example("NOT_APPLICABLE", {}),
    ),
)
def objects_restored(
    servers: pd.DataFrame,
    tasks: pd.DataFrame,
    objects: pd.DataFrame,
    history: pd.DataFrame,
    *,
    now: dt.datetime,
    window_days: Annotated[
        int, param("Days within which the objects must have been restored.", unit="days", ge=1, le=_LONGEST)
    ] = 365,
    min_percent: Annotated[float, param("Minimum share of restored objects.", unit="%", ge=0, le=100)] = 10.0,
) -> Outcome:
    """Restoring one machine proves little about a thousand: a sample must be large enough to represent the rest.

    The API identifies a restored object only by its name, so the check counts distinct names. It fails only if the
    server still keeps its sessions of the whole window.
    """
    fresh = ~older_than(tasks["created"], dt.timedelta(days=window_days), now=now)
    good = (tasks["type"] == "Restore") & one_of(tasks["result"], GOOD_RESULTS)
    wanted = good & fresh & assigned(tasks, servers)
    wanted = wanted.mask(surely(wanted) & are_missing(tasks["name"]))
    own = surely(assigned(objects, servers))
    names = objects["name"][own].str.casefold()
    total = int(names.nunique()) + int(names.isna().sum())
    tested = int(names.dropna().drop_duplicates().isin(tasks["name"][surely(wanted)].str.casefold().tolist()).sum())
    reached = 100 * tested >= min_percent * total
    remembered = _remembers(history, now, window_days)
    doubt = bool(wanted.isna().any()) or bool((~own).any()) or bool(names.isna().any())
    return explained(
        Outcome(
            one_answer(servers, yes=reached and not (~own).any(), unknown=doubt or not remembered),
            observed=f"{tested} of {total} ({100 * tested / max(total, 1):.1f} %) in what was read",
            applies=nullable(
                np.full(len(servers), len(objects) > 0), np.zeros(len(servers), dtype=bool), servers.index
            ),
            reason="it protects nothing yet"
            if not len(objects)
            else _forgotten(history, window_days)
            if not remembered
            else "kind, result, name or start of some restores or objects is not reported",
        )
    )


def kind_is(sessions: pd.DataFrame, kinds: tuple[str, ...]) -> pd.Series:
    """Whether each session is of one of these `kinds`; NA where its kind is missing."""
    return one_of(sessions["session_type"], kinds)


def succeeded(sessions: pd.DataFrame) -> pd.Series:
    """Whether each session ended with success or warning; NA where state or result is missing or not known."""
    known = surely(one_of(sessions["result"], RESULTS))
    good = one_of(sessions["result"], GOOD_RESULTS).mask(~known)
    return finished(sessions) & good


def assigned(rows: pd.DataFrame, servers: pd.DataFrame) -> pd.Series:
    """Yes for rows of a known server, NA for others, which may belong to it too."""
    place = places_of(rows["server"], servers["server"])
    return nullable(place != -1, place == -1, rows.index)


def one_answer(servers: pd.DataFrame, *, yes: bool, unknown: bool) -> pd.Series:
    """The same answer for the server of this table: yes, not known, or no; yes decides."""
    return nullable(np.full(len(servers), yes), np.full(len(servers), unknown and not yes), servers.index)


def _remembers(history: pd.DataFrame, now: dt.datetime, window_days: int) -> bool:
    """Whether the oldest session that the server keeps is at least as old as the window is long."""
    return bool(surely(at_or_before(history["oldest_session"], now - dt.timedelta(days=window_days))).any())


def _forgotten(history: pd.DataFrame, window_days: int) -> str:
    """Why silence proves nothing: how far back the server remembers its sessions."""
    dated = history["oldest_session"].dropna()
    if not len(dated):
        return f"how far back the server remembers its sessions is not known, so the last {window_days} days are open"
    return f"the server remembers its sessions only since {minute_text(dated)[0]}, not of the last {window_days} days"
