"""What was promised to each machine, through the real client: retention, GFS, gaps, and whom an odd row concerns."""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from small_server import ZERO_ID, Document, SmallServer, audited, daily, days, finding, id_of, local, schedule_of
from small_server import status_of as status

from vbr_audit.pipeline import Audit

BERLIN = ZoneInfo("Europe/Berlin")
OFF = {"isEnabled": False}


def october(vbr: SmallServer) -> Audit:
    return audited(
        vbr,
        only="RPO-001 RPO-002 RPO-003 RPO-007 RPO-008 RPO-010 RPO-011 RPO-012 EVD-001",
        month="2026-10",
        timezone="Europe/Berlin",
    )


def nightly(vbr: SmallServer, name: str = "Nightly", **changes: object) -> tuple[Document, Document]:
    """A job at 22:00, each night or as `changes` says, and its backup since January."""
    vbr.add_repository()
    job = vbr.add_job(name, **({"schedule": schedule_of(daily=daily("22:00"))} | changes))
    vbr.add_state(job, "2026-10-31T22:00:00+01:00")
    return job, vbr.add_backup(job, creationTime="2026-01-01T22:00:00+01:00")


def weekly(count: int) -> Document:
    return {
        "isEnabled": True,
        "weekly": {"isEnabled": True, "keepForNumberOfWeeks": count, "desiredTime": "Saturday"},
        "monthly": OFF,
        "yearly": OFF,
    }


LOST = {"every second": (1, 3, 5, 7), "two in a row": (2, 3), "none": ()}
"""Of nine weeks, those of which no point is there."""


@cache
def audit_of_weeks() -> Audit:
    """A machine for each of `LOST`, in a job of its own."""
    vbr = SmallServer()
    saturdays = [dt.date(2026, 10, 31) - dt.timedelta(weeks=back) for back in range(9)]
    for name, lost in LOST.items():
        _, backup = nightly(vbr, f"Job of {name}", gfs=weekly(8))
        kept = [day for back, day in enumerate(saturdays) if back not in lost]
        for day in kept:
            vbr.add_point(backup, name, local(day, "22:00", BERLIN), "Full", gfs=["Weekly"])
        vbr.add_object(backup, name, points=len(kept))
    return october(vbr)


@pytest.mark.parametrize(
    ("lost", "answer", "observed"),
    [("every second", "FAIL", "4 not there"), ("two in a row", "FAIL", "2 not there"), ("none", "PASS", "all there")],
)
def test_one_point_serves_one_week(lost: str, answer: str, observed: str) -> None:
    found = finding(audit_of_weeks(), "RPO-008", lost)

    assert (found["status"], found["observed"]) == (answer, observed)


@cache
def audit_of_tasks() -> Audit:
    """A machine for each result of the runs of which the points are gone, in a job of its own."""
    vbr = SmallServer()
    for bad in ("Warning", "Failed"):
        job, backup = nightly(vbr, f"Job of {bad}")
        vbr.add_object(backup, bad, points=7)
        for day in days("2026-10-01", "2026-10-31"):
            early = day.day < 25
            session = vbr.add_session(job, local(day, "22:00", BERLIN), result=bad if early else "Success")
            vbr.add_task(session, bad, "Failed" if early and bad == "Failed" else "Success")
            if not early:
                vbr.add_point(backup, bad, local(day, "22:01", BERLIN))
    return october(vbr)


@pytest.mark.parametrize(("bad", "answer", "hours"), [("Warning", "PASS", "25 h"), ("Failed", "FAIL", "599 h")])
def test_a_machines_own_tasks_stand_for_points_that_are_gone(bad: str, answer: str, hours: str) -> None:
    found = finding(audit_of_tasks(), "RPO-002", bad)

    assert found["status"] == answer
    assert hours in found["observed"]


def test_a_machine_that_came_late_owes_nothing_from_before() -> None:
    vbr = SmallServer()
    job, backup = nightly(vbr, gfs=weekly(4))
    vbr.add_object(backup, "srv-new", points=6)
    for day in days("2026-10-01", "2026-10-31"):
        vbr.add_session(job, local(day, "22:00", BERLIN))
    for day in days("2026-10-26", "2026-10-31"):
        flags = ["Weekly"] if day.day == 31 else []
        vbr.add_point(backup, "srv-new", local(day, "22:01", BERLIN), "Full" if flags else "Increment", gfs=flags)

    audit = october(vbr)

    assert status(audit, "RPO-001", "srv-new") == "PASS"
    for check in ("RPO-002", "RPO-007", "RPO-008"):
        assert status(audit, check, "srv-new") in ("PASS", "NOT_APPLICABLE"), check


def test_a_job_of_the_working_days_is_not_late_on_monday() -> None:
    vbr = SmallServer(now="2026-11-02T06:00:00+01:00")
    schedule = schedule_of(daily=daily("22:00", "WeekDays"))
    job, backup = nightly(vbr, schedule=schedule)
    worked = [day for day in days("2026-09-28", "2026-10-31") if day.weekday() < 5]
    for day in worked:
        vbr.add_session(job, local(day, "22:00", BERLIN))
        vbr.add_point(backup, "pc1", local(day, "22:01", BERLIN))
    vbr.add_object(backup, "pc1", points=len(worked))

    audit = october(vbr)

    assert [status(audit, f"RPO-00{number}", "pc1") for number in (1, 2, 7)] == ["PASS"] * 3


@pytest.mark.parametrize("names", [("app01-new", "db01"), ("db01",)])
def test_a_renamed_or_removed_machine_takes_nothing_from_its_neighbours(names: tuple[str, ...]) -> None:
    vbr = SmallServer()
    job, backup = nightly(vbr)
    for day in days("2026-10-25", "2026-10-31"):
        vbr.add_session(job, local(day, "22:00", BERLIN))
        for name in ("app01", "db01"):
            vbr.add_point(backup, name, local(day, "22:01", BERLIN), backupFileId=id_of("file", day))
    for name in names:
        vbr.add_object(backup, name, points=7)

    audit = october(vbr)

    for check in ("RPO-001", "RPO-002", "RPO-007", "RPO-011", "RPO-012"):
        assert status(audit, check, "db01") == "PASS", check


def test_agents_without_an_object_id_are_told_by_their_long_names() -> None:
    vbr = SmallServer()
    job, backup = nightly(vbr, "agent-daily")
    for name in ("srv07", "srv08"):
        vbr.add_object(backup, name, points=7)
        for day in days("2026-10-25", "2026-10-31"):
            vbr.add_point(backup, f"{name} agent-daily", local(day, "22:01", BERLIN))
    for row in vbr.rows(f"backups/{backup['id']}/backupFiles"):
        row |= {"objectIds": [ZERO_ID], "objectId": ZERO_ID}
    for day in days("2026-10-01", "2026-10-31"):
        vbr.add_session(job, local(day, "22:00", BERLIN))

    audit = october(vbr)

    for check in ("RPO-001", "RPO-002", "RPO-011", "RPO-012"):
        assert [status(audit, check, name) for name in ("srv07", "srv08")] == ["PASS", "PASS"], check


def test_the_objects_of_a_refused_backup_take_nothing_from_others() -> None:
    vbr = SmallServer()
    job, backup = nightly(vbr)
    _, refused = nightly(vbr, "Files")
    vbr.add_object(backup, "srv1", points=7)
    for day in days("2026-10-25", "2026-10-31"):
        vbr.add_session(job, local(day, "22:00", BERLIN))
        vbr.add_point(backup, "srv1", local(day, "22:01", BERLIN))
        vbr.add_point(refused, "share", local(day, "22:01", BERLIN))
    vbr.statuses[f"backups/{refused['id']}/objects"] = 400

    audit = october(vbr)

    for check in ("RPO-001", "RPO-003", "RPO-012"):
        assert status(audit, check, "srv1") == "PASS", check
    assert status(audit, "EVD-001", "backup_objects") == "FAIL"


def test_a_backup_that_grows_is_no_orphan() -> None:
    vbr = SmallServer("1.2-rev1")
    _, backup = nightly(vbr)
    backup["jobId"] = id_of("job", "in no list")
    vbr.add_object(backup, "ahv-vm1", points=1)
    vbr.add_point(backup, "ahv-vm1", "2026-10-31T21:00:00+01:00")

    found = finding(october(vbr), "RPO-010", "Nightly")

    assert found["status"] == "UNKNOWN"
    assert "2026-10-31 21:00" in found["observed"]


ENDS = {
    "failed": ("Failed", None),
    "failed, but not here": ("Failed", "Success"),
    "warned": ("Warning", None),
    "well": ("Success", None),
}
"""How the last run of a job ended, and its task of the machine that is called so."""


@cache
def audit_of_ends() -> Audit:
    """A machine for each of `ENDS`, in a job of its own, and one in a job without sessions."""
    vbr = SmallServer()
    for name, (result, task) in {**ENDS, "other": ("", None)}.items():
        job, backup = nightly(vbr, f"Job of {name}")
        vbr.add_object(backup, name, points=31)
        for day in days("2026-10-01", "2026-10-31"):
            vbr.add_point(backup, name, local(day, "22:04", BERLIN))
            if name == "other":
                continue
            ended = result if day.day == 31 else "Success"
            session = vbr.add_session(job, local(day, "22:00", BERLIN), result=ended)
            if task:
                vbr.add_task(session, name, task)
    return october(vbr)


@pytest.mark.parametrize("name", [*ENDS, "other"])
def test_a_point_left_by_a_failed_run_is_shown_as_such_and_counts(name: str) -> None:
    for check in ("RPO-001", "RPO-002"):
        found = finding(audit_of_ends(), check, name)
        assert found["status"] == "PASS"
        assert ("run that failed" in found["observed"]) is (name == "failed")
