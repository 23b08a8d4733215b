"""What the first screen of the page says in a line: how the causes of what fails grew or shrank over the months."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vbr_audit.display import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vbr_audit.reports.figures.month_trend import MonthTrend

_BARS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = "·"


@dataclass(frozen=True)
class TrendLine:
    """The causes of what fails over the months: a bar for each month, and whether they are more than before."""

    bars: str
    text: str


def trend_line(months: MonthTrend | None) -> TrendLine | None:
    """The months in one line, the last being the run itself; None where there is no trend.

    A month without a run is a gap in the bars, never a zero.
    """
    if months is None:
        return None
    known = [(name, total) for name, total in zip(months.months, months.totals, strict=True) if total is not None]
    if len(known) < 2 or months.totals[-1] is None:
        return None
    most = max(total for _, total in known) or 1
    bars = (_GAP if total is None else _BARS[round(total / most * (len(_BARS) - 1))] for total in months.totals)
    return TrendLine("".join(bars), _in_words(known, _changed(months)))


def _in_words(known: Sequence[tuple[str, int]], changed: str) -> str:
    """`Fewer causes than in Sep 2026: 8 now, 9 then, 12 in Nov 2025; the policy changed in between`."""
    (last, then), (_, now) = known[-2:]
    than = "As many causes as" if now == then else f"{'More' if now > then else 'Fewer'} causes than"
    first = f", {number(known[0][1])} in {known[0][0]}" if len(known) > 2 else ""
    return f"{than} in {last}: {number(now)} now, {number(then)} then{first}{changed}"


def _changed(months: MonthTrend) -> str:
    """What else changed after the last run before: a number may have grown by that alone."""
    last = max(at for at, total in enumerate(months.totals[:-1]) if total is not None)
    parts = dict.fromkeys(part for mark in months.marks[last + 1 :] for part in mark.split(", ") if part)
    return f"; the {' and the '.join(parts)} changed in between" if parts else ""
