"""The course of a year: every session of it, made once, and what of it a month's end has already seen."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from operator import attrgetter
from random import Random

from vbr_audit.simulator import year
from vbr_audit.simulator.choice import plans_for, state_only_plans
from vbr_audit.simulator.clock import DAY, to_datetime
from vbr_audit.simulator.history import past_sessions, usual_count
from vbr_audit.simulator.holdings.repositories import repository_capacities
from vbr_audit.simulator.holdings.stock import Stock
from vbr_audit.simulator.holdings.world import Course, World
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.sessions import Session

_HISTORY_DAYS = 65
_DAYS = 31 * year.MONTHS + _HISTORY_DAYS


@dataclass(frozen=True)
class Year:
    """A whole year of one company; `end` is the moment of its last month's end, in ticks."""

    end: int
    seed: int
    revision: str
    jobs: int
    sessions: int

    @cached_property
    def calendar(self) -> year.Calendar:
        """The ends of its months."""
        return year.Calendar(to_datetime(self.end))

    @cached_property
    def plans(self) -> list[Plan]:
        """Every job that there is in some month."""
        given = plans_for(self.revision, self.jobs, Random(f"{self.seed}/jobs"))
        return [*given, *year.JOBS, *state_only_plans(self.revision, self.jobs)]

    @cached_property
    def all_sessions(self) -> list[Session]:
        """The sessions of all months, oldest first: none of a job that was not there, no retry that was off."""
        jobs = [Job.planned(plan, self.seed) for plan in self.plans]
        made = past_sessions(
            jobs,
            max(usual_count(jobs, _DAYS), self.sessions * _DAYS // _HISTORY_DAYS),
            now=self.end,
            days=_DAYS,
            seed=self.seed,
            outages=year.outages(self.calendar),
        )
        plans = {job.id: job.plan for job in jobs}
        return [session for session in made if self._took_place(session, plans.get(session.job_id))]

    def _took_place(self, session: Session, plan: Plan | None) -> bool:
        if plan is None:
            return True
        then = self._plan_then(plan, self.calendar.month(session.created))
        return then is not None and session.created >= then.since and session.retry <= then.retries

    def _plan_then(self, plan: Plan, month: int) -> Plan | None:
        key = (plan.name, month)
        if key not in self._then:
            self._then[key] = year.plan_in(plan, month, self.calendar)
        return self._then[key]

    @cached_property
    def _then(self) -> dict[tuple[str, int], Plan | None]:
        return {}

    @cached_property
    def _created(self) -> list[int]:
        return [session.created for session in self.all_sessions]

    @cached_property
    def capacities(self) -> Mapping[str, float]:
        """How large the repositories are, in GB by their keys: what the files of the last month need."""
        world = self.world(0)
        return repository_capacities(Stock(world, empty=False).chains, world)

    def world(self, month: int) -> World:
        """The company at the end of a month."""
        now = self.calendar.end(month)
        before = self.all_sessions[: bisect_right(self._created, now)]
        past = [each if each.ended is not None and each.ended <= now else _at_work(each) for each in before]
        course = Course(
            begin=self.calendar.end(1 - year.MONTHS),
            end=self.end,
            past=past,
            settings=year.settings_in(month),
            capacities=lambda: self.capacities,
        )
        return World(
            seed=self.seed,
            now=now,
            jobs=[Job.planned(plan, self.seed) for plan in year.plans_in(self.plans, month, self.calendar)],
            sessions=self._recent(past, now),
            course=course,
        )

    def _recent(self, past: Sequence[Session], now: int) -> list[Session]:
        """What the server has not forgotten."""
        first = bisect_right(past, now - _HISTORY_DAYS * DAY, key=attrgetter("created"))
        return list(past[max(first, len(past) - self.sessions) :])


@lru_cache(maxsize=2)
def the_year(end: int, seed: int, revision: str, jobs: int, sessions: int) -> Year:
    """A year, made once for all its months."""
    return Year(end, seed, revision, jobs, sessions)


def _at_work(session: Session) -> Session:
    """A session as it was before it ended."""
    return replace(session, ended=None, result=None, message="", state="Working", progress=min(session.progress, 63))
