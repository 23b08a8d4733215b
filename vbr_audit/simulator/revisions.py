"""The revisions of the REST API that the simulator speaks, and the job types that each of them knows."""

from functools import cache

REVISIONS = (
    "1.1-rev0",
    "1.1-rev1",
    "1.1-rev2",
    "1.2-rev0",
    "1.2-rev1",
    "1.3-rev0",
    "1.3-rev1",
    "1.3-rev2",
)

BUILDS = {
    "1.1-rev0": "12.0.0.1420",
    "1.1-rev1": "12.1.0.2131",
    "1.1-rev2": "12.2.0.334",
    "1.2-rev0": "12.3.0.310",
    "1.2-rev1": "12.3.1.1139",
    "1.3-rev0": "13.0.0.4967",
    "1.3-rev1": "13.0.1.180",
    "1.3-rev2": "13.1.0.411",
}

# Job types under their newest names, each with the first revision that has a document for it.
_DOCUMENTED = {
    "VSphereBackup": "1.1-rev0",
    "VSphereReplica": "1.1-rev1",
    "CloudDirectorBackup": "1.1-rev1",
    "EntraIDTenantBackup": "1.2-rev0",
    "EntraIDAuditLogBackup": "1.2-rev0",
    "FileBackupCopy": "1.2-rev0",
    "HyperVBackup": "1.3-rev0",
    "BackupCopy": "1.3-rev0",
    "WindowsAgentBackup": "1.3-rev0",
    "LinuxAgentBackup": "1.3-rev0",
    "EntraIDTenantBackupCopy": "1.3-rev0",
    "FileBackup": "1.3-rev1",
    "ObjectStorageBackup": "1.3-rev1",
    "SureBackupContentScan": "1.3-rev1",
    "WindowsAgentBackupServerPolicy": "1.3-rev1",
    "WindowsAgentBackupWorkstationPolicy": "1.3-rev1",
    "LinuxAgentBackupServerPolicy": "1.3-rev1",
    "LinuxAgentBackupWorkstationPolicy": "1.3-rev1",
    "WindowsAgentBackupFailoverCluster": "1.3-rev2",
    "IrisBackup": "1.3-rev2",
}

# Types that have a state but no document: their settings cannot be read over REST.
_STATE_ONLY = {
    "LegacyBackupCopy": "1.3-rev0",
    "CloudBackupAzure": "1.3-rev1",
    "ProxmoxBackupJob": "1.3-rev2",
}

JOB_TYPES = _DOCUMENTED | _STATE_ONLY

# Platforms, each with the first revision that can name it.
_PLATFORMS_SINCE = {
    "EntraID": "1.1-rev2",
    "AzureCompute": "1.3-rev0",
    "Nutanix": "1.3-rev2",
    "Proxmox": "1.3-rev2",
    "Iris": "1.3-rev2",
}


def position(revision: str) -> int:
    """Answer where a revision stands in the order, or raise ValueError for one that does not exist."""
    try:
        return REVISIONS.index(revision)
    except ValueError:
        raise ValueError(f"unknown revision {revision!r}; known: {', '.join(REVISIONS)}") from None


@cache
def at_least(revision: str, other: str) -> bool:
    """Tell whether `revision` is `other` or a newer one."""
    return position(revision) >= position(other)


def served_by(newest: str) -> tuple[str, ...]:
    """List the revisions that a server accepts whose newest is `newest`."""
    return REVISIONS[: position(newest) + 1]


def has_job_type(revision: str, job_type: str) -> bool:
    """Tell whether a revision lists jobs of a type; a type unknown to every revision is listed by all."""
    first = JOB_TYPES.get(job_type)
    return first is None or at_least(revision, first)


def job_type_name(revision: str, job_type: str) -> str:
    """Spell a job type as the revision does."""
    if job_type == "VSphereBackup" and not at_least(revision, "1.3-rev0"):
        return "Backup"
    if job_type == "VSphereReplica" and revision == "1.1-rev1":
        return "vSphereReplica"
    return job_type


def platform_name(platform: str, revision: str) -> str:
    """A platform as a revision calls it; those that it cannot name are custom ones."""
    if not at_least(revision, "1.1-rev2"):
        platform = {"CloudDirector": "Vcd", "UnstructuredData": "NasBackup"}.get(platform, platform)
    first = _PLATFORMS_SINCE.get(platform)
    return platform if first is None or at_least(revision, first) else "CustomPlatform"
