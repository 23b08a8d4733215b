"""Finished runs by day and result, how many went well, and the slowest: counted once for every artefact."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.findings.summary import counted_runs
from vbr_audit.tables.build.enums import GOOD_RESULTS

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


# How the success rate went over the period.

_DAYS_BY_DAY: Final = 14
"""A longer period is shown by weeks, so that single nights do not hide the trend."""


@dataclass(frozen=True)
class SuccessTrend:
    """Per day or week: the runs that ended Success or Warning, and those with Failed besides.

    `rates` are fractions, None for a step without such runs.
    """

    step: str
    starts: tuple[dt.date, ...]
    good: tuple[int, ...]
    known: tuple[int, ...]

    @property
    def rates(self) -> tuple[float | None, ...]:
        """The success rate of each step."""
        return tuple(good / known if known else None for good, known in zip(self.good, self.known, strict=True))


def success_trend_of(runs: DailyRuns) -> SuccessTrend:
    """The trend of the runs by day, by weeks that begin on Monday where there are many days."""
    by_week = runs.step == "week" or len(runs.starts) > _DAYS_BY_DAY
    good: dict[dt.date, int] = {}
    known: dict[dt.date, int] = {}
    for index, start in enumerate(runs.starts):
        step = monday_of(start) if by_week else start
        fine = sum(runs.counts.get(name, (0,) * len(runs.starts))[index] for name in GOOD_RESULTS)
        failed = runs.counts.get("Failed", (0,) * len(runs.starts))[index]
        good[step] = good.get(step, 0) + fine
        known[step] = known.get(step, 0) + fine + failed
    return SuccessTrend("week" if by_week else "day", tuple(good), tuple(good.values()), tuple(known.values()))


# The longest runs beside what is usual for their jobs.

RUNS_TO_COMPARE: Final = 5
"""A job with fewer good runs of known length has no usual one."""


@dataclass(frozen=True)
class SlowRun:
    """The longest good run of a job, and the median of all its good runs; both in seconds."""

    server: str
    job_id: str
    name: str
    created: dt.datetime
    slowest_s: float
    median_s: float
    runs: int

    @property
    def extra_s(self) -> float:
        """How much longer it took than the median."""
        return self.slowest_s - self.median_s


def slowest_runs(runs: pd.DataFrame, jobs: pd.DataFrame) -> tuple[SlowRun, ...]:
    """Per job its longest run, those that took the most time above their median first.

    Counted are runs that ended Success or Warning, of jobs with at least five of them of known length.
    """
    good = runs[runs["result"].isin(GOOD_RESULTS) & runs["duration_s"].notna() & runs["started"].notna()]
    keys = ["server", "job_id"]
    lengths = good.assign(duration_s=good["duration_s"].astype(float)).groupby(keys, sort=False)["duration_s"]
    facts = pd.DataFrame({"runs": lengths.size(), "median_s": lengths.median()})
    longest = good.sort_values("duration_s", ascending=False, kind="stable").drop_duplicates(keys)
    rows = longest.merge(facts[facts["runs"] >= RUNS_TO_COMPARE], on=keys)
    rows = rows.merge(jobs[[*keys, "name"]].drop_duplicates(keys), on=keys, how="left")
    slowest = [
        SlowRun(
            server=str(record["server"]),
            job_id=str(record["job_id"]),
            name=record["name"] if isinstance(record["name"], str) else "",
            created=record["started"].to_pydatetime(),
            slowest_s=float(record["duration_s"]),
            median_s=float(record["median_s"]),
            runs=int(record["runs"]),
        )
        for record in rows.to_dict("records")
    ]
    return tuple(sorted(slowest, key=lambda run: (-run.extra_s, run.name.casefold(), run.server, run.job_id)))
