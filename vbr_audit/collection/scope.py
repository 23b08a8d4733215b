"""What of a server belongs into the tables: its period, and where asked for only some jobs with all that is theirs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final

import pandas as pd

from vbr_audit.datasets.card import YEAR
from vbr_audit.tables.job_runs import LEAD, runs_of_jobs

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Scope:
    """The period, the pattern of job names where one was given, and when it was read by the server's clock."""

    since: dt.datetime
    until: dt.datetime
    jobs_pattern: str | None = None
    read_on: dt.datetime | None = None

    @property
    def year(self) -> Scope:
        """The same, but from a year before it was read up to then, independent of the period."""
        if self.read_on is None:
            return self
        return replace(self, since=min(self.since, self.read_on - YEAR), until=self.read_on)


@dataclass
class RowCount:
    """What became of the distinct rows of one dataset, and what was odd about them."""

    kept: int = 0
    outside_period: int = 0
    out_of_scope: int = 0
    unreadable: int = 0
    ownerless: int = 0
    unplaced: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


DATED: Final[Mapping[str, str]] = {
    "sessions": "created",
    "task_sessions": "created",
    "authorization_events": "created",
    "restore_sessions": "created",
    "restore_tasks": "created",
}
"""The tables of a period, each with the column that says when a row came to be."""

_BELONGS: Final = (
    ("job_settings", "job_id", "jobs", "job_id"),
    ("sessions", "job_id", "jobs", "job_id"),
    ("edge_sessions", "job_id", "jobs", "job_id"),
    ("task_sessions", "session_id", "sessions", "session_id"),
    ("backups", "job_id", "jobs", "job_id"),
    ("backup_objects", "backup_id", "backups", "backup_id"),
    ("backup_files", "backup_id", "backups", "backup_id"),
    ("restore_points", "backup_id", "backups", "backup_id"),
    ("replicas", "job_id", "jobs", "job_id"),
    ("replica_points", "replica_id", "replicas", "replica_id"),
)
"""Which rows go with a job: (table, its column, the table it refers to, the column there)."""


def at_edges(frame: pd.DataFrame, column: str, scope: Scope) -> pd.DataFrame:
    """The rows dated in the days before the period, or after it, up to the moment of reading."""
    moment = frame[column]
    before = (moment >= scope.since - LEAD) & (moment < scope.since)
    return frame[(before | (moment >= scope.until)).to_numpy(dtype=bool)].reset_index(drop=True)


def keep_period(frame: pd.DataFrame, column: str, scope: Scope, count: RowCount) -> pd.DataFrame:
    """The rows dated within the period; those without a readable date are kept, and counted."""
    moment = frame[column]
    outside = ((moment < scope.since) | (moment >= scope.until)) & moment.notna()
    count.outside_period = int(outside.sum())
    undated = int(moment.isna().sum())
    if undated:
        count.notes["undated_rows_kept"] = undated
    return frame[~outside].reset_index(drop=True) if count.outside_period else frame


def ownerless_runs(sessions: pd.DataFrame) -> tuple[int, int]:
    """Number of job runs that do not name their job, and of all job runs."""
    runs = runs_of_jobs(sessions)
    return int((runs & sessions["job_id"].isna().to_numpy()).sum()), int(runs.sum())


def narrow(frames: Frames, scope: Scope, counts: Mapping[str, RowCount], unread: frozenset[str]) -> None:
    """Keep the jobs whose name matches the pattern, and what belongs to them.

    `unread` are the datasets that were not read whole: a row that refers to a row which may be among the missing ones
    cannot be placed, and is counted so.
    """
    if scope.jobs_pattern is None:
        return
    pattern, unplaced = scope.jobs_pattern.casefold(), _unplaced(frames, unread)
    for name in ("jobs", "job_states"):
        if name not in frames:
            continue
        inside = frames[name]["name"].map(lambda text: isinstance(text, str) and fnmatchcase(text.casefold(), pattern))
        frames[name] = _keep(name, frames[name], inside.astype(bool), counts)
    for name, column, owner, key in _BELONGS:
        if name not in frames:
            continue
        if name in counts:
            counts[name].unplaced = int(unplaced[name].sum())
        inside = frames[name][column].isin(_ids(frames, owner, key))
        frames[name] = _keep(name, frames[name], inside.astype(bool), counts)


def _unplaced(frames: Frames, unread: frozenset[str]) -> dict[str, pd.Series[bool]]:
    """Which rows of each table refer, directly or over others, to a row that was not read."""
    unplaced: dict[str, pd.Series[bool]] = {}
    for name, column, owner, key in _BELONGS:
        if name not in frames:
            continue
        belongs, source = frames[name][column], "job_states" if owner == "jobs" else owner
        lost = ~belongs.isin(_ids(frames, owner, key)) if source in unread else belongs.isin(())
        if owner in unplaced:
            lost |= belongs.isin(set(frames[owner].loc[unplaced[owner], key].dropna()))
        unplaced[name] = (lost & belongs.notna()).astype(bool)
    return unplaced


def _ids(frames: Frames, owner: str, key: str) -> set[str]:
    """The ids of the rows of `owner`; a job may be known by its state alone."""
    tables = (owner, "job_states") if owner == "jobs" else (owner,)
    return {value for table in tables if table in frames for value in frames[table][key].dropna()}


def _keep(name: str, frame: pd.DataFrame, inside: pd.Series[bool], counts: Mapping[str, RowCount]) -> pd.DataFrame:
    """The rows inside the scope; a job that has no document is not a row of the dataset `jobs`."""
    if name in counts:
        counted = has_document(frame) if name == "jobs" else True
        counts[name].out_of_scope = int((~inside & counted).sum())
    return frame[inside].reset_index(drop=True)


def has_document(jobs: pd.DataFrame) -> pd.Series[bool]:
    """Whether each job was seen in the dataset `jobs`."""
    return jobs["seen_in"].str.startswith("jobs", na=False).astype(bool)
