"""Which runs were missed, of every kind of schedule, over both changes of the clock, and from an audit of a server."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from small_server import (
    SmallServer,
    audited,
    daily,
    days,
    finding,
    hours_allowed,
    local,
    monthly,
    periodically,
    schedule_of,
    status_of,
)

from vbr_audit.pipeline import Audit
from vbr_audit.tables.build.enums import WEEK

BERLIN = ZoneInfo("Europe/Berlin")
OCTOBER = {"month": "2026-10", "timezone": "Europe/Berlin"}


def server(plan: dict[str, Any], **changes: Any) -> tuple[SmallServer, dict[str, Any]]:
    """A server whose one job has a backup since January; made when October was over."""
    vbr = SmallServer(now="2026-11-08T06:00:00+01:00", **changes)
    vbr.add_repository()
    job = vbr.add_job("J", schedule=plan)
    vbr.add_state(job, "2026-11-07T22:00:00+01:00")
    vbr.add_backup(job)
    vbr.add_session(job, "2026-08-01T22:00:00+02:00")
    return vbr, job


def missed(vbr: SmallServer, **period: Any) -> str:
    return str(finding(audited(vbr, only="RUN-014", **(period or OCTOBER)), "RUN-014", "J")["observed"])


def run_each_day(
    vbr: SmallServer, job: dict[str, Any], time: str, *, without: tuple[int, ...] = (), **more: Any
) -> None:
    for day in days("2026-09-25", "2026-11-05"):
        if not (day.month == 10 and day.day in without):
            vbr.add_session(job, local(day, time, BERLIN), **more)


@pytest.mark.parametrize(("half", "said"), [(False, "31 of 31 runs missed"), (True, "15 of 31 runs missed")])
def test_month_without_a_run_is_a_month_of_missed_runs(half: bool, said: str) -> None:
    vbr, job = server(schedule_of(daily=daily("22:00")))
    for day in days("2026-08-01", "2026-11-07"):
        if not dt.date(2026, 10, 1) <= day < (dt.date(2026, 10, 16) if half else dt.date(2026, 11, 2)):
            vbr.add_session(job, local(day, "22:00", BERLIN))
    audit = audited(vbr, only="RUN-014", **OCTOBER)
    assert status_of(audit, "RUN-014", "J") == "FAIL"
    assert finding(audit, "RUN-014", "J")["observed"] == said


def test_weekdays_only_job_misses_nothing_on_weekends() -> None:
    vbr = SmallServer(now="2026-11-02T06:00:00+01:00")
    job = vbr.add_job("J", schedule=schedule_of(daily=daily("22:00", "WeekDays")))
    vbr.add_state(job, "2026-10-30T22:00:00+01:00")
    for day in days("2026-09-28", "2026-10-31"):
        if day.weekday() < 5:
            vbr.add_session(job, local(day, "22:00", BERLIN))
    audit = audited(vbr, only="RUN-004 RUN-005 RUN-014", **OCTOBER)
    assert finding(audit, "RUN-014", "J")["observed"] == "0 of 22 runs missed"
    assert status_of(audit, "RUN-004", "J") == "PASS"
    assert finding(audit, "RUN-005", "J")["observed"] == "22 of 22 (100.0 %)"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_zone_of_the_report_changes_no_count(zone: str) -> None:
    vbr, job = server(schedule_of(daily=daily("00:30")), iana="Europe/Berlin")
    run_each_day(vbr, job, "00:30", without=(4, 25))
    period = {"since": "2026-10-01T00:00:00+02:00", "until": "2026-11-01T00:00:00+01:00", "timezone": zone}
    assert missed(vbr, **period) == "2 of 31 runs missed"


@pytest.mark.parametrize(
    ("month", "first", "last", "due"),
    [("2026-03", "2026-02-25", "2026-04-05", 31), ("2026-10", "2026-09-25", "2026-11-05", 31)],
)
def test_half_past_two_is_due_once_a_day_over_both_changes(month: str, first: str, last: str, due: int) -> None:
    vbr, job = server(schedule_of(daily=daily("02:30")))
    vbr.add_session(job, "2026-01-05T02:30:00+01:00")
    for day in days(first, last):
        vbr.add_session(job, local(day, "02:30", BERLIN))
    assert missed(vbr, month=month, timezone="Europe/Berlin") == f"0 of {due} runs missed"


def test_hourly_grid_is_judged_by_the_hour() -> None:
    vbr, job = server(schedule_of(periodically=periodically(1, minute=15)))
    moment = dt.datetime(2026, 9, 30, 12, 15, 3, tzinfo=dt.UTC)
    while moment < dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC):
        if not (moment.month == 10 and moment.day == 7 and moment.hour in (3, 4, 9)):
            vbr.add_session(job, moment, minutes=10)
        moment += dt.timedelta(hours=1)
    assert missed(vbr) == "3 of 744 runs missed"


def test_run_that_overruns_the_next_start_overlaps_it() -> None:
    vbr, job = server(schedule_of(periodically=periodically(4)))
    for day in days("2026-09-29", "2026-11-02"):
        for hour in (0, 8, 16):
            vbr.add_session(job, local(day, f"{hour:02}:00", BERLIN), minutes=300)
    assert missed(vbr) == "0 of 186 runs missed, 93 overlapped by the run before"


def test_office_hours_demand_a_start_when_they_begin() -> None:
    office = hours_allowed(*range(9, 17))
    vbr, job = server(schedule_of(periodically=periodically(2, backupWindow=office)))
    for day in days("2026-09-29", "2026-11-02"):
        for time in ("09:00", "10:00", "12:00", "14:00", "16:00"):
            if (day.day, time) != (7, "09:00"):
                vbr.add_session(job, local(day, time, BERLIN), minutes=5)
    assert missed(vbr) == "1 of 155 runs missed"


MONTHLY = {
    "the last Saturday, on it": (monthly("22:00", "Last", "Saturday"), "2026-10-31", "0 of 1 runs missed"),
    "the last Saturday, before": (monthly("22:00", "Last", "Saturday"), "2026-10-24", "1 of 1 runs missed"),
    "the 15th": (monthly("22:00", "OnDay", day=15), "2026-10-15", "0 of 1 runs missed"),
    "the last day": (monthly("22:00", "OnDay", isLastDayOfMonth=True), "2026-10-31", "0 of 1 runs missed"),
    "the second Tuesday, before": (monthly("22:00", "Second", "Tuesday"), "2026-10-06", "1 of 1 runs missed"),
}
"""Plans of a month, the day on which the job ran, and what is said of it."""


@cache
def audit_of_months() -> Audit:
    """A job for each of `MONTHLY`."""
    vbr = SmallServer(now="2026-11-08T06:00:00+01:00")
    vbr.add_repository()
    for name, (plan, ran, _) in MONTHLY.items():
        job = vbr.add_job(name, schedule=schedule_of(monthly=plan))
        vbr.add_state(job, "2026-11-07T22:00:00+01:00")
        vbr.add_backup(job)
        vbr.add_session(job, "2026-08-01T22:00:00+02:00")
        vbr.add_session(job, local(dt.date.fromisoformat(ran), "22:00", BERLIN))
    return audited(vbr, only="RUN-014", **OCTOBER)


@pytest.mark.parametrize("name", MONTHLY)
def test_months(name: str) -> None:
    assert finding(audit_of_months(), "RUN-014", name)["observed"] == MONTHLY[name][2]


def test_month_in_which_nothing_is_due_is_not_applicable() -> None:
    vbr, _ = server(schedule_of(monthly=monthly(months=["January"])))
    found = finding(audited(vbr, only="RUN-014", **OCTOBER), "RUN-014", "J")
    assert (found["status"], found["reason"]) == ("NOT_APPLICABLE", "no start was due in the period")


def test_job_is_due_from_its_first_trace_on() -> None:
    vbr = SmallServer(now="2026-11-08T06:00:00+01:00")
    job, old = vbr.add_job("J"), vbr.add_job("Old")
    vbr.add_session(old, "2026-01-01T22:00:00+01:00")
    for day in days("2026-10-20", "2026-11-07"):
        if day.day != 22:
            vbr.add_session(job, local(day, "22:00", BERLIN))
    assert missed(vbr) == "1 of 12 runs missed"


def test_history_that_begins_later_than_the_job_leaves_its_first_days_open() -> None:
    vbr = SmallServer(now="2026-11-08T06:00:00+01:00")
    job = vbr.add_job("J")
    vbr.add_backup(job)
    for day in days("2026-10-20", "2026-11-07"):
        vbr.add_session(job, local(day, "22:00", BERLIN))
    found = finding(audited(vbr, only="RUN-014", **OCTOBER), "RUN-014", "J")
    assert (found["status"], found["reason"]) == (
        "UNKNOWN",
        "the server's history of sessions begins later than the job",
    )


def chained(*, name: str = "J0") -> tuple[SmallServer, dict[str, Any], dict[str, Any]]:
    vbr, job = server(schedule_of(afterThisJob={"isEnabled": True, "jobName": name}))
    first = vbr.add_job("J0", schedule=schedule_of(daily=daily("20:00")))
    vbr.add_backup(first)
    return vbr, first, job


def test_job_after_another_is_due_when_that_one_ended_well() -> None:
    vbr, first, job = chained()
    for day in days("2026-09-28", "2026-11-03"):
        by_hand = {"initiatedBy": "EXAMPLE\\jane"} if day.day == 20 else {}
        result = "Failed" if day.day == 10 else "Success"
        vbr.add_session(first, local(day, "20:00", BERLIN), minutes=90, result=result, **by_hand)
        if day.day not in (10, 15, 20):
            vbr.add_session(job, local(day, "21:31", BERLIN))
    assert missed(vbr) == "1 of 29 runs missed"


def test_job_after_one_that_is_not_there_is_not_known() -> None:
    vbr, _, _ = chained(name="Gone")
    assert status_of(audited(vbr, only="RUN-014", **OCTOBER), "RUN-014", "J") == "UNKNOWN"


def test_continuous_and_disabled_jobs_miss_nothing() -> None:
    vbr, _ = server(schedule_of(continuously={"isEnabled": True}))
    vbr.add_job("Off", isDisabled=True)
    audit = audited(vbr, only="RUN-014", **OCTOBER)
    assert finding(audit, "RUN-014", "J")["reason"] == "it runs all the time: no start is ever due"
    assert status_of(audit, "RUN-014", "Off") == "NOT_APPLICABLE"


@pytest.mark.parametrize(("allowed", "answer"), [(WEEK[:5], "PASS"), (WEEK, "UNKNOWN"), ((), "UNKNOWN")])
def test_continuous_job_is_not_late_outside_of_its_window(allowed: tuple[str, ...], answer: str) -> None:
    hours = ",".join(["1"] * 24), ",".join(["0"] * 24)
    marks = [{"day": day, "hours": hours[day not in allowed]} for day in WEEK] if allowed else []
    vbr = SmallServer(now="2026-11-08T06:00:00+01:00")
    vbr.add_repository()
    plan = schedule_of(continuously={"isEnabled": True, "backupWindow": {"days": marks}})
    job = vbr.add_job("J", schedule=plan)
    vbr.add_state(job, "2026-11-05T23:00:00+01:00")
    backup = vbr.add_backup(job)
    vbr.add_object(backup, "srv1")
    vbr.add_point(backup, "srv1", "2026-11-05T23:00:00+01:00", "Full")
    vbr.add_session(job, "2026-11-05T23:00:00+01:00")
    assert status_of(audited(vbr, only="RUN-004", **OCTOBER), "RUN-004", "J") == answer


def test_odd_session_of_one_job_leaves_the_answers_of_others() -> None:
    vbr, job = server(schedule_of(daily=daily("22:00")))
    run_each_day(vbr, job, "22:00", without=(5,))
    odd = vbr.add_job("Odd", schedule=schedule_of(daily=daily("six")))
    vbr.add_backup(odd)
    audit = audited(vbr, only="RUN-014", **OCTOBER)
    assert finding(audit, "RUN-014", "J")["observed"] == "1 of 31 runs missed"
    assert status_of(audit, "RUN-014", "Odd") == "UNKNOWN"


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_server_that_names_only_cities_keeps_its_own_clock(zone: str) -> None:
    vbr, job = server(schedule_of(daily=daily("00:30")))
    run_each_day(vbr, job, "00:30", without=(4, 25))
    period = {"since": "2026-10-01T00:00:00+02:00", "until": "2026-11-01T00:00:00+01:00", "timezone": zone}
    assert missed(vbr, **period) == "2 of 31 runs missed"
