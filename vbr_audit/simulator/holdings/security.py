"""Security: the analyzer's findings, malware events, authorization events, users, sign-in settings."""

from collections.abc import Sequence

from vbr_audit.simulator.clock import DAY, local_stamp, to_datetime
from vbr_audit.simulator.holdings.chains import Chain
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.sessions import writer

Json = dict[str, object]

_PRACTICES: tuple[tuple[str, str, str], ...] = (
    ("Multi-factor authentication is enabled for the backup console", "OK", ""),
    ("Immutable or offline media are used", "OK", ""),
    ("Password loss protection is enabled", "OK", ""),
    ("The backup server is not part of the production domain", "Violation", ""),
    ("E-mail notifications are enabled", "OK", ""),
    ("All backups have at least one copy", "Violation", ""),
    ("Reverse incremental backup mode is avoided", "OK", ""),
    ("Unknown Linux servers are not trusted automatically", "OK", ""),
    ("The configuration backup is not stored on the backup server", "Violation", ""),
    ("The configuration backup is enabled and encrypted", "Violation", ""),
    ("Hardened repositories are not hosted in virtual machines", "OK", ""),
    ("Network traffic encryption is enabled", "Suppressed", "Storage network is isolated; accepted in CHG-2291"),
    ("Linux servers use no password authentication", "Suppressed", ""),
    ("Credentials and encryption passwords are rotated annually", "OK", ""),
    ("SSH is disabled on hardened repositories", "OK", ""),
    ("Remote Desktop Services are disabled", "OK", ""),
    ("Remote Registry is disabled", "OK", ""),
    ("Windows Firewall is enabled", "OK", ""),
    ("SMB 1.0 is disabled", "OK", ""),
    ("Credential Guard is configured", "UnableToCheck", ""),
)
_ROLES = ("Veeam Backup Administrator", "Veeam Backup Operator", "Veeam Backup Viewer", "Veeam Security Administrator")

_EVENTS_OF_THE_YEAR = (
    ("Disable four-eyes authorization", "", "Approved", 196.3, "HANSA\\s.meier"),
    ("Enable four-eyes authorization", "", "Approved", 166.1, "HANSA\\s.meier"),
    ("Add user", "HANSA\\ext.consultant was given the role Veeam Backup Administrator", "Info", 111.6, ""),
)


def best_practices(world: World, _: str) -> Json:
    """What the last run of the analyzer found, item by item."""
    return {
        "items": [
            {"id": world.id("practice", text), "bestPractice": text, "status": status, "note": note}
            for text, status, note in _PRACTICES
        ]
    }


def analyzer_last_run(world: World, revision: str) -> Json | None:
    """The newest run of the analyzer, None when it never ran."""
    runs = [each for each in world.sessions if each.kind == "SecurityComplianceAnalyzer"]
    if not runs:
        return None
    ended = runs[-1].ended
    dates: Json = {
        "creationTime": local_stamp(runs[-1].created),
        "endTime": None if ended is None else local_stamp(ended),
    }
    return writer(revision)(runs[-1]) | dates


def analyzer_schedule(_: World, __: str) -> Json:
    """The analyzer runs every day and mails what it finds."""
    return {
        "dailyScanEnabled": True,
        "dailyScanLocalTime": "06:30",
        "sendScanResults": True,
        "recipients": "backup-team@hansa.example;security@hansa.example",
        "notificationType": "UseGlobalNotificationSettings",
    }


def malware_event_rows(chains: Sequence[Chain], world: World, revision: str) -> list[Json]:
    """An infected machine and a suspicious one still open, and a false alarm that somebody closed."""
    kinds = (
        ("File servers Hamburg", 0, "EncryptedData", "Infected", "Created", 2.3),
        ("Web frontends", 1, "RansomwareNotes", "Suspicious", "Created", 5.1),
        ("Domain controllers", 1, "RenamedFiles", "Suspicious", "FalsePositive", 18.4),
        ("SAP HANA", 0, "YaraScan", "Clean", "Created", 40.2),
    )
    named = {chain.name: chain for chain in chains}
    rows: list[Json] = []
    for name, member, kind, severity, state, days in kinds:
        if name not in named or not world.has_come(days):
            continue
        each = named[name].members[member]
        row: Json = {
            "id": world.id("malware event", name),
            "type": kind,
            "detectionTimeUtc": _utc(world, days),
            "machine": {"displayName": each.name, "uuid": world.id("bios", each.name), "backupObjectId": each.id},
            "state": state,
            "details": f"{kind} found on {each.name}",
            "source": "InternalVeeamDetector",
            "severity": severity,
            "createdBy": "SYSTEM" if state == "Created" else "HANSA\\s.meier",
            "engine": "Veeam Threat Hunter",
        }
        if at_least(revision, "1.3-rev0"):
            row["creationTimeUtc"] = _utc(world, days - 0.01)
        rows.append(row)
    return rows


def _utc(world: World, days: float) -> str:
    return to_datetime(world.end - round(days * DAY)).isoformat().replace("+00:00", "Z")


def authorization_event_rows(world: World, _: str) -> list[Json]:
    """Requests that needed a second person, and changes to users; one request has waited too long."""
    events = (
        ("Delete backup", "Decommissioned CRM", "Pending", 9.2, ""),
        ("Delete backup", "Test lab", "Approved", 25.0, "HANSA\\s.meier"),
        ("Remove repository", "Old NAS", "Rejected", 33.5, "HANSA\\s.meier"),
        ("Disable four-eyes authorization", "", "Expired", 51.0, ""),
        ("Add user", "HANSA\\svc-audit was given the role Veeam Backup Viewer", "Info", 12.7, ""),
        *(_EVENTS_OF_THE_YEAR if world.course else ()),
    )
    return [
        {
            "id": world.id("authorization event", f"{name}/{days}"),
            "name": name,
            "description": about,
            "state": state,
            "creationTime": local_stamp(world.end - round(days * DAY)),
            "createdBy": "HANSA\\backupadmin",
            "expirationTime": local_stamp(world.end - round((days - 7) * DAY)),
            "processedBy": by or None,
            "processedTime": local_stamp(world.end - round((days - 0.2) * DAY)) if by else None,
        }
        for name, about, state, days, by in events
        if world.has_come(days)
    ]


def user_rows(world: World, revision: str) -> list[Json]:
    """Users and groups with their roles; a built-in group of Windows is the one group of administrators."""
    users = (
        ("BUILTIN\\Administrators", "InternalGroup", 0, False),
        ("HANSA\\backupadmin", "ExternalUser", 0, False),
        ("HANSA\\svc-veeam-admin", "ExternalUser", 0, True),
        ("HANSA\\Backup operators", "ExternalGroup", 1, False),
        ("HANSA\\svc-audit", "ExternalUser", 2, True),
        ("HANSA\\s.meier", "ExternalUser", 3, False),
        *((("HANSA\\ext.consultant", "ExternalUser", 0, False),) if world.setting("consultant", 0) else ()),
    )
    rows: list[Json] = []
    for name, kind, role, service in users:
        row: Json = {
            "id": world.id("user", name),
            "name": name,
            "type": kind,
            "roles": [{"id": identify(0, "role", _ROLES[role]), "name": _ROLES[role], "description": "Built-in role"}],
            "isServiceAccount": service,
        }
        if at_least(revision, "1.3-rev2"):
            row["mfaEnabled"] = not service and not kind.endswith("Group")
        rows.append(row)
    return rows


_SCOPES: dict[str, Json] = {
    "all": {
        "inventoryScope": {"entireInventory": True},
        "repositoryScope": {"allRepositories": True},
        "restorePermissionsScope": {
            "restoreBackupScope": {"entireBackupScope": True},
            "restoreOptions": {"allOptions": True},
        },
        "restoreTargetScope": {"entireBackupScope": True},
    },
    "few": {
        "inventoryScope": {"entireInventory": False, "workloads": []},
        "repositoryScope": {"allRepositories": False, "repositories": []},
        "restorePermissionsScope": {
            "restoreBackupScope": {"entireBackupScope": True, "backupSources": []},
            "restoreOptions": {"allOptions": False, "restoreOptions": []},
        },
        "restoreTargetScope": {"entireBackupScope": False, "restoreTargets": {"originalLocation": True}},
    },
}
_CUSTOM_ROLES = (
    ("Backup engineering", "Everything, for the time of the migration", True, "all"),
    ("Service desk", "Restores to the original place", False, "few"),
)


def role_rows(world: World, revision: str) -> list[Json]:
    """The built-in roles and, where the revision has them, two custom ones: one without limits, one with all."""
    built_in: list[Json] = [
        {"id": identify(0, "role", name), "name": name, "description": "Built-in role"} for name in _ROLES
    ]
    if not at_least(revision, "1.3-rev2"):
        return built_in
    custom = custom_role_rows(world, revision)
    return [
        *(row | {"isBuiltIn": True} for row in built_in),
        *(
            {"id": row["id"], "name": row["name"], "description": row["description"], "isBuiltIn": False}
            for row in custom
        ),
    ]


def custom_role_rows(world: World, _: str) -> list[Json]:
    """What the custom roles permit."""
    return [
        {
            "id": world.id("custom role", name),
            "name": name,
            "description": about,
            "manageBackups": backups,
            "manageRestores": True,
            **_SCOPES[scope],
        }
        for name, about, backups, scope in _CUSTOM_ROLES
    ]


def security_settings(world: World, _: str) -> Json:
    """Multi-factor authentication for everybody who is no service account."""
    return {"mfaEnabled": bool(world.setting("mfa", 1))}
