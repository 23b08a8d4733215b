"""Checks of when runs start, and of who starts them."""

from __future__ import annotations

import datetime as dt
from fnmatch import fnmatchcase
from typing import Annotated

import numpy as np
import pandas as pd

from vbr_audit.checks.logic import Cells, listed, nullable, one_of, surely, worded
from vbr_audit.checks.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.params import param
from vbr_audit.checks.registry import check
from vbr_audit.checks.sessions import count_of, owners_of

_JOB = {"job_id": "job-1"}
_SESSION = {"job_id": "job-1", "state": "Stopped", "result": "Success"}
_DAILY = {
    "job_id": "job-1",
    "expected_to_run": True,
    "schedule_daily_enabled": True,
    "schedule_daily_kind": "Everyday",
    "schedule_daily_time": "06:00",
    "schedule_periodically_enabled": False,
    "schedule_monthly_enabled": False,
    "schedule_continuously_enabled": False,
    "schedule_after_job_enabled": False,
    "backup_window_enabled": False,
}
_OTHERS = {
    "schedule_monthly_enabled": "on a day of the month",
    "schedule_periodically_enabled": "every so many hours or minutes",
    "schedule_continuously_enabled": "all the time",
    "schedule_after_job_enabled": "after another job",
}
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HALF_A_DAY = np.timedelta64(720, "m")
_MINUTES_A_DAY = 1440

NO_SESSION = "no session of this job in the period"


def _sessions(*rows: dict[str, object], **tables: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    return {"sessions": [{**_SESSION, **row} for row in rows], **tables}


def _days_ago(*days: float) -> dict[str, list[dict[str, object]]]:
    rows: list[dict[str, object]] = [{"created": hours_ago(24 * day)} for day in days]
    return _sessions(*rows)


@check(
    "RUN-013",
    "Runs keep to the agreed hours",
    severity="low",
    tables=("jobs", "sessions", "run_window"),
    aggregates=("sessions",),
    reads=(
        "sessions.created",
        "sessions.ended",
        "sessions.job_id",
        "job_id",
        "run_window.start_min",
        "run_window.end_min",
    ),
    json_path="creationTime",
    expected="start and end inside the window of the site file",
    remediation="Job > Schedule: move the start; set a backup window that ends the job in time.",
    examples=(
        Example(
            "PASS",
            _JOB,
            _sessions(
                {"created": hours_ago(34), "ended": hours_ago(24)}, run_window=[{"start_min": 1200, "end_min": 360}]
            ),
        ),
        Example(
            "FAIL",
            _JOB,
            _sessions(
                {"created": hours_ago(34), "ended": hours_ago(23.9)}, run_window=[{"start_min": 1200, "end_min": 360}]
            ),
        ),
        Example(
            "FAIL",
            _JOB,
            _sessions(
                {"created": hours_ago(34.1), "ended": hours_ago(30)}, run_window=[{"start_min": 1200, "end_min": 360}]
            ),
        ),
        Example(
            "UNKNOWN",
            _JOB,
            _sessions({"created": hours_ago(34)}, run_window=[{"start_min": 1200, "end_min": 360}]),
        ),
        Example("UNKNOWN", _JOB, {"run_window": [{"start_min": 1200, "end_min": 360}]}),
        Example("UNKNOWN", _JOB, _sessions({"created": hours_ago(34)}), datasets={"site": "not given"}),
    ),
)
def runs_in_window(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    window: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    zone: dt.tzinfo,
) -> Outcome:
    """Backups in working hours slow down the systems that they protect.

    The hours are those of the report's zone. A session that still runs has no end to judge.
    """
    owner = owners_of(jobs, sessions, since, until)
    known = window[["start_min", "end_min"]].dropna()
    begin, end = (int(known[name].iloc[0]) if len(known) else 0 for name in ("start_min", "end_min"))
    length = (end - begin) % _MINUTES_A_DAY or _MINUTES_A_DAY
    local = [sessions[name].dt.tz_convert(zone).dt.tz_localize(None) for name in ("created", "ended")]
    minute = local[0].dt.hour * 60 + local[0].dt.minute
    late = ((minute - begin) % _MINUTES_A_DAY).to_numpy(dtype=float, na_value=np.nan)
    lasted = ((local[1] - local[0]).dt.total_seconds() / 60).to_numpy(dtype=float, na_value=np.nan)
    outside = (late > length) | (late + lasted > length)
    if length == _MINUTES_A_DAY:
        outside = np.zeros(len(sessions), dtype=bool)
    open_ = ~outside & (np.isnan(late) | np.isnan(lasted))
    wrong, unclear = count_of(owner, outside, jobs), count_of(owner, open_, jobs)
    total = count_of(owner, owner >= 0, jobs)
    settled = bool(len(known)) & ((wrong > 0) | ((total > 0) & (unclear == 0)))
    said = [f"{some} of {all_} sessions outside of the window" for some, all_ in zip(wrong, total, strict=True)]
    return Outcome(
        nullable(wrong == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (total > 0, said)),
        reason=worded(
            jobs.index,
            (np.full(len(jobs), not len(known)), "the site file tells no hours"),
            (total == 0, NO_SESSION),
            default="start or end of some sessions is not known, or they still run",
        ),
    )


@check(
    "RUN-015",
    "Runs are started by the schedule",
    severity="info",
    tables=("jobs", "sessions"),
    aggregates=("sessions",),
    reads=("sessions.initiated_by", "sessions.created", "sessions.job_id", "job_id"),
    json_path="initiatedBy",
    expected="sessions of the accounts {services} only",
    remediation="History > Jobs: ask who started the job by hand and why; correct the schedule if that is the reason.",
    examples=(
        Example("PASS", _JOB, _sessions({"initiated_by": "NT AUTHORITY\\SYSTEM", "created": hours_ago(30)})),
        Example("FAIL", _JOB, _sessions({"initiated_by": "EXAMPLE\\jane", "created": hours_ago(30)})),
        Example("UNKNOWN", _JOB, _sessions({"initiated_by": None, "created": hours_ago(30)})),
        Example("UNKNOWN", _JOB, _sessions({"initiated_by": " ", "created": hours_ago(30)})),
        Example("UNKNOWN", _JOB),
    ),
)
def runs_by_schedule(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    since: dt.datetime,
    until: dt.datetime,
    services: Annotated[
        str, param("Accounts that are no persons, by commas; `*` as in file names, letter case does not count.")
    ] = "SYSTEM, *\\SYSTEM, *svc*, *service*, *$",
) -> Outcome:
    """A run by hand is an exception that an auditor samples: a test, a repair, or a schedule that does not work."""
    owner, who = owners_of(jobs, sessions, since, until), sessions["initiated_by"].str.strip()
    patterns = [part.strip().casefold() for part in services.split(",") if part.strip()]
    names = [name for name in who.dropna().unique() if name]
    persons = [name for name in names if not any(fnmatchcase(name.casefold(), one) for one in patterns)]
    told, dated = surely(who != ""), sessions["created"].notna().to_numpy()
    by_hand = dated & told & who.isin(persons).to_numpy(dtype=bool)
    count, total = count_of(owner, by_hand, jobs), count_of(owner, owner >= 0, jobs)
    settled = (count > 0) | ((total > 0) & (count_of(owner, told & dated, jobs) == total))
    which = listed(np.where(by_hand, owner, -1), who, jobs.index)
    seen = [f"{some} of {all_} by {name}" for some, all_, name in zip(count, total, which, strict=True)]
    return Outcome(
        nullable(count == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (count > 0, seen), (total > 0, "all started by services")),
        reason=worded(
            jobs.index,
            (total == 0, NO_SESSION),
            default="who started some of the sessions is not told (the API tells it from 1.3-rev0 on), or when",
        ),
    )


@check(
    "RUN-014",
    "Each run that the schedule demands took place",
    severity="medium",
    tables=("jobs", "sessions"),
    aggregates=("sessions",),
    optional=dict.fromkeys((*_OTHERS, "backup_window_enabled"), False),
    reads=(
        "schedule_daily_time",
        "schedule_daily_kind",
        "schedule_daily_days",
        "schedule_daily_enabled",
        *_OTHERS,
        "backup_window_enabled",
        "expected_to_run",
        "job_id",
        "sessions.job_id",
        "sessions.created",
    ),
    json_path="schedule.daily",
    expected="a session at each time of the daily schedule, as it is set now",
    remediation="Home > Jobs: find out why the job did not start (server down, service stopped, job disabled).",
    examples=(
        Example("PASS", _DAILY, _days_ago(*range(1, 5))),
        Example(
            "PASS",
            {**_DAILY, "schedule_daily_kind": "SelectedDays", "schedule_daily_days": "Sunday"},
            _days_ago(7, 14, 21),
        ),
        Example("PASS", {**_DAILY, "schedule_daily_kind": "WeekDays"}, _days_ago(2, 3, 4, 5, 6, 9)),
        Example("FAIL", _DAILY, _days_ago(1, 2, 4)),
        Example(
            "FAIL",
            {**_DAILY, "schedule_daily_kind": "SelectedDays", "schedule_daily_days": "Sunday"},
            _days_ago(7, 21),
        ),
        Example("FAIL", {**_DAILY, "schedule_daily_kind": "WeekDays"}, _days_ago(2, 4, 5, 6, 9)),
        Example("UNKNOWN", _DAILY),
        Example("UNKNOWN", _DAILY, {"sessions": [*_days_ago(1, 2, 4)["sessions"], {**_SESSION, "created": None}]}),
        Example("UNKNOWN", {**_DAILY, "schedule_daily_kind": "FullMoon"}, _days_ago(1, 2)),
        Example("UNKNOWN", {**_DAILY, "schedule_daily_time": "6 o'clock"}, _days_ago(1, 2)),
        Example("UNKNOWN", {**_DAILY, "backup_window_enabled": True}, _days_ago(1, 2)),
        Example("NOT_APPLICABLE", {**_DAILY, "schedule_periodically_enabled": True}, _days_ago(1, 4)),
        Example("NOT_APPLICABLE", {**_DAILY, "schedule_daily_enabled": False}, _days_ago(1, 4)),
        Example("NOT_APPLICABLE", {**_DAILY, "expected_to_run": False}, _days_ago(1, 4)),
    ),
)
def runs_not_missed(
    jobs: pd.DataFrame, sessions: pd.DataFrame, *, since: dt.datetime, until: dt.datetime, zone: dt.tzinfo
) -> Outcome:
    """A run that never started leaves no session, and therefore no failure that anybody could be told of.

    Counted is the daily schedule as it is set now, from the job's first session of the period on, because nobody tells
    since when a job exists. A session up to twelve hours before or after the time counts for it, so that neither a
    queue nor another zone of the report makes a run look missed.
    """
    owner = owners_of(jobs, sessions, since, until)
    minutes = pd.to_numeric(jobs["schedule_daily_time"].map(_minute_of, na_action="ignore"), errors="coerce")
    time = minutes.to_numpy(dtype=float, na_value=np.nan)
    at = np.nan_to_num(time).astype(np.int64).astype("timedelta64[m]")
    first_day, days = _days(since, until, zone)
    local = sessions["created"].dt.tz_convert(zone).dt.tz_localize(None).to_numpy().astype("datetime64[m]")
    usable = (owner >= 0) & ~np.isnat(local)
    mine = owner[usable]
    slot = ((local[usable] - at[mine] + _HALF_A_DAY).astype("datetime64[D]") - first_day).astype(np.int64)
    ran = np.zeros((len(jobs), days + 2), dtype=bool)
    ran[mine, np.clip(slot, 0, days + 1)] = True
    demanded, known_days = _demanded(jobs, first_day, days + 2)
    slots = np.arange(days + 2)
    begun = np.where(ran.any(axis=1), ran.argmax(axis=1), days + 2)
    end = np.datetime64(pd.Timestamp(until).tz_convert(zone).tz_localize(None), "m")
    over = (end - at - _HALF_A_DAY).astype("datetime64[D]") - first_day
    due = demanded & (slots >= begun[:, None]) & (slots < over.astype(np.int64)[:, None])
    missed, total = (due & ~ran).sum(axis=1), due.sum(axis=1)
    dateless = count_of(owner, np.isnat(local), jobs) > 0
    applies, other = _followed(jobs)
    window = jobs["backup_window_enabled"]
    told = ~np.isnan(time) & known_days & surely(~window)
    settled = told & (total > 0) & ((missed == 0) | ~dateless)
    said = [f"{some} of {all_} runs missed" for some, all_ in zip(missed, total, strict=True)]
    return Outcome(
        nullable(missed == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (settled & surely(applies), said)),
        applies=applies,
        reason=worded(
            jobs.index,
            (settled & surely(applies), pd.NA),
            (other.notna(), other),
            (surely(window), "its backup window may keep it from starting"),
            (np.isnan(time) | ~known_days, "time or days of its daily schedule are not known"),
            (dateless, "when some of its sessions started is not known"),
            (total == 0, "no time of the schedule lies between its first session and the end of the period"),
        ),
    )


def _followed(jobs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Whether each job runs on days of the week and in no other way, and in words why it does not; NA if it does."""
    applies = jobs["expected_to_run"] & jobs["schedule_daily_enabled"]
    for name in _OTHERS:
        applies &= ~jobs[name]
    others = [(jobs[name], f"it runs {word}, which this check does not follow") for name, word in _OTHERS.items()]
    return applies, worded(
        jobs.index,
        (surely(~jobs["expected_to_run"]), "the job is disabled or not scheduled"),
        *others,
        (surely(~jobs["schedule_daily_enabled"]), "it does not run on days of the week"),
    )


def _minute_of(text: str) -> float:
    """The minute of the day of `HH:MM` or `HH:MM:SS`, NaN for another text."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(part.isdecimal() for part in parts):
        return float("nan")
    hour, minute = int(parts[0]), int(parts[1])
    return 60.0 * hour + minute if hour < 24 and minute < 60 else float("nan")


def _days(since: dt.datetime, until: dt.datetime, zone: dt.tzinfo) -> tuple[np.datetime64, int]:
    """The day before the period in `zone`, and how many days follow it up to its end."""
    first = np.datetime64(pd.Timestamp(since).tz_convert(zone).tz_localize(None), "D") - np.timedelta64(1, "D")
    last = np.datetime64(pd.Timestamp(until).tz_convert(zone).tz_localize(None), "D")
    return first, int((last - first).astype(np.int64))


def _demanded(jobs: pd.DataFrame, first_day: np.datetime64, days: int) -> tuple[Cells, Cells]:
    """Per job and day whether its daily schedule demands a run, and per job whether that is known."""
    weekday = (np.arange(days) + first_day.astype(np.int64) + 3) % 7
    kind, chosen = jobs["schedule_daily_kind"], jobs["schedule_daily_days"]
    week = np.zeros((len(jobs), 7), dtype=bool)
    week[surely(kind == "Everyday")] = True
    week[surely(kind == "WeekDays"), :5] = True
    selected = surely(kind == "SelectedDays")
    valid = np.zeros(len(jobs), dtype=bool)
    for text in chosen[selected].dropna().unique():
        here, words = selected & surely(chosen == text), [word.strip() for word in text.split(",")]
        valid[here] = all(word in _WEEK for word in words)
        week[here] = np.array([day in words for day in _WEEK])
    return week[:, weekday], surely(one_of(kind, ("Everyday", "WeekDays"))) | (selected & valid)
