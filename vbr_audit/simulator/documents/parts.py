"""Parts that documents of several types have in common."""

from zlib import crc32

from vbr_audit.simulator.documents.context import Context, Json
from vbr_audit.simulator.documents.timing import WEEK, health_part, tending_part
from vbr_audit.simulator.plans import RENAMED, Plan
from vbr_audit.simulator.runs import full_day

_NEW_SERIALS = 1_000_000


def retention_part(plan: Plan) -> Json:
    """How long restore points are kept."""
    kind, quantity = plan.retention
    return {"type": kind, "quantity": quantity}


def long_term_part(plan: Plan) -> Json:
    """The long-term policy; `(0, 0, 0)` is one that is on but keeps nothing."""
    weeks, months, years = plan.gfs or (0, 0, 0)
    return {
        "isEnabled": plan.gfs is not None,
        "weekly": {"isEnabled": weeks > 0, "keepForNumberOfWeeks": weeks or 1, "desiredTime": full_day_name(plan)},
        "monthly": {"isEnabled": months > 0, "keepForNumberOfMonths": months or 1, "desiredTime": "First"},
        "yearly": {"isEnabled": years > 0, "keepForNumberOfYears": years or 1, "desiredTime": "January"},
    }


def notification_part(plan: Plan) -> Json:
    """Mail and SNMP."""
    return {"sendSNMPNotifications": plan.high_priority, "emailNotifications": mail_part(plan)}


def mail_part(plan: Plan) -> Json:
    """Mail about the outcome of each run."""
    return {
        "isEnabled": plan.mail,
        "recipients": ["backup-team@hansa.example"] if plan.mail else [],
        "notificationType": "UseGlobalNotificationSettings" if plan.mail else None,
        "customNotificationSettings": None,
    }


def script_part() -> Json:
    """Scripts before and after the run: none."""
    return {
        "preCommand": {"isEnabled": False, "command": ""},
        "postCommand": {"isEnabled": False, "command": ""},
        "periodicityType": "BackupSessions",
        "runScriptEvery": 1,
        "dayOfWeek": ["Saturday"],
    }


def maintenance_part() -> Json:
    """What happens to the data of deleted machines, and to fragmented full backups."""
    return {
        "removeData": {"isEnabled": True, "afterDays": 30},
        "defragmentAndCompact": tending_part(False, monthly=True),
    }


def full_day_name(plan: Plan) -> str:
    """The day on which a job begins a chain with a full backup."""
    return WEEK[full_day(plan)]


def chain_part(plan: Plan) -> Json:
    """Full backups, health check and maintenance of jobs that write backup chains."""
    return {
        "syntheticFulls": tending_part(True, weekly=True, day=full_day_name(plan)),
        "activeFulls": tending_part(False, weekly=True, day="Sunday"),
        "backupHealth": health_part(plan),
        "fullBackupMaintenance": maintenance_part(),
    }


def storage_part(context: Context) -> Json:
    """Compression, deduplication and encryption of backup files."""
    return {
        "compressionLevel": "Optimal",
        "storageOptimization": "1MB",
        "inlineDataDedupEnabled": True,
        "excludeSwapFileBlocks": True,
        "excludeDeletedFileBlocks": True,
        "encryption": context.encryption(),
    }


def machines(context: Context) -> list[Json]:
    """The virtual machines that a job protects, on the platform of its type."""
    plan = context.plan
    platform, host = {
        "HyperVBackup": ("HyperV", "hv-cluster01.hansa.example"),
        "CloudDirectorBackup": ("CloudDirector", "vcd.hansa.example"),
    }.get(plan.type, ("VSphere", "vcenter01.hansa.example"))
    # Jobs that share the words before a dash protect the same machines.
    group = plan.name.partition(" - ")[0]
    mark = crc32(group.encode())
    letters = "".join(letter for letter in group.lower() if letter.isascii() and letter.isalnum())
    stem = f"{letters[:8] or 'vm'}-{mark % 65536:04x}-"
    # A machine that was made anew has its old name and a new number.
    anew = {number: _NEW_SERIALS for number, _ in plan.remade}
    serials = {number: mark % 900000 + number + anew.get(number, 0) for number in range(1, plan.members + 1)}
    return [
        {
            "platform": platform,
            "size": f"{40 + 13 * number}.{number % 10} GB",
            "hostName": host,
            "name": f"{stem}{number:02d}{RENAMED if number in plan.renamed else ''}",
            "type": "VirtualMachine",
            "objectId": f"vm-{serial}",
            "urn": f"vc:{host}/vm-{serial}",
        }
        for number, serial in serials.items()
    ]


def guest_part(context: Context, *, indexed: bool = True) -> Json:
    """What happens inside the guests: consistency of applications, indexing of files."""
    plan = context.plan
    settings = [
        {
            "vmObject": machine,
            "vss": "RequireSuccess",
            "usePersistentGuestAgent": False,
            "transactionLogs": "Process",
            "sql": {"logsProcessing": "Truncate"},
        }
        for machine in machines(context)[:2]
    ]
    part: Json = {
        "appAwareProcessing": {
            "isEnabled": plan.app_aware,
            "appSettings": settings if plan.app_aware else [],
        },
        "guestInteractionProxies": {"autoSelectEnabled": True, "proxyIds": []},
        "guestCredentials": {
            "useAgentManagementCredentials": False,
            "credentials": {"credentialsId": context.other_id("credentials"), "credentialsType": "Standard"},
            "credentialsPerMachine": [],
        },
    }
    if indexed:
        part["guestFSIndexing"] = {"isEnabled": plan.indexing, "indexingSettings": []}
    return part
