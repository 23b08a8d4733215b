"""The longest runs beside what is usual for their jobs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import pandas as pd

from vbr_audit.tables.build.enums import GOOD_RESULTS

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
    found = [
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
    return tuple(sorted(found, key=lambda run: (-run.extra_s, run.name.casefold(), run.server, run.job_id)))
