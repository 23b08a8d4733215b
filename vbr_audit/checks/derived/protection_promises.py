"""What the jobs of each protected object promise to keep, and how much of it is there."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_links import ANY_TIME, NEVER, Points
from vbr_audit.checks.logic.codes import codes_of, combined
from vbr_audit.checks.logic.three_valued import Cells, beside, surely, surely_not, texts
from vbr_audit.tables import schedule
from vbr_audit.tables.build.arrays import are_known, are_missing, micros, micros_of
from vbr_audit.tables.jobs.controls import support

_UNIT_DAYS: Final = {"Days": 1, "Months": 30, "Years": 365}


# Which long-term restore points (GFS) each protected object should have, and how many of them are not there.
#
# By the vendor's rules a weekly flag goes N × 7 days after its restore point was made, a monthly one after N months
# and a day, a yearly one after N years and a day. Each week, month and year needs a flagged full of its own, though
# one file may hold several flags. A period is owed if it began after the object's first restore point and after the
# first flagged one of its job: nothing else shows since when the job has promised it.

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
    absent = surely_not(support(jobs["settings_profile"], "gfs_enabled"))
    mine = judged(material, jobs, owners, count)
    open_[owners[mine & ~absent & are_missing(jobs["gfs_enabled"])]] = True
    for word, control, letter in LEVELS:
        switched = jobs["gfs_enabled"] & jobs[f"{control}_enabled"]
        on = surely(switched) & mine
        many = jobs[f"{control}_count"].to_numpy(dtype=float, na_value=np.nan)
        promised[owners[on]] = True
        open_[owners[mine & ~absent & are_missing(switched)]] = True
        open_[owners[on & np.isnan(many)]] = True
        asked = on[chains.unit] & ~np.isnan(many[chains.unit])
        kept = np.where(asked, np.nan_to_num(many[chains.unit]), 0).astype(np.int64)
        _count_level(
            material, chains, _flagged(material, points, chains, word, letter), letter, kept, missing, owed, open_
        )
    is_known = ~open_ | (missing > 0)
    return {
        "gfs_promised": pd.arrays.BooleanArray(promised, open_ & ~promised),
        "gfs_owed": pd.arrays.IntegerArray(owed, open_),
        "gfs_missing": pd.arrays.IntegerArray(missing, ~is_known),
    }


def judged(material: Material, jobs: pd.DataFrame, owners: Cells, count: int) -> Cells:
    """The rows of `backup_objects` by whose jobs an object is judged: those of listed jobs, where it has any.

    What a job that is gone, or a backup that was imported, has left of an object promises nothing beside them.
    """
    listed = are_known(jobs["job_id"])
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
    dated = (chain >= 0) & are_known(created)
    np.minimum.at(first, chain[dated], micros_of(created[dated]))
    unflagged = are_missing(points.periods.iloc[linked])
    blind[chain[unflagged & (chain >= 0)]] = True
    blind[of_unit[points.open_units & (of_unit >= 0)]] = True
    return _Chains(of_unit, unit, owners[unit], job[unit], first, blind)


def _flagged(material: Material, points: Points, chains: _Chains, word: str, letter: str) -> _Flagged:
    has = points.periods.str.contains(word, regex=False).fillna(False).to_numpy(dtype=bool)
    rows = np.flatnonzero(has & (points.unit >= 0) & are_known(points.frame["created"]))
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


_PROMISES: Final = (
    "job_id",
    "name",
    "type",
    "seen_in",
    "settings_profile",
    "expected_to_run",
    "retention_type",
    "retention_quantity",
    "start_interval_h",
    "schedule_continuously_enabled",
    "synthetic_fulls_enabled",
    "active_fulls_enabled",
    "source_job_ids",
    "primary_job_id",
    "gfs_enabled",
    *(f"{control}_{part}" for _, control, _ in LEVELS for part in ("enabled", "count")),
    *schedule.COLUMNS,
)
_DAY: Final = 86_400_000_000
_HOUR: Final = 3_600_000_000
_MOST_DAYS: Final = 36_500
_LOOK_BACK: Final = dt.timedelta(days=400)
"""Promises that reach further back are judged by their last days, so many."""
_EARLY: Final = 300_000_000
"""A point may bear an instant a little before the start that it belongs to, in microseconds."""


def jobs_of(material: Material, units: pd.DataFrame) -> pd.DataFrame:
    """What the backup and the job of each unit promise, on the index of `units`; NA where there is none."""
    known = material.frame("backups")[["backup_id", "name", "job_id", "job_type", "created"]]
    backups = beside(units["backup_id"], known, "backup_id")
    return beside(backups["job_id"], material.frame("jobs")[list(_PROMISES)], "job_id").assign(
        backup_created=backups["created"],
        backup_job_id=backups["job_id"],
        backup_name=backups["name"],
        job_type=backups["job_type"],
    )


def first_job(jobs: pd.DataFrame, owners: Cells, chosen: Cells, index: pd.RangeIndex) -> pd.Series:
    """The id of the job of each object, of several the first by name: the one at which a fault of it is mended."""
    names, ids, objects = jobs["name"].tolist(), jobs["backup_job_id"].tolist(), owners.tolist()
    first: dict[int, tuple[bool, str, str]] = {}
    for row in np.flatnonzero(chosen & (owners >= 0) & are_known(jobs["backup_job_id"])).tolist():
        nameless = names[row] is pd.NA
        own = nameless, "" if nameless else names[row], ids[row]
        first[objects[row]] = min(first.get(objects[row], own), own)
    cells = np.full(len(index), pd.NA, dtype=object)
    for owner, (_, _, job_id) in first.items():
        cells[owner] = job_id
    return texts(cells, index)


def _days(jobs: pd.DataFrame) -> Cells:
    """For how many days each job keeps its points; NaN where it does not count days, or that is not known."""
    quantity = jobs["retention_quantity"].to_numpy(dtype=float, na_value=np.nan)
    units = codes_of(jobs["retention_type"])
    days = units.spread((_UNIT_DAYS.get(unit, np.nan) for unit in units.texts.tolist()), float, missing=np.nan)
    kept: Cells = np.minimum(quantity * days, _MOST_DAYS)
    return kept


def kept_from(material: Material, units: pd.DataFrame, jobs: pd.DataFrame, points: Points) -> Cells:
    """The instant from which on each unit surely still has all of its restore points, in microseconds."""
    now = micros(material.now)
    kept = now - (np.nan_to_num(_days(jobs)) * _DAY).astype(np.int64)
    by_points = surely(jobs["retention_type"] == "RestorePoints")
    quantity = jobs["retention_quantity"].to_numpy(dtype=float, na_value=np.nan)
    short = ~points.periods.str.contains("ly", regex=False).fillna(False).to_numpy(dtype=bool)
    linked = (points.unit >= 0) & are_known(points.frame["created"]) & short
    unit, created = points.unit[linked], micros_of(points.frame["created"][linked])
    order = np.lexsort((-created, unit))
    place = pd.Series(unit[order]).groupby(unit[order]).cumcount().to_numpy()
    nth = place == quantity[unit[order]] - 1
    few = units["restore_points_count"].to_numpy(dtype=float, na_value=np.nan) < quantity
    kept[by_points & few] = NEVER
    chosen = nth & by_points[unit[order]]
    kept[unit[order][chosen]] = created[order][chosen]
    return kept


@dataclass(frozen=True, eq=False)
class _Due:
    """The due starts of the schedules of units: which schedule each unit has, -1 for one that could not be followed.

    `keys` are those of the starts, by schedule and second; `interval` is the longest pause in microseconds, which
    stands in for a schedule that starts after another job; NaN where it is not known or there is no pause.
    """

    which: Cells
    keys: Cells
    interval: Cells

    def place(self, unit: Cells, at: Cells) -> Cells:
        """How many due starts of all lie before each instant, those of earlier schedules included."""
        return np.asarray(np.searchsorted(self.keys, _key(self.which[unit], at), side="right"))

    def number(self, start: Cells, end: Cells) -> Cells:
        """How many starts were due after `start` and up to `end` of each unit; NaN where that is not known."""
        every = np.arange(len(self.which))
        exact = (self.place(every, end) - self.place(every, start)).astype(float)
        with np.errstate(invalid="ignore"):
            about = np.floor((end - start) / self.interval)
        return np.maximum(np.where(self.which >= 0, exact, about), 0)


def _key(which: Cells, at: Cells) -> Cells:
    return np.asarray((np.maximum(which, 0) << 34) + np.clip(at // 1_000_000, 0, (1 << 34) - 1))


def _due_starts(material: Material, jobs: pd.DataFrame) -> _Due:
    """The due starts of each unit's job over as long as any of them keeps its points."""
    settings = jobs[list(schedule.COLUMNS)]
    alike = combined([pd.factorize(settings[name].to_numpy(dtype=object))[0] for name in settings], len(jobs))
    first = np.unique(alike, return_index=True)[1]
    distinct = settings.iloc[first].reset_index(drop=True)
    days = _days(jobs)
    far = min(dt.timedelta(days=float(np.nanmax(days, initial=0)) + 1), _LOOK_BACK)
    last = material.now.astimezone(material.clock_zone).date()
    starts = schedule.due_starts(
        {name: distinct[name].array for name in schedule.COLUMNS},
        last - max(far, dt.timedelta(days=32)),
        last,
        material.clock_zone,
    )
    has = np.zeros(len(distinct), dtype=bool)
    has[starts.job] = True
    followed = has & np.asarray(starts.is_known, dtype=bool)
    hours = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    # How many runs a job makes that starts again as soon as it ends, its window does not report.
    counted = (hours > 0) & ~surely(jobs["schedule_continuously_enabled"])
    interval = np.where(counted, hours, np.nan) * _HOUR
    # A job that is switched off, or has no schedule, is due at no time.
    return _Due(np.where(followed[alike], alike, -1), (starts.job << 34) + starts.at, interval)


def retention_facts(
    material: Material, jobs: pd.DataFrame, points: Points, owners: Cells, seen: Cells, is_new: Cells
) -> dict[str, Any]:
    """`retention_due` and `kept_percent`: the least share of its promised restore points that one of its backups holds.

    Where the job counts days, the due starts of those days that have a point; where it counts points, the points that
    are not kept for the long term. Both since the first sign of the object: before it, nothing was promised. `seen`
    is that sign, a task of it among others, and `is_new` says that it came when its jobs were running already.
    """
    due = _due_starts(material, jobs)
    count, size = len(seen), len(jobs)
    first, last = _edges_of(points, size)
    mine = owners >= 0
    # A task speaks for one backup where the object has no other.
    alone = mine.copy()
    alone[mine] = np.bincount(owners[mine], minlength=count)[owners[mine]] == 1
    first[alone] = np.minimum(first[alone], seen[owners[alone]])
    now = np.full(size, micros(material.now), dtype=np.int64)
    # A job that does not run any more keeps what it had at its last point.
    idle = surely_not(jobs["expected_to_run"]) & (last > NEVER)
    now[idle] = np.minimum(now[idle], last[idle])
    by_points = surely(jobs["retention_type"] == "RestorePoints")
    share, reached = _by_days(jobs, points, due, first, now)
    other, there = _by_points(jobs, points, due, first, now)
    share, reached = np.where(by_points, other, share), np.where(by_points, there, reached)
    share[points.open_units & ~(share >= 100)] = np.nan
    came = np.zeros(size, dtype=bool)
    came[alone] = is_new[owners[alone]]
    reached = np.where(np.isnan(reached) & came, 0.0, np.where(first < ANY_TIME, reached, np.nan))
    counted = judged(material, jobs, owners, count) & (reached != 0)
    least = np.full(count, np.inf)
    np.fmin.at(least, owners[counted], share[counted])
    open_, due_at_all, unsure = (np.zeros(count, dtype=bool) for _ in range(3))
    open_[owners[counted & np.isnan(share)]] = True
    due_at_all[owners[counted & (reached == 1)]] = True
    unsure[owners[counted & np.isnan(reached)]] = True
    known = ~open_ & np.isfinite(least)
    return {
        "retention_due": pd.arrays.BooleanArray(due_at_all, unsure & ~due_at_all),
        "kept_percent": pd.arrays.FloatingArray(np.where(known, np.minimum(least, 100.0), 0.0), ~known),
    }


def _edges_of(points: Points, size: int) -> tuple[Cells, Cells]:
    """The oldest and the newest point of each unit."""
    linked = np.flatnonzero((points.unit >= 0) & are_known(points.frame["created"]))
    at = micros_of(points.frame["created"].iloc[linked])
    first, last = np.full(size, ANY_TIME, dtype=np.int64), np.full(size, NEVER, dtype=np.int64)
    np.minimum.at(first, points.unit[linked], at)
    np.maximum.at(last, points.unit[linked], at)
    return first, last


def _by_days(jobs: pd.DataFrame, points: Points, due: _Due, first: Cells, now: Cells) -> tuple[Cells, Cells]:
    """Per unit the share of due starts with a point since its first one; whether its retention reaches back to it.

    The second is 1 for yes, 0 for a backup that is younger itself, NaN for an object that came later, or lost points.
    """
    days = np.minimum(_days(jobs), _LOOK_BACK.days)
    begin = now - (np.nan_to_num(days) * _DAY).astype(np.int64)
    pause = np.nan_to_num(due.interval, nan=_DAY)
    start = np.maximum(begin, np.minimum(first, now) - _EARLY)
    # What a source made lately may not have been copied yet.
    end = np.maximum(now - (jobs[LAG].to_numpy(dtype=float) * _HOUR).astype(np.int64), start)
    owed, all_owed = due.number(start, end), due.number(begin, end)
    held = _served(points, due, start - _EARLY)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(owed > 0, held / owed * 100, np.where((owed == 0) & (held > 0), 100.0, np.nan))
        full = held / np.where(all_owed > 0, all_owed, np.nan) * 100
    share[np.isnan(days)] = np.nan
    born = np.where(are_missing(jobs["backup_created"]), NEVER, micros_of(jobs["backup_created"]))
    reaches = (first <= begin + pause + _DAY) | (full >= 100)
    young = (born > begin + pause) & (born > NEVER)
    return share, np.where(reaches, 1.0, np.where(young, 0.0, np.nan))


def _served(points: Points, due: _Due, start: Cells) -> Cells:
    """How many due starts of each unit have a point at or after `start`; points where the starts are not known."""
    linked = np.flatnonzero((points.unit >= 0) & are_known(points.frame["created"]))
    at, unit = micros_of(points.frame["created"].iloc[linked]), points.unit[linked]
    late = at >= start[unit]
    at, unit = at[late], unit[late]
    # Of several points between two due starts one counts; without those starts each stands for itself.
    slot = np.where(due.which[unit] >= 0, due.place(unit, at + _EARLY), np.arange(len(at)) + len(due.keys) + 1)
    single = pd.DataFrame({"unit": unit, "slot": slot}).drop_duplicates()["unit"].to_numpy(dtype=np.int64)
    return np.bincount(single, minlength=len(start)).astype(float)


def _by_points(jobs: pd.DataFrame, points: Points, due: _Due, first: Cells, now: Cells) -> tuple[Cells, Cells]:
    """Per unit the share of its promised short-term points, and whether it is old enough to have all of them."""
    size = len(jobs)
    quantity = np.minimum(jobs["retention_quantity"].to_numpy(dtype=float, na_value=np.nan), 10_000)
    linked = points.unit >= 0
    unit, periods = points.unit[linked], points.periods[linked]
    flagged = periods.str.contains("ly", regex=False).fillna(False).to_numpy(dtype=bool)
    plain = surely_not(jobs["gfs_enabled"])[unit]
    unsure = are_missing(periods) & ~plain
    long_term, unclear = (np.bincount(unit[chosen], minlength=size) for chosen in (flagged, unsure))
    short = np.bincount(unit, minlength=size) - long_term - unclear
    born = np.where(are_missing(jobs["backup_created"]), NEVER, micros_of(jobs["backup_created"]))
    with np.errstate(invalid="ignore", divide="ignore"):
        # The first point came of a start before it.
        made = due.number(np.minimum(first, now), now) + 1 - long_term
        enough = np.where(short >= quantity, quantity, np.minimum(quantity, np.maximum(made, 1)))
        share = short / enough * 100
        share[(share < 100) & (unclear > 0)] = np.nan
        young = born > now - quantity * np.nan_to_num(due.interval, nan=0)
        reached = np.where((short >= quantity) | (made >= quantity), 1.0, np.where(young, 0.0, np.nan))
    return share, reached


# The pace of copies: a copy job makes no more restore points of an object than the job makes that it copies.

LAG: Final = "lag_h"
"""The column of hours that the newest points of a source may still be without their copy."""


def at_the_pace_of_sources(jobs: pd.DataFrame, owners: Cells, is_copy: pd.Series) -> pd.DataFrame:
    """`jobs` of units, with the schedule of the source for each copy that starts more often than it, and with `LAG`.

    A copy that runs all the time copies what comes, and a daily one of a job that rests at weekends has nothing to copy
    then. Of several sources of one object that counts which starts most often; where the copy does not report its
    sources, that which starts most rarely. Without a source, the copy keeps its own.
    """
    hours = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    place = _source_of(jobs, owners, surely(is_copy), surely_not(is_copy), hours)
    with np.errstate(invalid="ignore"):
        slower = (place >= 0) & (hours < hours[place])
    at = np.where(slower, place, np.arange(len(jobs)))
    settings = ("start_interval_h", "schedule_continuously_enabled", *schedule.COLUMNS)
    columns = {name: jobs[name].array.take(at) for name in settings}
    return jobs.assign(**columns, **{LAG: np.where(slower, hours[place], 0.0)})


def _source_of(jobs: pd.DataFrame, owners: Cells, copies: Cells, others: Cells, hours: Cells) -> Cells:
    """The unit of the same object that each copy is a copy of; -1 for none."""
    place = np.full(len(jobs), -1, dtype=np.int64)
    made = np.flatnonzero(copies & (owners >= 0))
    sources = np.flatnonzero(others & (owners >= 0) & (hours > 0) & surely(jobs["expected_to_run"]))
    if not len(made) or not len(sources):
        return place
    reported = jobs["source_job_ids"].iloc[made].fillna(jobs["primary_job_id"].iloc[made])
    names, texts = pd.factorize(reported.to_numpy(dtype=object))
    job, ids = pd.factorize(jobs["job_id"].iloc[sources].to_numpy(dtype=object))
    pairs = pd.DataFrame({"owner": owners[made], "copy": made, "names": names}).merge(
        pd.DataFrame({"owner": owners[sources], "source": sources, "job": job}), on="owner"
    )
    wanted = [set(str(text).split(",")) for text in texts]
    alike = pairs[["names", "job"]].drop_duplicates().to_numpy().tolist()
    fits = [(name, one) for name, one in alike if name < 0 or ids[one] in wanted[name]]
    pairs = pairs.merge(pd.DataFrame(fits, columns=["names", "job"], dtype=np.int64), on=["names", "job"])
    pace = hours[pairs["source"]] * np.where(pairs["names"] < 0, -1, 1)
    first = pairs.assign(pace=pace).sort_values(["copy", "pace"], kind="stable").drop_duplicates("copy")
    place[first["copy"]] = first["source"]
    return place
