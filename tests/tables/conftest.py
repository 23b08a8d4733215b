"""What the tests of the tables share: the dtypes of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("vbr_audit", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vbr_audit")


@pytest.fixture(autouse=True, scope="module")
def _texts_as_pandas_makes_them() -> Iterator[None]:
    """By pyarrow, if it is installed: no table may depend on that."""
    with pd.option_context("mode.string_storage", "auto"):
        yield


@pytest.fixture
def same_dtypes() -> Callable[[pd.DataFrame, Any], None]:
    """Asserts that a frame has exactly the columns and dtypes of a table."""
    from vbr_audit.tables.build.schema import DTYPES

    def check(frame: pd.DataFrame, spec: Any) -> None:
        assert tuple(frame.columns) == spec.names
        for column in spec.columns:
            assert frame[column.name].dtype == DTYPES[column.dtype], column.name
        assert isinstance(frame.index, pd.RangeIndex)

    return check
