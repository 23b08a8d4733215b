"""The small server of the field tests itself: what is put into it comes out of an audit."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from small_server import SmallServer, audited, daily, days, finding, local, schedule_of, status_of, statuses_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("revision", ["1.1-rev1", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2"])
def test_a_month_of_nights_is_judged_through_the_real_client(revision: str) -> None:
    vbr = SmallServer(revision)
    vbr.add_repository()
    nightly = vbr.add_job("Nightly", schedule=schedule_of(daily=daily("22:00")))
    vbr.add_state(nightly, "2026-10-31T22:00:00+01:00")
    backup = vbr.add_backup(nightly)
    vbr.add_object(backup, "srv1", points=7)
    for day in days("2026-09-28", "2026-10-31"):
        session = vbr.add_session(nightly, local(day, "22:00", BERLIN), result="Failed" if day.day == 3 else "Success")
        vbr.add_task(session, "srv1")
    for day in days("2026-10-25", "2026-10-31"):
        vbr.add_point(backup, "srv1", local(day, "22:01", BERLIN), "Full" if day.weekday() == 5 else "Increment")

    site = 'version: 1\nwindow: {start: "20:00", end: "06:00"}'
    audit = audited(vbr, only="RUN-005 RUN-013 RPO-003", month="2026-10", timezone="Europe/Berlin", site=site)

    assert finding(audit, "RUN-005", "Nightly")["observed"] == "30 of 31 (96.8 %)"
    assert status_of(audit, "RUN-013", "Nightly") == "PASS"
    assert statuses_of(audit, "RPO-003") == {"srv1": "PASS"}


def test_pages_statuses_and_overridden_keys() -> None:
    vbr = SmallServer()
    for number in range(450):
        vbr.add_job(f"Job {number}", isDisabled=number % 2 == 0)
    vbr.statuses["backupInfrastructure/repositories"] = 403

    snapshot = audited(vbr, only="JOB-001 REP").snapshot

    assert snapshot.jobs["is_disabled"].sum() == 225
    statuses = snapshot.datasets.set_index("name")["status"]
    assert statuses["jobs"] == "complete"
    assert statuses["repositories"] == "denied"
