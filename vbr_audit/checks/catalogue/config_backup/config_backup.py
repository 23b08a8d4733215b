"""Checks of the backup of the server's own configuration."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.security.notifications import server_mail
from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import hours_between, minute_text, older_than
from vbr_audit.checks.logic.three_valued import beside, one_of, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_known

_MENU: Final = "Main menu > Configuration Backup"
_DAY_H: Final = 24
_GLOBAL_MAIL: Final = {"email_enabled": True, "email_settings_type": "Global"}
_OWN_MAIL: Final = {"email_enabled": True, "email_settings_type": "Custom", "email_on_failure": True}
_NO_TRAPS: Final = {"snmp_enabled": False}
_SERVER_MAIL: Final = {"email_settings": [{"is_enabled": True}]}


def _unless(answer: pd.Series) -> pd.Series:
    """Why an answer is not known; NA where it is."""
    return worded(answer.index, (answer.isna(), "the server does not report it of the configuration backup"))


@check(
    "CFG-001",
    "The configuration backup is enabled",
    severity="critical",
    tables=("servers", "config_backup"),
    reads=("config_backup.is_enabled", "server", "config_backup.server"),
    json_path="isEnabled",
    expected="on",
    failure="{has} the configuration backup disabled",
    consequence="could lose all {its} jobs, settings and stored passwords",
    remediation=f"{_MENU} > Enable configuration backup: choose a repository on another machine.",
    examples=(
        Example("PASS", {}, {"config_backup": [{"is_enabled": True}]}),
        Example("FAIL", {}, {"config_backup": [{"is_enabled": False}]}),
        Example("UNKNOWN", {}, {"config_backup": [{"is_enabled": None}]}),
        Example("UNKNOWN", {}),
        Example("UNKNOWN", {}, datasets={"config_backup": "denied"}),
    ),
)
def config_backup_enabled(servers: pd.DataFrame, config_backup: pd.DataFrame) -> Outcome:
    """Without it, a lost backup server must be set up manually, job by job, while restores wait."""
    on = beside(servers["server"], config_backup, "server")["is_enabled"]
    return Outcome(on, observed=worded(servers.index, (on, "on"), (~on, "off")), reason=_unless(on))


@check(
    "CFG-002",
    "The configuration backup is encrypted",
    severity="high",
    tables=("servers", "config_backup"),
    reads=("config_backup.encryption_enabled", "server", "config_backup.server"),
    json_path="encryption.isEnabled",
    expected="encrypted",
    failure="{does} not encrypt {its} configuration backup",
    consequence="could come back without {its} stored passwords after a rebuild",
    remediation=f"{_MENU} > Encrypt configuration backup: enable it; store the password outside the server.",
    examples=(
        Example("PASS", {}, {"config_backup": [{"encryption_enabled": True}]}),
        Example("FAIL", {}, {"config_backup": [{"encryption_enabled": False}]}),
        Example("UNKNOWN", {}, {"config_backup": [{"encryption_enabled": None}]}),
        Example("UNKNOWN", {}),
    ),
)
def config_backup_encrypted(servers: pd.DataFrame, config_backup: pd.DataFrame) -> Outcome:
    """Only an encrypted backup contains passwords and keys: without them, a restored server cannot open anything."""
    on = beside(servers["server"], config_backup, "server")["encryption_enabled"]
    return Outcome(on, observed=worded(servers.index, (on, "encrypted"), (~on, "not encrypted")), reason=_unless(on))


@check(
    "CFG-003",
    "The configuration backup succeeded recently",
    severity="high",
    tables=("servers", "config_backup"),
    reads=("config_backup.last_success", "server", "config_backup.server"),
    json_path="lastSuccessfulBackup.lastSuccessfulTime",
    failure="last backed up {its} configuration successfully too long ago",
    consequence="could come back with outdated settings after a loss",
    remediation=f"{_MENU} > Backup now: read the error of its session in History, and fix it.",
    examples=(
        Example("PASS", {}, {"config_backup": [{"last_success": hours_ago(24 * 7)}]}),
        Example("FAIL", {}, {"config_backup": [{"last_success": hours_ago(24 * 7 + 1)}]}, severity="medium"),
        Example("FAIL", {}, {"config_backup": [{"last_success": hours_ago(24 * 14)}]}, severity="medium"),
        Example("FAIL", {}, {"config_backup": [{"last_success": hours_ago(24 * 14 + 1)}]}, severity="high"),
        Example("UNKNOWN", {}, {"config_backup": [{"last_success": None}]}),
        Example("UNKNOWN", {}, {"config_backup": [{"last_success": hours_ago(-48)}]}),
        Example("UNKNOWN", {}),
    ),
)
def config_backup_recent(
    servers: pd.DataFrame,
    config_backup: pd.DataFrame,
    *,
    now: dt.datetime,
    warn_days: Annotated[int, param("Age above which it fails with medium severity.", unit="days", ge=1)] = 7,
    max_days: Annotated[int, param("Age above which it fails with full severity.", unit="days", ge=1)] = 14,
) -> Outcome:
    """The last configuration backup does not contain jobs, credentials and keys that were added after it.

    The server omits the date if no backup ever succeeded, and also if it does not know: the two cases look the same.
    """
    last = beside(servers["server"], config_backup, "server")["last_success"]
    limit = min(warn_days, max_days)
    old = older_than(last, dt.timedelta(days=limit), now=now)
    very_old = older_than(last, dt.timedelta(days=max_days), now=now)
    ages = np.maximum(hours_between(last, now).fillna(0) / _DAY_H, 0)
    seen = [f"{at} ({age:.1f} days ago)" for at, age in zip(minute_text(last), ages, strict=True)]
    return Outcome(
        ~old,
        observed=worded(servers.index, (last.notna(), seen)),
        expected=f"at most {limit} days ago; above {max_days} days it weighs in full",
        severity=worded(servers.index, (old & ~very_old, "medium")),
        reason=worded(
            servers.index,
            (old.notna(), pd.NA),
            (last.isna(), "the server names no successful configuration backup"),
            default="the last success lies in the future",
        ),
    )


@check(
    "CFG-005",
    "The configuration backup is scheduled and keeps enough restore points",
    severity="medium",
    tables=("servers", "config_backup"),
    reads=(
        "config_backup.is_scheduled",
        "config_backup.restore_points_to_keep",
        "server",
        "config_backup.server",
    ),
    json_path="schedule",
    expected="scheduled, ≥ {min_points} restore points",
    failure="{has} an unscheduled configuration backup, or one with fewer than {min_points} restore points",
    consequence="could be left without a configuration to go back to",
    remediation=f"{_MENU} > Schedule: run it daily; Restore points to keep: increase the number.",
    examples=(
        Example("PASS", {}, {"config_backup": [{"is_scheduled": True, "restore_points_to_keep": 10}]}),
        Example("FAIL", {}, {"config_backup": [{"is_scheduled": True, "restore_points_to_keep": 9}]}),
        Example("FAIL", {}, {"config_backup": [{"is_scheduled": False, "restore_points_to_keep": 10}]}),
        Example("UNKNOWN", {}, {"config_backup": [{"is_scheduled": True}]}),
        Example("UNKNOWN", {}, {"config_backup": [{"restore_points_to_keep": 10}]}),
        Example("UNKNOWN", {}),
    ),
)
def config_backup_kept(
    servers: pd.DataFrame,
    config_backup: pd.DataFrame,
    *,
    min_points: Annotated[int, param("Minimum number of restore points to keep.", unit="restore points", ge=1)] = 10,
) -> Outcome:
    """A fault in the configuration is often found late: an older restore point must still be available."""
    settings = beside(servers["server"], config_backup, "server")
    scheduled, points = settings["is_scheduled"], settings["restore_points_to_keep"]
    known = are_known(scheduled) & are_known(points)
    seen = [
        f"{'scheduled' if by_itself else 'not scheduled'}, {number} restore point{'' if number == 1 else 's'}"
        for by_itself, number in zip(surely(scheduled), points.fillna(0), strict=True)
    ]
    ok = scheduled & (points >= min_points)
    return Outcome(
        ok,
        observed=worded(
            servers.index,
            (known, seen),
            (~scheduled, "not scheduled"),
            (points.notna(), [f"{number} restore points" for number in points.fillna(0)]),
        ),
        reason=_unless(ok),
    )


@check(
    "CFG-007",
    "A failed configuration backup is reported by e-mail or SNMP",
    severity="low",
    tables=("servers", "config_backup", "general_options", "email_settings"),
    fallback=("general_options", "email_settings"),
    reads=(
        "config_backup.email_enabled",
        "config_backup.email_settings_type",
        "config_backup.email_on_failure",
        "config_backup.snmp_enabled",
        "general_options.email_enabled",
        "general_options.smtp_server",
        "email_settings.is_enabled",
        "email_settings.smtp_server",
        "server",
        "config_backup.server",
    ),
    json_path="notifications",
    expected="an e-mail on failure, or SNMP traps",
    failure="{does} not report a failed configuration backup by e-mail or SNMP",
    consequence="could be without a configuration backup for weeks before anybody knows",
    remediation=f"{_MENU} > Notifications: enable e-mail, at least on failure; or enable SNMP traps.",
    examples=(
        Example("PASS", {}, {"config_backup": [{"snmp_enabled": True}]}),
        Example("PASS", {}, {"config_backup": [_GLOBAL_MAIL], **_SERVER_MAIL}),
        Example("PASS", {}, {"config_backup": [_OWN_MAIL], "general_options": [{"email_enabled": True}]}),
        Example("FAIL", {}, {"config_backup": [_OWN_MAIL | _NO_TRAPS], "email_settings": [{"is_enabled": False}]}),
        Example("FAIL", {}, {"config_backup": [_GLOBAL_MAIL | _NO_TRAPS], "email_settings": [{"is_enabled": False}]}),
        Example("UNKNOWN", {}, {"config_backup": [_OWN_MAIL | _NO_TRAPS]}),
        Example(
            "FAIL",
            {},
            {
                "config_backup": [
                    {
                        "email_enabled": True,
                        "email_settings_type": "Custom",
                        "email_on_failure": False,
                        "snmp_enabled": False,
                    }
                ],
                **_SERVER_MAIL,
            },
        ),
        Example("FAIL", {}, {"config_backup": [{"email_enabled": False, "snmp_enabled": False}]}),
        Example("UNKNOWN", {}, {"config_backup": [_GLOBAL_MAIL | {"email_settings_type": "Owl"}], **_SERVER_MAIL}),
        Example("UNKNOWN", {}, {"config_backup": [_OWN_MAIL | {"email_settings_type": "Owl"}], **_SERVER_MAIL}),
        Example("UNKNOWN", {}, {"config_backup": [{"email_enabled": False}]}),
        Example("UNKNOWN", {}),
    ),
)
def config_backup_tells(
    servers: pd.DataFrame, config_backup: pd.DataFrame, options: pd.DataFrame, settings: pd.DataFrame
) -> Outcome:
    """Without a notification, a configuration backup can fail for months before anybody notices.

    Its e-mail uses the server's mail settings: while these are disabled, no e-mail is sent. What the server's own
    settings report is checked separately.
    """
    backups = beside(servers["server"], config_backup, "server")
    kind = backups["email_settings_type"]
    notified = ((kind == "Global") | backups["email_on_failure"]).where(surely(one_of(kind, ("Global", "Custom"))))
    sent, traps = server_mail(servers.index, options, settings), backups["snmp_enabled"]
    mail = backups["email_enabled"] & notified & sent
    ok = mail | traps
    return Outcome(
        ok,
        observed=worded(
            servers.index,
            (mail & traps, "e-mail and SNMP traps"),
            (mail, "e-mail"),
            (traps, "SNMP traps"),
            (backups["email_enabled"] & surely_not(sent), "e-mail, but the server sends none"),
            (backups["email_enabled"] & ~mail, "e-mail, but not on failure"),
            (~mail, "neither e-mail nor SNMP traps"),
        ),
        reason=_unless(ok).mask(
            surely(ok.isna() & notified & sent.isna()), "whether the server sends mail was not readable"
        ),
    )
