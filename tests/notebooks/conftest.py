"""Kernels of these tests are forked from one that is warm; `test_papermill` starts one as a schedule does."""

from __future__ import annotations

import pytest
from warm_kernels import use_warm_kernels


@pytest.fixture(autouse=True, scope="session")
def _warm() -> None:
    use_warm_kernels()
