"""Job states: each job with the newest of its sessions, as each revision writes them."""

from collections.abc import Sequence

from vbr_audit.simulator.clock import TICKS, ZONE, stamp, to_datetime
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.plans import REPOSITORIES
from vbr_audit.simulator.revisions import at_least, job_type_name
from vbr_audit.simulator.runs import next_run
from vbr_audit.simulator.sessions import Session

Json = dict[str, object]

_WITHOUT_REPOSITORY = {"VSphereReplica", "EntraIDTenantBackup", "SureBackupContentScan"}


def write_state(
    job: Job,
    newest: Session | None,
    revision: str,
    *,
    now: int,
    ids: dict[str, str],
    repositories: dict[str, str],
    sizes: Sequence[int],
) -> Json:
    """Write the state of one job.

    `ids` finds jobs by name, `repositories` repositories by their key; `sizes` are those of what the job protects.
    """
    plan = job.plan
    stored = plan.type not in _WITHOUT_REPOSITORY
    following = next_run(plan, now)
    row: Json = {
        "type": job_type_name(revision, plan.type),
        "status": _cased(_status(job, newest, revision), revision),
        "lastResult": (newest.result if newest else None) or "None",
        "workload": _cased(job.workload, revision),
        "id": job.id,
        "name": plan.name,
        "description": job.description,
        "lastRun": stamp(newest.created) if newest else None,
        "nextRun": stamp(following) if following is not None else None,
        "repositoryId": repositories[plan.repository] if stored else None,
        "repositoryName": REPOSITORIES[plan.repository] if stored else None,
        "objectsCount": len(sizes),
        "sessionId": newest.id if newest else None,
    }
    if at_least(revision, "1.3-rev0"):
        row |= _progress(newest, now, sum(sizes)) | {
            "nextRunPolicy": _policy(job, following),
            "highPriority": plan.high_priority,
            "isStorageSnapshot": False,
        }
        if plan.follows:
            row["runAfterJob"] = {"jobName": plan.follows, "jobId": ids.get(plan.follows)}
        if plan.mode:
            row["backupCopyMode"] = plan.mode
    if at_least(revision, "1.3-rev2"):
        row["targetName"] = REPOSITORIES[plan.repository] if stored else "DR cluster"
    return row


def _status(job: Job, newest: Session | None, revision: str) -> str:
    if job.status:
        return job.status
    if job.plan.disabled:
        return "Disabled"
    if newest and newest.ended is None:
        return "Running"
    return "Stopped" if at_least(revision, "1.3-rev2") else "Inactive"


def _cased(word: str, revision: str) -> str:
    return word if at_least(revision, "1.3-rev1") else word[:1].lower() + word[1:]


def _policy(job: Job, following: int | None) -> str:
    plan = job.plan
    if plan.disabled:
        return "<Disabled>"
    if plan.follows:
        return f"After [{plan.follows}]"
    if following is None:
        return "<Not scheduled>"
    local = to_datetime(following).astimezone(ZONE)
    half = "AM" if local.hour < 12 else "PM"
    return f"{local.month}/{local.day}/{local.year} {local.hour % 12 or 12}:{local:%M} {half}"


def _progress(newest: Session | None, now: int, size: int) -> Json:
    if newest is None:
        return {"progressPercent": 0, "sessionProgress": None}
    seconds = ((newest.ended or now) - newest.created) // TICKS
    duration = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    changed = size if newest.algorithm == "Full" else size // 20
    return {
        "progressPercent": newest.progress,
        "sessionProgress": {
            "duration": duration,
            "processingRate": "131,9 MB/s" if newest.ended else "N/A",
            "bottleneck": "Source",
            "processedSize": size,
            "readSize": changed,
            "transferredSize": changed * 2 // 5,
            "progressPercent": newest.progress,
        },
    }
