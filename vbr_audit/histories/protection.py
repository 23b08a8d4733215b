"""The restore points of each protected object, as a history keeps them of each run, and its days.

A point that retention has removed is stood in for as the checks do: by the object's own tasks, else by the runs of its
job. The promise is that of the policy and the site file of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.restore_points.points import allowed_gap_hours
from vbr_audit.checks.derived import protection
from vbr_audit.checks.derived.protection_gaps import Moments, moments_of
from vbr_audit.checks.derived.protection_links import ANY_TIME, NEVER
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.three_valued import Cells, places_of, surely, worded
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.results import Results
from vbr_audit.histories.evidence import (
    HOUR,
    NO_INSTANT,
    PART_COLUMNS,
    SERVER_COLUMNS,
    constant,
    id_of,
    instants,
    joined,
    parts_of,
    server_views,
)
from vbr_audit.histories.timeline import FAR, Timeline, make_timeline, stretch_of, worst_age
from vbr_audit.tables.build.arrays import micros, strings_of
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

OBJECT_COLUMNS: Final = (
    *SERVER_COLUMNS,
    Column("object_id", "string", "The protected object: its key in the run.", holds="id"),
    Column("object_name", "string", "The object's name.", holds="object"),
    Column("platform", "string", "Its platform.", holds="word"),
)

EVIDENCE_SPEC: Final = TableSpec(
    "protection_evidence",
    ("server_id", "object_id"),
    (
        *OBJECT_COLUMNS,
        Column("since", "datetime", "The first instant of the period."),
        Column("until", "datetime", "The end of the period, or the server's clock if that is earlier."),
        Column("known", "boolean", "From `known_from` to `until`, no point other than those listed can have existed."),
        Column("known_from", "datetime", "From when on all restore points are known; NaT if not known."),
        Column("born", "datetime", "The first trace of an object that came in the period; NaT for any other."),
        Column("rpo_h", "Float64", "The longest time without a new restore point that is promised.", "h"),
        Column("reason", "string", "Why the points or the promise are not known.", holds="own text"),
    ),
    "One row per protected object of a run: of which time its restore points are known, and what was promised.",
)

POINTS_SPEC: Final = TableSpec(
    "protection_points",
    ("server_id", "object_id", "at"),
    (
        *SERVER_COLUMNS,
        Column("object_id", "string", "The protected object.", holds="id"),
        Column("at", "datetime", "When the restore point was created."),
    ),
    "One row per restore point of the period, and the last one before it; a task or a run that went well stands in for "
    "a point that retention has removed.",
)

SPEC: Final = TableSpec(
    "protection_daily",
    ("server_id", "object_id", "since"),
    (
        *OBJECT_COLUMNS,
        *PART_COLUMNS,
        Column("rpo_h", "Float64", "The longest time without a new restore point that was promised.", "h"),
        Column("worst_gap_h", "Float64", "The highest age of its newest restore point in that part of the day.", "h"),
        Column("owed_h", "Float64", "Hours of that part for which something was promised.", "h"),
        Column("covered_h", "Float64", "Of these, hours with a restore point that was recent enough.", "h"),
        Column("late_h", "Float64", "Of these, hours in which there was surely none.", "h"),
        Column("unknown_h", "Float64", "The others.", "h"),
        Column("known", "boolean", "The promise and all of that part are known."),
    ),
    "One row per protected object and part of a day of the period. Hours are NA if the promise is not known.",
)


@dataclass(frozen=True, eq=False)
class _Objects:
    """The protected objects of one server: their rows, the moments of all objects, and the place there of each row."""

    rows: pd.DataFrame
    moments: Moments
    place: Cells
    end: int
    since: int
    begin: Cells


def protection_tables(snapshot: Snapshot, results: Results) -> dict[str, pd.DataFrame]:
    """The tables `protection_evidence`, `protection_points` and `protection_daily` of one run, by name."""
    views = server_views(snapshot)
    pairs = [_evidence(snapshot, view, results) for view in views]
    by_day = joined([_by_day(view, *pair) for view, pair in zip(views, pairs, strict=True)], SPEC)
    return {**_by_name(pairs), SPEC.name: by_day}


def evidence_tables(snapshot: Snapshot, results: Results) -> dict[str, pd.DataFrame]:
    """The tables `protection_evidence` and `protection_points` of one run, by name."""
    return _by_name([_evidence(snapshot, view, results) for view in server_views(snapshot)])


def _by_name(pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    return {
        EVIDENCE_SPEC.name: joined([evidence for evidence, _ in pairs], EVIDENCE_SPEC),
        POINTS_SPEC.name: joined([points for _, points in pairs], POINTS_SPEC),
    }


def _evidence(snapshot: Snapshot, view: ServerView, results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    if view.frame("backup_objects").empty:
        return empty(EVIDENCE_SPEC), empty(POINTS_SPEC)
    objects = _objects_of(view, results)
    rows, moments, place = objects.rows, objects.moments, objects.place
    size = len(rows)
    own = {"server_id": constant(id_of(snapshot, view.name), size), "server": constant(view.name, size)}
    seen, is_new = moments.seen[place], moments.is_new[place]
    known_from, traced = _known_from(objects)
    known = moments.is_known[place] & traced
    evidence = conform(
        {
            **own,
            "object_id": rows["object_key"],
            "object_name": rows["name"],
            "platform": rows["platform"],
            "since": instants(np.full(size, objects.since)),
            "until": instants(np.full(size, objects.end)),
            "known": pd.Series(known, dtype="boolean"),
            "known_from": pd.Series(instants(np.where(known, known_from, NO_INSTANT))),
            "born": pd.Series(instants(np.where(is_new & (seen < ANY_TIME), seen, NO_INSTANT))),
            "rpo_h": rows["rpo_h"],
            "reason": worded(
                rows.index,
                (~traced, "no trace of it is known in the period"),
                (~known, "further restore points may have been there: some of them, or some runs, are not known"),
                (rows["rpo_h"].isna().to_numpy(), "the promise to it is not known"),
            ),
        },
        EVIDENCE_SPEC,
    )[0]
    return evidence, _points(objects, own)


def _objects_of(view: ServerView, results: Results) -> _Objects:
    """The protected objects of one server with the promise to each, and the moments of everything that has backups."""
    known = protection.followed(view)
    units, owners, keys, jobs = known.units, known.owners, known.keys, known.jobs
    moments = moments_of(view, units, jobs, known.points, known.tasks, owners, len(keys), before=True)
    rows = promised(results, view.name)
    if not any(use.enabled and protection.SPEC.name in use.check.tables for use in results.uses):
        rows = _without_promise(units, owners, keys)
    place = places_of(rows["object_key"], pd.Series(strings_of(keys)))
    rows = rows[place >= 0].reset_index(drop=True)
    since = micros(view.since)
    end = max(micros(min(view.until, view.now)), since)
    return _Objects(rows, moments, place[place >= 0], end, since, moments.begin(view, jobs, owners))


def _without_promise(units: pd.DataFrame, owners: Cells, keys: list[str]) -> pd.DataFrame:
    """All objects that have backups, where no check asks which of them are protected."""
    first = np.full(len(keys), len(units), dtype=np.int64)
    np.minimum.at(first, owners, np.arange(len(units)))
    columns = {name: units[name].array.take(first) for name in ("name", "platform")}
    nothing = pd.array([pd.NA] * len(keys), dtype="Float64")
    return pd.DataFrame({"object_key": strings_of(keys), **columns, "rpo_h": nothing})


def promised(results: Results, server: str) -> pd.DataFrame:
    """The protected objects of one server, each with the hours `rpo_h` that the run promises to it; NA if not known.

    That is what its tier allows, else what RPO-002 does under the policy.
    """
    frame = results.protected
    own = frame[surely(frame["server"] == server)].drop_duplicates("object_key").reset_index(drop=True)
    use = next((use for use in results.uses if use.check.id == "RPO-002"), None)
    hours = own["rpo_hours"].astype("Float64")
    if use is not None and use.enabled:
        names = (own[name].astype(object).where(own[name].notna(), None).tolist() for name in ("object_key", "name"))
        kind = protection.SPEC.kind.kind if protection.SPEC.kind else None
        every = [use.for_object(server, kind, *pair) for pair in zip(*names, strict=True)] if use.overrides else []
        limits = [one.params["max_gap_hours"] if one.enabled else -1 for one in every]
        limits = limits or [use.params["max_gap_hours"]] * len(own)
        for limit in sorted(set(limits) - {-1}):
            rows = np.array(limits) == limit
            hours[rows] = allowed_gap_hours(own[rows], limit)[0].astype("Float64")
    hours = hours.mask(~surely(own["tier_known"]))
    return own.assign(rpo_h=hours)[["object_key", "name", "platform", "rpo_h"]]


def _known_from(objects: _Objects) -> tuple[Cells, Cells]:
    """From which instant on all points of each object are known, and whether there is any trace of it at all."""
    moments, since = objects.moments, objects.since
    count = len(moments.seen)
    before = np.full(count, NEVER, dtype=np.int64)
    early = moments.at <= since
    np.maximum.at(before, moments.owner[early], moments.at[early])
    traced = moments.seen < ANY_TIME
    traced[moments.owner] = True
    # All points are kept: none can have been between the last one before the period and its beginning.
    kept = np.maximum(before, moments.earliest)
    kept = np.where(kept == NEVER, since, np.minimum(kept, since))
    start = np.where(moments.removed, objects.begin, kept)
    doubtful = ~moments.is_new & ~moments.is_there & (moments.seen > since) & (moments.seen < ANY_TIME)
    start = np.where((moments.is_new | doubtful) & (moments.seen < ANY_TIME), np.maximum(start, moments.seen), start)
    return start[objects.place], traced[objects.place]


def _points(objects: _Objects, own: dict[str, Any]) -> pd.DataFrame:
    """The points of the period and the last one before it, of the protected objects."""
    moments = objects.moments
    row = np.full(len(moments.seen), -1)
    row[objects.place] = np.arange(len(objects.place))
    owner, at = row[moments.owner], moments.at
    chosen = (owner >= 0) & (at < max(objects.end, objects.since + 1))
    owner, at = owner[chosen], at[chosen]
    order = np.lexsort((at, owner))
    owner, at = owner[order], at[order]
    following = np.append(at[1:], FAR)[: len(at)]
    same = np.append(owner[1:] == owner[:-1], False)[: len(owner)]
    # Of those before the period, the last one is followed by another object or by a point of the period.
    kept = ((at >= objects.since) | ~same | (following > objects.since)) & ~(same & (following == at))
    owner, at = owner[kept], at[kept]
    columns = {name: cells.take(owner) for name, cells in own.items()}
    data = {**columns, "object_id": objects.rows["object_key"].array.take(owner), "at": instants(at)}
    return conform({name: pd.Series(cells) for name, cells in data.items()}, POINTS_SPEC)[0]


def timeline_of(keys: pd.Index, evidence: pd.DataFrame, evidence_keys: Any, points: Any, point_keys: Any) -> Timeline:
    """The timeline of objects from rows of `protection_evidence` and `protection_points`, by what identifies them."""
    point_of, different = pd.factorize(point_keys)
    where, owner = keys.get_indexer(pd.Index(evidence_keys)), keys.get_indexer(pd.Index(different))
    owner = np.append(owner, -1)[point_of]
    at = _micros(points["at"])[owner >= 0]
    owner = owner[owner >= 0]
    known = surely(evidence["known"])
    first = np.full(len(keys), FAR, dtype=np.int64)
    np.minimum.at(first, owner, at)
    born = _micros(evidence["born"])
    hours = evidence["rpo_h"].to_numpy(dtype=float, na_value=0.0)
    grace = born + (hours * HOUR).astype(np.int64)
    owed = np.full(len(keys), FAR, dtype=np.int64)
    came = evidence["born"].notna().to_numpy()
    np.minimum.at(owed, where[came], np.minimum(grace[came], np.maximum(first[where[came]], born[came])))
    owed = np.where(owed == FAR, -FAR, np.minimum(owed, first))
    return make_timeline(
        owner, at, where[known], _micros(evidence["known_from"])[known], _micros(evidence["until"])[known], owed
    )


def _micros(moments: pd.Series) -> Cells:
    cells = moments.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    return np.where(moments.isna().to_numpy(), 0, cells)


def promise_micros(hours: pd.Series) -> Cells:
    """Promises in microseconds; -1 for one that is not known."""
    known = hours.notna().to_numpy()
    return np.where(known, (hours.to_numpy(dtype=float, na_value=0.0) * HOUR).astype(np.int64), -1)


def _by_day(view: ServerView, evidence: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    parts, count = parts_of(view), len(evidence)
    size = len(parts.start)
    if not count or not size:
        return conform({}, SPEC)[0]
    keys = evidence["object_id"]
    timeline = timeline_of(pd.Index(keys), evidence, keys, points, points["object_id"])
    promise = promise_micros(evidence["rpo_h"])
    names = ("owed", "covered", "late", "unknown", "worst")
    cells = {name: np.zeros((count, size), dtype=np.int64) for name in names}
    for place, (start, end) in enumerate(zip(parts.start.tolist(), parts.end.tolist(), strict=True)):
        stretch = stretch_of(timeline, start, end, promise)
        for name in names[:-1]:
            cells[name][:, place] = getattr(stretch, name)
        cells["worst"][:, place] = worst_age(timeline, start, end)
    row, part = np.repeat(np.arange(count), size), np.tile(np.arange(size), count)
    bound = (promise >= 0)[row]
    hours = {name: cells[name].ravel() / HOUR for name in names}
    worst = cells["worst"].ravel()
    data: dict[str, Any] = {column.name: evidence[column.name].array.take(row) for column in OBJECT_COLUMNS}
    data |= parts.columns(part) | {f"{name}_h": pd.arrays.FloatingArray(hours[name], ~bound) for name in names[:-1]}
    data |= {
        "rpo_h": evidence["rpo_h"].array.take(row),
        "worst_gap_h": pd.arrays.FloatingArray(np.maximum(hours["worst"], 0), worst < 0),
        "known": pd.array(bound & (cells["unknown"].ravel() == 0), dtype="boolean"),
    }
    return conform({name: pd.Series(values) for name, values in data.items()}, SPEC)[0]
