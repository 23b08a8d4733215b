"""The server's own settings: certificate, licence, configuration backup, general options, traffic, exclusions."""

from vbr_audit.simulator.clock import DAY, stamp
from vbr_audit.simulator.documents.timing import WEEK
from vbr_audit.simulator.holdings.repositories import repository_id
from vbr_audit.simulator.holdings.world import SECRET, World, cased
from vbr_audit.simulator.identity import ZERO
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.sessions import Session

Json = dict[str, object]

_THUMBPRINT = "9C0DE1B2A3F4958677685940312233445566778A"
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def server_certificate(world: World, revision: str) -> Json:
    """The certificate of the REST service, self-signed and good for a while yet."""
    row: Json = {
        "thumbprint": _THUMBPRINT,
        "serialNumber": "4D2A1B",
        "keyAlgorithm": "RSA",
        "keySize": "2048",
        "subject": "CN=vbr01.hansa.example",
        "issuedTo": "vbr01.hansa.example",
        "issuedBy": "vbr01.hansa.example",
        "validFrom": world.since(700),
        "validBy": world.since(-250),
    }
    if at_least(revision, "1.3-rev0"):
        row["isTrusted"] = False
    return row


def license_row(world: World, revision: str, summary: Json) -> Json:
    """A subscription that ends in about sixty days, and what is used of its instances."""
    dates: Json = {"expirationDate": world.since(-61), "supportExpirationDate": world.since(-61)}
    row: Json = {
        "status": "Valid",
        "type": "Subscription",
        "edition": "EnterprisePlus",
        "licensedTo": "Hansa Trading",
        "supportId": "01234567",
        "autoUpdateEnabled": True,
        "freeAgentInstanceConsumptionEnabled": True,
        "cloudConnect": "Disabled",
    }
    if at_least(revision, "1.3-rev0"):
        row |= {"IsMultiSection": False, "proactiveSupportEnabled": True}
    if at_least(revision, "1.3-rev2"):
        return row | {"instanceLicenseSummary": summary | dates}
    return row | dates | {"instanceLicenseSummary": summary}


def configuration_backup(world: World, revision: str) -> Json:
    """The configuration backup: it runs, but is not encrypted, and lies on the server that it should bring back."""
    last = _last_run(world)
    days = [cased(day, revision) for day in WEEK]
    return {
        "isEnabled": True,
        "backupRepositoryId": repository_id(world, "default"),
        "restorePointsToKeep": 10,
        "notifications": {"SNMPEnabled": False, "SMTPSettings": _mail()},
        "schedule": {
            "isEnabled": True,
            "daily": {"isEnabled": True, "localTime": "10:00", "dailyKind": "Everyday", "days": days},
            "monthly": {
                "isEnabled": False,
                "localTime": "10:00",
                "dayOfWeek": cased("Saturday", revision),
                "dayNumberInMonth": "Fourth",
                "dayOfMonth": 1,
                "months": _MONTHS,
            },
        },
        "lastSuccessfulBackup": {
            "lastSuccessfulTime": stamp(last.ended) if last and last.ended else world.ago(0.96),
            "sessionId": last.id if last else ZERO,
        },
        "encryption": {"isEnabled": False, "passwordId": ZERO},
    }


def _last_run(world: World) -> Session | None:
    """The newest session of the configuration backup, unless a sparse history has none of this week."""
    runs = (each for each in reversed(world.sessions) if each.kind == "ConfigurationBackup")
    last = next(runs, None)
    return last if last and last.created > world.now - 7 * DAY else None


def _mail() -> Json:
    return {
        "isEnabled": True,
        "recipients": ["backup-team@hansa.example"],
        "settingsType": "Global",
        "subject": "[%JobResult%] %JobName% (%Time%)",
        "notifyOnSuccess": False,
        "notifyOnWarning": True,
        "notifyOnError": True,
    }


def _report(world: World) -> Json:
    return {
        "from": "vbr01@hansa.example",
        "to": "backup-team@hansa.example",
        "subject": "[%JobResult%] %JobName% (%ObjectCount% objects)",
        "sendDailyReportsAt": world.ago(0.1),
        "notifyOnSuccess": True,
        "notifyOnWarning": True,
        "notifyOnFailure": True,
        "notifyOnLastRetry": True,
    }


def _smtp(world: World) -> Json:
    options = {"port": 587, "timeoutMs": 100000, "SSLEnabled": True, "authRequired": True}
    return {
        "smtpServerName": "mail.hansa.example",
        "advancedSmtpOptions": options | {"credentialsId": world.id("credentials")},
    }


def general_options(world: World, revision: str) -> Json:
    """Mail, notifications and event forwarding, as all revisions have them in one place."""
    mail = _smtp(world) | _report(world)
    options: Json = {"emailSettings": mail, "notifications": notification_settings(world, revision)}
    if at_least(revision, "1.3-rev0"):
        options["notificationEnabled"] = True
    else:
        options["emailSettings"] = {"isEnabled": True} | mail
    if at_least(revision, "1.2-rev0"):
        options["siemIntegration"] = {
            "SNMPEventsEnabled": True,
            "SNMPServers": _snmp(),
            "SyslogEventsEnabled": True,
            "SyslogServer": _syslog(),
            "syslogEventFiltering": [],
        }
    return options


def email_settings(world: World, _: str) -> Json:
    """Mail by SMTP."""
    return {"notificationsEnabled": True, "mailServer": "SMTP", "emailSettings": _report(world)} | _smtp(world)


def notification_settings(_: World, __: str) -> Json:
    """What the server warns about; notices of updates are off."""
    return {
        "storageSpaceThresholdEnabled": True,
        "storageSpaceThreshold": 10,
        "datastoreSpaceThresholdEnabled": True,
        "datastoreSpaceThreshold": 10,
        "skipVMSpaceThresholdEnabled": True,
        "skipVMSpaceThreshold": 5,
        "notifyOnSupportExpiration": True,
        "notifyOnUpdates": False,
    }


def event_forwarding(_: World, __: str) -> Json:
    """Events go to one syslog server, in the clear, and to an SNMP receiver."""
    return {"SNMPServers": _snmp(), "syslogServer": _syslog(), "syslogEventFiltering": []}


def _snmp() -> list[Json]:
    return [{"receiver": "monitor.hansa.example", "port": 162, "communityString": f"{SECRET}-community"}]


def _syslog() -> Json:
    return {"serverName": "siem.hansa.example", "port": 514, "transportProtocol": "Udp"}


def traffic_rules(world: World, _: str) -> Json:
    """Two rules: traffic to Frankfurt is encrypted, traffic to the repositories in Hamburg is not."""
    return {
        "useMultipleStreamsPerJob": True,
        "uploadStreamsCount": 5,
        "trafficRules": [
            _rule(world, "To Frankfurt", "10.20.0", encrypted=True),
            _rule(world, "To repositories", "10.10.40", encrypted=False),
        ],
        "preferredNetworks": {"isEnabled": False, "networks": []},
    }


def _rule(world: World, name: str, target: str, *, encrypted: bool) -> Json:
    return {
        "id": world.id("traffic rule", name),
        "name": name,
        "sourceIPStart": "10.10.0.1",
        "sourceIPEnd": "10.10.255.254",
        "targetIPStart": f"{target}.1",
        "targetIPEnd": f"{target}.254",
        "encryptionEnabled": encrypted,
        "throttlingEnabled": False,
        "throttlingUnit": "MbitPerSpec",
        "throttlingValue": 100,
        "throttlingWindowEnabled": False,
    }


def global_exclusion_rows(world: World, _: str) -> list[Json]:
    """Machines that no job touches, one of them without a word why."""
    return [
        {
            "id": world.id("exclusion", name),
            "inventoryObject": {
                "platform": "VSphere",
                "size": "75.6 GB",
                "hostName": "vcenter01.hansa.example",
                "name": name,
                "type": "VirtualMachine",
                "objectId": f"vm-{serial}",
                "urn": f"vc:vcenter01.hansa.example/vm-{serial}",
            },
            "note": note,
        }
        for name, serial, note in (
            ("scratch-build-01", 950001, "Build agent, made anew every night"),
            ("legacy-fax", 950002, ""),
        )
    ]
