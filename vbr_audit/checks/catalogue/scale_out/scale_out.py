"""Checks of scale-out backup repositories."""

from __future__ import annotations

from typing import Annotated, Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, one_of, surely, surely_not, worded

TIERS: Final = ("Performance", "Capacity", "Archive")
_HINDERED: Final = frozenset({"Evacuate", "Pending", "Sealed", "Maintenance", "ResyncRequired", "TenantEvacuating"})
_FIRST: Final = {"tier": "Performance"}
_TIERED: Final = {"capacity_tier_enabled": True}
_DEMANDED: Final = {"tier_needed": True}
_MOVED: Final = {**_TIERED, "capacity_move_enabled": True, "capacity_copy_enabled": False}


@check(
    "SOB-001",
    "The extent accepts new backups",
    severity="medium",
    table="scale_out_extents",
    reads=("status", "tier"),
    json_path="performanceTier.performanceExtents[].status",
    expected="Normal",
    failure="{takes|take} no new backups",
    consequence="could leave too little room for new backups",
    remediation="Scale-out Repositories > right-click the extent: end maintenance or sealed mode; finish evacuation.",
    examples=(
        Example("PASS", {**_FIRST, "status": "Normal"}),
        Example("FAIL", {**_FIRST, "status": "Maintenance"}),
        Example("FAIL", {**_FIRST, "status": "Normal,Sealed"}),
        Example("FAIL", {**_FIRST, "status": "Sealed,Resting"}),
        Example("UNKNOWN", {**_FIRST, "status": "Resting"}),
        Example("UNKNOWN", {**_FIRST, "status": "Normal,Resting"}),
        Example("UNKNOWN", {**_FIRST, "status": None}),
        Example("UNKNOWN", {**_FIRST, "status": ""}),
        Example("UNKNOWN", {"tier": "Attic", "status": "Normal"}),
        Example("NOT_APPLICABLE", {"tier": "Capacity"}),
        Example("NOT_APPLICABLE", {"tier": "Archive"}),
    ),
)
def extent_takes_backups(extents: pd.DataFrame) -> Outcome:
    """An extent that is being evacuated, sealed or in maintenance accepts no new backups; the others fill up faster."""
    performance = (extents["tier"] == "Performance").mask(surely_not(one_of(extents["tier"], TIERS)))
    answers = [takes_backups(status) for status in extents["status"].fillna("").to_numpy(dtype=object)]
    ok = pd.Series(pd.array(answers, dtype="boolean"), index=extents.index)
    return Outcome(
        ok,
        observed=named(extents["status"], "word"),
        applies=performance,
        reason=worded(
            extents.index,
            (surely_not(performance), "the server reports the status of performance extents only"),
            (performance.isna(), "its tier is not known"),
            (extents["status"].isna(), "its status is not reported"),
            (ok.isna(), "the server names a status that this check does not know"),
        ),
    )


def takes_backups(status: str) -> bool | None:
    """Of one status, which may be several words joined by commas; None where it is not known."""
    words = {word.strip() for word in status.split(",")}
    if words & _HINDERED:
        return False
    return True if words == {"Normal"} else None


@check(
    "SOB-002",
    "Backups in the capacity tier are encrypted",
    severity="high",
    table="scale_out_repositories",
    reads=("capacity_tier_enabled", "capacity_encryption_enabled"),
    json_path="capacityTier",
    failure="{has} no encrypted capacity tier",
    consequence="could expose backups to whoever reaches the object storage",
    remediation="Scale-out Repository > Capacity Tier: encrypt data uploaded to it; add object storage if needed.",
    examples=(
        Example("PASS", {**_TIERED, "capacity_encryption_enabled": True}),
        Example("FAIL", {**_TIERED, "capacity_encryption_enabled": False}, severity="high"),
        Example("FAIL", {"capacity_tier_enabled": False}, params=_DEMANDED, severity="medium"),
        Example(
            "FAIL",
            {"capacity_tier_enabled": False, "capacity_encryption_enabled": True},
            params=_DEMANDED,
            severity="medium",
        ),
        Example("UNKNOWN", {**_TIERED, "capacity_encryption_enabled": None}),
        Example("UNKNOWN", {"capacity_tier_enabled": None, "capacity_encryption_enabled": True}),
        Example("UNKNOWN", {"capacity_tier_enabled": None, "capacity_encryption_enabled": False}),
        Example("UNKNOWN", {"capacity_tier_enabled": None, "capacity_encryption_enabled": True}, params=_DEMANDED),
        Example("NOT_APPLICABLE", {"capacity_tier_enabled": False, "capacity_encryption_enabled": False}),
    ),
)
def capacity_tier_encrypted(
    repositories: pd.DataFrame,
    *,
    tier_needed: Annotated[bool, param("Whether a repository without a capacity tier fails.")] = False,
) -> Outcome:
    """The capacity tier keeps an offsite copy; in a provider's storage, nobody else must be able to read it."""
    tier = repositories["capacity_tier_enabled"]
    encrypted = repositories["capacity_encryption_enabled"]
    return Outcome(
        (tier & encrypted).mask(tier.isna()),
        observed=worded(
            repositories.index,
            (surely_not(tier), "no capacity tier"),
            (tier & encrypted, "on, encrypted"),
            (tier & ~encrypted, "on, not encrypted"),
            (tier, "on, encryption not known"),
        ),
        expected="capacity tier on and encrypted" if tier_needed else "encrypted",
        severity=worded(repositories.index, (~tier, "medium")),
        applies=None if tier_needed else tier,
        reason=worded(
            repositories.index,
            (surely_not(tier) & (not tier_needed), "it has no capacity tier, and the policy demands none"),
            (tier.isna(), "whether it has a capacity tier is not reported"),
            (encrypted.isna() & tier, "whether the capacity tier is encrypted is not reported"),
        ),
    )


@check(
    "SOB-003",
    "Backups in the capacity tier are checked for corruption",
    severity="low",
    table="scale_out_repositories",
    reads=(
        "capacity_health_check_enabled",
        "capacity_tier_enabled",
        "capacity_health_check_weekly_enabled",
        "capacity_health_check_monthly_enabled",
    ),
    json_path="capacityTier.backupHealth",
    expected="on, weekly or monthly",
    failure="{has} no scheduled health check of the capacity tier",
    consequence="could hold corrupt backups unnoticed",
    remediation="Scale-out Repository > Capacity Tier > health check: enable it and set its schedule.",
    examples=(
        Example(
            "PASS",
            {**_TIERED, "capacity_health_check_enabled": True, "capacity_health_check_weekly_enabled": True},
        ),
        Example(
            "PASS",
            {**_TIERED, "capacity_health_check_enabled": True, "capacity_health_check_monthly_enabled": True},
        ),
        Example("FAIL", {**_TIERED, "capacity_health_check_enabled": False}),
        Example(
            "FAIL",
            {
                **_TIERED,
                "capacity_health_check_enabled": True,
                "capacity_health_check_weekly_enabled": False,
                "capacity_health_check_monthly_enabled": False,
            },
        ),
        Example("UNKNOWN", {**_TIERED, "capacity_health_check_enabled": None}),
        Example("UNKNOWN", {**_TIERED, "capacity_health_check_enabled": True}),
        Example("UNKNOWN", {"capacity_tier_enabled": None, "capacity_health_check_enabled": True}),
        Example("NOT_APPLICABLE", {"capacity_tier_enabled": False}),
    ),
)
def capacity_tier_checked(repositories: pd.DataFrame) -> Outcome:
    """You need the copy in object storage when everything else is lost; damage to it must be found earlier."""
    tier, on = repositories["capacity_tier_enabled"], repositories["capacity_health_check_enabled"]
    timed = repositories["capacity_health_check_weekly_enabled"] | repositories["capacity_health_check_monthly_enabled"]
    return Outcome(
        (on & timed).mask(on.isna()),
        observed=worded(
            repositories.index, (surely_not(on), "off"), (on & timed, "on"), (on & ~timed, "on, at no time")
        ),
        applies=tier,
        reason=worded(
            repositories.index,
            (surely_not(tier), "it has no capacity tier"),
            (tier.isna(), "whether it has a capacity tier is not reported"),
            (on.isna(), "the health check is not reported; available from 1.3-rev0 on"),
            (timed.isna() & on, "when the health check runs is not reported"),
        ),
    )


@check(
    "SOB-004",
    "Backups move to the capacity tier in time",
    severity="low",
    table="scale_out_repositories",
    reads=(
        "operational_restore_days",
        "capacity_tier_enabled",
        "capacity_move_enabled",
        "capacity_copy_enabled",
    ),
    json_path="capacityTier.operationalRestorePeriodDays",
    expected="after at most {max_days} days",
    failure="{moves|move} backups to the capacity tier only after more than {max_days} days",
    consequence="could run full, or lose backups with {its} local storage",
    remediation="Scale-out Repository > Capacity Tier: copy backups as soon as they are created, or move them earlier.",
    examples=(
        Example("PASS", {**_MOVED, "operational_restore_days": 30}),
        Example("FAIL", {**_MOVED, "operational_restore_days": 31}),
        Example("UNKNOWN", {**_MOVED, "operational_restore_days": None}),
        Example("UNKNOWN", {**_TIERED, "operational_restore_days": 14}),
        Example("NOT_APPLICABLE", {**_MOVED, "capacity_copy_enabled": True, "operational_restore_days": 90}),
        Example("NOT_APPLICABLE", {**_MOVED, "capacity_move_enabled": False, "operational_restore_days": 90}),
        Example("NOT_APPLICABLE", {**_MOVED, "capacity_tier_enabled": False, "operational_restore_days": 90}),
    ),
)
def moved_in_time(
    repositories: pd.DataFrame,
    *,
    max_days: Annotated[int, param("Maximum number of days before a backup is moved.", unit="days", ge=0)] = 30,
) -> Outcome:
    """Backups that are moved but not copied exist only once: until they are moved, only on site."""
    days, move = repositories["operational_restore_days"], repositories["capacity_move_enabled"]
    tier, copy = repositories["capacity_tier_enabled"], repositories["capacity_copy_enabled"]
    only_moved = tier & move & ~copy
    return Outcome(
        days <= max_days,
        observed=worded(repositories.index, (days.notna(), [f"after {number} days" for number in days.fillna(0)])),
        applies=only_moved,
        reason=worded(
            repositories.index,
            (surely_not(tier), "it has no capacity tier"),
            (surely(copy), "backups are copied to the capacity tier at once"),
            (surely_not(move), "backups are not moved to the capacity tier"),
            (only_moved.isna(), "how backups get to the capacity tier is not reported"),
            (days.isna(), "the number of days is not reported"),
        ),
    )


@check(
    "SOB-007",
    "Backups in the archive tier are encrypted",
    severity="high",
    table="scale_out_repositories",
    reads=("archive_encryption_enabled", "archive_tier_enabled"),
    json_path="archiveTier.encryption.isEnabled",
    expected="encrypted",
    failure="{has} an unencrypted archive tier",
    consequence="could expose archived backups to whoever reaches the storage",
    remediation="Scale-out Repository > Archive Tier: encrypt data uploaded to it.",
    examples=(
        Example("PASS", {"archive_tier_enabled": True, "archive_encryption_enabled": True}),
        Example("FAIL", {"archive_tier_enabled": True, "archive_encryption_enabled": False}),
        Example("UNKNOWN", {"archive_tier_enabled": True, "archive_encryption_enabled": None}),
        Example("UNKNOWN", {"archive_tier_enabled": None, "archive_encryption_enabled": True}),
        Example("NOT_APPLICABLE", {"archive_tier_enabled": False, "archive_encryption_enabled": False}),
    ),
)
def archive_tier_encrypted(repositories: pd.DataFrame) -> Outcome:
    """Archived backups stay in a provider's storage for years; anyone with access to the bucket can read all of them.

    Immutability of the archive tier is a setting of its repository: see IMM-001.
    """
    tier, encrypted = repositories["archive_tier_enabled"], repositories["archive_encryption_enabled"]
    return Outcome(
        encrypted,
        observed=worded(repositories.index, (encrypted, "encrypted"), (~encrypted, "not encrypted")),
        applies=tier,
        reason=worded(
            repositories.index,
            (surely_not(tier), "it has no archive tier"),
            (tier.isna(), "whether it has an archive tier is not reported"),
            (encrypted.isna(), "whether the archive tier is encrypted is not reported; available from 1.3-rev2 on"),
        ),
    )
