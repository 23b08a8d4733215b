"""Whether what lies on a repository holds today's data: the newest restore point of each row of `backup_objects`.

A chain that ended is no copy of what the object holds now, however long it is kept.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_links import Points
from vbr_audit.checks.logic.dates import LEEWAY
from vbr_audit.checks.logic.three_valued import Cells, nullable, surely

_HOUR: Final = 3_600_000_000
_SLACK_H: Final = 24
"""How much later than its interval says the newest restore point may be: a run takes its time, and may be repeated."""
_RECENT: Final = 8
"""Number of the newest restore points that tell how often a chain grows, where no schedule does: a week of days."""
_LONGEST_H: Final = 366 * 24
"""No schedule rests for longer than a year."""


@dataclass(frozen=True, eq=False)
class Chains:
    """The newest restore point of each unit, in microseconds.

    `fresh` says whether it is of today's data (nullable boolean), `known` whether there is any that is known at all,
    `is_last` that no newer one can be there, `long_term` that a restore point of it is kept for the long term, or may.
    """

    fresh: pd.Series
    known: Cells
    latest: Cells
    is_last: Cells
    long_term: Cells


def chains_of(material: Material, jobs: pd.DataFrame, points: Points, owners: Cells, is_copy: pd.Series) -> Chains:
    """What the newest restore point of each unit tells.

    `jobs` and `is_copy` are on the units. The newest point may be as old as the longest time between two starts of the
    unit's job, else between its newest points, and a day more; that of a copy as much older as its source may rest.
    And it may lag no more than its own time behind the newest point of the same object, wherever that lies.
    """
    count = len(owners)
    unit, at = _points(material, points)
    known = np.bincount(unit, minlength=count) > 0
    own = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    own = np.where(np.isnan(own), _pauses(unit, at, count), own)
    latest = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(latest, unit, at)
    size = int(owners.max(initial=-1)) + 1
    newest, rest = np.full(size, np.iinfo(np.int64).min), np.zeros(size)
    np.maximum.at(newest, owners[owners >= 0], latest[owners >= 0])
    primary = surely(~is_copy) & (owners >= 0)
    np.fmax.at(rest, owners[primary], own[primary])
    now = (material.now - _EPOCH) // dt.timedelta(microseconds=1)
    source = np.where(primary | (owners < 0), 0, np.append(rest, 0)[owners])
    age = np.where(known, (now - np.where(known, latest, now)) / _HOUR, np.inf)
    lag = np.where(known & (owners >= 0), (np.append(newest, now)[owners] - np.where(known, latest, now)) / _HOUR, 0)

    def within(interval: Cells) -> Cells:
        return np.asarray((age <= interval + source + _SLACK_H) & (lag <= interval + _SLACK_H))

    yes = within(np.nan_to_num(own, nan=0.0))
    maybe = known & within(np.nan_to_num(own, nan=float(_LONGEST_H)))
    fresh = nullable(yes, ~yes & (maybe | points.open_units), jobs.index)
    return Chains(fresh, known, latest, points.doubt <= latest, _kept_long(points, jobs, count))


def _kept_long(points: Points, jobs: pd.DataFrame, count: int) -> Cells:
    """The units with a restore point of a weekly, monthly or yearly period, or of which that is not known."""
    flagged = points.periods.str.contains("ly", regex=False).fillna(False).to_numpy(dtype=bool)
    unsure = points.periods.isna().to_numpy() & ~np.append(surely(~jobs["gfs_enabled"]), False)[points.unit]
    chosen = (points.unit >= 0) & (flagged | unsure)
    return np.bincount(points.unit[chosen], minlength=count) > 0


_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _points(material: Material, points: Points) -> tuple[Cells, Cells]:
    """The unit and the instant, in microseconds, of each restore point that belongs to one and can be believed."""
    created = points.frame["created"]
    future = (created > pd.Timestamp(material.now) + LEEWAY).to_numpy(dtype=bool)
    usable = (points.unit >= 0) & created.notna().to_numpy() & ~future
    micros = created.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    return points.unit[usable], micros[usable]


def _pauses(unit: Cells, at: Cells, count: int) -> Cells:
    """The longest time in hours between two of the newest restore points of each unit; NaN for fewer than two."""
    order = np.lexsort((-at, unit))
    unit, at = unit[order], at[order]
    place = np.arange(len(unit)) - np.searchsorted(unit, unit)
    paired = (place > 0) & (place < _RECENT)
    found = np.full(count, np.nan)
    rows = np.flatnonzero(paired)
    np.fmax.at(found, unit[rows], (at[rows - 1] - at[rows]) / _HOUR)
    return found
