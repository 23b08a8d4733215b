"""The datasets of security: the analyzer's items, run and schedule, malware, authorization, users, settings."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import CREATED, Dataset, Shape
from vbr_audit.tables.build.enums import (
    NOTIFICATION_TYPES,
    RENAMED_SESSION_TYPES,
    RESULTS,
    SESSION_STATES,
    SESSION_TYPES,
    SEVERITIES,
    listed,
)
from vbr_audit.tables.build.fields import Field, Table, flag, ident, joined, moment, own_id, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind, Sheet
from vbr_audit.tables.sessions import KNOWN_KEYS, add_duration

EVENT_TYPES: Final = listed(
    """
    Unknown DeletedUsefulFiles RansomwareNotes MalwareExtensions EncryptedData YaraScan AntivirusScan RenamedFiles
    IndicatorOfCompromise
    """
)
"""What malware detection sees."""

BEST_PRACTICES: Final = Table(
    "best_practices",
    "One row per item of the Security & Compliance Analyzer (`/securityAnalyzer/bestPractices`, from 1.2-rev1 on).",
    (
        own_id("best_practice_id", "The item's id.", "id"),
        text("best_practice", "The item in the server's words.", "bestPractice", holds="word"),
        word(
            "status",
            "OK, Violation, Suppressed, UnableToCheck, Analyzing, or the word None.",
            "status",
            known=("Analyzing", "None", "OK", "Suppressed", "UnableToCheck", "Violation"),
        ),
        text("note", "Why it was suppressed.", "note", holds="prose"),
    ),
    key=("best_practice_id",),
    kind=ObjectKind("best practice", "best_practice_id", "best_practice"),
    sheet=Sheet("Analyzer items", first=("server", "best_practice", "status", "note"), wraps=True),
)

LAST_RUN: Final = Table(
    "analyzer_last_run",
    "One row per server whose analyzer has run: the last run (`/securityAnalyzer/lastRun`, from 1.2-rev1 on).",
    (
        own_id("session_id", "The id of its session.", "id"),
        text("name", "The session's name.", "name", holds="job"),
        word(
            "session_type",
            "What kind of session, in its newest spelling.",
            "sessionType",
            known=SESSION_TYPES,
            renamed=tuple(RENAMED_SESSION_TYPES.items()),
        ),
        word("state", "Stopped when it has ended; else what it is doing.", "state", known=SESSION_STATES),
        word("result", "Success, Warning, Failed, or the word None.", "result.result", known=RESULTS),
        text("result_message", "The server's words on the result.", "result.message", holds="server text"),
        flag("is_canceled", "Somebody stopped it.", "result.isCanceled"),
        moment("created", "When it started.", "creationTime"),
        moment("ended", "When it ended; NaT while it runs.", "endTime"),
        Field("duration_s", "Float64", "From start to end; NA while it runs, or if negative.", unit="s"),
        whole("progress_percent", "Its progress.", "progressPercent", unit="%"),
        text("initiated_by", "The account that started it. From 1.3-rev0 on.", "initiatedBy", holds="user"),
    ),
    also_known=" ".join(sorted(KNOWN_KEYS)),
    complete=add_duration,
    sheet=Sheet("Analyzer run"),
)

SCHEDULE: Final = Table(
    "analyzer_schedule",
    "One row per server: when its analyzer runs by itself (`/securityAnalyzer/schedule`, from 1.2-rev1 on).",
    (
        flag("daily_scan_enabled", "It runs every day.", "dailyScanEnabled"),
        text(
            "daily_scan_local_time",
            "At this time of the server's clock, as the server wrote it.",
            "dailyScanLocalTime",
            holds="word",
        ),
        flag("send_scan_results", "Its results are mailed.", "sendScanResults"),
        text("recipients", "To these addresses.", "recipients", holds="mails"),
        word(
            "notification_type",
            "With the server's settings for mail, or its own.",
            "notificationType",
            known=NOTIFICATION_TYPES,
        ),
        flag(
            "email_on_success", "Its own settings send mail on success.", "customNotificationSettings.notifyOnSuccess"
        ),
        flag(
            "email_on_warning", "Its own settings send mail on a warning.", "customNotificationSettings.notifyOnWarning"
        ),
        flag(
            "email_on_failure", "Its own settings send mail on a failure.", "customNotificationSettings.notifyOnError"
        ),
    ),
)

MALWARE_EVENTS: Final = Table(
    "malware_events",
    "One row per event of malware detection that the server keeps (`/malwareDetection/events`, from 1.2-rev1 on).",
    (
        own_id("malware_event_id", "The event's id.", "id"),
        word(
            "type",
            "What was seen.",
            "type",
            known=EVENT_TYPES,
        ),
        moment("created", "When the event was written. From 1.3-rev0 on.", "creationTimeUtc"),
        moment("detected", "When it was seen.", "detectionTimeUtc"),
        text("machine", "The machine.", "machine.displayName", holds="object"),
        text("machine_uuid", "The machine's own id.", "machine.uuid", holds="id"),
        ident("backup_object_id", "The backup object that the machine is.", "machine.backupObjectId"),
        ident("restore_point_id", "The restore point it was seen in. From 1.3-rev0 on.", "machine.restorePointId"),
        word(
            "state",
            "Created while open; FalsePositive when somebody marked it so.",
            "state",
            known=("Created", "FalsePositive"),
        ),
        word("severity", "Infected, Suspicious, Informative or Clean.", "severity", known=SEVERITIES),
        word(
            "source",
            "Who found it.",
            "source",
            known=("Manual", "InternalVeeamDetector", "External", "MarkAsCleanEvent"),
        ),
        text("details", "The server's words.", "details", holds="server text"),
        text("created_by", "The account that wrote the event; not who marked it.", "createdBy", holds="user"),
        text("engine", "The engine that found it.", "engine", holds="word"),
    ),
    key=("malware_event_id",),
    kind=ObjectKind("malware event", "malware_event_id", "machine", causes=(("machine", "machine"),)),
    sheet=Sheet(wraps=True),
)

AUTHORIZATION_EVENTS: Final = Table(
    "authorization_events",
    "One row per event of four-eyes authorization in the period, changes of users and roles among them "
    "(`/authorization/events`, from 1.2-rev1 on).",
    (
        own_id("authorization_event_id", "The event's id; a server may leave it out.", "id"),
        text("name", "What it is about.", "name", holds="server text"),
        text("description", "The server's words.", "description", holds="server text"),
        word(
            "state",
            "Pending, Approved, Rejected, Expired; Info for what needed no approval.",
            "state",
            known=("Pending", "Approved", "Rejected", "Expired", "Info", "CockpitMessage"),
        ),
        moment("created", "When it was asked for, or happened.", "creationTime"),
        text("created_by", "The account that asked for it, or did it.", "createdBy", holds="user"),
        moment("expires", "When the request expires.", "expirationTime"),
        text("processed_by", "The account that approved or rejected it.", "processedBy", holds="user"),
        moment("processed", "When that was done.", "processedTime"),
    ),
    key=("authorization_event_id",),
    kind=ObjectKind("authorization event", "authorization_event_id", "name"),
    sheet=Sheet(wraps=True),
)

USERS: Final = Table(
    "users",
    "One row per user or group that has a role (`/security/users`, from 1.3-rev1 on).",
    (
        own_id("user_id", "The id of the user or group.", "id"),
        text("name", "The account.", "name", holds="user"),
        word(
            "type",
            "A user or a group, of the server or from outside.",
            "type",
            known=("InternalUser", "InternalGroup", "ExternalUser", "ExternalGroup"),
        ),
        joined("roles", "The names of its roles, joined by commas; empty for none.", "roles[].name", holds="word"),
        joined("role_ids", "The ids of its roles, joined by commas; empty for none.", "roles[].id", holds="ids"),
        flag("is_service_account", "It is for programs, and exempt from a second factor.", "isServiceAccount"),
        flag("mfa_enabled", "It needs a second factor to sign in. From 1.3-rev2 on.", "mfaEnabled"),
    ),
    key=("user_id",),
    kind=ObjectKind("user", "user_id", "name"),
    sheet=Sheet(first=("server", "name", "roles")),
)

SETTINGS: Final = Table(
    "security_settings",
    "One row per server: its settings of security (`/security/settings`, from 1.3-rev1 on).",
    (flag("mfa_enabled", "A second factor is needed to sign in.", "mfaEnabled"),),
)

ROLES: Final = Table(
    "roles",
    "One row per role that accounts can have (`/security/roles`, from 1.3-rev1 on).",
    (
        own_id("role_id", "The role's id.", "id"),
        text("name", "The role.", "name", holds="group"),
        text("description", "What somebody wrote of it.", "description", holds="prose"),
        flag("is_built_in", "It came with the product; False for a custom role. From 1.3-rev2 on.", "isBuiltIn"),
    ),
    key=("role_id",),
)

CUSTOM_ROLES: Final = Table(
    "custom_roles",
    "One row per custom role: what it permits, and how far (`/security/roles/{id}/details`, from 1.3-rev2 on).",
    (
        own_id("role_id", "The role's id.", "id"),
        text("name", "The role.", "name", holds="group"),
        text("description", "What somebody wrote of it.", "description", holds="prose"),
        flag("manages_backups", "It may create and manage backup jobs.", "manageBackups"),
        flag("manages_restores", "It may restore from existing backups.", "manageRestores"),
        flag("all_inventory", "It reaches every workload, not a list of them.", "inventoryScope.entireInventory"),
        flag(
            "all_repositories",
            "Its jobs may use every repository, not a list of them.",
            "repositoryScope.allRepositories",
        ),
        flag(
            "all_backups",
            "It restores from every backup, not only from those of its own holders and of a list.",
            "restorePermissionsScope.restoreBackupScope.entireBackupScope",
        ),
        flag(
            "all_restore_options",
            "It may use every kind of restore, not a list of them.",
            "restorePermissionsScope.restoreOptions.allOptions",
        ),
        flag(
            "all_restore_targets",
            "It restores to anywhere, not only to the original place or to a list.",
            "restoreTargetScope.entireBackupScope",
        ),
    ),
    key=("role_id",),
    also_known="inventoryScope repositoryScope restorePermissionsScope restoreTargetScope",
    kind=ObjectKind("custom role", "role_id", "name"),
)

CARDS: Final = (
    Dataset(
        BEST_PRACTICES,
        "Security & Compliance Analyzer items",
        "securityAnalyzer/bestPractices",
        Shape.LIST,
        roles.SECURITY,
        first_revision="1.2-rev1",
        rows_at="items",
    ),
    Dataset(
        LAST_RUN,
        "Security & Compliance Analyzer: last run",
        "securityAnalyzer/lastRun",
        Shape.OBJECT,
        roles.SECURITY,
        first_revision="1.2-rev1",
        accounts=("initiatedBy",),
    ),
    Dataset(
        SCHEDULE,
        "Security & Compliance Analyzer: schedule",
        "securityAnalyzer/schedule",
        Shape.OBJECT,
        roles.SECURITY,
        first_revision="1.2-rev1",
        accounts=("recipients",),
    ),
    Dataset(
        MALWARE_EVENTS,
        "Malware events",
        "malwareDetection/events",
        access=roles.MALWARE_READERS,
        first_revision="1.2-rev1",
        order="DetectionTimeUtc",
        accounts=("createdBy",),
    ),
    Dataset(
        AUTHORIZATION_EVENTS,
        "Authorization events",
        "authorization/events",
        access=roles.SECURITY,
        first_revision="1.2-rev1",
        order="CreationTime",
        period=CREATED,
        accounts=("createdBy", "initiatedBy", "processedBy"),
    ),
    Dataset(
        USERS,
        "Users and roles",
        "security/users",
        access=roles.ADMINISTRATOR,
        first_revision="1.3-rev1",
        order="Name",
        accounts=("name", "description"),
    ),
    Dataset(
        SETTINGS,
        "Security settings",
        "security/settings",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        first_revision="1.3-rev1",
    ),
    Dataset(
        ROLES,
        "Roles",
        "security/roles",
        access=roles.ROLE_READERS,
        first_revision="1.3-rev1",
        order="Name",
    ),
    Dataset(
        CUSTOM_ROLES,
        "Rights of custom roles",
        "security/roles/{id}/details",
        Shape.EACH_OBJECT,
        roles.ADMINISTRATOR,
        first_revision="1.3-rev2",
        parent="roles",
        not_below="isBuiltIn",
    ),
)
