"""Each machine of a job in each night: how its tasks ended, or that the job ran without it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.protection_links import first_places
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.three_valued import Cells, surely, surely_one, taken
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.record import raw_text
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.enums import ENDED_RESULTS
from vbr_audit.tables.job_runs import runs_of

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot

NIGHTS_SHOWN: Final = 31
"""Maximum number of nights, the last ones of the period."""
IDLE, ABSENT, OTHER = "idle", "absent", "other"
NIGHT_STATES: Final = (IDLE, ABSENT, "Success", OTHER, "Warning", "Failed")
"""What a night may hold for a machine; of the attempts of a run the last one counts, of several runs the worst."""
NIGHT_WORDS: Final = {
    "Success": "success",
    "Warning": "warning",
    "Failed": "failed",
    OTHER: "another result",
    ABSENT: "the job ran without it",
    IDLE: "no run",
}
"""The states in words."""
_LOOKED_AT: Final = ("server", "session_id", "name", "created", "state", "result")
_NOON: Final = dt.timedelta(hours=12)


@dataclass(frozen=True)
class MachineRow:
    """One machine: what each night held, as one of `NIGHT_STATES`."""

    name: str
    nights: tuple[str, ...]

    @cached_property
    def counts(self) -> Counter[str]:
        """The number of nights by state."""
        return Counter(self.nights)


@dataclass(frozen=True)
class MachineNights:
    """One job: its nights, each named by the day on which it begins at noon, and its machines, the worst first.

    `is_whole` says whether all its sessions and tasks of the period were read.
    """

    server: str
    job_id: str
    job: str
    nights: tuple[dt.date, ...]
    rows: tuple[MachineRow, ...]
    is_whole: bool

    @cached_property
    def counts(self) -> Counter[str]:
        """The number of nights of all machines by state."""
        return sum((row.counts for row in self.rows), Counter[str]())


@dataclass(frozen=True, eq=False)
class _Tasks:
    """What each machine of each job held in each night: rows `job` (a position in `jobs`), `name`, `night`, `state`."""

    jobs: pd.DataFrame
    rows: pd.DataFrame


def worst_nights(snapshot: Snapshot, zone: dt.tzinfo, limit: int) -> tuple[MachineNights, ...]:
    """The `limit` jobs with the most tasks that failed or ended with a warning, failures first; none without such."""
    tasks = _tasks_of(snapshot, zone)
    size, rows = len(tasks.jobs), tasks.rows
    job, state = (rows[name].to_numpy(dtype=np.int64) for name in ("job", "state"))
    failed, warned = (
        np.bincount(job[state == NIGHT_STATES.index(word)], minlength=size) for word in ("Failed", "Warning")
    )
    names = tasks.jobs["name"].fillna("").str.casefold().tolist()
    bad = [place for place in range(size) if failed[place] or warned[place]]
    order = sorted(bad, key=lambda place: (-failed[place], -warned[place], names[place], place))
    return tuple(_nights(snapshot, tasks, place, zone) for place in order[:limit])


def nights_of(snapshot: Snapshot, zone: dt.tzinfo, job: str) -> MachineNights:
    """The nights of one job, by its name or its id; raises `ConfigurationError` for another, or if several have it."""
    tasks = _tasks_of(snapshot, zone)
    jobs = tasks.jobs
    places = np.flatnonzero(surely((jobs["name"] == job) | (jobs["job_id"] == job)))
    if len(places) != 1:
        why = f"{len(places)} jobs are called {plain(job)!r}" if len(places) else f"no job is called {plain(job)!r}"
        raise ConfigurationError(why, hint="Give the id of one: the column job_id of the table jobs has them.")
    return _nights(snapshot, tasks, int(places[0]), zone)


def has_tasks(snapshot: Snapshot) -> bool:
    """Whether the tasks of sessions were read from any server, at least in part."""
    read = {record.status for record in snapshot.manifest.datasets if record.name == "task_sessions"}
    return bool(read & {"complete", "partial"})


def _tasks_of(snapshot: Snapshot, zone: dt.tzinfo) -> _Tasks:
    tasks, jobs, sessions = snapshot.tables["task_sessions"], snapshot.jobs, snapshot.all_sessions
    tasks = tasks.loc[surely_one(tasks["type"], "Backup") & are_known(tasks["created"]), list(_LOOKED_AT)]
    tasks = tasks.reset_index(drop=True)
    session = first_places(_pair(tasks, "session_id"), _pair(sessions, "session_id"))
    runs = runs_of(sessions, jobs)["run_session_id"].reset_index(drop=True)
    own = pd.DataFrame({"server": tasks["server"], "job_id": taken(sessions["job_id"], session, tasks.index)})
    ended = surely_one(tasks["state"], "Stopped") & surely_one(tasks["result"], *ENDED_RESULTS)
    results = codes_of(tasks["result"])
    ranks = [NIGHT_STATES.index(word) if word in ENDED_RESULTS else -1 for word in results.texts.tolist()]
    rows = pd.DataFrame(
        {
            "job": first_places(_pair(own, "job_id"), _pair(jobs, "job_id")),
            "name": tasks["name"].fillna("").array,
            "run": taken(runs, session, tasks.index).fillna(tasks["session_id"]).array,
            "night": _nights_at(tasks["created"], zone),
            "state": np.where(ended, results.spread(ranks, np.int64, missing=-1), NIGHT_STATES.index(OTHER)),
            "at": tasks["created"].array,
        }
    )
    first, last = _span(snapshot, zone)
    rows = rows[(rows["job"] >= 0) & (rows["night"] >= first) & (rows["night"] <= last)]
    # A retry ends what the first attempt of its run began.
    final = rows.sort_values("at", kind="stable").drop_duplicates(["job", "name", "run"], keep="last")
    by_night = final.sort_values("state", kind="stable").drop_duplicates(["job", "name", "night"], keep="last")
    return _Tasks(jobs, by_night)


def _pair(rows: pd.DataFrame, name: str) -> tuple[pd.Series, pd.Series]:
    """What names a thing of one of several servers."""
    return rows["server"], rows[name]


def _nights_at(moments: pd.Series, zone: dt.tzinfo) -> Cells:
    """The night of each instant as days since 1970: from noon to noon on the clock of `zone`."""
    local = moments.dt.tz_convert(zone).dt.tz_localize(None) - _NOON
    return np.asarray(local.to_numpy().astype("datetime64[D]").astype(np.int64))


def _nights(snapshot: Snapshot, tasks: _Tasks, place: int, zone: dt.tzinfo) -> MachineNights:
    record = tasks.jobs.iloc[place]
    rows = tasks.rows[tasks.rows["job"] == place]
    first, last = _span(snapshot, zone)
    night, state = (rows[name].to_numpy(dtype=np.int64) for name in ("night", "state"))
    machine, names = pd.factorize(rows["name"].to_numpy(dtype=object), sort=True)
    cells = np.zeros((len(names), last - first + 1), dtype=np.int64)
    cells[:, np.unique(night) - first] = NIGHT_STATES.index(ABSENT)
    cells[machine, night - first] = state
    words = np.array(NIGHT_STATES, dtype=object)[cells].tolist()
    made = [MachineRow(str(name), tuple(held)) for name, held in zip(names, words, strict=True)]
    epoch = dt.date(1970, 1, 1)
    days = tuple(epoch + dt.timedelta(days=first + index) for index in range(last - first + 1))
    server = raw_text(record["server"])
    whole = all(_is_whole(snapshot, server, name) for name in ("sessions", "task_sessions"))
    job_id, name = raw_text(record["job_id"]), raw_text(record["name"])
    return MachineNights(server, job_id, name, days, tuple(sorted(made, key=_badness)), whole)


def _span(snapshot: Snapshot, zone: dt.tzinfo) -> tuple[int, int]:
    """The first and the last night that are shown, as days since 1970."""
    end = max(min(snapshot.until, snapshot.now) - dt.timedelta(microseconds=1), snapshot.since)
    edges = pd.Series(pd.to_datetime([snapshot.since, end], utc=True))
    first, last = _nights_at(edges, zone).tolist()
    return max(first, last - NIGHTS_SHOWN + 1), last


def _is_whole(snapshot: Snapshot, server: str, name: str) -> bool:
    record = snapshot.manifest.dataset(server, name)
    return record is not None and record.status == "complete"


def _badness(row: MachineRow) -> tuple[int, int, int, str]:
    return -row.counts["Failed"], -row.counts["Warning"], -row.counts[ABSENT], row.name.casefold()
