"""Checks of what fills the capacity and archive tiers: the offload sessions."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.dates import older_than
from vbr_audit.checks.logic import nullable, number_of, one_of, places_of, surely, taken, worded
from vbr_audit.checks.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.params import param
from vbr_audit.checks.registry import check
from vbr_audit.tables.enums import ENDED_RESULTS, GOOD_RESULTS

_TIERED: Final = {"scale_out_repository_id": "s1", "capacity_tier_enabled": True}
_GOOD: Final = {"scale_out_repository_id": "s1", "result": "Success", "created": hours_ago(20)}
_FAILED: Final = {**_GOOD, "result": "Failed"}
_READS: Final = (
    "scale_out_repository_id",
    "capacity_tier_enabled",
    "offload_sessions.scale_out_repository_id",
    "offload_sessions.result",
    "offload_sessions.created",
)
_NO_TIER: Final = "it has no capacity tier"
_UNTOLD: Final = "no ended offload session is known to be its own; the server names them from 1.3-rev0 on"


@check(
    "SOB-005",
    "The newest offload to the capacity tier succeeded",
    severity="high",
    tables=("scale_out_repositories", "offload_sessions"),
    aggregates=("offload_sessions",),
    reads=_READS,
    expected="Success or Warning",
    remediation="History > Storage Management: read why the offload fails; correct it, then run the offload.",
    examples=(
        Example("PASS", _TIERED, {"offload_sessions": [_GOOD]}),
        Example("PASS", _TIERED, {"offload_sessions": [{**_FAILED, "created": hours_ago(30)}, _GOOD]}),
        Example("FAIL", _TIERED, {"offload_sessions": [_FAILED, {**_GOOD, "created": hours_ago(30)}]}),
        Example("UNKNOWN", _TIERED, {"offload_sessions": [{**_GOOD, "result": "None"}]}),
        Example("UNKNOWN", _TIERED),
        Example("NOT_APPLICABLE", {**_TIERED, "capacity_tier_enabled": False}),
    ),
)
def offload_succeeds(repositories: pd.DataFrame, offloads: pd.DataFrame) -> Outcome:
    """That backups are to be copied proves nothing: what the capacity tier holds is what the offload brought there."""
    tier = repositories["capacity_tier_enabled"]
    owner = places_of(offloads["scale_out_repository_id"], repositories["scale_out_repository_id"])
    ended = surely(one_of(offloads["result"], ENDED_RESULTS)) & offloads["created"].notna().to_numpy() & (owner >= 0)
    rows = np.flatnonzero(ended)
    rows = rows[np.argsort(offloads["created"].iloc[rows].to_numpy(), kind="stable")]
    last = np.full(len(repositories), -1)
    last[owner[rows]] = rows
    results = taken(offloads["result"], last, repositories.index)
    ok = nullable(np.isin(last, np.flatnonzero(offloads["result"].isin(GOOD_RESULTS))), last < 0, repositories.index)
    failed = number_of(owner, ended & (offloads["result"] == "Failed").to_numpy(dtype=bool, na_value=False), tier.index)
    every = number_of(owner, ended, tier.index)
    rows_of = zip(results.tolist(), failed.tolist(), every.tolist(), strict=True)
    seen = [f"{result}; {bad} of {count} offloads failed" for result, bad, count in rows_of]
    return Outcome(
        ok,
        observed=worded(repositories.index, (last >= 0, seen)),
        applies=tier,
        reason=worded(
            repositories.index,
            (surely(~tier), _NO_TIER),
            (tier.isna(), "whether it has a capacity tier is not told"),
            (ok.isna(), _UNTOLD),
        ),
    )


@check(
    "SOB-006",
    "Backups were offloaded to the capacity tier lately",
    severity="medium",
    tables=("scale_out_repositories", "offload_sessions"),
    aggregates=("offload_sessions",),
    reads=_READS,
    expected="a good offload in the last {max_days} days",
    remediation="History > Storage Management: look for the offload; check the offload window and the policies.",
    examples=(
        Example("PASS", _TIERED, {"offload_sessions": [_GOOD]}),
        Example("FAIL", _TIERED, {"offload_sessions": [{**_GOOD, "created": hours_ago(24 * 8)}]}),
        Example("FAIL", _TIERED, {"offload_sessions": [_FAILED]}),
        Example("UNKNOWN", _TIERED),
        Example("UNKNOWN", _TIERED, {"offload_sessions": [{**_GOOD, "scale_out_repository_id": None}]}),
        Example("NOT_APPLICABLE", {**_TIERED, "capacity_tier_enabled": False}),
    ),
)
def offloaded_lately(
    repositories: pd.DataFrame,
    offloads: pd.DataFrame,
    *,
    now: dt.datetime,
    max_days: Annotated[int, param("Days in which a good offload must have been.", unit="days", ge=1)] = 7,
) -> Outcome:
    """An offload that does not run fails nowhere: only its absence shows it."""
    tier = repositories["capacity_tier_enabled"]
    owner = places_of(offloads["scale_out_repository_id"], repositories["scale_out_repository_id"])
    good = surely(one_of(offloads["result"], GOOD_RESULTS))
    recent = surely(~older_than(offloads["created"], dt.timedelta(days=max_days), now=now))
    undated = offloads["created"].isna().to_numpy() | offloads["result"].isna().to_numpy()
    yes = (number_of(owner, good & recent, tier.index) > 0).to_numpy(dtype=bool)
    open_ = (number_of(owner, undated, tier.index) > 0).to_numpy(dtype=bool)
    none = (number_of(owner, np.ones(len(offloads), dtype=bool), tier.index) == 0).to_numpy(dtype=bool)
    ok = nullable(yes, ~yes & (none | open_), repositories.index)
    return Outcome(
        ok,
        observed=worded(repositories.index, (yes, "a good offload"), (surely(~ok), "no good offload")),
        applies=tier,
        reason=worded(
            repositories.index,
            (surely(~tier), _NO_TIER),
            (tier.isna(), "whether it has a capacity tier is not told"),
            (ok.isna(), _UNTOLD),
        ),
    )
