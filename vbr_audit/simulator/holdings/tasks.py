"""Task sessions: what the sessions of jobs for virtual machines did with each machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vbr_audit.simulator.clock import TICKS, local_stamp
from vbr_audit.simulator.holdings.members import Member, Takings
from vbr_audit.simulator.holdings.points import Point
from vbr_audit.simulator.holdings.repositories import repository_id
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.lazy import Lazy
from vbr_audit.simulator.revisions import at_least, platform_name
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


class _Task(NamedTuple):
    session: Session
    job: Job
    member: Member
    number: int
    place: int
    of: int
    failed: bool

    @property
    def created(self) -> int:
        """Machines are taken one after the other."""
        session = self.session
        room = ((session.ended or session.created + 600 * TICKS) - session.created) // (2 * self.of)
        return session.created + self.place * min(_STEP, room)

    @property
    def result(self) -> str:
        """A failed session failed with all its machines; a warning came from the first of them."""
        if self.failed:
            return "Failed"
        return "Warning" if self.session.result == "Warning" and not self.place else "Success"


@dataclass(frozen=True, slots=True)
class _Restore:
    """One machine that was brought back."""

    session: Session
    name: str

    @property
    def created(self) -> int:
        return self.session.created


def task_rows(world: World, takings: Takings, revision: str) -> Lazy:
    """Every task session, oldest first, written when asked for; agents leave none."""
    tasks = _all_tasks(world, takings)

    def write(at: int) -> Json:
        return _written(tasks[at], world, takings, revision)

    return Lazy([task.created for task in tasks], write)


def tasks_of(session_id: str, world: World, takings: Takings, revision: str) -> list[Json]:
    """The task sessions of one session."""
    return [_written(task, world, takings, revision) for task in _all_tasks(world, takings, session_id)]


def _written(task: _Task | _Restore, world: World, takings: Takings, revision: str) -> Json:
    return _write(task, world, takings, revision) if isinstance(task, _Task) else _write_restore(task, revision)


def _all_tasks(world: World, takings: Takings, session_id: str | None = None) -> list[_Task | _Restore]:
    """The tasks of all sessions, or of one of them."""
    protected = {job.id: job for job in world.jobs if job.plan.type in _WITH_TASKS}
    tasks: list[_Task | _Restore] = [
        task
        for session in world.sessions
        if session_id in (None, session.id)
        for task in _tasks_of(session, protected, takings)
    ]
    machines = [
        member.name for job in protected.values() if job.plan.type == "VSphereBackup" for member in takings.members(job)
    ]
    brought_back = [session for session in world.sessions if session.kind == "RestoreVm" and machines]
    tasks += [
        _Restore(session, machines[turn % len(machines)])
        for turn, session in enumerate(brought_back)
        if session_id in (None, session.id)
    ]
    tasks.sort(key=lambda task: task.created)
    return tasks


def _tasks_of(session: Session, protected: Mapping[str, Job], takings: Takings) -> list[_Task]:
    """One task for each machine that the session dealt with: a copy has none for what it had nothing to copy of."""
    job = protected.get(session.job_id)
    if job is None:
        return []
    members, failed, idle = takings.members(job), takings.failed(session, job), takings.idle(session, job)
    busy = [number for number in range(len(members)) if number not in idle]
    return [
        _Task(session, job, members[number], number, place, len(busy), number in failed)
        for place, number in enumerate(busy)
    ]


def _write(task: _Task, world: World, takings: Takings, revision: str) -> Json:
    session, kind = task.session, task.job.plan.type
    point = Point(task.created, session.id, session.id).point_id(task.number)
    row: Json = {
        "id": f"{task.number + 0x30000000:08x}{session.id[8:]}",
        "type": {"VSphereReplica": "Replica", "SureBackupContentScan": "Antivirus"}.get(kind, "Backup"),
        "sessionId": session.id,
        "sessionType": kind_name(revision, session.kind),
        "creationTime": local_stamp(task.created),
        "endTime": None if session.ended is None else local_stamp(session.ended),
        "name": task.member.name,
    }
    if kind == "SureBackupContentScan":
        source = takings.newest_root(task.job, task.member, session.created)
        scanned = Point(session.created, source[0], source[0]).point_id(source[1]) if source else None
        return row | _scan(task, scanned)
    row |= _outcome(task, world, revision)
    if kind == "VSphereReplica":
        row["replicaPointId"] = point if session.ended is not None and not task.failed else None
    else:
        row["restorePointId"] = point if session.ended is not None and not task.failed else None
        row["repositoryId"] = repository_id(world, task.job.plan.repository)
    if at_least(revision, "1.3-rev2") and kind != "VSphereReplica":
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
        "creationTime": local_stamp(session.created),
        "endTime": None if session.ended is None else local_stamp(session.ended),
        "name": task.name,
        "usn": 0,
        "state": session.state,
        "result": {"result": session.result, "message": session.message, "isCanceled": False} if ended else None,
    }


def _scan(task: _Task, point: str | None) -> Json:
    done = task.session.ended is not None
    return {
        "restorePointId": point,
        "scanType": "Antivirus",
        "scanResult": ("Clean" if task.number % 5 else "Inconclusive") if done else "None",
        "scanState": "Finished" if done else "InProgress",
        "antivirusName": "Windows Defender",
    }


def _outcome(task: _Task, world: World, revision: str) -> Json:
    session, result = task.session, task.result
    ended = session.ended is not None
    seconds = ((session.ended or session.created) - task.created) // TICKS
    size = task.member.size_at(task.created, world.end)
    changed = size if session.algorithm == "Full" else size // 20
    progress: Json = {
        "duration": f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        "processingRate": "131,9 MB/s" if ended else "N/A",
        "bottleneck": "Source",
        "processedSize": size,
        "readSize": changed,
        "transferredSize": changed * 2 // 5,
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
