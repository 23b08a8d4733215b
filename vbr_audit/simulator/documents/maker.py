"""From a plan to the document of its type."""

from collections.abc import Callable, Mapping

from vbr_audit.simulator.documents.agents import agent_job, agent_policy
from vbr_audit.simulator.documents.context import Context, Json
from vbr_audit.simulator.documents.copies import backup_copy, file_copy
from vbr_audit.simulator.documents.data import content_scan, entra_audit_log, entra_tenant, iris, unstructured
from vbr_audit.simulator.documents.virtual import hyper_v, replica, vsphere
from vbr_audit.simulator.plans import Plan

_BUILDERS: Mapping[str, Callable[[Context], Json]] = {
    "VSphereBackup": vsphere,
    "CloudDirectorBackup": vsphere,
    "HyperVBackup": hyper_v,
    "VSphereReplica": replica,
    "WindowsAgentBackup": agent_job,
    "WindowsAgentBackupFailoverCluster": agent_job,
    "LinuxAgentBackup": agent_job,
    "WindowsAgentBackupServerPolicy": agent_policy,
    "WindowsAgentBackupWorkstationPolicy": agent_policy,
    "LinuxAgentBackupServerPolicy": agent_policy,
    "LinuxAgentBackupWorkstationPolicy": agent_policy,
    "BackupCopy": backup_copy,
    "FileBackupCopy": file_copy,
    "EntraIDTenantBackupCopy": file_copy,
    "FileBackup": unstructured,
    "ObjectStorageBackup": unstructured,
    "EntraIDTenantBackup": entra_tenant,
    "EntraIDAuditLogBackup": entra_audit_log,
    "SureBackupContentScan": content_scan,
    "IrisBackup": iris,
}


def document_of(plan: Plan, seed: int) -> Json | None:
    """Spell out a plan, or answer None for a type whose settings no revision shows."""
    builder = _BUILDERS.get(plan.type)
    return builder(Context(plan, seed)) if builder else None
