"""Covered, late and unknown time of objects, against counting by the hour."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from vbr_audit.histories.timeline import FAR, Timeline, make_timeline, stretch_of, worst_age

START, END = 100, 150
HOURS = st.integers(40, 170)
POINTS = st.lists(st.tuples(st.integers(0, 1), HOURS), max_size=12)
SPANS = st.lists(st.tuples(st.integers(0, 1), HOURS, st.integers(0, 90)), max_size=5)
PROMISES = st.tuples(st.integers(-1, 40), st.integers(-1, 40))
OWED = st.tuples(*[st.one_of(st.just(-FAR), HOURS)] * 2)

Points = list[tuple[int, int]]
Spans = list[tuple[int, int, int]]


def timeline(points: Points, spans: Spans, owed: tuple[int, int]) -> Timeline:
    owner, at = np.array(points, dtype=np.int64).reshape(-1, 2).T
    who, begin, length = np.array(spans, dtype=np.int64).reshape(-1, 3).T
    return make_timeline(owner, at, who, begin, begin + length, np.array(owed, dtype=np.int64))


def counted(
    points: Points, spans: Spans, owed: tuple[int, int], promise: tuple[int, int]
) -> list[tuple[int, int, int]]:
    """Covered, late and unknown hours of both objects: the promise asks about the hours back from each one."""
    sums = []
    for one in (0, 1):
        covered = late = unknown = 0
        known = {hour for who, begin, length in spans if who == one for hour in range(begin, begin + length)}
        for hour in range(max(START, owed[one]), END):
            back = range(hour - promise[one], hour + 1)
            if promise[one] >= 0 and any(who == one and hour - promise[one] < at <= hour for who, at in points):
                covered += 1
            elif promise[one] >= 0 and known.issuperset(back):
                late += 1
            else:
                unknown += 1
        sums.append((covered, late, unknown))
    return sums


@settings(max_examples=60)
@given(POINTS, SPANS, OWED, PROMISES)
def test_every_hour_is_covered_late_or_unknown_as_counting_says(
    points: Points, spans: Spans, owed: tuple[int, int], promise: tuple[int, int]
) -> None:
    stretch = stretch_of(timeline(points, spans, owed), START, END, np.array(promise))
    rows = zip(stretch.covered.tolist(), stretch.late.tolist(), stretch.unknown.tolist(), strict=True)
    assert list(rows) == counted(points, spans, owed, promise)
    pieces = np.bincount(stretch.piece_owner, weights=stretch.piece_to - stretch.piece_from, minlength=2)
    assert pieces.tolist() == stretch.late.tolist()


@settings(max_examples=60)
@given(POINTS, SPANS, OWED, PROMISES, st.integers(START, END))
def test_two_stretches_are_one(
    points: Points, spans: Spans, owed: tuple[int, int], promise: tuple[int, int], cut: int
) -> None:
    line, limit = timeline(points, spans, owed), np.array(promise)
    whole = stretch_of(line, START, END, limit)
    parts = stretch_of(line, START, cut, limit), stretch_of(line, cut, END, limit)
    for name in ("owed", "covered", "late", "unknown"):
        assert (getattr(whole, name) == getattr(parts[0], name) + getattr(parts[1], name)).all()


@settings(max_examples=60)
@given(POINTS, SPANS, OWED, PROMISES, st.integers(0, 11), st.integers(0, 4))
def test_less_evidence_turns_nothing_good(
    points: Points, spans: Spans, owed: tuple[int, int], promise: tuple[int, int], point: int, span: int
) -> None:
    limit = np.array(promise)
    full = stretch_of(timeline(points, spans, owed), START, END, limit)
    blind = stretch_of(timeline(points, spans[:span] + spans[span + 1 :], owed), START, END, limit)
    assert (blind.covered == full.covered).all()
    assert (blind.late <= full.late).all()
    fewer = stretch_of(timeline(points[:point] + points[point + 1 :], spans, owed), START, END, limit)
    assert (fewer.covered <= full.covered).all()


@settings(max_examples=60)
@given(POINTS, SPANS, OWED)
def test_the_worst_age_is_said_only_where_all_of_the_time_is_known(
    points: Points, spans: Spans, owed: tuple[int, int]
) -> None:
    ages = worst_age(timeline(points, spans, owed), START, END).tolist()
    for one, age in enumerate(ages):
        begin = max(START, owed[one])
        own = sorted(at for who, at in points if who == one)
        before = [at for at in own if at <= begin]
        known = {hour for who, first, length in spans if who == one for hour in range(first, first + length)}
        if begin < END and before and known.issuperset(range(before[-1], END)):
            bounds = [before[-1], *(at for at in own if begin < at < END), END]
            assert age == max(after - at for at, after in pairwise(bounds))
        else:
            assert age == -1
