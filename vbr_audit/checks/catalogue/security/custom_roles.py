"""The check of what custom roles permit."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import beside, surely, worded

_LIMITS: Final = {
    "all_inventory": "workloads to back up are limited",
    "all_repositories": "repositories are limited",
    "all_backups": "backups to restore from are limited",
    "all_restore_options": "kinds of restore are limited",
    "all_restore_targets": "targets of restores are limited",
}
"""The scopes of a custom role, and what is said of one that is limited."""

_ROLE: Final[dict[str, Any]] = {"role_id": "role-1", "name": "Night shift", "is_built_in": False}
_WIDE: Final[dict[str, Any]] = {
    "role_id": "role-1",
    "manages_backups": True,
    "manages_restores": True,
    **dict.fromkeys(_LIMITS, True),
}
_UNTOLD: Final = dict.fromkeys(_LIMITS)


def _permits(**more: Any) -> dict[str, list[dict[str, Any]]]:
    return {"custom_roles": [{**_WIDE, **more}]}


@check(
    "SEC-021",
    "Custom roles are limited in what they back up or restore",
    severity="medium",
    tables=("roles", "custom_roles"),
    reads=(
        "role_id",
        "is_built_in",
        "custom_roles.role_id",
        "custom_roles.manages_backups",
        "custom_roles.manages_restores",
        *(f"custom_roles.{scope}" for scope in _LIMITS),
    ),
    json_path="inventoryScope.entireInventory",
    expected="backups or restores only, or a limited scope",
    remediation="Main menu > Users and Roles > Roles: limit the role to the workloads, repositories, backups and "
    "targets that its holders need; whoever needs everything gets the administrator's role, where it shows.",
    examples=(
        Example("PASS", _ROLE, _permits(all_inventory=False)),
        Example("PASS", _ROLE, _permits(all_restore_targets=False, all_backups=None)),
        Example("PASS", _ROLE, _permits(manages_restores=False, **_UNTOLD)),
        Example("PASS", _ROLE, _permits(manages_backups=False, **_UNTOLD)),
        Example("FAIL", _ROLE, _permits()),
        Example("UNKNOWN", {**_ROLE, "is_built_in": None}, _permits()),
        Example("UNKNOWN", _ROLE, _permits(all_repositories=None)),
        Example("UNKNOWN", _ROLE, _permits(manages_backups=None)),
        Example("UNKNOWN", _ROLE),
        Example("UNKNOWN", _ROLE, {"custom_roles": [{**_WIDE, "role_id": "role-2"}]}),
        Example("UNKNOWN", _ROLE, datasets={"custom_roles": "denied"}),
        Example("NOT_APPLICABLE", {"role_id": "role-0", "name": "Veeam Backup Viewer", "is_built_in": True}),
    ),
)
def custom_roles_limited(roles: pd.DataFrame, custom_roles: pd.DataFrame) -> Outcome:
    """A custom role without any limit is an administrator of all backups that nobody counts among the administrators.

    Such a role may change the backups of everything and restore everything to anywhere, which is how data is stolen
    without touching the original. The API does not say which rights make an administrator; that managing backups and
    restores over all workloads, repositories, backups, kinds of restore and targets amounts to it is inferred.
    """
    index, found = roles.index, beside(roles["role_id"], custom_roles, "role_id")
    both = found["manages_backups"] & found["manages_restores"]
    unlimited = both
    for scope in _LIMITS:
        unlimited = unlimited & found[scope]
    return explained(
        Outcome(
            ~unlimited,
            observed=worded(
                index,
                (unlimited, "manages all backups and all restores, without a limit"),
                (~found["manages_backups"] & ~found["manages_restores"], "manages neither backups nor restores"),
                (~found["manages_backups"], "does not manage backups"),
                (~found["manages_restores"], "does not manage restores"),
                *((~found[scope], words) for scope, words in _LIMITS.items()),
            ),
            applies=~roles["is_built_in"],
            reason=worded(
                index,
                (surely(roles["is_built_in"]), "it is a built-in role"),
                (roles["is_built_in"].isna(), "isBuiltIn is missing in the answer"),
                (found["role_id"].isna(), "what the role permits was not told"),
                default="manageBackups, manageRestores or a scope of the role is missing in the answer",
            ),
        )
    )
