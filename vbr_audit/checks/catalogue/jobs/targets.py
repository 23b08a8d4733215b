"""Check of whether the repositories that jobs write to take backups."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.scale_out.scale_out import TIERS, takes_backups
from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import (
    any_of,
    beside,
    number_of,
    one_of,
    places_of,
    surely,
    surely_not,
    taken,
    worded,
)

Rows = dict[str, list[dict[str, Any]]]

_TO: Final = {"repository_id": "repository-1"}
_ONLINE: Final = {"repository_id": "repository-1", "is_online": True}
_EXTENT: Final = {"repository_id": "extent-1", "is_online": True}
_TENANT: Final = {"settings_profile": "1.3-rev1/EntraIDTenantBackup", "type": "EntraIDTenantBackup"}


def _extents(*rows: dict[str, Any], online: bool | None = True) -> Rows:
    """The target as a scale-out repository of performance extents that are all on one repository."""
    known = {"scale_out_repository_id": "repository-1", "repository_id": "extent-1", "tier": "Performance"}
    return {
        "scale_out_extents": [{**known, **row} for row in rows],
        "repository_states": [{**_EXTENT, "is_online": online}],
    }


@check(
    "JOB-028",
    "The job's target accepts backups",
    severity="high",
    tables=("jobs", "repository_states", "scale_out_extents"),
    fallback=("scale_out_extents",),
    cause="repository",
    reads=(
        "repository_id",
        "repository_states.is_online",
        "repository_states.repository_id",
        *(f"scale_out_extents.{name}" for name in ("scale_out_repository_id", "repository_id", "tier", "status")),
    ),
    expected="online; of a scale-out repository, one performance extent that is online and Normal",
    failure="{has} a target that takes no backups",
    consequence="could fail to write new backups",
    remediation="Backup Infrastructure: bring the repository online, end maintenance; or choose another in the job.",
    examples=(
        Example("PASS", _TO, {"repository_states": [_ONLINE]}),
        Example("PASS", _TO, _extents({"status": "Normal"})),
        Example("PASS", _TO, _extents({"status": "Sealed"}, {"status": "Normal"})),
        Example("PASS", _TO, _extents({"status": None}, {"status": "Normal"})),
        Example("FAIL", _TO, {"repository_states": [{**_ONLINE, "is_online": False}]}),
        Example("FAIL", _TO, {"repository_states": [{**_ONLINE, "is_online": False}, _EXTENT]}),
        Example("FAIL", _TO, _extents({"status": "Maintenance"}, {"status": "Normal,Sealed"})),
        Example("FAIL", _TO, _extents({"status": "Normal"}, online=False)),
        Example("FAIL", _TO, _extents({"status": "Sealed"}, {"status": "Normal", "tier": "Capacity"})),
        Example("FAIL", _TO, _extents({"status": "Sealed"}, {"status": "Normal", "scale_out_repository_id": "other"})),
        Example("UNKNOWN", _TO, {"repository_states": [{**_ONLINE, "is_online": None}]}),
        Example("UNKNOWN", _TO, {"repository_states": [{**_ONLINE, "repository_id": "repository-9"}]}),
        Example("UNKNOWN", _TO, _extents({"status": "Sealed"}, {"status": None})),
        Example("UNKNOWN", _TO, _extents({"status": "Sealed"}, {"status": "Resting"})),
        Example("UNKNOWN", _TO, _extents({"status": "Sealed"}, {"status": "Normal", "tier": None})),
        Example("UNKNOWN", _TO, _extents({"status": "Normal"}, online=None)),
        Example("UNKNOWN", _TO, {"repository_states": [_ONLINE]}, datasets={"repository_states": "denied"}),
        Example("UNKNOWN", {"repository_id": None}, {"repository_states": [_ONLINE]}),
        Example("NOT_APPLICABLE", {**_TENANT, "repository_id": None}),
    ),
)
def target_takes_backups(jobs: pd.DataFrame, states: pd.DataFrame, extents: pd.DataFrame) -> Outcome:
    """A job whose repository is offline, sealed or in maintenance fails at its next start, or waits all night."""
    target, index = jobs["repository_id"], jobs.index
    ids = target.dropna().drop_duplicates().reset_index(drop=True)
    owner, row = places_of(extents["scale_out_repository_id"], ids), places_of(target, ids)
    ready = taken(any_of(owner, _usable(extents, states), ids.index), row, index)
    count = taken(number_of(owner, np.ones(len(extents), dtype=bool), ids.index), row, index)
    bound = surely(count > 0)
    ok = beside(target, states, "repository_id")["is_online"].mask(bound, ready)
    return Outcome(
        ok,
        observed=worded(
            index,
            (surely(ok) & bound, "an extent takes backups"),
            (surely_not(ok) & bound, "none of its performance extents takes backups"),
            (ok, "online"),
            (~ok, "offline"),
        ),
        reason=worded(
            index,
            (ok.notna(), pd.NA),
            (bound, "of an extent it is not known whether it is online and takes backups"),
            (target.notna(), "whether its repository is online is not reported; available from 1.2-rev1 on"),
        ),
    )


def _usable(extents: pd.DataFrame, states: pd.DataFrame) -> pd.Series:
    """Whether each extent is one of the performance tier that is online and takes backups."""
    words = extents["status"].fillna("").to_numpy(dtype=object)
    taking = pd.Series(pd.array([takes_backups(status) for status in words], dtype="boolean"), index=extents.index)
    first = (extents["tier"] == "Performance").mask(surely_not(one_of(extents["tier"], TIERS)))
    return beside(extents["repository_id"], states, "repository_id")["is_online"] & taking & first
