"""What the sessions of the period tell about each job."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.dates import within
from vbr_audit.checks.logic import Cells, nullable, one_of, places_of, surely, taken

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
    """The newest finished session per job: its result (text, NA where none is surely the newest) and its start."""

    result: pd.Series
    created: pd.Series


@dataclass(frozen=True, eq=False)
class Runs:
    """Finished sessions per job in the period, as integer arrays in the order of the jobs.

    `unclear` counts sessions of which state, result or start is not known, so that they may or may not count.
    """

    success: Cells
    warning: Cells
    failed: Cells
    unclear: Cells


def finished(sessions: pd.DataFrame) -> pd.Series:
    """Whether each session has come to its end, as nullable boolean; NA for a missing or unknown state."""
    state = sessions["state"]
    done = surely(state == FINISHED)
    return nullable(done, ~(done | surely(one_of(state, RUNNING))), sessions.index)


def newest_finished(jobs: pd.DataFrame, sessions: pd.DataFrame) -> Newest:
    """The newest finished session of each job.

    Where a session of unknown start or state may be the newest one, nothing is known. Of several that started at the
    same moment, the failed one counts.
    """
    owner = places_of(sessions["job_id"], jobs["job_id"])
    done = finished(sessions)
    of_jobs = np.flatnonzero((owner >= 0) & ~surely(~done))
    few = sessions.iloc[of_jobs]
    starts = few["created"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    starts[few["created"].isna().to_numpy()] = np.iinfo(np.int64).max
    order = np.lexsort((surely(few["result"] == "Failed"), starts, owner[of_jobs]))
    last = np.full(len(jobs), -1)
    last[owner[of_jobs][order]] = of_jobs[order]
    clear = last >= 0
    clear[clear] = (surely(done) & sessions["created"].notna().to_numpy())[last[clear]]
    last[~clear] = -1
    return Newest(taken(sessions["result"], last, jobs.index), taken(sessions["created"], last, jobs.index))


def runs_of(jobs: pd.DataFrame, sessions: pd.DataFrame, since: dt.datetime, until: dt.datetime) -> Runs:
    """How the sessions of each job ended that were created from `since` to before `until`."""
    owner = places_of(sessions["job_id"], jobs["job_id"])
    counted = within(sessions["created"], since, until) & finished(sessions)
    sure, outside = surely(counted), surely(~counted)

    def per_job(chosen: Cells) -> Cells:
        return np.bincount(owner[chosen & (owner >= 0)], minlength=len(jobs))

    result = {name: sure & surely(sessions["result"] == name) for name in ("Success", "Warning", "Failed")}
    known = result["Success"] | result["Warning"] | result["Failed"]
    return Runs(
        per_job(result["Success"]), per_job(result["Warning"]), per_job(result["Failed"]), per_job(~outside & ~known)
    )
