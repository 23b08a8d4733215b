"""Calendars: when a job runs, and when its backup files are tended."""

from vbr_audit.simulator.documents.context import Json
from vbr_audit.simulator.plans import Plan

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def open_hours(closed: range = range(0)) -> Json:
    """A week of permitted hours; the hours in `closed` are denied on working days."""
    open_all_day = ",".join(["1"] * 24)
    partly = ",".join("0" if hour in closed else "1" for hour in range(24))
    return {"days": [{"day": day, "hours": partly if day in WEEK[:5] else open_all_day} for day in WEEK]}


def tending_part(enabled: bool, *, weekly: bool = False, monthly: bool = False, day: str = "Saturday") -> Json:
    """A part that runs by the week or by the month: full backups, health check, compaction."""
    return {
        "isEnabled": enabled,
        "weekly": {"isEnabled": weekly, "days": [day], "localTime": "05:00"},
        "monthly": {
            "isEnabled": monthly,
            "dayOfWeek": day,
            "dayNumberInMonth": "Last",
            "dayOfMonth": 1,
            "months": list(MONTHS),
            "localTime": "05:00",
            "isLastDayOfMonth": False,
        },
    }


def health_part(plan: Plan) -> Json:
    """The health check: by the month, by the week, switched on without a date, or off."""
    on = plan.health != "off"
    return tending_part(on, weekly=plan.health == "weekly", monthly=plan.health == "monthly", day="Friday")


def daily_part(plan: Plan) -> Json:
    """The daily part; a weekly job is a daily one on a single day."""
    kind = {"weekly": "SelectedDays", "weekdays": "WeekDays"}.get(plan.cadence, "Everyday")
    return {
        "isEnabled": plan.cadence in {"daily", "weekly", "weekdays"},
        "localTime": plan.at,
        "dailyKind": kind,
        "days": {"weekly": ["Sunday"], "weekdays": WEEK[:5]}.get(plan.cadence, list(WEEK)),
    }


def retry_part(plan: Plan) -> Json:
    """The automatic retry."""
    return {"isEnabled": plan.retries > 0, "retryCount": plan.retries or 3, "awaitMinutes": 10}


def schedule_part(plan: Plan) -> Json:
    """The whole schedule that most types of jobs have."""
    return {
        "runAutomatically": plan.automatic,
        "daily": daily_part(plan),
        "monthly": {
            "isEnabled": False,
            "localTime": plan.at,
            "dayOfWeek": "Saturday",
            "dayNumberInMonth": "Fourth",
            "dayOfMonth": 1,
            "months": list(MONTHS),
            "isLastDayOfMonth": False,
        },
        "periodically": {
            "isEnabled": plan.cadence == "hourly",
            "periodicallyKind": "Hours",
            "frequency": 6 if plan.cadence == "hourly" else 1,
            "backupWindow": open_hours(),
            "startTimeWithinAnHour": 0,
        },
        "continuously": {"isEnabled": False, "backupWindow": open_hours()},
        "afterThisJob": {"isEnabled": plan.cadence == "after", "jobName": plan.follows or None},
        "retry": retry_part(plan),
        "backupWindow": {"isEnabled": False, "backupWindow": open_hours(range(8, 18))},
    }
