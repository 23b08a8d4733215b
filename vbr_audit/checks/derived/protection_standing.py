"""Which objects no job backs up any more, why not, and how much room their backups take.

A job whose run succeeds has backed up every machine that it still has. A machine of which such runs leave neither a
restore point nor a task, while they leave points of others, is in the job no more: it has left, was renamed, or was
registered anew under another id. What is left of it stays as it is, whatever the job does; so does what a job that is
gone has made, and what was imported or exported. A backup that still grows, or whose job is only not listed, is none
of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_gaps import Tasks
from vbr_audit.checks.derived.protection_links import NEVER, Points
from vbr_audit.checks.logic.codes import codes_of, matches
from vbr_audit.checks.logic.three_valued import Cells, places_of, surely
from vbr_audit.tables.build.arrays import are_known, are_missing, micros, micros_of

LEFT: Final = "left its job"
ANEW: Final = "registered anew"
RENAMED: Final = "renamed"
ORPHANED: Final = "its job is gone"
OF_NO_JOB: Final = "imported or exported"
STANDINGS: Final = (LEFT, ANEW, RENAMED, ORPHANED, OF_NO_JOB)

_QUIET: Final = 7 * 86_400_000_000
"""A backup with a newer restore point or run than that is at work, in microseconds."""
_RUNS: Final = 2
"""Number of good runs without a machine that show that it has left."""
_BY_THEMSELVES: Final = ("WindowsPhysical", "LinuxPhysical")
"""Machines of these platforms back themselves up without a job of the server."""


def standing_facts(
    material: Material,
    units: pd.DataFrame,
    jobs: pd.DataFrame,
    points: Points,
    tasks: Tasks,
    owners: Cells,
    columns: dict[str, Any],
) -> dict[str, Any]:
    """`standing` and `backup_bytes`; `columns` are what is known of the objects by now."""
    count = len(columns["object_key"])
    newest = _newest_points(points, len(units))
    gone, jobless = _without_a_job(material, units, jobs)
    left = _left(material, units, jobs, points, tasks, owners, newest)
    mine = owners >= 0
    why = np.full(count, -1)
    # Of several backups each must be left behind; that a job ran on without the object tells most.
    for place, chosen in ((4, jobless), (3, gone), (0, left)):
        why[owners[mine & chosen]] = place
    why[owners[mine & ~(gone | jobless | left)]] = -1
    why[~surely(pd.Series(columns["is_whole"]))] = -1
    latest = np.full(count, NEVER, dtype=np.int64)
    np.maximum.at(latest, owners[mine], newest[mine])
    words = [None if place < 0 else STANDINGS[place] for place in why.tolist()]
    for place, word in _superseded(units, owners, why == 0, latest):
        words[place] = word
    return {"standing": words, "backup_bytes": _bytes_of(material, points, owners, count)}


def _newest_points(points: Points, size: int) -> Cells:
    """The newest restore point of each unit in microseconds, `NEVER` where it has none."""
    newest = np.full(size, NEVER, dtype=np.int64)
    linked = np.flatnonzero((points.unit >= 0) & are_known(points.frame["created"]))
    np.maximum.at(newest, points.unit[linked], micros_of(points.frame["created"].iloc[linked]))
    return newest


def _without_a_job(material: Material, units: pd.DataFrame, jobs: pd.DataFrame) -> tuple[Cells, Cells]:
    """The units of backups whose job surely is gone, and those of backups that surely never had one."""
    backups, listed = material.frame("backups"), material.frame("jobs")
    place = places_of(units["backup_id"], backups["backup_id"])
    there = place >= 0
    names = backups["name"].array.take(place, allow_fill=True)
    worker = surely(pd.Series(names).str.contains("\\", regex=False).astype("boolean"))
    is_known = material.is_whole("jobs") and not (len(listed) and bool(listed["job_id"].isna().all()))
    is_known = is_known and material.is_whole("sessions") and material.is_whole("restore_points")
    named = are_known(jobs["backup_job_id"])
    quiet = there & _are_quiet(material, units, jobs)
    gone = quiet & named & are_missing(jobs["job_id"]) & are_known(jobs["job_type"]) & ~worker
    by_itself = units["platform"].isin(_BY_THEMSELVES).to_numpy(dtype=bool) | are_missing(units["platform"])
    return gone & is_known, quiet & ~named & ~by_itself & is_known


def _are_quiet(material: Material, units: pd.DataFrame, jobs: pd.DataFrame) -> Cells:
    """Whether the backup of each unit has had no restore point and no run of its job lately."""
    pairs = (
        ("restore_points", "backup_id", units["backup_id"]),
        ("sessions", "job_id", jobs["backup_job_id"]),
        ("edge_sessions", "job_id", jobs["backup_job_id"]),
    )
    latest = micros(material.now) - _QUIET
    busy = np.zeros(len(units), dtype=bool)
    for table, key, own in pairs:
        there, asked, instants = codes_of(material.text(table, key)), codes_of(own), material.frame(table)["created"]
        place = there.spread(matches(there, asked), np.int64, missing=-1)
        # What has no date may be of today.
        late = are_missing(instants) | (micros_of(instants) > latest)
        marks = np.zeros(len(asked.texts) + 1, dtype=bool)
        marks[place[late & (place >= 0)]] = True
        busy |= marks[asked.rows] & (asked.rows >= 0)
    return ~busy


def _left(
    material: Material,
    units: pd.DataFrame,
    jobs: pd.DataFrame,
    points: Points,
    tasks: Tasks,
    owners: Cells,
    newest: Cells,
) -> Cells:
    """The units whose job succeeded without them, and made restore points of others meanwhile."""
    chosen = are_known(jobs["job_id"]) & (newest > NEVER) & (owners >= 0) & (points.doubt == NEVER)
    chosen &= ~surely(units["last_run_failed"]) & material.is_whole("sessions") & material.is_whole("restore_points")
    asked = codes_of(jobs["backup_job_id"])
    at_best = np.full(len(asked.texts) + 1, NEVER, dtype=np.int64)
    np.maximum.at(at_best, asked.rows, newest)
    others = at_best[asked.rows]
    chosen &= others > newest
    runs = material.frame("all_job_runs")
    ran = codes_of(material.text("all_job_runs", "job_id"))
    job = ran.spread(matches(ran, asked), np.int64, missing=-1)
    wanted = np.append(np.bincount(asked.rows[chosen], minlength=len(asked.texts)) > 0, False)
    rows = np.flatnonzero((job >= 0) & wanted[job] & are_known(runs["started"]))
    rows = rows[surely(runs["result"].iloc[rows] == "Success")]
    at, order = micros_of(runs["started"].iloc[rows]), np.argsort(job[rows], kind="stable")
    places, begins = np.unique(job[rows][order], return_index=True)
    starts: dict[int, Cells] = (
        dict(zip(places.tolist(), np.split(at[order], begins[1:]), strict=True)) if len(at) else {}
    )
    last_task = np.full(owners.max(initial=-1) + 2, NEVER, dtype=np.int64)
    np.maximum.at(last_task, tasks.owner, tasks.at)
    is_left = np.zeros(len(units), dtype=bool)
    for unit in np.flatnonzero(chosen & (last_task[owners] <= newest)).tolist():
        own = starts.get(int(asked.rows[unit]), np.zeros(0, dtype=np.int64))
        # A run whose points of others are not there yet may still make this one's.
        is_left[unit] = np.count_nonzero((own > newest[unit]) & (own < others[unit])) >= _RUNS
    return is_left


def _superseded(units: pd.DataFrame, owners: Cells, left: Cells, latest: Cells) -> Iterable[tuple[int, str]]:
    """Of the objects that left, those that go on under another id, or another name."""
    if not left.any():
        return
    columns = (units[name].tolist() for name in ("name", "platform", "platform_id", "object_id"))
    cells = ([None if cell is pd.NA else cell for cell in column] for column in columns)
    machines = list(zip(*cells, owners.tolist(), strict=True))
    by_name: dict[tuple[Any, ...], list[int]] = {}
    by_id: dict[tuple[Any, ...], list[int]] = {}
    for name, platform, host, number, owner in machines:
        by_name.setdefault((name and name.casefold(), platform), []).append(owner)
        by_id.setdefault((platform, host, number), []).append(owner)
    for name, platform, host, number, owner in machines:
        if owner < 0 or not left[owner]:
            continue
        if name and _has_newer(by_name[name.casefold(), platform], owner, latest):
            yield owner, ANEW
        elif number and _has_newer(by_id[platform, host, number], owner, latest):
            yield owner, RENAMED


def _has_newer(owners: Iterable[int], own: int, latest: Cells) -> bool:
    return any(other >= 0 and latest[other] > latest[own] for other in owners)


def _bytes_of(material: Material, points: Points, owners: Cells, count: int) -> Any:
    """The size of the files of each object; one that holds points of several is shared among them in equal parts."""
    files = material.frame("backup_files")
    file = places_of(material.text("restore_points", "backup_file_id"), material.text("backup_files", "backup_file_id"))
    linked = points.unit >= 0
    many = np.append(np.bincount(file[file >= 0], minlength=len(files)), 1)
    octets = np.append(files["backup_bytes"].to_numpy(dtype=float, na_value=np.nan), np.nan)
    share = (octets[file] / many[file])[linked]
    owner = owners[points.unit[linked]]
    total = np.bincount(owner[owner >= 0], weights=share[owner >= 0], minlength=count)
    unknown = np.isnan(total) | (not material.is_whole("backup_files"))
    return pd.arrays.IntegerArray(np.where(unknown, 0, np.nan_to_num(total)).astype(np.int64), unknown)
