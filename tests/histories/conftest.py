"""Three small runs of one server, a month apart, saved and judged once for all tests."""

from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import pytest
from core_checks import CORE_TEXT
from shared import once

import vbr_audit as va
from vbr_audit import simulator
from vbr_audit.collection.manifest import standing_clock
from vbr_audit.histories import adding
from vbr_audit.histories.archive import Added, NewRun, add_run
from vbr_audit.pipeline import add_saved_run

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


@pytest.fixture(scope="session")
def kept_months(saved_runs: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a history of all three runs, and what was added to it. Nobody writes to it."""

    def make(folder: Path) -> None:
        made: list[NewRun] = []

        def add(place: Path, run: NewRun, **how: Any) -> Added:
            made.append(run)
            return add_run(place, run, **how)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(adding, "add_run", add)
            for run in saved_runs:
                assert not add_saved_run(folder / "history", run).was_there
        (folder / "added").write_bytes(pickle.dumps(made))

    return once(tmp_path_factory, "history-of-months", make)


@pytest.fixture(scope="session")
def new_runs(kept_months: Path) -> tuple[NewRun, ...]:
    """The three runs, judged again, as they are added to a history: that they are need not be found out each time."""
    return tuple(pickle.loads((kept_months / "added").read_bytes()))
