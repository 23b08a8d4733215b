"""The table `job_runs` as the checks see it."""

from __future__ import annotations

from typing import Final

import pandas as pd

from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.tables import job_runs


def _make(material: Material) -> pd.DataFrame:
    sessions = job_runs.joined(material.frame("sessions"), material.frame("edge_sessions"))
    return job_runs.derive(sessions, material.frame("jobs"), since=material.since, until=material.until)


TABLE: Final = Derived(job_runs.SPEC, ("sessions",), _make, also=("jobs",))
