"""Which starts schedules demand, by the clock of their server and over its changes."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.display import MONTHS
from vbr_audit.tables.build.enums import WEEK
from vbr_audit.tables.schedule import COLUMNS, DueStarts, due_starts, minute_of_day

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
ALL_MONTHS = ",".join(MONTHS)


def jobs(*settings: dict[str, Any]) -> dict[str, Any]:
    """The columns of jobs whose schedules are off but for `settings`."""
    off = {name: False if name.endswith("_enabled") else None for name in COLUMNS}
    return {name: pd.Series([(off | one)[name] for one in settings], dtype=object) for name in COLUMNS}


def daily(time: str = "22:00", kind: str = "Everyday", days: str = "") -> dict[str, Any]:
    values = {"enabled": True, "kind": kind, "days": days, "time": time}
    return {f"schedule_daily_{name}": value for name, value in values.items()}


def monthly(time: str = "22:00", months: str = ALL_MONTHS, **more: Any) -> dict[str, Any]:
    values = {"enabled": True, "months": months, "time": time} | more
    return {f"schedule_monthly_{name}": value for name, value in values.items()}


def every(frequency: int, kind: str = "Hours", minute: int | None = 0, **more: Any) -> dict[str, Any]:
    values = {"enabled": True, "kind": kind, "frequency": frequency, "minute": minute} | more
    return {f"schedule_periodically_{name}": value for name, value in values.items()}


def window(*hours: int) -> str:
    return ",".join([",".join(str(int(hour in hours)) for hour in range(24))] * 7)


def starts(
    setting: dict[str, Any], first: str, last: str, zone: dt.tzinfo = BERLIN
) -> tuple[list[dt.datetime], DueStarts]:
    found = due_starts(jobs(setting), dt.date.fromisoformat(first), dt.date.fromisoformat(last), zone)
    assert (np.diff(found.at) > 0).all()
    return [dt.datetime.fromtimestamp(int(at), zone) for at in found.at], found


def said(moments: list[dt.datetime]) -> list[str]:
    return [f"{moment:%d %H:%M %z}" for moment in moments]


def test_half_past_two_exists_once_on_both_changes_of_the_clock() -> None:
    spring, _ = starts(daily("02:30"), "2026-03-28", "2026-03-30")
    autumn, _ = starts(daily("02:30"), "2026-10-24", "2026-10-26")
    assert said(spring) == ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"]
    assert said(autumn) == ["24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"]


@pytest.mark.parametrize(
    ("zone", "time", "first", "expected"),
    [
        ("Australia/Lord_Howe", "02:15", "2026-10-03", ["03 02:15 +1030", "04 02:30 +1100", "05 02:15 +1100"]),
        ("Australia/Lord_Howe", "01:45", "2026-04-04", ["04 01:45 +1100", "05 01:45 +1100", "06 01:45 +1030"]),
        ("Pacific/Auckland", "02:30", "2026-09-26", ["26 02:30 +1200", "27 03:00 +1300", "28 02:30 +1300"]),
        ("America/Santiago", "00:15", "2026-09-05", ["05 00:15 -0400", "06 01:00 -0300", "07 00:15 -0300"]),
    ],
)
def test_changes_of_the_clock_in_the_south_and_by_half_an_hour(
    zone: str, time: str, first: str, expected: list[str]
) -> None:
    last = dt.date.fromisoformat(first) + dt.timedelta(days=2)
    found, _ = starts(daily(time), first, last.isoformat(), ZoneInfo(zone))
    assert said(found) == expected


@given(
    zone=st.sampled_from(ZONES),
    time=st.integers(0, 1439),
    first=st.sampled_from(["2026-03-01", "2026-10-01", "2026-09-01", "2026-04-01"]),
    days=st.integers(1, 45),
)
def test_one_start_on_every_day_in_every_zone(zone: str, time: int, first: str, days: int) -> None:
    begin = dt.date.fromisoformat(first)
    demanded = [begin + dt.timedelta(days=n) for n in range(days)]
    text = f"{time // 60:02}:{time % 60:02}"
    found, _ = starts(daily(text), first, demanded[-1].isoformat(), ZoneInfo(zone))
    assert [moment.date() for moment in found] == demanded
    late = [moment.hour * 60 + moment.minute - time for moment in found]
    assert sum(minutes != 0 for minutes in late) <= 1
    assert all(0 <= minutes <= 120 for minutes in late)


@given(
    zone=st.sampled_from(ZONES),
    setting=st.sampled_from(
        [
            daily("02:30"),
            daily("00:00", "WeekDays"),
            daily("23:59", "SelectedDays", "Sunday,Monday"),
            every(4),
            every(90, "Minutes"),
            monthly("02:30", number="Last", weekday="Sunday"),
            monthly(number="OnDay", day=31),
            every(1, minute=15),
        ]
    ),
    cut=st.integers(1, 60),
)
def test_adjoining_periods_demand_each_start_once(zone: str, setting: dict[str, Any], cut: int) -> None:
    begin, end = dt.date(2026, 3, 1), dt.date(2026, 4, 30)
    middle = begin + dt.timedelta(days=cut)
    whole, early, late = (
        due_starts(jobs(setting), *span, ZoneInfo(zone)).at.tolist()
        for span in ((begin, end), (begin, middle - dt.timedelta(days=1)), (middle, end))
    )
    assert sorted(early + late) == whole


@pytest.mark.parametrize(
    ("setting", "first", "last", "expected"),
    [
        (daily(kind="WeekDays"), "2026-10-01", "2026-10-31", 22),
        (daily(kind="SelectedDays", days="Sunday"), "2026-10-01", "2026-10-31", 4),
        (every(1), "2026-10-01", "2026-10-31", 744),
        (every(1), "2026-03-01", "2026-03-31", 743),
        (every(30, "Minutes"), "2026-10-05", "2026-10-05", 48),
        (every(1, "Days", 10), "2026-10-01", "2026-10-31", 31),
        (monthly(number="Last", weekday="Friday"), "2026-01-01", "2026-12-31", 12),
        (monthly(number="OnDay", day=31), "2026-01-01", "2026-12-31", 7),
        (monthly(number="OnDay", day=31, last_day=True), "2026-01-01", "2026-12-31", 12),
        (monthly(number="First", weekday="Monday", months="January,July"), "2026-01-01", "2026-12-31", 2),
    ],
)
def test_number_of_starts(setting: dict[str, Any], first: str, last: str, expected: int) -> None:
    found, told = starts(setting, first, last)
    assert len(found) == expected
    assert told.is_known.all()


def test_months_are_those_of_the_calendar() -> None:
    found, _ = starts(monthly(number="Second", weekday="Tuesday"), "2026-01-01", "2027-12-31")
    second = [
        [week[calendar.TUESDAY] for week in calendar.monthcalendar(year, month) if week[calendar.TUESDAY]][1]
        for year in (2026, 2027)
        for month in range(1, 13)
    ]
    assert [moment.day for moment in found] == second


def test_denied_hours_end_with_a_start_at_once() -> None:
    # The examples of the vendor's guide, the second one with an offset of a quarter.
    day = ",".join(WEEK)
    office, _ = starts(every(2, days=day, hours=window(*range(9, 17))), "2026-10-05", "2026-10-05")
    night, _ = starts(
        every(4, minute=15, days=day, hours=window(*range(19, 24), *range(8))), "2026-10-05", "2026-10-05"
    )
    assert [f"{moment:%H:%M}" for moment in office] == ["09:00", "10:00", "12:00", "14:00", "16:00"]
    assert [f"{moment:%H:%M}" for moment in night] == ["00:15", "04:15", "19:15", "20:15"]


def test_backup_window_denies_starts() -> None:
    hours = {"backup_window_enabled": True, "backup_window_days": ",".join(WEEK)}
    inside, _ = starts(daily("22:00") | hours | {"backup_window_hours": window(22, 23)}, "2026-10-05", "2026-10-06")
    outside, _ = starts(daily("21:00") | hours | {"backup_window_hours": window(22, 23)}, "2026-10-05", "2026-10-06")
    assert (len(inside), len(outside)) == (2, 0)


@pytest.mark.parametrize(
    "setting",
    [
        daily("22 o'clock"),
        daily(kind="FullMoon"),
        daily(kind="SelectedDays", days="Sunday,Doomsday"),
        monthly(number="Fifth", weekday="Monday"),
        monthly(number="OnDay"),
        every(0),
        every(1, "Minutes"),
        every(2, "Days"),
        every(1, "Fortnights"),
        every(1, days="Monday", hours="1,1"),
        daily() | {"backup_window_enabled": True},
        daily() | {"backup_window_enabled": None},
    ],
)
def test_what_cannot_be_followed_demands_nothing_and_says_so(setting: dict[str, Any]) -> None:
    found = due_starts(jobs(setting, daily()), dt.date(2026, 10, 5), dt.date(2026, 10, 6), BERLIN)
    assert found.is_known.tolist() == [False, True]
    assert found.job.tolist() == [1, 1]


def test_grid_that_does_not_go_up_in_a_day_is_not_sure() -> None:
    found = due_starts(jobs(every(5), every(6)), dt.date(2026, 10, 5), dt.date(2026, 10, 5), BERLIN)
    assert found.is_sure.tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("22:00", 1320),
        ("2:05", 125),
        ("22:00:30.5", 1320),
        ("10:00 PM", 1320),
        ("12:10 AM", 10),
        ("12:00 PM", 720),
        ("24:00", None),
        ("13:00 PM", None),
        ("0:00 AM", None),
        ("noon", None),
        ("22:60", None),
        ("", None),
    ],
)
def test_time_of_day(text: str, minute: int | None) -> None:
    assert minute_of_day(text) == minute
