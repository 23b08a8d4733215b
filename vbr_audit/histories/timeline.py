"""How long objects had a restore point that was recent enough, how long surely none, and how long nobody knows.

A restore point covers its object for as long as the promise allows. A moment that none covers is late only where a run
knows all points back to a whole promise before it; else it is unknown. So more evidence turns the unknown into one or
the other, and less of it turns nothing good. All instants are in microseconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells

FAR: Final = 1 << 61
"""An instant, or its negative, beyond all others that can still be added to."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """The restore points of objects, and the spans of which all points are known.

    `owner` and `at` are the points, distinct and in order of object and time. `span_owner`, `span_from` and `span_to`
    are the known spans, apart from one another and in that order. `owed` is the instant from which on something is
    promised to an object.
    """

    owner: Cells
    at: Cells
    span_owner: Cells
    span_from: Cells
    span_to: Cells
    owed: Cells

    @cached_property
    def following(self) -> Cells:
        """For each point the next one of its object; `FAR` for the last."""
        last = np.append(self.owner[1:] != self.owner[:-1], True)[: len(self.owner)]
        return np.where(last, FAR, np.roll(self.at, -1))

    @cached_property
    def first(self) -> Cells:
        """The first point of each object; `FAR` for none."""
        first = np.full(len(self.owed), FAR, dtype=np.int64)
        np.minimum.at(first, self.owner, self.at)
        return first


@dataclass(frozen=True, eq=False)
class Stretch:
    """What a stretch of time shows: by object how long it is owed, covered and late, in microseconds.

    Each late piece has its object, its bounds, the point before it (-1 for none) and the known span that it lies in.
    """

    owed: Cells
    covered: Cells
    late: Cells
    piece_owner: Cells
    piece_from: Cells
    piece_to: Cells
    piece_point: Cells
    piece_span: Cells

    @property
    def unknown(self) -> Cells:
        """How long it is not known whether the object was covered."""
        return self.owed - self.covered - self.late


def make_timeline(
    owner: Cells, at: Cells, span_owner: Cells, span_from: Cells, span_to: Cells, owed: Cells
) -> Timeline:
    """A timeline of these points, in any order, and of spans that may overlap one another."""
    order = np.lexsort((at, owner))
    owner, at = owner[order], at[order]
    new = np.append(True, (owner[1:] != owner[:-1]) | (at[1:] != at[:-1]))[: len(owner)]
    return Timeline(owner[new], at[new], *_merged(span_owner, span_from, span_to), owed)


def _merged(owner: Cells, begin: Cells, end: Cells) -> tuple[Cells, Cells, Cells]:
    """Spans that overlap or adjoin one another as one, by object and time."""
    there = begin < end
    owner, begin, end = owner[there], begin[there], end[there]
    if not len(owner):
        return owner, begin, end
    order = np.lexsort((begin, owner))
    owner, begin, end = owner[order], begin[order], end[order]
    reach = pd.Series(end).groupby(owner).cummax().to_numpy(dtype=np.int64)
    apart = np.append(True, (owner[1:] != owner[:-1]) | (begin[1:] > reach[:-1]))[: len(owner)]
    starts = np.flatnonzero(apart)
    ends = np.append(starts[1:], len(owner)) - 1
    return owner[starts], begin[starts], reach[ends]


def stretch_of(timeline: Timeline, start: int, end: int, promise: Cells) -> Stretch:
    """What the time from `start` to `end` shows, under the `promise` to each object; -1 for one that is not known."""
    size, bound = len(timeline.owed), promise >= 0
    begin = np.maximum(start, timeline.owed)
    owed = np.maximum(end - begin, 0)
    owner, at, following = timeline.owner, timeline.at, timeline.following
    until = np.where(bound[owner], np.minimum(following, at + promise[owner]), at)
    covered = np.zeros(size, dtype=np.int64)
    np.add.at(covered, owner, np.maximum(np.minimum(until, end) - np.maximum(at, begin[owner]), 0))
    # Beside the time after each point, there is the time before the first one.
    every = np.arange(size)
    who = np.concatenate([owner, every])
    point = np.concatenate([np.arange(len(owner)), np.full(size, -1)])
    low = np.concatenate([np.maximum(until, begin[owner]), begin])
    high = np.minimum(np.concatenate([following, timeline.first]), end)
    rows = np.flatnonzero((low < high) & bound[who])
    rows, span = _with_spans(rows, who[rows], timeline.span_owner)
    piece_owner = who[rows]
    piece_from = np.maximum(low[rows], timeline.span_from[span] + promise[piece_owner])
    piece_to = np.minimum(high[rows], timeline.span_to[span])
    kept = piece_from < piece_to
    late = np.zeros(size, dtype=np.int64)
    np.add.at(late, piece_owner[kept], (piece_to - piece_from)[kept])
    pieces = (piece_owner, piece_from, piece_to, point[rows], span)
    return Stretch(owed, covered, late, *(cells[kept] for cells in pieces))


def _with_spans(rows: Cells, owner: Cells, span_owner: Cells) -> tuple[Cells, Cells]:
    """Each of `rows` once for every span of its `owner`, with that span: a join, made for each day of a month."""
    first = np.searchsorted(span_owner, owner, side="left")
    count = np.searchsorted(span_owner, owner, side="right") - first
    before = np.repeat(first - np.cumsum(count) + count, count)
    return np.repeat(rows, count), before + np.arange(len(before))


def worst_age(timeline: Timeline, start: int, end: int) -> Cells:
    """The highest age that the newest restore point of each object had from `start` to `end`; -1 if not known.

    It is known where one known span holds all of that time and the point before it.
    """
    begin = np.maximum(start, timeline.owed)
    owner, at, following = timeline.owner, timeline.at, timeline.following
    reaches = (at < end) & (following > begin[owner])
    worst = np.full(len(timeline.owed), -1, dtype=np.int64)
    np.maximum.at(worst, owner[reaches], (np.minimum(following, end) - at)[reaches])
    oldest = np.full(len(timeline.owed), FAR, dtype=np.int64)
    np.minimum.at(oldest, owner[reaches], at[reaches])
    known = np.zeros(len(timeline.owed), dtype=bool)
    holds = (timeline.span_from <= np.minimum(oldest, begin)[timeline.span_owner]) & (timeline.span_to >= end)
    known[timeline.span_owner[holds]] = True
    return np.where(known & (begin < end) & (oldest <= begin), worst, -1)
