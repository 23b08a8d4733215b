"""The RPO of a month: of each protected object how much of the month its restore points covered, and every gap.

The promise to an object on a day is that of the latest run that saw the day and knows it. A point that one run saw was
there, whatever a later run still finds; that there was none is said only where a run knows all points.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells, worded
from vbr_audit.histories import protection
from vbr_audit.histories.evidence import HOUR, NO_INSTANT, RunTables, instants, joined
from vbr_audit.histories.month import MET, MISSED, UNKNOWN
from vbr_audit.histories.month_parts import NO_RUN_KNOWS, MonthParts, joined_keys, parts_of_month
from vbr_audit.histories.protection import OBJECT_COLUMNS, promise_micros, timeline_of
from vbr_audit.histories.timeline import FAR, Timeline, stretch_of
from vbr_audit.tables.build.arrays import micros_of
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

SPEC: Final = TableSpec(
    "rpo",
    ("server_id", "object_id"),
    (
        *OBJECT_COLUMNS,
        Column("rpo_h", "Float64", "The latest promise of the month: the longest time without a new point.", "h"),
        Column("strictest_rpo_h", "Float64", "The strictest promise of the month.", "h"),
        Column("hours", "Float64", "The length of the month.", "h"),
        Column("owed_h", "Float64", "Hours since the month or the object began, for which something is owed.", "h"),
        Column("covered_h", "Float64", "Of these, hours with a restore point that was recent enough.", "h"),
        Column("late_h", "Float64", "Of these, hours in which there was surely none.", "h"),
        Column("unknown_h", "Float64", "The others: evidence or promise are not known.", "h"),
        Column("covered_share", "Float64", "The covered share of the owed hours; NA if some are not known."),
        Column("covered_at_least", "Float64", "The same share if none of the unknown hours was covered."),
        Column("covered_at_most", "Float64", "The same share if all of them were."),
        Column("gaps", "Int64", "Gaps that are longer than the promise and reach into the month.", "gaps"),
        Column("longest_gap_h", "Float64", "The longest of them; NA if not all of the month is known.", "h"),
        Column("verdict", "string", "`met`, `missed` if an hour is surely late, else `unknown`.", holds="word"),
        Column("reason", "string", "Why hours are not known.", holds="own text"),
    ),
    "One row per protected object: how much of the month its restore points covered, by the promise of each day.",
)

GAPS_SPEC: Final = TableSpec(
    "rpo_gaps",
    ("server_id", "object_id", "late_since"),
    (
        *OBJECT_COLUMNS,
        Column("start", "datetime", "The restore point before the gap; NaT if not known."),
        Column("end", "datetime", "The restore point after it; NaT if none is known."),
        Column("hours", "Float64", "Its length, as far as all restore points are known: at least so long.", "h"),
        Column("is_whole", "boolean", "Both ends are known."),
        Column("rpo_h", "Float64", "The promise that it breaks: the longest time without a new point.", "h"),
        Column("late_since", "datetime", "From when on the newest point was too old, in the month."),
        Column("late_h", "Float64", "For how many hours of the month.", "h"),
    ),
    "One row per gap between restore points that is longer than the promise and reaches into the month.",
)

_MARGIN: Final = 32 * 24 * HOUR
"""How far from the month the points of other runs are looked at: to find both ends of its gaps."""


@dataclass(frozen=True, eq=False)
class _Month:
    """The evidence of the objects of a month, and its timeline. `code` is the object of each row of `evidence`."""

    parts: MonthParts
    keys: pd.Index
    evidence: pd.DataFrame
    code: Cells
    timeline: Timeline


@dataclass(frozen=True, eq=False)
class _Sums:
    """Lengths by object in microseconds, and the late pieces of all stretches of the month with their promises."""

    covered: Cells
    late: Cells
    latest: Cells
    strictest: Cells
    pieces: pd.DataFrame


def rpo_of_month(month: str, zone: dt.tzinfo, runs: Iterable[RunTables]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `rpo` and `rpo_gaps` of a history."""
    return rpo_of_parts(parts_of_month(month, zone, runs))


def rpo_of_parts(parts: MonthParts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `rpo` and `rpo_gaps` of what runs hold of one span of time."""
    own = _month_of(parts)
    if own is None:
        return empty(SPEC), empty(GAPS_SPEC)
    sums = _summed(own)
    gaps = _gaps(own, sums)
    return _rpo(own, sums, gaps), _named_gaps(own, gaps)


def _month_of(parts: MonthParts) -> _Month | None:
    evidence, frames = _evidence_near(parts)
    if not len(evidence):
        return None
    all_keys = _keys(evidence)
    kept = _is_of_month(evidence, all_keys, parts)
    evidence, all_keys = evidence[kept].reset_index(drop=True), all_keys[kept]
    code, keys = pd.factorize(all_keys)
    if not len(keys):
        return None
    keys = pd.Index(keys)
    points = joined(frames, protection.POINTS_SPEC)
    timeline = timeline_of(keys, evidence, all_keys, points, _keys(points))
    return _Month(parts, keys, evidence, code, timeline)


def _evidence_near(parts: MonthParts) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The evidence of the runs about the month, in order of the runs, and the points of each."""
    rows, points = [], []
    for run in parts.runs:
        own = run.table(protection.EVIDENCE_SPEC)
        since, until = micros_of(own["since"]), micros_of(own["until"])
        if (near := (since < parts.end + _MARGIN) & (until > parts.start - _MARGIN)).any():
            rows.append(own[near])
            at = run.table(protection.POINTS_SPEC)
            points.append(at[micros_of(at["at"]) < parts.end + _MARGIN])
    return joined(rows, protection.EVIDENCE_SPEC), points


def _keys(rows: pd.DataFrame) -> Any:
    """What identifies the object of each row over time: its server and its id."""
    return joined_keys(rows["server_id"], rows["object_id"])


def _is_of_month(evidence: pd.DataFrame, keys: Any, parts: MonthParts) -> Cells:
    """The rows of objects that a run of the month has, or runs before and after it, or the only runs there are."""
    since, until = micros_of(evidence["since"]), micros_of(evidence["until"])
    inside = (since < parts.end) & (until > parts.start)
    rows = pd.DataFrame({"key": keys, "server": evidence["server_id"].array, "inside": inside})
    rows["before"], rows["after"] = until <= parts.start, since >= parts.end
    by_object = rows.groupby("key")[["inside", "before", "after"]].transform("any")
    is_seen = rows.groupby("server", dropna=False)["inside"].transform("any")
    return np.asarray(by_object["inside"] | (by_object["before"] & (by_object["after"] | ~is_seen)))


def _promises(own: _Month) -> Iterator[tuple[int, int, Cells]]:
    """The stretches of the month, and the promise to each object in each: that of the latest run that knows it."""
    evidence, parts = own.evidence, own.parts
    start = np.maximum(micros_of(evidence["since"]), parts.start)
    end = np.minimum(micros_of(evidence["until"]), parts.end)
    promise = promise_micros(evidence["rpo_h"])
    rows = np.flatnonzero((start < end) & (promise >= 0))
    cuts = np.unique(np.concatenate([[parts.start, parts.end], start[rows], end[rows]]))
    held: tuple[int, int, Cells] | None = None
    for begin, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        promised = np.full(len(own.keys), -1, dtype=np.int64)
        inside = rows[(start[rows] <= begin) & (end[rows] >= stop)]
        # The rows are in order of the runs: the latest one counts.
        promised[own.code[inside]] = promise[inside]
        if held is not None and np.array_equal(held[2], promised):
            held = held[0], stop, promised
            continue
        if held is not None:
            yield held
        held = begin, stop, promised
    if held is not None:
        yield held


def _summed(own: _Month) -> _Sums:
    size = len(own.keys)
    covered, late = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    latest, strictest = np.full(size, -1, dtype=np.int64), np.full(size, FAR, dtype=np.int64)
    pieces = []
    for start, end, promise in _promises(own):
        stretch = stretch_of(own.timeline, start, end, promise)
        covered += stretch.covered
        late += stretch.late
        known = promise >= 0
        latest[known] = promise[known]
        strictest[known] = np.minimum(strictest, promise)[known]
        pieces.append(
            pd.DataFrame(
                {
                    "owner": stretch.piece_owner,
                    "point": stretch.piece_point,
                    "span": stretch.piece_span,
                    "low": stretch.piece_from,
                    "late": stretch.piece_to - stretch.piece_from,
                    "promise": promise[stretch.piece_owner],
                }
            )
        )
    return _Sums(covered, late, latest, strictest, pd.concat(pieces, ignore_index=True))


def _gaps(own: _Month, sums: _Sums) -> pd.DataFrame:
    """One row per gap, with its bounds in microseconds and the object of each as `owner`."""
    timeline = own.timeline
    groups = sums.pieces.groupby(["owner", "point", "span"], sort=True)
    gaps = groups.agg(low=("low", "min"), late=("late", "sum"), promise=("promise", "min")).reset_index()
    owner, point, span = (gaps[name].to_numpy(dtype=np.int64) for name in ("owner", "point", "span"))
    first, last = timeline.span_from[span], timeline.span_to[span]
    at = np.append(timeline.at, -FAR)[point]
    after = np.where(point >= 0, np.append(timeline.following, FAR)[point], timeline.first[owner])
    begun, ended = at >= first, after <= last
    hours = (np.where(ended, after, last) - np.where(begun, at, first)) / HOUR
    start, end = np.where(begun, at, NO_INSTANT), np.where(ended, after, NO_INSTANT)
    return gaps.assign(start=start, end=end, hours=hours, is_whole=begun & ended)


def _rpo(own: _Month, sums: _Sums, gaps: pd.DataFrame) -> pd.DataFrame:
    parts, size = own.parts, len(own.keys)
    owed = np.maximum(parts.end - np.maximum(parts.start, own.timeline.owed), 0)
    unknown = owed - sums.covered - sums.late
    is_bound, is_open = sums.latest >= 0, unknown > 0
    owner = gaps["owner"].to_numpy(dtype=np.int64)
    longest = np.zeros(size)
    np.maximum.at(longest, owner, gaps["hours"].to_numpy(dtype=float))
    share = np.maximum(owed, 1)
    index = pd.RangeIndex(size)

    def hours(lengths: Cells, gone: Cells | None = None) -> Any:
        return pd.arrays.FloatingArray(lengths / HOUR, np.zeros(size, dtype=bool) if gone is None else gone)

    columns: dict[str, Any] = _names(own) | {
        "rpo_h": hours(sums.latest, ~is_bound),
        "strictest_rpo_h": hours(np.where(is_bound, sums.strictest, 0), ~is_bound),
        "hours": pd.array([parts.hours] * size, dtype="Float64"),
        "owed_h": hours(owed),
        "covered_h": hours(sums.covered, ~is_bound),
        "late_h": hours(sums.late, ~is_bound),
        "unknown_h": hours(unknown),
        "covered_share": pd.arrays.FloatingArray(sums.covered / share, is_open),
        "covered_at_least": pd.arrays.FloatingArray(sums.covered / share, ~is_bound),
        "covered_at_most": pd.arrays.FloatingArray((sums.covered + unknown) / share, ~is_bound),
        "gaps": pd.arrays.IntegerArray(np.bincount(owner, minlength=size).astype(np.int64), ~is_bound),
        "longest_gap_h": pd.arrays.FloatingArray(longest, is_open),
        "verdict": worded(index, (sums.late > 0, MISSED), (is_open, UNKNOWN), default=MET),
        "reason": _reasons(own, is_open),
    }
    frame: pd.DataFrame = conform({name: pd.Series(values) for name, values in columns.items()}, SPEC)[0][owed > 0]
    return frame.sort_values(["server_id", "object_name", "object_id"], kind="stable", ignore_index=True)


def _names(own: _Month) -> dict[str, Any]:
    """What the latest run that has each object calls it."""
    last = np.zeros(len(own.keys), dtype=np.int64)
    last[own.code] = np.arange(len(own.code))
    return {column.name: own.evidence[column.name].array.take(last) for column in OBJECT_COLUMNS}


def _reasons(own: _Month, is_open: Cells) -> pd.Series:
    """Why hours of each object are not known: the first reason of a run of the month, else that no run covers them."""
    evidence, parts, index = own.evidence, own.parts, pd.RangeIndex(len(own.keys))
    inside = (micros_of(evidence["since"]) < parts.end) & (micros_of(evidence["until"]) > parts.start)
    given = pd.Series(evidence["reason"].array, index=own.code)[inside].dropna().groupby(level=0).min().reindex(index)
    return worded(index, (is_open, given.fillna(NO_RUN_KNOWS)))


def _named_gaps(own: _Month, gaps: pd.DataFrame) -> pd.DataFrame:
    owner = gaps["owner"].to_numpy(dtype=np.int64)
    columns: dict[str, Any] = {name: values.take(owner) for name, values in _names(own).items()}
    columns |= {name: instants(gaps[name].to_numpy(dtype=np.int64)) for name in ("start", "end")}
    columns |= {
        "hours": gaps["hours"].astype("Float64"),
        "is_whole": gaps["is_whole"].astype("boolean"),
        "rpo_h": (gaps["promise"] / HOUR).astype("Float64"),
        "late_since": instants(gaps["low"].to_numpy(dtype=np.int64)),
        "late_h": (gaps["late"] / HOUR).astype("Float64"),
    }
    frame = conform({name: pd.Series(values) for name, values in columns.items()}, GAPS_SPEC)[0]
    order = ["server_id", "object_name", "object_id", "late_since"]
    return frame.sort_values(order, kind="stable", ignore_index=True)
