"""The times without a new restore point, held as properties."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.checks.derived.protection_gaps import gaps_of
from vbr_audit.checks.derived.protection_links import NEVER

HOUR = 3_600_000_000
SINCE, END = 10_000 * HOUR, 10_744 * HOUR
INSTANTS = st.lists(st.integers(9_800, 10_800), max_size=15, unique=True)


def gaps(instants: list[int]) -> tuple[float, list[float]]:
    """The longest time and all of them for one object, by the hours at which it has restore points."""
    at = np.array(instants, dtype=np.int64) * HOUR
    owner = np.zeros(len(at), dtype=np.int64)
    longest, _, told, _ = gaps_of(at, owner, 1, SINCE, END, np.array([NEVER]))
    return float(longest[0]), [float(text) for text in told[0].split(",") if text]


@given(INSTANTS, st.integers(9_999, 10_800))
def test_a_restore_point_more_never_lowers_the_covered_share(instants: list[int], more: int) -> None:
    held = [9_999, *instants]
    before, after = gaps(held), gaps([*held, more])
    assert after[0] <= before[0]
    for limit in (1, 24, 26, 168):
        late = [sum(hours - limit for hours in each if hours > limit) for _, each in (before, after)]
        assert late[1] <= late[0]


@given(INSTANTS)
def test_the_times_between_restore_points_are_the_whole_period(instants: list[int]) -> None:
    inside = [hour for hour in instants if 10_000 < hour < 10_744]
    _, told = gaps([10_000, *inside])
    assert sum(told) == 744
    assert told == sorted(told, reverse=True)


@given(INSTANTS, INSTANTS)
def test_what_another_object_has_changes_no_gap(instants: list[int], others: list[int]) -> None:
    at = np.array([*instants, *others], dtype=np.int64) * HOUR
    owner = np.repeat([0, 1], [len(instants), len(others)])
    _, _, both, _ = gaps_of(at, owner, 2, SINCE, END, np.array([NEVER, NEVER]))
    assert [float(text) for text in both[0].split(",") if text] == gaps(instants)[1]
