"""When jobs run: by the local clock as long as they run daily or less often, else evenly spread."""

from vbr_audit.simulator.clock import DAY, HOUR, TICKS, ZONE, local_time, to_datetime
from vbr_audit.simulator.plans import Plan

_SETTLED = 2 * HOUR  # a run planned later than this before now may not be over yet
_PAUSE_DAYS = {"stale": 9, "halted": 20}
_SUNDAY = 6


def run_times(plan: Plan, *, now: int, days: int, pace: float) -> list[int]:
    """The planned starts of the last `days` days, newest first, at `pace` runs a day."""
    oldest = now - days * DAY + HOUR
    if pace > 1:
        step = int(DAY / pace)
        newest = now - _PAUSE_DAYS.get(plan.history, 0) * DAY - min(step, _SETTLED)
        return list(range(newest, oldest, -step))
    hour, minute = clock_time(plan)
    first = _PAUSE_DAYS.get(plan.history, 0)
    while local_time(first, now, hour, minute) > now - _SETTLED or not _falls_on(plan, first, now):
        first += 1
    step_days = max(1, round(1 / pace))
    times = (local_time(day, now, hour, minute) for day in range(first, days + 1, step_days))
    return [time for time in times if time > oldest]


def next_run(plan: Plan, now: int) -> int | None:
    """The next planned start, or None for a job that does not start by the clock."""
    if not plan.automatic or plan.disabled or plan.cadence in {"none", "after"}:
        return None
    if plan.cadence == "hourly":
        return (now // (6 * HOUR) + 1) * 6 * HOUR
    hour, minute = clock_time(plan)
    ahead = 0
    while local_time(ahead, now, hour, minute) <= now or not _falls_on(plan, ahead, now):
        ahead -= 1
    return local_time(ahead, now, hour, minute)


def clock_time(plan: Plan) -> tuple[int, int]:
    """The hour and minute at which the plan starts."""
    hour, minute = plan.at.split(":")
    return int(hour), int(minute)


def _falls_on(plan: Plan, days_before: int, now: int) -> bool:
    if plan.cadence != "weekly":
        return True
    noon = local_time(days_before, now, 12, 0)
    return to_datetime(noon // TICKS * TICKS).astimezone(ZONE).weekday() == _SUNDAY
