"""Servers that are read whole and in shards, once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fleet_runs import Estate, read_estate


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The servers and their runs, which nobody may write to."""
    with read_estate(tmp_path_factory.mktemp("fleet")) as estate:
        yield estate
