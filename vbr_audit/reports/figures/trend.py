"""How the success rate went over the period."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from vbr_audit.reports.figures.daily import DailyRuns, monday_of
from vbr_audit.tables.build.enums import GOOD_RESULTS

_DAYS_BY_DAY: Final = 14
"""A longer period is told by weeks, so that single nights do not hide the trend."""


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
