"""What the tests of the tables share: the vendor's reference material where it lies beside the repository."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("vbr_audit", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vbr_audit")

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the vendor's specifications and the reference files."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared")
    return SHARED


@pytest.fixture(scope="session")
def job_controls(shared: Path) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Revision -> job type -> setting -> JSON paths, as collected from five specifications."""
    found: dict[str, dict[str, dict[str, list[str]]]] = json.loads(
        (shared / "reference" / "job_controls.json").read_text(encoding="utf-8")
    )
    return found


@pytest.fixture(scope="session")
def openapi(shared: Path) -> Callable[[str], dict[str, Any]]:
    """Gives the schemas of a revision's specification."""
    loaded: dict[str, dict[str, Any]] = {}

    def schemas(revision: str) -> dict[str, Any]:
        if revision not in loaded:
            text = (shared / "openapi" / f"{revision}.json").read_text(encoding="utf-8")
            loaded[revision] = json.loads(text)["components"]["schemas"]
        return loaded[revision]

    return schemas


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
