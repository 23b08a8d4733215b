"""What the jobs of each protected object promise to keep, and how much of it is there."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.codes import codes_of, matches
from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_points import Points, gaps_of
from vbr_audit.checks.logic import Cells, beside, surely, surely_one
from vbr_audit.tables.controls import support

_UNIT_DAYS: Final = {"Days": 1, "Months": 30, "Years": 365}
_LEVELS: Final = (("Weekly", "gfs_weekly", "W"), ("Monthly", "gfs_monthly", "M"), ("Yearly", "gfs_yearly", "Y"))
_PROMISES: Final = (
    "job_id",
    "name",
    "type",
    "settings_profile",
    "retention_type",
    "retention_quantity",
    "start_interval_h",
    "gfs_enabled",
    *(f"{control}_{part}" for _, control, _ in _LEVELS for part in ("enabled", "count")),
)
_SPARE: Final = dt.timedelta(days=7)
"""A long-term point may be made some days late, when the full of its day failed."""


def jobs_of(material: Material, units: pd.DataFrame) -> pd.DataFrame:
    """What the backup and the job of each unit promise, on the index of `units`; NA where there is none."""
    known = material.frame("backups")[["backup_id", "job_id", "job_type", "created"]]
    backups = beside(units["backup_id"], known, "backup_id")
    return beside(backups["job_id"], material.frame("jobs")[list(_PROMISES)], "job_id").assign(
        backup_created=backups["created"], backup_job_id=backups["job_id"], job_type=backups["job_type"]
    )


def retention_facts(
    material: Material, units: pd.DataFrame, jobs: pd.DataFrame, points: Points, owners: Cells, count: int
) -> dict[str, Any]:
    """`kept_percent`: the least share of its promised restore points that one of its backups holds.

    Where the job counts points, their number; where it counts days, how far back the points within those days reach.
    Only backups older than the promise count; NA where one of them is not clear. A job that starts less than once a
    day, by what is known of its schedule, has as much longer to make its points, and its oldest may be as much younger.
    """
    kind, quantity = jobs["retention_type"], jobs["retention_quantity"]
    days = (quantity * kind.map(_UNIT_DAYS).astype("Int64")).astype("Float64")
    by_points = surely(kind == "RestorePoints")
    interval = np.maximum(jobs["start_interval_h"].to_numpy(dtype=float, na_value=0) / 24, 1)
    now = pd.Timestamp(material.now)
    age = ((now - jobs["backup_created"]).dt.total_seconds() / 86400).astype("Float64")
    limit = days.to_numpy(dtype=float, na_value=-1.0)
    linked = points.unit >= 0
    unit, created = points.unit[linked], points.frame["created"][linked]
    ages = ((now - created).dt.total_seconds() / 86400).to_numpy(dtype=float)
    reach = np.zeros(len(units))
    inside = ages <= limit[unit] + 1
    np.maximum.at(reach, unit[inside], ages[inside])
    reach = np.where(reach > 0, np.minimum(reach + interval - 1, np.maximum(limit, reach)), 0)
    held = np.where(by_points, units["restore_points_count"].to_numpy(dtype=float, na_value=np.nan), reach)
    promised = np.where(by_points, quantity.to_numpy(dtype=float, na_value=np.nan), np.where(limit > 0, limit, np.nan))
    unclear = points.open_units & ~by_points
    share = np.where(unclear, np.nan, held / np.where(promised > 0, promised, np.nan) * 100)
    due = (age >= days.fillna(quantity.astype("Float64") * interval)).astype("boolean")
    counted = ~surely(~due) & (owners >= 0)
    share = np.where(due.isna().to_numpy(), np.nan, share)
    least = np.full(count, np.inf)
    np.fmin.at(least, owners[counted], share[counted])
    open_ = np.zeros(count, dtype=bool)
    open_[owners[counted & np.isnan(share)]] = True
    any_due = np.zeros(count, dtype=bool)
    any_due[owners[counted]] = True
    known = ~open_ & np.isfinite(least)
    percent = pd.arrays.FloatingArray(np.where(known, np.minimum(least, 100.0), 0.0), ~known)
    return {"retention_due": pd.array(any_due, dtype="boolean"), "kept_percent": percent}


def gap_facts(
    material: Material, units: pd.DataFrame, jobs: pd.DataFrame, points: Points, owners: Cells, count: int
) -> dict[str, Any]:
    """`longest_gap_h` and `gaps_h` of the period.

    Retention has removed old restore points: for the days before those that the jobs of an object surely still keep,
    their sessions that ended with Success stand for them.
    """
    kept_from = _kept_from(material, units, jobs, points)
    earliest = np.full(count, np.iinfo(np.int64).max, dtype=np.int64)
    mine = owners >= 0
    np.minimum.at(earliest, owners[mine], kept_from[mine])
    by_sessions = earliest > _micros_of(material.since)
    linked = points.unit >= 0
    owner, created = owners[points.unit[linked]], points.frame["created"][linked]
    known = created.notna().to_numpy() & (owner >= 0)
    runs, run_owner = _good_runs(material, jobs, owners, earliest)
    instants = np.concatenate([_micros(created[known]), runs])
    who = np.concatenate([owner[known], run_owner])
    # What was removed before that day can be no gap: an older point only shows that the object existed by then.
    floor = np.where(by_sessions, _micros_of(material.since), np.maximum(earliest, np.iinfo(np.int64).min // 2))
    instants = np.maximum(instants, floor[who])
    unclear = np.zeros(count, dtype=bool)
    unclear[owners[points.open_units & mine]] = True
    told = material.is_whole("sessions")
    told &= all((codes_of(material.text("sessions", name)).rows >= 0).all() for name in ("job_id", "result"))
    unclear |= by_sessions & (not told)
    jobless = np.zeros(count, dtype=bool)
    jobless[owners[mine & jobs["backup_job_id"].isna().to_numpy()]] = True
    unclear |= jobless & by_sessions
    end = min(material.until, material.now)
    longest, seen, gaps = gaps_of(instants, who, count, _micros_of(material.since), _micros_of(end))
    sure = seen & ~unclear
    return {
        "longest_gap_h": pd.arrays.FloatingArray(np.where(sure, longest, 0.0), ~sure),
        "gaps_h": [text if ok else None for text, ok in zip(gaps, sure.tolist(), strict=True)],
    }


def _micros_of(moment: dt.datetime) -> int:
    return int(pd.Timestamp(moment).value // 1000)


def _micros(instants: pd.Series) -> Cells:
    return np.asarray(instants.dt.tz_localize(None).to_numpy(), dtype="datetime64[us]").astype(np.int64)


def _kept_from(material: Material, units: pd.DataFrame, jobs: pd.DataFrame, points: Points) -> Cells:
    """The instant from which on each unit surely still has all of its restore points, in microseconds."""
    now = _micros_of(material.now)
    days = jobs["retention_quantity"] * jobs["retention_type"].map(_UNIT_DAYS).astype("Int64")
    kept = now - days.fillna(0).to_numpy(dtype=np.int64) * 86_400_000_000
    by_points = surely(jobs["retention_type"] == "RestorePoints")
    quantity = jobs["retention_quantity"].to_numpy(dtype=float, na_value=np.nan)
    linked = (points.unit >= 0) & points.frame["created"].notna().to_numpy()
    unit, created = points.unit[linked], _micros(points.frame["created"][linked])
    order = np.lexsort((-created, unit))
    place = pd.Series(unit[order]).groupby(unit[order]).cumcount().to_numpy()
    nth = place == quantity[unit[order]] - 1
    few = units["restore_points_count"].to_numpy(dtype=float, na_value=np.nan) < quantity
    kept[by_points & few] = np.iinfo(np.int64).min
    chosen = nth & by_points[unit[order]]
    kept[unit[order][chosen]] = created[order][chosen]
    return kept


def _good_runs(material: Material, jobs: pd.DataFrame, owners: Cells, earliest: Cells) -> tuple[Cells, Cells]:
    """The ends of the sessions with Success per object, those before `earliest` only, and their objects."""
    ran, asked = codes_of(material.text("sessions", "job_id")), codes_of(jobs["backup_job_id"])
    late = owners >= 0
    late[late] = earliest[owners[late]] > _micros_of(material.since)
    # Both sides name a job by its number among the jobs that are asked for.
    held = pd.DataFrame({"job": asked.rows, "owner": owners})[late & (asked.rows >= 0)].drop_duplicates()
    job = ran.spread(matches(ran, asked), np.int64, missing=-1)
    ended = material.frame("sessions")["ended"]
    good = surely_one(material.text("sessions", "result"), "Success") & ended.notna().to_numpy()
    good &= np.isin(job, held["job"].to_numpy())
    both = held.merge(pd.DataFrame({"job": job[good], "at": _micros(ended[good])}), on="job")
    at, owner = both["at"].to_numpy(dtype=np.int64), both["owner"].to_numpy(dtype=np.int64)
    early = at < earliest[owner] if len(owner) else np.zeros(0, dtype=bool)
    return at[early], owner[early]


def gfs_facts(material: Material, jobs: pd.DataFrame, points: Points, owners: Cells, count: int) -> dict[str, Any]:
    """`gfs_promised`, and `gfs_missing`: how many finished weeks, months and years lack their long-term point.

    Only periods that began after the backup was created, and no further back than the job keeps them.
    """
    linked = points.unit >= 0
    unit = points.unit[linked]
    created = points.frame["created"][linked].dt.tz_convert(material.zone)
    periods = points.periods[linked]
    blind = points.open_units.copy()
    blind[unit[periods.isna().to_numpy()]] = True
    missing = np.zeros(count, dtype=np.int64)
    open_ = np.zeros(count, dtype=bool)
    promised = np.zeros(count, dtype=bool)
    absent = surely(~support(jobs["settings_profile"], "gfs_enabled"))
    unsure = ~absent & jobs["gfs_enabled"].isna().to_numpy()
    open_[owners[unsure & (owners >= 0)]] = True
    for word, control, letter in _LEVELS:
        switched = jobs["gfs_enabled"] & jobs[f"{control}_enabled"]
        on = surely(switched) & (owners >= 0)
        open_[owners[switched.isna().to_numpy() & ~absent & (owners >= 0)]] = True
        many = jobs[f"{control}_count"].to_numpy(dtype=float, na_value=np.nan)
        promised[owners[on]] = True
        open_[owners[on & (np.isnan(many) | jobs["backup_created"].isna().to_numpy())]] = True
        flagged = periods.str.contains(word, regex=False).fillna(False).to_numpy(dtype=bool)
        for back, (start, stop) in enumerate(_finished(material, letter, int(np.nanmax(many[on], initial=0)))):
            begun = (jobs["backup_created"] <= start).to_numpy(dtype=bool)
            asked = on & begun & (many > back)
            here = np.zeros(len(jobs), dtype=bool)
            inside = ((created >= start) & (created < stop + _SPARE)).to_numpy(dtype=bool)
            here[unit[flagged & inside]] = True
            lacking = asked & ~here
            open_[owners[lacking & blind]] = True
            np.add.at(missing, owners[lacking & ~blind], 1)
    told = ~open_ | (missing > 0)
    return {
        "gfs_promised": pd.arrays.BooleanArray(promised, open_ & ~promised),
        "gfs_missing": pd.arrays.IntegerArray(missing, ~told),
    }


def _finished(material: Material, letter: str, many: int) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """The finished weeks, months or years before now, the newest first; one whose late point may still come is not."""
    today = pd.Timestamp(material.now - _SPARE).tz_convert(material.zone).tz_localize(None).to_period(letter)
    found = []
    for back in range(1, min(many, 120) + 1):
        period = today - back
        start = period.start_time.tz_localize(material.zone, nonexistent="shift_forward", ambiguous=True)
        stop = (period + 1).start_time.tz_localize(material.zone, nonexistent="shift_forward", ambiguous=True)
        found.append((start, stop))
    return found
