"""Dates without an offset, the zone of a server, and one clock in all texts of a report."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from tests.support.small_server import BERLIN as BERLIN_TEXT
from tests.support.small_server import SmallServer, audited
from vbr_audit.checks.logic.dates import on_clock
from vbr_audit.datasets import BUILDERS
from vbr_audit.display import time_zone
from vbr_audit.reports.context import data_notes

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


@pytest.mark.parametrize(
    ("created", "ended", "lasted"),
    [
        ("2026-11-10T04:00:12.345", "2026-11-10T04:01:29.345", 77.0),
        ("2026-11-10T04:00:12", "2026-11-10T04:00:12+01:00", None),
        ("2026-11-10T04:00:12", "2026-11-10T04:00:11", None),
        ("0001-01-01T00:00:00", "2026-11-10T04:00:11", None),
        ("2026-11-10T04:00:11", "1900-01-01T00:00:00", None),
    ],
)
@pytest.mark.parametrize("table", ["task_sessions", "sessions"])
def test_between_two_dates_without_offsets_no_zone_is_needed(
    table: str, created: str, ended: str, lasted: float | None
) -> None:
    builder = BUILDERS[table]("vbr01", None)
    dated = {"id": "d", "creationTime": "2026-11-10T04:00:00Z", "endTime": "2026-11-10T04:00:05Z"}
    builder.add([dated] * 1_000)
    builder.add([dated, {"id": "t1", "creationTime": created, "endTime": ended}])
    frame = builder.finish().frame
    assert frame["created"].isna().tolist() == [False] * 1_001 + [True]
    assert frame["duration_s"].tolist() == [5.0] * 1_001 + [lasted if lasted is not None else pd.NA]


@pytest.mark.parametrize(("zone", "status"), [(None, "UNKNOWN"), (BERLIN_TEXT, "PASS")])
def test_dates_of_a_clock_that_is_not_known_are_no_fault(zone: str | None, status: str) -> None:
    vbr = SmallServer("1.3-rev1", now="2026-11-01T06:00:00+01:00" if zone else "2026-11-01T06:00:00", zone=zone)
    nightly = vbr.add_job("Nightly")
    session = vbr.add_session(nightly, "2026-10-31T22:00:00+01:00")
    vbr.add_task(session, "srv1", creationTime="2026-10-31T22:00:00", endTime="2026-10-31T22:30:00")
    audit = audited(vbr, only="EVD RUN", since="2026-10-01", until="2026-11-01")
    found = audit.findings[(audit.findings["check_id"] == "EVD-006").to_numpy(dtype=bool)]
    assert dict(zip(found["object_name"], found["status"], strict=True))["task_sessions"] == status
    assert audit.snapshot.tables["task_sessions"]["duration_s"].tolist() == [1800.0]


def test_an_impossible_date_is_a_fault() -> None:
    vbr = SmallServer()
    vbr.add_session(vbr.add_job("Nightly"), "2026-10-31T22:00:00+01:00", endTime="2206-10-31T22:00:00Z")
    audit = audited(vbr, only="EVD", month="2026-10", timezone="Europe/Berlin")
    found = audit.findings[(audit.findings["check_id"] == "EVD-006").to_numpy(dtype=bool)]
    assert dict(zip(found["object_name"], found["status"], strict=True))["sessions"] == "FAIL"


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_capacity_that_is_not_known_is_na(capacity: int) -> None:
    builder = BUILDERS["repository_states"]("vbr01", None)
    builder.add([{"id": "r1", "capacityGB": capacity, "freeGB": 0, "usedSpaceGB": 5.0}])
    frame = builder.finish().frame
    assert frame["capacity_gb"].isna().all()
    assert frame["free_percent"].isna().all()
    assert frame["free_gb"].isna().all()
    assert frame["is_without_limit"].all()


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
