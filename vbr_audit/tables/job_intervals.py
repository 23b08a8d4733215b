"""How long the schedule of a job lets pass between two starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.display import MONTHS
from vbr_audit.tables.words import WEEK

_DAY_H: Final = 24
_MONTH_H: Final = 31 * _DAY_H
_UNIT_H: Final = {"Seconds": 1 / 3600, "Minutes": 1 / 60, "Hours": 1.0, "Days": 24.0}
_DAILY_H: Final = {"Everyday": _DAY_H, "WeekDays": 3 * _DAY_H}
_LINKS: Final = 10
"""How many jobs may start one another in turn and still be followed."""


def start_intervals(arrays: Mapping[str, Any], *, always_runs: Any) -> pd.api.extensions.ExtensionArray:
    """The longest time in hours between two starts of each job of one server, as `Int64`.

    `arrays` holds the columns of `jobs`. Of several kinds of schedule the most frequent counts. A job that runs after
    another has the interval of that one, found by its name. NA where no enabled kind tells, or none is surely enabled;
    0 for the jobs that surely need no schedule, by the nullable boolean `always_runs`.
    """
    hours = np.where(always_runs.to_numpy(dtype=bool, na_value=False), 0.0, np.nan)
    for switch, column in _WAYS.items():
        enabled = pd.Series(arrays[switch]).fillna(False).to_numpy(dtype=bool)
        hours[enabled] = np.fmin(hours[enabled], column(arrays)[enabled])
    hours = _followed(hours, arrays)
    unknown = np.isnan(hours)
    return pd.arrays.IntegerArray(np.ceil(np.where(unknown, 0, hours)).astype(np.int64), unknown)


def _daily(arrays: Mapping[str, Any]) -> np.ndarray:
    days = pd.Series(arrays["schedule_daily_days"]).fillna("")
    return _each(zip(arrays["schedule_daily_kind"], days, strict=True), _daily_gap)


def _daily_gap(kind: str, days: str) -> float:
    return _gap(days, WEEK, _DAY_H) if kind == "SelectedDays" else _DAILY_H.get(kind, math.nan)


def _monthly(arrays: Mapping[str, Any]) -> np.ndarray:
    return _each(((months,) for months in arrays["schedule_monthly_months"]), lambda text: _gap(text, MONTHS, _MONTH_H))


def _periodically(arrays: Mapping[str, Any]) -> np.ndarray:
    pairs = zip(arrays["schedule_periodically_kind"], arrays["schedule_periodically_frequency"], strict=True)
    return _each(pairs, lambda kind, count: _UNIT_H[kind] * count if kind in _UNIT_H and count > 0 else math.nan)


def _continuously(arrays: Mapping[str, Any]) -> np.ndarray:
    return np.zeros(len(arrays["name"]))


_WAYS: Final[Mapping[str, Callable[[Mapping[str, Any]], np.ndarray]]] = {
    "schedule_daily_enabled": _daily,
    "schedule_monthly_enabled": _monthly,
    "schedule_periodically_enabled": _periodically,
    "schedule_continuously_enabled": _continuously,
}


def _each(rows: Iterable[tuple[Any, ...]], hours: Callable[..., float]) -> np.ndarray:
    """`hours` of each row, NaN where a value is NA; equal rows are asked once."""
    listed = list(rows)
    known = {row: math.nan if any(value is pd.NA for value in row) else hours(*row) for row in dict.fromkeys(listed)}
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
