"""Restore points: made by runs, full once a week, kept by retention and long-term flags."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from vbr_audit.simulator.clock import DAY, TICKS, local_day, local_time
from vbr_audit.simulator.holdings.members import Member
from vbr_audit.simulator.identity import ZERO, identify
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.runs import due_times, full_day

_USUAL = 40 * 60 * TICKS  # between the start of a run that is forgotten and its point
_WEEK, _MONTH = 7, 31
_POINTS_A_DAY = {"hourly": 4.0, "weekly": 1 / 7, "weekdays": 5 / 7, "none": 0.1}
_MOST_POINTS = 400
_CHANGED = 20  # one part in so many is new from run to run
DEDUPED, COMPRESSED = 80, 50  # percent that is left
_FORGOTTEN_MONTHS = {"Certificate authority": {3, 4}}


class Point(NamedTuple):
    """One moment to which members can be restored, but for those `without`; its ids follow from `root`."""

    created: int
    root: str
    session_id: str
    full: bool = False
    periods: tuple[str, ...] = ()
    without: frozenset[int] = frozenset()

    def point_id(self, member: int) -> str:
        """The id of the restore point of one member."""
        return f"{member + 0x10000000:08x}{self.root[8:]}"

    def file_id(self, member: int) -> str:
        """The id of the file that holds it."""
        return f"{member + 0x20000000:08x}{self.root[8:]}"


def scheduled_point(plan: Plan, start: int, seed: int) -> Point:
    """The point of a run that started so long ago that its session is forgotten."""
    at = start + _USUAL
    return Point(at, f"{identify(seed, 'point', plan.name)[:24]}{at // TICKS:012x}", ZERO)


def data_size(member: Member, point: Point, end: int) -> int:
    """The bytes that one point holds of one member, before they are made smaller."""
    return member.size_at(point.created, end) // (1 if point.full else _CHANGED)


def stored_size(data: int) -> int:
    """The bytes that are left of them on the repository."""
    return data * DEDUPED * COMPRESSED // 10_000


def kept_points(plan: Plan, made: Sequence[Point], *, created: int, now: int, seed: int, whole: bool) -> list[Point]:
    """Which of the points that runs `made`, and of those before them, are still there, oldest first.

    `whole` says that the points before the first known session are wanted, too, and not only the long-term ones.
    """
    if not made:
        return []
    first = made[0].created
    starts = set(_long_term_starts(plan, now))
    if whole:
        starts |= set(due_times(plan, now=first, oldest=now - _reach_days(plan) * DAY))
    before = [
        scheduled_point(plan, at, seed) for at in sorted(starts) if created < at and at + _USUAL < first - DAY // 8
    ]
    return _retained(_flagged([*before, *made], plan, now), plan)


def _reach_days(plan: Plan) -> int:
    """How many days back retention can reach, with the rest of the chain that the oldest point needs."""
    kind, quantity = plan.retention
    if kind in {"Days", "Months"}:
        return quantity * (_MONTH if kind == "Months" else 1) + _WEEK
    return round(quantity / _POINTS_A_DAY.get(plan.cadence, 1.0)) + _WEEK


def _long_term_starts(plan: Plan, now: int) -> Iterator[int]:
    """The starts of the fulls that long-term flags can keep: one a week, the first of each month and January."""
    weeks, months, years = plan.gfs or (0, 0, 0)
    today, hour, minute = local_day(now), *(int(part) for part in plan.at.split(":"))
    if plan.cadence == "hourly":
        hour = minute = 0
    monday = today - timedelta(days=(today.weekday() - full_day(plan)) % _WEEK)
    weekly = (monday - timedelta(days=_WEEK * back) for back in range(weeks + 1))
    monthly = (_later(today.replace(day=1), -back) for back in range(months + 1))
    yearly = (date(today.year - back, 1, 1) for back in range(years + 1))
    firsts = (
        _on_or_after(first, full_day(plan)) for first in chain(monthly if months else (), yearly if years else ())
    )
    for day in chain(weekly if weeks else (), firsts):
        if day <= today:
            yield local_time((today - day).days, now, hour, minute)


def _on_or_after(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % _WEEK)


def _flagged(points: Sequence[Point], plan: Plan, now: int) -> list[Point]:
    """The first point of each week is a full one; the first full of a week, a month and a January carries its flag.

    A flag that has expired is no longer there.
    """
    today, seen, made = local_day(now), set[object](), list[Point]()
    forgotten = {
        (day.year, day.month) for back in _FORGOTTEN_MONTHS.get(plan.name, ()) for day in (_later(today, -back),)
    }
    for point in points:
        day = local_day(point.created)
        week, month = ("week", *day.isocalendar()[:2]), (day.year, day.month)
        if week in seen:
            made.append(point)
            continue
        periods = [("Weekly", True), ("Monthly", month not in seen and month not in forgotten)]
        periods.append(("Yearly", day.month == 1 and day.year not in seen))
        kept = tuple(name for name, due in periods if due and today < _expiry(name, day, plan))
        seen |= {week, month} | ({day.year} if day.month == 1 else set())
        made.append(point._replace(full=True, periods=kept))
    return made


def _expiry(period: str, day: date, plan: Plan) -> date:
    """When a flag goes: after N times 7 days, or N months or years and a day; at once if the policy has none."""
    weeks, months, years = plan.gfs or (0, 0, 0)
    if period == "Weekly":
        return day + timedelta(days=_WEEK * weeks)
    if period == "Monthly":
        return _later(day, months) + timedelta(days=1) if months else day
    return _later(day, 12 * years) + timedelta(days=1) if years else day


@lru_cache(maxsize=4096)
def _later(day: date, months: int) -> date:
    """The same day some months later; the last of a month that is too short for it."""
    later: date = day + relativedelta(months=months)
    return later


def _retained(points: Sequence[Point], plan: Plan) -> list[Point]:
    """What retention kept when the last point was made: a chain goes when nothing in it is needed any more."""
    kind, quantity = plan.retention
    if kind in {"Days", "Months"}:
        oldest = points[-1].created - quantity * (_MONTH if kind == "Months" else 1) * DAY
        cut = next(place for place, point in enumerate(points) if point.created >= oldest)
    else:
        short = [place for place, point in enumerate(points) if not point.periods]
        cut = short[-quantity:][0] if short else 0
    cut = max(cut, len(points) - _MOST_POINTS)
    while cut and not points[cut].full:
        cut -= 1
    return [point for place, point in enumerate(points) if place >= cut or point.periods]
