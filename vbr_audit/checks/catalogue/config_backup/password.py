"""The check of the password that the configuration backup is encrypted with."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from vbr_audit.checks.catalogue.ages import OLDEST, TOO_OLD, MaxAge, fresh
from vbr_audit.checks.engine.outcome import Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import beside, surely_not, worded

_KEY = {"encryption_password_id": "password-1"}
_OTHER_KEY = {"encryption_password_id": "password-2"}
_UNNAMED = {"encryption_password_id": None}
_SEALED = {**_KEY, "encryption_enabled": True}


@check(
    "CFG-008",
    "The password of the configuration backup was changed within a year",
    severity="medium",
    tables=("servers", "config_backup", "encryption_passwords"),
    reads=(
        "encryption_passwords.modified",
        "encryption_passwords.encryption_password_id",
        "config_backup.encryption_password_id",
        "config_backup.encryption_enabled",
        "config_backup.server",
        "server",
    ),
    json_path="encryption.passwordId",
    expected="last changed at most {max_age_days} days ago",
    failure="{has} a configuration backup password that was last changed more than {max_age_days} days ago",
    consequence="could have {its} configuration backup opened by somebody who has left",
    remediation="Main menu > Configuration Backup > Passwords: add a new one, select it, and keep it in a safe.",
    examples=(
        Example("PASS", {}, {"config_backup": [_SEALED], "encryption_passwords": [{**_KEY, **OLDEST}]}),
        Example(
            "PASS",
            {},
            {"config_backup": [_SEALED], "encryption_passwords": [{**_OTHER_KEY, **TOO_OLD}, {**_KEY, **OLDEST}]},
        ),
        Example("FAIL", {}, {"config_backup": [_SEALED], "encryption_passwords": [{**_KEY, **TOO_OLD}]}),
        Example(
            "FAIL",
            {},
            {"config_backup": [_SEALED], "encryption_passwords": [{**_KEY, "modified": hours_ago(48)}]},
            params={"max_age_days": 1},
        ),
        Example("UNKNOWN", {}, {"config_backup": [_SEALED], "encryption_passwords": [_KEY]}),
        Example("UNKNOWN", {}, {"config_backup": [_SEALED], "encryption_passwords": [{**_OTHER_KEY, **OLDEST}]}),
        Example(
            "UNKNOWN",
            {},
            {"config_backup": [{**_SEALED, **_UNNAMED}], "encryption_passwords": [{**_KEY, **OLDEST}]},
        ),
        Example("UNKNOWN", {}, {"config_backup": [_KEY], "encryption_passwords": [{**_KEY, **OLDEST}]}),
        Example("UNKNOWN", {}, {"config_backup": [_SEALED]}, datasets={"encryption_passwords": "denied"}),
        Example("UNKNOWN", {}),
        Example("NOT_APPLICABLE", {}, {"config_backup": [{**_SEALED, "encryption_enabled": False}]}),
    ),
)
def config_password_fresh(
    servers: pd.DataFrame,
    config_backup: pd.DataFrame,
    passwords: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_days: MaxAge = 365,
) -> Outcome:
    """It decrypts every password and key of the server, and a password that nobody types for years is easily lost."""
    settings = beside(servers["server"], config_backup, "server")
    on, password = settings["encryption_enabled"], settings["encryption_password_id"]
    record = beside(password, passwords, "encryption_password_id")
    answer = fresh(record["modified"], "last changed", now, max_age_days)
    return explained(
        Outcome(
            answer.ok,
            observed=answer.observed,
            applies=on,
            reason=worded(
                servers.index,
                (surely_not(on), "it is not encrypted; see CFG-002"),
                (on.isna(), "whether it is encrypted is not reported"),
                (password.isna(), "which password encrypts it is not reported"),
                (record["encryption_password_id"].isna(), "its password is not among the encryption passwords"),
                default=answer.reason,
            ),
        )
    )
