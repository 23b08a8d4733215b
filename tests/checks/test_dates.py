"""The date traps: a missing date answers neither yes nor no."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from vbr_audit.checks.catalogue.restore_points.points import aged
from vbr_audit.checks.logic.codes import repeated
from vbr_audit.checks.logic.dates import (
    are_outside,
    at_or_before,
    hours_between,
    minute_text,
    older_than,
    on_clock,
    within,
)
from vbr_audit.checks.logic.three_valued import nullable, one_of, places_of, worded
from vbr_audit.display import time_zone
from vbr_audit.tables.build.arrays import STRING

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)


def instants(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), utc=True, format="ISO8601")).astype("datetime64[us, UTC]")


def test_the_trap_that_the_helpers_close() -> None:
    missing = instants(None)
    assert (~((NOW - missing) > pd.Timedelta(hours=1))).tolist() == [True], "plain pandas calls a missing date fresh"
    assert older_than(missing, dt.timedelta(hours=1), now=NOW).isna().tolist() == [True]
    assert (~older_than(missing, dt.timedelta(hours=1), now=NOW)).isna().tolist() == [True]


def test_older_than() -> None:
    given = instants("2026-11-01T04:59Z", "2026-11-01T05:00Z", None, "2026-11-01T07:00Z", "2026-11-03T07:00Z")
    answer = older_than(given, dt.timedelta(hours=1), now=NOW)
    assert answer.dtype == "boolean"
    assert answer.tolist() == [True, False, pd.NA, False, pd.NA]


def test_within_is_half_open() -> None:
    given = instants("2026-10-01T00:00Z", "2026-10-31T23:59:59Z", "2026-11-01T00:00Z", None)
    until = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    assert within(given, dt.datetime(2026, 10, 1, tzinfo=dt.UTC), until).tolist() == [True, True, False, pd.NA]
    assert at_or_before(given, until).tolist() == [True, True, True, pd.NA]


def test_outside_is_what_surely_is_not_within() -> None:
    hours = pd.to_timedelta([-1, 0, 1, 2, None], unit="h")
    for zone, unit in (("UTC", "us"), ("Europe/Berlin", "ns"), ("America/Lima", "s")):
        instants = pd.Series((pd.Timestamp(NOW) + hours).tz_convert(zone).as_unit(unit))
        inside = within(instants, NOW, NOW + dt.timedelta(hours=2))
        assert inside.tolist() == [False, True, True, False, pd.NA]
        outside = are_outside(instants, NOW, NOW + dt.timedelta(hours=2))
        assert outside.tolist() == [True, False, False, True, False]


def test_one_text_for_all_rows_is_put_on_the_clock_once() -> None:
    zone = time_zone("Europe/Berlin")
    for text, told in (("since 2026-10-31 22:04 UTC", "since 2026-10-31 23:04 Berlin"), ("never", "never")):
        for cells in (repeated(text, 3), np.array([text] * 3, dtype=object), repeated(text, 0)):
            found = on_clock(cells, zone, "Berlin")
            assert found.tolist() == [told] * len(cells)
    mixed = np.array([pd.NA, "2026-10-31 22:04 UTC", "x", pd.NA], dtype=object)
    assert on_clock(mixed, zone, "Berlin").tolist() == [pd.NA, "2026-10-31 23:04 Berlin", "x", pd.NA]
    assert mixed[1] == "2026-10-31 22:04 UTC"


def test_words_for_instants() -> None:
    given = instants("2026-10-31T22:04:59Z", None)
    assert minute_text(given).tolist() == ["2026-10-31 22:04 UTC", pd.NA]
    assert hours_between(given, NOW).round(1).tolist() == [pytest.approx(7.9), pd.NA]


def test_one_of_keeps_na_where_isin_says_no() -> None:
    given = pd.Series(["a", "b", None], dtype=STRING)
    assert one_of(given, ["a"]).tolist() == [True, False, pd.NA]


def test_places_of_never_matches_na_with_na() -> None:
    keys = pd.Series(["a", None, "z"], dtype=STRING)
    assert places_of(keys, pd.Series([None, "a"], dtype=STRING)).tolist() == [1, -1, -1]


def test_worded_takes_the_first_case() -> None:
    index = pd.RangeIndex(3)
    yes = nullable(pd.Series([True, False, False]).to_numpy(), pd.Series([False, False, True]).to_numpy(), index)
    assert worded(index, (yes, "first"), (pd.Series([True] * 3), ["x", "y", "z"])).tolist() == ["first", "y", "z"]
    assert worded(index, (yes, "first"), default="rest").tolist() == ["first", "rest", "rest"]


def test_an_age_is_never_negative() -> None:
    assert aged(instants("2026-11-01T09:00:00Z", "2026-10-31T22:00:00Z"), NOW) == [
        "2026-11-01 09:00 UTC (0 h ago)",
        "2026-10-31 22:00 UTC (8 h ago)",
    ]
