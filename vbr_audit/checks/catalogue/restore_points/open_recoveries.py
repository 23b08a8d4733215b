"""Checks of restore points that were opened for a recovery, and not closed again."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import minute_text, older_than
from vbr_audit.checks.logic.sessions import finished
from vbr_audit.checks.logic.three_valued import beside, nullable, surely, surely_not, surely_one, taken, worded

_WEEK_H: Final = 7 * 24
_OPEN: Final = {"session_id": "session-1"}
_POINT: Final = {"restore_point_id": "point-1"}
_PUBLISH: Final = "PublishBackupContentViaMount"
_MOUNTED: Final = {"state": "Mounted"}
_PUBLISHED: Final = {**_POINT, **_MOUNTED}
_AT_WORK: Final = {"session_type": _PUBLISH, "state": "Working"}
_STATES: Final = ("Mounted", "MountFailed", "Mounting", "Unmounted", "UnmountFailed", "Unmounting")
_CLOSED: Final = ("MountFailed", "Unmounted")
_START_UNKNOWN: Final = "since when it stands open is not reported: its session is not among the restores of a year"

MaxDays = Annotated[int, param("Maximum number of days that it may stay open.", unit="days", ge=1)]
Rows = dict[str, list[dict[str, Any]]]


def _since(hours: float | None) -> Rows:
    """The session that holds it open, from so many hours ago on."""
    started = None if hours is None else hours_ago(hours)
    return {"restore_sessions": [{**_OPEN, "created": started}, {"session_id": "session-2", "created": hours_ago(1)}]}


def _made(hours: float) -> Rows:
    """The restore point, from so many hours ago."""
    return {"restore_points": [{**_POINT, "created": hours_ago(hours)}]}


def _publishing(*hours: float | None, **more: Any) -> Rows:
    """Sessions that publish disks, each from so many hours ago on."""
    return {
        "restore_sessions": [
            {**_AT_WORK, "created": None if each is None else hours_ago(each), **more} for each in hours
        ]
    }


_RECOVERY_EXAMPLES: Final = (
    Example("PASS", _OPEN, _since(_WEEK_H)),
    Example("PASS", {"restore_point_created": hours_ago(_WEEK_H)}),
    Example("FAIL", _OPEN, _since(_WEEK_H + 1)),
    Example("FAIL", _OPEN, _since(25), params={"max_days": 1}),
    Example("FAIL", {**_OPEN, "restore_point_created": hours_ago(1)}, _since(_WEEK_H + 1)),
    Example("UNKNOWN", _OPEN, _since(None)),
    Example("UNKNOWN", _OPEN, _since(-72)),
    Example("UNKNOWN", {"session_id": "session-9", "restore_point_created": hours_ago(_WEEK_H + 1)}, _since(1)),
    Example("UNKNOWN", _OPEN, datasets={"restore_sessions": "denied"}),
)
_RECOVERY_READS: Final = (
    "session_id",
    "restore_point_created",
    "restore_sessions.created",
    "restore_sessions.session_id",
)


@check(
    "RPO-014",
    "Instant recoveries on VMware are finished in time",
    severity="medium",
    tables=("instant_recoveries", "restore_sessions"),
    fallback=("restore_sessions",),
    reads=_RECOVERY_READS,
    json_path="sessionId",
    expected="open for at most {max_days} days",
    failure="{has} been open for more than {max_days} days",
    consequence="could lose {its} changes when the backup storage fails",
    remediation="Home > Instant Recovery: migrate the machine to production, or stop publishing it.",
    examples=_RECOVERY_EXAMPLES,
)
def instant_recovery_ended(
    recoveries: pd.DataFrame, sessions: pd.DataFrame, *, now: dt.datetime, max_days: MaxDays = 7
) -> Outcome:
    """A machine that runs from its backup is slow, blocks the cleanup of its chain, and is lost with the repository.

    A recovery cannot start before its restore point exists: if the session is not reported, the restore point's date
    counts.
    """
    return _recovery(recoveries, sessions, now, max_days)


@check(
    "RPO-015",
    "Instant recoveries on Hyper-V are finished in time",
    severity="medium",
    tables=("hyperv_instant_recoveries", "restore_sessions"),
    fallback=("restore_sessions",),
    reads=_RECOVERY_READS,
    json_path="sessionId",
    expected="open for at most {max_days} days",
    failure="{has} been open for more than {max_days} days",
    consequence="could lose {its} changes when the backup storage fails",
    remediation="Home > Instant Recovery: migrate the machine to production, or stop publishing it.",
    examples=_RECOVERY_EXAMPLES,
)
def hyperv_recovery_ended(
    recoveries: pd.DataFrame, sessions: pd.DataFrame, *, now: dt.datetime, max_days: MaxDays = 7
) -> Outcome:
    """A machine that runs from its backup is slow, blocks the cleanup of its chain, and is lost with the repository.

    A recovery cannot start before its restore point exists: if the session is not reported, the restore point's date
    counts.
    """
    return _recovery(recoveries, sessions, now, max_days)


@check(
    "RPO-016",
    "Restore points opened for file-level restore are closed in time",
    severity="low",
    tables=("file_restore_mounts", "restore_sessions", "restore_points"),
    fallback=("restore_sessions", "restore_points"),
    reads=(
        "session_id",
        "restore_point_id",
        "restore_sessions.created",
        "restore_sessions.session_id",
        "restore_points.created",
        "restore_points.restore_point_id",
    ),
    json_path="sessionId",
    expected="open for at most {max_days} days",
    failure="{has} been open for more than {max_days} days",
    consequence="could leave backed-up files open to others",
    remediation="Home > Last 24 Hours > Running: close the backup browser, or stop the session.",
    examples=(
        Example("PASS", _OPEN, _since(48)),
        Example("PASS", _POINT, _made(48)),
        Example("FAIL", _OPEN, _since(49)),
        Example("FAIL", {**_OPEN, **_POINT}, {**_since(49), **_made(1)}),
        Example("FAIL", _OPEN, _since(25), params={"max_days": 1}),
        Example("UNKNOWN", _OPEN, _since(None)),
        Example("UNKNOWN", {**_OPEN, **_POINT}, {**_since(None), **_made(49)}),
        Example("UNKNOWN", {**_POINT, "session_id": "session-9"}, _since(1)),
    ),
)
def file_mount_closed(
    mounts: pd.DataFrame,
    sessions: pd.DataFrame,
    points: pd.DataFrame,
    *,
    now: dt.datetime,
    max_days: MaxDays = 2,
) -> Outcome:
    """Anyone with access to the mount server can read the files of the backup, and an open restore point is not merged.

    A mount cannot start before its restore point exists: if the session is not reported, the restore point's date
    counts.
    """
    started = beside(mounts["session_id"], sessions, "session_id")["created"]
    made = beside(mounts["restore_point_id"], points, "restore_point_id")["created"]
    return _open_since(started, started, made, now, max_days)


@check(
    "RPO-017",
    "Published disks are unmounted in time",
    severity="medium",
    tables=("published_disks", "restore_sessions", "restore_points"),
    aggregates=("restore_sessions",),
    fallback=("restore_points",),
    reads=(
        "state",
        "restore_point_id",
        "restore_sessions.created",
        "restore_sessions.session_type",
        "restore_sessions.state",
        "restore_points.created",
        "restore_points.restore_point_id",
    ),
    json_path="mountState",
    expected="open for at most {max_days} days",
    failure="{has} been published for more than {max_days} days",
    consequence="could expose backed-up data, or block backups",
    remediation="Home > Instant Recovery > the published disks: stop publishing them.",
    examples=(
        Example("PASS", _MOUNTED, _publishing(_WEEK_H)),
        Example("PASS", _PUBLISHED, _made(_WEEK_H)),
        Example("PASS", {"state": "Unmounting"}, _publishing(_WEEK_H)),
        Example("PASS", _MOUNTED, {**_publishing(_WEEK_H, 2), "published_disks": [{"state": "UnmountFailed"}]}),
        Example("PASS", _MOUNTED, {**_publishing(_WEEK_H), "published_disks": [{"state": "Unmounted"}]}),
        Example("FAIL", _PUBLISHED, _publishing(_WEEK_H + 1)),
        Example("FAIL", _PUBLISHED, _publishing(25), params={"max_days": 1}),
        Example("FAIL", {**_PUBLISHED, "state": "Mounting"}, {**_publishing(_WEEK_H + 1), **_made(900)}),
        Example(
            "FAIL", _PUBLISHED, {**_publishing(_WEEK_H + 9, _WEEK_H + 1), "published_disks": [{"state": "Mounted"}]}
        ),
        Example(
            "UNKNOWN", _PUBLISHED, {**_publishing(_WEEK_H + 9, _WEEK_H - 1), "published_disks": [{"state": "Mounted"}]}
        ),
        Example("UNKNOWN", _PUBLISHED, {**_publishing(_WEEK_H + 1), "published_disks": [{"state": "Mounted"}]}),
        Example("UNKNOWN", _PUBLISHED, {**_publishing(9, 9), "published_disks": [{"state": None}]}),
        Example("UNKNOWN", _PUBLISHED, {**_publishing(9, None), "published_disks": [_MOUNTED]}),
        Example("UNKNOWN", _PUBLISHED, _publishing(_WEEK_H + 1, state="Stopped")),
        Example("UNKNOWN", _PUBLISHED, _publishing(_WEEK_H + 1, session_type="RestoreVm")),
        Example("UNKNOWN", _PUBLISHED, {"restore_sessions": [*_publishing(9)["restore_sessions"], {"created": None}]}),
        Example("UNKNOWN", _PUBLISHED, _publishing(None)),
        Example("UNKNOWN", _PUBLISHED, _made(_WEEK_H + 1)),
        Example("UNKNOWN", _PUBLISHED),
        Example("UNKNOWN", {**_PUBLISHED, "state": "Hovering"}, _made(1)),
        Example("UNKNOWN", {**_PUBLISHED, "state": None}, _made(1)),
        Example("NOT_APPLICABLE", {**_PUBLISHED, "state": "MountFailed"}),
        Example("NOT_APPLICABLE", {**_PUBLISHED, "state": "Unmounted"}),
    ),
)
def disks_unmounted(
    mounts: pd.DataFrame,
    sessions: pd.DataFrame,
    points: pd.DataFrame,
    *,
    now: dt.datetime,
    max_days: MaxDays = 7,
) -> Outcome:
    """Published disks of a backup can be read by other software, bypassing the permissions of the machine itself.

    The server does not report which session published which disks. If as many sessions of this kind run as disks are
    published, the age of all of them counts. That a session runs for as long as its disks are open is inferred.
    """
    state = mounts["state"]
    known, closed = surely_one(state, *_STATES), surely_one(state, *_CLOSED)
    kind, running = sessions["session_type"], ~finished(sessions)
    publishing = (kind == _PUBLISH) & running
    starts = sessions["created"][surely(publishing)]
    clear = bool(known.all()) and not publishing.isna().any() and len(starts) == int((~closed).sum())
    clear = clear and bool(starts.notna().all())
    ordered = starts.sort_values() if clear else starts[:0]
    first, last = _for_all(mounts, ordered.head(1)), _for_all(mounts, ordered.tail(1))
    made = beside(mounts["restore_point_id"], points, "restore_point_id")["created"]
    answer = _open_since(first, last, made, now, max_days)
    return explained(
        Outcome(
            answer.ok,
            observed=answer.observed,
            applies=nullable(~closed, ~known, mounts.index),
            reason=worded(
                mounts.index,
                (closed, "its disks are not mounted"),
                (~known, "mountState is missing in the answer, or not known to this check"),
                default="since when they are published is not reported, nor clear from the sessions that run",
            ),
        )
    )


def _for_all(mounts: pd.DataFrame, moment: pd.Series) -> pd.Series:
    """One instant, or none, for every mount."""
    return taken(moment, np.full(len(mounts), len(moment) - 1), mounts.index)


def _recovery(recoveries: pd.DataFrame, sessions: pd.DataFrame, now: dt.datetime, max_days: int) -> Outcome:
    started = beside(recoveries["session_id"], sessions, "session_id")["created"]
    return _open_since(started, started, recoveries["restore_point_created"], now, max_days)


def _open_since(first: pd.Series, last: pd.Series, made: pd.Series, now: dt.datetime, max_days: int) -> Outcome:
    """Whether what was opened from `first` to `last`, from a restore point of `made`, stands open for too long."""
    limit = dt.timedelta(days=max_days)
    young, old = surely_not(older_than(first, limit, now=now)), surely(older_than(last, limit, now=now))
    fresh = surely_not(older_than(made, limit, now=now)) & ~old
    since, point = (minute_text(each) for each in (first, made))
    return explained(
        Outcome(
            nullable(young | fresh, ~(young | fresh | old), first.index),
            observed=worded(
                first.index,
                (first.notna(), [f"open since {at}" for at in since]),
                (fresh, [f"open, from a restore point of {at}" for at in point]),
            ),
            reason=worded(first.index, (first.isna(), _START_UNKNOWN), default="its session started in the future"),
        )
    )
