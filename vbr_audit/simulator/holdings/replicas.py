"""Replicas: the machines that replication jobs keep ready on another host, and their points."""

from vbr_audit.simulator.clock import DAY, stamp
from vbr_audit.simulator.holdings.members import Member, members_of
from vbr_audit.simulator.holdings.world import World, platform_name
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.lazy import Lazy
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.sessions import Session

Json = dict[str, object]

_OPERATIONS = ["StartViVMSnapshotReplicaFailover", "StartViVMSnapshotReplicaPlannedFailover"]
_FAILED_OVER = 5  # this machine of every job is stuck in a failover


def replica_rows(world: World, revision: str) -> list[Json]:
    """Every replica, in the state that its job left it in."""
    return [
        {
            "id": _replica_id(job, member),
            "type": "Snapshot" if at_least(revision, "1.3-rev2") else "Regular",
            "jobId": job.id,
            "policyUniqueId": identify(world.seed, "policy", job.plan.name),
            "name": f"{member.name}_replica",
            "platformName": platform_name("VMware", revision),
            "platformId": job_platform(job),
            "creationTime": stamp(world.begin - 400 * DAY),
            "state": "Failover" if number == _FAILED_OVER else "Ready",
        }
        for job in _replication(world)
        for number, member in enumerate(_members(job, world))
    ]


def replica_point_rows(world: World, revision: str) -> Lazy:
    """Every point of every replica, oldest first."""
    points = [
        (run.ended or run.created, number, run, job, member)
        for job in _replication(world)
        for run in _kept_runs(job, world)
        for number, member in enumerate(_members(job, world))
    ]
    points.sort(key=lambda point: point[:2])

    def write(at: int) -> Json:
        created, number, run, job, member = points[at]
        return {
            "id": f"{number + 0x10000000:08x}{run.id[8:]}",
            "name": f"{member.name}_replica",
            "platformName": platform_name("VMware", revision),
            "platformId": job_platform(job),
            "creationTime": stamp(created),
            "replicaId": _replica_id(job, member),
            "allowedOperations": list(_OPERATIONS),
            "state": "Ready",
            "malwareStatus": "Clean",
        }

    return Lazy([point[0] for point in points], write)


def job_platform(job: Job) -> str:
    """The id of the platform of a job."""
    return identify(0, "platform", job.platform)


def _replication(world: World) -> list[Job]:
    return [job for job in world.jobs if job.plan.type == "VSphereReplica" and job.plan.history != "never"]


def _members(job: Job, world: World) -> tuple[Member, ...]:
    return members_of(job, {}, world.seed)


def _replica_id(job: Job, member: Member) -> str:
    return identify(0, "replica", f"{job.id}/{member.name}")


def _kept_runs(job: Job, world: World) -> list[Session]:
    runs = [run for run in world.past if run.job_id == job.id and run.result in {"Success", "Warning"}]
    return runs[-job.plan.retention[1] :]
