"""What each chart of the report shows: its message in words, how it is drawn, and the numbers as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from vbr_audit.display import count, day, duration, number, percent, plain, shorten
from vbr_audit.reports.charts.messages import (
    areas_message,
    calendar_message,
    capacity_message,
    causes_message,
    protection_message,
    runs_message,
    severities_message,
    shares_message,
    slow_message,
    trend_message,
)
from vbr_audit.reports.charts.shapes import Bars, Cells, Columns, Lines, Ranges, Series, Shape
from vbr_audit.reports.figures.month_trend import SHARES
from vbr_audit.reports.figures.nights import NIGHT_STATES, NIGHT_WORDS
from vbr_audit.reports.figures.run_calendar import DAY_STATES, DAY_WORDS
from vbr_audit.reports.words import STATUS_WORDS

if TYPE_CHECKING:
    import datetime as dt

    from vbr_audit.findings.results import AreaCount, Summary
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.figures.digits import Protection
    from vbr_audit.reports.figures.month_trend import MonthTrend
    from vbr_audit.reports.figures.nights import MachineNights
    from vbr_audit.reports.figures.repository_space import RepositorySpace
    from vbr_audit.reports.figures.run_calendar import CalendarRow, RunCalendar
    from vbr_audit.reports.figures.runs import DailyRuns, SlowRun, SuccessTrend

JOBS_DRAWN: Final = 40
"""Maximum number of jobs on a calendar, the worst first."""
BARS_DRAWN: Final = 12
"""Maximum number of repositories or runs on a chart of one bar each."""
_NAME = 60
_ROWS = 100
_HIGH = 0.6
_CALENDAR_STATES = ("Failed", "missed", "Warning", "other", "Success", "idle", "unclear")


@dataclass(frozen=True)
class ChartPlan:
    """One chart: `title` says what it finds, `subject` what it shows, `alt` both in full; `shape` is what is drawn.

    `section` says whether it is about the period of the run or the months up to it.
    """

    name: str
    title: str
    subject: str
    alt: str
    shape: Shape
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    section: Literal["period", "months"] = "period"


def chart_plans(context: ReportContext) -> tuple[ChartPlan, ...]:
    """The charts of a run, in the order of the page; one without anything to show is left out."""
    return tuple(_plans(context))


def _plans(context: ReportContext) -> Iterator[ChartPlan]:
    figures, zone = context.figures, context.zone_name
    if figures.months is not None:
        yield _month_causes(figures.months)
        if any(value is not None for _, values in figures.months.shares for value in values):
            yield _month_shares(figures.months)
    if any(context.summary.failing_by_severity.values()):
        yield _severities(context.summary.failing_by_severity)
    if any(figures.daily_runs.totals.values()):
        yield _runs(figures.daily_runs, context.summary, zone)
        if sum(map(bool, figures.trend.known)) > 1:
            yield _trend(figures.trend, context.summary)
    if figures.calendar.has_runs:
        yield _calendar(figures.calendar, zone)
    if figures.slow_runs:
        yield _slow_runs(figures.slow_runs[:BARS_DRAWN], context.zone)
    if any(space.free_share is not None for space in figures.spaces):
        yield _capacity(figures.spaces)
    if figures.protection.objects:
        yield _protection(figures.protection)
    if context.summary.by_area:
        yield _areas(context.summary.by_area)


def _month_causes(months: MonthTrend) -> ChartPlan:
    known = [(name, total) for name, total in zip(months.months, months.totals, strict=True) if total is not None]
    (first, before), (last, now) = known[0], known[-1]
    return ChartPlan(
        name="month-causes",
        title=causes_message(months),
        subject="Causes of failing findings a month",
        alt=f"Stacked bars of the causes by severity, one bar a month: {count(before, 'cause')} in {first}, "
        f"{number(now)} in {last}.{_months_in_words(months)}",
        shape=Columns(
            steps=months.months,
            series=tuple(Series(severity, severity, values) for severity, values in months.causes),
            counted="causes",
            notes=months.marks,
            gaps=tuple(not is_known for is_known in months.is_known),
            has_totals=True,
        ),
        section="months",
        headers=(
            "Month",
            *(severity.capitalize() for severity, _ in months.causes),
            "All",
            "Rating",
            "Changed before it",
        ),
        rows=tuple(
            (
                name,
                *(_cell(values[at]) for _, values in months.causes),
                _cell(months.totals[at]),
                "–" if (rating := months.ratings[at]) is None else rating.told,
                _note(months, at),
            )
            for at, name in enumerate(months.months)
        ),
    )


def _month_shares(months: MonthTrend) -> ChartPlan:
    said = [
        f"{SHARES[name]}: {percent(known[0])} at first, {percent(known[-1])} at last"
        for name, values in months.shares
        if (known := [value for value in values if value is not None])
    ]
    return ChartPlan(
        name="month-shares",
        title=shares_message(months),
        subject="Protection, success and space a month",
        alt=f"Lines, one point a month. {'; '.join(said)}.{_months_in_words(months)}",
        shape=Lines(
            steps=months.months,
            series=tuple(Series(SHARES[name], name, values) for name, values in months.shares),
            notes=months.marks,
            gaps=tuple(not is_known for is_known in months.is_known),
        ),
        section="months",
        headers=("Month", *(text.capitalize() for text in SHARES.values()), "Changed before it"),
        rows=tuple(
            (name, *(percent(values[at]) for _, values in months.shares), _note(months, at))
            for at, name in enumerate(months.months)
        ),
    )


def _cell(value: int | None) -> str:
    return "–" if value is None else number(value)


def _note(months: MonthTrend, at: int) -> str:
    return months.marks[at] if months.is_known[at] else "no run"


def _months_in_words(months: MonthTrend) -> str:
    """What a reader of the drawing must know: months without a run, changed rules, runs that are no points of it."""
    missing = [name for name, is_known in zip(months.months, months.is_known, strict=True) if not is_known]
    marked = [f"{mark} before {name}" for name, mark in zip(months.months, months.marks, strict=True) if mark]
    parts = [f" No run about {', '.join(missing)}."] if missing else []
    parts += [f" Rules changed: {'; '.join(marked)}."] if marked else []
    if months.beside:
        parts.append(f" {count(months.beside, 'earlier run')} about other servers or jobs left out.")
    return "".join(parts)


def _runs(runs: DailyRuns, summary: Summary, zone: str) -> ChartPlan:
    parts = ", ".join(f"{number(total)} {result}" for result, total in runs.totals.items())
    return ChartPlan(
        name="runs",
        title=runs_message(runs),
        subject=f"Finished runs a {runs.step}",
        alt=f"Stacked bars of finished runs a {runs.step} ({zone}): {parts}. "
        f"{percent(summary.success_rate)} succeeded.{worst_step(runs)}",
        shape=Columns(
            steps=tuple(short_day(start) for start in runs.starts),
            series=tuple(Series(result, result, values) for result, values in runs.counts.items()),
            counted=f"finished runs a {runs.step}",
        ),
        headers=(runs.step.capitalize(), *runs.results),
        rows=tuple(
            (day(start), *(number(runs.counts[result][index]) for result in runs.results))
            for index, start in enumerate(runs.starts)
        ),
    )


def worst_step(runs: DailyRuns) -> str:
    """A sentence on the day or week with the most failures."""
    failed = runs.counts.get("Failed", ())
    if not any(failed):
        return " No run failed."
    index = max(range(len(failed)), key=failed.__getitem__)
    return f" Most failures: {number(failed[index])} on {day(runs.starts[index])}."


def _trend(trend: SuccessTrend, summary: Summary) -> ChartPlan:
    known = [(rate, start) for rate, start in zip(trend.rates, trend.starts, strict=True) if rate is not None]
    (first, _), (last, _), (lowest, when) = known[0], known[-1], min(known)
    when_lowest = f"{'on' if trend.step == 'day' else 'in the week from'} {day(when)}"
    return ChartPlan(
        name="trend",
        title=trend_message(trend),
        subject=f"Success rate a {trend.step}",
        alt=f"Line of the success rate a {trend.step}: {percent(first)} at the start, {percent(last)} at the end, "
        f"lowest {percent(lowest)} {when_lowest}; {percent(summary.success_rate)} over the period.",
        shape=Lines(
            steps=tuple(short_day(start) for start in trend.starts),
            series=(Series("success rate", "success_rate", trend.rates),),
            base=_base_below(lowest),
            is_labelled=True,
        ),
        headers=(trend.step.capitalize(), "Success or Warning", "Success, Warning or Failed", "Success rate"),
        rows=tuple(
            (day(start), number(good), number(of), percent(rate))
            for start, good, of, rate in zip(trend.starts, trend.good, trend.known, trend.rates, strict=True)
        ),
    )


def _calendar(calendar: RunCalendar, zone: str) -> ChartPlan:
    counts, drawn = calendar.counts, calendar.rows[:JOBS_DRAWN]
    description = ", ".join(
        f"{number(counts[state])} {DAY_WORDS[state]}" for state in _CALENDAR_STATES if counts[state]
    )
    bad = [row for row in calendar.rows if row.counts["Failed"] or row.counts["missed"]]
    worst = "No job failed on a day or missed one."
    if bad:
        days = bad[0].counts["Failed"] + bad[0].counts["missed"]
        worst = (
            f"{count(len(bad), 'job')} failed or missed a run; the worst is {shorten(bad[0].name, _NAME)} with "
            f"{count(days, 'such day')}."
        )
    part = "" if len(drawn) == len(calendar.rows) else f" Drawn are the worst {len(drawn)}."
    cut = f" Only the last {len(calendar.days)} days are drawn." if calendar.is_cut else ""
    return ChartPlan(
        name="calendar",
        title=calendar_message(calendar),
        subject="Each job on each day: the worst run" + (f" (the worst {len(drawn)} jobs)" if part else ""),
        alt=f"Calendar of {count(len(calendar.rows), 'job')} over {count(len(calendar.days), 'day')} ({zone}); days by "
        f"what they held: {description}. {worst}{part}{cut}",
        shape=calendar_cells(calendar),
        headers=("Job", "Failed on", "Missed on", "Warning on", *(DAY_WORDS[s].capitalize() for s in _DAYS_COUNTED)),
        rows=tuple(_calendar_row(row, calendar.days) for row in drawn),
    )


_DAYS_COUNTED = ("Success", "other", "idle", "unclear")


def _calendar_row(row: CalendarRow, days: Sequence[dt.date]) -> tuple[str, ...]:
    named = (_dates(row, days, state) for state in ("Failed", "missed", "Warning"))
    return plain(row.name) or "(no name)", *named, *(number(row.counts[state]) for state in _DAYS_COUNTED)


def _dates(row: CalendarRow, days: Sequence[dt.date], state: str) -> str:
    """The days of a state as `3, 4 October, 1 November`."""
    months: dict[tuple[int, int], list[dt.date]] = {}
    for date, held in zip(days, row.days, strict=True):
        if held == state:
            months.setdefault((date.year, date.month), []).append(date)
    parts = (f"{', '.join(str(one.day) for one in dates)} {day(dates[0]).split()[1]}" for dates in months.values())
    return ", ".join(parts) or "–"


def _slow_runs(runs: Sequence[SlowRun], zone: dt.tzinfo) -> ChartPlan:
    worst = runs[0]
    return ChartPlan(
        name="durations",
        title=slow_message(runs),
        subject="The longest runs, beside the median of their jobs",
        alt=f"Longest run and median run of {count(len(runs), 'job')}, those with the most extra time. "
        f"{shorten(worst.name, _NAME) or '(no name)'} took {duration(worst.slowest_s)} on "
        f"{day(worst.created.astimezone(zone).date())}; its median is {duration(worst.median_s)}.",
        shape=Ranges(
            names=tuple(_shown(run.name) for run in runs),
            usual=Series("median of the job", "median", tuple(run.median_s / 60 for run in runs)),
            longest=Series("longest run", "longest", tuple(run.slowest_s / 60 for run in runs)),
            ends=tuple(duration(run.slowest_s) for run in runs),
        ),
        headers=("Job", "Longest run", "Started on", "Median", "Runs compared"),
        rows=tuple(
            (
                plain(run.name) or "(no name)",
                duration(run.slowest_s),
                day(run.created.astimezone(zone).date()),
                duration(run.median_s),
                number(run.runs),
            )
            for run in runs
        ),
    )


def _capacity(spaces: Sequence[RepositorySpace]) -> ChartPlan:
    known = [space for space in spaces if space.free_share is not None]
    unknown = len(spaces) - len(known)
    more = f" Of {count(unknown, 'repository', 'repositories')} the capacity is not reported." if unknown else ""
    part = f", the {BARS_DRAWN} fullest of {number(len(known))}" if len(known) > BARS_DRAWN else ""
    return ChartPlan(
        name="capacity",
        title=capacity_message(spaces),
        subject=f"Space of the repositories{part}",
        alt=f"Used and free share of {count(len(known), 'repository', 'repositories')}{part}. The fullest is "
        f"{shorten(known[0].name, _NAME)} with {percent(known[0].free_share)} free.{more}",
        shape=_spaces_shape(known[:BARS_DRAWN], unknown),
        headers=("Repository", "Free", "Capacity, GB", "Free, GB", "Used by backups, GB"),
        rows=tuple(
            (
                plain(space.name) or "(no name)",
                percent(space.free_share),
                *(number(value, 1) for value in (space.capacity_gb, space.free_gb, space.used_gb)),
            )
            for space in spaces[:_ROWS]
        ),
    )


def _protection(protection: Protection) -> ChartPlan:
    message = "; ".join(
        f"{digit.digit} {digit.word}: {number(digit.met)} yes, {number(digit.not_met)} no, "
        f"{number(digit.not_known)} not known"
        for digit in protection.digits
    )
    return ChartPlan(
        name="protection",
        title=protection_message(protection),
        subject="3-2-1-1-0: protected objects by digit",
        alt=f"Stacked bars of {count(protection.objects, 'protected object')} by digit. {message}. "
        f"{number(protection.all_met)} surely meet all five.",
        shape=Bars(
            names=tuple(f"{digit.digit} {digit.word}" for digit in protection.digits),
            series=(
                Series("yes", "PASS", tuple(digit.met for digit in protection.digits)),
                Series("no", "FAIL", tuple(digit.not_met for digit in protection.digits)),
                Series("not known", "UNKNOWN", tuple(digit.not_known for digit in protection.digits)),
            ),
            ends=tuple(f"{number(digit.met)} of {number(protection.objects)}" for digit in protection.digits),
            counted="protected objects; at the right how many meet the digit",
        ),
        headers=("Digit", "Yes", "No", "Not known"),
        rows=tuple(
            (
                f"{digit.digit} {digit.word}",
                *(number(value) for value in (digit.met, digit.not_met, digit.not_known)),
            )
            for digit in protection.digits
        ),
    )


def _areas(areas: Sequence[AreaCount]) -> ChartPlan:
    shown = [status for status in STATUS_WORDS if any(entry.counts.get(status, 0) for entry in areas)]
    message = "; ".join(
        f"{entry.area}: {count(entry.counts.get('FAIL', 0), 'failing finding')}, {percent(entry.compliance)} compliant"
        for entry in areas
    )
    return ChartPlan(
        name="areas",
        title=areas_message(areas),
        subject="Findings by area and status",
        alt=f"Stacked bars of the shares of findings by area and status. {message}.",
        shape=Bars(
            names=tuple(entry.area for entry in areas),
            series=tuple(
                Series(STATUS_WORDS[status], status, tuple(entry.counts.get(status, 0) for entry in areas))
                for status in shown
            ),
            ends=tuple(f"{number(entry.counts.get('FAIL', 0))} fail" for entry in areas),
            counted="share of the findings of the area; at the right how many fail",
            as_share=True,
        ),
        headers=("Area", *(STATUS_WORDS[status].capitalize() for status in shown)),
        rows=tuple((entry.area, *(number(entry.counts.get(status, 0)) for status in shown)) for entry in areas),
    )


def _severities(failing: Mapping[str, int]) -> ChartPlan:
    told = ", ".join(f"{number(many)} {severity}" for severity, many in failing.items())
    return ChartPlan(
        name="severities",
        title=severities_message(failing),
        subject="Failing findings by severity",
        alt=f"Bars of the failing findings by severity: {told}.",
        shape=Bars(
            names=tuple(failing),
            series=(Series("failing findings", "FAIL", tuple(failing.values())),),
            states=tuple(failing),
            ends=tuple(number(many) for many in failing.values()),
            counted="failing findings",
        ),
        headers=("Severity", "Failing"),
        rows=tuple((severity, number(many)) for severity, many in failing.items()),
    )


def calendar_cells(calendar: RunCalendar) -> Cells:
    """What a calendar draws: the worst jobs, and the states that they have."""
    rows = [(row.name, row.days) for row in calendar.rows[:JOBS_DRAWN]]
    return _cells_of(rows, calendar.days, {state: DAY_WORDS[state] for state in reversed(DAY_STATES)})


def night_cells(nights: MachineNights) -> Cells:
    """What each night held for the machines of a job: the worst ones, and the states that they have."""
    rows = [(row.name, row.nights) for row in nights.rows[:JOBS_DRAWN]]
    return _cells_of(rows, nights.nights, {state: NIGHT_WORDS[state] for state in reversed(NIGHT_STATES)})


def _cells_of(
    rows: Sequence[tuple[str, tuple[str, ...]]], days: tuple[dt.date, ...], words: Mapping[str, str]
) -> Cells:
    """Cells of names with their states; `words` are those of all states, the best first."""
    held = {state for _, states in rows for state in states}
    return Cells(
        names=tuple(_shown(name) for name, _ in rows),
        days=days,
        rows=tuple(states for _, states in rows),
        words=tuple((state, word) for state, word in words.items() if state in held),
    )


def _spaces_shape(known: Sequence[RepositorySpace], unknown: int) -> Bars:
    free = tuple(space.free_share or 0.0 for space in known)
    return Bars(
        names=tuple(_shown(space.name) for space in known),
        series=(Series("used", "used", tuple(1 - share for share in free)), Series("free", "free", free)),
        ends=tuple(f"{percent(share)} free" for share in free),
        counted="share of the capacity",
        as_share=True,
        below=f"Not drawn: {count(unknown, 'repository', 'repositories')} of unknown capacity." if unknown else "",
    )


def _base_below(lowest: float) -> float:
    """Where an axis of shares begins: at 0, or at a whole tenth well below where all of them are high."""
    return max(int((lowest - 0.05) * 10), 0) / 10 if lowest > _HIGH else 0.0


def _shown(name: str) -> str:
    return plain(name) or "(no name)"


def short_day(date: dt.date) -> str:
    """A day without its year, as an axis shows it."""
    return day(date).rsplit(" ", 1)[0]
