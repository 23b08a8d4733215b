"""What a run brings to a history: its record and its tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from vbr_audit.checks.drift.settings import READ_SPEC as SETTINGS_READ
from vbr_audit.checks.drift.settings import SPEC as SETTINGS
from vbr_audit.collection import run_folder
from vbr_audit.collection.files import sha256_of
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.errors import EvidenceError
from vbr_audit.findings.compared import judged_run
from vbr_audit.findings.results import Results
from vbr_audit.histories import capacities
from vbr_audit.histories.archive import Added, NewRun, add_run
from vbr_audit.histories.drift.settings import settings_of_run
from vbr_audit.histories.month_tables import MONTH_SPECS, tables_for_months
from vbr_audit.histories.run_records import HistoryRecord, point_of, record_of
from vbr_audit.histories.seals import UNSIGNED, Sealer
from vbr_audit.tables.build.schema import TableSpec

RUN_SPECS: tuple[TableSpec, ...] = (capacities.CAPACITY, *MONTH_SPECS, SETTINGS, SETTINGS_READ)
"""The tables that a history keeps of each run, beside its findings and what became of them."""


def record_of_run(snapshot: Snapshot, results: Results) -> HistoryRecord:
    """The record of a run that is in no folder yet: what a trend shows of it."""
    return record_of(snapshot.manifest, point_of(results, capacities.capacity_of(snapshot)))


def add_to_history(
    history: str | Path, folder: str | Path, snapshot: Snapshot, results: Results, *, sealer: Sealer = UNSIGNED
) -> Added:
    """Add the run that is saved in `folder`, of which `snapshot` and `results` are, to a history; `sealer` seals it.

    Raises `EvidenceError` for a run that was not judged, and what `add_run` raises.
    """
    folder = Path(folder)
    manifest = run_folder.read_manifest(folder)
    if not (folder / run_folder.FINDINGS_JSON).is_file():
        raise EvidenceError(
            f"{folder} has no {run_folder.FINDINGS_JSON}, and nothing was added",
            hint=f"Judge it first: vbr-audit check {folder}",
        )
    judged = judged_run(manifest, results.findings, results.coverage)
    tables = tables_of_run(snapshot, results)
    point = point_of(results, tables[capacities.CAPACITY.name])
    record = record_of(manifest, point, content=sha256_of(folder / run_folder.SUMS))
    run = NewRun(folder, record, judged, tuple((spec, tables[spec.name]) for spec in RUN_SPECS))
    return add_run(Path(history), run, sealer=sealer)


def tables_of_run(snapshot: Snapshot, results: Results) -> dict[str, pd.DataFrame]:
    """The tables that a history keeps of a run, by the names of `RUN_SPECS`."""
    settings = settings_of_run(snapshot)
    return {
        capacities.CAPACITY.name: capacities.capacity_of(snapshot),
        **tables_for_months(snapshot, results),
        SETTINGS.name: settings.settings,
        SETTINGS_READ.name: settings.read,
    }
