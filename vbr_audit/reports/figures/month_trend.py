"""The months up to a run as charts, pages and sheets show them: causes by severity, and shares, gaps as gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.display import MONTHS
from vbr_audit.vocabulary import SEVERITIES

if TYPE_CHECKING:
    from vbr_audit.findings.rating import Rating
    from vbr_audit.histories.trends import Trend, TrendMonth

SHARES: Final = {
    "protected_share": "objects with a fresh restore point",
    "success_rate": "job runs that succeeded",
    "used_share": "used space of the repositories",
}
"""The shares that are shown, each a number of a point, with what it is a share of in words."""


@dataclass(frozen=True)
class MonthTrend:
    """Twelve months at most; a month without a run is None everywhere, and so is a number that its run did not know.

    `causes` has the causes by severity, the worst first, `shares` fractions by the names of `SHARES`; `marks` says what
    else changed before a month: the policy, or the version of vbr-audit.
    """

    months: tuple[str, ...]
    is_known: tuple[bool, ...]
    ratings: tuple[Rating | None, ...]
    causes: tuple[tuple[str, tuple[int | None, ...]], ...]
    shares: tuple[tuple[str, tuple[float | None, ...]], ...]
    marks: tuple[str, ...]
    beside: int

    @property
    def totals(self) -> tuple[int | None, ...]:
        """The causes of each month."""
        columns = zip(*(values for _, values in self.causes), strict=True)
        return tuple(None if None in column else sum(value or 0 for value in column) for column in columns)


def months_of_trend(trend: Trend | None) -> MonthTrend | None:
    """The months that are shown; None with fewer than two points, which are no trend."""
    if trend is None or sum(month.run is not None for month in trend.months) < 2:
        return None
    points = [None if month.run is None else month.run.point for month in trend.months]
    return MonthTrend(
        months=tuple(_month_name(month.month) for month in trend.months),
        is_known=tuple(point is not None for point in points),
        ratings=tuple(None if point is None else point.rating for point in points),
        causes=tuple(
            (severity, tuple(None if point is None else point.causes.get(severity, 0) for point in points))
            for severity in SEVERITIES
        ),
        shares=tuple((name, tuple(getattr(point, name, None) for point in points)) for name in SHARES),
        marks=tuple(_mark(month) for month in trend.months),
        beside=trend.beside,
    )


def month_names_before(first: str, several: int) -> tuple[str, ...]:
    """The names of so many months before the month named `first`, the oldest first."""
    start = pd.Period(first, freq="M")
    return tuple(_month_name(str(start - back)) for back in range(several, 0, -1))


def _month_name(month: str) -> str:
    """`2026-10` as `Oct 2026`."""
    year, number = month.split("-")
    return f"{MONTHS[int(number) - 1][:3]} {year}"


def _mark(month: TrendMonth) -> str:
    parts = (["policy"] if month.policy_changed else []) + (["version"] if month.version_changed else [])
    return ", ".join(parts)
