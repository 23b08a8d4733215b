"""Which long-term restore points (GFS) each protected object should have, and how many of them are not there.

By the vendor's rules a weekly flag goes N × 7 days after its restore point was made, a monthly one after N months and
a day, a yearly one after N years and a day. Each week, month and year needs a flagged full of its own, though one file
may hold several flags. A period is owed if it began after the object's first restore point and after the first flagged
one of its job: nothing else shows since when the job has promised it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_links import ANY_TIME, Points, micros_of
from vbr_audit.checks.logic.codes import codes_of, combined
from vbr_audit.checks.logic.three_valued import Cells, surely
from vbr_audit.tables.jobs.controls import support

LEVELS: Final = (("Weekly", "gfs_weekly", "W"), ("Monthly", "gfs_monthly", "M"), ("Yearly", "gfs_yearly", "Y"))
_SPARE: Final = dt.timedelta(days=7)
"""A long-term point may be made some days late, when the full of its day failed."""
_MOST_PERIODS: Final = 130


@dataclass(frozen=True, eq=False)
class _Chains:
    """What one job has made of one object, over all of its backups: arrays over these pairs.

    `unit` is the pair's first row of `backup_objects`; `of_unit` gives the pair of each row, -1 for none.
    """

    of_unit: Cells
    unit: Cells
    owner: Cells
    job: Cells
    first: Cells
    blind: Cells


@dataclass(frozen=True, eq=False)
class _Flagged:
    """The restore points of one level: their pairs, and the number of the period that each was made in."""

    chain: Cells
    period: Cells
    at: Cells


def gfs_facts(material: Material, jobs: pd.DataFrame, points: Points, owners: Cells, count: int) -> dict[str, Any]:
    """`gfs_promised`, `gfs_owed` and `gfs_missing`: how many finished weeks, months and years lack their point."""
    chains = _chains_of(jobs, points, owners)
    missing, owed = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    open_, promised = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    absent = surely(~support(jobs["settings_profile"], "gfs_enabled"))
    mine = judged(material, jobs, owners, count)
    open_[owners[mine & ~absent & jobs["gfs_enabled"].isna().to_numpy()]] = True
    for word, control, letter in LEVELS:
        switched = jobs["gfs_enabled"] & jobs[f"{control}_enabled"]
        on = surely(switched) & mine
        many = jobs[f"{control}_count"].to_numpy(dtype=float, na_value=np.nan)
        promised[owners[on]] = True
        open_[owners[mine & ~absent & switched.isna().to_numpy()]] = True
        open_[owners[on & np.isnan(many)]] = True
        asked = on[chains.unit] & ~np.isnan(many[chains.unit])
        kept = np.where(asked, np.nan_to_num(many[chains.unit]), 0).astype(np.int64)
        _count_level(
            material, chains, _flagged(material, points, chains, word, letter), letter, kept, missing, owed, open_
        )
    told = ~open_ | (missing > 0)
    return {
        "gfs_promised": pd.arrays.BooleanArray(promised, open_ & ~promised),
        "gfs_owed": pd.arrays.IntegerArray(owed, open_),
        "gfs_missing": pd.arrays.IntegerArray(missing, ~told),
    }


def judged(material: Material, jobs: pd.DataFrame, owners: Cells, count: int) -> Cells:
    """The rows of `backup_objects` by whose jobs an object is judged: those of listed jobs, where it has any.

    What a job that is gone, or a backup that was imported, has left of an object promises nothing beside them.
    """
    listed = jobs["job_id"].notna().to_numpy()
    has = np.zeros(count, dtype=bool)
    has[owners[listed & (owners >= 0)]] = True
    return (owners >= 0) & (listed | ~has[owners] | (not material.is_whole("jobs")))


def _chains_of(jobs: pd.DataFrame, points: Points, owners: Cells) -> _Chains:
    job = codes_of(jobs["backup_job_id"]).rows
    usable = (owners >= 0) & (job >= 0)
    of_unit = np.full(len(owners), -1, dtype=np.int64)
    of_unit[usable] = pd.factorize(combined([owners[usable], job[usable]], int(usable.sum())))[0]
    unit = np.unique(of_unit, return_index=True)[1][1 if (of_unit < 0).any() else 0 :]
    first = np.full(len(unit), ANY_TIME, dtype=np.int64)
    blind = np.zeros(len(unit), dtype=bool)
    linked = np.flatnonzero(points.unit >= 0)
    chain = of_unit[points.unit[linked]]
    created = points.frame["created"].iloc[linked]
    dated = (chain >= 0) & created.notna().to_numpy()
    np.minimum.at(first, chain[dated], micros_of(created[dated]))
    unflagged = points.periods.iloc[linked].isna().to_numpy()
    blind[chain[unflagged & (chain >= 0)]] = True
    blind[of_unit[points.open_units & (of_unit >= 0)]] = True
    return _Chains(of_unit, unit, owners[unit], job[unit], first, blind)


def _flagged(material: Material, points: Points, chains: _Chains, word: str, letter: str) -> _Flagged:
    has = points.periods.str.contains(word, regex=False).fillna(False).to_numpy(dtype=bool)
    rows = np.flatnonzero(has & (points.unit >= 0) & points.frame["created"].notna().to_numpy())
    chain = chains.of_unit[points.unit[rows]]
    rows, chain = rows[chain >= 0], chain[chain >= 0]
    created = points.frame["created"].iloc[rows]
    local = created.dt.tz_convert(material.clock_zone).dt.tz_localize(None)
    period = pd.PeriodIndex(local, freq=letter).asi8 if len(rows) else np.zeros(0, dtype=np.int64)
    return _Flagged(chain, np.asarray(period), micros_of(created))


def _count_level(
    material: Material,
    chains: _Chains,
    flagged: _Flagged,
    letter: str,
    kept: Cells,
    missing: Cells,
    owed: Cells,
    open_: Cells,
) -> None:
    """Add to `missing` and `owed` what each pair of a job and an object lacks of one level, and mark what is open."""
    begun = np.full(chains.job.max(initial=-1) + 1, ANY_TIME, dtype=np.int64)
    np.minimum.at(begun, chains.job[flagged.chain], flagged.at)
    # Where no flagged point shows since when the job has kept them, only this is known: the period was not promised.
    known_from = begun[chains.job] if len(begun) else np.zeros(0, dtype=np.int64)
    maybe, sure = np.zeros(len(kept), dtype=bool), np.zeros(len(kept), dtype=bool)
    for period in _finished(material, letter, int(kept.max(initial=0))):
        start = _micros(material, period.start_time)
        stop = _micros(material, (period + 1).start_time)
        asked = (kept > 0) & (chains.first <= start) & _still_kept(material, period, letter, kept)
        demanded = asked & (known_from <= start)
        maybe |= asked
        sure |= demanded
        own = np.bincount(flagged.chain[flagged.period == period.ordinal], minlength=len(kept))
        late = flagged.period == period.ordinal + 1
        after = np.bincount(flagged.chain[late], minlength=len(kept))
        in_time = np.bincount(
            flagged.chain[late & (flagged.at < stop + _SPARE // dt.timedelta(microseconds=1))], minlength=len(kept)
        )
        lacking = demanded & (own == 0) & ~((after > 1) & (in_time > 0))
        np.add.at(owed, chains.owner[demanded], 1)
        np.add.at(missing, chains.owner[lacking & ~chains.blind], 1)
        open_[chains.owner[lacking & chains.blind]] = True
    open_[chains.owner[(maybe & ~sure) | ((kept > 0) & ~maybe & chains.blind)]] = True


def _still_kept(material: Material, period: pd.Period, letter: str, kept: Cells) -> Cells:
    """Whether a flag of the first day of `period` would still be there: a later one of it goes later."""
    now = pd.Timestamp(material.now).tz_convert(material.clock_zone).tz_localize(None)
    values, places = np.unique(kept, return_inverse=True)
    alive = []
    for number in values.tolist():
        offset = {
            "W": pd.DateOffset(days=7 * number),
            "M": pd.DateOffset(months=number, days=1),
            "Y": pd.DateOffset(years=number, days=1),
        }[letter]
        alive.append(period.start_time + offset > now)
    return np.array(alive, dtype=bool)[places]


def _finished(material: Material, letter: str, many: int) -> list[pd.Period]:
    """The finished weeks, months or years before now, the newest first."""
    today = pd.Timestamp(material.now).tz_convert(material.clock_zone).tz_localize(None).to_period(letter)
    return [today - back for back in range(1, min(many, _MOST_PERIODS) + 1)]


def _micros(material: Material, moment: pd.Timestamp) -> int:
    instant = moment.tz_localize(material.clock_zone, nonexistent="shift_forward", ambiguous=True)
    return int(instant.value // 1000)
