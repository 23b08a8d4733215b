"""Each job on each day of the period: the worst run, a run that is missing, or none that was due."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.schedules import follow
from vbr_audit.checks.engine.views import ServerView, views_of
from vbr_audit.checks.logic.three_valued import Cells, places_of, surely
from vbr_audit.reports.figures.runs import DAYS_SHOWN, last_day
from vbr_audit.tables.build.enums import ENDED_RESULTS

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot

UNKNOWN_DAY: Final = "unclear"
DAY_STATES: Final = (UNKNOWN_DAY, "idle", "Success", "other", "Warning", "Failed", "missed")
"""What a day may hold; of several runs the one that stands last here counts."""

DAY_WORDS: Final = {
    "Success": "success",
    "Warning": "warning",
    "Failed": "failed",
    "other": "another result",
    "missed": "missed",
    "idle": "no run due",
    UNKNOWN_DAY: "no run, due or not",
}
"""The states in words; a schedule that is not followed here does not report whether a run was due."""


@dataclass(frozen=True)
class CalendarRow:
    """One job: what each day held, as one of `DAY_STATES`."""

    server: str
    job_id: str
    name: str
    days: tuple[str, ...]

    @cached_property
    def counts(self) -> Counter[str]:
        """The number of days by state."""
        return Counter(self.days)


@dataclass(frozen=True)
class RunCalendar:
    """The days of the period, at most the last 92, and all jobs, those with the most bad days first."""

    days: tuple[dt.date, ...]
    rows: tuple[CalendarRow, ...]
    is_cut: bool

    @cached_property
    def counts(self) -> Counter[str]:
        """The number of days of all jobs by state."""
        return sum((row.counts for row in self.rows), Counter[str]())

    @property
    def has_runs(self) -> bool:
        """Whether any run or any missing one is in it."""
        return any(self.counts[state] for state in DAY_STATES[2:])


def build_calendar(snapshot: Snapshot, runs: pd.DataFrame, zone: dt.tzinfo) -> RunCalendar:
    """The calendar of the jobs in scope; `runs` are those that every number about runs counts."""
    start = snapshot.since.astimezone(zone).date()
    last = last_day(snapshot, zone)
    first = max(start, last - dt.timedelta(days=DAYS_SHOWN - 1))
    days = tuple(first + dt.timedelta(days=index) for index in range((last - first).days + 1))
    rows: list[CalendarRow] = []
    for view in views_of(snapshot, frozenset()):
        server, jobs = view.name, view.frame("jobs")
        if jobs.empty:
            continue
        codes = _codes(jobs, runs[surely(runs["server"] == server)], days, zone)
        _mark_schedule(codes, snapshot, view, jobs, days, zone)
        words = np.array(DAY_STATES, dtype=object)[codes]
        ids, names = (jobs[name].fillna("").tolist() for name in ("job_id", "name"))
        rows += [
            CalendarRow(server, job_id, name, tuple(held))
            for job_id, name, held in zip(ids, names, words.tolist(), strict=True)
        ]
    return RunCalendar(days, tuple(sorted(rows, key=_badness)), first > start)


def _badness(row: CalendarRow) -> tuple[int, int, str, str, str]:
    bad = row.counts["Failed"] + row.counts["missed"]
    return -bad, -row.counts["Warning"], row.name.casefold(), row.server, row.job_id


def _codes(jobs: pd.DataFrame, runs: pd.DataFrame, days: tuple[dt.date, ...], zone: dt.tzinfo) -> Cells:
    """Per job and day the place among `DAY_STATES` of the worst run."""
    codes = np.zeros((len(jobs), len(days)), dtype=np.int64)
    owner = places_of(runs["job_id"], jobs["job_id"])
    local = runs["started"].dt.tz_convert(zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    day = (local - np.datetime64(days[0], "D")).astype(np.int64)
    known = {name: DAY_STATES.index(name) for name in ENDED_RESULTS}
    other = DAY_STATES.index("other")
    state = np.array([known.get(result, other) for result in runs["result"].fillna("").tolist()], dtype=np.int64)
    inside = (owner >= 0) & (day >= 0) & (day < len(days))
    np.maximum.at(codes, (owner[inside], day[inside]), state[inside])
    return codes


def _mark_schedule(
    codes: Cells, snapshot: Snapshot, view: ServerView, jobs: pd.DataFrame, days: tuple[dt.date, ...], zone: dt.tzinfo
) -> None:
    """Say of the days without a run whether one was due, where the schedule as it is set now tells that."""
    followed = follow(view)
    local = pd.to_datetime(followed.at, unit="s", utc=True).tz_convert(zone).tz_localize(None)
    day = (local.to_numpy().astype("datetime64[D]") - np.datetime64(days[0], "D")).astype(np.int64)

    def days_with(chosen: Cells) -> Cells:
        held = np.zeros(codes.shape, dtype=bool)
        inside = chosen & (day >= 0) & (day < len(days))
        held[followed.job[inside], day[inside]] = True
        return held

    free, known = codes == 0, followed.is_known[:, None]
    missed, unclear = days_with(followed.missed), days_with(followed.unclear)
    rests = surely(~jobs["expected_to_run"]) | followed.always_runs
    expected = surely(jobs["expected_to_run"])[:, None]
    codes[free & (rests[:, None] | (known & expected & ~missed & ~unclear))] = DAY_STATES.index("idle")
    if _sessions_whole(snapshot, view.name):
        codes[free & missed & expected & ~rests[:, None]] = DAY_STATES.index("missed")


def _sessions_whole(snapshot: Snapshot, server: str) -> bool:
    """Whether every session of the server was read: only then is one missing."""
    record = snapshot.manifest.dataset(server, "sessions")
    return record is not None and record.status == "complete"
