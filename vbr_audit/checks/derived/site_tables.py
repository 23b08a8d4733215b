"""The tables made of the site file: `run_window`, `supported_builds`, `job_demands`, `repository_tags`."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived.material import SITE, Derived, Material
from vbr_audit.tables.build.schema import Column, TableSpec, conform

WINDOW_SPEC: Final = TableSpec(
    "run_window",
    ("server",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("start_min", "Int64", "Jobs may run from this minute of the day on, in the time zone of the report."),
        Column("end_min", "Int64", "Jobs must end by this minute of the day; if below `start_min`, on the next day."),
    ),
    "One row per server: the hours in the site file in which its jobs may run.",
)
BUILDS_SPEC: Final = TableSpec(
    "supported_builds",
    ("release",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("release", "string", "A release, for example `12.3`.", holds="word"),
        Column("oldest_build", "string", "The oldest accepted build of the release.", holds="word"),
    ),
    "One row per release for which the site file sets the oldest accepted build.",
)


def _server(material: Material) -> list[str]:
    return [str(name) for name in material.frame("servers")["server"][:1]]


def _minutes(time: dt.time) -> int:
    return time.hour * 60 + time.minute


def _make_window(material: Material) -> pd.DataFrame:
    window, server = material.site.window, _server(material)
    if window is None or not server:
        return conform({}, WINDOW_SPEC)[0]
    row: dict[str, Any] = {"server": server, "start_min": [_minutes(window.start)], "end_min": [_minutes(window.end)]}
    return conform(row, WINDOW_SPEC)[0]


def _make_builds(material: Material) -> pd.DataFrame:
    server, builds = _server(material), material.site.document.builds
    if not server:
        return conform({}, BUILDS_SPEC)[0]
    columns = {"server": server * len(builds), "release": list(builds), "oldest_build": list(builds.values())}
    return conform(columns, BUILDS_SPEC)[0]


WINDOW: Final = Derived(WINDOW_SPEC, (SITE,), _make_window, part="window")
BUILDS: Final = Derived(BUILDS_SPEC, (SITE,), _make_builds, part="builds")


# The table `job_demands`: what the tiers of the site file demand of each job.

DEMANDS_SPEC: Final = TableSpec(
    "job_demands",
    ("job_id",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("job_id", "string", "The job; NA if its name, and therefore its tier, is not known.", holds="id"),
        Column(
            "tier", "string", "The first tier in the site file that matches the job's name; NA for none.", holds="word"
        ),
        Column("rpo_hours", "Int64", "The maximum age of its newest restore point.", "hours"),
        Column("retention_days", "Int64", "The number of days that it must keep its restore points.", "days"),
        Column("gfs_weekly", "Int64", "Weekly restore points that it must keep.", "restore points"),
        Column("gfs_monthly", "Int64", "Monthly restore points that it must keep.", "restore points"),
        Column("gfs_yearly", "Int64", "Yearly restore points that it must keep.", "restore points"),
    ),
    "One row per job: the requirements of its tier in the site file; NA for no requirement.",
)


def _make_demands(material: Material) -> pd.DataFrame:
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
    return conform(columns, DEMANDS_SPEC)[0]


_LEVELS = ("weekly", "monthly", "yearly")

DEMANDS: Final = Derived(DEMANDS_SPEC, ("jobs", SITE), _make_demands, part="tiers")


# The table `repository_tags`: what the site file says of each repository.

TAGS_SPEC: Final = TableSpec(
    "repository_tags",
    ("repository_id",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("repository_id", "string", "The repository or scale-out repository.", holds="id"),
        Column("tags", "string", "Its tags in the site file, separated by commas; NA for none.", holds="prose"),
        Column("is_offsite", "boolean", "It is tagged offsite; no if it is tagged onsite, NA if neither."),
        Column("is_offline", "boolean", "It is tagged offline; NA if it is not."),
        Column("is_immutable", "boolean", "It is tagged immutable; NA if it is not."),
    ),
    "One row per repository and scale-out repository with its tags in the site file.",
)


def _make_tags(material: Material) -> pd.DataFrame:
    repositories, scale_out = material.frame("repositories"), material.frame("scale_out_repositories")
    ids = [*repositories["repository_id"], *scale_out["scale_out_repository_id"]]
    names = [*repositories["name"], *scale_out["name"]]
    tags = [material.site.tags_of(None if name is pd.NA else name) for name in names]
    columns: dict[str, Any] = {
        "server": [*repositories["server"], *scale_out["server"]],
        "repository_id": ids,
        "tags": [",".join(sorted(tag_set)) or None for tag_set in tags],
        "is_offsite": [True if "offsite" in tag_set else False if "onsite" in tag_set else None for tag_set in tags],
        "is_offline": [True if "offline" in tag_set else None for tag_set in tags],
        "is_immutable": [True if "immutable" in tag_set else None for tag_set in tags],
    }
    return conform(columns, TAGS_SPEC)[0]


TAGS: Final = Derived(
    TAGS_SPEC, ("repositories", SITE), _make_tags, also=("scale_out_repositories",), part="repositories"
)
