"""The year of the simulated company: what was different at the end of each month.

Months count back from 0, the last one that is whole. What is not named here was as the plans say.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dateutil.relativedelta import relativedelta

from vbr_audit.simulator.clock import DAY, ZONE, to_ticks
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.revisions import at_least

MONTHS = 24
"""How many months there are."""

MISSING = frozenset({-4})
"""The months after which the server was not read."""

_FIRST = 1 - MONTHS
_FAST, _NONE = 0.45, 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """What was different about a job at the end of the months from `first` to `last`."""

    job: str
    first: int
    last: int = 0
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Life:
    """At the end of which months a job was there."""

    first: int = _FIRST
    last: int = 0


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of days, begun so many days before the end of a month, in which every run of a job failed."""

    job: str
    month: int
    before: int
    days: int


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the server at the end of the months from `first` to `last`."""

    name: str
    value: int
    first: int
    last: int = 0


JOBS: tuple[Plan, ...] = (
    Plan(name="Old file archive", members=12, repository="dr", retention=("Days", 14), gfs=None, encrypted=False),
    Plan(name="E-commerce platform", members=3, at="22:45"),
    Plan(name="Data warehouse", members=3, at="23:15", encrypted=False),
)
"""The jobs of this year that the company does not have by itself."""

LIVES: Mapping[str, Life] = {
    "Old file archive": Life(last=-6),
    "E-commerce platform": Life(first=-7),
    "Data warehouse": Life(first=0),
    "Legacy intranet": Life(last=-1),
}

CHANGES: tuple[Change, ...] = (
    # Encryption goes off, comes back, and goes off again.
    Change("File servers Hamburg", -11, -9, {"encrypted": False}),
    Change("File servers Hamburg", 0, 0, {"encrypted": False}),
    Change("Physical servers Windows", -10, -8, {"encrypted": False}),
    Change("Physical servers Windows", -2, 0, {"encrypted": False}),
    Change("File servers Munich", 0, 0, {"encrypted": True}),
    # Settings get weaker, and some of them better.
    Change("Exchange DAG", -7, -5, {"retries": 0}),
    Change("Tenant vApps", -2, -2, {"retries": 0}),
    Change("Tenant vApps", 0, 0, {"retries": 0}),
    Change("Domain controllers", -3, 0, {"retention": ("Days", 14)}),
    Change("Monitoring and logging", -1, 0, {"gfs": None}),
    Change("Hyper-V Leeds", -3, 0, {"health": "monthly"}),
    # What stands still at the end has run before.
    Change("Legacy intranet", _FIRST, -1, {"disabled": False, "repository": "main"}),
    Change("Migration wave 3", _FIRST, -1, {"disabled": False}),
    # A machine has got another name; another one (see REMADE) was deleted and made anew.
    Change("ERP application servers", -9, 0, {"renamed": (3,)}),
    # One repository fills, one stays as it is.
    Change("File servers Hamburg", _FIRST, 0, {"growth": _FAST}),
    Change("File servers Munich", _FIRST, 0, {"growth": _FAST}),
    Change("Media archive bucket", _FIRST, 0, {"growth": _FAST}),
    Change("NAS home directories", _FIRST, 0, {"growth": _NONE}),
)

REMADE: Mapping[str, tuple[int, int]] = {"Warehouse control": (2, -3)}
"""The number of the machine of a job that was made anew, and the month in which it was."""

OUTAGES: tuple[Outage, ...] = (
    Outage("Exchange DAG", -7, before=20, days=6),
    Outage("Oracle Finance", -3, before=15, days=9),
    Outage("Monitoring and logging", -2, before=5, days=8),
)

SETTINGS: tuple[Setting, ...] = (
    Setting("immutable days of main", 7, -2),
    Setting("consultant", 1, -3),
    Setting("mfa", 0, -6, -6),
)

FAULTS: Mapping[int, tuple[str, ...]] = {-8: ("ignored-skip=sessions",), 0: ("denied=traffic_rules",)}
"""How the server misbehaved when it was read after a month."""

_UPGRADED, _OLD_REVISION = -5, "1.2-rev1"
_NEW_FOR = 20 * DAY


class Calendar:
    """The ends of the months, in ticks, as they lie before a moment."""

    def __init__(self, now: datetime) -> None:
        self._ends = [to_ticks(month_end(now, month)) for month in range(_FIRST, 1)]

    def end(self, month: int) -> int:
        """When the server was read after a month."""
        return self._ends[month - _FIRST]

    def month(self, at: int) -> int:
        """The month in which an instant lies; the first of all takes in what was before."""
        return min(bisect_left(self._ends, at) + _FIRST, 0)

    def since(self, month: int) -> int:
        """The instant in a month at which what is new in it was made."""
        return self.end(month) - _NEW_FOR


def month_end(now: datetime, month: int) -> datetime:
    """When the server is read after a month: 06:30 by its clock on the first day of the next.

    Month 0 is the last one of which that was not later than `now`.
    """
    if not _FIRST <= month <= 0:
        raise ValueError(f"month is a number from {_FIRST} to 0")
    local = now.astimezone(ZONE)
    last = datetime(local.year, local.month, 1, 6, 30, tzinfo=ZONE)
    back: datetime = last + relativedelta(months=month - (last > local))
    return back


def month_name(now: datetime, month: int) -> str:
    """The month that is read, as `2026-10`."""
    return f"{month_end(now, month) - relativedelta(months=1):%Y-%m}"


def revision_in(month: int, newest: str) -> str:
    """The newest revision of the server at the end of a month: it was upgraded half way."""
    return _OLD_REVISION if month < _UPGRADED and at_least(newest, _OLD_REVISION) else newest


def settings_in(month: int) -> dict[str, int]:
    """The settings of the server that were others at the end of a month."""
    return {each.name: each.value for each in SETTINGS if each.first <= month <= each.last}


def plan_in(plan: Plan, month: int, calendar: Calendar) -> Plan | None:
    """A job as it was at the end of a month; None where it was not there."""
    life = LIVES.get(plan.name, Life())
    if not life.first <= month <= life.last:
        return None
    values: dict[str, object] = {}
    for change in CHANGES:
        if change.job == plan.name and change.first <= month <= change.last:
            values |= change.values
    if life.first > _FIRST:
        values["since"] = calendar.since(life.first)
    number, remade = REMADE.get(plan.name, (0, 1))
    if month >= remade:
        values["remade"] = ((number, calendar.since(remade)),)
    return replace(plan, **values)  # type: ignore[arg-type]


def plans_in(plans: Iterable[Plan], month: int, calendar: Calendar) -> list[Plan]:
    """The jobs that were there at the end of a month, each as it was."""
    return [then for plan in plans if (then := plan_in(plan, month, calendar)) is not None]


def outages(calendar: Calendar) -> dict[str, list[tuple[int, int]]]:
    """By job, the stretches of time in which its runs failed."""
    stretches: dict[str, list[tuple[int, int]]] = {}
    for each in OUTAGES:
        first = calendar.end(each.month) - each.before * DAY
        stretches.setdefault(each.job, []).append((first, first + each.days * DAY))
    return stretches


def faults_in(month: int, given: Sequence[str]) -> tuple[str, ...]:
    """The faults asked for, and those of a month."""
    return (*given, *FAULTS.get(month, ()))
