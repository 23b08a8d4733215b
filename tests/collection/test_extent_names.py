"""Extents of the capacity and archive tier, which the server tells by id only, get the names of their repositories."""

from __future__ import annotations

import pandas as pd
import pytest

from vbr_audit.datasets import SPECS, scale_out
from vbr_audit.tables.build.schema import conform, empty


def _frame(table: str, **columns: list[object]) -> pd.DataFrame:
    return conform({"server": ["vbr01"] * len(next(iter(columns.values())))} | columns, SPECS[table])[0]


@pytest.fixture
def extents() -> pd.DataFrame:
    return _frame("scale_out_extents", repository_id=["p", "c", "gone", None], name=["Told", None, None, None])


def test_name_that_the_server_tells_stays_and_a_missing_one_is_found_by_id(extents: pd.DataFrame) -> None:
    repositories = _frame("repositories", repository_id=["p", "c", "c", None], name=["Other", "Cloud", "Twin", "Lost"])
    named = scale_out.named(extents, repositories)
    assert named["name"].fillna("-").tolist() == ["Told", "Cloud", "-", "-"]
    pd.testing.assert_series_equal(named.dtypes, extents.dtypes)


def test_without_repositories_nothing_is_found(extents: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(scale_out.named(extents, empty(SPECS["repositories"])), extents)
