"""Dates without an offset, the zone of a server, and one clock in all texts of a report."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from tests.support.small_server import SmallServer, audited
from vbr_audit.checks.dates import on_clock
from vbr_audit.display import time_zone
from vbr_audit.reports.notes import data_notes
from vbr_audit.tables import BUILDERS

BERLIN = ZoneInfo("Europe/Berlin")


def test_tasks_without_offsets_are_read_by_the_servers_clock_and_counted_as_assumed() -> None:
    builder = BUILDERS["task_sessions"]("vbr01", BERLIN)
    row = {
        "id": "t1",
        "creationTime": "2026-11-10T04:00:12.345",
        "endTime": "2026-11-10T04:01:29.345",
        "progress": {"transferedSize": 343923660},
    }
    builder.add([row])
    result = builder.finish()
    assert result.frame["created"].tolist() == [pd.Timestamp("2026-11-10T03:00:12.345Z")]
    assert result.frame["duration_s"].tolist() == [77.0]
    assert result.frame["transferred_bytes"].tolist() == [343923660]
    assert result.notes.to_dict()["assumed_dates"] == {"created": 1, "ended": 1}
    assert "naive_dates" not in result.notes.to_dict()


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_capacity_that_is_not_known_is_na(capacity: int) -> None:
    builder = BUILDERS["repository_states"]("vbr01", None)
    builder.add([{"id": "r1", "capacityGB": capacity, "freeGB": 0, "usedSpaceGB": 5.0}])
    frame = builder.finish().frame
    assert frame["capacity_gb"].isna().all()
    assert frame["free_percent"].isna().all()


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC-11:00", "2026-11-19 13:00 UTC-11:00"),
        ("UTC+14:00", "2026-11-20 14:00 UTC+14:00"),
        ("UTC", "2026-11-20 00:00 UTC"),
    ],
)
def test_texts_of_findings_tell_instants_by_the_clock_of_the_report(zone: str, told: str) -> None:
    texts = np.array(["2026-11-20 00:00 UTC (60 days left)", pd.NA, "no date"], dtype=object)
    assert on_clock(texts, time_zone(zone), zone).tolist() == [f"{told} (60 days left)", pd.NA, "no date"]
    assert on_clock(on_clock(texts, time_zone(zone), zone), time_zone(zone), zone)[0].startswith(told)


def test_the_report_goes_by_the_cities_of_the_server_and_says_so() -> None:
    vbr = SmallServer("1.3-rev1", now="2026-11-01T06:00:00+01:00")
    run = audited(vbr, month="2026-10", timezone=None).snapshot
    assert run.timezone == "Europe/Amsterdam"
    assert "cities" in run.manifest.run.timezone_source
    assert run.servers["zone"].tolist() == ["Europe/Amsterdam"]
    assert run.since == dt.datetime(2026, 9, 30, 22, tzinfo=dt.UTC)


def test_the_report_says_which_dates_were_assumed() -> None:
    run = audited(SmallServer("1.3-rev1", now="2026-11-01T06:00:00+01:00"), month="2026-10", timezone=None).snapshot
    record = next(record for record in run.manifest.datasets if record.name == "sessions")
    record.notes["assumed_dates"] = {"created": 14}
    assert any("read by the server's clock, in created (14×)" in line for line in data_notes([record]))
