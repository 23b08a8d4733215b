"""The check of runs that the schedule demands and that never took place, and the schedules behind it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vbr_audit.checks.codes import codes_of
from vbr_audit.checks.logic import Cells, nullable, one_of, phrased, surely, surely_one, worded
from vbr_audit.checks.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.registry import check
from vbr_audit.checks.sessions import count_of, owners_of
from vbr_audit.tables.arrays import STRING
from vbr_audit.tables.words import WEEK

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
_ON_MONDAYS = {"schedule_daily_days": "Monday"}
_OTHERS = {
    "schedule_monthly_enabled": "on a day of the month",
    "schedule_periodically_enabled": "every so many hours or minutes",
    "schedule_continuously_enabled": "all the time",
    "schedule_after_job_enabled": "after another job",
}
SCHEDULE_CONTROLS = (*_OTHERS, "backup_window_enabled")
"""What decides besides the daily schedule; a type of job that lacks one of them counts as having it off."""
_TIME = r"\A([01]?[0-9]|2[0-3]):([0-5]?[0-9])(?::[0-9]{1,2}(?:\.[0-9]+)?)?\Z"
_HALF_A_DAY = np.timedelta64(720, "m")


def _sessions(*rows: dict[str, object], **tables: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    return {"sessions": [{**_SESSION, **row} for row in rows], **tables}


def _days_ago(*days: float) -> dict[str, list[dict[str, object]]]:
    rows: list[dict[str, object]] = [{"created": hours_ago(24 * day)} for day in days]
    return _sessions(*rows)


@check(
    "RUN-014",
    "Each run that the schedule demands took place",
    severity="medium",
    tables=("jobs", "sessions"),
    aggregates=("sessions",),
    optional=dict.fromkeys(SCHEDULE_CONTROLS, False),
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
        Example("PASS", _DAILY, _days_ago(1)),
        Example("PASS", {**_DAILY, "schedule_daily_time": "18:01"}, _days_ago(1.5, 2.5)),
        Example(
            "PASS",
            {**_DAILY, "schedule_daily_kind": "SelectedDays", "schedule_daily_days": "Sunday"},
            _days_ago(7, 14, 21),
        ),
        Example(
            "PASS",
            {**_DAILY, "schedule_daily_kind": "SelectedDays", "schedule_daily_days": "Sunday"},
            {
                "jobs": [{**_DAILY, "job_id": "job-2", "schedule_daily_kind": "SelectedDays", **_ON_MONDAYS}],
                **_days_ago(7, 14, 21),
            },
        ),
        Example("PASS", {**_DAILY, "schedule_daily_kind": "WeekDays"}, _days_ago(2, 3, 4, 5, 6, 9)),
        Example("FAIL", _DAILY, _days_ago(1, 2, 4)),
        Example("FAIL", {**_DAILY, "schedule_daily_time": "18:00"}, _days_ago(1.5, 2.5)),
        Example(
            "FAIL",
            {**_DAILY, "schedule_daily_kind": "SelectedDays", "schedule_daily_days": "Sunday"},
            _days_ago(7, 21),
        ),
        Example("FAIL", {**_DAILY, "schedule_daily_kind": "WeekDays"}, _days_ago(2, 4, 5, 6, 9)),
        Example("UNKNOWN", _DAILY),
        Example("UNKNOWN", _DAILY, {"sessions": [*_days_ago(1, 2, 4)["sessions"], {**_SESSION, "created": None}]}),
        Example("UNKNOWN", {**_DAILY, "schedule_daily_kind": "FullMoon"}, _days_ago(1, 2)),
        Example(
            "UNKNOWN",
            {**_DAILY, "schedule_daily_kind": "SelectedDays", "schedule_daily_days": "Sunday, Doomsday"},
            _days_ago(7, 14, 21),
        ),
        Example("UNKNOWN", {**_DAILY, "schedule_daily_time": "6 o'clock"}, _days_ago(1, 2)),
        Example("UNKNOWN", {**_DAILY, "backup_window_enabled": True}, _days_ago(1, 2)),
        Example("NOT_APPLICABLE", {**_DAILY, "schedule_periodically_enabled": True}, _days_ago(1, 4)),
        Example("NOT_APPLICABLE", {**_DAILY, "schedule_daily_enabled": False}, _days_ago(1, 4)),
        Example("NOT_APPLICABLE", {**_DAILY, "expected_to_run": False}, _days_ago(1, 4)),
    ),
)
def runs_not_missed(
    jobs: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    now: dt.datetime,
    since: dt.datetime,
    until: dt.datetime,
    zone: dt.tzinfo,
) -> Outcome:
    """A run that never started leaves no session, and therefore no failure that anybody could be told of.

    Counted is the daily schedule as it is set now, from the job's first session of the period on, because nobody tells
    since when a job exists. A session up to twelve hours before or after the time counts for it, so that neither a
    queue nor another zone of the report makes a run look missed.
    """
    schedule = follow_schedule(jobs, sessions, since=since, until=min(until, now), zone=zone)
    owner = owners_of(jobs, sessions, since, until)
    missed, total = schedule.missed.sum(axis=1), schedule.due.sum(axis=1)
    dateless = count_of(owner, sessions["created"].isna().to_numpy(), jobs) > 0
    applies = followed_by_days(jobs)
    other = _why_not_followed(jobs)
    window = jobs["backup_window_enabled"]
    settled = schedule.is_told & (total > 0) & ((missed == 0) | ~dateless)
    judged = settled & surely(applies)
    return Outcome(
        nullable(missed == 0, ~settled, jobs.index),
        observed=worded(jobs.index, (judged, phrased("{} of {} runs missed", missed, total, where=judged))),
        applies=applies,
        applies_by_settings=True,
        reason=worded(
            jobs.index,
            (judged, pd.NA),
            (other.notna(), other),
            (surely(window), "its backup window may keep it from starting"),
            (~schedule.is_known, "time or days of its daily schedule are not known"),
            (dateless, "when some of its sessions started is not known"),
            (total == 0, "no time of the schedule lies between its first session and the end of the period"),
        ),
    )


@dataclass(frozen=True, eq=False)
class DailySchedule:
    """What the daily schedules of jobs, as they are set now, demand on the days of a period; one row per job.

    Column `n` of `demanded`, `due` and `ran` is the day `first_day + n`. A run is `due` where it is demanded between
    the job's first session and the end of the period; it `ran` where a session began up to twelve hours before or
    after the time. `is_known` says whether time and days can be read; `is_told` also that no backup window may
    have kept the job from starting.
    """

    first_day: np.datetime64
    demanded: Cells
    due: Cells
    ran: Cells
    is_known: Cells
    is_told: Cells

    @property
    def missed(self) -> Cells:
        """The runs that were due and did not take place."""
        return np.asarray(self.due & ~self.ran)


def follow_schedule(
    jobs: pd.DataFrame, sessions: pd.DataFrame, *, since: dt.datetime, until: dt.datetime, zone: dt.tzinfo
) -> DailySchedule:
    """The daily schedules of the jobs of one server against its sessions, by days on the clock of `zone`.

    `until` must not lie after the clock of the run: what is to come is not missed.
    """
    owner = owners_of(jobs, sessions, since, until)
    time = _minutes_of(jobs["schedule_daily_time"])
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
    due = demanded & (slots >= begun[:, None]) & (slots <= over.astype(np.int64)[:, None])
    known = ~np.isnan(time) & known_days
    return DailySchedule(first_day, demanded, due, ran, known, known & surely(~jobs["backup_window_enabled"]))


def followed_by_days(jobs: pd.DataFrame) -> pd.Series:
    """Whether each job is expected to run on days of the week and in no other way, as nullable boolean."""
    applies = jobs["expected_to_run"] & jobs["schedule_daily_enabled"]
    for name in _OTHERS:
        applies &= ~jobs[name]
    return applies


def _why_not_followed(jobs: pd.DataFrame) -> pd.Series:
    """In words why a job does not run on days of the week alone; NA if it does."""
    others = [(jobs[name], f"it runs {word}, which this check does not follow") for name, word in _OTHERS.items()]
    return worded(
        jobs.index,
        (surely(~jobs["expected_to_run"]), "the job is disabled or not scheduled"),
        *others,
        (surely(~jobs["schedule_daily_enabled"]), "it does not run on days of the week"),
    )


def _minutes_of(times: pd.Series) -> Cells:
    """The minute of the day of each `HH:MM` or `HH:MM:SS`, NaN for another text."""
    codes = codes_of(times)
    parts = pd.Series(codes.texts, dtype=STRING).str.extract(_TIME).to_numpy(dtype=float, na_value=np.nan)
    return codes.spread((60 * parts[:, 0] + parts[:, 1]).tolist(), float, missing=np.nan)


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
    week[surely_one(kind, "Everyday")] = True
    week[surely_one(kind, "WeekDays"), :5] = True
    selected = surely_one(kind, "SelectedDays")
    valid = np.zeros(len(jobs), dtype=bool)
    for text in chosen[selected].dropna().unique():
        here, words = selected & surely_one(chosen, text), [word.strip() for word in text.split(",")]
        valid[here] = all(word in WEEK for word in words)
        week[here] = np.array([day in words for day in WEEK])
    return week[:, weekday], surely(one_of(kind, ("Everyday", "WeekDays"))) | valid
