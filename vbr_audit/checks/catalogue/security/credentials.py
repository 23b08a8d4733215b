"""Checks of stored credentials and passwords: how old they are, and what they can do."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.ages import YEAR_H, MaxAge, fresh
from vbr_audit.checks.engine.outcome import Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, nullable, one_of, surely, surely_not, worded

_TYPES: Final = ("Standard", "Linux", "ManagedService")
_MANAGED = {"type": "ManagedService"}
_LINUX = {"type": "Linux"}
_FUTURE = {"created": hours_ago(-72)}


@check(
    "SEC-008",
    "Stored credential records were created within a year",
    severity="info",
    table="credentials",
    reads=("created", "type"),
    json_path="creationTime",
    expected="a record made at most {max_age_days} days ago; the age of the password is not reported",
    failure="{was} made more than {max_age_days} days ago",
    consequence="could be known to people who have left",
    remediation="Main menu > Credentials and Passwords > Datacenter Credentials: set a new password; record the date.",
    examples=(
        Example("PASS", {"type": "Standard", "created": hours_ago(YEAR_H)}),
        Example("PASS", {"type": "Linux", "created": hours_ago(1)}),
        Example("FAIL", {"type": "Standard", "created": hours_ago(YEAR_H + 1)}),
        Example("FAIL", {"type": "Standard", "created": hours_ago(48)}, params={"max_age_days": 1}),
        Example("UNKNOWN", {"type": "Standard", "created": None}),
        Example("UNKNOWN", {"type": "Standard", **_FUTURE}),
        Example("UNKNOWN", {"type": "Smartcard", "created": hours_ago(1)}),
        Example("NOT_APPLICABLE", {**_MANAGED, "created": hours_ago(YEAR_H + 1)}),
    ),
)
def credentials_fresh(credentials: pd.DataFrame, *, now: dt.datetime, max_age_days: MaxAge = 365) -> Outcome:
    """An old record may contain an old password, which former staff know and old backups contain.

    The server reports the age of the record, not of the password: a recent record is certainly good, but an old one may
    contain a new password, which only its owner can confirm. An old record is therefore a reason to check, not a fault.
    """
    kind = credentials["type"]
    managed, known = surely(kind == "ManagedService"), surely(one_of(kind, _TYPES))
    answer = fresh(
        credentials["created"], "record made", now, max_age_days, "; when the password was last changed is not reported"
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
    failure="{was} last changed more than {max_age_days} days ago",
    consequence="could still be used by somebody who has left",
    remediation="Main menu > Credentials and Passwords > Cloud Credentials: create and enter a new key, then "
    "revoke the old one.",
    examples=(
        Example("PASS", {"last_modified": hours_ago(YEAR_H)}),
        Example("FAIL", {"last_modified": hours_ago(YEAR_H + 1)}),
        Example("FAIL", {"last_modified": hours_ago(48)}, params={"max_age_days": 1}),
        Example("UNKNOWN", {"last_modified": None}),
        Example("UNKNOWN", {"last_modified": hours_ago(-72)}),
    ),
)
def cloud_keys_fresh(credentials: pd.DataFrame, *, now: dt.datetime, max_age_days: MaxAge = 365) -> Outcome:
    """A cloud key works from anywhere: anyone who has copied it can read, and often delete, the copies in the cloud."""
    return fresh(credentials["last_modified"], "last changed", now, max_age_days)


@check(
    "SEC-010",
    "Encryption passwords are changed once a year",
    severity="medium",
    table="encryption_passwords",
    reads=("modified",),
    json_path="modificationTime",
    expected="last changed at most {max_age_days} days ago",
    failure="{was} last changed more than {max_age_days} days ago",
    consequence="could be known to somebody who has left",
    remediation="Main menu > Credentials and Passwords > Encryption Passwords: add a new one; select it in the jobs.",
    examples=(
        Example("PASS", {"modified": hours_ago(YEAR_H)}),
        Example("FAIL", {"modified": hours_ago(YEAR_H + 1)}),
        Example("FAIL", {"modified": hours_ago(48)}, params={"max_age_days": 1}),
        Example("UNKNOWN", {"modified": None}),
        Example("UNKNOWN", {"modified": hours_ago(-72)}),
    ),
)
def encryption_passwords_fresh(passwords: pd.DataFrame, *, now: dt.datetime, max_age_days: MaxAge = 365) -> Outcome:
    """One password opens every backup created with it: the longer it is used, the more backups depend on it."""
    return fresh(passwords["modified"], "last changed", now, max_age_days)


@check(
    "SEC-011",
    "Linux credentials use an SSH key, not a password",
    severity="medium",
    table="credentials",
    reads=("authentication_type", "type"),
    json_path="authenticationType",
    expected="SshKey",
    failure="{uses|use} a password, not an SSH key",
    consequence="could be guessed, or stolen and used again",
    remediation="Main menu > Credentials and Passwords: add a Linux private key; use it instead of the password.",
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
    """A password can be guessed, reused and intercepted; a private key cannot, and it never crosses the network."""
    way = credentials["authentication_type"]
    return explained(
        Outcome(
            (way == "SshKey").mask(~surely(one_of(way, ("SshKey", "Password")))),
            observed=named(way, "word"),
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
    "Linux credentials are not elevated to root",
    severity="low",
    table="credentials",
    reads=("elevate_to_root", "add_to_sudoers", "type"),
    json_path="elevateToRoot",
    expected="neither raised to root nor added to sudoers",
    failure="{is} raised to root or added to sudoers",
    consequence="could give an intruder full control of a host",
    remediation="Main menu > Credentials and Passwords > Edit: disable elevation to root; use single-use credentials.",
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
    """Anyone who takes over the backup server is root on every machine that accepts such credentials."""
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


def _is_linux(credentials: pd.DataFrame) -> pd.Series:
    """Whether each record is of Linux; NA for a type that is missing or not known."""
    return (credentials["type"] == "Linux").mask(~surely(one_of(credentials["type"], _TYPES)))


def _linux_reason(credentials: pd.DataFrame, *cases: tuple[object, str], default: object = pd.NA) -> pd.Series:
    """Why a record is set aside, else the `cases`."""
    linux = _is_linux(credentials)
    return worded(
        credentials.index,
        (surely_not(linux), "these are not credentials of Linux"),
        (linux.isna(), "the type is missing in the answer, or not known to this check"),
        *cases,
        default=default,
    )
