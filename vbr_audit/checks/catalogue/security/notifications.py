"""Checks of what the server reports by e-mail, and whether it can send any."""

from __future__ import annotations

from typing import Annotated

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import beside, surely, surely_not, worded

_OLD_MAIL = {"email_enabled": True, "email_on_failure": True, "email_on_success": True}
_NEW_MAIL = {"is_enabled": True, "email_on_failure": True, "email_on_success": True}
_BOTH = {"demand_success": True}
_NOTICES = {"storage_space_notice": True, "support_expiration_notice": True, "updates_notice": True}


@check(
    "SEC-018",
    "The server reports failures by e-mail",
    severity="medium",
    tables=("servers", "general_options", "email_settings"),
    fallback=("general_options", "email_settings"),
    reads=(
        "email_settings.is_enabled",
        "email_settings.email_on_failure",
        "email_settings.email_on_success",
        "general_options.email_enabled",
        "general_options.email_on_failure",
        "general_options.email_on_success",
        "server",
        "general_options.server",
        "email_settings.server",
    ),
    json_path="notificationEnabled",
    failure="{does} not send the e-mail notifications that are required",
    consequence="could let failures go unnoticed",
    remediation="Main menu > Options > E-mail Settings: enable notifications, at least on failure.",
    examples=(
        Example("PASS", {}, {"general_options": [_OLD_MAIL]}, params=_BOTH),
        Example("PASS", {}, {"email_settings": [_NEW_MAIL]}, params=_BOTH),
        Example("PASS", {}, {"email_settings": [{"is_enabled": True, "email_on_failure": True}]}),
        Example("FAIL", {}, {"general_options": [{"email_enabled": False}]}),
        Example("FAIL", {}, {"general_options": [_OLD_MAIL], "email_settings": [{**_NEW_MAIL, "is_enabled": False}]}),
        Example("FAIL", {}, {"email_settings": [{**_NEW_MAIL, "email_on_failure": False}]}),
        Example("FAIL", {}, {"email_settings": [{**_NEW_MAIL, "email_on_success": False}]}, params=_BOTH),
        Example("UNKNOWN", {}, {"email_settings": [{**_NEW_MAIL, "email_on_success": None}]}, params=_BOTH),
        Example("UNKNOWN", {}, datasets={"general_options": "denied", "email_settings": "absent"}),
    ),
)
def reported_by_mail(
    servers: pd.DataFrame,
    options: pd.DataFrame,
    settings: pd.DataFrame,
    *,
    demand_success: Annotated[bool, param("Whether success must be reported too.")] = False,
) -> Outcome:
    """Without a notification, a failure stays unnoticed until a restore.

    If success is reported too, a missing e-mail is a sign; but nobody reads many e-mails a day, so this is optional.
    """
    older, newer = beside(servers["server"], options, "server"), beside(servers["server"], settings, "server")
    enabled = newer["is_enabled"].fillna(older["email_enabled"])
    failure = newer["email_on_failure"].fillna(older["email_on_failure"])
    success = newer["email_on_success"].fillna(older["email_on_success"])
    wanted = failure & success if demand_success else failure
    return explained(
        Outcome(
            enabled & wanted,
            observed=worded(
                servers.index,
                (surely_not(enabled), "off"),
                (surely_not(failure), "on, but failure is not reported"),
                (surely_not(success) & demand_success, "on; failure is reported, success is not"),
                (
                    enabled & wanted,
                    "on; failure and success are reported" if demand_success else "on; failure is reported",
                ),
            ),
            expected="on; failure and success are reported" if demand_success else "on; failure is reported",
            reason="whether mail is sent, and of what, is not reported",
        )
    )


@check(
    "SEC-019",
    "The server warns about low space, updates and the end of support",
    severity="low",
    tables=("servers", "general_options", "notification_settings"),
    fallback=("general_options", "notification_settings"),
    reads=(
        "notification_settings.storage_space_notice",
        "notification_settings.support_expiration_notice",
        "notification_settings.updates_notice",
        "general_options.storage_space_notice",
        "general_options.support_expiration_notice",
        "general_options.updates_notice",
        "server",
        "general_options.server",
        "notification_settings.server",
    ),
    json_path="notifications",
    expected="all three on",
    failure="{has} a warning of little space, of updates or of the end of support disabled",
    consequence="could run out of space or support without a warning",
    remediation="Main menu > Options > Notifications: enable them for backup storage, support contract and updates.",
    examples=(
        Example("PASS", {}, {"general_options": [_NOTICES]}),
        Example("PASS", {}, {"notification_settings": [_NOTICES]}),
        Example("FAIL", {}, {"notification_settings": [{**_NOTICES, "storage_space_notice": False}]}),
        Example("FAIL", {}, {"notification_settings": [{**_NOTICES, "support_expiration_notice": False}]}),
        Example("FAIL", {}, {"notification_settings": [{**_NOTICES, "updates_notice": False}]}),
        Example("UNKNOWN", {}, {"notification_settings": [{**_NOTICES, "updates_notice": None}]}),
        Example("UNKNOWN", {}, datasets={"general_options": "denied", "notification_settings": "absent"}),
    ),
)
def notices_on(servers: pd.DataFrame, options: pd.DataFrame, settings: pd.DataFrame) -> Outcome:
    """The server warns about a full repository, an update or an ended support contract only if these notices are on."""
    older, newer = beside(servers["server"], options, "server"), beside(servers["server"], settings, "server")
    space, support, updates = (newer[name].fillna(older[name]) for name in _NOTICES)
    off = pd.Series("", index=servers.index, dtype="string[python]")
    for notice, word in ((space, "space on repositories"), (support, "end of support"), (updates, "updates")):
        off = off + worded(servers.index, (surely_not(notice), f", {word}"), default="")
    return explained(
        Outcome(
            space & support & updates,
            observed=worded(
                servers.index,
                (surely(off != ""), "off: " + off.str.slice(2)),
                (space & support & updates, "all three on"),
            ),
            reason="one of the three notices is missing in the answer",
        )
    )


# Whether the server can send mail at all: all that jobs and the configuration backup send leaves over it.


def server_mail(index: pd.Index, options: pd.DataFrame, mail: pd.DataFrame) -> pd.Series:
    """Whether the server can send mail: it is on, and the name of its SMTP server, where one is reported, is not empty.

    The newer settings count before those of older revisions.
    """
    newer, older = mail["is_enabled"], options["email_enabled"]
    able = [*(newer & ~_empty(mail["smtp_server"])).dropna(), *(older & ~_empty(options["smtp_server"])).dropna()]
    return pd.Series(pd.array([able[0] if able else pd.NA] * len(index), dtype="boolean"), index=index)


def _empty(names: pd.Series) -> pd.Series:
    return (names.str.strip() == "").fillna(value=False).astype("boolean")
