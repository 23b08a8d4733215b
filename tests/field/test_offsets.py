"""What hangs on the hour of an earlier day, where a server tells only the present offset of its clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from small_server import SmallServer, audited, daily, days, finding, local, schedule_of

from vbr_audit.tables.server_time import zones_of_offset

SITE = "version: 1\nwindow: {start: '20:00', end: '06:00'}\n"


@pytest.mark.parametrize(
    ("zone", "now", "month", "start", "answer"),
    [
        # The clocks of some zones at +01:00 were changed on 25 October, those of others were not.
        ("Europe/Berlin", "2026-11-01T06:00:00+01:00", "2026-10", "20:00", "UNKNOWN"),
        ("Europe/Berlin", "2026-11-01T06:00:00+01:00", "2026-10", "23:00", "PASS"),
        ("Europe/Berlin", "2026-11-01T06:00:00+01:00", "2026-10", "12:00", "FAIL"),
        ("Europe/Berlin", "2026-12-01T06:00:00+01:00", "2026-11", "20:00", "PASS"),
        # No zone of these offsets has changed its clock for long.
        ("Asia/Kolkata", "2026-11-01T06:00:00+05:30", "2026-10", "20:00", "PASS"),
        ("Asia/Kathmandu", "2026-11-01T06:00:00+05:45", "2026-10", "19:59", "FAIL"),
        # Half an hour of change at Lord Howe: it went back on 5 April and forward on 4 October.
        ("Australia/Lord_Howe", "2026-05-01T06:00:00+10:30", "2026-04", "20:15", "UNKNOWN"),
        ("Australia/Lord_Howe", "2026-05-01T06:00:00+10:30", "2026-04", "20:45", "PASS"),
        ("Australia/Lord_Howe", "2026-11-01T06:00:00+11:00", "2026-10", "20:00", "UNKNOWN"),
    ],
)
def test_a_window_is_judged_where_all_clocks_of_the_offset_agree(
    zone: str, now: str, month: str, start: str, answer: str
) -> None:
    vbr = SmallServer(now=now, zone="Nowhere in particular")
    job = vbr.add_job("Nightly", schedule=schedule_of(daily=daily(start)))
    first = dt.date.fromisoformat(f"{month}-01")
    last = dt.datetime.fromisoformat(now).date() - dt.timedelta(days=1)
    for day in days(first.isoformat(), last.isoformat()):
        vbr.add_session(job, local(day, start, ZoneInfo(zone)))

    found = finding(audited(vbr, only="RUN-013", month=month, site=SITE), "RUN-013", "Nightly")

    assert found["status"] == answer
    assert ("present offset" in str(found["reason"])) == (answer == "UNKNOWN")


def test_an_offset_stands_for_one_zone_until_a_clock_was_changed() -> None:
    def many(offset: float, since: str, now: str) -> int:
        span = (dt.datetime.fromisoformat(text) for text in (since, now))
        return len(zones_of_offset(dt.timedelta(hours=offset), *span))

    assert many(5.5, "2026-10-01T00:00+05:30", "2026-11-01T00:00+05:30") == 1
    assert many(1, "2026-10-26T00:00+01:00", "2026-11-01T00:00+01:00") == 1
    assert many(1, "2026-10-01T00:00+01:00", "2026-11-01T00:00+01:00") >= 2
