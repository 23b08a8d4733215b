"""Two servers in two zones over the clock changes of autumn: each by its own clock, the report by one."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from small_server import SmallServer, audited, daily, days, local, schedule_of

from vbr_audit.pipeline import Audit

EASTERN = "(UTC-05:00) Eastern Time (US & Canada)"
# Clocks go back on 25 October in Berlin and on 1 November in New York.
PLACES = {"Europe/Berlin": "2026-11-08T12:00:00+01:00", "America/New_York": "2026-11-08T05:30:00-05:00"}
SERVERS = {"Europe/Berlin": "berlin", "America/New_York": "york"}
NIGHTS = days("2026-10-01", "2026-11-07")
REPORTS = ("Europe/Berlin", "America/New_York", "Pacific/Kiritimati")


def server(zone: str) -> SmallServer:
    """A server whose one job runs each night at 22:00 of its own clock, and keeps weekly points."""
    clock = ZoneInfo(zone)
    vbr = SmallServer(now=PLACES[zone], name=SERVERS[zone], **({} if "Berlin" in zone else {"zone": EASTERN}))
    vbr.add_repository("Local")
    off = {"isEnabled": False}
    weekly = {"isEnabled": True, "keepForNumberOfWeeks": 4, "desiredTime": "Sunday"}
    gfs = {"isEnabled": True, "weekly": weekly, "monthly": off, "yearly": off}
    job = vbr.add_job("Nightly", repository="Local", schedule=schedule_of(daily=daily("22:00")), gfs=gfs)
    job["storage"]["retentionPolicy"] = {"type": "Days", "quantity": 30}
    vbr.add_state(job, local(NIGHTS[-1], "22:00", clock))
    backup = vbr.add_backup(job, repository="Local")
    vbr.add_object(backup, "srv1", points=len(NIGHTS))
    for night in NIGHTS:
        session = vbr.add_session(job, local(night, "22:00", clock))
        # Tasks come without an offset, as the server's local time.
        vbr.add_task(session, "srv1", creationTime=f"{night}T22:01:00", endTime=f"{night}T22:20:00")
        flags = ["Weekly"] if night.weekday() == 6 else []
        vbr.add_point(backup, "srv1", local(night, "22:05", clock), "Full" if flags else "Increment", gfs=flags)
    return vbr


@lru_cache
def audit_in(zone: str) -> Audit:
    since, until = dt.datetime(2026, 10, 12, 12, tzinfo=dt.UTC), dt.datetime(2026, 11, 6, 12, tzinfo=dt.UTC)
    servers = [server(place) for place in PLACES]
    return audited(*servers, only="RUN RPO EVD", since=since, until=until, timezone=zone)


@pytest.mark.parametrize("zone", REPORTS)
def test_each_server_goes_by_its_own_zone_and_its_own_now(zone: str) -> None:
    audit = audit_in(zone)
    findings = audit.findings
    for check in ("RUN-004", "RUN-005", "RUN-014", "RPO-001", "RPO-002", "RPO-007", "RPO-008"):
        found = findings[(findings["check_id"] == check).to_numpy(dtype=bool)]
        assert dict(zip(found["server"], found["status"], strict=True)) == dict.fromkeys(SERVERS.values(), "PASS"), (
            check
        )
    missed = findings[(findings["check_id"] == "RUN-014").to_numpy(dtype=bool)]
    assert missed["observed"].tolist() == ["0 of 25 runs missed"] * 2
    tasks = audit.snapshot.tables["task_sessions"]
    points = audit.snapshot.tables["restore_points"]
    for place, name in SERVERS.items():
        clock = tasks[(tasks["server"] == name).to_numpy(bool)]["created"].dt.tz_convert(place)
        assert set(clock.dt.strftime("%H:%M")) == {"22:01"}
        assert set(points[(points["server"] == name).to_numpy(bool)]["created"].dt.tz_convert(place).dt.hour) == {22}


def test_the_report_has_one_zone_in_all_texts() -> None:
    newest = local(NIGHTS[-1], "22:05", ZoneInfo("America/New_York"))
    for zone in REPORTS:
        findings = audit_in(zone).findings
        chosen = (findings["check_id"] == "RPO-001") & (findings["server"] == "york")
        said = findings[chosen.to_numpy(dtype=bool)]["observed"].tolist()
        assert said == [f"{newest.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone} (7 h ago)"]


def test_the_zone_of_the_report_changes_no_answer() -> None:
    columns = ["server", "check_id", "object_id", "status", "severity"]
    answers = [set(map(tuple, audit_in(zone).findings[columns].fillna("").to_numpy().tolist())) for zone in REPORTS]
    assert not answers[0] ^ answers[1]
    assert not answers[0] ^ answers[2]
