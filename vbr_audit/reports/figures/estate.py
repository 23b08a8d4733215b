"""The estate of a run as tables show it: objects, repositories, servers and nights, each made once for all reports."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.histories.own_period import PeriodTables, period_tables
from vbr_audit.reports.figures.nights import MachineNights, has_tasks, worst_nights
from vbr_audit.reports.figures.protected_objects import ShownObjects, shown_objects
from vbr_audit.reports.figures.repository_list import shown_repositories
from vbr_audit.reports.figures.server_list import ServerLine, server_lines

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results

JOBS_SHOWN: Final = 3
"""Number of jobs whose machines are shown night by night."""


@dataclass(frozen=True, eq=False)
class Estate:
    """What is protected, where, since when and until when.

    `repositories` has the columns of `repository_list.SPEC`; `nights` are the worst jobs, none where no task of a
    session was read (`has_nights`); `servers` is empty for one server; `period` is what the run alone proves.
    """

    objects: ShownObjects
    repositories: pd.DataFrame
    servers: tuple[ServerLine, ...]
    nights: tuple[MachineNights, ...]
    has_nights: bool
    period: PeriodTables


def estate_of(
    snapshot: Snapshot, results: Results, runs: pd.DataFrame, zone: dt.tzinfo, samples: pd.DataFrame | None
) -> Estate:
    """The estate of a run; `runs` are those that every number about runs counts, `samples` the space before it."""
    period = period_tables(snapshot, results)
    return Estate(
        objects=shown_objects(snapshot, results, period),
        repositories=shown_repositories(snapshot, samples),
        servers=server_lines(snapshot, results, runs) if len(snapshot.manifest.servers) > 1 else (),
        nights=worst_nights(snapshot, zone, JOBS_SHOWN),
        has_nights=has_tasks(snapshot),
        period=period,
    )
