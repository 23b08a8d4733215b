"""What jobs protect: machines, shares and tenants, how large each is, and which of them a run left without a point."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from re import compile as pattern

from vbr_audit.simulator.clock import DAY
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.outcomes import GOOD
from vbr_audit.simulator.plans import RENAMED
from vbr_audit.simulator.sessions import Session

COPIES = {"BackupCopy", "FileBackupCopy", "EntraIDTenantBackupCopy"}
_READERS = COPIES | {"SureBackupContentScan"}
_HIDDEN_FAILURES = {"Exchange DAG"}
_GIB = 1024**3
_STATED_SIZE = pattern(r"(\d+(?:\.\d+)?) GB")
_YEAR = 365 * DAY
_NONE, _FIRST = frozenset[int](), frozenset({0})


@dataclass(frozen=True, slots=True)
class Member:
    """One machine, share or tenant within a backup; `reference` is its id in its own platform."""

    id: str
    name: str
    reference: str
    size: int = 64 * _GIB
    growth: float = 0.12
    since: int = 0

    def size_at(self, at: int, end: int) -> int:
        """Its size in bytes at an instant: it has grown a little every day until `end`, when its size is the whole."""
        return int(self.size * (1 - min(0.5, self.growth * (end - at) / _YEAR)))


def members_of(job: Job, by_name: Mapping[str, Job], seed: int) -> tuple[Member, ...]:
    """What a job protects, by the names in its document; a copy or a scan deals with what its sources do."""
    if job.plan.type in _READERS:
        members = {each.id: each for source in sources_of(job, by_name) for each in members_of(source, by_name, seed)}
        return tuple(members.values())
    since = dict(job.plan.remade)
    return tuple(
        Member(
            id=identify(seed, "object", f"{job.platform}/{_lasting_name(name, since.get(number))}"),
            name=name,
            reference=reference,
            size=size,
            growth=job.plan.growth,
            since=since.get(number, 0),
        )
        for number, (name, reference, size) in enumerate(_named(job, seed), 1)
    )


def _lasting_name(name: str, since: int | None) -> str:
    """What the id of a machine follows from: a new name leaves it the same, a machine made anew has another."""
    return name.removesuffix(RENAMED) if since is None else f"{name}/{since}"


def sources_of(job: Job, by_name: Mapping[str, Job]) -> list[Job]:
    """The jobs whose backups a copy or a scan reads."""
    names = (name.strip() for name in job.plan.source.split(","))
    return [by_name[name] for name in names if name in by_name]


def _named(job: Job, seed: int) -> Iterator[tuple[str, str, int]]:
    document = job.document or {}
    selection = document.get("virtualMachines")
    included = selection.get("includes") if isinstance(selection, dict) else document.get("computers")
    if isinstance(included, list) and all(isinstance(each, dict) for each in included):
        for number, each in enumerate(included, 1):
            stated = _STATED_SIZE.fullmatch(str(each.get("size")))
            size = float(stated[1]) if stated else 40.0 + 13 * number
            yield str(each.get("name")), str(each.get("objectId") or each.get("id")), int(size * _GIB)
        return
    size = {"EntraID": 12, "UnstructuredData": 300}.get(job.platform, 90)
    for number in range(1, job.plan.members + 1):
        name, reference = f"{job.plan.name} {number:02d}", f"{identify(seed, 'reference', job.plan.name)}/{number}"
        yield name, reference, (size + 7 * number) * _GIB


class Takings:
    """Which members each session of a job took into a restore point."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.by_name = {job.plan.name: job for job in world.jobs}
        self._members: dict[str, tuple[Member, ...]] = {}

    def members(self, job: Job) -> tuple[Member, ...]:
        """What a job protects."""
        if job.id not in self._members:
            self._members[job.id] = members_of(job, self.by_name, self._world.seed)
        return self._members[job.id]

    @cached_property
    def runs(self) -> Mapping[str, list[Session]]:
        """The sessions of each job that have ended, oldest first."""
        runs: defaultdict[str, list[Session]] = defaultdict(list)
        for session in self._world.past:
            if session.ended is not None:
                runs[session.job_id].append(session)
        return runs

    def without(self, session: Session, job: Job) -> frozenset[int]:
        """The numbers of the members that a session left without a point: a failed one leaves none at all."""
        return self._failed(session, job) | self.idle(session, job)

    def failed(self, session: Session, job: Job) -> frozenset[int]:
        """The numbers of the members with which a session failed."""
        return _NONE if session.ended is None else self._failed(session, job)

    def _failed(self, session: Session, job: Job) -> frozenset[int]:
        if session.ended is None or session.result not in GOOD:
            return frozenset(range(len(self.members(job))))
        return _FIRST if session.result == "Warning" and job.plan.name in _HIDDEN_FAILURES else _NONE

    def idle(self, session: Session, job: Job) -> frozenset[int]:
        """The numbers of the members that a copy did not deal with, because there was nothing new of them."""
        return self._not_copied.get(session.id, _NONE) if job.plan.type in COPIES else _NONE

    def newest_root(self, job: Job, member: Member, before: int) -> tuple[str, int] | None:
        """The session that left the newest point of a member among the sources of a job, and its number there."""
        roots = [
            (run.ended, run.id, number)
            for source in sources_of(job, self.by_name)
            for number, each in enumerate(self.members(source))
            if each.id == member.id
            for run in reversed(self.runs.get(source.id, ()))
            if run.ended is not None and run.ended <= before and number not in self.without(run, source)
        ]
        return max(roots)[1:] if roots else None

    @cached_property
    def _not_copied(self) -> Mapping[str, frozenset[int]]:
        """For copies, the members of which there was nothing newer than what the copy before had taken."""
        copies = [job for job in self._world.jobs if job.plan.type in COPIES]
        return {session: missed for job in copies for session, missed in self._misses(job)}

    def _misses(self, job: Job) -> Iterator[tuple[str, frozenset[int]]]:
        made: dict[str, list[int]] = defaultdict(list)
        for source in sources_of(job, self.by_name):
            for run in self.runs.get(source.id, ()):
                absent = self._failed(run, source) if run.result in GOOD else None
                for number, member in enumerate(self.members(source)):
                    if absent is not None and number not in absent and run.ended is not None:
                        made[member.id].append(run.ended)
        for times in made.values():
            times.sort()
        taken: dict[str, int] = {}
        for run in self.runs.get(job.id, ()):
            if run.result not in GOOD:
                continue
            missed: set[int] = set()
            for number, member in enumerate(self.members(job)):
                times = made[member.id]
                at = bisect_right(times, run.created) - 1
                # Before the first session that is known there was a point, too.
                newest = times[at] if at >= 0 else taken.get(member.id, run.created)
                if newest <= taken.get(member.id, -1):
                    missed.add(number)
                taken[member.id] = newest
            if missed:
                yield run.id, frozenset(missed)
