"""Checks of what fills the capacity and archive tiers: the offload sessions."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import minute_text, older_than
from vbr_audit.checks.logic.three_valued import beside, named, nullable, one_of, phrased, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.enums import ENDED_RESULTS, GOOD_RESULTS

_ID: Final = {"scale_out_repository_id": "s1"}
_TIERED: Final = {**_ID, "capacity_tier_enabled": True}
_COPIED: Final = {**_TIERED, "capacity_copy_enabled": True}
_MOVED: Final = {**_TIERED, "capacity_copy_enabled": False, "capacity_move_enabled": True}
_ARCHIVED: Final = {**_ID, "capacity_tier_enabled": False, "archive_tier_enabled": True}
_UNTIERED: Final = {**_TIERED, "capacity_tier_enabled": False, "archive_tier_enabled": False}
_NO_TIER: Final = "it has no capacity or archive tier"
_TIER_UNKNOWN: Final = "whether it has a capacity or archive tier is not reported"
_OFFLOAD_UNKNOWN: Final = "no ended offload session is known to be its own; the server names them from 1.3-rev0 on"


def _offload(result: str | None, hours: float | None = None, **more: object) -> dict[str, list[dict[str, object]]]:
    """The offloads of one repository: how the newest ended, and when one ended well."""
    good = {"last_good": None if hours is None else hours_ago(hours)}
    counts: dict[str, object] = {"offloads_count": 30, "failed_count": 1, "is_clear": True}
    counts["good_count"] = 0 if hours is None else 29
    return {"scale_out_offloads": [{**_ID, **counts, "last_result": result, **good, **more}]}


_NONE: Final = _offload(None, None, offloads_count=0, failed_count=0, seen_since=hours_ago(24 * 37))
_NONE_NAMED: Final = _offload(None, None, offloads_count=0, failed_count=0, seen_since=None)


@check(
    "SOB-005",
    "The latest offload to the capacity or archive tier succeeded",
    severity="high",
    tables=("scale_out_repositories", "scale_out_offloads"),
    reads=(
        *("scale_out_repository_id", "capacity_tier_enabled", "archive_tier_enabled"),
        *(f"scale_out_offloads.{name}" for name in ("scale_out_repository_id", "last_result", "offloads_count")),
        "scale_out_offloads.failed_count",
    ),
    expected="Success or Warning",
    failure="{has} a newest offload that failed",
    consequence="could lack the newest backups in the further tier",
    remediation="History > Storage Management: find out why the offload fails; fix it, then run the offload.",
    examples=(
        Example("PASS", _TIERED, _offload("Success", 20)),
        Example("FAIL", _TIERED, _offload("Failed", 30)),
        Example("FAIL", _ARCHIVED, _offload("Failed", 30)),
        Example("UNKNOWN", _TIERED, _offload(None, 20)),
        Example("UNKNOWN", _TIERED),
        Example("UNKNOWN", {**_TIERED, "capacity_tier_enabled": None}, _offload("Success", 20)),
        Example("NOT_APPLICABLE", _UNTIERED),
    ),
)
def offload_succeeds(repositories: pd.DataFrame, offloads: pd.DataFrame) -> Outcome:
    """A setting to copy backups proves nothing: the capacity or archive tier holds only what offloads transferred."""
    tier = _has_tier(repositories)
    latest = beside(repositories["scale_out_repository_id"], offloads, "scale_out_repository_id")
    result = latest["last_result"]
    ok = one_of(result, GOOD_RESULTS).where(surely(one_of(result, ENDED_RESULTS)))
    known = are_known(ok) & are_known(latest["offloads_count"]) & are_known(latest["failed_count"])
    seen = phrased(
        "{}; {} of {} offloads failed",
        named(result, "word"),
        latest["failed_count"],
        latest["offloads_count"],
        where=known,
    )
    return Outcome(
        ok.where(known),
        observed=worded(repositories.index, (known, seen)),
        applies=tier,
        reason=worded(
            repositories.index,
            (surely_not(tier), _NO_TIER),
            (tier.isna(), _TIER_UNKNOWN),
            (~known, _OFFLOAD_UNKNOWN),
        ),
    )


@check(
    "SOB-006",
    "Backups were recently offloaded to the capacity or archive tier",
    severity="medium",
    tables=("scale_out_repositories", "scale_out_offloads"),
    reads=(
        *("scale_out_repository_id", "capacity_tier_enabled", "archive_tier_enabled", "capacity_copy_enabled"),
        *(f"scale_out_offloads.{name}" for name in ("scale_out_repository_id", "last_good", "is_clear", "seen_since")),
        *(f"scale_out_offloads.{name}" for name in ("offloads_count", "good_count")),
    ),
    expected="a good offload in the last {max_days} days",
    failure="{has} no successful offload in the last {max_days} days",
    consequence="could lose the newest backups with {its} local storage",
    remediation="History > Storage Management: look for the offload; check the offload window and the policies.",
    examples=(
        Example("PASS", _TIERED, _offload("Success", 20)),
        Example("FAIL", _TIERED, _offload("Success", 24 * 8)),
        Example("FAIL", _TIERED, _offload("Failed", None)),
        Example("FAIL", _COPIED, _NONE),
        Example("FAIL", _ARCHIVED, _offload("Success", 24 * 8)),
        Example("UNKNOWN", _COPIED, _NONE, params={"max_days": 60}),
        Example("UNKNOWN", _COPIED, _NONE_NAMED),
        Example("UNKNOWN", _MOVED, _NONE),
        Example("UNKNOWN", _TIERED, _offload("Success", 24 * 8, is_clear=False)),
        Example("UNKNOWN", _TIERED),
        Example("NOT_APPLICABLE", _UNTIERED),
    ),
)
def offloaded_lately(
    repositories: pd.DataFrame,
    offloads: pd.DataFrame,
    *,
    now: dt.datetime,
    max_days: Annotated[int, param("Maximum number of days since the last good offload.", unit="days", ge=1)] = 7,
) -> Outcome:
    """An offload that does not run reports no failure: only its absence shows the problem.

    If backups are copied at once, no offload at all means that offloads do not run. If backups are only moved when they
    are old enough, there may have been nothing to move.
    """
    index, days = repositories.index, dt.timedelta(days=max_days)
    tier = _has_tier(repositories)
    latest = beside(repositories["scale_out_repository_id"], offloads, "scale_out_repository_id")
    counted = (latest["is_clear"].notna() & latest["offloads_count"].notna() & latest["good_count"].notna()).to_numpy()
    yes = counted & surely_not(older_than(latest["last_good"], days, now=now))
    clear, ran = counted & surely(latest["is_clear"]), surely(latest["offloads_count"] > 0)
    clear &= are_known(latest["last_good"]) | surely(latest["good_count"] == 0)
    silent = surely(latest["offloads_count"] == 0) & surely(repositories["capacity_copy_enabled"])
    silent &= surely(older_than(latest["seen_since"], days, now=now))
    ok = nullable(yes, ~yes & ~(clear & (ran | silent)), index)
    last = phrased("no good offload since {}", minute_text(latest["last_good"]), where=are_known(latest["last_good"]))
    return Outcome(
        ok,
        observed=worded(
            index,
            (yes, "a good offload"),
            (surely_not(ok) & silent, "no offload at all"),
            (surely_not(ok) & are_known(latest["last_good"]), last),
            (surely_not(ok), "no good offload"),
        ),
        applies=tier,
        reason=worded(
            index,
            (surely_not(tier), _NO_TIER),
            (tier.isna(), _TIER_UNKNOWN),
            (~clear & ~yes, "of some offload sessions the repository, the start or the result is not known"),
            (ok.isna(), _OFFLOAD_UNKNOWN),
        ),
    )


def _has_tier(repositories: pd.DataFrame) -> pd.Series:
    """Whether each repository has a further tier."""
    return repositories["capacity_tier_enabled"] | repositories["archive_tier_enabled"]
