"""A backup server as an architect would sign it off: the simulator's documents, with every slip of its company mended.

Its jobs are of all kinds and run as they are scheduled; every backup has an immutable copy at another site; settings
are as Veeam recommends them. What a check finds here is a fault of the check, or of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from small_server import SmallServer, audited

from vbr_audit.collection.manifest import standing_clock
from vbr_audit.datasets import DATASETS
from vbr_audit.datasets.card import Shape
from vbr_audit.pipeline import Audit
from vbr_audit.simulator.clock import to_ticks
from vbr_audit.simulator.estate import HISTORY_DAYS, Estate
from vbr_audit.simulator.history import past_sessions
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.identity import ZERO, identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.keeper import Holdings
from vbr_audit.simulator.plans import Plan
from vbr_audit.simulator.revisions import has_job_type
from vbr_audit.simulator.sessions import writer

Row = dict[str, Any]

NOW = "2026-11-01T09:00:00+01:00"
SEED = 7

SITE = """\
version: 1
window: {start: "18:00", end: "14:00"}
builds: {"12.3": "12.3.2.3617", "13.0": "13.0.0.1", "13.1": "13.1.0.1"}
repositories:
  - {match: "*Frankfurt*", tags: [offsite]}
  - {match: "Object Storage - Immutable 30 d", tags: [offsite]}
"""

PLANS = (
    Plan(name="SQL Production", members=3, cadence="hourly", at="22:00", indexing=True),
    Plan(name="Domain controllers", members=3, at="20:00"),
    Plan(name="Hyper-V Leeds", type="HyperVBackup", members=3, at="21:30"),
    Plan(name="Tenant vApps", type="CloudDirectorBackup", members=2, at="22:15"),
    Plan(name="Physical servers Windows", type="WindowsAgentBackup", members=6, at="00:30"),
    Plan(name="Physical servers Linux", type="LinuxAgentBackup", members=8, at="00:45", key_server=True),
    Plan(name="Server policy - Windows DMZ", type="WindowsAgentBackupServerPolicy", members=2, at="03:00"),
    Plan(name="SQL cluster nodes", type="WindowsAgentBackupFailoverCluster", members=2, at="22:30"),
    Plan(
        name="Laptops - Sales",
        type="WindowsAgentBackupWorkstationPolicy",
        members=4,
        cadence="weekdays",
        at="12:30",
        gfs=None,
    ),
    Plan(name="NAS home directories", type="FileBackup", members=2, source="archive", at="23:00"),
    Plan(name="Media buckets", type="ObjectStorageBackup", members=2, at="04:00"),
    Plan(name="Entra ID tenant", type="EntraIDTenantBackup", members=1, at="05:00", retention=("Days", 90)),
    Plan(name="After SQL - reporting", members=2, cadence="after", follows="Domain controllers"),
    Plan(name="DR replica", type="VSphereReplica", members=2, cadence="hourly", retention=("", 7)),
    Plan(
        name="Copy to Frankfurt",
        type="BackupCopy",
        mode="Immediate",
        repository="dr",
        cadence="hourly",
        source="SQL Production, Domain controllers, Hyper-V Leeds, Tenant vApps, After SQL - reporting",
    ),
    Plan(
        name="Copy to object storage",
        type="BackupCopy",
        mode="Periodic",
        repository="object",
        at="06:30",
        source="SQL Production, Domain controllers, Hyper-V Leeds, Tenant vApps, After SQL - reporting, "
        "Physical servers Windows, Physical servers Linux, Server policy - Windows DMZ, SQL cluster nodes",
    ),
    Plan(
        name="Copy of laptops to object storage",
        type="BackupCopy",
        mode="Periodic",
        repository="object",
        cadence="weekdays",
        at="23:00",
        source="Laptops - Sales",
    ),
    Plan(name="NAS (Copy)", type="FileBackupCopy", repository="object", at="05:30", source="NAS home directories"),
    Plan(name="Media (Copy)", type="FileBackupCopy", repository="object", at="06:00", source="Media buckets"),
    Plan(
        name="Entra ID tenant (Copy)",
        type="EntraIDTenantBackupCopy",
        repository="object",
        at="07:15",
        source="Entra ID tenant",
        retention=("Days", 90),
    ),
    Plan(
        name="Scan of restore points",
        type="SureBackupContentScan",
        cadence="weekly",
        at="08:00",
        source="SQL Production, Domain controllers",
    ),
)
"""Every job is one that an architect would set up; its defaults are GFS, encryption, retries and health checks."""

PRACTICES = (
    "MFA for the backup console should be enabled",
    "Immutable or offline (air gapped) media should be used",
    "Password loss protection should be enabled",
    "Backup server should not be a part of the production domain",
    "Email notifications should be enabled",
    "All backups should have at least one copy (the 3-2-1 backup rule)",
    "Unknown Linux servers should not be trusted automatically",
    "The configuration backup must not be stored on the backup server",
    "Configuration backup should be enabled and use encryption",
    "Hardened repositories should not be hosted in virtual machines",
    "Hardened repositories should have the SSH Server disabled",
    "Hardened repositories should not be used as backup proxies",
    "S3 Object Lock in the Governance mode does not provide true immutability (Compliance mode is required)",
)
_REPOSITORIES = ("main", "dr", "object")
_OPEN = ("instant_recoveries", "hyperv_instant_recoveries", "file_restore_mounts", "published_disks")


def healthy_server(revision: str = "1.3-rev1") -> SmallServer:
    """The healthy server, to ask or to change; every row is a document of its own."""
    server = SmallServer(revision, now=NOW)
    estate = _estate(revision)
    holdings = Holdings(
        World(seed=SEED, now=estate.now, jobs=estate.jobs, sessions=estate.sessions), empty=False, hostile=False
    )
    server.collections["jobs"] = estate.documents(revision)
    server.collections["jobs/states"] = estate.states(revision)
    server.collections["sessions"] = [writer(revision)(session) for session in estate.sessions]
    jobs = {job.id for job in estate.jobs}
    backups = [row for row in holdings.rows("backups", revision) if row["jobId"] in jobs]
    kept = {row["id"] for row in backups}
    server.collections["backups"] = backups
    for name in ("backup_objects", "backup_files"):
        for row_id in kept:
            end = "objects" if name == "backup_objects" else "backupFiles"
            server.collections[f"backups/{row_id}/{end}"] = list(holdings.below("backups", name, row_id, revision))
    for name, dataset in DATASETS.items():
        if dataset.endpoint in server.collections or "{id}" in dataset.endpoint or dataset.endpoint == "backupObjects":
            continue
        if dataset.shape is Shape.OBJECT:
            if name not in ("server_time", "server_info") and (document := holdings.document(name, revision)):
                server.objects[dataset.endpoint] = _mended(name, document)
        elif name not in _OPEN and dataset.endpoint not in ("sessions", "taskSessions"):
            rows = [dict(row) for row in holdings.rows(name, revision)]
            mended = [_mended(name, row) for row in rows if _wanted(name, row, kept)]
            server.collections[dataset.endpoint] = mended
    server.collections["taskSessions"] = [
        row | {"scanResult": "Clean"} if "scanResult" in row else row
        for row in holdings.rows("task_sessions", revision)
    ]
    for group in server.rows("agents/protectionGroups"):
        path = f"agents/protectionGroups/{group['id']}/discoveredEntities"
        rows = holdings.below("protection_groups", "discovered_entities", group["id"], revision)
        server.collections[path] = [_mended("discovered_entities", dict(row)) for row in rows]
    for role in holdings.rows("custom_roles", revision):
        server.objects[f"security/roles/{role['id']}/details"] = role
    practices = [{"id": text, "bestPractice": text, "status": "OK", "note": ""} for text in PRACTICES]
    server.collections["securityAnalyzer/bestPractices"] = practices
    return server


def healthy_audit(revision: str) -> Audit:
    """What the default policy finds there in October, with what only the owner of the estate knows."""
    with standing_clock(datetime.fromisoformat(NOW)):
        return audited(healthy_server(revision), month="2026-10", timezone="Europe/Berlin", site=SITE)


def _estate(revision: str) -> Estate:
    """The jobs and a history in which every run went well."""
    now = to_ticks(datetime.fromisoformat(NOW))
    jobs = [Job.planned(plan, SEED) for plan in PLANS if has_job_type(revision, plan.type)]
    sessions = past_sessions(jobs, 2000, now=now, days=HISTORY_DAYS, seed=SEED)
    sessions = [session for session in sessions if not session.retry]
    for session in sessions:
        session.result, session.message, session.progress = "Success", "", 100
    return Estate(seed=SEED, now=now, jobs=jobs, sessions=sessions)


_DROPPED = {
    "users": lambda row: row["type"].endswith("Group") or row["name"] == "HANSA\\svc-veeam-admin",
    "credentials": lambda row: (
        row["username"] in ("HANSA\\administrator", "root", "HANSA\\svc-veeam-nas", "HANSA\\gmsa-veeam$")
    ),
    "roles": lambda row: row["name"] == "Backup engineering",
    "encryption_passwords": lambda row: row["hint"] != "Backups 2025, in the safe",
    "proxies": lambda row: row["name"] == "VMware Backup Proxy",
    "proxy_states": lambda row: row["name"] == "VMware Backup Proxy",
    "malware_events": lambda row: row["state"] == "Created",
    "authorization_events": lambda row: row["state"] in ("Pending", "Expired"),
    "protection_groups": lambda row: row["isDisabled"] or row["name"] == "Plant Leeds",
    "discovered_entities": lambda row: row["name"] == "scada-03.hansa.example",
    "scale_out_repositories": lambda row: True,
    "license_sockets": lambda row: row["type"] == "Unlicensed",
    "license_instances": lambda row: row["name"] == "erp-old-01",
    "repositories": lambda row: row["uniqueId"] not in _REPOSITORIES,
    "cloud_credentials": lambda row: row["type"] == "AzureCompute",
}
"""What would not be there: left from pilots and migrations, or too powerful."""


def _wanted(dataset: str, row: Row, backups: set[Any]) -> bool:
    if "backupId" in row and row["backupId"] not in backups:
        return False
    if dataset == "repository_states":
        return row["id"] in {identify(SEED, "repository", key) for key in _REPOSITORIES}
    return not _DROPPED.get(dataset, lambda _: False)(row)


def _mended(dataset: str, row: Row) -> Row:
    """A document with the settings that the vendor recommends."""
    return row | _MENDED.get(dataset, lambda _: {})(row)


def _ago(days: float) -> str:
    return (datetime.fromisoformat(NOW) - timedelta(days=days)).isoformat()


def _secure_log(row: Row) -> Row:
    return {"syslogServer": row["syslogServer"] | {"transportProtocol": "Tls", "port": 6514}}


def _options(row: Row) -> Row:
    log = row["siemIntegration"]["SyslogServer"] | {"transportProtocol": "Tls", "port": 6514}
    return {
        "siemIntegration": row["siemIntegration"] | {"SyslogServer": log},
        "notifications": row["notifications"] | {"notifyOnUpdates": True},
    }


_MENDED: dict[str, Callable[[Row], Row]] = {
    "server_certificate": lambda row: {"isTrusted": True},
    "license": lambda row: _licence(row),
    "config_backup": lambda row: {
        "backupRepositoryId": identify(SEED, "repository", "object"),
        "encryption": {"isEnabled": True, "passwordId": identify(SEED, "password", "")},
    },
    "notification_settings": lambda row: {"notifyOnUpdates": True},
    "event_forwarding": _secure_log,
    "general_options": _options,
    "traffic_rules": lambda row: {"encryptionEnabled": True},
    "cloud_credentials": lambda row: {"lastModified": _ago(100)} if "lastModified" in row else {},
    "replicas": lambda row: {"state": "Ready"},
    "managed_servers": lambda row: _server(row),
    "proxies": lambda row: (
        {"server": row["server"] | {"hostToProxyEncryption": True}} if row["type"] == "ViProxy" else {}
    ),
    "proxy_states": lambda row: {"isOnline": True, "isOutOfDate": False, "isDisabled": False},
    "repository_states": lambda row: {"isOutOfDate": False} if "isOutOfDate" in row else {},
    "global_exclusions": lambda row: {"note": "Built anew every night; agreed with its owner in CHG-1200"},
    "malware_exclusions": lambda row: {"note": "Encrypted archives; agreed in CHG-2214"},
    "discovered_entities": lambda row: {
        "state": "Online",
        "agentStatus": "Installed",
        "agentVersion": "13.0.1.180",
        "driverStatus": "Installed",
        "lastConnected": _ago(0.3),
    },
}


def _licence(row: Row) -> Row:
    ends = {name: _ago(-400) for name in ("expirationDate", "supportExpirationDate")}
    if "expirationDate" in row:
        return ends
    return {"instanceLicenseSummary": row["instanceLicenseSummary"] | ends}


def _server(row: Row) -> Row:
    """In reach, updated, and a hardened one known by credentials that were used once."""
    sound = {"status": "Available", "updatesState": "NotAvailable"}
    mended = {name: value for name, value in sound.items() if name in row}
    return mended | (
        {"credentialsStorageType": "SingleUse", "credentialsId": ZERO} if "hardened" in row["name"] else {}
    )
