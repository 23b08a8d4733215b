"""Sessions: one run of a job, or one of the server's own tasks; and how each revision writes them."""

from collections.abc import Callable
from dataclasses import dataclass

from vbr_audit.simulator.clock import stamp
from vbr_audit.simulator.identity import ZERO
from vbr_audit.simulator.revisions import at_least, platform_name

# Session types under their newest names, with what revisions that are older than the one named call them.
_OLDER_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "BackupJob": (("1.2-rev0", "Job"),),
    "ReplicaJob": (("1.2-rev0", "Job"),),
    "BackupCopyJob": (("1.2-rev0", "Job"), ("1.3-rev0", "BackupJob"), ("1.3-rev1", "CopyBackup")),
    "AgentBackup": (("1.2-rev0", "Job"), ("1.3-rev0", "BackupJob")),
    "UnstructuredDataBackupCopy": (("1.2-rev0", "Job"), ("1.3-rev0", "BackupJob")),
    "SureBackupContentScan": (("1.2-rev0", "Job"), ("1.3-rev1", "SureBackup")),
    "ConfigurationResynchronize": (("1.2-rev0", "Infrastructure"),),
    "MalwareDetection": (("1.2-rev0", "Infrastructure"),),
    "SecurityComplianceAnalyzer": (("1.2-rev0", "Infrastructure"),),
    "Retention": (("1.2-rev0", "Infrastructure"), ("1.3-rev0", "BackgroundOperation")),
    "FileLevelRestore": (("1.2-rev0", "Infrastructure"),),
    "AgentDiscovery": (("1.2-rev0", "Infrastructure"), ("1.3-rev0", "BackgroundOperation")),
}

Json = dict[str, object]


@dataclass(slots=True)
class Session:
    """One session; instants are ticks, and a running one has neither an end nor a result."""

    id: str
    name: str
    kind: str
    created: int
    ended: int | None
    result: str | None
    message: str = ""
    state: str = "Stopped"
    progress: int = 100
    job_id: str = ZERO
    resource_id: str | None = None
    platform: str | None = None
    platform_id: str = ZERO
    initiated_by: str = "SYSTEM"
    canceled: bool = False
    original_id: str | None = None
    retry: int = 0
    algorithm: str = "Increment"
    oddities: Json | None = None


def kind_name(revision: str, kind: str) -> str:
    """Spell a session type as the revision does."""
    for before, older in _OLDER_NAMES.get(kind, ()):
        if not at_least(revision, before):
            return older
    return kind


def writer(revision: str) -> Callable[[Session], Json]:
    """Make the function that writes sessions as `revision` does."""
    job_key = "jobId" if at_least(revision, "1.1-rev1") else "activityId"
    platforms = at_least(revision, "1.2-rev0")
    initiators = at_least(revision, "1.3-rev0")
    relations = at_least(revision, "1.3-rev1")
    retries = at_least(revision, "1.3-rev2")
    names: dict[str, str] = {}

    def write(session: Session) -> Json:
        kind = names.get(session.kind) or names.setdefault(session.kind, kind_name(revision, session.kind))
        resource = session.resource_id
        row: Json = {
            "sessionType": kind,
            "state": session.state,
            "id": session.id,
            "name": session.name,
            job_key: session.job_id,
            "creationTime": stamp(session.created),
            "endTime": None if session.ended is None else stamp(session.ended),
            "progressPercent": session.progress,
            "result": _result(session),
            "resourceId": resource,
            "resourceReference": f"/api/v1/backups/{resource}" if resource else None,
            "parentSessionId": None,
            "usn": 0,
        }
        if platforms:
            row["platformName"] = session.platform and platform_name(session.platform, revision)
            row["platformId"] = session.platform_id if session.platform else None
        if initiators:
            row["initiatedBy"] = session.initiated_by
        if relations:
            row["relatedSessionId"] = None
        if retries:
            row["algorithm"] = session.algorithm
            row["originalSessionId"] = session.original_id or session.id
            row["retryInfo"] = {"isRecheckRetry": False, "retryNumber": session.retry}
        if session.oddities:
            row |= session.oddities
        return row

    return write


def _result(session: Session) -> Json | None:
    if session.result is None:
        return None
    return {"result": session.result, "message": session.message, "isCanceled": session.canceled}
