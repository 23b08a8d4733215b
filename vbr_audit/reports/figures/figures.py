"""The figures behind the pictures and the scorecard: computed once, read by the page, the workbook and notebooks."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vbr_audit.findings.summary import counted_runs
from vbr_audit.reports.figures.daily import DailyRuns, count_daily_runs
from vbr_audit.reports.figures.digits import Protection, protection_of
from vbr_audit.reports.figures.repository_space import RepositorySpace, repository_spaces
from vbr_audit.reports.figures.run_calendar import RunCalendar, build_calendar
from vbr_audit.reports.figures.scorecard import JobScore, score_jobs
from vbr_audit.reports.figures.slow_runs import SlowRun, slowest_runs
from vbr_audit.reports.figures.trend import SuccessTrend, success_trend_of

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results

RPO_CHECK = "RPO-001"
"""The check that counts objects older than their recovery point objective."""


@dataclass(frozen=True)
class RpoCount:
    """The objects whose newest restore point is too old, unwaived, or not known; `objects` is None if not all are."""

    late: int
    unknown: int
    objects: int | None


@dataclass(frozen=True, eq=False)
class Figures:
    """What the pictures, the tiles and the scorecard of a report show.

    `runs` is a DataFrame with the columns of `job_runs`: the runs that every number about runs counts, newest
    first. `tested` counts, by server and check, the objects that passed or failed, before waivers. `rpo` is None where
    no check asks for it. `jobs_at_risk` are the jobs in scope with a failing finding, of their own or of a machine of
    theirs, that is critical or high; None where no job could be read.
    """

    runs: pd.DataFrame
    daily_runs: DailyRuns
    trend: SuccessTrend
    calendar: RunCalendar
    slow_runs: tuple[SlowRun, ...]
    spaces: tuple[RepositorySpace, ...]
    protection: Protection
    scores: tuple[JobScore, ...]
    tested: Mapping[tuple[str, str], int]
    rpo: RpoCount | None
    jobs_at_risk: int | None


def make_figures(snapshot: Snapshot, results: Results, zone: dt.tzinfo) -> Figures:
    """All figures of a run; days are those of `zone`."""
    runs = counted_runs(snapshot)
    runs = runs.sort_values(["started", "server", "run_id"], ascending=[False, True, True], kind="stable")
    daily = count_daily_runs(snapshot, zone, runs)
    scores = score_jobs(snapshot, results, runs)
    at_risk = sum(score.is_at_risk for score in scores)
    return Figures(
        runs=runs,
        daily_runs=daily,
        trend=success_trend_of(daily),
        calendar=build_calendar(snapshot, runs, zone),
        slow_runs=slowest_runs(runs, snapshot.jobs),
        spaces=repository_spaces(snapshot.repository_states),
        protection=protection_of(results.protected),
        scores=scores,
        tested=_tested(results.findings),
        rpo=_rpo(results.coverage),
        jobs_at_risk=None if results.summary.jobs_in_scope is None else at_risk,
    )


def _tested(findings: pd.DataFrame) -> Mapping[tuple[str, str], int]:
    answered = findings[findings["result"].isin(["PASS", "FAIL"])]
    return Counter(zip(answered["server"].tolist(), answered["check_id"].tolist(), strict=True))


def _rpo(coverage: pd.DataFrame) -> RpoCount | None:
    own = coverage[coverage["check_id"].eq(RPO_CHECK).to_numpy(dtype=bool, na_value=False)]
    if own.empty:
        return None
    late, unknown = (int(own[name].sum()) for name in ("fail", "unknown"))
    objects = own["population"]
    return RpoCount(late, unknown, int(objects.sum()) if objects.notna().all() else None)
