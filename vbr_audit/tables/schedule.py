"""Which starts the schedules of jobs demand, by the clock of their server.

Schedules are kept as days and hours of the server's clock, so they are expanded there and become instants at last. An
hour that a change of the clock leaves out is made up for by the first instant after it; of an hour that comes twice,
the first counts: a job that is due once a day is due once on every day.

By the vendor's rules, a schedule by hours or minutes is counted from midnight on, plus its minutes within the hour;
once denied hours are over, the job starts at once (and those minutes later), and then by its grid again.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from dateutil.rrule import DAILY, MO, MONTHLY, rrule, weekday

from vbr_audit.display import MONTHS
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import WEEK

Cells = npt.NDArray[Any]

DAY_MIN: Final = 1440
_UNIT_MIN: Final = {"Seconds": 1 / 60, "Minutes": 1.0, "Hours": 60.0, "Days": float(DAY_MIN)}
_LEAST_STEP_MIN: Final = 5
"""A grid that is finer is as good as continuous: its starts are not reported one by one."""
_NTH: Final = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": -1}
_LAST_DAY: Final = -1
_TIME: Final = re.compile("([0-9]{1,2}):([0-9]{1,2})(?::[0-9]{1,2}(?:[.][0-9]{1,9})?)? ?([AaPp][Mm])?")
_BITS: Final = 34
"""Seconds since 1970 fit in so many bits up to the year 2514; a job's place stands above them."""

PERIOD_COLUMNS: Final = tuple(
    f"schedule_periodically_{part}" for part in ("kind", "frequency", "minute", "days", "hours")
)
WINDOW_COLUMNS: Final = ("backup_window_enabled", "backup_window_days", "backup_window_hours")
COLUMNS: Final = (
    *(f"schedule_daily_{part}" for part in ("enabled", "kind", "days", "time")),
    *(f"schedule_monthly_{part}" for part in ("enabled", "months", "number", "weekday", "day", "last_day", "time")),
    "schedule_periodically_enabled",
    *PERIOD_COLUMNS,
    *WINDOW_COLUMNS,
)
"""The settings of a job that its due starts depend on."""


@dataclass(frozen=True, eq=False)
class DueStarts:
    """The starts that schedules demand, in order of job and time.

    `job` is the place of each one's job, `at` its instant in seconds since 1970. `is_known` says of each job whether
    every enabled part of its schedule could be followed, `is_sure` also whether its grid must begin at midnight: a
    step that does not go up in a day may as well run on over midnight.
    """

    job: Cells
    at: Cells
    is_known: Cells
    is_sure: Cells


def due_starts(jobs: Mapping[str, Any], first: dt.date, last: dt.date, zone: dt.tzinfo) -> DueStarts:
    """What the schedules of `jobs` demand from `first` to `last`, both days by the server's clock included.

    `jobs` holds the columns `COLUMNS`, all of one server. A job without an enabled schedule by days, months or hours
    has no due start and is told; whether it runs all the time or after another job is not asked here.
    """
    size = len(jobs["schedule_daily_enabled"])
    known, sure = np.ones(size, dtype=bool), np.ones(size, dtype=bool)
    parts = [
        *_by_days(_enabled(jobs, "daily"), jobs, known, _daily_rule, ("kind", "days"), "daily", (first, last)),
        *_by_days(
            _enabled(jobs, "monthly"),
            jobs,
            known,
            _monthly_rule,
            ("months", "number", "weekday", "day", "last_day"),
            "monthly",
            (first, last),
        ),
    ]
    job, minute = _joined(parts)
    masks, which = _windows(jobs, known)
    kept = masks[which[job], _weekday(minute), minute % DAY_MIN // 60] if len(job) else np.zeros(0, dtype=bool)
    grid_job, grid_minute = _joined(_by_grid(jobs, known, sure, masks, which, (first, last)))
    job, minute = np.concatenate([job[kept], grid_job]), np.concatenate([minute[kept], grid_minute])
    keys = distinct((job << _BITS) + _instants_of_many(minute, zone))
    keys = keys[known[keys >> _BITS]]
    return DueStarts(keys >> _BITS, keys & ((1 << _BITS) - 1), known, sure & known)


def instants(minutes: Cells, zone: dt.tzinfo) -> Cells:
    """Minutes since 1970 on the clock of `zone` as seconds since 1970 UTC, by the rules of this module."""
    if not len(minutes):
        return np.zeros(0, dtype=np.int64)
    local = pd.DatetimeIndex(minutes.astype("datetime64[m]").astype("datetime64[s]"))
    first_of_two = np.ones(len(local), dtype=bool)
    moments = local.tz_localize(zone, nonexistent="NaT", ambiguous=first_of_two)
    left_out = np.flatnonzero(moments.isna())
    seconds = np.array(moments.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[s]").astype(np.int64))
    seconds[left_out] = [_after_the_gap(local[place].to_pydatetime(), zone) for place in left_out.tolist()]
    return seconds


def _after_the_gap(local: dt.datetime, zone: dt.tzinfo) -> int:
    """The first second after the hour, or half an hour, that a change of the clock leaves out and `local` lies in."""
    later = local.replace(tzinfo=zone, fold=1)
    moment = later.astimezone(dt.UTC)
    while moment.astimezone(zone).utcoffset() != later.utcoffset():
        moment += dt.timedelta(minutes=1)
    return int(moment.timestamp())


def _instants_of_many(minutes: Cells, zone: dt.tzinfo) -> Cells:
    """The same of minutes of which many are equal, and all lie in some months: each is worked out once."""
    if not len(minutes):
        return instants(minutes, zone)
    first = int(minutes.min())
    there = np.zeros(int(minutes.max()) - first + 1, dtype=bool)
    there[minutes - first] = True
    distinct_ones = np.flatnonzero(there)
    seconds = np.zeros(len(there), dtype=np.int64)
    seconds[distinct_ones] = instants(distinct_ones + first, zone)
    return np.asarray(seconds[minutes - first])


def distinct(numbers: Cells) -> Cells:
    """The distinct numbers in their order."""
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def minute_of_day(text: str) -> int | None:
    """The minute of the day of `22:00`, `22:00:00` or `10:00 PM`; None for another text."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").upper()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "PM" else 0) if half else hour
    return 60 * hour + minute if hour < 24 and minute < 60 else None


@lru_cache(maxsize=4096)
def _daily_rule(kind: Any, days: Any) -> tuple[tuple[str, Any], ...] | None:
    """The rule of dateutil that tells the days; None where it cannot be known."""
    if kind == "Everyday":
        return (("freq", DAILY),)
    if kind == "WeekDays":
        return (("freq", DAILY), ("byweekday", tuple(range(5))))
    chosen = _places(days, WEEK)
    return (("freq", DAILY), ("byweekday", chosen)) if kind == "SelectedDays" and chosen else None


@lru_cache(maxsize=4096)
def _monthly_rule(months: Any, number: Any, day: Any, date: Any, is_last: Any) -> tuple[tuple[str, Any], ...] | None:
    chosen = _places(months, MONTHS)
    if not chosen or not isinstance(number, str):
        return None
    rule = (("freq", MONTHLY), ("bymonth", tuple(place + 1 for place in chosen)))
    if number == "OnDay":
        wanted = _LAST_DAY if is_last is True or is_last is np.True_ else date
        return (*rule, ("bymonthday", int(wanted))) if _is_day(wanted) else None
    if number not in _NTH or day not in WEEK:
        return None
    return (*rule, ("byweekday", weekday(MO.weekday + WEEK.index(day), _NTH[number])))


def _is_day(value: Any) -> bool:
    return value is not None and value is not pd.NA and (value == _LAST_DAY or 1 <= value <= 31)


def _places(text: Any, circle: tuple[str, ...]) -> tuple[int, ...]:
    """Where the words of `text`, joined by commas, stand in `circle`; none where one of them is unknown."""
    words = [word.strip() for word in text.split(",")] if isinstance(text, str) else [""]
    return tuple(sorted({circle.index(word) for word in words})) if all(word in circle for word in words) else ()


@lru_cache(maxsize=4096)
def days_of(rule: tuple[tuple[str, Any], ...], first: dt.date, last: dt.date) -> Cells:
    """The days that a rule names from `first` to `last`, as days since 1970."""
    begin, end = (dt.datetime.combine(day, dt.time()) for day in (first, last))
    dates = rrule(dtstart=begin, until=end, **dict(rule))
    return np.array([moment.toordinal() for moment in dates], dtype=np.int64) - dt.date(1970, 1, 1).toordinal()


_GREGORIAN: Final = (dt.date(2000, 1, 1), dt.date(2027, 12, 31))
"""28 years: every date falls on every weekday, in leap years too."""


@lru_cache(maxsize=4096)
def longest_days(months: Any, number: Any, day: Any, date: Any, is_last: Any) -> int | None:
    """The most days between two starts of a schedule by months; None if that is not known."""
    rule = _monthly_rule(months, number, day, date, is_last)
    steps = np.diff(days_of(rule, *_GREGORIAN)) if rule is not None else np.zeros(0)
    return int(steps.max()) if len(steps) else None


def longest_minutes(step: float, minute: int, allowed: Cells) -> float | None:
    """The most minutes between two starts every `step` minutes in permitted hours; None where none is permitted."""
    week = grid_of(step, minute, allowed)
    starts = np.concatenate([day + DAY_MIN * place for place, day in enumerate(week)])
    return float(np.diff(starts, append=starts[0] + DAY_MIN * len(week)).max()) if len(starts) else None


def longest_denied(days: str | None, hours: str | None) -> int:
    """The most hours in a row that a window denies; 0 where it does not report."""
    mask = hours_of(days, hours)
    marks = np.flatnonzero(np.array(mask).ravel()) if mask is not None else np.zeros(0, dtype=np.int64)
    return int(np.diff(marks, append=marks[0] + 24 * len(WEEK)).max() - 1) if len(marks) else 0


def _enabled(jobs: Mapping[str, Any], way: str) -> Cells:
    return np.asarray(pd.Series(jobs[f"schedule_{way}_enabled"]).fillna(False), dtype=bool)


def _by_days(
    rows: Cells,
    jobs: Mapping[str, Any],
    day_texts: Cells,
    rule_of: Callable[..., tuple[tuple[str, Any], ...] | None],
    settings: tuple[str, ...],
    way: str,
    span: tuple[dt.date, dt.date],
) -> Iterator[tuple[Cells, Cells]]:
    """Job and local minute of the starts of one way that goes by days; jobs that cannot be followed lose `is_known`."""
    if not rows.any():
        return
    times = {text: minute_of_day(text) for text in pd.Series(jobs[f"schedule_{way}_time"]).dropna().unique()}
    at = np.array([times.get(text) for text in plain(jobs[f"schedule_{way}_time"])], dtype=object)
    timed = np.array([value is not None for value in at], dtype=bool)
    day_texts[rows & ~timed] = False
    for setting, places in _groups(jobs, [f"schedule_{way}_{name}" for name in settings], rows & timed):
        rule = rule_of(*setting)
        if rule is None:
            day_texts[places] = False
            continue
        days = days_of(rule, *span) * DAY_MIN
        yield np.repeat(places, len(days)), (at[places].astype(np.int64)[:, None] + days).ravel()


def _groups(jobs: Mapping[str, Any], names: Iterable[str], rows: Cells) -> Iterator[tuple[tuple[Any, ...], Cells]]:
    """The distinct settings of `rows` in the columns `names`, and the places of the jobs that have them."""
    chosen = np.flatnonzero(rows)
    columns = [pd.Series(jobs[name]).array.take(chosen) for name in names]
    alike = np.zeros(len(chosen), dtype=np.int64)
    for column in columns:
        codes = column.factorize()[0]
        alike = pd.factorize(alike * (int(codes.max(initial=-1)) + 2) + codes + 1)[0]
    order = np.argsort(alike, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(alike[order])) + 1) if len(order) else ():
        yield tuple(plain(column.take(places[:1]))[0] for column in columns), chosen[places]


def plain(values: Any) -> list[Any]:
    """The values of a column, with None for NA."""
    return [None if value is pd.NA else value for value in pd.Series(values).astype(object).tolist()]


@lru_cache(maxsize=4096)
def hours_of(days: str | None, hours: str | None) -> tuple[tuple[bool, ...], ...] | None:
    """The 24 hours of each weekday that a window permits; None where it does not report all of them.

    `days` and `hours` are what `jobs` holds of a window: its days, and 24 marks for each of them, by commas.
    """
    named = [word.strip() for word in days.split(",")] if days else []
    marks = [mark.strip() for mark in hours.split(",")] if hours else []
    if sorted(named) != sorted(WEEK) or len(marks) != 24 * len(WEEK) or not set(marks) <= {"0", "1"}:
        return None
    by_day = {day: tuple(mark == "1" for mark in marks[24 * n : 24 * n + 24]) for n, day in enumerate(named)}
    return tuple(by_day[day] for day in WEEK)


ALWAYS: Final[tuple[tuple[bool, ...], ...]] = tuple((True,) * 24 for _ in WEEK)


def _windows(jobs: Mapping[str, Any], hour_texts: Cells) -> tuple[Cells, Cells]:
    """The hours that the backup windows of jobs permit, by weekday and hour, and which of them each job has."""
    masks: list[tuple[tuple[bool, ...], ...]] = [ALWAYS]
    which = np.zeros(len(hour_texts), dtype=np.int64)
    unclear = are_missing(pd.Series(jobs["backup_window_enabled"]))
    hour_texts[unclear & (_enabled(jobs, "daily") | _enabled(jobs, "monthly") | _enabled(jobs, "periodically"))] = False
    on = np.asarray(pd.Series(jobs["backup_window_enabled"]).fillna(False), dtype=bool)
    for (days, hours), places in _groups(jobs, WINDOW_COLUMNS[1:], on):
        mask = hours_of(days, hours)
        if mask is None:
            hour_texts[places] = False
            continue
        which[places] = len(masks)
        masks.append(mask)
    return np.array(masks, dtype=bool), which


def step_of(kind: Any, frequency: Any) -> float | None:
    """How many minutes lie between two starts of a schedule by hours or minutes; None where that is not reported."""
    known = kind in _UNIT_MIN and frequency is not None and frequency > 0
    return _UNIT_MIN[kind] * frequency if known else None


def _by_grid(
    jobs: Mapping[str, Any], hour_texts: Cells, sure: Cells, masks: Cells, which: Cells, span: tuple[dt.date, dt.date]
) -> Iterator[tuple[Cells, Cells]]:
    """Job and local minute of the starts by hours or minutes."""
    day = days_of((("freq", DAILY),), *span) * DAY_MIN
    twin = dict(jobs) | {"window": which}
    for setting, places in _groups(twin, (*PERIOD_COLUMNS, "window"), _enabled(jobs, "periodically")):
        kind, frequency, minute, days, hours, window = setting
        step = step_of(kind, frequency)
        own = ALWAYS if not days and not hours else hours_of(days, hours)
        if step is None or own is None or not _LEAST_STEP_MIN <= step <= DAY_MIN:
            hour_texts[places] = False
            continue
        sure[places] &= DAY_MIN % step == 0
        week = grid_of(step, minute or 0, np.array(own) & masks[window])
        starts = np.concatenate([begin + week[int(_weekday(begin))] for begin in day])
        yield np.repeat(places, len(starts)), np.tile(starts, len(places))


def grid_of(step: float, minute: int, allowed: Cells) -> list[Cells]:
    """The minutes of each weekday at which a job starts every `step` minutes, `minute` after the full hour.

    `allowed` says of each weekday and hour whether a start is permitted; the first permitted hour after one that is
    denied brings a start at once.
    """
    marks = allowed.ravel()
    opens = np.flatnonzero(marks & ~np.roll(marks, 1)) * 60 + minute
    grid = np.arange(0, DAY_MIN, step).astype(np.int64) + minute
    grid = np.concatenate([grid + DAY_MIN * place for place in range(len(WEEK))])
    week = len(WEEK) * DAY_MIN
    permitted = marks[grid % week // 60] & marks[(grid - minute) % week // 60]
    both = np.unique(np.concatenate([grid[permitted], opens]) % week)
    return [both[both // DAY_MIN == place] % DAY_MIN for place in range(len(WEEK))]


def _weekday(minutes: Cells) -> Cells:
    """The place of a local minute's day in the week: 1 January 1970 was a Thursday."""
    return (minutes // DAY_MIN + 3) % 7


def _joined(parts: Iterable[tuple[Cells, Cells]]) -> tuple[Cells, Cells]:
    empty = np.zeros(0, dtype=np.int64)
    listed = [(empty, empty), *parts]
    return np.concatenate([job for job, _ in listed]), np.concatenate([minute for _, minute in listed])


# How long the schedule of a job lets pass between two starts.

_DAY_H: Final = 24
_MONTH_H: Final = 31 * _DAY_H
_DAILY_H: Final = {"Everyday": _DAY_H, "WeekDays": 3 * _DAY_H}
_MOST_LINKS: Final = 10
"""How many jobs may start one another in turn and still be followed."""


def start_intervals(arrays: Mapping[str, Any], *, always_runs: Any) -> pd.api.extensions.ExtensionArray:
    """The longest time in hours between two starts of each job of one server, as `Int64`.

    `arrays` holds the columns of `jobs`. Of several kinds of schedule the most frequent counts. A job that runs after
    another has the interval of that one, found by its name. NA where no enabled kind tells, or none is surely enabled.
    The jobs that surely need no schedule, by the nullable boolean `always_runs`, rest as long as their window denies
    in a row, else never; so does a job that runs continuously, by its window for that. All by the server's clock: in
    the night of a change it may be an hour more.
    """
    always = always_runs.to_numpy(dtype=bool, na_value=False)
    windows = _each(_windows_of(arrays, "backup_window"), _denied)
    hours = np.where(always, windows, np.nan)
    for switch, column in _WAYS.items():
        enabled = pd.Series(arrays[switch]).fillna(False).to_numpy(dtype=bool)
        hours[enabled] = np.fmin(hours[enabled], column(arrays)[enabled])
    hours = _followed(hours, arrays)
    unknown = np.isnan(hours)
    return pd.arrays.IntegerArray(np.ceil(np.where(unknown, 0, hours)).astype(np.int64), unknown)


def _daily_intervals(arrays: Mapping[str, Any]) -> np.ndarray:
    pairs = zip(plain(arrays["schedule_daily_kind"]), plain(arrays["schedule_daily_days"]), strict=True)
    return _each(pairs, _daily_gap)


def _daily_gap(kind: str | None, days: str | None) -> float:
    return _longest_gap(days or "", WEEK, _DAY_H) if kind == "SelectedDays" else _DAILY_H.get(kind or "", math.nan)


def _denied(days: str | None, hours: str | None) -> float:
    return float(longest_denied(days, hours))


def _monthly_intervals(arrays: Mapping[str, Any]) -> np.ndarray:
    names = ("months", "number", "weekday", "day", "last_day")
    return _each(zip(*(plain(arrays[f"schedule_monthly_{name}"]) for name in names), strict=True), _monthly_gap)


def _monthly_gap(months: str | None, *which: Any) -> float:
    days = longest_days(months, *which)
    return _longest_gap(months or "", MONTHS, _MONTH_H) if days is None else float(days * _DAY_H)


def _periodic_intervals(arrays: Mapping[str, Any]) -> np.ndarray:
    return _each(zip(*(plain(arrays[name]) for name in PERIOD_COLUMNS), strict=True), _periodic_gap)


def _periodic_gap(kind: Any, frequency: Any, minute: Any, days: str | None, hours: str | None) -> float:
    step = step_of(kind, frequency)
    allowed = hours_of(days, hours) or ALWAYS
    if step is None or allowed == ALWAYS or step > DAY_MIN:
        return math.nan if step is None else step / 60
    longest = longest_minutes(max(step, 1), minute or 0, np.array(allowed))
    return math.nan if longest is None else longest / 60


def _continuous_intervals(arrays: Mapping[str, Any]) -> np.ndarray:
    return _each(_windows_of(arrays, "schedule_continuously"), _denied)


def _windows_of(arrays: Mapping[str, Any], of: str) -> Iterable[tuple[Any, ...]]:
    return zip(*(plain(arrays[f"{of}_{part}"]) for part in ("days", "hours")), strict=True)


_WAYS: Final[Mapping[str, Callable[[Mapping[str, Any]], np.ndarray]]] = {
    "schedule_daily_enabled": _daily_intervals,
    "schedule_monthly_enabled": _monthly_intervals,
    "schedule_periodically_enabled": _periodic_intervals,
    "schedule_continuously_enabled": _continuous_intervals,
}


def _each(rows: Iterable[tuple[Any, ...]], hours: Callable[..., float]) -> np.ndarray:
    """`hours` of each row; equal rows are asked once."""
    listed = list(rows)
    known = {row: hours(*row) for row in dict.fromkeys(listed)}
    return np.array([known[row] for row in listed], dtype=float)


def _longest_gap(chosen: str, circle: Sequence[str], step_h: int) -> float:
    """The longest way in hours from one chosen word to the next around `circle`; NaN for an unknown word or none."""
    words = [word.strip() for word in chosen.split(",")]
    if not all(word in circle for word in words):
        return math.nan
    places = sorted({circle.index(word) for word in words})
    gaps = [after - before for before, after in zip(places, [*places[1:], places[0] + len(circle)], strict=True)]
    return float(max(gaps) * step_h)


def _followed(hours: np.ndarray, arrays: Mapping[str, Any]) -> np.ndarray:
    """`hours` with those of jobs that run after another: a name that two jobs share tells nothing."""
    chained = pd.Series(arrays["schedule_after_job_enabled"]).fillna(False).to_numpy(dtype=bool) & np.isnan(hours)
    if not chained.any():
        return hours
    names = pd.Series(arrays["name"])
    names = names.mask(names.duplicated(keep=False))
    usable = are_known(names)
    targets = pd.Series(arrays["schedule_after_job_name"])
    before = pd.Index(names[usable]).get_indexer(pd.Index(targets))
    before = np.append(np.flatnonzero(usable), -1)[before]
    before[are_missing(targets)] = -1
    followed = hours.copy()
    for _ in range(_MOST_LINKS):
        followed = np.where(chained & (before >= 0), followed[before], followed)
    return followed
