"""How long the schedule of a job lets pass between two starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.display import MONTHS
from vbr_audit.tables.build.words import WEEK
from vbr_audit.tables.schedule import (
    ALWAYS,
    DAY_MIN,
    PERIOD_COLUMNS,
    hours_of,
    longest_days,
    longest_denied,
    longest_minutes,
    plain,
    step_of,
)

_DAY_H: Final = 24
_MONTH_H: Final = 31 * _DAY_H
_DAILY_H: Final = {"Everyday": _DAY_H, "WeekDays": 3 * _DAY_H}
_LINKS: Final = 10
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
    windows = _each(_windows(arrays, "backup_window"), _denied)
    hours = np.where(always, windows, np.nan)
    for switch, column in _WAYS.items():
        enabled = pd.Series(arrays[switch]).fillna(False).to_numpy(dtype=bool)
        hours[enabled] = np.fmin(hours[enabled], column(arrays)[enabled])
    hours = _followed(hours, arrays)
    unknown = np.isnan(hours)
    return pd.arrays.IntegerArray(np.ceil(np.where(unknown, 0, hours)).astype(np.int64), unknown)


def _daily(arrays: Mapping[str, Any]) -> np.ndarray:
    pairs = zip(plain(arrays["schedule_daily_kind"]), plain(arrays["schedule_daily_days"]), strict=True)
    return _each(pairs, _daily_gap)


def _daily_gap(kind: str | None, days: str | None) -> float:
    return _gap(days or "", WEEK, _DAY_H) if kind == "SelectedDays" else _DAILY_H.get(kind or "", math.nan)


def _denied(days: str | None, hours: str | None) -> float:
    return float(longest_denied(days, hours))


def _monthly(arrays: Mapping[str, Any]) -> np.ndarray:
    names = ("months", "number", "weekday", "day", "last_day")
    return _each(zip(*(plain(arrays[f"schedule_monthly_{name}"]) for name in names), strict=True), _monthly_gap)


def _monthly_gap(months: str | None, *which: Any) -> float:
    days = longest_days(months, *which)
    return _gap(months or "", MONTHS, _MONTH_H) if days is None else float(days * _DAY_H)


def _periodically(arrays: Mapping[str, Any]) -> np.ndarray:
    return _each(zip(*(plain(arrays[name]) for name in PERIOD_COLUMNS), strict=True), _periodic_gap)


def _periodic_gap(kind: Any, frequency: Any, minute: Any, days: str | None, hours: str | None) -> float:
    step = step_of(kind, frequency)
    allowed = hours_of(days, hours) or ALWAYS
    if step is None or allowed == ALWAYS or step > DAY_MIN:
        return math.nan if step is None else step / 60
    longest = longest_minutes(max(step, 1), minute or 0, np.array(allowed))
    return math.nan if longest is None else longest / 60


def _continuously(arrays: Mapping[str, Any]) -> np.ndarray:
    return _each(_windows(arrays, "schedule_continuously"), _denied)


def _windows(arrays: Mapping[str, Any], of: str) -> Iterable[tuple[Any, ...]]:
    return zip(*(plain(arrays[f"{of}_{part}"]) for part in ("days", "hours")), strict=True)


_WAYS: Final[Mapping[str, Callable[[Mapping[str, Any]], np.ndarray]]] = {
    "schedule_daily_enabled": _daily,
    "schedule_monthly_enabled": _monthly,
    "schedule_periodically_enabled": _periodically,
    "schedule_continuously_enabled": _continuously,
}


def _each(rows: Iterable[tuple[Any, ...]], hours: Callable[..., float]) -> np.ndarray:
    """`hours` of each row; equal rows are asked once."""
    listed = list(rows)
    known = {row: hours(*row) for row in dict.fromkeys(listed)}
    return np.array([known[row] for row in listed], dtype=float)


def _gap(chosen: str, circle: Sequence[str], step_h: int) -> float:
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
    usable = names.notna().to_numpy()
    targets = pd.Series(arrays["schedule_after_job_name"])
    before = pd.Index(names[usable]).get_indexer(pd.Index(targets))
    before = np.append(np.flatnonzero(usable), -1)[before]
    before[targets.isna().to_numpy()] = -1
    found = hours.copy()
    for _ in range(_LINKS):
        found = np.where(chained & (before >= 0), found[before], found)
    return found
