"""Three small runs of one server, a month apart, saved and judged once for all tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from core_checks import CORE_TEXT
from shared import once

import vbr_audit as va
from vbr_audit import simulator
from vbr_audit.collection.manifest import standing_clock

MONTHS = (8, 9, 10)


@pytest.fixture(scope="session")
def saved_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """The run folders, the oldest first. Nobody writes to them."""
    place = once(tmp_path_factory, "runs-of-months", _save_runs)
    return tuple(place / f"{month}" for month in MONTHS)


def _save_runs(place: Path) -> None:
    for month in MONTHS:
        now = dt.datetime(2026, month, 1, 6, 30, tzinfo=dt.UTC)
        with (
            simulator.serve(jobs=8, sessions=60, now=now, role="Administrator") as url,
            standing_clock(now),
            va.connect(url, username=simulator.DEMO_USERNAME, password=simulator.DEMO_PASSWORD, name="vbr01") as client,
        ):
            snapshot = va.collect(client, policy=CORE_TEXT, progress=False)
        va.audit(snapshot, policy=CORE_TEXT).save(place / f"{month}", formats=["json"])
