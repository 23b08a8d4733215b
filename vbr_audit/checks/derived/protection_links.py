"""Which row of `backup_objects` each restore point belongs to, and whom one that belongs to nobody may concern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.logic.codes import codes_of, matches
from vbr_audit.checks.logic.dates import LEEWAY
from vbr_audit.checks.logic.three_valued import Cells, places_of, surely, taken, texts
from vbr_audit.tables.build.arrays import are_known, are_missing, micros_of
from vbr_audit.tables.build.schema import ZERO_GUID

NEVER: Final = int(np.iinfo(np.int64).min)
"""Among microseconds: no instant at all."""

ANY_TIME: Final = int(np.iinfo(np.int64).max)
"""Among microseconds: some instant, which nobody knows."""


def only_places(keys: Sequence[pd.Series], where: Sequence[pd.Series]) -> Cells:
    """The position in `where` that has the same texts as each row of `keys`.

    Both are columns side by side. -1 where a text is NA, and for a row that is there not at all or twice.
    """
    wanted, there = _numbered(keys, where)
    numbers, first, times = np.unique(there, return_index=True, return_counts=True)
    return _found_at(wanted, numbers, first, (times == 1) & (numbers >= 0))


def first_places(keys: Sequence[pd.Series], where: Sequence[pd.Series]) -> Cells:
    """The first position in `where` that has the same texts as each row of `keys`, both columns side by side.

    -1 where a text is NA, and for a row that is not there.
    """
    wanted, there = _numbered(keys, where)
    numbers, first = np.unique(there, return_index=True)
    return _found_at(wanted, numbers, first, numbers >= 0)


def _numbered(keys: Sequence[pd.Series], where: Sequence[pd.Series]) -> tuple[Cells, Cells]:
    """A number for the texts of each row on both sides, equal for equal ones; -1 for none."""
    wanted, there = np.zeros(len(keys[0]), dtype=np.int64), np.zeros(len(where[0]), dtype=np.int64)
    for key, place in zip(keys, where, strict=True):
        own, other = codes_of(key), codes_of(place)
        wanted = _paired(wanted, own.spread(matches(own, other), np.int64, missing=-1), len(other.texts))
        there = _paired(there, other.rows, len(other.texts))
    return wanted, there


def _found_at(wanted: Cells, numbers: Cells, first: Cells, chosen: Cells) -> Cells:
    places = pd.Index(numbers[chosen]).get_indexer(pd.Index(wanted))
    return np.asarray(np.append(first[chosen], -1)[places])


def _paired(numbers: Cells, more: Cells, size: int) -> Cells:
    """One number for two; -1 where one of them is."""
    return np.where((numbers < 0) | (more < 0), -1, numbers * size + more)


@dataclass(frozen=True, eq=False)
class Points:
    """Restore points and the row of `backup_objects` (`unit`) that each belongs to, -1 where that is not known.

    `doubt` gives for each row of `backup_objects` the newest instant, in microseconds, of a restore point that may be
    its own and is not known to be: `NEVER` where all are known, `ANY_TIME` where it may be of any instant.
    """

    frame: pd.DataFrame
    unit: Cells
    periods: pd.Series
    doubt: Cells

    @property
    def open_units(self) -> Cells:
        """The rows of `backup_objects` of which not every restore point is known."""
        return self.doubt > NEVER


@dataclass(frozen=True, eq=False)
class _Linking:
    """What is known while points are assigned. `strays` marks the points that belong to some unit nobody knows."""

    points: pd.DataFrame
    units: pd.DataFrame
    file: Cells
    named: pd.Series
    unit: Cells
    strays: Cells
    doubt: Cells

    def moments(self, rows: Cells) -> Cells:
        """The instants of these points in microseconds, `ANY_TIME` for one without a date."""
        created = self.points["created"].iloc[rows]
        return np.where(are_missing(created), ANY_TIME, micros_of(created))

    def suspect(self, units: Cells | Iterable[int], moments: Cells) -> None:
        """Let each of `units` be one whose point may be of the instant beside it."""
        np.maximum.at(self.doubt, np.asarray(units, dtype=np.int64), moments)


def labels_of(material: Material, units: pd.DataFrame) -> pd.Series:
    """The long name of each unit: agents are named by the object, followed by the backup."""
    backups = material.frame("backups")
    name = taken(backups["name"], places_of(units["backup_id"], backups["backup_id"]), units.index)
    return units["name"] + " " + name


def link_points(material: Material, units: pd.DataFrame) -> Points:
    """Assign every restore point to a row of `units` (`backup_objects`).

    By the file that holds it, if that names exactly one object of the same backup; else by backup and name, if that is
    one object only; else by what is left: a file whose other objects have their points, a backup of one object.
    """
    points, files = material.frame("restore_points"), material.frame("backup_files")
    backup, label, file_id = (material.text("restore_points", name) for name in ("backup_id", "name", "backup_file_id"))
    file = only_places([file_id], [material.text("backup_files", "backup_file_id")])
    at_home = surely(taken(files["backup_id"], file, points.index) == backup)
    file = np.where(at_home, file, -1)
    named = _reported_ids(taken(files["object_ids"], file, points.index))
    held_by = units["backup_id"]
    by_file = only_places([backup, named], [held_by, units["backup_object_id"]])
    by_name = only_places([backup, label], [held_by, units["name"]])
    by_label = only_places([backup, label], [held_by, labels_of(material, units)])
    by_name = np.where(by_name >= 0, by_name, by_label)
    several = surely(named.str.contains(",", regex=False))
    # Where the files of a backup name none of its objects at all, their ids tell nothing.
    single = are_known(named) & ~several & _of_the_same(backup, by_file >= 0)
    unit = np.where(single, by_file, by_name)
    elsewhere = single & (by_file < 0) & (places_of(named, units["backup_object_id"]) < 0)
    doubt = np.full(len(units), NEVER, dtype=np.int64)
    linking = _Linking(points, units, file, named, unit, (unit < 0) & ~elsewhere, doubt)
    _link_what_files_leave(linking, several)
    _link_to_sole_objects(linking, whole=material.is_whole("backup_objects"))
    _suspect_by_backup(linking)
    _suspect_by_name_alone(linking)
    _suspect_the_undated(material, linking)
    periods = points["gfs_periods"].fillna(taken(files["gfs_periods"], file, points.index))
    return Points(points, unit, periods, doubt)


def _reported_ids(ids: pd.Series) -> pd.Series:
    """The ids without those of zeros, which say nothing; NA where none is left."""
    codes = codes_of(ids)
    kept = (",".join(one for one in text.split(",") if one != ZERO_GUID) or pd.NA for text in codes.texts.tolist())
    return texts(codes.spread(kept, object, missing=pd.NA), ids.index)


def _of_the_same(keys: pd.Series, chosen: Cells) -> Cells:
    """The rows whose key is that of a chosen row."""
    rows = codes_of(keys).rows
    held = np.append(np.bincount(rows[chosen & (rows >= 0)], minlength=rows.max(initial=-1) + 1) > 0, False)
    return np.asarray(held[rows])


def _link_what_files_leave(linking: _Linking, several: Cells) -> None:
    """A file of several objects, of which all but one have their point: the point that is left is that one's."""
    strays = np.flatnonzero(linking.strays & several & (linking.file >= 0))
    if not len(strays):
        return
    concerned = np.isin(linking.file, linking.file[strays])
    seen: dict[int, set[int]] = {}
    for file, unit in zip(linking.file[concerned].tolist(), linking.unit[concerned].tolist(), strict=True):
        seen.setdefault(file, set()).add(unit)
    backups = codes_of(linking.units["backup_id"])
    own = codes_of(linking.points["backup_id"])
    backup = own.spread(matches(own, backups), np.int64, missing=-1)
    ids = codes_of(linking.units["backup_object_id"])
    units = {pair: row for row, pair in enumerate(zip(backups.rows.tolist(), ids.rows.tolist(), strict=True))}
    members: dict[tuple[int, str], list[int]] = {}
    for rows in _grouped(strays, linking.file[strays]):
        key = (int(backup[rows[0]]), str(linking.named.iloc[rows[0]]))
        if key not in members:
            members[key] = [units.get((key[0], ids.numbers.get(one, -2)), -1) for one in key[1].split(",")]
        left = [unit for unit in members[key] if unit < 0 or unit not in seen[int(linking.file[rows[0]])]]
        linking.strays[rows] = False
        if len(left) == len(rows) == 1 and left[0] >= 0:
            linking.unit[rows[0]] = left[0]
        else:
            latest = linking.moments(rows).max()
            linking.suspect([unit for unit in left if unit >= 0], latest)


def _grouped(rows: Cells, keys: Cells) -> list[Cells]:
    """`rows` in groups of equal keys."""
    order = np.argsort(keys, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(keys[order])) + 1) if len(rows) else []


def _link_to_sole_objects(linking: _Linking, *, whole: bool) -> None:
    """A backup of exactly one object answers for it, unless it holds that one's own points and others beside."""
    held_by = linking.units["backup_id"]
    codes = codes_of(held_by)
    alone = np.append(np.bincount(codes.rows[codes.rows >= 0], minlength=len(codes.texts)) == 1, False)
    sole = places_of(linking.points["backup_id"], held_by)
    sole = np.where((sole >= 0) & alone[codes.rows[sole]], sole, -1) if len(held_by) else sole
    if not whole:
        return
    mine = np.bincount(linking.unit[linking.unit >= 0], minlength=len(held_by))
    there = np.bincount(sole[sole >= 0], minlength=len(held_by))
    counted = linking.units["restore_points_count"].to_numpy(dtype=float, na_value=np.nan)
    answers = np.append((mine == 0) | (there == counted), False)
    chosen = linking.strays & (sole >= 0) & answers[sole]
    linking.unit[chosen] = sole[chosen]
    linking.strays[chosen] = False


def _suspect_by_backup(linking: _Linking) -> None:
    """A point of a known backup may be of a namesake in it, of an object without any point, or of a renamed one.

    Older points of a renamed object keep its old name: such an object has fewer points than it says it has, and its
    own ones are newer than the stray.
    """
    points, units = linking.points, linking.units
    known = are_known(points["backup_id"])
    strays = np.flatnonzero(linking.strays & known)
    if not len(strays):
        return
    named = places_of(points["name"].iloc[strays], units["name"]) >= 0
    by_name = _pairs_of(points.iloc[strays[named]], units, ("backup_id", "name"))
    linking.suspect(by_name[1], linking.moments(strays[named][by_name[0]]))
    namesakes = np.isin(np.arange(len(strays)), np.flatnonzero(named)[by_name[0]])
    nameless = strays[~namesakes]
    row, unit = _pairs_of(points.iloc[nameless], units, ("backup_id",))
    moments = linking.moments(nameless)[row]
    mine = np.bincount(linking.unit[linking.unit >= 0], minlength=len(units))
    oldest = np.full(len(units), ANY_TIME, dtype=np.int64)
    linked = np.flatnonzero((linking.unit >= 0) & are_known(points["created"]))
    np.minimum.at(oldest, linking.unit[linked], micros_of(points["created"].iloc[linked]))
    counted = units["restore_points_count"].to_numpy(dtype=float, na_value=np.nan)
    empty = (mine == 0) & (counted != 0)
    short = (mine > 0) & (mine < counted)
    older = (moments == ANY_TIME) | (moments < oldest[unit])
    chosen = empty[unit] | (short[unit] & older)
    linking.suspect(unit[chosen], moments[chosen])


def _pairs_of(points: pd.DataFrame, units: pd.DataFrame, names: Sequence[str]) -> tuple[Cells, Cells]:
    """Every pair of a point and a unit that have the same texts in these columns, as positions."""
    sides = [
        pd.DataFrame({name: side[name].to_numpy(dtype=object) for name in names} | {place: np.arange(len(side))})
        for side, place in ((points, "row"), (units, "unit"))
    ]
    both = sides[0].dropna().merge(sides[1].dropna(), on=list(names))
    return both["row"].to_numpy(dtype=np.int64), both["unit"].to_numpy(dtype=np.int64)


def _suspect_by_name_alone(linking: _Linking) -> None:
    """A point that names no backup may be of a namesake, or of an object of which no point is known."""
    points, units = linking.points, linking.units
    strays = np.flatnonzero(linking.strays & are_missing(points["backup_id"]))
    if len(strays):
        row, unit = _pairs_of(points.iloc[strays], units, ("name",))
        mine = np.bincount(linking.unit[linking.unit >= 0], minlength=len(units))
        counted = units["restore_points_count"].to_numpy(dtype=float, na_value=np.nan)
        short = ~(mine >= counted)
        linking.suspect(unit[short[unit]], linking.moments(strays[row])[short[unit]])
        empty = np.flatnonzero((mine == 0) & (counted != 0))
        linking.suspect(empty, np.full(len(empty), ANY_TIME))


def _suspect_the_undated(material: Material, linking: _Linking) -> None:
    """Points without a date, or with one in the future; backups that are not named; points that were not read."""
    created = linking.points["created"]
    undated = (created.isna() | (created > pd.Timestamp(material.now) + LEEWAY)).to_numpy(dtype=bool)
    own = linking.unit[undated & (linking.unit >= 0)]
    linking.suspect(own, np.full(len(own), ANY_TIME))
    linking.doubt[are_missing(linking.units["backup_id"])] = ANY_TIME
    if not material.is_whole("restore_points"):
        linking.doubt[:] = ANY_TIME
