"""A job of the estate: its plan, its document, and what sessions and states say about its kind."""

from dataclasses import dataclass
from functools import lru_cache

from vbr_audit.simulator.documents import document_of
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.reshape import as_written_in
from vbr_audit.simulator.revisions import job_type_name

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Job:
    """One job; without a document it is one that only /jobs/states knows.

    `written_in` is the revision in whose words a client wrote the document; empty for those of the company.
    """

    id: str
    plan: Plan
    backup_id: str
    document: Json | None
    status: str = ""
    written_in: str = ""

    @classmethod
    @lru_cache(maxsize=1024)
    def planned(cls, plan: Plan, seed: int) -> "Job":
        """The job that a plan describes, the same one for every server: who changes a document makes another."""
        return cls(
            id=identify(seed, "job", plan.name),
            plan=plan,
            backup_id=identify(seed, "backup", plan.name),
            document=document_of(plan, seed),
        )

    def document_in(self, revision: str) -> Json:
        """The document as `revision` shows it; what a client has written stays in the words of its revision."""
        document = self.document or {}
        if self.written_in:
            return {**document, "type": job_type_name(revision, self.plan.type)}
        return as_written_in(document, revision)

    @property
    def description(self) -> str:
        """The description in the document, else the one that the server gives."""
        given = (self.document or {}).get("description")
        return given if isinstance(given, str) else f"Created by HANSA\\backupadmin: {self.plan.name}"

    @property
    def session_kind(self) -> str:
        """The type of the job's sessions, under its newest name."""
        kind = self.plan.type
        if kind in _SESSION_KINDS:
            return _SESSION_KINDS[kind]
        if "Agent" in kind:
            return "AgentBackup"
        return "BackupJob"

    @property
    def platform(self) -> str:
        """The platform of the machines or data that the job protects."""
        kind = self.plan.type
        if kind.startswith(("Windows", "Linux")):
            return "WindowsPhysical" if kind.startswith("Windows") else "LinuxPhysical"
        return _PLATFORMS.get(kind, "VMware")

    @property
    def workload(self) -> str:
        """What kind of machine or data the job protects."""
        kind = self.plan.type
        if self.plan.workload:
            return self.plan.workload
        if "Agent" in kind:
            return "Workstation" if "Workstation" in kind else "Server"
        return _WORKLOADS.get(kind, "Vm")


_SESSION_KINDS = {
    "VSphereReplica": "ReplicaJob",
    "BackupCopy": "BackupCopyJob",
    "LegacyBackupCopy": "BackupCopyJob",
    "FileBackupCopy": "UnstructuredDataBackupCopy",
    "EntraIDTenantBackupCopy": "UnstructuredDataBackupCopy",
    "SureBackupContentScan": "SureBackupContentScan",
}
_PLATFORMS = {
    "HyperVBackup": "HyperV",
    "CloudDirectorBackup": "CloudDirector",
    "FileBackup": "UnstructuredData",
    "ObjectStorageBackup": "UnstructuredData",
    "FileBackupCopy": "UnstructuredData",
    "EntraIDTenantBackup": "EntraID",
    "EntraIDAuditLogBackup": "EntraID",
    "EntraIDTenantBackupCopy": "EntraID",
    "CloudBackupAzure": "AzureCompute",
}
_WORKLOADS = {
    "FileBackup": "File",
    "ObjectStorageBackup": "File",
    "FileBackupCopy": "File",
    "EntraIDTenantBackup": "Application",
    "EntraIDAuditLogBackup": "Application",
    "EntraIDTenantBackupCopy": "Application",
    "CloudBackupAzure": "CloudVm",
}
