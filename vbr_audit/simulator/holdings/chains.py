"""The backups: what each job has left on a repository, machine by machine and point by point."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import orjson

from vbr_audit.simulator.clock import DAY, local_time
from vbr_audit.simulator.holdings.members import Member, Takings
from vbr_audit.simulator.holdings.points import Point, kept_points, scheduled_point
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.outcomes import GOOD
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.runs import due_times

_WITHOUT_BACKUP = {"VSphereReplica", "SureBackupContentScan"}
_FEW_JOBS = 10
_SPARSE_POINTS, _SPARSE_DAYS = 3, 24
_WHOLE_DAYS = 40  # a history of so many days shows every run of the last calendar month
_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Chain:
    """One backup: its job (which may be gone, or known to no list), its members and its points, oldest first."""

    id: str
    job_id: str
    name: str
    type: str
    platform: str
    repository: str
    created: int
    members: tuple[Member, ...]
    points: tuple[Point, ...]
    last_failed: frozenset[int] = frozenset()

    def holds(self, member: int, point: Point) -> bool:
        """Tell whether a point is one of a member: a machine that was renamed long ago has none."""
        each = self.members[member]
        return member not in point.without and point.created >= each.since and not each.name.startswith("outdated_")

    def held(self, member: int) -> tuple[Point, ...]:
        """The points of one member, oldest first."""
        return tuple(point for point in self.points if self.holds(member, point))


def make_chains(world: World, takings: Takings) -> list[Chain]:
    """All backups of an estate: those of its jobs, an orphan, and those of a platform that no job list shows."""
    runs = takings.runs
    ended = (each.created for job in world.jobs for each in runs.get(job.id, ()))
    whole = min(ended, default=world.now) < world.now - _WHOLE_DAYS * DAY
    chains = [
        _of_job(job, takings, world, whole=whole)
        for job in world.jobs
        if job.plan.type not in _WITHOUT_BACKUP and (job.plan.history != "never" or job.id in runs)
    ]
    return chains + _strays(world) if len(world.jobs) >= _FEW_JOBS else chains


def _of_job(job: Job, takings: Takings, world: World, *, whole: bool) -> Chain:
    plan, runs = job.plan, takings.runs.get(job.id, [])
    age = 430 + crc32(plan.name.encode()) % 300
    created = max(world.begin - age * DAY, plan.since)
    return Chain(
        id=job.backup_id,
        job_id=job.id,
        name=plan.name,
        type=plan.type,
        platform={"ProxmoxBackupJob": "Proxmox", "IrisBackup": "Iris"}.get(plan.type, job.platform),
        repository=plan.repository,
        created=created,
        members=takings.members(job),
        points=_points(job, takings, created, world, whole=whole),
        last_failed=takings.failed(runs[-1], job) if runs else frozenset(),
    )


def _points(job: Job, takings: Takings, created: int, world: World, *, whole: bool) -> tuple[Point, ...]:
    plan = job.plan if b"gfsPolicy" in orjson.dumps(job.document) else replace(job.plan, gfs=None)
    runs = takings.runs.get(job.id, [])
    if runs:
        everyone = len(takings.members(job))
        made = [
            Point(run.ended or run.created, run.id, run.id, without=absent)
            for run in runs
            if run.result in GOOD
            for absent in (takings.without(run, job),)
            if len(absent) < everyone or not everyone
        ]
    else:
        # More jobs than sessions: their backups stay small.
        times = due_times(plan, now=world.now, oldest=world.now - _SPARSE_DAYS * DAY)[:_SPARSE_POINTS]
        made, whole = [scheduled_point(plan, at, world.seed) for at in reversed(times)], False
    return tuple(kept_points(plan, made, created=created, now=world.now, seed=world.seed, whole=whole))


def _strays(world: World) -> list[Chain]:
    left = [local_time(day, world.begin, 1, 20) for day in range(134, 120, -1)]
    # The months of a year are read after the night's point, which the next month shows, too; they know the weeks
    # before retention, so that what is a full backup does not hang on the month.
    days = range(44, -1, -1) if world.course else range(30, 0, -1)
    daily = [local_time(day, world.now, 1, 20) for day in days]
    orphan = Plan(name="Decommissioned CRM", members=3, gfs=None)
    unseen = Plan(name="Nutanix plant cluster", type="NutanixAHVBackupJob", members=4, repository="scale-out", gfs=None)
    strays = [
        _stray(orphan, "VMware", ("crm01", "crm02", "outdated_crm03"), left, world),
        _stray(unseen, "Nutanix", tuple(f"plant{n:02d}" for n in range(1, 5)), daily, world),
    ]
    if not any(job.plan.type == "FileBackup" for job in world.jobs):
        # Servers that cannot list file backup jobs have their backups all the same.
        files = Plan(name="NAS projects", type="FileBackup", repository="files", gfs=None)
        strays.append(_stray(files, "UnstructuredData", ("projects", "archive"), daily, world))
    return strays


def _stray(plan: Plan, platform: str, names: Sequence[str], starts: Sequence[int], world: World) -> Chain:
    made = [scheduled_point(plan, at, world.seed) for at in starts]
    created = world.begin - 480 * DAY
    return Chain(
        id=world.id("backup", plan.name),
        job_id=world.id("job", plan.name),
        name=plan.name,
        type=plan.type,
        platform=platform,
        repository=plan.repository,
        created=created,
        members=tuple(
            Member(world.id("object", f"{platform}/{name}"), name, f"vm-{name}", (70 + 30 * number) * _GIB)
            for number, name in enumerate(names)
        ),
        points=tuple(kept_points(plan, made, created=created, now=world.now, seed=world.seed, whole=False)),
    )
