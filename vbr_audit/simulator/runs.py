"""When jobs run: by the local clock as their schedules say, or evenly spread where more runs than that are wanted."""

from datetime import date, timedelta

from vbr_audit.simulator.clock import DAY, HOUR, instant, local_day, local_time
from vbr_audit.simulator.plans import Plan

_SETTLED = 2 * HOUR  # a run planned later than this before now may not be over yet
_PAUSE_DAYS = {"stale": 9, "halted": 20}
_FRIDAY, _SUNDAY = 4, 6
_GRID_HOURS = 6
_BY_HAND_DAYS = 10  # so often somebody starts a job that has no schedule


def due_times(plan: Plan, *, now: int, oldest: int) -> list[int]:
    """The starts later than `oldest` that the schedule asks for and that are settled by `now`, newest first."""
    settled = now - _SETTLED - _PAUSE_DAYS.get(plan.history, 0) * DAY
    today, slots = local_day(now), _slots(plan)
    days = (today - timedelta(days=back) for back in range((now - oldest) // DAY + 2))
    times = (instant(day, hour, minute) for day in days if _falls_on(plan, day) for hour, minute in slots)
    return [time for time in times if oldest < time <= settled]


def spread_times(plan: Plan, *, now: int, oldest: int, pace: float) -> list[int]:
    """Starts later than `oldest`, `pace` of them a day whatever the schedule says, newest first."""
    step = int(DAY / pace)
    newest = now - _PAUSE_DAYS.get(plan.history, 0) * DAY - min(step, _SETTLED)
    return list(range(newest, oldest, -step))


def next_run(plan: Plan, now: int) -> int | None:
    """The next planned start, or None for a job that does not start by the clock."""
    if not plan.automatic or plan.disabled or plan.cadence in {"none", "after"}:
        return None
    today, ahead = local_day(now), 0
    while True:
        times = [local_time(-ahead, now, *slot) for slot in reversed(_slots(plan))]
        following = next((time for time in times if time > now), None)
        if following is not None and _falls_on(plan, today + timedelta(days=ahead)):
            return following
        ahead += 1


def full_day(plan: Plan) -> int:
    """The day of the week, from 0 for Monday, on which a job begins a chain with a full backup."""
    return _SUNDAY if plan.cadence == "weekly" else 0


def _slots(plan: Plan) -> list[tuple[int, int]]:
    """The times of a day at which a job starts, the latest first."""
    if plan.cadence == "hourly":
        return [(hour, 0) for hour in range(24 - _GRID_HOURS, -1, -_GRID_HOURS)]
    hour, minute = plan.at.split(":")
    return [(int(hour), int(minute))]


def _falls_on(plan: Plan, day: date) -> bool:
    if plan.cadence == "weekly":
        return day.weekday() == _SUNDAY
    if plan.cadence == "weekdays":
        return day.weekday() <= _FRIDAY
    return plan.cadence != "none" or day.toordinal() % _BY_HAND_DAYS == 0
