"""What the sessions of the period tell about each job."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.dates import are_outside, hours_between
from vbr_audit.checks.logic.three_valued import Cells, nullable, places_of, surely, surely_not, surely_one, taken
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import ENDED_RESULTS

FINISHED: Final = "Stopped"
RUNNING: Final = (
    "Starting",
    "Stopping",
    "Working",
    "Pausing",
    "Resuming",
    "WaitingTape",
    "Idle",
    "Postprocessing",
    "WaitingRepository",
    "WaitingSlot",
    "ActionRequired",
)


@dataclass(frozen=True, eq=False)
class Newest:
    """The newest finished run per job: its result (text, NA where none is surely the newest) and its start."""

    result: pd.Series
    started: pd.Series


@dataclass(frozen=True, eq=False)
class Runs:
    """Finished runs per job in the period, as integer arrays in the order of the jobs.

    `owner` is the place of each row's job, as `owners_of` tells it.
    `unclear` counts the runs of the period of which state or result is not known, so that they may or may not count;
    `dateless` those of which the start is not known, so that they may belong to any run, or to none of the period.
    """

    owner: Cells
    success: Cells
    warning: Cells
    failed: Cells
    unclear: Cells
    dateless: Cells

    @property
    def good(self) -> Cells:
        """Runs that succeeded, with or without a warning."""
        return self.success + self.warning

    @property
    def known(self) -> Cells:
        """Runs of which the result is known."""
        return self.good + self.failed


def finished(sessions: pd.DataFrame) -> pd.Series:
    """Whether each session has come to its end, as nullable boolean; NA for a missing or unknown state."""
    state = codes_of(sessions["state"])
    done = state.among((FINISHED,))
    return nullable(done, ~(done | state.among(RUNNING)), sessions.index)


def newest_finished(jobs: pd.DataFrame, runs: pd.DataFrame) -> Newest:
    """The newest finished run of each job.

    Where a run of unknown start or state may be the newest one, nothing is known. Of several that started at the
    same moment, the failed one counts.
    """
    owner = places_of(runs["job_id"], jobs["job_id"])
    done = finished(runs)
    of_jobs = np.flatnonzero((owner >= 0) & ~surely_not(done))
    starts = runs["started"].to_numpy(dtype="datetime64[us]").astype(np.int64)[of_jobs]
    starts[are_missing(runs["started"])[of_jobs]] = np.iinfo(np.int64).max
    failed = codes_of(runs["result"]).among(("Failed",))[of_jobs]
    order = np.lexsort((failed, starts, _narrow(owner[of_jobs])))
    last = np.full(len(jobs), -1)
    last[owner[of_jobs][order]] = of_jobs[order]
    clear = last >= 0
    clear[clear] = (surely(done) & are_known(runs["started"]))[last[clear]]
    last[~clear] = -1
    return Newest(taken(runs["result"], last, jobs.index), taken(runs["started"], last, jobs.index))


def copies_fresh(
    jobs: pd.DataFrame, schedules: pd.DataFrame, *, now: dt.datetime, hours: float = 48, intervals: int = 2
) -> pd.Series:
    """Whether the newest restore point of each job is young: by its own interval, at least `hours`.

    `schedules` are rows of `job_schedules`. NA where no point, or no interval, is known.
    """
    row = places_of(jobs["job_id"], schedules["job_id"])
    age = hours_between(taken(schedules["newest_point"], row, jobs.index), now)
    limit = intervals * taken(schedules["interval_h"], row, jobs.index)
    young = (age <= hours) | (age <= limit)
    return young.mask((limit.isna() | age.isna()).to_numpy())


def owners_of(jobs: pd.DataFrame, rows: pd.DataFrame, since: dt.datetime, until: dt.datetime) -> Cells:
    """The place of each row's job among `jobs`, -1 for none and for a row that surely lies outside of the period."""
    owner = places_of(rows["job_id"], jobs["job_id"])
    return np.where(are_outside(start_of(rows), since, until), -1, owner)


def start_of(rows: pd.DataFrame) -> pd.Series:
    """When each row of `job_runs`, or of `sessions`, started: a run does so with its first session."""
    return rows["started"] if "started" in rows else rows["created"]


def count_of(owner: Cells, chosen: Cells, jobs: pd.DataFrame) -> Cells:
    """How many `chosen` rows each job owns."""
    return np.bincount(owner[chosen & (owner >= 0)], minlength=len(jobs))


def rows_of(owner: Cells, jobs: pd.DataFrame) -> Cells:
    """How many rows each job owns."""
    return np.bincount(owner[owner >= 0], minlength=len(jobs))


def runs_of(jobs: pd.DataFrame, runs: pd.DataFrame, since: dt.datetime, until: dt.datetime) -> Runs:
    """How the runs of each job ended that started from `since` to before `until`.

    `runs` are the rows of `job_runs`, or of `sessions` where each session shall count by itself.
    """
    owner = owners_of(jobs, runs, since, until)
    done, dateless = finished(runs), are_missing(start_of(runs))
    sure, over = surely(done) & ~dateless, ~surely_not(done)
    result = {name: sure & surely_one(runs["result"], name) for name in ENDED_RESULTS}
    known = result["Success"] | result["Warning"] | result["Failed"]
    success, warning, failed = (count_of(owner, result[name], jobs) for name in ENDED_RESULTS)
    unclear = count_of(owner, over & ~known & ~dateless, jobs)
    return Runs(owner, success, warning, failed, unclear, count_of(owner, over & dateless, jobs))


def in_time(owner: Cells, rows: pd.DataFrame) -> Cells:
    """The positions of the rows that belong to a job, by job and start; rows without a start are left out."""
    began = start_of(rows)
    usable = np.flatnonzero((owner >= 0) & are_known(began))
    starts = began.to_numpy(dtype="datetime64[us]").astype(np.int64)[usable]
    return usable[np.lexsort((starts, _narrow(owner[usable])))]


def _narrow(places: Cells) -> Cells:
    """The same numbers, from 0 on, in as few bytes as they need: up to two bytes, numpy sorts them in one pass."""
    return places.astype(np.min_scalar_type(places.max(initial=0)))


def longest_streaks(owner: Cells, chosen: Cells, jobs: pd.DataFrame) -> Cells:
    """How many `chosen` rows of each job follow one another at most; the rows are in order of job and time."""
    places = np.arange(len(owner))
    breaks = ~chosen
    breaks[1:] |= owner[1:] != owner[:-1]
    # The row that opens a job's rows, or breaks a streak, starts the count anew: at one if it is chosen itself.
    last = np.maximum.accumulate(np.where(breaks, places - chosen, -1)) if len(owner) else places
    lengths = np.where(chosen, places - last, 0)
    streaks = np.zeros(len(jobs), dtype=np.int64)
    np.maximum.at(streaks, owner, lengths)
    return streaks
