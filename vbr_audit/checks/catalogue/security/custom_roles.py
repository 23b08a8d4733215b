"""The check of what custom roles permit."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import worded

_LIMITS: Final = {
    "all_inventory": "workloads to back up are limited",
    "all_repositories": "repositories are limited",
    "all_backups": "backups to restore from are limited",
    "all_restore_options": "kinds of restore are limited",
    "all_restore_targets": "targets of restores are limited",
}
"""The scopes of a custom role, and the words for one that is limited."""

_WIDE: Final[dict[str, Any]] = {"manages_backups": True, "manages_restores": True, **dict.fromkeys(_LIMITS, True)}


@check(
    "SEC-021",
    "Custom roles are limited in what they back up or restore",
    severity="medium",
    table="custom_roles",
    reads=("manages_backups", "manages_restores", *_LIMITS),
    json_path="inventoryScope.entireInventory",
    expected="backups or restores only, or a limited scope",
    failure="{manages|manage} all backups and all restores without a limit",
    consequence="could let one account restore or delete everything",
    remediation="Main menu > Users and Roles > Roles: limit the role to the workloads, repositories, backups and "
    "targets that its users need; give the administrator role to users who need everything, where it is visible.",
    examples=(
        *(Example("PASS", {scope: False}) for scope in _LIMITS),
        Example("PASS", {"manages_backups": False}),
        Example("PASS", {"manages_restores": False}),
        Example("FAIL", _WIDE),
        *(Example("UNKNOWN", {**_WIDE, name: None}) for name in _WIDE),
        Example("UNKNOWN", {}),
    ),
)
def custom_roles_limited(roles: pd.DataFrame) -> Outcome:
    """A custom role without any limit makes its users administrators of all backups, but nobody counts them as such.

    Such a role can change all backups and restore everything to any target, so data can be stolen without touching the
    original. The API does not report which rights make an administrator; the check infers it from managing backups and
    restores over all workloads, repositories, backups, kinds of restore and targets.
    """
    backups, restores = roles["manages_backups"], roles["manages_restores"]
    unlimited = backups & restores
    for scope in _LIMITS:
        unlimited = unlimited & roles[scope]
    return explained(
        Outcome(
            ~unlimited,
            observed=worded(
                roles.index,
                (unlimited, "manages all backups and all restores, without a limit"),
                (~backups & ~restores, "manages neither backups nor restores"),
                (~backups, "does not manage backups"),
                (~restores, "does not manage restores"),
                *((~roles[scope], words) for scope, words in _LIMITS.items()),
            ),
            reason="manageBackups, manageRestores or a scope of the role is missing in the answer",
        )
    )
