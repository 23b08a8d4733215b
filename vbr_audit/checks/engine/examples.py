"""Running the examples of a check through the engine, as they stand or with one input taken away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.register import ChangeRegister
from vbr_audit.checks.drift.settings import READ_SPEC as READ
from vbr_audit.checks.drift.settings import SPEC as SETTINGS
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.assessment import Assessment, assess
from vbr_audit.checks.engine.outcome import EXAMPLE_NOW, EXAMPLE_SINCE, EXAMPLE_UNTIL, Example
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.checks.engine.views import Reading, ServerView
from vbr_audit.checks.site import Site, load_site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import DATASETS
from vbr_audit.tables.build.schema import conform, empty

_SITE = replace(
    load_site("""version: 1
repositories: [{match: "*", tags: [onsite]}]
tiers: [{name: all, jobs: ["*"], objects: ["*"]}]
window: {start: "20:00", end: "06:00"}
builds: {"13.0": "13.0.0.1"}
"""),
    assets=(),
)
"""The examples give the tables that are made of a site file; this one only says that there is one."""

_SERVER = "vbr01.example"
_EARLIER = Earlier(
    SettingsOfRun(
        EXAMPLE_SINCE,
        empty(SETTINGS),
        conform({"server_id": [_SERVER], "server": [_SERVER], "object_type": ["job"], "status": ["complete"]}, READ)[0],
    ),
    register=ChangeRegister("changes.csv", "", ()),
)
"""The examples give the tables that are made of an earlier run; this one only says that there is one."""

_NEEDED = frozenset(DATASETS) - {"server_info"}
"""The examples take every dataset as needed by some enabled check, but for one."""

_JOB = "3f1c6a52-8f0e-4a56-9d4b-5e0f4c1f7a10"

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "jobs": {
        "job_id": _JOB,
        "name": "Nightly",
        "type": "VSphereBackup",
        "settings_profile": "1.3-rev1/VSphereBackup",
        "seen_in": "jobs+job_states",
    },
    "job_states": {"job_id": _JOB, "name": "Nightly"},
    "sessions": {"job_id": _JOB},
    "all_job_runs": {"job_id": _JOB},
}


def run_example(check: Check, example: Example, *, without: str | None = None) -> Assessment:
    """What `check` finds for the one object of `example`.

    `without` names an input (`retry_enabled`, `sessions.result`) whose values are taken away first.
    """
    return assess_view(check, example, view_of(check, example, without=without))


def assess_view(check: Check, example: Example, view: ServerView) -> Assessment:
    """What `check` finds for the object of `example` in `view`, with the parameters of `example`."""
    params = check.model.model_validate(dict(example.params)).model_dump()
    assessment = assess(check, view, params=params, severity=check.severity)
    cells = {each.name: getattr(assessment, each.name) for each in fields(assessment)}
    first: dict[str, Any] = {name: cell[:1] for name, cell in cells.items() if isinstance(cell, np.ndarray)}
    return replace(assessment, **first)


def view_of(check: Check, example: Example, *, without: str | None = None) -> ServerView:
    """The server of `example` as `check` sees it; `without` as in `run_example`."""
    frames = dict(_frames_of(check, example))
    if without:
        owner, _, column = without.rpartition(".")
        frame = frames[owner or check.population].copy(deep=False)  # a column put in its place changes no other frame
        frame[column] = pd.Series(pd.NA, index=frame.index, dtype=frame[column].dtype)
        frames[owner or check.population] = frame
    readings = {name: Reading(example.datasets.get(name, "complete")) for name in DATASETS}
    site = Site() if example.datasets.get("site") == "not given" else _SITE
    earlier = Earlier() if example.datasets.get("earlier run") == "not given" else _EARLIER
    # A blanked server name must not take the row out of its server: the example has only one.
    return ServerView(
        _SERVER, _bare_snapshot(), readings, _NEEDED, alone=True, site=site, earlier=earlier, frames=frames
    )


@lru_cache(maxsize=1)
def _bare_snapshot() -> Snapshot:
    """Clock and period of the examples, and no row."""
    return Snapshot.from_tables({}, now=EXAMPLE_NOW, since=EXAMPLE_SINCE, until=EXAMPLE_UNTIL)


def inputs_of(check: Check, example: Example) -> Iterator[str]:
    """The declared inputs that hold a value in `example`, as `without` of `run_example` takes them."""
    frames = _frames_of(check, example)
    for table, columns in check.reads.items():
        for column in columns:
            if frames[table][column].notna().any():
                yield column if table == check.population else f"{table}.{column}"


@lru_cache(maxsize=16)
def _frames_of(check: Check, example: Example) -> Mapping[str, pd.DataFrame]:
    """The tables of an example, not to be written to: made once for all the inputs that are taken away in turn."""
    tables = _rows_of(check, example)
    return {table: _frame(table, tables.get(table, ())) for table in check.tables}


def _rows_of(check: Check, example: Example) -> dict[str, Sequence[Mapping[str, Any]]]:
    """The rows of each table, those of the population with the object of `example` first."""
    return {**example.others, check.population: [example.row, *example.others.get(check.population, ())]}


def _frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A table of example rows, with the names and ids that make them fit each other."""
    if not rows:
        return empty(TABLES[table])
    filled = [{"server": _SERVER, **_DEFAULTS.get(table, {}), **row} for row in rows]
    names = dict.fromkeys(name for row in filled for name in row)
    columns = {name: [_plain(row.get(name)) for row in filled] for name in names}
    return conform(columns, TABLES[table])[0]


def _plain(value: Any) -> Any:
    """Instants as the API writes them."""
    return value.isoformat() if isinstance(value, dt.datetime) else value
