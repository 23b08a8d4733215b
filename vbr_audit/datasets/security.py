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
        text("best_practice", "The item's text, as the server wrote it.", "bestPractice", holds="word"),
        word(
            "status",
            "The item's status: OK, Violation, Suppressed, UnableToCheck, Analyzing, or the word None.",
            "status",
            known=("Analyzing", "None", "OK", "Suppressed", "UnableToCheck", "Violation"),
        ),
        text("note", "Why the item was suppressed.", "note", holds="prose"),
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
            "The session type in its newest spelling.",
            "sessionType",
            known=SESSION_TYPES,
            renamed=tuple(RENAMED_SESSION_TYPES.items()),
        ),
        word("state", "Stopped when it has ended; otherwise its current state.", "state", known=SESSION_STATES),
        word(
            "result",
            "The result of the run: Success, Warning, Failed, or the word None.",
            "result.result",
            known=RESULTS,
        ),
        text("result_message", "The server's message about the result.", "result.message", holds="server text"),
        flag("is_canceled", "The run was canceled.", "result.isCanceled"),
        moment("created", "When the run started.", "creationTime"),
        moment("ended", "When the run ended; NaT while it runs.", "endTime"),
        Field("duration_s", "Float64", "The time from start to end; NA while it runs, or if negative.", unit="s"),
        whole("progress_percent", "The progress of the run.", "progressPercent", unit="%"),
        text("initiated_by", "The account that started the run. From 1.3-rev0 on.", "initiatedBy", holds="user"),
    ),
    also_known=" ".join(sorted(KNOWN_KEYS)),
    complete=add_duration,
    sheet=Sheet("Analyzer run"),
)

SCHEDULE: Final = Table(
    "analyzer_schedule",
    "One row per server: when its analyzer runs automatically (`/securityAnalyzer/schedule`, from 1.2-rev1 on).",
    (
        flag("daily_scan_enabled", "The analyzer runs every day.", "dailyScanEnabled"),
        text(
            "daily_scan_local_time",
            "The time of the daily run by the server's clock, as the server wrote it.",
            "dailyScanLocalTime",
            holds="word",
        ),
        flag("send_scan_results", "The results are sent by email.", "sendScanResults"),
        text("recipients", "The recipients of the results.", "recipients", holds="mails"),
        word(
            "notification_type",
            "Whether the server's email settings apply, or its own.",
            "notificationType",
            known=NOTIFICATION_TYPES,
        ),
        flag(
            "email_on_success", "Its own settings send email on success.", "customNotificationSettings.notifyOnSuccess"
        ),
        flag(
            "email_on_warning",
            "Its own settings send email on a warning.",
            "customNotificationSettings.notifyOnWarning",
        ),
        flag(
            "email_on_failure", "Its own settings send email on a failure.", "customNotificationSettings.notifyOnError"
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
            "The type of the event.",
            "type",
            known=EVENT_TYPES,
        ),
        moment("created", "When the event was created. From 1.3-rev0 on.", "creationTimeUtc"),
        moment("detected", "When the malware activity was detected.", "detectionTimeUtc"),
        text("machine", "The machine's name.", "machine.displayName", holds="object"),
        text("machine_uuid", "The machine's UUID.", "machine.uuid", holds="id"),
        ident("backup_object_id", "The id of the machine's backup object.", "machine.backupObjectId"),
        ident(
            "restore_point_id",
            "The id of the restore point in which it was detected. From 1.3-rev0 on.",
            "machine.restorePointId",
        ),
        word(
            "state",
            "Created while open; FalsePositive if it was marked so.",
            "state",
            known=("Created", "FalsePositive"),
        ),
        word("severity", "The severity: Infected, Suspicious, Informative or Clean.", "severity", known=SEVERITIES),
        word(
            "source",
            "What reported the event.",
            "source",
            known=("Manual", "InternalVeeamDetector", "External", "MarkAsCleanEvent"),
        ),
        text("details", "The server's description of the event.", "details", holds="server text"),
        text(
            "created_by", "The account that created the event, not the one that marked it.", "createdBy", holds="user"
        ),
        text("engine", "The engine that detected it.", "engine", holds="word"),
    ),
    key=("malware_event_id",),
    kind=ObjectKind("malware event", "malware_event_id", "machine", causes=(("machine", "machine"),)),
    sheet=Sheet(wraps=True, rank=90),
)

AUTHORIZATION_EVENTS: Final = Table(
    "authorization_events",
    "One row per event of four-eyes authorization in the period, including changes of users and roles "
    "(`/authorization/events`, from 1.2-rev1 on).",
    (
        own_id("authorization_event_id", "The event's id; a server may leave it out.", "id"),
        text("name", "The subject of the event.", "name", holds="server text"),
        text("description", "The server's description of the event.", "description", holds="server text"),
        word(
            "state",
            "Pending, Approved, Rejected, Expired; Info for events that needed no approval.",
            "state",
            known=("Pending", "Approved", "Rejected", "Expired", "Info", "CockpitMessage"),
        ),
        moment("created", "When it was requested or happened.", "creationTime"),
        text("created_by", "The account that requested or did it.", "createdBy", holds="user"),
        moment("expires", "When the request expires.", "expirationTime"),
        text("processed_by", "The account that approved or rejected the request.", "processedBy", holds="user"),
        moment("processed", "When the request was approved or rejected.", "processedTime"),
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
        text("name", "The account's name.", "name", holds="user"),
        word(
            "type",
            "A user or a group, internal or external.",
            "type",
            known=("InternalUser", "InternalGroup", "ExternalUser", "ExternalGroup"),
        ),
        joined("roles", "Names of its roles, joined by commas; empty for none.", "roles[].name", holds="word"),
        joined("role_ids", "Ids of its roles, joined by commas; empty for none.", "roles[].id", holds="ids"),
        flag(
            "is_service_account",
            "It is a service account, exempt from multi-factor authentication.",
            "isServiceAccount",
        ),
        flag("mfa_enabled", "The account requires multi-factor authentication. From 1.3-rev2 on.", "mfaEnabled"),
    ),
    key=("user_id",),
    kind=ObjectKind("user", "user_id", "name"),
    sheet=Sheet(first=("server", "name", "roles"), rank=60),
)

SETTINGS: Final = Table(
    "security_settings",
    "One row per server: its security settings (`/security/settings`, from 1.3-rev1 on).",
    (flag("mfa_enabled", "Multi-factor authentication is required to sign in.", "mfaEnabled"),),
)

ROLES: Final = Table(
    "roles",
    "One row per role that accounts can have (`/security/roles`, from 1.3-rev1 on).",
    (
        own_id("role_id", "The role's id.", "id"),
        text("name", "The role's name.", "name", holds="group"),
        text("description", "The role's description.", "description", holds="prose"),
        flag("is_built_in", "The role is built in; False for a custom role. From 1.3-rev2 on.", "isBuiltIn"),
    ),
    key=("role_id",),
)

CUSTOM_ROLES: Final = Table(
    "custom_roles",
    "One row per custom role: its permissions and their scope (`/security/roles/{id}/details`, from 1.3-rev2 on).",
    (
        own_id("role_id", "The role's id.", "id"),
        text("name", "The role's name.", "name", holds="group"),
        text("description", "The role's description.", "description", holds="prose"),
        flag("manages_backups", "The role may create and manage backup jobs.", "manageBackups"),
        flag("manages_restores", "The role may restore from existing backups.", "manageRestores"),
        flag(
            "all_inventory",
            "The role covers every workload, not only a list of them.",
            "inventoryScope.entireInventory",
        ),
        flag(
            "all_repositories",
            "Its jobs may use every repository, not only a list of them.",
            "repositoryScope.allRepositories",
        ),
        flag(
            "all_backups",
            "The role may restore from every backup, not only from those of its own users and of a list.",
            "restorePermissionsScope.restoreBackupScope.entireBackupScope",
        ),
        flag(
            "all_restore_options",
            "The role may use every type of restore, not only a list of them.",
            "restorePermissionsScope.restoreOptions.allOptions",
        ),
        flag(
            "all_restore_targets",
            "The role may restore to any location, not only to the original one or to a list.",
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
