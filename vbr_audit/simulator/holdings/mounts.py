"""What stands open: machines that run from their backup, restore points open for files, published disks."""

from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.identity import ZERO
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]


def instant_recovery_rows(world: World, revision: str) -> list[Json]:
    """A machine that was started from its backup and never moved to production storage."""
    return _recoveries(world, revision, "crm-legacy-01", "VMware", "esx03.hansa.example")


def hyperv_recovery_rows(world: World, revision: str) -> list[Json]:
    """A machine of a branch office that was started from its backup, as long ago as the history goes back."""
    return _recoveries(world, revision, "branch-dc-02", "HyperV", "hv-cluster01.hansa.example", newest=False)


def _recoveries(
    world: World, revision: str, machine: str, platform: str, host: str, *, newest: bool = True
) -> list[Json]:
    row: Json = {
        "id": world.id("instant recovery", machine),
        "sessionId": _session(world, "RestoreVm", machine, newest=newest),
        "state": "Mounted",
        "spec": {
            "type": "OriginalLocation",
            "restorePointId": world.id("restore point", machine),
            "secureRestore": {"antivirusScanEnabled": False},
        },
        "vmName": machine,
    }
    if at_least(revision, "1.3-rev1"):
        row |= {
            "jobName": f"Restored from {platform}",
            "restorePointDate": world.ago(9.3 if newest else 63.4),
            "hostName": host,
        }
    return [row]


def file_restore_rows(world: World, revision: str) -> list[Json]:
    """One restore point that somebody looks through."""
    row: Json = {
        "sessionId": _session(world, "FileLevelRestore", "files"),
        "type": "Windows",
        "properties": {"pathSeparator": "\\"},
        "sourceProperties": {"machineName": "fs-hh-01", "restorePointName": "fs-hh-01"},
    }
    if at_least(revision, "1.3-rev1"):
        row |= {"mountErrors": [], "restorePointId": world.id("restore point", "fs-hh-01")}
    return [row]


def published_disk_rows(world: World, _: str) -> list[Json]:
    """The disks of one restore point, published to an e-discovery program."""
    return [
        {
            "id": world.id("published", "mail"),
            "initiatorName": "HANSA\\s.meier",
            "backupId": world.id("backup", "Exchange DAG"),
            "backupName": "Exchange DAG",
            "restorePointId": world.id("restore point", "mail"),
            "restorePointName": "exchange-01",
            "mountState": "Mounted",
            "info": {
                "mode": "ISCSI",
                "serverPort": 3260,
                "serverIps": ["10.20.0.11"],
                "disks": [{"diskId": "0", "diskName": "exchange-01.vmdk", "accessLink": "iqn.2006-01.com.veeam:0"}],
            },
        }
    ]


def _session(world: World, kind: str, machine: str, *, newest: bool = True) -> str:
    """The newest session of a kind, or the oldest; an id that is in no list where there is none."""
    sessions = reversed(world.sessions) if newest else iter(world.sessions)
    session_id = next((session.id for session in sessions if session.kind == kind), ZERO)
    return session_id if session_id != ZERO else world.id("session", machine)
