"""What each chart finds, as one sentence from its own numbers: the title of the chart.

A sentence says no more than its numbers: what is not known is left out of them and said, and no cause is given.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from vbr_audit.display import count, day, duration, number, percent
from vbr_audit.reports.figures.month_trend import SHARES
from vbr_audit.reports.figures.scorecard import AT_RISK

if TYPE_CHECKING:
    from vbr_audit.findings.results import AreaCount
    from vbr_audit.reports.figures.digits import Protection
    from vbr_audit.reports.figures.month_trend import MonthTrend
    from vbr_audit.reports.figures.repository_space import RepositorySpace
    from vbr_audit.reports.figures.run_calendar import RunCalendar
    from vbr_audit.reports.figures.runs import DailyRuns, SlowRun, SuccessTrend

WEEKDAYS: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
LITTLE_FREE: Final = 0.2
"""A repository with a smaller share of free space is counted in its title, which says the share."""
_CLEAR_SHARE: Final = 0.3
"""A day that has this share of the failures is named; a day of the week has a seventh by chance."""
_FEW: Final = 14
"""With fewer failures no day of the week stands out."""
_SAME: Final = 0.0005
"""Shares that differ less are shown as the same."""


def causes_message(months: MonthTrend) -> str:
    """How the causes went from the first known month to the last."""
    known = [(name, total) for name, total in zip(months.months, months.totals, strict=True) if total is not None]
    (first, before), (last, now) = known[0], known[-1]
    aside = _rules_aside(months)
    if before == now:
        return f"{count(now, 'cause')} in {last}, as many as in {first}{aside}"
    return f"Causes {_moved(before, now)} from {number(before)} in {first} to {number(now)} in {last}{aside}"


def shares_message(months: MonthTrend) -> str:
    """The share that moved most between its first known month and its last."""
    moves = []
    for name, values in months.shares:
        known = [(value, month) for value, month in zip(values, months.months, strict=True) if value is not None]
        if len(known) > 1 and abs(known[-1][0] - known[0][0]) >= _SAME:
            moves.append((abs(known[-1][0] - known[0][0]), SHARES[name], known[0], known[-1]))
    if not moves:
        return "Protection, success and space did not change"
    _, word, (before, first), (now, last) = max(moves)
    words = word[0].upper() + word[1:]
    return f"{words} {_moved(before, now)} from {percent(before)} in {first} to {percent(now)} in {last}"


def runs_message(runs: DailyRuns) -> str:
    """How many runs failed, and when most of them did."""
    failed, of = runs.counts.get("Failed", ()), sum(runs.totals.values())
    if not any(failed):
        return f"None of {count(of, 'finished run')} failed"
    told = f"{number(sum(failed))} of {count(of, 'finished run')} failed"
    weekday = _worst_weekday(runs.starts, failed) if runs.step == "day" else ""
    if weekday:
        return f"{told}; {weekday}"
    at = max(range(len(failed)), key=failed.__getitem__)
    if failed[at] < max(2, _CLEAR_SHARE * sum(failed)):
        return told
    when = f"on {day(runs.starts[at])}" if runs.step == "day" else f"in the week from {day(runs.starts[at])}"
    return f"{told}, {number(failed[at])} of them {when}"


def _worst_weekday(starts: Sequence[dt.date], failed: Sequence[int]) -> str:
    """The day of the week that has clearly most of the failures of two weeks or more."""
    by_day: Counter[int] = Counter()
    for start, many in zip(starts, failed, strict=True):
        by_day[start.weekday()] += many
    (weekday, most), total = by_day.most_common(1)[0], sum(failed)
    if len(starts) < 14 or total < _FEW or most < _CLEAR_SHARE * total:
        return ""
    return f"{WEEKDAYS[weekday]} fail most ({number(most)})"


def trend_message(trend: SuccessTrend) -> str:
    """How the success rate went from the first step with runs to the last."""
    known = [(rate, start) for rate, start in zip(trend.rates, trend.starts, strict=True) if rate is not None]
    (before, first), (now, last), (lowest, when) = known[0], known[-1], min(known)
    if abs(before - now) < _SAME:
        told = f"Success was {percent(now)} in the first {trend.step} and in the last"
    else:
        told = f"Success {_moved(before, now)} from {percent(before)} to {percent(now)}"
        told += f" between the {trend.step}s of {day(first)} and {day(last)}"
    return told + (f", lowest {percent(lowest)}" if when not in (first, last) else "")


def calendar_message(calendar: RunCalendar) -> str:
    """How many jobs had a day that failed or was missed."""
    bad = sum(bool(row.counts["Failed"] or row.counts["missed"]) for row in calendar.rows)
    if not bad:
        return "No job failed on a day or missed one"
    missed, failed = calendar.counts["missed"], calendar.counts["Failed"]
    return (
        f"{number(bad)} of {count(len(calendar.rows), 'job')} failed or missed a day: "
        f"{count(failed, 'day')} failed, {number(missed)} missed"
    )


def slow_message(runs: Sequence[SlowRun]) -> str:
    """The longest run beside the median of its job."""
    worst = runs[0]
    if worst.median_s <= 0 or worst.extra_s <= 0:
        return f"The longest run took {duration(worst.slowest_s)}"
    times = worst.slowest_s / worst.median_s
    return f"One run took {duration(worst.slowest_s)}, {number(times, 1)} times the median of its job"


def capacity_message(spaces: Sequence[RepositorySpace]) -> str:
    """How many repositories have little free space, and of how many that is not known."""
    shares = [space.free_share for space in spaces if space.free_share is not None]
    little, silent = sum(share < LITTLE_FREE for share in shares), len(spaces) - len(shares)
    known = f"{number(len(shares))} {'repository' if len(shares) == 1 else 'repositories'}"
    aside = f"; of {number(silent)} more it is not known" if silent else ""
    if not little:
        return f"Each of {known} has {percent(LITTLE_FREE, 0)} of its space free or more{aside}"
    verb = "has" if little == 1 else "have"
    told = f"{number(little)} of {known} {verb} less than {percent(LITTLE_FREE, 0)} free"
    return f"{told}, the fullest {percent(min(shares))}{aside}"


def protection_message(protection: Protection) -> str:
    """How many objects surely meet all five digits, and which digit is met least."""
    worst = min(protection.digits, key=lambda digit: digit.met)
    told = f"{number(protection.all_met)} of {count(protection.objects, 'protected object')} surely meet all five"
    if worst.met == protection.objects:
        return told
    return f"{told}; “{worst.word}” is met least ({number(worst.met)})"


def areas_message(areas: Sequence[AreaCount]) -> str:
    """The area with most of what fails."""
    failing = [(entry.counts.get("FAIL", 0), entry.area) for entry in areas]
    total = sum(many for many, _ in failing)
    unknown = sum(entry.counts.get("UNKNOWN", 0) + entry.counts.get("ERROR", 0) for entry in areas)
    aside = f"; {number(unknown)} have no answer" if unknown else ""
    if not total:
        return f"No finding fails{aside}"
    most, area = max(failing, key=lambda entry: entry[0])
    return f"{number(most)} of {count(total, 'failing finding')} are in {area}{aside}"


def severities_message(failing: Mapping[str, int]) -> str:
    """How much of what fails is critical or high."""
    total, grave = sum(failing.values()), sum(failing.get(name, 0) for name in AT_RISK)
    return f"{number(grave)} of {count(total, 'failing finding')} are {' or '.join(AT_RISK)}"


def _moved(before: float, now: float) -> str:
    return "rose" if now > before else "fell"


def _rules_aside(months: MonthTrend) -> str:
    """That not only the estate changed."""
    return ", while the policy or the version changed" if any(months.marks[1:]) else ""
