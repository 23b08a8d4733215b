"""Task sessions: what the sessions of jobs for virtual machines did with each machine."""

from collections.abc import Mapping
from dataclasses import dataclass

from vbr_audit.simulator.clock import TICKS, stamp
from vbr_audit.simulator.holdings.chains import Member, Point, members_of
from vbr_audit.simulator.holdings.repositories import repository_id
from vbr_audit.simulator.holdings.world import World, platform_name
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.lazy import Lazy
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.sessions import Session, kind_name

Json = dict[str, object]

_WITH_TASKS = {
    "VSphereBackup",
    "HyperVBackup",
    "CloudDirectorBackup",
    "BackupCopy",
    "VSphereReplica",
    "ProxmoxBackupJob",
    "SureBackupContentScan",
}
_STEP = 20 * TICKS
_GIB = 1024**3
_HIDDEN_FAILURES = {"Exchange DAG"}


@dataclass(frozen=True, slots=True)
class _Task:
    session: Session
    job: Job
    members: tuple[Member, ...]
    number: int

    @property
    def created(self) -> int:
        """Machines are taken one after the other."""
        session = self.session
        room = ((session.ended or session.created + 600 * TICKS) - session.created) // (2 * len(self.members))
        return session.created + self.number * min(_STEP, room)

    @property
    def result(self) -> str:
        """The first machine is the one that made the session fail or warn."""
        session = self.session
        if self.number or session.result in {"Success", None}:
            return "Success"
        return "Failed" if self.job.plan.name in _HIDDEN_FAILURES else str(session.result)


@dataclass(frozen=True, slots=True)
class _Restore:
    """One machine that was brought back."""

    session: Session
    name: str

    @property
    def created(self) -> int:
        return self.session.created


def task_rows(world: World, revision: str) -> Lazy:
    """Every task session, oldest first, written when asked for; agents leave none."""
    tasks = _all_tasks(world)

    def write(at: int) -> Json:
        return _written(tasks[at], world, revision)

    return Lazy([task.created for task in tasks], write)


def tasks_of(session_id: str, world: World, revision: str) -> list[Json]:
    """The task sessions of one session."""
    return [_written(task, world, revision) for task in _all_tasks(world) if task.session.id == session_id]


def _written(task: _Task | _Restore, world: World, revision: str) -> Json:
    return _write(task, world, revision) if isinstance(task, _Task) else _write_restore(task, revision)


def _all_tasks(world: World) -> list[_Task | _Restore]:
    by_name = {job.plan.name: job for job in world.jobs}
    protected = {
        job.id: (job, members_of(job, by_name, world.seed)) for job in world.jobs if job.plan.type in _WITH_TASKS
    }
    tasks: list[_Task | _Restore] = [task for session in world.sessions for task in _tasks_of(session, protected)]
    machines = [
        member.name for job, members in protected.values() if job.plan.type == "VSphereBackup" for member in members
    ]
    brought_back = [session for session in world.sessions if session.kind == "RestoreVm" and machines]
    tasks += [_Restore(session, machines[turn % len(machines)]) for turn, session in enumerate(brought_back)]
    tasks.sort(key=lambda task: task.created)
    return tasks


def _tasks_of(session: Session, protected: Mapping[str, tuple[Job, tuple[Member, ...]]]) -> list[_Task]:
    found = protected.get(session.job_id)
    if found is None:
        return []
    job, members = found
    return [_Task(session, job, members, number) for number in range(len(members))]


def _write(task: _Task, world: World, revision: str) -> Json:
    session, kind = task.session, task.job.plan.type
    point = Point(task.created, session.id, session.id).point_id(task.number)
    row: Json = {
        "id": f"{task.number + 0x30000000:08x}{session.id[8:]}",
        "type": {"VSphereReplica": "Replica", "SureBackupContentScan": "Antivirus"}.get(kind, "Backup"),
        "sessionId": session.id,
        "sessionType": kind_name(revision, session.kind),
        "creationTime": stamp(task.created),
        "endTime": None if session.ended is None else stamp(session.ended),
        "name": task.members[task.number].name,
    }
    if kind == "SureBackupContentScan":
        return row | _scan(task, point)
    row |= _outcome(task, revision)
    if kind == "VSphereReplica":
        row["replicaPointId"] = point
    else:
        row["restorePointId"] = point if task.result != "Failed" else None
        row["repositoryId"] = repository_id(world, task.job.plan.repository)
    if at_least(revision, "1.3-rev2"):
        row["platformType"] = platform_name(task.job.platform, revision)
        row["platformId"] = identify(0, "platform", task.job.platform)
    return row


def _write_restore(task: _Restore, revision: str) -> Json:
    session = task.session
    ended = session.ended is not None
    return {
        "id": f"{0x30000000:08x}{session.id[8:]}",
        "type": "Restore",
        "sessionId": session.id,
        "sessionType": kind_name(revision, session.kind),
        "creationTime": stamp(session.created),
        "endTime": None if session.ended is None else stamp(session.ended),
        "name": task.name,
        "usn": 0,
        "state": session.state,
        "result": {"result": session.result, "message": session.message, "isCanceled": False} if ended else None,
    }


def _scan(task: _Task, point: str) -> Json:
    done = task.session.ended is not None
    return {
        "restorePointId": point,
        "scanType": "Antivirus",
        "scanResult": ("Clean" if task.number % 5 else "Inconclusive") if done else "None",
        "scanState": "Finished" if done else "InProgress",
        "antivirusName": "Windows Defender",
    }


def _outcome(task: _Task, revision: str) -> Json:
    session, result = task.session, task.result
    ended = session.ended is not None
    seconds = ((session.ended or session.created) - task.created) // TICKS
    size = (40 + 13 * (task.number + 1)) * _GIB
    progress: Json = {
        "duration": f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        "processingRate": "131,9 MB/s" if ended else "N/A",
        "bottleneck": "Source",
        "processedSize": size,
        "readSize": size // 12,
        "transferredSize": size // 20,
    }
    if at_least(revision, "1.3-rev0"):
        progress["progressPercent"] = session.progress
    message = "" if result == "Success" else session.message
    return {
        "algorithm": "Full" if session.algorithm == "Full" else "Increment",
        "usn": 0,
        "state": session.state,
        "result": {"result": result, "message": message, "isCanceled": False} if ended else None,
        "progress": progress,
    }
