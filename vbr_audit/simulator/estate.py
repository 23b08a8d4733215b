"""The estate: jobs, states and sessions of one simulated server, the same for the same seed and moment."""

from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import attrgetter
from random import Random

from vbr_audit.simulator.choice import plans_for, state_only_plans
from vbr_audit.simulator.clock import DAY
from vbr_audit.simulator.history import past_sessions
from vbr_audit.simulator.holdings.members import members_of
from vbr_audit.simulator.hostile import hostile_jobs, hostile_sessions
from vbr_audit.simulator.identity import draw, identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.plans import REPOSITORIES
from vbr_audit.simulator.revisions import has_job_type
from vbr_audit.simulator.sessions import Session
from vbr_audit.simulator.states import write_state

Json = dict[str, object]

HISTORY_DAYS = 65  # the whole of the last calendar month, whatever the day
_PARTS = attrgetter(*(each.name for each in fields(Session)))


@dataclass(slots=True)
class Estate:
    """All that the server knows; the sessions stand oldest first."""

    seed: int
    now: int
    jobs: list[Job]
    sessions: list[Session]
    _chance: Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = Random(f"{self.seed}/growth")

    def documents(self, revision: str) -> list[Json]:
        """The job documents that `revision` lists."""
        return [
            job.document_in(revision)
            for job in self.jobs
            if job.document is not None and has_job_type(revision, job.plan.type)
        ]

    def states(self, revision: str) -> list[Json]:
        """The job states that `revision` lists."""
        newest = {session.job_id: session for session in self.sessions}
        ids = {job.plan.name: job.id for job in self.jobs}
        repositories = {key: identify(self.seed, "repository", key) for key in REPOSITORIES}
        by_name = {job.plan.name: job for job in self.jobs}
        return [
            write_state(
                job,
                newest.get(job.id),
                revision,
                now=self.now,
                ids=ids,
                repositories=repositories,
                sizes=[member.size for member in members_of(job, by_name, self.seed)],
            )
            for job in self.jobs
            if has_job_type(revision, job.plan.type)
        ]

    def draw_id(self) -> str:
        """A new id, for what a client creates."""
        return draw(self._chance)

    def new_sessions(self, count: int, at: int) -> list[Session]:
        """Let `count` sessions happen, all of them later than those before."""
        last = self.sessions[-1].created if self.sessions else at
        made = [
            Session(
                id=draw(self._chance),
                name="Configuration resynchronization",
                kind="ConfigurationResynchronize",
                created=max(at, last) + number,
                ended=max(at, last) + number,
                result="Success",
            )
            for number in range(1, count + 1)
        ]
        self.sessions += made
        return made


def _jobs(count: int, seed: int, revision: str) -> list[Job]:
    plans = [*plans_for(revision, count, Random(f"{seed}/jobs")), *state_only_plans(revision, count)]
    return [Job.planned(plan, seed) for plan in plans]


@lru_cache(maxsize=16)
def _past(jobs: int, sessions: int, seed: int, revision: str, now: int, days: int) -> tuple[Session, ...]:
    """The past of an estate, not to be changed: worked out once for all servers that have it."""
    return tuple(past_sessions(_jobs(jobs, seed, revision), sessions, now=now, days=days, seed=seed))


def make_estate(
    *,
    jobs: int,
    sessions: int,
    seed: int,
    revision: str,
    now: int,
    days: int = HISTORY_DAYS,
    hostile: bool = False,
) -> Estate:
    """Make the estate of a server whose newest revision is `revision`."""
    made = _jobs(jobs, seed, revision)
    past = [
        Session(*_PARTS(session)) for session in _past(jobs, sessions, seed, revision, now, min(days, HISTORY_DAYS))
    ]
    if hostile:
        worst = hostile_jobs(seed)
        made += worst
        past += [each for each in hostile_sessions(worst, now=now, seed=seed) if each.created > now - days * DAY]
        past.sort(key=lambda session: session.created)
    return Estate(seed=seed, now=now, jobs=made, sessions=past)
