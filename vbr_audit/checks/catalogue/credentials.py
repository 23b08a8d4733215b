"""Checks of stored credentials and passwords: how old they are, and what they can do."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.security_words import explained
from vbr_audit.checks.dates import hours_between, minute_text, older_than
from vbr_audit.checks.logic import beside, nullable, one_of, surely, texts, worded
from vbr_audit.checks.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.params import param
from vbr_audit.checks.registry import check

_TYPES: Final = ("Standard", "Linux", "ManagedService")
_MANAGED = {"type": "ManagedService"}
_LINUX = {"type": "Linux"}
_LIMIT = 365 * 24
_FUTURE = {"created": hours_ago(-72)}
_OLDEST = {"modified": hours_ago(_LIMIT)}
_TOO_OLD = {"modified": hours_ago(_LIMIT + 1)}
_KEY = {"encryption_password_id": "password-1"}
_OTHER_KEY = {"encryption_password_id": "password-2"}
_UNNAMED = {"encryption_password_id": None}
_SEALED = {**_KEY, "encryption_enabled": True}

MaxAge = Annotated[int, param("Age up to which a password or key is good.", unit="days", ge=1)]


@check(
    "SEC-008",
    "Records of stored credentials were made within a year",
    severity="info",
    table="credentials",
    reads=("created", "type"),
    json_path="creationTime",
    expected="a record made at most {max_age_days} days ago; the age of the password is not told",
    remediation="Main menu > Credentials and Passwords > Datacenter Credentials: set a new password; note the date.",
    examples=(
        Example("PASS", {"type": "Standard", "created": hours_ago(_LIMIT)}),
        Example("PASS", {"type": "Linux", "created": hours_ago(1)}),
        Example("FAIL", {"type": "Standard", "created": hours_ago(_LIMIT + 1)}),
        Example("FAIL", {"type": "Standard", "created": hours_ago(48)}, params={"max_age_days": 1}),
        Example("UNKNOWN", {"type": "Standard", "created": None}),
        Example("UNKNOWN", {"type": "Standard", **_FUTURE}),
        Example("UNKNOWN", {"type": "Smartcard", "created": hours_ago(1)}),
        Example("NOT_APPLICABLE", {**_MANAGED, "created": hours_ago(_LIMIT + 1)}),
    ),
)
def credentials_fresh(credentials: pd.DataFrame, *, now: dt.datetime, max_age_days: MaxAge = 365) -> Outcome:
    """An old record may hold an old password, which former staff know and old backups hold.

    The server tells the age of the record, not that of the password: a young record is surely good, an old one may
    hold a new password, which only its owner can show. So an old one is a hint to look, no fault.
    """
    kind = credentials["type"]
    managed, known = surely(kind == "ManagedService"), surely(one_of(kind, _TYPES))
    answer = _fresh(
        credentials["created"], "record made", now, max_age_days, "; when the password was last changed is not told"
    )
    return explained(
        Outcome(
            answer.ok.mask(~known),
            observed=answer.observed,
            applies=nullable(~managed, np.zeros(len(credentials), dtype=bool), credentials.index),
            reason=worded(
                credentials.index,
                (managed, "the domain changes the password of a managed service account by itself"),
                (kind.isna(), "type is missing in the answer"),
                (~known, "the server names a type of credentials that this check does not know"),
                default=answer.reason,
            ),
        )
    )


@check(
    "SEC-009",
    "Keys of cloud credentials are changed once a year",
    severity="medium",
    table="cloud_credentials",
    reads=("last_modified",),
    json_path="lastModified",
    expected="last changed at most {max_age_days} days ago",
    remediation="Main menu > Credentials and Passwords > Cloud Credentials: make a new key, enter it, revoke the old.",
    examples=(
        Example("PASS", {"last_modified": hours_ago(_LIMIT)}),
        Example("FAIL", {"last_modified": hours_ago(_LIMIT + 1)}),
        Example("FAIL", {"last_modified": hours_ago(48)}, params={"max_age_days": 1}),
        Example("UNKNOWN", {"last_modified": None}),
        Example("UNKNOWN", {"last_modified": hours_ago(-72)}),
    ),
)
def cloud_keys_fresh(credentials: pd.DataFrame, *, now: dt.datetime, max_age_days: MaxAge = 365) -> Outcome:
    """A cloud key works from everywhere: whoever once copied it can read, and often delete, the copies in the cloud."""
    return _fresh(credentials["last_modified"], "last changed", now, max_age_days)


@check(
    "SEC-010",
    "Encryption passwords are changed once a year",
    severity="medium",
    table="encryption_passwords",
    reads=("modified",),
    json_path="modificationTime",
    expected="last changed at most {max_age_days} days ago",
    remediation="Main menu > Credentials and Passwords > Encryption Passwords: add a new one; choose it in the jobs.",
    examples=(
        Example("PASS", {"modified": hours_ago(_LIMIT)}),
        Example("FAIL", {"modified": hours_ago(_LIMIT + 1)}),
        Example("FAIL", {"modified": hours_ago(48)}, params={"max_age_days": 1}),
        Example("UNKNOWN", {"modified": None}),
        Example("UNKNOWN", {"modified": hours_ago(-72)}),
    ),
)
def encryption_passwords_fresh(passwords: pd.DataFrame, *, now: dt.datetime, max_age_days: MaxAge = 365) -> Outcome:
    """One password opens every backup made with it: the longer it is used, the more is lost with it."""
    return _fresh(passwords["modified"], "last changed", now, max_age_days)


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
    remediation="Main menu > Configuration Backup > Passwords: add a new one, choose it, and keep it in the safe.",
    examples=(
        Example("PASS", {}, {"config_backup": [_SEALED], "encryption_passwords": [{**_KEY, **_OLDEST}]}),
        Example(
            "PASS",
            {},
            {"config_backup": [_SEALED], "encryption_passwords": [{**_OTHER_KEY, **_TOO_OLD}, {**_KEY, **_OLDEST}]},
        ),
        Example("FAIL", {}, {"config_backup": [_SEALED], "encryption_passwords": [{**_KEY, **_TOO_OLD}]}),
        Example(
            "FAIL",
            {},
            {"config_backup": [_SEALED], "encryption_passwords": [{**_KEY, "modified": hours_ago(48)}]},
            params={"max_age_days": 1},
        ),
        Example("UNKNOWN", {}, {"config_backup": [_SEALED], "encryption_passwords": [_KEY]}),
        Example("UNKNOWN", {}, {"config_backup": [_SEALED], "encryption_passwords": [{**_OTHER_KEY, **_OLDEST}]}),
        Example(
            "UNKNOWN",
            {},
            {"config_backup": [{**_SEALED, **_UNNAMED}], "encryption_passwords": [{**_KEY, **_OLDEST}]},
        ),
        Example("UNKNOWN", {}, {"config_backup": [_KEY], "encryption_passwords": [{**_KEY, **_OLDEST}]}),
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
    """It opens every password and key that the server holds; and one that nobody typed for years is easily lost."""
    found = beside(servers["server"], config_backup, "server")
    on, password = found["encryption_enabled"], found["encryption_password_id"]
    record = beside(password, passwords, "encryption_password_id")
    answer = _fresh(record["modified"], "last changed", now, max_age_days)
    return explained(
        Outcome(
            answer.ok,
            observed=answer.observed,
            applies=on,
            reason=worded(
                servers.index,
                (surely(~on), "it is not encrypted; see CFG-002"),
                (on.isna(), "whether it is encrypted is not told"),
                (password.isna(), "which password encrypts it is not told"),
                (record["encryption_password_id"].isna(), "its password is not among the encryption passwords"),
                default=answer.reason,
            ),
        )
    )


@check(
    "SEC-011",
    "Linux servers are reached by key, not by password",
    severity="medium",
    table="credentials",
    reads=("authentication_type", "type"),
    json_path="authenticationType",
    expected="SshKey",
    remediation="Main menu > Credentials and Passwords: add a Linux private key; use it in place of the password.",
    examples=(
        Example("PASS", {**_LINUX, "authentication_type": "SshKey"}),
        Example("FAIL", {**_LINUX, "authentication_type": "Password"}),
        Example("UNKNOWN", {**_LINUX, "authentication_type": None}),
        Example("UNKNOWN", {**_LINUX, "authentication_type": "Certificate"}),
        Example("UNKNOWN", {"type": None, "authentication_type": "SshKey"}),
        Example("UNKNOWN", {"type": "Smartcard", "authentication_type": "SshKey"}),
        Example("NOT_APPLICABLE", {"type": "Standard"}),
        Example("NOT_APPLICABLE", _MANAGED),
    ),
)
def linux_by_key(credentials: pd.DataFrame) -> Outcome:
    """A password can be guessed, reused and read along; a private key cannot, and it never crosses the network."""
    way = credentials["authentication_type"]
    return explained(
        Outcome(
            (way == "SshKey").mask(~surely(one_of(way, ("SshKey", "Password")))),
            observed=way,
            applies=_is_linux(credentials),
            reason=_linux_reason(
                credentials,
                (way.isna(), "authenticationType is missing in the answer"),
                (way.notna(), "the server names a way to sign in that this check does not know"),
            ),
        )
    )


@check(
    "SEC-012",
    "Linux credentials are not raised to root",
    severity="low",
    table="credentials",
    reads=("elevate_to_root", "add_to_sudoers", "type"),
    json_path="elevateToRoot",
    expected="neither raised to root nor added to sudoers",
    remediation="Main menu > Credentials and Passwords > Edit: clear the elevation; let single-use credentials deploy.",
    examples=(
        Example("PASS", {**_LINUX, "elevate_to_root": False, "add_to_sudoers": False}),
        Example("FAIL", {**_LINUX, "elevate_to_root": True, "add_to_sudoers": False}),
        Example("FAIL", {**_LINUX, "elevate_to_root": False, "add_to_sudoers": True}),
        Example("FAIL", {**_LINUX, "elevate_to_root": True, "add_to_sudoers": True}),
        Example("UNKNOWN", {**_LINUX, "elevate_to_root": None, "add_to_sudoers": False}),
        Example("UNKNOWN", {"type": None, "elevate_to_root": False, "add_to_sudoers": False}),
        Example("NOT_APPLICABLE", {"type": "Standard"}),
    ),
)
def linux_without_root(credentials: pd.DataFrame) -> Outcome:
    """Whoever takes over the backup server is root on every machine to which such credentials lead."""
    root, sudoers = credentials["elevate_to_root"], credentials["add_to_sudoers"]
    return explained(
        Outcome(
            ~(root | sudoers),
            observed=worded(
                credentials.index,
                (root & sudoers, "raised to root, and added to sudoers"),
                (root, "raised to root"),
                (sudoers, "added to sudoers"),
                (~root & ~sudoers, "not raised to root"),
            ),
            applies=_is_linux(credentials),
            reason=_linux_reason(credentials, default="elevateToRoot or addToSudoers is missing in the answer"),
        )
    )


_FUTURE_DATE: Final = "the date lies in the future"


def _fresh(changed: pd.Series, what: str, now: dt.datetime, max_age_days: int, caveat: str = "") -> Outcome:
    """Good up to `max_age_days` after `changed`; too old ones get the `caveat` behind their words."""
    old = older_than(changed, dt.timedelta(days=max_age_days), now=now)
    days = np.maximum(hours_between(changed, now).fillna(0).to_numpy(dtype=float) / 24, 0)
    seen = [f"{what} {at} ({age:,.0f} days ago)" for at, age in zip(minute_text(changed), days, strict=True)]
    words = texts(np.array(seen, dtype=object), changed.index)
    return explained(
        Outcome(
            ~old,
            observed=worded(changed.index, (old, words + caveat), (changed.notna(), words)),
            reason=worded(changed.index, (changed.isna(), "the date is missing in the answer"), default=_FUTURE_DATE),
        )
    )


def _is_linux(credentials: pd.DataFrame) -> pd.Series:
    """Whether each record is of Linux; NA for a type that is missing or not known."""
    return (credentials["type"] == "Linux").mask(~surely(one_of(credentials["type"], _TYPES)))


def _linux_reason(credentials: pd.DataFrame, *cases: tuple[object, str], default: object = pd.NA) -> pd.Series:
    """Why a record is set aside, else the `cases`."""
    linux = _is_linux(credentials)
    return worded(
        credentials.index,
        (surely(~linux), "these are not credentials of Linux"),
        (linux.isna(), "the type is missing in the answer, or not known to this check"),
        *cases,
        default=default,
    )
