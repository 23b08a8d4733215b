"""Where a job is known from: its document, its state, its backups; and which jobs have no document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from vbr_audit.tables.build.schema import conform, empty
from vbr_audit.tables.jobs.controls import get_map, known_revision, newest_known
from vbr_audit.tables.jobs.states import SPEC as STATES


def distinct_states(states: pd.DataFrame | None) -> pd.DataFrame | None:
    """The first state of each job id; None if states were not read."""
    if states is None:
        return None
    return states[states["job_id"].notna()].drop_duplicates("job_id")


def without_document(
    ids: Sequence[Any], states: pd.DataFrame | None, backups: pd.DataFrame | None, revision: str | None
) -> pd.DataFrame:
    """The jobs that have no document among `ids`, with the columns of `job_states`: by state, then by backup."""
    known = {value for value in ids if isinstance(value, str)}
    stated = empty(STATES) if states is None else states[~states["job_id"].isin(known).to_numpy(dtype=bool)]
    hidden = _hidden_jobs(backups, known | set(stated["job_id"]), revision)
    parts = [part for part in (stated, hidden) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else empty(STATES)


def seen_in(ids: Sequence[Any], documents: int, states: pd.DataFrame | None, backups: pd.DataFrame | None) -> list[str]:
    """For each job, the datasets that it was found in, joined by `+`; the first `documents` ids are of documents."""
    stated = set() if states is None else set(states["job_id"])
    backed_up = set() if backups is None else set(backups["job_id"].dropna())
    found = []
    for row, job_id in enumerate(ids):
        named = isinstance(job_id, str)
        places = (
            ("jobs", row < documents),
            ("job_states", named and job_id in stated),
            ("backups", named and job_id in backed_up),
        )
        found.append("+".join(name for name, there in places if there))
    return found


def _hidden_jobs(backups: pd.DataFrame | None, known: set[str], revision: str | None) -> pd.DataFrame:
    """Jobs that only their backups tell of, because the server has no document of jobs of that type.

    A backup of an ordinary type whose job is not among those `known` is an orphan: its job is gone. Where the
    server does not tell the type, a backup tells of no job.
    """
    if backups is None:
        return empty(STATES)
    found = backups[backups["job_id"].notna() & backups["job_type"].notna()].drop_duplicates("job_id")
    found = found[~found["job_id"].isin(known).to_numpy(dtype=bool)]
    without_model = {job_type for job_type in found["job_type"] if not _has_document_model(job_type, revision)}
    found = found[found["job_type"].isin(without_model).to_numpy(dtype=bool)]
    columns = {"server": found["server"], "job_id": found["job_id"], "name": found["name"]}
    return conform(columns | {"type": found["job_type"], "type_reported": found["job_type_reported"]}, STATES)[0]


def _has_document_model(job_type: str, revision: str | None) -> bool:
    controls = get_map()
    mapped = known_revision(revision) or newest_known(revision)
    return controls.has_type(mapped, job_type) if mapped is not None else job_type in controls.types
