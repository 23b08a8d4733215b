"""The drawings of the report for notebooks: each takes a snapshot or results, draws on axes, and returns them.

`ax` is where to draw; without it a new figure is made. The numbers are those of the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbr_audit.display import time_zone
from vbr_audit.findings.summary import counted_runs
from vbr_audit.reports.charts.chart_list import BARS_DRAWN, JOBS_DRAWN, calendar_cells, night_cells
from vbr_audit.reports.charts.drawings import (
    draw_areas,
    draw_calendar,
    draw_capacity,
    draw_daily_runs,
    draw_protection,
    draw_severities,
    draw_slow_runs,
    draw_trend,
)
from vbr_audit.reports.charts.paint import light_paint
from vbr_audit.reports.figures.digits import protection_of
from vbr_audit.reports.figures.nights import nights_of
from vbr_audit.reports.figures.repository_space import repository_spaces
from vbr_audit.reports.figures.run_calendar import build_calendar
from vbr_audit.reports.figures.runs import count_daily_runs, slowest_runs, success_trend_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results

__all__ = [
    "by_severity",
    "calendar",
    "capacity",
    "digits_met",
    "durations",
    "machine_nights",
    "sessions_per_day",
    "statuses_by_area",
    "success_rate",
]


def __dir__() -> list[str]:
    return __all__


def sessions_per_day(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Draw the finished job runs of a snapshot by day, stacked by result."""
    axes = ax or _new_axes()
    draw_daily_runs(axes, count_daily_runs(snapshot, time_zone(snapshot.timezone)), light_paint())
    return axes


def success_rate(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Draw how the success rate of a snapshot went, by day or week."""
    axes = ax or _new_axes()
    draw_trend(axes, success_trend_of(count_daily_runs(snapshot, time_zone(snapshot.timezone))), light_paint())
    return axes


def calendar(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Draw what each day of the period held for the jobs with the most bad days."""
    made = build_calendar(snapshot, counted_runs(snapshot), time_zone(snapshot.timezone))
    axes = ax or _new_axes(1.2 + 0.2 * min(len(made.rows), JOBS_DRAWN))
    draw_calendar(axes, calendar_cells(made), light_paint())
    return axes


def machine_nights(snapshot: Snapshot, job: str, ax: Axes | None = None) -> Axes:
    """Draw how each machine of a job did in each of the last 31 nights of the period; `job` is its name or id.

    A night begins at noon. Made of the table `task_sessions`. Raises `ConfigurationError` for another name, or one that
    several jobs have.
    """
    made = nights_of(snapshot, time_zone(snapshot.timezone), job)
    axes = ax or _new_axes(1.2 + 0.2 * min(len(made.rows), JOBS_DRAWN))
    draw_calendar(axes, night_cells(made), light_paint())
    return axes


def durations(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Draw the longest runs of the period beside the medians of their jobs."""
    axes = ax or _new_axes()
    draw_slow_runs(axes, slowest_runs(counted_runs(snapshot), snapshot.jobs)[:BARS_DRAWN], light_paint())
    return axes


def capacity(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Draw how full the fullest repositories are; those of unknown capacity are counted, not drawn."""
    axes = ax or _new_axes()
    draw_capacity(axes, repository_spaces(snapshot.repository_states), light_paint())
    return axes


def statuses_by_area(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the findings of each area by status."""
    axes = ax or _new_axes()
    draw_areas(axes, results.summary.by_area, light_paint())
    return axes


def by_severity(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the failing findings by severity."""
    axes = ax or _new_axes()
    draw_severities(axes, list(results.summary.failing_by_severity.items()), light_paint())
    return axes


def digits_met(results: Results, ax: Axes | None = None) -> Axes:
    """Draw how many protected objects meet each digit of 3-2-1-1-0."""
    axes = ax or _new_axes()
    draw_protection(axes, protection_of(results.protected), light_paint())
    return axes


def _new_axes(inches: float = 3.4) -> Axes:
    from matplotlib import pyplot

    _, axes = pyplot.subplots(figsize=(9, inches), layout="constrained")
    return axes
