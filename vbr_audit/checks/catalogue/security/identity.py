"""Checks of who may sign in, and with which rights."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import (
    all_of,
    any_of,
    beside,
    listed,
    named,
    nullable,
    number_of,
    one_of,
    places_of,
    surely,
    surely_not,
    worded,
)
from vbr_audit.datasets.roles import Role
from vbr_audit.revisions import KNOWN, is_at_least
from vbr_audit.tables.build.arrays import are_missing

_ROLES: Final = frozenset(role.value for role in Role)
_GROUPS: Final = ("InternalGroup", "ExternalGroup")
_USERS: Final = ("InternalUser", "ExternalUser")
_REPORTED_PER_USER: Final = tuple(revision for revision in KNOWN if is_at_least(revision, "1.3-rev2"))
_REPORTED_PER_SERVER: Final = tuple(revision for revision in KNOWN if revision not in _REPORTED_PER_USER)

_BUILT_IN_DOMAINS: Final = frozenset({"builtin", "vordefiniert"})
_BUILT_IN_NAMES: Final = frozenset(
    {
        "administrators",
        "administratoren",
        "administrateurs",
        "domain admins",
        "domänen-admins",
        "admins du domaine",
        "domain users",
        "domänen-benutzer",
        "utilisateurs du domaine",
        "enterprise admins",
        "organisations-admins",
        "administrateurs de l'entreprise",
        "authenticated users",
        "authentifizierte benutzer",
        "utilisateurs authentifiés",
        "users",
        "benutzer",
        "utilisateurs",
        "everyone",
        "jeder",
        "tout le monde",
    }
)
"""Groups that every Windows machine or domain has, as English, German and French ones call them."""

_REV1 = {"revision": "1.3-rev1"}
_REV2 = {"revision": "1.3-rev2"}
_SWITCH_ON = [{"mfa_enabled": True}]
_PERSON = {"mfa_enabled": True}
_PROGRAM = {"mfa_enabled": False, "is_service_account": True}
_EXPOSED = {"mfa_enabled": False, "is_service_account": False, "name": r"HANSA\k.lang"}
_ADMIN = {"type": "ExternalUser", "roles": "Veeam Backup Administrator"}
_ADMIN_GROUP = {"type": "ExternalGroup", "roles": "Veeam Backup Administrator"}
_OPERATOR = {"type": "ExternalUser", "roles": "Veeam Backup Operator"}


@check(
    "SEC-001",
    "Multi-factor authentication is required for every user",
    severity="critical",
    tables=("servers", "security_settings", "users"),
    fallback=("users",),
    reads=(
        "security_settings.mfa_enabled",
        "revision",
        "server",
        "security_settings.server",
        "users.mfa_enabled",
        "users.is_service_account",
        "users.server",
        "users.name",
    ),
    json_path="mfaEnabled",
    expected="on for the server, and for every user but service accounts",
    failure="{does} not require multi-factor authentication of every user",
    consequence="could be taken over with one stolen password",
    remediation="Main menu > Users and Roles > Security: require multi-factor authentication; then enrol every user.",
    examples=(
        Example("PASS", _REV1, {"security_settings": _SWITCH_ON}),
        Example("PASS", _REV2, {"security_settings": _SWITCH_ON, "users": [_PERSON, _PROGRAM]}),
        Example("FAIL", _REV1, {"security_settings": [{"mfa_enabled": False}]}),
        Example("FAIL", _REV2, {"security_settings": [{"mfa_enabled": False}], "users": [_PERSON]}),
        Example("FAIL", _REV2, {"security_settings": _SWITCH_ON, "users": [_PERSON, _EXPOSED]}),
        Example("UNKNOWN", _REV1, {"security_settings": [{"mfa_enabled": None}]}),
        Example("UNKNOWN", _REV2, {"security_settings": _SWITCH_ON}),
        Example("UNKNOWN", {"revision": "1.4-rev0"}, {"security_settings": _SWITCH_ON}),
        Example("UNKNOWN", _REV2, {"security_settings": _SWITCH_ON, "users": [{"name": "a"}, _PERSON]}),
        Example("UNKNOWN", _REV1, datasets={"security_settings": "denied"}),
    ),
)
def second_factor_required(servers: pd.DataFrame, settings: pd.DataFrame, users: pd.DataFrame) -> Outcome:
    """Without a second factor, a stolen password is enough to open the console and delete every backup.

    Before 1.3-rev2, the server reports only its server-wide setting. From 1.3-rev2 on, each account counts, and so does
    a group, since its members sign in under its rules. Service accounts are exempt: programs cannot give a second
    factor.
    """
    index, switch = servers.index, beside(servers["server"], settings, "server")["mfa_enabled"]
    owner = places_of(users["server"], servers["server"])
    safe = users["mfa_enabled"] | users["is_service_account"]
    per_user = surely(one_of(servers["revision"], _REPORTED_PER_USER))
    per_server = surely(one_of(servers["revision"], _REPORTED_PER_SERVER))
    listed_at_all = _counts(owner, np.ones(len(users), dtype=bool), index) > 0
    everyone = all_of(owner, safe, index).mask(per_server, True)
    everyone = everyone.mask(~(per_server | (per_user & listed_at_all)))
    without = listed(owner, users["name"].where(surely_not(safe)), index, holds="user", limit=5)
    without = without.fillna("accounts that are not named")
    exempt = _counts(owner, surely(users["is_service_account"]), index).tolist()
    return explained(
        Outcome(
            switch & everyone,
            observed=worded(
                index,
                (surely_not(switch), "off for the whole server"),
                (surely(switch & ~everyone), "on for the server, but these sign in without it: " + without),
                (surely(switch) & per_server, "on for the server; this revision does not report it of each user"),
                (
                    switch & everyone,
                    [f"on for every user; service accounts that are exempt: {count}" for count in exempt],
                ),
            ),
            reason=worded(
                index,
                (switch.isna(), "whether the server requires a second factor is not reported"),
                default="which accounts need a second factor is not reported for all of them",
            ),
        )
    )


@check(
    "SEC-004",
    "Only a few accounts are Backup Administrators",
    severity="medium",
    tables=("servers", "users"),
    aggregates=("users",),
    reads=("users.roles", "users.type", "server", "users.server", "users.name"),
    json_path="roles",
    expected="1 to {max_administrators} accounts, groups not among them",
    failure="{has} more than {max_administrators} Backup Administrators",
    consequence="could be damaged through any of many accounts",
    remediation="Main menu > Users and Roles: give each user the role that they need; keep administrators few.",
    examples=(
        Example("PASS", {}, {"users": [_ADMIN, _OPERATOR]}),
        Example("PASS", {}, {"users": [_ADMIN] * 5}),
        Example("FAIL", {}, {"users": [_ADMIN] * 6}),
        Example("FAIL", {}, {"users": [_ADMIN] * 6 + [{"type": "ExternalUser", "roles": "Night shift"}]}),
        Example("FAIL", {}, {"users": [_ADMIN] * 2}, params={"max_administrators": 1}),
        Example("FAIL", {}, {"users": [_ADMIN_GROUP, _ADMIN]}, params={"max_administrators": 1}),
        Example("UNKNOWN", {}, {"users": [_ADMIN_GROUP, _ADMIN]}),
        Example("UNKNOWN", {}, {"users": [_ADMIN, {"type": "ExternalUser", "roles": "Night shift"}]}),
        Example("UNKNOWN", {}, {"users": [_OPERATOR]}),
        Example("UNKNOWN", {}, {"users": [_ADMIN]}, datasets={"users": "partial"}),
    ),
)
def few_administrators(
    servers: pd.DataFrame,
    users: pd.DataFrame,
    *,
    max_administrators: Annotated[
        int, param("Maximum number of administrators of a server.", unit="accounts", ge=1)
    ] = 5,
) -> Outcome:
    """Each account with full rights is one more that can be stolen or make a mistake.

    A group counts as one account, and a custom role may have the same rights: with either, there may be more
    administrators.
    """
    index, owner = servers.index, places_of(users["server"], servers["server"])
    admin = _is_administrator(users["roles"])
    unclear = are_missing(admin) | (surely(admin) & ~surely(one_of(users["type"], _USERS)))
    counted, open_ = _counts(owner, surely(admin), index), _counts(owner, unclear, index) > 0
    names = listed(owner, users["name"].where(surely(admin)), index, holds="user", limit=8)
    seen = pd.Series([_accounts(count) for count in counted.tolist()], index=index, dtype="string")
    return explained(
        Outcome(
            nullable(counted <= max_administrators, (counted <= max_administrators) & (open_ | (counted == 0)), index),
            observed=worded(index, (names.notna(), seen + ": " + names), (counted > 0, seen)),
            reason=worded(
                index,
                (open_, "groups, whose members are not reported, or roles of their own may bring more administrators"),
                default="the answer names no administrator, though each server has one",
            ),
        )
    )


@check(
    "SEC-005",
    "Roles are assigned to dedicated accounts and groups, not to built-in groups",
    severity="high",
    table="users",
    reads=("name", "type"),
    json_path="name",
    expected="a group made for this purpose",
    failure="{is a built-in group|are built-in groups} with a role",
    consequence="could give access to people who should have none",
    remediation="Main menu > Users and Roles: assign the role to named accounts; then remove the built-in group.",
    examples=(
        Example("PASS", {"name": r"HANSA\Backup admins", "type": "ExternalGroup"}),
        Example("PASS", {"name": "backup-admins", "type": "InternalGroup"}),
        Example("FAIL", {"name": r"BUILTIN\Administrators", "type": "InternalGroup"}),
        Example("FAIL", {"name": r"VORDEFINIERT\Backup Operators", "type": "InternalGroup"}),
        Example("FAIL", {"name": r"VBR01\Administratoren", "type": None}),
        Example("FAIL", {"name": r"HANSA\Domain Admins", "type": "ExternalGroup"}),
        Example("UNKNOWN", {"name": r"HANSA\Backup admins", "type": "Robot"}),
        Example("UNKNOWN", {"name": None, "type": "ExternalGroup"}),
        Example("NOT_APPLICABLE", {"name": r"HANSA\k.lang", "type": "ExternalUser"}),
    ),
)
def built_in_groups_without_role(users: pd.DataFrame) -> Outcome:
    """With built-in groups, an administrator of the machine or the domain is also an administrator of the backups."""
    name, kind = users["name"].str.casefold(), users["type"]
    domain = name.str.extract(r"^([^\\]*)\\", expand=False)
    built_in = one_of(name.str.replace(r"^.*\\", "", regex=True), _BUILT_IN_NAMES)
    built_in = built_in | one_of(domain.fillna(""), _BUILT_IN_DOMAINS)
    person, known = surely(one_of(kind, _USERS)), surely(one_of(kind, (*_USERS, *_GROUPS)))
    bad, told_name = surely(built_in), named(users["name"], "user")
    return explained(
        Outcome(
            (~built_in).mask(~known & ~bad),
            observed=worded(users.index, (bad, "built-in group " + told_name), (built_in.notna(), told_name)),
            applies=nullable(~person | bad, np.zeros(len(users), dtype=bool), users.index),
            reason=worded(
                users.index,
                (person & ~bad, "it is a user, not a group"),
                (name.isna(), "name is missing in the answer"),
                (kind.isna(), "type is missing in the answer: it may be a user or a group"),
                (~known, "the server names a type of account that this check does not know"),
            ),
        )
    )


@check(
    "SEC-006",
    "Service accounts are not Backup Administrators",
    severity="medium",
    table="users",
    reads=("roles", "is_service_account"),
    json_path="roles",
    expected="a role with fewer rights than the Backup Administrator's",
    failure="{is a service account|are service accounts} with the rights of a Backup Administrator",
    consequence="could hand all backups to whoever takes over one service",
    remediation="Main menu > Users and Roles: give the service account a role with fewer rights, or a custom role.",
    examples=(
        Example("PASS", {"is_service_account": True, "roles": "Veeam Backup Viewer"}),
        Example("FAIL", {"is_service_account": True, "roles": "Veeam Backup Viewer,Veeam Backup Administrator"}),
        Example("UNKNOWN", {"is_service_account": True, "roles": "Night shift"}),
        Example("UNKNOWN", {"is_service_account": None, "roles": "Veeam Backup Viewer"}),
        Example("NOT_APPLICABLE", {"is_service_account": False, "roles": "Veeam Backup Administrator"}),
    ),
)
def service_accounts_limited(users: pd.DataFrame) -> Outcome:
    """A service account signs in without a second factor, and its password is stored in scripts and other systems."""
    admin, service = _is_administrator(users["roles"]), users["is_service_account"]
    return explained(
        Outcome(
            ~admin,
            observed=named(users["roles"].str.replace(",", ", "), "word").mask(
                surely(users["roles"] == ""), "without a role"
            ),
            applies=service,
            reason=worded(
                users.index,
                (surely_not(service), "it is not a service account"),
                (service.isna(), "isServiceAccount is missing in the answer"),
                (users["roles"].isna(), "roles is missing in the answer"),
                (admin.isna(), "it has a role of its own making, whose rights are not reported"),
            ),
        )
    )


def _is_administrator(roles: pd.Series) -> pd.Series:
    """Whether the roles, joined by commas, hold the administrator's; NA where one of them is not a built-in one."""
    each = roles.fillna("").str.split(",").explode()
    owner = np.repeat(np.arange(len(roles)), roles.fillna("").str.count(",").to_numpy(dtype=int) + 1)
    answers = (each == Role.ADMINISTRATOR.value).astype("boolean").mask(~each.isin([*_ROLES, ""]).to_numpy(dtype=bool))
    return any_of(owner, answers.reset_index(drop=True), roles.index).mask(roles.isna())


def _counts(owner: np.ndarray, chosen: np.ndarray, index: pd.Index) -> np.ndarray:
    """How many chosen rows belong to each place of `index`."""
    return np.asarray(number_of(owner, chosen, index).to_numpy(dtype=np.int64))


def _accounts(count: int) -> str:
    return f"{count} account{'' if count == 1 else 's'}"
