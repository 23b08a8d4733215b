"""The backups: what each job has left on a repository, machine by machine and point by point."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zlib import crc32

from vbr_audit.simulator.clock import DAY, TICKS, ZONE, local_time, to_datetime
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.identity import ZERO, identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.runs import clock_time, run_times
from vbr_audit.simulator.sessions import Session

_WITHOUT_BACKUP = {"VSphereReplica", "SureBackupContentScan"}
_COPIES = {"BackupCopy", "SureBackupContentScan", "FileBackupCopy", "EntraIDTenantBackupCopy"}
_MOST_POINTS = 200
_FEW_JOBS = 10
_SPARSE_POINTS, _SPARSE_DAYS = 3, 24
_FORGOTTEN_MONTHS = {"Certificate authority": {3, 4}}


@dataclass(frozen=True, slots=True)
class Member:
    """One machine, share or tenant within a backup; `reference` is its id in its own platform."""

    id: str
    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class Point:
    """One moment to which every member can be restored; its ids follow from `root`."""

    created: int
    root: str
    session_id: str
    full: bool = False
    periods: tuple[str, ...] = ()

    def point_id(self, member: int) -> str:
        """The id of the restore point of one member."""
        return f"{member + 0x10000000:08x}{self.root[8:]}"

    def file_id(self, member: int) -> str:
        """The id of the file that holds it."""
        return f"{member + 0x20000000:08x}{self.root[8:]}"


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
    last_failed: bool = False

    def held(self, member: int) -> tuple[Point, ...]:
        """The points of one member: a machine that was renamed long ago has none."""
        return () if self.members[member].name.startswith("outdated_") else self.points


def make_chains(world: World) -> list[Chain]:
    """All backups of an estate: those of its jobs, an orphan, and those of a platform that no job list shows."""
    runs: defaultdict[str, list[Session]] = defaultdict(list)
    for session in world.sessions:
        if session.ended is not None:
            runs[session.job_id].append(session)
    by_name = {job.plan.name: job for job in world.jobs}
    chains = [
        _of_job(job, runs.get(job.id, []), by_name, world)
        for job in world.jobs
        if job.plan.type not in _WITHOUT_BACKUP and (job.plan.history != "never" or job.id in runs)
    ]
    return chains + _strays(world) if len(world.jobs) >= _FEW_JOBS else chains


def members_of(job: Job, by_name: dict[str, Job], seed: int) -> tuple[Member, ...]:
    """What a job protects, by the names in its document; a copy or a scan deals with what its sources do."""
    if job.plan.type in _COPIES:
        sources = (by_name.get(name.strip()) for name in job.plan.source.split(","))
        found = {each.id: each for source in sources if source for each in members_of(source, by_name, seed)}
        return tuple(found.values())
    return tuple(
        Member(identify(seed, "object", f"{job.platform}/{name}"), name, reference)
        for name, reference in _named(job, seed)
    )


def _named(job: Job, seed: int) -> Iterator[tuple[str, str]]:
    document = job.document or {}
    selection = document.get("virtualMachines")
    included = selection.get("includes") if isinstance(selection, dict) else document.get("computers")
    if isinstance(included, list) and all(isinstance(each, dict) for each in included):
        for each in included:
            yield str(each.get("name")), str(each.get("objectId") or each.get("id"))
        return
    for number in range(1, job.plan.members + 1):
        yield f"{job.plan.name} {number:02d}", f"{identify(seed, 'reference', job.plan.name)}/{number}"


def _of_job(job: Job, runs: Sequence[Session], by_name: dict[str, Job], world: World) -> Chain:
    plan = job.plan
    age = 430 + crc32(plan.name.encode()) % 300
    created = world.now - age * DAY
    return Chain(
        id=job.backup_id,
        job_id=job.id,
        name=plan.name,
        type=plan.type,
        platform={"ProxmoxBackupJob": "Proxmox", "IrisBackup": "Iris"}.get(plan.type, job.platform),
        repository=plan.repository,
        created=created,
        members=members_of(job, by_name, world.seed),
        points=_points(plan, runs, created, world),
        last_failed=bool(runs) and runs[-1].result == "Failed",
    )


def _points(plan: Plan, runs: Sequence[Session], created: int, world: World) -> tuple[Point, ...]:
    if not runs:
        # More jobs than sessions: their backups stay small.
        times = run_times(plan, now=world.now, days=_SPARSE_DAYS, pace=1.0)[:_SPARSE_POINTS]
        few = [Point(at, _root(plan, at, world.seed), ZERO) for at in reversed(times)]
        return tuple(_flagged(few, plan))
    good = [Point(run.ended or run.created, run.id, run.id) for run in runs if run.result in {"Success", "Warning"}]
    kept = _flagged(_retained(plan, good, world.now), plan)
    oldest = kept[0].created if kept else world.now
    return (*_long_term(plan, oldest, created, world), *kept)


def _root(plan: Plan, at: int, seed: int) -> str:
    return f"{identify(seed, 'point', plan.name)[:24]}{at // TICKS:012x}"


def _retained(plan: Plan, points: list[Point], now: int) -> list[Point]:
    kind, quantity = plan.retention
    if kind in {"Days", "Months"}:
        days = quantity * (31 if kind == "Months" else 1)
        recent = [point for point in points if point.created >= now - days * DAY]
        points = recent or points[-1:]
    else:
        points = points[-quantity:]
    return points[-_MOST_POINTS:]


def _local_day(ticks: int) -> date:
    return to_datetime(ticks).astimezone(ZONE).date()


def _flagged(points: list[Point], plan: Plan) -> list[Point]:
    """The first point of each week is a full one, and carries the long-term periods that it starts."""
    weeks, months, years = plan.gfs or (0, 0, 0)
    seen: set[object] = set()
    made: list[Point] = []
    for point in points:
        day = _local_day(point.created)
        week, month = day.isocalendar()[:2], (day.year, day.month)
        if week in seen:
            made.append(point)
            continue
        periods: tuple[str, ...] = ("Weekly",) if weeks else ()
        periods += ("Monthly",) if months and month not in seen else ()
        periods += ("Yearly",) if years and day.year not in seen and day.month == 1 else ()
        seen |= {week, month, day.year}
        made.append(replace(point, full=True, periods=periods))
    return made


def _long_term(plan: Plan, oldest: int, created: int, world: World) -> list[Point]:
    """The monthly and yearly full points that outlived the ordinary retention."""
    _, months, years = plan.gfs or (0, 0, 0)
    if not months and not years:
        return []
    today, hour = _local_day(world.now), clock_time(plan)[0]
    first, made = today.replace(day=1), []
    for back in range(12 * max(years, 1) + 1):
        sunday = first + timedelta(days=(6 - first.weekday()) % 7)
        at = local_time((today - sunday).days, world.now, hour, 40) + 7 * TICKS
        periods: tuple[str, ...] = (
            ("Monthly",) if back <= months and back not in _FORGOTTEN_MONTHS.get(plan.name, ()) else ()
        )
        periods += ("Yearly",) if years and sunday.month == 1 else ()
        if periods and created < at < oldest - DAY:
            made.append(Point(at, _root(plan, at, world.seed), ZERO, full=True, periods=periods))
        first = (first - timedelta(days=1)).replace(day=1)
    return made[::-1]


def _strays(world: World) -> list[Chain]:
    orphan = Plan(name="Decommissioned CRM", members=3, gfs=None)
    unseen = Plan(name="Nutanix plant cluster", type="NutanixAHVBackupJob", members=4, repository="scale-out")
    strays = [
        _stray(orphan, "VMware", ("crm01", "crm02", "outdated_crm03"), range(134, 120, -1), world),
        _stray(unseen, "Nutanix", tuple(f"plant{n:02d}" for n in range(1, 5)), range(30, 0, -1), world),
    ]
    if not any(job.plan.type == "FileBackup" for job in world.jobs):
        # Servers that cannot list file backup jobs have their backups all the same.
        files = Plan(name="NAS projects", type="FileBackup", repository="files", gfs=None)
        strays.append(_stray(files, "UnstructuredData", ("projects", "archive"), range(30, 0, -1), world))
    return strays


def _stray(plan: Plan, platform: str, names: Sequence[str], days: range, world: World) -> Chain:
    points = [
        Point(at, _root(plan, at, world.seed), ZERO) for day in days for at in (local_time(day, world.now, 1, 20),)
    ]
    return Chain(
        id=world.id("backup", plan.name),
        job_id=world.id("job", plan.name),
        name=plan.name,
        type=plan.type,
        platform=platform,
        repository=plan.repository,
        created=world.now - 480 * DAY,
        members=tuple(Member(world.id("object", f"{platform}/{name}"), name, f"vm-{name}") for name in names),
        points=tuple(_flagged(points, plan)),
    )
