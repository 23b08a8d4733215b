"""What the first screen of the page says in a line: how the causes of what fails grew or shrank over the months."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vbr_audit.display import count, number

if TYPE_CHECKING:
    from vbr_audit.reports.figures.month_trend import MonthTrend

_BARS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = "·"


@dataclass(frozen=True)
class TrendLine:
    """The causes of what fails over the months: a bar for each month, and the first, last but one and last in words."""

    bars: str
    text: str


def trend_line(months: MonthTrend | None) -> TrendLine | None:
    """The months in one line, the last being the run itself; None where there is no trend.

    A month without a run is a gap in the bars, never a zero.
    """
    if months is None:
        return None
    known = [(name, total) for name, total in zip(months.months, months.totals, strict=True) if total is not None]
    if len(known) < 2:
        return None
    most = max(total for _, total in known) or 1
    bars = (_GAP if total is None else _BARS[round(total / most * (len(_BARS) - 1))] for total in months.totals)
    (first, then), (_, now) = known[0], known[-1]
    before = f", {number(known[-2][1])} in {known[-2][0]}" if len(known) > 2 else ""
    return TrendLine("".join(bars), f"{count(now, 'cause')} now{before}, {number(then)} in {first}")
