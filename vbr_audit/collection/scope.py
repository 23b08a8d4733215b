"""What of a server belongs into the tables: its period, and where asked for only some jobs with all that is theirs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

import pandas as pd

from vbr_audit.tables.enums import JOB_RUN_TYPES

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Scope:
    """The period, and the pattern of job names where one was given."""

    since: dt.datetime
    until: dt.datetime
    jobs_pattern: str | None = None


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
}
"""The tables of a period, each with the column that says when a row came to be."""

_BELONGS: Final = (
    ("job_settings", "job_id", "jobs", "job_id"),
    ("sessions", "job_id", "jobs", "job_id"),
    ("task_sessions", "session_id", "sessions", "session_id"),
    ("backups", "job_id", "jobs", "job_id"),
    ("backup_objects", "backup_id", "backups", "backup_id"),
    ("backup_files", "backup_id", "backups", "backup_id"),
    ("restore_points", "backup_id", "backups", "backup_id"),
    ("replicas", "job_id", "jobs", "job_id"),
    ("replica_points", "replica_id", "replicas", "replica_id"),
)
"""Which rows go with a job: (table, its column, the table it refers to, the column there)."""


def keep_period(frame: pd.DataFrame, column: str, scope: Scope, count: RowCount) -> pd.DataFrame:
    """The rows dated within the period; those without a readable date are kept, and counted."""
    moment = frame[column]
    outside = ((moment < scope.since) | (moment >= scope.until)) & moment.notna()
    count.outside_period = int(outside.sum())
    undated = int(moment.isna().sum())
    if undated:
        count.notes["undated_rows_kept"] = undated
    return frame[~outside].reset_index(drop=True) if count.outside_period else frame


def ownerless_runs(sessions: pd.DataFrame) -> int:
    """How many runs of jobs do not say of which job they are the run."""
    runs = sessions["session_type"].isin(JOB_RUN_TYPES).to_numpy(dtype=bool)
    return int((runs & sessions["job_id"].isna().to_numpy()).sum())


def narrow(frames: Frames, scope: Scope, counts: Mapping[str, RowCount]) -> None:
    """Keep the jobs whose name matches the pattern, and what belongs to them."""
    if scope.jobs_pattern is None:
        return
    pattern = scope.jobs_pattern.casefold()
    for name in ("jobs", "job_states"):
        if name not in frames:
            continue
        inside = frames[name]["name"].map(lambda text: isinstance(text, str) and fnmatchcase(text.casefold(), pattern))
        frames[name] = _keep(name, frames[name], inside.astype(bool), counts)
    for name, column, owner, key in _BELONGS:
        if name not in frames:
            continue
        if owner not in frames and name in counts:
            counts[name].unplaced = len(frames[name])
        known = set(frames[owner][key].dropna()) if owner in frames else set()
        if owner == "jobs":
            known |= set(frames["job_states"]["job_id"].dropna()) if "job_states" in frames else set()
        frames[name] = _keep(name, frames[name], frames[name][column].isin(known).astype(bool), counts)


def _keep(name: str, frame: pd.DataFrame, inside: pd.Series[bool], counts: Mapping[str, RowCount]) -> pd.DataFrame:
    """The rows inside the scope; a job that has no document is not a row of the dataset `jobs`."""
    if name in counts:
        counted = has_document(frame) if name == "jobs" else True
        counts[name].out_of_scope = int((~inside & counted).sum())
    return frame[inside].reset_index(drop=True)


def has_document(jobs: pd.DataFrame) -> pd.Series[bool]:
    """Whether each job was seen in the dataset `jobs`."""
    return jobs["seen_in"].str.split("+").str[0].eq("jobs").fillna(False).astype(bool)
