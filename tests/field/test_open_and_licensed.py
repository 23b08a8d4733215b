"""What stands open, where jobs write to, how logs go on and what the licence is used for, through the real client."""

from __future__ import annotations

from typing import Any

import pytest
from small_server import ZERO_ID, SmallServer, audited, days, finding, id_of, statuses_of

from vbr_audit.pipeline import Audit

AREAS = "RPO RUN JOB IMM SOB CFG LIC"
FLR = "backupBrowser/flr"
RECOVERIES = "restore/instantRecovery/vSphere/vm"
HYPERV = "restore/instantRecovery/hyperV/vm"
SCALE_OUT = "backupInfrastructure/scaleOutRepositories"
NEW = (
    *("RPO-014", "RPO-015", "RPO-016", "RPO-017", "JOB-028", "JOB-029", "RUN-018", "RUN-019"),
    *("IMM-006", "SOB-007", "CFG-008", "LIC-005", "LIC-006"),
)


def opened(vbr: SmallServer, kind: str, at: str) -> str:
    """A session of a restore that still runs."""
    nobody = {"id": ZERO_ID, "name": kind, "type": "VSphereBackup"}
    return str(vbr.add_session(nobody, at, minutes=None, sessionType=kind)["id"])


def stand_open(vbr: SmallServer, at: str) -> None:
    """One of each: instant recoveries, a mount for files, published disks, all opened at `at`."""
    for path, machine in ((RECOVERIES, "srv1"), (HYPERV, "srv2")):
        mount = {"id": id_of(path), "sessionId": opened(vbr, "InstantRecovery", at), "state": "Mounted"}
        vbr.add(path, mount | {"vmName": machine, "jobName": "Nightly", "restorePointDate": "2026-10-01T00:00:00Z"})
    vbr.add(
        FLR,
        {
            "sessionId": opened(vbr, "FileLevelRestore", at),
            "type": "Windows",
            "sourceProperties": {"machineName": "srv1"},
            "mountErrors": [],
            "restorePointId": id_of("long gone"),
        },
    )
    opened(vbr, "PublishBackupContentViaMount", at)
    mounted = {"id": id_of("published"), "restorePointName": "srv3", "mountState": "Mounted"}
    vbr.add("dataIntegration", mounted | {"restorePointId": id_of("long gone")})


def scale_out(vbr: SmallServer, *, status: str, encrypted: bool) -> None:
    """A scale-out repository with one extent and an archive tier."""
    vbr.add_repository("Extent")
    extent = {"id": id_of("repository", "Extent"), "name": "Extent", "status": [status]}
    vbr.add(
        SCALE_OUT,
        {
            "id": id_of("repository", "Bound"),
            "name": "Bound",
            "performanceTier": {"performanceExtents": [extent]},
            "capacityTier": {"isEnabled": False},
            "archiveTier": {"isEnabled": True, "encryption": {"isEnabled": encrypted}},
        },
    )


def job_with_logs(vbr: SmallServer, name: str, **changes: Any) -> dict[str, Any]:
    """A nightly job that ran all October, and backs up the logs of a database every quarter of an hour."""
    logs = {"vmObject": {}, "vss": "RequireSuccess", "sql": {"logsProcessing": "Backup", "backupMinsCount": 15}}
    guests = {"appAwareProcessing": {"isEnabled": True, "appSettings": [logs]}}
    job = vbr.add_job(name, guestProcessing=guests, **changes)
    for day in days("2026-10-01", "2026-10-31"):
        vbr.add_session(job, f"{day}T22:00:00+01:00")
    return job


def rest_of(vbr: SmallServer, *, storage: str, password: str, licence: str, watched: bool) -> None:
    """A hardened repository, the configuration backup, the licence and a copy job."""
    vbr.add_repository("Vault", "LinuxHardened", host="vault", immutable_days=14)
    host = {
        "id": id_of("host", "vault"),
        "name": "vault",
        "type": "LinuxHost",
        "description": "",
        "status": "Available",
    }
    vbr.add("backupInfrastructure/managedServers", host | {"credentialsStorageType": storage})
    vbr.objects["configBackup"] = {
        "isEnabled": True,
        "backupRepositoryId": id_of("repository", "Vault"),
        "encryption": {"isEnabled": True, "passwordId": id_of("password")},
    }
    vbr.add("encryptionPasswords", {"id": id_of("password"), "hint": "safe", "modificationTime": password})
    vbr.add("license/sockets", {"hostId": id_of("esx"), "name": "esx01", "type": licence, "socketsNumber": 2})
    used = {"instanceId": id_of("workload"), "name": "srv1", "type": "VM", "usedInstancesNumber": 1.0}
    vbr.add("license/instances", used)
    copy = vbr.add_copy_job("Copy", vbr.rows("jobs")[0], repository="Vault")
    copy["target"]["advancedSettings"]["rpoMonitor"] = {"newBackupThreshold": {"isEnabled": watched}}


@pytest.fixture(scope="module")
def bad() -> Audit:
    vbr = SmallServer("1.3-rev2")
    scale_out(vbr, status="Maintenance", encrypted=False)
    nightly = job_with_logs(vbr, "Nightly", repository="Bound")
    for session in vbr.rows("sessions"):
        vbr.add_task(session, "srv9", progress={"processedSize": 10**9, "readSize": 0, "transferredSize": 0})
    vbr.add_session(nightly, "2026-10-12T22:40:00+01:00", sessionType="SqlLogBackup", minutes=900)
    stand_open(vbr, "2026-10-15T12:00:00+01:00")
    rest_of(vbr, storage="Permanent", password="2024-01-01T00:00:00Z", licence="Unlicensed", watched=False)
    return audited(vbr, only=AREAS, month="2026-10", timezone="Europe/Berlin")


@pytest.fixture(scope="module")
def good() -> Audit:
    vbr = SmallServer("1.3-rev2")
    scale_out(vbr, status="Normal", encrypted=True)
    nightly = job_with_logs(vbr, "Nightly", repository="Bound")
    for session in vbr.rows("sessions"):
        vbr.add_task(session, "srv1")
    vbr.add_session(nightly, "2026-10-31T22:40:00+01:00", sessionType="SqlLogBackup", minutes=None)
    vbr.add_object(vbr.add_backup(nightly, repository="Bound"), "srv1")
    stand_open(vbr, "2026-10-31T12:00:00+01:00")
    rest_of(vbr, storage="SingleUse", password="2026-06-01T00:00:00Z", licence="vSphere", watched=True)
    return audited(vbr, only=AREAS, month="2026-10", timezone="Europe/Berlin")


@pytest.fixture(scope="module")
def denied() -> Audit:
    vbr = SmallServer("1.3-rev2")
    for path in (FLR, RECOVERIES, HYPERV, "dataIntegration", "license/sockets", "license/instances"):
        vbr.statuses[path] = 403
    return audited(vbr, only=AREAS, month="2026-10", timezone="Europe/Berlin")


@pytest.mark.parametrize("check", NEW)
def test_each_fails_and_passes_through_the_real_client(bad: Audit, good: Audit, check: str) -> None:
    assert "FAIL" in statuses_of(bad, check).values(), statuses_of(bad, check)
    assert "PASS" not in statuses_of(bad, check).values() or check == "JOB-028"
    assert "PASS" in statuses_of(good, check).values(), statuses_of(good, check)
    assert "FAIL" not in statuses_of(good, check).values()


def test_the_cause_of_a_target_that_is_away_is_the_repository(bad: Audit) -> None:
    found = finding(bad, "JOB-028", "Nightly")
    assert (found["status"], found["cause_kind"]) == ("FAIL", "repository")
    assert found["observed"] == "none of its performance extents takes backups"


@pytest.mark.parametrize("check", ["RPO-014", "RPO-015", "RPO-016", "RPO-017", "LIC-005", "LIC-006"])
def test_what_may_not_be_read_is_not_known(denied: Audit, check: str) -> None:
    found = finding(denied, check)
    assert found["status"] == "UNKNOWN"
    assert "403" in found["reason"]
