"""The table `job_schedules`: which starts the schedule of each job demanded in the period, and which did not come.

The schedule is taken as it is set now, by the clock of its server. Each run serves the due start that is nearest to
its own, at most half of the way to the next one and at most half a day; retries are part of their run.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.three_valued import Cells, places_of, surely, surely_one, worded
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import GOOD_RESULTS
from vbr_audit.tables.build.schema import Column, TableSpec
from vbr_audit.tables.schedule import COLUMNS, distinct, due_starts

SPEC: Final = TableSpec(
    "job_schedules",
    ("server", "job_id"),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("job_id", "string", "The job.", holds="id"),
        Column("always_runs", "boolean", "It runs all the time, so no start is ever due: an immediate copy."),
        Column("due", "Int64", "The starts that its schedule required in the period; NA if it cannot be evaluated."),
        Column("missed", "Int64", "Due starts at which it did not start."),
        Column("overlapped", "Int64", "Due starts at which it was still running: they are not missed."),
        Column("unclear", "Int64", "Due starts for which it is not known whether it started."),
        Column(
            "reason",
            "string",
            "Why its schedule cannot be evaluated, or what is not clear about its starts.",
            holds="own text",
        ),
        Column("born", "datetime", "The oldest trace of the job: its oldest backup, restore point or run."),
        Column("newest_point", "datetime", "The newest restore point of its backups; NA if none is known."),
        Column(
            "interval_h",
            "Float64",
            "The longest time between two starts; for a job that runs all the time, that of the jobs that it copies.",
            "h",
        ),
    ),
    "One row per job: the starts that its current schedule required in the period, and whether they took place.",
)

_WAYS: Final = ("daily", "monthly", "periodically", "continuously", "after_job")
_OPTIONAL: Final = (*(f"schedule_{way}_enabled" for way in _WAYS), "backup_window_enabled")
"""What a type of job that lacks it counts as having off."""
_FURTHER: Final = ("schedule_continuously_enabled", "schedule_after_job_enabled", "schedule_after_job_name")
"""What a schedule consists of beside the columns that due starts are made of."""
_HALF_A_DAY_S: Final = 43_200
_GRACE_S: Final = 900
"""A start that was due so shortly before the reading may still come."""
_BITS: Final = 34
_LATEST: Final = (1 << _BITS) - 1
_DAY: Final = dt.timedelta(days=1)
_MACHINES: Final = ("system", "svc", "service")


@dataclass(frozen=True, eq=False)
class Followed:
    """The due starts of the period, in order of job and time, and what came of each; and of each job, why it has none.

    `job` is the place of a start's job, `at` its instant in seconds since 1970 UTC. Exactly one of `served`, `missed`,
    `overlapped` and `unclear` holds of each. `is_known` says of each job whether its schedule can be followed; `reason`
    says why not, or what is not clear. `waiting_job` and `waiting_at` are the starts that were due so shortly before
    the reading that they may still come: none of the others.
    """

    job: Cells
    at: Cells
    served: Cells
    missed: Cells
    overlapped: Cells
    unclear: Cells
    is_known: Cells
    reason: pd.Series
    always_runs: Cells
    born: Cells
    waiting_job: Cells
    waiting_at: Cells


@dataclass(frozen=True, eq=False)
class _Ran:
    """Runs in order of job and time: place of the job, start and end in seconds, and whether each surely is a run."""

    job: Cells
    started: Cells
    ended: Cells
    is_sure: Cells


def follow(material: Material) -> Followed:
    """The due starts of the jobs of one server, and which runs served them."""
    return material.once("due starts", lambda: _follow(material))


def _follow(material: Material) -> Followed:
    jobs = _without_absent(material)
    runs = _all_runs(material)
    zone, now = material.server_zone, _seconds_of(material.now)
    owner = places_of(runs["job_id"], jobs["job_id"])
    ran, born = _runs(runs, owner, now), _born(material, jobs, runs, owner)
    always = material.absent("is_scheduled") | surely(jobs["schedule_continuously_enabled"])
    starts = due_starts({name: jobs[name] for name in COLUMNS}, *_days(material, zone), zone)
    known, sure = starts.is_known.copy(), starts.is_sure.copy()
    chained = surely(jobs["schedule_after_job_enabled"]) & ~_has_own(jobs)
    after, parent = _after_others(jobs, runs, owner, chained)
    job, at = _in_order(np.concatenate([starts.job, after[0]]), np.concatenate([starts.at, after[1]]))
    known &= ~chained | (parent >= 0)
    unseen_runs = _runs_unseen(jobs, owner)
    known &= (_has_own(jobs) | chained) & ~always & ~_unsure_ways(jobs) & (born < _LATEST) & ~unseen_runs
    keep = known[job]
    job, at = job[keep], at[keep]
    served = _served(job, at, ran, np.ones(len(ran.job), dtype=bool))
    served_sure = served if ran.is_sure.all() else _served(job, at, ran, ran.is_sure)
    inside = (at >= _seconds_of(material.since)) & (at < _seconds_of(min(material.until, material.now)))
    inside &= served | (at >= born[job])
    counted = inside & (served | (at < now - _GRACE_S))
    waiting = job[inside & ~counted], at[inside & ~counted]
    job, at, served_sure, served = job[counted], at[counted], served_sure[counted], served[counted]
    busy = ~served & _under_way(job, at, ran)
    dateless = np.bincount(owner[(owner >= 0) & are_missing(runs["started"])], minlength=len(jobs)) > 0
    unseen = at < _oldest_session(material)
    open_ = ~served & ~busy & (unseen | dateless[job] | ~sure[job])
    forgotten = (job, unseen & ~served & ~busy)
    reason = _why(jobs, known, always, unseen_runs, chained & (parent < 0), born, dateless, sure, forgotten)
    return Followed(
        job,
        at,
        served_sure,
        ~served & ~busy & ~open_,
        busy,
        open_ | (served & ~served_sure),
        known,
        reason,
        always,
        born,
        *waiting,
    )


def _make(material: Material) -> pd.DataFrame:
    jobs, followed = material.frame("jobs"), follow(material)

    def number(chosen: Cells) -> pd.arrays.IntegerArray:
        counts = np.bincount(followed.job[chosen], minlength=len(jobs)).astype(np.int64)
        return pd.arrays.IntegerArray(counts, ~followed.is_known)

    return pd.DataFrame(
        {
            "server": jobs["server"],
            "job_id": jobs["job_id"],
            "always_runs": pd.array(followed.always_runs, dtype="boolean"),
            "due": number(np.ones(len(followed.job), dtype=bool)),
            "missed": number(followed.missed),
            "overlapped": number(followed.overlapped),
            "unclear": number(followed.unclear),
            "reason": followed.reason,
            "born": _instants(followed.born, followed.born < _LATEST),
            "newest_point": _newest_points(material, material.columns("jobs", ("job_id",))),
            "interval_h": _intervals(jobs, followed.always_runs),
        }
    )


TABLE: Final = Derived(
    SPEC,
    ("jobs", "sessions"),
    _make,
    also=("job_states", "backups", "restore_points", "session_history"),
)


def _without_absent(material: Material) -> pd.DataFrame:
    """What the jobs say of their schedules, with a plain no for the ways to be scheduled that their type has not."""
    jobs = material.columns("jobs", ("job_id", "name", "type", *COLUMNS, *_FURTHER))
    return jobs.assign(**{name: jobs[name].mask(material.absent(name), False) for name in _OPTIONAL})


def _has_own(jobs: pd.DataFrame) -> Cells:
    """Whether each job surely starts by days, months or hours."""
    return np.asarray(np.logical_or.reduce([surely(jobs[f"schedule_{way}_enabled"]) for way in _WAYS[:3]]))


def _unsure_ways(jobs: pd.DataFrame) -> Cells:
    """Whether of some way it is not known if a job starts by it."""
    return np.asarray(np.logical_or.reduce([are_missing(jobs[f"schedule_{way}_enabled"]) for way in _WAYS]))


def _runs_unseen(jobs: pd.DataFrame, owner: Cells) -> Cells:
    """The policies of which no run is known: the server need not report what the agents do by themselves."""
    ran = np.bincount(owner[owner >= 0], minlength=len(jobs)) > 0
    return surely(jobs["type"].str.endswith("Policy").astype("boolean")) & ~ran


def _days(material: Material, zone: dt.tzinfo) -> tuple[dt.date, dt.date]:
    """The days by the server's clock whose starts may lie in the period or compete for its runs."""
    first, last = (moment.astimezone(zone).date() for moment in (material.since, min(material.until, material.now)))
    return first - _DAY, max(first, last) + _DAY


def _all_runs(material: Material) -> pd.DataFrame:
    """The runs of the period, and those beyond its edges that may serve its first or last start."""
    return material.columns("all_job_runs", ("job_id", "started", "ended", "state", "result", "initiated_by"))


def _runs(runs: pd.DataFrame, owner: Cells, now: int) -> _Ran:
    usable = np.flatnonzero((owner >= 0) & are_known(runs["started"]))
    started, ended = _seconds(runs["started"])[usable], _seconds(runs["ended"])[usable]
    state = codes_of(runs["state"]).rows[usable]
    order = np.lexsort((started, owner[usable]))
    ended = np.where(ended < 0, now, ended)
    return _Ran(owner[usable][order], started[order], ended[order], state[order] >= 0)


def _born(material: Material, jobs: pd.DataFrame, runs: pd.DataFrame, owner: Cells) -> Cells:
    """The oldest trace of each job in seconds since 1970; `_LATEST` where there is none."""
    backups, states = material.frame("backups"), material.frame("job_states")
    of_backup = places_of(backups["job_id"], jobs["job_id"])
    points, of_point = _points(material, jobs)
    born = np.full(len(jobs), _LATEST, dtype=np.int64)
    for places, moments in (
        (owner, runs["started"]),
        (of_backup, backups["created"]),
        (of_point, points["created"]),
        (places_of(material.text("job_states", "job_id"), jobs["job_id"]), states["last_run"]),
    ):
        seconds = _seconds(moments)
        usable = (places >= 0) & (seconds > 0)
        np.minimum.at(born, places[usable], seconds[usable])
    return born


def _points(material: Material, jobs: pd.DataFrame) -> tuple[pd.DataFrame, Cells]:
    """The restore points, and the place of the job that made the backup of each; -1 for none."""
    points, backups = material.frame("restore_points"), material.frame("backups")
    of_backup = np.append(places_of(backups["job_id"], jobs["job_id"]), -1)
    return points, of_backup[places_of(material.text("restore_points", "backup_id"), backups["backup_id"])]


def _newest_points(material: Material, jobs: pd.DataFrame) -> pd.Series:
    points, owner = _points(material, jobs)
    newest, seconds = np.full(len(jobs), -1, dtype=np.int64), _seconds(points["created"])
    np.maximum.at(newest, owner[owner >= 0], seconds[owner >= 0])
    return _instants(newest, newest > 0)


def _intervals(jobs: pd.DataFrame, always: Cells) -> pd.arrays.FloatingArray:
    """The longest time between two starts; of a job that always runs, the longest of the jobs that it copies."""
    own = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    intervals = own.copy()
    place = {job_id: index for index, job_id in enumerate(jobs["job_id"]) if isinstance(job_id, str)}
    for index in np.flatnonzero(always):
        listed = (jobs["source_job_ids"].iloc[index], jobs["primary_job_id"].iloc[index])
        sources = [i for text in listed if isinstance(text, str) for i in text.split(",")]
        reported = [own[place[name]] for name in sources if name in place]
        intervals[index] = max([own[index], *reported]) if sources and len(reported) == len(sources) else np.nan
    return pd.arrays.FloatingArray(np.nan_to_num(intervals), np.isnan(intervals))


def _after_others(
    jobs: pd.DataFrame, runs: pd.DataFrame, owner: Cells, chained: Cells
) -> tuple[tuple[Cells, Cells], Cells]:
    """The due starts of jobs that run after another one: the ends of its good runs that nobody started by hand.

    Also the place of the job before each one, -1 where it is not there or its name is not its own.
    """
    names = jobs["name"].mask(jobs["name"].duplicated(keep=False))
    parent = np.where(chained, places_of(jobs["schedule_after_job_name"], names), -1)
    by = codes_of(runs["initiated_by"])
    by_machine = by.spread((_is_machine(text) for text in by.texts.tolist()), bool, missing=True)
    ended = _seconds(runs["ended"])
    good = surely_one(runs["result"], *GOOD_RESULTS) & by_machine & (ended > 0) & (owner >= 0)
    pairs = pd.DataFrame({"parent": owner[good], "at": ended[good]}).merge(
        pd.DataFrame({"parent": parent, "job": np.arange(len(jobs))})[parent >= 0], on="parent"
    )
    return (pairs["job"].to_numpy(dtype=np.int64), pairs["at"].to_numpy(dtype=np.int64)), parent


def _is_machine(account: str) -> bool:
    name = account.strip().casefold()
    return not name or name.endswith("$") or any(word in name for word in _MACHINES)


def _in_order(job: Cells, at: Cells) -> tuple[Cells, Cells]:
    keys = distinct((job.astype(np.int64) << _BITS) + at)
    return keys >> _BITS, keys & _LATEST


def _served(job: Cells, at: Cells, ran: _Ran, chosen: Cells) -> Cells:
    """Which due starts one of the chosen runs serves."""
    served = np.zeros(len(job), dtype=bool)
    if not len(job) or not chosen.any():
        return served
    keys = (job << _BITS) + at
    mine, started = ran.job[chosen], ran.started[chosen]
    after = np.searchsorted(keys, (mine << _BITS) + started)
    before = after - 1
    distance = [
        np.where(
            (place >= 0) & (place < len(keys)) & (job[place % len(keys)] == mine),
            np.abs(at[place % len(keys)] - started),
            _LATEST,
        )
        for place in (before, after)
    ]
    nearest = np.where(distance[1] < distance[0], after, before)
    near = np.minimum(*distance)
    served[nearest[near <= _HALF_A_DAY_S]] = True
    return served


def _under_way(job: Cells, at: Cells, ran: _Ran) -> Cells:
    """At which due starts an earlier run of the job had not ended."""
    if not len(ran.job):
        return np.zeros(len(job), dtype=bool)
    place = np.searchsorted((ran.job << _BITS) + ran.started, (job << _BITS) + at, side="right") - 1
    return np.asarray((place >= 0) & (ran.job[place] == job) & (ran.ended[place] > at))


def _oldest_session(material: Material) -> int:
    """Before this second the server remembers no session; 0 where it is not reported."""
    oldest = _seconds(material.frame("session_history")["oldest_session"])
    return int(oldest.max(initial=0))


def _why(
    jobs: pd.DataFrame,
    reported: Cells,
    always: Cells,
    unseen_runs: Cells,
    orphaned: Cells,
    born: Cells,
    dateless: Cells,
    sure: Cells,
    unseen: tuple[Cells, Cells],
) -> pd.Series:
    """Why the schedule of a job cannot be followed, else what is not clear of its starts."""
    forgotten = np.bincount(unseen[0][unseen[1]], minlength=len(jobs)) > 0
    return worded(
        jobs.index,
        (always, "it runs all the time: no start is ever due"),
        (unseen_runs, "its machines run by themselves, and the server reports no run of them"),
        (_unsure_ways(jobs), "how its schedule starts it is not known"),
        (orphaned, "the job that it runs after is not listed, or is not the only one of its name"),
        (reported & forgotten, "the server's history of sessions begins later than the job"),
        (reported & dateless, "when some of its runs started is not known"),
        (
            reported & ~sure,
            "its interval does not divide a day, and the server does not report where it is counted from",
        ),
        (reported, pd.NA),
        (born == _LATEST, "nothing shows since when the job exists: no run, backup or restore point"),
        (surely(jobs["backup_window_enabled"]), "its backup window may keep it from starting"),
        default="time, days or hours of its schedule are not known",
    )


def _seconds(moments: pd.Series) -> Cells:
    """Seconds since 1970 UTC; a negative number for NaT."""
    return np.asarray(moments.array.tz_convert("UTC"), dtype="datetime64[s]").astype(np.int64)


def _seconds_of(moment: dt.datetime) -> int:
    return int(moment.timestamp())


def _instants(seconds: Cells, known: Cells) -> pd.Series:
    moments = np.where(known, seconds, 0).astype("datetime64[s]").astype("datetime64[us]")
    return pd.Series(pd.DatetimeIndex(moments).tz_localize("UTC")).where(known)
