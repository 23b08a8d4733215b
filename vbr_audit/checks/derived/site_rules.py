"""The tables `run_window` and `supported_builds`: rules of the site file that hold for a whole server."""

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
        Column("server", "string", "The server."),
        Column("start_min", "Int64", "Jobs may run from this minute of the day on, in the zone of the report."),
        Column("end_min", "Int64", "They must have ended by this one; below `start_min`, on the next day."),
    ),
    "One row per server with the hours in which its jobs may run, of the site file.",
)
BUILDS_SPEC: Final = TableSpec(
    "supported_builds",
    ("release",),
    (
        Column("server", "string", "The server."),
        Column("release", "string", "A release, as `12.3`."),
        Column("oldest_build", "string", "Its oldest build that is still good."),
    ),
    "One row per release of which the site file names the oldest good build.",
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
