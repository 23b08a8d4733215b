"""What restore points show of each protected object, and how long it was without a new one in the period.

A restore point that retention has removed since is stood in for by the object's own tasks, and by the runs of its job
of which no task was told at all. Nothing that happened to another object or job has a part in it.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_links import ANY_TIME, NEVER, Points, labels_of
from vbr_audit.checks.derived.protection_promises import kept_from
from vbr_audit.checks.logic.codes import codes_of, matches
from vbr_audit.checks.logic.dates import LEEWAY
from vbr_audit.checks.logic.three_valued import Cells, nullable, places_of, surely, surely_not, surely_one, taken
from vbr_audit.tables.build.arrays import STRING, are_known, are_missing, micros, micros_of
from vbr_audit.tables.build.enums import GOOD_RESULTS

_MOST_GAPS: Final = 20
_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, eq=False)
class Tasks:
    """The tasks of backups: the object of each (-1 for none), its start, whether it went well, its session."""

    owner: Cells
    at: Cells
    good: Cells
    session: pd.Series


@dataclass(frozen=True, eq=False)
class _Runs:
    """The runs of the jobs of objects, once per object: its place, the start, how it ended.

    `has_tasks` marks those whose tasks were read, so that they show which objects it made a point of.
    """

    owner: Cells
    at: Cells
    good: Cells
    success: Cells
    unclear: Cells
    has_tasks: Cells


@dataclass(frozen=True, eq=False)
class Moments:
    """The instants at which objects surely had a new restore point, and what is known of the time between them.

    `at` and `owner` are these instants, not in order, and the object of each. From `earliest` on, every restore point
    of an object is still there; `removed` marks those of which one of the period may be gone. `seen` is the first sign
    of an object; `is_new` says that it surely came in the period, `is_there` that it was surely there before. Of the
    objects in `is_known`, no further restore point of the period may have been there.
    """

    at: Cells
    owner: Cells
    earliest: Cells
    removed: Cells
    seen: Cells
    is_new: Cells
    is_there: Cells
    is_known: Cells

    def begin(self, material: Material, jobs: pd.DataFrame, owners: Cells) -> Cells:
        """From which instant of the period on each object can be followed."""
        since, count = micros(material.since), len(self.seen)
        return np.where(self.removed, _begin(material, jobs, owners, since, count), since)


def moments_of(
    material: Material,
    units: pd.DataFrame,
    jobs: pd.DataFrame,
    points: Points,
    tasks: Tasks,
    owners: Cells,
    count: int,
    *,
    before: bool = False,
) -> Moments:
    """The moments of `count` objects; with `before`, good runs of the days before the period stand in too."""
    since = micros(material.since)
    kept = kept_from(material, units, jobs, points)
    mine = owners >= 0
    earliest = np.full(count, ANY_TIME, dtype=np.int64)
    np.minimum.at(earliest, owners[mine], kept[mine])
    removed = earliest > since
    runs = _runs_of(material, jobs, owners, tasks, removed, "job_runs")
    linked = points.unit >= 0
    owner, created = owners[points.unit[linked]], points.frame["created"][linked]
    dated = are_known(created) & (owner >= 0)
    at, owner = micros_of(created[dated]), owner[dated]
    seen = np.full(count, ANY_TIME, dtype=np.int64)
    np.minimum.at(seen, owner, at)
    np.minimum.at(seen, tasks.owner[tasks.owner >= 0], tasks.at[tasks.owner >= 0])
    is_new, is_there = _existence(units, jobs, owners, seen, kept, runs, since, count)
    not_yet = is_new[runs.owner] & (runs.at < seen[runs.owner])
    stand_in = [
        _chosen(tasks.owner, tasks.at, tasks.good, earliest),
        _chosen(runs.owner, runs.at, runs.good & ~runs.has_tasks & ~not_yet, earliest),
    ]
    if before:
        early = _runs_of(material, jobs, owners, tasks, removed & ~is_new, "all_job_runs")
        stand_in.append(_chosen(early.owner, early.at, early.good & (early.at < since), earliest))
    at = np.concatenate([at, *(each[1] for each in stand_in)])
    owner = np.concatenate([owner, *(each[0] for each in stand_in)])
    known = _known(material, jobs, points, owners, removed, runs, count)
    return Moments(at, owner, earliest, removed, seen, is_new, is_there, known)


def gap_facts(
    material: Material,
    units: pd.DataFrame,
    jobs: pd.DataFrame,
    points: Points,
    tasks: Tasks,
    owners: Cells,
    count: int,
) -> tuple[dict[str, Any], Cells, Cells]:
    """`longest_gap_h`, `gaps_h`, `maybe_gaps_h` and `gaps_known` of the period.

    Beside them, for each object the first sign of it in microseconds, and whether it surely came in the period.
    """
    since, end = micros(material.since), micros(min(material.until, material.now))
    moments = moments_of(material, units, jobs, points, tasks, owners, count)
    at, owner, seen = moments.at, moments.owner, moments.seen
    # Between an old point and the day from which on all are kept, others may have been.
    begin = moments.begin(material, jobs, owners)
    at = np.where(
        moments.removed[owner], np.where(at < since, begin[owner], at), np.maximum(at, moments.earliest[owner])
    )
    at, owner = _with_beginnings(at, owner, seen, moments.is_new, begin)
    sure_from = np.where(moments.is_new | moments.is_there | (seen <= since), NEVER, seen)
    longest, gap_count, sure, maybe = gaps_of(at, owner, count, since, end, sure_from)
    return _gap_columns(longest, gap_count, sure, maybe, moments.is_known), seen, moments.is_new


def _gap_columns(longest: Cells, gaps: Cells, sure: list[str], maybe: list[str], known: Cells) -> dict[str, Any]:
    return {
        "longest_gap_h": pd.arrays.FloatingArray(np.where(gaps & known, longest, 0.0), ~(gaps & known)),
        "gaps_h": [text if ok else None for text, ok in zip(sure, gaps.tolist(), strict=True)],
        "maybe_gaps_h": [text if ok else None for text, ok in zip(maybe, gaps.tolist(), strict=True)],
        "gaps_known": pd.array(known, dtype="boolean"),
    }


def _chosen(owner: Cells, at: Cells, good: Cells, before: Cells) -> tuple[Cells, Cells]:
    """The objects and instants of what went well before the day from which on the object's points are all kept."""
    rows = np.flatnonzero(good & (owner >= 0))
    rows = rows[at[rows] < before[owner[rows]]]
    return owner[rows], at[rows]


def _begin(material: Material, jobs: pd.DataFrame, owners: Cells, since: int, count: int) -> Cells:
    """From which instant on the sessions in hand show each object, the period's first one if they reach so far.

    They do if the server's history begins before the job could be due; else it tells nothing of the time before it.
    """
    oldest = [material.frame(name)["created"] for name in ("sessions", "edge_sessions")]
    oldest.append(material.frame("session_history")["oldest_session"])
    known = [micros(each.min()) for each in oldest if each.notna().any()]
    if not known:
        return np.full(count, since, dtype=np.int64)
    hours = jobs["start_interval_h"].to_numpy(dtype=float, na_value=0.0)
    pause = np.zeros(count)
    np.maximum.at(pause, owners[owners >= 0], hours[owners >= 0])
    pause = np.where(pause > 0, pause, 24) * _HOUR
    return np.where(min(known) - since > pause, min(known), since)


def _with_beginnings(at: Cells, owner: Cells, seen: Cells, is_new: Cells, begin: Cells) -> tuple[Cells, Cells]:
    """An instant at which the promise to each object began, where none of its own lies before the period."""
    first = np.full(len(seen), ANY_TIME, dtype=np.int64)
    np.minimum.at(first, owner, at)
    late = np.flatnonzero((first > begin) & (np.minimum(first, seen) < ANY_TIME))
    start = np.where(is_new[late], np.minimum(seen[late], first[late]), begin[late])
    return np.concatenate([at, np.maximum(start, begin[late])]), np.concatenate([owner, late])


def _existence(
    units: pd.DataFrame,
    jobs: pd.DataFrame,
    owners: Cells,
    seen: Cells,
    kept: Cells,
    runs: _Runs,
    since: int,
    count: int,
) -> tuple[Cells, Cells]:
    """Which objects surely came in the period, and which were surely there before it, though nothing of them shows it.

    One came if its backup did; if runs of its job told of their tasks and had none of it; or if its job ran well at a
    time of which every restore point is still kept, and left none. Who is alone in an older backup was there.
    """
    mine = owners >= 0
    born = np.where(are_missing(jobs["backup_created"]), NEVER, micros_of(jobs["backup_created"]))
    first = np.full(count, ANY_TIME, dtype=np.int64)
    np.minimum.at(first, owners[mine], born[mine])
    members = codes_of(units["backup_id"])
    alone = np.append(np.bincount(members.rows[members.rows >= 0], minlength=len(members.texts)) == 1, False)
    is_sole = np.zeros(count, dtype=bool)
    is_sole[owners[mine & alone[members.rows]]] = True
    whole_from = np.full(count, NEVER, dtype=np.int64)
    np.maximum.at(whole_from, owners[mine], kept[mine])
    before = runs.at < seen[runs.owner]
    absent = np.zeros(count, dtype=bool)
    absent[runs.owner[before & runs.has_tasks & runs.good]] = True
    absent[runs.owner[before & runs.success & (runs.at >= whole_from[runs.owner])]] = True
    is_new = (seen > since) & ((first > since) | absent)
    is_there = (seen > since) & ~is_new & is_sole & (first <= since) & (first > NEVER)
    return is_new, is_there


def tasks_of(material: Material, units: pd.DataFrame, jobs: pd.DataFrame, owners: Cells) -> Tasks:
    """The tasks of backups with the object of each: by the job of its session and the object's name."""
    frame = material.frame("task_sessions")
    chosen = surely_one(frame["type"], "Backup") & are_known(frame["created"])
    job_id, parent_id = _of_sessions(
        material, material.text("task_sessions", "session_id"), "job_id", "parent_session_id"
    )
    frame, parent_id = frame[chosen], parent_id[chosen]
    job_id = job_id[chosen].fillna(*_of_sessions(material, parent_id, "job_id"))
    owner = _owner_by_name(job_id, frame["name"], jobs["backup_job_id"], units["name"], owners)
    by_label = _owner_by_name(job_id, frame["name"], jobs["backup_job_id"], labels_of(material, units), owners)
    good = surely_one(frame["result"], *GOOD_RESULTS)
    return Tasks(np.where(owner >= 0, owner, by_label), micros_of(frame["created"]), good, frame["session_id"])


def _of_sessions(material: Material, ids: pd.Series, *names: str) -> list[pd.Series]:
    """These text columns of the session of each id, from the period or from beyond its edges; NA for none."""
    columns = [pd.Series(pd.NA, index=ids.index, dtype=STRING) for _ in names]
    # What stands in both is of the period.
    for table in ("edge_sessions", "sessions"):
        if not len(material.frame(table)):
            continue
        place = places_of(ids, material.text(table, "session_id"))
        columns = [
            taken(material.frame(table)[name], place, ids.index).where(place >= 0, known)
            for name, known in zip(names, columns, strict=True)
        ]
    return columns


def _owner_by_name(job_id: pd.Series, name: pd.Series, own_job: pd.Series, own_name: pd.Series, owners: Cells) -> Cells:
    """The object of that name in a backup of that job; -1 for none, and where two objects share both."""
    found: dict[tuple[Any, Any], int] = {}
    for job, called, owner in zip(own_job.tolist(), own_name.tolist(), owners.tolist(), strict=True):
        if owner >= 0 and job is not pd.NA and called is not pd.NA and found.setdefault((job, called), owner) != owner:
            found[job, called] = -1
    asked = zip(job_id.tolist(), name.tolist(), strict=True)
    return np.array([found.get(each, -1) for each in asked], dtype=np.int64)


def _runs_of(material: Material, jobs: pd.DataFrame, owners: Cells, tasks: Tasks, removed: Cells, table: str) -> _Runs:
    """The runs in `table` of the jobs of those objects whose points are not all kept any more, once per object."""
    frame = material.columns(table, ("job_id", "session_id", "created", "ended", "result"))
    ran, asked = codes_of(frame["job_id"]), codes_of(jobs["backup_job_id"])
    late = owners >= 0
    late[late] = removed[owners[late]]
    # Both sides name a job by its number among the jobs that are asked for.
    mine = np.flatnonzero(late & (asked.rows >= 0))
    mine = mine[np.sort(np.unique(asked.rows[mine] * (len(owners) + 1) + owners[mine], return_index=True)[1])]
    job = ran.spread(matches(ran, asked), np.int64, missing=-1)
    wanted = np.zeros(len(asked.texts) + 1, dtype=bool)
    wanted[asked.rows[mine]] = True
    # Most runs are of jobs without a question: of the others alone their results and tasks are looked at.
    rows = np.flatnonzero((job >= 0) & wanted[job])
    at = frame["created"].iloc[rows].fillna(frame["ended"].iloc[rows])
    rows, at = rows[are_known(at)], at[are_known(at)]
    result = frame["result"].iloc[rows]
    # Tasks of which none has a known name tell nothing: kinds of jobs name them in their own way.
    session_ids = set(tasks.session[tasks.owner >= 0].dropna().tolist())
    has_tasks = [each in session_ids for each in frame["session_id"].array.take(rows).tolist()]
    owner_at, run_at = _pairs(asked.rows[mine], job[rows])
    return _Runs(
        owners[mine][owner_at],
        micros_of(at)[run_at],
        surely_one(result, *GOOD_RESULTS)[run_at],
        surely_one(result, "Success")[run_at],
        are_missing(result)[run_at],
        np.array(has_tasks, dtype=bool)[run_at],
    )


def _pairs(numbers: Cells, others: Cells) -> tuple[Cells, Cells]:
    """The places of each pair of equal numbers, in the order of the first ones."""
    order = np.argsort(others, kind="stable")
    begin, end = (np.searchsorted(others[order], numbers, side=side) for side in ("left", "right"))
    count = end - begin
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(np.arange(len(numbers)), count), order[np.repeat(begin, count) + place]


def _known(
    material: Material,
    jobs: pd.DataFrame,
    points: Points,
    owners: Cells,
    removed: Cells,
    runs: _Runs,
    count: int,
) -> Cells:
    """The objects of which no further restore point of the period may have been there."""
    mine = owners >= 0
    open_ = np.zeros(count, dtype=bool)
    open_[owners[points.open_units & mine]] = True
    if not material.is_whole("sessions") or (
        material.is_read("task_sessions") and not material.is_whole("task_sessions")
    ):
        open_ |= removed
    open_[runs.owner[runs.unclear & ~runs.has_tasks]] = True
    jobless = np.ones(count, dtype=bool)
    jobless[owners[mine & are_known(jobs["backup_job_id"])]] = False
    # Without a known retention nobody can say which of the older points are gone.
    lasting = np.ones(count, dtype=bool)
    kept = are_known(jobs["retention_type"]) & are_known(jobs["retention_quantity"])
    lasting[owners[mine & kept]] = False
    return ~(open_ | ((jobless | lasting) & removed))


def gaps_of(
    at: Cells, owner: Cells, count: int, since: int, end: int, sure_from: Cells
) -> tuple[Cells, Cells, list[str], list[str]]:
    """For each object its longest gap, whether there is any instant at all, its sure gaps and its possible ones.

    `at`, `since` and `end` are in microseconds. A gap lasts from one instant, which may lie before the period, to the
    next one, or to `end`, and counts if it reaches into the period. One that ends at `sure_from` of the object, or
    before, is a possible one. The gaps are hours, the longest first, at most `_MOST_GAPS`.
    """
    order = np.lexsort((at, owner))
    at, owner = at[order], owner[order]
    last = np.append(owner[1:] != owner[:-1], True)[: len(owner)]
    stop = np.minimum(np.where(last, end, np.roll(at, -1)), end)
    hours = (stop - at) / _HOUR
    counted = (stop > since) & (hours > 0)
    is_sure = stop > sure_from[owner]
    longest, seen = np.zeros(count), np.zeros(count, dtype=bool)
    np.maximum.at(longest, owner[counted & is_sure], hours[counted & is_sure])
    seen[owner] = True
    sure, maybe = (_listed(owner[chosen], hours[chosen], count) for chosen in (counted & is_sure, counted & ~is_sure))
    return longest, seen, sure, maybe


def _listed(owner: Cells, hours: Cells, count: int) -> list[str]:
    """The hours of each object as text, the longest first."""
    lists: list[list[str]] = [[] for _ in range(count)]
    rank = np.lexsort((-hours, owner))
    owner, hours = owner[rank], hours[rank]
    near = pd.Series(owner).groupby(owner).cumcount().to_numpy() < _MOST_GAPS
    for one, length in zip(owner[near].tolist(), hours[near].tolist(), strict=True):
        lists[one].append(f"{length:.2f}")
    return [",".join(each) for each in lists]


# What the restore points of each protected object show of it.

MALWARE: Final = ("Clean", "Informative", "Suspicious", "Infected")
"""The marks of restore points, the worst last."""


def point_facts(points: Points, owners: Cells, is_copy: pd.Series, count: int, now: dt.datetime) -> dict[str, Any]:
    """The columns that restore points give for `count` objects; `owners` gives the object of each unit.

    `is_copy` says of each unit whether a copy job made it. `latest_…` are NaT wherever a newer restore point may be
    there, `newest_…` are the newest of those that are surely its own.
    """
    index = pd.RangeIndex(count)
    linked = points.unit >= 0
    frame, unit = points.frame[linked], points.unit[linked]
    owner, created = owners[unit], frame["created"]
    doubt = np.full(count, NEVER, dtype=np.int64)
    np.maximum.at(doubt, owners[owners >= 0], points.doubt[owners >= 0])
    unclear = doubt > NEVER
    marks = frame["malware_status"]
    rank = marks.map({word: place for place, word in enumerate(MALWARE)}).astype("Float64")
    unmarked, is_clean = are_missing(rank), surely(marks == "Clean")
    full, kind = surely(frame["type"] == "Full"), are_missing(frame["type"])
    copied = is_copy.iloc[unit].reset_index(drop=True)
    side_unknown = _any(owners, are_missing(is_copy) & (owners >= 0), count)
    believed = surely((created <= pd.Timestamp(now) + LEEWAY).astype("boolean"))

    def latest(chosen: Cells, *, oldest: bool = False) -> Cells:
        return _edges(owner, created, chosen & believed, count, oldest=oldest)

    every = latest(np.ones(len(frame), dtype=bool))
    clean, whole = latest(is_clean), latest(full)
    # What may be a newer one: one that is not known to be its own, or not known to be of that kind.
    maybe_clean = np.maximum(doubt, latest(unmarked))
    maybe_full = np.maximum(doubt, latest(kind))
    has_clean, marked = _any(owner, is_clean, count), _any(owner, are_known(marks), count)
    return {
        "points_known": pd.array(~unclear, dtype="boolean"),
        "latest_point": _instants(every, unclear & (doubt > every)),
        "newest_point": _instants(every),
        "newest_known": pd.array(doubt <= every, dtype="boolean"),
        "oldest_point": _instants(latest(np.ones(len(frame), dtype=bool), oldest=True), unclear),
        "latest_clean_point": _instants(clean),
        "clean_known": pd.array(maybe_clean <= clean, dtype="boolean"),
        "newest_is_clean": nullable((clean == every) & (clean > NEVER), (doubt > every) | (maybe_clean > clean), index),
        "latest_full": _instants(whole),
        "full_known": pd.array(maybe_full <= whole, dtype="boolean"),
        "latest_source_point": _instants(latest(surely_not(copied)), unclear | side_unknown),
        "latest_copy_point": _instants(latest(surely(copied)), unclear | side_unknown),
        "has_clean_point": nullable(has_clean, (unclear | _any(owner, unmarked, count)) & ~has_clean, index),
        "has_marks": nullable(marked, ~marked, index),
        "worst_malware": _worst(owner, rank, count, unclear | _any(owner, unmarked, count)),
    }


def left_by_failed_runs(
    material: Material, jobs: pd.DataFrame, points: Points, tasks: Tasks, owners: Cells, newest: pd.Series
) -> pd.Series:
    """Of which objects the `newest` restore point was made during a run of its job that is known to have failed.

    `jobs` are on the units. A run in which a task of the object ended well did not fail for it.
    """
    linked = np.flatnonzero(points.unit >= 0)
    unit, at = points.unit[linked], micros_of(points.frame["created"].iloc[linked])
    owner, latest = owners[unit], micros_of(newest)
    chosen = (owner >= 0) & (at == latest[owner]) & are_known(newest)[owner]
    is_left = np.zeros(len(newest), dtype=bool)
    failed = _failed_runs(material)
    good: dict[int, list[int]] = {}
    for one, moment in zip(tasks.owner[tasks.good].tolist(), tasks.at[tasks.good].tolist(), strict=True):
        good.setdefault(one, []).append(moment)
    made = zip(jobs["backup_job_id"].array.take(unit[chosen]).tolist(), owner[chosen], at[chosen], strict=True)
    spared: set[int] = set()
    for job, one, moment in made:
        begins, ends = failed.get(job, ([], [])) if job is not pd.NA else ([], [])
        last = bisect_right(begins, moment) - 1
        if last >= 0 and moment <= ends[last]:
            is_left[one] = True
            if any(begins[last] <= task <= ends[last] for task in good.get(one, ())):
                spared.add(one)
    is_left[list(spared)] = False
    return pd.Series(is_left, dtype="boolean")


def _failed_runs(material: Material) -> dict[str, tuple[list[int], list[int]]]:
    """When the failed runs of each job began and ended, in microseconds, by the beginning."""
    runs = material.frame("all_job_runs")
    known = are_known(runs["ended"]) & are_known(runs["started"]) & are_known(runs["job_id"])
    rows = np.flatnonzero(surely_one(material.text("all_job_runs", "result"), "Failed") & known)
    begin, end = (micros_of(runs[name].iloc[rows]) for name in ("started", "ended"))
    order = np.argsort(begin, kind="stable")
    failed: dict[str, tuple[list[int], list[int]]] = {}
    for job, first, last in zip(
        runs["job_id"].array.take(rows[order]).tolist(), begin[order].tolist(), end[order].tolist(), strict=True
    ):
        begins, ends = failed.setdefault(job, ([], []))
        begins.append(first)
        ends.append(last)
    return failed


def _any(owner: Cells, chosen: Cells, count: int) -> Cells:
    marked = np.zeros(count, dtype=bool)
    marked[owner[chosen & (owner >= 0)]] = True
    return marked


def _edges(owner: Cells, created: pd.Series, chosen: Cells, count: int, *, oldest: bool = False) -> Cells:
    """The newest (or oldest) chosen instant per object in microseconds; `NEVER` (or `ANY_TIME`) for none."""
    usable = chosen & (owner >= 0)
    best = np.full(count, ANY_TIME if oldest else NEVER, dtype=np.int64)
    (np.minimum if oldest else np.maximum).at(best, owner[usable], micros_of(created[usable]))
    return best


def _instants(micros: Cells, unclear: Cells | None = None) -> pd.Series:
    """Microseconds as instants; NaT for none, and where it is not clear."""
    instants = micros.astype("datetime64[us]")
    nothing = (micros == NEVER) | (micros == ANY_TIME)
    instants[nothing if unclear is None else nothing | unclear] = np.datetime64("NaT", "us")
    return pd.Series(pd.DatetimeIndex(instants).tz_localize("UTC"))


def _worst(owner: Cells, rank: pd.Series, count: int, unmarked: Cells) -> list[str | None]:
    """The worst mark per object; a bad one is told even where others are not known, a good one only where all are."""
    known = are_known(rank) & (owner >= 0)
    worst = np.full(count, -1, dtype=np.int64)
    np.maximum.at(worst, owner[known], rank.to_numpy(dtype=float, na_value=-1)[known].astype(np.int64))
    bad = worst >= MALWARE.index("Suspicious")
    sure = bad | ((worst >= 0) & ~unmarked)
    return [MALWARE[place] if is_sure else None for place, is_sure in zip(worst.tolist(), sure.tolist(), strict=True)]
