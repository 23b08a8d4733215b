"""The table `job_demands`: what the tiers of the site file demand of each job."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived.material import SITE, Derived, Material
from vbr_audit.tables.build.schema import Column, TableSpec, conform

SPEC: Final = TableSpec(
    "job_demands",
    ("job_id",),
    (
        Column("server", "string", "The server."),
        Column("job_id", "string", "The job; NA where its name is not known, and so its tier."),
        Column("tier", "string", "The first tier of the site file that fits the job's name; NA for none."),
        Column("rpo_hours", "Int64", "The longest age that its newest restore point may have.", "hours"),
        Column("retention_days", "Int64", "How long its restore points must be kept.", "days"),
        Column("gfs_weekly", "Int64", "Weekly restore points that it must keep.", "restore points"),
        Column("gfs_monthly", "Int64", "Monthly restore points that it must keep.", "restore points"),
        Column("gfs_yearly", "Int64", "Yearly restore points that it must keep.", "restore points"),
    ),
    "One row per job with what its tier in the site file demands; NA where it demands nothing.",
)


def _make(material: Material) -> pd.DataFrame:
    jobs = material.frame("jobs")
    names = jobs["name"].to_numpy(dtype=object)
    tiers = [None if name is pd.NA else material.site.tier_of(job=name) for name in names]
    columns: dict[str, Any] = {
        "server": jobs["server"],
        # Without its name nobody knows the tier of a job: then none of the demands is its own.
        "job_id": jobs["job_id"].mask(jobs["name"].isna()),
        "tier": [tier and tier.name for tier in tiers],
        "rpo_hours": [tier and tier.rpo_hours for tier in tiers],
        "retention_days": [tier and tier.retention_days for tier in tiers],
        **{f"gfs_{level}": [tier and getattr(tier.gfs, level) for tier in tiers] for level in _LEVELS},
    }
    return conform(columns, SPEC)[0]


_LEVELS = ("weekly", "monthly", "yearly")

TABLE: Final = Derived(SPEC, ("jobs", SITE), _make, part="tiers")
