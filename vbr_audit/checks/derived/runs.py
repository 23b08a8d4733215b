"""The tables `job_runs` and `all_job_runs` as the checks see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pandas as pd

from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.tables import job_runs

ALL: Final = replace(
    job_runs.SPEC,
    name="all_job_runs",
    help="The rows of `job_runs`, the runs of the days before the period, and those from its end to the time of "
    "collection: the present state of a job, not that of the period.",
)


def _make_all(material: Material) -> pd.DataFrame:
    sessions = job_runs.joined(material.frame("sessions"), material.frame("edge_sessions"))
    return job_runs.derive_all(sessions, material.frame("jobs"), since=material.since, until=material.until)


def _make(material: Material) -> pd.DataFrame:
    return job_runs.of_period(material.frame(ALL.name))


ALL_TABLE: Final = Derived(ALL, ("sessions",), _make_all, also=("jobs",))
TABLE: Final = Derived(
    job_runs.SPEC, ("sessions",), _make, also=("jobs",), rows_of=ALL.name, kept=job_runs.are_of_period
)
