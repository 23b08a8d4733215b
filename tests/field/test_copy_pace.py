"""A copy job owes as many restore points as the job that it copies makes, not as its own schedule would allow."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from small_server import SmallServer, audited, daily, days, finding, local, periodically, schedule_of

BERLIN = ZoneInfo("Europe/Berlin")
PERIODIC = {"type": "Periodic", **schedule_of(daily=daily("06:00"))}


def judged(copied: list[dt.date], *, plan: dict[str, Any] | None, weekdays_only: bool = True) -> dict[str, Any]:
    """RPO-007 of a machine that is backed up at 12:30, and copied for each day of `copied` the next morning."""
    vbr = SmallServer()
    vbr.add_repository("Repository A")
    vbr.add_repository("Repository B", host="host-2")
    kind = "WeekDays" if weekdays_only else "Everyday"
    source = vbr.add_job("Laptops", schedule=schedule_of(daily=daily("12:30", kind)), retention=("Days", 28))
    copy = vbr.add_copy_job("Copy of laptops", source, schedule=plan, retention=("Days", 28))
    backup = vbr.add_backup(source)
    there = vbr.add_backup(copy, repository="Repository B", name="Copy of laptops\\Laptops")
    for each in (backup, there):
        vbr.add_object(each, "nb1", points=28)
    for day in days("2026-09-28", "2026-10-31"):
        if not weekdays_only or day.weekday() < 5:
            vbr.add_session(source, local(day, "12:30", BERLIN))
            vbr.add_point(backup, "nb1", local(day, "12:31", BERLIN), "Full" if day.weekday() == 0 else "Increment")
        if day in copied:
            vbr.add_point(there, "nb1", local(day + dt.timedelta(days=1), "06:10", BERLIN))
    return finding(audited(vbr, month="2026-10", timezone="Europe/Berlin", only="RPO-007"), "RPO-007", "nb1")


def workdays(keep: int = 100) -> list[dt.date]:
    return [day for day in days("2026-09-28", "2026-10-30") if day.weekday() < 5 and day.day % 10 * 10 < keep]


@pytest.mark.parametrize("plan", [None, PERIODIC], ids=["immediate", "daily"])
def test_a_copy_of_a_job_that_rests_at_weekends_is_whole(plan: dict[str, Any] | None) -> None:
    found = judged(workdays(), plan=plan)
    assert (found["status"], found["observed"]) == ("PASS", "100 %")


@pytest.mark.parametrize("plan", [None, PERIODIC], ids=["immediate", "daily"])
def test_a_copy_that_left_out_much_is_not(plan: dict[str, Any] | None) -> None:
    found = judged(workdays(keep=50), plan=plan)
    assert found["status"] == "FAIL"


def test_a_weekly_copy_of_a_daily_job_owes_one_a_week() -> None:
    weekly = {"type": "Periodic", **schedule_of(daily=daily("06:00", "SelectedDays", ["Saturday"]))}
    fridays = [day for day in days("2026-09-28", "2026-10-30") if day.weekday() == 4]
    found = judged(fridays, plan=weekly, weekdays_only=False)
    assert (found["status"], found["observed"]) == ("PASS", "100 %")


def test_a_copy_owes_only_what_its_own_sources_make() -> None:
    vbr = SmallServer()
    vbr.add_repository("Repository A")
    vbr.add_repository("Repository B", host="host-2")
    nightly = vbr.add_job("Nightly", schedule=schedule_of(daily=daily("22:00")))
    hourly = vbr.add_job("Every six hours", schedule=schedule_of(periodically=periodically(6)))
    copy = vbr.add_copy_job("Copy", nightly)
    backups = [vbr.add_backup(nightly), vbr.add_backup(hourly), vbr.add_backup(copy, repository="Repository B")]
    for backup in backups:
        vbr.add_object(backup, "sql01", points=30)
    for day in days("2026-10-01", "2026-10-31"):
        for backup, times in zip(backups, (["22:10"], ["00:10", "06:10", "12:10", "18:10"], ["23:10"]), strict=True):
            for time in times:
                vbr.add_point(backup, "sql01", local(day, time, BERLIN), "Full" if day.weekday() == 0 else "Increment")
    vbr.add_point(backups[1], "sql01", local(dt.date(2026, 11, 1), "00:10", BERLIN))

    found = finding(audited(vbr, month="2026-10", timezone="Europe/Berlin", only="RPO-007"), "RPO-007", "sql01")
    assert found["status"] == "PASS"
