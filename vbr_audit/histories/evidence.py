"""The days of a run, and for which parts of them its evidence is whole.

A day is one of the report's zone. It is cut where the period begins or ends, at the run's clock, and where the server's
own history of sessions begins, so that each part is either known as a whole or not known at all; and where a month
begins on the clock of the server, so that its months can be told apart whatever zone a report was made in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.views import ServerView, views_of
from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.tables.build.arrays import STRING, dates_of, micros, strings_of
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

HOUR: Final = 3_600_000_000
"""An hour in microseconds, in which all instants and lengths of this room are counted."""

SERVER_COLUMNS: Final = (
    Column("server_id", "string", "The server over time: its own id if known, else its name.", holds="id"),
    Column("server", "string", "The server's name in the run.", holds="server"),
)
"""The first columns of every table of a history."""

PART_COLUMNS: Final = (
    Column("day", "string", "The day in the zone of the report, as YYYY-MM-DD.", holds="word"),
    Column("since", "datetime", "The first instant of the part of the day that the row is about."),
    Column("until", "datetime", "The first instant after that part."),
    Column("hours", "Float64", "The length of that part.", "h"),
)

SPEC: Final = TableSpec(
    "evidence_daily",
    ("server_id", "since"),
    (
        *SERVER_COLUMNS,
        *PART_COLUMNS,
        Column("sessions_known", "boolean", "All sessions of that part were read, and the server still had them."),
        Column("points_known", "boolean", "All restore points that existed at the time of reading were read."),
        Column("jobs_known", "boolean", "All jobs were read, and all are in scope."),
        Column("why", "string", "Why the sessions are not known.", holds="own text"),
    ),
    "One row per server and part of a day of the period: whether the evidence of the run covers it. A day is cut where "
    "the period begins or ends and where the session history of the server begins.",
)


@dataclass(frozen=True, eq=False)
class RunTables:
    """What a history keeps of one run: its id, its clock, and its tables by name."""

    run_id: str
    now: dt.datetime
    tables: Mapping[str, pd.DataFrame]

    def table(self, spec: TableSpec) -> pd.DataFrame:
        """The table of `spec` in its dtypes, as a file may keep others; empty where the run has none.

        A column that the run does not have yet is NA.
        """
        frame = self.tables.get(spec.name)
        if frame is None:
            return empty(spec)
        dtypes = empty(spec).dtypes
        if frame.dtypes.equals(dtypes):
            return frame
        return frame.reindex(columns=list(spec.names)).astype(dtypes)


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of the days of one run for one server, in order of time; instants in microseconds.

    `months` are the first instants of months among their bounds.
    """

    months: Cells
    day: list[str]
    start: Cells
    end: Cells
    known: Cells
    why: list[str | None]

    def place(self, at: Cells) -> Cells:
        """The part that each instant lies in; those before the first or after the last one belong to those."""
        places = np.searchsorted(self.start, at, side="right") - 1
        return np.asarray(np.clip(places, 0, max(len(self.start) - 1, 0)))

    def columns(self, rows: Cells) -> dict[str, Any]:
        """The columns `PART_COLUMNS` of the parts at these positions."""
        return {
            "day": strings_of(self.day).take(rows),
            "since": instants(self.start[rows]),
            "until": instants(self.end[rows]),
            "hours": pd.array((self.end - self.start)[rows] / HOUR, dtype="Float64"),
        }


def id_of(snapshot: Snapshot, server: str) -> str:
    """The id over time of one server."""
    return snapshot.manifest.server_ids.get(server, server)


def server_views(snapshot: Snapshot) -> tuple[ServerView, ...]:
    """The servers of a snapshot as the tables of a history see them."""
    return views_of(snapshot, frozenset())


def evidence_daily(snapshot: Snapshot) -> pd.DataFrame:
    """The table `evidence_daily` of one run."""
    frames = [_evidence(snapshot, view) for view in server_views(snapshot)]
    return joined(frames, SPEC)


def _evidence(snapshot: Snapshot, view: ServerView) -> pd.DataFrame:
    parts = parts_of(view)
    size = len(parts.start)
    points = all(view.is_whole(name) for name in ("backups", "backup_objects", "restore_points"))
    return conform(
        {
            "server_id": [id_of(snapshot, view.name)] * size,
            "server": [view.name] * size,
            **parts.columns(np.arange(size)),
            "sessions_known": parts.known.tolist(),
            "points_known": [points] * size,
            "jobs_known": [view.is_whole("jobs") and snapshot.jobs_pattern is None] * size,
            "why": parts.why,
        },
        SPEC,
    )[0]


def parts_of(view: ServerView) -> Parts:
    """The parts of the days of the period up to the server's clock, and whether its sessions are known there."""
    return view.once("parts of days", lambda: _parts_of(view))


def _parts_of(view: ServerView) -> Parts:
    since, end = micros(view.since), micros(min(view.until, view.now))
    oldest, why = _known_from(view, end)
    days, own_days = (_midnights(view, zone) for zone in (view.zone, view.clock_zone))
    months = _micros([day for first, day in (*days, *own_days) if first])
    cuts = np.unique(np.concatenate([_micros([day for _, day in days]), months, [since, end, min(oldest, end)]]))
    cuts = cuts[(cuts >= since) & (cuts <= end)]
    start, stop = cuts[:-1], cuts[1:]
    names = pd.to_datetime(start, unit="us", utc=True).tz_convert(view.zone).strftime("%Y-%m-%d").tolist()
    known = start >= oldest
    months = months[(months >= since) & (months < end)]
    return Parts(months, names, start, stop, known, [None if one else why for one in known.tolist()])


def _midnights(view: ServerView, zone: dt.tzinfo) -> list[tuple[bool, dt.datetime]]:
    """The first instants of the days of the period on the clock of `zone`, each with whether a month begins."""
    first, end = view.since.astimezone(zone).date(), min(view.until, view.now)
    count = max((end.astimezone(zone).date() - first).days, 0) + 1
    days = (first + dt.timedelta(days=number) for number in range(count))
    return [(day.day == 1, dt.datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(dt.UTC)) for day in days]


def _micros(edges: list[dt.datetime]) -> Cells:
    return np.array([micros(edge) for edge in edges], dtype=np.int64)


def _known_from(view: ServerView, end: int) -> tuple[int, str | None]:
    """From which instant on all sessions of the server are in hand, and why not of an earlier one."""
    if not view.is_whole("sessions"):
        return end, "; ".join(view.gaps("sessions"))
    reported = view.frame("session_history")["oldest_session"].dropna()
    why = "the server's history of sessions begins later"
    if not len(reported):
        reported = pd.concat([view.frame(name)["created"] for name in ("sessions", "edge_sessions")]).dropna()
        why = "how far back the server's history of sessions reaches is not known"
    return (micros(reported.min()), why) if len(reported) else (end, why)


NO_INSTANT: Final = int(np.iinfo(np.int64).min)
"""What NaT is among microseconds."""


def instants(moments: Cells) -> Any:
    """Microseconds as a column of instants; `NO_INSTANT` is NaT."""
    return dates_of(np.ascontiguousarray(moments, dtype=np.int64))


def joined(frames: Sequence[pd.DataFrame], spec: TableSpec) -> pd.DataFrame:
    """The rows of all frames of one table."""
    filled = [frame for frame in frames if len(frame)]
    if len(filled) == 1:  # the rule: those of one run, of one server
        return filled[0].reset_index(drop=True)
    return pd.concat(filled, ignore_index=True) if filled else empty(spec)


def constant(text: str, size: int) -> Any:
    """A text column that holds one text throughout."""
    return pd.array([text], dtype=STRING).take(np.zeros(size, dtype=np.int64))
