"""Jobs that run all the time are neither late nor hanging while their copies are fresh."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from small_server import SmallServer, audited, daily, days, finding, local, schedule_of, status_of

from vbr_audit.audited import Audit

BERLIN = ZoneInfo("Europe/Berlin")
OCTOBER = {"month": "2026-10", "timezone": "Europe/Berlin"}


def copying(state: str, *, last_copy: str = "2026-10-31", result: str = "None", **session: Any) -> Audit:
    """An immediate copy whose session began twenty days ago; its newest point is of the night of `last_copy`."""
    vbr = SmallServer()
    vbr.add_repository("Local")
    vbr.add_repository("DR", "LinuxHardened", path="/b", host="dr", immutable_days=14)
    nightly = vbr.add_job("Nightly", repository="Local")
    copy = vbr.add_copy_job("Copy", nightly, repository="DR")
    vbr.add_state(nightly, "2026-10-31T22:00:00+01:00")
    vbr.add_state(copy, "2026-10-12T08:00:00+02:00", lastResult=result, status="Running")
    vbr.add_session(copy, "2026-10-12T08:00:00+02:00", minutes=None, **{"state": state, **session})
    first, second = vbr.add_backup(nightly, repository="Local"), vbr.add_backup(copy, repository="DR")
    for backup in (first, second):
        vbr.add_object(backup, "srv1", points=7)
    for day in days("2026-10-01", "2026-10-31"):
        vbr.add_session(nightly, local(day, "22:00", BERLIN))
        if day.day > 24:
            vbr.add_point(first, "srv1", local(day, "22:01", BERLIN))
            if day <= dt.date.fromisoformat(last_copy):
                vbr.add_point(second, "srv1", local(day, "22:01", BERLIN))
    return audited(vbr, only="RUN-001 RUN-004 RUN-010 RUN-014", **OCTOBER)


@pytest.mark.parametrize("state", ["Idle", "Working"])
def test_copy_that_never_ends_is_well_while_its_copies_are_fresh(state: str) -> None:
    audit = copying(state)
    assert status_of(audit, "RUN-004", "Copy") == "PASS"
    assert status_of(audit, "RUN-010", "Copy") == "PASS"
    assert status_of(audit, "RUN-014", "Copy") == "NOT_APPLICABLE"
    last = finding(audit, "RUN-001", "Copy")
    assert last["status"] == "UNKNOWN"
    assert last["reason"] == "lastResult is None while it runs, and how its run before that ended is not known"


def test_copy_that_never_ends_hangs_once_its_copies_grow_old() -> None:
    audit = copying("Working", last_copy="2026-10-27")
    assert status_of(audit, "RUN-004", "Copy") == "FAIL"
    assert status_of(audit, "RUN-010", "Copy") == "FAIL"


def test_window_and_counts_over_the_change_of_the_clock() -> None:
    vbr = SmallServer()
    for name, time in (("Evening", "20:00"), ("Half past midnight", "00:30")):
        job = vbr.add_job(name, schedule=schedule_of(daily=daily(time)))
        vbr.add_state(job, "2026-10-31T20:00:00+01:00")
        for day in days("2026-09-29", "2026-11-01"):
            if local(day, time, BERLIN) < dt.datetime(2026, 11, 1, 5, tzinfo=dt.UTC):
                vbr.add_session(job, local(day, time, BERLIN))
    audit = audited(
        vbr, only="RUN-005 RUN-013 RUN-014", **OCTOBER, site='version: 1\nwindow: {start: "20:00", end: "06:00"}\n'
    )
    for name in ("Evening", "Half past midnight"):
        assert finding(audit, "RUN-013", name)["observed"] == "0 of 31 sessions outside of the window"
        assert finding(audit, "RUN-005", name)["observed"] == "31 of 31 (100.0 %)"
        assert finding(audit, "RUN-014", name)["observed"] == "0 of 31 runs missed"
