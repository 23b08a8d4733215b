"""The datasets of settings of the whole server: configuration backup, mail, notices, events, traffic, exclusions."""

from __future__ import annotations

from typing import Any, Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset, Shape
from vbr_audit.tables.build.enums import SYSLOG_PROTOCOLS
from vbr_audit.tables.build.fields import Field, Table, counted, flag, ident, joined, moment, own_id, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind, Sheet


def _add_scheduled(arrays: dict[str, Any]) -> None:
    by_day_or_month = arrays["schedule_daily_enabled"] | arrays["schedule_monthly_enabled"]
    arrays["is_scheduled"] = arrays["schedule_enabled"] & by_day_or_month


CONFIG_BACKUP: Final = Table(
    "config_backup",
    "One row per server: its configuration backup (`/configBackup`).",
    (
        flag("is_enabled", "The configuration backup is enabled.", "isEnabled"),
        ident("repository_id", "The id of the repository that it writes to.", "backupRepositoryId"),
        whole(
            "restore_points_to_keep", "Number of restore points to keep.", "restorePointsToKeep", unit="restore points"
        ),
        Field(
            "is_scheduled",
            "boolean",
            "It runs automatically: the schedule is enabled, and so is the daily or the monthly one.",
        ),
        flag("schedule_enabled", "The schedule is enabled.", "schedule.isEnabled"),
        flag("schedule_daily_enabled", "The daily schedule is enabled.", "schedule.daily.isEnabled"),
        flag("schedule_monthly_enabled", "The monthly schedule is enabled.", "schedule.monthly.isEnabled"),
        moment("last_success", "When it last succeeded.", "lastSuccessfulBackup.lastSuccessfulTime"),
        ident("last_success_session_id", "The id of the session that succeeded.", "lastSuccessfulBackup.sessionId"),
        flag(
            "encryption_enabled",
            "The configuration backup is encrypted; without encryption it contains no passwords.",
            "encryption.isEnabled",
        ),
        ident("encryption_password_id", "The id of the encryption password.", "encryption.passwordId"),
        flag("snmp_enabled", "SNMP traps are sent.", "notifications.SNMPEnabled"),
        flag("email_enabled", "Email notifications are sent.", "notifications.SMTPSettings.isEnabled"),
        counted(
            "email_recipients", "Number of recipients.", "notifications.SMTPSettings.recipients", unit="recipients"
        ),
        word(
            "email_settings_type",
            "Whether the server's email settings apply, or its own.",
            "notifications.SMTPSettings.settingsType",
            known=("Global", "Custom"),
        ),
        flag(
            "email_on_success", "Its own settings send email on success.", "notifications.SMTPSettings.notifyOnSuccess"
        ),
        flag(
            "email_on_warning",
            "Its own settings send email on a warning.",
            "notifications.SMTPSettings.notifyOnWarning",
        ),
        flag(
            "email_on_failure", "Its own settings send email on a failure.", "notifications.SMTPSettings.notifyOnError"
        ),
    ),
    complete=_add_scheduled,
    sheet=Sheet("Configuration backup"),
)


def _mail(prefix: str) -> tuple[Field, ...]:
    """When the server sends mail, below `prefix`."""
    return (
        flag("email_on_success", "Email is sent on success.", prefix + "notifyOnSuccess"),
        flag("email_on_warning", "Email is sent on a warning.", prefix + "notifyOnWarning"),
        flag("email_on_failure", "Email is sent on a failure.", prefix + "notifyOnFailure"),
        flag("email_on_last_retry", "Email is sent for the last retry only.", prefix + "notifyOnLastRetry"),
    )


def _mail_server(prefix: str) -> tuple[Field, ...]:
    """Over which server mail goes, below `prefix`."""
    return (
        text("smtp_server", "The name of the mail server.", prefix + "smtpServerName", holds="host"),
        flag(
            "smtp_tls_enabled",
            "The connection to the mail server is encrypted.",
            prefix + "advancedSmtpOptions.SSLEnabled",
        ),
        flag("smtp_sign_in", "The mail server requires authentication.", prefix + "advancedSmtpOptions.authRequired"),
        ident(
            "credentials_id",
            "The id of the credentials for the mail server.",
            prefix + "advancedSmtpOptions.credentialsId",
        ),
    )


def _notices(prefix: str) -> tuple[Field, ...]:
    """What the server warns of, below `prefix`."""
    return (
        flag(
            "storage_space_notice",
            "The server warns of low free space on repositories.",
            prefix + "storageSpaceThresholdEnabled",
        ),
        whole(
            "storage_space_percent",
            "Free space below which the server warns.",
            prefix + "storageSpaceThreshold",
            unit="%",
        ),
        flag(
            "datastore_space_notice",
            "The server warns of low free space on datastores.",
            prefix + "datastoreSpaceThresholdEnabled",
        ),
        whole(
            "datastore_space_percent",
            "Free space below which the server warns.",
            prefix + "datastoreSpaceThreshold",
            unit="%",
        ),
        flag(
            "skip_machines_enabled",
            "Jobs skip machines on datastores with low free space.",
            prefix + "skipVMSpaceThresholdEnabled",
        ),
        whole(
            "skip_machines_percent",
            "Free space below which machines are skipped.",
            prefix + "skipVMSpaceThreshold",
            unit="%",
        ),
        flag(
            "support_expiration_notice",
            "The server notifies before support ends.",
            prefix + "notifyOnSupportExpiration",
        ),
        flag("updates_notice", "The server notifies about updates.", prefix + "notifyOnUpdates"),
    )


def _forwarding(prefix: str, syslog: str) -> tuple[Field, ...]:
    """Where events go, below `prefix`; `syslog` is the key of the syslog server."""
    return (
        counted("snmp_servers", "Number of SNMP trap receivers.", prefix + "SNMPServers", unit="servers"),
        text("syslog_server", "The name of the syslog server.", f"{prefix}{syslog}.serverName", holds="host"),
        whole("syslog_port", "The port of the syslog server.", f"{prefix}{syslog}.port"),
        word(
            "syslog_protocol",
            "The transport protocol: Udp, Tcp, Tls.",
            f"{prefix}{syslog}.transportProtocol",
            known=SYSLOG_PROTOCOLS,
        ),
        counted(
            "syslog_filters",
            "Number of filters that exclude events.",
            prefix + "syslogEventFiltering",
            unit="filters",
        ),
        joined(
            "syslog_filtered_events",
            "Ids of the excluded events, joined by commas.",
            prefix + "syslogEventFiltering[].eventId",
            holds="word",
        ),
    )


GENERAL_OPTIONS: Final = Table(
    "general_options",
    "One row per server: its email, notification and event settings in one response (`/generalOptions`; from "
    "1.3-rev1 on the newer tables contain the same).",
    (
        flag("email_enabled", "The server sends email.", "notificationEnabled", "emailSettings.isEnabled"),
        *_mail_server("emailSettings."),
        *_mail("emailSettings."),
        *_notices("notifications."),
        flag("snmp_events_enabled", "Events are sent to SNMP receivers.", "siemIntegration.SNMPEventsEnabled"),
        flag("syslog_events_enabled", "Events are sent to a syslog server.", "siemIntegration.SyslogEventsEnabled"),
        *_forwarding("siemIntegration.", "SyslogServer"),
    ),
)

EMAIL_SETTINGS: Final = Table(
    "email_settings",
    "One row per server: how it sends email (`/generalOptions/emailSettings`, from 1.3-rev1 on).",
    (
        flag("is_enabled", "The server sends email.", "notificationsEnabled"),
        word(
            "mail_server",
            "The type of mail server: SMTP, Gmail, MS365.",
            "mailServer",
            known=("SMTP", "Gmail", "MS365"),
        ),
        text("sender", "The sender's address.", "emailSettings.from", holds="mail"),
        text("recipients", "The recipients' addresses.", "emailSettings.to", holds="mails"),
        *_mail_server(""),
        *_mail("emailSettings."),
    ),
    also_known="appClientId clientSecret tenant userId isDefaultApp",
)

NOTIFICATION_SETTINGS: Final = Table(
    "notification_settings",
    "One row per server: its notification settings (`/generalOptions/notifications`, from 1.3-rev1 on).",
    _notices(""),
)

EVENT_FORWARDING: Final = Table(
    "event_forwarding",
    "One row per server: where it sends its events (`/generalOptions/eventForwarding`, from 1.3-rev1 on).",
    _forwarding("", "syslogServer"),
)

TRAFFIC_RULES: Final = Table(
    "traffic_rules",
    "One row per network traffic rule (`/trafficRules`).",
    (
        own_id("traffic_rule_id", "The rule's id; a server may leave it out.", "id"),
        text("name", "The rule's name.", "name", holds="rule"),
        text("source_ip_start", "The first IP address of the source range.", "sourceIPStart", holds="address"),
        text("source_ip_end", "The last IP address of the source range.", "sourceIPEnd", holds="address"),
        text("target_ip_start", "The first IP address of the target range.", "targetIPStart", holds="address"),
        text("target_ip_end", "The last IP address of the target range.", "targetIPEnd", holds="address"),
        flag("encryption_enabled", "Traffic is encrypted.", "encryptionEnabled"),
        flag("throttling_enabled", "Traffic is throttled.", "throttlingEnabled"),
        whole("throttling_value", "The throttling limit in `throttling_unit`.", "throttlingValue"),
        word(
            "throttling_unit",
            "The unit of `throttling_value`.",
            "throttlingUnit",
            known=("KbytePerSec", "MbitPerSec", "MbytePerSec"),
            renamed=(("MbitPerSpec", "MbitPerSec"),),
        ),
        flag("throttling_window_enabled", "Traffic is throttled at set hours only.", "throttlingWindowEnabled"),
    ),
    key=("traffic_rule_id",),
    also_known="throttlingWindowOptions",
    kind=ObjectKind("traffic rule", "traffic_rule_id", "name"),
)

GLOBAL_EXCLUSIONS: Final = Table(
    "global_exclusions",
    "One row per machine that no job backs up, regardless of job settings (`/globalExclusions/vm`, from 1.3-rev0 on).",
    (
        own_id("exclusion_id", "The exclusion's id.", "id"),
        text("name", "The machine's name.", "inventoryObject.name", holds="object"),
        text("object_type", "The object's type, as the server wrote it.", "inventoryObject.type", holds="word"),
        word(
            "platform",
            "The object's platform.",
            "inventoryObject.platform",
            known=("VSphere", "HyperV", "CloudDirector", "Agent", "Nutanix", "Proxmox"),
        ),
        text("host_name", "The server that manages the machine.", "inventoryObject.hostName", holds="host"),
        text(
            "object_id",
            "The object's id on its platform.",
            "inventoryObject.objectId",
            "inventoryObject.id",
            holds="id",
        ),
        text("note", "Why the machine is excluded.", "note", holds="prose"),
    ),
    key=("exclusion_id",),
    kind=ObjectKind("global exclusion", "exclusion_id", "name"),
)

CARDS: Final = (
    Dataset(
        CONFIG_BACKUP,
        "Configuration backup",
        "configBackup",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        sensitive=True,
    ),
    Dataset(
        GENERAL_OPTIONS,
        "General options",
        "generalOptions",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        sensitive=True,
    ),
    Dataset(
        EMAIL_SETTINGS,
        "E-mail settings",
        "generalOptions/emailSettings",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        first_revision="1.3-rev1",
        sensitive=True,
        accounts=("userId", "from", "to"),
    ),
    Dataset(
        NOTIFICATION_SETTINGS,
        "Notification settings",
        "generalOptions/notifications",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        first_revision="1.3-rev1",
    ),
    Dataset(
        EVENT_FORWARDING,
        "Event forwarding",
        "generalOptions/eventForwarding",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        first_revision="1.3-rev1",
        sensitive=True,
    ),
    Dataset(
        TRAFFIC_RULES,
        "Network traffic rules",
        "trafficRules",
        Shape.LIST,
        roles.ADMINISTRATOR,
        rows_at="trafficRules",
        sensitive=True,
    ),
    Dataset(
        GLOBAL_EXCLUSIONS,
        "Global VM exclusions",
        "globalExclusions/vm",
        access=roles.ADMINISTRATOR,
        first_revision="1.3-rev0",
        order="Name",
    ),
)
