"""The check of what is left of objects that no job backs up any more."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import pandas as pd

from vbr_audit.checks.catalogue.restore_points.points import aged_limit
from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, surely, worded
from vbr_audit.display import count, number, size

_SHOWN = ("objects_count", "points_count", "backup_bytes", "names")
_LEFT = {"standing": "left its job", "objects_count": 2, "points_count": 14, "backup_bytes": 2**40, "names": "a, b"}


@check(
    "RPO-018",
    "Backups of machines that left their jobs are deleted in time",
    severity="low",
    table="left_objects",
    aggregates=("left_objects",),
    reads=("oldest_end", *_SHOWN),
    expected="none whose newest restore point is older than {max_age_days} days",
    failure="{contains|contain} an object whose newest restore point is older than {max_age_days} days",
    consequence="may take up space, or keep personal data for too long",
    remediation="Home > Backups: delete what is not needed; Job > Storage > Maintenance: remove deleted items data.",
    examples=(
        Example("PASS", {**_LEFT, "oldest_end": hours_ago(30 * 24)}),
        Example("FAIL", {**_LEFT, "oldest_end": hours_ago(30 * 24 + 1)}),
        Example("UNKNOWN", {**_LEFT, "oldest_end": None}),
        Example("UNKNOWN", {**_LEFT, "oldest_end": hours_ago(1), "backup_bytes": None}),
        Example("FAIL", {**_LEFT, "oldest_end": hours_ago(9999), "backup_bytes": None}),
        Example("UNKNOWN", {**_LEFT, "oldest_end": hours_ago(-30)}),
        Example("UNKNOWN", {**_LEFT, "oldest_end": hours_ago(1)}, datasets={"backup_objects": "partial"}),
    ),
)
def left_objects_gone(
    groups: pd.DataFrame,
    *,
    now: dt.datetime,
    max_age_days: Annotated[int, param("Maximum age of an object's newest restore point.", unit="days", ge=1)] = 30,
) -> Outcome:
    """Backups of machines that left their job, were renamed or registered again, backups of deleted jobs, and imported
    or exported backups take space, and no retention policy removes them.

    They violate no requirement: the other checks of restore points and copies do not evaluate these objects, unless
    the site file lists them as machines to protect.
    """
    told = groups.assign(names=named(groups["names"], "objects"))
    texts = [
        f"{count(held, 'object')}, {number(many)} restore points, {size(octets)}: {names}"
        for held, many, octets, names in zip(
            *(told[name].astype(object).where(told[name].notna(), None) for name in _SHOWN), strict=True
        )
    ]
    ok = aged_limit(groups["oldest_end"], max_age_days, now)
    # How much is left belongs to a good answer.
    is_known = groups[list(_SHOWN)].notna().all(axis=1).to_numpy(dtype=bool)
    ok = ok.mask(surely(ok) & ~is_known)
    return Outcome(
        ok,
        observed=worded(groups.index, default=texts),
        reason=worded(
            groups.index,
            (ok.isna() & groups["oldest_end"].isna(), "when their last restore points were made is not known"),
            (ok.isna(), "what is left of them, its size or its age is not known"),
        ),
    )
