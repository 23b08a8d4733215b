"""Checks of what the evidence cannot show: rows that came twice, dates that mean nothing, workloads out of sight."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.evidence.evidence import NEVER_OFFERED, never_offered
from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.three_valued import nullable, one_of, surely, surely_not, worded
from vbr_audit.datasets import DATASETS
from vbr_audit.tables.build.arrays import are_missing
from vbr_audit.tables.build.enums import SESSION_TYPES

_LISTS: Final = tuple(name for name, dataset in DATASETS.items() if dataset.shape.has_rows)
_READ: Final = ("complete", "partial")
_UNREAD: Final = ("denied", "absent", "failed", "not collected")
_OLD_SERVER: Final = {"servers": [{"revision_newest": "1.2-rev1"}]}
_WHOLE: Final = {"name": "jobs", "status": "complete"}
_UNSEEN: Final = {
    "SureBackup": "SureBackup with a virtual lab",
    "FailoverPlan": "failover plans",
    "FailoverPlanTask": "failover plans",
    "PlatformServiceJob": "backups by other platforms' services",
    "PlatformSnapshotJob": "snapshots by other platforms' services",
    "PlatformSnapshotCopyJob": "snapshots by other platforms' services",
}
_UNSEEN_PREFIXES: Final = {
    "tape": "tape",
    "cdp": "continuous data protection (CDP)",
    "cloudconnect": "Cloud Connect",
}
_DATED: Final = {"naive_dates": 0, "impossible_dates": 0}
_BACKUP: Final = {"session_type": "BackupJob"}
_LAB: Final = {"session_type": "SureBackup"}


@check(
    "EVD-004",
    "Each row was returned once while the pages were read",
    severity="medium",
    tables=("datasets", "servers"),
    reads=("rows_duplicate", "name", "status", "servers.revision_newest"),
    json_path="id",
    expected="0 rows more than once",
    failure="{has} rows that came more than once",
    consequence="could make counts in this report wrong",
    remediation="Collect again, at a quiet time: rows that move while they are read are returned twice or skipped.",
    examples=(
        Example("PASS", {**_WHOLE, "rows_duplicate": 0}),
        Example("PASS", {**_WHOLE, "status": "partial", "rows_duplicate": 0}),
        Example("FAIL", {**_WHOLE, "rows_duplicate": 1}),
        Example("FAIL", {**_WHOLE, "rows_duplicate": 2}),
        Example("UNKNOWN", {**_WHOLE, "rows_duplicate": None}),
        Example("UNKNOWN", {**_WHOLE, "status": "denied", "rows_duplicate": 0}),
        Example("UNKNOWN", {**_WHOLE, "status": "resting", "rows_duplicate": 0}),
        Example("UNKNOWN", {"name": "jobs", "rows_duplicate": 0}),
        Example("UNKNOWN", {"name": "users", "status": "absent", "rows_duplicate": 0}),
        Example("NOT_APPLICABLE", {"name": "users", "status": "absent", "rows_duplicate": 0}, _OLD_SERVER),
        Example("NOT_APPLICABLE", {"name": "server_info", "status": "denied", "rows_duplicate": 0}),
        Example("NOT_APPLICABLE", {"name": "server_time", "status": "complete", "rows_duplicate": 0}),
    ),
)
def rows_came_once(datasets: pd.DataFrame, servers: pd.DataFrame, *, needed: frozenset[str]) -> Outcome:
    """A row that is returned twice shows that the list changed: another row may be missing, and counts may be wrong.

    Rows that are requested twice on purpose, to check whether the pages still join, are not counted.
    """
    twice = datasets["rows_duplicate"]
    return _of_what_was_read(
        datasets,
        servers,
        twice == 0,
        observed=worded(datasets.index, (twice.notna(), [f"{number:,} more than once" for number in twice.fillna(0)])),
        among=_LISTS,
        needed=needed,
        gap="how many rows came twice is not known",
    )


@check(
    "EVD-006",
    "Every date is plausible, and its time zone is known",
    severity="medium",
    tables=("datasets", "servers"),
    reads=("naive_dates", "impossible_dates", "name", "status", "servers.revision_newest"),
    expected="0 dates outside of 1990 to 2100, and none whose clock is not known",
    failure="{has} dates outside of 1990 to 2100",
    consequence="could place runs and restore points on the wrong days",
    remediation="Look up the dates in the evidence: the clock of the server, or of a protected machine, was wrong.",
    examples=(
        Example("PASS", {**_WHOLE, **_DATED}),
        Example("PASS", {"name": "server_time", "status": "complete", **_DATED}),
        Example("FAIL", {**_WHOLE, **_DATED, "impossible_dates": 1}),
        Example("FAIL", {**_WHOLE, "status": "partial", "naive_dates": 3, "impossible_dates": 2}),
        Example("UNKNOWN", {**_WHOLE, **_DATED, "naive_dates": 1}),
        Example("UNKNOWN", {**_WHOLE, **_DATED, "status": "partial", "naive_dates": 3}),
        Example("UNKNOWN", {**_WHOLE, **_DATED, "naive_dates": None}),
        Example("UNKNOWN", {**_WHOLE, **_DATED, "impossible_dates": None}),
        Example("UNKNOWN", {**_WHOLE, **_DATED, "status": "failed"}),
        Example("UNKNOWN", {"name": "server_info", **_DATED}),
        Example("UNKNOWN", {"name": "users", "status": "absent", **_DATED}),
        Example("NOT_APPLICABLE", {"name": "users", "status": "absent", **_DATED}, _OLD_SERVER),
        Example("NOT_APPLICABLE", {"name": "server_info", "status": "denied", **_DATED}),
    ),
)
def dates_with_offset(datasets: pd.DataFrame, servers: pd.DataFrame, *, needed: frozenset[str]) -> Outcome:
    """An impossible date is discarded, and every result that depends on it is not known.

    Several kinds of responses of real servers have dates without an offset from UTC. They are the server's local time:
    those that were read in its time zone are counted in `datasets.assumed_dates`, and are not a fault. If the time
    zone is not known, such a date can mean several points in time: allow the account to read the server's time.
    """
    naive, wrong = datasets["naive_dates"], datasets["impossible_dates"]
    possible, floating = wrong == 0, surely((naive > 0).astype("boolean"))
    without = [f"{number:,} without an offset, and the server's zone is not known" for number in naive.fillna(0)]
    return _of_what_was_read(
        datasets,
        servers,
        possible & (naive == 0).astype("boolean").mask(floating),
        observed=worded(
            datasets.index,
            (surely_not(possible), [f"{number:,} outside of 1990 to 2100" for number in wrong.fillna(0)]),
            (floating, without),
            (wrong.notna() & naive.notna(), "0 such dates"),
        ),
        among=tuple(DATASETS),
        needed=needed,
        gap="which instants they mean, or how many there are, is not known",
    )


def _of_what_was_read(
    datasets: pd.DataFrame,
    servers: pd.DataFrame,
    ok: pd.Series,
    *,
    observed: pd.Series,
    among: tuple[str, ...],
    needed: frozenset[str],
    gap: str,
) -> Outcome:
    """`ok` for the datasets that were read; the others are aside if no check needs them or no revision of the server
    has them, else not known.
    """
    status = datasets["status"]
    read = surely(one_of(status, _READ))
    answer = ok.where(read)
    judged = one_of(datasets["name"], among)
    unread = surely(one_of(status, _UNREAD))
    unwanted = unread & surely_not(one_of(datasets["name"], needed))
    unoffered = never_offered(datasets, servers)
    return Outcome(
        answer,
        observed=observed,
        applies=judged.mask(unwanted | unoffered, False),
        reason=worded(
            datasets.index,
            (surely_not(judged), "the answer is one object, not a list of rows"),
            (unwanted, "no enabled check needs it, and it was not read"),
            (unoffered, NEVER_OFFERED),
            (answer.notna(), pd.NA),
            (unread, "it was not read"),
            (read, gap),
            default="its status is not known",
        ),
    )


@check(
    "EVD-005",
    "The server runs only workloads that its REST API covers",
    severity="info",
    tables=("servers", "sessions"),
    aggregates=("sessions",),
    reads=("sessions.session_type", "sessions.server", "server"),
    json_path="sessionType",
    expected="sessions of workloads whose settings can be read",
    failure="{has} sessions of workloads whose settings the REST API does not show",
    consequence="could have workloads without a backup that nobody sees here",
    remediation="Audit these workloads separately, in the console: the REST API does not return their settings.",
    examples=(
        Example("PASS", {}, {"sessions": [_BACKUP]}),
        Example("FAIL", {}, {"sessions": [_BACKUP, _LAB]}),
        Example("FAIL", {}, {"sessions": [{"session_type": "TapeBackup"}]}),
        Example("FAIL", {}, {"sessions": [_LAB, {"session_type": "Novelty"}]}),
        Example("UNKNOWN", {}, {"sessions": [_BACKUP, {"session_type": "Novelty"}]}),
        Example("UNKNOWN", {}, {"sessions": [_BACKUP, {"session_type": None}]}),
        Example("UNKNOWN", {}, {"sessions": [_BACKUP]}, datasets={"sessions": "partial"}),
        Example("UNKNOWN", {}),
    ),
)
def workloads_in_sight(servers: pd.DataFrame, sessions: pd.DataFrame) -> Outcome:
    """No number in the report includes workloads that the API does not report; their sessions show that they exist.

    The check only sees the types of sessions that the API lists. Tape, CDP and Cloud Connect may run without any, and
    a workload that did not run in the period is not visible.
    """
    places, kinds = codes_of(sessions["server"]), codes_of(sessions["session_type"])
    known = (places.rows >= 0) & (kinds.rows >= 0)
    counts = np.bincount(places.rows[known] * len(kinds.texts) + kinds.rows[known])
    by_server: dict[str, Counter[str]] = {}
    for cell in np.flatnonzero(counts).tolist():
        place, kind = divmod(cell, len(kinds.texts))
        if (name := _unseen(kinds.texts[kind])) is not None:
            by_server.setdefault(places.texts[place], Counter())[name] += int(counts[cell])
    named = servers["server"].tolist()
    per_server: list[dict[str, int]] = [{} if name is pd.NA else by_server.get(name, {}) for name in named]
    seen = servers["server"].isin(places.texts).to_numpy()
    odd = places.texts_of(~kinds.among(SESSION_TYPES))
    unclear = ~seen | servers["server"].isin(odd).to_numpy() | are_missing(servers["server"])
    hidden = pd.Series([bool(names) for names in per_server], index=servers.index, dtype="boolean")
    listed = [
        "; ".join(f"{name}: {number:,} session{'' if number == 1 else 's'}" for name, number in sorted(names.items()))
        for names in per_server
    ]
    ok = nullable(surely_not(hidden), surely_not(hidden) & unclear, servers.index)
    return Outcome(
        ok,
        observed=worded(servers.index, (hidden, listed), default="none but those"),
        reason=worded(
            servers.index,
            (ok.notna(), pd.NA),
            (~seen, "no session of the period is known"),
            default="of some sessions the kind is not reported, or not known to this check",
        ),
    )


def _unseen(kind: str) -> str | None:
    """The workload of a kind of session of which the API reports nothing else; None for other kinds."""
    if kind in _UNSEEN:
        return _UNSEEN[kind]
    return next((name for prefix, name in _UNSEEN_PREFIXES.items() if kind.casefold().startswith(prefix)), None)
