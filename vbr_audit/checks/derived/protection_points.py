"""The restore points of each protected object: which object each belongs to, and what they tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.codes import codes_of, matches
from vbr_audit.checks.dates import LEEWAY
from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.logic import Cells, nullable, surely, taken

MALWARE: Final = ("Clean", "Informative", "Suspicious", "Infected")
"""The marks of restore points, the worst last."""


_MOST_GAPS: Final = 20


def only_places(keys: Sequence[pd.Series], where: Sequence[pd.Series]) -> Cells:
    """The position in `where` that has the same texts as each row of `keys`.

    Both are columns side by side. -1 where a text is NA, and for a row that is there not at all or twice.
    """
    wanted, there = np.zeros(len(keys[0]), dtype=np.int64), np.zeros(len(where[0]), dtype=np.int64)
    for key, place in zip(keys, where, strict=True):
        own, other = codes_of(key), codes_of(place)
        wanted = _paired(wanted, own.spread(matches(own, other), np.int64, missing=-1), len(other.texts))
        there = _paired(there, other.rows, len(other.texts))
    numbers, first, times = np.unique(there, return_index=True, return_counts=True)
    single = (times == 1) & (numbers >= 0)
    found = pd.Index(numbers[single]).get_indexer(pd.Index(wanted))
    return np.asarray(np.append(first[single], -1)[found])


def _paired(numbers: Cells, more: Cells, size: int) -> Cells:
    """One number for two; -1 where one of them is."""
    return np.where((numbers < 0) | (more < 0), -1, numbers * size + more)


@dataclass(frozen=True, eq=False)
class Points:
    """Restore points and the row of `backup_objects` (`unit`) that each belongs to, -1 where that is not known.

    `open_units` marks the rows of `backup_objects` of which not every restore point is known: one could not be
    assigned, has no date or lies in the future, or the list of restore points was not read whole.
    """

    frame: pd.DataFrame
    unit: Cells
    periods: pd.Series
    open_units: Cells


def link_points(material: Material, units: pd.DataFrame) -> Points:
    """Assign every restore point to a row of `units` (`backup_objects`).

    By the file that holds it, if that names exactly one object of the same backup; else by backup and name, if that is
    one object only.
    """
    points, files = material.frame("restore_points"), material.frame("backup_files")
    file = only_places([points["backup_file_id"]], [files["backup_file_id"]])
    at_home = surely(taken(files["backup_id"], file, points.index) == points["backup_id"])
    file = np.where(at_home, file, -1)
    named = taken(files["object_ids"], file, points.index)
    backup, held_by = points["backup_id"], units["backup_id"]
    by_file = only_places([backup, named], [held_by, units["backup_object_id"]])
    by_name = only_places([backup, points["name"]], [held_by, units["name"]])
    told_by_file = named.notna().to_numpy() & (named != "").fillna(False).to_numpy(dtype=bool)
    unit = np.where(told_by_file, by_file, by_name)
    # A file of several machines names none of them alone: then the name decides.
    unit = np.where(told_by_file & (by_file < 0) & surely(named.str.contains(",", regex=False)), by_name, unit)
    periods = points["gfs_periods"].fillna(taken(files["gfs_periods"], file, points.index))
    return Points(points, unit, periods, _open_units(material, points, unit, units))


def _open_units(material: Material, points: pd.DataFrame, unit: Cells, units: pd.DataFrame) -> Cells:
    if not material.is_whole("restore_points"):
        return np.ones(len(units), dtype=bool)
    created = points["created"]
    undated = (created.isna() | (created > pd.Timestamp(material.now) + LEEWAY)).to_numpy(dtype=bool)
    stray = unit < 0
    if points["backup_id"].isna().to_numpy()[stray].any():
        return np.ones(len(units), dtype=bool)
    backups = pd.unique(points["backup_id"][stray])
    found = units["backup_id"].isin(backups).to_numpy(dtype=bool, copy=True)
    found[unit[undated & ~stray]] = True
    return found | units["backup_id"].isna().to_numpy()


def point_facts(points: Points, owners: Cells, is_copy: pd.Series, count: int) -> dict[str, Any]:
    """The columns that restore points tell of `count` objects; `owners` gives the object of each unit.

    `is_copy` says of each unit whether a copy job made it. NA wherever one restore point might tell otherwise.
    """
    linked = points.unit >= 0
    frame, unit = points.frame[linked], points.unit[linked]
    owner, created = owners[unit], frame["created"]
    unclear = np.zeros(count, dtype=bool)
    unclear[owners[points.open_units & (owners >= 0)]] = True
    marks = frame["malware_status"]
    rank = marks.map({word: place for place, word in enumerate(MALWARE)}).astype("Float64")
    rank_known = rank.notna().to_numpy()
    full, kind = surely(frame["type"] == "Full"), frame["type"].isna().to_numpy()
    copied = is_copy.iloc[unit].reset_index(drop=True)
    from_source, from_copy = surely(~copied), surely(copied)
    side_unknown = _any(owners, is_copy.isna().to_numpy() & (owners >= 0), count)
    unmarked = unclear | _any(owner, ~rank_known, count)
    clean = _any(owner, surely(marks == "Clean"), count)
    found: dict[str, Any] = {
        "points_known": pd.array(~unclear, dtype="boolean"),
        "latest_point": _latest(owner, created, np.ones(len(frame), dtype=bool), count, unclear),
        "oldest_point": _latest(owner, created, np.ones(len(frame), dtype=bool), count, unclear, oldest=True),
        "latest_clean_point": _latest(owner, created, surely(marks == "Clean"), count, unmarked),
        "latest_full": _latest(owner, created, full, count, unclear | _any(owner, kind, count)),
        "latest_source_point": _latest(owner, created, from_source, count, unclear | side_unknown),
        "latest_copy_point": _latest(owner, created, from_copy, count, unclear | side_unknown),
        "has_clean_point": nullable(clean, unmarked & ~clean, pd.RangeIndex(count)),
        "worst_malware": _worst(owner, rank, count, unmarked),
    }
    return found


def _any(owner: Cells, chosen: Cells, count: int) -> Cells:
    found = np.zeros(count, dtype=bool)
    found[owner[chosen & (owner >= 0)]] = True
    return found


def _latest(
    owner: Cells, created: pd.Series, chosen: Cells, count: int, unclear: Cells, *, oldest: bool = False
) -> pd.Series:
    """The newest (or oldest) chosen instant per object; NaT for none, and where it is not clear."""
    usable = chosen & created.notna().to_numpy() & (owner >= 0)
    micros = created.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)[usable]
    edge = np.iinfo(np.int64).max if oldest else np.iinfo(np.int64).min
    best = np.full(count, edge, dtype=np.int64)
    (np.minimum if oldest else np.maximum).at(best, owner[usable], micros)
    instants = best.astype("datetime64[us]")
    instants[unclear | (best == edge)] = np.datetime64("NaT", "us")
    return pd.Series(pd.DatetimeIndex(instants).tz_localize("UTC"))


def _worst(owner: Cells, rank: pd.Series, count: int, unmarked: Cells) -> list[str | None]:
    """The worst mark per object; a bad one is told even where others are not known, a good one only where all are."""
    known = rank.notna().to_numpy() & (owner >= 0)
    worst = np.full(count, -1, dtype=np.int64)
    np.maximum.at(worst, owner[known], rank.to_numpy(dtype=float, na_value=-1)[known].astype(np.int64))
    bad = worst >= MALWARE.index("Suspicious")
    sure = bad | ((worst >= 0) & ~unmarked)
    return [MALWARE[place] if told else None for place, told in zip(worst.tolist(), sure.tolist(), strict=True)]


def gaps_of(at: Cells, owner: Cells, count: int, since: int, end: int) -> tuple[Cells, Cells, list[str]]:
    """For each object the longest gap of the period, whether there is any instant at all, and its longest gaps.

    `at`, `since` and `end` are in microseconds. A gap lasts from one instant, which may lie before the period, to the
    next one, or to `end`, and counts if it reaches into the period. What lies before the first instant does not count,
    since the object may not have existed. The gaps are hours, the longest first, at most `_MOST_GAPS`.
    """
    order = np.lexsort((at, owner))
    at, owner = at[order], owner[order]
    last = np.append(owner[1:] != owner[:-1], True)[: len(owner)]
    stop = np.minimum(np.where(last, end, np.roll(at, -1)), end)
    hours = (stop - at) / 3_600_000_000
    counted = (stop > since) & (hours > 0)
    longest, seen = np.zeros(count), np.zeros(count, dtype=bool)
    np.maximum.at(longest, owner[counted], hours[counted])
    seen[owner] = True
    texts_of: list[list[str]] = [[] for _ in range(count)]
    rank = np.lexsort((-hours[counted], owner[counted]))
    owners, lengths = owner[counted][rank], hours[counted][rank]
    place = pd.Series(owners).groupby(owners).cumcount().to_numpy()
    near = place < _MOST_GAPS
    for one, length in zip(owners[near].tolist(), lengths[near].tolist(), strict=True):
        texts_of[one].append(f"{length:.2f}")
    return longest, seen, [",".join(each) for each in texts_of]
