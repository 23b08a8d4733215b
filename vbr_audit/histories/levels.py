"""A series of measurements with its lasting jumps, and the slope of what comes after the last one.

Times are in days, in ascending order and each only once. A jump is a shift of the level that stays: the medians of two
weeks before and after it differ by far more than the series scatters within them. A weekly sawtooth has equal medians
on both sides, and a spike does not move them. Shifts that come back regularly are the rhythm of a longer retention, and
a shift that is undone within four weeks was a spike: neither counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vbr_audit.errors import ConfigurationError

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

CONFIDENCE: Final = 0.95
_REACH: Final = 14.0
"""So many days before and after a place are compared."""
_LEAST: Final = 4
"""So many samples on each side they have to contain."""
_WEEK: Final = 6.5
"""A week, for samples that are not taken at the same minute."""
_TIMES: Final = 4.0
"""A jump is so many times as large as the scatter on the noisier of its sides."""
_APART: Final = 10.0
"""Two jumps are at least so many days apart."""
_UNDONE: Final = 28.0
"""A jump that is undone within so many days was a spike."""
_SIGMA: Final = 0.8693
"""What makes the upper quartile of absolute deviations a standard deviation."""
_DEVIATION: Final = 1.4826
"""What makes the median of absolute deviations a standard deviation."""
_ENDS: Final = (np.floor, np.ceil)
_WIDER: Final = 1.2
"""Every interval is wider than that of independent samples, by this at least: samples of one disk never are."""
_LAGS: Final = 13
"""Samples of so many days depend on each other; two weeks, so that a weekly rhythm cancels itself out."""


@dataclass(frozen=True)
class Jump:
    """A shift of the level by `size`; `start` is the place of the first sample after it."""

    start: int
    size: float


@dataclass(frozen=True)
class Line:
    """The Theil-Sen line through samples: `slope` per day with its interval, and the value at time 0."""

    slope: float
    low: float
    high: float
    at_zero: float

    def at(self, times: Any) -> Any:
        """The value at a time, or the values at several."""
        return self.at_zero + self.slope * times

    @property
    def rises(self) -> bool:
        """Whether all of its interval is above zero."""
        return self.low > 0

    def lies_apart_from(self, other: Line) -> bool:
        """Whether the two intervals have no slope in common."""
        return self.low > other.high or self.high < other.low


@dataclass(frozen=True)
class Jumps:
    """The jumps that last, in order, and the days between shifts that come back regularly, None without such."""

    lasting: tuple[Jump, ...] = ()
    rhythm: float | None = None


def lasting_jumps(times: Floats, values: Floats, least: float) -> Jumps:
    """The jumps of a series that are larger than `least` and than its scatter, without rhythm and spikes."""
    found = _shifts(times, values, least)
    rhythm = None
    for sign in (-1.0, 1.0):
        same = [jump for jump in found if jump.size * sign > 0]
        period = _period(same, times)
        if period is not None:
            found = [jump for jump in found if jump not in same]
            rhythm = max(rhythm or 0.0, period)
    lasting: list[Jump] = []
    for jump in found:
        if lasting and _undoes(jump, lasting[-1], times):
            lasting.pop()
        else:
            lasting.append(jump)
    return Jumps(tuple(jump for jump in lasting if not _passes(jump, times, values)), rhythm)


def early_drop(values: Floats, least: float) -> int:
    """The place after a drop that has too few samples before it to be compared on both sides; 0 without one."""
    steps = np.diff(values)
    place = int(np.argmin(steps[: _LEAST - 1])) + 1
    level = values - float(np.median(steps)) * np.arange(len(values))
    fall = float(np.median(level[:place]) - np.median(level[place : place + _LEAST]))
    return place if fall > max(2 * _TIMES * _noise(steps), least) else 0


def line_through(times: Floats, values: Floats) -> Line:
    """The Theil-Sen line, its interval widened by how much neighbouring residuals depend on each other."""
    slope, _, low, high = demand_scipy().theilslopes(values, times, CONFIDENCE)
    residuals = values - slope * times
    wider = _widening(residuals)
    return Line(
        float(slope),
        float(slope - (slope - low) * wider),
        float(slope + (high - slope) * wider),
        float(np.median(residuals)),
    )


def demand_scipy() -> Any:
    """`scipy.stats`; raises `ConfigurationError` where it is not installed."""
    try:
        from scipy import stats
    except ImportError as error:
        raise ConfigurationError(
            f"days to full need the package {error.name}", hint="Install it with: pip install 'vbr-audit[history]'"
        ) from None
    return stats


def _widening(residuals: Floats) -> float:
    """The square root by which dependent samples count less than independent ones, from their autocorrelation."""
    centred = residuals - residuals.mean()
    total = float(centred @ centred)
    if total <= 0:
        return _WIDER
    lags = range(1, min(_LAGS, len(centred) // 4) + 1)
    related = sum(float(centred[lag:] @ centred[:-lag]) for lag in lags) / total
    return _WIDER * math.sqrt(max(1.0, 1.0 + 2.0 * related))


def _shifts(times: Floats, values: Floats, least: float) -> list[Jump]:
    """Every shift of the level, in order."""
    if len(times) < 2 * _LEAST:
        return []
    size, scatter, slope, wide = _steps(times, values)
    if not wide.any():
        return []
    limit = np.maximum(_TIMES * np.maximum(scatter, _usual_scatter(values, scatter[wide])), least)
    score = np.where(wide, np.abs(size) / limit, 0.0)
    middle = (times[:-1] + times[1:]) / 2
    rise = np.diff(values) - slope * np.diff(times)
    jumps = []
    while score.max() > 1:
        best = int(score.argmax())
        sign = np.sign(size[best])
        near = np.flatnonzero(np.abs(middle - middle[best]) < _WEEK)
        place = int(near[(rise[near] * sign).argmax()])
        if wide[place]:
            jumps.append(Jump(place + 1, float(size[best])))
        score[np.abs(middle - middle[best]) < _APART] = 0.0
    return sorted(jumps, key=lambda jump: jump.start)


def _usual_scatter(values: Floats, scatters: Floats) -> float:
    """How much the series scatters where nothing happens.

    Of few samples most windows contain the jump that is looked for: then the differences between neighbours tell it.
    """
    return min(float(np.median(scatters)), 2 * _noise(np.diff(values)))


def _noise(steps: Floats) -> float:
    """The standard deviation of a sample, from the differences between neighbours."""
    return _DEVIATION * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)


def _steps(times: Floats, values: Floats) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """Between each sample and the next: the shift of the level, the scatter and the slope around, and whether the
    samples on both sides span a week.

    The slope is the median over pairs of samples of one side that are a week apart, so that it is that of the
    series, and not that of one tooth of a saw.
    """
    before = np.arange(len(times) - 1)
    first = np.minimum(np.searchsorted(times, times[:-1] - _REACH, side="right"), np.maximum(before + 1 - _LEAST, 0))
    last = np.maximum(np.searchsorted(times, times[1:] + _REACH) - 1, np.minimum(before + _LEAST, len(times) - 1))
    middle = (times[:-1] + times[1:]) / 2
    slope = _slopes_around(times, values, first, last)
    levels, scatters = [], []
    for low, high in ((first, before), (before + 1, last)):
        flat = _windows(values, low, high) - slope[:, None] * (_windows(times, low, high) - middle[:, None])
        levels.append(_quantiles(flat, 0.5))
        scatters.append(_SIGMA * _quantiles(np.abs(flat - levels[-1][:, None]), 0.75))
    wide = (before + 1 - first >= _LEAST) & (last - before >= _LEAST)
    wide &= (middle - times[first] >= _WEEK) & (times[last] - middle >= _WEEK)
    return levels[1] - levels[0], np.maximum(*scatters), slope, wide


def _slopes_around(times: Floats, values: Floats, first: Indices, last: Indices) -> Floats:
    """The slope around each place, of pairs of samples that are a week apart and on one side of it; 0 without any."""
    slopes, partner = _weekly_slopes(times, values)
    place = np.arange(len(first))[:, None]
    window = first[:, None] + np.arange(int((last - first).max()) + 1)[None, :]
    within = np.minimum(window, len(times) - 1)
    one_side = np.where(window <= place, partner[within] >= first[:, None], partner[within] > place)
    chosen = np.where(one_side & (window <= last[:, None]), slopes[within], np.nan)
    return np.nan_to_num(_quantiles(chosen, 0.5))


def _weekly_slopes(times: Floats, values: Floats) -> tuple[Floats, Indices]:
    """The slope from a sample a week earlier to each, NaN where there is none, and the place of that earlier one."""
    partner = np.searchsorted(times, times - _WEEK, side="right") - 1
    paired = partner >= 0
    slopes = np.full(len(times), np.nan)
    slopes[paired] = (values[paired] - values[partner[paired]]) / (times[paired] - times[partner[paired]])
    return slopes, partner


def _windows(values: Floats, first: Indices, last: Indices) -> Floats:
    """For each place the values from `first` to `last`, one row each, filled up with NaN."""
    place = first[:, None] + np.arange(int((last - first).max()) + 1)[None, :]
    rows: Floats = values[np.minimum(place, len(values) - 1)]
    rows[place > last[:, None]] = np.nan
    return rows


def _quantiles(rows: Floats, share: float) -> Floats:
    """The quantile of what is known in each row, between two values their mean; NaN for a row of which nothing is."""
    ordered = np.sort(rows, axis=1)  # NaN comes last
    place = (np.isfinite(rows).sum(axis=1) - 1) * share
    ends = [np.take_along_axis(ordered, np.maximum(end(place), 0).astype(int)[:, None], axis=1) for end in _ENDS]
    return np.asarray((ends[0] + ends[1])[:, 0] / 2)


def _period(jumps: Sequence[Jump], times: Floats) -> float | None:
    """The days between shifts of one direction that come back regularly and are of one size; None if they do not."""
    if len(jumps) < 3:
        return None
    gaps = np.diff([times[jump.start] for jump in jumps])
    sizes = [abs(jump.size) for jump in jumps]
    quiet = times[-1] - times[jumps[-1].start]
    regular = gaps.max() <= 1.6 * gaps.min() and quiet <= 1.6 * gaps.max() and max(sizes) <= 2.5 * min(sizes)
    return float(np.median(gaps)) if regular else None


def _undoes(jump: Jump, earlier: Jump, times: Floats) -> bool:
    """Whether `jump` leads back to where the level was before `earlier`."""
    soon = times[jump.start] - times[earlier.start] <= _UNDONE
    return bool(soon and jump.size * earlier.size < 0 and 0.6 <= abs(jump.size / earlier.size) <= 1.6)


def _passes(jump: Jump, times: Floats, values: Floats) -> bool:
    """Whether the level two to five weeks before is that of the time after, or the other way round: a long spike."""
    since = times - times[jump.start]
    levels = values - np.nan_to_num(np.nanmedian(_weekly_slopes(times, values)[0])) * since
    far = _UNDONE + _WEEK
    most = 0.4 * max(abs(jump.size), abs(levels[jump.start] - levels[jump.start - 1]))
    sides = ((since < 0) & (since > -_REACH), (since >= 0) & (since < _REACH))
    for near, beyond in (
        (sides[1], (since <= -_REACH) & (since > -far)),
        (sides[0], (since >= _REACH) & (since < far)),
    ):
        if beyond.sum() >= _LEAST and abs(np.median(levels[near]) - np.median(levels[beyond])) < most:
            return True
    return False
