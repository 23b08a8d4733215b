"""Finished runs by day and result: the numbers behind the chart of sessions, counted once for every artefact."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from vbr_audit.findings.summary import counted_runs

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot

KNOWN_RESULTS = ("Success", "Warning", "Failed")
DAYS_SHOWN = 92
"""A longer period is counted by weeks, which begin on Monday."""


@dataclass(frozen=True)
class DailyRuns:
    """The finished runs of `Summary.sessions_by_result`, by day (or week) of their creation.

    `starts` are the first days of the steps, gaps included; `counts[result][i]` belongs to `starts[i]`.
    """

    step: str
    starts: tuple[dt.date, ...]
    counts: dict[str, tuple[int, ...]]

    @property
    def results(self) -> tuple[str, ...]:
        """The results that occur, good ones first."""
        return tuple(self.counts)

    @property
    def totals(self) -> dict[str, int]:
        """All runs by result."""
        return {result: sum(values) for result, values in self.counts.items()}


def count_daily_runs(snapshot: Snapshot, zone: dt.tzinfo, runs: pd.DataFrame | None = None) -> DailyRuns:
    """Count the finished job runs of the period by day on the clock of `zone`, and result.

    `runs` are those that every number about runs counts, for a caller who has them already.
    """
    first = snapshot.since.astimezone(zone).date()
    last = last_day(snapshot, zone)
    weekly = (last - first).days >= DAYS_SHOWN
    begin = monday_of(first) if weekly else first
    length = 7 if weekly else 1
    steps = (last - begin).days // length + 1
    starts = tuple(begin + dt.timedelta(days=length * index) for index in range(steps))
    runs = counted_runs(snapshot) if runs is None else runs
    results = ["not known" if pd.isna(value) else str(value) for value in runs["result"].tolist()]
    known = [name for name in KNOWN_RESULTS if name in results]
    counts = {name: [0] * steps for name in [*known, *sorted(set(results) - set(known))]}
    for created, result in zip(runs["started"].dt.tz_convert(zone).dt.date.tolist(), results, strict=True):
        counts[result][min((created - begin).days // length, steps - 1)] += 1
    return DailyRuns(
        step="week" if weekly else "day",
        starts=starts,
        counts={name: tuple(values) for name, values in counts.items()},
    )


def last_day(snapshot: Snapshot, zone: dt.tzinfo) -> dt.date:
    """The last day of the period that has begun on the run's clock."""
    last_moment = max(min(snapshot.until, snapshot.now) - dt.timedelta(microseconds=1), snapshot.since)
    return last_moment.astimezone(zone).date()


def monday_of(day: dt.date) -> dt.date:
    """The first day of the week of `day`."""
    return day - dt.timedelta(days=day.weekday())
