"""How long the schedules of jobs let pass between two starts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.tables.jobs import table as jobs

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
YEAR = [f"{dt.date(2026, month, 1):%B}" for month in range(1, 13)]
OFF = {kind: {"isEnabled": False} for kind in ("daily", "monthly", "periodically", "continuously", "afterThisJob")}


def intervals(schedules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    documents = [
        {
            "id": f"0000000{number}-0000-0000-0000-000000000001",
            "name": name,
            "type": "VSphereBackup",
            "isDisabled": False,
            "schedule": {"runAutomatically": True} | OFF | ways,
        }
        for number, (name, ways) in enumerate(schedules.items())
    ]
    table = jobs.build_jobs(documents, None, server="s", revision="1.3-rev1").jobs
    assert str(table["start_interval_h"].dtype) == "Int64"
    return dict(zip(table["name"], table["start_interval_h"], strict=True))


def interval(**ways: dict[str, Any]) -> Any:
    return intervals({"j": {name: {"isEnabled": True} | part for name, part in ways.items()}})["j"]


def days(*chosen: str) -> dict[str, Any]:
    return {"dailyKind": "SelectedDays", "days": list(chosen)}


def window(allowed: Iterable[int], on: Iterable[str] = WEEK) -> dict[str, Any]:
    hours = {day: ",".join("01"[hour in set(allowed) and day in on] for hour in range(24)) for day in WEEK}
    return {"days": [{"day": day, "hours": marks} for day, marks in hours.items()]}


@pytest.mark.parametrize(
    ("ways", "hours"),
    [
        ({"daily": {"dailyKind": "Everyday", "days": []}}, 24),
        ({"daily": {"dailyKind": "Everyday"}}, 24),
        ({"daily": {"dailyKind": "WeekDays", "days": WEEK}}, 72),
        ({"daily": days("Sunday")}, 168),
        ({"daily": days("Monday", "Thursday")}, 96),
        ({"daily": days("Monday", "Moonday")}, pd.NA),
        ({"daily": days()}, pd.NA),
        ({"daily": {"dailyKind": "FullMoon"}}, pd.NA),
        ({"monthly": {"months": YEAR}}, 744),
        ({"monthly": {"months": ["January", "April", "July", "October"]}}, 3 * 744),
        ({"monthly": {"months": ["March"]}}, 12 * 744),
        ({"monthly": {}}, pd.NA),
        ({"periodically": {"periodicallyKind": "Hours", "frequency": 6}}, 6),
        ({"periodically": {"periodicallyKind": "Minutes", "frequency": 90}}, 2),
        ({"periodically": {"periodicallyKind": "Days", "frequency": 3}}, 72),
        ({"periodically": {"periodicallyKind": "Hours", "frequency": 0}}, pd.NA),
        ({"periodically": {"periodicallyKind": "Fortnights", "frequency": 1}}, pd.NA),
        ({"periodically": {"periodicallyKind": "Hours"}}, pd.NA),
        ({"continuously": {}}, 0),
        ({"continuously": {"backupWindow": window(range(24))}}, 0),
        ({"continuously": {"backupWindow": window(range(8, 18))}}, 14),
        ({"continuously": {"backupWindow": window(range(24), WEEK[:5])}}, 48),
        ({"continuously": {"backupWindow": window(())}}, 0),
        ({"continuously": {"backupWindow": {"days": []}}}, 0),
        ({"daily": days("Sunday"), "periodically": {"periodicallyKind": "Hours", "frequency": 6}}, 6),
        ({"monthly": {}, "daily": days("Sunday")}, 168),
        ({}, pd.NA),
    ],
)
def test_interval_is_the_longest_pause_that_the_schedule_allows(ways: dict[str, Any], hours: Any) -> None:
    found = interval(**ways)
    assert found is hours if hours is pd.NA else found == hours


def after(name: str | None) -> dict[str, Any]:
    return {"afterThisJob": {"isEnabled": True, "jobName": name}}


def test_job_that_follows_another_has_its_interval() -> None:
    weekly = {"daily": {"isEnabled": True} | days("Sunday")}
    found = intervals(
        {"b": after("a"), "c": after("b"), "a": weekly, "lost": after("gone"), "nameless": after(None)}
        | {"x": after("y"), "y": after("x")}
    )
    assert {name for name, hours in found.items() if hours is pd.NA} == {"lost", "nameless", "x", "y"}
    assert [found[name] for name in "abc"] == [168, 168, 168]


def test_copy_that_follows_its_source_all_the_time_never_rests() -> None:
    copy = {"id": "1", "name": "c", "type": "BackupCopy", "isDisabled": False, "mode": "Immediate"}
    copy["schedule"] = {"type": "Immediate"}
    table = jobs.build_jobs([copy], None, server="s", revision="1.3-rev1").jobs
    assert (table["expected_to_run"][0], table["start_interval_h"][0]) == (True, 0)


@given(st.sets(st.sampled_from(WEEK), min_size=1))
def test_selected_days_leave_the_longest_gap_of_the_week(chosen: set[str]) -> None:
    runs = [day in chosen for day in WEEK] * 3
    gaps = [
        after - before
        for before in range(7)
        if runs[before]
        for after in [next(place for place in range(before + 1, 21) if runs[place])]
    ]
    assert interval(daily=days(*chosen)) == 24 * max(gaps)
