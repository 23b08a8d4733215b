"""The tables that a history keeps of each run, so that several runs can prove a month."""

from __future__ import annotations

from typing import Final

import pandas as pd

from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.results import Results
from vbr_audit.histories import daily, evidence, protection, restores
from vbr_audit.tables.build.schema import TableSpec

MONTH_SPECS: Final[tuple[TableSpec, ...]] = (
    evidence.SPEC,
    daily.SPEC,
    daily.OPEN_SPEC,
    daily.CARRIED_SPEC,
    protection.EVIDENCE_SPEC,
    protection.POINTS_SPEC,
    protection.SPEC,
    restores.SPEC,
    restores.EVIDENCE_SPEC,
)
"""The tables of `tables_for_months`."""


def tables_for_months(snapshot: Snapshot, results: Results) -> dict[str, pd.DataFrame]:
    """What a run knows of the days of its period, by the names of `MONTH_SPECS`."""
    return {
        evidence.SPEC.name: evidence.evidence_daily(snapshot),
        daily.SPEC.name: daily.job_runs_daily(snapshot, results),
        daily.OPEN_SPEC.name: daily.open_runs(snapshot),
        daily.CARRIED_SPEC.name: daily.carried_runs(snapshot),
        **protection.protection_tables(snapshot, results),
        **restores.restore_tables(snapshot),
    }
